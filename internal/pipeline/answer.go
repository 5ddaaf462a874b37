package pipeline

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"troly/internal/corpus"
	"troly/internal/retrieval"
)

// Limits of an answer, chosen for a phone: three to four screens at most.
const (
	maxAnswerRunes = 1500 // of the text, sources apart
	maxFacets      = 3    // blocks printed for one question
	maxRows        = 10   // typed rows printed in one block
	maxSections    = 3    // of a lesson
	maxNotes       = 4    // pitfalls added to an answer
	maxRelated     = 5    // lines found by their words, beside the section asked for
)

// draft is an answer being written, with the sources its lines refer to.
type draft struct {
	lib       *corpus.Library
	asOf      corpus.Date
	lines     []string
	runes     int
	printed   map[string]bool // lines already there
	citations []Citation
}

func newDraft(lib *corpus.Library, asOf corpus.Date) *draft {
	return &draft{lib: lib, asOf: asOf, printed: make(map[string]bool)}
}

// cite returns the mark of a section, adding it to the sources once.
func (d *draft) cite(doc *corpus.Document, section string) string {
	for _, c := range d.citations {
		if c.Document == doc.ID && c.Section == section {
			return fmt.Sprintf("[%d]", c.N)
		}
	}
	c := Citation{N: len(d.citations) + 1, Document: doc.ID, Section: section, Title: doc.Title, URL: sourceURL(doc), Checked: doc.Checked, ValidFrom: doc.ValidFrom, heading: headingOf(doc, section)}
	d.citations = append(d.citations, c)
	return fmt.Sprintf("[%d]", c.N)
}

// sourceURL is the address a resident can read on: the portal's page, else the
// first source that has one.
func sourceURL(doc *corpus.Document) string {
	if doc.Portal != "" {
		return doc.Portal
	}
	for _, s := range doc.Sources {
		if s.URL != "" {
			return s.URL
		}
	}
	return ""
}

// full reports whether n more runes would make the answer too long.
func (d *draft) full(n int) bool { return d.runes+n > maxAnswerRunes }

// add appends a line unless it is there already or the answer is full; the first
// lines always fit.
func (d *draft) add(line string) bool {
	line = strings.TrimSpace(line)
	n := utf8.RuneCountInString(line)
	if line == "" || d.printed[line] || (len(d.lines) > 2 && d.full(n)) {
		return false
	}
	d.printed[line] = true
	d.lines = append(d.lines, line)
	d.runes += n
	return true
}

// block appends a heading and the lines under it, the mark of their source at the
// heading. It reports whether a line was printed.
func (d *draft) block(doc *corpus.Document, section, heading string, lines []string) bool {
	at, runes, cited := len(d.lines), d.runes, len(d.citations)
	d.lines = append(d.lines, heading+" "+d.cite(doc, section)+":")
	some := false
	for _, line := range lines {
		if d.add(line) {
			some = true
		}
	}
	if !some {
		d.lines, d.runes, d.citations = d.lines[:at], runes, d.citations[:cited]
	}
	return some
}

func (d *draft) text() string { return strings.Join(d.lines, "\n") }

// compose writes the answer to a question from one document, without a model:
// what was asked for first, from the typed rows; then the lines of the document
// that speak of the question's own words; a summary when nothing particular was
// asked.
func (a *Assistant) compose(q *understanding, hit retrieval.Document, asOf corpus.Date) *draft {
	doc := a.lib.Document(hit.ID)
	d := newDraft(a.lib, asOf)
	d.lines = append(d.lines, doc.Title)
	d.validity(doc)
	passages := a.lib.Passages(doc)
	if doc.Kind == corpus.Procedure {
		a.procedure(d, q, doc, passages)
	} else {
		a.lesson(d, q, doc, passages, hit)
	}
	a.unverified(d, doc)
	return d
}

// procedure answers from the fixed sections of a procedure. A question for a figure
// gets the figures first; any other gets first the lines that speak of its own words.
func (a *Assistant) procedure(d *draft, q *understanding, doc *corpus.Document, passages []corpus.Section) {
	related := a.related(q, doc, passages)
	facets := slices.Clone(q.facets[:min(len(q.facets), maxFacets)])
	if len(doc.FactsOf("ket-qua")) > 0 && slices.Contains(facets, Fee) && !slices.Contains(facets, Result) {
		facets = append(facets, Result) // "bao nhiêu tiền" asks for what one gets as well as for what one pays
		if !a.has(doc, Fee) {
			facets = slices.DeleteFunc(facets, func(f Facet) bool { return f == Fee })
		}
	}
	if len(facets) == 0 || (len(facets) == 1 && facets[0] == How) {
		d.add(firstSentences(body(doc, "tom-tat"), 2) + " " + d.cite(doc, "tom-tat"))
		a.printRelated(d, doc, related, maxRelated)
		for _, f := range []Facet{Documents, Fee, Deadline, Place} {
			a.facet(d, q, doc, f, true)
		}
		if len(facets) == 1 {
			a.facet(d, q, doc, How, false)
		}
		a.notes(d, q, doc)
		return
	}
	some := false
	direct := isFigure(facets[0]) || facets[0] == Documents // its section is the answer
	if !direct {
		some = a.printRelated(d, doc, related, maxRelated)
	}
	for i, f := range facets {
		if a.facet(d, q, doc, f, false) {
			some = true
		}
		if i == 0 && direct {
			some = a.printRelated(d, doc, related, maxRelated-1) || some
		}
	}
	if !some {
		d.add(firstSentences(body(doc, "tom-tat"), 2) + " " + d.cite(doc, "tom-tat"))
	}
	if !slices.ContainsFunc(facets, isFigure) {
		a.notes(d, q, doc)
	}
}

