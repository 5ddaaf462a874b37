package database

import (
	"context"
	"database/sql"
	"errors"
)

// WithToken gives change what is kept as the token of a channel, nil for nothing,
// and keeps what it returns, durably before WithToken returns; what was kept
// before stays beside it. Of all goroutines and processes one is in change for a
// channel at a time, so one that comes second sees what the first got and need not
// ask the platform again: that is for change to notice. When change returns an
// error, or nil for next, nothing is written. The lock ends with the process, or
// on PostgreSQL with its connection.
func (db *DB) WithToken(ctx context.Context, channel string, change func(ctx context.Context, current []byte) (next []byte, err error)) error {
	const what = "change token"
	unlock, err := db.exclusively(ctx, "token-"+channel)
	if err != nil {
		return named(what, err)
	}
	defer unlock()
	current, err := db.Token(ctx, channel)
	if err != nil {
		return named(what, err)
	}
	next, err := change(ctx, current)
	if err != nil || next == nil {
		return named(what, err)
	}
	// A platform gives a token once: it is written even when the caller has gone.
	return db.write(context.WithoutCancel(ctx), what, func(t *tx) error {
		_, err := t.exec(`INSERT INTO tokens (channel, value, previous, changed) VALUES (?, ?, ?, ?)
			ON CONFLICT (channel) DO UPDATE SET previous = tokens.value, value = excluded.value, changed = excluded.changed`,
			channel, next, []byte{}, t.now)
		return err
	})
}

// Token is what is kept as the token of a channel; nil: nothing.
func (db *DB) Token(ctx context.Context, channel string) ([]byte, error) {
	var value []byte
	err := db.reading(ctx).row("SELECT value FROM tokens WHERE channel = ?", channel).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, named("token", err)
}

// exclusively holds a lock in this process and then across processes, so that at
// most one goroutine of each process waits outside.
func (db *DB) exclusively(ctx context.Context, name string) (unlock func(), err error) {
	db.mu.Lock()
	inside := db.locks[name]
	if inside == nil {
		inside = make(chan struct{}, 1)
		db.locks[name] = inside
	}
	db.mu.Unlock()
	select {
	case inside <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	outside, err := db.lock(ctx, name)
	if err != nil {
		<-inside
		return nil, err
	}
	return func() {
		outside()
		<-inside
	}, nil
}
