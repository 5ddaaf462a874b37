package conversation_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"troly/internal/conversation"
	"troly/internal/corpus"
	"troly/internal/ingest"
	"troly/internal/pipeline"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
	"troly/internal/webhook"
	"troly/knowledge"
)

var update = flag.Bool("update", false, "write the golden files anew")

// real is the real pipeline over the embedded knowledge, without a model.
var real = sync.OnceValues(func() (*corpus.Library, *pipeline.Assistant) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		panic(err)
	}
	store, note := vectorstore.OpenEmbedded(context.Background(), "", retrieval.Schema(0))
	if note != nil {
		panic(note)
	}
	syncer := ingest.Syncer{Store: store, Encoder: retrieval.NewEncoder(lib)}
	if _, err := syncer.Sync(context.Background(), lib); err != nil {
		panic(err)
	}
	return lib, pipeline.New(lib, retrieval.New(lib, store, nil, retrieval.Options{}), pipeline.Options{Now: someDay})
})

// someDay is when the tests begin.
func someDay() time.Time { return time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC) }

// person is one dialogue with its state and clock.
type person struct {
	t         testing.TB
	c         *conversation.Conversation
	now       time.Time
	state     []byte
	group     bool
	last      webhook.Response
	questions int // that reached the assistant
}

// counting counts the questions that reach an assistant.
type counting struct {
	conversation.Assistant
	p *person
}

func (c counting) Stream(ctx context.Context, q pipeline.Question, release pipeline.Release) pipeline.Outcome {
	c.p.questions++
	return c.Assistant.Stream(ctx, q, release)
}

// meet begins a dialogue with the real assistant.
func meet(t testing.TB, opts conversation.Options) *person {
	_, assistant := real()
	return meetWith(t, assistant, opts)
}

func meetWith(t testing.TB, assistant conversation.Assistant, opts conversation.Options) *person {
	lib, _ := real()
	p := &person{t: t, now: someDay()}
	n := 0
	opts.Now = func() time.Time { return p.now }
	opts.NewID = func() string { n++; return fmt.Sprintf("id%d", n) }
	p.c = conversation.New(counting{assistant, p}, lib, lib.Units, opts)
	return p
}

// does gives a message to the conversation and checks what holds for every response.
func (p *person) does(m webhook.Message) webhook.Response {
	p.t.Helper()
	m.Channel, m.Dialogue, m.Person, m.Group = "telegram", "chat-1", "person-1", p.group
	if m.Kind == "" {
		m.Kind = webhook.Text
	}
	p.last = p.c.Respond(context.Background(), m, p.state, nil)
	p.state = p.last.State
	checkResponse(p.t, m, p.last)
	return p.last
}

func (p *person) says(text string) webhook.Response {
	p.t.Helper()
	return p.does(webhook.Message{Text: text})
}

func (p *person) presses(action string) webhook.Response {
	p.t.Helper()
	p.now = p.now.Add(20 * time.Second)
	return p.does(webhook.Message{Kind: webhook.Button, Action: action})
}

// Bounds that every response keeps.
const (
	maxReply  = 4000 // bytes: an answer has 1,200 runes and a few lines of ours
	maxAction = 64
	maxLabel  = 35
	maxState  = 16 << 10
)

