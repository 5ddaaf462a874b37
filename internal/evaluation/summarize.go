package evaluation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"troly/internal/llm"
	"troly/internal/statistics"
)

// Summarize gathers what a run measured, always from all its samples.
func Summarize(r *Run) (*Summary, error) {
	set, err := readRows(r)
	if err != nil {
		return nil, err
	}
	return r.summary(set), nil
}

// summary is what the samples say, with what only the manifest knows.
func (r *Run) summary(set *rows) *Summary {
	s := set.summarize()
	s.Cost = set.cost(r.Manifest.Price)
	s.Run, s.Skipped = r.Manifest.Run, len(r.Manifest.Skipped)
	s.Missing = max(0, r.Manifest.Cases*max(r.Manifest.Repeat, 1)-s.Samples)
	return s
}

// WriteSummary writes summary.json into the directory of a run.
func (r *Run) WriteSummary(s *Summary) error { return writeFile(r.file("summary.json"), s) }

// cost is what answering and judging cost at a price; nil without one.
func (set *rows) cost(price *llm.Price) *Cost {
	if price == nil {
		return nil
	}
	var c Cost
	fresh := 0
	for i := range set.list {
		r := &set.list[i]
		if !r.cached {
			fresh++
			c.Answers += price.Of(llm.Usage{PromptTokens: r.tokens[0], CompletionTokens: r.tokens[1]})
		}
		c.Judge += price.Of(llm.Usage{PromptTokens: r.judged[0], CompletionTokens: r.judged[1]})
	}
	c.Total, c.PerAnswer = c.Answers+c.Judge, c.Answers/float64(max(fresh, 1))
	return &c
}

// UsageLine tells tokens and cost; empty when no model was asked.
func (s *Summary) UsageLine() string {
	used := s.Tokens["prompt"] + s.Tokens["completion"] + s.Tokens["judge_prompt"] + s.Tokens["judge_completion"]
	if used == 0 {
		return ""
	}
	line := fmt.Sprintf("tokens: answers %d of prompts, %d of completions", s.Tokens["prompt"], s.Tokens["completion"])
	if s.Tokens["judge_prompt"] > 0 {
		line += fmt.Sprintf("; judge %d, %d", s.Tokens["judge_prompt"], s.Tokens["judge_completion"])
	}
	if s.Cost != nil {
		line += fmt.Sprintf("; cost %.4f (answers %.4f, judge %.4f; %.6f an answer)", s.Cost.Total, s.Cost.Answers, s.Cost.Judge, s.Cost.PerAnswer)
	}
	return line
}

func (set *rows) summarize() *Summary {
	all := set.where(nil)
	s := &Summary{
		SchemaVersion: 1, Samples: len(all), Metrics: set.metricsOf(all), Slices: set.slices(),
		Refusal: set.refusal(all), Router: set.router(all), Robustness: set.robustness(), Repeats: set.repeats(),
		Attribution: make(map[Miss]int), Latency: latency(all), Tokens: make(map[string]int), Tiers: make(map[string]int), Forbidden: make(map[string]int), Noise: set.noise(),
	}
	bases := make(map[string]bool)
	for _, r := range all {
		bases[r.base] = true
		s.Errors += int(indicator(r.failed))
		s.Cached += int(indicator(r.cached))
		s.Tokens["prompt"] += r.tokens[0]
		s.Tokens["completion"] += r.tokens[1]
		if r.judged != [2]int{} {
			s.Tokens["judge_prompt"] += r.judged[0]
			s.Tokens["judge_completion"] += r.judged[1]
		}
		for i, name := range [...]string{"typed", "words", "folded"} {
			s.Tiers[name] += r.tiers[i]
		}
		for _, kind := range r.forbidden {
			s.Forbidden[kind]++
		}
		if r.missed != "" {
			s.Attribution[r.missed]++
		}
	}
	s.Bases = len(bases)
	return s
}

