package evaluation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"troly/internal/pipeline"
)

// Stage is a part of a run whose results are kept, so that changing a later one asks
// nothing of an earlier one.
type Stage string

// The stages, in order.
const (
	Retrieve    Stage = "retrieve" // what is found
	Answer      Stage = "answer"   // what is said
	CheckClaims Stage = "claims"   // its sentences against what they cite
	Judging     Stage = "judge"    // what a model makes of it
)

// defaultStages need no model.
func defaultStages() []Stage { return []Stage{Retrieve, Answer, CheckClaims} }

// ParseStages reads a list of stages; a stage brings those before it along.
func ParseStages(names []string) ([]Stage, error) {
	all := []Stage{Retrieve, Answer, CheckClaims, Judging}
	last := -1
	for _, name := range names {
		i := slices.Index(all, Stage(strings.TrimSpace(name)))
		if i < 0 {
			return nil, fmt.Errorf("stage %q: write retrieve, answer, claims or judge", name)
		}
		last = max(last, i)
	}
	if last < 0 {
		return nil, errors.New("no stage is named: write retrieve, answer, claims or judge")
	}
	return all[:last+1], nil
}

// Asker answers questions; *pipeline.Assistant is one.
type Asker interface {
	Ask(ctx context.Context, q pipeline.Question) pipeline.Outcome
	Search(ctx context.Context, q pipeline.Question) ([]pipeline.Retrieved, error)
}

// Judge has a model judge answers. Name tells everything its verdicts depend on: a
// change of it makes kept verdicts stale.
type Judge interface {
	Name() string
	Judge(ctx context.Context, in JudgeInput) (JudgeOutput, error)
}

// JudgeInput is what a judge sees of one sample.
type JudgeInput struct {
	Case     *Case
	Sample   *Sample
	Passages []Passage // what was retrieved or cited
}

// Passage is a section of the knowledge as the judge reads it.
type Passage struct {
	Document string
	Section  string
	Text     string
}

// JudgeOutput is what a judge says of one sample; Detail is kept as it is.
type JudgeOutput struct {
	Metrics  map[string]float64 `json:"metrics"`
	Unscored map[string]string  `json:"unscored,omitempty"` // metric -> reason, judge_parse say
	Detail   json.RawMessage    `json:"detail,omitempty"`
	Usage    pipeline.Usage     `json:"usage"`
}

// Judged is a line of judge.jsonl.
type Judged struct {
	Case   string `json:"case"`
	Repeat int    `json:"repeat"`
	Key    string `json:"key"`
	Error  string `json:"error"`
	JudgeOutput
}

// ErrNoJudge is a run that is to be judged, and no judge.
var ErrNoJudge = errors.New("judging needs a model: set JUDGE_MODEL (or LLM_MODEL) and OPENAI_BASE_URL or OPENAI_API_KEY, or leave it out")
