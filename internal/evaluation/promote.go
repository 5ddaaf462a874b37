package evaluation

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"troly/internal/corpus"
	"troly/internal/privacy"
	"troly/internal/statistics"
	"troly/internal/vietnamese"
)

// The way of a real question into a set: Draft makes a candidate of its outcome, a
// person labels it (expected documents, key facts or a refusal), a second one reviews
// it, and Promoter accepts it.

// testShare is the part of accepted cases that goes to the test split, which is
// looked at through totals only; the others go to dev.
const testShare = 0.3

// Draft is the candidate case of a live outcome, without personal data. What a right
// answer is, people must fill in; what the assistant answered stands beside, as
// x_answer, x_status and x_retrieved, which no set reads.
type Draft struct {
	Case
	Answer    string   `json:"x_answer"`
	Status    string   `json:"x_status"`
	Retrieved []string `json:"x_retrieved"`
	Feedback  []string `json:"x_feedback,omitempty"`
}

// NewDraft makes a candidate.
func NewDraft(l *Live) Draft {
	question, _ := privacy.Mask(l.Question)
	answer, _ := privacy.Mask(l.Answer)
	id := "live-" + strings.ToLower(strings.Map(idRune, l.ID))
	d := Draft{Answer: answer, Status: string(l.Status), Case: Case{
		SchemaVersion: 1, ID: id, BaseID: id, Variant: Plain, VariantOrigin: "human", Question: norm.NFC.String(question),
		Audience: "resident", Channel: channelOf(l), Intent: l.Understood.Intent, ExpectedDocs: []ExpectedDoc{}, KeyFacts: []Fact{},
		AsOf: corpus.Today(l.Time), Split: splitOf(id), Weight: 1,
		Source: &Source{Kind: "production", TraceID: cmp.Or(l.Trace, l.ID), Created: corpus.Today(l.Time)},
	}}
	if l.Audience == "official" {
		d.Audience = "civil_servant"
	}
	for _, r := range l.Retrieved[:min(5, len(l.Retrieved))] {
		d.Retrieved = append(d.Retrieved, r.Document+"/"+r.Section)
	}
	for _, f := range l.Feedback {
		d.Feedback = append(d.Feedback, strings.TrimSpace(f.Value+" "+f.Reason))
	}
	return d
}

// channelOf is the channel of an outcome by the names that cases have.
func channelOf(l *Live) string {
	switch l.Channel {
	case "zalo-bot":
		return "zalo"
	case "api", "mcp", "openai":
		return "web"
	}
	return l.Channel
}

// idRune keeps what an ID may hold.
func idRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' || r == '.' {
		return r
	}
	return '-'
}

// splitOf is the split of an accepted case; it only depends on its ID.
func splitOf(id string) string {
	if statistics.Fraction("split", id) < testShare {
		return testSplit
	}
	return "dev"
}

// Promoter decides on labelled candidates.
type Promoter struct {
	Lib      *corpus.Library
	Today    corpus.Date
	Existing []Case // of all sets

	asked []askedText // what is known already, made when first needed
}

// askedText is a question that exists, or one the knowledge holds.
type askedText struct {
	where    string
	folded   string
	shingles map[string]bool
}

// review returns what keeps a candidate from being accepted beside what Lint says of
// any case; nothing means accepted.
func (p *Promoter) review(c *Case) []string {
	var problems []string
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	switch s := c.Source; {
	case s == nil || s.Kind != "production" || s.TraceID == "":
		say("source must be production with the trace_id it came from")
	case s.Author == "" || s.ReviewedBy == "":
		say("source.author and source.reviewed_by must say who labelled and who reviewed it")
	case s.Author == s.ReviewedBy:
		say("%s cannot review their own labels", s.Author)
	case s.ReviewDate == "":
		say("source.review_date is missing")
	}
	if c.Split != splitOf(c.ID) {
		say("split must be %s: it is drawn from the ID", splitOf(c.ID))
	}
	if !c.MustRefuse && !c.MustClarify && len(c.KeyFacts) == 0 {
		say("an answerable case needs key_facts")
	}
	if c.MustRefuse && c.RefusalKind == "" {
		say("refusal_kind is missing")
	}
	for _, found := range personal(c) {
		say("holds personal data (%s): mask it", found.Kind)
	}
	if where := p.duplicateOf(c); where != "" {
		say("is nearly the same as %s", where)
	}
	return problems
}

