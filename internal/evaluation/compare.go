package evaluation

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"troly/internal/statistics"
)

// Comparison is what a second run of the same questions changed.
type Comparison struct {
	A       string             `json:"a"`
	B       string             `json:"b"`
	Drift   []string           `json:"drift,omitempty"` // what else differs between the runs: cases, knowledge, build
	Pairs   int                `json:"pairs"`           // cases asked in both
	OnlyA   []string           `json:"only_a,omitempty"`
	OnlyB   []string           `json:"only_b,omitempty"`
	Metrics []MetricComparison `json:"metrics"`
	Slices  []MetricComparison `json:"slices"` // of Pass; exploratory: P is adjusted by Benjamini-Hochberg
	Flipped []Flip             `json:"flipped"`

	// Cases of the test split that flipped are counted and not named: whoever reads them
	// tunes to them.
	TestBetter int `json:"test_better"`
	TestWorse  int `json:"test_worse"`
}

// MetricComparison compares one metric over the bases both runs have. Improvement is
// by the metric's own direction: above 0 the second run is better.
type MetricComparison struct {
	Metric      string                `json:"metric"`
	By          string                `json:"by,omitempty"` // label of a slice
	Value       string                `json:"value,omitempty"`
	MeanA       float64               `json:"mean_a"`
	MeanB       float64               `json:"mean_b"`
	Improvement statistics.Comparison `json:"improvement"`
	Adjusted    float64               `json:"p_adjusted"`
	McNemar     *statistics.McNemar   `json:"mcnemar,omitempty"` // for metrics of 0 and 1
}

// Flip is a case that passes in one run only.
type Flip struct {
	Case    string  `json:"case"`
	Variant Variant `json:"variant"`
	Better  bool    `json:"better"` // passes in the second run
	MissedA Miss    `json:"missed_a,omitempty"`
	MissedB Miss    `json:"missed_b,omitempty"`
}

// compared are the metrics that Compare tells of.
func compared() []string {
	return []string{Pass, FirstRight, "mrr", "ndcg@10", FactRecall, "context_fact_recall", Grounded, "citation_recall_det", FalseRefusal, RefusalRecall, Truthfulness}
}

// Compare aligns two runs by case and compares them base by base, repeats averaged
// first. seed is that of the drawn sign patterns.
func Compare(a, b *Run, seed uint64) (*Comparison, error) {
	rowsA, err := readRows(a)
	if err != nil {
		return nil, err
	}
	rowsB, err := readRows(b)
	if err != nil {
		return nil, err
	}
	c := compareRows(rowsA, rowsB, seed)
	c.A, c.B, c.Drift = a.Manifest.Run, b.Manifest.Run, drift(a.Manifest, b.Manifest)
	return c, nil
}

// drift names what differs between two runs beside their answers.
func drift(a, b Manifest) []string {
	var list []string
	say := func(what, x, y string) {
		if x != y {
			list = append(list, what+" "+cmp.Or(x, "none")+" and "+cmp.Or(y, "none"))
		}
	}
	say("cases", a.Data, b.Data)
	say("knowledge", a.Versions["knowledge"], b.Versions["knowledge"])
	say("judge", a.Judge, b.Judge)
	say("model", a.Versions["model"], b.Versions["model"])
	return list
}

func compareRows(a, b *rows, seed uint64) *Comparison {
	c := &Comparison{}
	idsA, idsB := ids(a), ids(b)
	for id := range idsA {
		if !idsB[id] {
			c.OnlyA = append(c.OnlyA, id)
		} else {
			c.Pairs++
		}
	}
	for id := range idsB {
		if !idsA[id] {
			c.OnlyB = append(c.OnlyB, id)
		}
	}
	slices.Sort(c.OnlyA)
	slices.Sort(c.OnlyB)
	common := func(list []*row) []*row {
		return slices.DeleteFunc(list, func(r *row) bool { return !idsA[r.id] || !idsB[r.id] })
	}
	allA, allB := common(a.where(nil)), common(b.where(nil))
	for _, name := range compared() {
		if m, ok := compareMetric(a, b, allA, allB, name, seed); ok {
			c.Metrics = append(c.Metrics, m)
		}
	}
	adjust(c.Metrics, statistics.Holm)
	for i, by := range labelNames() {
		for _, value := range valuesAt(allA, i) {
			only := map[string]string{by: value}
			if m, ok := compareMetric(a, b, common(a.where(only)), common(b.where(only)), Pass, seed); ok {
				m.By, m.Value = by, value
				c.Slices = append(c.Slices, m)
			}
		}
	}
	adjust(c.Slices, statistics.BenjaminiHochberg)
	c.flips(a, b, allA, allB)
	return c
}

