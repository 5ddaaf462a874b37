package privacy

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner reads one text. What it has found, and masks, it does not look into.
type scanner struct {
	s        string
	public   map[string]bool
	says     bool // some number is said in words
	accented bool // some letter has a mark
	shouts   bool // no letter is small, so that a capital tells nothing
	found    []Finding
	last     int // what next returned last

	border int // end of the last mask or finding: words before it say nothing
	left   words
	leftOf int // for which place left was read, plus one
	right  words
}

// next returns the index of the first finding that begins at i or later. Texts are read
// forwards, so it is mostly the one it was last.
func (sc *scanner) next(i int) int {
	if k := sc.last; (k == 0 || sc.found[k-1].Start < i) && (k == len(sc.found) || sc.found[k].Start >= i) {
		return k
	}
	low, high := 0, len(sc.found)
	for low < high {
		if mid := (low + high) / 2; sc.found[mid].Start < i {
			low = mid + 1
		} else {
			high = mid
		}
	}
	sc.last = low
	return low
}

// opaque returns the end of the finding or mask that begins at i; 0 when none does.
func (sc *scanner) opaque(i int) int {
	if len(sc.found) > 0 {
		if k := sc.next(i); k < len(sc.found) && sc.found[k].Start == i {
			return sc.found[k].End
		}
	}
	if sc.s[i] != '[' {
		return 0
	}
	_, end := maskAt(sc.s, i)
	return end
}

// limit returns where text that may be looked at from i on ends: at the next
// finding or mask.
func (sc *scanner) limit(i int) int {
	end := min(len(sc.s), i+maxWindow/2)
	if k := sc.next(i); k < len(sc.found) {
		end = min(end, sc.found[k].Start)
	}
	for k := i; k < end; k++ {
		n := strings.IndexByte(sc.s[k:end], '[')
		if n < 0 {
			break
		}
		if k += n; sc.opaque(k) > 0 {
			return k
		}
	}
	return end
}

func (sc *scanner) add(kind Kind, start, end int) {
	if sc.found == nil {
		sc.found = make([]Finding, 0, 4)
	}
	sc.found = slices.Insert(sc.found, sc.next(start), Finding{kind, sc.s[start:end], start, end})
	sc.border, sc.leftOf = end, 0
}

// announced reads the words before i.
func (sc *scanner) announced(i int) *words {
	if sc.leftOf != i+1 {
		before(&sc.left, sc.s, sc.border, i)
		sc.leftOf = i + 1
	}
	return &sc.left
}

// followed reads the words after i.
func (sc *scanner) followed(i int) *words {
	after(&sc.right, sc.s, i, sc.limit(i))
	return &sc.right
}

// emails finds mail addresses.
func (sc *scanner) emails() {
	if strings.IndexByte(sc.s, '@') < 0 && !strings.Contains(sc.s, "(a") && !strings.Contains(sc.s, "[a") {
		return
	}
	for i := 0; i < len(sc.s); i++ {
		if end := sc.opaque(i); end > 0 {
			sc.border = end
			i = end - 1
			continue
		}
		if n := atSign(sc.s[i:]); n > 0 {
			if start, end := sc.spelledMail(i, i+n); end > 0 {
				sc.add(Email, start, end)
				i = end - 1
			}
			continue
		}
		if sc.s[i] != '@' {
			continue
		}
		start, end := sc.address(i)
		kind := Email
		if end == 0 {
			kind, start, end = Handle, i, sc.handleAt(i)
		}
		if end > 0 && !sc.public[strings.ToLower(sc.s[start:end])] {
			sc.add(kind, start, end)
			i = end - 1
		}
	}
	sc.border, sc.leftOf = 0, 0
}

// atSign returns the size of what stands for an @ at the head of s, in brackets; 0 when
// nothing does.
func atSign(s string) int {
	for _, sign := range [...]string{"(a)", "(at)", "[a]", "[at]"} {
		if strings.HasPrefix(s, sign) {
			return len(sign)
		}
	}
	return 0
}

