// Package statistics holds the formulas that evaluation judges figures by: means
// with clustered intervals, tests of paired differences, proportions, agreement
// between judges and estimates from unequal samples. All are pure functions of
// numbers, know nothing of questions or answers, and give the same result on every
// machine: random ones take a seed. Reference values are in the tests.
package statistics

import (
	"fmt"
	"math"
	"slices"
)

// Level is the confidence of the intervals in reports.
const Level = 0.95

// Interval is a confidence interval, bounds included.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// String prints the bounds to three decimals.
func (i Interval) String() string { return fmt.Sprintf("[%.3f, %.3f]", i.Low, i.High) }

// Estimate is a mean with what is known about its error.
type Estimate struct {
	Mean     float64   `json:"mean"`
	SE       float64   `json:"se"` // standard error; 0 when there is one cluster
	N        int       `json:"n"`
	Clusters int       `json:"clusters"`
	Interval *Interval `json:"interval,omitempty"` // nil when there are fewer than two clusters
}

// Mean averages values and gives the t interval of the mean at a level, say 0.95.
// Values of one cluster (the variants of one question, say) count as dependent:
// the standard error is sqrt(C/(C-1) · Σ_c(Σ_{i in c}(x_i-mean))²)/n with C-1 degrees
// of freedom (E. Miller, arXiv 2411.00640, with the finite-cluster factor). Without
// clusters (nil) each value is one of its own. No value gives the zero Estimate.
func Mean(values []float64, clusters []string, level float64) Estimate {
	n := len(values)
	if n == 0 {
		return Estimate{}
	}
	mean := average(values)
	sums := make([]float64, 0, n)
	index := make(map[string]int)
	for i, v := range values {
		at := len(sums)
		if clusters != nil {
			seen, ok := index[clusters[i]]
			if ok {
				sums[seen] += v - mean
				continue
			}
			index[clusters[i]] = at
		}
		sums = append(sums, v-mean)
	}
	return clustered(mean, sums, n, level)
}

// clustered is the estimate from the sums of deviations of each cluster.
func clustered(mean float64, sums []float64, n int, level float64) Estimate {
	e := Estimate{Mean: mean, N: n, Clusters: len(sums)}
	if e.Clusters < 2 {
		return e
	}
	square := 0.0
	for _, s := range sums {
		square += s * s
	}
	c := float64(e.Clusters)
	e.SE = math.Sqrt(c/(c-1)*square) / float64(n)
	half := tQuantile((1+level)/2, c-1) * e.SE
	e.Interval = &Interval{mean - half, mean + half}
	return e
}

func average(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// deviation is the sample standard deviation, with n-1; 0 for fewer than two values.
func deviation(values []float64) float64 { return math.Sqrt(covariance(values, values)) }

// covariance is the sample covariance, with n-1.
func covariance(x, y []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	mx, my, sum := average(x), average(y), 0.0
	for i := range x {
		sum += (x[i] - mx) * (y[i] - my)
	}
	return sum / float64(len(x)-1)
}

// quantile is the p-quantile of sorted values by linear interpolation (type 7 of
// Hyndman and Fan, the default of R and NumPy). No value gives NaN.
func quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := p * float64(len(sorted)-1)
	low := min(max(int(math.Floor(at)), 0), len(sorted)-1)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// NearestRank is the p-quantile as the smallest value that a share p of the values
// does not exceed, as latencies are reported. No value gives NaN.
func NearestRank(values []float64, p float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(max(int(math.Ceil(p*float64(len(sorted))))-1, 0), len(sorted)-1)]
}
