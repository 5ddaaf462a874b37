package openai

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	api "github.com/sashabaranov/go-openai"

	"troly/internal/llm"
)

var _ llm.Generator = (*Chat)(nil)

// Chat is one chat model of a service.
type Chat struct {
	client *Client
	model  string

	mu      sync.Mutex
	dialect dialect // that was last taken
}

// Chat returns a model by its name.
func (c *Client) Chat(model string) *Chat { return &Chat{client: c, model: model} }

// Name implements llm.Generator.
func (c *Chat) Name() string { return c.model }

// Generate implements llm.Generator. The text is always streamed, so that a model that
// has begun can be told from one that hangs.
func (c *Chat) Generate(ctx context.Context, r llm.Request, emit func(string) error) (llm.Completion, error) {
	if emit == nil {
		emit = func(string) error { return nil }
	}
	d := c.current()
	for {
		completion, err := c.once(ctx, d, r, emit)
		if err == nil {
			c.remember(d)
			return completion, nil
		}
		var refused *refusal
		if !errors.As(err, &refused) {
			return llm.Completion{}, err
		}
		next, ok := d.without(r, refused.err)
		if !ok {
			return llm.Completion{}, refused.explained
		}
		d = next
	}
}

// refusal is a request that the server, or go-openai for it, would not take.
type refusal struct{ err, explained error }

func (r *refusal) Error() string { return r.explained.Error() }
func (r *refusal) Unwrap() error { return r.explained }

func (c *Chat) current() dialect {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialect
}

func (c *Chat) remember(d dialect) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialect = d
}

// once makes one request and reads its stream.
func (c *Chat) once(ctx context.Context, d dialect, r llm.Request, emit func(string) error) (llm.Completion, error) {
	what := fmt.Sprintf("chat with %s", c.model)
	call, n := noted(ctx)
	stream, err := c.client.api.CreateChatCompletionStream(call, d.request(c.model, r))
	if err != nil {
		explained := explain(ctx, what, n, err)
		if status, _ := statusOf(err); status == http.StatusBadRequest || status == http.StatusUnprocessableEntity || validation(err) {
			return llm.Completion{}, &refusal{err, explained}
		}
		return llm.Completion{}, explained
	}
	defer stream.Close()
	completion, err := c.read(stream, n, emit)
	var reader emitError
	switch {
	case errors.As(err, &reader):
		return llm.Completion{}, reader.error
	case err != nil:
		return llm.Completion{}, explain(ctx, what, n, err)
	}
	return completion, nil
}

// validation reports whether go-openai itself refused a request for what it knows of
// the model.
func validation(err error) bool {
	return errors.Is(err, api.ErrReasoningModelMaxTokensDeprecated) || errors.Is(err, api.ErrReasoningModelLimitationsOther) || errors.Is(err, api.ErrReasoningSamplingUnsupported)
}

// emitError is an error of the reader of a text.
type emitError struct{ error }

func (e emitError) Unwrap() error { return e.error }

// read collects a stream. It is whole when a reason for its end was given or its mark
// came; a stream that merely stops is not, however much of it there is.
func (c *Chat) read(stream *api.ChatCompletionStream, n *note, emit func(string) error) (llm.Completion, error) {
	completion := llm.Completion{Model: c.model}
	var text strings.Builder
	finish := api.FinishReason("")
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && finish != "" {
			break // only the count of tokens is lost
		}
		if err != nil {
			return completion, err
		}
		if chunk.Model != "" {
			completion.Model = chunk.Model
		}
		if chunk.Usage != nil {
			completion.Usage = llm.Usage{PromptTokens: chunk.Usage.PromptTokens, CompletionTokens: chunk.Usage.CompletionTokens}
		}
		if len(chunk.Choices) == 0 {
			continue
		}
		choice := chunk.Choices[0]
		if choice.FinishReason != "" {
			finish = choice.FinishReason
		}
		if choice.Delta.Refusal != "" || finish == api.FinishReasonContentFilter {
			return completion, &llm.Error{Kind: llm.Refused, Err: fmt.Errorf("chat with %s: %s", c.model, short("declined "+choice.Delta.Refusal))}
		}
		if choice.Delta.Content == "" && choice.Delta.ReasoningContent == "" {
			continue
		}
		text.WriteString(choice.Delta.Content)
		if err := emit(choice.Delta.Content); err != nil {
			return completion, emitError{err}
		}
	}
	completion.Text, completion.Truncated = text.String(), finish == api.FinishReasonLength
	switch {
	case finish == "" && !n.done:
		return completion, io.ErrUnexpectedEOF
	case strings.TrimSpace(completion.Text) == "":
		return completion, &llm.Error{Kind: llm.Garbage, Err: fmt.Errorf("chat with %s: an empty text", c.model)}
	}
	return completion, nil
}
