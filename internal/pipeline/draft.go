package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"troly/internal/corpus"
	"troly/internal/retrieval"
)

// maxAnswerRunes is the length of an answer's text, sources apart: two to three
// screens of a phone.
const maxAnswerRunes = 1200

// draft is an answer being written, with the sources its lines refer to.
type draft struct {
	lib       *corpus.Library
	asOf      corpus.Date
	lines     []string
	runes     int
	printed   map[string]bool // lines already there
	citations []Citation
	contacts  []corpus.Contact // printed from the list of contacts
	table     string           // what of the table of units the lines are printed from
	found     retrieval.Result // what was judged good enough to answer from, best first
	gap       gap              // what was found to be missing
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
	c := Citation{N: len(d.citations) + 1, Document: doc.ID, Section: section, Title: doc.Title, URL: doc.URL(), Checked: doc.Checked, ValidFrom: doc.ValidFrom, heading: headingOf(doc, section)}
	d.citations = append(d.citations, c)
	return fmt.Sprintf("[%d]", c.N)
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

// has reports whether a line is there already.
func (d *draft) has(l line) bool { return d.printed[l.bare] }

// block appends a heading and the lines under it, the mark of their source at the
// heading. Of steps some of which were said before, the others lose their numbers. It
// reports whether a line was printed.
func (d *draft) block(doc *corpus.Document, section, heading string, lines []line) bool {
	at, runes, cited := len(d.lines), d.runes, len(d.citations)
	d.lines = append(d.lines, heading+" "+d.cite(doc, section)+":")
	some, gaps := false, slices.ContainsFunc(lines, d.has)
	for _, l := range lines {
		text := l.text
		if gaps && stepNumber.MatchString(text) {
			text = "- " + l.bare
		}
		if !d.has(l) && d.add(text) {
			d.printed[l.bare] = true
			some = true
		}
	}
	for last := len(d.lines) - 1; some && last > at && strings.HasSuffix(d.lines[last], ":"); last-- {
		d.lines = d.lines[:last] // announces lines that were left out
	}
	if !some {
		d.lines, d.runes, d.citations = d.lines[:at], runes, d.citations[:cited]
	}
	return some
}

func (d *draft) text() string { return strings.Join(d.lines, "\n") }

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

// unverified says so when figures are printed from a document that is partly from
// secondary sources.
func (d *draft) unverified(doc *corpus.Document) {
	figures := slices.ContainsFunc(d.lines[1:], func(l string) bool { return len(valuesOf(l)) > 0 })
	if doc.Confidence == "medium" && figures {
		d.add("Một phần thông tin lấy từ nguồn phụ; số liệu quan trọng nên hỏi lại nơi tiếp nhận.")
	}
}
