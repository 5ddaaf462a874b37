package qdrant

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	client "github.com/qdrant/go-client/qdrant"

	"troly/internal/vectorstore"
)

// A batch is written as one call: so many points, or so many numbers in their
// vectors, whichever is less. 1<<18 numbers are about 2 MiB on the way.
const (
	batchPoints  = 256
	batchNumbers = 1 << 18
)

// page is how many points are read at once.
const page = 1000

// pointID is the ID of a point in Qdrant, which takes numbers and UUIDs only: the
// UUIDv5 of the point's own ID, so that writing it again replaces it.
func pointID(id string) *client.PointId {
	return client.NewIDUUID(uuid.NewSHA1(uuid.NameSpaceURL, []byte("troly:chunk:"+id)).String())
}

// Upsert implements vectorstore.Store. It writes in batches, in order; one that
// fails leaves those before it written, and writing all again is harmless. Searches
// see a version only when it is published, and so see all batches or none.
func (s *Store) Upsert(ctx context.Context, points []vectorstore.Point) error {
	encoded := make([]*client.PointStruct, len(points))
	for i := range points {
		p, err := s.encode(&points[i])
		if err != nil {
			return err // before anything is written
		}
		encoded[i] = p
	}
	for len(encoded) > 0 {
		n := batch(encoded)
		if err := s.upsert(ctx, encoded[:n]); err != nil {
			return err
		}
		encoded = encoded[n:]
	}
	return nil
}

// upsert writes one batch and waits until it is applied. Without wait the server
// only notes it, and what is wrong with it is never said.
func (s *Store) upsert(ctx context.Context, points []*client.PointStruct) error {
	what := fmt.Sprintf("write %d points to %s", len(points), s.Collection())
	_, err := patient(ctx, s, what, func(ctx context.Context) (bool, error) {
		r, err := s.client.Upsert(ctx, &client.UpsertPoints{
			CollectionName: s.Collection(), Points: points, Wait: client.PtrOf(true), Timeout: seconds(s.opts.WriteIn),
		})
		return true, completed(r, err)
	})
	return err
}

// completed returns an error when a write has been taken but not applied: no error
// of the call says so.
func completed(r *client.UpdateResult, err error) error {
	if err == nil && r.GetStatus() != client.UpdateStatus_Completed {
		return fmt.Errorf("the write ended as %s, not as completed", r.GetStatus())
	}
	return err
}

// batch is how many points go into the next call, one at least.
func batch(points []*client.PointStruct) int {
	numbers := 0
	for n, p := range points[:min(len(points), batchPoints)] {
		for _, v := range p.GetVectors().GetVectors().GetVectors() {
			numbers += len(v.GetDense().GetData()) + 2*len(v.GetSparse().GetValues())
		}
		if n > 0 && numbers > batchNumbers {
			return n
		}
	}
	return min(len(points), batchPoints)
}

// encode checks a point and makes what the server takes of it.
func (s *Store) encode(p *vectorstore.Point) (*client.PointStruct, error) {
	if err := s.opts.Schema.CheckPoint(p); err != nil {
		return nil, err
	}
	from, err := dayNumber(p.ValidFrom, 0)
	if err != nil {
		return nil, fmt.Errorf("point %s: valid from %q: %w", p.ID, p.ValidFrom, err)
	}
	to, err := dayNumber(p.ValidTo, 9999_99_99)
	if err != nil {
		return nil, fmt.Errorf("point %s: valid to %q: %w", p.ID, p.ValidTo, err)
	}
	audience := p.Audience
	if audience == "" {
		audience = bothAudiences
	}
	// NewValueMap would panic at text that is no UTF-8.
	payload, err := client.TryValueMap(map[string]any{
		idField: p.ID, hashField: p.Hash, documentField: p.Document, sectionField: p.Section,
		collectionField: p.Collection, audienceField: audience, fromField: from, toField: to,
	})
	if err != nil {
		return nil, fmt.Errorf("point %q: %w: %w", p.ID, err, vectorstore.ErrBadQuery)
	}
	vectors := make(map[string]*client.Vector)
	for name, v := range p.Dense {
		vectors[name] = client.NewVectorDense(v)
	}
	for name, v := range p.Sparse {
		if len(v.Indices) > 0 { // an empty one would count in N of the document frequencies
			vectors[name] = client.NewVectorSparse(v.Indices, v.Values)
		}
	}
	return &client.PointStruct{Id: pointID(p.ID), Vectors: client.NewVectorsMap(vectors), Payload: payload}, nil
}

