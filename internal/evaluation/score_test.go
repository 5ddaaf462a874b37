package evaluation_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"testing/fstest"

	"troly/internal/corpus"
	"troly/internal/evaluation"
	"troly/internal/pipeline"
)

const smallDocument = `---
id: lam-the
title: Cấp thẻ
kind: procedure
aliases: [làm thẻ]
audience: citizen
level: commune
authority: Công an cấp xã
submit: [in_person]
fees:
  - {for: Cấp lần đầu, value: 30000, unit: đồng}
durations:
  - {for: Giải quyết, value: 5, unit: ngày làm việc}
valid_from: 2025-07-01
checked: 2026-11-23
confidence: high
sources: [{title: Nguồn, date: 2026-11-23}]
---
## Tóm tắt
Người từ đủ 14 tuổi làm thẻ tại Công an cấp xã nơi đang ở.
## Hồ sơ
- Tờ khai theo mẫu CC01.
- Không phải nộp ảnh, nơi tiếp nhận chụp tại chỗ.
`

func smallLibrary(t testing.TB) *corpus.Library {
	t.Helper()
	lib, problems, err := corpus.Load(fstest.MapFS{
		"procedures/lam-the.md": {Data: []byte(smallDocument)},
		"contacts.yaml":         {Data: []byte("- {id: \"113\", name: Công an, phone: \"113\", verified: true}\n- {id: tong-dai, name: Tổng đài, phone: \"0216123456\", verified: true}\n")},
	})
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	return lib
}

func cite(n int, section string) pipeline.Citation {
	return pipeline.Citation{N: n, Document: "lam-the", Section: section, Title: "Cấp thẻ"}
}

// feeCase asks for a fee that the small library knows.
func feeCase() evaluation.Case {
	return evaluation.Case{
		SchemaVersion: 1, ID: "fee", BaseID: "fee", Variant: evaluation.Plain, Question: "làm thẻ mất bao nhiêu tiền, số em 0912345678", Audience: "resident", Channel: "zalo", Intent: "fee",
		AsOf: "2026-11-24", Split: "dev", ExpectedDocs: []evaluation.ExpectedDoc{{Doc: "lam-the", Section: "le-phi", Grade: 3}, {Doc: "khac", Grade: 0}},
		KeyFacts: []evaluation.Fact{
			{ID: "f", Importance: "vital", Type: "money_vnd", Value: json.RawMessage("30000"), Evidence: []evaluation.Evidence{{Doc: "lam-the", Section: "le-phi", Quote: "Cấp lần đầu: 30.000 đồng"}}},
			{ID: "g", Importance: "okay", Type: "working_days", Value: json.RawMessage(`"P5D"`)},
		},
		Forbidden: []evaluation.Forbidden{{ID: "x", Kind: "stale_authority", Severity: "major", Type: "text", AnyOf: []string{"công an huyện"}, UnlessAnyOf: []string{"trước đây"}}},
	}
}

