package zalo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"troly/internal/conversation"
	"troly/internal/corpus"
	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/webhook"
)

// robot answers every question in the same way; the conversation around it is real.
type robot struct{}

func (robot) Stream(_ context.Context, q pipeline.Question, _ pipeline.Release) pipeline.Outcome {
	return pipeline.Outcome{Question: q.Text, Status: pipeline.Answered, Answer: "Máy đáp: " + q.Text, AnsweredBy: "extractive"}
}
func (robot) Emergency(string) bool                 { return false }
func (robot) Contact(string) (corpus.Contact, bool) { return corpus.Contact{}, false }
func (robot) Lookup(string) []corpus.Place          { return nil }

// ticket is the only ticket there is.
func (w *world) ticket(t *testing.T) database.Ticket {
	t.Helper()
	list, err := w.db.Tickets(t.Context(), database.TicketFilter{})
	if err != nil || len(list) != 1 {
		t.Fatalf("tickets = %+v %v, want one", list, err)
	}
	return list[0]
}

// officersReply sends the ticket's dialogue a text, laid out for the account.
func officersReply(t *testing.T, w *world, a *Account, text string) error {
	t.Helper()
	k := w.ticket(t)
	var parts [][]byte
	for _, part := range a.Parts(webhook.Message{Channel: k.Channel, Dialogue: k.Dialogue, Person: k.Person}, webhook.Reply{Text: text}) {
		parts = append(parts, part)
	}
	return w.db.ReplyTicket(t.Context(), database.By{Who: "lan"}, k.ID, text, parts, time.Now().Add(time.Hour))
}

func TestAnOfficerAnswersInTheSameChat(t *testing.T) {
	w := newOffice(t)
	a := w.account(t)
	url := hook(t, a, w.db, nil)
	w.work(t, a, conversation.New(robot{}, robot{}, robot{}, conversation.Options{}))
	texts := func() string {
		var all []string
		for _, s := range w.Sent() {
			all = append(all, s.Text)
		}
		return strings.Join(all, "\n")
	}
	says := func(text string) {
		t.Helper()
		w.deliver(t, url, w.Event("user_send_text", sampleUser, text))
		until(t, "worked on: "+text, func() bool {
			waiting, err := w.db.Waiting(t.Context())
			return err == nil && len(waiting) == 0
		})
	}
	says("gặp cán bộ")
	says("con tôi sinh ở tỉnh khác")
	before := len(w.Sent())
	says("tôi ở xã Đại Lịch")
	if got := len(w.Sent()); got != before {
		t.Errorf("while it waits: %q, want silence", texts())
	}
	if err := officersReply(t, w, a, "Cán bộ Lan đây."); err != nil {
		t.Fatal(err)
	}
	until(t, "the officer's reply", func() bool { return strings.Contains(texts(), "Cán bộ Lan đây.") })
	if last := w.Sent()[len(w.Sent())-1]; last.To != sampleUser || last.Channel != "zalo" {
		t.Errorf("the reply went to %s on %s", last.To, last.Channel)
	}
	if err := w.db.EndTicket(t.Context(), database.By{Who: "lan"}, w.ticket(t).ID, database.TicketReleased); err != nil {
		t.Fatal(err)
	}
	says("lệ phí bao nhiêu")
	if !strings.Contains(texts(), "Máy đáp: lệ phí bao nhiêu") {
		t.Errorf("after the release: %q, want an answer", texts())
	}
	// A colleague who answers in Zalo's own tool is left alone in the same way.
	w.deliver(t, url, w.TakeOver(sampleUser, "admin", "Để tôi trả lời"))
	until(t, "taken over", func() bool {
		held, err := w.db.Held(t.Context(), "zalo", sampleUser)
		return err == nil && !held.IsZero()
	})
	before = len(w.Sent())
	says("vâng")
	if got := len(w.Sent()); got != before {
		t.Errorf("after somebody took over: %q, want silence", texts())
	}
}

// Two days after the person was last heard of, an officer is told that the platform
// forbids it, and nothing is sent.
func TestAnOfficerIsToldOfTheWindow(t *testing.T) {
	w := newOffice(t)
	a := w.account(t)
	var windowed webhook.Windowed = a
	late := time.Now().Add(-49 * time.Hour)
	url := hook(t, a, w.db, func() time.Time { return late })
	stop := w.work(t, a, conversation.New(robot{}, robot{}, robot{}, conversation.Options{}))
	w.deliver(t, url, w.Event("user_send_text", sampleUser, "gặp cán bộ"))
	until(t, "worked on", func() bool {
		list, err := w.db.Tickets(t.Context(), database.TicketFilter{})
		return err == nil && len(list) == 1
	})
	until(t, "the queue is empty", func() bool {
		waiting, err := w.db.Waiting(t.Context())
		return err == nil && len(waiting) == 0
	})
	var e *webhook.SendError
	if err := windowed.MayWrite(t.Context(), sampleUser); !errors.As(err, &e) || e.Code != codeWindow || e.Class != webhook.Unreachable {
		t.Errorf("MayWrite = %v, want %s", err, codeWindow)
	}
	if n := len(w.Sent()); n != 0 {
		t.Errorf("%d messages were sent outside the window", n)
	}
	// The queue met the window with the bot's own reply; who is told by it is kept.
	if err := officersReply(t, w, a, "Cán bộ đây."); !errors.Is(err, database.ErrUnreachable) {
		t.Errorf("reply = %v, want ErrUnreachable", err)
	}
	stop()

	w.deliver(t, hook(t, a, w.db, nil), w.Event("user_send_text", sampleUser, "tôi đây"))
	w.work(t, a, conversation.New(robot{}, robot{}, robot{}, conversation.Options{}))
	until(t, "heard of again", func() bool {
		ok, err := w.db.Reachable(t.Context(), "zalo", sampleUser)
		return err == nil && ok
	})
	if err := windowed.MayWrite(t.Context(), sampleUser); err != nil {
		t.Errorf("MayWrite = %v, want none", err)
	}
	if err := officersReply(t, w, a, "Cán bộ đây."); err != nil {
		t.Errorf("reply = %v, want none", err)
	}
	until(t, "the officer's reply", func() bool {
		sent := w.Sent()
		return len(sent) > 0 && sent[len(sent)-1].Text == "Cán bộ đây."
	})
}
