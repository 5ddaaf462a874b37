package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"troly/eval"
	"troly/internal/corpus"
	"troly/internal/evaluation"
)

// Exit statuses of eval beside those of every command.
const (
	exitIncomplete   = 3
	exitInconclusive = 4
	exitGate         = 100
	exitInterrupted  = 130
)

// exitError ends a command with a status of its own.
type exitError struct {
	status int
	err    error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

func evalCommand(con *console, opts *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure the assistant on question sets",
		Long: `Eval asks the questions of eval/sets, each also as people mistype them, and
measures what is found, said, cited and declined. It needs no key and no network.

Exit status: 0 done, 1 broken, 2 bad input, 3 incomplete (finished samples are kept,
--resume goes on), 4 a gate is inconclusive (with --strict), 100 a gate failed,
130 interrupted.`,
		Example:          "  troly eval run --out runs/a\n  troly eval gate runs/a\n  troly eval report runs/a -o report.html",
		PersistentPreRun: func(*cobra.Command, []string) { debug.SetGCPercent(100) }, // a large run is gathered in hundreds of MB
	}
	cmd.AddCommand(
		evalRunCommand(con, opts), evalScoreCommand(con, opts), evalCompareCommand(con), evalGateCommand(con, opts),
		evalLintCommand(con, opts), evalPerturbCommand(con, opts), evalCacheCommand(con, opts), evalRetrievalCommand(con, opts),
		evalReportCommand(con, opts), evalCalibrateCommand(con), evalPrivacyCommand(con, opts),
		evalOnlineCommand(con, opts), evalPromoteCommand(con, opts),
	)
	return cmd
}

// setFlags choose question sets.
type setFlags struct{ sets []string }

func (f *setFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.sets, "set", nil, "sets to use: names of sets in the program, files or folders (default: all in the program)")
}

// files are the chosen sets.
func (f *setFlags) files() ([]evaluation.SetFile, error) {
	if len(f.sets) == 0 {
		names, err := evaluation.Sets(eval.FS)
		if err != nil {
			return nil, err
		}
		return embedded(names), nil
	}
	var files []evaluation.SetFile
	for _, name := range f.sets {
		found, err := setsAt(name)
		if err != nil {
			return nil, usageError{fmt.Errorf("--set %s: %w", name, err)}
		}
		files = append(files, found...)
	}
	return files, nil
}

func embedded(names []string) []evaluation.SetFile {
	files := make([]evaluation.SetFile, len(names))
	for i, name := range names {
		files[i] = evaluation.SetFile{FS: eval.FS, Name: name, Shown: "eval/" + name}
	}
	return files
}

// setsAt are the sets a name stands for: a folder's, a file, or one in the program.
func setsAt(name string) ([]evaluation.SetFile, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		paths, err := filepath.Glob(filepath.Join(name, "*.jsonl"))
		if err == nil && len(paths) == 0 {
			err = errors.New("no .jsonl file in this folder")
		}
		var files []evaluation.SetFile
		for _, path := range paths {
			files = append(files, onDisk(path))
		}
		return files, err
	case err == nil:
		return []evaluation.SetFile{onDisk(name)}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	all, err := evaluation.Sets(eval.FS)
	if err != nil {
		return nil, err
	}
	inside := "sets/" + strings.TrimSuffix(name, ".jsonl") + ".jsonl"
	if !slices.Contains(all, inside) {
		var known []string
		for _, set := range all {
			known = append(known, strings.TrimSuffix(filepath.Base(set), ".jsonl"))
		}
		return nil, fmt.Errorf("no such file, and no such set in the program, which has %s", strings.Join(known, ", "))
	}
	return embedded([]string{inside}), nil
}

func onDisk(path string) evaluation.SetFile {
	return evaluation.SetFile{FS: os.DirFS(filepath.Dir(path)), Name: filepath.Base(path), Shown: path}
}

// load reads the chosen sets.
func (f *setFlags) load() ([]evaluation.Case, error) {
	files, err := f.files()
	if err != nil {
		return nil, err
	}
	var sets [][]evaluation.Case
	for _, file := range files {
		cases, err := file.Load()
		if err != nil {
			return nil, usageError{err}
		}
		sets = append(sets, cases)
	}
	cases, err := evaluation.Join(sets...)
	if err != nil {
		return nil, usageError{err}
	}
	return cases, nil
}

// scorer measures by the knowledge of the settings.
func scorer(lib *corpus.Library) (*evaluation.Scorer, error) {
	standing, err := evaluation.Standing(eval.FS)
	if err != nil {
		return nil, err
	}
	return evaluation.NewScorer(lib, standing), nil
}

// openRun opens a run directory that a person named.
func openRun(dir string) (*evaluation.Run, error) {
	run, err := evaluation.OpenRun(dir)
	if err != nil {
		return nil, usageError{err}
	}
	return run, nil
}

// interrupted turns the end of a command by a signal into its exit status.
func interrupted(ctx context.Context, err error, kept string) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return exitError{exitInterrupted, fmt.Errorf("interrupted; %s", kept)}
}
