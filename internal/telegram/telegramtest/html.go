package telegramtest

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
)

var (
	tag      = regexp.MustCompile(`^<(/?)([a-zA-Z-]+)((?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*)\s*>`)
	entity   = regexp.MustCompile(`^&(lt|gt|amp|quot|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});`)
	readable = []string{"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "tg-spoiler", "a", "code", "pre", "blockquote", "tg-emoji", "tg-time"}
)

// readHTML gives the words of Telegram's HTML, or in Telegram's wording why it does not
// parse.
func readHTML(s string) (words, refused string) {
	var out strings.Builder
	var open []string
	for i := 0; i < len(s); {
		switch s[i] {
		case '<':
			m := tag.FindStringSubmatch(s[i:])
			if m == nil {
				return "", fmt.Sprintf("Unsupported start tag at byte offset %d", i)
			}
			name := strings.ToLower(m[2])
			switch {
			case !slices.Contains(readable, name):
				return "", fmt.Sprintf("Unsupported start tag %q at byte offset %d", name, i)
			case m[1] == "":
				open = append(open, name)
			case len(open) == 0 || open[len(open)-1] != name:
				return "", fmt.Sprintf("Unexpected end tag at byte offset %d", i)
			default:
				open = open[:len(open)-1]
			}
			i += len(m[0])
		case '&':
			// Names that are not known stay as they are, as with Telegram.
			if e := entity.FindString(s[i:]); e != "" {
				out.WriteString(html.UnescapeString(e))
				i += len(e)
				continue
			}
			out.WriteByte('&')
			i++
		default:
			out.WriteByte(s[i])
			i++
		}
	}
	if len(open) > 0 {
		return "", fmt.Sprintf("Can't find end tag corresponding to start tag %q", open[len(open)-1])
	}
	return out.String(), ""
}
