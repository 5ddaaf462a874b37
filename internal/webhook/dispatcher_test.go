package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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

// X02: the order of a dialogue is kept while others run beside it, with several
// dispatchers on one database as in several processes.
func TestX02OrderWithinADialogue(t *testing.T) {
	everywhere(t, func(t *testing.T, fresh func(testing.TB) string) {
		where := fresh(t)
		p := newPlatform()
		c := &channel{name: "test", secret: secret, send: p.send}
		var most, now atomic.Int64
		inChat := map[string]int{}
		var mu sync.Mutex
		r := responder(func(ctx context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
			most.Store(max(most.Load(), now.Add(1)))
			mu.Lock()
			inChat[m.Dialogue]++
			if inChat[m.Dialogue] > 1 {
				t.Errorf("two messages of %s at once", m.Dialogue)
			}
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			inChat[m.Dialogue]--
			mu.Unlock()
			now.Add(-1)
			// What was remembered comes back whole, whichever process answered before.
			return webhook.Response{Replies: []webhook.Reply{{Text: fmt.Sprintf("%s after %d|and more", m.Text, strings.Count(string(state), ";"))}}, State: append(slices.Clone(state), ';')}
		})
		const chats, each = 20, 15
		var dbs []*database.DB
		for range 3 {
			db := openDB(t, where, database.Options{})
			dbs = append(dbs, db)
			run(t, db, r, []webhook.Line{fast(c)}, hurried())
		}
		var all sync.WaitGroup
		for i := range chats {
			all.Go(func() {
				for n := range each {
					hook := webhook.NewIntake(c, dbs[n%len(dbs)], webhook.IntakeOptions{})
					d := delivery{ID: fmt.Sprintf("%d-%d", i, n), Chat: fmt.Sprint("chat", i), Text: fmt.Sprint(n)}
					// A platform delivers again what was not taken: of three processes that
					// write to one SQLite file, one may be kept waiting on a busy machine.
					got := post(hook, secret, d)
					for again := 0; again < 5 && got.Code == http.StatusServiceUnavailable; again++ {
						got = post(hook, secret, d)
					}
					if got.Code != http.StatusOK {
						t.Errorf("delivery %s = %d", d.ID, got.Code)
					}
				}
			})
		}
		all.Wait()
		p.until(t, "all answered", func() bool { return len(p.texts("")) >= 2*chats*each })
		for i := range chats {
			want := []string{}
			for n := range each {
				want = append(want, fmt.Sprintf("%d after %d", n, n), "and more")
			}
			if got := p.texts(fmt.Sprint("chat", i)); !equal(got, want) {
				t.Errorf("chat %d was told %q, want %q", i, got, want)
			}
		}
		if most.Load() < 2 {
			t.Errorf("at most %d dialogues were answered at once", most.Load())
		}
	})
}

// T05: a responder that fails for ever costs one apology, and the dialogue goes on.
func TestT05OneApologyForWhatCannotBeAnswered(t *testing.T) {
	w := newWorld(t)
	tries := 0
	r := responder(func(ctx context.Context, m webhook.Message, state []byte, release func(string)) webhook.Response {
		if strings.HasPrefix(m.Text, "bad") {
			tries++
			panic("the question was " + m.Text)
		}
		return echo(ctx, m, state, release)
	})
	var log logged
	registry := prometheus.NewRegistry()
	opts := hurried()
	opts.Log, opts.Metrics, opts.Attempts = log.logger(), webhook.NewMetrics(registry), 3
	opts.Apology = sorry("xin lỗi")
	run(t, w.db, r, []webhook.Line{fast(w.channel)}, opts)
	w.say("a", "one")
	w.say("a", "bad secret words")
	w.say("a", "two")
	w.platform.until(t, "the last answer", func() bool { return slices.Contains(w.platform.texts("a"), "re two") })
	if got, want := w.platform.texts("a"), []string{"re one", "xin lỗi", "re two"}; !equal(got, want) {
		t.Errorf("the person was told %q, want %q", got, want)
	}
	if tries != 3 {
		t.Errorf("answering was tried %d times, want 3", tries)
	}
	if strings.Contains(log.String(), "secret words") {
		t.Errorf("the log holds the message: %s", log.String())
	}
	f := figures(t, registry)
	if f[`troly_channel_failed_total{channel=test,reason=panic}`] != 2 || f[`troly_channel_failed_total{channel=test,reason=given-up}`] != 1 {
		t.Errorf("failures counted: %v", f)
	}
}

