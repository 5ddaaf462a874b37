package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/evaluation"
	"troly/internal/llm"
	"troly/internal/privacy"
	"troly/internal/statistics"
	"troly/internal/web"
	"troly/internal/webhook"
)

// quietLog is for tests of what may log.
var quietLog = slog.New(slog.DiscardHandler)

func testDatabase(t *testing.T, now func() time.Time) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "troly.db"), database.Options{Log: quietLog, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// windowed is a channel whose platform takes messages for two days.
type windowed struct{ refuse error }

func (windowed) Name() string                                                  { return "zalo" }
func (windowed) Read(http.Header, []byte) ([]webhook.Message, error)           { return nil, nil }
func (windowed) Send(context.Context, string, json.RawMessage) (string, error) { return "", nil }
func (w windowed) MayWrite(context.Context, string) error                      { return w.refuse }
func (windowed) Parts(to webhook.Message, r webhook.Reply) []json.RawMessage {
	var parts []json.RawMessage
	for _, line := range strings.Split(r.Text, "\n") {
		part, err := json.Marshal(to.Dialogue + "|" + line)
		if err != nil {
			panic(err)
		}
		parts = append(parts, part)
	}
	return parts
}

// What an officer repeats of somebody's papers goes out as it is written and is kept
// masked, as what the resident wrote is; the numbers of offices stay.
func TestWhatAnOfficerSaysIsKeptMasked(t *testing.T) {
	db := testDatabase(t, nil)
	d := &desk{db: db, channels: map[string]webhook.Channel{"zalo": &windowed{}}, on: func(string) bool { return true }, now: time.Now, masker: *privacy.New([]string{"02163 852 123"})}
	by := database.By{Who: "officer"}
	id, err := db.OpenTicket(t.Context(), by, database.Ticket{Channel: "zalo", Dialogue: "z", Person: "z", Reason: "asked"})
	if err != nil {
		t.Fatal(err)
	}
	k, err := db.TicketByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Reply(t.Context(), by, k, "Căn cước 025099001234 của bác có rồi. Gọi 02163 852 123."); err != nil {
		t.Fatal(err)
	}
	said, err := db.TicketMessages(t.Context(), id)
	if want := "Căn cước [số giấy tờ] của bác có rồi. Gọi 02163 852 123."; err != nil || len(said) != 1 || said[0].Text != want {
		t.Errorf("kept %+v, %v, want %q", said, err, want)
	}
	sent := ""
	for range 2 {
		parts, err := db.NextOut(t.Context(), "test", "zalo", 10, time.Minute)
		if err != nil || len(parts) != 1 {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		sent += string(parts[0].Body)
		if err := db.Sent(t.Context(), parts[0], ""); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(sent, "Căn cước 025099001234 của bác") {
		t.Errorf("sent %q, want what was written", sent)
	}
}

func TestDeskReplies(t *testing.T) {
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	db := testDatabase(t, func() time.Time { return now })
	ctx := t.Context()
	off := map[string]bool{}
	ch := &windowed{}
	d := &desk{db: db, channels: map[string]webhook.Channel{"zalo": ch}, on: func(name string) bool { return !off[name] }, now: func() time.Time { return now }}
	open := func(channel, dialogue string) database.Ticket {
		id, err := db.OpenTicket(ctx, database.By{Who: "test"}, database.Ticket{Channel: channel, Dialogue: dialogue, Person: dialogue, Reason: "asked"})
		if err != nil {
			t.Fatal(err)
		}
		k, err := db.TicketByID(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	zalo, page, telegram := open("zalo", "z"), open(web.Channel, "w"), open("telegram", "t")
	if _, err := db.Receive(ctx, database.Received{Channel: "zalo", Key: "1", Dialogue: "z", Person: "z", Body: []byte("{}"), At: now}); err != nil {
		t.Fatal(err)
	}
	by := database.By{Who: "officer"}
	if w, err := d.Window(ctx, "zalo", "z", "z"); err != nil || !w.Open || !w.Until.Equal(now.Add(48*time.Hour)) {
		t.Errorf("Window = %+v, %v, want open for two days", w, err)
	}
	if err := d.Reply(ctx, by, zalo, "Mang giấy chứng sinh."); err != nil {
		t.Fatal(err)
	}
	if held, err := db.Held(ctx, "zalo", "z"); err != nil || !held.Equal(now.Add(silentFor)) {
		t.Errorf("Held = %v, %v", held, err)
	}
	var got []string
	for range 3 {
		parts, err := db.NextOut(ctx, "test", "zalo", 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			var text string
			if err := json.Unmarshal(p.Body, &text); err != nil {
				t.Fatal(err)
			}
			got = append(got, text)
			if err := db.Sent(ctx, p, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := []string{"z|Cán bộ trả lời bạn:", "z|Mang giấy chứng sinh."}; !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	var gone web.ErrWindow
	if err := d.Reply(ctx, by, page, "Xin chào."); !errors.As(err, &gone) || gone.Why != web.PageGone {
		t.Errorf("where nobody finds the page any more: %v, want %s", err, web.PageGone)
	}
	if err := db.Exchange(ctx, database.Received{Channel: web.Channel, Key: "1", Dialogue: "w", Person: "w", At: now}, database.Result{}, func([]byte) []byte { return []byte("{}") }); err != nil {
		t.Fatal(err)
	}
	if err := d.Reply(ctx, by, page, "Xin chào."); err != nil {
		t.Fatal(err)
	}
	taken := func() (said []webhook.Reply) {
		t.Helper()
		if err := (web.Kept{Store: db}).Take(ctx, "w", func(page []byte, all []webhook.Reply) []byte {
			said = all
			return page
		}); err != nil {
			t.Fatal(err)
		}
		return said
	}
	if replies := taken(); len(replies) != 1 || !strings.Contains(replies[0].Text, "Cán bộ trả lời bạn:\nXin chào.") {
		t.Errorf("on the page: %v", replies)
	}
	refused := func(what, why string, k database.Ticket) {
		t.Helper()
		var e web.ErrWindow
		if err := d.Reply(ctx, by, k, "x"); !errors.As(err, &e) || e.Why != why {
			t.Errorf("%s: %v, want %s", what, err, why)
		}
		if sent, err := d.Correct(ctx, database.By{Who: "editor", Why: "sai"}, "r", database.Recipient{Channel: k.Channel, Dialogue: k.Dialogue, Person: k.Person}, "x"); sent || !errors.As(err, &e) || e.Why != why {
			t.Errorf("%s, correction: %v, %v, want %s", what, sent, err, why)
		}
	}
	refused("a channel that is not set up", web.ChannelOff, telegram)
	off["zalo"] = true
	refused("a channel that is off", web.ChannelOff, zalo)
	off["zalo"] = false
	ch.refuse = &webhook.SendError{Class: webhook.Unreachable, Code: "window-48h"}
	refused("after two days", web.WindowPassed, zalo)
	ch.refuse = nil
	if err := db.SetUnreachable(ctx, "zalo", "z", "z", "blocked"); err != nil {
		t.Fatal(err)
	}
	refused("somebody who blocked the account", web.Unreachable, zalo)
	if err := d.End(ctx, by, zalo, database.TicketReleased); err != nil {
		t.Fatal(err)
	}
	if held, _ := db.Held(ctx, "zalo", "z"); !held.IsZero() {
		t.Error("the bot is silent after the dialogue was given back")
	}
	id, err := d.Take(ctx, by, database.Ticket{Channel: "zalo", Dialogue: "z", Person: "z", Reason: "taken", Assignee: "officer"})
	if held, _ := db.Held(ctx, "zalo", "z"); err != nil || id == zalo.ID || held.IsZero() {
		t.Errorf("Take = %d, %v, held until %v", id, err, held)
	}
	if sent, err := d.Correct(ctx, database.By{Who: "editor", Why: "sai"}, "r", database.Recipient{Channel: web.Channel, Dialogue: "w", Person: "w"}, "Là 15.000 đồng."); err != nil || !sent {
		t.Fatalf("Correct = %v, %v", sent, err)
	}
	if replies := taken(); len(replies) != 1 || !strings.Contains(replies[0].Text, "Là 15.000 đồng.") {
		t.Errorf("correction on the page: %v", replies)
	}
}

// countingModel counts its calls.
type countingModel struct{ calls int }

func (m *countingModel) Generate(context.Context, llm.Request, func(string) error) (llm.Completion, error) {
	m.calls++
	return llm.Completion{Text: "x"}, nil
}
func (m *countingModel) Name() string { return "m" }

// An account without a token answers nobody, and /readyz says so before somebody writes.
func TestAnAccountWithoutATokenIsNotReady(t *testing.T) {
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"error":-14014,"error_name":"Invalid refresh token"}`))
	}))
	defer refuses.Close()
	db := testDatabase(t, nil)
	metrics := webhook.NewMetrics(nil)
	account, err := zaloSettings{AppID: "1", AppSecret: "s", Secret: "s", RefreshToken: "r", APIURL: refuses.URL, OAuthURL: refuses.URL}.channel(db, quietLog, metrics)
	if err != nil {
		t.Fatal(err)
	}
	c := &channels{zalo: account, dispatcher: webhook.NewDispatcher(db, nil, []webhook.Line{{Channel: account}}, webhook.Options{})}
	if err := c.check("zalo")(t.Context()); err != nil {
		t.Errorf("before the token was asked for: %v", err)
	}
	if _, err := account.Health(t.Context()); err == nil {
		t.Fatal("there is a token")
	}
	if err := c.check("zalo")(t.Context()); err == nil || !strings.Contains(err.Error(), "ZALO_REFRESH_TOKEN") {
		t.Errorf("after it was refused: %v, want what to do about it", err)
	}
}

// An officer is promised where somebody may open the inbox, which editors and evaluators
// may not.
func TestStaffAreThoseWhoMayAnswer(t *testing.T) {
	for _, tt := range []struct {
		account database.Account
		want    bool
	}{
		{database.Account{Role: database.Officer}, true}, {database.Account{Role: database.Admin}, true}, {database.Account{Role: database.Officer, Disabled: true}, false},
		{database.Account{Role: database.Editor}, false}, {database.Account{Role: database.Evaluator}, false},
	} {
		c := &channels{db: testDatabase(t, nil)}
		tt.account.Name = "a"
		by := database.By{Who: "test"}
		if err := c.db.AddAccount(t.Context(), by, tt.account); err != nil {
			t.Fatal(err)
		}
		if err := c.db.SetAccount(t.Context(), by, "a", tt.account.Role, tt.account.Disabled); err != nil {
			t.Fatal(err)
		}
		if err := c.lookForStaff(t.Context()); err != nil || c.staffed.Load() != tt.want {
			t.Errorf("with %+v alone: %v, staffed %v, want %v", tt.account, err, c.staffed.Load(), tt.want)
		}
	}
}

func TestSwitches(t *testing.T) {
	db := testDatabase(t, nil)
	ctx := t.Context()
	admin := database.By{Who: "admin", Why: "thử"}
	if err := db.SetSwitch(ctx, admin, "telegram", false); err != nil {
		t.Fatal(err)
	}
	s, err := newSwitchboard(ctx, db, quietLog)
	if err != nil {
		t.Fatal(err)
	}
	line := webhook.Line{Channel: windowed{}}
	s.lines(&line, nil)
	if s.On("telegram") || !s.On("zalo") || !line.On() {
		t.Error("at the start: what is off must be off, and the rest on")
	}
	inner := &countingModel{}
	a := &assistant{}
	model := switchedModel{inner, &a.switches}
	if _, err := model.Generate(ctx, llm.Request{}, nil); err != nil || inner.calls != 1 {
		t.Errorf("without switches: %v, %d calls", err, inner.calls)
	}
	a.switches.Store(s)
	for _, name := range []string{"zalo", modelSwitch, web.Channel} {
		if err := db.SetSwitch(ctx, admin, name, false); err != nil {
			t.Fatal(err)
		}
	}
	if !s.On("zalo") {
		t.Error("a switch is off before it was read")
	}
	s.again(ctx)
	if line.On() {
		t.Error("the channel is on")
	}
	if _, err := model.Generate(ctx, llm.Request{}, nil); llm.KindOf(err) != llm.Unavailable || inner.calls != 1 {
		t.Errorf("a model that is off: %v, %d calls", err, inner.calls)
	}
	sent := 0
	moderate := switchedModeration(func(context.Context, string) (bool, error) { sent++; return true, nil }, &a.switches)
	if flagged, err := moderate(ctx, "x"); flagged || err != nil || sent != 0 {
		t.Errorf("moderation of a model that is off: %v, %v, %d texts sent", flagged, err, sent)
	}
	page := switchedPage{saying("hello"), s}
	if r := page.Respond(ctx, webhook.Message{Text: "x"}, []byte("state"), nil); len(r.Replies) != 1 || !strings.Contains(r.Replies[0].Text, "tạm dừng") || string(r.State) != "state" {
		t.Errorf("a page that is off: %+v", r)
	}
	for _, m := range []webhook.Message{{Kind: webhook.Text, Command: "xoa"}, {Kind: webhook.Text, Text: "Xóa dữ liệu"}, {Kind: webhook.Text, Text: "/xoa"}, {Kind: webhook.Text, Text: "xoa het du lieu cua toi di"}} {
		if r := page.Respond(ctx, m, nil, nil); r.Replies[0].Text != "hello" {
			t.Errorf("who wants to be forgotten (%q %q) is not heard while the page is off", m.Command, m.Text)
		}
	}
	if err := db.SetSwitch(ctx, admin, modelSwitch, true); err != nil {
		t.Fatal(err)
	}
	s.again(ctx)
	if _, err := model.Generate(ctx, llm.Request{}, nil); err != nil || inner.calls != 2 {
		t.Errorf("on again: %v, %d calls", err, inner.calls)
	}
	if flagged, err := moderate(ctx, "x"); !flagged || err != nil || sent != 1 {
		t.Errorf("moderation on again: %v, %v, %d texts sent", flagged, err, sent)
	}
	db.Close()
	s.again(ctx) // the database is away
	if s.On("zalo") || !s.On(modelSwitch) {
		t.Error("without the database the switches changed")
	}
}

// saying answers everything with one sentence.
type saying string

func (s saying) Respond(context.Context, webhook.Message, []byte, func(string)) webhook.Response {
	return webhook.Response{Replies: []webhook.Reply{{Text: string(s)}}}
}

// The console shows the last runs: what matters in words, the rest by its name, and
// nothing of a metric that no question of the run has.
func TestRunsForTheConsole(t *testing.T) {
	s := settings{DataDir: t.TempDir()}
	if runs, err := s.runs(); err != nil || len(runs) != 0 {
		t.Fatalf("without runs: %v, %v", runs, err)
	}
	sum := evaluation.Summary{Bases: 97, Samples: 194, Metrics: []evaluation.MetricSummary{
		{Name: evaluation.Pass, Scored: 97, Estimate: statistics.Estimate{Mean: 0.912, Interval: &statistics.Interval{Low: 0.9, High: 0.92}}},
		{Name: "ndcg@10", Scored: 97, Estimate: statistics.Estimate{Mean: 0.5}}, {Name: evaluation.RefusalRecall},
	}}
	body, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"20261124T000000Z-a", "20261127T000000Z-d", "20261125T000000Z-b", "20261126T000000Z-c"} {
		dir := s.file(filepath.Join("eval", "runs", name))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "summary.json"), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := s.runs()
	if err != nil || len(runs) != runsShown || runs[0].Name != "20261127T000000Z-d" || runs[2].Name != "20261125T000000Z-b" {
		t.Fatalf("runs = %+v, %v, want the last three, the newest first", runs, err)
	}
	got := fmt.Sprint(runs[0].Figures, runs[0].More)
	if want := "[{Câu hỏi 97} {Lượt hỏi, kể cả cách gõ khác 194} {Lỗi 0} {Trả lời đúng trọn vẹn 91,2 % (90,0–92,0)}] [{ndcg@10 50,0 %}]"; got != want {
		t.Errorf("figures = %s, want %s", got, want)
	}
}
