package evaluation_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"troly/internal/evaluation"
	"troly/internal/retrieval"
	"troly/internal/trec"
	"troly/internal/vectorstore"
)

// beirFloors are the nDCG@10 that each collection must keep, as written and without
// diacritics: on the last three the best plain index measured on them, on tthc-dev
// what the assistant is held to.
var beirFloors = map[string]map[evaluation.Variant]float64{
	"tthc-dev":      {evaluation.Plain: 0.60, evaluation.NoDiacritics: 0.57},
	"alqac2023":     {evaluation.Plain: 0.875, evaluation.NoDiacritics: 0.872},
	"vlsp2023-lter": {evaluation.Plain: 0.883, evaluation.NoDiacritics: 0.883},
	"xquad-vi":      {evaluation.Plain: 0.963, evaluation.NoDiacritics: 0.961},
}

// TestBEIR measures the text analysis and the store on foreign collections, where
// they are at hand: the lexical leg alone, since there is nothing to learn from.
func TestBEIR(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "data", "beir")
	if _, err := os.Stat(root); err != nil {
		t.Skip("the collections are not here")
	}
	ctx, lib := context.Background(), loadLibrary(t)
	measures, err := trec.ParseMeasures("ndcg@10")
	if err != nil {
		t.Fatal(err)
	}
	for name, floors := range beirFloors {
		t.Run(name, func(t *testing.T) {
			collection, err := evaluation.OpenCollection(os.DirFS(filepath.Join(root, name)), "test")
			if err != nil {
				t.Fatal(err)
			}
			store, note := vectorstore.OpenEmbedded(ctx, "", retrieval.Schema(0))
			if note != nil {
				t.Fatal(note)
			}
			if _, err := collection.Index(ctx, store, evaluation.Analysis{}, nil); err != nil {
				t.Fatal(err)
			}
			searcher := evaluation.NewSearcher(lib, store, evaluation.Analysis{}, 10)
			for variant, want := range floors {
				run, err := collection.Ask(ctx, searcher, variant, 1, measures, nil)
				if err != nil {
					t.Fatal(err)
				}
				got := run.Report.Mean(0).Mean
				t.Logf("%s, %s: nDCG@10 %.3f (floor %.3f)", name, variant, got, want)
				if got < want {
					t.Errorf("%s, %s: nDCG@10 %.3f, want at least %.3f", name, variant, got, want)
				}
			}
		})
	}
}
