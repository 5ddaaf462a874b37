package vietnamese

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Restorer puts the marks back that were left out and repairs slips of the
// keyboard, by the most probable row of syllables (Viterbi over pairs). It weighs
// pairs of the corpus' own text before those of the embedded table.
type Restorer struct {
	own   *Vocabulary
	table *table
	prob  [256]float64 // probability of a score of the table
}

// NewRestorer returns a restorer that prefers the words of own, which must not be
// added to any more.
func NewRestorer(own *Vocabulary) *Restorer {
	t, err := openTable(bigramData)
	if err != nil {
		panic("vietnamese: " + err.Error()) // the build embeds it, a test opens it
	}
	own.seal()
	r := &Restorer{own: own, table: t}
	for i := range r.prob {
		r.prob[i] = math.Exp(-float64(i) / 10)
	}
	return r
}

const (
	maxReadings = 12 // of one syllable that are weighed; further ones are rarer than one in ten thousand
	maxRepairs  = 10 // syllables of one text whose slips are looked for

	// Shares of the four probabilities in the mix. The corpus is small and speaks of
	// the very things people ask, so that its pairs count most.
	ownPair, tablePair, ownWord, tableWord, floor = 0.42, 0.33, 0.13, 0.12, 1e-9

	keepBonus   = 7.0  // ln odds that an unmarked syllable among marked ones is meant so
	slipCost    = 6.5  // ln cost of one wrong key
	swapCost    = 5.0  // of two swapped letters
	telexCost   = 1.0  // of marks typed as Telex letters
	rareScore   = 115  // table score (-10 ln p) from which an unmarked word outside the corpus is looked at as a slip
	unknownCost = 20.7 // -ln floor: what keeping an unknown word costs
)

// reading is one way to read a syllable.
type reading struct {
	text  string
	own   int // index in the corpus' vocabulary, -1 unknown
	table int
	cost  float64 // ln cost of reading it so, beside how common it is
}

// Restore returns s with marks restored and slips repaired. Marked syllables that
// are words stay as they are, as do numbers, codes and words that look like names.
// The case of first letters is kept.
func (r *Restorer) Restore(s string) string { return r.restore(s, !MissingDiacritics(s)) }

// RestoreExpanded is Restore for typed text whose shorthand was written out: the marks
// of "căn cước" do not say that who typed "cccd het han" writes marks.
func (r *Restorer) RestoreExpanded(expanded, typed string) string {
	return r.restore(expanded, !MissingDiacritics(typed))
}

