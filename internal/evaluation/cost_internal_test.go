package evaluation

import (
	"math"
	"strings"
	"testing"

	"troly/internal/llm"
	"troly/internal/pipeline"
)

func TestCost(t *testing.T) {
	sample := func(id string, cached bool) Sample {
		s := Sample{Case: id, BaseID: id, Cached: cached}
		s.Usage = pipeline.Usage{PromptTokens: 1_000_000, CompletionTokens: 100_000}
		return s
	}
	set := rowsOf([]Sample{sample("a", false), sample("b", true)})
	set.judge(&set.list[0], &Judged{JudgeOutput: JudgeOutput{Usage: pipeline.Usage{PromptTokens: 2_000_000}}})
	s := set.summarize()
	if s.Tokens["prompt"] != 2_000_000 || s.Tokens["judge_prompt"] != 2_000_000 {
		t.Errorf("tokens %v, want 2 million of prompts and 2 of the judge's", s.Tokens)
	}
	if set.cost(nil) != nil || strings.Contains(s.UsageLine(), "cost") {
		t.Error("without a price there is a cost")
	}
	s.Cost = set.cost(&llm.Price{Prompt: 0.5, Completion: 2})
	want := Cost{Answers: 0.7, Judge: 1, Total: 1.7, PerAnswer: 0.7} // the cached answer cost nothing
	for _, f := range []struct{ got, want float64 }{{s.Cost.Answers, want.Answers}, {s.Cost.Judge, want.Judge}, {s.Cost.Total, want.Total}, {s.Cost.PerAnswer, want.PerAnswer}} {
		if math.Abs(f.got-f.want) > 1e-9 {
			t.Errorf("cost %+v, want %+v", *s.Cost, want)
		}
	}
	if line, want := s.UsageLine(), "tokens: answers 2000000 of prompts, 200000 of completions; judge 2000000, 0; cost 1.7000 (answers 0.7000, judge 1.0000; 0.700000 an answer)"; line != want {
		t.Errorf("UsageLine = %q, want %q", line, want)
	}
	if line := (&Summary{}).UsageLine(); line != "" {
		t.Errorf("without tokens UsageLine = %q, want nothing", line)
	}
}
