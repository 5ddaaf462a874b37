package qdrant

import (
	"context"
	"fmt"
	"slices"

	client "github.com/qdrant/go-client/qdrant"

	"troly/internal/vectorstore"
)

// Search implements vectorstore.Store: all queries in one QueryBatch, over the
// published version. Sparse queries should stay below some hundred terms; package
// retrieval sees to that.
func (s *Store) Search(ctx context.Context, queries []vectorstore.Query) ([][]vectorstore.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.search(ctx, s.ready(), queries)
}

// ask is one query on its way.
type ask struct {
	at      int // its place among the queries
	limit   int
	fetch   int // hits asked for
	request *client.QueryPoints
}

// Ties come from the server in no order, so that some hits more than the limit are
// asked for, and as long as even the last of them is tied with the one at the limit,
// twice as many. What exceeds mostFetched stays unordered.
const (
	spare       = 32
	mostFetched = 16 * vectorstore.MaxLimit
)

func (s *Store) search(ctx context.Context, collection string, queries []vectorstore.Query) ([][]vectorstore.Hit, error) {
	lists := make([][]vectorstore.Hit, len(queries))
	var asks []ask
	for i, q := range queries {
		request, err := s.request(collection, q)
		if err != nil {
			return nil, err
		}
		if q.Sparse == nil || len(q.Sparse.Indices) > 0 { // no word finds nothing
			asks = append(asks, ask{i, q.Limit, q.Limit + spare, request})
		}
	}
	for len(asks) > 0 {
		results, err := s.queryBatch(ctx, collection, asks)
		if err != nil {
			return nil, err
		}
		var unsettled []ask
		for i, a := range asks {
			hits, err := hitsOf(results[i].GetResult())
			if err != nil {
				return nil, fmt.Errorf("search %s: %w", collection, err)
			}
			if len(hits) >= a.fetch && a.fetch < mostFetched && vectorstore.Tied(hits[0].Score, hits[a.limit-1].Score, hits[len(hits)-1].Score) {
				a.fetch *= 2
				unsettled = append(unsettled, a)
				continue
			}
			lists[a.at] = vectorstore.Rank(hits, a.limit)
		}
		asks = unsettled
	}
	return lists, nil
}

// queryBatch sends the asks and returns as many results.
func (s *Store) queryBatch(ctx context.Context, collection string, asks []ask) ([]*client.BatchResult, error) {
	batch := &client.QueryBatchPoints{CollectionName: collection, Timeout: seconds(s.opts.SearchIn)}
	for _, a := range asks {
		a.request.Limit = client.PtrOf(uint64(a.fetch)) // without it: 10
		batch.QueryPoints = append(batch.QueryPoints, a.request)
	}
	notFilled := false
	results, err := quick(ctx, s, "search "+collection, func(ctx context.Context) ([]*client.BatchResult, error) {
		r, err := s.client.QueryBatch(ctx, batch)
		notFilled = missing(err)
		return r, err
	})
	switch {
	case notFilled:
		return nil, fmt.Errorf("%w (no collection %s)", ErrNotFilled, collection)
	case err == nil && len(results) != len(asks):
		return nil, fmt.Errorf("search %s: %d results for %d queries", collection, len(results), len(asks))
	}
	return results, err
}

// request makes a query the server understands of ours. Dense search is exact, as
// in the embedded store: reading every vector of a province's knowledge takes
// milliseconds, and an approximate index would return other hits.
func (s *Store) request(collection string, q vectorstore.Query) (*client.QueryPoints, error) {
	if err := s.opts.Schema.CheckQuery(q); err != nil {
		return nil, err
	}
	filter, err := filterOf(q.Filter)
	if err != nil {
		return nil, err
	}
	r := &client.QueryPoints{
		CollectionName: collection, Using: &q.Using, Filter: filter,
		ScoreThreshold: client.PtrOf(float32(0)), // saves sending what Rank leaves out
		WithPayload:    client.NewWithPayloadInclude(idField, documentField, sectionField),
		WithVectors:    client.NewWithVectors(false),
		Timeout:        seconds(s.opts.SearchIn),
	}
	if q.Sparse != nil {
		r.Query = client.NewQuerySparse(q.Sparse.Indices, q.Sparse.Values)
	} else {
		r.Query = client.NewQueryDense(q.Dense)
		r.Params = &client.SearchParams{Exact: client.PtrOf(true)}
	}
	return r, nil
}

// filterOf makes a filter of ours; nil lets all pass.
func filterOf(f vectorstore.Filter) (*client.Filter, error) {
	if err := valid(slices.Concat(f.Collections, f.Documents, f.Sections, []string{f.Audience})...); err != nil {
		return nil, err
	}
	var must []*client.Condition
	anyOf := func(field string, values ...string) {
		if len(values) > 0 {
			must = append(must, client.NewMatchKeywords(field, values...))
		}
	}
	anyOf(collectionField, f.Collections...)
	anyOf(documentField, f.Documents...)
	anyOf(sectionField, f.Sections...)
	if f.Audience != "" {
		anyOf(audienceField, f.Audience, bothAudiences)
	}
	if f.AsOf != "" {
		day, err := dayNumber(f.AsOf, 0)
		if err != nil {
			return nil, fmt.Errorf("filter by %q: %w", f.AsOf, err)
		}
		must = append(must,
			client.NewRange(fromField, &client.Range{Lte: client.PtrOf(float64(day))}),
			client.NewRange(toField, &client.Range{Gte: client.PtrOf(float64(day))}))
	}
	if must == nil {
		return nil, nil
	}
	return &client.Filter{Must: must}, nil
}

// hitsOf decodes a result, best first as the server sent it.
func hitsOf(points []*client.ScoredPoint) ([]vectorstore.Hit, error) {
	hits := make([]vectorstore.Hit, len(points))
	for i, p := range points {
		payload := p.GetPayload()
		hits[i] = vectorstore.Hit{
			ID: payload[idField].GetStringValue(), Document: payload[documentField].GetStringValue(),
			Section: payload[sectionField].GetStringValue(), Score: float64(p.GetScore()),
		}
		if hits[i].ID == "" {
			return nil, fmt.Errorf("point %s is not one of ours: %w", p.GetId().GetUuid(), ErrMismatch)
		}
	}
	return hits, nil
}
