package llm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// Limits make a remote model fit for people who wait; the zero value of each field
// means its default, in brackets.
type Limits struct {
	Total      time.Duration // deadline of one call (12 s)
	FirstToken time.Duration // deadline until the first piece of a text (6 s)
	Attempts   int           // calls made at most for one request (2)
	Backoff    time.Duration // longest wait before the second, doubled for each further one (400 ms)
	AtOnce     int           // calls under way at once (64)
	Queue      time.Duration // wait for one of these places (1 s)
	Failures   int           // of the last ten calls, from which the server is left alone (5)
	Rest       time.Duration // for so long; then one call tries it (15 s)

	Watch func(CircuitState) // told when the server is left alone, tried and trusted again; nil: nobody
}

// CircuitState is whether a server that failed often is called.
type CircuitState int

// The states of a circuit.
const (
	CircuitClosed CircuitState = iota // it is called
	CircuitTrying                     // calls try it
	CircuitOpen                       // it is left alone
)

func (l Limits) withDefaults() Limits {
	l.Total = cmp.Or(l.Total, 12*time.Second)
	l.FirstToken = cmp.Or(l.FirstToken, 6*time.Second)
	l.Attempts = cmp.Or(l.Attempts, 2)
	l.Backoff = cmp.Or(l.Backoff, 400*time.Millisecond)
	l.AtOnce = cmp.Or(l.AtOnce, 64)
	l.Queue = cmp.Or(l.Queue, time.Second)
	l.Failures = cmp.Or(l.Failures, 5)
	l.Rest = cmp.Or(l.Rest, 15*time.Second)
	return l
}

// failureWindow is how many of the last calls the circuit breaker looks at.
const failureWindow = 10

// executor runs calls under limits: retries around the breaker around the places.
// Every attempt counts for the breaker, so that a server that is down is left alone
// after a few questions rather than asked twice by each.
type executor[R any] struct {
	limits   Limits
	policies failsafe.Executor[R]
}

func newExecutor[R any](l Limits) executor[R] {
	l = l.withDefaults()
	ill := func(_ R, err error) bool {
		var known *Error // anything else is the caller's: it gave up, or will not have the text
		return errors.As(err, &known) && known.Kind.ill()
	}
	building := circuitbreaker.NewBuilder[R]().HandleIf(ill).
		WithFailureThresholdRatio(uint(min(l.Failures, failureWindow)), failureWindow).WithDelay(l.Rest)
	if l.Watch != nil {
		building.OnStateChanged(func(e circuitbreaker.StateChangedEvent) { l.Watch(circuitState(e.NewState)) })
	}
	breaker := building.Build()
	places := bulkhead.NewBuilder[R](uint(l.AtOnce)).WithMaxWaitTime(l.Queue).Build()
	retries := retrypolicy.NewBuilder[R]().WithMaxAttempts(l.Attempts).ReturnLastFailure().
		HandleIf(func(_ R, err error) bool { return err != nil && retryable(err) }).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[R]) time.Duration { return l.wait(e.Attempts(), e.LastError()) }).Build()
	return executor[R]{l, failsafe.With(retries, breaker, places)}
}

func circuitState(s circuitbreaker.State) CircuitState {
	switch s {
	case circuitbreaker.OpenState:
		return CircuitOpen
	case circuitbreaker.HalfOpenState:
		return CircuitTrying
	}
	return CircuitClosed
}

// run calls f under the limits. done tells whether a failed try must be the last. One
// that had all its time and was not done would not be done in as much again.
func (e executor[R]) run(ctx context.Context, f func(context.Context) (R, error), done func() bool) (R, error) {
	tries := 0
	result, err := e.policies.WithContext(ctx).Get(func() (R, error) {
		tries++
		result, err := f(ctx)
		if err != nil && (done() || errors.Is(err, errTotal) || !e.limits.fits(ctx, tries, err)) {
			err = final{err}
		}
		return result, err
	})
	var last final
	switch {
	case errors.As(err, &last):
		err = last.error
	case errors.Is(err, circuitbreaker.ErrOpen):
		err = &Error{Kind: Open, Err: err}
	case errors.Is(err, bulkhead.ErrFull):
		err = &Error{Kind: Busy, Err: err}
	}
	return result, err
}

