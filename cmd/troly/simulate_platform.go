package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"html"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"troly/internal/telegram/telegramtest"
	"troly/internal/zalo/zalotest"
)

// played is a chat platform on this machine, towards the simulator: what people do on
// it, and what the assistant asked of it. Its web server is the API that the channel
// calls instead of the real one.
type played interface {
	http.Handler

	// configure points the settings of its channel at the API.
	configure(s *settings, api string)
	// deliverTo says where the webhook of the channel is, before anybody does anything.
	deliverTo(hook string)

	do(ctx context.Context, who person, what action) error
	on(name string, times int) error // switches a fault on
	off()                            // all of them
	faults() [][2]string             // name, what it does
	calls() []string                 // one line each, since the start
	waiting() int                    // deliveries that the webhook has not taken
	close()
}

// action is one thing a person does.
type action struct {
	kind string // say, edit, press, voice, block, unblock
	text string // of say and edit; the data of a button; the path of a recording
	to   string // the message with the button
	data []byte // the recording
}

// person is somebody with an account on the platform. Who has the same name in another
// run is the same person.
type person struct{ name string }

func (p person) number() uint64 {
	h := fnv.New64a()
	h.Write([]byte(p.name)) // never fails
	return h.Sum64()
}

// shown is a message as it arrives at a person.
type shown struct {
	who     string // the platform's name of the person
	id      string
	text    string // bold is between \x01 and \x02
	rows    [][]shownButton
	changed bool // a message that was there before
}

type shownButton struct{ label, data, url string }

// errNot is what a platform has no means for.
var errNot = errors.New("people cannot do that on this platform")

// notTaken says what the platform was answered.
func notTaken(status int) error {
	return fmt.Errorf("the webhook answered %d %s: the platform would come again with it", status, http.StatusText(status))
}

// newPlayed plays the platform of a channel; show is called for each message that
// arrives, from any goroutine.
func newPlayed(channel string, show func(shown)) (played, error) {
	after := time.Now().UnixMilli() // what was delivered in an earlier run has other numbers
	switch channel {
	case "telegram":
		p := &playedTelegram{last: map[string]int64{}}
		p.API = telegramtest.New(telegramtest.Options{After: after, OnSent: func(s telegramtest.Sent) { show(telegramShows(s)) }})
		return p, nil
	case "zalo", "zalo-bot":
		p := &playedZalo{bot: channel == "zalo-bot"}
		p.Server = zalotest.New(zalotest.Options{
			AppID: "1234567890123456789", AppSecret: "simulated-app-secret", OAID: "4318657068771012345", OASecret: "simulated-oa-secret",
			RefreshToken: "simulated-refresh-token", BotToken: simulatedBot, After: int(after), OnSend: func(s zalotest.Sent) { show(zaloShows(s)) },
		})
		return p, nil
	}
	return nil, usageError{fmt.Errorf("--channel %q: write telegram, zalo or zalo-bot", channel)}
}

const (
	simulatedSecret = "simulated-secret"
	simulatedBot    = "4444444444:simulated-bot-token"
)

// playedTelegram is Telegram.
type playedTelegram struct {
	*telegramtest.API
	mu   sync.Mutex
	last map[string]int64 // number of the last message, by person
}

func (p *playedTelegram) configure(s *settings, api string) {
	s.Telegram = telegramSettings{Token: telegramtest.Token, Secret: simulatedSecret, APIURL: api, Drafts: s.Telegram.Drafts}
}

// deliverTo: the channel itself tells Telegram where.
func (p *playedTelegram) deliverTo(hook string) {}

func (p *playedTelegram) do(_ context.Context, who person, what action) error {
	someone := telegramtest.Person{ID: int64(1_000_000_000 + who.number()%1_000_000_000), Name: who.name}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch what.kind {
	case "say":
		id, err := p.Say(someone, what.text)
		p.last[who.name] = id
		return err
	case "edit":
		if p.last[who.name] == 0 {
			return errors.New("nothing was written yet")
		}
		return p.Edit(someone, p.last[who.name], what.text)
	case "press":
		var message int64
		_, _ = fmt.Sscan(what.to, &message) // it was made from one
		_, err := p.Press(someone, message, what.text)
		return err
	case "voice":
		_, err := p.Speak(someone, what.data, mimeOf(what.text), 1+len(what.data)/4000)
		return err
	case "block":
		return p.Block(someone)
	case "unblock":
		return p.Unblock(someone)
	}
	return errNot
}

