package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"troly/internal/evaluation"
	"troly/internal/llm"
	"troly/internal/pipeline"
)

// TestTraces holds that a question is one span with its stages and calls of models
// below it, and that nothing people wrote is in any.
func TestTraces(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	tel := &telemetry{now: time.Now}
	if err := tel.trace(t.Context(), sdktrace.NewSimpleSpanProcessor(kept)); err != nil {
		t.Fatal(err)
	}
	const secret = "số em 0912345678"
	ctx, done := tel.watcher().Question(t.Context())
	stage, end := tel.Stage(ctx, "answer")
	_, answered := tel.calls()(stage, llm.Call{Operation: "chat", Model: "qwen3"})
	answered(llm.Result{Err: &llm.Error{Kind: llm.Garbage, Err: errors.New(secret)}})
	_, answered = tel.calls()(stage, llm.Call{Operation: "chat", Model: "qwen3"})
	answered(llm.Result{Model: "qwen3-8b", Usage: llm.Usage{PromptTokens: 7, CompletionTokens: 3}})
	end()
	told := pipeline.Outcome{Question: secret, Status: pipeline.Failed, Error: secret, Degraded: []string{"llm: unreadable", secret}}
	done(&told)

	spans := kept.GetSpans()
	at := func(name string) tracetest.SpanStub {
		i := slices.IndexFunc(spans, func(s tracetest.SpanStub) bool { return s.Name == name })
		if i < 0 {
			t.Fatalf("no span %q in %v", name, spans)
		}
		return spans[i]
	}
	if len(spans) != 4 {
		t.Errorf("%d spans, want 4", len(spans))
	}
	if c := at("question").SpanContext; told.Trace != c.TraceID().String() || told.Span != c.SpanID().String() {
		t.Errorf("the outcome names span %s of trace %s, want %s of %s", told.Span, told.Trace, c.SpanID(), c.TraceID())
	}
	if got, want := at("answer").Parent.SpanID(), at("question").SpanContext.SpanID(); got != want {
		t.Errorf("the stage hangs below %v, want the question %v", got, want)
	}
	if got, want := at("chat qwen3").Parent.SpanID(), at("answer").SpanContext.SpanID(); got != want {
		t.Errorf("the call hangs below %v, want the stage %v", got, want)
	}
	for _, s := range spans {
		if text := spanText(s); strings.Contains(text, "0912345678") || strings.Contains(text, "số em") {
			t.Errorf("span %s holds what people wrote: %s", s.Name, text)
		}
	}
	if text := spanText(at("chat qwen3")); !strings.Contains(text, "error.type=unreadable") {
		t.Errorf("the failed call says %s", text)
	}
	if text := spanText(spans[1]); !strings.Contains(text, "gen_ai.usage.input_tokens=7") || !strings.Contains(text, "gen_ai.response.model=qwen3-8b") {
		t.Errorf("the second call says %s", text)
	}
}

// spanText is everything of a span that somebody could read.
func spanText(s tracetest.SpanStub) string {
	var b strings.Builder
	b.WriteString(s.Name + " " + s.Status.Description)
	for _, a := range s.Attributes {
		b.WriteString(" " + string(a.Key) + "=" + a.Value.String())
	}
	for _, e := range s.Events {
		b.WriteString(" " + e.Name)
		for _, a := range e.Attributes {
			b.WriteString(" " + string(a.Key) + "=" + a.Value.String())
		}
	}
	return b.String()
}

// TestTracesAreSent asks with a collector at the standard setting.
func TestTracesAreSent(t *testing.T) {
	var mu sync.Mutex
	var got []byte
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(r.Body); err != nil {
				t.Error(err)
				return
			}
		}
		data, err := io.ReadAll(body)
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, data...)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	var out, errs bytes.Buffer
	dir := warmDataDir(t) // asks: khai sinh
	if status := run(t.Context(), []string{"ask", "--data", dir, "làm căn cước cho con, số em 0912345678"}, strings.NewReader(""), &out, &errs); status != 0 {
		t.Fatalf("ask: status %d, %s", status, errs.String())
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"troly", "question", "understand", "retrieve", "answer", "verify", "troly.status", "answered"} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("what was sent lacks %q", want)
		}
	}
	if bytes.Contains(got, []byte("căn cước")) || bytes.Contains(got, []byte("0912345678")) {
		t.Error("what was sent holds the question")
	}
}

