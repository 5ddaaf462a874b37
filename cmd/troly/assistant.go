package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"troly/internal/corpus"
	"troly/internal/ingest"
	"troly/internal/pipeline"
	"troly/internal/qdrant"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
	"troly/prompts"
)

// assistant is the whole program put together: what ask, chat, search, serve and
// eval work with.
type assistant struct {
	*pipeline.Assistant
	lib     *corpus.Library
	store   *vectorstore.Embedded
	model   bool          // a model words the answers
	remote  *qdrant.Store // nil without QDRANT_URL
	vectors *vectors      // nil without an embedder
	save    func()        // writes what the data directory lacks; the second time nothing
	filling sync.WaitGroup
	watched *telemetry // nil: nobody is told of anything

	switches atomic.Pointer[switchboard] // that may turn the model off; nothing in it: it is on
}

// openAssistant makes the parts from the settings and brings the store up to date
// with the knowledge. What cannot be saved or had to be rebuilt is said on stderr
// and stops nothing.
func openAssistant(ctx context.Context, con *console, s settings) (*assistant, error) {
	return openMeasured(ctx, con, s, nil)
}

// openMeasured is openAssistant of one whose figures are registered; nil: none are
// taken. It is traced when the settings say so.
func openMeasured(ctx context.Context, con *console, s settings, registry prometheus.Registerer) (*assistant, error) {
	a, err := openUnsaved(ctx, con, s, registry)
	if err == nil {
		a.save()
	}
	return a, err
}

// openUnsaved is openMeasured that leaves saving to Close: for one answer, which
// comes before the data directory is written.
func openUnsaved(ctx context.Context, con *console, s settings, registry prometheus.Registerer) (a *assistant, err error) {
	t, err := newTelemetry(ctx, s, registry)
	if err != nil {
		return nil, err
	}
	// The store is read and indexed while the knowledge is: together they are most
	// of a start.
	var store *vectorstore.Embedded
	var note error
	var opening sync.WaitGroup
	opening.Go(func() {
		store, note = vectorstore.OpenEmbedded(ctx, s.file("vectors.db"), retrieval.Schema(s.Models.dimensions()))
		store.Hold()
		if store.Marked() != "" {
			_, _ = store.Search(ctx, nil) // builds the index; it is built anew if the knowledge has changed
		}
	})
	lib, problems, saveKnowledge, err := corpus.Open(s.knowledgeFS(), s.file("knowledge.json"))
	opening.Wait()
	defer func() {
		if err != nil {
			store.Close()
		}
	}()
	warn(con, problems)
	if err != nil {
		return nil, err
	}
	if note != nil {
		fmt.Fprintln(con.err, "troly:", note)
	}
	if err := bringUpToDate(ctx, store, lib); err != nil {
		return nil, err
	}
	a = &assistant{lib: lib, store: store, vectors: newVectors(s.Models.embedder(t)), watched: t}
	a.save = sync.OnceFunc(func() {
		notSaved(con, saveKnowledge())
		if err := store.Save(ctx); !errors.Is(note, vectorstore.ErrNotSaved) { // else it is said already
			notSaved(con, err)
		}
	})
	if a.remote, err = s.Qdrant.open(lib, a.vectors.forPassages()); err != nil {
		return nil, err
	}
	options := pipeline.Options{Build: buildVersion(), Watcher: t.watcher()}
	if a.vectors != nil {
		a.vectors.begin(ctx, con.err, store, lib)
		options.Embedder = a.vectors.Name()
	}
	if options.Model = s.Models.generator(t); options.Model != nil {
		a.model, options.Model = true, switchedModel{options.Model, &a.switches}
		options.AnswerIn = s.Models.answerIn()
		options.Moderate = switchedModeration(s.Models.moderator(t), &a.switches)
		if options.Prompts, err = prompts.Load(); err != nil {
			return nil, err
		}
	}
	a.Assistant = pipeline.New(lib, retrieval.New(lib, withFallback(a.remote, store, t), a.vectors.forQuestions(), retrieval.Options{}), options)
	return a, nil
}

// bringUpToDate syncs the store unless its mark says that it holds this knowledge. With
// ErrNotSaved it does in memory; a store that is held saves later.
func bringUpToDate(ctx context.Context, store *vectorstore.Embedded, lib *corpus.Library) error {
	encoder := retrieval.NewEncoder(lib)
	mark := storeMark(encoder)
	if marked := store.Marked(); marked == mark || strings.HasPrefix(marked, mark+" ") { // with vectors beside
		return nil
	}
	syncer := ingest.Syncer{Store: store, Encoder: encoder}
	if _, err := syncer.Sync(ctx, lib); err != nil {
		return err
	}
	return store.Mark(ctx, mark)
}

// storeMark names the state of a store that holds this knowledge.
func storeMark(encoder *retrieval.Encoder) string {
	return encoder.Version(corpus.Chunk{Section: corpus.ProfileSection})
}

// Close saves, then lets go of the data directory and of Qdrant, after what fills the
// store has stopped with its context.
func (a *assistant) Close() error {
	a.filling.Wait()
	a.save()
	if a.remote == nil {
		return errors.Join(a.store.Close(), a.watched.Close())
	}
	return errors.Join(a.store.Close(), a.remote.Close(), a.watched.Close())
}

// buildVersion is the revision the program was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "devel"
}
