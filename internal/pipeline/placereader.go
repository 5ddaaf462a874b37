package pipeline

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// placesIn finds the places that a text names; cues say what is asked of them.
func (a *Assistant) placesIn(text string, q *understanding, cues map[int]bool) places {
	r := a.newPlaceReader(text, q.accented, cues)
	found := r.find()
	p := r.read(found)
	p.unknown = r.unknown(found)
	p.district = len(p.districts) > 0 || cues[districtGroup]
	p.merger = cues[mergerGroup]
	return p
}

// withoutPlaces cuts the places out of a question about something else: where
// somebody lives says nothing about which document answers.
func (a *Assistant) withoutPlaces(text string, accented bool) string {
	r := a.newPlaceReader(text, accented, nil)
	var b strings.Builder
	at := 0
	for _, m := range r.find() {
		if m.Province != "" || r.tokens[m.Start].Start < at {
			continue
		}
		b.WriteString(text[at:r.tokens[m.Start].Start])
		at = r.tokens[m.End-1].End
		if m.Old {
			at = r.tokens[m.End].End
		}
	}
	return b.String() + text[at:]
}

// placeReader tells places from words that look like one, and what each means.
type placeReader struct {
	units    *corpus.Units
	text     string
	tokens   []vietnamese.Token
	accented bool
	strong   bool // the question is about places
	parts    bool // it asks what a present commune was formed from
	office   bool // it speaks of an office
	found    []corpus.Match
	worded   bool // some commune stands after "xã", "phường" …
}

func (a *Assistant) newPlaceReader(text string, accented bool, cues map[int]bool) placeReader {
	return placeReader{
		units: a.lib.Units, text: text, tokens: vietnamese.Tokenize(nil, text), accented: accented,
		strong: cues[int(asksWhere)] || cues[int(asksParts)] || cues[int(asksDistrict)], parts: cues[int(asksParts)],
		office: cues[int(asksOffice)],
	}
}

// find returns what is meant as a place, without words that only look like one.
func (r *placeReader) find() []corpus.Match {
	found := r.units.Find(nil, r.tokens, false)
	if len(found) == 0 && r.strong {
		found = r.units.Find(nil, r.tokens, true)
	}
	if r.strong || r.office {
		found = r.units.FindNear(found, r.tokens)
	}
	r.worded = slices.ContainsFunc(found, func(m corpus.Match) bool { return m.Commune != nil && (m.Word != "" || m.Old) })
	r.found = found
	return slices.DeleteFunc(slices.Clone(found), func(m corpus.Match) bool { return !r.means(m) })
}

// means reports whether a match is meant as a place. In a question about places
// any name is, unless others are clearly marked; elsewhere it needs a word like
// "xã" before it, or must be unmistakable.
func (r *placeReader) means(m corpus.Match) bool {
	if m.Province != "" {
		return true
	}
	ordinary := r.ordinary(m)
	switch {
	case m.Word != "" || m.Old:
		sure := m.Sure && (r.accented || m.Word != "xã") // the marks of "xã" may only have been guessed
		return !ordinary || sure || r.strong || m.Word != "" && m.Old
	case r.strong && r.worded:
		return m.District != nil && (r.capital(m) || r.qualifies(m)) || r.listed(m) && (r.capital(m) || m.Exact && !ordinary)
	case r.strong:
		return true
	case ordinary:
		return r.capital(m) && r.after(m)
	case r.accented:
		return m.Exact && (r.after(m) || r.capital(m))
	}
	return r.after(m) && (m.District != nil || m.End-m.Name > 2)
}

// qualifies reports whether a district is the one of a former commune in the text.
func (r *placeReader) qualifies(m corpus.Match) bool {
	return slices.ContainsFunc(r.found, func(c corpus.Match) bool {
		return c.Former != nil && c.Former.District == m.District.Name && c.Name != m.Name
	})
}

// ordinary reports whether the name as it was typed is also an ordinary word.
func (r *placeReader) ordinary(m corpus.Match) bool {
	var b strings.Builder
	for i, t := range r.tokens[m.Name:m.End] {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.Folded)
	}
	return r.units.IsOrdinary(b.String())
}

// listed reports whether the name goes on a list: "xã Na Hối, Bản Phố", "với Cán
// Cấu".
func (r *placeReader) listed(m corpus.Match) bool {
	if m.Name == 0 {
		return false
	}
	before := r.tokens[m.Name-1]
	if strings.Contains(r.text[before.End:r.tokens[m.Name].Start], ",") {
		return true
	}
	return before.Text == "và" || before.Text == "với" || !r.accented && (before.Text == "va" || before.Text == "voi")
}

// unknown reports whether a word like "xã" stands there for a commune without a name
// or with one that was not found: "xã em giờ thuộc xã nào", "xã Văn Tiến cũ".
func (r *placeReader) unknown(found []corpus.Match) bool {
	for i, t := range r.tokens {
		unit := t.Text == "xã" || t.Text == "phường" || !r.accented && (t.Text == "xa" || t.Text == "phuong")
		if !unit || i+1 == len(r.tokens) || slices.ContainsFunc(found, func(m corpus.Match) bool { return m.Start <= i && i < m.End }) {
			continue
		}
		if i > 0 && slices.Contains(counted, r.tokens[i-1].Folded) {
			continue
		}
		if slices.Contains(mine, r.tokens[i+1].Folded) || r.upper(i+1) || r.soonOld(i+1) {
			return true
		}
	}
	return false
}

// counted are the words before "xã" that speak of several or of another thing.
var counted = []string{"hai", "ba", "may", "cac", "nhung", "nhieu", "tung", "moi", "tac", "thi", "hop", "bao"}

// mine are the words after "xã" that say whose it is.
var mine = []string{"em", "toi", "minh", "chau", "nha", "con", "bac", "to", "que", "cu", "chong", "vo", "ngoai", "noi"}

// soonOld reports whether "cũ", "giờ" or "nay" follows a short name at token i.
func (r *placeReader) soonOld(i int) bool {
	for _, t := range r.tokens[min(i+2, len(r.tokens)):min(i+5, len(r.tokens))] {
		if t.Text == "cũ" || t.Text == "giờ" || t.Text == "nay" || !r.accented && (t.Text == "cu" || t.Text == "gio" || t.Text == "nay") {
			return true
		}
	}
	return false
}

// capital reports whether every syllable of the name has a capital letter, in a
// text that is not all capitals.
func (r *placeReader) capital(m corpus.Match) bool {
	if strings.ToUpper(r.text) == r.text {
		return false
	}
	for i := m.Name; i < m.End; i++ {
		if !r.upper(i) {
			return false
		}
	}
	return true
}

// upper reports whether token i begins with a capital letter.
func (r *placeReader) upper(i int) bool {
	c, _ := utf8.DecodeRuneInString(r.text[r.tokens[i].Start:])
	return unicode.IsUpper(c)
}

// after reports whether a word of place stands before the name: "ở Mù Cang Chải".
func (r *placeReader) after(m corpus.Match) bool {
	if m.Start == 0 {
		return false
	}
	switch t := r.tokens[m.Start-1]; t.Text {
	case "ở", "tại", "quê", "trên", "dưới", "về":
		return true
	default:
		return !r.accented && slices.Contains([]string{"o", "tai", "que", "tren", "duoi", "ve"}, t.Folded)
	}
}
