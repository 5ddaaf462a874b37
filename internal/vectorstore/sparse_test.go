package vectorstore

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A search that leaves common words out finds the same, and in the same order, as
// adding up every word of every point.
func TestSparseSearchIsExact(t *testing.T) {
	const n = 4000
	rng := rand.New(rand.NewPCG(5, 6))
	term := func() uint32 { return uint32(math.Exp(rng.Float64() * math.Log(2000))) }
	vector := func(words int, least float32) Sparse {
		weights := make(map[uint32]float32)
		for range words {
			weights[term()] += least + rng.Float32()
		}
		var v Sparse
		for _, index := range slices.Sorted(maps.Keys(weights)) {
			v.Indices, v.Values = append(v.Indices, index), append(v.Values, weights[index])
		}
		return v
	}
	points := make([]*Point, n)
	for i := range points {
		points[i] = &Point{ID: fmt.Sprintf("p%04d", i), Audience: []string{"citizen", "official"}[i%2], Sparse: map[string]Sparse{"words": vector(60, 0), "class": vector(10, -0.5)}}
	}
	s := newSnapshot(Schema{Sparse: map[string]bool{"words": true, "class": false}}, points)
	shortened := 0
	for i := range 300 {
		q := Query{Using: []string{"words", "words", "class"}[i%3], Limit: 1 + rng.IntN(20), Filter: Filter{Audience: []string{"", "citizen"}[i%2]}}
		v := vector(2+rng.IntN(12), 0)
		q.Sparse = &v
		got, want := s.search(q), addUp(s, points, q)
		for j := range max(len(got), len(want)) {
			if j >= len(got) || j >= len(want) || got[j].ID != want[j].ID || math.Abs(got[j].Score-want[j].Score) > 1e-4 {
				t.Fatalf("search %d, %+v: hit %d is %v, want %v", i, q, j, got[min(j, len(got)):], want[min(j, len(want)):])
			}
		}
		if leavesOut(s, q) {
			shortened++
		}
	}
	if shortened < 50 {
		t.Errorf("only %d of 300 searches left anything out", shortened)
	}
}

// addUp is a search without postings.
func addUp(s *snapshot, points []*Point, q Query) []Hit {
	x := s.sparse[q.Using]
	pass := s.filter(q.Filter)
	var hits []Hit
	for i, p := range points {
		if pass != nil && !pass(&s.meta[i]) {
			continue
		}
		score := 0.0
		for j, index := range q.Sparse.Indices {
			at, found := slices.BinarySearch(p.Sparse[q.Using].Indices, index)
			term, _ := slices.BinarySearch(x.terms, index)
			if !found {
				continue
			}
			weight := float64(q.Sparse.Values[j])
			if x.idf {
				df := float64(x.offsets[term+1] - x.offsets[term])
				weight *= math.Log(1 + (float64(x.count)-df+0.5)/(df+0.5))
			}
			score += weight * float64(p.Sparse[q.Using].Values[at])
		}
		hits = append(hits, Hit{ID: p.ID, Score: score})
	}
	return Rank(hits, q.Limit)
}

// leavesOut reports whether a search touches fewer points than have its words.
func leavesOut(s *snapshot, q Query) bool {
	x := s.sparse[q.Using]
	all := &accumulator{scores: make([]float32, len(s.meta))}
	for _, l := range x.lists(q.Sparse) {
		l.add(all)
	}
	acc := &accumulator{scores: make([]float32, len(s.meta))}
	s.addUp(x, q, acc)
	return len(acc.touched) < len(all.touched)
}
