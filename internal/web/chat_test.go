package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"troly/internal/web"
	"troly/internal/webhook"
)

// What was said is shown for half a day, a telephone may be shared; for a week to who waits
// for an officer. What others say later, a correction for one, is read for two weeks.
func TestWhatIsSaidLaterIsRead(t *testing.T) {
	at := &clock{at: someDay}
	opts := options(t)
	memory := web.NewLetterbox(at.now)
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
