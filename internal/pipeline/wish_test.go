package pipeline_test

import (
	"strings"
	"testing"

	"troly/internal/pipeline"
)

// A message that asks for two matters is answered on both.
func TestAskTwoMatters(t *testing.T) {
	for _, tt := range []struct {
		question      string
		first, second string // documents
		holds         []string
	}{
		{"rơi mất ví trong đó có cccd với bằng lái, làm lại cả 2 hết bao tiền", "can-cuoc-cap-doi-cap-lai", "gplx-cap-lai", []string{"35.000 đồng", "115.000 đồng"}},
		{"mat can cuoc va bang lai lam lai het bao nhieu", "can-cuoc-cap-doi-cap-lai", "gplx-cap-lai", []string{"35.000 đồng", "115.000 đồng"}},
		{"đăng ký kết hôn mấy ngày có giấy, còn nhập khẩu ở công an xã hết bao nhiêu tiền", "thuong-tru", "ket-hon", []string{"trong ngày", "20.000 đồng"}},
		{"làm hộ chiếu và lý lịch tư pháp hết bao nhiêu", "ly-lich-tu-phap", "ho-chieu", []string{"200.000 đồng/lần", "100.000 đồng"}},
		// one matter only
		{"vợ và chồng đăng ký kết hôn hết bao nhiêu", "ket-hon", "", nil},
		{"làm khai sinh cho con ở đâu, có mất tiền không", "khai-sinh", "", nil},
		{"nộp phí qua mạng bị treo, gọi số nào hỏi", "thanh-toan-phi-truc-tuyen", "", nil},
		{"bà em 78 tuổi chả có lương lậu gì, nghe bảo nhà nước cho tiền hả", "tro-cap-huu-tri-xa-hoi", "", nil},
		{"tháng 12 đổi bằng lái online, vneid đã tích hợp đủ năm giấy tờ thì lệ phí bao nhiêu", "gplx-doi", "", nil},
	} {
		o := ask(tt.question)
		var documents []string
		for _, c := range o.Citations {
			if n := len(documents); n == 0 || documents[n-1] != c.Document {
				documents = append(documents, c.Document)
			}
		}
		want := strings.TrimSpace(tt.first + " " + tt.second)
		if got := strings.Join(documents, " "); got != want {
			t.Errorf("Ask(%q) = %s from %q:\n%s\nwant from %q", tt.question, o.Status, got, o.Answer, want)
		}
		for _, holds := range tt.holds {
			if !strings.Contains(o.Answer, holds) {
				t.Errorf("Ask(%q) =\n%s\nwant %q", tt.question, o.Answer, holds)
			}
		}
	}
}

// English is answered by asking for Vietnamese, unless it names a paper; Vietnamese
// without marks is no English.
func TestAskEnglish(t *testing.T) {
	for _, tt := range []struct {
		question string
		status   pipeline.Status
		holds    string
	}{
		{"how to register a birth for my baby", pipeline.Clarify, "only answer in Vietnamese"},
		{"What documents do I need for marriage registration?", pipeline.Clarify, "only answer in Vietnamese"},
		{"how do i get a passport", pipeline.Answered, "hộ chiếu"},
		{"the bhyt cua me em het han", pipeline.Answered, "bảo hiểm y tế"},
		{"'; DROP TABLE users; --", pipeline.Refused, "nằm ngoài"},
	} {
		if o := ask(tt.question); o.Status != tt.status || !strings.Contains(o.Answer, tt.holds) {
			t.Errorf("Ask(%q) = %s:\n%s\nwant %s with %q", tt.question, o.Status, o.Answer, tt.status, tt.holds)
		}
	}
}

// Whoever is told how many days land takes is told that far communes take longer.
func TestAskTellsAddedDays(t *testing.T) {
	for _, question := range []string{"mất sổ đỏ làm lại hết bao nhiêu ngày", "tach thua dat cho con lam the nao", "sang tên sổ đỏ mất bao lâu"} {
		if o := ask(question); !strings.Contains(o.Answer, "cộng thêm 10 ngày") {
			t.Errorf("Ask(%q) =\n%s\nwant the ten days that are added", question, o.Answer)
		}
	}
}

// What the knowledge lacks is not answered with what has its words in another sense, and
// a number that is somebody's is not looked up.
func TestAskOtherSense(t *testing.T) {
	for _, tt := range []struct {
		question string
		status   pipeline.Status
	}{
		{"làm thẻ thư viện", pipeline.Abstained},
		{"lam the thu vien o dau", pipeline.Abstained},
		{"số căn cước 015093001234 của ông Nguyễn Văn Tèo có phải thật ko", pipeline.Refused},
		{"xe biển 21 có phải đổi biển 24 không", pipeline.Answered},
		{"con em bị tự kỷ muốn xin trợ cấp thì bắt đầu từ đâu", pipeline.Answered},
		{"bang bi tru het 12 diem roi gio lam sao lai xe lai duoc", pipeline.Answered},
		{"thẻ atm bị khoá thì làm sao mở", pipeline.Abstained},
		{"mua giấy khám sk khống nộp công ty", pipeline.Refused},
	} {
		if o := ask(tt.question); o.Status != tt.status {
			t.Errorf("Ask(%q) = %s:\n%s\nwant %s", tt.question, o.Status, o.Answer, tt.status)
		}
	}
}
