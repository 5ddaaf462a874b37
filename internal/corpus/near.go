package corpus

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"troly/internal/vietnamese"
)

// minNear is how many letters a name has at least to be recognised with a slip:
// shorter ones are a slip away from too much.
const minNear = 5

// FindNear appends the places whose name is one slip of the keyboard away from what
// stands after a word like "xã" or "huyện" and names no place itself: "xã Yên
// Phus", "xã Táhc Bà". Only what is no Vietnamese syllable counts as a slip: "Văn
// Tiến" is another commune than Tân Tiến. What could be several names gives none.
func (u *Units) FindNear(dst []Match, tokens []vietnamese.Token) []Match {
	for i := 1; i < len(tokens); i++ {
		word, start, sure := wordBefore(tokens, i)
		if word == "" || !sure || u.longest(tokens, i, true) > 0 {
			continue
		}
		first, n := len(dst), 0
		for k := range u.names {
			m := &u.names[k]
			if len(m.folded) < n || m.fit(word) == 0 || !m.near(tokens[i:]) || found(dst[first:], m.place) {
				continue
			}
			if len(m.folded) > n {
				dst, n = dst[:first], len(m.folded)
			}
			dst = append(dst, Match{Place: m.place, Start: start, End: i + n, Name: i, Word: string(word), Sure: true})
		}
		if !sameShort(dst[first:]) {
			dst = dst[:first]
		}
	}
	return dst
}

// near reports whether the name and the tokens differ by one slip; the syllables
// must be as many.
func (n *unitName) near(tokens []vietnamese.Token) bool {
	if len(tokens) < len(n.folded) {
		return false
	}
	letters, slips := 0, 0
	for i, folded := range n.folded {
		letters += len(folded)
		if t := tokens[i]; t.Folded != folded {
			if slips++; slips > 1 || proper(t) || !oneSlip(t.Folded, folded) {
				return false
			}
		}
	}
	return slips == 1 && letters >= minNear
}

// syllable matches what is built like a Vietnamese syllable, without marks: some
// vowels stand only before a final consonant.
var syllable = regexp.MustCompile(`^(b|c|ch|d|g|gh|gi|h|k|kh|l|m|n|ng|ngh|nh|p|ph|qu|r|s|t|th|tr|v|x)?` +
	`((a|e|i|o|u|y|ai|ao|au|ay|eo|eu|ia|ieu|iu|oa|oai|oay|oe|oeo|oi|ua|uay|ue|ui|uoi|uou|uu|uy|uya|uyu|yeu)|` +
	`(a|e|i|o|u|y|ie|oa|oe|oo|ua|ue|uo|uy|uye|ye)(c|ch|m|n|ng|nh|p|t))$`)

// shortVowels never end a syllable.
const shortVowels = "ăắằẳẵặâấầẩẫậ"

// proper reports whether a token is built like a Vietnamese syllable.
func proper(t vietnamese.Token) bool {
	last, _ := utf8.DecodeLastRuneInString(t.Text)
	return syllable.MatchString(t.Folded) && !strings.ContainsRune(shortVowels, last)
}

// oneSlip reports whether a becomes b by one letter added, left out or changed, or
// two neighbours swapped.
func oneSlip(a, b string) bool {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	restA, restB := a[i:], b[i:]
	switch len(restA) - len(restB) {
	case 1:
		return restA[1:] == restB
	case -1:
		return restA == restB[1:]
	case 0:
		if len(restA) == 0 {
			return false
		}
		swapped := len(restA) > 1 && restA[0] == restB[1] && restA[1] == restB[0] && restA[2:] == restB[2:]
		return swapped || restA[1:] == restB[1:]
	}
	return false
}

// sameShort reports whether all matches have one name, whatever they are.
func sameShort(matches []Match) bool {
	for i := range matches {
		if vietnamese.Fold(ShortName(matches[i].Place.Name())) != vietnamese.Fold(ShortName(matches[0].Place.Name())) {
			return false
		}
	}
	return true
}
