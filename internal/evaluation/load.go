package evaluation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxLine bounds a line of a set: a case with a long dialogue has some 10 KB.
const maxLine = 1 << 20

// Problem is something wrong with a case. A warning does not keep it from being
// asked.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Case    string `json:"case,omitempty"`
	Message string `json:"message"`
	Warning bool   `json:"warning,omitempty"`
}

// Error prints a problem as an editor can follow: file:line: case: message.
func (p Problem) Error() string {
	where := fmt.Sprintf("%s:%d: ", p.File, p.Line)
	if p.Case != "" {
		where += p.Case + ": "
	}
	if p.Warning {
		where += "warning: "
	}
	return where + p.Message
}

// SetFile is a question set as a file. Shown is how problems name it.
type SetFile struct {
	FS    fs.FS
	Name  string
	Shown string
}

// Load reads one set and checks it against the schema; the error names file and
// line of the first thing wrong and how many more there are.
func Load(fsys fs.FS, name string) ([]Case, error) { return SetFile{fsys, name, name}.Load() }

// Load is described at the function Load.
func (f SetFile) Load() ([]Case, error) {
	cases, problems, err := f.Read()
	if err != nil {
		return nil, err
	}
	switch len(problems) {
	case 0:
		return cases, nil
	case 1:
		return nil, problems[0]
	}
	return nil, fmt.Errorf("%w (and %d more problems: eval lint lists them)", problems[0], len(problems)-1)
}

// Read reads one set as far as it can be read, with everything that is wrong with
// its lines by the schema alone. err is a file that cannot be read.
func (f SetFile) Read() (cases []Case, problems []Problem, err error) {
	data, err := fs.ReadFile(f.FS, f.Name)
	if err != nil {
		return nil, nil, fmt.Errorf("read question set %s: %w", f.Shown, unwrapPath(err))
	}
	seen := make(map[string]int)
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, maxLine)
	line := 0
	for scanner.Scan() {
		line++
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		c, err := parseCase(scanner.Bytes())
		c.Set, c.Line = strings.TrimSuffix(path.Base(f.Name), ".jsonl"), line
		if err != nil {
			problems = append(problems, Problem{File: f.Shown, Line: line, Case: c.ID, Message: err.Error()})
			continue
		}
		for _, message := range c.validate() {
			problems = append(problems, Problem{File: f.Shown, Line: line, Case: c.ID, Message: message})
		}
		if first, dup := seen[c.ID]; dup {
			problems = append(problems, Problem{File: f.Shown, Line: line, Case: c.ID, Message: fmt.Sprintf("id is already in line %d", first)})
		}
		seen[c.ID] = line
		cases = append(cases, c)
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		problems = append(problems, Problem{File: f.Shown, Line: line + 1, Message: "line is longer than 1 MB"})
	}
	return cases, problems, nil
}

// unwrapPath takes the path out of an error that names it once already.
func unwrapPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// parseCase decodes a line strictly; fields called x_* are the author's own.
func parseCase(line []byte) (Case, error) {
	if !utf8.Valid(line) {
		return Case{}, errors.New("is not UTF-8")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return Case{}, jsonError(err)
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
		return c, jsonError(err)
	}
	if c.Weight == 0 {
		c.Weight = 1
	}
	return c, nil
}

// jsonError says in words what is wrong with a line.
func jsonError(err error) error {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("field %s: %s where %s belongs", wrong.Field, wrong.Value, wrong.Type)
	case errors.As(err, &wrong):
		return errors.New("a line is one JSON object")
	case errors.As(err, &syntax):
		return fmt.Errorf("no valid JSON after %d bytes: %w", syntax.Offset, err)
	}
	return fmt.Errorf("%s (a field of your own is called x_...)", strings.TrimPrefix(err.Error(), "json: "))
}

// Sets lists the question sets under fsys.
func Sets(fsys fs.FS) ([]string, error) {
	names, err := fs.Glob(fsys, "sets/*.jsonl")
	slices.Sort(names)
	return names, err
}

// Join puts the sets of a run together; a case may be in one of them only.
func Join(sets ...[]Case) ([]Case, error) {
	var all []Case
	seen := make(map[string]Case)
	for _, set := range sets {
		for _, c := range set {
			if first, dup := seen[c.ID]; dup {
				return nil, Problem{File: c.Set + ".jsonl", Line: c.Line, Case: c.ID, Message: fmt.Sprintf("id is already in %s.jsonl, line %d", first.Set, first.Line)}
			}
			seen[c.ID] = c
			all = append(all, c)
		}
	}
	return all, nil
}
