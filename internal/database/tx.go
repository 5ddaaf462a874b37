package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
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
}

func (t *tx) exec(query string, args ...any) (int64, error) {
	res, err := t.on.ExecContext(t.ctx, t.sql(query), t.args(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *tx) row(query string, args ...any) *sql.Row {
	return t.on.QueryRowContext(t.ctx, t.sql(query), t.args(args)...)
}

// each calls scan for every row.
func (t *tx) each(scan func(*sql.Rows) error, query string, args ...any) error {
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
	_, err := t.exec("SELECT pg_advisory_xact_lock(?)", nameNumber(name))
	return err
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
	on, err := db.read.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer on.Rollback() // after Commit it does nothing
	t := &tx{ctx: ctx, on: on, postgres: true, now: db.millis()}
	if err := f(t); err != nil {
		return err
	}
	if err := t.flush(); err != nil {
		return err
	}
	return on.Commit()
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
