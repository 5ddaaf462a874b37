package zalo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Tokens keeps the token pair of a channel; *database.DB is one. Zalo ends a refresh
// token when it answers with the next pair, so a process that dies after that answer
// was sent and before the store has it loses the grant: an operator must get a new
// one. From then on nothing is lost.
type Tokens interface {
	// WithToken runs change while nobody else in any process is in it, with what is
	// kept (nil: nothing). What change returns is durable, and what it was before
	// kept beside, when WithToken returns nil; an error of change changes nothing and
	// is returned.
	WithToken(ctx context.Context, channel string, change func(ctx context.Context, current []byte) (next []byte, err error)) error
	// Token returns what is kept, nil for nothing, without waiting for WithToken.
	Token(ctx context.Context, channel string) ([]byte, error)
}

// OperatorError is why there is no token and none can be had until an operator does
// what Advice says. Neither text holds a token.
type OperatorError struct {
	Reason string // English, for the log
	Advice string // Vietnamese, for the operator
}

func (e *OperatorError) Error() string { return e.Reason + " (" + e.Advice + ")" }

const seedAdvice = "lấy refresh token mới ở API Explorer trên developers.zalo.me, đặt vào ZALO_REFRESH_TOKEN rồi khởi động lại"

// Times of a token.
const (
	unknownLife  = time.Hour           // of an access token when Zalo does not say; older texts name an hour
	longestLife  = 30 * 24 * time.Hour // more is no time in seconds
	renewIn      = 20 * time.Second    // deadline of getting and keeping a new pair
	retryFailed  = 30 * time.Second    // after no answer
	retryRefused = 10 * time.Minute    // after a refusal: only an operator can help
	renewPause   = 5 * time.Minute     // before a token that came for a refused one is exchanged as well
	checkEvery   = 10 * time.Minute    // how often Run looks
	rememberSeed = 8
)

// pair is what is kept.
type pair struct {
	Access  string    `json:"access_token"`
	Refresh string    `json:"refresh_token"` // works once
	Got     time.Time `json:"got"`
	Expires time.Time `json:"expires"`
	Seeds   []string  `json:"seeds,omitempty"` // fingerprints of the settings that were used up, oldest first
}

// due is when a new pair is got: after four fifths of the access token's life, which
// is 20 hours of the usual 25.
func (p pair) due() time.Time { return p.Got.Add(p.Expires.Sub(p.Got) * 4 / 5) }

// keeper holds the access token. One goroutine at a time gets a new pair, in all
// processes that share the store, and the new pair is durable before it is used.
type keeper struct {
	store   Tokens
	api     api
	log     *slog.Logger
	observe Observe
	now     func() time.Time

	address, appID, appSecret, seed string

	turn chan struct{} // held while a pair is looked for

	mu         sync.Mutex // of the fields below
	current    pair
	unsaved    *pair  // got, but the store failed: kept to be stored later
	unsavedFor string // refresh token it was got with
	failure    error
	notBefore  time.Time // no new pair is asked for until
	renewedTo  string    // what came for a refused token
	renewedAt  time.Time
}

func newKeeper(opts AccountOptions, api api) *keeper {
	return &keeper{store: opts.Tokens, api: api, address: opts.OAuthURL + "/v4/oa/access_token", appID: opts.AppID, appSecret: opts.AppSecret,
		seed: strings.TrimSpace(opts.RefreshToken), log: opts.Log, observe: opts.Observe, now: opts.Now, turn: make(chan struct{}, 1)}
}

// access returns an access token that has not expired. It gets a new pair when the
// one there is has lived four fifths of its life; should that fail, the old one is
// used to its end.
func (k *keeper) access(ctx context.Context) (string, error) {
	if p := k.held(); p.Access != "" && k.now().Before(p.due()) {
		return p.Access, nil
	}
	return k.look(ctx, "")
}

