// Package zalotest plays Zalo on this machine: the API of Official Accounts, their
// tokens, and the Bot Platform, each as documented, with faults to switch on. It
// signs and delivers what a person does to a webhook. Tests and the simulator use
// it; it knows nothing of package zalo, so that a mistake there is not made here too.
package zalotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Options are whose platform it plays. Every secret is invented.
type Options struct {
	AppID, AppSecret string
	OAID, OASecret   string
	RefreshToken     string // the first that works, once
	BotToken         string

	Life   any              // expires_in of a token: text, number, or nil to leave it out; zero Options have "90000"
	NoLife bool             // leave expires_in out
	After  int              // the number that messages go on from
	Now    func() time.Time // nil: time.Now
	OnSend func(Sent)       // called for each message that arrives at a person; nil: not
}

// Server is the platform. It is an http.Handler for all three APIs at once: give its
// address as the one of each. Any number of goroutines may use it.
type Server struct {
	opts Options

	mu      sync.Mutex
	faults  map[string]int
	calls   []Call
	sent    []Sent
	heard   map[string]time.Time // last action of a person towards the account
	access  string               // token that works now
	expires time.Time
	refresh string // token that works once
	tokens  int    // pairs given out
	serial  int
	remain  int // of the rate limit, told in headers
	webhook string
	secret  string
	updates []json.RawMessage
	arrived chan struct{} // an update was added
}

// Call is a request that came in.
type Call struct {
	Method, Path string // of a bot without its token
	Header       http.Header
	Body         string
}

// Sent is a message that arrived.
type Sent struct {
	Channel string // zalo, zalo-bot
	To      string
	Text    string
	Quote   string
	Buttons []Button
	ID      string
}

// Button is a button under a message.
type Button struct {
	Title, Type string
	Payload     string // what comes back when it is pressed, or the address it opens
}

// New returns a platform on which nothing has happened.
func New(opts Options) *Server {
	if opts.Life == nil && !opts.NoLife {
		opts.Life = "90000"
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Server{opts: opts, faults: map[string]int{}, heard: map[string]time.Time{}, refresh: opts.RefreshToken, remain: 3999, serial: opts.After, arrived: make(chan struct{}, 1)}
}

// faults are the names that Fault takes, with what each does.
var faults = [][2]string{
	{"oa-expired", "the access token is refused (-216), a new one works"},
	{"oa-token", "every access token is refused (-216)"},
	{"oa-rate", "too many calls (-32)"},
	{"oa-quota", "quota of the account used up (-211)"},
	{"oa-window", "nothing from the person for seven days (-230)"},
	{"oa-unfollowed", "the person does not follow (-213)"},
	{"oa-quote", "a message with a quote is refused (-201)"},
	{"oa-buttons", "a message with buttons is refused (-201)"},
	{"oa-large", "a text above 500 characters is too large (-210)"},
	{"oa-gateway", "502 with a page of HTML"},
	{"oa-reset", "the connection breaks before an answer"},
	{"oa-lost", "the message arrives, and the connection breaks before the answer"},
	{"oa-slow", "the answer takes until the caller gives up"},
	{"oauth-refused", "the refresh token is refused (-14014)"},
	{"oauth-gateway", "502 with a page of HTML instead of a token"},
	{"oauth-lost", "the refresh token is used up, and the connection breaks before the answer"},
	{"bot-401", "the bot's token is refused"},
	{"bot-403", "the person cannot be written to"},
	{"bot-429", "too many calls"},
	{"bot-gateway", "502 with a page of HTML"},
	{"bot-reset", "the connection breaks before an answer"},
}

// Faults lists what can be switched on: name, then what it does.
func Faults() [][2]string { return append([][2]string(nil), faults...) }

// Fault switches a fault on for the next times calls it applies to; below zero until
// it is switched off with zero. "oa-code=-224" answers with that number.
func (s *Server) Fault(name string, times int) error {
	known := strings.HasPrefix(name, "oa-code=")
	for _, f := range faults {
		known = known || f[0] == name
	}
	if !known {
		return fmt.Errorf("zalotest: no fault is called %q", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults[name] = times; times == 0 {
		delete(s.faults, name)
	}
	return nil
}

// fault uses a fault up; the lock is held.
func (s *Server) fault(name string) bool {
	n, ok := s.faults[name]
	if !ok {
		return false
	}
	if n--; n == 0 {
		delete(s.faults, name)
	} else if n > 0 {
		s.faults[name] = n
	}
	return true
}

// Remain sets what the header X-RateLimit-Remain says.
func (s *Server) Remain(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remain = n
}

// Sent is everything that arrived, in order.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.sent...)
}

// Calls are the requests whose path begins with prefix, in order.
func (s *Server) Calls(prefix string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Call
	for _, c := range s.calls {
		if strings.HasPrefix(c.Path, prefix) {
			out = append(out, c)
		}
	}
	return out
}

// Tokens is the access and refresh token that work now, and how many pairs were
// given out.
func (s *Server) Tokens() (access, refresh string, pairs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.access, s.refresh, s.tokens
}

// Consent gives a new refresh token, as the consent page does, and ends the old.
func (s *Server) Consent(refresh string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh = refresh
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := readAll(w, r)
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/bot"+s.opts.BotToken+"/"); ok && s.opts.BotToken != "" {
		path = "/bot/" + rest
	} else if strings.HasPrefix(path, "/bot") {
		path = "/bot/other-token"
	}
	s.mu.Lock()
	s.calls = append(s.calls, Call{r.Method, path, r.Header.Clone(), string(body)})
	s.mu.Unlock()
	switch {
	case path == "/v4/oa/access_token" && r.Method == http.MethodPost:
		s.token(w, r, body)
	case path == "/v3.0/oa/message/cs" && r.Method == http.MethodPost:
		s.consult(w, r, body)
	case path == "/v2.0/oa/getoa" && r.Method == http.MethodGet:
		s.getOA(w, r)
	case strings.HasPrefix(path, "/v3.0/oa/message/"), strings.HasPrefix(path, "/v2.0/oa/message"):
		reply(w, http.StatusOK, failure(-240, "The API is no longer supported"))
	case path == "/bot/other-token":
		reply(w, http.StatusUnauthorized, map[string]any{"ok": false, "error_code": 401, "description": "Unauthorized"})
	case strings.HasPrefix(path, "/bot/"):
		s.bot(w, r, strings.TrimPrefix(path, "/bot/"), body)
	default:
		http.NotFound(w, r)
	}
}

func characters(text string) int { return utf8.RuneCountInString(text) }
