package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"troly/internal/database"
	"troly/internal/pipeline"
)

// inboxPage lists what waits for a human.
type inboxPage struct {
	View     string // cho (open tickets), xong (ended ones), yeu (answers to look at)
	Tickets  []ticketRow
	Outcomes []outcomeRow
	Communes []choice
	Topics   []choice
	Statuses []choice
	Ages     []choice
	Mine     string // of choices: "", toi, chua
	Next     string
	Counts   inboxCounts
}

type inboxCounts struct{ Open, Late, Mine int }

// ticketRow is a ticket in a list.
type ticketRow struct {
	database.Ticket
	Late bool
	Open bool
}

const (
	ticketsShown = 100
	endedFor     = 30 * 24 * time.Hour // how far back ended tickets are listed
)

// ages are how long a ticket has waited.
var ages = []struct {
	value, label string
	than         time.Duration
}{{"1h", "Hơn 1 giờ", time.Hour}, {"1d", "Hơn 1 ngày", 24 * time.Hour}, {"3d", "Hơn 3 ngày", 72 * time.Hour}}

var openStatuses = []database.TicketStatus{database.TicketOpen, database.TicketAssigned, database.TicketAnswered}

// isOpen reports whether a ticket still waits for somebody.
func isOpen(k database.Ticket) bool { return slices.Contains(openStatuses, k.Status) }

// isLate reports whether it has waited beyond its due time.
func (c *console) isLate(k database.Ticket) bool {
	return isOpen(k) && !k.Due.IsZero() && k.Due.Before(c.now())
}

// inbox lists tickets, or answers that somebody should look at.
func (c *console) inbox(w http.ResponseWriter, r *http.Request, me database.Account) {
	p := inboxPage{View: r.URL.Query().Get("loai"), Mine: r.URL.Query().Get("cua")}
	fill := c.fillTickets
	switch p.View {
	case "yeu":
		fill = c.fillDoubtful
	case "xong":
	default:
		p.View = "cho"
	}
	if err := fill(r, &p, me); err != nil {
		c.broken(w, r, me, "inbox", err)
		return
	}
	c.show(w, r, http.StatusOK, "inbox", me, p)
}

// fillDoubtful lists answers that somebody should look at.
func (c *console) fillDoubtful(r *http.Request, p *inboxPage, _ database.Account) (err error) {
	q := r.URL.Query()
	f := database.Filter{Document: q.Get("viec"), From: c.now().Add(-doubtfulFor), Limit: doubtfulShown}
	f.To, p.Ages = c.olderThan(q.Get("tuoi"))
	p.Topics = c.documentChoices(f.Document)
	p.Outcomes, err = c.doubtful(r.Context(), f)
	return err
}

// fillTickets lists tickets, open ones or those that have ended.
func (c *console) fillTickets(r *http.Request, p *inboxPage, me database.Account) error {
	q := r.URL.Query()
	f := database.TicketFilter{Status: openStatuses, Commune: q.Get("xa"), Topic: q.Get("viec"), Limit: ticketsShown}
	if p.View == "xong" {
		f.Status = []database.TicketStatus{database.TicketReleased, database.TicketClosed}
		f.From = c.now().Add(-endedFor)
	}
	if s := database.TicketStatus(q.Get("trang-thai")); slices.Contains(f.Status, s) {
		f.Status = []database.TicketStatus{s}
	}
	for _, s := range openStatuses {
		p.Statuses = append(p.Statuses, choice{string(s), wordFor(s), string(s) == q.Get("trang-thai")})
	}
	f.To, p.Ages = c.olderThan(q.Get("tuoi"))
	switch p.Mine {
	case "toi":
		f.Assignee = me.Name
	case "chua":
		f.Unassigned = true
	}
	f.After, _ = strconv.ParseInt(q.Get("sau"), 10, 64) // anything else: from the beginning
	tickets, err := c.db.Tickets(r.Context(), f)
	if err != nil {
		return err
	}
	for _, k := range tickets {
		p.Tickets = append(p.Tickets, ticketRow{k, c.isLate(k), isOpen(k)})
	}
	if p.View == "xong" { // what ended last is looked for most
		slices.Reverse(p.Tickets)
	}
	if len(tickets) == ticketsShown {
		p.Next = with(consolePath+"/hop-thu", q, "sau", strconv.FormatInt(tickets[len(tickets)-1].ID, 10))
	}
	return c.inboxChoices(r, p, me)
}

