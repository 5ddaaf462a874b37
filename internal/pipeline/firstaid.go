package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"troly/internal/corpus"
)

// relieve answers a question that tells of danger or fraud: no such question may be
// refused, declined or met with small talk.
func (a *Assistant) relieve(out *Outcome, q *understanding, e *corpus.Emergency) {
	d := a.firstAid(q, e)
	out.Understood.Intent = string(e.Kind)
	out.Checks, out.Verified = a.verify(d, q)
	if !out.Verified {
		// The hotline leaves in any case: it is printed from its record.
		out.Degraded = append(out.Degraded, "advice withheld: a check failed")
		d = newDraft(a.lib, q.asOf)
		a.hotlines(d, e)
	}
	out.Status, out.Answer, out.Citations, out.AnsweredBy = Answered, d.text(), d.citations, "extractive"
	out.Retrieved = consulted(d.citations)
	a.readOn(out, e)
}

// consulted lists what an answer was taken from, the list of hotlines last: it
// stands behind every number and says least about the matter.
func consulted(citations []Citation) []Retrieved {
	list := []Retrieved{}
	for _, hotlines := range []bool{false, true} {
		for _, c := range citations {
			if (c.Document == corpus.HotlineDocument) == hotlines {
				list = append(list, Retrieved{Document: c.Document, Section: c.Section, Score: 1})
			}
		}
	}
	return list
}

// maxMore is how many lines of the lesson follow the steps.
const maxMore = 2

// firstAid writes the answer: in danger the number to call first, in a fraud the
// warning; then what to do now, and whom to tell.
func (a *Assistant) firstAid(q *understanding, e *corpus.Emergency) *draft {
	d := newDraft(a.lib, q.asOf)
	if e.Kind == corpus.Urgent {
		a.hotlines(d, e)
	}
	if e.Say != "" {
		d.lines = append(d.lines, strings.TrimSpace(e.Say+" "+a.origin(d, e)))
	}
	for i, s := range e.Steps {
		d.lines = append(d.lines, strings.TrimSpace(fmt.Sprintf("%d. %s %s", i+1, s.Do, a.citeOrigin(d, s))))
	}
	if e.Kind == corpus.Scam {
		a.report(d, e)
	}
	d.runes = utf8.RuneCountInString(d.text())
	if doc := a.lib.Document(firstDocument(e)); doc != nil && (q.yesNo || len(q.facets) > 0) { // it also asks something
		a.more(d, q, doc)
	}
	a.also(d, e)
	a.markUnverified(d)
	d.contacts = append(d.contacts, a.lib.ContactsIn(d.text())...)
	return d
}

// more adds the lines of a lesson that fit the question's own words best.
func (a *Assistant) more(d *draft, q *understanding, doc *corpus.Document) {
	p, named := a.page(doc, d.asOf), q.casesOf(doc)
	ranked := slices.DeleteFunc(a.rank(q, doc, p, named), func(l scoredLine) bool { return l.section == "luu-y" || l.unknown })
	c := composer{a, d, q, doc, p, named, ranked}
	c.direct(maxMore, directShare)
}

// hotlines is the line with the numbers to call; without any, whom to run to.
func (a *Assistant) hotlines(d *draft, e *corpus.Emergency) {
	names := a.names(d, e.Contacts)
	if names == "" {
		d.lines = append(d.lines, "Báo ngay Công an, trạm y tế hoặc Ủy ban nhân dân xã, phường nơi bạn ở. "+a.citeHotlines(d))
		return
	}
	d.lines = append(d.lines, "Gọi ngay "+names+". "+a.citeHotlines(d))
}

// report says where a fraud is reported.
func (a *Assistant) report(d *draft, e *corpus.Emergency) {
	d.lines = append(d.lines, "Báo: "+a.names(d, e.Contacts)+"; hoặc đến Công an xã, phường. "+a.citeHotlines(d))
}

// names prints contacts by number and name: "115 (Cấp cứu y tế) hoặc 113 (Công an)".
func (a *Assistant) names(d *draft, ids []string) string {
	var names []string
	for _, id := range ids {
		if c, ok := a.lib.Contact(id); ok && c.Verified {
			d.contacts = append(d.contacts, c)
			names = append(names, c.Reachable()+" ("+c.Name+")")
		}
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " hoặc " + names[n-1]
	}
	return strings.Join(names, "")
}

// also adds the other places, an unverified one with its mark.
func (a *Assistant) also(d *draft, e *corpus.Emergency) {
	for _, id := range e.Also {
		c, ok := a.lib.Contact(id)
		if !ok {
			continue
		}
		line := "Có thể gọi thêm: " + c.Name + ", " + c.Reachable()
		var remarks []string
		if c.Note != "" {
			remarks = append(remarks, c.Note)
		}
		if !c.Verified {
			remarks = append(remarks, unverifiedMark)
		}
		if len(remarks) > 0 {
			line += " (" + strings.Join(remarks, "; ") + ")"
		}
		d.lines = append(d.lines, line+".")
		d.contacts = append(d.contacts, c)
	}
}

// citeHotlines cites the list of hotlines.
func (a *Assistant) citeHotlines(d *draft) string {
	doc := a.lib.Document(corpus.HotlineDocument)
	if doc == nil {
		return ""
	}
	return d.cite(doc, corpus.HotlineSection)
}

// citeOrigin cites what a step is taken from.
func (a *Assistant) citeOrigin(d *draft, s corpus.Step) string {
	document, section, ok := s.Origin()
	if doc := a.lib.Document(document); ok && doc != nil {
		return d.cite(doc, section)
	}
	return ""
}

// origin cites what the warning is taken from: what the first step is.
func (a *Assistant) origin(d *draft, e *corpus.Emergency) string {
	if e.Kind == corpus.Scam && len(e.Steps) > 0 {
		return a.citeOrigin(d, e.Steps[0])
	}
	return ""
}

// firstDocument is the lesson the advice is taken from, or "".
func firstDocument(e *corpus.Emergency) string {
	for _, s := range e.Steps {
		if document, _, ok := s.Origin(); ok {
			return document
		}
	}
	return ""
}

// readOn suggests what to read when the danger is over, and the lessons behind the
// advice.
func (a *Assistant) readOn(out *Outcome, e *corpus.Emergency) {
	documents := slices.Clone(e.Read)
	for _, s := range e.Steps {
		document, _, _ := s.Origin()
		documents = append(documents, document)
	}
	for _, id := range documents {
		if doc := a.lib.Document(id); doc != nil && !slices.Contains(out.Suggestions, doc.Title) {
			out.Suggestions = append(out.Suggestions, doc.Title)
		}
	}
}
