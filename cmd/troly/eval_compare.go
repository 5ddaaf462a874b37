package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"troly/internal/evaluation"
)

func evalCompareCommand(con *console) *cobra.Command {
	var asJSON bool
	var seed uint64
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Say what run B changed against run A",
		Long: `Compare aligns two runs question by question and prints the paired difference of
each metric with its 95 % interval, the sign-flip test (p adjusted by Holm), the
smallest difference this many questions can find, and the cases that flipped.`,
		Example: "  troly eval compare runs/a runs/b",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := openRun(args[0])
			if err != nil {
				return err
			}
			b, err := openRun(args[1])
			if err != nil {
				return err
			}
			c, err := evaluation.Compare(a, b, seed)
			if err != nil {
				return err
			}
			if asJSON {
				return con.json(c)
			}
			return printComparison(con.out, c)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the comparison as JSON")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed of the drawn tests")
	return cmd
}

func printComparison(out io.Writer, c *evaluation.Comparison) error {
	fmt.Fprintf(out, "A %s\nB %s\n%d cases in both, %d only in A, %d only in B\n", c.A, c.B, c.Pairs, len(c.OnlyA), len(c.OnlyB))
	for _, d := range c.Drift {
		fmt.Fprintf(out, "note: the runs differ in %s\n", d)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "\nMETRIC\tA\tB\tBETTER BY\t95 %\tP\tDETECTABLE\tWINS/TIES/LOSSES")
	for _, m := range c.Metrics {
		printChange(w, m.Metric, m)
	}
	fmt.Fprintln(w, "\nPASS, EXPLORATORY\tA\tB\tBETTER BY\t95 %\tP\tDETECTABLE\tWINS/TIES/LOSSES")
	for _, m := range c.Slices {
		printChange(w, m.By+"="+m.Value, m)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d cases flipped", len(c.Flipped)+c.TestBetter+c.TestWorse)
	if c.TestBetter+c.TestWorse > 0 {
		fmt.Fprintf(out, ", of them %d better and %d worse of the test split, which is not shown", c.TestBetter, c.TestWorse)
	}
	fmt.Fprintln(out)
	for _, f := range c.Flipped {
		if f.Better {
			fmt.Fprintf(out, "  better  %s (was %s)\n", f.Case, f.MissedA)
		} else {
			fmt.Fprintf(out, "  worse   %s (now %s)\n", f.Case, f.MissedB)
		}
	}
	return nil
}

func printChange(w io.Writer, name string, m evaluation.MetricComparison) {
	d := m.Improvement
	fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%+.3f\t%s\t%.3f\t%.3f\t%d/%d/%d\n", name, m.MeanA, m.MeanB, d.Difference.Mean, intervalText(d.Difference.Interval), m.Adjusted, d.Detectable, d.Wins, d.Ties, d.Losses)
}
