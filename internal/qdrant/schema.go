package qdrant

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	client "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Fields of a point's payload.
const (
	idField         = "id"
	hashField       = "hash"
	documentField   = "document"
	sectionField    = "section"
	collectionField = "collection"
	audienceField   = "audience"
	fromField       = "valid_from"
	toField         = "valid_to"
)

// Metadata of a collection.
const (
	madeBy     = "made_by" // ours
	layoutMeta = "layout"
	pointsMeta = "points"  // how many a full version has
	started    = "started" // when it was made, RFC 3339
)

const ours = "troly"

// indexed are the fields that searches filter by. Without its index a filter reads
// every point, and a server in strict mode, as hosted ones are, refuses it: they are
// made before the first point.
func indexed() map[string]client.FieldType {
	return map[string]client.FieldType{
		collectionField: client.FieldType_FieldTypeKeyword, documentField: client.FieldType_FieldTypeKeyword,
		sectionField: client.FieldType_FieldTypeKeyword, audienceField: client.FieldType_FieldTypeKeyword,
		fromField: client.FieldType_FieldTypeInteger, toField: client.FieldType_FieldTypeInteger,
	}
}

// create makes the collection and its indexes unless they are there.
func (s *Store) create(ctx context.Context, points int) error {
	request, err := s.creation(points)
	if err != nil {
		return err
	}
	_, err = patient(ctx, s, "make collection "+s.Collection(), func(ctx context.Context) (bool, error) {
		err := s.client.CreateCollection(ctx, request)
		if status.Code(err) == codes.AlreadyExists {
			err = nil // by another process, or by a try whose answer was lost
		}
		return true, err
	})
	if err != nil {
		return err
	}
	for _, field := range slices.Sorted(maps.Keys(indexed())) {
		_, err := patient(ctx, s, "make index of "+field, func(ctx context.Context) (bool, error) {
			r, err := s.client.CreateFieldIndex(ctx, &client.CreateFieldIndexCollection{
				CollectionName: s.Collection(), FieldName: field, FieldType: indexed()[field].Enum(), Wait: client.PtrOf(true),
			})
			return true, completed(r, err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// creation is the request that makes the version's collection. The optimiser's
// prevent_unoptimized is left off: with it a write that waits may wait for a whole
// optimisation.
func (s *Store) creation(points int) (*client.CreateCollection, error) {
	meta, err := client.TryValueMap(map[string]any{
		madeBy: ours, layoutMeta: layout, pointsMeta: points, started: s.opts.Now().UTC().Format(time.RFC3339),
	})
	if err != nil {
		return nil, fmt.Errorf("describe collection %s: %w", s.Collection(), err)
	}
	dense := make(map[string]*client.VectorParams)
	for name, dims := range s.opts.Schema.Dense {
		dense[name] = &client.VectorParams{Size: uint64(dims), Distance: client.Distance_Cosine}
	}
	sparse := make(map[string]*client.SparseVectorParams)
	for name, idf := range s.opts.Schema.Sparse {
		sparse[name] = &client.SparseVectorParams{Modifier: modifier(idf).Enum()}
	}
	return &client.CreateCollection{
		CollectionName:      s.Collection(),
		VectorsConfig:       client.NewVectorsConfigMap(dense),
		SparseVectorsConfig: client.NewSparseVectorsConfig(sparse),
		ShardNumber:         &s.opts.Shards, ReplicationFactor: &s.opts.Replicas, WriteConsistencyFactor: &s.opts.WriteConsistency,
		OnDiskPayload: client.PtrOf(false), // a few hundred bytes a point, read for every hit
		Metadata:      meta,
		Timeout:       seconds(s.opts.WriteIn),
	}, nil
}

func modifier(idf bool) client.Modifier {
	if idf {
		return client.Modifier_Idf
	}
	return client.Modifier_None
}

// checkSchema compares a collection with what this program would make.
func (s *Store) checkSchema(info *client.CollectionInfo) error {
	params := info.GetConfig().GetParams()
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("collection %s: %w: %s; delete the collection in Qdrant and it is made again", s.Collection(), ErrMismatch, fmt.Sprintf(format, args...))
	}
	dense := params.GetVectorsConfig().GetParamsMap().GetMap()
	for _, name := range slices.Sorted(maps.Keys(s.opts.Schema.Dense)) {
		v, dims := dense[name], s.opts.Schema.Dense[name]
		switch {
		case v == nil:
			return wrong("it has no dense vector %q", name)
		case v.GetSize() != uint64(dims):
			return wrong("dense vector %q has %d dimensions, the embedder makes %d", name, v.GetSize(), dims)
		case v.GetDistance() != client.Distance_Cosine:
			return wrong("dense vector %q is compared by %s, not by cosine", name, v.GetDistance())
		}
	}
	sparse := params.GetSparseVectorsConfig().GetMap()
	for _, name := range slices.Sorted(maps.Keys(s.opts.Schema.Sparse)) {
		v, ok := sparse[name]
		want := modifier(s.opts.Schema.Sparse[name])
		switch {
		case !ok:
			return wrong("it has no sparse vector %q", name)
		case v.GetModifier() != want:
			return wrong("sparse vector %q has the modifier %s, not %s", name, v.GetModifier(), want)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(indexed())) {
		if _, ok := info.GetPayloadSchema()[field]; !ok {
			return wrong("the index of %s is missing", field)
		}
	}
	return nil
}

// seconds is a server-side timeout: whole seconds, 1 at least, because 0 means none.
func seconds(d time.Duration) *uint64 {
	return client.PtrOf(uint64(max(1, (d+time.Second-1)/time.Second)))
}

// metaOf returns a collection's metadata as text and whether this program made it.
func metaOf(info *client.CollectionInfo) (meta map[string]*client.Value, isOurs bool) {
	meta = info.GetConfig().GetMetadata()
	return meta, meta[madeBy].GetStringValue() == ours
}
