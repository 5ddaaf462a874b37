package webhook

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace holds calls to what a platform takes: so many a second over all chats, and
// a time between two to one chat, longer in a group. It counts this process only: of
// several one sends for a channel, see sender.leads.
type pace struct {
	line Line
	all  *rate.Limiter
	now  func() time.Time

	mu   sync.Mutex
	free map[string]time.Time // when a chat may be written to again
	full int                  // size of free at which passed times are dropped
}

// manyChats are remembered before passed ones are looked for.
const manyChats = 1024

// One call at a time passes the limiter: a burst would be more than the platform
// takes in its first second.
func newPace(line Line, now func() time.Time) *pace {
	return &pace{line: line, all: rate.NewLimiter(rate.Limit(line.PerSecond), 1), now: now, free: map[string]time.Time{}, full: manyChats}
}

// wait returns when a part may be sent to the dialogue, or with an error when ctx
// ends before that. The queue gives out one part of a dialogue at a time, so nobody
// else waits for the same chat.
func (p *pace) wait(ctx context.Context, dialogue string) error {
	p.mu.Lock()
	left := p.free[dialogue].Sub(p.now())
	p.mu.Unlock()
	if left > 0 {
		if err := Sleep(ctx, left); err != nil {
			return err
		}
	}
	return p.all.Wait(ctx)
}

// called starts the time until the chat is free again.
func (p *pace) called(dialogue string) {
	between := p.line.PerChat
	if p.line.Group != nil && p.line.Group(dialogue) {
		between = p.line.PerGroup
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if len(p.free) >= p.full {
		for d, at := range p.free {
			if at.Before(now) {
				delete(p.free, d)
			}
		}
		p.full = max(manyChats, 2*len(p.free))
	}
	p.free[dialogue] = now.Add(between)
}

// spare takes a call when nothing waits for it: a draft is worth sending only then.
func (p *pace) spare() bool { return p.all.Allow() }

// Sleep waits, or returns the error of a ctx that ends before.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
