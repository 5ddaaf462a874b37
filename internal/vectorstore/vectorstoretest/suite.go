// Package vectorstoretest is the one suite that every vectorstore.Store must pass.
package vectorstoretest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"troly/internal/vectorstore"
)

// Schema is what a store under test must be made with.
func Schema() vectorstore.Schema {
	return vectorstore.Schema{Dense: map[string]int{"dense": 4}, Sparse: map[string]bool{"words": true, "plain": false}}
}

// Run runs the suite; open returns an empty store of Schema, closed by the test.
func Run(t *testing.T, open func(t *testing.T) vectorstore.Store) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, vectorstore.Store)
	}{
		{"Empty", testEmpty}, {"UpsertReplaces", testUpsert}, {"Delete", testDelete}, {"Dense", testDense}, {"SparseIDF", testSparse},
		{"Filters", testFilters}, {"TiesByID", testTies}, {"BadInput", testBadInput}, {"Concurrent", testConcurrent}, {"Large", testLarge},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

// point makes a point with all three vectors.
func point(id, document string, dense []float32, words map[uint32]float32) vectorstore.Point {
	return vectorstore.Point{
		ID: id, Hash: "h-" + id, Document: document, Section: "s", Collection: "procedures",
		Dense:  map[string][]float32{"dense": dense},
		Sparse: map[string]vectorstore.Sparse{"words": sparse(words), "plain": sparse(words)},
	}
}

func sparse(weights map[uint32]float32) vectorstore.Sparse {
	var s vectorstore.Sparse
	for i := range weights {
		s.Indices = append(s.Indices, i)
	}
	slices.Sort(s.Indices)
	for _, i := range s.Indices {
		s.Values = append(s.Values, weights[i])
	}
	return s
}

func upsert(t *testing.T, s vectorstore.Store, points ...vectorstore.Point) {
	t.Helper()
	if err := s.Upsert(context.Background(), points); err != nil {
		t.Fatalf("Upsert: %v", err)
	}
}

// search runs one query and returns the IDs found.
func search(t *testing.T, s vectorstore.Store, q vectorstore.Query) []vectorstore.Hit {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 10
	}
	hits, err := s.Search(context.Background(), []vectorstore.Query{q})
	if err != nil {
		t.Fatalf("Search(%+v): %v", q, err)
	}
	if len(hits) != 1 {
		t.Fatalf("Search of one query returned %d lists", len(hits))
	}
	return hits[0]
}

func ids(hits []vectorstore.Hit) string {
	var list []string
	for _, h := range hits {
		list = append(list, h.ID)
	}
	return fmt.Sprint(list)
}

func wordsQuery(term uint32) vectorstore.Query {
	q := sparse(map[uint32]float32{term: 1})
	return vectorstore.Query{Using: "words", Sparse: &q}
}

func testEmpty(t *testing.T, s vectorstore.Store) {
	if got := search(t, s, wordsQuery(1)); len(got) != 0 {
		t.Errorf("search of an empty store = %v", got)
	}
	if got := search(t, s, vectorstore.Query{Using: "dense", Dense: []float32{1, 0, 0, 0}}); len(got) != 0 {
		t.Errorf("dense search of an empty store = %v", got)
	}
	if hashes, err := s.Hashes(context.Background()); err != nil || len(hashes) != 0 {
		t.Errorf("Hashes of an empty store = %v, %v", hashes, err)
	}
	if err := s.Delete(context.Background(), []string{"nothing"}); err != nil {
		t.Errorf("Delete of a missing point: %v", err)
	}
	if hits, err := s.Search(context.Background(), nil); err != nil || len(hits) != 0 {
		t.Errorf("Search of no query = %v, %v", hits, err)
	}
}

func testUpsert(t *testing.T, s vectorstore.Store) {
	upsert(t, s, point("a", "d", []float32{1, 0, 0, 0}, map[uint32]float32{1: 1}))
	changed := point("a", "d2", []float32{0, 1, 0, 0}, map[uint32]float32{2: 1})
	changed.Hash = "new"
	upsert(t, s, changed, point("b", "d", []float32{1, 0, 0, 0}, map[uint32]float32{3: 1}))
	if got := search(t, s, wordsQuery(1)); len(got) != 0 {
		t.Errorf("the replaced vector is still found: %v", got)
	}
	got := search(t, s, wordsQuery(2))
	if len(got) != 1 || got[0].ID != "a" || got[0].Document != "d2" || got[0].Section != "s" {
		t.Errorf("search after replacing = %+v, want point a of d2", got)
	}
	hashes, err := s.Hashes(context.Background())
	if err != nil || len(hashes) != 2 || hashes["a"] != "new" || hashes["b"] != "h-b" {
		t.Errorf("Hashes = %v, %v", hashes, err)
	}
}

