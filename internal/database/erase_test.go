package database_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"troly/internal/database"
)

// tables lists every table of a database.
func tables(t *testing.T, db *sql.DB, url string) []string {
	t.Helper()
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
	if strings.HasPrefix(url, "postgres") {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	rows, err := db.Query(query)
	ok(t, err)
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		ok(t, rows.Scan(&name))
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// dump gives the rows of a table as text, and whether it says whose they are.
func dump(t *testing.T, db *sql.DB, table string) (lines []string, personal bool) {
	t.Helper()
	rows, err := db.Query("SELECT * FROM " + table)
	ok(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	ok(t, err)
	for _, c := range columns {
		personal = personal || slices.Contains([]string{"person", "dialogue", "outcome", "ticket"}, c)
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		ok(t, rows.Scan(values...))
		var b strings.Builder
		for i, v := range values {
			fmt.Fprintf(&b, "%s=%s ", columns[i], fmt.Sprint(text(*v.(*any))))
		}
		lines = append(lines, b.String())
	}
	return lines, personal
}

func text(v any) any {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return v
}

// fillFor leaves rows of a person in every table that can have any.
func fillFor(t *testing.T, db *database.DB, person string) {
	t.Helper()
	by := database.By{Who: "admin", Why: "test"}
	ok(t, db.Finish(ctx, must(db.Next(ctx, "w", 1, time.Minute))(t)[0], database.Result{
		State: []byte("state of " + person), Parts: texts("part for " + person),
		Outcome:  &database.Outcome{ID: "outcome-" + person, Status: "answered", Body: []byte(`{"question":"của ` + person + `","answer":"x","citations":[{"document":"khai-sinh"}]}`)},
		Feedback: &database.Feedback{Outcome: "outcome-" + person, Reason: person},
		Ticket:   &database.Ticket{Summary: "về " + person}, Note: "tôi là " + person, Hold: time.Now().Add(time.Hour),
	}))
	ok(t, db.Post(ctx, "telegram", "chat-"+person, "person-"+person, texts("waiting for "+person)))
	ticket, err := db.TicketOf(ctx, "telegram", "chat-"+person)
	ok(t, err)
	ok(t, db.ReplyTicket(ctx, by, ticket.ID, "chào "+person, texts("officer to "+person), time.Now().Add(time.Hour)))
	if posted, err := db.Correct(ctx, by, "r1", database.Recipient{Channel: "telegram", Dialogue: "chat-" + person, Person: "person-" + person}, texts("sorry "+person)); !posted || err != nil {
		t.Fatalf("Correct = %v, %v", posted, err)
	}
	ok(t, db.SetUnreachable(ctx, "telegram", "chat-"+person, "person-"+person, "403"))
	ok(t, db.Exchange(ctx, database.Received{Channel: "telegram", Key: "more", Dialogue: "chat-" + person, Person: "person-" + person},
		database.Result{State: []byte("state of " + person), Parts: texts("waiting for " + person)}, nil))
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// Erasing leaves no row of any table in which the person, the chat, or anything
// they or we said can be found. Every table is looked at, also those to come.
func TestX09ErasingLeavesNothing(t *testing.T) {
	const him, her = "alpha", "beta"
	for _, how := range []string{"Erase", "Finish"} {
		t.Run(how, func(t *testing.T) {
			both(t, func(t *testing.T, url string) {
				db := open(t, url, database.Options{})
				for _, person := range []string{him, her} {
					receive(t, db, database.Received{Channel: "telegram", Key: "1-" + person, Dialogue: "chat-" + person, Person: "person-" + person, Body: []byte("from " + person)})
					fillFor(t, db, person)
				}
				for _, person := range []string{him, her} {
					receive(t, db, database.Received{Channel: "telegram", Key: "2-" + person, Dialogue: "chat-" + person, Person: "person-" + person, Body: []byte("xóa " + person)})
				}
				receive(t, db, database.Received{Channel: "zalo", Key: "2-" + him, Dialogue: "z", Person: "person-alpha-of-zalo"})
				// A group in which both wrote: what it remembers may be his.
				receive(t, db, database.Received{Channel: "telegram", Key: "g1", Dialogue: "group", Person: "person-" + him, Body: []byte("group " + him)})
				receive(t, db, database.Received{Channel: "telegram", Key: "g2", Dialogue: "group", Person: "person-" + her, Body: []byte("group " + her)})

				r := raw(t, url)
				hers := map[string]int{}
				for _, table := range tables(t, r, url) {
					lines, personal := dump(t, r, table)
					n := 0
					for _, l := range lines {
						if strings.Contains(l, him) {
							n++
						}
						if strings.Contains(l, her) && !strings.Contains(l, him) {
							hers[table]++
						}
					}
					if personal && n == 0 && table != "approved" { // its outcome is a number of ours
						t.Errorf("table %s can have rows of a person and the test made none", table)
					}
				}
				key := "2-" + him
				if how == "Erase" {
					if n, err := db.Erase(ctx, "telegram", "person-"+him); n < 12 || err != nil {
						t.Fatalf("Erase = %d, %v", n, err)
					}
					if n, err := db.Erase(ctx, "telegram", "person-"+him); n != 0 || err != nil {
						t.Errorf("second Erase = %d, %v, want 0", n, err)
					}
				} else {
					jobs := must(db.Next(ctx, "w", 10, time.Minute))(t)
					i := slices.IndexFunc(jobs, func(j database.Job) bool { return j.Key == key && j.Channel == "telegram" })
					ok(t, db.Finish(ctx, jobs[i], database.Result{Erase: true, Parts: texts("gone"), State: []byte(him),
						Outcome: &database.Outcome{ID: "late-" + him}, Ticket: &database.Ticket{Summary: him}}))
					// Nothing is taken up again when the platform repeats the request.
					if n, err := db.Receive(ctx, database.Received{Channel: "telegram", Key: key, Dialogue: "chat-" + him, Person: "person-" + him}); n != 0 || err != nil {
						t.Errorf("Receive of the request again = %d, %v, want 0", n, err)
					}
					parts := must(db.NextOut(ctx, "s", "telegram", 10, time.Minute))(t)
					i = slices.IndexFunc(parts, func(o database.Outgoing) bool { return o.Person == "person-"+him })
					if i < 0 || string(parts[i].Body) != "gone" {
						t.Fatalf("parts = %+v, want the answer to the request", parts)
					}
					ok(t, db.Sent(ctx, parts[i], "receipt-"+him))
				}
				for _, table := range tables(t, r, url) {
					lines, _ := dump(t, r, table)
					n := 0
					for _, l := range lines {
						if strings.Contains(l, him) && !strings.Contains(l, "of-zalo") && !strings.Contains(l, "key="+key) {
							t.Errorf("table %s still has %s", table, l)
						}
						if strings.Contains(l, "key="+key) && !strings.Contains(l, "of-zalo") && (strings.Contains(l, "person-alpha") || strings.Contains(l, "chat-alpha")) {
							t.Errorf("table %s still has %s", table, l)
						}
						if strings.Contains(l, her) {
							n++
						}
					}
					if n < hers[table] {
						t.Errorf("table %s has %d rows of another person, had %d", table, n, hers[table])
					}
				}
				if n := count(t, r, "SELECT count(*) FROM lanes WHERE dialogue = 'group'"); n != 1 {
					t.Errorf("the group in which another still waits has %d lanes, want 1", n)
				}
			})
		})
	}
}

func TestErasingTakesWorkAway(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		reply(t, db, "a", 1, "a1")
		receive(t, db, message("a", 2))
		job, part := next(t, db, "a-2")[0], nextOut(t, db, "a1")[0]
		must(db.Erase(ctx, "telegram", "person-a"))(t)
		receive(t, db, message("a", 3)) // gets a number of its own
		next(t, db, "a-3")
		for what, err := range map[string]error{
			"Finish": db.Finish(ctx, job, database.Result{State: []byte("x"), Parts: texts("x")}), "Sent": db.Sent(ctx, part, "r"),
		} {
			if err == nil || !strings.Contains(err.Error(), database.ErrLost.Error()) {
				t.Errorf("%s after Erase: %v, want ErrLost", what, err)
			}
		}
		nextOut(t, db)
	})
}

func TestSweep(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		by := database.By{Who: "admin", Why: "test"}
		fill := func(n int) {
			m := message("a", n)
			receive(t, db, m)
			ok(t, db.Finish(ctx, next(t, db, m.Key)[0], database.Result{State: []byte("s"), Parts: texts("x"), Note: "chào",
				Outcome:  &database.Outcome{ID: fmt.Sprint("o", n), Status: "answered", Body: []byte(`{"citations":[{"document":"d"}]}`)},
				Feedback: &database.Feedback{Outcome: fmt.Sprint("o", n), Good: true}, Ticket: &database.Ticket{Summary: "x"}}))
			ok(t, db.Sent(ctx, nextOut(t, db, "x")[0], ""))
			k, err := db.TicketOf(ctx, "telegram", "chat-a")
			ok(t, err)
			ok(t, db.EndTicket(ctx, by, k.ID, database.TicketClosed))
		}
		ok(t, db.AddAccount(ctx, by, database.Account{Name: "an", Role: database.Officer}))
		ok(t, db.AddSession(ctx, database.Session{Hash: []byte("h"), Account: "an", Expires: c.Now().Add(time.Hour)}))
		for n := range 3 {
			fill(n)
		}
		c.pass(20 * 24 * time.Hour)
		fill(9)
		receive(t, db, message("old", 1)) // still waiting at the end
		keep := database.Retention{Dialogues: 5 * 24 * time.Hour, Outcomes: 10 * 24 * time.Hour, Queues: time.Hour}
		got, err := db.Sweep(ctx, keep)
		want := database.Swept{Dialogues: 0, Outcomes: 3, Feedback: 3, Tickets: 3, Jobs: 3, Parts: 3, Sessions: 1}
		if err != nil || got != want {
			t.Errorf("Sweep = %+v, %v, want %+v", got, err, want)
		}
		c.pass(6 * 24 * time.Hour)
		if got, err = db.Sweep(ctx, keep); err != nil || got != (database.Swept{Dialogues: 1}) {
			t.Errorf("Sweep 6 days later = %+v, %v, want 1 dialogue; jobs are remembered for 7 days", got, err)
		}
		r := raw(t, url)
		for table, want := range map[string]int{"outcome_documents": 1, "feedback": 1, "tickets": 1, "ticket_messages": 1, "inbox": 2, "outbox": 1, "sessions": 0} {
			if n := count(t, r, "SELECT count(*) FROM "+table); n != want {
				t.Errorf("%d rows of %s are left, want %d", n, table, want)
			}
		}
		if got, err = db.Sweep(ctx, database.Retention{}); err != nil || got != (database.Swept{}) {
			t.Errorf("Sweep that keeps everything = %+v, %v", got, err)
		}
		c.pass(365 * 24 * time.Hour)
		if _, err = db.Sweep(ctx, database.Retention{}); err != nil || count(t, r, "SELECT count(*) FROM outcomes") != 1 {
			t.Errorf("Sweep that keeps outcomes for ever: %v", err)
		}
		next(t, db, "old-1")
	})
}

