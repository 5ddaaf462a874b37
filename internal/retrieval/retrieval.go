// Package retrieval finds the documents, and the sections in them, that a
// question is about. A lexical leg (BM25 over names, asked questions and sections,
// with and without diacritics) and, with an embedder, a dense leg are searched in
// one round trip and fused. It leaves deciding whether the best is good enough to
// package pipeline.
package retrieval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"troly/internal/corpus"
	"troly/internal/llm"
	"troly/internal/vectorstore"
	"troly/internal/vietnamese"
)

// Query is a question as package pipeline understood it.
type Query struct {
	Text     string   // normalised, shorthand written out, marks restored, typos repaired
	Typed    string   // only normalised: a word that Text changes is looked for as it was typed too
	Accented bool     // typed with diacritics
	Synonyms []string // official words for the folk words of the question
	Coded    string   // the document whose procedure code the question gives: it comes first
	Named    []string // documents the question names, the clearest first
	Bare     bool     // the question says hardly more than the name of the first of them
	Context  []string // documents of the dialogue, for a question that leans on it
	Audience string
}

// Result is what was found, best first.
type Result struct {
	Documents []Document
	Degraded  []string // legs that failed and were done without, in words fit for anybody
}

// Document is one found document with its best sections.
type Document struct {
	ID          string
	Score       float64 // comparable within one result only
	Probability float64 // of the classifier: that the question is about this document rather than any other or an outside matter
	Sections    []Section
}

// Section is one found section, best first in its document.
type Section struct {
	ID    string
	Score float64
}

// Options are the weights of a search; the zero value of each field means its
// default, in brackets. All were chosen on the project's own question sets.
type Options struct {
	AskedWeight   float64 // of the best asked question beside the best section (1.1)
	SecondAsked   float64 // of the second-best asked question (0.25)
	ProfileWeight float64 // of all asked questions together (1.5)
	ClassWeight   float64 // of the classifier beside the words (1)
	SynonymWeight float64 // of an official word the question does not have (0.8)
	NamedBoost    float64 // for the document named, as a share of the best score (0.1)
	BareBoost     float64 // likewise more, when the question says hardly more than the name (0.8)
	ContextBoost  float64 // for the document of the dialogue, likewise (1.2)
	DenseWeight   float64 // of the dense leg beside the words (0.3)
	Documents     int     // returned at most (10)
	Sections      int     // of each at most (5)
}

func (o Options) withDefaults() Options {
	set := func(field *float64, value float64) {
		if *field == 0 {
			*field = value
		}
	}
	set(&o.AskedWeight, 1.1)
	set(&o.SecondAsked, 0.25)
	set(&o.ProfileWeight, 1.5)
	set(&o.ClassWeight, 1)
	set(&o.SynonymWeight, 0.8)
	set(&o.NamedBoost, 0.1)
	set(&o.BareBoost, 0.8)
	set(&o.ContextBoost, 1.2)
	set(&o.DenseWeight, 0.3)
	if o.Documents == 0 {
		o.Documents = 10
	}
	if o.Sections == 0 {
		o.Sections = 5
	}
	return o
}

// Retriever searches one store.
type Retriever struct {
	features, foldedFeatures featurizer
	store                    vectorstore.Searcher
	embedder                 llm.Embedder
	opts                     Options
	stop                     *stopWords
}

// New returns a retriever; embedder may be nil: then only words are searched.
func New(lib *corpus.Library, store vectorstore.Searcher, embedder llm.Embedder, opts Options) *Retriever {
	return &Retriever{features: newFeaturizer(lib, false), foldedFeatures: newFeaturizer(lib, true), store: store, embedder: embedder, opts: opts.withDefaults(), stop: newStopWords()}
}

// How many hits each leg is asked for: enough that every document with a fair
// section is among them.
const (
	textHits  = 200
	askedHits = 100
	denseHits = 100
)

