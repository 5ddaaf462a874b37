package corpus

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"troly/internal/vietnamese"
)

// A reading is one typed value read from a sheet or a document, with the words
// around it. Two readings are the same fact when their keys are.
type reading struct {
	kind    string // money, working-days, days, age, percent, date, code, form, ref, phone, link, measure, number
	value   string // canonical
	context string
}

func (r reading) key() string { return r.kind + " " + r.value }

// kindOf names the kinds that vietnamese.FindValues tells apart.
var kindOf = map[vietnamese.Kind]string{
	vietnamese.Money: "money", vietnamese.WorkingDays: "working-days", vietnamese.Duration: "days",
	vietnamese.Age: "age", vietnamese.Percent: "percent", vietnamese.Date: "date", vietnamese.Code: "code",
	vietnamese.Form: "form", vietnamese.Reference: "ref", vietnamese.Phone: "phone", vietnamese.Link: "link",
	vietnamese.Email: "link", vietnamese.Number: "number",
}

var (
	linkPattern = regexp.MustCompile(`https?://[^\s)>\]",;]+`)
	// sheetForm is a form's own number: "CT07", "ĐKX10", "Mẫu số 01/ĐK", "mẫu NA1".
	sheetForm = regexp.MustCompile(`\b[A-Z]{2,5}[0-9]{1,3}[a-z]?\b|ĐKX?[0-9]+|\b[0-9]{2}[a-z]?/[A-Z][A-ZĐ]+(?:-[A-ZĐ]+)*|(?:[Mm]ẫu|[Tt]ờ khai|[Bb]iểu)(?: số)? ([0-9]{0,2}[A-Za-z]{0,2}[0-9]{0,2}[a-z]?[0-9]?(?:[-/.][0-9A-ZĐ]+)*)`)
	// bareRef is a decree's number without the letters that say whose it is, as
	// sheets write in a row of amendments: "87/2020, 104/2022, 18/2026/NĐ-CP".
	bareRef = regexp.MustCompile(`(?:(TT|Thông tư|NĐ|Nghị định|NQ|Nghị quyết|QĐ|Quyết định|Luật|số)(?:-[A-ZĐ]+)? (?:[\p{L}, ]{0,60} )?)?\b([0-9]{1,4}(?:\.[0-9]{1,2})?)/((?:19|20)[0-9]{2})(/[A-ZĐa-z][A-ZĐa-z0-9-]*)?`)
	// dottedRef is a resolution by its number alone: "NQ 66.22".
	dottedRef = regexp.MustCompile(`\b(?:NQ|Nghị quyết)(?: số)? ([0-9]{2}\.[0-9]{1,2})\b[^/0-9]`)
	// decision tells a decision without a year, "1613/QĐ-TTg", from a form's number,
	// "02/CNKD-TNCN".
	decision = regexp.MustCompile(`/(QĐ|NQ|NĐ|TT|CT|KH|CV|[A-ZĐ]*VBHN)(-|$)|/UBND|/[0-9]{4}`)
	// measure is a threshold counted in something else than money and time.
	measure = regexp.MustCompile(`([0-9]+(?:\.[0-9]{3})*(?:,[0-9]+)?) ?(m²|m2|m³|ha|hécta|km|cm³|cc|kW|kg|tấn|mét|m|điểm|chỗ|tầng|ảnh|trang|người|con|lần|câu|giây|GB|MB)(?:[^\p{L}]|$)`)
)

// readings reads every typed value of text, in order.
func readings(text string) []reading {
	text = strings.ReplaceAll(norm.NFC.String(text), "hằng tháng ", "mỗi tháng, ") // no month's name
	original := text                                                               // parts that were read are blanked in text, offsets stay
	var found []reading
	take := func(pattern *regexp.Regexp, read func(m []string) (kind, value string)) {
		text = replaceAll(pattern, text, func(m []string, at int) string {
			kind, value := read(m)
			if value == "" {
				return m[0]
			}
			found = append(found, reading{kind, value, around(original, at, len(m[0]))})
			return strings.Repeat(" ", len(m[0]))
		})
	}
	take(linkPattern, func(m []string) (string, string) {
		v := vietnamese.FindValues(strings.TrimRight(m[0], "."))
		if len(v) != 1 {
			return "", ""
		}
		return "link", v[0].Canonical
	})
	found = append(found, references(&text)...)
	take(dottedRef, func(m []string) (string, string) { return "ref", m[1] })
	take(sheetForm, func(m []string) (string, string) {
		code := m[0]
		if m[1] != "" {
			code = m[1]
		}
		if !strings.ContainsAny(code, "0123456789") || m[1] == "" && decision.MatchString(code) {
			return "", ""
		}
		return "form", strings.ToUpper(strings.TrimRight(strings.TrimLeft(code, "0"), "./-"))
	})
	values := vietnamese.FindValues(text)
	for i, v := range values {
		kind, value := kindOf[v.Kind], v.Canonical
		if kind == "ref" && !decision.MatchString(value) {
			kind, value = "form", strings.TrimLeft(value, "0")
		}
		found = append(found, reading{kind, value, around(original, v.Start, v.End-v.Start)})
		if unit, ok := sharedUnit(text, values[i:]); ok {
			found = append(found, reading{kindOf[unit.Kind], unit.Canonical, around(original, v.Start, v.End-v.Start)})
		}
	}
	for _, m := range measure.FindAllStringSubmatchIndex(text, -1) {
		unit := strings.ReplaceAll(text[m[4]:m[5]], "m2", "m²")
		value := strings.ReplaceAll(canonicalNumber(text[m[2]:m[3]]), ".", ",")
		found = append(found, reading{"measure", value + " " + unit, around(original, m[2], m[5]-m[2])})
	}
	return found
}

