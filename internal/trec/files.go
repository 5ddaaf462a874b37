package trec

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxLine bounds a line of a file, in bytes: a document of a collection is one line.
const maxLine = 64 << 20

// ReadQrels reads judgements in TREC's form, "query iteration document grade", lines
// that begin with # left out. name is for errors, which name the line; a document
// judged twice for a query is one.
func ReadQrels(r io.Reader, name string) (Qrels, error) {
	qrels := make(Qrels)
	err := eachLine(r, name, func(line string) error {
		f := strings.Fields(line)
		if len(f) != 4 {
			return fmt.Errorf("%d columns, want 4: query iteration document grade", len(f))
		}
		return qrels.add(f[0], f[2], f[3])
	})
	return qrels, err
}

// add judges one document, once.
func (q Qrels) add(query, document, grade string) error {
	g, err := strconv.Atoi(grade)
	if err != nil {
		return fmt.Errorf("grade %q is not a whole number", grade)
	}
	if _, twice := q[query][document]; twice {
		return fmt.Errorf("document %q is judged twice for query %q", document, query)
	}
	if q[query] == nil {
		q[query] = make(map[string]int)
	}
	q[query][document] = g
	return nil
}

// ReadRun reads results in TREC's form, "query Q0 document rank score tag"; the rank
// is ignored, as trec_eval does. Errors name the line.
func ReadRun(r io.Reader, name string) (Run, error) {
	run := make(Run)
	seen := make(map[[2]string]bool)
	err := eachLine(r, name, func(line string) error {
		f := strings.Fields(line)
		if len(f) != 6 {
			return fmt.Errorf("%d columns, want 6: query Q0 document rank score tag", len(f))
		}
		score, err := strconv.ParseFloat(f[4], 64)
		if err != nil || score != score || score-score != 0 {
			return fmt.Errorf("score %q is not a finite number", f[4])
		}
		if seen[[2]string{f[0], f[2]}] {
			return fmt.Errorf("document %q is there twice for query %q", f[2], f[0])
		}
		seen[[2]string{f[0], f[2]}] = true
		run[f[0]] = append(run[f[0]], Result{f[2], score})
		return nil
	})
	return run, err
}

// eachLine calls line with each line that is neither empty nor a comment.
func eachLine(r io.Reader, name string, each func(line string) error) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := each(line); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// WriteQrels writes judgements in TREC's form, sorted.
func (q Qrels) WriteQrels(w io.Writer) error {
	return q.write(w, func(b *bufio.Writer, query, document string, grade int) error {
		query, document, err := columns(query, document)
		fmt.Fprintf(b, "%s 0 %s %d\n", query, document, grade)
		return err
	})
}

func (q Qrels) write(w io.Writer, line func(b *bufio.Writer, query, document string, grade int) error) error {
	b := bufio.NewWriter(w)
	for _, query := range slices.Sorted(maps.Keys(q)) {
		for _, document := range slices.Sorted(maps.Keys(q[query])) {
			if err := line(b, query, document, q[query][document]); err != nil {
				return err
			}
		}
	}
	return b.Flush()
}

// WriteRun writes results in TREC's form, queries by ID and documents as ranked;
// tag is the name of the system.
func (r Run) WriteRun(w io.Writer, tag string) error {
	b := bufio.NewWriter(w)
	for _, query := range slices.Sorted(maps.Keys(r)) {
		ids, err := Order(r[query])
		if err != nil {
			return fmt.Errorf("query %q: %w", query, err)
		}
		scores := make(map[string]float64, len(ids))
		for _, result := range r[query] {
			scores[result.Document] = result.Score
		}
		for i, id := range ids {
			query, document, err := columns(query, id)
			if err != nil {
				return err
			}
			fmt.Fprintf(b, "%s Q0 %s %d %s %s\n", query, document, i+1, strconv.FormatFloat(scores[id], 'g', -1, 64), tag)
		}
	}
	return b.Flush()
}

// columns are two IDs as columns between spaces: spaces in them are percent-encoded.
// Run and judgements are written alike, so that they go together.
func columns(query, document string) (string, string, error) {
	for _, id := range []string{query, document} {
		if id == "" || id[0] == '#' {
			return "", "", fmt.Errorf("ID %q cannot be written: it is empty or begins with #", id)
		}
	}
	return encodeSpaces(query), encodeSpaces(document), nil
}

func encodeSpaces(id string) string {
	if !strings.ContainsFunc(id, unicode.IsSpace) {
		return id
	}
	var b strings.Builder
	for _, r := range id {
		if unicode.IsSpace(r) {
			b.WriteString(url.PathEscape(string(r)))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
