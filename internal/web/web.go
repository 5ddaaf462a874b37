// Package web serves the assistant over HTTP: the chat page and the pages of documents
// (pages.go), the API and what speaks like OpenAI's or the Model Context Protocol
// (api.go), the console for staff (console.go), health and figures. It knows HTTP, HTML
// and JSON; answering is left to package pipeline, the words of a dialogue to whoever
// implements webhook.Responder, keeping things to package database. cmd/troly calls it.
package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/webhook"
)

// Assistant answers and searches; *pipeline.Assistant is one.
type Assistant interface {
	Ask(ctx context.Context, q pipeline.Question) pipeline.Outcome
	Stream(ctx context.Context, q pipeline.Question, release pipeline.Release) pipeline.Outcome
	Search(ctx context.Context, q pipeline.Question) ([]pipeline.Retrieved, error)
}

// Options are what the pages and the API are made of.
type Options struct {
	Assistant Assistant
	Log       *slog.Logger
	Parts     []Part                  // told of in /readyz
	Webhooks  map[string]http.Handler // by path, for POST: those of the channels that are on
	Now       func() time.Time        // nil: time.Now

	Library   *corpus.Library   // shown as pages at /tt/; nil: none
	Responder webhook.Responder // answers on the chat page; nil: there is none
	Dialogues Dialogues         // what the chat page remembers; nil: in memory
	Scorecard []byte            // the page of evaluation.Report.Scorecard; nil: none

	PublicURL      *url.URL       // where people reach this server; nil: as the request says
	FrameAncestors []string       // origins of the sites that may show the chat in a frame, as in CSP
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and X-Forwarded-Proto are believed
	AsksPerMinute  int            // of one address, ten times as many pages; 0: 120

	Keeper Keeper   // of outcomes and feedback; nil: none is kept and none taken
	Keys   KeyStore // of programs; nil: none has one

	// ProgramsOn reports whether questions of programs are answered: of the API, of
	// OpenAI's clients, of MCP. Documents and the search are open to them either way.
	// nil: they always are.
	ProgramsOn func() bool

	Metrics prometheus.Gatherer // figures told at /metrics; nil: none
	Console *Console            // for staff; nil: there is none

	Build     string        // version of the program, for MCP
	Streams   int           // answers that may be streamed at the same time; 0: 1,000
	KeepAlive time.Duration // of silence, after which a stream shows a sign of life; 0: 10 s
}

// Limits of a request.
const (
	maxBody  = 64 << 10         // bytes: a question and a few turns before it
	maxTurns = 6                // turns of history that are read, the last ones
	answerIn = 20 * time.Second // deadline of one request; the server's own for writing is longer
)

// New returns the handler of:
//
//	GET  /healthz        the process lives
//	GET  /readyz         it can answer; names the parts it does without
//	GET  /metrics        figures for Prometheus, not told through a proxy
//	POST /api/v1/ask     {"question", "audience", "as_of", "history": [{"question","answer"}]} -> Outcome,
//	                     as a stream of events when text/event-stream is accepted
//	GET  /api/v1/search  ?q=…&top=10 -> what retrieval finds
//	POST /api/v1/feedback {"outcome": id of an Outcome, "good": true, "reason": "…"}
//	GET  /api/v1/documents, /api/v1/documents/{id} -> the knowledge as open data
//
// of the pages, see pages.go, and of the console for staff, see console.go. Errors of the
// API are application/problem+json (RFC 9457).
func New(opts Options) http.Handler {
	now := opts.Now
	if now == nil {
		now = time.Now
	}
	s := &server{
		assistant: opts.Assistant, log: opts.Log, parts: opts.Parts, guard: newGuard(opts), now: now, started: now(),
		library: opts.Library, known: newKnown(opts.Library), look: newLook(), scorecard: newScorecard(opts.Scorecard),
	}
	programs := newAPI(opts, s.guard.asking, s.guard.reading)
	if opts.Responder != nil {
		s.chat = newChat(s, programs, opts)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	programs.register(mux)
	if opts.Metrics != nil {
		mux.Handle("GET /metrics", metrics(opts.Metrics))
	}
	for path, hook := range opts.Webhooks {
		mux.Handle(path, hook)
	}
	s.routePages(mux)
	if opts.Console != nil {
		mux.HandleFunc(consolePath+"/", s.guard.reading(newConsole(s, *opts.Console).handler().ServeHTTP, s.tooManyPages))
	}
	return s.guard.wrap(s.explained(mux))
}

// Part is a service that answers are better with and possible without.
type Part struct {
	Name  string
	Check func(context.Context) error // nil when it can be used

	Detail func() any // told in /readyz beside its name; no secret, no person; nil: nothing to tell
}

type server struct {
	assistant Assistant
	log       *slog.Logger
	parts     []Part
	guard     *guard
	now       func() time.Time
	started   time.Time

	checked   readiness
	library   *corpus.Library // nil: no pages on documents
	known     *known
	look      *look
	scorecard *scorecard // nil: none
	chat      *chat      // nil: none
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readiness is what /readyz last said. It is asked without a limit, by monitoring behind
// the same proxy as everybody, so others do not make the parts be checked all the time.
type readiness struct {
	mu    sync.Mutex
	until time.Time
	ok    bool
	body  map[string]any
}

const readyFor = time.Second

// ready tells whether questions can be answered, and what is done without.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	c := &s.checked
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.After(c.until) {
		// Not of this request alone: whoever asks next is told the same.
		c.ok, c.body = s.check(context.WithoutCancel(r.Context()))
		c.until = now.Add(readyFor)
	}
	if !c.ok {
		problem(w, http.StatusServiceUnavailable, "the store cannot be searched")
		return
	}
	reply(w, http.StatusOK, c.body)
}

// check asks the store something small: a process that cannot search is not ready.
// One that does without a part is, and says so; why is for the log.
func (s *server) check(ctx context.Context) (ok bool, body map[string]any) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	found, err := s.assistant.Search(ctx, pipeline.Question{Text: "giấy khai sinh"})
	if err != nil || len(found) == 0 {
		return false, nil
	}
	degraded, details := []string{}, map[string]any{}
	for _, p := range s.parts {
		if p.Detail != nil {
			details[p.Name] = p.Detail()
		}
		if err := inTime(ctx, p.Check); err != nil {
			degraded = append(degraded, p.Name)
			s.log.Debug("ready without a part", "part", p.Name, "err", err)
		}
	}
	body = map[string]any{"status": "ready", "degraded": degraded}
	if len(details) > 0 {
		body["parts"] = details
	}
	return true, body
}

// inTime checks a part within half a second: whoever asks for readiness waits for two.
func inTime(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	return check(ctx)
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client went away: nobody is left to tell
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail})
}