func testDelete(t *testing.T, s vectorstore.Store) {
	upsert(t, s, point("a", "d", []float32{1, 0, 0, 0}, map[uint32]float32{1: 1}), point("b", "d", []float32{1, 0, 0, 0}, map[uint32]float32{1: 1}))
	search(t, s, wordsQuery(1))
	if err := s.Delete(context.Background(), []string{"a", "missing"}); err != nil {
		t.Fatal(err)
	}
	if got := ids(search(t, s, wordsQuery(1))); got != "[b]" {
		t.Errorf("after Delete: %s, want [b]", got)
	}
}

func testDense(t *testing.T, s vectorstore.Store) {
	upsert(t, s,
		point("same", "d", []float32{2, 0, 0, 0}, map[uint32]float32{1: 1}),
		point("near", "d", []float32{1, 1, 0, 0}, map[uint32]float32{1: 1}),
		point("opposite", "d", []float32{-1, 0, 0, 0}, map[uint32]float32{1: 1}),
		point("right", "d", []float32{0, 1, 0, 0}, map[uint32]float32{1: 1}),
	)
	hits := search(t, s, vectorstore.Query{Using: "dense", Dense: []float32{5, 0, 0, 0}})
	if got := ids(hits); got != "[same near]" {
		t.Fatalf("dense search = %s, want [same near]: only scores above 0", got)
	}
	if math.Abs(hits[0].Score-1) > 1e-5 || math.Abs(hits[1].Score-math.Sqrt2/2) > 1e-5 {
		t.Errorf("cosines = %v, want 1 and 0.7071", hits)
	}
}

func testSparse(t *testing.T, s vectorstore.Store) {
	upsert(t, s,
		point("a", "d", []float32{1, 0, 0, 0}, map[uint32]float32{1: 2, 7: 1}),
		point("b", "d", []float32{1, 0, 0, 0}, map[uint32]float32{1: 1}),
		point("c", "d", []float32{1, 0, 0, 0}, map[uint32]float32{9: 1}),
	)
	idf := func(df float64) float64 { return math.Log(1 + (3-df+0.5)/(df+0.5)) }
	q := sparse(map[uint32]float32{1: 1, 7: 3, 4294967295: 1})
	hits := search(t, s, vectorstore.Query{Using: "words", Sparse: &q})
	if got := ids(hits); got != "[a b]" {
		t.Fatalf("sparse search = %s, want [a b]", got)
	}
	if want := 2*idf(2) + 3*idf(1); math.Abs(hits[0].Score-want) > 1e-4 {
		t.Errorf("score with idf = %v, want %v", hits[0].Score, want)
	}
	hits = search(t, s, vectorstore.Query{Using: "plain", Sparse: &q})
	if want := 5.0; len(hits) == 0 || math.Abs(hits[0].Score-want) > 1e-4 {
		t.Errorf("scores without idf = %v, want %v first", hits, want)
	}
}

func testFilters(t *testing.T, s vectorstore.Store) {
	make := func(id string, change func(*vectorstore.Point)) vectorstore.Point {
		p := point(id, "d-"+id, []float32{1, 0, 0, 0}, map[uint32]float32{1: 1})
		change(&p)
		return p
	}
	upsert(t, s,
		make("open", func(*vectorstore.Point) {}),
		make("skills", func(p *vectorstore.Point) { p.Collection = "skills" }),
		make("official", func(p *vectorstore.Point) { p.Audience = "official" }),
		make("both", func(p *vectorstore.Point) { p.Audience = "both" }),
		make("over", func(p *vectorstore.Point) { p.ValidTo = "2026-06-30" }),
		make("later", func(p *vectorstore.Point) { p.ValidFrom = "2026-07-01" }),
		make("section", func(p *vectorstore.Point) { p.Section = "le-phi" }),
	)
	for _, tt := range []struct {
		filter vectorstore.Filter
		want   string
	}{
		{vectorstore.Filter{Collections: []string{"skills"}}, "[skills]"},
		{vectorstore.Filter{Documents: []string{"d-open", "d-both"}}, "[both open]"},
		{vectorstore.Filter{Sections: []string{"le-phi"}}, "[section]"},
		{vectorstore.Filter{Audience: "citizen"}, "[both later open over section skills]"},
		{vectorstore.Filter{AsOf: "2026-06-30"}, "[both official open over section skills]"},
		{vectorstore.Filter{AsOf: "2026-07-01"}, "[both later official open section skills]"},
		{vectorstore.Filter{Documents: []string{"none"}}, "[]"},
	} {
		for _, q := range []vectorstore.Query{wordsQuery(1), {Using: "dense", Dense: []float32{1, 0, 0, 0}}} {
			q.Filter = tt.filter
			if got := ids(search(t, s, q)); got != tt.want {
				t.Errorf("filter %+v on %q = %s, want %s", tt.filter, q.Using, got, tt.want)
			}
		}
		// Before ranking: a limit of 1 still finds the one that passes.
		q := wordsQuery(1)
		q.Filter, q.Limit = tt.filter, 1
		if got := search(t, s, q); (len(got) == 1) != (tt.want != "[]") {
			t.Errorf("filter %+v with limit 1 = %v", tt.filter, got)
		}
	}
}

