package evaluation

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/internal/statistics"
	"troly/internal/trec"
	"troly/internal/vectorstore"
	"troly/internal/vietnamese"
)

// Collection is a foreign collection in BEIR's layout: documents we know nothing of,
// questions, and who judged what relevant. It measures the text analysis and the
// store apart from our own knowledge; the classifier, which is learned from that
// knowledge, has no part in it.
type Collection struct {
	FS      fs.FS
	Queries []trec.Query // those with judgements
	Qrels   trec.Qrels   // of these
	Unasked int          // judged queries whose text the collection lacks; they count nowhere
}

// OpenCollection reads the questions and judgements of a collection; documents are
// read when they are indexed. split names the file in qrels, "test" as a rule.
func OpenCollection(collection fs.FS, split string) (*Collection, error) {
	qrels, err := trec.Judgements(collection, split)
	if err != nil {
		return nil, err
	}
	all, err := trec.Queries(collection)
	if err != nil {
		return nil, err
	}
	c := &Collection{FS: collection, Qrels: make(trec.Qrels)}
	for _, q := range all {
		if qrels[q.ID] != nil {
			c.Queries = append(c.Queries, q)
			c.Qrels[q.ID] = qrels[q.ID]
		}
	}
	c.Unasked = len(qrels) - len(c.Qrels)
	if len(c.Queries) == 0 {
		return nil, fmt.Errorf("no query of queries.jsonl is judged in qrels/%s.tsv", split)
	}
	return c, nil
}

// Analysis says which parts of the text analysis take part; the zero value is all
// of them, each field takes one away. It is what an ablation table varies.
type Analysis struct {
	Name       string
	NoTitles   bool // titles are body text, no field of their own
	NoGlossary bool // shorthand is left as typed
	NoSynonyms bool // folk words do not bring official ones
	NoRestorer bool // diacritics and spelling are left as typed
	Retrieval  retrieval.Options
}

// Analyses are the whole analysis, and it with one part taken away at a time.
func Analyses() []Analysis {
	return []Analysis{
		{Name: "full"},
		{Name: "titles-as-body", NoTitles: true},
		{Name: "no-shorthand", NoGlossary: true},
		{Name: "no-synonyms", NoSynonyms: true},
		{Name: "no-restoring", NoRestorer: true},
	}
}

// batch is how many documents are written to the store at once.
const batch = 1000

// Index writes the documents of the collection to store and returns how many there
// are. progress, which may be nil, is told the number after each thousand.
func (c *Collection) Index(ctx context.Context, store vectorstore.Store, a Analysis, progress func(done int)) (int, error) {
	mean, err := c.meanLength(a)
	if err != nil {
		return 0, err
	}
	encoder := retrieval.NewTextEncoder(mean)
	points := make([]vectorstore.Point, 0, batch)
	done := 0
	flush := func() error {
		if err := store.Upsert(ctx, points); err != nil {
			return fmt.Errorf("index collection: %w", err)
		}
		done += len(points)
		points = points[:0]
		if progress != nil {
			progress(done)
		}
		return ctx.Err()
	}
	for d, err := range trec.Documents(c.FS) {
		if err != nil {
			return done, err
		}
		chunk := a.chunk(d)
		points = append(points, vectorstore.Point{ID: d.ID, Document: d.ID, Section: chunk.Section, Sparse: encoder.EncodeChunk(chunk)})
		if len(points) == batch {
			if err := flush(); err != nil {
				return done, err
			}
		}
	}
	return done, flush()
}

// meanLength is how many syllables the documents have on average: what BM25 holds
// the length of each against. They are read once for it and once to be indexed, since
// a large collection does not fit in memory.
func (c *Collection) meanLength(a Analysis) (float64, error) {
	var tokens []vietnamese.Token
	syllables, n := 0, 0
	for d, err := range trec.Documents(c.FS) {
		if err != nil {
			return 0, err
		}
		tokens = vietnamese.Tokenize(tokens[:0], a.chunk(d).Text)
		syllables += len(tokens)
		n++
	}
	return float64(max(syllables, 1)) / float64(max(n, 1)), nil
}

// chunk is a foreign document as one section of ours.
func (a Analysis) chunk(d trec.Document) corpus.Chunk {
	c := corpus.Chunk{ID: d.ID, Document: d.ID, Section: "text", Title: vietnamese.Normalize(d.Title), Text: vietnamese.Normalize(d.Text)}
	if a.NoTitles {
		c.Title, c.Text = "", strings.TrimSpace(c.Title+"\n"+c.Text)
	}
	return c
}

