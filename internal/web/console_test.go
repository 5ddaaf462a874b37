package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"troly/internal/corpus"
	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/web"
)

const staffPassword = "mat-khau-du-dai-2026"

// staffHash is the hash of staffPassword, made once.
var staffHash = sync.OnceValue(func() string {
	hash, err := web.HashPassword(staffPassword)
	if err != nil {
		panic(err)
	}
	return hash
})

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// testDesk carries replies into the outbox of a channel called telegram, as JSON.
type testDesk struct {
	db     *database.DB
	clock  *clock
	window web.Window
	before func() // a correction is sent; nil: nothing
}

func (d *testDesk) Window(context.Context, string, string, string) (web.Window, error) {
	return d.window, nil
}

func (d *testDesk) Reply(ctx context.Context, by database.By, k database.Ticket, text string) error {
	if !d.window.Open {
		return web.ErrWindow{Why: d.window.Why}
	}
	part, err := json.Marshal(text)
	if err != nil {
		return err
	}
	return d.db.ReplyTicket(ctx, by, k.ID, text, [][]byte{part}, d.clock.now().Add(12*time.Hour))
}

func (d *testDesk) End(ctx context.Context, by database.By, k database.Ticket, as database.TicketStatus) error {
	return d.db.EndTicket(ctx, by, k.ID, as)
}

func (d *testDesk) Take(ctx context.Context, by database.By, k database.Ticket) (int64, error) {
	id, err := d.db.OpenTicket(ctx, by, k)
	if err != nil {
		return 0, err
	}
	return id, d.db.Hold(ctx, by, k.Channel, k.Dialogue, k.Person, d.clock.now().Add(12*time.Hour), "ticket")
}

func (d *testDesk) Correct(ctx context.Context, by database.By, recall string, to database.Recipient, text string) (bool, error) {
	if d.before != nil {
		d.before()
	}
	part, err := json.Marshal(text)
	if err != nil {
		return false, err
	}
	return d.db.Correct(ctx, by, recall, to, [][]byte{part})
}

// office is a console with its database.
type office struct {
	*httptest.Server
	t     testing.TB
	db    *database.DB
	clock *clock
	desk  *testDesk
	opts  web.Options
}

// newOffice starts a server with a console and an account of each role, called like
// the role. lib may be nil: the embedded knowledge.
func newOffice(t testing.TB, change func(*web.Options)) *office {
	t.Helper()
	o := &office{t: t, clock: &clock{at: someDay}}
	var err error
	if o.db, err = database.Open(t.Context(), filepath.Join(t.TempDir(), "troly.db"), database.Options{Log: slog.New(slog.DiscardHandler), Now: o.clock.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.db.Close() })
	for _, role := range []database.Role{database.Officer, database.Editor, database.Evaluator, database.Admin} {
		if err := o.db.AddAccount(t.Context(), database.By{Who: "test"}, database.Account{Name: string(role), Role: role, Hash: staffHash()}); err != nil {
			t.Fatal(err)
		}
	}
	o.desk = &testDesk{db: o.db, clock: o.clock, window: web.Window{Open: true}}
	o.opts = options(t)
	o.opts.Now = o.clock.now
	o.opts.Console = &web.Console{DB: o.db, Desk: o.desk, Switches: []web.SwitchName{{Name: "telegram", Label: "Kênh Telegram"}, {Name: "model", Label: "Mô hình ngôn ngữ"}}}
	if change != nil {
		change(&o.opts)
	}
	o.Server = serve(t, o.opts)
	return o
}

