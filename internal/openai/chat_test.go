package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/llm"
	"troly/internal/llm/llmtest"
	"troly/internal/openai"
)

func request() llm.Request {
	return llm.Request{
		Messages:  []llm.Message{{Role: llm.System, Text: "Trả lời bằng JSON."}, {Role: llm.User, Text: "Lệ phí?"}},
		Schema:    &llm.Schema{Name: "answer", JSON: json.RawMessage(`{"type":"object"}`)},
		MaxTokens: 200,
	}
}

func TestChat(t *testing.T) {
	server := llmtest.NewServer(t)
	server.Key = "bí mật"
	server.Chat = func(llmtest.Call) llmtest.Reply {
		return llmtest.Reply{Text: "Lệ phí là tám nghìn đồng, nộp ở xã.", Size: 3, Thinking: "để xem"}
	}
	chat := openai.New(openai.Config{BaseURL: server.URL + "/", Key: server.Key}).Chat("m")
	var seen strings.Builder
	empty := 0
	c, err := chat.Generate(context.Background(), request(), func(piece string) error {
		if piece == "" {
			empty++
		}
		seen.WriteString(piece)
		return nil
	})
	if err != nil || c.Text != "Lệ phí là tám nghìn đồng, nộp ở xã." || seen.String() != c.Text || c.Model != "m" || c.Usage.PromptTokens == 0 || c.Usage.CompletionTokens == 0 || c.Truncated {
		t.Errorf("Generate = %+v, %v; emitted %q", c, err, seen.String())
	}
	if empty == 0 {
		t.Error("thinking was not reported as work")
	}
	body := server.Calls("/v1/chat/completions")[0].Body
	if body["max_tokens"] != 200.0 || body["temperature"] == nil || body["seed"] != nil {
		t.Errorf("sent %v", body)
	}
}

// Each server refuses other fields; what it takes is found once and remembered.
func TestChatDialects(t *testing.T) {
	for _, tt := range []struct {
		name    string
		model   string
		rejects []string
		formats []string
		tries   int
		lacks   []string
		has     string
	}{
		{"takes all", "m", nil, nil, 1, nil, "max_tokens"},
		{"OpenAI since o1", "o4-mini", []string{"max_tokens"}, nil, 2, []string{"max_tokens", "temperature"}, "max_completion_tokens"}, // go-openai refuses for it
		{"a new model of unknown name", "x", []string{"max_tokens", "temperature"}, nil, 3, []string{"max_tokens", "temperature"}, "max_completion_tokens"},
		{"LM Studio", "m", nil, []string{"json_schema", "text"}, 1, nil, "response_format"},
		{"only JSON mode", "m", nil, []string{"json_object"}, 2, nil, "response_format"},
		{"no response_format", "m", []string{"response_format"}, nil, 3, []string{"response_format"}, "stream_options"},
		{"no stream_options", "m", []string{"stream_options"}, nil, 2, []string{"stream_options"}, "response_format"},
		{"hardly anything", "m", []string{"max_tokens", "max_completion_tokens", "response_format", "stream_options", "temperature"}, nil, 7, []string{"max_tokens", "max_completion_tokens", "response_format", "stream_options", "temperature"}, "messages"},
	} {
		server := llmtest.NewServer(t)
		server.Rejects, server.Formats = tt.rejects, tt.formats
		chat := openai.New(openai.Config{BaseURL: server.URL}).Chat(tt.model)
		for range 2 {
			if _, err := chat.Generate(context.Background(), request(), nil); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		calls := server.Calls("/v1/chat/completions")
		last := calls[len(calls)-1].Body
		if tt.model == "o4-mini" {
			tt.tries-- // the first try never left
		}
		if len(calls) != tt.tries+1 || last[tt.has] == nil || slices.ContainsFunc(tt.lacks, func(f string) bool { return last[f] != nil }) {
			t.Errorf("%s: %d requests, want %d; the last had %v, want %s and none of %v", tt.name, len(calls), tt.tries+1, last, tt.has, tt.lacks)
		}
	}
}

func TestChatErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		reply llmtest.Reply
		kind  llm.Kind
		after time.Duration
	}{
		{"broken connection", llmtest.Reply{Text: strings.Repeat("a", 100), Cut: 2}, llm.Cut, 0},
		{"a stream that just ends", llmtest.Reply{Text: strings.Repeat("a", 100), Ends: 2}, llm.Cut, 0},
		{"rate limit", llmtest.Reply{Status: 429, RetryAfter: "7"}, llm.RateLimited, 7 * time.Second},
		{"no quota", llmtest.Reply{Status: 429, Message: "insufficient_quota"}, llm.Denied, 0},
		{"500", llmtest.Reply{Status: 500, Message: "oops"}, llm.Unavailable, 0},
		{"503 page", llmtest.Reply{Status: 503, Raw: "<html>" + strings.Repeat("x", 1<<20), RetryAfter: "2"}, llm.Unavailable, 2 * time.Second},
		{"401", llmtest.Reply{Status: 401}, llm.Denied, 0},
		{"404", llmtest.Reply{Status: 404, Message: "model not found"}, llm.Rejected, 0},
		{"too long", llmtest.Reply{Status: 400, Message: "maximum context length is 4096"}, llm.Rejected, 0},
		{"400 whatever is left out", llmtest.Reply{Status: 400, Raw: `{"error":"no"}`}, llm.Rejected, 0},
		{"garbage", llmtest.Reply{Raw: "data: {this is no JSON\n\n"}, llm.Garbage, 0},
		{"many lines of garbage", llmtest.Reply{Raw: strings.Repeat("<p>\n", 1000)}, llm.Garbage, 0},
		{"an error in the stream", llmtest.Reply{Raw: "data: {\"error\":{\"message\":\"out of memory\",\"type\":\"x\"}}\n\n"}, llm.Unavailable, 0},
		{"empty", llmtest.Reply{Text: " "}, llm.Garbage, 0},
		{"filtered", llmtest.Reply{Text: "abc", Finish: "content_filter"}, llm.Refused, 0},
		{"declined", llmtest.Reply{Refusal: "Không được."}, llm.Refused, 0},
	} {
		server := llmtest.NewServer(t)
		server.Chat = func(llmtest.Call) llmtest.Reply { return tt.reply }
		c, err := openai.New(openai.Config{BaseURL: server.URL, Key: "sk-bimat"}).Chat("m").Generate(context.Background(), request(), nil)
		var known *llm.Error
		if !errors.As(err, &known) || known.Kind != tt.kind || known.RetryAfter != tt.after {
			t.Errorf("%s: %+v, %v, want kind %q, retry after %v", tt.name, c, err, tt.kind, tt.after)
			continue
		}
		if len(err.Error()) > 600 || strings.Contains(err.Error(), "bimat") {
			t.Errorf("%s: error of %d bytes: %.700s", tt.name, len(err.Error()), err)
		}
	}
	_, err := openai.New(openai.Config{BaseURL: "http://127.0.0.1:1/v1"}).Chat("m").Generate(context.Background(), request(), nil)
	if llm.KindOf(err) != llm.Unavailable {
		t.Errorf("nobody listening: %v", err)
	}
}

