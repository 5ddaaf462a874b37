package evaluation

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"troly/internal/pipeline"
)

// Asker answers questions; *pipeline.Assistant is one.
type Asker interface {
	Ask(ctx context.Context, q pipeline.Question) pipeline.Outcome
}

// The metrics of a sample; each is 0 or 1, or a share.
const (
	FirstRight = "success@1"        // an expected document of grade 2 or 3 is first
	InThree    = "success@3"        // or among the first three
	Reciprocal = "mrr"              // one over the rank of the first expected document
	FactRecall = "fact_recall"      // vital facts in the answer
	AllFacts   = "fact_recall_full" // all vital facts are
	Declined   = "declined"         // abstained or refused
	Grounded   = "number_grounding" // the answer's check of its figures passed
)

// Run asks all cases and measures the outcomes, in the order of cases.
func Run(ctx context.Context, asker Asker, cases []Case) []Sample {
	samples := make([]Sample, len(cases))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, c := range cases {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			samples[i] = Score(c, asker.Ask(ctx, c.PipelineQuestion()))
		})
	}
	wg.Wait()
	return samples
}

// Score measures one outcome against its case.
func Score(c Case, o pipeline.Outcome) Sample {
	s := Sample{Outcome: o, Case: c.ID, BaseID: c.BaseID, Variant: c.Variant, Metrics: make(map[string]float64), Error: o.Error}
	s.Metrics[Declined] = indicator(o.Status == pipeline.Abstained || o.Status == pipeline.Refused)
	if grounded, ran := o.Checks["number_grounding"]; ran {
		s.Metrics[Grounded] = indicator(grounded == "pass")
	}
	if len(c.ExpectedDocs) > 0 {
		rank := c.rank(o.Retrieved)
		s.Metrics[FirstRight] = indicator(rank == 1)
		s.Metrics[InThree] = indicator(rank >= 1 && rank <= 3)
		s.Metrics[Reciprocal] = 0
		if rank > 0 {
			s.Metrics[Reciprocal] = 1 / float64(rank)
		}
	}
	vital, found := 0, 0
	for _, f := range c.KeyFacts {
		if f.Importance != "vital" || !c.AsOf.Within(f.ValidFrom, f.ValidTo) {
			continue
		}
		vital++
		if o.Status == pipeline.Answered && f.Match(o.Answer) {
			found++
		} else {
			s.Facts = append(s.Facts, FactResult{ID: f.ID})
		}
	}
	if vital > 0 {
		s.Metrics[FactRecall] = float64(found) / float64(vital)
		s.Metrics[AllFacts] = indicator(found == vital)
	}
	return s
}

// rank is the place, from 1, of the first expected document of grade 2 and up
// among the documents found, each counted once; 0 when none is there.
func (c Case) rank(retrieved []pipeline.Retrieved) int {
	var documents []string
	for _, r := range retrieved {
		if slices.Contains(documents, r.Document) {
			continue
		}
		documents = append(documents, r.Document)
		for _, want := range c.ExpectedDocs {
			if want.Doc == r.Document && want.Grade >= 2 {
				return len(documents)
			}
		}
	}
	return 0
}

func indicator(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}

// Mean averages a metric over the samples that have it.
func Mean(samples []Sample, metric string) (mean float64, n int) {
	sum := 0.0
	for _, s := range samples {
		if v, ok := s.Metrics[metric]; ok {
			sum += v
			n++
		}
	}
	if n == 0 {
		return 0, 0
	}
	return sum / float64(n), n
}

// Today returns the cases that hold on their day; expired ones are left out.
func Today(cases []Case) []Case {
	return slices.DeleteFunc(slices.Clone(cases), func(c Case) bool {
		return !c.AsOf.Within(c.ValidFrom, c.ValidTo)
	})
}
