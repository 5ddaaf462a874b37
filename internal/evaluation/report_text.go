package evaluation

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"troly/internal/statistics"
)

// shownFailures is how many wrong outcomes a report tells of in full; samples.jsonl
// has all.
const shownFailures = 200

// failure is the worst outcome of a question that is not always right, and the
// other ways of typing it that are not right either.
type failure struct {
	*Sample
	Also []Variant
}

// failures are the questions whose outcomes are not right, the worst first: errors,
// forbidden statements, then what was said wrongly, not said and not found. At most
// limit are kept; all counts every wrong sample. Those of the test split are counted
// and not shown.
func (r *Report) failures(limit int) (worst []failure, all int, err error) {
	found := failing{limit: limit, byBase: make(map[string]*failingBase)}
	for s, err := range r.Samples {
		if err != nil {
			return nil, 0, err
		}
		if bad := badness(s); bad > 0 {
			all++
			if s.Split != testSplit {
				found.add(s, bad)
			}
		}
	}
	found.prune()
	for _, b := range found.held {
		worst = append(worst, failure{b.sample, b.also})
	}
	return worst, all, nil
}

// failing collects wrong outcomes by question. It holds the texts of the worst ones
// only, so that memory does not grow with the run.
type failing struct {
	limit  int
	byBase map[string]*failingBase
	held   []*failingBase // those with a sample
}

type failingBase struct {
	badness int
	id      string
	variant Variant
	also    []Variant
	sample  *Sample // nil: there are enough worse ones
}

func (f *failing) add(s *Sample, bad int) {
	b := f.byBase[s.BaseID]
	switch {
	case b == nil:
		b = &failingBase{}
		f.byBase[s.BaseID] = b
	case bad <= b.badness:
		b.also = append(b.also, s.Variant)
		return
	default:
		b.also = append(b.also, b.variant)
	}
	if b.sample == nil {
		f.held = append(f.held, b)
	}
	one := *s // s lies among others that were decoded with it, which need not be kept
	b.badness, b.id, b.variant, b.sample = bad, s.Case, s.Variant, &one
	if len(f.held) > 4*f.limit {
		f.prune()
	}
}

// prune lets go of all but the worst.
func (f *failing) prune() {
	slices.SortFunc(f.held, func(a, b *failingBase) int {
		return cmp.Or(cmp.Compare(b.badness, a.badness), cmp.Compare(a.id, b.id))
	})
	for _, b := range f.held[min(f.limit, len(f.held)):] {
		b.sample = nil
	}
	f.held = f.held[:min(f.limit, len(f.held))]
}

// badness says how bad a sample is; 0 is right.
func badness(s *Sample) int {
	critical := slices.ContainsFunc(s.Forbidden, func(h ForbiddenHit) bool { return h.Severity == "critical" })
	switch {
	case s.Error != "":
		return 10
	case critical:
		return 9
	case len(s.Forbidden) > 0:
		return 8
	case s.Missed == "":
		return 0
	}
	order := []Miss{NotInCorpus, NotCited, NotClarified, NotHandedOver, NotRetrieved, NotSaid, NotDeclined, SaidWrongly}
	return 1 + slices.Index(order, s.Missed)
}

