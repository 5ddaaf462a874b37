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

// scored is a candidate for a hit.
type scored struct {
	id    string
	score float32
}

// query answers one query; turn decides the order of equal scores.
func (c *collection) query(q *client.QueryPoints, turn uint32) ([]*client.ScoredPoint, error) {
	if err := c.acceptsFilter(q.GetFilter()); err != nil {
		return nil, err
	}
	candidates, err := c.candidates(q)
	if err != nil {
		return nil, err
	}
	candidates = slices.DeleteFunc(candidates, func(s scored) bool {
		return q.ScoreThreshold != nil && s.score <= q.GetScoreThreshold() || !passes(c.points[s.id], q.GetFilter())
	})
	slices.SortFunc(candidates, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(hash(a.id, turn), hash(b.id, turn)))
	})
	limit := 10
	if q.Limit != nil {
		limit = int(q.GetLimit())
	}
	var hits []*client.ScoredPoint
	for _, s := range candidates[:min(limit, len(candidates))] {
		hits = append(hits, &client.ScoredPoint{Id: client.NewIDUUID(s.id), Score: s.score, Payload: selected(c.points[s.id].GetPayload(), q.GetWithPayload())})
	}
	return hits, nil
}

func hash(id string, turn uint32) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return (h.Sum32() ^ turn*40503) * 2654435761
}

// candidates scores the points that a query matches.
func (c *collection) candidates(q *client.QueryPoints) ([]scored, error) {
	nearest := q.GetQuery().GetNearest()
	if sparse := nearest.GetSparse(); sparse != nil {
		params, ok := c.made.GetSparseVectorsConfig().GetMap()[q.GetUsing()]
		if !ok {
			return nil, status.Errorf(codes.InvalidArgument, "Wrong input: Not existing vector name error: %s", q.GetUsing())
		}
		if err := acceptsSparse(sparse); err != nil {
			return nil, err
		}
		return c.sparse(q.GetUsing(), sparse, params.GetModifier() == client.Modifier_Idf), nil
	}
	query := nearest.GetDense().GetData()
	if err := c.acceptsDense(q.GetUsing(), query); err != nil {
		return nil, err
	}
	var list []scored
	for id, p := range c.points {
		if v := p.GetVectors().GetVectors().GetVectors()[q.GetUsing()].GetDense().GetData(); len(v) > 0 {
			list = append(list, scored{id, cosine(query, v)})
		}
	}
	return list, nil
}

// index holds the postings of one sparse vector of one shard.
type index struct {
	ids      []string // of the points that have the vector
	postings map[uint32][]posting
}

type posting struct {
	at    int // in ids
	value float32
}

func (x *index) idf(term uint32) float32 {
	n, df := float32(len(x.ids)), float32(len(x.postings[term]))
	return float32(math.Log(float64((n-df+0.5)/(df+0.5) + 1)))
}

// sparse scores the points that share a term with the query. The terms of every
// other point are added from the last to the first, so that equal points may differ
// in the last digit, as they do in Qdrant, which adds them batch by batch.
func (c *collection) sparse(name string, query *client.SparseVector, idf bool) []scored {
	var list []scored
	for _, x := range c.index(name) {
		scores := make([]float32, len(x.ids))
		matches := make([]bool, len(x.ids))
		add := func(at, parity int) {
			term, weight := query.GetIndices()[at], query.GetValues()[at]
			if idf {
				weight *= x.idf(term)
			}
			for _, p := range x.postings[term] {
				if p.at%2 == parity {
					scores[p.at] += weight * p.value
					matches[p.at] = true
				}
			}
		}
		last := len(query.GetIndices()) - 1
		for i := range query.GetIndices() {
			add(i, 0)
			add(last-i, 1)
		}
		for at, match := range matches {
			if match {
				list = append(list, scored{x.ids[at], scores[at]})
			}
		}
	}
	return list
}

// index returns the postings of a sparse vector by shard, made after a change.
func (c *collection) index(name string) []*index {
	if shards := c.sparseIndexes[name]; shards != nil {
		return shards
	}
	shards := make([]*index, max(c.made.GetShardNumber(), 1))
	for i := range shards {
		shards[i] = &index{postings: make(map[uint32][]posting)}
	}
	for id, p := range c.points {
		if v := p.GetVectors().GetVectors().GetVectors()[name].GetSparse(); v != nil {
			x := shards[int(hash(id, 7))%len(shards)]
			for i, term := range v.GetIndices() {
				x.postings[term] = append(x.postings[term], posting{len(x.ids), v.GetValues()[i]})
			}
			x.ids = append(x.ids, id)
		}
	}
	c.sparseIndexes[name] = shards
	return shards
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
		field := condition.GetField().GetKey()
		kind, ok := c.indexes[field]
		if !ok || kind == client.FieldType_FieldTypeKeyword && condition.GetField().GetRange() != nil {
			return status.Errorf(codes.InvalidArgument, "Bad request: Index required but not found for \"%s\"", field)
		}
	}
	return nil
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
