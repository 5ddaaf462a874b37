package main

import (
	"context"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/retrieval"
)

// An approved answer is given while it is in the database, its time is not over and
// its source says what it said.
func TestApprovedAnswersAreThoseOfTheDatabase(t *testing.T) {
	shared := sharedAssistant.get(t)
	now := time.Now()
	clock := func() time.Time { return now }
	a := &assistant{lib: shared.lib, Assistant: pipeline.New(shared.lib, retrieval.New(shared.lib, shared.store, nil, retrieval.Options{}), pipeline.Options{Now: clock})}
	db := testDatabase(t, clock)
	p := newApprovals(a, db, quietLog)
	by := database.By{Who: "lan", Why: "thử"}
	const document = "khai-sinh"
	add := func(version, answer string) database.Approved {
		t.Helper()
		id, err := db.AddApproved(t.Context(), by, database.Approved{
			Questions: []string{aQuestion}, Answer: answer, Owner: "lan", State: database.ApprovedActive,
			Sources: []database.ApprovedSource{{Document: document, Version: version}}, Expires: now.Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		one, err := db.ApprovedByID(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return one
	}
	expect := func(when, want string) {
		t.Helper()
		if err := p.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		o := a.Ask(t.Context(), pipeline.Question{Text: aQuestion})
		if got := o.AnsweredBy == "approved"; got != (want != "") || got && o.Answer != want+" [1]" {
			t.Errorf("%s: %s by %q: %q; want approved %q", when, o.Status, o.AnsweredBy, o.Answer, want)
		}
	}
	expect("at first", "")
	add("an older version", "Câu trả lời của năm ngoái.")
	expect("its source has changed", "")
	one := add(a.lib.Versions()[document], "Mang Giấy chứng sinh đến xã.")
	expect("approved", "Mang Giấy chứng sinh đến xã.")
	one.Answer = "Mang Giấy chứng sinh và căn cước đến xã."
	if err := db.SetApproved(t.Context(), by, one); err != nil {
		t.Fatal(err)
	}
	expect("changed", "Mang Giấy chứng sinh và căn cước đến xã.")
	now = now.Add(2 * time.Hour)
	expect("expired", "")
	now = now.Add(-2 * time.Hour)
	expect("in time", "Mang Giấy chứng sinh và căn cước đến xã.")
	p.versions[document] = "what it says after a change"
	expect("its source changes", "")
	p.versions[document] = a.lib.Versions()[document]
	one, err := db.ApprovedByID(t.Context(), one.ID)
	if err != nil {
		t.Fatal(err)
	}

	// As serve runs it: what has an older source is marked, what is current is given.
	a.Approve(nil)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		newApprovals(a, db, quietLog).run(ctx)
	}()
	for end := time.Now().Add(time.Minute); a.Ask(t.Context(), pipeline.Question{Text: aQuestion}).AnsweredBy != "approved"; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the approved answer is not given")
		}
	}
	stop()
	<-ended
	if old, err := db.ApprovedByID(t.Context(), 1); err != nil || old.State != database.ApprovedOutdated {
		t.Errorf("the answer of an older source is %s (%v), want outdated", old.State, err)
	}
	expect("its source is as it was", "Mang Giấy chứng sinh và căn cước đến xã.")
	one.State = database.ApprovedWithdrawn
	if err := db.SetApproved(t.Context(), by, one); err != nil {
		t.Fatal(err)
	}
	expect("withdrawn", "")
}
