package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"troly/internal/pipeline"
)

// askFlags are the flags of every command that asks.
type askFlags struct {
	audience string
	asOf     string
}

func (f *askFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.audience, "audience", "", "who asks: citizen or official (default: both)")
	cmd.Flags().StringVar(&f.asOf, "as-of", "", "answer as on this day, YYYY-MM-DD (default: today)")
	_ = cmd.RegisterFlagCompletionFunc("audience", cobra.FixedCompletions([]string{"citizen", "official"}, cobra.ShellCompDirectiveNoFileComp))
}

// question checks the flags and makes a question of them.
func (f *askFlags) question(text string) (pipeline.Question, error) {
	if f.audience != "" && f.audience != "citizen" && f.audience != "official" {
		return pipeline.Question{}, usageError{fmt.Errorf("--audience %q: write citizen or official", f.audience)}
	}
	asOf, err := parseAsOf(f.asOf)
	if err != nil {
		return pipeline.Question{}, err
	}
	return pipeline.Question{Text: text, Audience: f.audience, AsOf: asOf}, nil
}

func askCommand(con *console, opts *options) *cobra.Command {
	var flags askFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ask QUESTION",
		Short: "Answer one question, with sources",
		Long:  "Ask answers one question in Vietnamese, typed with or without diacritics.\nWith \"-\" the question is read from standard input.",
		Example: `  troly ask "làm giấy khai sinh cho con cần giấy tờ gì"
  troly ask --json "doi bang lai xe may het bao nhieu tien"
  troly ask --as-of 2027-03-01 "đổi bằng lái trực tuyến có mất phí không"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			if text == "-" {
				data, err := io.ReadAll(io.LimitReader(con.in, 1<<20))
				if err != nil {
					return fmt.Errorf("read the question: %w", err)
				}
				text = string(data)
			}
			question, err := flags.question(text)
			if err != nil {
				return err
			}
			a, err := openAssistant(cmd.Context(), con, opts)
			if err != nil {
				return err
			}
			defer a.Close()
			outcome := a.answer(cmd.Context(), con, question, asJSON)
			if asJSON {
				err = con.json(outcome)
			}
			if err == nil && outcome.Status == pipeline.Failed {
				fmt.Fprintln(con.err, "troly:", outcome.Error)
				return errReported
			}
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the whole outcome as JSON")
	return cmd
}

// answer asks and, unless quiet, prints what comes of it; a model's sentences as they
// are written.
func (a *assistant) answer(ctx context.Context, con *console, q pipeline.Question, quiet bool) pipeline.Outcome {
	if quiet || !a.model {
		o := a.Ask(ctx, q)
		if !quiet {
			printOutcome(con, o)
		}
		return o
	}
	shown := ""
	o := a.Stream(ctx, q, func(text string) {
		printAnswer(con, strings.TrimPrefix(text, "\n"), shown == "")
		shown += text
	})
	rest, goesOn := strings.CutPrefix(o.Answer, shown)
	switch {
	case shown == "":
		printOutcome(con, o)
		return o
	case !goesOn:
		fmt.Fprintf(con.out, "\n%s\n\n", con.style().dim("Phần trên chưa trọn vẹn. Câu trả lời đầy đủ:"))
		printOutcome(con, o)
		return o
	case rest != "":
		printAnswer(con, strings.TrimPrefix(rest, "\n"), false)
	}
	printRest(con, o)
	return o
}

// printOutcome lays an answer out for a terminal: the answer, the sources as a
// list, what to ask next. Piped, it is the same text without colour.
func printOutcome(con *console, o pipeline.Outcome) {
	printAnswer(con, o.Answer, o.Status == pipeline.Answered)
	printRest(con, o)
}

// printAnswer lays out the lines of an answer; titled says that the first is a title.
func printAnswer(con *console, answer string, titled bool) {
	width, _ := terminal(con.out)
	st := con.style()
	for i, line := range strings.Split(answer, "\n") {
		text := wrap(line, width)
		switch {
		case i == 0 && titled:
			text = st.bold(text)
		case strings.HasSuffix(line, "]:"):
			text = "\n" + st.cyan(text)
		}
		fmt.Fprintln(con.out, text)
	}
}

// printRest prints what follows an answer.
func printRest(con *console, o pipeline.Outcome) {
	width, _ := terminal(con.out)
	st := con.style()
	if len(o.Citations) > 0 {
		fmt.Fprintf(con.out, "\n%s\n", st.bold("Nguồn"))
		printSources(con, o.Citations, width)
	}
	if len(o.Suggestions) > 0 && o.Status == pipeline.Answered {
		fmt.Fprintf(con.out, "\n%s\n", st.bold("Hỏi tiếp"))
		for _, s := range o.Suggestions {
			fmt.Fprintln(con.out, wrap("- "+s, width))
		}
	}
	fmt.Fprintf(con.out, "\n%s\n", st.dim(wrap(aiNotice, width)))
}

// aiNotice ends every printed answer: people must know that no person wrote it.
const aiNotice = "Trợ lý AI trả lời tự động từ tài liệu đã kiểm tra. Khi cần chắc chắn, hãy hỏi nơi tiếp nhận hồ sơ."

// printSources lists the sources by document: its title and day of checking, the
// cited sections with their marks, the address.
func printSources(con *console, citations []pipeline.Citation, width int) {
	var order []string
	sections := make(map[string][]string)
	first := make(map[string]pipeline.Citation)
	for _, c := range citations {
		if _, ok := first[c.Document]; !ok {
			first[c.Document] = c
			order = append(order, c.Document)
		}
		sections[c.Document] = append(sections[c.Document], fmt.Sprintf("[%d] %s", c.N, c.SectionName()))
	}
	for _, id := range order {
		c := first[id]
		fmt.Fprintln(con.out, wrap(fmt.Sprintf("- %s (kiểm tra ngày %s): %s", c.Title, c.Checked, strings.Join(sections[id], ", ")), width))
		if c.URL != "" {
			fmt.Fprintln(con.out, "  "+con.style().dim(c.URL))
		}
	}
}
