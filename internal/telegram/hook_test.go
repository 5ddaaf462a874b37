package telegram_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"troly/internal/telegram"
	"troly/internal/telegram/telegramtest"
	"troly/internal/webhook"
)

// pending are the updates that wait, asked for as a poll would.
func pending(t *testing.T, api *telegramtest.API) []json.RawMessage {
	t.Helper()
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest("POST", "/bot"+telegramtest.Token+"/getUpdates", nil))
	var answer struct {
		OK     bool
		Result []json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || !answer.OK {
		t.Fatalf("getUpdates = %s, %v", w.Body, err)
	}
	return answer.Result
}

func TestT02WebhookIsSetWithTheSecret(t *testing.T) {
	api, c := connected(t)
	for range 2 { // a second start takes nothing away
		if err := c.SetWebhook(t.Context(), "https://troly.example.vn/webhooks/telegram", 0, false); err != nil {
			t.Fatal(err)
		}
		if got := api.Secret(); got != secret {
			t.Errorf("the server knows the secret %q, want %q", got, secret)
		}
	}
	want := map[string]string{
		"url": "https://troly.example.vn/webhooks/telegram", "secret_token": secret, "max_connections": "40",
		"allowed_updates": `["message","edited_message","callback_query","my_chat_member"]`, "drop_pending_updates": "false",
	}
	if diff := cmp.Diff(want, api.Calls("setWebhook")[1].Params); diff != "" {
		t.Errorf("setWebhook (-want +got)\n%s", diff)
	}
	got, err := c.Webhook(t.Context())
	if err != nil || got.URL != want["url"] || got.MaxConnections != 40 || len(got.Allowed) != 4 || got.Pending != 0 {
		t.Errorf("Webhook = %+v, %v", got, err)
	}
	if err := c.DeleteWebhook(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Webhook(t.Context()); err != nil || got.URL != "" {
		t.Errorf("Webhook after DeleteWebhook = %+v, %v, want none", got, err)
	}
	if got := api.Calls("deleteWebhook")[0].Params["drop_pending_updates"]; got != "true" {
		t.Errorf("drop_pending_updates = %s, want true", got)
	}
}

func TestSetWebhookRefusesWhatTelegramWould(t *testing.T) {
	denied := func(c *telegram.Channel) *telegram.Channel {
		c.OnDial(func(string) error { return errors.New("dialled") })
		return c
	}
	public := denied(channel(t, ""))
	own := denied(channel(t, "http://127.0.0.1:8081"))
	for _, tt := range []struct {
		c           *telegram.Channel
		url         string
		connections int
		want        string
	}{
		{public, "https://a.vn/webhooks/telegram", 100, "dialled"},
		{public, "https://a.vn:8443/webhooks/telegram", 1, "dialled"},
		{public, "https://a.vn:9443/webhooks/telegram", 1, "ports 443, 80, 88 and 8443"},
		{public, "http://a.vn/", 1, "https://"},
		{public, "a.vn", 1, "must be a URL"},
		{public, "", 1, "must be a URL"},
		{public, "https://a.vn/", 101, "1 to 100"},
		{public, "https://a.vn/", -1, "1 to 100"},
		{own, "http://10.0.0.1:9443/", 1, "dialled"},
		{denied(channel(t, "", func(s *telegram.Settings) { s.Secret = "" })), "https://a.vn/", 1, "needs a webhook secret"},
	} {
		if err := tt.c.SetWebhook(t.Context(), tt.url, tt.connections, false); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("SetWebhook(%q, %d) = %v, want %q", tt.url, tt.connections, err, tt.want)
		}
	}
}

