package web

import (
	"bytes"
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

// Window says whether a resident can be written to now.
type Window struct {
	Open  bool
	Until time.Time // when it closes; zero: it does not
	Why   string    // WindowPassed and so on when it is not open
}

// Why nobody can be written to.
const (
	WindowPassed = "window"      // the platform takes messages only for some time after the resident wrote
	Unreachable  = "unreachable" // the resident has blocked or left the account
	PageGone     = "gone"        // the chat page of the dialogue is kept no more: nobody would read it
	ChannelOff   = "off"         // no such channel is set up here, or it is turned off
)

// ErrWindow is the error of a Desk that may not write to somebody now.
type ErrWindow struct{ Why string }

func (e ErrWindow) Error() string { return "may not be written to: " + e.Why }

// Desk carries what staff say to residents, each on their own channel. What it does is
// in the audit log when it returns nil.
type Desk interface {
	// Window says whether a person can be written to in a dialogue.
	Window(ctx context.Context, channel, dialogue, person string) (Window, error)

	// Reply sends an officer's reply and keeps the bot silent in the dialogue for a
	// while. The error is an ErrWindow when the platform forbids it, and
	// database.ErrChanged when the ticket has ended.
	Reply(ctx context.Context, by database.By, k database.Ticket, text string) error

	// End gives the dialogue of a ticket back to the bot.
	End(ctx context.Context, by database.By, k database.Ticket, as database.TicketStatus) error

	// Take opens a ticket for a dialogue and makes the bot silent there.
	Take(ctx context.Context, by database.By, k database.Ticket) (id int64, err error)

	// Correct sends a correction once for each name of a recall; sent is false when
	// this dialogue had it before.
	Correct(ctx context.Context, by database.By, recall string, to database.Recipient, text string) (sent bool, err error)
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

// openRoutes are those for who is not signed in, by pattern.
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

// frame is what every page of the console has around it.
type frame struct {
	layout
	Me     database.Account
	Parts  []navItem
	Off    []offView
	Notice string // what was just done
}

type navItem struct {
	Label, Address string
	Here           bool
}

// offView is something that is turned off.
type offView struct {
	Label, Reason, Who string
	At                 time.Time
}

// parts of the console, in the order of the navigation.
var consoleParts = []struct{ label, at string }{
	{"Tra cứu", "/tra-cuu"}, {"Hộp thư", "/hop-thu"}, {"Câu hỏi", "/cau-hoi"}, {"Câu trả lời duyệt sẵn", "/duyet"}, {"Tri thức", "/tri-thuc"},
	{"Chất lượng", "/chat-luong"}, {"Công tắc", "/cong-tac"}, {"Đính chính", "/dinh-chinh"}, {"Nhật ký", "/nhat-ky"},
}

// done are the notices after an act, by the word in the address.
var done = map[string]string{
	"tra-loi": "Đã gửi câu trả lời. Trợ lý im lặng trong cuộc trò chuyện này cho đến khi bạn trả lại hoặc hết giờ.",
	"giao":    "Đã ghi người phụ trách và hạn trả lời.", "tra-lai": "Đã trả cuộc trò chuyện lại cho trợ lý.", "dong": "Đã đóng yêu cầu.",
	"tiep-nhan": "Đã tiếp nhận. Trợ lý im lặng trong cuộc trò chuyện này.", "luu": "Đã lưu câu trả lời duyệt sẵn.", "thu-hoi": "Đã thu hồi. Trợ lý không dùng câu trả lời này nữa.",
	"cong-tac": "Đã đổi công tắc.", "mat-khau": "Đã đổi mật khẩu. Các trình duyệt khác đã bị đăng xuất.",
}

// show draws a page of the console.
func (c *console) show(w http.ResponseWriter, r *http.Request, status int, page string, me database.Account, v any) {
	f := frame{layout: layout{Page: v, Class: "staff", Styles: []string{"console.css"}}, Me: me, Notice: done[r.URL.Query().Get("xong")]}
	if page == "recall_run" {
		f.Scripts = []string{"console.js"}
	}
	if me.Name != "" {
		f.Parts, f.Off = c.navigation(r, me), c.off(r.Context())
	}
	var b bytes.Buffer
	if err := c.pages[page].ExecuteTemplate(&b, "base", f); err != nil {
		c.log.Error("page of the console not drawn", "page", page, "err", err)
		problem(w, http.StatusInternalServerError, "the page cannot be shown")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.look.send(w, r, status, b.Bytes())
}

// navigation leads to what a role may see.
func (c *console) navigation(r *http.Request, me database.Account) []navItem {
	var items []navItem
	for _, part := range consoleParts {
		address := consolePath + part.at
		for _, rt := range c.routes() {
			if rt.pattern == "GET "+address && rt.lets(me.Role) {
				items = append(items, navItem{part.label, address, r.URL.Path == address || strings.HasPrefix(r.URL.Path, address+"/")})
			}
		}
	}
	return items
}

// off is what is turned off, for everybody to see.
func (c *console) off(ctx context.Context) []offView {
	set, err := c.db.Switches(ctx)
	if err != nil {
		c.log.Error("switches not read", "err", err)
		return nil
	}
	var all []offView
	for _, s := range set {
		if !s.On {
			all = append(all, offView{c.switchLabel(s.Name), s.Reason, s.Who, s.At})
		}
	}
	return all
}

func (c *console) switchLabel(name string) string {
	for _, s := range c.opts.Switches {
		if s.Name == name {
			return s.Label
		}
	}
	return wordFor(name)
}

// sayPage is a page that says one thing.
type sayPage struct{ Title, Text string }

func (c *console) say(w http.ResponseWriter, r *http.Request, status int, me database.Account, title, text string) {
	c.show(w, r, status, "say", me, sayPage{title, text})
}

// broken answers for what did not work; why is for the log.
func (c *console) broken(w http.ResponseWriter, r *http.Request, me database.Account, what string, err error) {
	switch {
	case errors.Is(err, database.ErrNotFound):
		c.say(w, r, http.StatusNotFound, me, "Không còn ở đây", "Nội dung này không có, đã hết hạn lưu, hoặc người dân đã xóa dữ liệu của họ.")
	case errors.Is(err, database.ErrChanged):
		c.say(w, r, http.StatusConflict, me, "Đã có người làm trước", "Nội dung này vừa được người khác thay đổi. Bạn mở lại trang để xem bản mới nhất.")
	default:
		c.log.Error("console", "what", what, "err", err)
		c.say(w, r, http.StatusInternalServerError, me, "Chưa làm được", "Hệ thống đang trục trặc nên việc này chưa xong. Bạn thử lại sau ít phút; nếu vẫn không được, báo quản trị viên.")
	}
}

// start leads to where a role begins.
func (c *console) start(w http.ResponseWriter, r *http.Request, me database.Account) {
	at := map[database.Role]string{database.Officer: "/hop-thu", database.Editor: "/tri-thuc", database.Evaluator: "/chat-luong"}[me.Role]
	if at == "" {
		at = "/hop-thu"
	}
	http.Redirect(w, r, consolePath+at, http.StatusSeeOther)
}

// back leads to a page after an act.
func back(w http.ResponseWriter, r *http.Request, path, word string) {
	http.Redirect(w, r, consolePath+path+"?xong="+word, http.StatusSeeOther)
}