// final marks an error after which no further try is made.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

func retryable(err error) bool {
	var last final
	var known *Error
	return !errors.As(err, &last) && errors.As(err, &known) && known.Kind.again()
}

// wait is the time before the try after the given number of tries: by chance up to
// the backoff, so that callers do not come back together, and never sooner than the
// server asked for.
func (l Limits) wait(tries int, err error) time.Duration {
	jitter := rand.N(l.Backoff<<(tries-1) + 1)
	var known *Error
	if errors.As(err, &known) && known.RetryAfter > 0 {
		return known.RetryAfter + jitter
	}
	return jitter
}

// fits reports whether waiting for another try makes sense before ctx ends.
func (l Limits) fits(ctx context.Context, tries int, err error) bool {
	deadline, ok := ctx.Deadline()
	least := time.Duration(0)
	var known *Error
	if errors.As(err, &known) {
		least = known.RetryAfter
	}
	if !ok {
		return least <= l.Total
	}
	return time.Until(deadline) > least+l.Backoff<<(tries-1)
}

// errFirstToken and errTotal are why a call was ended.
var (
	errFirstToken = errors.New("no first token in time")
	errTotal      = errors.New("no end in time")
)

// Harden puts a generator under limits. A request is tried again only while nothing
// of it was emitted, so that no reader sees a text begin twice.
func Harden(g Generator, l Limits) Generator {
	return &hardened{g, newExecutor[Completion](l)}
}

type hardened struct {
	Generator
	executor executor[Completion]
}

func (h *hardened) Generate(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	emitted := false
	return h.executor.run(ctx, func(ctx context.Context) (Completion, error) {
		return h.once(ctx, r, func(piece string) error {
			if emit == nil {
				return nil
			}
			emitted = emitted || piece != ""
			return emit(piece)
		})
	}, func() bool { return emitted })
}

// once makes one call with both deadlines.
func (h *hardened) once(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	limits := h.executor.limits
	call, stop := context.WithTimeoutCause(ctx, limits.Total, errTotal)
	defer stop()
	call, cancel := context.WithCancelCause(call)
	defer cancel(nil)
	first := time.AfterFunc(limits.FirstToken, func() { cancel(errFirstToken) })
	defer first.Stop()
	c, err := h.Generator.Generate(call, r, func(piece string) error {
		first.Stop()
		return emit(piece)
	})
	return c, ours(ctx, call, err)
}

// ours names an error that comes from a deadline of call, not of ctx around it.
func ours(ctx, call context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	if cause := context.Cause(call); errors.Is(cause, errFirstToken) || errors.Is(cause, errTotal) {
		return &Error{Kind: Slow, Err: fmt.Errorf("%w (%w)", cause, err)}
	}
	return err
}

// HardenModeration puts a function that asks whether a text is flagged under limits.
func HardenModeration(flagged func(ctx context.Context, text string) (bool, error), l Limits) func(ctx context.Context, text string) (bool, error) {
	executor := newExecutor[bool](l)
	return func(ctx context.Context, text string) (bool, error) {
		return executor.run(ctx, func(ctx context.Context) (bool, error) {
			call, stop := context.WithTimeoutCause(ctx, executor.limits.Total, errTotal)
			defer stop()
			found, err := flagged(call, text)
			return found, ours(ctx, call, err)
		}, func() bool { return false })
	}
}

// HardenEmbedder puts an embedder under two sets of limits: query for questions,
// which somebody waits for, and passages for whole batches.
func HardenEmbedder(e Embedder, query, passages Limits) Embedder {
	return &hardenedEmbedder{e, newExecutor[[][]float32](query), newExecutor[[][]float32](passages)}
}

type hardenedEmbedder struct {
	Embedder
	query, passages executor[[][]float32]
}

func (h *hardenedEmbedder) Embed(ctx context.Context, texts []string, query bool) ([][]float32, error) {
	executor := h.passages
	if query {
		executor = h.query
	}
	return executor.run(ctx, func(ctx context.Context) ([][]float32, error) {
		call, stop := context.WithTimeoutCause(ctx, executor.limits.Total, errTotal)
		defer stop()
		vectors, err := h.Embedder.Embed(call, texts, query)
		return vectors, ours(ctx, call, err)
	}, func() bool { return false })
}
