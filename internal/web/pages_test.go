package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/skip2/go-qrcode"
	"golang.org/x/net/html"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/web"
	"troly/internal/webhook"
	"troly/knowledge"
)

// reader follows pages like a browser without a script.
type reader struct {
	t      *testing.T
	client *http.Client
	base   string
}

func newReader(t *testing.T, server *httptest.Server) *reader {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *server.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &reader{t, &client, server.URL}
}

func (r *reader) do(req *http.Request) (int, http.Header, string) {
	r.t.Helper()
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

func (r *reader) get(path string, header ...string) (int, http.Header, string) {
	r.t.Helper()
	req, err := http.NewRequest("GET", r.base+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return r.do(req)
}

func (r *reader) post(path string, form ...string) (int, http.Header, string) {
	r.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	req, err := http.NewRequest("POST", r.base+path, strings.NewReader(values.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "text/html")
	return r.do(req)
}

// words are what a person reads of a page.
func words(t *testing.T, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// What was said is shown for half a day, a telephone may be shared; for a week to who waits
// for an officer. What others say later, a correction for one, is read for two weeks.
func TestWhatIsSaidLaterIsRead(t *testing.T) {
	at := &clock{at: someDay}
	opts := options(t)
	memory := web.NewMemory(at.now)
	opts.Now, opts.Dialogues = at.now, memory
	asked := opts.Responder.(*responder)
	server := serve(t, opts)
	type life struct {
		after time.Duration
		shown bool // what was said before
		found bool // what was said later
	}
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		officer bool
		lives   []life
	}{
		"a question":           {false, []life{{11 * time.Hour, true, true}, {13 * time.Hour, false, true}, {13 * day, false, true}, {15 * day, false, false}}},
		"waits for an officer": {true, []life{{13 * time.Hour, true, true}, {6 * day, true, true}, {8 * day, false, true}, {15 * day, false, false}}},
	} {
		for _, l := range tt.lives {
			for _, how := range []string{"opened", "asked", "streamed"} {
				r := newReader(t, server)
				_, header, page := r.post("/", "q", "lệ phí tạm trú")
				if c := header.Get("Set-Cookie"); !strings.Contains(c, "Max-Age=1209600;") || !strings.Contains(words(t, page), "15.000 đồng/lần") {
					t.Fatalf("asked: %s, %s", c, words(t, page))
				}
				if tt.officer {
					r.post("/", "lenh", "canbo")
				}
				all := asked.messages()
				dialogue := all[len(all)-1].Dialogue
				at.add(l.after)
				found := memory.Deliver(dialogue, webhook.Reply{Text: "Xin đính chính: là 7.000 đồng."})
				switch how {
				case "opened":
					_, header, page = r.get("/")
					if c := header.Get("Set-Cookie"); found != strings.Contains(c, dialogue) {
						t.Errorf("%s, %v later: Set-Cookie %q, found %v", name, l.after, c, found)
					}
				case "asked":
					_, _, page = r.post("/", "q", "thế mất bao lâu")
				default:
					_, _, stream := r.post("/chat", "q", "thế mất bao lâu")
					_, data, _ := strings.Cut(stream, `data: {"handed":`)
					_, html, _ := strings.Cut(data, `"html":`)
					page = must(unquote(html))
				}
				text := words(t, page)
				if read := strings.Contains(text, "là 7.000 đồng."); read != l.found {
					t.Errorf("%s, %v later, %s: the correction is read: %v, want %v: %s", name, l.after, how, read, l.found, text)
				}
				if shown := strings.Contains(text, "Bạn hỏi lệ phí tạm trú"); how != "streamed" && shown != l.shown {
					t.Errorf("%s, %v later, %s: what was said is shown: %v, want %v: %s", name, l.after, how, shown, l.shown, text)
				}
				if leans := strings.Contains(text, "3 ngày làm việc"); how != "opened" && leans != l.shown {
					t.Errorf("%s, %v later, %s: the question leans on what was said: %v, want %v: %s", name, l.after, how, leans, l.shown, text)
				}
				_, _, page = r.get("/") // shown like everything that was said
				if read := strings.Contains(words(t, page), "là 7.000 đồng."); read != l.found {
					t.Errorf("%s, %v later, %s: the correction is there again: %v, want %v", name, l.after, how, read, l.found)
				}
			}
		}
	}
}

func TestAskWithoutScript(t *testing.T) {
	opts := options(t)
	asked := opts.Responder.(*responder)
	r := newReader(t, serve(t, opts))
	status, _, page := r.get("/")
	if text := words(t, page); status != 200 || !strings.Contains(text, "Tôi là trợ lý AI") || !strings.Contains(text, "Làm giấy khai sinh") {
		t.Fatalf("GET / = %d %s, want who this is and examples", status, text)
	}
	if len(r.client.Jar.Cookies(must(url.Parse(r.base)))) != 0 {
		t.Error("a cookie before anything was asked")
	}
	_, header, page := r.post("/", "q", "đăng ký tạm trú hết bao nhiêu tiền, gọi lại 0912345678 giúp tôi")
	text := words(t, page)
	for _, want := range []string{"15.000 đồng/lần", "gọi lại [số điện thoại]", "Nguồn", "kiểm tra 23/11/2026", "👍 Hữu ích"} {
		if !strings.Contains(text, want) {
			t.Errorf("the answer lacks %q: %s", want, text)
		}
	}
	if strings.Contains(page, "0912345678") {
		t.Error("a number of the resident is on the page")
	}
	if !strings.Contains(page, `href="/tt/tam-tru#le-phi"`) {
		t.Error("the source does not open the document at the section")
	}
	if cookie := header.Get("Set-Cookie"); !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
		t.Errorf("Set-Cookie = %q, want HttpOnly and SameSite=Lax", cookie)
	}
	if got := asked.messages(); got[0].Channel != "web" || strings.Contains(got[0].Text, "0912345678") || got[0].Dialogue == "" || got[0].Person != got[0].Dialogue {
		t.Errorf("message = %+v, want one of the web, masked", got[0])
	}
	// The next question leans on the first, and the page holds both.
	_, _, page = r.post("/", "q", "thế mất bao lâu")
	if text = words(t, page); !strings.Contains(text, "thế mất bao lâu") || !strings.Contains(text, "15.000 đồng/lần") || !strings.Contains(text, "Đăng ký tạm trú Thời hạn") {
		t.Errorf("follow-up: %s", text)
	}
	// So does the page when it is opened again.
	if _, _, page = r.get("/"); !strings.Contains(words(t, page), "thế mất bao lâu") {
		t.Error("the dialogue is not there when the page is opened again")
	}
	_, _, page = r.post("/", "action", webhook.BadAction+"outcome-1")
	if text = words(t, page); !strings.Contains(text, "👎 Chưa đúng Trợ lý AI trả lời Cảm ơn bạn. Điều gì chưa đúng? Sai số tiền") {
		t.Errorf("after 👎: %s", text)
	}
	_, _, page = r.post("/", "action", "why:1")
	if text = words(t, page); !strings.Contains(text, "Bạn hỏi Sai số tiền Trợ lý AI trả lời Đã ghi: why:1") {
		t.Errorf("after a reason: %s", text)
	}
	_, _, page = r.post("/", "lenh", "xoa")
	if text = words(t, page); !strings.Contains(text, "Đã xóa.") || strings.Contains(text, "15.000") {
		t.Errorf("after erasing: %s", text)
	}
	if _, _, page = r.get("/"); strings.Contains(words(t, page), "15.000") {
		t.Error("after erasing, the page still has the answer")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestWhatIsSentTwiceIsAnsweredOnce(t *testing.T) {
	opts := options(t)
	r := newReader(t, serve(t, opts))
	key := "AAAAAAAAAAAAAAAAAAAAAA"
	r.post("/", "q", "tạm trú", "khoa", key)
	_, _, page := r.post("/", "q", "tạm trú", "khoa", key)
	if n := len(opts.Responder.(*responder).messages()); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	if strings.Count(page, `class="mine"`) != 2 { // and the one of the script's template
		t.Errorf("the turn stands there %d times", strings.Count(page, `class="mine"`)-1)
	}
	r.post("/", "q", "khai sinh", "khoa", key) // from the page before, by the back button
	if n := len(opts.Responder.(*responder).messages()); n != 2 {
		t.Errorf("asked %d times, want twice: another question with the same key", n)
	}
}

func TestRefusedForms(t *testing.T) {
	opts := options(t)
	opts.AsksPerMinute = 3
	server := serve(t, opts)
	r := newReader(t, server)
	for _, tt := range []struct {
		q      string
		status int
		want   string
	}{
		{"", 400, "Bạn chưa viết câu hỏi."},
		{strings.Repeat("x", 20_000), 413, "Câu hỏi dài quá"},
		{"tạm trú", 429, "Bạn chờ một phút"}, // two at once, then none
	} {
		status, header, page := r.post("/", "q", tt.q)
		if status != tt.status || !strings.Contains(page, tt.want) || !strings.Contains(page, `id="q"`) {
			t.Errorf("POST / %.10q = %d %.300s, want %d with %q and the box", tt.q, status, words(t, page), tt.status, tt.want)
		}
		if tt.status == 429 && (header.Get("Retry-After") == "" || !strings.Contains(page, "tạm trú</textarea>")) {
			t.Errorf("429 without Retry-After or without what was typed")
		}
	}
}

func TestChatStream(t *testing.T) {
	opts := options(t)
	_, assistant := real()
	opts.Responder = &responder{assistant: assistant, pieces: []string{"Lệ phí ", "[1]:\n- 15.000 đồng/lần"}}
	r := newReader(t, serve(t, opts))
	status, header, body := r.post("/chat", "q", "đăng ký tạm trú hết bao nhiêu tiền")
	if status != 200 || !strings.HasPrefix(header.Get("Content-Type"), "text/event-stream") || header.Get("Content-Encoding") != "" {
		t.Fatalf("POST /chat = %d %v", status, header)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^event: (.*)$`).FindAllStringSubmatch(body, -1) {
		names = append(names, m[1])
	}
	if !slices.Equal(names, []string{"delta", "delta", "turn"}) {
		t.Errorf("events = %v, want two pieces and the turn", names)
	}
	if !strings.Contains(body, `data: {"text":"[1]:\n- 15.000 đồng/lần"}`) || !strings.Contains(body, `/tt/tam-tru#le-phi`) {
		t.Errorf("stream = %s", body)
	}
	if _, _, page := r.get("/"); !strings.Contains(words(t, page), "15.000 đồng/lần") {
		t.Error("the streamed answer is not on the page when it is opened again")
	}
	for _, tt := range []struct {
		q      string
		status int
	}{{"", 400}, {strings.Repeat("x", 20_000), 413}} {
		if status, header, _ := r.post("/chat", "q", tt.q); status != tt.status || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("POST /chat %.10q = %d %s, want a problem with %d", tt.q, status, header.Get("Content-Type"), tt.status)
		}
	}
}

// Who goes away while an answer is written finds it on the page later.
func TestAnswerIsKeptForWhoWentAway(t *testing.T) {
	opts := options(t)
	_, assistant := real()
	slow := &responder{assistant: assistant, pieces: []string{"Một phần. ", "Phần còn lại."}, step: make(chan struct{})}
	opts.Responder = slow
	server := serve(t, opts)
	r := newReader(t, server)
	r.get("/")
	ctx, leave := context.WithCancel(t.Context())
	req := must(http.NewRequestWithContext(ctx, "POST", r.base+"/chat", strings.NewReader("q=t%E1%BA%A1m+tr%C3%BA")))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	slow.step <- struct{}{}
	leave()
	resp.Body.Close()
	slow.step <- struct{}{}
	page := "" // the answer may not be kept yet
	if !eventually(func() bool {
		_, _, page = r.get("/")
		return strings.Contains(page, "Phần còn lại.")
	}) {
		t.Errorf("the answer did not come: %s", words(t, page))
	}
}

func TestDocumentPage(t *testing.T) {
	r := newReader(t, serve(t, options(t)))
	status, header, page := r.get("/tt/tam-tru")
	text := words(t, page)
	for _, want := range []string{
		"Kiểm tra ngày 23/11/2026", "15.000 đồng/lần", "miễn phí (0 đồng)", "Áp dụng đến hết 28/02/2027", "Chưa xác minh được", "Hãy hỏi: Công an cấp xã",
		"Căn cứ", "Nguồn", "1.004194", "Phiếu mang theo", "Công an cấp xã nơi tạm trú",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("GET /tt/tam-tru lacks %q", want)
		}
	}
	if status != 200 || !strings.Contains(page, `<h2 id="le-phi"`) {
		t.Errorf("status %d, or no heading to link to", status)
	}
	for name, value := range map[string]string{"If-None-Match": header.Get("ETag"), "If-Modified-Since": header.Get("Last-Modified")} {
		if status, _, body := r.get("/tt/tam-tru", name, value); status != 304 || body != "" {
			t.Errorf("%s %s = %d with %d bytes, want 304", name, value, status, len(body))
		}
		if status, _, _ := r.get("/tt/khai-sinh", name, value); status == 304 && name == "If-None-Match" {
			t.Error("another document has the same tag")
		}
	}
	if status, _, _ := r.get("/tt/tam-tru", "If-None-Match", `"other"`, "If-Modified-Since", header.Get("Last-Modified")); status != 200 {
		t.Errorf("another tag = %d, want the page: the tag decides", status)
	}
	for _, path := range []string{"/tt/khong-co", "/tt/khong-co/phieu", "/tt/khong-co/qr.png", "/tt/an-toan-mang-tai-tinh/phieu", "/tt/an-toan-mang-tai-tinh/qr.png", "/nothing"} {
		if status, _, page := r.get(path); status != 404 || !strings.Contains(page, "Không có trang này") {
			t.Errorf("GET %s = %d, want 404 as a page", path, status)
		}
	}
	if status, header, _ := r.get("/nothing", "Accept", "application/json"); status != 404 || header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("GET /nothing by a program = %d %s, want a problem", status, header.Get("Content-Type"))
	}
}

// Every citation that an answer can make opens a heading of a page.
func TestEverySectionHasItsPlace(t *testing.T) {
	opts := options(t)
	opts.Log = slog.New(slog.DiscardHandler)
	handler := web.New(opts)
	for _, d := range opts.Library.Documents {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/tt/"+d.ID, nil))
		if w.Code != 200 {
			t.Errorf("GET /tt/%s = %d", d.ID, w.Code)
			continue
		}
		page := w.Body.String()
		for _, s := range opts.Library.Passages(d) {
			if !strings.Contains(page, `<h2 id="`+s.ID+`"`) {
				t.Errorf("/tt/%s has no heading #%s", d.ID, s.ID)
			}
		}
		text := html.UnescapeString(page)
		for _, f := range d.Facts() {
			if !strings.Contains(text, f.For) {
				t.Errorf("/tt/%s does not say %q", d.ID, f.For)
			}
		}
	}
}

func TestSlip(t *testing.T) {
	opts := options(t)
	opts.PublicURL = must(url.Parse("https://troly.example"))
	r := newReader(t, serve(t, opts))
	_, _, page := r.get("/tt/khai-sinh/phieu")
	text := words(t, page)
	for _, want := range []string{"Phiếu mang theo", "Giấy chứng sinh.", "Đăng ký khai sinh đúng hạn miễn phí (0 đồng)", "trong ngày", "UBND cấp xã", "https://troly.example/tt/khai-sinh"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page to take along lacks %q: %s", want, text)
		}
	}
	if n := strings.Count(page, `type="checkbox"`); n != 6 {
		t.Errorf("%d boxes to tick, want 6", n)
	}
	status, header, picture := r.get("/tt/khai-sinh/qr.png")
	want := must(qrcode.Encode("https://troly.example/tt/khai-sinh/phieu", qrcode.Medium, 240))
	if status != 200 || header.Get("Content-Type") != "image/png" || picture != string(want) {
		t.Errorf("GET qr.png = %d %s, %d bytes, want the address of the page as %d bytes", status, header.Get("Content-Type"), len(picture), len(want))
	}
}

