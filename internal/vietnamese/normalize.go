// Package vietnamese is the text analysis everything else stands on: normal forms,
// folding, tokens, the glossary of short forms, restoring diacritics, and reading
// money, durations and dates. It knows the language and nothing of procedures.
//
// Text is read by rune; every function takes any bytes, needs time linear in them
// and never panics. Fold is for comparing only: what people see keeps its marks.
package vietnamese

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Normalize writes text in one form: NFC, plain spaces, no invisible characters,
// Latin letters for their Cyrillic and Greek look-alikes, straight quotes and
// hyphens, and the tone mark where the older, prevailing rule puts it ("hoà"
// becomes "hòa"). Letter case stays. Normalize(Normalize(s)) == Normalize(s).
func Normalize(s string) string {
	s = strings.ToValidUTF8(s, " ")
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	if plain(s) {
		return strings.TrimSpace(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	space := true // leading space is dropped
	for _, r := range s {
		r = oneForm(r)
		switch {
		case r < 0:
		case r == ' ':
			if !space {
				b.WriteByte(' ')
			}
			space = true
		default:
			b.WriteRune(r)
			space = false
		}
	}
	// A dropped invisible character may have stood between a letter and its mark,
	// and a replaced look-alike may now compose with one.
	out := norm.NFC.String(strings.TrimRight(b.String(), " "))
	return placeTones(out)
}

// plain reports that s needs no rewriting beyond trimming: the common case of a
// short ASCII question.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || c < ' ' || c == ' ' && i > 0 && s[i-1] == ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// oneForm maps a rune to the one we use for it; -1 drops it.
func oneForm(r rune) rune {
	if r < utf8.RuneSelf {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}
	if r >= 0xFF01 && r <= 0xFF5E { // full-width ASCII
		return r - 0xFF01 + '!'
	}
	if mapped, ok := lookAlikes[r]; ok {
		return mapped
	}
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
		return -1 // zero-width, soft hyphen, direction marks
	case unicode.IsControl(r):
		return ' '
	}
	return r
}

// lookAlikes are letters and signs of other scripts that pass for Latin ones.
var lookAlikes = map[rune]rune{
	'а': 'a', 'е': 'e', 'о': 'o', 'р': 'p', 'с': 'c', 'у': 'y', 'х': 'x', 'і': 'i', 'ј': 'j', 'ѕ': 's',
	'А': 'A', 'В': 'B', 'Е': 'E', 'К': 'K', 'М': 'M', 'Н': 'H', 'О': 'O', 'Р': 'P', 'С': 'C', 'Т': 'T', 'Х': 'X', 'І': 'I',
	'α': 'a', 'ο': 'o', 'ν': 'v', 'ι': 'i', 'Α': 'A', 'Β': 'B', 'Ε': 'E', 'Η': 'H', 'Ι': 'I', 'Κ': 'K', 'Μ': 'M', 'Ν': 'N', 'Ο': 'O', 'Ρ': 'P', 'Τ': 'T', 'Χ': 'X',
	'ð': 'đ', 'Ð': 'Đ', 'Ɖ': 'Đ', 'ɖ': 'đ',
	'“': '"', '”': '"', '„': '"', '«': '"', '»': '"', '‘': '\'', '’': '\'', '‚': '\'', '`': '\'',
	'–': '-', '—': '-', '‐': '-', '‑': '-', '‒': '-', '−': '-',
	'\u200b': -1, '\u2060': -1, '\ufeff': -1, '\u034f': -1,
}

// tonePairs are vowel pairs whose tone newer spelling puts on the second vowel, in
// the order plain, huyền, sắc, hỏi, ngã, nặng.
var tonePairs = [...]struct{ second, old [6]string }{
	{[6]string{"oa", "oà", "oá", "oả", "oã", "oạ"}, [6]string{"oa", "òa", "óa", "ỏa", "õa", "ọa"}},
	{[6]string{"oe", "oè", "oé", "oẻ", "oẽ", "oẹ"}, [6]string{"oe", "òe", "óe", "ỏe", "õe", "ọe"}},
	{[6]string{"uy", "uỳ", "uý", "uỷ", "uỹ", "uỵ"}, [6]string{"uy", "ùy", "úy", "ủy", "ũy", "ụy"}},
}

var toneReplacements = func() map[string]string {
	m := make(map[string]string)
	for _, p := range tonePairs {
		for i := 1; i < 6; i++ {
			m[p.second[i]] = p.old[i]
			m[strings.ToUpper(p.second[i])] = strings.ToUpper(p.old[i])
			first, size := utf8.DecodeRuneInString(p.second[i])
			oldFirst, oldSize := utf8.DecodeRuneInString(p.old[i])
			m[string(unicode.ToUpper(first))+p.second[i][size:]] = string(unicode.ToUpper(oldFirst)) + p.old[i][oldSize:]
		}
	}
	return m
}()

// placeTones moves the tone of an open oa, oe or uy to its first vowel. After q
// the u belongs to the consonant ("quý" stays), and a closed syllable ("hoàn")
// keeps its mark on the second vowel under both rules.
func placeTones(s string) string {
	if !strings.ContainsAny(s, "àáảãạèéẻẽẹỳýỷỹỵÀÁẢÃẠÈÉẺẼẸỲÝỶỸỴ") {
		return s
	}
	var b strings.Builder
	last := 0
	previous, before := rune(0), rune(0)
	for i, r := range s {
		if (previous == 'o' || previous == 'u' || previous == 'O' || previous == 'U') && r >= utf8.RuneSelf {
			start := i - 1
			end := i + utf8.RuneLen(r)
			old, ok := toneReplacements[s[start:end]]
			next, _ := utf8.DecodeRuneInString(s[end:])
			if ok && before != 'q' && before != 'Q' && !unicode.IsLetter(next) {
				b.WriteString(s[last:start])
				b.WriteString(old)
				last = end
			}
		}
		before, previous = previous, r
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

// letter is what a rune is compared as.
type letter struct {
	lower  uint16
	folded uint16 // lower without its mark; 0: a mark by itself, which folding drops
	word   bool   // belongs to a syllable
}

// letters holds the Latin letters and the marks that combine with them; lower is 0
// for the runes between that are neither.
var letters = func() (t [0x1F00]letter) {
	for _, block := range [][2]rune{{0, 0x250}, {0x300, 0x370}, {0x1E00, 0x1F00}} {
		for r := block[0]; r < block[1]; r++ {
			lower := unicode.ToLower(r)
			l := letter{lower: uint16(lower), folded: uint16(lower), word: wordRune(r)}
			if base := norm.NFD.PropertiesString(string(lower)).Decomposition(); len(base) > 0 && base[0] < utf8.RuneSelf {
				l.folded = uint16(base[0])
			} else if block[0] == 0x300 {
				l.folded = 0
			}
			t[r] = l
		}
	}
	t['đ'].folded, t['Đ'].folded = 'd', 'd'
	return t
}()

// Fold puts text in lower case and strips all marks, đ included: "Đăng ký" becomes
// "dang ky". NFC and NFD fold alike. Fold(Fold(s)) == Fold(s).
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return string(appendFold(make([]byte, 0, len(s)), s))
		}
	}
	return s
}

