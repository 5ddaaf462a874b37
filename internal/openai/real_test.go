package openai_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"troly/internal/llm"
	"troly/internal/openai"
)

// TestRealServer speaks to a server given by OPENAI_TEST_URL (with OPENAI_TEST_KEY): to
// the chat model OPENAI_TEST_MODEL and, if named, the embedding model
// OPENAI_TEST_EMBEDDING_MODEL. What it says is not judged, only that it is whole.
func TestRealServer(t *testing.T) {
	url := os.Getenv("OPENAI_TEST_URL")
	if url == "" {
		t.Skip("OPENAI_TEST_URL is not set")
	}
	client := openai.New(openai.Config{BaseURL: url, Key: os.Getenv("OPENAI_TEST_KEY")})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if model := os.Getenv("OPENAI_TEST_MODEL"); model != "" {
		pieces := 0
		c, err := client.Chat(model).Generate(ctx, llm.Request{
			Messages:  []llm.Message{{Role: llm.System, Text: "Trả lời bằng JSON."}, {Role: llm.User, Text: "Thủ đô của Việt Nam là thành phố nào?"}},
			Schema:    &llm.Schema{Name: "city", JSON: json.RawMessage(`{"type":"object","additionalProperties":false,"required":["city"],"properties":{"city":{"type":"string","maxLength":40}}}`)},
			MaxTokens: 400,
		}, func(string) error { pieces++; return nil })
		var reply struct{ City string }
		if err != nil || pieces < 2 || c.Usage.PromptTokens == 0 || c.Usage.CompletionTokens == 0 || json.Unmarshal([]byte(c.Text), &reply) != nil || reply.City == "" {
			t.Errorf("%s: %+v in %d pieces, %v; want JSON with a city, in pieces, with its tokens", model, c, pieces, err)
		}
	}
	if model := os.Getenv("OPENAI_TEST_EMBEDDING_MODEL"); model != "" {
		_, err := client.Embedder(model, 1).Embed(ctx, []string{"giấy khai sinh"}, true) // what length it has is not known
		if err != nil && llm.KindOf(err) != llm.Mismatched {
			t.Errorf("%s: %v, want a vector", model, err)
		}
	}
}