// What a person remembers of the dialogue survives what could not be answered.
func TestStateIsKeptAcrossAFailure(t *testing.T) {
	w := newWorld(t)
	states := make(chan string, 10)
	r := responder(func(ctx context.Context, m webhook.Message, state []byte, release func(string)) webhook.Response {
		if m.Text == "bad" {
			panic("x")
		}
		states <- string(state)
		return echo(ctx, m, state, release)
	})
	opts := hurried()
	opts.Attempts = 1
	run(t, w.db, r, []webhook.Line{fast(w.channel)}, opts)
	for _, text := range []string{"one", "bad", "two"} {
		w.say("a", text)
	}
	if first, second := <-states, <-states; first != "" || second != "one;" {
		t.Errorf("states handed in: %q, %q; want none, then one;", first, second)
	}
}

// full is a channel that can do everything besides; it writes down the order.
type full struct {
	*channel
	mu     sync.Mutex
	did    []string
	typed  chan struct{}
	drafts bool
	fetch  func(webhook.Media) ([]byte, error)
}

func (f *full) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, what)
}

func (f *full) notes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.did)
}

func (f *full) Acknowledge(context.Context, webhook.Message) error {
	time.Sleep(50 * time.Millisecond) // longer than the answer takes
	f.note("acknowledge")
	return nil
}
func (f *full) Every(webhook.Message) time.Duration { return 5 * time.Millisecond }
func (f *full) Drafts(webhook.Message) bool         { return f.drafts }
func (f *full) Typing(context.Context, webhook.Message) error {
	f.note("typing")
	select {
	case f.typed <- struct{}{}:
	default:
	}
	return nil
}

func (f *full) Draft(_ context.Context, _ webhook.Message, text string) error {
	f.note("draft " + text)
	return nil
}

func (f *full) Fetch(_ context.Context, media webhook.Media, limit int64) ([]byte, error) {
	return f.fetch(media)
}

func (f *full) Send(ctx context.Context, dialogue string, part json.RawMessage) (string, error) {
	f.note("send")
	return f.channel.Send(ctx, dialogue, part)
}

// T15 and T30: a button is acknowledged before anything is sent; typing is shown
// while the answer is written, drafts before the text, and nothing after it.
func TestT30WhatGoesOnBesideAnAnswer(t *testing.T) {
	w := newWorld(t)
	f := &full{channel: w.channel, typed: make(chan struct{}), drafts: true}
	r := responder(func(_ context.Context, m webhook.Message, _ []byte, release func(string)) webhook.Response {
		<-f.typed
		<-f.typed
		for i, piece := range []string{"Lệ ", "phí ", "là"} {
			release(piece)
			for len(draftsOf(f.notes())) <= i { // one is shown before more is written
				time.Sleep(time.Millisecond)
			}
		}
		return webhook.Response{Replies: []webhook.Reply{{Text: "Lệ phí là 0 đồng"}}}
	})
	opts := hurried()
	opts.TypingAfter, opts.DraftEvery = time.Millisecond, time.Millisecond
	run(t, w.db, r, []webhook.Line{fast(f)}, opts)
	w.say("a", "hỏi")
	w.platform.until(t, "the answer", func() bool { return len(w.platform.texts("a")) == 1 })
	notes := f.notes()
	if got, want := draftsOf(notes), []string{"Lệ ", "Lệ phí ", "Lệ phí là"}; !equal(got, want) {
		t.Errorf("drafts %q, want %q", got, want)
	}
	if slices.Index(notes, "acknowledge") > slices.Index(notes, "send") || !slices.Contains(notes, "acknowledge") {
		t.Errorf("order %q, want acknowledge before send", notes)
	}
	if notes[len(notes)-1] != "send" {
		t.Errorf("order %q, want nothing after the answer", notes)
	}
}

func draftsOf(notes []string) []string {
	drafts := []string{}
	for _, n := range notes {
		if text, ok := strings.CutPrefix(n, "draft "); ok {
			drafts = append(drafts, text)
		}
	}
	return drafts
}

