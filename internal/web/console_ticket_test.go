package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/web"
)

func TestTicketIsAnswered(t *testing.T) {
	o := newOffice(t, nil)
	o.asked("a", "làm khai sinh mất bao lâu", "Trong ngày [1]", pipeline.Answered, "khai-sinh")
	id := o.ticket("a", "Hỏi thời hạn khai sinh", "Xã Mậu A", "khai-sinh")
	o.asked("b", "câu của người khác", "Trả lời người khác", pipeline.Answered, "tam-tru")
	c := o.session("officer")
	path := fmt.Sprintf("/console/hop-thu/%d", id)
	_, body, _ := o.page(c, path, nil)
	for _, want := range []string{"làm khai sinh mất bao lâu", "Trong ngày", "Xã Mậu A", "Hỏi thời hạn khai sinh"} {
		if !strings.Contains(body, want) {
			t.Errorf("the ticket does not show %q", want)
		}
	}
	if strings.Contains(body, "người khác") {
		t.Error("the ticket shows another dialogue")
	}
	status, _, h := o.page(c, path+"/giao", url.Values{"tu": {""}, "nguoi": {"officer"}, "han": {"2026-11-28T17:00"}})
	if status != http.StatusSeeOther || h.Get("Location") != path+"?xong=giao" {
		t.Fatalf("assigning: %d", status)
	}
	if status, _, _ := o.page(c, path+"/giao", url.Values{"tu": {""}, "nguoi": {"admin"}}); status != http.StatusConflict {
		t.Errorf("assigning what another has meanwhile: %d, want 409", status)
	}
	if status, _, _ := o.page(c, path+"/giao", url.Values{"tu": {"officer"}, "nguoi": {"evaluator"}}); status != http.StatusBadRequest {
		t.Errorf("assigning to who may not answer: %d, want 400", status)
	}
	if status, _, _ := o.page(c, path+"/tra-loi", url.Values{"tra-loi": {"  \r\n"}}); status != http.StatusBadRequest {
		t.Errorf("an empty reply: %d, want 400", status)
	}
	if status, _, _ := o.page(c, path+"/tra-loi", url.Values{"tra-loi": {"Chị mang giấy chứng sinh\r\nđến UBND xã nhé."}}); status != http.StatusSeeOther {
		t.Fatalf("reply: %d", status)
	}
	if got := o.outbox(); !slices.Equal(got, []string{"a: Chị mang giấy chứng sinh\nđến UBND xã nhé."}) {
		t.Errorf("sent %q", got)
	}
	if held, _ := o.db.Held(t.Context(), "telegram", "a"); held.IsZero() {
		t.Error("the bot is not silent")
	}
	_, body, _ = o.page(c, path+"?xong=tra-loi", nil)
	if !strings.Contains(body, "Đã gửi câu trả lời") || !strings.Contains(body, "Cán bộ officer") {
		t.Error("the reply is not on the page")
	}
	if status, _, _ := o.page(c, path+"/ket-thuc", url.Values{"cach": {"tra-lai"}, "ly-do": {"xong"}}); status != http.StatusSeeOther {
		t.Fatalf("release: %d", status)
	}
	if held, _ := o.db.Held(t.Context(), "telegram", "a"); !held.IsZero() {
		t.Error("the bot is still silent")
	}
	if status, body, _ := o.page(c, path+"/tra-loi", url.Values{"tra-loi": {"Thêm"}}); status != http.StatusConflict || !strings.Contains(body, "Thêm") {
		t.Errorf("a reply to what has ended: %d, want 409 with the text kept", status)
	}
	want := []string{"officer end ticket ticket 1 released xong", "officer reply to ticket ticket 1", "officer assign ticket ticket 1 to officer"}
	got := slices.DeleteFunc(o.log(), func(l string) bool { return strings.Contains(l, "read ") || strings.HasPrefix(l, "test ") })
	if !slices.Equal(got, want) {
		t.Errorf("log %q, want %q", got, want)
	}
}

// A form takes so many letters as it says, and what is longer is refused and kept on the
// page: cut off, half a sentence would go out, and nobody would know.
func TestNothingThatStaffWriteIsCutOff(t *testing.T) {
	o := newOffice(t, nil)
	id := o.asked("a", "Lệ phí khai sinh?", "Miễn phí.", pipeline.Answered, "khai-sinh")
	ticket := "/console/hop-thu/" + fmt.Sprint(o.ticket("a", "Lệ phí khai sinh?", "", ""))
	whole := func(letters int) string { return strings.Repeat("ệ", letters-1) + "." }
	officer, editor := o.as("officer"), o.as("editor")
	recall := func(text string) url.Values {
		return url.Values{"cau-hoi": {id}, "noi-dung": {text}, "ly-do": {"sai"}, "so-nguoi": {"1"}, "da-xem": {"1"}}
	}
	approved := func(text string) url.Values {
		return url.Values{"hoi": {"lệ phí khai sinh"}, "dap": {text}, "nguoi": {"editor"}, "nguon": {"khai-sinh"}, "den": {"2026-12-31"}}
	}
	for _, tt := range []struct {
		what, at string
		who      *http.Client
		form     func(string) url.Values
		most, ok int
	}{
		{"reply", ticket + "/tra-loi", officer, func(text string) url.Values { return url.Values{"tra-loi": {text}} }, 4000, http.StatusSeeOther},
		{"correction", "/console/dinh-chinh", editor, recall, 4000, http.StatusSeeOther},
		{"approved answer", "/console/duyet/moi", editor, approved, 6000, http.StatusSeeOther},
	} {
		if status, body, _ := o.page(tt.who, tt.at, tt.form(whole(tt.most+1))); status != http.StatusBadRequest || !strings.Contains(body, whole(tt.most+1)) {
			t.Errorf("%s of %d letters: status %d, want 400 and all of it on the page", tt.what, tt.most+1, status)
		}
		if status, _, _ := o.page(tt.who, tt.at, tt.form(whole(tt.most))); status != tt.ok {
			t.Errorf("%s of %d letters: status %d, want %d", tt.what, tt.most, status, tt.ok)
		}
	}
	if sent := o.outbox(); len(sent) != 2 || !strings.HasSuffix(sent[0], whole(4000)) || !strings.HasSuffix(sent[1], whole(4000)) {
		t.Errorf("%d sent, want two that are whole", len(sent))
	}
	all, err := o.db.ApprovedAnswers(t.Context())
	if err != nil || len(all) != 1 || all[0].Answer != whole(6000) {
		t.Errorf("%d approved answers, %v, want one that is whole", len(all), err)
	}
}

