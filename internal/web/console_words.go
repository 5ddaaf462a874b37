package web

import (
	"fmt"
	"strings"
	"time"

	"troly/internal/database"
)

// consoleWords are the constant words of the program as staff read them.
var consoleWords = map[string]string{
	"answered": "Đã trả lời", "clarify": "Hỏi lại", "abstained": "Không trả lời được", "refused": "Từ chối", "smalltalk": "Chào hỏi", "handed_over": "Chuyển cán bộ", "error": "Lỗi",
	"telegram": "Telegram", "zalo": "Zalo OA", "zalo-bot": "Zalo bot", "web": "Trang web", "api": "API", "openai": "API kiểu OpenAI", "mcp": "MCP",
	string(database.Officer): "Cán bộ tiếp nhận", string(database.Editor): "Biên tập", string(database.Evaluator): "Đánh giá", string(database.Admin): "Quản trị",
	"open": "Chờ nhận", "assigned": "Đã giao", "closed": "Đã đóng", "released": "Đã trả lại trợ lý",
	"asked": "Người dân xin gặp cán bộ", "repeated-failure": "Trợ lý không trả lời được nhiều lần", "taken": "Cán bộ tiếp nhận", "ticket": "Có cán bộ phụ trách",
	"extractive": "Trích nguyên văn", "llm": "Mô hình ngôn ngữ", "approved": "Câu trả lời duyệt sẵn",
	"draft": "Bản nháp", "active": "Đang dùng", "outdated": "Nguồn đã đổi", "withdrawn": "Đã thu hồi",
	"number_grounding": "Con số có trong nguồn", "citations": "Trích dẫn đúng nguồn", "language": "Tiếng Việt có dấu", "no_personal_data": "Không lộ dữ liệu cá nhân",
	"no_abolished_office": "Không chỉ đến cấp huyện đã bỏ", "contacts": "Số điện thoại, liên kết có trong danh bạ", "sentence_support": "Từng câu có nguồn nói", "no_prompt_leak": "Không lộ chỉ dẫn", "length": "Vừa độ dài của kênh", "says_what_is_missing": "Nói rõ điều hướng dẫn chưa có", "approved_source": "Cán bộ đã duyệt, nguồn chưa đổi",
	"pass": "Đạt", "fail": "Không đạt", "good": "Hữu ích", "bad": "Chưa đúng", "resident": "Người dân", "staff": "Cán bộ",
	"citizen": "Người dân", "official": "Cán bộ", "both": "Cả hai",
	"understand": "Hiểu câu hỏi", "retrieve": "Tìm tài liệu", "answer": "Viết câu trả lời", "verify": "Kiểm tra",
	"high": "Cao", "medium": "Trung bình", "low": "Thấp",
	"sign in": "Đăng nhập", "sign in refused": "Đăng nhập bị từ chối", "sign out": "Đăng xuất", "add account": "Tạo tài khoản", "set account": "Đổi tài khoản", "set password": "Đổi mật khẩu", "set password refused": "Đổi mật khẩu bị từ chối",
	"add key": "Tạo khóa API", "revoke key": "Thu hồi khóa API", "reply to ticket": "Trả lời người dân", "assign ticket": "Giao việc", "end ticket": "Kết thúc yêu cầu", "open ticket": "Tiếp nhận",
	"hold dialogue": "Cho trợ lý im lặng", "read ticket": "Đọc cuộc trò chuyện", "read outcome": "Đọc một câu hỏi",
	"add approved answer": "Thêm câu trả lời duyệt sẵn", "set approved answer": "Sửa câu trả lời duyệt sẵn", "switch off": "Tắt", "switch on": "Bật",
	"correct": "Gửi đính chính", "recall": "Đợt đính chính", "stop recall": "Dừng đợt đính chính",
}

// checkNames are the checks of package pipeline, as outcomes name them.
var checkNames = []string{"number_grounding", "citations", "language", "no_personal_data", "no_abolished_office", "contacts", "says_what_is_missing", "sentence_support", "no_prompt_leak", "length"}

// ticketWords differ from those of outcomes.
var ticketWords = map[string]string{"answered": "Đã trả lời, chờ người dân"}

// wordFor says a constant word of the program; one that is not known stays as it is.
func wordFor(v any) string {
	s := fmt.Sprint(v)
	if k, ok := v.(database.TicketStatus); ok && ticketWords[string(k)] != "" {
		return ticketWords[string(k)]
	}
	if w, ok := consoleWords[s]; ok {
		return w
	}
	if check, ok := strings.CutPrefix(s, "failed "); ok {
		return "Không đạt: " + wordFor(check)
	}
	return s
}

// vietnamTime is the time that staff read.
var vietnamTime = time.FixedZone("ICT", 7*60*60)

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(vietnamTime).Format("15:04 02/01/2006")
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(vietnamTime).Format("02/01/2006")
}

// spell says a length of time in its largest unit.
func spell(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "chưa đến 1 phút"
	case d < time.Hour:
		return fmt.Sprintf("%d phút", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d giờ", int(d.Hours()))
	}
	return fmt.Sprintf("%d ngày", int(d.Hours()/24))
}

func percent(n, of int) string {
	if of == 0 {
		return "–"
	}
	return strings.Replace(fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of)), ".", ",", 1)
}

// titleOf names a document as people know it.
func (c *console) titleOf(id string) string {
	if c.library != nil {
		if d := c.library.Document(id); d != nil {
			return d.Title
		}
	}
	return id
}
