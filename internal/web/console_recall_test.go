package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/web"
)

func TestRecall(t *testing.T) {
	o := newOffice(t, nil)
	var id string
	for _, d := range []string{"a", "b", "c"} {
		id = o.asked(d, "lệ phí tạm trú", "99.000 đồng [1]", pipeline.Answered, "tam-tru")
	}
	o.asked("d", "lệ phí khác", "khác [1]", pipeline.Answered, "khai-sinh")
	c := o.session("editor")
	_, body, _ := o.page(c, "/console/dinh-chinh?cau-hoi="+id, nil)
	if !strings.Contains(body, "Người nhận: 3") || !strings.Contains(body, "99.000 đồng") {
		t.Error("the preview does not show who and what")
	}
	if strings.Contains(body, "mở lại trang") {
		t.Error("the preview speaks of the chat page, where nobody of them asked")
	}
	if err := o.db.AddOutcome(t.Context(), database.Outcome{ID: "web-1", Channel: web.Channel, Dialogue: "w", Person: "w", Status: "answered", At: o.clock.now(), Body: []byte(`{"answer":"x","citations":[{"document":"ket-hon"}]}`)}); err != nil {
		t.Fatal(err)
	}
	if _, body, _ := o.page(c, "/console/dinh-chinh?viec=ket-hon", nil); !strings.Contains(body, "mở lại trang") {
		t.Error("the preview does not say who on the chat page will read it")
	}
	key := regexp.MustCompile(`name="khoa" value="([^"]+)"`).FindStringSubmatch(body)[1]
	form := func(change ...string) url.Values {
		v := url.Values{"cau-hoi": {id}, "noi-dung": {"Xin đính chính: lệ phí là 15.000 đồng."}, "ly-do": {"Sai số tiền"}, "khoa": {key}, "so-nguoi": {"3"}, "nhieu-nhat": {"2"}, "da-xem": {"1"}}
		for i := 0; i < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v
	}
	for _, tt := range []struct {
		change []string
		want   int
	}{{[]string{"noi-dung", ""}, 400}, {[]string{"ly-do", ""}, 400}, {[]string{"da-xem", ""}, 400}, {[]string{"cau-hoi", ""}, 400}, {[]string{"so-nguoi", "2"}, 409}} {
		if status, _, _ := o.page(c, "/console/dinh-chinh", form(tt.change...)); status != tt.want {
			t.Errorf("%q: status %d, want %d", tt.change, status, tt.want)
		}
	}
	if sent := o.outbox(); len(sent) != 0 {
		t.Fatalf("sent %q before anybody said so", sent)
	}
	// press sends the form and returns what the page of the recall says.
	press := func() string {
		t.Helper()
		status, _, h := o.page(c, "/console/dinh-chinh", form())
		if status != http.StatusSeeOther || h.Get("Location") != "/console/dinh-chinh/"+key {
			t.Fatalf("status %d to %s", status, h.Get("Location"))
		}
		_, body, _ := o.page(c, h.Get("Location"), nil)
		return body
	}
	if body := press(); !strings.Contains(body, "Đã gửi đủ số lần này: 2 / 3 người.</strong> Đã xếp gửi 2.") || !strings.Contains(body, `href="/console/dinh-chinh?cau-hoi=`+id+"&amp;khoa="+key) {
		t.Errorf("the first two were not written to: %s", body)
	}
	if _, body, _ := o.page(c, "/console/dinh-chinh?cau-hoi="+id+"&khoa="+key, nil); !strings.Contains(body, "Gửi tiếp một đợt") || strings.Count(body, `name="khoa" value="`+key) != 2 || !strings.Contains(body, "Xin đính chính: lệ phí là 15.000 đồng.</textarea>") {
		t.Error("the page to go on at does not know the recall")
	}
	if body := press(); !strings.Contains(body, "Đã xong: 3 / 3 người.</strong> Đã xếp gửi 1. Đã nhận từ trước 2") {
		t.Errorf("the rest was not written to, once: %s", body)
	}
	if body := press(); !strings.Contains(body, "Đã xếp gửi 0") {
		t.Errorf("somebody is written to twice: %s", body)
	}
	sent := o.outbox()
	slices.Sort(sent)
	if len(sent) != 3 || !strings.HasPrefix(sent[0], "a: Xin đính chính") || !strings.HasPrefix(sent[2], "c: ") {
		t.Errorf("sent %q", sent)
	}
	if log := o.log(); !slices.Contains(log, "editor recall recall "+key+" to at most 2 of 3 Sai số tiền") {
		t.Errorf("log %q", log)
	}
}

