package statistics

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// near checks a figure against its reference value to six decimals.
func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > 5.1e-7 {
		t.Errorf("%s = %.7f, want %.6f", name, got, want)
	}
}

func interval(t *testing.T, name string, got Interval, low, high float64) {
	t.Helper()
	near(t, name+" low", got.Low, low)
	near(t, name+" high", got.High, high)
}

var (
	systemA     = []float64{1, 1, 0, 1, .5, 0, 1, .75}
	systemB     = []float64{1, .5, 0, 0, .5, .25, .5, .5}
	differences = []float64{0, .5, 0, 1, 0, -.25, .5, .25}
)

func TestPairedComparison(t *testing.T) {
	a := Mean(systemA, nil, 0.95)
	near(t, "mean A", a.Mean, 0.656250)
	near(t, "s of A", deviation(systemA), 0.441942)
	near(t, "SE of A", a.SE, 0.156250)
	interval(t, "A", *a.Interval, 0.286777, 1.025723)
	near(t, "t(.975, 7)", tQuantile(.975, 7), 2.364624)
	b := Mean(systemB, nil, 0.95)
	near(t, "mean B", b.Mean, 0.406250)
	near(t, "SE of an unpaired difference", math.Hypot(a.SE, b.SE), 0.194081)

	d := Mean(differences, nil, 0.95)
	near(t, "mean d", d.Mean, 0.25)
	near(t, "s of d", deviation(differences), 0.400892)
	near(t, "SE of d", d.SE, 0.141737)
	interval(t, "d", *d.Interval, -0.085154, 0.585154)
	tValue := d.Mean / d.SE
	near(t, "t", tValue, 1.763834)
	near(t, "p", 2*(1-TCDF(tValue, 7)), 0.121122)

	p, exact := signFlip(differences, 1)
	near(t, "sign flip", p, 0.1875)
	if !exact {
		t.Error("sign flip of 5 differences is not exact")
	}
	near(t, "one-sided sign flip", SignFlipGreater(differences), 0.09375)

	c := ComparePaired(differences, 42)
	interval(t, "bootstrap", c.Bootstrap, 0, 0.531250)
	if c.Wins != 4 || c.Losses != 1 || c.Ties != 3 {
		t.Errorf("wins, ties, losses = %d, %d, %d, want 4, 3, 1", c.Wins, c.Ties, c.Losses)
	}
}

func TestSignFlipOfNothingAndOfMany(t *testing.T) {
	if p, exact := signFlip([]float64{0, 0}, 1); p != 1 || !exact {
		t.Errorf("signFlip of no difference = %v, %v, want 1, true", p, exact)
	}
	many := make([]float64, 60)
	for i := range many {
		many[i] = 0.1
	}
	if p, exact := signFlip(many, 1); exact || p != 1/float64(draws+1) {
		t.Errorf("signFlip of 60 equal differences = %v, %v, want %v, false", p, exact, 1/float64(draws+1))
	}
	for i := range many {
		many[i] = 0.3 * float64(1-2*(i%2))
	}
	if p, _ := signFlip(many, 1); p < 0.5 {
		t.Errorf("signFlip of balanced differences = %v, want near 1", p)
	}
}

// exactBootstrap is the distribution of the mean over all n^n resamples.
func exactBootstrap(values []float64) Distribution {
	sums := map[float64]float64{0: 1}
	for range values {
		next := make(map[float64]float64)
		for sum, w := range sums {
			for _, v := range values {
				next[math.Round((sum+v)*1e6)/1e6] += w
			}
		}
		sums = next
	}
	var means, weights []float64
	for sum, w := range sums {
		means = append(means, sum/float64(len(values)))
		weights = append(weights, w)
	}
	return NewDistribution(means, weights)
}

func (d Distribution) moments() (mean, deviation float64) {
	square, before := 0.0, 0.0
	for i, v := range d.values {
		mean += v * (d.cumulative[i] - before)
		before = d.cumulative[i]
	}
	before = 0
	for i, v := range d.values {
		square += (v - mean) * (v - mean) * (d.cumulative[i] - before)
		before = d.cumulative[i]
	}
	return mean, math.Sqrt(square)
}

