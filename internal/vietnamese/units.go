package vietnamese

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// withUnit makes a value of the number s[i:end] and the unit after it; ok is false
// when none of ours follows.
func withUnit(s string, i, end int, n decimal) (Value, bool) {
	at := skipSpace(s, end)
	if at < len(s) && s[at] == '%' {
		return Value{Percent, n.String(), i, at + 1}, true
	}
	if v, ok := moneyUnit(s, i, end, n); ok {
		return v, true
	}
	for _, u := range durationUnits {
		if unitEnd := phraseEnd(s, at, u.name); unitEnd > 0 {
			if n.milli%1000 != 0 && u.half == "" {
				return Value{}, false
			}
			return Value{u.kind, u.canonical(n), i, unitEnd}, true
		}
	}
	if unitEnd := phraseEnd(s, at, "phần trăm"); unitEnd > 0 {
		return Value{Percent, n.String(), i, unitEnd}, true
	}
	return Value{}, false
}

// durationUnits are tried in order: the longer name first.
var durationUnits = [...]durationUnit{
	{"ngày làm việc", WorkingDays, "P", "D", 1, ""},
	{"ngày công", WorkingDays, "P", "D", 1, ""},
	{"ngày", Duration, "P", "D", 1, ""},
	{"hôm", Duration, "P", "D", 1, ""},
	{"tuần", Duration, "P", "D", 7, ""},
	{"tháng tuổi", Age, "", " tháng", 1, ""},
	{"tháng", Duration, "P", "M", 1, ""},
	{"tuổi", Age, "", "", 1, ""},
	{"năm", Duration, "P", "Y", 1, ""},
	{"giờ làm việc", Duration, "PT", "H làm việc", 1, "M"},
	{"giờ", Duration, "PT", "H", 1, "M"},
	{"tiếng", Duration, "PT", "H", 1, "M"},
	{"phút", Duration, "PT", "M", 1, ""},
}

type durationUnit struct {
	name   string
	kind   Kind
	prefix string
	suffix string
	factor int64
	half   string // unit that sixty of make one, for "1,5 giờ"
}

func (u durationUnit) canonical(n decimal) string {
	if n.milli%1000 != 0 {
		return u.prefix + strconv.FormatInt(n.milli*60/1000, 10) + u.half
	}
	return u.prefix + strconv.FormatInt(n.milli/1000*u.factor, 10) + u.suffix
}

// moneyScales are the words and letters that multiply a sum.
var moneyScales = [...]struct {
	name  string
	scale int64
}{
	{"triệu", 1_000_000}, {"tr", 1_000_000}, {"củ", 1_000_000},
	{"nghìn", 1_000}, {"ngàn", 1_000}, {"k", 1_000}, {"ng", 1_000},
	{"tỷ", 1_000_000_000}, {"tỉ", 1_000_000_000},
}

// moneyUnit reads a sum of money: "8.000 đồng", "150k", "1,5 triệu", "1tr2",
// "1 triệu 200 nghìn đồng", "2 triệu rưỡi". A scale word alone ("5 triệu") is
// money too: guides count nothing else in millions. Sums beyond a million billion
// đồng are not read.
func moneyUnit(s string, i, end int, n decimal) (Value, bool) {
	at := skipSpace(s, end)
	if unitEnd := currencyEnd(s, at); unitEnd > 0 {
		if n.milli == 0 && n.digits != "0" || n.milli%1000 != 0 {
			return Value{}, false
		}
		return Value{Money, strconv.FormatInt(n.milli/1000, 10), i, unitEnd}, true
	}
	scale, scaleEnd := scaleAt(s, at)
	const most = 1 << 50
	if scaleEnd == 0 || n.milli > most/(scale/1000) {
		return Value{}, false
	}
	sum := n.milli * (scale / 1000)
	// What follows adds to it: "1 triệu 200 nghìn", "1tr2", "2 triệu rưỡi".
	next := skipSpace(s, scaleEnd)
	switch {
	case phraseEnd(s, next, "rưỡi") > 0:
		sum += scale / 2
		scaleEnd = phraseEnd(s, next, "rưỡi")
	case next < len(s) && s[next] >= '0' && s[next] <= '9':
		rest, restEnd := readNumber(s, next)
		small, smallEnd := scaleAt(s, skipSpace(s, restEnd))
		switch {
		case smallEnd > 0 && small < scale && rest.milli < 1_000_000 && rest.milli%1000 == 0:
			sum += rest.milli / 1000 * small
			scaleEnd = smallEnd
		case next == scaleEnd && len(rest.digits) <= 3 && restEnd-next == len(rest.digits) && !wordAt(s, restEnd): // 1tr2, 1tr250
			sum += rest.milli * scale / 1000 / pow10(len(rest.digits))
			scaleEnd = restEnd
		}
	}
	if unitEnd := currencyEnd(s, skipSpace(s, scaleEnd)); unitEnd > 0 {
		scaleEnd = unitEnd
	}
	return Value{Money, strconv.FormatInt(sum, 10), i, scaleEnd}, true
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

func wordAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return isWord(r)
}

