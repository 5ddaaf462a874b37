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
	if name, argument := Command(x.m.Text); name != "" || !wantsHuman(x.m.Text) {
		return name, argument
	}
	return staff, ""
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
	words := unmarked(vietnamese.Normalize(text))
	if n := strings.Count(words, " "); n == 0 || n > maxCommandWords {
		return ""
	}
	m := commands.FindStringSubmatch(words)
	for i, name := range []string{staff, erase, help, anew, back, start} {
		if m != nil && m[i+1] != "" {
			return name
		}
	}
	return ""
}

// unmarked are the words of a text without marks, a space after each.
func unmarked(text string) string {
	var b strings.Builder
	for _, t := range vietnamese.Tokenize(nil, text) {
		b.WriteString(t.Folded)
		b.WriteByte(' ')
	}
	return b.String()
}

var commands = regexp.MustCompile(`^(?:(?:cho|xin|toi|em|minh|con|chau|bac|muon|can|duoc|lam on|vui long|hay|giup|nho) )*(?:` +
	`((?:gap|noi chuyen voi|chat voi|chuyen cho|chuyen sang|noi may) (?:truc tiep )?(?:can bo|nguoi that|nhan vien)(?: xa| phuong| tu van| ho tro| phu trach)?|canbo)|` +
	`(xoa (?:het |toan bo |tat ca )?du lieu(?: ca nhan)?(?: (?:cua )?(?:toi|em|minh|con|chau))?)|` +
	`(tro giup|help|menu|huong dan(?: su dung)?|cach su dung|cach dung)|` +
	`(bat dau lai|(?:hoi )?viec khac|hoi cau khac|hoi moi|cau hoi moi)|` +
	`((?:hoi|gap|quay lai|tro lai|noi chuyen voi)(?: lai)?(?: voi)? tro ly(?: ai| ao| so)?|tro ly ai)|` +
	`(start|bat dau)` +
	`) (?:(?:a|nhe|nha|voi|di|ngay|giup|gium|em|toi|minh|anh|chi|ban|duoc khong) )*$`)

// wantsHuman reports whether one clause of a short message asks for a person and for
// nothing else: "trả lời không đúng ý tôi, cho gặp cán bộ". Who it asks for is from a
// closed list, and so is everything around it, since whoever is given to a person
// hears nothing of the bot: "gặp cán bộ nào để làm khai sinh" is a question.
func wantsHuman(text string) bool {
	const longest = 300 // bytes; whoever writes more has a question
	if len(text) > longest {
		return false
	}
	text = vietnamese.Normalize(text)
	if !namesPerson(unmarked(text)) {
		return false // as most messages: the rest costs more than all else that reads a message
	}
	for _, clause := range clauses.Split(text, -1) {
		if m := human.FindStringSubmatch(unmarked(clause)); m != nil && !asksWhere.MatchString(m[1]) {
			return true
		}
	}
	return false
}

// clauses are what a message is cut at.
var clauses = regexp.MustCompile(`[,.;:!?\n]+|\s(?:chứ|chu (?:khong|may|bot|robot)|nhưng|nhung)\s`)

// asksWhere matches what makes a question of what a person is wanted for.
var asksWhere = regexp.MustCompile(`\b(?:dau|nao|may gio|bao nhieu|bao lau)\b`)

// namesPerson reports whether words hold one of those that human has for a person.
func namesPerson(words string) bool {
	return strings.Contains(words, "can bo") || strings.Contains(words, "vien ") || strings.Contains(words, "nguoi")
}

// human matches a clause that asks for a person, without marks; its group is what they
// are to be asked.
var human = func() *regexp.Regexp {
	const (
		who    = `(?:toi|em|minh|con|chau|bac|co|chu|anh|chi|ong|ba)`
		ask    = `(?:(?:thoi|vay|the|gio|cho|xin|` + who + `|muon|can|duoc|dc|lam on|vui long|hay|giup|nho|de nghi|yeu cau|lam sao|lam the nao|co the|de|cu|phai|it nhat) )*`
		person = `(?:(?:can bo|nhan vien|nguoi phu trach|nguoi co trach nhiem)(?: (?:xa|phuong|tu phap|ho tich|dia chinh|dat dai|bao hiem|xa hoi|cong an|mot cua|tu van|ho tro|phu trach|tiep dan|truc|cham soc|khach hang))*|nguoi that|con nguoi|nguoi (?:ho tro|tu van|truc)|tu van vien|tong dai vien)`
		reach  = `(?:gap|noi chuyen voi|noi voi|chat voi|tro chuyen voi|hoi|chuyen (?:may |tiep |cau nay |viec nay )?(?:cho|sang|qua|toi|den)|ket noi (?:(?:may|giup|` + who + `) )*(?:voi|den|toi)|goi|tim|nho|noi may (?:cho|voi|den)?)`
		direct = `(?:truc tiep|ngay|luon)`
		tail   = `(?:a|nhe|nha|voi|di|ngay|luon|lai|truc tiep|ra|ra day|vao day|o day|giup|gium|ho|cho|` + who + `|nay|duoc khong|dc khong|xem)`
		does   = `(?:goi|goi dien|giai thich|tra loi|tu van|ho tro|giup|tiep|lien he|noi)`
	)
	return regexp.MustCompile(`^(?:` +
		ask + reach + ` (?:` + direct + ` )?(?:` + person + `|nguoi) (?:` + tail + ` )*((?:de|nho) (?:hoi|noi|trao doi|tu van|giai thich) (?:[a-z0-9]+ ){0,6})?` +
		`|` + ask + person + ` (?:` + direct + ` )?` + does + ` (?:(?:` + tail + `|` + does + `) )*` +
		`|` + ask + `(?:can|muon|xin|cho) (?:` + who + ` )?` + person + ` (?:` + tail + ` )*` +
		`|` + person + ` oi (?:(?:` + tail + `|` + does + `) )*` +
		`)$`)
}()

// obey runs a command. What follows /start is data of a link, and not looked at.
func (x *exchange) obey(name, argument string) {
	switch name {
	case start:
		if x.m.Group {
			x.state.Greeted = true
			x.say(webhook.Reply{Text: groupStart})
		} else if x.state.Greeted {
			x.say(webhook.Reply{Text: startAgain, Choices: exampleChoices()})
		} else {
			x.welcome()
		}
	case question:
		if argument == "" {
			x.say(webhook.Reply{Text: askHow})
			return
		}
		x.ask(argument, x.history())
	case anew:
		x.state.restart(x.who)
		x.say(webhook.Reply{Text: startedAnew})
	case staff:
		x.handOver(argument)
	case commune:
		x.commune(argument)
	case back:
		x.say(webhook.Reply{Text: hereAlready})
	default:
		if !x.state.Greeted && !x.m.Group {
			x.welcome()
			return
		}
		x.say(webhook.Reply{Text: x.helpText()})
	}
}

// exampleChoices are questions to begin with.
func exampleChoices() []webhook.Choice {
	var list []webhook.Choice
	for i, e := range examples {
		list = append(list, webhook.Choice{Label: short(e), Action: actionExample + strconv.Itoa(i+1)})
	}
	return list
}