func TestExactBootstrap(t *testing.T) {
	for _, tt := range []struct {
		values                   []float64
		mean, sd, low, high, pr0 float64
	}{
		{differences, 0.25, 0.132583, 0, 0.531250, 0.029535},
		{[]float64{0, 0, 1, 1}, 0.5, 0.25, 0, 1, 0.0625},
		{[]float64{.2, .5, .5, 1}, 0.55, 0.143614, 0.275, 0.875, 0},
	} {
		d := exactBootstrap(tt.values)
		mean, deviation := d.moments()
		near(t, "mean", mean, tt.mean)
		near(t, "sd", deviation, tt.sd)
		near(t, "2.5 %", d.Quantile(.025), tt.low)
		near(t, "97.5 %", d.Quantile(.975), tt.high)
		near(t, "P(mean <= 0)", d.UpTo(0), tt.pr0)
	}
	d := exactBootstrap(differences)
	z0, a := d.bias(0.25), accelerationOf(differences, 0.25)
	near(t, "z0", z0, 0.039793)
	near(t, "a", a, 0.039284)
	near(t, "adjusted 2.5 %", adjusted(.025, z0, a), 0.040432)
	near(t, "adjusted 97.5 %", adjusted(.975, z0, a), 0.986449)
	interval(t, "BCa", BCa(differences, d, 0.95), 0.031250, 0.562500)
}

func TestRandom(t *testing.T) {
	for seed, want := range map[uint64][]uint64{
		1234567: {6457827717110365317, 3203168211198807973, 9817491932198370423},
		42:      {13679457532755275413, 2949826092126892291, 5139283748462763858},
	} {
		rng := NewRandom(seed)
		for i, w := range want {
			if got := rng.next(); got != w {
				t.Errorf("seed %d, output %d = %d, want %d", seed, i, got, w)
			}
		}
	}
	rng := NewRandom(42)
	var got []int
	for range 8 {
		got = append(got, rng.Below(8))
	}
	if want := []int{5, 1, 2, 2, 0, 6, 1, 6}; !slices.Equal(got, want) {
		t.Errorf("indexes = %v, want %v", got, want)
	}
}

func TestSeededBootstrap(t *testing.T) {
	for _, tt := range []struct {
		draws           int
		mean, low, high float64
	}{{1000, 0.249344, 0, 0.5}, {10000, 0.248856, 0, 0.53125}} {
		means := bootstrap(differences, tt.draws, 42)
		near(t, "mean of means", average(means), tt.mean)
		near(t, "2.5 %", quantile(means, .025), tt.low)
		near(t, "97.5 %", quantile(means, .975), tt.high)
	}
	single := make([][]float64, len(differences))
	for i, d := range differences {
		single[i] = []float64{d}
	}
	if got, want := BootstrapClusters(single, 1000, 42), bootstrap(differences, 1000, 42); !slices.Equal(got, want) {
		t.Error("clusters of one value resample differently from values")
	}
}

func TestClusters(t *testing.T) {
	for _, tt := range []struct {
		values                                      []float64
		clusters                                    string
		mean, naive, clustered_, ratio, uncorrected float64
	}{
		{[]float64{1, 1, 1, 0, 0, 0, 1, 1, 0, 0}, "AAABBBCCDD", 0.5, 0.166667, 0.294392, 1.766352, 0.254951},
		{[]float64{1, 1, 0, 1, 0, 0, 1, 1, 1, 0}, "AAABBCCDDD", 0.6, 0.163299, 0.046188, 0.282843, 0.040000},
	} {
		e := Mean(tt.values, strings.Split(tt.clusters, ""), 0.95)
		near(t, "mean", e.Mean, tt.mean)
		near(t, "clustered SE", e.SE, tt.clustered_)
		near(t, "clustered SE without C/(C-1)", e.SE*math.Sqrt(3.0/4), tt.uncorrected)
		naive := Mean(tt.values, nil, 0.95).SE
		near(t, "naive SE", naive, tt.naive)
		near(t, "clustered beside naive SE", e.SE/naive, tt.ratio)
		half := 3.182446 * e.SE
		if math.Abs(e.Interval.High-e.Mean-half) > 1e-6 || e.Clusters != 4 {
			t.Errorf("interval %v of %d clusters, want half width %.6f of 4", e.Interval, e.Clusters, half)
		}
	}
	if e := Mean([]float64{1, 0}, []string{"a", "a"}, 0.95); e.Interval != nil || e.Mean != 0.5 {
		t.Errorf("one cluster: %+v, want a mean without interval", e)
	}
	if e := Mean(nil, nil, 0.95); e != (Estimate{}) {
		t.Errorf("no values: %+v, want nothing", e)
	}
}

