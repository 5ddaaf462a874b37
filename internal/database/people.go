package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
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

// Move carries over everything of a chat that the platform calls by a new name
// from now on; a person who went by the old name goes by the new one.
func (db *DB) Move(ctx context.Context, channel, from, to string) error {
	if from == to {
		return nil
	}
	return db.writeAnd(ctx, "move chat", true, func(t *tx) error {
		for _, box := range boxes {
			for _, dialogue := range slices.Sorted(slices.Values([]string{from, to})) {
				if err := t.hold(box, channel, dialogue); err != nil {
					return err
				}
			}
		}
		// What the new name already has is newer than what is carried over.
		for _, s := range []string{
			"DELETE FROM dialogues WHERE channel = ? AND dialogue = ? AND EXISTS (SELECT 1 FROM dialogues AS d WHERE d.channel = ? AND d.dialogue = ?)",
			"DELETE FROM unreachable WHERE channel = ? AND dialogue = ? AND EXISTS (SELECT 1 FROM unreachable AS u WHERE u.channel = ? AND u.dialogue = ?)",
			"DELETE FROM feedback WHERE channel = ? AND person = ? AND outcome IN (SELECT f.outcome FROM feedback AS f WHERE f.channel = ? AND f.person = ?)",
			"DELETE FROM holds WHERE channel = ? AND dialogue = ? AND EXISTS (SELECT 1 FROM holds AS h WHERE h.channel = ? AND h.dialogue = ?)",
			"DELETE FROM corrections WHERE channel = ? AND dialogue = ? AND recall IN (SELECT c.recall FROM corrections AS c WHERE c.channel = ? AND c.dialogue = ?)",
		} {
			if _, err := t.exec(s, channel, from, channel, to); err != nil {
				return err
			}
		}
		for _, c := range keyed {
			if c.dialogue != "" {
				if _, err := t.exec(fmt.Sprintf("UPDATE %s SET %s = ? WHERE channel = ? AND %[2]s = ?", c.table, c.dialogue), to, channel, from); err != nil {
					return err
				}
			}
			if c.person != "" {
				if _, err := t.exec(fmt.Sprintf("UPDATE %s SET %s = ? WHERE channel = ? AND %[2]s = ?", c.table, c.person), to, channel, from); err != nil {
					return err
				}
			}
		}
		return t.moveLanes(channel, from, to)
	})
}

// moveLanes joins two lanes: neither may be ready before the other.
func (t *tx) moveLanes(channel, from, to string) error {
	for _, box := range boxes {
		var ready int64
		err := t.row("DELETE FROM lanes WHERE box = ? AND channel = ? AND dialogue = ? RETURNING ready", box, channel, from).Scan(&ready)
		if err == sql.ErrNoRows {
			continue
		}
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO lanes (box, channel, dialogue, ready) VALUES (?, ?, ?, ?) ON CONFLICT (channel, dialogue, box)
			DO UPDATE SET ready = CASE WHEN lanes.ready > excluded.ready THEN lanes.ready ELSE excluded.ready END`, box, channel, to, ready)
		if err != nil {
			return err
		}
	}
	return nil
}

// keyed are the tables with rows that belong to a person or chat of a channel,
// and the columns that say so: what Erase empties and Move renames.
var keyed = []struct{ table, dialogue, person string }{
	{"inbox", "dialogue", "person"},
	{"outbox", "dialogue", "person"},
	{"dialogues", "dialogue", "person"},
	{"unreachable", "dialogue", "person"},
	{"outcomes", "dialogue", "person"},
	{"feedback", "", "person"},
	{"tickets", "dialogue", "person"},
	{"holds", "dialogue", "person"},
	{"corrections", "dialogue", "person"},
}

// Erase removes everything kept about a person of a channel from every table, at
// once: waiting and past messages with their keys, answers not yet sent, what
// their dialogues remember, outcomes, feedback, tickets with their conversation. Work in progress for them
// ends with ErrLost. What is posted to them later is kept as usual. rows is how
// many went.
func (db *DB) Erase(ctx context.Context, channel, person string) (rows int, err error) {
	err = db.write(ctx, "erase", func(t *tx) (err error) {
		rows, err = t.erase(channel, person)
		return err
	})
	return rows, err
}

func (t *tx) erase(channel, person string) (rows int, err error) {
	// In a group what a dialogue remembers may be of anyone who wrote there.
	dialogues, err := t.strings(`SELECT dialogue FROM inbox WHERE channel = ? AND person = ? UNION SELECT dialogue FROM outbox WHERE channel = ? AND person = ?
		UNION SELECT dialogue FROM outcomes WHERE channel = ? AND person = ? UNION SELECT dialogue FROM dialogues WHERE channel = ? AND person = ? ORDER BY 1`,
		channel, person, channel, person, channel, person, channel, person)
	if err != nil {
		return 0, err
	}
	for _, box := range boxes {
		for _, dialogue := range dialogues {
			if err := t.hold(box, channel, dialogue); err != nil {
				return 0, err
			}
		}
	}
	remove := func(query string, args ...any) {
		if err == nil {
			var n int64
			n, err = t.exec(query, args...)
			rows += int(n)
		}
	}
	for _, dialogue := range dialogues {
		remove("DELETE FROM dialogues WHERE channel = ? AND dialogue = ?", channel, dialogue)
	}
	const theirs = " IN (SELECT id FROM outcomes WHERE channel = ? AND person = ?)"
	remove("DELETE FROM outcome_documents WHERE outcome"+theirs, channel, person)
	remove("DELETE FROM feedback WHERE outcome"+theirs, channel, person)
	remove("DELETE FROM ticket_messages WHERE ticket IN (SELECT id FROM tickets WHERE channel = ? AND person = ?)", channel, person)
	for _, c := range keyed {
		remove("DELETE FROM "+c.table+" WHERE channel = ? AND person = ?", channel, person)
	}
	for _, box := range boxes {
		for _, dialogue := range dialogues {
			if err == nil {
				err = t.settleAfter(box, channel, dialogue)
			}
		}
	}
	return rows, err
}

// settleAfter closes a lane out of which things were deleted when nothing is left,
// and otherwise leaves it as it is: what is left may be in work.
func (t *tx) settleAfter(box int, channel, dialogue string) error {
	var ready int64
	err := t.row("SELECT ready FROM lanes WHERE box = ? AND channel = ? AND dialogue = ?", box, channel, dialogue).Scan(&ready)
	if err != nil {
		return ignore(err, sql.ErrNoRows)
	}
	return t.settle(box, channel, dialogue, ready)
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
