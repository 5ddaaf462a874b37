package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"troly/internal/corpus"
	"troly/internal/database"
)

// Console is what the staff console at /console/ works with.
type Console struct {
	DB       *database.DB
	Desk     Desk                             // nil: nothing can be said to residents from here
	Switches []SwitchName                     // what can be turned off, in the order shown
	Versions func() map[string]string         // of the documents, by ID; nil: those of Options.Library
	Lint     func() ([]corpus.Problem, error) // what is wrong in the knowledge files; nil: not known
	Runs     func() ([]Run, error)            // the last runs of the evaluation, newest first; nil: none are kept here
	// Withholds names the checks that an approved answer would fail whenever somebody asks
	// for it; nil: not known.
	Withholds func(answer string, documents []string) []string

	// Background does something beside the requests, with a context that ends when the
	// server stops, which waits for it then; nil: within the request.
	Background func(work func(context.Context))

	SSO     *SSO                      // signing in elsewhere; nil: by password only
	Changed func(ctx context.Context) // called after a switch or an approved answer was set, so that it holds here at once; nil: nobody is told
}

// SwitchName is something that can be turned off.
type SwitchName struct {
	Name, Label string
	Stops       string // what turning it off stops and what it does not, in a sentence or two
}

// console is the part of the server that staff use.
type console struct {
	*server
	db       *database.DB
	opts     Console
	sso      *SSO
	pages    map[string]*template.Template
	recalls  recalls
	checking chan struct{} // one place for each password that may be checked at once
}

//go:embed console
var consoleFiles embed.FS

func newConsole(s *server, opts Console) *console {
	if opts.Versions == nil {
		versions := map[string]string{}
		if s.library != nil {
			versions = s.library.Versions()
		}
		opts.Versions = func() map[string]string { return versions }
	}
	c := &console{server: s, db: opts.DB, opts: opts, sso: opts.SSO, pages: make(map[string]*template.Template), checking: make(chan struct{}, checkAtOnce)}
	base := template.Must(template.New("").Funcs(template.FuncMap{
		"asset": s.look.address, "iso": func(d corpus.Date) string { return string(d) },
		"when": when, "day": day, "age": func(t time.Time) string { return spell(c.now().Sub(t)) }, "name": wordFor, "doc": c.titleOf,
		"percent": percent, "ms": func(v float64) string { return fmt.Sprintf("%.1f", v) }, "score": func(v float64) string { return fmt.Sprintf("%.4f", v) },
		"local": inputTime,
	}).ParseFS(files, "templates/base.tmpl", "templates/parts.tmpl"))
	template.Must(base.ParseFS(consoleFiles, "console/frame.tmpl"))
	for _, f := range must(consoleFiles.ReadDir("console")) {
		if name := strings.TrimSuffix(f.Name(), ".tmpl"); name != "frame" {
			c.pages[name] = template.Must(template.Must(base.Clone()).ParseFS(consoleFiles, path.Join("console", f.Name())))
		}
	}
	return c
}

// Who may do what, beside looking things up, which all may.

// speaks reports whether a role speaks with residents.
func speaks(role database.Role) bool { return role == database.Officer || role == database.Admin }

// approves reports whether a role writes approved answers.
func approves(role database.Role) bool { return speaks(role) || role == database.Editor }

// corrects reports whether a role writes corrections to all who had an answer.
func corrects(role database.Role) bool { return role == database.Editor || role == database.Admin }

// administers reports whether a role turns things off and reads what others did.
func administers(role database.Role) bool { return role == database.Admin }

// anyRole lets whoever is signed in.
func anyRole(database.Role) bool { return true }

// consoleRoute is a page or an act of the console.
type consoleRoute struct {
	pattern string                   // of http.ServeMux
	may     func(database.Role) bool // nil: nobody
	handle  staffHandler
}

// staffHandler answers somebody who is signed in.
type staffHandler func(w http.ResponseWriter, r *http.Request, me database.Account)

func (rt consoleRoute) lets(role database.Role) bool { return rt.may != nil && rt.may(role) }

// openRoutes are those for people who are not signed in, by pattern.
func (c *console) openRoutes() map[string]http.HandlerFunc {
	open := map[string]http.HandlerFunc{"GET " + consolePath + "/dang-nhap": c.signInForm, "POST " + consolePath + "/dang-nhap": c.signIn}
	if c.sso != nil {
		open["GET "+ssoPath], open["GET "+ssoPath+"/ve"] = c.ssoBegin, c.ssoReturn
	}
	return open
}

