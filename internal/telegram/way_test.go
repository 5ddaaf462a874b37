package telegram_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"troly/internal/database"
	"troly/internal/telegram"
	"troly/internal/telegram/telegramtest"
	"troly/internal/webhook"
)

// way is the whole way of a message: the platform, the webhook, a database, the
// dispatcher, and back.
type way struct {
	api  *telegramtest.API
	c    *telegram.Channel
	hook http.Handler
	url  string
	stop func()
}

type respond func(m webhook.Message) webhook.Response

func (f respond) Respond(_ context.Context, m webhook.Message, _ []byte, _ func(string)) webhook.Response {
	return f(m)
}

func echo(m webhook.Message) webhook.Response {
	return webhook.Response{Replies: []webhook.Reply{{Text: "Đáp: " + m.Text + m.Action}}}
}

func newWay(t *testing.T, r respond) *way {
	t.Helper()
	api, base := server(t, telegramtest.Options{Speed: 100})
	w := &way{api: api, c: channel(t, base), url: filepath.Join(t.TempDir(), "test.db")}
	if err := w.c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.start(t, r)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.hook.ServeHTTP(rw, r) }))
	t.Cleanup(s.Close)
	if err := w.c.SetWebhook(t.Context(), s.URL, 0, false); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *way) start(t *testing.T, r respond) {
	t.Helper()
	db, err := database.Open(t.Context(), w.url, database.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.hook = webhook.NewIntake(w.c, db, webhook.IntakeOptions{KeepIn: time.Minute})
	d := webhook.NewDispatcher(db, r, []webhook.Line{{Channel: w.c, PerSecond: 1e6, PerChat: time.Nanosecond, PerGroup: time.Nanosecond, Group: telegram.Group}},
		webhook.Options{FirstWait: time.Millisecond, Rest: time.Millisecond, Poll: 10 * time.Millisecond, Jitter: func() float64 { return 0 },
			Apology: func(_ webhook.Message, state []byte) webhook.Response {
				return webhook.Response{Replies: []webhook.Reply{{Text: "Xin lỗi"}}, State: state}
			}})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	w.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.stop)
}

// post is a delivery as Telegram makes it.
func (w *way) post(s sample) int {
	r := httptest.NewRequest("POST", "/webhooks/telegram", bytes.NewReader(s.body))
	r.Header = s.header()
	rec := httptest.NewRecorder()
	w.hook.ServeHTTP(rec, r)
	return rec.Code
}

// await waits until it holds; a minute is for a machine under load.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

func (w *way) texts() []string {
	var out []string
	for _, s := range w.api.Sent() {
		out = append(out, s.Text)
	}
	return out
}

func TestT04AcknowledgedWhileTheAnswerIsWritten(t *testing.T) {
	done := make(chan struct{})
	w := newWay(t, func(m webhook.Message) webhook.Response { <-done; return echo(m) })
	if code := w.post(samples(t)["01"]); code != 200 || len(w.api.Sent()) != 0 {
		t.Errorf("delivery = %d, want 200 with nothing sent yet", code)
	}
	close(done)
	await(t, "answered", func() bool { return len(w.api.Sent()) == 1 })
}

func TestT05OneApologyWhenAnsweringFails(t *testing.T) {
	w := newWay(t, func(webhook.Message) webhook.Response { panic("model") })
	if code := w.post(samples(t)["01"]); code != 200 {
		t.Errorf("delivery = %d, want 200", code)
	}
	await(t, "an apology", func() bool { return len(w.api.Sent()) > 0 })
	w.stop()
	if diff := cmp.Diff([]string{"Xin lỗi"}, w.texts()); diff != "" {
		t.Errorf("sent (-want +got)\n%s", diff)
	}
}

