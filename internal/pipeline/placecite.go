package pipeline

import (
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// The documents that speak of the present communes and of the end of the
// districts; answers from the table of units cite them.
const (
	mergerDocument   = "sap-nhap-tinh-lao-cai"
	communesDocument = "xa-phuong-tu-" // with the former province
)

// unitsDocument is the document that lists the present communes of a former
// province; the one on the merger when the knowledge has none.
func (a *Assistant) unitsDocument(province string) *corpus.Document {
	if doc := a.lib.Document(communesDocument + corpus.Slug(province) + "-cu"); doc != nil {
		return doc
	}
	return a.lib.Document(mergerDocument)
}

// citeUnit cites the list of present communes at the section that tells of one.
func (a *Assistant) citeUnit(d *draft, c *corpus.Commune) string {
	doc := a.unitsDocument(c.Province)
	return d.cite(doc, sectionOf(doc, c))
}

// sectionOf is the section of a document that has a line on a present commune.
func sectionOf(doc *corpus.Document, c *corpus.Commune) string {
	line := "- " + vietnamese.Fold(c.Name) + ":"
	for _, s := range doc.Sections {
		if strings.Contains(vietnamese.Fold(s.Body), line) {
			return s.ID
		}
	}
	return "tom-tat"
}

// citeNoDistrict cites what is said of the end of the districts.
func (a *Assistant) citeNoDistrict(d *draft) string {
	return d.cite(a.lib.Document(mergerDocument), a.districtSection())
}

// districtSection is where the document on the merger says that districts ended.
func (a *Assistant) districtSection() string {
	const section = "cap-huyen-khong-con"
	if a.lib.Document(mergerDocument).Section(section) != nil {
		return section
	}
	return "tom-tat"
}

// citedSections lists what a draft cites as found: looked up, not ranked.
func citedSections(d *draft) []Retrieved {
	list := []Retrieved{}
	for _, c := range d.citations {
		list = append(list, Retrieved{Document: c.Document, Section: c.Section, Score: 1})
	}
	return list
}
