package conversation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"troly/internal/conversation"
	"troly/internal/webhook"
)

func TestX07OneNoticeThenSilence(t *testing.T) {
	a := answers()
	p := meetWith(t, a, conversation.Options{})
	p.says("câu đầu") // with the introduction
	replies, notices := 0, 0
	for i := range 99 {
		p.now = p.now.Add(500 * time.Millisecond)
		r := p.says(fmt.Sprintf("câu %d", i))
		replies += len(r.Replies)
		notices += strings.Count(texts(r), "chờ một phút")
	}
	if p.questions != 20 || replies != 20 || notices != 1 {
		t.Errorf("100 messages in 50 s: %d questions, %d replies, %d notices; want 20, 19 answers and 1 notice", p.questions, replies, notices)
	}
	p.now = p.now.Add(11 * time.Second)
	if got := texts(p.says("câu nữa")); got != "Trả lời [1]" {
		t.Errorf("after the minute: %q, want an answer", got)
	}
}

func TestX07TheDay(t *testing.T) {
	p := meetWith(t, answers(), conversation.Options{PerDay: 30})
	notices := 0
	for i := range 100 {
		p.now = p.now.Add(10 * time.Minute)
		notices += strings.Count(texts(p.says(fmt.Sprintf("câu %d", i))), "mai tôi mới trả lời")
	}
	if p.questions != 30 || notices != 1 {
		t.Errorf("100 messages in 17 hours: %d questions, %d notices, want 30 and 1", p.questions, notices)
	}
	p.now = p.now.Add(8 * time.Hour)
	if got := texts(p.says("hôm sau")); got != "Trả lời [1]" {
		t.Errorf("the next day: %q, want an answer", got)
	}
}

// A queue that was stopped gives out at once what was written over hours.
func TestBacklogIsNoFlood(t *testing.T) {
	p := meetWith(t, answers(), conversation.Options{})
	for i := range 60 {
		p.does(webhook.Message{Text: fmt.Sprintf("câu %d", i), Sent: p.now.Add(time.Duration(i-60) * time.Minute)})
	}
	if p.questions != 60 {
		t.Errorf("of 60 messages of the last hour %d were answered", p.questions)
	}
}

func TestDangerIsAnsweredWhateverTheLimits(t *testing.T) {
	p := meetWith(t, answers(), conversation.Options{PerMinute: 2})
	for range 5 {
		p.says("câu")
	}
	if got := texts(p.says("cháy nhà")); got != "Trả lời [1]" {
		t.Errorf("over the limit, in danger: %q, want an answer", got)
	}
	if got := texts(p.says("cháy nhà")); got != "" {
		t.Errorf("the same again at once: %q, want nothing", got)
	}
}
