package database_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"troly/internal/database"
)

// reply receives a message of a person and answers it with parts.
func reply(t *testing.T, db *database.DB, person string, n int, parts ...string) {
	t.Helper()
	m := message(person, n)
	receive(t, db, m)
	ok(t, db.Finish(ctx, next(t, db, m.Key)[0], database.Result{State: []byte("s"), Parts: texts(parts...)}))
}

func TestPartsGoOutInOrder(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		reply(t, db, "a", 1, "a1", "a2")
		reply(t, db, "b", 1, "b1")
		reply(t, db, "a", 2, "a3")
		ok(t, db.Post(ctx, "zalo", "chat-a", "person-a", texts("z")))
		parts := nextOut(t, db, "a1", "b1")
		if p := parts[0]; p.Attempt != 1 || p.Interrupted || p.Person != "person-a" || p.Dialogue != "chat-a" || p.Channel != "telegram" {
			t.Errorf("part = %+v", p)
		}
		nextOut(t, db)
		ok(t, db.Sent(ctx, parts[0], "receipt"))
		if err := db.Sent(ctx, parts[0], "receipt"); !errors.Is(err, database.ErrLost) && err != nil {
			t.Errorf("second Sent: %v", err)
		}
		second := nextOut(t, db, "a2")[0]
		ok(t, db.Sent(ctx, second, "r2"))
		third := nextOut(t, db, "a3")[0]
		ok(t, db.Sent(ctx, third, ""))
		nextOut(t, db)
		r := raw(t, url)
		if n := count(t, r, "SELECT count(*) FROM outbox WHERE done = 1 AND length(body) = 0 AND channel = 'telegram'"); n != 3 {
			t.Errorf("%d sent parts without a text, want 3", n)
		}
		if n := count(t, r, "SELECT count(*) FROM outbox WHERE receipt = 'receipt'"); n != 1 {
			t.Errorf("%d receipts, want 1", n)
		}
		if n := count(t, r, "SELECT count(*) FROM lanes"); n != 2 { // b1 in work, z waiting
			t.Errorf("%d lanes, want 2", n)
		}
	})
}

func TestSendLaterHoldsTheDialogue(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		reply(t, db, "a", 1, "a1", "a2")
		reply(t, db, "b", 1, "b1")
		first := nextOut(t, db, "a1", "b1")[0]
		ok(t, db.SendLater(ctx, first, c.Now().Add(7*time.Second), "429"))
		if err := db.SendLater(ctx, database.Outgoing{ID: first.ID, Channel: "telegram", Dialogue: "chat-a", Attempt: 9}, c.Now(), ""); !errors.Is(err, database.ErrLost) {
			t.Errorf("SendLater of another attempt: %v, want ErrLost", err)
		}
		reply(t, db, "a", 2, "a3")
		c.pass(6900 * time.Millisecond)
		nextOut(t, db)
		c.pass(100 * time.Millisecond)
		if p := nextOut(t, db, "a1")[0]; p.Attempt != 2 || p.Interrupted {
			t.Errorf("part = %+v, want attempt 2, not interrupted", p)
		}
	})
}

func TestSendFailedTakesTheRestOfTheReply(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		reply(t, db, "a", 1, "a1", "a2", "a3")
		reply(t, db, "a", 2, "b1", "b2")
		ok(t, db.Sent(ctx, nextOut(t, db, "a1")[0], ""))
		ok(t, db.SendFailed(ctx, nextOut(t, db, "a2")[0], "400"))
		first := nextOut(t, db, "b1")[0]
		ok(t, db.SendFailed(ctx, first, "400"))
		nextOut(t, db)
		if n := count(t, raw(t, url), "SELECT count(*) FROM outbox WHERE done = 2 AND code = '400' AND length(body) = 0"); n != 4 {
			t.Errorf("%d parts failed, want a2, a3, b1, b2", n)
		}
	})
}

func TestAPartWhoseSenderDiedIsMarked(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		reply(t, db, "a", 1, "a1", "a2")
		first := nextOut(t, db, "a1")[0]
		c.pass(time.Minute)
		other := open(t, url, database.Options{Now: c.Now})
		second := nextOut(t, other, "a1")[0]
		if !second.Interrupted || second.Attempt != 2 {
			t.Errorf("part = %+v, want attempt 2, interrupted", second)
		}
		for what, err := range map[string]error{
			"Sent": db.Sent(ctx, first, ""), "SendFailed": db.SendFailed(ctx, first, ""), "SendLater": db.SendLater(ctx, first, c.Now(), ""),
		} {
			if !errors.Is(err, database.ErrLost) {
				t.Errorf("%s of a lost part: %v, want ErrLost", what, err)
			}
		}
		ok(t, other.SendLater(ctx, second, c.Now(), "x"))
		if third := nextOut(t, db, "a1")[0]; third.Interrupted || third.Attempt != 3 {
			t.Errorf("part = %+v, want attempt 3, not interrupted: the second sender said that it was not taken", third)
		}
	})
}