// olderThan is the time before which something must have begun for an age of the
// address, zero for none, and the ages to choose from.
func (c *console) olderThan(value string) (before time.Time, choices []choice) {
	for _, a := range ages {
		chosen := a.value == value
		if chosen {
			before = c.now().Add(-a.than)
		}
		choices = append(choices, choice{a.value, a.label, chosen})
	}
	return before, choices
}

// documentChoices are all documents by title.
func (c *console) documentChoices(chosen string) []choice {
	if c.library == nil {
		return nil
	}
	var all []choice
	for _, d := range c.library.Documents {
		all = append(all, choice{d.ID, d.Title, d.ID == chosen})
	}
	slices.SortFunc(all, func(a, b choice) int { return byName(a.Label, b.Label) })
	return all
}

// inboxChoices are the communes and topics of the open tickets, and how many there are.
func (c *console) inboxChoices(r *http.Request, p *inboxPage, me database.Account) error {
	open, err := c.db.Tickets(r.Context(), database.TicketFilter{Status: openStatuses, Limit: 1000})
	if err != nil {
		return err
	}
	q := r.URL.Query()
	add := func(list *[]choice, value, label, chosen string) {
		if value != "" && !slices.ContainsFunc(*list, func(have choice) bool { return have.Value == value }) {
			*list = append(*list, choice{value, label, value == chosen})
		}
	}
	for _, k := range open {
		add(&p.Communes, k.Commune, k.Commune, q.Get("xa"))
		add(&p.Topics, k.Topic, c.titleOf(k.Topic), q.Get("viec"))
		p.Counts.Open++
		if k.Assignee == me.Name {
			p.Counts.Mine++
		}
		if c.isLate(k) {
			p.Counts.Late++
		}
	}
	for _, list := range [][]choice{p.Communes, p.Topics} {
		slices.SortFunc(list, func(a, b choice) int { return byName(a.Label, b.Label) })
	}
	return nil
}

// doubtfulFor is how far back answers to look at are listed, doubtfulShown how many.
const (
	doubtfulFor   = 14 * 24 * time.Hour
	doubtfulShown = 100
)

