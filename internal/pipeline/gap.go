package pipeline

import (
	"cmp"
	"slices"
	"strings"

	"troly/internal/vietnamese"
)

// How much is printed of a matter, and when nothing is known of it.
const (
	maxSaid    = 3   // lines of a document that speak of it
	maxNearest = 2   // lines with words of a question that none of them answers
	straying   = 14  // words of a question of which none tells of the document; longer ones tell a story
	tells      = 0.9 // weight from which a word tells what is asked; chosen on eval/sets, see stray
	answers    = 0.6 // weight from which a word of a line may answer it
)

// gap is how much a document lacks of what is asked.
type gap int

const (
	noGap    gap = iota
	caseGap      // the case asked about; lines near it may help
	wholeGap     // all of it: the other lines are about other things
)

// beside answers what a question asks beside the sections of a document: plainly that
// nothing speaks of it and whom to ask, or the lines that do. It returns the facets that
// are left to answer, how many such lines were printed, and what is missing.
func (c *composer) beside(facets []Facet) (left []Facet, said int, missing gap) {
	left = facets
	var lacking []string
	var spoken []line
	for _, i := range withoutTitle(c.q.sought, c.doc.Title) {
		m := &matters[i]
		left = slices.DeleteFunc(slices.Clone(left), func(f Facet) bool {
			return slices.Contains(m.shares, f) && slices.Contains(c.q.shared, f)
		})
		if m.told != "" && !slices.Contains(left, m.told) && c.has(c.doc, m.told) {
			left = append(left, m.told)
		}
		if m.people { // see unnamed
			continue
		}
		switch lines := c.speaking(i); {
		case len(lines) == 0:
			missing = wholeGap
			lacking = append(lacking, m.about)
		case m.told == "":
			spoken = append(spoken, lines[:min(len(lines), maxSaid)]...)
		}
	}
	if people := c.unnamed(); len(people) > 0 {
		missing = max(missing, caseGap)
		lacking = append(lacking, people...)
	}
	switch {
	case len(lacking) > 0:
		c.lacks("nói về " + strings.Join(lacking, "; "))
	case len(spoken) == 0 && c.stray(left):
		missing = caseGap
		c.lacks("có đúng điều bạn hỏi")
	}
	return left, c.say(spoken), missing
}

// unnamed are the kinds of people that a question asks about of whom the document says
// nothing.
func (c *composer) unnamed() []string {
	var people []string
	for _, i := range withoutTitle(c.q.sought, c.doc.Title) {
		if matters[i].people && len(c.speaking(i)) == 0 {
			people = append(people, "trường hợp "+matters[i].about)
		}
	}
	return people
}

// instead answers, after it was said what is missing, what else was asked, or else
// with what is nearest.
func (c *composer) instead(facets []Facet, missing gap) {
	for _, f := range facets {
		c.facet(f)
	}
	if len(facets) == 0 && missing == caseGap {
		c.direct(maxNearest, besideShare)
	}
	c.summary(2)
}

// stray reports whether a short question wants a yes or a no about something of which
// no line has a word, nor an official word for it: "đất tranh chấp có tách thửa được
// không" where nothing is said of disputes. Of the questions of eval/sets with a known
// answer one in a thousand is taken for such a one.
func (c *composer) stray(facets []Facet) bool {
	tokens := vietnamese.Tokenize(nil, c.q.text)
	if !c.q.yesNo || len(tokens) > straying || c.asked() || slices.ContainsFunc(facets, func(f Facet) bool { return f != Who }) {
		return false
	}
	has, title := c.page.folded, c.q.titleWords(c.doc)
	if c.q.accented {
		has = c.page.accented
	}
	phrases := c.Assistant.facets.words(tokens, !c.q.accented, func(int) bool { return true })
	strange := false
	for _, t := range c.q.content {
		word := c.q.form(t)
		weight := c.idf(word)
		switch {
		case title[t.Folded] || phrases[t.Text]:
		case has[word] > 0 && weight >= answers:
			return false
		case has[word] == 0 && weight >= tells:
			strange = true
		}
	}
	return strange && !slices.ContainsFunc(c.q.query.Synonyms, c.says)
}

// says reports whether a line has all words of a text, at least one of them not of the
// title.
func (c *composer) says(text string) bool {
	title := c.q.titleWords(c.doc)
	words := vietnamese.Tokenize(nil, text)
	if !slices.ContainsFunc(words, func(t vietnamese.Token) bool { return !title[t.Folded] }) {
		return false
	}
	return slices.ContainsFunc(c.page.lines, func(l line) bool {
		return !slices.ContainsFunc(words, func(t vietnamese.Token) bool {
			return !slices.ContainsFunc(l.words, func(w vietnamese.Token) bool { return w.Text == t.Text })
		})
	})
}

// speaking are the lines that speak of a matter, those that fit the question best
// first.
func (c *composer) speaking(matter int) []line {
	lines := c.byCase(slices.DeleteFunc(slices.Clone(c.page.lines), func(l line) bool { return l.section == "can-cu" || !matters[matter].said.MatchString(l.bare) }))
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(c.score(b), c.score(a)) })
	return lines
}

// say prints the lines that are not there yet and returns how many.
func (c *composer) say(lines []line) (printed int) {
	for _, l := range lines {
		if !c.d.has(l) && c.bullet(l, l.bare) {
			printed++
		}
	}
	return printed
}

// lacks says what the document does not do, and whom to ask.
func (c *composer) lacks(what string) {
	c.d.add("Hướng dẫn này của tôi chưa " + what + ". " + c.whomToAsk())
}

// whomToAsk names the first office of a document, and a number.
func (c *composer) whomToAsk() string {
	office, _, _ := strings.Cut(c.office(c.doc), ";")
	return "Bạn hỏi nơi tiếp nhận: " + office + c.helpline() + "."
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
