package privacy

import (
	"strings"
	"unicode/utf8"
)

// minSpoken is how many digits said as words must stand together before they are
// read as a number: "hai ba tư năm sáu" are weekdays, "một hai ba bốn" is counting.
const minSpoken = 6

// ten and tens are what spokenDigit returns for mười, or muoi, and for mươi.
const (
	ten  = 10
	tens = 11
)

// spokenDigit returns the digit that the word at i names, and the end of the word;
// -1 when it names none. Words are read with their marks or without any.
func spokenDigit(s string, i int) (digit, end int) {
	if c := s[i] | 0x20; c != 'k' && c != 'm' && c != 'h' && c != 'b' && c != 't' && c != 'n' && c != 'l' && c != 's' && c != 'c' {
		return -1, i
	}
	end = i
	for end < len(s) {
		c := s[end]
		if c < utf8.RuneSelf && !isAlpha(c) {
			break
		}
		end++
		if end-i > 9 { // longer than không with its mark in two parts
			return -1, i
		}
	}
	if isAlnumAt(s, end) {
		return -1, i
	}
	var buf [10]byte
	lower := buf[:0]
	marked := false
	for k := i; k < end; {
		c, size := s[k], 1
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(s[k:])
			if r < 0x300 || r > 0x36F {
				c = foldRune(r)
			} else {
				c = 0
			}
			marked = true
		}
		if c != 0 {
			lower = append(lower, c|0x20)
		}
		k += size
	}
	digit = -1
	switch string(lower) {
	case "khong", "ko", "linh", "le":
		digit = 0
	case "mot":
		digit = 1
	case "hai":
		digit = 2
	case "ba":
		digit = 3
	case "bon", "tu":
		digit = 4
	case "nam", "lam":
		digit = 5
	case "sau":
		digit = 6
	case "bay":
		digit = 7
	case "tam":
		digit = 8
	case "chin":
		digit = 9
	case "muoi":
		digit = ten
		if marked && !strings.ContainsAny(s[i:end], "ờỜ\u0300") {
			digit = tens
		}
	default:
		return -1, i
	}
	if marked && !saidSo(s[i:end]) {
		return -1, i
	}
	return digit, end
}

// saidSo reports that a word with marks has those of a digit: bà and sau are none.
func saidSo(word string) bool {
	if strings.ContainsFunc(word, func(r rune) bool { return r >= 0x300 && r <= 0x36F }) {
		return true // marks typed apart from their letters: not worth telling apart
	}
	switch strings.ToLower(word) {
	case "không", "lẻ", "một", "mốt", "bốn", "tư", "năm", "lăm", "sáu", "bảy", "bẩy", "tám", "chín", "mười", "mươi":
		return true
	}
	return false
}

func isAlnumAt(s string, i int) bool { return i < len(s) && startsWord(s, i) > 0 }

// spoken reads a row of digits that are said, with written ones among them, from the
// word at i on, and finds what they are. It returns where to go on; 0 when the word
// begins no such row.
func (sc *scanner) spoken(i int) int {
	s := sc.s
	if digit, _ := spokenDigit(s, i); digit < 0 && !isDigit(s[i]) {
		return 0
	}
	var r run
	said, gap := 0, byte(0)
	for at := i; at < len(s) && r.n < maxGroups && r.used+2 < maxDigits && sc.opaque(at) == 0; {
		g := group{start: at, from: r.used, gap: gap}
		digit, end := spokenDigit(s, at)
		switch {
		case digit >= 0:
			said++
			end = r.say(digit, end)
		case isDigit(s[at]):
			for end = at; end < len(s) && isDigit(s[end]) && r.used < maxDigits; end++ {
				r.digits[r.used] = s[end]
				r.used++
			}
			if sc.wordGoesOn(end) {
				r.used, end = g.from, at
			}
		}
		if end == at {
			break
		}
		g.end, g.to = end, r.used
		r.groups[r.n] = g
		r.n++
		if at = end; at >= len(s) {
			break
		}
		gap = ' '
		for n := 0; n < 2 && at < len(s) && strings.IndexByte(" ,.-", s[at]) >= 0; n++ {
			at++
		}
		if at == end {
			break
		}
	}
	if said < minSpoken {
		return 0
	}
	return sc.judge(&r)
}

// say appends what a word says to the digits: mười is one and the digit after it,
// mươi nothing after a digit and before another.
func (r *run) say(digit, end int) int {
	switch digit {
	case ten:
		if r.used > 0 && r.digits[r.used-1] > '1' { // without marks mươi is written like it
			return end
		}
		digit = 1
	case tens:
		return end
	}
	r.digits[r.used] = byte('0' + digit)
	r.used++
	return end
}
