package qdranttest

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	client "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// points answers for the service "Points".
type points struct {
	client.UnimplementedPointsServer
	s *Server
}

func (p *points) CreateFieldIndex(_ context.Context, r *client.CreateFieldIndexCollection) (*client.PointsOperationResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	c.indexes[r.GetFieldName()] = r.GetFieldType()
	return done(r.GetWait()), nil
}

// done is the answer to a write that was carried out: whoever does not wait only learns
// that it was noted.
func done(wait bool) *client.PointsOperationResponse {
	s := client.UpdateStatus_Acknowledged
	if wait {
		s = client.UpdateStatus_Completed
	}
	return &client.PointsOperationResponse{Result: &client.UpdateResult{Status: s}}
}

func (p *points) Upsert(_ context.Context, r *client.UpsertPoints) (*client.PointsOperationResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	for _, point := range r.GetPoints() {
		if err := c.accepts(point); err != nil {
			if !r.GetWait() {
				return done(false), nil // nobody is told
			}
			return nil, err
		}
	}
	c.changed()
	for _, point := range r.GetPoints() {
		c.points[point.GetId().GetUuid()] = point
	}
	return done(r.GetWait()), nil
}

// accepts returns the error that Qdrant has for a point that does not fit.
func (c *collection) accepts(p *client.PointStruct) error {
	if _, err := uuid.Parse(p.GetId().GetUuid()); err != nil {
		return status.Errorf(codes.InvalidArgument, "Unable to parse UUID: %s", p.GetId().GetUuid())
	}
	for name, v := range p.GetVectors().GetVectors().GetVectors() {
		if sparse := v.GetSparse(); sparse != nil {
			if _, ok := c.made.GetSparseVectorsConfig().GetMap()[name]; !ok {
				return status.Errorf(codes.InvalidArgument, "Wrong input: Not existing vector name error: %s", name)
			}
			if err := acceptsSparse(sparse); err != nil {
				return err
			}
			continue
		}
		if err := c.acceptsDense(name, v.GetDense().GetData()); err != nil {
			return err
		}
	}
	return nil
}

func (c *collection) acceptsDense(name string, v []float32) error {
	params, ok := c.made.GetVectorsConfig().GetParamsMap().GetMap()[name]
	if !ok {
		return status.Errorf(codes.InvalidArgument, "Wrong input: Not existing vector name error: %s", name)
	}
	if uint64(len(v)) != params.GetSize() {
		return status.Errorf(codes.InvalidArgument, "Wrong input: Vector dimension error: expected dim: %d, got %d", params.GetSize(), len(v))
	}
	return nil
}

func acceptsSparse(v *client.SparseVector) error {
	if len(v.GetIndices()) != len(v.GetValues()) {
		return status.Error(codes.InvalidArgument, "must be the same length as indices")
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(v.GetIndices()))); len(unique) != len(v.GetIndices()) {
		return status.Error(codes.InvalidArgument, "must be unique")
	}
	return nil
}

func (p *points) Delete(_ context.Context, r *client.DeletePoints) (*client.PointsOperationResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	c.changed()
	for _, id := range r.GetPoints().GetPoints().GetIds() {
		delete(c.points, id.GetUuid())
	}
	return done(r.GetWait()), nil
}

func (p *points) Count(_ context.Context, r *client.CountPoints) (*client.CountResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	return &client.CountResponse{Result: &client.CountResult{Count: uint64(len(c.points))}}, nil
}

func (p *points) Get(_ context.Context, r *client.GetPoints) (*client.GetResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	reply := &client.GetResponse{}
	for _, id := range r.GetIds() {
		if point := c.points[id.GetUuid()]; point != nil {
			reply.Result = append(reply.Result, retrieved(point, r.GetWithPayload(), r.GetWithVectors()))
		}
	}
	return reply, nil
}

// Scroll pages through the points by ID; the next page begins with its offset.
func (p *points) Scroll(_ context.Context, r *client.ScrollPoints) (*client.ScrollResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	limit := 10
	if r.Limit != nil {
		limit = int(r.GetLimit())
	}
	reply := &client.ScrollResponse{}
	for _, id := range slices.Sorted(maps.Keys(c.points)) {
		if id < r.GetOffset().GetUuid() {
			continue
		}
		if len(reply.Result) == limit {
			reply.NextPageOffset = client.NewIDUUID(id)
			break
		}
		reply.Result = append(reply.Result, retrieved(c.points[id], r.GetWithPayload(), r.GetWithVectors()))
	}
	return reply, nil
}

func retrieved(p *client.PointStruct, payload *client.WithPayloadSelector, vectors *client.WithVectorsSelector) *client.RetrievedPoint {
	r := &client.RetrievedPoint{Id: p.GetId(), Payload: selected(p.GetPayload(), payload)}
	if vectors.GetEnable() {
		named := make(map[string]*client.VectorOutput)
		for name, v := range p.GetVectors().GetVectors().GetVectors() {
			if s := v.GetSparse(); s != nil {
				named[name] = &client.VectorOutput{Vector: &client.VectorOutput_Sparse{Sparse: s}}
			} else {
				named[name] = &client.VectorOutput{Vector: &client.VectorOutput_Dense{Dense: v.GetDense()}}
			}
		}
		r.Vectors = &client.VectorsOutput{VectorsOptions: &client.VectorsOutput_Vectors{Vectors: &client.NamedVectorsOutput{Vectors: named}}}
	}
	return r
}

// selected is what is sent of a payload: nothing unless asked for.
func selected(payload map[string]*client.Value, selector *client.WithPayloadSelector) map[string]*client.Value {
	if selector.GetEnable() {
		return payload
	}
	sent := make(map[string]*client.Value)
	for _, field := range selector.GetInclude().GetFields() {
		if v, ok := payload[field]; ok {
			sent[field] = v
		}
	}
	return sent
}
