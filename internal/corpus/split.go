package corpus

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Chunk is the unit that is indexed: one section of a document, a piece of a long
// one, or the questions people ask about the document (Section is AskedSection).
type Chunk struct {
	ID         string // document/section/hash: the same content keeps its ID
	Hash       string // of everything that is indexed, titles and aliases included
	Document   string
	Section    string
	Collection string
	Audience   string
	Title      string   // of the document
	Aliases    []string // of the document
	Heading    string
	Text       string
	ValidFrom  Date
	ValidTo    Date
}

// AskedSection is the section ID of chunks made of a document's asked questions.
// No file can have it: slugs do not begin with a dash.
const AskedSection = "-asked"

// ProfileSection is the section ID of the chunk that joins all asked questions of a
// document: the words in which people speak of it.
const ProfileSection = "-profile"

// maxChunkRunes is where a section is split. Sections of up to about 1,800
// letters (some 400 syllables) are one thought for a reader and within the input
// of every embedding model in use.
const maxChunkRunes = 1800

// headings are the sections of a procedure, in the order a reader wants them.
var headings = [...]struct{ id, heading string }{
	{"tom-tat", "Tóm tắt"}, {"doi-tuong", "Đối tượng"}, {"ho-so", "Hồ sơ"}, {"noi-nop", "Nơi nộp"},
	{"cach-nop", "Cách nộp"}, {"trinh-tu", "Trình tự"}, {"thoi-han", "Thời hạn"}, {"le-phi", "Lệ phí"},
	{"ket-qua", "Kết quả"}, {"mau-don", "Mẫu đơn"}, {"can-cu", "Căn cứ"}, {"luu-y", "Lưu ý"},
}

// Passages returns the document's sections as a reader meets them: the written
// text followed by the typed rows that belong under it. All periods of a figure
// are there; what holds on a day is chosen when a question is answered.
func (l *Library) Passages(d *Document) []Section {
	sections := slices.Clone(d.Sections)
	if d.Kind == Procedure {
		sections = d.standardSections()
	} else { // typed rows without a section of their own, and the law, come last
		for _, s := range []Section{{ID: "le-phi", Heading: "Lệ phí"}, {ID: "thoi-han", Heading: "Thời hạn"}, {ID: "can-cu", Heading: "Căn cứ"}} {
			if d.Section(s.ID) == nil {
				sections = append(sections, s)
			}
		}
	}
	for i := range sections {
		s := &sections[i]
		lines := l.typedLines(d, s.ID)
		if len(lines) > 0 {
			s.Body = strings.TrimSpace(s.Body + "\n\n- " + strings.Join(lines, "\n- "))
		}
	}
	return slices.DeleteFunc(sections, func(s Section) bool { return s.Body == "" })
}

// standardSections are the written sections and, empty, those that typed fields
// may fill, in the fixed order.
func (d *Document) standardSections() []Section {
	sections := make([]Section, 0, len(headings))
	for _, h := range headings {
		s := Section{ID: h.id, Heading: h.heading}
		if written := d.Section(h.id); written != nil {
			s = *written
		}
		sections = append(sections, s)
	}
	for _, s := range d.Sections {
		if !slices.ContainsFunc(headings[:], func(h struct{ id, heading string }) bool { return h.id == s.ID }) {
			sections = append(sections, s)
		}
	}
	return sections
}

// typedLines prints the typed fields that belong under a section.
func (l *Library) typedLines(d *Document, section string) []string {
	var lines []string
	for _, f := range d.FactsOf(section) {
		lines = append(lines, l.Line(d, &f, max(f.ValidFrom, d.Checked)))
	}
	switch section {
	case "noi-nop":
		if d.Authority != "" {
			lines = append(lines, "Nơi giải quyết: "+d.Authority)
		}
	case "can-cu":
		for _, ref := range d.LegalBasis {
			lines = append(lines, ref.String())
		}
		if len(d.Codes) > 0 {
			lines = append(lines, "Mã thủ tục: "+strings.Join(d.Codes, ", "))
		}
	}
	return lines
}

