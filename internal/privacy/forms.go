package privacy

import (
	"slices"
	"strings"
)

// said returns the topic that the words after a number name: "… là số của em",
// "… là mã OTP".
func (w *words) said() topic {
	if !w.is(0, "la") {
		return noTopic
	}
	for k := 1; k < min(w.n, 6); k++ {
		if t := w.topicAt(k); t != noTopic {
			return t
		}
	}
	return noTopic
}

// mentions reports whether one of the next five words announces t.
func (w *words) mentions(t topic) bool {
	for k := range min(w.n, 5) {
		if w.topicAt(k) == t {
			return true
		}
	}
	return false
}

// numbered reports whether a bare number is announced as one: "sổ đỏ số …".
func (w *words) numbered(far int) bool {
	if far > 4 {
		return false
	}
	for k := w.n - far; k < w.n; k++ {
		switch string(w.word(k)) {
		case "so", "seri", "serial", "ma", "hanh":
		case "la", "cua", "em", "toi", "minh", "co", "phat", "vao":
		default:
			return false
		}
	}
	last := w.n - 1
	return w.is(last, "so") || w.is(last, "seri") || w.is(last, "serial") || w.is(last, "hanh") || far > 0 && w.is(last-1, "so")
}

// lettered finds the numbers that begin with letters: passports, health insurance
// cards, land certificates, dossiers, and accounts with a letter inside. It returns
// where to go on; 0 when the word at i begins none.
func (sc *scanner) lettered(i int) int {
	if next := sc.plate(i); next > 0 {
		return next
	}
	if next := sc.dossier(i); next > 0 {
		return next
	}
	s, at, letters := sc.s, i, 0
	upper := true
	for at < len(s) && letters < 3 {
		c := s[at]
		size := 1
		switch {
		case c >= 'A' && c <= 'Z':
		case c >= 'a' && c <= 'z':
			upper = false
		case strings.HasPrefix(s[at:], "Đ"):
			size = 2
		case strings.HasPrefix(s[at:], "đ"):
			size, upper = 2, false
		default:
			size = 0
		}
		if size == 0 {
			break
		}
		at += size
		letters++
	}
	if letters == 0 {
		return sc.account(i)
	}
	if letters > 2 {
		return 0
	}
	touching := at < len(s) && digitAt(s, at) >= 0
	if !touching {
		gap, next := sc.gap(at)
		if gap != ' ' && gap != '-' || digitAt(s, next) < 0 {
			return 0
		}
		at = next
	}
	var r run
	sc.read(&r, at)
	if r.n == 0 || r.groups[0].start != at || sc.wordGoesOn(r.end()) && r.n == 1 {
		return 0
	}
	if letters == 2 && cardLetters(s[i:i+2]) {
		for e := 0; e < r.n; e++ {
			if r.groups[e].to == 13 && r.digits[0] >= '1' && r.digits[0] <= '5' {
				sc.add(Insurance, i, r.groups[e].end)
				return r.groups[e].end
			}
		}
	}
	if letters == 1 && (r.used == 7 || r.used == 8) && r.n > 2 { // "C 9 8 7 6 5 4 3", "P 00 998 112"
		if far := sc.announced(i).away(ofPassport); far >= 0 && far <= 3 {
			sc.add(Passport, i, r.end())
			return r.end()
		}
	}
	d, end := r.of(0, 0), r.groups[0].end
	n := len(d)
	if n < 7 && r.n == 2 && r.groups[1].gap == ' ' && r.used >= 6 && r.used <= 8 {
		switch t, far := sc.announced(i).nearest(); {
		case letters == 1 && r.used >= 7 && t == ofPassport && far <= 6: // "P 0123 4567"
			sc.add(Passport, i, r.end())
			return r.end()
		case letters == 2 && upper && r.used != 7 && t == ofLand && far <= 8: // "CĐ 456 789"
			sc.add(LandTitle, i, r.end())
			return r.end()
		}
	}
	if n < 5 || n > 8 || r.n > 1 && r.groups[1].gap != ' ' && r.groups[1].gap != ',' {
		return 0
	}
	left := sc.announced(i)
	t, far := left.nearest()
	right := sc.followed(end)
	switch {
	case right.unit(s, false) || trailingZeros(d) >= 4:
		return 0
	case t == ofPassport && far <= 6 && n >= 7 && letters == 1:
		sc.add(Passport, i, end)
	case (right.said() == ofPassport || t == noTopic && sc.has(Passport)) && n >= 7 && letters == 1: // "hộ chiếu cũ …, mới là …"
		sc.add(Passport, i, end)
	case t == ofIdentity && far <= 3 && letters == 2: // an old driving licence
		sc.add(Identity, i, end)
	case t == ofLand && far == 0 && letters == 2 && n == 6:
		sc.add(LandTitle, i, end)
	case (t == ofLand && far <= 8 || left.book(s)) && (n >= 6 || letters == 2) && (upper || touching):
		sc.add(LandTitle, i, end)
	case letters == 2 && upper && (n == 6 || n == 8) && certificate(s[i:at]) && !(t == ofElse && far == 0):
		sc.add(LandTitle, i, end)
	default:
		return 0
	}
	return end
}

