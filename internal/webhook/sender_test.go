package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"troly/internal/database"
	"troly/internal/webhook"
)

// once fails the calls with a text the first n times.
func failing(text string, n int, err error) func(int, string, string) error {
	left := n
	return func(_ int, _, t string) error {
		if t == text && left != 0 {
			left--
			return err
		}
		return nil
	}
}

// Each class of error has one reaction; the parts behind it are told apart by what
// arrives, in the end, and how many calls were made for the failing one.
func TestReactionToEachClass(t *testing.T) {
	for _, c := range []struct {
		name  string
		n     int // times it fails; -1: for ever
		err   error
		calls int      // for the failing part
		want  []string // taken
		class string   // counted n times, or calls times
	}{
		{"later", 2, &webhook.SendError{Class: webhook.Later, Code: "500"}, 3, []string{"re one", "more", "re two", "more"}, "later"},
		{"later with a time", 1, &webhook.SendError{Class: webhook.Later, Code: "429", After: time.Millisecond}, 2, []string{"re one", "more", "re two", "more"}, "later"},
		{"later for ever", -1, &webhook.SendError{Class: webhook.Later, Code: "500"}, 6, []string{"re two", "more"}, "later"},
		{"unsure", 1, &webhook.SendError{Class: webhook.Unsure, Code: "timeout"}, 2, []string{"re one", "more", "re two", "more"}, "unsure"},
		{"unsure for ever", -1, &webhook.SendError{Class: webhook.Unsure, Code: "timeout"}, 3, []string{"re two", "more"}, "unsure"},
		{"an error of no class", 1, errors.New("x"), 2, []string{"re one", "more", "re two", "more"}, "unsure"},
		{"rejected", -1, &webhook.SendError{Class: webhook.Rejected, Code: "400"}, 1, []string{"re two", "more"}, "rejected"},
		{"stopped", 4, &webhook.SendError{Class: webhook.Stopped, Code: "401"}, 5, []string{"re one", "more", "re two", "more"}, "stopped"},
		{"unreachable", -1, &webhook.SendError{Class: webhook.Unreachable, Code: "403"}, 1, []string{"re two", "more"}, "unreachable"},
		{"moved nowhere", -1, &webhook.SendError{Class: webhook.Moved, Code: "400"}, 1, []string{"re two", "more"}, "moved"},
		{"channel panics", 0, nil, 1, []string{"re two", "more"}, "rejected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.platform.fault = failing("re one", c.n, c.err)
			if c.err == nil {
				w.platform.fault = func(_ int, _, text string) error {
					if text == "re one" {
						panic("part " + text)
					}
					return nil
				}
			}
			registry := prometheus.NewRegistry()
			opts := hurried()
			opts.Metrics, opts.SendAttempts, opts.UnsureTries, opts.FirstWait = webhook.NewMetrics(registry), 6, 3, time.Millisecond
			opts.Rest, opts.Jitter = time.Millisecond, func() float64 { return 0 }
			answer := responder(func(_ context.Context, m webhook.Message, _ []byte, _ func(string)) webhook.Response {
				return webhook.Response{Replies: []webhook.Reply{{Text: "re " + m.Text + "|more"}}}
			})
			run(t, w.db, answer, []webhook.Line{fast(w.channel)}, opts)
			w.say("a", "one")
			w.platform.until(t, "one is settled", func() bool {
				return slices.Contains(w.platform.texts("a"), "more") || len(w.platform.called("a")) == c.calls && settled(t, w.db)
			})
			w.say("a", "two") // who writes again can be reached again
			w.platform.until(t, "two is answered", func() bool {
				texts := w.platform.texts("a")
				return len(texts) > 1 && slices.Equal(texts[len(texts)-2:], []string{"re two", "more"})
			})
			if got := w.platform.texts("a"); !equal(got, c.want) {
				t.Errorf("taken %q, want %q", got, c.want)
			}
			n := 0
			for _, text := range w.platform.called("a") {
				if text == "re one" {
					n++
				}
			}
			if n != c.calls {
				t.Errorf("%d calls for the failing part, want %d", n, c.calls)
			}
			want := float64(c.n)
			if c.n <= 0 {
				want = float64(c.calls)
			}
			if got := figures(t, registry)[`troly_channel_sends_total{channel=test,result=`+c.class+`}`]; got != want {
				t.Errorf("%v counted as %s, want %v", got, c.class, want)
			}
		})
	}
}

