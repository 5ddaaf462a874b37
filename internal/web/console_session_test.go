package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/web"
)

func TestPassword(t *testing.T) {
	hash := staffHash()
	for _, tt := range []struct {
		hash, password string
		want, broken   bool
	}{
		{hash, staffPassword, true, false},
		{hash, staffPassword + "x", false, false},
		{hash, "", false, false},
		{hash, strings.Repeat("x", 1000), false, false},
		{"", staffPassword, false, true},
		{"$2a$10$abcdefghijklmnopqrstuv", staffPassword, false, true},
		{"$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", staffPassword, false, true},
		{"$argon2id$v=19$m=19456,t=2,p=1$$AAAAAAAAAAAAAAAAAAAAAA", staffPassword, false, true},
		{"$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", staffPassword, false, true},
	} {
		got, err := web.CheckPassword(tt.hash, tt.password)
		if got != tt.want || (err != nil) != tt.broken {
			t.Errorf("CheckPassword(%q, %.30q) = %v, %v, want %v, broken %v", tt.hash, tt.password, got, err, tt.want, tt.broken)
		}
	}
	// Typed on another machine, the same letters may be composed otherwise.
	composed, err := web.HashPassword("mật khẩu rất dài")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := web.CheckPassword(composed, "mật khẩu rất dài"); err != nil || !ok {
		t.Errorf("the decomposed password: %v, %v", ok, err)
	}
	if again, _ := web.HashPassword(staffPassword); again == hash {
		t.Error("two hashes of one password are the same: there is no salt")
	}
	for _, bad := range []string{"", "ngắn", strings.Repeat("x", 300)} {
		if _, err := web.HashPassword(bad); err == nil {
			t.Errorf("HashPassword(%.20q) = nil error", bad)
		}
	}
	seen := map[string]bool{}
	for range 100 {
		p := web.NewPassword()
		if !regexp.MustCompile(`^([a-z2-9]{5}-){3}[a-z2-9]{5}$`).MatchString(p) || seen[p] {
			t.Fatalf("NewPassword() = %q", p)
		}
		seen[p] = true
	}
}

func TestSignIn(t *testing.T) {
	o := newOffice(t, nil)
	c := browserOf(t)
	status, _, h := o.page(c, "/console/hop-thu?xa=X", nil)
	if at := h.Get("Location"); status != http.StatusSeeOther || at != "/console/dang-nhap?tiep=%2Fconsole%2Fhop-thu%3Fxa%3DX" {
		t.Fatalf("without signing in: %d, %s", status, at)
	}
	for _, tt := range []struct{ name, password string }{{"officer", "sai-mat-khau-nay"}, {"khong-co", staffPassword}, {"", ""}} {
		status, body, h := o.page(c, "/console/dang-nhap", url.Values{"ten": {tt.name}, "mat-khau": {tt.password}})
		if status != http.StatusUnauthorized || !strings.Contains(body, "Tên hoặc mật khẩu không đúng") || h.Get("Set-Cookie") != "" {
			t.Errorf("%q, %q: status %d, cookie %q", tt.name, tt.password, status, h.Get("Set-Cookie"))
		}
		if strings.Contains(body, tt.password) && tt.password != "" {
			t.Errorf("%q: the page shows the password", tt.name)
		}
	}
	status, _, h = o.page(c, "/console/dang-nhap", url.Values{"ten": {" OFFICER "}, "mat-khau": {staffPassword}, "tiep": {"/console/hop-thu?xa=X"}})
	if status != http.StatusSeeOther || h.Get("Location") != "/console/hop-thu?xa=X" {
		t.Fatalf("signing in: %d, %s", status, h.Get("Location"))
	}
	if cookie := h.Get("Set-Cookie"); !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") || !strings.Contains(cookie, "Path=/console") || strings.Contains(cookie, "Expires") {
		t.Errorf("cookie %q", cookie)
	}
	if status, body, _ := o.page(c, "/console/hop-thu", nil); status != 200 || !strings.Contains(body, "officer") {
		t.Errorf("signed in: %d", status)
	}
	if status, _, h := o.page(c, "/console/dang-xuat", url.Values{}); status != http.StatusSeeOther || !strings.Contains(h.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signing out: %d, %s", status, h.Get("Set-Cookie"))
	}
	// Names that are none are refused with as much work, and not written down: one may be a password.
	want := []string{"officer sign out officer", "officer sign in officer", "sign in refused", "sign in refused", "officer sign in refused officer"}
	if got := o.log(); !slices.Equal(got[:min(len(got), 5)], want) {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	o := newOffice(t, nil)
	for _, next := range []string{"https://evil.example/console/", "//evil.example/console/", `/\evil.example`, `/console/\..\..\x`, "/console/../x", "/khac", "javascript:alert(1)", "", "/console//evil.example"} {
		_, _, h := o.page(browserOf(t), "/console/dang-nhap", url.Values{"ten": {"officer"}, "mat-khau": {staffPassword}, "tiep": {next}})
		if at := h.Get("Location"); at != "/console/" {
			t.Errorf("tiep=%q leads to %q, want /console/", next, at)
		}
	}
}

