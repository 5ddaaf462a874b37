package evaluation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"troly/internal/corpus"
	"troly/internal/pipeline"
)

var morning = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

func liveOutcome(id string, status pipeline.Status) Live {
	return Live{
		ID: id, Time: morning, Conversation: "c-" + id, User: "u", Channel: "zalo",
		Outcome: pipeline.Outcome{Question: "lệ phí khai sinh", Status: status, Answer: "Lệ phí 8.000 đồng.", Checks: map[string]string{"language": "pass"}},
	}
}

func TestRecordHidesPeople(t *testing.T) {
	people := People{[]byte("key 1"), []byte("key 2")}
	o := pipeline.Outcome{Question: "số 0912345678 của tôi", Status: pipeline.Answered, Answer: "gọi 0912345678", Checks: map[string]string{"no_personal_data": "fail"}}
	o.Understood.Normalized = "số 0912345678 của tôi"
	l := people.record("o-1", morning, "zalo", "citizen", "dialogue-77", "zalo-user-77", o)
	line, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"0912345678", "dialogue-77", "zalo-user-77"} {
		if strings.Contains(string(line), secret) {
			t.Errorf("the record holds %q: %s", secret, line)
		}
	}
	again := people.record("o-2", morning, "zalo", "citizen", "dialogue-77", "zalo-user-77", o)
	other := People{[]byte("key 1"), []byte("key 3")}.record("o-3", morning, "zalo", "citizen", "dialogue-77", "zalo-user-77", o)
	if l.User != again.User || l.User == other.User || l.Conversation != other.Conversation {
		t.Error("a person is not the same under one key, or is under another")
	}
	back, err := ReadLive(strings.NewReader(string(line)), "live")
	if err != nil || len(back) != 1 || back[0].Question != l.Question || back[0].ID != "o-1" {
		t.Errorf("read back %+v, %v", back, err)
	}
}

func TestFeedbackIsUpserted(t *testing.T) {
	outcomes := []Live{liveOutcome("o-1", pipeline.Answered)}
	lines := `{"outcome_id":"o-1","user_key":"a","value":"up","ts":"2026-11-27T08:00:00Z"}
{"outcome_id":"o-1","user_key":"b","value":"up","ts":"2026-11-27T08:00:00Z"}
{"outcome_id":"o-1","user_key":"a","value":"down","reason":"sai phí","ts":"2026-11-27T08:05:00Z"}
{"outcome_id":"o-1","user_key":"b","value":"down","ts":"2026-11-27T07:00:00Z"}
{"outcome_id":"gone","user_key":"b","value":"up","ts":"2026-11-27T08:00:00Z"}`
	for range 2 { // the same file twice changes nothing
		unknown, err := ReadFeedback(strings.NewReader(lines), "feedback", outcomes)
		if err != nil || unknown != 1 {
			t.Fatalf("ReadFeedback = %d, %v, want 1 unknown", unknown, err)
		}
	}
	got := outcomes[0].Feedback
	if len(got) != 2 || got[0].Value != ThumbsDown || got[0].Reason != "sai phí" || got[1].Value != ThumbsUp {
		t.Errorf("feedback = %+v, want the later word of each person", got)
	}
	if _, err := ReadFeedback(strings.NewReader("\n{\"value\":\"maybe\"}"), "feedback", outcomes); err == nil || !strings.HasPrefix(err.Error(), `feedback:2: value "maybe"`) {
		t.Errorf("bad value: %v", err)
	}
}

func TestReadLiveNamesTheLine(t *testing.T) {
	one := `{"outcome_id":"a","status":"answered"}`
	for text, want := range map[string]string{
		one + "\n" + one:        `live:2: outcome "a" is there twice`,
		`{"status":"answered"}`: "live:1: outcome_id is missing",
		`{"outcome_id":"a"}`:    `live:1: outcome "a" has no status`,
		one + "\n\n{":           "live:3: no valid JSON",
		`{"outcome_id":"a","status":"answered","sample":{"decision":true,"pi":0}}`: `live:1: outcome "a": its inclusion probability is 0`,
	} {
		if _, err := ReadLive(strings.NewReader(text), "live"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("ReadLive(%q): %v, want %s …", text, err, want)
		}
	}
}