func TestLead(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		a, b := open(t, url, database.Options{Now: c.Now}), open(t, url, database.Options{Now: c.Now})
		other := strings.HasPrefix(url, "postgres") // one leads
		for i, step := range []struct {
			wait        time.Duration
			db          *database.DB
			name, owner string
			lease       time.Duration
			want        bool
		}{
			{0, a, "send", "a", time.Minute, true},
			{0, b, "send", "b", time.Minute, !other},
			{0, b, "other", "b", time.Minute, true},
			{50 * time.Second, a, "send", "a", time.Minute, true},
			{50 * time.Second, b, "send", "b", time.Minute, !other},
			{10 * time.Second, b, "send", "b", time.Minute, true}, // a has died
			{0, a, "send", "a", time.Minute, !other},
			{0, b, "send", "b", 0, true}, // and b gives it up
			{0, a, "send", "a", time.Minute, true},
		} {
			c.pass(step.wait)
			if got, err := step.db.Lead(ctx, step.name, step.owner, step.lease); got != step.want || err != nil {
				t.Errorf("step %d: Lead(%s, %s) = %v, %v, want %v", i, step.name, step.owner, got, err, step.want)
			}
		}
	})
}

func TestUnreachable(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		reply(t, db, "a", 1, "a1", "a2")
		reply(t, db, "b", 1, "b1")
		part := nextOut(t, db, "a1", "b1")[0]
		ok(t, db.SetUnreachable(ctx, "telegram", "chat-a", "person-a", "403"))
		ok(t, db.SetUnreachable(ctx, "telegram", "chat-a", "person-a", "403 again"))
		nextOut(t, db)
		ok(t, db.SendFailed(ctx, part, "403")) // who found it out may say so
		for chat, want := range map[string]bool{"chat-a": false, "chat-b": true} {
			if got, err := db.Reachable(ctx, "telegram", chat); got != want || err != nil {
				t.Errorf("Reachable(%s) = %v, %v, want %v", chat, got, err, want)
			}
		}
		if got, err := db.Reachable(ctx, "zalo", "chat-a"); !got || err != nil {
			t.Errorf("Reachable on another channel = %v, %v, want true", got, err)
		}
		id, err := db.OpenTicket(ctx, by, database.Ticket{Channel: "telegram", Dialogue: "chat-a", Person: "person-a"})
		ok(t, err)
		wantErr(t, "Post", db.Post(ctx, "telegram", "chat-a", "person-a", texts("no")), database.ErrUnreachable)
		wantErr(t, "ReplyTicket", db.ReplyTicket(ctx, by, id, "x", texts("no"), time.Now().Add(time.Hour)), database.ErrUnreachable)
		posted, err := db.Correct(ctx, by, "r", database.Recipient{Channel: "telegram", Dialogue: "chat-a", Person: "person-a"}, texts("no"))
		wantErr(t, "Correct", err, database.ErrUnreachable)
		if held, err := db.Held(ctx, "telegram", "chat-a"); posted || !held.IsZero() || err != nil {
			t.Errorf("after what could not be posted: posted %v, held until %v, %v; want nothing done", posted, held, err)
		}
		nextOut(t, db)
		receive(t, db, message("a", 2))
		job := next(t, db, "a-2")[0]
		if !job.Unreachable {
			t.Error("the job does not say that its person was unreachable")
		}
		yes := true
		ok(t, db.Finish(ctx, job, database.Result{Reachable: &yes, Parts: texts("a3")}))
		if got, err := db.Reachable(ctx, "telegram", "chat-a"); !got || err != nil {
			t.Errorf("Reachable after they wrote = %v, %v, want true", got, err)
		}
		nextOut(t, db, "a3")
	})
}

