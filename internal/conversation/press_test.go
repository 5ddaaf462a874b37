package conversation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"troly/internal/conversation"
	"troly/internal/pipeline"
	"troly/internal/webhook"
)

// A button that answers a question back serves once, a suggestion as often as wanted.
func TestWhichButtonsServeOnce(t *testing.T) {
	for _, tt := range []struct {
		says, presses string
		want          bool
	}{
		{"thẻ", "choice.3.id1", true},
		{"thẻ", "choice.3.id9", false}, // of no question
		{"làm giấy khai sinh cho con cần giấy tờ gì", "choice.1.id1", false},
		{"làm giấy khai sinh cho con cần giấy tờ gì", "why.2.id1", true},
		{"/xa Tân Thịnh", "xa.1.id1", true},
		{"xin chào", "example.2", false},
		{"xin chào", "good.id1", false},
	} {
		p := meet(t, conversation.Options{})
		p.says(tt.says)
		p.now = p.now.Add(time.Minute)
		if r := p.does(webhook.Message{Kind: webhook.Button, Action: tt.presses}); r.Spent != tt.want {
			t.Errorf("%q, then %s: spent %v, want %v", tt.says, tt.presses, r.Spent, tt.want)
		}
	}
}

// Every button that any document can lead to fits every channel; checkResponse looks.
func TestT16EveryButtonFits(t *testing.T) {
	lib, assistant := real()
	p := meetWith(t, assistant, conversation.Options{PerMinute: -1, PerDay: -1})
	long := strings.Repeat("0123456789abcdef", 3)
	p.c = conversation.New(assistant, lib, lib.Units, conversation.Options{PerMinute: -1, PerDay: -1, NewID: func() string { return long }})
	buttons := 0
	for i, d := range lib.Documents {
		if i%4 == 0 {
			for _, reply := range p.says(d.Title).Replies {
				buttons += len(reply.Choices)
			}
		}
	}
	for _, u := range lib.Units.Districts {
		p.says(u.Name + " nay thuộc đâu")
	}
	if buttons < 100 {
		t.Errorf("only %d buttons were looked at", buttons)
	}
}

func TestChoicesByEveryWay(t *testing.T) {
	for _, pick := range []string{"2", "số 2", "cái thứ hai", "b", "B.", "chọn số 2 ạ", "thứ hai", "(button)", "Cấp, đổi, cấp lại thẻ căn cước (từ đủ 14 tuổi)"} {
		p := meet(t, conversation.Options{})
		first := p.says("thẻ")
		if first.Outcome.Status != string(pipeline.Clarify) {
			t.Fatalf("thẻ: %s, want a question back", first.Outcome.Status)
		}
		var r webhook.Response
		if pick == "(button)" {
			r = p.presses(button(first, "2. "))
		} else {
			r = p.says(pick)
		}
		if got := texts(r); !strings.HasPrefix(got, "Cấp, đổi, cấp lại thẻ căn cước (từ đủ 14 tuổi)\n") {
			t.Errorf("picked by %q: %q", pick, got)
		}
		var kept pipeline.Outcome
		if err := json.Unmarshal(r.Outcome.Body, &kept); err != nil || !strings.HasPrefix(pick, "C") && kept.Question != "thẻ: Cấp, đổi, cấp lại thẻ căn cước (từ đủ 14 tuổi)" {
			t.Errorf("picked by %q: the outcome asks %q (%v), want what was picked", pick, kept.Question, err)
		}
		if got := texts(p.says("mất bao lâu?")); !strings.Contains(got, "thẻ căn cước") {
			t.Errorf("picked by %q, then a follow-up: %q", pick, got)
		}
	}
}

// A button under an older message means what stood there, or nothing.
func TestOldButtons(t *testing.T) {
	p := meet(t, conversation.Options{})
	first := p.says("thẻ")
	p.says("khai tử cần giấy tờ gì")
	if got := texts(p.presses(button(first, "3. "))); !strings.HasPrefix(got, "Cấp thẻ căn cước cho trẻ dưới 14 tuổi\n") {
		t.Errorf("pressed one message later: %q", got)
	}
	for i := range 7 {
		p.now = p.now.Add(time.Minute)
		p.says(fmt.Sprintf("khai sinh cần gì, lần %d", i))
	}
	if got := texts(p.presses(button(first, "4. "))); !strings.Contains(got, "Nút này đã cũ") {
		t.Errorf("pressed much later: %q", got)
	}
	for _, action := range []string{"", "choice", "choice.9.id1", "choice.-1.id1", "choice.1.", "why.9.id1", "why.1.đ", "good.", "bad.a b", "xa.1.zz", "example.7", strings.Repeat("x", 1000), "\xff"} {
		if r := p.presses(action); r.Ticket != nil || r.Erase || r.Feedback != nil || r.Outcome != nil || len(r.Replies) > 1 {
			t.Errorf("press %q: %+v, want at most a line", action, r)
		}
	}
}

func TestPressedTwice(t *testing.T) {
	p := meet(t, conversation.Options{})
	p.says("thẻ")
	press := webhook.Message{Kind: webhook.Button, Action: "choice.1.id1"}
	p.does(press)
	p.now = p.now.Add(2 * time.Second)
	if r := p.does(press); len(r.Replies) != 0 {
		t.Errorf("the same press again at once: %q, want nothing", texts(r))
	}
}

func TestFeedback(t *testing.T) {
	begin := func() *person {
		p := meet(t, conversation.Options{})
		p.says("đổi bằng lái xe hết bao nhiêu tiền")
		return p
	}
	for _, reason := range []string{"thiếu thông tin quá", "2", "sai rồi, giá cũ", "tra loi sai roi", "không đúng, tôi nghe nói khác"} {
		p := begin()
		p.says("👎")
		if r := p.says(reason); r.Feedback == nil || r.Feedback.Outcome != "id1" || r.Feedback.Good || r.Feedback.Reason == "" || r.Outcome != nil {
			t.Errorf("reason %q: feedback %+v, outcome %v; want it taken as the reason", reason, r.Feedback, r.Outcome)
		}
	}
	for _, question := range []string{"đổi bằng lái xe ở đâu", "thiếu giấy khám sức khỏe thì làm sao", "mua bảo hiểm y tế hộ gia đình", "sai tên trên giấy khai sinh thì sửa ở đâu?", "cháy nhà"} {
		p := begin()
		p.presses("bad.id1")
		if r := p.says(question); r.Feedback != nil || r.Outcome == nil {
			t.Errorf("question %q after 👎: feedback %+v, outcome %v; want it answered", question, r.Feedback, r.Outcome)
		}
	}
	p := begin()
	if r := p.says("👍🏽"); r.Feedback == nil || !r.Feedback.Good {
		t.Errorf("a thumb in words: %+v", r.Feedback)
	}
	if r := p.presses("good.id1"); r.Feedback != nil || len(r.Replies) != 0 {
		t.Errorf("the same rating again: %+v %q, want nothing", r.Feedback, texts(r))
	}
	if r := p.presses("bad.id1"); r.Feedback == nil || r.Feedback.Good {
		t.Errorf("a changed mind: %+v, want 👎", r.Feedback)
	}
}
