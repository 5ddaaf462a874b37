package vectorstore

import (
	"cmp"
	"slices"
)

// Leg is one ranking that takes part in a fusion.
type Leg struct {
	Hits   []Hit
	Weight float64 // 0 means 1
	Floor  float64 // hits with a lower score take no part
}

// RRFK is the rank constant of reciprocal rank fusion: the usual 60 (Cormack,
// Clarke and Büttcher, SIGIR 2009).
const RRFK = 60

// Fuse merges rankings: each hit scores Weight/(RRFK + rank) in every leg that has
// it, ranks from 1. Best first, equal scores by ID.
func Fuse(legs ...Leg) []Hit {
	index := make(map[string]int)
	var fused []Hit
	for _, leg := range legs {
		weight := leg.Weight
		if weight == 0 {
			weight = 1
		}
		rank := 0
		for _, h := range leg.Hits {
			if h.Score < leg.Floor {
				continue
			}
			rank++
			at, ok := index[h.ID]
			if !ok {
				at = len(fused)
				index[h.ID] = at
				fused = append(fused, Hit{ID: h.ID, Document: h.Document, Section: h.Section})
			}
			fused[at].Score += weight / float64(RRFK+rank)
		}
	}
	slices.SortFunc(fused, compareHits)
	return fused
}

// compareHits orders by falling score, then by ID.
func compareHits(a, b Hit) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
}

// noise is the share of the best score by which scores of equal points may differ:
// sums of float32 depend on the order of their terms, which is each store's own. A
// hundred terms added in another order differ by less.
const noise = 1e-6

// Tied reports whether a and b are equal but for noise, where best is the best score
// of the search.
func Tied(best, a, b float64) bool { return max(a-b, b-a) <= noise*best }

// Rank puts what a store found into the order of Searcher.Search and cuts it at the
// limit: best first, none without a score above 0, ties by ID and with the score of
// the best among them. Given some hits more than the limit it can tell ties at the
// cut apart too. It reorders hits.
func Rank(hits []Hit, limit int) []Hit {
	hits = slices.DeleteFunc(hits, func(h Hit) bool { return !(h.Score > 0) })
	slices.SortFunc(hits, compareHits)
	for i := 1; i < len(hits); i++ {
		if Tied(hits[0].Score, hits[i-1].Score, hits[i].Score) {
			hits[i].Score = hits[i-1].Score // which is that of the first of them
		}
	}
	slices.SortFunc(hits, compareHits)
	return hits[:min(limit, len(hits))]
}
