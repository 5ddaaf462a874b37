package telegram

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"troly/internal/webhook"
)

// maxAnswer bounds what is read of an answer: a poll gives at most 100 updates.
const maxAnswer = 16 << 20

// attempt carries one call of the library over the wire. The library knows no
// context, tells no status and shows the address with the token in its errors.
type attempt struct {
	ctx    context.Context
	c      *Channel
	wrote  atomic.Bool // the request has left at least in part
	status int         // 0: no answer
	after  string      // header Retry-After
}

func (a *attempt) Do(req *http.Request) (*http.Response, error) {
	trace := &httptrace.ClientTrace{WroteHeaders: func() { a.wrote.Store(true) }}
	resp, err := a.c.client.Do(req.WithContext(httptrace.WithClientTrace(a.ctx, trace)))
	if err != nil {
		return nil, a.c.redact(err)
	}
	a.status, a.after = resp.StatusCode, resp.Header.Get("Retry-After")
	resp.Body = limited{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

type limited struct {
	io.Reader
	io.Closer
}

// redact takes the address of the call off an error and, wherever else it may stand,
// the token.
func (c *Channel) redact(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if clean := c.withoutToken(err.Error()); clean != err.Error() {
		return errors.New(clean)
	}
	return err
}

func (c *Channel) withoutToken(s string) string {
	s = strings.ReplaceAll(s, c.set.Token, "<token>")
	_, key, _ := strings.Cut(c.set.Token, ":")
	if len(key) >= 8 { // a shorter one is a word of some test
		s = strings.ReplaceAll(s, key, "<token>")
	}
	return s
}

// call makes one call and gives the result; it ends at the configured time, or with
// ctx.
func (c *Channel) call(ctx context.Context, method string, params tgbotapi.Params) (json.RawMessage, *webhook.SendError) {
	return c.callFor(ctx, c.set.Timeout, method, params)
}

func (c *Channel) callFor(ctx context.Context, limit time.Duration, method string, params tgbotapi.Params) (json.RawMessage, *webhook.SendError) {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	a := &attempt{ctx: within, c: c}
	bot := *c.bot // shallow: one copy for each call, which carries its context
	bot.Client = a
	answer, err := bot.MakeRequest(method, params)
	if err == nil {
		c.note(nil)
		return answer.Result, nil
	}
	failed := c.classify(a, err)
	failed.Err = fmt.Errorf("telegram %s: %w", method, failed.Err)
	if ctx.Err() == nil { // else it is us who broke off
		c.note(failed)
	}
	return nil, failed
}

// ask is call for what is not sent to a person: the result is decoded into out.
func (c *Channel) ask(ctx context.Context, method string, params tgbotapi.Params, out any) error {
	result, failed := c.call(ctx, method, params)
	if failed != nil {
		return failed
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(result, out); err != nil {
		return fmt.Errorf("telegram %s: result is not what is documented: %w", method, err)
	}
	return nil
}

// note keeps what the last call says about the channel. A refusal of one message is
// an answer all the same: Telegram is there.
func (c *Channel) note(failed *webhook.SendError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble = nil
	if failed == nil {
		return
	}
	switch {
	case failed.Class == webhook.Stopped, failed.Class == webhook.Unsure,
		failed.Class == webhook.Later && failed.Code != "429":
		c.trouble = failed
	}
}

// classify says what a failed call means. Codes are Telegram's number, or for what
// did not come from Telegram: connection, timeout, cancelled, gateway-502, unreadable.
func (c *Channel) classify(a *attempt, err error) *webhook.SendError {
	var told *tgbotapi.Error
	switch {
	case errors.As(err, &told) && (told.Code != 0 || told.Message != ""):
		return c.classifyTold(a, told)
	case a.status >= 200 && a.status < 300:
		return &webhook.SendError{Class: webhook.Unsure, Code: "unreadable", Err: c.redact(err)}
	case a.status != 0:
		// A page, not Telegram's envelope: a gateway or a block on the way. Whatever its
		// number says, it says nothing about the person.
		return &webhook.SendError{Class: webhook.Later, Code: "gateway-" + strconv.Itoa(a.status), Err: errors.New("answer is not of the Bot API")}
	}
	failed := &webhook.SendError{Class: webhook.Later, Code: "connection", Err: c.redact(err)}
	switch {
	case errors.Is(err, context.Canceled):
		failed.Code = "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		failed.Code = "timeout"
	}
	if a.wrote.Load() {
		failed.Class = webhook.Unsure
	}
	return failed
}

// classifyTold reads the envelope of an error.
func (c *Channel) classifyTold(a *attempt, told *tgbotapi.Error) *webhook.SendError {
	code := cmp.Or(told.Code, a.status)
	text := strings.ToLower(told.Message)
	failed := &webhook.SendError{Class: webhook.Rejected, Code: strconv.Itoa(code), Err: errors.New(c.description(told.Message))}
	switch {
	case told.MigrateToChatID != 0:
		failed.Class, failed.Dialogue = webhook.Moved, strconv.FormatInt(told.MigrateToChatID, 10)
	case code == http.StatusTooManyRequests:
		failed.Class, failed.After = webhook.Later, retryAfter(told.RetryAfter, a.after)
	case code == http.StatusForbidden:
		failed.Class = webhook.Unreachable
	case code == http.StatusUnauthorized, code == http.StatusNotFound:
		failed.Class = webhook.Stopped // a token that is none, or a server that knows no such method
	case code >= 500, code == http.StatusConflict:
		failed.Class = webhook.Later
	case slices.ContainsFunc(aboutTheChat, func(words string) bool { return strings.Contains(text, words) }):
		failed.Class = webhook.Unreachable
	}
	return failed
}

// aboutTheChat are the wordings of a 400 that speak of the chat, not of the message.
var aboutTheChat = []string{
	"chat not found", "user not found", "peer_id_invalid", "group chat was deactivated", "chat_write_forbidden",
	"not enough rights to send", "have no rights to send", "need administrator rights in the channel", "user_is_blocked", "input_user_deactivated",
}

// retryAfter is what the envelope says, or else the header; at most a day.
func retryAfter(seconds int, header string) time.Duration {
	if seconds <= 0 {
		seconds, _ = strconv.Atoi(header)
	}
	return time.Duration(min(max(seconds, 0), 86400)) * time.Second
}

// description is Telegram's wording without what it may repeat of a message: it is
// cut where a quotation or a detail begins.
func (c *Channel) description(s string) string {
	s = c.withoutToken(s)
	if _, rest, found := strings.Cut(s, ": "); found {
		if i := strings.Index(rest, ": "); i >= 0 {
			s = s[:len(s)-len(rest)+i]
		}
	}
	if i := strings.IndexAny(s, "\"“«"); i >= 0 {
		s = s[:i]
	}
	if runes := []rune(s); len(runes) > 120 {
		s = string(runes[:120])
	}
	return strings.TrimSpace(s)
}
