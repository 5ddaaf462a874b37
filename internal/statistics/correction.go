package statistics

import "math"

// RoganGladen corrects a rate that a judge reports for the judge's errors, known
// from human labels: (p + TNR - 1)/(TPR + TNR - 1), cut to [0, 1]; clipped says that
// it was cut. ok is false for a judge no better than chance, TPR + TNR = 1.
func RoganGladen(p, tpr, tnr float64) (rate float64, clipped, ok bool) {
	if math.Abs(tpr+tnr-1) < 1e-12 {
		return 0, false, false
	}
	raw := (p + tnr - 1) / (tpr + tnr - 1)
	rate = min(max(raw, 0), 1)
	return rate, rate != raw, true
}

// Powered is a mean estimated from few human and many judged labels.
type Powered struct {
	Mean      float64  `json:"mean"`
	SE        float64  `json:"se"`
	Lambda    float64  `json:"lambda"` // how far the judge is relied on, 0 to 1
	Rectifier float64  `json:"rectifier"`
	Interval  Interval `json:"interval"`
}

// PredictionPowered is prediction-powered inference for a mean (Angelopoulos et al.
// 2023): human and judged are labels of the same items, unlabelled the judge's
// labels of all others. Each needs at least two values.
func PredictionPowered(human, judged, unlabelled []float64) Powered {
	return powered(human, judged, unlabelled, 1)
}

// PredictionPoweredTuned (PPI++) relies on the judge as far as it helps:
// lambda = cov(Y,F)/((1+n/N)·var(all F)), cut to [0, 1].
func PredictionPoweredTuned(human, judged, unlabelled []float64) Powered {
	all := append(append([]float64(nil), judged...), unlabelled...)
	lambda := 0.0
	if variance := covariance(all, all); variance > 0 {
		n := float64(len(human)) / float64(len(unlabelled))
		lambda = min(max(covariance(human, judged)/((1+n)*variance), 0), 1)
	}
	return powered(human, judged, unlabelled, lambda)
}

func powered(human, judged, unlabelled []float64, lambda float64) Powered {
	rest := make([]float64, len(human))
	for i := range human {
		rest[i] = human[i] - lambda*judged[i]
	}
	p := Powered{Lambda: lambda, Rectifier: average(rest), Mean: lambda*average(unlabelled) + average(rest)}
	p.SE = math.Sqrt(lambda*lambda*covariance(unlabelled, unlabelled)/float64(len(unlabelled)) + covariance(rest, rest)/float64(len(rest)))
	half := NormalQuantile((1+Level)/2) * p.SE
	p.Interval = Interval{p.Mean - half, p.Mean + half}
	return p
}

// Brier is the mean squared distance between forecast probabilities and what came
// true (0 or 1); 0 is best. NaN without forecasts.
func Brier(forecast, outcome []float64) float64 {
	sum := 0.0
	for i, p := range forecast {
		sum += (p - outcome[i]) * (p - outcome[i])
	}
	return sum / float64(len(forecast))
}

// CalibrationError is the expected calibration error over equal bins of forecast:
// the mean distance between forecast and frequency in a bin.
func CalibrationError(forecast, outcome []float64, bins int) float64 {
	gaps := make([]float64, bins)
	for i, p := range forecast {
		bin := min(int(p*float64(bins)), bins-1)
		gaps[bin] += p - outcome[i]
	}
	sum := 0.0
	for _, g := range gaps {
		sum += math.Abs(g)
	}
	return sum / float64(len(forecast))
}
