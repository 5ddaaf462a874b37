// Package qdrant keeps points in a Qdrant server or cluster, over gRPC. It searches
// as the embedded store does, with the same filters, scores and order; fusing and
// grouping are left to package retrieval. The server's own fusion is not used: its
// reciprocal rank fusion has another constant (2, not 60), breaks no ties, and
// gives groups other scores than the same query without groups.
//
// # Versions
//
// The points made of one state of the knowledge by one encoder and embedder lie in
// a collection of their own, NAME-VERSION, which is written once and never changed.
// Create makes it, Upsert fills it, and Publish, after looking whether all points
// are there and are found, sets two aliases in one request:
//
//	NAME-VERSION-ready  this version may be searched: a search asks for this name
//	NAME                the version published last, for people and other programs
//
// So a half-filled version is never searched, and a program that still works with
// yesterday's knowledge goes on finding yesterday's points while others have moved
// on: what is found always fits what it is looked up in. Filling may be interrupted
// and goes on; any number of processes may fill one version at once, because all
// write the same points under the same IDs. Clean removes what is old.
//
// # What differs from the embedded store
//
// Inverse document frequencies are those of one shard: with more than one (Shards),
// each counts its own points only, and scores differ a little from the embedded
// store's and between shards. No setting of the server changes that, so that one
// shard is right until the points outgrow a machine; copies of it (Replicas) do not
// matter. Deleted points go on counting until the server has rewritten them; a
// version never has any.
package qdrant

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"time"

	client "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"troly/internal/vectorstore"
)

var _ vectorstore.Store = (*Store)(nil)
var _ vectorstore.Remote = (*Store)(nil)

// Store is one version of the points in Qdrant.
type Store struct {
	opts    Options
	client  *client.Client
	version string // of everything the points depend on, hashed
}

// Options say where the points lie and how; the zero value of each field means its
// default, in brackets.
type Options struct {
	URL        string // http://host:6334, or https
	APIKey     string // sent with every call; without TLS anyone on the way can read it
	Collection string // the NAME of the aliases and collections ("troly")
	Version    string // of the knowledge, encoder and embedder
	Schema     vectorstore.Schema

	// How a collection is laid out over a cluster when it is made. Changing one makes
	// a new version.
	Shards           uint32 // parts the points are divided into (1)
	Replicas         uint32 // copies of each part (1)
	WriteConsistency uint32 // copies that must have confirmed a write (1)

	SearchIn time.Duration // deadline of a search or a look, second tries included (2 s)
	WriteIn  time.Duration // deadline of a step of filling, for each try (30 s)

	TLS *tls.Config      // nil: the system's certificates
	Now func() time.Time // nil: time.Now
}

func (o Options) withDefaults() Options {
	if o.Collection == "" {
		o.Collection = "troly"
	}
	o.Shards, o.Replicas, o.WriteConsistency = max(o.Shards, 1), max(o.Replicas, 1), max(o.WriteConsistency, 1)
	if o.SearchIn == 0 {
		o.SearchIn = 2 * time.Second
	}
	if o.WriteIn == 0 {
		o.WriteIn = 30 * time.Second
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12} // the client's own default refuses TLS 1.2
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// maxMessage is how large a reply may be. The most that is asked for, a page of
// hashes, is well under 1 MiB; grpc-go's own limit of 4 MiB is met by a few hundred
// points with vectors.
const maxMessage = 32 << 20

// New returns the store of one version. It does not wait for the server.
func New(opts Options) (*Store, error) {
	opts = opts.withDefaults()
	address, err := ParseURL(opts.URL)
	if err != nil {
		return nil, err
	}
	config := &client.Config{
		Host: address.host, Port: address.port, UseTLS: address.tls, TLSConfig: opts.TLS,
		// One connection carries any number of calls. The pool of client 1.18.3 hands
		// the options of each connection on to the next, interceptors and all.
		PoolSize: 1,
		// A server or proxy in Go cuts connections that ping more often than it likes;
		// the client's default of 10 s was cut after half a minute.
		KeepAliveTime: 30, KeepAliveTimeout: 10,
		// The check runs inside NewClient and waits up to a minute for a silent port.
		SkipCompatibilityCheck: true,
		// RetryConfig is left out: it does not honour retry-after. See call.
		GrpcOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
			// The longest wait before connecting again is 2 minutes by default.
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second}, MinConnectTimeout: 5 * time.Second}),
			// An interceptor must be chained (WithChainUnaryInterceptor): a plain one
			// takes the place of the client's, which sends the API key.
		},
	}
	if opts.APIKey != "" {
		// As a header, not as Config.APIKey, which prints a warning without TLS.
		config.Headers = map[string]string{"api-key": opts.APIKey}
	}
	c, err := client.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("qdrant %s: %w", opts.URL, err)
	}
	return &Store{opts: opts, client: c, version: versionOf(opts)}, nil
}

// layout changes when points are written otherwise.
const layout = "1"

// versionOf hashes everything that a collection depends on.
func versionOf(o Options) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%v\n%d %d %d", layout, o.Version, o.Schema, o.Shards, o.Replicas, o.WriteConsistency))
	return hex.EncodeToString(sum[:8])
}

// Collection is the name of the version's collection.
func (s *Store) Collection() string { return s.opts.Collection + "-" + s.version }

// ready is the alias that a published version is searched by.
func (s *Store) ready() string { return s.Collection() + "-ready" }

// Connect begins to connect, so that the first search need not wait for it.
func (s *Store) Connect() { s.client.GetConnection().Connect() }

// Close ends the connection; what is called later fails.
func (s *Store) Close() error { return s.client.Close() }
