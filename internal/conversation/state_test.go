package conversation_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"troly/internal/conversation"
	"troly/internal/pipeline"
	"troly/internal/webhook"
)

func TestFollowUpsExpire(t *testing.T) {
	a := answers()
	p := meetWith(t, a, conversation.Options{PerMinute: -1})
	for i := range 8 {
		p.says(fmt.Sprintf("câu %d, số 0912345678", i))
	}
	if n := len(a.asked[7].History); n != 6 {
		t.Errorf("the 8th question leans on %d turns, want 6", n)
	}
	p.now = p.now.Add(29 * time.Minute)
	p.says("lần nữa")
	p.now = p.now.Add(31 * time.Minute)
	p.says("lần cuối")
	if n, m := len(a.asked[8].History), len(a.asked[9].History); n != 6 || m != 0 {
		t.Errorf("after 29 minutes %d turns, after 31 more %d; want 6 and 0", n, m)
	}
	p.now = p.now.Add(31 * 24 * time.Hour)
	if got := texts(p.says("tháng sau")); !strings.Contains(got, "Tôi là Trợ lý số Yên Bái") {
		t.Errorf("after a month: %q, want the introduction again", got)
	}
}

func TestStateIsMasked(t *testing.T) {
	p := meet(t, conversation.Options{})
	p.says("em là Lan, số 0912345678, căn cước 010203004567, làm lại thẻ căn cước ở đâu")
	p.does(webhook.Message{Kind: webhook.File, Text: "0912345678", Media: &webhook.Media{Kind: "contact"}})
	p.says("/canbo số em 0912345678")
	p.says("0912345678")
	if s := string(p.state); strings.Contains(s, "0912345678") || strings.Contains(s, "010203004567") {
		t.Errorf("personal data in the state: %s", s)
	}
}

// Whatever a dialogue was filled with, its state stays small and readable.
func TestStateStaysSmall(t *testing.T) {
	long := strings.Repeat("nghiêng ", 2000)
	a := &scripted{outcome: func(q pipeline.Question) pipeline.Outcome {
		o := pipeline.Outcome{Status: pipeline.Clarify, Answer: "Việc nào?", Choices: make([]string, 50), Suggestions: make([]string, 50)}
		for i := range o.Suggestions {
			o.Suggestions[i], o.Choices[i] = long, long
		}
		for i := range 100 {
			o.Citations = append(o.Citations, pipeline.Citation{N: i, Document: fmt.Sprintf("%s%d", long[:500], i)})
		}
		return o
	}}
	lib, _ := real()
	c := conversation.New(a, lib, lib.Units, conversation.Options{PerMinute: -1, PerDay: -1})
	var state []byte
	for i := range 50 {
		m := webhook.Message{Kind: webhook.Text, Group: true, Person: fmt.Sprint(i), Text: fmt.Sprint(i) + long}
		r := c.Respond(t.Context(), m, state, nil)
		if state = r.State; len(state) >= maxState || !json.Valid(state) {
			t.Fatalf("after %d messages the state has %d bytes, valid %v", i+1, len(state), json.Valid(state))
		}
	}
}

func TestX09EraseLeavesNothing(t *testing.T) {
	p := meet(t, conversation.Options{})
	p.says("khai tử cần giấy tờ gì")
	p.says("/xa Đại Lịch")
	r := p.says("cho tôi xoá hết dữ liệu của tôi nhé")
	if !r.Erase || r.State != nil || len(r.Replies) != 1 {
		t.Errorf("erase %v, state %q, replies %q; want one line and no state", r.Erase, r.State, texts(r))
	}
	if got := texts(p.says("/xa")); strings.Contains(got, "Chấn Thịnh") {
		t.Errorf("after erasing, /xa says %q", got)
	}
}

// In a group one person's things go and the others' stay.
func TestX09EraseInAGroup(t *testing.T) {
	a := answers()
	p := meetWith(t, a, conversation.Options{})
	send := func(who, text string) webhook.Response {
		r := p.c.Respond(t.Context(), webhook.Message{Channel: "telegram", Dialogue: "g", Person: who, Group: true, Kind: webhook.Text, Text: text}, p.state, nil)
		p.state = r.State
		return r
	}
	send("an", "câu của An")
	send("binh", "câu của Bình")
	r := send("an", "/xoa")
	if !r.Erase || bytes.Contains(r.State, []byte("của An")) || !bytes.Contains(r.State, []byte("của Bình")) {
		t.Errorf("erase %v, state %s; want Bình's question in it and not An's", r.Erase, r.State)
	}
	send("an", "câu nữa")
	send("binh", "câu nữa")
	if n, m := len(a.asked[2].History), len(a.asked[3].History); n != 0 || m != 1 {
		t.Errorf("An's question leans on %d turns and Bình's on %d, want 0 and 1", n, m)
	}
	if bytes.Contains(p.state, []byte(`"an"`)) || bytes.Contains(p.state, []byte("binh")) {
		t.Errorf("people are named in the state of a group: %s", p.state)
	}
}
