package pipeline

import (
	"cmp"
	"regexp"
	"slices"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// caseFields are the fields of a condition in which a row can differ from another,
// each as the alternatives people say it in.
var caseFields = [...]func(corpus.Condition) []string{
	func(c corpus.Condition) []string { return corpus.Alternatives(c.Who) },
	func(c corpus.Condition) []string { return corpus.Alternatives(c.Region) },
	func(c corpus.Condition) []string {
		switch c.Channel {
		case "online":
			return []string{"trực tuyến", "online", "qua mạng", "trên mạng"}
		case "in_person":
			return []string{"trực tiếp"}
		case "post":
			return []string{"bưu chính", "bưu điện"}
		}
		return nil
	},
	func(c corpus.Condition) []string {
		switch c.Occasion {
		case "first":
			return []string{"lần đầu"}
		case "again":
			return []string{"làm lại", "cấp lại", "xin lại"}
		}
		return corpus.Alternatives(c.Occasion)
	},
}

// namedCases are, by field of a condition, the alternatives that a question names.
type namedCases [len(caseFields)]map[string]bool

// span is a stretch of a question, in syllables.
type span struct{ from, to int }

// within reports whether s lies inside a longer stretch: "hộ cận nghèo" names no
// "hộ nghèo".
func (s span) within(other span) bool {
	return other.from <= s.from && s.to <= other.to && other.to-other.from > s.to-s.from
}

// casesOf finds which cases of a document's rows a question names. One that leans on
// the turn before is about the cases named there, unless it names others: "thế bao
// nhiêu tiền" after a lost card is about a card made anew.
func (q *understanding) casesOf(doc *corpus.Document) namedCases {
	named := q.casesIn(doc, append([]string{q.text}, q.query.Synonyms...))
	if !q.followUp || q.leanedOn == "" {
		return named
	}
	for field, before := range q.casesIn(doc, []string{q.leanedOn}) {
		if len(named[field]) == 0 {
			named[field] = before
		}
	}
	return named
}

// casesIn finds which cases of a document's rows some texts name.
func (q *understanding) casesIn(doc *corpus.Document, texts []string) namedCases {
	var said []string // syllables, in the form in which words are compared
	for _, text := range texts {
		for _, t := range vietnamese.Tokenize(nil, text) {
			said = append(said, q.form(t))
		}
		said = append(said, "") // nothing reaches across
	}
	var named namedCases
	for field, alternatives := range caseFields {
		spans := make(map[string]span)
		for _, f := range doc.Facts() {
			for _, alternative := range alternatives(f.Condition) {
				if at, ok := q.find(said, alternative); ok {
					spans[alternative] = at
				}
			}
		}
		named[field] = make(map[string]bool)
		for alternative, at := range spans {
			named[field][alternative] = true
			for _, other := range spans {
				if at.within(other) {
					delete(named[field], alternative)
				}
			}
		}
	}
	return named
}

// find looks a wording up in a question. Words that only say that a person or a
// household is meant may be missing; a single syllable counts only with its
// diacritics, because folded it means too many things.
func (q *understanding) find(said []string, wording string) (span, bool) {
	var words []string
	for _, t := range vietnamese.Tokenize(nil, wording) {
		words = append(words, q.form(t))
	}
	if len(words) > 2 && slices.Contains([]string{"người", "nguoi", "hộ", "ho"}, words[0]) {
		words = words[1:]
	}
	if len(words) == 0 || len(words) == 1 && !q.accented {
		return span{}, false
	}
	for i := range said {
		if len(said)-i >= len(words) && slices.Equal(said[i:i+len(words)], words) {
			return span{i, i + len(words)}, true
		}
	}
	return span{}, false
}

// count is how many fields of a condition are named; other reports whether the
// condition is for another case than a named one. A field that does not restrict
// suits every case.
func (n *namedCases) count(c corpus.Condition) (count int, other bool) {
	for field, alternatives := range caseFields {
		all := alternatives(c)
		switch {
		case len(all) == 0:
		case slices.ContainsFunc(all, func(s string) bool { return n[field][s] }):
			count++
		case len(n[field]) > 0:
			other = true
		}
	}
	return count, other
}

// byCase leaves out the rows of other cases than the ones a question names and puts
// the rows of these first. Who asks and the occasion decide: of the general rows only
// those stay that fit as well. A place or a way of filing does not decide, because what
// holds there may come on top of the general row.
func (c *composer) byCase(lines []line) []line {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l line) bool {
		_, other := c.named.count(l.condition)
		return other
	})
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Compare(c.casesNamed(b), c.casesNamed(a))
	})
	if len(lines) == 0 {
		return lines
	}
	who, _ := c.named.count(corpus.Condition{Who: lines[0].condition.Who, Occasion: lines[0].condition.Occasion})
	if who == 0 {
		return lines
	}
	best := c.score(lines[0])
	return slices.DeleteFunc(lines, func(l line) bool {
		return l.row && c.casesNamed(l) == 0 && c.score(l) < best
	})
}

// ordinals matches the case of a row that counts, and its unit: "người thứ hai",
// "đồng/tháng".
var (
	ordinalCase = regexp.MustCompile(`thứ (nhất|hai|ba|tư|năm)`)
	perUnit     = regexp.MustCompile(`đồng(/\S+)?`)
)

// counts reports whether a row is one of a series.
func (l line) counts() bool { return l.row && ordinalCase.MatchString(l.condition.Who) }

// inSeries puts the rows that count, "người thứ nhất, thứ hai", back in the order of the
// file, each series in the places that its rows have: one counts from the first.
func inSeries(lines, reading []line) []line {
	series := func(l line) string {
		if !l.counts() {
			return ""
		}
		return perUnit.FindString(l.text)
	}
	next := make(map[string][]line)
	for _, l := range reading {
		if key := series(l); key != "" && slices.ContainsFunc(lines, func(o line) bool { return o.text == l.text }) {
			next[key] = append(next[key], l)
		}
	}
	for i, l := range lines {
		if key := series(l); key != "" {
			lines[i], next[key] = next[key][0], next[key][1:]
		}
	}
	return lines
}

func (c *composer) casesNamed(l line) int {
	count, _ := c.named.count(l.condition)
	return count
}
