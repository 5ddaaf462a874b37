package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"troly/internal/corpus"
)

func knowledgeCommand(con *console, opts *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "knowledge",
		Short: "Check and look at the knowledge files",
		Example: `  troly knowledge lint --knowledge ./knowledge
  troly knowledge list
  troly knowledge show khai-sinh`,
	}
	cmd.AddCommand(lintCommand(con, opts), listCommand(con, opts), showCommand(con, opts), staleCommand(con, opts), unitCommand(con, opts))
	return cmd
}

func lintCommand(con *console, opts *options) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "lint",
		Short:   "Check every knowledge file and say what to do about each problem",
		Example: "  troly knowledge lint\n  troly knowledge lint --knowledge ./knowledge",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			problems, err := corpus.Lint(s.knowledgeFS(), corpus.Today(time.Now()))
			if err != nil {
				return err
			}
			if asJSON {
				if problems == nil {
					problems = []corpus.Problem{}
				}
				if err := con.json(problems); err != nil {
					return err
				}
			} else {
				for _, p := range problems {
					fmt.Fprintln(con.out, p)
				}
				fmt.Fprintf(con.err, "%d problems in the knowledge (%s)\n", len(problems), s.knowledgeName())
			}
			if len(problems) > 0 {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the problems as JSON")
	return cmd
}

// documentRow is one line of the list.
type documentRow struct {
	ID         string      `json:"id"`
	Title      string      `json:"title"`
	Collection string      `json:"collection"`
	Confidence string      `json:"confidence"`
	Checked    corpus.Date `json:"checked"`
	Facts      int         `json:"facts"`
	Asked      int         `json:"asked"`
}

func listCommand(con *console, opts *options) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the documents",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			lib, err := loadLibrary(con, opts)
			if err != nil {
				return err
			}
			rows := make([]documentRow, 0, len(lib.Documents))
			for _, d := range lib.Documents {
				rows = append(rows, documentRow{d.ID, d.Title, d.Collection, d.Confidence, d.Checked, len(d.Fees) + len(d.Durations) + len(d.Amounts), len(d.Asked)})
			}
			if asJSON {
				return con.json(rows)
			}
			w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tTIN CẬY\tKIỂM TRA\tSỐ LIỆU\tTÊN")
			for _, r := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", r.ID, r.Confidence, r.Checked, r.Facts, r.Title)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(con.err, "%d documents\n", len(rows))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	return cmd
}

func showCommand(con *console, opts *options) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Print one document with its typed facts",
		Example: "  troly knowledge show khai-sinh",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			lib, err := loadLibrary(&console{out: io.Discard, err: io.Discard}, opts)
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			var ids []string
			for _, d := range lib.Documents {
				ids = append(ids, cobra.CompletionWithDesc(d.ID, d.Title))
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			lib, err := loadLibrary(con, opts)
			if err != nil {
				return err
			}
			doc := lib.Document(args[0])
			if doc == nil {
				return usageError{fmt.Errorf("no document %q (see troly knowledge list)", args[0])}
			}
			if asJSON {
				return con.json(doc)
			}
			printDocument(con, lib, doc)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the document as JSON")
	return cmd
}

func printDocument(con *console, lib *corpus.Library, doc *corpus.Document) {
	width, _ := terminal(con.out)
	st := con.style()
	fmt.Fprintln(con.out, st.bold(doc.Title))
	fmt.Fprintln(con.out, st.dim(fmt.Sprintf("%s · kiểm tra %s · tin cậy %s", doc.ID, doc.Checked, doc.Confidence)))
	fmt.Fprintln(con.out, wrap("Tên gọi khác: "+strings.Join(doc.Aliases, "; "), width))
	for _, s := range lib.Passages(doc) {
		fmt.Fprintf(con.out, "\n%s\n%s\n", st.bold(s.Heading), wrap(s.Body, width))
	}
	fmt.Fprintf(con.out, "\n%s\n", st.bold("Nguồn"))
	for _, src := range doc.Sources {
		fmt.Fprintln(con.out, wrap(strings.TrimSpace(fmt.Sprintf("- %s %s %s", src.Title, src.URL, src.Date)), width))
	}
	fmt.Fprintf(con.out, "\n%s\n", st.bold("Cách người dân hỏi"))
	for _, q := range doc.Asked {
		fmt.Fprintln(con.out, wrap("- "+q, width))
	}
}

func staleCommand(con *console, opts *options) *cobra.Command {
	var asJSON bool
	var asOf string
	var within int
	cmd := &cobra.Command{
		Use:     "stale",
		Short:   "List what is past its validity, ends soon or was checked long ago",
		Example: "  troly knowledge stale --as-of 2027-03-01\n  troly knowledge stale --within 120",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			day, err := parseAsOf(asOf)
			if err != nil {
				return err
			}
			if within < 0 {
				return usageError{fmt.Errorf("--within %d: give a number of days from 0", within)}
			}
			lib, err := loadLibrary(con, opts)
			if err != nil {
				return err
			}
			stale := lib.Stale(day, within)
			if asJSON {
				if stale == nil {
					stale = []corpus.Stale{}
				}
				return con.json(stale)
			}
			w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
			for _, s := range stale {
				state := "sắp đến"
				if s.Due {
					state = "đã qua"
				}
				what := s.What
				if s.Next != "" {
					what += " (sau đó: " + s.Next + ")"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Date, state, s.Document, what)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(con.err, "%d to look at on %s\n", len(stale), day)
			return nil
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "the day to judge by, YYYY-MM-DD (default: today)")
	cmd.Flags().IntVar(&within, "within", corpus.Soon, "list also what ends within that many days")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	return cmd
}

// parseAsOf reads an --as-of flag; empty means today in Vietnam.
func parseAsOf(s string) (corpus.Date, error) {
	if s == "" {
		return corpus.Today(time.Now()), nil
	}
	day, err := corpus.ParseDate(s)
	if err != nil {
		return "", usageError{fmt.Errorf("--as-of: %w", err)}
	}
	return day, nil
}

// loadLibrary is library by the settings of a command that needs no others.
func loadLibrary(con *console, opts *options) (*corpus.Library, error) {
	s, err := readSettings(opts)
	if err != nil {
		return nil, err
	}
	return s.library(con)
}

// library reads the knowledge and warns of what could not be read.
func (s settings) library(con *console) (*corpus.Library, error) {
	lib, problems, save, err := corpus.Open(s.knowledgeFS(), s.file("knowledge.json"))
	warn(con, problems)
	if err != nil {
		return nil, err
	}
	notSaved(con, save())
	return lib, nil
}

// warn prints what is wrong with the knowledge without stopping anything.
func warn(con *console, problems []corpus.Problem) {
	for _, p := range problems {
		fmt.Fprintln(con.err, "troly: knowledge:", p)
	}
}

// notSaved prints that the data directory lacks something, which stops nothing either.
func notSaved(con *console, err error) {
	if err != nil {
		fmt.Fprintln(con.err, "troly: could not save (the answer is not affected):", err)
	}
}
