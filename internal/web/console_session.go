package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"troly/internal/database"
)

// How long staff stay signed in, and how often signing in is tried.
const (
	idleFor      = time.Hour
	signedInFor  = 12 * time.Hour // from the password on, whatever is done meanwhile
	renewAfter   = time.Minute    // of idle time gone by: not every click writes
	tryWindow    = 15 * time.Minute
	triesAccount = 8
	triesAddress = 60 // an office has many people behind one address
	checkAtOnce  = 2  // passwords: each takes 19 MiB
)

const (
	staffCookie        = "troly-console"
	securedStaffCookie = "__Secure-troly-console" // what browsers take over https only
	consolePath        = "/console"
)

// token makes what a signed-in browser holds, and the hash of it that is kept.
func newToken() (token string, hash []byte) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, hashToken(token)
}

// hashToken is what is kept of a token. It has 256 random bits: no slow hash is
// needed against guessing.
func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// token of the request, empty when it has none.
func (c *console) token(r *http.Request) string {
	name := staffCookie
	if c.guard.https(r) {
		name = securedStaffCookie
	}
	cookie, err := r.Cookie(name)
	if err != nil || len(cookie.Value) != 43 {
		return ""
	}
	return cookie.Value
}

// setToken gives the browser a token; an empty one takes it away.
func (c *console) setToken(w http.ResponseWriter, r *http.Request, token string) {
	cookie := http.Cookie{Name: staffCookie, Value: token, Path: consolePath, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if c.guard.https(r) {
		cookie.Name, cookie.Secure = securedStaffCookie, true
	}
	if token == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, &cookie) // without an end: it goes when the browser is closed
}

// errSignedOut says that nobody is signed in in this browser.
var errSignedOut = errors.New("nobody is signed in")

// who is signed in. Being there puts the end of the session off.
func (c *console) who(r *http.Request) (database.Account, error) {
	token := c.token(r)
	if token == "" {
		return database.Account{}, errSignedOut
	}
	hash := hashToken(token)
	s, account, err := c.db.SessionByHash(r.Context(), hash)
	if errors.Is(err, database.ErrNotFound) {
		return database.Account{}, errSignedOut
	}
	if err != nil {
		return database.Account{}, err
	}
	now := c.now()
	end := s.Created.Add(signedInFor)
	if !now.Before(end) {
		return database.Account{}, errSignedOut
	}
	until := now.Add(idleFor)
	if until.After(end) {
		until = end
	}
	if until.Sub(s.Expires) > renewAfter {
		if err := c.db.RenewSession(r.Context(), hash, until); err != nil && !errors.Is(err, database.ErrNotFound) {
			c.log.Warn("session not renewed", "err", err)
		}
	}
	return account, nil
}

// signInPage asks for name and password.
type signInPage struct {
	Name    string
	Next    string // where to go afterwards
	Problem string
	OIDC    bool // there is another way to sign in
}

func (c *console) signInForm(w http.ResponseWriter, r *http.Request) {
	c.show(w, r, http.StatusOK, "sign_in", database.Account{}, signInPage{Next: nextAfter(r.URL.Query().Get("tiep")), OIDC: c.sso != nil})
}

// nextAfter is a place of the console to go to after signing in; anything else is the
// start of it, so that nobody is led elsewhere.
func nextAfter(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, consolePath+"/") || strings.ContainsAny(path, "\\\r\n") || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "..") {
		return consolePath + "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// AccountName is a name as accounts have them, whoever types it.
func AccountName(s string) string {
	return strings.ToLower(strings.TrimSpace(norm.NFC.String(strings.ToValidUTF8(clip(s, 200), ""))))
}

// signIn takes name and password. Why it was refused is not told apart: whoever guesses
// learns no names.
func (c *console) signIn(w http.ResponseWriter, r *http.Request) {
	name := AccountName(r.PostForm.Get("ten"))
	next := nextAfter(r.PostForm.Get("tiep"))
	refuse := func(status int, why string) {
		c.show(w, r, status, "sign_in", database.Account{}, signInPage{Name: name, Next: next, Problem: why, OIDC: c.sso != nil})
	}
	wait, err := c.attempt(r, name)
	if err != nil {
		c.broken(w, r, database.Account{}, "sign in", err)
		return
	}
	if wait > 0 {
		refuse(http.StatusTooManyRequests, "Bạn đã thử quá nhiều lần. Chờ "+spell(wait)+" rồi thử lại.")
		return
	}
	account, err := c.db.Account(r.Context(), name)
	known := err == nil
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		c.broken(w, r, database.Account{}, "sign in", err)
		return
	}
	hash := account.Hash
	if !known || hash == "" {
		hash = nobody
	}
	right, err := c.checked(r.Context(), hash, r.PostForm.Get("mat-khau"))
	if err != nil {
		c.broken(w, r, database.Account{}, "check password", err)
		return
	}
	if !right || !known || account.Hash == "" || account.Disabled {
		// A name that is none is not written, it may be a password in the wrong box; that
		// there was a try is, so that it takes as long as for one that is.
		c.audit(r, account.Name, "", "sign in refused", account.Name)
		refuse(http.StatusUnauthorized, "Tên hoặc mật khẩu không đúng.")
		return
	}
	if err := c.db.Succeeded(r.Context(), "account "+name); err != nil {
		c.log.Warn("attempts not forgotten", "err", err)
	}
	c.begin(w, r, account, next)
}

// attempt counts a try to sign in, by address and by account. The address comes first:
// one whose tries are used up must not lock others out of their accounts.
func (c *console) attempt(r *http.Request, name string) (wait time.Duration, err error) {
	wait, err = c.db.Attempt(r.Context(), triesAddress, tryWindow, "address "+household(c.guard.client(r)).String())
	if err != nil || wait > 0 || name == "" {
		return wait, err
	}
	return c.db.Attempt(r.Context(), triesAccount, tryWindow, "account "+name)
}

// checked checks a password, few at once.
func (c *console) checked(ctx context.Context, hash, password string) (bool, error) {
	select {
	case c.checking <- struct{}{}:
		defer func() { <-c.checking }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return checkPassword(hash, password)
}

// begin signs an account in and leads on.
func (c *console) begin(w http.ResponseWriter, r *http.Request, account database.Account, next string) {
	if c.session(w, r, account) {
		http.Redirect(w, r, next, http.StatusSeeOther)
	}
}

// session signs an account in; false: it could not, and that was answered. The session
// that the browser had before ends.
func (c *console) session(w http.ResponseWriter, r *http.Request, account database.Account) bool {
	if old := c.token(r); old != "" {
		if err := c.db.EndSession(r.Context(), hashToken(old)); err != nil {
			c.log.Warn("old session not ended", "err", err)
		}
	}
	token, hash := newToken()
	if err := c.db.AddSession(r.Context(), database.Session{Hash: hash, Account: account.Name, Expires: c.now().Add(idleFor)}); err != nil {
		c.broken(w, r, database.Account{}, "sign in", err)
		return false
	}
	c.audit(r, account.Name, "", "sign in", account.Name)
	c.setToken(w, r, token)
	return true
}

// signOut ends the session.
func (c *console) signOut(w http.ResponseWriter, r *http.Request, me database.Account) {
	if token := c.token(r); token != "" {
		if err := c.db.EndSession(r.Context(), hashToken(token)); err != nil {
			c.broken(w, r, me, "sign out", err)
			return
		}
	}
	c.audit(r, me.Name, "", "sign out", me.Name)
	c.setToken(w, r, "")
	http.Redirect(w, r, consolePath+"/dang-nhap", http.StatusSeeOther)
}
