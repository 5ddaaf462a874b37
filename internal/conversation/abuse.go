package conversation

import (
	"strings"

	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

// calm answers an insult: it may be the last answer that earned it. Nothing is looked
// up, since whatever is found for such words would be one more wrong answer.
func (x *exchange) calm() {
	if x.s.last(x.who) != nil {
		x.s.fail()
	}
	reply := webhook.Reply{Text: sorry}
	switch {
	case x.m.Group:
	case x.noStaff():
		reply.Text += " Cần người thật, bạn " + x.whereToAsk(x.s.Commune) + "."
	default:
		reply.Text += " " + offerStaff
		reply.Choices = []webhook.Choice{{Label: LabelStaff, Action: actionStaff}}
	}
	x.say(reply)
}

// longestInsult is how many syllables a message has at most that is nothing but abuse.
const longestInsult = 8

// abusive reports whether a message is an insult and nothing else: each of its words is
// one, or goes with one. Who was insulted and tells of it, or swears over a question,
// says more than that and is answered.
func abusive(text string) bool {
	if len(text) > 120 {
		return false
	}
	words := vietnamese.Tokenize(nil, vietnamese.Normalize(text))
	if len(words) > longestInsult {
		return false
	}
	form := func(t vietnamese.Token) string { return t.Text }
	if vietnamese.MissingDiacritics(text) {
		form = func(t vietnamese.Token) string { return t.Folded }
	}
	said := ""
	for _, w := range words {
		said += form(w) + " "
	}
	insulted := false
	for said != "" {
		n, insult := insultAt(said)
		if n == 0 {
			return false
		}
		insulted = insulted || insult
		said = said[n:]
	}
	return insulted
}

// insultAt is the length of the words with which said begins, if they are abuse or go
// with it; 0 when they are neither. A word without its marks may be any.
func insultAt(said string) (n int, insult bool) {
	longest := func(phrases []string) (n int) {
		for _, p := range phrases {
			for _, form := range [...]string{p, vietnamese.Fold(p)} {
				if form != p && !strings.Contains(p, " ") {
					continue
				}
				if strings.HasPrefix(said, form+" ") {
					n = max(n, len(form)+1)
				}
			}
		}
		return n
	}
	if n = longest(insults); n > 0 {
		return n, true
	}
	return longest(besideInsults), false
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
