package corpus

import (
	"iter"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"troly/internal/vietnamese"
)

// Reach is a telephone number, mail address or link in a text: what a reader would
// dial, write to or open. It is looked for more eagerly than vietnamese.FindValues
// does, because one that is missed could be an invented one.
type Reach struct {
	Kind      vietnamese.Kind // Phone, Email or Link
	Text      string          // as it stands there
	Canonical string          // digits from 0; address in small letters; host and path
}

var (
	longNumber = regexp.MustCompile(`(?:\+84|0)(?:[ .()-]{0,2}[0-9]){8,10}|1[89]00(?:[ .-]?[0-9]){4,6}`)
	// calls is what stands before a short number to dial, and before a second one.
	calls       = regexp.MustCompile(`(?:gọi|tổng đài|hotline|đường dây nóng|nhắn|soạn|đầu số|bấm|quay|điện thoại|số máy|liên hệ|zalo)(?:[ :]+[\p{L}"“]+){0,3}[ :"“]+(?:[0-9]{3,5}(?: ?, ?| hoặc | và |/))*$`)
	linkText    = regexp.MustCompile(`(?:https?://|www\.).+|[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:` + topDomains + `)(?:/.*)?`)
	mailText    = regexp.MustCompile(`[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+`)
	digitGroups = regexp.MustCompile(`[0-9]+`)
)

// topDomains are the ends of bare addresses that are taken for links: those in use
// here and those that swindlers like. With http:// or www. any end is a link.
const topDomains = `vn|com|net|org|gov|edu|info|biz|io|ai|me|app|xyz|top|vip|online|site|website|club|shop|store|click|link|live|asia|tv|co|icu|pro|cc|ws|win|bet|one|fun|dev|us|cn`

// FindReaches returns what of text can be dialled, written to or opened, in no
// particular order. Short numbers count after a word that says so ("gọi ngay 113").
func FindReaches(text string) []Reach {
	text = strings.ToLower(vietnamese.Normalize(text))
	var found []Reach
	masked := []byte(text)
	take := func(kind vietnamese.Kind, from, to int) {
		found = append(found, Reach{kind, text[from:to], canonicalReach(kind, text[from:to])})
		for i := from; i < to; i++ {
			masked[i] = ' ' // the host of a mail address is no link, the digits of a link no number
		}
	}
	if strings.Contains(text, "@") {
		for _, at := range mailText.FindAllStringIndex(text, -1) {
			take(vietnamese.Email, at[0], at[1])
		}
	}
	for from, to := range addresses(string(masked)) {
		for _, at := range linkText.FindAllStringIndex(text[from:to], -1) {
			if start, end := from+at[0], from+at[1]; !partOfWord(text, start, end) {
				take(vietnamese.Link, start, start+len(strings.TrimRight(text[start:end], ".:!?/")))
			}
		}
	}
	for _, at := range longNumber.FindAllStringIndex(string(masked), -1) {
		if !partOfNumber(text, at[0], at[1]) {
			take(vietnamese.Phone, at[0], at[1])
		}
	}
	for _, at := range digitGroups.FindAllStringIndex(string(masked), -1) {
		if from, to := at[0], at[1]; dialled(text, from, to) {
			take(vietnamese.Phone, from, to)
		}
	}
	return found
}

// addresses yields the bounds of the pieces of s that may hold a link: those without
// a space or bracket that have a dot between letters or digits.
func addresses(s string) iter.Seq2[int, int] {
	const separators = " \t\n()[]<>\"'“”,;|*"
	return func(yield func(int, int) bool) {
		for from := 0; from < len(s); {
			n := strings.IndexAny(s[from:], separators)
			if n < 0 {
				n = len(s) - from
			}
			if dot := strings.IndexByte(s[from:from+n], '.'); dot > 0 && dot < n-1 && !yield(from, from+n) {
				return
			}
			_, size := utf8.DecodeRuneInString(s[from+n:])
			from += n + max(size, 1)
		}
	}
}

// dialled reports whether the digits text[from:to] are a short number to call or
// write to.
func dialled(text string, from, to int) bool {
	const window = 80 // bytes before it in which the word stands that says so
	if n := to - from; n < 3 || n > 5 || partOfNumber(text, from, to) || counted(text[:from], text[to:]) {
		return false
	}
	before := max(0, from-window)
	for before < from && !utf8.RuneStart(text[before]) {
		before++
	}
	return calls.MatchString(text[before:from])
}

// canonicalReach writes a reach in the one form that is compared.
func canonicalReach(kind vietnamese.Kind, s string) string {
	switch kind {
	case vietnamese.Phone:
		digits := strings.Join(digitGroups.FindAllString(s, -1), "")
		if strings.HasPrefix(s, "+84") {
			return "0" + digits[2:]
		}
		return digits
	case vietnamese.Link:
		s = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://"), "www.")
		s, _, _ = strings.Cut(s, "#")
		s, _, _ = strings.Cut(s, "?")
		return strings.TrimRight(s, "/")
	}
	return s
}

// partOfWord reports that s[from:to] is only a piece of a longer word, or an ending
// spoken of, like ".gov.vn".
func partOfWord(s string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, _ := utf8.DecodeRuneInString(s[to:])
	return unicode.IsLetter(before) || unicode.IsDigit(before) || strings.ContainsRune(".@-_", before) && from > 0 ||
		unicode.IsLetter(after) || unicode.IsDigit(after) || after == '-'
}

// partOfNumber reports that s[from:to] is a piece of a longer figure, code or date.
func partOfNumber(s string, from, to int) bool {
	if from > 0 {
		before, _ := utf8.DecodeLastRuneInString(s[:from])
		if unicode.IsDigit(before) || unicode.IsLetter(before) || strings.ContainsRune(".,/-", before) {
			return true
		}
	}
	rest := s[to:]
	after, size := utf8.DecodeRuneInString(rest)
	if unicode.IsDigit(after) || unicode.IsLetter(after) || after == '%' {
		return true
	}
	next, _ := utf8.DecodeRuneInString(rest[min(size, len(rest)):])
	return strings.ContainsRune(".,/-:", after) && unicode.IsDigit(next) && len(rest) > size
}

// counted reports that a short number counts or names something rather than being
// one to dial: "năm 2026", "200 thủ tục".
func counted(before, after string) bool {
	words := strings.Fields(before)
	if n := len(words); n > 0 && slices.Contains([]string{"năm", "khoản", "điều", "mẫu", "ngày", "hơn", "khoảng", "gần", "trên", "dưới", "đủ"}, words[n-1]) {
		return true
	}
	word, _, _ := strings.Cut(strings.TrimLeft(after, " "), " ")
	word = strings.TrimRight(word, ".,;:)")
	return slices.Contains([]string{"đồng", "nghìn", "triệu", "tỷ", "ngày", "giờ", "phút", "tháng", "năm", "tuổi", "lần", "người", "dân", "thủ", "xã", "trang", "bản", "km", "m", "m²", "mét", "chữ", "ký"}, word)
}