// address returns the bounds of the mail address around the @ at i; one space on
// either side of it is a slip of the hand.
func (sc *scanner) address(i int) (start, end int) {
	s := sc.s
	name := i
	if name > sc.border && s[name-1] == ' ' {
		name--
	}
	start = name
	for start > sc.border && addressByte(s[start-1]) {
		start--
	}
	for start < name && s[start] == '.' {
		start++
	}
	domain := i + 1
	if domain < len(s) && s[domain] == ' ' {
		domain++
	}
	end = domain
	for end < len(s) && addressByte(s[end]) {
		end++
	}
	for end > domain && !isAlnum(s[end-1]) {
		end--
	}
	if dot := strings.IndexByte(s[domain:end], '.'); dot < 1 {
		if dot == 0 || !mailHost(s[domain:end]) {
			return 0, 0
		}
		end = withEnding(s, end)
	}
	if start == name {
		return 0, 0
	}
	if name < i && (s[i+1] != ' ' && !mailEnding(s[domain:end]) || network(s[start:name])) { // "tiktok @ban.xanh"
		return 0, 0
	}
	if r, _ := utf8.DecodeLastRuneInString(s[sc.border:start]); unicode.IsLetter(r) { // a word with marks, not a name
		return 0, 0
	}
	return sc.parted(start), end
}

// parted returns where the name in a mail address begins that spaces part: "mail mua chu
// 95@gmail.com", with at most three words before start, behind mail, là or a colon.
func (sc *scanner) parted(start int) int {
	from := start
	for range 4 {
		before := strings.TrimSuffix(sc.s[sc.border:from], " ")
		for _, anchor := range [...]string{"mail", "là", "la", ":"} {
			if strings.HasSuffix(before, anchor) {
				return from
			}
		}
		at := len(before)
		for at > 0 && isAlnum(before[at-1]) {
			at--
		}
		word := before[at:]
		if len(before) == from-sc.border || word == "" || at > 0 && before[at-1] != ' ' && before[at-1] != ':' ||
			lexicon.find(hashOf(strings.ToLower(word)), sc.accented)&(kinWord|linkWord|calledWord|endWord|netWord) != 0 {
			return start
		}
		from = sc.border + at
	}
	return start
}

// mailEnding reports whether the host of an address ends as those of mail do.
func mailEnding(host string) bool {
	switch strings.ToLower(host[strings.LastIndexByte(host, '.')+1:]) {
	case "com", "vn", "net", "org", "edu":
		return true
	}
	return mailHost(host)
}

// network reports whether a word is a network's, where a name may begin with an @.
func network(word string) bool { return lexicon.find(hashOf(strings.ToLower(word)), true)&netWord != 0 }

// mailHost reports whether a name without its ending is one that gives out addresses.
func mailHost(name string) bool {
	switch strings.ToLower(name) {
	case "gmail", "yahoo", "hotmail", "outlook", "icloud":
		return true
	}
	return false
}

// withEnding returns the end of a host's name with the ending that a slip parted from
// it: "gmail,com", "gmail .com", "yahoo com vn".
func withEnding(s string, end int) int {
	for _, ending := range [...]string{"com", "vn"} {
		at := end
		for at < len(s) && at < end+3 && strings.IndexByte(" ,.", s[at]) >= 0 {
			at++
		}
		if next := at + len(ending); at > end && next <= len(s) && strings.EqualFold(s[at:next], ending) && !isAlnumAt(s, next) {
			end = next
		}
	}
	return end
}

