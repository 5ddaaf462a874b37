package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"troly/internal/evaluation"
	"troly/internal/llm"
	"troly/internal/pipeline"
	"troly/internal/vectorstore"
	"troly/internal/web"
)

// telemetrySettings are the standard ones of OpenTelemetry that decide whether traces
// are sent; the exporter reads the rest of them (headers, timeouts, sampler) itself.
type telemetrySettings struct {
	Endpoint       string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	TracesEndpoint string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	Protocol       string `env:"OTEL_EXPORTER_OTLP_PROTOCOL"`
	Exporter       string `env:"OTEL_TRACES_EXPORTER"`
	Disabled       bool   `env:"OTEL_SDK_DISABLED" envDefault:"false"`
	MetricsAddr    string `env:"TROLY_METRICS_ADDR"`
}

func (t telemetrySettings) check() error {
	for _, e := range []struct{ name, value string }{{"OTEL_EXPORTER_OTLP_ENDPOINT", t.Endpoint}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", t.TracesEndpoint}} {
		if parsed, err := url.Parse(e.value); e.value != "" && (err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https") {
			return fmt.Errorf("%s %q: write an address such as http://127.0.0.1:4318", e.name, e.value)
		}
	}
	if t.traced() && t.Protocol != "" && !strings.HasPrefix(t.Protocol, "http/") {
		return fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL %q: traces are sent as http/protobuf only", t.Protocol)
	}
	return checkAddr("TROLY_METRICS_ADDR", t.MetricsAddr)
}

// listen opens the address at which figures are told; nil without TROLY_METRICS_ADDR.
func (t telemetrySettings) listen() (net.Listener, error) {
	if t.MetricsAddr == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", t.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("TROLY_METRICS_ADDR %s: %w", t.MetricsAddr, err)
	}
	return listener, nil
}

// traced reports whether traces are sent.
func (t telemetrySettings) traced() bool {
	return !t.Disabled && t.Exporter != "none" && (t.Endpoint != "" || t.TracesEndpoint != "")
}

// telemetry measures and traces what the assistant does, without texts and without
// IDs of people. A nil one does neither, and then nothing is told to anybody.
type telemetry struct {
	measures *web.Measures // nil: no figures
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer // nil: no traces
	now      func() time.Time
}

// newTelemetry returns nil when there is no registry and traces are not wanted.
func newTelemetry(ctx context.Context, s settings, registry prometheus.Registerer) (*telemetry, error) {
	t := &telemetry{now: time.Now}
	if registry != nil {
		t.measures = web.NewMeasures(registry, s.Models.price())
	}
	if s.Telemetry.traced() {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
		}
		if err := t.trace(ctx, sdktrace.NewBatchSpanProcessor(exporter)); err != nil {
			return nil, err
		}
	}
	if t.measures == nil && t.tracer == nil {
		return nil, nil
	}
	return t, nil
}

// trace hands spans to a processor.
func (t *telemetry) trace(ctx context.Context, processor sdktrace.SpanProcessor) error {
	res, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "troly"), attribute.String("service.version", buildVersion())),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) && !errors.Is(err, resource.ErrSchemaURLConflict) {
		return fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	t.provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(processor), sdktrace.WithResource(res))
	t.tracer = t.provider.Tracer("troly")
	return nil
}

// flushIn is how long what was traced may take to be sent when the program ends.
const flushIn = 3 * time.Second

// Close sends what was traced.
func (t *telemetry) Close() error {
	if t == nil || t.provider == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushIn)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send traces: %w", err)
	}
	return nil
}

// examine sends a span of its own to the collector, if there is one.
func (t telemetrySettings) examine(ctx context.Context) []check {
	if !t.traced() {
		return nil
	}
	c := check{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Advice: "start the collector with its OTLP receiver for HTTP (port 4318), or correct the address; answers work meanwhile"}
	ctx, cancel := context.WithTimeout(ctx, flushIn)
	defer cancel()
	tel, err := newTelemetry(ctx, settings{Telemetry: t}, nil)
	if err == nil {
		_, span := tel.tracer.Start(ctx, "doctor")
		span.End()
		err = errors.Join(tel.provider.ForceFlush(ctx), tel.provider.Shutdown(ctx))
	}
	if c.OK, c.Detail = err == nil, "a trace was taken"; err != nil {
		c.Detail = err.Error()
	}
	return []check{c}
}

// watcher is told of each question; a nil interface when nobody is.
func (t *telemetry) watcher() pipeline.Watcher {
	if t == nil {
		return nil
	}
	return t
}

var _ pipeline.Watcher = (*telemetry)(nil)

// Question implements pipeline.Watcher.
func (t *telemetry) Question(ctx context.Context) (context.Context, func(*pipeline.Outcome)) {
	if t.tracer == nil {
		return ctx, t.measures.Question
	}
	ctx, span := t.tracer.Start(ctx, "question")
	return ctx, func(o *pipeline.Outcome) {
		if c := span.SpanContext(); c.IsValid() {
			o.Trace, o.Span = c.TraceID().String(), c.SpanID().String()
		}
		span.SetAttributes(
			attribute.String("troly.status", string(o.Status)), attribute.String("troly.answered_by", o.AnsweredBy),
			attribute.String("troly.intent", o.Understood.Intent), attribute.Bool("troly.verified", o.Verified),
			attribute.Int("troly.retrieved", len(o.Retrieved)), attribute.String("troly.knowledge", o.Versions.Knowledge),
		)
		for _, why := range o.Degraded {
			span.AddEvent("degraded", trace.WithAttributes(attribute.String("reason", web.DegradedClass(why))))
		}
		if o.Status == pipeline.Failed {
			span.SetStatus(codes.Error, "not answered")
		}
		span.End()
		if t.measures != nil {
			t.measures.Question(o)
		}
	}
}

