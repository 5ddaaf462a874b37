package corpus

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/unicode/norm"
)

// sheet is what the collected facts say on one topic: the sheets of that name in
// all folders.
type sheet struct {
	all        []reading // every value, sources included
	facts      []reading // without the sources, which a resident does not need
	confidence string    // the lower one when two sheets are joined
	free       bool      // says somewhere that nothing is paid
}

// written is the day of writing of all sheets, which they name where something was
// looked at again.
const written = "2026-11-23"

// An explanation says why values of one document may differ from its sheet.
type explanation struct {
	ID     string   `yaml:"id"` // or several, with spaces between
	In     string   `yaml:"in"` // document or sheet: where the value stands
	Values []string `yaml:"values"`
	Why    string   `yaml:"why"`
}

// TestSheets compares every document with the sheets its facts come from. A value
// that only the document has is an invention until explained; one that only the
// sheet has is missing until explained. testdata/sheets.yaml holds the
// explanations; one that no longer applies is wrong too.
//
//	go test ./internal/corpus -run 'Sheets/khai-sinh$' -v
func TestSheets(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "facts")
	sheets := readSheets(t, root)
	lib, problems, err := Load(os.DirFS(filepath.Join("..", "..", "knowledge")))
	if err != nil || len(problems) > 0 {
		t.Fatalf("Load: %v, %v", err, problems)
	}
	explained := readExplanations(t)
	for id, s := range sheets {
		doc := lib.Document(id)
		if doc == nil {
			t.Errorf("sheet %s has no document", id)
			continue
		}
		t.Run(id, func(t *testing.T) { compare(t, lib, doc, s, explained) })
	}
	for _, d := range lib.Documents {
		if _, ok := sheets[d.ID]; !ok {
			t.Errorf("document %s has no sheet", d.ID)
		}
	}
	for key := range explained {
		if id, _, _ := strings.Cut(key, "|"); lib.Document(id) == nil {
			t.Errorf("testdata/sheets.yaml explains %q, and no document has this id", key)
		}
	}
}

// compare reports what differs between a document and its sheet.
func compare(t *testing.T, lib *Library, doc *Document, s sheet, explained map[string]string) {
	claims, shown := documentReadings(lib, doc)
	for _, id := range doc.Related { // a procedure named by its code there is one step away
		if other := lib.Document(id); other != nil {
			_, theirs := documentReadings(lib, other)
			shown = append(shown, slices.DeleteFunc(theirs, func(r reading) bool { return r.kind != "code" })...)
		}
	}
	used := make(map[string]bool)
	report := func(in string, r reading) {
		key := doc.ID + "|" + in + "|" + r.key()
		if used[key] {
			return
		}
		used[key] = true
		if explained[key] == "" {
			t.Errorf("only the %s has %s: %s", in, r.key(), r.context)
		}
	}
	for _, r := range claims {
		if !bears(s.all, r) && (r.key() != "money 0" || !s.free) {
			report("document", r)
		}
	}
	for _, r := range s.facts {
		if r.kind != "number" && r.kind != "link" && r.key() != "date "+written && !bears(shown, r) {
			report("sheet", r)
		}
	}
	if s.confidence != doc.Confidence {
		report("document", reading{"confidence", doc.Confidence, "the sheet says " + s.confidence})
	}
	for key := range explained {
		if strings.HasPrefix(key, doc.ID+"|") && !used[key] {
			t.Errorf("testdata/sheets.yaml explains %q, which differs no longer: remove it", key)
		}
	}
}

// documentReadings are the values a document claims, as its fields hold them, and
// all it shows: shares worked out on top, and the days beside a period's borders:
// "đến hết 28/02/2027" and "từ 01/03/2027" are one fact.
func documentReadings(lib *Library, d *Document) (claims, shown []reading) {
	var b, computed strings.Builder
	say := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(norm.NFC.String(p) + "\n")
		}
	}
	say(d.Title, d.Authority, d.Portal, strings.Join(d.Codes, "\n"))
	starts, ends, days := []Date{d.ValidFrom}, []Date{d.ValidTo}, []Date{}
	for _, rows := range [][]Fact{d.Fees, d.Durations, d.Amounts} {
		for i := range rows {
			f := &rows[i]
			say(f.For, f.Condition.Words(), f.Text, f.Note, f.Ask, f.Legal)
			switch {
			case f.Value != nil:
				say(figure(*f.Value, f.Max, f.Unit))
			case f.Rate != nil:
				say(number(*f.Rate) + "%")
			case f.Factor != nil:
				say(number(*f.Factor))
			}
			starts, ends = append(starts, f.ValidFrom), append(ends, f.ValidTo)
			for _, day := range []Date{f.ValidFrom, f.ValidTo, d.Checked} {
				if day != "" {
					computed.WriteString(lib.Figure(d, f, day) + "\n")
				}
			}
		}
	}
	for _, ref := range d.LegalBasis {
		say(ref.Ref, ref.Title)
		days = append(days, ref.Date)
	}
	for _, src := range d.Sources {
		say(src.Title, src.URL)
		days = append(days, src.Date)
	}
	for _, s := range d.Sections {
		say(s.Heading, stepNumbers.ReplaceAllString(s.Body, ""))
	}
	claims = readings(b.String())
	shown = append(slices.Clone(claims), readings(computed.String())...)
	for _, group := range []struct {
		kind string
		days []Date
		step int // to the day that says the same from the other side
	}{{"date", days, 0}, {"first-day", starts, -1}, {"last-day", ends, 1}} {
		for _, day := range group.days {
			if day != "" {
				claims = append(claims, reading{group.kind, string(day), "front matter"})
				shown = append(shown, reading{"date", string(day), ""}, reading{"date", addDays(day, group.step), ""})
			}
		}
	}
	return claims, append(shown, claims...)
}

var stepNumbers = regexp.MustCompile(`(?m)^[0-9]+\. `)

func addDays(day Date, n int) string {
	t, err := time.Parse(time.DateOnly, string(day))
	if err != nil {
		return string(day)
	}
	return t.AddDate(0, 0, n).Format(time.DateOnly)
}

// readSheets reads all sheets under root, joined by name; without them the test
// is skipped.
func readSheets(t *testing.T, root string) map[string]sheet {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "*", "*.md"))
	if err != nil || len(files) == 0 {
		t.Skip("the fact sheets are not here")
	}
	texts, err := filepath.Glob(filepath.Join(root, "*", "*.txt")) // sources that lie beside the sheets of their folder
	if err != nil {
		t.Fatal(err)
	}
	beside := make(map[string][]reading)
	for _, file := range texts {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		beside[filepath.Dir(file)] = append(beside[filepath.Dir(file)], readings(string(data))...)
	}
	const asked = "Cách hỏi" // what people say is no fact
	sheets := make(map[string]sheet)
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), ".md")
		if strings.HasPrefix(id, "INDEX") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := norm.NFC.String(string(data))
		s := sheets[id]
		s.all = append(s.all, readings(without(text, asked))...)
		s.all = append(s.all, beside[filepath.Dir(file)]...)
		s.facts = append(s.facts, readings(without(text, asked, "Nguồn", "Độ tin cậy"))...)
		s.confidence = lower(s.confidence, confidenceOf(text))
		s.free = s.free || strings.Contains(text, "miễn") || strings.Contains(text, "không thu") || strings.Contains(text, "Không thu")
		sheets[id] = s
	}
	return sheets
}

// without drops the sections of a sheet whose heading begins with one of the
// names, and the lines that tell of the sheet itself.
func without(text string, headings ...string) string {
	var b strings.Builder
	drop := false
	for line := range strings.Lines(text) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			drop = slices.ContainsFunc(headings, func(h string) bool { return strings.HasPrefix(heading, h) })
			continue
		}
		about := slices.ContainsFunc([]string{"- Ngày soạn", "- Độ tin cậy", "- Tên gọi"}, func(p string) bool { return strings.HasPrefix(line, p) })
		if !drop && !about {
			b.WriteString(line)
		}
	}
	return b.String()
}

// confidenceOf is the level a sheet gives itself; of "Trung bình–cao" the first.
func confidenceOf(text string) string {
	_, rest, _ := strings.Cut(text, "Độ tin cậy")
	rest = strings.ToLower(strings.TrimSpace(strings.TrimLeft(rest, ":")))
	for word, level := range map[string]string{"high": "high", "medium": "medium", "low": "low", "cao": "high", "trung bình": "medium", "thấp": "low"} {
		if strings.HasPrefix(rest, word) {
			return level
		}
	}
	return ""
}

func lower(a, b string) string {
	order := []string{"", "high", "medium", "low"}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// readExplanations reads testdata/sheets.yaml into reasons by "id|in|value".
func readExplanations(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "sheets.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var list []explanation
	if err := yaml.UnmarshalWithOptions(data, &list, yaml.Strict()); err != nil {
		t.Fatalf("testdata/sheets.yaml: %v", err)
	}
	reasons := make(map[string]string)
	for _, e := range list {
		if e.Why == "" || e.In != "document" && e.In != "sheet" || len(e.Values) == 0 {
			t.Errorf("testdata/sheets.yaml: %s: give in (document or sheet), values and why", e.ID)
		}
		for id := range strings.FieldsSeq(e.ID) {
			for _, v := range e.Values {
				key := id + "|" + e.In + "|" + v
				if reasons[key] != "" {
					t.Errorf("testdata/sheets.yaml explains %q twice", key)
				}
				reasons[key] = e.Why
			}
		}
	}
	return reasons
}