// settled reports whether nothing waits in the outbox: a look an hour ahead would
// give it out.
func settled(t *testing.T, db *database.DB) bool {
	t.Helper()
	waiting, err := db.Waiting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range waiting {
		if w.Outbox.Open > 0 {
			return false
		}
	}
	return true
}

// T22 and T23: neither the token nor a text is in what is logged or counted,
// whatever the error of the platform holds besides.
func TestT23TheLogHoldsNoTextAndNoChat(t *testing.T) {
	w := newWorld(t)
	chat := "900000001234567"
	w.platform.fault = func(n int, _, text string) error {
		switch n {
		case 0:
			return &webhook.SendError{Class: webhook.Unsure, Code: "reset", Err: errors.New("connection reset by peer")}
		case 1:
			return &webhook.SendError{Class: webhook.Later, Code: "502"}
		case 2:
			panic(text)
		}
		return nil
	}
	var log logged
	registry := prometheus.NewRegistry()
	opts := hurried()
	opts.Log, opts.Metrics = log.logger(), webhook.NewMetrics(registry)
	_, stop := run(t, w.db, responder(echo), []webhook.Line{fast(w.channel)}, opts)
	w.say(chat, "một bí mật")
	w.say(chat, "bí mật khác")
	w.platform.until(t, "both are settled", func() bool { return len(w.platform.called("")) == 4 })
	stop()
	if !strings.Contains(log.String(), `"class":"unsure"`) {
		t.Fatalf("the log tells nothing of the error: %s", log.String())
	}
	for _, words := range []string{"bí mật", chat} {
		if strings.Contains(log.String(), words) {
			t.Errorf("%q is in the log: %s", words, log.String())
		}
		for series := range figures(t, registry) {
			if strings.Contains(series, words) {
				t.Errorf("%q is in the figures: %s", words, series)
			}
		}
	}
}

// T19: 429 holds back the chat it was said of, for as long as was said, and no other.
func TestT19RetryAfterHoldsOneChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.platform.fault = failing("re one", 2, &webhook.SendError{Class: webhook.Later, Code: "429", After: 7 * time.Second})
		_, stop := run(t, w.db, responder(echo), []webhook.Line{{Channel: w.channel}}, webhook.Options{})
		w.say("a", "one")
		w.say("a", "two")
		for i := range 5 {
			w.say("b", fmt.Sprint(i))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		w.platform.mu.Lock()
		defer w.platform.mu.Unlock()
		var last time.Time
		for i, c := range w.platform.calls {
			if c.dialogue != "a" {
				continue
			}
			if i > 0 && c.text == "re one" && !last.IsZero() && c.at.Sub(last) < 7*time.Second {
				t.Errorf("call %d of the chat came %v after a 429 that said 7 s", i, c.at.Sub(last))
			}
			last = c.at
		}
		if got := textsOf(w.platform.taken, "a"); !equal(got, []string{"re one", "re two"}) {
			t.Errorf("the chat was told %q", got)
		}
		if others := textsOf(w.platform.taken, "b"); len(others) != 5 {
			t.Errorf("the other chat was told %q, want 5", others)
		}
		for _, c := range w.platform.taken {
			if c.dialogue == "b" && c.at.Sub(w.platform.calls[0].at) > 6*time.Second {
				t.Errorf("the other chat waited until %v", c.at.Sub(w.platform.calls[0].at))
			}
		}
		_ = w.db.Close()
	})
}