func TestNoticesAndPeriods(t *testing.T) {
	lib := hostileLibrary(t, nil)
	for _, tt := range []struct {
		day  string
		want []string
		not  []string
	}{
		{"2026-11-27", []string{"Độ tin cậy thấp", "Mức cũ", "Mức đã hết hiệu lực", "Áp dụng từ 01/03/2027", "Chưa xác minh được", "Hãy hỏi: UBND xã", "Áp dụng cho: hộ nghèo"}, []string{"đã hết hiệu lực Nội", "Sắp thay đổi.", "Lâu chưa kiểm tra"}},
		{"2027-04-15", []string{"Sắp thay đổi."}, []string{"Áp dụng từ 01/03/2027"}},
		{"2027-06-15", []string{"Lâu chưa kiểm tra lại.", "Hướng dẫn này đã hết hiệu lực."}, nil},
	} {
		now := must(time.Parse(time.DateOnly, tt.day))
		r := newReader(t, serve(t, web.Options{Assistant: fake{}, Log: slog.New(slog.DiscardHandler), Library: lib, Now: func() time.Time { return now }}))
		_, _, page := r.get("/tt/thu-nghiem")
		text := words(t, page)
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("on %s the page lacks %q: %s", tt.day, want, text)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(text, not) {
				t.Errorf("on %s the page says %q: %s", tt.day, not, text)
			}
		}
	}
}

