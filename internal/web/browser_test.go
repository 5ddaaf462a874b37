package web_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"troly/internal/web"
	"troly/internal/webhook"
)

// holds waits until something is so on the page, across page loads.
func holds(expression string) step {
	return step(func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		if eventually(func() bool {
			so, err := chromedp.Evaluate[bool](expression)(ctx, tab)
			return err == nil && so || ctx.Err() != nil
		}) {
			return chromedp.Void{}, ctx.Err()
		}
		said, _ := chromedp.Evaluate[string]("document.body.innerText")(ctx, tab)
		return chromedp.Void{}, fmt.Errorf("never so: %s\non the page: %.2000s", expression, said)
	})
}

// seen waits until the page says something in a place.
func seen(selector, text string) step {
	return holds(fmt.Sprintf("[...document.querySelectorAll(%q)].some(e => e.innerText.includes(%q))", selector, text))
}

// complaints are what the browser wrote to its console, refusals of the policy
// among them, until the returned function is called.
func complaints(t *testing.T, ctx context.Context) func() []string {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	messages := chromedp.Console(ctx)
	return func() []string {
		time.AfterFunc(200*time.Millisecond, cancel)
		var all []string
		for m, err := range messages {
			if err != nil {
				break
			}
			all = append(all, m.String())
		}
		return all
	}
}

func TestAskInTheBrowser(t *testing.T) {
	opts := options(t)
	_, assistant := real()
	slow := &responder{assistant: assistant, pieces: []string{"Lệ phí [1]:\n- 15.000 đồng/lần", "\n- 7.000 đồng/lần khi nộp trực tuyến [1]"}, step: make(chan struct{})}
	opts.Responder = slow
	server := serve(t, opts)
	ctx := browser(t)
	heard := complaints(t, ctx)
	do(t, ctx,
		as(360, false), chromedp.Navigate(server.URL+"/"), chromedp.Evaluate[chromedp.Void]("window.same = true"),
		chromedp.SendKeys(chromedp.CSS("#q"), "tạm trú hết bao nhiêu tiền"+kb.Enter),
		seen(".mine", "tạm trú hết bao nhiêu tiền"), seen("#tin", "Đang tìm câu trả lời"),
	)
	if busy := evaluated(t, ctx, chromedp.Evaluate[string]("document.querySelector('#hoi-thoai').getAttribute('aria-busy') || ''")); busy != "true" {
		t.Error("the log is not busy while an answer is written: it would be read out in pieces")
	}
	slow.step <- struct{}{}
	do(t, ctx, seen(".live", "15.000 đồng/lần"))
	if text := evaluated(t, ctx, chromedp.Text(chromedp.CSS(".live"))); strings.Contains(text, "7.000") {
		t.Errorf("the first piece came with the second: %s", text)
	}
	slow.step <- struct{}{}
	do(t, ctx, seen(".sources", "[1] Lệ phí"))
	do(t, ctx,
		holds("window.same === true /* the page was not loaded anew */"),
		holds("!document.querySelector('#hoi-thoai').hasAttribute('aria-busy') && document.querySelector('#hoi-thoai').getAttribute('role') === 'log'"),
		holds("document.activeElement.id === 'q' && document.activeElement.value.trim() === ''"),
		holds("!document.querySelector('[data-copy]').hidden"),
		holds("(top => top >= 0 && top < 200)(document.querySelector('.mine').getBoundingClientRect().top) /* the question is in view */"),
		holds("document.documentElement.scrollWidth <= 360"),
	)
	do(t, ctx, chromedp.Click(chromedp.CSS(`button[value$="outcome-1"]:nth-of-type(2)`)), seen(".reply", "Điều gì chưa đúng?"))
	do(t, ctx, holds("document.activeElement.classList.contains('turn') /* after a button, the focus is on the reply */"))
	do(t, ctx, chromedp.Click(chromedp.CSS(`button[value="why:1"]`)), seen(".mine", "Sai số tiền"), seen(".reply", "Đã ghi: why:1"))
	do(t, ctx, chromedp.Click(chromedp.CSS(`.sources a[href="/tt/tam-tru#le-phi"]`)), seen("h1", "Đăng ký tạm trú"))
	if at := evaluated(t, ctx, chromedp.Location()); at != server.URL+"/tt/tam-tru#le-phi" {
		t.Errorf("the source opened %s", at)
	}
	do(t, ctx, chromedp.NavigateBack(), seen(".reply", "15.000 đồng/lần"), seen(".reply", "Đã ghi: why:1"))
	do(t, ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL+"/"), seen(".reply", "Đã ghi: why:1"),
		holds("scrollY > 0 && (top => top >= 0 && top < innerHeight - 100)(document.querySelector('#moi-nhat').getBoundingClientRect().top) /* who comes back sees the last of it */"))
	if all := heard(); len(all) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(all, "\n"))
	}
}

