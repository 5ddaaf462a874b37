package qdrant

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	client "github.com/qdrant/go-client/qdrant"

	"troly/internal/vectorstore"
)

// Check returns nil when this version can be searched: the server is there, takes
// the key, and has the version, whole and as this program makes it. (The server's
// own health call needs no key and knows no collection.)
func (s *Store) Check(ctx context.Context) error {
	info, err := s.info(ctx, s.ready())
	if err != nil {
		return err
	}
	if info == nil {
		return fmt.Errorf("%w (no collection %s)", ErrNotFilled, s.ready())
	}
	if err := s.checkSchema(info); err != nil {
		return err
	}
	if info.GetStatus() == client.CollectionStatus_Red {
		return fmt.Errorf("collection %s: Qdrant reports an error in it: %s", s.Collection(), info.GetOptimizerStatus().GetError())
	}
	n, err := s.count(ctx)
	if err != nil {
		return err
	}
	meta, _ := metaOf(info)
	if want := meta[pointsMeta].GetIntegerValue(); n != uint64(want) {
		return fmt.Errorf("%w: collection %s has %d of %d points", ErrNotFilled, s.Collection(), n, want)
	}
	return nil
}

// info describes a collection, nil when it is not there.
func (s *Store) info(ctx context.Context, name string) (*client.CollectionInfo, error) {
	return quick(ctx, s, "look at collection "+name, func(ctx context.Context) (*client.CollectionInfo, error) {
		info, err := s.client.GetCollectionInfo(ctx, name)
		if missing(err) {
			return nil, nil
		}
		return info, err
	})
}

func (s *Store) count(ctx context.Context) (uint64, error) {
	return quick(ctx, s, "count the points of "+s.Collection(), func(ctx context.Context) (uint64, error) {
		return s.client.Count(ctx, &client.CountPoints{CollectionName: s.Collection(), Exact: client.PtrOf(true), Timeout: seconds(s.opts.SearchIn)})
	})
}

// Create makes the version's collection unless it is there, and copies into it the
// points of the version published last that are wanted, so that they need not be
// embedded again. wanted are the hashes of all points of this version by ID.
func (s *Store) Create(ctx context.Context, wanted map[string]string) error {
	aliases, err := s.aliases(ctx)
	if err != nil {
		return err
	}
	current := aliases[s.opts.Collection]
	if current == "" {
		if err := s.nameIsFree(ctx); err != nil {
			return err
		}
	}
	if err := s.create(ctx, len(wanted)); err != nil {
		return err
	}
	info, err := s.info(ctx, s.Collection())
	if err != nil {
		return err
	}
	if err := s.checkSchema(info); err != nil {
		return err
	}
	if current == "" || current == s.Collection() {
		return nil
	}
	return s.copyFrom(ctx, current, wanted)
}

// nameIsFree makes sure that no collection has the name of our alias.
func (s *Store) nameIsFree(ctx context.Context) error {
	info, err := s.info(ctx, s.opts.Collection)
	if err == nil && info != nil {
		return fmt.Errorf("%w: %s is a collection there, and was to be the name of ours; name another one, or delete it", ErrMismatch, s.opts.Collection)
	}
	return err
}

// aliases returns the collection behind each alias.
func (s *Store) aliases(ctx context.Context) (map[string]string, error) {
	list, err := quick(ctx, s, "list the aliases", func(ctx context.Context) ([]*client.AliasDescription, error) { return s.client.ListAliases(ctx) })
	if err != nil {
		return nil, err
	}
	aliases := make(map[string]string, len(list))
	for _, a := range list {
		aliases[a.GetAliasName()] = a.GetCollectionName()
	}
	return aliases, nil
}

