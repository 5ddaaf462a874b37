package retrieval

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/murmur3"
	"github.com/viterin/vek/vek32"
	"gonum.org/v1/gonum/blas/blas32"

	"troly/internal/corpus"
	"troly/internal/vectorstore"
	"troly/internal/vietnamese"
)

// The classifier is a multinomial logistic regression from the words of a question
// (syllables and pairs) to documents and outside matters, learned from the questions
// people ask, the names, and the lines of the documents. Ranking by BM25 knows which
// words are rare; this knows which words tell one document from its neighbours. Its
// weights are kept as one sparse vector a document, so that any store runs it as a
// dot product. It is learned again when the knowledge changes.

// Training parameters, chosen on eval/sets.
const (
	epochs      = 3
	firstRate   = 7.0  // of gradient descent; falls to a tenth over the epochs
	keptWeights = 1500 // of a document: the heaviest; half of it costs a point, more adds nothing measurable
	learned     = 0.99 // probability from which an example moves nothing any more
	known       = 0.97 // probability from which an example is left out of the next epoch
	stillness   = 2e-3 // probability under which a wrong class is left alone
	rare        = 3    // examples a term must stand in; rarer ones cost time and memory and change no figure
	many        = 5000 // examples from which that holds: a small knowledge keeps all terms
	minLine     = 30   // bytes of a body line worth learning from
)

// example is one line to learn from.
type example struct {
	class    int
	features []feature
	key      uint32 // of its text: what the order of training is made from
}

type feature struct {
	term   uint32
	weight float32
}

// featurizer turns text into weighted features of length 1: (1 + ln tf) times how
// rare the word is among the documents, pairs by the mean of their words.
type featurizer struct {
	words     map[string]int // word -> documents that have it
	documents float64
	folded    bool // compare words without diacritics
}

func newFeaturizer(lib *corpus.Library, folded bool) featurizer {
	return featurizer{lib.Words, float64(len(lib.Documents)), folded}
}

func (f featurizer) idf(word string) float64 {
	df := float64(f.words[word])
	return math.Log(1 + (f.documents-df+0.5)/(df+0.5))
}

// features returns the features of a text by rising term.
func (f featurizer) features(text string) []feature {
	tokens := vietnamese.Tokenize(nil, text)
	list := make([]feature, 0, 2*len(tokens))
	var buffer []byte
	previous, previousIDF := "", 0.0
	for _, t := range tokens {
		word := t.Text
		if f.folded {
			word = t.Folded
		}
		idf := f.idf(word)
		buffer = append(append(buffer[:0], 'c'), word...)
		list = append(list, feature{murmur3.Sum32(buffer), float32(idf + 1)})
		if previous != "" {
			buffer = append(append(append(append(buffer[:0], 'C'), previous...), ' '), word...)
			list = append(list, feature{murmur3.Sum32(buffer), float32((idf+previousIDF)/2 + 2)})
		}
		previous, previousIDF = word, idf
	}
	slices.SortFunc(list, func(a, b feature) int { return cmp.Compare(a.term, b.term) })
	merged := list[:0]
	norm := 0.0
	for i := 0; i < len(list); {
		first, n := list[i], 0
		for i < len(list) && list[i].term == first.term {
			n++
			i++
		}
		first.weight *= float32(1 + math.Log(float64(n)))
		norm += float64(first.weight) * float64(first.weight)
		merged = append(merged, first)
	}
	for i := range merged {
		merged[i].weight /= float32(math.Sqrt(norm))
	}
	return merged
}

// sparse is the query vector of a text.
func (f featurizer) sparse(text string) *vectorstore.Sparse {
	s := &vectorstore.Sparse{}
	for _, x := range f.features(text) {
		s.Indices = append(s.Indices, x.term)
		s.Values = append(s.Values, x.weight)
	}
	return s
}

// learning begins to train both classifiers, on two cores, and returns what waits
// for them.
func learning(lib *corpus.Library) func() learnedWeights {
	var w learnedWeights
	var wg sync.WaitGroup
	wg.Go(func() { w.accented = train(lib, newFeaturizer(lib, false)) })
	wg.Go(func() { w.folded = train(lib, newFeaturizer(lib, true)) })
	return func() learnedWeights {
		wg.Wait()
		return w
	}
}

// examplesOf lists what there is to learn from, and the ID of each class.
func examplesOf(lib *corpus.Library, f featurizer) (examples []example, classes []string) {
	add := func(text string) {
		if text != "" {
			examples = append(examples, example{len(classes) - 1, f.features(text), murmur3.Sum32([]byte(text))})
		}
	}
	for _, d := range lib.Documents {
		classes = append(classes, d.ID)
		add(d.Title)
		for _, text := range slices.Concat(d.Aliases, d.Asked) {
			add(text)
		}
		for _, s := range d.Sections {
			for line := range strings.Lines(s.Body) {
				if len(line) > minLine {
					add(line)
				}
			}
		}
	}
	for _, o := range lib.Outside {
		classes = append(classes, corpus.OutsidePrefix+o.ID)
		for _, text := range append([]string{o.Title}, o.Asked...) {
			add(text)
		}
	}
	return examples, classes
}

