package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"troly/internal/pipeline"
	"troly/internal/web"
)

// Who has no key asks within the limits of an address, and is told how long to wait in
// the form of the path. Open data is not counted.
func TestAnonymousLimit(t *testing.T) {
	const chat = `{"model":"troly","messages":[{"role":"user","content":"x"}]}`
	for _, tt := range []struct{ method, path, body, auth, kind string }{
		{"POST", "/api/v1/ask", `{"question":"x"}`, "", "application/problem+json"},
		{"GET", "/api/v1/search?q=x", "", "", "application/problem+json"},
		{"GET", "/api/v1/search?q=x", "", "Bearer " + web.NewSecret(), "application/problem+json"}, // tries keys
		{"POST", completions, chat, "", "application/json; charset=utf-8"},
		{"POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "", "application/problem+json"},
	} {
		handler := web.New(web.Options{Assistant: fake{}, Log: discard(), Library: realLibrary(t), AsksPerMinute: 2})
		var w *httptest.ResponseRecorder
		for range 3 {
			w = send(handler, tt.method, tt.path, tt.body, "Content-Type", "application/json", "Accept", "application/json, text/event-stream", "Authorization", tt.auth)
		}
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != tt.kind {
			t.Errorf("third %s %s %s = %d %v, want 429 as %s", tt.method, tt.path, tt.auth, w.Code, w.Header(), tt.kind)
		}
		if w := get(handler, "GET", "/api/v1/documents/khai-sinh"); w.Code != 200 {
			t.Errorf("after %s %s: open data = %d", tt.method, tt.path, w.Code)
		}
	}
}

// While staff have turned the answers for programs off, only these are: what can be read
// stays open, and so does the page.
func TestProgramsAreTurnedOff(t *testing.T) {
	opts := options(t)
	on := false
	opts.ProgramsOn = func() bool { return on }
	handler := web.New(opts)
	const mcpAsk = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ask","arguments":{"question":"lệ phí tạm trú"}}}`
	const mcpSearch = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_procedures","arguments":{"query":"lệ phí tạm trú"}}}`
	both := []string{"Accept", "application/json, text/event-stream"}
	for _, turned := range []bool{false, true} {
		on = turned
		for _, tt := range []struct {
			name     string
			reply    *httptest.ResponseRecorder
			off, yes string // what is said while they are off and on; empty: the same as on
			status   int    // while they are off
		}{
			{"ask", post(handler, "/api/v1/ask", `{"question":"lệ phí tạm trú"}`), "turned off by staff", "15.000", 503},
			{"stream", post(handler, "/api/v1/ask", `{"question":"lệ phí tạm trú"}`, "Accept", "text/event-stream"), "turned off by staff", "15.000", 503},
			{"completion", post(handler, completions, `{"model":"troly","messages":[{"role":"user","content":"lệ phí tạm trú"}]}`), `"type":"server_error"`, "15.000", 503},
			{"tool ask", post(handler, "/mcp", mcpAsk, both...), "đang tạm dừng", "15.000", 200},
			{"tool search", post(handler, "/mcp", mcpSearch, both...), "", "tam-tru", 200},
			{"search", get(handler, "GET", "/api/v1/search?q=t%E1%BA%A1m+tr%C3%BA"), "", "tam-tru", 200},
			{"document", get(handler, "GET", "/api/v1/documents/tam-tru"), "", "15000", 200},
			{"models", get(handler, "GET", "/v1/models"), "", "troly", 200},
			{"page", send(handler, "POST", "/", "q=l%E1%BB%87+ph%C3%AD+t%E1%BA%A1m+tr%C3%BA", "Content-Type", "application/x-www-form-urlencoded"), "", "15.000", 200},
		} {
			status, want := 200, tt.yes
			if !on && tt.off != "" {
				status, want = tt.status, tt.off
			}
			if body := tt.reply.Body.String(); tt.reply.Code != status || !strings.Contains(body, want) {
				t.Errorf("%s (on: %v) = %d %.300s, want %d with %q", tt.name, on, tt.reply.Code, body, status, want)
			}
			if status == 503 && tt.reply.Header().Get("Retry-After") == "" {
				t.Errorf("%s: nothing says when to try again", tt.name)
			}
		}
	}
}

// No reply of the API can be taken for a page, whatever was sent.
func TestRepliesAreNoPages(t *testing.T) {
	const hostile = `<script>alert(1)</script>`
	handler := web.New(web.Options{Assistant: writer{answer: hostile}, Log: discard(), Library: realLibrary(t)})
	for _, w := range []*httptest.ResponseRecorder{
		post(handler, "/api/v1/ask", `{"question":"`+hostile+`"}`),
		post(handler, "/api/v1/ask", `{"`+hostile+`":1}`),
		post(handler, "/api/v1/ask", `{"question":"x","as_of":"`+hostile+`"}`),
		post(handler, completions, `{"model":"troly","messages":[{"role":"user","content":"`+hostile+`"}]}`),
		post(handler, completions, `{"model":"troly","messages":[{"role":"`+hostile+`"}]}`),
		get(handler, "GET", "/api/v1/documents?q=%3Cscript%3E&after=%3Cscript%3E"),
		get(handler, "GET", "/api/v1/documents/%3Cscript%3E"),
		get(handler, "GET", "/api/v1/%3Cscript%3E"), get(handler, "GET", "/v1/%3Cscript%3E"),
	} {
		kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		if !strings.HasSuffix(kind, "json") || w.Header().Get("X-Content-Type-Options") != "nosniff" || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %v %.200s", w.Code, w.Header(), w.Body)
		}
	}
}