// String prints a reference: "Luật Hộ tịch (60/2014/QH13)".
func (r LegalRef) String() string {
	s := r.Title
	switch {
	case s == "":
		s = r.Ref
	case r.Ref != "" && !strings.Contains(s, r.Ref):
		s += " (" + r.Ref + ")"
	}
	if r.Date != "" {
		s += ", ngày " + r.Date.String()
	}
	return s
}

// Split cuts a document into chunks, in reading order, the asked questions last.
func (l *Library) Split(d *Document) []Chunk {
	var chunks []Chunk
	for _, s := range l.Passages(d) {
		for _, piece := range splitText(s.Body, maxChunkRunes) {
			chunks = append(chunks, d.chunk(s.ID, s.Heading, piece))
		}
	}
	for _, q := range d.Asked {
		chunks = append(chunks, d.chunk(AskedSection, "", q))
	}
	if len(d.Asked) > 0 {
		chunks = append(chunks, d.chunk(ProfileSection, "", strings.Join(d.Asked, "\n")))
	}
	return chunks
}

// OutsidePrefix begins the document IDs of outside matters' chunks.
const OutsidePrefix = "-outside/"

// SplitOutside makes the chunks of an outside matter: each way of asking, and all
// together.
func SplitOutside(o Outside) []Chunk {
	d := &Document{ID: OutsidePrefix + o.ID, Title: o.Title, Collection: "outside"}
	var chunks []Chunk
	for _, q := range o.Asked {
		chunks = append(chunks, d.chunk(AskedSection, "", q))
	}
	return append(chunks, d.chunk(ProfileSection, "", strings.Join(o.Asked, "\n")), d.chunk("tom-tat", "", o.Title))
}

// AsOutside returns the matter that the document ID of a hit stands for.
func (l *Library) AsOutside(document string) (Outside, bool) {
	id, ok := strings.CutPrefix(document, OutsidePrefix)
	if !ok {
		return Outside{}, false
	}
	for _, o := range l.Outside {
		if o.ID == id {
			return o, true
		}
	}
	return Outside{}, false
}

func (d *Document) chunk(section, heading, text string) Chunk {
	c := Chunk{
		Document: d.ID, Section: section, Collection: d.Collection, Audience: d.Audience,
		Title: d.Title, Aliases: d.Aliases, Heading: heading, Text: text,
		ValidFrom: d.ValidFrom, ValidTo: d.ValidTo,
	}
	c.ID = fmt.Sprintf("%s/%s/%s", d.ID, section, digest(heading, text)[:12])
	indexed := []string{c.ID, d.Collection, d.Audience, string(d.ValidFrom), string(d.ValidTo), d.Title}
	c.Hash = digest(append(indexed, d.Aliases...)...)
	return c
}

// digest hashes parts so that moving text from one to the next changes it.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// splitText cuts text into pieces of at most limit runes at blank lines and list
// items; a single line longer than that is cut after a sentence, or else at a
// space.
func splitText(text string, limit int) []string {
	var pieces []string
	var piece strings.Builder
	size := 0
	flush := func() {
		if s := strings.TrimSpace(piece.String()); s != "" {
			pieces = append(pieces, s)
		}
		piece.Reset()
		size = 0
	}
	for line := range strings.Lines(text) {
		for line != "" {
			var head string
			head, line = cutLine(line, limit)
			n := len([]rune(head))
			if size+n > limit {
				flush()
			}
			piece.WriteString(head)
			size += n
		}
	}
	flush()
	return pieces
}

// cutLine returns the first at most limit runes of a line, and the rest.
func cutLine(line string, limit int) (head, rest string) {
	runes := []rune(line)
	if len(runes) <= limit {
		return line, ""
	}
	window := string(runes[:limit])
	for _, border := range []string{". ", "; ", " "} {
		if i := strings.LastIndex(window, border); i > 0 {
			return line[:i+len(border)], line[i+len(border):]
		}
	}
	return window, line[len(window):]
}

// Heading is the heading of one of a procedure's fixed sections, or the ID itself.
func Heading(section string) string {
	for _, h := range headings {
		if h.id == section {
			return h.heading
		}
	}
	return section
}
