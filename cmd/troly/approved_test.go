package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/retrieval"
)

// Every way of asking gives the approved answers of the database, and none makes one.
func TestCommandsGiveApprovedAnswers(t *testing.T) {
	data := t.TempDir()
	for name, value := range map[string]string{"TROLY_DATA_DIR": data, "DATABASE_URL": "", "TROLY_KNOWLEDGE_DIR": ""} {
		t.Setenv(name, value)
	}
	command := func(input string, args ...string) (out, errs string) {
		t.Helper()
		var o, e strings.Builder
		if status := run(t.Context(), args, strings.NewReader(input), &o, &e); status != 0 {
			t.Fatalf("%q: status %d, %s", args, status, e.String())
		}
		return o.String(), e.String()
	}
	const answer = "Mang Giấy chứng sinh đến xã."
	if out, _ := command("", "ask", aQuestion); strings.Contains(out, answer) {
		t.Fatalf("before: %s", out)
	}
	if _, err := os.Stat(filepath.Join(data, "troly.db")); err == nil {
		t.Error("ask made a database")
	}
	db, err := database.Open(t.Context(), filepath.Join(data, "troly.db"), database.Options{Log: quietLog})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.AddApproved(t.Context(), database.By{Who: "lan"}, database.Approved{
		Questions: []string{aQuestion}, Answer: answer, Owner: "lan", State: database.ApprovedActive,
		Sources: []database.ApprovedSource{{Document: "khai-sinh", Version: sharedAssistant.get(t).lib.Versions()["khai-sinh"]}}, Expires: time.Now().Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if out, errs := command("", "ask", "--json", aQuestion); !strings.Contains(out, answer) || !strings.Contains(out, `"answered_by": "approved"`) || errs != "" {
		t.Errorf("ask: %s %s", out, errs)
	}
	if out, _ := command(aQuestion+"\n", "chat"); !strings.Contains(out, answer) {
		t.Errorf("chat: %s", out)
	}
	if err := os.WriteFile(filepath.Join(data, "troly.db"), []byte("this is no database, and long enough to be taken for a damaged one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs := command("", "ask", aQuestion); !strings.Contains(out, "Giấy chứng sinh") || strings.Contains(out, answer) || !strings.Contains(errs, "answered without approved answers: TROLY_DATA_DIR") {
		t.Errorf("with a damaged database: %s %s", out, errs)
	}
}

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
