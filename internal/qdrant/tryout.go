package qdrant

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/google/uuid"
	client "github.com/qdrant/go-client/qdrant"

	"troly/internal/vectorstore"
)

// clientVersion is that of go-client in go.mod, which works with servers whose minor
// version is one less, the same, or one more.
const clientVersion = "1.18.3"

// Server returns the server's version and whether this program is made for it. It
// asks the server's health, which needs no key.
func (s *Store) Server(ctx context.Context) (version string, supported bool, err error) {
	reply, err := quick(ctx, s, "ask for the version", func(ctx context.Context) (*client.HealthCheckReply, error) { return s.client.HealthCheck(ctx) })
	if err != nil {
		return "", false, err
	}
	version = reply.GetVersion()
	if _, err := client.ParseVersion(version); err != nil {
		return version, false, nil
	}
	return version, client.IsCompatible(clientVersion, version), nil
}

// TryOut makes a collection, writes a point to it, finds it and deletes the
// collection: whether the server takes the key for all that filling needs.
func (s *Store) TryOut(ctx context.Context) (err error) {
	scratch := *s
	name := uuid.New()
	scratch.version = hex.EncodeToString(name[:8])
	p := vectorstore.Point{ID: "doctor", Hash: "1", Document: "doctor", Dense: make(map[string][]float32), Sparse: make(map[string]vectorstore.Sparse)}
	for name, dims := range s.opts.Schema.Dense {
		p.Dense[name] = make([]float32, dims)
		p.Dense[name][0] = 1
	}
	for name := range s.opts.Schema.Sparse {
		p.Sparse[name] = vectorstore.Sparse{Indices: []uint32{1}, Values: []float32{1}}
	}
	wanted := map[string]string{p.ID: p.Hash}
	if err := scratch.create(ctx, len(wanted)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.drop(context.WithoutCancel(ctx), scratch.Collection())) }() // Clean finds what stays behind
	if err := scratch.Upsert(ctx, []vectorstore.Point{p}); err != nil {
		return err
	}
	if err := scratch.probe(ctx, wanted); err != nil {
		return fmt.Errorf("find what was written: %w", err)
	}
	return nil
}
