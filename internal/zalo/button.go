package zalo

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"troly/internal/privacy"
)

// mark begins the payload of a button of ours. Zalo sends a press back as a text
// message with the payload in it, so the payload must tell itself from typed words.
const mark = "#"

// maxAction is how long an action may be, in bytes: what every channel can carry.
const maxAction = 64

// payloadOf is the payload of a button with this action. What is not printable
// ASCII, spaces and % are written as %XX.
func payloadOf(action string) string {
	var b strings.Builder
	b.WriteString(mark)
	for i := 0; i < len(action); i++ {
		if c := action[i]; c <= ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// actionOf is the action of a payload; empty when text is none of ours: two words, a
// letter with a mark, too long. A person who types "#abc" is taken to have pressed a
// button, as one who forges a press is: whoever acts on it checks it against what was
// offered.
func actionOf(text string) string {
	payload, ok := strings.CutPrefix(strings.TrimSpace(text), mark)
	if !ok || payload == "" || strings.ContainsFunc(payload, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	action, err := url.PathUnescape(payload)
	if err != nil || len(action) > maxAction || !utf8.ValidString(action) {
		return ""
	}
	return action
}

// withID matches actions that end in an ID of ours, which may have many digits.
var withID = regexp.MustCompile(`^[a-z]+\.(?:[0-9]\.)?[0-9A-Za-z_-]+$`)

// personal reports that somebody typed a number of theirs, or an address, behind the
// mark: an action is kept as it came, so that it is none.
func personal(action string) bool {
	_, found := privacy.Mask(action)
	return len(found) > 0 && !withID.MatchString(action)
}
