package conversation

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"troly/eval"
	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

func TestInWords(t *testing.T) {
	for text, want := range map[string]string{
		"gặp cán bộ": staff, "Gặp cán bộ!": staff, "gap can bo": staff, "cho em gặp cán bộ với ạ": staff, "tôi muốn gặp người thật": staff, "em muốn nói chuyện với nhân viên ạ": staff,
		"xóa dữ liệu": erase, "xoá dữ liệu": erase, "xoa du lieu": erase, "xóa hết dữ liệu của tôi đi": erase, "tôi muốn xóa dữ liệu cá nhân": erase,
		"trợ giúp": help, "TRO GIUP": help, "help": help, "hướng dẫn sử dụng": help,
		"hỏi việc khác": anew, "bắt đầu lại nhé": anew,
		"hỏi trợ lý AI": back, "hoi tro ly ai": back, "quay lại trợ lý": back,
		"bắt đầu": start,

		"": "", "🙂": "", "ạ": "", "gặp": "", "cán bộ": "", "giúp với": "", "xóa": "", "xóa đăng ký thường trú": "", "moi": "",
		"gặp cán bộ ở đâu":                                             "",
		"gặp cán bộ tư pháp xã vào ngày nào":                           "",
		"muốn gặp cán bộ thì đến trung tâm à":                          "",
		"xóa dữ liệu trên VNeID thế nào":                               "",
		"trợ giúp pháp lý":                                             "",
		"trợ giúp xã hội cho người khuyết tật":                         "",
		"bắt đầu đóng bảo hiểm từ bao giờ":                             "",
		"cán bộ đòi tiền thì làm sao":                                  "",
		"tôi muốn khai sinh":                                           "",
		"gặp cán bộ xin dấu rồi mà chưa được thì tôi phải làm gì tiếp": "",
	} {
		for _, form := range []string{text, norm.NFD.String(text)} {
			if got := inWords(form); got != want {
				t.Errorf("inWords(%q) = %q, want %q", form, got, want)
			}
		}
	}
}

func TestCommand(t *testing.T) {
	for _, tc := range []struct{ text, name, argument string }{
		{"trợ giúp", "help", ""}, {"TRỢ GIÚP!", "help", ""}, {"tro giup", "help", ""}, {" Trợ  giúp ", "help", ""},
		{"tr\u01a1\u0323 giu\u0301p", "help", ""},
		{"gặp cán bộ", "canbo", ""}, {"gap can bo.", "canbo", ""}, {"Tôi muốn gặp cán bộ", "canbo", ""},
		{"xóa dữ liệu", "xoa", ""}, {"xoá dữ liệu", "xoa", ""}, {"xoa du lieu cua toi", "xoa", ""},
		{"hỏi việc khác", "moi", ""}, {"hoi viec khac", "moi", ""},
		{"bắt đầu", "start", ""}, {"/start", "start", ""},
		{"đổi xã Mường Lai", "xa", "xã Mường Lai"}, {"chon xa muong lai", "xa", "xa muong lai"}, {"Đổi phường Yên Bái", "xa", "phường Yên Bái"},
		{"/xa Mường Lai", "xa", "Mường Lai"}, {"/XOA", "xoa", ""}, {"/hỏi gì đó", "", ""},
		{"đổi xã", "", ""},
		{"tôi muốn gặp cán bộ xã để xin giấy khai sinh", "", ""},
		{"làm sao xóa dữ liệu trên VNeID", "", ""},
		{"", "", ""}, {"...", "", ""}, {strings.Repeat("trợ giúp ", 100), "", ""},
	} {
		if name, argument := Command(tc.text); name != tc.name || argument != tc.argument {
			t.Errorf("Command(%q) = %q, %q; want %q, %q", tc.text, name, argument, tc.name, tc.argument)
		}
	}
}

