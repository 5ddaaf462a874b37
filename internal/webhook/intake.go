package webhook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"troly/internal/database"
	"troly/internal/privacy"
)

// Inbox keeps deliveries: nil means durable. *database.DB is one.
type Inbox interface {
	Receive(ctx context.Context, rows ...database.Received) (fresh int, err error)
}

// IntakeOptions are how deliveries are taken in; the zero value of a field means
// its default, in brackets.
type IntakeOptions struct {
	Log        *slog.Logger     // (nothing is logged)
	Metrics    *Metrics         // (nothing is counted)
	MaxBody    int64            // bytes of a delivery (1 MiB)
	MaxHeld    int64            // bytes of all deliveries being read at once (64 MiB)
	ReadIn     time.Duration    // for the body to arrive (10 s)
	KeepIn     time.Duration    // for the inbox to make it durable (1.5 s: Zalo waits for two)
	RetryAfter time.Duration    // told to the platform when the inbox takes no more (15 s)
	Now        func() time.Time // (time.Now)
}

// Intake takes the deliveries of one channel in: it checks them, writes them to
// the inbox and only then acknowledges. It never waits for an answer. What it logs
// and counts holds nothing of a body.
//
// As an http.Handler it answers
//
//	200 kept, seen before, or nothing for us
//	400 401 403 what the channel's Refusal says (a 503 of its own has Retry-After too)
//	405 another method than POST (GET and HEAD are 200 for a channel that is Probed)
//	413 body above the limit
//	503 not kept: the inbox is full or broken, or too much is being read at once;
//	    Retry-After says when to come again
//
// whatever the Content-Type says.
type Intake struct {
	channel Channel
	inbox   Inbox
	opts    IntakeOptions
	counts  intakeCounts
	held    atomic.Int64 // bytes of deliveries being read
}

// NewIntake returns the intake of a channel.
func NewIntake(channel Channel, inbox Inbox, opts IntakeOptions) *Intake {
	opts.MaxBody = cmp.Or(opts.MaxBody, 1<<20)
	opts.MaxHeld = cmp.Or(opts.MaxHeld, 64<<20)
	opts.ReadIn = cmp.Or(opts.ReadIn, 10*time.Second)
	opts.KeepIn = cmp.Or(opts.KeepIn, 1500*time.Millisecond)
	opts.RetryAfter = cmp.Or(opts.RetryAfter, 15*time.Second)
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Metrics == nil {
		opts.Metrics = NewMetrics(nil)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Intake{channel: channel, inbox: inbox, opts: opts, counts: opts.Metrics.intake(channel.Name())}
}

func (in *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	switch r.Method {
	case http.MethodPost:
	case http.MethodGet, http.MethodHead:
		if p, ok := in.channel.(Probed); ok && p.Probed() {
			w.WriteHeader(http.StatusOK)
			return
		}
		fallthrough
	default:
		w.Header().Set("Allow", http.MethodPost)
		in.refuse(w, http.StatusMethodNotAllowed, "method")
		return
	}
	if b, ok := in.channel.(Barred); ok && b.Barred(r.Header) {
		in.refuse(w, http.StatusUnauthorized, "bad-secret")
		return
	}
	// A recorder in a test has no deadline to set; the server's own stands then.
	_ = http.NewResponseController(w).SetReadDeadline(started.Add(in.opts.ReadIn))
	arriving := &counted{from: http.MaxBytesReader(w, r.Body, in.opts.MaxBody), held: &in.held, most: in.opts.MaxHeld}
	defer arriving.release()
	body, err := io.ReadAll(arriving)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		in.refuse(w, http.StatusRequestEntityTooLarge, "too-large")
		return
	}
	if errors.Is(err, errHeld) {
		in.comeAgain(w)
		in.refuse(w, http.StatusServiceUnavailable, "busy")
		return
	}
	if err != nil {
		in.refuse(w, http.StatusBadRequest, "cut-off")
		return
	}
	messages, err := in.read(r.Header, body)
	if err != nil {
		refusal := &Refusal{Status: http.StatusBadRequest, Reason: "unreadable"}
		errors.As(err, &refusal)
		if refusal.Status == http.StatusServiceUnavailable {
			in.comeAgain(w)
		}
		in.refuse(w, refusal.Status, refusal.Reason)
		return
	}
	if err := in.Take(r.Context(), messages); err != nil {
		in.comeAgain(w)
		reason := "broken"
		if errors.Is(err, database.ErrFull) {
			reason = "full"
		}
		in.opts.Log.Error("delivery not kept", "channel", in.channel.Name(), "reason", reason, "err", err)
		in.refuse(w, http.StatusServiceUnavailable, reason)
		return
	}
	w.WriteHeader(http.StatusOK)
	in.counts.acknowledged.Observe(time.Since(started).Seconds())
}

var errHeld = errors.New("too much is being read at once")

// counted reads a body and counts what arrived of it with what arrived of others:
// nobody is known to be the platform before all of a body is there, and what is
// only announced costs nothing.
type counted struct {
	from io.Reader
	held *atomic.Int64
	most int64
	n    int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	if n > 0 && c.held.Add(int64(n)) > c.most {
		return n, errHeld
	}
	return n, err
}

func (c *counted) release() { c.held.Add(-c.n) }

// read is Read of the channel. One that panics on a delivery refuses it: a platform
// may send what nobody thought of.
func (in *Intake) read(header http.Header, body []byte) (messages []Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			in.opts.Log.Error("delivery made its channel panic", "channel", in.channel.Name(), "panic", panicked(p))
			err = &Refusal{Status: http.StatusBadRequest, Reason: "panic"}
		}
	}()
	return in.channel.Read(header, body)
}

func (in *Intake) comeAgain(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(int(max(1, in.opts.RetryAfter/time.Second))))
}

func (in *Intake) refuse(w http.ResponseWriter, status int, reason string) {
	in.counts.refused(reason)
	w.WriteHeader(status)
}

// Take writes what people did to the inbox; nil means that all of it is durable,
// the messages seen before among it. It is what polling calls before it moves on.
// Text and Quoted are masked here, whatever the channel did.
func (in *Intake) Take(ctx context.Context, messages []Message) error {
	rows := make([]database.Received, 0, len(messages))
	for _, m := range messages {
		if m.Kind == Ignored {
			in.counts.ignored(m.Action)
			continue
		}
		if m.Key == "" || m.Dialogue == "" {
			in.opts.Log.Error("message without a key or a dialogue", "channel", in.channel.Name(), "kind", m.Kind)
			in.counts.ignored("nameless")
			continue
		}
		m.Channel = in.channel.Name()
		m.Text, _ = privacy.Mask(m.Text)
		m.Quoted, _ = privacy.Mask(m.Quoted)
		body, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("keep a message of %s: %w", in.channel.Name(), err)
		}
		rows = append(rows, database.Received{Channel: m.Channel, Key: m.Key, Dialogue: m.Dialogue, Person: m.Person, Body: body, At: in.opts.Now(),
			Silent: m.Kind == Left || m.Kind == TookOver || m.Kind == Renamed})
	}
	if len(rows) == 0 {
		if len(messages) == 0 {
			in.counts.ignored("none")
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, in.opts.KeepIn)
	defer cancel()
	fresh, err := in.inbox.Receive(ctx, rows...)
	if err != nil {
		return fmt.Errorf("keep %d messages of %s: %w", len(rows), in.channel.Name(), err)
	}
	in.counts.received.Add(float64(fresh))
	in.counts.duplicate.Add(float64(len(rows) - fresh))
	return nil
}
