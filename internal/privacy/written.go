package privacy

import (
	"strings"
	"unicode/utf8"
)

// secrets finds passwords that are more than digits: "mật khẩu của em là Hoa@2023".
func (sc *scanner) secrets() {
	for _, word := range [...]string{"khẩu", "khau", "mk ", "pass", "Pass", "MK "} {
		for i := 0; ; {
			n := strings.Index(sc.s[i:], word)
			if n < 0 {
				break
			}
			at := i + n
			i = at + len(word)
			if rest := sc.s[i:]; strings.HasSuffix(word, "ass") && isAlnumAt(rest, 0) && !strings.HasPrefix(rest, "word") && !strings.HasPrefix(rest, "code") { // passport
				continue
			}
			if at > 0 && startsWord(sc.s, at-1) > 0 || word[0] == 'k' && !strings.HasSuffix(strings.TrimRight(sc.s[:at], " "), "t") { // hộ khẩu
				continue
			}
			if start, end := sc.secret(i); end > 0 {
				sc.add(OTP, start, end)
			}
		}
	}
	sc.border, sc.leftOf = 0, 0
}

// secret returns the bounds of the password that stands among the seven words behind i:
// letters with digits or signs among them.
func (sc *scanner) secret(i int) (start, end int) {
	s := sc.s
	for range 8 {
		for i < len(s) && strings.IndexByte(" :=,\"'(-", s[i]) >= 0 {
			i++
		}
		letters, others, ascii := 0, 0, true
		end = i
		for end < len(s) && s[end] > ' ' && sc.opaque(end) == 0 {
			switch {
			case isAlpha(s[end]):
				letters++
			case s[end] >= utf8.RuneSelf:
				ascii = false
			case isDigit(s[end]), strings.IndexByte("@#$!%^&*", s[end]) >= 0:
				others++
			}
			end++
		}
		if end == i || end < len(s) && s[end] == '\n' {
			return 0, 0
		}
		last := end
		for last > i && strings.IndexByte(",.;:?!\"')", s[last-1]) >= 0 {
			last--
		}
		if ascii && letters > 0 && others > 0 && last-i >= 5 && last-i <= 32 && strings.IndexByte(s[i:last], '/') < 0 {
			return i, last
		}
		if last < end && s[end-1] != ',' && s[end-1] != ':' {
			return 0, 0
		}
		i = end
	}
	return 0, 0
}

// handleAt returns the end of what somebody is called behind the @ at i.
func (sc *scanner) handleAt(i int) int {
	s := sc.s
	if i > 0 && strings.IndexByte(" \n(:,;", s[i-1]) < 0 {
		return 0
	}
	end, letters := i+1, 0
	for end < len(s) && (addressByte(s[end])) {
		if isAlpha(s[end]) {
			letters++
		}
		end++
	}
	for end > i+1 && !isAlnum(s[end-1]) {
		end--
	}
	if letters < 3 || isAlnumAt(s, end) || end < len(s) && s[end] == '@' {
		return 0
	}
	return end
}

