package zalo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"troly/internal/webhook"
)

var aSource = webhook.Source{N: 1, Title: "Đăng ký khai sinh", Section: "Lệ phí", URL: "https://dichvucong.gov.vn/khai-sinh", Checked: "2026-11-23"}

func textsOf(t testing.TB, parts []json.RawMessage) (all []string) {
	t.Helper()
	for _, p := range parts {
		var m message
		if err := json.Unmarshal(p, &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Text)
	}
	return all
}

func TestAReplyAsPlainText(t *testing.T) {
	b := newBot(t, BotOptions{Token: botToken, Secret: botSecret})
	for _, tc := range []struct {
		name string
		r    webhook.Reply
		want []string
	}{
		{"nothing", webhook.Reply{}, nil},
		{"text", webhook.Reply{Text: " Miễn lệ phí. [1]\n"}, []string{"Miễn lệ phí. [1]"}},
		{"source", webhook.Reply{Text: "Miễn lệ phí. [1]", Sources: []webhook.Source{aSource}},
			[]string{"Miễn lệ phí. [1]\n\nNguồn:\n[1] Đăng ký khai sinh – Lệ phí (kiểm tra ngày 23/11/2026)\nhttps://dichvucong.gov.vn/khai-sinh"}},
		{"two sections of one document", webhook.Reply{Text: "x", Sources: []webhook.Source{aSource, {N: 2, Title: aSource.Title, Section: "Hồ sơ", URL: aSource.URL, Checked: aSource.Checked}}},
			[]string{"x\n\nNguồn:\n[1] Đăng ký khai sinh – Lệ phí (kiểm tra ngày 23/11/2026)\nhttps://dichvucong.gov.vn/khai-sinh\n[2] Hồ sơ"}},
		{"source with little", webhook.Reply{Text: "x", Sources: []webhook.Source{{N: 2, Title: "Khai  tử\n", Section: "le-phi", URL: "javascript:x", Checked: "hôm qua"}}},
			[]string{"x\n\nNguồn:\n[2] Khai tử"}},
		{"choices", webhook.Reply{Text: "Việc nào?", Choices: []webhook.Choice{{Label: "Khai sinh"}, {Label: "Cổng", URL: "https://a.vn"}}},
			[]string{"Việc nào?\n\n1. Khai sinh\n2. Cổng https://a.vn"}},
		{"choices that can be read already", webhook.Reply{Text: "Việc nào?\n1. Khai sinh\n2. Khai tử", Choices: []webhook.Choice{{Label: "Khai sinh"}, {Label: "Khai tử"}}},
			[]string{"Việc nào?\n1. Khai sinh\n2. Khai tử"}},
		{"choices that were cut for buttons", webhook.Reply{Text: "Việc nào?\n1. Khai sinh quá hạn, khai sinh cho người lớn\n2. Khai tử", Choices: []webhook.Choice{{Label: "1. Khai sinh quá hạn…"}, {Label: "2. Khai tử"}}},
			[]string{"Việc nào?\n1. Khai sinh quá hạn, khai sinh cho người lớn\n2. Khai tử"}},
		{"choices that bring their number", webhook.Reply{Text: "Việc nào?", Choices: []webhook.Choice{{Label: "1. Khai sinh"}, {Label: "2. Khai tử"}}},
			[]string{"Việc nào?\n\n1. Khai sinh\n2. Khai tử"}},
		{"short enough for no link", webhook.Reply{Text: "x", Link: "https://troly.example/a/1"}, []string{"x"}},
		{"NFD", webhook.Reply{Text: norm.NFD.String("lệ phí")}, []string{"lệ phí"}},
	} {
		if got := textsOf(t, b.Parts(webhook.Message{}, tc.r)); !slices.Equal(got, tc.want) {
			t.Errorf("%s: Parts = %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestALongReplyEndsWithItsLink(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	r := webhook.Reply{Text: strings.Repeat("Nộp hồ sơ tại xã. ", 1000), Sources: []webhook.Source{aSource}, Link: "https://troly.example/a/1",
		Choices: []webhook.Choice{{Label: "Lệ phí", Action: "choice.1.a"}}}
	got := textsOf(t, a.Parts(webhook.Message{}, r))
	if len(got) != 3 || !strings.Contains(got[2], "…\n\nXem đầy đủ: https://troly.example/a/1\n\nNguồn:\n[1] ") {
		t.Errorf("%d parts, the last ends %q", len(got), got[len(got)-1][max(0, len(got[len(got)-1])-300):])
	}
	r.Link = ""
	if got := textsOf(t, a.Parts(webhook.Message{}, r)); len(got) != 8 || !strings.HasSuffix(got[7], aSource.URL) {
		t.Errorf("without a link %d parts, want 8, sources last", len(got))
	}
}

func TestTitle(t *testing.T) {
	for _, label := range []string{"Khai sinh", strings.Repeat("ữ", 36), strings.Repeat("👨‍👩‍👧‍👦", 10), "Cấp  bản sao\ntrích lục"} {
		got := title(label)
		if webhook.Units(got) > 35 || got == "" || strings.Contains(got, "\n") || !utf8.ValidString(got) {
			t.Errorf("title(%q) = %q of %d", label, got, webhook.Units(got))
		}
	}
	if got := title(strings.Repeat("👨‍👩‍👧‍👦", 10)); strings.Count(got, "👨‍👩‍👧‍👦")*len("👨‍👩‍👧‍👦")+len("…") != len(got) {
		t.Errorf("title cuts inside a grapheme: %q", got)
	}
}

func FuzzParts(f *testing.F) {
	f.Add("Miễn lệ phí. [1]", "Lệ phí", "choice.1.a", "https://troly.example/a/1", 1)
	f.Add(strings.Repeat("👨‍👩‍👧‍👦ữ\n", 900), "👍", "có dấu", "", 400)
	f.Add("e"+strings.Repeat("\u0301", 5000), "", "", "http://"+strings.Repeat("x", 900), 2)
	w := newWorld(f)
	a := w.account(f)
	b := newBot(f, BotOptions{Token: botToken, Secret: botSecret})
	f.Fuzz(func(t *testing.T, text, label, action, link string, times int) {
		if times = max(0, times%20); len(text) > 1<<13 {
			t.Skip("long texts only take long")
		}
		r := webhook.Reply{Text: strings.Repeat(text, times), Feedback: "id", Link: link, Sources: []webhook.Source{{N: 1, Title: label, Section: text, URL: link, Checked: action}}}
		for i := range times % 9 {
			r.Choices = append(r.Choices, webhook.Choice{Label: label, Action: action}, webhook.Choice{Label: fmt.Sprint(i), URL: link}, webhook.Choice{Label: text})
		}
		for _, c := range []webhook.Channel{a, b} {
			parts := c.Parts(webhook.Message{Kind: webhook.Text, Address: json.RawMessage(action)}, r)
			for i, p := range parts {
				var m struct {
					Text       string
					Attachment *struct {
						Payload struct{ Buttons []struct{ Title string } }
					}
				}
				if err := json.Unmarshal(p, &m); err != nil {
					t.Fatal(err)
				}
				if n := webhook.Units(m.Text); n > 2000 || strings.TrimSpace(m.Text) == "" {
					t.Fatalf("part %d of %s has %d units", i, c.Name(), n)
				}
				if m.Attachment != nil {
					if n := len(m.Attachment.Payload.Buttons); n < 1 || n > 5 {
						t.Fatalf("%d buttons", n)
					}
					for _, button := range m.Attachment.Payload.Buttons {
						if webhook.Units(button.Title) > 35 || button.Title == "" {
							t.Fatalf("title %q", button.Title)
						}
					}
				}
			}
			if len(parts) > 8+6 {
				t.Fatalf("%d parts", len(parts))
			}
		}
	})
}

func BenchmarkAccountRead(b *testing.B) {
	a := newWorld(b).account(b)
	s := samples(b, "oa")["01"]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Read(s.header, s.body); err != nil {
			b.Fatal(err)
		}
	}
}
