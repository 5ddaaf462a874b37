package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"troly/internal/database"
	"troly/internal/privacy"
)

// answerAll takes messages out of the inbox as fast as there are workers for them,
// until ctx ends; it returns when the last worker has.
func (d *Dispatcher) answerAll(ctx, work context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	broken := outage{log: d.opts.Log.With("queue", "inbox")}
	for ctx.Err() == nil {
		woken := d.db.Woken() // before the look, so that nothing is missed
		if room := d.opts.Workers - d.busy(); room > 0 {
			jobs, err := d.db.Next(ctx, d.opts.Owner, room, d.opts.Lease)
			if broken.now(ctx, err) {
				woken = nil // not faster than Poll
			}
			for _, job := range jobs {
				d.begin(job)
				workers.Go(func() {
					defer d.end(job)
					d.handle(work, job)
				})
			}
		}
		await(ctx, woken, d.freed, d.opts.Poll)
	}
}

// outage tells the log once that a queue cannot be read, and once that it can.
type outage struct {
	log *slog.Logger
	is  bool
}

func (o *outage) now(ctx context.Context, err error) bool {
	switch {
	case err != nil && ctx.Err() == nil && !o.is:
		o.log.Error("queue cannot be read", "err", err)
	case err == nil && o.is:
		o.log.Info("queue can be read again")
	}
	o.is = err != nil
	return o.is
}

// await returns when there is work or room for it, after d, or when ctx ends.
func await(ctx context.Context, work, room <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-work:
	case <-room:
	case <-timer.C:
	}
}

func (d *Dispatcher) busy() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.inWork)
}

func (d *Dispatcher) begin(job database.Job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inWork[job.ID] = job
	d.opts.Metrics.working.Inc()
}

func (d *Dispatcher) end(job database.Job) {
	d.mu.Lock()
	delete(d.inWork, job.ID)
	d.mu.Unlock()
	d.opts.Metrics.working.Dec()
	wake(d.freed) // there is a worker, and the next message of this dialogue may be due
}

const (
	// channelOffWait is how long a message of a channel that is off waits before it is
	// looked at again.
	channelOffWait = 5 * time.Minute
	// mostAttempts is how often a message is taken up at all: answering it may have
	// killed the process each time, which no recover sees.
	mostAttempts = 50
)

// handle brings one message to its end: answered, put back for later, or given up.
func (d *Dispatcher) handle(ctx context.Context, job database.Job) {
	started := time.Now()
	line, known := d.lines[job.Channel]
	if !known || !line.On() {
		d.putBack(ctx, job)
		return
	}
	log := d.opts.Log.With("channel", job.Channel, "chat", d.tag(job.Channel, job.Dialogue), "job", job.ID, "attempt", job.Attempt)
	var m Message
	if err := json.Unmarshal(job.Body, &m); err != nil {
		log.Error("message in the inbox cannot be read")
		d.opts.Metrics.failed.WithLabelValues(job.Channel, "unreadable").Inc()
		d.keep(ctx, job, "give up", func(ctx context.Context) error { return d.db.GiveUp(ctx, job, "unreadable") })
		return
	}
	// The chat may have been given another name since.
	m.Channel, m.Dialogue, m.Person = job.Channel, job.Dialogue, job.Person

	if m.Kind == Renamed {
		d.rename(ctx, job, m.Action)
		return
	}

	var result database.Result
	err := errors.New("taken up too often")
	if job.Attempt <= mostAttempts {
		result, err = d.answer(ctx, line, m, job)
	}
	switch {
	case ctx.Err() != nil:
		d.postpone(ctx, job, d.opts.Now(), "shutdown")
		return
	case err != nil && job.Attempt < d.opts.Attempts:
		log.Error("answering failed, it is tried again", "err", err)
		d.opts.Metrics.failed.WithLabelValues(job.Channel, "panic").Inc()
		d.postpone(ctx, job, d.opts.Now().Add(d.backoff(job.Attempt)), "panic")
		return
	case err != nil:
		log.Error("answering failed, the message is given up", "err", err)
		d.opts.Metrics.failed.WithLabelValues(job.Channel, "given-up").Inc()
		result = d.apology(line, m, job)
	}
	d.keep(ctx, job, "finish", func(ctx context.Context) error { return d.db.Finish(ctx, job, result) })
	d.opts.Metrics.answered.WithLabelValues(job.Channel).Observe(time.Since(started).Seconds())
	log.Debug("message handled", "kind", m.Kind, "parts", len(result.Parts), "took", time.Since(started))
}

// rename carries over what is kept of a chat, this message among it.
func (d *Dispatcher) rename(ctx context.Context, job database.Job, to string) {
	d.opts.Log.Info("chat has a new name", "channel", job.Channel, "from", d.tag(job.Channel, job.Dialogue), "to", d.tag(job.Channel, to))
	d.keep(ctx, job, "move", func(ctx context.Context) error { return d.db.Move(ctx, job.Channel, job.Dialogue, to) })
	job.Dialogue, job.Person = to, to
	d.keep(ctx, job, "finish", func(ctx context.Context) error { return d.db.Finish(ctx, job, database.Result{State: job.State}) })
}

