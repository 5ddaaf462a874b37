// Package privacy finds personal data in what people type and masks it, before a
// model, a log or a store sees it. It knows how Vietnamese telephone, identity,
// insurance, passport, account, plate, land-certificate and dossier numbers, mail
// addresses, birthdays, one-time codes and passwords are written, with and without
// diacritics, and the names of persons, where they live and what they are called on
// networks by the words around them. A name that nothing announces and that has no
// common surname is left, because a guess would garble ordinary questions. Sums, laws,
// procedure codes, other dates, public numbers, communes, streets, schools and people
// in office stay.
package privacy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is what a finding is.
type Kind string

// The kinds of personal data.
const (
	Phone     Kind = "phone"
	Identity  Kind = "identity"  // citizen's number, old identity card, driving licence, personal tax number
	Insurance Kind = "insurance" // social insurance number, health insurance card
	Passport  Kind = "passport"
	Account   Kind = "account" // bank account, card, wallet
	Email     Kind = "email"
	Plate     Kind = "plate"
	LandTitle Kind = "land_title" // serial or register number of a land certificate
	BirthDate Kind = "birth_date" // day, month and year; the year stays readable in the mask
	OTP       Kind = "otp"        // one-time passwords, PINs, passwords
	Dossier   Kind = "dossier"    // with its number alone the public portal shows whose it is
	Name      Kind = "name"       // of a person who is told of, not of somebody in office or in a street's name
	Address   Kind = "address"    // below the commune: house, street, hamlet; a place by its coordinates
	Handle    Kind = "handle"     // what somebody is called on Zalo, Facebook or Telegram
)

var kinds = [...]Kind{Phone, Identity, Insurance, Passport, Account, Email, Plate, LandTitle, BirthDate, OTP, Dossier, Name, Address, Handle}

// Kinds returns all kinds, in a fixed order.
func Kinds() []Kind { return slices.Clone(kinds[:]) }

// birthMask stands before the year of a birthday: what somebody is due depends on
// their age, and a year alone tells nobody apart.
const birthMask = "[ngày sinh năm "

// maskOf returns the words that stand for personal data of a kind.
func maskOf(k Kind) string {
	switch k {
	case Phone:
		return "[số điện thoại]"
	case Identity:
		return "[số giấy tờ]"
	case Insurance:
		return "[số bảo hiểm]"
	case Passport:
		return "[số hộ chiếu]"
	case Account:
		return "[số tài khoản]"
	case Email:
		return "[email]"
	case Plate:
		return "[biển số xe]"
	case LandTitle:
		return "[số sổ đỏ]"
	case OTP:
		return "[mã OTP]"
	case Dossier:
		return "[mã hồ sơ]"
	case Name:
		return "[họ tên]"
	case Address:
		return "[địa chỉ]"
	case Handle:
		return "[tên tài khoản mạng]"
	}
	return birthMask
}

// Finding is one piece of personal data in a text.
type Finding struct {
	Kind       Kind
	Text       string // as typed
	Start, End int    // byte offsets
}

// Mask is what stands in the masked text instead.
func (f Finding) Mask() string {
	if f.Kind != BirthDate {
		return maskOf(f.Kind)
	}
	return birthMask + f.Year() + "]"
}

// Year is the year of a birthday as it was typed, in plain digits; "" for other
// kinds.
func (f Finding) Year() string {
	if f.Kind != BirthDate {
		return ""
	}
	return yearOf(f.Text)
}

// Masker masks personal data and knows which numbers and addresses are public. Its
// zero value knows none but the hotlines (1800, 1900 and numbers of three or four
// digits). Any number of goroutines may use it.
type Masker struct{ public map[string]bool }

// New returns a Masker that leaves the given telephone numbers and mail addresses
// alone, however their digits are grouped.
func New(public []string) *Masker {
	m := &Masker{public: make(map[string]bool)}
	for _, p := range public {
		if strings.Contains(p, "@") {
			m.public[strings.ToLower(strings.TrimSpace(p))] = true
			continue
		}
		var digits []byte
		for _, c := range []byte(p) {
			if isDigit(c) {
				digits = append(digits, c)
			}
		}
		if len(digits) > 0 {
			m.public[string(national(nil, digits))] = true
		}
	}
	return m
}

