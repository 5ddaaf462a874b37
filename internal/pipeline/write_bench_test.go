package pipeline_test

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"troly/internal/llm"
	"troly/internal/pipeline"
)

// timed is a model that notes when it was called and when it had written its first
// sentence.
type timed struct {
	llm.Generator
	called, wrote time.Time
}

func (m *timed) Generate(ctx context.Context, r llm.Request, emit func(string) error) (llm.Completion, error) {
	m.called, m.wrote = time.Now(), time.Time{}
	return m.Generator.Generate(ctx, r, func(piece string) error {
		m.wrote = time.Now() // of the last piece before the first release
		return emit(piece)
	})
}

// BenchmarkWrite is what our own code adds to a model's time: until the request
// leaves, and from the piece that ends the first sentence until it is shown.
func BenchmarkWrite(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(300)) // as the program does
	m := &timed{Generator: model(rightModel)}
	a := modelAssistant(b, m)
	questions := residents(b)
	for _, q := range questions { // as a server has them after its first hour: a document's lines are cut once a day
		a.Stream(context.Background(), pipeline.Question{Text: q}, func(string) {})
	}
	var before, first []time.Duration
	for i := 0; b.Loop(); i++ {
		var shown time.Time
		var ended time.Time
		start := time.Now()
		o := a.Stream(context.Background(), pipeline.Question{Text: questions[i%len(questions)]}, func(string) {
			if shown.IsZero() {
				shown, ended = time.Now(), m.wrote
			}
		})
		if o.AnsweredBy == "llm" {
			before, first = append(before, m.called.Sub(start)), append(first, shown.Sub(ended))
		}
	}
	report := func(name string, list []time.Duration) {
		if len(list) == 0 {
			b.Fatal("the model answered nothing")
		}
		slices.Sort(list)
		b.ReportMetric(float64(list[len(list)/2].Microseconds())/1000, name+"-p50-ms")
		b.ReportMetric(float64(list[len(list)*99/100].Microseconds())/1000, name+"-p99-ms")
	}
	report("before-request", before)
	report("first-sentence", first)
}

// BenchmarkWriteAtOnce asks 200 questions at once of a model that takes three seconds
// for each answer.
func BenchmarkWriteAtOnce(b *testing.B) {
	const atOnce = 200
	slow := model(rightModel)
	slow.Whole = 3 * time.Second
	questions := residents(b)
	a := modelAssistant(b, llm.Harden(slow, llm.Limits{AtOnce: atOnce, FirstToken: 10 * time.Second}))
	a.Ask(context.Background(), pipeline.Question{Text: questions[0]})
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak uint64
	took := make([]time.Duration, 0, atOnce)
	byModel := 0
	for b.Loop() {
		var all sync.WaitGroup
		var mu sync.Mutex
		for i := range atOnce {
			all.Go(func() {
				start := time.Now()
				o := a.Stream(context.Background(), pipeline.Question{Text: fmt.Sprint(questions[i%len(questions)], " ", i)}, func(string) {})
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(start))
				if o.AnsweredBy == "llm" {
					byModel++
				}
			})
		}
		time.Sleep(time.Second)
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
		all.Wait()
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "p50-s")
	b.ReportMetric(took[len(took)*99/100].Seconds(), "p99-s")
	b.ReportMetric(float64(peak)/(1<<20), "heap-MiB")
	b.ReportMetric(float64(byModel)/float64(len(took)), "by-model")
}
