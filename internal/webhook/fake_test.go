package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/webhook"
)

// delivery is what the platform of the tests posts.
type delivery struct {
	ID      string       `json:"id"`
	Chat    string       `json:"chat"`
	Person  string       `json:"person,omitempty"` // Chat when empty
	Text    string       `json:"text"`
	Kind    webhook.Kind `json:"kind,omitempty"`    // Text when empty
	Strange string       `json:"strange,omitempty"` // an event nobody knows
}

// channel is a small platform that signs its deliveries as the real ones do, and
// takes parts of JSON: {"text": "…"}.
type channel struct {
	name   string
	secret []byte
	send   func(ctx context.Context, dialogue, text string) (string, error)
}

var _ webhook.Channel = (*channel)(nil)

const signature = "X-Test-Signature"

func sign(secret, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func (c *channel) Name() string { return c.name }

func (c *channel) Read(header http.Header, body []byte) ([]webhook.Message, error) {
	if values := header.Values(signature); len(values) != 1 || !hmac.Equal([]byte(values[0]), []byte(sign(c.secret, body))) {
		return nil, &webhook.Refusal{Status: http.StatusUnauthorized, Reason: "bad-signature"}
	}
	var d delivery
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, &webhook.Refusal{Status: http.StatusBadRequest, Reason: "bad-body"}
	}
	switch d.Strange {
	case "":
	case "panic":
		panic("a body that says " + d.Text)
	case "not yet":
		return nil, &webhook.Refusal{Status: http.StatusServiceUnavailable, Reason: "name-unknown"}
	case "nothing":
		return nil, nil
	default:
		return []webhook.Message{{Kind: webhook.Ignored, Action: d.Strange}}, nil
	}
	m := webhook.Message{Key: d.ID, Dialogue: d.Chat, Person: d.Person, Kind: d.Kind, Text: d.Text}
	if m.Person == "" {
		m.Person = d.Chat
	}
	if m.Kind == "" {
		m.Kind = webhook.Text
	}
	if m.Kind == webhook.Voice {
		m.Text, m.Media = "", &webhook.Media{ID: d.Text, Kind: "voice", MIME: "audio/ogg"}
	}
	if m.Kind == webhook.Renamed {
		m.Text, m.Action = "", d.Text
	}
	return []webhook.Message{m}, nil
}

// Parts splits at "|".
func (c *channel) Parts(_ webhook.Message, r webhook.Reply) []json.RawMessage {
	var parts []json.RawMessage
	for text := range strings.SplitSeq(r.Text, "|") {
		part, err := json.Marshal(map[string]string{"text": text})
		if err != nil {
			panic(err)
		}
		parts = append(parts, part)
	}
	return parts
}

func (c *channel) Send(ctx context.Context, dialogue string, part json.RawMessage) (string, error) {
	var p struct{ Text string }
	if err := json.Unmarshal(part, &p); err != nil {
		return "", &webhook.SendError{Class: webhook.Rejected, Code: "bad-part", Err: err}
	}
	return c.send(ctx, dialogue, p.Text)
}

// post delivers to a handler as the platform does.
func post(h http.Handler, secret []byte, d delivery) *httptest.ResponseRecorder {
	body, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set(signature, sign(secret, body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// platform is the other side of Send, in memory.
type platform struct {
	mu    sync.Mutex
	taken []taken
	fault func(n int, dialogue, text string) error // of call n, from 0; nil or no error: it is taken
	calls []taken
	more  chan struct{} // closed and replaced at each call
}

type taken struct {
	dialogue, text string
	at             time.Time
}

func newPlatform() *platform { return &platform{more: make(chan struct{})} }

func (p *platform) send(_ context.Context, dialogue, text string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.calls)
	t := taken{dialogue, text, time.Now()}
	p.calls = append(p.calls, t)
	close(p.more)
	p.more = make(chan struct{})
	if p.fault != nil {
		if err := p.fault(n, dialogue, text); err != nil {
			return "", err
		}
	}
	p.taken = append(p.taken, t)
	return fmt.Sprint("receipt-", len(p.taken)), nil
}

// texts are what was taken, in order; of one chat, or of all for "".
func (p *platform) texts(dialogue string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return textsOf(p.taken, dialogue)
}

func (p *platform) called(dialogue string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return textsOf(p.calls, dialogue)
}

func textsOf(all []taken, dialogue string) []string {
	texts := []string{}
	for _, t := range all {
		if dialogue == "" || t.dialogue == dialogue {
			texts = append(texts, t.text)
		}
	}
	return texts
}

// until waits for a condition on the platform, or fails the test: patience is for
// machines that do much besides.
func (p *platform) until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		p.mu.Lock()
		more := p.more
		p.mu.Unlock()
		if condition() {
			return
		}
		select {
		case <-more:
		case <-time.After(20 * time.Millisecond): // it may be about more than calls
		case <-ctx.Done():
			t.Fatalf("%s: not within a minute; the platform has taken %q", what, p.texts(""))
		}
	}
}

