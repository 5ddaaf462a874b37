package vectorstore

import (
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/twmb/murmur3"

	"troly/internal/vietnamese"
)

// BM25 makes sparse vectors of text so that their dot product, with the store's
// inverse document frequencies, is the BM25 score of each field, summed with weights.
//
//	document weight  tf (k1+1) / (tf + k1 (1 - b + b len/avg))
//	query weight     Weight of the family
//	idf              ln(1 + (N-df+0.5)/(df+0.5)), by the store
//
// k1 = 1.2 and b = 0.75 are the values of the original papers (Robertson and
// Zaragoza, 2009); a field may have its own b, because long official titles would
// otherwise lose to short special ones. The average length is a constant: with the
// corpus' own, adding one document would change the vectors of all others.
//
// Each field is indexed in four families: accented syllables, folded syllables, and
// bigrams of both, so that a question typed with marks prefers the marked match and
// one typed without still finds all. A syllable's ID is |murmur3-32| of its text with
// a prefix for field and family, the rule of Qdrant's own encoder; a pair's is mixed
// from those of its two. Terms that collide are merged.
type BM25 struct {
	Fields []Field // in the order of the texts given to Document
}

// Field is a part of a document that is scored apart.
type Field struct {
	Name    string  // prefix of its terms, one letter or a few
	B       float64 // share of the length normalisation, 0 to 1
	Average float64 // length in tokens at which it is neutral
}

// K1 is the saturation of term frequency.
const K1 = 1.2

// Weights of the families of one field in a query.
type Weights struct {
	Accented, AccentedPair, Folded, FoldedPair float64
}

// Term is one syllable of a query with its weight; a Break before it ends a pair.
type Term struct {
	Token  vietnamese.Token
	Weight float64
	Break  bool // does not form a pair with the term before
}

const (
	accentedFamily = iota
	foldedFamily
	syllableFamilies
	families = 2 * syllableFamilies // and the pairs of each
)

var familyMarks = [syllableFamilies]byte{'a', 'f'}

// Encoder encodes with scratch space of its own; one per goroutine.
type Encoder struct {
	bm25   BM25
	tokens []vietnamese.Token
	keys   []uint64 // term ID << 8 | field << 4 | family, that of a pair being syllableFamilies more
	spare  []uint64
	places []uint32
	buffer []byte
	known  []map[string]syllableIDs // of documents' syllables, by field and text
}

// syllableIDs are the term IDs of a syllable, by family.
type syllableIDs [syllableFamilies]uint32

// Encoder returns a new encoder.
func (b BM25) Encoder() *Encoder {
	e := &Encoder{bm25: b, known: make([]map[string]syllableIDs, len(b.Fields))}
	for f := range e.known {
		e.known[f] = make(map[string]syllableIDs)
	}
	return e
}

// Document encodes the texts of a document's fields.
func (e *Encoder) Document(texts ...string) Sparse {
	e.keys = e.keys[:0]
	var norms [16]float64
	var once [16]float32 // weight of what occurs once, as most terms do
	for f, text := range texts {
		e.tokens = vietnamese.Tokenize(e.tokens[:0], text)
		field := e.bm25.Fields[f]
		norms[f] = K1
		if field.Average > 0 {
			norms[f] *= 1 - field.B + field.B*float64(len(e.tokens))/field.Average
		}
		once[f] = saturated(1, norms[f])
		var before syllableIDs
		for i, t := range e.tokens {
			ids := e.knownIDs(f, t)
			for family, id := range ids {
				e.add(id, f, family)
				if i > 0 {
					e.add(pairID(before[family], id), f, syllableFamilies+family)
				}
			}
			before = ids
		}
	}
	e.sortKeys()
	var s Sparse
	s.Indices = make([]uint32, 0, len(e.keys))
	s.Values = make([]float32, 0, len(e.keys))
	for i := 0; i < len(e.keys); {
		key, start := e.keys[i], i
		for i < len(e.keys) && e.keys[i] == key {
			i++
		}
		f := key >> 4 & 0xF
		weight := once[f]
		if tf := i - start; tf > 1 {
			weight = saturated(tf, norms[f])
		}
		s.add(uint32(key>>8), weight)
	}
	return s
}

// saturated is the weight of a term that occurs tf times.
func saturated(tf int, norm float64) float32 {
	return float32(float64(tf) * (K1 + 1) / (float64(tf) + norm))
}

