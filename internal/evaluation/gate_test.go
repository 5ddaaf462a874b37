package evaluation_test

import (
	"context"
	"encoding/json"
	"os"
	"sort"
	"strconv"
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
	var ro retrieval.Options
	if o := os.Getenv("RO"); o != "" {
		if err := json.Unmarshal([]byte(o), &ro); err != nil {
			t.Fatal(err)
		}
	}
	return pipeline.New(lib, retrieval.New(lib, store, nil, ro), pipeline.Options{Now: func() time.Time { return now }})
}

func loadLibrary(t testing.TB) *corpus.Library {
	t.Helper()
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

func TestTune(t *testing.T) {
	lib := loadLibrary(t)
	a := newAssistant(t, lib)
	cases, err := evaluation.Load(eval.FS, "sets/residents.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range append([]evaluation.Variant{evaluation.Plain}, evaluation.Perturbed...) {
		vc := cases
		if v != evaluation.Plain {
			vc = nil
			for _, c := range cases {
				vc = append(vc, evaluation.Perturb(c, v, 1))
			}
		}
		s := evaluation.Run(context.Background(), a, vc)
		report(t, string(v), s)
		if os.Getenv("SHOW") == string(v) {
			for i, x := range s {
				if x.Metrics[evaluation.FirstRight] == 0 || x.Metrics[evaluation.AllFacts] == 0 && len(vc[i].KeyFacts) > 0 || x.Metrics[evaluation.Declined] == 1 {
					got := []string{}
					for _, r := range x.Retrieved {
						if len(got) == 0 || got[len(got)-1] != r.Document {
							got = append(got, r.Document)
						}
					}
					if len(got) > 3 {
						got = got[:3]
					}
					t.Logf("%s first=%v status=%s missed=%v\n   %s\n   [%s]\n   %v facets=%v named=%v", x.Case, x.Metrics[evaluation.FirstRight], x.Status, x.Missed, vc[i].Question, x.Understood.Normalized, got, x.Understood.Facets, x.Understood.Documents)
				}
			}
		}
	}
	declines, err := evaluation.Load(eval.FS, "sets/declines.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	s := evaluation.Run(context.Background(), a, declines)
	report(t, "declines", s)
	if os.Getenv("SHOW") == "declines" {
		for _, x := range s {
			if x.Metrics[evaluation.Declined] == 0 {
				t.Logf("%s %s %s -> %v", x.Case, x.Status, x.Question, x.Retrieved[0])
			}
		}
	}
	dialogues, err := evaluation.Load(eval.FS, "sets/dialogues.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	s = evaluation.Run(context.Background(), a, dialogues)
	report(t, "dialogues", s)
	if os.Getenv("SHOW") == "dialogues" {
		for i, x := range s {
			if x.Metrics[evaluation.FirstRight] == 0 || x.Metrics[evaluation.AllFacts] == 0 {
				t.Logf("%s %s %v | %s -> %v followup=%v", x.Case, x.Status, dialogues[i].History, x.Question, x.Retrieved[:min(2, len(x.Retrieved))], x.Understood.FollowUp)
			}
		}
	}
	b := evaluation.NewBaseline()
	for _, d := range lib.Documents {
		text := d.Title + "\n"
		for _, p := range lib.Passages(d) {
			text += p.Heading + "\n" + p.Body + "\n"
		}
		b.Add(d.ID, text)
	}
	var bs []evaluation.Sample
	for _, c := range cases {
		bs = append(bs, evaluation.Score(c, pipeline.Outcome{Retrieved: b.Rank(c.Question, 10)}))
	}
	report(t, "baseline", bs)
}

func report(t *testing.T, name string, s []evaluation.Sample) {
	metrics := map[string]bool{}
	status := map[pipeline.Status]int{}
	for _, x := range s {
		for m := range x.Metrics {
			metrics[m] = true
		}
		status[x.Status]++
	}
	var names []string
	for m := range metrics {
		names = append(names, m)
	}
	sort.Strings(names)
	line := name + ": "
	for _, m := range names {
		mean, _ := evaluation.Mean(s, m)
		line += m + "=" + fmtf(mean) + " "
	}
	t.Log(line, status)
}

func fmtf(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }
