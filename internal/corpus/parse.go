package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/unicode/norm"

	"troly/internal/vietnamese"
)

// A Problem is something wrong in a knowledge file, with the place and what to do.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // from 1; 0 when the whole file is meant
	Message string `json:"message"`
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// Error makes a Problem usable as an error.
func (p Problem) Error() string { return p.String() }

// maxFileSize bounds one knowledge file; the largest real one is under 20 kB.
const maxFileSize = 1 << 20

// parseDocument reads one Markdown file with YAML front matter. The error is a
// Problem.
func parseDocument(file string, data []byte) (*Document, error) {
	if len(data) > maxFileSize {
		return nil, Problem{file, 0, fmt.Sprintf("larger than %d bytes: split it into several documents", maxFileSize)}
	}
	if !utf8.Valid(data) {
		at := bytes.IndexFunc(data, func(r rune) bool { return r == utf8.RuneError }) // a U+FFFD that is there by right is as unreadable
		return nil, Problem{file, 1 + bytes.Count(data[:at], []byte("\n")), "this is not written in UTF-8: save the file with the encoding UTF-8"}
	}
	front, body, bodyLine, ok := cutFrontMatter(string(plain(data)))
	if !ok {
		return nil, Problem{file, 1, `no front matter: begin the file with a line "---", the fields, and a second line "---"`}
	}
	doc := new(Document)
	if err := decodeYAML(file, front, 1, doc); err != nil {
		return nil, err
	}
	doc.File = file
	doc.Collection = path.Dir(file)
	sections, err := parseSections(file, body, bodyLine)
	if err != nil {
		return nil, err
	}
	doc.Sections = sections
	for i, a := range doc.Answers {
		for _, q := range a.Asked {
			at := slices.Index(doc.Asked, q)
			if at < 0 { // else another line answers it too
				at = len(doc.Asked)
				doc.Asked = append(doc.Asked, q)
			}
			doc.Answers[i].At = append(doc.Answers[i].At, at)
		}
	}
	return doc, nil
}

// plain is a text as editors of all systems write it in one form: NFC, lines that end in
// "\n", nothing before the first.
func plain(data []byte) []byte {
	if !norm.NFC.IsNormal(data) {
		data = norm.NFC.Bytes(data)
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	return bytes.TrimPrefix(data, []byte("\ufeff"))
}

// cutFrontMatter splits a file at its two "---" lines; bodyLine is the line
// number, from 1, at which the body begins.
func cutFrontMatter(s string) (front, body string, bodyLine int, ok bool) {
	rest, ok := strings.CutPrefix(s, "---\n")
	if !ok {
		return "", "", 0, false
	}
	front, body, ok = strings.Cut(rest, "\n---\n")
	if !ok {
		return "", "", 0, false
	}
	return front, body, strings.Count(front, "\n") + 4, true
}

// decodeYAML decodes strictly: an unknown or repeated field is a Problem. Lines
// are counted from the line after offset.
func decodeYAML(file, text string, offset int, into any) error {
	err := yaml.UnmarshalWithOptions([]byte(text), into, yaml.Strict())
	if err == nil {
		return nil
	}
	problem := Problem{File: file, Message: firstLine(err.Error())}
	var located yaml.Error
	if errors.As(err, &located) {
		problem.Message = located.GetMessage()
		if t := located.GetToken(); t != nil {
			problem.Line = t.Position.Line + offset
		}
	}
	for _, slip := range yamlSlips {
		if slip.error.MatchString(problem.Message) {
			problem.Message = slip.says
			return problem
		}
	}
	problem.Message += ` (check the spelling of the field, the indentation, and put quotes around a text that holds ": ")`
	return problem
}

// yamlSlips say in other words what the library says in those of Go.
var yamlSlips = []struct {
	error *regexp.Regexp
	says  string
}{
	{regexp.MustCompile(`^cannot unmarshal .* of type (float64|int)`), "a number is wanted here: digits alone, without quotes, letters or dots between thousands"},
	{regexp.MustCompile(`^cannot unmarshal map.* of type string`), `one text is wanted here: put quotes around a text that holds ": "`},
	{regexp.MustCompile(`^cannot unmarshal .* of type (string|corpus\.)`), "one text is wanted here, not a list"},
	{regexp.MustCompile(`where sequence is expected`), `a list is wanted here: [one, two], or lines below that begin with "- "`},
	{regexp.MustCompile(`where mapping is expected`), "fields are wanted here: {for: …, value: …, unit: …}, or one to a line, each with its name"},
}

// parseSections cuts a body at its "## " headings.
func parseSections(file, body string, line int) ([]Section, error) {
	var sections []Section
	seen := make(map[string]bool)
	for text := range strings.Lines(body) {
		text = strings.TrimRight(text, " \t\n")
		if heading, ok := strings.CutPrefix(text, "## "); ok {
			heading = strings.TrimSpace(heading)
			id := Slug(heading)
			if id == "" || seen[id] {
				return nil, Problem{file, line, fmt.Sprintf("heading %q is empty or there twice: give each section its own heading", heading)}
			}
			seen[id] = true
			sections = append(sections, Section{ID: id, Heading: heading, Line: line})
		} else if len(sections) > 0 {
			sections[len(sections)-1].Body += text + "\n"
		} else if text != "" {
			return nil, Problem{file, line, `text before the first heading: begin with "## Tóm tắt"`}
		}
		line++
	}
	for i := range sections {
		sections[i].Body = strings.TrimSpace(sections[i].Body)
	}
	return sections, nil
}

// Slug makes a section ID of a heading: "Nơi nộp" becomes "noi-nop".
func Slug(heading string) string {
	words := strings.FieldsFunc(vietnamese.Fold(heading), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	return strings.Join(words, "-")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
