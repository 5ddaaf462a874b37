package web

import (
	"net/http"

	"troly/internal/corpus"
	"troly/internal/database"
	"troly/internal/pipeline"
)

// retrievalPage is what retrieval returns for a text.
type retrievalPage struct {
	Query  string
	Hits   []hitView
	Failed bool
}

type hitView struct {
	Rank             int
	Document, Title  string
	Section, Heading string
	Score            float64
	Address          string
	Text             string
}

// retrieval shows what retrieval finds for any text, before anything judges it.
func (c *console) retrieval(w http.ResponseWriter, r *http.Request, me database.Account) {
	p := retrievalPage{Query: clean(r.URL.Query().Get("q"))}
	if p.Query != "" {
		hits, err := c.assistant.Search(r.Context(), pipeline.Question{Text: p.Query})
		if err != nil {
			c.log.Error("search of the console failed", "err", err)
			p.Failed = true
		}
		p.Hits = c.hits(hits)
	}
	c.show(w, r, http.StatusOK, "retrieval", me, p)
}

// hits are passages with their scores and beginnings.
func (c *console) hits(found []pipeline.Retrieved) []hitView {
	var all []hitView
	for i, h := range found {
		v := hitView{Rank: i + 1, Document: h.Document, Title: c.titleOf(h.Document), Section: h.Section, Heading: corpus.Heading(h.Section), Score: h.Score}
		if c.library != nil {
			if d := c.library.Document(h.Document); d != nil {
				v.Address = documentAddress(h.Document, h.Section)
				for _, s := range c.library.Passages(d) {
					if s.ID == h.Section {
						v.Heading, v.Text = s.Heading, cut(s.Body, 280)
					}
				}
			}
		}
		all = append(all, v)
	}
	return all
}