func TestStrata(t *testing.T) {
	failed, refused, near, alone := liveOutcome("a", pipeline.Answered), liveOutcome("b", pipeline.Refused), liveOutcome("c", pipeline.Answered), liveOutcome("d", pipeline.Answered)
	failed.Checks["citations"] = "fail"
	unhappy := liveOutcome("e", pipeline.Refused)
	unhappy.give(Feedback{User: "x", Value: ThumbsDown})
	near.Retrieved = []pipeline.Retrieved{{Document: "x", Score: 2}, {Document: "x", Section: "s", Score: 1.95}, {Document: "y", Score: 1.9}}
	alone.Retrieved = []pipeline.Retrieved{{Document: "x", Score: 2}, {Document: "x", Section: "s", Score: 1.9}}
	for _, tt := range []struct {
		l    Live
		want Stratum
	}{{failed, CriticalCheck}, {unhappy, NotContent}, {refused, NotAnswered}, {near, Undecided}, {alone, Ordinary}} {
		if got := tt.l.stratum(); got != tt.want {
			t.Errorf("stratum of %s = %s, want %s", tt.l.ID, got, tt.want)
		}
	}
}

// manyOutcomes are 4,000 answers and 1,000 refusals.
func manyOutcomes() []Live {
	var all []Live
	for i := range 5000 {
		status := pipeline.Answered
		if i%5 == 0 {
			status = pipeline.Refused
		}
		l := liveOutcome(fmt.Sprintf("o-%d", i), status)
		l.Retrieved = []pipeline.Retrieved{{Document: "x", Score: 2}}
		all = append(all, l)
	}
	return all
}

