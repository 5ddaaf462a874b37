package pipeline

import (
	"cmp"
	"fmt"
	"maps"
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
	number    string   // as it is written; empty: of no text
	documents []string // that rest on it, those that cite it most first
}

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
				key := vietnamese.Fold(strings.ToLower(number))
				if times[key] == nil {
					times[key] = make(map[string]int)
				}
				times[key][d.ID]++
				t[key] = law{number: number}
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

// shortNumber is the number and year of a legal text, "168/2025"; all of one without.
func shortNumber(number string) string {
	parts := strings.Split(number, "/")
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// aroundLaws are words that say what kind of text a number is of, and what is in it.
var aroundLaws = []string{
	"nghị", "định", "thông", "tư", "luật", "bộ", "pháp", "lệnh", "quyết", "văn", "bản", "số", "nđ", "nd", "tt", "qđ", "qd", "nq", "cp",
	"quy", "theo", "điều", "khoản", "chính", "phủ", "hướng", "dẫn", "nội", "dung", "thi", "hành", "hiệu", "lực", "thu", "mức", "tra", "cứu", "xem", "tìm",
}

// lawOf returns the legal text whose number a question gives if it names nothing else:
// civil servants ask so, and what such a text says stands in no document, but which
// matters rest on it does.
func (a *Assistant) lawOf(q *understanding, tokens []vietnamese.Token) law {
	number := lawNumber(tokens, q.text)
	if number == "" || len(q.named) > 0 {
		return law{}
	}
	asked := a.askingWords(tokens, !q.accented)
	if slices.ContainsFunc(q.content, func(t vietnamese.Token) bool {
		return t.Kind == vietnamese.Word && !asked[t.Text] && !slices.Contains(aroundLaws, t.Text)
	}) {
		return law{}
	}
	if l, ok := a.laws[vietnamese.Fold(number)]; ok {
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
