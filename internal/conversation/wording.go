package conversation

import (
	"fmt"
	"strings"

	"troly/internal/corpus"
)

// Every sentence of the assistant that is not an answer. Rules: plain words, "bạn" and
// "tôi", at most a screen of a small phone (500 characters), what matters first, no
// telephone number that is not in the contacts. People are told that this is an AI
// where they meet it first, where they ask what it is, and where it speaks again
// after a human; not on every line.

// examples are questions to begin with; each is asked as it stands.
var examples = [...]string{
	"Làm giấy khai sinh cho con cần gì?",
	"Đổi bằng lái xe hết bao nhiêu tiền?",
	"Xã Đại Lịch nay thuộc xã nào?",
}

// Labels of buttons. LabelStaff stands under what offers a human.
const (
	LabelStaff = "Gặp cán bộ"
	labelBack  = "Hỏi trợ lý AI"
)

// Who this is and what it can do, in every first contact.
const (
	self      = "Trợ lý số Yên Bái"
	abilities = "thủ tục hành chính, bảo hiểm, trợ cấp và kỹ năng số ở Yên Bái (nay thuộc tỉnh Lào Cai)"
)

// welcomeText is the first contact: who this is, what it can do, what happens to data.
func (c *Conversation) welcomeText() string {
	text := "Xin chào! Tôi là " + self + ", trợ lý AI: máy trả lời, không phải cán bộ. Tôi giúp bạn về " + abilities + ".\n" +
		"Bạn cứ hỏi bằng lời thường ngày, gõ không dấu cũng được.\n"
	if c.opts.KeepDays < 0 {
		text += "Tin nhắn không được lưu lại."
	} else {
		text += "Họ tên, địa chỉ, số điện thoại, số giấy tờ, tên Zalo mà máy nhận ra được che trước khi lưu; tin nhắn " + c.kept() + ". Nhắn \"xóa dữ liệu\" để xóa ngay."
	}
	text += " Đừng gửi mật khẩu, mã OTP."
	if !c.noStaff() {
		text += "\nCần người thật: nhắn \"gặp cán bộ\"."
	}
	return text + c.emergencyNumbers()
}

// firstNotice is the same in short, under the answer, for whoever began with a question.
func (c *Conversation) firstNotice() string {
	text := "Tôi là " + self + ", trợ lý AI, không phải cán bộ. Tôi giúp bạn về " + abilities + ".\n"
	if c.opts.KeepDays < 0 {
		text += "Tin nhắn không được lưu lại."
	} else {
		text += "Tên, địa chỉ, số riêng tư mà máy nhận ra được che trước khi lưu; tin nhắn " + c.kept() + "; nhắn \"xóa dữ liệu\" để xóa ngay."
	}
	return text + " Nhắn \"trợ giúp\" để xem cách dùng."
}

func (c *Conversation) kept() string {
	if c.opts.KeepDays > 0 {
		return fmt.Sprintf("tự xóa sau %d ngày", c.opts.KeepDays)
	}
	return "tự xóa sau một thời gian"
}

func (c *Conversation) helpText() string {
	text := "Tôi là trợ lý AI. Bạn gõ việc cần hỏi là tôi trả lời. Bạn cũng có thể nhắn:\n" +
		"- \"hỏi việc khác\" hoặc /moi: bắt đầu lại\n"
	if !c.noStaff() {
		text += "- \"gặp cán bộ\" hoặc /canbo: nhờ người thật\n"
	}
	return text + "- /xa và tên xã: cho tôi biết nơi bạn ở\n" +
		"- \"xóa dữ liệu\" hoặc /xoa: xóa những gì đã lưu về bạn" + c.emergencyNumbers()
}

// emergencyNumbers is a sentence with the numbers of the police, the fire brigade and
// the ambulance; empty without any.
func (c *Conversation) emergencyNumbers() string {
	var numbers []string
	for _, id := range []string{"113", "114", "115"} {
		if contact, ok := c.contacts.Contact(id); ok && contact.Verified && contact.Phone != "" {
			numbers = append(numbers, contact.Phone)
		}
	}
	if len(numbers) == 0 {
		return ""
	}
	return "\nKhẩn cấp: gọi " + strings.Join(numbers, ", ") + "."
}

// Answers to commands.
const (
	startAgain  = "Trợ lý AI đây. Bạn cần hỏi việc gì?"
	startedAnew = "Đã bắt đầu lại. Bạn muốn hỏi gì?"
	hereAlready = "Tôi là trợ lý AI, bạn cứ gõ câu hỏi."
	askHow      = "Bạn gõ câu hỏi sau /hoi, ví dụ: /hoi làm khai sinh cần gì."
	erased      = "Đã xóa những gì trợ lý lưu về bạn. Khi cần, bạn cứ nhắn lại."
	stale       = "Nút này đã cũ. Bạn gõ lại câu hỏi giúp tôi nhé."
)