func TestIndex(t *testing.T) {
	opts := options(t)
	r := newReader(t, serve(t, opts))
	_, _, page := r.get("/tt")
	if n := strings.Count(page, `<li><a href="/tt/`); n != len(opts.Library.Documents) {
		t.Errorf("the list has %d documents, want %d", n, len(opts.Library.Documents))
	}
	if _, _, page = r.get("/tt?nhom=ky-nang-so"); strings.Contains(page, `href="/tt/khai-sinh"`) || !strings.Contains(page, `href="/tt/vneid`) {
		t.Error("the list of skills holds procedures, or no skills")
	}
	_, _, page = r.get("/tt?q=" + url.QueryEscape("dang ky tam tru"))
	first := strings.Index(page, `href="/tt/tam-tru"`)
	if first < 0 || strings.Index(page, `<li><a href="/tt/`)+len(`<li><a `) != first {
		t.Errorf("tam-tru is not the first hit: %s", words(t, page))
	}
	broken := newReader(t, serve(t, web.Options{Assistant: fake{context.DeadlineExceeded}, Log: slog.New(slog.DiscardHandler), Library: opts.Library}))
	status, _, page := broken.get("/tt?q=" + url.QueryEscape("khai sinh"))
	if status != 200 || !strings.Contains(page, "chỉ tìm theo tên") || !strings.Contains(page, `href="/tt/khai-sinh"`) {
		t.Errorf("without a search = %d %s", status, words(t, page))
	}
}

