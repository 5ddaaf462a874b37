package database_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"troly/internal/database"
)

var by = database.By{Who: "admin", Why: "vì thử"}

// wantErr checks that an error is, or is not, one that callers tell apart.
func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestAccountsAndSessions(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		an := database.Account{Name: "an", Role: database.Officer, Hash: "$argon2id$x"}
		ok(t, db.AddAccount(ctx, by, an))
		wantErr(t, "AddAccount again", db.AddAccount(ctx, by, an), database.ErrExists)
		for _, bad := range []database.Account{{Role: database.Admin}, {Name: " an", Role: database.Admin}, {Name: "b", Role: "boss"}} {
			if err := db.AddAccount(ctx, by, bad); err == nil {
				t.Errorf("AddAccount(%+v) = nil, want an error", bad)
			}
		}
		session := database.Session{Hash: []byte{0, 1, 255}, Account: "an", Expires: c.Now().Add(time.Hour)}
		ok(t, db.AddSession(ctx, session))
		wantErr(t, "AddSession of nobody", db.AddSession(ctx, database.Session{Hash: []byte("x"), Account: "nobody"}), database.ErrNotFound)
		s, a, err := db.SessionByHash(ctx, session.Hash)
		if err != nil || a.Name != "an" || a.Role != database.Officer || a.Hash != an.Hash || !s.Expires.Equal(session.Expires) || !s.Created.Equal(c.Now()) || s.Account != "an" {
			t.Errorf("SessionByHash = %+v, %+v, %v", s, a, err)
		}
		_, _, err = db.SessionByHash(ctx, []byte{0, 1})
		wantErr(t, "SessionByHash of another", err, database.ErrNotFound)
		c.pass(50 * time.Minute)
		ok(t, db.RenewSession(ctx, session.Hash, c.Now().Add(time.Hour)))
		c.pass(59 * time.Minute)
		if _, _, err := db.SessionByHash(ctx, session.Hash); err != nil {
			t.Errorf("SessionByHash of a renewed session: %v", err)
		}
		c.pass(time.Minute)
		_, _, err = db.SessionByHash(ctx, session.Hash)
		wantErr(t, "SessionByHash of an expired session", err, database.ErrNotFound)
		wantErr(t, "RenewSession of an expired session", db.RenewSession(ctx, session.Hash, c.Now().Add(time.Hour)), database.ErrNotFound)

		for i, end := range []func() error{
			func() error { return db.SetAccount(ctx, by, "an", database.Editor, true) },
			func() error { return db.SetPassword(ctx, by, "an", "new") },
			func() error { return db.EndSession(ctx, []byte{2}) },
		} {
			ok(t, db.SetAccount(ctx, by, "an", database.Editor, false))
			ok(t, db.AddSession(ctx, database.Session{Hash: []byte{byte(i)}, Account: "an", Expires: c.Now().Add(time.Hour)}))
			ok(t, end())
			_, _, err = db.SessionByHash(ctx, []byte{byte(i)})
			wantErr(t, fmt.Sprint("SessionByHash after end ", i), err, database.ErrNotFound)
		}
		ok(t, db.SetAccount(ctx, by, "an", database.Editor, true))
		wantErr(t, "AddSession of a disabled account", db.AddSession(ctx, database.Session{Hash: []byte("d"), Account: "an"}), database.ErrNotFound)
		wantErr(t, "SetPassword of nobody", db.SetPassword(ctx, by, "nobody", "x"), database.ErrNotFound)
		ok(t, db.AddAccount(ctx, by, database.Account{Name: "bình", Role: database.Admin}))
		all, err := db.Accounts(ctx)
		if err != nil || len(all) != 2 || all[0].Hash != "new" || !all[0].Disabled || all[0].Role != database.Editor || all[1].Name != "bình" {
			t.Errorf("Accounts = %+v, %v", all, err)
		}
		if a, err := db.Account(ctx, "bình"); err != nil || a != all[1] {
			t.Errorf("Account = %+v, %v, want %+v", a, err, all[1])
		}
		_, err = db.Account(ctx, "x")
		wantErr(t, "Account of nobody", err, database.ErrNotFound)
		log := must(db.AuditLog(ctx, database.AuditFilter{What: "set password"}))(t)
		if len(log) != 1 || log[0].Who != "admin" || log[0].Why != "vì thử" || log[0].Subject != "an" || !log[0].At.Equal(c.Now()) {
			t.Errorf("AuditLog = %+v", log)
		}
	})
}

