package evaluation

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"troly/internal/vietnamese"
)

// kinds maps the typed facts to the values they are compared with.
var kinds = map[string][]vietnamese.Kind{
	"money_vnd": {vietnamese.Money}, "working_days": {vietnamese.WorkingDays}, "duration": {vietnamese.Duration}, "date": {vietnamese.Date},
	"percent": {vietnamese.Percent}, "phone": {vietnamese.Phone}, "url": {vietnamese.Link, vietnamese.Email}, "legal_ref": {vietnamese.Reference},
	"form_code": {vietnamese.Form, vietnamese.Code}, "count": {vietnamese.Number, vietnamese.Age},
}

// textTypes are matched as phrases.
var textTypes = []string{"text", "place", "authority", "channel", "boolean"}

// statement is what facts and forbidden statements have in common: something that a
// text says or does not say.
type statement struct {
	kinds     []vietnamese.Kind // empty: only words
	canonical []string          // accepted values of these kinds
	low, high float64           // accepted numbers when tolerance is set
	tolerant  bool
	unit      []vietnamese.Token
	phrases   [][]vietnamese.Token
	parts     [][]vietnamese.Token
	scope     []vietnamese.Token
	regex     *regexp.Regexp
	negated   bool
	fold      bool
}

// newStatement prepares a fact for matching; the error says what makes it
// unmatchable.
func newStatement(f *Fact) (*statement, error) {
	s := &statement{kinds: kinds[f.Type], negated: f.Negated, fold: f.FoldOK, unit: phrase(f.Unit), scope: phrase(f.Scope)}
	if s.kinds == nil && !slices.Contains(textTypes, f.Type) {
		return nil, fmt.Errorf("unknown type %q", f.Type)
	}
	if f.Regex != "" {
		re, err := regexp.Compile(f.Regex)
		if err != nil {
			return nil, err
		}
		s.regex = re
	}
	for _, text := range f.AnyOf {
		s.phrases = append(s.phrases, phrase(text))
	}
	for _, text := range f.AllOf {
		s.parts = append(s.parts, phrase(text))
	}
	if slices.ContainsFunc(slices.Concat(s.phrases, s.parts), func(p []vietnamese.Token) bool { return len(p) == 0 }) {
		return nil, errors.New("any_of and all_of hold a phrase without a word")
	}
	if err := s.take(f); err != nil {
		return nil, err
	}
	if len(s.canonical) == 0 && !s.tolerant && len(s.phrases) == 0 && len(s.parts) == 0 && s.regex == nil {
		return nil, errors.New("nothing to look for: give value, any_of, all_of or regex")
	}
	return s, nil
}

// take reads the value of a fact.
func (s *statement) take(f *Fact) error {
	if len(f.Value) == 0 || string(f.Value) == "null" {
		return nil
	}
	var decoded any
	if err := json.Unmarshal(f.Value, &decoded); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	text := ""
	switch v := decoded.(type) {
	case string:
		text = v
	case float64:
		text = strings.ReplaceAll(strconv.FormatFloat(v, 'f', -1, 64), ".", ",")
	case bool: // the words are in any_of; false means that the answer denies them
		if f.Type != "boolean" {
			return errors.New("value: true and false are for type boolean")
		}
		s.negated = s.negated != !v
		return nil
	default:
		return errors.New("value: write a text or a number")
	}
	if s.kinds == nil {
		if p := phrase(text); len(p) > 0 {
			s.phrases = append(s.phrases, p)
		}
		return nil
	}
	if f.Tolerance > 0 {
		n, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", "."), 64)
		if err != nil {
			return fmt.Errorf("tolerance needs a number, value is %q", text)
		}
		s.tolerant, s.low, s.high = true, n-f.Tolerance, n+f.Tolerance
		return nil
	}
	s.canonical = canonical(f.Type, text)
	if len(s.canonical) == 0 {
		return fmt.Errorf("value %q is no %s", text, f.Type)
	}
	return nil
}

