package evaluation_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/unicode/norm"

	"troly/internal/evaluation"
	"troly/internal/pipeline"
)

func TestFactMatch(t *testing.T) {
	money := func(v string) evaluation.Fact {
		return evaluation.Fact{Type: "money_vnd", Value: json.RawMessage(v)}
	}
	text := func(any ...string) evaluation.Fact { return evaluation.Fact{Type: "text", AnyOf: any} }
	days := evaluation.Fact{Type: "working_days", Value: json.RawMessage(`"P5D"`)}
	for _, tt := range []struct {
		fact   evaluation.Fact
		answer string
		want   bool
	}{
		{money("150000"), "phí 150.000 đồng", true},
		{money("150000"), "phí 150 nghìn", true},
		{money("150000"), "phí 150,000đ", true},
		{money("150000"), "một trăm năm mươi nghìn đồng", true},
		{money("150000"), "phí 150 đồng", false},
		{money("0"), "miễn phí", true},
		{money("0"), "không thu phí", true},
		{days, "05 ngày làm việc", true},
		{days, "5 ngày", false},
		{text("nộp lệ phí"), "Bạn nộp lệ phí khi nhận.", true},
		{text("nộp lệ phí"), "Bạn không phải nộp lệ phí.", false},
		{text("không phải nộp lệ phí"), "Bạn không phải nộp lệ phí.", true},
		{text("công xã"), "ra công an xã", false},
		{text("an toàn"), "toàn quốc", false},
		{text("hoà giải"), "hòa giải ở xã", true},
		{text("Yên Bái"), norm.NFD.String("ở Yên Bái"), true},
		{text("yên bái"), "o yen bai lam the nao", true}, // the answer itself has no marks
		{text("bán"), "bạn hỏi gì", false},
		{text("giấy chứng sinh"), "Mang giấy chứng sinh.", true},
		{evaluation.Fact{Type: "text", AllOf: []string{"căn cước", "ảnh"}}, "căn cước và ảnh", true},
		{evaluation.Fact{Type: "text", AllOf: []string{"căn cước", "ảnh"}}, "căn cước", false},
		{evaluation.Fact{Type: "legal_ref", Value: json.RawMessage(`"60/2014/QH13"`)}, "Luật 60/2014/qh13", true},
		{evaluation.Fact{Type: "form_code", Value: json.RawMessage(`"CT01"`)}, "mẫu CT01", true},
		{evaluation.Fact{Type: "form_code", Value: json.RawMessage(`"CT01"`)}, "mẫu CT02", false},
	} {
		if got := tt.fact.Match(tt.answer); got != tt.want {
			t.Errorf("%s %s %v in %q = %v, want %v", tt.fact.Type, tt.fact.Value, tt.fact.AnyOf, tt.answer, got, tt.want)
		}
	}
}

func TestPerturb(t *testing.T) {
	c := evaluation.Case{ID: "a", BaseID: "a", Variant: evaluation.Plain, Question: "Em không biết làm lại căn cước công dân ở đâu, được bao nhiêu ngày thì có thẻ mới hả anh chị?"}
	for _, v := range evaluation.Perturbed {
		one, two := evaluation.Perturb(c, v, 1), evaluation.Perturb(c, v, 1)
		if one.Question != two.Question || one.ID != "a."+string(v) || one.BaseID != "a" {
			t.Errorf("Perturb(%s) is not the same twice: %q, %q", v, one.Question, two.Question)
		}
		if one.Question == c.Question || !norm.NFC.IsNormalString(one.Question) {
			t.Errorf("Perturb(%s) = %q, want another NFC text", v, one.Question)
		}
	}
	if got := evaluation.Perturb(c, evaluation.NoDiacritics, 1).Question; !strings.HasPrefix(got, "Em khong biet lam lai can cuoc") {
		t.Errorf("no_diacritics = %q", got)
	}
}