// What only the page of a dialogue shows, words of the staff among it, goes when nobody
// can find the page any more; what the dialogue remembers stays, and so do the letters
// that wait for a sender.
func TestSweepForgetsPages(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		for _, d := range []string{"old", "new"} {
			if d == "new" {
				c.pass(10 * 24 * time.Hour)
			}
			for _, channel := range []string{"web", "telegram"} {
				ok(t, db.Exchange(ctx, database.Received{Channel: channel, Key: d, Dialogue: d, Person: d}, database.Result{State: []byte("s")}, func([]byte) []byte { return []byte("p") }))
				ok(t, db.Post(ctx, channel, d, d, texts("số của tôi 0912345678")))
			}
		}
		c.pass(5 * 24 * time.Hour)
		keep := database.Retention{Pages: map[string]time.Duration{"web": 14 * 24 * time.Hour}}
		if got, err := db.Sweep(ctx, keep); err != nil || got != (database.Swept{Pages: 2}) {
			t.Errorf("Sweep = %+v, %v, want one page and one letter", got, err)
		}
		for _, tt := range []struct{ channel, dialogue, page string }{{"web", "old", ""}, {"web", "new", "p"}, {"telegram", "old", "p"}} {
			if got, err := db.Remembered(ctx, tt.channel, tt.dialogue); err != nil || string(got.Page) != tt.page || string(got.State) != "s" {
				t.Errorf("%s %s: state %q, page %q, %v, want s and %q", tt.channel, tt.dialogue, got.State, got.Page, err, tt.page)
			}
		}
		r := raw(t, url)
		for query, want := range map[string]int{
			"SELECT count(*) FROM outbox WHERE channel = 'web' AND dialogue = 'old' AND done = 0": 0, "SELECT count(*) FROM lanes WHERE channel = 'web' AND dialogue = 'old'": 0,
			"SELECT count(*) FROM outbox WHERE channel = 'web' AND dialogue = 'old' AND length(body) > 0": 0,
			"SELECT count(*) FROM outbox WHERE done = 0":                                                  3,
		} {
			if n := count(t, r, query); n != want {
				t.Errorf("%s = %d, want %d", query, n, want)
			}
		}
	})
}