// renew returns another access token than the refused one. A token that itself came
// for a refused one just now is not exchanged again: something else is wrong.
func (k *keeper) renew(ctx context.Context, refused string) (string, error) {
	k.mu.Lock()
	again := refused == k.renewedTo && k.now().Before(k.renewedAt.Add(renewPause))
	k.mu.Unlock()
	if again {
		return "", &OperatorError{"a new access token is refused as well", "kiểm tra quyền của ứng dụng với OA; nếu vẫn lỗi, " + seedAdvice}
	}
	got, err := k.look(ctx, refused)
	if err == nil {
		k.mu.Lock()
		k.renewedTo, k.renewedAt = got, k.now()
		k.mu.Unlock()
	}
	return got, err
}

func (k *keeper) held() pair {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.current
}

// look finds a token other than refused: what another goroutine or process has
// meanwhile got, else a new pair.
func (k *keeper) look(ctx context.Context, refused string) (string, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if p := k.held(); k.good(p, refused) {
		return p.Access, nil
	}
	if p, err := k.load(ctx); err == nil && k.good(p, refused) && !k.newSeed(p) {
		k.hold(p)
		return p.Access, nil
	}
	err := k.waiting()
	if err == nil {
		err = k.exchange(ctx, refused)
	}
	p := k.held()
	if err != nil {
		if p.Access != "" && p.Access != refused && k.now().Before(p.Expires) {
			return p.Access, nil // was logged when it failed
		}
		return "", err
	}
	return p.Access, nil
}

func (k *keeper) good(p pair, refused string) bool {
	return p.Access != "" && p.Access != refused && k.now().Before(p.due())
}

// load reads the store; a value that cannot be read is an error.
func (k *keeper) load(ctx context.Context) (pair, error) {
	data, err := k.store.Token(ctx, "zalo")
	if err != nil {
		return pair{}, fmt.Errorf("read the token pair: %w", err)
	}
	return decodePair(data)
}

func decodePair(data []byte) (pair, error) {
	var p pair
	if len(data) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(data, &p); err != nil || p.Refresh == "" {
		return pair{}, &OperatorError{"the stored token pair cannot be read", seedAdvice}
	}
	return p, nil
}

func (k *keeper) hold(p pair) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.current, k.failure, k.notBefore = p, nil, time.Time{}
}

// waiting returns the last failure while it is too early to try again.
func (k *keeper) waiting() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failure != nil && k.now().Before(k.notBefore) {
		return k.failure
	}
	return nil
}

func fingerprint(seed string) string {
	h := sha256.Sum256([]byte("zalo refresh token " + seed))
	return hex.EncodeToString(h[:8])
}

// newSeed reports that the setting holds a refresh token that was not used yet.
func (k *keeper) newSeed(p pair) bool {
	return k.seed != "" && k.seed != p.Refresh && !slices.Contains(p.Seeds, fingerprint(k.seed))
}

var errFresh = errors.New("another process was faster")

// exchange gets a new pair and stores it. It is not ended by the context of the one
// who happens to wait for it: a pair that was sent and not stored is lost for good.
func (k *keeper) exchange(ctx context.Context, refused string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewIn)
	defer cancel()
	var next pair
	err := k.store.WithToken(ctx, "zalo", func(ctx context.Context, current []byte) ([]byte, error) {
		p, broken := decodePair(current)
		if broken != nil {
			k.observe("token", "stored-unreadable")
			k.log.Error("the stored token pair cannot be read", "channel", "zalo", "bytes", len(current))
		}
		if broken == nil && k.good(p, refused) && !k.newSeed(p) {
			next = p
			return nil, errFresh
		}
		var err error
		if next, err = k.next(ctx, p, broken); err != nil {
			return nil, err
		}
		return json.Marshal(next)
	})
	switch {
	case errors.Is(err, errFresh):
		k.hold(next)
		return nil
	case err != nil:
		return k.fail(err)
	}
	k.mu.Lock()
	k.unsaved, k.unsavedFor = nil, ""
	k.mu.Unlock()
	k.hold(next)
	k.observe("token", "refreshed")
	k.log.Info("new access token", "channel", "zalo", "expires", next.Expires)
	return nil
}

