package telegram_test

import (
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"

	"troly/internal/telegram"
	"troly/internal/telegram/telegramtest"
	"troly/internal/webhook"
)

// shown is a part as it waits in the outbox.
type shown struct {
	HTML     string                  `json:"html"`
	Plain    string                  `json:"plain"`
	Thread   int64                   `json:"thread"`
	Reply    int64                   `json:"reply"`
	Keyboard [][]telegramtest.Button `json:"keyboard"`
}

func parts(t testing.TB, c *telegram.Channel, to webhook.Message, r webhook.Reply) []shown {
	t.Helper()
	var out []shown
	for _, raw := range c.Parts(to, r) {
		var p shown
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func TestPartsOfAReply(t *testing.T) {
	c := channel(t, "")
	got := parts(t, c, message(), webhook.Reply{
		Text:     "Cần các giấy tờ sau [1]:\n- Tờ khai;\n- Giấy chứng sinh (bản chính).\n\nLệ phí: 0 đồng & miễn phí <nếu đúng hạn> [2].",
		Choices:  []webhook.Choice{{Label: "Lệ phí", Action: "v1:fee"}, {Label: "Nộp trực tuyến", URL: "https://dichvucong.gov.vn/?a=1&b=2"}, {Label: "Cán bộ"}},
		Sources:  []webhook.Source{{N: 1, Title: "Đăng ký khai sinh", Section: "Hồ sơ", URL: `https://dichvucong.gov.vn/?a="1"&b=2`, Checked: "2026-11-03"}, {N: 2, Title: "Lệ phí <hộ tịch>", Section: "le-phi"}, {N: 3, Title: "Đăng ký khai sinh", Section: "Nơi nộp", URL: `https://dichvucong.gov.vn/?a="1"&b=2`, Checked: "2026-11-03"}},
		Feedback: "o-1",
		Link:     "https://troly.example.vn/a/1",
	})
	want := []shown{{
		HTML: "Cần các giấy tờ sau [1]:\n- Tờ khai;\n- Giấy chứng sinh (bản chính).\n\nLệ phí: 0 đồng &amp; miễn phí &lt;nếu đúng hạn&gt; [2].\n\n" +
			"<b>Nguồn:</b>\n[1] <a href=\"https://dichvucong.gov.vn/?a=&quot;1&quot;&amp;b=2\">Đăng ký khai sinh, Hồ sơ</a> (kiểm tra ngày 03/11/2026)\n[2] Lệ phí &lt;hộ tịch&gt;\n[3] <a href=\"https://dichvucong.gov.vn/?a=&quot;1&quot;&amp;b=2\">Nơi nộp</a>",
		Plain: "Cần các giấy tờ sau [1]:\n- Tờ khai;\n- Giấy chứng sinh (bản chính).\n\nLệ phí: 0 đồng & miễn phí <nếu đúng hạn> [2].\n\n" +
			"Nguồn:\n[1] Đăng ký khai sinh, Hồ sơ (kiểm tra ngày 03/11/2026)\n[2] Lệ phí <hộ tịch>\n[3] Nơi nộp",
		Keyboard: [][]telegramtest.Button{
			{{Text: "Lệ phí", Data: "v1:fee"}},
			{{Text: "Nộp trực tuyến", URL: "https://dichvucong.gov.vn/?a=1&b=2"}},
			{{Text: "Cán bộ", Data: "~=Cán bộ"}},
			{{Text: "👍", Data: "good.o-1"}, {Text: "👎", Data: "bad.o-1"}},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parts (-want +got)\n%s", diff)
	}
	for _, empty := range []webhook.Reply{{}, {Text: " \n\u200b"}, {Choices: []webhook.Choice{{Label: "a", Action: "a"}}}} {
		if got := c.Parts(message(), empty); len(got) != 0 {
			t.Errorf("Parts(%+v) = %s, want none: Telegram refuses a message without text", empty, got)
		}
	}
}

func TestPartsInAGroup(t *testing.T) {
	c := channel(t, "")
	to := webhook.Message{Dialogue: "-100", Group: true, Address: json.RawMessage(`{"message":103,"thread":77}`)}
	got := parts(t, c, to, webhook.Reply{Text: strings.Repeat("Lệ phí là không đồng. ", 300)})
	if len(got) != 2 || got[0].Reply != 103 || got[1].Reply != 0 || got[0].Thread != 77 || got[1].Thread != 77 {
		t.Errorf("Parts = %d, %+v, want two in topic 77, the first in answer to 103", len(got), got)
	}
}

func TestT16ButtonDataFits(t *testing.T) {
	api, c := connected(t)
	long := "Cấp giấy chứng nhận quyền sử dụng đất lần đầu cho hộ gia đình ở xã Mường Lai"
	r := webhook.Reply{Text: "Bạn muốn hỏi gì?", Feedback: strings.Repeat("x", 48), Choices: []webhook.Choice{
		{Label: "ngắn", Action: strings.Repeat("a", 64)}, {Label: "dài", Action: strings.Repeat("a", 65)},
		{Label: "Tiếng Việt", Action: strings.Repeat("ữ", 22)}, {Label: long}, {Label: long + " (khác)", Action: strings.Repeat("đ", 64)},
		{Label: "dấu", Action: "~=giả"}, {Label: ""}, {Label: "hỏng", Action: "\xff"},
		{Label: "máy này", URL: "http://localhost:8080/x"}, {Label: "mã", URL: "javascript:alert(1)"},
	}}
	for i := range 100 {
		r.Choices = append(r.Choices, webhook.Choice{Label: fmt.Sprint(long, i)})
	}
	send(t, c, message(), r) // the server refuses data that is too long, and buttons without any
	sent := api.Sent()[0]
	var got []string
	for _, row := range sent.Buttons {
		for _, b := range row {
			if len(b.Data) > 64 || !utf8.ValidString(b.Data) {
				t.Errorf("button %q has data of %d bytes, want at most 64", b.Text, len(b.Data))
			}
			got = append(got, b.Data)
		}
	}
	// What comes back of those that stand for words.
	person := telegramtest.Person{ID: 5512345678}
	words := func(text string) string {
		t.Helper()
		b, ok := sent.Button(text)
		if !ok {
			t.Fatalf("no button %q among %q", text, got)
		}
		if _, err := api.Press(person, sent.ID, b.Data); err != nil {
			t.Fatal(err)
		}
		m := last(t, api, c)
		return m.Action + "|" + m.Text
	}
	for text, want := range map[string]string{
		"ngắn": strings.Repeat("a", 64) + "|", "dài": "|dài", "Tiếng Việt": "|Tiếng Việt", long: "|" + long, long + " (khác)": "|" + long + " (khác)",
		"dấu": "|dấu", "hỏng": "|hỏng", "👍": "good." + r.Feedback + "|", "👎": "bad." + r.Feedback + "|",
	} {
		if got := words(text); got != want {
			t.Errorf("press of %q comes back as %q, want %q", text, got, want)
		}
	}
	for _, gone := range []string{"", "máy này", "mã"} {
		if _, ok := sent.Button(gone); ok {
			t.Errorf("button %q was sent, Telegram would refuse the message", gone)
		}
	}
}

// last is the message of the newest update a poll would get.
func last(t *testing.T, api *telegramtest.API, c *telegram.Channel) webhook.Message {
	t.Helper()
	var newest json.RawMessage
	for _, raw := range pending(t, api) {
		newest = raw
	}
	messages, err := c.Read(samples(t)["01"].header(), newest)
	if err != nil || len(messages) != 1 {
		t.Fatalf("Read(%s) = %v, %v", newest, messages, err)
	}
	return messages[0]
}

// anyTag is every tag we may send.
var anyTag = regexp.MustCompile(`^(<b>Nguồn:</b>|<a href="https?://[^"<>]*">[^<>]*</a>|[^<>])*$`)

func TestT28LongAnswers(t *testing.T) {
	unit := "Bà con 👩‍🌾👨‍👩‍👧‍👦 cần nộp hồ sơ tại xã & phường 🇻🇳 ❤️‍🔥. e\u0301\u0323\u0302 <b>giữ nguyên</b>! Xem https://dichvucong.gov.vn/p/home/dvc-trang-chu.html nhé?\n- Tờ khai;\n- Giấy chứng sinh.\n\n"
	text := ""
	for utf8.RuneCountInString(text) < 10_000 {
		text += unit
	}
	text = string([]rune(text)[:10_000])
	want := telegram.Tidy(text)
	api, c := connected(t)
	for _, tt := range []struct {
		name string
		r    webhook.Reply
	}{
		{"alone", webhook.Reply{Text: text}},
		{"with sources", webhook.Reply{Text: text, Sources: []webhook.Source{{N: 1, Title: "Đăng ký khai sinh", URL: "https://a.vn/" + strings.Repeat("x", 400)}}}},
	} {
		var all strings.Builder
		for i, p := range parts(t, c, message(), tt.r) {
			checkPart(t, fmt.Sprint(tt.name, " ", i), p)
			all.WriteString(p.Plain)
		}
		if got := all.String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: together %d bytes, which do not begin with the %d of the text", tt.name, len(got), len(want))
		}
	}
	var all strings.Builder
	pieces := parts(t, c, message(), webhook.Reply{Text: text})
	for i, p := range pieces {
		all.WriteString(p.Plain)
		if i == 0 {
			continue
		}
		// Between the parts there is no grapheme, and no link, that was one.
		edge := pieces[i-1].Plain + p.Plain
		if at := len(pieces[i-1].Plain); !graphemeBorder(edge, at) {
			t.Errorf("part %d begins within a grapheme: %q", i, p.Plain[:20])
		}
		if end := pieces[i-1].Plain; !strings.HasSuffix(end, "\n") && !strings.HasSuffix(end, " ") {
			t.Errorf("part %d begins within a word: %q", i, p.Plain[:20])
		}
	}
	if all.String() != want {
		t.Errorf("together %d bytes, want the %d of the text", all.Len(), len(want))
	}
	send(t, c, message(), webhook.Reply{Text: text})
	if got := len(api.Sent()); got != len(pieces) || got < 3 {
		t.Errorf("%d messages were taken, want %d", got, len(pieces))
	}
}

func graphemeBorder(s string, at int) bool {
	pos := 0
	for rest, state := s, -1; rest != ""; {
		var g string
		g, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if pos == at {
			return true
		}
		pos += len(g)
	}
	return pos == at
}

// checkPart holds for every part of every reply.
func checkPart(t testing.TB, name string, p shown) {
	t.Helper()
	if n := webhook.Units(p.HTML); n > 4096 {
		t.Errorf("%s: %d units, want at most 4096", name, n)
	}
	if !anyTag.MatchString(p.HTML) {
		t.Errorf("%s: HTML with other tags than ours: %q", name, p.HTML)
	}
	if got := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(p.HTML, "")); got != p.Plain {
		t.Errorf("%s: plain text %q is not what the HTML reads as: %q", name, p.Plain, got)
	}
	if strings.TrimSpace(p.Plain) == "" || !utf8.ValidString(p.Plain) {
		t.Errorf("%s: nothing to read: %q", name, p.Plain)
	}
}

// More than three messages are too many when the rest can be read elsewhere.
func TestTooLongAnswersEndWithTheLink(t *testing.T) {
	c := channel(t, "")
	text := strings.Repeat("Một câu trả lời rất dài về thủ tục hành chính. ", 1000)
	source := []webhook.Source{{N: 1, Title: "Nguồn một", URL: "https://a.vn/1"}}
	got := parts(t, c, message(), webhook.Reply{Text: text, Sources: source, Link: "https://troly.vn/a/1", Feedback: "o"})
	if len(got) != 3 {
		t.Fatalf("%d parts, want 3", len(got))
	}
	for i, p := range got {
		checkPart(t, fmt.Sprint(i), p)
		if (len(p.Keyboard) > 0) != (i == 2) {
			t.Errorf("part %d: buttons %v, want them under the last only", i, p.Keyboard)
		}
	}
	if want := "chính.…\n\nXem đầy đủ: https://troly.vn/a/1\n\nNguồn:\n[1] Nguồn một"; !strings.HasSuffix(got[2].Plain, want) {
		t.Errorf("the last part ends %q, want %q", got[2].Plain[len(got[2].Plain)-100:], want)
	}
	if !strings.HasPrefix(telegram.Tidy(text), got[0].Plain+got[1].Plain) {
		t.Error("the first parts are not the beginning of the text")
	}
	// Where there is no link, cutting off loses the rest: only beyond eight.
	if got := parts(t, c, message(), webhook.Reply{Text: text[:20_000], Sources: source}); len(got) < 4 || strings.Contains(got[len(got)-1].Plain, "…") {
		t.Errorf("without a link: %d parts, want all of the text", len(got))
	}
	if got := parts(t, c, message(), webhook.Reply{Text: text, Sources: source}); len(got) != 8 || !strings.Contains(got[7].Plain, "chính.…\n\nNguồn:") {
		t.Errorf("without a link, far too long: %d parts, want 8", len(got))
	}
}

func TestT29MarkupOfPeopleIsEscaped(t *testing.T) {
	api, c := connected(t)
	m := read(t, c, samples(t)["39"])
	send(t, c, *m, webhook.Reply{Text: m.Text, Choices: []webhook.Choice{{Label: m.Text, Action: "a"}},
		Sources: []webhook.Source{{N: 1, Title: m.Text, Section: m.Text, URL: "https://a.vn/?q=\"><script>"}}})
	sent := api.Sent()
	if len(sent) != 1 || !strings.HasPrefix(sent[0].Text, m.Text+"\n\nNguồn:\n[1] "+m.Text) {
		t.Fatalf("sent %+v, want what was written, readable as it was", sent)
	}
	call := api.Calls("sendMessage")[0]
	if got := call.Params["link_preview_options"]; got != `{"is_disabled":true}` {
		t.Errorf("link_preview_options = %s, want previews off", got)
	}
	if got := call.Params["text"]; !anyTag.MatchString(got) || call.Params["parse_mode"] != "HTML" {
		t.Errorf("sent %q, want our own tags only", got)
	}
}

func TestGoodURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://dichvucong.gov.vn/a b": "", "https://dichvucong.gov.vn": "https://dichvucong.gov.vn", " http://a.vn/x ": "http://a.vn/x",
		"": "", "a.vn": "", "ftp://a.vn": "", "tg://user?id=1": "", "https://localhost/x": "", "http://127.0.0.1:8080/": "", "http://[::1]/": "",
		"https://u:p@a.vn/": "", "https://a.vn/" + strings.Repeat("x", 500): "", "https://thủtục.vn/": "https://th%E1%BB%A7t%E1%BB%A5c.vn/",
	} {
		if got := telegram.GoodURL(in); got != want {
			t.Errorf("goodURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTidy(t *testing.T) {
	for in, want := range map[string]string{
		"  a \r\n\r\n\r\n\r\nb\t\n": "a\n\nb", "a\n \n \nb": "a\n\nb", "\n\na": "a", "a" + strings.Repeat(" ", 9) + "b": "a b", "    - a": "- a",
		"x\n    - a": "x\n    - a", "a\x00b\x07": "ab", "a\u2028b": "a\nb", "\u200b": "", "e\u0301": "é", "\xff": "�", "👩‍🌾": "👩‍🌾",
	} {
		if got := telegram.Tidy(in); got != want {
			t.Errorf("tidy(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParts(f *testing.F) {
	f.Add("Xin chào <b>&amp;", "Nguồn", "https://a.vn", "o-1", 3)
	f.Add("👩‍🌾", "\u0301", "https://a.vn/\"", "", 5000)
	f.Add("a\u0301\u0301 b", "", "", "x", 900)
	f.Add(" \n- \u200b", "t", "http://x", "x", 10000)
	c, err := telegram.New(telegram.Settings{Token: telegramtest.Token})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, title, link, feedback string, times int) {
		if times < 0 || times > 20_000 || times*len(text) > 20_000 {
			return
		}
		text = strings.Repeat(text, times)
		r := webhook.Reply{Text: text, Sources: []webhook.Source{{N: 1, Title: title, Section: text, URL: link}}, Feedback: feedback, Choices: []webhook.Choice{{Label: title, Action: feedback}, {Label: text}}}
		for i := range 2 {
			got := parts(t, c, message(), r)
			if len(got) > 8 || i == 1 && telegram.GoodURL(link) != "" && len(got) > 3 {
				t.Fatalf("%d parts", len(got))
			}
			for j, p := range got {
				checkPart(t, fmt.Sprint(j), p)
				for _, row := range p.Keyboard {
					for _, b := range row {
						if len(b.Data) > 64 || b.Data == "" && b.URL == "" || !utf8.ValidString(b.Data) {
							t.Fatalf("button %+v", b)
						}
					}
				}
			}
			r.Link = link
		}
		var all strings.Builder
		for _, p := range parts(t, c, message(), webhook.Reply{Text: text}) {
			all.WriteString(p.Plain)
		}
		if want := telegram.Tidy(text); all.String() != want && webhook.Units(want) < 4096 {
			t.Fatalf("together %q, want %q", all.String(), want)
		}
	})
}
