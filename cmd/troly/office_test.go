package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"troly/internal/database"
	"troly/internal/database/databasetest"
	"troly/internal/llm/llmtest"
	"troly/internal/telegram/telegramtest"
	"troly/internal/web"
	"troly/internal/webhook"
	"troly/internal/zalo/zalotest"
)

// shared is one assistant for all tests of the binary that need no other: making one
// takes longer than most of them.
type shared struct {
	once sync.Once
	dir  string
	a    *assistant
	err  error
}

var sharedAssistant shared

// postgres is started by the first test that needs one.
var postgres databasetest.Server

func (s *shared) get(t *testing.T) *assistant {
	t.Helper()
	s.once.Do(func() {
		if s.dir, s.err = os.MkdirTemp("", "troly-test-"); s.err == nil {
			s.a, s.err = openAssistant(context.Background(), &console{out: io.Discard, err: io.Discard}, readIn(t, options{data: s.dir, knowledge: someKnowledge(t)}))
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.a
}

func (s *shared) close() {
	if s.a != nil {
		_ = s.a.Close() // the folder goes
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // it is in the system's folder for such
	}
}

// readIn reads the settings as a command with these flags does.
func readIn(t *testing.T, opts options) settings {
	t.Helper()
	s, err := readSettings(&opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// withModel is an assistant of its own whose answers a model words, on a server of
// this machine.
func withModel(t *testing.T, settings map[string]string) (*assistant, *llmtest.Server) {
	t.Helper()
	server := llmtest.NewServer(t)
	t.Setenv("OPENAI_BASE_URL", server.URL)
	t.Setenv("LLM_MODEL", "qwen")
	for name, value := range settings {
		t.Setenv(name, value)
	}
	a, err := openAssistant(t.Context(), &console{out: io.Discard, err: io.Discard}, readIn(t, options{data: t.TempDir(), knowledge: someKnowledge(t)}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a, server
}

// logged is a log that can be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	officeSecret = "yb-test_SECRET-01"
	officeAppID  = "1234567890123456789"
	officeOAID   = "4318657068771012345"
	officeBot    = "1459232241454765289:BOT-TOKEN-not-real"
)

// officeSecrets are all that nobody may read anywhere.
var officeSecrets = []string{telegramtest.Token, "TEST-TOKEN-NOT-REAL", officeSecret, "APP-SECRET-not-real", "OA-SECRET-not-real", "ACCESS-", "REFRESH-", "BOT-TOKEN-not-real"}

// office is a server with all channels on, between the platforms, which are played on
// this machine and go on when it is stopped and started again.
type office struct {
	t        *testing.T
	a        *assistant
	telegram *telegramtest.API
	zalo     *zalotest.Server
	settings settings
	path     string           // of the database
	options  database.Options // of the database
	tune     []tuning
	log      logged

	db       *database.DB
	chat     *channels
	registry *prometheus.Registry
	url      string // of the server; empty while it is stopped
	stopAll  func()
}

// quick does not spare the platforms.
func quick(line *webhook.Line, o *webhook.Options) {
	line.PerSecond, line.PerChat, line.PerGroup = 1e6, time.Nanosecond, time.Nanosecond
	o.Poll, o.FirstWait, o.Rest, o.Jitter = 10*time.Millisecond, time.Millisecond, time.Millisecond, func() float64 { return 0 }
}

// newOffice plays the platforms; open starts the server.
func newOffice(t *testing.T, a *assistant) *office {
	t.Helper()
	o := &office{t: t, a: a, path: filepath.Join(t.TempDir(), "office.db"), tune: []tuning{quick}}
	o.telegram = telegramtest.New(telegramtest.Options{Speed: 1000})
	o.zalo = zalotest.New(zalotest.Options{AppID: officeAppID, AppSecret: "APP-SECRET-not-real", OAID: officeOAID, OASecret: "OA-SECRET-not-real", RefreshToken: "REFRESH-0-not-real", BotToken: officeBot})
	telegramAPI, zaloAPI := httptest.NewServer(o.telegram), httptest.NewServer(o.zalo)
	t.Cleanup(func() {
		o.stop()
		o.telegram.Close()
		telegramAPI.CloseClientConnections()
		telegramAPI.Close()
		zaloAPI.CloseClientConnections()
		zaloAPI.Close()
	})
	o.settings = settings{
		LogLevel: slog.LevelDebug, Database: databaseSettings{KeepDays: 90},
		Telegram: telegramSettings{Token: telegramtest.Token, Secret: officeSecret, APIURL: telegramAPI.URL},
		Zalo: zaloSettings{AppID: officeAppID, AppSecret: "APP-SECRET-not-real", OAID: officeOAID, Secret: "OA-SECRET-not-real", RefreshToken: "REFRESH-0-not-real",
			APIURL: zaloAPI.URL, OAuthURL: zaloAPI.URL},
		ZaloBot: zaloBotSettings{Token: officeBot, Secret: officeSecret, APIURL: zaloAPI.URL},
	}
	return o
}

// replica is another server beside this one, with the same database and platforms.
func (o *office) replica() *office {
	r := &office{t: o.t, a: o.a, telegram: o.telegram, zalo: o.zalo, settings: o.settings, path: o.path, options: o.options, tune: o.tune}
	o.t.Cleanup(r.stop)
	return r
}

// open starts the server as serve does; with working false it takes deliveries in and
// answers none.
func (o *office) open(working bool) {
	o.t.Helper()
	log := slog.New(slog.NewTextHandler(&o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.options.Log = log
	db, err := database.Open(o.t.Context(), o.path, o.options)
	if err != nil {
		o.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.t.Fatal(err)
	}
	o.db, o.registry = db, prometheus.NewRegistry()
	o.url = "http://" + listener.Addr().String()
	o.settings.PublicURL = o.url
	// The bot's platform takes no address without HTTPS.
	o.zalo.SetBotWebhook(o.url+zaloBotPath, officeSecret)
	s := o.settings
	if o.chat, err = openChannels(o.t.Context(), s, o.a, db, o.registry, polls{}, log, o.tune...); err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	if working {
		all.Go(func() { o.chat.run(ctx, s.Database.retention()) })
	} else {
		for _, task := range o.chat.background {
			all.Go(func() { task(ctx) })
		}
	}
	all.Go(func() {
		err := serve(ctx, listener, web.New(web.Options{
			Assistant: o.a, Log: log, Parts: append(o.chat.parts(), web.Part{Name: "database", Check: db.Ping}), Webhooks: o.chat.hooks,
			Library: o.a.lib, Responder: o.chat.talk, Keeper: db, Metrics: o.registry, PublicURL: s.publicURL(),
		}))
		if err != nil {
			o.t.Error(err)
		}
	})
	o.stopAll = func() {
		cancel()
		all.Wait()
		if err := db.Close(); err != nil {
			o.t.Error(err)
		}
	}
	o.until("the webhook is set", func() bool {
		for _, c := range o.telegram.Calls("setWebhook") {
			if c.Params["url"] == o.url+telegramPath {
				return true
			}
		}
		return o.chat.telegram == nil
	})
}

// stop ends the server; what was acknowledged waits in the database.
func (o *office) stop() {
	if o.stopAll != nil {
		o.stopAll()
		o.stopAll, o.url = nil, ""
	}
}

// until waits for something to become so. Its end is for a machine under load.
func (o *office) until(what string, so func() bool) {
	o.t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			o.t.Fatalf("it did not come to this: %s\n%s", what, o.log.String())
		}
	}
}

// settled waits until nothing waits: every delivery was taken, answered and sent.
func (o *office) settled() {
	o.t.Helper()
	o.until("nothing waits", func() bool {
		if o.telegram.Pending() > 0 {
			return false
		}
		queues, err := o.db.Waiting(o.t.Context())
		if err != nil {
			o.t.Fatal(err)
		}
		for _, q := range queues {
			if q.Inbox.Open+q.Outbox.Open > 0 {
				return false
			}
		}
		return true
	})
}

// somebody has an account on each platform.
type somebody struct {
	telegram telegramtest.Person
	zalo     string
}

func citizen(n int) somebody {
	return somebody{telegramtest.Person{ID: int64(5_500_000_000 + n), Name: "Lò Văn Thử"}, fmt.Sprint(6142494823000000000 + n)}
}

// says lets somebody write on a channel.
func (o *office) says(channel string, who somebody, text string) {
	o.t.Helper()
	switch channel {
	case "telegram":
		if _, err := o.telegram.Say(who.telegram, text); err != nil {
			o.t.Fatal(err)
		}
	case "zalo":
		o.delivered(o.zalo.Event("user_send_text", who.zalo, text))
	case "zalo-bot":
		if status, err := o.zalo.DeliverBot(o.t.Context(), o.zalo.BotText(who.zalo, text)); err != nil || status != 200 {
			o.t.Fatalf("delivery of the bot: %d, %v", status, err)
		}
	}
}

// delivered gives an event of the Official Account to the webhook.
func (o *office) delivered(event []byte) {
	o.t.Helper()
	if status, err := o.zalo.Deliver(o.t.Context(), o.url+zaloPath, event, 0); err != nil || status != 200 {
		o.t.Fatalf("delivery of the account: %d, %v", status, err)
	}
}

// heard is what somebody was sent on a channel, in order.
func (o *office) heard(channel string, who somebody) []string {
	texts := []string{}
	if channel == "telegram" {
		for _, s := range o.telegram.Sent() {
			if s.Chat == who.telegram.ID {
				texts = append(texts, s.Text)
			}
		}
		return texts
	}
	for _, s := range o.zalo.Sent() {
		if s.Channel == channel && s.To == who.zalo {
			texts = append(texts, s.Text)
		}
	}
	return texts
}

// outcomes are those that are kept, whole.
func (o *office) outcomes() (all []database.Outcome) {
	o.t.Helper()
	page, err := o.db.Outcomes(o.t.Context(), database.Filter{Limit: 100})
	if err != nil {
		o.t.Fatal(err)
	}
	for _, short := range page.Outcomes {
		whole, err := o.db.OutcomeByID(o.t.Context(), short.ID)
		if err != nil {
			o.t.Fatal(err)
		}
		all = append(all, whole)
	}
	return all
}

// get is a page of the server.
func (o *office) get(path string) string {
	o.t.Helper()
	resp, err := http.Get(o.url + path)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return resp.Status + "\n" + string(body)
}

// post delivers bytes to a webhook.
func (o *office) post(path string, header http.Header, body []byte) *http.Response {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.url+path, bytes.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	_ = resp.Body.Close() // nothing is read
	return resp
}

// figures are the metrics as Prometheus reads them.
func (o *office) figures() string {
	o.t.Helper()
	families, err := o.registry.Gather()
	if err != nil {
		o.t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			o.t.Fatal(err)
		}
	}
	return b.String()
}

// rows is every value of the database, table by table.
func (o *office) rows() string {
	o.t.Helper()
	db, err := sql.Open("sqlite", o.path)
	if err != nil {
		o.t.Fatal(err)
	}
	defer db.Close()
	names := o.query(db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "== %s\n%s\n", name, strings.Join(o.query(db, "SELECT * FROM "+name), "\n"))
	}
	return b.String()
}

func (o *office) query(db *sql.DB, query string) (lines []string) {
	o.t.Helper()
	rows, err := db.QueryContext(o.t.Context(), query)
	if err != nil {
		o.t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		o.t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			o.t.Fatal(err)
		}
		words := make([]string, len(values))
		for i, v := range values {
			if raw, ok := v.([]byte); ok {
				v = string(raw)
			}
			words[i] = fmt.Sprint(v)
		}
		lines = append(lines, strings.Join(words, "|"))
	}
	if err := rows.Err(); err != nil {
		o.t.Fatal(err)
	}
	return lines
}

// count is how many of texts hold a part.
func count(texts []string, part string) int {
	return len(slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return !strings.Contains(s, part) }))
}

var everyChannel = []string{"telegram", "zalo", "zalo-bot"}
