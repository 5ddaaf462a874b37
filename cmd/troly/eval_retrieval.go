package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"troly/internal/corpus"
	"troly/internal/evaluation"
	"troly/internal/qdrant"
	"troly/internal/retrieval"
	"troly/internal/statistics"
	"troly/internal/trec"
	"troly/internal/vectorstore"
)

// retrievalEval is one run of eval retrieval.
type retrievalEval struct {
	con      *console
	dir      string
	split    string
	store    string
	out      string
	variants []string
	metrics  []string
	depth    int
	seed     uint64
	analyzer string
	ablate   bool
	asJSON   bool
	qdrant   qdrantSettings

	lib        *corpus.Library
	collection *evaluation.Collection
	measures   []trec.Measure
}

func evalRetrievalCommand(con *console, opts *options) *cobra.Command {
	e := &retrievalEval{con: con}
	cmd := &cobra.Command{
		Use:   "retrieval --beir DIR",
		Short: "Measure text analysis and search on a foreign collection",
		Long: `Retrieval indexes the documents of a collection in BEIR's layout (corpus.jsonl,
queries.jsonl, qrels/SPLIT.tsv) with the assistant's own text analysis and store,
asks its questions as written and as people mistype them, and measures what is
found as trec_eval does: equal scores by document ID downwards, questions without a
result count as 0. --out keeps run files that trec_eval reads.`,
		Example: "  troly eval retrieval --beir ./scifact\n  troly eval retrieval --beir ./tthc --variants plain,no_diacritics,typo --out runs/tthc\n  troly eval retrieval --beir ./tthc --ablate",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := e.open(opts); err != nil {
				return err
			}
			run := e.measure
			if e.ablate {
				run = e.printAblation
			}
			return interrupted(cmd.Context(), run(cmd.Context()), "finished run files are kept")
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.dir, "beir", "", "folder of the collection")
	f.StringVar(&e.split, "split", "test", "judgements to use: the name of a file in qrels")
	f.StringVar(&e.store, "store", "embedded", "store to index in: embedded, or qdrant (the server of QDRANT_URL, in a collection that is deleted at the end)")
	f.StringVar(&e.out, "out", "", "also write run files, judgements and figures to this folder")
	f.StringSliceVar(&e.variants, "variants", []string{"plain", "no_diacritics"}, "ways of typing the questions")
	f.StringSliceVar(&e.metrics, "metrics", []string{"ndcg@10", "recall@1", "recall@5", "recall@10", "recall@100", "mrr@10", "map"}, "measures")
	f.IntVar(&e.depth, "depth", 100, "documents looked at for each question, 1 to 1000")
	f.Uint64Var(&e.seed, "seed", 1, "seed of the slips of the keyboard")
	f.StringVar(&e.analyzer, "analyzer", "full", "text analysis: full, or without a part: "+strings.Join(analyzerNames()[1:], ", "))
	f.BoolVar(&e.ablate, "ablate", false, "measure what each part of the analysis adds, by the first of --metrics")
	f.BoolVar(&e.asJSON, "json", false, "print the figures as JSON")
	return cmd
}

// open checks the flags and reads questions, judgements and our own knowledge, whose
// words and glossary the analysis uses.
func (e *retrievalEval) open(opts *options) error {
	var err error
	switch {
	case e.dir == "":
		return usageError{fmt.Errorf("eval retrieval: name the folder of the collection with --beir")}
	case e.store != "embedded" && e.store != "qdrant":
		return usageError{fmt.Errorf("--store %q: write embedded or qdrant", e.store)}
	case !slices.Contains(analyzerNames(), e.analyzer):
		return usageError{fmt.Errorf("--analyzer %q: write one of %s", e.analyzer, strings.Join(analyzerNames(), ", "))}
	case e.depth < 1 || e.depth > vectorstore.MaxLimit:
		return usageError{fmt.Errorf("--depth %d: write a number from 1 to %d", e.depth, vectorstore.MaxLimit)}
	}
	for _, v := range e.variants {
		if v != string(evaluation.Plain) && !slices.Contains(evaluation.Perturbed, evaluation.Variant(v)) {
			return usageError{fmt.Errorf("--variants %q: write plain or one of %v", v, evaluation.Perturbed)}
		}
	}
	if e.measures, err = trec.ParseMeasures(e.metrics...); err != nil {
		return usageError{fmt.Errorf("--metrics: %w", err)}
	}
	if len(e.measures) == 0 || len(e.variants) == 0 {
		return usageError{fmt.Errorf("eval retrieval: --metrics and --variants need at least one name")}
	}
	if e.collection, err = evaluation.OpenCollection(os.DirFS(e.dir), e.split); err != nil {
		return usageError{fmt.Errorf("--beir %s: %w", e.dir, err)}
	}
	if n := e.collection.Unasked; n > 0 {
		fmt.Fprintf(e.con.err, "%d judged queries are not in queries.jsonl and are left out\n", n)
	}
	s, err := readSettings(opts)
	if err != nil {
		return err
	}
	if e.qdrant = s.Qdrant; e.store == "qdrant" && e.qdrant.URL == "" {
		return usageError{fmt.Errorf("--store qdrant: set QDRANT_URL, for example http://127.0.0.1:6334")}
	}
	e.lib, err = s.library(e.con)
	return err
}

