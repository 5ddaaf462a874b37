package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"troly/internal/llm"
	"troly/internal/pipeline"
	"troly/internal/vectorstore"
)

// Measures are the figures of answering, for Prometheus. Labels hold words of ours
// and names of models only, nothing that people wrote and no ID of theirs.
type Measures struct {
	questions *prometheus.CounterVec   // status, answered_by
	took      prometheus.Histogram     // of a whole question
	stages    *prometheus.HistogramVec // stage
	degraded  *prometheus.CounterVec   // reason
	failed    *prometheus.CounterVec   // check
	calls     *prometheus.HistogramVec // operation, model, result
	tokens    *prometheus.CounterVec   // model, kind
	cost      *prometheus.CounterVec   // model
	circuits  *prometheus.GaugeVec     // part
	searches  *prometheus.HistogramVec // store, result
	price     llm.Price
}

// NewMeasures makes the figures and registers them, once on one registry. Cost is
// counted when there is a price.
func NewMeasures(registry prometheus.Registerer, price llm.Price) *Measures {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "troly_" + name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "troly_" + name, Help: help, Buckets: buckets}, labels)
		registry.MustRegister(h)
		return h
	}
	fast := []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20} // seconds: offline answers take milliseconds, a model's seconds
	m := &Measures{
		questions: counter("questions_total", "Questions by how they ended and who answered (extractive, llm, approved, none).", "status", "answered_by"),
		took:      prometheus.NewHistogram(prometheus.HistogramOpts{Name: "troly_question_seconds", Help: "From a question to its whole answer.", Buckets: fast}),
		stages:    histogram("stage_seconds", "Time in each stage of a question that reached it.", fast, "stage"),
		degraded:  counter("degraded_total", "Things done without on the way to an answer, by reason.", "reason"),
		failed:    counter("checks_failed_total", "Checks that an answer failed.", "check"),
		calls:     histogram("model_call_seconds", "Calls to models, tries again included, by result: ok or the class of the error.", fast, "operation", "model", "result"),
		tokens:    counter("model_tokens_total", "Tokens by kind: prompt, completion.", "model", "kind"),
		circuits:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "troly_circuit_state", Help: "0: the part is used, 1: calls try it, 2: it failed often and is left alone."}, []string{"part"}),
		searches:  histogram("search_seconds", "Searches by the store that answered and by result: ok, stood_in (for one that is away), error.", fast, "store", "result"),
		price:     price,
	}
	registry.MustRegister(m.took, m.circuits)
	if price.Known() {
		m.cost = counter("model_cost_total", "What the tokens cost, in the currency of LLM_PRICE_PROMPT.", "model")
	}
	return m
}

// Question counts what came of a question.
func (m *Measures) Question(o *pipeline.Outcome) {
	by := o.AnsweredBy
	if by == "" {
		by = "none"
	}
	m.questions.WithLabelValues(string(o.Status), by).Inc()
	m.took.Observe(o.Timings.Total / 1000)
	for _, s := range []struct {
		name string
		ms   float64
	}{{"understand", o.Timings.Understand}, {"retrieve", o.Timings.Retrieve}, {"answer", o.Timings.Answer}, {"verify", o.Timings.Verify}} {
		if s.ms > 0 {
			m.stages.WithLabelValues(s.name).Observe(s.ms / 1000)
		}
	}
	for _, why := range o.Degraded {
		m.degraded.WithLabelValues(DegradedClass(why)).Inc()
	}
	for check, result := range o.Checks {
		if result == "fail" {
			m.failed.WithLabelValues(check).Inc()
		}
	}
}

// DegradedClass is the class of an entry of Outcome.Degraded: the part that was done
// without and, of models, the kind of failure; there are some thirty.
func DegradedClass(why string) string {
	part, rest, ok := strings.Cut(why, ": ")
	switch {
	case !ok:
		return "other"
	case part == "llm" || part == "embedding" || part == "moderation":
		rest = strings.TrimPrefix(rest, "rewriting: ")
		if detail := strings.Index(rest, ": "); detail >= 0 {
			rest = rest[:detail]
		}
		if ownWord(rest) {
			return part + ": " + rest
		}
		return part + ": other"
	case strings.HasSuffix(part, " withheld"):
		return part
	case strings.HasSuffix(why, vectorstore.ErrDegraded.Error()):
		return "store"
	}
	return "other"
}

// ownWord reports whether a failure is one of our own words.
func ownWord(failure string) bool {
	switch llm.Kind(failure) {
	case llm.Unavailable, llm.Slow, llm.RateLimited, llm.Cut, llm.Garbage, llm.Denied, llm.Rejected, llm.Refused, llm.Busy, llm.Open, llm.Exhausted, llm.Mismatched, llm.Unindexed:
		return true
	}
	switch failure {
	case "answer rejected", "no passage answers", "a check failed", "not the JSON asked for", "flagged":
		return true
	}
	return false
}

// Call counts a call to a model.
func (m *Measures) Call(c llm.Call, r llm.Result, took time.Duration) {
	result := "ok"
	if r.Err != nil {
		result = string(llm.KindOf(r.Err))
	}
	m.calls.WithLabelValues(c.Operation, c.Model, result).Observe(took.Seconds())
	if r.Usage == (llm.Usage{}) {
		return
	}
	m.tokens.WithLabelValues(c.Model, "prompt").Add(float64(r.Usage.PromptTokens))
	m.tokens.WithLabelValues(c.Model, "completion").Add(float64(r.Usage.CompletionTokens))
	if m.cost != nil {
		m.cost.WithLabelValues(c.Model).Add(m.price.Of(r.Usage))
	}
}

// Circuit tells whether a part is used: 0, tried: 1, or left alone: 2.
func (m *Measures) Circuit(part string, state int) {
	m.circuits.WithLabelValues(part).Set(float64(state))
}

// Search counts a search in a store, or in one that stood in for it.
func (m *Measures) Search(store string, err error, took time.Duration) {
	result := "ok"
	switch {
	case errors.Is(err, vectorstore.ErrDegraded):
		store, result = "embedded", "stood_in"
	case err != nil:
		result = "error"
	}
	m.searches.WithLabelValues(store, result).Observe(took.Seconds())
}

// Figures serves GET /metrics alone, for an address that only monitoring reaches.
func Figures(from prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(from, promhttp.HandlerOpts{}))
	return mux
}

// metrics serves the figures to whoever asks this server itself. A proxy in front serves
// the public, who need not know them: what came through one is not answered.
func metrics(from prometheus.Gatherer) http.Handler {
	figures := promhttp.HandlerFor(from, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" || r.Header.Get("Via") != "" {
			http.NotFound(w, r)
			return
		}
		figures.ServeHTTP(w, r)
	})
}
