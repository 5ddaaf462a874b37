package database_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/database/databasetest"
)

var postgres = databasetest.Server{URL: os.Getenv("POSTGRES_TEST_URL")}

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		child(url) // killed by the test that started it
	}
	code := m.Run()
	postgres.Stop()
	os.Exit(code)
}

// both runs a test on SQLite and on PostgreSQL, each with an empty database.
func both(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "troly.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgres.Database(t)) })
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t testing.TB, url string, opts database.Options) *database.DB {
	t.Helper()
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	db, err := database.Open(context.Background(), url, opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

// raw looks into the tables themselves.
func raw(t testing.TB, url string) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(url, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// count runs a query for one number.
func count(t testing.TB, db *sql.DB, query string) int {
	t.Helper()
	var n int
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// message is a delivery of a person in a chat of their own.
func message(person string, n int) database.Received {
	return database.Received{Channel: "telegram", Key: fmt.Sprintf("%s-%d", person, n), Dialogue: "chat-" + person, Person: "person-" + person, Body: fmt.Appendf(nil, `{"n":%d}`, n)}
}

func receive(t testing.TB, db *database.DB, rows ...database.Received) {
	t.Helper()
	fresh, err := db.Receive(context.Background(), rows...)
	if err != nil || fresh != len(rows) {
		t.Fatalf("Receive(%d rows) = %d, %v, want all fresh", len(rows), fresh, err)
	}
}

// next takes the jobs there are and compares their keys.
func next(t testing.TB, db *database.DB, want ...string) []database.Job {
	t.Helper()
	jobs, err := db.Next(context.Background(), "worker", 100, time.Minute)
	if err != nil {
		t.Fatalf("Next: %v", err)
	}
	var got []string
	for _, j := range jobs {
		got = append(got, j.Key)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("Next gives %v, want %v", got, want)
	}
	return jobs
}

// nextOut takes the parts there are and compares their texts.
func nextOut(t testing.TB, db *database.DB, want ...string) []database.Outgoing {
	t.Helper()
	parts, err := db.NextOut(context.Background(), "sender", "telegram", 100, time.Minute)
	if err != nil {
		t.Fatalf("NextOut: %v", err)
	}
	var got []string
	for _, p := range parts {
		got = append(got, string(p.Body))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("NextOut gives %v, want %v", got, want)
	}
	return parts
}

func texts(parts ...string) [][]byte {
	var out [][]byte
	for _, p := range parts {
		out = append(out, []byte(p))
	}
	return out
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
