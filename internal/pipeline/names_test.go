package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/vietnamese"
	"troly/knowledge"
)

// leads reports whether a question leads to one of the documents: it is found among
// the first most, or is one of the choices of a question back.
func leads(o pipeline.Outcome, documents []string, most int) (found []string, ok bool) {
	for _, r := range o.Retrieved {
		if !slices.Contains(found, r.Document) {
			found = append(found, r.Document)
		}
	}
	found = found[:min(len(found), most)]
	return found, slices.ContainsFunc(documents, func(d string) bool {
		return slices.Contains(found, d) || slices.Contains(o.Choices, d)
	})
}

// TestAliasesLeadToTheirDocument asks every alias of every document, alone, without
// diacritics and with "cần giấy tờ gì".
func TestAliasesLeadToTheirDocument(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	lead := func(question, document string, most int) {
		asked++
		o := ask(question)
		if strings.HasPrefix(document, "xa-phuong-tu-") && o.Understood.Intent == "place_authority" {
			return // what became of old communes is answered from the table of units
		}
		if found, ok := leads(o, []string{document}, most); !ok {
			t.Errorf("%q leads to %v, want %s among the first %d", question, found, document, most)
		}
	}
	for n, d := range lib.Documents {
		if underRace && n%12 != 0 {
			continue // ten times slower: a part of the documents
		}
		for i, alias := range d.Aliases {
			lead(alias, d.ID, 1)
			if i%2 == 0 { // half of them each way, for the time it takes
				lead(vietnamese.Fold(alias), d.ID, 1)
			} else {
				lead(alias+" cần giấy tờ gì", d.ID, 3) // which for a lesson nobody would ask
			}
		}
	}
	t.Logf("%d questions", asked)
}

// TestUsualNames asks something with no more than the name of several papers.
func TestUsualNames(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for n, d := range lib.Documents {
		if underRace && n%12 != 0 {
			continue
		}
		for _, name := range d.Usual {
			for _, q := range []string{name + " hết bao nhiêu tiền", "cho em hỏi " + name + " làm ở đâu", name + " cần giấy tờ gì ạ"} {
				for _, q := range []string{q, vietnamese.Fold(q)} {
					asked++
					if o := ask(q); o.Status != pipeline.Answered || !slices.Equal(o.Understood.Documents, []string{d.ID}) {
						t.Errorf("%q: %s about %v, want an answer about %s", q, o.Status, o.Understood.Documents, d.ID)
					}
				}
			}
		}
	}
	if asked == 0 {
		t.Error("no document has a usual name")
	}
}

// suggests reports whether an emergency's answer, which begins with the number to
// call, ends with one of the documents: "cháy nhà".
func suggests(lib *corpus.Library, o pipeline.Outcome, documents []string) bool {
	return o.Understood.Intent == "emergency" && slices.ContainsFunc(documents, func(id string) bool {
		return slices.Contains(o.Suggestions, lib.Document(id).Title)
	})
}

// TestGlossaryLeadsToItsTopic asks every entry of the glossary whose meaning is the
// name of a document.
func TestGlossaryLeadsToItsTopic(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	named := make(map[string][]string) // name, folded -> documents
	for _, d := range lib.Documents {
		for _, name := range append([]string{d.Title}, d.Aliases...) {
			key := strings.ToLower(vietnamese.Normalize(name))
			named[key] = append(named[key], d.ID)
		}
	}
	topics := 0
	for _, e := range lib.Glossary {
		var documents []string
		for _, m := range e.Means {
			documents = append(documents, named[strings.ToLower(vietnamese.Normalize(m))]...)
		}
		documents = append(documents, e.Topics...)
		if len(documents) == 0 {
			continue
		}
		if topics++; underRace && topics%12 != 0 {
			continue
		}
		questions := []string{e.Form}
		if slices.ContainsFunc(documents, func(id string) bool { return lib.Document(id).Kind == corpus.Procedure }) {
			questions = append(questions, e.Form+" cần giấy tờ gì") // which of a lesson nobody would ask
		}
		for _, q := range questions {
			o := ask(q)
			if found, ok := leads(o, documents, 3); !ok && !suggests(lib, o, documents) {
				t.Errorf("%q (%v) leads to %v, want one of %v", q, e.Means, found, documents)
			}
		}
	}
	t.Logf("%d of %d entries name a topic", topics, len(lib.Glossary))
}

// TestNamesAsTheyAreSaid asks with the words in the order of speech, and with no more
// than a name and what is wanted.
func TestNamesAsTheyAreSaid(t *testing.T) {
	for _, tt := range []struct{ question, document string }{
		{"hộ chiếu bị mất rồi", "mat-ho-chieu"},
		{"ho chieu mat phai lam sao", "mat-ho-chieu"},
		{"căn cước em bị rách", "can-cuoc-cap-doi-cap-lai"},
		{"bang lai lam lai", "gplx-cap-lai"},
		{"bằng lái sai tên", "gplx-doi"},
		{"sổ đỏ sai tên sửa ở đâu", "cap-lai-cap-doi-gcn"},
		{"căn cước nộp online được không", "can-cuoc-cap-doi-cap-lai"},
		{"bằng lái ủy quyền được không", "gplx-doi"},
		{"cho hỏi hộ chiếu bao lâu thì lấy được ạ", "ho-chieu"},
		{"can cuoc cho con", "can-cuoc-duoi-14-tuoi"},
	} {
		if o := ask(tt.question); o.Status != pipeline.Answered || len(o.Retrieved) == 0 || o.Retrieved[0].Document != tt.document {
			t.Errorf("%q: %s %q, want an answer about %s", tt.question, o.Status, o.Answer, tt.document)
		}
	}
}

// What takes long is not lost: "mất" before how long or how much belongs to the question.
func TestTakesIsNotLost(t *testing.T) {
	for _, tt := range []struct{ question, document string }{
		{"khai sinh mất bao lâu", "khai-sinh"},
		{"làm giấy khai sinh mất mấy ngày", "khai-sinh"},
		{"khai sinh mat bao lau", "khai-sinh"},
		{"hộ chiếu mất bao nhiêu tiền", "ho-chieu"},
		{"ho chieu mat bao lau", "ho-chieu"},
		{"làm sổ đỏ mất bao lâu", "gcn-lan-dau"},
		{"hộ chiếu mất", "mat-ho-chieu"},
		{"hộ chiếu bị mất bao lâu thì có cái mới", "mat-ho-chieu"},
		{"mất hộ chiếu làm lại mất bao lâu", "mat-ho-chieu"},
		{"mất bằng lái làm lại mất bao lâu", "gplx-cap-lai"},
	} {
		o := ask(tt.question)
		if len(o.Citations) == 0 || o.Citations[0].Document != tt.document {
			t.Errorf("%q cites %v, want %s first", tt.question, o.Citations, tt.document)
		}
	}
}
