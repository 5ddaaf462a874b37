package evaluation

import (
	"cmp"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"troly/internal/pipeline"
	"troly/internal/statistics"
)

// The scorecard is the public page on how well the assistant answers, in Vietnamese
// and in words anybody understands.

//go:embed scorecard.html.tmpl
var scorecardPage string

// mark is what became of a question, as the public page counts it.
type mark int

const (
	right    mark = iota
	partly        // some of the main points, nothing false
	wrong         // a main point is false, or all are missing
	declined      // it said that it does not know, or asked back
	marks
)

// markOf marks a question that should be answered.
func markOf(s *Sample) mark {
	ungrounded := s.Metrics[Truthfulness] < 0
	switch {
	case s.Metrics[Pass] == 1:
		return right
	case s.Metrics[Declined] == 1 || s.Status == pipeline.Clarify:
		return declined
	case s.serious() || ungrounded || s.Missed == SaidWrongly:
		return wrong
	case s.Metrics[FactRecall] > 0:
		return partly
	}
	return wrong
}

// tally counts the marks of a group of questions.
type tally struct {
	Name  string
	Count [marks]int
}

// N is the number of questions.
func (t tally) N() int { return t.Count[right] + t.Count[partly] + t.Count[wrong] + t.Count[declined] }

// Share is that of a mark, of 100.
func (t tally) Share(m int) float64 {
	if t.N() == 0 {
		return 0
	}
	return 100 * float64(t.Count[m]) / float64(t.N())
}

// Start is where the mark begins in a bar of 100.
func (t tally) Start(m int) float64 {
	sum := 0.0
	for i := range m {
		sum += t.Share(i)
	}
	return sum
}

// Range is the interval of the share of right ones, in whole percents.
func (t tally) Range() string {
	i := statistics.Wilson(t.Count[right], t.N(), statistics.Level)
	return fmt.Sprintf("%.0f–%.0f %%", 100*i.Low, 100*i.High)
}

// scorecard is what the page shows.
type scorecard struct {
	Day, Knowledge, Data string
	Plain                tally // questions to answer, typed properly
	Variants             []tally
	Topics               []tally
	Kinds                []tally
	Refuse, Refused      int // questions to decline, and those declined
	Errors               int
	Authored, Production int // where the questions come from
}

// Scorecard writes the public quality page of the run as one HTML file.
func (r *Report) Scorecard(name string) error {
	card, err := r.scorecard()
	if err != nil {
		return err
	}
	t, err := template.New("scorecard").Funcs(template.FuncMap{"pct": func(x float64) string { return strings.ReplaceAll(fmt.Sprintf("%.1f", x), ".", ",") + " %" }}).Parse(scorecardPage)
	if err != nil {
		return err
	}
	return writeWith(name, func(w io.Writer) error { return t.Execute(w, card) })
}

func (r *Report) scorecard() (*scorecard, error) {
	card := &scorecard{Knowledge: r.Manifest.Versions["knowledge"], Data: r.Manifest.Data, Day: r.Manifest.Started.Format("02/01/2006")}
	if card.Knowledge == "" || r.Manifest.Started.Equal(time.Time{}) {
		return nil, fmt.Errorf("scorecard: run %s does not say of which knowledge and day it is", r.Summary.Run)
	}
	production := make(map[string]bool)
	for c, err := range r.Cases {
		if err != nil {
			return nil, err
		}
		if c.Source != nil && c.Source.Kind == "production" {
			production[c.ID] = true
		}
	}
	variants, topics, kinds := newTallies(), newTallies(), newTallies()
	for s, err := range r.Samples {
		if err != nil {
			return nil, err
		}
		_, refuse := s.Metrics[RefusalRecall]
		_, scored := s.Metrics[Pass]
		switch {
		case s.Repeat > 0:
		case s.Error != "" || !scored:
			card.Errors++
		case refuse && s.Variant == Plain:
			card.Refuse++
			card.Refused += int(s.Metrics[RefusalRecall])
			card.countSource(production[s.Case])
		case refuse:
		default:
			m := markOf(s)
			variants.add("v."+string(s.Variant), m)
			if s.Variant == Plain {
				card.Plain.Count[m]++
				topics.add("g."+s.Collection, m)
				kinds.add("g."+s.Intent, m)
				card.countSource(production[s.Case])
			}
		}
	}
	card.Variants, card.Topics, card.Kinds = variants.list, topics.worstFirst(), kinds.worstFirst()
	return card, nil
}

// countSource counts questions that people really asked apart from made ones.
func (card *scorecard) countSource(production bool) {
	if production {
		card.Production++
		return
	}
	card.Authored++
}

// tallies are groups in the order in which they were met.
type tallies struct {
	list  []tally
	index map[string]int
}

func newTallies() *tallies { return &tallies{index: make(map[string]int)} }

func (t *tallies) add(key string, m mark) {
	at, ok := t.index[key]
	if !ok {
		at = len(t.list)
		t.index[key] = at
		name, _ := wordsFor(key)
		t.list = append(t.list, tally{Name: name})
	}
	t.list[at].Count[m]++
}

// worstFirst sorts by the share of right answers.
func (t *tallies) worstFirst() []tally {
	slices.SortStableFunc(t.list, func(a, b tally) int {
		return cmp.Or(cmp.Compare(a.Share(int(right)), b.Share(int(right))), strings.Compare(a.Name, b.Name))
	})
	return t.list
}
