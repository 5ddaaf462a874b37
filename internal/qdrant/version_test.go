package qdrant_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/qdrant/go-client/qdrant"

	"troly/internal/qdrant"
	"troly/internal/qdrant/qdranttest"
	"troly/internal/vectorstore"
)

func portOf(t *testing.T, address string) int {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func hashesOf(points []vectorstore.Point) map[string]string {
	hashes := make(map[string]string)
	for _, p := range points {
		hashes[p.ID] = p.Hash
	}
	return hashes
}

// fill makes a version hold the points, as cmd/troly does.
func fill(s *qdrant.Store, points []vectorstore.Point) error {
	ctx := context.Background()
	wanted := hashesOf(points)
	if err := s.Create(ctx, wanted); err != nil {
		return err
	}
	have, err := s.Hashes(ctx)
	if err != nil {
		return err
	}
	for _, p := range points {
		if have[p.ID] != p.Hash {
			if err := s.Upsert(ctx, []vectorstore.Point{p}); err != nil {
				return err
			}
		}
	}
	if err := s.Publish(ctx, wanted); err != nil {
		return err
	}
	_, err = s.Clean(ctx)
	return err
}

func TestVersions(t *testing.T) {
	server := qdranttest.New(t)
	clock := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	at := func(version string) *qdrant.Store {
		clock = clock.Add(time.Hour)
		return open(t, qdrant.Options{URL: server.URL, Version: version, Now: func() time.Time { return clock }})
	}
	one := at("1")
	if _, err := find(one); !errors.Is(err, qdrant.ErrNotFilled) {
		t.Errorf("search before anything is there: %v, want ErrNotFilled", err)
	}
	if hashes, err := one.Hashes(context.Background()); err != nil || len(hashes) != 0 {
		t.Errorf("hashes before anything is there: %v, %v", hashes, err)
	}
	points := somePoints(20)
	if err := fill(one, points[:10]); err != nil {
		t.Fatal(err)
	}
	if n, err := find(one); n != 10 || err != nil {
		t.Errorf("version 1: %d hits, %v, want 10", n, err)
	}

	// Half of version 2 is there: it is not searched, version 1 still is.
	two := at("2")
	if err := two.Create(context.Background(), hashesOf(points)); err != nil {
		t.Fatal(err)
	}
	if hashes, err := two.Hashes(context.Background()); err != nil || len(hashes) != 10 {
		t.Errorf("copied from version 1: %d, %v, want 10", len(hashes), err)
	}
	if _, err := find(two); !errors.Is(err, qdrant.ErrNotFilled) {
		t.Errorf("search of half a version: %v, want ErrNotFilled", err)
	}
	if err := two.Publish(context.Background(), hashesOf(points)); err == nil || !strings.Contains(err.Error(), "10 points and not the 20") {
		t.Errorf("half a version was published: %v", err)
	}
	if n, err := find(one); n != 10 || err != nil {
		t.Errorf("version 1 while version 2 is filled: %d hits, %v", n, err)
	}

	// The filling goes on where it stopped, and version 1 stays for those who use it.
	before := server.Calls("/Upsert")
	if err := fill(two, points); err != nil {
		t.Fatal(err)
	}
	if n := server.Calls("/Upsert") - before; n != 10 {
		t.Errorf("%d points were written, want the 10 that version 1 does not have", n)
	}
	if err := two.Check(context.Background()); err != nil {
		t.Errorf("Check of version 2: %v", err)
	}
	if n, err := find(one); n != 10 || err != nil {
		t.Errorf("version 1 after version 2 was published: %d hits, %v", n, err)
	}
	if got := server.Behind("troly"); got != two.Collection() {
		t.Errorf("troly stands for %s, want %s", got, two.Collection())
	}

	// With version 3, version 1 goes; whoever still uses it is told, not misled.
	three := at("3")
	if err := fill(three, points[:5]); err != nil {
		t.Fatal(err)
	}
	if got, want := server.Collections(), []string{two.Collection(), three.Collection()}; !slices.Equal(got, sorted(want)) {
		t.Errorf("collections = %v, want %v", got, want)
	}
	if _, err := find(one); !errors.Is(err, qdrant.ErrNotFilled) {
		t.Errorf("search of a version that is gone: %v, want ErrNotFilled", err)
	}
	if hits, err := three.Search(context.Background(), []vectorstore.Query{query}); err != nil || len(hits[0]) != 5 {
		t.Errorf("version 3 = %v, %v, want 5 hits", hits, err)
	}
}

func sorted(list []string) []string { slices.Sort(list); return list }

// A version that is being filled is left alone for a day; what is not ours, always.
func TestCleanLeavesAlone(t *testing.T) {
	server := qdranttest.New(t)
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	filling := open(t, qdrant.Options{URL: server.URL, Version: "filling", Now: clock})
	if err := filling.Create(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	c, err := client.NewClient(&client.Config{Host: "127.0.0.1", Port: portOf(t, server.URL), SkipCompatibilityCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const others = "troly-0123456789abcdef" // named like ours
	if err := c.CreateCollection(context.Background(), &client.CreateCollection{CollectionName: others}); err != nil {
		t.Fatal(err)
	}
	done := open(t, qdrant.Options{URL: server.URL, Version: "done", Now: clock})
	if err := fill(done, somePoints(1)); err != nil {
		t.Fatal(err)
	}
	if got := server.Collections(); !slices.Contains(got, filling.Collection()) || !slices.Contains(got, others) {
		t.Errorf("after Clean: %v, want %s and %s among them", got, filling.Collection(), others)
	}
	now = now.Add(25 * time.Hour)
	removed, err := done.Clean(context.Background())
	if err != nil || !slices.Equal(removed, []string{filling.Collection()}) {
		t.Errorf("a day later: removed %v, %v, want %s", removed, err, filling.Collection())
	}
	if got := server.Collections(); !slices.Contains(got, others) {
		t.Errorf("somebody else's collection was deleted: %v", got)
	}
}

func TestTwoFillAtOnce(t *testing.T) {
	server := qdranttest.New(t)
	old := open(t, qdrant.Options{URL: server.URL, Version: "old"})
	points := somePoints(60)
	if err := fill(old, points[:40]); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		s := open(t, qdrant.Options{URL: server.URL, Version: "new"})
		wg.Go(func() {
			if err := fill(s, points[20:]); err != nil {
				t.Errorf("fill beside others: %v", err)
			}
			if err := s.Check(context.Background()); err != nil {
				t.Errorf("Check: %v", err)
			}
		})
	}
	for range 50 { // meanwhile the old version is whole
		if n, err := find(old); n != 10 || err != nil {
			t.Errorf("search during the filling: %d hits, %v, want 10", n, err)
		}
	}
	wg.Wait()
	s := open(t, qdrant.Options{URL: server.URL, Version: "new"})
	if hashes, err := s.Hashes(context.Background()); err != nil || len(hashes) != 40 {
		t.Errorf("%d points, %v, want 40 and none of what is no longer wanted", len(hashes), err)
	}
}

func TestCheck(t *testing.T) {
	ctx := context.Background()
	server := qdranttest.New(t)
	s := open(t, qdrant.Options{URL: server.URL})
	if err := fill(s, somePoints(9)); err != nil {
		t.Fatal(err)
	}
	server.Drop(s.Collection(), 3)
	if err := s.Check(ctx); !errors.Is(err, qdrant.ErrNotFilled) || !strings.Contains(err.Error(), "3 of 9 points") {
		t.Errorf("a third is left: %v", err)
	}
	if err := fill(s, somePoints(9)); err != nil {
		t.Errorf("fill again: %v", err)
	}
	if err := s.Check(ctx); err != nil {
		t.Errorf("after filling again: %v", err)
	}
	server.Forget()
	if err := s.Check(ctx); !errors.Is(err, qdrant.ErrNotFilled) {
		t.Errorf("all is lost: %v, want ErrNotFilled", err)
	}
}

// What is wrong with a collection is found before anything is written to it.
func TestMismatch(t *testing.T) {
	four := map[string]*client.VectorParams{"dense": {Size: 4, Distance: client.Distance_Cosine}}
	words := map[string]*client.SparseVectorParams{"words": {Modifier: client.Modifier_Idf.Enum()}, "plain": {}}
	for _, tt := range []struct {
		dense  map[string]*client.VectorParams
		sparse map[string]*client.SparseVectorParams
		says   string
	}{
		{map[string]*client.VectorParams{"dense": {Size: 3, Distance: client.Distance_Cosine}}, words, `"dense" has 3 dimensions, the embedder makes 4`},
		{map[string]*client.VectorParams{"dense": {Size: 4, Distance: client.Distance_Dot}}, words, `compared by Dot, not by cosine`},
		{map[string]*client.VectorParams{}, words, `no dense vector "dense"`},
		{four, map[string]*client.SparseVectorParams{"words": {}, "plain": {}}, `"words" has the modifier None, not Idf`},
		{four, map[string]*client.SparseVectorParams{"words": {Modifier: client.Modifier_Idf.Enum()}}, `no sparse vector "plain"`},
	} {
		server := qdranttest.New(t)
		s := open(t, qdrant.Options{URL: server.URL})
		c, err := client.NewClient(&client.Config{Host: "127.0.0.1", Port: portOf(t, server.URL), SkipCompatibilityCheck: true})
		if err != nil {
			t.Fatal(err)
		}
		err = c.CreateCollection(context.Background(), &client.CreateCollection{
			CollectionName: s.Collection(), VectorsConfig: client.NewVectorsConfigMap(tt.dense), SparseVectorsConfig: client.NewSparseVectorsConfig(tt.sparse),
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		err = fill(s, somePoints(1))
		if !errors.Is(err, qdrant.ErrMismatch) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "delete the collection") || strings.Contains(err.Error(), "\n") {
			t.Errorf("error = %v, want one line with %q and what to do", err, tt.says)
		}
		if n := server.Calls("/Upsert"); n != 0 {
			t.Errorf("%s: %d writes before it was found", tt.says, n)
		}
	}
}

func TestNameTaken(t *testing.T) {
	server := qdranttest.New(t)
	c, err := client.NewClient(&client.Config{Host: "127.0.0.1", Port: portOf(t, server.URL), SkipCompatibilityCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateCollection(context.Background(), &client.CreateCollection{CollectionName: "troly"}); err != nil {
		t.Fatal(err)
	}
	if err := fill(open(t, qdrant.Options{URL: server.URL}), somePoints(1)); !errors.Is(err, qdrant.ErrMismatch) || !strings.Contains(fmt.Sprint(err), "name another") {
		t.Errorf("the name is a collection's already: %v", err)
	}
}

// With several shards every point is found, though each shard has document
// frequencies of its own.
func TestShards(t *testing.T) {
	server := qdranttest.New(t)
	s := open(t, qdrant.Options{URL: server.URL, Shards: 3})
	points := somePoints(30)
	for i := range points {
		if i%3 == 0 { // a term of some points only
			points[i].Sparse["words"] = vectorstore.Sparse{Indices: []uint32{4, 9}, Values: []float32{2, 1}}
		}
	}
	if err := fill(s, points); err != nil {
		t.Fatal(err)
	}
	q := query
	q.Limit = 100
	hits, err := s.Search(context.Background(), []vectorstore.Query{q, {Using: "words", Sparse: &vectorstore.Sparse{Indices: []uint32{9}, Values: []float32{1}}, Limit: 100}})
	if err != nil || len(hits[0]) != 30 || len(hits[1]) != 10 {
		t.Fatalf("found %d and %d points, %v, want 30 and 10", len(hits[0]), len(hits[1]), err)
	}
	if hits[1][0].Score == hits[1][9].Score {
		t.Error("all shards have the same frequencies: the test shows nothing")
	}
}

func TestParseURL(t *testing.T) {
	for _, tt := range []struct{ in, want string }{ // want: in the error; empty: none
		{"http://127.0.0.1:6334", ""}, {"https://cloud.example", ""}, {"http://[::1]:6334", ""}, {"http://qdrant/", ""},
		{"http://qdrant:6333", "write the gRPC port"}, {"qdrant:6334", "write http://host:6334"}, {"", "write http://host:6334"},
		{"http://:6334", "write http://host:6334"}, {"grpc://q:6334", "write http://host:6334"}, {"http://q:0", "1 to 65535"},
		{"http://q:70000", "1 to 65535"}, {"http://key@q", "API key is a setting of its own"}, {"http://q/dashboard", "only scheme, host and port"},
		{"http://q:port", "write http://host:6334"},
	} {
		_, err := qdrant.ParseURL(tt.in)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseURL(%q) = %v, want %q", tt.in, err, tt.want)
		}
	}
}