func analyzerNames() []string {
	var names []string
	for _, a := range evaluation.Analyses() {
		names = append(names, a.Name)
	}
	return names
}

// analysis is the chosen one.
func (e *retrievalEval) analysis() evaluation.Analysis {
	return evaluation.Analyses()[slices.Index(analyzerNames(), e.analyzer)]
}

// indexed is a filled store and what filling it took; remove leaves nothing of it.
type indexed struct {
	store     vectorstore.Store
	documents int
	took      time.Duration
	remove    func() error
}

// index fills a new store: in memory, or a collection of its own in Qdrant.
func (e *retrievalEval) index(ctx context.Context, a evaluation.Analysis) (indexed, error) {
	if e.store == "qdrant" {
		return e.indexQdrant(ctx, a)
	}
	store, note := vectorstore.OpenEmbedded(ctx, "", retrieval.Schema(0))
	if note != nil {
		return indexed{}, note
	}
	start := time.Now()
	n, err := e.fill(ctx, store, a)
	if err == nil {
		_, err = store.Search(ctx, nil) // builds the index
	}
	return indexed{store, n, time.Since(start), store.Close}, err
}

// indexQdrant names the collection by chance: runs beside each other, and the points
// of the knowledge, are not touched.
func (e *retrievalEval) indexQdrant(ctx context.Context, a evaluation.Analysis) (indexed, error) {
	const patience = time.Minute // of one search: it is measured, nobody waits for it
	q := e.qdrant
	store, err := qdrant.New(qdrant.Options{
		URL: q.URL, APIKey: q.APIKey, Collection: q.Collection + "-beir-" + strings.ToLower(rand.Text()[:12]), Shards: q.Shards, Replicas: q.Replicas,
		WriteConsistency: q.WriteConsistency, Version: a.Name, Schema: retrieval.Schema(0), SearchIn: patience,
	})
	if err != nil {
		return indexed{}, err
	}
	index := indexed{store: store, remove: func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if err := store.Drop(ctx); err != nil {
			return errors.Join(fmt.Errorf("%s is left behind in Qdrant: %w", store.Collection(), err), store.Close())
		}
		return store.Close()
	}}
	start := time.Now()
	if err := store.Create(ctx, nil); err != nil {
		return indexed{}, errors.Join(err, store.Close())
	}
	index.documents, err = e.fill(ctx, store, a)
	var written map[string]string
	if err == nil {
		written, err = store.Hashes(ctx)
	}
	if err == nil && len(written) != index.documents {
		err = fmt.Errorf("only %d of %d documents are in Qdrant", len(written), index.documents)
	}
	if err == nil {
		err = store.Publish(ctx, written)
	}
	index.took = time.Since(start)
	if err != nil {
		return indexed{}, errors.Join(err, index.remove())
	}
	return index, nil
}

// fill writes the documents of the collection to a store and tells how far it is.
func (e *retrievalEval) fill(ctx context.Context, store vectorstore.Store, a evaluation.Analysis) (int, error) {
	_, live := terminal(e.con.err)
	start := time.Now()
	n, err := e.collection.Index(ctx, store, a, func(done int) {
		if live {
			fmt.Fprintf(e.con.err, "\r%d documents indexed, %.0f a second", done, float64(done)/time.Since(start).Seconds())
		}
	})
	if live {
		fmt.Fprintln(e.con.err)
	}
	return n, err
}