func TestSearchesAreCounted(t *testing.T) {
	opts := options(t)
	opts.AsksPerMinute = 2
	r := newReader(t, serve(t, opts))
	var got []int
	for _, path := range []string{"/tt?q=a", "/tt?q=b", "/tt?q=c", "/tt", "/tt/khai-sinh"} {
		status, _, _ := r.get(path)
		got = append(got, status)
	}
	if !slices.Equal(got, []int{200, 200, 429, 200, 200}) {
		t.Errorf("statuses = %v, want the third search refused and the lists not", got)
	}
}

// Nobody reads without end either: ten pages for each question of the setting. Files and
// what tells of the server's health are always given.
func TestReadsAreCounted(t *testing.T) {
	o := newOffice(t, func(opts *web.Options) { opts.AsksPerMinute = 1 })
	handler := web.New(o.opts)
	for i, tt := range []struct {
		method, path string
		free         bool
		kind         string // of the refusal
	}{
		{"GET", "/", false, "text/html"}, {"GET", "/?khung=1", false, "text/html"}, {"POST", "/chat/thu", false, "application/problem+json"},
		{"GET", "/tt", false, "text/html"}, {"GET", "/tt/tam-tru", false, "text/html"}, {"GET", "/tt/tam-tru/phieu", false, "text/html"}, {"GET", "/tt/tam-tru/qr.png", false, "text/html"},
		{"GET", "/tt/khong-co", false, "text/html"}, {"GET", "/scorecard", false, "text/html"}, {"GET", "/widget.js", false, "text/html"},
		{"GET", "/console/", false, "text/html"}, {"GET", "/console/dang-nhap", false, "text/html"}, {"GET", "/console/khong-co", false, "text/html"},
		{"GET", "/api/v1/documents", false, "application/problem+json"}, {"GET", "/api/v1/documents/tam-tru?as_of=2026-01-01", false, "application/problem+json"},
		{"GET", web.AssetAddress("app.js"), true, ""}, {"GET", "/healthz", true, ""}, {"GET", "/readyz", true, ""},
	} {
		refused := 0 // which one was, of ten
		var last *httptest.ResponseRecorder
		for n := range 10 {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.RemoteAddr = fmt.Sprintf("203.0.113.%d:5", i) // each path from an address of its own
			last = httptest.NewRecorder()
			handler.ServeHTTP(last, r)
			if last.Code == http.StatusTooManyRequests && refused == 0 {
				refused = n + 1
			}
		}
		if tt.free && refused != 0 || !tt.free && (refused != 7 || last.Header().Get("Retry-After") == "" || !strings.HasPrefix(last.Header().Get("Content-Type"), tt.kind)) {
			t.Errorf("%s %s ten times: the %dth is refused, at last %d %v", tt.method, tt.path, refused, last.Code, last.Header())
		}
	}
}

