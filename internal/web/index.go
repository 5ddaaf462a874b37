package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/vietnamese"
)

// indexPage lists documents: those found, or all by field.
type indexPage struct {
	Query  string
	Kind   string // of kindChoices, empty: all
	Kinds  []choice
	Broken bool // the search does not work; the list is by name
	Found  []entry
	Groups []group
	Total  int
}

type choice struct {
	Value, Label string
	Chosen       bool
}

type entry struct {
	Title, Address string
	Kind, Field    string
	Summary        string
}

type group struct {
	ID, Name string
	Entries  []entry
}

// kindChoices are the kinds in the address of the list, and in words.
var kindChoices = []struct {
	value string
	kind  corpus.Kind
}{{"thu-tuc", corpus.Procedure}, {"ky-nang-so", corpus.Skill}, {"dia-phuong", corpus.Local}}

// maxQuery is how much of a search is read, in bytes.
const maxQuery = 600

// index lists documents. A search counts as a question.
func (s *server) index(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("q") == "" {
		s.list(w, r)
		return
	}
	s.guard.asking(s.list, s.tooManyPages)(w, r)
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	query := vietnamese.Normalize(strings.TrimSpace(clip(r.URL.Query().Get("q"), maxQuery)))
	p := indexPage{Query: query}
	var kind corpus.Kind
	for _, c := range kindChoices {
		chosen := r.URL.Query().Get("nhom") == c.value
		if chosen {
			kind, p.Kind = c.kind, c.value
		}
		p.Kinds = append(p.Kinds, choice{c.value, kindNames[c.kind], chosen})
	}
	if query == "" {
		if s.unchanged(w, r, corpus.Today(s.now()), "index", string(kind)) {
			return
		}
		p.Groups, p.Total = s.groups(kind)
	} else {
		ids, err := s.find(r.Context(), query)
		if err != nil {
			s.log.Error("search for the list failed", "err", err)
			p.Broken, ids = true, s.named(query)
		}
		for _, id := range ids {
			if d := s.library.Document(id); d != nil && (kind == "" || d.Kind == kind) {
				p.Found = append(p.Found, entryOf(d))
			}
		}
	}
	s.draw(w, r, http.StatusOK, "index", layout{Page: p, Here: "tt", Class: "index"})
}

// shownHits is how many documents a search shows.
const shownHits = 20

// find returns the documents that retrieval finds, best first.
func (s *server) find(ctx context.Context, query string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	hits, err := s.assistant.Search(ctx, pipeline.Question{Text: query})
	var ids []string
	for _, h := range hits {
		if !slices.Contains(ids, h.Document) && len(ids) < shownHits {
			ids = append(ids, h.Document)
		}
	}
	return ids, err
}

// named returns the documents whose title or another name holds the words.
func (s *server) named(query string) []string {
	var ids []string
	folded := vietnamese.Fold(query)
	for _, d := range s.library.Documents {
		if slices.ContainsFunc(append([]string{d.Title}, d.Aliases...), func(name string) bool { return strings.Contains(vietnamese.Fold(name), folded) }) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// groups lists all documents of a kind by field.
func (s *server) groups(kind corpus.Kind) (groups []group, total int) {
	byField := make(map[string][]entry)
	for _, d := range s.library.Documents {
		if kind == "" || d.Kind == kind {
			field := cmp.Or(d.Field, "Khác")
			byField[field] = append(byField[field], entryOf(d))
			total++
		}
	}
	for field, entries := range byField {
		slices.SortFunc(entries, func(a, b entry) int { return byName(a.Title, b.Title) })
		groups = append(groups, group{"linh-vuc-" + corpus.Slug(field), field, entries})
	}
	slices.SortFunc(groups, func(a, b group) int { return byName(a.Name, b.Name) })
	return groups, total
}

// byName orders names by their letters without marks, then as written.
func byName(a, b string) int {
	return cmp.Or(cmp.Compare(vietnamese.Fold(a), vietnamese.Fold(b)), cmp.Compare(a, b))
}

func entryOf(d *corpus.Document) entry {
	e := entry{Title: d.Title, Address: documentAddress(d.ID, ""), Kind: kindNames[d.Kind], Field: d.Field}
	if summary := d.Section("tom-tat"); summary != nil {
		e.Summary, _, _ = strings.Cut(summary.Body, "\n")
	}
	return e
}

// clip shortens s to at most n bytes at a border of characters.
func clip(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
