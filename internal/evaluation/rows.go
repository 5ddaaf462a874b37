package evaluation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"troly/internal/pipeline"
)

// rows are the samples of a run without their texts: all that figures are made
// of. They are sorted by base, case and repeat, so that sums of floats are the same
// whatever the order in which samples were finished.
type rows struct {
	metrics []Metric
	list    []row
	index   map[string]int // metric -> position in row.values
}

// row is one sample. values has a place for every metric; one that was not measured
// is NaN and its reason is in unscored.
type row struct {
	base, id   string
	repeat     int
	labels     [7]string // in the order of Sample.Labels
	values     []float64
	unscored   map[string]string // shared by all rows with the same ones
	failed     bool
	recognised string
	said       string // the vital facts that were said
	missed     Miss
	timings    [5]float64
	tokens     [2]int
	cached     bool
	tiers      [3]int
	forbidden  []string
}

// labelNames are what samples are sliced by.
func labelNames() [7]string {
	var s Sample
	var names [7]string
	for i, l := range s.Labels() {
		names[i] = l[0]
	}
	return names
}

// stageNames are the parts of an outcome's time.
var stageNames = [...]string{"understand", "retrieve", "answer", "verify", "total"}

// lean is a sample as it is read for figures: without texts.
type lean struct {
	Set        string             `json:"set"`
	Case       string             `json:"case"`
	BaseID     string             `json:"base_id"`
	Variant    Variant            `json:"variant"`
	Repeat     int                `json:"repeat"`
	Intent     string             `json:"intent"`
	Collection string             `json:"collection"`
	Audience   string             `json:"audience"`
	Difficulty string             `json:"difficulty"`
	Split      string             `json:"split"`
	Metrics    map[string]float64 `json:"metrics"`
	Unscored   map[string]string  `json:"unscored"`
	Facts      []FactResult       `json:"facts"`
	Forbidden  []ForbiddenHit     `json:"forbidden"`
	Missed     Miss               `json:"missed"`
	Cached     bool               `json:"cached"`
	Error      string             `json:"error"`
	Status     pipeline.Status    `json:"status"`
	Understood struct {
		Intent string `json:"intent"`
	} `json:"understood"`
	Timings pipeline.Timings `json:"timings_ms"`
	Usage   pipeline.Usage   `json:"usage"`
}

