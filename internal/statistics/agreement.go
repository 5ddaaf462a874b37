package statistics

import "math"

// Table counts how two judges labelled the same items: Table[i][j] items got label
// i from the first and j from the second. It is square.
type Table [][]int

// margins returns the shares of the cells and of the labels of each judge.
func (t Table) margins() (n float64, rows, columns []float64) {
	rows, columns = make([]float64, len(t)), make([]float64, len(t))
	for i, row := range t {
		for j, count := range row {
			n += float64(count)
			rows[i] += float64(count)
			columns[j] += float64(count)
		}
	}
	for i := range rows {
		rows[i] /= n
		columns[i] /= n
	}
	return n, rows, columns
}

// N is the number of items.
func (t Table) N() int {
	n := 0
	for _, row := range t {
		for _, count := range row {
			n += count
		}
	}
	return n
}

// Observed is the share of items on which the judges agree; NaN without items.
func (t Table) Observed() float64 {
	agreed := 0
	for i := range t {
		agreed += t[i][i]
	}
	return float64(agreed) / float64(t.N())
}

// Kappa is Cohen's kappa; ok is false where it is undefined: no item, or both
// judges gave one and the same label throughout.
func (t Table) Kappa() (kappa float64, ok bool) { return t.weighted(nominal) }

// LinearKappa and QuadraticKappa weigh a disagreement by its distance on an ordered
// scale, or by the square of it.
func (t Table) LinearKappa() (kappa float64, ok bool) { return t.weighted(linear) }

// QuadraticKappa is described at LinearKappa.
func (t Table) QuadraticKappa() (kappa float64, ok bool) { return t.weighted(quadratic) }

func nominal(i, j int) float64 {
	if i == j {
		return 0
	}
	return 1
}

func linear(i, j int) float64 { return math.Abs(float64(i - j)) }

func quadratic(i, j int) float64 { return float64((i - j) * (i - j)) }

// weighted is 1 - observed/expected disagreement.
func (t Table) weighted(distance func(i, j int) float64) (float64, bool) {
	n, rows, columns := t.margins()
	observed, expected := 0.0, 0.0
	for i, row := range t {
		for j, count := range row {
			observed += distance(i, j) * float64(count) / n
			expected += distance(i, j) * rows[i] * columns[j]
		}
	}
	if n == 0 || expected == 0 {
		return 0, false
	}
	return 1 - observed/expected, true
}

// KappaSE is the large-sample standard error of Cohen's kappa in its simple form,
// sqrt(po(1-po)/(n(1-pe)²)).
func (t Table) KappaSE() float64 {
	po, pe := t.Observed(), t.chance()
	return math.Sqrt(po*(1-po)/float64(t.N())) / (1 - pe)
}

// chance is pe: how often judges who label blindly, each with their own shares, agree.
func (t Table) chance() float64 {
	_, rows, columns := t.margins()
	agreed := 0.0
	for i := range rows {
		agreed += rows[i] * columns[i]
	}
	return agreed
}

// AC1 is Gwet's agreement coefficient, which stays sensible when nearly all items
// have one label, where kappa does not. ok is false without items or with fewer
// than two labels.
func (t Table) AC1() (ac1 float64, ok bool) {
	n, rows, columns := t.margins()
	if n == 0 || len(t) < 2 {
		return 0, false
	}
	expected := 0.0
	for i := range rows {
		share := (rows[i] + columns[i]) / 2
		expected += share * (1 - share)
	}
	expected /= float64(len(t) - 1)
	return (t.Observed() - expected) / (1 - expected), true
}

// Alpha is Krippendorff's alpha for two judges and unordered labels; judges who
// agree throughout on one label have 1 by convention. ok is false without items.
func (t Table) Alpha() (alpha float64, ok bool) {
	n, rows, columns := t.margins()
	if n == 0 {
		return 0, false
	}
	values, same := 2*n, 0.0
	for i := range rows {
		count := (rows[i] + columns[i]) * n
		same += count * (count - 1)
	}
	expected := 1 - same/(values*(values-1))
	if expected == 0 {
		return 1, true
	}
	return 1 - (1-t.Observed())/expected, true
}