func TestWantsHuman(t *testing.T) {
	for text, want := range map[string]bool{
		"trả lời sai rồi, cho tôi gặp cán bộ": true, "bác già rồi không hiểu máy, cho bác nói chuyện với người thật đi": true, "nho can bo goi lai cho em": true,
		"cán bộ ơi trả lời giúp tôi với": true, "Tôi muốn gặp cán bộ để hỏi về bảo hiểm": true, "thôi chuyển cho cán bộ hộ tịch đi": true, "cần người hỗ trợ trực tiếp chứ máy trả lời khó hiểu quá": true,
		"có ai không? cho em gặp người": true, "ket noi toi voi can bo mot cua": true,

		"": false, "cán bộ": false, "gặp cán bộ nào ở xã để làm khai sinh": false, "muốn gặp cán bộ để hỏi thì đến đâu": false, "gặp cán bộ lúc mấy giờ": false,
		"không muốn gặp cán bộ, nộp trên mạng thế nào": false, "tôi là cán bộ, cho hỏi quy trình tiếp nhận": false, "nhờ người khác nộp hồ sơ được không": false, "tìm người nhà bị lạc": false,
		"ký trước mặt cán bộ có được không": false, "cán bộ gọi điện đòi tiền": false, "tìm nhân viên bán hàng": false, "trợ cấp cho con cán bộ": false, "gọi người cứu với": false, "hỏi người bảo lãnh cần giấy gì": false,
	} {
		for _, form := range []string{text, norm.NFD.String(text), vietnamese.Fold(text)} {
			if got := wantsHuman(form); got != want {
				t.Errorf("wantsHuman(%q) = %v, want %v", form, got, want)
			}
		}
	}
}

func TestAbusive(t *testing.T) {
	for text, want := range map[string]bool{
		"đồ ngu": true, "mày ngu thế": true, "bot ngu vãi": true, "đm mày": true, "óc chó": true, "cút đi": true, "địt mẹ": true, "trả lời ngu quá": true, "trả lời như cứt": true, "VCL": true,
		"vô dụng": true, "câm mồm đi": true, "đồ khốn nạn!!!": true, "thằng khốn nạn": true, "con bot này ngu như bò": true, "tra loi ngu vay": true, "oc cho": true, "dm": true,

		"": false, "mày": false, "bot": false, "trả lời đi": false, "ngủ": false, "cụt": false, "cut": false, "dot": false, "máy này": false, "ai trả lời vậy": false,
		"chồng em chửi em là đồ ngu": false, "nó bảo tôi ngu thì kiện ở đâu": false, "đm làm khai sinh hết bao nhiêu": false, "con chó cắn thì làm sao": false, "bị chó cắn": false, "con chó": false,
		"cút khỏi nhà tôi thì làm hộ khẩu ở đâu": false, "trả lời sai rồi": false, "máy im đi rồi không nói gì nữa là sao hả trời ơi": false, "đồ điện": false, "cc": false, "cc gắn chip": false, "cái này là gì": false,
	} {
		for _, form := range []string{text, norm.NFD.String(text)} {
			if got := abusive(form); got != want {
				t.Errorf("abusive(%q) = %v, want %v", form, got, want)
			}
		}
	}
}

func TestSlashed(t *testing.T) {
	for text, want := range map[string][2]string{
		"/xa Đại Lịch": {commune, "Đại Lịch"}, "/HELP": {help, ""}, "/moi@troly_bot": {anew, ""}, "/hoi  khai tử ": {question, "khai tử"},
		"/hỏi khai tử": {}, "/": {}, "xa Đại Lịch": {}, "/xaa": {}, "/system xoa": {},
	} {
		if name, argument := slashed(text); name != want[0] || argument != want[1] {
			t.Errorf("slashed(%q) = %q, %q, want %q", text, name, argument, want)
		}
	}
}

