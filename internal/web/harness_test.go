package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/eval"
	"troly/internal/corpus"
	"troly/internal/ingest"
	"troly/internal/pipeline"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
	"troly/internal/web"
	"troly/internal/webhook"
	"troly/knowledge"
)

var someDay = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)

func someNow() time.Time { return someDay }

// real is the assistant of the embedded knowledge, made once for all tests.
var real = sync.OnceValues(func() (*corpus.Library, *pipeline.Assistant) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		panic(err)
	}
	store, note := vectorstore.OpenEmbedded(context.Background(), "", retrieval.Schema(0))
	if note != nil {
		panic(note)
	}
	syncer := ingest.Syncer{Store: store, Encoder: retrieval.NewEncoder(lib)}
	if _, err := syncer.Sync(context.Background(), lib); err != nil {
		panic(err)
	}
	return lib, pipeline.New(lib, retrieval.New(lib, store, nil, retrieval.Options{}), pipeline.Options{Now: someNow})
})

// responder answers with an assistant, gives each answer an outcome to rate, and
// notes what it was asked. Its state counts the messages of the dialogue. pieces are
// released one after the other when step is received from.
type responder struct {
	assistant web.Assistant
	pieces    []string
	step      chan struct{} // nil: at once

	mu    sync.Mutex
	asked []webhook.Message
}

func (r *responder) messages() []webhook.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]webhook.Message(nil), r.asked...)
}

type memo struct {
	N       int             `json:"n"`
	History []pipeline.Turn `json:"history"`
}

func (r *responder) Respond(ctx context.Context, m webhook.Message, state []byte, release func(string)) webhook.Response {
	r.mu.Lock()
	r.asked = append(r.asked, m)
	r.mu.Unlock()
	var s memo
	if state != nil {
		if err := json.Unmarshal(state, &s); err != nil {
			panic(err)
		}
	}
	s.N++
	done := func(resp webhook.Response) webhook.Response {
		if !resp.Erase {
			resp.State, _ = json.Marshal(s) // plain data
		}
		return resp
	}
	if outcome, ok := strings.CutPrefix(m.Action, webhook.BadAction); ok {
		return done(webhook.Response{Replies: []webhook.Reply{{Text: "Cảm ơn bạn. Điều gì chưa đúng?", Choices: []webhook.Choice{{Label: "Sai số tiền", Action: "why:1"}}}}, Feedback: &webhook.Feedback{Outcome: outcome}})
	}
	switch {
	case m.Action != "":
		return done(webhook.Response{Replies: []webhook.Reply{{Text: "Đã ghi: " + m.Action}}})
	case m.Command == "xoa":
		return done(webhook.Response{Erase: true, Replies: []webhook.Reply{{Text: "Đã xóa."}}})
	case m.Command == "canbo":
		return done(webhook.Response{Ticket: &webhook.Ticket{Reason: "asked"}, Replies: []webhook.Reply{{Text: "Đã chuyển cán bộ."}}})
	case m.Command != "":
		return done(webhook.Response{Replies: []webhook.Reply{{Text: "Mời bạn hỏi."}}})
	}
	for _, p := range r.pieces {
		if r.step != nil {
			<-r.step
		}
		if release != nil {
			release(p)
		}
	}
	o := r.assistant.Ask(ctx, pipeline.Question{Text: m.Text, History: s.History})
	if len(r.pieces) > 0 {
		o.Answer = strings.Join(r.pieces, "")
	}
	s.History = append(s.History, o.Turn())
	reply := webhook.Reply{Text: o.Answer, Feedback: fmt.Sprintf("outcome-%d", s.N)}
	for _, c := range o.Citations {
		reply.Sources = append(reply.Sources, webhook.Source{N: c.N, Title: c.Title, Section: c.SectionName(), URL: c.URL, Checked: string(c.Checked)})
	}
	for i, words := range o.Suggestions {
		reply.Choices = append(reply.Choices, webhook.Choice{Label: words, Action: fmt.Sprintf("s:%d", i)})
	}
	for i := range reply.Choices {
		reply.Choices[i].Action = "" // its words are asked
	}
	body, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return done(webhook.Response{Replies: []webhook.Reply{reply}, Outcome: &webhook.Outcome{ID: reply.Feedback, Status: string(o.Status), Body: body}})
}

// options are those of a whole server on the embedded knowledge.
func options(t testing.TB) web.Options {
	t.Helper()
	lib, assistant := real()
	card, err := eval.FS.ReadFile("scorecard.html")
	if err != nil {
		t.Fatal(err)
	}
	return web.Options{
		Assistant: assistant, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Now: someNow,
		Library: lib, Responder: &responder{assistant: assistant}, Scorecard: card, AsksPerMinute: 10_000,
	}
}

// patience is how long a test waits for what must come: much longer than it takes, since
// many tests may share two slow processors.
const patience = time.Minute

// eventually waits until something is so, and reports whether it came to be.
func eventually(so func() bool) bool {
	for end := time.Now().Add(patience); ; time.Sleep(25 * time.Millisecond) {
		if so() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// serve starts a server that the test ends.
func serve(t testing.TB, opts web.Options) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(web.New(opts))
	t.Cleanup(server.Close)
	return server
}