// T31: 90 chats and a group at once keep to 30 a second together, one a second
// each, and 20 a minute in the group.
func TestT31Pace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		line := webhook.Line{Channel: w.channel, Group: func(dialogue string) bool { return strings.HasPrefix(dialogue, "-") }}
		_, stop := run(t, w.db, responder(echo), []webhook.Line{line}, webhook.Options{})
		const chats, each = 90, 4
		for n := range each {
			for i := range chats {
				w.say(fmt.Sprint("chat", i), fmt.Sprint(n))
			}
		}
		for n := range 50 {
			w.say("-group", fmt.Sprint(n))
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		stop()
		w.platform.mu.Lock()
		defer w.platform.mu.Unlock()
		if n := len(w.platform.taken); n != chats*each+50 {
			t.Errorf("%d taken, want %d", n, chats*each+50)
		}
		within := func(what string, limit int, window time.Duration, ours func(string) bool) {
			var at []time.Time
			for _, c := range w.platform.calls {
				if ours(c.dialogue) {
					at = append(at, c.at)
				}
			}
			for i := range at {
				n := 0
				for _, other := range at[i:] {
					if other.Sub(at[i]) < window {
						n++
					}
				}
				if n > limit {
					t.Errorf("%s: %d calls within %v, want at most %d", what, n, window, limit)
					return
				}
			}
		}
		within("all", 31, time.Second, func(string) bool { return true }) // 30 spaces of a thirtieth of a second, which is no whole number of nanoseconds
		for i := range chats {
			within(fmt.Sprint("chat", i), 1, time.Second, func(d string) bool { return d == fmt.Sprint("chat", i) })
		}
		within("group", 20, time.Minute, func(d string) bool { return d == "-group" })
		_ = w.db.Close()
	})
}

// T24 and T25: a call to a platform that hangs ends at its deadline, and at once
// when the grace time of the process is over.
func TestT24HangingPlatform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var hung atomic.Int64
		var mu sync.Mutex
		var took []time.Duration
		w.channel.send = func(ctx context.Context, dialogue, text string) (string, error) {
			hung.Add(1)
			began := time.Now()
			<-ctx.Done()
			mu.Lock()
			took = append(took, time.Since(began))
			mu.Unlock()
			return "", &webhook.SendError{Class: webhook.Unsure, Code: "timeout", Err: ctx.Err()}
		}
		d, stop := run(t, w.db, responder(echo), []webhook.Line{{Channel: w.channel}}, webhook.Options{})
		for i := range 100 {
			w.say(fmt.Sprint("chat", i), "x")
		}
		time.Sleep(16 * time.Second) // some have ended at the deadline of 15 s
		if s := d.Status()[0]; s.Breaker != "open" || s.Healthy() {
			t.Errorf("after %d failures Status() = %+v, want an open breaker", len(took), s)
		}
		time.Sleep(10 * time.Minute)
		tried := hung.Load()
		if tried > 64+10*60/15+5 {
			t.Errorf("%d calls within ten minutes to a platform that answers none", tried)
		}
		began := time.Now()
		stop()
		if took := time.Since(began); took > 21*time.Second {
			t.Errorf("the end took %v, want the grace time of 20 s", took)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, d := range took {
			if d > 15*time.Second {
				t.Errorf("a call took %v, want at most 15 s", d)
			}
		}
		_ = w.db.Close()
	})
}

// A platform that is down costs a call now and then, and nothing is lost by it.
func TestADeadPlatformIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var down atomic.Bool
		down.Store(true)
		w.platform.fault = func(int, string, string) error {
			if down.Load() {
				return &webhook.SendError{Class: webhook.Later, Code: "502"}
			}
			return nil
		}
		registry := prometheus.NewRegistry()
		d, stop := run(t, w.db, responder(echo), []webhook.Line{{Channel: w.channel}}, webhook.Options{Metrics: webhook.NewMetrics(registry)})
		for i := range 200 {
			w.say(fmt.Sprint("chat", i), "x")
		}
		time.Sleep(10 * time.Minute)
		if n := len(w.platform.called("")); n > 64+10*60/15+5 {
			t.Errorf("%d calls within ten minutes to a platform that is down", n)
		}
		if figures(t, registry)[`troly_channel_breaker_open{channel=test}`] != 1 {
			t.Error("the open breaker is not among the figures")
		}
		down.Store(false)
		time.Sleep(10 * time.Minute)
		if n := len(w.platform.texts("")); n != 200 {
			t.Errorf("%d answers once it was up again, want 200", n)
		}
		if s := d.Status()[0]; !s.Healthy() || s.LastSent.IsZero() || figures(t, registry)[`troly_channel_breaker_open{channel=test}`] != 0 {
			t.Errorf("Status() = %+v, want healthy", s)
		}
		stop()
		_ = w.db.Close()
	})
}

