package database

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestReceiveRefusesWhenTheDiskIsFull(t *testing.T) {
	ctx := context.Background()
	db := openQuiet(t, filepath.Join(t.TempDir(), "troly.db"))
	pages := func(n int) { // SQLite's own stand-in for the size of the disk
		t.Helper()
		if err := db.write(ctx, "limit", func(tx *tx) error {
			_, err := tx.exec(fmt.Sprintf("PRAGMA max_page_count = %d", n))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	big := func(i int) Received {
		return Received{Channel: "c", Key: fmt.Sprint(i), Dialogue: "d", Body: make([]byte, 100_000)}
	}
	pages(200)
	taken := 0
	var err error
	for taken < 100 && err == nil {
		if _, err = db.Receive(ctx, big(taken)); err == nil {
			taken++
		}
	}
	if taken == 0 || !errors.Is(err, ErrFull) {
		t.Fatalf("after %d large rows: %v, want ErrFull", taken, err)
	}
	pages(1_000_000)
	if _, err := db.Receive(ctx, big(taken)); err != nil {
		t.Fatalf("Receive with room again: %v", err)
	}
	var n int
	if err := db.reading(ctx).row("SELECT count(*) FROM inbox").Scan(&n); err != nil || n != taken+1 {
		t.Errorf("%d rows are there, %v, want the %d acknowledged", n, err, taken+1)
	}
}

// While the disk stands still callers wait, but what they hold in memory is bounded.
func TestReceiveRefusesWhenTooMuchIsHeldInMemory(t *testing.T) {
	ctx := context.Background()
	db := openQuiet(t, filepath.Join(t.TempDir(), "troly.db"))
	standing, goOn := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := db.write(ctx, "stand still", func(*tx) error { close(standing); <-goOn; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-standing
	const calls, size = 10, queuedBytes / 8
	var taken, full atomic.Int64
	refused := make(chan struct{}, calls)
	for i := range calls {
		wg.Go(func() {
			_, err := db.Receive(ctx, Received{Channel: "c", Key: fmt.Sprint(i), Dialogue: "d", Body: make([]byte, size)})
			switch {
			case err == nil:
				taken.Add(1)
			case errors.Is(err, ErrFull):
				full.Add(1)
				refused <- struct{}{}
			default:
				t.Errorf("Receive: %v", err)
			}
		})
	}
	for range 3 { // seven fit
		<-refused
	}
	close(goOn)
	wg.Wait()
	if taken.Load() != 7 || full.Load() != 3 {
		t.Errorf("%d taken, %d refused, want 7 and 3", taken.Load(), full.Load())
	}
	if _, err := db.Receive(ctx, Received{Channel: "c", Key: "after", Dialogue: "d", Body: make([]byte, size)}); err != nil {
		t.Errorf("Receive afterwards: %v", err)
	}
}

// One call that fails, or even panics, takes nothing of another's with it and does
// not stop the writer.
func TestACallThatFailsFailsAlone(t *testing.T) {
	ctx := context.Background()
	db := openQuiet(t, filepath.Join(t.TempDir(), "troly.db"))
	standing, goOn := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := db.write(ctx, "stand still", func(*tx) error { close(standing); <-goOn; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-standing // what comes now shares the next commit
	add := func(id string) func(*tx) error {
		return func(t *tx) error { return t.addOutcome(Outcome{ID: id, Channel: "c", Status: "s"}) }
	}
	boom := errors.New("boom")
	for i := range 5 {
		wg.Go(func() {
			if err := db.write(ctx, "good", add(fmt.Sprint("good ", i))); err != nil {
				t.Errorf("a good call: %v", err)
			}
		})
		wg.Go(func() {
			err := db.write(ctx, "bad", func(t *tx) error {
				if err := add(fmt.Sprint("bad ", i))(t); err != nil {
					return err
				}
				if i%2 == 0 {
					_, err := t.exec("INSERT INTO outcomes (id) VALUES (NULL)")
					return err
				}
				return boom
			})
			if i%2 == 1 && !errors.Is(err, boom) || err == nil {
				t.Errorf("a bad call: %v, want its error", err)
			}
		})
	}
	for len(db.writer.ops) < 10 {
		runtime.Gosched()
	}
	close(goOn)
	wg.Wait()
	if err := db.write(ctx, "panic", func(t *tx) error { add("panic")(t); panic("ouch") }); err == nil || !strings.Contains(err.Error(), "ouch") {
		t.Errorf("a panic: %v, want it as an error", err)
	}
	if err := db.write(ctx, "after", add("after")); err != nil {
		t.Errorf("after the panic: %v", err)
	}
	var n, counted int
	if err := db.reading(ctx).row("SELECT count(*), (SELECT sum(n) FROM counts) FROM outcomes").Scan(&n, &counted); err != nil || n != 6 || counted != 6 {
		t.Errorf("%d outcomes, %d counted, %v, want the 6 good ones", n, counted, err)
	}
}