// sorry answers an insult.
const sorry = "Xin lỗi nếu tôi trả lời chưa đúng ý bạn. Bạn gõ rõ việc cần làm (làm gì, cho ai), tôi tìm lại."

// Limits.
const (
	tooMany      = "Bạn nhắn hơi nhanh, tôi trả lời không kịp. Bạn chờ một phút rồi nhắn tiếp nhé."
	tooManyToday = "Hôm nay bạn đã hỏi rất nhiều, mai tôi mới trả lời tiếp được. Việc gấp thì bạn hỏi Trung tâm Phục vụ hành chính công xã, phường."
)

// Apology answers a message that could not be answered, whatever broke.
const Apology = "Xin lỗi, tôi đang gặp trục trặc nên chưa trả lời được. Bạn thử lại sau ít phút, hoặc hỏi Trung tâm Phục vụ hành chính công xã, phường."

// noVoice answers a voice message that was not put into words.
const noVoice = "Xin lỗi, tôi chưa nghe được tin nhắn thoại. Bạn gõ chữ giúp, không cần dấu cũng được; hoặc dùng phím micrô trên bàn phím để đọc cho máy gõ."

// captionOnly goes with the answer to what was written under a file.
const captionOnly = "Tôi chỉ đọc phần chữ bạn gõ, không xem được ảnh hay tệp. Bạn đừng gửi ảnh giấy tờ tùy thân."

// notRead says what can be done instead of reading a file of that kind.
func notRead(kind string) string {
	switch kind {
	case "photo":
		return "Tôi không xem được ảnh. Bạn gõ việc cần hỏi bằng chữ nhé, và đừng gửi ảnh giấy tờ tùy thân."
	case "sticker":
		return "Tôi chỉ đọc được chữ. Bạn gõ việc cần hỏi nhé."
	case "location":
		return "Tôi không dùng và không lưu vị trí. Bạn gõ /xa và tên xã, phường nơi bạn ở, ví dụ: /xa Đại Lịch."
	case "contact":
		return "Tôi không lưu danh bạ, số điện thoại. Bạn gõ việc cần hỏi bằng chữ nhé."
	}
	return "Tôi không mở được tệp. Bạn gõ việc cần hỏi bằng chữ nhé."
}

// Feedback.
const (
	thanksGood   = "Cảm ơn bạn!"
	thanksReason = "Cảm ơn bạn. Góp ý đã được ghi lại để sửa câu trả lời."
)

// reasons why an answer is bad, as staff read them.
var reasons = [...]string{"sai", "thiếu", "khó hiểu", "không đúng câu hỏi"}

func askReason() string {
	var b strings.Builder
	b.WriteString("Tiếc quá, câu trả lời chưa được ở chỗ nào ạ? Bạn chọn một ý, hoặc gõ vài chữ góp ý:")
	for i, r := range reasons {
		fmt.Fprintf(&b, "\n%d. %s", i+1, reasonLabel(r))
	}
	return b.String()
}

// reasonLabel is a reason with a capital.
func reasonLabel(reason string) string {
	first := []rune(reason)[:1]
	return strings.ToUpper(string(first)) + strings.TrimPrefix(reason, string(first))
}

// approvedBy ends an answer that staff wrote and approved beforehand.
const approvedBy = "(Câu trả lời này đã được cán bộ duyệt.)"

// Handing over.
const (
	offerStaff   = "Nếu vẫn chưa được việc, bạn nhắn \"gặp cán bộ\" để người thật trả lời."
	stillWaiting = "Tin của bạn được giữ lại cho cán bộ. Muốn hỏi tôi (trợ lý AI) trong lúc chờ, bạn nhắn \"hỏi trợ lý AI\"."
	backAgain    = "Tôi là trợ lý AI, từ đây lại do tôi trả lời. Cần người thật thì nhắn \"gặp cán bộ\"."
	backAlone    = "Tôi là trợ lý AI, từ đây lại do tôi trả lời."
	hereAgain    = "Tôi là trợ lý AI, lại trả lời bạn đây. Bạn muốn hỏi gì?"
	nothingAsked = "(chưa nói việc cần hỏi)" // this and the next two are for staff
	sentVoice    = "(gửi tin nhắn thoại, chưa nghe được)"
	sentFile     = "(gửi ảnh hoặc tệp, trợ lý không mở)"
)

