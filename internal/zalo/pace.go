package zalo

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Waiting of an account as a whole. Zalo counts calls by the minute (4,000 an app).
const (
	firstPause = time.Second
	longPause  = time.Minute
	quotaPause = 15 * time.Minute // the quota of the account is used up: somebody must buy more, or a day must pass
	window     = time.Minute
	longWait   = 2 * time.Second // longer waits are the queue's, not a call's
)

// pace holds an account to what Zalo lets through: all calls stop for a while after
// a refusal, longer each time, and calls are spread out when few are left.
type pace struct {
	mu      sync.Mutex
	now     func() time.Time
	random  func() float64
	until   time.Time // nothing is sent before
	refused int       // refusals in a row
	every   time.Duration
	next    time.Time // when the next call may be made, as far as every spreads them
}

func newPace(now func() time.Time, random func() float64) *pace {
	return &pace{now: now, random: random}
}

// turn returns how long the next call waits; stopped when nothing is sent meanwhile.
func (p *pace) turn() (wait time.Duration, stopped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if d := p.until.Sub(now); d > 0 {
		return d, true
	}
	if p.every == 0 {
		return 0, false
	}
	start := now
	if p.next.After(now) {
		start = p.next
	}
	if d := start.Sub(now); d > longWait {
		return d, true
	}
	p.next = start.Add(p.every)
	return start.Sub(now), false
}

// wait waits for the turn of a call; a wait that is the queue's is returned.
func (p *pace) wait(ctx context.Context, sleep func(context.Context, time.Duration) error) (later time.Duration, err error) {
	d, stopped := p.turn()
	if stopped || d == 0 {
		return d, nil
	}
	return 0, sleep(ctx, d)
}

// refuse is told that a call was one too many, and returns how long all calls stop:
// one second, then twice as long each time up to a minute, half of it by chance.
func (p *pace) refuse() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until.After(p.now()) { // a call that was under way when the pause began is no new refusal
		return p.until.Sub(p.now())
	}
	d := min(firstPause<<min(p.refused, 10), longPause)
	p.refused++
	d = d/2 + time.Duration(p.random()*float64(d/2))
	p.until = p.now().Add(d)
	return d
}

// pause stops all calls for d.
func (p *pace) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u := p.now().Add(d); u.After(p.until) {
		p.until = u
	}
}

// passed is told the headers of a call that was let through. When less than a tenth
// is left, what is left is spread over the minute it has to last.
func (p *pace) passed(header http.Header) {
	remain, err := strconv.Atoi(header.Get("X-RateLimit-Remain"))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused = 0
	if err != nil {
		return
	}
	limit, err := strconv.Atoi(header.Get("X-RateLimit-Limit"))
	if err != nil || limit <= 0 {
		limit = 4000
	}
	p.every = 0
	if remain < limit/10 {
		p.every = window / time.Duration(max(1, remain))
		if n := p.now().Add(p.every); n.After(p.next) {
			p.next = n
		}
	}
}