func TestStaticFiles(t *testing.T) {
	r := newReader(t, serve(t, options(t)))
	_, _, page := r.get("/")
	for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		status, header, body := r.get(m[1], "Accept-Encoding", "identity")
		zipped, _, small := r.get(m[1], "Accept-Encoding", "gzip")
		if status != 200 || zipped != 200 || !strings.Contains(header.Get("Cache-Control"), "immutable") || header.Get("Content-Type") == "" {
			t.Errorf("GET %s = %d %v", m[1], status, header)
		}
		if len(body) > 2000 && len(small) > len(body)/2 {
			t.Errorf("%s: %d bytes of %d compressed", m[1], len(small), len(body))
		}
	}
	for _, path := range []string{"/static/", "/static/app.css", "/static/../web.go", "/static/app.000000000000.css"} {
		if status, _, _ := r.get(path); status == 200 {
			t.Errorf("GET %s = 200, want none", path)
		}
	}
}

func TestScorecard(t *testing.T) {
	opts := options(t)
	r := newReader(t, serve(t, opts))
	status, header, page := r.get("/scorecard")
	csp := header.Get("Content-Security-Policy")
	if status != 200 || !strings.Contains(csp, "style-src 'sha256-") || strings.Contains(csp, "unsafe") {
		t.Errorf("GET /scorecard = %d under %q", status, csp)
	}
	if strings.Contains(page, "<script") || strings.Contains(page, " style=") || strings.Contains(page, " onclick=") {
		t.Error("the scorecard has what its policy does not allow")
	}
	opts.Scorecard = nil
	none := newReader(t, serve(t, opts))
	if status, _, _ := none.get("/scorecard"); status != 404 {
		t.Errorf("without a scorecard = %d, want 404", status)
	}
	if _, _, page := none.get("/tt"); strings.Contains(page, "/scorecard") {
		t.Error("a page leads to a scorecard that is not there")
	}
}

