package web

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/database"
	"troly/internal/pipeline"
)

// askPage answers a question of a civil servant, with the procedures side by side.
type askPage struct {
	Query                   string
	Fields                  []choice
	Levels                  []choice
	Audiences               []choice
	Status                  string
	Answer                  []block
	Copy                    string // the answer with its sources and legal basis, as text
	Citations               []citationView
	Low                     []string // checks that did not pass
	AnsweredBy              string
	Found                   []foundView
	Cards                   []cardView
	Searched, Failed, Broad bool // Broad: the filters let nothing of what was found through
}

type citationView struct {
	N       int
	Title   string
	Section string
	Address string
	Checked corpus.Date
	Legal   []string
}

// foundView is a document that retrieval found.
type foundView struct {
	ID, Title, Field string
	Chosen           bool
}

// cardView is a procedure as a card beside others.
type cardView struct {
	ID, Title, Address string
	Slip               string // the page to take along, made for a citizen's visit; empty: none
	Field, Authority   string
	Level, Audience    string
	Submit             []string
	Portal             string
	Papers             []block
	Fees, Times        []factView
	Legal              []string
	Notices            []notice
	Checked            corpus.Date
	Confidence         string
}

const (
	mostCards = 3
	mostFound = 8
)

// ask shows the search, and what was found for a question.
func (c *console) ask(w http.ResponseWriter, r *http.Request, me database.Account) {
	q := r.URL.Query()
	p := askPage{Query: clean(q.Get("q"))}
	field, level, audience := q.Get("linh-vuc"), q.Get("cap"), q.Get("doi-tuong")
	p.Fields = c.fieldChoices(field)
	for _, l := range []string{"commune", "province", "central"} {
		p.Levels = append(p.Levels, choice{l, levelNames[l], l == level})
	}
	for _, a := range []string{"citizen", "official"} {
		p.Audiences = append(p.Audiences, choice{a, wordFor(a), a == audience})
	}
	if p.Query != "" {
		if !slices.Contains([]string{"citizen", "official"}, audience) {
			audience = ""
		}
		c.answer(r.Context(), &p, pipeline.Question{Text: p.Query, Audience: audience}, field, level, q["so"])
	}
	c.show(w, r, http.StatusOK, "ask", me, p)
}

// fieldChoices are the fields of all documents.
func (c *console) fieldChoices(chosen string) []choice {
	if c.library == nil {
		return nil
	}
	var all []choice
	for _, d := range c.library.Documents {
		if d.Field != "" && !slices.ContainsFunc(all, func(have choice) bool { return have.Value == d.Field }) {
			all = append(all, choice{d.Field, d.Field, d.Field == chosen})
		}
	}
	slices.SortFunc(all, func(a, b choice) int { return byName(a.Value, b.Value) })
	return all
}

// answer fills in what is known about a question. beside are the documents that were
// chosen to stand beside each other.
func (c *console) answer(ctx context.Context, p *askPage, q pipeline.Question, field, level string, beside []string) {
	p.Searched = true
	o := c.assistant.Ask(ctx, q)
	p.Status, p.AnsweredBy = string(o.Status), o.AnsweredBy
	for _, name := range slices.Sorted(maps.Keys(o.Checks)) {
		if o.Checks[name] != "pass" {
			p.Low = append(p.Low, name)
		}
	}
	p.Citations = c.citations(o.Citations)
	p.Answer = blocks(o.Answer, func(l string) []span {
		return c.known.line(l, func(n int) (href, name string) {
			for _, v := range p.Citations {
				if v.N == n {
					return v.Address, v.Title + ", " + v.Section
				}
			}
			return "", ""
		})
	})
	p.Copy = copyText(o.Answer, p.Citations)
	hits, err := c.assistant.Search(ctx, q)
	if err != nil {
		c.log.Error("search of the console failed", "err", err)
		p.Failed = true
	}
	var ids []string
	for _, cited := range o.Citations {
		ids = append(ids, cited.Document)
	}
	for _, h := range hits {
		ids = append(ids, h.Document)
	}
	c.cards(p, ids, field, level, beside)
}

// citations are the sources of an answer with the law that their documents rest on.
func (c *console) citations(list []pipeline.Citation) []citationView {
	var all []citationView
	for _, cited := range list {
		v := citationView{N: cited.N, Title: cited.Title, Section: cited.SectionName(), Checked: cited.Checked}
		if c.library != nil {
			if d := c.library.Document(cited.Document); d != nil {
				v.Address = documentAddress(cited.Document, cited.Section)
				v.Legal = legalBasis(d)
			}
		}
		all = append(all, v)
	}
	return all
}

// cards puts the chosen documents side by side, or the first two that were found.
func (c *console) cards(p *askPage, ids []string, field, level string, beside []string) {
	if c.library == nil {
		return
	}
	for _, id := range ids {
		d := c.library.Document(id)
		if d == nil || slices.ContainsFunc(p.Found, func(f foundView) bool { return f.ID == id }) || len(p.Found) >= mostFound {
			continue
		}
		if field != "" && d.Field != field || level != "" && d.Level != level {
			p.Broad = true
			continue
		}
		p.Found = append(p.Found, foundView{ID: id, Title: d.Title, Field: d.Field, Chosen: slices.Contains(beside, id)})
	}
	p.Broad = p.Broad && len(p.Found) == 0
	if len(beside) == 0 {
		for i := range p.Found[:min(2, len(p.Found))] {
			p.Found[i].Chosen = true
		}
	}
	today := corpus.Today(c.now())
	for i, f := range p.Found {
		if !f.Chosen {
			continue
		}
		if len(p.Cards) == mostCards {
			p.Found[i].Chosen = false
			continue
		}
		p.Cards = append(p.Cards, c.card(c.library.Document(f.ID), today))
	}
}

func (c *console) card(d *corpus.Document, today corpus.Date) cardView {
	page := c.pageOf(d, today)
	v := cardView{
		ID: d.ID, Title: d.Title, Address: documentAddress(d.ID, ""), Field: d.Field, Authority: d.Authority, Level: page.Level, Audience: wordFor(cmp.Or(d.Audience, "both")),
		Submit: page.Submit, Portal: page.Portal, Notices: page.Notices, Checked: d.Checked, Confidence: wordFor(d.Confidence),
	}
	if hasSlip(d) {
		v.Slip = slipAddress(d)
		v.Papers = c.known.blocks(d.Section("ho-so").Body)
	}
	for _, f := range corpus.ValidOn(d.Fees, today) {
		v.Fees = append(v.Fees, c.factOf(d, &f, today))
	}
	for _, f := range corpus.ValidOn(d.Durations, today) {
		v.Times = append(v.Times, c.factOf(d, &f, today))
	}
	v.Legal = legalBasis(d)
	return v
}

// copyText is an answer with its sources, ready to be put into a letter.
func copyText(answer string, sources []citationView) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(answer))
	if len(sources) > 0 {
		b.WriteString("\n\nNguồn:")
	}
	var legal []string
	for _, s := range sources {
		fmt.Fprintf(&b, "\n[%d] %s, mục %s", s.N, s.Title, s.Section)
		if s.Checked != "" {
			fmt.Fprintf(&b, " (kiểm tra ngày %s)", s.Checked)
		}
		for _, ref := range s.Legal {
			if !slices.Contains(legal, ref) {
				legal = append(legal, ref)
			}
		}
	}
	if len(legal) > 0 {
		b.WriteString("\n\nCăn cứ pháp lý:")
		for _, ref := range legal {
			b.WriteString("\n- " + ref)
		}
	}
	return b.String()
}
