package corpus

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"troly/internal/vietnamese"
)

// minAsked is how many ways of asking a document must carry: fewer than a dozen
// and residents' situations are not covered.
const minAsked = 12

// Lint checks all knowledge under fsys as it is today and returns what is wrong, ordered
// by file and line. No problems means that every document can be answered from.
func Lint(fsys fs.FS, today Date) ([]Problem, error) {
	lib, problems, err := Load(fsys)
	if err != nil && len(problems) == 0 {
		return nil, err
	}
	strays, err := strayFiles(fsys)
	if err != nil {
		return nil, err
	}
	problems = append(problems, strays...)
	if lib != nil {
		lines := make(map[*Document][]string, len(lib.Documents))
		for _, d := range lib.Documents {
			raw, err := fs.ReadFile(fsys, d.File)
			if err != nil {
				return nil, fmt.Errorf("read knowledge: %w", err)
			}
			c := checker{lib: lib, doc: d, today: today, lines: linesOf(raw)}
			c.check()
			problems = append(problems, c.problems...)
			lines[d] = c.lines
		}
		for _, c := range lib.conflicts() {
			problems = append(problems, Problem{c.b.doc.File, lineOf(lines[c.b.doc], "for: "+c.b.fact.For), c.String()})
		}
		problems = append(problems, lib.lintAliases(lines)...)
		problems = append(problems, lib.lintTables(fsys)...)
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	return problems, nil
}

// linesOf are the lines of a file, written as its text is read.
func linesOf(raw []byte) []string { return strings.Split(string(plain(raw)), "\n") }

// checker collects the problems of one document.
type checker struct {
	lib      *Library
	doc      *Document
	today    Date
	lines    []string
	rows     map[*Fact]int // the lines of the typed rows
	problems []Problem
}

// at reports a problem at the first line that holds needle (line 1 if none does).
func (c *checker) at(needle, format string, args ...any) {
	c.problems = append(c.problems, Problem{c.doc.File, lineOf(c.lines, needle), fmt.Sprintf(format, args...)})
}

// field reports a problem of a field of the document, at its line (1 if it has none).
func (c *checker) field(name, format string, args ...any) {
	line := 1 + max(0, slices.IndexFunc(c.lines, func(l string) bool { return strings.HasPrefix(l, name+":") }))
	c.problems = append(c.problems, Problem{c.doc.File, line, fmt.Sprintf(format, args...)})
}

// row reports a problem of a typed row, at its "for".
func (c *checker) row(f *Fact, format string, args ...any) {
	c.problems = append(c.problems, Problem{c.doc.File, max(1, c.rows[f]), fmt.Sprintf(format, args...)})
}

// findRows finds the lines of the typed rows: below the field they are of, each at or
// after the one before.
func (c *checker) findRows() {
	c.rows = make(map[*Fact]int)
	for _, rows := range c.doc.rows() {
		line := slices.IndexFunc(c.lines, func(l string) bool { return strings.HasPrefix(l, rows.key+":") })
		for i := range rows.facts {
			f := &rows.facts[i]
			from := max(0, line)
			if i > 0 && rows.facts[i-1].For == f.For {
				from++ // of the same name: not the same line
			}
			named := regexp.MustCompile(`\bfor: *["']?` + regexp.QuoteMeta(f.For))
			if at := slices.IndexFunc(c.lines[min(from, len(c.lines)):], named.MatchString); at >= 0 {
				line = from + at
			}
			c.rows[f] = line + 1
		}
	}
}

// lineOf is the number of the first line that holds needle, 1 if none does.
func lineOf(lines []string, needle string) int {
	if needle != "" {
		if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, needle) }); i >= 0 {
			return i + 1
		}
	}
	return 1
}

func (c *checker) check() {
	c.findRows()
	c.fields()
	for _, rows := range c.doc.rows() {
		for i := range rows.facts {
			c.fact(rows.key, &rows.facts[i])
			c.ended(rows, &rows.facts[i])
		}
	}
	c.thousands()
	c.headings()
	c.numbers()
	c.offices()
	c.reaches()
}

