package zalo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"troly/internal/conversation"
	"troly/internal/webhook"
	"troly/internal/zalo/zalotest"
)

func (w *world) botOptions() BotOptions {
	return BotOptions{Token: botToken, Secret: botSecret, APIURL: w.url, Log: w.opts.Log, Now: w.clock.Now, Sleep: w.opts.Sleep}
}

func newBot(t testing.TB, opts BotOptions) *Bot {
	t.Helper()
	b, err := NewBot(opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestB01BothFormsAreTheSame(t *testing.T) {
	b := newBot(t, newWorld(t).botOptions())
	all := samples(t, "bot")
	flat, status := read(t, b, all["01"])
	if status != 200 || flat.Kind != webhook.Text || flat.Text != "Đăng ký khai sinh ở đâu?" || flat.Dialogue != "6ede9afa66b88fe6d6a9" ||
		flat.Person != flat.Dialogue || flat.Channel != "zalo-bot" || flat.Sent.UnixMilli() != sampleClock || flat.Group {
		t.Errorf("Read(01) = %+v, %d", flat, status)
	}
	wrapped, _ := read(t, b, all["02"])
	if flat.Key == wrapped.Key {
		t.Error("two messages have one key")
	}
	wrapped.Key = flat.Key
	if got, want := fmt.Sprintf("%+v", wrapped), fmt.Sprintf("%+v", flat); got != want {
		t.Errorf("in an envelope: %s, want %s", got, want)
	}
	if again, _ := read(t, b, all["13"]); again.Key != flat.Key {
		t.Errorf("keys of a message and its repeat: %q and %q", flat.Key, again.Key)
	}
}

func TestB02Secrets(t *testing.T) {
	w := newWorld(t)
	b := newBot(t, w.botOptions())
	all := samples(t, "bot")
	if _, status := read(t, b, all["15"]); status != 401 {
		t.Errorf("wrong secret: %d, want 401", status)
	}
	for name, change := range map[string]func(http.Header){
		"none":    func(h http.Header) { h.Del(secretHeader) },
		"empty":   func(h http.Header) { h.Set(secretHeader, "") },
		"doubled": func(h http.Header) { h.Add(secretHeader, botSecret) },
		"begun":   func(h http.Header) { h.Set(secretHeader, botSecret[:10]) },
		"longer":  func(h http.Header) { h.Set(secretHeader, botSecret+"1") },
		"spaced":  func(h http.Header) { h.Set(secretHeader, botSecret+" ") },
	} {
		s := all["01"]
		s.header = s.header.Clone()
		change(s.header)
		if _, status := read(t, b, s); status != 401 {
			t.Errorf("%s: %d, want 401", name, status)
		}
	}
	for _, tc := range []struct {
		secret string
		polls  bool
		ok     bool
	}{
		{"", false, false}, {"", true, true}, {"1234567", false, false}, {"1234567", true, false}, {"12345678", false, true},
		{strings.Repeat("x", 256), false, true}, {strings.Repeat("x", 257), false, false}, {"có dấu đây", false, false}, {"with space", false, false},
	} {
		opts := w.botOptions()
		opts.Secret, opts.Polls = tc.secret, tc.polls
		b, err := NewBot(opts)
		if (err == nil) != tc.ok {
			t.Errorf("NewBot with secret %q, polls %v: %v, want ok %v", tc.secret, tc.polls, err, tc.ok)
		}
		if err != nil && !strings.Contains(err.Error(), "ZALO_BOT_WEBHOOK_SECRET") {
			t.Errorf("error %q does not name the setting", err)
		}
		if err == nil && tc.secret == "" {
			s := all["01"]
			s.header = http.Header{secretHeader: {""}}
			if _, status := read(t, b, s); status != 401 {
				t.Errorf("a bot without a secret takes deliveries: %d", status)
			}
		}
	}
	for _, token := range []string{"", "abc", "123", "123:", "abc:def", "12:a/b", "12:a b"} {
		opts := w.botOptions()
		opts.Token = token
		if _, err := NewBot(opts); err == nil || !strings.Contains(err.Error(), "ZALO_BOT_TOKEN") || len(token) > 4 && strings.Contains(err.Error(), token) {
			t.Errorf("NewBot with token %q: %v, want an error that names the setting only", token, err)
		}
	}
}

func TestB03EveryKindOfMessage(t *testing.T) {
	b := newBot(t, newWorld(t).botOptions())
	all := samples(t, "bot")
	for number, want := range map[string]struct {
		kind  webhook.Kind
		media string
		text  string // or why it is ignored
	}{
		"03": {webhook.File, "photo", "Giấy gì đây?"}, "04": {webhook.File, "photo", ""}, "05": {webhook.File, "sticker", ""},
		"06": {webhook.Voice, "voice", ""}, "07": {webhook.Ignored, "", "no-message"}, "08": {webhook.Text, "", "giờ làm việc?"},
		"09": {webhook.Ignored, "", "from-a-bot"}, "10": {webhook.Text, "", "x"}, "11": {webhook.Ignored, "", "no-chat"},
		"12": {webhook.Ignored, "", "message.poll.received"}, "14": {webhook.Text, "", "https://t.example/a"},
	} {
		m, status := read(t, b, all[number])
		media, text := "", m.Text
		if m.Media != nil {
			media = m.Media.Kind
		}
		if m.Kind == webhook.Ignored {
			text = m.Action
		}
		if status != 200 || m.Kind != want.kind || media != want.media || text != want.text {
			t.Errorf("Read(%s) = %+v, %d; want %s, media %q, %q", all[number].File, m, status, want.kind, want.media, want.text)
		}
		data, err := json.Marshal(m)
		if err != nil || number != "14" && strings.Contains(string(data), "http") {
			t.Errorf("Read(%s) keeps an address: %s, %v", all[number].File, data, err)
		}
	}
	if m, _ := read(t, b, all["10"]); m.Sent.UnixMilli() != sampleClock {
		t.Errorf("a date in seconds is %v, want %v", m.Sent, time.UnixMilli(sampleClock))
	}
	if m, _ := read(t, b, all["08"]); !m.Group || m.Dialogue != "f414c8f76fa586fbdfb4" || m.Person != "6ede9afa66b88fe6d6a9" {
		t.Errorf("Read(08) = %+v, want the group's chat and the person", m)
	}
	if m, _ := read(t, b, all["16"]); !norm.NFC.IsNormalString(m.Text) || !strings.HasPrefix(m.Text, "👩‍🌾") {
		t.Errorf("Read(16) = %q, want NFC", m.Text)
	}
	for _, body := range []string{"", "null", "[]", "x=1", `"a"`} {
		if _, status := read(t, b, sample{File: body, body: []byte(body), header: all["01"].header}); status != 400 {
			t.Errorf("Read(%q): %d, want 400", body, status)
		}
	}
	for _, body := range []string{`{}`, `{"event_name":7}`, `{"result":[1]}`, `{"event_name":"message.text.received","message":[]}`, `{"event_name":"message.text.received","message":{"chat":"x"}}`,
		`{"event_name":"message.text.received","message":{"chat":{"id":"1"},"text":null}}`} {
		if m, status := read(t, b, sample{File: body, body: []byte(body), header: all["01"].header}); status != 200 || kept(m) {
			t.Errorf("Read(%q) = %+v, %d; want it ignored", body, m, status)
		}
	}
}

func TestB04PartsAndPolling(t *testing.T) {
	w := newWorld(t)
	opts := w.botOptions()
	opts.Polls, opts.Secret = true, ""
	b := newBot(t, opts)
	long := strings.Repeat("Hồ sơ gồm đơn và ảnh 👨‍👩‍👧‍👦. ", 200)
	if e := sendTo(t, b, webhook.Message{Dialogue: "chat"}, webhook.Reply{Text: long, Choices: []webhook.Choice{{Label: "Lệ phí"}, {Label: "Hồ sơ"}}, Feedback: "x"}); e != nil {
		t.Fatal(e)
	}
	sent := w.Sent()
	if len(sent) < 3 {
		t.Fatalf("sent in %d messages", len(sent))
	}
	for _, s := range sent {
		if webhook.Units(s.Text) > 2000 {
			t.Errorf("a message of %d units", webhook.Units(s.Text))
		}
	}
	if last := sent[len(sent)-1].Text; !strings.HasSuffix(last, "1. Lệ phí\n2. Hồ sơ\n\n"+conversation.AskThumbs) {
		t.Errorf("the last message ends with %q", last[max(0, len(last)-80):])
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []webhook.Message
	failures := 2
	take := func(m []webhook.Message) error {
		if failures > 0 {
			failures--
			return errors.New("disk is full")
		}
		if got = append(got, m...); len(got) == 2 {
			cancel()
		}
		return nil
	}
	for _, text := range []string{"một", "hai"} {
		if status, err := w.DeliverBot(ctx, w.BotText("chat", text)); status != 0 || err != nil {
			t.Fatal(status, err)
		}
	}
	if err := b.Poll(ctx, take); err != nil {
		t.Errorf("Poll = %v, want nil when it is ended", err)
	}
	if len(got) != 2 || got[0].Text != "một" || got[1].Text != "hai" {
		t.Errorf("polled %+v, want both in order, though keeping failed twice", got)
	}
}

// scripted answers getUpdates with one status and body after the other, and ends
// the poll when it has no more.
func scripted(t *testing.T, end func(), answers ...string) *httptest.Server {
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/getWebhookInfo") {
			fmt.Fprint(w, `{"ok":true,"result":{"url":""}}`)
			return
		}
		if n == len(answers) {
			end()
			fmt.Fprint(w, `{"ok":false,"error_code":408,"description":"Request timeout"}`)
			return
		}
		n++
		fmt.Fprint(w, answers[n-1])
	}))
	t.Cleanup(s.Close)
	return s
}

