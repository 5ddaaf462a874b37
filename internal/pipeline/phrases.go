package pipeline

import (
	"strings"

	"troly/internal/vietnamese"
)

// phraseTable finds phrases of fixed lists in a question at word borders: as
// written with diacritics and, from two syllables on, without. A single folded
// syllable means too many things to be looked for, and so do the phrases that are
// written with "=" before them.
type phraseTable struct {
	accented, folded map[string][]phrase // by first syllable
}

type phrase struct {
	words []string
	group int // the list it is from
}

// newPhraseTable makes a table of lists; a phrase's group is the index of its list.
func newPhraseTable(lists ...[]string) *phraseTable {
	t := &phraseTable{accented: make(map[string][]phrase), folded: make(map[string][]phrase)}
	for group, list := range lists {
		for _, text := range list {
			text, marked := strings.CutPrefix(text, "=")
			accented, folded := bothForms(vietnamese.Tokenize(nil, text))
			t.accented[accented[0]] = append(t.accented[accented[0]], phrase{accented, group})
			if len(folded) > 1 && !marked {
				t.folded[folded[0]] = append(t.folded[folded[0]], phrase{folded, group})
			}
		}
	}
	return t
}

// words returns the words of the phrases of some groups that occur in a question.
func (t *phraseTable) words(tokens []vietnamese.Token, unmarked bool, of func(group int) bool) map[string]bool {
	words := make(map[string]bool)
	t.each(tokens, unmarked, func(at int, p phrase) {
		if !of(p.group) {
			return
		}
		for i := range p.words {
			words[tokens[at+i].Text] = true
		}
	})
	return words
}

// find reports, by group, whether a phrase of it occurs. With unmarked set, the
// phrases are looked for without diacritics too.
func (t *phraseTable) find(tokens []vietnamese.Token, unmarked bool) map[int]bool {
	found := make(map[int]bool)
	t.each(tokens, unmarked, func(_ int, p phrase) { found[p.group] = true })
	return found
}

// each calls see with every phrase and where it begins.
func (t *phraseTable) each(tokens []vietnamese.Token, unmarked bool, see func(at int, p phrase)) {
	for i, tok := range tokens {
		for _, p := range t.accented[tok.Text] {
			if startsWith(tokens[i:], p.words, true) {
				see(i, p)
			}
		}
		if !unmarked {
			continue
		}
		for _, p := range t.folded[tok.Folded] {
			if startsWith(tokens[i:], p.words, false) {
				see(i, p)
			}
		}
	}
}
