package pipeline

import (
	"context"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
)

// When a message asks for a second matter as well, and how much room that gets.
const (
	wishLeast = 0.3 // probability of a document by the words of a part that names it, from which the part is about it
	wishSure  = 0.6 // likewise of a part that names none
	wishRoom  = 420 // runes kept for what is said of it
	joinedBy  = 3   // words between two papers that are asked for together
)

// wish is a second matter that a message asks for: the part that asks, and the document
// that answers it.
type wish struct {
	q   *understanding
	hit retrieval.Document
}

// otherWish finds what a message asks for beside the matter of the best document: another
// clause that asks something of its own, "mở quán cần gì, bán một tháng 40 triệu có phải
// đóng thuế không", or another paper in the same breath, "mất căn cước với bằng lái".
// It is nil when there is none.
func (a *Assistant) otherWish(ctx context.Context, q *understanding, found retrieval.Result) *wish {
	if q.followUp || q.coded != "" {
		return nil
	}
	best := found.Documents[0].ID
	own := false // a part is about the best document
	var other *wish
	for _, part := range a.parts(q) {
		hits, err := a.retriever.Search(ctx, part.query)
		if err != nil {
			return nil
		}
		hit, ok := a.meant(part, hits)
		switch {
		case !ok:
		case hit.ID == best:
			own = true
		case other == nil && a.isProcedure(hit.ID):
			other = &wish{part.understanding, hit}
		}
	}
	if !own {
		return nil
	}
	return other
}

// isProcedure reports whether a document is a procedure: hotlines and lessons have words of
// many questions, so that a part of one is soon taken for a question about them.
func (a *Assistant) isProcedure(id string) bool {
	doc := a.lib.Document(id)
	return doc != nil && doc.Kind == corpus.Procedure
}

// meant is the document that a part is about, if it is surely about one. A paper that no
// document fits better is its usual one.
func (a *Assistant) meant(p part, hits retrieval.Result) (hit retrieval.Document, ok bool) {
	if len(hits.Documents) > 0 {
		hit = hits.Documents[0]
		named := p.paper != "" || len(p.named) > 0 && p.named[0] == hit.ID
		if (hit.Probability >= wishSure || named && hit.Probability >= wishLeast) && (p.paper == "" || a.isProcedure(hit.ID)) {
			return hit, true
		}
	}
	at := slices.IndexFunc(hits.Documents, func(d retrieval.Document) bool { return d.ID == p.paper })
	if at < 0 {
		return hit, false
	}
	return hits.Documents[at], true
}

// part is a part of a message that may be about a matter of its own.
type part struct {
	*understanding
	paper string // the usual document of the paper it is about, if the message lists papers
}

// parts are the parts of a message; none when it has only one.
func (a *Assistant) parts(q *understanding) []part {
	text := q.query.Text
	var asking []string
	for _, clause := range clausesOf(text) {
		if tokens := vietnamese.Tokenize(nil, clause); len(tokens) >= minClause && interrogative(tokens, !q.accented) {
			asking = append(asking, clause)
		}
	}
	if len(asking) > 1 { // as few do: reading a clause costs more than finding it
		var parts []part
		for _, clause := range asking {
			if p := a.part(q, clause); len(p.content) > 0 && !a.saysNoMatter(p) {
				parts = append(parts, part{p, ""})
			}
		}
		if len(parts) > 1 {
			return parts
		}
	}
	if halves := a.halves(q); len(halves) > 0 {
		return halves
	}
	papers := a.aliases.papers(vietnamese.Tokenize(nil, text), q.accented)
	for i := 1; i < len(papers); i++ {
		first, second := papers[i-1], papers[i]
		between := strings.ToLower(text[first.end:second.start])
		if first.document == second.document || len(strings.Fields(between)) > joinedBy || !joins(between) {
			continue
		}
		return []part{
			{a.part(q, text[:second.start]+text[second.end:]), first.document},
			{a.part(q, text[:first.start]+text[first.end:]), second.document},
		}
	}
	return nil
}

// halves are the parts of a question that names two matters joined by "với" or "và",
// each asked what the whole asks: "bán lại xe máy với sang tên sổ đỏ thì mỗi cái bao nhiêu".
func (a *Assistant) halves(q *understanding) []part {
	text := q.query.Text
	for _, t := range vietnamese.Tokenize(nil, text) {
		if !joins(t.Text) {
			continue
		}
		first, second := a.half(q, text[:t.Start]), a.half(q, text[t.End:])
		if len(first.named) > 0 && len(second.named) > 0 && first.named[0] != second.named[0] {
			return []part{{first, ""}, {second, ""}}
		}
	}
	return nil
}

// half is a part that asks what the whole question asks.
func (a *Assistant) half(q *understanding, text string) *understanding {
	p := a.part(q, text)
	p.facets, p.kinds, p.yesNo = q.facets, q.kinds, q.yesNo
	if len(p.named) == 0 {
		a.nameUsual(p)
		p.query.Named, p.query.Bare = p.named, p.usual
	}
	return p
}

// joins reports whether the words between two papers join them; a comma alone may stand
// between what is asked and what is told.
func joins(between string) bool {
	return slices.ContainsFunc(strings.Fields(between), func(word string) bool {
		return slices.Contains([]string{"và", "với", "vs", "lẫn", "cùng", "va", "voi", "lan", "cung"}, word)
	})
}

// part is a part of a question, read like one.
func (a *Assistant) part(q *understanding, text string) *understanding {
	tokens := vietnamese.Tokenize(nil, text)
	p := *q
	p.facets, p.yesNo = a.facetsOf(tokens, !q.accented)
	p.kinds, p.content = kindsOf(p.facets), a.retriever.Content(text)
	p.sought, p.shared = a.soughtIn(text, !q.accented)
	p.asking = a.askingWords(tokens, !q.accented)
	p.named, p.name = a.aliases.named(tokens, q.accented)
	p.text, p.usual, p.ranks = text, false, nil
	if len(p.named) == 0 && (len(p.facets) > 0 || p.yesNo) {
		a.nameUsual(&p)
	}
	p.query = retrieval.Query{Text: text, Typed: text, Accented: q.accented, Named: p.named, Bare: p.usual || p.bare(), Audience: q.audience}
	for _, e := range a.glossary.Synonyms(text, !q.accented) {
		p.query.Synonyms = append(p.query.Synonyms, e.Means...)
	}
	return &p
}

// tellToo adds to an answer what was asked beside its matter: the section asked for, or
// the lines that fit best.
func (a *Assistant) tellToo(d *draft, w *wish) {
	doc := a.lib.Document(w.hit.ID)
	c := a.composer(w.q, doc, d)
	lines, cited := len(d.lines), len(d.citations)
	d.add("Bạn hỏi thêm: " + doc.Title)
	d.validity(doc)
	of := d.gap
	d.gap = gap{}
	defer func() { d.gap = of }() // a model is told of what the first matter lacks
	facets, said := c.beside(c.facets())
	switch {
	case d.gap.any():
		c.instead(facets)
	case len(facets) > 0 && facets[0] != How && facets[0] != Who:
		if c.asked() {
			c.direct(1, directShare)
		}
		c.facet(facets[0])
	default:
		c.direct(maxSaid-said, directShare)
		c.summary(1)
	}
	if len(d.citations) == cited { // nothing of it had room
		d.lines = d.lines[:lines]
		return
	}
	d.unverified(doc)
}
