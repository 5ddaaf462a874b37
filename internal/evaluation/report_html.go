package evaluation

import (
	"cmp"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"troly/internal/pipeline"
	"troly/internal/statistics"
)

//go:embed report.html.tmpl
var reportPage string

//go:embed report.css
var reportStyle string

// page is what the HTML report shows.
type page struct {
	*Report
	Style    template.CSS
	Finished string
	Versions [][2]string
	Headline []figure
	Groups   []figureGroup
	Robust   []robustFigure
	Slices   []sliceGroup
	Misses   []missFigure
	Latency  []latencyRow
	Wrong    []sampleView
	AllWrong int
	Flipped  []flipView

	AllFlipped int
}

// figure is one metric as a row with a bar.
type figure struct {
	Name string
	MetricSummary
	Bar    bar
	Change *MetricComparison
}

type figureGroup struct {
	Family  string
	Figures []figure
}

// bar places a mean and its interval on a scale of 100.
type bar struct{ At, From, Length, Low, Width, Zero float64 }

// tick is how wide the mark of a mean is drawn.
const tick = 0.8

// newBar scales by the range of the metric: truthfulness goes from -1 to 1.
func newBar(name string, mean float64, i *statistics.Interval) bar {
	least := 0.0
	if name == Truthfulness {
		least = -1
	}
	place := func(x float64) float64 { return 100 * (min(max(x, least), 1) - least) / (1 - least) }
	b := bar{At: min(place(mean), 100-tick), Zero: place(0)}
	b.Low, b.From, b.Length = b.At, min(b.Zero, b.At), max(b.Zero, b.At)-min(b.Zero, b.At)
	if i != nil {
		b.Low = place(i.Low)
		b.Width = place(i.High) - b.Low
	}
	return b
}

type robustFigure struct {
	Robustness
	Rows []variantRow
}

type variantRow struct {
	Variant Variant
	Value   float64
	Bar     bar
}

type sliceGroup struct {
	By   string
	Rows []sliceRow
}

type sliceRow struct {
	sliceFigure
	Bar bar
}

type missFigure struct {
	Miss  Miss
	N     int
	Share float64 // of 100
	Start float64
}

type latencyRow struct {
	Stage string
	Percentiles
}

type flipView struct {
	Flip
	Question string
}

// sampleView is one outcome with the places in its answer that matter.
type sampleView struct {
	*Sample
	Also     []Variant // other ways of typing that are not right either
	Case     *Case     // nil: the case is no longer known
	Parts    []part
	Facts    []factView
	Expected map[string]bool // documents that answer the question
}

// part is a stretch of an answer; Class is empty, fact, forbidden or uncited.
type part struct{ Class, Title, Text string }

type factView struct {
	FactResult
	Text string
}

// writeHTML writes the page: one file that loads nothing, in Vietnamese and English.
func (r *Report) writeHTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"t": bilingual, "metric": func(name string) template.HTML { return bilingual("m." + name) },
		"dec": func(x float64) string { return fmt.Sprintf("%.3f", x) }, "ms": func(x float64) string { return fmt.Sprintf("%.2f", x) },
		"signed": func(x float64) string { return fmt.Sprintf("%+.3f", x) }, "percent": func(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) },
		"interval": shownInterval, "reasons": reasons, "good": func(c *MetricComparison) string { return tendency(c) },
	}).Parse(reportPage)
	if err != nil {
		return err
	}
	p, err := r.page()
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

