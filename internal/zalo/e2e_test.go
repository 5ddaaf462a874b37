package zalo

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/webhook"
)

// office answers what people write by repeating it.
type office struct{ takes time.Duration }

func (o office) Respond(ctx context.Context, m webhook.Message, _ []byte, _ func(string)) webhook.Response {
	if o.takes > 0 && webhook.Sleep(ctx, o.takes) != nil {
		return webhook.Response{}
	}
	if m.Kind == webhook.Left || m.Kind == webhook.TookOver {
		return webhook.Response{State: []byte("{}")}
	}
	return webhook.Response{State: []byte("{}"), Replies: []webhook.Reply{{Text: "Trả lời: " + m.Text}}}
}

// slowDisk takes its time to keep something.
type slowDisk struct{ *database.DB }

func (s slowDisk) Receive(ctx context.Context, rows ...database.Received) (int, error) {
	if err := webhook.Sleep(ctx, 200*time.Millisecond); err != nil {
		return 0, err
	}
	return s.DB.Receive(ctx, rows...)
}

// newOffice is a world with the time of day, in which the account asks the database
// when a person was last heard of.
func newOffice(t *testing.T) *world {
	w := newWorld(t)
	w.clock.now = time.Now().UTC()
	w.opts.Now, w.opts.Sleep = time.Now, nil
	w.opts.LastHeard = func(ctx context.Context, person string) (time.Time, error) {
		return w.db.LastHeard(ctx, "zalo", person)
	}
	return w
}

// hook is the webhook of an account; now is its clock.
func hook(t *testing.T, a *Account, inbox webhook.Inbox, now func() time.Time) string {
	s := httptest.NewServer(webhook.NewIntake(a, inbox, webhook.IntakeOptions{Now: now}))
	t.Cleanup(s.Close)
	return s.URL
}

// work runs a dispatcher until the returned function is called.
func (w *world) work(t *testing.T, a *Account, r webhook.Responder) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	d := webhook.NewDispatcher(w.db, r, []webhook.Line{{Channel: a, PerSecond: 1000, PerChat: time.Nanosecond}},
		webhook.Options{Log: w.opts.Log, Poll: 20 * time.Millisecond, Grace: time.Second})
	go func() {
		defer close(done)
		d.Run(ctx)
	}()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(stop)
	return stop
}

func (w *world) deliver(t *testing.T, url string, event []byte) {
	t.Helper()
	if status, err := w.Deliver(t.Context(), url, event, 0); status != 200 || err != nil {
		t.Fatalf("delivering: %d, %v", status, err)
	}
}

// until waits for something to become so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for range 1000 {
		if so() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: it did not come to that", what)
}

func TestZ07ARepeatIsNotAnsweredTwiceEvenAfterARestart(t *testing.T) {
	w := newOffice(t)
	a := w.account(t)
	url := hook(t, a, w.db, nil)
	event := w.Event("user_send_text", sampleUser, "một")
	stop := w.work(t, a, office{})
	w.deliver(t, url, event)
	until(t, "answered", func() bool { return len(w.Sent()) == 1 })
	w.deliver(t, url, event)
	stop()

	w.db = openDB(t, w.path) // another process
	w.opts.Tokens = w.db
	a = w.account(t)
	url = hook(t, a, w.db, nil)
	w.work(t, a, office{})
	w.deliver(t, url, event)
	w.deliver(t, url, w.Event("user_send_text", sampleUser, "hai"))
	until(t, "the next is answered", func() bool { return len(w.Sent()) >= 2 })
	sent := w.Sent()
	if len(sent) != 2 || sent[0].Text != "Trả lời: một" || sent[1].Text != "Trả lời: hai" || len(w.Calls(tokensFrom)) != 1 {
		t.Errorf("sent %+v with %d exchanges of tokens; want one answer each, one exchange", sent, len(w.Calls(tokensFrom)))
	}
}

// The platform gives up after two seconds, as Zalo does.
func TestZ08AcknowledgedInTimeWithASlowModelAndASlowDisk(t *testing.T) {
	w := newOffice(t)
	a := w.account(t)
	url := hook(t, a, slowDisk{w.db}, nil)
	stop := w.work(t, a, office{takes: time.Hour})
	var all sync.WaitGroup
	for i := range 200 {
		event := w.Event("user_send_text", fmt.Sprint(6142494823000000100+i), "chào")
		all.Go(func() {
			if status, err := w.Deliver(t.Context(), url, event, 0); status != 200 || err != nil {
				t.Errorf("delivery %d: %d, %v", i, status, err)
			}
		})
	}
	all.Wait()
	if n := len(w.Sent()); n != 0 {
		t.Errorf("%d answers of a model that takes an hour", n)
	}
	stop()
	w.work(t, a, office{}) // a faster model answers them all
	until(t, "answered", func() bool { return len(w.Sent()) == 200 })
}

func TestZ23UnreachableUntilTheNextEvent(t *testing.T) {
	w := newOffice(t)
	a := w.account(t)
	url := hook(t, a, w.db, nil)
	w.work(t, a, office{})
	reachable := func(want bool) func() bool {
		return func() bool {
			got, err := w.db.Reachable(t.Context(), "zalo", sampleUser)
			return err == nil && got == want
		}
	}
	fault(t, w.Server, "oa-window", 1)
	w.deliver(t, url, w.Event("user_send_text", sampleUser, strings.Repeat("câu hỏi dài ", 240))) // answered in two parts
	until(t, "refused", reachable(false))
	w.deliver(t, url, w.Event("user_send_text", sampleUser, "hai"))
	until(t, "answered", func() bool { return len(w.Sent()) > 0 })
	if sent := w.Sent(); len(sent) != 1 || sent[0].Text != "Trả lời: hai" || len(w.Calls(sendsTo)) != 2 || !reachable(true)() {
		t.Errorf("sent %+v in %d calls, want the second answer alone: what was left of the first is dropped", sent, len(w.Calls(sendsTo)))
	}
}

func TestZ25TheNextEventReopens(t *testing.T) {
	w := newOffice(t)
	a := w.account(t)
	old := hook(t, a, w.db, func() time.Time { return time.Now().Add(-49 * time.Hour) })
	url := hook(t, a, w.db, nil)
	w.work(t, a, office{})
	w.deliver(t, old, w.Event("user_send_text", sampleUser, "một"))
	until(t, "refused", func() bool { return strings.Contains(w.log.String(), codeWindow) })
	if n := len(w.Calls(sendsTo)); n != 0 {
		t.Errorf("%d calls 49 hours after", n)
	}
	// Neither an officer who writes nor somebody who leaves opens the window.
	w.deliver(t, url, w.TakeOver(sampleUser, "7", "Chào anh"))
	w.deliver(t, url, w.Event("unfollow", sampleUser, ""))
	if heard, err := w.db.LastHeard(t.Context(), "zalo", sampleUser); err != nil || time.Since(heard) < 49*time.Hour {
		t.Errorf("last heard %v, %v, want 49 hours ago", heard, err)
	}
	w.deliver(t, url, w.Event("user_click_chatnow", sampleUser, ""))
	until(t, "answered", func() bool { return len(w.Sent()) == 1 })
}
