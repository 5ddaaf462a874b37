package pipeline

import (
	"cmp"
	"slices"
	"strings"

	"troly/internal/corpus"
)

// maxSaid is how many lines are printed of a matter that a document speaks of.
const maxSaid = 3

// matters answers what a question asks beside the sections of a document: the lines
// that speak of it, or plainly that none does and whom to ask. It returns the facets that
// are left to answer, how many lines were printed, and whether something is missing.
func (c *composer) matters(facets []Facet) (left []Facet, said int, missing bool) {
	left = facets
	for _, i := range withoutTitle(c.q.sought, c.doc.Title) {
		m := &matters[i]
		left = slices.DeleteFunc(slices.Clone(left), func(f Facet) bool {
			return slices.Contains(m.shares, f) && slices.Contains(c.q.shared, f)
		})
		if m.told != "" && !slices.Contains(left, m.told) && c.has(c.doc, m.told) {
			left = append(left, m.told)
		}
		lines := c.speaking(i)
		if len(lines) == 0 {
			c.nothingOn(m.about)
			missing = true
		} else if m.told == "" {
			said += c.say(lines)
		}
	}
	return left, said, missing
}

// speaking are the lines that speak of a matter, those that fit the question best
// first; where none does by its words, those that answer people who ask for it in words
// like these.
func (c *composer) speaking(matter int) []line {
	lines := c.byCase(slices.DeleteFunc(slices.Clone(c.page.lines), func(l line) bool { return !l.speaks.has(matter) || l.section == "can-cu" }))
	if len(lines) == 0 {
		for _, l := range c.ranked {
			if l.asked && l.answers.has(matter) {
				lines = append(lines, l.line)
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(c.score(b), c.score(a)) })
	return lines
}

// say prints the first lines that are not there yet and returns how many.
func (c *composer) say(lines []line) (printed int) {
	for _, l := range lines[:min(len(lines), maxSaid)] {
		if !c.d.has(l) && c.d.add("• "+l.bare+" "+c.d.cite(c.doc, l.section)) {
			c.d.printed[l.bare] = true
			printed++
		}
	}
	return printed
}

// nothingOn says that the document has nothing on what was asked, and whom to ask.
func (c *composer) nothingOn(about string) {
	c.d.add("Hướng dẫn của tôi về việc này chưa nói về " + about + ". Bạn hỏi nơi tiếp nhận: " + firstOf(c.office(c.doc)) + c.helpline() + ".")
}

// firstOf cuts off the further offices of a list.
func firstOf(offices string) string {
	first, _, _ := strings.Cut(offices, ";")
	return first
}

// helpline is the number that answers questions on a document's matter.
func (c *composer) helpline() string {
	id := "cong-dvc"
	if strings.Contains(c.doc.Authority, "ảo hiểm xã hội") {
		id = "bhxh"
	}
	contact, ok := c.lib.Contact(id)
	if !ok || !contact.Verified {
		return ""
	}
	if !slices.Contains(c.d.contacts, contact) {
		c.d.contacts = append(c.d.contacts, contact)
	}
	return "; hoặc gọi " + contact.Phone + " (" + contact.Name + ")"
}

// markMatters notes of each line which matters it speaks of, and which people ask for
// whom it answers.
func (a *Assistant) markMatters(p *page, doc *corpus.Document) {
	for i := range p.lines {
		p.lines[i].speaks = speaksOf(p.lines[i].bare)
	}
	for _, answer := range doc.Answers {
		var asked matterSet
		for _, at := range answer.At {
			sought, _ := a.soughtIn(doc.Asked[at], false)
			for _, m := range sought {
				asked |= 1 << m
			}
		}
		for i, l := range p.lines {
			if strings.HasPrefix(l.bare, answer.Line) {
				p.lines[i].answers |= asked
			}
		}
	}
}
