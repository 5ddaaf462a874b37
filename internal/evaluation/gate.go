package evaluation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"

	"troly/internal/corpus"
)

// Gate is one figure that must hold.
type Gate struct {
	Set     string   `json:"set"`     // file name without .jsonl
	Variant Variant  `json:"variant"` // how the questions are typed
	Metric  string   `json:"metric"`
	Min     *float64 `json:"min,omitempty"`
	Max     *float64 `json:"max,omitempty"`
	MaxDrop *float64 `json:"max_drop,omitempty"` // below the plain variant of the same set
}

// Verdict is a gate with the figure that was measured.
type Verdict struct {
	Gate
	Value  float64 `json:"value"`
	N      int     `json:"n"`
	Passed bool    `json:"passed"`
}

// String prints a verdict as a line of a report.
func (v Verdict) String() string {
	state, limit := "PASS", ""
	if !v.Passed {
		state = "FAIL"
	}
	switch {
	case v.Min != nil:
		limit = fmt.Sprintf("at least %.3f", *v.Min)
	case v.Max != nil:
		limit = fmt.Sprintf("at most %.3f", *v.Max)
	case v.MaxDrop != nil:
		limit = fmt.Sprintf("at most %.3f below plain", *v.MaxDrop)
	}
	return fmt.Sprintf("%s  %-10s %-14s %-18s %.3f of %d, %s", state, v.Set, v.Variant, v.Metric, v.Value, v.N, limit)
}

// LoadGates reads gates.json; a gate without exactly one limit is an error.
func LoadGates(fsys fs.FS) ([]Gate, error) {
	data, err := fs.ReadFile(fsys, "gates.json")
	if err != nil {
		return nil, fmt.Errorf("read gates: %w", err)
	}
	var gates []Gate
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&gates); err != nil {
		return nil, fmt.Errorf("gates.json: %w", err)
	}
	for i, g := range gates {
		limits := 0
		for _, l := range []*float64{g.Min, g.Max, g.MaxDrop} {
			if l != nil {
				limits++
			}
		}
		if limits != 1 {
			return nil, fmt.Errorf("gates.json: gate %d needs one of min, max, max_drop", i+1)
		}
	}
	return gates, nil
}

// Results are the samples of a run by set and variant.
type Results map[string]map[Variant][]Sample

// Judge holds the figures of a run against the gates. A gate without any sample
// fails: what was not measured did not pass.
func Judge(gates []Gate, results Results) []Verdict {
	verdicts := make([]Verdict, len(gates))
	for i, g := range gates {
		value, n := Mean(results[g.Set][g.Variant], g.Metric)
		v := Verdict{Gate: g, Value: value, N: n}
		switch {
		case n == 0:
		case g.Min != nil:
			v.Passed = value >= *g.Min
		case g.Max != nil:
			v.Passed = value <= *g.Max
		default:
			plain, _ := Mean(results[g.Set][Plain], g.Metric)
			v.Passed = plain-value <= *g.MaxDrop
		}
		verdicts[i] = v
	}
	return verdicts
}

// RunAll asks the sets in all wanted variants, and the baseline the plain ones as
// variant "baseline". progress is told of each finished set and variant; it may be
// nil. Cases that already are a variant keep it and are asked once.
func RunAll(ctx context.Context, asker Asker, lib *corpus.Library, sets map[string][]Case, variants []Variant, seed uint64, progress func(set string, v Variant, samples []Sample)) Results {
	results := make(Results)
	baseline := libraryBaseline(lib)
	for name, cases := range sets {
		results[name] = make(map[Variant][]Sample)
		for _, v := range variants {
			asked := cases
			if v != Plain {
				asked = make([]Case, len(cases))
				for i, c := range cases {
					asked[i] = Perturb(c, v, seed)
				}
			}
			samples := Run(ctx, asker, Today(asked))
			results[name][v] = samples
			if progress != nil {
				progress(name, v, samples)
			}
		}
		for _, c := range cases {
			results[name][BaselineVariant] = append(results[name][BaselineVariant], Score(c, baselineOutcome(baseline, c)))
		}
	}
	return results
}