func TestB04AnIdlePollIsNoError(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	update := string(w.BotText("chat", "chào"))
	opts := w.botOptions()
	opts.APIURL = scripted(t, cancel,
		`{"ok":false,"error_code":408,"description":"Request timeout"}`,
		`{"ok":true,"result":`+update+`}`,
		`{"ok":true,"result":[`+update+`,`+update+`]}`,
		`{"ok":true,"result":null}`,
		`{"ok":true,"result":{"event_name":"message.unsupported.received"}}`,
		`<html>`, `{"ok":false,"error_code":500}`,
	).URL
	n, ignored := 0, 0
	err := newBot(t, opts).Poll(ctx, func(all []webhook.Message) error {
		for _, m := range all {
			if kept(m) {
				n++
			} else {
				ignored++
			}
		}
		return nil
	})
	if err != nil || n != 3 || ignored != 1 {
		t.Errorf("Poll = %v, %d messages, %d ignored; want nil, 3 and 1", err, n, ignored)
	}
	if len(w.slept) != 2 || w.slept[0] != time.Second || w.slept[1] != 2*time.Second {
		t.Errorf("waited %v, want a second and two, after what failed only", w.slept)
	}
}

func TestB05NoTokenInErrorsAndNoPollBesideAWebhook(t *testing.T) {
	w := newWorld(t)
	b := newBot(t, w.botOptions())
	take := func([]webhook.Message) error { return nil }
	if err := b.SetWebhook(t.Context(), "http://plain.example/hook"); err == nil {
		t.Error("a webhook without HTTPS is set")
	}
	if err := b.SetWebhook(t.Context(), "https://troly.example/webhooks/zalo-bot"); err != nil {
		t.Fatal(err)
	}
	if url, err := b.Webhook(t.Context()); err != nil || url != "https://troly.example/webhooks/zalo-bot" {
		t.Errorf("Webhook = %q, %v", url, err)
	}
	if set := w.Calls("/bot/setWebhook"); len(set) != 1 || !strings.Contains(set[0].Body, `"secret_token":"`+botSecret+`"`) {
		t.Errorf("setWebhook was called with %+v", set)
	}
	if err := b.Poll(t.Context(), take); !errors.Is(err, errWebhook) {
		t.Errorf("Poll = %v, want errWebhook", err)
	}
	if n := len(w.Calls("/bot/getUpdates")); n != 0 {
		t.Errorf("%d updates were asked for", n)
	}
	if err := b.DeleteWebhook(t.Context()); err != nil {
		t.Fatal(err)
	}
	if url, err := b.Webhook(t.Context()); err != nil || url != "" {
		t.Errorf("Webhook = %q, %v; want none", url, err)
	}
	if me, err := b.Me(t.Context()); err != nil || me.Type != "BASIC" || me.ID == "" {
		t.Errorf("Me = %+v, %v", me, err)
	}

	var out strings.Builder
	note := func(err error) {
		if err != nil {
			fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
		}
	}
	for _, f := range []string{"bot-401", "bot-429", "bot-gateway", "bot-reset"} {
		for _, call := range []func() error{
			func() error { _, err := b.Me(t.Context()); return err },
			func() error { return b.Typing(t.Context(), webhook.Message{Dialogue: "chat"}) },
			func() error {
				_, err := b.Send(t.Context(), "chat", json.RawMessage(`{"text":"câu trả lời"}`))
				return err
			},
		} {
			fault(t, w.Server, f, 1)
			note(call())
		}
	}
	fault(t, w.Server, "bot-401", 1)
	err := b.Poll(t.Context(), take)
	if err == nil || !strings.Contains(err.Error(), "ZALO_BOT_TOKEN") {
		t.Errorf("Poll with a refused token = %v, want an error that names the setting", err)
	}
	note(err)
	gone := httptest.NewServer(nil)
	gone.Close()
	opts := w.botOptions()
	opts.APIURL = gone.URL
	_, err = newBot(t, opts).Me(t.Context())
	note(err)
	opts.APIURL = "http://bad host"
	if _, err := NewBot(opts); err == nil {
		t.Error("an address that is none is taken")
	}
	// A platform that repeats the token, and a transport that does.
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"ok":false,"error_code":400,"description":"no such path %s"}`, r.URL.Path)
	}))
	defer echo.Close()
	opts.APIURL = echo.URL
	_, err = newBot(t, opts).Me(t.Context())
	note(err)
	opts.Client = &http.Client{Transport: gossip{}}
	_, err = newBot(t, opts).Me(t.Context())
	note(err)
	all := out.String() + w.log.String()
	if strings.Count(all, "\n") < 16 {
		t.Fatalf("only this went wrong: %s", all)
	}
	for _, secret := range []string{botToken, "TEST-NOT-REAL", "1459232241454765289%3A", botSecret, "câu trả lời"} {
		if i := strings.Index(all, secret); i >= 0 {
			t.Errorf("%q came out: …%s…", secret, all[max(0, i-100):min(len(all), i+60)])
		}
	}
}

// gossip is a transport that tells the address in its error.
type gossip struct{}

func (gossip) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("cannot reach %s", r.URL)
}

func TestBotErrors(t *testing.T) {
	for code, want := range map[int]webhook.Class{400: webhook.Rejected, 401: webhook.Stopped, 403: webhook.Unreachable, 404: webhook.Rejected,
		408: webhook.Unsure, 426: webhook.Later, 429: webhook.Later, 500: webhook.Later, 504: webhook.Unsure} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"ok":false,"error_code":%d,"description":"tin nhắn của bạn"}`, code)
		}))
		b := newBot(t, BotOptions{Token: botToken, Secret: botSecret, APIURL: server.URL})
		e := sendTo(t, b, webhook.Message{Dialogue: "chat"}, hello)
		server.Close()
		wantError(t, fmt.Sprint(code), e, want, fmt.Sprint(code))
		if e != nil && strings.Contains(e.Error(), "tin nhắn") {
			t.Errorf("%d: what Zalo wrote is in the error: %v", code, e)
		}
		if e != nil && code == 429 && e.After != 9*time.Second {
			t.Errorf("429: wait %v, want what Retry-After says", e.After)
		}
	}
	w := newWorld(t)
	for f, want := range map[string]webhook.Class{"bot-gateway": webhook.Later, "bot-reset": webhook.Unsure, "bot-429": webhook.Later, "bot-401": webhook.Stopped, "bot-403": webhook.Unreachable} {
		fault(t, w.Server, f, 1)
		if e := sendTo(t, newBot(t, w.botOptions()), webhook.Message{Dialogue: "chat"}, hello); e == nil || e.Class != want {
			t.Errorf("%s: %v, want %s", f, e, want)
		}
	}
}

