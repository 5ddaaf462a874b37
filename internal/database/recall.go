package database

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Recipient is somebody who was given an answer.
type Recipient struct {
	Channel  string
	Dialogue string
	Person   string
	Outcome  string // the last time
	At       time.Time
}

// Given chooses answers by document, by what they say, or both.
type Given struct {
	Document string // the answer cites it
	Outcome  string // the answer is that of this outcome, but for space
	From, To time.Time
	After    Recipient // only those that are listed behind this one; zero: from the first
	Limit    int       // 0: 100, 1,000 at most
}

// Recipients lists who was given an answer, each dialogue once, the last given
// first, and how many there are altogether (behind g.After). Whoever wrote without leaving
// a dialogue, as by the API, is not among them. ErrNotFound: there is no outcome of that ID, or
// it has no answer.
func (db *DB) Recipients(ctx context.Context, g Given) (some []Recipient, all int, err error) {
	const what = "recipients"
	if g.Document == "" && g.Outcome == "" {
		return nil, 0, named(what, errors.New("neither a document nor an outcome is named"))
	}
	t := db.reading(ctx)
	var c conditions
	c.add("dialogue <> '' AND status = 'answered'")
	c.period("at", g.From, g.To)
	if g.Document != "" {
		c.add("id IN (SELECT outcome FROM outcome_documents WHERE document = ?)", g.Document)
	}
	if g.Outcome != "" {
		var answer string
		if err := t.row("SELECT answer FROM outcomes WHERE id = ? AND answer <> ''", g.Outcome).Scan(&answer); err != nil {
			return nil, 0, named(what, err)
		}
		c.add("answer = ? AND answer <> ''", answer)
	}
	behind, from := "", []any{}
	if g.After != (Recipient{}) {
		at := millis(g.After.At)
		behind, from = " AND (at < ? OR at = ? AND id < ?)", []any{at, at, g.After.Outcome}
	}
	err = t.each(func(rows *sql.Rows) error {
		var r Recipient
		var at int64
		err := rows.Scan(&r.Channel, &r.Dialogue, &r.Person, &r.Outcome, &at, &all)
		r.At = timeOf(at)
		some = append(some, r)
		return err
	}, `SELECT channel, dialogue, person, id, at, count(*) OVER () FROM
		(SELECT channel, dialogue, person, id, at, row_number() OVER (PARTITION BY channel, dialogue ORDER BY at DESC, id DESC) AS nth FROM outcomes`+c.where()+`) AS given
		WHERE nth = 1`+behind+` ORDER BY at DESC, id DESC LIMIT ?`, append(c.with(from...), limit(g.Limit))...)
	return some, all, named(what, err)
}

// Correct posts a correction to one recipient, once for each name of a recall:
// posted is false when this dialogue had it before, so a recall that was cut off
// can be run again. by.Why is compulsory. ErrUnreachable: a later run may reach them.
func (db *DB) Correct(ctx context.Context, by By, recall string, to Recipient, parts [][]byte) (posted bool, err error) {
	if by.Why == "" {
		return false, named("correct", ErrNoReason)
	}
	err = db.writeAnd(ctx, "correct", true, func(t *tx) error {
		if err := t.toWrite(to.Channel, to.Dialogue); err != nil {
			return err
		}
		n, err := t.exec("INSERT INTO corrections (recall, channel, dialogue, person, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (recall, channel, dialogue) DO NOTHING",
			recall, to.Channel, to.Dialogue, to.Person, t.now)
		if posted = n > 0; err != nil || !posted {
			return err
		}
		if err := t.audit(by, "correct", "recall "+recall); err != nil {
			return err
		}
		return t.post(to.Channel, to.Dialogue, to.Person, parts, 0, false)
	})
	return posted && err == nil, err
}

// Corrected counts who was posted the correction of a recall.
func (db *DB) Corrected(ctx context.Context, recall string) (n int, err error) {
	err = db.reading(ctx).row("SELECT count(*) FROM corrections WHERE recall = ?", recall).Scan(&n)
	return n, named("corrected", err)
}