// Stage implements pipeline.Watcher.
func (t *telemetry) Stage(ctx context.Context, name string) (context.Context, func()) {
	if t.tracer == nil {
		return ctx, noStage
	}
	ctx, span := t.tracer.Start(ctx, name)
	return ctx, func() { span.End() }
}

func noStage() {}

// calls observes calls to models; nil when nobody is told.
func (t *telemetry) calls() llm.Observer {
	if t == nil {
		return nil
	}
	return func(ctx context.Context, c llm.Call) (context.Context, func(llm.Result)) {
		start := t.now()
		var span trace.Span
		if t.tracer != nil {
			ctx, span = t.tracer.Start(ctx, c.Operation+" "+c.Model, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
				attribute.String("gen_ai.operation.name", c.Operation), attribute.String("gen_ai.request.model", c.Model)))
		}
		return ctx, func(r llm.Result) {
			if t.measures != nil {
				t.measures.Call(c, r, t.now().Sub(start))
			}
			if span == nil {
				return
			}
			if r.Usage != (llm.Usage{}) {
				span.SetAttributes(attribute.Int("gen_ai.usage.input_tokens", r.Usage.PromptTokens), attribute.Int("gen_ai.usage.output_tokens", r.Usage.CompletionTokens))
			}
			if r.Model != "" {
				span.SetAttributes(attribute.String("gen_ai.response.model", r.Model))
			}
			if r.Err != nil {
				kind := string(llm.KindOf(r.Err)) // the error itself may quote what was sent
				span.SetAttributes(attribute.String("error.type", kind))
				span.SetStatus(codes.Error, kind)
			}
			span.End()
		}
	}
}

// evaluated traces what was measured on outcomes, by the conventions of OpenTelemetry:
// an event for each figure of an outcome, for each that a judge could not give, and
// for what each person thought of it, without texts. They have no name for who
// judged: troly.annotator.kind is CODE, LLM or HUMAN.
func (t *telemetry) evaluated(ctx context.Context, looked []evaluation.LiveSample) {
	for _, l := range looked {
		parent := ctx
		if id, err := trace.TraceIDFromHex(l.Trace); err == nil {
			answered, err := trace.SpanIDFromHex(l.Span)
			if err != nil {
				answered = trace.SpanID(id[8:]) // a record from elsewhere: some span is needed to belong to the trace
			}
			parent = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: answered, TraceFlags: trace.FlagsSampled, Remote: true}))
		}
		_, span := t.tracer.Start(parent, "evaluate", trace.WithAttributes(attribute.String("troly.channel", l.Channel), attribute.String("troly.status", string(l.Status))))
		for _, name := range slices.Sorted(maps.Keys(l.Metrics)) {
			result(span, l.ID, name, annotator(name), attribute.Float64("gen_ai.evaluation.score.value", l.Metrics[name]))
		}
		for _, name := range slices.Sorted(maps.Keys(l.Unscored)) {
			if annotator(name) == "LLM" && evaluation.JudgeFailed(l.Unscored[name]) {
				result(span, l.ID, name, "LLM", attribute.String("error.type", l.Unscored[name]))
			}
		}
		for _, f := range l.Feedback {
			good := 0.0
			if f.Value == evaluation.ThumbsUp {
				good = 1
			}
			result(span, l.ID, "user_feedback", "HUMAN", attribute.Float64("gen_ai.evaluation.score.value", good), attribute.String("gen_ai.evaluation.score.label", f.Value))
		}
		span.End()
	}
}

// result adds an event about one figure of an outcome.
func result(span trace.Span, outcome, name, annotator string, score ...attribute.KeyValue) {
	span.AddEvent("gen_ai.evaluation.result", trace.WithAttributes(append([]attribute.KeyValue{
		attribute.String("gen_ai.evaluation.name", name), attribute.String("gen_ai.response.id", outcome), attribute.String("troly.annotator.kind", annotator)}, score...)...))
}

// annotator says who gave a figure.
func annotator(metric string) string {
	switch {
	case strings.HasPrefix(metric, "judge_"):
		return "LLM"
	case metric == "thumbs_down":
		return "HUMAN"
	}
	return "CODE"
}

// limits adds to limits of a model who is told when it is left alone.
func (t *telemetry) limits(part string, l llm.Limits) llm.Limits {
	if t != nil && t.measures != nil {
		t.measures.Circuit(part, 0)
		l.Watch = func(s llm.CircuitState) { t.measures.Circuit(part, int(s)) }
	}
	return l
}

// searching counts the searches of a store.
func (t *telemetry) searching(store vectorstore.Searcher, name string) vectorstore.Searcher {
	if t == nil || t.measures == nil {
		return store
	}
	return countedStore{store, name, t}
}

type countedStore struct {
	vectorstore.Searcher
	name string
	t    *telemetry
}

func (c countedStore) Search(ctx context.Context, queries []vectorstore.Query) ([][]vectorstore.Hit, error) {
	start := c.t.now()
	hits, err := c.Searcher.Search(ctx, queries)
	c.t.measures.Search(c.name, err, c.t.now().Sub(start))
	return hits, err
}