// A recall reaches everybody, however many there are; who asks after it began is not
// among them.
func TestRecallOfMany(t *testing.T) {
	o := newOffice(t, nil)
	const many = 510 // more than are read at once
	var id string
	for i := range many {
		id = o.asked(fmt.Sprint("d", i), "lệ phí tạm trú", "99.000 đồng [1]", pipeline.Answered, "tam-tru")
	}
	c := o.session("editor")
	later := false
	o.desk.before = func() {
		if !later {
			later = true
			o.asked("later", "lệ phí tạm trú", "99.000 đồng [1]", pipeline.Answered, "tam-tru")
		}
	}
	status, _, h := o.page(c, "/console/dinh-chinh", url.Values{"cau-hoi": {id}, "noi-dung": {"Là 15.000 đồng."}, "ly-do": {"Sai"}, "khoa": {"0123456789abcdefghijkl"}, "so-nguoi": {fmt.Sprint(many)}, "nhieu-nhat": {"1000"}, "da-xem": {"1"}})
	if status != http.StatusSeeOther {
		t.Fatalf("status %d", status)
	}
	if _, body, _ := o.page(c, h.Get("Location"), nil); !strings.Contains(body, "Đã xong: 510 / 510 người.</strong> Đã xếp gửi 510.") {
		t.Errorf("not everybody was written to: %s", body)
	}
}

// A recall goes on beside the requests; who began it sees how far it is, can stop it, and
// does not begin it twice. Another process knows how many were written to.
func TestRecallInTheBackground(t *testing.T) {
	work := make(chan func(context.Context), 2)
	o := newOffice(t, func(opts *web.Options) {
		opts.Console.Background = func(f func(context.Context)) { work <- f }
	})
	under, step := make(chan struct{}, 10), make(chan struct{})
	o.desk.before = func() {
		under <- struct{}{}
		<-step
	}
	var id string
	for i := range 5 {
		id = o.asked(fmt.Sprint("d", i), "lệ phí tạm trú", "99.000 đồng [1]", pipeline.Answered, "tam-tru")
	}
	const key = "0123456789abcdefghijkl"
	c := o.session("editor")
	press := func() {
		t.Helper()
		if status, _, _ := o.page(c, "/console/dinh-chinh", url.Values{"cau-hoi": {id}, "noi-dung": {"Là 15.000 đồng."}, "ly-do": {"Sai"}, "khoa": {key}, "so-nguoi": {"5"}, "nhieu-nhat": {"5"}, "da-xem": {"1"}}); status != http.StatusSeeOther {
			t.Fatalf("status %d", status)
		}
	}
	says := func(o *office, c *http.Client, want string) {
		t.Helper()
		if _, body, _ := o.page(c, "/console/dinh-chinh/"+key, nil); !strings.Contains(body, want) {
			t.Errorf("the page does not say %q: %s", want, body)
		}
	}
	press()
	press() // while it runs
	if len(work) != 1 {
		t.Fatalf("it was begun %d times, want once", len(work))
	}
	var running sync.WaitGroup
	running.Go(func() { (<-work)(t.Context()) })
	step <- struct{}{} // the first is written to
	<-under
	<-under // the second is under way
	says(o, c, "Đang gửi: ")
	if status, _, _ := o.page(c, "/console/dinh-chinh/"+key+"/dung", url.Values{}); status != http.StatusSeeOther {
		t.Errorf("stop: status %d", status)
	}
	step <- struct{}{}
	running.Wait()
	says(o, c, "Đã dừng: 2 / 5 người.</strong> Đã xếp gửi 2.")
	if sent := o.outbox(); len(sent) != 2 {
		t.Errorf("sent %q, want 2", sent)
	}
	if log := o.log(); !slices.Contains(log, "editor stop recall recall "+key) {
		t.Errorf("log %q", log)
	}
	other := &office{Server: serve(t, o.opts), t: t, db: o.db, clock: o.clock, desk: o.desk, opts: o.opts}
	says(other, other.session("editor"), "Đã xếp gửi cho 2 người. Đợt này bắt đầu từ một máy chủ khác")
	press() // goes on
	ctx, stop := context.WithCancel(t.Context())
	running.Go(func() { (<-work)(ctx) })
	step <- struct{}{} // had it before
	stop()             // the server stops
	close(step)
	running.Wait()
	if _, body, _ := o.page(c, "/console/dinh-chinh/"+key, nil); !strings.Contains(body, "Gửi tiếp cho những người còn lại") || strings.Contains(body, "Đang gửi") {
		t.Error("a recall that the server ended is not told of as one to go on with")
	}
	for path, want := range map[string]int{"/console/dinh-chinh/0000000000000000000000": 404, "/console/dinh-chinh/x": 404} {
		if status, _, _ := o.page(c, path, nil); status != want {
			t.Errorf("%s = %d, want %d", path, status, want)
		}
	}
}
