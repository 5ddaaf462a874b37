package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/pipeline"
	"troly/internal/web"
)

// writer is an assistant that releases pieces and then has an answer.
type writer struct {
	fake
	pieces []string
	answer string
	status pipeline.Status
	before func(ctx context.Context) // is called before the pieces
}

func (w writer) Ask(ctx context.Context, q pipeline.Question) pipeline.Outcome {
	return w.Stream(ctx, q, func(string) {})
}

func (w writer) Stream(ctx context.Context, q pipeline.Question, release pipeline.Release) pipeline.Outcome {
	if w.before != nil {
		w.before(ctx)
	}
	for _, p := range w.pieces {
		release(p)
	}
	status := w.status
	if status == "" {
		status = pipeline.Answered
	}
	return pipeline.Outcome{Question: q.Text, Status: status, Answer: w.answer, Citations: []pipeline.Citation{{N: 1, Document: "khai-sinh", Section: "le-phi", Title: "Đăng ký khai sinh", URL: "https://example.vn/a b"}}}
}

type event struct{ name, data string }

// events reads a stream to its end; comments have the name ":".
func events(t *testing.T, body *bufio.Scanner) []event {
	t.Helper()
	var list []event
	var e event
	for body.Scan() {
		switch line := body.Text(); {
		case line == "":
			if e != (event{}) {
				list = append(list, e)
			}
			e = event{}
		case line[0] == ':':
			list = append(list, event{":", line[1:]})
		case strings.HasPrefix(line, "event: "):
			e.name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			e.data += line[len("data: "):]
		default:
			t.Errorf("line %q is of no event", line)
		}
	}
	return list
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// ask posts a question and wants a stream.
func ask(t *testing.T, ctx context.Context, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "POST", url+"/api/v1/ask", strings.NewReader(`{"question":"lệ phí khai sinh"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestAPIStream(t *testing.T) {
	for _, tt := range []struct {
		name string
		w    writer
		want []event // before the outcome
	}{
		{"nothing released", writer{answer: "Tám nghìn đồng"}, []event{{"delta", `{"text":"Tám nghìn đồng"}`}}},
		{"all released", writer{pieces: []string{"Tám ", "nghìn\n<đồng>"}, answer: "Tám nghìn\n<đồng>"}, []event{{"delta", `{"text":"Tám "}`}, {"delta", `{"text":"nghìn\n<đồng>"}`}}},
		{"the rest follows", writer{pieces: []string{"Tám "}, answer: "Tám nghìn"}, []event{{"delta", `{"text":"Tám "}`}, {"delta", `{"text":"nghìn"}`}}},
		{"taken back", writer{pieces: []string{"Chín "}, answer: "Tám nghìn"}, []event{{"delta", `{"text":"Chín "}`}, {"replace", `{"text":"Tám nghìn"}`}}},
		{"failed", writer{pieces: []string{"Chín "}, answer: "Xin lỗi", status: pipeline.Failed}, []event{{"delta", `{"text":"Chín "}`}, {"replace", `{"text":"Xin lỗi"}`}}},
		{"empty", writer{}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(web.New(web.Options{Assistant: tt.w, Log: discard()}))
			defer server.Close()
			resp := ask(t, t.Context(), server.URL)
			defer resp.Body.Close()
			if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || !strings.HasPrefix(kind, "text/event-stream") || resp.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("stream = %d %v", resp.StatusCode, resp.Header)
			}
			got := events(t, bufio.NewScanner(resp.Body))
			if len(got) != len(tt.want)+1 {
				t.Fatalf("got %q, want %q and the outcome", got, tt.want)
			}
			for i, e := range tt.want {
				if got[i] != e {
					t.Errorf("event %d = %q, want %q", i, got[i], e)
				}
			}
			var outcome pipeline.Outcome
			last := got[len(got)-1]
			if err := json.Unmarshal([]byte(last.data), &outcome); last.name != "outcome" || err != nil || outcome.Answer != tt.w.answer || len(outcome.Citations) != 1 {
				t.Errorf("last event = %q, %v, want the outcome", last, err)
			}
		})
	}
}

// Who goes away is not answered for: the model's call ends with the connection.
func TestStreamEndsWithItsReader(t *testing.T) {
	stopped := make(chan error, 1)
	w := writer{before: func(ctx context.Context) { <-ctx.Done(); stopped <- ctx.Err() }}
	server := httptest.NewServer(web.New(web.Options{Assistant: w, Log: discard()}))
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	resp := ask(t, ctx, server.URL)
	leave()
	resp.Body.Close()
	if err := <-stopped; err != context.Canceled {
		t.Errorf("the call ended with %v, want context canceled", err)
	}
}

func TestStreamPlaces(t *testing.T) {
	begun, release := make(chan bool), make(chan bool)
	w := writer{answer: "xong", before: func(context.Context) { begun <- true; <-release }}
	server := httptest.NewServer(web.New(web.Options{Assistant: w, Log: discard(), Streams: 1}))
	defer server.Close()
	first := ask(t, t.Context(), server.URL)
	defer first.Body.Close()
	<-begun
	second := ask(t, t.Context(), server.URL)
	second.Body.Close()
	if second.StatusCode != 503 || second.Header.Get("Retry-After") == "" || second.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("with no place left = %d %v, want 503 with Retry-After", second.StatusCode, second.Header)
	}
	close(release)
	if got := events(t, bufio.NewScanner(first.Body)); len(got) != 2 {
		t.Errorf("the first stream = %q, want delta and outcome", got)
	}
	go func() { <-begun }()
	third := ask(t, t.Context(), server.URL)
	defer third.Body.Close()
	if got := events(t, bufio.NewScanner(third.Body)); third.StatusCode != 200 || len(got) != 2 {
		t.Errorf("with the place free again = %d %q", third.StatusCode, got)
	}
}

// A stream shows that it lives while nothing is written, and outlives the server's
// deadlines for ordinary requests.
func TestStreamOutlivesSilence(t *testing.T) {
	w := writer{answer: "xong", before: func(ctx context.Context) {
		select {
		case <-ctx.Done():
			t.Error("the reader was taken for gone")
		case <-time.After(3 * time.Second): // longer than the deadlines below
		}
	}}
	server := httptest.NewUnstartedServer(web.New(web.Options{Assistant: w, Log: discard(), KeepAlive: 20 * time.Millisecond}))
	server.Config.ReadTimeout, server.Config.WriteTimeout = time.Second, time.Second
	server.Start()
	defer server.Close()
	resp := ask(t, t.Context(), server.URL)
	defer resp.Body.Close()
	got := events(t, bufio.NewScanner(resp.Body))
	if len(got) < 3 || got[0].name != ":" || got[len(got)-1].name != "outcome" || !strings.Contains(got[len(got)-1].data, `"answer":"xong"`) {
		t.Errorf("got %q, want comments and then the answer", got)
	}
}

func TestWhoWantsAStream(t *testing.T) {
	server := httptest.NewServer(web.New(web.Options{Assistant: writer{answer: "xong"}, Log: discard()}))
	defer server.Close()
	for _, tt := range []struct {
		accept string
		stream bool
	}{
		{"", false}, {"*/*", false}, {"application/json", false}, {"text/event-stream;q=0", false}, {"text/event-streams", false},
		{"text/event-stream", true}, {"application/json, text/event-stream;q=0.5", true}, {"TEXT/EVENT-STREAM", true},
	} {
		r := httptest.NewRequest("POST", "/api/v1/ask", strings.NewReader(`{"question":"x"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", tt.accept)
		w := httptest.NewRecorder()
		server.Config.Handler.ServeHTTP(w, r)
		if got := strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream"); got != tt.stream {
			t.Errorf("Accept %q: stream %v, want %v", tt.accept, got, tt.stream)
		}
	}
}

func TestMethods(t *testing.T) {
	handler := web.New(web.Options{Assistant: fake{}, Log: discard()})
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/api/v1/ask", 405, "POST, OPTIONS"}, {"OPTIONS", "/api/v1/ask", 204, "POST, OPTIONS"},
		{"DELETE", "/api/v1/search", 405, "GET, HEAD, OPTIONS"}, {"HEAD", "/api/v1/search?q=x", 200, ""}, {"GET", "/api/v1/nothing", 404, ""},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status || w.Header().Get("Allow") != tt.allow || tt.status >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s = %d %v, want %d with Allow %q", tt.method, tt.path, w.Code, w.Header(), tt.status, tt.allow)
		}
	}
}