func addressByte(c byte) bool { return isAlnum(c) || strings.IndexByte("._%+-", c) >= 0 }
func isAlnum(c byte) bool     { return isDigit(c) || isAlpha(c) }
func isAlpha(c byte) bool     { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// numbers finds everything that has digits.
func (sc *scanner) numbers() {
	sc.border, sc.leftOf = 0, 0
	for i := 0; i < len(sc.s); {
		if end := sc.opaque(i); end > 0 {
			sc.border, sc.leftOf = end, 0
			i = end
			continue
		}
		if end := sc.plainWord(i); end > 0 {
			i = end
			continue
		}
		if size := startsWord(sc.s, i); size > 0 {
			next := 0
			if sc.says {
				next = sc.spoken(i)
			}
			if next == 0 {
				next = sc.token(i)
			}
			i = next
			continue
		}
		i++
	}
}

// plainWord returns the end of the word at i when it has nothing but letters, and more
// than three or another word behind it, so that it begins no number; 0 otherwise. A number that is said is
// looked for word by word.
func (sc *scanner) plainWord(i int) int {
	s, end, letters := sc.s, i, 0
	if sc.says || !isAlpha(s[i]) && s[i] < 0xC3 {
		return 0
	}
	for end < len(s) {
		switch c := s[end]; {
		case isAlpha(c), c >= 0xC3 && c <= 0xE1:
			letters++
		case c >= 0x80 && c < 0xC0: // goes on
		case isDigit(c), c >= utf8.RuneSelf:
			return 0
		default:
			if letters < 4 && !letterNext(s, end) || len(sc.found) > 0 && sc.opensWithin(i, end) {
				return 0
			}
			return end
		}
		end++
	}
	if letters < 4 || len(sc.found) > 0 && sc.opensWithin(i, end) {
		return 0
	}
	return end
}

// opensWithin reports whether a finding begins between two places.
func (sc *scanner) opensWithin(i, end int) bool {
	k := sc.next(i)
	return k < len(sc.found) && sc.found[k].Start < end
}

// startsWord returns the size of the letter or digit at i; 0 for what is neither.
func startsWord(s string, i int) int {
	if c := s[i]; c < utf8.RuneSelf {
		if isAlnum(c) {
			return 1
		}
		return 0
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	if vietnamese(r) || unicode.IsLetter(r) || wideDigit(r) {
		return size
	}
	return 0
}

func wideDigit(r rune) bool { return r >= 0xFF10 && r <= 0xFF19 }

// token reads the word at i, finds what begins with it, and returns where to go on.
func (sc *scanner) token(i int) int {
	end, digits, letters := i, 0, 0
	limit := len(sc.s)
	if k := sc.next(i + 1); k < len(sc.found) {
		limit = sc.found[k].Start
	}
	for end < limit {
		size := startsWord(sc.s, end)
		if size == 0 {
			if r, n := utf8.DecodeRuneInString(sc.s[end:]); r >= 0x300 && r <= 0x36F {
				end += n
				continue
			}
			break
		}
		if digitAt(sc.s, end) >= 0 {
			digits++
		} else {
			letters++
		}
		end += size
	}
	if digits == 0 && (letters > 3 || letterNext(sc.s, end)) {
		return end
	}
	var r run
	switch {
	case letters == 0 || digits > 0 && digitLike(sc.s[i:end]) || digits == 0 && (sc.s[i:end] == "o" || sc.s[i:end] == "O"):
		if next := sc.plate(i); next > 0 {
			return next
		}
		if next := sc.point(i); next > 0 {
			sc.add(Address, i, next)
			return next
		}
		sc.read(&r, i)
		return max(sc.judge(&r), min(end, r.end()))
	}
	if next := sc.lettered(i); next > 0 {
		return next
	}
	if digits > 0 { // "sdt0912345678"
		at := i
		for at < end && digitAt(sc.s, at) < 0 {
			at += startSize(sc.s, at)
		}
		if at > i && at < end && digitLike(sc.s[at:end]) && sc.announced(at).topicAt(sc.left.n-1) > noTopic && sc.left.topicAt(sc.left.n-1) < ofElse {
			sc.read(&r, at)
			return max(sc.judge(&r), min(end, r.end()))
		}
	}
	return end
}

// letterNext reports that the next word after i begins with a letter, a space away.
func letterNext(s string, i int) bool {
	if i+1 >= len(s) || s[i] != ' ' {
		return false
	}
	c := s[i+1]
	return isAlpha(c) && c|0x20 != 'o' || c >= 0xC3 && c <= 0xE1
}

func startSize(s string, i int) int {
	_, size := utf8.DecodeRuneInString(s[i:])
	return size
}

// digitAt returns the value of the digit at i; -1 for what is none.
func digitAt(s string, i int) int {
	if isDigit(s[i]) {
		return int(s[i] - '0')
	}
	if s[i] == 0xEF {
		if r, _ := utf8.DecodeRuneInString(s[i:]); wideDigit(r) {
			return int(r - 0xFF10)
		}
	}
	return -1
}

// slip returns the digit that the letter at i stands for by a slip of a hand or a
// camera: o for 0, and l and I for 1 between digits; -1 for what is none.
func slip(s string, i int) int {
	switch c := s[i]; {
	case c|0x20 == 'o':
		return 0
	case (c == 'l' || c == 'I') && i+1 < len(s) && (digitAt(s, i+1) >= 0 || s[i+1]|0x20 == 'o') && (opensGroup(s, i) || i > 0 && (digitAt(s, i-1) >= 0 || s[i-1]|0x20 == 'o')):
		return 1
	}
	return -1
}

// opensGroup reports that a sign and a digit before it stand before i.
func opensGroup(s string, i int) bool {
	return i > 1 && strings.IndexByte(" .-", s[i-1]) >= 0 && isDigit(s[i-2])
}

// digitLike reports whether a word is digits, some of which may be letters by a slip.
func digitLike(word string) bool {
	digits, others := 0, 0
	for i := 0; i < len(word); i += startSize(word, i) {
		switch {
		case digitAt(word, i) >= 0:
			digits++
		case slip(word, i) >= 0:
			others++
		default:
			return false
		}
	}
	return digits >= others
}

// run is a row of groups of digits with little between them.
type run struct {
	groups [maxGroups]group
	n      int
	digits [maxDigits]byte
	used   int
}

type group struct {
	start, end int  // in the text
	from, to   int  // in digits
	gap        byte // what stands before it, in the run: ' ', '.', '-', ',', '/', '*', '\n', or 0
}

const (
	maxGroups = 24
	maxDigits = 64
)

func (r *run) end() int {
	if r.n == 0 {
		return 1 << 30
	}
	return r.groups[r.n-1].end
}

// of returns the digits of the groups g to e.
func (r *run) of(g, e int) []byte { return r.digits[r.groups[g].from:r.groups[e].to] }

// read reads the run that begins at i.
func (sc *scanner) read(r *run, i int) {
	s := sc.s
	gap := byte(0)
	for i < len(s) && r.n < maxGroups {
		g := group{start: i, from: r.used, gap: gap}
		at := i
		for at < len(s) && r.used < maxDigits && !(at > i && sc.opaque(at) > 0) {
			d := digitAt(s, at)
			if d < 0 && (at == i || r.used > g.from) {
				d = slip(s, at)
			}
			if d < 0 {
				break
			}
			r.digits[r.used] = byte('0' + d)
			r.used++
			at += startSize(s, at)
		}
		g.end, g.to = at, r.used
		if at == i || r.used == maxDigits && at < len(s) && digitAt(s, at) >= 0 {
			for at < len(s) && digitAt(s, at) >= 0 {
				at += startSize(s, at)
			}
			if at > i {
				g.end = at
				r.groups[r.n] = g
				r.n++
			}
			return
		}
		if sc.wordGoesOn(at) { // digits that go on as a word
			if r.n == 0 {
				r.groups[0], r.n = g, 1
			} else {
				r.used = g.from
			}
			return
		}
		if r.n > 0 && countsDigits(s, at) && g.to-g.from <= 2 { // "… 9 số": how long the number is
			r.used = g.from
			return
		}
		r.groups[r.n] = g
		r.n++
		gap, i = sc.gap(at)
		if gap == 0 && g.to-g.from <= 2 && strings.HasPrefix(s[at:], " / ") && at+3 < len(s) && isDigit(s[at+3]) && sc.opaque(at+3) == 0 { // "07 / 08 / 1999"
			gap, i = '/', at+3
		}
		if gap == 0 || gap == '-' && g.to-g.from >= 9 && i > at+1 { // a dash between two whole numbers
			return
		}
	}
}

// countsDigits reports that what stands at i says that a number counts digits: "9 số".
func countsDigits(s string, i int) bool {
	rest, ok := strings.CutPrefix(s[i:], " số")
	if !ok {
		rest, ok = strings.CutPrefix(s[i:], " so")
	}
	return ok && (rest == "" || !isAlnumAt(rest, 0))
}

// gap reads what stands between two groups from i on: at most three signs, of which
// the telling one is returned, and where the next group begins. A comma or slash with
// a space beside it parts two numbers. "Rồi", with which a number is read out in parts,
// counts as a star: either is only taken for a gap of a telephone number.
func (sc *scanner) gap(i int) (byte, int) {
	s, sign, from := sc.s, byte(0), i
	for n := 0; n < 4 && i < len(s); n++ {
		if sc.opaque(i) > 0 {
			return 0, 0
		}
		if digitAt(s, i) >= 0 || startsAsDigit(s, i) {
			if (sign == ',' || sign == '/') && i > from+1 {
				return 0, 0
			}
			return sign, i
		}
		c, size := s[i], 1
		if n := then(s, i); n > 0 {
			c, size = '*', n
		} else if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r >= 0x2010 && r <= 0x2015:
				c = '-'
			case r == '·' || r == '•':
				c = '.'
			case unicode.IsSpace(r) || unicode.Is(unicode.Cf, r):
				c = ' '
			}
		}
		switch c {
		case ' ', '\t':
			if sign == 0 {
				sign = ' '
			}
		case '\n', '\r':
			if sign != 0 && sign != ' ' && sign != '\n' {
				return 0, 0
			}
			sign = '\n'
		case '.', '-', ',', '/', '*':
			if sign != 0 && sign != ' ' && sign != c {
				return 0, 0
			}
			sign = c
		case '(', ')', '_':
			if sign == 0 {
				sign = ' '
			}
		default:
			return 0, 0
		}
		i += size
	}
	return 0, 0
}

