// Package llm says what we need from a model. Package openai provides it from an
// OpenAI-compatible service; nothing here dials out.
package llm

import "context"

// Embedder turns texts into vectors.
type Embedder interface {
	// Embed returns one vector of Dimensions numbers for each text, in order. Asking
	// with query set embeds questions, otherwise passages: some models differ.
	Embed(ctx context.Context, texts []string, query bool) ([][]float32, error)
	Dimensions() int
	// Name identifies the model and everything that changes its vectors.
	Name() string
}
