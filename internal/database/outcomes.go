package database

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Filter chooses outcomes; empty fields choose all.
type Filter struct {
	Status   []string
	Channel  string
	Dialogue string // together with Channel
	Document string // cited, or else understood to be meant
	Failed   string // a check that did not pass; "any": any of them
	Feedback string // good, bad: somebody thought so; any: somebody said something
	Text     string // the question holds these letters, whatever their case and accents
	From, To time.Time
	Before   string // Next of the page before; empty: the newest
	Limit    int    // 0: 100
}

// Page is a part of a listing.
type Page struct {
	Outcomes []Outcome // newest first, without Body and Answer
	Next     string    // for Filter.Before; empty: that was all
}

func (f Filter) conditions() (conditions, error) {
	var c conditions
	among(&c, "status", f.Status)
	c.text("channel", f.Channel)
	c.text("dialogue", f.Dialogue)
	c.period("at", f.From, f.To)
	if f.Document != "" {
		c.add("id IN (SELECT outcome FROM outcome_documents WHERE document = ?)", f.Document)
	}
	switch f.Failed {
	case "":
	case "any":
		c.add("failed <> ''")
	default:
		c.holds("failed", ","+f.Failed+",")
	}
	switch f.Feedback {
	case "":
	case "any":
		c.add("id IN (SELECT outcome FROM feedback)")
	case "good", "bad":
		c.add("id IN (SELECT outcome FROM feedback WHERE good = ?)", number(f.Feedback == "good"))
	default:
		return c, fmt.Errorf("feedback %q is none of good, bad, any", f.Feedback)
	}
	if w := words(f.Text); w != "" {
		c.holds("words", w)
	}
	if f.Before != "" {
		at, id, ok := strings.Cut(f.Before, " ")
		n, err := strconv.ParseInt(at, 10, 64)
		if !ok || err != nil {
			return c, fmt.Errorf("%q is not the end of a page", f.Before)
		}
		c.add("(at, id) < (?, ?)", n, id)
	}
	return c, nil
}

// Outcomes lists a page of outcomes, newest first. An error of the filter itself
// (Feedback, Before) is the caller's mistake.
func (db *DB) Outcomes(ctx context.Context, f Filter) (Page, error) {
	c, err := f.conditions()
	if err != nil {
		return Page{}, named("outcomes", err)
	}
	n := limit(f.Limit)
	var p Page
	err = db.reading(ctx).each(func(rows *sql.Rows) error {
		var o Outcome
		var at int64
		var documents, failed string
		err := rows.Scan(&o.ID, &o.Channel, &o.Dialogue, &o.Person, &o.Status, &at, &o.Question, &documents, &failed)
		o.At, o.Documents, o.Failed = timeOf(at), unlist(documents), unlist(failed)
		p.Outcomes = append(p.Outcomes, o)
		return err
	}, "SELECT id, channel, dialogue, person, status, at, question, documents, failed FROM outcomes"+c.where()+" ORDER BY at DESC, id DESC LIMIT ?", c.with(n+1)...)
	if err != nil {
		return Page{}, named("outcomes", err)
	}
	if len(p.Outcomes) > n {
		p.Outcomes = p.Outcomes[:n]
		last := p.Outcomes[n-1]
		p.Next = fmt.Sprintf("%d %s", millis(last.At), last.ID)
	}
	return p, nil
}

// EachOutcome calls f with every outcome of a filter, whole, newest first, until f
// returns an error, which it returns. It reads page by page, so f may take its time
// and may call the database; Limit is the size of a page.
func (db *DB) EachOutcome(ctx context.Context, filter Filter, f func(Outcome) error) error {
	for {
		p, err := db.Outcomes(ctx, filter)
		if err != nil {
			return err
		}
		for _, o := range p.Outcomes {
			whole, err := db.OutcomeByID(ctx, o.ID)
			if errors.Is(err, ErrNotFound) {
				continue // erased meanwhile
			}
			if err != nil {
				return err
			}
			if err := f(whole); err != nil {
				return err
			}
		}
		if filter.Before = p.Next; p.Next == "" {
			return nil
		}
	}
}

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
// first, and how many there are altogether (behind g.After). Who wrote without leaving a dialogue,
// as by the API, is not among them. ErrNotFound: there is no outcome of that ID, or
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

// Count is how often something happened on a day.
type Count struct {
	Day     string // YYYY-MM-DD in the time of Viet Nam
	Channel string
	What    string // a status of outcomes, good and bad for feedback, "failed " and a check
	N       int
}

// office is the time in which days are counted.
var office = time.FixedZone("ICT", 7*60*60)

// tally is one more of a Count. They are written last in a transaction, since all
// that happens at the same time is counted in the same few rows.
type tally struct {
	day, channel, what string
	shard              int64
}

const shards = 16

// count adds one for something that has to do with an outcome.
func (t *tx) count(at int64, channel, what, outcome string) {
	t.tallies = append(t.tallies, tally{timeOf(at).In(office).Format(time.DateOnly), channel, what, nameNumber(outcome) & (shards - 1)})
}

func (t *tx) flush() error {
	slices.SortFunc(t.tallies, func(a, b tally) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.channel, b.channel), cmp.Compare(a.what, b.what), cmp.Compare(a.shard, b.shard))
	})
	for _, c := range t.tallies {
		if err := t.later("INSERT INTO counts (day, channel, what, shard, n) VALUES (?, ?, ?, ?, 1) ON CONFLICT (day, channel, what, shard) DO UPDATE SET n = counts.n + 1",
			c.day, c.channel, c.what, c.shard); err != nil {
			return err
		}
	}
	return nil
}

// Counts lists what happened on the days from the first to the last, both
// included. They stay when outcomes are deleted.
func (db *DB) Counts(ctx context.Context, first, last time.Time) ([]Count, error) {
	var out []Count
	err := db.reading(ctx).each(func(rows *sql.Rows) error {
		var c Count
		err := rows.Scan(&c.Day, &c.Channel, &c.What, &c.N)
		out = append(out, c)
		return err
	}, "SELECT day, channel, what, CAST(sum(n) AS BIGINT) FROM counts WHERE day >= ? AND day <= ? GROUP BY day, channel, what ORDER BY day, channel, what",
		first.In(office).Format(time.DateOnly), last.In(office).Format(time.DateOnly))
	return out, named("counts", err)
}