// doubtful lists outcomes of a filter that were no answer, did not pass a check, were
// called wrong or rest on a document of low confidence, newest first.
func (c *console) doubtful(ctx context.Context, f database.Filter) ([]outcomeRow, error) {
	type look struct {
		filter database.Filter
		why    string
	}
	looks := []look{{f, "Không trả lời được"}, {f, "Không qua kiểm tra"}, {f, "Người dân nói chưa đúng"}}
	looks[0].filter.Status = []string{string(pipeline.Abstained), string(pipeline.Failed)}
	looks[1].filter.Failed = "any"
	looks[2].filter.Feedback = "bad"
	if c.library != nil {
		for _, d := range c.library.Documents {
			if d.Confidence == "low" && (f.Document == "" || f.Document == d.ID) {
				one := look{f, "Tài liệu có độ tin cậy thấp"}
				one.filter.Document, one.filter.Status = d.ID, []string{string(pipeline.Answered)}
				looks = append(looks, one)
			}
		}
	}
	var rows []outcomeRow
	for _, one := range looks {
		page, err := c.db.Outcomes(ctx, one.filter)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Outcomes {
			if at := slices.IndexFunc(rows, func(have outcomeRow) bool { return have.ID == o.ID }); at >= 0 {
				rows[at].Why += "; " + one.why
			} else {
				rows = append(rows, outcomeRow{Outcome: o, Why: one.why})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b outcomeRow) int { return b.At.Compare(a.At) })
	return rows[:min(len(rows), doubtfulShown)], nil
}

// ticketPage is one ticket with its dialogue.
type ticketPage struct {
	database.Ticket
	IsOpen   bool
	Late     bool
	Lines    []dialogueLine
	Window   Window
	CanReply bool // there is somebody who carries replies
	Held     time.Time
	Staff    []choice
	Text     string // a reply that was not sent
	Problem  string
	Topic    string // title of the document
	TopicAt  string // its address
}

// dialogueLine is something that was said in a dialogue.
type dialogueLine struct {
	At      time.Time
	Who     string // resident, bot, staff
	Author  string
	Text    string
	Blocks  []block
	Outcome string
	Status  string
}

// ticket shows one.
func (c *console) ticket(w http.ResponseWriter, r *http.Request, me database.Account) {
	k, ok := c.ticketOf(w, r, me)
	if !ok {
		return
	}
	c.audit(r, me.Name, "", "read ticket", ticketSubject(k.ID))
	c.showTicket(w, r, me, http.StatusOK, k, "", "")
}

func ticketSubject(id int64) string { return "ticket " + strconv.FormatInt(id, 10) }

// ticketOf finds the ticket of the address, or answers that there is none.
func (c *console) ticketOf(w http.ResponseWriter, r *http.Request, me database.Account) (database.Ticket, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		c.broken(w, r, me, "ticket", database.ErrNotFound)
		return database.Ticket{}, false
	}
	k, err := c.db.TicketByID(r.Context(), id)
	if err != nil {
		c.broken(w, r, me, "ticket", err)
		return database.Ticket{}, false
	}
	return k, true
}

// dialogueShown is how many questions of a dialogue a ticket shows.
const dialogueShown = 30

func (c *console) showTicket(w http.ResponseWriter, r *http.Request, me database.Account, status int, k database.Ticket, text, problem string) {
	ctx := r.Context()
	p := ticketPage{Ticket: k, IsOpen: isOpen(k), Late: c.isLate(k), CanReply: c.opts.Desk != nil, Text: text, Problem: problem}
	if p.Topic = c.titleOf(k.Topic); c.library != nil && c.library.Document(k.Topic) != nil {
		p.TopicAt = documentAddress(k.Topic, "")
	}
	var err error
	if p.Lines, err = c.dialogue(ctx, k); err != nil {
		c.broken(w, r, me, "dialogue of a ticket", err)
		return
	}
	if p.Held, err = c.db.Held(ctx, k.Channel, k.Dialogue); err != nil {
		c.broken(w, r, me, "hold of a dialogue", err)
		return
	}
	if p.CanReply && p.IsOpen {
		if p.Window, err = c.opts.Desk.Window(ctx, k.Channel, k.Dialogue, k.Person); err != nil {
			c.broken(w, r, me, "window of a channel", err)
			return
		}
	}
	accounts, err := c.db.Accounts(ctx)
	if err != nil {
		c.broken(w, r, me, "accounts", err)
		return
	}
	for _, a := range accounts {
		if !a.Disabled && speaks(a.Role) {
			label := a.Name
			if a.Name == me.Name {
				label += " (tôi)"
			}
			p.Staff = append(p.Staff, choice{a.Name, label, a.Name == k.Assignee})
		}
	}
	c.show(w, r, status, "ticket", me, p)
}

