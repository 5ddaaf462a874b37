package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"troly/internal/corpus"
	"troly/internal/ingest"
	"troly/internal/llm"
	"troly/internal/qdrant"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
)

// qdrantSettings are those of the vector database; without QDRANT_URL the embedded
// store is searched.
type qdrantSettings struct {
	URL              string `env:"QDRANT_URL"`
	APIKey           string `env:"QDRANT_API_KEY"`
	Collection       string `env:"QDRANT_COLLECTION" envDefault:"troly"`
	Shards           uint32 `env:"QDRANT_SHARDS" envDefault:"1"`
	Replicas         uint32 `env:"QDRANT_REPLICAS" envDefault:"1"`
	WriteConsistency uint32 `env:"QDRANT_WRITE_CONSISTENCY" envDefault:"1"`
}

// collectionName is what Qdrant takes in paths and file names everywhere.
const collectionName = "^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$"

func (q qdrantSettings) check() error {
	if q.URL == "" {
		return nil
	}
	if _, err := qdrant.ParseURL(q.URL); err != nil {
		return fmt.Errorf("QDRANT_URL: %w", err)
	}
	if !regexp.MustCompile(collectionName).MatchString(q.Collection) {
		return fmt.Errorf("QDRANT_COLLECTION %q: write letters, digits, - and _, 61 at most, for example troly", q.Collection)
	}
	const most = 1000 // more is a slip of the keyboard
	switch {
	case q.Shards < 1 || q.Shards > most:
		return fmt.Errorf("QDRANT_SHARDS %d: write a number from 1 to %d", q.Shards, most)
	case q.Replicas < 1 || q.Replicas > most:
		return fmt.Errorf("QDRANT_REPLICAS %d: write a number from 1 to %d", q.Replicas, most)
	case q.WriteConsistency < 1 || q.WriteConsistency > q.Replicas:
		return fmt.Errorf("QDRANT_WRITE_CONSISTENCY %d: write a number from 1 to QDRANT_REPLICAS, which is %d; no write could succeed", q.WriteConsistency, q.Replicas)
	}
	return nil
}

// open returns the store for the points of this knowledge, with the vectors of an
// embedder that may be nil; nil without QDRANT_URL. It does not wait for the server.
func (q qdrantSettings) open(lib *corpus.Library, e llm.Embedder) (*qdrant.Store, error) {
	if q.URL == "" {
		return nil, nil
	}
	version, dims := storeMark(retrieval.NewEncoder(lib)), 0
	if e != nil {
		version, dims = version+" "+e.Name(), e.Dimensions()
	}
	return qdrant.New(qdrant.Options{
		URL: q.URL, APIKey: q.APIKey, Collection: q.Collection, Shards: q.Shards, Replicas: q.Replicas, WriteConsistency: q.WriteConsistency,
		Version: version, Schema: retrieval.Schema(dims),
	})
}

// withFallback searches Qdrant, and the embedded store while that is away.
func withFallback(remote *qdrant.Store, embedded *vectorstore.Embedded, t *telemetry) vectorstore.Searcher {
	if remote == nil {
		return t.searching(embedded, "embedded")
	}
	remote.Connect() // while the rest starts
	opts := vectorstore.FallbackOptions{Name: "Qdrant", Reason: qdrant.Reason}
	if t != nil && t.measures != nil {
		t.measures.Circuit("qdrant", 0)
		opts.Watch = func(s vectorstore.State) { t.measures.Circuit("qdrant", int(s)) }
	}
	return t.searching(vectorstore.NewFallback(remote, embedded, opts), "qdrant")
}

// fillStep is how many chunks are encoded and written as one step of filling: what
// an interruption loses, and how often the progress moves.
const fillStep = 512

// filled is what a filling of Qdrant did.
type filled struct {
	ingest.Report
	Collection string   `json:"collection"`
	Deleted    []string `json:"deleted"` // collections of old versions
}

