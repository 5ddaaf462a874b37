package database

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"slices"
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
// such outcome (any more).
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
// there is no such outcome (any more).
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