func TestMove(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		reply(t, db, "a", 1, "a1", "a2")
		receive(t, db, message("a", 2))
		part := nextOut(t, db, "a1")[0]
		ok(t, db.Move(ctx, "telegram", "chat-a", "chat-a"))
		ok(t, db.Move(ctx, "telegram", "chat-a", "super"))
		part.Dialogue = "super"
		ok(t, db.SendLater(ctx, part, c.Now().Add(time.Second), "migrated"))
		nextOut(t, db)
		c.pass(time.Second)
		if p := nextOut(t, db, "a1")[0]; p.Dialogue != "super" {
			t.Errorf("part goes to %q, want super", p.Dialogue)
		}
		job := next(t, db, "a-2")[0]
		if job.Dialogue != "super" || string(job.State) != "s" {
			t.Errorf("job = %+v, want dialogue super with its state", job)
		}
		// Both names are known: the newer state stays, the lanes are joined.
		m := message("a", 3)
		receive(t, db, m)
		job = next(t, db, "a-3")[0]
		ok(t, db.Finish(ctx, job, database.Result{State: []byte("old name"), Parts: texts("a3"), Ticket: &database.Ticket{}, Outcome: &database.Outcome{ID: "o"}, Hold: c.Now().Add(time.Hour)}))
		ok(t, db.Move(ctx, "telegram", "chat-a", "super"))
		nextOut(t, db) // a1 is in work in the dialogue
		r := raw(t, url)
		for _, table := range []string{"inbox", "outbox", "dialogues", "lanes", "tickets", "outcomes", "holds"} {
			if n := count(t, r, "SELECT count(*) FROM "+table+" WHERE dialogue = 'chat-a'"); n != 0 {
				t.Errorf("%d rows of %s have the old name, want 0", n, table)
			}
		}
		if n := count(t, r, "SELECT count(*) FROM dialogues WHERE dialogue = 'super'"); n != 1 {
			t.Errorf("%d states, want 1", n)
		}
	})
}

func TestLastHeard(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		heard := func(want time.Time) {
			t.Helper()
			if got, err := db.LastHeard(ctx, "telegram", "person-a"); !got.Equal(want) || err != nil {
				t.Fatalf("LastHeard = %v, %v, want %v", got, err, want)
			}
		}
		heard(time.Time{})
		m := message("a", 1)
		m.At = c.Now().Add(-time.Hour)
		receive(t, db, m)
		heard(m.At)
		silent := message("a", 2)
		silent.At, silent.Silent = c.Now(), true
		receive(t, db, silent) // an officer wrote, or the person left
		heard(m.At)
		ok(t, db.Finish(ctx, next(t, db, "a-1")[0], database.Result{Parts: texts("x"), Erase: true}))
		heard(m.At) // the answer to the request to erase still goes out
		ok(t, db.Sent(ctx, nextOut(t, db, "x")[0], ""))
		heard(time.Time{})
	})
}

// Many refresh at once, from two handles: the platform is asked once.
func TestZ19OneRefreshForMany(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		handles := []*database.DB{open(t, url, database.Options{}), open(t, url, database.Options{})}
		var calls, inside atomic.Int64
		refresh := func(ctx context.Context, current []byte) ([]byte, error) {
			if inside.Add(1) != 1 {
				t.Error("two are in change at once")
			}
			defer inside.Add(-1)
			if string(current) == "fresh" {
				return nil, nil
			}
			calls.Add(1)
			time.Sleep(5 * time.Millisecond) // a call to the platform
			return []byte("fresh"), nil
		}
		if got, err := handles[0].Token(ctx, "zalo"); got != nil || err != nil {
			t.Fatalf("Token before any = %q, %v, want nil", got, err)
		}
		ok(t, handles[0].WithToken(ctx, "zalo", func(_ context.Context, current []byte) ([]byte, error) {
			if current != nil {
				t.Errorf("current = %q, want nil", current)
			}
			return []byte("expired"), nil
		}))
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if err := handles[i%2].WithToken(ctx, "zalo", refresh); err != nil {
					t.Errorf("WithToken: %v", err)
				}
			})
		}
		wg.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d refreshes, want 1", calls.Load())
		}
		boom := errors.New("boom")
		if err := handles[0].WithToken(ctx, "zalo", func(context.Context, []byte) ([]byte, error) { return []byte("lost"), boom }); !errors.Is(err, boom) {
			t.Errorf("WithToken = %v, want the error of change", err)
		}
		for i, db := range handles {
			now, err := db.Token(ctx, "zalo")
			before, err2 := db.PreviousToken(ctx, "zalo")
			if fmt.Sprintf("%s %s", now, before) != "fresh expired" || err != nil || err2 != nil {
				t.Errorf("handle %d: token %q, before %q, %v, %v", i, now, before, err, err2)
			}
		}
		// Who waits for the lock can give up; a token got while the caller left is kept.
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		ok(t, handles[0].WithToken(ctx, "zalo", func(context.Context, []byte) ([]byte, error) {
			if err := handles[1].WithToken(short, "zalo", refresh); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("WithToken while another is inside: %v, want a deadline", err)
			}
			return nil, nil
		}))
		gone, leave := context.WithCancel(ctx)
		ok(t, handles[0].WithToken(gone, "zalo", func(context.Context, []byte) ([]byte, error) {
			leave()
			return []byte("newest"), nil
		}))
		if got, err := handles[1].Token(ctx, "zalo"); string(got) != "newest" || err != nil {
			t.Errorf("Token = %q, %v, want newest", got, err)
		}
	})
}
