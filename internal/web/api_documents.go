package web

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// licence says on what terms the open data may be used.
const licence = "MIT: được tự do dùng lại. Xin ghi nguồn \"Trợ lý số Yên Bái\" và ngày kiểm tra của tài liệu; văn bản chính thức của cơ quan nhà nước luôn là căn cứ cuối cùng."

// openFor is how long open data may be kept without asking whether it still holds.
const openFor = 5 * time.Minute

// openFact is a typed figure as open data: what the file says, and what it comes to.
type openFact struct {
	corpus.Fact
	Figure     string      `json:"figure,omitempty"`      // printed, shares of a base amount worked out; empty: unknown, ask says where
	Confidence string      `json:"confidence"`            // the document's, unless the fact has its own; low when one that it rests on is
	InForce    bool        `json:"in_force"`              // on the day as_of
	HoldsUntil corpus.Date `json:"holds_until,omitempty"` // the last day of the fact and of those it rests on
}

type openSection struct {
	ID      string `json:"id"`
	Heading string `json:"heading"`
	Text    string `json:"text"` // paragraphs, "- " items, "1. " steps
}

// openDocument is a document as open data.
type openDocument struct {
	ID         string            `json:"id"`
	Title      string            `json:"title"`
	Kind       corpus.Kind       `json:"kind"`
	Aliases    []string          `json:"aliases"`
	Codes      []string          `json:"codes"`
	Field      string            `json:"field"`
	Audience   string            `json:"audience"`
	Level      string            `json:"level,omitempty"`
	Authority  string            `json:"authority,omitempty"`
	Submit     []string          `json:"submit"`
	URL        string            `json:"url,omitempty"`
	AsOf       corpus.Date       `json:"as_of"`
	Fees       []openFact        `json:"fees"`
	Durations  []openFact        `json:"durations"`
	Amounts    []openFact        `json:"amounts"`
	LegalBasis []corpus.LegalRef `json:"legal_basis"`
	ValidFrom  corpus.Date       `json:"valid_from,omitempty"`
	ValidTo    corpus.Date       `json:"valid_to,omitempty"`
	Checked    corpus.Date       `json:"checked,omitempty"`
	Confidence string            `json:"confidence"`
	Sources    []corpus.Source   `json:"sources"`
	Related    []string          `json:"related"`
	Sections   []openSection     `json:"sections"`
	Knowledge  string            `json:"knowledge"` // version of all documents together
	Licence    string            `json:"licence"`
}

// openRow is a document in a list.
type openRow struct {
	ID         string      `json:"id"`
	Title      string      `json:"title"`
	Kind       corpus.Kind `json:"kind"`
	Codes      []string    `json:"codes"`
	Field      string      `json:"field"`
	Audience   string      `json:"audience"`
	Checked    corpus.Date `json:"checked,omitempty"`
	ValidTo    corpus.Date `json:"valid_to,omitempty"`
	Confidence string      `json:"confidence"`
	URL        string      `json:"url,omitempty"`
	Self       string      `json:"self"` // path of the document in this API
}

type openList struct {
	Documents []openRow `json:"documents"`
	Total     int       `json:"total"`          // that fit, on all pages
	Next      string    `json:"next,omitempty"` // path of the next page
	Knowledge string    `json:"knowledge"`
	Licence   string    `json:"licence"`
}

// shelf is the knowledge as open data. Any number of goroutines may use it.
type shelf struct {
	lib   *corpus.Library
	words map[string]map[string]bool // document -> folded words of its title, aliases and codes

	mu   sync.RWMutex
	day  corpus.Date
	made map[string]body // document -> its JSON on that day
}

// body is a reply with the tag it is known by.
type body struct {
	json []byte
	tag  string
}

func newShelf(lib *corpus.Library) *shelf {
	s := &shelf{lib: lib, words: make(map[string]map[string]bool, len(lib.Documents))}
	for _, d := range lib.Documents {
		set := make(map[string]bool)
		text := d.Title + "\n" + strings.Join(d.Aliases, "\n") + "\n" + strings.Join(d.Codes, "\n")
		for _, t := range vietnamese.Tokenize(nil, text) {
			set[t.Folded] = true
		}
		s.words[d.ID] = set
	}
	return s
}

// document returns the JSON of a document on a day; ok is false when there is none.
// Those of the present day are kept.
func (s *shelf) document(id string, asOf, today corpus.Date) (b body, ok bool) {
	doc := s.lib.Document(id)
	if doc == nil {
		return body{}, false
	}
	if asOf != today {
		return newBody(s.open(doc, asOf)), true
	}
	s.mu.RLock()
	b, ok = s.made[id]
	ok = ok && s.day == today
	s.mu.RUnlock()
	if ok {
		return b, true
	}
	b = newBody(s.open(doc, asOf))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.day != today || s.made == nil {
		s.day, s.made = today, make(map[string]body)
	}
	s.made[id] = b
	return b, true
}

// newBody encodes what is plain data.
func newBody(v any) body {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("encode open data: %v", err)) // plain structs and strings encode
	}
	return tagged(buf.Bytes())
}

