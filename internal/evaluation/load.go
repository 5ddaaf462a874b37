package evaluation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"troly/internal/corpus"
)

// Load reads one set; an error names the line.
func Load(fsys fs.FS, name string) ([]Case, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read question set: %w", err)
	}
	var cases []Case
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, 1<<20)
	for line := 1; scanner.Scan(); line++ {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		c, err := parseCase(scanner.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		cases = append(cases, c)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read question set %s: %w", name, err)
	}
	return cases, nil
}

// parseCase decodes a line strictly; fields called x_* are the author's own.
func parseCase(line []byte) (Case, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return Case{}, err
	}
	for name := range fields {
		if strings.HasPrefix(name, "x_") {
			delete(fields, name)
		}
	}
	known, err := json.Marshal(fields)
	if err != nil {
		return Case{}, err
	}
	var c Case
	dec := json.NewDecoder(bytes.NewReader(known))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Case{}, err
	}
	if c.Weight == 0 {
		c.Weight = 1
	}
	return c, nil
}

// Sets lists the question sets under fsys.
func Sets(fsys fs.FS) ([]string, error) {
	names, err := fs.Glob(fsys, "sets/*.jsonl")
	slices.Sort(names)
	return names, err
}

var caseID = regexp.MustCompile(`^[a-z0-9._-]+$`)

// Lint says what is wrong with cases: bad or repeated IDs, unknown documents, text
// that is not NFC, facts nobody could match or that the knowledge does not hold.
func Lint(name string, cases []Case, lib *corpus.Library) []string {
	var problems []string
	seen := make(map[string]bool)
	for _, c := range cases {
		report := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%s: %s: %s", path.Base(name), c.ID, fmt.Sprintf(format, args...)))
		}
		switch {
		case !caseID.MatchString(c.ID):
			report("id must be small letters, digits, dots, dashes")
		case seen[c.ID]:
			report("id is there twice")
		case c.Variant == Plain && c.BaseID != c.ID:
			report("a plain case has base_id equal to id")
		}
		seen[c.ID] = true
		if c.Question == "" || !norm.NFC.IsNormalString(c.Question) || strings.ContainsFunc(c.Question, func(r rune) bool { return r < ' ' || r == '\u200b' || r == '\ufeff' }) {
			report("question is empty, not NFC, or holds invisible characters")
		}
		if c.MustRefuse == (len(c.ExpectedDocs) > 0) {
			report("either expected_docs or must_refuse")
		}
		for _, d := range c.ExpectedDocs {
			if lib.Document(d.Doc) == nil {
				report("expected document %q does not exist", d.Doc)
			}
		}
		for _, f := range c.KeyFacts {
			if err := f.check(); err != nil {
				report("fact %s: %v", f.ID, err)
			} else if !c.findable(f, lib) {
				report("fact %s: no expected document says it", f.ID)
			}
		}
	}
	return problems
}

// findable reports whether the text of an expected document satisfies the fact: a
// fact the knowledge does not hold measures the knowledge, not the assistant.
func (c Case) findable(f Fact, lib *corpus.Library) bool {
	for _, d := range c.ExpectedDocs {
		doc := lib.Document(d.Doc)
		if doc == nil {
			continue
		}
		var b strings.Builder
		for _, s := range lib.Passages(doc) {
			b.WriteString(s.Heading + "\n" + s.Body + "\n")
		}
		b.WriteString(doc.Authority)
		if f.Match(b.String()) {
			return true
		}
	}
	return false
}