// cardLetters reports whether two letters are those of a group of the insured, which
// begin the number of a health insurance card.
func cardLetters(letters string) bool {
	switch strings.ToUpper(letters) {
	case "DN", "HX", "CH", "NN", "TK", "HC", "XK", "HT", "TB", "NO", "CT", "XB", "TN", "CS", "QN", "CA", "CY", "XN", "MS", "CC", "CK", "CB", "KC", "HD", "TE", "BT", "HN", "DT", "DK",
		"XD", "TS", "TC", "TQ", "TA", "TY", "HG", "LS", "PV", "HS", "SV", "GB", "GD", "CN", "TH", "TV", "TD", "TU", "BA", "ND", "TL", "NU", "DS", "HK":
		return !strings.EqualFold(letters, "tk") || letters == "TK"
	}
	return false
}

// has reports whether something of a kind was found already.
func (sc *scanner) has(k Kind) bool {
	return slices.ContainsFunc(sc.found, func(f Finding) bool { return f.Kind == k })
}

// book reports whether the last word is sổ, the book that a certificate is called.
func (w *words) book(s string) bool {
	return w.n > 0 && strings.EqualFold(w.raw(s, w.n-1), "sổ")
}

// certificate reports whether two capital letters are a series of land certificates
// and no common abbreviation.
func certificate(letters string) bool {
	letters = strings.TrimRight(letters, " -")
	switch letters {
	case "CK", "BH", "CV", "CT", "BC", "CC", "CA":
		return false
	}
	return letters[0] >= 'A' && letters[0] <= 'D'
}

// account finds an account number with a letter inside ("711A12345678") that is
// announced as one.
func (sc *scanner) account(i int) int {
	s, end, digits := sc.s, i, 0
	for end < len(s) && isAlnum(s[end]) && sc.opaque(end) == 0 {
		if isDigit(s[end]) {
			digits++
		}
		end++
	}
	if digits < 8 || end-i-digits != 1 || sc.wordGoesOn(end) {
		return 0
	}
	if far := sc.announced(i).away(ofAccount); far < 0 || far > 6 {
		return 0
	}
	sc.add(Account, i, end)
	return end
}

// dossier finds the number of a dossier: "H38.99-250710-0012", with or without the
// codes of the office before it.
func (sc *scanner) dossier(i int) int {
	s, at := sc.s, i
	if len(s) < i+12 || strings.IndexByte("HGhg", s[at]) < 0 || !isDigit(s[at+1]) || !isDigit(s[at+2]) {
		return 0
	}
	at += 3
	for at < len(s) && (isDigit(s[at]) || s[at] == '.') && sc.opaque(at) == 0 {
		at++
	}
	day, ok := sc.digitsAfterHyphen(at)
	if !ok || day-at-1 != 6 && day-at-1 != 8 {
		return 0
	}
	end, ok := sc.digitsAfterHyphen(day)
	if !ok || end-day-1 < 2 {
		return 0
	}
	for i > sc.border && (isDigit(s[i-1]) || s[i-1] == '.') {
		i--
	}
	sc.add(Dossier, i, end)
	return end
}