// sharedUnit gives the first of values, a bare figure, the unit of the figure that
// ends its range or row: "61–dưới 81%", "3, 6 hoặc 12 tháng".
func sharedUnit(text string, values []vietnamese.Value) (vietnamese.Value, bool) {
	for i := 0; i+1 < len(values) && values[i].Kind == vietnamese.Number; i++ {
		next := values[i+1]
		if rowWords.ReplaceAllString(text[values[i].End:next.Start], "") != "" {
			break
		}
		unit := strings.TrimLeft(text[next.Start:next.End], "0123456789.,")
		if next.Kind == vietnamese.Number || unit == text[next.Start:next.End] {
			continue
		}
		v := vietnamese.FindValues(text[values[0].Start:values[0].End] + unit)
		return v[0], len(v) == 1 && v[0].Kind == next.Kind
	}
	return vietnamese.Value{}, false
}

// rowWords are what stands between the figures of one row.
var rowWords = regexp.MustCompile(`[ ,/–-]|đến|dưới|hoặc|và|đủ`)

// references reads the numbers of legal documents, and blanks them: whole ones,
// those that share the letters of the next in their row, and those that only a
// word before them makes one. The value is number/year/letters, as far as given.
func references(text *string) []reading {
	matches := bareRef.FindAllStringSubmatchIndex(*text, -1)
	sub := func(m []int, i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return (*text)[m[2*i]:m[2*i+1]]
	}
	var found []reading
	blank := []byte(*text)
	letters, next := "", len(*text)
	for _, m := range slices.Backward(matches) {
		whose := sub(m, 4)
		number, _ := strconv.ParseFloat(sub(m, 2), 64)
		switch {
		case whose != "":
			letters = whose
		case letters != "" && oneRow((*text)[m[1]:next], number > 12 || sub(m, 1) != ""):
			whose = letters
		case sub(m, 1) == "" && number <= 12:
			continue // a month
		default:
			letters = ""
		}
		next = m[4]
		value := strings.TrimLeft(sub(m, 2), "0") + "/" + sub(m, 3) + strings.ToUpper(whose)
		found = append(found, reading{"ref", value, around(*text, m[4], m[1]-m[4])})
		for i := m[4]; i < m[1]; i++ {
			blank[i] = ' '
		}
	}
	*text = string(blank)
	slices.Reverse(found)
	return found
}

// oneRow reports whether the numbers of two legal documents with this text between
// them belong to one row and share their letters. A first number that might be a
// month (not sure) is one only when nothing but a comma or "và" stands between.
func oneRow(between string, sure bool) bool {
	const most = 60
	if len(between) > most || !sure && strings.Trim(between, ", và") != "" {
		return false
	}
	return !rowEnd.MatchString(inBrackets.ReplaceAllString(between, ""))
}

var (
	inBrackets = regexp.MustCompile(`\([^()]*\)`)
	rowEnd     = regexp.MustCompile(`[.:;()\n]|Luật|Nghị|Thông tư|Quyết`)
)

