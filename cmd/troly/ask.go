package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"troly/internal/conversation"
	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/webhook"
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
		Long: fmt.Sprintf(`Ask answers one question in Vietnamese, typed with or without diacritics.
An answer that staff approved is given first, when the data directory or DATABASE_URL
has one to that question.
With "-" the question is read from standard input. Of a longer one the first
%d bytes count.`, pipeline.MaxQuestion),
		Example: `  troly ask "làm giấy khai sinh cho con cần giấy tờ gì"
  troly ask --json "doi bang lai xe may het bao nhieu tien"
  troly ask --as-of 2027-03-01 "đổi bằng lái trực tuyến có mất phí không"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			if text == "-" {
				var err error
				text, err = whileWanted(cmd.Context(), func() (string, error) {
					data, err := io.ReadAll(io.LimitReader(con.in, 1<<20))
					return string(data), err
				})
				if err != nil {
					return fmt.Errorf("read the question: %w", err)
				}
			}
			question, err := flags.question(text)
			if err != nil {
				return err
			}
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			a, err := openUnsaved(cmd.Context(), con, s, nil)
			if err != nil {
				return err
			}
			defer a.Close()
			a.giveApproved(cmd.Context(), con, s)
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
	printUnseen(con, shown, o.Answer, o.Status == pipeline.Answered)
	printRest(con, o)
	return o
}

// printUnseen prints what of an answer was not shown while it was written; all of it
// when that turned out otherwise.
func printUnseen(con *console, shown, answer string, titled bool) {
	rest, goesOn := strings.CutPrefix(answer, shown)
	switch {
	case shown == "":
		printAnswer(con, answer, titled)
	case !goesOn:
		fmt.Fprintf(con.out, "\n%s\n\n", con.style().dim("Phần trên chưa trọn vẹn. Câu trả lời đầy đủ:"))
		printAnswer(con, answer, titled)
	case rest != "":
		printAnswer(con, strings.TrimPrefix(rest, "\n"), false)
	}
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
	printSources(con, conversation.Sources(o.Citations))
	width, _ := terminal(con.out)
	if len(o.Suggestions) > 0 && o.Status == pipeline.Answered {
		fmt.Fprintf(con.out, "\n%s\n", con.style().bold("Hỏi tiếp"))
		for _, s := range o.Suggestions {
			fmt.Fprintln(con.out, wrap("- "+s, width))
		}
	}
	fmt.Fprintf(con.out, "\n%s\n", con.style().dim(wrap(aiNotice, width)))
}

// aiNotice ends every printed answer: people must know that no person wrote it.
const aiNotice = "Trợ lý AI trả lời tự động từ tài liệu đã kiểm tra. Khi cần chắc chắn, hãy hỏi nơi tiếp nhận hồ sơ."

// printSources lists the sources by document: its title and day of checking, the
// cited sections with their marks, the address.
func printSources(con *console, sources []webhook.Source) {
	if len(sources) == 0 {
		return
	}
	width, _ := terminal(con.out)
	fmt.Fprintf(con.out, "\n%s\n", con.style().bold("Nguồn"))
	var order []string
	sections := make(map[string][]string)
	first := make(map[string]webhook.Source)
	for _, s := range sources {
		if _, ok := first[s.Title]; !ok {
			first[s.Title] = s
			order = append(order, s.Title)
		}
		sections[s.Title] = append(sections[s.Title], fmt.Sprintf("[%d] %s", s.N, s.Section))
	}
	for _, title := range order {
		s := first[title]
		fmt.Fprintln(con.out, wrap(fmt.Sprintf("- %s (kiểm tra ngày %s): %s", title, corpus.Date(s.Checked), strings.Join(sections[title], ", ")), width))
		if s.URL != "" {
			fmt.Fprintln(con.out, "  "+con.style().dim(s.URL))
		}
	}
}