func TestAttemptsAreThrottled(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		try := func(want time.Duration, subjects ...string) {
			t.Helper()
			if got, err := db.Attempt(ctx, 3, time.Minute, subjects...); got != want || err != nil {
				t.Fatalf("Attempt(%v) = %v, %v, want %v", subjects, got, err, want)
			}
		}
		try(0, "an", "10.0.0.1")
		c.pass(10 * time.Second)
		try(0, "an", "10.0.0.2")
		try(0, "an", "10.0.0.3")
		try(50*time.Second, "an", "10.0.0.4")
		try(0, "bình", "10.0.0.4")
		try(50*time.Second, "bình", "an")
		c.pass(50 * time.Second)
		try(0, "an")
		try(10*time.Second, "an")
		ok(t, db.Succeeded(ctx, "an"))
		try(0, "an")

		// Guesses at the same time do not slip through.
		var through atomic.Int64
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				wait, err := db.Attempt(ctx, 3, time.Minute, "target", "z")
				if err != nil {
					t.Errorf("Attempt: %v", err)
				}
				if wait == 0 {
					through.Add(1)
				}
			})
		}
		wg.Wait()
		if through.Load() != 3 {
			t.Errorf("%d of 20 attempts at once went through, want 3", through.Load())
		}
	})
}

func TestAPIKeys(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		k := database.APIKey{Name: "cổng tỉnh", Hash: []byte("h1"), Scopes: []string{"ask", "search"}, PerMinute: 60, Expires: c.Now().Add(time.Hour)}
		id := must(db.AddKey(ctx, by, k))(t)
		_, err := db.AddKey(ctx, by, k)
		wantErr(t, "AddKey again", err, database.ErrExists)
		if _, err := db.AddKey(ctx, by, database.APIKey{Hash: []byte("h"), Scopes: []string{"a,b"}}); err == nil {
			t.Error("AddKey takes a scope with a comma")
		}
		got, err := db.KeyByHash(ctx, []byte("h1"))
		if err != nil || got.ID != id || fmt.Sprint(got.Scopes, " ", got.PerMinute, " ", got.Name) != "[ask search] 60 cổng tỉnh" {
			t.Errorf("KeyByHash = %+v, %v", got, err)
		}
		c.pass(time.Hour)
		_, err = db.KeyByHash(ctx, []byte("h1"))
		wantErr(t, "KeyByHash of an expired key", err, database.ErrNotFound)
		forever := must(db.AddKey(ctx, by, database.APIKey{Hash: []byte("h2")}))(t)
		if got, err := db.KeyByHash(ctx, []byte("h2")); err != nil || len(got.Scopes) != 0 {
			t.Errorf("KeyByHash = %+v, %v, want no scopes", got, err)
		}
		ok(t, db.RevokeKey(ctx, by, forever))
		wantErr(t, "RevokeKey again", db.RevokeKey(ctx, by, forever), database.ErrNotFound)
		_, err = db.KeyByHash(ctx, []byte("h2"))
		wantErr(t, "KeyByHash of a revoked key", err, database.ErrNotFound)
		if all := must(db.Keys(ctx))(t); len(all) != 2 || all[1].Revoked.IsZero() {
			t.Errorf("Keys = %+v", all)
		}
	})
}

