package zalo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"troly/internal/conversation"
	"troly/internal/webhook"
)

const secretHeader = "X-Bot-Api-Secret-Token"

// BotOptions are what a bot of the Bot Platform is run with.
type BotOptions struct {
	Token  string // digits:secret
	Secret string // 8 to 256 printable ASCII characters; empty only for a bot that polls: no delivery is taken then
	Polls  bool   // it asks for updates, see Poll

	APIURL string       // (https://bot-api.zaloplatforms.com)
	Client *http.Client // (one with a deadline of 15 s a call); redirects are never followed

	Log   *slog.Logger                               // (nothing is logged)
	Now   func() time.Time                           // (time.Now)
	Sleep func(context.Context, time.Duration) error // (a timer)
}

// Bot is a bot of the Bot Platform. It is a webhook.Channel with the name "zalo-bot".
type Bot struct {
	opts BotOptions
	api  api
}

var (
	_ webhook.Channel = (*Bot)(nil)
	_ webhook.Typist  = (*Bot)(nil)
	_ webhook.Probed  = (*Bot)(nil)
	_ webhook.Barred  = (*Bot)(nil)
)

// NewBot returns the channel and calls nobody.
func NewBot(opts BotOptions) (*Bot, error) {
	number, secret, ok := strings.Cut(opts.Token, ":")
	if !ok || !digits(number) || secret == "" || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
		return nil, errors.New("zalo bot: ZALO_BOT_TOKEN is not of the form digits:secret")
	}
	if opts.Secret != "" || !opts.Polls {
		if err := goodSecret(opts.Secret); err != nil {
			return nil, fmt.Errorf("zalo bot: ZALO_BOT_WEBHOOK_SECRET %w", err)
		}
	}
	opts.APIURL = cmp.Or(opts.APIURL, "https://bot-api.zaloplatforms.com")
	if err := base(&opts.APIURL); err != nil {
		return nil, fmt.Errorf("zalo bot: ZALO_BOT_API_URL: %w", err)
	}
	opts.Log, _ = orNothing(opts.Log, nil)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Sleep == nil {
		opts.Sleep = webhook.Sleep
	}
	return &Bot{opts, newAPI(opts.Client)}, nil
}

func goodSecret(s string) error {
	switch {
	case s == "":
		return errors.New("is not set")
	case len(s) < 8 || len(s) > 256:
		return fmt.Errorf("has %d characters, 8 to 256 are possible", len(s))
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("may hold printable ASCII without spaces only")
	}
	return nil
}

// Name is "zalo-bot".
func (b *Bot) Name() string { return "zalo-bot" }

// Probed: whoever looks whether the address is there is told that it is.
func (b *Bot) Probed() bool { return true }

// Read takes a delivery with our secret in its header: 401 for any other, 400 for a
// body that is no JSON object. The body is an event, or one wrapped in {ok, result}.
func (b *Bot) Read(header http.Header, body []byte) ([]webhook.Message, error) {
	if b.Barred(header) {
		return nil, &webhook.Refusal{Status: http.StatusUnauthorized, Reason: "bad-secret"}
	}
	var u update
	if err := json.Unmarshal(body, &u); err != nil || !object(body) {
		return nil, &webhook.Refusal{Status: http.StatusBadRequest, Reason: "bad-body"}
	}
	return b.messages(&u), nil
}

// Barred reports that a delivery does not carry our secret in exactly one header.
func (b *Bot) Barred(header http.Header) bool {
	return !webhook.HasSecret(header, secretHeader, b.opts.Secret)
}

// update is an event, flat or in an envelope.
type update struct {
	Event   scalar          `json:"event_name"`
	Message json.RawMessage `json:"message"`
	Result  json.RawMessage `json:"result"`
}