func TestSignInIsThrottled(t *testing.T) {
	o := newOffice(t, nil)
	c := browserOf(t)
	try := func(name, password string) int {
		status, _, _ := o.page(c, "/console/dang-nhap", url.Values{"ten": {name}, "mat-khau": {password}})
		return status
	}
	for i := range 8 {
		if status := try("editor", "sai"); status != http.StatusUnauthorized {
			t.Fatalf("try %d: status %d", i+1, status)
		}
	}
	if status := try("editor", staffPassword); status != http.StatusTooManyRequests {
		t.Errorf("the right password after 8 wrong ones: %d, want 429", status)
	}
	if status := try("officer", staffPassword); status != http.StatusSeeOther {
		t.Errorf("another account: %d, want to be let in", status)
	}
	o.clock.add(16 * time.Minute)
	if status := try("editor", staffPassword); status != http.StatusSeeOther {
		t.Errorf("after a while: %d, want to be let in", status)
	}
}

// An address that may not try any more writes nothing: neither rows under names it
// makes up, nor tries that lock others out of accounts.
func TestAThrottledAddressLocksNobodyOut(t *testing.T) {
	o := newOffice(t, func(opts *web.Options) { opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	try := func(from, name, password string) int {
		r, err := http.NewRequest(http.MethodPost, o.URL+"/console/dang-nhap", strings.NewReader(url.Values{"ten": {name}, "mat-khau": {password}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", from)
		res, err := browserOf(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	for i := range 60 {
		if status := try("203.0.113.9", fmt.Sprint("nobody-", i), "sai"); status != http.StatusUnauthorized {
			t.Fatalf("try %d: status %d, want 401", i+1, status)
		}
	}
	for i := range 8 {
		if status := try("203.0.113.9", "editor", "sai"); status != http.StatusTooManyRequests {
			t.Fatalf("try %d of a throttled address: status %d, want 429", i+1, status)
		}
	}
	if status := try("198.51.100.4", "editor", staffPassword); status != http.StatusSeeOther {
		t.Errorf("the editor from another address: %d, want to be let in", status)
	}
}

// Who knows the present password sets another, stays signed in, and signs every other
// browser out.
func TestOwnPassword(t *testing.T) {
	o := newOffice(t, nil)
	c, elsewhere := o.as("officer"), o.as("officer")
	const fresh = "một mật khẩu khác"
	for _, tt := range []struct {
		old, password, again string
		status               int
		says                 string
	}{
		{staffPassword, "ngắn quá", "ngắn quá", 400, "ít nhất 12 ký tự"},
		{staffPassword, strings.Repeat("đ", 300), strings.Repeat("đ", 300), 400, "dài quá"},
		{staffPassword, fresh, fresh + "x", 400, "không giống nhau"},
		{staffPassword, staffPassword, staffPassword, 400, "phải khác"},
		{"không phải mật khẩu", fresh, fresh, 403, "hiện nay không đúng"},
	} {
		status, body, _ := o.page(c, "/console/mat-khau", url.Values{"cu": {tt.old}, "moi": {tt.password}, "lai": {tt.again}})
		if status != tt.status || !strings.Contains(body, tt.says) || strings.Contains(body, tt.password) && tt.password != staffPassword {
			t.Errorf("%q to %.20q = %d, want %d with %q and no password on the page", tt.old, tt.password, status, tt.status, tt.says)
		}
	}
	status, _, h := o.page(c, "/console/mat-khau", url.Values{"cu": {staffPassword}, "moi": {fresh}, "lai": {fresh}})
	if status != http.StatusSeeOther || h.Get("Location") != "/console/mat-khau?xong=mat-khau" {
		t.Fatalf("the right one: status %d to %s", status, h.Get("Location"))
	}
	if status, body, _ := o.page(c, "/console/mat-khau?xong=mat-khau", nil); status != 200 || !strings.Contains(body, "Đã đổi mật khẩu") {
		t.Errorf("afterwards: status %d", status)
	}
	if status, _, _ := o.page(elsewhere, "/console/tra-cuu", nil); status != http.StatusSeeOther {
		t.Errorf("another browser: status %d, want to be led to sign in", status)
	}
	for password, want := range map[string]int{staffPassword: 401, fresh: 303} {
		if status, _, _ := o.page(browserOf(t), "/console/dang-nhap", url.Values{"ten": {"officer"}, "mat-khau": {password}}); status != want {
			t.Errorf("signing in with %q: %d, want %d", password, status, want)
		}
	}
	if log := o.log(); !slices.Contains(log, "officer set password officer") || !slices.Contains(log, "officer set password refused officer") {
		t.Errorf("log %q", log)
	}
	for range 8 { // as many guesses; each would take its time to check
		if _, err := o.db.Attempt(t.Context(), 8, 15*time.Minute, "account officer"); err != nil {
			t.Fatal(err)
		}
	}
	if status, _, _ := o.page(c, "/console/mat-khau", url.Values{"cu": {fresh}, "moi": {staffPassword}, "lai": {staffPassword}}); status != http.StatusTooManyRequests {
		t.Errorf("after 8 guesses: %d, want 429", status)
	}
	// An account that signs in elsewhere has none to change.
	if err := o.db.AddAccount(t.Context(), database.By{Who: "test"}, database.Account{Name: "sso", Role: database.Officer}); err != nil {
		t.Fatal(err)
	}
	s := o.session("sso")
	if _, body, _ := o.page(s, "/console/mat-khau", nil); !strings.Contains(body, "không có mật khẩu ở đây") || strings.Contains(body, "<form class=\"stack") {
		t.Error("an account without a password is shown the form")
	}
	if status, _, _ := o.page(s, "/console/mat-khau", url.Values{"moi": {fresh}, "lai": {fresh}}); status != http.StatusBadRequest {
		t.Errorf("an account without a password sets one: %d", status)
	}
}

func TestSessionEnds(t *testing.T) {
	in := func(o *office, c *http.Client) bool {
		status, _, _ := o.page(c, "/console/tra-cuu", nil)
		return status == http.StatusOK
	}
	t.Run("idle", func(t *testing.T) {
		o := newOffice(t, nil)
		c := o.as("officer")
		for range 3 {
			o.clock.add(50 * time.Minute)
			if !in(o, c) {
				t.Fatal("signed out although something was done every 50 minutes")
			}
		}
		o.clock.add(61 * time.Minute)
		if in(o, c) {
			t.Error("signed in after an hour of nothing")
		}
	})
	t.Run("absolute", func(t *testing.T) {
		o := newOffice(t, nil)
		c := o.as("officer")
		for range 14 { // 11 h 40 min
			o.clock.add(50 * time.Minute)
			if !in(o, c) {
				t.Fatal("signed out too early")
			}
		}
		o.clock.add(25 * time.Minute)
		if in(o, c) {
			t.Error("signed in after twelve hours")
		}
	})
	t.Run("disabled", func(t *testing.T) {
		o := newOffice(t, nil)
		c := o.as("officer")
		if err := o.db.SetAccount(t.Context(), database.By{Who: "test"}, "officer", database.Officer, true); err != nil {
			t.Fatal(err)
		}
		if in(o, c) {
			t.Error("a disabled account is signed in")
		}
	})
	t.Run("secure", func(t *testing.T) {
		o := newOffice(t, func(opts *web.Options) { opts.PublicURL = address("https://troly.example") })
		req := httptest.NewRequest("POST", "https://troly.example/console/dang-nhap", strings.NewReader(url.Values{"ten": {"officer"}, "mat-khau": {staffPassword}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		o.Config.Handler.ServeHTTP(w, req)
		if cookie := w.Header().Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Secure-troly-console=") || !strings.Contains(cookie, "Secure") {
			t.Errorf("cookie over https: %q", cookie)
		}
	})
}

// What a browser held before somebody signed in, or was given by somebody else, opens
// nothing afterwards, and a form that is too large is not read.
func TestSessionIsNobodyElses(t *testing.T) {
	o := newOffice(t, nil)
	c := o.as("officer")
	at, err := url.Parse(o.URL + "/console/")
	if err != nil {
		t.Fatal(err)
	}
	before := c.Jar.Cookies(at)[0]
	if status, _, _ := o.page(c, "/console/dang-nhap", url.Values{"ten": {"admin"}, "mat-khau": {staffPassword}}); status != http.StatusSeeOther {
		t.Fatalf("signing in anew: status %d", status)
	}
	if after := c.Jar.Cookies(at)[0]; after.Value == before.Value {
		t.Error("the session of one is that of the next")
	}
	for what, token := range map[string]string{"the session before": before.Value, "one that was made up": strings.Repeat("A", 43)} {
		other := browserOf(t)
		other.Jar.SetCookies(at, []*http.Cookie{{Name: before.Name, Value: token, Path: "/console"}})
		if status, _, _ := o.page(other, "/console/tra-cuu", nil); status != http.StatusSeeOther {
			t.Errorf("%s: status %d, want to be led to sign in", what, status)
		}
		if status, _, _ := o.page(other, "/console/dang-nhap", url.Values{"ten": {"officer"}, "mat-khau": {staffPassword}}); status != http.StatusSeeOther {
			t.Fatalf("%s: signing in: status %d", what, status)
		}
		if got := other.Jar.Cookies(at)[0].Value; got == token {
			t.Errorf("%s is the session of who signs in", what)
		}
	}
	if status, body, _ := o.page(c, "/console/cong-tac", url.Values{"ten": {"model"}, "bat": {"0"}, "ly-do": {strings.Repeat("x", 200<<10)}}); status != http.StatusBadRequest || !strings.Contains(body, "quá dài") {
		t.Errorf("a form of 200 KiB: status %d", status)
	}
	if set, _ := o.db.Switches(t.Context()); len(set) != 0 {
		t.Errorf("it turned a switch: %v", set)
	}
}
