package database_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/database"
)

func TestExchange(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		ctx := context.Background()
		db := open(t, url, database.Options{})
		m := database.Received{Channel: "web", Key: "k", Dialogue: "d", Person: "d"}
		want := func(when, state, page string) {
			t.Helper()
			got, err := db.Remembered(ctx, "web", "d")
			if err != nil || string(got.State) != state || string(got.Page) != page || state == "" && got.State != nil || page == "" && got.Page != nil {
				t.Errorf("%s: Remembered = %q %q %v, want %q %q", when, got.State, got.Page, err, state, page)
			}
		}
		do := func(r database.Result, page []byte) {
			t.Helper()
			if err := db.Exchange(ctx, m, r, func([]byte) []byte { return page }); err != nil {
				t.Fatal(err)
			}
		}
		want("at first", "", "")
		do(database.Result{
			State: []byte("s1"), Outcome: &database.Outcome{ID: "o1", Status: "answered", Body: []byte(`{}`)},
			Ticket: &database.Ticket{Reason: "asked"}, Note: "gặp cán bộ",
		}, []byte("p1"))
		want("after a message", "s1", "p1")
		if o, err := db.OutcomeByID(ctx, "o1"); err != nil || o.Channel != "web" || o.Dialogue != "d" {
			t.Errorf("outcome = %+v %v", o, err)
		}
		do(database.Result{State: []byte("s2"), Feedback: &database.Feedback{Outcome: "o1", Good: true}}, []byte("p2"))
		want("after the next", "s2", "p2")
		if f, err := db.FeedbackOn(ctx, "o1"); err != nil || len(f) != 1 || !f[0].Good {
			t.Errorf("feedback = %+v %v", f, err)
		}
		until := time.Now().Add(time.Hour).Truncate(time.Millisecond)
		do(database.Result{State: []byte("s3"), Hold: until}, []byte("p2"))
		if got, err := db.Remembered(ctx, "web", "d"); err != nil || !got.Held.Equal(until) {
			t.Errorf("held until %v %v, want %v", got.Held, err, until)
		}
		do(database.Result{State: []byte("s3"), Release: true}, []byte("p2"))
		if got, err := db.Remembered(ctx, "web", "d"); err != nil || !got.Held.IsZero() || string(got.State) != "s3" {
			t.Errorf("released: %+v %v, want it not held", got, err)
		}
		do(database.Result{}, []byte("p3"))
		want("a page without a state", "", "p3")
		do(database.Result{}, nil)
		want("nothing to remember", "", "")

		// What others say waits for the dialogue and is given out once, in order.
		if err := db.Post(ctx, "web", "d", "d", [][]byte{[]byte("a"), []byte("b")}); err != nil {
			t.Fatal(err)
		}
		if err := db.Post(ctx, "web", "other", "other", [][]byte{[]byte("c")}); err != nil {
			t.Fatal(err)
		}
		take := func(dialogue string) (got string) {
			t.Helper()
			if err := db.TakeParts(ctx, "web", dialogue, func(page []byte, parts [][]byte) []byte {
				got = string(bytes.Join(parts, nil))
				return append(page, bytes.Join(parts, nil)...)
			}); err != nil {
				t.Errorf("TakeParts %s: %v", dialogue, err)
			}
			return got
		}
		for i, want := range []string{"ab", ""} {
			if got := take("d"); got != want {
				t.Errorf("TakeParts %d = %q, want %q", i+1, got, want)
			}
		}
		want("after what others said", "", "ab")
		do(database.Result{State: []byte("s4")}, []byte("p4"))
		do(database.Result{Erase: true, State: []byte("ignored")}, []byte("ignored"))
		want("after erasing", "", "")
		if _, err := db.OutcomeByID(ctx, "o1"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("after erasing, the outcome: %v", err)
		}
		if got := take("other"); got != "c" {
			t.Errorf("another's parts = %q, want them still there", got)
		}
	})
}

// Two processes that answer in one dialogue at the same time lose nothing of its page.
func TestPagesAreWrittenOneAfterTheOther(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		ctx := context.Background()
		var wait sync.WaitGroup
		const each = 10
		for i := range 2 {
			db := open(t, url, database.Options{})
			wait.Go(func() {
				for n := range each {
					err := db.Exchange(ctx, database.Received{Channel: "web", Key: fmt.Sprint(i, n), Dialogue: "d", Person: "d"}, database.Result{State: []byte("s")}, func(page []byte) []byte { return append(page, byte('a'+i)) })
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		got, err := open(t, url, database.Options{}).Remembered(ctx, "web", "d")
		if err != nil || strings.Count(string(got.Page), "a") != each || strings.Count(string(got.Page), "b") != each {
			t.Errorf("page = %q %v, want %d of a and of b", got.Page, err, each)
		}
	})
}