func TestScoreAnswer(t *testing.T) {
	found := []pipeline.Retrieved{{Document: "khac", Section: "a", Score: 3}, {Document: "lam-the", Section: "le-phi", Score: 2}, {Document: "lam-the", Section: "thoi-han", Score: 1}}
	answered := func(text string, citations ...pipeline.Citation) pipeline.Outcome {
		return pipeline.Outcome{Status: pipeline.Answered, Answer: text, Citations: citations, Retrieved: found, Understood: pipeline.Understood{Intent: "fee"}}
	}
	lost := found[:1]
	for _, tt := range []struct {
		name    string
		outcome pipeline.Outcome
		want    map[string]float64
		without []string
		missed  evaluation.Miss
	}{
		{"right", answered("Cấp thẻ\nLệ phí [1]:\n- Cấp lần đầu: 30.000 đồng\n- Giải quyết trong 5 ngày làm việc. [2]", cite(1, "le-phi"), cite(2, "thoi-han")), map[string]float64{
			"pass": 1, "truthfulness": 1, "fact_recall_vital": 1, "fact_recall_all": 1, "fact_recall_vital_strict": 1, "context_fact_recall": 1, "fact_utilisation": 1, "number_grounding": 1,
			"citation_format": 1, "citation_precision_det": 1, "citation_recall_det": 1, "declined": 0, "false_refusal": 0, "false_clarify": 0, "router_accuracy": 1, "forbidden": 0, "pii_echo": 0,
			"language_ok": 1, "diacritics_ok": 1, "length_ok": 1, "markup_ok": 1, "success@1": 0, "success@3": 1, "mrr": 0.5, "hard_negative@1": 1, "judged@1": 1,
		}, []string{"refusal_recall", "clarify_recall", "handoff"}, ""},
		{"wrong fee", answered("Cấp lần đầu: 300.000 đồng [1]", cite(1, "le-phi")), map[string]float64{
			"pass": 0, "truthfulness": -1, "fact_recall_vital": 0, "number_grounding": 0, "citation_recall_det": 0, "context_fact_recall": 1, "fact_utilisation": 0,
		}, nil, evaluation.SaidWrongly},
		{"not said", answered("Người từ đủ 14 tuổi làm thẻ tại Công an cấp xã. [1]", cite(1, "tom-tat")), map[string]float64{
			"pass": 0, "truthfulness": 0, "fact_recall_vital": 0, "number_grounding": 1, "citation_recall_det": 1,
		}, nil, evaluation.NotSaid},
		{"said without a source", answered("Cấp lần đầu hết 30.000 đồng."), map[string]float64{"pass": 1, "citation_recall_det": 0, "fact_recall_vital": 1}, []string{"citation_precision_det", "citation_format"}, ""},
		{"a source that is not there", answered("Cấp lần đầu: 30.000 đồng [7]", cite(1, "le-phi")), map[string]float64{"citation_format": 0, "citation_precision_det": 0, "citation_recall_det": 0}, nil, ""},
		{"to an office of the past", answered("Cấp lần đầu: 30.000 đồng, nộp tại Công an huyện. [1]", cite(1, "le-phi")), map[string]float64{"pass": 0, "forbidden": 1, "forbidden_stale_authority": 1, "critical_any": 0, "truthfulness": -1}, nil, evaluation.SaidWrongly},
		{"an office of the past, said to be so", answered("Cấp lần đầu: 30.000 đồng [1]. Trước đây làm ở Công an huyện.", cite(1, "le-phi")), map[string]float64{"pass": 1, "forbidden": 0}, nil, ""},
		{"somebody's number", answered("Số 0912345678 của bạn: 30.000 đồng [1]", cite(1, "le-phi")), map[string]float64{"pii_echo": 1}, nil, ""},
		{"a contact", answered("Cấp lần đầu: 30.000 đồng [1]. Hỏi thêm gọi 0216123456.", cite(1, "le-phi")), map[string]float64{"number_grounding": 1}, nil, ""},
		{"declined", pipeline.Outcome{Status: pipeline.Abstained, Answer: "Tôi chưa có tài liệu, bạn gọi 113.", Retrieved: found}, map[string]float64{
			"pass": 0, "truthfulness": 0, "declined": 1, "false_refusal": 1, "fact_recall_vital": 0, "router_accuracy": 0,
		}, []string{"number_grounding", "citation_recall_det"}, evaluation.NotSaid},
		{"declined in words only", answered("Tôi không tìm thấy thông tin về 30.000 đồng."), map[string]float64{"declined": 1, "fact_recall_vital": 0}, nil, evaluation.NotSaid},
		{"not found", pipeline.Outcome{Status: pipeline.Answered, Answer: "Không rõ.", Retrieved: lost}, map[string]float64{"context_fact_recall": 0, "success@3": 0, "mrr": 0}, []string{"number_grounding", "fact_utilisation"}, evaluation.NotRetrieved},
		{"nothing found", pipeline.Outcome{Status: pipeline.Abstained, Answer: "Tôi chưa biết."}, map[string]float64{"success@1": 0, "recall@10": 0, "precision@5": 0, "hard_negative@3": 0}, []string{"judged@3"}, evaluation.NotRetrieved},
		{"empty", pipeline.Outcome{Status: pipeline.Answered, Retrieved: found}, map[string]float64{"fact_recall_vital": 0, "declined": 0, "false_refusal": 0}, []string{"language_ok", "citation_format", "citation_precision_det", "citation_recall_det"}, evaluation.NotSaid},
	} {
		c := feeCase()
		s := evaluation.NewScorer(smallLibrary(t), nil).Score(&c, tt.outcome, true)
		for metric, want := range tt.want {
			if got, ok := s.Metrics[metric]; !ok || math.Abs(got-want) > 1e-9 {
				t.Errorf("%s: %s = %v (measured %v), want %v", tt.name, metric, got, ok, want)
			}
		}
		for _, name := range tt.without {
			if v, ok := s.Metrics[name]; ok {
				t.Errorf("%s: %s = %v, want it unscored", tt.name, name, v)
			} else if m, known := evaluation.MetricNamed(name); !known {
				t.Errorf("%s: there is no metric %s", tt.name, name)
			} else if _, reason := s.Value(m); reason == "not_measured" || reason == "" {
				t.Errorf("%s: %s is unscored without a reason", tt.name, name)
			}
		}
		if s.Missed != tt.missed {
			t.Errorf("%s: missed at %q, want %q", tt.name, s.Missed, tt.missed)
		}
		every(t, tt.name, s)
	}
}

