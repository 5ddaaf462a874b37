package vietnamese

import (
	"slices"
	"strings"
)

// Entry is one row of the glossary: how people write something and what it means.
type Entry struct {
	Form  string   `yaml:"form" json:"form"`
	Means []string `yaml:"means" json:"means"` // likeliest first; several when it depends
	Kind  string   `yaml:"kind" json:"kind"`   // abbreviation and shorthand are replaced, folk words get their official ones added
	// Topics are the IDs of documents that the form by itself asks for; a test holds
	// the assistant to them.
	Topics []string `yaml:"topics" json:"topics,omitempty"`
}

// Glossary finds short forms and folk words in questions.
type Glossary struct {
	accented map[string][]form // first syllable -> forms beginning with it, longest first
	folded   map[string][]form // likewise without marks, forms of two syllables and more
}

type form struct {
	words []string
	entry Entry
}

// NewGlossary returns a glossary of the entries.
func NewGlossary(entries []Entry) *Glossary {
	g := &Glossary{accented: make(map[string][]form), folded: make(map[string][]form)}
	for _, e := range entries {
		var accented, folded []string
		for _, t := range Tokenize(nil, Normalize(e.Form)) {
			accented = append(accented, t.Text)
			folded = append(folded, t.Folded)
		}
		if len(accented) == 0 || len(e.Means) == 0 {
			continue
		}
		g.accented[accented[0]] = append(g.accented[accented[0]], form{accented, e})
		if len(folded) > 1 {
			g.folded[folded[0]] = append(g.folded[folded[0]], form{folded, e})
		}
	}
	for _, table := range []map[string][]form{g.accented, g.folded} {
		for _, forms := range table {
			slices.SortStableFunc(forms, func(a, b form) int { return len(b.words) - len(a.words) })
		}
	}
	return g
}

// replaced reports whether an entry is written out in the question itself.
func (e Entry) replaced() bool {
	return len(e.Means) == 1 && (e.Kind == "abbreviation" || e.Kind == "shorthand")
}

// Expand writes the unambiguous short forms of s out: "lm cccd ở đâu" becomes "làm
// căn cước công dân ở đâu". The rest of s stays as it is. A form is found whatever
// its case; expansions are not expanded again.
func (g *Glossary) Expand(s string) string {
	var b strings.Builder
	last := 0
	tokens := Tokenize(nil, s)
	for i := 0; i < len(tokens); {
		f, n := longestForm(g.accented[tokens[i].Text], tokens[i:], false, Entry.replaced)
		if n == 0 {
			i++
			continue
		}
		b.WriteString(s[last:tokens[i].Start])
		b.WriteString(f.Means[0])
		last = tokens[i+n-1].End
		i += n
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

// Synonyms returns the entries that occur in s and are not written out by Expand:
// folk words and ambiguous short forms. With unmarked set, forms of two syllables
// and more are found without diacritics too. A form inside a longer one that was
// found does not count.
func (g *Glossary) Synonyms(s string, unmarked bool) []Entry {
	var found []Entry
	kept := func(e Entry) bool { return !e.replaced() }
	tokens := Tokenize(nil, s)
	for i := 0; i < len(tokens); {
		e, n := longestForm(g.accented[tokens[i].Text], tokens[i:], false, kept)
		if unmarked {
			if f, m := longestForm(g.folded[tokens[i].Folded], tokens[i:], true, kept); m > n {
				e, n = f, m
			}
		}
		if n == 0 {
			i++
			continue
		}
		found = append(found, e)
		i += n
	}
	return found
}

// longestForm returns the longest form that the tokens begin with and ok accepts.
func longestForm(forms []form, tokens []Token, folded bool, ok func(Entry) bool) (Entry, int) {
	for _, f := range forms {
		if len(f.words) <= len(tokens) && ok(f.entry) && matches(f.words, tokens, folded) {
			return f.entry, len(f.words)
		}
	}
	return Entry{}, 0
}

func matches(words []string, tokens []Token, folded bool) bool {
	for i, w := range words {
		if text := tokens[i].Text; !folded && text != w || folded && tokens[i].Folded != w {
			return false
		}
	}
	return true
}