// A channel whose token is refused is told to be stopped, tried now and then, and
// loses nothing however long that takes.
func TestAStoppedChannelKeepsItsParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var refused atomic.Bool
		refused.Store(true)
		w.platform.fault = func(int, string, string) error {
			if refused.Load() {
				return &webhook.SendError{Class: webhook.Stopped, Code: "401"}
			}
			return nil
		}
		registry := prometheus.NewRegistry()
		d, stop := run(t, w.db, responder(echo), []webhook.Line{{Channel: w.channel}}, webhook.Options{Metrics: webhook.NewMetrics(registry)})
		w.say("a", "x")
		time.Sleep(3 * time.Hour) // far more tries than a part has otherwise
		if s := d.Status()[0]; s.Stopped != "401" || s.Since.IsZero() || s.Healthy() {
			t.Errorf("Status() = %+v, want stopped by 401", s)
		}
		if n := len(w.platform.called("")); n > 181 {
			t.Errorf("%d calls within three hours on a channel that is stopped", n)
		}
		if figures(t, registry)[`troly_channel_stopped{channel=test}`] != 1 {
			t.Error("that the channel is stopped is not among the figures")
		}
		refused.Store(false)
		floods := failing("re x", 3, &webhook.SendError{Class: webhook.Later, Code: "429", After: time.Second})
		w.platform.mu.Lock()
		w.platform.fault = floods // which counts from here
		w.platform.mu.Unlock()
		time.Sleep(2 * time.Minute)
		if got := w.platform.texts("a"); !equal(got, []string{"re x"}) {
			t.Errorf("once an operator acted the person was told %q, want re x", got)
		}
		if s := d.Status()[0]; s.Stopped != "" || !s.Healthy() || figures(t, registry)[`troly_channel_stopped{channel=test}`] != 0 {
			t.Errorf("Status() = %+v, want healthy", s)
		}
		stop()
		_ = w.db.Close()
	})
}

// T21: a group that became a supergroup is followed, with what waits for it.
func TestT21MovedChat(t *testing.T) {
	w := newWorld(t)
	w.platform.fault = func(_ int, dialogue, _ string) error {
		if dialogue == "-1" {
			return &webhook.SendError{Class: webhook.Moved, Code: "400", Dialogue: "-100"}
		}
		return nil
	}
	run(t, w.db, responder(echo), []webhook.Line{fast(w.channel)}, hurried())
	w.say("-1", "one")
	w.platform.until(t, "one arrives under the new name", func() bool { return len(w.platform.texts("-100")) == 1 })
	w.say("-100", "two")
	w.platform.until(t, "two", func() bool { return len(w.platform.texts("-100")) == 2 })
	if n := len(w.platform.called("-1")); n != 1 {
		t.Errorf("%d calls to the old name, want 1", n)
	}
}

