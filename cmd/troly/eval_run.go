package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"troly/internal/corpus"
	"troly/internal/evaluation"
)

// runFlags are the flags of eval run; the same words are the keys of
// effective.config.json.
type runFlags struct {
	setFlags
	Variants    []string          `json:"variants"`
	Seed        uint64            `json:"seed"`
	Filters     []string          `json:"filter,omitempty"`
	Range       string            `json:"range,omitempty"`
	Failing     string            `json:"failing,omitempty"`
	ErrorsOnly  string            `json:"errors_only,omitempty"`
	Repeat      int               `json:"repeat"`
	Stages      []string          `json:"stage"`
	Concurrency int               `json:"concurrency"`
	Timeout     time.Duration     `json:"timeout_ns"`
	Budget      int               `json:"budget_tokens,omitempty"`
	MaxErrors   float64           `json:"max_errors"`
	NoCache     bool              `json:"no_cache,omitempty"`
	CacheDir    string            `json:"cache_dir,omitempty"`
	Out         string            `json:"out"`
	Resume      bool              `json:"resume,omitempty"`
	Tags        map[string]string `json:"tag,omitempty"`

	selection evaluation.Selection
	stages    []evaluation.Stage
	variants  []evaluation.Variant
	kept      []evaluation.Case // of the run that is resumed; nil: the flags choose
	skipped   []string          // by that run
}

func (f *runFlags) add(cmd *cobra.Command) {
	f.setFlags.add(cmd)
	fs := cmd.Flags()
	fs.StringSliceVar(&f.Variants, "variants", []string{"plain", "no_diacritics", "teencode", "typo", "old_place_name"}, "ways of typing, or all")
	fs.Uint64Var(&f.Seed, "seed", 1, "seed of the made variants")
	fs.StringArrayVar(&f.Filters, "filter", nil, "only cases with FIELD=VALUE[,VALUE]; may be repeated")
	fs.StringVar(&f.Range, "range", "", "only the questions FROM:TO of those left, counted from 0")
	fs.StringVar(&f.Failing, "failing", "", "only what did not pass in this run")
	fs.StringVar(&f.ErrorsOnly, "errors-only", "", "only what had an error in this run")
	fs.IntVar(&f.Repeat, "repeat", 1, "times each question is asked")
	fs.StringSliceVar(&f.Stages, "stage", []string{"claims"}, "how far to go: retrieve, answer, claims, judge")
	fs.IntVar(&f.Concurrency, "concurrency", runtime.GOMAXPROCS(0), "questions in work at once")
	fs.DurationVar(&f.Timeout, "timeout", time.Minute, "limit of one question")
	fs.IntVar(&f.Budget, "budget-tokens", 0, "stop when a model has used so many tokens (0: no limit)")
	fs.Float64Var(&f.MaxErrors, "max-errors", 0.02, "share of errors from which a run is incomplete")
	fs.BoolVar(&f.NoCache, "no-cache", false, "ask a model again even what it has answered before")
	fs.StringVar(&f.CacheDir, "cache-dir", "", "folder of kept model answers (default: eval-cache in the data directory)")
	fs.StringVar(&f.Out, "out", "", "run directory (default: a new one in eval/runs of the data directory)")
	fs.BoolVar(&f.Resume, "resume", false, "go on with the run in --out, or with the newest one, and its questions")
	fs.StringToStringVar(&f.Tags, "tag", nil, "note KEY=VALUE in the run")
	cmd.MarkFlagsMutuallyExclusive("failing", "errors-only")
}

// check reads the flags that have a form of their own.
func (f *runFlags) check() error {
	for _, s := range f.Filters {
		filter, err := evaluation.ParseFilter(s)
		if err != nil {
			return usageError{fmt.Errorf("--%w", err)}
		}
		f.selection.Filters = append(f.selection.Filters, filter)
	}
	var err error
	if f.Range != "" {
		if f.selection.From, f.selection.To, err = evaluation.ParseRange(f.Range); err != nil {
			return usageError{fmt.Errorf("--%w", err)}
		}
	}
	if f.stages, err = evaluation.ParseStages(f.Stages); err != nil {
		return usageError{fmt.Errorf("--%w", err)}
	}
	if f.variants, err = evaluation.ParseVariants(f.Variants); err != nil {
		return usageError{fmt.Errorf("--variants: %w", err)}
	}
	if f.Repeat < 1 || f.Concurrency < 1 {
		return usageError{errors.New("--repeat and --concurrency are at least 1")}
	}
	return nil
}

