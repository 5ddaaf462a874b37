package evaluation

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"troly/internal/corpus"
	"troly/internal/pipeline"
)

func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > 5e-7 {
		t.Errorf("%s = %.6f, want %.6f", name, got, want)
	}
}

func TestRefusalReference(t *testing.T) {
	c := Confusion{TruePositive: 8, FalsePositive: 3, FalseNegative: 2, TrueNegative: 87}.rated()
	near(t, "precision", c.Precision, 0.727273)
	near(t, "recall", c.Recall, 0.8)
	near(t, "F1", c.F1, 0.761905)
	near(t, "accuracy", c.Accuracy, 0.95)
	near(t, "balanced", c.Balanced, 0.883333)
	near(t, "false refusal", c.FalseRefusal, 0.033333)
	if none := (Confusion{}).rated(); none != (Confusion{}) {
		t.Errorf("rates of nothing = %+v, want zeros", none)
	}
}

func TestRobustnessReference(t *testing.T) {
	variants := []Variant{Plain, NoDiacritics, Teencode, Typo}
	table := map[string]map[Variant]float64{"left": {Plain: 1}}
	for base, values := range [][]float64{{1, 1, 0, 1}, {1, .5, .5, .5}, {0, 0, 0, 1}} {
		row := make(map[Variant]float64)
		for i, v := range variants {
			row[v] = values[i]
		}
		table[fmt.Sprint(base)] = row
	}
	r := robustnessOf("m", variants, table)
	near(t, "mean", r.Mean, 0.541667)
	near(t, "plain", r.Plain, 0.666667)
	near(t, "worst", r.Worst, 0.166667)
	near(t, "drop", r.Drop.Mean, 0.166667)
	near(t, "flip rate", r.FlipRate, 0.222222)
	if r.Bases != 3 || r.Left != 1 {
		t.Errorf("%d bases and %d left out, want 3 and 1", r.Bases, r.Left)
	}
}

// TestNuggetReference: vital facts said whole, in part and not, okay facts said and not.
func TestNuggetReference(t *testing.T) {
	fact := func(id, importance string, parts ...string) Fact {
		return Fact{ID: id, Importance: importance, Type: "text", AllOf: parts}
	}
	c := Case{ID: "n", BaseID: "n", AsOf: "2026-11-24", KeyFacts: []Fact{
		fact("a", "vital", "tờ khai"), fact("b", "vital", "ảnh", "hộ chiếu"), fact("c", "vital", "hộ khẩu"), fact("d", "okay", "bản sao"), fact("e", "okay", "công chứng"),
	}}
	s := unsupported(&c, pipeline.Outcome{Status: pipeline.Answered, Answer: "Mang tờ khai, ảnh và bản sao."})
	near(t, "strict vital", s[FactStrict], 0.333333)
	near(t, "vital", s[FactRecall], 0.5)
	near(t, "all", s["fact_recall_all"], 0.5)
}

// sampleOf makes a sample with metrics of its own.
func sampleOf(base, id string, variant Variant, repeat int, metrics map[string]float64) Sample {
	return Sample{Set: "s", Case: id, BaseID: base, Variant: variant, Repeat: repeat, Intent: "fee", Audience: "resident", Split: "dev", Metrics: metrics, Outcome: pipeline.Outcome{Status: pipeline.Answered}}
}

// TestMeansAverageInside: repeats inside a case, cases inside a base, then bases; a
// base of many variants weighs no more than another.
func TestMeansAverageInside(t *testing.T) {
	set := func(v float64) map[string]float64 { return map[string]float64{Pass: v} }
	samples := []Sample{
		sampleOf("b", "b", Plain, 0, set(0)),
		sampleOf("a", "a", Plain, 1, set(0)), sampleOf("a", "a", Plain, 0, set(1)), // half
		sampleOf("a", "a.typo", Typo, 0, set(1)),
		{Case: "c", BaseID: "c", Variant: Plain, Error: "disk"},
	}
	s := SummarizeSamples(samples)
	m := s.Metric(Pass)
	near(t, "mean", m.Mean, 0.375) // (0.75 + 0) / 2
	if m.Scored != 4 || m.N != 2 || m.Errors != 1 || s.Bases != 3 || s.Errors != 1 {
		t.Errorf("counts: %+v of %d bases, %d errors", m, s.Bases, s.Errors)
	}
	if m := s.Metric(FactRecall); m == nil || m.Scored != 0 || m.Unscored["not_measured"] != 4 || m.String() != "n/a" {
		t.Errorf("a metric nobody measured: %+v", m)
	}
	for _, slice := range s.Slices {
		if slice.By == "variant" && slice.Value == string(Plain) {
			near(t, "plain", slice.Metric(Pass).Mean, 0.25)
		}
	}
}