// personal finds personal data in what a person wrote or may be quoted from.
func personal(c *Case) []privacy.Finding {
	text := c.Question + "\n" + c.StandaloneQuestion + "\n" + c.ReferenceAnswer + "\n" + c.Notes
	for _, m := range c.History {
		text += "\n" + m.Text
	}
	_, found := privacy.Mask(text)
	return found
}

// same is the share of word pairs from which two questions are one.
const same = 0.7

// duplicateOf names the case, or the place in the knowledge, that a candidate
// repeats; empty when it is new. What the knowledge itself holds measures nothing:
// the assistant has learned from it.
func (p *Promoter) duplicateOf(c *Case) string {
	if p.asked == nil {
		p.gather()
	}
	folded := " " + foldedWords(c.Question) + " "
	own := shingles(c.Question, 2)
	for _, a := range p.asked {
		if a.folded == folded || similarity(own, a.shingles) >= same {
			return a.where
		}
	}
	return ""
}

func (p *Promoter) gather() {
	add := func(where, text string) {
		p.asked = append(p.asked, askedText{where, " " + foldedWords(text) + " ", shingles(text, 2)})
	}
	for i := range p.Existing {
		if c := &p.Existing[i]; c.Variant == Plain || c.VariantOrigin == "human" {
			add("case "+c.ID, c.Question)
		}
	}
	for _, d := range p.Lib.Documents {
		for _, text := range slices.Concat([]string{d.Title}, d.Aliases, d.Asked) {
			add("knowledge "+d.ID, text)
		}
	}
	for _, o := range p.Lib.Outside {
		for _, text := range o.Asked {
			add("knowledge outside "+o.ID, text)
		}
	}
}

// foldedWords are the words of a text without diacritics and case, between spaces.
func foldedWords(text string) string {
	var words []string
	for _, t := range vietnamese.Tokenize(nil, vietnamese.Normalize(text)) {
		words = append(words, t.Folded)
	}
	return strings.Join(words, " ")
}

// Promotion is what became of one candidate.
type Promotion struct {
	Case     string   `json:"case"`
	Accepted bool     `json:"accepted"`
	Problems []string `json:"problems,omitempty"`
}

// Promote reviews the candidates of a file and appends the accepted ones to the set
// file into, made when missing. Candidates are checked like any set first: err names
// the line of what is wrong. Either all accepted ones are written or none.
func (p *Promoter) Promote(candidates SetFile, into string) ([]Promotion, error) {
	cases, problems, err := candidates.Read()
	if err != nil {
		return nil, err
	}
	linter := Linter{Lib: p.Lib, Today: p.Today}
	linted, err := linter.Lint(candidates)
	if err != nil {
		return nil, err
	}
	byCase := make(map[string][]string)
	for _, problem := range slices.Concat(problems, linted) {
		if problem.Case == "" {
			return nil, problem
		}
		if !problem.Warning && !slices.Contains(byCase[problem.Case], problem.Message) {
			byCase[problem.Case] = append(byCase[problem.Case], problem.Message)
		}
	}
	var results []Promotion
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for i := range cases {
		c := &cases[i]
		result := Promotion{Case: c.ID, Problems: append(byCase[c.ID], p.review(c)...)}
		if result.Accepted = len(result.Problems) == 0; result.Accepted {
			if err := enc.Encode(c); err != nil {
				return nil, fmt.Errorf("promote %s: %w", c.ID, err)
			}
			p.asked = append(p.asked, askedText{"case " + c.ID, " " + foldedWords(c.Question) + " ", shingles(c.Question, 2)})
		}
		results = append(results, result)
	}
	if lines.Len() == 0 {
		return results, nil
	}
	return results, appendLines(into, lines.Bytes())
}

// appendLines adds lines to a file, whole or not at all.
func appendLines(name string, lines []byte) error {
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("promote: %w", err)
	}
	if len(old) > 0 && !bytes.HasSuffix(old, []byte("\n")) {
		old = append(old, '\n')
	}
	if err := replaceFile(name, append(old, lines...)); err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	return nil
}