// startsAsDigit reports whether a group begins at i with the letter o for its zeros, or
// with an l for its one.
func startsAsDigit(s string, i int) bool {
	if s[i] == 'l' && slip(s, i) >= 0 {
		return true
	}
	end := i
	for end < len(s) && end < i+3 && s[end]|0x20 == 'o' {
		end++
	}
	return end > i && (end == len(s) || !isAlpha(s[end]) && s[end] < utf8.RuneSelf)
}

// then returns the size of the word rồi at i, with a space on either side; 0 for
// anything else.
func then(s string, i int) int {
	if s[i] != 'r' || i == 0 || s[i-1] != ' ' {
		return 0
	}
	for _, word := range [...]string{"rồi ", "roi "} {
		if strings.HasPrefix(s[i:], word) {
			return len(word) - 1
		}
	}
	return 0
}

// judge finds personal numbers in a run and returns where to go on.
func (sc *scanner) judge(r *run) int {
	g := 0
	for g < r.n {
		if n := sc.date(r, g); n > 0 {
			g += n
			continue
		}
		if n := code(sc.s, r, g); n > 0 {
			g += n
			continue
		}
		next := g + 1
		for e := r.n - 1; e >= g; e-- {
			if r.groups[e].to-r.groups[g].from > 19 && e > g {
				continue
			}
			if sc.isPublic(r.of(g, e)) {
				next = e + 1
				break
			}
			kind := sc.kindOf(r, g, e)
			if kind == "" {
				continue
			}
			start, end := sc.widen(r.groups[g].start, r.groups[e].end)
			sc.add(kind, start, end)
			next = e + 1
			break
		}
		g = next
	}
	if r.n == 1 {
		if end := sc.spelledDate(r); end > 0 {
			return end
		}
	}
	if r.n > 0 {
		return r.end()
	}
	return 0
}

