package database

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// ErrUnreachable says that a chat cannot be written to until somebody writes in it
// again. Nothing was written.
var ErrUnreachable = errors.New("database: the chat cannot be written to")

// toWrite is ErrUnreachable when nothing may be posted to a chat.
func (t *tx) toWrite(channel, dialogue string) error {
	var one int
	err := t.row("SELECT 1 FROM unreachable WHERE channel = ? AND dialogue = ?", channel, dialogue).Scan(&one)
	if err == nil {
		return ErrUnreachable
	}
	return ignore(err, sql.ErrNoRows)
}

// SetUnreachable notes that a chat cannot be written to, until somebody is heard from
// in it, and drops what waits for it in the outbox. Other chats of the same person, a
// group, go on. person is who is in the chat; reason is the platform's.
func (db *DB) SetUnreachable(ctx context.Context, channel, dialogue, person, reason string) error {
	return db.writeAnd(ctx, "set unreachable", true, func(t *tx) error { return t.setUnreachable(channel, dialogue, person, reason) })
}

func (t *tx) setUnreachable(channel, dialogue, person, reason string) error {
	_, err := t.exec(`INSERT INTO unreachable (channel, dialogue, person, reason, since) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (channel, dialogue) DO UPDATE SET person = excluded.person, reason = excluded.reason`, channel, dialogue, person, reason, t.now)
	if err != nil {
		return err
	}
	if err := t.hold(outbox, channel, dialogue); err != nil {
		return err
	}
	if _, err := t.endParts(dropped, reason, "", "channel = ? AND dialogue = ? AND done = 0", channel, dialogue); err != nil {
		return err
	}
	return t.settle(outbox, channel, dialogue, t.now)
}

// Reachable says whether nothing is known that keeps a chat from being written to.
func (db *DB) Reachable(ctx context.Context, channel, dialogue string) (bool, error) {
	lost, err := db.any(ctx, "SELECT 1 FROM unreachable WHERE channel = ? AND dialogue = ?", channel, dialogue)
	return !lost, named("reachable", err)
}

// LastHeard is when a person last did something on a channel, as far as the inbox
// remembers (Options.Remember); zero: not. What was received as Silent does not
// count; a message whose answer still waits in the outbox does, even when its sender
// has asked to be erased.
func (db *DB) LastHeard(ctx context.Context, channel, person string) (time.Time, error) {
	var in, out int64
	t := db.reading(ctx)
	if err := t.row("SELECT coalesce(max(at), 0) FROM inbox WHERE channel = ? AND person = ? AND silent = 0", channel, person).Scan(&in); err != nil {
		return time.Time{}, named("last heard", err)
	}
	if err := t.row("SELECT coalesce(max(heard), 0) FROM outbox WHERE channel = ? AND person = ? AND done = 0", channel, person).Scan(&out); err != nil {
		return time.Time{}, named("last heard", err)
	}
	return timeOf(max(in, out)), nil
}
