package evaluation

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"

	"troly/internal/corpus"
)

// Baseline is a committed run in small: the scores of every case by the metrics
// that gates compare, and what they were measured on.
type Baseline struct {
	SchemaVersion int                   `json:"schema_version"` // 1
	Run           string                `json:"run"`
	Created       corpus.Date           `json:"created"`
	Data          string                `json:"data"` // hash of the cases
	Knowledge     string                `json:"knowledge"`
	Judge         string                `json:"judge"`
	Metrics       []string              `json:"metrics"`
	Scores        map[string][]*float64 `json:"scores"` // case -> one for each metric; null: not scored
}

// BaselineOf makes a baseline of a run, by the metrics of the gates of kind
// non_inferior.
func (g *Gates) BaselineOf(r *Run, in *GateInput, created corpus.Date) *Baseline {
	b := &Baseline{
		SchemaVersion: 1, Run: r.Manifest.Run, Created: created, Data: r.Manifest.Data,
		Knowledge: r.Manifest.Versions["knowledge"], Judge: r.Manifest.Judge, Scores: make(map[string][]*float64),
	}
	for _, gate := range g.Gates {
		if gate.Kind == NonInferior && !slices.Contains(b.Metrics, gate.Metric) {
			b.Metrics = append(b.Metrics, gate.Metric)
		}
	}
	for _, one := range byCase(in.rows.where(nil)) {
		scores := make([]*float64, len(b.Metrics))
		for i, name := range b.Metrics {
			sum, n := 0.0, 0.0
			for _, r := range one {
				if v, ok := in.rows.value(r, name); ok && !r.failed {
					sum, n = sum+v, n+1
				}
			}
			if n > 0 {
				mean := sum / n
				scores[i] = &mean
			}
		}
		b.Scores[one[0].id] = scores
	}
	return b
}

// Bytes is the file: one case a line, so that a change of the baseline can be read.
func (b *Baseline) Bytes() ([]byte, error) {
	h := *b
	h.Scores = nil
	data, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	out.WriteString(strings.TrimSuffix(string(data), "null}") + "{")
	for i, id := range slices.Sorted(maps.Keys(b.Scores)) {
		scores, err := json.Marshal(b.Scores[id])
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, "\n%q:%s", id, scores)
	}
	out.WriteString("\n}}\n")
	return []byte(out.String()), nil
}

// LoadBaseline reads a baseline.
func LoadBaseline(fsys fs.FS, name string) (*Baseline, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read baseline: %w", err)
	}
	var b Baseline
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fmt.Errorf("%s: %w", name, jsonError(err))
	}
	for id, scores := range b.Scores {
		if len(scores) != len(b.Metrics) {
			return nil, fmt.Errorf("%s: case %s has %d scores for %d metrics", name, id, len(scores), len(b.Metrics))
		}
	}
	return &b, nil
}

// DriftFrom names what a run was measured on that differs from the baseline.
func (b *Baseline) DriftFrom(m Manifest) []string {
	var list []string
	for _, d := range []struct{ what, old, now string }{
		{"cases", b.Data, m.Data}, {"knowledge", b.Knowledge, m.Versions["knowledge"]}, {"judge", b.Judge, m.Judge},
	} {
		if d.old != d.now {
			list = append(list, d.what)
		}
	}
	return list
}

// gains are how much better each base is than in the baseline, over the cases that
// both have.
func (b *Baseline) gains(set *rows, list []*row, m Metric) []float64 {
	at := slices.Index(b.Metrics, m.Name)
	if at < 0 {
		return nil
	}
	before := make(map[string]float64)
	var common []*row
	for _, r := range list {
		if scores, ok := b.Scores[r.id]; ok && scores[at] != nil && !math.IsNaN(r.values[set.index[m.Name]]) {
			before[r.id] = *scores[at]
			common = append(common, r)
		}
	}
	_, now := set.means(common, set.index[m.Name])
	old := &rows{metrics: []Metric{m}, index: map[string]int{m.Name: 0}}
	for _, one := range byCase(common) {
		old.list = append(old.list, row{baseNo: one[0].baseNo, caseNo: one[0].caseNo, base: one[0].base, id: one[0].id, values: []float64{before[one[0].id]}, failed: one[0].failed})
	}
	_, then := old.means(old.where(nil), 0)
	gains := make([]float64, min(len(now), len(then)))
	for i := range gains {
		gains[i] = now[i] - then[i]
		if !m.HigherIsBetter {
			gains[i] = -gains[i]
		}
	}
	return gains
}
