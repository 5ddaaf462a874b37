package trec

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
)

// Document is one line of the corpus.jsonl of a BEIR collection.
type Document struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Query is one line of its queries.jsonl.
type Query struct {
	ID   string `json:"_id"`
	Text string `json:"text"`
}

// Documents reads corpus.jsonl one document at a time, so that a collection of any
// size can be indexed. It ends after the first error, which names the line: what is
// not JSON, an ID that is empty or there twice.
func Documents(collection fs.FS) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		seen := make(map[string]bool)
		err := eachJSON(collection, "corpus.jsonl", func(d Document) error {
			if err := once(seen, d.ID); err != nil {
				return err
			}
			if !yield(d, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Document{}, err)
		}
	}
}

// errStop says that the reader of Documents has had enough.
var errStop = errors.New("stop")

// Queries reads queries.jsonl.
func Queries(collection fs.FS) ([]Query, error) {
	var queries []Query
	seen := make(map[string]bool)
	err := eachJSON(collection, "queries.jsonl", func(q Query) error {
		queries = append(queries, q)
		return once(seen, q.ID)
	})
	return queries, err
}

func once(seen map[string]bool, id string) error {
	switch {
	case id == "":
		return errors.New("_id is missing")
	case seen[id]:
		return fmt.Errorf("_id %q is there twice", id)
	}
	seen[id] = true
	return nil
}

// Judgements reads qrels/<split>.tsv: a header line, then query, document and grade
// between tabs.
func Judgements(collection fs.FS, split string) (Qrels, error) {
	name := path.Join("qrels", split+".tsv")
	f, err := collection.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read judgements: %w", err)
	}
	defer f.Close()
	return readJudgements(f, name)
}

func readJudgements(r io.Reader, name string) (Qrels, error) {
	qrels := make(Qrels)
	header := true
	err := eachLine(r, name, func(line string) error {
		if header {
			header = false
			return nil
		}
		f := strings.Split(line, "\t")
		if len(f) != 3 {
			return fmt.Errorf("%d columns, want 3 between tabs: query-id corpus-id score", len(f))
		}
		return qrels.add(strings.TrimSpace(f[0]), strings.TrimSpace(f[1]), strings.TrimSpace(f[2]))
	})
	return qrels, err
}

// eachJSON reads a file of JSON lines.
func eachJSON[T any](fsys fs.FS, name string, each func(T) error) error {
	f, err := fsys.Open(name)
	if err != nil {
		return fmt.Errorf("read collection: %w", err)
	}
	defer f.Close()
	return eachLine(f, name, func(line string) error {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			return fmt.Errorf("not a JSON object of the expected form: %w", err)
		}
		return each(v)
	})
}

// WriteJSONLines writes documents or queries as a file of BEIR's layout.
func WriteJSONLines[T Document | Query](w io.Writer, list []T) error {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	for _, v := range list {
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	return b.Flush()
}

// WriteJudgements writes judgements as BEIR's qrels/<split>.tsv, sorted.
func (q Qrels) WriteJudgements(w io.Writer) error {
	if _, err := io.WriteString(w, "query-id\tcorpus-id\tscore\n"); err != nil {
		return err
	}
	return q.write(w, func(b *bufio.Writer, query, document string, grade int) error {
		if strings.ContainsAny(query+document, "\t\n") {
			return fmt.Errorf("IDs %q, %q cannot be written: they hold a tab or a new line", query, document)
		}
		fmt.Fprintf(b, "%s\t%s\t%d\n", query, document, grade)
		return nil
	})
}
