package pipeline

import (
	"slices"

	"troly/internal/corpus"
)

// Status is how a question ended; every Outcome has exactly one.
type Status string

// The ways a question can end.
const (
	Answered   Status = "answered"
	Clarify    Status = "clarify"   // one short question back, the choices in Suggestions
	Abstained  Status = "abstained" // nothing good enough; names the office or number to ask
	Refused    Status = "refused"   // out of scope or harmful
	SmallTalk  Status = "smalltalk"
	HandedOver Status = "handed_over"
	Failed     Status = "error"
)

// Question is what one person asks, with the turns before it.
type Question struct {
	Text     string
	Audience string      // citizen, official or empty for both
	AsOf     corpus.Date // facts are those of this day; empty means today
	Commune  string      // where the person lives, a full name: "Xã Đại Lịch"; empty: not known
	History  []Turn      // oldest first
}

// Turn is one earlier question of the dialogue and what came of it.
type Turn struct {
	Question  string
	Answer    string
	Documents []string // that were answered from, best first; may be empty for turns from elsewhere
	Choices   []string // offered when the turn ended in Clarify
	Facets    []Facet
}

// Outcome is everything that happened to a question: what `ask --json` prints and
// the evaluation harness reads. It is plain data, safe to keep.
type Outcome struct {
	Question    string            `json:"question"`
	Status      Status            `json:"status"`
	Answer      string            `json:"answer"`
	Citations   []Citation        `json:"citations"`
	Retrieved   []Retrieved       `json:"retrieved"`
	Understood  Understood        `json:"understood"`
	AnsweredBy  string            `json:"answered_by"` // extractive, llm, approved; empty when nothing was answered
	Verified    bool              `json:"verified"`
	Checks      map[string]string `json:"checks"` // check -> pass or fail
	Suggestions []string          `json:"suggestions"`
	Degraded    []string          `json:"degraded"` // what did not work on the way
	Timings     Timings           `json:"timings_ms"`
	Usage       Usage             `json:"usage"`
	Versions    Versions          `json:"versions"`
	Error       string            `json:"error,omitempty"`
	Trace       string            `json:"trace_id,omitempty"` // of OpenTelemetry, hexadecimal; a Watcher that traces fills it in, and Span
	Span        string            `json:"span_id,omitempty"`
	Approved    string            `json:"approved,omitempty"` // names the approved answer that was given
	Choices     []string          `json:"choices,omitempty"`  // documents, or former communes ("don-vi-cu/…"), behind Suggestions when Status is Clarify
}

// Citation is a source of the answer; the answer refers to it as [N].
type Citation struct {
	N         int         `json:"n"`
	Document  string      `json:"document"`
	Section   string      `json:"section"`
	Title     string      `json:"title"`
	URL       string      `json:"url,omitempty"`
	Checked   corpus.Date `json:"checked,omitempty"`
	ValidFrom corpus.Date `json:"valid_from,omitempty"`

	heading string // of the section, for people
}

// Retrieved is one section that was found, with its fused score.
type Retrieved struct {
	Document string  `json:"document"`
	Section  string  `json:"section"`
	Score    float64 `json:"score"`
}

// Understood is what was made of the question before anything was looked up.
type Understood struct {
	Normalized string   `json:"normalized"` // shorthand written out, marks restored
	Intent     string   `json:"intent"`
	Facets     []Facet  `json:"facets"`
	Variant    []string `json:"variant"`   // no_diacritics, shorthand, typo: how it was typed
	Documents  []string `json:"documents"` // named by title, alias or code
	OldUnits   []string `json:"old_units"`
	FollowUp   bool     `json:"follow_up,omitempty"`
}

// Timings are milliseconds spent in each stage.
type Timings struct {
	Understand float64 `json:"understand"`
	Retrieve   float64 `json:"retrieve"`
	Answer     float64 `json:"answer"`
	Verify     float64 `json:"verify"`
	Total      float64 `json:"total"`
}

// Usage counts the tokens a model was paid for.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
}

// Versions name everything the answer depends on.
type Versions struct {
	Build     string `json:"build"`
	Knowledge string `json:"knowledge"`
	Prompts   string `json:"prompts"`
	Model     string `json:"model"`
	Embedder  string `json:"embedder"`
}

// SectionName is the heading of the cited section as people read it.
func (c Citation) SectionName() string {
	if c.heading != "" {
		return c.heading
	}
	return corpus.Heading(c.Section)
}

// Turn is what a dialogue keeps of an outcome for the questions after it.
func (o Outcome) Turn() Turn {
	t := Turn{Question: o.Question, Answer: o.Answer, Choices: o.Choices, Facets: o.Understood.Facets}
	for _, c := range o.Citations {
		if !slices.Contains(t.Documents, c.Document) {
			t.Documents = append(t.Documents, c.Document)
		}
	}
	return t
}
