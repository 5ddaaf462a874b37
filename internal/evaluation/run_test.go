package evaluation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"troly/internal/evaluation"
	"troly/internal/pipeline"
)

// clerk answers every question alike, and counts.
type clerk struct {
	asked  atomic.Int64
	tokens int
	slow   time.Duration
	broken func(q pipeline.Question) bool
}

func (c *clerk) Ask(ctx context.Context, q pipeline.Question) pipeline.Outcome {
	c.asked.Add(1)
	if c.slow > 0 {
		select {
		case <-time.After(c.slow):
		case <-ctx.Done():
			return pipeline.Outcome{Status: pipeline.Failed, Error: ctx.Err().Error()}
		}
	}
	if c.broken != nil && c.broken(q) {
		return pipeline.Outcome{Status: pipeline.Failed, Error: "search: disk"}
	}
	return pipeline.Outcome{
		Question: q.Text, Status: pipeline.Answered, Answer: "Cấp lần đầu: 30.000 đồng [1]", Citations: []pipeline.Citation{cite(1, "le-phi")},
		Retrieved: []pipeline.Retrieved{{Document: "lam-the", Section: "le-phi", Score: 1}}, Usage: pipeline.Usage{PromptTokens: c.tokens, CompletionTokens: c.tokens},
	}
}

func (c *clerk) Search(context.Context, pipeline.Question) ([]pipeline.Retrieved, error) {
	return []pipeline.Retrieved{{Document: "lam-the", Section: "le-phi", Score: 1}}, nil
}

func manyCases(n int) []evaluation.Case {
	cases := make([]evaluation.Case, n)
	for i := range cases {
		cases[i] = feeCase()
		cases[i].ID = fmt.Sprintf("fee.%d", i)
		cases[i].BaseID, cases[i].Set = cases[i].ID, "small"
		cases[i].Question = fmt.Sprintf("làm thẻ mất bao nhiêu tiền, em hỏi lần %d", i)
	}
	return cases
}

// startRun makes or resumes a run of cases in dir and returns its end.
func startRun(t *testing.T, dir string, cases []evaluation.Case, runner evaluation.Runner, resume bool) (*evaluation.Run, evaluation.Progress, error) {
	t.Helper()
	m := evaluation.Manifest{SchemaVersion: 1, Run: filepath.Base(dir), Cases: len(cases), Data: evaluation.DataHash(cases), Repeat: max(runner.Repeat, 1)}
	run, err := evaluation.CreateRun(dir, m, cases, nil, resume)
	if err != nil {
		t.Fatal(err)
	}
	runner.Scorer = evaluation.NewScorer(smallLibrary(t), nil)
	p, err := runner.Run(context.Background(), run, cases)
	return run, p, err
}

func samplesOf(t *testing.T, run *evaluation.Run) []evaluation.Sample {
	t.Helper()
	var all []evaluation.Sample
	for s, err := range run.Samples() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, *s)
	}
	return all
}

// TestKilled runs itself as another process, kills that in the middle of a run, and
// goes on: nothing finished is asked again, nothing is lost, a torn line is cut off.
func TestKilled(t *testing.T) {
	const n = 200
	if dir := os.Getenv("EVALUATION_TEST_RUN"); dir != "" {
		_, _, err := startRun(t, dir, manyCases(n), evaluation.Runner{Asker: &clerk{slow: 2 * time.Millisecond}, Concurrency: 2}, true)
		t.Fatal("the run came to its end:", err)
	}
	dir := t.TempDir()
	samples := filepath.Join(dir, "samples.jsonl")
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "EVALUATION_TEST_RUN="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		if data, _ := os.ReadFile(samples); bytes.Count(data, []byte("\n")) >= 20 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the killed process ended well")
	}
	finished, err := os.ReadFile(samples)
	if err != nil {
		t.Fatal(err)
	}
	kept := bytes.Count(finished, []byte("\n"))
	if kept >= n {
		t.Fatalf("the run was over with %d samples before it was killed", kept)
	}
	torn := append(bytes.Clone(finished[:bytes.LastIndexByte(finished, '\n')+1]), `{"case":"fee.0","repeat":0,"key`...)
	if err := os.WriteFile(samples, torn, 0o644); err != nil {
		t.Fatal(err)
	}
	again := &clerk{}
	run, p, err := startRun(t, dir, manyCases(n), evaluation.Runner{Asker: again}, true)
	if err != nil || p.Kept != kept || p.Done != n || again.asked.Load() != int64(n-kept) {
		t.Fatalf("resumed run: %+v, %v, asked %d; want %d kept and %d asked", p, err, again.asked.Load(), kept, n-kept)
	}
	all := samplesOf(t, run)
	seen := make(map[string]bool)
	for _, s := range all {
		seen[s.Case] = true
	}
	if len(all) != n || len(seen) != n || run.Manifest.State != "complete" {
		t.Errorf("%d samples of %d cases in a run that is %s, want %d", len(all), len(seen), run.Manifest.State, n)
	}
}

