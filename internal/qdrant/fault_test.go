package qdrant_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	client "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	"troly/internal/qdrant"
	"troly/internal/qdrant/qdranttest"
	"troly/internal/vectorstore"
	"troly/internal/vectorstore/vectorstoretest"
)

func somePoint(id string) vectorstore.Point {
	return vectorstore.Point{
		ID: id, Hash: "h-" + id, Document: "d-" + id, Section: "s", Collection: "procedures",
		Dense:  map[string][]float32{"dense": {1, 0, 0, 0}},
		Sparse: map[string]vectorstore.Sparse{"words": {Indices: []uint32{1, 4}, Values: []float32{1, 2}}},
	}
}

func somePoints(n int) []vectorstore.Point {
	points := make([]vectorstore.Point, n)
	for i := range points {
		points[i] = somePoint(fmt.Sprintf("p%04d", i))
	}
	return points
}

var query = vectorstore.Query{Using: "words", Sparse: &vectorstore.Sparse{Indices: []uint32{4}, Values: []float32{1}}, Limit: 10}

func find(s *qdrant.Store) (int, error) {
	hits, err := s.Search(context.Background(), []vectorstore.Query{query})
	if err != nil {
		return 0, err
	}
	return len(hits[0]), nil
}

// short deadlines: what is never answered is given up soon.
var short = qdrant.Options{SearchIn: 50 * time.Millisecond, WriteIn: 50 * time.Millisecond}

func TestFaultsOfSearch(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault qdranttest.Fault
		kind  error  // in the error
		says  string // likewise; both empty: the search succeeds
		calls int
	}{
		{"down once", qdranttest.Fault{Code: codes.Unavailable, Times: 1}, nil, "", 2},
		{"down", qdranttest.Fault{Code: codes.Unavailable}, qdrant.ErrUnreachable, "told to fail", 2},
		{"silent", qdranttest.Fault{Silent: true}, qdrant.ErrSlow, "", 1},
		{"wrong key", qdranttest.Fault{Code: codes.Unauthenticated}, qdrant.ErrKey, "", 1},
		{"no rights", qdranttest.Fault{Code: codes.PermissionDenied}, qdrant.ErrKey, "", 1},
		{"wrong dimension", qdranttest.Fault{Code: codes.InvalidArgument}, nil, "InvalidArgument: told to fail", 1},
		{"broken", qdranttest.Fault{Code: codes.Internal}, nil, "Internal", 1},
		{"exhausted", qdranttest.Fault{Code: codes.ResourceExhausted}, nil, "ResourceExhausted", 2},
		{"rate limit, too long to wait", qdranttest.Fault{Code: codes.ResourceExhausted, RetryAfter: 60}, nil, "retry after 60", 1},
		{"a result is missing", qdranttest.Fault{FewerResults: true}, nil, "0 results for 1 queries", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := qdranttest.New(t)
			s := published(t, qdrant.Options{URL: server.URL})
			if err := s.Upsert(context.Background(), somePoints(1)); err != nil {
				t.Fatal(err)
			}
			opts := qdrant.Options{URL: server.URL}
			if tt.fault.Silent {
				opts.SearchIn = short.SearchIn
			}
			s = open(t, opts)
			tt.fault.Method = "/QueryBatch"
			server.Fail(tt.fault)
			n, err := find(s)
			if tt.kind == nil && tt.says == "" {
				if n != 1 || err != nil {
					t.Errorf("search = %d hits, %v, want 1", n, err)
				}
			} else if err == nil || tt.kind != nil && !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("search error = %v, want %v and %q", err, tt.kind, tt.says)
			}
			reason := "an error of Qdrant"
			if tt.kind != nil {
				reason = tt.kind.Error()
			}
			if got := qdrant.Reason(err); err != nil && got != reason {
				t.Errorf("Reason(%v) = %q, want %q: no address and nothing the server said", err, got, reason)
			}
			if got := server.Calls("/QueryBatch"); got != tt.calls {
				t.Errorf("%d calls, want %d", got, tt.calls)
			}
			server.Fail(qdranttest.Fault{})
			if n, err := find(s); n != 1 || err != nil {
				t.Errorf("afterwards: %d hits, %v, want 1", n, err)
			}
		})
	}
}

