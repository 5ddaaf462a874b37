package database

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Retention says how long things are kept; 0 of a field: for ever, but for Queues.
type Retention struct {
	Dialogues time.Duration // what a dialogue remembers, since the last message
	Outcomes  time.Duration // outcomes with their feedback, tickets nobody has touched since, who was sent a correction

	// Queues is for ended jobs and sent parts, which hold no text any more; at least
	// Options.Remember, because they are what repeated deliveries are recognised by.
	Queues time.Duration

	// Pages is, by channel that has no sender, for what its page shows of a dialogue,
	// since the last message, and for what waits to be read there. Both may hold words of
	// the staff as they were written.
	Pages map[string]time.Duration
}

// Swept counts what Sweep deleted.
type Swept struct {
	Dialogues, Outcomes, Feedback, Tickets, Jobs, Parts, Sessions int

	Pages int // with what waited to be read there
}

// Sweep deletes what is past its days, in small transactions between which others
// write. No message that is waiting or in work goes. When ctx ends it stops, with what
// it deleted so far.
func (db *DB) Sweep(ctx context.Context, keep Retention) (Swept, error) {
	var s Swept
	var corrections int // not told: it goes with the outcomes that were corrected
	for _, step := range []struct {
		count *int
		query string // of rows older than the argument, some at a time
		age   time.Duration
	}{
		{&s.Jobs, "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE done > 0 AND finished < ? AND seen < ? ORDER BY finished LIMIT 500)", max(keep.Queues, db.keep)},
		{&s.Parts, "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE done > 0 AND finished < ? AND created < ? ORDER BY finished LIMIT 500)", max(keep.Queues, db.keep)},
		{&s.Dialogues, "DELETE FROM dialogues WHERE updated < ? AND (channel, dialogue) IN (SELECT channel, dialogue FROM dialogues WHERE updated < ? ORDER BY updated LIMIT 500)", keep.Dialogues},
		{&s.Feedback, "DELETE FROM feedback WHERE at < ? AND outcome IN (SELECT outcome FROM feedback WHERE at < ? ORDER BY at LIMIT 500)", keep.Outcomes},
		{&corrections, "DELETE FROM corrections WHERE at < ? AND (recall, channel, dialogue) IN (SELECT recall, channel, dialogue FROM corrections WHERE at < ? LIMIT 500)", keep.Outcomes},
	} {
		if step.age <= 0 {
			continue
		}
		limit := db.millis() - step.age.Milliseconds()
		if err := db.sweep(ctx, step.count, func(t *tx) (int64, error) { return t.exec(step.query, limit, limit) }); err != nil {
			return s, err
		}
	}
	for _, channel := range slices.Sorted(maps.Keys(keep.Pages)) {
		if err := db.sweepPages(ctx, &s.Pages, channel, db.millis()-keep.Pages[channel].Milliseconds()); err != nil {
			return s, err
		}
	}
	if err := db.sweepShort(ctx, &s); err != nil || keep.Outcomes <= 0 {
		return s, err
	}
	limit := db.millis() - keep.Outcomes.Milliseconds()
	err := db.sweep(ctx, &s.Tickets, func(t *tx) (int64, error) {
		ids, err := t.strings("SELECT CAST(id AS TEXT) FROM tickets WHERE updated < ? ORDER BY id LIMIT 200", limit)
		for _, id := range ids {
			for _, query := range []string{"DELETE FROM ticket_messages WHERE ticket = CAST(? AS BIGINT)", "DELETE FROM tickets WHERE id = CAST(? AS BIGINT)"} {
				if err == nil {
					_, err = t.exec(query, id)
				}
			}
		}
		return int64(len(ids)), err
	})
	if err != nil {
		return s, err
	}
	err = db.sweep(ctx, &s.Outcomes, func(t *tx) (int64, error) {
		ids, err := t.strings("SELECT id FROM outcomes WHERE at < ? ORDER BY at, id LIMIT 200", limit)
		for _, id := range ids {
			for _, query := range []string{
				"DELETE FROM outcome_documents WHERE outcome = ?", "DELETE FROM feedback WHERE outcome = ?", "DELETE FROM outcomes WHERE id = ?",
			} {
				if err == nil {
					_, err = t.exec(query, id)
				}
			}
		}
		return int64(len(ids)), err
	})
	return s, err
}

// sweepPages deletes the pages of dialogues in which nothing was said since a time, and
// what waits to be read since before it.
func (db *DB) sweepPages(ctx context.Context, count *int, channel string, limit int64) error {
	err := db.sweep(ctx, count, func(t *tx) (int64, error) {
		return t.exec(`UPDATE dialogues SET page = NULL WHERE channel = ? AND page IS NOT NULL AND updated < ? AND dialogue IN
			(SELECT dialogue FROM dialogues WHERE channel = ? AND page IS NOT NULL AND updated < ? LIMIT 500)`, channel, limit, channel, limit)
	})
	if err != nil {
		return err
	}
	return db.sweep(ctx, count, func(t *tx) (int64, error) {
		dialogues, err := t.strings("SELECT DISTINCT dialogue FROM outbox WHERE channel = ? AND done = 0 AND created < ? ORDER BY dialogue LIMIT 200", channel, limit)
		if err != nil {
			return 0, err
		}
		ended := 0
		for _, d := range dialogues {
			if err := t.hold(outbox, channel, d); err != nil {
				return 0, err
			}
			n, err := t.endParts(failed, "unread", "", "channel = ? AND dialogue = ? AND done = 0 AND created < ?", channel, d, limit)
			if err != nil {
				return 0, err
			}
			ended += n
			if err := t.settleAfter(outbox, channel, d); err != nil {
				return 0, err
			}
		}
		return int64(ended), nil
	})
}

// sweepShort deletes what has its own end: sessions, holds, attempts to sign in.
func (db *DB) sweepShort(ctx context.Context, s *Swept) error {
	const attempts = 24 * time.Hour // longer than any window of Attempt
	return db.write(ctx, "sweep", func(t *tx) error {
		n, err := t.exec("DELETE FROM sessions WHERE expires <= ?", t.now)
		if err != nil {
			return err
		}
		s.Sessions = int(n)
		if _, err := t.exec("DELETE FROM holds WHERE until <= ?", t.now); err != nil {
			return err
		}
		_, err = t.exec("DELETE FROM attempts WHERE at < ?", t.now-attempts.Milliseconds())
		return err
	})
}

// sweep repeats a step until nothing is left of it.
func (db *DB) sweep(ctx context.Context, count *int, step func(*tx) (int64, error)) error {
	for {
		var n int64
		err := db.write(ctx, "sweep", func(t *tx) (err error) {
			n, err = step(t) // smaller steps would sync more often, larger ones keep others waiting
			return err
		})
		if err != nil || n == 0 {
			return err
		}
		*count += int(n)
	}
}