// mimeOf is the kind of a recording by its name.
func mimeOf(file string) string {
	ending := strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	for mime, known := range recordings {
		if known == ending {
			return mime
		}
	}
	return "audio/ogg"
}

type telegramFault struct {
	name, does string
	fault      func() telegramtest.Fault
}

var telegramFaults = []telegramFault{
	{"too-many", "too many messages: come again in 2 seconds (429)", func() telegramtest.Fault { return telegramtest.TooMany(2) }},
	{"blocked", "the person has blocked the bot (403)", telegramtest.Blocked},
	{"markup", "the markup of a message cannot be read (400)", func() telegramtest.Fault {
		return telegramtest.Bad("can't parse entities: Unsupported start tag at byte offset 0")
	}},
	{"refused", "the message is refused for good (400)", func() telegramtest.Fault { return telegramtest.Bad("chat not found") }},
	{"gateway", "502 with a page of HTML", telegramtest.Gateway},
	{"reset", "the connection breaks before an answer", func() telegramtest.Fault { return telegramtest.Fault{Reset: true} }},
	{"lost", "the message arrives, and the connection breaks before the answer", func() telegramtest.Fault { return telegramtest.Fault{Reset: true, After: true} }},
	{"slow", "no answer until the caller gives up", func() telegramtest.Fault { return telegramtest.Fault{Hang: true} }},
	{"token", "the token of the bot is refused (401)", func() telegramtest.Fault {
		return telegramtest.Fault{Refusal: &telegramtest.Refusal{Code: http.StatusUnauthorized, Text: "Unauthorized"}}
	}},
}

func (p *playedTelegram) on(name string, times int) error {
	for _, f := range telegramFaults {
		if f.name == name {
			fault := f.fault()
			fault.Method, fault.Times = "sendMessage", times
			p.Script(fault)
			return nil
		}
	}
	return fmt.Errorf("no fault is called %q: /faults lists them", name)
}

func (p *playedTelegram) off() { p.Clear() }

func (p *playedTelegram) faults() (list [][2]string) {
	for _, f := range telegramFaults {
		list = append(list, [2]string{f.name, f.does})
	}
	return list
}

