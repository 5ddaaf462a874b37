package webhook

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"sync"
	"time"

	"troly/internal/database"
)

// Line is a channel that is on, with what its platform takes. The zero value of a
// field means its default, in brackets.
type Line struct {
	Channel   Channel
	PerSecond float64                    // parts over all chats (30)
	PerChat   time.Duration              // between two parts to one chat (1 s)
	PerGroup  time.Duration              // between two parts to one group (3 s: 20 a minute)
	Group     func(dialogue string) bool // tells groups by the name of the chat (none is one)
	On        func() bool                // false holds answers and parts back, answers up to five minutes longer (always on)
}

// Options of a Dispatcher. The zero value of a field means its default, in brackets.
type Options struct {
	Log     *slog.Logger // (nothing is logged)
	Metrics *Metrics     // (nothing is counted)
	Owner   string       // names this process among the replicas (host, process and a random number)

	Workers      int           // messages being answered at once (64)
	Sends        int           // parts under way at once, per channel (64, and no more than go out in 5 s)
	Lease        time.Duration // after which another process takes over what this one has in work; renewed meanwhile (30 s)
	Poll         time.Duration // how often the queues are looked at unasked: for leases that ended and what other replicas left (1 s)
	Grace        time.Duration // for what is under way when Run is to end (20 s)
	AnswerIn     time.Duration // deadline of Respond (60 s)
	HearIn       time.Duration // deadline of fetching and writing down a voice message (30 s)
	CallIn       time.Duration // deadline of one call to a platform (15 s)
	Attempts     int           // times answering a message is tried before it is given up with Apology (3)
	SendAttempts int           // calls that may fail for one part when the platform says Later (12: half an hour)
	UnsureTries  int           // the same when no answer came, and it may be shown twice (4)
	FirstWait    time.Duration // before the second try of either, doubled for each further one (1 s)
	Rest         time.Duration // a platform that failed five times in a row is left alone, then tried with one part (15 s)
	StoppedRest  time.Duration // the same for one that takes nothing until an operator acts (1 min)
	TypingAfter  time.Duration // an answer that is there sooner needs no typing (500 ms)
	TypingFor    time.Duration // at most (1 min)
	DraftEvery   time.Duration // at least between two drafts of an answer (1.5 s)
	MaxVoice     int64         // bytes of a voice message that is listened to (20 MiB)

	// Apology is what comes of a message that is given up: what must be done all the
	// same, or a polite sentence. state is the dialogue's, to be handed back (nothing).
	Apology func(m Message, state []byte) Response
	// Transcribe writes down what is said in a voice message; the text stands in
	// Message.Text when Respond is asked (nil: Text stays empty).
	Transcribe func(ctx context.Context, audio []byte, mime string) (string, error)

	Now    func() time.Time // (time.Now)
	Jitter func() float64   // from 0 to 1, spreads retries (random)
}

