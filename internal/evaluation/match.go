package evaluation

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"troly/internal/vietnamese"
)

// kinds maps the types of facts to the values they are compared with.
var kinds = map[string]vietnamese.Kind{
	"money_vnd": vietnamese.Money, "working_days": vietnamese.WorkingDays, "duration": vietnamese.Duration, "date": vietnamese.Date,
	"percent": vietnamese.Percent, "phone": vietnamese.Phone, "url": vietnamese.Link, "legal_ref": vietnamese.Reference, "form_code": vietnamese.Form, "count": vietnamese.Number,
}

// textTypes are matched as phrases.
var textTypes = []string{"text", "place", "authority", "channel", "boolean"}

// check reports what makes a fact unmatchable.
func (f Fact) check() error {
	if _, typed := kinds[f.Type]; typed {
		if len(f.Value) == 0 && len(f.AnyOf) == 0 {
			return errors.New("a typed fact needs a value")
		}
		return nil
	}
	if !slices.Contains(textTypes, f.Type) {
		return fmt.Errorf("unknown type %q", f.Type)
	}
	if len(f.AnyOf) == 0 && len(f.AllOf) == 0 && f.Regex == "" && len(f.Value) == 0 {
		return errors.New("nothing to look for: give any_of, all_of, regex or value")
	}
	if _, err := regexp.Compile(f.Regex); err != nil {
		return err
	}
	return nil
}

// Match reports whether an answer states the fact. Typed facts are compared by
// canonical value, never as substrings; phrases at word borders with diacritics,
// or without when the answer itself has none. A phrase right after a negation
// ("không phải nộp lệ phí") does not count.
func (f Fact) Match(answer string) bool {
	if kind, typed := kinds[f.Type]; typed && len(f.Value) > 0 {
		want := f.canonical(kind)
		for _, v := range vietnamese.FindValues(vietnamese.Normalize(answer)) {
			if v.Kind == kind && v.Canonical == want || kind == vietnamese.Number && f.Type == "count" && v.Canonical == want {
				return true
			}
		}
		return len(f.AnyOf) > 0 && f.matchText(answer)
	}
	return f.matchText(answer)
}

// canonical is the value in the form FindValues gives.
func (f Fact) canonical(kind vietnamese.Kind) string {
	var s string
	if json.Unmarshal(f.Value, &s) != nil {
		var n float64
		if json.Unmarshal(f.Value, &n) != nil {
			return ""
		}
		s = strings.ReplaceAll(strconv.FormatFloat(n, 'f', -1, 64), ".", ",")
	}
	switch kind {
	case vietnamese.Reference, vietnamese.Form:
		return strings.ToUpper(s)
	case vietnamese.Phone:
		return strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, s)
	case vietnamese.Link:
		if values := vietnamese.FindValues(s); len(values) == 1 {
			return values[0].Canonical
		}
	}
	return s
}

func (f Fact) matchText(answer string) bool {
	text := newText(answer)
	if f.Regex != "" {
		if re, err := regexp.Compile(f.Regex); err == nil && re.MatchString(answer) {
			return true
		}
	}
	phrases := f.AnyOf
	var value string
	if len(f.Value) > 0 && json.Unmarshal(f.Value, &value) == nil && value != "" {
		phrases = append(slices.Clone(phrases), value)
	}
	if slices.ContainsFunc(phrases, func(p string) bool { return text.has(p, f.Negated, f.FoldOK) }) {
		return true
	}
	return len(f.AllOf) > 0 && !slices.ContainsFunc(f.AllOf, func(p string) bool { return !text.has(p, f.Negated, f.FoldOK) })
}

// text is an answer cut into tokens, for looking up phrases.
type text struct {
	source string
	tokens []vietnamese.Token
	folded bool // the answer has no diacritics: compare without
}

func newText(answer string) text {
	answer = vietnamese.Normalize(strings.ReplaceAll(answer, "\n", " . "))
	return text{answer, vietnamese.Tokenize(nil, answer), vietnamese.MissingDiacritics(answer)}
}

// negations make the opposite of what follows them closely in the same clause.
var negations = []string{"không", "chưa", "miễn", "chẳng"}

// has reports whether the phrase occurs; when it is itself no negation and negated
// is not set, an occurrence shortly after a negation does not count.
func (t text) has(phrase string, negated, foldOK bool) bool {
	words := vietnamese.Tokenize(nil, vietnamese.Normalize(phrase))
	if len(words) == 0 {
		return false
	}
	folded := t.folded || foldOK
	same := func(a, b vietnamese.Token) bool { return a.Text == b.Text || folded && a.Folded == b.Folded }
	for i := 0; i+len(words) <= len(t.tokens); i++ {
		ok := true
		for j, w := range words {
			ok = ok && same(t.tokens[i+j], w)
		}
		if ok && t.negatedBefore(i) == negated {
			return true
		}
	}
	return false
}

// negatedBefore looks for a negation within two words before token i in the same
// clause.
func (t text) negatedBefore(i int) bool {
	for j := i - 1; j >= 0 && j >= i-2; j-- {
		if strings.ContainsAny(t.source[t.tokens[j].End:t.tokens[j+1].Start], ".,;:()") {
			return false
		}
		if slices.Contains(negations, t.tokens[j].Text) {
			return true
		}
	}
	return false
}