func (p *playedTelegram) calls() (lines []string) {
	for _, c := range p.Calls() {
		line := c.Method
		for _, name := range slices.Sorted(maps.Keys(c.Params)) {
			if name != "secret_token" {
				line += " " + name + "=" + inShort(c.Params[name])
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func (p *playedTelegram) waiting() int { return p.Pending() }
func (p *playedTelegram) close()       { p.Close() }

// inShort is a value as far as it fits on a line.
func inShort(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if n := utf8.RuneCountInString(s); n > 40 {
		return fmt.Sprintf("%s… (%d)", string([]rune(s)[:40]), n)
	}
	return s
}

func telegramShows(s telegramtest.Sent) shown {
	m := shown{who: fmt.Sprint(s.Chat), id: fmt.Sprint(s.ID), text: s.Text, changed: s.Edited}
	if s.Mode != "" {
		m.text = marked(s.Source)
	}
	for _, row := range s.Buttons {
		var buttons []shownButton
		for _, b := range row {
			buttons = append(buttons, shownButton{b.Text, b.Data, b.URL})
		}
		m.rows = append(m.rows, buttons)
	}
	return m
}

var (
	linkTag = regexp.MustCompile(`<a href="([^"]*)">([^<]*)</a>`)
	anyTag  = regexp.MustCompile(`<[^>]*>`)
)

// marked is Telegram's HTML as a terminal shows it: bold between two characters that
// take no room, addresses behind the words that lead there.
func marked(source string) string {
	source = linkTag.ReplaceAllString(source, "$2 ($1)")
	source = strings.NewReplacer("<b>", "\x01", "</b>", "\x02").Replace(source)
	return html.UnescapeString(anyTag.ReplaceAllString(source, ""))
}

// playedZalo is Zalo: an Official Account, or a bot.
type playedZalo struct {
	*zalotest.Server
	bot  bool
	hook string
}

func (p *playedZalo) configure(s *settings, api string) {
	if p.bot {
		s.ZaloBot = zaloBotSettings{Token: simulatedBot, Secret: simulatedSecret, APIURL: api}
		return
	}
	s.Zalo = zaloSettings{
		AppID: "1234567890123456789", AppSecret: "simulated-app-secret", OAID: "4318657068771012345", Secret: "simulated-oa-secret",
		RefreshToken: "simulated-refresh-token", APIURL: api, OAuthURL: api, Billed: s.Zalo.Billed,
	}
}

// deliverTo: the address of an Official Account is set in a console by hand, and
// setWebhook of a bot takes no address without HTTPS.
func (p *playedZalo) deliverTo(hook string) {
	p.hook = hook
	p.SetBotWebhook(hook, simulatedSecret)
}

func (p *playedZalo) do(ctx context.Context, who person, what action) error {
	body, err := p.event(who, what)
	if err != nil {
		return err
	}
	status := 0
	if p.bot {
		status, err = p.DeliverBot(ctx, body)
	} else {
		status, err = p.Deliver(ctx, p.hook, body, 0)
	}
	if err == nil && status != http.StatusOK {
		err = notTaken(status)
	}
	return err
}

func (p *playedZalo) event(who person, what action) ([]byte, error) {
	id := zaloID(who)
	if p.bot {
		switch what.kind {
		case "say":
			return p.BotText(id, what.text), nil
		case "voice":
			return changed(p.BotText(id, "-"), func(e map[string]any) {
				e["event_name"] = "message.voice.received"
				message := e["message"].(map[string]any)
				delete(message, "text")
				message["voice_url"] = recordingURL(what.text)
			})
		}
		return nil, errNot
	}
	switch what.kind {
	case "say", "press": // a button sends its payload as a text
		return p.Event("user_send_text", id, what.text), nil
	case "voice":
		return changed(p.Event("user_send_audio", id, ""), func(e map[string]any) {
			e["message"].(map[string]any)["attachments"] = []any{map[string]any{"type": "audio", "payload": map[string]any{"url": recordingURL(what.text)}}}
		})
	case "block":
		return p.Event("unfollow", id, ""), nil
	case "unblock":
		return p.Event("follow", id, ""), nil
	}
	return nil, errNot
}

func zaloID(who person) string { return fmt.Sprintf("6%018d", who.number()%1e18) }

// recordingURL is an address where nothing is: Zalo names one, and it is not called.
func recordingURL(file string) string { return "https://simulated.invalid/" + filepath.Base(file) }

// changed is an event with something else in it.
func changed(event []byte, change func(map[string]any)) ([]byte, error) {
	var e map[string]any
	d := json.NewDecoder(bytes.NewReader(event))
	d.UseNumber()
	if err := d.Decode(&e); err != nil {
		return nil, err
	}
	change(e)
	return json.Marshal(e)
}

func (p *playedZalo) on(name string, times int) error {
	if !strings.HasPrefix(name, "oa-code=") && !slices.ContainsFunc(p.faults(), func(f [2]string) bool { return f[0] == name }) {
		return fmt.Errorf("no fault is called %q: /faults lists them", name)
	}
	return p.Fault(name, times)
}

func (p *playedZalo) off() {
	for _, f := range zalotest.Faults() {
		_ = p.Fault(f[0], 0) // they are known
	}
}

// faults are those of the API that is used.
func (p *playedZalo) faults() (list [][2]string) {
	for _, f := range zalotest.Faults() {
		if strings.HasPrefix(f[0], "bot-") == p.bot {
			list = append(list, f)
		}
	}
	return list
}

func (p *playedZalo) calls() (lines []string) {
	for _, c := range p.Calls("/") {
		line := c.Method + " " + c.Path
		if c.Path != "/v4/oa/access_token" { // holds tokens, if invented ones
			line += " " + inShort(c.Body)
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// waiting: do returns when the webhook has answered.
func (p *playedZalo) waiting() int { return 0 }
func (p *playedZalo) close()       {}

func zaloShows(s zalotest.Sent) shown {
	m := shown{who: s.To, id: s.ID, text: s.Text}
	for _, b := range s.Buttons {
		button := shownButton{label: b.Title, data: b.Payload}
		if b.Type == "oa.open.url" {
			button = shownButton{label: b.Title, url: b.Payload}
		}
		m.rows = append(m.rows, []shownButton{button})
	}
	return m
}

// named is how the platform calls a person, as in shown.who.
func named(channel string, who person) string {
	if channel == "telegram" {
		return fmt.Sprint(1_000_000_000 + who.number()%1_000_000_000)
	}
	return zaloID(who)
}

// pathOf is where a channel's webhook is.
func pathOf(channel string) string {
	return cmp.Or(map[string]string{"telegram": telegramPath, "zalo": zaloPath}[channel], zaloBotPath)
}