// So many people watch their answers being written: how late does the first piece
// come, how long does all of it take beside the two seconds that writing takes here?
func BenchmarkOpenStreams(b *testing.B) {
	const people, pieces, pause = 500, 20, 100 * time.Millisecond
	w := dripping{writer{answer: "xong"}, pieces, pause}
	server := httptest.NewServer(web.New(web.Options{Assistant: w, Log: discard(), AsksPerMinute: 1 << 30}))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: people}}
	for b.Loop() {
		first, last := make([]float64, people), make([]float64, people)
		var all sync.WaitGroup
		for i := range people {
			all.Go(func() {
				start := time.Now()
				r, _ := http.NewRequest("POST", server.URL+"/api/v1/ask", strings.NewReader(`{"question":"x"}`))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Accept", "text/event-stream")
				resp, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				defer resp.Body.Close()
				seen := 0
				for body := bufio.NewScanner(resp.Body); body.Scan(); {
					if strings.HasPrefix(body.Text(), "event: delta") {
						if seen++; seen == 1 {
							first[i] = float64(time.Since(start).Milliseconds())
						}
					}
				}
				if last[i] = float64(time.Since(start).Milliseconds()); seen < pieces {
					b.Errorf("%d pieces, want %d", seen, pieces)
				}
			})
		}
		all.Wait()
		slices.Sort(first)
		slices.Sort(last)
		b.ReportMetric(first[people/2], "first-p50-ms")
		b.ReportMetric(first[people*99/100], "first-p99-ms")
		b.ReportMetric(last[people*99/100], "all-p99-ms")
	}
}

// dripping releases its pieces with pauses between.
type dripping struct {
	writer
	n     int
	pause time.Duration
}

func (d dripping) Stream(ctx context.Context, q pipeline.Question, release pipeline.Release) pipeline.Outcome {
	for range d.n {
		release("chữ ")
		time.Sleep(d.pause)
	}
	return pipeline.Outcome{Status: pipeline.Answered, Answer: strings.Repeat("chữ ", d.n) + "hết"}
}
