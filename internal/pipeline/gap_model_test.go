package pipeline_test

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"troly/internal/llm/llmtest"
	"troly/internal/pipeline"
)

// printedLine is what a prompt says is printed above the answer.
func printedLine(c llmtest.Call) string {
	_, after, _ := strings.Cut(c.Prompt(), "\n<da_in>\n")
	line, _, _ := strings.Cut(after, "\n</da_in>")
	return line
}

// truth is the first sentence of the document's summary.
func truth(c llmtest.Call) sentence {
	m := summaryPart.FindStringSubmatch(c.Prompt())
	n, _ := strconv.Atoi(m[1])
	return sentence{m[2], []int{n}}
}

var summaryPart = regexp.MustCompile(`Đoạn ([0-9]+): .* – Tóm tắt\n<doan>\n(.*)`)

// gaps are questions of which a document says nothing, and what a model may make up.
// What is made up has the words of the passages and no figure, so that no other check
// sees it.
var gaps = []struct{ question, says, lie string }{
	{"căn cước ủy quyền được không", "Hướng dẫn này của tôi chưa nói về việc nhờ người khác làm thay. Bạn hỏi nơi tiếp nhận: Công an cấp xã", "Người từ đủ 14 tuổi làm thẻ căn cước lần đầu ủy quyền cho người khác."},
	{"vo di lay can cuoc ho chong duoc ko", "chưa nói về việc nhờ người khác", "Người từ đủ 14 tuổi lấy hộ được thẻ căn cước khi đến mốc tuổi."},
	{"chủ nhật có làm căn cước không", "chưa nói về giờ làm việc, ngày nghỉ", "Công an xã hoặc Công an tỉnh nào cũng làm thẻ căn cước cả Chủ nhật."},
	{"hộ chiếu có thời hạn mấy năm", "chưa nói về giá trị, thời hạn dùng của giấy", "Hộ chiếu dùng để xuất cảnh, nhập cảnh không có thời hạn."},
	{"hộ nghèo có được miễn phí làm bằng lái không", "chưa nói về trường hợp hộ nghèo", "Người hộ nghèo đổi giấy phép lái xe nộp trực tuyến."},
	{"đất tranh chấp có tách thửa được không", "chưa có đúng điều bạn hỏi", "Chia một mảnh đất tranh chấp thành nhiều mảnh có sổ riêng."},
	{"chuyển trường có mất tiền không", "chưa có thông tin này", "Không, xin cho con chuyển sang trường khác khi gia đình chuyển nơi ở."},
	{"người nước ngoài đăng ký tạm trú được không", "chưa nói về trường hợp người nước ngoài", "Được bạn nhé: đăng ký tạm trú với Công an xã."},
}

// What a document says nothing of stands above a model's words, is told to the model and
// shown before it is asked, and is not answered by it all the same.
func TestMissingWithModel(t *testing.T) {
	a, server := remote(t, quick)
	for _, tt := range gaps {
		for name, lies := range map[string]func(llmtest.Call) []sentence{
			"tells the truth":     func(c llmtest.Call) []sentence { return []sentence{truth(c)} },
			"lies after a truth":  func(c llmtest.Call) []sentence { return []sentence{truth(c), {tt.lie, []int{1, 2}}} },
			"lies":                func(llmtest.Call) []sentence { return []sentence{{tt.lie, []int{1, 2}}} },
			"says it again":       func(c llmtest.Call) []sentence { return []sentence{truth(c), {printedLine(c), []int{1}}} },
			"finds nothing else":  func(llmtest.Call) []sentence { return nil },
			"cites what is there": func(c llmtest.Call) []sentence { return []sentence{truth(c), {"Được.", []int{1}}} },
		} {
			t.Run(tt.question+"/"+name, func(t *testing.T) {
				var seen strings.Builder
				server.Do(func(s *llmtest.Server) {
					s.Chat = func(c llmtest.Call) llmtest.Reply {
						line := printedLine(c)
						if !strings.Contains(line, tt.says) {
							t.Errorf("the model is told of %q, want %q:\n%s", line, tt.says, c.Prompt())
						}
						list, repair := lies(c), givenOf(c).repair
						if !repair && !strings.HasSuffix(seen.String(), "\n"+line) {
							t.Errorf("shown before the model answers: %q, want %q at the end", seen.String(), line)
						}
						if repair {
							if list = nil; !strings.Contains(c.Prompt(), "dòng đã in nói là chưa có\n") && name != "says it again" && name != "cites what is there" {
								t.Errorf("rejected for another reason:\n%s", c.Prompt()[strings.Index(c.Prompt(), "<cau_bi_loai>"):])
							}
						}
						reply := written("full", list...)
						if len(list) == 0 {
							reply = strings.Replace(reply, "null", "[]", 1)
						}
						return llmtest.Reply{Text: reply}
					}
				})
				o := a.Stream(context.Background(), pipeline.Question{Text: tt.question}, func(s string) { seen.WriteString(s) })
				by := map[bool]string{true: "extractive", false: "llm"}[name == "lies" || name == "finds nothing else"]
				lines := strings.Split(o.Answer, "\n")
				if o.Status != pipeline.Answered || !o.Verified || o.AnsweredBy != by || o.Checks["says_what_is_missing"] != "pass" || len(lines) < 3 || !strings.Contains(lines[1], tt.says) {
					t.Errorf("%s by %q, checks %v, degraded %q:\n%s\nwant %q below the title, by %s", o.Status, o.AnsweredBy, o.Checks, o.Degraded, o.Answer, tt.says, by)
				}
				if strings.Contains(o.Answer, tt.lie) || strings.Contains(seen.String(), tt.lie) || strings.Contains(o.Answer, "Được.") || strings.Count(o.Answer, tt.says) != 1 {
					t.Errorf("answer\n%s\nseen\n%s\nwant it without %q and with %q once", o.Answer, seen.String(), tt.lie, tt.says)
				}
				if !strings.HasPrefix(o.Answer, seen.String()) {
					t.Errorf("seen\n%s\nis not the beginning of\n%s", seen.String(), o.Answer)
				}
			})
		}
	}
}

// A section that would be taken for the answer to what is missing is not given to the
// model: how long a passport takes is not how long it is good.
func TestMistakenSectionIsNotGiven(t *testing.T) {
	a, server := remote(t, quick)
	for _, tt := range []struct {
		question, section string
		given             bool
	}{
		{"hộ chiếu có thời hạn mấy năm", "– Thời hạn", false},
		{"làm hộ chiếu bao lâu thì xong", "– Thời hạn", true},
		{"không làm căn cước bị phạt bao nhiêu tiền", "– Kết quả", false},
	} {
		before := len(server.Calls("/v1/chat/completions"))
		a.Ask(context.Background(), pipeline.Question{Text: tt.question})
		calls := server.Calls("/v1/chat/completions")[before:]
		if len(calls) == 0 {
			t.Errorf("%q: the model was not asked", tt.question)
			continue
		}
		if got := strings.Contains(calls[0].Prompt(), tt.section); got != tt.given {
			t.Errorf("%q: section %q given: %v, want %v", tt.question, tt.section, got, tt.given)
		}
	}
}
