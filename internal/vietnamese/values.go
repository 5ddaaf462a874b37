package vietnamese

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Value is one typed value found in text. Two values say the same when Kind and
// Canonical are equal: "150.000 đồng", "150k" and "một trăm năm mươi nghìn đồng"
// are Money "150000"; "05 ngày làm việc" is WorkingDays "P5D" and not the Duration
// "P5D" of "5 ngày".
type Value struct {
	Kind      Kind
	Canonical string
	Start     int // byte offsets of the text it was read from
	End       int
}

// FindValues returns the values of s in order, digits that are no other value as
// Number. A dot before three digits separates thousands, a comma decimals; a comma
// before three digits is read as thousands when a unit of money follows.
func FindValues(s string) []Value {
	var values []Value
	before := "" // the word before, folded
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r >= '0' && r <= '9' || r == '+' && strings.HasPrefix(s[i:], "+84"):
			v := valueAt(s, i, before)
			values = append(values, v)
			i, before = v.End, ""
		case isWord(r):
			end := wordEnd(s, i)
			if v, ok := wordValue(s, i, end); ok {
				values = append(values, v)
				i, before = v.End, ""
				continue
			}
			before = Fold(s[i:end])
			i = end
		default:
			if r != ' ' {
				before = ""
			}
			i += size
		}
	}
	return values
}

// wordEnd is the end of the run of letters and digits that begins at i.
func wordEnd(s string, i int) int {
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !isWord(r) && (r < '0' || r > '9') {
			break
		}
		i += size
	}
	return i
}

// wordValue reads a value that begins with the word s[i:end]: a link, a form code,
// a price of nothing, "ngày 1 tháng 7 năm 2025", or a number in words with a unit.
func wordValue(s string, i, end int) (Value, bool) {
	if v, ok := linkAt(s, i); ok {
		return v, true
	}
	word := s[i:end]
	if formCode(word) {
		return Value{Form, strings.ToUpper(word), i, end}, true
	}
	switch first, _ := utf8.DecodeRuneInString(word); unicode.ToLower(first) {
	case 'm':
		if n := phraseEnd(s, i, "miễn phí", "miễn lệ phí", "miễn thu phí"); n > 0 {
			return Value{Money, "0", i, n}, true
		}
	case 'k':
		if n := phraseEnd(s, i, "không mất phí", "không thu phí", "không mất tiền", "không tốn tiền", "không thu lệ phí", "không phải nộp lệ phí", "không mất lệ phí", "không phải nộp phí", "không tốn phí"); n > 0 {
			return Value{Money, "0", i, n}, true
		}
	case 'n':
		if strings.EqualFold(word, "ngày") {
			if v, ok := longDate(s, i, end); ok {
				return v, true
			}
		}
	case 't':
		if strings.EqualFold(word, "tháng") {
			if v, ok := longMonth(s, i, end); ok {
				return v, true
			}
		}
	}
	if n, numberEnd := spelledNumber(s, i); numberEnd > 0 {
		if v, ok := withUnit(s, i, numberEnd, n); ok {
			return v, true
		}
	}
	return Value{}, false
}

// phraseEnd returns the end of the first phrase that stands at s[i:], whatever the
// case, or 0.
func phraseEnd(s string, i int, phrases ...string) int {
	for _, p := range phrases {
		if len(s)-i >= len(p) && strings.EqualFold(s[i:i+len(p)], p) {
			if next, _ := utf8.DecodeRuneInString(s[i+len(p):]); !isWord(next) {
				return i + len(p)
			}
		}
	}
	return 0
}

// formCode reports whether a word is a form's code: one to four capitals and two
// or three digits, "CT01", "TK1" is too short to tell from a class of licence.
func formCode(word string) bool {
	letters := 0
	for letters < len(word) && word[letters] >= 'A' && word[letters] <= 'Z' {
		letters++
	}
	number := strings.TrimRight(word[letters:], "abcd") // TK01a
	return letters >= 1 && letters <= 4 && len(number) >= 2 && len(number) <= 3 && len(word)-letters-len(number) <= 1 && strings.Trim(number, "0123456789") == ""
}

// longDate reads "ngày 1 tháng 7 năm 2025" and "ngày 1 tháng 7" from "ngày" on.
func longDate(s string, i, end int) (Value, bool) {
	day, at := smallNumber(s, skipSpace(s, end))
	if at == 0 {
		return Value{}, false
	}
	month := phraseEnd(s, skipSpace(s, at), "tháng")
	if month == 0 {
		return Value{}, false
	}
	v, ok := longMonth(s, skipSpace(s, at), month)
	if !ok || day < 1 || day > 31 {
		return Value{}, false
	}
	return Value{Date, v.Canonical + "-" + two(day), i, v.End}, true
}

