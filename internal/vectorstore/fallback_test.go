package vectorstore_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"troly/internal/vectorstore"
)

// remote is a store that fails as told.
type remote struct {
	vectorstore.Searcher
	err      error
	silent   bool // answers when the caller has gone
	empty    bool
	checkErr error
	searches atomic.Int32
}

func (r *remote) Check(context.Context) error { return r.checkErr }

func (r *remote) Search(ctx context.Context, queries []vectorstore.Query) ([][]vectorstore.Hit, error) {
	r.searches.Add(1)
	switch {
	case r.silent:
		<-ctx.Done()
		return nil, ctx.Err()
	case r.err != nil:
		return nil, r.err
	case r.empty:
		return make([][]vectorstore.Hit, len(queries)), nil
	}
	return r.Searcher.Search(ctx, queries)
}

var words4 = vectorstore.Query{Using: "words", Sparse: &vectorstore.Sparse{Indices: []uint32{4}, Values: []float32{1}}, Limit: 5}

func filled(t *testing.T, id string) *vectorstore.Embedded {
	t.Helper()
	s := open(t, "")
	if err := s.Upsert(context.Background(), []vectorstore.Point{somePoint(id)}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFallback(t *testing.T) {
	for _, tt := range []struct {
		name   string
		remote *remote
		want   string // the point found
		says   string // in the error; empty: none
	}{
		{"well", &remote{}, "far", ""},
		{"down", &remote{err: errors.New("dial 10.0.0.5:6334: refused")}, "near", "Qdrant: away: answered from the embedded store"},
		{"slow", &remote{silent: true}, "near", "Qdrant: too slow: answered from the embedded store"},
		{"empty", &remote{empty: true}, "near", "Qdrant: finds nothing where the embedded store does: it is empty or damaged: answered from the embedded store"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.remote.Searcher = filled(t, "far")
			f := vectorstore.NewFallback(tt.remote, filled(t, "near"), vectorstore.FallbackOptions{Name: "Qdrant", Patience: 20 * time.Millisecond, Reason: func(err error) string {
				if errors.Is(err, context.DeadlineExceeded) {
					return "too slow"
				}
				return "away"
			}})
			hits, err := f.Search(context.Background(), []vectorstore.Query{words4})
			if len(hits) != 1 || len(hits[0]) != 1 || hits[0][0].ID != tt.want {
				t.Fatalf("hits = %v, %v, want %s", hits, err, tt.want)
			}
			if tt.says == "" && err != nil || tt.says != "" && (!errors.Is(err, vectorstore.ErrDegraded) || err.Error() != tt.says) {
				t.Errorf("error = %v, want %q", err, tt.says)
			}
		})
	}
}

func TestFallbackHeals(t *testing.T) {
	r := &remote{Searcher: filled(t, "far"), err: errors.New("down")}
	f := vectorstore.NewFallback(r, filled(t, "near"), vectorstore.FallbackOptions{Failures: 2, Rest: 5 * time.Millisecond})
	search := func() (string, error) {
		hits, err := f.Search(context.Background(), []vectorstore.Query{words4})
		if len(hits) == 0 || len(hits[0]) == 0 {
			t.Fatalf("no hits: %v", err)
		}
		return hits[0][0].ID, err
	}
	for range 3 {
		if id, err := search(); id != "near" || !errors.Is(err, vectorstore.ErrDegraded) {
			t.Fatalf("while down: %s, %v", id, err)
		}
	}
	// Back, but with nothing in it yet: the check keeps it out.
	r.err, r.checkErr = nil, errors.New("not filled")
	time.Sleep(10 * time.Millisecond) // longer than it rests
	if id, err := search(); id != "near" || !errors.Is(err, r.checkErr) {
		t.Errorf("back without its points: %s, %v", id, err)
	}
	r.checkErr = nil
	for {
		id, err := search()
		if err == nil && id == "far" {
			break // the test times out if it never is
		}
		time.Sleep(time.Millisecond)
	}
}

func TestFallbackLeavesItAlone(t *testing.T) {
	r := &remote{Searcher: filled(t, "far"), err: errors.New("down")}
	var states []vectorstore.State
	f := vectorstore.NewFallback(r, filled(t, "near"), vectorstore.FallbackOptions{Failures: 2, Rest: time.Hour, Watch: func(s vectorstore.State) { states = append(states, s) }})
	for range 20 {
		if _, err := f.Search(context.Background(), []vectorstore.Query{words4}); !errors.Is(err, vectorstore.ErrDegraded) {
			t.Fatalf("error = %v, want ErrDegraded", err)
		}
	}
	if n := r.searches.Load(); n != 2 {
		t.Errorf("a dead store was searched %d times, want 2", n)
	}
	if len(states) != 1 || states[0] != vectorstore.Resting {
		t.Errorf("told of the states %v, want Resting", states)
	}
}

func TestFallbackPassesOn(t *testing.T) {
	r := &remote{Searcher: filled(t, "far")}
	f := vectorstore.NewFallback(r, filled(t, "near"), vectorstore.FallbackOptions{Failures: 1, Rest: time.Hour})
	bad := words4
	bad.Limit = 0
	if _, err := f.Search(context.Background(), []vectorstore.Query{bad}); !errors.Is(err, vectorstore.ErrBadQuery) || errors.Is(err, vectorstore.ErrDegraded) {
		t.Errorf("a bad query: %v, want ErrBadQuery alone", err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if hits, err := f.Search(gone, []vectorstore.Query{words4}); !errors.Is(err, context.Canceled) || hits != nil {
		t.Errorf("a caller who left: %v, %v", hits, err)
	}
	if _, err := f.Search(context.Background(), []vectorstore.Query{words4}); err != nil {
		t.Errorf("the caller's faults counted as the store's: %v", err)
	}
}

func TestFallbackLexical(t *testing.T) {
	local, note := vectorstore.OpenEmbedded(context.Background(), "", vectorstore.Schema{Sparse: map[string]bool{"words": true}})
	if note != nil {
		t.Fatal(note)
	}
	p := somePoint("near")
	p.Dense = nil
	if err := local.Upsert(context.Background(), []vectorstore.Point{p}); err != nil {
		t.Fatal(err)
	}
	f := vectorstore.NewFallback(&remote{err: errors.New("down")}, local, vectorstore.FallbackOptions{Lexical: true})
	hits, err := f.Search(context.Background(), []vectorstore.Query{{Using: "dense", Dense: []float32{1, 0, 0, 0}, Limit: 5}, words4})
	if !errors.Is(err, vectorstore.ErrDegraded) || len(hits) != 2 || len(hits[0]) != 0 || len(hits[1]) != 1 {
		t.Errorf("without dense vectors: %v, %v, want the word hit in its own list", hits, err)
	}
}
