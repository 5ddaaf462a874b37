package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/web"
	"troly/internal/webhook"
)

// fakeChannel is a platform that notes what it is sent.
type fakeChannel struct {
	mu   sync.Mutex
	sent []string
}

func (*fakeChannel) Name() string { return "telegram" }
func (*fakeChannel) Read(http.Header, []byte) ([]webhook.Message, error) {
	return nil, nil
}
func (*fakeChannel) Parts(_ webhook.Message, r webhook.Reply) []json.RawMessage {
	part, err := json.Marshal(r.Text)
	if err != nil {
		panic(err)
	}
	return []json.RawMessage{part}
}
func (c *fakeChannel) Send(_ context.Context, dialogue string, part json.RawMessage) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var text string
	err := json.Unmarshal(part, &text)
	c.sent = append(c.sent, dialogue+": "+text)
	return "r", err
}

func (c *fakeChannel) messages() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sent)
}

// signingIn fills in the form of the console.
func signingIn(address, name string) step {
	return chromedp.Steps(
		chromedp.Navigate(address+"/console/"), chromedp.SendKeys(chromedp.CSS("#ten"), name), chromedp.SendKeys(chromedp.CSS("#mat-khau"), staffPassword),
		chromedp.Click(chromedp.CSS("form .primary")), chromedp.WaitVisible(chromedp.CSS(".desk nav")),
	)
}

// From signing in to the reply on the resident's phone, and a channel that is turned
// off and on again.
func TestConsoleInTheBrowser(t *testing.T) {
	o := newOffice(t, nil)
	platform := &fakeChannel{}
	var off sync.Map
	look := func() {
		set, err := o.db.Switches(context.Background())
		if err != nil {
			return // the test is over
		}
		for _, s := range set {
			off.Store(s.Name, !s.On)
		}
	}
	d := webhook.NewDispatcher(o.db, o.opts.Responder, []webhook.Line{{Channel: platform, On: func() bool {
		look()
		is, _ := off.Load("telegram")
		return is != true
	}}}, webhook.Options{Poll: 50 * time.Millisecond})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })

	o.asked("chat-1", "làm khai sinh cho con mất bao lâu", "Trong ngày làm việc [1]", pipeline.Answered, "khai-sinh")
	o.ticket("chat-1", "Hỏi thời hạn làm khai sinh", "Xã Mậu A", "khai-sinh")
	tab := browser(t)
	heard := complaints(t, tab)
	do(t, tab, as(1280, false), signingIn(o.URL, "officer"), seen("h1", "Hộp thư"), seen(".rows a", "Hỏi thời hạn làm khai sinh"),
		chromedp.Click(chromedp.CSS(".rows a")), seen(".talk", "làm khai sinh cho con mất bao lâu"),
		chromedp.SendKeys(chromedp.CSS("#tra-loi"), "Anh mang giấy chứng sinh đến UBND xã."), chromedp.Click(chromedp.CSS(`form[action$="/tra-loi"] .primary`)),
		seen(".ok", "Đã gửi câu trả lời"), seen(".talk", "Anh mang giấy chứng sinh đến UBND xã."))
	want := func(n int) {
		t.Helper()
		eventually(func() bool { return len(platform.messages()) >= n })
		if got := platform.messages(); len(got) != n {
			t.Fatalf("the platform has %q, want %d messages", got, n)
		}
	}
	want(1)
	if got := platform.messages()[0]; got != "chat-1: Anh mang giấy chứng sinh đến UBND xã." {
		t.Errorf("the platform got %q", got)
	}
	// An officer may not turn anything off; an admin may, and says why.
	do(t, tab, chromedp.Navigate(o.URL+"/console/cong-tac"), seen("h1", "Công tắc"), holds(`!document.querySelector('form[action="/console/cong-tac"]')`),
		chromedp.Click(chromedp.CSS(".me button")), chromedp.WaitVisible(chromedp.CSS("#ten")),
		signingIn(o.URL, "admin"), chromedp.Navigate(o.URL+"/console/cong-tac"),
		chromedp.SendKeys(chromedp.CSS("#ly-do-telegram"), "Bảo trì"), chromedp.Click(chromedp.CSS(`section[aria-labelledby="ct-telegram"] button`)), seen(".notice", "Đang tắt: Kênh Telegram"))
	to := database.Recipient{Channel: "telegram", Dialogue: "chat-1", Person: "p-chat-1"}
	if _, err := o.db.Correct(t.Context(), database.By{Who: "lan", Why: "thử"}, "recall", to, [][]byte{[]byte(`"thêm"`)}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // several looks of the dispatcher
	want(1)
	do(t, tab, chromedp.SendKeys(chromedp.CSS("#ly-do-telegram"), "Xong"), chromedp.Click(chromedp.CSS(`section[aria-labelledby="ct-telegram"] button`)), seen("#ct-telegram", "đang bật"),
		holds("!document.querySelector('.bands .notice')"))
	want(2)
	if all := heard(); len(all) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(all, "\n"))
	}
}