func TestLoadStrict(t *testing.T) {
	good := `{"schema_version":1,"id":"a","base_id":"a","variant":"plain","question":"x","expected_docs":[],"key_facts":[],"as_of":"2026-11-24","x_note":1}`
	for name, line := range map[string]string{
		"unknown field": strings.Replace(good, "x_note", "note_x", 1),
		"no JSON":       "{",
		"wrong type":    strings.Replace(good, `"question":"x"`, `"question":1`, 1),
	} {
		_, err := evaluation.Load(fstest.MapFS{"s.jsonl": {Data: []byte(good + "\n" + line)}}, "s.jsonl")
		if err == nil || !strings.Contains(err.Error(), "s.jsonl:2") {
			t.Errorf("%s: error %v, want one that names line 2", name, err)
		}
	}
	cases, err := evaluation.Load(fstest.MapFS{"s.jsonl": {Data: []byte(good + "\n\n")}}, "s.jsonl")
	if err != nil || len(cases) != 1 || cases[0].Weight != 1 {
		t.Errorf("Load = %v, %v", cases, err)
	}
}

func TestScore(t *testing.T) {
	c := evaluation.Case{
		ExpectedDocs: []evaluation.ExpectedDoc{{Doc: "right", Grade: 3}, {Doc: "related", Grade: 1}},
		KeyFacts:     []evaluation.Fact{{ID: "f", Importance: "vital", Type: "money_vnd", Value: json.RawMessage("8000")}},
		AsOf:         "2026-11-24",
	}
	retrieved := []pipeline.Retrieved{{Document: "related"}, {Document: "related"}, {Document: "right"}}
	s := evaluation.Score(c, pipeline.Outcome{Status: pipeline.Answered, Answer: "8.000 đồng", Retrieved: retrieved})
	for metric, want := range map[string]float64{evaluation.FirstRight: 0, evaluation.InThree: 1, evaluation.Reciprocal: 0.5, evaluation.FactRecall: 1, evaluation.Declined: 0} {
		if got := s.Metrics[metric]; got != want {
			t.Errorf("%s = %v, want %v", metric, got, want)
		}
	}
	if _, ok := s.Metrics[evaluation.Grounded]; ok {
		t.Error("a check that did not run has a figure")
	}
	declined := evaluation.Score(c, pipeline.Outcome{Status: pipeline.Abstained, Answer: "8.000 đồng"})
	if declined.Metrics[evaluation.FactRecall] != 0 || declined.Metrics[evaluation.Declined] != 1 || declined.Metrics[evaluation.FirstRight] != 0 {
		t.Errorf("a declined question scores %v", declined.Metrics)
	}
}

func TestJudge(t *testing.T) {
	half, none := 0.5, 0.0
	sample := func(v float64) evaluation.Sample { return evaluation.Sample{Metrics: map[string]float64{"m": v}} }
	results := evaluation.Results{"s": {evaluation.Plain: {sample(1), sample(0)}, evaluation.Typo: {sample(0), sample(0)}}}
	for _, tt := range []struct {
		gate evaluation.Gate
		want bool
	}{
		{evaluation.Gate{Set: "s", Variant: evaluation.Plain, Metric: "m", Min: &half}, true},
		{evaluation.Gate{Set: "s", Variant: evaluation.Typo, Metric: "m", Min: &half}, false},
		{evaluation.Gate{Set: "s", Variant: evaluation.Typo, Metric: "m", Max: &none}, true},
		{evaluation.Gate{Set: "s", Variant: evaluation.Typo, Metric: "m", MaxDrop: &half}, true},
		{evaluation.Gate{Set: "s", Variant: evaluation.Typo, Metric: "m", MaxDrop: &none}, false},
		{evaluation.Gate{Set: "s", Variant: evaluation.Plain, Metric: "other", Max: &half}, false},
		{evaluation.Gate{Set: "none", Variant: evaluation.Plain, Metric: "m", Max: &half}, false},
	} {
		if got := evaluation.Judge([]evaluation.Gate{tt.gate}, results)[0].Passed; got != tt.want {
			t.Errorf("%+v passed = %v, want %v", tt.gate, got, tt.want)
		}
	}
}