// Chunks of one document count as one, at the best rank; equal scores rank by ID
// downwards, whatever the order in which they were found.
func TestRankingOfASample(t *testing.T) {
	c := feeCase()
	scorer := evaluation.NewScorer(smallLibrary(t), nil)
	for _, tt := range []struct {
		name      string
		found     []pipeline.Retrieved
		mrr, p3   float64
		collapsed int
	}{
		{"the best of several", []pipeline.Retrieved{{Document: "lam-the", Section: "a", Score: 1}, {Document: "khac", Section: "a", Score: 2}, {Document: "lam-the", Section: "b", Score: 3}, {Document: "lam-the", Section: "c", Score: 2}}, 1, 1.0 / 3, 2},
		{"equal to a lower ID", []pipeline.Retrieved{{Document: "khac", Section: "a", Score: 1}, {Document: "lam-the", Section: "a", Score: 1}}, 1, 1.0 / 3, 0},
		{"equal to a higher ID", []pipeline.Retrieved{{Document: "lam-the", Section: "a", Score: 1}, {Document: "mat-the", Section: "a", Score: 1}}, 0.5, 1.0 / 3, 0},
	} {
		s := scorer.Score(&c, pipeline.Outcome{Retrieved: tt.found}, false)
		if s.Metrics["mrr"] != tt.mrr || s.Metrics["precision@3"] != tt.p3 || s.Collapsed != tt.collapsed {
			t.Errorf("%s: mrr %v, precision@3 %v, %d collapsed, want %v, %v, %d", tt.name, s.Metrics["mrr"], s.Metrics["precision@3"], s.Collapsed, tt.mrr, tt.p3, tt.collapsed)
		}
	}
}

// every checks that each metric is measured or has its reason, and not both.
func every(t *testing.T, name string, s evaluation.Sample) {
	t.Helper()
	for _, m := range evaluation.Metrics() {
		_, measured := s.Metrics[m.Name]
		if _, reason := s.Value(m); !measured && (reason == "not_measured" || reason == "") {
			t.Errorf("%s: %s is neither measured nor unscored for a reason", name, m.Name)
		}
		if _, both := s.Unscored[m.Name]; both && measured {
			t.Errorf("%s: %s is measured and unscored", name, m.Name)
		}
	}
}

