package llm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind is what went wrong with a call, as far as callers act on it.
type Kind string

// The kinds of failure. Their texts stand in Outcome.Degraded.
const (
	Unavailable Kind = "unavailable"     // no connection, or the server's own fault
	Slow        Kind = "too slow"        // a deadline of ours passed
	RateLimited Kind = "rate limited"    // 429
	Cut         Kind = "cut off"         // the stream ended before the text did
	Garbage     Kind = "unreadable"      // the reply is not what the API promises
	Denied      Kind = "denied"          // 401, 403: the key or what it may do
	Rejected    Kind = "rejected"        // the server will not take this request
	Refused     Kind = "refused"         // the model or a filter declined
	Busy        Kind = "busy"            // our own limit of calls at once
	Open        Kind = "circuit open"    // it failed too often lately and is left alone
	Exhausted   Kind = "budget used up"  // our own limit of tokens
	Mismatched  Kind = "wrong dimension" // vectors of another length than configured
	Unindexed   Kind = "not indexed yet" // the store does not hold all passages' vectors
)

// Error is a failed call.
type Error struct {
	Kind       Kind
	RetryAfter time.Duration // the server asked to be left alone for so long; 0: it did not say
	Err        error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Kind, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of an error, Unavailable for one of no known kind, and Slow when
// a deadline passed.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.DeadlineExceeded):
		return Slow
	}
	return Unavailable
}

// again reports whether the same call may succeed if made again at once or soon.
func (k Kind) again() bool {
	return k == Unavailable || k == RateLimited || k == Cut || k == Slow || k == Garbage
}

// ill reports whether an error of this kind says something about the server's health.
func (k Kind) ill() bool { return k.again() || k == Denied }