func TestGateResults(t *testing.T) {
	limit, margin := 0.5, 0.1
	var samples []Sample
	for i := range 40 {
		id := fmt.Sprintf("q%02d", i)
		samples = append(samples,
			sampleOf(id, id, Plain, 0, map[string]float64{Pass: indicator(i%10 != 0), FirstRight: indicator(i%2 == 0), CriticalAny: 0}),
			sampleOf(id, id+".typo", Typo, 0, map[string]float64{Pass: indicator(i%2 == 0)}))
	}
	plain := map[string]string{"variant": "plain"}
	typo := map[string]string{"variant": "typo"}
	for _, tt := range []struct {
		gate Gate
		want Result
	}{
		{Gate{ID: "clearly above", Kind: Floor, Metric: Pass, Where: plain, Limit: &limit}, Passed},
		{Gate{ID: "clearly below", Kind: Ceiling, Metric: Pass, Where: plain, Limit: &limit}, Failed},
		{Gate{ID: "on the limit", Kind: Floor, Metric: FirstRight, Where: plain, Limit: &limit}, Inconclusive},
		{Gate{ID: "on the limit, by the mean", Kind: Floor, Metric: FirstRight, Where: plain, Limit: &limit, On: "mean"}, Passed},
		{Gate{ID: "too few", Kind: Floor, Metric: Pass, Where: plain, Limit: &limit, MinN: 50}, Inconclusive},
		{Gate{ID: "nothing there", Kind: Floor, Metric: Pass, Where: map[string]string{"set": "other"}, Limit: &limit}, Failed},
		{Gate{ID: "no event", Kind: Zero, Metric: CriticalAny, Where: plain}, Passed},
		{Gate{ID: "an event", Kind: Zero, Metric: Pass, Where: plain}, Failed},
		{Gate{ID: "never measured", Kind: Zero, Metric: "pii_echo"}, Failed},
		{Gate{ID: "no judge", Kind: Floor, Metric: "judge_faithfulness", Limit: &limit, On: "mean"}, Failed},
		{Gate{ID: "drop without a judge", Kind: MaxDrop, Metric: "judge_faithfulness", Where: typo, Margin: &margin}, Failed},
		{Gate{ID: "drops too far", Kind: MaxDrop, Metric: Pass, Where: typo, Margin: &margin}, Failed},
		{Gate{ID: "drops too far, excused", Kind: MaxDrop, Metric: Pass, Where: typo, Margin: &margin, Flaky: &Flaky{"a", "2026-12-31"}}, Inconclusive},
		{Gate{ID: "no longer excused", Kind: MaxDrop, Metric: Pass, Where: typo, Margin: &margin, Flaky: &Flaky{"a", "2026-11-01"}}, Failed},
		{Gate{ID: "no baseline", Kind: NonInferior, Metric: Pass, Margin: &margin}, Inconclusive},
		{Gate{ID: "no errors", Kind: Operational, Metric: "error_share", Limit: new(float64)}, Passed},
		{Gate{ID: "not asked", Kind: Difficulty, Metric: FirstRight, Limit: &limit}, Inconclusive},
	} {
		in := GateSamples(samples)
		in.Today = "2026-11-24"
		v := (&Gates{Gates: []Gate{tt.gate}}).Judge(in)[0]
		if v.Result != tt.want {
			t.Errorf("%s: %s, want %s", v, v.Result, tt.want)
		}
		if v.Result == Inconclusive && tt.gate.ID == "on the limit" && v.P < 0.05 {
			t.Errorf("%s has p = %v", v.ID, v.P)
		}
	}
}

func TestManyGatesMakeNoFalseAlarm(t *testing.T) {
	limit := 0.72 // one gate alone would fail: the interval of 0.6 of 60 ends below
	var samples []Sample
	for i := range 60 {
		id := fmt.Sprint(i)
		samples = append(samples, sampleOf(id, id, Plain, 0, map[string]float64{Pass: indicator(i%10 < 6 && i != 58), FirstRight: indicator(i%2 == 0)}))
	}
	one := Gate{ID: "one", Kind: Floor, Metric: Pass, Limit: &limit}
	if v := (&Gates{Gates: []Gate{one}}).Judge(GateSamples(samples))[0]; v.Result != Inconclusive && v.Result != Failed {
		t.Fatalf("alone: %s", v)
	}
	half := 0.5
	gates := &Gates{Gates: []Gate{one}}
	for i := range 20 {
		gates.Gates = append(gates.Gates, Gate{ID: fmt.Sprint("other", i), Kind: Floor, Metric: FirstRight, Limit: &half})
	}
	alone := (&Gates{Gates: []Gate{one}}).Judge(GateSamples(samples))[0]
	among := gates.Judge(GateSamples(samples))[0]
	if among.P <= alone.P {
		t.Errorf("p = %v among 21 gates, %v alone: it is not adjusted", among.P, alone.P)
	}
	if among.Result == Inconclusive && among.More < 1 {
		t.Errorf("%s does not say how many more questions would decide", among)
	}
}