// cases are what the flags choose to ask, and what is left out because its day is
// over.
func (f *runFlags) cases(lib *corpus.Library) (asked []evaluation.Case, expired []string, err error) {
	if f.kept != nil {
		return f.kept, f.skipped, nil
	}
	if dir := f.Failing + f.ErrorsOnly; dir != "" {
		run, err := openRun(dir)
		if err != nil {
			return nil, nil, err
		}
		if f.selection.Only, err = evaluation.Failing(run, f.ErrorsOnly != ""); err != nil {
			return nil, nil, err
		}
		if len(f.selection.Only) == 0 {
			return nil, nil, usageError{fmt.Errorf("no question is left to ask: none failed in %s", dir)}
		}
	}
	all, err := f.load()
	if err != nil {
		return nil, nil, err
	}
	evaluation.Rate(all, lib)
	made := evaluation.WithVariants(f.selection.Bases(all, lib), f.variants, f.Seed)
	asked, expired = evaluation.Today(f.selection.Asked(made))
	if len(asked) == 0 {
		return nil, nil, usageError{errors.New("no question is left to ask: widen --set, --filter, --range or --variants")}
	}
	return asked, expired, nil
}

// resumed finds the run to go on with and, unless flags choose other questions, takes
// its questions and stages from it.
func (f *runFlags) resumed(cmd *cobra.Command, s settings) error {
	if !f.Resume {
		return nil
	}
	if f.Out == "" {
		var err error
		if f.Out, err = newest(s.file(filepath.Join("eval", "runs"))); err != nil {
			return err
		}
	}
	for _, name := range []string{"set", "variants", "seed", "filter", "range", "failing", "errors-only"} {
		if cmd.Flags().Changed(name) {
			return nil
		}
	}
	run, err := openRun(f.Out)
	if err != nil {
		return err
	}
	cases, err := run.Cases()
	if err != nil {
		return usageError{err}
	}
	for _, c := range cases {
		f.kept = append(f.kept, *c)
	}
	slices.SortFunc(f.kept, func(a, b evaluation.Case) int { return cmp.Or(cmp.Compare(a.Set, b.Set), cmp.Compare(a.Line, b.Line)) })
	m := run.Manifest
	f.variants, f.Seed, f.skipped = m.Variants, m.Seed, m.Skipped
	if !cmd.Flags().Changed("repeat") {
		f.Repeat = m.Repeat
	}
	if !cmd.Flags().Changed("stage") {
		f.stages = m.Stages
	}
	return nil
}

// newest is the run directory under dir that was begun last.
func newest(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", "manifest.json"))
	if err != nil || len(found) == 0 {
		return "", usageError{fmt.Errorf("--resume: there is no run in %s: name one with --out", dir)}
	}
	return filepath.Dir(slices.Max(found)), nil // names begin with the time
}

// evaluate makes or goes on with a run as the flags say.
func evaluate(cmd *cobra.Command, con *console, opts *options, f *runFlags) (*evaluation.Run, evaluation.Progress, error) {
	var p evaluation.Progress
	if err := f.check(); err != nil {
		return nil, p, err
	}
	s, err := readSettings(opts)
	if err != nil {
		return nil, p, err
	}
	s.Models.anew = true
	a, err := openAssistant(cmd.Context(), con, s)
	if err != nil {
		return nil, p, err
	}
	defer a.Close()
	if err := f.resumed(cmd, s); err != nil {
		return nil, p, err
	}
	cases, expired, err := f.cases(a.lib)
	if err != nil {
		return nil, p, err
	}
	var judging *evaluation.ModelJudge
	if slices.Contains(f.stages, evaluation.Judging) {
		if judging, err = s.Models.judge(cmd.Context(), con.err, filepath.Join(cacheDir(f.CacheDir, s), "judge")); err != nil {
			return nil, p, err
		}
	}
	scorer, err := scorer(a.lib)
	if err != nil {
		return nil, p, err
	}
	m := f.manifest(cases, expired, a.lib)
	models, err := s.Models.versions()
	if err != nil {
		return nil, p, err
	}
	maps.Copy(m.Versions, models)
	if judging != nil {
		m.Judge = judging.Name()
	}
	if price := s.Models.price(); price.Known() {
		m.Price = &price
	}
	if f.Out == "" {
		f.Out = s.file(filepath.Join("eval", "runs", m.Run))
	}
	run, err := evaluation.CreateRun(f.Out, m, cases, f.effective(s), f.Resume)
	if errors.Is(err, evaluation.ErrRunExists) || errors.Is(err, evaluation.ErrOtherCases) {
		err = usageError{err}
	}
	if err != nil {
		return nil, p, err
	}
	for _, id := range expired {
		fmt.Fprintf(con.err, "skipped (expired): %s\n", id)
	}
	runner := evaluation.Runner{
		Asker: a, Dialogue: evaluation.NewDialogue(a.Assistant, a.lib), Scorer: scorer, Identity: identity(m), Stages: f.stages, Repeat: f.Repeat, Concurrency: f.Concurrency,
		Timeout: f.Timeout, Budget: f.Budget, Progress: con.evalProgress(),
	}
	if judging != nil {
		runner.Judge = judging
	}
	if !f.NoCache {
		runner.Cache = evaluation.OpenCache(cacheDir(f.CacheDir, s))
	}
	p, err = runner.Run(cmd.Context(), run, cases)
	con.endProgress()
	if errors.Is(err, evaluation.ErrBudget) {
		err = exitError{exitIncomplete, err}
	}
	return run, p, interrupted(cmd.Context(), err, fmt.Sprintf("%d of %d samples are kept in %s, --resume goes on", p.Done, p.Total, run.Dir))
}

