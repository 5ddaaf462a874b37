package telegram

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"troly/internal/conversation"
)

// wantedUpdates are the kinds of update that are asked for. It is always sent: left out,
// whatever was set before would stay.
var wantedUpdates = func() string {
	kinds, err := json.Marshal([]string{"message", "edited_message", "callback_query", "my_chat_member"})
	if err != nil {
		panic(err) // strings can be written
	}
	return string(kinds)
}()

// SetWebhook has Telegram deliver to address from now on, with the secret of the
// settings. Telegram opens at most connections (1 to 100; 0: 40) at a time. Waiting
// updates are delivered, unless drop. Calling it again changes nothing.
//
// It is not done by the library's WebhookConfig, which cannot name a secret and so
// takes away the one that was set.
func (c *Channel) SetWebhook(ctx context.Context, address string, connections int, drop bool) error {
	if c.set.Secret == "" {
		return errors.New("telegram setWebhook: needs a webhook secret, everybody could write to the address without")
	}
	if err := c.checkAddress(address); err != nil {
		return fmt.Errorf("telegram setWebhook: %w", err)
	}
	connections = cmp.Or(connections, 40)
	if connections < 1 || connections > 100 {
		return fmt.Errorf("telegram setWebhook: %d connections, must be 1 to 100", connections)
	}
	return c.ask(ctx, "setWebhook", tgbotapi.Params{
		"url":                  address,
		"secret_token":         c.set.Secret,
		"allowed_updates":      wantedUpdates,
		"max_connections":      strconv.Itoa(connections),
		"drop_pending_updates": strconv.FormatBool(drop),
	}, nil)
}

// checkAddress says what Telegram would refuse. A Bot API server of one's own takes
// any port and plain HTTP.
func (c *Channel) checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("the address must be a URL that Telegram can reach, such as https://example.vn/webhooks/telegram")
	}
	if c.set.APIURL != publicAPI {
		return nil
	}
	if u.Scheme != "https" {
		return errors.New("the address must begin with https://")
	}
	switch u.Port() {
	case "", "443", "80", "88", "8443":
		return nil
	}
	return fmt.Errorf("deliveries come to ports 443, 80, 88 and 8443 only, not to %s", u.Port())
}

// DeleteWebhook ends delivery; what waits is kept for a poll, unless drop.
func (c *Channel) DeleteWebhook(ctx context.Context, drop bool) error {
	return c.ask(ctx, "deleteWebhook", tgbotapi.Params{"drop_pending_updates": strconv.FormatBool(drop)}, nil)
}

// Webhook is what Telegram says about its deliveries.
type Webhook struct {
	URL            string   `json:"url"` // empty: none is set
	Pending        int      `json:"pending_update_count"`
	LastError      int64    `json:"last_error_date,omitempty"` // Unix seconds
	LastErrorText  string   `json:"last_error_message,omitempty"`
	IP             string   `json:"ip_address,omitempty"`
	MaxConnections int      `json:"max_connections,omitempty"`
	Allowed        []string `json:"allowed_updates,omitempty"`
}

// Webhook asks how delivery goes.
func (c *Channel) Webhook(ctx context.Context) (Webhook, error) {
	var w Webhook
	err := c.ask(ctx, "getWebhookInfo", nil, &w)
	return w, err
}

// command is a line of the menu behind Telegram's own button: Telegram takes names of a-z, 0-9 and _ only,
// which is why they have no marks.
type command struct {
	Name        string `json:"command"`
	Description string `json:"description"`
}

// languages are those the menu is set for: Vietnamese, and any other, for residents whose
// telephone is set to it.
var languages = []string{"vi", ""}

// SetMenu tells Telegram the commands.
func (c *Channel) SetMenu(ctx context.Context) error {
	var menu []command
	for _, line := range conversation.Menu() {
		menu = append(menu, command{line.Command, line.Does})
	}
	lines, err := json.Marshal(menu)
	if err != nil {
		return fmt.Errorf("telegram setMyCommands: %w", err)
	}
	for _, language := range languages {
		if err := c.ask(ctx, "setMyCommands", inLanguage(language, tgbotapi.Params{"commands": string(lines)}), nil); err != nil {
			return err
		}
	}
	return nil
}

// DeleteMenu takes the commands away.
func (c *Channel) DeleteMenu(ctx context.Context) error {
	for _, language := range languages {
		if err := c.ask(ctx, "deleteMyCommands", inLanguage(language, tgbotapi.Params{}), nil); err != nil {
			return err
		}
	}
	return nil
}

func inLanguage(language string, p tgbotapi.Params) tgbotapi.Params {
	if language != "" {
		p["language_code"] = language
	}
	return p
}