func TestResumeAsksErrorsAndChangesAgain(t *testing.T) {
	dir, cases := t.TempDir(), manyCases(10)
	broken := &clerk{broken: func(q pipeline.Question) bool { return strings.HasPrefix(q.Text, "hỏng") }}
	cases[3].Question = "hỏng rồi"
	run, p, err := startRun(t, dir, cases, evaluation.Runner{Asker: broken}, false)
	if err != nil || p.Errors != 1 {
		t.Fatalf("run with one error: %+v, %v", p, err)
	}
	s, err := evaluation.Summarize(run)
	if err != nil {
		t.Fatal(err)
	}
	if m := s.Metric(evaluation.Pass); s.Errors != 1 || m.Scored != 9 || m.Mean != 1 || m.WorstCase != 0.9 || m.BestCase != 1 {
		t.Errorf("an error is in the mean: %d errors, %+v", s.Errors, m)
	}
	cases[5].Question = "làm thẻ hết mấy đồng"
	whole := &clerk{}
	run, p, err = startRun(t, dir, cases, evaluation.Runner{Asker: whole}, true)
	if err != nil || whole.asked.Load() != 2 || p.Kept != 8 {
		t.Fatalf("resumed run: %+v, %v, asked %d; want the one with an error and the one that changed", p, err, whole.asked.Load())
	}
	if s, err = evaluation.Summarize(run); err != nil || s.Samples != 10 || s.Errors != 0 {
		t.Errorf("after both tries: %d samples, %d errors, %v; want the last line of each", s.Samples, s.Errors, err)
	}
	if _, err := evaluation.CreateRun(dir, run.Manifest, cases, nil, false); !errors.Is(err, evaluation.ErrRunExists) {
		t.Errorf("a second run in the same folder: %v", err)
	}
	if _, err := evaluation.CreateRun(dir, run.Manifest, cases[1:], nil, true); !errors.Is(err, evaluation.ErrOtherCases) {
		t.Errorf("the run resumed with fewer questions: %v", err)
	}
	other := &clerk{}
	if _, p, err = startRun(t, dir, cases, evaluation.Runner{Asker: other, Identity: "another build"}, true); err != nil || p.Kept != 0 || other.asked.Load() != 10 {
		t.Errorf("another build keeps %d samples (%v)", p.Kept, err)
	}
}

