package corpus

import (
	"cmp"
	"slices"
)

// Stale is a document, one of its figures or a contact that needs a look.
type Stale struct {
	Document string `json:"document"` // "contacts/" and the ID for a contact
	Title    string `json:"title"`
	What     string `json:"what"`
	Date     Date   `json:"date"`
	Due      bool   `json:"due"`            // the date has passed; otherwise it comes soon
	Next     string `json:"next,omitempty"` // the figure that follows, where the document has it
}

// maxCheckedDays is how old a check may grow before the document is listed as
// stale: fees and forms change about twice a year (January and July).
const maxCheckedDays = 180

// Stale lists what is past its validity on the day asOf, what ends within that many
// days, and what was checked too long ago; ordered by date. A figure that has ended
// is left out when the document has the one that follows.
func (l *Library) Stale(asOf Date, within int) []Stale {
	var stale []Stale
	due := func(date Date) bool { return date != "" && date < asOf }
	soon := func(date Date) bool { return date >= asOf && asOf.Days(date) <= within }
	for _, d := range l.Documents {
		if due(d.ValidTo) || soon(d.ValidTo) {
			stale = append(stale, Stale{d.ID, d.Title, "hiệu lực của cả tài liệu", d.ValidTo, due(d.ValidTo), ""})
		}
		for _, rows := range d.rows() {
			for i := range rows.facts {
				f := &rows.facts[i]
				next := following(rows.facts, f)
				switch {
				case due(f.ValidTo) && next == nil:
					stale = append(stale, Stale{d.ID, d.Title, f.For, f.ValidTo, true, ""})
				case soon(f.ValidTo):
					s := Stale{d.ID, d.Title, f.For, f.ValidTo, false, ""}
					if next != nil {
						s.Next = l.Figure(d, next, next.ValidFrom)
					}
					stale = append(stale, s)
				}
			}
		}
		if d.Checked.Days(asOf) > maxCheckedDays {
			stale = append(stale, Stale{d.ID, d.Title, "lần kiểm tra gần nhất đã lâu", d.Checked, true, ""})
		}
	}
	for _, c := range l.Contacts {
		if c.Checked.Days(asOf) > maxCheckedDays {
			stale = append(stale, Stale{"contacts/" + c.ID, c.Name, "lần kiểm tra gần nhất đã lâu", c.Checked, true, ""})
		}
	}
	if u := l.Units; u.Checked != "" && u.Checked.Days(asOf) > maxCheckedDays {
		stale = append(stale, Stale{"units", "Bảng xã, phường cũ và mới", "lần kiểm tra gần nhất đã lâu", u.Checked, true, ""})
	}
	slices.SortStableFunc(stale, func(a, b Stale) int { return cmp.Compare(a.Date, b.Date) })
	return stale
}

// following is the row that continues the fact after its end: the same "for" and
// condition in a later period. It is nil when there is none.
func following(rows []Fact, f *Fact) *Fact {
	i := slices.IndexFunc(rows, func(next Fact) bool {
		return next.For == f.For && next.Condition == f.Condition && f.ValidTo != "" && next.ValidFrom > f.ValidTo
	})
	if i < 0 {
		return nil
	}
	return &rows[i]
}
