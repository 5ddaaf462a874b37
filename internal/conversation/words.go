package conversation

import (
	"regexp"
	"strconv"
	"strings"

	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

// The commands, as channels give them in Message.Command.
const (
	start    = "start"
	help     = "help"
	question = "hoi"
	anew     = "moi"
	erase    = "xoa"
	staff    = "canbo"
	commune  = "xa"
	back     = "troly" // only by words and button: back from a human to the bot
)

// command reads what a message orders: the command of the channel, one written out
// with a slash, or a whole message of words that stand for one.
func (x *exchange) command() (name, argument string) {
	if x.m.Edited {
		return "", "" // an order is given once
	}
	if x.m.Command != "" {
		return known(x.m.Command), x.m.Text
	}
	if x.m.Kind != webhook.Text && x.m.Kind != webhook.Voice {
		return "", ""
	}
	return Command(x.m.Text)
}

// Command reads a whole message as an order: a slash and a name ("/xa Đại Lịch"), or
// words that stand for one ("gặp cán bộ", "xóa dữ liệu", "đổi xã Đại Lịch"), with or
// without diacritics. argument is what follows as it was written; without an order
// name is empty. It is for channels that show commands nowhere.
func Command(text string) (name, argument string) {
	text = strings.TrimSpace(text)
	if name, argument := slashed(text); name != "" {
		return name, argument
	}
	if place := namedCommune(text); place != "" {
		return commune, place
	}
	return inWords(text), ""
}

// namedCommune is the commune of "đổi xã Đại Lịch", with the word xã or phường.
func namedCommune(text string) string {
	words := strings.Fields(text)
	if len(text) > 200 || len(words) < 3 {
		return ""
	}
	switch vietnamese.Fold(words[0] + " " + words[1]) {
	case "chon xa", "doi xa", "chon phuong", "doi phuong":
		return strings.TrimRight(strings.Join(words[1:], " "), " .!?")
	}
	return ""
}

// Erases reports whether a message asks to be forgotten, whichever way it says so: by
// the command of its channel, with a slash or in words.
func Erases(m webhook.Message) bool {
	name, _ := (&exchange{m: m}).command()
	return name == erase
}

// known is the command of that name, help for one that is none.
func known(name string) string {
	switch name = strings.ToLower(name); name {
	case start, help, question, anew, erase, staff, commune:
		return name
	}
	return help
}

// slashed reads "/xa Đại Lịch" where the channel knows no commands. A slash before
// anything else is part of a question.
func slashed(text string) (name, argument string) {
	rest, ok := strings.CutPrefix(text, "/")
	if !ok {
		return "", ""
	}
	name, argument, _ = strings.Cut(rest, " ")
	name, _, _ = strings.Cut(name, "@")
	switch name = strings.ToLower(name); name {
	case start, help, question, anew, erase, staff, commune:
		return name, strings.TrimSpace(argument)
	case "trogiup":
		return help, ""
	}
	return "", ""
}

// maxCommandWords is how long a message is at most that stands for a command.
const maxCommandWords = 10

// inWords is the command that a whole message stands for, with the courtesies around
// it; empty for everything else. The words are read without marks, so each must be
// rare as a question of its own.
func inWords(text string) string {
	if len(text) > 120 {
		return ""
	}
	tokens := vietnamese.Tokenize(nil, vietnamese.Normalize(text))
	if len(tokens) == 0 || len(tokens) > maxCommandWords {
		return ""
	}
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString(t.Folded + " ")
	}
	m := commands.FindStringSubmatch(b.String())
	for i, name := range []string{staff, erase, help, anew, back, start} {
		if m != nil && m[i+1] != "" {
			return name
		}
	}
	return ""
}

var commands = regexp.MustCompile(`^(?:(?:cho|xin|toi|em|minh|con|chau|bac|muon|can|duoc|lam on|vui long|hay|giup|nho) )*(?:` +
	`((?:gap|noi chuyen voi|chat voi|chuyen cho|chuyen sang|noi may) (?:truc tiep )?(?:can bo|nguoi that|nhan vien)(?: xa| phuong| tu van| ho tro| phu trach)?|canbo)|` +
	`(xoa (?:het |toan bo |tat ca )?du lieu(?: ca nhan)?(?: (?:cua )?(?:toi|em|minh|con|chau))?)|` +
	`(tro giup|help|menu|huong dan(?: su dung)?|cach su dung|cach dung)|` +
	`(bat dau lai|(?:hoi )?viec khac|hoi cau khac|hoi moi|cau hoi moi)|` +
	`((?:hoi|gap|quay lai|tro lai|noi chuyen voi)(?: lai)?(?: voi)? tro ly(?: ai| ao| so)?|tro ly ai)|` +
	`(start|bat dau)` +
	`) (?:(?:a|nhe|nha|voi|di|ngay|giup|gium|em|toi|minh|anh|chi|ban|duoc khong) )*$`)

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
