package judge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"troly/internal/statistics"
)

// Kind is what is judged.
type Kind string

// The kinds of items.
const (
	ClaimKind Kind = "claim" // a claim of an answer, beside what it cites
	FactKind  Kind = "fact"  // a key fact, beside an answer
)

// Verdicts are the labels of a kind, the positive one first; nil for no such kind.
func (k Kind) Verdicts() []Verdict {
	switch k {
	case ClaimKind:
		return []Verdict{Supported, Contradicted, NotFound}
	case FactKind:
		return []Verdict{Says, SaysPart, SaysNot}
	}
	return nil
}

// Item names one thing that is judged.
type Item struct {
	Case    string `json:"case"`
	Variant string `json:"variant"`
	Repeat  int    `json:"repeat"`
	Kind    Kind   `json:"kind"`
	Item    string `json:"item"` // ID of the fact, or number of the claim from 1
}

// Record is one judgement as a run keeps it.
type Record struct {
	Item
	BaseID  string `json:"base_id"`
	Intent  string `json:"intent"`
	Vital   bool   `json:"vital,omitempty"` // of a fact
	Text    string `json:"text"`            // of the claim or fact
	Model   string `json:"model"`
	Prompts string `json:"prompts"` // version of their wording
	Judgement
}

// Label is what a human says of an item: a line of a labels file.
type Label struct {
	Item
	Label     Verdict `json:"label"`
	Annotator string  `json:"annotator,omitempty"`
}

