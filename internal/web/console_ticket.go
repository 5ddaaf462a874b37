package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"troly/internal/database"
)

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
			lines = append(lines, dialogueLine{At: o.At, Who: "bot", Blocks: c.known.blocks(whole.Answer), Outcome: o.ID, Status: o.Status})
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
