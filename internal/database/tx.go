package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// querier is what statements run on: a pool, a connection or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// tx runs statements, all written with ? for arguments, on either database. It
// lives for one call, which is why it holds the context of that call.
type tx struct {
	ctx      context.Context
	on       querier
	postgres bool
	now      int64
	tallies  []tally

	conn  *sql.Conn  // of a transaction on PostgreSQL: on
	ahead *pgx.Batch // what later left, beginning with BEGIN; sent with the next statement
}

// later runs a statement whose result nobody looks at. On PostgreSQL it travels with
// the next one or the commit, and so do its errors: each round trip is time in which
// a lane is held.
func (t *tx) later(query string, args ...any) error {
	if t.ahead == nil {
		_, err := t.exec(query, args...)
		return err
	}
	t.ahead.Queue(t.sql(query), t.args(args)...)
	return nil
}

// send sends what later left and returns what the last statement says of itself.
func (t *tx) send() (tag pgconn.CommandTag, err error) {
	if t.ahead == nil || t.ahead.Len() == 0 {
		return tag, nil
	}
	t.ahead.QueuedQueries[t.ahead.Len()-1].Exec(func(last pgconn.CommandTag) error {
		tag = last
		return nil
	})
	err = t.conn.Raw(func(driver any) error { return driver.(*stdlib.Conn).Conn().SendBatch(t.ctx, t.ahead).Close() })
	t.ahead = new(pgx.Batch)
	return tag, err
}

func (t *tx) exec(query string, args ...any) (int64, error) {
	if t.ahead != nil {
		if err := t.later(query, args...); err != nil {
			return 0, err
		}
		tag, err := t.send()
		return tag.RowsAffected(), err
	}
	res, err := t.on.ExecContext(t.ctx, t.sql(query), t.args(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// answer is the one row of a query.
type answer struct {
	row *sql.Row
	err error // of what was sent before
}

func (a answer) Scan(into ...any) error {
	if a.err != nil {
		return a.err
	}
	return a.row.Scan(into...)
}

func (t *tx) row(query string, args ...any) answer {
	if _, err := t.send(); err != nil {
		return answer{err: err}
	}
	return answer{row: t.one(query, args...)}
}

func (t *tx) one(query string, args ...any) *sql.Row {
	return t.on.QueryRowContext(t.ctx, t.sql(query), t.args(args)...)
}

// each calls scan for every row.
func (t *tx) each(scan func(*sql.Rows) error, query string, args ...any) error {
	if _, err := t.send(); err != nil {
		return err
	}
	rows, err := t.on.QueryContext(t.ctx, t.sql(query), t.args(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// skipLocked ends a query that takes rows, so that processes do not wait for each
// other's. SQLite has one writer and needs nothing.
func (t *tx) skipLocked() string {
	if t.postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// forUpdate ends a query whose row nobody else may change until the end.
func (t *tx) forUpdate() string {
	if t.postgres {
		return " FOR UPDATE"
	}
	return ""
}

// alone keeps other transactions with the same name waiting until this one ends.
func (t *tx) alone(name string) error {
	if !t.postgres {
		return nil // there is one writer
	}
	return t.later("SELECT pg_advisory_xact_lock(?)", nameNumber(name))
}

var numbered sync.Map // query with ? -> query with $1, $2 …; the queries are constants, so it stops growing

func (t *tx) sql(query string) string {
	if !t.postgres {
		return query
	}
	if q, ok := numbered.Load(query); ok {
		return q.(string)
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	numbered.Store(query, b.String())
	return b.String()
}

func (t *tx) args(args []any) []any {
	for i, a := range args {
		if s, ok := a.(string); ok && odd(s) {
			args[i] = clean(s)
		}
	}
	return args
}

// clean takes out of a text what PostgreSQL does not store, and what SQLite's
// functions take for its end: it comes from outside, and one odd character must not
// keep a message out.
func clean(s string) string {
	if !odd(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

func odd(s string) bool { return !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 }

// write runs f in a transaction that is durable when write returns nil. f returns
// an error to have nothing written. what names the operation in errors.
func (db *DB) write(ctx context.Context, what string, f func(*tx) error) error {
	return db.writeAnd(ctx, what, false, f)
}

// writeAnd is write, and wakes those who wait for work.
func (db *DB) writeAnd(ctx context.Context, what string, wake bool, f func(*tx) error) error {
	var err error
	if db.postgres {
		err = db.transact(ctx, f)
	} else {
		err = db.writer.do(ctx, &op{run: f})
	}
	if err != nil {
		return named(what, err)
	}
	if wake {
		db.wakeAll()
	}
	return nil
}

// transact runs f in a transaction of its own on PostgreSQL, retried.
func (db *DB) transact(ctx context.Context, f func(*tx) error) error {
	return retried(func() error { return db.once(ctx, f) })
}

// retried calls f again when its transaction met another one head-on.
func retried(f func() error) error {
	const most = 5 // the loser of a deadlock is alone the next time, but for unlikely luck
	for try := 1; ; try++ {
		err := f()
		var pg *pgconn.PgError
		if err == nil || try == most || !errors.As(err, &pg) || pg.Code != "40P01" && pg.Code != "40001" {
			return err
		}
	}
}

func (db *DB) once(ctx context.Context, f func(*tx) error) error {
	conn, err := db.read.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() // one whose transaction is still open is not used again
	t := &tx{ctx: ctx, on: conn, postgres: true, now: db.millis(), conn: conn, ahead: new(pgx.Batch)}
	t.ahead.Queue("BEGIN")
	if err = f(t); err == nil {
		err = t.flush()
	}
	if err != nil {
		return errors.Join(err, t.rollBack())
	}
	t.ahead.Queue("COMMIT")
	tag, err := t.send()
	if err == nil && tag.String() != "COMMIT" {
		err = errors.New("rolled back instead of committed") // a statement failed and f went on
	}
	if err != nil {
		return errors.Join(err, t.rollBack())
	}
	return nil
}

// rollBack ends a transaction that may be open. It takes its time even when the
// caller's is over: otherwise the connection is lost.
func (t *tx) rollBack() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), 5*time.Second)
	defer cancel()
	return t.conn.Raw(func(driver any) error {
		conn := driver.(*stdlib.Conn).Conn()
		if conn.IsClosed() || conn.PgConn().TxStatus() == 'I' {
			return nil
		}
		_, err := conn.Exec(ctx, "ROLLBACK")
		return err
	})
}

// reading runs statements that only read, outside a transaction.
func (db *DB) reading(ctx context.Context) *tx {
	return &tx{ctx: ctx, on: db.reads, postgres: db.postgres, now: db.millis()}
}

// named adds the operation to an error; the errors callers tell apart stay findable.
func named(what string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return fmt.Errorf("%s: %w", what, err)
}

func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}

// any says whether a query has a row. Asking first keeps those who look for work
// and find none away from the one writer.
func (db *DB) any(ctx context.Context, query string, args ...any) (bool, error) {
	var one int
	err := db.reading(ctx).row(query, args...).Scan(&one)
	return err == nil, ignore(err, sql.ErrNoRows)
}

func (t *tx) strings(query string, args ...any) (out []string, err error) {
	err = t.each(func(rows *sql.Rows) error {
		var s string
		err := rows.Scan(&s)
		out = append(out, s)
		return err
	}, query, args...)
	return out, err
}