// metricsOf are all metrics that some row has a value of, or a reason not to. Rows
// are passed once: values of a row lie together.
func (set *rows) metricsOf(list []*row) []MetricSummary {
	t := newGathering(len(set.metrics))
	for i, r := range list {
		t.add(r)
		last := i+1 == len(list)
		if last || list[i+1].caseNo != r.caseNo {
			t.endCase()
		}
		if last || list[i+1].baseNo != r.baseNo {
			t.endBase()
		}
	}
	var all []MetricSummary
	for i, m := range set.metrics {
		if s := t.summary(i, m); s.Scored > 0 || len(s.Unscored) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// gathering sums up all metrics of some rows.
type gathering struct {
	one, base []mean // of the case and the base at hand
	values    [][]float64
	total     []mean
	unscored  map[*grounds][]int // by metric
	errors    int
}

func newGathering(n int) *gathering {
	return &gathering{one: make([]mean, n), base: make([]mean, n), values: make([][]float64, n), total: make([]mean, n), unscored: make(map[*grounds][]int)}
}

func (t *gathering) add(r *row) {
	if r.failed {
		t.errors++
		return
	}
	missing := t.unscored[r.unscored]
	if missing == nil {
		missing = make([]int, len(t.one))
		t.unscored[r.unscored] = missing
	}
	for i, v := range r.values {
		if math.IsNaN(v) {
			missing[i]++
			continue
		}
		t.one[i].add(v)
		t.total[i].add(v)
	}
}

func (t *gathering) endCase() {
	for i := range t.one {
		if v, ok := t.one[i].take(); ok {
			t.base[i].add(v)
		}
	}
}

func (t *gathering) endBase() {
	for i := range t.base {
		if v, ok := t.base[i].take(); ok {
			t.values[i] = append(t.values[i], v)
		}
	}
}

func (t *gathering) summary(i int, m Metric) MetricSummary {
	s := MetricSummary{Name: m.Name, Estimate: statistics.Mean(t.values[i], nil, statistics.Level), Scored: t.total[i].n, Errors: t.errors, HigherIsBetter: m.HigherIsBetter}
	lost := t.errors
	for why, missing := range t.unscored {
		if missing[i] == 0 {
			continue
		}
		reason := why.why(m)
		if s.Unscored == nil {
			s.Unscored = make(map[string]int)
		}
		s.Unscored[reason] += missing[i]
		if JudgeFailed(reason) { // it should have been measured; other reasons lie in the sample
			lost += missing[i]
		}
	}
	if n := float64(s.Scored + lost); n > 0 {
		s.WorstCase, s.BestCase = t.total[i].sum/n, (t.total[i].sum+float64(lost))/n
	}
	return s
}

// JudgeFailed reports whether a metric is unscored because a judge could not be asked
// or understood.
func JudgeFailed(reason string) bool {
	return strings.HasPrefix(reason, "judge_") || reason == "provider"
}

// BySetAndVariant is the label of slices by two labels at once, joined by a space.
const BySetAndVariant = "set variant"

// slices are the parts of the run by each label with more than one value, and by set
// and variant together.
func (set *rows) slices() []Slice {
	var all []Slice
	for i, by := range labelNames() {
		if parts := set.parts(by, func(r *row) string { return r.labels[i] }); len(parts) > 1 {
			all = append(all, parts...)
		}
	}
	return append(all, set.parts(BySetAndVariant, func(r *row) string { return r.labels[0] + " " + r.labels[2] })...)
}

func (set *rows) parts(by string, value func(*row) string) []Slice {
	parts := make(map[string][]*row)
	for i := range set.list {
		r := &set.list[i]
		parts[value(r)] = append(parts[value(r)], r)
	}
	names := slices.Sorted(maps.Keys(parts))
	list := make([]Slice, len(names))
	var work sync.WaitGroup
	for i, name := range names {
		work.Go(func() {
			list[i] = Slice{By: by, Value: name, Samples: len(parts[name]), Metrics: set.metricsOf(parts[name])}
		})
	}
	work.Wait()
	return list
}

// refusal counts decisions to decline against what was due.
func (set *rows) refusal(list []*row) Confusion {
	var c Confusion
	for _, r := range list {
		if recall, due := set.value(r, RefusalRecall); due {
			if recall == 1 {
				c.TruePositive++
			} else {
				c.FalseNegative++
			}
		} else if refused, due := set.value(r, FalseRefusal); due {
			if refused == 1 {
				c.FalsePositive++
			} else {
				c.TrueNegative++
			}
		}
	}
	return c.rated()
}

// rated fills in the rates; one with nothing to divide by stays 0.
func (c Confusion) rated() Confusion {
	tp, fp, fn, tn := float64(c.TruePositive), float64(c.FalsePositive), float64(c.FalseNegative), float64(c.TrueNegative)
	c.Precision, c.Recall = ratio(tp, tp+fp), ratio(tp, tp+fn)
	c.F1 = ratio(2*tp, 2*tp+fp+fn)
	c.Accuracy = ratio(tp+tn, tp+fp+fn+tn)
	c.FalseRefusal = ratio(fp, fp+tn)
	c.Balanced = (c.Recall + ratio(tn, fp+tn)) / 2
	return c
}

func ratio(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

// router compares the kind of question that was recognised with the gold.
func (set *rows) router(list []*row) Router {
	out := Router{Confusion: make(map[string]map[string]int)}
	right, gold, recognised := make(map[string]int), make(map[string]int), make(map[string]int)
	for _, r := range list {
		if _, measured := set.value(r, RouterRight); !measured {
			continue
		}
		want := r.labels[1]
		if out.Confusion[want] == nil {
			out.Confusion[want] = make(map[string]int)
		}
		out.Confusion[want][r.recognised]++
		out.N++
		gold[want]++
		recognised[r.recognised]++
		if want == r.recognised {
			right[want]++
			out.Accuracy++
		}
	}
	out.Accuracy = ratio(out.Accuracy, float64(out.N))
	for _, name := range slices.Sorted(maps.Keys(gold)) {
		out.Intents = append(out.Intents, IntentScore{
			Intent: name, N: gold[name],
			Precision: ratio(float64(right[name]), float64(recognised[name])),
			Recall:    ratio(float64(right[name]), float64(gold[name])),
			F1:        ratio(float64(2*right[name]), float64(gold[name]+recognised[name])),
		})
	}
	return out
}

// latency are percentiles of the time each stage took.
func latency(list []*row) map[string]Percentiles {
	out := make(map[string]Percentiles)
	for i, stage := range stageNames {
		var took []float64
		for _, r := range list {
			if !r.cached && !r.failed {
				took = append(took, r.timings[i])
			}
		}
		if len(took) > 0 {
			out[stage] = Percentiles{statistics.NearestRank(took, 0.5), statistics.NearestRank(took, 0.95), statistics.NearestRank(took, 0.99)}
		}
	}
	return out
}

// robust are the metrics that robustness is told of.
var robust = [...]string{Pass, FactRecall, FirstRight}

// robustness compares the ways of typing, by each metric that is told of.
func (set *rows) robustness() []Robustness {
	variants := set.variants()
	if len(variants) < 2 || variants[0] != Plain {
		return nil
	}
	var all []Robustness
	for _, name := range robust {
		byVariant := make(map[string]map[Variant]float64)
		for _, v := range variants {
			bases, values := set.means(set.where(map[string]string{"variant": string(v)}), set.index[name])
			for i, base := range bases {
				if byVariant[base] == nil {
					byVariant[base] = make(map[Variant]float64)
				}
				byVariant[base][v] = values[i]
			}
		}
		if r := robustnessOf(name, variants, byVariant); r.Bases > 0 {
			all = append(all, r)
		}
	}
	return all
}

// variants are those of the run, plain first and then in the order of the schema.
func (set *rows) variants() []Variant {
	have := make(map[string]bool)
	for i := range set.list {
		have[set.list[i].labels[2]] = true
	}
	var list []Variant
	for _, name := range variantNames {
		if have[name] {
			list = append(list, Variant(name))
		}
	}
	return list
}

// flipAt is the value from which a sample passes, for counting flips.
const flipAt = 0.5

// robustnessOf works on base -> variant -> value; a base that lacks a variant is
// left out.
func robustnessOf(metric string, variants []Variant, byVariant map[string]map[Variant]float64) Robustness {
	r := Robustness{Metric: metric, Variants: variants, ByName: make(map[Variant]float64)}
	var drops []float64
	flips := 0
	for _, base := range slices.Sorted(maps.Keys(byVariant)) {
		values := byVariant[base]
		if len(values) < len(variants) {
			r.Left++
			continue
		}
		plain, sum, worst := values[Plain], 0.0, math.Inf(1)
		for _, v := range variants {
			x := values[v]
			sum += x
			worst = min(worst, x)
			r.ByName[v] += x
			if v != Plain && (x >= flipAt) != (plain >= flipAt) {
				flips++
			}
		}
		others := float64(len(variants) - 1)
		r.Bases++
		r.Mean += sum / float64(len(variants))
		r.Plain += plain
		r.Worst += worst
		drops = append(drops, plain-(sum-plain)/others)
	}
	n := float64(r.Bases)
	if n == 0 {
		return r
	}
	r.Mean, r.Plain, r.Worst = r.Mean/n, r.Plain/n, r.Worst/n
	for v := range r.ByName {
		r.ByName[v] /= n
	}
	r.Drop = statistics.Mean(drops, nil, statistics.Level)
	r.FlipRate = float64(flips) / (n * float64(len(variants)-1))
	return r
}

// repeats says how steady the answers to one case are, by variant.
func (set *rows) repeats() []Repeats {
	var all []Repeats
	for _, v := range set.variants() {
		list := set.where(map[string]string{"variant": string(v)})
		out, cases := Repeats{Variant: v}, 0.0
		for _, one := range byCase(list) {
			if len(one) < 2 {
				continue
			}
			commonest, same, right := 0, make(map[string]int), 0
			for _, r := range one {
				same[r.said]++
				commonest = max(commonest, same[r.said])
				if v, ok := set.value(r, Pass); ok && v == 1 {
					right++
				}
			}
			cases++
			out.Repeats = max(out.Repeats, len(one))
			out.Consistency += float64(commonest) / float64(len(one))
			out.PassAll += statistics.PassAll(len(one), right, len(one))
			out.PassAny += statistics.PassAt(len(one), right, len(one))
		}
		if cases > 0 {
			out.Consistency, out.PassAll, out.PassAny = out.Consistency/cases, out.PassAll/cases, out.PassAny/cases
			all = append(all, out)
		}
	}
	return all
}

// byCase cuts sorted rows into those of each case.
func byCase(list []*row) [][]*row {
	var all [][]*row
	start := 0
	for i := 1; i <= len(list); i++ {
		if i == len(list) || list[i].id != list[start].id {
			all = append(all, list[start:i])
			start = i
		}
	}
	return all
}

// noise is what two runs of an unchanged system differ by; nil without repeats.
func (set *rows) noise() map[string]float64 {
	all := set.where(nil)
	var out map[string]float64
	for _, name := range robust {
		if floor, ok := set.noiseOf(all, name); ok {
			if out == nil {
				out = make(map[string]float64)
			}
			out[name] = floor
		}
	}
	return out
}

// noiseOf is the noise of one metric; ok is false when no case was asked twice.
func (set *rows) noiseOf(list []*row, metric string) (floor float64, ok bool) {
	var scores [][]float64
	for _, one := range byCase(list) {
		var values []float64
		for _, r := range one {
			if v, measured := set.value(r, metric); measured {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			scores = append(scores, values)
		}
		ok = ok || len(values) > 1
	}
	return statistics.NoiseFloor(scores), ok
}

// Metric returns the summary of a metric in the slice, or nil.
func (s *Slice) Metric(name string) *MetricSummary {
	i := slices.IndexFunc(s.Metrics, func(m MetricSummary) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Metrics[i]
}

// String prints a mean as a cell of a table.
func (m *MetricSummary) String() string {
	if m == nil || m.Scored == 0 {
		return "n/a"
	}
	return fmt.Sprintf("%.3f", m.Mean)
}

// errorShare is the share of samples that could not be asked or scored.
func (s *Summary) errorShare() float64 {
	return ratio(float64(s.Errors+s.Missing), float64(cmp.Or(s.Samples+s.Missing, 1)))
}
