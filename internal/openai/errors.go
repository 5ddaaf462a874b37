package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	api "github.com/sashabaranov/go-openai"

	"troly/internal/llm"
)

// note is what the transport saw of one call.
type note struct {
	retryAfter time.Duration
	done       bool // the stream was ended by its mark
}

type noteKey struct{}

// noted returns a context whose call is noted.
func noted(ctx context.Context) (context.Context, *note) {
	n := &note{}
	return context.WithValue(ctx, noteKey{}, n), n
}

func noteOf(ctx context.Context) *note {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		return n
	}
	return &note{}
}

// longestWait is the longest wait a server may ask for that is passed on; nobody
// waits so long, and a date may be any.
const longestWait = time.Hour

// retryAfter reads the header of that name (RFC 9110 section 10.2.3, seconds or a
// date) and OpenAI's retry-after-ms; 0 when there is none or it cannot be read.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(min(ms, float64(longestWait.Milliseconds()))) * time.Millisecond
	}
	value := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(value, 64); err == nil && s > 0 {
		return time.Duration(min(s, longestWait.Seconds()) * float64(time.Second))
	}
	if date, err := http.ParseTime(value); err == nil && date.After(now) {
		return min(date.Sub(now), longestWait)
	}
	return 0
}

// explain makes an error of package llm of one of go-openai's. An error of ctx stays
// what it is.
func explain(ctx context.Context, what string, n *note, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	var known *llm.Error
	if errors.As(err, &known) {
		return err
	}
	status, message := statusOf(err)
	kind := kindOf(status, message)
	if status == 0 {
		kind = kindOfTransport(err)
	}
	return &llm.Error{Kind: kind, RetryAfter: n.retryAfter, Err: fmt.Errorf("%s: %s", what, short(message))}
}

// statusOf is the HTTP status of an error, 0 without one, and what the server said.
// Servers put the reason in different places: {"error": {"message"}}, {"error": "…"}
// (LM Studio), {"message"} (vLLM), {"detail"}.
func statusOf(err error) (int, string) {
	var reqErr *api.RequestError
	if errors.As(err, &reqErr) {
		var body struct{ Error, Message, Detail any }
		if json.Unmarshal(reqErr.Body, &body) == nil {
			for _, field := range []any{body.Error, body.Message, body.Detail} {
				if field != nil {
					return reqErr.HTTPStatusCode, fmt.Sprint(field)
				}
			}
		}
		return reqErr.HTTPStatusCode, fmt.Sprintf("%s %s", reqErr.HTTPStatus, reqErr.Body)
	}
	var apiErr *api.APIError // after the other, which may hold a half-read one
	if errors.As(err, &apiErr) {
		return apiErr.HTTPStatusCode, strings.TrimSpace(fmt.Sprint(apiErr.Message, " ", nonNil(apiErr.Code)))
	}
	return 0, err.Error()
}

func nonNil(v any) any {
	if v == nil {
		return ""
	}
	return v
}

func kindOf(status int, message string) llm.Kind {
	switch {
	case strings.Contains(message, "insufficient_quota"):
		return llm.Denied // a 429 that no waiting cures: the account is empty
	case strings.Contains(message, "content_filter"), strings.Contains(message, "content_policy"):
		return llm.Refused
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusPaymentRequired:
		return llm.Denied
	case http.StatusTooManyRequests:
		return llm.RateLimited
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly:
		return llm.Unavailable
	case http.StatusNotImplemented: // llama.cpp's of an endpoint that it was not started with
		return llm.Rejected
	}
	if status >= http.StatusBadRequest && status < http.StatusInternalServerError {
		return llm.Rejected
	}
	return llm.Unavailable
}

// kindOfTransport is the kind of an error without a status.
func kindOfTransport(err error) llm.Kind {
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	var apiErr *api.APIError
	switch {
	case errors.As(err, &apiErr): // an error in the middle of a stream
		return llm.Unavailable
	case errors.As(err, &syntax), errors.As(err, &shape), errors.Is(err, api.ErrTooManyEmptyStreamMessages):
		return llm.Garbage
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return llm.Cut
	}
	return llm.Unavailable
}

// short cuts what a server said: it may be a whole page.
func short(s string) string {
	const most = 300 // bytes
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