// remembering serves with dialogues to which an officer's words can be delivered.
func remembering(t *testing.T) (server *httptest.Server, memory *web.Letterbox, asked *responder) {
	opts := options(t)
	memory = web.NewLetterbox(someNow)
	opts.Dialogues = memory
	return serve(t, opts), memory, opts.Responder.(*responder)
}

// An officer's answer comes into the open page.
func TestOfficerAnswersInTheBrowser(t *testing.T) {
	server, memory, asked := remembering(t)
	ctx := browser(t)
	do(t, ctx, chromedp.Navigate(server.URL+"/"), chromedp.Click(chromedp.CSS(`button[value="canbo"]`)), seen(".mine", "Gặp cán bộ"), seen(".reply", "Đã chuyển cán bộ."))
	if !memory.Deliver(asked.messages()[0].Dialogue, webhook.Reply{Text: "Cán bộ xã đây, mời bạn đến trước 16 giờ."}) {
		t.Fatal("the dialogue is not known")
	}
	do(t, ctx, seen(".reply", "mời bạn đến trước 16 giờ"), seen(".reply", "Đã chuyển cán bộ."))
}

// Who comes back to an open page after a while reads what was said meanwhile.
func TestCorrectionInTheOpenPage(t *testing.T) {
	server, memory, asked := remembering(t)
	ctx := browser(t)
	do(t, ctx, asking(server.URL, "lệ phí tạm trú"), seen(".sources", "[1]"))
	if !memory.Deliver(asked.messages()[0].Dialogue, webhook.Reply{Text: "Xin đính chính: là 7.000 đồng."}) {
		t.Fatal("the dialogue is not known")
	}
	const back = "document.dispatchEvent(new Event('visibilitychange'))"
	do(t, ctx, chromedp.Evaluate[chromedp.Void](back), chromedp.Sleep(300*time.Millisecond), holds("!document.body.innerText.includes('Xin đính chính') /* it is not asked for at every glance */"))
	do(t, ctx, chromedp.Evaluate[chromedp.Void]("Date.now = (now => () => now() + 120000)(Date.now); "+back), seen(".reply", "Xin đính chính: là 7.000 đồng."), seen(".reply", "15.000 đồng/lần"))
}

func TestBrowserTellsOfFailure(t *testing.T) {
	opts := options(t)
	opts.AsksPerMinute = 1
	server := serve(t, opts)
	ctx := browser(t)
	do(t, ctx, asking(server.URL, "tạm trú"), chromedp.SendKeys(chromedp.CSS("#q"), "khai sinh"), chromedp.Click(chromedp.CSS("#gui")), seen(".reply", "Bạn chờ một phút"), seen(".reply button", "Thử lại"))
	server.CloseClientConnections()
	server.Listener.Close()
	do(t, ctx, chromedp.Click(chromedp.CSS(".writing button")), seen(".reply", "Bạn kiểm tra mạng"))
}

