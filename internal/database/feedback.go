package database

import (
	"cmp"
	"context"
	"database/sql"
	"time"
)

// Feedback is what a person thought of an outcome.
type Feedback struct {
	Outcome string
	Good    bool
	Reason  string // masked; empty: none given
	Channel string
	Person  string // empty: not known, as on the web
	At      time.Time
}

// addFeedback keeps the last word of a person; a reason given earlier stays when
// none is given with the same opinion, which is counted once. ErrNotFound: there is no
// such outcome, or it was erased.
func (t *tx) addFeedback(f Feedback) error {
	at := cmp.Or(millis(f.At), t.now)
	var before int // -1: they had none
	if err := t.row("SELECT coalesce((SELECT good FROM feedback WHERE outcome = ? AND channel = ? AND person = ?), -1) FROM outcomes WHERE id = ?",
		f.Outcome, f.Channel, f.Person, f.Outcome).Scan(&before); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO feedback (outcome, channel, person, good, reason, at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (outcome, channel, person) DO UPDATE SET at = excluded.at, good = excluded.good,
		reason = CASE WHEN excluded.reason = '' AND excluded.good = feedback.good THEN feedback.reason ELSE excluded.reason END`,
		f.Outcome, f.Channel, f.Person, number(f.Good), f.Reason, at)
	switch {
	case before == number(f.Good):
	case f.Good:
		t.count(at, f.Channel, "good", f.Outcome)
	default:
		t.count(at, f.Channel, "bad", f.Outcome)
	}
	return err
}

// AddFeedback keeps feedback that did not come through the inbox. ErrNotFound:
// there is no such outcome, or it was erased.
func (db *DB) AddFeedback(ctx context.Context, f Feedback) error {
	return db.write(ctx, "add feedback", func(t *tx) error { return t.addFeedback(f) })
}

// FeedbackOn lists what people thought of an outcome, oldest first.
func (db *DB) FeedbackOn(ctx context.Context, outcome string) ([]Feedback, error) {
	var out []Feedback
	err := db.reading(ctx).each(func(rows *sql.Rows) error {
		f := Feedback{Outcome: outcome}
		var good int
		var at int64
		err := rows.Scan(&f.Channel, &f.Person, &good, &f.Reason, &at)
		f.Good, f.At = good > 0, timeOf(at)
		out = append(out, f)
		return err
	}, "SELECT channel, person, good, reason, at FROM feedback WHERE outcome = ? ORDER BY at, channel, person", outcome)
	return out, named("feedback", err)
}
