package webhook

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the figures of every channel, one series a channel. Labels hold
// constant words only, never what a person wrote or is called.
type Metrics struct {
	received     *prometheus.CounterVec   // channel
	duplicate    *prometheus.CounterVec   // channel
	refused      *prometheus.CounterVec   // channel, reason
	ignored      *prometheus.CounterVec   // channel, kind
	acknowledged *prometheus.HistogramVec // channel
	answered     *prometheus.HistogramVec // channel
	failed       *prometheus.CounterVec   // channel, reason
	sent         *prometheus.CounterVec   // channel, result
	again        *prometheus.CounterVec   // channel
	unreachable  *prometheus.CounterVec   // channel
	stopped      *prometheus.GaugeVec     // channel
	open         *prometheus.GaugeVec     // channel
	events       *prometheus.CounterVec   // channel, what, which
	working      prometheus.Gauge

	registry prometheus.Registerer
	mu       sync.Mutex
	kinds    map[string]map[string]bool // of ignored deliveries, by channel
}

// NewMetrics makes the figures and registers them, which fails by panic when it is
// done twice on one registry. nil counts without anyone to tell.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "troly_" + name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "troly_" + name, Help: help, Buckets: buckets}, []string{"channel"})
		registry.MustRegister(h)
		return h
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "troly_" + name, Help: help}, []string{"channel"})
		registry.MustRegister(g)
		return g
	}
	m := &Metrics{
		received:     counter("webhook_received_total", "Messages kept for the first time.", "channel"),
		duplicate:    counter("webhook_duplicate_total", "Messages that had come before.", "channel"),
		refused:      counter("webhook_refused_total", "Deliveries answered with an error, by reason.", "channel", "reason"),
		ignored:      counter("webhook_ignored_total", "Deliveries with nothing for us, by kind.", "channel", "kind"),
		acknowledged: histogram("webhook_acknowledge_seconds", "From the delivery to its acknowledgement, kept in between.", []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 5}),
		answered:     histogram("channel_answer_seconds", "From taking a message out of the inbox to its answer in the outbox.", []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80}),
		failed:       counter("channel_failed_total", "Messages whose answering failed, by reason: panic (tried again), given-up, unreadable, lost.", "channel", "reason"),
		sent:         counter("channel_sends_total", "Calls made to send a part, by result: sent or the class of the error.", "channel", "result"),
		again:        counter("channel_sent_again_total", "Parts sent although a call with them may have arrived: a process died, or no answer came.", "channel"),
		unreachable:  counter("channel_unreachable_total", "Times a chat was found not to be reachable.", "channel"),
		stopped:      gauge("channel_stopped", "1 while the platform takes nothing until an operator acts."),
		open:         gauge("channel_breaker_open", "1 while a failing platform is left alone."),
		events:       counter("channel_events_total", "What happens inside a channel: formulas of signatures, tokens, plainer ways of sending.", "channel", "what", "which"),
		registry:     registry,
		working:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "troly_channel_answering", Help: "Messages being answered in this process."}),
		kinds:        map[string]map[string]bool{},
	}
	registry.MustRegister(m.working)
	return m
}

// intakeCounts are the figures of one intake, looked up once.
type intakeCounts struct {
	received, duplicate prometheus.Counter
	acknowledged        prometheus.Observer
	refused             func(reason string)
	ignored             func(kind string)
}

func (m *Metrics) intake(channel string) intakeCounts {
	return intakeCounts{
		received:     m.received.WithLabelValues(channel),
		duplicate:    m.duplicate.WithLabelValues(channel),
		acknowledged: m.acknowledged.WithLabelValues(channel),
		refused:      func(reason string) { m.refused.WithLabelValues(channel, reason).Inc() },
		ignored:      func(kind string) { m.ignored.WithLabelValues(channel, m.kind(channel, kind)).Inc() },
	}
}

// maxKinds of ignored deliveries have a series of their own: the name of an event
// comes from the platform, and each new one costs memory for good.
const maxKinds = 50

func (m *Metrics) kind(channel, kind string) string {
	if kind == "" {
		return "none"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.kinds[channel]
	if known == nil {
		known = map[string]bool{}
		m.kinds[channel] = known
	}
	if !known[kind] {
		if len(known) >= maxKinds || len(kind) > 64 {
			return "other"
		}
		known[kind] = true
	}
	return kind
}

// panicked says what a panic was without what a person wrote: errors of the run
// time name indexes and types, anything else only its type.
func panicked(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

// Event counts something that happens inside a channel and that only it can see, such
// as by which formula a delivery was signed. what and which are constant words.
func (m *Metrics) Event(channel, what, which string) {
	m.events.WithLabelValues(channel, what, which).Inc()
}

// Age tells how old something is at the time it is asked, such as a token; false:
// there is none.
func (m *Metrics) Age(channel, what string, age func() (time.Duration, bool)) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "troly_channel_age_seconds", Help: "How old something of a channel is; -1: there is none.",
		ConstLabels: prometheus.Labels{"channel": channel, "what": what},
	}, func() float64 {
		if d, ok := age(); ok {
			return d.Seconds()
		}
		return -1
	}))
}
