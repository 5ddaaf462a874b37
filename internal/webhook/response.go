package webhook

import (
	"context"
	"encoding/json"
	"time"

	"troly/internal/database"
)

// Responder decides what is answered; *conversation.Conversation is one. It keeps
// nothing between calls: what a dialogue remembers is handed in and back.
type Responder interface {
	// Respond answers m. state is what the last Response of this dialogue left,
	// nil for the first. release, when not nil, is given the answer while it is
	// written (see pipeline.Release).
	Respond(ctx context.Context, m Message, state []byte, release func(text string)) Response
}

// Response is all that comes of a message. It is written in one transaction with
// the end of the message, so it happens once.
type Response struct {
	Replies  []Reply
	State    []byte    // nil: the dialogue is forgotten
	Outcome  *Outcome  // nil: nothing was asked
	Feedback *Feedback // on an earlier outcome
	Ticket   *Ticket   // a human is asked to take over
	Erase    bool      // everything kept about the person goes, this response is still sent
	Spent    bool      // the button that was pressed, and those beside it, have served

	Note    string    // masked: what the person said, for whoever has the open ticket of the dialogue, if there is one
	Hold    time.Time // a human has the dialogue until then; zero: unchanged
	Release bool      // the bot has it again, and the open ticket is released
}

// Result is what the database keeps of a response; its replies are left out, since a
// channel lays them out first. at is the time of what came of the message; zero: when
// it came in.
func (r Response) Result(at time.Time) database.Result {
	kept := database.Result{State: r.State, Erase: r.Erase, Note: r.Note, Hold: r.Hold, Release: r.Release}
	if o := r.Outcome; o != nil {
		kept.Outcome = &database.Outcome{ID: o.ID, Status: o.Status, At: at, Body: o.Body}
	}
	if f := r.Feedback; f != nil {
		kept.Feedback = &database.Feedback{Outcome: f.Outcome, Good: f.Good, Reason: f.Reason, At: at}
	}
	if t := r.Ticket; t != nil {
		kept.Ticket = &database.Ticket{Outcome: t.Outcome, Reason: t.Reason, Summary: t.Summary, Commune: t.Commune, Topic: t.Topic, Created: at}
	}
	return kept
}

// Outcome is one answered question as it is kept: masked, see pipeline.Outcome.
type Outcome struct {
	ID     string          // made by the responder; what feedback names
	Status string          // of pipeline
	Body   json.RawMessage // pipeline.Outcome
}

// Feedback is what a person thought of an outcome.
type Feedback struct {
	Outcome string
	Good    bool
	Reason  string // masked; empty: none given
}

// Ticket asks for a human.
type Ticket struct {
	Outcome string // the last one; empty: none
	Reason  string // asked, repeated-failure
	Summary string // masked: what it is about
	Commune string // as far as known
	Topic   string // document, as far as known
}
