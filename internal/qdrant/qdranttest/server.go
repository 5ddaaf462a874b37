// Package qdranttest is a Qdrant server inside the test: it speaks the real gRPC
// protocol over TCP, keeps points in memory, and fails as it is told. It does what
// the sources of Qdrant 1.17 do where a client can notice: strict mode's refusal to
// filter without an index, writes that are only acknowledged when nobody waits,
// document frequencies of each shard, ties in no order, a limit of 10 by default.
package qdranttest

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Server is one server; its methods may be called at any time.
type Server struct {
	URL     string // http://127.0.0.1:port
	Version string // what it says it is; set before the first call

	key         string
	credentials credentials.TransportCredentials
	address     string
	grpc        *grpc.Server

	mu          sync.Mutex
	fault       Fault
	calls       map[string]int
	collections map[string]*collection
	aliases     map[string]string
	lastBatch   *client.QueryBatchPoints
	turn        uint32 // makes the order of ties another one each time
}

// Fault is what goes wrong; the zero value is nothing.
type Fault struct {
	Method       string        // only calls whose method ends so; empty: all
	Times        int           // so many calls, then no longer; 0: until told otherwise
	Code         codes.Code    // the call fails with it
	RetryAfter   int           // seconds, said with ResourceExhausted when above 0
	Silent       bool          // the call is not answered before the caller gives up
	HalfWritten  bool          // an upsert writes half of its points before it fails with Code
	Acknowledged bool          // a write is taken and not carried out in time: no error, another status
	FewerResults bool          // a batch of queries loses a result
	NodeAway     bool          // one of two nodes: reads that want more than one copy fail
	Delay        time.Duration // the call takes so much longer
}

// Option is a property of a new server.
type Option func(*Server)

// Key makes the server want an API key.
func Key(key string) Option { return func(s *Server) { s.key = key } }

// TLS makes the server speak TLS.
func TLS(c credentials.TransportCredentials) Option { return func(s *Server) { s.credentials = c } }

// Listen makes the server listen elsewhere than at 127.0.0.1.
func Listen(address string) Option { return func(s *Server) { s.address = address } }

// New starts a server that stops when the test ends.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := &Server{Version: "1.18.2", address: "127.0.0.1:0", calls: make(map[string]int), collections: make(map[string]*collection), aliases: make(map[string]string)}
	for _, o := range options {
		o(s)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Start listens, after Stop at the same address as before; the points are kept.
func (s *Server) Start() error {
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("start a Qdrant for the test: %w", err)
	}
	s.address = listener.Addr().String()
	s.URL = "http://" + s.address
	options := []grpc.ServerOption{
		grpc.UnaryInterceptor(s.intercept), grpc.MaxRecvMsgSize(1 << 30),
		// A Go server cuts connections that ping more often than every 5 minutes.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	}
	if s.credentials != nil {
		s.URL = "https://" + s.address
		options = append(options, grpc.Creds(s.credentials))
	}
	s.grpc = grpc.NewServer(options...)
	client.RegisterQdrantServer(s.grpc, &health{s: s})
	client.RegisterCollectionsServer(s.grpc, &collections{s: s})
	client.RegisterPointsServer(s.grpc, &points{s: s})
	go s.grpc.Serve(listener)
	return nil
}

// Stop closes the port and every connection.
func (s *Server) Stop() { s.grpc.Stop() }

// Fail makes calls fail from now on.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Calls is how often a method was called, by the end of its name.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for name, calls := range s.calls {
		if strings.HasSuffix(name, method) {
			n += calls
		}
	}
	return n
}

// LastBatch is the last batch of queries.
func (s *Server) LastBatch() *client.QueryBatchPoints {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastBatch
}

// Collections returns the names of the collections, sorted.
func (s *Server) Collections() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.collections))
}

// Behind is the collection an alias stands for, empty for none.
func (s *Server) Behind(alias string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.aliases[alias]
}

// Drop loses all but every nth point of a collection; 0 loses all.
func (s *Server) Drop(name string, nth int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.collections[name]
	c.changed()
	for i, id := range slices.Sorted(maps.Keys(c.points)) {
		if nth == 0 || i%nth != 0 {
			delete(c.points, id)
		}
	}
}

// Forget loses everything.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.collections)
	clear(s.aliases)
}

// intercept checks the key, as Qdrant does for all but the health call, and fails
// as told.
func (s *Server) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	s.mu.Lock()
	s.calls[info.FullMethod]++
	f := s.fault
	if !strings.HasSuffix(info.FullMethod, f.Method) {
		f = Fault{}
	} else if s.fault.Times > 0 {
		if s.fault.Times--; s.fault.Times == 0 {
			s.fault = Fault{}
		}
	}
	s.mu.Unlock()
	md, _ := metadata.FromIncomingContext(ctx)
	if s.key != "" && !strings.HasSuffix(info.FullMethod, "/HealthCheck") && !slices.Equal(md.Get("api-key"), []string{s.key}) {
		return nil, status.Error(codes.Unauthenticated, "Must provide an API key or an Authorization bearer token")
	}
	switch {
	case f.Silent:
		<-ctx.Done()
		return nil, ctx.Err()
	case f.NodeAway && wantsMore(request):
		return nil, status.Error(codes.Internal, "Service internal error: 1 of 2 read operations failed")
	case f.HalfWritten:
		u := request.(*client.UpsertPoints)
		u.Points = u.Points[:len(u.Points)/2]
		if _, err := handle(ctx, u); err != nil {
			return nil, err
		}
	}
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if f.Code != codes.OK {
		if f.RetryAfter > 0 {
			if err := grpc.SetTrailer(ctx, metadata.Pairs("retry-after", fmt.Sprint(f.RetryAfter))); err != nil {
				return nil, err
			}
		}
		return nil, status.Error(f.Code, "told to fail")
	}
	reply, err := handle(ctx, request)
	switch r := reply.(type) {
	case *client.PointsOperationResponse:
		if f.Acknowledged && err == nil {
			r.Result.Status = client.UpdateStatus_Acknowledged
		}
	case *client.QueryBatchResponse:
		if f.FewerResults && err == nil {
			r.Result = r.Result[1:]
		}
	}
	return reply, err
}

// wantsMore reports whether a read is content only when several copies agree; of two
// copies even a majority is both.
func wantsMore(request any) bool {
	r, ok := request.(interface {
		GetReadConsistency() *client.ReadConsistency
	})
	return ok && r.GetReadConsistency() != nil
}

// health answers for the service "Qdrant".
type health struct {
	client.UnimplementedQdrantServer
	s *Server
}

func (h *health) HealthCheck(context.Context, *client.HealthCheckRequest) (*client.HealthCheckReply, error) {
	return &client.HealthCheckReply{Title: "qdrant - vector search engine", Version: h.s.Version}, nil
}