func TestBaselineAndDrift(t *testing.T) {
	margin := 0.02
	gates := &Gates{SchemaVersion: 1, Gates: []Gate{{ID: "g", Kind: NonInferior, Metric: Pass, Margin: &margin}}}
	was, now := []Sample{}, []Sample{}
	for i := range 50 {
		id := fmt.Sprintf("q%02d", i)
		was = append(was, sampleOf(id, id, Plain, 0, map[string]float64{Pass: indicator(i%5 != 0)}))
		now = append(now, sampleOf(id, id, Plain, 0, map[string]float64{Pass: indicator(i%5 != 0 && i > 25)}))
	}
	run := &Run{Manifest: Manifest{Run: "r", Data: "d", Versions: map[string]string{"knowledge": "k"}}}
	data, err := gates.BaselineOf(run, GateSamples(was), "2026-11-24").Bytes()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	base, err := LoadBaseline(os.DirFS(dir), "b.json")
	if err != nil || len(base.Scores) != 50 || base.Knowledge != "k" {
		t.Fatalf("baseline came back as %+v, %v", base, err)
	}
	judge := func(samples []Sample, drift []string) Verdict {
		in := GateSamples(samples)
		in.Baseline, in.Drift = base, drift
		return gates.Judge(in)[0]
	}
	if v := judge(was, nil); v.Result != Passed || v.Value != 0 {
		t.Errorf("the same run: %s", v)
	}
	if v := judge(now, nil); v.Result != Failed {
		t.Errorf("a far worse run: %s", v)
	}
	if v := judge(now, base.DriftFrom(Manifest{Data: "d", Versions: map[string]string{"knowledge": "other"}})); v.Result != Inconclusive {
		t.Errorf("a baseline of other knowledge: %s", v)
	}
	repeated := was
	for i := range was {
		again := was[i]
		again.Repeat, again.Metrics = 1, map[string]float64{Pass: 1 - was[i].Metrics[Pass]}
		repeated = append(repeated, again)
	}
	if v := judge(repeated, nil); v.Result != Inconclusive || !strings.Contains(v.Note, "an unchanged system") {
		t.Errorf("a system whose every repeat differs: %s", v)
	}
	more := append(now[:40:40], sampleOf("new", "new", Plain, 0, map[string]float64{Pass: 1}))
	if v := judge(more, nil); v.N != 40 {
		t.Errorf("compared over %d bases, want the 40 that both have", v.N)
	}
}

func TestParseGatesRefuses(t *testing.T) {
	for name, gate := range map[string]string{
		"no id":          `{"kind":"zero","metric":"pass"}`,
		"kind":           `{"id":"a","kind":"maximum","metric":"pass","limit":1}`,
		"metric":         `{"id":"a","kind":"zero","metric":"passed"}`,
		"no limit":       `{"id":"a","kind":"floor","metric":"pass"}`,
		"margin instead": `{"id":"a","kind":"floor","metric":"pass","limit":1,"margin":1}`,
		"label":          `{"id":"a","kind":"zero","metric":"pass","where":{"colour":"red"}}`,
		"on":             `{"id":"a","kind":"floor","metric":"pass","limit":1,"on":"median"}`,
		"drop of plain":  `{"id":"a","kind":"max_drop","metric":"pass","margin":1,"where":{"variant":"plain"}}`,
		"unknown field":  `{"id":"a","kind":"zero","metric":"pass","max":1}`,
		"operational":    `{"id":"a","kind":"operational","metric":"pass","limit":1}`,
		"flaky":          `{"id":"a","kind":"zero","metric":"pass","flaky":{"owner":"x","until":"soon"}}`,
		"twice":          `{"id":"a","kind":"zero","metric":"pass"},{"id":"a","kind":"zero","metric":"pass"}`,
	} {
		if _, err := ParseGates([]byte(`{"schema_version":1,"gates":[` + gate + `]}`)); err == nil {
			t.Errorf("%s: gate %s is taken", name, gate)
		}
	}
}

