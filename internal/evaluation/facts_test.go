package evaluation_test

import (
	"context"
	"os"
	"testing"

	"troly/eval"
	"troly/internal/evaluation"
)

func TestFactsDump(t *testing.T) {
	if os.Getenv("FACTS") == "" {
		t.Skip()
	}
	lib := loadLibrary(t)
	a := newAssistant(t, lib)
	cases, _ := evaluation.Load(eval.FS, "sets/residents.jsonl")
	for _, c := range cases {
		s := evaluation.Score(c, a.Ask(context.Background(), c.PipelineQuestion()))
		if s.Metrics[evaluation.FirstRight] == 1 && s.Status == "answered" && s.Metrics[evaluation.AllFacts] == 0 && len(c.KeyFacts) > 0 {
			t.Logf("### %s | %s | facets %v", c.ID, c.Question, s.Understood.Facets)
			for _, f := range c.KeyFacts {
				if !f.Match(s.Answer) {
					t.Logf("    MISSED %s %s %s %v %v", f.ID, f.Type, f.Value, f.AnyOf, f.Importance)
				}
			}
			t.Logf("%s", s.Answer)
		}
	}
	for _, p := range evaluation.Lint("residents", cases, lib) {
		t.Log(p)
	}
}
