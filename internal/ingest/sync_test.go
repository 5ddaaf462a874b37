package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"troly/internal/corpus"
	"troly/internal/ingest"
	"troly/internal/llm"
	"troly/internal/vectorstore"
)

const document = `---
id: %s
title: Làm thẻ thư viện
kind: procedure
asked: [làm thẻ ở đâu, mượn sách mất tiền không]
authority: Thư viện xã
checked: 2026-11-23
confidence: high
sources: [{title: Nội quy}]
---

## Tóm tắt

Ai cũng làm được thẻ.

## Hồ sơ

%s
`

// library holds documents by ID with the text of their papers section.
func library(t *testing.T, papers map[string]string) *corpus.Library {
	t.Helper()
	files := fstest.MapFS{}
	for id, text := range papers {
		files["procedures/"+id+".md"] = &fstest.MapFile{Data: []byte(fmt.Sprintf(document, id, text))}
	}
	lib, problems, err := corpus.Load(files)
	if err != nil || len(problems) > 0 {
		t.Fatalf("load: %v, %v", err, problems)
	}
	return lib
}

type encoder struct{}

func (encoder) Begin() {}

func (encoder) EncodeChunk(c corpus.Chunk) map[string]vectorstore.Sparse {
	return map[string]vectorstore.Sparse{"words": {Indices: []uint32{1}, Values: []float32{1}}}
}
func (encoder) Version(corpus.Chunk) string { return "1" }

// embedder counts what it is asked and fails after some texts.
type embedder struct{ texts, failAfter int }

func (e *embedder) Embed(_ context.Context, texts []string, _ bool) ([][]float32, error) {
	e.texts += len(texts)
	if e.failAfter > 0 && e.texts > e.failAfter {
		return nil, errors.New("service is down")
	}
	vectors := make([][]float32, len(texts))
	for i := range vectors {
		vectors[i] = []float32{1, 0}
	}
	return vectors, nil
}
func (*embedder) Dimensions() int { return 2 }
func (*embedder) Name() string    { return "fake" }

func TestSync(t *testing.T) {
	ctx := context.Background()
	store, note := vectorstore.OpenEmbedded(ctx, "", vectorstore.Schema{Sparse: map[string]bool{"words": true}, Dense: map[string]int{vectorstore.DenseName: 2}})
	if note != nil {
		t.Fatal(note)
	}
	model := &embedder{}
	syncer := &ingest.Syncer{Store: store, Encoder: encoder{}, Embedder: model}
	two := map[string]string{"a": "Giấy khai.", "b": "Ảnh."}
	for _, tt := range []struct {
		name   string
		papers map[string]string
		dry    bool
		want   ingest.Report
	}{
		{"dry run", two, true, ingest.Report{Added: 12}},
		{"first", two, false, ingest.Report{Added: 12, Embedded: 12}},
		{"again", two, false, ingest.Report{Unchanged: 12}},
		{"one section changed", map[string]string{"a": "Giấy khai mới.", "b": "Ảnh."}, false, ingest.Report{Added: 1, Removed: 1, Unchanged: 11, Embedded: 1}},
		{"one document gone", map[string]string{"b": "Ảnh."}, false, ingest.Report{Removed: 6, Unchanged: 6}},
	} {
		before := model.texts
		syncer.DryRun = tt.dry
		got, err := syncer.Sync(ctx, library(t, tt.papers))
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
		if asked := model.texts - before; asked != tt.want.Embedded {
			t.Errorf("%s: %d texts embedded, want %d", tt.name, asked, tt.want.Embedded)
		}
	}
}

func TestSyncGoesOn(t *testing.T) {
	ctx := context.Background()
	papers := make(map[string]string)
	for i := range 100 {
		papers[fmt.Sprintf("d%02d", i)] = strings.Repeat("Giấy. ", i+1)
	}
	lib := library(t, papers)
	store, _ := vectorstore.OpenEmbedded(ctx, "", vectorstore.Schema{Sparse: map[string]bool{"words": true}, Dense: map[string]int{vectorstore.DenseName: 2}})
	model := &embedder{failAfter: 300}
	syncer := &ingest.Syncer{Store: store, Encoder: encoder{}, Embedder: model}
	if _, err := syncer.Sync(ctx, lib); err == nil {
		t.Fatal("a failing embedder: no error")
	}
	hashes, err := store.Hashes(ctx)
	if err != nil || len(hashes) == 0 {
		t.Fatalf("nothing of the finished batches is kept: %d, %v", len(hashes), err)
	}
	kept := len(hashes)
	*model = embedder{}
	report, err := syncer.Sync(ctx, lib)
	if err != nil || report.Unchanged != kept || report.Embedded != 600-kept {
		t.Errorf("second run %+v, %v, want %d unchanged and %d embedded", report, err, kept, 600-kept)
	}
}

// slowEmbedder is in time for a few texts only, and gives each the number in it.
type slowEmbedder struct {
	embedder
	most  int
	calls []int
}

func (e *slowEmbedder) Embed(_ context.Context, texts []string, _ bool) ([][]float32, error) {
	e.calls = append(e.calls, len(texts))
	if len(texts) > e.most {
		return nil, &llm.Error{Kind: llm.Slow, Err: errors.New("no end in time")}
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		var n float32
		if _, err := fmt.Sscanf(text[strings.LastIndex(text, "Tờ số ")+len("Tờ số "):], "%g", &n); err != nil {
			return nil, err
		}
		vectors[i] = []float32{n, 1}
	}
	return vectors, nil
}

// A server that is too slow for as much as it is given is given less, and what it has
// embedded is not asked for again.
func TestSlowEmbedder(t *testing.T) {
	chunks := make([]corpus.Chunk, 100)
	for i := range chunks {
		chunks[i] = corpus.Chunk{ID: fmt.Sprint(i), Text: fmt.Sprintf("Tờ số %d", i)}
	}
	model := &slowEmbedder{most: 20}
	vectors, err := ingest.Embed(t.Context(), &ingest.Syncer{Embedder: model}, chunks)
	if want := []int{64, 32, 16, 16, 16, 16, 16, 16, 4}; err != nil || !slices.Equal(model.calls, want) {
		t.Fatalf("calls with %d texts, %v, want %d", model.calls, err, want)
	}
	for i, v := range vectors {
		if v[0] != float32(i) {
			t.Errorf("vector %d is of text %g", i, v[0])
		}
	}
	never := &slowEmbedder{most: 0}
	if _, err := ingest.Embed(t.Context(), &ingest.Syncer{Embedder: never}, chunks[:3]); llm.KindOf(err) != llm.Slow || !slices.Equal(never.calls, []int{3, 1}) {
		t.Errorf("a server that is never in time: %v after calls with %d texts, want too slow after 3 and 1", err, never.calls)
	}
}
