package evaluation

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/statistics"
	"troly/internal/vietnamese"
)

// LiveFigure is one metric of live outcomes.
type LiveFigure struct {
	Metric   string              `json:"metric"`
	Estimate statistics.Estimate `json:"estimate"` // weighted by inverse inclusion probability
	Naive    float64             `json:"naive"`    // plain mean of the sampled: biased, for comparison only
	Events   int                 `json:"events"`   // samples with a value above 0
}

// LiveReport is what live outcomes measure.
type LiveReport struct {
	Outcomes int                       `json:"outcomes"`
	Sampled  int                       `json:"sampled"`
	Strata   []StratumCount            `json:"strata"`
	Status   map[pipeline.Status]int   `json:"status"`   // of all outcomes
	Feedback map[string]int            `json:"feedback"` // of all outcomes: up and down
	Signals  map[string]int            `json:"signals"`  // implicit: rephrased, asked_a_human, left_after_question
	Figures  []LiveFigure              `json:"figures"`
	Channels map[string][]LiveFigure   `json:"channels,omitempty"`
	Unscored map[string]map[string]int `json:"unscored"` // metric -> reason -> samples
	Looked   []LiveSample              `json:"-"`
}

// StratumCount says how much of a stratum was looked at.
type StratumCount struct {
	Stratum  Stratum `json:"stratum"`
	Outcomes int     `json:"outcomes"`
	Sampled  int     `json:"sampled"`
}

// LiveSample is a sampled outcome with its metrics.
type LiveSample struct {
	*Live
	Metrics  map[string]float64
	Unscored map[string]string
}

// liveMetrics need no expected answer.
func liveMetrics() []string {
	names := []string{"answered", Declined, "clarified", "thumbs_down"}
	for _, m := range Metrics() {
		switch m.Family {
		case "grounding", familyCitations, familyForbidden, "privacy", familyForm:
			names = append(names, m.Name)
		}
	}
	return names
}

// ScoreLive measures the sampled outcomes by everything that needs no expected
// answer, by a model too if there is a judge (nil: none), and estimates the figures of
// all outcomes. Call DrawSample before. It ends early with the error of ctx.
func ScoreLive(ctx context.Context, outcomes []Live, scorer *Scorer, judge Judge) (*LiveReport, error) {
	r := &LiveReport{
		Outcomes: len(outcomes), Status: make(map[pipeline.Status]int), Feedback: make(map[string]int),
		Signals: signals(outcomes), Channels: make(map[string][]LiveFigure), Unscored: make(map[string]map[string]int),
	}
	strata := make(map[Stratum]*StratumCount)
	for i := range outcomes {
		l := &outcomes[i]
		r.Status[l.Status]++
		for _, f := range l.Feedback {
			r.Feedback[f.Value]++
		}
		if l.Sampling == nil {
			continue
		}
		s := strata[l.Sampling.Stratum]
		if s == nil {
			s = &StratumCount{Stratum: l.Sampling.Stratum}
			strata[l.Sampling.Stratum] = s
		}
		s.Outcomes++
		s.Sampled += int(indicator(l.Sampling.Sampled))
	}
	for _, name := range slices.Sorted(maps.Keys(strata)) {
		r.Strata = append(r.Strata, *strata[name])
	}
	byChannel := make(map[string][]LiveSample)
	for _, l := range sampled(outcomes) {
		s, err := scorer.live(ctx, l, judge)
		if err != nil {
			return nil, err
		}
		r.Looked = append(r.Looked, s)
		byChannel[l.Channel] = append(byChannel[l.Channel], s)
	}
	r.Sampled = len(r.Looked)
	r.Figures = r.figures(r.Looked)
	if len(byChannel) > 1 {
		for channel, samples := range byChannel {
			r.Channels[channel] = (&LiveReport{}).figures(samples)
		}
	}
	return r, nil
}