// A limit that says when to come back is obeyed; the client gives its error no code.
func TestRetryAfter(t *testing.T) {
	server := qdranttest.New(t)
	s := published(t, qdrant.Options{URL: server.URL})
	server.Fail(qdranttest.Fault{Method: "/Upsert", Code: codes.ResourceExhausted, RetryAfter: 1, Times: 1})
	start := time.Now()
	if err := s.Upsert(context.Background(), somePoints(1)); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(start); waited < time.Second {
		t.Errorf("came back after %v, told to wait 1 s", waited)
	}
}

func TestFaultsOfWriting(t *testing.T) {
	server := qdranttest.New(t)
	s := published(t, qdrant.Options{URL: server.URL})
	ctx := context.Background()
	server.Fail(qdranttest.Fault{Method: "/Upsert", Code: codes.Unavailable, HalfWritten: true, Times: 1})
	if err := s.Upsert(ctx, somePoints(10)); err != nil {
		t.Errorf("half written, then tried again: %v", err)
	}
	if hashes, err := s.Hashes(ctx); err != nil || len(hashes) != 10 {
		t.Errorf("%d points, %v, want 10", len(hashes), err)
	}
	server.Fail(qdranttest.Fault{Method: "/Upsert", Acknowledged: true})
	if err := s.Upsert(ctx, somePoints(1)); err == nil || !strings.Contains(err.Error(), "Acknowledged") {
		t.Errorf("a write that was only noted: %v, want an error that says so", err)
	}
	server.Fail(qdranttest.Fault{Method: "/Upsert", Code: codes.InvalidArgument})
	before := server.Calls("/Upsert")
	if err := s.Upsert(ctx, somePoints(1)); err == nil || server.Calls("/Upsert") != before+1 {
		t.Errorf("a refused write: %v after %d calls, want an error after 1", err, server.Calls("/Upsert")-before)
	}
}

func TestWrongKey(t *testing.T) {
	server := qdranttest.New(t, qdranttest.Key("secret"))
	right := published(t, qdrant.Options{URL: server.URL, APIKey: "secret"}) // so the key is sent with every call
	if err := right.Check(context.Background()); err != nil {
		t.Errorf("with the key: %v", err)
	}
	wrong := open(t, qdrant.Options{URL: server.URL, APIKey: "secre"})
	if _, _, err := wrong.Server(context.Background()); err != nil {
		t.Errorf("health with a wrong key: %v, though it needs none", err)
	}
	for what, err := range map[string]error{"Check": wrong.Check(context.Background()), "Create": wrong.Create(context.Background(), nil), "TryOut": wrong.TryOut(context.Background())} {
		if !errors.Is(err, qdrant.ErrKey) || strings.Contains(err.Error(), "secre") {
			t.Errorf("%s with a wrong key: %v, want ErrKey without the key", what, err)
		}
	}
}

func TestDownAndUp(t *testing.T) {
	server := qdranttest.New(t)
	s := published(t, qdrant.Options{URL: server.URL})
	server.Stop()
	if err := s.Check(context.Background()); !errors.Is(err, qdrant.ErrUnreachable) && !errors.Is(err, qdrant.ErrSlow) {
		t.Errorf("a server that was stopped: %v, want ErrUnreachable", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	for s.Check(context.Background()) != nil { // until it has connected again; the test times out if it never does
		time.Sleep(10 * time.Millisecond)
	}
}

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // only for its certificate
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	server := qdranttest.New(t, qdranttest.TLS(credentials.NewTLS(&tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12})))
	s := published(t, qdrant.Options{URL: server.URL, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}})
	if err := s.Check(context.Background()); err != nil {
		t.Errorf("over TLS: %v", err)
	}
	for what, opts := range map[string]qdrant.Options{"an unknown certificate": {URL: server.URL}, "no TLS": {URL: strings.Replace(server.URL, "https", "http", 1)}} {
		if err := open(t, opts).Check(context.Background()); !errors.Is(err, qdrant.ErrUnreachable) && !errors.Is(err, qdrant.ErrSlow) {
			t.Errorf("%s: %v, want ErrUnreachable", what, err)
		}
	}
}

func TestIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here")
	} else {
		l.Close()
	}
	server := qdranttest.New(t, qdranttest.Listen("[::1]:0"))
	if err := published(t, qdrant.Options{URL: server.URL}).Check(context.Background()); err != nil {
		t.Errorf("%s: %v", server.URL, err)
	}
}

