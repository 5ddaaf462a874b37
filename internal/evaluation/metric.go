package evaluation

import (
	"fmt"
	"slices"
)

// Metric is one figure of a sample. All lie between 0 and 1 except truthfulness,
// which goes from -1.
type Metric struct {
	Name           string
	Family         string // metrics that are unscored for the same reason
	HigherIsBetter bool
}

// The metrics that code elsewhere asks for by name.
const (
	Pass          = "pass" // the outcome is right as a whole
	FirstRight    = "success@1"
	FactRecall    = "fact_recall_vital"
	FactStrict    = "fact_recall_vital_strict"
	Grounded      = "number_grounding"
	Declined      = "declined"
	FalseRefusal  = "false_refusal"
	RefusalRecall = "refusal_recall"
	CriticalAny   = "critical_any"
	RouterRight   = "router_accuracy"
	Truthfulness  = "truthfulness"
)

// Families of metrics.
const (
	familyRetrieval = "retrieval"
	familySection   = "section"
	familyFacts     = "facts"
	familyForbidden = "forbidden"
	familyCitations = "citations"
	familyDecision  = "decision"
	familyForm      = "form"
	familyOverall   = "overall"
)

// cuts are the ranks that rankings are cut at.
var cuts = [...]int{1, 3, 5, 10}

// Metrics are all deterministic metrics in the order of reports.
func Metrics() []Metric {
	list := []Metric{
		{Pass, familyOverall, true}, {Truthfulness, familyOverall, true},
		{FactRecall, familyFacts, true}, {FactStrict, familyFacts, true}, {"fact_recall_all", familyFacts, true},
		{"context_fact_recall", familyFacts, true}, {"fact_utilisation", familyFacts, true},
		{Grounded, "grounding", true},
		{"citation_format", familyCitations, true}, {"citation_precision_det", familyCitations, true}, {"citation_recall_det", familyCitations, true},
		{Declined, familyDecision, false}, {FalseRefusal, familyDecision, false}, {RefusalRecall, familyDecision, true},
		{"clarify_recall", familyDecision, true}, {"false_clarify", familyDecision, false}, {"handoff", familyDecision, true}, {"false_handoff", familyDecision, false},
		{RouterRight, familyDecision, true},
		{"forbidden", familyForbidden, false}, {CriticalAny, familyForbidden, false},
	}
	for _, kind := range forbiddenKinds {
		list = append(list, Metric{"forbidden_" + kind, familyForbidden, false})
	}
	list = append(list,
		Metric{"pii_echo", "privacy", false},
		Metric{"language_ok", familyForm, true}, Metric{"diacritics_ok", familyForm, true},
		Metric{"length_ok", familyForm, true}, Metric{"markup_ok", familyForm, true},
	)
	for _, level := range []struct{ prefix, family string }{{"", familyRetrieval}, {"section_", familySection}} {
		for _, name := range []string{"success", "recall", "precision", "ndcg", "judged", "hard_negative"} {
			for _, k := range cuts {
				list = append(list, Metric{fmt.Sprintf("%s%s@%d", level.prefix, name, k), level.family, name != "hard_negative"})
			}
		}
		list = append(list, Metric{level.prefix + "mrr", level.family, true}, Metric{level.prefix + "ap", level.family, true})
	}
	return list
}

// Headline are the metrics that a table on a terminal shows.
func Headline() []string {
	return []string{Pass, FirstRight, "mrr", FactRecall, Grounded, "citation_recall_det", Declined, Truthfulness}
}

// judgedFaults are the metrics of a judge of which less is better.
var judgedFaults = []string{"judge_contradicted", "judge_noise_relevant", "judge_noise_irrelevant", "judge_hallucination", "judge_self_knowledge"}

// MetricNamed finds a metric; a judge's metrics are not among these.
func MetricNamed(name string) (Metric, bool) {
	list := Metrics()
	i := slices.IndexFunc(list, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{Name: name, Family: "judge", HigherIsBetter: !slices.Contains(judgedFaults, name)}, false
	}
	return list[i], true
}

// Value returns a metric of the sample, or the reason why it has none.
func (s *Sample) Value(m Metric) (value float64, reason string) {
	if v, ok := s.Metrics[m.Name]; ok {
		return v, ""
	}
	if s.Error != "" {
		return 0, "error"
	}
	for _, name := range []string{m.Name, m.Family} {
		if reason, ok := s.Unscored[name]; ok {
			return 0, reason
		}
	}
	return 0, "not_measured"
}

// scores collects the metrics of one sample.
type scores struct {
	metrics  map[string]float64
	unscored map[string]string
}

func newScores() scores {
	return scores{metrics: make(map[string]float64), unscored: make(map[string]string)}
}

func (s scores) set(metric string, value float64) { s.metrics[metric] = value }

// is sets a metric to 1 or 0.
func (s scores) is(metric string, ok bool) { s.metrics[metric] = indicator(ok) }

// share sets a metric to part/whole, or leaves it unscored when there is no whole.
func (s scores) share(metric string, part, whole float64, reason string) {
	if whole == 0 {
		s.none(reason, metric)
		return
	}
	s.metrics[metric] = part / whole
}

// none leaves metrics or families unscored.
func (s scores) none(reason string, names ...string) {
	for _, name := range names {
		s.unscored[name] = reason
	}
}

func indicator(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}