// fill makes the version of this knowledge in Qdrant, whole, and lets searches have
// it. It goes on where an earlier run stopped.
func fill(ctx context.Context, remote *qdrant.Store, lib *corpus.Library, e llm.Embedder, dryRun bool, progress func(done, total int)) (filled, error) {
	done := filled{Collection: remote.Collection(), Deleted: []string{}}
	syncer := ingest.Syncer{Store: remote, Encoder: retrieval.NewEncoder(lib), Embedder: e, Step: fillStep, DryRun: dryRun, Progress: progress}
	if dryRun {
		report, err := syncer.Sync(ctx, lib)
		done.Report = report
		return done, err
	}
	wanted := syncer.Hashes(lib)
	if err := remote.Create(ctx, wanted); err != nil {
		return done, err
	}
	report, err := syncer.Sync(ctx, lib)
	done.Report = report
	if err != nil {
		return done, err
	}
	if err := remote.Publish(ctx, wanted); err != nil {
		return done, err
	}
	deleted, err := remote.Clean(ctx)
	if err != nil {
		return done, fmt.Errorf("the version is filled and in use, but old ones could not be deleted: %w", err)
	}
	done.Deleted = append(done.Deleted, deleted...)
	return done, nil
}

// lookEvery is how often a server looks whether Qdrant still holds its version.
const lookEvery = 30 * time.Second

// keepFilled fills Qdrant when it lacks this knowledge: now and, looking every so
// often, whenever it has lost it, until ctx ends. Meanwhile questions are answered
// from the embedded store.
func keepFilled(ctx context.Context, remote *qdrant.Store, lib *corpus.Library, e llm.Embedder, every time.Duration, log *slog.Logger) {
	last := ""
	for {
		err := remote.Check(ctx)
		if errors.Is(err, qdrant.ErrNotFilled) {
			log.Info("filling Qdrant", "collection", remote.Collection())
			var done filled
			if done, err = fill(ctx, remote, lib, e, false, nil); err == nil {
				log.Info("Qdrant is filled", "collection", done.Collection, "added", done.Added, "deleted", done.Deleted)
			}
		}
		now := ""
		if err != nil && ctx.Err() == nil {
			now = err.Error()
		}
		if now != last && now != "" { // once for each reason
			log.Warn("Qdrant is not in use; answers come from the embedded store", "err", now)
		}
		last = now
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// examineQdrant tries the server for real: version, key, collection, writing and
// reading.
func examineQdrant(ctx context.Context, s settings, lib *corpus.Library) []check {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := check{Name: "QDRANT_URL"}
	q := s.Qdrant
	remote, err := q.open(lib, s.Models.embedder(nil))
	if err != nil {
		c.Detail = err.Error()
		return []check{c}
	}
	defer remote.Close()
	version, supported, err := remote.Server(ctx)
	switch {
	case err != nil:
		c.Detail, c.Advice = err.Error(), "start Qdrant there or correct QDRANT_URL (its gRPC port, usually 6334; https:// if it wants TLS); answers come from the embedded store meanwhile"
		return []check{c}
	case !supported:
		c.Detail, c.Advice = fmt.Sprintf("%s is Qdrant %q", q.URL, version), "run Qdrant 1.17, 1.18 or 1.19"
	default:
		c.OK, c.Detail = true, fmt.Sprintf("%s is Qdrant %s", q.URL, version)
	}
	return []check{c, tryQdrant(ctx, remote), lookAtCollection(ctx, remote)}
}

// tryQdrant writes a point and finds it again.
func tryQdrant(ctx context.Context, remote *qdrant.Store) check {
	c := check{Name: "Qdrant, write and read"}
	if err := remote.TryOut(ctx); err != nil {
		c.Detail, c.Advice = err.Error(), qdrantAdvice(err)
		return c
	}
	c.OK, c.Detail = true, "a point was written, found and deleted"
	return c
}

// lookAtCollection says whether this knowledge is there.
func lookAtCollection(ctx context.Context, remote *qdrant.Store) check {
	c := check{Name: "QDRANT_COLLECTION"}
	if err := remote.Check(ctx); err != nil {
		c.Detail, c.Advice = err.Error(), qdrantAdvice(err)
		return c
	}
	c.OK, c.Detail = true, remote.Collection()+" holds this knowledge"
	return c
}

// qdrantAdvice is what to do about an error of Qdrant.
func qdrantAdvice(err error) string {
	switch {
	case errors.Is(err, qdrant.ErrKey):
		return "set QDRANT_API_KEY to a key that may read and write"
	case errors.Is(err, qdrant.ErrNotFilled):
		return "run troly ingest, or leave it to troly serve"
	case errors.Is(err, qdrant.ErrMismatch):
		return "delete that collection, or name another one in QDRANT_COLLECTION; then run troly ingest"
	case errors.Is(err, qdrant.ErrUnreachable), errors.Is(err, qdrant.ErrSlow):
		return "look whether Qdrant runs and is not overloaded, and try again"
	}
	return "look into the log of Qdrant, and try again"
}
