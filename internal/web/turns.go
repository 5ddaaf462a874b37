package web

import "sync"

// turns lets one at a time work on each dialogue. The zero value is ready.
type turns struct {
	mu   sync.Mutex
	busy map[string]*place
}

type place struct {
	mu   sync.Mutex
	want int // who works or waits
}

// take waits until nobody works on a dialogue, and returns what ends the work.
func (t *turns) take(dialogue string) (done func()) {
	t.mu.Lock()
	if t.busy == nil {
		t.busy = make(map[string]*place)
	}
	p, ok := t.busy[dialogue]
	if !ok {
		p = &place{}
		t.busy[dialogue] = p
	}
	p.want++
	t.mu.Unlock()
	p.mu.Lock()
	return func() {
		p.mu.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if p.want--; p.want == 0 {
			delete(t.busy, dialogue)
		}
	}
}
