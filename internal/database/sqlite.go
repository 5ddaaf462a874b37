package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What every connection is told. WAL lets readers go on while one writes. FULL
// syncs each commit: with NORMAL an acknowledged message could vanish with the
// power. secure_delete overwrites what is erased.
const (
	pragmas = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(1)" +
		"&_pragma=temp_store(2)&_pragma=cache_size(-16000)&_pragma=journal_size_limit(67108864)"
	readers = 4 // connections that only read
)

func openSQLite(ctx context.Context, db *DB, path string) error {
	if path == "" {
		return errors.New("open database: no file is named")
	}
	// Made here, because SQLite would let the group and everyone else read it.
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	db.lock = func(ctx context.Context, name string) (func(), error) { return db.lockFile(ctx, path, name) }

	pool, err := sql.Open("sqlite", dsn(path, pragmas))
	if err != nil {
		return fmt.Errorf("open database %s: %w", path, err)
	}
	pool.SetMaxOpenConns(1)
	if err := migrate(ctx, db, pool, goose.DialectSQLite3); err != nil {
		return fmt.Errorf("open database %s: %w", path, errors.Join(err, pool.Close()))
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open database %s: %w", path, errors.Join(err, pool.Close()))
	}
	if db.read, err = sql.Open("sqlite", dsn(path, pragmas+"&_pragma=query_only(1)")); err != nil {
		return fmt.Errorf("open database %s: %w", path, errors.Join(err, pool.Close()))
	}
	db.read.SetMaxOpenConns(readers)
	db.read.SetMaxIdleConns(readers)
	db.prepared = &prepared{conn: conn, stmts: map[string]*sql.Stmt{}}
	s := &single{db: db, pool: pool, conn: db.prepared}
	db.writer = newWriter(s.commit)
	db.writer.free = s.close
	return nil
}

func dsn(path, query string) string {
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path) + "?" + query
}

// single is the one connection that writes to a SQLite file.
type single struct {
	db   *DB
	pool *sql.DB
	conn *prepared
}

// commit runs ops in one transaction, each behind a savepoint so that one which
// fails takes nothing with it.
func (s *single) commit(ops []*op) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// Statements get no deadline: the driver would start a goroutine for each.
	t := &tx{ctx: context.Background(), on: s.conn, now: s.db.millis()}
	if err := s.begin(ctx, t); err != nil {
		return fmt.Errorf("begin: %w", full(err))
	}
	defer func() {
		if p := recover(); p != nil { // the next commit must find no transaction
			err = errors.Join(fmt.Errorf("panic while writing: %v", p), s.rollback(t))
		}
	}()
	if err := s.receive(t, ops); err != nil {
		return errors.Join(full(err), s.rollback(t))
	}
	for _, o := range ops {
		if o.run == nil {
			continue
		}
		if err := s.one(t, o); err != nil {
			return errors.Join(full(err), s.rollback(t))
		}
	}
	if _, err := t.exec("COMMIT"); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", full(err)), s.rollback(t))
	}
	return nil
}

// begin waits for another process that writes.
func (s *single) begin(ctx context.Context, t *tx) error {
	for {
		_, err := t.exec("BEGIN IMMEDIATE")
		if err == nil || !busy(err) || ctx.Err() != nil {
			return err
		}
	}
}

// one runs an op; its error is o's, and the one returned is of the transaction.
func (s *single) one(t *tx, o *op) error {
	if _, err := t.exec("SAVEPOINT op"); err != nil {
		return err
	}
	t.tallies = nil
	if o.err = o.run(t); o.err == nil {
		o.err = t.flush()
	}
	if o.err != nil {
		if _, err := t.exec("ROLLBACK TO op"); err != nil {
			return err
		}
	}
	_, err := t.exec("RELEASE op")
	return err
}

func (s *single) rollback(t *tx) error {
	// A full disk ends the transaction by itself; then there is none to roll back.
	if _, err := t.exec("ROLLBACK"); err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

func (s *single) close() error {
	return errors.Join(s.conn.close(), s.pool.Close())
}

// prepared is a connection that keeps every statement it has run.
type prepared struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func (p *prepared) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := p.stmts[query]; s != nil {
		return s, nil
	}
	s, err := p.conn.PrepareContext(ctx, query)
	if err == nil {
		p.stmts[query] = s
	}
	return s, err
}

func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return p.conn.QueryRowContext(ctx, query, args...) // has the same error
	}
	return s.QueryRowContext(ctx, args...)
}

func (p *prepared) close() error {
	var errs []error
	for _, s := range p.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, p.conn.Close())...)
}

func busy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// full adds ErrFull to the error of a disk that is.
func full(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL {
		return errors.Join(ErrFull, err)
	}
	return err
}

// lockFile holds a lock between processes that ends with the process: the write
// lock of an empty SQLite file beside the database. It works wherever SQLite does.
func (db *DB) lockFile(ctx context.Context, path, name string) (func(), error) {
	path += "." + url.PathEscape(name) + ".lock"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	pool, err := sql.Open("sqlite", dsn(path, "_pragma=busy_timeout(0)"))
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	for {
		if _, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err == nil {
			break
		}
		if !busy(err) {
			return nil, errors.Join(err, conn.Close(), pool.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), conn.Close(), pool.Close())
		case <-time.After(20 * time.Millisecond): // there is nothing to be told by
		}
	}
	return func() {
		if err := errors.Join(conn.Close(), pool.Close()); err != nil { // closing ends the transaction
			db.log.Error("lock was not given back in order", "lock", name, "err", err)
		}
	}, nil
}
