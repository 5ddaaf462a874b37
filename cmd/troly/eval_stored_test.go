package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"troly/internal/conversation"
	"troly/internal/database"
	"troly/internal/evaluation"
	"troly/internal/web"
	"troly/internal/webhook"
)

// talked is the path of a database with what came of a few real dialogues, and the IDs
// of their outcomes in order.
func talked(t *testing.T) (path string, ids []string, by func(func(*database.DB))) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "troly.db")
	with := func(do func(*database.DB)) {
		db, err := database.Open(t.Context(), path, database.Options{Log: quietLog})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		do(db)
	}
	a := sharedAssistant.get(t)
	n := 0
	talk := conversation.New(a.Assistant, a.lib, a.lib.Units, conversation.Options{NewID: func() string { n++; return fmt.Sprintf("o-%d", n) }})
	with(func(db *database.DB) {
		kept := web.Kept{Store: db}
		says := func(dialogue string, m webhook.Message) {
			t.Helper()
			m.Channel, m.Dialogue, m.Person, m.Sent = web.Channel, dialogue, dialogue, time.Now()
			m.Key = fmt.Sprint(dialogue, n, m.Text, m.Action)
			if m.Kind == "" {
				m.Kind = webhook.Text
			}
			d, err := kept.Load(t.Context(), dialogue)
			if err != nil {
				t.Fatal(err)
			}
			m.Held = d.Held
			r := talk.Respond(context.Background(), m, d.State, nil)
			if r.Outcome != nil {
				ids = append(ids, r.Outcome.ID)
			}
			if err := kept.Save(t.Context(), m, r, func([]byte) []byte { return []byte("{}") }); err != nil {
				t.Fatal(err)
			}
		}
		says("lan-0912345678", webhook.Message{Text: aQuestion + ", số em 0912345678"})
		says("lan-0912345678", webhook.Message{Kind: webhook.Button, Action: webhook.GoodAction + "o-1"})
		says("lan-0912345678", webhook.Message{Kind: webhook.Button, Action: webhook.BadAction + "o-1"}) // changed their mind
		says("minh", webhook.Message{Text: "mai trên Mù Cang Chải trời có mưa không"})
		says("minh", webhook.Message{Text: "gặp cán bộ"})
		says("minh", webhook.Message{Text: "con tôi sinh ở tỉnh khác"})
		says("minh", webhook.Message{Text: "có ai không ạ"})
		says("minh", webhook.Message{Text: "tôi chờ đây"})
	})
	return path, ids, with
}

func TestEvalOnlineOfADatabase(t *testing.T) {
	path, ids, _ := talked(t)
	if len(ids) != 5 {
		t.Fatalf("outcomes %q, want two answers and three messages to a human", ids)
	}
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept.jsonl")
	base := []string{"--knowledge", someKnowledge(t), "--data", dir}
	call := func(want int, args ...string) (string, string) {
		t.Helper()
		var out, errs strings.Builder
		if got := run(t.Context(), append(args, base...), strings.NewReader(""), &out, &errs); got != want {
			t.Fatalf("troly %q = %d, want %d: %s", args, got, want, errs.String())
		}
		return out.String(), errs.String()
	}
	all := []string{"--rate", "rest=1", "--rate", "refusal=1", "--rate", "low_gap=1"}
	text, _ := call(0, append([]string{"eval", "online", "--database", path, "--out", kept}, all...)...)
	for _, want := range []string{"3 outcomes, 3 looked at; feedback: 0 up, 1 down", "asked for a human 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("eval online: %s; want %q", text, want)
		}
	}
	data, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "0912345678") || strings.Contains(string(data), "minh") {
		t.Errorf("the records hold people: %s", data)
	}
	again, _ := call(0, append([]string{"eval", "online", kept}, all...)...) // the records are a file like any other
	if !strings.Contains(again, "3 outcomes, 3 looked at; feedback: 0 up, 1 down") {
		t.Errorf("eval online of the records: %s", again)
	}
	if text, _ := call(0, "eval", "online", "--database", path, "--from", "2020-01-01", "--to", "2020-01-02"); !strings.Contains(text, "0 outcomes") {
		t.Errorf("eval online of other days: %s", text)
	}
	if text, _ := call(0, "eval", "online", "--database", path, "--channel", "zalo"); !strings.Contains(text, "0 outcomes") {
		t.Errorf("eval online of another channel: %s", text)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"eval", "online"}, "there is no database"},
		{[]string{"eval", "online", "--database", path, "--from", "hôm qua"}, "YYYY-MM-DD"},
		{[]string{"eval", "online", kept, "--database", path}, "give files, or --database"},
		{[]string{"eval", "online", "--feedback", kept}, "--feedback goes with files"},
		{[]string{"eval", "promote", "--database", path, "--id", "none"}, "no such outcome in the database"},
		{[]string{"eval", "promote", "--into", kept}, "--into needs the file"},
		{[]string{"eval", "promote", kept, "--approved"}, "give a file, or --database and --approved"},
	} {
		if _, errs := call(2, tt.args...); !strings.Contains(errs, tt.want) {
			t.Errorf("troly %q: %s; want %q", tt.args, errs, tt.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "troly.db")); err == nil {
		t.Error("reading made a database")
	}
}

