package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skip2/go-qrcode"
	"golang.org/x/net/html"

	"troly/internal/pipeline"
	"troly/internal/web"
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

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
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
