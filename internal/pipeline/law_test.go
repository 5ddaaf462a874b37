package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"troly/internal/pipeline"
)

// Who gives the number of a legal text is told which matters rest on it, and nothing of
// a text that the knowledge does not have; who asks what amends it gets that, and who
// names a matter too is answered. Who names a text by what it is on gets its number.
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
		{"Nghị định nào sửa Nghị định 123/2015/NĐ-CP trong năm 2026?", pipeline.Answered, "cai-chinh-ho-tich", "(18/2026/NĐ-CP)"},
		{"nghi dinh 123/2015 da sua doi chua", pipeline.Answered, "cai-chinh-ho-tich", "87/2020/NĐ-CP"},
		{"thông tư 16/2024/TT-BCA đã sửa đổi bổ sung chưa", pipeline.Answered, "can-cuoc-cap-doi-cap-lai", "(118/2026/TT-BCA)"},
		{"thông tư 85/2019/TT-BTC còn hiệu lực không", pipeline.Answered, "", "(106/2021/TT-BTC)"},
		{"Nghị định 168/2025/NĐ-CP đã được thay thế chưa", pipeline.Clarify, "ho-kinh-doanh", "168/2025/NĐ-CP"}, // nothing known amends it
		{"Luật Hộ tịch số hiệu bao nhiêu", pipeline.Answered, "", "(03/2026/QH16)"},
		{"luat dat dai so may", pipeline.Answered, "", "(31/2024/QH15)"},
		{"Mẫu biểu hồ sơ đất đai của tỉnh mình ban hành theo quyết định số bao nhiêu của UBND tỉnh?", pipeline.Answered, "bien-dong-dat-dai", "(47/2026/QĐ-UBND)"},
		{"lệ phí căn cước theo thông tư nào", pipeline.Answered, "can-cuoc-cap-doi-cap-lai", "Lệ phí"}, // of the fees, not of identity cards
		{"khai sinh theo luật nào", pipeline.Answered, "khai-sinh", "Căn cứ"},
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