// Who sends a correction sees without doing anything how far it is, and stops it.
func TestRecallInTheBrowser(t *testing.T) {
	var working sync.WaitGroup
	step := make(chan struct{})
	o := newOffice(t, func(opts *web.Options) {
		opts.Console.Background = func(work func(context.Context)) { working.Go(func() { work(context.Background()) }) }
	})
	o.desk.before = func() { <-step }
	t.Cleanup(working.Wait)
	t.Cleanup(sync.OnceFunc(func() { close(step) }))
	var id string
	for i := range 4 {
		id = o.asked(fmt.Sprint("d", i), "lệ phí tạm trú", "99.000 đồng [1]", pipeline.Answered, "tam-tru")
	}
	tab := browser(t)
	heard := complaints(t, tab)
	do(t, tab, as(1280, false), signingIn(o.URL, "editor"), chromedp.Navigate(o.URL+"/console/dinh-chinh?cau-hoi="+id), seen("h2", "Người nhận: 4"),
		chromedp.SendKeys(chromedp.CSS("#loi"), "Xin đính chính: 15.000 đồng."), chromedp.SendKeys(chromedp.CSS("#ly-do"), "Sai số tiền"),
		chromedp.Click(chromedp.CSS("input[name=da-xem]")), chromedp.Click(chromedp.CSS(`form[method=post][action$="dinh-chinh"] .primary`)), seen("#tien-do", "Đang gửi: 0 / 4 người"))
	step <- struct{}{}
	do(t, tab, seen("#tien-do", "Đang gửi: 1 / 4 người"), chromedp.Click(chromedp.CSS(`form[action$="/dung"] button`)), seen("#tien-do", "Đang dừng: "))
	step <- struct{}{}
	do(t, tab, seen("#tien-do", "Đã dừng: 2 / 4 người"), seen("main a.button", "Gửi tiếp"), holds("!document.querySelector('#tien-do[data-running]')"))
	if all := heard(); len(all) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(all, "\n"))
	}
}