// retrievalFigures is what --json prints and figures.json holds.
type retrievalFigures struct {
	Collection    string           `json:"collection"`
	Documents     int              `json:"documents"`
	Queries       int              `json:"queries"`
	Store         string           `json:"store"`
	Analysis      string           `json:"analysis"`
	Build         string           `json:"build"`
	Knowledge     string           `json:"knowledge"`
	Seed          uint64           `json:"seed"`
	IndexSeconds  float64          `json:"index_seconds"`
	IndexedPerSec float64          `json:"indexed_per_second"`
	MemoryMiB     uint64           `json:"memory_mib"` // taken from the system, index and all
	Variants      []variantFigures `json:"variants"`
}

type variantFigures struct {
	Variant   evaluation.Variant             `json:"variant"`
	Metrics   map[string]statistics.Estimate `json:"metrics"`
	LatencyMS map[string]float64             `json:"latency_ms"` // of one question, p50 and p95
	Missing   []string                       `json:"missing"`    // questions nothing was found for
}

func (e *retrievalEval) measure(ctx context.Context) (err error) {
	analysis := e.analysis()
	index, err := e.index(ctx, analysis)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, index.remove()) }()
	figures := retrievalFigures{
		Collection: filepath.Base(filepath.Clean(e.dir)), Documents: index.documents, Queries: len(e.collection.Queries), Store: e.store,
		Analysis: analysis.Name, Build: buildVersion(), Knowledge: e.lib.Version, Seed: e.seed,
		IndexSeconds: index.took.Seconds(), IndexedPerSec: float64(index.documents) / index.took.Seconds(),
	}
	searcher := evaluation.NewSearcher(e.lib, index.store, analysis, e.depth)
	for _, v := range e.variants {
		run, err := e.collection.Ask(ctx, searcher, evaluation.Variant(v), e.seed, e.measures, e.con.progress)
		if err != nil {
			return err
		}
		figures.Variants = append(figures.Variants, figuresOf(run))
		if err := e.keep(run); err != nil {
			return err
		}
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	figures.MemoryMiB = memory.Sys >> 20
	if e.out != "" {
		if err := writeJSONFile(filepath.Join(e.out, "figures.json"), figures); err != nil {
			return err
		}
	}
	if e.asJSON {
		return e.con.json(figures)
	}
	return figures.print(e.con.out, e.metrics)
}

func figuresOf(run *evaluation.CollectionRun) variantFigures {
	f := variantFigures{
		Variant: run.Variant, Metrics: make(map[string]statistics.Estimate), Missing: run.Report.Missing,
		LatencyMS: map[string]float64{"p50": run.Latency(0.5), "p95": run.Latency(0.95)},
	}
	for i, m := range run.Report.Measures {
		f.Metrics[m.String()] = run.Report.Mean(i)
	}
	return f
}

