package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"troly/internal/conversation"
	"troly/internal/pipeline"
	"troly/internal/webhook"
)

func chatCommand(con *console, opts *options) *cobra.Command {
	var flags askFlags
	cmd := &cobra.Command{
		Use:   "chat",
		Short: "Talk with the assistant in the terminal",
		Long: `Chat is a dialogue: a short follow-up ("thế mất bao nhiêu tiền?") is about what
was asked before, and a number picks what was offered. What is typed is answered as
on the chat channels, commands included: /help lists them. Nothing is kept. Arrow
keys edit the line and bring back earlier ones; /thoat (or Ctrl-D) leaves.`,
		Example: "  troly chat",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			question, err := flags.question("")
			if err != nil {
				return err
			}
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			a, err := openAssistant(cmd.Context(), con, s)
			if err != nil {
				return err
			}
			defer a.Close()
			a.giveApproved(cmd.Context(), con, s)
			lines, restore, err := lineReader(con)
			if err != nil {
				return err
			}
			defer restore()
			return chat(cmd.Context(), con, a, question, lines)
		},
	}
	flags.add(cmd)
	return cmd
}

// chat answers line after line until the input ends.
func chat(ctx context.Context, con *console, a *assistant, question pipeline.Question, next func() (string, error)) error {
	talk := conversation.New(a, a.lib, a.lib.Units, conversation.Options{
		Audience: question.Audience, AsOf: question.AsOf, PerMinute: -1, PerDay: -1, KeepDays: -1, NoStaff: true,
	})
	message := webhook.Message{Channel: "terminal", Dialogue: "terminal", Person: "terminal", Kind: webhook.Joined}
	state := a.reply(ctx, con, talk, message, nil)
	fmt.Fprintf(con.out, "%s\n\n", con.style().dim("/moi: hỏi việc khác, /thoat: thoát"))
	for ctx.Err() == nil {
		line, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the question: %w", err)
		}
		switch line = strings.TrimSpace(line); line {
		case "":
			continue
		case "/thoat", "/quit", "/exit":
			return nil
		}
		message.Kind, message.Text = webhook.Text, line
		state = a.reply(ctx, con, talk, message, state)
	}
	return nil
}

// reply prints what a message is answered, a model's sentences as they are written,
// and returns the state of the dialogue.
func (a *assistant) reply(ctx context.Context, con *console, talk *conversation.Conversation, m webhook.Message, state []byte) []byte {
	var shown string
	var release func(string)
	if a.model {
		release = func(text string) {
			printAnswer(con, strings.TrimPrefix(text, "\n"), shown == "")
			shown += text
		}
	}
	r := talk.Respond(ctx, m, state, release)
	if r.Feedback != nil {
		fmt.Fprintf(con.out, "Cửa sổ lệnh không ghi lại đánh giá.\n\n")
		return r.State
	}
	var o pipeline.Outcome
	if r.Outcome != nil {
		_ = json.Unmarshal(r.Outcome.Body, &o) // it was just written; without it only the layout is plainer
	}
	for i, reply := range r.Replies {
		if i == 0 {
			printUnseen(con, shown, reply.Text, o.Status == pipeline.Answered)
			printSources(con, reply.Sources)
			if o.Status != pipeline.Clarify { // whose choices stand in its text
				printOffers(con, o.Suggestions[:min(len(o.Suggestions), len(reply.Choices))])
			}
		} else {
			printAnswer(con, reply.Text, false)
		}
		fmt.Fprintln(con.out)
	}
	return r.State
}

// printOffers lists what can be asked next by typing its number.
func printOffers(con *console, offers []string) {
	if len(offers) == 0 {
		return
	}
	width, _ := terminal(con.out)
	fmt.Fprintf(con.out, "\n%s\n", con.style().bold("Hỏi tiếp (gõ số)"))
	for i, offer := range offers {
		fmt.Fprintln(con.out, wrap(fmt.Sprintf("%d. %s", i+1, offer), width))
	}
}

// lineReader reads with editing and history when both ends are a terminal, and
// plain lines otherwise. restore gives the terminal back.
func lineReader(con *console) (next func() (string, error), restore func(), err error) {
	in, isFile := con.in.(*os.File)
	_, toTerminal := terminal(con.out)
	if !isFile || !toTerminal || !term.IsTerminal(int(in.Fd())) {
		scanner := bufio.NewScanner(con.in)
		scanner.Buffer(nil, 1<<20)
		return func() (string, error) {
			if scanner.Scan() {
				return scanner.Text(), nil
			}
			if scanner.Err() != nil {
				return "", scanner.Err()
			}
			return "", io.EOF
		}, func() {}, nil
	}
	state, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the terminal: %w", err)
	}
	screen := con.out
	editor := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, screen}, "> ")
	if width, height, err := term.GetSize(int(in.Fd())); err == nil {
		_ = editor.SetSize(width, height) // a wrong size only wraps badly
	}
	con.out = &screenWriter{editor: editor, file: screen}
	return editor.ReadLine, func() {
		con.out = screen
		_ = term.Restore(int(in.Fd()), state)
	}, nil
}

// screenWriter prints through the line editor while the terminal is in raw mode,
// where a bare newline does not return to the first column.
type screenWriter struct {
	editor *term.Terminal
	file   io.Writer
}

func (w *screenWriter) Write(p []byte) (int, error) { return w.editor.Write(p) }