func TestCompareRows(t *testing.T) {
	var a, b []Sample
	for i := range 30 {
		id := fmt.Sprintf("q%02d", i)
		a = append(a, sampleOf(id, id, Plain, 0, map[string]float64{Pass: indicator(i < 10), FalseRefusal: 1}))
		b = append(b, sampleOf(id, id, Plain, 0, map[string]float64{Pass: indicator(i > 0 && i < 25), FalseRefusal: 0}))
		a[i].Missed = map[bool]Miss{false: NotSaid}[i < 10]
	}
	for i := range 3 { // of the test split: two flip, and none is named
		id := fmt.Sprintf("t%d", i)
		was := sampleOf(id, id, Plain, 0, map[string]float64{Pass: indicator(i == 0), FalseRefusal: 1})
		is := sampleOf(id, id, Plain, 0, map[string]float64{Pass: indicator(i == 1), FalseRefusal: 0})
		was.Split, is.Split = "test", "test"
		a, b = append(a, was), append(b, is)
	}
	a = append(a, sampleOf("old", "old", Plain, 0, map[string]float64{Pass: 1}))
	c := compareRows(rowsOf(a), rowsOf(b), 1)
	if c.Pairs != 33 || len(c.OnlyA) != 1 || len(c.OnlyB) != 0 {
		t.Errorf("%d pairs, only A %v, only B %v", c.Pairs, c.OnlyA, c.OnlyB)
	}
	pass := c.Metrics[0]
	near(t, "pass A", pass.MeanA, 11.0/33)
	near(t, "pass B", pass.MeanB, 25.0/33)
	if d := pass.Improvement; d.Wins != 16 || d.Losses != 2 || pass.McNemar == nil || pass.Adjusted < d.P {
		t.Errorf("pass: %+v, McNemar %v, adjusted %v", d, pass.McNemar, pass.Adjusted)
	}
	for _, m := range c.Metrics {
		if m.Metric == FalseRefusal && m.Improvement.Difference.Mean != 1 {
			t.Errorf("fewer false refusals are an improvement of %v, want 1", m.Improvement.Difference.Mean)
		}
	}
	if len(c.Flipped) != 16 || c.Flipped[0].Case != "q00" || c.Flipped[0].Better || !c.Flipped[1].Better || c.Flipped[1].MissedA != NotSaid {
		t.Errorf("flipped: %+v", c.Flipped)
	}
	if c.TestBetter != 1 || c.TestWorse != 1 {
		t.Errorf("of the test split %d better, %d worse, want one of each", c.TestBetter, c.TestWorse)
	}
}

// BenchmarkSummarize100k gathers 100,000 samples as large as real ones from disk.
func BenchmarkSummarize100k(b *testing.B) {
	const n = 100_000
	dir := b.TempDir()
	j, err := openJournal(filepath.Join(dir, samplesFile))
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if err := j.append(bigSample(i)); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, samplesFile))
	if err != nil {
		b.Fatal(err)
	}
	run := &Run{Dir: dir, Manifest: Manifest{SchemaVersion: 1}}
	runtime.GC()
	peak := watchHeap(b)
	for b.Loop() {
		if s, err := Summarize(run); err != nil || s.Samples != n {
			b.Fatal(s, err)
		}
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB-file")
	b.ReportMetric(float64(peak())/1e6, "MB-peak")
}

// bigSample is about as large as a line of a real run.
func bigSample(i int) Sample {
	metrics := make(map[string]float64)
	for k, m := range Metrics() {
		metrics[m.Name] = float64((i+k)%2) / float64(1+k%3)
	}
	variant := Variant(variantNames[i%5])
	base := fmt.Sprintf("case-%d", i/5)
	s := sampleOf(base, base+"."+string(variant), variant, 0, metrics)
	s.Unscored = map[string]string{"handoff": "no_handoff_expected", "refusal_recall": "answer_expected"}
	s.Answer = string(make([]byte, 0, 2000)) + fmt.Sprintf("%1800d", i)
	for k := range 30 {
		s.Retrieved = append(s.Retrieved, pipeline.Retrieved{Document: fmt.Sprintf("document-%d", k/3), Section: fmt.Sprintf("section-%d", k%3), Score: float64(k)})
	}
	for k := range 6 {
		s.Facts = append(s.Facts, FactResult{ID: fmt.Sprint("f", k), Importance: "vital", Match: Match{Support: Full}})
	}
	return s
}

// watchHeap samples the heap until the returned function is called, which gives the
// largest size seen.
func watchHeap(b *testing.B) func() uint64 {
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		largest := uint64(0)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			largest = max(largest, m.HeapInuse)
			select {
			case <-stop:
				done <- largest
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-done
	}
}

// unsupported are the metrics of an answer without any knowledge behind it.
func unsupported(c *Case, o pipeline.Outcome) map[string]float64 {
	return NewScorer(&corpus.Library{}, nil).Score(c, o, true).Metrics
}
