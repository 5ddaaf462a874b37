package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// lawTable finds a legal text by its number, folded: "168/2025/nd-cp", or by the
// beginning of it, "168/2025", which is what people remember.
type lawTable map[string]law

// law is a legal text that a question is about.
type law struct {
	number    string      // as it is written; empty: of no text
	documents []string    // that rest on it, those that cite it most first
	amending  []legalText // texts that amend it
}

// legalText is one as a document cites it.
type legalText struct {
	number, title string // the number is empty when the title has it
	document      string // the first that cites it
}

func (a legalText) String() string {
	if a.number == "" {
		return a.title
	}
	return a.title + " (" + a.number + ")"
}

// amends matches the title of an amending text; what it amends stands in it by number.
var (
	amends   = regexp.MustCompile(`^\p{Lu}\p{Ll}+( \p{Ll}+)*? sửa( đổi)? `)
	inTitles = regexp.MustCompile(`[0-9]+/[0-9]{4}(/[\p{L}-]+[0-9]*)?`)
)

func newLawTable(lib *corpus.Library) lawTable {
	times := make(map[string]map[string]int) // number -> document -> how often it cites it
	t := make(lawTable)
	for _, d := range lib.Documents {
		var numbers []string
		for _, ref := range d.LegalBasis {
			numbers = append(numbers, ref.Ref)
		}
		for _, f := range d.Facts() {
			numbers = append(numbers, f.Legal)
		}
		for _, written := range slices.DeleteFunc(numbers, func(n string) bool { return n == "" }) {
			for _, number := range slices.Compact([]string{written, shortNumber(written)}) {
				key := lawKey(number)
				if times[key] == nil {
					times[key] = make(map[string]int)
				}
				times[key][d.ID]++
				t[key] = law{number: number}
			}
		}
	}
	for _, d := range lib.Documents {
		for _, ref := range d.LegalBasis {
			if !amends.MatchString(ref.Title) {
				continue
			}
			for _, number := range amendedBy(ref) {
				for _, key := range slices.Compact([]string{lawKey(number), shortNumber(number)}) {
					l := t[key]
					if key != lawKey(ref.Ref) && !slices.ContainsFunc(l.amending, func(a legalText) bool { return a.number == ref.Ref && (ref.Ref != "" || a.title == ref.Title) }) {
						l.number = cmp.Or(l.number, number)
						l.amending = append(l.amending, legalText{ref.Ref, ref.Title, d.ID})
						t[key] = l
					}
				}
			}
		}
	}
	for key, l := range t {
		l.documents = slices.SortedFunc(maps.Keys(times[key]), func(a, b string) int {
			return cmp.Or(cmp.Compare(times[key][b], times[key][a]), cmp.Compare(a, b))
		})
		t[key] = l
	}
	return t
}

// amendedBy are the numbers of the texts that one amends, by its title: all of "các Thông
// tư 16/2024, 17/2024/TT-BCA", the letters added; the first when the title goes on with
// the numbers of the amending texts, as one without a number of its own does.
func amendedBy(ref corpus.LegalRef) []string {
	numbers := inTitles.FindAllString(ref.Title, -1)
	if ref.Ref == "" {
		return numbers[:min(1, len(numbers))]
	}
	letters := ""
	for i, n := range slices.Backward(numbers) {
		if short := shortNumber(n); n == short {
			numbers[i] += letters
		} else {
			letters = n[len(short):]
		}
	}
	return numbers
}

// lawKey is the number of a legal text as the table has it.
func lawKey(number string) string { return vietnamese.Fold(strings.ToLower(number)) }