// googleCode reports that the text before a number ends in what begins a code that
// Google sends: "G-448812".
func googleCode(before string) bool {
	head, ok := strings.CutSuffix(before, "G-")
	return ok && (head == "" || head[len(head)-1] == ' ')
}

// widen takes in the plus and the bracket of a country or area code, and the letter of a
// one-time code.
func (sc *scanner) widen(start, end int) (int, int) {
	if start > sc.border && sc.s[start-1] == '+' {
		start--
	}
	if googleCode(sc.s[sc.border:start]) {
		start -= len("G-")
	}
	if start > sc.border && sc.s[start-1] == '(' && strings.IndexByte(sc.s[start:end], ')') >= 0 {
		start--
	}
	return start, end
}

// kindOf judges the groups g to e as one number.
func (sc *scanner) kindOf(r *run, g, e int) Kind {
	d := r.of(g, e)
	n := len(d)
	if n < 4 {
		return ""
	}
	s, start, end := sc.s, r.groups[g].start, r.groups[e].end
	joined := e > g
	shape := shapeOf(r, g, e)
	mobile := mobileLike(d)
	if joined && shape.gaps == ragged && (shape.listed || !shape.spaced) && !(mobile && n == 10 && !shape.listed) {
		return ""
	}
	if start > sc.border { // part of a law's number, a sum, a link
		switch c := s[start-1]; {
		case c == '-' && googleCode(s[sc.border:start]):
		case c == '/' && n < 9, c == '=', c == '_', c == ',' && sc.digitBefore(start-1), c == '.' && sc.digitBefore(start-1) && n < 9, c == '-' && start-2 >= sc.border && isAlnum(s[start-2]) && n < 9:
			return ""
		case c == '-' && sc.inLink(start):
			return ""
		}
	}
	if end < len(s) {
		switch c := s[end]; {
		case c == '%', c == '/' && n < 9, c == '.' && end+1 < len(s) && isAlnum(s[end+1]) && n < 9:
			return ""
		case c >= utf8.RuneSelf || isAlpha(c):
			if sc.opaque(end) == 0 && startsWord(s, end) > 0 {
				return ""
			}
		}
	}
	if joined && (shape.gaps == '/' || shape.gaps == ',' || shape.gaps == '*') {
		if mobile && shape.longest < 8 {
			return Phone
		}
		return ""
	}
	if joined && shape.gaps == '\n' && !mobile && !(n == 12 && citizen(d)) { // a number may be typed in lines, but most lines are numbers of their own
		return ""
	}
	if start > sc.border && s[start-1] == '+' && d[0] != '0' && n >= 9 && n <= 14 && (!joined || shape.longest < 8) { // a number of another country
		return Phone
	}
	if n == 6 && !joined && googleCode(s[sc.border:start]) {
		return OTP
	}
	left := sc.announced(start)
	t, far := left.nearest()
	if joined && e+1 < r.n && (t == noTopic || t == ofElse) && !mobile && n != 9 && n != 12 && n < 16 { // most rows of short numbers
		return ""
	}
	right := sc.followed(end)
	if d[0] != '0' && right.unit(s, t != noTopic && t != ofElse && far <= 3 && (n >= 9 || t == ofOTP)) {
		return ""
	}
	if at := left.away(ofAccount); (t == ofElse && n >= 9 || t == ofInsurance && n > 10) && at >= 0 && at <= 6 { // "stk nhận lương …"
		t, far = ofAccount, at
	}
	if at := left.away(ofOTP); t == ofPhone && n <= 6 && at >= 0 && at <= 3 { // "mã xác nhận zalo …"
		t, far = ofOTP, at
	}
	if t == ofPhone && n <= 6 { // "nó gọi bảo đọc mã …": too short to be the number of a telephone
		t = noTopic
	}
	if t == noTopic || t == ofElse || far > 6 {
		if said := right.said(); said != noTopic {
			t, far = said, 0
		}
	}
	if t == noTopic && n == 6 && !joined && trailingZeros(d) < 2 && right.mentions(ofOTP) {
		t, far = ofOTP, 0
	}
	if right.bank(0) && n >= 6 && t != ofOTP {
		t, far = ofAccount, 0
	}
	if t == ofAccount && left.is(left.n-1, "vneid") && n == 12 && citizen(d) {
		t, far = ofIdentity, 0
	}
	if old := n == 11 && d[1] == '1'; (!mobile || old) && n >= 8 && (t == noTopic || t == ofAccount || far > 2) && left.bankNear(2) {
		t, far = ofAccount, 0
	}
	if mobile && t == noTopic && (left.bankNear(0) || left.pair(left.n-1, "mb", "bank")) {
		t, far = ofAccount, 0
	}
	if t == noTopic && n == 6 && trailingZeros(d) < 3 && (left.is(left.n-1, "ma") || left.is(left.n-1, "so") && left.n > 1 && isDigit(left.word(left.n - 2)[0]) || left.pair(left.n-1, "ma", "so") || left.codeTold()) && (left.toldOn() || right.cameByMessage()) {
		t, far = ofOTP, 0
	}
	zeros := trailingZeros(d)
	// What is announced.
	close := !joined || shape.longest < 8 || t == ofTax && n == 13 && shape.gaps == '-'
	switch {
	case !close:
	case t == ofAccount && far <= 7 && n >= 6 && n <= 19 && !(n <= 10 && zeros >= 3 && d[0] != '0'):
		return Account
	case t == ofOTP && far <= 6 && n <= 9 && (!joined || shape.even) && !(n == 4 && yearLike(d) && far > 1) && zeros < 4:
		return OTP
	case t == ofPhone && far <= 8 && !mobile && (n == 9 && strings.IndexByte("35789", d[0]) >= 0 || n == 10 || n == 11 && d[0] == '0' || (n == 7 || n == 8) && d[0] != '0' && far <= 2 && zeros < 3):
		return Phone
	case t == ofTax && far <= 5 && (n == 10 || n == 13):
		if left.company() || right.company() {
			return ""
		}
		return Identity
	case t == ofInsurance && far <= 6 && n == 10 && zeros < 4:
		return Insurance
	case t == ofIdentity && far <= 7 && (n == 9 || n == 12 || far <= 3 && n >= 8 && n <= 13 && !mobile):
		return Identity
	case t == ofPassport && far <= 3 && (n == 7 || n == 8) && zeros < 3:
		return Passport
	case t == ofLand && n >= 5 && n <= 10 && !joined && zeros < 3 && left.numbered(far):
		return LandTitle
	case t == ofDossier && far <= 4 && n >= 6 && zeros < 4:
		return Dossier
	}
	// What its form tells.
	if mobile && (close || n <= 12 && shape.longest <= 9) {
		return Phone
	}
	if n == 12 && citizen(d) && (close || shape.longest <= 9) {
		return Identity
	}
	if joined {
		switch {
		case cardLike(r, g, e, d):
			return Account
		case n == 9 && shape.even && shape.longest == 3 && !sc.goesOn(r, e) && !emergency(r, g, e) && (shape.gaps == ' ' || shape.gaps == '-') && d[0] <= '3' && zeros < 3 && t != ofElse:
			return Identity
		}
		return ""
	}
	if zeros >= 3 && n < 16 && d[0] != '0' || t == ofElse && far <= 4 && n < 13 {
		return ""
	}
	switch {
	case n == 9 && d[0] > '3':
		return Phone
	case n == 9, n == 12, n == 11 && d[0] == '0': // a citizen's number of which one is missing
		return Identity
	case n == 10 && d[0] != '0':
		return Insurance
	case n >= 13:
		return Account
	}
	return ""
}

