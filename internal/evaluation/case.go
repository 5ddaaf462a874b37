// Package evaluation measures the assistant: it reads question sets, makes the
// ways people mistype them, runs them, compares answers with facts, and judges the
// figures by gates. Metrics are deterministic; none asks a model.
package evaluation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"troly/internal/corpus"
)

// Case is one question and what a right outcome holds.
type Case struct {
	SchemaVersion      int            `json:"schema_version"`
	ID                 string         `json:"id"`
	BaseID             string         `json:"base_id"` // shared by all variants of a question
	Variant            Variant        `json:"variant"`
	VariantOrigin      string         `json:"variant_origin"` // human, rule or llm
	VariantSeed        uint64         `json:"variant_seed,omitempty"`
	Question           string         `json:"question"`
	History            []Message      `json:"history,omitempty"`
	StandaloneQuestion string         `json:"standalone_question,omitempty"`
	Audience           string         `json:"audience"` // resident or civil_servant
	Channel            string         `json:"channel"`
	Intent             string         `json:"intent"`
	ProcedureCode      string         `json:"procedure_code,omitempty"`
	ExpectedDocs       []ExpectedDoc  `json:"expected_docs"`
	KeyFacts           []Fact         `json:"key_facts"`
	Forbidden          []Forbidden    `json:"forbidden,omitempty"`
	MustRefuse         bool           `json:"must_refuse,omitempty"`
	RefusalKind        string         `json:"refusal_kind,omitempty"`
	MustClarify        bool           `json:"must_clarify,omitempty"`
	ClarifySlots       []string       `json:"clarify_slots,omitempty"`
	ExpectedHandoff    string         `json:"expected_handoff,omitempty"`
	ReferenceAnswer    string         `json:"reference_answer,omitempty"`
	ValidFrom          corpus.Date    `json:"valid_from,omitempty"`
	ValidTo            corpus.Date    `json:"valid_to,omitempty"`
	AsOf               corpus.Date    `json:"as_of"`
	Split              string         `json:"split"` // dev, test or canary
	Weight             float64        `json:"weight,omitempty"`
	Difficulty         string         `json:"difficulty,omitempty"`
	Tags               []string       `json:"tags,omitempty"`
	Source             map[string]any `json:"source,omitempty"`
	Notes              string         `json:"notes,omitempty"`
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

// Fact is something a right answer says.
type Fact struct {
	ID         string          `json:"id"`
	Importance string          `json:"importance"` // vital or okay
	Type       string          `json:"type"`
	Value      json.RawMessage `json:"value,omitempty"`
	AnyOf      []string        `json:"any_of,omitempty"`
	AllOf      []string        `json:"all_of,omitempty"`
	Regex      string          `json:"regex,omitempty"`
	Unit       string          `json:"unit,omitempty"`
	Tolerance  float64         `json:"tolerance,omitempty"`
	Scope      string          `json:"scope,omitempty"`
	Negated    bool            `json:"negated,omitempty"`
	FoldOK     bool            `json:"fold_ok,omitempty"`
	Evidence   []Evidence      `json:"evidence,omitempty"`
	ValidFrom  corpus.Date     `json:"valid_from,omitempty"`
	ValidTo    corpus.Date     `json:"valid_to,omitempty"`
}

// Evidence is where the knowledge says a fact.
type Evidence struct {
	Doc     string `json:"doc"`
	Section string `json:"section"`
	Quote   string `json:"quote"`
}

// Forbidden is something no right answer says.
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

// Load reads one set; an error names the line.
func Load(fsys fs.FS, name string) ([]Case, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read question set: %w", err)
	}
	var cases []Case
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, 1<<20)
	for line := 1; scanner.Scan(); line++ {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		c, err := parseCase(scanner.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		cases = append(cases, c)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read question set %s: %w", name, err)
	}
	return cases, nil
}

// parseCase decodes a line strictly; fields called x_* are the author's own.
func parseCase(line []byte) (Case, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return Case{}, err
	}
	for name := range fields {
		if strings.HasPrefix(name, "x_") {
			delete(fields, name)
		}
	}
	known, err := json.Marshal(fields)
	if err != nil {
		return Case{}, err
	}
	var c Case
	dec := json.NewDecoder(bytes.NewReader(known))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Case{}, err
	}
	if c.Weight == 0 {
		c.Weight = 1
	}
	return c, nil
}

// Sets lists the question sets under fsys.
func Sets(fsys fs.FS) ([]string, error) {
	names, err := fs.Glob(fsys, "sets/*.jsonl")
	slices.Sort(names)
	return names, err
}

var caseID = regexp.MustCompile(`^[a-z0-9._-]+$`)

// Lint says what is wrong with cases: bad or repeated IDs, unknown documents, text
// that is not NFC, facts nobody could match or that the knowledge does not hold.
func Lint(name string, cases []Case, lib *corpus.Library) []string {
	var problems []string
	seen := make(map[string]bool)
	for _, c := range cases {
		report := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%s: %s: %s", path.Base(name), c.ID, fmt.Sprintf(format, args...)))
		}
		switch {
		case !caseID.MatchString(c.ID):
			report("id must be small letters, digits, dots, dashes")
		case seen[c.ID]:
			report("id is there twice")
		case c.Variant == Plain && c.BaseID != c.ID:
			report("a plain case has base_id equal to id")
		}
		seen[c.ID] = true
		if c.Question == "" || !norm.NFC.IsNormalString(c.Question) || strings.ContainsFunc(c.Question, func(r rune) bool { return r < ' ' || r == '\u200b' || r == '\ufeff' }) {
			report("question is empty, not NFC, or holds invisible characters")
		}
		if c.MustRefuse == (len(c.ExpectedDocs) > 0) {
			report("either expected_docs or must_refuse")
		}
		for _, d := range c.ExpectedDocs {
			if lib.Document(d.Doc) == nil {
				report("expected document %q does not exist", d.Doc)
			}
		}
		for _, f := range c.KeyFacts {
			if err := f.check(); err != nil {
				report("fact %s: %v", f.ID, err)
			} else if !c.findable(f, lib) {
				report("fact %s: no expected document says it", f.ID)
			}
		}
	}
	return problems
}

// findable reports whether the text of an expected document satisfies the fact: a
// fact the knowledge does not hold measures the knowledge, not the assistant.
func (c Case) findable(f Fact, lib *corpus.Library) bool {
	for _, d := range c.ExpectedDocs {
		doc := lib.Document(d.Doc)
		if doc == nil {
			continue
		}
		var b strings.Builder
		for _, s := range lib.Passages(doc) {
			b.WriteString(s.Heading + "\n" + s.Body + "\n")
		}
		b.WriteString(doc.Authority)
		if f.Match(b.String()) {
			return true
		}
	}
	return false
}
