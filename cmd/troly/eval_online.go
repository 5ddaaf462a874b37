package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"troly/internal/corpus"
	"troly/internal/evaluation"
)

// onlineFlags are the flags of eval online.
type onlineFlags struct {
	feedback string
	rates    []string
	budget   int
	worst    int
	out      string
	judge    bool
	asJSON   bool
	stored   storedFlags
}

func evalOnlineCommand(con *console, opts *options) *cobra.Command {
	var f onlineFlags
	cmd := &cobra.Command{
		Use:   "online [FILE...]",
		Short: "Measure what people really asked, from kept outcomes",
		Long: `Online reads the outcomes of all channels with their feedback from the database of
troly serve, or outcome records from files, one JSON object a line. It samples them by stratum (all
that failed a check or got a thumbs-down, half of the refusals, fewer of the rest),
measures the sampled by everything that needs no expected answer, and estimates the
figures of all outcomes, weighted by inverse inclusion probability. Decisions are
by the hash of the outcome's ID: the same on every machine and every day. People and
dialogues of the database are hashed with a key that is thrown away.

With OTEL_EXPORTER_OTLP_ENDPOINT each looked-at outcome is a span with an event
gen_ai.evaluation.result for each figure, below the trace the outcome names.`,
		Example: "  troly eval online --from 2026-11-01\n  troly eval online outcomes.jsonl --feedback feedback.jsonl\n  troly eval online outcomes.jsonl --rate rest=0.1 --budget 500 --worst 20",
		RunE: func(cmd *cobra.Command, args []string) error {
			rates, err := f.ratesOf()
			if err != nil {
				return usageError{err}
			}
			outcomes, err := f.outcomes(cmd.Context(), con, opts, args, rates)
			if err != nil {
				return err
			}
			lib, err := loadLibrary(con, opts)
			if err != nil {
				return err
			}
			measure, err := scorer(lib)
			if err != nil {
				return err
			}
			evaluation.DrawSample(outcomes, rates, f.budget)
			judging, err := f.judging(cmd.Context(), con, opts)
			if err != nil {
				return err
			}
			report, err := evaluation.ScoreLive(cmd.Context(), outcomes, measure, judging)
			if err != nil {
				return interrupted(cmd.Context(), err, "nothing was changed")
			}
			if f.out != "" {
				if err := writeLines(f.out, outcomes); err != nil {
					return err
				}
			}
			if err := tellResults(cmd.Context(), opts, report.Looked); err != nil {
				return err
			}
			if f.asJSON {
				return con.json(report)
			}
			return printLive(con.out, report, f.worst)
		},
	}
	fs := cmd.Flags()
	f.stored.add(fs)
	fs.StringVar(&f.feedback, "feedback", "", "file of feedback, one JSON object a line; the later one of a person for an answer counts")
	fs.StringArrayVar(&f.rates, "rate", nil, "share to look at of a stratum, STRATUM=SHARE; may be repeated")
	fs.IntVar(&f.budget, "budget", 0, "look at no more than so many outcomes (0: no limit)")
	fs.BoolVar(&f.judge, "judge", false, "have the model of JUDGE_MODEL, or else LLM_MODEL, judge them too")
	fs.IntVar(&f.worst, "worst", 10, "print so many outcomes that a person should look at")
	fs.StringVar(&f.out, "out", "", "also write the outcomes with their sampling decisions to this file")
	fs.BoolVar(&f.asJSON, "json", false, "print the figures as JSON")
	return cmd
}

// judging is the judge of --judge; a nil interface without.
func (f *onlineFlags) judging(ctx context.Context, con *console, opts *options) (evaluation.Judge, error) {
	if !f.judge {
		return nil, nil
	}
	s, err := readSettings(opts)
	if err != nil {
		return nil, err
	}
	j, err := s.Models.judge(ctx, con.err, filepath.Join(cacheDir("", s), "judge"))
	if err != nil {
		return nil, err
	}
	return j, nil
}

// tellResults sends what was measured to the collector of the settings, if there is
// one.
func tellResults(ctx context.Context, opts *options, looked []evaluation.LiveSample) error {
	s, err := readSettings(opts)
	if err != nil {
		return err
	}
	t, err := newTelemetry(ctx, s, nil)
	if err != nil || t == nil {
		return err
	}
	t.evaluated(ctx, looked)
	return t.Close()
}

