package evaluation

import (
	"slices"
	"strconv"
	"strings"

	"troly/internal/pipeline"
	"troly/internal/vietnamese"
)

// Thresholds of what makes a sentence a claim and a citation right. The share is an
// untested starting value from the literature on citation checks.
const (
	claimWords  = 4   // a shorter sentence without a value states nothing
	quotedShare = 0.6 // of its pairs of words that the cited section must have
)

// claims cuts the answer into factual sentences and checks their citations. A
// citation stands for the sentences of its line before it. A line that ends with a
// colon is a heading: its citations stand for the lines under it, until a blank line
// or the next heading that cites.
func (j *judgement) claims() {
	if j.sample.Status != pipeline.Answered {
		return
	}
	var heading []int
	lines := strings.Split(j.sample.Answer, "\n")
	line, lineEnd := -1, 0
	for i := range j.text.sentences {
		s := &j.text.sentences[i]
		for line < s.line {
			line++
			text := strings.TrimSpace(lines[line])
			if marks := marksIn(text); text == "" || isHeading(text) && len(marks) > 0 {
				heading = marks
			}
			lineEnd += len(lines[line]) + 1
		}
		if text := lines[s.line]; isHeading(text) || j.isTitle(text) || !j.factual(s) {
			continue
		}
		cited := marksIn(j.sample.Answer[s.start:s.end])
		if len(cited) == 0 {
			cited = marksIn(j.sample.Answer[s.end : lineEnd-1])
		}
		if len(cited) == 0 {
			cited = heading
		}
		j.sample.Claims = append(j.sample.Claims, j.claim(s, cited))
	}
}

// isTitle reports whether a line is the title of a source.
func (j *judgement) isTitle(line string) bool {
	return slices.ContainsFunc(j.sample.Citations, func(c pipeline.Citation) bool { return strings.Trim(line, ". ") == strings.Trim(c.Title, ". ") })
}

// isHeading reports whether a line only announces the lines under it.
func isHeading(line string) bool {
	return strings.HasSuffix(strings.TrimSpace(citationMark.ReplaceAllString(line, "")), ":")
}

// marksIn are the numbers of the citations in a text, each once.
func marksIn(text string) []int {
	var numbers []int
	for _, m := range citationMark.FindAllStringSubmatch(text, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// caveats speak of the sources themselves, not of what they say.
var caveats = [...]string{"nguồn phụ", "hỏi lại nơi tiếp nhận", "độ tin cậy thấp"}

// factual reports whether a sentence states something: no question, no caveat, no
// two or three words.
func (j *judgement) factual(s *sentence) bool {
	text := strings.TrimSpace(citationMark.ReplaceAllString(j.sample.Answer[s.start:s.end], ""))
	if strings.HasSuffix(text, "?") {
		return false
	}
	if slices.ContainsFunc(j.valuesOf(s), checkable) {
		return true
	}
	return s.last-s.first >= claimWords && !slices.ContainsFunc(caveats[:], func(c string) bool { return strings.Contains(text, c) })
}

func (j *judgement) valuesOf(s *sentence) []value {
	var in []value
	for _, v := range j.text.values {
		if v.at >= s.first && v.at < s.last {
			in = append(in, v)
		}
	}
	return in
}

// claim checks one sentence against the sections cited for it.
func (j *judgement) claim(s *sentence, cited []int) Claim {
	c := Claim{Start: s.start, End: s.end, Cited: cited}
	values := slices.DeleteFunc(j.valuesOf(s), func(v value) bool { return !checkable(v) })
	c.Values = len(values)
	for _, v := range values {
		if j.known(v) {
			c.Grounded++
		}
	}
	for _, n := range cited {
		if j.supports(n, s, values) {
			c.Right = append(c.Right, n)
		}
	}
	return c
}

// supports reports whether a cited section holds all typed values of a sentence and
// most of its pairs of neighbouring words.
func (j *judgement) supports(number int, s *sentence, values []value) bool {
	i := slices.IndexFunc(j.sample.Citations, func(c pipeline.Citation) bool { return c.N == number })
	if i < 0 {
		return false
	}
	at := place{j.sample.Citations[i].Document, j.sample.Citations[i].Section, j.c.AsOf}
	section, fields := j.places.at(at), j.places.at(place{at.document, "", at.asOf})
	if section == nil || fields == nil {
		return false
	}
	for _, v := range values {
		if key := (said{v.kind, v.canonical}); !section.said[key] && !fields.said[key] {
			return false
		}
	}
	pairs, held := 0, 0
	for k := s.first + 1; k < s.last; k++ {
		pairs++
		if section.pairs[j.text.words[k-1].folded+" "+j.text.words[k].folded] {
			held++
		}
	}
	return float64(held) >= quotedShare*float64(pairs)
}

// citations measures how well the answer cites.
func (j *judgement) citations() {
	if j.sample.Status != pipeline.Answered {
		j.none("not_answered", familyCitations)
		return
	}
	var marks, resolved float64
	for _, n := range marksIn(j.sample.Answer) {
		marks++
		resolved += indicator(slices.ContainsFunc(j.sample.Citations, func(c pipeline.Citation) bool {
			return c.N == n && j.places.at(place{c.Document, c.Section, j.c.AsOf}) != nil
		}))
	}
	j.share("citation_format", resolved, marks, "no_citations")
	var cited, right, supported float64
	for _, c := range j.sample.Claims {
		cited += float64(len(c.Cited))
		right += float64(len(c.Right))
		supported += indicator(len(c.Right) > 0)
	}
	j.share("citation_precision_det", right, cited, "no_citations")
	j.share("citation_recall_det", supported, float64(len(j.sample.Claims)), "no_claims")
}

// uncited reports whether the claim that a match stands in has no right citation.
func (j *judgement) uncited(m Match) bool {
	i := slices.IndexFunc(j.sample.Claims, func(c Claim) bool { return m.Start >= c.Start && m.Start < c.End })
	return i >= 0 && len(j.sample.Claims[i].Right) == 0
}

// form measures whether the answer can be read where it is sent.
func (j *judgement) form() {
	if strings.TrimSpace(j.sample.Answer) == "" {
		j.none("empty_answer", familyForm)
		return
	}
	j.is("language_ok", vietnameseText(j.sample.Answer))
	j.is("diacritics_ok", !vietnamese.MissingDiacritics(j.sample.Answer))
	j.is("length_ok", fits(j.sample.Answer, j.c.Channel))
	j.is("markup_ok", cleanMarkup(j.sample.Answer))
}