// dropRare leaves out the terms that hardly any example has: they teach next to
// nothing about other questions.
func dropRare(examples []example) {
	if len(examples) < many {
		return
	}
	counts := make(map[uint32]int)
	for _, e := range examples {
		for _, x := range e.features {
			counts[x.term]++
		}
	}
	for i := range examples {
		examples[i].features = slices.DeleteFunc(examples[i].features, func(x feature) bool { return counts[x.term] < rare })
	}
}

// train runs stochastic gradient descent over the examples in a shuffled order that
// follows from their texts: the same knowledge gives the same weights.
func train(lib *corpus.Library, f featurizer) map[string]vectorstore.Sparse {
	examples, classes := examplesOf(lib, f)
	dropRare(examples)
	var terms []uint32 // of each row
	rows := make(map[uint32]uint32)
	for _, e := range examples {
		for i, x := range e.features {
			row, ok := rows[x.term]
			if !ok {
				row = uint32(len(terms))
				rows[x.term] = row
				terms = append(terms, x.term)
			}
			e.features[i].term = row // from here on: the row
		}
	}
	n := len(classes)
	weights := make([]float32, len(terms)*n) // a row holds one weight a class
	scores := make([]float32, n)
	moved := make([]int, 0, n)
	order := make([]int, len(examples))
	for i := range order {
		order[i] = i
	}
	last := make([]float32, len(examples)) // probability of the right class when last looked at
	for epoch := range epochs {
		shuffle(order, examples, uint32(epoch))
		rate := float32(firstRate * math.Pow(0.1, float64(epoch)/epochs))
		for _, at := range order {
			e := examples[at]
			if last[at] > known {
				last[at] = 0
				continue
			}
			clear(scores)
			for _, x := range e.features {
				row := weights[int(x.term)*n : int(x.term)*n+n]
				axpy(x.weight, row, scores)
			}
			softmax(scores)
			if last[at] = scores[e.class]; last[at] > learned {
				continue // nothing to move
			}
			scores[e.class]--
			moved = moved[:0]
			for class, gradient := range scores {
				if gradient > stillness || gradient < -stillness {
					moved = append(moved, class)
				}
			}
			for _, x := range e.features {
				row := weights[int(x.term)*n : int(x.term)*n+n]
				for _, class := range moved {
					row[class] -= rate * x.weight * scores[class]
				}
			}
		}
	}
	return heaviest(classes, terms, weights)
}

// shuffle orders the examples as if at random, by their texts: a new line in the
// knowledge leaves the order of all others as it is.
func shuffle(order []int, examples []example, epoch uint32) {
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(mix(examples[a].key, epoch), mix(examples[b].key, epoch)), cmp.Compare(a, b))
	})
}

// mix is the finaliser of murmur3 over a key and an epoch.
func mix(key, epoch uint32) uint32 {
	h := key + 0x9e3779b9*(epoch+1)
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// axpy adds a times x to y.
func axpy(a float32, x, y []float32) {
	blas32.Axpy(a, blas32.Vector{N: len(x), Data: x, Inc: 1}, blas32.Vector{N: len(y), Data: y, Inc: 1})
}

// softmax turns scores into probabilities.
func softmax(scores []float32) {
	vek32.SubNumber_Inplace(scores, vek32.Max(scores))
	vek32.Exp_Inplace(scores)
	vek32.DivNumber_Inplace(scores, vek32.Sum(scores))
}

// heaviest keeps the weights that matter of each class.
func heaviest(classes []string, terms []uint32, weights []float32) map[string]vectorstore.Sparse {
	const least = 0.05 // what moves no ranking
	byClass := make([][]feature, len(classes))
	for row, term := range terms {
		for class, w := range weights[row*len(classes) : (row+1)*len(classes)] {
			if abs(w) > least {
				byClass[class] = append(byClass[class], feature{term, w})
			}
		}
	}
	vectors := make(map[string]vectorstore.Sparse, len(classes))
	for class, id := range classes {
		kept := heavier(byClass[class])
		slices.SortFunc(kept, func(a, b feature) int { return cmp.Compare(a.term, b.term) })
		var s vectorstore.Sparse
		for _, x := range kept {
			s.Indices = append(s.Indices, x.term)
			s.Values = append(s.Values, x.weight)
		}
		vectors[id] = s
	}
	return vectors
}

// heavier returns the keptWeights heaviest of a class's weights, all that weigh as
// much as the last of them included.
func heavier(all []feature) []feature {
	if len(all) <= keptWeights {
		return all
	}
	sizes := make([]float32, len(all))
	for i, x := range all {
		sizes[i] = abs(x.weight)
	}
	slices.Sort(sizes)
	least := sizes[len(sizes)-keptWeights]
	return slices.DeleteFunc(all, func(x feature) bool { return abs(x.weight) < least })
}

func abs(x float32) float32 { return max(x, -x) }