func TestScoreDecisions(t *testing.T) {
	scorer := evaluation.NewScorer(smallLibrary(t), nil)
	refuse := evaluation.Case{ID: "r", BaseID: "r", Question: "đá bóng mấy giờ", Intent: "out_of_scope", MustRefuse: true, ExpectedHandoff: "113", AsOf: "2026-11-24"}
	clarify := evaluation.Case{ID: "c", BaseID: "c", Question: "làm giấy", Intent: "procedure", MustClarify: true, AsOf: "2026-11-24"}
	hello := evaluation.Case{ID: "h", BaseID: "h", Question: "chào", Intent: "smalltalk", AsOf: "2026-11-24"}
	for _, tt := range []struct {
		c      evaluation.Case
		status pipeline.Status
		answer string
		want   map[string]float64
		missed evaluation.Miss
	}{
		{refuse, pipeline.Refused, "Tôi không trả lời việc này. Cần gấp thì gọi 113.", map[string]float64{"pass": 1, "truthfulness": 1, "refusal_recall": 1, "router_accuracy": 1, "handoff": 1}, ""},
		{refuse, pipeline.Answered, "Trận đấu có tối nay.", map[string]float64{"pass": 0, "truthfulness": 0, "refusal_recall": 0, "handoff": 0}, evaluation.NotDeclined},
		{clarify, pipeline.Clarify, "Bạn muốn hỏi việc nào?", map[string]float64{"pass": 1, "clarify_recall": 1}, ""},
		{clarify, pipeline.Answered, "Làm ở xã.", map[string]float64{"pass": 0, "clarify_recall": 0}, evaluation.NotClarified},
		{hello, pipeline.SmallTalk, "Xin chào!", map[string]float64{"pass": 1, "router_accuracy": 1}, ""},
	} {
		s := scorer.Score(&tt.c, pipeline.Outcome{Status: tt.status, Answer: tt.answer, Understood: pipeline.Understood{Intent: "out_of_scope"}}, true)
		for metric, want := range tt.want {
			if got, ok := s.Metrics[metric]; !ok || got != want {
				t.Errorf("%s %s: %s = %v (measured %v), want %v", tt.c.ID, tt.status, metric, got, ok, want)
			}
		}
		if s.Missed != tt.missed {
			t.Errorf("%s %s: missed at %q, want %q", tt.c.ID, tt.status, s.Missed, tt.missed)
		}
		every(t, tt.c.ID, s)
	}
}

// TestTruthfulnessReference: of 20 answers 12 are right, 5 missing and 3 wrong (CRAG).
func TestTruthfulnessReference(t *testing.T) {
	c, scorer := feeCase(), evaluation.NewScorer(smallLibrary(t), nil)
	var samples []evaluation.Sample
	add := func(n int, o pipeline.Outcome) {
		for range n {
			s := scorer.Score(&c, o, true)
			s.Case, s.BaseID = fmt.Sprint(len(samples)), fmt.Sprint(len(samples))
			samples = append(samples, s)
		}
	}
	says := func(fee string) pipeline.Outcome {
		return pipeline.Outcome{Status: pipeline.Answered, Answer: "Cấp lần đầu: " + fee + " đồng [1]", Citations: []pipeline.Citation{cite(1, "le-phi")}}
	}
	add(12, says("30.000"))
	add(5, pipeline.Outcome{Status: pipeline.Abstained, Answer: "Tôi chưa có tài liệu."})
	add(3, says("300.000"))
	if m := evaluation.SummarizeSamples(samples).Metric(evaluation.Truthfulness); math.Abs(m.Mean-0.45) > 5e-7 || m.N != 20 {
		t.Errorf("truthfulness %.6f of %d, want 0.450000 of 20", m.Mean, m.N)
	}
}

