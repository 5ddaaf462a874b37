package web

import "sync"

// dialogueLocks lets one at a time work on each dialogue. The zero value is ready.
type dialogueLocks struct {
	mu   sync.Mutex
	held map[string]*dialogueLock
}

type dialogueLock struct {
	mu   sync.Mutex
	want int // who works or waits
}

// lock waits until nobody works on a dialogue, and returns what ends the work.
func (d *dialogueLocks) lock(dialogue string) (unlock func()) {
	d.mu.Lock()
	if d.held == nil {
		d.held = make(map[string]*dialogueLock)
	}
	l, ok := d.held[dialogue]
	if !ok {
		l = &dialogueLock{}
		d.held[dialogue] = l
	}
	l.want++
	d.mu.Unlock()
	l.mu.Lock()
	return func() {
		l.mu.Unlock()
		d.mu.Lock()
		defer d.mu.Unlock()
		if l.want--; l.want == 0 {
			delete(d.held, dialogue)
		}
	}
}