func cacheDir(flag string, s settings) string {
	if flag != "" {
		return flag
	}
	return s.file("eval-cache")
}

// manifest describes the run before it begins.
func (f *runFlags) manifest(cases []evaluation.Case, expired []string, lib *corpus.Library) evaluation.Manifest {
	now := time.Now().UTC()
	m := evaluation.Manifest{
		SchemaVersion: 1, State: "running", Started: now, Sets: make(map[string]int), Data: evaluation.DataHash(cases), Cases: len(cases),
		Skipped: expired, Variants: f.variants, Seed: f.Seed, Repeat: f.Repeat, Stages: f.stages, Tags: f.Tags, Versions: buildVersions(),
	}
	for _, c := range cases {
		m.Sets[c.Set]++
	}
	m.Versions["knowledge"] = lib.Version
	if m.Versions["git_revision"] == "" {
		maps.Copy(m.Versions, sources())
	}
	m.Run = now.Format("20060102T150405Z") + "-" + m.Data[:8]
	return m
}

// buildVersions name the program and what it was built from.
func buildVersions() map[string]string {
	v := map[string]string{"build": buildVersion(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "executable": executableHash()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v["git_revision"] = s.Value
			case "vcs.modified":
				v["git_modified"] = s.Value
			}
		}
	}
	return v
}

// sources name the revision of our sources in the working directory, for a program
// that go run or a build without revision made of them; nil elsewhere.
func sources() map[string]string {
	module, err := os.ReadFile("go.mod")
	if err != nil || !strings.HasPrefix(string(module), "module troly\n") {
		return nil
	}
	revision, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		return nil
	}
	changes, err := exec.Command("git", "status", "--porcelain").Output()
	if err != nil {
		return nil
	}
	return map[string]string{"git_revision": strings.TrimSpace(string(revision)), "git_modified": strconv.FormatBool(len(changes) > 0)}
}

// executableHash tells two builds apart that name the same revision.
func executableHash() string {
	path, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "unknown"
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// identity is everything in the versions that an outcome depends on.
func identity(m evaluation.Manifest) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(m.Versions)) {
		if !strings.HasPrefix(key, "git_") { // what was committed meanwhile changes no answer
			fmt.Fprintf(&b, "%s=%s\n", key, m.Versions[key])
		}
	}
	return b.String()
}

// effective are the settings a run was made with, without secrets.
func (f *runFlags) effective(s settings) any {
	return struct {
		*runFlags
		Sets      []string `json:"set"`
		Knowledge string   `json:"knowledge"`
		DataDir   string   `json:"data"`
	}{f, f.sets, s.knowledgeName(), s.DataDir}
}

func evalRunCommand(con *console, opts *options) *cobra.Command {
	var flags runFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Ask the sets, keep every sample and print the figures",
		Long: `Run asks the questions and appends each finished sample to samples.jsonl in the run
directory, with the cases as asked, the effective settings, versions and figures
beside it. A run that was cut off goes on with --resume and asks nothing twice.`,
		Example: "  troly eval run\n  troly eval run --set residents --variants plain --out runs/try\n  troly eval run --out runs/try --resume\n  troly eval run --filter intent=fee,deadline --failing runs/try",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			run, p, err := evaluate(cmd, con, opts, &flags)
			if err != nil && run == nil {
				return err
			}
			s, reported := report(con, run, asJSON, p)
			if err := errors.Join(reported, err); err != nil {
				return err
			}
			return complete(s, flags.MaxErrors)
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the summary as JSON")
	return cmd
}

