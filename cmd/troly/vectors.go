package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"troly/internal/corpus"
	"troly/internal/ingest"
	"troly/internal/llm"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
)

// Dense vectors come after everything else: a program that starts, or whose embedding
// service is down, answers by words at once, and by both as soon as the store holds
// the vectors of all passages. Half of them would draw answers to half of the
// documents.
const (
	fewChunks   = 512             // are embedded before the first answer: one changed document, and the profile of every other that the classifier learned anew with it
	fewChunksIn = 5 * time.Second // so long at most
	longestRest = 5 * time.Minute // between two tries of a server to fill the store
)

// vectors are the embedder of questions and whether the store is ready for it.
type vectors struct {
	llm.Embedder
	ready atomic.Bool
}

// Embed implements llm.Embedder. Questions are turned away until the store is ready.
func (v *vectors) Embed(ctx context.Context, texts []string, query bool) ([][]float32, error) {
	if query && !v.ready.Load() {
		return nil, &llm.Error{Kind: llm.Unindexed, Err: fmt.Errorf("the store lacks vectors of %s: run troly ingest", v.Name())}
	}
	return v.Embedder.Embed(ctx, texts, query)
}

// newVectors returns nil without an embedder.
func newVectors(e llm.Embedder) *vectors {
	if e == nil {
		return nil
	}
	return &vectors{Embedder: e}
}

// forQuestions is the embedder for retrieval: a nil interface without one.
func (v *vectors) forQuestions() llm.Embedder {
	if v == nil {
		return nil
	}
	return v
}

// forPassages is the embedder that fills stores: a nil interface without one.
func (v *vectors) forPassages() llm.Embedder {
	if v == nil {
		return nil
	}
	return v.Embedder
}

// fullMark names the state of a store that holds this knowledge and its vectors.
func (v *vectors) fullMark(encoder *retrieval.Encoder) string {
	return storeMark(encoder) + " " + v.Name()
}

// syncer brings vectors into a store.
func (v *vectors) syncer(store vectorstore.Store, encoder *retrieval.Encoder) ingest.Syncer {
	return ingest.Syncer{Store: store, Encoder: encoder, Embedder: v.Embedder}
}

// missing is how many chunks have no vector yet.
func (v *vectors) missing(ctx context.Context, store *vectorstore.Embedded, lib *corpus.Library) (int, error) {
	encoder := retrieval.NewEncoder(lib)
	if store.Marked() == v.fullMark(encoder) {
		return 0, nil
	}
	s := v.syncer(store, encoder)
	s.DryRun = true
	report, err := s.Sync(ctx, lib)
	return report.Added + report.Changed, err
}

// fill embeds what is missing and opens the way for questions.
func (v *vectors) fill(ctx context.Context, store *vectorstore.Embedded, lib *corpus.Library, progress func(done, total int)) (ingest.Report, error) {
	encoder := retrieval.NewEncoder(lib)
	if store.Marked() == v.fullMark(encoder) {
		v.ready.Store(true)
		return ingest.Report{}, nil
	}
	s := v.syncer(store, encoder)
	s.Progress = progress
	report, err := s.Sync(ctx, lib)
	if err != nil {
		return report, err
	}
	v.ready.Store(true)
	if err := store.Mark(ctx, v.fullMark(encoder)); err != nil && report.NotSaved == nil {
		report.NotSaved = err
	}
	return report, nil
}

// begin makes the store ready for questions where that takes no time, and says on w
// what is to be done otherwise.
func (v *vectors) begin(ctx context.Context, w io.Writer, store *vectorstore.Embedded, lib *corpus.Library) {
	n, err := v.missing(ctx, store, lib)
	if err == nil && n <= fewChunks {
		short, cancel := context.WithTimeout(ctx, fewChunksIn)
		defer cancel()
		_, err = v.fill(short, store, lib, nil)
	}
	switch {
	case v.ready.Load():
	case err != nil:
		fmt.Fprintln(w, "troly: answering by words alone, without EMBEDDING_MODEL:", err)
	default:
		fmt.Fprintf(w, "troly: answering by words alone: %d chunks have no vectors of %s yet; run troly ingest\n", n, v.Name())
	}
}

// keepFilling tries until the store is full or ctx ends, resting longer after each
// failure. What was embedded before one is kept.
func (v *vectors) keepFilling(ctx context.Context, store *vectorstore.Embedded, lib *corpus.Library, failed func(error)) {
	for rest := time.Second; !v.ready.Load(); rest = min(2*rest, longestRest) {
		if _, err := v.fill(ctx, store, lib, nil); err == nil || ctx.Err() != nil {
			return
		} else {
			failed(err)
		}
		timer := time.NewTimer(rest)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// keepFilling goes on with it beside the answers of a server.
func (a *assistant) keepFilling(ctx context.Context, log *slog.Logger) {
	if a.vectors == nil || a.vectors.ready.Load() {
		return
	}
	a.filling.Go(func() {
		a.vectors.keepFilling(ctx, a.store, a.lib, func(err error) { log.Warn("embedding the knowledge", "err", err) })
	})
}
