package web

import (
	"context"
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
