package evaluation_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/unicode/norm"

	"troly/internal/evaluation"
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
		if got := tt.fact.Match(tt.answer).Support == evaluation.Full; got != tt.want {
			t.Errorf("%s %s %v in %q = %v, want %v", tt.fact.Type, tt.fact.Value, tt.fact.AnyOf, tt.answer, got, tt.want)
		}
	}
}

func TestPerturb(t *testing.T) {
	c := evaluation.Case{ID: "a", BaseID: "a", Variant: evaluation.Plain, Question: "Em không biết làm lại căn cước công dân ở đâu, được bao nhiêu ngày thì có thẻ mới hả anh chị?"}
	for _, v := range evaluation.Perturbed {
		one, ok := evaluation.Perturb(c, v, 1)
		two, _ := evaluation.Perturb(c, v, 1)
		if !ok {
			t.Errorf("Perturb(%s) changes nothing", v)
		}
		if one.Question != two.Question || one.ID != "a."+string(v) || one.BaseID != "a" {
			t.Errorf("Perturb(%s) is not the same twice: %q, %q", v, one.Question, two.Question)
		}
		if one.Question == c.Question || !norm.NFC.IsNormalString(one.Question) {
			t.Errorf("Perturb(%s) = %q, want another NFC text", v, one.Question)
		}
	}
	bare, _ := evaluation.Perturb(c, evaluation.NoDiacritics, 1)
	if got := bare.Question; !strings.HasPrefix(got, "Em khong biet lam lai can cuoc") {
		t.Errorf("no_diacritics = %q", got)
	}
}

func TestLoadStrict(t *testing.T) {
	good := `{"schema_version":1,"id":"a","base_id":"a","variant":"plain","question":"x","audience":"resident","channel":"zalo","intent":"fee","split":"dev","expected_docs":[],"key_facts":[],"as_of":"2026-11-24","x_note":1}`
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
