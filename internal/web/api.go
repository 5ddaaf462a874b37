package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"troly/internal/corpus"
	"troly/internal/pipeline"
)

// api is what programs speak to, and the chat page.
type api struct {
	assistant Assistant
	log       *slog.Logger
	streams   chan struct{} // a place for each open stream
	silence   time.Duration
	shelf     *shelf
	now       func() time.Time
	build     string
	describes body // itself: openapi.json
	keeper    Keeper
	keys      keyring
	on        func() bool // whether questions are answered

	asking, reading limit // of requests without a key
}

// newAPI makes the API. Requests without a key are kept within the limits: of questions,
// and of open data.
func newAPI(opts Options, asking, reading limit) *api {
	now, on, lib := opts.Now, opts.ProgramsOn, opts.Library
	if now == nil {
		now = time.Now
	}
	if on == nil {
		on = func() bool { return true }
	}
	if lib == nil {
		lib = &corpus.Library{Units: new(corpus.Units)}
	}
	return &api{
		assistant: opts.Assistant, log: opts.Log, now: now, build: cmp.Or(opts.Build, "devel"), shelf: newShelf(lib), describes: tagged(openAPI),
		streams: make(chan struct{}, cmp.Or(opts.Streams, 1000)), silence: cmp.Or(opts.KeepAlive, 10*time.Second),
		keeper: opts.Keeper, keys: keyring{store: opts.Keys, now: now, limits: make(map[int64]*rate.Limiter)},
		on: on, asking: asking, reading: reading,
	}
}

// route is one way to call the API.
type route struct {
	method, path string
	scope        Scope // that a key needs; empty: it needs none
	handle       http.HandlerFunc
	open         bool // to pages of other sites: data for everybody, the same for everybody
}

func (a *api) routes() []route {
	return []route{
		{method: "POST", path: "/api/v1/ask", scope: ScopeAsk, handle: a.unlessOff(a.ask, problem)},
		{method: "GET", path: "/api/v1/search", scope: ScopeSearch, handle: a.search},
		{method: "GET", path: "/api/v1/documents", scope: ScopeDocuments, handle: a.documents, open: true},
		{method: "GET", path: "/api/v1/documents/{id}", scope: ScopeDocuments, handle: a.document, open: true},
		{method: "GET", path: "/api/v1/openapi.json", handle: a.describe, open: true},
		{method: "POST", path: "/api/v1/feedback", scope: ScopeFeedback, handle: a.feedback},
		{method: "GET", path: "/v1/models", scope: ScopeOpenAI, handle: a.models},
		{method: "POST", path: "/v1/chat/completions", scope: ScopeOpenAI, handle: a.unlessOff(a.completions, chatProblem)},
		{method: "POST", path: "/mcp", scope: ScopeMCP, handle: a.overHTTP()},
	}
}

// register adds the API to a mux. A path that is there is refused by its other
// methods with what it takes, one that is not as a problem.
func (a *api) register(mux *http.ServeMux) {
	allowed := make(map[string][]string)
	shared := make(map[string]bool)
	for _, r := range a.routes() {
		handle := r.handle
		if r.scope != "" {
			handle = a.admit(r)
		}
		if r.open {
			shared[r.path] = true
			handle = share(handle)
		}
		mux.HandleFunc(r.method+" "+r.path, handle)
		allowed[r.path] = append(allowed[r.path], r.method)
		if r.method == http.MethodGet {
			allowed[r.path] = append(allowed[r.path], http.MethodHead)
		}
	}
	for path, methods := range allowed {
		other := otherMethods(strings.Join(append(methods, http.MethodOptions), ", "), problemFor(path))
		if shared[path] {
			other = share(other)
		}
		mux.HandleFunc(path, other)
	}
	const lost = "no such path; /api/v1/openapi.json describes those there are"
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) { problem(w, http.StatusNotFound, lost) })
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, _ *http.Request) { chatProblem(w, http.StatusNotFound, lost) })
}

// unlessOff answers questions as long as staff have not turned that off.
func (a *api) unlessOff(next http.HandlerFunc, problem func(w http.ResponseWriter, status int, detail string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.on() {
			w.Header().Set("Retry-After", "600") // a guess: people turn it on again
			problem(w, http.StatusServiceUnavailable, "questions are not answered at this moment: turned off by staff; search and documents are open")
			return
		}
		next(w, r)
	}
}

// otherMethods says what a path takes, to OPTIONS and to every method it does not take.
func otherMethods(allow string, problem func(w http.ResponseWriter, status int, detail string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		problem(w, http.StatusMethodNotAllowed, "this path takes "+allow)
	}
}

// problemFor is how the errors of a path are told.
func problemFor(path string) func(w http.ResponseWriter, status int, detail string) {
	if strings.HasPrefix(path, "/v1/") {
		return chatProblem
	}
	return problem
}

// share lets pages of any other site read what a path gives.
func share(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, HEAD")
			h.Set("Access-Control-Allow-Headers", "If-None-Match")
			h.Set("Access-Control-Max-Age", "86400")
		} else {
			h.Set("Access-Control-Expose-Headers", "ETag")
		}
		next(w, r)
	}
}

// think lets the assistant answer within its deadline and keeps what came of it. What
// went wrong is for the log: a resident never sees it.
func (a *api) think(ctx context.Context, channel string, q pipeline.Question, release pipeline.Release) keptOutcome {
	thinking, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	var outcome pipeline.Outcome
	if release == nil {
		outcome = a.assistant.Ask(thinking, q)
	} else {
		outcome = a.assistant.Stream(thinking, q, release)
	}
	if ctx.Err() != nil { // who asked went away
		return keptOutcome{Outcome: outcome}
	}
	if outcome.Status == pipeline.Failed {
		a.log.Error("question not answered", "err", outcome.Error)
	}
	id := a.keep(ctx, channel, outcome)
	outcome.Error = ""
	return keptOutcome{id, outcome}
}

// refusal is why a request was not taken.
type refusal struct {
	status int
	detail string
}

func (r *refusal) Error() string { return r.detail }

// readJSON reads the one JSON document of a request into v. Strict refuses fields that
// v does not have. The error is a *refusal.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, strict bool, v any) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return &refusal{http.StatusUnsupportedMediaType, "send JSON with Content-Type: application/json"}
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	if strict {
		dec.DisallowUnknownFields()
	}
	err := dec.Decode(v)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = errors.New("one JSON document, nothing after it")
		}
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &refusal{http.StatusRequestEntityTooLarge, "a request has at most " + strconv.FormatInt(limit>>10, 10) + " KiB"}
	}
	return &refusal{http.StatusBadRequest, "not the JSON expected: " + err.Error()}
}

// refuse answers a refusal as a problem.
func refuse(w http.ResponseWriter, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{http.StatusBadRequest, err.Error()}
	}
	problem(w, r.status, r.detail)
}