func (r *Report) page() (*page, error) {
	p := &page{Report: r, Style: template.CSS(reportStyle)}
	if !r.Manifest.Finished.IsZero() {
		p.Finished = r.Manifest.Finished.Format(time.DateTime) + " UTC"
	}
	for _, name := range slices.Sorted(maps.Keys(r.Manifest.Versions)) {
		p.Versions = append(p.Versions, [2]string{name, r.Manifest.Versions[name]})
	}
	p.figures()
	p.robustness()
	p.slices()
	p.misses()
	for _, stage := range stageNames {
		if l, ok := r.Summary.Latency[stage]; ok {
			p.Latency = append(p.Latency, latencyRow{stage, l})
		}
	}
	worst, all, err := r.failures(shownFailures)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool)
	for _, f := range worst {
		wanted[f.Case] = true
	}
	var flipped []Flip
	if r.Comparison != nil {
		p.AllFlipped = len(r.Comparison.Flipped)
		flipped = r.Comparison.Flipped[:min(shownFailures, p.AllFlipped)]
	}
	for _, f := range flipped {
		wanted[f.Case] = true
	}
	cases, err := r.casesNamed(wanted)
	if err != nil {
		return nil, err
	}
	for _, f := range flipped {
		v := flipView{Flip: f}
		if kase := cases[f.Case]; kase != nil {
			v.Question = kase.Question
		}
		p.Flipped = append(p.Flipped, v)
	}
	for _, f := range worst {
		p.Wrong = append(p.Wrong, f.view(cases[f.Case]))
	}
	p.AllWrong = all
	return p, nil
}

// figures groups the metrics by family, the headline ones apart.
func (p *page) figures() {
	changes := make(map[string]*MetricComparison)
	if p.Comparison != nil {
		for i := range p.Comparison.Metrics {
			changes[p.Comparison.Metrics[i].Metric] = &p.Comparison.Metrics[i]
		}
	}
	index := make(map[string]int)
	for _, m := range p.Summary.Metrics {
		known, _ := MetricNamed(m.Name)
		f := figure{m.Name, m, newBar(m.Name, m.Mean, m.Interval), changes[m.Name]}
		if slices.Contains(Headline(), m.Name) {
			p.Headline = append(p.Headline, f)
		}
		at, seen := index[known.Family]
		if !seen {
			at = len(p.Groups)
			index[known.Family] = at
			p.Groups = append(p.Groups, figureGroup{Family: known.Family})
		}
		p.Groups[at].Figures = append(p.Groups[at].Figures, f)
	}
}

func (p *page) robustness() {
	for _, r := range p.Summary.Robustness {
		f := robustFigure{Robustness: r}
		for _, v := range r.Variants {
			f.Rows = append(f.Rows, variantRow{v, r.ByName[v], newBar(r.Metric, r.ByName[v], nil)})
		}
		p.Robust = append(p.Robust, f)
	}
}

func (p *page) slices() {
	for _, by := range []string{"set", "variant", "intent", "collection", "audience", "difficulty"} {
		list := p.slicesOf(by, Pass)
		if len(list) < 2 {
			continue
		}
		group := sliceGroup{By: by}
		for _, f := range list {
			if f.SE == 0 { // all alike: a t interval would have no width
				wilson := statistics.Wilson(int(math.Round(f.Mean*float64(f.Clusters))), f.Clusters, statistics.Level)
				f.Interval = &wilson
			}
			group.Rows = append(group.Rows, sliceRow{f, newBar(Pass, f.Mean, f.Interval)})
		}
		p.Slices = append(p.Slices, group)
	}
}

func (p *page) misses() {
	total := 0
	for _, n := range p.Summary.Attribution {
		total += n
	}
	start := 0.0
	for _, m := range Misses() {
		if n := p.Summary.Attribution[m]; n > 0 {
			share := 100 * float64(n) / float64(total)
			p.Misses = append(p.Misses, missFigure{m, n, share, start})
			start += share
		}
	}
}

// view prepares one outcome for reading; the case is nil when it is no longer known.
func (f failure) view(c *Case) sampleView {
	s := f.Sample
	v := sampleView{Sample: s, Also: f.Also, Case: c, Parts: partsOf(s), Expected: make(map[string]bool)}
	facts := make(map[string]*Fact)
	if v.Case != nil {
		for i := range v.Case.KeyFacts {
			facts[v.Case.KeyFacts[i].ID] = &v.Case.KeyFacts[i]
		}
		for _, d := range v.Case.ExpectedDocs {
			v.Expected[d.Doc] = d.Grade >= relevant
		}
	}
	for _, f := range s.Facts {
		view := factView{FactResult: f}
		if fact := facts[f.ID]; fact != nil {
			view.Text = fact.words()
		}
		v.Facts = append(v.Facts, view)
	}
	return v
}

