package trec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Measure is one figure about a ranking, from 0 (worst) to 1.
type Measure struct {
	name    string
	cut     int // ranks looked at; 0 is all
	formula func(t topic, cut int) float64
}

// String is the name that ParseMeasure reads, "ndcg@10" say.
func (m Measure) String() string {
	if m.cut == 0 {
		return m.name
	}
	return m.name + "@" + strconv.Itoa(m.cut)
}

func (m Measure) of(t topic) float64 { return m.formula(t, m.cut) }

// Of measures a ranking, best first and each document once, against the grades of
// its query; grades from level up are relevant. Without a relevant document it is 0.
func (m Measure) Of(ranking []string, grades map[string]int, level int) float64 {
	return m.of(newTopic(ranking, grades, level))
}

// ParseMeasure reads a measure: ndcg (linear gain), ndcg_exp (2^grade-1), map, mrr,
// recall, precision, success, rprec, judged and hard_negative (shares of the ranks
// with any grade, and with a grade of 0 or less); precision, success, judged and
// hard_negative need a cut-off as in precision@5, the others may have one.
func ParseMeasure(s string) (Measure, error) {
	name, cut, hasCut := strings.Cut(s, "@")
	m := Measure{name: name}
	if hasCut {
		k, err := strconv.Atoi(cut)
		if err != nil || k < 1 {
			return m, fmt.Errorf("measure %q: the cut-off must be a number from 1", s)
		}
		m.cut = k
	}
	needsCut := false
	switch name {
	case "ndcg":
		m.formula = func(t topic, k int) float64 { return t.ndcg(k, linearGain) }
	case "ndcg_exp":
		m.formula = func(t topic, k int) float64 { return t.ndcg(k, exponentialGain) }
	case "map":
		m.formula = topic.averagePrecision
	case "mrr":
		m.formula = topic.reciprocalRank
	case "recall":
		m.formula = topic.recall
	case "rprec":
		m.formula = func(t topic, _ int) float64 { return t.precision(t.relevant) }
	case "precision":
		m.formula, needsCut = topic.precision, true
	case "success":
		m.formula, needsCut = topic.success, true
	case "judged":
		m.formula, needsCut = topic.judged, true
	case "hard_negative":
		m.formula, needsCut = topic.hardNegative, true
	default:
		return m, fmt.Errorf("unknown measure %q: write ndcg, ndcg_exp, map, mrr, recall, precision, success, rprec, judged or hard_negative, with @K", s)
	}
	if needsCut && !hasCut {
		return m, fmt.Errorf("measure %q needs a cut-off: write %s@10", s, s)
	}
	return m, nil
}

// ParseMeasures reads several.
func ParseMeasures(names ...string) ([]Measure, error) {
	measures := make([]Measure, len(names))
	for i, name := range names {
		m, err := ParseMeasure(name)
		if err != nil {
			return nil, err
		}
		measures[i] = m
	}
	return measures, nil
}

// topic is the ranking of one query beside its judgements.
type topic struct {
	ranking  []string
	grades   map[string]int
	level    int
	relevant int // documents that could be found
}

func newTopic(ranking []string, grades map[string]int, level int) topic {
	t := topic{ranking: ranking, grades: grades, level: level}
	for _, g := range grades {
		if g >= level {
			t.relevant++
		}
	}
	return t
}

// top are the first k documents; k = 0 means all.
func (t topic) top(k int) []string {
	if k == 0 {
		return t.ranking
	}
	return t.ranking[:min(k, len(t.ranking))]
}

// hit reports whether a document is relevant.
func (t topic) hit(document string) bool {
	grade, judged := t.grades[document]
	return judged && grade >= t.level
}

func (t topic) hits(k int) int {
	n := 0
	for _, d := range t.top(k) {
		if t.hit(d) {
			n++
		}
	}
	return n
}

// share is a/b, and 0 when there is nothing to share.
func share(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func (t topic) recall(k int) float64 { return share(t.hits(k), t.relevant) }

// precision divides by k even when fewer documents were found.
func (t topic) precision(k int) float64 {
	if k == 0 {
		return 0
	}
	return share(t.hits(k), k)
}

func (t topic) success(k int) float64 { return float64(min(1, t.hits(k))) }

func (t topic) reciprocalRank(k int) float64 {
	for i, d := range t.top(k) {
		if t.hit(d) {
			return 1 / float64(i+1)
		}
	}
	return 0
}

// averagePrecision divides by all relevant documents, found or not.
func (t topic) averagePrecision(k int) float64 {
	if t.relevant == 0 {
		return 0
	}
	sum, hits := 0.0, 0
	for i, d := range t.top(k) {
		if t.hit(d) {
			hits++
			sum += float64(hits) / float64(i+1)
		}
	}
	return sum / float64(t.relevant)
}

func linearGain(grade int) float64      { return float64(max(grade, 0)) }
func exponentialGain(grade int) float64 { return math.Exp2(linearGain(grade)) - 1 }

// ndcg is the discounted cumulative gain beside that of the ideal ranking of all
// judged documents (Järvelin and Kekäläinen 2002), discount log2(rank+1).
func (t topic) ndcg(k int, gain func(int) float64) float64 {
	ideal := make([]int, 0, len(t.grades))
	for _, g := range t.grades {
		ideal = append(ideal, g)
	}
	slices.SortFunc(ideal, func(a, b int) int { return b - a })
	if k > 0 {
		ideal = ideal[:min(k, len(ideal))]
	}
	top := t.top(k)
	found := make([]int, len(top))
	for i, d := range top {
		found[i] = t.grades[d]
	}
	best := dcg(ideal, gain)
	if best == 0 {
		return 0
	}
	return dcg(found, gain) / best
}

// dcg discounts the gain of each grade by its rank.
func dcg(grades []int, gain func(int) float64) float64 {
	sum := 0.0
	for i, g := range grades {
		sum += gain(g) / math.Log2(float64(i+2))
	}
	return sum
}

// judged is the share of the found documents that somebody graded: low means that
// the judgements are stale, not that the search is bad.
func (t topic) judged(k int) float64 {
	return t.count(k, func(_ int, judged bool) bool { return judged })
}

// hardNegative is the share of the first k that somebody judged useless.
func (t topic) hardNegative(k int) float64 {
	return t.count(k, func(grade int, judged bool) bool { return judged && grade <= 0 })
}

func (t topic) count(k int, want func(grade int, judged bool) bool) float64 {
	n := 0
	for _, d := range t.top(k) {
		if grade, judged := t.grades[d]; want(grade, judged) {
			n++
		}
	}
	return share(n, len(t.top(k)))
}
