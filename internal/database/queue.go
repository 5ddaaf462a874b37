package database

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"
)

// What done says of a row of the inbox or the outbox.
const (
	open    = 0
	done    = 1 // finished; sent
	failed  = 2
	dropped = 3 // outbox only: its person cannot be reached
)

// Job is a received row that was given out.
type Job struct {
	ID int64
	Received
	Attempt     int       // 1 the first time
	State       []byte    // what the last Finish of the dialogue left; nil: nothing
	Unreachable bool      // the chat was found unreachable before
	Held        time.Time // until when the bot is silent in this dialogue; zero: it is not
	Owner       string
}

// Next gives out up to n jobs to owner, for as long as lease: the oldest of each
// dialogue that has none in work anywhere and is not held back, longest waiting
// dialogue first. None: nothing to do now. Replicas must agree about the time to
// well within a lease.
func (db *DB) Next(ctx context.Context, owner string, n int, lease time.Duration) ([]Job, error) {
	now := db.millis()
	ready, err := db.any(ctx, "SELECT 1 FROM lanes WHERE box = 0 AND ready <= ? LIMIT 1", now)
	if err != nil || !ready || n <= 0 {
		return nil, named("next job", err)
	}
	var jobs []Job
	err = db.write(ctx, "next job", func(t *tx) error {
		jobs = nil
		if err := t.relaxed(); err != nil {
			return err
		}
		lanes, err := t.take(`WITH picked AS MATERIALIZED (SELECT channel, dialogue FROM lanes WHERE box = 0 AND ready <= ? ORDER BY ready LIMIT ?`+t.skipLocked()+`)
			UPDATE lanes SET ready = ? FROM picked WHERE lanes.box = 0 AND lanes.channel = picked.channel AND lanes.dialogue = picked.dialogue
			RETURNING lanes.channel, lanes.dialogue`, now, n, now+lease.Milliseconds())
		if err != nil {
			return err
		}
		for _, l := range lanes {
			j := Job{Received: Received{Channel: l[0], Dialogue: l[1]}, Owner: owner}
			switch err := t.claim(&j); err {
			case nil:
				jobs = append(jobs, j)
			case sql.ErrNoRows: // what it was opened for is gone
				if err := t.settle(inbox, l[0], l[1], now); err != nil {
					return err
				}
			default:
				return err
			}
		}
		return nil
	})
	slices.SortFunc(jobs, func(a, b Job) int { return cmp.Compare(a.ID, b.ID) })
	return jobs, err
}

// relaxed lets the transaction end before it is on the disk. It is for what may be
// forgotten when the server of PostgreSQL dies: that a job was given out. Then it is
// given out again, and whoever has it finds it lost; an end of the job that was
// acknowledged is on the disk and, since the log is in order, so is what led to it.
func (t *tx) relaxed() error {
	if !t.postgres {
		return nil // it shares its commit with others
	}
	return t.later("SET LOCAL synchronous_commit = off")
}

// claim takes the oldest open row of the lane of j.
func (t *tx) claim(j *Job) error {
	var at, held int64
	var unreachable int
	err := t.row(`UPDATE inbox SET attempt = attempt + 1, owner = ?
		WHERE id = (SELECT id FROM inbox WHERE channel = ? AND dialogue = ? AND done = 0 ORDER BY id LIMIT 1)
		RETURNING id, key, person, body, at, attempt,
			(SELECT state FROM dialogues WHERE dialogues.channel = inbox.channel AND dialogues.dialogue = inbox.dialogue),
			(SELECT count(*) FROM unreachable WHERE unreachable.channel = inbox.channel AND unreachable.dialogue = inbox.dialogue),
			(SELECT coalesce(max(until), 0) FROM holds WHERE holds.channel = inbox.channel AND holds.dialogue = inbox.dialogue AND until > ?)`,
		j.Owner, j.Channel, j.Dialogue, t.now).Scan(&j.ID, &j.Key, &j.Person, &j.Body, &at, &j.Attempt, &j.State, &unreachable, &held)
	j.At, j.Unreachable, j.Held = timeOf(at), unreachable > 0, timeOf(held)
	return err
}

// Renew makes the leases of jobs end lease from now. ErrLost: some are another's;
// those of the others are renewed all the same, and Finish tells which.
func (db *DB) Renew(ctx context.Context, jobs []Job, lease time.Duration) error {
	if len(jobs) == 0 {
		return nil
	}
	lost := 0
	err := db.write(ctx, "renew", func(t *tx) error {
		lost = 0
		for _, j := range sortedByLane(jobs) {
			if err := t.hold(inbox, j.Channel, j.Dialogue); err != nil {
				return err
			}
			n, err := t.exec(`UPDATE lanes SET ready = ? WHERE box = 0 AND channel = ? AND dialogue = ?
				AND EXISTS (SELECT 1 FROM inbox WHERE id = ? AND attempt = ? AND owner = ? AND done = 0)`,
				t.now+lease.Milliseconds(), j.Channel, j.Dialogue, j.ID, j.Attempt, j.Owner)
			if err != nil {
				return err
			}
			lost += 1 - int(n)
		}
		return nil
	})
	if err == nil && lost > 0 {
		err = named("renew", ErrLost)
	}
	return err
}

// Postpone gives a job back, to be given out again not before until; its dialogue
// waits behind it. ErrLost as in Finish.
func (db *DB) Postpone(ctx context.Context, job Job, until time.Time, reason string) error {
	return db.putBack(ctx, "postpone", job, 0, until, reason)
}

// PutBack is Postpone for a job that nothing was tried with: its Attempt does not count.
func (db *DB) PutBack(ctx context.Context, job Job, until time.Time, reason string) error {
	return db.putBack(ctx, "put back", job, 1, until, reason)
}

func (db *DB) putBack(ctx context.Context, what string, job Job, uncounted int, until time.Time, reason string) error {
	return db.write(ctx, what, func(t *tx) error {
		if err := t.hold(inbox, job.Channel, job.Dialogue); err != nil {
			return err
		}
		n, err := t.exec("UPDATE inbox SET owner = '', attempt = attempt - ?, reason = ? WHERE id = ? AND attempt = ? AND owner = ? AND done = 0", uncounted, reason, job.ID, job.Attempt, job.Owner)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrLost
		}
		return t.settle(inbox, job.Channel, job.Dialogue, millis(until))
	})
}

// GiveUp ends a job without a result: it is kept as failed, without its body.
// reason is a word for operators, not text of people. ErrLost as in Finish.
func (db *DB) GiveUp(ctx context.Context, job Job, reason string) error {
	return db.writeAnd(ctx, "give up", true, func(t *tx) error { return t.end(job, failed, reason) })
}
