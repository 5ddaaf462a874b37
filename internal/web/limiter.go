package web

import (
	"container/list"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// asksPerMinute is how many questions one address may ask when no setting says
// otherwise. A commune office or a mobile network has many people behind one.
const asksPerMinute = 120

// maxAddresses bounds the table of a limiter: about 200 bytes each. Beyond it, who
// has been away longest is forgotten.
const maxAddresses = 20_000

// limiter lets each address do something so many times a minute. Any number of
// goroutines may use it.
type limiter struct {
	now   func() time.Time
	rate  rate.Limit
	burst int

	mu     sync.Mutex
	order  *list.List // of *visitor, the latest first
	places map[netip.Prefix]*list.Element
}

type visitor struct {
	from netip.Prefix
	rate *rate.Limiter
}

func newLimiter(perMinute, burst int, now func() time.Time) *limiter {
	if now == nil {
		now = time.Now
	}
	return &limiter{now: now, rate: rate.Limit(float64(perMinute) / 60), burst: burst, order: list.New(), places: make(map[netip.Prefix]*list.Element)}
}

// wait counts one act and returns 0, or returns how long to wait for the next.
func (l *limiter) wait(from netip.Addr) time.Duration {
	now := l.now()
	l.mu.Lock()
	v := l.visitor(household(from))
	l.mu.Unlock()
	return reserve(v.rate, now)
}

// reserve counts one act and returns 0, or counts nothing and returns how long to wait
// for the next.
func reserve(l *rate.Limiter, now time.Time) time.Duration {
	act := l.ReserveN(now, 1)
	delay := act.DelayFrom(now)
	if delay > 0 {
		act.CancelAt(now)
	}
	return delay
}

// comeAgain tells a client in how many seconds it may.
func comeAgain(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
}

// visitor finds or makes the entry of a block. The caller holds the lock.
func (l *limiter) visitor(from netip.Prefix) *visitor {
	if at, ok := l.places[from]; ok {
		l.order.MoveToFront(at)
		return at.Value.(*visitor)
	}
	if l.order.Len() >= maxAddresses {
		last := l.order.Back()
		delete(l.places, last.Value.(*visitor).from)
		l.order.Remove(last)
	}
	v := &visitor{from, rate.NewLimiter(l.rate, l.burst)}
	l.places[from] = l.order.PushFront(v)
	return v
}

// household is what one home or office is given: an address of IPv4, 64 bits of
// IPv6.
func household(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // of nobody: they share one
	}
	return p
}
