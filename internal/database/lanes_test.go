package database_test

import (
	"testing"
	"time"

	"troly/internal/database"
)

// On PostgreSQL one process can end the last work of a dialogue in the instant in
// which another adds to it. Whichever commits first, what was added is given out.
func TestWorkAddedWhileTheLastEnds(t *testing.T) {
	// Each takes one step and calls then before it commits.
	type step func(db *database.DB, job database.Job, part database.Outgoing, then func()) error
	var (
		received step = func(db *database.DB, _ database.Job, _ database.Outgoing, then func()) error {
			return db.ReceiveThen(ctx, message("a", 2), then)
		}
		finished step = func(db *database.DB, job database.Job, _ database.Outgoing, then func()) error {
			return db.FinishThen(ctx, job, then)
		}
		posted step = func(db *database.DB, _ database.Job, _ database.Outgoing, then func()) error {
			return db.PostThen(ctx, "telegram", "chat-a", "person-a", "posted", then)
		}
		sent step = func(db *database.DB, _ database.Job, part database.Outgoing, then func()) error {
			return db.SentThen(ctx, part, then)
		}
	)
	for _, tt := range []struct {
		name          string
		first, second step // the first has not committed when the second begins
		jobs, parts   []string
	}{
		{"received, then finished", received, finished, []string{"a-2"}, nil},
		{"finished, then received", finished, received, []string{"a-2"}, nil},
		{"posted, then sent", posted, sent, nil, []string{"posted"}},
		{"sent, then posted", sent, posted, nil, []string{"posted"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := postgres.Database(t)
			one, other, looking := open(t, url, database.Options{}), open(t, url, database.Options{}), raw(t, url)
			reply(t, one, "a", 0, "first")
			receive(t, one, message("a", 1))
			job, part := next(t, one, "a-1")[0], nextOut(t, one, "first")[0]

			begun, commit := make(chan struct{}), make(chan struct{})
			first, second := make(chan error, 1), make(chan error, 1)
			go func() { first <- tt.first(one, job, part, func() { close(begun); <-commit }) }()
			<-begun
			go func() { second <- tt.second(other, job, part, func() {}) }()
			// Until the second waits for the first, or did not have to.
			for waits := 0; waits == 0 && len(second) == 0; time.Sleep(time.Millisecond) {
				waits = count(t, looking, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
			}
			close(commit)
			ok(t, <-first)
			ok(t, <-second)
			next(t, other, tt.jobs...)
			nextOut(t, other, tt.parts...)
		})
	}
}

// Two receive for one dialogue at once: the second draws no number before the first
// has committed, so that the order in which they are acknowledged is that in which
// they are given out, although several batches are on their way.
func TestWhoReceivesSecondIsNumberedSecond(t *testing.T) {
	url := postgres.Database(t)
	one, other, looking := open(t, url, database.Options{}), open(t, url, database.Options{}), raw(t, url)
	begun, commit := make(chan struct{}), make(chan struct{})
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- one.ReceiveThen(ctx, message("a", 1), func() { close(begun); <-commit }) }()
	<-begun
	drawn := count(t, looking, "SELECT last_value FROM inbox_id_seq")
	go func() {
		_, err := other.Receive(ctx, message("a", 2))
		second <- err
	}()
	for waits := 0; waits == 0 && len(second) == 0; time.Sleep(time.Millisecond) {
		waits = count(t, looking, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
	}
	if len(second) > 0 {
		t.Error("the second is acknowledged before the first")
	}
	if n := count(t, looking, "SELECT last_value FROM inbox_id_seq"); n != drawn {
		t.Errorf("the second has drawn number %d while the first, which has %d, is not committed", n, drawn)
	}
	next(t, other) // nothing is committed, and what is locked is passed over
	close(commit)
	ok(t, <-first)
	ok(t, <-second)
	ok(t, one.Finish(ctx, next(t, one, "a-1")[0], database.Result{}))
	next(t, one, "a-2")
}

// What comes again opens no lane that stays open.
func TestWhatComesAgainLeavesNoLane(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		receive(t, db, message("a", 1))
		ok(t, db.Finish(ctx, next(t, db, "a-1")[0], database.Result{}))
		if fresh := must(db.Receive(ctx, message("a", 1)))(t); fresh != 0 {
			t.Errorf("%d fresh, want none", fresh)
		}
		if n := count(t, raw(t, url), "SELECT count(*) FROM lanes"); n != 0 {
			t.Errorf("%d lanes are open with nothing in them", n)
		}
	})
}