func currencyEnd(s string, at int) int {
	return phraseEnd(s, at, "đồng", "đ", "vnđ", "vnd", "₫", "dong")
}

// scaleAt reads a scale word at s[at:]; a digit may follow the letters ("1tr2").
func scaleAt(s string, at int) (scale int64, end int) {
	for _, m := range moneyScales {
		if unitEnd := phraseEnd(s, at, m.name); unitEnd > 0 {
			return m.scale, unitEnd
		}
	}
	return 0, 0
}

// spelledNumber reads a number in words at s[i:], "một trăm năm mươi", and returns
// the end of its last word; 0 when there is none. The scale words of money belong
// to the unit, except where more of the number follows.
func spelledNumber(s string, i int) (decimal, int) {
	var total, group, digit int64 // digit: a unit not yet placed; -1 none
	digit = -1
	end, words := 0, 0
	for at := i; words < 16; {
		word, wordEnd := spelledWord(s, at)
		if wordEnd == 0 || words == 0 && notFirst[strings.ToLower(s[at:wordEnd])] {
			break
		}
		switch {
		case word < 10:
			if digit >= 0 {
				return finish(total, group, digit, end)
			}
			digit = word
		case word == 10: // mười
			if digit >= 0 {
				return finish(total, group, digit, end)
			}
			group += 10
		case word == 11: // mươi
			if digit < 1 {
				return finish(total, group, digit, end)
			}
			group, digit = group+digit*10, -1
		case word == 100:
			if digit < 0 {
				return finish(total, group, digit, end)
			}
			group, digit = group+digit*100, -1
		case word == 0xF0: // linh, lẻ
		default: // nghìn, triệu: only when more follows
			if _, more := spelledWord(s, skipSpace(s, wordEnd)); more == 0 || (group == 0 && digit < 0) {
				return finish(total, group, digit, end)
			}
			total, group, digit = total+(group+max(digit, 0))*word, 0, -1
		}
		end = wordEnd
		at = skipSpace(s, wordEnd)
		words++
	}
	return finish(total, group, digit, end)
}

func finish(total, group, digit int64, end int) (decimal, int) {
	if end == 0 {
		return decimal{}, 0
	}
	n := total + group + max(digit, 0)
	return decimal{milli: n * 1000, digits: strconv.FormatInt(n, 10)}, end
}

// spelledWord reads one word of a number: 0 to 9, 10 for mười, 11 for mươi, 100,
// 0xF0 for linh, 1000 and more for the scales.
func spelledWord(s string, at int) (value int64, end int) {
	end = at
	for end < len(s) {
		r, size := utf8.DecodeRuneInString(s[end:])
		if !isWord(r) {
			break
		}
		end += size
	}
	if end == at || end-at > 8 {
		return 0, 0
	}
	value, ok := spelled[strings.ToLower(s[at:end])]
	if !ok {
		return 0, 0
	}
	return value, end
}

var spelled = map[string]int64{
	"không": 0, "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5, "nhăm": 5, "sáu": 6, "bảy": 7, "bẩy": 7, "tám": 8, "chín": 9,
	"mười": 10, "mươi": 11, "trăm": 100, "linh": 0xF0, "lẻ": 0xF0, "nghìn": 1_000, "ngàn": 1_000, "triệu": 1_000_000,
}

// notFirst are number words that mean something else when no number stands before
// them: "không" is not, "thứ tư" Wednesday.
var notFirst = map[string]bool{"không": true, "tư": true, "lăm": true, "nhăm": true, "mốt": true, "linh": true, "lẻ": true}

// ParseMoney reads s as one sum of money, in đồng.
func ParseMoney(s string) (int64, bool) {
	v, ok := parse(s, Money)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Canonical, 10, 64)
	return n, err == nil
}

// ParseDuration reads s as one length of time: kind WorkingDays or Duration with
// an ISO 8601 duration.
func ParseDuration(s string) (Value, bool) {
	if v, ok := parse(s, WorkingDays); ok {
		return v, true
	}
	return parse(s, Duration)
}

// ParseDate reads s as one date, with or without a year, or a month.
func ParseDate(s string) (Value, bool) { return parse(s, Date) }

// parse reads s as one value of a kind and nothing else.
func parse(s string, kind Kind) (Value, bool) {
	s = Normalize(s)
	values := FindValues(s)
	if len(values) != 1 || values[0].Kind != kind || values[0].Start != 0 || values[0].End != len(s) {
		return Value{}, false
	}
	return values[0], true
}