// sameRef reports whether two numbers of legal documents can be one: what one
// leaves out the other may say.
func sameRef(a, b string) bool {
	x, y := strings.SplitN(a, "/", 3), strings.SplitN(b, "/", 3)
	if x[0] != y[0] {
		return false
	}
	for i := 1; i < min(len(x), len(y)); i++ {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}

// sameDate reports whether a date as told in claim is borne out by known: every
// part that claim names must be the same there.
func sameDate(claim, known string) bool {
	split := func(s string) (y, m, d string) {
		if rest, ok := strings.CutPrefix(s, "--"); ok {
			m, d, _ = strings.Cut(rest, "-")
			return "", m, d
		}
		parts := append(strings.Split(s, "-"), "", "")
		return parts[0], parts[1], parts[2]
	}
	y, m, d := split(claim)
	ky, km, kd := split(known)
	return (y == "" || y == ky) && (m == "" || m == km) && (d == "" || d == kd)
}

// bears reports whether one of the readings says what r says.
func bears(known []reading, r reading) bool {
	return slices.ContainsFunc(known, func(k reading) bool {
		switch {
		case r.kind == "ref" && k.kind == "ref":
			return sameRef(r.value, k.value)
		case r.kind == "date" && k.kind == "date":
			return sameDate(r.value, k.value)
		case r.kind == "first-day" && k.kind == "date":
			return k.value == r.value || k.value == addDays(Date(r.value), -1)
		case r.kind == "last-day" && k.kind == "date":
			return k.value == r.value || k.value == addDays(Date(r.value), 1)
		case r.kind == "number": // a bare figure, whatever it counts
			return numeral(k.value) == numeral(r.value) || k.kind == "date" && strings.HasPrefix(k.value, r.value+"-") || k.kind == "ref" && strings.Contains(k.value, "/"+r.value)
		case r.kind == "money" && k.kind == "number": // "(8.000)", "30.000/50.000"
			return len(r.value) > 3 && k.value == r.value
		case r.kind == "measure" && k.kind == "number": // "từ 2 đến 5 lần"
			return numeral(k.value) == numeral(r.value)
		}
		return k.key() == r.key()
	})
}

// numeral is the figure of a canonical value without its unit: "P5D" is 5.
func numeral(value string) string {
	value = strings.TrimLeft(value, "PT")
	end := strings.IndexFunc(value, func(r rune) bool { return (r < '0' || r > '9') && r != ',' && r != '.' })
	if end >= 0 {
		value = value[:end]
	}
	return value
}

// replaceAll is ReplaceAllStringFunc with the groups and the offset of each match.
func replaceAll(pattern *regexp.Regexp, s string, replace func(m []string, at int) string) string {
	var b strings.Builder
	last := 0
	for _, at := range pattern.FindAllStringSubmatchIndex(s, -1) {
		var m []string
		for i := 0; i < len(at); i += 2 {
			if at[i] < 0 {
				m = append(m, "")
				continue
			}
			m = append(m, s[at[i]:at[i+1]])
		}
		b.WriteString(s[last:at[0]])
		b.WriteString(replace(m, at[0]))
		last = at[1]
	}
	return b.String() + s[last:]
}

// around is the line of s about s[at:at+n], cut to some words on each side.
func around(s string, at, n int) string {
	const side = 45
	before, after := []rune(s[:at]), []rune(s[at+n:])
	if len(before) > side {
		before = before[len(before)-side:]
	}
	if len(after) > side {
		after = after[:side]
	}
	b, a := string(before), string(after)
	if i := strings.LastIndexByte(b, '\n'); i >= 0 {
		b = b[i+1:]
	}
	a, _, _ = strings.Cut(a, "\n")
	return strings.TrimSpace(strings.Join(strings.Fields(b+"«"+s[at:at+n]+"»"+a), " "))
}

func TestReadings(t *testing.T) {
	tests := []struct {
		text string
		want string
	}{
		{"Lệ phí 8.000 đồng/bản, trong 05 ngày làm việc", "money 8000; working-days P5D"},
		{"sửa bởi 87/2020, 104/2022 và 07/2025, 18/2026/NĐ-CP từ 01/03/2027", "ref 87/2020/NĐ-CP; ref 104/2022/NĐ-CP; ref 7/2025/NĐ-CP; ref 18/2026/NĐ-CP; date 2027-03-01"},
		{"TT 155/2025 (ngày 07/2025), NQ 66.22 và bản 12/2025", "ref 155/2025; ref 66.22; date 2025-07; date 2025-12"},
		{"TT 61/2025/TT-BCA (sửa bởi 120/2026); TT 73/2024/TT-BTC; NĐ 68/2026, Luật 09/2026/QH16", "ref 61/2025/TT-BCA; ref 120/2026; ref 73/2024/TT-BTC; ref 68/2026; ref 9/2026/QH16"},
		{"Tờ khai mẫu ĐKX10; Mẫu số 01/ĐK; CT07", "form ĐKX10; form 1/ĐK; form CT07"},
		{"đất ở 400 m2 (năm 2025 một nhà), từ 14 tuổi, giảm 50%", "age 14; percent 50; number 400; number 2025; measure 400 m²"},
		{"35.000–105.000 đồng; miễn phí", "money 35000; money 105000; money 0"},
		{"mã 1.115970 (https://dichvucong.gov.vn/a/019d2b.)", "link dichvucong.gov.vn/a/019d2b; code 1.115970"},
		{"từ 61–dưới 81%, 3, 6 hoặc 12 tháng", "number 61; percent 61; percent 81; number 3; days P3M; number 6; days P6M; days P12M"},
		{"Quyết định 1613/QĐ-TTg và mẫu 02/CNKD-TNCN", "ref 1613/QĐ-TTG; form 2/CNKD-TNCN"},
		{"gọi 1900 0368", "phone 19000368"},
	}
	for _, tt := range tests {
		var got []string
		for _, r := range readings(tt.text) {
			got = append(got, r.key())
		}
		want := strings.Split(tt.want, "; ")
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("readings(%q)\n got %q\nwant %q", tt.text, got, want)
		}
	}
}