// An answer that is there at once is not preceded by typing, and typing ends at
// its bound however long the answer takes.
func TestT30TypingIsBounded(t *testing.T) {
	w := newWorld(t)
	f := &full{channel: w.channel, typed: make(chan struct{})}
	release := make(chan struct{})
	r := responder(func(ctx context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
		if m.Text == "slow" {
			<-f.typed
			time.Sleep(50 * time.Millisecond)
			n := len(f.notes())
			time.Sleep(50 * time.Millisecond)
			if more := len(f.notes()); more != n {
				t.Errorf("typing after its bound: %d calls more", more-n)
			}
			close(release)
		}
		return echo(ctx, m, state, nil)
	})
	opts := hurried()
	opts.TypingAfter, opts.TypingFor = 30*time.Millisecond, 40*time.Millisecond
	run(t, w.db, r, []webhook.Line{fast(f)}, opts)
	w.say("a", "slow")
	<-release
	w.platform.until(t, "the answer", func() bool { return len(w.platform.texts("a")) == 1 })
}

func TestVoiceIsHeardWhereItCanBe(t *testing.T) {
	got := make(chan webhook.Message, 1)
	r := responder(func(ctx context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
		got <- m
		return webhook.Response{}
	})
	ok := func(context.Context, []byte, string) (string, error) {
		return "le\u0323\u0302 phi\u0301 khai sinh, so\u0302\u0301 0912345678", nil // NFD, as some models write
	}
	for _, c := range []struct {
		name       string
		transcribe func(context.Context, []byte, string) (string, error)
		fetch      error
		want       string
	}{
		{"heard", ok, nil, "lệ phí khai sinh, số [số điện thoại]"},
		{"nobody to listen", nil, nil, ""},
		{"cannot be fetched", ok, errors.New("gone"), ""},
		{"not understood", func(context.Context, []byte, string) (string, error) { return "", errors.New("noise") }, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			f := &full{channel: w.channel, fetch: func(m webhook.Media) ([]byte, error) { return []byte("audio of " + m.ID), c.fetch }}
			opts := hurried()
			opts.Transcribe = c.transcribe
			run(t, w.db, r, []webhook.Line{fast(f)}, opts)
			w.deliver(delivery{ID: "1", Chat: "a", Kind: webhook.Voice, Text: "file-1"})
			if m := <-got; m.Kind != webhook.Voice || m.Text != c.want {
				t.Errorf("the responder was asked %q (%s), want %q (voice)", m.Text, m.Kind, c.want)
			}
		})
	}
}

// All that comes of a message is written with its end.
func TestEverythingOfAResponseIsKept(t *testing.T) {
	w := newWorld(t)
	r := responder(func(_ context.Context, m webhook.Message, _ []byte, _ func(string)) webhook.Response {
		if m.Text == "xoa" {
			return webhook.Response{Erase: true, Replies: []webhook.Reply{{Text: "đã xóa"}}}
		}
		return webhook.Response{
			Replies: []webhook.Reply{{Text: "một"}, {Text: "hai"}},
			Outcome: &webhook.Outcome{ID: "o-" + m.Text, Status: "answered", Body: json.RawMessage(`{"question":"hỏi"}`)},
			Ticket:  &webhook.Ticket{Outcome: "o-" + m.Text, Reason: "asked", Summary: "cần người"},
		}
	})
	_, stop := run(t, w.db, r, []webhook.Line{fast(w.channel)}, hurried())
	w.say("a", "1")
	w.platform.until(t, "both replies", func() bool { return len(w.platform.texts("a")) == 2 })
	o, err := w.db.OutcomeByID(t.Context(), "o-1")
	if err != nil || o.Status != "answered" || o.Channel != "test" || o.Dialogue != "a" || string(o.Body) != `{"question":"hỏi"}` || o.At.IsZero() {
		t.Errorf("outcome kept: %+v, %v", o, err)
	}
	k, err := w.db.TicketByID(t.Context(), 1)
	if err != nil || k.Reason != "asked" || k.Dialogue != "a" || k.Outcome != "o-1" {
		t.Errorf("ticket kept: %+v, %v", k, err)
	}
	w.say("a", "xoa")
	w.platform.until(t, "the last reply", func() bool { return len(w.platform.texts("a")) == 3 })
	stop()
	if _, err := w.db.OutcomeByID(t.Context(), "o-1"); !errors.Is(err, database.ErrNotFound) {
		t.Errorf("after erasing, OutcomeByID = %v, want ErrNotFound", err)
	}
}

