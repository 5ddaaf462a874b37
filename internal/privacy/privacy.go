// Package privacy finds personal data in what people type and masks it, before a
// model, a log or a store sees it. It knows the forms of Vietnamese telephone,
// identity-paper, insurance and account numbers and of mail addresses; names and
// addresses are left, because a guess at them would garble ordinary questions.
package privacy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a finding is.
type Kind string

// The kinds of personal data.
const (
	Phone    Kind = "phone"    // 0 or +84 and nine or ten digits
	Identity Kind = "identity" // 9 digits (old identity card), 12 (citizen's number)
	Account  Kind = "account"  // 13 to 19 digits: bank cards and accounts, and 10 digits not beginning with 0: social insurance
	Email    Kind = "email"
)

var masks = map[Kind]string{Phone: "[số điện thoại]", Identity: "[số giấy tờ]", Account: "[số tài khoản]", Email: "[email]"}

// Finding is one piece of personal data in a text.
type Finding struct {
	Kind       Kind
	Text       string // as typed
	Start, End int    // byte offsets
}

// Mask replaces the personal data of s by what it is, in brackets, and returns
// what it found in order. Text without any comes back unchanged. Hotlines (1800,
// 1900 and numbers of three or four digits) are public and stay.
func Mask(s string) (string, []Finding) {
	found := find(s)
	if len(found) == 0 {
		return s, nil
	}
	var b strings.Builder
	last := 0
	for _, f := range found {
		b.WriteString(s[last:f.Start])
		b.WriteString(masks[f.Kind])
		last = f.End
	}
	b.WriteString(s[last:])
	return b.String(), found
}

func find(s string) []Finding {
	var found []Finding
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '@':
			if start, end, ok := emailAround(s, i); ok && (len(found) == 0 || start >= found[len(found)-1].End) {
				found = append(found, Finding{Email, s[start:end], start, end})
				i = end
				continue
			}
		case c >= '0' && c <= '9' || c == '+':
			digits, end := digitRun(s, i)
			if kind := kindOf(digits, s[end:]); kind != "" && !partOfWord(s, i) {
				found = append(found, Finding{kind, s[i:end], i, end})
			}
			i = max(end, i+1)
			continue
		}
		i++
	}
	return found
}

// digitRun collects the digits from i on; single spaces, dots and hyphens may
// separate groups of two digits and more.
func digitRun(s string, i int) (digits string, end int) {
	var b strings.Builder
	at := i
	if s[at] == '+' {
		if !strings.HasPrefix(s[at:], "+84") {
			return "", i + 1
		}
		b.WriteByte('0')
		at += 3
	}
	end = at
	for at < len(s) && b.Len() < 24 {
		c := s[at]
		switch {
		case c >= '0' && c <= '9':
			b.WriteByte(c)
			end = at + 1
		case (c == ' ' || c == '.' || c == '-') && at+2 < len(s) && digit(s[at+1]) && digit(s[at+2]):
		default:
			return b.String(), end
		}
		at++
	}
	for end < len(s) && digit(s[end]) { // an endless row of digits is one run
		end++
		b.WriteByte('0')
	}
	return b.String(), end
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// kindOf judges a run of digits by its length and what follows: sums of money have
// their unit behind them.
func kindOf(digits, after string) Kind {
	n := len(digits)
	if n < 9 || n > 19 || moneyFollows(after) {
		return ""
	}
	switch {
	case strings.HasPrefix(digits, "1800") && n == 10, strings.HasPrefix(digits, "1900") && n == 10:
		return ""
	case digits[0] == '0' && (n == 10 || n == 11):
		return Phone
	case n == 9, n == 12:
		return Identity
	case n == 11:
		return ""
	}
	return Account
}

func moneyFollows(after string) bool {
	after = strings.ToLower(strings.TrimLeft(after, " "))
	for _, unit := range []string{"đ", "đồng", "vnd", "vnđ", "dong", "triệu", "nghìn", "tỷ"} {
		if rest, ok := strings.CutPrefix(after, unit); ok {
			next, _ := utf8.DecodeRuneInString(rest)
			if !unicode.IsLetter(next) {
				return true
			}
		}
	}
	return false
}

// partOfWord reports that letters, or a slash as in the number of a law, touch the
// digits from before.
func partOfWord(s string, i int) bool {
	if i == 0 {
		return false
	}
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return unicode.IsLetter(r) || r == '/' || r == '_'
}

// emailAround returns the bounds of the mail address around the @ at i.
func emailAround(s string, i int) (start, end int, ok bool) {
	start, end = i, i+1
	for start > 0 && addressByte(s[start-1]) {
		start--
	}
	for end < len(s) && addressByte(s[end]) {
		end++
	}
	for end > i && s[end-1] == '.' {
		end--
	}
	return start, end, start < i && strings.Contains(s[i+1:end], ".")
}

func addressByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || digit(c) || strings.IndexByte("._%+-", c) >= 0
}
