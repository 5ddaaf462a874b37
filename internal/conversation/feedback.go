package conversation

import (
	"strconv"
	"strings"

	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

// rating reads a message that is no more than a thumb.
func rating(text string) (good, ok bool) {
	switch strings.TrimRight(text, "\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff") {
	case "👍":
		return true, true
	case "👎":
		return false, true
	}
	return false, false
}

// rate takes what somebody thought of an answer, and asks why when it was bad.
func (x *exchange) rate(id string, good bool) {
	if !goodID(id) || x.m.Group {
		x.say(webhook.Reply{Text: stale})
		return
	}
	action := webhook.BadAction + id
	if good {
		action = webhook.GoodAction + id
	}
	if x.state.Rated == action {
		x.quiet = true
		return
	}
	x.state.Rated = action
	x.response.Feedback = &webhook.Feedback{Outcome: id, Good: good}
	if good {
		x.state.Reason = nil
		x.say(webhook.Reply{Text: thanksGood})
		return
	}
	x.state.Reason = &awaited{id, x.at.UnixMilli()}
	if last := x.state.last(x.who); last != nil && last.ID == id {
		x.state.fail()
	}
	ask := webhook.Reply{Text: askReason()}
	for i, r := range reasons {
		ask.Choices = append(ask.Choices, webhook.Choice{Label: reasonLabel(r), Action: actionReason + strconv.Itoa(i+1) + "." + id})
	}
	if x.failedAgain() {
		ask.Choices = append(ask.Choices, webhook.Choice{Label: LabelStaff, Action: actionStaff})
		x.note(offerStaff)
	}
	x.say(ask)
}

// reasonGiven takes a message as the reason that was asked for: its number, or words
// of complaint that ask for nothing. It reports whether the message was one.
func (x *exchange) reasonGiven(id, text string) bool {
	if n := ordinal(text, len(reasons)); n >= 1 && n <= len(reasons) {
		x.reason(id, reasons[n-1])
		return true
	}
	tokens := vietnamese.Tokenize(nil, vietnamese.Normalize(cutRunes(text, 2*keptReason)))
	bare := vietnamese.MissingDiacritics(text)
	complains, asks := len(x.complaints.Match(tokens, bare)) > 0, len(x.questions.Match(tokens, bare)) > 0
	if !complains || asks || strings.Contains(text, "?") || x.urgent() {
		return false
	}
	x.reason(id, cutRunes(masked(text), keptReason))
	return true
}

// keptReason is how much of a reason is kept, in runes.
const keptReason = 300

// What a reason holds and a question does not, and the other way round. A message with
// neither is taken for the next question.
var (
	complaintPhrases = []string{"góp ý", "sai", "sai rồi", "sai bét", "trả lời sai", "thiếu", "thiếu thông tin", "thiếu nhiều", "khó hiểu", "không hiểu", "không đúng", "chưa đúng", "không rõ", "chưa rõ", "lạc đề", "nhầm", "nhầm rồi", "không phải", "dài quá", "dài dòng", "chung chung", "không liên quan", "không giống", "tệ", "không được việc"}
	questionPhrases  = []string{"thì sao", "làm sao", "thế nào", "như nào", "ở đâu", "bao nhiêu", "bao lâu", "khi nào", "mấy ngày", "cần gì", "cần những gì", "giấy gì", "giấy tờ gì", "là gì", "thế còn", "được không", "có được", "có phải", "muốn hỏi", "tôi hỏi", "em hỏi", "cho hỏi"}
)

// reason takes why an answer was bad, and thanks for it once.
func (x *exchange) reason(id, why string) {
	x.state.Reason = nil
	x.response.Feedback = &webhook.Feedback{Outcome: id, Reason: why}
	if x.state.Thanked == id {
		x.quiet = true
		return
	}
	x.state.Thanked = id
	x.say(webhook.Reply{Text: thanksReason})
}
