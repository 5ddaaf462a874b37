package database

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"troly/internal/vietnamese"
)

// Outcome is one answered question as it is kept: masked by whoever made it.
type Outcome struct {
	ID       string
	Channel  string
	Dialogue string
	Person   string
	Status   string
	At       time.Time
	Body     []byte // JSON of pipeline.Outcome, the shape of ask --json

	// What staff search by. Read from Body when it is written.
	Question  string
	Answer    string
	Documents []string // cited, or else understood to be meant; sorted
	Failed    []string // checks that did not pass; sorted
}

// read fills what staff search by. A body of another shape is kept and not found by these.
func (o *Outcome) read() {
	var body struct {
		Question   string
		Answer     string
		Citations  []struct{ Document string }
		Understood struct{ Documents []string }
		Checks     map[string]string
	}
	o.Question, o.Answer, o.Documents, o.Failed = "", "", nil, nil
	if json.Unmarshal(o.Body, &body) != nil {
		return
	}
	o.Question, o.Answer = body.Question, body.Answer
	for _, c := range body.Citations {
		o.Documents = append(o.Documents, c.Document)
	}
	if len(o.Documents) == 0 {
		o.Documents = body.Understood.Documents
	}
	slices.Sort(o.Documents)
	o.Documents = slices.Compact(o.Documents)
	for check, result := range body.Checks {
		if result != "pass" {
			o.Failed = append(o.Failed, check)
		}
	}
	slices.Sort(o.Failed)
}

// list keeps names in a column in which each is found by ",name,".
func list(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "," + strings.Join(names, ",") + ","
}

func unlist(s string) []string {
	if s = strings.Trim(s, ","); s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// sameAnswer is equal for equal answers, but for the space in them.
func sameAnswer(answer string) string {
	if answer = strings.Join(strings.Fields(answer), " "); answer == "" {
		return ""
	}
	h := sha256.Sum256([]byte(answer))
	return hex.EncodeToString(h[:16])
}

// words is a text as it is searched: without case, accents and more than one space.
func words(text string) string {
	return strings.Join(strings.Fields(vietnamese.Fold(clean(text))), " ")
}

func (t *tx) addOutcome(o Outcome) error {
	o.read()
	at := cmp.Or(millis(o.At), t.now)
	n, err := t.exec(`INSERT INTO outcomes (id, channel, dialogue, person, status, at, question, words, documents, failed, answer, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		o.ID, o.Channel, o.Dialogue, o.Person, o.Status, at, o.Question, words(o.Question), list(o.Documents), list(o.Failed), sameAnswer(o.Answer), blob(o.Body))
	if err != nil || n == 0 {
		return err
	}
	t.count(at, o.Channel, o.Status, o.ID)
	for _, check := range o.Failed {
		t.count(at, o.Channel, "failed "+check, o.ID)
	}
	for _, d := range o.Documents {
		if err := t.later("INSERT INTO outcome_documents (outcome, document, at) VALUES (?, ?, ?)", o.ID, d, at); err != nil {
			return err
		}
	}
	return nil
}

// AddOutcome keeps the outcome of a question that did not come through the inbox:
// the web, the API. One whose ID is there already is left as it is.
func (db *DB) AddOutcome(ctx context.Context, o Outcome) error {
	return db.write(ctx, "add outcome", func(t *tx) error { return t.addOutcome(o) })
}

// OutcomeByID finds an outcome; ErrNotFound when there is none.
func (db *DB) OutcomeByID(ctx context.Context, id string) (Outcome, error) {
	t := db.reading(ctx)
	o, err := scanOutcome(t.row("SELECT "+outcomeColumns+" FROM outcomes WHERE id = ?", id))
	if err != nil {
		return Outcome{}, named("outcome", err)
	}
	return o, nil
}

const outcomeColumns = "id, channel, dialogue, person, status, at, body"

func scanOutcome(row interface{ Scan(...any) error }) (Outcome, error) {
	var o Outcome
	var at int64
	err := row.Scan(&o.ID, &o.Channel, &o.Dialogue, &o.Person, &o.Status, &at, &o.Body)
	o.At = timeOf(at)
	o.read()
	return o, err
}

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