// routes are all there is beside: nothing else is served under /console/.
func (c *console) routes() []consoleRoute {
	const p = consolePath
	return []consoleRoute{
		{"POST " + p + "/dang-xuat", anyRole, c.signOut},
		{"GET " + p + "/mat-khau", anyRole, c.passwordForm},
		{"POST " + p + "/mat-khau", anyRole, c.changePassword},
		{"GET " + p + "/{$}", anyRole, c.start},
		{"GET " + p + "/tra-cuu", anyRole, c.ask},
		{"GET " + p + "/hop-thu", speaks, c.inbox},
		{"GET " + p + "/hop-thu/{id}", speaks, c.ticket},
		{"POST " + p + "/hop-thu/{id}/tra-loi", speaks, c.replyTicket},
		{"POST " + p + "/hop-thu/{id}/giao", speaks, c.assign},
		{"POST " + p + "/hop-thu/{id}/ket-thuc", speaks, c.endTicket},
		{"GET " + p + "/cau-hoi", anyRole, c.outcomes},
		{"GET " + p + "/cau-hoi/{id}", anyRole, c.outcome},
		{"POST " + p + "/cau-hoi/{id}/tiep-nhan", speaks, c.take},
		{"GET " + p + "/truy-van", anyRole, c.retrieval},
		{"GET " + p + "/duyet", anyRole, c.approvedList},
		{"GET " + p + "/duyet/moi", approves, c.approvedNew},
		{"POST " + p + "/duyet/moi", approves, c.approvedAdd},
		{"GET " + p + "/duyet/{id}", anyRole, c.approvedOne},
		{"POST " + p + "/duyet/{id}", approves, c.approvedSave},
		{"POST " + p + "/duyet/{id}/thu-hoi", approves, c.approvedWithdraw},
		{"GET " + p + "/dinh-chinh", corrects, c.recall},
		{"POST " + p + "/dinh-chinh", corrects, c.sendRecall},
		{"GET " + p + "/dinh-chinh/{khoa}", corrects, c.recallProgress},
		{"POST " + p + "/dinh-chinh/{khoa}/dung", corrects, c.stopRecall},
		{"GET " + p + "/tri-thuc", anyRole, c.knowledge},
		{"GET " + p + "/chat-luong", anyRole, c.quality},
		{"GET " + p + "/cong-tac", anyRole, c.switches},
		{"POST " + p + "/cong-tac", administers, c.setSwitch},
		{"GET " + p + "/nhat-ky", administers, c.auditLog},
	}
}

// handler serves the routes and nothing else.
func (c *console) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range c.openRoutes() {
		mux.HandleFunc(pattern, c.bounded(handle))
	}
	for _, rt := range c.routes() {
		mux.HandleFunc(rt.pattern, c.bounded(c.admit(rt)))
	}
	mux.HandleFunc(consolePath+"/", func(w http.ResponseWriter, r *http.Request) {
		me, err := c.who(r)
		if err != nil { // who is not signed in learns not even what there is
			c.toSignIn(w, r, err)
			return
		}
		c.say(w, r, http.StatusNotFound, me, "Không có trang này", "Địa chỉ này không có trong bàn làm việc.")
	})
	return mux
}

// maxStaffForm is how much of a form is read.
const maxStaffForm = 128 << 10

// staffIn is how long a page of the console may take.
const staffIn = 25 * time.Second

// bounded reads the form of a request and keeps it within its time.
func (c *console) bounded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), staffIn)
		defer cancel()
		r = r.WithContext(ctx)
		if r.Method == http.MethodPost {
			r.Body = http.MaxBytesReader(w, r.Body, maxStaffForm)
			if err := r.ParseForm(); err != nil {
				c.say(w, r, http.StatusBadRequest, database.Account{}, "Không đọc được biểu mẫu", "Nội dung gửi lên quá dài hoặc bị hỏng. Bạn quay lại và thử lần nữa.")
				return
			}
		}
		next(w, r)
	}
}

// admit lets those in who may.
func (c *console) admit(rt consoleRoute) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		me, err := c.who(r)
		if err != nil {
			c.toSignIn(w, r, err)
			return
		}
		if !rt.lets(me.Role) {
			c.say(w, r, http.StatusForbidden, me, "Không thuộc quyền của bạn", "Vai trò “"+wordFor(string(me.Role))+"” không được làm việc này. Cần thì hỏi quản trị viên.")
			return
		}
		rt.handle(w, r, me)
	}
}

func (c *console) toSignIn(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, errSignedOut) {
		c.broken(w, r, database.Account{}, "session", err)
		return
	}
	to := consolePath + "/dang-nhap"
	if r.Method == http.MethodGet && r.URL.Path != consolePath+"/" {
		to += "?tiep=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// start leads to where a role begins.
func (c *console) start(w http.ResponseWriter, r *http.Request, me database.Account) {
	at := map[database.Role]string{database.Officer: "/hop-thu", database.Editor: "/tri-thuc", database.Evaluator: "/chat-luong"}[me.Role]
	if at == "" {
		at = "/hop-thu"
	}
	http.Redirect(w, r, consolePath+at, http.StatusSeeOther)
}
