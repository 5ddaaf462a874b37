package zalo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"troly/internal/webhook"
)

// Times of a poll.
const (
	pollFor   = 30 * time.Second // that Zalo holds a call open
	pollIn    = pollFor + 15*time.Second
	pollFirst = time.Second // wait after a failure, doubled for each further one
	pollMost  = time.Minute
)

// errWebhook is why nothing is polled: Zalo gives no updates while a webhook is set.
var errWebhook = errors.New("zalo bot: a webhook is set, so updates cannot be polled: remove it with delete-webhook first")

// Me is who the bot is.
type Me struct {
	ID   string
	Name string
	Type string // BASIC …
}

// Me asks who the bot is: whether the token works.
func (b *Bot) Me(ctx context.Context) (Me, error) {
	var r struct {
		ID   scalar `json:"id"`
		Name scalar `json:"account_name"`
		Type scalar `json:"account_type"`
	}
	if err := b.call(ctx, callIn, "getMe", struct{}{}, &r); err != nil {
		return Me{}, err
	}
	return Me{string(r.ID), string(r.Name), string(r.Type)}, nil
}

// SetWebhook has updates delivered to url, which is HTTPS, with our secret.
func (b *Bot) SetWebhook(ctx context.Context, url string) error {
	if !strings.HasPrefix(url, "https://") {
		return errors.New("zalo bot: the address of a webhook begins with https://")
	}
	if err := goodSecret(b.opts.Secret); err != nil {
		return fmt.Errorf("zalo bot: ZALO_BOT_WEBHOOK_SECRET %w", err)
	}
	return b.call(ctx, callIn, "setWebhook", map[string]string{"url": url, "secret_token": b.opts.Secret}, nil)
}

// DeleteWebhook ends deliveries; updates can be polled then.
func (b *Bot) DeleteWebhook(ctx context.Context) error {
	return b.call(ctx, callIn, "deleteWebhook", struct{}{}, nil)
}

// Webhook is where updates are delivered to; empty: nowhere.
func (b *Bot) Webhook(ctx context.Context) (url string, err error) {
	var r struct {
		URL scalar `json:"url"`
	}
	if err := b.call(ctx, callIn, "getWebhookInfo", struct{}{}, &r); err != nil {
		return "", err
	}
	return string(r.URL), nil
}

// Poll asks for updates one by one and gives the messages of each to take, which
// must have written them durably when it returns nil. It returns nil when ctx ends,
// and an error when it cannot go on: a webhook is set, or the token is refused.
//
// Zalo forgets an update when it hands it out; there is no offset to ask again from.
// So take is tried again for as long as it fails, and a message is lost when the
// process ends between the two. Where that matters, a webhook is the better way.
func (b *Bot) Poll(ctx context.Context, take func([]webhook.Message) error) error {
	free := false // no webhook is set, as far as is known
	for failures := 0; ctx.Err() == nil; {
		err := b.pollOnce(ctx, &free, take)
		switch api := (*apiError)(nil); {
		case err == nil:
			failures = 0
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errWebhook):
			return err
		case errors.As(err, &api) && api.Code == 401:
			return fmt.Errorf("zalo bot: ZALO_BOT_TOKEN is refused: %w", err)
		case errors.As(err, &api) && api.Code == 408: // nobody wrote
			failures = 0
			continue
		}
		wait := min(pollFirst<<min(failures, 10), pollMost)
		wait = max(wait, classOf(err).After)
		b.opts.Log.Warn("poll tries again", "channel", b.Name(), "err", err, "in", wait)
		failures++
		free = false // what failed may be a webhook that was set meanwhile
		if b.opts.Sleep(ctx, wait) != nil {
			return nil
		}
	}
	return nil
}

func (b *Bot) pollOnce(ctx context.Context, free *bool, take func([]webhook.Message) error) error {
	if !*free {
		url, err := b.Webhook(ctx)
		if err != nil {
			return err
		}
		if url != "" {
			return errWebhook
		}
		*free = true
	}
	var raw json.RawMessage
	if err := b.call(ctx, pollIn, "getUpdates", map[string]string{"timeout": fmt.Sprint(int(pollFor / time.Second))}, &raw); err != nil {
		return err
	}
	for _, messages := range b.updates(raw) {
		if err := b.handOver(ctx, messages, take); err != nil {
			return err
		}
	}
	return nil
}

// updates reads one update; a list is read as well, should it become one.
func (b *Bot) updates(raw json.RawMessage) (all [][]webhook.Message) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	for _, one := range list {
		if !object(one) {
			continue
		}
		var u update
		into(one, &u)
		all = append(all, b.messages(&u))
	}
	return all
}

// handOver gives messages to take until it has them.
func (b *Bot) handOver(ctx context.Context, messages []webhook.Message, take func([]webhook.Message) error) error {
	for failures := 0; ; failures++ {
		err := take(messages)
		if err == nil {
			return nil
		}
		wait := min(pollFirst<<min(failures, 10), pollMost)
		b.opts.Log.Error("an update that was polled cannot be kept yet", "channel", b.Name(), "err", err, "in", wait)
		if b.opts.Sleep(ctx, wait) != nil {
			return err
		}
	}
}
