package evaluation_test

import (
	"context"
	"slices"
	"testing"

	"troly/internal/conversation"
	"troly/internal/evaluation"
	"troly/internal/pipeline"
)

// talker answers what it is asked about cards, and nothing else.
type talker struct{ clerk }

func (t *talker) Stream(ctx context.Context, q pipeline.Question, _ pipeline.Release) pipeline.Outcome {
	o := t.Ask(ctx, q)
	if q.Text != "làm thẻ mất bao nhiêu tiền" {
		o.Status, o.Answer, o.Citations = pipeline.Abstained, "Tôi chưa có thông tin. Bạn gọi 0216123456.", nil
	}
	return o
}

func (t *talker) Emergency(string) bool { return false }

// Cases that expect a hand-off are asked through a dialogue, which decides it.
func TestHandoff(t *testing.T) {
	lib := smallLibrary(t)
	scorer := evaluation.NewScorer(lib, nil)
	dialogue := evaluation.NewDialogue(new(talker), lib)
	user := func(texts ...string) (history []evaluation.Message) {
		for _, text := range texts {
			history = append(history, evaluation.Message{Role: "user", Text: text})
		}
		return history
	}
	const fee = "làm thẻ mất bao nhiêu tiền"
	for _, tt := range []struct {
		name, question, handoff string
		history                 []evaluation.Message
		refuse                  bool
		status                  pipeline.Status
		metric                  string
		value, pass             float64
	}{
		{"asks for a person", "cho em gặp cán bộ", "officer", nil, false, pipeline.HandedOver, "handoff", 1, 1},
		{"after an answer", "không đúng ý tôi, cho gặp người thật", "officer", user(fee), false, pipeline.HandedOver, "handoff", 1, 1},
		{"is not understood", "hôm nay mưa quá", "officer", nil, false, pipeline.Abstained, "handoff", 0, 0},
		{"is offered one", "xin visa ở đâu", "offered", user("xin quốc tịch ở đâu"), true, pipeline.Abstained, "handoff", 1, 1},
		{"failed once only", "xin visa ở đâu", "offered", nil, true, pipeline.Abstained, "handoff", 0, 0},
		{"speaks of persons", fee, "nobody", nil, false, pipeline.Answered, "false_handoff", 0, 1},
		{"is given away needlessly", "gặp cán bộ", "nobody", nil, false, pipeline.HandedOver, "false_handoff", 1, 0},
		{"is sent on", "xin visa ở đâu", "tong-dai", nil, true, pipeline.Abstained, "handoff", 1, 1},
		{"is sent elsewhere", "xin visa ở đâu", "113", nil, true, pipeline.Abstained, "handoff", 0, 0},
	} {
		c := feeCase()
		c.Question, c.ExpectedHandoff, c.History = tt.question, tt.handoff, tt.history
		if tt.handoff != "nobody" {
			c.Intent, c.ExpectedDocs, c.KeyFacts = "handoff", nil, nil
		}
		if tt.refuse {
			c.MustRefuse, c.RefusalKind = true, "no_source"
		}
		c.KeyFacts, c.Forbidden = nil, nil
		o := dialogue.Ask(t.Context(), c.PipelineQuestion())
		s := scorer.Score(&c, o, true)
		if o.Status != tt.status || s.Metrics[tt.metric] != tt.value || s.Metrics[evaluation.Pass] != tt.pass {
			t.Errorf("%s: %q ends as %s with %s %v, pass %v (%q); want %s, %v, %v", tt.name, tt.question, o.Status, tt.metric, s.Metrics[tt.metric], s.Metrics[evaluation.Pass], o.Answer, tt.status, tt.value, tt.pass)
		}
		if _, measured := s.Metrics[tt.metric]; !measured {
			t.Errorf("%s: %s is unscored (%s)", tt.name, tt.metric, s.Unscored[tt.metric])
		}
		if wrong := s.Missed != ""; wrong == (tt.pass == 1) {
			t.Errorf("%s: lost at %q with pass %v", tt.name, s.Missed, tt.pass)
		}
	}
	if o := dialogue.Ask(t.Context(), pipeline.Question{Text: "xin visa ở đâu", History: []pipeline.Turn{{Question: "xin quốc tịch ở đâu"}}}); !slices.Contains(o.Suggestions, conversation.LabelStaff) {
		t.Errorf("after two failures the suggestions are %v, want a person among them", o.Suggestions)
	}
}

// A runner asks only cases with an expected hand-off through the dialogue.
func TestRunnerAsksHandoffsInADialogue(t *testing.T) {
	cases := manyCases(2)
	cases[1].Question, cases[1].ExpectedHandoff, cases[1].ExpectedDocs, cases[1].KeyFacts = "cho em gặp cán bộ", "officer", nil, nil
	plain := new(clerk)
	run, _, err := startRun(t, t.TempDir(), cases, evaluation.Runner{Asker: plain, Dialogue: evaluation.NewDialogue(new(talker), smallLibrary(t))}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samplesOf(t, run) {
		if want := map[string]pipeline.Status{"fee.0": pipeline.Answered, "fee.1": pipeline.HandedOver}[s.Case]; s.Status != want {
			t.Errorf("%s ends as %s, want %s", s.Case, s.Status, want)
		}
	}
	if n := plain.asked.Load(); n != 1 {
		t.Errorf("the assistant was asked %d questions, want 1: the other goes through the dialogue", n)
	}
}
