package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"troly/internal/database"
)

// sender sends what is in the outbox of one channel.
type sender struct {
	d       *Dispatcher
	line    Line
	name    string
	log     *slog.Logger
	pace    *pace
	breaker circuitbreaker.CircuitBreaker[any]
	freed   chan struct{} // there is room for another part

	// Only run reads and writes these.
	leadEnd time.Time // until when this process sends for the channel; zero: it does not
	leadAsk time.Time // when to ask again

	most int           // parts taken out of the outbox at once
	turn time.Duration // longest wait of one for its turn

	mu       sync.Mutex
	sending  int
	tried    map[int64]int // calls that failed, by part
	due      time.Time     // when the next part held back by this process may go; zero: none known
	stopped  string        // code of the platform; empty: it takes parts
	since    time.Time     // stopped
	probeAt  time.Time     // while stopped: when it is tried again
	lastSent time.Time
}

// breakerFailures in a row open the breaker; one success closes it.
const breakerFailures = 5

func newSender(d *Dispatcher, line Line) *sender {
	s := &sender{d: d, line: line, name: line.Channel.Name(), pace: newPace(line, d.opts.Now), freed: make(chan struct{}, 1), tried: map[int64]int{}}
	// What is taken at once has gone out in half of turn, unless its chat is slower.
	s.most = min(d.opts.Sends, max(1, int(5*line.PerSecond)))
	s.turn = 10*time.Second + max(line.PerChat, line.PerGroup)
	s.log = d.opts.Log.With("channel", s.name)
	gauge := d.opts.Metrics.open.WithLabelValues(s.name)
	d.opts.Metrics.stopped.WithLabelValues(s.name).Set(0)
	gauge.Set(0)
	s.breaker = circuitbreaker.NewBuilder[any]().WithFailureThreshold(breakerFailures).WithSuccessThreshold(1).WithDelay(d.opts.Rest).
		OnOpen(func(circuitbreaker.StateChangedEvent) {
			gauge.Set(1)
			s.log.Warn("platform fails and is left alone", "for", d.opts.Rest)
		}).
		OnClose(func(circuitbreaker.StateChangedEvent) {
			gauge.Set(0)
			s.log.Info("platform answers again")
		}).Build()
	return s
}

func (d *Dispatcher) sender(channel string) *sender {
	for _, s := range d.senders {
		if s.name == channel {
			return s
		}
	}
	return nil
}

// Status is how a channel fares in this process.
type Status struct {
	Channel  string    `json:"channel"`
	On       bool      `json:"on"`
	Stopped  string    `json:"stopped,omitempty"` // why the platform takes nothing until an operator acts: its code
	Since    time.Time `json:"since,omitzero"`    // of Stopped
	Breaker  string    `json:"breaker"`           // closed: calls are made; open: the platform fails and is left alone; half-open: it is being tried
	LastSent time.Time `json:"last_sent,omitzero"`
}

// Healthy reports whether parts can be sent.
func (s Status) Healthy() bool { return s.On && s.Stopped == "" && s.Breaker == "closed" }

func (s *sender) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Status{Channel: s.name, On: s.line.On(), Stopped: s.stopped, Since: s.since, Breaker: s.breaker.State().String(), LastSent: s.lastSent}
}

// resting reports whether the platform is left alone.
func (s *sender) resting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped != "" || !s.breaker.IsClosed()
}

// room is how many parts may be taken out of the outbox now. A platform that failed
// gets one when its rest is over: nothing is taken, marked or tried before.
func (s *sender) room() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := max(0, 1-s.sending)
	switch {
	case !s.line.On():
		return 0
	case s.stopped != "" && s.d.opts.Now().Before(s.probeAt):
		return 0
	case s.breaker.IsOpen() && s.breaker.RemainingDelay() > 0:
		return 0
	case s.stopped != "" || !s.breaker.IsClosed():
		return one
	}
	return s.most - s.sending
}

