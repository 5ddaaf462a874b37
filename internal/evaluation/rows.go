package evaluation

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"unique"
)

// rows are the samples of a run without their texts: all that figures are made
// of. They are sorted by base, case and repeat, so that sums of floats are the same
// whatever the order in which samples were finished.
type rows struct {
	metrics []Metric
	list    []row
	index   map[string]int // metric -> position in row.values
	reasons sync.Map       // object of reasons as written -> *grounds
}

// grounds say why metrics are unscored; rows with the same ones share them.
type grounds map[string]string

// row is one sample. values has a place for every metric; one that was not measured
// is NaN and its reason is in unscored.
type row struct {
	base, id   string
	baseNo     int // place of its base and case among those of the run
	caseNo     int
	repeat     int
	labels     [7]string // in the order of Sample.labels
	values     []float64
	unscored   *grounds
	failed     bool
	recognised string
	said       string // the vital facts that were said
	missed     Miss
	timings    [5]float64
	tokens     [2]int
	judged     [2]int // tokens of the judge
	cached     bool
	tiers      [3]int
	forbidden  []string
}

// labelNames are what samples are sliced by.
func labelNames() [7]string {
	var s Sample
	var names [7]string
	for i, l := range s.labels() {
		names[i] = l[0]
	}
	return names
}

// stageNames are the parts of an outcome's time.
var stageNames = [...]string{"understand", "retrieve", "answer", "verify", "total"}

// readRows reads the samples of a run directory.
func readRows(r *Run) (*rows, error) {
	judged, err := r.judged()
	if err != nil {
		return nil, err
	}
	set := newRows(judged)
	at := make(map[attempt]int)
	err = eachLine(r.file(samplesFile), set.decode, func(_ int, made *row) error {
		key := attempt{made.id, made.repeat}
		set.judge(made, judged[key])
		if i, again := at[key]; again {
			set.list[i] = *made
			return nil
		}
		at[key] = len(set.list)
		set.list = append(set.list, *made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	set.sort()
	return set, nil
}

// judge adds a verdict to a row.
func (set *rows) judge(r *row, j *Judged) {
	if j == nil {
		return
	}
	r.judged = [2]int{j.Usage.PromptTokens, j.Usage.CompletionTokens}
	if r.failed {
		return
	}
	for name, v := range j.Metrics {
		r.values[set.index[name]] = v
	}
	if len(j.Unscored) > 0 {
		merged := grounds(maps.Clone(j.Unscored))
		maps.Copy(merged, *r.unscored)
		r.unscored = &merged
	}
}

// share returns the reasons that all samples with equal ones have.
func (set *rows) share(list map[string]string) *grounds {
	key, err := json.Marshal(list)
	if err != nil {
		return &grounds{} // strings always encode
	}
	own := grounds(list)
	shared, _ := set.reasons.LoadOrStore(string(key), &own)
	return shared.(*grounds)
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
	for i := 1; i < len(set.list); i++ {
		r, before := &set.list[i], &set.list[i-1]
		r.baseNo, r.caseNo = before.baseNo, before.caseNo
		r.baseNo += int(indicator(r.base != before.base))
		r.caseNo += int(indicator(r.id != before.id))
	}
}

// take fills in what follows from the fields of a sample.
func (r *row) take(s *Sample) {
	r.failed = s.Error != ""
	for i, label := range s.labels() {
		r.labels[i] = unique.Make(label[1]).Value() // few different ones: kept once
	}
	r.recognised = unique.Make(recognised(&s.Outcome)).Value()
	said := ""
	for _, f := range s.Facts {
		if f.Support != None {
			r.tiers[min(max(f.Tier, 0), 2)]++
		}
		if f.Importance == "vital" && f.Support == Full {
			said += f.ID + " "
		}
	}
	r.said = unique.Make(said).Value()
	for _, h := range s.Forbidden {
		r.forbidden = append(r.forbidden, h.Kind+"/"+h.Severity)
	}
	r.timings = [5]float64{s.Timings.Understand, s.Timings.Retrieve, s.Timings.Answer, s.Timings.Verify, s.Timings.Total}
	r.tokens = [2]int{s.Usage.PromptTokens, s.Usage.CompletionTokens}
}

// value returns a metric of a row.
func (set *rows) value(r *row, metric string) (float64, bool) {
	i, ok := set.index[metric]
	if !ok || math.IsNaN(r.values[i]) {
		return 0, false
	}
	return r.values[i], true
}

// why says why a metric is unscored.
func (r *grounds) why(m Metric) string {
	if reason, ok := (*r)[m.Name]; ok {
		return reason
	}
	return cmp.Or((*r)[m.Family], "not_measured")
}

// unjudged counts the rows that a judge should have given the metric and could not,
// and those beside that have it.
func (set *rows) unjudged(list []*row, metric string) (lost, all int) {
	i := set.index[metric]
	for _, r := range list {
		switch {
		case r.failed:
		case !math.IsNaN(r.values[i]):
			all++
		case JudgeFailed(r.unscored.why(set.metrics[i])):
			lost, all = lost+1, all+1
		}
	}
	return lost, all
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

// mean is a running mean.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

// take returns the mean and begins anew.
func (m *mean) take() (float64, bool) {
	v, ok := m.sum/float64(m.n), m.n > 0
	*m = mean{}
	return v, ok
}

// means averages a metric over repeats in a case and over cases in a base: one
// value for each base with one, in the order of their IDs.
func (set *rows) means(list []*row, metric int) (bases []string, values []float64) {
	var base, one mean
	for i, r := range list {
		if v := r.values[metric]; !math.IsNaN(v) && !r.failed {
			one.add(v)
		}
		last := i+1 == len(list)
		if last || list[i+1].caseNo != r.caseNo {
			if v, ok := one.take(); ok {
				base.add(v)
			}
		}
		if last || list[i+1].baseNo != r.baseNo {
			if v, ok := base.take(); ok {
				bases, values = append(bases, r.base), append(values, v)
			}
		}
	}
	return bases, values
}
