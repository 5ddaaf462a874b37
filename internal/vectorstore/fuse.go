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