// A port that takes connections and says nothing.
func TestSilentPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	opts := short
	opts.URL = "http://" + listener.Addr().String()
	s := open(t, opts) // returns at once: the client's own version check is left out
	if _, err := find(s); !errors.Is(err, qdrant.ErrSlow) {
		t.Errorf("search = %v, want ErrSlow", err)
	}
}

func TestAfterClose(t *testing.T) {
	s := open(t, qdrant.Options{URL: qdranttest.New(t).URL})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := find(s); err == nil {
		t.Error("search of a closed store: no error")
	}
}

func TestCancelled(t *testing.T) {
	server := qdranttest.New(t)
	s := published(t, qdrant.Options{URL: server.URL})
	server.Fail(qdranttest.Fault{Method: "/Upsert", Code: codes.Unavailable})
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := s.Upsert(ctx, somePoints(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted while it waits to try again: %v, want Canceled", err)
	}
}

// 200 points with vectors come in one reply of more than 4 MiB, the limit of grpc-go.
func TestLargeReplies(t *testing.T) {
	server := qdranttest.New(t)
	schema := vectorstore.Schema{Dense: map[string]int{"dense": 8000}}
	first := published(t, qdrant.Options{URL: server.URL, Schema: schema, Version: "1"})
	wanted := make(map[string]string)
	var points []vectorstore.Point
	for i := range 200 {
		p := vectorstore.Point{ID: fmt.Sprint(i), Hash: "h", Dense: map[string][]float32{"dense": make([]float32, 8000)}}
		p.Dense["dense"][i] = 1
		points, wanted[p.ID] = append(points, p), "h"
	}
	ctx := context.Background()
	if err := first.Upsert(ctx, points); err != nil {
		t.Fatal(err)
	}
	if n := server.Calls("/Upsert"); n < 6 {
		t.Errorf("6 MB of vectors went in %d calls, want some of about 1 MB", n)
	}
	second := open(t, qdrant.Options{URL: server.URL, Schema: schema, Version: "2"})
	if err := second.Create(ctx, wanted); err != nil {
		t.Fatal(err)
	}
	if hashes, err := second.Hashes(ctx); err != nil || len(hashes) != 200 {
		t.Errorf("copied %d points, %v, want 200", len(hashes), err)
	}
}

func TestHashesInPages(t *testing.T) {
	server := qdranttest.New(t)
	s := published(t, qdrant.Options{URL: server.URL})
	if err := s.Upsert(context.Background(), somePoints(2500)); err != nil {
		t.Fatal(err)
	}
	before := server.Calls("/Scroll")
	hashes, err := s.Hashes(context.Background())
	if err != nil || len(hashes) != 2500 || hashes["p2499"] != "h-p2499" {
		t.Errorf("%d hashes, %v, want 2500", len(hashes), err)
	}
	if n := server.Calls("/Scroll") - before; n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
}

// Only what a hit needs is sent, and every query has its limit: the server's is 10.
func TestRequest(t *testing.T) {
	server := qdranttest.New(t)
	s := published(t, qdrant.Options{URL: server.URL})
	if err := s.Upsert(context.Background(), somePoints(40)); err != nil {
		t.Fatal(err)
	}
	dense := vectorstore.Query{Using: "dense", Dense: []float32{1, 0, 0, 0}, Limit: 30}
	before := server.Calls("/QueryBatch")
	hits, err := s.Search(context.Background(), []vectorstore.Query{{Using: "words", Sparse: &vectorstore.Sparse{}, Limit: 5}, dense})
	if err != nil || len(hits) != 2 || len(hits[0]) != 0 || len(hits[1]) != 30 {
		t.Fatalf("hits = %v, %v, want none of no word and 30", hits, err)
	}
	if n := server.Calls("/QueryBatch") - before; n != 1 {
		t.Errorf("%d calls, want all queries in 1", n)
	}
	batch := server.LastBatch()
	if len(batch.GetQueryPoints()) != 1 {
		t.Fatalf("%d queries were sent, want the one with something in it", len(batch.GetQueryPoints()))
	}
	q := batch.GetQueryPoints()[0]
	if got := fmt.Sprint(q.GetWithPayload().GetInclude().GetFields()); got != "[id document section]" || q.GetWithVectors().GetEnable() {
		t.Errorf("fields asked for: %s, vectors %v", got, q.GetWithVectors().GetEnable())
	}
	if q.GetLimit() < 30 || !q.GetParams().GetExact() || q.GetTimeout() == 0 || len(q.GetPrefetch()) > 0 {
		t.Errorf("query = %v, want a limit, a timeout, exact search and no fusion by the server", q)
	}
}

func TestBadText(t *testing.T) {
	s := published(t, qdrant.Options{URL: qdranttest.New(t).URL})
	p := somePoint("a")
	p.Section = "l\xe1\xbb phi"
	day := somePoint("b")
	day.ValidTo = "31/12/2026"
	for _, p := range []vectorstore.Point{p, day} {
		if err := s.Upsert(context.Background(), []vectorstore.Point{p}); !errors.Is(err, vectorstore.ErrBadQuery) {
			t.Errorf("point %+v: %v, want ErrBadQuery", p, err)
		}
	}
	for _, f := range []vectorstore.Filter{{Documents: []string{"\xff"}}, {Audience: "\xff"}, {AsOf: "today"}} {
		q := query
		q.Filter = f
		if _, err := s.Search(context.Background(), []vectorstore.Query{q}); !errors.Is(err, vectorstore.ErrBadQuery) {
			t.Errorf("filter %+v: %v, want ErrBadQuery", f, err)
		}
	}
}

func TestServer(t *testing.T) {
	server := qdranttest.New(t)
	s := open(t, qdrant.Options{URL: server.URL, Schema: vectorstoretest.Schema()})
	for version, want := range map[string]bool{"1.17.1": true, "1.18.3": true, "1.19.0": true, "1.16.0": false, "2.0.0": false, "": false} {
		server.Version = version
		if got, ok, err := s.Server(context.Background()); got != version || ok != want || err != nil {
			t.Errorf("version %q: %q, %v, %v, want %v", version, got, ok, err, want)
		}
	}
	if err := s.TryOut(context.Background()); err != nil {
		t.Errorf("TryOut: %v", err)
	}
	if left := server.Collections(); len(left) != 0 {
		t.Errorf("TryOut left %v", left)
	}
	server.Fail(qdranttest.Fault{Method: "/Upsert", Code: codes.PermissionDenied})
	if err := s.TryOut(context.Background()); !errors.Is(err, qdrant.ErrKey) {
		t.Errorf("TryOut with a key that only reads: %v, want ErrKey", err)
	}
	if left := server.Collections(); len(left) != 0 {
		t.Errorf("a failed TryOut left %v", left)
	}
}

// Of two copies one may be away: what was published is still whole and searched.
func TestNodeAway(t *testing.T) {
	server := qdranttest.New(t)
	s := published(t, qdrant.Options{URL: server.URL, Replicas: 2})
	server.Fail(qdranttest.Fault{NodeAway: true})
	if err := s.Check(context.Background()); err != nil {
		t.Errorf("Check with one of two nodes away: %v, want nil", err)
	}
	if _, err := s.Search(context.Background(), []vectorstore.Query{{Using: "words", Sparse: &vectorstore.Sparse{Indices: []uint32{1}, Values: []float32{1}}, Limit: 3}}); err != nil {
		t.Errorf("Search with one of two nodes away: %v, want nil", err)
	}
	if _, err := s.Hashes(context.Background()); err == nil {
		t.Error("Hashes with one of two nodes away: nil, want an error: a copy may lack what was just written")
	}
}

// What this program makes is laid out as the settings say.
func TestLayout(t *testing.T) {
	server := qdranttest.New(t)
	s := published(t, qdrant.Options{URL: server.URL, Shards: 3, Replicas: 2, WriteConsistency: 2})
	c, err := client.NewClient(&client.Config{Host: "127.0.0.1", Port: portOf(t, server.URL), SkipCompatibilityCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.GetCollectionInfo(context.Background(), s.Collection())
	if err != nil {
		t.Fatal(err)
	}
	p := info.GetConfig().GetParams()
	if p.GetShardNumber() != 3 || p.GetReplicationFactor() != 2 || p.GetWriteConsistencyFactor() != 2 {
		t.Errorf("shards, replicas, write consistency = %d, %d, %d, want 3, 2, 2", p.GetShardNumber(), p.GetReplicationFactor(), p.GetWriteConsistencyFactor())
	}
	words := p.GetSparseVectorsConfig().GetMap()
	if words["words"].GetModifier() != client.Modifier_Idf || words["plain"].GetModifier() != client.Modifier_None {
		t.Errorf("modifiers = %v", words)
	}
	if other := open(t, qdrant.Options{URL: server.URL}); other.Collection() == s.Collection() {
		t.Error("another layout has the same collection")
	}
}