// readRows reads the samples of a run directory.
func readRows(r *Run) (*rows, error) {
	judged, err := r.judged()
	if err != nil {
		return nil, err
	}
	set := newRows(judged)
	at := make(map[attempt]int)
	err = eachLine(r.file(samplesFile), func(_ int, l *lean) error {
		key := attempt{l.Case, l.Repeat}
		judged[key].addTo(l.Metrics, &l.Unscored)
		made := set.row(l)
		if i, again := at[key]; again {
			set.list[i] = made
			return nil
		}
		at[key] = len(set.list)
		set.list = append(set.list, made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	set.sort()
	return set, nil
}

// rowsOf makes rows of samples in memory.
func rowsOf(samples []Sample) *rows {
	set := newRows(nil)
	for i := range samples {
		s := &samples[i]
		l := lean{
			Set: s.Set, Case: s.Case, BaseID: s.BaseID, Variant: s.Variant, Repeat: s.Repeat, Intent: s.Intent, Collection: s.Collection,
			Audience: s.Audience, Difficulty: s.Difficulty, Split: s.Split, Metrics: s.Metrics, Unscored: s.Unscored, Facts: s.Facts,
			Forbidden: s.Forbidden, Missed: s.Missed, Cached: s.Cached, Error: s.Error, Status: s.Status, Timings: s.Timings, Usage: s.Usage,
		}
		l.Understood.Intent = s.Understood.Intent
		set.list = append(set.list, set.row(&l))
	}
	set.sort()
	return set
}

// newRows knows the deterministic metrics and those of the judge.
func newRows(judged map[attempt]*Judged) *rows {
	set := &rows{metrics: Metrics(), index: make(map[string]int)}
	extra := make(map[string]bool)
	for _, j := range judged {
		for name := range j.Metrics {
			extra[name] = true
		}
		for name := range j.Unscored {
			extra[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if m, own := MetricNamed(name); !own {
			set.metrics = append(set.metrics, m)
		}
	}
	for i, m := range set.metrics {
		set.index[m.Name] = i
	}
	return set
}

func (set *rows) sort() {
	slices.SortFunc(set.list, func(a, b row) int {
		return cmp.Or(strings.Compare(a.base, b.base), strings.Compare(a.id, b.id), cmp.Compare(a.repeat, b.repeat))
	})
}

func (set *rows) row(l *lean) row {
	s := Sample{Set: l.Set, Intent: l.Intent, Variant: l.Variant, Collection: l.Collection, Audience: l.Audience, Difficulty: l.Difficulty, Split: l.Split}
	r := row{base: l.BaseID, id: l.Case, repeat: l.Repeat, failed: l.Error != "", missed: l.Missed, cached: l.Cached, unscored: l.Unscored}
	for i, label := range s.Labels() {
		r.labels[i] = label[1]
	}
	r.values = make([]float64, len(set.metrics))
	for i, m := range set.metrics {
		v, ok := l.Metrics[m.Name]
		if !ok {
			v = math.NaN()
		}
		r.values[i] = v
	}
	r.recognised = recognised(&pipeline.Outcome{Status: l.Status, Understood: pipeline.Understood{Intent: l.Understood.Intent}})
	for _, f := range l.Facts {
		if f.Support != None {
			r.tiers[min(max(f.Tier, 0), 2)]++
		}
		if f.Importance == "vital" && f.Support == Full {
			r.said += f.ID + " "
		}
	}
	for _, h := range l.Forbidden {
		r.forbidden = append(r.forbidden, fmt.Sprintf("%s/%s", h.Kind, h.Severity))
	}
	r.timings = [5]float64{l.Timings.Understand, l.Timings.Retrieve, l.Timings.Answer, l.Timings.Verify, l.Timings.Total}
	r.tokens = [2]int{l.Usage.PromptTokens, l.Usage.CompletionTokens}
	return r
}

// value returns a metric of a row.
func (set *rows) value(r *row, metric string) (float64, bool) {
	i, ok := set.index[metric]
	if !ok || math.IsNaN(r.values[i]) {
		return 0, false
	}
	return r.values[i], true
}

// reason says why a row has no value of a metric.
func (r *row) reason(m Metric) string {
	if reason, ok := r.unscored[m.Name]; ok {
		return reason
	}
	return cmp.Or(r.unscored[m.Family], "not_measured")
}

// where returns the rows with the given labels, in order; no label takes all.
func (set *rows) where(labels map[string]string) []*row {
	var wanted [7]string
	for i, name := range labelNames() {
		wanted[i] = labels[name]
	}
	var found []*row
	for i := range set.list {
		r := &set.list[i]
		ok := true
		for j, want := range wanted {
			ok = ok && (want == "" || r.labels[j] == want)
		}
		if ok {
			found = append(found, r)
		}
	}
	return found
}

// means averages a metric over repeats in a case and over cases in a base: one
// value for each base with one, in the order of their IDs.
func (set *rows) means(list []*row, metric int) (bases []string, values []float64) {
	type mean struct {
		sum float64
		n   int
	}
	var base, one mean
	flush := func(last *row, endOfBase bool) {
		if one.n > 0 {
			base.sum += one.sum / float64(one.n)
			base.n++
		}
		one = mean{}
		if endOfBase {
			if base.n > 0 {
				bases, values = append(bases, last.base), append(values, base.sum/float64(base.n))
			}
			base = mean{}
		}
	}
	for i, r := range list {
		if i > 0 && list[i-1].id != r.id {
			flush(list[i-1], list[i-1].base != r.base)
		}
		if v := r.values[metric]; !math.IsNaN(v) && !r.failed {
			one.sum += v
			one.n++
		}
	}
	if n := len(list); n > 0 {
		flush(list[n-1], true)
	}
	return bases, values
}