func TestSwitchesNeedAReason(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		wantErr(t, "SetSwitch without a reason", db.SetSwitch(ctx, database.By{Who: "admin"}, "model", false), database.ErrNoReason)
		ok(t, db.SetSwitch(ctx, by, "model", false))
		ok(t, db.SetSwitch(ctx, by, "telegram", false))
		ok(t, db.SetSwitch(ctx, database.By{Who: "an", Why: "xong"}, "model", true))
		got := must(db.Switches(ctx))(t)
		if len(got) != 2 || got[0].Name != "model" || !got[0].On || got[0].Reason != "xong" || got[0].Who != "an" || got[1].On {
			t.Errorf("Switches = %+v", got)
		}
		log := must(db.AuditLog(ctx, database.AuditFilter{Subject: "model"}))(t)
		if len(log) != 2 || log[0].What != "switch on" || log[1].What != "switch off" {
			t.Errorf("AuditLog = %+v", log)
		}
		ok(t, db.Audit(ctx, by, "sign in", ""))
		page := must(db.AuditLog(ctx, database.AuditFilter{Limit: 2}))(t)
		rest := must(db.AuditLog(ctx, database.AuditFilter{Before: page[1].ID}))(t)
		if page[0].What != "sign in" || len(rest) != 2 {
			t.Errorf("AuditLog by pages = %+v, then %+v", page, rest)
		}
	})
}

