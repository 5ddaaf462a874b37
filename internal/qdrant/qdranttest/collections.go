package qdranttest

import (
	"context"
	"maps"
	"slices"

	client "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// collections answers for the service "Collections".
type collections struct {
	client.UnimplementedCollectionsServer
	s *Server
}

// collection is one collection.
type collection struct {
	made    *client.CreateCollection
	indexes map[string]client.FieldType
	points  map[string]*client.PointStruct // by UUID

	sparseIndexes map[string][]*index // by vector name, then shard; emptied by a change
}

// changed lets go of what was made of the points.
func (c *collection) changed() { clear(c.sparseIndexes) }

// lookup returns a collection by its name or an alias; the caller holds the lock.
func (s *Server) lookup(name string) (*collection, error) {
	if target, ok := s.aliases[name]; ok {
		name = target
	}
	c := s.collections[name]
	if c == nil {
		return nil, status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", name)
	}
	return c, nil
}

func (c *collections) Create(_ context.Context, r *client.CreateCollection) (*client.CollectionOperationResponse, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if _, err := c.s.lookup(r.GetCollectionName()); err == nil {
		return nil, status.Errorf(codes.AlreadyExists, "Wrong input: Collection `%s` already exists!", r.GetCollectionName())
	}
	c.s.collections[r.GetCollectionName()] = &collection{made: r, indexes: make(map[string]client.FieldType), points: make(map[string]*client.PointStruct), sparseIndexes: make(map[string][]*index)}
	return &client.CollectionOperationResponse{Result: true}, nil
}

func (c *collections) Get(_ context.Context, r *client.GetCollectionInfoRequest) (*client.GetCollectionInfoResponse, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	found, err := c.s.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	made := found.made
	info := &client.CollectionInfo{
		Status: client.CollectionStatus_Green, PointsCount: client.PtrOf(uint64(len(found.points))),
		PayloadSchema: make(map[string]*client.PayloadSchemaInfo),
		Config: &client.CollectionConfig{
			Metadata: made.GetMetadata(),
			Params: &client.CollectionParams{
				ShardNumber: made.GetShardNumber(), VectorsConfig: made.GetVectorsConfig(), SparseVectorsConfig: made.GetSparseVectorsConfig(),
				ReplicationFactor: made.ReplicationFactor, WriteConsistencyFactor: made.WriteConsistencyFactor,
			},
		},
	}
	for field := range found.indexes {
		info.PayloadSchema[field] = &client.PayloadSchemaInfo{}
	}
	return &client.GetCollectionInfoResponse{Result: info}, nil
}

func (c *collections) List(context.Context, *client.ListCollectionsRequest) (*client.ListCollectionsResponse, error) {
	r := &client.ListCollectionsResponse{}
	for _, name := range c.s.Collections() {
		r.Collections = append(r.Collections, &client.CollectionDescription{Name: name})
	}
	return r, nil
}

// Delete of a collection that is not there says false; its aliases go with it.
func (c *collections) Delete(_ context.Context, r *client.DeleteCollection) (*client.CollectionOperationResponse, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	_, there := c.s.collections[r.GetCollectionName()]
	delete(c.s.collections, r.GetCollectionName())
	maps.DeleteFunc(c.s.aliases, func(_, target string) bool { return target == r.GetCollectionName() })
	return &client.CollectionOperationResponse{Result: there}, nil
}

// UpdateAliases carries the actions out one by one, under one lock.
func (c *collections) UpdateAliases(_ context.Context, r *client.ChangeAliases) (*client.CollectionOperationResponse, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, a := range r.GetActions() {
		switch {
		case a.GetCreateAlias() != nil:
			alias, target := a.GetCreateAlias().GetAliasName(), a.GetCreateAlias().GetCollectionName()
			if c.s.collections[alias] != nil {
				return nil, status.Errorf(codes.InvalidArgument, "Wrong input: Collection `%s` already exists!", alias)
			}
			if c.s.collections[target] == nil {
				return nil, status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", target)
			}
			c.s.aliases[alias] = target
		case a.GetDeleteAlias() != nil:
			delete(c.s.aliases, a.GetDeleteAlias().GetAliasName())
		}
	}
	return &client.CollectionOperationResponse{Result: true}, nil
}

func (c *collections) ListAliases(context.Context, *client.ListAliasesRequest) (*client.ListAliasesResponse, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	r := &client.ListAliasesResponse{}
	for _, alias := range slices.Sorted(maps.Keys(c.s.aliases)) {
		r.Aliases = append(r.Aliases, &client.AliasDescription{AliasName: alias, CollectionName: c.s.aliases[alias]})
	}
	return r, nil
}
