// Package trec measures rankings as trec_eval does and reads and writes its files
// and those of BEIR, so that anyone can check our figures with other tools. It knows
// documents and queries by their IDs only.
//
// Ranking: by score downwards, equal scores by document ID downwards in byte order.
// A query that is judged but has no result counts as 0 (trec_eval -c); a query
// without judgements is ignored.
package trec

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"troly/internal/statistics"
)

// Qrels are relevance judgements: query -> document -> grade. A document without a
// grade, or with one below the level of relevance, is not relevant.
type Qrels map[string]map[string]int

// Result is one document found for a query.
type Result struct {
	Document string
	Score    float64
}

// Run is what a system found: query -> results in any order.
type Run map[string][]Result

// Order ranks results and returns their document IDs, best first. A score that is
// no number and a document that is there twice are errors.
func Order(results []Result) ([]string, error) {
	sorted := slices.Clone(results)
	slices.SortFunc(sorted, func(a, b Result) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Document, a.Document))
	})
	seen := make(map[string]bool, len(sorted))
	ids := make([]string, len(sorted))
	for i, r := range sorted {
		switch {
		case math.IsNaN(r.Score) || math.IsInf(r.Score, 0):
			return nil, fmt.Errorf("score of document %q is %v", r.Document, r.Score)
		case seen[r.Document]:
			return nil, fmt.Errorf("document %q is there twice", r.Document)
		}
		seen[r.Document] = true
		ids[i] = r.Document
	}
	return ids, nil
}

// Options of an evaluation; the zero value is the default.
type Options struct {
	Level        int  // lowest grade that is relevant (1); gains of nDCG are the grades whatever the level
	Intersection bool // leave out judged queries without results (trec_eval without -c) rather than count 0
}

// Report is what was measured.
type Report struct {
	Measures []Measure
	Queries  []string    // by ID
	Values   [][]float64 // [measure][query]
	Missing  []string    // judged queries without any result
	Empty    []string    // judged queries without a relevant document: every measure is 0
	Ignored  []string    // queries of the run without judgements
}

// Evaluate measures a run.
func Evaluate(qrels Qrels, run Run, measures []Measure, opts Options) (*Report, error) {
	opts.Level = cmp.Or(opts.Level, 1)
	report := &Report{Measures: measures, Values: make([][]float64, len(measures))}
	for _, query := range slices.Sorted(maps.Keys(qrels)) {
		if len(run[query]) == 0 {
			report.Missing = append(report.Missing, query)
			if opts.Intersection {
				continue
			}
		}
		ranking, err := Order(run[query])
		if err != nil {
			return nil, fmt.Errorf("query %q: %w", query, err)
		}
		topic := newTopic(ranking, qrels[query], opts.Level)
		if topic.relevant == 0 {
			report.Empty = append(report.Empty, query)
		}
		report.Queries = append(report.Queries, query)
		for i, m := range measures {
			report.Values[i] = append(report.Values[i], m.of(topic))
		}
	}
	for _, query := range slices.Sorted(maps.Keys(run)) {
		if qrels[query] == nil {
			report.Ignored = append(report.Ignored, query)
		}
	}
	return report, nil
}

// Mean is the mean of the i-th measure over the queries, with its interval.
func (r *Report) Mean(i int) statistics.Estimate {
	return statistics.Mean(r.Values[i], nil, statistics.Level)
}
