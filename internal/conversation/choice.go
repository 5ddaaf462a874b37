package conversation

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"troly/internal/pipeline"
	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

// maxSuggestions is how many buttons of suggestions fit beside 👍 and 👎 on every
// channel.
const maxSuggestions = 3

// choose answers the n-th of what a turn offered.
func (x *exchange) choose(t turn, n int) {
	offer := t.Offers[n-1]
	if t.Status != pipeline.Clarify {
		x.ask(offer, nil) // each stands by itself
		return
	}
	text := offer
	if n <= 4 {
		text = strconv.Itoa(n) // as the pipeline reads a choice, whatever the words
	}
	// "2" says nothing later, neither to the next question nor to whoever reads the outcome.
	shown := cutRunes(t.Turn.Question+": "+offer, keptQuestion)
	x.askAs(shown, text, x.state.before(x.who, x.at.Add(-x.opts.FollowUp).UnixMilli(), t.ID))
}

// offered are the buttons of what a turn offers; the choices of a question asked back
// carry the numbers under which they stand in its text.
func offered(id string, status pipeline.Status, offers []string) []webhook.Choice {
	var list []webhook.Choice
	for i, o := range offers {
		n := strconv.Itoa(i + 1)
		label := o
		if status == pipeline.Clarify {
			label = n + ". " + o
		}
		list = append(list, webhook.Choice{Label: short(label), Action: actionChoice + n + "." + id})
	}
	return list
}

// maxLabel is how much of a button every channel shows, in runes.
const maxLabel = 35

// short cuts a label between words; of a question its end is kept, which tells it from
// others on the same matter: "Đổi giấy phép… hết bao nhiêu tiền?".
func short(label string) string {
	if utf8.RuneCountInString(label) <= maxLabel {
		return label
	}
	end := ""
	if m := asked.FindString(label); m != "" {
		end = " " + strings.TrimSpace(m)
	}
	cut := cutRunes(label, maxLabel-1-utf8.RuneCountInString(end))
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,;:(") + "…" + end
}

// asked matches what a suggestion asks about the document it begins with.
var asked = regexp.MustCompile(` (?:cần giấy tờ gì|hết bao nhiêu tiền|mất bao lâu|nộp ở đâu|nộp trực tuyến thế nào)\?$`)

// ordinal reads a message that picks by number or letter: "2", "số 2", "cái thứ hai",
// "b"; 0 for everything else. of is how many there are, for "cái cuối".
func ordinal(text string, of int) int {
	text = strings.ToLower(strings.TrimRight(strings.TrimSpace(text), ".)"))
	if len(text) == 1 && text[0] >= 'a' && text[0] <= 'd' { // with a mark it is a word: "à", "ạ"
		return int(text[0]-'a') + 1
	}
	if len(text) > 60 {
		return 0
	}
	m := ordinals.FindStringSubmatch(vietnamese.Fold(text))
	if m == nil {
		return 0
	}
	if n, err := strconv.Atoi(m[1]); err == nil {
		return n
	}
	switch m[1] {
	case "mot", "nhat", "dau", "dau tien":
		return 1
	case "hai":
		return 2
	case "ba":
		return 3
	case "bon", "tu":
		return 4
	}
	return of // the last
}

var ordinals = regexp.MustCompile(`^(?:da |vang |u )?(?:chon )?(?:(?:cai|so|y|muc|viec|cau|nut|phuong an|lua chon|truong hop)(?: so| thu)? |thu )?([1-9]|mot|nhat|dau tien|dau|hai|ba|bon|tu|cuoi cung|cuoi)(?: a| nhe| nha| di)*$`)
