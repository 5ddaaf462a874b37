package pipeline

import (
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// pickedPlace reads a question that chooses among the places offered the turn
// before. The earlier question is read anew, so that channels which keep only its
// words lose nothing.
func (a *Assistant) pickedPlace(typed string, last Turn) (places, bool) {
	if last.Question == "" || len(vietnamese.Tokenize(nil, typed)) > maxPick {
		return places{}, false
	}
	p := a.understandPlaces(last.Question)
	n, ok := p.ambiguous()
	if !ok {
		return places{}, false
	}
	choice, ok := a.pick(n.can, typed)
	if !ok {
		return places{}, false
	}
	p.former, p.picked = []namedPlace{{can: []corpus.Place{choice}}}, true
	return p, true
}

// oneMore reports whether a short question names another place after one about
// places: "thế còn xã Đại Lịch thì sao", or the name that was asked back for.
func (a *Assistant) oneMore(p places, q *understanding, typed string, last Turn) bool {
	return p.asks == asksNothing && len(p.former) > 0 && len(q.named) == 0 && last.Question != "" &&
		len(vietnamese.Tokenize(nil, typed)) <= maxPick && a.understandPlaces(last.Question).asks != asksNothing
}

// maxPick is how many syllables a choice has at most: "xã Tân Thịnh huyện Văn Chấn
// cũ nhé em".
const maxPick = 12

// understandPlaces reads the places of an earlier question.
func (a *Assistant) understandPlaces(question string) places {
	typed := vietnamese.Normalize(a.withoutPersonalData(a.cut(question)))
	q := &understanding{accented: !vietnamese.MissingDiacritics(typed)}
	q.text = a.spelled(typed)
	q.named, _ = a.aliases.named(vietnamese.Tokenize(nil, q.text), q.accented)
	return a.placesOf(q, typed, nil)
}

// ambiguous returns the name that has to be asked back for: the only one of a
// question about places, with several successors.
func (p places) ambiguous() (namedPlace, bool) {
	if p.asks != asksWhere && p.asks != asksOffice || p.picked {
		return namedPlace{}, false
	}
	for i, n := range p.former {
		if len(n.successors()) > 1 && !n.all && !slices.ContainsFunc(p.former[:i], n.includes) {
			return n, true
		}
	}
	return namedPlace{}, false
}

// includes reports whether an earlier name, by itself clear, is one of the places n
// can mean: "thị trấn Trạm Tấu nay thuộc xã nào, có phải xã Trạm Tấu không".
func (n namedPlace) includes(earlier namedPlace) bool {
	return len(earlier.can) == 1 && slices.Contains(n.can, earlier.can[0])
}

// pick finds the one candidate that an answer chooses, by its number or by words
// that only it has: its district, its former province, its type, its successor.
func (a *Assistant) pick(can []corpus.Place, typed string) (corpus.Place, bool) {
	if n := ordinal(typed); n >= 1 && n <= len(can) {
		return can[n-1], true
	}
	tokens := vietnamese.Tokenize(nil, typed)
	var buffer [16]corpus.Match
	found := a.lib.Units.FindNear(a.lib.Units.Find(buffer[:0], tokens, false), tokens)
	for _, same := range [...]func(corpus.Match, corpus.Place) bool{
		func(m corpus.Match, p corpus.Place) bool {
			return m.District != nil && m.District.Name == p.Former.District
		},
		func(m corpus.Match, p corpus.Place) bool { return m.Commune == p.Commune && m.Former != p.Former },
		func(m corpus.Match, p corpus.Place) bool { return m.Province != "" && m.Province == p.Commune.Province },
		func(m corpus.Match, p corpus.Place) bool {
			return m.Former == p.Former && m.Word != "" && strings.HasPrefix(corpus.Running(p.Former.Name), m.Word)
		},
	} {
		fitting := slices.DeleteFunc(slices.Clone(can), func(p corpus.Place) bool {
			return !slices.ContainsFunc(found, func(m corpus.Match) bool { return same(m, p) })
		})
		if len(fitting) == 1 {
			return fitting[0], true
		}
	}
	return pickType(can, tokens)
}

// pickType chooses by the type alone: "phường ạ".
func pickType(can []corpus.Place, tokens []vietnamese.Token) (corpus.Place, bool) {
	var fitting []corpus.Place
	for _, p := range can {
		word, _, _ := strings.Cut(vietnamese.Fold(p.Former.Name), " ")
		if len(tokens) <= 3 && slices.ContainsFunc(tokens, func(t vietnamese.Token) bool { return t.Folded == word }) {
			fitting = append(fitting, p)
		}
	}
	if len(fitting) != 1 {
		return corpus.Place{}, false
	}
	return fitting[0], true
}
