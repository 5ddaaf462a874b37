package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"troly/internal/corpus"
	"troly/internal/pipeline"
)

// maxPassage is how many characters of a section a search shows.
const maxPassage = 600

// passage is one section that was found, with what a reader needs to judge it.
type passage struct {
	pipeline.Retrieved
	Title   string      `json:"title"`
	Heading string      `json:"heading"`
	URL     string      `json:"url,omitempty"`
	Checked corpus.Date `json:"checked,omitempty"`
	Text    string      `json:"text"` // of the section, cut after 600 characters
}

// search finds passages: ?q=, top= (10), audience=.
func (a *api) search(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	top := 10
	if t := query.Get("top"); t != "" {
		n, err := strconv.Atoi(t)
		if err != nil || n < 1 || n > 100 {
			problem(w, http.StatusBadRequest, "top is a number from 1 to 100")
			return
		}
		top = n
	}
	q, err := question(query.Get("q"), query.Get("audience"), "")
	if err != nil {
		problem(w, http.StatusBadRequest, "q: "+err.Error())
		return
	}
	found, err := a.find(r.Context(), q, top)
	if err != nil {
		problem(w, http.StatusServiceUnavailable, "the store cannot be searched")
		return
	}
	reply(w, http.StatusOK, found)
}

// find searches and adds to what was found what the documents say. Why it cannot is
// for the log.
func (a *api) find(ctx context.Context, q pipeline.Question, top int) ([]passage, error) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	found, err := a.assistant.Search(ctx, q)
	if err != nil {
		a.log.Error("search failed", "err", err)
		return nil, err
	}
	list := make([]passage, min(top, len(found)))
	sections := make(map[string][]corpus.Section)
	for i := range list {
		p := &list[i]
		p.Retrieved, p.Heading = found[i], corpus.Heading(found[i].Section)
		doc := a.shelf.lib.Document(p.Document)
		if doc == nil {
			continue
		}
		p.Title, p.URL, p.Checked = doc.Title, doc.URL(), doc.Checked
		if sections[doc.ID] == nil {
			sections[doc.ID] = a.shelf.lib.Passages(doc)
		}
		for _, s := range sections[doc.ID] {
			if s.ID == p.Section {
				p.Heading, p.Text = s.Heading, cut(s.Body, maxPassage)
			}
		}
	}
	return list, nil
}

// cut shortens a text to n characters, the last of them "…", at a space when there is
// one near.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	s = string(runes[:n-1])
	if i := strings.LastIndexAny(s, " \n"); i > len(s)*3/4 {
		s = s[:i]
	}
	return strings.TrimRight(s, " \n,;:") + "…"
}
