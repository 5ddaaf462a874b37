package evaluation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"troly/internal/judge"
	"troly/internal/pipeline"
	"troly/prompts"
)

// reader is a judge's model that looks whether the words of what is asked about
// stand in the text beside it.
type reader struct {
	calls int
	down  bool
}

func (r *reader) Complete(_ context.Context, q judge.Request) (judge.Completion, error) {
	r.calls++
	if r.down {
		return judge.Completion{}, errors.New("503 service unavailable")
	}
	between := func(tag string) string {
		_, after, _ := strings.Cut(q.User, "<"+tag+">\n")
		text, _, _ := strings.Cut(after, "\n</"+tag+">")
		return text
	}
	usage := judge.Usage{PromptTokens: 10, CompletionTokens: 1}
	verdict := func(item, text string, yes, no judge.Verdict) (judge.Completion, error) {
		v, quote := no, ""
		if item = strings.TrimSuffix(item, "."); strings.Contains(text, item) {
			v, quote = yes, item
		}
		answer, err := json.Marshal(map[string]any{"reason": "", "quote": quote, "verdict": v})
		return judge.Completion{Text: string(answer), Usage: usage}, err
	}
	switch {
	case strings.Contains(q.User, "<nhan_dinh>"):
		_, passages, _ := strings.Cut(q.User, "</nhan_dinh>")
		return verdict(between("nhan_dinh"), passages, judge.Supported, judge.NotFound)
	case strings.Contains(q.User, "<y_can_co>"):
		return verdict(between("y_can_co"), between("cau_tra_loi"), judge.Says, judge.SaysNot)
	}
	answer, err := json.Marshal(map[string]any{"claims": strings.Split(between("cau_tra_loi"), "\n")})
	return judge.Completion{Text: string(answer), Usage: usage}, err
}

func newModelJudge(t *testing.T, model judge.Model) *ModelJudge {
	t.Helper()
	set, err := prompts.Load()
	if err != nil {
		t.Fatal(err)
	}
	return &ModelJudge{Primitives: judge.New(model, set, nil), Model: "test", Prompts: set.Version()}
}

// judged is a sample of two sentences: one that its citation supports, one invented.
func judgedInput() JudgeInput {
	const first, second = "Lệ phí là 8.000 đồng", "Nộp bằng vàng"
	answer := first + "\n" + second
	return JudgeInput{
		Case: &Case{ID: "a", Question: "lệ phí?", KeyFacts: []Fact{
			{ID: "f1", Importance: "vital", Type: "text", AnyOf: []string{"8.000 đồng"}}, {ID: "f2", Importance: "vital", Type: "text", AnyOf: []string{"Nộp tại xã"}},
		}, ReferenceAnswer: "Lệ phí là 8.000 đồng\nNộp tại xã"},
		Sample: &Sample{
			Case: "a", BaseID: "a", Variant: Plain, Intent: "fee",
			Outcome: pipeline.Outcome{Question: "lệ phí?", Status: pipeline.Answered, Answer: answer, Citations: []pipeline.Citation{{N: 1, Document: "d", Section: "le-phi"}}},
			Claims:  []Claim{{Start: 0, End: len(first), Cited: []int{1}}, {Start: len(first) + 1, End: len(answer), Cited: []int{9}}},
			Facts:   []FactResult{{ID: "f1", Match: Match{Support: Full}}, {ID: "f2", Match: Match{Support: None}}},
		},
		Passages: []Passage{{"d", "le-phi", "Lệ phí là 8.000 đồng một bản."}, {"d", "noi-nop", "Nộp tại xã."}},
	}
}