// Searcher asks the questions of a collection.
type Searcher struct {
	retriever *retrieval.Retriever
	glossary  *vietnamese.Glossary
	restorer  *vietnamese.Restorer
	analysis  Analysis
}

// NewSearcher searches a store that Index has filled, and returns up to depth
// documents a question.
func NewSearcher(lib *corpus.Library, store vectorstore.Store, a Analysis, depth int) *Searcher {
	a.Retrieval.Documents = depth
	return &Searcher{
		retriever: retrieval.New(lib, store, nil, a.Retrieval),
		glossary:  vietnamese.NewGlossary(lib.Glossary),
		restorer:  vietnamese.NewRestorer(lib.Vocabulary),
		analysis:  a,
	}
}

// query understands a question as the assistant does, short of what needs our own
// documents.
func (s *Searcher) query(text string) retrieval.Query {
	text = vietnamese.Normalize(text)
	typed := text
	accented := !vietnamese.MissingDiacritics(text)
	if !s.analysis.NoGlossary {
		text = s.glossary.Expand(text)
	}
	if !s.analysis.NoRestorer {
		text = s.restorer.RestoreExpanded(text, typed)
	}
	q := retrieval.Query{Text: text, Typed: typed, Accented: accented}
	if !s.analysis.NoSynonyms {
		for _, e := range s.glossary.Synonyms(q.Text, !accented) {
			q.Synonyms = append(q.Synonyms, e.Means...)
		}
	}
	return q
}

// search returns what is found for one question, best first.
func (s *Searcher) search(ctx context.Context, text string) ([]trec.Result, error) {
	found, err := s.retriever.Search(ctx, s.query(text))
	if err != nil {
		return nil, err
	}
	results := make([]trec.Result, len(found.Documents))
	for i, d := range found.Documents {
		results[i] = trec.Result{Document: d.ID, Score: d.Score}
	}
	return results, nil
}

// typed is a question as a variant types it.
func typed(q trec.Query, v Variant, seed uint64) string {
	if v == Plain {
		return q.Text
	}
	made, _ := Perturb(Case{BaseID: q.ID, Question: q.Text}, v, seed)
	return made.Question
}

// CollectionRun is what one way of typing the questions found.
type CollectionRun struct {
	Variant Variant
	Run     trec.Run
	Report  *trec.Report
	Took    []time.Duration // of each question, in the order of the collection
}

// Ask asks all questions as a variant types them, the same with the same seed, and
// measures what is found. A question the assistant finds nothing for counts as 0.
func (c *Collection) Ask(ctx context.Context, s *Searcher, v Variant, seed uint64, measures []trec.Measure, progress func(done, total int)) (*CollectionRun, error) {
	r := &CollectionRun{Variant: v, Run: make(trec.Run, len(c.Queries))}
	for i, q := range c.Queries {
		start := time.Now()
		results, err := s.search(ctx, typed(q, v, seed))
		if err != nil {
			return nil, fmt.Errorf("query %q: %w", q.ID, err)
		}
		r.Took = append(r.Took, time.Since(start))
		r.Run[q.ID] = results
		if progress != nil {
			progress(i+1, len(c.Queries))
		}
	}
	var err error
	r.Report, err = trec.Evaluate(c.Qrels, r.Run, measures, trec.Options{})
	return r, err
}

// Latency is the p-quantile of the time a question took, in milliseconds.
func (r *CollectionRun) Latency(p float64) float64 {
	ms := make([]float64, len(r.Took))
	for i, t := range r.Took {
		ms[i] = t.Seconds() * 1000
	}
	return statistics.NearestRank(ms, p)
}

// AskBaseline asks a plain BM25 index of whole documents the same questions, for
// comparison (see plainSearch).
func (c *Collection) AskBaseline(v Variant, seed uint64, measures []trec.Measure, depth int) (*CollectionRun, error) {
	b := newPlainSearch()
	for d, err := range trec.Documents(c.FS) {
		if err != nil {
			return nil, err
		}
		b.add(d.ID, d.Title+"\n"+d.Text)
	}
	r := &CollectionRun{Variant: v, Run: make(trec.Run, len(c.Queries))}
	for _, q := range c.Queries {
		for _, found := range b.rank(typed(q, v, seed), depth) {
			r.Run[q.ID] = append(r.Run[q.ID], trec.Result{Document: found.Document, Score: found.Score})
		}
	}
	var err error
	r.Report, err = trec.Evaluate(c.Qrels, r.Run, measures, trec.Options{})
	return r, err
}
