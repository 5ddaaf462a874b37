package evaluation

import (
	"cmp"
	"slices"

	"troly/internal/pipeline"
	"troly/internal/statistics"
)

// Stratum is a group of outcomes that are sampled at one rate.
type Stratum string

// The strata, in the order in which an outcome is looked up in them.
const (
	CriticalCheck Stratum = "critical_check" // a check of the answer failed
	NotContent    Stratum = "thumbs_down"
	NotAnswered   Stratum = "refusal"
	Undecided     Stratum = "low_gap" // the best document is hardly better than the next
	Ordinary      Stratum = "rest"
)

// Rates are the shares that are sampled of each stratum.
type Rates map[Stratum]float64

// DefaultRates look at everything that seems wrong and at one in fifty of the rest.
func DefaultRates() Rates {
	return Rates{CriticalCheck: 1, NotContent: 1, NotAnswered: 0.5, Undecided: 0.3, Ordinary: 0.02}
}

// lowGap is how near the second document may come to the first, as a share of its
// score, before the choice counts as undecided.
const lowGap = 0.1

// stratum returns the first stratum the outcome belongs to.
func (l *Live) stratum() Stratum {
	switch {
	case l.failedCheck():
		return CriticalCheck
	case l.down():
		return NotContent
	case l.Status == pipeline.Refused || l.Status == pipeline.Abstained:
		return NotAnswered
	case l.Status == pipeline.Answered && l.gap() < lowGap:
		return Undecided
	}
	return Ordinary
}

func (l *Live) failedCheck() bool {
	for _, result := range l.Checks {
		if result == "fail" {
			return true
		}
	}
	return false
}

// gap is the distance of the best document to the next one as a share of the best
// score; 1 when there is one document only.
func (l *Live) gap() float64 {
	if len(l.Retrieved) == 0 || l.Retrieved[0].Score <= 0 {
		return 1
	}
	first := l.Retrieved[0]
	for _, r := range l.Retrieved {
		if r.Document != first.Document {
			return (first.Score - r.Score) / first.Score
		}
	}
	return 1
}

// Sampling is the decision whether an outcome is looked at. Probability is its
// inclusion probability, by which estimates are weighted; it is kept with the
// outcome.
type Sampling struct {
	Sampled     bool    `json:"decision"`
	Reason      string  `json:"reason"` // evaluated, not_sampled or over_budget
	Stratum     Stratum `json:"stratum"`
	Rate        float64 `json:"rate"` // of the stratum, before the budget
	Probability float64 `json:"pi"`
}

// DrawSample decides on every outcome that has no decision yet: by the hash of its ID,
// salted with its stratum, so that it is the same on every machine. When more than
// budget would be looked at (0: no limit), all rates are lowered by one factor: that
// keeps the sample random and its probabilities known.
func DrawSample(outcomes []Live, rates Rates, budget int) {
	var open []*Live
	var places []float64 // how far the rates may fall before the outcome is left out
	for i := range outcomes {
		l := &outcomes[i]
		if l.Sampling != nil {
			continue
		}
		stratum := l.stratum()
		rate := rates[stratum]
		l.Sampling = &Sampling{Reason: "not_sampled", Stratum: stratum, Rate: rate, Probability: rate}
		if at := statistics.Fraction(string(stratum), l.ID); at < rate {
			l.Sampling.Sampled, l.Sampling.Reason = true, "evaluated"
			open, places = append(open, l), append(places, at/rate)
		}
	}
	if budget <= 0 || len(open) <= budget {
		return
	}
	factor := slices.Sorted(slices.Values(places))[budget]
	for i, l := range open {
		l.Sampling.Probability = l.Sampling.Rate * factor
		if places[i] >= factor {
			l.Sampling.Sampled, l.Sampling.Reason = false, "over_budget"
		}
	}
}

// sampled are the outcomes to look at, in order.
func sampled(outcomes []Live) []*Live {
	var list []*Live
	for i := range outcomes {
		if s := outcomes[i].Sampling; s != nil && s.Sampled {
			list = append(list, &outcomes[i])
		}
	}
	slices.SortStableFunc(list, func(a, b *Live) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return list
}
