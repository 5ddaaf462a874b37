package pipeline

import (
	"slices"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// placeAsk is what a question wants to know about a place.
type placeAsk uint8

const (
	asksNothing  placeAsk = iota
	asksWhere             // what a former commune belongs to now
	asksOffice            // which office of the present commune, and where
	asksParts             // what a present commune was formed from
	asksDistrict          // what became of a district
	asksName              // the same as asksWhere, of a place that is not named or not known
)

// places are the units of local government that a question names.
type places struct {
	asks      placeAsk
	former    []namedPlace       // former communes that go by another name now
	present   []*corpus.Commune  // communes and wards of today
	districts []*corpus.District // that ended
	district  bool               // a district, or an office of one, is spoken of
	merger    bool               // the question speaks of merging units
	unknown   bool               // "xã …" stands there with no name, or one that the table lacks
	picked    bool               // the question chose among the places offered the turn before
}

// namedPlace is one name in the question with the former communes it can mean.
type namedPlace struct {
	can []corpus.Place
	all bool // each of them is meant: the question names the district of each
}

// successors are the present communes that a name can lead to, each once.
func (n namedPlace) successors() []*corpus.Commune {
	var list []*corpus.Commune
	for _, p := range n.can {
		if !slices.Contains(list, p.Commune) {
			list = append(list, p.Commune)
		}
	}
	return list
}

// maxPlaces bounds the names answered in one go: more do not fit a phone.
const maxPlaces = 4

// placesOf reads the places of a question. Names are looked for in the question as
// typed, since writing marks and typos anew may change a name; in the repaired one
// when that finds none.
func (a *Assistant) placesOf(q *understanding, typed string, history []Turn) places {
	last := Turn{}
	if len(history) > 0 {
		last = history[len(history)-1]
		if p, ok := a.pickedPlace(typed, last); ok {
			return p
		}
	}
	cues := a.cues.find(vietnamese.Tokenize(nil, q.text), !q.accented)
	p := a.placesIn(typed, q, cues)
	if p.none() && q.text != typed {
		p = a.placesIn(q.text, q, cues)
	}
	if !a.asksProcedure(q) {
		p.asks = asked(p, cues)
		if p.asks == asksNothing && len(history) == 0 && a.onlyPlaces(q, typed) {
			p.asks = byItself(p)
		}
	}
	if a.oneMore(p, q, typed, last) {
		p.asks = asksWhere
	}
	return p
}

func (p places) none() bool { return len(p.former)+len(p.present)+len(p.districts) == 0 }

// asksProcedure reports whether the question names something to do, so that a
// place in it is only where.
func (a *Assistant) asksProcedure(q *understanding) bool {
	return slices.ContainsFunc(q.named, func(id string) bool { return a.lib.Document(id).Kind != corpus.Local })
}

// asked decides what a question wants to know of its places.
func asked(p places, cues map[int]bool) placeAsk {
	communes := len(p.former) > 0 || len(p.present) > 0
	switch {
	case cues[namelessGroup] && p.unknown && !communes:
		return asksName
	case !communes && len(p.districts) == 0:
		return asksNothing
	case cues[int(asksParts)] && len(p.present) > 0:
		return asksParts
	case cues[int(asksWhere)] && communes:
		return asksWhere
	case (cues[int(asksDistrict)] || cues[int(asksWhere)]) && !communes:
		return asksDistrict
	case cues[int(asksDistrict)] && len(p.former) > 0:
		return asksWhere // "xã Đại Lịch còn không"
	case cues[int(asksOffice)] && cues[whereGroup] && len(p.former) > 0:
		return asksOffice
	}
	return asksNothing
}

// byItself is what the bare name of a place asks for.
func byItself(p places) placeAsk {
	switch {
	case len(p.former) > 0:
		return asksWhere
	case len(p.districts) > 0:
		return asksDistrict
	case len(p.present) > 0:
		return asksParts
	}
	return asksNothing
}

// onlyPlaces reports whether nothing telling is left of a question without its
// places, and it asks for nothing but where they are.
func (a *Assistant) onlyPlaces(q *understanding, typed string) bool {
	for _, f := range q.facets {
		if f != Place && f != Merger {
			return false
		}
	}
	for _, t := range a.retriever.Content(a.withoutPlaces(typed, q.accented)) {
		if !slices.Contains([]string{"xa", "phuong", "thi", "tran", "huyen", "tinh", "cu"}, t.Folded) {
			return false
		}
	}
	return true
}

// names are the former units of a question, for Outcome.Understood.
func (p places) names() []string {
	list := []string{}
	for _, n := range p.former {
		for _, c := range n.can {
			list = append(list, c.Former.Name+", "+corpus.Running(c.Former.District)+", tỉnh "+c.Commune.Province+" cũ")
		}
	}
	for _, d := range p.districts {
		list = append(list, d.Name+", tỉnh "+d.Province+" cũ")
	}
	slices.Sort(list)
	return slices.Compact(list)
}