var (
	idPattern  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	refPattern = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?[a-z]?/[A-Za-zĐđ0-9./-]+$`)
	// codePattern is a procedure code of the national portal.
	codePattern = regexp.MustCompile(`^[0-9]\.[0-9]{6}(\.[A-Z0-9.]+)?$`)
)

func (c *checker) fields() {
	d := c.doc
	name := strings.TrimSuffix(path.Base(d.File), ".md")
	if d.ID != name || !idPattern.MatchString(d.ID) {
		c.field("id", "id %q: write the file's name without .md (%q), in small ASCII letters, digits and dashes", d.ID, name)
	}
	wantKind := map[string]Kind{"procedures": Procedure, "skills": Skill, "local": Local}[d.Collection]
	if d.Kind != wantKind {
		c.field("kind", "kind %q: documents in %s/ have kind: %s", d.Kind, d.Collection, wantKind)
	}
	if strings.TrimSpace(d.Title) == "" {
		c.field("title", "title is missing: write the name residents know")
	}
	if len(d.Aliases) == 0 {
		c.field("aliases", "aliases are missing: list the names people use for it")
	}
	if len(d.Asked) < minAsked {
		c.field("asked", "asked has %d entries: write at least %d ways people ask for it", len(d.Asked), minAsked)
	}
	for _, q := range d.Asked {
		if strings.TrimSpace(q) == "" || strings.Contains(q, "\n") {
			c.field("asked", "asked holds an empty or many-line entry: one question a line")
		}
	}
	for _, a := range d.Answers {
		if len(a.Asked) == 0 {
			c.field("answers", "the line %q of answers has no questions: list how people ask for it under asked", a.Line)
		}
		if !d.says(a.Line) {
			c.field("answers", "no line of the document begins with %q: copy the first words of the row, item or sentence that answers these questions", a.Line)
		}
	}
	choose := func(field, value string, allowed ...string) {
		if says := oneOf(field, value, allowed...); says != "" {
			c.field(field, "%s", says)
		}
	}
	choose("audience", d.Audience, "citizen", "official", "both")
	choose("level", d.Level, "", "commune", "province", "central")
	choose("confidence", d.Confidence, "high", "medium", "low")
	for _, s := range d.Submit {
		choose("submit", s, "in_person", "online", "post")
	}
	for _, code := range d.Codes {
		if !codePattern.MatchString(code) {
			c.at(code, "code %q: procedure codes look like 1.001193; put it in quotes", code)
		}
	}
	c.date("valid_from", d.ValidFrom)
	c.date("valid_to", d.ValidTo)
	if d.ValidTo != "" && d.ValidTo < d.Checked {
		c.field("valid_to", "the document ended on %s, before it was checked on %s: bring it up to date or remove it", d.ValidTo, d.Checked)
	}
	if d.ValidFrom != "" && d.ValidTo != "" && d.ValidFrom > d.ValidTo {
		c.field("valid_to", "valid_from %s is after valid_to %s", string(d.ValidFrom), string(d.ValidTo))
	}
	c.date("checked", d.Checked)
	if _, err := ParseDate(string(d.Checked)); err == nil && d.Checked > c.today {
		c.field("checked", "checked is %s, and today is %s: write the day on which somebody looked", string(d.Checked), string(c.today))
	}
	if d.Checked == "" {
		c.field("checked", "checked is missing: write the day the facts were last compared with their sources")
	}
	if d.Kind == Procedure && d.Authority == "" {
		c.at("", "authority is missing: name the office that decides")
	}
	if len(d.Sources) == 0 {
		c.field("sources", "sources are missing: name at least one, with its date")
	}
	c.link("portal", d.Portal)
	for _, s := range d.Sources {
		if s.Title == "" {
			c.field("sources", "a source has no title")
		}
		c.link("source", s.URL)
		c.date("source date", s.Date)
	}
	for _, r := range d.LegalBasis {
		if r.Ref == "" && r.Title == "" {
			c.field("legal_basis", "a legal reference has neither ref nor title")
		}
		if r.Ref != "" && !refPattern.MatchString(r.Ref) {
			c.at(r.Ref, "legal reference %q: write it as 60/2014/QH13 or 123/2015/NĐ-CP", r.Ref)
		}
		c.date("legal_basis date", r.Date)
	}
	for _, id := range d.Related {
		if c.lib.leadsNowhere(id) || id == d.ID {
			c.field("related", "related %q: no other document has this id", id)
		}
	}
}

// oneOf says what may be written when the value of a field is nothing of that.
func oneOf(field, value string, allowed ...string) string {
	if slices.Contains(allowed, value) {
		return ""
	}
	return fmt.Sprintf("%s %q: write one of %s", field, value, strings.Join(slices.DeleteFunc(allowed, func(s string) bool { return s == "" }), ", "))
}

func (c *checker) date(field string, d Date) {
	if d == "" {
		return
	}
	if _, err := ParseDate(string(d)); err != nil {
		c.at(string(d), "%s: %v", field, err)
	}
}

func (c *checker) link(field, link string) {
	if link == "" {
		return
	}
	u, err := url.Parse(link)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		c.at(link, "%s %q: write a whole address beginning with https://", field, link)
	}
}

// unitSlips are how units are typed in haste; residents read them as they stand, and
// only money and times that are written out are recognised as such.
var unitSlips = map[string]string{
	"dong": "đồng", "vnd": "đồng", "vnđ": "đồng", "đ": "đồng", "ngay": "ngày", "thang": "tháng", "nam": "năm", "gio": "giờ", "tuan": "tuần", "phut": "phút",
}

func firstWord(unit string) string {
	word, _, _ := strings.Cut(strings.ReplaceAll(unit, "/", " "), " ")
	return strings.ToLower(word)
}

func (c *checker) fact(key string, f *Fact) {
	if f.For == "" {
		c.field(key, "a row of %s has no \"for\": say what the figure is for", key)
		return
	}
	known := 0
	for _, given := range []bool{f.Value != nil, f.Rate != nil || f.Factor != nil, f.Ask != ""} {
		if given {
			known++
		}
	}
	switch {
	case known > 1:
		c.row(f, "%s %q: give one of value, rate or factor with base, or ask", key, f.For)
	case known == 0 && f.Text == "":
		c.row(f, "%s %q has no figure: give value and unit, or for an unknown figure \"ask\" with the office to ask", key, f.For)
	case f.Value != nil && f.Unit == "":
		c.row(f, "%s %q: value without unit", key, f.For)
	case unitSlips[firstWord(f.Unit)] != "":
		c.row(f, "%s %q: unit %q: write %s", key, f.For, f.Unit, unitSlips[firstWord(f.Unit)])
	case (f.Rate != nil || f.Factor != nil) && f.Base == "":
		c.row(f, "%s %q: rate or factor without base", key, f.For)
	}
	if f.Value != nil && *f.Value < 0 || f.Rate != nil && *f.Rate < 0 || f.Factor != nil && *f.Factor < 0 {
		c.row(f, "%s %q: a figure below 0", key, f.For)
	}
	if f.Max != nil && (f.Value == nil || *f.Max < *f.Value) {
		c.row(f, "%s %q: max must be with value and not below it", key, f.For)
	}
	if f.Base != "" {
		if _, _, ok := c.lib.baseAmount(c.doc, f.Base, max(f.ValidFrom, c.doc.Checked), 0); !ok {
			c.row(f, "%s %q: no row with name %q is valid on that day: give the row that defines it \"name: %s\"", key, f.For, f.Base, f.Base)
		}
	}
	if says := oneOf("channel", f.Condition.Channel, "", "in_person", "online", "post"); says != "" {
		c.row(f, "%s %q: %s", key, f.For, says)
	}
	if says := oneOf("confidence", f.Confidence, "", "high", "medium", "low"); says != "" {
		c.row(f, "%s %q: %s", key, f.For, says)
	}
	c.date(key+" valid_from", f.ValidFrom)
	c.date(key+" valid_to", f.ValidTo)
	if f.ValidFrom != "" && f.ValidTo != "" && f.ValidFrom > f.ValidTo {
		c.row(f, "%s %q: valid_from is after valid_to", key, f.For)
	}
	if f.Section != "" && c.doc.Section(f.Section) == nil && !slices.ContainsFunc(headings[:], func(h struct{ id, heading string }) bool { return h.id == f.Section && c.doc.Kind == Procedure }) {
		c.row(f, "%s %q: the document has no section %q", key, f.For, f.Section)
	}
}

// ended demands the row that follows one which was over when the document was
// checked: somebody looked and must have seen what holds now.
func (c *checker) ended(rows rowsOf, f *Fact) {
	if f.ValidTo != "" && f.ValidTo < c.doc.Checked && following(rows.facts, f) == nil {
		c.row(f, "%s %q ended on %s, before the check of %s: add the row that follows, with the same \"for\" and condition and a valid_from, or remove it", rows.key, f.For, f.ValidTo, c.doc.Checked)
	}
}

// grouped is an amount written as Vietnamese group its thousands, which YAML takes for a
// fraction.
var grouped = regexp.MustCompile(`\b(?:value|max): *([1-9][0-9]{0,2}(?:\.[0-9]{3})+) *(?:$|[,}#])`)

// thousands finds 20.000, which would be 20.
func (c *checker) thousands() {
	for i, line := range c.lines {
		if line == "---" && i > 0 {
			return
		}
		if m := grouped.FindStringSubmatch(line); m != nil {
			c.problems = append(c.problems, Problem{c.doc.File, i + 1, fmt.Sprintf("%s is read as a fraction: write %s", m[1], strings.ReplaceAll(m[1], ".", ""))})
		}
	}
}

func (c *checker) headings() {
	var names []string
	for _, h := range headings {
		names = append(names, h.heading)
	}
	position := -1
	for i, s := range c.doc.Sections {
		for i, line := range strings.Split(s.Body, "\n") {
			if strings.HasPrefix(line, "#") {
				c.problems = append(c.problems, Problem{c.doc.File, c.bodyLine(s, i), fmt.Sprintf(`%q is no heading: headings begin with "## "`, line)})
			}
		}
		if s.Body == "" {
			c.problems = append(c.problems, Problem{c.doc.File, s.Line, fmt.Sprintf("heading %q has no text: write some or remove it", s.Heading)})
		}
		if c.doc.Kind != Procedure {
			if i == 0 && s.ID != "tom-tat" {
				c.problems = append(c.problems, Problem{c.doc.File, s.Line, `the first heading must be "## Tóm tắt"`})
			}
			continue
		}
		at := slices.IndexFunc(headings[:], func(h struct{ id, heading string }) bool { return h.id == s.ID })
		switch {
		case at < 0:
			c.problems = append(c.problems, Problem{c.doc.File, s.Line, fmt.Sprintf("heading %q: a procedure has only %s", s.Heading, strings.Join(names, ", "))})
		case at < position:
			c.problems = append(c.problems, Problem{c.doc.File, s.Line, fmt.Sprintf("heading %q: the order is %s", s.Heading, strings.Join(names, ", "))})
		}
		position = max(position, at)
	}
	if c.doc.Section("tom-tat") == nil {
		c.at("", `no "## Tóm tắt": every document begins with a short summary`)
	}
}

var (
	numberPattern = regexp.MustCompile(`[0-9]+(?:[.,/:-][0-9]+)*`)
	// formPattern is a form's own number, which is a name and no figure; a figure
	// glued to a letter ("CT07", "5G") is one too.
	formPattern = regexp.MustCompile(`(?i)(mẫu|tờ khai|đơn)( số)? [0-9A-ZĐ][0-9A-ZĐ./-]*|[\p{L}][\p{L}/-]*[0-9][\p{L}0-9/.-]*`)
	stepPattern = regexp.MustCompile(`^[0-9]+\. `)
)

// numbers demands that every figure of the body occurs in a typed field: only
// those are dated, sourced and checked.
func (c *checker) numbers() {
	typed := c.typedNumbers()
	for _, s := range c.doc.Sections {
		for i, line := range strings.Split(s.Body, "\n") {
			line = stepPattern.ReplaceAllString(line, "")
			line = formPattern.ReplaceAllString(line, " ")
			for _, n := range numberPattern.FindAllString(line, -1) {
				if !typedNumber(typed, n) {
					c.problems = append(c.problems, Problem{c.doc.File, c.bodyLine(s, i),
						fmt.Sprintf("the figure %s occurs in no typed field: add a row to fees, durations or amounts that holds it, or remove it", n)})
				}
			}
		}
	}
}

// bodyLine is the file's line of the i-th line of a section's text; blank lines
// between the heading and the text are counted.
func (c *checker) bodyLine(s Section, i int) int {
	line := s.Line // lines[line] is the one after the heading
	for line < len(c.lines) && strings.TrimSpace(c.lines[line]) == "" {
		line++
	}
	return line + i + 1
}

// typedNumbers are the figures of the front matter, but not of asked: what people
// say is no fact.
func (c *checker) typedNumbers() map[string]bool {
	typed := make(map[string]bool)
	inAsked := false
	for i, line := range c.lines {
		if line == "---" && i > 0 {
			break
		}
		if strings.HasPrefix(line, "asked:") || strings.HasPrefix(line, "answers:") {
			inAsked = true
		} else if line != "" && line[0] != ' ' && line[0] != '-' {
			inAsked = false
		}
		if inAsked {
			continue
		}
		for _, n := range numberPattern.FindAllString(line, -1) {
			typed[canonicalNumber(n)] = true
			for _, part := range strings.FieldsFunc(n, func(r rune) bool { return r == '-' || r == '/' }) {
				typed[canonicalNumber(part)] = true
			}
			if y, m, d, ok := isoParts(n); ok {
				typed[d+"/"+m+"/"+y], typed[m+"/"+y], typed[d+"/"+m] = true, true, true
			}
		}
	}
	return typed
}

func isoParts(s string) (y, m, d string, ok bool) {
	parts := strings.Split(s, "-")
	if len(parts) != 3 || len(parts[0]) != 4 {
		return "", "", "", false
	}
	return parts[0], strings.TrimLeft(parts[1], "0"), strings.TrimLeft(parts[2], "0"), true
}

func typedNumber(typed map[string]bool, n string) bool {
	if typed[canonicalNumber(n)] {
		return true
	}
	if strings.Contains(n, "-") { // a range: both ends
		for part := range strings.SplitSeq(n, "-") {
			if !typed[canonicalNumber(part)] {
				return false
			}
		}
		return true
	}
	return false
}

// canonicalNumber writes a figure or date in one way: no thousands dots, a point
// for the decimal comma, no leading zeros in any part.
func canonicalNumber(n string) string {
	if groups := strings.Split(n, "."); len(groups) > 1 && len(groups[0]) <= 3 && !strings.Contains(n, "/") {
		thousands := true
		for _, g := range groups[1:] {
			whole, _, _ := strings.Cut(g, ",")
			thousands = thousands && len(whole) == 3
		}
		if thousands {
			n = strings.ReplaceAll(n, ".", "")
		}
	}
	n = strings.ReplaceAll(n, ",", ".")
	parts := strings.Split(n, "/")
	for i, p := range parts {
		p = strings.TrimLeft(p, "0")
		if p == "" || p[0] == '.' {
			p = "0" + p
		}
		parts[i] = p
	}
	return strings.Join(parts, "/")
}

// reaches refuses numbers, mail addresses and links that nobody vouches for.
func (c *checker) reaches() {
	for _, s := range c.doc.Sections {
		for i, line := range strings.Split(s.Body, "\n") {
			for _, r := range c.lib.Unlisted(line, c.doc) {
				c.problems = append(c.problems, Problem{c.doc.File, c.bodyLine(s, i),
					fmt.Sprintf("%s is not in contacts.yaml: add it there with its source, or remove it", r)})
			}
		}
	}
	for _, rows := range c.doc.rows() {
		for i := range rows.facts {
			f := &rows.facts[i]
			if strings.Contains(f.Text+f.Note, "ví dụ") {
				continue // a made-up number that shows how to write one
			}
			for _, r := range c.lib.Unlisted(strings.Join([]string{f.For, f.Text, f.Note, f.Ask}, " . ")) {
				c.row(f, "row %q: %s is not in contacts.yaml: add it there with its source, or remove it", f.For, r)
			}
		}
	}
}

// strayFiles are those that look like knowledge and are not read.
func strayFiles(fsys fs.FS) ([]Problem, error) {
	var problems []Problem
	for _, dir := range append([]string{"."}, collections[:]...) {
		entries, err := fs.ReadDir(fsys, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read knowledge: %w", err)
		}
		for _, e := range entries {
			name := e.Name()
			switch {
			case strings.HasPrefix(name, ".") || name == "README.md":
			case dir == "." && (e.IsDir() || slices.Contains(tables[:], name) || !strings.Contains(" .md .yaml .yml .json ", " "+path.Ext(name)+" ")):
			case dir == ".":
				problems = append(problems, Problem{File: name, Message: "this file is not read: documents are in " + strings.Join(collections[:], ", ") + ", and tables are called " + strings.Join(tables[:], ", ")})
			case e.IsDir() || !strings.HasSuffix(name, ".md"):
				problems = append(problems, Problem{File: path.Join(dir, name), Message: "this is not read: documents are files called NAME.md, in " + dir + " itself"})
			}
		}
	}
	return problems, nil
}

// lintAliases finds one name that two documents claim, always or when it is said alone.
func (l *Library) lintAliases(lines map[*Document][]string) []Problem {
	var problems []Problem
	owner := make(map[string]*Document)
	for _, d := range l.Documents {
		for _, alias := range slices.Concat(d.Aliases, d.Usual) {
			key := strings.ToLower(vietnamese.Normalize(alias))
			if first, ok := owner[key]; ok && first != d {
				problems = append(problems, Problem{File: d.File, Line: lineOf(lines[d], alias), Message: fmt.Sprintf("alias %q is also in %s: keep it where residents mean it most", alias, first.File)})
			}
			owner[key] = d
		}
	}
	return problems
}

// lintTables checks the contacts, the emergencies, the outside matters and the
// glossary.
func (l *Library) lintTables(fsys fs.FS) []Problem {
	var problems []Problem
	in := func(file, key string) report {
		raw, _ := fs.ReadFile(fsys, file) // one that is missing or cannot be read has no lines
		lines := linesOf(raw)
		return func(entry, format string, args ...any) {
			problems = append(problems, Problem{file, entryLine(lines, key, entry), fmt.Sprintf(format, args...)})
		}
	}
	l.lintContacts(in("contacts.yaml", "id"))
	l.lintEmergencies(in("emergencies.yaml", "id"))
	l.lintOutside(in("outside.yaml", "id"))
	l.lintGlossary(in("glossary.yaml", "form"))
	return problems
}

// report takes a problem of one entry of a table; of the whole table when that is empty.
type report func(entry, format string, args ...any)

// entryLine is the line where the entry of a table with that key begins, 0 if none does.
func entryLine(lines []string, key, entry string) int {
	if entry == "" {
		return 0
	}
	begins := regexp.MustCompile(`\b` + key + `: *["']?` + regexp.QuoteMeta(entry) + `["']? *(?:$|[,}#])`)
	return 1 + slices.IndexFunc(lines, begins.MatchString)
}

func (l *Library) lintOutside(report report) {
	seen := make(map[string]bool)
	for _, o := range l.Outside {
		switch {
		case !idPattern.MatchString(o.ID) || seen[o.ID]:
			report(o.ID, "id %q is not kebab-case or there twice", o.ID)
		case !slices.Contains([]OutsideKind{Uncovered, OffTopic, Harmful, Personal, Advice, Told, InDanger}, o.Kind) || (o.Kind == InDanger) != strings.HasPrefix(o.ID, outsideID):
			report(o.ID, "%s: kind %q: write uncovered, off_topic, harmful, personal, advice or told", o.ID, o.Kind)
		case o.Title == "" || len(o.Asked) == 0:
			report(o.ID, "%s has no title or no asked", o.ID)
		}
		seen[o.ID] = true
	}
}

// leadsNowhere reports whether no document has the ID, not even one that is to be
// mended first: a slip in one file is no problem of all that name it.
func (l *Library) leadsNowhere(id string) bool { return l.Document(id) == nil && !l.unread[id] }

// lintGlossary checks the words people use: each once, with a meaning, and topics
// that exist.
func (l *Library) lintGlossary(report report) {
	seen := make(map[string]bool)
	for _, e := range l.Glossary {
		form := strings.ToLower(vietnamese.Normalize(e.Form))
		switch {
		case form == "" || len(e.Means) == 0:
			report(e.Form, "entry %q has no form or no meaning", e.Form)
		case seen[form]:
			report(e.Form, "entry %q is there twice: write all its meanings in one", e.Form)
		case !slices.Contains([]string{"abbreviation", "shorthand", "folk"}, e.Kind):
			report(e.Form, "entry %q: kind %q: write abbreviation, shorthand or folk", e.Form, e.Kind)
		}
		seen[form] = true
		for _, id := range e.Topics {
			if l.leadsNowhere(id) {
				report(e.Form, "entry %q: no document %q", e.Form, id)
			}
		}
	}
}
