package qdrant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	client "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What can be wrong with a server, for callers that say what to do about it.
var (
	ErrUnreachable = errors.New("no connection to Qdrant")
	ErrSlow        = errors.New("no answer from Qdrant in time")
	ErrKey         = errors.New("the API key is refused by Qdrant")
	ErrNotFilled   = errors.New("this knowledge is not in Qdrant yet")
	ErrMismatch    = errors.New("a collection in Qdrant is not as this program made it")
)

// Reason is what kind of trouble an error of a Store is, without the address and the
// words of the server: fit for anybody.
func Reason(err error) string {
	for _, kind := range []error{ErrUnreachable, ErrSlow, ErrKey, ErrNotFilled, ErrMismatch} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return "an error of Qdrant"
}

// tries of one call, the first included.
const (
	quickTries   = 2
	patientTries = 5
)

// jitter is the share by which a wait is longer or shorter, by chance, so that
// clients that failed together do not come back together.
const jitter = 0.5

// longestWait is how long a server may ask to be left alone before a call gives up.
const longestWait = 10 * time.Second

// quick calls f for someone who waits: within one deadline, a second try included.
func quick[R any](ctx context.Context, s *Store, what string, f func(context.Context) (R, error)) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.SearchIn)
	defer cancel()
	return call(ctx, s, what, s.opts.SearchIn, quickTries, f)
}

// patient calls f for a filling; each try has a deadline of its own.
func patient[R any](ctx context.Context, s *Store, what string, f func(context.Context) (R, error)) (R, error) {
	return call(ctx, s, what, s.opts.WriteIn, patientTries, f)
}

// call calls f until it succeeds, fails for good, or has had its tries. All calls of
// this package may be repeated: they write the same again or only read. Waits grow
// from 100 ms to 2 s; a server that says how long to wait is obeyed.
func call[R any](ctx context.Context, s *Store, what string, limit time.Duration, tries int, f func(context.Context) (R, error)) (R, error) {
	policy := retrypolicy.NewBuilder[R]().WithMaxAttempts(tries).WithBackoff(100*time.Millisecond, 2*time.Second).WithJitterFactor(jitter).
		HandleIf(func(_ R, err error) bool { return err != nil && again(ctx, err) }).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[R]) time.Duration {
			if told := retryAfter(e.LastError()); told >= 0 {
				return time.Duration(float64(told) / (1 - jitter)) // however it varies, not shorter
			}
			return -1 // the usual
		}).
		ReturnLastFailure().Build()
	result, err := failsafe.With(policy).WithContext(ctx).Get(func() (R, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return f(ctx)
	})
	if err != nil {
		var none R
		return none, s.explain(ctx, what, err)
	}
	return result, nil
}

// codeOf is the gRPC status code of an error. A rate limit that says when to come
// back has no code: the client makes a type of its own of it.
func codeOf(err error) codes.Code {
	var limited *client.QdrantResourceExhaustedError
	if errors.As(err, &limited) {
		return codes.ResourceExhausted
	}
	// errors.Is(err, context.DeadlineExceeded) is false for a deadline of gRPC's.
	if errors.Is(err, context.DeadlineExceeded) {
		return codes.DeadlineExceeded
	}
	return status.Code(err)
}

// again reports whether the same call may succeed if made again, in time.
func again(ctx context.Context, err error) bool {
	switch codeOf(err) {
	case codes.Unavailable:
		return true
	case codes.ResourceExhausted:
		// Our own limit on the size of a reply has the same code.
		return !strings.Contains(err.Error(), "larger than max") && retryAfter(err) <= timeLeft(ctx)
	}
	return false
}

// timeLeft is how long a call may wait before it is made again.
func timeLeft(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(time.Until(deadline), longestWait)
	}
	return longestWait
}

// retryAfter is how long the server wants to be left alone, negative when it does not
// say.
func retryAfter(err error) time.Duration {
	var limited *client.QdrantResourceExhaustedError
	if errors.As(err, &limited) {
		return time.Duration(max(limited.RetryAfterS, 0)) * time.Second
	}
	return -1
}

// explain says in one line what went wrong.
func (s *Store) explain(ctx context.Context, what string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	reason := err.Error()
	var coded interface{ GRPCStatus() *status.Status }
	if errors.As(err, &coded) {
		reason = coded.GRPCStatus().Message() // without the client's words around it
	}
	var kind error
	switch codeOf(err) {
	case codes.Unavailable:
		kind = ErrUnreachable
	case codes.DeadlineExceeded:
		return fmt.Errorf("%s at %s: %w", what, s.opts.URL, ErrSlow)
	case codes.Unauthenticated, codes.PermissionDenied:
		kind = ErrKey
	default:
		return fmt.Errorf("%s at %s: %s: %s", what, s.opts.URL, codeOf(err), reason)
	}
	return fmt.Errorf("%s at %s: %w: %s", what, s.opts.URL, kind, reason)
}

// missing reports whether an error says that a collection is not there. explain keeps
// no code, so that this must be asked inside the call.
func missing(err error) bool { return status.Code(err) == codes.NotFound }