// shortNumber is the number and year of a legal text, "168/2025"; all of one without.
func shortNumber(number string) string {
	parts := strings.Split(number, "/")
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// aroundLaws are words that say what kind of text a number is of, and what is in it.
var aroundLaws = []string{
	"nghị", "định", "thông", "tư", "luật", "bộ", "pháp", "lệnh", "quyết", "văn", "bản", "số", "nđ", "nd", "tt", "qđ", "qd", "nq", "cp",
	"quy", "theo", "điều", "khoản", "chính", "phủ", "hướng", "dẫn", "nội", "dung", "thi", "hành", "hiệu", "lực", "thu", "mức", "tra", "cứu", "xem", "tìm",
	"sửa", "đổi", "bổ", "sung", "thay", "thế", "bởi", "năm", "mới",
}

// lawOf returns the legal text whose number a question gives if it names nothing else:
// civil servants ask so, and what such a text says stands in no document, but which
// matters rest on it does.
func (a *Assistant) lawOf(q *understanding, tokens []vietnamese.Token) law {
	number := lawNumber(tokens, q.text)
	if number == "" || len(q.named) > 0 {
		return law{}
	}
	if slices.ContainsFunc(q.content, func(t vietnamese.Token) bool {
		return t.Kind == vietnamese.Word && !q.asking[t.Text] && !slices.Contains(aroundLaws, t.Text)
	}) {
		return law{}
	}
	if l, ok := a.laws[lawKey(number)]; ok {
		return l
	}
	return law{number: strings.ToUpper(number)}
}

// lawNumber returns the number of the first legal text in a text, in lower case, with
// or without the letters that say whose it is; empty if there is none.
func lawNumber(tokens []vietnamese.Token, text string) string {
	for i, t := range tokens {
		if t.Kind == vietnamese.Reference {
			return t.Text
		}
		if i == 0 || i+1 == len(tokens) || !slices.Contains(aroundLaws, tokens[i-1].Text) {
			continue
		}
		if year := tokens[i+1]; text[t.End:year.Start] == "/" && len(year.Text) == len("2025") {
			return t.Text + "/" + year.Text
		}
	}
	return ""
}

// answerLaw asks which of the matters that rest on a legal text is meant, or says that
// the knowledge has nothing of it. One matter alone is answered like any other.
func (a *Assistant) answerLaw(out *Outcome, q *understanding) bool {
	switch asked := q.law.number; {
	case len(q.titled) > 0:
		a.listLaws(out, q, "Số hiệu văn bản bạn hỏi", q.titled)
		return true
	case len(q.law.amending) > 0 && amended.MatchString(vietnamese.Fold(q.text)):
		if asked == shortNumber(asked) { // no document has it so
			asked = "văn bản bạn hỏi"
		}
		a.listLaws(out, q, "Văn bản sửa đổi "+asked, q.law.amending)
		return true
	}
	switch n := len(q.law.documents); {
	case q.law.number == "" || n == 1:
		return false
	case n == 0:
		out.Status = Abstained
		out.Answer = fmt.Sprintf("Tài liệu của tôi không có văn bản số %s nên tôi không dám nói văn bản này quy định gì. Bạn nhắn tên việc cần làm, tôi tìm giúp; hoặc hỏi:", q.law.number) + a.offices(q)
	case n <= maxChoices:
		a.clarify(out, fmt.Sprintf("Văn bản số %s là căn cứ của các việc này. Bạn hỏi việc nào?", q.law.number), q.law.documents)
	default:
		a.clarify(out, fmt.Sprintf("Văn bản số %s là căn cứ của %d việc trong tài liệu của tôi. Bạn nhắn tên việc cần hỏi, ví dụ:", q.law.number, n), q.law.documents[:maxChoices])
	}
	return true
}

// amended matches a question, folded, for what amends or replaces a text.
var amended = regexp.MustCompile(`(^| )(sua|thay the|bo sung|con hieu luc|het hieu luc|thay doi)( |$|[?.,])`)

// listLaws answers with legal texts, under a heading.
func (a *Assistant) listLaws(out *Outcome, q *understanding, heading string, texts []legalText) {
	d := newDraft(a.lib, q.asOf)
	d.lines = append(d.lines, heading)
	for _, text := range texts {
		d.add("• " + text.String() + " " + d.cite(a.lib.Document(text.document), "can-cu"))
	}
	d.add("Đây là các văn bản có trong tài liệu của tôi; có thể còn văn bản khác.")
	for _, id := range q.law.documents[:min(len(q.law.documents), maxChoices)] {
		out.Suggestions = append(out.Suggestions, a.lib.Document(id).Title)
	}
	a.check(out, q, d)
}

// titledLaw is a legal text as people name it, "Luật Hộ tịch".
type titledLaw struct {
	legalText
	name  string             // folded
	words []vietnamese.Token // that say what it is on
}

// issuing are words of titles and questions that say who made a text, and for whom.
var issuing = []string{"về", "của", "do", "và", "ủy", "ban", "nhân", "dân", "ubnd", "hđnd", "hội", "đồng", "tỉnh", "lào", "cai", "quốc", "công", "an", "dùng", "hành"}

func newTitledLaws(lib *corpus.Library) []titledLaw {
	var list []titledLaw
	known := make(map[legalText]bool)
	for _, d := range lib.Documents {
		for _, ref := range d.LegalBasis {
			name, _, _ := strings.Cut(ref.Title, "(") // since when it holds
			text := legalText{number: ref.Ref, title: ref.Title}
			if known[text] {
				continue
			}
			known[text] = true
			tokens := vietnamese.Tokenize(nil, name)
			words := slices.DeleteFunc(slices.Clone(tokens), func(t vietnamese.Token) bool {
				return slices.Contains(aroundLaws, t.Text) || slices.Contains(issuing, t.Text)
			})
			if ref.Ref != "" && len(words) > 0 {
				list = append(list, titledLaw{legalText{ref.Ref, ref.Title, d.ID}, vietnamese.Fold(name), words})
			}
		}
	}
	return list
}

// whichText matches a question, folded, for the number of a legal text of some kind.
var whichText = regexp.MustCompile(`(luat|nghi dinh|thong tu|quyet dinh|nghi quyet|phap lenh)(?: nao|(?: [^,.?]*)? so (?:hieu|may|bao nhieu|nao))`)

// titled are the legal texts whose number a question asks for by what they are on, and
// nothing else.
func (a *Assistant) titled(q *understanding, tokens []vietnamese.Token) []legalText {
	m := whichText.FindStringSubmatch(vietnamese.Fold(q.text))
	if m == nil {
		return nil
	}
	among := func(list []vietnamese.Token, t vietnamese.Token) bool {
		return slices.ContainsFunc(list, func(w vietnamese.Token) bool { return q.form(w) == q.form(t) })
	}
	var list []legalText
	for _, l := range a.titles {
		if !strings.HasPrefix(l.name, m[1]) || slices.ContainsFunc(l.words, func(t vietnamese.Token) bool { return !among(tokens, t) }) {
			continue
		}
		more := slices.ContainsFunc(q.content, func(t vietnamese.Token) bool {
			return !among(l.words, t) && !slices.Contains(aroundLaws, t.Text) && !slices.Contains(issuing, t.Text) && !slices.Contains(ofAnyPaper, t.Text)
		})
		if !more && !slices.ContainsFunc(list, func(b legalText) bool { return b.number == l.number }) {
			list = append(list, l.legalText)
		}
	}
	return list
}
