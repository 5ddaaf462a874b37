package evaluation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// Linter checks question sets against the schema, against each other and against
// the knowledge they ask about.
type Linter struct {
	Lib   *corpus.Library
	Today corpus.Date

	places *passages
}

// Lint reads the sets and returns everything wrong with them, by file and line. err
// is a file that cannot be read.
func (l *Linter) Lint(sets ...SetFile) ([]Problem, error) {
	l.places = newPassages(l.Lib)
	var problems []Problem
	byID := make(map[string]*Case)
	files := make(map[*Case]string)
	var all []*Case
	for _, set := range sets {
		name := set.Shown
		cases, found, err := set.Read()
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
		for i := range cases {
			c := &cases[i]
			files[c] = name
			if first, dup := byID[c.ID]; dup && files[first] != name {
				problems = append(problems, Problem{File: name, Line: c.Line, Case: c.ID, Message: fmt.Sprintf("id is already in %s:%d", files[first], first.Line)})
			}
			byID[c.ID] = c
			all = append(all, c)
		}
	}
	for _, c := range all {
		check := checker{Linter: l, c: c, report: func(warning bool, format string, args ...any) {
			problems = append(problems, Problem{File: files[c], Line: c.Line, Case: c.ID, Message: fmt.Sprintf(format, args...), Warning: warning})
		}}
		check.documents()
		check.gold()
		check.validity()
		check.variant(byID[c.BaseID])
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return problems, nil
}

// checker checks one case.
type checker struct {
	*Linter
	c      *Case
	report func(warning bool, format string, args ...any)
}

// documents checks that what is expected exists, and that a question to be answered
// expects something.
func (k checker) documents() {
	answering := false
	for _, d := range k.c.ExpectedDocs {
		answering = answering || d.answers()
		doc := k.Lib.Document(d.Doc)
		switch {
		case doc == nil:
			k.report(false, "expected document %q does not exist", d.Doc)
		case d.Section != "" && k.places.at(place{d.Doc, d.Section, k.c.AsOf}) == nil:
			k.report(false, "expected document %s has no section %q", d.Doc, d.Section)
		}
	}
	declines := k.c.MustRefuse || k.c.MustClarify || k.c.ExpectedHandoff == toOfficer || k.c.Intent == "smalltalk"
	if !declines && !answering {
		k.report(false, "no expected document of grade 2 or 3: name one, or set must_refuse, must_clarify or expected_handoff officer")
	}
	if k.c.MustRefuse && len(k.c.KeyFacts) > 0 {
		k.report(false, "must_refuse and key_facts: a refusal says no facts")
	}
	switch text := k.c.ExpectedHandoff; text {
	case "", toOfficer, offered, nobody:
	default:
		if !k.known(text) {
			k.report(false, "expected_handoff %q is no contact, number or address of the knowledge, and not officer, offered or nobody", text)
		}
	}
}

// known reports whether a contact, or any document, holds the words.
func (k checker) known(text string) bool {
	if _, ok := k.Lib.Contact(text); ok {
		return true
	}
	words := phrase(text)
	for _, c := range k.Lib.Contacts {
		if read(strings.Join([]string{c.Name, c.Phone, c.URL, c.Email, c.Address}, "\n")).has(words) {
			return true
		}
	}
	return slices.ContainsFunc(k.Lib.Documents, func(d *corpus.Document) bool {
		return slices.ContainsFunc(k.places.document(d.ID, k.c.AsOf), func(p *passage) bool { return p.has(words) })
	})
}

// gold proves every fact: the knowledge says the quote, and the fact's own matcher
// accepts it. A fact the knowledge does not hold would measure the knowledge.
func (k checker) gold() {
	for i := range k.c.KeyFacts {
		f := &k.c.KeyFacts[i]
		s, err := newStatement(f)
		if err != nil {
			continue // the schema has said so
		}
		if len(f.Evidence) == 0 {
			k.withoutEvidence(f, s)
		}
		for _, e := range f.Evidence {
			k.evidence(f, s, e)
		}
	}
}

func (k checker) withoutEvidence(f *Fact, s *statement) {
	for _, d := range k.c.ExpectedDocs {
		if slices.ContainsFunc(k.places.document(d.Doc, k.c.AsOf), func(p *passage) bool { return s.in(p.reading).Support == Full }) {
			k.report(true, "fact %s has no evidence: quote where %s says it", f.ID, d.Doc)
			return
		}
	}
	k.report(false, "fact %s: no expected document says it", f.ID)
}

func (k checker) evidence(f *Fact, s *statement, e Evidence) {
	doc := k.Lib.Document(e.Doc)
	if doc == nil {
		k.report(false, "fact %s: evidence names document %q, which does not exist", f.ID, e.Doc)
		return
	}
	var in []*passage
	if e.Section == "" {
		in = k.places.document(e.Doc, k.c.AsOf)
	} else if p := k.places.at(place{e.Doc, e.Section, k.c.AsOf}); p != nil {
		in = []*passage{p}
	} else {
		k.report(false, "fact %s: document %s has no section %q", f.ID, e.Doc, e.Section)
		return
	}
	if !slices.ContainsFunc(in, func(p *passage) bool { return p.quotes(e.Quote) }) {
		k.report(false, "fact %s: %s %s does not say %q%s", f.ID, e.Doc, e.Section, e.Quote, k.elsewhere(e))
		return
	}
	if m := s.in(read(e.Quote)); m.Support == None && (len(f.AllOf) == 0 || len(f.Evidence) == 1) {
		k.report(false, "fact %s: its own matcher does not find it in the quote %q", f.ID, e.Quote)
	}
}

// elsewhere names the section that does hold a quote.
func (k checker) elsewhere(e Evidence) string {
	for _, s := range k.Lib.Passages(k.Lib.Document(e.Doc)) {
		if k.places.at(place{e.Doc, s.ID, k.c.AsOf}).quotes(e.Quote) {
			return ": it stands in section " + s.ID
		}
	}
	return ""
}

// validity warns of cases and facts whose time is over.
func (k checker) validity() {
	switch {
	case k.c.expired():
		k.report(true, "expired: it is asked on %s and holds from %s to %s", k.c.AsOf, cmp.Or(k.c.ValidFrom, "ever"), cmp.Or(k.c.ValidTo, "ever"))
	case k.Today != "" && k.c.ValidTo != "" && k.c.ValidTo < k.Today:
		k.report(true, "valid_to %s has passed: check the facts and the figures", k.c.ValidTo)
	}
	if len(k.c.KeyFacts) > 0 && len(k.c.facts()) == 0 {
		k.report(true, "no fact holds on %s", k.c.AsOf)
	}
}

// variant checks that a variant has its plain question and, made by rule, is what
// the rule makes of it.
func (k checker) variant(base *Case) {
	c := k.c
	if c.Variant == Plain {
		return
	}
	if base == nil || base.Variant != Plain {
		k.report(false, "base %q is not in the sets", c.BaseID)
		return
	}
	if c.VariantOrigin != "rule" {
		return
	}
	made, ok := Perturb(*base, c.Variant, c.VariantSeed)
	if !ok || made.Question != c.Question {
		k.report(false, "is not what eval perturb makes of %s with seed %d: run it again", c.BaseID, c.VariantSeed)
	}
	if vietnamese.Normalize(c.Question) == vietnamese.Normalize(base.Question) {
		k.report(true, "is typed like its base")
	}
}
