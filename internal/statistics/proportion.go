package statistics

import "math"

// Wilson is the score interval of k successes in n trials, which stays sensible at
// 0 and n. No trial gives [0, 1].
func Wilson(k, n int, level float64) Interval {
	if n == 0 {
		return Interval{0, 1}
	}
	z := NormalQuantile((1 + level) / 2)
	p, trials := float64(k)/float64(n), float64(n)
	centre := (p + z*z/(2*trials)) / (1 + z*z/trials)
	half := z / (1 + z*z/trials) * math.Sqrt(p*(1-p)/trials+z*z/(4*trials*trials))
	return Interval{max(0, centre-half), min(1, centre+half)}
}

// ClopperPearson is the exact interval of k successes in n trials: never too
// narrow. No trial gives [0, 1].
func ClopperPearson(k, n int, level float64) Interval {
	tail := (1 - level) / 2
	i := Interval{0, 1}
	if k > 0 {
		i.Low = betaQuantile(tail, float64(k), float64(n-k+1))
	}
	if k < n {
		i.High = betaQuantile(1-tail, float64(k+1), float64(n-k))
	}
	return i
}

// UpperBound is the exact one-sided upper bound of a rate of which k events were
// seen in n trials: for k = 0 it is 1-(1-level)^(1/n). No trial gives 1.
func UpperBound(k, n int, level float64) float64 {
	if k >= n {
		return 1
	}
	return betaQuantile(level, float64(k+1), float64(n-k))
}

// McNemar are the p-values for b cases that only the first system got right and c
// that only the second did.
type McNemar struct {
	Exact     float64 `json:"exact"`
	MidP      float64 `json:"mid_p"`      // the exact test, less conservative
	Corrected float64 `json:"chi_square"` // with continuity correction, one degree of freedom
}

// NewMcNemar tests whether b and c differ by more than chance.
func NewMcNemar(b, c int) McNemar {
	n := b + c
	if n == 0 {
		return McNemar{Exact: 1, MidP: 1}
	}
	point := func(k int) float64 { return math.Exp(logChoose(n, k) - float64(n)*math.Ln2) }
	tail := 0.0
	for k := 0; k <= min(b, c); k++ {
		tail += point(k)
	}
	distance := max(0, math.Abs(float64(b-c))-1)
	return McNemar{
		Exact:     min(1, 2*tail),
		MidP:      min(1, 2*tail-point(min(b, c))),
		Corrected: distance * distance / float64(n),
	}
}

// PassAt is the chance that at least one of k answers is right, when right of n
// were; NaN when k is not from 1 to n (Chen et al. 2021, unbiased).
func PassAt(k, right, n int) float64 {
	if k < 1 || k > n {
		return math.NaN()
	}
	if n-right < k {
		return 1
	}
	return 1 - math.Exp(logChoose(n-right, k)-logChoose(n, k))
}

// PassAll is the chance that all of k answers are right (pass^k).
func PassAll(k, right, n int) float64 {
	switch {
	case k < 1 || k > n:
		return math.NaN()
	case right < k:
		return 0
	}
	return math.Exp(logChoose(right, k) - logChoose(n, k))
}
