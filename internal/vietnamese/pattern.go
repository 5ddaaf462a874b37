package vietnamese

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxGap is how many syllables a "*" of a pattern stands for at most.
const MaxGap = 3

// Bounds of a pattern: longer ones fit only one sentence, and every gap multiplies
// the ways to look at a text by four.
const (
	maxSlots = 10
	maxGaps  = 3
)

// Patterns finds ways of saying something in a text. A pattern is a row of
// syllables, "nhà * cháy": "*" stands for nought to three syllables, and
// "chồng/vợ đánh" for either word. A pattern that begins with "=", and one of a
// single syllable, is found only with its diacritics, because without them it means
// too many things. "triệu" stands for a sum in figures too: "5tr" is one token. It does
// not change after NewPatterns.
type Patterns struct {
	all    []pattern
	starts map[string][]int // a word a pattern begins with, marked or folded -> patterns
}

type pattern struct {
	slots []slot
	exact bool // only with diacritics
}

type slot struct {
	marked, folded []string // alternatives; of one index each
	gap            bool     // up to MaxGap syllables may stand before
}

// NewPatterns parses patterns; an error names the first that is none.
func NewPatterns(texts []string) (*Patterns, error) {
	ps := &Patterns{starts: make(map[string][]int)}
	for i, text := range texts {
		p, err := parsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", text, err)
		}
		ps.all = append(ps.all, p)
		words := slices.Concat(p.slots[0].marked, p.slots[0].folded)
		slices.Sort(words)
		for _, w := range slices.Compact(words) {
			ps.starts[w] = append(ps.starts[w], i)
		}
	}
	return ps, nil
}

func parsePattern(text string) (pattern, error) {
	rest, exact := strings.CutPrefix(strings.TrimSpace(text), "=")
	p := pattern{exact: exact}
	gap, gaps := false, 0
	for _, field := range strings.Fields(Normalize(rest)) {
		if field == "*" {
			if gap || len(p.slots) == 0 {
				return p, errors.New(`"*" must stand between two words`)
			}
			gap = true
			gaps++
			continue
		}
		s := slot{gap: gap}
		for alternative := range strings.SplitSeq(field, "/") {
			tokens := Tokenize(nil, alternative)
			if len(tokens) != 1 {
				return p, fmt.Errorf("%q is not one word", alternative)
			}
			s.marked, s.folded = append(s.marked, tokens[0].Text), append(s.folded, tokens[0].Folded)
		}
		p.slots, gap = append(p.slots, s), false
	}
	switch {
	case gap:
		return p, errors.New(`"*" must stand between two words`)
	case len(p.slots) == 0 || len(p.slots) > maxSlots:
		return p, fmt.Errorf("write 1 to %d words", maxSlots)
	case gaps > maxGaps:
		return p, fmt.Errorf("write at most %d times \"*\"", maxGaps)
	}
	p.exact = p.exact || len(p.slots) == 1
	return p, nil
}

// Words is how many words pattern i has, gaps apart.
func (ps *Patterns) Words(i int) int { return len(ps.all[i].slots) }

// Match returns the indices, ascending, of the patterns that occur in a text; with
// folded set, those that occur when all marks are left out.
func (ps *Patterns) Match(tokens []Token, folded bool) []int {
	found := make(map[int]bool)
	for at, t := range tokens {
		word := t.Text
		if folded {
			word = t.Folded
		}
		for _, i := range ps.starts[word] {
			if p := ps.all[i]; !found[i] && !(folded && p.exact) && p.at(tokens[at:], folded) {
				found[i] = true
			}
		}
	}
	indices := make([]int, 0, len(found))
	for i := range found {
		indices = append(indices, i)
	}
	slices.Sort(indices)
	return indices
}

// at reports whether tokens begin with the pattern.
func (p pattern) at(tokens []Token, folded bool) bool { return fits(p.slots, tokens, folded) }

// fits tries every length of every gap: at most (MaxGap+1)^maxGaps ways.
func fits(slots []slot, tokens []Token, folded bool) bool {
	if len(slots) == 0 {
		return true
	}
	most := 0
	if slots[0].gap {
		most = MaxGap
	}
	for skip := 0; skip <= most && skip < len(tokens); skip++ {
		if slots[0].is(tokens[skip], folded) && fits(slots[1:], tokens[skip+1:], folded) {
			return true
		}
	}
	return false
}

func (s slot) is(t Token, folded bool) bool {
	if t.Kind == Money && slices.Contains(s.marked, "triệu") {
		return true
	}
	if folded {
		return slices.Contains(s.folded, t.Folded)
	}
	return slices.Contains(s.marked, t.Text)
}
