package qdranttest

import (
	"cmp"
	"context"
	"hash/fnv"
	"math"
	"slices"

	client "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (p *points) QueryBatch(_ context.Context, r *client.QueryBatchPoints) (*client.QueryBatchResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.lastBatch = r
	p.s.turn++
	c, err := p.s.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	reply := &client.QueryBatchResponse{}
	for _, q := range r.GetQueryPoints() {
		hits, err := c.query(q, p.s.turn)
		if err != nil {
			return nil, err
		}
		reply.Result = append(reply.Result, &client.BatchResult{Result: hits})
	}
	return reply, nil
}

// query answers one query; turn decides the order of equal scores.
func (c *collection) query(q *client.QueryPoints, turn uint32) ([]*client.ScoredPoint, error) {
	if err := c.acceptsFilter(q.GetFilter()); err != nil {
		return nil, err
	}
	score, err := c.scorer(q)
	if err != nil {
		return nil, err
	}
	limit := 10
	if q.Limit != nil {
		limit = int(q.GetLimit())
	}
	var hits []*client.ScoredPoint
	for id, p := range c.points {
		value, ok := score(id, p)
		if !ok || q.ScoreThreshold != nil && value <= q.GetScoreThreshold() || !passes(p, q.GetFilter()) {
			continue
		}
		hits = append(hits, &client.ScoredPoint{Id: p.GetId(), Score: value, Payload: selected(p.GetPayload(), q.GetWithPayload())})
	}
	slices.SortFunc(hits, func(a, b *client.ScoredPoint) int {
		return cmp.Or(cmp.Compare(b.GetScore(), a.GetScore()), cmp.Compare(hash(a.GetId().GetUuid(), turn), hash(b.GetId().GetUuid(), turn)))
	})
	return hits[:min(limit, len(hits))], nil
}

func hash(id string, turn uint32) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return h.Sum32()*2654435761 ^ turn*40503
}

// scorer returns what a point scores in a query, and whether it is a match at all.
func (c *collection) scorer(q *client.QueryPoints) (func(id string, p *client.PointStruct) (float32, bool), error) {
	nearest := q.GetQuery().GetNearest()
	name := q.GetUsing()
	if sparse := nearest.GetSparse(); sparse != nil {
		params, ok := c.made.GetSparseVectorsConfig().GetMap()[name]
		if !ok {
			return nil, status.Errorf(codes.InvalidArgument, "Wrong input: Not existing vector name error: %s", name)
		}
		if err := acceptsSparse(sparse); err != nil {
			return nil, err
		}
		shards := c.frequencies(name)
		return func(id string, p *client.PointStruct) (float32, bool) {
			f := shards[c.shard(id)]
			if params.GetModifier() != client.Modifier_Idf {
				f = nil
			}
			return dot(sparse, p.GetVectors().GetVectors().GetVectors()[name].GetSparse(), f, hash(id, 0)%2 == 0)
		}, nil
	}
	query := nearest.GetDense().GetData()
	if err := c.acceptsDense(name, query); err != nil {
		return nil, err
	}
	return func(_ string, p *client.PointStruct) (float32, bool) {
		v := p.GetVectors().GetVectors().GetVectors()[name].GetDense().GetData()
		return cosine(query, v), len(v) > 0
	}, nil
}

// frequencies of a shard: how many points have the vector, and each term.
type frequencies struct {
	n  float32
	df map[uint32]float32
}

func (f *frequencies) idf(term uint32) float32 {
	df := f.df[term]
	return float32(math.Log(float64((f.n-df+0.5)/(df+0.5) + 1)))
}

func (c *collection) shard(id string) int { return int(hash(id, 7) % max(c.made.GetShardNumber(), 1)) }

func (c *collection) frequencies(name string) []*frequencies {
	shards := make([]*frequencies, max(c.made.GetShardNumber(), 1))
	for i := range shards {
		shards[i] = &frequencies{df: make(map[uint32]float32)}
	}
	for id, p := range c.points {
		if v := p.GetVectors().GetVectors().GetVectors()[name].GetSparse(); v != nil {
			f := shards[c.shard(id)]
			f.n++
			for _, term := range v.GetIndices() {
				f.df[term]++
			}
		}
	}
	return shards
}

// dot is the product of two sparse vectors, with frequencies when f is given, and
// whether they share a term. The order in which the terms are added is not the same
// for all points, as in Qdrant, so that equal points may differ in the last digit.
func dot(query, v *client.SparseVector, f *frequencies, backwards bool) (score float32, match bool) {
	at := make(map[uint32]float32, len(v.GetIndices()))
	for i, term := range v.GetIndices() {
		at[term] = v.GetValues()[i]
	}
	for i := range query.GetIndices() {
		if backwards {
			i = len(query.GetIndices()) - 1 - i
		}
		term, weight := query.GetIndices()[i], query.GetValues()[i]
		value, ok := at[term]
		if !ok {
			continue
		}
		if f != nil {
			weight *= f.idf(term)
		}
		score += weight * value
		match = true
	}
	return score, match
}

func cosine(a, b []float32) float32 {
	var dot, aa, bb float64
	for i := range min(len(a), len(b)) {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return float32(dot / math.Sqrt(aa*bb))
}

// acceptsFilter refuses a filter by a field that has no index, as strict mode does.
func (c *collection) acceptsFilter(f *client.Filter) error {
	for _, condition := range f.GetMust() {
		if field := condition.GetField().GetKey(); c.indexes[field] == client.FieldType_FieldTypeKeyword && condition.GetField().GetRange() != nil || !c.has(field) {
			return status.Errorf(codes.InvalidArgument, "Bad request: Index required but not found for \"%s\"", field)
		}
	}
	return nil
}

func (c *collection) has(field string) bool {
	_, ok := c.indexes[field]
	return ok
}

func passes(p *client.PointStruct, f *client.Filter) bool {
	for _, condition := range f.GetMust() {
		field := condition.GetField()
		value := p.GetPayload()[field.GetKey()]
		if m := field.GetMatch(); m != nil && !slices.Contains(m.GetKeywords().GetStrings(), value.GetStringValue()) && (m.GetKeyword() == "" || m.GetKeyword() != value.GetStringValue()) {
			return false
		}
		if r := field.GetRange(); r != nil {
			n := float64(value.GetIntegerValue())
			if r.Gte != nil && n < r.GetGte() || r.Lte != nil && n > r.GetLte() {
				return false
			}
		}
	}
	return true
}
