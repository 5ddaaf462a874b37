package telegram_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/telegram"
	"troly/internal/telegram/telegramtest"
	"troly/internal/webhook"
)

const secret = "yb-test_SECRET-01" // of the samples

var now = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

// server is a Bot API server that listens.
func server(t *testing.T, o telegramtest.Options) (*telegramtest.API, string) {
	t.Helper()
	api := telegramtest.New(o)
	s := httptest.NewUnstartedServer(api)
	s.Config.ErrorLog = nil
	s.Start()
	t.Cleanup(func() {
		api.Close()
		s.CloseClientConnections()
		s.Close()
	})
	return api, s.URL
}

// channel is one on a server, not connected.
func channel(t *testing.T, url string, change ...func(*telegram.Settings)) *telegram.Channel {
	t.Helper()
	s := telegram.Settings{
		Token: telegramtest.Token, Secret: secret, APIURL: url, Timeout: 5 * time.Second, Retry: time.Millisecond,
		Clock: func() time.Time { return now },
	}
	for _, c := range change {
		c(&s)
	}
	c, err := telegram.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// connected is a server and a channel that knows its name.
func connected(t *testing.T, change ...func(*telegram.Settings)) (*telegramtest.API, *telegram.Channel) {
	t.Helper()
	api, url := server(t, telegramtest.Options{})
	c := channel(t, url, change...)
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return api, c
}

type sample struct {
	File    string
	Headers map[string]string
	Expect  string
	body    []byte
}

func (s sample) header() http.Header {
	h := http.Header{}
	for key, value := range s.Headers {
		h.Set(key, value)
	}
	return h
}

// samples of the manifest, by the two digits they begin with.
func samples(t testing.TB) map[string]sample {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "samples", "MANIFEST.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Samples []sample }
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	out := map[string]sample{}
	for _, s := range manifest.Samples {
		if s.body, err = os.ReadFile(filepath.Join("testdata", "samples", s.File)); err != nil {
			t.Fatal(err)
		}
		out[s.File[:2]] = s
	}
	if len(out) != 43 {
		t.Fatalf("%d samples, want 43", len(out))
	}
	return out
}

// read gives the one message of a sample, nil when it is ignored.
func read(t *testing.T, c *telegram.Channel, s sample) *webhook.Message {
	t.Helper()
	messages, err := c.Read(s.header(), s.body)
	if err != nil {
		t.Fatalf("Read(%s): %v", s.File, err)
	}
	switch len(messages) {
	case 0:
		return nil
	case 1:
		if messages[0].Kind == webhook.Ignored {
			return nil
		}
		return &messages[0]
	}
	t.Fatalf("Read(%s) = %d messages, want at most 1", s.File, len(messages))
	return nil
}

// message is one in the private chat of the samples.
func message() webhook.Message {
	return webhook.Message{Channel: "telegram", Key: "1", Dialogue: "5512345678", Person: "5512345678", Kind: webhook.Text, Text: "Chào"}
}

// send sends a reply and fails on an error.
func send(t *testing.T, c *telegram.Channel, to webhook.Message, r webhook.Reply) {
	t.Helper()
	for _, p := range c.Parts(to, r) {
		if _, err := c.Send(t.Context(), to.Dialogue, p); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
}

// failure is what Send of some text ends with.
func failure(t *testing.T, c *telegram.Channel) *webhook.SendError {
	t.Helper()
	_, err := c.Send(t.Context(), "5512345678", c.Parts(message(), webhook.Reply{Text: "Chào bà"})[0])
	var failed *webhook.SendError
	if !errors.As(err, &failed) {
		t.Fatalf("Send = %v, want a *webhook.SendError", err)
	}
	return failed
}

func TestT03SecretIsCheckedWithTheSettings(t *testing.T) {
	for secret, good := range map[string]bool{
		"": true, "a": true, "Az09_-": true, strings.Repeat("x", 256): true,
		strings.Repeat("x", 257): false, "a b": false, "mật-khẩu": false, "a.b": false, "a\n": false, "a+b=": false,
	} {
		_, err := telegram.New(telegram.Settings{Token: telegramtest.Token, Secret: secret})
		if (err == nil) != good {
			t.Errorf("New with secret %q = %v, want good %v", secret, err, good)
		}
		if err != nil && (!strings.Contains(err.Error(), "A-Z, a-z, 0-9, _ and -") || secret != "" && strings.Contains(err.Error(), secret)) {
			t.Errorf("New with secret %q = %v, want what is allowed and not the secret", secret, err)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name string
		set  telegram.Settings
		want string
	}{
		{"no token", telegram.Settings{}, "telegram token"},
		{"token with a slash", telegram.Settings{Token: "1:a/b"}, "telegram token"},
		{"token with a huge number", telegram.Settings{Token: "9999999999999999999:abc"}, "telegram token"},
		{"API without host", telegram.Settings{Token: telegramtest.Token, APIURL: "api.telegram.org"}, "telegram API URL"},
		{"file URL with query", telegram.Settings{Token: telegramtest.Token, FileURL: "https://x.vn/?a=1"}, "telegram file URL"},
		{"proxy without scheme", telegram.Settings{Token: telegramtest.Token, Proxy: "user:geheim@host"}, "telegram proxy"},
		{"proxy of another kind", telegram.Settings{Token: telegramtest.Token, Proxy: "ftp://user:geheim@host:1"}, "telegram proxy"},
	} {
		_, err := telegram.New(c.set)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: New = %v, want an error of %q without a password", c.name, err, c.want)
		}
	}
}

// T23: whatever goes wrong, the token and its second half are in no error, no log line
// and no state, at debug level too.
func TestT23TokenIsNowhere(t *testing.T) {
	var mu sync.Mutex
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return logged.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	api, url := server(t, telegramtest.Options{})
	change := func(s *telegram.Settings) { s.Log, s.Timeout = log, 200*time.Millisecond }
	c := channel(t, url, change)
	dead := channel(t, "http://127.0.0.1:1", change)
	proxied := channel(t, url, change, func(s *telegram.Settings) { s.Proxy = "http://127.0.0.1:1" })
	strange := channel(t, url+"/"+"%zz", func(s *telegram.Settings) { s.APIURL = url + "/relay%20a" }, change)

	var told []string
	note := func(err error) {
		if err == nil {
			t.Error("no error where one is expected")
			return
		}
		for ; err != nil; err = errors.Unwrap(err) {
			told = append(told, err.Error())
		}
	}
	faults := []telegramtest.Fault{
		{Hang: true}, {Reset: true}, telegramtest.Gateway(),
		{Status: 302, Header: map[string]string{"Location": "/bot" + telegramtest.Token + "/login"}},
		{Status: 200, Body: "not JSON " + telegramtest.Token}, {Status: 200, Body: `{"ok":true,"resu`},
		telegramtest.Bad("no " + telegramtest.Token + " here"), {Refusal: &telegramtest.Refusal{Code: 401, Text: "Unauthorized"}},
	}
	for _, f := range faults {
		api.Script(f)
		note(failure(t, c))
		api.Script(f)
		note(c.Typing(t.Context(), message()))
		api.Script(f)
		_, err := c.Webhook(t.Context())
		note(err)
		if err := c.Check(t.Context()); err != nil {
			told = append(told, err.Error())
		}
		api.Script(f)
		_, err = c.Fetch(t.Context(), webhook.Media{ID: "f"}, 100)
		note(err)
	}
	_, err := c.Fetch(t.Context(), webhook.Media{ID: "unknown"}, 100)
	note(err)
	for _, lost := range []*telegram.Channel{dead, proxied, strange} {
		note(lost.Connect(t.Context()))
		note(failure(t, lost))
		note(lost.Check(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		lost.Watch(ctx)
		cancel()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := dead.Poll(ctx, func([]webhook.Message) error { return nil }); err != nil {
		note(err)
	}
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(told, "\n") + logged.String()
	if len(told) < 40 || logged.Len() == 0 {
		t.Fatalf("%d errors and %d bytes of log: too few to say anything", len(told), logged.Len())
	}
	_, key, _ := strings.Cut(telegramtest.Token, ":")
	for _, hidden := range []string{telegramtest.Token, key, secret} {
		if i := strings.Index(all, hidden); i >= 0 {
			t.Errorf("%q is told: …%s", hidden, all[max(0, i-80):i+len(hidden)])
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestT24HangingServerEndsAtTheTimeout(t *testing.T) {
	api, url := server(t, telegramtest.Options{})
	c := channel(t, url, func(s *telegram.Settings) { s.Timeout = 50 * time.Millisecond })
	api.Script(telegramtest.Fault{Hang: true, Times: -1})
	failed := failure(t, c)
	if failed.Class != webhook.Unsure || failed.Code != "timeout" || !errors.Is(failed, context.DeadlineExceeded) {
		t.Errorf("Send to a hanging server = %v, want unsure, timeout: it may have arrived", failed)
	}
	if err := c.Typing(t.Context(), message()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Typing = %v, want a deadline exceeded", err)
	}
	if _, err := c.Fetch(t.Context(), webhook.Media{ID: "f"}, 100); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Fetch = %v, want a deadline exceeded", err)
	}
}

func TestT25CancelEndsACallInFlight(t *testing.T) {
	api, url := server(t, telegramtest.Options{})
	c := channel(t, url, func(s *telegram.Settings) { s.Timeout = time.Hour })
	api.Script(telegramtest.Fault{Hang: true, Times: -1})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := c.Send(ctx, "5512345678", c.Parts(message(), webhook.Reply{Text: "Chào bà"})[0])
		done <- err
	}()
	for len(api.Calls("sendMessage")) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	err := <-done // the test hangs when it is not honoured
	var failed *webhook.SendError
	if !errors.As(err, &failed) || failed.Class != webhook.Unsure || !errors.Is(err, context.Canceled) {
		t.Errorf("Send, cancelled in flight = %v, want unsure and context.Canceled", err)
	}
	_, err = c.Send(ctx, "5512345678", c.Parts(message(), webhook.Reply{Text: "Chào bà"})[0])
	if !errors.As(err, &failed) || failed.Class != webhook.Later || !errors.Is(err, context.Canceled) {
		t.Errorf("Send, cancelled before = %v, want later and context.Canceled: nothing has left", err)
	}
}

func TestT26StartWithoutTelegramRecovers(t *testing.T) {
	api, url := server(t, telegramtest.Options{})
	api.Script(telegramtest.Fault{Method: "getMe", Reset: true, Times: 3})
	c := channel(t, url)
	if c.Check(t.Context()) == nil {
		t.Error("Check before anything was asked = nil, want degraded")
	}
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() { c.Watch(ctx); close(watched) }()
	for c.Check(ctx) != nil {
		time.Sleep(time.Millisecond)
	}
	if got := len(api.Calls("getMe")); got != 4 {
		t.Errorf("getMe was called %d times, want 4: three failures and a success", got)
	}
	cancel()
	<-watched

	// Trouble of a later call shows, and so does that it is over.
	api.Script(telegramtest.Gateway())
	if failed := failure(t, c); c.Check(t.Context()) == nil {
		t.Errorf("Check after %v = nil, want degraded", failed)
	}
	send(t, c, message(), webhook.Reply{Text: "Chào bà"})
	if err := c.Check(t.Context()); err != nil {
		t.Errorf("Check after a call that went well = %v, want nil", err)
	}
	api.Script(telegramtest.Blocked())
	if failed := failure(t, c); c.Check(t.Context()) != nil {
		t.Errorf("Check after %v = %v, want nil: Telegram answered", failed, c.Check(t.Context()))
	}
}

func TestT27EverythingGoesWhereTheSettingsSay(t *testing.T) {
	api, url := server(t, telegramtest.Options{Files: map[string][]byte{"f": []byte("sound")}})
	var asked []string
	allow := func(base string) func(string) error {
		return func(addr string) error {
			asked = append(asked, addr)
			if "http://"+addr != base {
				return errors.New("denied")
			}
			return nil
		}
	}
	c := channel(t, url)
	c.OnDial(allow(url))
	if err := c.Connect(t.Context()); err != nil {
		t.Error(err)
	}
	send(t, c, message(), webhook.Reply{Text: "Chào bà"})
	if data, err := c.Fetch(t.Context(), webhook.Media{ID: "f"}, 100); string(data) != "sound" {
		t.Errorf("Fetch = %q, %v, want the file", data, err)
	}

	// Files from elsewhere.
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.Path)
	}))
	defer files.Close()
	c = channel(t, url, func(s *telegram.Settings) { s.FileURL = files.URL + "/relay/" })
	data, err := c.Fetch(t.Context(), webhook.Media{ID: "f"}, 1000)
	if want := "/relay/bot" + telegramtest.Token + "/files/f"; string(data) != want || err != nil {
		t.Errorf("Fetch asked for %q, %v, want %q", data, err, want)
	}

	// A proxy is asked for the public host, which the test never reaches.
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "api.telegram.org:443" {
			t.Errorf("proxy asked for %s %s, want CONNECT api.telegram.org:443", r.Method, r.Host)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	c = channel(t, "", func(s *telegram.Settings) { s.Proxy = proxy.URL })
	c.OnDial(allow(proxy.URL))
	var failed *webhook.SendError
	if err := c.Connect(t.Context()); !errors.As(err, &failed) || failed.Class != webhook.Later {
		t.Errorf("Connect through a proxy that refuses = %v, want later: nothing has left", err)
	}
	for _, addr := range asked {
		if host, _, _ := net.SplitHostPort(addr); host != "127.0.0.1" {
			t.Errorf("%s was dialled, want the servers of the test only", addr)
		}
	}
	if len(api.Calls()) == 0 || len(asked) < 2 {
		t.Errorf("%d calls, %d connections: the test sees nothing", len(api.Calls()), len(asked))
	}
}

func TestDefaultIsThePublicHost(t *testing.T) {
	c := channel(t, "")
	asked := ""
	c.OnDial(func(addr string) error { asked = addr; return errors.New("denied") })
	if err := c.Connect(t.Context()); err == nil || asked != "api.telegram.org:443" {
		t.Errorf("Connect dialled %q, %v, want api.telegram.org:443 and the refusal", asked, err)
	}
}