// notes adds the pitfalls of a document where there is room: the special cases that
// people ask about stand there.
func (a *Assistant) notes(d *draft, q *understanding, doc *corpus.Document) {
	all := a.sectionLines(d, q, doc, "luu-y", false)
	words := a.queryWords(q, doc)
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(words.overlap(q, b), words.overlap(q, a)) })
	var lines []string
	for _, line := range all {
		if len(lines) < maxNotes && !d.printed[line] && !d.full(utf8.RuneCountInString(line)) {
			lines = append(lines, line)
		}
	}
	d.block(doc, "luu-y", headingOf(doc, "luu-y"), lines)
}

// isFigure reports whether a facet is answered by typed rows.
func isFigure(f Facet) bool { return f == Fee || f == Deadline || f == Result }

// facet prints what a facet asks for; brief keeps it to a line or a few.
func (a *Assistant) facet(d *draft, q *understanding, doc *corpus.Document, f Facet, brief bool) bool {
	some := false
	for _, id := range sections[f] {
		lines := a.sectionLines(d, q, doc, id, brief)
		if len(lines) == 0 {
			continue
		}
		if d.block(doc, id, headingOf(doc, id), lines) {
			some = true
		}
		if some {
			break
		}
	}
	if !some && !brief && (f == Fee || f == Deadline) {
		d.add(fmt.Sprintf("%s: tài liệu của tôi chưa có thông tin này. Bạn hỏi nơi tiếp nhận: %s.", headingOf(doc, sections[f][0]), a.office(doc)))
	}
	return some
}

// office names whom to ask about a document.
func (a *Assistant) office(doc *corpus.Document) string {
	if doc.Authority != "" {
		return strings.TrimRight(doc.Authority, ". ")
	}
	return "Trung tâm Phục vụ hành chính công xã, phường"
}

