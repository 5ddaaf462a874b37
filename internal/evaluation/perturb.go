package evaluation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"troly/internal/statistics"
	"troly/internal/vietnamese"
)

// Perturbed are the variants made by rule, in the order of reports.
var Perturbed = []Variant{NoDiacritics, Teencode, Typo, Telex, OldPlaceName, Mixed}

// Perturb returns the plain case as the variant types it; ok is false when the rule
// changes nothing (no word that chat shortens, say) or does not fit. The same case,
// variant and seed give the same text on every machine.
func Perturb(c Case, v Variant, seed uint64) (made Case, ok bool) {
	rng := newRandom(c.BaseID+" "+string(v), seed)
	question := c.Question
	switch v {
	case NoDiacritics:
		question = strip(question)
	case Teencode:
		question = shorten(question, rng)
	case Typo:
		question = mistype(question, rng)
	case Telex:
		question = rawKeys(question, rng)
	case OldPlaceName:
		question = fromOldPlace(question, rng)
	case Mixed:
		question = strip(mistype(shorten(question, rng), rng))
	}
	question = norm.NFC.String(question)
	if question == c.Question {
		return c, false
	}
	c.ID, c.Variant, c.VariantOrigin, c.VariantSeed, c.Question = c.BaseID+"."+string(v), v, "rule", seed, question
	return c, true
}

// ParseVariants reads a list of variants; "all" stands for every one.
func ParseVariants(names []string) ([]Variant, error) {
	var variants []Variant
	for _, name := range names {
		switch {
		case name == "all":
			for _, v := range variantNames {
				variants = append(variants, Variant(v))
			}
		case slices.Contains(variantNames, name):
			variants = append(variants, Variant(name))
		default:
			return nil, fmt.Errorf("%q: write all, or some of %s", name, strings.Join(variantNames, ", "))
		}
	}
	return variants, nil
}

// WithVariants returns the cases with their variants of the wanted kinds: those in
// the sets as they are, the others made by rule from the plain case where the rule
// fits. Order is that of the cases, variants in the order asked for.
func WithVariants(cases []Case, wanted []Variant, seed uint64) []Case {
	have := make(map[string]bool)
	for _, c := range cases {
		have[c.BaseID+" "+string(c.Variant)] = true
	}
	var all []Case
	for _, c := range cases {
		if slices.Contains(wanted, c.Variant) {
			all = append(all, c)
		}
		if c.Variant != Plain {
			continue
		}
		for _, v := range wanted {
			if v == Plain || have[c.BaseID+" "+string(v)] {
				continue
			}
			if made, ok := Perturb(c, v, seed); ok {
				all = append(all, made)
			}
		}
	}
	return all
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
	{"rồi", "r"}, {"cũng", "cx"}, {"mình", "mk"}, {"anh chị", "ac"}, {"phải", "fai"}, {"quá", "qá"}, {"nhà", "nha"}, {"tháng", "thg"}, {"nhiêu", "nhiu"}, {"bây giờ", "bh"},
}

// shorten replaces three in four of the words that chat shortens.
func shorten(s string, rng *statistics.Random) string {
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
				if rng.Below(4) > 0 {
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

// some changes about one word in n, chosen by rng, and at least one that can be
// changed.
func some(s string, n int, rng *statistics.Random, change func(word string) string) string {
	fields := strings.Split(s, " ")
	changed := false
	for i, word := range fields {
		if rng.Below(n) == 0 {
			fields[i] = change(word)
			changed = changed || fields[i] != word
		}
	}
	for i, from := 0, rng.Below(len(fields)); !changed && i < len(fields); i++ {
		at := (from + i) % len(fields)
		made := change(fields[at])
		changed, fields[at] = made != fields[at], made
	}
	return strings.Join(fields, " ")
}

// mistype makes a slip in about one syllable of eight: two letters swapped, one
// left out, one doubled, a mark forgotten, or the marks as Telex letters.
func mistype(s string, rng *statistics.Random) string {
	return some(s, 8, rng, func(word string) string {
		letters, n := lettersOf(word)
		if n < 3 {
			return word
		}
		at := 1 + rng.Below(n-1)
		switch rng.Below(5) {
		case 0:
			letters[at-1], letters[at] = letters[at], letters[at-1]
		case 1:
			letters = slices.Delete(letters, at, at+1)
		case 2:
			letters = slices.Insert(letters, at, letters[at-1])
		case 3:
			return strip(string(letters[:n])) + string(letters[n:])
		case 4:
			return telexOf(letters[:n]) + string(letters[n:])
		}
		return string(letters)
	})
}

// rawKeys types about one word in three as the keys of Telex, as when the input
// method was off.
func rawKeys(s string, rng *statistics.Random) string {
	return some(s, 3, rng, func(word string) string {
		letters, n := lettersOf(word)
		return telexOf(letters[:n]) + string(letters[n:])
	})
}

// lettersOf are the runes of a word and how many of them begin it as letters.
func lettersOf(word string) (runes []rune, letters int) {
	runes = []rune(word)
	for letters < len(runes) && unicode.IsLetter(runes[letters]) {
		letters++
	}
	return runes, letters
}

// oldPlaces are units that ended on 1 July 2025, by their names until then.
var oldPlaces = [...]string{
	"thị trấn Mậu A huyện Văn Yên", "thị trấn Yên Thế huyện Lục Yên", "xã Tân Hương huyện Yên Bình", "xã Đại Lịch huyện Văn Chấn",
	"thị trấn Cổ Phúc huyện Trấn Yên", "xã Mồ Dề huyện Mù Cang Chải", "phường Đồng Tâm thành phố Yên Bái", "phường Pú Trạng thị xã Nghĩa Lộ", "xã Túc Đán huyện Trạm Tấu",
}

// namedPlace is a unit with its name: whoever asks about one does not live elsewhere.
var namedPlace = regexp.MustCompile(`(?i:xã|phường|thị trấn|huyện|thị xã|thành phố|tỉnh|thôn|bản) \p{Lu}`)

// fromOldPlace has somebody ask who lives where the old names were, before or after
// the question.
func fromOldPlace(s string, rng *statistics.Random) string {
	if namedPlace.MatchString(s) {
		return strings.ReplaceAll(s, "tỉnh Lào Cai", "tỉnh Yên Bái")
	}
	where := oldPlaces[rng.Below(len(oldPlaces))]
	if rng.Below(2) == 0 {
		return "Nhà em ở " + where + ". " + s
	}
	return s + " Em ở " + where + "."
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

// newRandom is seeded by a name as well, so that the variant of one case does not
// depend on which others there are.
func newRandom(name string, seed uint64) *statistics.Random {
	h := uint64(14695981039346656037) // FNV-1a of the name
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return statistics.NewRandom(h ^ seed)
}
