package web_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"troly/internal/conversation"
	"troly/internal/database"
	"troly/internal/web"
	"troly/internal/webhook"
)

// Through the conversation that the chat channels use, the page behaves as they do.
func TestWithTheConversation(t *testing.T) {
	opts := options(t)
	lib, assistant := real()
	memory := &tickets{Letterbox: web.NewLetterbox(someNow)}
	opts.Responder, opts.Dialogues = conversation.New(assistant, lib, lib.Units, conversation.Options{Now: someNow, Log: opts.Log}), memory
	r := newReader(t, serve(t, opts))
	press := func(page, label string) string {
		t.Helper()
		m := regexp.MustCompile(`<button form="nut" (?:class="quiet" )?name="(action|q)" value="([^"]+)">` + regexp.QuoteMeta(label)).FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("no button %q on the page: %s", label, words(t, page))
		}
		_, _, page = r.post("/", m[1], m[2])
		return page
	}
	_, _, page := r.post("/", "q", "dang ky tam tru het bao nhieu tien")
	text := words(t, page)
	if !strings.Contains(text, "15.000 đồng/lần") || !strings.Contains(page, `href="/tt/tam-tru#le-phi"`) {
		t.Fatalf("answer: %s", text)
	}
	page = press(page, "👎")
	if text = words(t, page); !strings.Contains(text, "👎 Chưa đúng Trợ lý AI trả lời") {
		t.Errorf("after 👎: %s", text)
	}
	r.post("/", "q", "sai số tiền")
	if f := memory.feedback; len(f) == 0 || f[0].Good || f[len(f)-1].Reason != "sai số tiền" {
		t.Errorf("feedback = %+v, want 👎 and then the reason", f)
	}
	r.post("/", "lenh", "moi")
	_, _, page = r.post("/", "q", "hôn nhân")
	if text = words(t, page); !strings.Contains(text, "Bạn muốn hỏi về việc nào?") {
		t.Fatalf("an unclear question: %s", text)
	}
	choice := regexp.MustCompile(`\d\. Đăng ký kết hôn`).FindString(text)
	page = press(page, choice)
	if text = words(t, page); !strings.Contains(text[max(0, strings.LastIndex(text, "Bạn hỏi "+choice)):], "Nguồn Đăng ký kết hôn") {
		t.Errorf("after a choice: %s", text)
	}
	_, _, page = r.post("/", "lenh", "canbo")
	if memory.ticket == nil {
		t.Fatalf("no ticket: %s", words(t, page))
	}
	if !memory.Deliver(memory.dialogue, webhook.Reply{Text: "Cán bộ xã đây."}) {
		t.Fatal("the dialogue is not known")
	}
	if _, _, page = r.get("/"); !strings.Contains(words(t, page), "Cán bộ xã đây.") {
		t.Errorf("what the officer said is not on the page: %s", words(t, page))
	}
	r.post("/", "lenh", "xoa")
	if _, _, page = r.get("/"); strings.Contains(words(t, page), "15.000") {
		t.Error("after erasing, the page still has the answer")
	}
}

// tickets is a Letterbox that notes what came of messages.
type tickets struct {
	*web.Letterbox
	ticket   *webhook.Ticket
	dialogue string
	feedback []webhook.Feedback
}

func (d *tickets) Save(ctx context.Context, m webhook.Message, r webhook.Response, show func(page []byte) []byte) error {
	if r.Ticket != nil {
		d.ticket, d.dialogue = r.Ticket, m.Dialogue
	}
	if r.Feedback != nil {
		d.feedback = append(d.feedback, *r.Feedback)
	}
	return d.Letterbox.Save(ctx, m, r, show)
}

// Over a database, a dialogue goes on in another process, and an officer's reply from
// anywhere comes to the page.
func TestDialoguesInADatabase(t *testing.T) {
	ctx := context.Background()
	db, err := database.Open(ctx, filepath.Join(t.TempDir(), "troly.db"), database.Options{Log: slog.New(slog.DiscardHandler), Now: someNow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	opts := options(t)
	lib, assistant := real()
	opts.Responder, opts.Dialogues = conversation.New(assistant, lib, lib.Units, conversation.Options{Now: someNow, Log: opts.Log}), web.Kept{Store: db}
	here, there := serve(t, opts), serve(t, opts)
	r := newReader(t, here)
	r.post("/", "q", "đăng ký tạm trú hết bao nhiêu tiền")
	r.base = there.URL // cookies do not tell ports apart
	_, _, page := r.post("/", "q", "thế mất bao lâu")
	if text := words(t, page); !strings.Contains(text, "15.000 đồng/lần") || !strings.Contains(text, "3 ngày làm việc") {
		t.Errorf("the next process does not know the dialogue: %s", text)
	}
	r.post("/", "lenh", "canbo")
	list, err := db.Tickets(ctx, database.TicketFilter{})
	if err != nil || len(list) != 1 || list[0].Channel != web.Channel {
		t.Fatalf("tickets = %+v %v, want one of the web", list, err)
	}
	part, err := web.Letter(webhook.Reply{Text: "Cán bộ xã đây."})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.ReplyTicket(ctx, database.By{Who: "lan"}, list[0].ID, "Cán bộ xã đây.", [][]byte{part, []byte("none")}, someDay.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, _, page = r.post("/", "q", "cảm ơn, số tôi 0912345678")
	if text := words(t, page); !strings.Contains(text, "Tin của bạn được giữ lại cho cán bộ") {
		t.Errorf("while the officer has the dialogue: %s", text)
	}
	if lines, err := db.TicketMessages(ctx, list[0].ID); err != nil || len(lines) != 2 || lines[1].Side != "resident" || strings.Contains(lines[1].Text, "0912345678") {
		t.Errorf("conversation = %+v %v, want the officer's line and a masked one", lines, err)
	}
	r.base = here.URL
	for range 2 {
		if _, _, page = r.get("/"); strings.Count(words(t, page), "Cán bộ xã đây.") != 1 {
			t.Errorf("the officer's reply: %s", words(t, page))
		}
	}
	r.post("/", "lenh", "xoa")
	if _, _, page = r.get("/"); strings.Contains(words(t, page), "15.000") {
		t.Error("after erasing, the page still has the answer")
	}
}