// sortKeys sorts the keys. Their IDs are hashes: put in as many buckets as there are
// keys, by their first bits, all but few are where they belong.
func (e *Encoder) sortKeys() {
	n := len(e.keys)
	shift := 40 - bits.Len(uint(n))
	if cap(e.spare) < n {
		e.spare, e.places = make([]uint64, 0, cap(e.keys)), make([]uint32, 2*cap(e.keys))
	}
	sorted, places := e.spare[:n], e.places[:1<<bits.Len(uint(n))]
	clear(places)
	for _, key := range e.keys {
		places[key>>shift]++
	}
	next := uint32(0)
	for i, count := range places {
		places[i], next = next, next+count
	}
	for _, key := range e.keys {
		at := &places[key>>shift]
		sorted[*at] = key
		*at++
	}
	for i := 1; i < n; i++ {
		key, at := sorted[i], i
		for ; at > 0 && sorted[at-1] > key; at-- {
			sorted[at] = sorted[at-1]
		}
		sorted[at] = key
	}
	e.keys, e.spare = sorted, e.keys
}

// add appends a weight; that of an index that is already last is summed.
func (s *Sparse) add(index uint32, value float32) {
	if n := len(s.Indices); n > 0 && s.Indices[n-1] == index {
		s.Values[n-1] += value
		return
	}
	s.Indices = append(s.Indices, index)
	s.Values = append(s.Values, value)
}

func (e *Encoder) add(id uint32, field, family int) {
	e.keys = append(e.keys, uint64(id)<<8|uint64(field)<<4|uint64(family))
}

// maxKnown bounds what an encoder remembers of a field: some 8,000 syllables make up
// nearly all text, the rest are numbers and names.
const maxKnown = 1 << 16

// knownIDs are the ids of a document's syllable, hashed the first time only.
func (e *Encoder) knownIDs(field int, t vietnamese.Token) syllableIDs {
	known := e.known[field]
	ids, ok := known[t.Text]
	if !ok {
		ids = e.ids(field, t)
		if len(known) < maxKnown {
			known[strings.Clone(t.Text)] = ids
		}
	}
	return ids
}

// ids are the term IDs of a syllable.
func (e *Encoder) ids(field int, t vietnamese.Token) (ids syllableIDs) {
	for family, text := range [...]string{accentedFamily: t.Text, foldedFamily: t.Folded} {
		b := append(e.buffer[:0], e.bm25.Fields[field].Name...)
		b = append(b, familyMarks[family])
		b = append(b, text...)
		e.buffer = b
		h := int32(murmur3.Sum32(b))
		if h < 0 && h != math.MinInt32 {
			h = -h
		}
		ids[family] = uint32(h)
	}
	return ids
}

// pairID is the term ID of a pair of syllables: those of the two, which tell field and
// family, in their order, mixed by the finaliser of murmur3. Like them it has 31 bits.
func pairID(first, second uint32) uint32 {
	h := first*0x9e3779b9 + second
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return (h ^ h>>16) >> 1
}

// Query encodes terms for one search; weights are per field, in their order.
func (e *Encoder) Query(terms []Term, weights []Weights) *Sparse {
	type weighted struct {
		id     uint32
		weight float32
	}
	list := make([]weighted, 0, len(terms)*len(weights)*families)
	put := func(id uint32, w float64) {
		if w > 0 {
			list = append(list, weighted{id, float32(w)})
		}
	}
	for f, w := range weights {
		var before syllableIDs
		for i, t := range terms {
			ids := e.ids(f, t.Token)
			put(ids[accentedFamily], w.Accented*t.Weight)
			put(ids[foldedFamily], w.Folded*t.Weight)
			if i > 0 && !t.Break {
				pair := (terms[i-1].Weight + t.Weight) / 2
				put(pairID(before[accentedFamily], ids[accentedFamily]), w.AccentedPair*pair)
				put(pairID(before[foldedFamily], ids[foldedFamily]), w.FoldedPair*pair)
			}
			before = ids
		}
	}
	slices.SortFunc(list, func(a, b weighted) int {
		switch {
		case a.id < b.id:
			return -1
		case a.id > b.id:
			return 1
		case a.weight > b.weight: // a repeated word counts once, at its best weight
			return -1
		case a.weight < b.weight:
			return 1
		}
		return 0
	})
	s := &Sparse{Indices: make([]uint32, 0, len(list)), Values: make([]float32, 0, len(list))}
	for _, t := range list {
		if n := len(s.Indices); n == 0 || s.Indices[n-1] != t.id {
			s.Indices = append(s.Indices, t.id)
			s.Values = append(s.Values, t.weight)
		}
	}
	return s
}