// goesOn reports whether a group follows the e-th as the groups before followed each
// other.
func (sc *scanner) goesOn(r *run, e int) bool {
	return e+1 < r.n && e > 0 && r.groups[e+1].gap == r.groups[e].gap
}

// emergency reports that groups are telephone numbers of three digits in a row.
func emergency(r *run, g, e int) bool {
	for k := g; k <= e; k++ {
		if d := r.of(k, k); len(d) != 3 || d[0] != '1' || d[1] != '1' {
			return false
		}
	}
	return true
}

// inLink reports whether the word that i stands in began as an address of the web.
func (sc *scanner) inLink(i int) bool {
	from := i
	for from > sc.border && sc.s[from-1] != ' ' && sc.s[from-1] != '\n' {
		from--
	}
	return strings.Contains(sc.s[from:i], "://") || strings.HasPrefix(sc.s[from:i], "www.")
}

// digitBefore reports whether a digit of no finding stands before i.
func (sc *scanner) digitBefore(i int) bool { return i > sc.border && isDigit(sc.s[i-1]) }

// shape says how the groups of a number are written.
type shape struct {
	longest int  // digits of the longest group
	even    bool // all groups are equally long
	spaced  bool // each group is one or two digits
	listed  bool // a comma or a slash stands between two groups
	gaps    byte // the sign between groups; ragged when it changes
}