// spelledMail returns the bounds of a mail address whose sign is written out, as "a còng",
// up to at, and goes on behind from: "hoa92 a còng gmail chấm com".
func (sc *scanner) spelledMail(at, from int) (start, end int) {
	s := sc.s
	word := func(i int) int { // the end of the letters, digits and signs of an address from i on
		for i < len(s) && addressByte(s[i]) && sc.opaque(i) == 0 {
			i++
		}
		return i
	}
	start = at
	for start > sc.border && s[start-1] == ' ' {
		start--
	}
	last := start
	for start > sc.border && addressByte(s[start-1]) {
		start--
	}
	if start == last {
		return 0, 0
	}
	for { // "thuy chấm 95 a còng …"
		dot := strings.TrimRight(s[sc.border:start], " ")
		before, ok := strings.CutSuffix(dot, "chấm")
		if !ok {
			before, ok = strings.CutSuffix(dot, "cham")
		}
		before = strings.TrimRight(before, " ")
		if n := len(before); !ok || n == 0 || !isAlnum(before[n-1]) {
			break
		}
		start = sc.border + len(before)
		for start > sc.border && addressByte(s[start-1]) {
			start--
		}
	}
	for from < len(s) && s[from] == ' ' {
		from++
	}
	end = word(from)
	if end == from || isAlnumAt(s, end) {
		return 0, 0
	}
	dotted := strings.IndexByte(s[from:end], '.') > 0
	for end < len(s) {
		next := strings.TrimLeft(s[end:], " ")
		rest, ok := strings.CutPrefix(next, "chấm")
		if !ok {
			rest, ok = strings.CutPrefix(next, "cham")
		}
		rest = strings.TrimLeft(rest, " ")
		stop := word(len(s) - len(rest))
		if !ok || stop == len(s)-len(rest) || isAlnumAt(s, stop) {
			break
		}
		end, dotted = stop, true
	}
	for end > from && !isAlnum(s[end-1]) {
		end--
	}
	if !dotted && !mailHost(s[from:end]) {
		return 0, 0
	}
	return sc.parted(start), end
}

// point returns the end of the coordinates that begin at i, of a place in or near
// Vietnam: "21.7229, 104.9113", 21°43'12"N 104°54'30"E.
func (sc *scanner) point(i int) int {
	s := sc.s
	north, ok := sc.degrees(i)
	if !ok || sc.digitsFrom(i) != 2 || number([]byte(s[i:i+2])) < 8 || number([]byte(s[i:i+2])) > 23 {
		return 0
	}
	at := north
	for n := 0; n < 12 && at < len(s) && !isDigit(s[at]); n++ { // ", ", "N ", " long "
		if c := s[at]; c == '\n' || c == ';' || sc.opaque(at) > 0 {
			return 0
		}
		at++
	}
	if at == north || at+3 > len(s) || s[at] != '1' || s[at+1] != '0' || s[at+2] < '2' || sc.digitsFrom(at) != 3 {
		return 0
	}
	east, ok := sc.degrees(at)
	if !ok || sc.wordGoesOn(east) && strings.IndexByte("EeĐđ", s[east]) < 0 {
		return 0
	}
	if east < len(s) && (s[east] == 'E' || s[east] == 'e') {
		east++
	}
	return east
}

// degrees returns the end of a number of degrees at i, with its fraction or its minutes
// and seconds.
func (sc *scanner) degrees(i int) (int, bool) {
	s := sc.s
	whole := sc.digitsFrom(i)
	if whole != 2 && whole != 3 {
		return 0, false
	}
	at := i + whole
	if at < len(s) && (s[at] == '.' || s[at] == ',') {
		n := sc.digitsFrom(at + 1)
		if n < 2 || n > 9 || n == 3 && s[at+3] == '0' { // a sum
			return 0, false
		}
		at += 1 + n
		return at + degreeSign(s, at), true
	}
	sign := degreeSign(s, at)
	if sign == 0 {
		return 0, false
	}
	at += sign
	for range 2 {
		n := 0
		for at+n < len(s) && (isDigit(s[at+n]) || n > 0 && s[at+n] == '.') && sc.opaque(at+n) == 0 {
			n++
		}
		if n == 0 {
			break
		}
		at += n
		for at < len(s) && (s[at] == '\'' || s[at] == '"') {
			at++
		}
		if rest := s[at:]; strings.HasPrefix(rest, "′") || strings.HasPrefix(rest, "″") || strings.HasPrefix(rest, "’") || strings.HasPrefix(rest, "”") {
			at += 3
		}
	}
	return at, true
}

// degreeSign returns the size of the degree sign at i.
func degreeSign(s string, i int) int {
	if strings.HasPrefix(s[min(i, len(s)):], "°") {
		return len("°")
	}
	return 0
}