// What an officer answered becomes a case: with the answer and its documents, for a
// second person to review.
func TestEvalPromoteOfADatabase(t *testing.T) {
	path, _, with := talked(t)
	with(func(db *database.DB) {
		for _, a := range []database.Approved{
			{Questions: []string{aQuestion}, Answer: "Mang Giấy chứng sinh.", Outcome: "o-1"},
			{Questions: []string{"con sinh ở tỉnh khác khai sinh ở đâu"}, Answer: "Khai sinh ở xã bạn ở."},
		} {
			a.Expires = time.Date(2099, 5, 28, 0, 0, 0, 0, time.FixedZone("ICT", 7*60*60)) // with the end of the 27th
			a.Owner, a.State, a.Sources = "lan", database.ApprovedActive, []database.ApprovedSource{{Document: "khai-sinh", Version: "1"}}
			if _, err := db.AddApproved(t.Context(), database.By{Who: "lan"}, a); err != nil {
				t.Fatal(err)
			}
		}
	})
	var out, errs strings.Builder
	if got := run(t.Context(), []string{"eval", "promote", "--database", path, "--id", "o-2,o-1", "--approved", "--data", t.TempDir()}, strings.NewReader(""), &out, &errs); got != 0 {
		t.Fatalf("eval promote = %d: %s", got, errs.String())
	}
	var drafts []evaluation.Draft
	for line := range strings.Lines(out.String()) {
		var d evaluation.Draft
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, d)
	}
	if len(drafts) != 3 || drafts[0].ID != "live-o-2" || drafts[1].ID != "live-o-1" || drafts[2].ID != "live-approved-2" {
		t.Fatalf("drafts: %s", out.String())
	}
	if d := drafts[0]; d.ReferenceAnswer != "" || len(d.ExpectedDocs) != 0 || d.Source.Author != "" {
		t.Errorf("an outcome without an approved answer: %+v", d.Case)
	}
	for i, want := range []string{"Mang Giấy chứng sinh.", "Khai sinh ở xã bạn ở."} {
		d := drafts[i+1]
		if d.ReferenceAnswer != want || len(d.ExpectedDocs) != 1 || d.ExpectedDocs[0].Doc != "khai-sinh" || d.Source.Author != "lan" || d.Source.ReviewedBy != "" || d.Channel != "web" || d.ValidTo != "2099-05-27" {
			t.Errorf("candidate %+v with source %+v; want the answer of lan with its document", d.Case, d.Source)
		}
	}
	if d := drafts[1]; !strings.Contains(d.Question, aQuestion) || strings.Contains(d.Question, "0912345678") || len(d.Feedback) != 1 || d.Feedback[0] != "down" {
		t.Errorf("question %q, feedback %q; want what was asked, masked, with what was thought of the answer", d.Question, d.Feedback)
	}
}
