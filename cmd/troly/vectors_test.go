package main

import (
	"context"
	"os"
	"testing"

	"troly/internal/corpus"
	"troly/internal/llm"
	"troly/internal/llm/llmtest"
	"troly/internal/openai"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
)

// A server fills its store while it answers, and goes on when the embedding service
// comes back.
func TestKeepFilling(t *testing.T) {
	lib, _, err := corpus.Load(os.DirFS(someKnowledge(t)))
	if err != nil {
		t.Fatal(err)
	}
	store, _ := vectorstore.OpenEmbedded(context.Background(), "", retrieval.Schema(64))
	if err := bringUpToDate(context.Background(), store, lib); err != nil {
		t.Fatal(err)
	}
	service := llmtest.NewServer(t)
	service.Embeddings = llmtest.Reply{Status: 503}
	v := newVectors(openai.New(openai.Config{BaseURL: service.URL}).Embedder("m", 64))
	if _, err := v.Embed(context.Background(), []string{"a"}, true); llm.KindOf(err) != llm.Unindexed {
		t.Errorf("a question before: %v", err)
	}
	failures := 0
	v.keepFilling(context.Background(), store, lib, func(error) {
		failures++
		service.Do(func(s *llmtest.Server) { s.Embeddings = llmtest.Reply{} })
	})
	if _, err := v.Embed(context.Background(), []string{"a"}, true); err != nil || failures != 1 {
		t.Errorf("a question after %d failures: %v", failures, err)
	}
	if n, err := v.missing(context.Background(), store, lib); err != nil || n != 0 {
		t.Errorf("%d chunks are missing, %v", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	other := newVectors(openai.New(openai.Config{BaseURL: "http://127.0.0.1:1"}).Embedder("other", 64))
	other.keepFilling(ctx, store, lib, func(error) { cancel() }) // returns
}
