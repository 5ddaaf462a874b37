package evaluation_test

import (
	"context"
	"path"
	"strings"
	"testing"
	"time"

	"troly/eval"
	"troly/internal/corpus"
	"troly/internal/evaluation"
	"troly/internal/ingest"
	"troly/internal/pipeline"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
	"troly/knowledge"
)

// newAssistant is the assistant on embedded defaults, all in memory.
func newAssistant(t testing.TB, lib *corpus.Library) *pipeline.Assistant {
	t.Helper()
	store, note := vectorstore.OpenEmbedded(context.Background(), "", retrieval.Schema(0))
	if note != nil {
		t.Fatal(note)
	}
	syncer := ingest.Syncer{Store: store, Encoder: retrieval.NewEncoder(lib)}
	if _, err := syncer.Sync(context.Background(), lib); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	return pipeline.New(lib, retrieval.New(lib, store, nil, retrieval.Options{}), pipeline.Options{Now: func() time.Time { return now }})
}

func loadLibrary(t testing.TB) *corpus.Library {
	t.Helper()
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

// TestGates holds the assistant to eval/gates.json on embedded defaults.
func TestGates(t *testing.T) {
	lib := loadLibrary(t)
	gates, err := evaluation.LoadGates(eval.FS)
	if err != nil {
		t.Fatal(err)
	}
	names, err := evaluation.Sets(eval.FS)
	if err != nil {
		t.Fatal(err)
	}
	sets := make(map[string][]evaluation.Case)
	for _, name := range names {
		cases, err := evaluation.Load(eval.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if problems := evaluation.Lint(name, cases, lib); len(problems) > 0 {
			t.Errorf("%s: %s", name, strings.Join(problems, "\n"))
		}
		sets[strings.TrimSuffix(path.Base(name), ".jsonl")] = cases
	}
	variants := append([]evaluation.Variant{evaluation.Plain}, evaluation.Perturbed...)
	results := evaluation.RunAll(context.Background(), newAssistant(t, lib), lib, sets, variants, 1, nil)
	for _, v := range evaluation.Judge(gates, results) {
		if v.Passed {
			t.Log(v)
		} else {
			t.Error(v)
		}
	}
}