func TestAskInTheBrowserWithoutScript(t *testing.T) {
	server := serve(t, options(t))
	ctx := browser(t)
	do(t, ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	do(t, ctx, chromedp.Navigate(server.URL+"/"), chromedp.SendKeys(chromedp.CSS("#q"), "tạm trú hết bao nhiêu tiền"), chromedp.Click(chromedp.CSS("#gui")), chromedp.WaitVisible(chromedp.CSS("#moi-nhat .sources")))
	if text := evaluated(t, ctx, chromedp.Text(chromedp.CSS("#moi-nhat"))); !strings.Contains(text, "15.000 đồng/lần") {
		t.Errorf("the answer without a script: %s", text)
	}
	do(t, ctx, chromedp.Click(chromedp.CSS(`button[value$="outcome-1"]:nth-of-type(2)`)), chromedp.WaitVisible(chromedp.CSS(`button[value="why:1"]`)))
	do(t, ctx, chromedp.Navigate(server.URL+"/tt/khai-sinh/phieu"), chromedp.WaitVisible(chromedp.CSS(`input[type=checkbox]`)))
	if shown := evaluated(t, ctx, chromedp.Evaluate[int]("1")); shown != 1 { // the browser itself still answers
		t.Error("the browser is gone")
	}
}

func TestHostileTextInTheBrowser(t *testing.T) {
	lib := hostileLibrary(t, hostile)
	server := serve(t, web.Options{Assistant: hits{"thu-nghiem"}, Log: options(t).Log, Now: someNow, Library: lib, Responder: hostileReply{}, AsksPerMinute: 1000})
	ctx := browser(t)
	heard := complaints(t, ctx)
	for _, path := range []string{"/tt/thu-nghiem", "/tt/thu-nghiem/phieu", "/tt"} {
		do(t, ctx, chromedp.Navigate(server.URL+path), seen("body", "pwned()"))
	}
	do(t, ctx, chromedp.Navigate(server.URL+"/"), chromedp.Evaluate[chromedp.Void]("window.pwned = () => { document.title = 'pwned' }"),
		chromedp.SetValue(chromedp.CSS("#q"), strings.Join(hostile, " ")), chromedp.Click(chromedp.CSS("#gui")), seen(".words", "pwned()"), chromedp.Sleep(200*time.Millisecond))
	if title := evaluated(t, ctx, chromedp.Title()); strings.Contains(title, "pwned") {
		t.Error("hostile text was run")
	}
	if all := heard(); len(all) > 0 {
		t.Errorf("the policy had to stop something that escaping should have: %s", strings.Join(all, "\n"))
	}
}

func TestWidgetInAnotherSite(t *testing.T) {
	opts := options(t)
	opts.FrameAncestors = []string{"http://localhost:*"}
	server := serve(t, opts)
	host := servePage(t, `<!DOCTYPE html><html lang="vi"><title>Cổng</title><body><h1>Cổng thông tin</h1><script src="`+server.URL+`/widget.js" defer></script></body></html>`)
	ctx := browser(t)
	open := func(address string) {
		do(t, ctx, chromedp.Navigate(address), chromedp.Click(chromedp.CSS("#troly-mo")), chromedp.WaitVisible(chromedp.CSS("iframe")))
	}
	open(strings.Replace(host.URL, "127.0.0.1", "localhost", 1))
	id := frameOf(t, ctx, server.URL)
	if id == "" {
		t.Fatal("a site of the setting does not show the chat")
	}
	frame, leave := chromedp.NewContext(ctx, chromedp.WithTargetID(id), chromedp.WithDetachOnCancel())
	do(t, frame, seen("#cach", ""), chromedp.Evaluate[chromedp.Void]("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))"))
	leave()
	do(t, ctx, holds("document.querySelector('iframe').style.display === 'none' && document.activeElement.id === 'troly-mo' /* Escape inside closes it */"))
	listening, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	messages := chromedp.Console(listening)
	open(host.URL) // 127.0.0.1 is another site than localhost
	for m, err := range messages {
		if err != nil {
			t.Fatal("another site shows the chat: the browser does not complain of frame-ancestors")
		}
		if strings.Contains(m.String(), "frame-ancestors") {
			break
		}
	}
}

// frameOf waits for the frame of a page in which the assistant is, and names it; empty:
// there is none.
func frameOf(t *testing.T, ctx context.Context, address string) (id target.ID) {
	t.Helper()
	eventually(func() bool {
		infos, err := chromedp.Targets(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range infos {
			if info.Type == "iframe" && strings.HasPrefix(info.URL, address) {
				id = info.TargetID
			}
		}
		return id != ""
	})
	return id
}

// What an officer says is read in the frame of another site also after that page was
// closed, and the page of another portal has a dialogue of its own.
func TestWidgetIsFoundAgain(t *testing.T) {
	opts := options(t)
	memory := web.NewLetterbox(someNow)
	opts.Dialogues = memory
	opts.FrameAncestors = []string{"http://localhost:*", "http://portal.localhost:*"}
	asked := opts.Responder.(*responder)
	server := httptest.NewTLSServer(web.New(opts))
	t.Cleanup(server.Close)
	host := servePage(t, `<!DOCTYPE html><html lang="vi"><title>Cổng</title><body><h1>Cổng thông tin</h1><script src="`+server.URL+`/widget.js" defer></script></body></html>`)
	ctx := browser(t, chromedp.Flag("ignore-certificate-errors", true))
	inFrame := func(site string, steps ...step) {
		t.Helper()
		do(t, ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(strings.Replace(host.URL, "127.0.0.1", site, 1)), chromedp.Click(chromedp.CSS("#troly-mo")))
		id := frameOf(t, ctx, server.URL)
		if id == "" {
			t.Fatalf("no frame of the assistant on %s", site)
		}
		frame, leave := chromedp.NewContext(ctx, chromedp.WithTargetID(id), chromedp.WithDetachOnCancel())
		defer leave()
		do(t, frame, steps...)
	}
	inFrame("localhost", seen("h1", "Hỏi Trợ lý"), chromedp.Evaluate[chromedp.Void](`document.querySelector('button[value="canbo"]').click()`), seen(".reply", "Đã chuyển cán bộ."))
	if !memory.Deliver(asked.messages()[0].Dialogue, webhook.Reply{Text: "Cán bộ xã đây, mời bạn đến trước 16 giờ."}) {
		t.Fatal("the dialogue is not known")
	}
	inFrame("localhost", seen(".reply", "Đã chuyển cán bộ."), seen(".reply", "mời bạn đến trước 16 giờ"))
	inFrame("portal.localhost", seen("#q", ""), holds(`!document.querySelector(".turn")`))
}

// axeFinding is a rule of axe that a page breaks.
type axeFinding struct {
	ID    string   `json:"id"`
	Help  string   `json:"help"`
	Nodes []string `json:"nodes"`
}

func TestAccessibility(t *testing.T) {
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	opts := options(t)
	server := serve(t, opts)
	hostileServer := serve(t, web.Options{Assistant: hits{"thu-nghiem"}, Log: opts.Log, Now: someNow, Library: hostileLibrary(t, nil), Responder: opts.Responder})
	ctx := browser(t)
	pages := map[string]step{
		"chat":        chromedp.Navigate(server.URL + "/"),
		"answer":      asking(server.URL, "tạm trú hết bao nhiêu tiền"),
		"choices":     asking(server.URL, "hôn nhân"),
		"frame":       chromedp.Navigate(server.URL + "/?khung=1"),
		"officer":     chromedp.Steps(asking(server.URL, "tạm trú"), chromedp.Click(chromedp.CSS(`button[value="canbo"]`)), seen(".reply", "Đã chuyển cán bộ.")),
		"refused":     chromedp.Steps(chromedp.Navigate(server.URL+"/"), chromedp.Evaluate[chromedp.Void]("document.querySelector('#hoi').submit()"), chromedp.WaitVisible(chromedp.CSS("[role=alert]"))),
		"document":    chromedp.Navigate(server.URL + "/tt/tam-tru"),
		"notices":     chromedp.Navigate(hostileServer.URL + "/tt/thu-nghiem"),
		"slip":        chromedp.Navigate(server.URL + "/tt/khai-sinh/phieu"),
		"index":       chromedp.Navigate(server.URL + "/tt"),
		"search":      chromedp.Navigate(server.URL + "/tt?q=khai+sinh&nhom=thu-tuc"),
		"nothing":     chromedp.Navigate(server.URL + "/tt/khong-co"),
		"scorecard":   chromedp.Navigate(server.URL + "/scorecard"),
		"lesson":      chromedp.Navigate(server.URL + "/tt/an-toan-mang-tai-tinh"),
		"empty query": chromedp.Navigate(server.URL + "/tt?q=zzzzqqq"),
	}
	for name, open := range pages {
		do(t, ctx, open, chromedp.Evaluate[chromedp.Void](string(axe)))
		for _, l := range looks {
			// At its end no part of the page lies under the box to write in, where axe would measure half a button.
			do(t, ctx, as(l.width, l.dark), chromedp.Evaluate[chromedp.Void]("scrollTo(0, document.documentElement.scrollHeight)"))
			found := evaluated(t, ctx, chromedp.Evaluate[string](`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(r =>
				JSON.stringify(r.passes.length < 10 ? [{id: "axe", help: "axe looked at nothing", nodes: [""]}] : r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 200) + " " + n.failureSummary)}))))`, chromedp.EvalAwaitPromise))
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
}

// onceEach reports names that two elements of a page have: a label or a link leads to the
// first, which axe does not see.
func onceEach(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if twice := evaluated(t, ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("[id]")].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i).join(", ")`)); twice != "" {
		t.Errorf("%s: several elements are called %s", name, twice)
	}
}

// The page to take along is one sheet of A4.
func TestSlipIsOneSheet(t *testing.T) {
	opts := options(t)
	server := serve(t, opts)
	ctx := browser(t)
	ids := []string{"khai-sinh", "tam-tru", "ket-hon", "mien-giam-phi-2026"} // the last has most figures
	if *allSlips {
		ids = nil
		for _, d := range opts.Library.Documents {
			if d.Section("ho-so") != nil {
				ids = append(ids, d.ID)
			}
		}
	}
	long := 0
	for _, id := range ids {
		do(t, ctx, chromedp.Navigate(server.URL+"/tt/"+id+"/phieu"))
		pdf := evaluated(t, ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
		if n := len(pdfPage.FindAll(pdf, -1)); n != 1 {
			long++
			if *allSlips {
				t.Logf("%s: %d sheets", id, n)
			} else {
				t.Errorf("%s: %d sheets, want 1", id, n)
			}
		}
		if *pictures != "" && id == "khai-sinh" {
			if err := os.WriteFile(*pictures+"/slip.pdf", pdf, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d of %d are longer than a sheet", long, len(ids))
}

var (
	allSlips = flag.Bool("slips", false, "print every page to take along, and say which are longer than a sheet")
	pdfPage  = regexp.MustCompile(`/Type */Page[^s]`)
)

// In a frame, sources open beside it, and the answer stays.
func TestSourcesOfAFrameOpenBesideIt(t *testing.T) {
	server := serve(t, options(t))
	ctx := browser(t)
	heard := complaints(t, ctx)
	do(t, ctx, chromedp.Navigate(server.URL+"/?khung=1"), chromedp.SetValue(chromedp.CSS("#q"), "tạm trú hết bao nhiêu tiền"),
		chromedp.Evaluate[chromedp.Void]("document.querySelector('#hoi').requestSubmit()"), seen(".sources", "[1] Lệ phí"))
	opened := chromedp.WaitNewTarget(ctx, func(info *target.Info) bool { return info.URL == server.URL+"/tt/tam-tru#le-phi" })
	do(t, ctx, chromedp.Click(chromedp.CSS(`.sources a[href="/tt/tam-tru#le-phi"]`)))
	select {
	case id := <-opened:
		if id == "" {
			t.Error("no new page for the source")
		}
	case <-time.After(patience):
		t.Error("the source opened no page beside the frame")
	}
	do(t, ctx, seen(".sources", "[1] Lệ phí"))
	if all := heard(); len(all) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(all, "\n"))
	}
}