// No question anybody is known to have asked is taken for a command or a number.
func TestNoQuestionIsACommand(t *testing.T) {
	files, err := fs.Glob(eval.FS, "sets/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	questions := 0
	for _, name := range files {
		data, err := eval.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(bytes.NewReader(data))
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			var c struct {
				Question string
				History  []json.RawMessage
				Handoff  string `json:"expected_handoff"`
			}
			if err := json.Unmarshal(scanner.Bytes(), &c); err != nil {
				t.Fatal(err)
			}
			for _, q := range []string{c.Question, vietnamese.Fold(c.Question)} {
				questions++
				if c.Handoff == "officer" {
					continue
				}
				if got, _ := Command(q); got != "" || wantsHuman(q) {
					t.Errorf("%s: %q is taken for %s, or for asking for a human: %v", name, q, got, wantsHuman(q))
				}
				if abusive(q) {
					t.Errorf("%s: %q is taken for an insult", name, q)
				}
				if n := ordinal(q, 4); n != 0 && len(c.History) == 0 {
					t.Errorf("%s: %q is taken for number %d", name, q, n)
				}
			}
		}
	}
	if questions < 1000 {
		t.Errorf("only %d questions were looked at", questions)
	}
}

func TestOrdinal(t *testing.T) {
	for text, want := range map[string]int{
		"2": 2, "số 2": 2, "so 2 a": 2, "cái thứ hai": 2, "cái đầu tiên": 1, "thứ ba ạ": 3, "b": 2, "B)": 2, "dạ 1": 1, "cái cuối": 3, "chọn 1 nhé": 1, "9": 9,
		"": 0, "à": 0, "ạ": 0, "e": 0, "20": 0, "2 triệu": 0, "hai vợ chồng": 0, "đầu tư": 0, "0": 0, "số 2 là gì": 0,
	} {
		if got := ordinal(text, 3); got != want {
			t.Errorf("ordinal(%q, 3) = %d, want %d", text, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for label, want := range map[string]string{
		"Khai tử": "Khai tử",
		"Đổi bằng lái xe hết bao nhiêu tiền?":            "Đổi bằng lái xe hết bao nhiêu tiền?",
		"Đổi giấy phép lái xe mất bao lâu?":              "Đổi giấy phép lái xe mất bao lâu?",
		"Đổi giấy phép lái xe hết bao nhiêu tiền?":       "Đổi giấy phép… hết bao nhiêu tiền?",
		"Cấp, đổi, cấp lại thẻ căn cước (từ đủ 14 tuổi)": "Cấp, đổi, cấp lại thẻ căn cước…",
		strings.Repeat("ữ", 40):                          strings.Repeat("ữ", 34) + "…",
	} {
		got := short(label)
		if got != want || utf8.RuneCountInString(got) > maxLabel {
			t.Errorf("short(%q) = %q, want %q", label, got, want)
		}
	}
}

// numbers has the contacts that wording prints.
type numbers struct{}

func (numbers) Contact(id string) (corpus.Contact, bool) {
	return corpus.Contact{ID: id, Name: "Hỗ trợ Cổng Dịch vụ công quốc gia", Phone: "18001096", Verified: true}, true
}

// Every sentence of ours fits a small phone, is composed text, and holds no table, no
// markup and no number that is not in the contacts.
func TestWording(t *testing.T) {
	c := New(nil, numbers{}, nil, Options{KeepDays: 365})
	alone := New(nil, numbers{}, nil, Options{KeepDays: -1, NoStaff: true})
	former := corpus.Place{Commune: &corpus.Commune{Name: "Xã Chấn Thịnh", Former: make([]corpus.Former, 2)}, Former: &corpus.Former{Name: "Xã Đại Lịch", District: "Huyện Văn Chấn"}}
	all := []string{
		c.welcomeText(), c.firstNotice(), c.helpText(), alone.welcomeText(), alone.firstNotice(), alone.helpText(), c.nobodyHere(""), backAlone, c.handedOver(""), c.handedOver("Phường Nghĩa Lộ"), startAgain, startedAnew, hereAlready, askHow, erased, stale, tooMany, tooManyToday, Apology,
		noVoice, captionOnly, notRead(""), notRead("photo"), notRead("sticker"), notRead("location"), notRead("contact"), thanksGood, thanksReason, askReason(), offerStaff, stillWaiting, backAgain, hereAgain,
		groupNotice, groupStart, groupStaff, communeUnknown, communeTooMany, communeHow(""), communeHow("Xã Chấn Thịnh"), communeSet(former), communeChosen("Xã Chấn Thịnh"), communeWhich([]string{"Xã A", "Phường B"}),
	}
	for _, text := range all {
		if n := utf8.RuneCountInString(text); n >= 500 {
			t.Errorf("%d characters: %q", n, text)
		}
		if !norm.NFC.IsNormalString(text) || strings.ContainsAny(text, "|*_<>`") || text != strings.TrimSpace(text) {
			t.Errorf("not plain: %q", text)
		}
		for _, r := range corpus.FindReaches(strings.ReplaceAll(text, "18001096", "")) {
			t.Errorf("%q prints %+v, which is not from the contacts", text, r)
		}
	}
	if got := New(nil, none{}, nil, Options{}).welcomeText(); strings.Contains(got, "Khẩn cấp") {
		t.Errorf("numbers that nobody gave: %q", got)
	}
	for _, phrases := range [][]string{complaintPhrases, questionPhrases} {
		if _, err := vietnamese.NewPatterns(phrases); err != nil {
			t.Error(err)
		}
	}
}

type none struct{}

func (none) Contact(string) (corpus.Contact, bool) { return corpus.Contact{}, false }

// parrot answers with what it is asked.
type parrot struct{}

func (parrot) Stream(_ context.Context, q pipeline.Question, _ pipeline.Release) pipeline.Outcome {
	statuses := []pipeline.Status{pipeline.Answered, pipeline.Clarify, pipeline.Abstained, pipeline.Refused, pipeline.SmallTalk, pipeline.Failed}
	return pipeline.Outcome{Status: statuses[len(q.Text)%len(statuses)], Question: q.Text, Answer: "Trả lời " + cutRunes(q.Text, 50), Suggestions: []string{q.Text, "khai sinh"}, Choices: []string{"a", "b"}}
}

func (parrot) Emergency(text string) bool { return strings.Contains(text, "cháy") }

// panics fails the test when a panic was recovered from.
type panics struct{ t *testing.T }

func (p panics) Write(data []byte) (int, error) {
	p.t.Errorf("logged: %s", data)
	return len(data), nil
}

// FuzzRespond gives any state and message: a broken state is that of a new dialogue,
// and every response keeps its bounds.
func FuzzRespond(f *testing.F) {
	c := New(parrot{}, numbers{}, &corpus.Units{}, Options{})
	r := c.Respond(context.Background(), webhook.Message{Kind: webhook.Text, Text: "khai sinh"}, nil, nil)
	f.Add(r.State, "text", "2", "", false)
	for _, state := range []string{"", "{}", `{"v":2}`, `{"v":1,"turns":[{"offers":["a"]}],"windows":[{"minute":-9223372036854775808}]}`, `{"v":1,"held":9223372036854775807,"waiting":true}`, `{"v":1,"pick":{"key":"k","names":["Xã A"]},"reason":{"outcome":"\u0000"}}`, `[]`, "null", "\xff"} {
		f.Add([]byte(state), "button", "", "choice.1.", false)
		f.Add([]byte(state), "file", "\xff👎", "xa.1.k", true)
		f.Add([]byte(state), "text", "/canbo \x00", "", false)
	}
	f.Fuzz(func(t *testing.T, state []byte, kind, text, action string, group bool) {
		c := New(parrot{}, numbers{}, &corpus.Units{}, Options{Log: slog.New(slog.NewTextHandler(panics{t}, nil))})
		m := webhook.Message{Channel: "zalo", Person: "p", Kind: webhook.Kind(kind), Text: text, Quoted: text, Action: action, Group: group}
		r := c.Respond(context.Background(), m, state, nil)
		if len(r.State) >= maxState || r.State != nil && !json.Valid(r.State) {
			t.Errorf("state of %d bytes: %s", len(r.State), r.State)
		}
		for _, reply := range r.Replies {
			if !utf8.ValidString(reply.Text) || len(reply.Text) > 4000 || reply.Text == "" {
				t.Errorf("reply %q", reply.Text)
			}
			for _, choice := range reply.Choices {
				if len(choice.Action) > 64 || utf8.RuneCountInString(choice.Label) > maxLabel || !utf8.ValidString(choice.Label) {
					t.Errorf("button %+v", choice)
				}
			}
		}
	})
}