// People are told that what they write is deleted after so many days: a request that
// nobody ever closed goes too, and so does who was sent a correction.
func TestSweepForgetsRequestsThatNobodyClosed(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		by := database.By{Who: "officer", Why: "test"}
		var ids []int64
		for _, d := range []string{"left", "alive"} {
			ids = append(ids, must(db.OpenTicket(ctx, by, database.Ticket{Channel: "zalo", Dialogue: d, Person: d, Summary: "việc của tôi"}))(t))
			must(db.Correct(ctx, by, "recall", database.Recipient{Channel: "zalo", Dialogue: d, Person: d}, texts("sorry")))(t)
		}
		c.pass(20 * 24 * time.Hour)
		ok(t, db.ReplyTicket(ctx, by, ids[1], "chào", texts("chào"), time.Time{}))
		c.pass(5 * 24 * time.Hour)
		got, err := db.Sweep(ctx, database.Retention{Outcomes: 10 * 24 * time.Hour})
		if want := (database.Swept{Tickets: 1}); err != nil || got != want {
			t.Errorf("Sweep = %+v, %v, want %+v", got, err, want)
		}
		if k, err := db.TicketOf(ctx, "zalo", "alive"); err != nil || k.ID != ids[1] {
			t.Errorf("TicketOf = %+v, %v, want the one that was answered lately", k, err)
		}
		r := raw(t, url)
		for table, want := range map[string]int{"tickets": 1, "ticket_messages": 1, "corrections": 0} {
			if n := count(t, r, "SELECT count(*) FROM "+table); n != want {
				t.Errorf("%d rows of %s are left, want %d", n, table, want)
			}
		}
	})
}
