package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"troly/internal/pipeline"
)

// Who gives the number of a legal text is told which matters rest on it, and nothing of
// a text that the knowledge does not have; who names a matter too is answered.
func TestAskLaw(t *testing.T) {
	for _, tt := range []struct {
		question string
		status   pipeline.Status
		document string // offered or answered from; empty: none
		holds    string
	}{
		{"nghị định 168/2025/NĐ-CP nói gì", pipeline.Clarify, "ho-kinh-doanh", "168/2025/NĐ-CP"},
		{"nghi dinh 168/2025 quy dinh gi", pipeline.Clarify, "ho-kinh-doanh", "168/2025"},
		{"nghi dinh 168/2025/nd-cp", pipeline.Clarify, "doanh-nghiep", "168/2025/NĐ-CP"},
		{"theo thông tư 281/2016/TT-BTC thu bao nhiêu", pipeline.Clarify, "ket-hon", "căn cứ của"},
		{"nghị định 15/2020/NĐ-CP quy định gì", pipeline.Abstained, "", "không có văn bản số 15/2020/NĐ-CP"},
		{"phí hộ chiếu theo thông tư 28/2026/TT-BTC", pipeline.Answered, "ho-chieu", "đồng"},
		{"Nghị định 168/2025/NĐ-CP đăng ký hộ kinh doanh cần gì", pipeline.Answered, "ho-kinh-doanh", "Hồ sơ"},
		{"bé sinh tháng 12/2025 làm giấy khai sinh ở đâu", pipeline.Answered, "khai-sinh", "UBND"},
	} {
		o := ask(tt.question)
		documents := o.Choices
		for _, c := range o.Citations {
			documents = append(documents, c.Document)
		}
		if o.Status != tt.status || !strings.Contains(o.Answer, tt.holds) || tt.document != "" && !slices.Contains(documents, tt.document) {
			t.Errorf("Ask(%q) = %s of %v:\n%s\nwant %s of %s with %q", tt.question, o.Status, documents, o.Answer, tt.status, tt.document, tt.holds)
		}
	}
}
