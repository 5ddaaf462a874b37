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
	once     bool   // of a body, not asked: learned from in the first epoch only, which costs less and tells questions apart better
	key      uint32 // of its text: what the order of training is made from
}

type feature struct {
	term   uint32
	weight float32
}

// featurizer turns text into weighted features of length 1: (1 + ln tf) times how
// rare the word is among the documents, pairs by the mean of their words.
type featurizer struct {
	words  map[string]int // word -> documents that have it
	idfs   []float64      // how rare a word is, by the documents that have it
	folded bool           // compare words without diacritics
}

func newFeaturizer(lib *corpus.Library, folded bool) featurizer {
	f := featurizer{words: lib.Words, folded: folded}
	for df := range len(lib.Documents) + 1 {
		f.idfs = append(f.idfs, math.Log(1+(float64(len(lib.Documents)-df)+0.5)/(float64(df)+0.5)))
	}
	return f
}

// features returns the features of a text by rising term.
func (f featurizer) features(tokens []vietnamese.Token) []feature {
	list := make([]uint64, 0, 2*len(tokens)) // term << 32 | bits of its weight, which is positive
	put := func(term []byte, weight float64) {
		list = append(list, uint64(murmur3.Sum32(term))<<32|uint64(math.Float32bits(float32(weight))))
	}
	var buffer []byte
	previous, previousIDF := "", 0.0
	for _, t := range tokens {
		word := t.Text
		if f.folded {
			word = t.Folded
		}
		idf := f.idfs[f.words[word]]
		buffer = append(append(buffer[:0], 'c'), word...)
		put(buffer, idf+1)
		if previous != "" {
			buffer = append(append(append(append(buffer[:0], 'C'), previous...), ' '), word...)
			put(buffer, (idf+previousIDF)/2+2)
		}
		previous, previousIDF = word, idf
	}
	slices.Sort(list)
	features := make([]feature, 0, len(list))
	norm := 0.0
	for i := 0; i < len(list); {
		x, n := feature{uint32(list[i] >> 32), math.Float32frombits(uint32(list[i]))}, 0
		for i < len(list) && uint32(list[i]>>32) == x.term {
			n++
			i++
		}
		if n > 1 {
			x.weight *= float32(1 + math.Log(float64(n)))
		}
		norm += float64(x.weight) * float64(x.weight)
		features = append(features, x)
	}
	for i := range features {
		features[i].weight /= float32(math.Sqrt(norm))
	}
	return features
}

