package evaluation

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Longest messages the channels carry.
const (
	telegramUnits = 4096 // UTF-16 code units, Bot API sendMessage
	zaloRunes     = 2000 // text message of an Official Account
)

// fits reports whether a channel carries the answer in one message.
func fits(answer, channel string) bool {
	switch channel {
	case "telegram":
		return len(utf16.Encode([]rune(answer))) <= telegramUnits
	case "zalo":
		return utf8.RuneCountInString(answer) <= zaloRunes
	}
	return true
}

// vietnameseText reports whether a text is written in Vietnamese letters: at most
// one letter in twenty is of another script.
func vietnameseText(s string) bool {
	letters, foreign := 0, 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			letters++
			if !unicode.Is(unicode.Latin, r) {
				foreign++
			}
		}
	}
	return letters > 0 && foreign*20 <= letters
}

var leftover = regexp.MustCompile("(?i)\\{\\{|\\}\\}|</?[a-z][a-z0-9]*[ />]|```|^#+ |\\n#+ |\\]\\(|\\|---|%!|<nil>")

// cleanMarkup reports whether no mark-up shows that a chat prints as it stands:
// HTML tags, code fences, Markdown headings, links and tables, half a bold, a
// template's braces.
func cleanMarkup(s string) bool {
	return !leftover.MatchString(s) && strings.Count(s, "**")%2 == 0 && utf8.ValidString(s)
}