// Who wants to be forgotten is, also when nothing can be answered.
func TestX09ErasedThoughNothingCanBeAnswered(t *testing.T) {
	w := newWorld(t)
	opts := hurried()
	opts.Apology = func(m webhook.Message, state []byte) webhook.Response {
		if m.Text == "xoa" {
			return webhook.Response{Erase: true, Replies: []webhook.Reply{{Text: "đã xóa"}}}
		}
		return sorry("xin lỗi")(m, state)
	}
	run(t, w.db, responder(func(context.Context, webhook.Message, []byte, func(string)) webhook.Response { panic("broken") }), []webhook.Line{fast(w.channel)}, opts)
	if err := w.db.AddOutcome(t.Context(), database.Outcome{ID: "o-1", Channel: "test", Dialogue: "a", Person: "a"}); err != nil {
		t.Fatal(err)
	}
	w.say("a", "one")
	w.say("a", "xoa")
	w.platform.until(t, "the last reply", func() bool { return len(w.platform.texts("a")) == 2 })
	if got, want := w.platform.texts("a"), []string{"xin lỗi", "đã xóa"}; !equal(got, want) {
		t.Errorf("the person was told %q, want %q", got, want)
	}
	if _, err := w.db.OutcomeByID(t.Context(), "o-1"); !errors.Is(err, database.ErrNotFound) {
		t.Errorf("after erasing, OutcomeByID = %v, want ErrNotFound", err)
	}
}

// A channel that was off for a day answers what waited, the first message too.
func TestAnsweredAfterADayOff(t *testing.T) {
	w := newWorld(t)
	w.say("a", "one")
	for range 300 { // every five minutes
		jobs, err := w.db.Next(t.Context(), "w", 1, time.Minute)
		if err != nil || len(jobs) != 1 {
			t.Fatalf("Next = %v, %v", jobs, err)
		}
		if err := w.db.PutBack(t.Context(), jobs[0], time.Now().Add(-time.Second), "channel-off"); err != nil {
			t.Fatal(err)
		}
	}
	opts := hurried()
	opts.Apology = sorry("xin lỗi")
	run(t, w.db, responder(echo), []webhook.Line{fast(w.channel)}, opts)
	w.platform.until(t, "an answer", func() bool { return len(w.platform.texts("a")) == 1 })
	if got := w.platform.texts("a"); !equal(got, []string{"re one"}) {
		t.Errorf("the person was told %q, want the answer", got)
	}
}

// T17: who blocks the bot is still answered in a group.
func TestT17WhoLeftIsAnsweredInAGroup(t *testing.T) {
	w := newWorld(t)
	line := fast(w.channel)
	line.Group = func(dialogue string) bool { return strings.HasPrefix(dialogue, "-") }
	asked := make(chan struct{})
	blocked := make(chan struct{})
	r := responder(func(ctx context.Context, m webhook.Message, state []byte, release func(string)) webhook.Response {
		if m.Dialogue == "-1" {
			close(asked)
			<-blocked
		}
		return echo(ctx, m, state, release)
	})
	w.platform.fault = func(_ int, dialogue, _ string) error {
		if dialogue == "a" {
			return &webhook.SendError{Class: webhook.Unreachable, Code: "403"}
		}
		return nil
	}
	run(t, w.db, r, []webhook.Line{line}, hurried())
	w.deliver(delivery{ID: "1", Chat: "-1", Person: "a", Text: "in the group"})
	<-asked
	w.deliver(delivery{ID: "2", Chat: "a", Kind: webhook.Left, Text: "left"})
	unreachable := func(dialogue string) bool {
		yes, err := w.db.Reachable(t.Context(), "test", dialogue)
		if err != nil {
			t.Fatal(err)
		}
		return !yes
	}
	w.platform.until(t, "unreachable", func() bool { return unreachable("a") })
	close(blocked)
	w.platform.until(t, "the answer in the group", func() bool { return len(w.platform.texts("-1")) == 1 && settled(t, w.db) })
	if !unreachable("a") || unreachable("-1") {
		t.Errorf("unreachable: own chat %v, group %v; want true and false: what is written in a group unblocks nobody", unreachable("a"), unreachable("-1"))
	}
}

// T17: who left is not written to, until they write again.
func TestT17WhoLeftIsNotWrittenTo(t *testing.T) {
	w := newWorld(t)
	run(t, w.db, responder(echo), []webhook.Line{fast(w.channel)}, hurried())
	w.deliver(delivery{ID: "1", Chat: "a", Kind: webhook.Left, Text: "left"})
	reachable := func() bool {
		yes, err := w.db.Reachable(t.Context(), "test", "a")
		if err != nil {
			t.Fatal(err)
		}
		return yes
	}
	w.platform.until(t, "unreachable", func() bool { return !reachable() })
	w.deliver(delivery{ID: "2", Chat: "a", Kind: webhook.TookOver, Text: "an officer wrote"}) // is not the person writing
	w.say("a", "again")
	w.platform.until(t, "an answer", func() bool { return slices.Contains(w.platform.texts("a"), "re again") })
	if !reachable() {
		t.Error("who wrote again is still unreachable")
	}
	if slices.Contains(w.platform.texts("a"), "re left") {
		t.Error("somebody who left was answered")
	}
}