// run sends until ctx ends and returns when the last call has.
func (s *sender) run(ctx, work context.Context) {
	var calls sync.WaitGroup
	defer s.unlead()
	defer calls.Wait()
	broken := outage{log: s.log.With("queue", "outbox")}
	for ctx.Err() == nil {
		woken := s.d.db.Woken() // before the look, so that nothing is missed
		if room := s.room(); room > 0 && s.leads(ctx) {
			parts, err := s.d.db.NextOut(ctx, s.d.opts.Owner, s.name, room, s.lease())
			if broken.now(ctx, err) {
				woken = nil // not faster than Poll
			}
			for _, part := range parts {
				s.count(1)
				calls.Go(func() {
					defer s.count(-1)
					s.handle(work, part)
				})
			}
		}
		if s.resting() {
			s.unlead()
		}
		await(ctx, woken, s.freed, s.untilDue())
	}
}

// leads reports whether this process sends for the channel: of several on one
// PostgreSQL one does, so that together they keep the pace of the platform. When it
// dies another takes over after a third of Options.Lease.
func (s *sender) leads(ctx context.Context) bool {
	now := s.d.opts.Now()
	if now.Before(s.leadAsk) {
		return now.Before(s.leadEnd)
	}
	lease := s.d.opts.Lease / 3
	leads, err := s.d.db.Lead(ctx, "send "+s.name, s.d.opts.Owner, lease)
	switch {
	case err != nil: // the outbox cannot be read either
		s.leadAsk = now.Add(s.d.opts.Poll)
	case leads:
		s.leadEnd, s.leadAsk = now.Add(lease), now.Add(lease/3)
	default:
		s.leadEnd, s.leadAsk = time.Time{}, now.Add(s.d.opts.Poll)
	}
	return now.Before(s.leadEnd)
}

// unlead leaves the sending to another process: this one ends, or the platform does
// not answer it.
func (s *sender) unlead() {
	if s.leadEnd.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keepIn)
	defer cancel()
	if _, err := s.d.db.Lead(ctx, "send "+s.name, s.d.opts.Owner, 0); err != nil {
		s.log.Warn("sending was not left to another process in order", "err", err)
	}
	s.leadEnd, s.leadAsk = time.Time{}, s.d.opts.Now().Add(s.d.opts.Poll)
}

func (s *sender) count(n int) {
	s.mu.Lock()
	s.sending += n
	s.mu.Unlock()
	if n < 0 {
		wake(s.freed) // there is room, and the next part of this dialogue may be due
	}
}

// lease of a part is not renewed, so it is longer than anything done with one: a
// wait for its turn, a call, another to the new name of the chat, and the writes.
func (s *sender) lease() time.Duration { return s.turn + 2*s.d.opts.CallIn + keepIn }

// untilDue is the time until the outbox is worth a look without a signal.
func (s *sender) untilDue() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := s.d.opts.Poll
	if s.due.IsZero() {
		return wait
	}
	left := s.due.Sub(s.d.opts.Now())
	if left > wait {
		return wait
	}
	s.due = time.Time{}
	return max(left, time.Millisecond)
}

// handle sends one part and writes down what came of it.
func (s *sender) handle(ctx context.Context, o database.Outgoing) {
	turn, cancel := context.WithTimeout(ctx, s.turn)
	err := s.pace.wait(turn, o.Dialogue)
	cancel()
	if err != nil { // too many wait, or everything ends: back without a call
		s.later(ctx, o, 0, "turn")
		return
	}
	if !s.breaker.TryAcquirePermit() {
		s.later(ctx, o, s.d.opts.Rest, "breaker")
		return
	}
	if o.Interrupted {
		s.d.opts.Metrics.again.WithLabelValues(s.name).Inc()
		s.log.Warn("part may come twice: a process died while it was sent", "chat", s.d.tag(s.name, o.Dialogue), "part", o.ID)
	}
	receipt, err := s.call(ctx, o.Dialogue, o.Body)
	if failure := (*SendError)(nil); errors.As(err, &failure) && failure.Class == Moved && failure.Dialogue != "" {
		o, receipt, err = s.follow(ctx, o, failure.Dialogue)
	}
	s.settle(ctx, o, receipt, err)
}

