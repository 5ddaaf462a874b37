package webhook

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Channel is one platform. *telegram.Channel, *zalo.Account and *zalo.Bot are
// channels. Any number of goroutines may use one.
type Channel interface {
	Name() string // telegram, zalo, zalo-bot

	// Read checks who sent a delivery and decodes it; it calls nobody. No message
	// and no error: nothing to do, acknowledge. An error is a *Refusal.
	Read(header http.Header, body []byte) ([]Message, error)

	// Parts lays a reply out in what the platform takes in one call each, in
	// order. It is pure: the same reply gives the same parts.
	Parts(to Message, r Reply) []json.RawMessage

	// Send makes one call with a part. An error is a *SendError.
	Send(ctx context.Context, dialogue string, part json.RawMessage) (receipt string, err error)
}

// The following are what some channels can do besides.
type (
	// Acknowledger tells the platform that a button was received, before anything
	// else is done; for a message without a button it calls nobody.
	Acknowledger interface {
		Acknowledge(ctx context.Context, m Message) error
	}
	// Clearer takes the buttons away under the message in which one was pressed that
	// serves once; it calls nobody where there are none to take.
	Clearer interface {
		Clear(ctx context.Context, m Message) error
	}
	// Typist shows that an answer is being written. Every says how often; 0 means
	// not at all for this message.
	Typist interface {
		Typing(ctx context.Context, m Message) error
		Every(m Message) time.Duration
	}
	// Drafter shows an answer while it is written. Draft is given all of it so far.
	Drafter interface {
		Drafts(m Message) bool
		Draft(ctx context.Context, m Message, text string) error
	}
	// Probed is asked for by its platform with GET or HEAD and an empty body before
	// any delivery; Probed reports whether that is answered with 200 (else 405).
	Probed interface {
		Probed() bool
	}

	// Barred is a channel whose secret comes in a header. Barred reports that a delivery
	// is surely not of its platform; nothing of its body is read then, so that strangers
	// cannot fill what deliveries share.
	Barred interface {
		Barred(header http.Header) bool
	}
	// Windowed is a channel whose platform takes messages to a person only for a while
	// after they did something. MayWrite is nil, or the *SendError that Send would
	// answer without asking the platform.
	Windowed interface {
		MayWrite(ctx context.Context, dialogue string) error
	}
	// Fetcher brings a file of a message, at most limit bytes.
	Fetcher interface {
		Fetch(ctx context.Context, media Media, limit int64) ([]byte, error)
	}
)

// Refusal is a delivery that is not taken in. Status is what the platform is told:
// 401 or 403 for whoever may not send, 400 for a body that cannot be read.
type Refusal struct {
	Status int
	Reason string // constant words for the metrics: bad-secret, bad-signature, bad-body …
}

func (r *Refusal) Error() string { return r.Reason }

// Class says what an error of a platform means for what was to be sent.
type Class string

// The classes.
const (
	Unreachable Class = "unreachable" // this chat cannot be written to until somebody writes in it again
	Later       Class = "later"       // try again, not before After
	Unsure      Class = "unsure"      // no answer came: it may have arrived
	Rejected    Class = "rejected"    // this part will never be taken
	Stopped     Class = "stopped"     // nothing can be sent on this channel until an operator acts
	Moved       Class = "moved"       // the chat is called Dialogue from now on
)

// SendError is why a part was not sent. Its text never holds a token or a message.
type SendError struct {
	Class    Class
	Code     string        // of the platform
	After    time.Duration // for Later: 0 lets the queue decide
	Dialogue string        // for Moved
	Err      error
}

func (e *SendError) Error() string {
	if e.Err == nil {
		return string(e.Class) + " " + e.Code
	}
	return string(e.Class) + " " + e.Code + ": " + e.Err.Error()
}

func (e *SendError) Unwrap() error { return e.Err }
