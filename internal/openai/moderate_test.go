package openai_test

import (
	"context"
	"testing"

	"troly/internal/llm"
	"troly/internal/llm/llmtest"
	"troly/internal/openai"
)

func TestModerate(t *testing.T) {
	server := llmtest.NewServer(t)
	server.Flags = "bạo lực"
	client := openai.New(openai.Config{BaseURL: server.URL})
	model := openai.ModerationModels()[0]
	for text, want := range map[string]bool{"làm khai sinh": false, "hình ảnh bạo lực": true} {
		if got, err := client.Moderate(context.Background(), model, text); err != nil || got != want {
			t.Errorf("Moderate(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	if body := server.Calls("/v1/moderations")[0].Body; body["model"] != model {
		t.Errorf("asked for %v, want model %s", body, model)
	}
	for _, tt := range []struct {
		name, model string
		reply       llmtest.Reply
		want        llm.Kind
	}{
		{"a model of another name", "llama-guard", llmtest.Reply{}, llm.Rejected},
		{"a server without moderation", model, llmtest.Reply{Status: 404, Message: "Not Found"}, llm.Rejected},
		{"no result", model, llmtest.Reply{Raw: `{"results":[]}`}, llm.Garbage},
		{"a page", model, llmtest.Reply{Raw: "<html>"}, llm.Garbage},
		{"too many", model, llmtest.Reply{Status: 429}, llm.RateLimited},
	} {
		server.Do(func(s *llmtest.Server) { s.Moderation = tt.reply })
		if flagged, err := client.Moderate(context.Background(), tt.model, "bạo lực"); flagged || llm.KindOf(err) != tt.want {
			t.Errorf("%s: %v, %v, want an error of kind %q", tt.name, flagged, err, tt.want)
		}
	}
}
