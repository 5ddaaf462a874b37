package evaluation

import (
	"slices"

	"troly/internal/pipeline"
)

// Sample is one case with its outcome and what was measured on it: a line of
// samples.jsonl in a run directory. The fields of the outcome stand beside the others.
type Sample struct {
	Set        string  `json:"set"`
	Case       string  `json:"case"`
	BaseID     string  `json:"base_id"`
	Variant    Variant `json:"variant"`
	Repeat     int     `json:"repeat"` // from 0
	Intent     string  `json:"intent"`
	Collection string  `json:"collection"`
	Audience   string  `json:"audience"`
	Difficulty string  `json:"difficulty"`
	Split      string  `json:"split"`

	// Metrics holds what could be measured; Unscored says of each other metric, or
	// of a whole family, why not. Nothing stands in both.
	Metrics  map[string]float64 `json:"metrics"`
	Unscored map[string]string  `json:"unscored,omitempty"`

	Facts     []FactResult   `json:"facts,omitempty"`
	Forbidden []ForbiddenHit `json:"forbidden,omitempty"`
	Claims    []Claim        `json:"claims,omitempty"`
	Missed    Miss           `json:"missed,omitempty"`    // where the answer was lost; empty when it was not
	Collapsed int            `json:"collapsed,omitempty"` // sections counted to a document already ranked
	Cached    bool           `json:"cached,omitempty"`    // the outcome is from the cache: its timings say nothing
	Key       string         `json:"key"`                 // hash of everything the outcome depends on
	Error     string         `json:"error"`               // the case could not be asked or scored; it is in no mean

	pipeline.Outcome
}

// Support is how far an answer says a fact.
type Support string

// Degrees of support.
const (
	Full    Support = "full"
	Partial Support = "partial" // some parts of an all_of list
	None    Support = "none"
)

// Match is where and how a text says something. Start and End are byte offsets in
// the text as it was given; both are 0 when Support is None.
type Match struct {
	Support Support `json:"support"`
	Tier    int     `json:"tier"` // 0 typed value, 1 words, 2 words without diacritics
	Start   int     `json:"start"`
	End     int     `json:"end"`
	Denied  bool    `json:"denied,omitempty"` // it is there, but with the opposite sense
}

// FactResult is what became of one key fact.
type FactResult struct {
	ID         string `json:"id"`
	Importance string `json:"importance"`
	Match
	InContext bool `json:"in_context"`       // what was retrieved or cited says it
	Missed    Miss `json:"missed,omitempty"` // the stage that lost it
}

// ForbiddenHit is a statement in the answer that should not be there.
type ForbiddenHit struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Severity string `json:"severity"`
	Start    int    `json:"start"` // byte offsets in the answer
	End      int    `json:"end"`
}

// serious reports whether the answer holds a forbidden statement that is worse than minor.
func (s *Sample) serious() bool {
	return slices.ContainsFunc(s.Forbidden, func(h ForbiddenHit) bool { return h.Severity != "minor" })
}

// Claim is one factual sentence of an answer with the citations that stand for it.
type Claim struct {
	Start    int   `json:"start"` // byte offsets in the answer
	End      int   `json:"end"`
	Cited    []int `json:"cited,omitempty"`    // numbers of its citations
	Right    []int `json:"right,omitempty"`    // those whose section says it
	Values   int   `json:"values,omitempty"`   // typed values in it
	Grounded int   `json:"grounded,omitempty"` // of these, found in the context
}

// Miss is the stage at which a right answer was lost.
type Miss string

// The stages, in the order in which they are looked at.
const (
	NotInCorpus   Miss = "not_in_corpus"
	NotRetrieved  Miss = "not_retrieved"
	NotSaid       Miss = "not_said"        // retrieved and not said
	SaidWrongly   Miss = "said_wrongly"    // another value of its kind, or the opposite, is said
	NotCited      Miss = "not_cited"       // said, and no citation stands for it
	NotDeclined   Miss = "not_declined"    // answered what should be refused
	NotClarified  Miss = "not_clarified"   // answered what should be asked back
	NotHandedOver Miss = "not_handed_over" // sent to no person, or not to the right place
)

// Misses are all stages, in order.
func Misses() []Miss {
	return []Miss{NotInCorpus, NotRetrieved, NotSaid, SaidWrongly, NotCited, NotDeclined, NotClarified, NotHandedOver}
}

// labels are the names by which samples are sliced, with this sample's value of each.
func (s *Sample) labels() [7][2]string {
	return [7][2]string{
		{"set", s.Set}, {"intent", s.Intent}, {"variant", string(s.Variant)}, {"collection", s.Collection},
		{"audience", s.Audience}, {"difficulty", s.Difficulty}, {"split", s.Split},
	}
}