// outcomes reads files when there are any, and the database otherwise.
func (f *onlineFlags) outcomes(ctx context.Context, con *console, opts *options, files []string, rates evaluation.Rates) ([]evaluation.Live, error) {
	if len(files) == 0 {
		if f.feedback != "" {
			return nil, usageError{errors.New("eval online: --feedback goes with files; that of the database is read with its outcomes")}
		}
		if f.out != "" {
			rates = nil // all of them are written
		}
		return f.stored.outcomes(ctx, con, opts, rates)
	}
	if f.stored.given() {
		return nil, usageError{errors.New("eval online: give files, or --database, --from, --to and --channel")}
	}
	outcomes, err := f.read(con, files)
	if err != nil {
		return nil, usageError{err}
	}
	return outcomes, nil
}

// read reads outcomes of several files and the feedback on them.
func (f *onlineFlags) read(con *console, names []string) ([]evaluation.Live, error) {
	outcomes, err := readOutcomes(names)
	if err != nil || f.feedback == "" {
		return outcomes, err
	}
	file, err := os.Open(f.feedback)
	if err != nil {
		return nil, fmt.Errorf("--feedback: %w", err)
	}
	defer file.Close()
	unknown, err := evaluation.ReadFeedback(file, f.feedback, outcomes)
	if unknown > 0 {
		fmt.Fprintf(con.err, "%d lines of feedback are about outcomes that are not here\n", unknown)
	}
	return outcomes, err
}

func readOutcomes(names []string) ([]evaluation.Live, error) {
	var readers []io.Reader
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read outcomes: %w", err)
		}
		defer file.Close()
		readers = append(readers, file)
	}
	var all []evaluation.Live
	seen := make(map[string]string)
	for i, r := range readers {
		part, err := evaluation.ReadLive(r, names[i])
		if err != nil {
			return nil, err
		}
		for _, l := range part {
			if first, ok := seen[l.ID]; ok {
				return nil, fmt.Errorf("outcome %q is in %s and in %s", l.ID, first, names[i])
			}
			seen[l.ID] = names[i]
		}
		all = append(all, part...)
	}
	return all, nil
}

// ratesOf are the usual rates with those of the flags in their place.
func (f *onlineFlags) ratesOf() (evaluation.Rates, error) {
	rates := evaluation.DefaultRates()
	for _, s := range f.rates {
		name, value, _ := strings.Cut(s, "=")
		share, err := strconv.ParseFloat(value, 64)
		if _, known := rates[evaluation.Stratum(name)]; !known || err != nil || !(share > 0 && share <= 1) {
			return nil, fmt.Errorf("--rate %q: write STRATUM=SHARE with critical_check, thumbs_down, refusal, low_gap or rest, and a share above 0 up to 1", s)
		}
		rates[evaluation.Stratum(name)] = share
	}
	return rates, nil
}

