//go:build linux

package vectorstore

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/viterin/vek/vek32"

	"troly/internal/vietnamese"
)

// BenchmarkRatios prints what the store costs beside what it cannot do without, all
// in one run, because the machine's memory is now faster and now slower. Where one
// core does all, only the time it worked counts: others may use it in between.
//
//	dense/stream     a search of 100,000 x 384 beside reading those bytes on all cores
//	sparse/postings  a search of 5 to 12 syllables beside reading its postings
//	sparse-p99/p50   its slowest percentile beside its median
//	hybrid/dense     both searches in one call beside the dense one
//	memory/data      the index in memory beside vectors, postings and texts
func BenchmarkRatios(b *testing.B) {
	const n, dims = 100_000, 384
	s, queries := ratioStore(b, n, dims)
	snap := s.snapshot(context.Background())
	quantiles := func(rounds int, clock func() time.Duration, step func(i int)) (p50, p99 time.Duration) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		times := make([]time.Duration, rounds)
		for i := range times {
			start := clock()
			step(i)
			times[i] = clock() - start
		}
		slices.Sort(times)
		return times[rounds/2], times[rounds*99/100]
	}
	began := time.Now()
	wall := func() time.Duration { return time.Since(began) }
	search := func(q ...Query) {
		if _, err := s.Search(context.Background(), q); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		data := snap.dense["dense"].data
		stream, _ := quantiles(101, wall, func(int) { streamed = readAll(data) })
		dense, _ := quantiles(101, wall, func(i int) { search(queries[i%64][0]) })
		postings, _ := quantiles(640, worked, func(i int) { streamed = snap.sparse["words"].read(queries[i%64][1]) })
		sparse, tail := quantiles(640, worked, func(i int) { search(queries[i%64][1]) })
		hybrid, _ := quantiles(101, wall, func(i int) { search(queries[i%64]...) })
		b.ReportMetric(stream.Seconds()*1e3, "stream-ms")
		b.ReportMetric(dense.Seconds()*1e3, "dense-ms")
		b.ReportMetric(sparse.Seconds()*1e3, "sparse-ms")
		b.ReportMetric(ratio(dense, stream), "dense/stream")
		b.ReportMetric(ratio(sparse, postings), "sparse/postings")
		b.ReportMetric(ratio(tail, sparse), "sparse-p99/p50")
		b.ReportMetric(ratio(hybrid, dense), "hybrid/dense")
	}
	b.ReportMetric(memoryRatio(snap), "memory/data")
}

// worked is how long this thread has used a core.
func worked() time.Duration {
	var used syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 3, uintptr(unsafe.Pointer(&used)), 0) // CLOCK_THREAD_CPUTIME_ID
	if errno != 0 {
		return 0
	}
	return time.Duration(used.Nano())
}

var streamed float32 // keeps the reads from being left out

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

// ratioStore is a store of n texts of 120 syllables with dense vectors, and 64 pairs
// of a dense and a sparse query.
func ratioStore(b *testing.B, n, dims int) (*Embedded, [][]Query) {
	bm := BM25{Fields: []Field{{Name: "b", B: 0.75, Average: 120}}}
	encoder := bm.Encoder()
	rng := rand.New(rand.NewPCG(1, 2))
	word := func() string { // of 8,000, by Zipf's law
		return "s" + strconv.Itoa(int(math.Exp(rng.Float64()*math.Log(8000))))
	}
	vector := func() []float32 {
		v := make([]float32, dims)
		for i := range v {
			v[i] = rng.Float32() - 0.5
		}
		return v
	}
	points := make([]Point, n)
	for i := range points {
		words := make([]string, 120)
		for j := range words {
			words[j] = word()
		}
		points[i] = Point{ID: strconv.Itoa(i), Dense: map[string][]float32{"dense": vector()}, Sparse: map[string]Sparse{"words": encoder.Document(strings.Join(words, " "))}}
	}
	s, _ := OpenEmbedded(context.Background(), "", Schema{Dense: map[string]int{"dense": dims}, Sparse: map[string]bool{"words": true}})
	if err := s.Upsert(context.Background(), points); err != nil {
		b.Fatal(err)
	}
	queries := make([][]Query, 64)
	for i := range queries {
		var terms []Term
		for range 5 + rng.IntN(8) {
			terms = append(terms, Term{Token: vietnamese.Tokenize(nil, word())[0], Weight: 1, Break: true})
		}
		queries[i] = []Query{
			{Using: "dense", Dense: vector(), Limit: 10},
			{Using: "words", Sparse: encoder.Query(terms, []Weights{{Accented: 1}}), Limit: 10},
		}
	}
	return s, queries
}

// readAll reads every number once, on all cores.
func readAll(data []float32) float32 {
	workers := runtime.GOMAXPROCS(0)
	sums := make([]float32, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { sums[w] = vek32.Sum(data[len(data)*w/workers : len(data)*(w+1)/workers]) })
	}
	wg.Wait()
	return vek32.Sum(sums)
}

// read reads the postings a query touches, once.
func (x *sparseIndex) read(q Query) float32 {
	sum, docs := float32(0), uint32(0)
	for _, term := range q.Sparse.Indices {
		at, ok := slices.BinarySearch(x.terms, term)
		if !ok {
			continue
		}
		lo, hi := x.offsets[at], x.offsets[at+1]
		sum += vek32.Sum(x.values[lo:hi])
		for _, d := range x.docs[lo:hi] {
			docs += d
		}
	}
	return sum + float32(docs)
}

// memoryRatio is the size of all of a snapshot's arrays and texts beside that of
// the vectors, the postings and the texts alone.
func memoryRatio(s *snapshot) float64 {
	need, have := 0, 0
	for _, m := range s.meta {
		need += len(m.id) + len(m.document) + len(m.section) + len(m.collection) + len(m.audience) + len(m.validFrom) + len(m.validTo)
		have += 7 * 16
	}
	have += need
	for _, d := range s.dense {
		need += 4 * len(d.data)
		have += 4 * cap(d.data)
	}
	for _, x := range s.sparse {
		need += 8 * len(x.docs)
		have += 4*cap(x.docs) + 4*cap(x.values) + 4*cap(x.terms) + 4*cap(x.offsets)
	}
	return float64(have) / float64(need)
}
