package statistics

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
)

// Fraction places an item evenly in [0, 1) by its ID: the first eight bytes of
// SHA-256 of "salt:id", big-endian, over 2^64. An item is sampled at a rate when its
// fraction is below the rate; another salt gives an independent sample.
func Fraction(salt, id string) float64 {
	sum := sha256.Sum256([]byte(salt + ":" + id))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53) // 53 bits: exact, and never 1
}

// Weighted estimates the mean over all items from items that were sampled with
// unequal probabilities, each from 0 (excluded) to 1 (included), by Hájek's ratio:
// every value counts 1/probability. The interval is normal, from the linearised
// variance Σ(w(x-mean))²/(Σw)², without finite-population correction.
func Weighted(values, probabilities []float64) Estimate {
	if len(values) == 0 {
		return Estimate{}
	}
	sum, weights := 0.0, 0.0
	for i, v := range values {
		sum += v / probabilities[i]
		weights += 1 / probabilities[i]
	}
	mean, square := sum/weights, 0.0
	for i, v := range values {
		d := (v - mean) / probabilities[i]
		square += d * d
	}
	e := Estimate{Mean: mean, N: len(values), Clusters: len(values)}
	if len(values) < 2 {
		return e
	}
	e.SE = math.Sqrt(square) / weights
	half := NormalQuantile((1+Level)/2) * e.SE
	e.Interval = &Interval{mean - half, mean + half}
	return e
}

// Abstention says how well a confidence tells good answers from bad ones: the area
// under the curve of the mean metric while ever more of the least sure answers are
// left out (rates 0 to 0.9), beside that of an oracle and of no order at all.
type Abstention struct {
	Area       float64 `json:"area"`
	Oracle     float64 `json:"oracle"`
	Flat       float64 `json:"flat"`
	Normalized float64 `json:"nauc"` // (Area-Flat)/(Oracle-Flat): 1 is perfect, 0 no better than chance
}

// NewAbstention computes the curve by MTEB's rule. ok is false when all metrics are
// equal: then nothing can be told apart.
func NewAbstention(confidence, metric []float64) (a Abstention, ok bool) {
	const rates = 10
	n := len(metric)
	if n == 0 {
		return a, false
	}
	curve := func(key []float64) (area, first float64) {
		order := byValue(key)
		var means [rates]float64
		for r := range means {
			left := min(int(math.RoundToEven(float64(r)/rates*float64(n))), n-1)
			sum := 0.0
			for _, i := range order[left:] {
				sum += metric[i]
			}
			means[r] = sum / float64(n-left)
		}
		for r := 1; r < rates; r++ {
			area += (means[r-1] + means[r]) / 2 / rates
		}
		return area, means[0]
	}
	var all float64
	a.Area, all = curve(confidence)
	a.Oracle, _ = curve(metric)
	a.Flat = all * (rates - 1) / rates
	if slices.Max(metric) == slices.Min(metric) {
		return a, false
	}
	a.Normalized = (a.Area - a.Flat) / (a.Oracle - a.Flat)
	return a, true
}
