package pipeline_test

import (
	"strings"
	"testing"

	"troly/internal/pipeline"
)

// A message that says nothing of any matter is answered as what it is, and is no search
// for its words; one that asks something beside is a question.
func TestAskRemark(t *testing.T) {
	answered, offered := ask("phí cấp hộ chiếu"), ask("bán đất cần gì")
	for _, tt := range []struct {
		after pipeline.Outcome
		typed string
		holds string
	}{
		{answered, "ok", "Dạ."},
		{answered, "vâng ạ", "Dạ."},
		{answered, "thế à", "Dạ."},
		{answered, "👍🏻👍🏻", "Dạ."},
		{answered, "uh thôi để em xem đã nhé", "Dạ."},
		{offered, "không phải", "kể giúp"},
		{offered, "cai nao cung duoc", "kể giúp"},
		{answered, "k hiểu", "từng ý một"},
		{answered, "dài quá", "từng ý một"},
		{answered, "có chắc không đấy", "có thể nhầm"},
		{answered, "bạn nói sai rồi", "có thể nhầm"},
		{answered, "sao đắt thế", "theo quy định"},
	} {
		if o := ask(tt.typed, tt.after.Turn()); o.Status != pipeline.SmallTalk || !strings.Contains(o.Answer, tt.holds) {
			t.Errorf("after %q, Ask(%q) = %s:\n%s\nwant smalltalk with %q", tt.after.Question, tt.typed, o.Status, o.Answer, tt.holds)
		}
	}
	for _, typed := range []string{"ok thế bao lâu", "có được không", "vâng mất bao lâu ạ"} {
		if o := ask(typed, answered.Turn()); o.Status != pipeline.Answered || o.Citations[0].Document != "ho-chieu" {
			t.Errorf("after %q, Ask(%q) = %s:\n%s\nwant an answer on the passport", answered.Question, typed, o.Status, o.Answer)
		}
	}
	for _, typed := range []string{"   ", "\u200b", "aGVsbG8gd29ybGQ kz9QxR2vTq wPzLmNb 8sKdJf7 qweRtyUiop zxcvbnm", "asdkjh qwekjh zmxnbc qpwoei"} {
		if o := ask(typed, answered.Turn()); o.Status != pipeline.SmallTalk || !strings.Contains(o.Answer, "chưa đọc được") {
			t.Errorf("Ask(%q) = %s:\n%s\nwant that it cannot be read", typed, o.Status, o.Answer)
		}
	}
	if o := ask("dat"); o.Status != pipeline.Clarify {
		t.Errorf("Ask(%q) = %s, want clarify: it is land as well as dear", "dat", o.Status)
	}
}
