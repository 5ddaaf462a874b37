package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"troly/internal/web"
)

// drainIn is how long questions under way may take after the order to stop.
const drainIn = 25 * time.Second

func serveCommand(con *console, opts *options) *cobra.Command {
	return &cobra.Command{
		Use:     "serve",
		Short:   "Answer over HTTP",
		Long:    "Serve answers at TROLY_ADDR: the API under /api/v1 (ask, search, documents), chat\ncompletions as OpenAI's clients ask for them under /v1, tools for other assistants\nat /mcp; /healthz and /readyz are for monitoring. It stops on SIGTERM after the\nquestions under way.",
		Example: "  troly serve\n  curl -s -H 'Content-Type: application/json' -d '{\"question\":\"làm khai sinh cần gì\"}' http://127.0.0.1:8080/api/v1/ask",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			a, err := openAssistant(cmd.Context(), con, opts)
			if err != nil {
				return err
			}
			defer a.Close()
			log := slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: s.LogLevel}))
			listener, err := net.Listen("tcp", s.Addr)
			if err != nil {
				return fmt.Errorf("TROLY_ADDR %s: %w", s.Addr, err)
			}
			ctx, stop := context.WithCancel(cmd.Context())
			a.keepFilling(ctx, log)
			fmt.Fprintf(con.err, "troly: listening on http://%s\n", listener.Addr())
			var background sync.WaitGroup
			defer background.Wait()
			defer stop()
			var parts []web.Part
			if a.remote != nil {
				parts = append(parts, web.Part{Name: "qdrant", Check: a.remote.Check})
				background.Go(func() { keepFilled(ctx, a.remote, a.lib, a.vectors.forPassages(), lookEvery, log) })
			}
			return serve(ctx, listener, web.New(web.Options{Assistant: a, Log: log, Parts: parts, Library: a.lib, Build: buildVersion()}))
		},
	}
}

// serve answers until ctx ends, then lets questions under way finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainIn)
	defer cancel()
	err := server.Shutdown(drain)
	if serveErr := <-stopped; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}
