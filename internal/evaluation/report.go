package evaluation

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"troly/internal/corpus"
	"troly/internal/trec"
)

// Report is what files about a run are made from. Samples are read anew for each
// file, so that a run of any size can be reported.
type Report struct {
	Manifest   Manifest
	Summary    *Summary
	Samples    iter.Seq2[*Sample, error] // of what is right, texts may be missing
	Cases      iter.Seq2[*Case, error]   // made variants included
	Comparison *Comparison               // with a baseline; nil: none
	Verdicts   []Verdict                 // of gates; may be empty
	Library    *corpus.Library           // for the BEIR export; nil: none

	run *Run // nil: Samples are all there is
}

// NewReport reads what a report needs of a run; baseline may be nil.
func NewReport(run, baseline *Run) (*Report, error) {
	summary, err := Summarize(run)
	if err != nil {
		return nil, err
	}
	r := &Report{Manifest: run.Manifest, Summary: summary, Samples: run.Brief(), Cases: run.eachCase(), run: run}
	if baseline != nil {
		if r.Comparison, err = Compare(baseline, run, run.Manifest.Seed); err != nil {
			return nil, fmt.Errorf("baseline: %w", err)
		}
	}
	return r, nil
}

// formats of reports by the extension of their file; a folder, written with a slash
// at its end, is BEIR's layout.
func formats() map[string]func(*Report, io.Writer) error {
	return map[string]func(*Report, io.Writer) error{
		".json": (*Report).writeJSON, ".html": (*Report).writeHTML, ".md": (*Report).writeMarkdown, ".xml": (*Report).writeJUnit,
		".csv": (*Report).writeCSV, ".trec": (*Report).writeRun, ".qrels": (*Report).writeQrels,
	}
}

// CheckFormat reports whether Write knows the form of a file.
func CheckFormat(name string) error {
	if _, ok := formats()[filepath.Ext(name)]; ok || strings.HasSuffix(name, "/") {
		return nil
	}
	return fmt.Errorf("%s: no format has this extension; write .json, .html, .md, .xml (JUnit), .csv, .trec, .qrels, or a folder with / at its end (BEIR)", name)
}

// Write makes the file, or the folder, in the format of its extension. A file is
// replaced whole or not at all.
func (r *Report) Write(name string) error {
	if err := CheckFormat(name); err != nil {
		return err
	}
	if strings.HasSuffix(name, "/") {
		return r.writeBEIR(name)
	}
	return writeWith(name, func(w io.Writer) error { return formats()[filepath.Ext(name)](r, w) })
}

// writeWith replaces a file by what write prints, and makes its folder if need be.
func writeWith(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write report %s: %w", name, err)
	}
	return nil
}

func (r *Report) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r.Summary)
}

// metricNames are the metrics that the run has, in the order of reports.
func (r *Report) metricNames() []string {
	names := make([]string, len(r.Summary.Metrics))
	for i, m := range r.Summary.Metrics {
		names[i] = m.Name
	}
	return names
}

// writeCSV writes a row a sample and a column a metric; what was not measured is an
// empty cell. Texts are left out: samples.jsonl has them.
func (r *Report) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	metrics := r.metricNames()
	head := append([]string{"case", "base_id", "repeat", "set", "intent", "variant", "collection", "audience", "difficulty", "split", "status", "missed", "error"}, metrics...)
	if err := out.Write(head); err != nil {
		return err
	}
	for s, err := range r.Samples {
		if err != nil {
			return err
		}
		row := []string{s.Case, s.BaseID, strconv.Itoa(s.Repeat)}
		for _, label := range s.labels() {
			row = append(row, label[1])
		}
		row = append(row, string(s.Status), string(s.Missed), s.Error)
		for _, m := range metrics {
			cell := ""
			if v, ok := s.Metrics[m]; ok {
				cell = strconv.FormatFloat(v, 'g', -1, 64)
			}
			row = append(row, cell)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Queries and documents have names of their own kind in exports: tools that drop
// documents called like the query would spoil the figures otherwise.
const (
	queryPrefix    = "q:"
	documentPrefix = "d:"
)

// ranking is the run as trec_eval reads it: documents by their best section. Of
// repeats the first counts.
func (r *Report) ranking() (trec.Run, error) {
	run := make(trec.Run)
	samples := r.Samples
	if r.run != nil {
		samples = r.run.Samples()
	}
	for s, err := range samples {
		if err != nil {
			return nil, err
		}
		if s.Repeat > 0 || s.Error != "" {
			continue
		}
		results := make([]trec.Result, len(s.Retrieved))
		for i, found := range s.Retrieved {
			results[i] = trec.Result{Document: documentPrefix + found.Document, Score: found.Score}
		}
		run[queryPrefix+s.Case], _ = collapse(results)
	}
	return run, nil
}

func (r *Report) writeRun(w io.Writer) error {
	run, err := r.ranking()
	if err != nil {
		return err
	}
	return run.WriteRun(w, "troly")
}

// qrels are the judgements in the cases that expect a document.
func (r *Report) qrels() (trec.Qrels, error) {
	qrels := make(trec.Qrels)
	for c, err := range r.Cases {
		if err != nil {
			return nil, err
		}
		if len(c.ExpectedDocs) == 0 {
			continue
		}
		grades := make(map[string]int)
		for _, d := range c.ExpectedDocs {
			grades[documentPrefix+d.Doc] = max(grades[documentPrefix+d.Doc], d.Grade)
		}
		qrels[queryPrefix+c.ID] = grades
	}
	return qrels, nil
}

func (r *Report) writeQrels(w io.Writer) error {
	qrels, err := r.qrels()
	if err != nil {
		return err
	}
	return qrels.WriteQrels(w)
}

// casesNamed returns those cases of the run that are wanted, by ID.
func (r *Report) casesNamed(wanted map[string]bool) (map[string]*Case, error) {
	if r.run != nil {
		return r.run.casesNamed(wanted)
	}
	found := make(map[string]*Case, len(wanted))
	for c, err := range r.Cases {
		if err != nil {
			return nil, err
		}
		if wanted[c.ID] {
			one := *c // not the set it lies in
			found[c.ID] = &one
		}
	}
	return found, nil
}

// writeBEIR writes knowledge, questions and judgements as a collection that other
// systems can be measured on.
func (r *Report) writeBEIR(dir string) error {
	if r.Library == nil {
		return fmt.Errorf("write %s: a BEIR collection needs the knowledge", dir)
	}
	var documents []trec.Document
	for _, d := range r.Library.Documents {
		documents = append(documents, trec.Document{ID: documentPrefix + d.ID, Title: d.Title, Text: strings.TrimSpace(wholeText(r.Library, d))})
	}
	var queries []trec.Query
	for c, err := range r.Cases {
		if err != nil {
			return err
		}
		if len(c.ExpectedDocs) > 0 {
			queries = append(queries, trec.Query{ID: queryPrefix + c.ID, Text: c.Question})
		}
	}
	qrels, err := r.qrels()
	if err != nil {
		return err
	}
	slices.SortFunc(queries, func(a, b trec.Query) int { return strings.Compare(a.ID, b.ID) })
	for name, write := range map[string]func(io.Writer) error{
		"corpus.jsonl":   func(w io.Writer) error { return trec.WriteJSONLines(w, documents) },
		"queries.jsonl":  func(w io.Writer) error { return trec.WriteJSONLines(w, queries) },
		"qrels/test.tsv": qrels.WriteJudgements,
	} {
		if err := writeWith(filepath.Join(dir, name), write); err != nil {
			return err
		}
	}
	return nil
}
