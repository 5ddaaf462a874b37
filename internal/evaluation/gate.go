package evaluation

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/judge"
	"troly/internal/statistics"
)

// GateKind is what a gate demands.
type GateKind string

// The kinds of gates. Interval gates pass or fail when the 95 % interval lies on one
// side of the limit (with On "mean", when the mean does), and are inconclusive
// otherwise.
const (
	Floor       GateKind = "floor"        // the metric is at least Limit
	Ceiling     GateKind = "ceiling"      // at most Limit
	Zero        GateKind = "zero"         // no sample has the event
	NonInferior GateKind = "non_inferior" // not more than Margin worse than the baseline
	MaxDrop     GateKind = "max_drop"     // Where's variant not more than Margin below the plain one
	Operational GateKind = "operational"  // latency_p95_ms, error_share or tokens_mean at most Limit
	Difficulty  GateKind = "difficulty"   // plain BM25 finds the right document first in at most Limit: the set is not easy
)

// Gate is one demand on a run.
type Gate struct {
	ID     string            `json:"id"`
	Kind   GateKind          `json:"kind"`
	Metric string            `json:"metric"`
	Where  map[string]string `json:"where,omitempty"` // labels of the slice: set, variant, intent, ...
	Limit  *float64          `json:"limit,omitempty"`
	Margin *float64          `json:"margin,omitempty"`
	On     string            `json:"on,omitempty"`    // interval (default) or mean
	MinN   int               `json:"min_n,omitempty"` // fewer bases decide nothing (20)
	Flaky  *Flaky            `json:"flaky,omitempty"`
}

// Flaky keeps a gate from failing a run until a day; somebody owns putting it right.
type Flaky struct {
	Owner string      `json:"owner"`
	Until corpus.Date `json:"until"`
}

// Gates are gates.json.
type Gates struct {
	SchemaVersion int    `json:"schema_version"` // 1
	Baseline      string `json:"baseline"`       // file beside it; empty: none
	Gates         []Gate `json:"gates"`
}

// Result of a gate.
type Result string

// The three results.
const (
	Passed       Result = "pass"
	Failed       Result = "fail"
	Inconclusive Result = "inconclusive"
)

// Verdict is a gate with what was measured.
type Verdict struct {
	Gate
	Result   Result               `json:"result"`
	Value    float64              `json:"value"`
	Interval *statistics.Interval `json:"interval,omitempty"`
	N        int                  `json:"n"`
	P        float64              `json:"p,omitempty"`    // two-sided, Holm-adjusted over all interval gates
	More     int                  `json:"more,omitempty"` // further bases that would decide, if the figure stays
	Note     string               `json:"note,omitempty"`

	against float64 // what Value was held against
	mean    float64 // distance to the limit, above 0 is good
	se      float64
	decided bool
}

// minBases is the least number of bases from which an interval is trusted.
const minBases = 20

// LoadGates reads gates.json.
func LoadGates(fsys fs.FS) (*Gates, error) {
	data, err := fs.ReadFile(fsys, "gates.json")
	if err != nil {
		return nil, fmt.Errorf("read gates: %w", err)
	}
	return ParseGates(data)
}

// ParseGates checks gates strictly.
func ParseGates(data []byte) (*Gates, error) {
	var gates Gates
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&gates); err != nil {
		return nil, fmt.Errorf("gates.json: %w", jsonError(err))
	}
	if gates.SchemaVersion != 1 {
		return nil, fmt.Errorf("gates.json: schema_version %d: this program reads 1", gates.SchemaVersion)
	}
	seen := make(map[string]bool)
	for _, g := range gates.Gates {
		if err := g.check(); err != nil {
			return nil, fmt.Errorf("gates.json: gate %q: %w", g.ID, err)
		}
		if seen[g.ID] {
			return nil, fmt.Errorf("gates.json: gate %q is there twice", g.ID)
		}
		seen[g.ID] = true
	}
	return &gates, nil
}

func (g *Gate) check() error {
	kinds := []GateKind{Floor, Ceiling, Zero, NonInferior, MaxDrop, Operational, Difficulty}
	names := labelNames()
	_, known := MetricNamed(g.Metric)
	switch {
	case g.ID == "":
		return fmt.Errorf("it has no id")
	case !slices.Contains(kinds, g.Kind):
		return fmt.Errorf("kind %q: write floor, ceiling, zero, non_inferior, max_drop, operational or difficulty", g.Kind)
	case g.Kind == Operational && !slices.Contains([]string{"latency_p95_ms", "error_share", "tokens_mean"}, g.Metric):
		return fmt.Errorf("metric %q: write latency_p95_ms, error_share or tokens_mean", g.Metric)
	case g.Kind != Operational && g.Kind != Difficulty && !known && !strings.HasPrefix(g.Metric, "judge_"):
		return fmt.Errorf("metric %q does not exist", g.Metric)
	case slices.Contains([]GateKind{Floor, Ceiling, Operational, Difficulty}, g.Kind) != (g.Limit != nil):
		return fmt.Errorf("a gate of kind %s has limit only if it needs one", g.Kind)
	case (g.Kind == NonInferior || g.Kind == MaxDrop) != (g.Margin != nil):
		return fmt.Errorf("a gate of kind %s has margin only if it needs one", g.Kind)
	case g.On != "" && g.On != "interval" && g.On != "mean":
		return fmt.Errorf("on %q: write interval or mean", g.On)
	case g.Kind == MaxDrop && (g.Where["variant"] == "" || g.Where["variant"] == string(Plain)):
		return fmt.Errorf("max_drop needs where.variant other than plain")
	case g.Flaky != nil && (g.Flaky.Owner == "" || !isDate.MatchString(string(g.Flaky.Until))):
		return fmt.Errorf("flaky needs owner and until")
	}
	for label := range g.Where {
		if !slices.Contains(names[:], label) {
			return fmt.Errorf("where %q: write one of %s", label, strings.Join(names[:], ", "))
		}
	}
	return nil
}