// longMonth reads "tháng 7 năm 2025", "tháng 7/2025" and "tháng 7" from "tháng" on.
func longMonth(s string, i, end int) (Value, bool) {
	month, at := smallNumber(s, skipSpace(s, end))
	if at == 0 || month < 1 || month > 12 {
		return Value{}, false
	}
	next := skipSpace(s, at)
	if word := phraseEnd(s, next, "năm"); word > 0 {
		next = skipSpace(s, word)
	} else if next < len(s) && (s[next] == '/' || s[next] == '-') {
		next++
	} else {
		return Value{Date, "--" + two(month), i, at}, true
	}
	if year, yearEnd := smallNumber(s, next); yearEnd == next+4 {
		return Value{Date, strconv.Itoa(year) + "-" + two(month), i, yearEnd}, true
	}
	return Value{Date, "--" + two(month), i, at}, true
}

func two(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

func skipSpace(s string, i int) int {
	for i < len(s) && s[i] == ' ' {
		i++
	}
	return i
}

// smallNumber reads up to four digits at s[i:] that no further digit follows.
func smallNumber(s string, i int) (n, end int) {
	for end = i; end < len(s) && s[end] >= '0' && s[end] <= '9'; end++ {
		if end-i >= 4 {
			return 0, 0
		}
		n = n*10 + int(s[end]-'0')
	}
	if end == i {
		return 0, 0
	}
	return n, end
}

// decimal is a number as written: thousandths in an integer, exact for every
// figure a guide contains. Larger ones keep only their digits.
type decimal struct {
	milli  int64
	digits string // canonical text
}

func (d decimal) String() string { return d.digits }

// readNumber reads the number at s[i:] and returns its end. Dots before groups of
// three digits separate thousands, a comma or a dot otherwise decimals.
func readNumber(s string, i int) (decimal, int) {
	digits := make([]byte, 0, 16)
	end := i
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		digits = append(digits, s[end])
		end++
	}
	whole := len(digits)
	for whole <= 3 || end > i+whole { // thousands: "1.500.000", never after "1500"
		if end+4 > len(s) || s[end] != '.' || !threeDigits(s, end+1) {
			break
		}
		digits = append(digits, s[end+1:end+4]...)
		end += 4
	}
	var fraction []byte
	if end+1 < len(s) && (s[end] == ',' || s[end] == '.') && s[end+1] >= '0' && s[end+1] <= '9' {
		at := end + 1
		for at < len(s) && s[at] >= '0' && s[at] <= '9' {
			fraction = append(fraction, s[at])
			at++
		}
		end = at
	}
	return newDecimal(digits, fraction), end
}

func threeDigits(s string, i int) bool {
	for j := i; j < i+3; j++ {
		if j >= len(s) || s[j] < '0' || s[j] > '9' {
			return false
		}
	}
	return i+3 >= len(s) || s[i+3] < '0' || s[i+3] > '9'
}

func newDecimal(digits, fraction []byte) decimal {
	whole := strings.TrimLeft(string(digits), "0")
	part := strings.TrimRight(string(fraction), "0")
	if whole == "" {
		whole = "0"
	}
	d := decimal{digits: whole}
	if part != "" {
		d.digits += "," + part
	}
	if len(whole) > 15 || len(part) > 3 {
		return d
	}
	n, _ := strconv.ParseInt(whole+(part + "000")[:3], 10, 64) // at most 18 digits: cannot fail
	d.milli = n
	return d
}

// valueAt reads the value that begins with the digit (or +84) at s[i]. before is
// the folded word before it, which makes "gọi 111" a phone.
func valueAt(s string, i int, before string) Value {
	if v, ok := referenceOrDate(s, i); ok {
		return v
	}
	if v, ok := phoneAt(s, i, before); ok {
		return v
	}
	if s[i] == '+' {
		return Value{Number, "+", i, i + 1}
	}
	n, end := readNumber(s, i)
	if groups, groupEnd, ok := commaThousands(s, i); ok {
		if v, ok := withUnit(s, i, groupEnd, groups); ok && v.Kind == Money {
			return v
		}
	}
	if v, ok := withUnit(s, i, end, n); ok {
		return v
	}
	// "3 - 5 ngày": the first figure has the unit of the second.
	if at := rangeEnd(s, end); at > 0 {
		_, secondEnd := readNumber(s, at)
		if v, ok := withUnit(s, i, secondEnd, n); ok {
			v.End = end
			return v
		}
	}
	return Value{Number, n.String(), i, end}
}