// copyFrom copies the points of another version that this one wants as they are.
// Nothing else is copied: another process may have filled and published this
// version meanwhile.
func (s *Store) copyFrom(ctx context.Context, source string, wanted map[string]string) error {
	info, err := s.info(ctx, source)
	if err != nil {
		return err
	}
	meta, isOurs := metaOf(info)
	if !isOurs || meta[layoutMeta].GetStringValue() != layout {
		return nil
	}
	there, err := s.hashes(ctx, source)
	if err != nil {
		return err
	}
	have, err := s.Hashes(ctx)
	if err != nil {
		return err
	}
	var ids []*client.PointId
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		if there[id] == wanted[id] && have[id] != wanted[id] {
			ids = append(ids, pointID(id))
		}
	}
	for part := range slices.Chunk(ids, batchPoints) {
		points, err := s.read(ctx, source, part)
		if err != nil {
			return err
		}
		for len(points) > 0 {
			n := batch(points)
			if err := s.upsert(ctx, points[:n]); err != nil {
				return err
			}
			points = points[n:]
		}
	}
	return nil
}

// read returns whole points of a collection, as they can be written again.
func (s *Store) read(ctx context.Context, collection string, ids []*client.PointId) ([]*client.PointStruct, error) {
	list, err := patient(ctx, s, fmt.Sprintf("read %d points of %s", len(ids), collection), func(ctx context.Context) ([]*client.RetrievedPoint, error) {
		return s.client.Get(ctx, &client.GetPoints{
			CollectionName: collection, Ids: ids, WithPayload: client.NewWithPayload(true), WithVectors: client.NewWithVectors(true),
			ReadConsistency: s.consistent(), Timeout: seconds(s.opts.WriteIn),
		})
	})
	if err != nil {
		return nil, err
	}
	points := make([]*client.PointStruct, len(list))
	for i, p := range list {
		points[i] = &client.PointStruct{Id: p.GetId(), Payload: p.GetPayload(), Vectors: client.NewVectorsMap(s.vectorsOf(p))}
	}
	return points, nil
}

// vectorsOf takes the vectors of a point by the names of the schema: the client
// cannot tell a sparse vector from a dense one by itself.
func (s *Store) vectorsOf(p *client.RetrievedPoint) map[string]*client.Vector {
	vectors := make(map[string]*client.Vector)
	for name, v := range p.GetVectors().GetVectors().GetVectors() {
		if _, ok := s.opts.Schema.Sparse[name]; ok {
			sparse := v.GetSparseVector()
			vectors[name] = client.NewVectorSparse(sparse.GetIndices(), sparse.GetValues())
		} else if _, ok := s.opts.Schema.Dense[name]; ok {
			vectors[name] = client.NewVectorDense(v.GetDenseVector().GetData())
		}
	}
	return vectors
}

// Publish makes sure that the version holds exactly the wanted points and that one
// of them is found, and then lets searches have it. Publishing again is harmless.
func (s *Store) Publish(ctx context.Context, wanted map[string]string) error {
	have, err := s.Hashes(ctx)
	if err != nil {
		return err
	}
	if !maps.Equal(have, wanted) {
		return fmt.Errorf("publish %s: it holds %d points and not the %d that were to be written; run the same again", s.Collection(), len(have), len(wanted))
	}
	if err := s.probe(ctx, wanted); err != nil {
		return fmt.Errorf("publish %s: %w", s.Collection(), err)
	}
	// One request, so that both are switched at once. Making an alias that is there
	// moves it: to delete it first could leave none.
	actions := []*client.AliasOperations{client.NewAliasCreate(s.ready(), s.Collection()), client.NewAliasCreate(s.opts.Collection, s.Collection())}
	_, err = patient(ctx, s, "publish "+s.Collection(), func(ctx context.Context) (bool, error) {
		return true, s.client.UpdateAliases(ctx, actions)
	})
	return err
}