// GateInput is what gates judge.
type GateInput struct {
	rows    *rows
	Summary *Summary
	// Baseline holds the scores of a committed run; nil: none. Drift says why it may
	// not be compared with; empty: it may.
	Baseline *Baseline
	Drift    []string
	// Difficulty is the share of a set's n plain questions that plain BM25 answers; nil:
	// not measured.
	Difficulty func(set string) (share float64, n int, err error)
	Today      corpus.Date // for gates that are excused until a day
}

// GateRun reads what the gates need of a run.
func GateRun(r *Run) (*GateInput, error) {
	set, err := readRows(r)
	if err != nil {
		return nil, err
	}
	return &GateInput{rows: set, Summary: r.summary(set)}, nil
}

// Judge holds a run against the gates. What was not measured does not pass. The
// gates that are decided by an interval are one family: their p-values are adjusted
// by Holm's method, so that more gates do not make more false alarms.
func (g *Gates) Judge(in *GateInput) []Verdict {
	verdicts := make([]Verdict, len(g.Gates))
	var family []int
	var p []float64
	for i, gate := range g.Gates {
		v := in.measure(gate)
		if !v.decided {
			family = append(family, i)
			p = append(p, v.P)
		}
		verdicts[i] = v
	}
	for k, adjusted := range statistics.Holm(p) {
		v := &verdicts[family[k]]
		v.P = adjusted
		v.decide()
	}
	for i := range verdicts {
		v := &verdicts[i]
		if v.Result == Failed && v.Flaky != nil && in.Today <= v.Flaky.Until {
			v.Result, v.Note = Inconclusive, fmt.Sprintf("fails; excused until %s, %s sees to it", v.Flaky.Until, v.Flaky.Owner)
		}
	}
	return verdicts
}

// measure takes the figure of a gate and decides it when no interval is needed.
func (in *GateInput) measure(g Gate) Verdict {
	v := Verdict{Gate: g}
	_, measured := in.rows.index[g.Metric]
	switch {
	case g.Kind == Operational || g.Kind == Difficulty:
	case !measured: // the metric of a judge that was not asked
		v.settle(false)
		v.Note = "nothing was measured"
		return v
	default:
		if lost, all := in.rows.unjudged(in.rows.where(g.Where), g.Metric); float64(lost) > judge.MostUnscored*float64(all) {
			v.undecided("%d of %d verdicts could not be had", lost, all)
			return v
		}
	}
	switch g.Kind {
	case Floor, Ceiling:
		v.against = *g.Limit
		_, values := in.rows.means(in.rows.where(g.Where), in.rows.index[g.Metric])
		v.estimate(values, func(x float64) float64 {
			if g.Kind == Floor {
				return x - *g.Limit
			}
			return *g.Limit - x
		})
	case Zero:
		in.zero(&v)
	case NonInferior:
		in.nonInferior(&v)
	case MaxDrop:
		in.maxDrop(&v)
	case Operational:
		in.operational(&v)
	case Difficulty:
		in.difficulty(&v)
	}
	return v
}

// settle decides a gate without an interval.
func (v *Verdict) settle(ok bool) {
	v.decided, v.Result = true, Failed
	if ok {
		v.Result = Passed
	}
}

// undecided leaves a gate inconclusive.
func (v *Verdict) undecided(format string, args ...any) {
	v.decided, v.Result, v.Note = true, Inconclusive, fmt.Sprintf(format, args...)
}

// estimate takes the mean of values; margin is how far a value lies on the good side
// of the limit.
func (v *Verdict) estimate(values []float64, margin func(float64) float64) {
	e := statistics.Mean(values, nil, statistics.Level)
	v.Value, v.N, v.Interval, v.se = e.Mean, e.Clusters, e.Interval, e.SE
	v.mean = margin(e.Mean)
	least := cmp.Or(v.MinN, minBases)
	switch {
	case v.N == 0:
		v.settle(false)
		v.Note = "nothing was measured"
	case v.On == "mean":
		v.settle(v.mean >= -rounding)
	case v.N < least:
		v.undecided("%d bases are too few to judge: at least %d", v.N, least)
		v.More = least - v.N
	case e.SE == 0:
		v.settle(v.mean >= -rounding)
	default:
		v.P = 2 * statistics.TCDF(-math.Abs(v.mean)/e.SE, float64(e.Clusters-1))
	}
}

