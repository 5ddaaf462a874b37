package corpus

import "strings"

// Kind is what a document is about and decides which headings it may have.
type Kind string

// The three kinds of document.
const (
	Procedure Kind = "procedure"
	Skill     Kind = "skill"
	Local     Kind = "local"
)

// Document is one knowledge file: typed facts, the ways people ask for it, and
// sections written for residents.
type Document struct {
	ID         string     `yaml:"id" json:"id"`
	Title      string     `yaml:"title" json:"title"`
	Kind       Kind       `yaml:"kind" json:"kind"`
	Aliases    []string   `yaml:"aliases" json:"aliases,omitempty"`
	Usual      []string   `yaml:"usual" json:"usual,omitempty"` // names of several papers that, said alone, mean this one: "hộ chiếu"
	Asked      []string   `yaml:"asked" json:"asked,omitempty"`
	Answers    []Answer   `yaml:"answers" json:"answers,omitempty"` // their questions are in Asked too
	Codes      []string   `yaml:"codes" json:"codes,omitempty"`
	Field      string     `yaml:"field" json:"field,omitempty"`
	Audience   string     `yaml:"audience" json:"audience,omitempty"` // citizen, official or both (the default)
	Level      string     `yaml:"level" json:"level,omitempty"`       // commune, province or central
	Authority  string     `yaml:"authority" json:"authority,omitempty"`
	Submit     []string   `yaml:"submit" json:"submit,omitempty"` // in_person, online, post
	Portal     string     `yaml:"portal" json:"portal,omitempty"`
	Fees       []Fact     `yaml:"fees" json:"fees,omitempty"`
	Durations  []Fact     `yaml:"durations" json:"durations,omitempty"`
	Amounts    []Fact     `yaml:"amounts" json:"amounts,omitempty"` // benefits, contributions, thresholds
	LegalBasis []LegalRef `yaml:"legal_basis" json:"legal_basis,omitempty"`
	ValidFrom  Date       `yaml:"valid_from" json:"valid_from,omitempty"`
	ValidTo    Date       `yaml:"valid_to" json:"valid_to,omitempty"`
	Checked    Date       `yaml:"checked" json:"checked,omitempty"`
	Confidence string     `yaml:"confidence" json:"confidence,omitempty"` // high, medium or low
	Sources    []Source   `yaml:"sources" json:"sources,omitempty"`
	Related    []string   `yaml:"related" json:"related,omitempty"`

	Collection string    `yaml:"-" json:"collection"` // the folder: procedures, skills, local
	File       string    `yaml:"-" json:"file"`       // path inside the knowledge folder
	Sections   []Section `yaml:"-" json:"sections"`
}

// Answer says which questions one line of the document answers.
type Answer struct {
	Line  string   `yaml:"line" json:"line"` // how the line begins: a row as it is printed, an item, a sentence of the summary
	Asked []string `yaml:"asked" json:"-"`   // as the file has them; a library that is read again has only At
	At    []int    `yaml:"-" json:"at"`      // their places in Document.Asked, so that no text is kept twice
}

// Fact is one typed figure. A fact without Value, Rate and Factor is unknown: Ask
// names the office to ask.
type Fact struct {
	For        string    `yaml:"for" json:"for"`
	Name       string    `yaml:"name" json:"name,omitempty"` // what Base of another fact calls this one
	Value      *float64  `yaml:"value" json:"value,omitempty"`
	Max        *float64  `yaml:"max" json:"max,omitempty"` // upper end when the figure is a range
	Unit       string    `yaml:"unit" json:"unit,omitempty"`
	Rate       *float64  `yaml:"rate" json:"rate,omitempty"`     // percent of Base
	Factor     *float64  `yaml:"factor" json:"factor,omitempty"` // multiple of Base
	Base       string    `yaml:"base" json:"base,omitempty"`
	Condition  Condition `yaml:"condition" json:"condition,omitzero"`
	Text       string    `yaml:"text" json:"text,omitempty"` // printed instead of value and unit
	Note       string    `yaml:"note" json:"note,omitempty"`
	ValidFrom  Date      `yaml:"valid_from" json:"valid_from,omitempty"`
	ValidTo    Date      `yaml:"valid_to" json:"valid_to,omitempty"` // last day, inclusive
	Legal      string    `yaml:"legal" json:"legal,omitempty"`
	Confidence string    `yaml:"confidence" json:"confidence,omitempty"` // empty: the document's
	Ask        string    `yaml:"ask" json:"ask,omitempty"`
	Section    string    `yaml:"section" json:"section,omitempty"` // amounts: where it is printed
}

// Condition says in which case a fact holds; an empty field does not restrict.
type Condition struct {
	Who      string `yaml:"who" json:"who,omitempty"`
	Channel  string `yaml:"channel" json:"channel,omitempty"` // in_person, online, post
	Region   string `yaml:"region" json:"region,omitempty"`
	Occasion string `yaml:"occasion" json:"occasion,omitempty"` // first, again, or a short phrase
}

// LegalRef names one legal document.
type LegalRef struct {
	Ref   string `yaml:"ref" json:"ref,omitempty"`
	Title string `yaml:"title" json:"title,omitempty"`
	Date  Date   `yaml:"date" json:"date,omitempty"`
}

// Source is where the facts were read, and when.
type Source struct {
	Title string `yaml:"title" json:"title"`
	URL   string `yaml:"url" json:"url,omitempty"`
	Date  Date   `yaml:"date" json:"date,omitempty"`
}

// Section is one heading of a document with the text under it (Markdown:
// paragraphs, "- " items, "1. " steps).
type Section struct {
	ID      string `json:"id"`      // slug of the heading
	Heading string `json:"heading"` // as written
	Body    string `json:"body"`
	Line    int    `json:"line"` // of the heading in the file, from 1
}

// says reports whether a row, an item or a sentence of the document begins so.
func (d *Document) says(beginning string) bool {
	if strings.TrimSpace(beginning) == "" {
		return false
	}
	for _, f := range d.Facts() {
		if label := f.label(); strings.HasPrefix(label, beginning) || strings.HasPrefix(beginning, label) {
			return true
		}
	}
	for _, s := range d.Sections {
		if strings.Contains("\n"+s.Body, beginning) {
			return true
		}
	}
	for _, ref := range d.LegalBasis {
		if strings.HasPrefix(ref.String(), beginning) {
			return true
		}
	}
	return strings.HasPrefix(d.Authority, beginning) || len(d.Codes) > 0 && strings.HasPrefix("Mã thủ tục: "+strings.Join(d.Codes, ", "), beginning)
}

// URL is the address a resident can read on: the portal's page, else the first source
// that has one.
func (d *Document) URL() string {
	if d.Portal != "" {
		return d.Portal
	}
	for _, s := range d.Sources {
		if s.URL != "" {
			return s.URL
		}
	}
	return ""
}

// Record is what the fields of a document say beside its sections and typed rows,
// one to a line: an answer may take values from it.
func (d *Document) Record() string {
	var b strings.Builder
	b.WriteString(d.Title + "\n" + strings.Join(d.Codes, "\n") + "\n" + d.Authority + "\n" + d.Portal + "\n")
	for _, day := range []Date{d.ValidFrom, d.ValidTo, d.Checked} {
		b.WriteString(day.String() + "\n")
	}
	for _, ref := range d.LegalBasis {
		b.WriteString(ref.String() + "\n")
	}
	return b.String()
}
