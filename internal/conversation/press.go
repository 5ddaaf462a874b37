package conversation

import (
	"regexp"
	"strconv"
	"strings"

	"troly/internal/pipeline"
	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

// What actions begin with, or are. All are ASCII; a number is one digit and an
// outcome's ID comes last, so that a press on an old message means what stood there or
// nothing.
const (
	actionExample = "example."
	actionChoice  = "choice." // n.outcome
	actionCommune = "xa."     // n.key
	actionReason  = "why."    // n.outcome
	actionStaff   = "canbo"
	actionBack    = "troly"
	actionHelp    = "help"
)

// press runs the action of a button.
func (x *exchange) press(action string) {
	at := x.at.UnixMilli()
	if again := x.s.Pressed; again.Action == action && at-again.At < twice && at >= again.At {
		x.quiet = true
		return // pressed twice because the answer did not come at once
	}
	x.s.Pressed = lastDone{cutRunes(action, 2*maxID), at}
	if id, ok := strings.CutPrefix(action, webhook.GoodAction); ok {
		x.rate(id, true)
		return
	}
	if id, ok := strings.CutPrefix(action, webhook.BadAction); ok {
		x.rate(id, false)
		return
	}
	x.s.Reason = nil
	if name, ok := strings.CutPrefix(action, actionExample); ok {
		if n := digit(name, len(examples)); n > 0 {
			x.ask(examples[n-1], nil)
			return
		}
	}
	if n, id, ok := numbered(action, actionChoice); ok {
		if t := x.s.turnOf(id); t != nil && t.Who == x.who && n <= len(t.Offers) {
			x.r.Spent = t.Status == pipeline.Clarify
			x.choose(*t, n)
			return
		}
	}
	if n, id, ok := numbered(action, actionReason); ok && n <= len(reasons) && goodID(id) && !x.m.Group {
		x.r.Spent = true
		x.reason(id, reasons[n-1])
		return
	}
	if n, key, ok := numbered(action, actionCommune); ok && x.s.Pick != nil && x.s.Pick.Key == key && n <= len(x.s.Pick.Names) {
		x.r.Spent = true
		x.setCommune(x.s.Pick.Names[n-1])
		return
	}
	switch action {
	case actionStaff, actionBack, actionHelp:
		x.obey(action, "")
	default:
		x.say(webhook.Reply{Text: stale})
	}
}

// twice is within how many milliseconds the same press counts once.
const twice = 10_000

// numbered reads an action of a digit and a name: "choice.2.abc".
func numbered(action, prefix string) (n int, name string, ok bool) {
	rest, ok := strings.CutPrefix(action, prefix)
	if !ok {
		return 0, "", false
	}
	number, name, ok := strings.Cut(rest, ".")
	n = digit(number, maxOffers)
	return n, name, ok && n > 0
}

// digit reads a number from 1 to most, 0 for anything else.
func digit(s string, most int) int {
	if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= most && len(s) == 1 {
		return n
	}
	return 0
}

var ids = regexp.MustCompile(`^[0-9A-Za-z_-]{1,48}$`)

func goodID(id string) bool { return ids.MatchString(id) }

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
	if x.s.Rated == action {
		x.quiet = true
		return
	}
	x.s.Rated = action
	x.r.Feedback = &webhook.Feedback{Outcome: id, Good: good}
	if good {
		x.s.Reason = nil
		x.say(webhook.Reply{Text: thanksGood})
		return
	}
	x.s.Reason = &awaited{id, x.at.UnixMilli()}
	if last := x.s.last(x.who); last != nil && last.ID == id {
		x.s.fail()
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
	x.s.Reason = nil
	x.r.Feedback = &webhook.Feedback{Outcome: id, Reason: why}
	if x.s.Thanked == id {
		x.quiet = true
		return
	}
	x.s.Thanked = id
	x.say(webhook.Reply{Text: thanksReason})
}
