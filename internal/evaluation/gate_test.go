package evaluation_test

import (
	"context"
	"slices"
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

func newScorer(t testing.TB, lib *corpus.Library) *evaluation.Scorer {
	t.Helper()
	standing, err := evaluation.Standing(eval.FS)
	if err != nil {
		t.Fatal(err)
	}
	return evaluation.NewScorer(lib, standing)
}

// allCases are the questions of the program.
func allCases(t testing.TB) []evaluation.Case {
	t.Helper()
	names, err := evaluation.Sets(eval.FS)
	if err != nil {
		t.Fatal(err)
	}
	var sets [][]evaluation.Case
	for _, name := range names {
		cases, err := evaluation.Load(eval.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, cases)
	}
	cases, err := evaluation.Join(sets...)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestSets holds the question sets to the schema and to the knowledge.
func TestSets(t *testing.T) {
	names, err := evaluation.Sets(eval.FS)
	if err != nil {
		t.Fatal(err)
	}
	var files []evaluation.SetFile
	for _, name := range names {
		files = append(files, evaluation.SetFile{FS: eval.FS, Name: name, Shown: "eval/" + name})
	}
	linter := evaluation.Linter{Lib: loadLibrary(t), Today: "2026-11-24"}
	problems, err := linter.Lint(files...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if !p.Warning {
			t.Error(p.Error())
		}
	}
}

// TestGates holds the assistant to eval/gates.json on embedded defaults. Gates
// against the committed baseline are judged over the questions and the knowledge
// that both have, so that a better answer to a new question does not hide a worse
// one to an old.
func TestGates(t *testing.T) {
	lib := loadLibrary(t)
	gates, err := evaluation.LoadGates(eval.FS)
	if err != nil {
		t.Fatal(err)
	}
	variants := []evaluation.Variant{evaluation.Plain, evaluation.NoDiacritics, evaluation.Teencode, evaluation.Typo, evaluation.OldPlaceName}
	bases := allCases(t)
	if underRace { // ten times slower: a part of the questions for races, none of the gates
		bases = bases[:len(bases)/12]
	}
	cases, _ := evaluation.Today(slices.DeleteFunc(evaluation.WithVariants(bases, variants, 1), func(c evaluation.Case) bool {
		return c.Split == "test" && c.Variant != evaluation.Plain // eval gate asks these too
	}))
	run, err := evaluation.CreateRun(t.TempDir(), evaluation.Manifest{SchemaVersion: 1, Run: "test", Cases: len(cases), Data: evaluation.DataHash(cases), Variants: variants}, cases, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	assistant := newAssistant(t, lib)
	runner := evaluation.Runner{Asker: assistant, Dialogue: evaluation.NewDialogue(assistant, lib), Scorer: newScorer(t, lib)}
	if _, err := runner.Run(context.Background(), run, cases); err != nil {
		t.Fatal(err)
	}
	if underRace {
		return
	}
	in, err := evaluation.GateRun(run)
	if err != nil {
		t.Fatal(err)
	}
	in.Difficulty, in.Today = run.PlainSearch(lib), "2026-11-24"
	if in.Baseline, err = evaluation.LoadBaseline(eval.FS, gates.Baseline); err != nil {
		t.Fatal(err)
	}
	for _, v := range gates.Judge(in) {
		switch {
		case v.Kind == evaluation.Operational && strings.HasPrefix(v.Metric, "latency"):
			t.Log(v) // says something of this machine
		case v.Result == evaluation.Failed:
			t.Error(v)
		default:
			t.Log(v)
		}
	}
}
