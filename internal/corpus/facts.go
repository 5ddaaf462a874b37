package corpus

import (
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

// baseAmount looks a named amount up: in the same document first, then in all.
func (l *Library) baseAmount(doc *Document, name string, asOf Date, depth int) (float64, string, bool) {
	const maxDepth = 4 // a base may itself be a share; deeper means a circle
	if depth > maxDepth {
		return 0, "", false
	}
	rows := l.bases[vietnamese.Fold(name)]
	find := func(same bool) (float64, string, bool) {
		for _, b := range rows {
			if (b.doc == doc) != same || !asOf.Within(b.fact.ValidFrom, b.fact.ValidTo) {
				continue
			}
			if b.fact.Value != nil {
				return *b.fact.Value, b.fact.Unit, true
			}
			if b.fact.Base != "" {
				return l.share(b.doc, b.fact, asOf, depth+1)
			}
		}
		return 0, "", false
	}
	if v, u, ok := find(true); ok {
		return v, u, true
	}
	return find(false)
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
func (c Condition) Words() string {
	parts := []string{c.Who, channelWords(c.Channel), c.Region, occasionWords(c.Occasion)}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return strings.Join(parts, ", ")
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

// Line prints one fact as a line of an answer: "Bản sao giấy khai sinh xin thêm:
// 8.000 đồng/bản". It says the condition, a low confidence, an unknown figure with
// the office to ask, and that a figure ends soon.
func (l *Library) Line(doc *Document, f *Fact, asOf Date) string {
	var b strings.Builder
	b.WriteString(f.For)
	if c := f.Condition.Words(); c != "" && !strings.Contains(vietnamese.Fold(f.For), vietnamese.Fold(c)) {
		b.WriteString(" (" + c + ")")
	}
	b.WriteString(": ")
	switch {
	case !f.Known():
		b.WriteString("chưa xác minh được mức")
		if f.Ask != "" {
			b.WriteString("; hãy hỏi " + f.Ask)
		}
	case f.IsFree() && f.Text == "":
		b.WriteString("miễn phí (0 đồng)")
	default:
		b.WriteString(l.Figure(doc, f, asOf))
	}
	if f.Known() && cmpConfidence(f, doc) == "low" {
		b.WriteString(" (độ tin cậy thấp, nên hỏi lại nơi tiếp nhận)")
	}
	if f.Note != "" {
		b.WriteString("; " + f.Note)
	}
	if f.ValidFrom > asOf {
		b.WriteString("; áp dụng từ " + f.ValidFrom.String())
	}
	if f.ValidTo != "" && f.ValidTo >= asOf {
		if asOf.Days(f.ValidTo) <= Soon {
			b.WriteString("; sắp thay đổi: chỉ áp dụng đến hết " + f.ValidTo.String())
		} else {
			b.WriteString("; áp dụng đến hết " + f.ValidTo.String())
		}
	}
	return b.String()
}

func cmpConfidence(f *Fact, doc *Document) string {
	if f.Confidence != "" {
		return f.Confidence
	}
	return doc.Confidence
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