func (r *Restorer) restore(s string, accented bool) string {
	tokens := Tokenize(make([]Token, 0, 32), s)
	if len(tokens) == 0 {
		return s
	}
	shouting := s == strings.ToUpper(s)
	repairs := 0
	columns := make([][]reading, len(tokens))
	for i, t := range tokens {
		name := i > 0 && !shouting && startsUpper(s[t.Start:])
		columns[i] = r.readings(t, accented, name, &repairs)
	}
	best := r.bestPath(columns)
	var b strings.Builder
	last := 0
	for i, t := range tokens {
		text := columns[i][best[i]].text
		if text == t.Text {
			continue
		}
		b.WriteString(s[last:t.Start])
		if startsUpper(s[t.Start:]) && !shouting {
			first, size := utf8.DecodeRuneInString(text)
			b.WriteRune(unicode.ToUpper(first))
			text = text[size:]
		}
		b.WriteString(text)
		last = t.End
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

func startsUpper(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsUpper(r)
}

// readings lists how a token may be read, at least as itself.
func (r *Restorer) readings(t Token, accented, name bool, repairs *int) []reading {
	self := reading{text: t.Text, own: -1, table: -1}
	if t.Kind != Word {
		return []reading{self}
	}
	self.own, self.table = r.own.find(t.Text), r.table.find(t.Text, t.Folded)
	known := self.own >= 0 || self.table >= 0
	if t.Text != t.Folded { // marked
		if known || name || !r.mayRepair(t, repairs) {
			return []reading{self}
		}
		return r.cut(append(r.repaired(t, self), r.forms(t.Folded, swapCost, "")...))
	}
	list := r.forms(t.Folded, 0, t.Text)
	if len(list) == 0 || !known {
		if !known {
			self.cost = unknownCost
		}
		list = append(list, self)
	}
	if accented {
		for i := range list {
			if list[i].text != t.Text {
				list[i].cost += keepBonus
			}
		}
	}
	if rare := r.rare(list); rare && !name && r.mayRepair(t, repairs) {
		list = append(list, r.repaired(t, self)...)
	}
	return r.cut(list)
}

// rare reports that no reading of a syllable is a word of the corpus or common
// elsewhere, so that it may be a slip.
func (r *Restorer) rare(list []reading) bool {
	for _, c := range list {
		if c.own >= 0 || c.table >= 0 && r.table.scores[c.table] < rareScore {
			return false
		}
	}
	return true
}

// mayRepair bounds the work on slips: only so many tokens, none too long to be a
// syllable with one letter too many, and no letter with a number after it: "mức m2",
// "lớp l8", "bằng a1" are names of something.
func (r *Restorer) mayRepair(t Token, repairs *int) bool {
	if len(t.Folded) < 2 || len(t.Folded) > 9 || *repairs >= maxRepairs || numbered(t.Folded) {
		return false
	}
	*repairs++
	return true
}

// numbered reports whether a word is a letter and a number.
func numbered(folded string) bool {
	return strings.Trim(folded[1:], "0123456789") == ""
}

// forms are the known syllables that fold to folded.
func (r *Restorer) forms(folded string, cost float64, self string) []reading {
	var list []reading
	lo, hi := r.table.readings(folded)
	for i := lo; i < hi; i++ {
		text := r.table.syllable(i)
		list = append(list, reading{text, r.own.find(text), i, cost})
	}
	for _, id := range r.own.folded[folded] {
		text := r.own.words[id]
		if !slices.ContainsFunc(list, func(c reading) bool { return c.text == text }) {
			list = append(list, reading{text, id, -1, cost})
		}
	}
	return list
}

// cut keeps the most probable readings.
func (r *Restorer) cut(list []reading) []reading {
	if len(list) > maxReadings {
		slices.SortStableFunc(list, func(a, b reading) int {
			return cmp.Compare(a.cost-math.Log(r.word(a)), b.cost-math.Log(r.word(b)))
		})
		list = list[:maxReadings]
	}
	return list
}

// word is the probability of a reading without its neighbours.
func (r *Restorer) word(c reading) float64 {
	p := floor
	if c.own >= 0 {
		p += ownWord * float64(r.own.counts[c.own]) / float64(r.own.total)
	}
	if c.table >= 0 {
		p += tableWord * r.prob[r.table.scores[c.table]]
	}
	return p
}

// follows is the probability of b after a.
func (r *Restorer) follows(a, b reading, alone float64) float64 {
	p := alone
	if a.own >= 0 && b.own >= 0 {
		if n := r.own.pairs[uint64(a.own)<<32|uint64(b.own)]; n > 0 {
			p += ownPair * float64(n) / float64(r.own.counts[a.own])
		}
	}
	if a.table >= 0 && b.table >= 0 {
		if score, ok := r.table.pair(a.table, b.table); ok {
			p += tablePair * r.prob[score]
		}
	}
	return p
}

// bestPath picks one reading a column so that the whole is most probable.
func (r *Restorer) bestPath(columns [][]reading) []int {
	back := make([][]int8, len(columns))
	var costs, next [maxReadings + 1]float64
	for i, column := range columns {
		back[i] = make([]int8, len(column))
		for j, c := range column {
			alone := r.word(c)
			if i == 0 {
				next[j] = c.cost - math.Log(alone)
				continue
			}
			if len(column) == 1 && len(columns[i-1]) == 1 {
				next[j] = 0 // nothing to choose: only differences matter
				continue
			}
			bestCost := math.Inf(1)
			for k, p := range columns[i-1] {
				if cost := costs[k] - math.Log(r.follows(p, c, alone)); cost < bestCost {
					bestCost, back[i][j] = cost, int8(k)
				}
			}
			next[j] = bestCost + c.cost
		}
		costs = next
	}
	path := make([]int, len(columns))
	last := len(columns) - 1
	for j := range columns[last] {
		if costs[j] < costs[path[last]] {
			path[last] = j
		}
	}
	for i := last; i > 0; i-- {
		path[i-1] = int(back[i][path[i]])
	}
	return path
}

// repaired are the known syllables one slip away from a token, itself included.
func (r *Restorer) repaired(t Token, self reading) []reading {
	self.cost = unknownCost
	if self.own >= 0 || self.table >= 0 {
		self.cost = 0
	}
	list := []reading{self}
	seen := map[string]bool{t.Folded: true}
	try := func(folded string, cost float64) {
		if !seen[folded] {
			seen[folded] = true
			list = append(list, r.forms(folded, cost, "")...)
		}
	}
	if text, ok := telex(t.Text); ok {
		folded := Fold(text)
		if own, at := r.own.find(text), r.table.find(text, folded); own >= 0 || at >= 0 {
			list = append(list, reading{text, own, at, telexCost})
			return list // Telex spells it out: nothing else is meant
		}
	}
	w := []byte(t.Folded)
	for i := range w {
		if i+1 < len(w) && w[i] != w[i+1] {
			w[i], w[i+1] = w[i+1], w[i]
			try(string(w), swapCost)
			w[i], w[i+1] = w[i+1], w[i]
		}
	}
	for i := range w {
		try(string(w[:i])+string(w[i+1:]), slipCost)
	}
	for i := 0; i <= len(w); i++ {
		for c := byte('a'); c <= 'z'; c++ {
			try(string(w[:i])+string(c)+string(w[i:]), slipCost)
		}
	}
	for i := range w {
		for _, c := range []byte(neighbours[w[i]]) {
			try(string(w[:i])+string(c)+string(w[i+1:]), slipCost)
		}
	}
	return list
}

// neighbours are the keys around each on the keyboard, and the letters that
// speakers of some regions write for each other.
var neighbours = map[byte]string{
	'a': "qwsz", 'b': "vghn", 'c': "xdfvkt", 'd': "serfcxgiv", 'e': "wsdr", 'f': "drtgvc", 'g': "ftyhbvd", 'h': "gyujnb", 'i': "ujkoy", 'j': "huikmn",
	'k': "jiolmc", 'l': "kopn", 'm': "njk", 'n': "bhjml", 'o': "iklp", 'p': "ol", 'q': "wa", 'r': "edftgd", 's': "awedxz", 't': "rfgyc",
	'u': "yhji", 'v': "cfgbd", 'w': "qase", 'x': "zsdc", 'y': "tghui", 'z': "asxd",
}

// telex reads marks typed as letters, "giaasy" for giấy, "dduowcj" for được. ok is
// false when s holds no such letters.
func telex(s string) (string, bool) {
	var base []rune
	tone := rune(0)
	changed := false
	for _, c := range s {
		n := len(base)
		switch {
		case n > 0 && c == 'd' && base[n-1] == 'd':
			base[n-1], changed = 'đ', true
			continue
		case n > 0 && (c == 'a' || c == 'e' || c == 'o') && base[n-1] == c:
			base[n-1], changed = map[rune]rune{'a': 'â', 'e': 'ê', 'o': 'ô'}[c], true
			continue
		case n > 0 && c == 'w' && strings.ContainsRune("aou", base[n-1]):
			if base[n-1] == 'o' && n > 1 && base[n-2] == 'u' {
				base[n-2] = 'ư'
			}
			base[n-1], changed = map[rune]rune{'a': 'ă', 'o': 'ơ', 'u': 'ư'}[base[n-1]], true
			continue
		case n > 0 && tones[c] != 0 && strings.ContainsFunc(string(base), vowel):
			tone, changed = tones[c], true
			continue
		}
		base = append(base, c)
	}
	if !changed {
		return "", false
	}
	if tone != 0 {
		at := toneAt(base)
		if at < 0 {
			return "", false
		}
		base = slices.Insert(base, at+1, tone)
	}
	return Normalize(norm.NFC.String(string(base))), true
}

// tones are the Telex letters of the tone marks.
var tones = map[rune]rune{'s': '\u0301', 'f': '\u0300', 'r': '\u0309', 'x': '\u0303', 'j': '\u0323'}

func vowel(r rune) bool { return strings.ContainsRune("aeiouyăâêôơư", r) }

// toneAt is the index of the vowel that carries the tone, -1 without a vowel.
func toneAt(base []rune) int {
	first, last := -1, -1
	for i, r := range base {
		if !vowel(r) || i == 1 && (base[0] == 'q' && r == 'u' || base[0] == 'g' && r == 'i' && len(base) > 2 && vowel(base[2])) {
			continue
		}
		if first < 0 {
			first = i
		}
		if last < 0 || i == last+1 {
			last = i
		}
	}
	for i := last; i >= first && i >= 0; i-- {
		if strings.ContainsRune("ăâêôơư", base[i]) {
			return i
		}
	}
	switch {
	case first < 0:
		return -1
	case last < len(base)-1: // closed: the last vowel
		return last
	case last-first == 2:
		return first + 1
	}
	return first
}
