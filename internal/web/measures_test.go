package web_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"troly/internal/llm"
	"troly/internal/pipeline"
	"troly/internal/vectorstore"
	"troly/internal/web"
)

func TestMeasures(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := web.NewMeasures(registry, llm.Price{Prompt: 1, Completion: 10})
	secret := "số em 0912345678"
	m.Question(&pipeline.Outcome{
		Question: secret, Status: pipeline.Answered, AnsweredBy: "llm", Timings: pipeline.Timings{Understand: 1, Retrieve: 2, Answer: 3, Total: 6},
		Degraded: []string{"llm: too slow", "Qdrant: cannot be reached: answered from the embedded store", secret}, Checks: map[string]string{"contacts": "fail", "language": "pass"},
	})
	m.Question(&pipeline.Outcome{Question: secret, Status: pipeline.Refused, Timings: pipeline.Timings{Understand: 1, Total: 1}})
	m.Call(llm.Call{Operation: "chat", Model: "qwen3"}, llm.Result{Model: "qwen3", Usage: llm.Usage{PromptTokens: 2_000_000, CompletionTokens: 100_000}}, time.Second)
	m.Call(llm.Call{Operation: "embeddings", Model: "bge"}, llm.Result{Err: &llm.Error{Kind: llm.RateLimited, Err: errors.New(secret)}}, time.Second)
	m.Circuit("llm", 2)
	m.Search("qdrant", fmt.Errorf("Qdrant: %w", vectorstore.ErrDegraded), time.Millisecond)
	m.Search("qdrant", nil, time.Millisecond)

	server := httptest.NewServer(web.Figures(registry))
	defer server.Close()
	got := figuresAt(t, server.URL+"/metrics", nil)
	for _, line := range []string{
		`troly_questions_total{answered_by="llm",status="answered"} 1`,
		`troly_questions_total{answered_by="none",status="refused"} 1`,
		`troly_question_seconds_count 2`,
		`troly_stage_seconds_count{stage="understand"} 2`,
		`troly_stage_seconds_count{stage="answer"} 1`,
		`troly_degraded_total{reason="llm: too slow"} 1`,
		`troly_degraded_total{reason="store"} 1`,
		`troly_degraded_total{reason="other"} 1`,
		`troly_checks_failed_total{check="contacts"} 1`,
		`troly_model_call_seconds_count{model="qwen3",operation="chat",result="ok"} 1`,
		`troly_model_call_seconds_count{model="bge",operation="embeddings",result="rate limited"} 1`,
		`troly_model_tokens_total{kind="completion",model="qwen3"} 100000`,
		`troly_model_cost_total{model="qwen3"} 3`,
		`troly_circuit_state{part="llm"} 2`,
		`troly_search_seconds_count{result="stood_in",store="embedded"} 1`,
		`troly_search_seconds_count{result="ok",store="qdrant"} 1`,
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	if strings.Contains(got, "0912345678") || strings.Contains(got, `check="language"`) {
		t.Errorf("/metrics tells what it must not:\n%s", got)
	}
}

func TestDegradedClass(t *testing.T) {
	for _, tt := range []struct{ why, want string }{
		{"llm: unavailable", "llm: unavailable"},
		{"llm: answer rejected: 3 sentences failed a check", "llm: answer rejected"},
		{"llm: rewriting: circuit open", "llm: circuit open"},
		{"llm: gọi 0912345678", "llm: other"},
		{"embedding: not indexed yet", "embedding: not indexed yet"},
		{"moderation: flagged", "moderation: flagged"}, {"moderation: too slow", "moderation: too slow"},
		{"answer withheld: a check failed", "answer withheld"},
		{"Qdrant: deadline: answered from the embedded store", "store"},
		{"gì đó", "other"}, {"", "other"},
	} {
		if got := web.DegradedClass(tt.why); got != tt.want {
			t.Errorf("DegradedClass(%q) = %q, want %q", tt.why, got, tt.want)
		}
	}
}

// TestMetricsRoute holds that figures are told only when there are some, and not to
// those who come through a proxy.
func TestMetricsRoute(t *testing.T) {
	registry := prometheus.NewRegistry()
	web.NewMeasures(registry, llm.Price{}).Circuit("llm", 0)
	with := httptest.NewServer(web.New(web.Options{Metrics: registry, Now: someNow}))
	defer with.Close()
	without := httptest.NewServer(web.New(web.Options{Now: someNow}))
	defer without.Close()
	if got := figuresAt(t, with.URL+"/metrics", nil); !strings.Contains(got, `troly_circuit_state{part="llm"} 0`) {
		t.Errorf("/metrics = %s", got)
	}
	if got := figuresAt(t, with.URL+"/metrics", http.Header{"X-Forwarded-For": {"203.0.113.9"}}); strings.Contains(got, "troly_") {
		t.Errorf("through a proxy /metrics = %s", got)
	}
	if got := figuresAt(t, without.URL+"/metrics", nil); strings.Contains(got, "troly_") {
		t.Errorf("without figures /metrics = %s", got)
	}
}

func figuresAt(t *testing.T, url string, header http.Header) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
