package pipeline

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
)

// How much of what is printed, so that an answer fits a phone.
const (
	maxFacets  = 3 // things asked for that are answered
	maxLines   = 7 // of a section asked for
	briefLines = 4 // of a section of the summary card
	briefRows  = 1
	maxDirect  = 6 // lines that fit the question's own words
	maxBeside  = 4 // of them beside the section of a figure or a list, which is the answer
	maxRest    = 3 // of the rest of their section in a lesson
	enough     = 3 // of them, from which a lesson needs no other section
)

const (
	directShare = 0.15 // of the best line's score, from which a line is a direct answer
	besideShare = 0.3  // likewise beside a section that is the answer
	rowShare    = 0.5  // likewise of a typed row with no value of the kind asked for: a fee is no answer to whether one may
	comingShare = 0.9  // likewise of a row of a later day: the row of today says until when
	clearly     = 2.0  // times the next row's score, from which the best row is the one asked for
	rowRunes    = 600  // length of all typed rows printed of a section
	clearRunes  = 400  // likewise, when one row is clearly the one asked for
)

// compose writes the answer to a question from one document, without a model: the
// section that was asked for or the lines that fit the question's own words, which
// of them first depends on what was asked; a summary when nothing particular was. What
// was asked of another matter, if anything was, follows.
func (a *Assistant) compose(q *understanding, hit retrieval.Document, asOf corpus.Date, other *wish) *draft {
	doc := a.lib.Document(hit.ID)
	d := newDraft(a.lib, asOf)
	d.lines = append(d.lines, doc.Title)
	d.validity(doc)
	places, at := a.placeLines(q, doc), len(d.lines)
	d.keepFree(places)
	if other != nil {
		d.runes += wishRoom
	}
	p := a.page(doc, asOf)
	named := q.casesOf(doc)
	c := composer{a, d, q, doc, p, named, a.inTurn(q, doc, p, named)}
	if doc.Kind == corpus.Procedure {
		c.procedure()
	} else {
		c.lesson(hit)
	}
	d.unverified(doc)
	if other != nil {
		d.runes -= wishRoom
		a.tellToo(d, other)
	}
	d.insertPlaces(at, places, a.lib.Units.Since)
	return d
}

// composer writes one answer.
type composer struct {
	*Assistant
	d      *draft
	q      *understanding
	doc    *corpus.Document
	page   *page
	named  namedCases   // cases of its rows that the question names
	ranked []scoredLine // lines with words of the question, best first
}

// procedure answers from the fixed sections of a procedure.
func (c *composer) procedure() {
	facets, said := c.beside(c.facets())
	switch {
	case c.d.gap.any():
		c.instead(facets)
	case len(facets) == 0 || len(facets) == 1 && facets[0] == How:
		if c.q.yesNo || said > 0 { // what one needs and pays is not asked for yet
			some := said + c.direct(maxBeside-said, directShare)
			c.summary(2)
			if some == 0 {
				c.facet(Who)
			}
		} else {
			c.summary(2)
			c.direct(maxDirect, directShare)
			if slices.ContainsFunc(c.page.of("ket-qua"), line.pays) {
				c.brief(Result)
			}
			for _, f := range []Facet{Documents, Fee, Deadline, Place} {
				c.brief(f)
			}
		}
		if len(facets) == 1 {
			c.facet(How)
		}
	case isFigure(facets[0]) && !c.elsewhere(facets) || isList(facets[0]) || isWhere(facets[0]) && !c.asked(): // its section is the answer
		if isList(facets[0]) && c.asked() && !c.ranked[0].row { // one item of it is
			c.direct(1, directShare)
		}
		c.facet(facets[0])
		c.direct(maxBeside, besideShare)
		for _, f := range facets[1:] {
			c.facet(f)
		}
		if len(c.d.citations) == 0 { // none of it is in the document
			c.summary(2)
		}
	default:
		c.direct(maxDirect, directShare)
		c.summary(1)
		for _, f := range facets {
			c.facet(f)
		}
	}
}

// facets are what is answered: those asked for, as far as the document can.
func (c *composer) facets() []Facet {
	facets := slices.Clone(c.q.facets[:min(len(c.q.facets), maxFacets)])
	pays := slices.ContainsFunc(c.page.of("ket-qua"), line.pays)
	switch {
	case slices.Contains(facets, Fee) && pays:
		return payAndGet(facets, c.has(c.doc, Fee))
	case c.q.yesNo && !pays: // "có bị phạt không" asks for no paper
		return slices.DeleteFunc(facets, func(f Facet) bool { return f == Result })
	}
	return facets
}

