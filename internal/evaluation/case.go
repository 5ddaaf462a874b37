// Package evaluation measures the assistant: it reads question sets, makes the
// ways people mistype them, runs them, compares answers with facts, and judges the
// figures by gates. Metrics are deterministic; only the optional judge asks a model.
//
// A measurement, top to bottom: sets are read (Load) and checked (Lint), asked in
// all ways of typing (Perturb) by a Runner, which scores every outcome (Scorer) and
// keeps it as a Sample in a Journal; samples are gathered in a Summary, compared
// with another run (Compare) and judged (Judge).
package evaluation

import (
	"encoding/json"

	"troly/internal/corpus"
	"troly/internal/pipeline"
)

// testSplit is the part of the cases that is told of in aggregates only.
const testSplit = "test"

// Case is one question and what a right outcome holds: a line of eval/sets/*.jsonl.
type Case struct {
	SchemaVersion      int           `json:"schema_version"` // 1
	ID                 string        `json:"id"`
	BaseID             string        `json:"base_id"` // shared by all variants of a question: the cluster of all statistics
	Variant            Variant       `json:"variant"`
	VariantOrigin      string        `json:"variant_origin,omitempty"` // human, rule or llm
	VariantSeed        uint64        `json:"variant_seed,omitempty"`
	Question           string        `json:"question"`
	History            []Message     `json:"history,omitempty"` // oldest first
	StandaloneQuestion string        `json:"standalone_question,omitempty"`
	Audience           string        `json:"audience"` // resident or civil_servant
	Channel            string        `json:"channel"`  // telegram, zalo, web or cli
	Intent             string        `json:"intent"`
	ProcedureCode      string        `json:"procedure_code,omitempty"`
	ExpectedDocs       []ExpectedDoc `json:"expected_docs"`
	KeyFacts           []Fact        `json:"key_facts"`
	Forbidden          []Forbidden   `json:"forbidden,omitempty"`
	MustRefuse         bool          `json:"must_refuse,omitempty"`
	RefusalKind        string        `json:"refusal_kind,omitempty"`
	MustClarify        bool          `json:"must_clarify,omitempty"`
	ClarifySlots       []string      `json:"clarify_slots,omitempty"`
	ExpectedHandoff    string        `json:"expected_handoff,omitempty"` // a contact, number or address the reply names; or officer, offered, nobody
	ReferenceAnswer    string        `json:"reference_answer,omitempty"`
	ValidFrom          corpus.Date   `json:"valid_from,omitempty"`
	ValidTo            corpus.Date   `json:"valid_to,omitempty"`
	AsOf               corpus.Date   `json:"as_of"` // the assistant's clock
	Split              string        `json:"split"` // dev, test or canary
	Weight             float64       `json:"weight,omitempty"`
	Difficulty         string        `json:"difficulty,omitempty"` // easy, medium or hard; see Rate
	Tags               []string      `json:"tags,omitempty"`
	Source             *Source       `json:"source,omitempty"`
	Notes              string        `json:"notes,omitempty"`

	Set  string `json:"-"` // name of the file without .jsonl
	Line int    `json:"-"` // in the file, from 1
}

// Message is one earlier turn.
type Message struct {
	Role string `json:"role"` // user or assistant
	Text string `json:"text"`
}

// ExpectedDoc is a document that answers the question: grade 3 alone, 2 in part,
// 1 is only related, 0 was judged useless.
type ExpectedDoc struct {
	Doc     string `json:"doc"`
	Section string `json:"section,omitempty"`
	Grade   int    `json:"grade"`
}

