package database_test

import (
	"context"
	"testing"
	"time"

	"troly/internal/database"
)

func TestOneMessage(t *testing.T) {
	ctx := context.Background()
	db, err := database.Open(ctx, t.TempDir()+"/a b?.db", database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r := database.Received{Channel: "telegram", Key: "1", Dialogue: "d", Person: "p", Body: []byte(`{}`)}
	if n, err := db.Receive(ctx, r, r); n != 1 || err != nil {
		t.Fatalf("Receive = %d, %v", n, err)
	}
	jobs, err := db.Next(ctx, "w", 5, time.Minute)
	if err != nil || len(jobs) != 1 {
		t.Fatalf("Next = %v, %v", jobs, err)
	}
	if more, err := db.Next(ctx, "w", 5, time.Minute); err != nil || len(more) != 0 {
		t.Fatalf("Next = %v, %v", more, err)
	}
	err = db.Finish(ctx, jobs[0], database.Result{State: []byte("s"), Parts: [][]byte{[]byte("a"), []byte("b")},
		Outcome:  &database.Outcome{ID: "o1", Status: "answered", Body: []byte(`{"question":"hỏi","citations":[{"document":"khai-sinh"}]}`)},
		Feedback: &database.Feedback{Outcome: "o1", Good: true}, Ticket: &database.Ticket{Reason: "asked"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", "b"} {
		parts, err := db.NextOut(ctx, "w", "telegram", 5, time.Minute)
		if err != nil || len(parts) != 1 || string(parts[0].Body) != want {
			t.Fatalf("NextOut = %v, %v", parts, err)
		}
		if err := db.Sent(ctx, parts[0], "r"); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Move(ctx, "telegram", "d", "d2"); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Erase(ctx, "telegram", "p"); err != nil || n == 0 {
		t.Fatalf("Erase = %d, %v", n, err)
	}
	if _, err := db.Sweep(ctx, database.Retention{Dialogues: 1, Outcomes: 1}); err != nil {
		t.Fatal(err)
	}
	if err := db.WithToken(ctx, "zalo", func(context.Context, []byte) ([]byte, error) { return []byte("x"), nil }); err != nil {
		t.Fatal(err)
	}
}