// ReadLabels reads a file of JSON lines. An error names the line; an item labelled
// twice is one.
func ReadLabels(r io.Reader, name string) ([]Label, error) {
	var list []Label
	seen := make(map[Item]bool)
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for n := 1; scanner.Scan(); n++ {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		var l Label
		err := json.Unmarshal(scanner.Bytes(), &l)
		if err == nil {
			err = l.check()
		}
		if err == nil && seen[l.Item] {
			err = fmt.Errorf("%s is labelled twice", l.Item)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		seen[l.Item] = true
		list = append(list, l)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return list, nil
}

// check refuses a kind or a label that does not exist.
func (l Label) check() error {
	offered := l.Kind.Verdicts()
	switch {
	case offered == nil:
		return fmt.Errorf("kind %q: write claim or fact", l.Kind)
	case l.Case == "" || l.Item.Item == "":
		return errors.New("case and item must be given")
	case !slices.Contains(offered, l.Label):
		return fmt.Errorf("label %q of a %s: write one of %v", l.Label, l.Kind, offered)
	}
	return nil
}

// String names an item for people.
func (i Item) String() string {
	return fmt.Sprintf("%s %s of %s (%s, repeat %d)", i.Kind, i.Item, i.Case, i.Variant, i.Repeat)
}

// When the verdicts of a judge may decide a gate. Policy of this project, not from a
// source.
const (
	leastLabels     = 50
	leastKappa      = 0.6
	leastKappaBound = 0.4

	// MostUnscored is the share of items without a verdict up to which the others say
	// something of all.
	MostUnscored = 0.05
)

// Calibration is how far the judge agrees with humans on one kind of items, and what
// its figures are worth.
type Calibration struct {
	Kind      Kind             `json:"kind"`
	Labelled  int              `json:"labelled"`  // items with a label and a verdict
	Unmatched []string         `json:"unmatched"` // labels of items the run does not have
	Unscored  int              `json:"unscored"`  // judged items without a verdict
	Judged    int              `json:"judged"`    // items with a verdict, labelled or not
	Verdicts  []Verdict        `json:"verdicts"`  // rows (human) and columns (judge) of Table
	Table     statistics.Table `json:"table"`

	Agreement     float64              `json:"agreement"`
	Kappa         *float64             `json:"kappa"` // null: undefined, all labels are equal
	KappaInterval *statistics.Interval `json:"kappa_interval,omitempty"`
	AC1           float64              `json:"ac1"`
	Alpha         float64              `json:"alpha"`
	TPR           float64              `json:"tpr"` // of the positive label, which comes first in Verdicts
	TNR           float64              `json:"tnr"`
	Slices        []CalibrationSlice   `json:"slices"`

	Raw         float64             `json:"raw"`                    // share of positive verdicts
	RoganGladen *float64            `json:"rogan_gladen,omitempty"` // the share corrected for the judge's errors
	Clipped     bool                `json:"clipped,omitempty"`      // ... and cut to [0, 1]
	Powered     *statistics.Powered `json:"ppi,omitempty"`          // the headline: PPI++ estimate with interval

	Gateable bool     `json:"gateable"`
	Because  []string `json:"because,omitempty"` // why not
}

// CalibrationSlice is agreement in a part of the labels.
type CalibrationSlice struct {
	By        string           `json:"by"` // intent or variant
	Value     string           `json:"value"`
	N         int              `json:"n"`
	Agreement float64          `json:"agreement"`
	Table     statistics.Table `json:"table"`
}

// Calibrate compares a judge's records with human labels, kind by kind; a kind
// without labels is left out.
func Calibrate(records []Record, labels []Label) []Calibration {
	byItem := make(map[Item]Label)
	for _, l := range labels {
		byItem[l.Item] = l
	}
	var list []Calibration
	for _, kind := range []Kind{ClaimKind, FactKind} {
		if slices.ContainsFunc(labels, func(l Label) bool { return l.Kind == kind }) {
			list = append(list, calibrate(kind, records, byItem))
		}
	}
	return list
}

func calibrate(kind Kind, records []Record, labels map[Item]Label) Calibration {
	c := Calibration{Kind: kind, Verdicts: kind.Verdicts(), Unmatched: []string{}}
	c.Table = newTable(len(c.Verdicts))
	by := make(map[[2]string]statistics.Table)
	found := make(map[Item]bool)
	var human, judged, unlabelled []float64
	for _, r := range records {
		if r.Kind != kind {
			continue
		}
		found[r.Item] = true
		if r.Verdict == "" {
			c.Unscored++
			continue
		}
		c.Judged++
		positive := share(r.Verdict == c.Verdicts[0])
		c.Raw += positive
		label, ok := labels[r.Item]
		if !ok {
			unlabelled = append(unlabelled, positive)
			continue
		}
		c.Labelled++
		human, judged = append(human, share(label.Label == c.Verdicts[0])), append(judged, positive)
		row, column := slices.Index(c.Verdicts, label.Label), slices.Index(c.Verdicts, r.Verdict)
		c.Table[row][column]++
		for _, slice := range [][2]string{{"intent", r.Intent}, {"variant", r.Variant}} {
			if by[slice] == nil {
				by[slice] = newTable(len(c.Verdicts))
			}
			by[slice][row][column]++
		}
	}
	for item := range labels {
		if item.Kind == kind && !found[item] {
			c.Unmatched = append(c.Unmatched, item.String())
		}
	}
	slices.Sort(c.Unmatched)
	if c.Judged > 0 {
		c.Raw /= float64(c.Judged)
	}
	c.agree(human, judged)
	c.correct(human, judged, unlabelled)
	c.slice(by)
	c.decide()
	return c
}

func newTable(n int) statistics.Table {
	t := make(statistics.Table, n)
	for i := range t {
		t[i] = make([]int, n)
	}
	return t
}

func share(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}

// agree fills in the agreement of humans and judge.
func (c *Calibration) agree(human, judged []float64) {
	if c.Labelled == 0 {
		return
	}
	c.Agreement = c.Table.Observed()
	if kappa, ok := c.Table.Kappa(); ok {
		c.Kappa = &kappa
		half := statistics.NormalQuantile((1+statistics.Level)/2) * c.Table.KappaSE()
		c.KappaInterval = &statistics.Interval{Low: kappa - half, High: kappa + half}
	}
	c.AC1, _ = c.Table.AC1()
	c.Alpha, _ = c.Table.Alpha()
	var positives, right [2]float64 // [human says no, human says yes]
	for i, h := range human {
		positives[int(h)]++
		if judged[i] == h {
			right[int(h)]++
		}
	}
	if positives[1] > 0 {
		c.TPR = right[1] / positives[1]
	}
	if positives[0] > 0 {
		c.TNR = right[0] / positives[0]
	}
}

// correct estimates the true share of positive items.
func (c *Calibration) correct(human, judged, unlabelled []float64) {
	both := slices.Contains(human, 0) && slices.Contains(human, 1)
	if rate, clipped, ok := statistics.RoganGladen(c.Raw, c.TPR, c.TNR); ok && both {
		c.RoganGladen, c.Clipped = &rate, clipped
	}
	if len(human) >= 2 && len(unlabelled) >= 2 {
		p := statistics.PredictionPoweredTuned(human, judged, unlabelled)
		c.Powered = &p
	}
}

func (c *Calibration) slice(by map[[2]string]statistics.Table) {
	keys := slices.SortedFunc(maps.Keys(by), func(a, b [2]string) int { return strings.Compare(a[0]+" "+a[1], b[0]+" "+b[1]) })
	for _, key := range keys {
		c.Slices = append(c.Slices, CalibrationSlice{key[0], key[1], by[key].N(), by[key].Observed(), by[key]})
	}
}

// decide says whether the judge's figures may decide a gate, and if not, why.
func (c *Calibration) decide() {
	if c.Labelled < leastLabels {
		c.Because = append(c.Because, fmt.Sprintf("%d labels, at least %d are needed", c.Labelled, leastLabels))
	}
	switch {
	case c.Kappa == nil:
		c.Because = append(c.Because, "kappa is undefined: all labels are equal")
	case *c.Kappa < leastKappa:
		c.Because = append(c.Because, fmt.Sprintf("kappa %.2f is below %.1f", *c.Kappa, leastKappa))
	case c.KappaInterval.Low < leastKappaBound:
		c.Because = append(c.Because, fmt.Sprintf("kappa may be as low as %.2f, below %.1f", c.KappaInterval.Low, leastKappaBound))
	}
	if all := c.Judged + c.Unscored; all > 0 && float64(c.Unscored)/float64(all) > MostUnscored {
		c.Because = append(c.Because, fmt.Sprintf("%d of %d items have no verdict, more than %.0f %%", c.Unscored, all, 100*MostUnscored))
	}
	c.Gateable = len(c.Because) == 0
}
