package evaluation

import (
	"strings"
	"sync"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/vietnamese"
)

// passages are the sections of the knowledge as texts to match against, each
// prepared once and kept. Any number of goroutines may use them.
type passages struct {
	lib *corpus.Library
	mu  sync.Mutex
	all map[place]*passage
}

// place is a section of a document on a day; an empty section is what the fields of
// the document say (codes, authority, dates, law).
type place struct {
	document, section string
	asOf              corpus.Date
}

// passage is one section, prepared for matching.
type passage struct {
	*reading
	document string
	section  string // empty: the fields of the document
	said     map[said]bool
	pairs    map[string]bool // neighbouring words, folded
}

// said is a typed value: equal ones say the same.
type said struct {
	kind      vietnamese.Kind
	canonical string
}

func newPassages(lib *corpus.Library) *passages {
	return &passages{lib: lib, all: make(map[place]*passage)}
}

// at returns the passage at a place, or nil when there is none.
func (p *passages) at(at place) *passage {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found, ok := p.all[at]; ok {
		return found
	}
	var found *passage
	if text := p.text(at); text != "" {
		found = newPassage(at, text)
	}
	p.all[at] = found
	return found
}

func newPassage(at place, text string) *passage {
	p := &passage{reading: read(text), document: at.document, section: at.section, said: make(map[said]bool), pairs: make(map[string]bool)}
	for _, v := range p.values {
		p.said[said{v.kind, v.canonical}] = true
	}
	for i, w := range p.words {
		if i > 0 {
			p.pairs[p.words[i-1].folded+" "+w.folded] = true
		}
	}
	return p
}

// text is what a section says to a reader on a day: its heading, the written text
// and the typed rows, those of all periods as the store has them and those of the
// day as an answer prints them.
func (p *passages) text(at place) string {
	doc := p.lib.Document(at.document)
	if doc == nil {
		return ""
	}
	if at.section == "" {
		return doc.Record()
	}
	var b strings.Builder
	for _, s := range p.lib.Passages(doc) {
		if s.ID == at.section {
			b.WriteString(s.Heading + "\n" + s.Body + "\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	rows := doc.FactsOf(at.section)
	for i := range rows {
		b.WriteString(p.lib.Line(doc, &rows[i], at.asOf) + "\n")
	}
	return b.String()
}

// wholeText is what a document says under all its headings, without its title.
func wholeText(lib *corpus.Library, d *corpus.Document) string {
	var b strings.Builder
	for _, s := range lib.Passages(d) {
		b.WriteString(s.Heading + "\n" + s.Body + "\n")
	}
	return b.String()
}

// document returns all passages of a document, its record last.
func (p *passages) document(id string, asOf corpus.Date) []*passage {
	doc := p.lib.Document(id)
	if doc == nil {
		return nil
	}
	var all []*passage
	for _, s := range p.lib.Passages(doc) {
		all = append(all, p.at(place{id, s.ID, asOf}))
	}
	return append(all, p.at(place{id, "", asOf}))
}

// context returns the passages an answer may come from: the sections retrieved and
// the sections cited, each once, and the records of their documents.
func (p *passages) context(o *pipeline.Outcome, asOf corpus.Date) []*passage {
	var all []*passage
	seen := make(map[place]bool)
	add := func(document, section string) {
		for _, at := range []place{{document, section, asOf}, {document, "", asOf}} {
			if seen[at] {
				continue
			}
			seen[at] = true
			if found := p.at(at); found != nil {
				all = append(all, found)
			}
		}
	}
	for _, r := range o.Retrieved {
		add(r.Document, r.Section)
	}
	for _, c := range o.Citations {
		add(c.Document, c.Section)
	}
	return all
}

// quotes reports whether the words of a quote stand in the passage one after the
// other.
func (p *passage) quotes(quote string) bool {
	words := vietnamese.Tokenize(nil, vietnamese.Normalize(strings.ReplaceAll(quote, "\n", " ")))
	if len(words) == 0 {
		return false
	}
	for i := 0; i+len(words) <= len(p.words); i++ {
		same := true
		for j := 0; same && j < len(words); j++ {
			same = p.words[i+j].text == words[j].Text
		}
		if same {
			return true
		}
	}
	return false
}
