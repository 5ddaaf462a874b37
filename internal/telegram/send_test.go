package telegram_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"troly/internal/telegram"
	"troly/internal/telegram/telegramtest"
	"troly/internal/webhook"
)

// answers are those of testdata/fake-api-responses.json.
func answers(t *testing.T) map[string]telegramtest.Fault {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "fake-api-responses.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Responses map[string]struct {
			Status  int
			Headers map[string]string
			Body    json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	out := map[string]telegramtest.Fault{}
	for name, r := range file.Responses {
		body := string(r.Body)
		var page string
		if json.Unmarshal(r.Body, &page) == nil {
			body = page
		}
		out[name] = telegramtest.Fault{Status: r.Status, Header: r.Headers, Body: body}
	}
	return out
}

// Every class of error the table of the API's errors has, T18 to T22 among it.
func TestErrorsAreClassed(t *testing.T) {
	bad := telegramtest.Bad
	given := answers(t)
	for _, tt := range []struct {
		name  string
		fault telegramtest.Fault
		want  string // class code after dialogue
	}{
		{"T19 429", given["telegram-429"], "later 429 7s "},
		{"429 with the header only", telegramtest.Fault{Status: 429, Header: map[string]string{"Retry-After": "9"}, Body: `{"ok":false,"error_code":429,"description":"Too Many Requests"}`}, "later 429 9s "},
		{"T18 403 blocked", given["telegram-403-blocked"], "unreachable 403 0s "},
		{"403 deactivated", given["telegram-403-deactivated"], "unreachable 403 0s "},
		{"403 kicked", telegramtest.Fault{Refusal: &telegramtest.Refusal{Code: 403, Text: "Forbidden: bot was kicked from the supergroup chat"}}, "unreachable 403 0s "},
		{"400 chat not found", given["telegram-400-chat-not-found"], "unreachable 400 0s "},
		{"400 no rights", bad("not enough rights to send text messages to the chat"), "unreachable 400 0s "},
		{"T21 400 migrated", given["telegram-400-migrated"], "moved 400 0s -1002233445566"},
		{"400 too long", given["telegram-400-too-long"], "rejected 400 0s "},
		{"400 of another kind", bad("BUTTON_DATA_INVALID"), "rejected 400 0s "},
		{"401", given["telegram-401"], "stopped 401 0s "},
		{"404", given["telegram-404-method"], "stopped 404 0s "},
		{"409", given["telegram-409"], "later 409 0s "},
		{"500", telegramtest.Fault{Refusal: &telegramtest.Refusal{Code: 500, Text: "Internal Server Error"}}, "later 500 0s "},
		{"T22 502 page", given["telegram-502-html"], "later gateway-502 0s "},
		{"403 page of a block on the way", telegramtest.Fault{Status: 403, Body: "<html>Blocked</html>"}, "later gateway-403 0s "},
		{"401 page of a proxy", telegramtest.Fault{Status: 401, Body: "{}"}, "later gateway-401 0s "},
		{"302 to a portal", telegramtest.Fault{Status: 302, Header: map[string]string{"Location": "https://portal.invalid/"}}, "later gateway-302 0s "},
		{"200 page", telegramtest.Fault{Status: 200, Body: "<html>Welcome</html>"}, "unsure unreadable 0s "},
		{"200 cut off", telegramtest.Fault{Status: 200, Body: `{"ok":tru`}, "unsure unreadable 0s "},
		{"T22 reset", telegramtest.Fault{Reset: true}, "unsure connection 0s "},
		{"reset after it was done", telegramtest.Fault{Reset: true, After: true}, "unsure connection 0s "},
	} {
		api, c := connected(t)
		api.Script(tt.fault)
		f := failure(t, c)
		got := strings.Join([]string{string(f.Class), f.Code, f.After.String(), f.Dialogue}, " ")
		if got != tt.want {
			t.Errorf("%s: Send = %s, want %s (%v)", tt.name, got, tt.want, f)
		}
		if n := len(api.Calls("sendMessage")); n != 1 {
			t.Errorf("%s: %d calls, want 1", tt.name, n)
		}
	}
	// Nothing has left.
	f := failure(t, channel(t, "http://127.0.0.1:1"))
	if f.Class != webhook.Later || f.Code != "connection" {
		t.Errorf("Send to nowhere = %v, want later: it has not left", f)
	}
}