// probe looks for the first wanted point by each of its own vectors. Nobody waits
// for it, and the server may still be busy with what was written.
func (s *Store) probe(ctx context.Context, wanted map[string]string) error {
	if len(wanted) == 0 {
		return nil
	}
	unhurried := *s
	unhurried.opts.SearchIn = s.opts.WriteIn
	id := slices.Min(slices.Collect(maps.Keys(wanted)))
	points, err := s.read(ctx, s.Collection(), []*client.PointId{pointID(id)})
	if err != nil {
		return err
	}
	if len(points) != 1 {
		return fmt.Errorf("point %s cannot be read", id)
	}
	document := points[0].GetPayload()[documentField].GetStringValue()
	for name, v := range points[0].GetVectors().GetVectors().GetVectors() {
		q := vectorstore.Query{Using: name, Limit: vectorstore.MaxLimit, Filter: vectorstore.Filter{Documents: []string{document}}}
		if sparse := v.GetSparse(); sparse != nil {
			q.Sparse = &vectorstore.Sparse{Indices: sparse.GetIndices(), Values: sparse.GetValues()}
		} else {
			q.Dense = v.GetDense().GetData()
		}
		hits, err := unhurried.search(ctx, s.Collection(), []vectorstore.Query{q})
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(hits[0], func(h vectorstore.Hit) bool { return h.ID == id }) {
			return fmt.Errorf("point %s is not found by its own vector %q", id, name)
		}
	}
	return nil
}

// abandoned is how long a version that nobody publishes is kept: longer than any
// filling takes.
const abandoned = 24 * time.Hour

// Clean deletes the collections of old versions and returns their names. Kept are
// this version, the one the name stands for, the newest other published one, which
// a program may still be searching, and those being filled.
func (s *Store) Clean(ctx context.Context) (removed []string, err error) {
	aliases, err := s.aliases(ctx)
	if err != nil {
		return nil, err
	}
	others, err := s.others(ctx, aliases)
	if err != nil {
		return nil, err
	}
	published := 0
	for _, v := range others { // newest first
		if v.published {
			if published++; published == 1 {
				continue
			}
		} else if s.opts.Now().Sub(v.started) < abandoned {
			continue
		}
		if err := s.drop(ctx, v.name); err != nil {
			return removed, err
		}
		removed = append(removed, v.name)
	}
	return removed, nil
}

// version is a collection of another version.
type version struct {
	name      string
	started   time.Time
	published bool
}

// others lists the versions besides this and the current one, newest first. A
// collection counts when it has our name and says that this program made it.
func (s *Store) others(ctx context.Context, aliases map[string]string) ([]version, error) {
	names, err := quick(ctx, s, "list the collections", func(ctx context.Context) ([]string, error) { return s.client.ListCollections(ctx) })
	if err != nil {
		return nil, err
	}
	pattern := regexp.MustCompile("^" + regexp.QuoteMeta(s.opts.Collection) + "-[0-9a-f]{16}$")
	var list []version
	for _, name := range names {
		if !pattern.MatchString(name) || name == s.Collection() || name == aliases[s.opts.Collection] {
			continue
		}
		info, err := s.info(ctx, name)
		if err != nil {
			return nil, err
		}
		meta, isOurs := metaOf(info)
		at, timeErr := time.Parse(time.RFC3339, meta[started].GetStringValue())
		if isOurs && timeErr == nil {
			list = append(list, version{name, at, aliases[name+"-ready"] == name})
		}
	}
	slices.SortFunc(list, func(a, b version) int { return b.started.Compare(a.started) })
	return list, nil
}

// Drop deletes this version with its aliases, which nobody may be searching.
func (s *Store) Drop(ctx context.Context) error { return s.drop(ctx, s.Collection()) }

// drop deletes a collection with its aliases; one that is gone is no error, which
// the client's DeleteCollection makes of it.
func (s *Store) drop(ctx context.Context, name string) error {
	_, err := patient(ctx, s, "delete collection "+name, func(ctx context.Context) (*client.CollectionOperationResponse, error) {
		return s.client.GetCollectionsClient().Delete(ctx, &client.DeleteCollection{CollectionName: name, Timeout: seconds(s.opts.WriteIn)})
	})
	return err
}
