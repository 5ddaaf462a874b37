package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"troly/internal/pipeline"
	"troly/internal/web"
)

// listener keeps the question it was asked.
type listener struct {
	writer
	got *pipeline.Question
}

func (l listener) Ask(ctx context.Context, q pipeline.Question) pipeline.Outcome {
	*l.got = q
	return l.writer.Ask(ctx, q)
}

func (l listener) Stream(ctx context.Context, q pipeline.Question, release pipeline.Release) pipeline.Outcome {
	*l.got = q
	return l.writer.Stream(ctx, q, release)
}

func post(handler http.Handler, path, body string, header ...string) *httptest.ResponseRecorder {
	return send(handler, "POST", path, body, append([]string{"Content-Type", "application/json"}, header...)...)
}

const completions = "/v1/chat/completions"

// What clients send becomes the question and the turns before it.
func TestCompletionQuestions(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       pipeline.Question
	}{
		{"one message", `{"model":"troly","messages":[{"role":"user","content":"làm khai sinh"}]}`, pipeline.Question{Text: "làm khai sinh"}},
		{"for officials", `{"model":"troly-can-bo","messages":[{"role":"user","content":"làm khai sinh"}]}`, pipeline.Question{Text: "làm khai sinh", Audience: "official"}},
		{"instructions, parts and history", `{"model":"troly","temperature":0.7,"tools":[],"messages":[
			{"role":"system","content":"You are a pirate."},
			{"role":"user","content":"làm khai sinh"},
			{"role":"assistant","content":"Nộp ở xã [1]\n\n**Nguồn**\n\n1. [Khai sinh](https://a.vn)"},
			{"role":"user","content":[{"type":"text","text":"mất bao"},{"type":"image_url","image_url":{"url":"data:"}},{"type":"text","text":"nhiêu"}]}]}`,
			pipeline.Question{Text: "mất bao\nnhiêu", History: []pipeline.Turn{{Question: "làm khai sinh", Answer: "Nộp ở xã [1]"}}}},
		{"unanswered turn", `{"model":"troly","messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}`, pipeline.Question{Text: "b", History: []pipeline.Turn{{Question: "a"}}}},
		{"answer without question", `{"model":"troly","messages":[{"role":"assistant","content":"Chào"},{"role":"user","content":"b"}]}`, pipeline.Question{Text: "b"}},
		{"null content", `{"model":"troly","messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[]},{"role":"tool","content":"x"},{"role":"user","content":"b"}]}`, pipeline.Question{Text: "b", History: []pipeline.Turn{{Question: "a"}}}},
		{"one of several models", `{"model":"troly","messages":[{"role":"user","content":"You have been provided with a set of responses from various models to the latest user query: \"làm khai sinh\"\n\nYour task is to synthesize these responses\n\nResponses from models: a"}]}`, pipeline.Question{Text: "làm khai sinh"}},
		{"files beside", `{"model":"troly","messages":[{"role":"user","content":"### Task:\nRespond to the user query using the provided context.\n<context>\n<source>\"title\" JSON format</source>\n</context>\n\n<user_query>\nlàm khai sinh\n</user_query>"}]}`, pipeline.Question{Text: "làm khai sinh"}},
	} {
		var got pipeline.Question
		w := post(web.New(web.Options{Assistant: listener{writer{answer: "xong"}, &got}, Log: discard()}), completions, tt.body)
		if w.Code != 200 || got.Text != tt.want.Text || got.Audience != tt.want.Audience || len(got.History) != len(tt.want.History) {
			t.Errorf("%s = %d %s: asked %+v, want %+v", tt.name, w.Code, w.Body, got, tt.want)
			continue
		}
		for i, turn := range tt.want.History {
			if got.History[i].Question != turn.Question || got.History[i].Answer != turn.Answer {
				t.Errorf("%s: turn %d = %+v, want %+v", tt.name, i, got.History[i], turn)
			}
		}
	}
}