// sparse is the query vector of a text.
func (f featurizer) sparse(text string) *vectorstore.Sparse {
	s := &vectorstore.Sparse{}
	for _, x := range f.features(vietnamese.Tokenize(nil, text)) {
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
	wg.Go(func() {
		accented, folded, classes := examplesOf(lib)
		wg.Go(func() { w.folded = train(folded, classes) })
		w.accented = train(accented, classes)
	})
	return func() learnedWeights {
		wg.Wait()
		return w
	}
}

// examplesOf lists what there is to learn from, with and without diacritics, and the
// ID of each class.
func examplesOf(lib *corpus.Library) (accented, folded []example, classes []string) {
	f, g := newFeaturizer(lib, false), newFeaturizer(lib, true)
	var tokens []vietnamese.Token
	add := func(text string, once bool) {
		if text != "" {
			class, key := len(classes)-1, murmur3.Sum32([]byte(text))
			tokens = vietnamese.Tokenize(tokens[:0], text)
			accented = append(accented, example{class, f.features(tokens), once, key})
			folded = append(folded, example{class, g.features(tokens), once, key})
		}
	}
	for _, d := range lib.Documents {
		classes = append(classes, d.ID)
		add(d.Title, false)
		for _, text := range slices.Concat(d.Aliases, d.Asked) {
			add(text, false)
		}
		for _, s := range d.Sections {
			for line := range strings.Lines(s.Body) {
				if len(line) > minLine {
					add(line, true)
				}
			}
		}
	}
	for _, o := range lib.Outside {
		classes = append(classes, corpus.OutsidePrefix+o.ID)
		for _, text := range append([]string{o.Title}, o.Asked...) {
			add(text, false)
		}
	}
	return accented, folded, classes
}

// number turns the terms of examples into row numbers and returns the term of each
// row. Terms that hardly any example has are left out: they teach next to nothing
// about other questions.
func number(examples []example) (terms []uint32) {
	rows := make(map[uint32]uint32)
	var counts []int // of each row
	for _, e := range examples {
		for i, x := range e.features {
			row, ok := rows[x.term]
			if !ok {
				row = uint32(len(terms))
				rows[x.term] = row
				terms, counts = append(terms, x.term), append(counts, 0)
			}
			counts[row]++
			e.features[i].term = row
		}
	}
	if len(examples) < many {
		return terms
	}
	kept := terms[:0]
	renumbered := make([]uint32, len(counts))
	for row, n := range counts {
		renumbered[row] = uint32(len(kept))
		if n >= rare {
			kept = append(kept, terms[row])
		}
	}
	for i, e := range examples {
		features := e.features[:0]
		for _, x := range e.features {
			if counts[x.term] >= rare {
				features = append(features, feature{renumbered[x.term], x.weight})
			}
		}
		examples[i].features = features
	}
	return kept
}

// train runs stochastic gradient descent over the examples in a shuffled order that
// follows from their texts: the same knowledge gives the same weights.
func train(examples []example, classes []string) map[string]vectorstore.Sparse {
	terms := number(examples)
	n := len(classes)
	weights := make([]float32, len(terms)*n) // a row holds one weight a class
	clear(weights)                           // pages first written, not read, are faulted in once: a third of the time of training
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
			if e.once && epoch > 0 {
				continue
			}
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
	const least = 0.05               // what moves no ranking
	order := make([]int, len(terms)) // rows by rising term
	for row := range order {
		order[row] = row
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(terms[a], terms[b]) })
	byClass := make([]vectorstore.Sparse, len(classes))
	for _, row := range order {
		for class, w := range weights[row*len(classes) : (row+1)*len(classes)] {
			if abs(w) > least {
				s := &byClass[class]
				s.Indices, s.Values = append(s.Indices, terms[row]), append(s.Values, w)
			}
		}
	}
	vectors := make(map[string]vectorstore.Sparse, len(classes))
	for class, id := range classes {
		vectors[id] = heavier(byClass[class])
	}
	return vectors
}

// heavier returns the keptWeights heaviest of a class's weights, all that weigh as
// much as the last of them included.
func heavier(all vectorstore.Sparse) vectorstore.Sparse {
	if len(all.Values) <= keptWeights {
		return all
	}
	sizes := make([]float32, len(all.Values))
	for i, w := range all.Values {
		sizes[i] = abs(w)
	}
	least := greatest(sizes, keptWeights)
	kept := vectorstore.Sparse{Indices: make([]uint32, 0, keptWeights), Values: make([]float32, 0, keptWeights)}
	for i, w := range all.Values {
		if abs(w) >= least {
			kept.Indices, kept.Values = append(kept.Indices, all.Indices[i]), append(kept.Values, w)
		}
	}
	return kept
}

// greatest returns the nth greatest of list, which has at least n, and reorders it.
func greatest(list []float32, n int) float32 {
	for {
		pivot := list[len(list)/2]
		above, equal := 0, 0 // list begins with what is above the pivot, then what equals it
		for i, x := range list {
			switch {
			case x > pivot:
				list[i] = list[above+equal]
				list[above+equal] = list[above]
				list[above] = x
				above++
			case x == pivot:
				list[i] = list[above+equal]
				list[above+equal] = x
				equal++
			}
		}
		switch {
		case n <= above:
			list = list[:above]
		case n <= above+equal:
			return pivot
		default:
			list, n = list[above+equal:], n-above-equal
		}
	}
}

func abs(x float32) float32 { return max(x, -x) }
