package zalo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/webhook"
	"troly/internal/zalo/zalotest"
)

// What the sample deliveries were made with.
const (
	sampleApp       = "1234567890123456789"
	sampleOA        = "4318657068771012345"
	sampleSecret    = "TEST-OA-SECRET-KEY-not-real"
	sampleAppSecret = "TEST-APP-SECRET-KEY-not-real"
	sampleUser      = "6142494823000000001"
	sampleClock     = 1795397400000
	botSecret       = "zalo-bot-test-secret-01"
	botToken        = "1459232241454765289:TEST-NOT-REAL"
	firstRefresh    = "SEED-REFRESH-not-real"
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.UnixMilli(sampleClock).UTC()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// counts is what a channel observed.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) observe(what, which string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[what+" "+which]++
}

func (c *counts) get(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[key]
}

// book is a log that can be read.
type book struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// world is a platform, a database, a clock and an account between them.
type world struct {
	*zalotest.Server
	url    string
	db     *database.DB
	path   string
	clock  *clock
	counts counts
	log    book
	heard  time.Time
	slept  []time.Duration
	opts   AccountOptions
}

func newWorld(t testing.TB) *world {
	w := &world{clock: newClock()}
	w.heard = w.clock.Now()
	w.Server = zalotest.New(zalotest.Options{AppID: sampleApp, AppSecret: sampleAppSecret, OAID: sampleOA, OASecret: sampleSecret,
		RefreshToken: firstRefresh, BotToken: botToken, Now: w.clock.Now})
	w.path = filepath.Join(t.TempDir(), "troly.db")
	w.db = openDB(t, w.path)
	w.opts = AccountOptions{AppID: sampleApp, AppSecret: sampleAppSecret, OAID: sampleOA, Secret: sampleSecret, RefreshToken: firstRefresh,
		Tokens: w.db, Log: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observe: w.counts.observe, Now: w.clock.Now, Random: func() float64 { return 0.5 },
		LastHeard: func(context.Context, string) (time.Time, error) { return w.heard, nil },
		Sleep: func(_ context.Context, d time.Duration) error {
			w.slept = append(w.slept, d)
			w.clock.Add(d)
			return nil
		}}
	w.serve(t)
	return w
}

// serve puts the platform on the network.
func (w *world) serve(t testing.TB) {
	server := httptest.NewServer(w.Server)
	t.Cleanup(server.Close)
	w.url, w.opts.APIURL, w.opts.OAuthURL = server.URL, server.URL, server.URL
}

