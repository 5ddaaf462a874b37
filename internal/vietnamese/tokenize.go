package vietnamese

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"
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
	w := words{source: s}
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		switch {
		case isWord(r):
			t := w.next(i)
			dst = append(dst, t)
			i = t.End
		case r >= '0' && r <= '9':
			v, text := valueToken(s, i)
			dst = append(dst, Token{Text: text, Folded: w.fold(text), Kind: v.Kind, Start: i, End: v.End})
			i = v.End
		default:
			i += size
		}
	}
	return dst
}

// words cuts words out of a source. What is spelled otherwise than there, in lower
// case or without marks, is written to one buffer, so that all words of a text share
// one allocation.
type words struct {
	source string
	buffer []byte // what is written stays as it is: strings share its memory
}

// next returns the word that begins at source[start].
func (w *words) next(start int) Token {
	if w.buffer == nil {
		w.buffer = make([]byte, 0, len(w.source)+16)
	}
	upper, marked, foreign := false, false, false
	end := len(w.source)
	folded := w.buffer
	for at, r := range w.source[start:] {
		if int(r) >= len(letters) || letters[r].lower == 0 {
			if !wordRune(r) {
				end = start + at
				break
			}
			foreign = true
			continue
		}
		l := &letters[r]
		if !l.word && (r < '0' || r > '9') {
			end = start + at
			break
		}
		upper = upper || rune(l.lower) != r
		marked = marked || l.folded != l.lower
		if l.folded != 0 && l.folded < utf8.RuneSelf {
			folded = append(folded, byte(l.folded))
		} else {
			folded = appendFoldRune(folded, r)
		}
	}
	word := w.source[start:end]
	t := Token{Text: word, Folded: word, Start: start, End: end}
	if foreign {
		t.Text = strings.ToLower(word)
		t.Folded = Fold(t.Text)
		return t
	}
	if upper || marked {
		t.Folded = w.keep(folded)
	}
	switch {
	case upper && marked:
		t.Text = w.lower(word)
	case upper:
		t.Text = t.Folded
	}
	if text := unifyI(t.Text); text != t.Text {
		t.Text, t.Folded = text, Fold(text)
	}
	return t
}

func (w *words) lower(word string) string {
	longer := w.buffer
	for _, r := range word {
		longer = utf8.AppendRune(longer, rune(letters[r].lower))
	}
	return w.keep(longer)
}

func (w *words) fold(text string) string { return w.keep(appendFold(w.buffer, text)) }

// keep returns what was appended to the buffer.
func (w *words) keep(longer []byte) string {
	added := longer[len(w.buffer):]
	w.buffer = longer
	return unsafe.String(unsafe.SliceData(added), len(added))
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
	if int(r) < len(letters) && letters[r].lower != 0 {
		return letters[r].word
	}
	return wordRune(r)
}

// wordRune is isWord without the table.
func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.Is(unicode.Mn, r) }

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
		if at := slices.Index(openI[:], last); at >= 0 {
			return onset + string(openY[at])
		}
	case "s":
		if at := slices.Index(openY[:], last); at >= 0 {
			return onset + string(openI[at])
		}
	}
	return syllable
}

var (
	openI = [...]rune{'i', 'í', 'ì', 'ỉ', 'ĩ', 'ị'}
	openY = [...]rune{'y', 'ý', 'ỳ', 'ỷ', 'ỹ', 'ỵ'}
)
