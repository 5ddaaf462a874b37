package evaluation

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"troly/internal/vietnamese"
)

// Perturbed are the variants made by rule, in the order of reports.
var Perturbed = []Variant{NoDiacritics, Teencode, Typo}

// Perturb returns the case as the variant types it. The same case, variant and seed
// give the same text on every machine.
func Perturb(c Case, v Variant, seed uint64) Case {
	rng := newRandom(c.BaseID+" "+string(v), seed)
	change := map[Variant]func(string) string{
		NoDiacritics: strip,
		Teencode:     func(s string) string { return shorten(s, rng) },
		Typo:         func(s string) string { return mistype(s, rng) },
	}[v]
	c.ID, c.Variant, c.VariantOrigin, c.VariantSeed = c.BaseID+"."+string(v), v, "rule", seed
	c.Question = norm.NFC.String(change(c.Question))
	return c
}

// strip removes the diacritics and keeps the case.
func strip(s string) string {
	var b strings.Builder
	for _, r := range s {
		folded := vietnamese.Fold(string(r))
		if unicode.IsUpper(r) {
			folded = strings.ToUpper(folded)
		}
		b.WriteString(folded)
	}
	return b.String()
}

// shorthand is what chat writes for common words. It is deliberately not the
// glossary of the assistant.
var shorthand = [...][2]string{
	{"căn cước công dân", "cccd"}, {"chứng minh nhân dân", "cmnd"}, {"giấy phép lái xe", "gplx"}, {"bảo hiểm y tế", "bhyt"}, {"bảo hiểm xã hội", "bhxh"},
	{"hộ khẩu", "hk"}, {"ủy ban nhân dân", "ubnd"}, {"công an", "ca"}, {"trực tuyến", "onl"}, {"điện thoại", "đt"}, {"bao nhiêu", "bn"}, {"như thế nào", "ntn"}, {"làm sao", "ls"},
	{"không", "ko"}, {"được", "đc"}, {"gì", "j"}, {"với", "vs"}, {"người", "ng"}, {"những", "nhg"}, {"trong", "trog"}, {"vợ chồng", "vc"}, {"biết", "bít"}, {"giờ", "h"},
	{"rồi", "r"}, {"cũng", "cx"}, {"vẫn", "vẫn"}, {"mình", "mk"}, {"anh chị", "ac"}, {"phải", "fai"}, {"quá", "qá"}, {"nhà", "nha"}, {"tháng", "thg"}, {"nhiêu", "nhiu"}, {"bây giờ", "bh"},
}

// shorten replaces three in four of the words that chat shortens.
func shorten(s string, rng *random) string {
	lower := strings.ToLower(s)
	if len(lower) != len(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		done := false
		for _, sh := range shorthand {
			long := sh[0]
			if strings.HasPrefix(lower[i:], long) && border(lower, i) && border(lower, i+len(long)) {
				if rng.below(4) > 0 {
					b.WriteString(sh[1])
				} else {
					b.WriteString(s[i : i+len(long)])
				}
				i += len(long)
				done = true
				break
			}
		}
		if !done {
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String()
}

// border reports that no letter goes on across position i.
func border(s string, i int) bool {
	before := []rune(s[:i])
	after := []rune(s[i:])
	return len(before) == 0 || len(after) == 0 || !unicode.IsLetter(before[len(before)-1]) || !unicode.IsLetter(after[0])
}

// mistype makes a slip in about one syllable of eight: two letters swapped, one
// left out, one doubled, a mark forgotten, or the marks as Telex letters.
func mistype(s string, rng *random) string {
	fields := strings.Fields(s)
	for i, word := range fields {
		if rng.below(8) > 0 {
			continue
		}
		letters := []rune(word)
		n := 0
		for n < len(letters) && unicode.IsLetter(letters[n]) {
			n++
		}
		if n < 3 {
			continue
		}
		at := 1 + rng.below(n-1)
		switch rng.below(5) {
		case 0:
			letters[at-1], letters[at] = letters[at], letters[at-1]
		case 1:
			letters = append(letters[:at], letters[at+1:]...)
		case 2:
			letters = append(letters[:at], append([]rune{letters[at-1]}, letters[at:]...)...)
		case 3:
			letters = append([]rune(strip(string(letters[:n]))), letters[n:]...)
		case 4:
			letters = append([]rune(telexOf(letters[:n])), letters[n:]...)
		}
		fields[i] = string(letters)
	}
	return strings.Join(fields, " ")
}

// telexOf spells a syllable as Telex keys, the tone at the end.
func telexOf(letters []rune) string {
	var b strings.Builder
	tone := ""
	for _, r := range letters {
		for _, part := range norm.NFD.String(string(r)) {
			switch part {
			case 0x301:
				tone = "s"
			case 0x300:
				tone = "f"
			case 0x309:
				tone = "r"
			case 0x303:
				tone = "x"
			case 0x323:
				tone = "j"
			case 0x302: // circumflex: the letter again
				last := b.String()
				b.WriteByte(last[len(last)-1])
			case 0x306, 0x31b:
				b.WriteByte('w')
			case 'đ':
				b.WriteString("dd")
			case 'Đ':
				b.WriteString("DD")
			default:
				b.WriteRune(part)
			}
		}
	}
	return b.String() + tone
}

// random is SplitMix64, so that every implementation makes the same variants.
type random struct{ state uint64 }

func newRandom(name string, seed uint64) *random {
	h := uint64(14695981039346656037) // FNV-1a of the name
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return &random{h ^ seed}
}

func (r *random) next() uint64 {
	r.state += 0x9E3779B97F4A7C15
	z := r.state
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// below returns a number from 0 to n-1.
func (r *random) below(n int) int { return int(r.next() % uint64(n)) }
