package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"troly/internal/conversation"
	"troly/internal/database"
	"troly/internal/telegram"
	"troly/internal/web"
	"troly/internal/webhook"
	"troly/internal/zalo"
)

// channels are the chat platforms that are on, with the queues between them and the
// assistant.
type channels struct {
	db         *database.DB
	talk       *conversation.Conversation
	dispatcher *webhook.Dispatcher
	metrics    *webhook.Metrics
	log        *slog.Logger
	hooks      map[string]http.Handler // by path
	background []func(context.Context) // what a channel does besides, until the context ends
	telegram   *telegram.Channel       // nil: off
	zalo       *zalo.Account
	zaloBot    *zalo.Bot
	on         []string    // names, for people
	staffed    atomic.Bool // somebody can sign in to read what is handed over
}

// polls says which platforms are asked for updates instead of delivering them.
type polls struct{ telegram, zaloBot bool }

// tuning changes how the queues are worked through, where a platform on this machine
// need not be spared as the real one.
type tuning func(*webhook.Line, *webhook.Options)

// openChannels makes the channels of the settings. It calls no platform.
func openChannels(ctx context.Context, s settings, a *assistant, db *database.DB, registry prometheus.Registerer, poll polls, log *slog.Logger, tune ...tuning) (*channels, error) {
	c := &channels{db: db, metrics: webhook.NewMetrics(registry), log: log, hooks: make(map[string]http.Handler)}
	if err := c.lookForStaff(ctx); err != nil {
		return nil, err
	}
	c.background = append(c.background, c.watchStaff)
	c.talk = conversation.New(a.Assistant, a.lib, a.lib.Units, conversation.Options{KeepDays: s.Database.KeepDays, Staffed: c.staffed.Load, Log: log})
	if path, page := s.Zalo.proof(); path != "" {
		c.hooks[path] = page // before the account is there to be set up
	}
	for _, line := range s.halfSet() {
		log.Warn(line)
	}
	var lines []webhook.Line
	if s.Telegram.Token != "" {
		if err := c.openTelegram(s, poll.telegram); err != nil {
			return nil, err
		}
		lines = append(lines, webhook.Line{Channel: c.telegram, Group: telegram.Group})
	} else if poll.telegram {
		return nil, usageError{errors.New("--telegram-poll: TELEGRAM_BOT_TOKEN is not set")}
	}
	if s.Zalo.AppID != "" {
		if err := c.openZalo(s); err != nil {
			return nil, err
		}
		lines = append(lines, webhook.Line{Channel: c.zalo})
	}
	if s.ZaloBot.Token != "" {
		if err := c.openZaloBot(s, poll.zaloBot); err != nil {
			return nil, err
		}
		lines = append(lines, webhook.Line{Channel: c.zaloBot})
	} else if poll.zaloBot {
		return nil, usageError{errors.New("--zalo-bot-poll: ZALO_BOT_TOKEN is not set")}
	}
	options := webhook.Options{
		Log: log, Metrics: c.metrics, Transcribe: s.Models.transcriber(),
		Apology: c.talk.LastWord,
	}
	for _, change := range tune {
		for i := range lines {
			change(&lines[i], &options)
		}
	}
	c.dispatcher = webhook.NewDispatcher(db, c.talk, lines, options)
	names := make([]string, 0, len(lines))
	for _, line := range lines {
		names = append(names, line.Channel.Name())
	}
	webhook.WatchQueues(registry, db, log, names...)
	return c, nil
}

// byName are the channels that are set up, by name.
func (c *channels) byName() map[string]webhook.Channel {
	all := make(map[string]webhook.Channel)
	if c.telegram != nil {
		all[c.telegram.Name()] = c.telegram
	}
	if c.zalo != nil {
		all[c.zalo.Name()] = c.zalo
	}
	if c.zaloBot != nil {
		all[c.zaloBot.Name()] = c.zaloBot
	}
	return all
}

// staffEvery is how often the accounts of staff are looked at: people are promised an
// officer soon after there is one.
const staffEvery = time.Minute

