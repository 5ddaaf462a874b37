package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"troly/internal/database"
	"troly/internal/pipeline"
)

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
	p, f := c.filtered(r.URL.Query())
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
		p.Next = with(consolePath+"/cau-hoi", r.URL.Query(), "truoc", page.Next)
	}
	c.show(w, r, http.StatusOK, "outcomes", me, p)
}

// filtered reads the filters of an address: the page with what is chosen, and what to
// look for.
func (c *console) filtered(q url.Values) (p outcomesPage, f database.Filter) {
	p = outcomesPage{Text: clean(q.Get("chu")), From: q.Get("tu"), To: q.Get("den")}
	f = database.Filter{Channel: q.Get("kenh"), Document: q.Get("viec"), Failed: q.Get("kiem-tra"), Text: p.Text, Before: q.Get("truoc"), Limit: outcomesShown}
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
	f.From, f.To = readTime(p.From), readEnd(p.To)
	return p, f
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
	for _, name := range slices.Sorted(maps.Keys(p.Trace.Checks)) {
		p.Checks = append(p.Checks, choice{Value: p.Trace.Checks[name], Label: name})
	}
	p.Citations = c.citations(p.Trace.Citations)
	p.Blocks = c.known.blocks(o.Answer)
	t := p.Trace.Timings
	p.Timings = []timingView{{"understand", t.Understand}, {"retrieve", t.Retrieve}, {"answer", t.Answer}, {"verify", t.Verify}}
	c.audit(r, me.Name, "", "read outcome", "outcome "+o.ID)
	c.show(w, r, http.StatusOK, "outcome", me, p)
}