func writeLines[T any](name string, list []T) error {
	return writeFileWith(name, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for i := range list {
			if err := enc.Encode(list[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func printLive(out io.Writer, r *evaluation.LiveReport, worst int) error {
	fmt.Fprintf(out, "%d outcomes, %d looked at; feedback: %d up, %d down\n", r.Outcomes, r.Sampled, r.Feedback[evaluation.ThumbsUp], r.Feedback[evaluation.ThumbsDown])
	fmt.Fprintf(out, "asked again in other words %d, asked for a human %d, left when asked back %d\n\n", r.Signals["rephrased"], r.Signals["asked_a_human"], r.Signals["left_after_question"])
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "STRATUM\tOUTCOMES\tLOOKED AT")
	for _, s := range r.Strata {
		fmt.Fprintf(w, "%s\t%d\t%d\n", s.Stratum, s.Outcomes, s.Sampled)
	}
	fmt.Fprintln(w, "\nMETRIC\tESTIMATE\t95 %\tLOOKED AT\tEVENTS\tUNWEIGHTED")
	for _, f := range r.Figures {
		interval := shareInterval(f.Estimate.Interval)
		if f.Estimate.SE == 0 {
			interval = "all alike"
		}
		fmt.Fprintf(w, "%s\t%.3f\t%s\t%d\t%d\t%.3f\n", f.Metric, f.Estimate.Mean, interval, f.Estimate.N, f.Events, f.Naive)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if list := r.Worst(worst); len(list) > 0 {
		fmt.Fprintln(out, "\nTo look at:")
		for _, l := range list {
			fmt.Fprintf(out, "  %s  %s, %s: %s\n", l.ID, l.Sampling.Stratum, l.Status, l.Question)
		}
	}
	return nil
}

func evalPromoteCommand(con *console, opts *options) *cobra.Command {
	var ids []string
	var into, out string
	var asJSON, approved bool
	var stored storedFlags
	cmd := &cobra.Command{
		Use:   "promote [FILE]",
		Short: "Turn real questions into cases",
		Long: `Promote works in two steps. With --id it makes candidates of kept outcomes, masked,
for a person to label: expected_docs, key_facts or a refusal, intent, source.author;
a second person fills in source.reviewed_by and review_date. The outcomes are those of
FILE, or without one of the database of troly serve; there --approved makes candidates
of all approved answers, with the answer and its documents filled in.
With --into it checks the labelled candidates of FILE and appends the accepted ones
to a set: gold that the knowledge bears out, two people, no personal data, no
question that is nearly in a set or in the knowledge already. Status 2 when any is
not accepted; the others are written all the same.`,
		Example: "  troly eval promote --id TR7V… -o candidates.jsonl\n  troly eval promote outcomes.jsonl --id o-17,o-23 -o candidates.jsonl\n  troly eval promote candidates.jsonl --into eval/sets/production.jsonl",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case (len(ids) > 0 || approved) == (into != ""):
				return usageError{fmt.Errorf("eval promote: give either --id, to make candidates, or --into, to accept them")}
			case into != "" && len(args) == 0:
				return usageError{errors.New("eval promote: --into needs the file of the candidates")}
			case len(args) == 1 && (approved || stored.URL != ""):
				return usageError{errors.New("eval promote: give a file, or --database and --approved")}
			case into == "" && len(args) == 0:
				return storedCandidates(cmd.Context(), con, opts, stored, ids, approved, out)
			case into == "":
				return makeCandidates(con, args[0], ids, out)
			}
			results, err := acceptCandidates(con, opts, args[0], into)
			if err != nil {
				return err
			}
			return printPromotions(con, results, asJSON)
		},
	}
	fs := cmd.Flags()
	fs.StringSliceVar(&ids, "id", nil, "outcomes to make candidates of")
	fs.BoolVar(&approved, "approved", false, "make candidates of the approved answers of the database")
	fs.StringVar(&stored.URL, "database", "", "database to read: a postgres:// address or a file (default: that of troly serve)")
	fs.StringVar(&into, "into", "", "set file to append accepted candidates to")
	fs.StringVarP(&out, "out", "o", "", "file of the candidates (default: print them)")
	fs.BoolVar(&asJSON, "json", false, "print the decisions as JSON")
	return cmd
}

func makeCandidates(con *console, name string, ids []string, out string) error {
	outcomes, err := readOutcomes([]string{name})
	if err != nil {
		return usageError{err}
	}
	var drafts []evaluation.Draft
	for _, id := range ids {
		i := slices.IndexFunc(outcomes, func(l evaluation.Live) bool { return l.ID == id })
		if i < 0 {
			return usageError{fmt.Errorf("--id %s: no such outcome in %s", id, name)}
		}
		drafts = append(drafts, evaluation.NewDraft(&outcomes[i]))
	}
	return writeCandidates(con, drafts, out)
}

func writeCandidates(con *console, drafts []evaluation.Draft, out string) error {
	if out != "" {
		return writeLines(out, drafts)
	}
	enc := json.NewEncoder(con.out)
	enc.SetEscapeHTML(false)
	for _, d := range drafts {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	return nil
}

func acceptCandidates(con *console, opts *options, name, into string) ([]evaluation.Promotion, error) {
	lib, err := loadLibrary(con, opts)
	if err != nil {
		return nil, err
	}
	sets := setFlags{}
	existing, err := sets.load()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(into); err == nil {
		own, err := onDisk(into).Load()
		if err != nil {
			return nil, usageError{fmt.Errorf("--into: %w", err)}
		}
		existing = append(existing, own...)
	}
	promoter := evaluation.Promoter{Lib: lib, Today: corpus.Today(time.Now()), Existing: existing}
	results, err := promoter.Promote(onDisk(name), into)
	if err != nil {
		return nil, usageError{err}
	}
	return results, nil
}

func printPromotions(con *console, results []evaluation.Promotion, asJSON bool) error {
	accepted := 0
	for _, r := range results {
		if r.Accepted {
			accepted++
		}
	}
	if asJSON {
		if err := con.json(results); err != nil {
			return err
		}
	} else {
		for _, r := range results {
			if r.Accepted {
				fmt.Fprintf(con.out, "%s: accepted\n", r.Case)
			}
			for _, problem := range r.Problems {
				fmt.Fprintf(con.out, "%s: %s\n", r.Case, problem)
			}
		}
	}
	if accepted < len(results) {
		return usageError{fmt.Errorf("%d of %d candidates accepted", accepted, len(results))}
	}
	return nil
}