func TestWeightedEstimatesAreRight(t *testing.T) {
	lib, _, err := corpus.Load(fstest.MapFS{"skills/x.md": {Data: []byte("---\nid: x\ntitle: Một bài\nkind: skill\nchecked: 2026-11-23\n---\n## Tóm tắt\nMột dòng.\n")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, budget := range []int{0, 300} {
		outcomes := manyOutcomes()
		DrawSample(outcomes, Rates{NotAnswered: 0.5, Ordinary: 0.1}, budget)
		r, err := ScoreLive(context.Background(), outcomes, NewScorer(lib, nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		if budget > 0 && r.Sampled != budget {
			t.Errorf("%d looked at, want the budget of %d", r.Sampled, budget)
		}
		for _, f := range r.Figures {
			if f.Metric != "answered" {
				continue
			}
			if i := f.Estimate.Interval; i.Low > 0.8 || i.High < 0.8 || math.Abs(f.Estimate.Mean-0.8) > 0.06 {
				t.Errorf("budget %d: answered = %.3f %v, want 0.8 in it", budget, f.Estimate.Mean, i)
			}
			if f.Naive > 0.6 {
				t.Errorf("budget %d: unweighted %.3f, the sample should be lopsided", budget, f.Naive)
			}
		}
		again := manyOutcomes()
		DrawSample(again, Rates{NotAnswered: 0.5, Ordinary: 0.1}, budget)
		for i := range again {
			if *again[i].Sampling != *outcomes[i].Sampling {
				t.Fatalf("decision on %s changed: %+v, %+v", again[i].ID, again[i].Sampling, outcomes[i].Sampling)
			}
		}
	}
}

func TestLiveOutcomesAreJudged(t *testing.T) {
	lib, _, err := corpus.Load(fstest.MapFS{"procedures/khai-sinh.md": {Data: []byte(promoteDocument)}})
	if err != nil {
		t.Fatal(err)
	}
	l := liveOutcome("a", pipeline.Answered)
	l.Answer = "Lệ phí 8.000 đồng một bản sao [1]."
	l.Citations = []pipeline.Citation{{N: 1, Document: "khai-sinh", Section: "le-phi"}}
	outcomes := []Live{l, liveOutcome("b", pipeline.Refused)}
	DrawSample(outcomes, Rates{NotAnswered: 1, Ordinary: 1}, 0)
	r, err := ScoreLive(context.Background(), outcomes, NewScorer(lib, nil), newModelJudge(t, &reader{}))
	if err != nil {
		t.Fatal(err)
	}
	figures := make(map[string]LiveFigure)
	for _, f := range r.Figures {
		figures[f.Metric] = f
	}
	if f := figures["judge_faithfulness"]; f.Estimate.N != 1 {
		t.Errorf("judge_faithfulness = %+v, want it of the one answer", f)
	}
	if r.Unscored["judge_faithfulness"]["not_answered"] != 1 {
		t.Errorf("unscored = %v, want the refusal in it", r.Unscored)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ScoreLive(ctx, outcomes, NewScorer(lib, nil), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestKeptDecisionsStay(t *testing.T) {
	outcomes := []Live{liveOutcome("a", pipeline.Answered)}
	outcomes[0].Sampling = &Sampling{Sampled: true, Reason: "evaluated", Stratum: Ordinary, Rate: 0.02, Probability: 0.02}
	DrawSample(outcomes, DefaultRates(), 0)
	if s := outcomes[0].Sampling; !s.Sampled || s.Probability != 0.02 {
		t.Errorf("a kept decision became %+v", s)
	}
}

func TestSignals(t *testing.T) {
	turn := func(dialogue, question string, after time.Duration, status pipeline.Status) Live {
		l := liveOutcome(dialogue+question, status)
		l.Conversation, l.Question, l.Time = dialogue, question, morning.Add(after)
		return l
	}
	got := signals([]Live{
		turn("a", "lệ phí đăng ký khai sinh", 0, pipeline.Answered), turn("a", "le phi dang ky khai sinh la bao nhieu", time.Minute, pipeline.HandedOver),
		turn("b", "lệ phí đăng ký khai sinh", 0, pipeline.Answered), turn("b", "lệ phí đăng ký khai sinh", time.Hour, pipeline.Answered),
		turn("c", "sang tên xe", 0, pipeline.Answered), turn("c", "đổi bằng lái ở đâu", time.Minute, pipeline.Clarify),
	})
	if got["rephrased"] != 1 || got["asked_a_human"] != 1 || got["left_after_question"] != 1 {
		t.Errorf("signals = %v, want one of each", got)
	}
}

const promoteDocument = `---
id: khai-sinh
title: Đăng ký khai sinh
kind: procedure
checked: 2026-11-23
asked:
  - làm giấy khai sinh cho con mới đẻ cần mang những giấy tờ gì
---
## Lệ phí
Lệ phí 8.000 đồng một bản sao.
`

// candidate is a labelled and reviewed case that should be accepted.
func candidate() Case {
	return Case{
		SchemaVersion: 1, ID: "live-1", BaseID: "live-1", Variant: Plain, VariantOrigin: "human", Question: "xin bản sao trích lục ở huyện cũ thì mất mấy đồng", Audience: "resident", Channel: "zalo", Intent: "fee",
		ExpectedDocs: []ExpectedDoc{{Doc: "khai-sinh", Section: "le-phi", Grade: 3}},
		KeyFacts:     []Fact{{ID: "f1", Importance: "vital", Type: "money_vnd", Value: json.RawMessage("8000"), Evidence: []Evidence{{Doc: "khai-sinh", Section: "le-phi", Quote: "Lệ phí 8.000 đồng một bản sao."}}}},
		AsOf:         "2026-11-27", Split: splitOf("live-1"), Weight: 1,
		Source: &Source{Kind: "production", TraceID: "t1", Author: "lan", ReviewedBy: "minh", ReviewDate: "2026-11-27", Created: "2026-11-27"},
	}
}

func TestPromote(t *testing.T) {
	lib, problems, err := corpus.Load(fstest.MapFS{"procedures/khai-sinh.md": {Data: []byte(promoteDocument)}})
	if err != nil || lib.Document("khai-sinh") == nil {
		t.Fatal(problems, err)
	}
	existing := []Case{{ID: "old-1", Variant: Plain, Question: "con em học lớp một thì nộp học phí bao nhiêu"}}
	for _, tt := range []struct {
		name   string
		change func(c *Case)
		want   string // empty: accepted
	}{
		{"good", func(*Case) {}, ""},
		{"a refusal", func(c *Case) {
			c.ExpectedDocs, c.KeyFacts, c.MustRefuse, c.RefusalKind = nil, nil, true, "out_of_scope"
		}, ""},
		{"one person", func(c *Case) { c.Source.ReviewedBy = "lan" }, "lan cannot review their own labels"},
		{"nobody reviewed", func(c *Case) { c.Source.ReviewedBy = "" }, "must say who labelled"},
		{"not from production", func(c *Case) { c.Source.Kind = "authored" }, "source must be production"},
		{"chosen split", func(c *Case) { c.Split = map[string]string{"dev": "test", "test": "dev"}[c.Split] }, "split must be"},
		{"no facts", func(c *Case) { c.KeyFacts = nil }, "needs key_facts"},
		{"personal data", func(c *Case) { c.Question += " số em là 0912345678" }, "holds personal data (phone)"},
		{"typed like an old case", func(c *Case) { c.Question = "con em hoc lop mot thi nop hoc phi bao nhieu" }, "nearly the same as case old-1"},
		{"taken from the knowledge", func(c *Case) {
			c.Question = "làm giấy khai sinh cho con mới đẻ cần mang những giấy tờ gì ạ"
		}, "nearly the same as knowledge khai-sinh"},
		{"fact the knowledge lacks", func(c *Case) { c.KeyFacts[0].Evidence[0].Quote = "Lệ phí 9.000 đồng" }, "f1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := candidate()
			tt.change(&c)
			line, err := json.Marshal(Draft{Case: c, Answer: "x"})
			if err != nil {
				t.Fatal(err)
			}
			into := filepath.Join(t.TempDir(), "production.jsonl")
			if err := os.WriteFile(into, []byte(`{"kept":true}`), 0o644); err != nil {
				t.Fatal(err)
			}
			p := Promoter{Lib: lib, Today: "2026-11-27", Existing: existing}
			results, err := p.Promote(SetFile{fstest.MapFS{"c.jsonl": {Data: line}}, "c.jsonl", "c.jsonl"}, into)
			if err != nil || len(results) != 1 {
				t.Fatalf("Promote = %+v, %v", results, err)
			}
			kept, err := os.ReadFile(into)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Count(string(kept), "\n")
			if tt.want == "" {
				if !results[0].Accepted || lines != 2 || strings.Contains(string(kept), "x_answer") || !strings.HasPrefix(string(kept), `{"kept":true}`+"\n") {
					t.Errorf("not accepted: %v; file:\n%s", results[0].Problems, kept)
				}
				return
			}
			if all := strings.Join(results[0].Problems, "; "); results[0].Accepted || !strings.Contains(all, tt.want) || lines != 0 {
				t.Errorf("problems = %q, want %q and nothing written; file:\n%s", all, tt.want, kept)
			}
		})
	}
}

func TestPromoteTakesAQuestionOnce(t *testing.T) {
	lib, _, err := corpus.Load(fstest.MapFS{"procedures/khai-sinh.md": {Data: []byte(promoteDocument)}})
	if err != nil {
		t.Fatal(err)
	}
	first, second := candidate(), candidate()
	second.ID, second.BaseID, second.Split = "live-2", "live-2", splitOf("live-2")
	var text strings.Builder
	for _, c := range []Case{first, second} {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(string(line) + "\n")
	}
	p := Promoter{Lib: lib, Today: "2026-11-27"}
	results, err := p.Promote(SetFile{fstest.MapFS{"c.jsonl": {Data: []byte(text.String())}}, "c.jsonl", "c.jsonl"}, filepath.Join(t.TempDir(), "new.jsonl"))
	if err != nil || !results[0].Accepted || results[1].Accepted {
		t.Errorf("Promote of one question twice = %+v, %v, want the first only", results, err)
	}
}

func TestDraftIsMasked(t *testing.T) {
	l := liveOutcome("O 7/x", pipeline.Answered)
	l.Question, l.Answer = "sđt e là 0912345678", "gọi 0912345678"
	d := NewDraft(&l)
	if strings.Contains(d.Question+d.Answer, "0912345678") || d.ID != "live-o-7-x" || d.Source.TraceID != "O 7/x" || d.Split == "" {
		t.Errorf("draft = %+v", d)
	}
}

func FuzzReadLive(f *testing.F) {
	f.Add(`{"outcome_id":"a","status":"answered","feedback":[{"user_key":"u","value":"down"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		outcomes, err := ReadLive(strings.NewReader(text), "live")
		if err != nil {
			return
		}
		decided := len(sampled(outcomes))
		DrawSample(outcomes, DefaultRates(), 3)
		if n := len(sampled(outcomes)) - decided; n > 3 {
			t.Errorf("%d sampled with a budget of 3", n)
		}
		signals(outcomes)
	})
}
