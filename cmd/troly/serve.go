package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"troly/eval"
	"troly/internal/web"
)

// drainIn is how long questions under way may take after the order to stop.
const drainIn = 25 * time.Second

func serveCommand(con *console, opts *options) *cobra.Command {
	var poll polls
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer on the web, over the API and on the chat platforms",
		Long: `Serve answers at TROLY_ADDR: the chat page, the API under /api/v1, chat completions as
OpenAI's clients ask for them under /v1, tools for other assistants at /mcp. Telegram, the Zalo Official
Account and the Zalo bot are on when they are set; their platforms deliver to
/webhooks/telegram, /webhooks/zalo and /webhooks/zalo-bot under TROLY_PUBLIC_URL, or
are polled from an office without a public address. /healthz, /readyz and /metrics
(Prometheus; not through a proxy) are for monitoring. It stops on SIGTERM after the questions under way.`,
		Example: "  troly serve\n  troly serve --telegram-poll\n  curl -s -H 'Content-Type: application/json' -d '{\"question\":\"làm khai sinh cần gì\"}' http://127.0.0.1:8080/api/v1/ask",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			registry := prometheus.NewRegistry()
			registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
			a, err := openMeasured(cmd.Context(), con, s, registry)
			if err != nil {
				return err
			}
			defer a.Close()
			log := slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: s.LogLevel}))
			db, err := s.openDatabase(cmd.Context(), log)
			if err != nil {
				return err
			}
			defer db.Close()
			switches, err := newSwitchboard(cmd.Context(), db, log)
			if err != nil {
				return err
			}
			a.switches.Store(switches)
			chat, err := openChannels(cmd.Context(), s, a, db, registry, poll, log, switches.lines)
			if err != nil {
				return err
			}
			listener, err := net.Listen("tcp", s.Addr)
			if err != nil {
				return fmt.Errorf("TROLY_ADDR %s: %w", s.Addr, err)
			}
			figures, err := s.Telemetry.listen()
			if err != nil {
				listener.Close()
				return err
			}
			ctx, stop := context.WithCancel(cmd.Context())
			a.keepFilling(ctx, log)
			fmt.Fprintf(con.err, "troly: listening on http://%s", listener.Addr())
			for _, name := range chat.on {
				fmt.Fprint(con.err, ", ", name)
			}
			fmt.Fprintln(con.err)
			var background sync.WaitGroup
			defer background.Wait()
			defer stop()
			background.Go(func() { chat.run(ctx, s.Database.retention()) })
			background.Go(func() { switches.run(ctx) })
			approved := newApprovals(a, db, log)
			background.Go(func() { approved.run(ctx) })
			parts := append(chat.parts(), web.Part{Name: "database", Check: db.Ping})
			if a.remote != nil {
				parts = append(parts, web.Part{Name: "qdrant", Check: a.remote.Check})
				background.Go(func() { keepFilled(ctx, a.remote, a.lib, a.vectors.forPassages(), lookEvery, log) })
			}
			ancestors, _ := s.Pages.ancestors() // checked with the settings
			proxies, _ := s.Pages.proxies()
			options := web.Options{
				Assistant: a, Log: log, Parts: parts, Webhooks: chat.hooks,
				Library: a.lib, Responder: switchedPage{chat.talk, switches}, Scorecard: scorecard(), PublicURL: s.publicURL(), Build: buildVersion(),
				Keeper: db, Keys: db, ProgramsOn: func() bool { return switches.On(programsSwitch) }, Dialogues: web.Kept{Store: db}, Console: consoleOf(s, a, db, chat, switches, approved, func(work func(context.Context)) { background.Go(func() { work(ctx) }) }),
				FrameAncestors: ancestors, TrustedProxies: proxies, AsksPerMinute: s.Pages.AsksPerMinute,
			}
			if figures == nil {
				options.Metrics = registry
			} else {
				background.Go(func() {
					if err := serve(ctx, figures, web.Figures(registry)); err != nil {
						log.Error("TROLY_METRICS_ADDR is served no more", "err", err)
					}
				})
			}
			return serve(ctx, listener, web.New(options))
		},
	}
	cmd.Flags().BoolVar(&poll.telegram, "telegram-poll", false, "ask Telegram for messages instead of having them delivered")
	cmd.Flags().BoolVar(&poll.zaloBot, "zalo-bot-poll", false, "ask Zalo for the bot's messages instead of having them delivered")
	return cmd
}

// scorecard is the public page of quality figures; nil when the build has none.
func scorecard() []byte {
	page, _ := fs.ReadFile(eval.FS, "scorecard.html")
	return page
}

// newServer keeps everybody within a time: who sends or takes a byte now and then would
// hold a connection for ever. Streams have deadlines of their own for writing.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
}

// serve answers until ctx ends, then lets questions under way finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := newServer(handler)
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
