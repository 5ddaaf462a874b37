package pipeline_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"troly/internal/pipeline"
	"troly/internal/vietnamese"
)

// approving is an assistant of its own with approved answers.
func approving(now func() time.Time, list ...pipeline.Approved) *pipeline.Assistant {
	lib, retriever := parts()
	a := pipeline.New(lib, retriever, pipeline.Options{Now: now})
	a.Approve(list)
	return a
}

// newCard is an answer with a figure that stands in no document.
func newCard() pipeline.Approved {
	return pipeline.Approved{
		Name: "17", Questions: []string{"làm lại căn cước bị mất hết bao nhiêu tiền", "cccd mất làm lại tốn bao nhiêu"},
		Answer: "Bạn nộp 35.000 đồng tại Công an xã. [1]\nĐợt này xã hỗ trợ thêm 12.345 đồng.", Documents: []string{"can-cuoc-cap-doi-cap-lai"},
	}
}

func TestApprovedAnswerIsGivenFirst(t *testing.T) {
	a := approving(someDay, newCard())
	for _, question := range []string{
		"làm lại căn cước bị mất hết bao nhiêu tiền", "Em muốn làm lại thẻ căn cước bị mất thì hết bao nhiêu tiền ạ?", "lam lai can cuoc bi mat het bao nhieu tien",
		"cccd mất làm lại tốn bao nhiêu vậy", "mất cccd làm lại tốn bao nhiêu",
	} {
		o := a.Ask(context.Background(), pipeline.Question{Text: question})
		if o.AnsweredBy != "approved" || o.Approved != "17" || o.Status != pipeline.Answered || !o.Verified {
			t.Errorf("%q: %s by %q (%q), verified %v, degraded %q; want the approved answer", question, o.Status, o.AnsweredBy, o.Approved, o.Verified, o.Degraded)
			continue
		}
		if want := "Bạn nộp 35.000 đồng tại Công an xã.\nĐợt này xã hỗ trợ thêm 12.345 đồng. [1]"; o.Answer != want {
			t.Errorf("%q: %q, want %q", question, o.Answer, want)
		}
		if len(o.Citations) != 1 || o.Citations[0].Document != "can-cuoc-cap-doi-cap-lai" || o.Citations[0].Section != "tom-tat" || len(o.Retrieved) == 0 {
			t.Errorf("%q: citations %+v, %d retrieved", question, o.Citations, len(o.Retrieved))
		}
		if o.Checks["approved_source"] != "pass" || o.Checks["citations"] != "pass" || o.Checks["contacts"] != "pass" || o.Checks["number_grounding"] != "" {
			t.Errorf("%q: checks %v; want all but that of the numbers, which the officer stands for", question, o.Checks)
		}
	}
}

// What is nearly the question is another question.
func TestApprovedKeepsToItsQuestion(t *testing.T) {
	form := func(question string) pipeline.Approved {
		return pipeline.Approved{Name: question, Questions: []string{question}, Answer: "Câu trả lời đã duyệt.", Documents: []string{"khai-sinh"}}
	}
	a := approving(someDay)
	for _, tt := range []struct{ approved, asked string }{
		{"làm lại căn cước bị mất hết bao nhiêu tiền", "làm lại căn cước bị mất mất bao lâu"},
		{"làm lại căn cước bị mất hết bao nhiêu tiền", "làm lại căn cước bị hỏng hết bao nhiêu tiền"},
		{"làm lại căn cước bị mất hết bao nhiêu tiền", "làm căn cước hết bao nhiêu tiền"},
		{"làm lại căn cước bị mất hết bao nhiêu tiền", "làm lại căn cước bị mất online hết bao nhiêu tiền"},
		{"làm lại căn cước bị mất hết bao nhiêu tiền", "làm lại bằng lái xe bị mất hết bao nhiêu tiền"},
		{"đăng ký khai sinh cho con cần giấy tờ gì", "đăng ký khai tử cho con cần giấy tờ gì"},
		{"đăng ký khai sinh cho con cần giấy tờ gì", "đăng ký lại khai sinh cho con cần giấy tờ gì"},
		{"trẻ dưới 14 tuổi làm căn cước cần gì", "trẻ trên 14 tuổi làm căn cước cần gì"},
		{"trẻ dưới 14 tuổi làm căn cước cần gì", "trẻ dưới 6 tuổi làm căn cước cần gì"},
		{"vay 10 triệu cho hộ nghèo ở đâu", "vay 50 triệu cho hộ nghèo ở đâu"},
		{"hộ nghèo đóng bảo hiểm y tế bao nhiêu", "hộ cận nghèo đóng bảo hiểm y tế bao nhiêu"},
		{"xã Đại Lịch làm căn cước ở đâu", "xã Chấn Thịnh làm căn cước ở đâu"},
		{"làm căn cước ở đâu", "xã Đại Lịch làm căn cước ở đâu"},
		{"khai sinh muộn có bị phạt không", "khai sinh muộn bị phạt bao nhiêu"},
		{"người chưa kết hôn xin giấy độc thân ở đâu", "người kết hôn xin giấy độc thân ở đâu"},
		{"mua xe máy cũ sang tên mất bao nhiêu", "mua xe máy mới sang tên mất bao nhiêu"},
		{"mất sổ đỏ làm lại ở đâu", "làm sổ đỏ ở đâu"},
		{"giấy khai sinh", "sao giấy khai sinh"},
		{"nộp hồ sơ trước ngày nào", "nộp hồ sơ sau ngày nào"},
	} {
		a.Approve([]pipeline.Approved{form(tt.approved)})
		for _, asked := range []string{tt.asked, vietnamese.Fold(tt.asked)} {
			if got := pipeline.Find(a, asked); got != "" {
				t.Errorf("%q is given the answer to %q", asked, tt.approved)
			}
			if got := pipeline.Find(a, tt.approved); got == "" && asked == tt.asked {
				t.Errorf("%q is not given its own answer", tt.approved)
			}
		}
	}
}