func TestFrame(t *testing.T) {
	opts := options(t)
	closed := newReader(t, serve(t, opts))
	if status, _, _ := closed.get("/widget.js"); status != 404 {
		t.Errorf("widget.js with no sites allowed = %d, want 404", status)
	}
	if _, header, _ := closed.get("/?khung=1"); !strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Error("with no sites allowed the chat can be framed")
	}
	opts.FrameAncestors = []string{"https://laocai.gov.vn"}
	r := newReader(t, serve(t, opts))
	status, header, _ := r.get("/widget.js")
	if status != 200 || header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("widget.js = %d %v", status, header)
	}
	_, header, page := r.get("/?khung=1")
	if csp := header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "frame-ancestors https://laocai.gov.vn") || header.Get("X-Frame-Options") != "" {
		t.Errorf("in a frame: %q, X-Frame-Options %q", csp, header.Get("X-Frame-Options"))
	}
	if _, header, _ := r.get("/"); header.Get("X-Frame-Options") != "DENY" {
		t.Error("the page with the cookie can be framed")
	}
	if !strings.Contains(page, `<base target="_blank">`) || regexp.MustCompile(`<form [^>]*method="post">`).MatchString(page) {
		t.Error("in a frame, sources would open where they may not be framed, or forms elsewhere")
	}
	// Over http no cookie comes in a frame of another site: the form names the dialogue.
	dialogue := regexp.MustCompile(`name="h" value="([^"]+)"`).FindStringSubmatch(page)
	if dialogue == nil {
		t.Fatal("no dialogue in the form")
	}
	_, header, page = r.post("/?khung=1", "q", "đăng ký tạm trú hết bao nhiêu tiền", "khung", "1", "h", dialogue[1])
	if header.Get("Set-Cookie") != "" || !strings.Contains(page, `value="`+dialogue[1]+`"`) || !strings.Contains(header.Get("Content-Security-Policy"), "laocai.gov.vn") {
		t.Error("the answer in the frame sets a cookie, or loses the dialogue or the frame")
	}
	_, _, page = r.post("/?khung=1", "q", "thế mất bao lâu", "khung", "1", "h", dialogue[1])
	if text := words(t, page); !strings.Contains(text, "15.000 đồng/lần") {
		t.Errorf("the second question in the frame lost the first: %s", text)
	}
}

// Over https the frame finds its dialogue again, by a cookie that is kept for each site
// around it, and only there: the page of its own has another.
func TestFrameIsFoundAgain(t *testing.T) {
	opts := options(t)
	opts.FrameAncestors = []string{"https://laocai.gov.vn"}
	server := httptest.NewTLSServer(web.New(opts))
	t.Cleanup(server.Close)
	for _, path := range []string{"/?khung=1", "/chat"} {
		r := newReader(t, server)
		_, header, page := r.get("/?khung=1")
		if header.Get("Set-Cookie") != "" {
			t.Errorf("a cookie before anything was asked: %s", header.Get("Set-Cookie"))
		}
		dialogue := regexp.MustCompile(`name="h" value="([^"]+)"`).FindStringSubmatch(page)[1]
		_, header, _ = r.post(path, "q", "đăng ký tạm trú hết bao nhiêu tiền", "khung", "1", "h", dialogue)
		if c := header.Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-troly-khung="+dialogue+"; Path=/; Max-Age=1209600; HttpOnly; Secure; SameSite=None; Partitioned") {
			t.Errorf("%s in a frame: Set-Cookie %q", path, c)
		}
		if _, _, page = r.get("/?khung=1"); !strings.Contains(words(t, page), "15.000 đồng/lần") || !strings.Contains(page, `name="h" value="`+dialogue+`"`) {
			t.Errorf("%s: opened again the frame says %s", path, words(t, page))
		}
		if _, _, page = r.get("/"); strings.Contains(page, "15.000") {
			t.Errorf("%s: the page of its own shows the dialogue of the frame", path)
		}
	}
}

