package judge

import (
	"fmt"
	"strings"
	"testing"
)

// labelled makes records and labels of claims: human and judge say so n times.
func labelled(counts map[[2]Verdict]int) (records []Record, labels []Label) {
	for pair, n := range counts {
		for range n {
			item := Item{Case: fmt.Sprintf("c%d", len(records)), Variant: "plain", Kind: ClaimKind, Item: "1"}
			records = append(records, Record{Item: item, Intent: "fee", Judgement: Judgement{Verdict: pair[1]}})
			labels = append(labels, Label{Item: item, Label: pair[0]})
		}
	}
	return records, labels
}

func TestCalibrate(t *testing.T) {
	records, labels := labelled(map[[2]Verdict]int{
		{Supported, Supported}: 20, {Supported, NotFound}: 5, {NotFound, Supported}: 10, {NotFound, NotFound}: 15,
	})
	for i := range 10 { // judged and not labelled
		records = append(records, Record{Item: Item{Case: fmt.Sprintf("u%d", i), Variant: "typo", Kind: ClaimKind, Item: "1"}, Judgement: Judgement{Verdict: Supported}})
	}
	records = append(records, Record{Item: Item{Case: "x", Kind: ClaimKind, Item: "1"}, Judgement: Judgement{Unscored: UnscoredParse}})
	labels = append(labels, Label{Item: Item{Case: "gone", Variant: "plain", Kind: ClaimKind, Item: "2"}, Label: Supported})
	list := Calibrate(records, labels)
	if len(list) != 1 {
		t.Fatalf("%d calibrations, want one: no fact is labelled", len(list))
	}
	c := list[0]
	if c.Labelled != 50 || c.Judged != 60 || c.Unscored != 1 || len(c.Unmatched) != 1 || !strings.Contains(c.Unmatched[0], "gone") {
		t.Errorf("labelled %d, judged %d, unscored %d, unmatched %v", c.Labelled, c.Judged, c.Unscored, c.Unmatched)
	}
	near(t, "kappa", *c.Kappa, 0.4)
	near(t, "agreement", c.Agreement, 0.7)
	near(t, "TPR", c.TPR, 0.8)
	near(t, "TNR", c.TNR, 0.6)
	near(t, "raw", c.Raw, 40.0/60)
	near(t, "Rogan-Gladen", *c.RoganGladen, (40.0/60+0.6-1)/0.4)
	if c.Powered == nil || c.Powered.Interval.Low >= c.Powered.Mean {
		t.Errorf("powered = %+v", c.Powered)
	}
	if c.Gateable || len(c.Because) != 1 || !strings.Contains(c.Because[0], "kappa 0.40 is below 0.6") {
		t.Errorf("gateable %v because %v", c.Gateable, c.Because)
	}
	if len(c.Slices) != 2 || c.Slices[0].Value != "fee" || c.Slices[0].N != 50 {
		t.Errorf("slices = %+v", c.Slices)
	}

	good, goodLabels := labelled(map[[2]Verdict]int{{Supported, Supported}: 40, {NotFound, NotFound}: 40, {Contradicted, Contradicted}: 20, {Supported, NotFound}: 3})
	if c := Calibrate(good, goodLabels)[0]; !c.Gateable {
		t.Errorf("a judge that agrees with humans may not gate: %v", c.Because)
	}
	few, fewLabels := labelled(map[[2]Verdict]int{{Supported, Supported}: 5})
	if c := Calibrate(few, fewLabels)[0]; c.Gateable || c.Kappa != nil || len(c.Because) != 2 {
		t.Errorf("five equal labels: %+v", c)
	}
}

func TestReadLabels(t *testing.T) {
	label := `{"case":"a","variant":"plain","kind":"fact","item":"f1","label":"support"}`
	for text, want := range map[string]string{
		label + "\n" + label: "labels.jsonl:2: fact f1 of a (plain, repeat 0) is labelled twice",
		`{"case":"a","variant":"plain","kind":"fact","item":"f1","label":"supported"}`: `labels.jsonl:1: label "supported" of a fact`,
		`{"case":"a","kind":"idea","item":"f1","label":"support"}`:                     `labels.jsonl:1: kind "idea"`,
		`{"kind":"fact","label":"support"}`:                                            "labels.jsonl:1: case and item",
		"\n{":                                                                          "labels.jsonl:2:",
	} {
		if _, err := ReadLabels(strings.NewReader(text), "labels.jsonl"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("ReadLabels(%q): %v, want %s …", text, err, want)
		}
	}
}

func FuzzReadLabels(f *testing.F) {
	f.Add(`{"case":"a","variant":"plain","kind":"fact","item":"f1","label":"support"}`)
	f.Fuzz(func(t *testing.T, text string) {
		labels, err := ReadLabels(strings.NewReader(text), "labels")
		if err != nil {
			return
		}
		Calibrate(nil, labels)
	})
}