// call makes one call to the platform; every way it can fail is a *SendError.
func (s *sender) call(ctx context.Context, dialogue string, part []byte) (receipt string, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.d.opts.CallIn)
	defer cancel()
	defer s.pace.called(dialogue)
	defer func() {
		if p := recover(); p != nil {
			err = &SendError{Class: Rejected, Code: "panic", Err: fmt.Errorf("panic: %s", panicked(p))}
		}
	}()
	receipt, err = s.line.Channel.Send(ctx, dialogue, json.RawMessage(part))
	if known := (*SendError)(nil); err != nil && !errors.As(err, &known) {
		err = &SendError{Class: Unsure, Code: "unknown", Err: err}
	}
	return receipt, err
}

// follow sends a part to the new name of its chat, once: the platform that moves it
// again will not take it.
func (s *sender) follow(ctx context.Context, o database.Outgoing, to string) (database.Outgoing, string, error) {
	s.d.opts.Metrics.sent.WithLabelValues(s.name, string(Moved)).Inc()
	if err := insist(ctx, func(ctx context.Context) error { return s.d.db.Move(ctx, s.name, o.Dialogue, to) }); err != nil {
		return o, "", &SendError{Class: Later, Code: "move", Err: err}
	}
	s.log.Info("chat has a new name", "from", s.d.tag(s.name, o.Dialogue), "to", s.d.tag(s.name, to))
	o.Dialogue = to
	receipt, err := s.call(ctx, to, o.Body)
	if failure := (*SendError)(nil); errors.As(err, &failure) && failure.Class == Moved {
		err = &SendError{Class: Rejected, Code: failure.Code, Err: errors.New("moved twice")}
	}
	return o, receipt, err
}

// settle writes down what came of a call.
func (s *sender) settle(ctx context.Context, o database.Outgoing, receipt string, err error) {
	if err == nil {
		s.succeeded()
		s.d.opts.Metrics.sent.WithLabelValues(s.name, "sent").Inc()
		s.forget(o)
		s.keep(ctx, o, "sent", func(ctx context.Context) error { return s.d.db.Sent(ctx, o, receipt) })
		return
	}
	var failure *SendError
	errors.As(err, &failure) // call makes every error one
	s.d.opts.Metrics.sent.WithLabelValues(s.name, string(failure.Class)).Inc()
	log := s.log.With("chat", s.d.tag(s.name, o.Dialogue), "part", o.ID, "attempt", o.Attempt, "class", failure.Class, "code", failure.Code)
	switch failure.Class {
	case Unreachable:
		s.answered()
		log.Info("chat cannot be written to")
		s.unreachable(ctx, o, failure.Code)
	case Later:
		// A wait that the platform names is about this chat; without one it is the
		// platform that does not work.
		if failure.After > 0 {
			s.answered()
		} else {
			s.breaker.RecordFailure()
		}
		s.retry(ctx, o, failure, s.d.opts.SendAttempts, log)
	case Unsure:
		s.breaker.RecordFailure()
		s.retry(ctx, o, failure, s.d.opts.UnsureTries, log)
	case Stopped:
		s.answered()
		s.stop(failure, log)
		s.later(ctx, o, s.d.opts.StoppedRest, failure.Code)
	default: // Rejected, and Moved without a name
		s.answered()
		log.Warn("part refused by the platform", "err", failure)
		s.fail(ctx, o, failure.Code)
	}
}

// attemptsATry times its tries is how often a part is taken up by all processes together,
// calls or not: a channel may be stopped for hours and processes be killed before
// its first real try.
const attemptsATry = 50