// Top are the first documents that were found, each once.
func (v sampleView) Top() []pipeline.Retrieved {
	var top []pipeline.Retrieved
	for _, r := range v.Retrieved {
		if !slices.ContainsFunc(top, func(t pipeline.Retrieved) bool { return t.Document == r.Document }) {
			top = append(top, r)
		}
	}
	return top[:min(5, len(top))]
}

// words says a fact in words for people: how the knowledge puts it, else its value,
// else how it may be said.
func (f *Fact) words() string {
	if len(f.Evidence) > 0 && f.Evidence[0].Quote != "" {
		return f.Evidence[0].Quote
	}
	if len(f.Value) > 0 {
		return valueWords(f.Type, strings.Trim(string(f.Value), `"`), f.Unit)
	}
	if len(f.AllOf) > 0 {
		return strings.Join(f.AllOf, " + ")
	}
	return strings.Join(f.AnyOf, " / ")
}

var writtenDuration = regexp.MustCompile(`^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?$`)

// valueWords writes a canonical value as people do; one it cannot read stays as it is.
func valueWords(kind, value, unit string) string {
	switch kind {
	case "money_vnd":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return grouped(n) + " đồng"
		}
	case "percent":
		return strings.ReplaceAll(value, ".", ",") + " %"
	case "date":
		if day, err := time.Parse(time.DateOnly, value); err == nil {
			return day.Format("02/01/2006")
		}
	case "working_days", "duration":
		units := []string{"năm", "tháng", "tuần", "ngày", "giờ", "phút"}
		if kind == "working_days" {
			units[3] = "ngày làm việc"
		}
		var words []string
		for i, n := range writtenDuration.FindStringSubmatch(value) {
			if i > 0 && n != "" {
				words = append(words, n+" "+units[i-1])
			}
		}
		if len(words) > 0 {
			return strings.Join(words, " ")
		}
	}
	return strings.TrimSpace(value + " " + unit)
}

// grouped writes a number with a dot between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "." + s[i:]
	}
	return s
}

// span is a marked stretch of bytes of an answer.
type span struct {
	start, end  int
	class, name string
}

// partsOf cuts an answer at what was found in it. Where marks overlap, a forbidden
// statement wins over a fact, and a fact over a sentence that lacks a citation.
func partsOf(s *Sample) []part {
	var spans []span
	for _, h := range s.Forbidden {
		spans = append(spans, span{h.Start, h.End, "forbidden", h.Kind})
	}
	for _, f := range s.Facts {
		if f.Support != None {
			spans = append(spans, span{f.Start, f.End, "fact", f.ID})
		}
	}
	for _, c := range s.Claims {
		if len(c.Right) == 0 {
			spans = append(spans, span{c.Start, c.End, "uncited", ""})
		}
	}
	return cutAt(s.Answer, spans)
}

// cutAt cuts a text at spans; earlier ones win, and ones outside the text are left
// out.
func cutAt(text string, spans []span) []part {
	owner := make([]int, len(text)) // of each byte: its span from 1, 0 for none
	for i := len(spans) - 1; i >= 0; i-- {
		s := spans[i]
		if s.start < 0 || s.end > len(text) || s.start >= s.end {
			continue
		}
		for at := s.start; at < s.end; at++ {
			owner[at] = i + 1
		}
	}
	var parts []part
	for start := 0; start < len(text); {
		end := start + 1
		for end < len(text) && owner[end] == owner[start] {
			end++
		}
		p := part{Text: text[start:end]}
		if o := owner[start]; o > 0 {
			p.Class, p.Title = spans[o-1].class, spans[o-1].name
		}
		parts = append(parts, p)
		start = end
	}
	return parts
}

// shownInterval cuts the interval to what the metric can be, for reading only.
func shownInterval(i *statistics.Interval) string {
	if i == nil {
		return ""
	}
	return statistics.Interval{Low: max(-1, i.Low), High: min(1, i.High)}.String()
}

// tendency says whether a change is more than chance: better, worse or same.
func tendency(c *MetricComparison) string {
	i := c.Improvement.Difference.Interval
	switch {
	case i == nil || cmp.Or(c.Adjusted, c.Improvement.P) > 1-statistics.Level:
		return "same"
	case c.Improvement.Difference.Mean > 0:
		return "better"
	}
	return "worse"
}
