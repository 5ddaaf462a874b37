package pipeline

import (
	"slices"
	"strings"

	"troly/internal/corpus"
)

// read sorts the matches out: former communes under their names, districts that
// only say which commune is meant, communes of today.
func (r *placeReader) read(found []corpus.Match) places {
	var p places
	for _, m := range found {
		if m.District != nil && !slices.Contains(p.districts, m.District) {
			p.districts = append(p.districts, m.District)
		}
	}
	for i := 0; i < len(found); {
		j := i + 1
		for j < len(found) && found[j].Name == found[i].Name {
			j++
		}
		r.readName(&p, found[i:j], found)
		i = j
	}
	return p
}

// readName reads the meanings of one name.
func (r *placeReader) readName(p *places, meanings, all []corpus.Match) {
	first := meanings[0]
	var can []corpus.Place
	var present *corpus.Commune
	isDistrict := false
	for _, m := range meanings {
		switch {
		case m.District != nil:
			isDistrict = true
		case m.Former != nil:
			can = append(can, m.Place)
		case m.Commune != nil:
			present = m.Commune
		}
	}
	if isDistrict && first.Word == "" {
		return // "ở Văn Chấn" is the district, "xã Văn Chấn" the commune
	}
	can, beside := r.narrowed(can, all)
	asOld := first.Old || beside || r.strong && !r.parts // an address with a district is an old one
	switch {
	case present != nil && (r.parts || r.isNew(first)):
		p.present = append(p.present, present)
	case len(can) > 0 && len(p.former) < maxPlaces && (asOld || present == nil || !sameType(present.Name, first.Word)):
		p.former = append(p.former, namedPlace{can: can, all: beside && !sameFormer(can)})
	case present != nil:
		p.present = append(p.present, present)
	}
}

// isNew reports whether "mới" follows the name.
func (r *placeReader) isNew(m corpus.Match) bool {
	return m.End < len(r.tokens) && (r.tokens[m.End].Text == "mới" || !r.accented && r.tokens[m.End].Text == "moi")
}

// sameType reports whether a name begins with the word that was typed; no word
// goes with every name.
func sameType(name, word string) bool {
	return word == "" || strings.HasPrefix(corpus.Running(name), word+" ")
}

// narrowed keeps the candidates that fit a district or a former province named
// beside them, and reports whether any does; all of them when none does.
func (r *placeReader) narrowed(can []corpus.Place, all []corpus.Match) ([]corpus.Place, bool) {
	fits := func(p corpus.Place) bool {
		return slices.ContainsFunc(all, func(m corpus.Match) bool {
			switch {
			case m.District != nil:
				return m.District.Name == p.Former.District
			case m.Province != "":
				// The present province is called like a former one: only the other
				// name, or "cũ" after it, tells where.
				return m.Province == p.Commune.Province && (m.Province != r.units.Province || m.Old)
			}
			return false
		})
	}
	if !slices.ContainsFunc(can, fits) {
		return can, false
	}
	return slices.DeleteFunc(can, func(p corpus.Place) bool { return !fits(p) }), true
}
