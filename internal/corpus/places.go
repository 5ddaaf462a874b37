package corpus

import (
	"cmp"
	"slices"

	"troly/internal/vietnamese"
)

// Place is what a name can mean: a present commune (Commune alone), a former one
// (Former, with Commune the present one it went into), a former district, or a
// former province.
type Place struct {
	Commune  *Commune
	Former   *Former
	District *District
	Province string
}

// Name is the full name of the place: "Xã Đại Lịch".
func (p Place) Name() string {
	switch {
	case p.Former != nil:
		return p.Former.Name
	case p.Commune != nil:
		return p.Commune.Name
	case p.District != nil:
		return p.District.Name
	}
	return "Tỉnh " + p.Province
}

// Unchanged reports whether a former commune became a present one by itself.
func (p Place) Unchanged() bool { return p.Former != nil && len(p.Commune.Former) == 1 }

// Match is a place named in a text. A name with several meanings gives several
// matches of the same span.
type Match struct {
	Place
	Start, End int    // tokens, the word before the name included
	Name       int    // token at which the name itself begins
	Word       string // "xã", "phường", "huyện" … when it stands before the name
	Sure       bool   // Word is written out, not "x." or an "xa" that may mean far
	Exact      bool   // every syllable carries its marks
	Old        bool   // "cũ" follows
}

// unitName is one spelling of one place.
type unitName struct {
	accented, folded []string // syllables
	place            Place
	level            level
}

// prepare builds the lookup; called once, before the table is used.
func (u *Units) prepare() {
	u.names, u.index, u.ordinary = nil, make(map[string][]unitName), make(map[string]bool)
	for _, name := range u.Ordinary {
		u.ordinary[vietnamese.Fold(name)] = true
	}
	provinces := make(map[string]bool)
	for i := range u.Districts {
		d := &u.Districts[i]
		u.add(d.Name, d.Also, Place{District: d})
		if !provinces[d.Province] {
			provinces[d.Province] = true
			u.add("Tỉnh "+d.Province, nil, Place{Province: d.Province})
		}
	}
	for i := range u.Communes {
		c := &u.Communes[i]
		u.add(c.Name, c.Also, Place{Commune: c})
		for j := range c.Former {
			f := &c.Former[j]
			u.add(f.Name, f.Also, Place{Commune: c, Former: f})
		}
	}
	for _, n := range u.names {
		u.index[n.folded[0]] = append(u.index[n.folded[0]], n)
	}
	for _, names := range u.index {
		slices.SortStableFunc(names, func(a, b unitName) int { return cmp.Compare(len(b.folded), len(a.folded)) })
	}
}

// add takes a place up under its name and its other spellings.
func (u *Units) add(name string, also []string, p Place) {
	l := level(unitType(name))
	short := ShortName(name)
	if p.Province != "" {
		l, short = "tỉnh", p.Province
	}
	for _, spelling := range append([]string{short}, also...) {
		n := unitName{place: p, level: l}
		for _, t := range vietnamese.Tokenize(nil, vietnamese.Normalize(spelling)) {
			n.accented = append(n.accented, t.Text)
			n.folded = append(n.folded, t.Folded)
		}
		if len(n.folded) > 0 {
			u.names = append(u.names, n)
		}
	}
}

// Find appends the places named in tokens to dst, from left to right, the longest
// name at each place. A syllable with marks must carry the right ones, one without
// matches whatever it could be; with loose set, wrong marks are overlooked too. The
// word before a name decides what it can mean: "xã" any former or present commune
// (people say it of a ward too), "huyện" a district, none anything but the city or
// ward that is called like its province.
func (u *Units) Find(dst []Match, tokens []vietnamese.Token, loose bool) []Match {
	if u == nil {
		return dst
	}
	for i := 0; i < len(tokens); {
		n := u.longest(tokens, i, loose)
		if n == 0 || n <= u.longest(tokens, i+1, loose) && (unitWordAt(tokens, i) || u.insteadProvince(tokens, i, loose)) {
			i++ // in "thị trấn Yên Thế" the name is not "Trấn Yên", in "bao Yen Bai", the newspaper, not "Bảo Yên"
			continue
		}
		dst = appendMatches(dst, u.index[tokens[i].Folded], tokens, i, n, loose)
		i += n
	}
	return dst
}

