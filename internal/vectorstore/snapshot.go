package vectorstore

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/viterin/vek/vek32"
)

// snapshot is an immutable index over points sorted by ID, so that the place of a
// point is also its rank among equals.
type snapshot struct {
	meta   []meta
	dense  map[string]*denseIndex
	sparse map[string]*sparseIndex
	pool   *sync.Pool // of *accumulator
}

// meta is what a search filters by and returns.
type meta struct {
	id, document, section, collection, audience, validFrom, validTo string
}

// denseIndex holds unit vectors, one after the other: a search reads the memory
// once, in order. Points without the vector have zeros and never score.
type denseIndex struct {
	dims int
	data []float32
}

// newSnapshot indexes points, which must have unique IDs.
func newSnapshot(schema Schema, points []*Point) *snapshot {
	points = slices.Clone(points)
	slices.SortFunc(points, func(a, b *Point) int { return cmp.Compare(a.ID, b.ID) })
	s := &snapshot{meta: make([]meta, len(points)), dense: make(map[string]*denseIndex), sparse: make(map[string]*sparseIndex)}
	for i, p := range points {
		s.meta[i] = meta{p.ID, p.Document, p.Section, p.Collection, p.Audience, p.ValidFrom, p.ValidTo}
	}
	for name, dims := range schema.Dense {
		s.dense[name] = newDense(name, dims, points)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for name, idf := range schema.Sparse {
		wg.Go(func() {
			x := newSparse(name, idf, points)
			mu.Lock()
			s.sparse[name] = x
			mu.Unlock()
		})
	}
	wg.Wait()
	s.pool = newPool(len(points))
	return s
}

func newDense(name string, dims int, points []*Point) *denseIndex {
	d := &denseIndex{dims: dims, data: make([]float32, dims*len(points))}
	for i, p := range points {
		v := p.Dense[name]
		if len(v) != dims {
			continue
		}
		row := d.data[i*dims : (i+1)*dims]
		copy(row, v)
		normalize(row)
	}
	return d
}

// normalize scales v to length 1; zeros stay.
func normalize(v []float32) {
	if norm := vek32.Norm(v); norm > 0 && !math.IsInf(float64(norm), 0) {
		vek32.DivNumber_Inplace(v, norm)
	}
}

// search answers one query that fits the schema.
func (s *snapshot) search(q Query) []Hit {
	if q.Sparse != nil {
		return s.sparseSearch(s.sparse[q.Using], q)
	}
	return s.denseSearch(s.dense[q.Using], q)
}

// denseSearch compares the query with every vector, on all cores.
func (s *snapshot) denseSearch(d *denseIndex, q Query) []Hit {
	query := slices.Clone(q.Dense)
	normalize(query)
	pass := s.filter(q.Filter)
	workers := min(runtime.GOMAXPROCS(0), 1+len(s.meta)/4096) // a goroutine for less costs more than it saves
	tops := make([]*top, workers)
	var wg sync.WaitGroup
	share := (len(s.meta) + workers - 1) / workers
	scan := func(w int) {
		best := newTop(q.Limit + spare)
		for doc := w * share; doc < min((w+1)*share, len(s.meta)); doc++ {
			if pass != nil && !pass(&s.meta[doc]) {
				continue
			}
			score := vek32.Dot(query, d.data[doc*d.dims:(doc+1)*d.dims])
			if score > 0 && score >= best.least {
				best.offer(uint32(doc), score)
			}
		}
		tops[w] = best
	}
	for w := 1; w < workers; w++ {
		wg.Go(func() { scan(w) })
	}
	scan(0)
	wg.Wait()
	best := tops[0]
	for _, other := range tops[1:] {
		for _, item := range other.items {
			best.offer(item.doc, item.score)
		}
	}
	return s.hits(best, q.Limit)
}

// spare is how many hits more than the limit are kept until ties are settled.
const spare = 32

func (s *snapshot) hits(best *top, limit int) []Hit {
	hits := make([]Hit, len(best.items))
	for i, item := range best.items {
		m := &s.meta[item.doc]
		hits[i] = Hit{m.id, m.document, m.section, float64(item.score)}
	}
	return Rank(hits, limit)
}

// filter returns the test a point must pass, nil when all do.
func (s *snapshot) filter(f Filter) func(*meta) bool {
	if len(f.Collections) == 0 && len(f.Documents) == 0 && len(f.Sections) == 0 && f.Audience == "" && f.AsOf == "" {
		return nil
	}
	return func(m *meta) bool {
		return (len(f.Collections) == 0 || slices.Contains(f.Collections, m.collection)) &&
			(len(f.Documents) == 0 || slices.Contains(f.Documents, m.document)) &&
			(len(f.Sections) == 0 || slices.Contains(f.Sections, m.section)) &&
			(f.Audience == "" || m.audience == "" || m.audience == "both" || m.audience == f.Audience) &&
			(f.AsOf == "" || (m.validFrom == "" || m.validFrom <= f.AsOf) && (m.validTo == "" || m.validTo >= f.AsOf))
	}
}

// top keeps the best of what it is offered in a heap with the worst at its root.
type top struct {
	limit int
	items []scored
	least float32 // score of the worst kept once full, else 0
}

type scored struct {
	doc   uint32
	score float32
}

func newTop(limit int) *top { return &top{limit: limit, items: make([]scored, 0, min(limit, 64))} }

// worse orders by score, then later documents first.
func worse(a, b scored) bool { return a.score < b.score || a.score == b.score && a.doc > b.doc }

func (t *top) offer(doc uint32, score float32) {
	item := scored{doc, score}
	if len(t.items) < t.limit {
		t.items = append(t.items, item)
		for i := len(t.items) - 1; i > 0; {
			parent := (i - 1) / 2
			if !worse(t.items[i], t.items[parent]) {
				break
			}
			t.items[i], t.items[parent] = t.items[parent], t.items[i]
			i = parent
		}
	} else if worse(t.items[0], item) {
		t.items[0] = item
		for i := 0; ; {
			child := 2*i + 1
			if child >= len(t.items) {
				break
			}
			if child+1 < len(t.items) && worse(t.items[child+1], t.items[child]) {
				child++
			}
			if !worse(t.items[child], t.items[i]) {
				break
			}
			t.items[i], t.items[child] = t.items[child], t.items[i]
			i = child
		}
	}
	if len(t.items) == t.limit {
		t.least = t.items[0].score
	}
}