func TestTickets(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		receive(t, db, message("a", 1), message("b", 1))
		for i, j := range next(t, db, "a-1", "b-1") {
			ok(t, db.Finish(ctx, j, database.Result{State: []byte("s"), Note: "cho tôi gặp cán bộ",
				Ticket: &database.Ticket{Reason: "asked", Commune: fmt.Sprint("xã ", i), Topic: "khai-sinh"}, Hold: c.Now().Add(time.Hour)}))
		}
		k, err := db.TicketOf(ctx, "telegram", "chat-a")
		ok(t, err)
		list := func(f database.TicketFilter, want ...int64) {
			t.Helper()
			got := must(db.Tickets(ctx, f))(t)
			var ids []int64
			for _, k := range got {
				ids = append(ids, k.ID)
			}
			if fmt.Sprint(ids) != fmt.Sprint(want) {
				t.Errorf("Tickets(%+v) = %v, want %v", f, ids, want)
			}
		}
		due := c.Now().Add(24 * time.Hour)
		ok(t, db.AssignTicket(ctx, by, k.ID, "", "an", due))
		wantErr(t, "AssignTicket of one that is another's", db.AssignTicket(ctx, by, k.ID, "", "bình", due), database.ErrChanged)
		wantErr(t, "AssignTicket of none", db.AssignTicket(ctx, by, 99, "", "bình", due), database.ErrNotFound)
		list(database.TicketFilter{}, 1, 2)
		list(database.TicketFilter{Status: []database.TicketStatus{database.TicketOpen}}, 2)
		list(database.TicketFilter{Status: []database.TicketStatus{database.TicketOpen, database.TicketAssigned}}, 1, 2)
		list(database.TicketFilter{Assignee: "an"}, 1)
		list(database.TicketFilter{Unassigned: true}, 2)
		list(database.TicketFilter{Commune: "xã 1"}, 2)
		list(database.TicketFilter{Topic: "kết hôn"})
		list(database.TicketFilter{DueBefore: due}, []int64{}...)
		list(database.TicketFilter{DueBefore: due.Add(1 * time.Millisecond)}, 1)
		list(database.TicketFilter{From: c.Now(), To: c.Now().Add(1), Channel: "telegram"}, []int64{}...)
		list(database.TicketFilter{From: c.Now().Add(-time.Hour * 24 * 365), To: c.Now().Add(time.Hour * 24 * 365 * 2), Channel: "telegram", Limit: 1}, 1)
		list(database.TicketFilter{After: 1}, 2)

		// The bot is silent, and what the resident says goes to the officer.
		receive(t, db, message("a", 2))
		job := next(t, db, "a-2")[0]
		if !job.Held.Equal(c.Now().Add(time.Hour)) {
			t.Errorf("Held = %v, want in an hour", job.Held)
		}
		ok(t, db.Finish(ctx, job, database.Result{State: job.State, Note: "tôi cần gấp"}))
		c.pass(30 * time.Minute)
		ok(t, db.ReplyTicket(ctx, database.By{Who: "an"}, k.ID, "Chào bác", texts("officer"), c.Now().Add(time.Hour)))
		ok(t, db.Sent(ctx, nextOut(t, db, "officer")[0], ""))
		messages := must(db.TicketMessages(ctx, k.ID))(t)
		var said []string
		for _, m := range messages {
			said = append(said, m.Side+" "+m.Author+": "+m.Text)
		}
		if want := "[resident : cho tôi gặp cán bộ resident : tôi cần gấp staff an: Chào bác]"; fmt.Sprint(said) != want {
			t.Errorf("TicketMessages = %v, want %v", said, want)
		}
		if until := must(db.Held(ctx, "telegram", "chat-a"))(t); !until.Equal(c.Now().Add(time.Hour)) {
			t.Errorf("Held = %v, want an hour after the reply", until)
		}
		if k, _ = db.TicketByID(ctx, k.ID); k.Status != database.TicketAnswered || k.Assignee != "an" {
			t.Errorf("ticket = %+v, want answered", k)
		}
		c.pass(time.Hour)
		if until := must(db.Held(ctx, "telegram", "chat-a"))(t); !until.IsZero() {
			t.Errorf("Held = %v, want not any more", until)
		}

		// The resident returns to the bot.
		ok(t, db.Hold(ctx, by, "telegram", "chat-a", "person-a", c.Now().Add(time.Hour), "officer"))
		receive(t, db, message("a", 3))
		job = next(t, db, "a-3")[0]
		if job.Held.IsZero() {
			t.Error("job is not held after Hold")
		}
		ok(t, db.Finish(ctx, job, database.Result{Release: true}))
		if until := must(db.Held(ctx, "telegram", "chat-a"))(t); !until.IsZero() {
			t.Errorf("Held = %v, want not any more", until)
		}
		if k, _ = db.TicketByID(ctx, k.ID); k.Status != database.TicketReleased {
			t.Errorf("ticket = %+v, want released", k)
		}
		wantErr(t, "ReplyTicket of an ended one", db.ReplyTicket(ctx, by, k.ID, "x", texts("no"), time.Time{}), database.ErrChanged)
		wantErr(t, "EndTicket of an ended one", db.EndTicket(ctx, by, k.ID, database.TicketClosed), database.ErrChanged)
		_, err = db.TicketOf(ctx, "telegram", "chat-a")
		wantErr(t, "TicketOf", err, database.ErrNotFound)
		nextOut(t, db)

		// An officer opens one, and ends it.
		id := must(db.OpenTicket(ctx, by, database.Ticket{Channel: "telegram", Dialogue: "chat-a", Person: "person-a", Reason: "officer"}))(t)
		ok(t, db.Hold(ctx, by, "telegram", "chat-a", "person-a", c.Now().Add(time.Hour), "officer"))
		ok(t, db.AssignTicket(ctx, by, id, "", "an", time.Time{}))
		ok(t, db.AssignTicket(ctx, by, id, "an", "", time.Time{}))
		if k, _ = db.TicketByID(ctx, id); k.Status != database.TicketOpen || id == 1 {
			t.Errorf("ticket = %+v, want a new one, open again", k)
		}
		if err := db.EndTicket(ctx, by, id, database.TicketOpen); err == nil {
			t.Error("EndTicket takes open for an end")
		}
		ok(t, db.EndTicket(ctx, by, id, database.TicketClosed))
		k, err = db.TicketOf(ctx, "telegram", "chat-b")
		ok(t, err)
		ok(t, db.EndTicket(ctx, by, k.ID, database.TicketReleased))
		list(database.TicketFilter{Status: []database.TicketStatus{database.TicketReleased}}, 1, 2)
		if until := must(db.Held(ctx, "telegram", "chat-b"))(t); !until.IsZero() {
			t.Errorf("Held after the release = %v", until)
		}
		if log := must(db.AuditLog(ctx, database.AuditFilter{Subject: "ticket 1"}))(t); len(log) != 1 || log[0].What != "reply to ticket" || log[0].Who != "an" {
			t.Errorf("AuditLog of ticket 1 = %+v", log)
		}
	})
}