// longest is the length in syllables of the longest name at token i; 0 when none
// is there.
func (u *Units) longest(tokens []vietnamese.Token, i int, loose bool) int {
	if i >= len(tokens) {
		return 0
	}
	names := u.index[tokens[i].Folded]
	for k := range names {
		if names[k].matches(tokens[i:], loose) {
			return len(names[k].folded)
		}
	}
	return 0
}

// insteadProvince reports whether a province is named from the token after i, and no
// word for a unit says that the name at token i is meant.
func (u *Units) insteadProvince(tokens []vietnamese.Token, i int, loose bool) bool {
	if word, _, _ := wordBefore(tokens, i); word != "" {
		return false
	}
	return slices.ContainsFunc(u.index[tokens[i+1].Folded], func(n unitName) bool {
		return n.place.Province != "" && n.matches(tokens[i+1:], loose)
	})
}

// unitWordAt reports whether token i is the word for a unit that the next begins.
func unitWordAt(tokens []vietnamese.Token, i int) bool {
	word, _, _ := wordBefore(tokens, i+1)
	return word != ""
}

// appendMatches appends the meanings that fit best of the names of n syllables at
// token i.
func appendMatches(dst []Match, names []unitName, tokens []vietnamese.Token, i, n int, loose bool) []Match {
	word, start, sure := wordBefore(tokens, i)
	old := i+n < len(tokens) && tokens[i+n].Folded == "cu" && (tokens[i+n].Text == "cũ" || tokens[i+n].Text == "cu")
	best := 1
	for k := range names {
		if len(names[k].folded) == n && names[k].matches(tokens[i:], loose) {
			best = max(best, names[k].fit(word))
		}
	}
	first := len(dst)
	for k := range names {
		m := &names[k]
		if len(m.folded) != n || m.fit(word) != best || !m.matches(tokens[i:], loose) || found(dst[first:], m.place) {
			continue
		}
		dst = append(dst, Match{Place: m.place, Start: start, End: i + n, Name: i, Word: string(word), Sure: sure, Exact: m.exact(tokens[i:]), Old: old})
	}
	return dst
}

func found(matches []Match, p Place) bool {
	for i := range matches {
		if matches[i].Place == p {
			return true
		}
	}
	return false
}

func (n *unitName) matches(tokens []vietnamese.Token, loose bool) bool {
	if len(tokens) < len(n.folded) {
		return false
	}
	for i, folded := range n.folded {
		t := &tokens[i]
		if t.Text != n.accented[i] && (t.Folded != folded || !loose && t.Text != t.Folded) {
			return false
		}
	}
	return true
}

func (n *unitName) exact(tokens []vietnamese.Token) bool {
	for i, accented := range n.accented {
		if tokens[i].Text != accented {
			return false
		}
	}
	return true
}

// fit is how well the word before a name goes with the unit: 0 not at all.
func (n *unitName) fit(word level) int {
	switch {
	case word == "" && n.level == "tỉnh":
		return 2 // "ở Yên Bái" is the province
	case word == "":
		return 1
	case word == "xã":
		if n.level.commune() {
			return 2
		}
	case word == n.level:
		return 3
	case word.commune() && n.level.commune(), word.district() && n.level.district():
		return 2
	}
	return 0
}

// Lookup returns every place that text names, with the word before the name or
// without: a bare "Yên Bái" is the former province, the city and the ward.
func (u *Units) Lookup(text string) []Place {
	tokens := vietnamese.Tokenize(nil, vietnamese.Normalize(text))
	for _, loose := range [...]bool{false, true} {
		var places []Place
		for i := range u.names {
			if n := &u.names[i]; len(n.folded) == len(tokens) && n.matches(tokens, loose) && !slices.Contains(places, n.place) {
				places = append(places, n.place)
			}
		}
		for _, m := range u.Find(nil, tokens, loose) {
			if !slices.Contains(places, m.Place) {
				places = append(places, m.Place)
			}
		}
		if len(places) > 0 {
			return places
		}
	}
	var places []Place
	for _, m := range u.FindNear(nil, tokens) {
		places = append(places, m.Place)
	}
	return places
}