// pays reports whether a line is a typed row of money.
func (l line) pays() bool {
	return l.row && slices.ContainsFunc(kinds[Result], func(k vietnamese.Kind) bool { return l.kinds[k] })
}

// elsewhere reports whether a question for money, which does not say whether one
// pays or gets it, is answered by an amount in another section: the income of a poor
// household stands under those who may apply.
func (c *composer) elsewhere(facets []Facet) bool {
	if !slices.Contains(c.q.facets, Fee) || slices.Contains(c.q.facets, Result) || len(c.ranked) == 0 {
		return false
	}
	best := c.ranked[0]
	if !best.row || !best.kinds[vietnamese.Money] {
		return false
	}
	return !slices.ContainsFunc(facets, func(f Facet) bool { return slices.Contains(sections[f], best.section) })
}

// plain reports whether a question says nothing beyond the title of the document, whose
// words fit every line.
func (c *composer) plain() bool {
	title := c.q.titleWords(c.doc)
	return !slices.ContainsFunc(c.q.content, func(t vietnamese.Token) bool { return !title[t.Folded] })
}

// asked reports whether the question asks for a line in the words of one that is
// answered by it.
func (c *composer) asked() bool { return len(c.ranked) > 0 && c.ranked[0].asked }

// payAndGet completes a question for money: "bao nhiêu tiền" asks for what one gets
// as well as for what one pays, "được bao nhiêu tiền" first for what one gets.
func payAndGet(facets []Facet, pays bool) []Facet {
	gets := slices.Contains(facets, Result)
	facets = slices.DeleteFunc(facets, func(f Facet) bool { return f == Result || f == Fee && !pays })
	if gets {
		return append([]Facet{Result}, facets...)
	}
	return append(facets, Result)
}

// isFigure reports whether a facet is answered by typed rows.
func isFigure(f Facet) bool { return f == Fee || f == Deadline || f == Result }

// isWhere reports whether a facet is answered by a section on where to go.
func isWhere(f Facet) bool { return f == Place || f == Online }

// isList reports whether a facet is answered by a whole list, in its order.
func isList(f Facet) bool { return f == Documents || f == Steps || f == How || f == Form || f == Legal }

// summary prints the first n sentences of the summary that are not there yet.
func (c *composer) summary(n int) {
	var say []string
	for _, l := range c.page.of("tom-tat") {
		if n--; n < 0 {
			break
		}
		if !c.d.printed[l.bare] {
			c.d.printed[l.bare] = true
			say = append(say, l.bare)
		}
	}
	if len(say) > 0 {
		c.d.add(strings.Join(say, " ") + " " + c.d.cite(c.doc, "tom-tat"))
	}
}

// direct prints the lines that fit the question's own words best, most at most, down to
// a share of the best line's score, and returns how many.
func (c *composer) direct(most int, share float64) int {
	printed, plain := 0, c.plain()
	for _, l := range c.ranked {
		if printed == most || l.score < share*c.ranked[0].score {
			break
		}
		if l.section == "can-cu" || plain && !l.asked || c.d.has(l.line) || c.aside(l) {
			continue
		}
		if c.bullet(l.line, c.labelled(l.line)) {
			printed++
		}
	}
	return printed
}

// bullet prints a line, worded as text, with its source, and reports whether it fitted.
func (c *composer) bullet(l line, text string) bool {
	cited := len(c.d.citations)
	if !c.d.add("• " + text + " " + c.d.cite(c.doc, l.section)) {
		c.d.citations = c.d.citations[:cited] // of a line that had no room
		return false
	}
	c.d.printed[l.bare] = true
	return true
}

// labelled is a line as it is understood away from its list: with what the list is of,
// or with its section's name in front, when it only names something. "Mọi người sống ở
// vùng đặc biệt khó khăn" says nothing without "Được ngân sách đóng 100%:", and an
// office by itself may be where one goes or who decides.
func (c *composer) labelled(l line) string {
	switch {
	case l.lead != "":
		return l.lead + " " + l.bare
	case l.row || l.rules || strings.Contains(l.bare, ": ") || c.doc.Kind != corpus.Procedure || !slices.Contains(naming, l.section):
		return l.bare
	}
	return headingOf(c.doc, l.section) + ": " + l.bare
}

// naming are the sections of a procedure whose lines are names rather than sentences.
var naming = []string{"doi-tuong", "ho-so", "noi-nop", "ket-qua", "mau-don"}