func TestSendOfWhatIsNoPart(t *testing.T) {
	api, c := connected(t)
	for _, raw := range []string{``, `null`, `{}`, `[]`, `{"html":""}`, `"x"`} {
		_, err := c.Send(t.Context(), "1", json.RawMessage(raw))
		var f *webhook.SendError
		if !errors.As(err, &f) || f.Class != webhook.Rejected {
			t.Errorf("Send(%s) = %v, want it rejected", raw, err)
		}
	}
	if n := len(api.Calls("sendMessage")); n != 0 {
		t.Errorf("%d calls, want none", n)
	}
}

func TestSendGivesTheNumber(t *testing.T) {
	api, c := connected(t)
	receipt, err := c.Send(t.Context(), "5512345678", c.Parts(message(), webhook.Reply{Text: "Chào bà"})[0])
	if err != nil || receipt != "501" || api.Sent()[0].ID != 501 {
		t.Errorf("Send = %q, %v, want 501", receipt, err)
	}
}

func TestT18ABlockedPersonIsCalledOnce(t *testing.T) {
	api, c := connected(t)
	api.Script(telegramtest.Blocked())
	if f := failure(t, c); f.Class != webhook.Unreachable {
		t.Errorf("Send = %v, want unreachable", f)
	}
	if n := len(api.Calls("sendMessage")); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestT20MarkupThatIsRefusedIsSentPlain(t *testing.T) {
	api, c := connected(t)
	api.Script(answers(t)["telegram-400-cant-parse"])
	r := webhook.Reply{Text: "a < b & c", Sources: []webhook.Source{{N: 1, Title: "Nguồn", URL: "https://a.vn"}}, Feedback: "o"}
	send(t, c, message(), r)
	calls := api.Calls("sendMessage")
	if len(calls) != 2 || calls[1].Params["parse_mode"] != "" || calls[1].Params["reply_markup"] != calls[0].Params["reply_markup"] {
		t.Fatalf("calls %+v, want one with markup and one without, both with the buttons", calls)
	}
	if got, want := api.Sent()[0].Text, "a < b & c\n\nNguồn:\n[1] Nguồn"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	// And only once more.
	api.Script(telegramtest.Bad("can't parse entities: x"), telegramtest.Bad("can't parse entities: x"))
	if f := failure(t, c); f.Class != webhook.Rejected || len(api.Calls("sendMessage")) != 4 {
		t.Errorf("Send = %v after %d calls, want it rejected after two more", f, len(api.Calls("sendMessage"))-2)
	}
}

func TestT21UnchangedIsSuccessAndAMovedGroupIsFollowed(t *testing.T) {
	api, c := connected(t)
	api.Script(answers(t)["telegram-400-not-modified"])
	send(t, c, message(), webhook.Reply{Text: "Chào"})

	group := webhook.Message{Dialogue: "-4455", Group: true, Address: json.RawMessage(`{"message":7}`)}
	part := c.Parts(group, webhook.Reply{Text: "Chào"})[0]
	api.Script(telegramtest.Migrated(-1002233445566))
	_, err := c.Send(t.Context(), group.Dialogue, part)
	var f *webhook.SendError
	if !errors.As(err, &f) || f.Class != webhook.Moved {
		t.Fatalf("Send = %v, want moved", err)
	}
	if _, err := c.Send(t.Context(), f.Dialogue, part); err != nil {
		t.Fatalf("Send to the new name: %v", err)
	}
	if sent := api.Sent(); len(sent) != 1 || sent[0].Chat != -1002233445566 {
		t.Errorf("sent %+v, want one in the new group", sent)
	}
}

// What Telegram tells may repeat what was sent.
func TestDescriptionsRepeatNoMessage(t *testing.T) {
	c := channel(t, "")
	for in, want := range map[string]string{
		"Bad Request: can't parse entities: Character '.' is reserved":  "Bad Request: can't parse entities",
		`Bad Request: inline keyboard button URL "http://a" is invalid`: "Bad Request: inline keyboard button URL",
		"Forbidden: bot was blocked by the user":                        "Forbidden: bot was blocked by the user",
		"":                                                              "",
		strings.Repeat("dài ", 100):                                     strings.TrimSpace(strings.Repeat("dài ", 30)),
		"Bad Request: chat not found (bot" + telegramtest.Token + ")":   "Bad Request: chat not found (bot<token>)",
	} {
		if got := telegram.Description(c, in); got != want {
			t.Errorf("description(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestT15AcknowledgeTellsOtherTroubles(t *testing.T) {
	api, c := connected(t)
	m := read(t, c, samples(t)["18"])
	api.Script(telegramtest.Gateway())
	if err := c.Acknowledge(t.Context(), *m); err == nil {
		t.Error("Acknowledge behind a broken gateway = nil, want the error")
	}
	before := len(api.Calls())
	if err := c.Acknowledge(t.Context(), message()); err != nil || len(api.Calls()) != before {
		t.Errorf("Acknowledge of words = %v, %d calls, want none", err, len(api.Calls())-before)
	}
}

func TestT30Typing(t *testing.T) {
	api, c := connected(t)
	if got := c.Every(message()); got < 4*time.Second || got > 5*time.Second {
		t.Errorf("Every = %v, want 4 to 5 s", got)
	}
	if got := c.Every(webhook.Message{Kind: webhook.Left}); got != 0 {
		t.Errorf("Every for who has left = %v, want 0", got)
	}
	m := read(t, c, samples(t)["03"])
	if err := c.Typing(t.Context(), *m); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"chat_id": "-1002233445566", "message_thread_id": "77", "action": "typing"}
	if diff := cmp.Diff(want, api.Calls("sendChatAction")[0].Params); diff != "" {
		t.Errorf("sendChatAction (-want +got)\n%s", diff)
	}
	api.Script(telegramtest.Blocked())
	var f *webhook.SendError
	if err := c.Typing(t.Context(), *m); !errors.As(err, &f) || f.Class != webhook.Unreachable {
		t.Errorf("Typing to who blocked = %v, want it told, so that the pulse stops", err)
	}
}

func TestT33Drafts(t *testing.T) {
	on := func(s *telegram.Settings) { s.Drafts = true }
	_, off := connected(t)
	if off.Drafts(message()) {
		t.Error("Drafts = true without the setting")
	}
	if err := off.Draft(t.Context(), message(), "x"); err != nil {
		t.Errorf("Draft while off = %v, want nothing done", err)
	}
	api, c := connected(t, on)
	if m := message(); !c.Drafts(m) {
		t.Error("Drafts in private = false, want true")
	}
	if c.Drafts(webhook.Message{Dialogue: "-100", Group: true}) {
		t.Error("Drafts in a group = true, want false: Telegram refuses them")
	}
	long := strings.Repeat("Hồ sơ & lệ phí. ", 400)
	for _, text := range []string{"Hồ", "Hồ sơ gồm", long} {
		if err := c.Draft(t.Context(), message(), text); err != nil {
			t.Fatal(err)
		}
	}
	calls := api.Calls("sendMessageDraft")
	ids := map[string]bool{}
	for _, call := range calls {
		ids[call.Params["draft_id"]] = true
	}
	if len(calls) != 3 || len(ids) != 1 || ids["0"] || ids[""] {
		t.Errorf("%d drafts with the numbers %v, want 3 with one that is not 0", len(calls), ids)
	}
	if got := calls[2].Params["text"]; !strings.HasPrefix(long, got) || webhook.Units(got) < 2000 || calls[2].Params["parse_mode"] != "" {
		t.Errorf("long draft has %d units, want the beginning of the answer", webhook.Units(got))
	}

	// Asked for patience, it waits; the clock of the test stands still.
	api.Script(telegramtest.TooMany(7))
	for range 3 {
		if err := c.Draft(t.Context(), message(), "x"); err != nil {
			t.Errorf("Draft = %v, want patience", err)
		}
	}
	if n := len(api.Calls("sendMessageDraft")); n != 4 {
		t.Errorf("%d calls, want 4: none after the one that was refused", n)
	}

	// A server that knows no drafts is not asked again, and the answer still goes out.
	api, c = connected(t, on)
	api.Script(telegramtest.Fault{Method: "sendMessageDraft", Times: -1, Refusal: &telegramtest.Refusal{Code: http.StatusNotFound, Text: "Not Found: method not found"}})
	for range 3 {
		if err := c.Draft(t.Context(), message(), "x"); err != nil {
			t.Errorf("Draft on an old server = %v, want nil", err)
		}
	}
	send(t, c, message(), webhook.Reply{Text: "Hồ sơ gồm…"})
	if c.Drafts(message()) || len(api.Calls("sendMessageDraft")) != 1 || len(api.Sent()) != 1 || c.Check(t.Context()) != nil {
		t.Errorf("Drafts = %v after %d tries, %d sent, Check = %v; want off after one, the answer sent and nothing wrong",
			c.Drafts(message()), len(api.Calls("sendMessageDraft")), len(api.Sent()), c.Check(t.Context()))
	}
}

func TestFetch(t *testing.T) {
	api, url := server(t, telegramtest.Options{Files: map[string][]byte{"f": []byte(strings.Repeat("x", 1000)), "a b/c": []byte("y")}})
	c := channel(t, url)
	for _, tt := range []struct {
		media webhook.Media
		limit int64
		want  string // of the error; empty: none
	}{
		{webhook.Media{ID: "f"}, 1000, ""}, {webhook.Media{ID: "f", Bytes: 1000}, 1 << 40, ""}, {webhook.Media{ID: "a b/c"}, 10, ""},
		{webhook.Media{ID: "f"}, 999, "1000 bytes are more than the 999"},
		{webhook.Media{ID: "f", Bytes: 25 << 20}, 1 << 40, "are more than the 20971520"},
		{webhook.Media{Kind: "contact"}, 1000, "has none"},
		{webhook.Media{ID: "none"}, 1000, "wrong file_id"},
	} {
		data, err := c.Fetch(t.Context(), tt.media, tt.limit)
		if tt.want == "" && (err != nil || len(data) == 0) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("Fetch(%+v, %d) = %d bytes, %v, want error %q", tt.media, tt.limit, len(data), err, tt.want)
		}
	}
	// A server that understates the size.
	api.Script(telegramtest.Fault{Method: "getFile", Status: 200, Body: `{"ok":true,"result":{"file_id":"f","file_size":1,"file_path":"files/f"}}`})
	if _, err := c.Fetch(t.Context(), webhook.Media{ID: "f"}, 10); err == nil || !strings.Contains(err.Error(), "more than the 10 bytes") {
		t.Errorf("Fetch of more than was said = %v, want it broken off", err)
	}
	api.Script(telegramtest.Fault{Method: "getFile", Status: 200, Body: `{"ok":true,"result":{"file_id":"f","file_path":"/var/lib/x"}}`})
	if _, err := c.Fetch(t.Context(), webhook.Media{ID: "f"}, 10); err == nil || !strings.Contains(err.Error(), "--local") {
		t.Errorf("Fetch from a local server = %v, want that said", err)
	}
}
