package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"troly/internal/webhook"
)

// Poll asks for updates instead of having them delivered, for an office without a
// public address. take must have written the messages durably when it returns nil:
// only then is Telegram told that they arrived. When it fails, or Telegram cannot be
// reached, Poll waits and asks for the same again.
//
// It returns nil when ctx ends, and an error when it cannot go on: a webhook is set
// (it is not taken away, another server may live from it), another process polls, or
// the token is refused.
func (c *Channel) Poll(ctx context.Context, take func([]webhook.Message) error) error {
	p := &poll{c: c, take: take}
	for failures := 0; ; {
		err := p.step(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			failures = 0
			continue
		}
		if p.final != nil {
			return p.final
		}
		wait := c.backoff(failures)
		if failed, ok := err.(*webhook.SendError); ok {
			wait = max(wait, failed.After)
		}
		c.set.Log.Warn("telegram poll tries again", "err", err, "in", wait)
		failures++
		if webhook.Sleep(ctx, wait) != nil {
			return nil
		}
	}
}

// poll is where a poll stands.
type poll struct {
	c         *Channel
	take      func([]webhook.Message) error
	connected bool
	offset    int64 // of the first update not yet taken; 0: whatever waits
	final     error // why it cannot go on
}

// step asks once and hands over what came.
func (p *poll) step(ctx context.Context) error {
	if !p.connected {
		if err := p.connect(ctx); err != nil {
			return p.judge(err)
		}
		p.connected = true
	}
	params := tgbotapi.Params{"timeout": strconv.Itoa(int(p.c.set.Poll / time.Second)), "limit": "100", "allowed_updates": wantedUpdates}
	if p.offset != 0 {
		params["offset"] = strconv.FormatInt(p.offset, 10)
	}
	result, failed := p.c.callFor(ctx, p.c.set.Poll+p.c.set.Timeout, "getUpdates", params)
	if failed != nil {
		return p.judge(failed)
	}
	var updates []json.RawMessage
	if err := json.Unmarshal(result, &updates); err != nil {
		return fmt.Errorf("telegram getUpdates: result is not what is documented: %w", err)
	}
	return p.handOver(updates)
}

// connect learns the bot's name, without which groups cannot be read, and that no
// webhook is set.
func (p *poll) connect(ctx context.Context) error {
	if err := p.c.Connect(ctx); err != nil {
		return err
	}
	hook, err := p.c.Webhook(ctx)
	if err != nil {
		return err
	}
	if hook.URL != "" {
		p.final = fmt.Errorf("telegram poll: a webhook is set (%s); delete it first: troly channel telegram delete-webhook", hook.URL)
		return p.final
	}
	return nil
}

// judge tells what ends the poll from what passes.
func (p *poll) judge(err error) error {
	failed, ok := err.(*webhook.SendError)
	if !ok {
		return err
	}
	switch {
	case failed.Code == strconv.Itoa(http.StatusConflict):
		p.final = fmt.Errorf("telegram poll: another process polls or a webhook is set: %w", failed)
	case failed.Class == webhook.Stopped:
		p.final = fmt.Errorf("telegram poll: token refused or server unknown: %w", failed)
	}
	return err
}

// handOver moves the offset once take has what was asked for. The highest number of
// these updates counts, not of all there ever were: after a week of silence numbers
// start anywhere.
func (p *poll) handOver(updates []json.RawMessage) error {
	var messages []webhook.Message
	next := int64(0)
	for _, raw := range updates {
		id, some, err := p.c.decode(raw)
		if err != nil {
			p.c.set.Log.Warn("telegram poll passes over an update", "err", err)
		}
		messages = append(messages, some...)
		next = max(next, id+1)
	}
	switch {
	case len(updates) == 0:
		return nil
	case next <= 1:
		return fmt.Errorf("telegram poll: %d updates without a number", len(updates))
	}
	if len(messages) > 0 {
		if err := p.take(messages); err != nil {
			return fmt.Errorf("telegram poll: %d messages not taken: %w", len(messages), err)
		}
	}
	p.offset = next
	return nil
}