// aside reports whether a typed row only shares words with the question: one of a later
// day, without a value of the kind asked for, or a fee where nobody asked for
// one, and other lines fit better.
func (c *composer) aside(l scoredLine) bool {
	best := c.ranked[0].score
	asked := slices.ContainsFunc(c.q.kinds, func(k vietnamese.Kind) bool { return l.kinds[k] })
	switch {
	case asked:
		return l.coming && l.score < comingShare*best
	case l.row && l.section == "le-phi" && c.q.yesNo && len(c.q.facets) == 0:
		return c.casesNamed(l.line) == 0
	}
	return l.row && l.score < rowShare*best
}

// facet prints the section in which a facet is answered.
func (c *composer) facet(f Facet) {
	for _, id := range sections[f] {
		lines := c.page.of(id)
		if len(lines) == 0 {
			continue
		}
		switch {
		case f == Legal: // a long list of which one document is meant
			slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(c.score(b), c.score(a)) })
		case !isList(f):
			lines = c.fitting(lines)
		}
		c.d.block(c.doc, id, headingOf(c.doc, id), lines[:min(len(lines), maxLines)])
		return
	}
	if f == Fee || f == Deadline || f == Documents {
		c.admit(headingOf(c.doc, sections[f][0]) + ": tài liệu của tôi chưa có thông tin này")
	}
}

// fitting puts the rows of a section that hold today, or are asked for, before its
// text and both before rows of a later day. Rows that fit the question come first; a
// question that says no more than a name means the usual case, which the file has
// first. A long table is cut, sooner when the best row fits clearly better than the next.
func (c *composer) fitting(lines []line) []line {
	reading := slices.Clone(lines)
	usual := c.q.bare() || c.q.followUp && c.plain()
	class := func(l line) int {
		switch {
		case l.row && (!l.coming || len(c.ranked) > 0 && c.score(l) >= comingShare*c.ranked[0].score):
			return 0
		case !l.row:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		if order := cmp.Compare(class(a), class(b)); order != 0 || !a.row || usual {
			return order
		}
		return cmp.Compare(c.score(b), c.score(a))
	})
	lines = withAddition(inSeries(c.byCase(lines), reading))
	room := rowRunes
	if len(lines) > 1 && c.score(lines[0]) > clearly*c.score(lines[1]) && !slices.ContainsFunc(lines, line.counts) {
		room = clearRunes
	}
	return slices.DeleteFunc(lines, func(l line) bool {
		if l.row {
			room -= utf8.RuneCountInString(l.text)
		}
		return l.row && room < 0
	})
}

// addition is how the row begins that adds to every other row of its section: days that
// far communes may take longer. Who is told the days must be told it.
const addition = "Được cộng thêm"

// adds reports whether a line adds to every other row of its section.
func (l line) adds() bool { return l.row && strings.HasPrefix(l.bare, addition) }

// withAddition puts the row that adds to the others behind the first.
func withAddition(lines []line) []line {
	if at := slices.IndexFunc(lines, line.adds); at > 1 {
		added := lines[at]
		return slices.Insert(slices.Delete(slices.Clone(lines), at, at+1), 1, added)
	}
	return lines
}

// score is how well a line fits the question; 0 when it has none of its words.
func (c *composer) score(l line) float64 {
	at := slices.IndexFunc(c.ranked, func(r scoredLine) bool { return r.text == l.text && r.section == l.section })
	if at < 0 {
		return 0
	}
	return c.ranked[at].score
}

// brief prints a few lines of a facet, for the card of a procedure.
func (c *composer) brief(f Facet) {
	for _, id := range sections[f] {
		lines := c.page.of(id)
		if len(lines) == 0 {
			continue
		}
		if rows := slices.DeleteFunc(slices.Clone(lines), func(l line) bool { return !l.row || l.coming }); len(rows) > 0 && f != Documents {
			rows = c.fitting(rows)
			most := briefRows
			if len(rows) > most && rows[most].adds() {
				most++
			}
			lines = rows[:min(len(rows), most)]
		}
		c.d.block(c.doc, id, headingOf(c.doc, id), lines[:min(len(lines), briefLines)])
		return
	}
}

// office names whom to ask about a document.
func (a *Assistant) office(doc *corpus.Document) string {
	if doc.Authority != "" {
		return strings.TrimRight(doc.Authority, ". ")
	}
	return "Trung tâm Phục vụ hành chính công xã, phường"
}

// coming are the rows whose period has not begun: what changes, and when.
func coming(rows []corpus.Fact, asOf corpus.Date) []corpus.Fact {
	var later []corpus.Fact
	for _, f := range rows {
		if f.ValidFrom > asOf {
			later = append(later, f)
		}
	}
	return later
}

