package telegram

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxUnits is the most Telegram takes in one message, counted the strictest way it may
// be counted: in UTF-16 units, markup and all.
const maxUnits = 4096

// rich is text as it is read, and where it is more than text. Spans lie apart, in order.
type rich struct {
	text  string
	spans []span
}

// span is a piece of the text that is a link, or bold where url is empty.
type span struct {
	from, to int // bytes
	url      string
}

func plain(s string) rich { return rich{text: s} }

// add appends b to a.
func (a rich) add(b rich) rich {
	out := rich{text: a.text + b.text, spans: append([]span(nil), a.spans...)}
	for _, s := range b.spans {
		out.spans = append(out.spans, span{s.from + len(a.text), s.to + len(a.text), s.url})
	}
	return out
}

// below puts b under a, with an empty line between them.
func (a rich) below(b rich) rich {
	if a.text == "" || b.text == "" {
		return a.add(b)
	}
	a.text = strings.TrimRight(a.text, "\n")
	return a.add(plain("\n\n")).add(b)
}

var (
	textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	attrEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")
)

func escape(s string) string { return textEscapes.Replace(s) }

// html writes a in the tags Telegram reads.
func (a rich) html() string {
	var b strings.Builder
	at := 0
	for _, s := range a.spans {
		b.WriteString(escape(a.text[at:s.from]))
		if inner := escape(a.text[s.from:s.to]); s.url == "" {
			b.WriteString("<b>" + inner + "</b>")
		} else {
			fmt.Fprintf(&b, `<a href="%s">%s</a>`, attrEscapes.Replace(s.url), inner)
		}
		at = s.to
	}
	b.WriteString(escape(a.text[at:]))
	return b.String()
}

// manyBlanks are more than an indentation.
var manyBlanks = regexp.MustCompile(`[ \x{a0}]{5,}`)

// tidy is text fit for a message: NFC, without control characters, at most one empty
// line and four blanks in a row.
func tidy(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "�"))
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\r', r == '\v', r == '\f', r == 0x85, r == 0x2028, r == 0x2029:
			return '\n'
		case r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
	var lines []string
	empty := true
	for _, l := range strings.Split(s, "\n") {
		l = strings.TrimRightFunc(l, unicode.IsSpace)
		if l == "" && empty {
			continue
		}
		empty = l == ""
		lines = append(lines, manyBlanks.ReplaceAllString(l, " "))
	}
	return trim(strings.Join(lines, "\n"))
}
