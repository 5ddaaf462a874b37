package database_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"troly/internal/database"
)

var ctx = context.Background()

func TestT06ReceiveIgnoresWhatItHas(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		m := message("a", 1)
		if n, err := db.Receive(ctx, m, m, message("a", 2)); n != 2 || err != nil {
			t.Fatalf("Receive(m, m, other) = %d, %v, want 2", n, err)
		}
		var fresh atomic.Int64
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				n, err := db.Receive(ctx, message("b", 1))
				if err != nil {
					t.Errorf("Receive: %v", err)
				}
				fresh.Add(int64(n))
			})
		}
		wg.Wait()
		if fresh.Load() != 1 {
			t.Errorf("20 Receives of one delivery: %d were fresh, want 1", fresh.Load())
		}
		again := open(t, url, database.Options{Now: c.Now})
		if n, err := again.Receive(ctx, m); n != 0 || err != nil {
			t.Errorf("Receive after opening again = %d, %v, want 0", n, err)
		}
		for _, j := range next(t, db, "a-1", "b-1") {
			ok(t, db.Finish(ctx, j, database.Result{}))
		}
		if n, err := db.Receive(ctx, m); n != 0 || err != nil {
			t.Errorf("Receive of a finished job = %d, %v, want 0", n, err)
		}
		other := m
		other.Channel = "zalo"
		if n, err := db.Receive(ctx, other); n != 1 || err != nil {
			t.Errorf("Receive of the same key on another channel = %d, %v, want 1", n, err)
		}
		c.pass(8 * 24 * time.Hour)
		if n, err := db.Receive(ctx, m, message("a", 2)); n != 1 || err != nil {
			t.Errorf("Receive after 8 days, of one finished and one still waiting = %d, %v, want 1", n, err)
		}
	})
}

func TestReceiveTakesOddText(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		odd := database.Received{Channel: "telegram", Key: "k\x00\xff", Dialogue: "d\x00", Person: "\xc3(", Body: []byte{0, 255}}
		for i, want := range []int{1, 0} {
			if n, err := db.Receive(ctx, odd, message("a", i)); n != want+1 || err != nil {
				t.Fatalf("Receive of a key with a zero byte, time %d = %d, %v, want %d", i, n, err, want+1)
			}
		}
		jobs, err := db.Next(ctx, "w", 10, time.Minute)
		if err != nil || len(jobs) != 2 || string(jobs[0].Body) != "\x00\xff" {
			t.Fatalf("Next = %+v, %v, want the body as it came", jobs, err)
		}
		ok(t, db.Finish(ctx, jobs[0], database.Result{State: []byte{0}, Ticket: &database.Ticket{Summary: "a\x00b"}}))
		if n, err := db.Receive(ctx); n != 0 || err != nil {
			t.Errorf("Receive() = %d, %v, want 0", n, err)
		}
	})
}

func TestNextKeepsOrderWithinADialogue(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		receive(t, db, message("a", 1), message("a", 2), message("b", 1))
		receive(t, db, message("a", 10), message("a", 9))
		jobs := next(t, db, "a-1", "b-1")
		next(t, db)
		ok(t, db.Finish(ctx, jobs[0], database.Result{}))
		jobs = next(t, db, "a-2")
		ok(t, db.Finish(ctx, jobs[0], database.Result{}))
		jobs = next(t, db, "a-10")
		receive(t, db, message("a", 11))
		next(t, db)
		ok(t, db.Finish(ctx, jobs[0], database.Result{}))
		if jobs, err := db.Next(ctx, "w", 0, time.Minute); err != nil || len(jobs) != 0 {
			t.Errorf("Next of none = %v, %v", jobs, err)
		}
		next(t, db, "a-9")
	})
}