func TestT32MenuForVietnameseAndEverybody(t *testing.T) {
	api, c := connected(t)
	if err := c.SetMenu(t.Context()); err != nil {
		t.Fatal(err) // the server refuses names and descriptions that are not allowed
	}
	form := regexp.MustCompile(`^[a-z0-9_]{1,32}$`)
	for _, language := range []string{"vi", ""} {
		var lines []struct{ Command, Description string }
		if err := json.Unmarshal(api.Menu(language), &lines); err != nil {
			t.Fatalf("menu of %q: %v", language, err)
		}
		names := map[string]bool{}
		for _, l := range lines {
			names[l.Command] = true
			if !form.MatchString(l.Command) || l.Description == "" {
				t.Errorf("menu of %q has %+v", language, l)
			}
		}
		for _, name := range []string{"help", "moi", "xoa", "canbo", "xa"} {
			if !names[name] {
				t.Errorf("menu of %q has no /%s", language, name)
			}
		}
	}
	if err := c.DeleteMenu(t.Context()); err != nil || api.Menu("vi") != nil || api.Menu("") != nil {
		t.Errorf("DeleteMenu = %v, left %s and %s", err, api.Menu("vi"), api.Menu(""))
	}
}

// T35: the offset moves only after what came was written.
func TestT35Poll(t *testing.T) {
	api, url := server(t, telegramtest.Options{})
	c := channel(t, url)
	person := telegramtest.Person{ID: 5, Name: "Mẩy"}
	say := func(words string) {
		t.Helper()
		if _, err := api.Say(person, words); err != nil {
			t.Fatal(err)
		}
	}
	say("một")
	say("hai")
	ctx, cancel := context.WithCancel(t.Context())
	var taken [][]string
	failed := 0
	err := c.Poll(ctx, func(messages []webhook.Message) error {
		if failed < 2 {
			failed++
			return errors.New("disk full")
		}
		var words []string
		for _, m := range messages {
			words = append(words, m.Text)
		}
		taken = append(taken, words)
		if api.Pending() != len(words) {
			t.Errorf("%d updates wait while %q is being written, want them all: nothing was confirmed", api.Pending(), words)
		}
		if len(taken) == 1 {
			say("ba")
			return nil
		}
		cancel()
		return nil
	})
	if err != nil {
		t.Errorf("Poll, cancelled = %v, want nil", err)
	}
	if diff := cmp.Diff([][]string{{"một", "hai"}, {"ba"}}, taken); diff != "" {
		t.Errorf("taken (-want +got): again after each failure, and never twice\n%s", diff)
	}
	offsets := map[string]int{}
	for _, call := range api.Calls("getUpdates") {
		offsets[call.Params["offset"]]++
		if call.Params["timeout"] != "50" || !strings.Contains(call.Params["allowed_updates"], "my_chat_member") {
			t.Errorf("getUpdates %v, want a long poll of 50 s for what we read", call.Params)
		}
	}
	if offsets[""] != 3 || len(offsets) != 2 {
		t.Errorf("offsets %v, want none three times and then one", offsets)
	}
	if api.Pending() != 1 {
		t.Errorf("%d updates wait, want the last: its confirmation would be the next call", api.Pending())
	}
}

func TestT35PollRefusesAWebhook(t *testing.T) {
	api, c := connected(t)
	if err := c.SetWebhook(t.Context(), "https://a.vn/x", 0, false); err != nil {
		t.Fatal(err)
	}
	err := c.Poll(t.Context(), func([]webhook.Message) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "https://a.vn/x") || !strings.Contains(err.Error(), "delete-webhook") {
		t.Errorf("Poll with a webhook set = %v, want it named and what to do", err)
	}
	if n := len(api.Calls("deleteWebhook", "getUpdates")); n != 0 {
		t.Errorf("%d calls, want the webhook left alone", n)
	}
}