func TestProportions(t *testing.T) {
	for _, tt := range []struct {
		k, n      int
		low, high float64
	}{
		{0, 10, 0, 0.277533}, {9, 10, 0.595850, 0.982124}, {10, 10, 0.722467, 1}, {45, 50, 0.786398, 0.956524},
		{180, 200, 0.850594, 0.934330}, {0, 30, 0, 0.113513},
	} {
		interval(t, "Wilson", Wilson(tt.k, tt.n, 0.95), tt.low, tt.high)
	}
	interval(t, "Clopper-Pearson 9/10", ClopperPearson(9, 10, 0.95), 0.554984, 0.997471)
	interval(t, "Clopper-Pearson 45/50", ClopperPearson(45, 50, 0.95), 0.781865, 0.966725)
	interval(t, "Clopper-Pearson 0/30", ClopperPearson(0, 30, 0.95), 0, 0.115703)
	for n, want := range map[int]float64{30: 0.095034, 100: 0.029513, 300: 0.009936} {
		near(t, "upper bound", UpperBound(0, n, 0.95), want)
	}
	if got := ClopperPearson(0, 0, 0.95); got != (Interval{0, 1}) || Wilson(0, 0, 0.95) != got || UpperBound(0, 0, 0.95) != 1 {
		t.Errorf("no trial: %v, want [0, 1]", got)
	}
	m := NewMcNemar(1, 6)
	near(t, "McNemar exact", m.Exact, 0.125)
	near(t, "McNemar mid-p", m.MidP, 0.0703125)
	near(t, "McNemar chi square", m.Corrected, 2.285714)
	if m := NewMcNemar(0, 0); m.Exact != 1 || m.MidP != 1 {
		t.Errorf("McNemar of no change = %+v, want 1", m)
	}
}

func TestMultiplicityAndPower(t *testing.T) {
	p := []float64{.01, .04, .03, .005}
	for i, want := range []float64{.03, .06, .06, .02} {
		near(t, "Holm", Holm(p)[i], want)
	}
	for i, want := range []float64{.02, .04, .04, .02} {
		near(t, "Benjamini-Hochberg", BenjaminiHochberg(p)[i], want)
	}
	if n := SampleSize(0.03, 0.3); n != 785 {
		t.Errorf("SampleSize(0.03, 0.3) = %d, want 785", n)
	}
	for n, want := range map[int]float64{100: 0.084, 200: 0.059, 300: 0.049, 800: 0.030} {
		if got := detectable(0.3, n); math.Abs(got-want) > 5e-4 {
			t.Errorf("Detectable(0.3, %d) = %.4f, want %.3f", n, got, want)
		}
	}
	for k, want := range [][2]float64{{.6, .6}, {.9, .3}, {1, .1}} {
		near(t, "pass@k", PassAt(k+1, 3, 5), want[0])
		near(t, "pass^k", PassAll(k+1, 3, 5), want[1])
	}
	if got := PassAt(6, 3, 5); !math.IsNaN(got) {
		t.Errorf("pass@6 of 5 = %v, want NaN", got)
	}
	if got := NoiseFloor([][]float64{{1, 1, 1}, {0, 0, 0}}); got != 0 {
		t.Errorf("noise floor of a steady system = %v, want 0", got)
	}
	// Two cases, each with variance 0.5: sd of a difference sqrt(2·1)/2, twice 1.959964 of it.
	near(t, "noise floor", NoiseFloor([][]float64{{0, 1}, {1, 0}}), 2*1.959964*math.Sqrt(2)/2)
}

func TestAgreement(t *testing.T) {
	for _, tt := range []struct {
		table          Table
		po, pe, kappa  float64
		ac1, alpha     float64
		kappaUndefined bool
	}{
		{Table{{20, 5}, {10, 15}}, 0.7, 0.5, 0.4, 0.405941, 0.4, false},
		{Table{{90, 5}, {5, 0}}, 0.9, 0.905, -0.052632, 0.889503, -0.047368, false},
		{Table{{50, 0}, {0, 0}}, 1, 1, 0, 1, 1, true},
		{Table{{10, 0}, {0, 10}}, 1, 0.5, 1, 1, 1, false},
		{Table{{11, 3, 1}, {2, 8, 4}, {0, 3, 8}}, 0.675, 0.333750, 0.512195, 0.513109, 0.517387, false},
	} {
		near(t, "observed", tt.table.Observed(), tt.po)
		near(t, "expected by chance", tt.table.chance(), tt.pe)
		kappa, ok := tt.table.Kappa()
		near(t, "kappa", kappa, tt.kappa)
		if ok == tt.kappaUndefined {
			t.Errorf("kappa of %v defined: %v, want %v", tt.table, ok, !tt.kappaUndefined)
		}
		ac1, _ := tt.table.AC1()
		near(t, "AC1", ac1, tt.ac1)
		alpha, _ := tt.table.Alpha()
		near(t, "alpha", alpha, tt.alpha)
	}
	ordered := Table{{11, 3, 1}, {2, 8, 4}, {0, 3, 8}}
	l, _ := ordered.LinearKappa()
	near(t, "linear kappa", l, 0.601140)
	q, _ := ordered.QuadraticKappa()
	near(t, "quadratic kappa", q, 0.692308)
	near(t, "SE of kappa", Table{{20, 5}, {10, 15}}.KappaSE(), 0.129615)
	if _, ok := (Table{{0, 0}, {0, 0}}).Kappa(); ok {
		t.Error("kappa of no item is defined")
	}
}