// rangeEnd returns where the second figure of a range begins after the first
// ended, or 0: "3-5", "3 đến 5".
func rangeEnd(s string, end int) int {
	at := skipSpace(s, end)
	switch {
	case strings.HasPrefix(s[at:], "-"):
		at++
	case strings.HasPrefix(s[at:], "–"):
		at += len("–")
	case phraseEnd(s, at, "đến") > 0:
		at += len("đến")
	default:
		return 0
	}
	at = skipSpace(s, at)
	if at < len(s) && s[at] >= '0' && s[at] <= '9' {
		return at
	}
	return 0
}

// commaThousands reads "150,000" and "1,500,000".
func commaThousands(s string, i int) (decimal, int, bool) {
	end := i
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end-i > 3 || end >= len(s) || s[end] != ',' || !threeDigits(s, end+1) {
		return decimal{}, 0, false
	}
	digits := []byte(s[i:end])
	for end < len(s) && s[end] == ',' && threeDigits(s, end+1) {
		digits = append(digits, s[end+1:end+4]...)
		end += 4
	}
	return newDecimal(digits, nil), end, true
}

// referenceOrDate reads numbers of legal documents ("168/2025/NĐ-CP", "22/NQ-HĐND"),
// codes of procedures ("1.001193") and dates in figures.
func referenceOrDate(s string, i int) (Value, bool) {
	end := i
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
		end++
	}
	if end-i >= 8 && s[i+1] == '.' && strings.Count(s[i:i+8], ".") == 1 && sixDigits(s, i+2) {
		return Value{Code, s[i : i+8], i, i + 8}, true
	}
	if refEnd := referenceEnd(s, i, end); refEnd > 0 {
		return Value{Reference, strings.ToUpper(s[i:refEnd]), i, refEnd}, true
	}
	return dateAt(s, i)
}

func sixDigits(s string, i int) bool {
	for j := i; j < i+6; j++ {
		if j >= len(s) || s[j] < '0' || s[j] > '9' {
			return false
		}
	}
	return i+6 >= len(s) || s[i+6] < '0' || s[i+6] > '9'
}

// referenceEnd returns the end of a legal document's number whose first part is
// s[i:end], or 0. After the first slash comes a year, or the letters at once.
func referenceEnd(s string, i, end int) int {
	if end < len(s) && s[end] >= 'a' && s[end] <= 'z' { // 27a/2024/QĐ-UBND
		end++
	}
	if end >= len(s) || s[end] != '/' {
		return 0
	}
	at := end + 1
	if _, yearEnd := smallNumber(s, at); yearEnd == at+4 && yearEnd < len(s) && s[yearEnd] == '/' {
		at = yearEnd + 1
	}
	start := at
	for at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		if !unicode.IsLetter(r) && (r < '0' || r > '9') && r != '-' {
			break
		}
		at += size
	}
	first, _ := utf8.DecodeRuneInString(s[start:])
	letters := s[start:at]
	if !unicode.IsLetter(first) || len(letters) < 2 || (!strings.Contains(letters, "-") && !strings.HasPrefix(strings.ToUpper(letters), "QH")) {
		return 0
	}
	return start + len(strings.TrimRight(letters, "-"))
}

// dateAt reads 1/7/2025, 01-07-2025, 1.7.2025, 2025-07-01, 7/2025 and 1/7.
func dateAt(s string, i int) (Value, bool) {
	a, aEnd := smallNumber(s, i)
	if aEnd == 0 || aEnd >= len(s) {
		return Value{}, false
	}
	separator := s[aEnd]
	if separator != '/' && separator != '-' && separator != '.' {
		return Value{}, false
	}
	b, bEnd := smallNumber(s, aEnd+1)
	if bEnd == 0 {
		return Value{}, false
	}
	if bEnd < len(s) && s[bEnd] == separator {
		if c, cEnd := smallNumber(s, bEnd+1); cEnd > 0 {
			switch {
			case cEnd == bEnd+5 && validDay(a, b):
				return Value{Date, strconv.Itoa(c) + "-" + two(b) + "-" + two(a), i, cEnd}, true
			case aEnd == i+4 && validDay(c, b) && separator == '-':
				return Value{Date, strconv.Itoa(a) + "-" + two(b) + "-" + two(c), i, cEnd}, true
			}
		}
		return Value{}, false
	}
	if separator != '/' {
		return Value{}, false
	}
	switch {
	case bEnd == aEnd+5 && a >= 1 && a <= 12 && b >= 1900:
		return Value{Date, strconv.Itoa(b) + "-" + two(a), i, bEnd}, true
	case bEnd <= aEnd+3 && validDay(a, b):
		return Value{Date, "--" + two(b) + "-" + two(a), i, bEnd}, true
	}
	return Value{}, false
}

