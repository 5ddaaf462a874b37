package database

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// op is one call that waits for the writer: rows to receive, or anything else.
type op struct {
	ctx   context.Context
	rows  []Received
	fresh int // of rows, set by the writer
	run   func(*tx) error
	bytes int
	err   error
	done  chan struct{}
}

// writer commits for many: whoever calls while a commit is on its way to the disk
// is in the next one. Nobody waits for company, so a single caller is not slowed
// down. On SQLite everything that writes goes through it, one commit after the
// other; on PostgreSQL only Receive, since PostgreSQL groups what transactions sync.
type writer struct {
	commit func(ops []*op) error // sets err and fresh of each; its error is everyone's
	free   func() error          // what to close at the end; nil: nothing
	most   int                   // ops in one commit
	ops    chan *op
	closed chan struct{}
	idle   chan struct{} // closed when the goroutine has ended
	once   sync.Once

	mu    sync.Mutex
	bytes int // in the queue
}

const (
	// batch bounds how long the first of a batch waits for the last: at 64 rows the
	// cost of the commit is already small beside that of the rows.
	batch = 256
	// queued is how many calls may wait for the writer, and queuedBytes how much
	// they may hold, before Receive answers ErrFull: memory is bounded by it when
	// the disk stands still.
	queued      = 4096
	queuedBytes = 64 << 20
	// patience is how long a commit may take before it is given up.
	patience = 30 * time.Second
)

// newWriter starts one. Two commits at once were slower on PostgreSQL too, where what
// writes shares its cores with the database: each then has half the company.
func newWriter(commit func(ops []*op) error) *writer {
	w := &writer{commit: commit, most: batch, ops: make(chan *op, queued), closed: make(chan struct{}), idle: make(chan struct{})}
	go func() {
		defer close(w.idle)
		w.loop()
	}()
	return w
}

// do hands o over and waits until it is committed. Once the writer has begun with
// it the end of ctx is not waited for: an answer that the caller can trust is near.
func (w *writer) do(ctx context.Context, o *op) error {
	o.ctx, o.done = ctx, make(chan struct{})
	select {
	case <-w.closed:
		return ErrClosed
	default:
	}
	select {
	case w.ops <- o:
	case <-w.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-o.done:
		return o.err
	case <-w.idle: // closed before it was reached, or just after
		select {
		case <-o.done:
			return o.err
		default:
			return ErrClosed
		}
	}
}

// offer is do for what may be refused when too much waits.
func (w *writer) offer(ctx context.Context, o *op) error {
	if !w.hold(o.bytes) {
		return ErrFull
	}
	defer w.hold(-o.bytes)
	if len(w.ops) >= queued/2 { // the other half is for those who finish work
		return ErrFull
	}
	return w.do(ctx, o)
}

func (w *writer) hold(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n > 0 && w.bytes+n > queuedBytes {
		return false
	}
	w.bytes += n
	return true
}

func (w *writer) loop() {
	var ops []*op
	for {
		ops = ops[:0]
		select {
		case o := <-w.ops:
			ops = append(ops, o)
		case <-w.closed:
			w.drain(ops)
			return
		}
		runtime.Gosched() // those whom the last commit has just woken call again: let them into this one
		w.finish(w.gather(ops))
	}
}

// gather adds what waits already.
func (w *writer) gather(ops []*op) []*op {
	for len(ops) < w.most {
		select {
		case o := <-w.ops:
			ops = append(ops, o)
		default:
			return ops
		}
	}
	return ops
}

func (w *writer) drain(ops []*op) {
	for {
		if ops = w.gather(ops[:0]); len(ops) == 0 {
			return
		}
		w.finish(ops)
	}
}

func (w *writer) finish(ops []*op) {
	live := make([]*op, 0, len(ops))
	for _, o := range ops {
		if o.err = o.ctx.Err(); o.err == nil {
			live = append(live, o)
		}
	}
	if len(live) > 0 {
		if err := w.commit(live); err != nil {
			for _, o := range live {
				o.err = errors.Join(o.err, err)
			}
		}
	}
	for _, o := range ops {
		close(o.done)
	}
}

func (w *writer) close() error {
	var err error
	w.once.Do(func() {
		close(w.closed)
		<-w.idle
		if w.free != nil {
			err = w.free()
		}
	})
	return err
}