// Search finds what a query is about. A dense leg that fails is done without and
// named in Degraded, as is a store that another one had to stand in for; err means
// that nothing could be searched.
func (r *Retriever) Search(ctx context.Context, q Query) (Result, error) {
	var result Result
	queries := r.lexical(q)
	if r.embedder != nil {
		if vectors, err := r.embedder.Embed(ctx, []string{q.Text}, true); err != nil {
			result.Degraded = append(result.Degraded, "embedding: "+string(llm.KindOf(err)))
		} else {
			queries = append(queries, vectorstore.Query{Using: vectorstore.DenseName, Dense: vectors[0], Limit: denseHits, Filter: filterOf(q)})
		}
	}
	hits, err := r.store.Search(ctx, queries)
	if errors.Is(err, vectorstore.ErrDegraded) {
		result.Degraded = append(result.Degraded, err.Error())
	} else if err != nil {
		return Result{}, fmt.Errorf("search: %w", err)
	}
	documents := r.collect(hits[0], hits[1], hits[2])
	documents = r.classify(documents, q, hits[3], hits[4])
	if len(hits) > 5 {
		documents = r.addDense(documents, hits[5])
	}
	for _, id := range slices.Concat(q.Context, []string{q.Coded}) {
		if id != "" && !slices.ContainsFunc(documents, func(d *Document) bool { return d.ID == id }) {
			documents = append(documents, &Document{ID: id}) // the question has no word of what it leans on
		}
	}
	r.boost(documents, q)
	slices.SortStableFunc(documents, func(a, b *Document) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	for _, d := range documents[:min(len(documents), r.opts.Documents)] {
		result.Documents = append(result.Documents, r.finish(*d))
	}
	return result, nil
}

func filterOf(q Query) vectorstore.Filter { return vectorstore.Filter{Audience: q.Audience} }

// lexical makes the two sparse queries.
func (r *Retriever) lexical(q Query) []vectorstore.Query {
	terms := r.terms(q)
	text, asked := accentedText, accentedAsked
	if !q.Accented {
		text, asked = foldedText, foldedAsked
	}
	return []vectorstore.Query{
		{Using: textVector, Sparse: textFields.Encoder().Query(terms, text), Limit: textHits, Filter: filterOf(q)},
		{Using: askedVector, Sparse: askedFields.Encoder().Query(terms, asked), Limit: askedHits, Filter: filterOf(q)},
		{Using: profileVector, Sparse: profileFields.Encoder().Query(terms, asked), Limit: askedHits, Filter: filterOf(q)},
		{Using: classAccented, Sparse: r.features.sparse(q.Text), Limit: vectorstore.MaxLimit, Filter: filterOf(q)},
		{Using: classFolded, Sparse: r.foldedFeatures.sparse(q.Text), Limit: vectorstore.MaxLimit, Filter: filterOf(q)},
	}
}

// stopWeight is what the words count that only dress a question: enough to tell
// equals apart.
const stopWeight = 0.3

// maxTerms bounds the work a long question causes; longer ones keep their beginning.
const maxTerms = 96

// terms are the words of the question, those it was typed with, and the official
// words for its folk words.
func (r *Retriever) terms(q Query) []vectorstore.Term {
	tokens := vietnamese.Tokenize(nil, q.Text)
	var terms []vectorstore.Term
	for i, stopped := range r.stop.mark(tokens) {
		weight := 1.0
		if stopped {
			weight = stopWeight
		}
		terms = append(terms, vectorstore.Term{Token: tokens[i], Weight: weight, Break: i == 0})
	}
	terms = append(terms, r.typed(q.Typed, tokens)...)
	for _, phrase := range q.Synonyms {
		for i, t := range vietnamese.Tokenize(nil, phrase) {
			terms = append(terms, vectorstore.Term{Token: t, Weight: r.opts.SynonymWeight, Break: i == 0})
		}
	}
	return terms[:min(len(terms), maxTerms)]
}

// typed are the words of a question as typed that tokens, its repaired words, lack:
// a name or a foreign word may have been taken for a slip. Each stands between its
// neighbours, so that the pairs it forms are looked for too; words that are there
// twice count once.
func (r *Retriever) typed(text string, tokens []vietnamese.Token) []vectorstore.Term {
	written := vietnamese.Tokenize(nil, text)
	stopped := r.stop.mark(written)
	var terms []vectorstore.Term
	last := -1 // the place in written of the last term
	take := func(i int, weight float64) {
		if i > last && i < len(written) {
			terms = append(terms, vectorstore.Term{Token: written[i], Weight: weight, Break: i == 0 || i > last+1})
			last = i
		}
	}
	for i, t := range written {
		if stopped[i] || slices.ContainsFunc(tokens, func(u vietnamese.Token) bool { return u.Folded == t.Folded }) {
			continue
		}
		take(i-1, stopWeight)
		take(i, 1)
		take(i+1, stopWeight)
	}
	return terms
}

// collect groups the hits of the lexical leg by document: the best section and the
// best two asked questions make the score.
func (r *Retriever) collect(text, asked, profile []vectorstore.Hit) []*Document {
	byID := make(map[string]*Document)
	var documents []*Document
	get := func(id string) *Document {
		d := byID[id]
		if d == nil {
			d = &Document{ID: id}
			byID[id] = d
			documents = append(documents, d)
		}
		return d
	}
	for _, h := range text {
		d := get(h.Document)
		if len(d.Sections) == 0 {
			d.Score += h.Score
		}
		if !slices.ContainsFunc(d.Sections, func(s Section) bool { return s.ID == h.Section }) {
			d.Sections = append(d.Sections, Section{h.Section, h.Score})
		}
	}
	seen := make(map[string]int)
	for _, h := range asked {
		switch seen[h.Document]++; seen[h.Document] {
		case 1:
			get(h.Document).Score += r.opts.AskedWeight * h.Score
		case 2:
			get(h.Document).Score += r.opts.SecondAsked * h.Score
		}
	}
	for _, h := range profile {
		get(h.Document).Score += r.opts.ProfileWeight * h.Score
	}
	return documents
}

// unseenClasses stands for the classes with no evidence at all, which a search does
// not return: e to the 0 for each of that many.
const unseenClasses = 100

// classify adds what the classifier says, on the scale of the lexical scores: each
// counts by its share of the best.
func (r *Retriever) classify(documents []*Document, q Query, accented, folded []vectorstore.Hit) []*Document {
	scores := make(map[string]float64)
	share := 0.5 // of the folded classifier: half when restored marks may be wrong
	if q.Accented {
		share = 0.2
	}
	for _, h := range accented {
		scores[h.Document] += (1 - share) * h.Score
	}
	for _, h := range folded {
		scores[h.Document] += share * h.Score
	}
	best, bestClass := 0.0, 0.0
	for _, d := range documents {
		best = max(best, d.Score)
	}
	for _, s := range scores {
		bestClass = max(bestClass, s)
	}
	if best == 0 {
		best = 1
	}
	sum := math.Exp(-bestClass) * unseenClasses
	for _, s := range scores {
		sum += math.Exp(s - bestClass)
	}
	for _, d := range documents {
		d.Score /= best
		if s, ok := scores[d.ID]; ok {
			d.Score += r.opts.ClassWeight * s / bestClass
			d.Probability = math.Exp(s-bestClass) / sum
			delete(scores, d.ID)
		}
	}
	for id, s := range scores {
		documents = append(documents, &Document{ID: id, Probability: math.Exp(s-bestClass) / sum, Score: r.opts.ClassWeight * s / bestClass})
	}
	return documents
}

// addDense adds the dense leg to the lexical scores, document by document: each counts
// by how far its best chunk stands above the last hit, as a share of the best. Joined
// by rank instead, as likely as the words, embeddings of multilingual-e5-small lost a
// tenth of the residents' documents; see DenseWeight.
func (r *Retriever) addDense(documents []*Document, dense []vectorstore.Hit) []*Document {
	if len(dense) == 0 {
		return documents
	}
	byID := make(map[string]*Document, len(documents))
	for _, d := range documents {
		byID[d.ID] = d
	}
	seen := make(map[string]bool)
	last := dense[len(dense)-1].Score
	above := max(dense[0].Score-last, math.SmallestNonzeroFloat64) // equal hits tell nothing
	for _, h := range dense {
		d := byID[h.Document]
		if d == nil {
			d = &Document{ID: h.Document}
			byID[h.Document] = d
			documents = append(documents, d)
		}
		if h.Section != corpus.AskedSection && h.Section != corpus.ProfileSection && !slices.ContainsFunc(d.Sections, func(s Section) bool { return s.ID == h.Section }) {
			d.Sections = append(d.Sections, Section{h.Section, 0})
		}
		if !seen[h.Document] {
			seen[h.Document] = true
			d.Score += r.opts.DenseWeight * (h.Score - last) / above
		}
	}
	return documents
}

// boost lifts the documents that the question names or leans on.
func (r *Retriever) boost(documents []*Document, q Query) {
	best := 0.0
	for _, d := range documents {
		best = max(best, d.Score)
	}
	for _, d := range documents {
		if at := slices.Index(q.Named, d.ID); at >= 0 {
			d.Score += best * r.opts.NamedBoost / float64(1+at)
			if q.Bare && at == 0 {
				d.Score += best * r.opts.BareBoost
			}
		}
		if d.ID == q.Coded {
			d.Score += best
		}
		if at := slices.Index(q.Context, d.ID); at >= 0 {
			d.Score += best * r.opts.ContextBoost / float64(1+at)
		}
	}
}

// finish cuts the sections and scales their scores below the document's, so that
// the best section of the best document is the best of all.
func (r *Retriever) finish(d Document) Document {
	if len(d.Sections) == 0 {
		d.Sections = []Section{{ID: "tom-tat"}}
	}
	d.Sections = d.Sections[:min(len(d.Sections), r.opts.Sections)]
	first := d.Sections[0].Score
	for i := range d.Sections {
		share := 1.0
		if first > 0 {
			share = d.Sections[i].Score / first
		}
		d.Sections[i].Score = d.Score * share
	}
	return d
}

// Content returns the tokens of a question that say what it is about: without
// courtesies, pronouns, and the words that ask for a fee, a time or a place.
func (r *Retriever) Content(text string) []vietnamese.Token {
	return r.stop.content(vietnamese.Tokenize(nil, text))
}