// dialogue is what was said: questions with their answers, and what resident and
// officer said to each other, in order.
func (c *console) dialogue(ctx context.Context, k database.Ticket) ([]dialogueLine, error) {
	page, err := c.db.Outcomes(ctx, database.Filter{Channel: k.Channel, Dialogue: k.Dialogue, Limit: dialogueShown})
	if err != nil {
		return nil, err
	}
	var lines []dialogueLine
	for _, o := range slices.Backward(page.Outcomes) {
		whole, err := c.db.OutcomeByID(ctx, o.ID)
		if errors.Is(err, database.ErrNotFound) {
			continue // erased meanwhile
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, dialogueLine{At: o.At, Who: "resident", Text: whole.Question, Outcome: o.ID, Status: o.Status})
		if whole.Answer != "" {
			lines = append(lines, dialogueLine{At: o.At, Who: "bot", Blocks: blocks(whole.Answer, func(l string) []span { return c.known.line(l, nil) }), Outcome: o.ID, Status: o.Status})
		}
	}
	messages, err := c.db.TicketMessages(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		// What a resident writes meanwhile is an outcome too.
		if m.Side == "resident" && slices.ContainsFunc(lines, func(l dialogueLine) bool {
			return l.Who == "resident" && l.Text == m.Text && l.At.Sub(m.At).Abs() < time.Minute
		}) {
			continue
		}
		lines = append(lines, dialogueLine{At: m.At, Who: m.Side, Author: m.Author, Text: m.Text})
	}
	slices.SortStableFunc(lines, func(a, b dialogueLine) int { return a.At.Compare(b.At) })
	return lines, nil
}

// maxReply is how much an officer may write, in characters: about what a platform takes
// in a few messages.
const maxReply = 4000

// replyTicket sends a reply.
func (c *console) replyTicket(w http.ResponseWriter, r *http.Request, me database.Account) {
	k, ok := c.ticketOf(w, r, me)
	if !ok {
		return
	}
	text := written(r.PostForm.Get("tra-loi"))
	switch {
	case text == "":
		c.showTicket(w, r, me, http.StatusBadRequest, k, "", "Bạn chưa viết câu trả lời.")
		return
	case long(text, maxReply):
		c.showTicket(w, r, me, http.StatusBadRequest, k, text, "Câu trả lời dài quá. Bạn rút gọn rồi gửi lại.")
		return
	case c.opts.Desk == nil:
		c.showTicket(w, r, me, http.StatusServiceUnavailable, k, text, "Máy chủ này chưa nối với kênh nào nên chưa gửi được.")
		return
	}
	err := c.opts.Desk.Reply(r.Context(), database.By{Who: me.Name}, k, text)
	var forbidden ErrWindow
	switch {
	case errors.As(err, &forbidden):
		c.showTicket(w, r, me, http.StatusConflict, k, text, windowWords(forbidden.Why))
	case errors.Is(err, database.ErrChanged):
		if k, err = c.db.TicketByID(r.Context(), k.ID); err != nil {
			c.broken(w, r, me, "ticket", err)
			return
		}
		c.showTicket(w, r, me, http.StatusConflict, k, text, "Yêu cầu này đã được đóng hoặc trả lại cho trợ lý nên câu trả lời chưa được gửi.")
	case err != nil:
		c.broken(w, r, me, "reply", err)
	default:
		back(w, r, "/hop-thu/"+strconv.FormatInt(k.ID, 10), "tra-loi")
	}
}

// windowWords say why nothing can be sent.
func windowWords(why string) string {
	switch why {
	case WindowPassed:
		return "Nền tảng chỉ cho nhắn trong một thời gian sau khi người dân viết, và thời gian đó đã hết. Tin chưa được gửi. Hãy gọi điện, hoặc chờ người dân nhắn lại."
	case Unreachable:
		return "Người dân đã chặn hoặc bỏ theo dõi tài khoản nên không nhắn được. Tin chưa được gửi."
	case PageGone:
		return "Người dân hỏi trên trang web đã lâu, trình duyệt không còn giữ cuộc trò chuyện này nên không ai đọc được. Tin chưa được gửi."
	}
	return "Kênh này đang tắt hoặc chưa được cài đặt trên máy chủ. Tin chưa được gửi."
}

// WhyWords are for the template.
func (w Window) WhyWords() string { return windowWords(w.Why) }

