package zalo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"

	"troly/internal/privacy"
	"troly/internal/webhook"
)

// Limits of a call.
const (
	callIn    = 15 * time.Second // deadline; what was not answered by then may still have arrived
	maxAnswer = 1 << 20          // bytes
	idleConns = 64               // kept open to a host: as many parts are under way at once, and two would be remade all the time
)

// api makes the calls: with a deadline, never following a redirect (the token in a
// header would follow too), and with errors that hold no secret.
type api struct{ client *http.Client }

func newAPI(client *http.Client) api {
	if client == nil {
		client = &http.Client{}
		if t, ok := http.DefaultTransport.(*http.Transport); ok {
			t = t.Clone()
			t.MaxIdleConnsPerHost = idleConns
			client.Transport = t
		}
	}
	own := *client
	own.Timeout = 0 // each call has its own deadline, a poll a longer one
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return api{&own}
}

// answer is what came back, whatever its status.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// callError is a call without an answer.
type callError struct {
	reached bool // the request may have arrived
	text    string
	cause   error // context.Canceled, context.DeadlineExceeded or nil
}

func (e *callError) Error() string { return e.text }
func (e *callError) Unwrap() error { return e.cause }

// do makes one call; secrets are cut out of the error, which is a *callError.
func (a api) do(ctx context.Context, in time.Duration, req *http.Request, secrets ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, in)
	defer cancel()
	reached := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { reached = true }})
	res, err := a.client.Do(req.WithContext(ctx))
	if err != nil {
		return answer{}, failed(err, reached, secrets)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer{}, failed(err, true, secrets)
	}
	return answer{res.StatusCode, res.Header, body}, nil
}

// failed is the error of a call without the address that net/http puts before it,
// which for a bot holds the token.
func failed(err error, reached bool, secrets []string) *callError {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	e := &callError{reached: reached, text: redact(err.Error(), secrets...)}
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			e.cause, e.text = cause, cause.Error()
		}
	}
	return e
}

// redact cuts secrets out of what is written down: as they are and as they stand in
// an address. It bounds the length and masks personal data.
func redact(text string, secrets ...string) string {
	for _, s := range secrets {
		if s == "" {
			continue
		}
		for _, form := range []string{s, url.PathEscape(s), url.QueryEscape(s)} {
			text = strings.ReplaceAll(text, form, "[bí mật]")
		}
		if _, second, ok := strings.Cut(s, ":"); ok && len(second) >= 6 { // of a bot's token the half after the colon is the secret
			text = strings.ReplaceAll(text, second, "[bí mật]")
		}
	}
	text, _ = privacy.Mask(text)
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200]) + "…"
	}
	return text
}

// noAnswer is the class of a call without an answer.
func noAnswer(err error) *webhook.SendError {
	e := &webhook.SendError{Class: webhook.Later, Code: "no-connection", Err: err}
	if c := (*callError)(nil); errors.As(err, &c) && c.reached {
		e.Class, e.Code = webhook.Unsure, "no-answer"
	}
	return e
}

// strange is the class of an answer that is not in the form of the API: a page of
// a gateway, mostly.
func strange(got answer) *webhook.SendError {
	e := &webhook.SendError{Code: "http-" + strconv.Itoa(got.status), Err: fmt.Errorf("status %d without a result", got.status)}
	switch s := got.status; {
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable, s == http.StatusBadGateway, s == http.StatusInternalServerError:
		e.Class, e.After = webhook.Later, retryAfter(got.header)
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s >= 300 && s < 400:
		e.Class = webhook.Stopped
	case s >= 400 && s < 500 && s != http.StatusRequestTimeout:
		e.Class = webhook.Rejected
	default: // 200 with something else, 408, 504: it may have been delivered
		e.Class = webhook.Unsure
	}
	return e
}

// retryAfter reads the header in seconds, at most an hour; 0 when there is none.
func retryAfter(header http.Header) time.Duration {
	n, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Hour)
}
