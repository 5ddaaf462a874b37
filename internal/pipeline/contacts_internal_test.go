package pipeline

import (
	"strings"
	"testing"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/knowledge"
)

// TestInventedContactsAreStopped drafts answers as a model might, with the numbers,
// mail addresses and links of its own invention.
func TestInventedContactsAreStopped(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	a := New(lib, retrieval.New(lib, nil, nil, retrieval.Options{}), Options{})
	doc := lib.Document("khai-sinh")
	for _, tt := range []struct {
		line string
		want bool
	}{
		{"Bạn ra xã nơi ở.", true},
		{"Gọi 18001096 để hỏi.", true},
		{"Gọi ngay 113 hoặc 115.", true},
		{"Xem https://dichvucong.gov.vn.", true},
		{"Chỉ tin trang có đuôi .gov.vn.", true},
		{"Nghị định 123/2015/NĐ-CP, phí 8.000 đồng, mã 1.001193.", true},
		{"Gọi 0216 3852 123 để hỏi.", false},
		{"Gọi (0216) 3.852.123.", false},
		{"Nhắn Zalo 0912.345.678.", false},
		{"Nhắn +84 91 234 56 78.", false},
		{"Tổng đài 1900 1234.", false},
		{"Gọi ngay đường dây nóng 119.", false},
		{"Gọi 1022 để phản ánh.", false},
		{"Thư về hotro@laocai.gov.vn.", false},
		{"Thư về canbo.xa@gmail.com.", false},
		{"Vào dvc-laocai.top để nộp.", false},
		{"Vào https://dichvucong-gov.vn/nop.", false},
		{"Vào dichvucong.gov.vn/ho-so-moi-2026.", false},
		{"Vào www.bocongan.vip ngay.", false},
		{"Hỗ trợ VNeID: 1900.0368.", false}, // unverified, and not said so
		{"Hỗ trợ VNeID: 1900.0368 (chưa đối chiếu với trang chính thức).", true},
	} {
		d := newDraft(lib, "2026-11-27")
		d.lines = []string{doc.Title + " " + d.cite(doc, "tom-tat"), tt.line}
		if got := a.listed(d.text(), d); got != tt.want {
			t.Errorf("listed(%q) = %v, want %v", tt.line, got, tt.want)
		}
		checks, verified := a.verify(d, &understanding{raw: "hỏi"})
		if !tt.want && (verified || checks[checkContacts] != "fail") {
			t.Errorf("verify(%q) = %v, %v; want the contacts check to fail", tt.line, checks, verified)
		}
	}
}

// TestDocumentsMayPrintTheirOwnLinks: the page of a document is printed though it is
// in no list of contacts.
func TestDocumentsMayPrintTheirOwnLinks(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	a := New(lib, retrieval.New(lib, nil, nil, retrieval.Options{}), Options{})
	doc := lib.Document("khai-sinh")
	d := newDraft(lib, "2026-11-27")
	line := "Xem " + doc.URL() + " " + d.cite(doc, "tom-tat")
	if doc.URL() == "" || !a.listed(line, d) {
		t.Errorf("listed(%q) = false, want true: it is the document's own page", line)
	}
}

func TestUnverifiedContactsAreMarked(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	a := New(lib, retrieval.New(lib, nil, nil, retrieval.Options{}), Options{})
	d := newDraft(lib, "2026-11-27")
	d.lines = []string{"Hỗ trợ VNeID: gọi 1900.0368.", "Tra ở tinnhiemmang.vn.", "Gọi 113."}
	a.markUnverified(d)
	last := d.lines[len(d.lines)-1]
	for _, want := range []string{unverifiedMark, "1900.0368", "tinnhiemmang.vn"} {
		if !strings.Contains(last, want) {
			t.Errorf("last line %q lacks %q", last, want)
		}
	}
	if strings.Contains(last, "113") {
		t.Errorf("last line %q marks a verified number", last)
	}
	before := len(d.lines)
	if a.markUnverified(d); len(d.lines) != before {
		t.Errorf("marked twice: %q", d.lines)
	}
}

// TestDoubtfulNumbersMayBeNamedAgain: a passage says "gọi 112", and so must the closing
// line say a number to dial, for no passage has 112 alone.
func TestDoubtfulNumbersMayBeNamedAgain(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	a := New(lib, retrieval.New(lib, nil, nil, retrieval.Options{}), Options{})
	for line, want := range map[string]string{
		"Lũ, sạt lở: gọi 112":             "pass",
		"Lũ, sạt lở: gọi 112, sau 7 ngày": "fail",
	} {
		d := newDraft(lib, "2026-11-27")
		d.lines = []string{line + " " + d.cite(lib.Document(corpus.HotlineDocument), corpus.HotlineSection)}
		a.markUnverified(d)
		if checks, _ := a.verify(d, &understanding{}); checks[checkNumbers] != want {
			t.Errorf("%s of %q = %s, want %s", checkNumbers, d.text(), checks[checkNumbers], want)
		}
	}
}

// TestFixedRepliesNameListedContacts: what the program says of itself goes through no
// check, so its numbers are held to the list here.
func TestFixedRepliesNameListedContacts(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	a := New(lib, retrieval.New(lib, nil, nil, retrieval.Options{}), Options{})
	for _, kind := range []talk{greeting, aboutSelf, thanks, goodbye, nothing, harmful, personal, instruction, offTopic, aQuestion} {
		var out Outcome
		q := &understanding{kind: kind}
		if !a.reply(&out, q) {
			a.abstain(&out, q)
		}
		if unlisted := lib.Unlisted(out.Answer); out.Answer == "" || len(unlisted) > 0 || len(lib.Unverified(out.Answer)) > 0 {
			t.Errorf("reply to %q: %q names %q, want listed and verified contacts only", kind, out.Answer, unlisted)
		}
	}
}

// TestHotlineLeavesWhenAdviceIsWithheld: a slip in the advice must not cost the number
// to call.
func TestHotlineLeavesWhenAdviceIsWithheld(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	a := New(lib, retrieval.New(lib, nil, nil, retrieval.Options{}), Options{})
	broken := corpus.Emergency{ID: "chay", Kind: corpus.Urgent, Title: "Cháy", Contacts: []string{"114"}, Steps: []corpus.Step{{Do: "Gọi 0912 345 678."}}}
	var out Outcome
	a.relieve(&out, &understanding{raw: "cháy nhà", asOf: "2026-11-27"}, &broken)
	if out.Status != Answered || !strings.HasPrefix(out.Answer, "Gọi ngay 114") || strings.Contains(out.Answer, "0912") || out.Verified || len(out.Degraded) == 0 {
		t.Errorf("outcome = %+v; want the hotline alone, unverified and said to be degraded", out)
	}
}