func TestT06OneAnswerToOneUpdate(t *testing.T) {
	var asked atomic.Int32
	answer := func(m webhook.Message) webhook.Response { asked.Add(1); return echo(m) }
	w := newWay(t, answer)
	s := samples(t)
	if code := w.post(s["01"]); code != 200 {
		t.Fatalf("delivery = %d", code)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if code := w.post(s["34"]); code != 200 {
				t.Errorf("repeated delivery = %d, want 200", code)
			}
		})
	}
	all.Wait()
	await(t, "answered", func() bool { return len(w.api.Sent()) > 0 })
	w.stop()
	w.start(t, answer) // and after a restart
	if code := w.post(s["34"]); code != 200 {
		t.Errorf("delivery after a restart = %d, want 200", code)
	}
	if code := w.post(s["35"]); code != 200 { // T07: a lower number is no repetition
		t.Errorf("late delivery = %d, want 200", code)
	}
	await(t, "the late one is answered", func() bool { return len(w.api.Sent()) > 1 })
	w.stop()
	if asked.Load() != 2 || len(w.api.Sent()) != 2 {
		t.Errorf("asked %d times, sent %q, want one answer to each of two messages", asked.Load(), w.texts())
	}
}

func TestT15TheQueryIsAnsweredBeforeTheMessage(t *testing.T) {
	w := newWay(t, echo)
	if code := w.post(samples(t)["18"]); code != 200 {
		t.Fatalf("delivery = %d", code)
	}
	await(t, "answered", func() bool { return len(w.api.Sent()) == 1 })
	var methods []string
	for _, c := range w.api.Calls("answerCallbackQuery", "sendMessage", "editMessageText") {
		methods = append(methods, c.Method)
	}
	if diff := cmp.Diff([]string{"answerCallbackQuery", "sendMessage"}, methods); diff != "" {
		t.Errorf("calls (-want +got)\n%s", diff)
	}
}

// Buttons that have served go; those under which opinions are asked stay, and so does
// what the conversation does not call spent.
func TestButtonsThatHaveServedGo(t *testing.T) {
	w := newWay(t, func(m webhook.Message) webhook.Response {
		r := webhook.Reply{Text: "Bạn hỏi việc nào?", Choices: []webhook.Choice{{Label: "1. Khai sinh", Action: "choice.1.a"}, {Label: "2. Khai tử", Action: "choice.2.a"}}}
		if m.Text == "opinion" {
			r.Feedback = "a"
		}
		if m.Kind == webhook.Button {
			r = webhook.Reply{Text: "Khai sinh: miễn lệ phí."}
		}
		return webhook.Response{Replies: []webhook.Reply{r}, Spent: m.Kind == webhook.Button && m.Action != "choice.2.a"}
	})
	p := telegramtest.Person{ID: 5512345678}
	for i, tt := range []struct {
		says, presses string
		left          int // rows of buttons
	}{
		{"question", "choice.1.a", 0},
		{"question", "choice.2.a", 2},
		{"opinion", "choice.1.a", 3},
	} {
		if _, err := w.api.Say(p, tt.says); err != nil {
			t.Fatal(err)
		}
		await(t, "asked back", func() bool { return len(w.api.Sent()) == 2*i+1 })
		asked := w.api.Sent()[2*i]
		if _, err := w.api.Press(p, asked.ID, tt.presses); err != nil {
			t.Fatal(err)
		}
		await(t, "answered", func() bool { return len(w.api.Sent()) == 2*i+2 })
		if got := len(w.api.Sent()[2*i].Buttons); got != tt.left {
			t.Errorf("%s, then %s: %d rows of buttons are left, want %d", tt.says, tt.presses, got, tt.left)
		}
	}
	if n := len(w.api.Calls("editMessageReplyMarkup")); n != 1 {
		t.Errorf("%d keyboards were edited, want 1", n)
	}
}

func TestT17WhoBlockedIsNotWrittenTo(t *testing.T) {
	var asked atomic.Int32
	w := newWay(t, func(m webhook.Message) webhook.Response { asked.Add(1); return echo(m) })
	p := telegramtest.Person{ID: 5512345678}
	if err := w.api.Block(p); err != nil {
		t.Fatal(err)
	}
	await(t, "the block is known", func() bool { return asked.Load() == 1 })
	if n := len(w.api.Calls("sendMessage")); n != 0 {
		t.Errorf("%d messages to who blocked, want none", n)
	}
	if err := w.api.Unblock(p); err != nil {
		t.Fatal(err)
	}
	await(t, "written to again", func() bool { return len(w.api.Sent()) == 1 })
}

