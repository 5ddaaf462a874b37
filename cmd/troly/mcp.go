package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"troly/internal/web"
)

func mcpCommand(con *console, opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "mcp",
		Short: "Be a tool of other assistants (Model Context Protocol over stdio)",
		Long: "Mcp speaks the Model Context Protocol on standard input and output: a program with\n" +
			"a language model starts it and may search procedures, read one, look a unit up and\n" +
			"ask. troly serve offers the same tools at /mcp.",
		Example: "  troly mcp\n  {\"mcpServers\": {\"troly\": {\"command\": \"troly\", \"args\": [\"mcp\"]}}}",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			a, err := openAssistant(cmd.Context(), con, s)
			if err != nil {
				return err
			}
			defer a.Close()
			ctx, stop := context.WithCancel(cmd.Context())
			defer stop()
			log := slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: s.LogLevel}))
			a.keepFilling(ctx, log)
			if db := openApproved(ctx, con, s); db != nil {
				var following sync.WaitGroup
				defer db.Close()
				defer following.Wait()
				defer stop()
				following.Go(func() { newApprovals(a, db, log).follow(ctx) })
			}
			tools := web.NewTools(web.Options{Assistant: a, Library: a.lib, Log: log, Build: buildVersion()})
			session, err := tools.Connect(ctx, &mcp.IOTransport{Reader: io.NopCloser(con.in), Writer: nopCloser{con.out}}, nil)
			if err != nil {
				return fmt.Errorf("speak MCP on standard input and output: %w", err)
			}
			defer context.AfterFunc(ctx, func() { session.Close() })()
			if err := session.Wait(); err != nil && ctx.Err() == nil {
				return fmt.Errorf("speak MCP on standard input and output: %w", err)
			}
			return nil
		},
	}
}

// nopCloser leaves standard output open for whoever owns it.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