// What is under way when the process is told to end is finished within the grace
// time; what is not goes back at once and is answered by the next process.
func TestT24ShutdownFinishesOrGivesBack(t *testing.T) {
	for _, c := range []struct {
		name  string
		grace time.Duration
		want  string
	}{
		{"in time", time.Minute, "from the process that ends"},
		{"not in time", 10 * time.Millisecond, "re a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			begun, ending := make(chan struct{}), make(chan struct{})
			slow := responder(func(ctx context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
				close(begun)
				<-ending
				if c.grace < time.Second {
					<-ctx.Done() // the end of the grace time reaches the responder
				}
				return webhook.Response{Replies: []webhook.Reply{{Text: "from the process that ends"}}}
			})
			opts := hurried()
			opts.Grace, opts.Lease, opts.AnswerIn = c.grace, time.Hour, 3*time.Second
			d := webhook.NewDispatcher(w.db, slow, []webhook.Line{fast(w.channel)}, opts)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { d.Run(ctx); close(ended) }()
			w.say("x", "a")
			<-begun
			cancel()
			close(ending)
			<-ended
			run(t, w.db, responder(echo), []webhook.Line{fast(w.channel)}, hurried())
			w.platform.until(t, "the answer", func() bool { return len(w.platform.texts("x")) > 0 })
			if got := w.platform.texts("x"); !equal(got, []string{c.want}) {
				t.Errorf("told %q, want %q once", got, c.want)
			}
		})
	}
}

// A lease is renewed while its message is being answered, so nobody else takes it.
func TestLeasesAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var times atomic.Int64
		r := responder(func(ctx context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
			times.Add(1)
			time.Sleep(10 * time.Minute)
			return echo(ctx, m, state, nil)
		})
		opts := webhook.Options{Lease: time.Minute, AnswerIn: time.Hour}
		_, stop := run(t, w.db, r, []webhook.Line{fast(w.channel)}, opts)
		other := openDB(t, w.url, database.Options{})
		_, stopOther := run(t, other, r, []webhook.Line{fast(w.channel)}, opts)
		w.say("a", "x")
		time.Sleep(time.Hour)
		if n, got := times.Load(), w.platform.texts("a"); n != 1 || !equal(got, []string{"re x"}) {
			t.Errorf("answered %d times by two dispatchers, %q was sent; want once", n, got)
		}
		stop()
		stopOther()
		_, _ = w.db.Close(), other.Close()
	})
}

// An inbox row nobody can read is given up and holds nobody back.
func TestUnreadableMessagesAreGivenUp(t *testing.T) {
	w := newWorld(t)
	if _, err := w.db.Receive(t.Context(), database.Received{Channel: "test", Key: "1", Dialogue: "a", Person: "a", Body: []byte("{")}); err != nil {
		t.Fatal(err)
	}
	run(t, w.db, responder(echo), []webhook.Line{fast(w.channel)}, hurried())
	w.say("a", "x")
	w.platform.until(t, "the next answer", func() bool { return len(w.platform.texts("a")) == 1 })
}

// A channel that is off keeps what came for it.
func TestAChannelThatIsOffWaits(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	_ = w.db.Close()
	w.db = openDB(t, w.url, database.Options{Now: clock})
	w.hook = webhook.NewIntake(w.channel, w.db, webhook.IntakeOptions{})
	var on atomic.Bool
	looked := make(chan struct{}, 100)
	line := fast(w.channel)
	line.On = func() bool {
		select {
		case looked <- struct{}{}:
		default:
		}
		return on.Load()
	}
	opts := hurried()
	opts.Now = clock
	d, _ := run(t, w.db, responder(echo), []webhook.Line{line}, opts)
	w.say("a", "x")
	for range 20 {
		<-looked
	}
	if got := w.platform.called(""); len(got) > 0 {
		t.Errorf("a channel that is off sent %q", got)
	}
	if s := d.Status(); len(s) != 1 || s[0].On || s[0].Healthy() {
		t.Errorf("Status() = %+v, want off", s)
	}
	on.Store(true)
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
	w.platform.until(t, "the answer", func() bool { return len(w.platform.texts("a")) == 1 })
}