func TestJudgeCorrection(t *testing.T) {
	for _, tt := range [][4]float64{{.773, 1, .75, 0.697333}, {.82, .95, .80, 0.826667}} {
		rate, clipped, ok := RoganGladen(tt[0], tt[1], tt[2])
		near(t, "Rogan-Gladen", rate, tt[3])
		if clipped || !ok {
			t.Errorf("Rogan-Gladen of %v: clipped %v, ok %v", tt, clipped, ok)
		}
	}
	if _, _, ok := RoganGladen(.5, .5, .5); ok {
		t.Error("Rogan-Gladen of a coin is defined")
	}
	if rate, clipped, _ := RoganGladen(.1, .9, .8); rate != 0 || !clipped {
		t.Errorf("Rogan-Gladen below 0 = %v, clipped %v, want 0, true", rate, clipped)
	}
	human, judged := []float64{1, 1, 0, 1, 0, 0, 1, 1}, []float64{1, 1, 1, 1, 0, 1, 1, 1}
	unlabelled := append(slices.Repeat([]float64{1}, 15), slices.Repeat([]float64{0}, 5)...)
	near(t, "judge only", average(unlabelled), 0.75)
	near(t, "human only", average(human), 0.625)
	near(t, "human SE", Mean(human, nil, 0.95).SE, 0.182981)
	p := PredictionPowered(human, judged, unlabelled)
	near(t, "rectifier", p.Rectifier, -0.25)
	near(t, "PPI", p.Mean, 0.5)
	near(t, "PPI SE", p.SE, 0.191453)
	interval(t, "PPI", p.Interval, 0.124760, 0.875240)
	p = PredictionPoweredTuned(human, judged, unlabelled)
	near(t, "lambda", p.Lambda, 0.365260)
	near(t, "PPI++", p.Mean, 0.579343)
	near(t, "PPI++ SE", p.SE, 0.169500)
	forecast, outcome := []float64{.95, .9, .8, .7, .6, .3}, []float64{1, 1, 0, 1, 0, 0}
	near(t, "Brier", Brier(forecast, outcome), 0.198750)
	near(t, "calibration error", CalibrationError(forecast, outcome, 5), 0.208333)
}

func TestSampling(t *testing.T) {
	for _, tt := range []struct {
		salt, id string
		want     float64
	}{{"telegram", "r-0001", 0.786318}, {"telegram", "r-0002", 0.873294}, {"zalo", "r-0003", 0.284802}} {
		near(t, tt.salt+":"+tt.id, Fraction(tt.salt, tt.id), tt.want)
	}
	values := []float64{0, 0, 1, 1, 0, 1, 1, 1, 0}
	probabilities := []float64{1, 1, 1, .5, .5, .02, .02, .02, .02}
	near(t, "naive", average(values), 0.555556)
	near(t, "weighted", Weighted(values, probabilities).Mean, 0.739130)
	equal := slices.Repeat([]float64{.25}, len(values))
	if got, want := Weighted(values, equal).Mean, average(values); math.Abs(got-want) > 1e-12 {
		t.Errorf("equal probabilities give %v, want the plain mean %v", got, want)
	}
}

func TestAbstention(t *testing.T) {
	a, ok := NewAbstention([]float64{.95, .9, .85, .8, .75, .7, .6, .5, .4, .3}, []float64{1, 1, 1, 0, 1, 1, 0, 0, 1, 0})
	if !ok {
		t.Fatal("undefined")
	}
	near(t, "area", a.Area, 0.718929)
	near(t, "oracle", a.Oracle, 0.807381)
	near(t, "flat", a.Flat, 0.54)
	near(t, "nAUC", a.Normalized, 0.669190)
	if _, ok := NewAbstention([]float64{.1, .2}, []float64{1, 1}); ok {
		t.Error("equal metrics give a curve")
	}
}

func TestQuantiles(t *testing.T) {
	for _, tt := range []struct{ p, want float64 }{{.5, 2}, {.51, 3}, {.95, 4}, {0, 1}, {1, 4}} {
		if got := NearestRank([]float64{4, 1, 3, 2}, tt.p); got != tt.want {
			t.Errorf("NearestRank(%v) = %v, want %v", tt.p, got, tt.want)
		}
	}
	near(t, "t(.975, 3)", tQuantile(.975, 3), 3.182446)
	near(t, "t(.025, 3)", tQuantile(.025, 3), -3.182446)
	near(t, "t(.975, 1)", tQuantile(.975, 1), 12.706205)
	near(t, "z(.975)", NormalQuantile(.975), 1.959964)
}