// next is the pair after p: got with a new setting first, else with what is kept.
func (k *keeper) next(ctx context.Context, p pair, broken error) (pair, error) {
	if k.newSeed(p) {
		q, err := k.request(ctx, k.seed, p.Seeds)
		refusal := (*OperatorError)(nil)
		if err == nil || !errors.As(err, &refusal) {
			return q, err
		}
		if p.Refresh == "" {
			if broken != nil {
				return pair{}, &OperatorError{"the stored token pair cannot be read, and the refresh token of the settings is refused", seedAdvice}
			}
			return pair{}, err
		}
		k.log.Error("the refresh token of the settings is refused; the stored one is used", "channel", "zalo", "err", err)
		p.Seeds = remember(p.Seeds, k.seed)
	}
	switch {
	case broken != nil:
		return pair{}, broken
	case p.Refresh == "":
		if k.seed != "" {
			return pair{}, &OperatorError{"the refresh token of the settings was used already and nothing is stored", seedAdvice}
		}
		return pair{}, &OperatorError{"there is no token", seedAdvice}
	}
	return k.request(ctx, p.Refresh, p.Seeds)
}

func remember(seeds []string, seed string) []string {
	seeds = append(slices.Clone(seeds), fingerprint(seed))
	return seeds[max(0, len(seeds)-rememberSeed):]
}

// request exchanges a refresh token, which then is used up, for a new pair.
func (k *keeper) request(ctx context.Context, refresh string, seeds []string) (pair, error) {
	k.mu.Lock()
	unsaved, same := k.unsaved, k.unsavedFor == refresh
	k.mu.Unlock()
	if unsaved != nil && same {
		return *unsaved, nil
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "app_id": {k.appID}}
	req, err := http.NewRequest(http.MethodPost, k.address, strings.NewReader(form.Encode()))
	if err != nil {
		return pair{}, failed(err, false, []string{refresh})
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header["secret_key"] = []string{k.appSecret}
	asked := k.now()
	got, err := k.api.do(ctx, callIn, req, refresh, k.appSecret)
	if err != nil {
		return pair{}, fmt.Errorf("get a new access token: %w", err)
	}
	var a struct {
		Access  string  `json:"access_token"`
		Refresh string  `json:"refresh_token"`
		Expires scalar  `json:"expires_in"`
		Error   *scalar `json:"error"`
	}
	into(got.body, &a)
	switch {
	case a.Access != "":
	case a.Error != nil && *a.Error != "0" && *a.Error != "":
		return pair{}, &OperatorError{"zalo refuses the refresh token, code " + codeOf(*a.Error), seedAdvice}
	default:
		return pair{}, fmt.Errorf("get a new access token: status %d without a token", got.status)
	}
	p := pair{Access: a.Access, Refresh: a.Refresh, Got: asked, Expires: asked.Add(life(a.Expires)), Seeds: seeds}
	if p.Refresh == "" {
		p.Refresh = refresh // not exchanged: it works on
	}
	if refresh == k.seed {
		p.Seeds = remember(seeds, k.seed)
	}
	k.mu.Lock()
	k.unsaved, k.unsavedFor = &p, refresh
	k.mu.Unlock()
	return p, nil
}

func codeOf(s scalar) string {
	if n, err := strconv.Atoi(string(s)); err == nil {
		return strconv.Itoa(n)
	}
	return "unknown"
}

// life reads expires_in: seconds, as text or a number.
func life(s scalar) time.Duration {
	n, err := strconv.ParseFloat(string(s), 64)
	if d := time.Duration(n) * time.Second; err == nil && n >= 60 && n <= longestLife.Seconds() {
		return d
	}
	return unknownLife
}

// fail remembers a failure and when to try again.
func (k *keeper) fail(err error) error {
	pause, which := retryFailed, "failed"
	if operator := (*OperatorError)(nil); errors.As(err, &operator) {
		pause, which = retryRefused, "refused"
	}
	k.mu.Lock()
	k.failure, k.notBefore = err, k.now().Add(pause)
	k.mu.Unlock()
	k.observe("token", which)
	k.log.Error("no new access token", "channel", "zalo", "err", err)
	return err
}