func ids(set *rows) map[string]bool {
	all := make(map[string]bool)
	for i := range set.list {
		all[set.list[i].id] = true
	}
	return all
}

// valuesAt are the values of a label, sorted; none when there is but one.
func valuesAt(list []*row, label int) []string {
	var values []string
	for _, r := range list {
		values = append(values, r.labels[label])
	}
	slices.Sort(values)
	if values = slices.Compact(values); len(values) < 2 {
		return nil
	}
	return values
}

func adjust(list []MetricComparison, by func([]float64) []float64) {
	p := make([]float64, len(list))
	for i := range list {
		p[i] = list[i].Improvement.P
	}
	for i, adjusted := range by(p) {
		list[i].Adjusted = adjusted
	}
}

// compareMetric compares one metric over the bases that have it in both runs; ok is
// false when none has.
func compareMetric(a, b *rows, listA, listB []*row, metric string, seed uint64) (MetricComparison, bool) {
	m, _ := MetricNamed(metric)
	out := MetricComparison{Metric: metric}
	basesA, valuesA := a.means(listA, a.index[metric])
	basesB, valuesB := b.means(listB, b.index[metric])
	var gains []float64
	binary := true
	better, worse := 0, 0
	for i, j := 0, 0; i < len(basesA) && j < len(basesB); {
		switch order := strings.Compare(basesA[i], basesB[j]); {
		case order < 0:
			i++
			continue
		case order > 0:
			j++
			continue
		}
		x, y := valuesA[i], valuesB[j]
		out.MeanA, out.MeanB = out.MeanA+x, out.MeanB+y
		gain := y - x
		if !m.HigherIsBetter {
			gain = -gain
		}
		gains = append(gains, gain)
		binary = binary && isBinary(x) && isBinary(y)
		better += int(indicator(gain > 0))
		worse += int(indicator(gain < 0))
		i, j = i+1, j+1
	}
	n := float64(len(gains))
	if n == 0 {
		return out, false
	}
	out.MeanA, out.MeanB = out.MeanA/n, out.MeanB/n
	out.Improvement = statistics.ComparePaired(gains, seed)
	if binary {
		test := statistics.NewMcNemar(worse, better)
		out.McNemar = &test
	}
	return out, true
}

func isBinary(x float64) bool { return x == 0 || x == 1 }

// flips finds the cases that pass in one run only, worse ones first. With repeats a
// case passes when most of them do.
func (c *Comparison) flips(a, b *rows, listA, listB []*row) {
	before := passing(a, listA)
	after := passing(b, listB)
	for id, x := range before {
		y, ok := after[id]
		switch {
		case !ok || x.pass == y.pass:
		case x.test && y.pass:
			c.TestBetter++
		case x.test:
			c.TestWorse++
		default:
			c.Flipped = append(c.Flipped, Flip{Case: id, Variant: x.variant, Better: y.pass, MissedA: x.missed, MissedB: y.missed})
		}
	}
	slices.SortFunc(c.Flipped, func(a, b Flip) int {
		return cmp.Or(cmp.Compare(indicator(a.Better), indicator(b.Better)), strings.Compare(a.Case, b.Case))
	})
}

type passed struct {
	pass    bool
	test    bool // of the test split
	variant Variant
	missed  Miss
}

func passing(set *rows, list []*row) map[string]passed {
	all := make(map[string]passed)
	for _, one := range byCase(list) {
		sum, n := 0.0, 0.0
		p := passed{variant: Variant(one[0].labels[2]), test: one[0].labels[6] == testSplit}
		for _, r := range one {
			if v := r.values[set.index[Pass]]; !math.IsNaN(v) && !r.failed {
				sum, n = sum+v, n+1
			}
			p.missed = cmp.Or(p.missed, r.missed)
		}
		if n > 0 {
			p.pass = sum/n > 0.5
			all[one[0].id] = p
		}
	}
	return all
}
