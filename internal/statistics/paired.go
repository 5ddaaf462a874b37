package statistics

import (
	"math"
	"math/bits"
	"slices"
)

// Comparison is what two systems asked the same questions differ by.
type Comparison struct {
	Difference Estimate `json:"difference"` // of the second minus the first
	P          float64  `json:"p"`          // two-sided, of the sign-flip test
	Exact      bool     `json:"exact"`      // P comes from all sign patterns, not from drawn ones
	Bootstrap  Interval `json:"bootstrap"`  // cross-check: percentiles of the cluster bootstrap
	Detectable float64  `json:"detectable"` // smallest true difference that this many clusters find 4 times in 5
	Wins       int      `json:"wins"`       // clusters in which the second is better
	Ties       int      `json:"ties"`
	Losses     int      `json:"losses"`
}

// draws of the seeded tests: enough that p = 0.05 is known to half a percent.
const draws = 10_000

// ComparePaired compares by the differences, one a cluster, of a metric where more
// is better. No difference at all gives p = 1.
func ComparePaired(differences []float64, seed uint64) Comparison {
	c := Comparison{Difference: Mean(differences, nil, Level)}
	c.P, c.Exact = signFlip(differences, seed)
	drawn := bootstrap(differences, draws, seed)
	c.Bootstrap = Interval{quantile(drawn, (1-Level)/2), quantile(drawn, (1+Level)/2)}
	c.Detectable = detectable(deviation(differences), len(differences))
	for _, d := range differences {
		switch {
		case d > 0:
			c.Wins++
		case d < 0:
			c.Losses++
		default:
			c.Ties++
		}
	}
	return c
}

// exactClusters is the most differences whose sign patterns are all tried: 2^20.
const exactClusters = 20

// signFlip is the two-sided p-value of the sign-flip (randomisation) test: how
// often the mean would be as far from 0 if the sign of every difference were
// chance. Up to 20 differences other than 0 it is exact, else from 10,000 seeded
// patterns as (r+1)/(B+1).
func signFlip(differences []float64, seed uint64) (p float64, exact bool) {
	d := slices.DeleteFunc(slices.Clone(differences), func(x float64) bool { return x == 0 })
	if len(d) <= exactClusters {
		return flipAll(d, func(sum, observed float64) bool { return math.Abs(sum) >= math.Abs(observed) }), true
	}
	return flipDrawn(d, seed), false
}

// SignFlipGreater is the exact one-sided p-value that the mean is above 0, for up to
// 20 differences other than 0; NaN for more.
func SignFlipGreater(differences []float64) float64 {
	d := slices.DeleteFunc(slices.Clone(differences), func(x float64) bool { return x == 0 })
	if len(d) > exactClusters {
		return math.NaN()
	}
	return flipAll(d, func(sum, observed float64) bool { return sum >= observed })
}

// flipAll is the share of all sign patterns whose sum is as extreme as the observed
// one. Patterns follow a Gray code: one sign changes at a time.
func flipAll(d []float64, extreme func(sum, observed float64) bool) float64 {
	total := sumOf(d)
	slack := rounding(d)
	observed := total - math.Copysign(slack, total)
	signs := slices.Clone(d)
	sum, hits := total, 0
	for i := uint(1); ; i++ {
		if extreme(sum, observed) {
			hits++
		}
		if i == 1<<len(d) {
			return float64(hits) / float64(i)
		}
		bit := bits.TrailingZeros(i)
		signs[bit] = -signs[bit]
		sum += 2 * signs[bit]
	}
}

// flipDrawn tries drawn patterns: the lowest bit of each draw is one sign.
func flipDrawn(d []float64, seed uint64) float64 {
	observed := math.Abs(sumOf(d)) - rounding(d)
	rng := NewRandom(seed)
	hits := 0
	for range draws {
		sum := 0.0
		for _, x := range d {
			if rng.next()&1 == 0 {
				x = -x
			}
			sum += x
		}
		if math.Abs(sum) >= observed {
			hits++
		}
	}
	return float64(hits+1) / float64(draws+1)
}

func sumOf(d []float64) float64 {
	sum := 0.0
	for _, x := range d {
		sum += x
	}
	return sum
}

// rounding bounds the error of sums of d, so that equal sums compare as equal.
func rounding(d []float64) float64 {
	size := 0.0
	for _, x := range d {
		size += math.Abs(x)
	}
	return 1e-9 * size
}

// Holm adjusts the p-values of one family so that the chance of any false alarm
// stays below the level they are compared with; order is kept.
func Holm(p []float64) []float64 {
	adjusted := make([]float64, len(p))
	highest := 0.0
	for rank, at := range byValue(p) {
		highest = max(highest, min(1, float64(len(p)-rank)*p[at]))
		adjusted[at] = highest
	}
	return adjusted
}

// BenjaminiHochberg adjusts p-values so that the expected share of false alarms
// among the findings stays below the level; for exploring slices.
func BenjaminiHochberg(p []float64) []float64 {
	adjusted := make([]float64, len(p))
	lowest := 1.0
	order := byValue(p)
	for rank := len(p) - 1; rank >= 0; rank-- {
		at := order[rank]
		lowest = min(lowest, p[at]*float64(len(p))/float64(rank+1))
		adjusted[at] = lowest
	}
	return adjusted
}

// byValue are the positions of p by rising value.
func byValue(p []float64) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	return order
}

// reach is how many standard errors a difference must be to be found at 5 % with
// 80 % power: z(0.975) + z(0.8).
const reach = 1.959964 + 0.841621

// detectable is the smallest true mean difference that n clusters with this
// standard deviation of differences find with 80 % power; +Inf for n = 0.
func detectable(deviation float64, n int) float64 { return reach * deviation / math.Sqrt(float64(n)) }

// SampleSize is how many clusters it takes to find a difference with 80 % power.
func SampleSize(difference, deviation float64) int {
	return int(math.Ceil(math.Pow(reach*deviation/difference, 2)))
}

// NoiseFloor is the width of the central 95 % of the difference that an unchanged
// system shows between two runs: scores[i] are the repeated scores of case i. A
// margin below it cannot be judged. Cases with one score count as steady.
func NoiseFloor(scores [][]float64) float64 {
	if len(scores) == 0 {
		return 0
	}
	variance := 0.0
	for _, repeats := range scores {
		variance += covariance(repeats, repeats)
	}
	n := float64(len(scores))
	return 2 * NormalQuantile((1+Level)/2) * math.Sqrt(2*variance) / n
}
