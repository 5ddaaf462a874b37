package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"troly/internal/database"
)

// Scope is a part of the API that a key opens.
type Scope string

// The parts of the API. Without a key all are open, within the limits of an address.
const (
	ScopeAsk       Scope = "ask"
	ScopeSearch    Scope = "search"
	ScopeDocuments Scope = "documents"
	ScopeFeedback  Scope = "feedback"
	ScopeOpenAI    Scope = "openai" // /v1
	ScopeMCP       Scope = "mcp"
)

// Scopes are all there are.
func Scopes() []Scope {
	return []Scope{ScopeAsk, ScopeSearch, ScopeDocuments, ScopeFeedback, ScopeOpenAI, ScopeMCP}
}

// KeyStore finds keys; *database.DB is one.
type KeyStore interface {
	// KeyByHash returns the key whose secret has that hash (see HashSecret),
	// database.ErrNotFound when there is none in force.
	KeyByHash(ctx context.Context, hash []byte) (database.APIKey, error)
}

var _ KeyStore = (*database.DB)(nil)

// keyPrefix begins every secret: people and scanners see what it is.
const keyPrefix = "troly_"

// NewSecret makes the secret of a key: shown once, kept as its hash.
func NewSecret() string { return keyPrefix + rand.Text() + rand.Text() }

// HashSecret is what is kept of a secret. It has 260 random bits: no slow hash is
// needed against guessing.
func HashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// keyring lets keys in, each as often as it may.
type keyring struct {
	store KeyStore // nil: no keys are in use
	now   func() time.Time

	mu     sync.Mutex
	limits map[int64]*rate.Limiter // by ID
}

const (
	keyPerMinute = 60
	maxKeys      = 10_000 // whose limits are remembered: about 150 bytes each
	findKeyIn    = 2 * time.Second
)

// bearer is the token of a request, "" when there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// wait counts one request of a key and returns 0, or returns how long to wait for the
// next.
func (k *keyring) wait(key database.APIKey) time.Duration {
	perMinute := key.PerMinute
	if perMinute <= 0 {
		perMinute = keyPerMinute
	}
	now, limit := k.now(), rate.Limit(float64(perMinute)/60)
	k.mu.Lock()
	l := k.limits[key.ID]
	if l == nil || l.Limit() != limit { // new, or changed since
		k.forget(now)
		l = rate.NewLimiter(limit, perMinute/2+1)
		k.limits[key.ID] = l
	}
	k.mu.Unlock()
	return reserve(l, now)
}

// forget makes room for one more: whoever has not asked lately has lost nothing by it.
// The lock is held.
func (k *keyring) forget(now time.Time) {
	if len(k.limits) < maxKeys {
		return
	}
	for id, l := range k.limits {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(k.limits, id)
		}
	}
	for id := range k.limits {
		if len(k.limits) < maxKeys {
			return
		}
		delete(k.limits, id)
	}
}

type keyOf struct{}

// person is who asks, as far as it is known: the key of a program.
func person(ctx context.Context) string {
	if id, ok := ctx.Value(keyOf{}).(int64); ok {
		return "key:" + strconv.FormatInt(id, 10)
	}
	return ""
}

// admit lets a route be used: with a key that has its scope, as often as the key may,
// or without one, as often as an address may.
func (a *api) admit(rt route) http.HandlerFunc {
	tell := problemFor(rt.path)
	refuse := func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusTooManyRequests, "too many requests; wait as long as Retry-After says")
	}
	anonymous := a.asking(rt.handle, refuse)
	if rt.open { // what is the same for everybody costs little to give
		anonymous = a.reading(rt.handle, refuse)
	}
	wrong := a.asking(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="troly"`)
		tell(w, http.StatusUnauthorized, "this is no key in use here; without the Authorization header no key is needed")
	}, refuse) // counts: nobody tries keys faster than they may ask
	return func(w http.ResponseWriter, r *http.Request) {
		token := bearer(r)
		if token == "" || foreign(rt.path, token) {
			anonymous(w, r)
			return
		}
		if a.keys.store == nil || !strings.HasPrefix(token, keyPrefix) {
			wrong(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), findKeyIn)
		key, err := a.keys.store.KeyByHash(ctx, HashSecret(token))
		cancel()
		switch {
		case errors.Is(err, database.ErrNotFound):
			wrong(w, r)
			return
		case err != nil:
			a.log.Error("key not looked up", "err", err)
			tell(w, http.StatusServiceUnavailable, "keys cannot be looked up at this moment")
			return
		case !slices.Contains(key.Scopes, string(rt.scope)):
			tell(w, http.StatusForbidden, "this key does not open "+string(rt.scope))
			return
		}
		if wait := a.keys.wait(key); wait > 0 {
			comeAgain(w, wait)
			refuse(w, r)
			return
		}
		rt.handle(w, r.WithContext(context.WithValue(r.Context(), keyOf{}, key.ID)))
	}
}

// foreign reports whether a token is one that clients of other services send because
// they must send one.
func foreign(path, token string) bool {
	return !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(token, keyPrefix)
}