// With an approved answer for every question of the sets, none is given that of
// another, and all known ways of asking about documents meet only their like.
func TestApprovedTellsAllQuestionsApart(t *testing.T) {
	files, err := filepath.Glob("../../eval/sets/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("sets: %v %v", files, err)
	}
	var list []pipeline.Approved
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var c struct {
				ID, Question string
				Intent       string // one greeting is as good as another
				History      []json.RawMessage
				MustClarify  bool `json:"must_clarify"` // no answer to it would be approved
			}
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatal(err)
			}
			if len(c.History) == 0 && !c.MustClarify && c.Intent != "smalltalk" {
				list = append(list, pipeline.Approved{Name: c.ID, Questions: []string{c.Question}, Answer: "Câu trả lời đã duyệt.", Documents: []string{"khai-sinh"}})
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	a := approving(someDay, list...)
	asked := make(map[string]string)
	for _, answer := range list {
		asked[answer.Name] = answer.Questions[0]
	}
	own, marked, bare, wrong := 0, 0, 0, 0
	for _, answer := range list {
		question := answer.Questions[0]
		forms := []string{question, vietnamese.Fold(question)}
		if forms[1] == question {
			forms = forms[:1]
		} else {
			marked++
		}
		for _, form := range forms {
			switch got := pipeline.Find(a, form); {
			case got == answer.Name && form == question:
				own++
			case got == answer.Name:
				bare++
			case got != "" && !alike(form, asked[got]): // what two sets ask in the same words has one answer
				wrong++
				t.Logf("%q is given the answer to %q", form, asked[got])
			}
		}
	}
	t.Logf("%d questions: %d given their own answer, %d of %d without their diacritics, %d another's", len(list), own, bare, marked, wrong)
	if wrong > 0 || own < len(list)*80/100 || bare < marked/2 {
		t.Error("want none another's, most their own, those in danger apart, and most without their diacritics")
	}
	lib, _ := parts()
	shorthand := vietnamese.NewGlossary(lib.Glossary)
	for _, d := range lib.Documents {
		for _, question := range d.Asked {
			if got := pipeline.Find(a, question); got != "" && !alike(question, shorthand.Expand(asked[got])) {
				t.Errorf("%s: %q is given the answer to %q", d.ID, question, asked[got])
			}
		}
	}
}

// alike reports whether two questions have most of their syllables in common.
func alike(a, b string) bool {
	set := make(map[string]bool)
	for _, w := range vietnamese.Tokenize(nil, vietnamese.Normalize(a)) {
		set[w.Folded] = true
	}
	common, words := 0, vietnamese.Tokenize(nil, vietnamese.Normalize(b))
	for _, w := range words {
		if set[w.Folded] {
			common++
		}
	}
	return 3*common >= 2*len(words) || 3*common >= 2*len(set)
}