func TestInterruptedRunKeepsWhatIsFinished(t *testing.T) {
	dir, cases := t.TempDir(), manyCases(50)
	run, err := evaluation.CreateRun(dir, evaluation.Manifest{SchemaVersion: 1, Cases: 50}, cases, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	runner := evaluation.Runner{Asker: &clerk{slow: time.Millisecond}, Scorer: evaluation.NewScorer(smallLibrary(t), nil), Progress: func(p evaluation.Progress) {
		if p.Done == 7 {
			cancel()
		}
	}}
	p, err := runner.Run(ctx, run, cases)
	if !errors.Is(err, context.Canceled) || p.Done >= 50 || run.Manifest.State != "interrupted" {
		t.Fatalf("interrupted run: %+v, %v, %s", p, err, run.Manifest.State)
	}
	for _, s := range samplesOf(t, run) {
		if s.Error != "" {
			t.Errorf("case %s was kept although it was cut off: %s", s.Case, s.Error)
		}
	}
}

func TestBudgetAndCache(t *testing.T) {
	cases := manyCases(20)
	dear := &clerk{tokens: 50}
	cache := evaluation.OpenCache(filepath.Join(t.TempDir(), "cache"))
	dir := t.TempDir()
	run, p, err := startRun(t, dir, cases, evaluation.Runner{Asker: dear, Budget: 500, Concurrency: 1, Cache: cache}, false)
	if !errors.Is(err, evaluation.ErrBudget) || p.Tokens < 500 || p.Done >= 20 || run.Manifest.State != "incomplete" {
		t.Fatalf("a run over its budget: %+v, %v, %s", p, err, run.Manifest.State)
	}
	first := dear.asked.Load()
	if _, p, err = startRun(t, dir, cases, evaluation.Runner{Asker: dear, Cache: cache}, true); err != nil || p.Done != 20 {
		t.Fatalf("resumed: %+v, %v", p, err)
	}
	before := dear.asked.Load()
	run, p, err = startRun(t, t.TempDir(), cases, evaluation.Runner{Asker: dear, Cache: cache, Repeat: 2}, false)
	if err != nil || p.Cached < 20 {
		t.Fatalf("a second run: %+v, %v, want the first 20 from the cache (first try asked %d)", p, err, first)
	}
	if again := dear.asked.Load() - before; again < 20 {
		t.Errorf("repeats asked %d times, want all 20 of the second repeat", again)
	}
	s, err := evaluation.Summarize(run)
	if err != nil || s.Cached != p.Cached || s.Repeats[0].Repeats != 2 || s.Repeats[0].Consistency != 1 {
		t.Errorf("summary of repeats: %+v, %v", s.Repeats, err)
	}
	if stats, err := cache.Stats(); err != nil || stats.Entries < 20 {
		t.Errorf("cache: %+v, %v", stats, err)
	}
}

// strict judges everything as unsupported.
type strict struct{ asked atomic.Int64 }

func (*strict) Name() string { return "strict" }
func (j *strict) Judge(_ context.Context, in evaluation.JudgeInput) (evaluation.JudgeOutput, error) {
	j.asked.Add(1)
	if len(in.Passages) == 0 {
		return evaluation.JudgeOutput{}, errors.New("no passage")
	}
	return evaluation.JudgeOutput{
		Metrics: map[string]float64{"judge_faithfulness": 0}, Unscored: map[string]string{"judge_precision": "judge_parse"},
		Detail: json.RawMessage(`{"why":"because"}`),
	}, nil
}

func TestJudgeStage(t *testing.T) {
	dir, cases := t.TempDir(), manyCases(5)
	stages := []evaluation.Stage{evaluation.Retrieve, evaluation.Answer, evaluation.CheckClaims}
	asker := &clerk{}
	if _, _, err := startRun(t, dir, cases, evaluation.Runner{Asker: asker, Stages: stages}, false); err != nil {
		t.Fatal(err)
	}
	stages = append(stages, evaluation.Judging)
	if _, _, err := startRun(t, dir, cases, evaluation.Runner{Asker: asker, Stages: stages}, true); !errors.Is(err, evaluation.ErrNoJudge) {
		t.Errorf("stage judge without one: %v", err)
	}
	judge := &strict{}
	for range 2 {
		run, _, err := startRun(t, dir, cases, evaluation.Runner{Asker: asker, Stages: stages, Judge: judge}, true)
		if err != nil {
			t.Fatal(err)
		}
		s, err := evaluation.Summarize(run)
		if err != nil {
			t.Fatal(err)
		}
		if m := s.Metric("judge_faithfulness"); m == nil || m.Scored != 5 {
			t.Errorf("judged metric: %+v", m)
		}
		if m := s.Metric("judge_precision"); m == nil || m.Unscored["judge_parse"] != 5 || m.WorstCase != 0 || m.BestCase != 1 {
			t.Errorf("unscored judged metric: %+v", m)
		}
		in, err := evaluation.GateRun(run)
		if err != nil {
			t.Fatal(err)
		}
		limit := 0.0
		for metric, want := range map[string]evaluation.Result{"judge_faithfulness": evaluation.Passed, "judge_precision": evaluation.Inconclusive, "judge_recall": evaluation.Failed} {
			gates := evaluation.Gates{Gates: []evaluation.Gate{{ID: metric, Kind: evaluation.Floor, Metric: metric, Limit: &limit, On: "mean"}}}
			if v := gates.Judge(in)[0]; v.Result != want {
				t.Errorf("gate on %s: %s, want %s: judged, without readable verdicts, not judged", metric, v, want)
			}
		}
	}
	if asker.asked.Load() != 5 || judge.asked.Load() != 5 {
		t.Errorf("asked %d times and judged %d times, want 5 each: a judge asks for no answer again", asker.asked.Load(), judge.asked.Load())
	}
}

func TestStages(t *testing.T) {
	asker := &clerk{}
	run, _, err := startRun(t, t.TempDir(), manyCases(3), evaluation.Runner{Asker: asker, Stages: []evaluation.Stage{evaluation.Retrieve}}, false)
	if err != nil || asker.asked.Load() != 0 {
		t.Fatalf("stage retrieve asked %d answers, %v", asker.asked.Load(), err)
	}
	if s := samplesOf(t, run)[0]; s.Metrics["success@1"] != 1 || len(s.Claims) > 0 || s.Status != "" {
		t.Errorf("stage retrieve: %+v", s)
	}
	run, _, err = startRun(t, t.TempDir(), manyCases(3), evaluation.Runner{Asker: asker, Stages: []evaluation.Stage{evaluation.Retrieve, evaluation.Answer}}, false)
	if err != nil {
		t.Fatal(err)
	}
	s := samplesOf(t, run)[0]
	if _, measured := s.Metrics["citation_recall_det"]; measured || s.Unscored["citations"] != "stage_not_run" || s.Metrics[evaluation.Pass] != 1 {
		t.Errorf("stage answer: %v, unscored %v", s.Metrics, s.Unscored)
	}
	if _, err := evaluation.ParseStages([]string{"answers"}); err == nil {
		t.Error("a stage that does not exist is taken")
	}
}

func TestRescore(t *testing.T) {
	cases := manyCases(4)
	run, _, err := startRun(t, t.TempDir(), cases, evaluation.Runner{Asker: &clerk{}}, false)
	if err != nil {
		t.Fatal(err)
	}
	byID, err := run.Cases()
	if err != nil {
		t.Fatal(err)
	}
	byID["fee.2"].KeyFacts[0].Value, byID["fee.2"].KeyFacts[0].Evidence = json.RawMessage("99"), nil
	delete(byID, "fee.3")
	scored, kept, err := run.Rescore(evaluation.NewScorer(smallLibrary(t), nil), byID)
	if err != nil || scored != 3 || kept != 1 {
		t.Fatalf("Rescore = %d, %d, %v", scored, kept, err)
	}
	for _, s := range samplesOf(t, run) {
		if want := map[bool]float64{true: 0, false: 1}[s.Case == "fee.2"]; s.Metrics[evaluation.Pass] != want {
			t.Errorf("%s: pass %v, want %v", s.Case, s.Metrics[evaluation.Pass], want)
		}
	}
}

func TestBadRunDirectories(t *testing.T) {
	dir := t.TempDir()
	if _, err := evaluation.OpenRun(dir); err == nil || !strings.Contains(err.Error(), "no run directory") {
		t.Errorf("an empty folder: %v", err)
	}
	run, _, err := startRun(t, filepath.Join(dir, "run"), manyCases(2), evaluation.Runner{Asker: &clerk{}}, false)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(run.Dir, "samples.jsonl")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append([]byte("{broken\n"), data...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := evaluation.Summarize(run); err == nil || !strings.Contains(err.Error(), "samples.jsonl:1: ") {
		t.Errorf("a broken line: %v, want file and line", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := evaluation.CreateRun(filepath.Join(file, "run"), evaluation.Manifest{SchemaVersion: 1}, nil, nil, false); err == nil {
		t.Error("a run directory under a file is made")
	}
}

// Brief tells of right samples what figures need, and everything of wrong ones.
func TestBrief(t *testing.T) {
	cases := manyCases(6)
	cases[2].MustRefuse, cases[2].RefusalKind, cases[2].KeyFacts = true, "no_source", nil
	broken := &clerk{broken: func(q pipeline.Question) bool { return strings.HasSuffix(q.Text, "lần 4") }}
	run, _, err := startRun(t, t.TempDir(), cases, evaluation.Runner{Asker: broken}, false)
	if err != nil {
		t.Fatal(err)
	}
	brief := make(map[string]evaluation.Sample)
	for s, err := range run.Brief() {
		if err != nil {
			t.Fatal(err)
		}
		brief[s.Case] = *s
	}
	right := 0
	for _, want := range samplesOf(t, run) {
		got := brief[want.Case]
		if want.Metrics[evaluation.Pass] == 1 {
			right++
			if got.Answer != "" || got.Status != want.Status || got.Timings != want.Timings || got.Set != want.Set || got.BaseID != want.BaseID {
				t.Errorf("brief of %s = %+v, want what figures need of %+v", want.Case, got, want)
			}
			if diff := cmp.Diff(want.Metrics, got.Metrics); diff != "" {
				t.Errorf("metrics of %s differ (-whole +brief):\n%s", want.Case, diff)
			}
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(pipeline.Citation{})); diff != "" {
			t.Errorf("wrong sample %s differs (-whole +brief):\n%s", want.Case, diff)
		}
	}
	if right != 4 || len(brief) != 6 {
		t.Errorf("%d of %d samples are right, want 4 of 6", right, len(brief))
	}
}