func TestHTTPSCookie(t *testing.T) {
	opts := options(t)
	opts.PublicURL = must(url.Parse("https://troly.example"))
	w := httptest.NewRecorder()
	req := httptest.NewRequest("POST", "https://troly.example/", strings.NewReader("q=x"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	web.New(opts).ServeHTTP(w, req)
	if c := w.Header().Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-troly=") || !strings.Contains(c, "; Secure") {
		t.Errorf("Set-Cookie over https = %q", c)
	}
}

func TestNoOpenRedirect(t *testing.T) {
	r := newReader(t, serve(t, options(t)))
	for _, path := range []string{"//evil.example", "//evil.example/..", "/%2F%2Fevil.example", "/\\evil.example", "/tt//evil.example", "/tt/..%2f..%2fevil.example", "/?next=https://evil.example", "/tt?q=https://evil.example"} {
		req := must(http.NewRequest("GET", r.base, nil))
		req.URL.Opaque = "//" + req.URL.Host + path
		status, header, _ := r.do(req)
		to := must(url.Parse(header.Get("Location")))
		if to.Host != "" && to.Host != req.URL.Host {
			t.Errorf("GET %s = %d to %s", path, status, to)
		}
	}
}

// hostile is what somebody could try to bring onto a page.
var hostile = []string{
	`<script>pwned()</script>`, `"><img src=x onerror=pwned()>`, `'><svg onload=pwned()>`, `javascript:pwned()`, `</textarea><script>pwned()</script>`,
	`{{.Page}}{{template "base"}}`, `</title><script>pwned()</script>`, `https://evil.example/"onmouseover="pwned()`, `<a href=javascript:pwned()>x</a>`,
	`https://dichvucong.gov.vn@evil.example/`, "https://dichvucong.gov.vn\\@evil.example", `--><script>pwned()</script>`, `<base href=https://evil.example>`,
	`https://evil.example/dichvucong.gov.vn`, `https://dichvucong.gov.vn.evil.example`,
}

// hostileLibrary is the knowledge with one more document, made of hostile text.
func hostileLibrary(t testing.TB, texts []string) *corpus.Library {
	t.Helper()
	all := strings.Join(texts, " ")
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(all) + `"`
	doc := fmt.Sprintf(`---
id: thu-nghiem
title: %[1]s
kind: procedure
aliases: [%[1]s]
asked: [%[1]s]
codes: [%[1]s]
field: %[1]s
audience: both
level: commune
authority: %[1]s
submit: [in_person]
portal: %[1]s
fees:
  - {for: %[1]s, value: 5000, unit: đồng, note: %[1]s, condition: {who: %[2]s}, legal: %[1]s}
  - {for: Mức cũ, value: 4000, unit: đồng, valid_to: 2026-01-31}
  - {for: Mức mới, value: 6000, unit: đồng, valid_from: 2027-03-01}
  - {for: Chưa rõ, ask: UBND xã}
legal_basis:
  - {ref: %[1]s, title: %[1]s}
valid_to: 2027-05-31
checked: 2026-11-23
confidence: low
sources:
  - {title: %[1]s, url: %[1]s, date: 2026-11-01}
---

## Tóm tắt

%[3]s

## Hồ sơ

- %[3]s
`, cmpOr(quoted, "Thử nghiệm"), cmpOr(quoted, "hộ nghèo"), strings.ReplaceAll(cmpOr(all, "Thử"), "\n", " "))
	files := fstest.MapFS{"procedures/thu-nghiem.md": {Data: []byte(doc)}}
	err := fs.WalkDir(knowledge.FS, ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasPrefix(path, "procedures/") {
			data, readErr := fs.ReadFile(knowledge.FS, path)
			files[path] = &fstest.MapFile{Data: data}
			return readErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	lib, problems, err := corpus.Load(files)
	if err != nil || lib.Document("thu-nghiem") == nil {
		t.Fatalf("the hostile document was not read: %v %v", err, problems)
	}
	return lib
}

func cmpOr(quoted, otherwise string) string {
	if strings.Trim(quoted, `"`) == "" {
		return otherwise
	}
	return quoted
}

// hostileReply answers with hostile text in every field.
type hostileReply struct{}

func (hostileReply) Respond(_ context.Context, m webhook.Message, _ []byte, release func(string)) webhook.Response {
	all := strings.Join(hostile, " ")
	reply := webhook.Reply{Text: all + "\n- " + all + "\n1. " + m.Text + " [1]", Feedback: all, Link: "javascript:pwned()"}
	for _, h := range hostile {
		reply.Choices = append(reply.Choices, webhook.Choice{Label: h, Action: h}, webhook.Choice{Label: h, URL: h}, webhook.Choice{Label: h})
		reply.Sources = append(reply.Sources, webhook.Source{N: 1, Title: h, Section: h, URL: h, Checked: h})
	}
	if release != nil {
		release(all)
	}
	return webhook.Response{Replies: []webhook.Reply{reply}, Outcome: &webhook.Outcome{Body: []byte(`{"citations":[{"n":1,"document":"\"><script>pwned()</script>","section":"x","title":"x"}]}`)}}
}

// harmless reports what a page would do beyond what our templates say.
func harmless(t *testing.T, what, page string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attrs := make(map[string]string)
		for _, a := range n.Attr {
			attrs[a.Key] = a.Val
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || a.Key == "formaction" {
				t.Errorf("%s: <%s %s=%q>", what, n.Data, a.Key, a.Val)
			}
		}
		switch n.Data {
		case "script":
			if !strings.HasPrefix(attrs["src"], "/static/") || n.FirstChild != nil {
				t.Errorf("%s: a script: %v", what, attrs)
			}
		case "img":
			if !strings.HasPrefix(attrs["src"], "/tt/") {
				t.Errorf("%s: a picture: %v", what, attrs)
			}
		case "base", "iframe", "object", "embed", "svg", "style", "meta":
			if n.Data != "meta" || attrs["http-equiv"] != "" {
				t.Errorf("%s: <%s %v>", what, n.Data, attrs)
			}
		case "form":
			if !strings.HasPrefix(attrs["action"], "/") || strings.HasPrefix(attrs["action"], "//") {
				t.Errorf("%s: a form to %s", what, attrs["action"])
			}
		}
		if href, ok := attrs["href"]; ok && !ourLinks.MatchString(href) {
			t.Errorf("%s: a link to %s", what, href)
		}
	}
}

// ourLinks are those of our pages, of the government, and to dial.
var ourLinks = regexp.MustCompile(`^(?:/$|/[^/\\]|#|tel:\d+$|https://(?:[a-z0-9-]+\.)+gov\.vn(?:/|$)|http://127\.0\.0\.1:\d+/)`)

// No route takes the protection off: what every page, file, answer and refusal says of
// itself to the browser.
func TestHeadersOfRoutes(t *testing.T) {
	r := newReader(t, serve(t, options(t)))
	for _, path := range []string{"/", "/?khung=1", "/tt", "/tt?q=x", "/tt/tam-tru", "/tt/tam-tru/phieu", "/tt/tam-tru/qr.png", "/tt/khong-co", "/scorecard", "/khong-co", "/widget.js",
		web.AssetAddress("app.js"), web.AssetAddress("app.css"), "/healthz", "/readyz", "/v1/models", "/api/v1/documents", "/api/v1/documents/tam-tru", "/api/v1/openapi.json", "/api/v1/search?q=x", "/api/v1/ask", "/chat"} {
		status, h, _ := r.get(path)
		csp := h.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "script-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, directive) && path != "/scorecard" { // has a stricter one: no script, no form
				t.Errorf("%s (%d): Content-Security-Policy %q lacks %s", path, status, csp, directive)
			}
		}
		if !strings.HasPrefix(csp, "default-src 'none'; ") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "http:") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "same-origin" || h.Get("Content-Type") == "" && status != 304 {
			t.Errorf("%s (%d): %v", path, status, h)
		}
		if h.Get("Access-Control-Allow-Origin") != "" && !strings.HasPrefix(path, "/api/v1/documents") && path != "/api/v1/openapi.json" {
			t.Errorf("%s is open to other sites", path)
		}
	}
}

