package database

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// listener remembers the queries that go through it.
type listener struct {
	querier
	mu   sync.Mutex
	seen map[string]bool
}

func (l *listener) note(query string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[query] = true
}

func (l *listener) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	l.note(query)
	return l.querier.QueryContext(ctx, query, args...)
}

func (l *listener) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	l.note(query)
	return l.querier.QueryRowContext(ctx, query, args...)
}

// openQuiet opens a SQLite database in a temporary directory.
func openQuiet(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(context.Background(), path, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// No statement on the way of a message reads a whole table: what it costs does not
// grow with what is kept. Every statement that this way runs is asked for its plan.
func TestNoStatementOfAMessageReadsAWholeTable(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "troly.db")
	db := openQuiet(t, path)
	l := &listener{querier: db.read, seen: map[string]bool{}}
	db.reads = l
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	row := func(key string) Received {
		return Received{Channel: "telegram", Key: key, Dialogue: "d", Person: "p", Body: []byte("{}")}
	}
	take := func() Job {
		jobs, err := db.Next(ctx, "w", 1, time.Minute)
		check(err)
		if len(jobs) != 1 {
			t.Fatalf("Next gives %d jobs", len(jobs))
		}
		return jobs[0]
	}
	part := func() Outgoing {
		parts, err := db.NextOut(ctx, "s", "telegram", 1, time.Minute)
		check(err)
		if len(parts) != 1 {
			t.Fatalf("NextOut gives %d parts", len(parts))
		}
		return parts[0]
	}
	yes, no := true, false
	for i := range 2 {
		_, err := db.Receive(ctx, row(fmt.Sprint(i)), row("again"))
		check(err)
	}
	job := take()
	check(db.Renew(ctx, []Job{job}, time.Minute))
	check(db.Postpone(ctx, job, time.Now().Add(-time.Hour), "x"))
	check(db.Finish(ctx, take(), Result{
		State: []byte("s"), Parts: [][]byte{nil, nil, nil, nil}, Reachable: &yes, Note: "x", Hold: time.Now(), Release: true,
		Outcome:  &Outcome{ID: "o", Status: "answered", Body: []byte(`{"answer":"a","citations":[{"document":"d"}],"checks":{"x":"fail"}}`)},
		Feedback: &Feedback{Outcome: "o"}, Ticket: &Ticket{Reason: "asked"},
	}))
	check(db.SendLater(ctx, part(), time.Now().Add(-time.Hour), "429"))
	check(db.Sent(ctx, part(), "r"))
	check(db.SendFailed(ctx, part(), "400"))
	check(db.Post(ctx, "telegram", "d", "p", [][]byte{nil}))
	check(db.GiveUp(ctx, take(), "x"))
	check(db.Finish(ctx, take(), Result{Reachable: &no, Note: "y"}))
	_, err := db.Reachable(ctx, "telegram", "p")
	check(err)
	_, err = db.LastHeard(ctx, "telegram", "p")
	check(err)
	_, err = db.Held(ctx, "telegram", "d")
	check(err)
	check(db.WithToken(ctx, "zalo", func(context.Context, []byte) ([]byte, error) { return []byte("x"), nil }))
	check(db.AddOutcome(ctx, Outcome{ID: "o2"}))
	check(db.AddFeedback(ctx, Feedback{Outcome: "o2"}))
	_, err = db.OutcomeByID(ctx, "o2")
	check(err)
	_, err = db.TicketOf(ctx, "telegram", "d")
	if err == nil {
		t.Error("the released ticket is open")
	}
	_, err = db.Receive(ctx, row("last"))
	check(err)
	check(db.Finish(ctx, take(), Result{Erase: true, Parts: [][]byte{nil}}))
	// Signing in, keys and listings by page are on the way of every request of a member of staff.
	check(db.AddAccount(ctx, By{}, Account{Name: "an", Role: Admin}))
	check(db.AddSession(ctx, Session{Hash: []byte("h"), Account: "an", Expires: time.Now().Add(time.Hour)}))
	_, _, err = db.SessionByHash(ctx, []byte("h"))
	check(err)
	_, err = db.Attempt(ctx, 3, time.Minute, "an")
	check(err)
	_, _ = db.KeyByHash(ctx, []byte("h"))
	for _, f := range []Filter{{}, {Status: []string{"answered"}}, {Document: "d"}, {Dialogue: "d", Channel: "telegram"}, {From: time.Now(), To: time.Now()}, {Before: "1 x"}} {
		_, err = db.Outcomes(ctx, f)
		check(err)
	}
	_, err = db.Tickets(ctx, TicketFilter{Status: []TicketStatus{TicketOpen}})
	check(err)
	_, err = db.TicketMessages(ctx, 1)
	check(err)
	_, err = db.AuditLog(ctx, AuditFilter{Subject: "x"})
	check(err)
	_, err = db.Counts(ctx, time.Now(), time.Now())
	check(err)
	if _, _, err = db.Recipients(ctx, Given{Document: "d"}); err != nil {
		t.Error(err)
	}
	check(db.Close())

	queries := l.seen
	for q := range db.prepared.stmts {
		queries[q] = true
	}
	if len(queries) < 60 {
		t.Fatalf("only %d statements were seen", len(queries))
	}
	again := openQuiet(t, path)
	for q := range queries {
		for _, step := range plan(t, again.read, q) {
			// "SCAN picked" and the like read what the statement itself made.
			if _, table, ok := strings.Cut(step, "SCAN "); ok && !strings.Contains(step, "USING") && isTable(t, again.read, strings.Fields(table)[0]) {
				t.Errorf("%s\n\treads the whole of a table: %s", q, step)
			}
			// The dialogues of one person, and the outcomes of one document, are few.
			few := strings.Contains(q, "DISTINCT") || strings.Contains(q, "UNION") || strings.Contains(q, "outcome_documents")
			if strings.Contains(step, "USE TEMP B-TREE FOR ORDER BY") && !few {
				t.Errorf("%s\n\tsorts: %s", q, step)
			}
		}
	}
}

func plan(t *testing.T, db *sql.DB, query string) (steps []string) {
	t.Helper()
	switch strings.Fields(query)[0] {
	case "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE":
		return nil
	}
	rows, err := db.Query("EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		t.Fatalf("plan of %s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	return steps
}

func isTable(t *testing.T, db *sql.DB, name string) bool {
	t.Helper()
	var n int
	if err := db.QueryRow("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", name).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n > 0
}
