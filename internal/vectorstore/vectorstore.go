// Package vectorstore keeps points with named dense and sparse vectors and finds
// the nearest: the Store interface, the embedded store, the BM25 encoder that makes
// the sparse vectors, and the fusion of rankings. One encoder and one fusion serve
// every store, so that answers do not depend on where the vectors lie.
package vectorstore

import (
	"context"
	"errors"
)

// Searcher finds points. *Fallback is one that is no Store.
type Searcher interface {
	// Search runs all queries in one round trip and returns the hits of each, best
	// first, ties by ID (see Rank). Only hits with a score above 0 are returned.
	Search(ctx context.Context, queries []Query) ([][]Hit, error)
}

// Store holds points and searches them. Implementations are safe for concurrent
// use; a search sees whole upserts, never a part of one.
type Store interface {
	Searcher
	// Upsert writes points; a point whose ID is there is replaced.
	Upsert(ctx context.Context, points []Point) error
	// Delete removes points; IDs that are not there are ignored.
	Delete(ctx context.Context, ids []string) error
	// Hashes returns the content hash of every point by ID.
	Hashes(ctx context.Context) (map[string]string, error)
}

// Point is one chunk in the store.
type Point struct {
	ID         string
	Hash       string // of everything the point was made from
	Document   string
	Section    string
	Collection string
	Audience   string // citizen, official; empty or both matches either
	ValidFrom  string // YYYY-MM-DD, empty: open
	ValidTo    string // last day, inclusive
	Dense      map[string][]float32
	Sparse     map[string]Sparse
}

// Sparse is a sparse vector: Indices rise and are unique.
type Sparse struct {
	Indices []uint32
	Values  []float32
}

// Filter narrows a search before anything is ranked; its zero value lets all pass.
type Filter struct {
	Collections []string // any of them
	Documents   []string // any of them
	Sections    []string // any of them
	Audience    string   // citizen or official: points for the other one are left out
	AsOf        string   // YYYY-MM-DD: points not valid on that day are left out
}

// Query is one search over the vector called Using: Dense or Sparse must be given.
// Dense vectors are compared by cosine, sparse ones by dot product, where the query's
// weights are multiplied by the inverse document frequency
// ln(1 + (N-df+0.5)/(df+0.5)) for vectors that the schema says so of.
type Query struct {
	Using  string
	Dense  []float32
	Sparse *Sparse
	Filter Filter
	Limit  int // at most 1000
}

// Hit is one found point.
type Hit struct {
	ID       string
	Document string
	Section  string
	Score    float64
}

// Schema names the vectors of a store.
type Schema struct {
	Dense  map[string]int  // name -> dimensions
	Sparse map[string]bool // name -> multiply by inverse document frequency
}

// DenseName is the name of the dense vector wherever there is one.
const DenseName = "dense"

// MaxLimit is the largest Query.Limit: it bounds the work and memory of a search.
const MaxLimit = 1000

// ErrNotSaved says that a change holds in memory but could not be written: the disk
// is full or the folder read-only. The store goes on answering.
var ErrNotSaved = errors.New("kept in memory only")

// ErrBadQuery is wrapped by errors about a query or point that no retry will cure.
var ErrBadQuery = errors.New("bad query or point")