func TestChatTruncated(t *testing.T) {
	server := llmtest.NewServer(t)
	server.Chat = func(llmtest.Call) llmtest.Reply { return llmtest.Reply{Text: "Lệ phí là", Finish: "length"} }
	c, err := openai.New(openai.Config{BaseURL: server.URL}).Chat("m").Generate(context.Background(), request(), nil)
	if err != nil || !c.Truncated {
		t.Errorf("Generate = %+v, %v, want truncated", c, err)
	}
}

func TestChatStopsWithItsReader(t *testing.T) {
	server := llmtest.NewServer(t)
	server.Chat = func(llmtest.Call) llmtest.Reply {
		return llmtest.Reply{Text: strings.Repeat("a", 1000), Every: time.Millisecond}
	}
	chat := openai.New(openai.Config{BaseURL: server.URL}).Chat("m")
	enough := errors.New("enough")
	if _, err := chat.Generate(context.Background(), request(), func(string) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Generate = %v, want the reader's error", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := chat.Generate(ctx, request(), func(string) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Generate = %v, want canceled", err)
	}
}

// Deadlines of package llm over a real connection.
func TestChatHardened(t *testing.T) {
	server := llmtest.NewServer(t)
	server.Chat = func(c llmtest.Call) llmtest.Reply {
		switch c.N {
		case 0:
			return llmtest.Reply{Status: http.StatusTooManyRequests, RetryAfter: "0.01"}
		case 1:
			return llmtest.Reply{Text: "được"}
		}
		return llmtest.Reply{Text: "muộn", First: time.Minute}
	}
	g := llm.Harden(openai.New(openai.Config{BaseURL: server.URL}).Chat("m"), llm.Limits{FirstToken: 100 * time.Millisecond, Backoff: time.Millisecond})
	if c, err := g.Generate(context.Background(), request(), nil); err != nil || c.Text != "được" {
		t.Errorf("after 429: %+v, %v", c, err)
	}
	if _, err := g.Generate(context.Background(), request(), nil); llm.KindOf(err) != llm.Slow {
		t.Errorf("no first token: %v", err)
	}
}

func TestChatAtOnce(t *testing.T) {
	server := llmtest.NewServer(t)
	server.Rejects = []string{"stream_options"}
	chat := openai.New(openai.Config{BaseURL: server.URL}).Chat("m")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := chat.Generate(context.Background(), request(), nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