func TestApprovedIsNotAlwaysGiven(t *testing.T) {
	const question = "làm lại căn cước bị mất hết bao nhiêu tiền"
	a := approving(someDay)
	for name, tt := range map[string]struct {
		change   func(*pipeline.Approved)
		question pipeline.Question
		degraded string
	}{
		"as approved":          {question: pipeline.Question{}},
		"expired":              {change: func(a *pipeline.Approved) { a.Expires = someDay() }},
		"expires later":        {change: func(a *pipeline.Approved) { a.Expires = someDay().Add(time.Hour) }},
		"expired on that day":  {change: func(a *pipeline.Approved) { a.Expires = someDay().Add(time.Hour) }, question: pipeline.Question{AsOf: "2026-12-24"}},
		"before it was given":  {change: func(a *pipeline.Approved) { a.From = "2026-11-01" }, question: pipeline.Question{AsOf: "2026-10-31"}},
		"no sources":           {change: func(a *pipeline.Approved) { a.Documents = nil }},
		"a document that went": {change: func(a *pipeline.Approved) { a.Documents = []string{"khong-co"} }},
		"no answer":            {change: func(a *pipeline.Approved) { a.Answer = "" }},
		"a stranger's number":  {change: func(a *pipeline.Approved) { a.Answer = "Bạn gọi 0912345678 nhé." }, degraded: "approved answer 17 withheld: contacts failed"},
		"a stranger's link":    {change: func(a *pipeline.Approved) { a.Answer = "Xem tại https://dichvucong-gov.xyz nhé." }, degraded: "contacts failed"},
		"an office that ended": {change: func(a *pipeline.Approved) {
			a.Answer = "Bạn đến Ủy ban nhân dân huyện Văn Chấn để nộp."
		}, degraded: "no_abolished_office failed"},
		"without diacritics":    {change: func(a *pipeline.Approved) { a.Answer = "Ban nop ba muoi lam nghin dong tai cong an xa nhe." }, degraded: "language failed"},
		"leans on another":      {question: pipeline.Question{Text: "thế hết bao nhiêu tiền", History: []pipeline.Turn{{Question: "làm lại căn cước bị mất", Documents: []string{"can-cuoc-cap-doi-cap-lai"}}}}},
		"danger":                {change: func(a *pipeline.Approved) { a.Questions = []string{"nhà tôi đang cháy"} }, question: pipeline.Question{Text: "nhà tôi đang cháy"}},
		"harm":                  {change: func(a *pipeline.Approved) { a.Questions = []string{"làm giấy tờ giả ở đâu"} }, question: pipeline.Question{Text: "làm giấy tờ giả ở đâu"}},
		"taken back, none left": {change: func(a *pipeline.Approved) { a.Questions = nil }},
	} {
		answer := newCard()
		if tt.change != nil {
			tt.change(&answer)
		}
		if tt.question.Text == "" {
			tt.question.Text = question
		}
		a.Approve([]pipeline.Approved{answer})
		o := a.Ask(context.Background(), tt.question)
		want := name == "as approved" || name == "expires later"
		if got := o.AnsweredBy == "approved"; got != want {
			t.Errorf("%s: answered by %q: %q, want approved: %v", name, o.AnsweredBy, o.Answer, want)
		}
		if held := a.Withholds(answer); tt.degraded != "" && !strings.Contains(tt.degraded, strings.Join(held, ", ")+" failed") || want && len(held) > 0 {
			t.Errorf("%s: Withholds = %q, want what is said of it: %q", name, held, tt.degraded)
		}
		if got := strings.Join(o.Degraded, "\n"); !strings.Contains(got, tt.degraded) || tt.degraded == "" && got != "" {
			t.Errorf("%s: degraded %q, want %q", name, got, tt.degraded)
		}
		if tt.degraded != "" && o.Status != pipeline.Answered {
			t.Errorf("%s: %s, want the usual answer in its place", name, o.Status)
		}
	}
}

// Approved answers change while questions are answered; without any, nothing is other
// than before there were any.
func TestApproveWhileAsking(t *testing.T) {
	a := approving(someDay)
	question := pipeline.Question{Text: "làm lại căn cước bị mất hết bao nhiêu tiền"}
	usual := a.Ask(context.Background(), question)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			a.Approve([]pipeline.Approved{newCard()})
			a.Approve(nil)
		}
	}()
	for range 20 {
		if o := a.Ask(context.Background(), question); o.AnsweredBy != "approved" && o.Answer != usual.Answer {
			t.Errorf("answered by %q: %q", o.AnsweredBy, o.Answer)
		}
	}
	<-done
	o := a.Ask(context.Background(), question)
	o.Timings, usual.Timings = pipeline.Timings{}, pipeline.Timings{}
	got, _ := json.Marshal(o)
	want, _ := json.Marshal(usual)
	if string(got) != string(want) {
		t.Errorf("after the last was taken back: %s, want %s", got, want)
	}
}

// BenchmarkApproved finds none among so many approved answers: what every question
// costs more.
func BenchmarkApproved(b *testing.B) {
	lib, _ := parts()
	var list []pipeline.Approved
	for _, d := range lib.Documents {
		for _, asked := range d.Asked {
			if len(list) < 1000 {
				list = append(list, pipeline.Approved{Name: d.ID, Questions: []string{asked}, Answer: "Câu trả lời đã duyệt.", Documents: []string{d.ID}})
			}
		}
	}
	for _, n := range []int{0, 10, 1000} {
		b.Run(fmt.Sprintf("answers=%d", n), func(b *testing.B) {
			a := approving(someDay, list[:n]...)
			for b.Loop() {
				a.Ask(context.Background(), pipeline.Question{Text: "đổi bằng lái xe ô tô hết hạn hai năm cần giấy tờ gì"})
			}
		})
	}
}