func TestT35PollTellsOfAnother(t *testing.T) {
	for name, fault := range map[string]telegramtest.Fault{
		"409": answers(t)["telegram-409"], "401": answers(t)["telegram-401"],
	} {
		api, c := connected(t)
		fault.Method = "getUpdates"
		api.Script(fault)
		var f *webhook.SendError
		if err := c.Poll(t.Context(), func([]webhook.Message) error { return nil }); !errors.As(err, &f) || f.Code != name {
			t.Errorf("%s: Poll = %v, want it to end with that", name, err)
		}
	}
	// Two at once: Telegram ends the older one.
	api, url := server(t, telegramtest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	poll := func(done chan<- error) {
		done <- channel(t, url).Poll(ctx, func([]webhook.Message) error { return nil })
	}
	go poll(first)
	for len(api.Calls("getUpdates")) == 0 {
		time.Sleep(time.Millisecond)
	}
	go poll(second)
	if err := <-first; err == nil || !strings.Contains(err.Error(), "another process polls") {
		t.Errorf("the older poll = %v, want that another has begun", err)
	}
	cancel()
	if err := <-second; err != nil {
		t.Errorf("the newer poll = %v, want nil after cancel", err)
	}
}

func TestPollGoesOnAfterTrouble(t *testing.T) {
	api, url := server(t, telegramtest.Options{})
	c := channel(t, url)
	api.Script(telegramtest.Fault{Method: "getMe", Reset: true}, telegramtest.Fault{Method: "getWebhookInfo", Status: 502},
		telegramtest.Fault{Method: "getUpdates", Reset: true}, telegramtest.Fault{Method: "getUpdates", Status: 200, Body: `{"ok":true,"result":5}`},
		telegramtest.Fault{Method: "getUpdates", Status: 200, Body: `{"ok":true,"result":[{"x":1}]}`})
	if _, err := api.Push(json.RawMessage(`{"update_id":900,"some_future_update":{}}`)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []string
	err := c.Poll(ctx, func(messages []webhook.Message) error {
		for _, m := range messages {
			got = append(got, string(m.Kind)+" "+m.Text+m.Action)
		}
		if len(got) > 1 {
			cancel()
			return nil
		}
		// After a week of silence numbers start anywhere: here lower than before.
		_, err := api.Push(json.RawMessage(`{"update_id":7,"message":{"message_id":1,"from":{"id":5},"chat":{"id":5,"type":"private"},"date":1,"text":"một"}}`))
		return err
	})
	if err != nil || strings.Join(got, ", ") != "ignored some_future_update, text một" {
		t.Errorf("Poll = %v, took %q", err, got)
	}
}

// The server resends what is not acknowledged, one update per chat at a time.
func TestT34NothingIsLostWhenTheQueueIsFull(t *testing.T) {
	api, url := server(t, telegramtest.Options{Speed: 1000})
	c := channel(t, url)
	var refuse atomic.Int32
	refuse.Store(3)
	var got, underway atomic.Int32
	var order []string
	done := make(chan struct{})
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if underway.Add(1) > 1 {
			t.Error("two deliveries of one chat at once")
		}
		defer underway.Add(-1)
		body := make([]byte, r.ContentLength)
		if _, err := r.Body.Read(body); err != nil && err.Error() != "EOF" {
			t.Error(err)
		}
		messages, err := c.Read(r.Header, body)
		if err != nil || len(messages) != 1 {
			t.Errorf("Read = %v, %v", messages, err)
			return
		}
		if refuse.Add(-1) >= 0 {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		order = append(order, messages[0].Text)
		if got.Add(1) == 3 {
			close(done)
		}
	}))
	defer hook.Close()
	if err := c.SetWebhook(t.Context(), hook.URL, 0, false); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := api.Say(telegramtest.Person{ID: 5}, fmt.Sprint("câu ", i)); err != nil {
			t.Fatal(err)
		}
	}
	<-done
	if want := []string{"câu 0", "câu 1", "câu 2"}; cmp.Diff(want, order) != "" {
		t.Errorf("order %q, want %q", order, want)
	}
	deliveries := api.Deliveries()
	if len(deliveries) < 5 || deliveries[0].Status != 503 || deliveries[3].Try != 4 {
		t.Errorf("deliveries %+v, want three refusals and then the first message", deliveries)
	}
}