// consolePages prepares an office in which every page has something on it, and opens
// each.
func consolePages(t *testing.T) (*office, map[string]string) {
	o := newOffice(t, nil)
	id := o.asked("chat-1", "làm khai sinh cho con mất bao lâu", "Trong ngày làm việc [1]:\n- mang giấy chứng sinh\n- Nghĩavụquânsựkhôngliênquan", pipeline.Answered, "khai-sinh")
	o.asked("chat-2", "mua bảo hiểm xe máy ở đâu", "", pipeline.Abstained)
	o.asked("chat-3", "bảo hiểm xe máy giá bao nhiêu", "", pipeline.Abstained)
	k := o.ticket("chat-1", "Hỏi thời hạn làm khai sinh", "Xã Mậu A", "khai-sinh")
	if err := o.desk.Reply(t.Context(), database.By{Who: "officer"}, must(o.db.TicketByID(t.Context(), k)), "Anh mang giấy chứng sinh đến UBND xã."); err != nil {
		t.Fatal(err)
	}
	if err := o.db.AssignTicket(t.Context(), database.By{Who: "officer"}, k, "officer", "officer", o.clock.now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := o.db.SetSwitch(t.Context(), database.By{Who: "admin", Why: "Bảo trì đường truyền"}, "telegram", false); err != nil {
		t.Fatal(err)
	}
	if _, err := o.db.AddApproved(t.Context(), database.By{Who: "officer"}, database.Approved{Questions: []string{"Khai sinh muộn có bị phạt không?"}, Answer: "Không bị phạt.", Owner: "officer", State: database.ApprovedActive,
		Sources: []database.ApprovedSource{{Document: "khai-sinh", Version: "cũ"}}, Expires: o.clock.now().Add(100 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	const recall = "0123456789abcdefghijkl"
	if status, body, _ := o.page(o.session("editor"), "/console/dinh-chinh", url.Values{"cau-hoi": {id}, "noi-dung": {"Xin đính chính: làm trong ngày."}, "ly-do": {"Sai thời hạn"}, "khoa": {recall}, "so-nguoi": {"1"}, "da-xem": {"1"}}); status != http.StatusSeeOther {
		t.Fatalf("a recall: status %d, %s", status, body)
	}
	return o, map[string]string{
		"recall-run": "/console/dinh-chinh/" + recall, "recall-on": "/console/dinh-chinh?cau-hoi=" + id + "&khoa=" + recall,
		"ask": "/console/tra-cuu?q=dang+ky+tam+tru+het+bao+nhieu+tien", "inbox": "/console/hop-thu", "doubtful": "/console/hop-thu?loai=yeu", "ticket": fmt.Sprintf("/console/hop-thu/%d", k),
		"outcomes": "/console/cau-hoi", "outcome": "/console/cau-hoi/" + id, "retrieval": "/console/truy-van?q=khai+sinh", "approved": "/console/duyet", "approved-one": "/console/duyet/1",
		"nothing": "/console/khong-co", "approved-new": "/console/duyet/moi?cau-hoi=" + id, "ended": "/console/hop-thu?loai=xong", "ask-first": "/console/tra-cuu",
		"recall": "/console/dinh-chinh?cau-hoi=" + id, "knowledge": "/console/tri-thuc", "quality": "/console/chat-luong", "switches": "/console/cong-tac", "audit": "/console/nhat-ky", "password": "/console/mat-khau",
	}
}

func TestConsoleAccessibility(t *testing.T) {
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	o, pages := consolePages(t)
	ctx := browser(t)
	look := func(name string) {
		t.Helper()
		do(t, ctx, chromedp.Evaluate[chromedp.Void](string(axe)))
		for _, l := range looks {
			do(t, ctx, as(l.width, l.dark))
			found := evaluated(t, ctx, chromedp.Evaluate[string](`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(r =>
				JSON.stringify(r.passes.length < 8 ? [{id: "axe", help: "axe looked at nothing", nodes: [""]}] : r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 200) + " " + n.failureSummary)}))))`, chromedp.EvalAwaitPromise))
			var findings []axeFinding
			if err := json.Unmarshal([]byte(found), &findings); err != nil {
				t.Fatal(err)
			}
			for _, f := range findings {
				t.Errorf("%s at %d, dark %v: %s (%s): %s", name, l.width, l.dark, f.Help, f.ID, f.Nodes[0])
			}
			if width := evaluated(t, ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth")); width > l.width {
				t.Errorf("%s is %d wide on a screen of %d", name, width, l.width)
			}
		}
		onceEach(t, ctx, name)
	}
	do(t, ctx, chromedp.Navigate(o.URL+"/console/"))
	look("sign in")
	do(t, ctx, signingIn(o.URL, "admin"))
	for name, path := range pages {
		do(t, ctx, chromedp.Navigate(o.URL+path))
		look(name)
	}
}

// TestConsolePictures is TestPictures of the console.
func TestConsolePictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("-pictures names no folder: no pictures are wanted")
	}
	o, pages := consolePages(t)
	pages["sign-in"] = "/console/dang-nhap"
	ctx := browser(t)
	do(t, ctx, signingIn(o.URL, "admin"))
	for name, path := range pages {
		do(t, ctx, chromedp.Navigate(o.URL+path))
		for _, l := range looks {
			do(t, ctx, as(l.width, l.dark))
			time.Sleep(100 * time.Millisecond)
			if err := os.WriteFile(filepath.Join(*pictures, fmt.Sprintf("console-%s-%d-%s.png", name, l.width, l.colour())), evaluated(t, ctx, chromedp.FullScreenshot(100)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

var _ web.Desk = (*testDesk)(nil)
