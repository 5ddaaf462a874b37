package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"troly/internal/pipeline"
)

// What a document says nothing of is said to be missing, with whom to ask, and nothing
// of it is printed as if it answered.
func TestMissing(t *testing.T) {
	for _, tt := range []struct{ question, document, says, not string }{
		{"căn cước ủy quyền được không", "can-cuoc-cap-doi-cap-lai", "chưa nói về việc nhờ người khác làm thay. Bạn hỏi nơi tiếp nhận: Công an cấp xã", "35.000"},
		{"vo di lay can cuoc ho chong duoc ko", "can-cuoc-cap-doi-cap-lai", "chưa nói về việc nhờ người khác", "35.000"},
		{"chủ nhật có làm căn cước không", "can-cuoc-cap-doi-cap-lai", "chưa nói về giờ làm việc, ngày nghỉ", "7 ngày"},
		{"không làm căn cước bị phạt bao nhiêu tiền", "can-cuoc-cap-doi-cap-lai", "chưa nói về mức phạt", "miễn phí"},
		{"khai tu muon phat bao nhieu", "khai-tu", "chưa nói về mức phạt", "8.000"},
		{"hộ chiếu có thời hạn mấy năm", "ho-chieu", "chưa nói về giá trị, thời hạn dùng của giấy", "8 ngày"},
		{"bảo hiểm thất nghiệp nộp online đc k", "tro-cap-that-nghiep", "chưa nói về việc nộp qua mạng", "12 tháng"},
		{"bhxh 1 lần nhờ người rút hộ được không", "bhxh-mot-lan", "hoặc gọi 1900.9068", "12 tháng"},
		{"cấp lại bằng lái xe có phải công chứng gì không", "gplx-cap-lai", "chưa nói về việc công chứng", "115.000"},
		{"hộ chiếu lấy nhanh được không", "ho-chieu", "chưa nói về việc làm nhanh", "bưu chính"},
		{"hộ nghèo có được miễn phí làm bằng lái không", "gplx-doi", "chưa nói về trường hợp hộ nghèo", ""},
		{"người nước ngoài đăng ký tạm trú được không", "tam-tru", "chưa nói về trường hợp người nước ngoài", ""},
		{"đất tranh chấp có tách thửa được không", "tach-thua-hop-thua", "chưa có đúng điều bạn hỏi", ""},
		{"bị gãy chân có được hoãn nghĩa vụ quân sự không", "nghia-vu-quan-su", "chưa có đúng điều bạn hỏi", ""},
		{"cuối tuần có chứng thực giấy tờ không", "chung-thuc-ban-sao", "chưa nói về giờ làm việc, ngày nghỉ", ""},
		{"dang ky xe nho cua hang lam giup duoc khong", "dang-ky-xe-lan-dau", "chưa nói về việc nhờ người khác", "2 ngày làm việc"},
		{"thẻ bhyt cho học sinh bao lâu có, chủ nhật có làm không, nhờ người khác lấy được không", "bhyt-hoc-sinh-sinh-vien", "chưa nói về giờ làm việc, ngày nghỉ; việc nhờ người khác làm thay. Bạn", ""},
		{"chuyển trường có mất tiền không", "chuyen-truong", "chưa có thông tin này", "đồng"},
	} {
		o := ask(tt.question)
		if o.Status != pipeline.Answered || !o.Verified || len(o.Citations) == 0 || o.Citations[0].Document != tt.document || !strings.Contains(o.Answer, tt.says) || tt.not != "" && strings.Contains(o.Answer, tt.not) {
			t.Errorf("Ask(%q) = %s from %v:\n%s\nwant answered from %s with %q, without %q", tt.question, o.Status, o.Citations, o.Answer, tt.document, tt.says, tt.not)
		}
	}
}

// What a document does say, in whatever words, stands first and nothing is called missing.
func TestSpokenOf(t *testing.T) {
	for _, tt := range []struct{ question, first string }{
		{"lấy lý lịch tư pháp hộ người khác được không", "giấy ủy quyền có công chứng"},
		{"xin trích lục hộ người khác được không", "Giấy ủy quyền nếu nhờ người ngoài"},
		{"bố mẹ ở nhà đăng ký khai sinh hộ được không", "đi thay được"},
		{"xin trích lục khai sinh ở xã khác được không", "bất kỳ UBND xã"},
		{"giấy xác nhận độc thân có giá trị mấy tháng", "Thời gian giấy có giá trị sử dụng"},
		{"khai sinh muộn có bị phạt không", "mức xử phạt khi đăng ký trễ"},
		{"ảnh hộ chiếu cỡ bao nhiêu", "02 ảnh 4x6"},
		{"nhận sổ đỏ qua bưu điện được không", "bưu chính"},
		{"đăng ký tạm trú online được không", "Cách nộp"},
		{"chứng thực ở xã khác được không", "không phụ thuộc nơi cư trú"},
		{"photo căn cước có cần công chứng không", "mở VNeID cho xem là đủ"},
		{"làm giấy cưới mà chồng đi bộ đội, ký thay được không", "cùng có mặt"},
		{"con gai e moi 5 tuoi, muon co the chip, co phai be ra cho cong an chup anh lan tay ko", "không phải chụp ảnh"},
		{"người lào làm căn cước việt nam được không", "Công dân Việt Nam"},
		{"cần gấp giấy khai sinh lấy luôn được không", "Thời hạn"},
		{"tách hộ có cần anh ấy đồng ý không", ""},
		{"tach ho co can anh ay dong y khong", ""},
	} {
		o := ask(tt.question)
		lines := strings.Split(o.Answer, "\n")
		if len(lines) < 2 || !strings.Contains(lines[1], tt.first) || strings.Contains(o.Answer, "Hướng dẫn này của tôi chưa") {
			t.Errorf("Ask(%q) =\n%s\nwant %q first and nothing missing", tt.question, o.Answer, tt.first)
		}
	}
}