// sectionLines are the lines of one section for the day asked about: the typed
// rows first, then the written text.
func (a *Assistant) sectionLines(d *draft, q *understanding, doc *corpus.Document, id string, brief bool) []string {
	var lines []string
	all := doc.FactsOf(id)
	rows := a.chooseRows(q, doc, corpus.ValidOn(all, d.asOf))
	limit := maxRows
	if brief {
		limit = 2
	} else {
		rows = append(rows, coming(all, d.asOf)...)
	}
	for i := range rows[:min(len(rows), limit)] {
		lines = append(lines, "- "+a.lib.Line(doc, &rows[i], d.asOf))
	}
	switch {
	case id == "noi-nop" && doc.Authority != "":
		lines = append(lines, "- "+doc.Authority)
	case id == "can-cu":
		for _, ref := range doc.LegalBasis {
			lines = append(lines, "- "+ref.String())
		}
		if len(doc.Codes) > 0 {
			lines = append([]string{"- Mã thủ tục: " + strings.Join(doc.Codes, ", ")}, lines...)
		}
	}
	if brief && len(lines) > 0 {
		return lines
	}
	written := strings.FieldsFunc(body(doc, id), func(r rune) bool { return r == '\n' })
	if brief {
		written = written[:min(len(written), 6)]
	}
	return append(lines, written...)
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

// lesson answers from a skill or a local document: the summary, the section that
// fits the question best, and other lines that speak of it.
func (a *Assistant) lesson(d *draft, q *understanding, doc *corpus.Document, passages []corpus.Section, hit retrieval.Document) {
	related := a.related(q, doc, passages)
	if !a.printRelated(d, doc, related, maxRelated) || related[0].score < sureLine {
		d.add(firstSentences(body(doc, "tom-tat"), 2) + " " + d.cite(doc, "tom-tat"))
	}
	for _, f := range []Facet{Fee, Deadline, Legal} {
		if slices.Contains(q.facets, f) && a.has(doc, f) {
			a.facet(d, q, doc, f, false)
		}
	}
	printedSections := 0
	for _, s := range hit.Sections {
		p := slices.IndexFunc(passages, func(p corpus.Section) bool { return p.ID == s.ID })
		if p < 0 || s.ID == "tom-tat" || s.ID == "can-cu" || printedSections == maxSections {
			continue
		}
		lines := a.sectionLines(d, q, doc, s.ID, false)
		if d.block(doc, s.ID, passages[p].Heading, lines) {
			printedSections++
		}
	}
	if printedSections == 0 {
		for _, p := range passages {
			if p.ID != "tom-tat" && p.ID != "can-cu" && printedSections < maxSections && d.block(doc, p.ID, p.Heading, a.sectionLines(d, q, doc, p.ID, false)) {
				printedSections++
			}
		}
	}
}

// validity says it when the document as a whole ended, ends soon or is doubtful.
func (d *draft) validity(doc *corpus.Document) {
	switch {
	case doc.ValidTo != "" && doc.ValidTo < d.asOf:
		d.lines = append(d.lines, fmt.Sprintf("Lưu ý: hướng dẫn này chỉ có hiệu lực đến hết %s, nay có thể đã khác; hãy hỏi lại nơi tiếp nhận.", doc.ValidTo))
	case doc.ValidTo != "" && d.asOf.Days(doc.ValidTo) <= corpus.Soon:
		d.lines = append(d.lines, fmt.Sprintf("Lưu ý: quy định sắp thay đổi, hướng dẫn này áp dụng đến hết %s.", doc.ValidTo))
	case doc.ValidFrom > d.asOf:
		d.lines = append(d.lines, fmt.Sprintf("Lưu ý: quy định này áp dụng từ %s.", doc.ValidFrom))
	}
	if doc.Confidence == "low" {
		d.lines = append(d.lines, "Lưu ý: thông tin này có độ tin cậy thấp, hãy hỏi lại nơi tiếp nhận trước khi làm.")
	}
}

// unverified adds the document's own open points that concern what was printed.
func (a *Assistant) unverified(d *draft, doc *corpus.Document) {
	if doc.Confidence == "high" {
		return
	}
	if doc.Confidence == "medium" {
		d.add("Một phần thông tin lấy từ nguồn phụ; số liệu quan trọng nên hỏi lại nơi tiếp nhận.")
	}
}

// printRelated prints the best lines found by the question's own words and reports
// whether there were any.
func (a *Assistant) printRelated(d *draft, doc *corpus.Document, related []scoredLine, most int) bool {
	n := 0
	for _, r := range related {
		if n == most {
			break
		}
		text := stepNumber.ReplaceAllString(strings.TrimPrefix(r.text, "- "), "")
		if d.printed["- "+text] || d.printed[text] || d.printed[r.text] {
			continue
		}
		if d.add("• " + text + " " + d.cite(doc, r.section)) {
			d.printed["- "+text], d.printed[text], d.printed[r.text] = true, true, true
			n++
		}
	}
	return n > 0
}

// stepNumber begins a step of a numbered list; alone, its number means nothing.
var stepNumber = regexp.MustCompile(`^[0-9]+\. `)

// firstSentences returns the first n sentences of a paragraph.
func firstSentences(text string, n int) string {
	text = strings.ReplaceAll(text, "\n", " ")
	at := 0
	for range n {
		i := strings.Index(text[at:], ". ")
		if i < 0 {
			return text
		}
		at += i + 2
	}
	return strings.TrimSpace(text[:at])
}

// suggestions are questions that go on from the answer, each standing by itself.
func (a *Assistant) suggestions(q *understanding, doc *corpus.Document, others []retrieval.Document) []string {
	var s []string
	if doc.Kind == corpus.Procedure {
		for _, next := range []struct {
			facet Facet
			ask   string
		}{
			{Documents, "cần giấy tờ gì?"}, {Fee, "hết bao nhiêu tiền?"}, {Deadline, "mất bao lâu?"}, {Place, "nộp ở đâu?"}, {Online, "nộp trực tuyến thế nào?"},
		} {
			if len(s) < 2 && len(q.facets) > 0 && !slices.Contains(q.facets, next.facet) && a.has(doc, next.facet) {
				s = append(s, doc.Title+" "+next.ask)
			}
		}
	}
	for _, id := range doc.Related {
		if other := a.lib.Document(id); other != nil && len(s) < 3 {
			s = append(s, other.Title)
		}
	}
	for _, o := range others {
		if other := a.lib.Document(o.ID); other != nil && len(s) < 4 && !slices.Contains(s, other.Title) {
			s = append(s, other.Title)
		}
	}
	return s
}

// has reports whether a document can answer a facet.
func (a *Assistant) has(doc *corpus.Document, f Facet) bool {
	return slices.ContainsFunc(sections[f], func(id string) bool {
		return doc.Section(id) != nil || len(doc.FactsOf(id)) > 0 || id == "can-cu" && len(doc.LegalBasis) > 0
	})
}