func TestT19OneChatWaitsAndOthersDoNot(t *testing.T) {
	w := newWay(t, echo)
	slow, other := telegramtest.Person{ID: 51}, telegramtest.Person{ID: 52}
	fault := telegramtest.TooMany(1)
	fault.Chat = slow.ID
	w.api.Script(fault)
	if _, err := w.api.Say(slow, "một"); err != nil {
		t.Fatal(err)
	}
	await(t, "the first try", func() bool { return len(w.api.Calls("sendMessage")) == 1 })
	if _, err := w.api.Say(other, "hai"); err != nil {
		t.Fatal(err)
	}
	await(t, "both answered", func() bool { return len(w.api.Sent()) == 2 })
	calls := w.api.Calls("sendMessage")
	if len(calls) != 3 || calls[1].Chat() != other.ID || calls[2].At.Sub(calls[0].At) < time.Second {
		t.Errorf("calls %+v, want the other chat in between and a second until the next try", calls)
	}
}

func TestT21AMovedGroupIsAnsweredOnceUnderItsNewName(t *testing.T) {
	w := newWay(t, echo)
	w.api.Script(telegramtest.Migrated(-200))
	body := group("@laocai_tthc_bot giờ làm việc?", `,"entities":[{"type":"mention","offset":0,"length":16}]`)
	if code := w.post(sample{Headers: samples(t)["01"].Headers, body: body}); code != 200 {
		t.Fatalf("delivery = %d", code)
	}
	await(t, "answered", func() bool { return len(w.api.Sent()) == 1 })
	w.stop()
	if sent := w.api.Sent(); len(sent) != 1 || sent[0].Chat != -200 || len(w.api.Calls("sendMessage")) != 2 {
		t.Errorf("sent %+v in %d calls, want one in -200 after two", sent, len(w.api.Calls("sendMessage")))
	}
}

func TestT22TroubleOnTheWayIsTriedAgain(t *testing.T) {
	w := newWay(t, echo)
	w.api.Script(telegramtest.Gateway(), telegramtest.Fault{Reset: true}, telegramtest.Gateway())
	if code := w.post(samples(t)["01"]); code != 200 {
		t.Fatalf("delivery = %d", code)
	}
	await(t, "answered", func() bool { return len(w.api.Sent()) == 1 })
	if n := len(w.api.Calls("sendMessage")); n != 4 {
		t.Errorf("%d calls, want 4", n)
	}
	// For ever: it ends.
	before := len(w.api.Calls("sendMessage"))
	w.api.Script(telegramtest.Fault{Method: "sendMessage", Reset: true, Times: -1})
	if code := w.post(samples(t)["23"]); code != 200 {
		t.Fatalf("delivery = %d", code)
	}
	await(t, "tried", func() bool { return len(w.api.Calls("sendMessage")) == before+4 })
	w.api.Clear()
	// What this chat says next is answered, so the other was given up.
	if code := w.post(samples(t)["24"]); code != 200 {
		t.Fatalf("delivery = %d", code)
	}
	await(t, "the next is answered", func() bool { return len(w.api.Sent()) == 2 })
	if n := len(w.api.Calls("sendMessage")) - before; n != 5 || !strings.HasPrefix(w.texts()[1], "Đáp: Thủ tục") {
		t.Errorf("%d calls, sent %q; want 4 for the message that cannot be sent and 1 for the next", n, w.texts())
	}
}

func TestT09WhatTheWebhookRefuses(t *testing.T) {
	w := newWay(t, func(webhook.Message) webhook.Response { t.Error("asked"); return webhook.Response{} })
	all := samples(t)
	for number, want := range map[string]int{"40": 401, "41": 401, "42": 400} {
		if got := w.post(all[number]); got != want {
			t.Errorf("sample %s = %d, want %d", number, got, want)
		}
	}
	large := all["01"]
	large.body = append([]byte(strings.Repeat(" ", 1<<20)), large.body...)
	if got := w.post(large); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a body over the limit = %d, want 413", got)
	}
	rec := httptest.NewRecorder()
	if w.hook.ServeHTTP(rec, httptest.NewRequest("GET", "/webhooks/telegram", nil)); rec.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET = %d, want 405", rec.Code)
	}
	w.stop()
}
