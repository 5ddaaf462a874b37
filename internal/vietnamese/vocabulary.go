package vietnamese

import (
	"encoding/binary"
	"errors"
	"slices"
)

// Vocabulary counts the syllables of a body of text and which follow which. Add is
// for one goroutine; reading is safe for any number once adding is done.
type Vocabulary struct {
	ids    map[string]int
	words  []string
	counts []uint32
	pairs  map[uint64]uint32 // first id << 32 | second id
	folded map[string][]int  // readings of a folded syllable, made by seal
	total  uint64
	tokens []Token // scratch of Add
}

// NewVocabulary returns an empty vocabulary.
func NewVocabulary() *Vocabulary {
	return &Vocabulary{ids: make(map[string]int), pairs: make(map[uint64]uint32)}
}

// Add counts the syllables of text; pairs do not reach over line ends.
func (v *Vocabulary) Add(text string) {
	v.folded = nil
	v.tokens = Tokenize(v.tokens[:0], text)
	previous, previousEnd := -1, 0
	for _, t := range v.tokens {
		if t.Kind != Word {
			previous = -1
			continue
		}
		id, ok := v.ids[t.Text]
		if !ok {
			id = len(v.words)
			v.ids[t.Text] = id
			v.words = append(v.words, t.Text)
			v.counts = append(v.counts, 0)
		}
		v.counts[id]++
		v.total++
		if previous >= 0 && t.Start-previousEnd <= 2 {
			v.pairs[uint64(previous)<<32|uint64(id)]++
		}
		previous, previousEnd = id, t.End
	}
}

// seal makes the readings table.
func (v *Vocabulary) seal() {
	if v.folded != nil {
		return
	}
	v.folded = make(map[string][]int)
	for id, w := range v.words {
		f := Fold(w)
		v.folded[f] = append(v.folded[f], id)
	}
	for _, ids := range v.folded {
		slices.SortStableFunc(ids, func(a, b int) int { return int(v.counts[b]) - int(v.counts[a]) })
	}
}

func (v *Vocabulary) find(word string) int {
	if id, ok := v.ids[word]; ok {
		return id
	}
	return -1
}

// MarshalBinary writes the vocabulary in a form UnmarshalBinary reads.
func (v *Vocabulary) MarshalBinary() ([]byte, error) {
	b := binary.AppendUvarint(nil, uint64(len(v.words)))
	for i, w := range v.words {
		b = binary.AppendUvarint(b, uint64(len(w)))
		b = append(b, w...)
		b = binary.AppendUvarint(b, uint64(v.counts[i]))
	}
	keys := make([]uint64, 0, len(v.pairs))
	for k := range v.pairs {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, k := range keys {
		b = binary.AppendUvarint(b, k>>32)
		b = binary.AppendUvarint(b, k&0xFFFFFFFF)
		b = binary.AppendUvarint(b, uint64(v.pairs[k]))
	}
	return b, nil
}

var errVocabulary = errors.New("vocabulary is damaged")

// UnmarshalBinary replaces the vocabulary by the one written to data.
func (v *Vocabulary) UnmarshalBinary(data []byte) error {
	ok := true
	next := func() uint64 {
		n, size := binary.Uvarint(data)
		if size <= 0 {
			ok, data = false, nil
			return 0
		}
		data = data[size:]
		return n
	}
	n := next()
	if n > uint64(len(data)) {
		return errVocabulary
	}
	*v = Vocabulary{ids: make(map[string]int, n), words: make([]string, 0, n), counts: make([]uint32, 0, n)}
	for range n {
		size := next()
		if !ok || size > uint64(len(data)) {
			return errVocabulary
		}
		word := string(data[:size])
		data = data[size:]
		count := next()
		v.ids[word] = len(v.words)
		v.words = append(v.words, word)
		v.counts = append(v.counts, uint32(count))
		v.total += count
	}
	m := next()
	if m > uint64(len(data)) {
		return errVocabulary
	}
	v.pairs = make(map[uint64]uint32, m)
	for range m {
		first, second, count := next(), next(), next()
		if first >= n || second >= n {
			return errVocabulary
		}
		v.pairs[first<<32|second] = uint32(count)
	}
	if !ok {
		return errVocabulary
	}
	return nil
}
