package openai

import (
	"errors"
	"strings"

	api "github.com/sashabaranov/go-openai"

	"troly/internal/llm"
)

// dialect is what one model on one server takes. Its zero value is tried first;
// without gives the next, until the server is content.
type dialect struct {
	limit         limitField
	format        formatField
	noUsage       bool // stream_options is refused
	noTemperature bool
}

// limitField is how the length of a completion is limited. max_tokens comes first:
// Ollama, LM Studio and llama.cpp ignore the newer name without a word, while servers
// that want the newer one say so.
type limitField int

const (
	maxTokens limitField = iota
	maxCompletionTokens
	noLimit
)

// formatField is how JSON is asked for, the strictest first.
type formatField int

const (
	jsonSchema formatField = iota
	jsonObject
	inWords // the prompt alone says so
)

// request writes a request in a dialect. seed is never sent: some servers refuse it,
// and temperature 0 already asks for the likeliest text.
func (d dialect) request(model string, r llm.Request) api.ChatCompletionRequest {
	req := api.ChatCompletionRequest{Model: model, Stream: true}
	for _, m := range r.Messages {
		req.Messages = append(req.Messages, api.ChatCompletionMessage{Role: string(m.Role), Content: m.Text})
	}
	switch d.limit {
	case maxTokens:
		//lint:ignore SA1019 the only name that Ollama, LM Studio and llama.cpp know
		req.MaxTokens = r.MaxTokens
	case maxCompletionTokens:
		req.MaxCompletionTokens = r.MaxTokens
	}
	if !d.noTemperature {
		req.Temperature = 1e-6 // go-openai leaves out 0, and the servers' own default is 1
	}
	if !d.noUsage {
		req.StreamOptions = &api.StreamOptions{IncludeUsage: true}
	}
	if r.Schema != nil {
		switch d.format {
		case jsonSchema:
			req.ResponseFormat = &api.ChatCompletionResponseFormat{Type: api.ChatCompletionResponseFormatTypeJSONSchema,
				JSONSchema: &api.ChatCompletionResponseFormatJSONSchema{Name: r.Schema.Name, Schema: r.Schema.JSON, Strict: true}}
		case jsonObject:
			req.ResponseFormat = &api.ChatCompletionResponseFormat{Type: api.ChatCompletionResponseFormatTypeJSONObject}
		}
	}
	return req
}

// without is the dialect to try after a server refused the request r: without the
// field it complains of, or else without the likeliest one. ok is false when nothing
// is left to leave out, or the reason is another.
func (d dialect) without(r llm.Request, err error) (next dialect, ok bool) {
	_, message := statusOf(err)
	message = strings.ToLower(message)
	limited, formatted := r.MaxTokens > 0 && d.limit != noLimit, r.Schema != nil && d.format != inWords
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(message, w) {
				return true
			}
		}
		return false
	}
	switch {
	case limited && (says("max_tokens", "max_completion_tokens") || errors.Is(err, api.ErrReasoningModelMaxTokensDeprecated)):
		d.limit++
	case says("context length", "context_length", "context size", "model not found", "does not exist"):
		return d, false
	case formatted && says("response_format", "json_schema", "json_object", "guided", "grammar", "schema"):
		d.format++
	case !d.noUsage && says("stream_options", "include_usage"):
		d.noUsage = true
	case !d.noTemperature && (says("temperature") || errors.Is(err, api.ErrReasoningModelLimitationsOther) || errors.Is(err, api.ErrReasoningSamplingUnsupported)):
		d.noTemperature = true
	case formatted:
		d.format++
	case !d.noUsage:
		d.noUsage = true
	case !d.noTemperature:
		d.noTemperature = true
	case limited:
		d.limit++
	default:
		return d, false
	}
	return d, true
}
