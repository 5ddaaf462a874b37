package trec

import (
	"math"
	"strings"
	"testing"
)

// The case of hand-computed values: see the table in TestReferenceValues.
var qrels = Qrels{
	"q1": {"a": 2, "b": 1, "c": 0, "d": 3}, "q2": {"a": 0, "b": 1, "c": 0}, "q3": {"a": 1}, "q4": {"a": 1, "b": 1},
	"q5": {"a": 0}, "q7": {"a": 1, "b": 1, "c": 1, "d": 1},
}

var run = Run{
	"q1": {{"c", .5}, {"a", .9}, {"x", .8}, {"b", .6}, {"d", .7}},
	"q2": {{"b", 1}, {"c", 1}},
	"q3": {{"x", .9}, {"y", .8}},
	"q5": {{"a", .9}},
	"q6": {{"z", .9}},
	"q7": {{"a", .9}, {"b", .8}},
}

var names = []string{"precision@1", "precision@3", "precision@5", "recall@1", "recall@3", "recall@5", "mrr", "map", "map@3", "ndcg@1", "ndcg@3", "ndcg@5", "ndcg", "rprec"}

func measures(t *testing.T, names ...string) []Measure {
	t.Helper()
	m, err := ParseMeasures(names...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > 5.1e-7 {
		t.Errorf("%s = %.7f, want %.6f", name, got, want)
	}
}

// Values that trec_eval gives, to six decimals.
func TestReferenceValues(t *testing.T) {
	report, err := Evaluate(qrels, run, measures(t, names...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float64{
		"q1": {1, 0.666667, 0.6, 0.333333, 0.666667, 1, 1, 0.805556, 0.555556, 0.666667, 0.735007, 0.825450, 0.825450, 0.666667},
		"q2": {0, 0.333333, 0.2, 0, 1, 1, 0.5, 0.5, 0.5, 0, 0.630930, 0.630930, 0.630930, 0},
		"q3": make([]float64, len(names)), "q4": make([]float64, len(names)), "q5": make([]float64, len(names)),
		"q7": {1, 0.666667, 0.4, 0.25, 0.5, 0.5, 1, 0.5, 0.5, 1, 0.765361, 0.636682, 0.636682, 0.5},
	}
	if len(report.Queries) != len(want) {
		t.Fatalf("queries = %v, want the six judged ones", report.Queries)
	}
	for q, query := range report.Queries {
		for m, name := range names {
			near(t, query+" "+name, report.Values[m][q], want[query][m])
		}
	}
	complete := []float64{0.333333, 0.277778, 0.2, 0.097222, 0.361111, 0.416667, 0.416667, 0.300926, 0.259259, 0.277778, 0.355216, 0.348844, 0.348844, 0.194444}
	for m, name := range names {
		near(t, "mean "+name, report.Mean(m).Mean, complete[m])
	}
	for list, got := range map[string][]string{"q4": report.Missing, "q5": report.Empty, "q6": report.Ignored} {
		if strings.Join(got, " ") != list {
			t.Errorf("listed %v, want %s", got, list)
		}
	}
}

func TestIntersection(t *testing.T) {
	report, err := Evaluate(qrels, run, measures(t, names...), Options{Intersection: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{0.4, 0.333333, 0.24, 0.116667, 0.433333, 0.5, 0.5, 0.361111, 0.311111, 0.333333, 0.426259, 0.418612, 0.418612, 0.233333}
	for m, name := range names {
		near(t, "mean "+name, report.Mean(m).Mean, want[m])
	}
}

func TestLevelAndGain(t *testing.T) {
	ranking, err := Order(run["q1"])
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		level int
		want  float64
	}{
		{"map", 2, 0.833333}, {"mrr", 2, 1}, {"precision@3", 2, 0.666667}, {"recall@3", 2, 1}, {"ndcg@3", 2, 0.735007},
		{"ndcg_exp@3", 1, 0.692020}, {"ndcg_exp@5", 1, 0.737872},
		{"success@1", 3, 0}, {"success@3", 3, 1}, {"judged@3", 1, 0.666667}, {"hard_negative@5", 1, 0.2}, {"mrr@2", 3, 0},
	} {
		near(t, tt.name, measures(t, tt.name)[0].Of(ranking, qrels["q1"], tt.level), tt.want)
	}
}

// The parts of nDCG@3 of q1, and what other tools make of the same rankings: their
// rule for equal scores, and a precision that counts only what was retrieved.
func TestHandComputed(t *testing.T) {
	near(t, "DCG@3 of q1", dcg([]int{2, 0, 3}, linearGain), 3.5)
	near(t, "ideal DCG@3 of q1", dcg([]int{3, 2, 1}, linearGain), 4.761860)
	mrr, ap := measures(t, "mrr")[0], measures(t, "map")[0]
	near(t, "RR of q2 in the order of the file", mrr.Of([]string{"b", "c"}, qrels["q2"], 1), 1)
	found := map[string]int{"a": 1, "c": 1}
	near(t, "precision of what was retrieved", ap.Of([]string{"a", "b", "c"}, found, 1), 0.833333)
	found["missed"] = 1
	near(t, "average precision of the same", ap.Of([]string{"a", "b", "c"}, found, 1), 0.555556)
}

func TestNegativeGradeKeepsItsRank(t *testing.T) {
	grades := map[string]int{"a": -1, "b": 1}
	for name, want := range map[string]float64{"mrr": 0.5, "ndcg": 0.630930, "map": 0.5, "hard_negative@2": 0.5} {
		near(t, name, measures(t, name)[0].Of([]string{"a", "b"}, grades, 1), want)
	}
}

func TestOrderRefuses(t *testing.T) {
	for _, results := range [][]Result{{{"a", math.NaN()}}, {{"a", math.Inf(1)}}, {{"a", 1}, {"a", 2}}} {
		if ids, err := Order(results); err == nil {
			t.Errorf("Order(%v) = %v, want an error", results, ids)
		}
	}
	if ids, err := Order([]Result{{"a", 1}, {"c", 1}, {"b", 1}}); err != nil || strings.Join(ids, "") != "cba" {
		t.Errorf("equal scores: %v, %v, want c b a", ids, err)
	}
}

func TestParseMeasureRefuses(t *testing.T) {
	for _, name := range []string{"ndcg@0", "ndcg@-1", "ndcg@x", "precision", "bpref", ""} {
		if m, err := ParseMeasure(name); err == nil {
			t.Errorf("ParseMeasure(%q) = %v, want an error", name, m)
		}
	}
	for _, name := range names {
		if got := measures(t, name)[0].String(); got != name {
			t.Errorf("ParseMeasure(%q).String() = %q", name, got)
		}
	}
}
