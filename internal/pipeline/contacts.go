package pipeline

import (
	"slices"
	"strings"

	"troly/internal/corpus"
)

// unverifiedMark is printed with a number or link that nobody has compared with an
// official page.
const unverifiedMark = "chưa đối chiếu với trang chính thức"

// listed reports whether every telephone number, mail address and link of an answer
// stands in the contacts or in the fields of a cited document, and every unverified
// one is marked as such.
func (a *Assistant) listed(answer string, d *draft) bool {
	var cited []*corpus.Document
	for _, c := range d.citations {
		if doc := a.lib.Document(c.Document); doc != nil {
			cited = append(cited, doc)
		}
	}
	if len(a.lib.Unlisted(answer, cited...)) > 0 {
		return false
	}
	return len(a.unmarked(answer)) == 0
}

// unmarked returns the unverified contacts that no line of an answer says to be so.
func (a *Assistant) unmarked(answer string) []corpus.Contact {
	doubtful := a.lib.Unverified(answer)
	if len(doubtful) == 0 {
		return nil
	}
	for line := range strings.Lines(answer) {
		if strings.Contains(strings.ToLower(line), unverifiedMark) {
			marked := a.lib.Unverified(line)
			doubtful = slices.DeleteFunc(doubtful, func(c corpus.Contact) bool {
				// A number of four digits is known by the word before it ("gọi 5656").
				return slices.Contains(marked, c) || strings.Contains(line, c.Reachable())
			})
		}
	}
	return doubtful
}

// markUnverified ends an answer with what of its numbers and links nobody has
// compared with an official page.
func (a *Assistant) markUnverified(d *draft) {
	var doubtful []string
	for _, c := range a.unmarked(d.text()) {
		reach := c.Reachable()
		if c.Phone != "" {
			reach = "số " + reach // as in "gọi 112" a number to dial, which passages have
		}
		doubtful = append(doubtful, reach)
	}
	if len(doubtful) > 0 {
		d.lines = append(d.lines, "Liên hệ "+unverifiedMark+": "+strings.Join(doubtful, ", ")+".")
	}
}