// responder answers by a function.
type responder func(ctx context.Context, m webhook.Message, state []byte, release func(string)) webhook.Response

func (f responder) Respond(ctx context.Context, m webhook.Message, state []byte, release func(string)) webhook.Response {
	return f(ctx, m, state, release)
}

// echo answers with the text and remembers all of a dialogue.
func echo(_ context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
	return webhook.Response{
		Replies: []webhook.Reply{{Text: "re " + m.Text}},
		State:   append(slices.Clone(state), []byte(m.Text+";")...),
	}
}

// sorry is the apology of a dispatcher that has one sentence.
func sorry(text string) func(webhook.Message, []byte) webhook.Response {
	return func(_ webhook.Message, state []byte) webhook.Response {
		return webhook.Response{Replies: []webhook.Reply{{Text: text}}, State: state}
	}
}

var secret = []byte("of the tests")

// world is a database, a platform and a channel between them.
type world struct {
	t        testing.TB
	url      string
	db       *database.DB
	platform *platform
	channel  *channel
	hook     http.Handler
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, url: filepath.Join(t.TempDir(), "test.db"), platform: newPlatform()}
	w.channel = &channel{name: "test", secret: secret, send: w.platform.send}
	w.open()
	return w
}

func (w *world) open() {
	w.db = openDB(w.t, w.url, database.Options{})
	w.hook = webhook.NewIntake(w.channel, w.db, webhook.IntakeOptions{})
}

func openDB(t testing.TB, url string, opts database.Options) *database.DB {
	t.Helper()
	opts.Log = slog.New(slog.DiscardHandler)
	db, err := database.Open(context.Background(), url, opts)
	if err != nil {
		t.Fatalf("Open(%q) = %v", url, err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// say posts what somebody writes and fails the test when it is not acknowledged.
func (w *world) say(chat, text string) {
	w.t.Helper()
	w.deliver(delivery{ID: chat + "/" + text, Chat: chat, Text: text})
}

// officerWrites puts the parts of one reply into the outbox that answers no message: a
// correction of the console.
func (w *world) officerWrites(chat string, parts ...string) {
	w.t.Helper()
	var bodies [][]byte
	for _, p := range parts {
		bodies = append(bodies, []byte(p))
	}
	to := database.Recipient{Channel: "test", Dialogue: chat, Person: chat}
	if posted, err := w.db.Correct(w.t.Context(), database.By{Who: "an", Why: "wrong"}, "recall", to, bodies); !posted || err != nil {
		w.t.Fatalf("Correct = %v, %v; want true", posted, err)
	}
}

func (w *world) deliver(d delivery) {
	w.t.Helper()
	if got := post(w.hook, secret, d); got.Code != http.StatusOK {
		w.t.Fatalf("delivery %+v = %d, want 200", d, got.Code)
	}
}

// fast is a line without limits.
func fast(c webhook.Channel) webhook.Line {
	return webhook.Line{Channel: c, PerSecond: 1e6, PerChat: time.Nanosecond, PerGroup: time.Nanosecond}
}

// hurried are options with short waits.
func hurried() webhook.Options {
	return webhook.Options{Workers: 16, Sends: 16, Lease: 2 * time.Second, Poll: 20 * time.Millisecond, Grace: 2 * time.Second,
		FirstWait: 5 * time.Millisecond, Rest: 50 * time.Millisecond, StoppedRest: 50 * time.Millisecond, CallIn: time.Second}
}

// run starts a dispatcher and returns what ends it and waits.
func run(t testing.TB, db *database.DB, r webhook.Responder, lines []webhook.Line, opts webhook.Options) (d *webhook.Dispatcher, stop func()) {
	d = webhook.NewDispatcher(db, r, lines, opts)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return d, stop
}

// logged collects what is logged, at every level.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
