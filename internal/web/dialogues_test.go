package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/corpus"
	"troly/internal/webhook"
)

func TestMemory(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	m := newMemory(func() time.Time { return now })
	ctx := t.Context()
	save := func(dialogue, state, page string, r webhook.Response) {
		t.Helper()
		if state != "" {
			r.State = []byte(state)
		}
		var body []byte
		if page != "" {
			body = []byte(page)
		}
		if err := m.Save(ctx, webhook.Message{Dialogue: dialogue}, r, func([]byte) []byte { return body }); err != nil {
			t.Fatal(err)
		}
	}
	load := func(dialogue string) string {
		t.Helper()
		d, err := m.Load(ctx, dialogue)
		if err != nil {
			t.Fatal(err)
		}
		return string(d.State) + "|" + string(d.Page)
	}
	save("a", "s1", "p1", webhook.Response{})
	save("a", "s2", "p2", webhook.Response{})
	if got := load("a"); got != "s2|p2" || load("b") != "|" {
		t.Errorf("Load = %q and %q, want the last of a and nothing of b", got, load("b"))
	}
	save("a", "", "", webhook.Response{Erase: true})
	if got := load("a"); got != "|" || m.bytes != 0 || len(m.at) != 0 {
		t.Errorf("after erasing: %q, %d bytes", got, m.bytes)
	}
	save("a", "s", "p", webhook.Response{})
	now = now.Add(memoryFor + time.Second)
	if got := load("a"); got != "|" || m.bytes != 0 {
		t.Errorf("after its time: %q, %d bytes", got, m.bytes)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory(nil)
	page := []byte(strings.Repeat("x", 1<<20))
	for i := range 100 {
		if err := m.Save(t.Context(), webhook.Message{Dialogue: fmt.Sprint(i)}, webhook.Response{}, func([]byte) []byte { return page }); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := m.Load(t.Context(), "0")
	last, _ := m.Load(t.Context(), "99")
	if m.bytes > memoryBytes || len(m.at) != m.order.Len() || first.Page != nil || len(last.Page) != len(page) {
		t.Errorf("%d bytes of %d dialogues; the first kept: %v, the last: %v", m.bytes, len(m.at), first.Page != nil, last.Page != nil)
	}
}

func TestTurnsOfADialogueFollowEachOther(t *testing.T) {
	var all dialogueLocks
	var wait sync.WaitGroup
	inside := make(map[string]*int)
	for _, d := range []string{"a", "b"} {
		inside[d] = new(int)
	}
	for i := range 200 {
		d := []string{"a", "b"}[i%2]
		wait.Go(func() {
			defer all.lock(d)()
			*inside[d]++ // the race detector sees it when two are inside
		})
	}
	wait.Wait()
	if *inside["a"] != 100 || *inside["b"] != 100 || len(all.held) != 0 {
		t.Errorf("counted %d and %d, %d left in the table", *inside["a"], *inside["b"], len(all.held))
	}
}

func knownHere() *known {
	lib := &corpus.Library{
		Contacts: []corpus.Contact{
			{ID: "113", Phone: "113", Verified: true}, {ID: "bhxh", Phone: "19009068", URL: "https://baohiemxahoi.gov.vn", Verified: true}, {ID: "x", Phone: "0999999999"},
		},
		Documents: []*corpus.Document{{Portal: "https://luatvietnam.vn/a"}},
	}
	return newKnown(lib)
}

func TestLine(t *testing.T) {
	cite := func(n int) (string, string) {
		if n == 1 {
			return "/tt/a#b", "A, B"
		}
		return "", ""
	}
	for _, tt := range []struct{ text, want string }{
		{"Lệ phí [1]:", "Lệ phí\u00a0 {/tt/a#b [1]} :"},
		{"không có nguồn [2]", "không có nguồn [2]"},
		{"Vào dichvucong.gov.vn để nộp.", "Vào  {https://dichvucong.gov.vn dichvucong.gov.vn}  để nộp."},
		{"https://www.dichvucong.gov.vn/a?b=1.", "{https://www.dichvucong.gov.vn/a?b=1 https://www.dichvucong.gov.vn/a?b=1} ."},
		{"https://luatvietnam.vn/x", "{https://luatvietnam.vn/x https://luatvietnam.vn/x}"},
		{"trang giả dichvucong.gov.vn.xyz", "trang giả dichvucong.gov.vn.xyz"},
		{"https://dichvucong.gov.vn@evil.xyz/", "https://dichvucong.gov.vn@evil.xyz/"},
		{"dichvucong-gov.vn lừa đảo", "dichvucong-gov.vn lừa đảo"},
		{"gọi 113 ngay", "gọi  {tel:113 113}  ngay"},
		{"113 đồng", "113 đồng"},
		{"Tổng đài 1900 9068", "Tổng đài  {tel:19009068 1900 9068} "},
		{"gọi 0999999999", "gọi 0999999999"}, // not verified
		{"", ""},
	} {
		var b strings.Builder
		for _, s := range knownHere().line(tt.text, cite) {
			switch {
			case s.Call != "":
				b.WriteString(" {tel:" + s.Call + " " + s.Text + "} ")
			case s.Href != "":
				b.WriteString(" {" + s.Href + " " + s.Text + "} ")
			default:
				b.WriteString(s.Text)
			}
		}
		if got := strings.TrimSpace(b.String()); got != strings.TrimSpace(tt.want) {
			t.Errorf("line(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestBlocks(t *testing.T) {
	plain := func(l string) []span { return []span{{Text: l}} }
	text := "Một câu.\nHồ sơ [1]:\n- a\n- b\n• c [2]\n1. d\n2. e\n\n- f\n3. g\nCâu cuối."
	want := "p:Một câu.|lead:Hồ sơ [1]:|ul:a,b|ul:c [2]|ol1:d,e|ul:f|ol3:g|p:Câu cuối."
	var all []string
	for _, b := range blocks(text, plain) {
		var items []string
		for _, i := range b.Items {
			items = append(items, i[0].Text)
		}
		start := ""
		if b.Kind == "ol" {
			start = fmt.Sprint(b.Start)
		}
		all = append(all, b.Kind+start+":"+strings.Join(items, ","))
	}
	if got := strings.Join(all, "|"); got != want {
		t.Errorf("blocks(%q) = %s, want %s", text, got, want)
	}
}

// No text is lost or made up, and only what is known is opened.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"gọi 113 hoặc 1900 9068", "https://dichvucong.gov.vn/a, [1] [22]", "a@b.gov.vn x.gov.vn", "+84 912 345 678", "https://a.gov.vn@evil/", "[999]"} {
		f.Add(s)
	}
	k := knownHere()
	f.Fuzz(func(t *testing.T, s string) {
		var b strings.Builder
		for _, sp := range k.line(s, nil) {
			b.WriteString(sp.Text)
			if sp.Href != "" && !k.opens(sp.Href) || sp.Call != "" && !k.phones[sp.Call] || sp.Cite != 0 {
				t.Errorf("line(%q) opens %+v", s, sp)
			}
		}
		if b.String() != s {
			t.Errorf("line(%q) says %q", s, b.String())
		}
	})
}

// lame is a Letterbox that cannot be read for a while.
type lame struct {
	*Letterbox
	broken bool
}

func (l *lame) Load(ctx context.Context, dialogue string) (Dialogue, error) {
	if l.broken {
		return Dialogue{}, errors.New("database is away")
	}
	return l.Letterbox.Load(ctx, dialogue)
}

func (l *lame) Take(ctx context.Context, dialogue string, show func([]byte, []webhook.Reply) []byte) error {
	if l.broken {
		return errors.New("database is away")
	}
	return l.Letterbox.Take(ctx, dialogue, show)
}

type echo struct{}

func (echo) Respond(_ context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
	if m.Command == "xoa" {
		return webhook.Response{Erase: true, Replies: []webhook.Reply{{Text: "Đã xóa."}}}
	}
	return webhook.Response{State: append(state, 'x'), Replies: []webhook.Reply{{Text: m.Text}}}
}

// slow answers when it is told to.
type slow struct {
	begun, free chan struct{}
}

func (s slow) Respond(_ context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
	s.begun <- struct{}{}
	<-s.free
	return echo{}.Respond(context.Background(), m, state, nil)
}

// Two processes share the dialogues: what one keeps while the other answers is not
// lost, what an officer said neither, and a form that both were sent is shown once.
func TestProcessesKeepWhatOthersWroteMeanwhile(t *testing.T) {
	m := NewLetterbox(someTime)
	s := slow{make(chan struct{}), make(chan struct{})}
	first := newChat(&server{log: quiet(), now: someTime}, nil, Options{Responder: s, Dialogues: m})
	second := newChat(&server{log: quiet(), now: someTime}, nil, Options{Responder: echo{}, Dialogues: m})
	form := func(key, text string) chatForm {
		return chatForm{message: webhook.Message{Channel: Channel, Dialogue: "d", Person: "d", Key: key, Text: text}, said: text}
	}
	second.respond(context.Background(), form("k0", "không"), nil)
	ended := make(chan record)
	go func() {
		_, rec := first.respond(context.Background(), form("k1", "một"), nil)
		ended <- rec
	}()
	<-s.begun
	second.respond(context.Background(), form("k2", "hai"), nil)
	m.Deliver("d", webhook.Reply{Text: "cán bộ"})
	second.news(context.Background(), "d")
	second.respond(context.Background(), form("k1", "một"), nil) // sent twice, to both
	close(s.free)
	shown := <-ended
	_, kept, _ := second.load(context.Background(), "d")
	for name, rec := range map[string]record{"shown": shown, "kept": kept} {
		var all []string
		for _, t := range rec.Turns {
			all = append(all, t.Replies[0].Text)
		}
		if got := strings.Join(all, ", "); got != "không, hai, cán bộ, một" {
			t.Errorf("%s: %s, want không, hai, cán bộ, một", name, got)
		}
	}
}

// What cannot be read is not written over by the answer to the next question, or by what
// an officer said; who wants to be forgotten is all the same.
func TestADialogueThatCannotBeReadIsNotLost(t *testing.T) {
	l := &lame{Letterbox: NewLetterbox(someTime)}
	c := newChat(&server{log: quiet(), now: someTime}, nil, Options{Responder: echo{}, Dialogues: l})
	ask := func(m webhook.Message) turn {
		m.Channel, m.Dialogue, m.Person, m.Key = Channel, "d", "d", newKey()
		t, _ := c.respond(context.Background(), chatForm{message: m, said: m.Text}, nil)
		return t
	}
	texts := func() string {
		_, rec, _ := c.load(context.Background(), "d")
		var all []string
		for _, t := range rec.Turns {
			all = append(all, t.Replies[0].Text)
		}
		return strings.Join(all, ", ")
	}
	ask(webhook.Message{Text: "một"})
	l.broken = true
	if got := ask(webhook.Message{Text: "hai"}); len(got.Replies) != 1 || got.Replies[0].Text != "hai" {
		t.Errorf("while it cannot be read: %+v, want an answer", got)
	}
	l.Deliver("d", webhook.Reply{Text: "cán bộ"})
	c.news(context.Background(), "d")
	l.broken = false
	if got := texts(); got != "một" {
		t.Errorf("kept: %s, want một", got)
	}
	if fresh, _ := c.news(context.Background(), "d"); len(fresh) != 1 || texts() != "một, cán bộ" {
		t.Errorf("news %+v, kept %s, want what the officer said meanwhile", fresh, texts())
	}
	l.broken = true
	ask(webhook.Message{Command: "xoa"})
	l.broken = false
	if got := texts(); got != "" {
		t.Errorf("after erasing: %s", got)
	}
}

func someTime() time.Time { return time.Unix(1_800_000_000, 0) }