func TestScoreErrorIsInNoMean(t *testing.T) {
	c := feeCase()
	scorer := evaluation.NewScorer(smallLibrary(t), nil)
	for _, o := range []pipeline.Outcome{
		{Status: pipeline.Failed, Error: "search: disk"},
		{Status: pipeline.Answered, Retrieved: []pipeline.Retrieved{{Document: "a", Score: math.NaN()}}},
	} {
		if s := scorer.Score(&c, o, true); s.Error == "" || len(s.Metrics) > 0 {
			t.Errorf("outcome %+v scores %v with error %q, want an error and no metric", o, s.Metrics, s.Error)
		}
	}
	s := scorer.Score(&c, pipeline.Outcome{Retrieved: []pipeline.Retrieved{{Document: "lam-the", Section: "le-phi", Score: 1}}}, false)
	if _, ok := s.Metrics["success@1"]; !ok || s.Unscored["facts"] != "stage_not_run" {
		t.Errorf("retrieval alone scores %v, unscored %v", s.Metrics, s.Unscored)
	}
	every(t, "retrieval alone", s)
}

// A document that was judged useless counts as trec_eval counts it: not relevant, no
// gain, its rank kept. Only the shares of judged and of useless ones tell it from one
// nobody looked at. The ranking is q1 of internal/trec's reference values, level 2.
func TestUselessDocuments(t *testing.T) {
	lib := smallLibrary(t)
	ranked := func(ids ...string) (list []pipeline.Retrieved) {
		for i, id := range ids {
			list = append(list, pipeline.Retrieved{Document: id, Section: "tom-tat", Score: 1 - float64(i)/10})
		}
		return list
	}
	graded := func(zero bool) []evaluation.ExpectedDoc {
		docs := []evaluation.ExpectedDoc{{Doc: "a", Grade: 2}, {Doc: "b", Grade: 1}, {Doc: "d", Grade: 3}}
		if zero {
			docs = append(docs, evaluation.ExpectedDoc{Doc: "c", Grade: 0})
		}
		return docs
	}
	c := feeCase()
	score := func(docs []evaluation.ExpectedDoc, found []pipeline.Retrieved) evaluation.Sample {
		c.ExpectedDocs, c.KeyFacts = docs, nil
		return evaluation.NewScorer(lib, nil).Score(&c, pipeline.Outcome{Status: pipeline.Answered, Retrieved: found}, false)
	}
	with := score(graded(true), ranked("a", "x", "d", "b", "c"))
	for name, want := range map[string]float64{
		"ap": 0.833333, "mrr": 1, "precision@3": 0.666667, "recall@3": 1, "ndcg@3": 0.735007, "ndcg@5": 0.825450, "success@1": 1,
		"judged@3": 0.666667, "judged@5": 0.8, "hard_negative@3": 0, "hard_negative@5": 0.2,
	} {
		if got := with.Metrics[name]; math.Abs(got-want) > 5.1e-7 {
			t.Errorf("%s = %.7f, want %.6f", name, got, want)
		}
	}
	without := score(graded(false), ranked("a", "x", "d", "b", "c"))
	for name, want := range without.Metrics {
		if got := with.Metrics[name]; got != want && name != "judged@5" && name != "judged@10" {
			t.Errorf("a grade of 0 makes %s %v, want %v as without it", name, got, want)
		}
	}
	if reason := without.Unscored["hard_negative@5"]; reason != "no_hard_negative" {
		t.Errorf("hard_negative@5 without a useless document is unscored for %q", reason)
	}
	first := score(graded(true), ranked("c", "a", "d"))
	for name, want := range map[string]float64{"success@1": 0, "mrr": 0.5, "hard_negative@1": 1, "precision@1": 0} {
		if got := first.Metrics[name]; got != want {
			t.Errorf("useless document first: %s = %v, want %v", name, got, want)
		}
	}
	only := score([]evaluation.ExpectedDoc{{Doc: "c", Grade: 0}}, ranked("c"))
	if reason := only.Unscored["retrieval"]; reason != "no_relevant_document" {
		t.Errorf("a case with useless documents only is unscored for %q, want no_relevant_document", reason)
	}
}
