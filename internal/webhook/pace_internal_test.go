package webhook

import (
	"fmt"
	"testing"
	"time"
)

// Chats that were written to are not remembered for ever: a day's people are not
// in memory at its end, and those whose time has not passed still are.
func TestPaceForgetsChatsWhoseTimePassed(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	p := newPace(Line{PerSecond: 1, PerChat: time.Second}, func() time.Time { return now })
	for i := range 100_000 {
		now = now.Add(10 * time.Millisecond) // a hundred at a time have not passed
		p.called(fmt.Sprint(i))
		if len(p.free) > manyChats {
			t.Fatalf("%d chats are remembered after %d calls, want at most %d", len(p.free), i+1, manyChats)
		}
	}
	for i := 99_950; i < 100_000; i++ {
		if !p.free[fmt.Sprint(i)].After(now) {
			t.Errorf("chat %d was written to within the second and is free", i)
		}
	}
}