func TestBotTyping(t *testing.T) {
	w := newWorld(t)
	b := newBot(t, w.botOptions())
	m := webhook.Message{Dialogue: "chat"}
	if err := b.Typing(t.Context(), m); err != nil || b.Every(m) <= 0 {
		t.Errorf("Typing = %v every %v", err, b.Every(m))
	}
	if calls := w.Calls("/bot/sendChatAction"); len(calls) != 1 || !strings.Contains(calls[0].Body, `"typing"`) {
		t.Errorf("called %+v", calls)
	}
}

// The platform delivers to a webhook what Read takes.
func TestThePlatformDelivers(t *testing.T) {
	w := newWorld(t)
	a, b := w.account(t), newBot(t, w.botOptions())
	var got []string
	hook := func(c webhook.Channel) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			all, err := c.Read(r.Header, body)
			if err != nil {
				rw.WriteHeader(err.(*webhook.Refusal).Status)
				return
			}
			for _, m := range all {
				got = append(got, string(m.Kind)+" "+m.Text)
			}
		}))
		t.Cleanup(s.Close)
		return s
	}
	oa := hook(a)
	for _, event := range [][]byte{w.Event("follow", sampleUser, ""), w.Event("user_send_text", sampleUser, "Xin hỏi"), w.TakeOver(sampleUser, "77", "chào"), w.Event("unfollow", sampleUser, "")} {
		if status, err := w.Deliver(t.Context(), oa.URL, event, 0); status != 200 || err != nil {
			t.Errorf("delivering %s: %d, %v", event, status, err)
		}
	}
	w.SetBotWebhook(hook(b).URL, botSecret)
	if status, err := w.DeliverBot(t.Context(), w.BotText("chat", "Xin hỏi bot")); status != 200 || err != nil {
		t.Errorf("delivering to the bot: %d, %v", status, err)
	}
	if want := "joined |text Xin hỏi|tookover |left |text Xin hỏi bot"; strings.Join(got, "|") != want {
		t.Errorf("read %q, want %q", strings.Join(got, "|"), want)
	}
	if err := zalotest.New(zalotest.Options{}).Fault("no-such", 1); err == nil {
		t.Error("a fault that is none can be switched on")
	}
}

func FuzzBotRead(f *testing.F) {
	for _, s := range samples(f, "bot") {
		f.Add(s.body)
	}
	b := newBot(f, BotOptions{Token: botToken, Secret: botSecret, Log: slog.New(slog.DiscardHandler)})
	header := http.Header{secretHeader: {botSecret}}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := b.Read(header, body)
		checkRead(t, got, err)
	})
}