// canonical is a gold value in the forms that FindValues gives.
func canonical(kind, text string) []string {
	switch kind {
	case "legal_ref", "form_code":
		return []string{strings.ToUpper(text)}
	case "phone":
		digits := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, strings.Replace(text, "+84", "0", 1))
		if digits == "" {
			return nil
		}
		return []string{digits}
	case "url":
		var found []string
		for _, v := range vietnamese.FindValues(strings.TrimSpace(text)) {
			found = append(found, v.Canonical)
		}
		return found
	case "money_vnd", "count", "percent":
		if _, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", "."), 64); err != nil {
			return nil
		}
	case "working_days", "duration":
		if !isoDuration.MatchString(text) {
			return nil
		}
	case "date":
		if !isoDate.MatchString(text) {
			return nil
		}
	}
	return []string{text}
}

var (
	isoDuration = regexp.MustCompile(`^P(\d+[YMWD])*(T(\d+[HMS])+)?$`)
	isoDate     = regexp.MustCompile(`^(\d{4}-\d{2}(-\d{2})?|--\d{2}(-\d{2})?)$`)
)

// phrase is a text as the words that are looked for.
func phrase(text string) []vietnamese.Token {
	return vietnamese.Tokenize(nil, vietnamese.Normalize(text))
}

// in reports how far and where a text makes the statement: by value, by phrase, by
// expression, by parts. Typed facts are compared by canonical value, never as substrings;
// phrases at word borders with diacritics, or without when the sentence itself has none
// (tier 2). What a negation turns into its opposite counts for a negated fact only.
func (s *statement) in(r *reading) Match {
	best := Match{Support: None}
	for _, m := range []Match{s.value(r), s.anyPhrase(r), s.expression(r), s.allParts(r)} {
		if better(m, best) {
			best = m
		}
		best.Denied = best.Support == None && (best.Denied || m.Denied)
	}
	return best
}

func better(a, b Match) bool {
	rank := map[Support]int{None: 0, Partial: 1, Full: 2}
	return cmp.Or(cmp.Compare(rank[a.Support], rank[b.Support]), cmp.Compare(b.Tier, a.Tier)) > 0 && a.Support != None
}

// value finds an accepted typed value.
func (s *statement) value(r *reading) Match {
	found := Match{Support: None}
	for _, v := range r.values {
		if !slices.Contains(s.kinds, v.kind) || !s.accepts(v.canonical) || !s.hasUnit(r, v) || !s.inScope(r, v.at) {
			continue
		}
		if r.denied(v.at) != s.negated {
			found.Denied = true
			continue
		}
		tier := 0
		if r.sentences[r.words[v.at].sentence].folded {
			tier = 2
		}
		return Match{Support: Full, Tier: tier, Start: v.start, End: v.end}
	}
	return found
}

func (s *statement) accepts(canonical string) bool {
	if !s.tolerant {
		return slices.Contains(s.canonical, canonical)
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(canonical, ",", "."), 64)
	return err == nil && n >= s.low-1e-9 && n <= s.high+1e-9 && !math.IsNaN(n)
}

// hasUnit reports whether the wanted unit follows the number (or is part of its
// value, as in "14 tuổi").
func (s *statement) hasUnit(r *reading, v value) bool {
	if len(s.unit) == 0 {
		return true
	}
	for i := v.at; i <= v.at+1; i++ {
		if r.hasAt(s.unit, i, s.fold) {
			return true
		}
	}
	return false
}

// inScope reports whether the words of scope stand in the line of word i.
func (s *statement) inScope(r *reading, i int) bool {
	if len(s.scope) == 0 {
		return true
	}
	line := r.sentences[r.words[i].sentence].line
	for j := range r.words {
		if r.sentences[r.words[j].sentence].line == line && r.hasAt(s.scope, j, s.fold) {
			return true
		}
	}
	return false
}

func (s *statement) anyPhrase(r *reading) Match {
	best := Match{Support: None}
	for _, p := range s.phrases {
		m := s.phrase(r, p)
		if better(m, best) {
			best = m
		}
		best.Denied = best.Support == None && (best.Denied || m.Denied)
	}
	return best
}

// phrase finds one phrase in the sense that is wanted.
func (s *statement) phrase(r *reading, p []vietnamese.Token) Match {
	found := Match{Support: None}
	for i := range r.words {
		if !r.hasAt(p, i, s.fold) || !s.inScope(r, i) {
			continue
		}
		if r.denied(i) != s.negated {
			found.Denied = true
			continue
		}
		return Match{Support: Full, Tier: r.tier(p, i), Start: r.words[i].start, End: r.words[i+len(p)-1].end}
	}
	return found
}

