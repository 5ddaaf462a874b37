package retrieval

import (
	"slices"
	"testing"

	"troly/internal/vectorstore"
)

// The dense leg decides between what the words leave near each other, brings in what
// they miss, and does not overturn them.
func TestAddDense(t *testing.T) {
	r := &Retriever{opts: Options{}.withDefaults()}
	hit := func(document string, score float64) vectorstore.Hit {
		return vectorstore.Hit{ID: document, Document: document, Section: "s-" + document, Score: score}
	}
	for _, tt := range []struct {
		name  string
		dense []vectorstore.Hit
		want  []string
	}{
		{"none", nil, []string{"a", "b", "c"}},
		{"all alike", []vectorstore.Hit{hit("c", 0.8), hit("b", 0.8)}, []string{"a", "b", "c"}},
		{"near ones change places", []vectorstore.Hit{hit("b", 0.9), hit("a", 0.8)}, []string{"b", "a", "c"}},
		{"far ones do not", []vectorstore.Hit{hit("c", 0.9), hit("a", 0.8)}, []string{"a", "b", "c"}},
		{"missed by the words", []vectorstore.Hit{hit("new", 0.9), hit("a", 0.8)}, []string{"a", "b", "c", "new"}},
	} {
		documents := r.addDense([]*Document{{ID: "a", Score: 2}, {ID: "b", Score: 1.9}, {ID: "c", Score: 1}}, tt.dense)
		slices.SortStableFunc(documents, func(a, b *Document) int { return int(1e6 * (b.Score - a.Score)) })
		var got []string
		for _, d := range documents {
			got = append(got, d.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
