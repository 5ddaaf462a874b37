package vectorstore

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sync"

	"github.com/viterin/vek/vek32"
)

// sparseIndex holds the postings of each term side by side.
type sparseIndex struct {
	idf     bool
	count   int      // points that have the vector
	terms   []uint32 // rising
	offsets []uint32 // postings of terms[i] are offsets[i]:offsets[i+1]
	docs    []uint32
	values  []float32

	spans map[int]span // of the values of long lists, by place of the term; made by measure
}

// span is between which values a list is.
type span struct{ least, greatest float32 }

// accumulator is the scratch space of a sparse search.
type accumulator struct {
	scores  []float32
	touched []uint32 // points with a score
	near    []uint32 // those of them that may be among the best
}

// newPool hands out accumulators for n points.
func newPool(n int) *sync.Pool {
	return &sync.Pool{New: func() any { return &accumulator{scores: make([]float32, n)} }}
}

// newSparse turns the points' vectors into postings: term by term, those of a term by
// point. It works through the terms in bands, of so few postings that sorting them
// stays within the processor's cache.
func newSparse(name string, idf bool, points []*Point) *sparseIndex {
	type entry struct {
		doc  uint32
		next uint32 // place in its vector of what belongs to later bands
		Sparse
	}
	var entries []entry
	total, greatest := 0, uint32(0)
	for doc, p := range points {
		if v := p.Sparse[name]; len(v.Indices) > 0 {
			entries = append(entries, entry{uint32(doc), 0, v})
			total += len(v.Indices)
			greatest = max(greatest, v.Indices[len(v.Indices)-1])
		}
	}
	x := &sparseIndex{idf: idf, count: len(entries), docs: make([]uint32, total), values: make([]float32, total)}
	width := max(bits.Len32(greatest)-bits.Len(uint(total/bandPostings)), 0) // bits of a term within its band
	terms, offsets := make([]uint32, 0, total/2), make([]uint32, 0, total/2) // most terms are met once or a few times
	band := make([]keyed, 0, min(total, bandPostings+bandPostings/4))
	var scratch []keyed
	done, last := 0, uint32(0)
	for first := uint64(0); first <= uint64(greatest) && total > 0; first += 1 << width {
		band = band[:0]
		for i := range entries {
			e := &entries[i]
			n := int(e.next)
			indices, values := e.Indices[n:], e.Values[n:len(e.Indices)]
			for j, term := range indices {
				if uint64(term) >= first+1<<width {
					break
				}
				band = append(band, keyed{uint64(term)<<32 | uint64(e.doc), values[j]})
				n++
			}
			e.next = uint32(n)
		}
		band, scratch = sortKeyed(band, scratch, 32, 32+width)
		docs, values := x.docs[done:][:len(band)], x.values[done:][:len(band)]
		for i, posting := range band {
			docs[i], values[i] = uint32(posting.key), posting.value
			if term := uint32(posting.key >> 32); term != last || len(terms) == 0 {
				last = term
				terms, offsets = append(terms, term), append(offsets, uint32(done+i))
			}
		}
		done += len(band)
	}
	x.terms = append(make([]uint32, 0, len(terms)), terms...) // no longer than need be: they stay
	x.offsets = append(append(make([]uint32, 0, len(terms)+1), offsets...), uint32(total))
	x.measure()
	return x
}

// longList is from how many postings on the span of a list is noted; that of a shorter
// one is found as fast.
const longList = 2048

// measure notes the spans of long lists: they tell searches which words cannot matter.
func (x *sparseIndex) measure() {
	x.spans = make(map[int]span)
	for at := range x.terms {
		if lo, hi := x.offsets[at], x.offsets[at+1]; hi-lo >= longList {
			x.spans[at] = spanOf(x.values[lo:hi])
		}
	}
}

func spanOf(values []float32) span { return span{vek32.Min(values), vek32.Max(values)} }

// bandPostings is how many postings are sorted at once, about: four megabytes of them.
// Fewer fit better into the cache, but every band walks over all vectors once more.
const bandPostings = 1 << 18

// keyed is something to be sorted by key.
type keyed struct {
	key   uint64
	value float32
}

// sortKeyed sorts list by the bits of its keys from the given one up to another,
// digit by digit; equals stay in order. What it returns first is sorted; scratch
// and list may have changed places.
func sortKeyed(list, scratch []keyed, from, to int) (sorted, spare []keyed) {
	const digit = 9
	if cap(scratch) < len(list) {
		scratch = make([]keyed, len(list))
	}
	scratch = scratch[:len(list)]
	for ; from < to; from += digit {
		var places [1 << digit]uint32
		mask := uint64(1)<<min(digit, to-from) - 1
		for i := range list {
			places[list[i].key>>from&mask]++
		}
		next := uint32(0)
		for d, n := range places {
			places[d], next = next, next+n
		}
		for _, item := range list {
			at := &places[item.key>>from&mask]
			scratch[*at] = item
			*at++
		}
		list, scratch = scratch, list
	}
	return list, scratch
}

// list is the postings of one term of a query.
type list struct {
	docs   []uint32
	values []float32
	weight float32 // of the query, inverse document frequency included
	least  float32 // it adds to the score of a point, if its weight is positive
	most   float32

	// Of this list and all after it:
	rest     float32 // what they add at most
	postings int
}

