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
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
