package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"troly/internal/database"
	"troly/internal/webhook"
)

// X05: depth and age of the queues are told of every channel that is on.
func TestQueuesAreAmongTheFigures(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	webhook.WatchQueues(registry, w.db, slog.New(slog.DiscardHandler), "quiet")
	old := time.Now().Add(-time.Hour)
	if _, err := w.db.Receive(t.Context(), database.Received{Channel: "test", Key: "1", Dialogue: "a", Person: "a", Body: []byte("{}"), At: old}); err != nil {
		t.Fatal(err)
	}
	w.say("b", "x")
	w.officerWrites("a", "{}", "{}", "{}")
	f := figures(t, registry)
	for series, want := range map[string]float64{
		"troly_queue_depth{channel=test,queue=inbox}":            2,
		"troly_queue_depth{channel=test,queue=outbox}":           3,
		"troly_queue_depth{channel=quiet,queue=inbox}":           0,
		"troly_queue_oldest_seconds{channel=quiet,queue=outbox}": 0,
	} {
		if got, ok := f[series]; got != want || !ok {
			t.Errorf("%s = %v (there: %v), want %v", series, got, ok, want)
		}
	}
	if age := f["troly_queue_oldest_seconds{channel=test,queue=inbox}"]; age < 3600 || age > 3700 {
		t.Errorf("oldest message of the inbox is %v s old, want an hour", age)
	}
	_ = w.db.Close()
	if f := figures(t, registry); len(f) > 0 {
		t.Errorf("figures of a database that is closed: %v, want none", f)
	}
}

// A person who is erased while their message is being answered is not answered:
// nothing about them comes back into the database.
func TestErasedWhileBeingAnswered(t *testing.T) {
	w := newWorld(t)
	r := responder(func(ctx context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
		if m.Dialogue == "a" {
			of := database.Received{Channel: "test", Dialogue: "a", Person: "a"}
			if err := w.db.Exchange(ctx, of, database.Result{Erase: true}, nil); err != nil {
				t.Error(err)
			}
		}
		return webhook.Response{Replies: []webhook.Reply{{Text: "re " + m.Text}}, State: []byte("x"),
			Outcome: &webhook.Outcome{ID: "o-" + m.Dialogue, Status: "answered", Body: json.RawMessage(`{}`)}}
	})
	registry := prometheus.NewRegistry()
	opts := hurried()
	opts.Metrics = webhook.NewMetrics(registry)
	_, stop := run(t, w.db, r, []webhook.Line{fast(w.channel)}, opts)
	w.say("a", "x")
	w.say("b", "y")
	w.platform.until(t, "the other's answer, and an end", func() bool {
		return len(w.platform.texts("b")) == 1 && figures(t, registry)["troly_channel_failed_total{channel=test,reason=lost}"] == 1
	})
	stop()
	if got := w.platform.called("a"); len(got) > 0 {
		t.Errorf("who was erased was told %q", got)
	}
	if o, err := w.db.OutcomeByID(t.Context(), "o-a"); err == nil {
		t.Errorf("an outcome of who was erased is kept: %+v", o)
	}
}

// An outage of the database is told once, not at each look, and the dispatcher ends
// in time however broken its queues are.
func TestOutageOfTheDatabase(t *testing.T) {
	w := newWorld(t)
	var log logged
	opts := hurried()
	opts.Log, opts.Poll = log.logger(), time.Millisecond
	_, stop := run(t, w.db, responder(echo), []webhook.Line{fast(w.channel)}, opts)
	w.say("a", "x")
	w.platform.until(t, "an answer", func() bool { return len(w.platform.texts("a")) == 1 })
	_ = w.db.Close()
	w.platform.until(t, "both queues are told of", func() bool { return strings.Count(log.String(), "queue cannot be read") >= 2 })
	time.Sleep(50 * time.Millisecond) // fifty looks
	stop()
	if n := strings.Count(log.String(), "queue cannot be read"); n != 2 {
		t.Errorf("the outage of two queues is told %d times: %s", n, log.String())
	}
}

// clumsy panics in whatever it is asked besides.
type clumsy struct{ *channel }

func (clumsy) Acknowledge(context.Context, webhook.Message) error { panic("acknowledge") }
func (clumsy) Every(webhook.Message) time.Duration                { return time.Millisecond }
func (clumsy) Typing(context.Context, webhook.Message) error      { panic("typing") }
func (clumsy) Drafts(webhook.Message) bool                        { return true }
func (clumsy) Draft(context.Context, webhook.Message, string) error {
	panic("draft")
}

func TestAClumsyChannelHoldsNoAnswerBack(t *testing.T) {
	w := newWorld(t)
	r := responder(func(ctx context.Context, m webhook.Message, state []byte, release func(string)) webhook.Response {
		release("re")
		time.Sleep(20 * time.Millisecond)
		return echo(ctx, m, state, release)
	})
	opts := hurried()
	opts.TypingAfter = time.Millisecond
	run(t, w.db, r, []webhook.Line{fast(clumsy{w.channel})}, opts)
	w.say("a", "x")
	w.platform.until(t, "the answer", func() bool { return len(w.platform.texts("a")) == 1 })
}

func TestErrorsOfAPlatformAreReadable(t *testing.T) {
	inner := fmt.Errorf("connection reset")
	for _, c := range []struct {
		err  error
		want string
	}{
		{&webhook.SendError{Class: webhook.Later, Code: "429"}, "later 429"},
		{&webhook.SendError{Class: webhook.Unsure, Code: "reset", Err: inner}, "unsure reset: connection reset"},
		{&webhook.Refusal{Status: 401, Reason: "bad-secret"}, "bad-secret"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("Error() = %q, want %q", got, c.want)
		}
	}
}