// retry holds the dialogue back until the part is tried again, as long as it has
// tries left. When everything ends the part just goes back.
func (s *sender) retry(ctx context.Context, o database.Outgoing, failure *SendError, tries int, log *slog.Logger) {
	if ctx.Err() != nil {
		s.later(ctx, o, 0, "shutdown")
		return
	}
	s.mu.Lock()
	if len(s.tried) >= manyChats { // of parts that other processes ended
		clear(s.tried)
	}
	s.tried[o.ID]++
	tried := s.tried[o.ID]
	s.mu.Unlock()
	if tried >= tries || o.Attempt >= attemptsATry*tries {
		log.Error("part given up", "tried", tried, "err", failure)
		s.fail(ctx, o, failure.Code)
		return
	}
	wait := s.d.backoff(tried)
	if failure.After > 0 {
		wait = failure.After + time.Duration(s.d.opts.Jitter()*float64(time.Second))
	}
	if failure.Class == Unsure {
		s.d.opts.Metrics.again.WithLabelValues(s.name).Inc()
	}
	log.Warn("part is sent again", "tried", tried, "after", wait, "err", failure)
	s.later(ctx, o, wait, failure.Code)
}

// fail ends a part that does not arrive, with what follows it in the same reply.
func (s *sender) fail(ctx context.Context, o database.Outgoing, code string) {
	s.forget(o)
	s.keep(ctx, o, "failed", func(ctx context.Context) error { return s.d.db.SendFailed(ctx, o, code) })
}

func (s *sender) forget(o database.Outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tried, o.ID)
}

// later puts a part back for so long, and its dialogue with it.
func (s *sender) later(ctx context.Context, o database.Outgoing, wait time.Duration, code string) {
	until := s.d.opts.Now().Add(wait)
	s.keep(ctx, o, "later", func(ctx context.Context) error { return s.d.db.SendLater(ctx, o, until, code) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.due.IsZero() || until.Before(s.due) {
		s.due = until
	}
}

// unreachable drops what waits for a chat.
func (s *sender) unreachable(ctx context.Context, o database.Outgoing, code string) {
	s.d.opts.Metrics.unreachable.WithLabelValues(s.name).Inc()
	s.keep(ctx, o, "unreachable", func(ctx context.Context) error {
		return s.d.db.SetUnreachable(ctx, s.name, o.Dialogue, o.Person, code)
	})
	s.fail(ctx, o, code)
}

// keep writes what became of a part.
func (s *sender) keep(ctx context.Context, o database.Outgoing, what string, write func(context.Context) error) {
	switch err := insist(ctx, write); {
	case err == nil:
	case errors.Is(err, database.ErrLost):
		s.log.Warn("a part was erased or taken over meanwhile", "part", o.ID, "operation", what)
	default:
		s.log.Error("outbox not written", "part", o.ID, "operation", what, "err", err)
	}
}

// answered tells that the platform lives, whatever it said of the part.
func (s *sender) answered() {
	s.breaker.RecordSuccess()
}

// succeeded tells that the platform took a part.
func (s *sender) succeeded() {
	s.answered()
	s.mu.Lock()
	was := s.stopped
	s.stopped, s.since, s.probeAt = "", time.Time{}, time.Time{}
	s.lastSent = s.d.opts.Now()
	s.mu.Unlock()
	if was != "" {
		s.d.opts.Metrics.stopped.WithLabelValues(s.name).Set(0)
		s.log.Info("channel works again", "was", was)
	}
}

// stop lets the channel rest; it is told once until it works again.
func (s *sender) stop(failure *SendError, log *slog.Logger) {
	s.mu.Lock()
	first := s.stopped == ""
	now := s.d.opts.Now()
	if first {
		s.since = now
	}
	s.stopped = failure.Code
	if s.stopped == "" {
		s.stopped = string(Stopped)
	}
	s.probeAt = now.Add(s.d.opts.StoppedRest)
	s.mu.Unlock()
	if first {
		s.d.opts.Metrics.stopped.WithLabelValues(s.name).Set(1)
		log.Error("channel stopped: nothing can be sent until an operator acts", "err", failure)
	}
}