func TestHostileText(t *testing.T) {
	lib := hostileLibrary(t, hostile)
	r := newReader(t, serve(t, web.Options{Assistant: hits{"thu-nghiem"}, Log: slog.New(slog.DiscardHandler), Now: someNow, Library: lib, Responder: hostileReply{}, AsksPerMinute: 1000}))
	for _, path := range []string{"/tt/thu-nghiem", "/tt/thu-nghiem/phieu", "/tt", "/tt?q=x"} {
		status, _, page := r.get(path)
		if status != 200 || !strings.Contains(words(t, page), "pwned()") {
			t.Errorf("GET %s = %d: the hostile text is not there to be seen as text", path, status)
		}
		harmless(t, path, page)
	}
	for _, h := range hostile {
		_, _, page := r.get("/tt?q=" + url.QueryEscape(h) + "&nhom=" + url.QueryEscape(h))
		harmless(t, "search for "+h, page)
		_, _, page = r.post("/", "q", h, "khoa", h, "khung", h, "h", h)
		harmless(t, "asked "+h, page)
		_, _, page = r.post("/", "action", h[:min(60, len(h))], "nhan", h)
		harmless(t, "pressed "+h, page)
		_, _, page = r.get("/" + url.PathEscape(h))
		harmless(t, "opened "+h, page)
		_, _, stream := r.post("/chat", "q", h)
		for line := range strings.Lines(stream) {
			if data, ok := strings.CutPrefix(line, `data: {"html":`); ok {
				harmless(t, "streamed "+h, must(unquote(data)))
			} else if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "data: ") && !strings.HasPrefix(line, "event: ") && line != ":\n" {
				t.Errorf("a line of the stream is none of ours: %q", line)
			}
		}
	}
}

// hits finds these documents whatever is asked.
type hits []string

func (h hits) Ask(context.Context, pipeline.Question) pipeline.Outcome { return pipeline.Outcome{} }
func (h hits) Stream(context.Context, pipeline.Question, pipeline.Release) pipeline.Outcome {
	return pipeline.Outcome{}
}
func (h hits) Search(context.Context, pipeline.Question) ([]pipeline.Retrieved, error) {
	var found []pipeline.Retrieved
	for _, id := range h {
		found = append(found, pipeline.Retrieved{Document: id})
	}
	return found, nil
}

// unquote reads the JSON text at the beginning of s.
func unquote(s string) (string, error) {
	var text string
	err := json.NewDecoder(strings.NewReader(s)).Decode(&text)
	return text, err
}