// Told of the new name by the platform, what the dialogue remembers goes along at once,
// and nobody is written to.
func TestARenamedChatKeepsItsState(t *testing.T) {
	w := newWorld(t)
	counted := responder(func(_ context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
		state = append(state, m.Text...)
		return webhook.Response{Replies: []webhook.Reply{{Text: string(state)}}, State: state}
	})
	run(t, w.db, counted, []webhook.Line{fast(w.channel)}, hurried())
	w.say("-1", "a")
	w.platform.until(t, "answered", func() bool { return len(w.platform.texts("-1")) == 1 })
	renamed := delivery{ID: "renamed", Chat: "-1", Kind: webhook.Renamed, Text: "-100"}
	w.deliver(renamed)
	w.deliver(renamed)
	w.platform.until(t, "the inbox is empty", func() bool {
		waiting, err := w.db.Waiting(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(waiting) == 0
	})
	w.say("-100", "b")
	w.platform.until(t, "answered under the new name", func() bool { return len(w.platform.texts("-100")) > 0 })
	if got := w.platform.texts("-100"); len(got) != 1 || got[0] != "ab" || len(w.platform.called("-1")) != 1 {
		t.Errorf("the new name was sent %q and the old one called %d times, want what the old name knew, and one call", got, len(w.platform.called("-1")))
	}
}

// T31 on several processes: together they send no faster than the platform takes, and
// when the one that sends ends, another does.
func TestT31ReplicasKeepOnePace(t *testing.T) {
	w := newWorld(t)
	url := postgres.Database(t)
	var stops []func()
	line := fast(w.channel)
	line.PerSecond = 20
	for range 3 {
		db := openDB(t, url, database.Options{})
		w.db = db
		_, stop := run(t, db, responder(echo), []webhook.Line{line}, hurried())
		stops = append(stops, stop)
	}
	w.hook = webhook.NewIntake(w.channel, w.db, webhook.IntakeOptions{})
	const each = 20
	for round, stop := range stops {
		for i := range each {
			w.say(fmt.Sprint("chat", i), fmt.Sprint(round))
		}
		w.platform.until(t, "all of the round", func() bool {
			w.platform.mu.Lock()
			defer w.platform.mu.Unlock()
			return len(w.platform.taken) == each*(round+1)
		})
		if round < len(stops)-1 {
			stop()
		}
	}
	w.platform.mu.Lock()
	defer w.platform.mu.Unlock()
	// Between rounds a new process begins with a call at once.
	for round := range stops {
		calls := w.platform.calls[each*round : each*(round+1)]
		if took, least := calls[each-1].at.Sub(calls[0].at), time.Duration(each-2)*time.Second/20; took < least {
			t.Errorf("round %d: %d calls within %v, want at least %v", round, each, took, least)
		}
	}
}

// Somebody who was thrown out of a group with the bot can still be written to.
func TestAGroupThatIsClosedBlocksNobody(t *testing.T) {
	w := newWorld(t)
	w.platform.fault = func(_ int, dialogue, _ string) error {
		if dialogue == "-1" {
			return &webhook.SendError{Class: webhook.Unreachable, Code: "403"}
		}
		return nil
	}
	line := fast(w.channel)
	line.Group = func(dialogue string) bool { return strings.HasPrefix(dialogue, "-") }
	run(t, w.db, responder(echo), []webhook.Line{line}, hurried())
	w.deliver(delivery{ID: "1", Chat: "-1", Person: "a", Text: "in the group"})
	w.platform.until(t, "the call", func() bool { return len(w.platform.called("-1")) == 1 && settled(t, w.db) })
	for dialogue, want := range map[string]bool{"a": true, "-1": false} {
		if got, err := w.db.Reachable(t.Context(), "test", dialogue); got != want || err != nil {
			t.Errorf("Reachable(%s) = %v, %v; want %v", dialogue, got, err, want)
		}
	}
}

// An officer's reply goes out as the answers do.
func TestWhatIsPostedIsSent(t *testing.T) {
	w := newWorld(t)
	run(t, w.db, responder(echo), []webhook.Line{fast(w.channel)}, hurried())
	w.officerWrites("a", `{"text":"cán bộ trả lời"}`)
	w.platform.until(t, "it arrives", func() bool { return len(w.platform.texts("a")) == 1 })
}

// A part whose call was begun by a process that died is sent again and counted.
func TestAnInterruptedPartIsSentAgain(t *testing.T) {
	w := newWorld(t)
	w.officerWrites("a", `{"text":"x"}`)
	if parts, err := w.db.NextOut(t.Context(), "a process that dies", "test", 1, time.Millisecond); len(parts) != 1 || err != nil {
		t.Fatalf("NextOut = %v, %v", parts, err)
	}
	registry := prometheus.NewRegistry()
	opts := hurried()
	opts.Metrics = webhook.NewMetrics(registry)
	run(t, w.db, responder(echo), []webhook.Line{fast(w.channel)}, opts)
	w.platform.until(t, "it arrives", func() bool { return len(w.platform.texts("a")) == 1 })
	if n := figures(t, registry)[`troly_channel_sent_again_total{channel=test}`]; n != 1 {
		t.Errorf("%v counted as sent again, want 1", n)
	}
}