// print lays the figures out: a row a measure, a column a way of typing.
func (f retrievalFigures) print(out io.Writer, metrics []string) error {
	fmt.Fprintf(out, "%s: %d documents indexed in %.1f s (%.0f a second), %d questions, %d MiB\n", f.Collection, f.Documents, f.IndexSeconds, f.IndexedPerSec, f.Queries, f.MemoryMiB)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprint(w, "MEASURE")
	for _, v := range f.Variants {
		fmt.Fprintf(w, "\t%s", strings.ToUpper(string(v.Variant)))
	}
	fmt.Fprintln(w)
	for _, m := range metrics {
		fmt.Fprint(w, m)
		for _, v := range f.Variants {
			fmt.Fprintf(w, "\t%.3f %s", v.Metrics[m].Mean, shareInterval(v.Metrics[m].Interval))
		}
		fmt.Fprintln(w)
	}
	for _, p := range []string{"p50", "p95"} {
		fmt.Fprintf(w, "ms a question, %s", p)
		for _, v := range f.Variants {
			fmt.Fprintf(w, "\t%.2f", v.LatencyMS[p])
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "nothing found for")
	for _, v := range f.Variants {
		fmt.Fprintf(w, "\t%d", len(v.Missing))
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// chance prints a p-value; the drawn tests cannot tell ones below 0.001 apart.
func chance(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// shareInterval cuts the interval of a share to [0, 1], for reading only.
func shareInterval(i *statistics.Interval) string {
	if i == nil {
		return ""
	}
	return statistics.Interval{Low: max(0, i.Low), High: min(1, i.High)}.String()
}

func intervalText(i *statistics.Interval) string {
	if i == nil {
		return ""
	}
	return i.String()
}

// keep writes the run file of a variant and, beside it, the judgements.
func (e *retrievalEval) keep(run *evaluation.CollectionRun) error {
	if e.out == "" {
		return nil
	}
	err := writeFileWith(filepath.Join(e.out, "run."+string(run.Variant)+".trec"), func(w io.Writer) error { return run.Run.WriteRun(w, "troly") })
	if err != nil {
		return err
	}
	return writeFileWith(filepath.Join(e.out, "qrels.trec"), e.collection.Qrels.WriteQrels)
}

// ablationRow is one line of the table: a figure and its distance from all parts.
type ablationRow struct {
	Analysis string                           `json:"analysis"`
	Values   map[string]statistics.Estimate   `json:"values"` // variant -> the measure
	Change   map[string]statistics.Comparison `json:"change,omitempty"`
}

// printAblation measures the analysis with one part taken away at a time, and plain
// BM25 beside it. Differences are paired by question and exploratory.
func (e *retrievalEval) printAblation(ctx context.Context) (err error) {
	e.measures = e.measures[:1]
	full := make(map[string][]float64)
	var rows []ablationRow
	add := func(name string, values func(v evaluation.Variant) (*evaluation.CollectionRun, error)) error {
		row := ablationRow{name, make(map[string]statistics.Estimate), make(map[string]statistics.Comparison)}
		for _, v := range e.variants {
			run, err := values(evaluation.Variant(v))
			if err != nil {
				return err
			}
			row.Values[v] = run.Report.Mean(0)
			if len(rows) == 0 {
				full[v] = run.Report.Values[0]
			} else {
				row.Change[v] = statistics.ComparePaired(differences(full[v], run.Report.Values[0]), e.seed)
			}
		}
		rows = append(rows, row)
		return nil
	}
	index := indexed{remove: func() error { return nil }}
	defer func() { err = errors.Join(err, index.remove()) }()
	for i, a := range evaluation.Analyses() {
		if i == 0 || a.NoTitles || index.store == nil {
			built, err := e.index(ctx, a)
			if err != nil {
				return err
			}
			if err := index.remove(); err != nil {
				return errors.Join(err, built.remove())
			}
			index = built
		}
		searcher := evaluation.NewSearcher(e.lib, index.store, a, e.depth)
		err := add(a.Name, func(v evaluation.Variant) (*evaluation.CollectionRun, error) {
			return e.collection.Ask(ctx, searcher, v, e.seed, e.measures, e.con.progress)
		})
		if err != nil {
			return err
		}
		if a.NoTitles {
			index.store = nil // the next ones want the ordinary index
		}
	}
	err = add("plain-bm25", func(v evaluation.Variant) (*evaluation.CollectionRun, error) {
		return e.collection.AskBaseline(v, e.seed, e.measures, e.depth)
	})
	if err != nil {
		return err
	}
	if e.asJSON {
		return e.con.json(rows)
	}
	return e.printRows(rows)
}

// differences are b minus a, position by position.
func differences(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = b[i] - a[i]
	}
	return d
}

func (e *retrievalEval) printRows(rows []ablationRow) error {
	w := tabwriter.NewWriter(e.con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%s", strings.ToUpper(e.measures[0].String()))
	for _, v := range e.variants {
		fmt.Fprintf(w, "\t%s\tCHANGE\tP", strings.ToUpper(v))
	}
	fmt.Fprintln(w)
	for _, row := range rows {
		fmt.Fprint(w, row.Analysis)
		for _, v := range e.variants {
			fmt.Fprintf(w, "\t%.3f", row.Values[v].Mean)
			if c, ok := row.Change[v]; ok {
				fmt.Fprintf(w, "\t%+.3f %s\t%s", c.Difference.Mean, intervalText(c.Difference.Interval), chance(c.P))
			} else {
				fmt.Fprint(w, "\t\t")
			}
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