// lookForStaff finds out whether anybody can sign in who may read what is handed over.
func (c *channels) lookForStaff(ctx context.Context) error {
	accounts, err := c.db.Accounts(ctx)
	if err != nil {
		return err
	}
	c.staffed.Store(slices.ContainsFunc(accounts, func(a database.Account) bool {
		return !a.Disabled && (a.Role == database.Officer || a.Role == database.Admin)
	}))
	return nil
}

func (c *channels) watchStaff(ctx context.Context) {
	for pausing(ctx, staffEvery) {
		if err := c.lookForStaff(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("accounts of staff not read, who wants an officer is told as before", "err", err)
		}
	}
}

// intake is where a channel's messages come in.
func (c *channels) intake(ch webhook.Channel) *webhook.Intake {
	return webhook.NewIntake(ch, c.db, webhook.IntakeOptions{Log: c.log, Metrics: c.metrics})
}

func (c *channels) openTelegram(s settings, poll bool) (err error) {
	if c.telegram, err = s.Telegram.channel(c.log); err != nil {
		return err
	}
	in := c.intake(c.telegram)
	c.background = append(c.background, c.telegram.Watch)
	setUp := []call{{"set the menu", c.telegram.SetMenu}}
	switch public := s.publicURL(); {
	case poll:
		c.on = append(c.on, "Telegram (polling)")
		c.background = append(c.background, c.polling("telegram", func(ctx context.Context) error {
			return c.telegram.Poll(ctx, func(messages []webhook.Message) error { return in.Take(ctx, messages) })
		}))
	case s.Telegram.Secret == "":
		return usageError{errors.New("TELEGRAM_WEBHOOK_SECRET is not set: write 1 to 256 letters, digits, _ or -, or run troly serve --telegram-poll")}
	case public == nil:
		c.on = append(c.on, "Telegram")
		c.log.Warn("Telegram is not told where to deliver: set TROLY_PUBLIC_URL, or run troly channel telegram set-webhook --url, or troly serve --telegram-poll")
		c.hooks[telegramPath] = in
	default:
		c.on = append(c.on, "Telegram")
		c.hooks[telegramPath] = in
		// First: without the menu people can still write.
		setUp = slices.Insert(setUp, 0, call{"set the webhook", func(ctx context.Context) error {
			return c.telegram.SetWebhook(ctx, public.String()+telegramPath, 0, false)
		}})
	}
	c.background = append(c.background, c.insisting("telegram", setUp))
	return nil
}

func (c *channels) openZalo(s settings) (err error) {
	if c.zalo, err = s.Zalo.channel(c.db, c.log, c.metrics); err != nil {
		return err
	}
	c.on = append(c.on, "Zalo Official Account")
	c.hooks[zaloPath] = c.intake(c.zalo)
	c.background = append(c.background, c.zalo.Run)
	c.metrics.Age("zalo", "token", c.zalo.TokenAge)
	return nil
}

func (c *channels) openZaloBot(s settings, poll bool) (err error) {
	if !poll && s.ZaloBot.Secret == "" {
		return usageError{errors.New("ZALO_BOT_WEBHOOK_SECRET is not set: write 8 to 256 letters and digits, or run troly serve --zalo-bot-poll")}
	}
	if c.zaloBot, err = s.ZaloBot.channel(poll, c.log); err != nil {
		return err
	}
	in := c.intake(c.zaloBot)
	switch public := s.publicURL(); {
	case poll:
		c.on = append(c.on, "Zalo bot (polling)")
		c.background = append(c.background, c.polling("zalo-bot", func(ctx context.Context) error {
			return c.zaloBot.Poll(ctx, func(messages []webhook.Message) error { return in.Take(ctx, messages) })
		}))
		return nil
	case public == nil:
		c.log.Warn("Zalo is not told where to deliver to the bot: set TROLY_PUBLIC_URL, or run troly channel zalo-bot set-webhook --url, or troly serve --zalo-bot-poll")
	default:
		c.background = append(c.background, c.insisting("zalo-bot", []call{{"set the webhook", func(ctx context.Context) error {
			return c.zaloBot.SetWebhook(ctx, public.String()+zaloBotPath)
		}}}))
	}
	c.on = append(c.on, "Zalo bot")
	c.hooks[zaloBotPath] = in
	return nil
}

// call is something a platform is to be told once.
type call struct {
	what string
	do   func(context.Context) error
}

