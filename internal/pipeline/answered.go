package pipeline

import (
	"maps"
	"math"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// phrasing is one way of asking for certain lines of a document.
type phrasing struct {
	lines []int    // places in page.lines
	grams []string // its words and pairs of neighbours
	norm  float64  // of their weights
}

// phrasings are the ways of asking for single lines of a document, in one form of
// its words: with diacritics or without.
type phrasings struct {
	list    []phrasing
	weights map[string]float64 // of a word or pair: the rarer among the phrasings the heavier
}

// newPhrasings reads which questions the lines of a page answer; asked are the
// questions of the document as tokens.
func newPhrasings(p *page, doc *corpus.Document, asked [][]vietnamese.Token, form func(vietnamese.Token) string) phrasings {
	x := phrasings{weights: make(map[string]float64)}
	for _, answer := range doc.Answers {
		var lines []int
		for i, l := range p.lines {
			if strings.HasPrefix(l.bare, answer.Line) {
				lines = append(lines, i)
			}
		}
		if len(lines) == 0 {
			continue // a row of another day
		}
		for _, at := range answer.At {
			list := grams(asked[at], form)
			x.list = append(x.list, phrasing{lines: lines, grams: list})
			for _, gram := range list {
				x.weights[gram]++
			}
		}
	}
	for gram, n := range x.weights {
		w := math.Log((float64(len(x.list)) + 1) / (n + 0.5))
		x.weights[gram] = w * w
	}
	for i := range x.list {
		x.list[i].norm = x.norm(x.list[i].grams)
	}
	return x
}

// grams are the words of a text and its pairs of neighbours, each once.
func grams(tokens []vietnamese.Token, form func(vietnamese.Token) string) []string {
	set := make(map[string]bool, 2*len(tokens))
	previous := ""
	for _, t := range tokens {
		word := form(t)
		set[word] = true
		if previous != "" {
			set[previous+" "+word] = true
		}
		previous = word
	}
	return slices.Sorted(maps.Keys(set))
}

func (x *phrasings) norm(grams []string) float64 {
	sum := 0.0
	for _, gram := range grams {
		sum += x.weight(gram)
	}
	return math.Sqrt(sum)
}

// weight of a word or pair that no phrasing has is that of the rarest.
func (x *phrasings) weight(gram string) float64 {
	if w, ok := x.weights[gram]; ok {
		return w
	}
	w := math.Log((float64(len(x.list)) + 1) / 0.5)
	return w * w
}

// near says for each of n lines how near a question is to the nearest of those that
// ask for it, from 0 to 1: the cosine of their words and pairs.
func (x *phrasings) near(question []string, n int) []float64 {
	near := make([]float64, n)
	if len(x.list) == 0 {
		return near
	}
	asked := make(map[string]bool, len(question))
	for _, gram := range question {
		asked[gram] = true
	}
	norm := x.norm(question)
	for _, phrasing := range x.list {
		common := 0.0
		for _, gram := range phrasing.grams {
			if asked[gram] {
				common += x.weights[gram]
			}
		}
		for _, i := range phrasing.lines {
			near[i] = max(near[i], common/(norm*phrasing.norm))
		}
	}
	return near
}
