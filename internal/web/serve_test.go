package web_test

import (
	"context"
	"sync"
	"testing"

	"troly/internal/corpus"
	"troly/internal/ingest"
	"troly/internal/pipeline"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
	"troly/knowledge"
)

// real is the assistant of the embedded knowledge, made once for all tests.
var real = sync.OnceValues(func() (*corpus.Library, *pipeline.Assistant) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		panic(err)
	}
	store, err := vectorstore.OpenEmbedded(context.Background(), "", retrieval.Schema(0))
	if err != nil {
		panic(err)
	}
	syncer := ingest.Syncer{Store: store, Encoder: retrieval.NewEncoder(lib)}
	if _, err := syncer.Sync(context.Background(), lib); err != nil {
		panic(err)
	}
	return lib, pipeline.New(lib, retrieval.New(lib, store, nil, retrieval.Options{}), pipeline.Options{})
})

func library(t *testing.T) *corpus.Library {
	t.Helper()
	lib, _ := real()
	return lib
}
