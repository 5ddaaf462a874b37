package zalo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"troly/internal/webhook"
)

const sendPath = "/v3.0/oa/message/cs"

// Send sends a part to a person. It makes one call, and another one only
//
//   - with a new token, once, when the token was refused;
//   - in two, when the part was too large;
//   - without the quote, once, when a part that quotes was refused;
//   - without the buttons, once, when it was refused again: choices are lines then.
//
// A person who was last heard of more than 48 hours ago is not written to (class
// Unreachable, code window-48h) unless Billed.
func (a *Account) Send(ctx context.Context, dialogue string, part json.RawMessage) (receipt string, err error) {
	var m message
	if err := json.Unmarshal(part, &m); err != nil || strings.TrimSpace(m.Text) == "" {
		return "", &webhook.SendError{Class: webhook.Rejected, Code: "bad-part", Err: errors.New("not a part of this channel")}
	}
	if e := a.mayWrite(ctx, dialogue); e != nil {
		return "", e
	}
	receipt, e := a.send(ctx, dialogue, m)
	switch {
	case e != nil && e.Code == "-210":
		a.opts.Observe("fallback", "split")
		receipt, e = a.inPieces(ctx, dialogue, m)
	case plainer(e) && m.Quote != "":
		a.opts.Observe("fallback", "without-quote")
		m.Quote = ""
		receipt, e = a.send(ctx, dialogue, m)
	}
	if plainer(e) && m.Attachment != nil {
		a.opts.Observe("fallback", "without-buttons")
		receipt, e = a.send(ctx, dialogue, m.withoutButtons())
	}
	if e != nil {
		a.alert(e)
		return "", e
	}
	return receipt, nil
}

// plainer reports that a part was refused for what a plainer one may not have.
func plainer(e *webhook.SendError) bool {
	return e != nil && e.Class == webhook.Rejected && !slices.Contains([]string{"-100", "-210", "-234", "-240", "-248"}, e.Code)
}

var _ webhook.Windowed = (*Account)(nil)

// MayWrite says why Send would not write to a person now: that they were last heard of
// too long ago (code window-48h), or that this cannot be looked up. It calls nobody.
func (a *Account) MayWrite(ctx context.Context, dialogue string) error {
	if e := a.mayWrite(ctx, dialogue); e != nil {
		return e
	}
	return nil
}

// mayWrite checks the window.
func (a *Account) mayWrite(ctx context.Context, person string) *webhook.SendError {
	if person == "" || a.opts.Billed {
		return nil
	}
	heard, err := a.opts.LastHeard(ctx, person)
	if err != nil {
		return &webhook.SendError{Class: webhook.Later, Code: "last-heard", Err: fmt.Errorf("look up when a person was last heard of: %w", err)}
	}
	if a.opts.Now().Sub(heard) > freeWindow {
		return &webhook.SendError{Class: webhook.Unreachable, Code: codeWindow, Err: errors.New("not heard of for 48 hours: messages would be billed")}
	}
	return nil
}

// alert logs what an operator has to know: a part that nobody will see, a channel
// that is dead. The message itself is not in it.
func (a *Account) alert(e *webhook.SendError) {
	switch e.Class {
	case webhook.Stopped:
		a.opts.Log.Error("the official account cannot send", "channel", a.Name(), "code", e.Code, "err", e.Err)
	case webhook.Rejected:
		a.opts.Log.Error("part refused for good", "channel", a.Name(), "code", e.Code, "err", e.Err)
	}
}

// send makes the call, and once more with a new token; the keeper of the tokens sees
// to it that one which is refused as well is not exchanged in a loop.
func (a *Account) send(ctx context.Context, to string, m message) (string, *webhook.SendError) {
	later, err := a.pace.wait(ctx, a.opts.Sleep)
	if err != nil {
		return "", &webhook.SendError{Class: webhook.Later, Code: codePaused, Err: err}
	}
	if later > 0 {
		return "", &webhook.SendError{Class: webhook.Later, Code: codePaused, After: later}
	}
	token, err := a.tokens.access(ctx)
	if err != nil {
		return "", noToken(err)
	}
	receipt, e := a.call(ctx, token, to, m)
	if e == nil || e.Code != "-216" && e.Code != "-220" {
		return receipt, e
	}
	if token, err = a.tokens.renew(ctx, token); err != nil {
		return "", noToken(err)
	}
	return a.call(ctx, token, to, m)
}

func noToken(err error) *webhook.SendError {
	e := &webhook.SendError{Class: webhook.Later, Code: codeToken, Err: err}
	if operator := (*OperatorError)(nil); errors.As(err, &operator) {
		e.Class = webhook.Stopped
	}
	return e
}

// inPieces sends a text that was too large in parts of half the size. When one is
// through and the next is not, the whole counts as Unsure, so that it is not sent twice.
func (a *Account) inPieces(ctx context.Context, to string, m message) (receipt string, e *webhook.SendError) {
	pieces := webhook.Split(m.Text, max(1, (webhook.Units(m.Text)+1)/2), webhook.Units)
	for i, text := range pieces {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		piece := message{Text: text}
		if i == len(pieces)-1 {
			piece.Attachment = m.Attachment
		}
		if receipt, e = a.send(ctx, to, piece); e != nil {
			if i > 0 && (e.Class == webhook.Later || e.Class == webhook.Rejected) {
				e.Class, e.After = webhook.Unsure, 0
			}
			return "", e
		}
	}
	return receipt, nil
}

