// Package llm says what we need from a model, and makes any model that gives it fit
// for people who wait: deadlines, retries, a circuit breaker, limits, a second model,
// a cache. Package openai provides models from an OpenAI-compatible service; nothing
// here dials out.
package llm

import (
	"context"
	"encoding/json"
)

// Embedder turns texts into vectors.
type Embedder interface {
	// Embed returns one vector of Dimensions numbers for each text, in order. Asking
	// with query set embeds questions, otherwise passages: some models differ.
	Embed(ctx context.Context, texts []string, query bool) ([][]float32, error)
	Dimensions() int
	// Name identifies the model and everything that changes its vectors.
	Name() string
}

// Generator writes text. Implementations are safe for concurrent use.
type Generator interface {
	// Generate completes a request. With emit set, it is given the pieces of the text
	// in order as they arrive, on the calling goroutine; an empty piece says that the
	// model is at work. An error of emit ends the call and is returned. An error is an
	// *Error unless it is emit's or says that ctx ended; then there is no completion,
	// whatever was emitted: a text cut off in the middle is an error.
	Generate(ctx context.Context, r Request, emit func(piece string) error) (Completion, error)
	// Name is the model's, for Outcome.Versions and caches.
	Name() string
}

// Role is who says a message.
type Role string

// The roles that are used: what was said before stands in the text of the prompt.
const (
	System Role = "system"
	User   Role = "user"
)

// Message is one message of a chat.
type Message struct {
	Role Role   `json:"role"`
	Text string `json:"text"`
}

// Request is what a model is asked. The temperature is always 0.
type Request struct {
	Messages  []Message `json:"messages"`
	Schema    *Schema   `json:"schema,omitempty"` // of the JSON wanted; nil: text
	MaxTokens int       `json:"max_tokens"`       // of the completion; 0: the server's own limit
	Prompts   string    `json:"prompts"`          // version of the prompts' wording
}

// Schema is a JSON schema with a name of letters, digits and _. A server may not
// enforce it: readers of the text check it all the same.
type Schema struct {
	Name string          `json:"name"`
	JSON json.RawMessage `json:"json"`
}

// Completion is a whole text a model wrote.
type Completion struct {
	Text      string
	Model     string // that wrote it: the second one after a fallback
	Truncated bool   // it ran into MaxTokens
	Cached    bool
	Usage     Usage
}

// Usage counts tokens; zero where a server does not say.
type Usage struct {
	PromptTokens     int
	CompletionTokens int
}

// Plus adds two counts.
func (u Usage) Plus(other Usage) Usage {
	return Usage{u.PromptTokens + other.PromptTokens, u.CompletionTokens + other.CompletionTokens}
}