// handedOver says who answers, when, and what to do until then.
func (c *Conversation) handedOver(commune string) string {
	tell := "việc cần hỏi và xã, phường nơi ở"
	if commune != "" {
		tell = "việc cần hỏi"
	}
	return "Tôi đã chuyển yêu cầu cho cán bộ. Cán bộ xem và trả lời ngay tại đây trong giờ hành chính, có thể phải chờ. Cần gấp, bạn " + c.whereToAsk(commune) + ".\n" +
		"Bạn nhắn rõ " + tell + "; đừng gửi mật khẩu, mã OTP. Từ giờ tôi im lặng để cán bộ trả lời; muốn hỏi tôi, nhắn \"hỏi trợ lý AI\"."
}

// nobodyHere answers whoever wants a human where none reads along.
func (c *Conversation) nobodyHere(commune string) string {
	return "Tôi là trợ lý AI, ở đây chưa có cán bộ trực. Cần người thật, bạn " + c.whereToAsk(commune) + "."
}

// whereToAsk is the office to go to and the number to call.
func (c *Conversation) whereToAsk(commune string) string {
	office := "xã, phường"
	if commune != "" {
		office = corpus.Running(commune)
	}
	text := "đến Trung tâm Phục vụ hành chính công " + office
	if contact, ok := c.contacts.Contact("cong-dvc"); ok && contact.Verified && contact.Phone != "" {
		text += " hoặc gọi " + contact.Phone + " (" + contact.Name + ")"
	}
	return text
}

// Groups.
const (
	groupNotice = "Trợ lý AI trả lời, không phải cán bộ."
	groupStart  = "Tôi là trợ lý AI về thủ tục hành chính và kỹ năng số. Trong nhóm tôi chỉ trả lời khi được gọi tên. Việc riêng, bạn nhắn riêng cho tôi."
	groupStaff  = "Để gặp cán bộ, bạn nhắn riêng cho tôi: trong nhóm ai cũng đọc được việc của bạn."
)

// Communes.
const (
	communeUnknown = "Tôi không tìm thấy xã, phường này ở Yên Bái, Lào Cai. Bạn gõ lại /xa và tên xã cũ hoặc mới, ví dụ: /xa Đại Lịch."
	communeTooMany = "Nơi này có nhiều xã, phường. Bạn gõ /xa và tên xã, phường cụ thể, ví dụ: /xa Đại Lịch."
)

// communeHow answers /xa without a name.
func communeHow(current string) string {
	if current == "" {
		return "Bạn gõ /xa và tên xã, phường nơi bạn ở (tên cũ hay mới đều được), ví dụ: /xa Đại Lịch."
	}
	return "Tôi đang nhớ bạn ở " + corpus.Running(current) + ". Muốn đổi, bạn gõ /xa và tên xã, phường khác."
}

// communeSet says what was understood, and where an older name belongs now.
func communeSet(p corpus.Place) string {
	if p.Former == nil || p.Unchanged() {
		return communeChosen(p.Commune.Name)
	}
	line := fmt.Sprintf("%s (%s cũ) nay thuộc %s.", p.Former.Name, corpus.Running(p.Former.District), corpus.Running(p.Commune.Name))
	if !p.Former.Confirmed {
		line = fmt.Sprintf("%s (%s cũ) có lẽ nay thuộc %s; chỗ này chưa xác minh được.", p.Former.Name, corpus.Running(p.Former.District), corpus.Running(p.Commune.Name))
	}
	return line + " " + communeChosen(p.Commune.Name)
}

func communeChosen(name string) string {
	return "Tôi nhớ bạn ở " + corpus.Running(name) + ". Việc nào tôi không biết, tôi sẽ chỉ bạn hỏi ở đó."
}

// communeWhich asks which of several is meant.
func communeWhich(names []string) string {
	var b strings.Builder
	b.WriteString("Bạn ở nơi nào?")
	for i, n := range names {
		fmt.Fprintf(&b, "\n%d. %s", i+1, n)
	}
	return b.String()
}

// The words of the office.
const (
	staffSays = "Cán bộ trả lời bạn:"
	wasWrong  = "Xin đính chính một câu trả lời trước đây của trợ lý AI:"
)

// Paused is what the chat page says while it is turned off.
const Paused = "Trợ lý AI đang tạm dừng trên trang này. Bạn quay lại sau, hoặc hỏi Trung tâm Phục vụ hành chính công xã, phường. Việc khẩn cấp: gọi 113 (Công an), 114 (cứu hỏa), 115 (cấp cứu)."
