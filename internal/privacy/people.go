package privacy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word of a text, a number, or what is masked.
type token struct {
	start, end int
	class      class
	form       form
	near       bool // a space and nothing else stands before it
	apart      bool // a sentence or a line ends before it
	colon      bool // a colon stands before it
	loose      bool // marks are typed apart from their letters
}

type form byte

const (
	small   form = iota
	capital      // begins with a capital letter
	allCaps      // more than one letter, all capitals
	digits
	masked
)

// past are the tokens last read; the last is at(1).
type past struct {
	ring [8]token
	n    int
	net  int // n when the last network was named
}

func (p *past) push(t token) {
	p.ring[p.n&7] = t
	p.n++
	if t.is(netWord) {
		p.net = p.n
	}
}

// at returns the k-th token from the end; one of no form that helps when there is none.
func (p *past) at(k int) token {
	if k > p.n || k > len(p.ring) {
		return token{form: masked, apart: true}
	}
	return p.ring[(p.n-k)&7]
}

// lex reads the next token from i on; none when its end is 0.
func (sc *scanner) lex(i int) token {
	s := sc.s
	limit := len(s) // where the next finding begins
	if len(sc.found) > 0 {
		if k := sc.next(i); k < len(sc.found) {
			limit = sc.found[k].Start
		}
	}
	t := token{start: i}
	for {
		if t.start >= len(s) {
			return token{}
		}
		if t.start == limit || s[t.start] == '[' {
			if end := sc.opaque(t.start); end > 0 {
				t.end, t.form = end, masked
				t.between(s[i:t.start])
				return t
			}
		}
		if c := s[t.start]; isAlnum(c) || c >= utf8.RuneSelf && startsWord(s, t.start) > 0 {
			break
		}
		t.start++ // a byte inside a rune begins no word
	}
	t.between(s[i:t.start])
	hash, letters, upper := uint64(hashStart), 0, 0
	for t.end = t.start; t.end < limit; {
		c := s[t.end]
		r, size := rune(c), 1
		switch {
		case c >= 'a' && c <= 'z':
		case c >= 'A' && c <= 'Z':
			upper++
			r |= 0x20
		case isDigit(c):
			if letters == 0 {
				t.form = digits
			}
		case c < utf8.RuneSelf:
			if (c != '\'' && c != '`') || letters != 1 || t.end+1 >= limit || !isAlpha(s[t.end+1]) { // H'Lan
				size = 0
			}
		default:
			r, size = utf8.DecodeRuneInString(s[t.end:])
			if l := lowerRune(r); l != r {
				upper++
				r = l
			} else if wideDigit(r) {
				if letters == 0 {
					t.form = digits
				}
			} else if r >= 0x300 && r <= 0x36F {
				t.loose = true
			} else if !vietnamese(r) && !unicode.IsLetter(r) {
				size = 0
			}
		}
		if size == 0 {
			break
		}
		hash = (hash ^ uint64(r)) * hashPrime
		if letters++; letters == 1 && upper == 1 {
			t.form = capital
		}
		t.end += size
	}
	switch {
	case t.form != capital:
	case sc.shouts:
		t.form = small
	case upper == letters && letters > 1:
		t.form = allCaps
	}
	if t.form != digits && letters <= longestWord {
		t.class = lexicon.find(hash, sc.accented)
	}
	return t
}

const longestWord = 9 // letters of a word that the lexicon knows: instagram

// The hash of the runes of a word (FNV) is the key of the lexicon.
const (
	hashStart = 14695981039346656037
	hashPrime = 1099511628211
)

func hashOf(word string) uint64 {
	hash := uint64(hashStart)
	for _, r := range word {
		hash = (hash ^ uint64(r)) * hashPrime
	}
	return hash
}

// vietnamese reports whether a rune outside ASCII is one of the small letters that
// most words have.
func vietnamese(r rune) bool {
	return r >= 0xE0 && r <= 0xFD && r != 0xF7 || r >= 0x1EA0 && r <= 0x1EF9 || r == 'đ' || r == 'ă' || r == 'ư' || r == 'ơ'
}

// between notes what stands between a token and the one before.
func (t *token) between(gap string) {
	if gap == " " {
		t.near = true
		return
	}
	for i := range len(gap) {
		switch gap[i] {
		case '\n', '!', '?', ';':
			t.apart = true
		case '.':
			t.apart = t.apart || i+1 < len(gap) && gap[i+1] == ' '
		case ':':
			t.colon = true
		}
	}
}

