package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const connections = 10 // of one process; a server allows 100 by default, for all replicas together

func openPostgres(ctx context.Context, db *DB, url string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("open database: %w", err) // without the password
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "troly"
	}
	// A server set to acknowledge before the disk has it would break our promise.
	durable := stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
		return err
	})
	db.postgres = true
	db.read = stdlib.OpenDB(*config, durable)
	db.read.SetMaxOpenConns(connections)
	db.read.SetMaxIdleConns(connections)
	db.read.SetConnMaxIdleTime(5 * time.Minute)
	db.lock = db.lockSession
	if err := migrate(ctx, db, db.read, goose.DialectPostgres); err != nil {
		return fmt.Errorf("open database %s:%d/%s: %w", config.Host, config.Port, config.Database, errors.Join(err, db.read.Close()))
	}
	db.writer = newWriter(db.commitRows)
	return nil
}

// commitRows writes all rows of ops.
func (db *DB) commitRows(ops []*op) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := db.receiveAll(ctx, ops)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "53100" { // disk_full
		err = errors.Join(ErrFull, err)
	}
	return err
}

// lockSession holds an advisory lock on a connection of its own; the server gives
// it back when the connection goes.
func (db *DB) lockSession(ctx context.Context, name string) (func(), error) {
	key := nameNumber(name)
	conn, err := db.read.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", key); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", key)
		if err != nil {
			// Such a connection must not go back: it would hold the lock for ever.
			err = errors.Join(err, ignore(conn.Raw(func(any) error { return driver.ErrBadConn }), driver.ErrBadConn))
		}
		if err = errors.Join(err, ignore(conn.Close(), sql.ErrConnDone)); err != nil {
			db.log.Error("lock was not given back in order", "lock", name, "err", err)
		}
	}, nil
}

// nameNumber is the number of a name, for advisory locks and shards.
func nameNumber(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte("troly " + name))
	return int64(h.Sum64())
}
