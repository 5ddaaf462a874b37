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
// inbox, in one transaction: what Finish writes, and the page of the dialogue, which
// show makes of the page there is (nil: none), so that two processes at once lose
// nothing of each other's. It may be called again; nil is a show that returns nil. A
// nil state and page leave nothing of the dialogue. With r.Erase nothing but r.Parts
// is written after erasing.
func (db *DB) Exchange(ctx context.Context, m Received, r Result, show func(page []byte) []byte) error {
	return db.writeAnd(ctx, "exchange", len(r.Parts) > 0, func(t *tx) error {
		job, r := Job{Received: m}, r // its own: this may be run again
		if r.Erase {
			if _, err := t.erase(m.Channel, m.Person); err != nil {
				return err
			}
			return t.post(m.Channel, m.Dialogue, m.Person, r.Parts, millis(m.At), true)
		}
		var page []byte
		if show != nil {
			now, err := t.page(m.Channel, m.Dialogue)
			if err != nil {
				return err
			}
			page = show(now)
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

// page reads the page of a dialogue, nil when there is none; nobody else changes it
// until the end.
func (t *tx) page(channel, dialogue string) (page []byte, err error) {
	if err := t.alone("page " + channel + " " + dialogue); err != nil {
		return nil, err
	}
	err = t.row("SELECT page FROM dialogues WHERE channel = ? AND dialogue = ?", channel, dialogue).Scan(&page)
	if len(page) == 0 {
		page = nil
	}
	return page, ignore(err, sql.ErrNoRows)
}

// TakeParts takes what waits in the outbox for a dialogue whose channel has no sender,
// in order, and ends it as sent; in the same transaction the page of the dialogue
// becomes what show makes of it and of the parts. When nothing waits show is not
// called. Each part is given out once. Show may be called again, as in Exchange.
func (db *DB) TakeParts(ctx context.Context, channel, dialogue string, show func(page []byte, parts [][]byte) []byte) error {
	some, err := db.any(ctx, "SELECT 1 FROM lanes WHERE box = 1 AND channel = ? AND dialogue = ?", channel, dialogue)
	if err != nil || !some {
		return named("take parts", err)
	}
	return db.write(ctx, "take parts", func(t *tx) error {
		page, err := t.page(channel, dialogue)
		if err != nil {
			return err
		}
		var parts [][]byte
		var person string
		if err := t.hold(outbox, channel, dialogue); err != nil {
			return err
		}
		err = t.each(func(rows *sql.Rows) error {
			var body []byte
			if err := rows.Scan(&body, &person); err != nil {
				return err
			}
			parts = append(parts, body)
			return nil
		}, "SELECT body, person FROM outbox WHERE channel = ? AND dialogue = ? AND done = 0 ORDER BY id", channel, dialogue)
		if err != nil {
			return err
		}
		if len(parts) > 0 {
			if _, err := t.exec(`INSERT INTO dialogues (channel, dialogue, person, state, updated, page) VALUES (?, ?, ?, ?, ?, ?)
				ON CONFLICT (channel, dialogue) DO UPDATE SET updated = excluded.updated, page = excluded.page`,
				channel, dialogue, person, []byte{}, t.now, blob(show(page, parts))); err != nil {
				return err
			}
		}
		if _, err := t.endParts(done, "", "", "channel = ? AND dialogue = ? AND done = 0", channel, dialogue); err != nil {
			return err
		}
		return t.settle(outbox, channel, dialogue, t.now)
	})
}
