package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"troly/internal/evaluation"
)

func evalScoreCommand(con *console, opts *options) *cobra.Command {
	var flags setFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "score RUN",
		Short: "Measure the kept answers of a run again, asking nothing",
		Long: `Score measures the outcomes of a finished or unfinished run anew: after a change of
the metrics, or with --set after a change of the expected facts. Without --set the
cases are those the run keeps.`,
		Example: "  troly eval score runs/try\n  troly eval score runs/try --set eval/sets",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := openRun(args[0])
			if err != nil {
				return err
			}
			cases, err := run.Cases()
			if err != nil {
				return usageError{err}
			}
			lib, err := loadLibrary(con, opts)
			if err != nil {
				return err
			}
			if len(flags.sets) > 0 {
				sets, err := flags.load()
				if err != nil {
					return err
				}
				evaluation.Rate(sets, lib)
				made := evaluation.WithVariants(sets, run.Manifest.Variants, run.Manifest.Seed)
				for i := range made {
					cases[made[i].ID] = &made[i]
				}
			}
			s, err := scorer(lib)
			if err != nil {
				return err
			}
			scored, kept, err := run.Rescore(s, cases)
			if err != nil {
				return err
			}
			fmt.Fprintf(con.err, "%d samples scored, %d left as they were\n", scored, kept)
			_, err = report(con, run, asJSON, evaluation.Progress{})
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the summary as JSON")
	return cmd
}