// ragged stands for gaps of several kinds.
const ragged = '?'

func shapeOf(r *run, g, e int) shape {
	sh := shape{even: true, spaced: true}
	for k := g; k <= e; k++ {
		n := r.groups[k].to - r.groups[k].from
		sh.longest = max(sh.longest, n)
		sh.even = sh.even && n == r.groups[g].to-r.groups[g].from
		sh.spaced = sh.spaced && n <= 2
		if k == g {
			continue
		}
		gap := r.groups[k].gap
		sh.listed = sh.listed || gap == ',' || gap == '/'
		switch {
		case sh.gaps == 0:
			sh.gaps = gap
		case sh.gaps != gap && sh.gaps != ' ' && gap != ' ':
			sh.gaps = ragged
		case sh.gaps == ' ' && gap != ' ' && gap != ',' && gap != '/': // a star as well
			sh.gaps = gap
		}
	}
	return sh
}

func trailingZeros(d []byte) int {
	return len(d) - len(bytes.TrimRight(d, "0"))
}

func yearLike(d []byte) bool {
	return len(d) == 4 && (d[0] == '1' && d[1] == '9' || d[0] == '2' && d[1] == '0')
}

// isPublic reports whether a number is a hotline or one that the caller named.
func (sc *scanner) isPublic(d []byte) bool {
	if n := len(d); n >= 8 && n <= 10 && (bytes.HasPrefix(d, []byte("1800")) || bytes.HasPrefix(d, []byte("1900"))) {
		return true
	}
	if len(sc.public) == 0 || len(d) > 13 {
		return false
	}
	var buf [maxDigits]byte
	return sc.public[string(national(buf[:0], d))]
}

