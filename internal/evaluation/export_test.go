package evaluation

import "math"

// rowsOf makes rows of samples in memory.
func rowsOf(samples []Sample) *rows {
	set := newRows(nil)
	for i := range samples {
		s := &samples[i]
		r := row{base: s.BaseID, id: s.Case, repeat: s.Repeat, missed: s.Missed, cached: s.Cached, unscored: set.share(s.Unscored), values: make([]float64, len(set.metrics))}
		for i, m := range set.metrics {
			v, ok := s.Metrics[m.Name]
			if !ok {
				v = math.NaN()
			}
			r.values[i] = v
		}
		r.take(s)
		set.list = append(set.list, r)
	}
	set.sort()
	return set
}

// GateSamples makes the input of gates from samples in memory.
func GateSamples(samples []Sample) *GateInput {
	set := rowsOf(samples)
	return &GateInput{rows: set, Summary: set.summarize()}
}

// SummarizeSamples gathers samples in memory.
func SummarizeSamples(samples []Sample) *Summary { return rowsOf(samples).summarize() }

// Metric returns the summary of a metric, or nil.
func (s *Summary) Metric(name string) *MetricSummary {
	return (&Slice{Metrics: s.Metrics}).Metric(name)
}

// Match looks one fact up in a text. One that cannot be matched is never stated.
func (f *Fact) Match(text string) Match {
	s, err := newStatement(f)
	if err != nil {
		return Match{Support: None}
	}
	return s.in(read(text))
}
