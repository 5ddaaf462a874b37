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
	typed := func(kind, v string) evaluation.Fact {
		return evaluation.Fact{Type: kind, Value: json.RawMessage(v)}
	}
	days := typed("working_days", `"P5D"`)
	none, partial, full := evaluation.None, evaluation.Partial, evaluation.Full
	for _, tt := range []struct {
		fact   evaluation.Fact
		answer string
		want   evaluation.Support
		tier   int
	}{
		// What English normalisers get wrong.
		{text("công xã"), "ra công an xã", none, 0},
		{text("công an xã"), "ra công xã", none, 0},
		{text("an toàn"), "toàn quốc", none, 0},
		{text("toàn"), "an toàn", full, 1},
		{money("150000"), "phí 150 đồng", none, 0},
		{money("150"), "phí 150.000 đồng", none, 0},
		// The same amount, as people write it.
		{money("150000"), "phí 150.000 đồng", full, 0},
		{money("150000"), "phí 150 nghìn", full, 0},
		{money("150000"), "phí 150,000đ", full, 0},
		{money("150000"), "một trăm năm mươi nghìn đồng", full, 0},
		{money("1500000"), "1,5 triệu đồng", full, 0},
		{money("0"), "miễn phí", full, 0},
		{money("0"), "không thu phí", full, 0},
		{money("0"), "không được miễn phí", none, 0},
		{money("50000"), "Bạn không phải nộp 50.000 đồng.", none, 0},
		// Days of work are not days; a bound is no negation.
		{days, "05 ngày làm việc", full, 0},
		{days, "không quá 5 ngày làm việc", full, 0},
		{days, "5 ngày làm việc", full, 0},
		{days, "5 ngày", none, 0},
		{typed("duration", `"P5D"`), "5 ngày làm việc", none, 0},
		{typed("date", `"2025-07-01"`), "từ ngày 1 tháng 7 năm 2025", full, 0},
		{typed("date", `"2025-07-01"`), "từ 01/07/2025", full, 0},
		{typed("phone", `"0216.385.1234"`), "gọi 0216 385 1234", full, 0},
		{typed("url", `"https://dichvucong.gov.vn/"`), "vào http://dichvucong.gov.vn?utm=1 nhé", full, 0},
		{typed("legal_ref", `"60/2014/QH13"`), "Luật 60/2014/qh13", full, 0},
		{typed("legal_ref", `"168/2025/NĐ-CP"`), "theo 186/2025/NĐ-CP", none, 0},
		{typed("form_code", `"CT01"`), "mẫu CT01", full, 0},
		{typed("form_code", `"CT01"`), "mẫu CT02", none, 0},
		{evaluation.Fact{Type: "count", Value: json.RawMessage("2"), Unit: "ảnh"}, "02 ảnh 3x4", full, 0},
		{evaluation.Fact{Type: "count", Value: json.RawMessage("2"), Unit: "ảnh"}, "2 bản sao, 3 ảnh", none, 0},
		{evaluation.Fact{Type: "count", Value: json.RawMessage("14"), Unit: "tuổi"}, "từ đủ 14 tuổi", full, 0},
		{evaluation.Fact{Type: "percent", Value: json.RawMessage("70"), Tolerance: 1}, "khoảng 69,5%", full, 0},
		{evaluation.Fact{Type: "money_vnd", Value: json.RawMessage("8000"), Scope: "bản sao"}, "- Bản sao: 8.000 đồng\n- Bản chính: miễn phí", full, 0},
		{evaluation.Fact{Type: "money_vnd", Value: json.RawMessage("8000"), Scope: "bản sao"}, "- Bản sao: miễn phí\n- Bản chính: 8.000 đồng", none, 0},
		// Negations turn the sense within their clause.
		{text("nộp lệ phí"), "Bạn nộp lệ phí khi nhận.", full, 1},
		{text("nộp lệ phí"), "Bạn không phải nộp lệ phí.", none, 0},
		{text("không phải nộp lệ phí"), "Bạn không phải nộp lệ phí.", full, 1},
		{text("nộp tại xã"), "Không nộp ở huyện mà nộp tại xã.", full, 1},
		{text("lệ phí"), "không được miễn lệ phí", full, 1},
		{text("trên trang này"), "học miễn phí trên trang này", full, 1},
		{text("phí"), "được miễn phí", none, 0},
		{evaluation.Fact{Type: "text", AnyOf: []string{"nộp lệ phí"}, Negated: true}, "không phải nộp lệ phí", full, 1},
		{evaluation.Fact{Type: "text", AnyOf: []string{"nộp lệ phí"}, Negated: true}, "phải nộp lệ phí", none, 0},
		{evaluation.Fact{Type: "boolean", Value: json.RawMessage("false"), AnyOf: []string{"phải về quê"}}, "Bạn không phải về quê.", full, 1},
		{evaluation.Fact{Type: "boolean", Value: json.RawMessage("true"), AnyOf: []string{"phải về quê"}}, "Bạn không phải về quê.", none, 0},
		{evaluation.Fact{Type: "text", Regex: "(?i)công an (cấp )?xã"}, "nộp tại Công an cấp xã", full, 1},
		{evaluation.Fact{Type: "text", Regex: "(?i)công an (cấp )?xã"}, "không nộp tại Công an cấp xã", none, 0},
		// Spelling and Unicode forms.
		{text("hoà giải"), "hòa giải ở xã", full, 1},
		{text("hòa giải"), "hoà giải ở xã", full, 1},
		{text("Yên Bái"), norm.NFD.String("ở Yên Bái"), full, 1},
		{text(norm.NFD.String("Yên Bái")), "ở Yên Bái", full, 1},
		{text("bán"), "bạn hỏi gì", none, 0},
		// Without diacritics only where the sentence has none, and marked as such.
		{text("yên bái"), "o yen bai lam the nao", full, 2},
		{text("yên bái"), "Bạn hỏi yen bai thế nào nhỉ", none, 0},
		{evaluation.Fact{Type: "text", AnyOf: []string{"Yên Bái"}, FoldOK: true}, "Bạn hỏi yen bai thế nào nhỉ", full, 2},
		{money("150000"), "le phi 150 nghin dong", full, 2},
		{days, "trong 5 ngay lam viec", full, 2},
		{money("0"), "dang ky khai sinh mien phi", full, 2},
		{text("nộp lệ phí"), "ban khong phai nop le phi", none, 0},
		{evaluation.Fact{Type: "text", AllOf: []string{"căn cước", "ảnh"}}, "căn cước và ảnh", full, 1},
		{evaluation.Fact{Type: "text", AllOf: []string{"căn cước", "ảnh"}}, "căn cước", partial, 1},
		{evaluation.Fact{Type: "text", AllOf: []string{"căn cước", "ảnh"}}, "hộ chiếu", none, 0},
		{text("bản sao"), "bản\nsao", none, 0},
		{text("nộp hồ sơ"), "nộp [1] hồ sơ", full, 1},
	} {
		got := tt.fact.Match(tt.answer)
		if got.Support != tt.want || got.Support != none && got.Tier != tt.tier {
			t.Errorf("%s %s %v %s in %q = %s tier %d, want %s tier %d", tt.fact.Type, tt.fact.Value, tt.fact.AnyOf, tt.fact.Regex, tt.answer, got.Support, got.Tier, tt.want, tt.tier)
		}
	}
}

func TestMatchSaysWhere(t *testing.T) {
	fee := evaluation.Fact{Type: "money_vnd", Value: json.RawMessage("8000")}
	form := evaluation.Fact{Type: "text", AnyOf: []string{"tờ khai"}}
	for _, tt := range []struct {
		fact         evaluation.Fact
		answer, want string
	}{
		{fee, "Lệ phí [1]:\n-  Bản sao:  8.000 đồng/bản", "8.000 đồng"},
		{form, "Hồ sơ\u200b gồm \u00a0 tờ khai.", "tờ khai"},
		{form, norm.NFD.String("Mang tờ khai."), norm.NFD.String("tờ khai")},
	} {
		m := tt.fact.Match(tt.answer)
		if got := tt.answer[m.Start:m.End]; got != tt.want {
			t.Errorf("match in %q is %q, want %q", tt.answer, got, tt.want)
		}
	}
	if m := form.Match("Không cần tờ khai."); !m.Denied || m.Support != evaluation.None {
		t.Errorf("a denied phrase = %+v, want none and denied", m)
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
		"not UTF-8":     strings.Replace(good, `"x"`, "\"x\xff\"", 1),
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
