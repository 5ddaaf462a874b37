package conversation_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"troly/internal/conversation"
	"troly/internal/pipeline"
	"troly/internal/webhook"
)

func TestTakenOver(t *testing.T) {
	a := answers()
	p := meetWith(t, a, conversation.Options{Hold: 2 * time.Hour})
	p.says("câu 1")
	p.does(webhook.Message{Kind: webhook.TookOver})
	p.now = p.now.Add(time.Hour)
	r := p.says("anh cho em hỏi, số em 0912345678")
	if len(r.Replies) != 0 || r.Outcome == nil || r.Outcome.Status != string(pipeline.HandedOver) || bytes.Contains(r.Outcome.Body, []byte("0912345678")) {
		t.Errorf("while a human answers: %q, outcome %+v; want silence and a masked outcome", texts(r), r.Outcome)
	}
	if r := p.does(webhook.Message{Kind: webhook.Button, Action: "bad.id1"}); len(r.Replies) != 0 || r.Feedback == nil || r.Feedback.Good {
		t.Errorf("a rating meanwhile: %q, %+v; want it taken in silence", texts(r), r.Feedback)
	}
	if got := texts(p.says("cháy nhà")); got != "Trả lời [1]" {
		t.Errorf("danger meanwhile: %q, want an answer", got)
	}
	p.now = p.now.Add(61 * time.Minute)
	if got := texts(p.says("câu 2")); !strings.HasPrefix(got, "Trả lời [1]") || !strings.Contains(got, "trợ lý AI") {
		t.Errorf("after the time: %q, want an answer and who speaks", got)
	}
	// The console gives and takes in the same way.
	held := p.now.Add(time.Hour)
	if r := p.does(webhook.Message{Text: "câu 3, số em 0912345678", Held: &held}); len(r.Replies) != 0 || r.Note == "" || strings.Contains(r.Note, "0912345678") {
		t.Errorf("held by the console: %q with note %q, want silence and a masked note", texts(r), r.Note)
	}
	for _, tt := range []struct {
		m    webhook.Message
		note string
	}{
		{webhook.Message{Kind: webhook.Voice}, "tin nhắn thoại"},
		{webhook.Message{Kind: webhook.File, Media: &webhook.Media{Kind: "photo"}}, "ảnh hoặc tệp"},
		{webhook.Message{Kind: webhook.Button, Action: "good.id1"}, ""},
		{webhook.Message{Text: "/xa Đại Lịch"}, ""},
	} {
		tt.m.Held = &held
		if r := p.does(tt.m); len(r.Replies) != 0 || !strings.Contains(r.Note, tt.note) || tt.note == "" && r.Note != "" {
			t.Errorf("%+v held: %q with note %q, want silence and %q", tt.m, texts(r), r.Note, tt.note)
		}
	}
	if got := texts(p.does(webhook.Message{Text: "câu 4", Held: new(time.Time)})); !strings.HasPrefix(got, "Trả lời [1]") || !strings.Contains(got, "từ đây lại do tôi trả lời") {
		t.Errorf("given back by the console: %q, want an answer and who speaks", got)
	}
	if got := texts(p.does(webhook.Message{Text: "câu 5", Held: new(time.Time)})); got != "Trả lời [1]" {
		t.Errorf("the next one: %q, want an answer alone", got)
	}
	for _, back := range []string{"hỏi trợ lý ai", "Quay lại trợ lý AI ạ", "/moi", "/hoi khai tử ở đâu"} {
		p.does(webhook.Message{Kind: webhook.TookOver})
		if p.last.Hold.Before(p.now.Add(time.Hour)) {
			t.Errorf("taken over: held until %v", p.last.Hold)
		}
		if r := p.says(back); len(r.Replies) == 0 || !r.Release {
			t.Errorf("%q: %d replies, release %v; want the assistant back", back, len(r.Replies), r.Release)
		}
	}
}

func TestOfficerIsOfferedAfterTwoFailures(t *testing.T) {
	const good, bad = "làm giấy khai sinh cho con cần giấy tờ gì", "xin quốc tịch Việt Nam cho chồng người Lào thì làm thế nào"
	for _, tt := range []struct {
		steps   []string
		offered bool
	}{
		{[]string{bad}, false},
		{[]string{bad, bad}, true},
		{[]string{bad, good, bad}, false},
		{[]string{bad, "cảm ơn", bad}, true},
		{[]string{good, "👎", good, "👎"}, true},
		{[]string{good, "👎"}, false},
		{[]string{good, "👎", bad}, true},
		{[]string{good, "👎", good, good, "👎"}, false},
		{[]string{bad, "👎"}, false}, // one question, not two
	} {
		p := meet(t, conversation.Options{})
		var r webhook.Response
		for _, s := range tt.steps {
			p.now = p.now.Add(10 * time.Second)
			r = p.says(s)
		}
		if got := button(r, "Gặp cán bộ") != ""; got != tt.offered {
			t.Errorf("%q: an officer is offered: %v, want %v", tt.steps, got, tt.offered)
		}
	}
}

func TestTicket(t *testing.T) {
	p := meet(t, conversation.Options{})
	p.says("em số 0912345678, làm giấy khai sinh cho con cần giấy tờ gì")
	p.says("/xa Đại Lịch")
	r := p.does(webhook.Message{Command: "canbo", Text: "gọi lại số 0987654321"})
	want := webhook.Ticket{Outcome: "id1", Reason: "asked", Commune: "Xã Chấn Thịnh", Topic: "khai-sinh"}
	if r.Ticket == nil {
		t.Fatal("no ticket")
	}
	summary := r.Ticket.Summary
	r.Ticket.Summary = ""
	if *r.Ticket != want || !strings.Contains(summary, "khai sinh") || strings.Contains(summary, "0912345678") || strings.Contains(summary, "0987654321") {
		t.Errorf("ticket %+v with summary %q, want %+v and a masked summary", *r.Ticket, summary, want)
	}
	if got := texts(r); !strings.Contains(got, "giờ hành chính") || !strings.Contains(got, "18001096") || !strings.Contains(got, "xã Chấn Thịnh") {
		t.Errorf("the person is told %q, want when, whom to call meanwhile, and where to go", got)
	}
	if r := p.says("gặp cán bộ"); r.Ticket != nil || len(r.Replies) != 1 {
		t.Errorf("asked again: ticket %+v, %q; want no second one", r.Ticket, texts(r))
	}
}

// Where nobody reads along, nobody is promised a human.
func TestNoStaff(t *testing.T) {
	p := meet(t, conversation.Options{NoStaff: true, KeepDays: -1})
	p.does(webhook.Message{Kind: webhook.Joined})
	all := texts(p.last)
	for range 3 {
		all += texts(p.says("xin quốc tịch Việt Nam cho chồng người Lào thì làm thế nào"))
		all += texts(p.says("👎"))
	}
	all += texts(p.says("trợ giúp"))
	if strings.Contains(all, "gặp cán bộ") || strings.Contains(all, "trước khi lưu") || button(p.last, "cán bộ") != "" {
		t.Errorf("an officer or a store is spoken of in\n%s", all)
	}
	if r := p.says("gặp cán bộ"); r.Ticket != nil || !strings.Contains(texts(r), "18001096") {
		t.Errorf("asked for a human: ticket %+v, %q; want none, and a number", r.Ticket, texts(r))
	}
	if got := texts(p.says("khai tử ở đâu")); !strings.HasPrefix(got, "Đăng ký khai tử") {
		t.Errorf("after that: %q, want an answer", got)
	}
}