func FuzzAsk(f *testing.F) {
	for _, seed := range []string{
		`{"question":"làm khai sinh","audience":"citizen","as_of":"2026-11-24","history":[{"question":"a","answer":"b"}]}`,
		`{"question":""}`, `{`, `{"question":"x"} {}`, `null`, `[]`, `{"question":7}`, `{"history":[null,{}]}`, "\xff", `{"question":"\ud800"}`,
	} {
		f.Add(seed)
	}
	var got pipeline.Question
	handler := web.New(web.Options{Assistant: listener{writer{answer: "xong"}, &got}, Log: discard(), AsksPerMinute: 1 << 30})
	f.Fuzz(func(t *testing.T, body string) {
		got = pipeline.Question{}
		w := post(handler, "/api/v1/ask", body)
		if w.Code != 200 && w.Code != 400 && w.Code != 413 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q = %d %s", body, w.Code, w.Body)
		}
		if w.Code == 200 && (strings.TrimSpace(got.Text) == "" || !utf8.ValidString(got.Text) || len(got.History) > 6) {
			t.Errorf("%q was asked as %+v", body, got)
		}
	})
}

func FuzzCompletions(f *testing.F) {
	for _, seed := range []string{
		`{"model":"troly","messages":[{"role":"user","content":"làm khai sinh"}]}`,
		`{"model":"troly","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}`,
		`{"model":"troly","messages":[{"role":"user","content":"### Task:\nJSON format: {\"title\"} <chat_history>USER: a</chat_history>"}]}`,
		`{"model":"troly","messages":[{"role":"user","content":"### Task:\n<context></context>"}]}`,
		`{"model":"troly","messages":[null]}`, `{"model":"troly","messages":[{"role":"user","content":{}}]}`, `{"model":"troly","messages":[{"role":"assistant","content":"**Nguồn**"},{"role":"user"}]}`,
		`{"model":"troly","n":null,"response_format":null,"messages":[{"role":"user","content":"a"}]}`, `{`, `7`, "\xff",
	} {
		f.Add(seed)
	}
	var got pipeline.Question
	handler := web.New(web.Options{Assistant: listener{writer{answer: "xong"}, &got}, Log: discard(), AsksPerMinute: 1 << 30})
	f.Fuzz(func(t *testing.T, body string) {
		got = pipeline.Question{}
		w := post(handler, completions, body)
		streamed := strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream")
		switch {
		case w.Code == 200 && streamed:
			if !strings.HasSuffix(w.Body.String(), "data: [DONE]\n\n") {
				t.Errorf("%q: the stream ends with %.100q", body, w.Body)
			}
		case w.Code != 200 && w.Code != 400 && w.Code != 404 && w.Code != 413 || !json.Valid(w.Body.Bytes()):
			t.Errorf("%q = %d %s", body, w.Code, w.Body)
		}
		if len(got.History) > 6 || !utf8.ValidString(got.Text) {
			t.Errorf("%q was asked as %+v", body, got)
		}
	})
}

// What the handler adds to the time of an answer: the assistant here has it ready.
func BenchmarkAsk(b *testing.B) {
	assistant := writer{pieces: []string{"Tám nghìn ", "đồng "}, answer: "Tám nghìn đồng [1]"}
	handler := web.New(web.Options{Assistant: assistant, Log: discard(), AsksPerMinute: 1 << 30})
	for _, bb := range []struct{ name, path, accept, body string }{
		{"json", "/api/v1/ask", "application/json", `{"question":"lệ phí khai sinh"}`},
		{"stream", "/api/v1/ask", "text/event-stream", `{"question":"lệ phí khai sinh"}`},
		{"completion", completions, "", `{"model":"troly","messages":[{"role":"user","content":"lệ phí khai sinh"}]}`},
		{"completion stream", completions, "", `{"model":"troly","stream":true,"messages":[{"role":"user","content":"lệ phí khai sinh"}]}`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if w := post(handler, bb.path, bb.body, "Accept", bb.accept); w.Code != 200 {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
	b.Run("assistant alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			assistant.Ask(b.Context(), pipeline.Question{Text: "lệ phí khai sinh"})
		}
	})
}
