package telegram_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/conversation"
	"troly/internal/corpus"
	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/telegram"
	"troly/internal/telegram/telegramtest"
	"troly/internal/webhook"
)

// bot answers every question in the same way; the conversation around it is real.
type bot struct{}

func (bot) Stream(_ context.Context, q pipeline.Question, _ pipeline.Release) pipeline.Outcome {
	return pipeline.Outcome{Question: q.Text, Status: pipeline.Answered, Answer: "Máy đáp: " + q.Text, AnsweredBy: "extractive"}
}
func (bot) Emergency(string) bool                 { return false }
func (bot) Contact(string) (corpus.Contact, bool) { return corpus.Contact{}, false }
func (bot) Lookup(string) []corpus.Place          { return nil }

// desk is the whole way of a chat with an officer at the other end of it.
type desk struct {
	t    *testing.T
	api  *telegramtest.API
	c    *telegram.Channel
	db   *database.DB
	hook http.Handler
	n    int

	mu    sync.Mutex
	later time.Duration // how much later than it is
}

func (d *desk) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Add(d.later)
}

func (d *desk) wait(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.later += t
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	api, base := server(t, telegramtest.Options{Speed: 100})
	d := &desk{t: t, api: api, c: channel(t, base, func(s *telegram.Settings) { s.Clock = nil })}
	if err := d.c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	var err error
	d.db, err = database.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), database.Options{Log: slog.New(slog.DiscardHandler), Now: d.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.db.Close() })
	d.hook = webhook.NewIntake(d.c, d.db, webhook.IntakeOptions{KeepIn: time.Minute, Now: d.now})
	talk := conversation.New(bot{}, bot{}, bot{}, conversation.Options{Now: d.now, Hold: 2 * time.Hour})
	dispatcher := webhook.NewDispatcher(d.db, talk, []webhook.Line{{Channel: d.c, PerSecond: 1e6, PerChat: time.Nanosecond}},
		webhook.Options{Poll: 10 * time.Millisecond, Now: d.now})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { dispatcher.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return d
}

const resident = 5550001

