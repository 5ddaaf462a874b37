package pipeline

import (
	"regexp"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// The checks every answer passes before it leaves; a check that could not run is
// missing from Outcome.Checks and the answer is not verified. An approved answer has
// checkApproved for checkNumbers.
const (
	checkNumbers   = "number_grounding"     // every typed value of the answer occurs in a cited passage or record
	checkCitations = "citations"            // every [n] resolves, and something is cited
	checkLanguage  = "language"             // Vietnamese with diacritics
	checkPrivacy   = "no_personal_data"     // no personal data of the question is echoed
	checkOffices   = "no_abolished_office"  // nobody is sent to a district office
	checkContacts  = "contacts"             // every telephone number, mail address and link is listed, an unverified one marked
	checkMissing   = "says_what_is_missing" // what the document was found to lack is said
)

// verify runs all checks on a drafted answer and reports whether all passed.
func (a *Assistant) verify(d *draft, q *understanding) (map[string]string, bool) {
	answer := d.text()
	results := map[string]bool{
		checkNumbers:   grounded(answer, a.evidence(d)...),
		checkCitations: citationsResolve(answer, d.citations),
		checkLanguage:  !vietnamese.MissingDiacritics(answer),
		checkContacts:  a.listed(answer, d),
		checkPrivacy:   !a.echoesPersonalData(answer, q.raw),
		checkOffices:   !sendsToAbolished(answer),
		checkMissing:   !slices.ContainsFunc(d.gap.lines, func(line string) bool { return !strings.Contains(answer, line) }),
	}
	checks := make(map[string]string, len(results))
	verified := true
	for name, ok := range results {
		checks[name] = "pass"
		if !ok {
			checks[name] = "fail"
			verified = false
		}
	}
	return checks, verified
}

// sendsToAbolished reports whether an answer sends somebody to an office that ended
// with the district level.
func sendsToAbolished(answer string) bool {
	_, found := corpus.AbolishedOffice(answer)
	return found
}

// values are the typed values of a text; see vietnamese.FindValues.
type values map[value]bool

type value struct {
	kind      vietnamese.Kind
	canonical string
}

func valuesOf(text string) values {
	have := make(values)
	for _, v := range vietnamese.FindValues(text) {
		have[value{v.Kind, v.Canonical}] = true
	}
	return have
}

// evidence are the values an answer may hold: those of the cited passages and of the
// records of the cited documents.
func (a *Assistant) evidence(d *draft) []values {
	var b strings.Builder
	for _, c := range d.contacts {
		// A number stands once as a number to dial and once by itself, as answers
		// print it either way.
		b.WriteString(c.Name + "\n" + c.Reachable() + "\ngọi " + c.Phone + "\n" + c.Note + "\n")
	}
	b.WriteString(d.table)
	all := []values{valuesOf(b.String())}
	for _, c := range d.citations {
		if doc := a.lib.Document(c.Document); doc != nil {
			p := a.page(doc, d.asOf)
			all = append(all, p.record, p.passages[c.Section])
		}
	}
	return all
}

// takeValues notes the values of a document: those of its record, typed rows of
// every day included, and of each section.
func (p *page) takeValues(lib *corpus.Library, doc *corpus.Document, asOf corpus.Date) {
	p.passages = make(map[string]values)
	for _, s := range lib.Passages(doc) {
		p.passages[s.ID] = valuesOf(s.Heading + "\n" + s.Body)
	}
	var b strings.Builder
	b.WriteString(doc.Record())
	for _, f := range doc.Facts() {
		b.WriteString(lib.Line(doc, &f, asOf) + "\n")
	}
	p.record = valuesOf(b.String())
}

// grounded reports whether every value of the answer occurs in the evidence, by
// canonical value: "8.000 đồng" is grounded by "8.000 đồng/bản", "5 ngày" is not
// by "5 ngày làm việc". The numbers of a list's steps are no values.
func grounded(answer string, evidence ...values) bool {
	for said := range valuesOf(stepNumber.ReplaceAllString(citationMark.ReplaceAllString(answer, ""), "")) {
		if !slices.ContainsFunc(evidence, func(have values) bool { return have[said] }) {
			return false
		}
	}
	return true
}

var citationMark = regexp.MustCompile(`\[([0-9]+)\]`)

// citationsResolve reports whether the answer cites, and only what is there.
func citationsResolve(answer string, citations []Citation) bool {
	marks := citationMark.FindAllString(answer, -1)
	if len(marks) == 0 {
		return false
	}
	known := make(map[string]bool)
	for _, c := range citations {
		known["["+itoa(c.N)+"]"] = true
	}
	for _, m := range marks {
		if !known[m] {
			return false
		}
	}
	return true
}

// echoesPersonalData reports whether personal data of the question stands in the
// answer.
func (a *Assistant) echoesPersonalData(answer, question string) bool {
	_, found := a.masker.Mask(question)
	for _, f := range found {
		if f.Text != "" && strings.Contains(answer, f.Text) {
			return true
		}
	}
	return false
}