// tagged names what is served by what is in it.
func tagged(data []byte) body {
	sum := sha256.Sum256(data)
	return body{data, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

func (s *shelf) open(d *corpus.Document, asOf corpus.Date) openDocument {
	o := openDocument{
		ID: d.ID, Title: d.Title, Kind: d.Kind, Aliases: orEmpty(d.Aliases), Codes: orEmpty(d.Codes), Field: d.Field, Audience: audience(d), Level: d.Level,
		Authority: d.Authority, Submit: orEmpty(d.Submit), URL: d.URL(), AsOf: asOf,
		Fees: s.facts(d, d.Fees, asOf), Durations: s.facts(d, d.Durations, asOf), Amounts: s.facts(d, d.Amounts, asOf),
		LegalBasis: orEmpty(d.LegalBasis), ValidFrom: d.ValidFrom, ValidTo: d.ValidTo, Checked: d.Checked, Confidence: d.Confidence,
		Sources: orEmpty(d.Sources), Related: orEmpty(d.Related), Sections: make([]openSection, len(d.Sections)),
		Knowledge: s.lib.Version, Licence: licence,
	}
	for i, section := range d.Sections {
		o.Sections[i] = openSection{section.ID, section.Heading, section.Body}
	}
	return o
}

// facts are rows with what they come to: on the day asOf, or on their first or last
// one when they do not hold on it.
func (s *shelf) facts(d *corpus.Document, rows []corpus.Fact, asOf corpus.Date) []openFact {
	open := make([]openFact, len(rows))
	for i := range rows {
		f := &rows[i]
		day := max(asOf, f.ValidFrom)
		if f.ValidTo != "" {
			day = min(day, f.ValidTo)
		}
		open[i] = openFact{
			Fact: *f, Figure: s.lib.Figure(d, f, day), Confidence: cmp.Or(f.Confidence, d.Confidence),
			InForce: asOf.Within(f.ValidFrom, f.ValidTo), HoldsUntil: s.lib.Until(d, f, day),
		}
		if s.lib.Doubtful(d, f, day) {
			open[i].Confidence = "low"
		}
	}
	return open
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// audience is whom a document is for: citizen, official or both.
func audience(d *corpus.Document) string { return cmp.Or(d.Audience, "both") }

// openQuery is what GET /api/v1/documents may be asked for.
type openQuery struct {
	kind, field, audience, text, after string
	limit                              int
}

// maxPage is how many documents a page has at most.
const maxPage = 200

func readOpenQuery(v url.Values) (openQuery, error) {
	q := openQuery{kind: v.Get("kind"), field: v.Get("field"), audience: v.Get("audience"), text: v.Get("q"), after: v.Get("after"), limit: 50}
	if q.kind != "" && !slices.Contains([]corpus.Kind{corpus.Procedure, corpus.Skill, corpus.Local}, corpus.Kind(q.kind)) {
		return q, fmt.Errorf("kind is procedure, skill or local")
	}
	if q.audience != "" && q.audience != "citizen" && q.audience != "official" {
		return q, fmt.Errorf("audience is citizen or official")
	}
	if l := v.Get("limit"); l != "" {
		n, err := strconv.Atoi(l)
		if err != nil || n < 1 || n > maxPage {
			return q, fmt.Errorf("limit is a number from 1 to %d", maxPage)
		}
		q.limit = n
	}
	return q, nil
}

// page lists the documents that fit, by ID, from the one behind q.after on.
func (s *shelf) page(q openQuery, path string, values url.Values) openList {
	list := openList{Documents: []openRow{}, Knowledge: s.lib.Version, Licence: licence}
	field := vietnamese.Fold(q.field)
	words := vietnamese.Tokenize(nil, vietnamese.Normalize(q.text))
	for _, d := range s.lib.Documents { // sorted by ID
		missing := func(t vietnamese.Token) bool { return !s.words[d.ID][t.Folded] }
		switch {
		case q.kind != "" && string(d.Kind) != q.kind, field != "" && vietnamese.Fold(d.Field) != field,
			q.audience != "" && audience(d) != q.audience && audience(d) != "both", slices.ContainsFunc(words, missing):
			continue
		}
		list.Total++
		if d.ID <= q.after {
			continue
		}
		if len(list.Documents) == q.limit {
			if list.Next == "" {
				values.Set("after", list.Documents[q.limit-1].ID)
				list.Next = path + "?" + values.Encode()
			}
			continue
		}
		list.Documents = append(list.Documents, openRow{
			d.ID, d.Title, d.Kind, orEmpty(d.Codes), d.Field, audience(d), d.Checked, d.ValidTo, d.Confidence, d.URL(), path + "/" + d.ID,
		})
	}
	return list
}

// documents lists the knowledge: ?kind=, field=, audience=, q= choose, limit= and
// after= page.
func (a *api) documents(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	q, err := readOpenQuery(values)
	if err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	serveOpen(w, r, newBody(a.shelf.page(q, "/api/v1/documents", values)))
}

// document gives one document with all its facts, as on the day ?as_of=.
func (a *api) document(w http.ResponseWriter, r *http.Request) {
	today := corpus.Today(a.now())
	asOf := today
	if given := r.URL.Query().Get("as_of"); given != "" {
		day, err := corpus.ParseDate(given)
		if err != nil {
			problem(w, http.StatusBadRequest, "as_of: "+err.Error())
			return
		}
		asOf = day
	}
	b, ok := a.shelf.document(r.PathValue("id"), asOf, today)
	if !ok {
		problem(w, http.StatusNotFound, "no document has that id; /api/v1/documents lists them")
		return
	}
	serveOpen(w, r, b)
}

// serveOpen replies with open data, or that what the reader has still holds.
func serveOpen(w http.ResponseWriter, r *http.Request, b body) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(openFor.Seconds())))
	h.Set("ETag", b.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.json))
}