// withoutButtons is the message with its choices as lines. The shape of buttons
// rests on one source; an answer must not be lost over them.
func (m message) withoutButtons() message {
	var choices []webhook.Choice
	for _, b := range m.Attachment.Payload.Buttons {
		c := webhook.Choice{Label: b.Title}
		switch p := b.Payload.(type) {
		case map[string]any:
			c.URL, _ = p["url"].(string)
		case string:
			if action := actionOf(p); strings.HasPrefix(action, webhook.GoodAction) || strings.HasPrefix(action, webhook.BadAction) {
				continue // cannot be answered by a number
			}
		}
		choices = append(choices, c)
	}
	text := m.Text
	if lines := numbered(choices, m.Text); lines != "" && webhook.Units(text)+2+webhook.Units(lines) <= textLimit {
		text += "\n\n" + lines
	}
	return message{Text: text}
}

// result is the form of every answer of the API.
type result struct {
	Error *scalar `json:"error"`
	Data  struct {
		MessageID scalar `json:"message_id"`
		Quota     struct {
			Type   scalar `json:"quota_type"`
			Remain scalar `json:"remain"`
			Total  scalar `json:"total"`
		} `json:"quota"`
	} `json:"data"`
}

// call makes one call and reads what became of it.
func (a *Account) call(ctx context.Context, token, to string, m message) (string, *webhook.SendError) {
	body, err := json.Marshal(map[string]any{"recipient": map[string]string{"user_id": to}, "message": m})
	if err != nil {
		return "", &webhook.SendError{Class: webhook.Rejected, Code: "bad-part", Err: errors.New("cannot be written as JSON")}
	}
	got, err := a.post(ctx, sendPath, token, body)
	if err != nil {
		return "", noAnswer(fmt.Errorf("send to zalo: %w", err))
	}
	var r result
	into(got.body, &r)
	if r.Error == nil {
		return "", strange(got)
	}
	number, err := strconv.Atoi(string(*r.Error))
	if err != nil {
		return "", strange(got)
	}
	if number != 0 {
		return "", a.refused(number)
	}
	a.pace.passed(got.header)
	a.quotaLeft(string(r.Data.Quota.Type), string(r.Data.Quota.Remain), string(r.Data.Quota.Total))
	return string(r.Data.MessageID), nil
}

// refused is the error of a number.
func (a *Account) refused(number int) *webhook.SendError {
	c, known := codes[number]
	if !known {
		c = code{webhook.Rejected, "not a documented code"}
	}
	e := &webhook.SendError{Class: c.class, Code: strconv.Itoa(number), Err: errors.New(c.meaning)}
	switch number {
	case -32:
		e.After = a.pace.refuse()
	case -211:
		a.pace.pause(quotaPause)
		e.After = quotaPause
		a.opts.Log.Error("quota of the official account used up", "channel", a.Name())
	case -218:
		e.After = quotaLater
	}
	return e
}

// post sends JSON with the token in the header that Zalo reads it from.
func (a *Account) post(ctx context.Context, path, token string, body []byte) (answer, error) {
	req, err := http.NewRequest(http.MethodPost, a.opts.APIURL+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, failed(err, false, []string{token})
	}
	req.Header.Set("Content-Type", "application/json")
	return a.authorized(ctx, req, token)
}

func (a *Account) authorized(ctx context.Context, req *http.Request, token string) (answer, error) {
	req.Header["access_token"] = []string{token} // documented in small letters; HTTP does not mind, a proxy might
	return a.api.do(ctx, callIn, req, token, a.opts.AppSecret, a.opts.Secret)
}

// quota is what is left as of the last answer that told.
type quota struct {
	mu    sync.Mutex
	last  Quota
	known bool
	low   bool
}

// Quota is how many messages are left, by what Zalo last said.
type Quota struct {
	Type          string // reply, sub_quota, purchase_quota, reward_quota
	Remain, Total int
	At            time.Time
}

func (a *Account) quotaLeft(kind, remain, total string) {
	left, err := strconv.Atoi(remain)
	if err != nil {
		return
	}
	all, _ := strconv.Atoi(total) // 0: not said
	a.quota.mu.Lock()
	defer a.quota.mu.Unlock()
	a.quota.last, a.quota.known = Quota{counted(kind), left, all, a.opts.Now()}, true
	low := kind != "reply" && all > 0 && left*10 < all // replies are counted per person, the others for the account
	if low && !a.quota.low {
		a.opts.Observe("quota", "low")
		a.opts.Log.Warn("few messages left", "channel", a.Name(), "quota", counted(kind), "remain", left, "total", all)
	}
	a.quota.low = low
}

// quotaChanged is an event of operations: the daily quota of the account is another.
func (a *Account) quotaChanged(data json.RawMessage) {
	var q struct {
		Before scalar `json:"prev_value"`
		Now    scalar `json:"new_value"`
	}
	into(data, &q)
	before, _ := strconv.Atoi(string(q.Before))
	now, _ := strconv.Atoi(string(q.Now))
	a.opts.Log.Info("daily quota of the official account changed", "channel", a.Name(), "before", before, "now", now)
}
