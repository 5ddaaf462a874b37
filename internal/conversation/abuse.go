package conversation

import (
	"regexp"
	"strings"

	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

// calm answers an insult: it may be the last answer that earned it. Nothing is looked
// up, since whatever is found for such words would be one more wrong answer.
func (x *exchange) calm() {
	if x.state.last(x.who) != nil {
		x.state.fail()
	}
	reply := webhook.Reply{Text: sorry}
	switch {
	case x.m.Group:
	case x.noStaff():
		reply.Text += " Cần người thật, bạn " + x.whereToAsk(x.state.Commune) + "."
	default:
		reply.Text += " " + offerStaff
		reply.Choices = []webhook.Choice{{Label: LabelStaff, Action: actionStaff}}
	}
	x.say(reply)
}

// longestInsult is how many syllables a message has at most that is nothing but abuse.
const longestInsult = 8

// abusive reports whether a message is an insult and nothing else: each of its words is
// one, or goes with one. Whoever was insulted and tells of it, or swears over a question,
// says more than that and is answered.
func abusive(text string) bool {
	if strings.Count(text, " ") >= longestInsult {
		return false
	}
	bare := vietnamese.MissingDiacritics(text)
	var words strings.Builder
	for _, t := range vietnamese.Tokenize(nil, vietnamese.Normalize(text)) {
		if bare {
			words.WriteString(t.Folded)
		} else {
			words.WriteString(t.Text)
		}
		words.WriteByte(' ')
	}
	return onlyInsults.MatchString(words.String()) && anInsult.MatchString(words.String())
}

var (
	onlyInsults = regexp.MustCompile(`^(?:(?:` + phrases(insults) + `|` + phrases(besideInsults) + `) )+$`)
	anInsult    = regexp.MustCompile(`(?:^| )(?:` + phrases(insults) + `) `)
)

// phrases are alternatives of an expression, those of several words also without their
// marks: a single word may be any other then.
func phrases(list []string) string {
	var forms []string
	for _, p := range list {
		forms = append(forms, p)
		if bare := vietnamese.Fold(p); bare != p && strings.Contains(p, " ") {
			forms = append(forms, bare)
		}
	}
	return strings.Join(forms, "|")
}

var (
	insults = []string{
		"ngu", "đồ ngu", "ngu ngốc", "ngu si", "ngu dốt", "ngu như bò", "ngu như chó", "dốt", "dốt nát", "đần", "đần độn", "óc chó", "đồ chó", "chó chết", "thằng chó",
		"đm", "dm", "đmm", "dmm", "đcm", "dcm", "đkm", "dkm", "vl", "vcl", "vãi lồn", "clm", "địt mẹ", "địt mẹ mày", "đụ má", "đụ mẹ", "mẹ mày", "mất dạy", "vô dụng", "vô tích sự", "như cứt", "như lồn", "như cặc",
		"cút", "cút đi", "cút mẹ mày đi", "câm mồm", "câm miệng", "câm đi", "im đi", "khốn nạn", "đồ điên", "phế vật", "rác rưởi", "đồ rác", "chết đi", "láo toét", "đồ lừa đảo",
	}
	besideInsults = []string{
		"mày", "may", "bot", "con bot", "robot", "cái", "con", "thằng", "đồ", "máy", "máy móc", "trợ lý", "tro ly", "ai", "trả lời", "nói", "toàn", "quá", "qua", "thế", "the", "vậy", "vay", "vãi", "vai", "luôn", "luon",
		"thật", "that", "rồi", "roi", "à", "ạ", "a", "hả", "ha", "nhé", "đi", "di", "mà", "ma", "cũng", "cung", "như", "nhu", "là", "la", "đúng", "dung", "trời", "ơi", "oi", "lũ", "chúng", "này", "nay", "kia", "kìa", "sao", "gì", "gi",
	}
)