// says delivers what the resident writes and waits until it was worked on.
func (d *desk) says(text string) {
	d.t.Helper()
	d.n++
	body := fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,"date":%d,"chat":{"id":%d,"type":"private","first_name":"Lan"},"from":{"id":%d,"is_bot":false,"first_name":"Lan"},"text":%q}}`,
		9000+d.n, d.n, d.now().Unix(), resident, resident, text)
	r := httptest.NewRequest(http.MethodPost, "/webhooks/telegram", bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Telegram-Bot-Api-Secret-Token", secret)
	rec := httptest.NewRecorder()
	d.hook.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		d.t.Fatalf("delivery of %q = %d", text, rec.Code)
	}
	await(d.t, "worked on: "+text, func() bool {
		waiting, err := d.db.Waiting(d.t.Context())
		return err == nil && len(waiting) == 0
	})
}

// sent is what the resident was sent since the last call.
func (d *desk) sent(from int) string {
	var texts []string
	for _, s := range d.api.Sent()[from:] {
		texts = append(texts, s.Text)
	}
	return strings.Join(texts, "\n---\n")
}

func (d *desk) ticket() database.Ticket {
	d.t.Helper()
	list, err := d.db.Tickets(d.t.Context(), database.TicketFilter{})
	if err != nil || len(list) != 1 {
		d.t.Fatalf("tickets = %+v %v, want one", list, err)
	}
	return list[0]
}

// reply is an officer's, laid out for the channel of the ticket.
func (d *desk) reply(k database.Ticket, text string, silent time.Time) error {
	var parts [][]byte
	for _, part := range d.c.Parts(webhook.Message{Channel: k.Channel, Dialogue: k.Dialogue, Person: k.Person}, webhook.Reply{Text: text}) {
		parts = append(parts, part)
	}
	return d.db.ReplyTicket(d.t.Context(), database.By{Who: "lan"}, k.ID, text, parts, silent)
}

func (d *desk) expect(when string, from int, want ...string) {
	d.t.Helper()
	got := d.sent(from)
	if len(want) == 0 && got != "" {
		d.t.Errorf("%s: sent %q, want silence", when, got)
	}
	for _, w := range want {
		if !strings.Contains(got, w) {
			d.t.Errorf("%s: sent %q, want %q in it", when, got, w)
		}
	}
}

func TestAnOfficerAnswersInTheSameChat(t *testing.T) {
	d := newDesk(t)
	d.says("làm khai sinh cần gì")
	d.says("gặp cán bộ")
	k := d.ticket()
	if held, err := d.db.Held(t.Context(), k.Channel, k.Dialogue); err != nil || held.Before(d.now().Add(110*time.Minute)) {
		t.Errorf("held until %v (%v), want about two hours", held, err)
	}
	from := len(d.api.Sent())
	d.says("con tôi sinh ở tỉnh khác, số tôi 0912345678")
	d.expect("the first message while it waits", from, "Tin của bạn được giữ lại cho cán bộ")
	from = len(d.api.Sent())
	d.says("tôi ở xã Đại Lịch")
	d.expect("the next one", from)
	messages, err := d.db.TicketMessages(t.Context(), k.ID)
	if err != nil || len(messages) != 2 || messages[0].Side != "resident" || !strings.Contains(messages[0].Text, "sinh ở tỉnh khác") ||
		strings.Contains(messages[0].Text, "0912345678") || messages[1].Text != "tôi ở xã Đại Lịch" {
		t.Errorf("conversation = %+v %v, want the two messages, masked", messages, err)
	}

	if err := d.reply(k, "Cán bộ Lan đây, anh mang giấy chứng sinh đến nhé.", d.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	await(t, "the officer's reply", func() bool { return len(d.api.Sent()) == from+1 })
	d.expect("the officer's reply", from, "Cán bộ Lan đây")
	if s := d.api.Sent()[from]; s.Chat != resident {
		t.Errorf("the reply went to %d, want %d", s.Chat, resident)
	}
	from = len(d.api.Sent())
	d.says("vâng cảm ơn chị")
	d.expect("an answer to the officer", from)

	if err := d.db.EndTicket(t.Context(), database.By{Who: "lan"}, k.ID, database.TicketReleased); err != nil {
		t.Fatal(err)
	}
	d.says("lệ phí bao nhiêu")
	d.expect("after the release", from, "Máy đáp: lệ phí bao nhiêu", "Tôi là trợ lý AI, từ đây lại do tôi trả lời")
	from = len(d.api.Sent())
	d.says("mất mấy ngày")
	if got := d.sent(from); !strings.Contains(got, "Máy đáp: mất mấy ngày") || strings.Contains(got, "từ đây lại do tôi trả lời") {
		t.Errorf("the next question: %q, want an answer and not again who speaks", got)
	}
	if messages, err = d.db.TicketMessages(t.Context(), k.ID); err != nil || len(messages) != 4 {
		t.Errorf("conversation = %+v %v, want four lines: what the bot is asked after the release is not among them", messages, err)
	}
}

func TestTheResidentReturnsToTheBot(t *testing.T) {
	d := newDesk(t)
	d.says("gặp cán bộ")
	from := len(d.api.Sent())
	d.says("hỏi trợ lý AI")
	d.expect("back to the bot", from, "lại trả lời bạn đây")
	k := d.ticket()
	if held, err := d.db.Held(t.Context(), k.Channel, k.Dialogue); k.Status != database.TicketReleased || !held.IsZero() || err != nil {
		t.Errorf("ticket %s, held until %v (%v), want released", k.Status, held, err)
	}
	from = len(d.api.Sent())
	d.says("lệ phí bao nhiêu")
	d.expect("a question then", from, "Máy đáp")
}

func TestAHoldEndsByItself(t *testing.T) {
	d := newDesk(t)
	d.says("gặp cán bộ")
	d.says("ai đó trả lời tôi với")
	d.wait(2*time.Hour + time.Minute)
	from := len(d.api.Sent())
	d.says("lệ phí bao nhiêu")
	d.expect("after the time", from, "Máy đáp: lệ phí bao nhiêu", "từ đây lại do tôi trả lời")
	// The officer who comes late still can answer, and is left alone again.
	k := d.ticket()
	if k.Status != database.TicketOpen {
		t.Fatalf("ticket is %s, want open", k.Status)
	}
	if err := d.reply(k, "Xin lỗi, tôi vừa họp xong.", d.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	await(t, "the officer's reply", func() bool { return strings.Contains(d.sent(from), "vừa họp xong") })
	from = len(d.api.Sent())
	d.says("không sao ạ")
	d.expect("held again", from)
}

// The console may take a dialogue nobody asked to be handed over.
func TestTheConsoleTakesADialogue(t *testing.T) {
	d := newDesk(t)
	d.says("lệ phí bao nhiêu")
	name := fmt.Sprint(resident)
	by := database.By{Who: "lan", Why: "câu trả lời sai"}
	if _, err := d.db.OpenTicket(t.Context(), by, database.Ticket{Channel: "telegram", Dialogue: name, Person: name, Reason: "officer"}); err != nil {
		t.Fatal(err)
	}
	if err := d.db.Hold(t.Context(), by, "telegram", name, name, d.now().Add(time.Hour), "officer"); err != nil {
		t.Fatal(err)
	}
	from := len(d.api.Sent())
	d.says("thế nộp ở đâu")
	d.expect("taken by the console", from)
	if messages, err := d.db.TicketMessages(t.Context(), d.ticket().ID); err != nil || len(messages) != 1 || messages[0].Text != "thế nộp ở đâu" {
		t.Errorf("conversation = %+v %v, want the message", messages, err)
	}
}

func TestAReplyToSomebodyWhoLeft(t *testing.T) {
	d := newDesk(t)
	d.says("gặp cán bộ")
	k := d.ticket()
	if err := d.db.SetUnreachable(t.Context(), k.Channel, k.Dialogue, k.Person, "blocked"); err != nil {
		t.Fatal(err)
	}
	if err := d.reply(k, "Cán bộ đây.", time.Time{}); !errors.Is(err, database.ErrUnreachable) {
		t.Errorf("reply = %v, want ErrUnreachable", err)
	}
	if messages, err := d.db.TicketMessages(t.Context(), k.ID); err != nil || len(messages) != 0 || d.ticket().Status != database.TicketOpen {
		t.Errorf("conversation %+v %v, ticket %s: want nothing written", messages, err, d.ticket().Status)
	}
	d.says("tôi đây") // they are heard of again
	if err := d.reply(k, "Cán bộ đây.", time.Time{}); err != nil {
		t.Errorf("reply = %v, want none: the person wrote again", err)
	}
}