// Fact is something a right answer says. Value is canonical: whole đồng for
// money_vnd, ISO 8601 for durations and dates, a bare number for counts and percents.
type Fact struct {
	ID         string          `json:"id"`
	Importance string          `json:"importance"` // vital or okay
	Type       string          `json:"type"`
	Value      json.RawMessage `json:"value,omitempty"`
	AnyOf      []string        `json:"any_of,omitempty"` // other wordings that say the same
	AllOf      []string        `json:"all_of,omitempty"` // parts of which each must be said; some count half
	Regex      string          `json:"regex,omitempty"`
	Unit       string          `json:"unit,omitempty"`      // of a count: the word after the number
	Tolerance  float64         `json:"tolerance,omitempty"` // of money, counts and percents, either way
	Scope      string          `json:"scope,omitempty"`     // words that stand in the same line
	Negated    bool            `json:"negated,omitempty"`   // the answer denies it
	FoldOK     bool            `json:"fold_ok,omitempty"`   // diacritics do not matter
	Evidence   []Evidence      `json:"evidence,omitempty"`
	ValidFrom  corpus.Date     `json:"valid_from,omitempty"`
	ValidTo    corpus.Date     `json:"valid_to,omitempty"`
}

// Evidence is where the knowledge says a fact, word for word.
type Evidence struct {
	Doc     string `json:"doc"`
	Section string `json:"section,omitempty"`
	Quote   string `json:"quote"`
}

// Forbidden is something no right answer says, unless the same sentence holds one of
// UnlessAnyOf ("trước đây").
type Forbidden struct {
	ID          string          `json:"id"`
	Kind        string          `json:"kind"`
	Severity    string          `json:"severity"` // critical, major or minor
	Type        string          `json:"type"`
	Value       json.RawMessage `json:"value,omitempty"`
	AnyOf       []string        `json:"any_of,omitempty"`
	Regex       string          `json:"regex,omitempty"`
	UnlessAnyOf []string        `json:"unless_any_of,omitempty"`
}

// Source says where a case comes from; TraceID leads back to the outcome of a real
// conversation.
type Source struct {
	Kind       string      `json:"kind"` // authored, production or synthetic
	TraceID    string      `json:"trace_id,omitempty"`
	Author     string      `json:"author,omitempty"`
	Created    corpus.Date `json:"created,omitempty"`
	ReviewedBy string      `json:"reviewed_by,omitempty"`
	ReviewDate corpus.Date `json:"review_date,omitempty"`
}

// Variant is the way in which a question is typed.
type Variant string

// The variants. The first six after Plain can be made by rule, see Perturb.
const (
	Plain        Variant = "plain"
	NoDiacritics Variant = "no_diacritics"
	Teencode     Variant = "teencode"       // chat shorthand
	Typo         Variant = "typo"           // slips of the finger
	Telex        Variant = "telex"          // keys of an input method that was off
	OldPlaceName Variant = "old_place_name" // from a district that was abolished
	Mixed        Variant = "mixed"          // several at once
	VoiceLike    Variant = "voice_like"     // as dictated; people write these
)

// PipelineQuestion is the case as the assistant gets it.
func (c *Case) PipelineQuestion() pipeline.Question {
	q := pipeline.Question{Text: c.Question, AsOf: c.AsOf}
	switch c.Audience {
	case "resident":
		q.Audience = "citizen"
	case "civil_servant":
		q.Audience = "official"
	}
	for _, m := range c.History {
		if m.Role == "user" {
			q.History = append(q.History, pipeline.Turn{Question: m.Text})
		} else if n := len(q.History); n > 0 {
			q.History[n-1].Answer = m.Text
		}
	}
	return q
}

// collection is the folder of the knowledge that the best expected document is in;
// "none" when no document is expected.
func (c *Case) collection(lib *corpus.Library) string {
	best := ExpectedDoc{Grade: -1}
	for _, d := range c.ExpectedDocs {
		if d.Grade > best.Grade {
			best = d
		}
	}
	if doc := lib.Document(best.Doc); doc != nil {
		return doc.Collection
	}
	return "none"
}

// facts are the key facts that hold on the case's day.
func (c *Case) facts() []*Fact {
	var valid []*Fact
	for i := range c.KeyFacts {
		if f := &c.KeyFacts[i]; c.AsOf.Within(f.ValidFrom, f.ValidTo) {
			valid = append(valid, f)
		}
	}
	return valid
}

// expired reports whether the case does not hold on its day.
func (c *Case) expired() bool { return !c.AsOf.Within(c.ValidFrom, c.ValidTo) }
