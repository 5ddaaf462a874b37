package web_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"troly/internal/database"
	"troly/internal/web"
)

// issuer signs people in, as an OpenID provider does: it checks the secret of the
// client and the proof of the code, and signs who it is with its key.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu       sync.Mutex
	codes    map[string]url.Values // what was asked for, by code
	email    string
	verified bool
	change   func(claims map[string]any)
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &issuer{key: key, codes: map[string]url.Values{}, verified: true}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		code := rand.Text()
		p.mu.Lock()
		p.codes[code] = q
		p.mu.Unlock()
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		asked := p.codes[r.PostFormValue("code")]
		delete(p.codes, r.PostFormValue("code")) // good once
		id, secret, basic := r.BasicAuth()
		if !basic {
			id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
		}
		proof := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if asked == nil || id != "troly" || secret != "bi-mat" || base64.RawURLEncoding.EncodeToString(proof[:]) != asked.Get("code_challenge") || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant"})
			return
		}
		claims := map[string]any{"iss": p.URL, "aud": "troly", "sub": "1", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "nonce": asked.Get("nonce"), "email": p.email, "email_verified": p.verified}
		if p.change != nil {
			p.change(claims)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
		if err != nil {
			panic(err)
		}
		body, err := json.Marshal(claims)
		if err != nil {
			panic(err)
		}
		signed, err := signer.Sign(body)
		if err != nil {
			panic(err)
		}
		token, err := signed.CompactSerialize()
		if err != nil {
			panic(err)
		}
		answer(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": token})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func TestSignInElsewhere(t *testing.T) {
	p := newIssuer(t)
	o := newOffice(t, func(opts *web.Options) { opts.Console.SSO = web.NewSSO(p.URL, "troly", "bi-mat") })
	by := database.By{Who: "test"}
	for _, name := range []string{"lan@xa.example", "cu@xa.example"} {
		if err := o.db.AddAccount(t.Context(), by, database.Account{Name: name, Role: database.Officer}); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.db.SetAccount(t.Context(), by, "cu@xa.example", database.Officer, true); err != nil {
		t.Fatal(err)
	}
	// walk goes to the issuer and back, up to the last address, which tamper may change.
	walk := func(c *http.Client, tamper func(back string) string) (int, string) {
		t.Helper()
		status, _, h := o.page(c, "/console/sso", nil)
		if status != http.StatusSeeOther {
			t.Fatalf("beginning: status %d", status)
		}
		resp, err := c.Get(h.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		back := strings.TrimPrefix(resp.Header.Get("Location"), o.URL)
		if tamper != nil {
			back = tamper(back)
		}
		status, body, _ := o.page(c, back, nil)
		return status, body
	}
	in := func(c *http.Client) bool {
		status, _, _ := o.page(c, "/console/tra-cuu", nil)
		return status == http.StatusOK
	}
	for name, tt := range map[string]struct {
		email    string
		verified bool
		change   func(map[string]any)
		tamper   func(string) string
		want     int
	}{
		"an account":             {"Lan@xa.example", true, nil, nil, http.StatusOK},
		"nobody here":            {"la@khac.example", true, nil, nil, http.StatusForbidden},
		"disabled":               {"cu@xa.example", true, nil, nil, http.StatusForbidden},
		"address not confirmed":  {"lan@xa.example", false, nil, nil, http.StatusUnauthorized},
		"no address":             {"", true, nil, nil, http.StatusUnauthorized},
		"for another client":     {"lan@xa.example", true, func(c map[string]any) { c["aud"] = "khac" }, nil, http.StatusUnauthorized},
		"of another issuer":      {"lan@xa.example", true, func(c map[string]any) { c["iss"] = "https://khac.example" }, nil, http.StatusUnauthorized},
		"over":                   {"lan@xa.example", true, func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }, nil, http.StatusUnauthorized},
		"of another attempt":     {"lan@xa.example", true, func(c map[string]any) { c["nonce"] = "x" }, nil, http.StatusUnauthorized},
		"state of somebody else": {"lan@xa.example", true, nil, func(s string) string { return s[:strings.Index(s, "state=")] + "state=x" }, http.StatusBadRequest},
		"code of somebody else":  {"lan@xa.example", true, nil, func(s string) string { return strings.Replace(s, "code=", "code=x", 1) }, http.StatusUnauthorized},
		"refused at the issuer":  {"lan@xa.example", true, nil, func(s string) string { return strings.Replace(s, "code=", "error=access_denied&x=", 1) }, http.StatusUnauthorized},
		"no cookie, no state":    {"lan@xa.example", true, nil, func(string) string { return "/console/sso/ve?code=x" }, http.StatusBadRequest},
	} {
		p.mu.Lock()
		p.email, p.verified, p.change = tt.email, tt.verified, tt.change
		p.mu.Unlock()
		c := browserOf(t)
		status, body := walk(c, tt.tamper)
		if status != tt.want || in(c) != (tt.want == http.StatusOK) {
			t.Errorf("%s: status %d, in %v, want %d", name, status, in(c), tt.want)
		}
		if strings.Contains(body, "bi-mat") || strings.Contains(body, "Location") {
			t.Errorf("%s: the page tells too much", name)
		}
	}
	if _, body, _ := o.page(browserOf(t), "/console/dang-nhap", nil); !strings.Contains(body, `href="/console/sso"`) {
		t.Error("the way to sign in elsewhere is not offered")
	}
	if status, _, _ := o.page(browserOf(t), "/console/dang-nhap", url.Values{"ten": {"lan@xa.example"}, "mat-khau": {""}}); status != http.StatusUnauthorized {
		t.Errorf("an account without a password, with none: status %d", status)
	}
	p.Close()
	o2 := newOffice(t, func(opts *web.Options) { opts.Console.SSO = web.NewSSO(p.URL, "troly", "bi-mat") })
	if status, body, _ := o2.page(browserOf(t), "/console/sso", nil); status != http.StatusBadGateway || !strings.Contains(body, "Chưa nối được") {
		t.Errorf("an issuer that is away: status %d", status)
	}
}

// Each return calls the issuer: one address may not make it do so without end.
func TestSigningInElsewhereIsThrottled(t *testing.T) {
	o := newOffice(t, func(opts *web.Options) {
		opts.Console.SSO, opts.AsksPerMinute = web.NewSSO("http://127.0.0.1:1", "c", "s"), 4
	})
	for _, path := range []string{"/console/sso", "/console/sso/ve?code=x&state=y"} {
		o.clock.add(2 * time.Minute)
		status := 0
		for range 5 {
			status, _, _ = o.page(browserOf(t), path, nil)
		}
		if status != http.StatusTooManyRequests {
			t.Errorf("%s the fifth time: %d, want 429", path, status)
		}
	}
}