type botMessage struct {
	ID   scalar `json:"message_id"`
	Date scalar `json:"date"`
	Chat struct {
		ID   scalar `json:"id"`
		Type scalar `json:"chat_type"`
	} `json:"chat"`
	From struct {
		ID    scalar          `json:"id"`
		IsBot json.RawMessage `json:"is_bot"`
	} `json:"from"`
	Text    scalar `json:"text"`
	Caption scalar `json:"caption"`
	Sticker scalar `json:"sticker"`
}

// messages is what an update means: one message, ignored ones among them.
func (b *Bot) messages(u *update) []webhook.Message {
	if u.Event == "" && len(u.Result) > 0 {
		into(u.Result, u)
	}
	event := string(u.Event)
	what, ok := strings.CutSuffix(strings.TrimPrefix(event, "message."), ".received")
	kind, media := botKinds[what]
	switch {
	case !ok || !media && what != "text" && what != "link" && what != "unsupported":
		b.opts.Log.Info("event that is not known", "channel", b.Name(), "event", counted(event))
		return ignored(b.Name(), counted(event))
	case len(u.Message) == 0 || string(u.Message) == "null":
		return ignored(b.Name(), "no-message")
	}
	var m botMessage
	into(u.Message, &m)
	chat, person := m.Chat.ID.id(), m.From.ID.id()
	switch {
	case strings.Trim(string(m.From.IsBot), `"`) == "true":
		return ignored(b.Name(), "from-a-bot")
	case chat == "":
		return ignored(b.Name(), "no-chat")
	}
	if person == "" {
		person = chat
	}
	out := webhook.Message{Dialogue: chat, Person: person, Group: strings.EqualFold(string(m.Chat.Type), "GROUP"), Key: keyOf(event, &m, u.Message)}
	why := ""
	if what == "text" || what == "link" {
		out, why = spoken(out, string(m.Text), "") // a bot has no buttons: a mark is only a mark
	} else {
		out, _ = attached(out, kind, string(first(m.Caption, m.Text)), content{ID: m.ID})
	}
	if why != "" {
		return ignored(b.Name(), why)
	}
	out.Channel = b.Name()
	out.Sent = b.opts.Now().UTC()
	if sent, ok := millis(m.Date); ok && sent.Before(out.Sent) {
		out.Sent = sent
	}
	return []webhook.Message{out}
}

// botKinds says what is sent besides text.
var botKinds = map[string]string{
	"image": "photo", "photo": "photo", "sticker": "sticker", "voice": "voice", "audio": "voice",
	"file": "document", "video": "document", "gif": "photo", "location": "location", "unsupported": "document",
}

// keyOf names a delivery: message and event. One without an id goes by its content.
func keyOf(event string, m *botMessage, raw json.RawMessage) string {
	if id := m.ID.id(); id != "" {
		return id + ":" + counted(event)
	}
	h := sha256.Sum256(raw)
	return counted(event) + ":" + hex.EncodeToString(h[:12])
}

// Parts lays a reply out in messages of at most 2,000 characters. There are no
// buttons: choices are numbered lines, unless the text has each of them already.
func (b *Bot) Parts(_ webhook.Message, r webhook.Reply) []json.RawMessage {
	foot := numbered(r.Choices, r.Text)
	if r.Feedback != "" {
		foot = joined(foot, conversation.AskThumbs)
	}
	var out []json.RawMessage
	for _, text := range texts(r.Text, joined(foot, sources(r.Sources)), r.Link) {
		data, _ := json.Marshal(botPart{text}) // a struct of one string: cannot fail
		out = append(out, data)
	}
	return out
}

type botPart struct {
	Text string `json:"text"`
}

