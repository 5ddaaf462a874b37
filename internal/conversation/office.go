package conversation

import "troly/internal/webhook"

// FromStaff is what an officer says, as the resident reads it: that a human speaks,
// the words, and the way back to the bot.
func FromStaff(text string) webhook.Reply {
	return webhook.Reply{Text: staffSays + "\n" + text, Staff: true, Choices: []webhook.Choice{{Label: labelBack, Action: actionBack}}}
}

// Correction is what somebody who was given a wrong answer reads.
func Correction(text string) webhook.Reply {
	return webhook.Reply{Text: wasWrong + "\n" + text, Staff: true}
}

// The words of the office.
const (
	staffSays = "Cán bộ trả lời bạn:"
	wasWrong  = "Xin đính chính một câu trả lời trước đây của trợ lý AI:"
)

// Paused is what the chat page says while it is turned off.
const Paused = "Trợ lý AI đang tạm dừng trên trang này. Bạn quay lại sau, hoặc hỏi Trung tâm Phục vụ hành chính công xã, phường. Việc khẩn cấp: gọi 113 (Công an), 114 (cứu hỏa), 115 (cấp cứu)."