// A question that names no paper is asked back without guesses.
func TestNoMatter(t *testing.T) {
	for question, back := range map[string]bool{
		"bao lau moi co": true, "phải chờ bao lâu": true, "có mất tiền không": true, "nộp ở đâu": true, "bao nhieu tien vay a": true,
		"căn cước bao lâu mới có": false, "làm khai sinh có mất tiền không": false, "vay duoc bao nhieu tien a": false,
	} {
		o := ask(question)
		if got := o.Status == pipeline.Clarify && len(o.Choices) == 0 && strings.Contains(o.Answer, "giấy tờ, thủ tục nào"); got != back {
			t.Errorf("Ask(%q) = %s %q with choices %v, want asked back: %v", question, o.Status, o.Answer, o.Choices, back)
		}
	}
}

// A question that says no more than that it is about a card or a paper is asked back with
// those that fit; a name, or a question about all papers, is answered.
func TestWhichPaper(t *testing.T) {
	for question, choice := range map[string]string{
		"thẻ hỏng": "bhyt-cap-doi-tra-cuu-the", "đổi thẻ mất bao nhiêu tiền": "can-cuoc-cap-doi-cap-lai", "sổ bị rách": "cap-lai-cap-doi-gcn", "lam the": "can-cuoc-duoi-14-tuoi",
		"xin cấp bản sao thì bao tiền": "trich-luc-ho-tich", "em cần giấy xác nhận": "xac-nhan-tinh-trang-hon-nhan", "giấy tờ bị sai thông tin": "dieu-chinh-du-lieu-dan-cu", "xin giấy phép": "ho-kinh-doanh",
		"thẻ căn cước bị hỏng": "", "đổi bằng": "", "mất giấy đăng ký xe thì làm lại ở đâu": "", "giấy tờ cũ có phải đổi không": "", "mất sổ hộ khẩu có sao không": "", "xin giấy xác nhận độc thân": "", "giấy phép xây nhà": "",
	} {
		o := ask(question)
		if asked := o.Status == pipeline.Clarify; asked != (choice != "") || asked && !slices.Contains(o.Choices, choice) {
			t.Errorf("Ask(%q) = %s with choices %v, want asked back with %q (empty: answered):\n%s", question, o.Status, o.Choices, choice, o.Answer)
		}
	}
}

// Where papers are filed is not what is asked when the question names a paper.
func TestOfficeIsNoMatter(t *testing.T) {
	for question, document := range map[string]string{
		"Dân thường trú xã khác mang hồ sơ sửa tên trong giấy khai sinh đến một cửa xã tôi, tôi có được từ chối tiếp nhận không?": "cai-chinh-ho-tich",
		"em trực một cửa xã, dân làm giấy khai sinh thì nộp những gì":                                                             "khai-sinh",
		"nộp hồ sơ ở một cửa thế nào":                        "nop-ho-so-chung",
		"trung tâm phục vụ hành chính công làm việc mấy giờ": "trung-tam-phuc-vu-hanh-chinh-cong",
	} {
		o := ask(question)
		if len(o.Citations) == 0 || o.Citations[0].Document != document {
			t.Errorf("Ask(%q) = %s from %v, want %s:\n%s", question, o.Status, o.Citations, document, o.Answer)
		}
	}
}

// Rows that count follow each other as they count.
func TestSeriesInOrder(t *testing.T) {
	const question = "bhyt hộ gia đình 3 người bao nhiêu tiền"
	o := ask(question)
	at := -1
	for _, who := range []string{"người thứ nhất trong hộ", "người thứ hai trong hộ", "người thứ ba trong hộ"} {
		next := strings.Index(o.Answer, "- Mức đóng của "+who)
		if next <= at {
			t.Errorf("Ask(%q): %q stands at %d, want after %d:\n%s", question, who, next, at, o.Answer)
		}
		at = next
	}
}
