package evaluation

import (
	"cmp"
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"troly/internal/corpus"
	"troly/internal/pipeline"
)

// plainSearch is plain BM25 over whole documents, by syllables as typed: what any
// search box does. k1 1.2, b 0.75, idf ln(1 + (N-df+0.5)/(df+0.5)), NFC, lower
// case, title and text joined. It shows how hard a question set is.
type plainSearch struct {
	ids     []string
	lengths []float64
	average float64
	post    map[string][]posting
}

type posting struct {
	doc int
	tf  float64
}

// newPlainSearch returns an empty index.
func newPlainSearch() *plainSearch { return &plainSearch{post: make(map[string][]posting)} }

// add indexes a document.
func (b *plainSearch) add(id, text string) {
	counts := make(map[string]float64)
	words := plainWords(text)
	for _, w := range words {
		counts[w]++
	}
	for w, tf := range counts {
		b.post[w] = append(b.post[w], posting{len(b.ids), tf})
	}
	b.ids = append(b.ids, id)
	b.lengths = append(b.lengths, float64(len(words)))
	b.average += (float64(len(words)) - b.average) / float64(len(b.ids))
}

// plainWords are the runs of letters and digits.
func plainWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(norm.NFC.String(s)), func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 0xC0)
	})
}

// rank returns the best documents for a question, equal scores by ID downwards as
// everything here that is measured.
func (b *plainSearch) rank(question string, limit int) []pipeline.Retrieved {
	const k1, bb = 1.2, 0.75
	scores := make(map[int]float64)
	n := float64(len(b.ids))
	for _, w := range plainWords(question) {
		df := float64(len(b.post[w]))
		idf := math.Log(1 + (n-df+0.5)/(df+0.5))
		for _, p := range b.post[w] {
			scores[p.doc] += idf * p.tf * (k1 + 1) / (p.tf + k1*(1-bb+bb*b.lengths[p.doc]/b.average))
		}
	}
	var ranked []pipeline.Retrieved
	for doc, score := range scores {
		ranked = append(ranked, pipeline.Retrieved{Document: b.ids[doc], Score: score})
	}
	slices.SortFunc(ranked, func(a, b pipeline.Retrieved) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Document, a.Document))
	})
	return ranked[:min(limit, len(ranked))]
}

// plainSearchOf indexes the documents of a library: title and sections.
func plainSearchOf(lib *corpus.Library) *plainSearch {
	b := newPlainSearch()
	for _, d := range lib.Documents {
		b.add(d.ID, d.Title+"\n"+wholeText(lib, d))
	}
	return b
}

// PlainSearch returns how often plain BM25 finds the right document first among the
// plain cases of a set of the run, of which there are n: how hard the set is.
func (r *Run) PlainSearch(lib *corpus.Library) func(set string) (share float64, n int, err error) {
	b := plainSearchOf(lib)
	return func(set string) (float64, int, error) {
		cases, err := Load(os.DirFS(r.file(casesFolder)), set+".jsonl")
		if errors.Is(err, fs.ErrNotExist) {
			return 0, 0, nil // the run did not ask it
		}
		first, n := 0, 0
		for i := range cases {
			c := &cases[i]
			if c.Variant != Plain || len(c.ExpectedDocs) == 0 {
				continue
			}
			n++
			if ranked := b.rank(c.Question, 1); len(ranked) > 0 && c.expects(ranked[0].Document) {
				first++
			}
		}
		return ratio(float64(first), float64(n)), n, err
	}
}

// Rate says of each question that expects a document, and that its author has not
// rated, how difficult it is for a search box: easy when plain BM25 finds the right
// document first, medium when among the first ten, else hard. Variants are as
// difficult as their plain case.
func Rate(cases []Case, lib *corpus.Library) {
	b := plainSearchOf(lib)
	rated := make(map[string]string)
	for i := range cases {
		if c := &cases[i]; c.Variant == Plain {
			rated[c.ID] = cmp.Or(c.Difficulty, b.rate(c))
		}
	}
	for i := range cases {
		cases[i].Difficulty = cmp.Or(cases[i].Difficulty, rated[cases[i].BaseID])
	}
}

// rate is the difficulty of one question; empty when it expects no document.
func (b *plainSearch) rate(c *Case) string {
	if !slices.ContainsFunc(c.ExpectedDocs, ExpectedDoc.answers) {
		return ""
	}
	at := slices.IndexFunc(b.rank(c.Question, 10), func(r pipeline.Retrieved) bool { return c.expects(r.Document) })
	switch {
	case at < 0:
		return "hard"
	case at > 0:
		return "medium"
	}
	return "easy"
}

// answers reports whether the document answers the question, alone or in part.
func (d ExpectedDoc) answers() bool { return d.Grade >= relevant }

// expects reports whether a document answers the question, alone or in part.
func (c *Case) expects(document string) bool {
	return slices.ContainsFunc(c.ExpectedDocs, func(d ExpectedDoc) bool { return d.Doc == document && d.answers() })
}
