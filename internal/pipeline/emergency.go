package pipeline

import (
	"cmp"
	"slices"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// emergencies recognises danger and fraud in questions, from the knowledge.
type emergencies struct {
	matters  []corpus.Emergency
	patterns *vietnamese.Patterns
	roles    []role // of each pattern
}

// role is what a pattern means: whose it is and in which list it stands.
type role struct {
	matter int // index in matters, or allMatters
	list   phraseList
}

const allMatters = -1

type phraseList uint8

const (
	certain phraseList = iota
	said
	alone
	unless
)

// aloneSlack is how many words a question may hold beside a phrase that counts only
// alone: "cháy nhà rồi ạ". Beside a single word there is room for none: "gạo cứu đói"
// is no call for help.
const aloneSlack = 2

// newEmergencies reads the matters; a phrase that is no pattern is left out, which
// lint reports.
func newEmergencies(knowledge corpus.Emergencies) *emergencies {
	e := &emergencies{matters: slices.Clone(knowledge.Matters)}
	// Somebody in danger comes before somebody who is asked for a code.
	slices.SortStableFunc(e.matters, func(a, b corpus.Emergency) int { return cmp.Compare(rank(a), rank(b)) })
	var texts []string
	add := func(phrases []string, r role) {
		for _, p := range phrases {
			if _, err := vietnamese.NewPatterns([]string{p}); err == nil {
				texts, e.roles = append(texts, p), append(e.roles, r)
			}
		}
	}
	add(knowledge.Unless, role{allMatters, unless})
	for i, m := range e.matters {
		add(m.Certain, role{i, certain})
		add(m.Said, role{i, said})
		add(m.Alone, role{i, alone})
		add(m.Unless, role{i, unless})
	}
	e.patterns, _ = vietnamese.NewPatterns(texts) // each was tried above
	return e
}

// longest is how many words a question that is hardly more than pattern i has.
func (e *emergencies) longest(i int) int {
	if n := e.patterns.Words(i); n > 1 {
		return n + aloneSlack
	}
	return 1
}

func rank(m corpus.Emergency) int {
	if m.Kind == corpus.Urgent {
		return 0
	}
	return 1
}

// signs are what the phrases of a question say of danger.
type signs struct {
	matter   *corpus.Emergency // nil when none says so
	excepted []string          // IDs of matters that it is not
	papers   bool              // it asks about papers, rules or what is long past
}

// read looks for the phrases of all matters. typed is the question as typed with its
// shorthand written out, restored the same with marks and slips repaired.
func (e *emergencies) read(typed, restored string, accented bool) signs {
	tokens := vietnamese.Tokenize(nil, typed)
	found := e.patterns.Match(tokens, !accented)
	for _, i := range e.patterns.Match(vietnamese.Tokenize(nil, restored), false) {
		if !slices.Contains(found, i) {
			found = append(found, i)
		}
	}
	var s signs
	evidence := make([]struct{ certain, said, unless bool }, len(e.matters))
	for _, i := range found {
		r := e.roles[i]
		switch {
		case r.matter == allMatters:
			s.papers = true
		case r.list == certain:
			evidence[r.matter].certain = true
		case r.list == said, r.list == alone && len(tokens) <= e.longest(i):
			evidence[r.matter].said = true
		case r.list == unless:
			evidence[r.matter].unless = true
		}
	}
	for i, found := range evidence {
		switch {
		case found.unless:
			s.excepted = append(s.excepted, e.matters[i].ID)
		case s.matter == nil && (found.certain || found.said && !s.papers):
			s.matter = &e.matters[i]
		}
	}
	return s
}

// Emergency reports whether a text tells of danger or fraud by its words, which Ask
// answers before everything else and without a model. It looks nothing up.
func (a *Assistant) Emergency(text string) bool {
	typed := vietnamese.Normalize(a.withoutPersonalData(a.cut(text)))
	expanded := a.glossary.Expand(typed)
	return a.emergencies.read(expanded, a.restorer.RestoreExpanded(expanded, typed), !vietnamese.MissingDiacritics(typed)).matter != nil
}
