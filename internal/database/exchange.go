package database

import (
	"context"
	"database/sql"
	"time"
)

// Remembered is what is kept of a dialogue whose channel answers at once.
type Remembered struct {
	State []byte // see Result; nil: none
	Page  []byte // what the channel shows of it, masked; nil: nothing

	Held time.Time // until when the bot is silent in it; zero: it is not
}

// Remembered finds a dialogue; the zero value when there is none.
func (db *DB) Remembered(ctx context.Context, channel, dialogue string) (Remembered, error) {
	var r Remembered
	t := db.reading(ctx)
	var held int64
	err := t.row(`SELECT d.state, d.page, coalesce(h.until, 0) FROM dialogues AS d
		LEFT JOIN holds AS h ON h.channel = d.channel AND h.dialogue = d.dialogue AND h.until > ?
		WHERE d.channel = ? AND d.dialogue = ?`, t.now, channel, dialogue).Scan(&r.State, &r.Page, &held)
	r.Held = timeOf(held)
	if len(r.State) == 0 {
		r.State = nil
	}
	if len(r.Page) == 0 {
		r.Page = nil
	}
	return r, named("remembered", ignore(err, sql.ErrNoRows))
}

// Exchange writes all that comes of a message that was answered at once, without the
// inbox, in one transaction: what Finish writes, and the page of the dialogue. A nil
// state and page leave nothing of the dialogue. With r.Erase nothing but r.Parts is
// written after erasing.
func (db *DB) Exchange(ctx context.Context, m Received, r Result, page []byte) error {
	return db.writeAnd(ctx, "exchange", len(r.Parts) > 0, func(t *tx) error {
		job := Job{Received: m}
		if r.Erase {
			if _, err := t.erase(m.Channel, m.Person); err != nil {
				return err
			}
			return t.post(m.Channel, m.Dialogue, m.Person, r.Parts, millis(m.At), true)
		}
		if r.State == nil && page != nil {
			r.State = []byte{} // the row holds the page
		}
		if err := t.keep(job, r); err != nil {
			return err
		}
		if r.State != nil {
			if _, err := t.exec("UPDATE dialogues SET page = ? WHERE channel = ? AND dialogue = ?", blob(page), m.Channel, m.Dialogue); err != nil {
				return err
			}
		}
		return t.post(m.Channel, m.Dialogue, m.Person, r.Parts, millis(m.At), false)
	})
}

// TakeParts takes what waits in the outbox for a dialogue whose channel has no
// sender, in order, and ends it as sent. Each part is given out once.
func (db *DB) TakeParts(ctx context.Context, channel, dialogue string) ([][]byte, error) {
	some, err := db.any(ctx, "SELECT 1 FROM lanes WHERE box = 1 AND channel = ? AND dialogue = ?", channel, dialogue)
	if err != nil || !some {
		return nil, named("take parts", err)
	}
	var parts [][]byte
	err = db.write(ctx, "take parts", func(t *tx) error {
		parts = nil
		if err := t.hold(1, channel, dialogue); err != nil {
			return err
		}
		err := t.each(func(rows *sql.Rows) error {
			var body []byte
			if err := rows.Scan(&body); err != nil {
				return err
			}
			parts = append(parts, body)
			return nil
		}, "SELECT body FROM outbox WHERE channel = ? AND dialogue = ? AND done = 0 ORDER BY id", channel, dialogue)
		if err != nil {
			return err
		}
		if _, err := t.endParts(done, "", "", "channel = ? AND dialogue = ? AND done = 0", channel, dialogue); err != nil {
			return err
		}
		return t.settle(1, channel, dialogue, t.now)
	})
	return parts, err
}
