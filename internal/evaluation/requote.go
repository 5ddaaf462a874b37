package evaluation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// Requote renews the quotes of a set whose words the knowledge no longer has: the
// same section is searched for the words around a statement of the same fact that
// resemble the old quote most. A quote nothing resembles stays, and lint goes on
// naming it: then the fact itself may have changed. A fact without evidence gets the
// first quote that an expected document has for it. The file is replaced when
// something changed; the number of new quotes is returned.
func Requote(name string, lib *corpus.Library) (renewed int, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, fmt.Errorf("read question set %s: %w", name, unwrapPath(err))
	}
	places := newPassages(lib)
	lines := bytes.Split(data, []byte("\n"))
	for i, line := range lines {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		c, err := parseCase(line)
		if err != nil {
			return 0, Problem{File: name, Line: i + 1, Case: c.ID, Message: err.Error()}
		}
		if added := places.addEvidence(&c); added > 0 && !bytes.Contains(line, []byte(`"x_`)) {
			if lines[i], err = encodeCase(c, line); err != nil {
				return 0, Problem{File: name, Line: i + 1, Case: c.ID, Message: err.Error()}
			}
			renewed += added
		}
		for k := range c.KeyFacts {
			f := &c.KeyFacts[k]
			for _, e := range f.Evidence {
				quote := places.renewed(&c, f, e)
				if quote == "" {
					continue
				}
				if lines[i], err = replaceText(lines[i], e.Quote, quote); err != nil {
					return 0, Problem{File: name, Line: i + 1, Case: c.ID, Message: err.Error()}
				}
				renewed++
			}
		}
	}
	if renewed == 0 {
		return 0, nil
	}
	return renewed, replaceFile(name, bytes.Join(lines, []byte("\n")))
}

// encodeCase writes a case as a line; a weight that the line did not have is left out.
func encodeCase(c Case, line []byte) ([]byte, error) {
	if !bytes.Contains(line, []byte(`"weight"`)) {
		c.Weight = 0
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(c)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// addEvidence quotes, for facts without evidence, where an expected document says
// them, and returns how many it did.
func (p *passages) addEvidence(c *Case) int {
	added := 0
	for i := range c.KeyFacts {
		f := &c.KeyFacts[i]
		if len(f.Evidence) > 0 {
			continue
		}
		if e, ok := p.evidenceFor(c, f); ok {
			f.Evidence = []Evidence{e}
			added++
		}
	}
	return added
}

func (p *passages) evidenceFor(c *Case, f *Fact) (Evidence, bool) {
	s, err := newStatement(f)
	if err != nil {
		return Evidence{}, false
	}
	for _, d := range c.ExpectedDocs {
		for _, section := range p.document(d.Doc, c.AsOf) {
			for line := range strings.Lines(section.source) {
				if quote := around(s, strings.TrimSpace(line)); section.section != "" && quote != "" && section.quotes(quote) {
					return Evidence{d.Doc, section.section, quote}, true
				}
			}
		}
	}
	return Evidence{}, false
}

// replaceText replaces a text in a line as JSON writes it, so that the rest of the
// line stays as its author wrote it.
func replaceText(line []byte, old, text string) ([]byte, error) {
	from, to := quoted(old), quoted(text)
	if !bytes.Contains(line, from) {
		return nil, fmt.Errorf("quote %q is written with escapes: write it as plain text", old)
	}
	return bytes.Replace(line, from, to, 1), nil
}

func quoted(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Words of a quote kept on either side of the statement, and the least share of its
// pairs of words that a new quote has in common with it.
const (
	quoteBefore = 6
	quoteAfter  = 4
	resemblance = 0.3
)

// renewed is the new quote for evidence that is out of date; empty when the old one
// holds or nothing resembles it.
func (p *passages) renewed(c *Case, f *Fact, e Evidence) string {
	at := p.at(place{e.Doc, e.Section, c.AsOf})
	s, err := newStatement(f)
	if err != nil || at == nil || at.quotes(e.Quote) {
		return ""
	}
	best, closest := "", resemblance
	for line := range strings.Lines(at.source) {
		quote := around(s, strings.TrimSpace(line))
		if quote == "" || !at.quotes(quote) {
			continue
		}
		if near := alike(e.Quote, line); near >= closest {
			best, closest = quote, near
		}
	}
	return best
}

// around cuts the words around a statement out of a line; a list of parts keeps the
// whole line. It is empty when the line does not state the fact.
func around(s *statement, line string) string {
	r := read(line)
	m := s.in(r)
	if m.Support != Full {
		return ""
	}
	if len(s.parts) > 0 {
		return line
	}
	first, last := 0, 0
	for i, w := range r.words {
		if w.start <= m.Start {
			first = i
		}
		if w.start < m.End {
			last = i
		}
	}
	from := r.words[max(first-quoteBefore, r.sentences[r.words[first].sentence].first)]
	to := r.words[min(last+quoteAfter, r.sentences[r.words[last].sentence].last-1)]
	if quote := line[from.start:to.end]; s.in(read(quote)).Support == Full {
		return quote
	}
	return line
}

// alike is the share of the old quote's pairs of neighbouring words that a text has.
func alike(old, text string) float64 {
	pairs := make(map[string]bool)
	words := vietnamese.Tokenize(nil, vietnamese.Normalize(text))
	for i := 1; i < len(words); i++ {
		pairs[words[i-1].Folded+" "+words[i].Folded] = true
	}
	had, all := 0.0, 0.0
	words = vietnamese.Tokenize(nil, vietnamese.Normalize(old))
	for i := 1; i < len(words); i++ {
		all++
		had += indicator(pairs[words[i-1].Folded+" "+words[i].Folded])
	}
	return ratio(had, all)
}