func testTies(t *testing.T, s vectorstore.Store) {
	var points []vectorstore.Point
	for i := range 50 {
		points = append(points, point(fmt.Sprintf("p%02d", (i*37)%50), "d", []float32{1, 0, 0, 0}, map[uint32]float32{1: 1}))
	}
	upsert(t, s, points...)
	for _, q := range []vectorstore.Query{wordsQuery(1), {Using: "dense", Dense: []float32{1, 0, 0, 0}}} {
		q.Limit = 5
		if got := ids(search(t, s, q)); got != "[p00 p01 p02 p03 p04]" {
			t.Errorf("equal scores on %q = %s, want the first five by ID", q.Using, got)
		}
	}
}

func testBadInput(t *testing.T, s vectorstore.Store) {
	good := sparse(map[uint32]float32{1: 1})
	for _, q := range []vectorstore.Query{
		{Using: "none", Sparse: &good, Limit: 1}, {Using: "dense", Dense: []float32{1}, Limit: 1}, {Using: "words", Sparse: &good}, {Using: "words", Sparse: &good, Limit: vectorstore.MaxLimit + 1}, {Using: "words", Limit: 1},
	} {
		if _, err := s.Search(context.Background(), []vectorstore.Query{q}); !errors.Is(err, vectorstore.ErrBadQuery) {
			t.Errorf("Search(%+v): error %v, want ErrBadQuery", q, err)
		}
	}
	short := point("short", "d", []float32{1}, map[uint32]float32{1: 1})
	unknown := point("unknown", "d", []float32{1, 0, 0, 0}, map[uint32]float32{1: 1})
	unknown.Sparse["other"] = good
	unsorted := point("unsorted", "d", []float32{1, 0, 0, 0}, nil)
	unsorted.Sparse["words"] = vectorstore.Sparse{Indices: []uint32{2, 1}, Values: []float32{1, 1}}
	for _, p := range []vectorstore.Point{short, unknown, unsorted, {}} {
		if err := s.Upsert(context.Background(), []vectorstore.Point{p}); !errors.Is(err, vectorstore.ErrBadQuery) {
			t.Errorf("Upsert(%q): error %v, want ErrBadQuery", p.ID, err)
		}
	}
	if hashes, err := s.Hashes(context.Background()); err != nil || len(hashes) != 0 {
		t.Errorf("a refused point was stored: %v, %v", hashes, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Search(ctx, []vectorstore.Query{wordsQuery(1)}); err == nil {
		t.Error("Search with a cancelled context: no error")
	}
}

func testConcurrent(t *testing.T, s vectorstore.Store) {
	upsert(t, s, point("fixed", "d", []float32{1, 0, 0, 0}, map[uint32]float32{1: 1}))
	search(t, s, wordsQuery(1))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				hits, err := s.Search(context.Background(), []vectorstore.Query{{Using: "words", Sparse: wordsQuery(1).Sparse, Limit: 100, Filter: vectorstore.Filter{Documents: []string{"d"}}}})
				if err != nil || len(hits[0]) == 0 || hits[0][0].ID != "fixed" {
					t.Errorf("a search during writes = %v, %v: the fixed point is missing", hits, err)
					return
				}
			}
		})
	}
	for i := range 10 {
		upsert(t, s, point(fmt.Sprintf("w%d", i), "other", []float32{1, 0, 0, 0}, map[uint32]float32{1: 1}))
	}
	wg.Wait()
	if got := search(t, s, wordsQuery(1)); len(got) != 10 {
		t.Errorf("after the writes %d hits, want the limit of 10", len(got))
	}
}

func testLarge(t *testing.T, s vectorstore.Store) {
	const n = 3000
	points := make([]vectorstore.Point, n)
	for i := range points {
		points[i] = point(fmt.Sprintf("p%04d", i), fmt.Sprintf("d%d", i/10), []float32{1, float32(i), 0, 0}, map[uint32]float32{uint32(i): 1, 5_000_000: 1})
	}
	upsert(t, s, points...)
	if got := ids(search(t, s, wordsQuery(1234))); got != "[p1234]" {
		t.Errorf("one of %d points = %s, want [p1234]", n, got)
	}
	q := wordsQuery(5_000_000)
	q.Limit = vectorstore.MaxLimit
	if got := search(t, s, q); len(got) != vectorstore.MaxLimit {
		t.Errorf("a term of all points: %d hits, want %d", len(got), vectorstore.MaxLimit)
	}
	hashes, err := s.Hashes(context.Background())
	if err != nil || len(hashes) != n {
		t.Errorf("Hashes: %d, %v, want %d", len(hashes), err, n)
	}
}
