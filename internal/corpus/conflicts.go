package corpus

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"troly/internal/vietnamese"
)

// A claim is one row with figures, where it stands, and what it is a claim about.
type claim struct {
	doc  *Document
	kind string // fees, durations or amounts
	fact *Fact
}

// conflicts finds rows that state different figures for the same fact in a common
// period, in two documents or in one. Three things make two rows the same fact:
//
//   - the same name: other rows are computed from it, wherever they stand;
//   - the same "for" and condition, in rows of one kind. A "for" that ends in "hồ
//     sơ" ("Giải quyết hồ sơ") speaks of its own document's file and of no other;
//   - in two documents the same procedure, kind and condition: a row that names one
//     procedure code in its "for", or in a document with one code a row that speaks
//     of the whole: its "for" begins with the title or ends in "hồ sơ".
//
// Unknown figures contradict nothing.
func (l *Library) conflicts() []conflict {
	groups := make(map[string][]claim)
	for _, d := range l.Documents {
		for _, rows := range d.rows() {
			for i := range rows.facts {
				c := claim{d, rows.key, &rows.facts[i]}
				for _, subject := range c.subjects() {
					groups[subject] = append(groups[subject], c)
				}
			}
		}
	}
	var found []conflict
	seen := make(map[[2]*Fact]bool)
	for subject, claims := range groups {
		for i, a := range claims {
			for _, b := range claims[i+1:] {
				if a.doc == b.doc && strings.HasPrefix(subject, ofProcedure) {
					continue // its steps, told apart by their "for"
				}
				if a.contradicts(b) && !seen[[2]*Fact{a.fact, b.fact}] {
					seen[[2]*Fact{a.fact, b.fact}] = true
					found = append(found, conflict{a, b})
				}
			}
		}
	}
	slices.SortFunc(found, func(x, y conflict) int {
		return cmp.Or(cmp.Compare(x.b.doc.ID, y.b.doc.ID), cmp.Compare(x.a.doc.ID, y.a.doc.ID), cmp.Compare(x.b.fact.For, y.b.fact.For), cmp.Compare(x.a.fact.For, y.a.fact.For))
	})
	return found
}

// conflict is two rows that cannot both be right.
type conflict struct{ a, b claim }

func (c conflict) String() string {
	if c.a.doc == c.b.doc {
		return fmt.Sprintf("%s %q says %s and, for the same case and time, %s: keep one, or say in a condition or a period what makes them differ", c.b.kind, c.b.fact.For, c.b.figure(), c.a.figure())
	}
	return fmt.Sprintf("%s %q says %s, but %s says %s for %q: keep the figure with the better source in both, or say in \"for\" or a condition what makes them differ", c.b.kind, c.b.fact.For, c.b.figure(), c.a.doc.File, c.a.figure(), c.a.fact.For)
}

// rowsOf is the typed rows of one field of a document.
type rowsOf struct {
	key   string
	facts []Fact
}

// rows are the typed rows of a document, field by field.
func (d *Document) rows() []rowsOf {
	return []rowsOf{{"fees", d.Fees}, {"durations", d.Durations}, {"amounts", d.Amounts}}
}

// subjects are what the row is a claim about, as keys that the same facts share;
// none when it states no figure.
func (c claim) subjects() []string {
	if c.figure() == "" {
		return nil
	}
	var subjects []string
	if c.fact.Name != "" {
		subjects = append(subjects, "name "+vietnamese.Fold(c.fact.Name))
	}
	condition := vietnamese.Fold(c.fact.Condition.Words())
	about := vietnamese.Fold(c.fact.For)
	if strings.HasSuffix(about, ownFile) {
		about += " " + c.doc.ID
	}
	subjects = append(subjects, strings.Join([]string{c.kind, about, condition}, "|"))
	if code := c.code(); code != "" && c.kind != "amounts" {
		subjects = append(subjects, strings.Join([]string{ofProcedure, c.kind, code, condition}, "|"))
	}
	return subjects
}

// ofProcedure begins the keys of rows that speak of one procedure.
const ofProcedure = "procedure"

// ownFile ends the "for" of a row that speaks of its document's own file.
const ownFile = "ho so"

// code is the procedure that the row's figure is the cost or the time of, or "".
func (c claim) code() string {
	var named []string
	for _, v := range vietnamese.FindValues(c.fact.For) {
		if v.Kind == vietnamese.Code {
			named = append(named, v.Canonical)
		}
	}
	about := vietnamese.Fold(c.fact.For)
	whole := strings.HasSuffix(about, ownFile) || strings.HasPrefix(about, vietnamese.Fold(c.doc.Title))
	switch {
	case len(named) == 1:
		return named[0]
	case len(named) == 0 && len(c.doc.Codes) == 1 && whole:
		return c.doc.Codes[0]
	}
	return ""
}

// contradicts reports whether the two rows give different figures for a common day.
func (c claim) contradicts(other claim) bool {
	return c.fact != other.fact && c.figure() != other.figure() && overlap(c.fact, other.fact)
}

func overlap(a, b *Fact) bool {
	return (a.ValidTo == "" || b.ValidFrom <= a.ValidTo) && (b.ValidTo == "" || a.ValidFrom <= b.ValidTo)
}

// figure is what a row states, without what does not change it: "8.000 đồng" is
// the fee whether it is asked a copy or a time. Of a row in words it is the values
// in them, and "" when there are none.
func (c claim) figure() string {
	f := c.fact
	switch {
	case f.Value != nil:
		unit, _, _ := strings.Cut(f.Unit, "/")
		return figure(*f.Value, f.Max, unit)
	case f.Rate != nil:
		return number(*f.Rate) + "% " + f.Base
	case f.Factor != nil:
		return number(*f.Factor) + " × " + f.Base
	case f.Ask != "":
		return ""
	}
	var values []string
	for _, v := range vietnamese.FindValues(f.Text) {
		values = append(values, v.Canonical)
	}
	slices.Sort(values)
	return strings.Join(slices.Compact(values), ", ")
}
