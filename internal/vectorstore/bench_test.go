package vectorstore_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/viterin/vek/vek32"

	"troly/internal/vectorstore"
	"troly/internal/vietnamese"
)

const benchDims = 384

var benchBM25 = vectorstore.BM25{Fields: []vectorstore.Field{{Name: "b", B: 0.75, Average: 120}}}

// benchWord draws from 8,000 syllables by Zipf's law.
func benchWord(rng *rand.Rand) string {
	rank := int(math.Exp(rng.Float64() * math.Log(8000)))
	return "s" + string(rune('a'+rank%26)) + string(rune('a'+rank/26%26)) + string(rune('a'+rank/676))
}

// benchPoints makes n points of about 120 syllables with a dense vector.
func benchPoints(n int) []vectorstore.Point {
	rng := rand.New(rand.NewPCG(1, 2))
	encoder := benchBM25.Encoder()
	points := make([]vectorstore.Point, n)
	var b strings.Builder
	for i := range points {
		b.Reset()
		for range 120 {
			b.WriteString(benchWord(rng))
			b.WriteByte(' ')
		}
		dense := make([]float32, benchDims)
		for j := range dense {
			dense[j] = rng.Float32() - 0.5
		}
		points[i] = vectorstore.Point{ID: fmt.Sprintf("p%06d", i), Dense: map[string][]float32{"dense": dense}, Sparse: map[string]vectorstore.Sparse{"words": encoder.Document(b.String())}}
	}
	return points
}

// benchStore is a filled store of n points, made once.
var benchStores sync.Map

func benchStore(b *testing.B, n int) *vectorstore.Embedded {
	if s, ok := benchStores.Load(n); ok {
		return s.(*vectorstore.Embedded)
	}
	s, _ := vectorstore.OpenEmbedded(context.Background(), "", vectorstore.Schema{Dense: map[string]int{"dense": benchDims}, Sparse: map[string]bool{"words": true}})
	if err := s.Upsert(context.Background(), benchPoints(n)); err != nil {
		b.Fatal(err)
	}
	if _, err := s.Search(context.Background(), nil); err != nil { // builds the index
		b.Fatal(err)
	}
	benchStores.Store(n, s)
	return s
}

// benchQueries are searches for 5 to 12 syllables, accented ones only, and for a
// random vector.
func benchQueries() (sparse, dense []vectorstore.Query) {
	rng := rand.New(rand.NewPCG(3, 4))
	encoder := benchBM25.Encoder()
	for range 64 {
		var terms []vectorstore.Term
		for range 5 + rng.IntN(8) {
			terms = append(terms, vectorstore.Term{Token: vietnamese.Tokenize(nil, benchWord(rng))[0], Weight: 1, Break: true})
		}
		sparse = append(sparse, vectorstore.Query{Using: "words", Sparse: encoder.Query(terms, []vectorstore.Weights{{Accented: 1}}), Limit: 10})
		v := make([]float32, benchDims)
		for j := range v {
			v[j] = rng.Float32() - 0.5
		}
		dense = append(dense, vectorstore.Query{Using: "dense", Dense: v, Limit: 10})
	}
	return sparse, dense
}

func BenchmarkSearch(b *testing.B) {
	sparse, dense := benchQueries()
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("stream/%d", n), func(b *testing.B) { // a plain read of the dense vectors' bytes
			data := vek32.Ones(n * benchDims)
			b.SetBytes(int64(4 * len(data)))
			sum := float32(0)
			for b.Loop() {
				sum += vek32.Sum(data)
			}
			if sum == 0 {
				b.Fatal("not read")
			}
		})
		s := benchStore(b, n)
		for name, queries := range map[string]func(i int) []vectorstore.Query{
			"dense":  func(i int) []vectorstore.Query { return dense[i%64 : i%64+1] },
			"sparse": func(i int) []vectorstore.Query { return sparse[i%64 : i%64+1] },
			"hybrid": func(i int) []vectorstore.Query { return []vectorstore.Query{dense[i%64], sparse[i%64]} },
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if _, err := s.Search(context.Background(), queries(i)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