// slicesOf returns the slices by one label for one metric, lowest first.
func (r *Report) slicesOf(by, metric string) []sliceFigure {
	var list []sliceFigure
	for _, s := range r.Summary.Slices {
		if s.By != by {
			continue
		}
		for _, m := range s.Metrics {
			if m.Name == metric && m.Scored > 0 {
				list = append(list, sliceFigure{s.Value, m})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b sliceFigure) int {
		return cmp.Or(cmp.Compare(a.Mean, b.Mean), cmp.Compare(a.Value, b.Value))
	})
	return list
}

type sliceFigure struct {
	Value string
	MetricSummary
}

// writeMarkdown writes the figures as tables for a pull request or a mail.
func (r *Report) writeMarkdown(w io.Writer) error {
	failures, all, err := r.failures(shownFailures / 4)
	if err != nil {
		return err
	}
	b := new(strings.Builder)
	s := r.Summary
	fmt.Fprintf(b, "# Evaluation %s\n\n%d samples of %d questions, %d errors, %d skipped, %d missing. %s\n", s.Run, s.Samples, s.Bases, s.Errors, s.Skipped, s.Missing, versionLine(r.Manifest.Versions))
	if usage := s.UsageLine(); usage != "" {
		fmt.Fprintf(b, "\n%s\n", usage)
	}
	if len(r.Verdicts) > 0 {
		b.WriteString("\n## Gates\n\n| result | gate | figure | n |\n|---|---|---|---|\n")
		for _, v := range r.Verdicts {
			fmt.Fprintf(b, "| %s | %s | %.3f %s %s | %d |\n", v.Result, v.ID, v.Value, markInterval(v.Interval), cell(v.Note), v.N)
		}
	}
	b.WriteString("\n## Metrics\n\n| metric | mean | 95 % interval | scored | not scored |\n|---|---|---|---|---|\n")
	for _, m := range s.Metrics {
		if m.Scored == 0 {
			fmt.Fprintf(b, "| %s | – | | 0 | %s |\n", m.Name, reasons(m.Unscored))
			continue
		}
		fmt.Fprintf(b, "| %s | %.3f | %s | %d | %s |\n", m.Name, m.Mean, markInterval(m.Interval), m.Scored, reasons(m.Unscored))
	}
	r.markComparison(b)
	for _, by := range []string{"variant", "intent", "collection", "audience", "difficulty"} {
		if list := r.slicesOf(by, Pass); len(list) > 1 {
			fmt.Fprintf(b, "\n## Right, by %s (lowest first)\n\n| %s | right | 95 %% interval | samples |\n|---|---|---|---|\n", by, by)
			for _, f := range list {
				fmt.Fprintf(b, "| %s | %.3f | %s | %d |\n", cell(f.Value), f.Mean, markInterval(f.Interval), f.Scored)
			}
		}
	}
	b.WriteString("\n## Where wrong ones were lost\n\n| stage | samples |\n|---|---|\n")
	for _, m := range Misses() {
		if n := s.Attribution[m]; n > 0 {
			fmt.Fprintf(b, "| %s | %d |\n", m, n)
		}
	}
	fmt.Fprintf(b, "\n## Wrong outcomes (%d, of the %d worst questions)\n\n", all, len(failures))
	for _, f := range failures {
		fmt.Fprintf(b, "- `%s` %s: %s (%s%s%s)\n", f.Case, cmp.Or(string(f.Missed), "error"), cell(f.Question), f.Status, forbiddenList(f.Forbidden), alsoList(f.Also))
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func (r *Report) markComparison(b *strings.Builder) {
	c := r.Comparison
	if c == nil {
		return
	}
	fmt.Fprintf(b, "\n## Against %s\n\n%d cases in both.", c.A, c.Pairs)
	if len(c.Drift) > 0 {
		fmt.Fprintf(b, " Other differences: %s.", strings.Join(c.Drift, "; "))
	}
	b.WriteString("\n\n| metric | before | now | improvement | p | better, same, worse |\n|---|---|---|---|---|---|\n")
	for _, m := range c.Metrics {
		i := m.Improvement
		fmt.Fprintf(b, "| %s | %.3f | %.3f | %+.3f %s | %.3f | %d, %d, %d |\n", m.Metric, m.MeanA, m.MeanB, i.Difference.Mean, markInterval(i.Difference.Interval), m.Adjusted, i.Wins, i.Ties, i.Losses)
	}
	for _, f := range c.Flipped {
		state := "now wrong"
		if f.Better {
			state = "now right"
		}
		fmt.Fprintf(b, "- `%s` %s%s\n", f.Case, state, parenthesis(string(f.MissedB)))
	}
	if c.TestBetter+c.TestWorse > 0 {
		fmt.Fprintf(b, "- of the test split, which is not shown: %d now right, %d now wrong\n", c.TestBetter, c.TestWorse)
	}
}

func parenthesis(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func forbiddenList(hits []ForbiddenHit) string {
	var b strings.Builder
	for _, h := range hits {
		fmt.Fprintf(&b, ", says %s", h.Kind)
	}
	return b.String()
}

func alsoList(variants []Variant) string {
	var b strings.Builder
	for _, v := range variants {
		fmt.Fprintf(&b, ", also %s", v)
	}
	return b.String()
}

func versionLine(versions map[string]string) string {
	var parts []string
	for _, name := range []string{"build", "knowledge", "prompts", "model", "embedder"} {
		if v := versions[name]; v != "" {
			parts = append(parts, name+" "+v)
		}
	}
	return strings.Join(parts, ", ")
}

func markInterval(i *statistics.Interval) string {
	if i == nil {
		return ""
	}
	return i.String()
}

// reasons lists why samples have no value, the commonest first.
func reasons(counts map[string]int) string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", counts[name], name)
	}
	return strings.Join(names, ", ")
}

// cell makes text safe inside a table.
func cell(s string) string {
	return strings.NewReplacer("\n", " ", "|", "\\|", "`", "'", "<", "&lt;").Replace(s)
}
