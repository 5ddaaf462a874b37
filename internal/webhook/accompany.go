package webhook

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// company is what goes on beside the writing of one answer: the acknowledgement of
// a button, the sign that somebody types, and drafts of the text.
type company struct {
	d    *Dispatcher
	m    Message
	stop context.CancelFunc
	all  sync.WaitGroup

	drafter Drafter
	mu      sync.Mutex
	text    strings.Builder // released so far
	more    chan struct{}   // text has grown
}

// acknowledgeIn is the deadline of an acknowledgement: an answer that is ready
// waits no longer for it.
const acknowledgeIn = 5 * time.Second

// accompany starts what the channel can do beside the answer. A platform that is
// left alone is left alone here too.
func (d *Dispatcher) accompany(ctx context.Context, line Line, m Message) *company {
	beside, stop := context.WithCancel(ctx)
	c := &company{d: d, m: m, stop: stop, more: make(chan struct{}, 1)}
	sender := d.sender(m.Channel)
	if m.Kind == Left || m.Kind == TookOver || sender.resting() {
		return c
	}
	if a, ok := line.Channel.(Acknowledger); ok {
		c.start(func() error {
			call, cancel := context.WithTimeout(ctx, acknowledgeIn)
			defer cancel()
			return a.Acknowledge(call, m)
		})
	}
	if t, ok := line.Channel.(Typist); ok {
		if every := t.Every(m); every > 0 {
			c.start(func() error { return c.typing(beside, t, every) })
		}
	}
	if dr, ok := line.Channel.(Drafter); ok && dr.Drafts(m) {
		c.drafter = dr
		c.start(func() error { return c.drafting(beside, sender.pace) })
	}
	return c
}

// clear takes the buttons away that have served, where the channel can and its
// platform is not left alone.
func (c *company) clear(ctx context.Context, line Line) {
	clearer, can := line.Channel.(Clearer)
	if !can || c.d.sender(c.m.Channel).resting() {
		return
	}
	c.start(func() error {
		call, cancel := context.WithTimeout(ctx, acknowledgeIn)
		defer cancel()
		return clearer.Clear(call, c.m)
	})
}

// start runs one of the things beside the answer. When it fails the answer comes
// all the same, so it is only told at Debug.
func (c *company) start(run func() error) {
	c.all.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				c.d.opts.Log.Error("channel panicked beside an answer", "channel", c.m.Channel, "panic", panicked(p))
			}
		}()
		if err := run(); err != nil && !errors.Is(err, context.Canceled) {
			c.d.opts.Log.Debug("beside an answer", "channel", c.m.Channel, "err", err)
		}
	})
}

// end stops typing and drafts and waits for all; a second call does nothing.
func (c *company) end() {
	c.stop()
	c.all.Wait()
}

// typing shows that an answer is being written, from TypingAfter on, until the
// answer, an error or TypingFor.
func (c *company) typing(ctx context.Context, t Typist, every time.Duration) error {
	last := time.Now().Add(c.d.opts.TypingFor)
	for wait := c.d.opts.TypingAfter; ; wait = every {
		if Sleep(ctx, wait) != nil || time.Now().After(last) {
			return nil
		}
		call, cancel := context.WithTimeout(ctx, every)
		err := t.Typing(call, c.m)
		cancel()
		if err != nil {
			return err
		}
	}
}

// release is what Respond is given; nil when the channel shows no drafts.
func (c *company) release() func(string) {
	if c.drafter == nil {
		return nil
	}
	return func(text string) {
		c.mu.Lock()
		c.text.WriteString(text)
		c.mu.Unlock()
		wake(c.more)
	}
}

// drafting shows the text so far whenever it has grown, at most every DraftEvery
// and only while no part waits to be sent. After an error there are no more drafts.
func (c *company) drafting(ctx context.Context, pace *pace) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.more:
		}
		if pace.spare() {
			c.mu.Lock()
			text := c.text.String()
			c.mu.Unlock()
			call, cancel := context.WithTimeout(ctx, c.d.opts.CallIn)
			err := c.drafter.Draft(call, c.m, text)
			cancel()
			if err != nil {
				return err
			}
		}
		if Sleep(ctx, c.d.opts.DraftEvery) != nil {
			return nil
		}
	}
}