// TestResultsAreEvents holds that a measured outcome is a span of the trace it names,
// with an event for each figure.
func TestResultsAreEvents(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	tel := &telemetry{now: time.Now}
	if err := tel.trace(t.Context(), sdktrace.NewSimpleSpanProcessor(kept)); err != nil {
		t.Fatal(err)
	}
	const traceID, spanID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	live := evaluation.Live{ID: "o1", Channel: "zalo"}
	live.Feedback = []evaluation.Feedback{{Outcome: "o1", User: "u", Value: evaluation.ThumbsDown, Reason: "số em 0912345678"}}
	live.Trace, live.Span, live.Question = traceID, spanID, "số em 0912345678"
	tel.evaluated(t.Context(), []evaluation.LiveSample{
		{Live: &live, Metrics: map[string]float64{"answered": 1, "judge_faithfulness": 0.5}, Unscored: map[string]string{"judge_citation_recall": "judge_parse", "pii_echo": "no_personal_data"}},
		{Live: &evaluation.Live{ID: "o2"}, Metrics: map[string]float64{"answered": 0}},
	})
	spans := kept.GetSpans()
	if len(spans) != 2 {
		t.Fatalf("%d spans, want 2", len(spans))
	}
	if got := spans[0].SpanContext.TraceID().String(); got != traceID {
		t.Errorf("the span is of trace %s, want %s", got, traceID)
	}
	if got := spans[0].Parent.SpanID().String(); got != spanID {
		t.Errorf("the span hangs below %s, want %s, which answered", got, spanID)
	}
	event := func(name, kind, rest string) string {
		return " gen_ai.evaluation.result gen_ai.evaluation.name=" + name + " gen_ai.response.id=o1 troly.annotator.kind=" + kind + " " + rest
	}
	want := event("answered", "CODE", "gen_ai.evaluation.score.value=1") + event("judge_faithfulness", "LLM", "gen_ai.evaluation.score.value=0.5") +
		event("judge_citation_recall", "LLM", "error.type=judge_parse") + event("user_feedback", "HUMAN", "gen_ai.evaluation.score.value=0 gen_ai.evaluation.score.label=down")
	if got := spanText(spans[0]); !strings.HasSuffix(got, want) || strings.Contains(got, "0912345678") {
		t.Errorf("the span says %q, want …%q", got, want)
	}
	if len(spans[1].Events) != 1 {
		t.Errorf("%d events of the second outcome, want 1", len(spans[1].Events))
	}
}

func TestDoctorTriesTheCollector(t *testing.T) {
	if got := (telemetrySettings{}).examine(t.Context()); got != nil {
		t.Errorf("without a collector the doctor says %v", got)
	}
	well := true
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !well {
			http.Error(w, "no", http.StatusForbidden)
		}
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL) // the exporter reads it
	s := telemetrySettings{Endpoint: collector.URL}
	if got := s.examine(t.Context()); len(got) != 1 || !got[0].OK {
		t.Errorf("of a collector that takes traces the doctor says %+v", got)
	}
	well = false
	if got := s.examine(t.Context()); len(got) != 1 || got[0].OK || !strings.Contains(got[0].Detail, "403") {
		t.Errorf("of a collector that refuses the doctor says %+v", got)
	}
}

func TestTelemetryIsOff(t *testing.T) {
	for _, tt := range []telemetrySettings{{}, {Endpoint: "http://127.0.0.1:4318", Disabled: true}, {Endpoint: "http://127.0.0.1:4318", Exporter: "none"}} {
		tel, err := newTelemetry(context.Background(), settings{Telemetry: tt}, nil)
		if tel != nil || err != nil {
			t.Errorf("newTelemetry(%+v) = %v, %v, want none", tt, tel, err)
		}
		if tel.watcher() != nil || tel.calls() != nil || tel.Close() != nil {
			t.Errorf("a telemetry that is off watches (%+v)", tt)
		}
	}
	for _, tt := range []telemetrySettings{{Endpoint: "127.0.0.1:4318"}, {TracesEndpoint: "ftp://x"}, {Endpoint: "http://x", Protocol: "grpc"}, {MetricsAddr: "9090"}} {
		if tt.check() == nil {
			t.Errorf("%+v is taken", tt)
		}
	}
}
