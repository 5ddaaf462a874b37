package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"troly/eval"
	"troly/internal/evaluation"
)

// exitGate is the exit status of a failed quality gate.
const exitGate = 100

// gateError ends a command with exitGate.
type gateError struct{ failed int }

func (e gateError) Error() string { return fmt.Sprintf("%d quality gates failed", e.failed) }

func evalCommand(con *console, opts *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure the assistant on question sets",
		Long: `Eval asks the questions of eval/sets, each also without diacritics, in chat
shorthand and with slips of the keyboard, and measures whether the right document
is first, whether the answer holds the facts, and whether it declines what it
should. Exit status 100 means that a gate of eval/gates.json failed.`,
	}
	cmd.AddCommand(evalRunCommand(con, opts), evalGateCommand(con, opts), evalLintCommand(con, opts))
	cmd.AddCommand(evalRetrievalCommand(con, opts))
	return cmd
}

// evalFlags choose what is asked.
type evalFlags struct {
	sets     []string
	variants []string
	seed     uint64
}

func (f *evalFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.sets, "set", nil, "sets to ask: names in eval/sets, or files (default: all)")
	cmd.Flags().StringSliceVar(&f.variants, "variants", []string{"plain", "no_diacritics", "teencode", "typo"}, "ways of typing")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "seed of the made variants")
}

// load reads the chosen sets.
func (f *evalFlags) load() (map[string][]evaluation.Case, []evaluation.Variant, error) {
	var variants []evaluation.Variant
	for _, v := range f.variants {
		if v != string(evaluation.Plain) && !slices.Contains(evaluation.Perturbed, evaluation.Variant(v)) {
			return nil, nil, usageError{fmt.Errorf("--variants %q: write plain, no_diacritics, teencode or typo", v)}
		}
		variants = append(variants, evaluation.Variant(v))
	}
	names := f.sets
	if len(names) == 0 {
		all, err := evaluation.Sets(eval.FS)
		if err != nil {
			return nil, nil, err
		}
		names = all
	}
	sets := make(map[string][]evaluation.Case)
	for _, name := range names {
		fsys, file := os.DirFS(filepath.Dir(name)), filepath.Base(name)
		cases, err := evaluation.Load(fsys, file)
		if err != nil {
			file = "sets/" + strings.TrimSuffix(filepath.Base(name), ".jsonl") + ".jsonl"
			if cases, err = evaluation.Load(eval.FS, file); err != nil {
				return nil, nil, usageError{fmt.Errorf("--set %s: %w", name, err)}
			}
		}
		sets[strings.TrimSuffix(filepath.Base(name), ".jsonl")] = cases
	}
	return sets, variants, nil
}

// evaluate runs the chosen sets and prints progress.
func evaluate(cmd *cobra.Command, con *console, opts *options, flags *evalFlags) (evaluation.Results, error) {
	sets, variants, err := flags.load()
	if err != nil {
		return nil, err
	}
	a, err := openAssistant(cmd.Context(), con, opts)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	results := evaluation.RunAll(cmd.Context(), a, a.lib, sets, variants, flags.seed, func(set string, v evaluation.Variant, samples []evaluation.Sample) {
		fmt.Fprintf(con.err, "%s, %s: %d questions\n", set, v, len(samples))
	})
	return results, cmd.Context().Err()
}

// figures is one row of the table.
type figures struct {
	Set     string             `json:"set"`
	Variant evaluation.Variant `json:"variant"`
	N       int                `json:"n"`
	Metrics map[string]float64 `json:"metrics"` // a metric nothing applies to is absent
}

var shown = []string{evaluation.FirstRight, evaluation.InThree, evaluation.Reciprocal, evaluation.FactRecall, evaluation.Declined, evaluation.Grounded}

func tableOf(results evaluation.Results) []figures {
	var rows []figures
	for set, variants := range results {
		for v, samples := range variants {
			row := figures{set, v, len(samples), make(map[string]float64)}
			for _, metric := range shown {
				if mean, n := evaluation.Mean(samples, metric); n > 0 {
					row.Metrics[metric] = mean
				}
			}
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b figures) int {
		return strings.Compare(a.Set+" "+string(a.Variant), b.Set+" "+string(b.Variant))
	})
	return rows
}

func evalRunCommand(con *console, opts *options) *cobra.Command {
	var flags evalFlags
	var asJSON bool
	var out string
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Ask the sets and print the figures",
		Example: "  troly eval run\n  troly eval run --set residents --variants plain --out samples.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			results, err := evaluate(cmd, con, opts, &flags)
			if err != nil {
				return err
			}
			if out != "" {
				if err := writeSamples(out, results); err != nil {
					return err
				}
			}
			rows := tableOf(results)
			if asJSON {
				return con.json(rows)
			}
			w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "SET\tVARIANT\tN\t"+strings.ToUpper(strings.Join(shown, "\t")))
			for _, row := range rows {
				fmt.Fprintf(w, "%s\t%s\t%d", row.Set, row.Variant, row.N)
				for _, metric := range shown {
					if value, ok := row.Metrics[metric]; ok {
						fmt.Fprintf(w, "\t%.3f", value)
					} else {
						fmt.Fprint(w, "\tn/a")
					}
				}
				fmt.Fprintln(w)
			}
			return w.Flush()
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the figures as JSON")
	cmd.Flags().StringVar(&out, "out", "", "also write every outcome with its metrics to this file, one JSON line each")
	return cmd
}

// writeSamples writes all samples as JSON lines, in a fixed order.
func writeSamples(path string, results evaluation.Results) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	enc := json.NewEncoder(f)
	enc.SetEscapeHTML(false)
	for _, row := range tableOf(results) {
		for _, s := range results[row.Set][row.Variant] {
			if err := enc.Encode(s); err != nil {
				f.Close()
				return fmt.Errorf("write samples: %w", err)
			}
		}
	}
	return f.Close()
}

func evalGateCommand(con *console, opts *options) *cobra.Command {
	var flags evalFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "gate",
		Short:   "Ask the sets and judge the figures by eval/gates.json",
		Example: "  troly eval gate",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			gates, err := evaluation.LoadGates(eval.FS)
			if err != nil {
				return err
			}
			results, err := evaluate(cmd, con, opts, &flags)
			if err != nil {
				return err
			}
			verdicts := evaluation.Judge(gates, results)
			failed := 0
			for _, v := range verdicts {
				if !v.Passed {
					failed++
				}
			}
			if asJSON {
				if err := con.json(verdicts); err != nil {
					return err
				}
			} else {
				for _, v := range verdicts {
					fmt.Fprintln(con.out, v)
				}
			}
			if failed > 0 {
				return gateError{failed}
			}
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the verdicts as JSON")
	return cmd
}

func evalLintCommand(con *console, opts *options) *cobra.Command {
	var flags evalFlags
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Check the question sets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			sets, _, err := flags.load()
			if err != nil {
				return err
			}
			lib, err := loadLibrary(con, opts)
			if err != nil {
				return err
			}
			problems := 0
			for name, cases := range sets {
				for _, p := range evaluation.Lint(name, cases, lib) {
					fmt.Fprintln(con.out, p)
					problems++
				}
			}
			fmt.Fprintf(con.err, "%d problems\n", problems)
			if problems > 0 {
				return usageError{fmt.Errorf("%d problems in the question sets", problems)}
			}
			return nil
		},
	}
	flags.add(cmd)
	return cmd
}
