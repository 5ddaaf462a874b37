package database_test

import (
	"path/filepath"
	"testing"
	"time"

	"troly/internal/database"
)

func TestWaiting(t *testing.T) {
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got, err := db.Waiting(t.Context()); len(got) != 0 || err != nil {
		t.Fatalf("Waiting() of an empty database = %v, %v", got, err)
	}
	at := time.UnixMilli(1_800_000_000_000).UTC()
	for i, key := range []string{"1", "2", "3"} {
		if _, err := db.Receive(t.Context(), database.Received{Channel: "telegram", Key: key, Dialogue: key, Person: key, Body: []byte("{}"), At: at.Add(time.Duration(i) * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	jobs, err := db.Next(t.Context(), "test", 1, time.Minute)
	if err != nil || len(jobs) != 1 {
		t.Fatalf("Next = %v, %v", jobs, err)
	}
	if err := db.Finish(t.Context(), jobs[0], database.Result{Parts: [][]byte{[]byte("{}"), []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	got, err := db.Waiting(t.Context())
	if err != nil || len(got) != 1 || got[0].Channel != "telegram" {
		t.Fatalf("Waiting() = %+v, %v; want telegram", got, err)
	}
	w := got[0]
	if w.Inbox.Open != 2 || !w.Inbox.Oldest.Equal(at.Add(time.Hour)) {
		t.Errorf("inbox %+v, want 2 open, the oldest of %v", w.Inbox, at.Add(time.Hour))
	}
	if w.Outbox.Open != 2 || w.Outbox.Oldest.IsZero() {
		t.Errorf("outbox %+v, want 2 open since now", w.Outbox)
	}
}