func (o Options) withDefaults() Options {
	o.Workers = cmp.Or(o.Workers, 64)
	o.Sends = cmp.Or(o.Sends, 64)
	o.Lease = cmp.Or(o.Lease, 30*time.Second)
	o.Poll = cmp.Or(o.Poll, time.Second)
	o.Grace = cmp.Or(o.Grace, 20*time.Second)
	o.AnswerIn = cmp.Or(o.AnswerIn, time.Minute)
	o.HearIn = cmp.Or(o.HearIn, 30*time.Second)
	o.CallIn = cmp.Or(o.CallIn, 15*time.Second)
	o.Attempts = cmp.Or(o.Attempts, 3)
	o.SendAttempts = cmp.Or(o.SendAttempts, 12)
	o.UnsureTries = cmp.Or(o.UnsureTries, 4)
	o.FirstWait = cmp.Or(o.FirstWait, time.Second)
	o.Rest = cmp.Or(o.Rest, 15*time.Second)
	o.StoppedRest = cmp.Or(o.StoppedRest, time.Minute)
	o.TypingAfter = cmp.Or(o.TypingAfter, 500*time.Millisecond)
	o.TypingFor = cmp.Or(o.TypingFor, time.Minute)
	o.DraftEvery = cmp.Or(o.DraftEvery, 1500*time.Millisecond)
	o.MaxVoice = cmp.Or(o.MaxVoice, 20<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	if o.Owner == "" {
		host, _ := os.Hostname() // the random number alone tells processes apart
		o.Owner = fmt.Sprintf("%s/%d/%08x", host, os.Getpid(), mathrand.Uint32())
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Jitter == nil {
		o.Jitter = mathrand.Float64
	}
	return o
}

// Dispatcher answers what is in the inbox and sends what is in the outbox, for all
// channels of a process. Any number of them, in any number of processes, may work
// on one database: a dialogue is in one pair of hands at a time.
type Dispatcher struct {
	db        *database.DB
	responder Responder
	opts      Options
	lines     map[string]Line
	senders   []*sender
	secret    []byte // of tag

	freed  chan struct{} // a worker is
	mu     sync.Mutex
	inWork map[int64]database.Job
}

// NewDispatcher returns a dispatcher for these channels; it touches nothing until
// Run. A message of a channel that is not among them waits in the inbox.
func NewDispatcher(db *database.DB, responder Responder, lines []Line, opts Options) *Dispatcher {
	d := &Dispatcher{db: db, responder: responder, opts: opts.withDefaults(), lines: map[string]Line{}, secret: make([]byte, 16),
		freed: make(chan struct{}, 1), inWork: map[int64]database.Job{}}
	_, _ = rand.Read(d.secret) // never fails
	for _, line := range lines {
		line.PerSecond = cmp.Or(line.PerSecond, 30)
		line.PerChat = cmp.Or(line.PerChat, time.Second)
		line.PerGroup = cmp.Or(line.PerGroup, 3*time.Second)
		if line.On == nil {
			line.On = func() bool { return true }
		}
		d.lines[line.Channel.Name()] = line
		d.senders = append(d.senders, newSender(d, line))
	}
	return d
}

// Status tells how each channel fares, in the order they were given.
func (d *Dispatcher) Status() []Status {
	all := make([]Status, 0, len(d.senders))
	for _, s := range d.senders {
		all = append(all, s.status())
	}
	return all
}

// Run works until ctx ends. Then nothing more is taken up, what is under way has
// Grace to end, and what is left goes back into the queues at once, for another
// process or the next start. It returns when all of that is done; no call to a
// platform outlives it.
func (d *Dispatcher) Run(ctx context.Context) {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	working, done := context.WithCancel(work)
	var loops, minders sync.WaitGroup
	minders.Go(func() { d.renew(working) })
	minders.Go(func() {
		select {
		case <-ctx.Done():
			_ = Sleep(working, d.opts.Grace) // ends early when all is done
			stop()
		case <-working.Done():
		}
	})
	loops.Go(func() { d.answerAll(ctx, work) })
	for _, s := range d.senders {
		loops.Go(func() { s.run(ctx, work) })
	}
	loops.Wait()
	done()
	minders.Wait()
}

// wake leaves a signal, once however often it is called before it is seen.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// renew keeps the leases of what is being answered.
func (d *Dispatcher) renew(ctx context.Context) {
	for Sleep(ctx, d.opts.Lease/3) == nil {
		d.mu.Lock()
		jobs := make([]database.Job, 0, len(d.inWork))
		for _, job := range d.inWork {
			jobs = append(jobs, job)
		}
		d.mu.Unlock()
		if len(jobs) == 0 {
			continue
		}
		call, cancel := context.WithTimeout(ctx, d.opts.Lease/3)
		if err := d.db.Renew(call, jobs, d.opts.Lease); err != nil && ctx.Err() == nil {
			d.opts.Log.Warn("leases not renewed", "jobs", len(jobs), "err", err)
		}
		cancel()
	}
}

// tag stands for a chat in the log: the same chat has the same tag until the
// process ends, and nobody can tell which it is.
func (d *Dispatcher) tag(channel, dialogue string) string {
	mac := hmac.New(sha256.New, d.secret)
	mac.Write([]byte(channel + "\x00" + dialogue))
	return hex.EncodeToString(mac.Sum(nil)[:6])
}
