package qdrant_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"troly/eval"
	"troly/internal/corpus"
	"troly/internal/evaluation"
	"troly/internal/ingest"
	"troly/internal/pipeline"
	"troly/internal/qdrant"
	"troly/internal/qdrant/qdranttest"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
	"troly/knowledge"
)

// both searches two stores and notes where they disagree.
type both struct {
	embedded, remote vectorstore.Searcher
	lists, hits      int
	swapped          int      // lists in which neighbours that only noise tells apart have changed places
	differences      []string // anything else
}

func (b *both) Search(ctx context.Context, queries []vectorstore.Query) ([][]vectorstore.Hit, error) {
	want, err := b.embedded.Search(ctx, queries)
	if err != nil {
		return nil, err
	}
	got, err := b.remote.Search(ctx, queries)
	if err != nil {
		return nil, err
	}
	for i, q := range queries {
		b.lists++
		b.hits += len(want[i])
		if d := difference(got[i], want[i]); d != "" {
			b.differences = append(b.differences, q.Using+": "+d)
		} else if !slices.EqualFunc(got[i], want[i], func(g, w vectorstore.Hit) bool { return g.ID == w.ID }) {
			b.swapped++
		}
	}
	return got, nil
}

// difference says where two lists part, empty when they are the same but for noise.
func difference(got, want []vectorstore.Hit) string {
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i]
		if !vectorstore.Tied(2*want[0].Score, g.Score, w.Score) { // each may be off by once the noise
			return fmt.Sprintf("place %d of %d is %s (%.8g), want %s (%.8g)", i+1, len(want), g.ID, g.Score, w.ID, w.Score)
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d hits, want %d", len(got), len(want))
	}
	return ""
}

// TestSameOrderAsEmbedded asks the questions of the eval sets of both stores, filled
// with all the knowledge: every leg must give the same scores at every place, and
// retrieval the same sections in the same order. On a real server all questions are
// asked, else every fortieth.
func TestSameOrderAsEmbedded(t *testing.T) {
	ctx := context.Background()
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	opts := qdrant.Options{URL: os.Getenv("QDRANT_TEST_URL"), APIKey: os.Getenv("QDRANT_TEST_API_KEY"), Collection: "troly-test-" + uuid.NewString(), Schema: retrieval.Schema(0), SearchIn: time.Minute}
	every := 1
	if opts.URL == "" {
		opts.URL, every = qdranttest.New(t).URL, 40
	}
	remote := open(t, opts)
	t.Cleanup(func() {
		if err := remote.Drop(ctx); err != nil {
			t.Errorf("leftovers: %v", err)
		}
	})
	embedded, note := vectorstore.OpenEmbedded(ctx, "", opts.Schema)
	if note != nil {
		t.Fatal(note)
	}
	encoder := retrieval.NewEncoder(lib)
	if _, err := (&ingest.Syncer{Store: embedded, Encoder: encoder}).Sync(ctx, lib); err != nil {
		t.Fatal(err)
	}
	syncer := &ingest.Syncer{Store: remote, Encoder: encoder, Step: 1000}
	wanted := syncer.Hashes(lib)
	if err := remote.Create(ctx, wanted); err != nil {
		t.Fatal(err)
	}
	if _, err := syncer.Sync(ctx, lib); err != nil {
		t.Fatal(err)
	}
	if err := remote.Publish(ctx, wanted); err != nil {
		t.Fatal(err)
	}
	b := &both{embedded: embedded, remote: remote}
	ours := pipeline.New(lib, retrieval.New(lib, embedded, nil, retrieval.Options{}), pipeline.Options{})
	theirs := pipeline.New(lib, retrieval.New(lib, b, nil, retrieval.Options{}), pipeline.Options{})
	asked := 0
	for i, c := range cases(t) {
		if i%every != 0 {
			continue
		}
		for _, audience := range []string{"", "official"} {
			asked++
			q := pipeline.Question{Text: c.Question, Audience: audience}
			want, err := ours.Search(ctx, q)
			if err != nil {
				t.Fatalf("%q: %v", c.Question, err)
			}
			got, err := theirs.Search(ctx, q)
			if err != nil {
				t.Fatalf("%q: %v", c.Question, err)
			}
			for i := range min(len(got), len(want)) {
				if g, w := got[i], want[i]; !near(g.Score, w.Score) || !slices.ContainsFunc(want, func(w pipeline.Retrieved) bool {
					return w.Document == g.Document && w.Section == g.Section && near(g.Score, w.Score)
				}) {
					t.Errorf("%q: place %d is %v, want %v", c.Question, i+1, g, w)
					break
				}
			}
			if len(got) != len(want) {
				t.Errorf("%q: %d sections, want %d", c.Question, len(got), len(want))
			}
		}
	}
	if asked < 40 || b.hits < 100*asked {
		t.Fatalf("%d questions found %d hits: too few to compare", asked, b.hits)
	}
	for _, d := range b.differences {
		t.Error(d)
	}
	if b.swapped*100 > b.lists {
		t.Errorf("in %d of %d lists points that only noise tells apart have changed places: more than noise explains", b.swapped, b.lists)
	}
	t.Logf("%d questions, %d lists, %d hits; places changed within noise in %d lists", asked, b.lists, b.hits, b.swapped)
}

// near reports whether two scores, rounded to four places, may be the same but for noise:
// sections that only noise tells apart may change places.
func near(a, b float64) bool { return max(a-b, b-a) <= 1.5e-4 }

// cases are those of all eval sets.
func cases(t *testing.T) []evaluation.Case {
	t.Helper()
	names, err := evaluation.Sets(eval.FS)
	if err != nil {
		t.Fatal(err)
	}
	var all []evaluation.Case
	for _, name := range names {
		cases, err := evaluation.Load(eval.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cases...)
	}
	return all
}
