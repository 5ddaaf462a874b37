package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"troly/eval"
	"troly/internal/corpus"
	"troly/internal/evaluation"
)

// gateFlags are the flags of eval gate beside those of eval run.
type gateFlags struct {
	runFlags
	gates      string
	baseline   string
	write      string
	strict     bool
	allowDrift bool
	asJSON     bool
}

func evalGateCommand(con *console, opts *options) *cobra.Command {
	var f gateFlags
	cmd := &cobra.Command{
		Use:   "gate [RUN]",
		Short: "Hold a run, or a new one, against the quality gates",
		Long: `Gate holds the figures of a run against gates.json: each gate passes, fails or is
inconclusive, when the interval of its figure straddles the limit. Without RUN the
sets are asked first. Gates against an earlier state compare with a committed
baseline, which must be of the same questions and knowledge unless --allow-drift.`,
		Example: "  troly eval gate\n  troly eval gate runs/try --strict\n  troly eval gate runs/try --write-baseline eval/baselines/main.json",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.judge(cmd, con, opts, args) },
	}
	f.add(cmd)
	fs := cmd.Flags()
	fs.StringVar(&f.gates, "gates", "", "gates file (default: that of the program)")
	fs.StringVar(&f.baseline, "baseline", "", "baseline file (default: that named in the gates file)")
	fs.StringVar(&f.write, "write-baseline", "", "write the run as a baseline to this file instead of judging it")
	fs.BoolVar(&f.strict, "strict", false, "end with status 4 when a gate is inconclusive")
	fs.BoolVar(&f.allowDrift, "allow-drift", false, "compare with a baseline of other questions or knowledge, over what both have")
	fs.BoolVar(&f.asJSON, "json", false, "print the verdicts as JSON")
	return cmd
}

func (f *gateFlags) judge(cmd *cobra.Command, con *console, opts *options, args []string) error {
	var run *evaluation.Run
	var err error
	if len(args) == 1 {
		run, err = openRun(args[0])
	} else {
		run, _, err = evaluate(cmd, con, opts, &f.runFlags)
	}
	if err != nil {
		return err
	}
	gates, folder, err := f.load()
	if err != nil {
		return usageError{err}
	}
	in, err := evaluation.GateRun(run)
	if err != nil {
		return err
	}
	in.Today = corpus.Today(time.Now())
	if f.write != "" {
		return f.writeBaseline(con, gates, run, in)
	}
	if err := f.compareWith(in, gates, folder, run); err != nil {
		return usageError{err}
	}
	lib, err := loadLibrary(con, opts)
	if err != nil {
		return err
	}
	cases, err := run.Cases()
	if err != nil {
		return err
	}
	in.Difficulty = evaluation.PlainSearch(lib, cases)
	return f.print(con, in, gates.Judge(in))
}

// load reads the gates, and the folder that their baseline is named in.
func (f *gateFlags) load() (*evaluation.Gates, fs.FS, error) {
	if f.gates == "" {
		gates, err := evaluation.LoadGates(eval.FS)
		return gates, eval.FS, err
	}
	data, err := os.ReadFile(f.gates)
	if err != nil {
		return nil, nil, fmt.Errorf("--gates: %w", err)
	}
	gates, err := evaluation.ParseGates(data)
	return gates, os.DirFS(filepath.Dir(f.gates)), err
}

// compareWith loads the baseline; one that the gates name and that does not exist
// yet leaves their comparisons inconclusive.
func (f *gateFlags) compareWith(in *evaluation.GateInput, gates *evaluation.Gates, folder fs.FS, run *evaluation.Run) error {
	name := gates.Baseline
	if f.baseline != "" {
		folder, name = os.DirFS(filepath.Dir(f.baseline)), filepath.Base(f.baseline)
	}
	if name == "" {
		return nil
	}
	b, err := evaluation.LoadBaseline(folder, name)
	if errors.Is(err, fs.ErrNotExist) && f.baseline == "" {
		return nil
	}
	if err != nil {
		return err
	}
	in.Baseline = b
	if !f.allowDrift {
		in.Drift = b.DriftFrom(run.Manifest)
	}
	return nil
}

func (f *gateFlags) writeBaseline(con *console, gates *evaluation.Gates, run *evaluation.Run, in *evaluation.GateInput) error {
	data, err := gates.BaselineOf(run, in, in.Today).Bytes()
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.write, data, 0o644); err != nil {
		return fmt.Errorf("--write-baseline: %w", err)
	}
	fmt.Fprintf(con.err, "baseline of run %s written to %s\n", run.Manifest.Run, f.write)
	return nil
}

// print prints the verdicts and ends the command with their status.
func (f *gateFlags) print(con *console, in *evaluation.GateInput, verdicts []evaluation.Verdict) error {
	count := make(map[evaluation.Result]int)
	for _, v := range verdicts {
		count[v.Result]++
	}
	if f.asJSON {
		if err := con.json(verdicts); err != nil {
			return err
		}
	} else {
		for _, v := range verdicts {
			fmt.Fprintln(con.out, v)
		}
	}
	if err := complete(in.Summary, f.MaxErrors); err != nil {
		return err
	}
	switch {
	case count[evaluation.Failed] > 0:
		return exitError{exitGate, fmt.Errorf("%d quality gates failed", count[evaluation.Failed])}
	case count[evaluation.Inconclusive] > 0 && f.strict:
		return exitError{exitInconclusive, fmt.Errorf("%d quality gates are inconclusive", count[evaluation.Inconclusive])}
	case count[evaluation.Inconclusive] > 0:
		fmt.Fprintf(con.err, "warning: %d quality gates are inconclusive\n", count[evaluation.Inconclusive])
	}
	return nil
}