func body(doc *corpus.Document, section string) string {
	if s := doc.Section(section); s != nil {
		return s.Body
	}
	return ""
}

func headingOf(doc *corpus.Document, section string) string {
	if s := doc.Section(section); s != nil {
		return s.Heading
	}
	return corpus.Heading(section)
}

// lesson answers from a skill or a local document: the lines that fit, then what else
// their section says, because a lesson's advice belongs together, and the summary.
// Steps are printed as they follow each other.
func (c *composer) lesson(hit retrieval.Document) {
	if slices.Contains(c.q.facets, Fee) {
		lacking, _ := c.besides()
		c.d.gap.matters = slices.DeleteFunc(lacking, func(i int) bool { return !matters[i].people })
		if len(c.d.gap.matters) > 0 {
			c.lacks(c.d.gap.about())
		}
	}
	main, most, lines := "", maxDirect, 0
	if len(c.ranked) > 0 && (!c.plain() || c.ranked[0].asked) {
		main = c.ranked[0].section
	}
	if id := c.headed(); id != "" {
		if c.asked() && main != id {
			c.direct(1, directShare)
		}
		all := c.byCase(c.page.of(id))
		c.d.block(c.doc, id, headingOf(c.doc, id), all[:min(len(all), maxLines)])
		main, most, lines = "", maxBeside, enough
	} else if main != "" && main != "tom-tat" && stepNumber.MatchString(c.ranked[0].text) && c.rest(main, maxLines) {
		main, most, lines = "", maxBeside, enough
	}
	if slices.Equal(c.q.facets, []Facet{Legal}) && c.has(c.doc, Legal) {
		c.facet(Legal)
	}
	lines += c.direct(most, directShare)
	if left := slices.DeleteFunc(c.byCase(c.page.of(main)), c.d.has); main != "tom-tat" && main != "can-cu" {
		c.d.block(c.doc, main, headingOf(c.doc, main), left[:min(len(left), maxRest)])
	}
	c.summary(2)
	if slices.Contains(c.q.facets, Legal) && c.has(c.doc, Legal) {
		c.facet(Legal)
	}
	if lines >= enough {
		return
	}
	found := make([]string, 0, len(hit.Sections)+len(c.doc.Sections))
	for _, s := range hit.Sections {
		found = append(found, s.ID)
	}
	for _, s := range c.doc.Sections {
		found = append(found, s.ID)
	}
	for _, id := range found {
		if id != "tom-tat" && id != "can-cu" && c.rest(id, maxLines) {
			return
		}
	}
}

// headed is the section of a lesson whose heading asks what the question asks in the
// end: how, with what, where. What comes before is told: "bên ngân hàng hướng dẫn quét
// mặt, bảo đọc mã" asks for no instructions. It is empty when none or several do.
func (c *composer) headed() string {
	clauses := clausesOf(c.q.query.Text)
	if len(clauses) == 0 {
		return ""
	}
	facets, _ := c.facetsOf(vietnamese.Tokenize(nil, clauses[len(clauses)-1]), !c.q.accented)
	found := ""
	for _, s := range c.doc.Sections {
		if !slices.ContainsFunc(facets, func(f Facet) bool { return heads(s.Heading, f) }) {
			continue
		}
		if found != "" {
			return ""
		}
		found = s.ID
	}
	if c.asked() && !slices.ContainsFunc(c.ranked[:min(len(c.ranked), maxDirect)], func(l scoredLine) bool { return l.section == found }) {
		return "" // it asks for something else
	}
	return found
}

// heads reports whether the section of a lesson under a heading answers a facet.
func heads(heading string, f Facet) bool {
	switch f {
	case How, Steps:
		return strings.HasPrefix(heading, "Cách ") || strings.HasSuffix(heading, "ngay")
	case Documents:
		return strings.HasPrefix(heading, "Mang ")
	case Place:
		return strings.HasSuffix(heading, "ở đâu")
	}
	return false
}

// rest prints what a section says beside what is printed, most lines at most, unless
// that was most of it, and reports whether it did.
func (c *composer) rest(section string, most int) bool {
	all := c.byCase(c.page.of(section))
	left := slices.DeleteFunc(slices.Clone(all), c.d.has)
	return 2*len(left) > len(all) && c.d.block(c.doc, section, headingOf(c.doc, section), left[:min(len(left), most)])
}

// stepNumber begins a step of a numbered list; alone, its number means nothing.
var stepNumber = regexp.MustCompile(`(?m)^[0-9]+\. `)
