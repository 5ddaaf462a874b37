package telegram

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"troly/internal/webhook"
)

// commands are those of the bot; "hoi" marks a question, in groups where nothing
// else is passed on to bots. In a group they are answered without the bot's name too;
// to others another bot may be listening.
var commands = []string{"start", "help", "moi", "xoa", "canbo", "xa", "hoi"}

// addressed reports whether a message is for the bot and gives its text without the
// mentions of the bot. In private everything is.
//
// While Telegram has not told the bot's name a mention in a group cannot be judged. It
// is refused with 503, so that Telegram delivers it again: neither is a question lost
// nor another's conversation read.
func (c *Channel) addressed(s *message, text string, entities []entity) (rest string, yes bool, err error) {
	name := ""
	if known := c.name.Load(); known != nil {
		name = *known
	}
	rest, mentioned, unsure := c.cutMentions(text, entities, name)
	command, to, _ := splitCommand(trim(rest))
	switch {
	case s.Chat.private():
		return rest, true, nil
	case mentioned, s.ReplyTo != nil && s.ReplyTo.From != nil && s.ReplyTo.From.ID == c.id:
		// A reply to us may carry a command for another bot all the same.
		return rest, to == "" || name == "" || strings.EqualFold(to, name), nil
	case to != "" && name != "":
		return rest, strings.EqualFold(to, name), nil
	case to != "", unsure:
		return "", false, &webhook.Refusal{Status: http.StatusServiceUnavailable, Reason: "name-unknown"}
	}
	return rest, command != "" && slices.Contains(commands, command), nil
}

// cutMentions takes the mentions of the bot out of text. Entities count in UTF-16
// units; one that does not lie within the text or cuts a character is passed over.
// unsure: there is a mention, and the bot's name is not known.
func (c *Channel) cutMentions(text string, entities []entity, name string) (rest string, mentioned, unsure bool) {
	type span struct{ from, to int }
	var ours []span
	for _, e := range entities {
		if e.Type != "mention" && e.Type != "text_mention" {
			continue
		}
		from, to, ok := utf16Range(text, e.Offset, e.Length)
		if !ok {
			continue
		}
		switch {
		case e.Type == "text_mention":
			if e.User == nil || e.User.ID != c.id {
				continue
			}
		case name == "":
			unsure = true
			continue
		case !strings.EqualFold(strings.TrimPrefix(text[from:to], "@"), name):
			continue
		}
		ours = append(ours, span{from, to})
	}
	if len(ours) == 0 {
		return text, false, unsure
	}
	slices.SortFunc(ours, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	end := 0
	for _, s := range ours {
		if s.from < end {
			continue // one over another
		}
		b.WriteString(text[end:s.from])
		end = s.to
		if written := b.String(); written == "" || strings.HasSuffix(written, " ") {
			for end < len(text) && text[end] == ' ' {
				end++ // the blanks on both sides of the mention become one
			}
		}
	}
	b.WriteString(text[end:])
	return b.String(), true, unsure
}

// utf16Range turns an offset and a length in UTF-16 units into byte positions.
func utf16Range(s string, offset, length int) (from, to int, ok bool) {
	if offset < 0 || length <= 0 || length > len(s) || offset > len(s) {
		return 0, 0, false
	}
	from, to = -1, -1
	units := 0
	for i, r := range s {
		if units == offset {
			from = i
		}
		if units == offset+length {
			to = i
			break
		}
		units++
		if r > 0xFFFF {
			units++
		}
	}
	if to < 0 && units == offset+length {
		to = len(s)
	}
	return from, to, from >= 0 && to > from
}

// splitCommand reads "/command@bot argument". The name must be followed by a blank or
// the end: "/hỏi" is a word somebody wrote, not the command "h". Without a command all
// of s is the argument.
func splitCommand(s string) (command, to, argument string) {
	rest, ok := strings.CutPrefix(s, "/")
	if !ok {
		return "", "", s
	}
	n := 0
	for n < len(rest) && nameByte(rest[n]) {
		n++
	}
	command, rest = strings.ToLower(rest[:n]), rest[n:]
	if n == 0 || n > 32 {
		return "", "", s
	}
	if after, named := strings.CutPrefix(rest, "@"); named {
		n = 0
		for n < len(after) && nameByte(after[n]) {
			n++
		}
		to, rest = after[:n], after[n:]
		if n == 0 {
			return "", "", s
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	if rest != "" && trim(string(r)) != "" {
		return "", "", s
	}
	return command, to, rest
}

func nameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}
