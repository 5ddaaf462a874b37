package corpus

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"troly/internal/vietnamese"
)

// Known reports whether the fact has a figure at all.
func (f *Fact) Known() bool {
	return f.Value != nil || f.Rate != nil || f.Factor != nil || (f.Text != "" && f.Ask == "")
}

// Soon is how many days ahead the end of a figure's validity is announced.
const Soon = 60

// ValidOn returns the rows that hold on the day asOf, in their order. Rows whose
// period is over or has not begun are left out.
func ValidOn(rows []Fact, asOf Date) []Fact {
	var valid []Fact
	for _, f := range rows {
		if asOf.Within(f.ValidFrom, f.ValidTo) {
			valid = append(valid, f)
		}
	}
	return valid
}

// Figure prints the value of a fact on a day: "8.000 đồng/bản", "không quá 8 ngày
// làm việc", or with the working for a share of a base amount: "79.695 đồng/tháng
// (70% × 113.850)". It returns "" for an unknown figure.
func (l *Library) Figure(doc *Document, f *Fact, asOf Date) string {
	switch {
	case f.Text != "" && f.Ask == "":
		return f.Text
	case f.Value != nil:
		return figure(*f.Value, f.Max, f.Unit)
	case f.Rate == nil && f.Factor == nil:
		return ""
	}
	share := ""
	if f.Rate != nil {
		share = number(*f.Rate) + "%"
	} else {
		share = "hệ số " + number(*f.Factor)
	}
	amount, unit, ok := l.share(doc, f, asOf, 0)
	if !ok {
		return share + " " + f.Base
	}
	base, _, _ := l.baseAmount(doc, f.Base, asOf, 0)
	if f.Unit != "" {
		unit = f.Unit
	}
	return figure(amount, nil, unit) + " (" + share + " × " + f.Base + " " + number(base) + ")"
}

// share computes a share of a base amount in whole đồng, half up.
func (l *Library) share(doc *Document, f *Fact, asOf Date, depth int) (float64, string, bool) {
	amount, unit, ok := l.baseAmount(doc, f.Base, asOf, depth)
	if !ok {
		return 0, "", false
	}
	if f.Rate != nil {
		// Rates have at most two decimals: multiplying before dividing keeps the
		// product exact in a float64.
		return math.Floor(amount*math.Round(*f.Rate*100)/10000 + 0.5), unit, true
	}
	return math.Floor(amount*math.Round(*f.Factor*100)/100 + 0.5), unit, true
}

// maxShares is how often a base may itself be a share; more means a circle.
const maxShares = 4

// baseAmount looks a named amount up.
func (l *Library) baseAmount(doc *Document, name string, asOf Date, depth int) (float64, string, bool) {
	b, ok := l.base(doc, name, asOf)
	if !ok || depth > maxShares {
		return 0, "", false
	}
	if b.fact.Value != nil {
		return *b.fact.Value, b.fact.Unit, true
	}
	return l.share(b.doc, b.fact, asOf, depth+1)
}

// base is the row of that name that holds on a day and has a figure: of the same
// document first, then of all.
func (l *Library) base(doc *Document, name string, asOf Date) (base, bool) {
	var elsewhere *base
	rows := l.bases[vietnamese.Fold(name)]
	for i, b := range rows {
		switch {
		case !asOf.Within(b.fact.ValidFrom, b.fact.ValidTo) || b.fact.Value == nil && b.fact.Base == "":
		case b.doc == doc:
			return b, true
		case elsewhere == nil:
			elsewhere = &rows[i]
		}
	}
	if elsewhere == nil {
		return base{}, false
	}
	return *elsewhere, true
}

// figure prints "8.000 đồng", "5–7 ngày", "miễn phí" stays the caller's choice.
func figure(v float64, upper *float64, unit string) string {
	s := number(v)
	if upper != nil {
		s += "–" + number(*upper)
	}
	if unit == "%" {
		return s + unit
	}
	return strings.TrimSpace(s + " " + unit)
}

// number writes a figure the Vietnamese way: "1.366.200", "4,5".
func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	whole, frac, _ := strings.Cut(s, ".")
	sign := ""
	if rest, neg := strings.CutPrefix(whole, "-"); neg {
		sign, whole = "-", rest
	}
	var groups []string
	for len(whole) > 3 {
		groups = append(groups, whole[len(whole)-3:])
		whole = whole[:len(whole)-3]
	}
	groups = append(groups, whole)
	slices.Reverse(groups)
	s = sign + strings.Join(groups, ".")
	if frac != "" {
		s += "," + frac
	}
	return s
}

// IsFree reports whether the figure is a price of nothing.
func (f *Fact) IsFree() bool {
	return f.Value != nil && *f.Value == 0 && strings.HasPrefix(f.Unit, "đồng")
}

// Words says a condition in words: "hộ nghèo, nộp trực tuyến, xã khu vực III".
func (c Condition) Words() string { return strings.Join(c.parts(), ", ") }

func (c Condition) parts() []string {
	parts := []string{c.Who, channelWords(c.Channel), c.Region, occasionWords(c.Occasion)}
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}