// assign gives a ticket to somebody, with a due time.
func (c *console) assign(w http.ResponseWriter, r *http.Request, me database.Account) {
	k, ok := c.ticketOf(w, r, me)
	if !ok {
		return
	}
	to := AccountName(r.PostForm.Get("nguoi"))
	if to != "" {
		a, err := c.db.Account(r.Context(), to)
		if err != nil || a.Disabled || !speaks(a.Role) {
			c.showTicket(w, r, me, http.StatusBadRequest, k, "", "Không có cán bộ tiếp nhận nào tên như vậy.")
			return
		}
	}
	due := readTime(r.PostForm.Get("han"))
	if due.IsZero() && r.PostForm.Get("han") != "" {
		c.showTicket(w, r, me, http.StatusBadRequest, k, "", "Hạn trả lời chưa đúng dạng ngày giờ.")
		return
	}
	if err := c.db.AssignTicket(r.Context(), database.By{Who: me.Name}, k.ID, AccountName(r.PostForm.Get("tu")), to, due); err != nil {
		c.broken(w, r, me, "assign", err)
		return
	}
	back(w, r, "/hop-thu/"+strconv.FormatInt(k.ID, 10), "giao")
}

// endTicket gives the dialogue back to the bot, or closes the ticket.
func (c *console) endTicket(w http.ResponseWriter, r *http.Request, me database.Account) {
	k, ok := c.ticketOf(w, r, me)
	if !ok {
		return
	}
	as, word := database.TicketReleased, "tra-lai"
	if r.PostForm.Get("cach") == "dong" {
		as, word = database.TicketClosed, "dong"
	}
	by := database.By{Who: me.Name, Why: reason(r)}
	var err error
	if c.opts.Desk != nil {
		err = c.opts.Desk.End(r.Context(), by, k, as)
	} else {
		err = c.db.EndTicket(r.Context(), by, k.ID, as)
	}
	if err != nil {
		c.broken(w, r, me, "end ticket", err)
		return
	}
	back(w, r, "/hop-thu/"+strconv.FormatInt(k.ID, 10), word)
}

// take opens a ticket for the dialogue of an outcome, because an officer chose to.
func (c *console) take(w http.ResponseWriter, r *http.Request, me database.Account) {
	o, err := c.db.OutcomeByID(r.Context(), r.PathValue("id"))
	if err != nil {
		c.broken(w, r, me, "outcome", err)
		return
	}
	if o.Dialogue == "" || c.opts.Desk == nil {
		c.say(w, r, http.StatusConflict, me, "Không tiếp nhận được", "Câu hỏi này không đến từ một cuộc trò chuyện có thể trả lời, nên không có nơi để nhắn lại.")
		return
	}
	k := database.Ticket{Channel: o.Channel, Dialogue: o.Dialogue, Person: o.Person, Outcome: o.ID, Reason: "taken", Summary: cut(o.Question, 300), Assignee: me.Name}
	if len(o.Documents) > 0 {
		k.Topic = o.Documents[0]
	}
	id, err := c.opts.Desk.Take(r.Context(), database.By{Who: me.Name}, k)
	if err != nil {
		c.broken(w, r, me, "take over", err)
		return
	}
	back(w, r, "/hop-thu/"+strconv.FormatInt(id, 10), "tiep-nhan")
}

// outcomeRow is an outcome in a list.
type outcomeRow struct {
	database.Outcome
	Why string // it is listed
}

// outcomesPage lists outcomes by filters.
type outcomesPage struct {
	Statuses, Channels, Topics, Checks, Feedbacks []choice
	Text, From, To                                string
	Rows                                          []outcomeRow
	Next                                          string
	Problem                                       string
}

var allStatuses = []pipeline.Status{pipeline.Answered, pipeline.Clarify, pipeline.Abstained, pipeline.Refused, pipeline.SmallTalk, pipeline.HandedOver, pipeline.Failed}

const outcomesShown = 50

