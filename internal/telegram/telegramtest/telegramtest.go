// Package telegramtest is a Bot API server as far as this project needs one, for tests
// and for the simulator. It behaves as documented, refusals included: envelopes of
// errors, limits of texts and buttons, markup that does not parse, one delivery per
// chat at a time with resends, a webhook and a poll that exclude each other. Faults
// are switched on by a script. It keeps what it was asked and what was sent.
//
// What it has not: limits of rate, groups with members, media that are sent.
package telegramtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Token is the one the server knows by default.
const Token = "7000000001:TEST-TOKEN-NOT-REAL"

// Options of a server. The zero value is one for tests.
type Options struct {
	Token    string            // default Token
	Username string            // of the bot; default laocai_tthc_bot
	Speed    float64           // how much faster than Telegram it waits; default 1
	Client   *http.Client      // delivers to the webhook; default one with 60 s
	OnSent   func(Sent)        // told of each message that is sent or changed, one at a time
	OnCall   func(Call)        // told of each call before it is answered, at any time
	Log      *slog.Logger      // of deliveries that fail; default: nothing
	Clock    func() time.Time  // default time.Now
	Files    map[string][]byte // by file_id, to download
	After    int64             // the number that updates go on from; default 900200000
}

// API is the server; an http.Handler. Close it.
type API struct {
	opts   Options
	bot    user
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	telling sync.Mutex // one OnSent at a time

	mu         sync.Mutex
	calls      []Call
	sent       []Sent
	faults     []*fault
	files      map[string][]byte
	blocked    map[int64]bool
	queries    map[string]time.Time // of buttons that were pressed
	commands   map[string]json.RawMessage
	lastID     int64 // of messages
	lastUpdate int64

	hook       hook
	pending    []*update
	busy       map[string]bool // queues with a delivery under way
	came       chan struct{}   // closed and renewed when something comes or changes
	deliveries []Delivery
	poller     context.CancelCauseFunc // of the poll that waits
}

type user struct {
	ID       int64  `json:"id"`
	IsBot    bool   `json:"is_bot"`
	Name     string `json:"first_name"`
	Username string `json:"username,omitempty"`
	Language string `json:"language_code,omitempty"`
}

// Call is one call of a method.
type Call struct {
	Method string
	Params map[string]string // what is no string: its JSON
	At     time.Time
}

// Chat is whom a call is about, 0 for none.
func (c Call) Chat() int64 {
	id, _ := strconv.ParseInt(c.Params["chat_id"], 10, 64)
	return id
}

// Sent is a message of the bot.
type Sent struct {
	Chat    int64
	ID      int64
	Text    string // as it is read
	Source  string // as it was sent
	Mode    string // parse_mode
	Thread  int64
	ReplyTo int64
	Buttons [][]Button
	Edited  bool
	At      time.Time
}

// Button is one of a message.
type Button struct {
	Text string `json:"text"`
	Data string `json:"callback_data,omitempty"`
	URL  string `json:"url,omitempty"`
}

// New starts a server; it listens nowhere, see ServeHTTP.
func New(o Options) *API {
	if o.Token == "" {
		o.Token = Token
	}
	if o.Username == "" {
		o.Username = "laocai_tthc_bot"
	}
	if o.Speed <= 0 {
		o.Speed = 1
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 60 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.After == 0 {
		o.After = 900_200_000
	}
	number, _, _ := strings.Cut(o.Token, ":")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		id = 7000000001
	}
	a := &API{
		opts: o, bot: user{ID: id, IsBot: true, Name: "Trợ lý số", Username: o.Username},
		files: map[string][]byte{}, blocked: map[int64]bool{}, queries: map[string]time.Time{}, commands: map[string]json.RawMessage{},
		busy: map[string]bool{}, came: make(chan struct{}), lastID: 500, lastUpdate: o.After,
	}
	for id, data := range o.Files {
		a.files[id] = data
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a
}

// Close ends deliveries and waiting polls, and waits for them.
func (a *API) Close() {
	a.mu.Lock()
	a.cancel()
	a.mu.Unlock()
	a.work.Wait()
}

// Calls are those of the methods named, or all, in order.
func (a *API) Calls(methods ...string) []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []Call
	for _, c := range a.calls {
		if len(methods) == 0 || slices.Contains(methods, c.Method) {
			out = append(out, c)
		}
	}
	return out
}

// Sent are the messages of the bot, as they are now.
func (a *API) Sent() []Sent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.sent)
}

// Menu is what setMyCommands left for a language, nil when nothing is set.
func (a *API) Menu(language string) json.RawMessage {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.commands[language]
}

// maxBody of a call.
const maxBody = 1 << 20

// ServeHTTP serves /bot<token>/<method> and /file/bot<token>/<path>.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, "/file/bot"); ok {
		a.download(w, path)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/bot")
	token, method, named := strings.Cut(path, "/")
	switch {
	case !ok || !named || strings.Contains(method, "/"):
		refuse(w, http.StatusNotFound, "Not Found", nil)
		return
	case token != a.opts.Token:
		refuse(w, http.StatusUnauthorized, "Unauthorized", nil)
		return
	}
	params, err := arguments(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "Bad Request: "+err.Error(), nil)
		return
	}
	call := Call{Method: method, Params: params, At: a.opts.Clock()}
	a.mu.Lock()
	a.calls = append(a.calls, call)
	f := a.fault(call)
	a.mu.Unlock()
	if a.opts.OnCall != nil {
		a.opts.OnCall(call)
	}
	if f != nil && !f.After {
		a.fail(w, r, *f)
		return
	}
	result, refusal := a.do(r, call)
	switch {
	case f != nil:
		a.fail(w, r, *f)
	case refusal != nil:
		refuse(w, refusal.Code, refusal.Text, refusal.Parameters)
	default:
		answer(w, http.StatusOK, map[string]any{"ok": true, "result": result})
	}
}

// arguments reads them from the address, a form or JSON.
func arguments(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	out := map[string]string{}
	take := func(v url.Values) {
		for key := range v {
			out[key] = v.Get(key)
		}
	}
	take(r.URL.Query())
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("body cannot be read")
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fmt.Errorf("can't parse form")
		}
		take(form)
		return out, nil
	}
	var fields map[string]json.RawMessage
	if len(body) > 0 && json.Unmarshal(body, &fields) != nil {
		return nil, fmt.Errorf("can't parse JSON object")
	}
	for key, value := range fields {
		var s string
		if json.Unmarshal(value, &s) != nil {
			s = string(value)
		}
		out[key] = s
	}
	return out, nil
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // who asked has gone when this fails
}

func refuse(w http.ResponseWriter, code int, text string, parameters map[string]any) {
	body := map[string]any{"ok": false, "error_code": code, "description": text}
	if parameters != nil {
		body["parameters"] = parameters
		if after, ok := parameters["retry_after"]; ok {
			w.Header().Set("Retry-After", fmt.Sprint(after))
		}
	}
	answer(w, code, body)
}

func (a *API) download(w http.ResponseWriter, path string) {
	token, name, _ := strings.Cut(path, "/")
	id, ok := strings.CutPrefix(name, "files/")
	a.mu.Lock()
	data, known := a.files[id]
	a.mu.Unlock()
	if token != a.opts.Token || !ok || !known {
		refuse(w, http.StatusNotFound, "Not Found", nil)
		return
	}
	w.Write(data) // who asked has gone when this fails
}

// after is a time of Telegram's at the speed of the server.
func (a *API) after(d time.Duration) time.Duration { return time.Duration(float64(d) / a.opts.Speed) }