func TestModelJudge(t *testing.T) {
	m := newModelJudge(t, &reader{})
	m.Diagnose = true
	out, err := m.Judge(context.Background(), judgedInput())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{
		"judge_faithfulness": 0.5, "judge_contradicted": 0, "judge_citation_recall": 0.5, "judge_citation_precision": 0.5,
		"judge_fact_recall_vital": 0.5, "judge_fact_recall_vital_strict": 0.5, "judge_precision": 0.5, "judge_recall": 0.5, "judge_hallucination": 0.5, "judge_claim_recall": 1,
	} {
		if got, ok := out.Metrics[name]; !ok || got != want {
			t.Errorf("%s = %v (%v), want %v", name, got, ok, want)
		}
	}
	// Of one answer, every share of its claims that is not support is a fault.
	for name := range out.Metrics {
		fault := strings.Contains(name, "contradict") || strings.Contains(name, "noise") || strings.Contains(name, "hallucination") || strings.Contains(name, "self_knowledge")
		if m, own := MetricNamed(name); own || m.HigherIsBetter == fault {
			t.Errorf("%s: higher is better %v, one of ours %v", name, m.HigherIsBetter, own)
		}
	}
	var records []judge.Record
	if err := json.Unmarshal(out.Detail, &records); err != nil || len(records) != 4 || records[0].Kind != judge.ClaimKind || records[3].Verdict != judge.SaysNot {
		t.Errorf("records = %+v, %v, want two claims and two facts", records, err)
	}
	if out.Usage.PromptTokens == 0 {
		t.Error("no tokens are counted")
	}
}

func TestModelJudgeThatIsDownScoresNothing(t *testing.T) {
	out, err := newModelJudge(t, &reader{down: true}).Judge(context.Background(), judgedInput())
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Metrics) != 0 {
		t.Errorf("metrics = %v, want none", out.Metrics)
	}
	for _, name := range judgeMetrics() {
		if out.Unscored[name] != judge.UnscoredProvider {
			t.Errorf("%s is unscored for %q, want %q", name, out.Unscored[name], judge.UnscoredProvider)
		}
	}
}

func TestModelJudgeIsChecked(t *testing.T) {
	for _, tt := range []struct {
		model judge.Model
		want  string
	}{{&reader{}, ""}, {&reader{down: true}, "gave no verdict in 1 of 1 tries: provider: 503 service unavailable"}, {gullible{}, "lets itself be told"}} {
		err := newModelJudge(t, tt.model).Check(context.Background())
		if got := fmt.Sprint(err); tt.want == "" && err != nil || !strings.Contains(got, tt.want) {
			t.Errorf("Check of %T = %v, want %q", tt.model, err, tt.want)
		}
	}
}

// gullible is a model that says what it is told.
type gullible struct{}

func (gullible) Complete(_ context.Context, q judge.Request) (judge.Completion, error) {
	verdict := "supported"
	if strings.Contains(q.User, "<y_can_co>") {
		verdict = "support"
	}
	return judge.Completion{Text: `{"reason":"","quote":"Nộp hồ sơ tại xã","verdict":"` + verdict + `"}`}, nil
}

func TestModelJudgeLeavesWhatIsNotAnswered(t *testing.T) {
	model := &reader{}
	in := judgedInput()
	in.Sample.Status, in.Case.MustRefuse = pipeline.Refused, true
	out, err := newModelJudge(t, model).Judge(context.Background(), in)
	if err != nil || model.calls != 0 || out.Unscored["judge_faithfulness"] != "refusal_expected" {
		t.Errorf("a refusal: %+v, %v after %d calls, want unscored without asking", out, err, model.calls)
	}
}

func TestJudgeRecords(t *testing.T) {
	run, err := CreateRun(t.TempDir(), Manifest{SchemaVersion: 1, Run: "r"}, nil, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	out, err := newModelJudge(t, &reader{}).Judge(context.Background(), judgedInput())
	if err != nil {
		t.Fatal(err)
	}
	verdicts, err := openJournal(run.file(judgeFile))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // judged twice: the last one counts
		if err := verdicts.append(Judged{Case: "a", JudgeOutput: out}); err != nil {
			t.Fatal(err)
		}
	}
	if err := verdicts.close(); err != nil {
		t.Fatal(err)
	}
	records, err := run.JudgeRecords()
	if err != nil || len(records) != 4 || records[0].Item.Item != "1" || records[2].Item.Item != "f1" {
		t.Errorf("records = %+v, %v, want each once and in order", records, err)
	}
}