// Alternatives are the cases that a field of a condition lists: "hộ nghèo, hộ cận
// nghèo".
func Alternatives(field string) []string {
	if field == "" {
		return nil
	}
	list := strings.FieldsFunc(strings.ReplaceAll(field, " hoặc ", ","), func(r rune) bool { return r == ',' || r == ';' })
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// Unsaid is the part of a condition that the row's own words do not say already.
func (f *Fact) Unsaid() string {
	said := vietnamese.Fold(f.For)
	return strings.Join(slices.DeleteFunc(f.Condition.parts(), func(part string) bool {
		return slices.ContainsFunc(Alternatives(part), func(s string) bool { return strings.Contains(said, vietnamese.Fold(s)) })
	}), ", ")
}

func channelWords(channel string) string {
	switch channel {
	case "in_person":
		return "nộp trực tiếp"
	case "online":
		return "nộp trực tuyến"
	case "post":
		return "nộp qua bưu chính"
	}
	return channel
}

func occasionWords(occasion string) string {
	switch occasion {
	case "first":
		return "lần đầu"
	case "again":
		return "làm lại"
	}
	return occasion
}

// label is what a row says before its figure.
func (f *Fact) label() string {
	if c := f.Unsaid(); c != "" {
		return f.For + " (" + c + ")"
	}
	return f.For
}

// Line prints one fact as a line of an answer: "Bản sao giấy khai sinh xin thêm:
// 8.000 đồng/bản". It says the condition, a low confidence, an unknown figure with
// the office to ask, and that a figure ends soon. A figure of the future is worked
// out for its first day.
func (l *Library) Line(doc *Document, f *Fact, asOf Date) string {
	day := max(asOf, f.ValidFrom)
	var b strings.Builder
	b.WriteString(f.label())
	b.WriteString(": ")
	switch {
	case !f.Known():
		b.WriteString("chưa xác minh")
		if f.Ask != "" {
			b.WriteString("; hãy hỏi " + f.Ask)
		}
	case f.IsFree() && f.Text == "":
		b.WriteString("miễn phí (0 đồng)")
	default:
		b.WriteString(l.Figure(doc, f, day))
	}
	if f.Known() && l.Doubtful(doc, f, day) {
		b.WriteString(" (độ tin cậy thấp, nên hỏi lại nơi tiếp nhận)")
	}
	if f.Note != "" {
		b.WriteString("; " + f.Note)
	}
	if f.ValidFrom > asOf {
		b.WriteString("; áp dụng từ " + f.ValidFrom.String())
	}
	switch until := l.Until(doc, f, day); {
	case until == "" || until < asOf:
	case asOf.Days(until) <= Soon:
		b.WriteString("; sắp thay đổi: chỉ áp dụng đến hết " + until.String())
	default:
		b.WriteString("; áp dụng đến hết " + until.String())
	}
	return b.String()
}

// rests are the rows that a figure rests on, itself first, then the amount it is a
// share of, and so on.
func (l *Library) rests(doc *Document, f *Fact, asOf Date) []base {
	rows := []base{{doc, f}}
	for range maxShares {
		last := rows[len(rows)-1]
		if last.fact.Base == "" {
			break
		}
		next, ok := l.base(last.doc, last.fact.Base, asOf)
		if !ok {
			break
		}
		rows = append(rows, next)
	}
	return rows
}

// Doubtful reports whether a figure or one that it rests on has a low confidence.
func (l *Library) Doubtful(doc *Document, f *Fact, asOf Date) bool {
	return slices.ContainsFunc(l.rests(doc, f, asOf), func(b base) bool {
		return cmp.Or(b.fact.Confidence, b.doc.Confidence) == "low"
	})
}

// Until is the last day on which a figure holds: its own, or that of one that it
// rests on. It is empty when none is known.
func (l *Library) Until(doc *Document, f *Fact, asOf Date) Date {
	var until Date
	for _, b := range l.rests(doc, f, asOf) {
		if end := b.fact.ValidTo; end != "" && (until == "" || end < until) {
			until = end
		}
	}
	return until
}

// Facts are all typed rows of a document: fees, durations, amounts.
func (d *Document) Facts() []Fact {
	return slices.Concat(d.Fees, d.Durations, d.Amounts)
}

// FactSection is the section an amount is printed under.
func (d *Document) FactSection(f *Fact) string {
	switch {
	case f.Section != "":
		return f.Section
	case d.Kind == Procedure:
		return "ket-qua"
	case len(d.Sections) > 0:
		return d.Sections[0].ID
	}
	return ""
}

// FactsOf returns the typed rows printed under a section: fees under le-phi,
// durations under thoi-han, unless a row names its section; amounts as FactSection
// says.
func (d *Document) FactsOf(section string) []Fact {
	var rows []Fact
	take := func(facts []Fact, home string) {
		for _, f := range facts {
			if f.Section == section || f.Section == "" && home == section {
				rows = append(rows, f)
			}
		}
	}
	take(d.Fees, "le-phi")
	take(d.Durations, "thoi-han")
	for i := range d.Amounts {
		if d.FactSection(&d.Amounts[i]) == section {
			rows = append(rows, d.Amounts[i])
		}
	}
	return rows
}
