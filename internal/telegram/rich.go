package telegram

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
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
	out := rich{text: a.text + b.text, spans: slices.Clone(a.spans)}
	for _, s := range b.spans {
		out.spans = append(out.spans, span{s.from + len(a.text), s.to + len(a.text), s.url})
	}
	return out
}

// slice is the piece from one byte to another; spans that do not lie in it are left.
func (a rich) slice(from, to int) rich {
	out := rich{text: a.text[from:to]}
	for _, s := range a.spans {
		if s.from >= from && s.to <= to {
			out.spans = append(out.spans, span{s.from - from, s.to - from, s.url})
		}
	}
	return out
}

var (
	textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	attrEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")
)

// html writes a in the tags Telegram reads.
func (a rich) html() string {
	var b strings.Builder
	at := 0
	for _, s := range a.spans {
		b.WriteString(textEscapes.Replace(a.text[at:s.from]))
		b.WriteString(s.html(a.text))
		at = s.to
	}
	b.WriteString(textEscapes.Replace(a.text[at:]))
	return b.String()
}

func (s span) html(text string) string {
	inner := textEscapes.Replace(text[s.from:s.to])
	if s.url == "" {
		return "<b>" + inner + "</b>"
	}
	return fmt.Sprintf(`<a href="%s">%s</a>`, attrEscapes.Replace(s.url), inner)
}

// units counts the UTF-16 units of s.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// cut divides a into pieces of at most limit units of HTML each, which make up a when
// put together. A piece ends at a paragraph, else at a line, a sentence, a word, and
// where there is none of these between two graphemes, never within a span. Only a
// grapheme that is longer than a message is itself cut, between two runes. Pieces
// without anything to see are left out: Telegram refuses them.
func cut(a rich, limit int) []rich {
	var pieces []rich
	for from := 0; from < len(a.text); {
		to := border(a, from, limit)
		if piece := a.slice(from, to); trim(piece.text) != "" {
			pieces = append(pieces, piece)
		}
		from = to
	}
	return pieces
}

// The kinds of border, best first.
const (
	paragraph = iota
	line
	sentence
	word
	borders // how many
)

// border is where the piece beginning at from ends.
func border(a rich, from, limit int) int {
	var last [borders]struct{ at, used int }
	used, state, at := 0, -1, from
	for at < len(a.text) {
		next, cost := 0, 0
		if s, inside := a.spanAt(at); inside {
			next, cost, state = s.to, units(s.html(a.text)), -1
		} else {
			var g string
			g, _, _, state = uniseg.FirstGraphemeClusterInString(a.text[at:a.plainEnd(at)], state)
			next, cost = at+len(g), units(textEscapes.Replace(g))
		}
		if used+cost > limit {
			break
		}
		used, at = used+cost, next
		if kind, ok := borderAt(a.text, at); ok {
			last[kind].at, last[kind].used = at, used
		}
	}
	switch {
	case at == len(a.text):
		return at
	case at == from: // a single grapheme that is too long
		return from + fitting(a.text[from:], limit)
	}
	furthest := 0
	for _, b := range last {
		if b.used >= limit/2 {
			return b.at
		}
		furthest = max(furthest, b.at)
	}
	if furthest > from {
		return furthest
	}
	return at
}

// spanAt is the span beginning at a byte.
func (a rich) spanAt(at int) (span, bool) {
	i, found := slices.BinarySearchFunc(a.spans, at, func(s span, at int) int { return s.from - at })
	if !found {
		return span{}, false
	}
	return a.spans[i], true
}

// plainEnd is where the next span begins, or the text ends.
func (a rich) plainEnd(at int) int {
	i, _ := slices.BinarySearchFunc(a.spans, at, func(s span, at int) int { return s.from - at })
	if i < len(a.spans) {
		return a.spans[i].from
	}
	return len(a.text)
}

// borderAt says what ends at a byte. Blanks belong to what is before them.
func borderAt(s string, at int) (kind int, ok bool) {
	next, _ := utf8.DecodeRuneInString(s[at:])
	if at == 0 || at < len(s) && (next == ' ' || next == '\n') {
		return 0, false
	}
	switch {
	case strings.HasSuffix(s[:at], "\n\n"):
		return paragraph, true
	case s[at-1] == '\n':
		return line, true
	case s[at-1] != ' ':
		return 0, false
	}
	before := strings.TrimRight(s[max(0, at-16):at], " \"'”’)")
	r, _ := utf8.DecodeLastRuneInString(before)
	if strings.ContainsRune(".!?…", r) {
		return sentence, true
	}
	return word, true
}

// fitting is how many bytes of s fit into limit units, at least one rune's.
func fitting(s string, limit int) int {
	used := 0
	for i, r := range s {
		cost := units(textEscapes.Replace(string(r)))
		if i > 0 && used+cost > limit {
			return i
		}
		used += cost
	}
	return len(s)
}

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
	empty := false
	for _, l := range strings.Split(s, "\n") {
		l = strings.TrimRightFunc(l, unicode.IsSpace)
		if l == "" && (empty || len(lines) == 0) {
			continue
		}
		empty = l == ""
		lines = append(lines, fewBlanks(l))
	}
	return trim(strings.Join(lines, "\n"))
}

// fewBlanks makes one blank of each run of more than four.
func fewBlanks(s string) string {
	for strings.Contains(s, "     ") {
		i := strings.Index(s, "     ")
		s = s[:i+1] + strings.TrimLeft(s[i:], " ")
	}
	return s
}
