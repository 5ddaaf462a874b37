package web

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"troly/internal/database"
)

// SSO lets staff sign in with the account of their office, by OpenID Connect. Whoever
// comes back from there is let in when there is an account of the name of their
// confirmed e-mail address.
type SSO struct {
	issuer, client, secret string

	turn     chan struct{}  // held by whoever looks at provider
	provider *oidc.Provider // found at the first use
}

// NewSSO returns a way to sign in; it calls nobody.
func NewSSO(issuer, client, secret string) *SSO {
	return &SSO{issuer: issuer, client: client, secret: secret, turn: make(chan struct{}, 1)}
}

const (
	ssoIn      = 10 * time.Second // deadline of a call to the issuer
	ssoFor     = 10 * time.Minute // to sign in there
	ssoCookie  = "troly-console-sso"
	ssoSecured = "__Secure-troly-console-sso"
	ssoPath    = consolePath + "/sso"
)

// discover asks the issuer where things are, once. Others wait for that no longer than
// their own ctx.
func (s *SSO) discover(ctx context.Context) (*oidc.Provider, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.provider != nil {
		return s.provider, nil
	}
	// The provider keeps the context for fetching keys later: this request's would end.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), &http.Client{Timeout: ssoIn}), s.issuer)
	if err != nil {
		return nil, err
	}
	s.provider = p
	return p, nil
}

func (s *SSO) config(p *oidc.Provider, address string) *oauth2.Config {
	return &oauth2.Config{ClientID: s.client, ClientSecret: s.secret, Endpoint: p.Endpoint(), RedirectURL: address + ssoPath + "/ve", Scopes: []string{oidc.ScopeOpenID, "email"}}
}

// setSSOCookie keeps what must come back. It is Lax: the browser comes from the
// issuer's site.
func (c *console) setSSOCookie(w http.ResponseWriter, r *http.Request, value string) {
	cookie := http.Cookie{Name: ssoCookie, Value: value, Path: ssoPath, MaxAge: int(ssoFor / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if c.guard.https(r) {
		cookie.Name, cookie.Secure = ssoSecured, true
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, &cookie)
}

// ssoBegin leads to the issuer.
func (c *console) ssoBegin(w http.ResponseWriter, r *http.Request) {
	if c.ssoTooOften(w, r) {
		return
	}
	p, err := c.sso.discover(r.Context())
	if err != nil {
		c.ssoRefuse(w, r, http.StatusBadGateway, "Chưa nối được với nơi đăng nhập của cơ quan. Bạn thử lại sau, hoặc dùng mật khẩu.", err)
		return
	}
	state, _ := newToken()
	nonce, _ := newToken()
	verifier := oauth2.GenerateVerifier()
	c.setSSOCookie(w, r, strings.Join([]string{state, nonce, verifier}, "."))
	http.Redirect(w, r, c.sso.config(p, c.guard.address(r)).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), http.StatusSeeOther)
}

// ssoTooOften refuses an address that comes as often as nobody signs in.
func (c *console) ssoTooOften(w http.ResponseWriter, r *http.Request) bool {
	wait := c.guard.asks.wait(c.guard.client(r))
	if wait > 0 {
		c.ssoRefuse(w, r, http.StatusTooManyRequests, "Có nhiều lượt đăng nhập quá trong một lúc. Bạn chờ một phút rồi thử lại.", errors.New("too many tries from one address"))
	}
	return wait > 0
}

func (c *console) ssoRefuse(w http.ResponseWriter, r *http.Request, status int, why string, err error) {
	c.log.Warn("signing in at the issuer failed", "err", err)
	c.show(w, r, status, "sign_in", database.Account{}, signInPage{Problem: why, Next: consolePath + "/", OIDC: true})
}

// ssoReturn takes whoever comes back from the issuer.
func (c *console) ssoReturn(w http.ResponseWriter, r *http.Request) {
	if c.ssoTooOften(w, r) {
		return
	}
	name := ssoCookie
	if c.guard.https(r) {
		name = ssoSecured
	}
	var kept []string
	if cookie, err := r.Cookie(name); err == nil {
		kept = strings.Split(cookie.Value, ".")
	}
	c.setSSOCookie(w, r, "") // good for one return
	q := r.URL.Query()
	if len(kept) != 3 || subtle.ConstantTimeCompare([]byte(kept[0]), []byte(q.Get("state"))) != 1 {
		c.ssoRefuse(w, r, http.StatusBadRequest, "Lượt đăng nhập này đã hết hạn. Bạn làm lại từ đầu.", errors.New("state does not match"))
		return
	}
	email, err := c.sso.email(r.Context(), c.guard.address(r), cmp.Or(q.Get("code"), "-"), kept[1], kept[2])
	if err != nil {
		c.ssoRefuse(w, r, http.StatusUnauthorized, "Nơi đăng nhập của cơ quan không xác nhận lượt này. Bạn làm lại từ đầu.", err)
		return
	}
	account, err := c.db.Account(r.Context(), AccountName(email))
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		c.broken(w, r, database.Account{}, "sign in", err)
		return
	}
	if err != nil || account.Disabled {
		c.ssoRefuse(w, r, http.StatusForbidden, "Thư điện tử này chưa có tài khoản ở đây. Hãy hỏi quản trị viên.", errors.New("no such account"))
		return
	}
	c.welcome(w, r, account)
}

// welcome begins the session on a page of its own: on the way back from another site
// the browser does not send the cookie along, on the way from this page it does.
func (c *console) welcome(w http.ResponseWriter, r *http.Request, account database.Account) {
	if !c.session(w, r, account) {
		return
	}
	c.say(w, r, http.StatusOK, database.Account{}, "Đã đăng nhập", "Bấm “Về bàn làm việc” để bắt đầu.")
}

// email exchanges a code for the confirmed address of whoever signed in.
func (s *SSO) email(ctx context.Context, address, code, nonce, verifier string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, ssoIn)
	defer cancel()
	p, err := s.discover(ctx)
	if err != nil {
		return "", err
	}
	token, err := s.config(p, address).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) {
			return "", errors.New("the issuer refuses the code: " + refused.ErrorCode) // its body may hold anything
		}
		return "", err
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", errors.New("no ID token came")
	}
	id, err := p.Verifier(&oidc.Config{ClientID: s.client}).Verify(ctx, raw)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1 {
		return "", errors.New("the nonce is another")
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := id.Claims(&claims); err != nil {
		return "", err
	}
	if claims.Email == "" || !claims.Verified {
		return "", errors.New("no confirmed e-mail address came")
	}
	return claims.Email, nil
}