// bothAudiences is what a point for everyone is stored as.
const bothAudiences = "both"

// dayNumber turns YYYY-MM-DD into the number YYYYMMDD, an empty day into open. Days
// are numbers because Qdrant's times have a zone, and a day in Vietnam is none.
func dayNumber(day string, open int) (int, error) {
	if day == "" {
		return open, nil
	}
	n, err := strconv.Atoi(strings.ReplaceAll(day, "-", ""))
	if err != nil || len(day) != len("2006-01-02") || n < 0 {
		return 0, fmt.Errorf("not a day as YYYY-MM-DD: %w", vectorstore.ErrBadQuery)
	}
	return n, nil
}

// Delete implements vectorstore.Store.
func (s *Store) Delete(ctx context.Context, ids []string) error {
	for start := 0; start < len(ids); start += page {
		var gone []*client.PointId
		for _, id := range ids[start:min(start+page, len(ids))] {
			gone = append(gone, pointID(id))
		}
		_, err := patient(ctx, s, fmt.Sprintf("remove %d points from %s", len(gone), s.Collection()), func(ctx context.Context) (bool, error) {
			r, err := s.client.Delete(ctx, &client.DeletePoints{
				CollectionName: s.Collection(), Points: client.NewPointsSelectorIDs(gone), Wait: client.PtrOf(true), Timeout: seconds(s.opts.WriteIn),
			})
			return true, completed(r, err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Hashes implements vectorstore.Store; a version that was not made yet has none.
func (s *Store) Hashes(ctx context.Context) (map[string]string, error) {
	return s.hashes(ctx, s.Collection())
}

// hashes reads IDs and hashes page by page. ScrollAll would run all pages under one
// deadline.
func (s *Store) hashes(ctx context.Context, collection string) (map[string]string, error) {
	hashes := make(map[string]string)
	var next *client.PointId
	for {
		r, err := patient(ctx, s, "read the hashes of "+collection, func(ctx context.Context) (*client.ScrollResponse, error) {
			r, err := s.client.GetPointsClient().Scroll(ctx, &client.ScrollPoints{
				CollectionName: collection, Offset: next, Limit: client.PtrOf(uint32(page)), ReadConsistency: s.consistent(),
				WithPayload: client.NewWithPayloadInclude(idField, hashField), WithVectors: client.NewWithVectors(false), Timeout: seconds(s.opts.WriteIn),
			})
			if missing(err) {
				return &client.ScrollResponse{}, nil
			}
			return r, err
		})
		if err != nil {
			return nil, err
		}
		for _, p := range r.GetResult() {
			hashes[p.GetPayload()[idField].GetStringValue()] = p.GetPayload()[hashField].GetStringValue()
		}
		if next = r.GetNextPageOffset(); next == nil {
			return hashes, nil
		}
	}
}

// consistent asks most copies when there are several: one may not have a write that
// others confirmed. Searches and the count of a published version are content with any:
// it does not change, and most of two copies are both, so that a node could not fail.
func (s *Store) consistent() *client.ReadConsistency {
	if s.opts.Replicas < 2 {
		return nil
	}
	return client.NewReadConsistencyType(client.ReadConsistencyType_Majority)
}

// valid reports whether a query's words can be sent.
func valid(words ...string) error {
	for _, w := range words {
		if !utf8.ValidString(w) {
			return fmt.Errorf("filter by %q, which is no UTF-8: %w", w, vectorstore.ErrBadQuery)
		}
	}
	return nil
}
