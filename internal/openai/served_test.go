package openai_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	api "github.com/sashabaranov/go-openai"

	"troly/internal/pipeline"
	"troly/internal/web"
)

// clerk writes one answer in pieces.
type clerk struct{ fails bool }

func (c clerk) Ask(ctx context.Context, q pipeline.Question) pipeline.Outcome {
	return c.Stream(ctx, q, func(string) {})
}

func (c clerk) Stream(_ context.Context, q pipeline.Question, release pipeline.Release) pipeline.Outcome {
	if c.fails {
		return pipeline.Outcome{Status: pipeline.Failed, Answer: "Xin lỗi"}
	}
	time.Sleep(20 * time.Millisecond) // signs of life come before the first piece
	release("Tám nghìn ")
	return pipeline.Outcome{
		Status: pipeline.Answered, Answer: "Tám nghìn đồng [1]", Usage: pipeline.Usage{PromptTokens: 7, CompletionTokens: 3},
		Citations: []pipeline.Citation{{N: 1, Document: "khai-sinh", Section: "le-phi", Title: "Đăng ký khai sinh", URL: "https://dichvucong.gov.vn/x"}},
	}
}

func (clerk) Search(context.Context, pipeline.Question) ([]pipeline.Retrieved, error) {
	return nil, nil
}

func served(t *testing.T, c clerk) *api.Client {
	server := httptest.NewServer(web.New(web.Options{Assistant: c, Log: slog.New(slog.DiscardHandler), KeepAlive: time.Millisecond}))
	t.Cleanup(server.Close)
	config := api.DefaultConfig("khong-can")
	config.BaseURL = server.URL + "/v1"
	return api.NewClientWithConfig(config)
}

const servedAnswer = "Tám nghìn đồng [1]\n\n**Nguồn**\n\n1. [Đăng ký khai sinh, mục Lệ phí](https://dichvucong.gov.vn/x)"

func question() api.ChatCompletionRequest {
	return api.ChatCompletionRequest{
		Model: "troly", Temperature: 0.5,
		Messages: []api.ChatCompletionMessage{
			{Role: api.ChatMessageRoleSystem, Content: "You are helpful."},
			{Role: api.ChatMessageRoleUser, MultiContent: []api.ChatMessagePart{{Type: api.ChatMessagePartTypeText, Text: "lệ phí khai sinh"}}},
		},
	}
}

// The endpoint that programs of others use is tried with a client of theirs.
func TestServedToAClient(t *testing.T) {
	client := served(t, clerk{})
	models, err := client.ListModels(t.Context())
	if err != nil || len(models.Models) == 0 || models.Models[0].ID != "troly" {
		t.Fatalf("ListModels = %+v, %v", models, err)
	}
	c, err := client.CreateChatCompletion(t.Context(), question())
	if err != nil || len(c.Choices) != 1 || c.Choices[0].Message.Content != servedAnswer || c.Choices[0].FinishReason != api.FinishReasonStop || c.Usage.TotalTokens != 10 || c.ID == "" || c.Model != "troly" {
		t.Errorf("CreateChatCompletion = %+v, %v, want %q", c, err, servedAnswer)
	}
}

func TestServedToAClientAsAStream(t *testing.T) {
	req := question()
	req.StreamOptions = &api.StreamOptions{IncludeUsage: true}
	stream, err := served(t, clerk{}).CreateChatCompletionStream(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var text strings.Builder
	pieces, finished, used := 0, false, 0
	for {
		c, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.Usage != nil {
			used = c.Usage.TotalTokens
		}
		for _, choice := range c.Choices {
			text.WriteString(choice.Delta.Content)
			if choice.Delta.Content != "" {
				pieces++
			}
			finished = finished || choice.FinishReason == api.FinishReasonStop
		}
	}
	if text.String() != servedAnswer || pieces < 2 || !finished || used != 10 {
		t.Errorf("stream = %q in %d pieces, finished %v, %d tokens; want %q", text.String(), pieces, finished, used, servedAnswer)
	}
}

func TestServedErrorsReachAClient(t *testing.T) {
	_, err := served(t, clerk{fails: true}).CreateChatCompletion(t.Context(), question())
	var told *api.APIError
	if !errors.As(err, &told) || told.HTTPStatusCode != 503 || told.Message != "Xin lỗi" {
		t.Errorf("CreateChatCompletion = %v, want what the server says", err)
	}
	req := question()
	req.Model = "gpt-4o"
	if _, err = served(t, clerk{}).CreateChatCompletion(t.Context(), req); !errors.As(err, &told) || told.HTTPStatusCode != 404 {
		t.Errorf("another model = %v, want 404", err)
	}
	stream, err := served(t, clerk{fails: true}).CreateChatCompletionStream(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for err == nil {
		_, err = stream.Recv()
	}
	if !errors.As(err, &told) || told.Message != "Xin lỗi" {
		t.Errorf("the stream ended with %v, want what the server says", err)
	}
}
