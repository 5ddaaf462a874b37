package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"troly/internal/pipeline"
	"troly/internal/web"
)

// fake answers with what it was asked.
type fake struct{ err error }

func (f fake) Ask(_ context.Context, q pipeline.Question) pipeline.Outcome {
	if f.err != nil {
		return pipeline.Outcome{Status: pipeline.Failed, Answer: "Xin lỗi", Error: f.err.Error()}
	}
	return pipeline.Outcome{Question: q.Text, Status: pipeline.Answered, Answer: string(q.AsOf) + q.Audience + strings.Repeat("h", len(q.History))}
}

func (f fake) Stream(ctx context.Context, q pipeline.Question, release pipeline.Release) pipeline.Outcome {
	return f.Ask(ctx, q)
}

func (f fake) Search(context.Context, pipeline.Question) ([]pipeline.Retrieved, error) {
	return []pipeline.Retrieved{{Document: "khai-sinh", Section: "le-phi", Score: 0.5}, {Document: "khai-tu", Section: "ho-so"}}, f.err
}

func TestReadyNamesParts(t *testing.T) {
	well := web.Part{Name: "llm", Check: func(context.Context) error { return nil }}
	away := web.Part{Name: "qdrant", Check: func(context.Context) error { return errors.New("10.0.0.7 refused") }}
	for _, tt := range []struct {
		parts []web.Part
		want  string
	}{
		{nil, `"degraded":[]`}, {[]web.Part{well}, `"degraded":[]`}, {[]web.Part{well, away}, `"degraded":["qdrant"]`},
	} {
		w := httptest.NewRecorder()
		web.New(web.Options{Assistant: fake{}, Log: slog.New(slog.DiscardHandler), Parts: tt.parts}).ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, tt.want) || strings.Contains(body, "10.0.0.7") {
			t.Errorf("ready with %d parts = %d %s, want 200 with %s and no address", len(tt.parts), w.Code, body, tt.want)
		}
	}
}

// Whoever asks all the time does not make the parts be checked all the time.
func TestReadinessIsKeptForAMoment(t *testing.T) {
	var checks atomic.Int32
	part := web.Part{Name: "qdrant", Check: func(context.Context) error { checks.Add(1); return nil }}
	handler := web.New(web.Options{Assistant: fake{}, Log: slog.New(slog.DiscardHandler), Parts: []web.Part{part}})
	begun := time.Now()
	for range 50 {
		if w := get(handler, "GET", "/readyz"); w.Code != 200 {
			t.Fatalf("readyz = %d %s", w.Code, w.Body)
		}
	}
	if got, most := checks.Load(), int32(1+time.Since(begun)/time.Second); got < 1 || got > most {
		t.Errorf("fifty times in %v: checked %d times, want at most %d", time.Since(begun), got, most)
	}
	if !eventually(func() bool { get(handler, "GET", "/readyz"); return checks.Load() > 1 }) {
		t.Error("a second later nothing is checked anew")
	}
}

func TestHandler(t *testing.T) {
	const jsonType = "application/json"
	for _, tt := range []struct {
		name, method, path, kind, body string
		err                            error
		status                         int
		want                           string
	}{
		{"ask", "POST", "/api/v1/ask", jsonType, `{"question":"làm khai sinh","audience":"citizen","as_of":"2026-11-24","history":[{"question":"a","answer":"b"}]}`, nil, 200, `"answer":"2026-11-24citizenh"`},
		{"charset", "POST", "/api/v1/ask", jsonType + "; charset=utf-8", `{"question":"x"}`, nil, 200, `"status":"answered"`},
		{"empty", "POST", "/api/v1/ask", jsonType, `{"question":""}`, nil, 400, "question is empty"},
		{"not JSON", "POST", "/api/v1/ask", jsonType, `{`, nil, 400, "not the JSON"},
		{"two documents", "POST", "/api/v1/ask", jsonType, `{"question":"x"} {}`, nil, 400, "nothing after it"},
		{"unknown field", "POST", "/api/v1/ask", jsonType, `{"frage":"x"}`, nil, 400, "unknown field"},
		{"bad day", "POST", "/api/v1/ask", jsonType, `{"question":"x","as_of":"24/11/2026"}`, nil, 400, "YYYY-MM-DD"},
		{"bad audience", "POST", "/api/v1/ask", jsonType, `{"question":"x","audience":"all"}`, nil, 400, "citizen or official"},
		{"form", "POST", "/api/v1/ask", "text/plain", `x`, nil, 415, "Content-Type"},
		{"too large", "POST", "/api/v1/ask", jsonType, `{"question":"` + strings.Repeat("x", 70000) + `"}`, nil, 413, "64 KiB"},
		{"part broken", "POST", "/api/v1/ask", jsonType, `{"question":"x"}`, errors.New("disk on fire"), 200, `"status":"error"`},
		{"wrong method", "GET", "/api/v1/ask", "", "", nil, 405, ""},
		{"search", "GET", "/api/v1/search?q=x&top=1", "", "", nil, 200, `[{"document":"khai-sinh"`},
		{"search top", "GET", "/api/v1/search?q=x&top=0", "", "", nil, 400, "1 to 100"},
		{"search empty", "GET", "/api/v1/search", "", "", nil, 400, "empty"},
		{"search broken", "GET", "/api/v1/search?q=x", "", "", errors.New("disk on fire"), 503, "cannot be searched"},
		{"health", "GET", "/healthz", "", "", errors.New("disk on fire"), 200, "ok"},
		{"ready", "GET", "/readyz", "", "", nil, 200, "ready"},
		{"not ready", "GET", "/readyz", "", "", errors.New("disk on fire"), 503, "cannot be searched"},
		{"nothing there", "GET", "/nothing", "", "", nil, 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			if tt.kind != "" {
				r.Header.Set("Content-Type", tt.kind)
			}
			w := httptest.NewRecorder()
			web.New(web.Options{Assistant: fake{tt.err}, Log: slog.New(slog.DiscardHandler)}).ServeHTTP(w, r)
			body := w.Body.String()
			if w.Code != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%s %s %.80s = %d %.200s, want %d with %q", tt.method, tt.path, tt.body, w.Code, body, tt.status, tt.want)
			}
			if strings.Contains(body, "disk on fire") {
				t.Errorf("an internal error reached the reader: %s", body)
			}
			if w.Code >= 400 && w.Code != 404 && w.Code != http.StatusMethodNotAllowed && !json.Valid(w.Body.Bytes()) {
				t.Errorf("problem is no JSON: %s", body)
			}
		})
	}
}
