package pipeline

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"troly/internal/corpus"
)

// placeLines are what an answer about something else says of the places in the
// question: the present commune of a former one, and that the office of a district
// is gone and which one serves now.
func (a *Assistant) placeLines(q *understanding, doc *corpus.Document) []placeLine {
	if a.lib.Document(mergerDocument) == nil || strings.HasPrefix(doc.ID, communesDocument) {
		return nil
	}
	var lines []placeLine
	for _, n := range q.places.former {
		var parts []string
		for _, p := range n.can {
			part := fmt.Sprintf("%s (%s cũ) nay thuộc %s", p.Former.Name, corpus.Running(p.Former.District), corpus.Running(p.Commune.Name))
			if !p.Former.Confirmed {
				part += " (chưa xác minh)"
			}
			parts = append(parts, part)
		}
		text := strings.Join(parts, "; ")
		if doc.Level == "commune" && len(n.successors()) == 1 {
			text += ": việc cấp xã làm ở " + corpus.Running(n.can[0].Commune.Name)
		}
		list := a.unitsDocument(n.can[0].Commune.Province)
		lines = append(lines, placeLine{text, list, sectionOf(list, n.can[0].Commune)})
	}
	if q.places.district {
		lines = append(lines, placeLine{a.noDistrict(q.places, doc), a.lib.Document(mergerDocument), a.districtSection()})
	}
	return lines
}

// placeLine is one line and the section it is taken from.
type placeLine struct {
	text    string
	doc     *corpus.Document
	section string
}

// noDistrict says that districts ended and which office serves now.
func (a *Assistant) noDistrict(p places, doc *corpus.Document) string {
	text := fmt.Sprintf("Từ %s không còn cấp huyện", a.lib.Units.Since)
	if len(p.districts) > 0 {
		text += ", không còn " + corpus.Running(p.districts[0].Name)
	}
	if doc.Authority == "" {
		return text + ": việc trước làm ở huyện nay làm ở xã, phường hoặc ở tỉnh"
	}
	return text + ". Nơi giải quyết nay là: " + a.office(doc)
}

// tellNoDistrict begins what is no answer with the end of the districts, if the question
// names one or asks for its office: nobody shall look for it.
func (a *Assistant) tellNoDistrict(out *Outcome, q *understanding) {
	if !q.places.district || out.Status != Abstained && out.Status != Clarify || a.lib.Document(mergerDocument) == nil {
		return
	}
	out.Answer = a.noDistrict(q.places, &corpus.Document{}) + ".\n" + out.Answer
}

// keepFree leaves room for lines that are inserted at the end.
func (d *draft) keepFree(lines []placeLine) {
	for _, l := range lines {
		d.runes += utf8.RuneCountInString(l.text)
	}
}

// insertPlaces puts the lines after the first at lines of the draft. Written last,
// they leave the first citations to the document that answers.
func (d *draft) insertPlaces(at int, lines []placeLine, since corpus.Date) {
	written := make([]string, 0, len(d.lines)+len(lines))
	written = append(written, d.lines[:at]...)
	for _, l := range lines {
		written = append(written, l.text+" "+d.cite(l.doc, l.section)+".")
		d.table += since.String() + "\n"
	}
	d.lines = append(written, d.lines[at:]...)
}