// Mask replaces the personal data of s by what it is, in brackets, and returns what
// it found in order. Text without any comes back unchanged and costs no memory.
// Masking a masked text changes nothing.
func (m *Masker) Mask(s string) (string, []Finding) {
	found := m.find(s)
	if len(found) == 0 {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s) + 16*len(found))
	last := 0
	for _, f := range found {
		b.WriteString(s[last:f.Start])
		b.WriteString(f.Mask())
		last = f.End
	}
	b.WriteString(s[last:])
	return b.String(), found
}

// Mask is Masker.Mask of a Masker that knows no public numbers but the hotlines.
func Mask(s string) (string, []Finding) { return new(Masker).Mask(s) }

// Places returns where s holds personal data and where it held some that was masked
// before, in order.
func (m *Masker) Places(s string) []Finding {
	found := m.find(s)
	if strings.IndexByte(s, '[') < 0 {
		return found
	}
	for i := 0; i < len(s); i++ {
		if kind, end := maskAt(s, i); end > 0 {
			found = append(found, Finding{kind, s[i:end], i, end})
			i = end - 1
		}
	}
	slices.SortFunc(found, byStart)
	return found
}

func byStart(a, b Finding) int { return a.Start - b.Start }

// maskAt returns the kind and the end of the mask that begins at i; 0 when none does.
func maskAt(s string, i int) (Kind, int) {
	if s[i] != '[' {
		return "", 0
	}
	for _, k := range kinds {
		mask := maskOf(k)
		if !strings.HasPrefix(s[i:], mask) {
			continue
		}
		end := i + len(mask)
		if k != BirthDate {
			return k, end
		}
		year := end
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		if n := end - year; (n == 2 || n == 4) && end < len(s) && s[end] == ']' {
			return k, end + 1
		}
	}
	return "", 0
}

// find returns the personal data of s, in order. What was found, or masked before,
// is closed to a look from outside; so the text is read again until nothing new
// comes up, and a masked text reads as the text did in the end.
func (m *Masker) find(s string) []Finding {
	sc := scanner{s: s, public: m.public}
	sc.look()
	told := sc.survey()
	sc.emails()
	sc.secrets()
	for numbersAt, peopleAt := -1, -1; ; { // how much was found when they began to read
		if n := len(sc.found); n > numbersAt && (sc.says || sc.hasDigit()) {
			sc.numbers()
			numbersAt = n
		} else if n > 0 && n > peopleAt && sc.look() { // all marks, or small letters, were in what is masked
			told = sc.survey()
		} else if told && n > peopleAt {
			sc.people()
			peopleAt = n
		} else {
			return sc.found
		}
	}
}

// look notes what letters stand outside of findings and masks, and reports whether that
// is news.
func (sc *scanner) look() bool {
	marks, smalls := false, false
	for i := 0; i < len(sc.s) && !(marks && smalls); i++ {
		c := sc.s[i]
		mark, small := c >= utf8.RuneSelf, c >= 'a' && c <= 'z'
		if !(mark && !marks || small && !smalls || c == '[') {
			continue
		}
		if k := sc.next(i + 1); k > 0 && sc.found[k-1].End > i {
			i = sc.found[k-1].End - 1
			continue
		}
		if c == '[' {
			if _, end := maskAt(sc.s, i); end > 0 {
				i = end - 1
			}
			continue
		}
		marks, smalls = marks || mark, smalls || small
	}
	news := sc.accented != marks || sc.shouts == smalls
	sc.accented, sc.shouts = marks, !smalls
	return news
}

// hasDigit reports whether a digit is written outside of findings and masks.
func (sc *scanner) hasDigit() bool {
	for i := 0; i < len(sc.s); i++ {
		switch c := sc.s[i]; {
		case isDigit(c) || c == 0xEF && digitAt(sc.s, i) >= 0:
			k := sc.next(i + 1)
			if k == 0 || sc.found[k-1].End <= i {
				return true
			}
			i = sc.found[k-1].End - 1
		case c == '[':
			if _, end := maskAt(sc.s, i); end > 0 {
				i = end - 1
			}
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