// lists are the postings of a query's terms, those that can add most to a score first.
func (x *sparseIndex) lists(q *Sparse) []list {
	lists := make([]list, 0, len(q.Indices))
	for i, term := range q.Indices {
		at, found := slices.BinarySearch(x.terms, term)
		if !found {
			continue
		}
		lo, hi := x.offsets[at], x.offsets[at+1]
		l := list{docs: x.docs[lo:hi], values: x.values[lo:hi], weight: q.Values[i]}
		if x.idf {
			df := float64(hi - lo)
			l.weight *= float32(math.Log(1 + (float64(x.count)-df+0.5)/(df+0.5)))
		}
		values, long := x.spans[at]
		if !long {
			values = spanOf(l.values)
		}
		l.least, l.most = l.weight*values.least, l.weight*values.greatest
		lists = append(lists, l)
	}
	slices.SortStableFunc(lists, func(a, b list) int { return cmp.Compare(b.most, a.most) })
	rest, postings := float32(0), 0
	for i := len(lists) - 1; i >= 0; i-- {
		rest += lists[i].most
		postings += len(lists[i].docs)
		lists[i].rest, lists[i].postings = rest, postings
	}
	return lists
}

// sparseSearch adds up the postings of each query term, then picks the best.
func (s *snapshot) sparseSearch(x *sparseIndex, q Query) []Hit {
	acc := s.pool.Get().(*accumulator)
	defer s.pool.Put(acc)
	s.addUp(x, q, acc)
	best := s.best(acc.touched, acc.scores, q.Limit+spare, s.filter(q.Filter))
	for _, doc := range acc.touched {
		acc.scores[doc] = 0
	}
	acc.touched = acc.touched[:0]
	return s.hits(best, q.Limit)
}

// fewKept is up to how many points to keep finding out which words cannot matter takes
// less time than adding them: among the best 200 that pass a filter, hardly any is such.
const fewKept = 64

// addUp scores points so that the best have their full score. Common words come last:
// once they could lift no further point among the best, they are added to those only
// that can still be (MaxScore, Turtle and Flood 1995).
func (s *snapshot) addUp(x *sparseIndex, q Query, acc *accumulator) {
	kept, pass := q.Limit+spare, s.filter(q.Filter)
	lists := x.lists(q.Sparse)
	prunes := kept <= fewKept && !slices.ContainsFunc(lists, func(l list) bool { return !(l.weight >= 0 && l.least >= 0) })
	closed := false     // to points that no list has had so far
	least := float32(0) // score of the worst of the best so far, or more
	near := acc.near[:0]
	for _, l := range lists {
		if !closed && prunes && l.rest < least && l.postings > 2*len(acc.touched) {
			least = s.best(acc.touched, acc.scores, kept, pass).least * certain
			if closed = l.rest < least; closed {
				near = atLeast(near, least-l.rest, acc.touched, acc.scores)
			}
		} else if closed {
			least = s.best(near, acc.scores, kept, pass).least * certain
			near = atLeast(near[:0], least-l.rest, near, acc.scores)
		}
		switch few := len(l.docs) / 16; {
		case !closed:
			l.add(acc)
			least += l.most
		case len(near) < few:
			slices.Sort(near)
			l.lookUp(acc.scores, near)
		default:
			l.addToScored(acc.scores)
		}
	}
	acc.near = near
}

// atLeast appends to dst, which may be a beginning of points, those whose score is
// that high.
func atLeast(dst []uint32, least float32, points []uint32, scores []float32) []uint32 {
	for _, doc := range points {
		if scores[doc] >= least {
			dst = append(dst, doc)
		}
	}
	return dst
}

// certain allows for the rounding of sums of float32.
const certain = 1 - 1e-4

// add adds a list to the scores. Whether a point has a score already is as good as
// random, so that a branch on it would cost more than the rest: it is counted instead.
func (l list) add(acc *accumulator) {
	scores, values := acc.scores, l.values[:len(l.docs)]
	n := len(acc.touched)
	touched := slices.Grow(acc.touched, len(l.docs))[:n+len(l.docs)]
	for j, doc := range l.docs {
		score := scores[doc]
		touched[n] = doc // kept if it is new
		n += 1 - hasScore(score)
		if score += l.weight * values[j]; score == 0 {
			score = math.SmallestNonzeroFloat32 // touched, though its weights cancel out
		}
		scores[doc] = score
	}
	acc.touched = touched[:n]
}

// addToScored adds a list to the points that have a score.
func (l list) addToScored(scores []float32) {
	values := l.values[:len(l.docs)]
	for j, doc := range l.docs {
		score := scores[doc]
		more := math.Float32bits(l.weight*values[j]) & -uint32(hasScore(score)) // or 0
		scores[doc] = score + math.Float32frombits(more)
	}
}

// hasScore is 1 if a point has a score, else 0, without a branch.
func hasScore(score float32) int {
	bits := math.Float32bits(score)
	return int((bits | -bits) >> 31)
}

// lookUp adds a list to the scores of the given points, which rise.
func (l list) lookUp(scores []float32, points []uint32) {
	docs, values := l.docs, l.values
	for _, point := range points {
		step := 1 // doubled until it goes beyond the point
		for step < len(docs) && docs[step] < point {
			step *= 2
		}
		at, found := slices.BinarySearch(docs[:min(step+1, len(docs))], point)
		if found {
			scores[point] += l.weight * values[at]
		}
		docs, values = docs[at:], values[at:]
	}
}

// best picks the n best of the points that pass.
func (s *snapshot) best(points []uint32, scores []float32, n int, pass func(*meta) bool) *top {
	best := newTop(n)
	for _, doc := range points {
		score := scores[doc]
		if score > math.SmallestNonzeroFloat32 && score >= best.least && (pass == nil || pass(&s.meta[doc])) {
			best.offer(doc, score)
		}
	}
	return best
}
