package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"troly/eval"
	"troly/internal/corpus"
	"troly/internal/evaluation"
)

func evalLintCommand(con *console, opts *options) *cobra.Command {
	var flags setFlags
	var asJSON, quiet, requote bool
	cmd := &cobra.Command{
		Use:   "lint [FILE...]",
		Short: "Check the question sets against schema and knowledge",
		Long: `Lint checks every case: the schema, Unicode form, that expected documents exist, that
the knowledge says every key fact where its evidence quotes it and the fact's own
matcher finds it there, dates of validity, and that variants have their base and are
what their rule makes. Warnings do not fail.`,
		Example: "  troly eval lint\n  troly eval lint eval/sets/residents.jsonl --knowledge ./knowledge\n  troly eval lint eval/sets --requote",
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.sets = append(flags.sets, args...)
			files, err := flags.files()
			if err != nil {
				return err
			}
			lib, err := loadLibrary(con, opts)
			if err != nil {
				return err
			}
			if requote {
				if err := renewQuotes(con, lib, files); err != nil {
					return usageError{err}
				}
			}
			linter := evaluation.Linter{Lib: lib, Today: corpus.Today(time.Now())}
			problems, err := linter.Lint(files...)
			if err != nil {
				return usageError{err}
			}
			warnings := 0
			for _, p := range problems {
				if p.Warning {
					warnings++
				}
			}
			errs := len(problems) - warnings
			if quiet {
				problems = slices.DeleteFunc(problems, func(p evaluation.Problem) bool { return p.Warning })
			}
			switch {
			case asJSON:
				if err := con.json(append([]evaluation.Problem{}, problems...)); err != nil { // [] rather than null
					return err
				}
			default:
				for _, p := range problems {
					fmt.Fprintln(con.out, p.Error())
				}
			}
			fmt.Fprintf(con.err, "%d sets: %d problems, %d warnings\n", len(files), errs, warnings)
			if errs > 0 {
				return usageError{fmt.Errorf("%d problems in the question sets", errs)}
			}
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the problems as JSON")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "leave warnings out")
	cmd.Flags().BoolVar(&requote, "requote", false, "first renew, in the files, quotes whose words the knowledge has changed while it still says the fact, and quote facts without evidence")
	return cmd
}

// renewQuotes rewrites the sets on disk whose quotes are out of date.
func renewQuotes(con *console, lib *corpus.Library, files []evaluation.SetFile) error {
	for _, f := range files {
		if f.FS == eval.FS {
			return errors.New("--requote changes files: name them, for example eval/sets")
		}
		n, err := evaluation.Requote(f.Shown, lib)
		if err != nil {
			return err
		}
		if n > 0 {
			fmt.Fprintf(con.err, "%s: %d quotes renewed\n", f.Shown, n)
		}
	}
	return nil
}

func evalPerturbCommand(con *console, opts *options) *cobra.Command {
	var flags setFlags
	var names []string
	var seed uint64
	cmd := &cobra.Command{
		Use:   "perturb",
		Short: "Print the questions as people mistype them, as cases",
		Long: `Perturb makes variants of the plain cases by rule: without diacritics, in chat
shorthand, with slips of the keyboard, as keys of Telex, from a place by its old
name. The same seed gives the same lines on every machine; a rule that changes
nothing about a question gives none.`,
		Example: "  troly eval perturb --set residents --variants teencode,typo --seed 7 > variants.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			variants, err := evaluation.ParseVariants(names)
			if err != nil {
				return usageError{fmt.Errorf("--variants: %w", err)}
			}
			cases, err := flags.load()
			if err != nil {
				return err
			}
			enc := json.NewEncoder(con.out)
			enc.SetEscapeHTML(false)
			for _, c := range cases {
				for _, v := range variants {
					if c.Variant != evaluation.Plain || v == evaluation.Plain {
						continue
					}
					if made, ok := evaluation.Perturb(c, v, seed); ok {
						if err := enc.Encode(made); err != nil {
							return err
						}
					}
				}
			}
			return nil
		},
	}
	flags.add(cmd)
	var all []string
	for _, v := range evaluation.Perturbed {
		all = append(all, string(v))
	}
	cmd.Flags().StringSliceVar(&names, "variants", all, "variants to make: "+strings.Join(all, ", "))
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed")
	return cmd
}

func evalCacheCommand(con *console, opts *options) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "cache",
		Short:   "Say what is kept of model answers",
		Example: "  troly eval cache",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			stats, err := evaluation.OpenCache(cacheDir(dir, s)).Stats()
			if err != nil {
				return err
			}
			return con.json(stats)
		},
	}
	cmd.Flags().StringVar(&dir, "cache-dir", "", "folder (default: eval-cache in the data directory)")
	return cmd
}