func openDB(t testing.TB, path string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), path, database.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (w *world) account(t testing.TB) *Account {
	t.Helper()
	a, err := NewAccount(w.opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// send sends a reply to the sample person and returns the last error.
func (w *world) send(t testing.TB, a *Account, r webhook.Reply) *webhook.SendError {
	t.Helper()
	return sendTo(t, a, webhook.Message{Dialogue: sampleUser, Kind: webhook.Text}, r)
}

func sendTo(t testing.TB, c webhook.Channel, to webhook.Message, r webhook.Reply) *webhook.SendError {
	t.Helper()
	for _, part := range c.Parts(to, r) {
		if _, err := c.Send(t.Context(), to.Dialogue, part); err != nil {
			e, ok := err.(*webhook.SendError)
			if !ok {
				t.Fatalf("Send returned %T, want *webhook.SendError", err)
			}
			return e
		}
	}
	return nil
}

const sendsTo = "/v3.0/oa/message/cs"
const tokensFrom = "/v4/oa/access_token"

// sample is a delivery of testdata.
type sample struct {
	File    string
	Headers map[string]string
	Expect  string
	body    []byte
	header  http.Header
}

func samples(t testing.TB, folder string) map[string]sample {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", folder, "MANIFEST.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Samples []sample }
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	all := map[string]sample{}
	for _, s := range manifest.Samples {
		if s.body, err = os.ReadFile(filepath.Join("testdata", folder, s.File)); err != nil {
			t.Fatal(err)
		}
		s.header = http.Header{}
		for k, v := range s.Headers {
			s.header.Set(k, v)
		}
		all[s.File[:2]] = s
	}
	if len(all) < 16 {
		t.Fatalf("%d samples in %s", len(all), folder)
	}
	return all
}

// read reads a sample: its only message, or the status it is refused with.
func read(t testing.TB, c webhook.Channel, s sample) (m webhook.Message, status int) {
	t.Helper()
	got, err := c.Read(s.header, s.body)
	if err != nil {
		r, ok := err.(*webhook.Refusal)
		if !ok || len(got) != 0 {
			t.Fatalf("Read(%s) = %v, %v; want a *webhook.Refusal alone", s.File, got, err)
		}
		return m, r.Status
	}
	if len(got) != 1 {
		t.Fatalf("Read(%s) gives %d messages, want 1", s.File, len(got))
	}
	return got[0], http.StatusOK
}

func kept(m webhook.Message) bool { return m.Kind != webhook.Ignored && m.Kind != "" }

// signed is a delivery of the platform as Read gets it.
func (w *world) signed(body []byte) sample {
	return sample{File: "made here", body: body, header: w.Sign(body)}
}

func TestNewAccountRefusesWhatCannotWork(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		name   string
		change func(*AccountOptions)
		want   string
	}{
		{"no app", func(o *AccountOptions) { o.AppID = "" }, "ZALO_APP_ID"},
		{"app not a number", func(o *AccountOptions) { o.AppID = "abc" }, "ZALO_APP_ID"},
		{"no app secret", func(o *AccountOptions) { o.AppSecret = "" }, "ZALO_APP_SECRET"},
		{"account not a number", func(o *AccountOptions) { o.OAID = "x" }, "ZALO_OA_ID"},
		{"secret with space", func(o *AccountOptions) { o.Secret += "\n" }, "ZALO_OA_SECRET"},
		{"address", func(o *AccountOptions) { o.APIURL = "openapi.zalo.me" }, "ZALO_API_URL"},
		{"address with a password", func(o *AccountOptions) { o.OAuthURL = "https://a:b@host" }, "ZALO_OAUTH_URL"},
		{"no store", func(o *AccountOptions) { o.Tokens = nil }, "Tokens"},
	} {
		opts := w.opts
		tc.change(&opts)
		if _, err := NewAccount(opts); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: NewAccount error = %v, want one that names %s", tc.name, err, tc.want)
		} else if strings.Contains(err.Error(), sampleSecret) || strings.Contains(err.Error(), sampleAppSecret) {
			t.Errorf("%s: the error holds a secret: %v", tc.name, err)
		}
	}
}

func TestActionsComeBackAsTheyWere(t *testing.T) {
	for _, action := range []string{"good.0198c2f4-7b1a-7000-8000-000000000001", "choice.2.abc", "xa.1.k", "canbo", "có dấu", "a b", "100%", "%41", "#", " "} {
		payload := payloadOf(action)
		if got := actionOf(payload); got != action {
			t.Errorf("actionOf(%q) = %q, want %q", payload, got, action)
		}
	}
	for _, text := range []string{"", "#", "khai sinh", "#lephi 1.004772", "#Đăng ký", "#" + strings.Repeat("a", 65), "#%zz", "#%ff", "# canbo"} {
		if got := actionOf(text); got != "" {
			t.Errorf("actionOf(%q) = %q, want none", text, got)
		}
	}
}

func contains(calls []zalotest.Call, path string) bool {
	return slices.ContainsFunc(calls, func(c zalotest.Call) bool { return strings.Contains(c.Path, path) })
}

// What somebody types behind the mark is text of a person: a number of theirs is not
// kept as an action, which nothing masks.
func TestNumbersBehindTheMarkAreMasked(t *testing.T) {
	for _, number := range []string{"0912345678", "025099001234", "0912.345.678", "lan.nguyen@gmail.com"} {
		m, why := written(webhook.Message{}, mark+number)
		if m.Kind != webhook.Text || m.Action != "" || strings.Contains(m.Text, number) || why != "" {
			t.Errorf("written(%q) = %s, action %q, text %q, %q; want the text masked", mark+number, m.Kind, m.Action, m.Text, why)
		}
	}
	for range 2000 {
		for _, action := range []string{webhook.GoodAction + rand.Text(), "choice.2." + rand.Text(), "xa.3." + rand.Text(), webhook.BadAction + "0198c2f4-7b1a-7000-8000-000000000001"} {
			if m, _ := written(webhook.Message{}, payloadOf(action)); m.Kind != webhook.Button || m.Action != action {
				t.Fatalf("written(%q) = %s, action %q; want the button", payloadOf(action), m.Kind, m.Action)
			}
		}
	}
}