// The note on a ticket stays in the log for good: nothing personal of residents does.
func TestNotesInTheLogAreMasked(t *testing.T) {
	o := newOffice(t, nil)
	path := "/console/hop-thu/" + fmt.Sprint(o.ticket("a", "x", "", ""))
	if status, _, _ := o.page(o.as("officer"), path+"/ket-thuc", url.Values{"cach": {"dong"}, "ly-do": {"đã gọi 0912345678"}}); status != http.StatusSeeOther {
		t.Fatalf("closing: %d", status)
	}
	if got, want := o.log()[0], "officer end ticket ticket 1 closed đã gọi [số điện thoại]"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestTicketWindow(t *testing.T) {
	o := newOffice(t, nil)
	id := o.ticket("a", "x", "", "")
	o.desk.window = web.Window{Why: web.WindowPassed}
	c := o.session("officer")
	path := fmt.Sprintf("/console/hop-thu/%d", id)
	if _, body, _ := o.page(c, path, nil); !strings.Contains(body, "thời gian đó đã hết") {
		t.Error("the page does not say that the window is over")
	}
	status, body, _ := o.page(c, path+"/tra-loi", url.Values{"tra-loi": {"Câu của tôi"}})
	if status != http.StatusConflict || !strings.Contains(body, "Câu của tôi") || len(o.outbox()) != 0 {
		t.Errorf("status %d; nothing may be sent and the text stays", status)
	}
}

func TestInboxFilters(t *testing.T) {
	o := newOffice(t, nil)
	o.ticket("a", "Việc thứ nhất", "Xã Mậu A", "khai-sinh")
	o.clock.add(2 * time.Hour)
	o.ticket("b", "Việc thứ hai", "Phường Yên Bái", "tam-tru")
	o.asked("c", "Hỏi chuyện không ai biết", "", pipeline.Abstained)
	if err := o.db.AssignTicket(t.Context(), database.By{Who: "test"}, 2, "", "officer", o.clock.now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	c := o.session("officer")
	for query, want := range map[string][2]bool{ // shows the first, the second
		"": {true, true}, "xa=X%C3%A3+M%E1%BA%ADu+A": {true, false}, "viec=tam-tru": {false, true}, "tuoi=1h": {true, false}, "tuoi=1d": {false, false},
		"cua=toi": {false, true}, "cua=chua": {true, false}, "trang-thai=assigned": {false, true}, "loai=xong": {false, false}, "sau=1": {false, true}, "sau=x": {true, true},
	} {
		_, body, _ := o.page(c, "/console/hop-thu?"+query, nil)
		if got := [2]bool{strings.Contains(body, "Việc thứ nhất"), strings.Contains(body, "Việc thứ hai")}; got != want {
			t.Errorf("?%s shows %v, want %v", query, got, want)
		}
	}
	_, body, _ := o.page(c, "/console/hop-thu", nil)
	if !strings.Contains(body, "1 quá hạn") {
		t.Error("nothing is said to be late")
	}
	low := ""
	for _, d := range o.opts.Library.Documents {
		if d.Confidence == "low" {
			low = d.ID
		}
	}
	o.asked("d", "Hỏi chuyện chưa chắc", "Có lẽ [1]", pipeline.Answered, low)
	o.asked("e", "Hỏi chuyện chắc chắn", "Chắc chắn [1]", pipeline.Answered, "tam-tru")
	for query, want := range map[string][3]bool{"": {true, true, false}, "&viec=" + low: {false, true, false}, "&tuoi=1h": {false, false, false}} {
		_, body, _ := o.page(c, "/console/hop-thu?loai=yeu"+query, nil)
		if got := [3]bool{strings.Contains(body, "Hỏi chuyện không ai biết"), strings.Contains(body, "Hỏi chuyện chưa chắc"), strings.Contains(body, "Hỏi chuyện chắc chắn")}; got != want {
			t.Errorf("?loai=yeu%s lists %v, want %v", query, got, want)
		}
	}
}

func TestTakeOver(t *testing.T) {
	o := newOffice(t, nil)
	id := o.asked("a", "chuyện khó", "", pipeline.Abstained)
	c := o.session("officer")
	status, _, h := o.page(c, "/console/cau-hoi/"+id+"/tiep-nhan", url.Values{})
	if status != http.StatusSeeOther || h.Get("Location") != "/console/hop-thu/1?xong=tiep-nhan" {
		t.Fatalf("status %d, %s", status, h.Get("Location"))
	}
	if k, err := o.db.TicketByID(t.Context(), 1); err != nil || k.Dialogue != "a" || k.Assignee != "officer" || k.Summary != "chuyện khó" {
		t.Errorf("ticket %+v, %v", k, err)
	}
}