// longestPause between two tries to tell a platform something.
const longestPause = 5 * time.Minute

// insisting makes calls one after the other, each until it succeeds.
func (c *channels) insisting(channel string, calls []call) func(context.Context) {
	return func(ctx context.Context) {
		pause := 2 * time.Second
		for _, one := range calls {
			for {
				err := one.do(ctx)
				if err == nil || ctx.Err() != nil {
					break
				}
				c.log.Warn("platform not told, it is tried again", "channel", channel, "call", one.what, "in", pause, "err", err)
				if !pausing(ctx, pause) {
					return
				}
				pause = min(2*pause, longestPause)
			}
		}
	}
}

// polling runs a poll again after it could not go on, because an operator may take
// the webhook away or end the other process meanwhile.
func (c *channels) polling(channel string, poll func(context.Context) error) func(context.Context) {
	return func(ctx context.Context) {
		for ctx.Err() == nil {
			if err := poll(ctx); err != nil && ctx.Err() == nil {
				c.log.Error("updates cannot be polled, it is tried again in a minute", "channel", channel, "err", err)
				pausing(ctx, time.Minute)
			}
		}
	}
}

// pausing waits; false: ctx ended.
func pausing(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// sweepEvery is how often what is past its days is deleted.
const sweepEvery = time.Hour

// run works until ctx ends and all of it has.
func (c *channels) run(ctx context.Context, keep database.Retention) {
	var all sync.WaitGroup
	all.Go(func() { c.dispatcher.Run(ctx) })
	for _, task := range c.background {
		all.Go(func() { task(ctx) })
	}
	all.Go(func() {
		for ctx.Err() == nil {
			if swept, err := c.db.Sweep(ctx, keep); err != nil && ctx.Err() == nil {
				c.log.Error("old rows could not be deleted", "err", err)
			} else if swept != (database.Swept{}) {
				c.log.Info("old rows deleted", "dialogues", swept.Dialogues, "pages", swept.Pages, "outcomes", swept.Outcomes, "jobs", swept.Jobs, "parts", swept.Parts)
			}
			pausing(ctx, sweepEvery)
		}
	})
	all.Wait()
}

// retention is how long what people write is kept. A chat page, and what an officer
// wrote there, goes once no browser finds it any more.
func (d databaseSettings) retention() database.Retention {
	days := time.Duration(d.KeepDays) * 24 * time.Hour
	return database.Retention{Dialogues: days, Outcomes: days, Queues: 7 * 24 * time.Hour, Pages: map[string]time.Duration{web.Channel: min(web.FoundFor, days)}}
}

// parts are the channels as /readyz tells of them.
func (c *channels) parts() []web.Part {
	var parts []web.Part
	for _, s := range c.dispatcher.Status() {
		parts = append(parts, web.Part{Name: s.Channel, Check: c.check(s.Channel), Detail: func() any { return c.status(s.Channel) }})
	}
	return parts
}

// status of a channel in this process.
func (c *channels) status(name string) webhook.Status {
	all := c.dispatcher.Status()
	return all[slices.IndexFunc(all, func(s webhook.Status) bool { return s.Channel == name })]
}

// check says which channel does not work in this process.
func (c *channels) check(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		if s := c.status(name); !s.Healthy() {
			return fmt.Errorf("stopped %q, breaker %s", s.Stopped, s.Breaker)
		}
		switch name {
		case "telegram":
			return c.telegram.Check(ctx)
		case "zalo":
			return c.zalo.Ready()
		}
		return nil
	}
}

// transcriber writes down voice messages, nil without TRANSCRIPTION_MODEL.
func (m modelSettings) transcriber() func(ctx context.Context, audio []byte, mime string) (string, error) {
	if m.Transcription == "" {
		return nil
	}
	client := m.client()
	return func(ctx context.Context, audio []byte, mime string) (string, error) {
		return client.Transcribe(ctx, m.Transcription, "voice."+cmp.Or(recordings[mime], "ogg"), bytes.NewReader(audio))
	}
}

// recordings are the endings of file names by which services know a format.
var recordings = map[string]string{
	"audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/x-m4a": "m4a", "audio/aac": "m4a", "audio/wav": "wav", "audio/webm": "webm",
}
