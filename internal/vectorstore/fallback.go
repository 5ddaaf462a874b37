package vectorstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// Remote is a store on another machine, which may be away.
type Remote interface {
	Searcher
	// Check returns why the store cannot be searched, nil when it can.
	Check(ctx context.Context) error
}

// Fallback searches a remote store and, while that is away, slow or empty, a local
// one that holds the same points. After some failures in a row the remote store is
// left alone; from time to time one search tries it again, and when that succeeds
// all do. A search waits for the remote store no longer than the patience.
type Fallback struct {
	remote  Remote
	local   Searcher
	opts    FallbackOptions
	breaker circuitbreaker.CircuitBreaker[any]
}

// FallbackOptions are the limits of a Fallback; the zero value of each field means
// its default, in brackets.
type FallbackOptions struct {
	Name     string        // of the remote store, in what is said about it ("remote store")
	Patience time.Duration // how long a search waits for it (500 ms)
	Failures uint          // in a row after which it is left alone (3)
	Rest     time.Duration // how long, before it is tried again (5 s, varied by a tenth)
	Watch    func(State)   // told of each change; nil: nobody
	Lexical  bool          // the local store has no dense vectors: a dense query finds nothing there

	// Reason says in words fit for anybody why the remote store was not used: those of
	// the error may name addresses of the house (nil: "it cannot be used").
	Reason func(error) string
}

// State is whether the remote store is asked.
type State int

// The states of a remote store.
const (
	Asked   State = iota
	Tried         // one search tries it
	Resting       // it is left alone
)

// ErrDegraded says that hits come from the local store, and why, in words fit for
// anybody. They are valid.
var ErrDegraded = errors.New("answered from the embedded store")

// Reasons that are known here.
var (
	errResting = errors.New("has failed several times and is left alone for a moment")
	errEmpty   = errors.New("finds nothing where the embedded store does: it is empty or damaged")
)

// stoodIn is an ErrDegraded; what it wraps says more than its text.
type stoodIn struct {
	text string
	why  error
}

func (s *stoodIn) Error() string   { return s.text }
func (s *stoodIn) Unwrap() []error { return []error{s.why, ErrDegraded} }

func (f *Fallback) stoodIn(why error) error {
	reason := "it cannot be used"
	switch {
	case errors.Is(why, errResting), errors.Is(why, errEmpty):
		reason = why.Error()
	case f.opts.Reason != nil:
		reason = f.opts.Reason(why)
	}
	return &stoodIn{fmt.Sprintf("%s: %s: %v", f.opts.Name, reason, ErrDegraded), why}
}

// NewFallback returns a Fallback; it does not ask either store.
func NewFallback(remote Remote, local Searcher, opts FallbackOptions) *Fallback {
	if opts.Name == "" {
		opts.Name = "remote store"
	}
	if opts.Patience == 0 {
		opts.Patience = 500 * time.Millisecond
	}
	if opts.Failures == 0 {
		opts.Failures = 3
	}
	if opts.Rest == 0 {
		opts.Rest = 5 * time.Second
	}
	breaker := circuitbreaker.NewBuilder[any]().WithFailureThreshold(opts.Failures).WithSuccessThreshold(1).
		WithDelay(opts.Rest).WithJitterFactor(0.1) // varied, so that replicas do not come back all at once
	if opts.Watch != nil {
		breaker.OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
			opts.Watch(map[circuitbreaker.State]State{circuitbreaker.OpenState: Resting, circuitbreaker.HalfOpenState: Tried}[e.NewState])
		})
	}
	return &Fallback{remote: remote, local: local, opts: opts, breaker: breaker.Build()}
}

var _ Searcher = (*Fallback)(nil)

// Search implements Searcher. With hits from the local store the error is an
// ErrDegraded, and both are to be used; any other error comes without hits.
func (f *Fallback) Search(ctx context.Context, queries []Query) ([][]Hit, error) {
	hits, why := f.searchRemote(ctx, queries)
	if why == nil || ctx.Err() != nil || errors.Is(why, ErrBadQuery) {
		return hits, why
	}
	local, err := f.searchLocal(ctx, queries)
	if err != nil {
		return nil, errors.Join(err, why)
	}
	return local, f.stoodIn(why)
}

// searchRemote asks the remote store unless it is left alone.
func (f *Fallback) searchRemote(ctx context.Context, queries []Query) ([][]Hit, error) {
	if !f.breaker.TryAcquirePermit() {
		return nil, errResting
	}
	hits, err := f.inTime(ctx, queries)
	if err == nil && none(hits) {
		err = f.missing(ctx, queries)
	}
	switch {
	case err == nil || errors.Is(err, ErrBadQuery): // it would fail anywhere
		f.breaker.RecordSuccess()
	case ctx.Err() == nil || f.breaker.IsHalfOpen(): // who asked did not just leave; a trial must end somehow
		f.breaker.RecordFailure()
	}
	if err != nil {
		return nil, err
	}
	return hits, nil
}

// inTime searches the remote store within the patience. One that comes back is
// checked first: it may have come back empty.
func (f *Fallback) inTime(ctx context.Context, queries []Query) ([][]Hit, error) {
	ctx, cancel := context.WithTimeout(ctx, f.opts.Patience)
	defer cancel()
	if f.breaker.IsHalfOpen() {
		if err := f.remote.Check(ctx); err != nil {
			return nil, err
		}
	}
	return f.remote.Search(ctx, queries)
}

// missing returns an error when the local store finds what the remote one did not.
func (f *Fallback) missing(ctx context.Context, queries []Query) error {
	local, err := f.searchLocal(ctx, queries)
	if err != nil || none(local) {
		return nil // nothing is there to be found, or nobody can tell
	}
	return errEmpty
}

func (f *Fallback) searchLocal(ctx context.Context, queries []Query) ([][]Hit, error) {
	if !f.opts.Lexical {
		return f.local.Search(ctx, queries)
	}
	var words []Query
	var at []int
	for i, q := range queries {
		if q.Dense == nil {
			words, at = append(words, q), append(at, i)
		}
	}
	found, err := f.local.Search(ctx, words)
	if err != nil {
		return nil, err
	}
	hits := make([][]Hit, len(queries))
	for i, list := range found {
		hits[at[i]] = list
	}
	return hits, nil
}

// none reports whether no list holds a hit.
func none(lists [][]Hit) bool {
	for _, list := range lists {
		if len(list) > 0 {
			return false
		}
	}
	return true
}
