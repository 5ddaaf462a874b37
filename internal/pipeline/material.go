package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
	"troly/prompts"
)

// How much a model is given: what a small one reads in a second.
const (
	maxPassages     = 10
	maxPassageRunes = 7000 // of all passages and facts together
	rivalDocuments  = 2    // documents nearly as good as the best, with their best sections
	rivalSections   = 2
)

// material is what a model may answer from: numbered passages, typed rows by key, and
// the links and telephone numbers it sees only as tokens.
type material struct {
	passages []passage
	facts    []keyedFact
	tokens   map[string]string // {L1} -> the address as written
	keys     map[string]string // the address -> {L1}
}

// passage is one section of a document as the model sees it.
type passage struct {
	doc     *corpus.Document
	section string
	heading string
	text    string // without the typed rows, tokens for links and numbers
	lines   []line // all of it, rows included: what a sentence is checked against
}

// keyedFact is one typed row that the model refers to by its key.
type keyedFact struct {
	key     string
	passage int // index
	row     line
	figure  string // what stands for the key in a sentence; empty: the row may only be listed
}

// label are the words of a row before its figure: what it is for, and in which case.
func (f keyedFact) label() []vietnamese.Token {
	label, _, _ := strings.Cut(f.row.bare, ": ")
	return vietnamese.Tokenize(nil, label)
}

// gather collects what a model may answer from: of the best document the sections
// asked for, then the ones found, then the rest in reading order; the best sections of
// its rivals. Rows of other cases than the named ones are left out, as offline, and so
// are sections that answer what is missing only in appearance. c is the composer of the
// best document.
func (a *Assistant) gather(c *composer, found retrieval.Result) *material {
	m := &material{tokens: make(map[string]string), keys: make(map[string]string)}
	q, missing, room := c.q, c.d.gap, maxPassageRunes
	for i, hit := range append(found.Documents[:1:1], rivals(found)...) {
		if i > rivalDocuments {
			break
		}
		if i > 0 {
			c = a.composer(q, a.lib.Document(hit.ID), nil)
		}
		order := sectionOrder(q, hit, c.page)
		if i > 0 {
			order = order[:min(rivalSections, len(order))]
		}
		for _, section := range order {
			if missing.mistaken(section, q.shared) {
				continue
			}
			if len(m.passages) == maxPassages {
				return m
			}
			room -= m.add(a, c, section, room)
		}
	}
	return m
}

// sectionOrder lists the sections of a document, the likeliest first.
func sectionOrder(q *understanding, hit retrieval.Document, p *page) []string {
	var order []string
	take := func(id string) {
		if !slices.Contains(order, id) && slices.ContainsFunc(p.lines, func(l line) bool { return l.section == id }) {
			order = append(order, id)
		}
	}
	for _, f := range q.facets {
		for _, id := range sections[f] {
			take(id)
		}
	}
	for _, s := range hit.Sections {
		take(s.ID)
	}
	for _, l := range p.lines {
		take(l.section)
	}
	return order
}

// add appends a section, if it has anything and fits, and returns its length. Lines
// that give orders to a model are left out: knowledge is data, but it need not be
// tried whether the model agrees.
func (m *material) add(a *Assistant, c *composer, section string, room int) int {
	inOrder := slices.DeleteFunc(c.page.of(section), func(l line) bool { return a.givesOrders(l.words) })
	lines := c.fitting(slices.Clone(inOrder))
	figures := a.figures(c.doc, section, c.q.asOf)
	var facts []keyedFact
	size := 0
	for _, l := range lines {
		size += utf8.RuneCountInString(l.text)
		if l.row {
			f := keyedFact{passage: len(m.passages), row: l}
			if !l.coming && !l.unknown {
				f.figure = figures[l.text]
			}
			facts = append(facts, f)
		}
	}
	if len(lines) == 0 || size > room {
		return 0
	}
	var text strings.Builder
	for _, l := range inOrder {
		if !l.row {
			text.WriteString(m.hide(l.text) + "\n")
		}
	}
	for _, f := range facts {
		f.key = fmt.Sprintf("{F%d}", len(m.facts)+1)
		m.facts = append(m.facts, f)
	}
	m.passages = append(m.passages, passage{c.doc, section, headingOf(c.doc, section), text.String(), lines})
	return size
}

// givesOrders reports whether a text speaks to a model rather than to people.
func (a *Assistant) givesOrders(words []vietnamese.Token) bool {
	return a.talks.find(words, false)[injectionGroup]
}

// figures are what the keys of a section's rows stand for in a sentence, by the line as
// printed: the bare figure of each row that holds today.
func (a *Assistant) figures(doc *corpus.Document, section string, asOf corpus.Date) map[string]string {
	figures := make(map[string]string)
	for _, f := range corpus.ValidOn(doc.FactsOf(section), asOf) {
		text := "- " + a.lib.Line(doc, &f, asOf)
		if _, ok := figures[text]; ok {
			continue // the first of two that read alike
		}
		if figures[text] = a.lib.Figure(doc, &f, asOf); f.IsFree() && f.Text == "" {
			figures[text] = "miễn phí (0 đồng)"
		}
	}
	return figures
}

// hide puts tokens in the place of links, mail addresses and telephone numbers.
func (m *material) hide(text string) string {
	if !mayReach(text) {
		return text
	}
	var b strings.Builder
	last := 0
	for _, v := range vietnamese.FindValues(text) {
		if !isContact(v.Kind) {
			continue
		}
		b.WriteString(text[last:v.Start] + m.token(v.Kind, text[v.Start:v.End]))
		last = v.End
	}
	return b.String() + text[last:]
}

// mayReach reports whether a text has what every link, address and number has: a digit,
// or a dot within a word. To find values, every word is spelled out.
func mayReach(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= '0' && c <= '9' || c == '.' && i+1 < len(text) && text[i+1] > ' ' {
			return true
		}
	}
	return false
}

func isContact(k vietnamese.Kind) bool {
	return k == vietnamese.Link || k == vietnamese.Email || k == vietnamese.Phone
}

// token is the one of an address, made when it is first seen.
func (m *material) token(kind vietnamese.Kind, address string) string {
	if t, ok := m.keys[address]; ok {
		return t
	}
	letter := "L"
	if kind == vietnamese.Phone {
		letter = "P"
	}
	t := fmt.Sprintf("{%s%d}", letter, len(m.tokens)+1)
	m.tokens[t], m.keys[address] = address, t
	return t
}

// keyPattern matches a key or token.
var keyPattern = regexp.MustCompile(`\{[A-Z][0-9]{1,3}\}`)

// fact returns the row of a key.
func (m *material) fact(key string) (keyedFact, bool) {
	at := slices.IndexFunc(m.facts, func(f keyedFact) bool { return f.key == key })
	if at < 0 {
		return keyedFact{}, false
	}
	return m.facts[at], true
}

// prompt is the material as the prompts want it.
func (m *material) prompt(in prompts.Answer) prompts.Answer {
	for _, p := range m.passages {
		in.Passages = append(in.Passages, prompts.Passage{Title: p.doc.Title, Heading: p.heading, Text: p.text})
	}
	for _, f := range m.facts {
		in.Facts = append(in.Facts, prompts.Fact{Key: f.key, Passage: f.passage + 1, Text: m.hide(f.row.bare)})
	}
	return in
}
