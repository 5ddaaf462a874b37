package web_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/web"
	"troly/internal/webhook"
)

var openStreams = flag.Int("streams", 40, "answers that are open at the same time in TestManyOpenStreams")

// talker writes a first piece at once and the rest when it is let go.
type talker struct{ rest chan struct{} }

func (r talker) Respond(_ context.Context, _ webhook.Message, _ []byte, release func(string)) webhook.Response {
	if release != nil {
		release("Câu đầu. ")
	}
	<-r.rest
	return webhook.Response{Replies: []webhook.Reply{{Text: "Câu đầu. Câu cuối."}}}
}

// Many people have an answer open at the same time; each gets the first words at
// once, and one more than the limit is told to come back.
func TestManyOpenStreams(t *testing.T) {
	n := *openStreams
	r := talker{make(chan struct{})}
	opts := web.Options{Assistant: fake{}, Log: options(t).Log, Responder: r, Streams: n, AsksPerMinute: 1_000_000}
	server := serve(t, opts)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	var opened, ended sync.WaitGroup
	var mu sync.Mutex
	var first []time.Duration
	finished := 0
	before := memory()
	for range n {
		opened.Add(1)
		ended.Go(func() {
			start := time.Now()
			resp, err := client.Post(server.URL+"/chat", "application/x-www-form-urlencoded", strings.NewReader("q=x"))
			if err != nil {
				t.Error(err)
				opened.Done()
				return
			}
			defer resp.Body.Close()
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() && lines.Text() != "event: delta" {
			}
			mu.Lock()
			first = append(first, time.Since(start))
			mu.Unlock()
			opened.Done()
			for lines.Scan() {
				if lines.Text() == "event: turn" {
					mu.Lock()
					finished++
					mu.Unlock()
				}
			}
		})
	}
	opened.Wait()
	resp, err := client.Post(server.URL+"/chat", "application/x-www-form-urlencoded", strings.NewReader("q=x"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one more than the limit = %d, want 503 with Retry-After", resp.StatusCode)
	}
	// The page itself is still there for everybody else.
	start := time.Now()
	if resp, err = client.Get(server.URL + "/"); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	page := time.Since(start)
	each := (memory() - before) / float64(n)
	close(r.rest)
	ended.Wait()
	if len(first) != n || finished != n {
		t.Errorf("%d of %d streams began, %d ended with the turn", len(first), n, finished)
	}
	slices.Sort(first)
	t.Logf("%d open streams on %d CPUs: first words after %v (median), %v (95 of 100), %v (last); %.0f kB each, client included; the page meanwhile in %v",
		n, runtime.GOMAXPROCS(0), first[n/2], first[n*95/100], first[n-1], each, page)
}

// memory is what is in use, in kB.
func memory() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse+m.StackInuse) / 1000
}

// maxFirstLoad is what the first visit may weigh, compressed.
const maxFirstLoad = 100_000

func TestFirstLoadIsLight(t *testing.T) {
	handler := web.New(options(t))
	for _, path := range []string{"/", "/tt", "/tt/khai-sinh", "/tt/khai-sinh/phieu"} {
		page, all := fetched(t, handler, path)
		total := page
		for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+|/tt/[^"]+\.png)"`).FindAllStringSubmatch(string(all), -1) {
			sent, _ := fetched(t, handler, m[1])
			total += sent
		}
		t.Logf("%s: %d bytes, %d with all it refers to", path, page, total)
		if total > maxFirstLoad {
			t.Errorf("%s weighs %d bytes compressed, want at most %d", path, total, maxFirstLoad)
		}
	}
}

// fetched returns how many bytes travel, and the page.
func fetched(t *testing.T, handler http.Handler, path string) (bytesSent int, body []byte) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("GET %s = %d", path, w.Code)
	}
	sent := w.Body.Len()
	if w.Header().Get("Content-Encoding") != "gzip" {
		return sent, w.Body.Bytes()
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err = io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return sent, body
}

func BenchmarkPages(b *testing.B) {
	handler := web.New(options(b))
	for _, path := range []string{"/", "/tt", "/tt/khai-sinh", "/tt/khai-sinh/phieu", "/tt/khai-sinh/qr.png", "/tt?q=" + url.QueryEscape("đăng ký tạm trú")} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequest("GET", path, nil)
				r.Header.Set("Accept-Encoding", "gzip")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatalf("GET %s = %d", path, w.Code)
				}
			}
		})
	}
}

func BenchmarkFirstByteOfAnswer(b *testing.B) {
	r := talker{make(chan struct{})}
	close(r.rest)
	server := serve(b, web.Options{Assistant: fake{}, Log: options(b).Log, Responder: r, AsksPerMinute: 1_000_000_000})
	for b.Loop() {
		resp, err := http.Post(server.URL+"/chat", "application/x-www-form-urlencoded", strings.NewReader("q=x"))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}