// outcomes lists what was asked.
func (c *console) outcomes(w http.ResponseWriter, r *http.Request, me database.Account) {
	q := r.URL.Query()
	p := outcomesPage{Text: clean(q.Get("chu")), From: q.Get("tu"), To: q.Get("den")}
	f := database.Filter{Channel: q.Get("kenh"), Document: q.Get("viec"), Failed: q.Get("kiem-tra"), Text: p.Text, Before: q.Get("truoc"), Limit: outcomesShown}
	for _, s := range allStatuses {
		chosen := string(s) == q.Get("trang-thai")
		if chosen {
			f.Status = []string{string(s)}
		}
		p.Statuses = append(p.Statuses, choice{string(s), wordFor(string(s)), chosen})
	}
	for _, name := range []string{"telegram", "zalo", "zalo-bot", Channel, "api", "openai", "mcp"} {
		p.Channels = append(p.Channels, choice{name, wordFor(name), name == f.Channel})
	}
	for _, v := range []struct{ value, label string }{{"bad", "Chưa đúng"}, {"good", "Hữu ích"}, {"any", "Có ý kiến"}} {
		chosen := v.value == q.Get("y-kien")
		if chosen {
			f.Feedback = v.value
		}
		p.Feedbacks = append(p.Feedbacks, choice{v.value, v.label, chosen})
	}
	p.Checks = []choice{{"any", "Có mục không đạt", f.Failed == "any"}}
	for _, name := range checkNames {
		p.Checks = append(p.Checks, choice{name, wordFor(name), f.Failed == name})
	}
	p.Topics = c.documentChoices(f.Document)
	f.From = readTime(p.From)
	if to := readTime(p.To); !to.IsZero() {
		f.To = to.AddDate(0, 0, 1) // the whole day
	}
	page, err := c.db.Outcomes(r.Context(), f)
	if err != nil && f.Before != "" {
		p.Problem = "Địa chỉ của trang này không đúng. Hãy lọc lại từ đầu."
	} else if err != nil {
		c.broken(w, r, me, "outcomes", err)
		return
	}
	for _, o := range page.Outcomes {
		p.Rows = append(p.Rows, outcomeRow{Outcome: o})
	}
	if page.Next != "" {
		p.Next = with(consolePath+"/cau-hoi", q, "truoc", page.Next)
	}
	c.show(w, r, http.StatusOK, "outcomes", me, p)
}

// outcomePage is the whole trace of one answer.
type outcomePage struct {
	database.Outcome
	Trace     pipeline.Outcome
	Readable  bool // the trace could be read
	Blocks    []block
	Citations []citationView
	Hits      []hitView
	Checks    []choice // value: pass, fail; label: the check
	Timings   []timingView
	Feedback  []database.Feedback
	CanTake   bool
	Writer    bool // may make an approved answer of it
	Recaller  bool
}

type timingView struct {
	Name   string
	Millis float64
}

// outcome shows the trace of one answer.
func (c *console) outcome(w http.ResponseWriter, r *http.Request, me database.Account) {
	o, err := c.db.OutcomeByID(r.Context(), r.PathValue("id"))
	if err != nil {
		c.broken(w, r, me, "outcome", err)
		return
	}
	p := outcomePage{Outcome: o, CanTake: o.Dialogue != "" && c.opts.Desk != nil && speaks(me.Role),
		Writer: approves(me.Role), Recaller: corrects(me.Role)}
	if p.Feedback, err = c.db.FeedbackOn(r.Context(), o.ID); err != nil {
		c.broken(w, r, me, "feedback", err)
		return
	}
	p.Readable = json.Unmarshal(o.Body, &p.Trace) == nil
	p.Hits = c.hits(p.Trace.Retrieved)
	for _, name := range sortedKeys(p.Trace.Checks) {
		p.Checks = append(p.Checks, choice{Value: p.Trace.Checks[name], Label: name})
	}
	p.Citations = c.citations(p.Trace.Citations)
	p.Blocks = blocks(o.Answer, func(l string) []span { return c.known.line(l, nil) })
	t := p.Trace.Timings
	p.Timings = []timingView{{"understand", t.Understand}, {"retrieve", t.Retrieve}, {"answer", t.Answer}, {"verify", t.Verify}}
	c.audit(r, me.Name, "", "read outcome", "outcome "+o.ID)
	c.show(w, r, http.StatusOK, "outcome", me, p)
}
