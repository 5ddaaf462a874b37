package statistics

import (
	"math"
	"slices"
	"sort"
)

// bootstrap returns the sorted means of seeded resamples of values, one value a
// cluster. No value gives none.
func bootstrap(values []float64, draws int, seed uint64) []float64 {
	n := len(values)
	if n == 0 {
		return nil
	}
	rng := NewRandom(seed)
	means := make([]float64, draws)
	for i := range means {
		sum := 0.0
		for range n {
			sum += values[rng.Below(n)]
		}
		means[i] = sum / float64(n)
	}
	slices.Sort(means)
	return means
}

// BootstrapClusters returns the sorted means of seeded resamples of whole clusters,
// each a list of dependent values.
func BootstrapClusters(clusters [][]float64, draws int, seed uint64) []float64 {
	n := len(clusters)
	if n == 0 {
		return nil
	}
	rng := NewRandom(seed)
	means := make([]float64, draws)
	for i := range means {
		sum, count := 0.0, 0
		for range n {
			c := clusters[rng.Below(n)]
			sum += sumOf(c)
			count += len(c)
		}
		means[i] = sum / float64(count)
	}
	slices.Sort(means)
	return means
}

// Distribution is a discrete distribution: rising values and the probability up to
// each of them.
type Distribution struct{ values, cumulative []float64 }

// NewDistribution weighs values; nil weights are equal ones. Values nearer than
// rounding errors are one.
func NewDistribution(values, weights []float64) Distribution {
	order := byValue(values)
	total := float64(len(values))
	if weights != nil {
		total = sumOf(weights)
	}
	var d Distribution
	below := 0.0
	for _, i := range order {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		below += w
		if last := len(d.values) - 1; last >= 0 && values[i]-d.values[last] < 1e-12 {
			d.cumulative[last] = below / total
			continue
		}
		d.values = append(d.values, values[i])
		d.cumulative = append(d.cumulative, below/total)
	}
	return d
}

// Quantile is the smallest value with at least probability p up to it.
func (d Distribution) Quantile(p float64) float64 {
	i := sort.Search(len(d.cumulative), func(i int) bool { return d.cumulative[i] >= p-1e-12 })
	return d.values[min(i, len(d.values)-1)]
}

// UpTo is the probability of values up to x.
func (d Distribution) UpTo(x float64) float64 {
	i := sort.Search(len(d.values), func(i int) bool { return d.values[i] > x+1e-12 })
	if i == 0 {
		return 0
	}
	return d.cumulative[i-1]
}

// BCa is the bias-corrected and accelerated bootstrap interval (Efron 1987) of the
// mean of values, read off the bootstrap distribution of that mean; ties count
// half in the bias. A distribution of one value gives that value.
func BCa(values []float64, means Distribution, level float64) Interval {
	if len(means.values) == 1 {
		return Interval{means.values[0], means.values[0]}
	}
	mean := average(values)
	bias, acceleration := means.bias(mean), accelerationOf(values, mean)
	bound := func(p float64) float64 { return means.Quantile(adjusted(p, bias, acceleration)) }
	return Interval{bound((1 - level) / 2), bound((1 + level) / 2)}
}

// adjusted is where BCa reads off the bound of level p.
func adjusted(p, bias, acceleration float64) float64 {
	z := bias + NormalQuantile(p)
	return normalCDF(bias + z/(1-acceleration*z))
}

// bias is z0: how far the observed value lies from the median, ties half.
func (d Distribution) bias(observed float64) float64 {
	upTo := d.UpTo(observed)
	below := d.UpTo(observed - 2e-12)
	return NormalQuantile(min(max((below+upTo)/2, 1e-9), 1-1e-9))
}

// accelerationOf is the skewness of the jackknife, which for a mean needs no
// leaving out.
func accelerationOf(values []float64, mean float64) float64 {
	cubes, squares := 0.0, 0.0
	for _, v := range values {
		d := v - mean
		cubes += d * d * d
		squares += d * d
	}
	if squares == 0 {
		return 0
	}
	return cubes / (6 * math.Pow(squares, 1.5))
}
