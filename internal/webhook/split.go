package webhook

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Split cuts text into parts that measure at most limit each; put together they
// are text again, byte for byte. A cut is made where a reader would pause:
// between paragraphs, else lines, sentences, words, and between graphemes when
// there is nothing better, so no letter loses its mark and no emoji its skin. What
// separates two parts stays at the end of the first.
//
// measure counts as the platform does, and must add up: measure(a+b) =
// measure(a)+measure(b); nil counts runes. Only a grapheme that is longer than
// limit by itself is cut inside, between runes. Empty text has no parts; a limit
// below 1 is 1.
func Split(text string, limit int, measure func(string) int) []string {
	if measure == nil {
		measure = utf8.RuneCountInString
	}
	limit = max(limit, 1)
	var parts []string
	for text != "" {
		n := cut(text, limit, measure)
		parts = append(parts, text[:n])
		text = text[n:]
	}
	return parts
}

// How good a place for a cut is.
const (
	anywhere = iota // between graphemes
	word
	sentence
	line
	paragraph
	places
)

// cut returns how many bytes of text the next part takes, at least one rune.
func cut(text string, limit int, measure func(string) int) int {
	var last [places]int // the last cut of each kind that still fits
	used, at, state := 0, 0, -1
	var before seen
	for rest := text; rest != ""; {
		var grapheme string
		grapheme, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used += measure(grapheme); used > limit {
			return best(text, last, limit, measure)
		}
		at += len(grapheme)
		last[before.place(grapheme)] = at
	}
	return len(text)
}

// best takes the best place in the second half of what fits, else the last word
// or grapheme: a part of three words before a long paragraph reads worse than a
// paragraph that goes on.
func best(text string, last [places]int, limit int, measure func(string) int) int {
	for place := paragraph; place > word; place-- {
		if n := last[place]; n > 0 && 2*measure(text[:n]) >= limit {
			return n
		}
	}
	furthest := 0
	for _, n := range last {
		furthest = max(furthest, n)
	}
	if blank := max(last[word], last[sentence], last[line], last[paragraph]); blank > 0 {
		return blank
	}
	if furthest > 0 {
		return furthest
	}
	return insideGrapheme(text, limit, measure)
}

// insideGrapheme cuts a grapheme that does not fit: a letter under hundreds of marks.
func insideGrapheme(text string, limit int, measure func(string) int) int {
	at, used := 0, 0
	for at < len(text) {
		_, size := utf8.DecodeRuneInString(text[at:])
		if used += measure(text[at : at+size]); used > limit && at > 0 {
			break
		}
		at += size
		if used > limit {
			break
		}
	}
	return at
}

// seen is what stood before a grapheme, as far as it decides whether a cut may
// follow it.
type seen struct {
	ends    bool // a mark that ends a sentence, then perhaps closing quotes
	newline int  // line ends in a row, spaces between them not counted
	number  bool // only digits since the line began: "1." opens a list item
	inLine  bool
}

// place says how good a cut right after the grapheme is.
func (s *seen) place(grapheme string) int {
	r, _ := utf8.DecodeRuneInString(grapheme)
	switch {
	case r == '\n' || r == '\r':
		s.newline++
		s.ends, s.number, s.inLine = false, false, false
		if s.newline > 1 {
			return paragraph
		}
		return line
	case unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f':
		if s.newline > 1 {
			return paragraph
		}
		if s.newline == 1 {
			return line
		}
		if s.ends {
			return sentence
		}
		return word
	}
	s.newline = 0
	switch {
	case r == '.' || r == '!' || r == '?' || r == '…' || r == ';':
		s.ends = !(r == '.' && s.number)
	case s.ends && (r == '"' || r == '”' || r == '’' || r == ')' || r == '»'):
	default:
		s.ends = false
	}
	s.number = unicode.IsDigit(r) && (s.number || !s.inLine)
	s.inLine = true
	return anywhere
}

// Units counts UTF-16 units: the strictest way a platform may count characters.
func Units(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

// Short is s, or as many of its graphemes as measure at most limit with an ellipsis
// behind them. measure is as in Split: nil counts runes.
func Short(s string, limit int, measure func(string) int) string {
	if measure == nil {
		measure = utf8.RuneCountInString
	}
	if measure(s) <= limit {
		return s
	}
	var b strings.Builder
	n := 1
	for rest, state := s, -1; rest != ""; {
		var g string
		g, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if n += measure(g); n > limit {
			break
		}
		b.WriteString(g)
	}
	return strings.TrimRight(b.String(), " ") + "…"
}
