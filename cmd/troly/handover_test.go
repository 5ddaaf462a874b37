package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// said is what a command prints, read while it runs.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// visitor is a browser at a server.
type visitor struct {
	t       *testing.T
	client  *http.Client
	address string
}

func newVisitor(t *testing.T, address string) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visitor{t, &http.Client{Jar: jar, Timeout: time.Minute}, address}
}

// open gets a page, or posts a form, and returns the page where that ends.
func (v visitor) open(path string, form url.Values) string {
	v.t.Helper()
	var resp *http.Response
	var err error
	if form == nil {
		resp, err = v.client.Get(v.address + path)
	} else {
		resp, err = v.client.PostForm(v.address+path, form)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		v.t.Fatalf("%s: status %d, %v: %.300s", path, resp.StatusCode, err, body)
	}
	return string(body)
}

// A resident asks for an officer on the page, the officer answers in the console, and
// each reads the other; what staff turn off is off.
func TestOfficeOfARunningServer(t *testing.T) {
	data := t.TempDir()
	for name, value := range map[string]string{"TROLY_DATA_DIR": data, "TROLY_ADDR": "127.0.0.1:0", "TROLY_KNOWLEDGE_DIR": "", "DATABASE_URL": "", "TROLY_PUBLIC_URL": "", "TELEGRAM_BOT_TOKEN": "", "ZALO_APP_ID": "", "ZALO_BOT_TOKEN": ""} {
		t.Setenv(name, value)
	}
	var password, errs strings.Builder
	if status := run(t.Context(), []string{"staff", "add", "lan", "--role", "admin", "--generate"}, strings.NewReader(""), &password, &errs); status != 0 {
		t.Fatalf("staff add: status %d, %s", status, errs.String())
	}
	summary := filepath.Join(data, "eval", "runs", "20261127-1", "summary.json")
	if err := os.MkdirAll(filepath.Dir(summary), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(summary, []byte(`{"bases": 12, "samples": 34, "metrics": [{"name": "pass", "n_scored": 12, "mean": 0.912, "interval": {"low": 0.9, "high": 0.93}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log said
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"serve"}, strings.NewReader(""), io.Discard, &log) }()
	address := ""
	for range 1200 {
		if m := regexp.MustCompile(`listening on (http://\S+)\n`).FindStringSubmatch(log.String()); m != nil {
			address = strings.TrimSuffix(m[1], ",")
			break
		}
		select {
		case status := <-ended:
			t.Fatalf("serve ended with %d: %s", status, log.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	if address == "" {
		t.Fatalf("it does not listen: %s", log.String())
	}
	resident, officer := newVisitor(t, address), newVisitor(t, address)
	key := func(n int) []string { return []string{fmt.Sprintf("%022d", n)} }
	resident.open("/", url.Values{"q": {"làm khai sinh cho con mất bao lâu"}, "khoa": key(1)})
	if page := resident.open("/", url.Values{"lenh": {"canbo"}, "khoa": key(2)}); !strings.Contains(page, "chuyển yêu cầu cho cán bộ") {
		t.Error("the resident is not told that an officer was asked")
	}
	inbox := officer.open("/console/dang-nhap", url.Values{"ten": {"lan"}, "mat-khau": {strings.TrimSpace(password.String())}})
	if !strings.Contains(inbox, "làm khai sinh cho con mất bao lâu") || !strings.Contains(inbox, "/console/hop-thu/1") {
		t.Errorf("the inbox does not have it: %.2000s", inbox)
	}
	if page := officer.open("/console/hop-thu/1/tra-loi", url.Values{"tra-loi": {"Mang giấy chứng sinh nhé."}}); !strings.Contains(page, "Đã gửi câu trả lời") {
		t.Error("the officer is not told that it was sent")
	}
	var letters struct{ HTML string }
	if err := json.Unmarshal([]byte(resident.open("/chat/thu", url.Values{})), &letters); err != nil || !strings.Contains(letters.HTML, "Mang giấy chứng sinh nhé.") {
		t.Errorf("the resident reads %q, %v", letters.HTML, err)
	}
	if page := resident.open("/", url.Values{"q": {"cháu sinh ngày mồng ba"}, "khoa": key(3)}); !strings.Contains(page, "giữ lại cho cán bộ") {
		t.Error("the bot is not silent")
	}
	if page := officer.open("/console/hop-thu/1", nil); !strings.Contains(page, "cháu sinh ngày mồng ba") {
		t.Error("the officer does not read what the resident says")
	}
	officer.open("/console/hop-thu/1/ket-thuc", url.Values{"cach": {"tra-lai"}})
	if page := resident.open("/", url.Values{"q": {"đăng ký tạm trú hết bao nhiêu tiền"}, "khoa": key(4)}); !strings.Contains(page, "15.000 đồng") {
		t.Error("the bot does not answer after the dialogue was given back")
	}
	officer.open("/console/duyet/moi", url.Values{"hoi": {"bộ phận một cửa xã Mậu A làm việc mấy giờ"}, "dap": {"Bộ phận một cửa làm việc từ 7 giờ 30."}, "nguon": {"trung-tam-phuc-vu-hanh-chinh-cong"}, "nguoi": {"lan"}, "den": {time.Now().AddDate(0, 1, 0).Format(time.DateOnly)}})
	if page := resident.open("/", url.Values{"q": {"bộ phận một cửa xã Mậu A làm việc mấy giờ"}, "khoa": key(6)}); !strings.Contains(page, "Bộ phận một cửa làm việc từ 7 giờ 30.") {
		t.Error("an approved answer is not given as soon as it is saved")
	}
	officer.open("/console/duyet/1/thu-hoi", url.Values{"ly-do": {"thử"}})
	if page := resident.open("/", url.Values{"lenh": {"moi"}, "khoa": key(7)}); strings.Contains(page, "7 giờ 30") {
		t.Fatal("the dialogue was not begun anew")
	}
	if page := resident.open("/", url.Values{"q": {"bộ phận một cửa xã Mậu A làm việc mấy giờ"}, "khoa": key(8)}); strings.Contains(page, "Bộ phận một cửa làm việc từ 7 giờ 30.") {
		t.Error("an approved answer is given after it was withdrawn")
	}
	if page := officer.open("/console/chat-luong", nil); !strings.Contains(page, "91,2 % (90,0–93,0)") {
		t.Error("the last run is not shown")
	}
	officer.open("/console/cong-tac", url.Values{"ten": {"web"}, "bat": {"0"}, "ly-do": {"thử"}})
	if page := resident.open("/", url.Values{"q": {"đăng ký tạm trú hết bao nhiêu tiền"}, "khoa": key(5)}); !strings.Contains(page, "đang tạm dừng trên trang này") {
		t.Error("the page answers although it is turned off")
	}
	program := func() int {
		resp, err := http.Post(address+"/api/v1/ask", "application/json", strings.NewReader(`{"question":"đăng ký tạm trú hết bao nhiêu tiền"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := program(); got != http.StatusOK {
		t.Errorf("while the page is turned off a program gets %d, want 200: it has a switch of its own", got)
	}
	officer.open("/console/cong-tac", url.Values{"ten": {"api"}, "bat": {"0"}, "ly-do": {"thử"}})
	if got := program(); got != http.StatusServiceUnavailable {
		t.Errorf("while programs are turned off one gets %d, want 503", got)
	}
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("serve ended with %d: %s", status, log.String())
	}
}