// digitsAfterHyphen returns the end of the digits behind a hyphen at i.
func (sc *scanner) digitsAfterHyphen(i int) (int, bool) {
	if i >= len(sc.s) || sc.s[i] != '-' {
		return 0, false
	}
	n := sc.digitsFrom(i + 1)
	return i + 1 + n, n > 0
}

// plate finds the number plate that begins at i: "21A-123.45", "21-B1 123.45",
// "29x5 4321". It returns where to go on; 0 when there is none.
func (sc *scanner) plate(i int) int {
	s, at := sc.s, i
	if len(s) < i+7 || s[i] < '1' || s[i] > '9' || !isDigit(s[i+1]) {
		return 0
	}
	if i > sc.border && strings.IndexByte("./-", s[i-1]) >= 0 && (i-1 == sc.border || isAlnum(s[i-2])) {
		return 0
	}
	at += 2
	loose := 0 // what only a plate that is announced may have
	if at < len(s) && (s[at] == '-' || s[at] == ' ' || s[at] == '.') {
		if s[at] == ' ' {
			loose++
		}
		at++
	}
	letters, lower := 0, false
	for at < len(s) && letters < 2 {
		if isAlpha(s[at]) {
			lower = lower || s[at] >= 'a'
			at++
		} else if strings.HasPrefix(s[at:], "Đ") {
			at += 2
		} else {
			break
		}
		letters++
	}
	if letters == 0 {
		return 0
	}
	series := at
	if at+2 < len(s) && s[at] == ' ' && isDigit(s[at+1]) && s[at+2] == ' ' { // "21 H 5 9915"
		loose++
		at++
	}
	if at < len(s) && isDigit(s[at]) { // a motorcycle's series has a digit
		at++
	}
	end, dotted := sc.plateNumber(at)
	if end == 0 {
		if end, dotted = sc.plateNumber(series); end == 0 {
			return 0
		}
		at = series
	}
	number := at
	for !isDigit(s[number]) {
		number++
	}
	if spaced := strings.Contains(s[at:number], " "); spaced && !dotted || lower && !dotted && number == at {
		loose++
	}
	if n := end - number; n == 4 && yearLike([]byte(s[number:end])) {
		loose++
	}
	if loose > 0 {
		if t, far := sc.announced(i).nearest(); (t != ofVehicle || far > 8) && !sc.followed(end).is(0, "xe") && !sc.right.pair(1, "la", "xe") {
			return 0
		}
	}
	if sc.followed(end).unit(s, false) && !dotted {
		return 0
	}
	sc.add(Plate, i, end)
	return end
}

// plateNumber returns the end of a plate's four or five digits from i on, and
// whether they are written 123.45.
func (sc *scanner) plateNumber(i int) (end int, dotted bool) {
	s := sc.s
	for n := 0; n < 3 && i < len(s) && (s[i] == ' ' || s[i] == '-' || s[i] == '.'); n++ {
		i++
	}
	first := sc.digitsFrom(i)
	end = i + first
	if (first == 3 || first == 2) && end < len(s) && (s[end] == '.' || s[end] == ' ' && first == 3) && sc.digitsFrom(end+1) == 5-first {
		dotted, end = s[end] == '.' && first == 3, end+6-first
	} else if first != 4 && first != 5 {
		return 0, false
	}
	if sc.wordGoesOn(end) {
		return 0, false
	}
	return end, dotted
}

// digitsFrom counts the digits from i on, up to a finding.
func (sc *scanner) digitsFrom(i int) int {
	n := 0
	for i+n < len(sc.s) && isDigit(sc.s[i+n]) && sc.opaque(i+n) == 0 {
		n++
	}
	return n
}

