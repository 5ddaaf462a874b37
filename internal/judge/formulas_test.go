package judge

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > 5.1e-7 {
		t.Errorf("%s = %.7f, want %.6f", name, got, want)
	}
}

func TestNuggets(t *testing.T) {
	n, ok := ScoreNuggets([]Verdict{Says, SaysPart, SaysNot, Says, SaysNot}, []bool{true, true, true, false, false})
	if !ok {
		t.Fatal("undefined")
	}
	near(t, "strict vital", n.StrictVital, 0.333333)
	near(t, "strict all", n.StrictAll, 0.4)
	near(t, "vital", n.Vital, 0.5)
	near(t, "all", n.All, 0.5)
	if _, ok := ScoreNuggets([]Verdict{Says}, []bool{false}); ok {
		t.Error("no vital fact gives a score")
	}
}

func TestDiagnose(t *testing.T) {
	d, ok := Diagnose(Entailment{
		AnswerRight: []bool{true, true, false, false}, ReferenceSaid: []bool{true, true, false},
		ReferenceInChunk: [][]bool{{true, false, false}, {false, false, false}, {false, true, false}},
		AnswerInChunk:    [][]bool{{true, false, false}, {false, false, false}, {false, true, false}, {false, false, true}},
	})
	if !ok {
		t.Fatal("undefined")
	}
	for _, tt := range []struct {
		name      string
		got, want float64
	}{
		{"precision", d.Precision, 0.5}, {"recall", d.Recall, 0.666667}, {"F1", d.F1, 0.571429}, {"claim recall", d.ClaimRecall, 0.666667},
		{"context precision", d.ContextPrecision, 0.666667}, {"utilisation", d.Utilisation, 0.5}, {"noise relevant", d.NoiseRelevant, 0.25},
		{"noise irrelevant", d.NoiseIrrelevant, 0.25}, {"hallucination", d.Hallucination, 0}, {"self-knowledge", d.SelfKnowledge, 0.25}, {"faithfulness", d.Faithfulness, 0.75},
		{"faithfulness + hallucination + self-knowledge", d.Faithfulness + d.Hallucination + d.SelfKnowledge, 1},
		{"precision + hallucination + noises", d.Precision + d.Hallucination + d.NoiseRelevant + d.NoiseIrrelevant, 1},
	} {
		near(t, tt.name, tt.got, tt.want)
	}
	if _, ok := Diagnose(Entailment{}); ok {
		t.Error("no claims give figures")
	}
}

// The identities hold whatever the verdicts are.
func FuzzDiagnoseIdentities(f *testing.F) {
	f.Add(uint64(12345), uint8(3), uint8(4), uint8(2))
	f.Fuzz(func(t *testing.T, bits uint64, answers, references, chunks uint8) {
		next := func() bool {
			bits = bits*6364136223846793005 + 1442695040888963407
			return bits>>63 == 1
		}
		row := func(n int) []bool {
			r := make([]bool, n)
			for i := range r {
				r[i] = next()
			}
			return r
		}
		e := Entailment{AnswerRight: row(int(answers)%5 + 1), ReferenceSaid: row(int(references)%5 + 1)}
		for range e.AnswerRight {
			e.AnswerInChunk = append(e.AnswerInChunk, row(int(chunks)%5))
		}
		for range e.ReferenceSaid {
			e.ReferenceInChunk = append(e.ReferenceInChunk, row(int(chunks)%5))
		}
		d, _ := Diagnose(e)
		near(t, "faithfulness + hallucination + self-knowledge", d.Faithfulness+d.Hallucination+d.SelfKnowledge, 1)
		near(t, "precision + hallucination + noises", d.Precision+d.Hallucination+d.NoiseRelevant+d.NoiseIrrelevant, 1)
	})
}

func TestCitations(t *testing.T) {
	recall, precision, ok := Citations([]Cited{
		{Together: true, Alone: []bool{true}, Without: []bool{false}},
		{Together: true, Alone: []bool{false, true}, Without: []bool{true, false}},
		{},
		{Together: false, Alone: []bool{false}, Without: []bool{false}},
	})
	near(t, "recall", recall, 0.5)
	near(t, "precision", precision, 0.5)
	if ok != [2]bool{true, true} {
		t.Errorf("ok = %v", ok)
	}
	if _, _, ok := Citations([]Cited{{}}); ok[1] {
		t.Error("no citation has a precision")
	}
}

func TestF1(t *testing.T) {
	statements := f1(3.0/4, 3.0/5) // 3 right, 1 wrong, 2 missing
	near(t, "statements", statements, 0.666667)
	near(t, "statements blended with a similarity of 0.8", 0.75*statements+0.25*0.8, 0.7)
	said, wanted := strings.Fields("nop ho so tai xa xa"), strings.Fields("nop tai xa")
	near(t, "words of a text, repeated ones counted", f1(3.0/float64(len(said)), 3.0/float64(len(wanted))), 0.666667)
	slices.Sort(said)
	near(t, "words of a text, each once", f1(3.0/float64(len(slices.Compact(said))), 3.0/float64(len(wanted))), 0.75)
	near(t, "of nothing", f1(0, 0), 0)
}