func validDay(day, month int) bool { return day >= 1 && day <= 31 && month >= 1 && month <= 12 }

// phoneAt reads telephone numbers: 0 or +84 with nine or ten further digits, 1800
// and 1900 numbers, both with spaces or dots between groups, and short numbers
// after a word that says so.
func phoneAt(s string, i int, before string) (Value, bool) {
	digits := make([]byte, 0, 12)
	end, at := i, i
	if s[i] == '+' {
		digits, at = append(digits, '0'), i+3
	}
	for at < len(s) && len(digits) <= 12 {
		c := s[at]
		switch {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
			end = at + 1
		case (c == ' ' || c == '.') && at+3 < len(s) && s[at+1] >= '0' && s[at+1] <= '9' && s[at+2] >= '0' && s[at+2] <= '9' && s[at+3] >= '0' && s[at+3] <= '9':
		default:
			at = len(s)
			continue
		}
		at++
	}
	number := string(digits)
	switch {
	case (len(number) == 10 || len(number) == 11) && number[0] == '0',
		(len(number) == 8 || len(number) == 10) && (strings.HasPrefix(number, "1800") || strings.HasPrefix(number, "1900")):
		return Value{Phone, number, i, end}, true
	}
	switch before {
	case "goi", "dai", "hotline", "nhan", "nong", "so":
		short, shortEnd := smallNumber(s, i)
		if shortEnd == i+3 || shortEnd == i+4 && before != "so" && short < 1900 {
			if next, _ := utf8.DecodeRuneInString(s[skipSpace(s, shortEnd):]); !isWord(next) || before != "so" {
				return Value{Phone, s[i:shortEnd], i, shortEnd}, true
			}
		}
	}
	return Value{}, false
}

// linkAt reads a web or mail address at s[i:].
func linkAt(s string, i int) (Value, bool) {
	end := i
	dots, slash, at := 0, -1, -1
	for end < len(s) {
		c := s[end]
		if c <= ' ' || c >= utf8.RuneSelf || strings.IndexByte(`()[]<>"',;|*`, c) >= 0 {
			break
		}
		switch {
		case c == '.' && slash < 0:
			dots++
		case c == '/' && slash < 0 && !strings.HasPrefix(s[end:], "//") && (end == 0 || s[end-1] != '/'):
			slash = end
		case c == '@' && at < 0:
			at = end
		}
		end++
	}
	for end > i && strings.IndexByte(".!?:", s[end-1]) >= 0 {
		if s[end-1] == '.' && slash < 0 {
			dots--
		}
		end--
	}
	text := strings.ToLower(s[i:end])
	switch {
	case strings.HasPrefix(text, "http://"), strings.HasPrefix(text, "https://"), strings.HasPrefix(text, "www."):
	case dots == 0 || !knownDomain(text):
		return Value{}, false
	}
	if at > i && slash < 0 {
		return Value{Email, text, i, end}, true
	}
	link := canonicalLink(text)
	return Value{Link, link, i, end}, link != ""
}

// knownDomain reports whether the host of a bare address ends like one in use
// here; "v.v" and "tr.đ" do not.
func knownDomain(text string) bool {
	host, _, _ := strings.Cut(text, "/")
	_, top, ok := lastCut(host, ".")
	if !ok || len(host)-len(top) < 3 {
		return false
	}
	switch top {
	case "vn", "com", "net", "org", "gov", "me", "io", "ai", "info":
		return true
	}
	return false
}

func lastCut(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// canonicalLink is host and path, without tracking.
func canonicalLink(text string) string {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "https://"), "http://")
	text = strings.TrimPrefix(text, "www.")
	text, _, _ = strings.Cut(text, "#")
	text, _, _ = strings.Cut(text, "?")
	return strings.TrimRight(text, "/")
}