// live measures one outcome without a case to hold it against.
func (s *Scorer) live(ctx context.Context, l *Live, judge Judge) (LiveSample, error) {
	c := &Case{ID: l.ID, BaseID: l.ID, Question: l.Question, Channel: l.Channel, AsOf: corpus.Today(l.Time)}
	scored := s.Score(c, l.Outcome, true)
	sample := LiveSample{Live: l, Metrics: make(map[string]float64), Unscored: make(map[string]string)}
	for _, name := range liveMetrics() {
		m, _ := MetricNamed(name)
		if v, reason := scored.Value(m); reason == "" {
			sample.Metrics[name] = v
		} else {
			sample.Unscored[name] = reason
		}
	}
	for name, holds := range map[string]bool{"answered": l.Status == pipeline.Answered, "clarified": l.Status == pipeline.Clarify, "thumbs_down": l.down()} {
		delete(sample.Unscored, name)
		sample.Metrics[name] = indicator(holds)
	}
	if judge == nil {
		return sample, ctx.Err()
	}
	out, err := judge.Judge(ctx, JudgeInput{Case: c, Sample: &scored, Passages: s.passages(c, &l.Outcome)})
	if err != nil {
		return sample, fmt.Errorf("judge outcome %s: %w", l.ID, err)
	}
	maps.Copy(sample.Metrics, out.Metrics)
	maps.Copy(sample.Unscored, out.Unscored)
	return sample, ctx.Err()
}

// figures estimates each metric over all outcomes the samples stand for.
func (r *LiveReport) figures(samples []LiveSample) []LiveFigure {
	var list []LiveFigure
	for _, name := range append(liveMetrics(), judgeMetrics()...) {
		var values, probabilities []float64
		f := LiveFigure{Metric: name}
		for _, s := range samples {
			v, ok := s.Metrics[name]
			if reason := s.Unscored[name]; !ok && reason != "" {
				r.note(name, reason)
			}
			if !ok {
				continue
			}
			values, probabilities = append(values, v), append(probabilities, s.Sampling.Probability)
			f.Naive += v
			f.Events += int(indicator(v > 0))
		}
		if len(values) == 0 {
			continue
		}
		f.Naive /= float64(len(values))
		f.Estimate = statistics.Weighted(values, probabilities)
		list = append(list, f)
	}
	return list
}

func (r *LiveReport) note(metric, reason string) {
	if r.Unscored == nil {
		return // of a channel: the whole tells them
	}
	if r.Unscored[metric] == nil {
		r.Unscored[metric] = make(map[string]int)
	}
	r.Unscored[metric][reason]++
}

// soon is how quickly a question is asked again by somebody the answer did not help.
const soon = 2 * time.Minute

// signals counts what people do instead of saying that they are not content: they
// ask the same again in other words, ask for a human, or leave when asked back.
func signals(outcomes []Live) map[string]int {
	counts := map[string]int{"rephrased": 0, "asked_a_human": 0, "left_after_question": 0}
	dialogues := make(map[string][]*Live)
	for i := range outcomes {
		l := &outcomes[i]
		dialogues[l.Conversation] = append(dialogues[l.Conversation], l)
	}
	for _, turns := range dialogues {
		for i, l := range turns {
			last := i == len(turns)-1
			switch {
			case l.Status == pipeline.HandedOver:
				counts["asked_a_human"]++
			case l.Status == pipeline.Clarify && last:
				counts["left_after_question"]++
			}
			if !last && turns[i+1].Time.Sub(l.Time) <= soon && similarity(shingles(l.Question, 1), shingles(turns[i+1].Question, 1)) >= 0.5 {
				counts["rephrased"]++
			}
		}
	}
	return counts
}

// shingles are the runs of n neighbouring words of a text, without diacritics; a
// shorter text is one shingle.
func shingles(text string, n int) map[string]bool {
	var words []string
	for _, t := range vietnamese.Tokenize(nil, vietnamese.Normalize(text)) {
		words = append(words, t.Folded)
	}
	set := make(map[string]bool)
	for i := 0; i+n <= len(words); i++ {
		set[strings.Join(words[i:i+n], " ")] = true
	}
	if len(set) == 0 && len(words) > 0 {
		set[strings.Join(words, " ")] = true
	}
	return set
}

// similarity is the share of shingles that two texts have in common (Jaccard).
func similarity(a, b map[string]bool) float64 {
	common := 0
	for s := range a {
		if b[s] {
			common++
		}
	}
	return float64(common) / float64(max(1, len(a)+len(b)-common))
}

// Worst are the sampled outcomes that a person should look at first: failed checks,
// forbidden statements, people who were not content, refusals.
func (r *LiveReport) Worst(limit int) []LiveSample {
	order := []Stratum{CriticalCheck, NotContent, NotAnswered, Undecided, Ordinary}
	list := slices.Clone(r.Looked)
	slices.SortStableFunc(list, func(a, b LiveSample) int {
		return cmp.Or(cmp.Compare(b.Metrics["forbidden"], a.Metrics["forbidden"]), cmp.Compare(slices.Index(order, a.Sampling.Stratum), slices.Index(order, b.Sampling.Stratum)))
	})
	return list[:min(limit, len(list))]
}
