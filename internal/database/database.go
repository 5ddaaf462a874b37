// Package database keeps what must outlive the process: the inbox and the outbox
// of the chat channels, what a dialogue remembers, outcomes, feedback, tickets,
// the tokens of the channels, and what staff do. It is SQLite in one file by
// default and PostgreSQL by URL, with the same promises on both; any number of
// processes may use one database.
//
// # What is promised
//
// Receive returning nil means the rows are on the disk. Of rows with the same
// channel and key one is worked on. A job ends in exactly one Finish (or GiveUp):
// its answer, the state of its dialogue and everything else in its Result are
// written in the transaction that ends it, so a process killed at any instant
// leaves either all of it or none, and in the second case the job is given out
// again when its lease is over. So every acknowledged message is answered
// exactly once as far as the database reaches.
//
// A part of an answer is marked as being sent, durably, before it is handed to
// whoever calls the platform, and as sent when the platform has taken it. Only a
// process that dies between the platform taking the call and Sent leaves a part
// whose fate nobody knows, because no platform takes a key by which it could
// recognise the second call: it is given out again with Interrupted set, and the
// sender decides between a possible duplicate and a possible loss.
//
// Within a dialogue jobs are given out one at a time in the order in which they
// came in, and so are parts; different dialogues do not wait for each other.
//
// It knows no platform and no wording. Bodies are opaque, except that an outcome
// is read for the columns staff search by. Whoever writes masks personal data
// before. Times are kept as milliseconds UTC.
//
// # Where things are
//
// A message: receive.go takes it in, queue.go gives it out, finish.go writes what comes of
// it, outbox.go gives out and ends the parts of its answer; lanes.go keeps the order. For a
// channel that answers at once exchange.go does all of it. tx.go and writer.go run the
// statements, sqlite.go and postgres.go are the two databases. Every other file is one
// thing that is kept.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Options of Open; the zero value means the defaults.
type Options struct {
	Log *slog.Logger     // nil: slog.Default
	Now func() time.Time // nil: time.Now

	// MaxWaiting is how many jobs may wait in the inbox before Receive answers
	// ErrFull; 0: 50,000.
	MaxWaiting int

	// Remember is how long the key of a received row is recognised; 0: 7 days,
	// after which Telegram may give its numbers again. Sweep keeps rows as long.
	Remember time.Duration
}

// What callers tell apart.
var (
	// ErrFull is returned by Receive when so much waits that taking in more would
	// put memory or disk at risk. Nothing of the call was taken.
	ErrFull = errors.New("database: too much is waiting")

	// ErrLost says that a job or part is not the caller's any more: its lease was
	// over and another has it, or it was erased. Nothing was written.
	ErrLost = errors.New("database: another has this work")

	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("database: not found")

	// ErrClosed is returned after Close.
	ErrClosed = errors.New("database: closed")
)

// DB is a database. Any number of goroutines may use one.
type DB struct {
	log  *slog.Logger
	now  func() time.Time
	most int
	keep time.Duration

	read     *sql.DB // SQLite: query_only connections; PostgreSQL: all connections
	reads    querier // read, but for a test that looks on
	postgres bool
	lock     func(ctx context.Context, name string) (unlock func(), err error) // holds across processes

	writer   *writer
	prepared *prepared // SQLite: the connection of the writer
	gauge    gauge

	mu    sync.Mutex
	wake  chan struct{}
	locks map[string]chan struct{} // of this process, by name
}

// Open opens a database and brings its tables up to date; of several processes
// opening it at once one does that and the others wait. url is
// postgres://… or postgresql://…, or else the path of a SQLite file, which is
// made, readable by its owner only, when it is missing.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	db := &DB{
		log: opts.Log, now: opts.Now, most: opts.MaxWaiting, keep: opts.Remember,
		wake: make(chan struct{}), locks: map[string]chan struct{}{},
	}
	if db.log == nil {
		db.log = slog.Default()
	}
	if db.now == nil {
		db.now = time.Now
	}
	if db.most <= 0 {
		db.most = 50_000
	}
	if db.keep <= 0 {
		db.keep = 7 * 24 * time.Hour
	}
	open := openSQLite
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		open = openPostgres
	}
	if err := open(ctx, db, url); err != nil {
		return nil, err
	}
	db.reads = db.read
	return db, nil
}

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.read.PingContext(ctx); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// Close finishes what is being written and closes the database. A second call does nothing.
func (db *DB) Close() error {
	return errors.Join(db.writer.close(), db.read.Close())
}

// Woken returns a channel that is closed when this process next adds work to the
// inbox or the outbox or ends something that other work waited behind. Take it
// before looking for work and wait on it after finding none: then nothing is
// missed. Each call may give another channel, and one that was closed stays so.
// Work of other processes, and work whose time comes, does not close it: look
// again every second or so besides.
func (db *DB) Woken() <-chan struct{} {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.wake
}

func (db *DB) wakeAll() {
	db.mu.Lock()
	defer db.mu.Unlock()
	close(db.wake)
	db.wake = make(chan struct{})
}

func (db *DB) millis() int64 { return db.now().UnixMilli() }

// millis of a time; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// timeOf is the reverse of millis.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// blob is never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
