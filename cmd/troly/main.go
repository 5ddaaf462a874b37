// Command troly is Trợ lý số Yên Bái: it answers residents' and civil servants'
// questions about public procedures with sources.
//
// A question's way through the program, top to bottom:
//
//	ask.go             the question comes in and the answer is printed
//	assistant.go       settings become parts; the store is brought up to date
//	internal/pipeline  Ask: understand -> retrieve -> answer -> verify
//	internal/retrieval Search: lexical and dense legs, fused, grouped by document
//	internal/corpus    the typed facts the answer is printed from
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	debug.SetGCPercent(300) // a start builds an index of tens of megabytes: collecting half-built ones costs a tenth of it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C twice does not want to wait
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit statuses of every command (eval has more of its own).
const (
	exitDone  = 0
	exitBroke = 1
	exitUsage = 2
)

// usageError is a mistake of the person at the keyboard: bad flags, settings or
// input, in contrast to something broken.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// errReported ends a command with exitBroke after it has printed why.
var errReported = errors.New("already reported")

// run executes one command line and returns its exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{Writer: stdout}
	root := newRoot(&console{in: stdin, out: out, err: stderr})
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("the result could not be printed: %w", out.err)
	}
	var usage usageError
	var own exitError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitBroke
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "troly:", err)
		return exitUsage
	case errors.As(err, &own):
		fmt.Fprintln(stderr, "troly:", err)
		return own.status
	default:
		fmt.Fprintln(stderr, "troly:", err)
		return exitBroke
	}
}

// newRoot builds the command tree. Settings are read when a command runs, so that
// help and completion work with wrong ones.
func newRoot(con *console) *cobra.Command {
	root := &cobra.Command{
		Use:           "troly",
		Short:         "Trợ lý số Yên Bái: hỏi đáp thủ tục hành chính và kỹ năng số",
		Long:          "Trợ lý số Yên Bái answers questions about public procedures and digital skills\nin Vietnamese, with sources. Without any setting it works offline from the\nknowledge inside the program.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Example:       "  troly ask \"làm giấy khai sinh cho con cần giấy tờ gì\"\n  troly chat\n  troly knowledge list",
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
	})
	opts := &options{}
	root.PersistentFlags().StringVar(&opts.knowledge, "knowledge", "", "read the knowledge from this folder instead of the program (TROLY_KNOWLEDGE_DIR)")
	root.PersistentFlags().StringVar(&opts.data, "data", "", "data directory (TROLY_DATA_DIR)")
	_ = root.MarkPersistentFlagDirname("knowledge") // for completion
	_ = root.MarkPersistentFlagDirname("data")
	root.AddCommand(
		askCommand(con, opts), chatCommand(con, opts), searchCommand(con, opts), ingestCommand(con, opts),
		knowledgeCommand(con, opts), doctorCommand(con, opts), serveCommand(con, opts), channelCommand(con, opts), simulateCommand(con, opts), keyCommand(con, opts), mcpCommand(con, opts), staffCommand(con, opts), evalCommand(con, opts),
	)
	for _, cmd := range root.Commands() {
		usageArgs(cmd)
		inheritExamples(cmd, "")
	}
	return root
}

// inheritExamples gives commands without examples those of the ones above that call
// them, down the tree.
func inheritExamples(cmd *cobra.Command, above string) {
	if cmd.Example == "" {
		for line := range strings.Lines(above) {
			if strings.HasPrefix(strings.TrimSpace(line)+" ", cmd.CommandPath()+" ") {
				cmd.Example += line
			}
		}
		cmd.Example = strings.TrimSuffix(cmd.Example, "\n")
	}
	for _, sub := range cmd.Commands() {
		inheritExamples(sub, above+cmd.Example+"\n")
	}
}

// usageArgs turns a wrong number of arguments into a usage error, down the tree.
func usageArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		usageArgs(sub)
	}
}