// complete ends a run that has too many errors, or was not asked to its end, as
// incomplete.
func complete(s *evaluation.Summary, most float64) error {
	if float64(s.Errors+s.Missing) <= most*float64(s.Samples+s.Missing) {
		return nil
	}
	return exitError{exitIncomplete, fmt.Errorf("the run is incomplete: %d errors, %d not asked; --resume goes on", s.Errors, s.Missing)}
}

// report writes and prints the figures of a run.
func report(con *console, run *evaluation.Run, asJSON bool, p evaluation.Progress) (*evaluation.Summary, error) {
	s, err := evaluation.Summarize(run)
	if err != nil {
		return nil, err
	}
	if err := run.WriteSummary(s); err != nil {
		return nil, err
	}
	if asJSON {
		return s, con.json(s)
	}
	if err := printSummary(con.out, s); err != nil {
		return nil, err
	}
	if p.Kept > 0 {
		fmt.Fprintf(con.err, "%d samples were finished before\n", p.Kept)
	}
	fmt.Fprintf(con.err, "run directory: %s\n", run.Dir)
	return s, nil
}

// printSummary prints the table of sets and variants, and what cuts across it.
func printSummary(out io.Writer, s *evaluation.Summary) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SET\tVARIANT\tN\t"+strings.ToUpper(strings.Join(evaluation.Headline(), "\t")))
	for i := range s.Slices {
		slice := &s.Slices[i]
		if slice.By != evaluation.BySetAndVariant {
			continue
		}
		set, variant, _ := strings.Cut(slice.Value, " ")
		fmt.Fprintf(w, "%s\t%s\t%d", set, variant, slice.Samples)
		for _, metric := range evaluation.Headline() {
			fmt.Fprintf(w, "\t%s", slice.Metric(metric))
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if c := s.Refusal; c.TruePositive+c.FalseNegative > 0 {
		fmt.Fprintf(out, "declining: precision %.3f, recall %.3f, F1 %.3f, false refusals %.3f, balanced accuracy %.3f\n", c.Precision, c.Recall, c.F1, c.FalseRefusal, c.Balanced)
	}
	for _, r := range s.Robustness {
		left := ""
		if r.Left > 0 {
			left = fmt.Sprintf("; %d cannot be typed in all these ways", r.Left)
		}
		fmt.Fprintf(out, "typing, %s: plain %.3f, mean %.3f, worst %.3f, drop %.3f, flips %.3f (%d questions%s)\n", r.Metric, r.Plain, r.Mean, r.Worst, r.Drop.Mean, r.FlipRate, r.Bases, left)
	}
	var lost []string
	for _, stage := range evaluation.Misses() {
		if n := s.Attribution[stage]; n > 0 {
			lost = append(lost, fmt.Sprintf("%s %d", stage, n))
		}
	}
	fmt.Fprintf(out, "misses: %s\n", cmp.Or(strings.Join(lost, ", "), "none"))
	if judged := judgedLine(s); judged != "" {
		fmt.Fprintln(out, judged)
	}
	if usage := s.UsageLine(); usage != "" {
		fmt.Fprintln(out, usage)
	}
	if s.Errors+s.Missing > 0 {
		fmt.Fprintf(out, "errors %d, not asked %d: in no mean\n", s.Errors, s.Missing)
	}
	return nil
}

// judgedLine tells what a judge said, and of how many samples it could not; empty
// without one.
func judgedLine(s *evaluation.Summary) string {
	var said []string
	for i := range s.Metrics {
		m := &s.Metrics[i]
		name, ok := strings.CutPrefix(m.Name, "judge_")
		if !ok {
			continue
		}
		lost := 0
		for reason, n := range m.Unscored {
			if evaluation.JudgeFailed(reason) {
				lost += n
			}
		}
		cell := name + " " + m.String()
		if lost > 0 {
			cell += fmt.Sprintf(" (%d without verdict)", lost)
		}
		said = append(said, cell)
	}
	if said == nil {
		return ""
	}
	return "judge: " + strings.Join(said, ", ")
}