// rounding is what sums of floats may be off by.
const rounding = 1e-9

// decide judges an interval gate by its adjusted p-value.
func (v *Verdict) decide() {
	switch {
	case v.P <= 1-statistics.Level && v.mean >= 0:
		v.Result = Passed
	case v.P <= 1-statistics.Level:
		v.Result = Failed
	default:
		v.Result = Inconclusive
		if v.mean != 0 {
			wanted := statistics.SampleSize(math.Abs(v.mean), v.se*math.Sqrt(float64(v.N)))
			v.More = max(1, wanted-v.N)
		}
	}
}

// zero counts events; the bound says how frequent they may be all the same.
func (in *GateInput) zero(v *Verdict) {
	events := 0
	for _, r := range in.rows.where(v.Where) {
		if x, ok := in.rows.value(r, v.Metric); ok {
			v.N++
			if x > 0 {
				events++
			}
		}
	}
	v.Value = float64(events)
	v.settle(v.N > 0 && events == 0)
	if v.N == 0 {
		v.Note = "nothing was measured"
		return
	}
	v.Note = fmt.Sprintf("%d of %d; the true rate is below %.4f", events, v.N, statistics.UpperBound(events, v.N, statistics.Level))
}

// nonInferior compares with the committed baseline, base by base.
func (in *GateInput) nonInferior(v *Verdict) {
	if in.Baseline == nil {
		v.undecided("there is no baseline: eval gate --write-baseline makes one")
		return
	}
	if len(in.Drift) > 0 {
		v.undecided("the baseline is of other %s: --allow-drift compares all the same", strings.Join(in.Drift, "; other "))
		return
	}
	list := in.rows.where(v.Where)
	if floor, ok := in.rows.noiseOf(list, v.Metric); ok && *v.Margin < floor {
		v.undecided("two runs of an unchanged system differ by up to %.3f, more than the margin", floor)
		return
	}
	m, _ := MetricNamed(v.Metric)
	gains := in.Baseline.gains(in.rows, list, m)
	v.against = -*v.Margin
	v.estimate(gains, func(x float64) float64 { return x + *v.Margin })
}

// maxDrop compares a way of typing with the plain one, base by base.
func (in *GateInput) maxDrop(v *Verdict) {
	plain := make(map[string]float64)
	where := map[string]string{}
	for label, value := range v.Where {
		where[label] = value
	}
	where["variant"] = string(Plain)
	i := in.rows.index[v.Metric]
	bases, values := in.rows.means(in.rows.where(where), i)
	for k, base := range bases {
		plain[base] = values[k]
	}
	var drops []float64
	bases, values = in.rows.means(in.rows.where(v.Where), i)
	for k, base := range bases {
		if p, ok := plain[base]; ok {
			drops = append(drops, p-values[k])
		}
	}
	v.against = *v.Margin
	v.estimate(drops, func(x float64) float64 { return *v.Margin - x })
}

func (in *GateInput) operational(v *Verdict) {
	list := in.rows.where(v.Where)
	v.N, v.against = len(list), *v.Limit
	switch v.Metric {
	case "latency_p95_ms":
		v.Value = latency(list)["total"].P95
	case "error_share":
		v.Value = in.Summary.errorShare()
	case "tokens_mean":
		for _, r := range list {
			v.Value += float64(r.tokens[0]+r.tokens[1]) / float64(len(list))
		}
	}
	v.settle(v.N > 0 && v.Value <= *v.Limit)
}

func (in *GateInput) difficulty(v *Verdict) {
	if in.Difficulty == nil {
		v.undecided("plain BM25 was not asked")
		return
	}
	v.against = *v.Limit
	var err error
	if v.Value, v.N, err = in.Difficulty(v.Where["set"]); err != nil {
		v.undecided("%v", err)
		return
	}
	v.settle(v.N > 0 && v.Value <= *v.Limit)
}

// String prints a verdict as a line of a report.
func (v Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s %-34s %s = %.3f", strings.ToUpper(string(v.Result)), v.ID, v.Metric, v.Value)
	if v.Interval != nil && v.On != "mean" {
		fmt.Fprintf(&b, " %s", v.Interval)
	}
	switch v.Kind {
	case Floor:
		fmt.Fprintf(&b, ", at least %.3f", v.against)
	case Ceiling, Operational, Difficulty:
		fmt.Fprintf(&b, ", at most %.3f", v.against)
	case Zero:
		b.WriteString(", none")
	case NonInferior:
		fmt.Fprintf(&b, " change, not below %.3f", v.against)
	case MaxDrop:
		fmt.Fprintf(&b, " below plain, at most %.3f", v.against)
	}
	fmt.Fprintf(&b, " (n=%d)", v.N)
	if v.More > 0 {
		fmt.Fprintf(&b, "; %d more questions would decide", v.More)
	}
	if v.Note != "" {
		b.WriteString("; " + v.Note)
	}
	return b.String()
}
