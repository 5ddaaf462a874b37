package vectorstore

import (
	"cmp"
	"slices"
)

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
