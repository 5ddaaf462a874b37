package vietnamese

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"sort"
)

// bigramData is made by mktable from counts of syllables and pairs in 37.7 million
// syllables of public law, encyclopaedia and procedure text (mined 2026-11); it
// holds figures only, no text. Layout, little endian:
//
//	"TVB1", number of syllables n (uint32), number of pairs m (uint32)
//	n+1 offsets into the accented and n+1 into the folded strings (uint32)
//	n scores of syllables (uint8), n+1 first pairs of syllables (uint32)
//	m second syllables (uint16), m scores of pairs (uint8), the strings
//
// Syllables are sorted by folded form, then by falling count, so that the readings
// of a folded syllable lie side by side. Scores are -10 ln(probability), at most
// 255; that of a pair is of its second syllable after the first.
//
//go:embed bigrams.bin
var bigramData []byte

// table reads bigramData in place: opening it costs nothing.
type table struct {
	n, m               int
	accented, folded   []byte // offsets
	scores             []byte
	firsts             []byte // offsets into pairs
	seconds            []byte
	pairs              []byte
	accentedT, foldedT []byte // strings
}

var errTable = errors.New("bigram table is damaged")

func openTable(data []byte) (*table, error) {
	if len(data) < 12 || string(data[:4]) != "TVB1" {
		return nil, errTable
	}
	t := &table{n: int(binary.LittleEndian.Uint32(data[4:])), m: int(binary.LittleEndian.Uint32(data[8:]))}
	rest := data[12:]
	take := func(size int) []byte {
		if size < 0 || size > len(rest) {
			rest = nil
			return nil
		}
		part := rest[:size]
		rest = rest[size:]
		return part
	}
	t.accented, t.folded = take(4*(t.n+1)), take(4*(t.n+1))
	t.scores, t.firsts = take(t.n), take(4*(t.n+1))
	t.seconds, t.pairs = take(2*t.m), take(t.m)
	if t.pairs == nil || t.firsts == nil {
		return nil, errTable
	}
	t.accentedT = take(int(binary.LittleEndian.Uint32(t.accented[4*t.n:])))
	t.foldedT = take(int(binary.LittleEndian.Uint32(t.folded[4*t.n:])))
	if t.foldedT == nil {
		return nil, errTable
	}
	return t, nil
}

func at32(b []byte, i int) int { return int(binary.LittleEndian.Uint32(b[4*i:])) }

func (t *table) syllable(i int) string {
	return string(t.accentedT[at32(t.accented, i):at32(t.accented, i+1)])
}

func (t *table) foldedAt(i int) []byte {
	return t.foldedT[at32(t.folded, i):at32(t.folded, i+1)]
}

// readings returns the syllables that fold to s, the commonest first: the range
// from lo up to hi.
func (t *table) readings(s string) (lo, hi int) {
	lo = sort.Search(t.n, func(i int) bool { return string(t.foldedAt(i)) >= s })
	for hi = lo; hi < t.n && string(t.foldedAt(hi)) == s; hi++ {
	}
	return lo, hi
}

// find returns the index of an accented syllable, or -1.
func (t *table) find(accented, folded string) int {
	lo, hi := t.readings(folded)
	for i := lo; i < hi; i++ {
		if string(t.accentedT[at32(t.accented, i):at32(t.accented, i+1)]) == accented {
			return i
		}
	}
	return -1
}

// unseen is the score of what the table does not hold: e to the -25.5.
const unseen = 255

// pair returns the score of second after first.
func (t *table) pair(first, second int) (score byte, ok bool) {
	lo, hi := at32(t.firsts, first), at32(t.firsts, first+1)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch s := int(binary.LittleEndian.Uint16(t.seconds[2*mid:])); {
		case s < second:
			lo = mid + 1
		case s > second:
			hi = mid
		default:
			return t.pairs[mid], true
		}
	}
	return unseen, false
}