// answer asks the responder, with everything that goes on meanwhile. Its error is a
// panic of the responder or the channel, or the end of ctx.
func (d *Dispatcher) answer(ctx context.Context, line Line, m Message, job database.Job) (result database.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %s", panicked(p))
			d.opts.Log.Debug("stack of a panic", "channel", m.Channel, "stack", string(debug.Stack()))
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, d.opts.AnswerIn)
	defer cancel()
	c := d.accompany(ctx, line, m)
	defer c.end()
	m = d.hear(ctx, line, m)
	m.Held = &job.Held
	response := d.responder.Respond(ctx, m, job.State, c.release())
	if response.Spent {
		c.clear(ctx, line)
	}
	// What goes on beside the answer ends before it: no draft comes after the text,
	// and a button is acknowledged before its answer is sent.
	c.end()
	return d.result(line, m, job, response), nil
}

// result lays a response out as it is written.
func (d *Dispatcher) result(line Line, m Message, job database.Job, r Response) database.Result {
	result := r.Result(d.opts.Now())
	switch {
	case m.Kind == Left:
		result.Reachable = new(false)
	case job.Unreachable && m.Kind != TookOver:
		result.Reachable = new(true)
	}
	if m.Kind != Left {
		for _, reply := range r.Replies {
			for _, part := range line.Channel.Parts(m, reply) {
				result.Parts = append(result.Parts, part)
			}
		}
	}
	return result
}

// apology is the end of a message nobody could answer: what Options.Apology says, and
// else the dialogue as it was.
func (d *Dispatcher) apology(line Line, m Message, job database.Job) (result database.Result) {
	last := Response{State: job.State}
	defer func() {
		if p := recover(); p != nil { // it was the channel that could not lay it out
			d.opts.Log.Error("no apology can be sent", "channel", m.Channel, "panic", panicked(p))
			last.Replies = nil
			result = d.result(line, m, job, last)
		}
	}()
	if d.opts.Apology != nil && m.Kind != Left && m.Kind != TookOver {
		last = d.opts.Apology(m, job.State)
	}
	return d.result(line, m, job, last)
}

// hear fills in what is said in a voice message. One that is too large, cannot be
// fetched or is not understood keeps its empty text, and the responder says so.
func (d *Dispatcher) hear(ctx context.Context, line Line, m Message) Message {
	fetcher, can := line.Channel.(Fetcher)
	if m.Kind != Voice || m.Media == nil || m.Text != "" || d.opts.Transcribe == nil || !can || m.Media.Bytes > d.opts.MaxVoice {
		return m
	}
	text, err := func() (string, error) {
		call, cancel := context.WithTimeout(ctx, d.opts.HearIn)
		defer cancel()
		audio, err := fetcher.Fetch(call, *m.Media, d.opts.MaxVoice)
		if err != nil {
			return "", fmt.Errorf("fetch a voice message: %w", err)
		}
		return d.opts.Transcribe(call, audio, m.Media.MIME)
	}()
	if err != nil {
		d.opts.Log.Warn("voice message not understood", "channel", m.Channel, "chat", d.tag(m.Channel, m.Dialogue), "err", err)
		return m
	}
	m.Text, _ = privacy.Mask(norm.NFC.String(text))
	return m
}

// putBack keeps a message whose channel is off, or not served here, for later: nothing
// was tried with it, so it is answered as any other however long that takes.
func (d *Dispatcher) putBack(ctx context.Context, job database.Job) {
	until := d.opts.Now().Add(channelOffWait)
	d.keep(ctx, job, "put back", func(ctx context.Context) error { return d.db.PutBack(ctx, job, until, "channel-off") })
}

// postpone puts a message back.
func (d *Dispatcher) postpone(ctx context.Context, job database.Job, until time.Time, reason string) {
	d.keep(ctx, job, "postpone", func(ctx context.Context) error { return d.db.Postpone(ctx, job, until, reason) })
}

const (
	keepIn    = 10 * time.Second       // deadline of one write to the queues
	keepTries = 3                      // after which the lease ends by itself
	keepWait  = 200 * time.Millisecond // before the second, doubled
)

// keep writes what became of a message, also while everything ends. A write that
// keeps failing is left: the lease ends, and the message is answered anew.
func (d *Dispatcher) keep(ctx context.Context, job database.Job, what string, write func(context.Context) error) {
	err := insist(ctx, write)
	switch {
	case err == nil:
	case errors.Is(err, database.ErrLost):
		d.opts.Metrics.failed.WithLabelValues(job.Channel, "lost").Inc()
		d.opts.Log.Warn("another process took a message over", "channel", job.Channel, "job", job.ID, "operation", what)
	default:
		d.opts.Log.Error("queue not written", "channel", job.Channel, "job", job.ID, "operation", what, "err", err)
	}
}

// insist writes to the queues, again when that fails, and even when ctx has ended:
// what was done must be known to the next process.
func insist(ctx context.Context, write func(context.Context) error) (err error) {
	wait := keepWait
	for try := range keepTries {
		if try > 0 {
			time.Sleep(wait)
			wait *= 2
		}
		call, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepIn)
		err = write(call)
		cancel()
		if err == nil || errors.Is(err, database.ErrLost) {
			return err
		}
	}
	return err
}

// longestWait is the longest time between two tries of anything.
const longestWait = 10 * time.Minute

// backoff is the time before another try after so many: doubled each time, spread
// by a quarter to both sides so that what failed together does not come together.
func (d *Dispatcher) backoff(tries int) time.Duration {
	wait := d.opts.FirstWait << min(max(tries-1, 0), 20)
	if wait > longestWait || wait <= 0 {
		wait = longestWait
	}
	return time.Duration(float64(wait) * (0.75 + d.opts.Jitter()/2))
}