func appendFold(dst []byte, s string) []byte {
	for _, r := range s {
		dst = appendFoldRune(dst, r)
	}
	return dst
}

func appendFoldRune(dst []byte, r rune) []byte {
	if int(r) < len(letters) && letters[r].lower != 0 {
		switch r = rune(letters[r].folded); {
		case r == 0:
			return dst
		case r < utf8.RuneSelf:
			return append(dst, byte(r))
		}
		return utf8.AppendRune(dst, r)
	}
	return utf8.AppendRune(dst, unicode.ToLower(r))
}

// marked reports whether a rune carries a Vietnamese mark.
func marked(r rune) bool {
	return r >= utf8.RuneSelf && int(r) < len(letters) && letters[r].folded != letters[r].lower && letters[r].folded != 0
}

// HasDiacritics reports whether any letter of s carries a mark.
func HasDiacritics(s string) bool {
	return strings.IndexFunc(s, marked) >= 0
}

// MissingDiacritics reports whether s reads as typed without diacritics. In running
// Vietnamese about seven syllables in ten carry a mark; under one in four means
// that they were left out. Text without any word is not missing them.
func MissingDiacritics(s string) bool {
	words, withMark := 0, 0
	inWord, hasMark, vowel := false, false, false
	flush := func() {
		if inWord && vowel {
			words++
			if hasMark {
				withMark++
			}
		}
		inWord, hasMark, vowel = false, false, false
	}
	for _, r := range s {
		switch {
		case unicode.IsLetter(r):
			inWord = true
			hasMark = hasMark || marked(r)
			vowel = vowel || marked(r) || strings.ContainsRune("aeiouyAEIOUY", r)
		case r >= 0x300 && r < 0x370:
			hasMark = true
		default:
			flush()
		}
	}
	flush()
	return words > 0 && withMark*4 < words
}