// Two handles stand for two processes: nothing is shared but the database.
func TestX02TwoProcessesShareTheWork(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		const people, each = 12, 15
		handles := []*database.DB{open(t, url, database.Options{}), open(t, url, database.Options{})}
		var mu sync.Mutex
		inWork, last, seen := map[string]bool{}, map[string]int{}, 0
		finished := make(chan struct{})
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute) // a message that is forgotten must not hang the test
		defer cancel()
		var workers sync.WaitGroup
		for w := range 6 {
			workers.Go(func() {
				db := handles[w%2]
				for {
					woken := db.Woken()
					jobs, err := db.Next(ctx, fmt.Sprint("w", w), 3, time.Minute)
					if err != nil {
						t.Errorf("Next: %v", err)
						return
					}
					for _, j := range jobs {
						var n int
						fmt.Sscanf(string(j.Body), `{"n":%d}`, &n)
						mu.Lock()
						if inWork[j.Dialogue] || n != last[j.Dialogue]+1 || j.Attempt != 1 || string(j.State) != fmt.Sprint(n-1) && n > 1 {
							t.Errorf("%s: given %d (attempt %d, state %q) after %d, in work: %v", j.Dialogue, n, j.Attempt, j.State, last[j.Dialogue], inWork[j.Dialogue])
						}
						inWork[j.Dialogue], last[j.Dialogue] = true, n
						mu.Unlock()
					}
					for _, j := range jobs {
						mu.Lock()
						inWork[j.Dialogue] = false
						seen++
						if seen == people*each {
							close(finished)
						}
						n := last[j.Dialogue]
						mu.Unlock()
						if err := db.Finish(ctx, j, database.Result{State: fmt.Append(nil, n), Parts: texts("x")}); err != nil {
							t.Errorf("Finish: %v", err)
						}
					}
					if len(jobs) > 0 {
						continue
					}
					select {
					case <-finished:
						return
					case <-woken:
					case <-time.After(50 * time.Millisecond): // the other handle does not wake us
					}
				}
			})
		}
		var senders sync.WaitGroup
		for p := range people {
			senders.Go(func() {
				for n := range each {
					receive(t, handles[n%2], message(fmt.Sprint(p), n+1))
				}
			})
		}
		senders.Wait()
		workers.Wait()
		if seen != people*each {
			t.Errorf("%d jobs were done, want %d", seen, people*each)
		}
		if n := count(t, raw(t, url), "SELECT count(*) FROM lanes WHERE box = 0"); n != 0 {
			t.Errorf("%d lanes are left in the inbox, want 0", n)
		}
	})
}

func TestAJobWhoseLeaseIsOverIsGivenOutAgain(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		receive(t, db, message("a", 1), message("a", 2))
		first := next(t, db, "a-1")[0]
		c.pass(50 * time.Second)
		ok(t, db.Renew(ctx, []database.Job{first}, time.Minute))
		c.pass(50 * time.Second)
		next(t, db)
		c.pass(11 * time.Second)
		second := next(t, db, "a-1")[0]
		if second.Attempt != 2 {
			t.Errorf("Attempt = %d, want 2", second.Attempt)
		}
		full := database.Result{State: []byte("s"), Parts: texts("x"), Outcome: &database.Outcome{ID: "o"}, Erase: true}
		for what, err := range map[string]error{
			"Finish":   db.Finish(ctx, first, full),
			"Renew":    db.Renew(ctx, []database.Job{first}, time.Hour),
			"Postpone": db.Postpone(ctx, first, c.Now(), "x"),
			"PutBack":  db.PutBack(ctx, first, c.Now(), "x"),
			"GiveUp":   db.GiveUp(ctx, first, "x"),
		} {
			if !errors.Is(err, database.ErrLost) {
				t.Errorf("%s of a lost job: %v, want ErrLost", what, err)
			}
		}
		nextOut(t, db)
		ok(t, db.Finish(ctx, second, database.Result{}))
		if err := db.Finish(ctx, second, full); !errors.Is(err, database.ErrLost) {
			t.Errorf("second Finish: %v, want ErrLost", err)
		}
		next(t, db, "a-2")
	})
}

func TestFinishWritesEverything(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		at := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
		m := message("a", 1)
		m.At = at
		receive(t, db, m, message("a", 2))
		ok(t, db.AddOutcome(ctx, database.Outcome{ID: "o0", Channel: "telegram", Dialogue: "chat-a", Person: "person-a"}))
		no := false
		ok(t, db.SetUnreachable(ctx, "telegram", "chat-a", "person-a", "blocked"))
		job := next(t, db, "a-1")[0]
		if !job.Unreachable || job.State != nil || !job.At.Equal(at) || job.Owner != "worker" || string(job.Body) != `{"n":1}` {
			t.Errorf("job = %+v", job)
		}
		yes := true
		ok(t, db.Finish(ctx, job, database.Result{
			State: []byte("state"), Parts: texts("one", "two"), Reachable: &yes,
			Outcome:  &database.Outcome{ID: "o1", Status: "answered", Body: []byte(`{"question":"Lệ phí?","citations":[{"document":"b"},{"document":"a"},{"document":"b"}],"checks":{"x":"pass","z":"fail","y":"error"}}`)},
			Feedback: &database.Feedback{Outcome: "o0", Good: true, Reason: "tốt"},
			Ticket:   &database.Ticket{Outcome: "o1", Reason: "asked", Summary: "về khai sinh", Topic: "a", Commune: "Yên Bái"},
		}))
		o, err := db.OutcomeByID(ctx, "o1")
		ok(t, err)
		if o.Person != "person-a" || o.Dialogue != "chat-a" || o.Channel != "telegram" || !o.At.Equal(at) || o.Question != "Lệ phí?" ||
			fmt.Sprint(o.Documents, o.Failed) != "[a b] [y z]" {
			t.Errorf("outcome = %+v", o)
		}
		if _, err := db.OutcomeByID(ctx, "o2"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("OutcomeByID(o2): %v, want ErrNotFound", err)
		}
		f, err := db.FeedbackOn(ctx, "o0")
		if err != nil || len(f) != 1 || !f[0].Good || f[0].Reason != "tốt" || f[0].Person != "person-a" || !f[0].At.Equal(at) {
			t.Errorf("feedback = %+v, %v", f, err)
		}
		k, err := db.TicketByID(ctx, 1)
		if err != nil || k.Person != "person-a" || k.Summary != "về khai sinh" || k.Status != database.TicketOpen || !k.Created.Equal(at) {
			t.Errorf("ticket = %+v, %v", k, err)
		}
		nextOut(t, db, "one")
		second := next(t, db, "a-2")[0]
		if string(second.State) != "state" || second.Unreachable {
			t.Errorf("second job: state %q, unreachable %v", second.State, second.Unreachable)
		}
		// No state: the dialogue is forgotten. A second ticket of the dialogue is the first.
		ok(t, db.Finish(ctx, second, database.Result{Ticket: &database.Ticket{Reason: "asked", Summary: "nữa"}, Reachable: &no}))
		if k, err = db.TicketByID(ctx, 1); k.Summary != "nữa" || k.Commune != "Yên Bái" || err != nil {
			t.Errorf("ticket = %+v, %v, want the new summary and the old commune", k, err)
		}
		r := raw(t, url)
		if n := count(t, r, "SELECT count(*) FROM tickets"); n != 1 {
			t.Errorf("%d tickets, want 1", n)
		}
		if n := count(t, r, "SELECT count(*) FROM dialogues"); n != 0 {
			t.Errorf("%d dialogues, want 0", n)
		}
		if n := count(t, r, "SELECT count(*) FROM inbox WHERE done = 1 AND length(body) = 0"); n != 2 {
			t.Errorf("%d finished jobs without a body, want 2", n)
		}
		if n := count(t, r, "SELECT count(*) FROM outbox WHERE done = 3"); n != 2 {
			t.Errorf("%d parts were dropped when the person became unreachable, want 2", n)
		}
	})
}