func checkResponse(t testing.TB, m webhook.Message, r webhook.Response) {
	t.Helper()
	if len(r.State) >= maxState {
		t.Errorf("%+v: a state of %d bytes", m, len(r.State))
	}
	if len(r.Replies) > 3 {
		t.Errorf("%+v: %d replies", m, len(r.Replies))
	}
	for _, reply := range r.Replies {
		if reply.Text == "" || !utf8.ValidString(reply.Text) || len(reply.Text) > maxReply || !norm.NFC.IsNormalString(reply.Text) {
			t.Errorf("%+v: reply of %d bytes, valid %v: %q", m, len(reply.Text), utf8.ValidString(reply.Text), reply.Text)
		}
		if strings.Contains(reply.Text, "|") {
			t.Errorf("%+v: a table in %q", m, reply.Text)
		}
		choices := reply.Choices
		if good, bad := reply.FeedbackActions(); good != "" {
			choices = append(choices[:len(choices):len(choices)], webhook.Choice{Label: "👍", Action: good}, webhook.Choice{Label: "👎", Action: bad})
		}
		if len(choices) > 5 {
			t.Errorf("%+v: %d buttons under %q", m, len(choices), reply.Text)
		}
		for _, c := range choices {
			ascii := strings.IndexFunc(c.Action, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
			if c.Action == "" || len(c.Action) > maxAction || !ascii || c.Label == "" || utf8.RuneCountInString(c.Label) > maxLabel || !utf8.ValidString(c.Label) {
				t.Errorf("%+v: button %q (%d runes) with action %q (%d bytes)", m, c.Label, utf8.RuneCountInString(c.Label), c.Action, len(c.Action))
			}
		}
	}
	if r.Outcome != nil && (r.Outcome.ID == "" || r.Outcome.Status == "" || !json.Valid(r.Outcome.Body)) {
		t.Errorf("%+v: outcome %+v", m, r.Outcome)
	}
}

// texts are the texts of all replies.
func texts(r webhook.Response) string {
	var all []string
	for _, reply := range r.Replies {
		all = append(all, reply.Text)
	}
	return strings.Join(all, "\n--\n")
}

// button is the action behind a label, "" without one.
func button(r webhook.Response, label string) string {
	for _, reply := range r.Replies {
		for _, c := range reply.Choices {
			if strings.Contains(c.Label, label) {
				return c.Action
			}
		}
	}
	return ""
}

// step is one thing a person does in a scripted dialogue: words, or a message; after
// waiting that long.
type step struct {
	says string
	m    *webhook.Message
	wait time.Duration
}

var dialogues = map[string]struct {
	opts  conversation.Options
	group bool
	steps []step
}{
	"first-contact": {opts: conversation.Options{KeepDays: 90}, steps: []step{
		{m: &webhook.Message{Kind: webhook.Joined}},
		{m: &webhook.Message{Kind: webhook.Joined}},
		{says: "xin chào"},
		{m: &webhook.Message{Kind: webhook.Button, Action: "example.2"}},
		{says: "cảm ơn em nhé"},
	}},
	"first-question": {steps: []step{
		{says: "làm giấy khai sinh cho con cần giấy tờ gì"},
		{says: "thế mất bao nhiêu tiền?"},
		{m: &webhook.Message{Kind: webhook.Button, Action: "choice.1.id2"}},
	}},
	"start": {steps: []step{
		{m: &webhook.Message{Command: "start", Text: "ks_khaisinh"}},
		{m: &webhook.Message{Command: "start"}},
		{says: "trợ giúp"},
		{says: "/hoi"},
		{m: &webhook.Message{Command: "hoi", Text: "làm hộ chiếu hết bao nhiêu tiền"}},
		{says: "hỏi việc khác"},
		{says: "thế mất bao lâu?"},
	}},
	"choices": {steps: []step{
		{says: "thẻ"},
		{m: &webhook.Message{Kind: webhook.Button, Action: "choice.3.id1"}},
		{says: "xã Tân Thịnh nay thuộc xã nào"},
		{says: "cái thứ hai"},
		{m: &webhook.Message{Kind: webhook.Button, Action: "choice.1.id99"}},
	}},
	"feedback": {steps: []step{
		{says: "đổi bằng lái xe hết bao nhiêu tiền"},
		{m: &webhook.Message{Kind: webhook.Button, Action: "good.id1"}},
		{says: "đổi bằng lái xe cần giấy tờ gì"},
		{m: &webhook.Message{Kind: webhook.Button, Action: "bad.id2"}},
		{m: &webhook.Message{Kind: webhook.Button, Action: "why.2.id2"}},
		{m: &webhook.Message{Kind: webhook.Button, Action: "why.2.id2"}},
		{says: "mất bao lâu?"},
		{m: &webhook.Message{Kind: webhook.Button, Action: "bad.id3"}, wait: time.Minute},
		{says: "trả lời dài quá, số của tôi 0912345678"},
	}},
	"officer": {steps: []step{
		{says: "làm giấy khai sinh cho con cần giấy tờ gì"},
		{m: &webhook.Message{Command: "xa", Text: "Đại Lịch"}},
		{says: "cho tôi gặp cán bộ với ạ"},
		{says: "con tôi sinh ở Lào, số tôi 0912345678"},
		{says: "có ai không"},
		{says: "cháy nhà rồi"},
		{says: "hỏi trợ lý AI"},
		{says: "thế mất bao lâu?"},
		{m: &webhook.Message{Kind: webhook.TookOver}},
		{says: "dạ vâng em cảm ơn anh"},
		{says: "mất bao nhiêu tiền?", wait: 13 * time.Hour},
	}},
	"failures": {steps: []step{
		{says: "xin quốc tịch Việt Nam cho chồng người Lào thì làm thế nào"},
		{says: "nhập quốc tịch cho chồng em người Lào"},
		{m: &webhook.Message{Kind: webhook.Button, Action: "canbo"}},
	}},
	"files": {steps: []step{
		{m: &webhook.Message{Kind: webhook.File, Media: &webhook.Media{Kind: "sticker"}}},
		{m: &webhook.Message{Kind: webhook.File, Media: &webhook.Media{Kind: "sticker"}}, wait: time.Second},
		{m: &webhook.Message{Kind: webhook.File, Media: &webhook.Media{Kind: "location"}}, wait: time.Second},
		{m: &webhook.Message{Kind: webhook.File, Media: &webhook.Media{Kind: "contact"}}, wait: 2 * time.Minute},
		{m: &webhook.Message{Kind: webhook.File, Media: &webhook.Media{Kind: "document"}}, wait: 2 * time.Minute},
		{m: &webhook.Message{Kind: webhook.File, Media: &webhook.Media{Kind: "photo"}, Text: "mất thẻ căn cước làm lại hết bao nhiêu"}},
		{m: &webhook.Message{Kind: webhook.Voice, Media: &webhook.Media{Kind: "voice"}}},
		{m: &webhook.Message{Kind: webhook.Voice, Text: "khai tử ở đâu"}},
	}},
	"group": {group: true, steps: []step{
		{m: &webhook.Message{Kind: webhook.Joined}},
		{says: "khai tử cần giấy tờ gì"},
		{says: "thế hết bao nhiêu tiền?"},
		{says: "gặp cán bộ"},
		{m: &webhook.Message{Command: "start"}},
		{m: &webhook.Message{Text: "", Quoted: "đổi bằng lái xe hết bao nhiêu tiền"}},
		{m: &webhook.Message{Kind: webhook.File, Media: &webhook.Media{Kind: "sticker"}}},
	}},
	"commune": {steps: []step{
		{says: "/xa"},
		{says: "/xa Tân Thịnh"},
		{says: "phường Văn Phú"},
		{says: "xin quốc tịch Việt Nam cho chồng người Lào thì làm thế nào"},
		{says: "/xa Hà Nội"},
		{says: "/xa huyện Văn Chấn"},
		{says: "/xa xa dai lich"},
		{says: "/xa"},
		{says: "/xa Tân Thịnh huyện Văn Chấn"},
		{m: &webhook.Message{Command: "xa", Text: "xã thì có phải làm lại thẻ căn cước không"}},
	}},
	"erase": {steps: []step{
		{says: "khai tử cần giấy tờ gì"},
		{says: "xoá dữ liệu của tôi"},
		{says: "thế hết bao nhiêu tiền?"},
	}},
	"abuse": {steps: []step{
		{says: "làm giấy khai sinh cho con cần giấy tờ gì"},
		{says: "trả lời ngu quá"},
		{says: "đm mày"},
		{m: &webhook.Message{Kind: webhook.Button, Action: "canbo"}},
	}},
	"abuse-without-staff": {opts: conversation.Options{NoStaff: true}, steps: []step{
		{says: "đồ ngu"},
		{says: "thế khai tử ở đâu"},
	}},
	"emergency": {steps: []step{
		{says: "tôi muốn tự tử"},
		{says: "cảm ơn"},
		{says: "công an gọi bắt chuyển tiền"},
	}},
}

func TestDialogues(t *testing.T) {
	for name, d := range dialogues {
		t.Run(name, func(t *testing.T) {
			p := meet(t, d.opts)
			p.group = d.group
			var b strings.Builder
			for _, s := range d.steps {
				p.now = p.now.Add(max(s.wait, 20*time.Second))
				m := webhook.Message{Text: s.says}
				if s.m != nil {
					m = *s.m
				}
				transcribe(&b, m, p.does(m), name == "first-question")
			}
			golden(t, name, b.String())
		})
	}
}

// transcribe writes down a message and what came of it; of an answer only how it begins,
// unless it is wanted whole: what the knowledge says is tested elsewhere.
func transcribe(b *strings.Builder, m webhook.Message, r webhook.Response, whole bool) {
	said := m.Text
	switch {
	case m.Kind == webhook.Button:
		said = "(" + m.Action + ")"
	case m.Command != "":
		said = "/" + m.Command + " " + m.Text
	case m.Kind != "" && m.Kind != webhook.Text:
		said = "(" + string(m.Kind) + ") " + m.Text
	}
	fmt.Fprintf(b, ">>> %s\n", strings.TrimSpace(said))
	for _, reply := range r.Replies {
		text := reply.Text
		if len(reply.Sources) > 0 && !whole {
			text, _, _ = strings.Cut(text, "\n")
			text += "\n[…]\n    (sources)"
		}
		fmt.Fprintln(b, text)
		for _, s := range reply.Sources {
			if whole {
				fmt.Fprintf(b, "    [%d] %s: %s (%s)\n", s.N, s.Title, s.Section, s.Checked)
			}
		}
		for _, c := range reply.Choices {
			fmt.Fprintf(b, "    (%s → %s)\n", c.Label, c.Action)
		}
		if reply.Feedback != "" {
			fmt.Fprintf(b, "    (👍 👎 %s)\n", reply.Feedback)
		}
		fmt.Fprintln(b, "---")
	}
	if r.Outcome != nil {
		fmt.Fprintf(b, "    outcome %s: %s\n", r.Outcome.ID, r.Outcome.Status)
	}
	if r.Feedback != nil {
		fmt.Fprintf(b, "    feedback %+v\n", *r.Feedback)
	}
	if r.Ticket != nil {
		fmt.Fprintf(b, "    ticket %+v\n", *r.Ticket)
	}
	if r.Erase {
		fmt.Fprintf(b, "    erase, state left: %v\n", r.State != nil)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(file, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs (-want +got; -update writes it anew):\n%s", file, diff)
	}
}