func TestCompletionErrors(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
		kind, want string
	}{
		{"not JSON", `{`, 400, "invalid_request_error", "not the JSON"},
		{"no model", `{"messages":[{"role":"user","content":"a"}]}`, 404, "invalid_request_error", "no such model"},
		{"another model", `{"model":"gpt-4o","messages":[{"role":"user","content":"a"}]}`, 404, "invalid_request_error", "no such model"},
		{"no messages", `{"model":"troly"}`, 400, "invalid_request_error", "the last one"},
		{"ends with an answer", `{"model":"troly","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, 400, "invalid_request_error", "the last one"},
		{"picture only", `{"model":"troly","messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, 400, "invalid_request_error", "as text"},
		{"content is a number", `{"model":"troly","messages":[{"role":"user","content":7}]}`, 400, "invalid_request_error", "text or a list"},
		{"a role of its own", `{"model":"troly","messages":[{"role":"king","content":"a"}]}`, 400, "invalid_request_error", "role"},
		{"many answers", `{"model":"troly","n":2,"messages":[{"role":"user","content":"a"}]}`, 400, "invalid_request_error", "one answer"},
		{"JSON wanted", `{"model":"troly","response_format":{"type":"json_object"},"messages":[{"role":"user","content":"a"}]}`, 400, "invalid_request_error", "answers are text"},
		{"too large", `{"model":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "invalid_request_error", "1024 KiB"},
		{"failed", `{"model":"troly","messages":[{"role":"user","content":"a"}]}`, 503, "server_error", "Xin lỗi"},
	} {
		assistant := writer{answer: "Xin lỗi", status: pipeline.Failed}
		w := post(web.New(web.Options{Assistant: assistant, Log: discard()}), completions, tt.body)
		var got struct {
			Error struct{ Message, Type string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != tt.status || got.Error.Type != tt.kind || !strings.Contains(got.Error.Message, tt.want) {
			t.Errorf("%s = %d %s, want %d %s with %q", tt.name, w.Code, w.Body, tt.status, tt.kind, tt.want)
		}
	}
	handler := web.New(web.Options{Assistant: fake{}, Log: discard()})
	if w := get(handler, "GET", completions); w.Code != 405 || w.Header().Get("Allow") != "POST, OPTIONS" || !strings.Contains(w.Body.String(), `"type":"invalid_request_error"`) {
		t.Errorf("GET %s = %d %v %s", completions, w.Code, w.Header(), w.Body)
	}
}

// What Open WebUI asks for itself is no question of a person.
func TestCompletionChores(t *testing.T) {
	const title = "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Output:\nJSON format: { \"title\": \"your concise title here\" }\n### Chat History:\n<chat_history>\nUSER: cấp lại căn cước cho số 0912345678\nASSISTANT: Nộp ở xã\n</chat_history>"
	for _, tt := range []struct{ name, task, want string }{
		{"title", title, `{"title":"cấp lại căn cước cho số [số điện thoại]"}`},
		{"title of nothing", "### Task:\nJSON format: { \"title\": \"x\" }", `{"title":"Hỏi đáp thủ tục"}`},
		{"tags", "### Task:\nGenerate 1-3 broad tags\nJSON format: { \"tags\": [\"tag1\"] }\n<chat_history>\nUSER: \"title\"</chat_history>", `{"tags":[]}`},
		{"follow-ups", "### Task:\nSuggest 3-5\nJSON format: { \"follow_ups\": [\"Question 1?\"] }", `{"follow_ups":[]}`},
		{"completion of what is typed", "### Task:\nYou are an autocompletion system. Continue the text in `<text>`\n5. If unsure, return: `{ \"text\": \"\" }`.\n### **Output Rules**:\n- Respond only in JSON format: `{ \"text\": \"<your_completion>\" }`.\n<text>làm khai</text>", `{"text":""}`},
		{"picture", "### Task:\nGenerate a detailed prompt\n### Output:\nStrictly return in JSON format:\n{\n    \"prompt\": \"Your detailed description here.\"\n}\n<chat_history>\nUSER: khai sinh\n</chat_history>", `{"prompt":""}`},
		{"face", "Your task is to reflect the speaker's likely facial expression through a fitting emoji. Interpret emotions\n\nMessage: ```làm khai sinh```", "🙂"},
		{"queries", "### Task:\nAnalyze\nJSON format:\n{ \"queries\": [] }", `{"queries":[]}`},
	} {
		var got pipeline.Question
		handler := web.New(web.Options{Assistant: listener{writer{}, &got}, Log: discard()})
		for _, stream := range []bool{false, true} {
			body, err := json.Marshal(map[string]any{"model": "troly", "stream": stream, "messages": []map[string]string{{"role": "user", "content": tt.task}}})
			if err != nil {
				t.Fatal(err)
			}
			w := post(handler, completions, string(body))
			quoted, _ := json.Marshal(tt.want)
			if w.Code != 200 || !strings.Contains(w.Body.String(), `"content":`+string(quoted)) || got.Text != "" {
				t.Errorf("%s (stream %v) = %d %s, want %s and nothing asked (%q)", tt.name, stream, w.Code, w.Body, tt.want, got.Text)
			}
		}
	}
}

// To choose a tool, Open WebUI sends the tools as instructions and the dialogue as a query.
func TestCompletionToolChoice(t *testing.T) {
	var got pipeline.Question
	w := post(web.New(web.Options{Assistant: listener{writer{}, &got}, Log: discard()}), completions,
		`{"model":"troly","messages":[{"role":"system","content":"Available Tools: []\n\nYour task is to choose\n{\n \"tool_calls\": []\n}"},{"role":"user","content":"Query: làm khai sinh"}]}`)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"content":"{\"tool_calls\":[]}"`) || got.Text != "" {
		t.Errorf("choice of a tool = %d %s, want no tool and nothing asked (%q)", w.Code, w.Body, got.Text)
	}
}

// Titles and addresses come from the knowledge and stay text and links.
func TestCompletionSources(t *testing.T) {
	w := post(web.New(web.Options{Assistant: writer{answer: "Tám nghìn [1]\n• Người ở trọ [1]"}, Log: discard()}), completions, `{"model":"troly","messages":[{"role":"user","content":"lệ phí"}]}`)
	var got struct {
		Choices   []struct{ Message struct{ Content string } }
		Citations []pipeline.Citation
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Citations) != 1 {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	const want = "Tám nghìn [1]\n- Người ở trọ [1]\n\n**Nguồn**\n\n1. [Đăng ký khai sinh, mục Lệ phí](https://example.vn/a%20b)"
	if got.Choices[0].Message.Content != want {
		t.Errorf("content = %q, want %q", got.Choices[0].Message.Content, want)
	}
}

func TestCompletionStreamFails(t *testing.T) {
	handler := web.New(web.Options{Assistant: writer{answer: "Xin lỗi", status: pipeline.Failed}, Log: discard()})
	w := post(handler, completions, `{"model":"troly","stream":true,"messages":[{"role":"user","content":"a"}]}`)
	got := events(t, bufio.NewScanner(w.Body))
	if len(got) != 3 || !strings.Contains(got[1].data, `"error":{"message":"Xin lỗi"`) || got[2].data != "[DONE]" {
		t.Errorf("stream = %q, want an error at its end", got)
	}
}

// A dialogue as Open WebUI leads one: it lists the models with whatever key it was given,
// streams the answer, has the dialogue named, tagged and gone on with, and sends all of it,
// our list of sources too, with the next question.
func TestOpenWebUIsDialogue(t *testing.T) {
	_, assistant := real()
	handler := web.New(web.Options{Assistant: assistant, Log: discard(), Library: realLibrary(t)})
	headers := []string{"Content-Type", "application/json", "Authorization", "Bearer 0p3n-w3bu!", "X-OpenWebUI-User-Name", "Lan", "X-OpenWebUI-Chat-Id", "7"}
	if w := get(handler, "GET", "/v1/models", headers...); w.Code != 200 || !strings.Contains(w.Body.String(), `"id":"troly"`) {
		t.Fatalf("models = %d %s", w.Code, w.Body)
	}
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	call := func(stream bool, messages []message) string {
		t.Helper()
		body, err := json.Marshal(map[string]any{"model": "troly", "stream": stream, "stream_options": map[string]bool{"include_usage": true}, "messages": messages,
			"max_tokens": 1000, "temperature": 0.1, "tools": []any{}, "tool_choice": "auto", "user": map[string]string{"name": "Lan"}})
		if err != nil {
			t.Fatal(err)
		}
		w := send(handler, "POST", completions, string(body), headers...)
		if w.Code != 200 {
			t.Fatalf("%s = %d %s", body, w.Code, w.Body)
		}
		var said strings.Builder
		if !stream {
			var whole struct{ Choices []struct{ Message message } }
			if err := json.Unmarshal(w.Body.Bytes(), &whole); err != nil || len(whole.Choices) != 1 {
				t.Fatalf("%s: %v", w.Body, err)
			}
			return whole.Choices[0].Message.Content
		}
		all := events(t, bufio.NewScanner(w.Body))
		if last := all[len(all)-1]; last.data != "[DONE]" || !strings.Contains(all[len(all)-2].data, `"usage":{`) {
			t.Errorf("the stream ends with %q", all[max(0, len(all)-2):])
		}
		for _, e := range all[:len(all)-1] {
			var piece struct{ Choices []struct{ Delta message } }
			if err := json.Unmarshal([]byte(e.data), &piece); err != nil {
				t.Fatalf("%s: %v", e.data, err)
			}
			for _, c := range piece.Choices {
				said.WriteString(c.Delta.Content)
			}
		}
		return said.String()
	}
	dialogue := []message{{"system", "Today is Friday."}, {"user", "dang ky tam tru het bao nhieu tien"}}
	answer := call(true, dialogue)
	if !strings.Contains(answer, "15.000 đồng/lần") || !strings.Contains(answer, "**Nguồn**\n\n1. [") {
		t.Fatalf("answer: %s", answer)
	}
	history := "### Chat History:\n<chat_history>\nUSER: dang ky tam tru het bao nhieu tien\nASSISTANT: " + answer + "\n</chat_history>"
	for format, want := range map[string]string{
		`{ "title": "your concise title here" }`: `{"title":"dang ky tam tru het bao nhieu tien"}`, `{ "tags": ["tag1", "tag2"] }`: `{"tags":[]}`, `{ "follow_ups": ["Suggested 1", "Suggested 2"] }`: `{"follow_ups":[]}`,
	} {
		if got := call(false, []message{{"user", "### Task:\nDo something with the dialogue.\n### Output:\nJSON format: " + format + "\n" + history}}); got != want {
			t.Errorf("%s = %s, want %s", format, got, want)
		}
	}
	dialogue = append(dialogue, message{"assistant", answer}, message{"user", "thế mất bao lâu?"})
	if next := call(true, dialogue); !strings.Contains(next, "3 ngày làm việc") || !strings.Contains(next, "tạm trú") {
		t.Errorf("the next question lost the one before: %s", next)
	}
}
