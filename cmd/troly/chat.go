package main

import (
	"bufio"
	"cmp"
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
			lines, restore, err := lineReader(cmd.Context(), con)
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
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
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
// plain lines otherwise; next ends with ctx too. restore gives the terminal back.
func lineReader(ctx context.Context, con *console) (next func() (string, error), restore func(), err error) {
	in, isFile := con.in.(*os.File)
	_, toTerminal := terminal(con.out)
	if !isFile || !toTerminal || !term.IsTerminal(int(in.Fd())) {
		scanner := bufio.NewScanner(con.in)
		scanner.Buffer(nil, 1<<20)
		return func() (string, error) {
			return whileWanted(ctx, func() (string, error) {
				if scanner.Scan() {
					return scanner.Text(), nil
				}
				return "", cmp.Or(scanner.Err(), io.EOF)
			})
		}, func() {}, nil
	}
	cooked, err := term.GetState(int(in.Fd()))
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the terminal: %w", err)
	}
	screen := con.out
	editor := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, screen}, "> ")
	restore = func() {
		con.out = screen
		_ = term.Restore(int(in.Fd()), cooked)
	}
	con.out = &screenWriter{editor: editor, file: screen}
	return func() (string, error) {
		// Only while it is read: Ctrl-C interrupts an answer as it does any program.
		if _, err := term.MakeRaw(int(in.Fd())); err != nil {
			return "", err
		}
		defer term.Restore(int(in.Fd()), cooked)
		if width, height, err := term.GetSize(int(in.Fd())); err == nil {
			_ = editor.SetSize(width, height) // a wrong size only wraps badly
		}
		return whileWanted(ctx, editor.ReadLine)
	}, restore, nil
}

// whileWanted reads until ctx ends: a read from a terminal cannot be stopped, but nobody
// has to wait for it.
func whileWanted(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// screenWriter prints through the line editor: a bare newline does not return to the
// first column while it reads, and what is printed then must not tear the line.
type screenWriter struct {
	editor *term.Terminal
	file   io.Writer
}

func (w *screenWriter) Write(p []byte) (int, error) { return w.editor.Write(p) }
