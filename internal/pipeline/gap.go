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

// gap is what a document lacks of what is asked; the zero value is nothing.
type gap struct {
	matters []int    // none of its lines speaks of them; kinds of people last
	words   []string // likewise of these words of the question, when its matters are none; as form has them
	lines   []string // say so, and whom to ask
}

// whole reports whether all that is asked is missing, not just the case asked about: the
// other lines are about other things.
func (g gap) whole() bool { return len(g.matters) > 0 && !matters[g.matters[0]].people }

// any reports whether what is asked, or the case of it, is missing.
func (g gap) any() bool { return len(g.matters)+len(g.words) > 0 }

// about says of what the document has nothing.
func (g gap) about() string {
	names := make([]string, len(g.matters))
	for n, i := range g.matters {
		if names[n] = matters[i].about; matters[i].people {
			names[n] = "trường hợp " + names[n]
		}
	}
	return "nói về " + strings.Join(names, "; ")
}

// mistaken reports whether a section would be taken for the answer to what is missing:
// it answers a facet that the question asks for only by phrases, shared with a matter, that
// mean the matter. How long a passport takes is not how long it is good.
func (g gap) mistaken(section string, shared []Facet) bool {
	return slices.ContainsFunc(g.matters, func(i int) bool {
		return slices.ContainsFunc(matters[i].shares, func(f Facet) bool {
			return slices.Contains(shared, f) && slices.Contains(sections[f], section)
		})
	})
}

// besides looks for the matters that a question asks for beside the sections of a
// document: those of which no line speaks, kinds of people last, and the lines that
// answer the others.
func (c *composer) besides() (lacking []int, spoken []line) {
	var people []int
	for _, i := range withoutTitle(c.q.sought, c.doc.Title) {
		m, lines := &matters[i], c.speaking(i)
		switch {
		case len(lines) == 0 && m.people:
			people = append(people, i)
		case len(lines) == 0:
			lacking = append(lacking, i)
		case m.told == "" && !m.people: // what is said of people is found by the question's own words
			spoken = append(spoken, lines[:min(len(lines), maxSaid)]...)
		}
	}
	return append(lacking, people...), spoken
}

// beside answers what a question asks beside the sections of a document: plainly that
// nothing speaks of it and whom to ask, or the lines that do. It returns the facets that
// are left to answer and how many such lines were printed; what is missing is noted in
// the draft.
func (c *composer) beside(facets []Facet) (left []Facet, said int) {
	lacking, spoken := c.besides()
	left = c.unshared(facets)
	switch {
	case len(lacking) > 0:
		c.d.gap.matters = lacking
		c.lacks(c.d.gap.about())
	case len(spoken) == 0:
		if c.d.gap.words = c.stray(left); len(c.d.gap.words) > 0 {
			c.lacks("có đúng điều bạn hỏi")
		}
	}
	return left, c.say(spoken)
}

// unshared are the facets that a question asks for by more than the phrases of its
// matters, and those whose section tells of these.
func (c *composer) unshared(facets []Facet) []Facet {
	for _, i := range withoutTitle(c.q.sought, c.doc.Title) {
		m := &matters[i]
		facets = slices.DeleteFunc(slices.Clone(facets), func(f Facet) bool {
			return slices.Contains(m.shares, f) && slices.Contains(c.q.shared, f)
		})
		if m.told != "" && !slices.Contains(facets, m.told) && c.has(c.doc, m.told) {
			facets = append(facets, m.told)
		}
	}
	return facets
}

// instead answers, after it was said what is missing, what else was asked, or else
// with what is nearest.
func (c *composer) instead(facets []Facet) {
	for _, f := range facets {
		c.facet(f)
	}
	if len(facets) == 0 && !c.d.gap.whole() {
		c.direct(maxNearest, besideShare)
	}
	c.summary(2)
}

// stray are the words of a short question that wants a yes or a no about something of
// which no line has a word, nor an official word for it: "đất tranh chấp có tách thửa
// được không" where nothing is said of disputes. Of the questions of eval/sets with a
// known answer one in a thousand is taken for such a one.
func (c *composer) stray(facets []Facet) (strange []string) {
	tokens := vietnamese.Tokenize(nil, c.q.text)
	if !c.q.yesNo || len(tokens) > straying || c.asked() || slices.ContainsFunc(facets, func(f Facet) bool { return f != Who }) {
		return nil
	}
	has, title := c.page.folded, c.q.titleWords(c.doc)
	if c.q.accented {
		has = c.page.accented
	}
	phrases := c.Assistant.facets.words(tokens, !c.q.accented, func(int) bool { return true })
	for _, t := range c.q.content {
		word := c.q.form(t)
		weight := c.idf(word)
		switch {
		case title[t.Folded] || phrases[t.Text]:
		case has[word] > 0 && weight >= answers:
			return nil
		case has[word] == 0 && weight >= tells:
			strange = append(strange, word)
		}
	}
	if slices.ContainsFunc(c.q.query.Synonyms, c.says) {
		return nil
	}
	return strange
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
	c.admit("Hướng dẫn này của tôi chưa " + what)
}

// admit prints that something is missing, and whom to ask.
func (c *composer) admit(missing string) {
	text := missing + ". " + c.whomToAsk()
	if c.d.add(text) {
		c.d.gap.lines = append(c.d.gap.lines, text)
	}
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