func TestApprovedAnswers(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		c := newClock()
		db := open(t, url, database.Options{Now: c.Now})
		a := database.Approved{Questions: []string{"Lệ phí khai sinh?", "khai sinh mất tiền không"}, Answer: "Miễn phí.", Owner: "an", State: database.ApprovedActive,
			Sources: []database.ApprovedSource{{Document: "khai-sinh", Version: "v1"}}, Expires: c.Now().Add(time.Hour), Outcome: "o1"}
		for _, bad := range []database.Approved{{}, {Questions: a.Questions, Answer: "x", State: "done"}, {Answer: "x", State: database.ApprovedDraft}} {
			if _, err := db.AddApproved(ctx, by, bad); err == nil {
				t.Errorf("AddApproved(%+v) = nil, want an error", bad)
			}
		}
		id := must(db.AddApproved(ctx, by, a))(t)
		must(db.AddApproved(ctx, by, database.Approved{Questions: []string{"x"}, Answer: "nháp", State: database.ApprovedDraft}))(t)
		got, err := db.ApprovedByID(ctx, id)
		if err != nil || fmt.Sprint(got.Questions, got.Answer, got.Owner, got.Sources, got.Outcome) != fmt.Sprint(a.Questions, a.Answer, a.Owner, a.Sources, a.Outcome) || !got.Expires.Equal(a.Expires) {
			t.Errorf("ApprovedByID = %+v, %v, want %+v", got, err, a)
		}
		current := func(want int, versions map[string]string) {
			t.Helper()
			if got := must(db.CurrentApproved(ctx, versions))(t); len(got) != want {
				t.Errorf("CurrentApproved(%v) = %+v, want %d", versions, got, want)
			}
		}
		v1, v2 := map[string]string{"khai-sinh": "v1"}, map[string]string{"khai-sinh": "v2"}
		current(1, v1)
		current(0, v2)
		current(0, nil)
		c.pass(time.Hour)
		current(0, v1)
		stale := got
		got.Expires, got.Answer = time.Time{}, "Miễn phí, nếu đúng hạn."
		ok(t, db.SetApproved(ctx, by, got))
		wantErr(t, "SetApproved of what has changed", db.SetApproved(ctx, by, stale), database.ErrChanged)
		wantErr(t, "SetApproved of none", db.SetApproved(ctx, by, database.Approved{ID: 99, Questions: a.Questions, Answer: "x", State: database.ApprovedDraft}), database.ErrNotFound)
		current(1, v1)
		if out := must(db.OutdateApproved(ctx, by, v1))(t); len(out) != 0 {
			t.Errorf("OutdateApproved with nothing changed = %+v", out)
		}
		if out := must(db.OutdateApproved(ctx, by, v2))(t); len(out) != 1 || out[0].ID != id {
			t.Errorf("OutdateApproved = %+v, want the one", out)
		}
		current(0, v1)
		if all := must(db.ApprovedAnswers(ctx))(t); len(all) != 2 || all[0].State != database.ApprovedOutdated {
			t.Errorf("ApprovedAnswers = %+v", all)
		}
		if drafts := must(db.ApprovedAnswers(ctx, database.ApprovedDraft))(t); len(drafts) != 1 {
			t.Errorf("drafts = %+v", drafts)
		}
		_, err = db.ApprovedByID(ctx, 99)
		wantErr(t, "ApprovedByID", err, database.ErrNotFound)
	})
}