// browserOf is a client with a jar that does not follow redirects.
func browserOf(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// page gets a page or posts a form, and returns status, body and the header.
func (o *office) page(c *http.Client, path string, form url.Values) (int, string, http.Header) {
	o.t.Helper()
	var resp *http.Response
	var err error
	if form == nil {
		resp, err = c.Get(o.URL + path)
	} else {
		resp, err = c.PostForm(o.URL+path, form)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// as signs somebody in.
func (o *office) as(name string) *http.Client {
	o.t.Helper()
	c := browserOf(o.t)
	if status, body, _ := o.page(c, "/console/dang-nhap", url.Values{"ten": {name}, "mat-khau": {staffPassword}}); status != http.StatusSeeOther {
		o.t.Fatalf("signing in as %s: status %d, %s", name, status, body)
	}
	return c
}

// asked keeps an outcome of a dialogue and returns its name.
func (o *office) asked(dialogue, question, answer string, status pipeline.Status, documents ...string) string {
	o.t.Helper()
	out := pipeline.Outcome{Question: question, Status: status, Answer: answer, Checks: map[string]string{"number_grounding": "pass"},
		Understood: pipeline.Understood{Normalized: question, Documents: documents}, Retrieved: []pipeline.Retrieved{{Document: "khai-sinh", Section: "le-phi", Score: 0.83}},
		Timings: pipeline.Timings{Understand: 0.4, Total: 2.4}, Versions: pipeline.Versions{Knowledge: "k1", Build: "b1"}}
	for i, d := range documents {
		out.Citations = append(out.Citations, pipeline.Citation{N: i + 1, Document: d, Section: "le-phi", Title: "Tài liệu " + d})
	}
	body, err := json.Marshal(out)
	if err != nil {
		o.t.Fatal(err)
	}
	id := "o-" + dialogue + "-" + fmt.Sprint(len(question)) + fmt.Sprint(o.clock.now().UnixMilli())
	if err := o.db.AddOutcome(o.t.Context(), database.Outcome{ID: id, Channel: "telegram", Dialogue: dialogue, Person: "p-" + dialogue, Status: string(status), At: o.clock.now(), Body: body}); err != nil {
		o.t.Fatal(err)
	}
	o.clock.add(time.Second)
	return id
}

// ticket opens a ticket for a dialogue.
func (o *office) ticket(dialogue, summary, commune, topic string) int64 {
	o.t.Helper()
	id, err := o.db.OpenTicket(o.t.Context(), database.By{Who: "test"}, database.Ticket{Channel: "telegram", Dialogue: dialogue, Person: "p-" + dialogue, Reason: "asked", Summary: summary, Commune: commune, Topic: topic})
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

// outbox takes what waits to be sent.
func (o *office) outbox() []string {
	o.t.Helper()
	var all []string
	for {
		parts, err := o.db.NextOut(o.t.Context(), "test", "telegram", 10, time.Minute)
		if err != nil {
			o.t.Fatal(err)
		}
		if len(parts) == 0 {
			return all
		}
		for _, p := range parts {
			var text string
			if err := json.Unmarshal(p.Body, &text); err != nil {
				o.t.Fatal(err)
			}
			all = append(all, p.Dialogue+": "+text)
			if err := o.db.Sent(o.t.Context(), p, "r"); err != nil {
				o.t.Fatal(err)
			}
		}
	}
}

// log is the audit log as "who what subject why", newest first.
func (o *office) log() []string {
	o.t.Helper()
	entries, err := o.db.AuditLog(o.t.Context(), database.AuditFilter{})
	if err != nil {
		o.t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, strings.TrimSpace(e.Who+" "+e.What+" "+e.Subject+" "+e.Why))
	}
	return all
}

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

// address parses one of ours.
func address(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// allowed says who may, route by route; it is written out here so that a change of the
// table is a change of two places.
var allowed = map[string]string{
	"GET /console/dang-nhap": "open", "POST /console/dang-nhap": "open", "POST /console/dang-xuat": "all", "GET /console/{$}": "all", "GET /console/tra-cuu": "all",
	"GET /console/hop-thu": "officer admin", "GET /console/hop-thu/{id}": "officer admin", "POST /console/hop-thu/{id}/tra-loi": "officer admin",
	"POST /console/hop-thu/{id}/giao": "officer admin", "POST /console/hop-thu/{id}/ket-thuc": "officer admin",
	"GET /console/cau-hoi": "all", "GET /console/cau-hoi/{id}": "all", "POST /console/cau-hoi/{id}/tiep-nhan": "officer admin", "GET /console/truy-van": "all",
	"GET /console/duyet": "all", "GET /console/duyet/moi": "officer editor admin", "POST /console/duyet/moi": "officer editor admin", "GET /console/duyet/{id}": "all",
	"POST /console/duyet/{id}": "officer editor admin", "POST /console/duyet/{id}/thu-hoi": "officer editor admin",
	"GET /console/dinh-chinh/{khoa}": "editor admin", "POST /console/dinh-chinh/{khoa}/dung": "editor admin", "GET /console/dinh-chinh": "editor admin", "POST /console/dinh-chinh": "editor admin",
	"GET /console/tri-thuc": "all", "GET /console/chat-luong": "all", "GET /console/cong-tac": "all", "POST /console/cong-tac": "admin", "GET /console/nhat-ky": "admin",
	"GET /console/mat-khau": "all", "POST /console/mat-khau": "all",
	"GET /console/sso": "open", "GET /console/sso/ve": "open",
}

func TestEveryRouteSaysWhoMay(t *testing.T) {
	o := newOffice(t, func(opts *web.Options) { opts.Console.SSO = web.NewSSO("http://127.0.0.1:1", "c", "s") })
	routes := web.ConsoleRoutes(o.opts)
	for _, pattern := range routes {
		if allowed[pattern] == "" {
			t.Errorf("%s is not in the list of who may", pattern)
		}
	}
	if len(routes) != len(allowed) {
		t.Errorf("%d routes, %d in the list", len(routes), len(allowed))
	}
	for _, role := range []string{"", "officer", "editor", "evaluator", "admin"} {
		for _, pattern := range routes {
			who := allowed[pattern]
			if who == "open" || strings.HasSuffix(pattern, "dang-xuat") && role != "" {
				continue
			}
			c := browserOf(t)
			if role != "" {
				c = o.session(role)
			}
			method, path, _ := strings.Cut(pattern, " ")
			path = strings.NewReplacer("{$}", "", "{id}", "999", "{khoa}", "999").Replace(path)
			var form url.Values
			if method == "POST" {
				form = url.Values{}
			}
			status, body, h := o.page(c, path, form)
			toSignIn := status == http.StatusSeeOther && strings.HasPrefix(h.Get("Location"), "/console/dang-nhap")
			may := who == "all" || slices.Contains(strings.Fields(who), role)
			switch {
			case role == "" && !toSignIn:
				t.Errorf("%s without signing in: status %d, want to be led to sign in", pattern, status)
			case role != "" && toSignIn:
				t.Errorf("%s as %s: led to sign in", pattern, role)
			case role != "" && may == (status == http.StatusForbidden):
				t.Errorf("%s as %s: status %d, may %v", pattern, role, status, may)
			case status >= 500:
				t.Errorf("%s as %s: status %d: %s", pattern, role, status, body)
			}
		}
	}
}

// No page of the console is kept by a browser or a proxy, shown in a frame or runs what is
// not ours.
func TestHeadersOfTheConsole(t *testing.T) {
	o := newOffice(t, nil)
	c := o.session("admin")
	id := o.ticket("a", "Việc của a", "Xã Mậu A", "khai-sinh")
	for _, pattern := range append(web.ConsoleRoutes(o.opts), "GET /console/khong-co") {
		method, path, _ := strings.Cut(pattern, " ")
		if method != "GET" {
			continue
		}
		path = strings.NewReplacer("{$}", "", "{id}", fmt.Sprint(id), "{khoa}", "999").Replace(path)
		status, _, h := o.page(c, path, nil)
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self'; ") || !strings.HasSuffix(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") ||
			h.Get("X-Frame-Options") != "DENY" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s (%d): %v", path, status, h)
		}
	}
}

// session signs in without the password, which takes its time.
func (o *office) session(name string) *http.Client {
	o.t.Helper()
	c := browserOf(o.t)
	token := strings.Repeat("a", 43-len(name)) + name
	if err := o.db.EndSession(o.t.Context(), web.HashToken(token)); err != nil {
		o.t.Fatal(err)
	}
	if err := o.db.AddSession(o.t.Context(), database.Session{Hash: web.HashToken(token), Account: name, Expires: o.clock.now().Add(time.Hour)}); err != nil {
		o.t.Fatal(err)
	}
	c.Jar.SetCookies(address(o.URL+"/console/"), []*http.Cookie{{Name: "troly-console", Value: token, Path: "/console"}})
	return c
}

// Every form and link of the pages leads to a route that is in the table.
func TestEveryLinkOfTheConsoleIsARoute(t *testing.T) {
	o := newOffice(t, func(opts *web.Options) { opts.Console.SSO = web.NewSSO("http://127.0.0.1:1", "c", "s") })
	mux := http.NewServeMux()
	for _, pattern := range web.ConsoleRoutes(o.opts) {
		mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
	}
	o.ticket("a", "Việc của a", "Xã Mậu A", "khai-sinh")
	id := o.asked("a", "khai sinh cho con", "Trả lời [1]", pipeline.Answered, "khai-sinh")
	c := o.session("admin")
	reference := regexp.MustCompile(`(href|action)="(/console[^"?]*)[^"]*"([^>]*method="post")?`)
	seen := 0
	for _, path := range []string{"/console/dang-nhap", "/console/tra-cuu?q=khai+sinh", "/console/hop-thu", "/console/hop-thu?loai=yeu", "/console/hop-thu/1", "/console/cau-hoi", "/console/cau-hoi/" + id, "/console/truy-van?q=khai+sinh",
		"/console/duyet", "/console/duyet/moi?cau-hoi=" + id, "/console/dinh-chinh?cau-hoi=" + id, "/console/tri-thuc", "/console/chat-luong", "/console/cong-tac", "/console/nhat-ky", "/console/mat-khau", "/console/khong-co"} {
		_, body, _ := o.page(c, path, nil)
		for _, m := range reference.FindAllStringSubmatch(body, -1) {
			method := http.MethodGet
			if m[3] != "" {
				method = http.MethodPost
			}
			seen++
			if _, pattern := mux.Handler(httptest.NewRequest(method, m[2], nil)); pattern == "" {
				t.Errorf("%s has a %s to %s, which is no route for %s", path, m[1], m[2], method)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d links were looked at", seen)
	}
}

func TestConsoleRefusesOtherSites(t *testing.T) {
	o := newOffice(t, nil)
	c := o.session("admin")
	forms := 0
	for _, pattern := range web.ConsoleRoutes(o.opts) {
		path, isForm := strings.CutPrefix(pattern, "POST ")
		if !isForm {
			continue
		}
		forms++
		path = strings.NewReplacer("{id}", "1", "{khoa}", "0123456789abcdefghijkl").Replace(path)
		for _, site := range []string{"cross-site", "same-site"} {
			req, err := http.NewRequest("POST", o.URL+path, strings.NewReader("ten=model&bat=0&ly-do=x"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Sec-Fetch-Site", site)
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("a form from %s for %s: status %d, want 403", site, path, resp.StatusCode)
			}
		}
	}
	if set, _ := o.db.Switches(t.Context()); len(set) != 0 || forms < 12 {
		t.Errorf("of %d forms one turned a switch: %v", forms, set)
	}
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

func TestTicketIsAnswered(t *testing.T) {
	o := newOffice(t, nil)
	o.asked("a", "làm khai sinh mất bao lâu", "Trong ngày [1]", pipeline.Answered, "khai-sinh")
	id := o.ticket("a", "Hỏi thời hạn khai sinh", "Xã Mậu A", "khai-sinh")
	o.asked("b", "câu của người khác", "Trả lời người khác", pipeline.Answered, "tam-tru")
	c := o.session("officer")
	path := fmt.Sprintf("/console/hop-thu/%d", id)
	_, body, _ := o.page(c, path, nil)
	for _, want := range []string{"làm khai sinh mất bao lâu", "Trong ngày", "Xã Mậu A", "Hỏi thời hạn khai sinh"} {
		if !strings.Contains(body, want) {
			t.Errorf("the ticket does not show %q", want)
		}
	}
	if strings.Contains(body, "người khác") {
		t.Error("the ticket shows another dialogue")
	}
	status, _, h := o.page(c, path+"/giao", url.Values{"tu": {""}, "nguoi": {"officer"}, "han": {"2026-11-28T17:00"}})
	if status != http.StatusSeeOther || h.Get("Location") != path+"?xong=giao" {
		t.Fatalf("assigning: %d", status)
	}
	if status, _, _ := o.page(c, path+"/giao", url.Values{"tu": {""}, "nguoi": {"admin"}}); status != http.StatusConflict {
		t.Errorf("assigning what another has meanwhile: %d, want 409", status)
	}
	if status, _, _ := o.page(c, path+"/giao", url.Values{"tu": {"officer"}, "nguoi": {"evaluator"}}); status != http.StatusBadRequest {
		t.Errorf("assigning to who may not answer: %d, want 400", status)
	}
	if status, _, _ := o.page(c, path+"/tra-loi", url.Values{"tra-loi": {"  \r\n"}}); status != http.StatusBadRequest {
		t.Errorf("an empty reply: %d, want 400", status)
	}
	if status, _, _ := o.page(c, path+"/tra-loi", url.Values{"tra-loi": {"Chị mang giấy chứng sinh\r\nđến UBND xã nhé."}}); status != http.StatusSeeOther {
		t.Fatalf("reply: %d", status)
	}
	if got := o.outbox(); !slices.Equal(got, []string{"a: Chị mang giấy chứng sinh\nđến UBND xã nhé."}) {
		t.Errorf("sent %q", got)
	}
	if held, _ := o.db.Held(t.Context(), "telegram", "a"); held.IsZero() {
		t.Error("the bot is not silent")
	}
	_, body, _ = o.page(c, path+"?xong=tra-loi", nil)
	if !strings.Contains(body, "Đã gửi câu trả lời") || !strings.Contains(body, "Cán bộ officer") {
		t.Error("the reply is not on the page")
	}
	if status, _, _ := o.page(c, path+"/ket-thuc", url.Values{"cach": {"tra-lai"}, "ly-do": {"xong"}}); status != http.StatusSeeOther {
		t.Fatalf("release: %d", status)
	}
	if held, _ := o.db.Held(t.Context(), "telegram", "a"); !held.IsZero() {
		t.Error("the bot is still silent")
	}
	if status, body, _ := o.page(c, path+"/tra-loi", url.Values{"tra-loi": {"Thêm"}}); status != http.StatusConflict || !strings.Contains(body, "Thêm") {
		t.Errorf("a reply to what has ended: %d, want 409 with the text kept", status)
	}
	want := []string{"officer end ticket ticket 1 released xong", "officer reply to ticket ticket 1", "officer assign ticket ticket 1 to officer"}
	got := slices.DeleteFunc(o.log(), func(l string) bool { return strings.Contains(l, "read ") || strings.HasPrefix(l, "test ") })
	if !slices.Equal(got, want) {
		t.Errorf("log %q, want %q", got, want)
	}
}

// A form takes so many letters as it says, and what is longer is refused and kept on the
// page: cut off, half a sentence would go out, and nobody would know.
func TestNothingThatStaffWriteIsCutOff(t *testing.T) {
	o := newOffice(t, nil)
	id := o.asked("a", "Lệ phí khai sinh?", "Miễn phí.", pipeline.Answered, "khai-sinh")
	ticket := "/console/hop-thu/" + fmt.Sprint(o.ticket("a", "Lệ phí khai sinh?", "", ""))
	whole := func(letters int) string { return strings.Repeat("ệ", letters-1) + "." }
	officer, editor := o.as("officer"), o.as("editor")
	recall := func(text string) url.Values {
		return url.Values{"cau-hoi": {id}, "noi-dung": {text}, "ly-do": {"sai"}, "so-nguoi": {"1"}, "da-xem": {"1"}}
	}
	approved := func(text string) url.Values {
		return url.Values{"hoi": {"lệ phí khai sinh"}, "dap": {text}, "nguoi": {"editor"}, "nguon": {"khai-sinh"}, "den": {"2026-12-31"}}
	}
	for _, tt := range []struct {
		what, at string
		who      *http.Client
		form     func(string) url.Values
		most, ok int
	}{
		{"reply", ticket + "/tra-loi", officer, func(text string) url.Values { return url.Values{"tra-loi": {text}} }, 4000, http.StatusSeeOther},
		{"correction", "/console/dinh-chinh", editor, recall, 4000, http.StatusSeeOther},
		{"approved answer", "/console/duyet/moi", editor, approved, 6000, http.StatusSeeOther},
	} {
		if status, body, _ := o.page(tt.who, tt.at, tt.form(whole(tt.most+1))); status != http.StatusBadRequest || !strings.Contains(body, whole(tt.most+1)) {
			t.Errorf("%s of %d letters: status %d, want 400 and all of it on the page", tt.what, tt.most+1, status)
		}
		if status, _, _ := o.page(tt.who, tt.at, tt.form(whole(tt.most))); status != tt.ok {
			t.Errorf("%s of %d letters: status %d, want %d", tt.what, tt.most, status, tt.ok)
		}
	}
	if sent := o.outbox(); len(sent) != 2 || !strings.HasSuffix(sent[0], whole(4000)) || !strings.HasSuffix(sent[1], whole(4000)) {
		t.Errorf("%d sent, want two that are whole", len(sent))
	}
	all, err := o.db.ApprovedAnswers(t.Context())
	if err != nil || len(all) != 1 || all[0].Answer != whole(6000) {
		t.Errorf("%d approved answers, %v, want one that is whole", len(all), err)
	}
}

// The note on a ticket stays in the log for good: nothing personal of residents does.
func TestNotesInTheLogAreMasked(t *testing.T) {
	o := newOffice(t, nil)
	path := "/console/hop-thu/" + fmt.Sprint(o.ticket("a", "x", "", ""))
	if status, _, _ := o.page(o.as("officer"), path+"/ket-thuc", url.Values{"cach": {"dong"}, "ly-do": {"đã gọi 0912345678"}}); status != http.StatusSeeOther {
		t.Fatalf("closing: %d", status)
	}
	if got, want := o.log()[0], "officer end ticket ticket 1 closed đã gọi [số điện thoại]"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestTicketWindow(t *testing.T) {
	o := newOffice(t, nil)
	id := o.ticket("a", "x", "", "")
	o.desk.window = web.Window{Why: web.WindowPassed}
	c := o.session("officer")
	path := fmt.Sprintf("/console/hop-thu/%d", id)
	if _, body, _ := o.page(c, path, nil); !strings.Contains(body, "thời gian đó đã hết") {
		t.Error("the page does not say that the window is over")
	}
	status, body, _ := o.page(c, path+"/tra-loi", url.Values{"tra-loi": {"Câu của tôi"}})
	if status != http.StatusConflict || !strings.Contains(body, "Câu của tôi") || len(o.outbox()) != 0 {
		t.Errorf("status %d; nothing may be sent and the text stays", status)
	}
}

func TestInboxFilters(t *testing.T) {
	o := newOffice(t, nil)
	o.ticket("a", "Việc thứ nhất", "Xã Mậu A", "khai-sinh")
	o.clock.add(2 * time.Hour)
	o.ticket("b", "Việc thứ hai", "Phường Yên Bái", "tam-tru")
	o.asked("c", "Hỏi chuyện không ai biết", "", pipeline.Abstained)
	if err := o.db.AssignTicket(t.Context(), database.By{Who: "test"}, 2, "", "officer", o.clock.now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	c := o.session("officer")
	for query, want := range map[string][2]bool{ // shows the first, the second
		"": {true, true}, "xa=X%C3%A3+M%E1%BA%ADu+A": {true, false}, "viec=tam-tru": {false, true}, "tuoi=1h": {true, false}, "tuoi=1d": {false, false},
		"cua=toi": {false, true}, "cua=chua": {true, false}, "trang-thai=assigned": {false, true}, "loai=xong": {false, false}, "sau=1": {false, true}, "sau=x": {true, true},
	} {
		_, body, _ := o.page(c, "/console/hop-thu?"+query, nil)
		if got := [2]bool{strings.Contains(body, "Việc thứ nhất"), strings.Contains(body, "Việc thứ hai")}; got != want {
			t.Errorf("?%s shows %v, want %v", query, got, want)
		}
	}
	_, body, _ := o.page(c, "/console/hop-thu", nil)
	if !strings.Contains(body, "1 quá hạn") {
		t.Error("nothing is said to be late")
	}
	low := ""
	for _, d := range o.opts.Library.Documents {
		if d.Confidence == "low" {
			low = d.ID
		}
	}
	o.asked("d", "Hỏi chuyện chưa chắc", "Có lẽ [1]", pipeline.Answered, low)
	o.asked("e", "Hỏi chuyện chắc chắn", "Chắc chắn [1]", pipeline.Answered, "tam-tru")
	for query, want := range map[string][3]bool{"": {true, true, false}, "&viec=" + low: {false, true, false}, "&tuoi=1h": {false, false, false}} {
		_, body, _ := o.page(c, "/console/hop-thu?loai=yeu"+query, nil)
		if got := [3]bool{strings.Contains(body, "Hỏi chuyện không ai biết"), strings.Contains(body, "Hỏi chuyện chưa chắc"), strings.Contains(body, "Hỏi chuyện chắc chắn")}; got != want {
			t.Errorf("?loai=yeu%s lists %v, want %v", query, got, want)
		}
	}
}

func TestOutcomes(t *testing.T) {
	o := newOffice(t, nil)
	first := o.asked("a", "lệ phí tạm trú", "15.000 đồng [1]", pipeline.Answered, "tam-tru")
	o.clock.add(48 * time.Hour)
	o.asked("b", "chuyện trên trời", "", pipeline.Abstained)
	if err := o.db.AddFeedback(t.Context(), database.Feedback{Outcome: first, Reason: "Sai số tiền", Channel: "telegram", Person: "p-a", At: o.clock.now()}); err != nil {
		t.Fatal(err)
	}
	c := o.session("evaluator")
	for query, want := range map[string][2]bool{
		"": {true, true}, "trang-thai=abstained": {false, true}, "kenh=telegram": {true, true}, "kenh=web": {false, false}, "viec=tam-tru": {true, false}, "y-kien=bad": {true, false},
		"y-kien=good": {false, false}, "kiem-tra=any": {false, false}, "chu=TROI": {false, true}, "tu=2026-11-28": {false, true}, "den=2026-11-27": {true, false}, "truoc=hong": {false, false},
	} {
		status, body, _ := o.page(c, "/console/cau-hoi?"+query, nil)
		if got := [2]bool{strings.Contains(body, "lệ phí tạm trú"), strings.Contains(body, "chuyện trên trời</a>")}; got != want || status != 200 {
			t.Errorf("?%s: status %d, shows %v, want %v", query, status, got, want)
		}
	}
	_, body, _ := o.page(c, "/console/cau-hoi/"+first, nil)
	for _, want := range []string{"15.000 đồng", "Sai số tiền", "0.8300", "Con số có trong nguồn", "0.4 ms", "k1", "b1"} {
		if !strings.Contains(body, want) {
			t.Errorf("the trace does not show %q", want)
		}
	}
	if strings.Contains(body, "/tiep-nhan") {
		t.Error("an evaluator is offered what they may not")
	}
	for i := range 60 {
		o.asked(fmt.Sprint("n", i), fmt.Sprintf("câu số %d", i), "x", pipeline.Answered)
	}
	_, body, _ = o.page(c, "/console/cau-hoi", nil)
	next := regexp.MustCompile(`href="(/console/cau-hoi\?truoc=[^"]+)"`).FindStringSubmatch(body)
	if next == nil {
		t.Fatal("no second page is offered")
	}
	if _, body, _ := o.page(c, html.UnescapeString(next[1]), nil); !strings.Contains(body, "lệ phí tạm trú") || strings.Contains(body, "câu số 59") {
		t.Error("the second page is not the older one")
	}
}

func TestTakeOver(t *testing.T) {
	o := newOffice(t, nil)
	id := o.asked("a", "chuyện khó", "", pipeline.Abstained)
	c := o.session("officer")
	status, _, h := o.page(c, "/console/cau-hoi/"+id+"/tiep-nhan", url.Values{})
	if status != http.StatusSeeOther || h.Get("Location") != "/console/hop-thu/1?xong=tiep-nhan" {
		t.Fatalf("status %d, %s", status, h.Get("Location"))
	}
	if k, err := o.db.TicketByID(t.Context(), 1); err != nil || k.Dialogue != "a" || k.Assignee != "officer" || k.Summary != "chuyện khó" {
		t.Errorf("ticket %+v, %v", k, err)
	}
}

func TestAskSideBySide(t *testing.T) {
	o := newOffice(t, nil)
	c := o.session("officer")
	_, body, _ := o.page(c, "/console/tra-cuu?q="+url.QueryEscape("đăng ký tạm trú hết bao nhiêu tiền"), nil)
	for _, want := range []string{"15.000 đồng", "Căn cứ pháp lý", `href="/tt/tam-tru/phieu"`, "data-copy"} {
		if !strings.Contains(body, want) {
			t.Errorf("the answer does not show %q", want)
		}
	}
	if n := strings.Count(body, `class="panel card"`); n != 2 {
		t.Errorf("%d cards, want 2", n)
	}
	_, body, _ = o.page(c, "/console/tra-cuu?q=khai+sinh&so=khai-sinh&so=tam-tru&so=ket-hon", nil)
	if n := strings.Count(body, `class="panel card"`); n < 1 || n > 3 {
		t.Errorf("%d cards, want 1 to 3", n)
	}
	_, body, _ = o.page(c, "/console/tra-cuu?q=khai+sinh&linh-vuc=khong-co", nil)
	if !strings.Contains(body, "Không có tài liệu nào khớp bộ lọc") {
		t.Error("a filter that lets nothing through is not explained")
	}
	if _, body, _ := o.page(c, "/console/truy-van?q=khai+sinh", nil); !strings.Contains(body, "khai-sinh/") || !regexp.MustCompile(`điểm \d+\.\d{4}`).MatchString(body) {
		t.Error("what retrieval returns has no scores")
	}
	if status, body, _ := o.page(c, "/console/tra-cuu?q="+url.QueryEscape("số căn cước 015204001234 của tôi"), nil); status != 200 || strings.Contains(body, "015204001234") {
		t.Error("personal data of the question is shown")
	}
}

func TestApprovedAnswers(t *testing.T) {
	versions := map[string]string{"khai-sinh": "v1", "tam-tru": "v1"}
	o := newOffice(t, func(opts *web.Options) {
		opts.Console.Versions = func() map[string]string { return versions }
		_, assistant := real()
		opts.Console.Withholds = func(answer string, documents []string) []string {
			answer = strings.ReplaceAll(answer, "0216 385 2999", "113") // which its library has not
			return assistant.Withholds(pipeline.Approved{Answer: answer, Documents: documents})
		}
		lib := *opts.Library // with a number of an office that looks like anybody's
		lib.Contacts = append(slices.Clone(lib.Contacts), corpus.Contact{ID: "van-phong", Phone: "02163852999", Verified: true})
		opts.Library = &lib
	})
	id := o.asked("a", "khai sinh muộn có bị phạt không", "Không bị phạt [1]", pipeline.Answered, "khai-sinh")
	c := o.session("officer")
	_, body, _ := o.page(c, "/console/duyet/moi?cau-hoi="+id, nil)
	for _, want := range []string{"khai sinh muộn có bị phạt không", "Không bị phạt [1]", `value="khai-sinh" checked`} {
		if !strings.Contains(body, want) {
			t.Errorf("the form does not begin with %q", want)
		}
	}
	form := func(change ...string) url.Values {
		v := url.Values{"hoi": {"Khai sinh muộn có bị phạt không?\nkhai sinh trễ hạn"}, "dap": {"Khai sinh muộn không bị phạt tiền."}, "nguon": {"khai-sinh", ""}, "nguoi": {"officer"}, "den": {"2027-03-31"}, "tu-cau-hoi": {id}}
		for i := 0; i < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v
	}
	for _, wrong := range [][]string{{"hoi", ""}, {"dap", ""}, {"nguon", ""}, {"nguon", "khong-co"}, {"nguoi", "khong-co"}, {"den", ""}, {"den", "2026-11-01"}, {"den", "2030-01-01"}, {"dap", "Gọi anh Nam số 0912345678 nhé"}, {"dap", "Gọi 0216 385 2998 nhé"},
		{"dap", "Xem ở https://dichvucong-gov.xyz nhé."}, {"dap", "Đến Ủy ban nhân dân huyện Văn Chấn nộp nhé."}, {"dap", "Khai sinh muon thi khong bi phat tien dau ban nhe."}} {
		status, body, _ := o.page(c, "/console/duyet/moi", form(wrong...))
		if status != http.StatusBadRequest || !strings.Contains(body, `role="alert"`) {
			t.Errorf("%q: status %d, want 400 with a reason", wrong, status)
		}
	}
	if all, _ := o.db.ApprovedAnswers(t.Context()); len(all) != 0 {
		t.Fatalf("%d were kept all the same", len(all))
	}
	if status, body, _ := o.page(c, "/console/duyet/moi", form("dap", "Khai sinh muộn không bị phạt tiền. Hỏi thêm: 0216 385 2999.")); status != http.StatusSeeOther {
		t.Fatalf("status %d: %s", status, body)
	}
	a, err := o.db.ApprovedByID(t.Context(), 1)
	if err != nil || len(a.Questions) != 2 || a.Owner != "officer" || a.State != database.ApprovedActive || !slices.Equal(a.Sources, []database.ApprovedSource{{Document: "khai-sinh", Version: "v1"}}) || a.Outcome != id {
		t.Fatalf("kept %+v, %v", a, err)
	}
	if current, _ := o.db.CurrentApproved(t.Context(), versions); len(current) != 1 {
		t.Errorf("%d may be given now, want 1", len(current))
	}
	versions = map[string]string{"khai-sinh": "v2"}
	if _, body, _ := o.page(c, "/console/duyet", nil); !strings.Contains(body, "Nguồn đã đổi") {
		t.Error("a changed source is not shown in the list")
	}
	_, body, _ = o.page(c, "/console/duyet/1", nil)
	if !strings.Contains(body, "Nguồn đã đổi nên câu này không được dùng") {
		t.Error("a changed source is not shown on the page")
	}
	seen := regexp.MustCompile(`name="thay-luc" value="(\d+)"`).FindStringSubmatch(body)
	if status, _, _ := o.page(c, "/console/duyet/1", form("thay-luc", "1")); status != http.StatusConflict {
		t.Errorf("saving over a newer state: %d, want 409", status)
	}
	if status, _, _ := o.page(c, "/console/duyet/1", form("thay-luc", seen[1], "dap", "Mới")); status != http.StatusSeeOther {
		t.Errorf("saving: %d", status)
	}
	if current, _ := o.db.CurrentApproved(t.Context(), versions); len(current) != 1 || current[0].Answer != "Mới" {
		t.Errorf("after saving anew: %+v", current)
	}
	if status, _, _ := o.page(c, "/console/duyet/1/thu-hoi", url.Values{}); status != http.StatusBadRequest {
		t.Errorf("withdrawing without a reason: %d, want 400", status)
	}
	if status, _, _ := o.page(c, "/console/duyet/1/thu-hoi", url.Values{"ly-do": {"Quy định đã đổi"}}); status != http.StatusSeeOther {
		t.Errorf("withdrawing: %d", status)
	}
	if current, _ := o.db.CurrentApproved(t.Context(), versions); len(current) != 0 {
		t.Error("a withdrawn answer may be given")
	}
	if log := o.log(); log[0] != "officer set approved answer approved answer 1 withdrawn Quy định đã đổi" {
		t.Errorf("log %q", log[0])
	}
}

func TestRecall(t *testing.T) {
	o := newOffice(t, nil)
	var id string
	for _, d := range []string{"a", "b", "c"} {
		id = o.asked(d, "lệ phí tạm trú", "99.000 đồng [1]", pipeline.Answered, "tam-tru")
	}
	o.asked("d", "lệ phí khác", "khác [1]", pipeline.Answered, "khai-sinh")
	c := o.session("editor")
	_, body, _ := o.page(c, "/console/dinh-chinh?cau-hoi="+id, nil)
	if !strings.Contains(body, "Người nhận: 3") || !strings.Contains(body, "99.000 đồng") {
		t.Error("the preview does not show who and what")
	}
	if strings.Contains(body, "mở lại trang") {
		t.Error("the preview speaks of the chat page, where nobody of them asked")
	}
	if err := o.db.AddOutcome(t.Context(), database.Outcome{ID: "web-1", Channel: web.Channel, Dialogue: "w", Person: "w", Status: "answered", At: o.clock.now(), Body: []byte(`{"answer":"x","citations":[{"document":"ket-hon"}]}`)}); err != nil {
		t.Fatal(err)
	}
	if _, body, _ := o.page(c, "/console/dinh-chinh?viec=ket-hon", nil); !strings.Contains(body, "mở lại trang") {
		t.Error("the preview does not say who on the chat page will read it")
	}
	key := regexp.MustCompile(`name="khoa" value="([^"]+)"`).FindStringSubmatch(body)[1]
	form := func(change ...string) url.Values {
		v := url.Values{"cau-hoi": {id}, "noi-dung": {"Xin đính chính: lệ phí là 15.000 đồng."}, "ly-do": {"Sai số tiền"}, "khoa": {key}, "so-nguoi": {"3"}, "nhieu-nhat": {"2"}, "da-xem": {"1"}}
		for i := 0; i < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v
	}
	for _, tt := range []struct {
		change []string
		want   int
	}{{[]string{"noi-dung", ""}, 400}, {[]string{"ly-do", ""}, 400}, {[]string{"da-xem", ""}, 400}, {[]string{"cau-hoi", ""}, 400}, {[]string{"so-nguoi", "2"}, 409}} {
		if status, _, _ := o.page(c, "/console/dinh-chinh", form(tt.change...)); status != tt.want {
			t.Errorf("%q: status %d, want %d", tt.change, status, tt.want)
		}
	}
	if sent := o.outbox(); len(sent) != 0 {
		t.Fatalf("sent %q before anybody said so", sent)
	}
	// press sends the form and returns what the page of the recall says.
	press := func() string {
		t.Helper()
		status, _, h := o.page(c, "/console/dinh-chinh", form())
		if status != http.StatusSeeOther || h.Get("Location") != "/console/dinh-chinh/"+key {
			t.Fatalf("status %d to %s", status, h.Get("Location"))
		}
		_, body, _ := o.page(c, h.Get("Location"), nil)
		return body
	}
	if body := press(); !strings.Contains(body, "Đã gửi đủ số lần này: 2 / 3 người.</strong> Đã xếp gửi 2.") || !strings.Contains(body, `href="/console/dinh-chinh?cau-hoi=`+id+"&amp;khoa="+key) {
		t.Errorf("the first two were not written to: %s", body)
	}
	if _, body, _ := o.page(c, "/console/dinh-chinh?cau-hoi="+id+"&khoa="+key, nil); !strings.Contains(body, "Gửi tiếp một đợt") || strings.Count(body, `name="khoa" value="`+key) != 2 || !strings.Contains(body, "Xin đính chính: lệ phí là 15.000 đồng.</textarea>") {
		t.Error("the page to go on at does not know the recall")
	}
	if body := press(); !strings.Contains(body, "Đã xong: 3 / 3 người.</strong> Đã xếp gửi 1. Đã nhận từ trước 2") {
		t.Errorf("the rest was not written to, once: %s", body)
	}
	if body := press(); !strings.Contains(body, "Đã xếp gửi 0") {
		t.Errorf("somebody is written to twice: %s", body)
	}
	sent := o.outbox()
	slices.Sort(sent)
	if len(sent) != 3 || !strings.HasPrefix(sent[0], "a: Xin đính chính") || !strings.HasPrefix(sent[2], "c: ") {
		t.Errorf("sent %q", sent)
	}
	if log := o.log(); !slices.Contains(log, "editor recall recall "+key+" to at most 2 of 3 Sai số tiền") {
		t.Errorf("log %q", log)
	}
}

// A recall reaches everybody, however many there are; who asks after it began is not
// among them.
func TestRecallOfMany(t *testing.T) {
	o := newOffice(t, nil)
	const many = 510 // more than are read at once
	var id string
	for i := range many {
		id = o.asked(fmt.Sprint("d", i), "lệ phí tạm trú", "99.000 đồng [1]", pipeline.Answered, "tam-tru")
	}
	c := o.session("editor")
	later := false
	o.desk.before = func() {
		if !later {
			later = true
			o.asked("later", "lệ phí tạm trú", "99.000 đồng [1]", pipeline.Answered, "tam-tru")
		}
	}
	status, _, h := o.page(c, "/console/dinh-chinh", url.Values{"cau-hoi": {id}, "noi-dung": {"Là 15.000 đồng."}, "ly-do": {"Sai"}, "khoa": {"0123456789abcdefghijkl"}, "so-nguoi": {fmt.Sprint(many)}, "nhieu-nhat": {"1000"}, "da-xem": {"1"}})
	if status != http.StatusSeeOther {
		t.Fatalf("status %d", status)
	}
	if _, body, _ := o.page(c, h.Get("Location"), nil); !strings.Contains(body, "Đã xong: 510 / 510 người.</strong> Đã xếp gửi 510.") {
		t.Errorf("not everybody was written to: %s", body)
	}
}

// A recall goes on beside the requests; who began it sees how far it is, can stop it, and
// does not begin it twice. Another process knows how many were written to.
func TestRecallInTheBackground(t *testing.T) {
	work := make(chan func(context.Context), 2)
	o := newOffice(t, func(opts *web.Options) {
		opts.Console.Background = func(f func(context.Context)) { work <- f }
	})
	under, step := make(chan struct{}, 10), make(chan struct{})
	o.desk.before = func() {
		under <- struct{}{}
		<-step
	}
	var id string
	for i := range 5 {
		id = o.asked(fmt.Sprint("d", i), "lệ phí tạm trú", "99.000 đồng [1]", pipeline.Answered, "tam-tru")
	}
	const key = "0123456789abcdefghijkl"
	c := o.session("editor")
	press := func() {
		t.Helper()
		if status, _, _ := o.page(c, "/console/dinh-chinh", url.Values{"cau-hoi": {id}, "noi-dung": {"Là 15.000 đồng."}, "ly-do": {"Sai"}, "khoa": {key}, "so-nguoi": {"5"}, "nhieu-nhat": {"5"}, "da-xem": {"1"}}); status != http.StatusSeeOther {
			t.Fatalf("status %d", status)
		}
	}
	says := func(o *office, c *http.Client, want string) {
		t.Helper()
		if _, body, _ := o.page(c, "/console/dinh-chinh/"+key, nil); !strings.Contains(body, want) {
			t.Errorf("the page does not say %q: %s", want, body)
		}
	}
	press()
	press() // while it runs
	if len(work) != 1 {
		t.Fatalf("it was begun %d times, want once", len(work))
	}
	var running sync.WaitGroup
	running.Go(func() { (<-work)(t.Context()) })
	step <- struct{}{} // the first is written to
	<-under
	<-under // the second is under way
	says(o, c, "Đang gửi: ")
	if status, _, _ := o.page(c, "/console/dinh-chinh/"+key+"/dung", url.Values{}); status != http.StatusSeeOther {
		t.Errorf("stop: status %d", status)
	}
	step <- struct{}{}
	running.Wait()
	says(o, c, "Đã dừng: 2 / 5 người.</strong> Đã xếp gửi 2.")
	if sent := o.outbox(); len(sent) != 2 {
		t.Errorf("sent %q, want 2", sent)
	}
	if log := o.log(); !slices.Contains(log, "editor stop recall recall "+key) {
		t.Errorf("log %q", log)
	}
	other := &office{Server: serve(t, o.opts), t: t, db: o.db, clock: o.clock, desk: o.desk, opts: o.opts}
	says(other, other.session("editor"), "Đã xếp gửi cho 2 người. Đợt này bắt đầu từ một máy chủ khác")
	press() // goes on
	ctx, stop := context.WithCancel(t.Context())
	running.Go(func() { (<-work)(ctx) })
	step <- struct{}{} // had it before
	stop()             // the server stops
	close(step)
	running.Wait()
	if _, body, _ := o.page(c, "/console/dinh-chinh/"+key, nil); !strings.Contains(body, "Gửi tiếp cho những người còn lại") || strings.Contains(body, "Đang gửi") {
		t.Error("a recall that the server ended is not told of as one to go on with")
	}
	for path, want := range map[string]int{"/console/dinh-chinh/0000000000000000000000": 404, "/console/dinh-chinh/x": 404} {
		if status, _, _ := o.page(c, path, nil); status != want {
			t.Errorf("%s = %d, want %d", path, status, want)
		}
	}
}

func TestSwitches(t *testing.T) {
	told := 0
	o := newOffice(t, func(opts *web.Options) { opts.Console.Changed = func(context.Context) { told++ } })
	c := o.session("admin")
	for _, wrong := range []url.Values{{"ten": {"model"}, "bat": {"0"}}, {"ten": {"model"}, "bat": {"0"}, "ly-do": {"  "}}, {"ten": {"khong-co"}, "bat": {"0"}, "ly-do": {"x"}}} {
		if status, _, _ := o.page(c, "/console/cong-tac", wrong); status != http.StatusBadRequest {
			t.Errorf("%v: status %d, want 400", wrong, status)
		}
	}
	if status, _, _ := o.page(c, "/console/cong-tac", url.Values{"ten": {"telegram"}, "bat": {"0"}, "ly-do": {"Bảo trì đường truyền"}}); status != http.StatusSeeOther {
		t.Fatalf("status %d", status)
	}
	set, err := o.db.Switches(t.Context())
	if err != nil || len(set) != 1 || set[0].On || set[0].Reason != "Bảo trì đường truyền" || set[0].Who != "admin" || told != 1 {
		t.Errorf("switches %+v, %v, told %d times", set, err, told)
	}
	for _, role := range []string{"officer", "editor", "evaluator", "admin"} {
		if _, body, _ := o.page(o.session(role), "/console/tra-cuu", nil); !strings.Contains(body, "Đang tắt: Kênh Telegram") || !strings.Contains(body, "Bảo trì đường truyền") {
			t.Errorf("%s does not see what is off", role)
		}
	}
	if log := o.log(); !slices.Contains(log, "admin switch off telegram Bảo trì đường truyền") {
		t.Errorf("log %q", log)
	}
	if _, body, _ := o.page(c, "/console/nhat-ky?viec=switch+off", nil); !strings.Contains(body, "Bảo trì đường truyền") || strings.Contains(body, "<td>Tạo tài khoản</td>") {
		t.Error("the log is not shown by kind")
	}
}

func TestKnowledgeState(t *testing.T) {
	o := newOffice(t, func(opts *web.Options) {
		opts.Console.Lint = func() ([]corpus.Problem, error) {
			return []corpus.Problem{{File: "procedures/a.md", Line: 3, Message: "nói khác b.md"}}, nil
		}
		opts.Console.Runs = func() ([]web.Run, error) {
			return []web.Run{{Name: "lan-1", At: someDay, Figures: []web.Figure{{Name: "Đúng", Value: "91,2 %"}}}}, nil
		}
	})
	for i, q := range []string{"mua bảo hiểm xe máy ở đâu", "bảo hiểm xe máy giá bao nhiêu", "mất bảo hiểm xe máy thì sao", "câu cá ở hồ Thác Bà"} {
		o.asked(fmt.Sprint(i), q, "", pipeline.Abstained)
	}
	c := o.session("editor")
	_, body, _ := o.page(c, "/console/tri-thuc", nil)
	for _, want := range []string{"procedures/a.md, dòng 3: nói khác b.md", "(4 từ 28/10/2026)"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if !regexp.MustCompile(`<h3>bảo hiểm xe máy \(3\)</h3>`).MatchString(body) {
		t.Errorf("the three questions on one matter are not together: %q", regexp.MustCompile(`<h3>[^<]*</h3>`).FindAllString(body, -1))
	}
	_, body, _ = o.page(c, "/console/chat-luong", nil)
	for _, want := range []string{"lan-1", "91,2 %", `<th scope="row">27/11/2026</th><td>4</td>`} {
		if !strings.Contains(body, want) {
			t.Errorf("quality does not show %q", want)
		}
	}
}

// Text of residents, officers, documents and the model is shown as text wherever it
// comes up.
func TestHostileTextInTheConsole(t *testing.T) {
	o := newOffice(t, nil)
	bad := strings.Join(hostile, " ")
	id := o.asked("a", bad, bad, pipeline.Answered, "khai-sinh")
	o.asked("b", bad, "", pipeline.Abstained)
	ticket := o.ticket("a", bad, bad, bad)
	if err := o.db.ReplyTicket(t.Context(), database.By{Who: "officer"}, ticket, bad, [][]byte{[]byte(`"x"`)}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := o.db.AddFeedback(t.Context(), database.Feedback{Outcome: id, Reason: bad, At: o.clock.now()}); err != nil {
		t.Fatal(err)
	}
	if err := o.db.SetSwitch(t.Context(), database.By{Who: "admin", Why: bad}, "model", false); err != nil {
		t.Fatal(err)
	}
	if _, err := o.db.AddApproved(t.Context(), database.By{Who: "admin"}, database.Approved{Questions: []string{bad}, Answer: bad, Owner: bad, State: database.ApprovedActive}); err != nil {
		t.Fatal(err)
	}
	c := o.session("admin")
	const recall = "0123456789abcdefghijkl"
	if status, _, _ := o.page(c, "/console/dinh-chinh", url.Values{"cau-hoi": {id}, "noi-dung": {bad[:min(len(bad), 2000)]}, "ly-do": {bad}, "khoa": {recall}, "so-nguoi": {"1"}, "da-xem": {"1"}}); status != http.StatusSeeOther {
		t.Errorf("a recall: status %d", status)
	}
	for _, path := range []string{"/console/dinh-chinh/" + recall, "/console/dinh-chinh?cau-hoi=" + id + "&khoa=" + recall, "/console/mat-khau", "/console/hop-thu", "/console/hop-thu?loai=yeu", fmt.Sprintf("/console/hop-thu/%d", ticket), "/console/cau-hoi", "/console/cau-hoi/" + id, "/console/duyet", "/console/duyet/1",
		"/console/dinh-chinh?cau-hoi=" + id, "/console/tri-thuc", "/console/cong-tac", "/console/nhat-ky", "/console/tra-cuu?q=" + url.QueryEscape(bad), "/console/truy-van?q=" + url.QueryEscape(bad),
		"/console/cau-hoi?chu=" + url.QueryEscape(bad), fmt.Sprintf("/console/duyet/moi?yeu-cau=%d", ticket), "/console/dang-nhap?tiep=" + url.QueryEscape(bad)} {
		status, body, h := o.page(c, path, nil)
		if status != http.StatusOK {
			t.Errorf("%s: status %d", path, status)
		}
		harmless(t, path, body)
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'") || strings.Contains(csp, "unsafe") || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: policy %q, cache %q", path, csp, h.Get("Cache-Control"))
		}
		for _, secret := range []string{staffHash(), "$argon2id"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s shows a hash", path)
			}
		}
	}
}
