package evaluation

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"troly/eval"
	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/knowledge"
)

// The committed public page must be about the knowledge that is committed with it.
func TestScorecardIsAsNewAsTheKnowledge(t *testing.T) {
	page, err := eval.FS.ReadFile("scorecard.html")
	if err != nil {
		t.Fatal(err)
	}
	want, err := corpus.Version(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	if got := knowledgeOf(page); got != want {
		t.Errorf("eval/scorecard.html is about knowledge %q, the knowledge is %q: run\n\ttroly eval run --out runs/scorecard && troly eval report runs/scorecard --scorecard -o eval/scorecard.html", got, want)
	}
}

func TestMarks(t *testing.T) {
	sample := func(pass, declined, facts, truth float64, missed Miss) *Sample {
		return &Sample{Metrics: map[string]float64{Pass: pass, Declined: declined, FactRecall: facts, Truthfulness: truth}, Missed: missed, Outcome: pipeline.Outcome{Status: pipeline.Answered}}
	}
	asked := sample(0, 0, 0, 0, NotSaid)
	asked.Status = pipeline.Clarify
	hit := sample(0, 0, 0.5, 0, NotSaid)
	hit.Forbidden = []ForbiddenHit{{Severity: "major"}}
	for _, tt := range []struct {
		name string
		s    *Sample
		want mark
	}{
		{"right", sample(1, 0, 1, 1, ""), right}, {"half of the facts", sample(0, 0, 0.5, 0, NotSaid), partly}, {"no fact", sample(0, 0, 0, 0, NotSaid), wrong},
		{"half of the facts, another figure", sample(0, 0, 0.5, 0, SaidWrongly), wrong}, {"an ungrounded figure", sample(0, 0, 0.5, -1, NotSaid), wrong},
		{"declined", sample(0, 1, 0, 0, NotRetrieved), declined}, {"asked back", asked, declined}, {"something forbidden", hit, wrong},
	} {
		if got := markOf(tt.s); got != tt.want {
			t.Errorf("%s: mark %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestScorecard(t *testing.T) {
	samples := reportSamples()
	samples[1].Variant = Plain
	samples = append(samples, Sample{Set: "declines", Case: "d", BaseID: "d", Variant: Plain, Intent: "harmful", Metrics: map[string]float64{Pass: 1, RefusalRecall: 1, Declined: 1}})
	r := newTestReport(t)
	r.Samples = samplesOf(samples)
	r.Manifest.Versions["knowledge"], r.Manifest.Started = "0123abcd", time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	name := filepath.Join(t.TempDir(), "scorecard.html")
	if err := r.Scorecard(name); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"27/11/2026", "<b>50,0 %</b>", "trong 2 câu hỏi thử", "có 1 câu trợ lý không nên trả lời", "Trợ lý từ chối đúng 1 câu", "1 lượt hỏi gặp lỗi kỹ thuật", "chưa phải câu hỏi thật", "lệ phí", "thủ tục hành chính", "gõ chuẩn"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"http", "<script", "ZgotmplZ", "%!", "NaN"} {
		if strings.Contains(string(page), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if got := knowledgeOf(page); got != "0123abcd" {
		t.Errorf("knowledge = %q", got)
	}
	delete(r.Manifest.Versions, "knowledge")
	if err := r.Scorecard(name); err == nil {
		t.Error("a run that does not say its knowledge makes a scorecard")
	}
}

var knowledgeIn = regexp.MustCompile(`<meta name="knowledge" content="([0-9a-f]+)">`)

// knowledgeOf is the version of the knowledge that a scorecard was made of;
// empty when the page does not say.
func knowledgeOf(page []byte) string {
	if m := knowledgeIn.FindSubmatch(page); m != nil {
		return string(m[1])
	}
	return ""
}
