package vietnamese

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a token or value is.
type Kind uint8

// The kinds. Word and Number are plain tokens; the others are values, recognised
// by FindValues and kept whole by Tokenize.
const (
	Word Kind = iota
	Number
	Money       // canonical: whole đồng, "150000"
	WorkingDays // "P5D" of working days
	Duration    // ISO 8601: "P60D", "P3M", "PT24H"
	Date        // ISO 8601: "2025-07-01", "2025-07", "--07-01" without a year
	Percent     // "70"
	Age         // years: "14"
	Phone       // digits
	Link        // host and path
	Email
	Reference // number of a legal document: "168/2025/NĐ-CP"
	Code      // code of a procedure: "1.001193"
	Form      // code of a form: "CT01"
)

var kindNames = [...]string{"word", "number", "money", "working_days", "duration", "date", "percent", "age", "phone", "url", "email", "legal_ref", "procedure_code", "form_code"}

func (k Kind) String() string { return kindNames[k] }

// Token is one syllable or one value.
type Token struct {
	Text   string // lower case, marks kept, i/y spelling unified: what an accented question is compared by
	Folded string // Text without marks
	Kind   Kind
	Start  int // byte offsets in the text given to Tokenize
	End    int
}

// Tokenize appends the tokens of s to dst. A syllable is a run of letters;
// punctuation separates; money, dates, numbers of legal documents and codes stay
// whole, money and dates in their canonical form, so that "150k" and "150.000
// đồng" are the same token. s should be normalised: marks that are not composed
// stay with their letter all the same, but Text is then not composed either.
func Tokenize(dst []Token, s string) []Token {
	first := len(dst)
	folded := make([]byte, 0, len(s)+16) // of all tokens together, so that they share one allocation
	var buffer [64]int
	ends := buffer[:0] // of each token in folded
	lower := strings.ToLower(s)
	sameOffsets := len(lower) == len(s)
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		switch {
		case isWord(r):
			start := i
			for i < len(s) {
				r, size := rune(s[i]), 1
				if r >= utf8.RuneSelf {
					r, size = utf8.DecodeRuneInString(s[i:])
				}
				if !isWord(r) && (r < '0' || r > '9') {
					break
				}
				i += size
			}
			text := ""
			if sameOffsets {
				text = lower[start:i]
			} else {
				text = strings.ToLower(s[start:i])
			}
			text = unifyI(text)
			folded = appendFold(folded, text)
			ends = append(ends, len(folded))
			dst = append(dst, Token{Text: text, Start: start, End: i})
		case r >= '0' && r <= '9':
			v, text := valueToken(s, i)
			folded = appendFold(folded, text)
			ends = append(ends, len(folded))
			dst = append(dst, Token{Text: text, Kind: v.Kind, Start: i, End: v.End})
			i = v.End
		default:
			i += size
		}
	}
	all, from := string(folded), 0
	for i, to := range ends {
		dst[first+i].Folded = all[from:to]
		from = to
	}
	return dst
}

// valueToken reads the token that begins with the digit at s[i].
func valueToken(s string, i int) (Value, string) {
	v := valueAt(s, i, "")
	switch v.Kind {
	case Money:
		return v, v.Canonical + "đ"
	case Date:
		return v, v.Canonical
	case Reference, Code:
		return v, strings.ToLower(v.Canonical)
	}
	// A count with its unit: the number alone; the unit stays a word.
	n, end := readNumber(s, i)
	return Value{Kind: Number, Start: i, End: end}, n.String()
}

// isWord reports whether r belongs to a syllable: a letter, or a mark that was not
// composed with one.
func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	return unicode.IsLetter(r) || unicode.Is(unicode.Mn, r)
}

// unifyI writes the open syllables ki, li, mi, ti, qui with y and sy with i, the
// spellings that prevail in official text (lý 31,335 times against lí 36).
func unifyI(syllable string) string {
	if len(syllable) < 2 || len(syllable) > 5 {
		return syllable
	}
	last, size := utf8.DecodeLastRuneInString(syllable)
	onset := syllable[:len(syllable)-size]
	switch onset {
	case "k", "l", "m", "t", "qu":
		if y, ok := iToY[last]; ok {
			return onset + string(y)
		}
	case "s":
		for i, y := range iToY {
			if y == last {
				return onset + string(i)
			}
		}
	}
	return syllable
}

var iToY = map[rune]rune{'i': 'y', 'í': 'ý', 'ì': 'ỳ', 'ỉ': 'ỷ', 'ĩ': 'ỹ', 'ị': 'ỵ'}
