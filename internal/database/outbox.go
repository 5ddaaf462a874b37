package database

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"
)

// Outgoing is a part of an answer that was given out to be sent.
type Outgoing struct {
	ID       int64
	Channel  string
	Dialogue string
	Person   string
	Body     []byte
	Attempt  int // 1 the first time

	// Interrupted: a call with it was begun by somebody who never said how it ended,
	// so the platform may have it already.
	Interrupted bool

	reply int64 // the first part of the same reply; 0: this one
}

// NextOut gives out up to n parts of a channel, for as long as lease, which must
// be longer than a call to the platform may take: the oldest part of each dialogue
// that has none in work anywhere and is not held back. That they are being sent is
// durable before NextOut returns.
func (db *DB) NextOut(ctx context.Context, owner, channel string, n int, lease time.Duration) ([]Outgoing, error) {
	now := db.millis()
	ready, err := db.any(ctx, "SELECT 1 FROM lanes WHERE box = 1 AND channel = ? AND ready <= ? LIMIT 1", channel, now)
	if err != nil || !ready || n <= 0 {
		return nil, named("next part", err)
	}
	var parts []Outgoing
	err = db.write(ctx, "next part", func(t *tx) error {
		parts = nil
		lanes, err := t.take(`WITH picked AS MATERIALIZED (SELECT channel, dialogue FROM lanes WHERE box = 1 AND channel = ? AND ready <= ? ORDER BY ready LIMIT ?`+t.skipLocked()+`)
			UPDATE lanes SET ready = ? FROM picked WHERE lanes.box = 1 AND lanes.channel = picked.channel AND lanes.dialogue = picked.dialogue
			RETURNING lanes.channel, lanes.dialogue`, channel, now, n, now+lease.Milliseconds())
		if err != nil {
			return err
		}
		for _, l := range lanes {
			o := Outgoing{Channel: l[0], Dialogue: l[1]}
			switch err := t.claimPart(&o, owner); err {
			case nil:
				parts = append(parts, o)
			case sql.ErrNoRows:
				if err := t.settle(outbox, l[0], l[1], now); err != nil {
					return err
				}
			default:
				return err
			}
		}
		return nil
	})
	slices.SortFunc(parts, func(a, b Outgoing) int { return cmp.Compare(a.ID, b.ID) })
	return parts, err
}

func (t *tx) claimPart(o *Outgoing, owner string) error {
	var interrupted int
	err := t.row(`UPDATE outbox SET attempt = attempt + 1, owner = ?, interrupted = begun, begun = 1
		WHERE id = (SELECT id FROM outbox WHERE channel = ? AND dialogue = ? AND done = 0 ORDER BY id LIMIT 1)
		RETURNING id, reply, person, body, attempt, interrupted`,
		owner, o.Channel, o.Dialogue).Scan(&o.ID, &o.reply, &o.Person, &o.Body, &o.Attempt, &interrupted)
	o.Interrupted = interrupted > 0
	return err
}

// Sent ends a part that the platform took; receipt is what it called it. The text
// is not kept. ErrLost: another has it, or it was erased meanwhile.
func (db *DB) Sent(ctx context.Context, o Outgoing, receipt string) error {
	return db.writeAnd(ctx, "sent", true, func(t *tx) error { return t.sent(o, receipt) })
}

func (t *tx) sent(o Outgoing, receipt string) error {
	if err := t.hold(outbox, o.Channel, o.Dialogue); err != nil {
		return err
	}
	n, err := t.endParts(done, "", receipt, "id = ? AND attempt = ? AND done IN (0, 3)", o.ID, o.Attempt)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrLost
	}
	return t.settle(outbox, o.Channel, o.Dialogue, t.now)
}

// endParts marks parts and deletes those that were to be kept until now only.
func (t *tx) endParts(how int, code, receipt, where string, args ...any) (int, error) {
	gone, err := t.exec("DELETE FROM outbox WHERE fleeting = 1 AND "+where, args...)
	if err != nil {
		return 0, err
	}
	n, err := t.exec("UPDATE outbox SET done = ?, body = ?, owner = '', code = ?, receipt = ?, finished = ? WHERE "+where,
		append([]any{how, []byte{}, code, receipt, t.now}, args...)...)
	return int(gone + n), err
}

// SendLater gives a part back that was surely not taken: its dialogue is held back
// until then. code is the platform's.
func (db *DB) SendLater(ctx context.Context, o Outgoing, until time.Time, code string) error {
	return db.write(ctx, "send later", func(t *tx) error {
		if err := t.hold(outbox, o.Channel, o.Dialogue); err != nil {
			return err
		}
		n, err := t.exec("UPDATE outbox SET begun = 0, owner = '', code = ? WHERE id = ? AND attempt = ? AND done = 0", code, o.ID, o.Attempt)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrLost
		}
		return t.settle(outbox, o.Channel, o.Dialogue, millis(until))
	})
}

// SendFailed ends a part that will never be taken, and the parts of the same reply
// that follow it: an answer without its middle would mislead.
func (db *DB) SendFailed(ctx context.Context, o Outgoing, code string) error {
	return db.writeAnd(ctx, "send failed", true, func(t *tx) error {
		if err := t.hold(outbox, o.Channel, o.Dialogue); err != nil {
			return err
		}
		n, err := t.endParts(failed, code, "", "id = ? AND attempt = ? AND done IN (0, 3)", o.ID, o.Attempt)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrLost
		}
		if _, err := t.endParts(failed, code, "", "channel = ? AND dialogue = ? AND reply = ? AND id > ? AND done = 0",
			o.Channel, o.Dialogue, cmp.Or(o.reply, o.ID), o.ID); err != nil {
			return err
		}
		return t.settle(outbox, o.Channel, o.Dialogue, t.now)
	})
}

// post adds the parts of one reply. heard is when what it answers came in, 0 for
// none; fleeting parts are deleted once sent.
func (t *tx) post(channel, dialogue, person string, parts [][]byte, heard int64, fleeting bool) error {
	if len(parts) == 0 {
		return nil
	}
	// The lane first, as everywhere; it may not be closed before the parts are in.
	if err := t.lane(outbox, channel, dialogue); err != nil {
		return err
	}
	const insert = "INSERT INTO outbox (reply, channel, dialogue, person, body, created, heard, fleeting) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	var reply int64
	for i, body := range parts {
		args := []any{reply, channel, dialogue, person, blob(body), t.now, heard, number(fleeting)}
		if i > 0 || len(parts) == 1 { // nobody asks for its number
			if err := t.later(insert, args...); err != nil {
				return err
			}
		} else if err := t.row(insert+" RETURNING id", args...).Scan(&reply); err != nil {
			return err
		}
	}
	return nil
}
