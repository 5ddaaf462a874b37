package database

import (
	"cmp"
	"context"
	"database/sql"
	"time"
)

// Result is everything that comes of a job.
type Result struct {
	State    []byte    // of the dialogue from now on; nil: it is forgotten
	Parts    [][]byte  // for the outbox, in order
	Outcome  *Outcome  // nil: none. Channel, Dialogue, Person and At may be left empty in this and the next two: then they are those of the job
	Feedback *Feedback // nil: none
	Ticket   *Ticket   // nil: none

	// Erase removes everything kept about the person, in every table. Of the rest of
	// the Result only Parts are written, and these go when they were sent.
	Erase bool

	Reachable *bool // whether the chat can be written to; nil: unchanged

	Note    string    // masked: what the person said, for the conversation of the open ticket, if there is one (of this Result or before)
	Hold    time.Time // the bot is silent in this dialogue until then; zero: unchanged
	Release bool      // the bot answers again, and the open ticket is released
}

// Finish ends a job and writes all that comes of it, in one transaction. ErrLost:
// another has the job or it was erased; nothing was written.
func (db *DB) Finish(ctx context.Context, job Job, r Result) error {
	return db.writeAnd(ctx, "finish", true, func(t *tx) error {
		if err := t.end(job, done, ""); err != nil {
			return err
		}
		if r.Erase {
			if err := t.forgetJob(job); err != nil {
				return err
			}
			if _, err := t.erase(job.Channel, job.Person); err != nil {
				return err
			}
			return t.post(job.Channel, job.Dialogue, job.Person, r.Parts, millis(job.At), true)
		}
		if err := t.keep(job, r); err != nil {
			return err
		}
		return t.post(job.Channel, job.Dialogue, job.Person, r.Parts, millis(job.At), false)
	})
}

// end marks a job and lets its lane go on.
func (t *tx) end(job Job, how int, reason string) error {
	if err := t.hold(inbox, job.Channel, job.Dialogue); err != nil {
		return err
	}
	n, err := t.exec("UPDATE inbox SET done = ?, body = ?, owner = '', reason = ?, finished = ? WHERE id = ? AND attempt = ? AND owner = ? AND done = 0",
		how, []byte{}, reason, t.now, job.ID, job.Attempt, job.Owner)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrLost
	}
	return t.settle(inbox, job.Channel, job.Dialogue, t.now)
}

// forgetJob leaves of a job only its key, so that the request to erase is not
// carried out again when the platform repeats it.
func (t *tx) forgetJob(job Job) error {
	_, err := t.exec("UPDATE inbox SET person = '', dialogue = '', reason = 'erased' WHERE id = ?", job.ID)
	return err
}

// keep writes what a Result holds besides parts.
func (t *tx) keep(job Job, r Result) error {
	if err := t.setState(job, r.State); err != nil {
		return err
	}
	if o := r.Outcome; o != nil {
		filled := *o
		fill(&filled.Channel, &filled.Dialogue, &filled.Person, &filled.At, job)
		if err := t.addOutcome(filled); err != nil {
			return err
		}
	}
	if f := r.Feedback; f != nil {
		filled := *f
		var dialogue string
		fill(&filled.Channel, &dialogue, &filled.Person, &filled.At, job)
		// Of an outcome that was erased, or that a forged press makes up, nothing is kept.
		if err := ignore(t.addFeedback(filled), sql.ErrNoRows); err != nil {
			return err
		}
	}
	if k := r.Ticket; k != nil {
		filled := *k
		fill(&filled.Channel, &filled.Dialogue, &filled.Person, &filled.Created, job)
		if _, err := t.addTicket(filled); err != nil {
			return err
		}
	}
	if r.Release {
		if err := t.release(job.Channel, job.Dialogue, TicketReleased); err != nil {
			return err
		}
	}
	if err := t.silence(job.Channel, job.Dialogue, job.Person, r.Hold, "ticket"); err != nil {
		return err
	}
	if r.Note != "" {
		if err := t.note(job.Channel, job.Dialogue, r.Note); err != nil {
			return err
		}
	}
	if r.Reachable == nil {
		return nil
	}
	if *r.Reachable {
		_, err := t.exec("DELETE FROM unreachable WHERE channel = ? AND dialogue = ?", job.Channel, job.Dialogue)
		return err
	}
	return t.setUnreachable(job.Channel, job.Dialogue, job.Person, "")
}

// fill gives what was left empty the values of the job.
func fill(channel, dialogue, person *string, at *time.Time, job Job) {
	*channel, *dialogue, *person = cmp.Or(*channel, job.Channel), cmp.Or(*dialogue, job.Dialogue), cmp.Or(*person, job.Person)
	if at.IsZero() {
		*at = job.At
	}
}

func (t *tx) setState(job Job, state []byte) error {
	if state == nil {
		return t.later("DELETE FROM dialogues WHERE channel = ? AND dialogue = ?", job.Channel, job.Dialogue)
	}
	return t.later(`INSERT INTO dialogues (channel, dialogue, person, state, updated) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (channel, dialogue) DO UPDATE SET person = excluded.person, state = excluded.state, updated = excluded.updated`,
		job.Channel, job.Dialogue, job.Person, state, t.now)
}
