// Package telegram is the Telegram channel: it reads what Telegram delivers by
// webhook or gives to a poll, lays replies out for it and sends them. It is built on
// the bot API library for the calls alone; the library knows neither secrets,
// contexts nor what was added to the API after 2021, and its errors hold the token,
// so updates are decoded and errors told here.
//
// It keeps nothing between calls but whether Telegram can be reached and how the bot
// is called. Order, repetition and rates are left to package webhook, words to
// package conversation.
//
// What is answered:
//
//   - Private chats: everything a person writes. In groups only what is addressed to
//     the bot: a mention, a reply to it, a command with its name, or a plain command
//     of its menu.
//   - Bots are never answered, and neither is who writes in the name of a group or a
//     channel (an anonymous admin, an automatic forward): there is no person behind it
//     to whom limits and erasing could apply, and two bots could talk for ever.
//   - An edit of a message is answered once, however often the message is edited: its
//     key is the message's, not the update's.
//   - Posts of channels, service notices and kinds of update that are not known are
//     acknowledged and counted, nothing else.
package telegram

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"troly/internal/webhook"
)

var (
	_ webhook.Channel      = (*Channel)(nil)
	_ webhook.Acknowledger = (*Channel)(nil)
	_ webhook.Clearer      = (*Channel)(nil)
	_ webhook.Typist       = (*Channel)(nil)
	_ webhook.Drafter      = (*Channel)(nil)
	_ webhook.Fetcher      = (*Channel)(nil)
	_ webhook.Barred       = (*Channel)(nil)
)

// Settings are what a channel is made of. Only Token must be given.
type Settings struct {
	Token  string // as BotFather gave it: digits, a colon, letters
	Secret string // 1 to 256 of A-Z a-z 0-9 _ -; empty: every delivery by webhook is refused

	APIURL  string // default https://api.telegram.org; a Bot API server of one's own or a relay otherwise
	FileURL string // default APIURL + /file
	Proxy   string // http, https, socks5 or socks5h URL; empty: none, whatever the environment says

	Timeout time.Duration // of one call; default 15 s
	Poll    time.Duration // how long Telegram waits for something to give to a poll; default 50 s, the most it does
	Retry   time.Duration // first wait after a failure of Watch or Poll, doubled up to 32 times; default 1 s

	Drafts bool             // show answers while they are written, in private chats
	Clock  func() time.Time // default time.Now
	Log    *slog.Logger     // default: nothing is logged
}

// publicAPI is where bots live unless the operator says otherwise.
const publicAPI = "https://api.telegram.org"

var (
	tokenForm  = regexp.MustCompile(`^([0-9]{1,19}):[A-Za-z0-9_-]{1,128}$`)
	secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
)

// Channel is one bot.
type Channel struct {
	set    Settings
	id     int64 // the bot's own, which the token begins with
	bot    *tgbotapi.BotAPI
	client *http.Client

	name       atomic.Pointer[string] // username, lower case; nil until Telegram told it
	noDrafts   atomic.Bool            // the server knows none
	draftPause atomic.Int64           // no draft before: Unix nanoseconds

	mu      sync.Mutex
	trouble error // what the last call failed with, nil when it went well
}

// New checks the settings and makes a channel of them; it calls nobody.
func New(s Settings) (*Channel, error) {
	form := tokenForm.FindStringSubmatch(s.Token)
	if form == nil {
		return nil, errors.New("telegram token: not of the form 123456:ABC-def, as BotFather gives it")
	}
	id, err := strconv.ParseInt(form[1], 10, 64)
	if err != nil {
		return nil, errors.New("telegram token: the number before the colon is too large")
	}
	if s.Secret != "" && !secretForm.MatchString(s.Secret) {
		return nil, errors.New("telegram webhook secret: must be 1 to 256 characters of A-Z, a-z, 0-9, _ and -")
	}
	s.APIURL = strings.TrimRight(cmp.Or(s.APIURL, publicAPI), "/")
	s.FileURL = strings.TrimRight(cmp.Or(s.FileURL, s.APIURL+"/file"), "/")
	for _, base := range []struct{ name, url string }{{"API", s.APIURL}, {"file", s.FileURL}} { // in this order: one follows from the other
		if err := checkBase(base.url); err != nil {
			return nil, fmt.Errorf("telegram %s URL: %w", base.name, err)
		}
	}
	s.Timeout, s.Poll, s.Retry = cmp.Or(s.Timeout, 15*time.Second), cmp.Or(s.Poll, 50*time.Second), cmp.Or(s.Retry, time.Second)
	if s.Clock == nil {
		s.Clock = time.Now
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	transport, err := newTransport(s.Proxy)
	if err != nil {
		return nil, err
	}
	c := &Channel{set: s, id: id}
	c.trouble = errors.New("telegram: not reached yet")
	// A redirect is a portal of the network, never Telegram.
	c.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	// Not by the constructor of the library, which calls getMe and fails without it.
	c.bot = &tgbotapi.BotAPI{Token: s.Token}
	c.bot.SetAPIEndpoint(strings.ReplaceAll(s.APIURL, "%", "%%") + "/bot%s/%s")
	return c, nil
}

func checkBase(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("must be http:// or https:// with a host and nothing behind the path")
	}
	return nil
}

func newTransport(proxy string) (*http.Transport, error) {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConnsPerHost: 32,
		// Shorter than what servers keep open: a call on a connection that is just being
		// closed cannot be told from one that arrived.
		IdleConnTimeout:   30 * time.Second,
		ForceAttemptHTTP2: true,
	}
	if proxy == "" {
		return t, nil
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Host == "" {
		return nil, errors.New("telegram proxy: must be a URL such as socks5://host:1080") // without what may be a password
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return nil, fmt.Errorf("telegram proxy: scheme %q is none of http, https, socks5, socks5h", u.Scheme)
	}
	t.Proxy = http.ProxyURL(u)
	return t, nil
}

// Name is the channel's.
func (c *Channel) Name() string { return "telegram" }

// Group tells the chats of groups from those of persons by their names.
func Group(dialogue string) bool { return strings.HasPrefix(dialogue, "-") }

// Check tells why the channel is degraded, nil when the last call reached Telegram
// and was let in. It calls nobody.
func (c *Channel) Check(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trouble
}

// Connect asks Telegram who the bot is: until then mentions in groups cannot be
// judged. It may be called again.
func (c *Channel) Connect(ctx context.Context) error {
	var me struct {
		ID       int64  `json:"id"`
		Username string `json:"username"`
	}
	if err := c.ask(ctx, "getMe", nil, &me); err != nil {
		return err
	}
	if me.Username == "" {
		return errors.New("telegram getMe: the bot has no username")
	}
	name := strings.ToLower(me.Username)
	c.name.Store(&name)
	return nil
}

// watchEvery is how often Watch looks when all is well.
const watchEvery = time.Minute

// Watch keeps Check true to life until ctx ends: it connects, tries again with
// growing pauses while Telegram cannot be reached, and looks once a minute after.
func (c *Channel) Watch(ctx context.Context) {
	failures := 0
	for {
		wait := watchEvery
		err := c.Connect(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if failures == 0 {
				c.set.Log.Warn("telegram cannot be reached", "err", err)
			}
			wait = c.backoff(failures)
			failures++
		case failures > 0:
			c.set.Log.Info("telegram is reached again", "tries", failures+1)
			failures = 0
		}
		if webhook.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// backoff is the pause after so many failures before this one.
func (c *Channel) backoff(failures int) time.Duration {
	return c.set.Retry << min(failures, 5)
}