func TestPostponeHoldsTheDialogue(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		receive(t, db, message("a", 1), message("a", 2), message("b", 1))
		job := next(t, db, "a-1", "b-1")[0]
		ok(t, db.Postpone(ctx, job, c.Now().Add(10*time.Second), "model"))
		if err := db.Finish(ctx, job, database.Result{}); !errors.Is(err, database.ErrLost) {
			t.Errorf("Finish after Postpone: %v, want ErrLost", err)
		}
		next(t, db)
		receive(t, db, message("a", 3))
		next(t, db)
		c.pass(10 * time.Second)
		job = next(t, db, "a-1")[0]
		if job.Attempt != 2 {
			t.Errorf("Attempt = %d, want 2", job.Attempt)
		}
		ok(t, db.GiveUp(ctx, job, "too often"))
		next(t, db, "a-2")
		if n := count(t, raw(t, url), "SELECT count(*) FROM inbox WHERE done = 2 AND length(body) = 0 AND reason = 'too often'"); n != 1 {
			t.Errorf("%d failed jobs without a body, want 1", n)
		}
	})
}

func TestT34ReceiveRefusesWhenFull(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{MaxWaiting: 10})
		for n := range 9 {
			receive(t, db, message("a", n))
		}
		if n, err := db.Receive(ctx, message("b", 1), message("b", 2)); n != 0 || !errors.Is(err, database.ErrFull) {
			t.Fatalf("Receive of two with room for one = %d, %v, want ErrFull", n, err)
		}
		receive(t, db, message("b", 1))
		other := open(t, url, database.Options{MaxWaiting: 10})
		for range 2 {
			if n, err := other.Receive(ctx, message("b", 2)); n != 0 || !errors.Is(err, database.ErrFull) {
				t.Fatalf("Receive through another handle = %d, %v, want ErrFull", n, err)
			}
		}
		for _, j := range next(t, db, "a-0", "b-1") {
			ok(t, db.Finish(ctx, j, database.Result{Parts: texts("x")}))
		}
		receive(t, other, message("b", 2))
		receive(t, db, message("b", 3))
	})
}

func TestWoken(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		expect := func(what string, woken <-chan struct{}, want bool) {
			t.Helper()
			got := false
			select {
			case <-woken:
				got = true
			default:
			}
			if got != want {
				t.Errorf("after %s: woken = %v, want %v", what, got, want)
			}
		}
		w := db.Woken()
		expect("nothing", w, false)
		receive(t, db, message("a", 1))
		expect("Receive", w, true)
		w = db.Woken()
		_, err := db.Receive(ctx, message("a", 1))
		ok(t, err)
		expect("Receive of what is there", w, false)
		job := next(t, db, "a-1")[0]
		ok(t, db.Finish(ctx, job, database.Result{Parts: texts("x")}))
		expect("Finish", w, true)
		w = db.Woken()
		ok(t, db.Post(ctx, "telegram", "d", "p", texts("y")))
		expect("Post", w, true)
	})
}