// hasAt reports whether the phrase stands at word i, within one line.
func (r *reading) hasAt(p []vietnamese.Token, i int, fold bool) bool {
	if i+len(p) > len(r.words) || len(p) == 0 {
		return false
	}
	if r.sentences[r.words[i].sentence].line != r.sentences[r.words[i+len(p)-1].sentence].line {
		return false
	}
	for j, t := range p {
		w := r.words[i+j]
		if w.text != t.Text && !((fold || r.sentences[w.sentence].folded) && w.folded == t.Folded) {
			return false
		}
	}
	return true
}

// tier is 1 when the phrase stands at word i with its diacritics, 2 without.
func (r *reading) tier(p []vietnamese.Token, i int) int {
	for j, t := range p {
		if r.words[i+j].text != t.Text {
			return 2
		}
	}
	return 1
}

func (s *statement) expression(r *reading) Match {
	if s.regex == nil {
		return Match{Support: None}
	}
	found := Match{Support: None}
	for _, at := range s.regex.FindAllStringIndex(r.source[r.base:], -1) {
		start, end := r.base+at[0], r.base+at[1]
		i, _ := slices.BinarySearchFunc(r.words, start, func(w word, start int) int { return w.start - start })
		if i < len(r.words) && r.denied(i) != s.negated {
			found.Denied = true
			continue
		}
		return Match{Support: Full, Tier: 1, Start: start, End: end}
	}
	return found
}

// allParts finds the parts of an all_of list: some of them are partial support. The
// place is that of the first part found.
func (s *statement) allParts(r *reading) Match {
	best := Match{Support: None}
	n := 0
	for _, p := range s.parts {
		m := s.phrase(r, p)
		if m.Support == None {
			best.Denied = best.Denied || m.Denied
			continue
		}
		if n == 0 {
			best.Start, best.End = m.Start, m.End
		}
		best.Tier = max(best.Tier, m.Tier)
		n++
	}
	switch {
	case n == 0:
	case n == len(s.parts):
		best.Support, best.Denied = Full, false
	default:
		best.Support, best.Denied = Partial, false
	}
	return best
}

// statement prepares a forbidden statement; whether it is denied does count: "không
// nộp tại UBND huyện" is right.
func (f *Forbidden) statement() (*statement, error) {
	return newStatement(&Fact{Type: cmp.Or(f.Type, "text"), Value: f.Value, AnyOf: f.AnyOf, Regex: f.Regex})
}

// banned is a forbidden statement, prepared for matching.
type banned struct {
	*Forbidden
	statement *statement
	excuses   [][]vietnamese.Token
}

// prepare leaves out what cannot be matched: Load and Standing let none through.
func prepare(list []Forbidden) []banned {
	var all []banned
	for i := range list {
		f := &list[i]
		if s, err := f.statement(); err == nil {
			b := banned{Forbidden: f, statement: s}
			for _, text := range f.UnlessAnyOf {
				b.excuses = append(b.excuses, phrase(text))
			}
			all = append(all, b)
		}
	}
	return all
}

// in finds the forbidden statement in a text, except in a sentence that excuses it.
func (b *banned) in(r *reading) (Match, bool) {
	if b.statement.in(r).Support != Full {
		return Match{}, false
	}
	for i := range r.sentences {
		part := r.sentence(i)
		if m := b.statement.in(part); m.Support == Full && !slices.ContainsFunc(b.excuses, part.has) {
			return m, true
		}
	}
	return Match{}, false
}

// sentence is the part of a reading with one sentence; offsets stay those of the
// whole text.
func (r *reading) sentence(i int) *reading {
	s := r.sentences[i]
	part := &reading{source: r.source[:s.end], base: s.start, sentences: []sentence{{first: 0, last: s.last - s.first, start: s.start, end: s.end, folded: s.folded}}}
	for _, w := range r.words[s.first:s.last] {
		w.sentence = 0
		part.words = append(part.words, w)
	}
	for _, v := range r.values {
		if v.at >= s.first && v.at < s.last {
			v.at -= s.first
			part.values = append(part.values, v)
		}
	}
	return part
}

// has reports whether a phrase stands anywhere, whatever its sense.
func (r *reading) has(p []vietnamese.Token) bool {
	for i := range r.words {
		if r.hasAt(p, i, false) {
			return true
		}
	}
	return false
}
