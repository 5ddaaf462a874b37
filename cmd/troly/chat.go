package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"troly/internal/pipeline"
)

// maxHistory is how many earlier turns a question may lean on.
const maxHistory = 6

func chatCommand(con *console, opts *options) *cobra.Command {
	var flags askFlags
	cmd := &cobra.Command{
		Use:   "chat",
		Short: "Talk with the assistant in the terminal",
		Long: `Chat is a dialogue: a short follow-up ("thế mất bao nhiêu tiền?") is about what
was asked before. Arrow keys edit the line and bring back earlier ones.
Type /moi to begin anew and /thoat (or Ctrl-D) to leave.`,
		Example: "  troly chat",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			question, err := flags.question("")
			if err != nil {
				return err
			}
			a, err := openAssistant(cmd.Context(), con, opts)
			if err != nil {
				return err
			}
			defer a.Close()
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
	fmt.Fprintln(con.out, "Xin chào! Tôi là trợ lý AI về thủ tục hành chính và kỹ năng số. Bạn muốn hỏi gì? (/moi: hỏi việc khác, /thoat: thoát)")
	for ctx.Err() == nil {
		line, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the question: %w", err)
		}
		switch strings.TrimSpace(line) {
		case "":
			continue
		case "/thoat", "/quit", "/exit":
			return nil
		case "/moi":
			question.History = nil
			fmt.Fprintln(con.out, "Đã bắt đầu lại. Bạn muốn hỏi gì?")
			continue
		}
		question.Text = line
		outcome := a.answer(ctx, con, question, false)
		fmt.Fprintln(con.out)
		question.History = append(question.History, outcome.Turn())
		if n := len(question.History); n > maxHistory {
			question.History = question.History[n-maxHistory:]
		}
	}
	return nil
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
