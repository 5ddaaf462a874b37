package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"troly/internal/evaluation"
	"troly/internal/judge"
	"troly/internal/statistics"
)

func evalCalibrateCommand(con *console) *cobra.Command {
	var labels string
	var draw int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "calibrate RUN",
		Short: "Compare the model that judged a run with human labels",
		Long: `Calibrate says how far the verdicts a model gave in stage judge of a run agree with
those of people, whether its figures may decide a gate (at least 50 labels, kappa
0.6 with a lower bound of 0.4, at most 5 % without verdict), and what the judged
share is worth after correction.

--draw N prints N items to label, evenly over verdicts and ways of typing: fill in
each "label" and give the file back with --labels. "sources" of a claim are the
sections that it was judged beside: troly knowledge show DOCUMENT prints them.`,
		Example: "  troly eval calibrate runs/try --draw 150 > labels.jsonl\n  troly eval calibrate runs/try --labels labels.jsonl",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := openRun(args[0])
			if err != nil {
				return err
			}
			records, err := run.JudgeRecords()
			if err != nil {
				return err
			}
			switch {
			case len(records) == 0:
				return usageError{fmt.Errorf("run %s has no verdicts of a model: it was not run with --stage judge", args[0])}
			case draw > 0:
				return drawItems(con.out, run, records, draw)
			case labels == "":
				return usageError{fmt.Errorf("eval calibrate: give human labels with --labels, or --draw N to print items to label")}
			}
			list, err := readLabels(labels)
			if err != nil {
				return usageError{err}
			}
			calibrations := judge.Calibrate(records, list)
			if asJSON {
				return con.json(calibrations)
			}
			for _, c := range calibrations {
				if err := printCalibration(con.out, c); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&labels, "labels", "", "file of human labels, one JSON object a line")
	cmd.Flags().IntVar(&draw, "draw", 0, "print so many items to label")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the calibration as JSON")
	return cmd
}

func readLabels(name string) ([]judge.Label, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--labels: %w", err)
	}
	defer f.Close()
	return judge.ReadLabels(f, name)
}

// toLabel is one item as people get it: what is to be judged, beside what, and no
// verdict that could lead them.
type toLabel struct {
	judge.Item
	Text     string   `json:"text"`
	Question string   `json:"question"`
	Answer   string   `json:"answer"`
	Sources  []string `json:"sources,omitempty"` // of a claim: the sections it was judged beside, DOCUMENT/SECTION
	Label    string   `json:"label"`
	Choices  []string `json:"choices"`
}

// drawItems prints items to label: the groups by kind, verdict and way of typing take
// turns, each in an order that only the run's items decide.
func drawItems(out io.Writer, run *evaluation.Run, records []judge.Record, n int) error {
	groups := make(map[[3]string][]judge.Record)
	for _, r := range records {
		key := [3]string{string(r.Kind), string(r.Verdict), r.Variant}
		groups[key] = append(groups[key], r)
	}
	type place struct {
		turn  int
		order float64
		judge.Record
	}
	var places []place
	for _, group := range groups {
		order := func(r judge.Record) float64 { return statistics.Fraction("calibrate", r.Item.String()) }
		slices.SortFunc(group, func(a, b judge.Record) int { return cmp.Compare(order(a), order(b)) })
		for turn, r := range group {
			places = append(places, place{turn, order(r), r})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.turn, b.turn), cmp.Compare(a.order, b.order)) })
	places = places[:min(n, len(places))]
	wanted := make(map[string]*evaluation.Sample)
	for _, p := range places {
		wanted[p.Case+" "+strconv.Itoa(p.Repeat)] = nil
	}
	for s, err := range run.Samples() {
		if err != nil {
			return err
		}
		if key := s.Case + " " + strconv.Itoa(s.Repeat); hasKey(wanted, key) {
			wanted[key] = s
		}
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, p := range places {
		item := toLabel{Item: p.Item, Text: p.Text, Choices: choicesOf(p.Kind)}
		if s := wanted[p.Case+" "+strconv.Itoa(p.Repeat)]; s != nil {
			item.Question, item.Answer = s.Question, s.Answer
			if p.Kind == judge.ClaimKind {
				item.Sources = sourcesOf(s)
			}
		}
		if err := enc.Encode(item); err != nil {
			return err
		}
	}
	return nil
}

// sourcesOf are the sections that an answer cites, and then the others found for it.
func sourcesOf(s *evaluation.Sample) []string {
	var list []string
	add := func(document, section string) {
		if name := document + "/" + section; !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	for _, c := range s.Citations {
		add(c.Document, c.Section)
	}
	for _, r := range s.Retrieved {
		add(r.Document, r.Section)
	}
	return list
}

func hasKey(m map[string]*evaluation.Sample, key string) bool {
	_, ok := m[key]
	return ok
}

func choicesOf(kind judge.Kind) []string {
	var choices []string
	for _, v := range kind.Verdicts() {
		choices = append(choices, string(v))
	}
	return choices
}

func printCalibration(out io.Writer, c judge.Calibration) error {
	fmt.Fprintf(out, "%s: %d labelled of %d judged, %d without verdict\n", c.Kind, c.Labelled, c.Judged, c.Unscored)
	for _, item := range c.Unmatched {
		fmt.Fprintf(out, "  no verdict for the label of %s\n", item)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprint(w, "  HUMAN \\ JUDGE")
	for _, v := range c.Verdicts {
		fmt.Fprintf(w, "\t%s", v)
	}
	fmt.Fprintln(w)
	for i, row := range c.Table {
		fmt.Fprintf(w, "  %s", c.Verdicts[i])
		for _, n := range row {
			fmt.Fprintf(w, "\t%d", n)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if c.Labelled > 0 {
		kappa := "undefined"
		if c.Kappa != nil {
			kappa = fmt.Sprintf("%.3f %s", *c.Kappa, c.KappaInterval)
		}
		fmt.Fprintf(out, "  agreement %.3f, kappa %s, AC1 %.3f, alpha %.3f, TPR %.3f, TNR %.3f\n", c.Agreement, kappa, c.AC1, c.Alpha, c.TPR, c.TNR)
	}
	fmt.Fprintf(out, "  %s as judged %.3f", c.Verdicts[0], c.Raw)
	if c.RoganGladen != nil {
		fmt.Fprintf(out, ", corrected for the judge's errors %.3f", *c.RoganGladen)
	}
	if c.Powered != nil {
		fmt.Fprintf(out, ", with the human labels %.3f %s", c.Powered.Mean, c.Powered.Interval)
	}
	fmt.Fprintln(out)
	for _, s := range c.Slices {
		fmt.Fprintf(out, "  %s %s: agreement %.3f of %d\n", s.By, s.Value, s.Agreement, s.N)
	}
	if c.Gateable {
		fmt.Fprintln(out, "  its figures may decide a gate")
		return nil
	}
	for _, reason := range c.Because {
		fmt.Fprintf(out, "  its figures may not decide a gate: %s\n", reason)
	}
	return nil
}