// national appends to buf a telephone number written the national way: +84 and 0084
// become 0.
func national(buf, d []byte) []byte {
	for _, n := range [...]int{4, 2} {
		if len(d)-n >= 9 && len(d)-n <= 11 && (n == 2 && d[0] == '8' && d[1] == '4' || n == 4 && string(d[:4]) == "0084") {
			d = d[n:]
			for len(d) > 0 && d[0] == '0' {
				d = d[1:]
			}
			buf = append(buf, '0')
			break
		}
	}
	return append(buf, d...)
}

// mobileLike reports whether d is a telephone number by its form: ten digits of a
// mobile, eleven of a landline or of a mobile before 2018, either behind +84.
func mobileLike(d []byte) bool {
	var buf [maxDigits]byte
	d = national(buf[:0], d)
	switch {
	case len(d) == 10 && d[0] == '0':
		return strings.IndexByte("35789", d[1]) >= 0
	case len(d) == 11 && d[0] == '0':
		return d[1] == '2' || d[1] == '1' && strings.IndexByte("2689", d[2]) >= 0
	}
	return false
}

// citizen reports whether twelve digits are built as a citizen's number: a province
// of 001 to 096, then century and sex.
func citizen(d []byte) bool {
	province := int(d[1]-'0')*10 + int(d[2]-'0')
	return d[0] == '0' && province >= 1 && province <= 96 && d[3] <= '3'
}

// cardLike reports whether groups are written as on a bank card, and are one by the
// prefix of Vietnamese cards or by the check digit.
func cardLike(r *run, g, e int, d []byte) bool {
	if n := len(d); n != 16 && n != 19 {
		return false
	}
	for k := g; k < e; k++ {
		if r.groups[k].to-r.groups[k].from < 4 {
			return false
		}
	}
	fours := len(d) == 16 && e-g == 3 && d[0] >= '2' && !yearLike(r.of(g, g)) // one digit may be mistyped
	return fours || bytes.HasPrefix(d, []byte("9704")) || luhn(d)
}

func luhn(d []byte) bool {
	sum := 0
	for i, c := range d {
		v := int(c - '0')
		if (len(d)-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// code returns how many groups from g on are a procedure's code ("1.001193",
// "2.000815.000.00.00"); 0 when they are none.
func code(s string, r *run, g int) int {
	if g+1 >= r.n {
		return 0
	}
	a, b := r.of(g, g), r.of(g+1, g+1)
	if len(a) != 1 || len(b) != 6 || a[0] < '1' || a[0] > '3' || b[0] > '1' || s[r.groups[g].end:r.groups[g+1].start] != "." {
		return 0
	}
	n := 2
	for g+n < r.n && s[r.groups[g+n-1].end:r.groups[g+n].start] == "." {
		n++
	}
	return n
}
