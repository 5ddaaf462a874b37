package main

import (
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"troly/eval"
	"troly/internal/evaluation"
	"troly/internal/privacy"
)

// privacyFloor is what precision and recall must reach on each split.
const privacyFloor = 0.98

func evalPrivacyCommand(con *console, opts *options) *cobra.Command {
	var asJSON bool
	var file string
	cmd := &cobra.Command{
		Use:   "privacy",
		Short: "Measure how personal data is found and masked",
		Long: `Privacy masks the texts of eval/privacy.jsonl and compares what was found with what is
marked in them: precision and recall per kind, the texts that differ, and how many
texts that only look like personal data were touched. A finding counts when kind and
bounds are as marked. Mistakes on the half called dev were looked at while the masker
was made; the half called test was written at the same time.

Exit status 100 when precision or recall is below 0.98 on either half.`,
		Example: "  troly eval privacy\n  troly eval privacy --json --file texts.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			lib, err := loadLibrary(con, opts)
			if err != nil {
				return err
			}
			var source fs.FS = eval.FS
			name := evaluation.PrivacySet
			if file != "" {
				disk := onDisk(file)
				source, name = disk.FS, disk.Name
			}
			texts, err := evaluation.LoadPrivacy(source, name)
			if err != nil {
				return usageError{err}
			}
			mask := privacy.New(lib.Public).Mask
			reports := []evaluation.PrivacyReport{evaluation.ScorePrivacy(mask, texts, "dev"), evaluation.ScorePrivacy(mask, texts, "test")}
			if asJSON {
				err = con.json(reports)
			} else {
				for i := range reports {
					printPrivacy(con, &reports[i])
				}
			}
			if err != nil {
				return err
			}
			for i := range reports {
				if all := reports[i].All(); all.Precision < privacyFloor || all.Recall < privacyFloor {
					return exitError{exitGate, fmt.Errorf("masking on %s: precision %.3f, recall %.3f; both must be %.2f", reports[i].Split, all.Precision, all.Recall, privacyFloor)}
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the reports as JSON")
	cmd.Flags().StringVar(&file, "file", "", "marked texts to use (default: those in the program)")
	return cmd
}

func printPrivacy(con *console, r *evaluation.PrivacyReport) {
	fmt.Fprintf(con.out, "%s: %d texts, %d hard negatives of which %d touched, %d texts leaking\n", r.Split, r.Texts, r.HardNegatives, r.Touched, r.Leaked)
	fmt.Fprintf(con.out, "  %-12s %6s %6s %6s  %9s  %6s\n", "kind", "right", "missed", "wrong", "precision", "recall")
	for _, s := range r.Kinds {
		fmt.Fprintf(con.out, "  %-12s %6d %6d %6d  %9.3f  %6.3f\n", s.Kind, s.Right, s.Missed, s.Wrong, s.Precision, s.Recall)
	}
	for _, m := range r.Misses {
		fmt.Fprintf(con.out, "  %s: %s\n", m.ID, m.Text)
		for _, s := range m.Missed {
			fmt.Fprintf(con.out, "    missed %s %q\n", s.Kind, s.Text)
		}
		for _, s := range m.Wrong {
			fmt.Fprintf(con.out, "    wrong  %s %q\n", s.Kind, s.Text)
		}
	}
	fmt.Fprintln(con.out)
}
