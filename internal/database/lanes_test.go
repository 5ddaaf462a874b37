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
