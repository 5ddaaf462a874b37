package zalo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"troly/internal/webhook"
)

// AccountOptions are what an Official Account is run with. Fields without a default
// in brackets must be set.
type AccountOptions struct {
	AppID     string // digits
	AppSecret string // of the app: for the tokens
	OAID      string // (any) deliveries for another account are ignored
	Secret    string // of the Official Account: deliveries are signed with it

	Tokens       Tokens // where the token pair is kept
	RefreshToken string // ("") what the first pair is got with; ignored once a pair is kept, unless it is a new one

	// LastHeard says when a person last wrote or pressed something; the zero time
	// when never. It decides whether they may be written to.
	LastHeard func(ctx context.Context, person string) (time.Time, error)
	Billed    bool // also send between 48 hours and 7 days after that, which Zalo charges for

	APIURL    string        // (https://openapi.zalo.me)
	OAuthURL  string        // (https://oauth.zaloapp.com)
	Client    *http.Client  // (one with a deadline of 15 s a call); redirects are never followed
	AllowOAID bool          // also take deliveries signed with oa_id first
	MaxAge    time.Duration // (24 h) older deliveries are acknowledged and ignored: a fifth resend is 111 minutes old

	Log     *slog.Logger                               // (nothing is logged)
	Observe Observe                                    // (nothing is counted)
	Now     func() time.Time                           // (time.Now)
	Sleep   func(context.Context, time.Duration) error // (a timer)
	Random  func() float64                             // (math/rand) 0 ≤ x < 1, spreads waiting times
}

// Account is an Official Account. It is a webhook.Channel with the name "zalo".
type Account struct {
	opts   AccountOptions
	api    api
	tokens *keeper
	pace   *pace
	quota  quota
}

var _ webhook.Channel = (*Account)(nil)
var _ webhook.Probed = (*Account)(nil)

// NewAccount returns the channel and calls nobody. It refuses settings with which
// deliveries could not be told from forged ones.
func NewAccount(opts AccountOptions) (*Account, error) {
	for _, s := range []struct{ name, value string }{
		{"ZALO_APP_ID", opts.AppID}, {"ZALO_OA_SECRET", opts.Secret}, {"ZALO_APP_SECRET", opts.AppSecret},
	} {
		if strings.TrimSpace(s.value) == "" {
			return nil, fmt.Errorf("zalo official account: %s is not set", s.name)
		}
		if strings.TrimSpace(s.value) != s.value {
			return nil, fmt.Errorf("zalo official account: %s has space around it", s.name)
		}
	}
	if !digits(opts.AppID) {
		return nil, errors.New("zalo official account: ZALO_APP_ID is not a number")
	}
	if opts.OAID != "" && !digits(opts.OAID) {
		return nil, errors.New("zalo official account: ZALO_OA_ID is not a number")
	}
	if opts.Tokens == nil || opts.LastHeard == nil {
		return nil, errors.New("zalo official account: Tokens and LastHeard are needed")
	}
	opts.APIURL = cmp.Or(opts.APIURL, "https://openapi.zalo.me")
	opts.OAuthURL = cmp.Or(opts.OAuthURL, "https://oauth.zaloapp.com")
	opts.MaxAge = cmp.Or(opts.MaxAge, 24*time.Hour)
	for name, address := range map[string]*string{"ZALO_API_URL": &opts.APIURL, "ZALO_OAUTH_URL": &opts.OAuthURL} {
		if err := base(address); err != nil {
			return nil, fmt.Errorf("zalo official account: %s: %w", name, err)
		}
	}
	opts.Log, opts.Observe = orNothing(opts.Log, opts.Observe)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Sleep == nil {
		opts.Sleep = webhook.Sleep
	}
	if opts.Random == nil {
		opts.Random = rand.Float64
	}
	a := &Account{opts: opts, api: newAPI(opts.Client), pace: newPace(opts.Now, opts.Random)}
	a.tokens = newKeeper(opts, a.api)
	return a, nil
}

func digits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// base checks the address of an API and takes the slash off its end.
func base(address *string) error {
	u, err := url.Parse(*address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return errors.New("not an address like https://host")
	}
	*address = strings.TrimRight(*address, "/")
	return nil
}

// Name is "zalo".
func (a *Account) Name() string { return "zalo" }

// Probed: the console of Zalo asks by GET whether the address is there.
func (a *Account) Probed() bool { return true }

// Read takes a delivery whose signature matches: 401 for one that does not, 403 for
// one of another app, 400 for a body that is no JSON object. The unsigned body {}
// by which the console of Zalo checks an address is acknowledged and ignored, any
// other unsigned one refused.
//
// Deliveries older than MaxAge, or as far ahead of our clock, are ignored; a time
// nearer ahead is taken as now.
func (a *Account) Read(header http.Header, body []byte) ([]webhook.Message, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil || !object(body) {
		return nil, &webhook.Refusal{Status: http.StatusBadRequest, Reason: "bad-body"}
	}
	if len(header.Values(signatureHeader)) == 0 && empty(body) {
		return ignored(a.Name(), "probe"), nil
	}
	if e.AppID != "" && string(e.AppID) != a.opts.AppID {
		return nil, &webhook.Refusal{Status: http.StatusForbidden, Reason: "other-app"}
	}
	formula := a.verify(header, body, string(e.Timestamp))
	if formula == "" {
		return nil, &webhook.Refusal{Status: http.StatusUnauthorized, Reason: "bad-signature"}
	}
	a.opts.Observe("signature", formula)
	if formula == byHeaderTimestamp {
		e.Timestamp = scalar(header.Get(timestampHeader)) // the one that is vouched for
	}
	sent, ok := millis(e.Timestamp)
	now := a.opts.Now().UTC()
	switch age := now.Sub(sent); {
	case !ok:
		return ignored(a.Name(), "bad-timestamp"), nil
	case age > a.opts.MaxAge:
		return ignored(a.Name(), "too-old"), nil
	case age < -a.opts.MaxAge:
		return ignored(a.Name(), "from-the-future"), nil
	case age < 0:
		sent = now
	}
	m, why := a.message(&e)
	if why != "" {
		return ignored(a.Name(), why), nil
	}
	m.Channel, m.Sent = a.Name(), sent
	return []webhook.Message{m}, nil
}

// object tells {…} from null, which decodes as well.
func object(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) }

func empty(body []byte) bool {
	return len(body) <= 64 && strings.Join(strings.Fields(string(body)), "") == "{}"
}