// wordGoesOn reports whether a letter or digit of no finding stands at i.
func (sc *scanner) wordGoesOn(i int) bool {
	return i < len(sc.s) && startsWord(sc.s, i) > 0 && sc.opaque(i) == 0
}

// date returns how many groups from g on are a date, after adding it when somebody
// was born on it; 0 when they are none.
func (sc *scanner) date(r *run, g int) int {
	if g+2 < r.n {
		a, b, c := r.of(g, g), r.of(g+1, g+1), r.of(g+2, g+2)
		gap := r.groups[g+1].gap
		if gap == r.groups[g+2].gap && calendar(a, b, c) {
			start, end := r.groups[g].start, r.groups[g+2].end
			four := len(c) == 4 || len(a) == 4
			if sc.birthday(start, end, four) {
				sc.add(BirthDate, start, end)
				return 3
			}
			if gap != ' ' && four {
				return 3
			}
		}
	}
	if d := r.of(g, g); len(d) == 8 && calendar(d[:2], d[2:4], d[4:]) && yearLike(d[4:]) {
		start, end := r.groups[g].start, r.groups[g].end
		if barred := start > 0 && sc.s[start-1] == '|' && end < len(sc.s) && sc.s[end] == '|'; barred || sc.announced(start).born(sc.s) {
			sc.add(BirthDate, start, end) // between bars it is a field of what the code on an identity card says
			return 1
		}
	}
	return 0
}

// calendar reports whether three numbers can be day, month and year, or the other
// way round.
func calendar(a, b, c []byte) bool {
	if len(a) == 4 {
		a, c = c, a
	}
	if len(a) > 2 || len(b) > 2 || len(c) != 2 && !yearLike(c) {
		return false
	}
	day, month := number(a), number(b)
	return day >= 1 && day <= 31 && month >= 1 && month <= 12
}

func number(d []byte) int {
	n := 0
	for _, c := range d {
		n = n*10 + int(c-'0')
	}
	return n
}

// birthday reports whether the words around a date say that somebody was born then.
func (sc *scanner) birthday(start, end int, fourDigitYear bool) bool {
	left := sc.announced(start)
	if left.born(sc.s) {
		return true
	}
	if !fourDigitYear {
		return false
	}
	if left.otherwise() && sc.has(BirthDate) {
		return true
	}
	right := sc.followed(end)
	if right.is(0, "sinh") {
		switch string(right.word(1)) {
		case "vien", "hoat", "song", "hoc", "san", "thai", "ke":
			return false
		}
		return true
	}
	if right.is(0, "la") && (right.pair(2, "ngay", "sinh") || right.pair(2, "sinh", "nhat")) {
		return true
	}
	return left.named(sc.s)
}

// spelledDate finds a birthday written "20 tháng 11 năm 2025" whose day is the run.
func (sc *scanner) spelledDate(r *run) int {
	if len(r.of(0, 0)) > 2 {
		return 0
	}
	w := sc.followed(r.end())
	if !w.is(0, "thang") || !w.is(2, "nam") || len(w.word(3)) != 4 || !yearLike(w.word(3)) || len(w.word(1)) > 2 || !calendar(r.of(0, 0), w.word(1), w.word(3)) {
		return 0
	}
	end := w.at[3].rawTo
	if !sc.birthday(r.groups[0].start, end, true) {
		return 0
	}
	sc.add(BirthDate, r.groups[0].start, end)
	return end
}

// yearOf returns the year of a birthday in plain digits.
func yearOf(date string) string {
	var first, last []byte // groups of digits
	groups := 0
	for i, inside := 0, false; i < len(date); i += startSize(date, i) {
		d := digitAt(date, i)
		if d < 0 && inside && date[i]|0x20 == 'o' {
			d = 0
		}
		if d < 0 {
			inside = false
			continue
		}
		if !inside {
			inside, last = true, nil
			groups++
		}
		if last = append(last, byte('0'+d)); groups == 1 {
			first = last
		}
	}
	switch {
	case groups > 1 && len(first) == 4:
		return string(first)
	case len(last) == 8:
		return string(last[4:])
	}
	return string(last)
}