// lowerRune is the small letter of a Vietnamese letter outside ASCII.
func lowerRune(r rune) rune {
	switch {
	case r >= 0x1EA0 && r <= 0x1EF9, r >= 0x100 && r <= 0x137:
		return r | 1
	case r >= 0xC0 && r <= 0xDE && r != 0xD7:
		return r | 0x20
	case r == 'Ơ' || r == 'Ư' || r == 'Ũ':
		return r + 1
	}
	return r
}

func (t token) is(c class) bool { return t.class&c != 0 }

// folded is a word in small letters without marks.
type folded struct {
	letters [12]byte
	n       int
}

// word returns the word of a token in small letters without marks. It is small enough
// for the compiler to keep what it returns off the heap.
func (sc *scanner) word(t token) string {
	f := sc.fold(t)
	return string(f.letters[:f.n])
}

func (sc *scanner) fold(t token) (f folded) {
	for _, r := range sc.s[t.start:t.end] {
		c := byte(r) | 0x20
		if r >= utf8.RuneSelf {
			if c = foldRune(r); c == 0 {
				continue
			}
		}
		if f.n == len(f.letters) {
			break
		}
		f.letters[f.n] = c
		f.n++
	}
	return f
}

// marked reports whether a token has letters with marks.
func (sc *scanner) marked(t token) bool {
	for i := t.start; i < t.end; i++ {
		if sc.s[i] >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// survey reads the whole text once. It notes whether a number is said in it, and reports
// whether anything in it may be what people looks for; in most questions nothing is.
func (sc *scanner) survey() (told bool) {
	var before token
	row, introduced := 0, false
	for t := sc.lex(0); t.end > 0; t = sc.lex(t.end) {
		if !t.is(digitWord) && !t.loose {
			row = 0
		} else if digit, _ := spokenDigit(sc.s, t.start); digit < 0 {
			row = 0
		} else if row++; row == minSpoken {
			sc.says = true
		}
		switch {
		case told:
		case t.is(lotWord) && before.is(dwellWord):
			told = true
		case t.form == capital || t.form == allCaps:
			told = t.is(surnameWord|givenWord|middleWord) || (introduced || t.colon) && t.start > 0 && !t.apart || before.is(lotWord)
		case t.form == digits:
			told = before.is(lotWord)
		case t.is(surnameWord):
			told = before.is(kinWord|calledWord|linkWord) || t.is(sureSurname)
		case t.is(middleWord):
			told = before.is(surnameWord)
		case t.is(givenWord):
			told = before.is(calledWord | linkWord)
		default:
			told = t.is(netWord | atWord)
		}
		if told && sc.says {
			return true
		}
		introduced = introduced || t.is(kinWord|calledWord)
		before = t
	}
	return told
}

// people finds names of persons, where they live, what they are called on networks, and
// mail addresses that are spelled out.
func (sc *scanner) people() {
	var p past
	sc.border, sc.leftOf = 0, 0
	for i := 0; i < len(sc.s); {
		t := sc.lex(i)
		if t.end == 0 {
			return
		}
		if t.form == masked {
			sc.border = t.end
		} else if kind, start, end := sc.about(&p, t); end > 0 {
			sc.add(kind, start, end)
			t.end, t.form, t.class = end, masked, 0
		}
		p.push(t)
		i = t.end
	}
}

// about returns what begins with t, or ends with it, and its bounds.
func (sc *scanner) about(p *past, t token) (Kind, int, int) {
	if t.class == 0 && t.form != capital && p.net == 0 && (t.form != digits || !p.at(1).is(dwellWord)) {
		return "", 0, 0
	}
	before := p.at(1)
	if t.is(atWord) && (before.end-before.start == 1 && sc.s[before.start]|0x20 == 'a' || t.end-t.start > len("còng")) {
		at := t.start
		if t.end-t.start <= len("còng") {
			at = before.start
		}
		if start, end := sc.spelledMail(at, t.end); end > 0 {
			return Email, start, end
		}
	}
	if t.is(netWord) && sc.siteAt(t.end) {
		if end := sc.pageAt(t); end > 0 {
			return Handle, t.start, end
		}
	}
	if p.net > 0 && p.n-p.net < 5 && (before.is(netWord|linkWord|kinWord|calledWord) || sc.is(before, "com")) {
		if end := sc.onNetwork(p, t); end > 0 {
			return Handle, t.start, end
		}
	}
	if t.is(surnameWord) {
		if end := sc.fullName(p, t); end > 0 {
			return Name, t.start, end
		}
		if t.form == capital && t.near && sc.is(before, "họ") && sc.lex(t.end).is(calledWord) { // "họ Tráng, tên Lềnh"
			return Name, t.start, t.end
		}
	}
	if t.form == capital && !t.is(surnameWord|placeWord|orgWord) {
		if end := sc.withMiddle(p, t); end > 0 {
			return Name, t.start, end
		}
	}
	if t.form == capital || t.form == allCaps || t.is(givenWord) && before.is(calledWord|linkWord) {
		if end := sc.givenName(p, t); end > 0 {
			return Name, t.start, end
		}
	}
	if t.is(lotWord) || t.form == digits && before.is(dwellWord) && sc.lex(t.end).is(lotWord) { // "trọ 24 ngõ 8 …"
		if end := sc.home(p, t); end > 0 {
			return Address, t.start, end
		}
	}
	return "", 0, 0
}

// intro is how a name is announced.
type intro byte

const (
	unannounced intro = iota
	byLabel           // "người nộp: …"
	byKin             // "chồng em …", "em là …", "chủ hộ …"
	byCall            // "tên …"
)

// kin reports that the k-th token before t tells who somebody is.
func (sc *scanner) kin(p *past, t token, k int) bool {
	w := p.at(k)
	if !w.is(kinWord) {
		return false
	}
	if k == 1 && t.near && t.form == capital && t.is(givenWord) && among(sc.s[w.start:w.end], "chi", "bac", "co", "ba", "chu", "Bac", "Chi", "Co") && !sc.marked(t) {
		return true // "gap chi Mai"
	}
	if w.form == capital && (w.end-w.start == 1 || sc.s[w.start:w.end] == "Minh") { // A Lù, Minh Xuân
		return false
	}
	return !sc.unsureKin(w)
}

// unsureKin reports that a word of kin may be another word, since it has no marks.
func (sc *scanner) unsureKin(w token) bool {
	return among(sc.s[w.start:w.end], "co", "bo", "cu", "chi", "ba", "bac", "di", "vo", "ca", "noi", "re", "ban", "ma", "thang", "ngoai", "trai", "dau", "Co", "Bo", "Cu", "Chi", "Ba", "Bac", "Di", "Vo", "Ban", "Noi")
}

// announcedBy reads how the words before t announce a name.
func (sc *scanner) announcedBy(p *past, t token) intro {
	if t.apart {
		return unannounced
	}
	for k := 1; k <= 5; k++ {
		w := p.at(k)
		switch {
		case w.form == masked || w.form == digits:
			return unannounced
		case w.is(calledWord), k == 1 && w.near && p.at(2).is(calledWord) && among(sc.word(w), "moi", "dung", "sau"): // "tên mới …"
			return byCall
		case k == 1 && (inRole(sc.word(p.at(2)), sc.word(w)) && w.near || t.form == capital && t.is(givenWord|surnameWord) && among(strings.ToLower(sc.s[w.start:w.end]), "gặp", "gap", "tên", "ten", "hệ", "he", "chủ", "chu")):
			return byKin
		case k == 1 && t.near && among(sc.word(w), "va", "voi") && sc.nameAt(p.at(2)): // "cháu Páo với Dua"
			return byKin
		case sc.kin(p, t, k) && (k > 1 || t.near):
			for j := k + 1; j <= k+3; j++ { // "tên em là …", "tên con gái tôi …"
				if b := p.at(j); b.is(calledWord) && !p.at(j-1).apart {
					return byCall
				} else if !b.is(linkWord | kinWord) {
					break
				}
			}
			return byKin
		case w.is(linkWord):
		default:
			if k == 1 && t.colon {
				return byLabel
			}
			return unannounced
		}
		if w.apart {
			break
		}
	}
	if t.colon {
		return byLabel
	}
	return unannounced
}

// namesPlace reports that the words before say that a name is a street's, a school's or
// somebody's in office.
func (sc *scanner) namesPlace(p *past, t token) bool {
	if t.apart {
		return false
	}
	if a := p.at(1); t.near && a.is(placeWord) && !a.is(kinWord|calledWord) && !inRole(sc.word(p.at(2)), sc.word(a)) {
		return true
	}
	if b := p.at(2); t.near && b.is(placeWord) && p.at(1).near && !p.at(1).is(kinWord|calledWord|linkWord) && (p.at(1).form == allCaps || p.at(1).form == digits || p.at(1).form == capital) {
		return true
	}
	for k := 1; k <= 7; k++ {
		a := p.at(k)
		if a.form == masked || a.apart && k > 1 && p.at(k-1).apart {
			break
		}
		if a.near && inOffice(sc.word(p.at(k+1)), sc.word(a)) {
			return true
		}
		if a.apart {
			break
		}
	}
	return false
}

// fullName returns the end of the name that begins with the surname t; 0 when it is
// none, or not surely one.
func (sc *scanner) fullName(p *past, t token) int {
	before := p.at(1)
	if t.near && before.is(surnameWord) && before.form == t.form && t.form != small && !before.is(kinWord) { // inside a name that was not taken
		return 0
	}
	one := sc.lex(t.end)
	if !one.near || one.form == digits || one.form == masked || t.form == small && one.form != small {
		return 0
	}
	middle := one.is(middleWord)
	if middle && sc.lex(one.end).is(atWord) { // "… a còng gmail"
		return 0
	}
	if t.form == small && (t.is(endWord) && sc.accented && !before.is(calledWord) || !middle && !before.is(calledWord|kinWord|linkWord) && !t.is(sureSurname) || t.is(linkWord) && one.is(surnameWord)) {
		return 0
	}
	by := sc.announcedBy(p, t)
	if t.form == small && !middle && (by == unannounced && !t.is(sureSurname) || one.is(endWord) && !one.is(givenWord)) {
		return 0
	}
	if given := sc.lex(one.end); t.near && oneWord(sc.word(before), sc.word(t)) && !(middle && given.near && given.is(givenWord) && !given.is(endWord|linkWord)) {
		return 0
	}
	if t.form == small || t.form == allCaps && before.form == allCaps && t.near || sc.titled(p, t) {
		return sc.smallName(p, t, one, by)
	}
	end, n := t.end, 1
	var third token
	for u := one; n < 5; u = sc.lex(u.end) {
		if n == 2 {
			third = u
		}
		if !u.near || u.form == digits || u.form == masked || u.form == small && !(n == 1 && middle) {
			break
		}
		if u.form == allCaps && t.form == capital || u.form == capital && one.form == allCaps && n > 1 && u.end-u.start > 1 || n > 2 && t.form == capital && u.is(placeWord) && !u.is(givenWord|surnameWord) {
			break
		}
		if u.form == small {
			if next := sc.lex(u.end); !next.near || next.form != capital {
				break
			}
		}
		if n == 2 && middle && by == unannounced && !person(sc.word(one), sc.word(u)) { // "An Lương Văn Chấn"
			return 0
		}
		end = u.end
		n++
	}
	if n < 2 || sc.namesPlace(p, t) {
		return 0
	}
	switch {
	case n == 2 && !person(sc.word(t), sc.word(one)), n > 2 && by < byKin && (commune(sc.word(t), sc.word(one)) || n == 3 && renowned(sc.word(t), sc.word(one), sc.word(third))):
		return 0
	}
	inside := t.near && before.form == capital && !before.is(kinWord|linkWord) && !before.apart && p.n > 1 // among other words with capital letters
	switch {
	case n >= 3 && by != unannounced:
	case inside:
		return 0
	case n >= 3 && (middle || t.is(commonSurname)):
	case n == 2 && by > byLabel:
	default:
		if !sc.toldOf(end) {
			return 0
		}
	}
	return end
}

// withMiddle returns the end of a name whose surname is not known, but with thị or văn
// behind it between capital letters: "Vì Thị Khuyên"; A is a middle name, as of Mông men,
// only where a person is told of: "của Lờ A Chu".
func (sc *scanner) withMiddle(p *past, t token) int {
	one := sc.lex(t.end)
	if !one.near || !one.is(middleWord) || one.form != capital || !sc.marked(one) && one.end-one.start > 1 || t.near && p.at(1).form == capital && p.n > 1 && !p.at(1).is(kinWord) {
		return 0
	}
	given := sc.lex(one.end)
	middle, word := sc.word(one), sc.word(given)
	if !given.near || given.form != capital || notMiddle(middle, word) || !person(middle, word) || sc.namesPlace(p, t) {
		return 0
	}
	if !sc.marked(one) && (!sc.syllable(t) || middleOfPlace(sc.word(t)) || sc.announcedBy(p, t) == unannounced && !sc.toldOf(given.end)) {
		return 0
	}
	if last := sc.lex(given.end); last.near && last.form == capital && !last.is(placeWord) {
		return last.end
	}
	return given.end
}

// middleOfPlace reports that a word, without marks, and A are a place's name or a grade.
func middleOfPlace(word string) bool {
	return among(word, "mau", "hang", "loai", "khu", "lop", "nhom", "to", "doi", "bang", "vitamin")
}

// titled reports that t stands among words that all begin with capital letters.
func (sc *scanner) titled(p *past, t token) bool {
	if t.form != capital {
		return false
	}
	end := t.end
	for range 5 {
		u := sc.lex(end)
		if !u.near || u.form != capital {
			return false
		}
		end = u.end
	}
	return true
}

// smallName is fullName without capital letters to go by: the words after it that are
// no names end it.
func (sc *scanner) smallName(p *past, t, one token, by intro) int {
	middle, called := one.is(middleWord), by == byCall && (t.colon || sc.own(p, t))
	given := sc.lex(one.end)
	if one.is(kinWord) && !one.is(givenWord) && !middle || given.is(linkWord) && !given.is(givenWord) {
		return 0
	}
	if middle {
		if !given.near || given.form == digits || given.form == masked {
			return 0
		}
		if given.is(endWord) && !given.is(givenWord) && !(called && t.colon && !sc.lex(given.end).near) { // "họ tên: Giàng Thị Say, …"
			return 0
		}
		if by == unannounced && (notMiddle(sc.word(one), sc.word(given)) || !sc.marked(one) && !given.is(givenWord) && sc.word(one) != "a" && !sc.toldOf(given.end)) {
			return 0
		}
		if by != byKin && !called && !(t.is(sureSurname) || sc.marked(one) && sc.marked(t) || sc.opens(p, t) && given.is(givenWord)) && !sc.toldOf(given.end) {
			return 0
		}
	} else {
		if !person(sc.word(t), sc.word(one)) {
			return 0
		}
		if !called && !(t.is(sureSurname) && (by == byKin || one.is(givenWord) && sc.toldOf(given.end))) || one.is(endWord) && !one.is(givenWord) {
			return 0
		}
		if !given.near || given.form == digits || given.form == masked || given.is(endWord) && !given.is(givenWord) {
			if !one.is(givenWord) || sc.namesPlace(p, t) {
				return 0
			}
			return one.end
		}
		if !one.is(givenWord) && !given.is(givenWord) {
			return 0
		}
	}
	if sc.namesPlace(p, t) {
		return 0
	}
	last := sc.lex(given.end)
	if word := sc.word(one); last.near && last.is(givenWord) && !last.is(endWord) && word != "a" {
		return last.end
	}
	return given.end
}

// opens reports that a text or a sentence begins with t.
func (sc *scanner) opens(p *past, t token) bool { return (p.n == 0 || t.apart) && !sc.is(t, "mai") }

// toldOf reports whether the words from i on tell of a person: a birthday, a number, a
// people, an age.
func (sc *scanner) toldOf(i int) bool {
	t := sc.lex(i)
	if t.end == 0 || t.apart {
		return false
	}
	if t.form == masked {
		return true
	}
	switch sc.word(t) {
	case "sinh", "sn", "ns", "cccd", "cmnd", "sdt", "dt", "day":
		return true
	case "dan":
		return sc.word(sc.lex(t.end)) == "toc"
	}
	if t.form == digits {
		return sc.word(sc.lex(t.end)) == "tuoi"
	}
	return false
}

// givenName returns the end of a name without a surname, or with one after it, that
// begins with t; 0 when it is none.
func (sc *scanner) givenName(p *past, t token) int {
	if p.n == 0 {
		return 0
	}
	if b := p.at(1); b.form == masked && t.start == b.end+1 && sc.s[b.end] == '(' && t.is(givenWord) && t.end < len(sc.s) && sc.s[t.end] == ')' { // "0912345678(Vân)"
		return t.end
	}
	if !t.near && !t.colon {
		return 0
	}
	if next := sc.lex(t.end); t.form == capital && t.is(givenWord) && sc.kindAt(p.at(1)) == Phone && (next.end == 0 || !next.near) { // "0912345678 Lan"
		return t.end
	}
	if next := sc.lex(t.end); t.form == capital && t.is(givenWord) && next.near && sc.kindAt(next) == Phone && p.at(1).form == small && !p.at(1).is(placeWord|orgWord) { // "gọi Thắng 0912345678"
		return t.end
	}
	by := sc.announcedBy(p, t)
	if by != byCall && by != byKin || t.form == digits {
		return 0
	}
	if t.form == small {
		return sc.smallGiven(p, t, by)
	}
	if t.form == allCaps || utf8.RuneCountInString(sc.s[t.start:t.end]) == 1 || t.is(kinWord) && !t.is(givenWord) || t.is(otherWord) && !(by == byCall && t.is(givenWord) && sc.marked(t)) || !sc.syllable(t) || sc.namesPlace(p, t) {
		return 0
	}
	if b := p.at(1); by == byKin && b.form == capital && (!b.apart && p.n > 1 || !person(sc.word(b), sc.word(t))) || by == byKin && among(sc.word(t), "ho", "ton", "trieu", "trung") && among(sc.word(b), "bac", "ba") { // Mỗi Chữ Viết Hoa, Anh Sơn
		return 0
	}
	end, n := t.end, 1
	var first token
	for u := sc.lex(end); n < 4 && u.near && u.form == capital; u = sc.lex(u.end) {
		if n == 1 {
			first = u
		}
		end = u.end
		n++
	}
	if n > 1 && (!person(sc.word(t), sc.word(first)) || first.is(placeWord) && !first.is(givenWord|surnameWord)) {
		return 0
	}
	if p.at(1).is(linkWord) && sc.word(p.at(1)) == "ho" { // a surname that is asked about
		return 0
	}
	if !t.is(givenWord) && (by == byCall && !sc.own(p, t) && n == 1 || by == byKin && (sc.word(p.at(1)) == "con" || !p.at(1).is(kinWord) && !p.at(2).is(kinWord) && !p.at(3).is(kinWord))) { // "app tên Tabao", "con Wave"
		return 0
	}
	if by == byKin && (n > 3 || n == 3 && !sc.is(p.at(1), "là") || n == 2 && !t.is(givenWord) && !first.is(givenWord)) {
		return 0
	}
	return end
}

// syllable reports that a word is short enough for Vietnamese.
func (sc *scanner) syllable(t token) bool { return utf8.RuneCountInString(sc.s[t.start:t.end]) <= 7 }

// smallGiven is givenName without capital letters: "em tên hoa ở …", "tên em là hoa".
func (sc *scanner) smallGiven(p *past, t token, by intro) int {
	if by != byCall || !t.near || t.is(kinWord) {
		return 0
	}
	k := 1
	if told := sc.is(p.at(1), "là") || sc.is(p.at(1), "la"); told {
		k = 2
	} else if t.is(endWord) {
		return 0
	}
	if !p.at(k).is(calledWord) && k == 1 || p.at(k).is(calledWord) && !sc.kin(p, t, k+1) {
		return 0
	}
	end := t.end
	next := sc.lex(end)
	if next.near && next.is(givenWord) && !next.is(endWord) {
		end = next.end
		next = sc.lex(end)
	}
	if next.end > 0 && next.near && !next.is(endWord) {
		return 0
	}
	return end
}

// own reports that the words before a name tell of somebody.
func (sc *scanner) own(p *past, t token) bool {
	if p.at(1).is(calledWord) && sc.word(p.at(2)) == "ho" { // "họ tên …"
		return true
	}
	for k := 1; k <= 4; k++ {
		if sc.kin(p, t, k) {
			return true
		}
		if p.at(k).apart {
			break
		}
	}
	return false
}

func (sc *scanner) is(t token, word string) bool {
	return strings.EqualFold(sc.s[t.start:t.end], word)
}

// home returns the end of an address below the commune that begins with t, when
// somebody lives there; 0 otherwise.
func (sc *scanner) home(p *past, t token) int {
	if p.at(1).is(lotWord) && t.near && !p.at(1).is(dwellWord|kinWord|houseWord) { // inside an address that was not taken
		return 0
	}
	end, streets, house := t.start, 0, false
	u := t
	if t.form == digits {
		end, house = t.end, true
		u = sc.lex(t.end)
	}
	for u.is(lotWord) {
		stop, isHouse := sc.lot(p, u, house || streets > 0)
		if stop == 0 {
			break
		}
		end = stop
		if isHouse {
			house = true
		} else {
			streets++
		}
		if u = sc.lex(end); u.end == 0 || u.apart || u.start-end > 3 {
			break
		}
	}
	if end == t.start || sc.office(p, t) {
		return 0
	}
	if is := sc.lex(end); is.near && sc.is(is, "là") && sc.lex(is.end).is(orgWord) { // "… là cơ quan gì"
		return 0
	}
	if house && streets > 0 {
		return end
	}
	if house && t.is(houseWord) && sc.word(sc.lex(t.end)) == "nha" { // "số nhà 9"
		return end
	}
	if sc.livesAt(p, t) || len(sc.found) > 0 && hamletWord(sc.word(t)) && sc.communeAt(end) {
		return end
	}
	return 0
}

// communeAt reports that a commune is named from i on: "…, xã Pá Hu".
func (sc *scanner) communeAt(i int) bool {
	t := sc.lex(i)
	if t.end == 0 || t.apart || !among(sc.word(t), "xa", "phuong", "p", "x") {
		return false
	}
	next := sc.lex(t.end)
	return next.form == capital || next.form == allCaps
}

// lot returns the end of one part of an address, and whether it is a house's number. What
// stands before the address is in p.
func (sc *scanner) lot(p *past, t token, house bool) (int, bool) {
	u := sc.lex(t.end)
	if u.end == 0 || u.apart || !u.near && !u.colon {
		return 0, false
	}
	isHouse := t.is(houseWord)
	word := sc.word(t)
	if u.is(houseWord) && u.form == small && sc.word(u) != "sn" || word == "to" && sc.word(u) == "dan" || word == "khu" && sc.word(u) == "pho" { // "số nhà", "nhà số", "tổ số", "tổ dân phố"
		isHouse = isHouse || word == "so" || word == "nha"
		next := sc.lex(u.end)
		if word == "to" && sc.word(u) == "dan" {
			if sc.word(next) != "pho" {
				return 0, false
			}
			next = sc.lex(next.end)
		}
		if sc.word(next) == "so" {
			next = sc.lex(next.end)
		}
		u = next
	}
	if u.form == digits {
		end := u.end
		if end-u.start > 5 || word == "sn" && yearLike([]byte(sc.s[u.start:end])) {
			return 0, false
		}
		for end+1 < len(sc.s) && sc.s[end] == '/' && isDigit(sc.s[end+1]) && sc.opaque(end+1) == 0 {
			end = sc.lex(end + 1).end
		}
		if isHouse && sc.followed(end).unit(sc.s, false) {
			return 0, false
		}
		if !isHouse && house || word == "hem" || word == "ngo" || word == "ngach" { // "hẻm 4 Lê Hồng Phong"
			if name := sc.lex(end); name.near && name.form == capital && name.is(surnameWord) {
				end = sc.capitalsFrom(name)
			}
		}
		return end, isHouse
	}
	if u.form == small && among(word, "thon", "ban", "xom") {
		if !p.at(1).is(dwellWord) && p.at(1).form != masked {
			return 0, false
		}
		return sc.smallPlace(u), false
	}
	if isHouse || u.form != capital && u.form != allCaps || u.is(placeWord) && !u.is(surnameWord|givenWord) && !(hamletWord(word) && sc.capitalsFrom(u) > u.end) { // "bản Cầu Thia"
		return 0, false
	}
	if (word == "duong" || word == "pho" || word == "cho") && !house {
		return 0, false
	}
	if word == "ban" && (sc.s[t.start] == 'B' && !among(sc.word(p.at(1)), "tru", "chi", "khau", "dc") || formerCommune(sc.word(u))) {
		return 0, false
	}
	end := sc.capitalsFrom(u)
	if number := sc.lex(end); hamletWord(word) && number.near && number.form == digits && number.end-number.start < 3 && !sc.followed(number.end).unit(sc.s, false) { // "bản Phiêng 1"
		end = number.end
	}
	return end, false
}

// smallPlace returns the end of a place's name in small letters that begins with t: three
// words at most, behind which its commune stands.
func (sc *scanner) smallPlace(t token) int {
	end := t.start
	for range 4 {
		u := sc.lex(end)
		if among(sc.word(u), "xa", "phuong") && u.start > t.start {
			if commune := sc.lex(u.end); commune.near && (!commune.is(endWord) || commune.form == capital) {
				return end
			}
			return 0
		}
		if u.form != small || u.start > t.start && !u.near || sc.marked(u) && u.is(endWord|kinWord) {
			return 0
		}
		end = u.end
	}
	return 0
}

// formerCommune reports that bản and a word are the name of a commune that was.
func formerCommune(word string) bool {
	return among(word, "cai", "cong", "cam", "ho", "lien", "lau", "mu", "me", "phiet", "pho", "qua", "sen", "vuoc", "xeo")
}

// capitalsFrom returns the end of the words with capital letters that t begins.
func (sc *scanner) capitalsFrom(t token) int {
	end := t.end
	for n := 1; n < 4; n++ {
		u := sc.lex(end)
		if !u.near || u.form != capital || n == 1 && u.is(placeWord) && !u.is(surnameWord|givenWord) {
			break
		}
		end = u.end
	}
	return end
}

// office reports that an address is an office's.
func (sc *scanner) office(p *past, t token) bool {
	for k := 1; k <= 6; k++ {
		w := p.at(k)
		if w.form == masked {
			return false
		}
		if w.is(orgWord) && !w.is(kinWord) && sc.word(w) != "nha" {
			return true
		}
		if w.apart {
			return false
		}
	}
	return false
}

// livesAt reports that the words before t say that somebody lives there.
func (sc *scanner) livesAt(p *past, t token) bool {
	if t.apart {
		return false
	}
	a, b := p.at(1), p.at(2)
	if t.colon && sc.word(a) == "nha" { // "địa chỉ nhà: …"
		a, b = b, p.at(3)
	}
	if a.form == masked && a.end > 0 { // "Sùng A Páo, bản Lướt", "0912345678, thôn 5"
		return sc.nameAt(a) || hamletWord(sc.word(t))
	}
	if t.start > 0 && sc.s[t.start-1] == '|' && len(sc.found) > 0 { // a field of what the code on an identity card says
		return true
	}
	if hamletWord(sc.word(t)) && (sc.kin(p, t, 1) || t.near && sc.word(a) == "nha" || among(sc.word(a), "nguoi", "que") && sc.kin(p, t, 2)) { // "nhà em tổ 12", "nhà tổ 12", "em người thôn 3"
		return true
	}
	if !a.is(dwellWord) {
		return false
	}
	switch sc.word(a) {
	case "tru", "tro", "khau", "dc", "quan":
		return true
	case "chi":
		return sc.word(b) == "dia"
	}
	switch sc.word(b) {
	case "tru", "tro", "song", "chi", "khau", "hien", "nha", "dang", "que", "thai", "mong", "dao", "tay", "kinh", "nung", "giay":
		return true
	}
	return b.is(kinWord) || b.form == masked && b.end > 0 || len(sc.found) > 0 && sc.found[0].Start < t.start && hamletWord(sc.word(t))
}

// hamletWord reports that a word, without marks, is a part of a commune where people
// live.
func hamletWord(word string) bool {
	return among(word, "to", "thon", "ban", "xom", "doi", "khu", "tdp", "ap")
}

// nameAt reports that what is masked at t is a name.
func (sc *scanner) nameAt(t token) bool { return sc.kindAt(t) == Name }

// kindAt returns the kind of what is masked at t; "" when nothing is.
func (sc *scanner) kindAt(t token) Kind {
	if t.form != masked || t.end == 0 {
		return ""
	}
	if sc.s[t.start] == '[' {
		if kind, _ := maskAt(sc.s, t.start); kind != "" {
			return kind
		}
	}
	if k := sc.next(t.start); k < len(sc.found) && sc.found[k].Start == t.start {
		return sc.found[k].Kind
	}
	return ""
}

// siteAt reports that a network's name goes on as the address of its site.
func (sc *scanner) siteAt(i int) bool {
	return strings.HasPrefix(sc.s[i:], ".com/") || strings.HasPrefix(sc.s[i:], ".me/")
}

// pageAt returns the end of the address of somebody's page on the network t.
func (sc *scanner) pageAt(t token) int {
	s := sc.s
	end := t.end + strings.IndexByte(s[t.end:], '/') + 1
	letters := 0
	for end < len(s) && (addressByte(s[end]) || strings.IndexByte("/@?=&", s[end]) >= 0) && sc.opaque(end) == 0 {
		if isAlpha(s[end]) {
			letters++
		}
		end++
	}
	for !isAlnum(s[end-1]) {
		end--
	}
	if letters < 3 || isAlnumAt(s, end) {
		return 0
	}
	return end
}

// onNetwork returns the end of what somebody is called on a network.
func (sc *scanner) onNetwork(p *past, t token) int {
	s := sc.s
	named := t.colon
	if !t.near && !t.colon {
		return 0
	}
	for k := 1; k <= 5; k++ {
		w := p.at(k)
		if w.is(netWord) {
			named = named || p.at(k+1).is(calledWord|netWord) || sc.is(w, "nick") || k == 1 && sc.twoNames(t)
			break
		}
		if named && sc.kindAt(w) == Phone { // "zalo 0912345678 tên Mẹ Bắp"
			continue
		}
		if sc.is(w, "com") && p.at(k+1).is(netWord) { // "facebook.com của nó"
			continue
		}
		if k == 5 || !w.near && !w.colon || w.apart || w.form == masked || !w.is(linkWord|kinWord|calledWord) {
			return 0
		}
		named = named || w.is(calledWord) || sc.is(w, "là") || sc.is(w, "la")
	}
	end, signs, letters := t.start, 0, 0
	for end < len(s) && (isAlnum(s[end]) || strings.IndexByte("._-/", s[end]) >= 0) && sc.opaque(end) == 0 {
		if isAlpha(s[end]) {
			letters++
		} else {
			signs++
		}
		end++
	}
	for end > t.start && !isAlnum(s[end-1]) {
		end--
		signs--
	}
	if letters >= 3 && signs > 0 && !isAlnumAt(s, end) && isAlpha(s[t.start]) {
		return end
	}
	if named && t.form == capital && !t.is(otherWord|orgWord) {
		end = t.end
		for u, n := sc.lex(end), 1; n < 4 && u.near && (u.form == capital || u.form == allCaps || u.form == digits); n++ { // "Vay Nhanh 24h"
			end = u.end
			u = sc.lex(end)
		}
		return end
	}
	return 0
}

// twoNames reports that t and the word behind it have capital letters and may be the names
// of a person, in either order: "Mùi Triệu".
func (sc *scanner) twoNames(t token) bool {
	next := sc.lex(t.end)
	return next.near && next.form == capital && (t.is(surnameWord|givenWord) || next.is(surnameWord|givenWord)) &&
		!t.is(otherWord|orgWord|placeWord) && !next.is(otherWord|orgWord|placeWord) && person(sc.word(t), sc.word(next))
}
