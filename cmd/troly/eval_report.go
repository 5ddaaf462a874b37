package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"troly/internal/evaluation"
)

// reportFlags are the flags of eval report.
type reportFlags struct {
	out       []string
	baseline  string
	gates     bool
	scorecard bool
}

func evalReportCommand(con *console, opts *options) *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:     "report RUN",
		Aliases: []string{"export"},
		Short:   "Write a run as HTML, Markdown, JUnit, CSV, JSON, TREC or BEIR files",
		Long: `Report writes what a run measured. The extension of each -o chooses the format:

  .html   one page in Vietnamese and English, for reading and sending
  .md     tables for a pull request        .xml    JUnit, for CI servers
  .json   all figures                      .csv    a row a sample
  .trec   ranking, as trec_eval reads it   .qrels  the judgements beside it
  NAME/   a BEIR collection: our knowledge, questions and judgements

Without -o the first five are written into the folder of the run. --scorecard writes
the public page in Vietnamese instead.`,
		Example: "  troly eval report runs/try\n  troly eval report runs/try --baseline runs/before -o report.html -o junit.xml\n  troly eval report runs/try --scorecard -o eval/scorecard.html",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := openRun(args[0])
			if err != nil {
				return err
			}
			if f.scorecard {
				return f.writeScorecard(con, run)
			}
			return f.write(con, opts, run)
		},
	}
	fs := cmd.Flags()
	fs.StringArrayVarP(&f.out, "out", "o", nil, "file to write; may be given more than once")
	fs.StringVar(&f.baseline, "baseline", "", "run to compare with")
	fs.BoolVar(&f.gates, "gates", false, "tell the quality gates too")
	fs.BoolVar(&f.scorecard, "scorecard", false, "write the public quality page")
	return cmd
}

// write writes the files of a run.
func (f *reportFlags) write(con *console, opts *options, run *evaluation.Run) error {
	if len(f.out) == 0 {
		for _, name := range []string{"report.html", "report.md", "summary.json", "junit.xml", "metrics.csv"} {
			f.out = append(f.out, filepath.Join(run.Dir, name))
		}
	}
	for _, name := range f.out {
		if err := evaluation.CheckFormat(name); err != nil {
			return usageError{err}
		}
	}
	var baseline *evaluation.Run
	var err error
	if f.baseline != "" {
		if baseline, err = openRun(f.baseline); err != nil {
			return err
		}
	}
	debug.SetGCPercent(50) // keeps 100,000 samples under 500 MB; the program ends soon
	report, err := evaluation.NewReport(run, baseline)
	if err != nil {
		return err
	}
	if report.Library, err = loadLibrary(con, opts); err != nil {
		return err
	}
	if f.gates {
		var gates gateFlags
		if _, report.Verdicts, err = gates.hold(report.Library, run); err != nil {
			return err
		}
	}
	for _, name := range f.out {
		if err := report.Write(name); err != nil {
			return err
		}
		fmt.Fprintln(con.err, "written:", name)
	}
	return nil
}

// writeScorecard writes the public page.
func (f *reportFlags) writeScorecard(con *console, run *evaluation.Run) error {
	if len(f.out) == 0 {
		f.out = []string{filepath.Join(run.Dir, "scorecard.html")}
	}
	for _, name := range f.out {
		if filepath.Ext(name) != ".html" {
			return usageError{fmt.Errorf("-o %s: the scorecard is a page: write a name with .html", name)}
		}
	}
	report, err := evaluation.NewReport(run, nil)
	if err != nil {
		return err
	}
	for _, name := range f.out {
		if err := report.Scorecard(name); err != nil {
			return err
		}
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(con.err, "written: %s (%d KB)\n", name, info.Size()>>10)
	}
	return nil
}