// Send sends a part to a chat in one call.
func (b *Bot) Send(ctx context.Context, dialogue string, part json.RawMessage) (receipt string, err error) {
	var p botPart
	if err := json.Unmarshal(part, &p); err != nil || strings.TrimSpace(p.Text) == "" {
		return "", &webhook.SendError{Class: webhook.Rejected, Code: "bad-part", Err: errors.New("not a part of this channel")}
	}
	var sent struct {
		ID scalar `json:"message_id"`
	}
	err = b.call(ctx, callIn, "sendMessage", map[string]string{"chat_id": dialogue, "text": p.Text}, &sent)
	if err != nil {
		e := classOf(err)
		if e.Class == webhook.Stopped || e.Class == webhook.Rejected {
			b.opts.Log.Error("part not sent", "channel", b.Name(), "class", e.Class, "code", e.Code, "err", e.Err)
		}
		return "", e
	}
	return string(sent.ID), nil
}

// Typing shows that an answer is being written.
func (b *Bot) Typing(ctx context.Context, m webhook.Message) error {
	return b.call(ctx, callIn, "sendChatAction", map[string]string{"chat_id": m.Dialogue, "action": "typing"}, nil)
}

// Every is five seconds, as on the API that this one is modelled on; Zalo does not say.
func (b *Bot) Every(webhook.Message) time.Duration { return 5 * time.Second }

// apiError is an answer of the Bot Platform that is not ok. Its text holds no token.
type apiError struct {
	Method      string
	Code        int
	Description string
	After       time.Duration // of a Retry-After header
}

func (e *apiError) Error() string {
	return fmt.Sprintf("zalo bot %s: code %d: %s", e.Method, e.Code, e.Description)
}

// call calls a method and decodes its result. Its error is an *apiError, a
// *callError or a *webhook.SendError for an answer in no known form, each with the
// method's name around it.
func (b *Bot) call(ctx context.Context, in time.Duration, method string, params, result any) error {
	body, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("zalo bot %s: parameters cannot be written as JSON", method)
	}
	req, err := http.NewRequest(http.MethodPost, b.opts.APIURL+"/bot"+b.opts.Token+"/"+method, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("zalo bot %s: %w", method, failed(err, false, b.secrets()))
	}
	req.Header.Set("Content-Type", "application/json")
	got, err := b.api.do(ctx, in, req, b.secrets()...)
	if err != nil {
		return fmt.Errorf("zalo bot %s: %w", method, err)
	}
	var a struct {
		OK          *bool           `json:"ok"`
		Result      json.RawMessage `json:"result"`
		Code        scalar          `json:"error_code"`
		Description scalar          `json:"description"`
	}
	into(got.body, &a)
	if a.OK == nil {
		return fmt.Errorf("zalo bot %s: %w", method, strange(got))
	}
	if !*a.OK {
		code, err := strconv.Atoi(string(a.Code))
		if err != nil {
			code = got.status
		}
		return &apiError{method, code, redact(string(a.Description), b.secrets()...), retryAfter(got.header)}
	}
	if result != nil {
		into(a.Result, result)
	}
	return nil
}

func (b *Bot) secrets() []string { return []string{b.opts.Token, b.opts.Secret} }

// botQuotaLater is when a bot whose daily quota is used up is tried again.
const botQuotaLater = time.Hour

// classOf says what an error of call means for what was to be sent.
func classOf(err error) *webhook.SendError {
	if e := (*webhook.SendError)(nil); errors.As(err, &e) {
		return e
	}
	api := (*apiError)(nil)
	if !errors.As(err, &api) {
		return noAnswer(err)
	}
	// What Zalo wrote is left out: it might repeat the message.
	e := &webhook.SendError{Code: strconv.Itoa(api.Code), Err: fmt.Errorf("zalo bot %s: code %d", api.Method, api.Code)}
	switch c := api.Code; {
	case c == 401:
		e.Class = webhook.Stopped
	case c == 403:
		e.Class = webhook.Unreachable
	case c == 408 || c == 504:
		e.Class = webhook.Unsure
	case c == 426:
		e.Class, e.After = webhook.Later, botQuotaLater
	case c == 429 || c >= 500:
		e.Class, e.After = webhook.Later, api.After
	default:
		e.Class = webhook.Rejected
	}
	return e
}
