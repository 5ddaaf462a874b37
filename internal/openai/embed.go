package openai

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"

	api "github.com/sashabaranov/go-openai"

	"troly/internal/llm"
)

var _ llm.Embedder = (*Embedder)(nil)

// Limits of one request for embeddings. Servers differ between 32 texts and 2048; a
// batch that is refused is halved, and the smaller size remembered.
const (
	maxInputs      = 64
	maxInputTokens = 8000   // of one text; longer ones keep their beginning
	maxBatchTokens = 100000 // of all texts of a request
)

// Embedder is one embedding model of a service.
type Embedder struct {
	client *Client
	model  string
	dims   int

	mu         sync.Mutex
	inputs     int  // texts in a request that was last taken
	shortening bool // the model gives vectors of dims numbers only when asked for them
}

// Embedder returns a model by its name, with vectors of dims numbers.
func (c *Client) Embedder(model string, dims int) *Embedder {
	return &Embedder{client: c, model: model, dims: dims, inputs: maxInputs}
}

// Dimensions implements llm.Embedder.
func (e *Embedder) Dimensions() int { return e.dims }

// Name implements llm.Embedder.
func (e *Embedder) Name() string { return fmt.Sprintf("%s/%d", e.model, e.dims) }

// prefix is what the E5 models want before a text: they were trained so
// (https://huggingface.co/intfloat/multilingual-e5-base).
func (e *Embedder) prefix(query bool) string {
	name := strings.ToLower(e.model)
	switch {
	case !strings.Contains(name, "e5-") || strings.Contains(name, "instruct") || strings.Contains(name, "mistral"):
		return ""
	case query:
		return "query: "
	}
	return "passage: "
}

// Embed implements llm.Embedder.
func (e *Embedder) Embed(ctx context.Context, texts []string, query bool) ([][]float32, error) {
	inputs := make([]string, len(texts))
	for i, text := range texts {
		inputs[i] = e.prefix(query) + cut(text, 3*maxInputTokens)
	}
	vectors := make([][]float32, 0, len(texts))
	for len(inputs) > 0 {
		n := e.batch(inputs)
		batch, err := e.request(ctx, inputs[:n])
		if n > 1 && llm.KindOf(err) == llm.Rejected {
			e.shrink(n / 2)
			continue
		}
		if err != nil {
			return nil, err
		}
		vectors, inputs = append(vectors, batch...), inputs[n:]
	}
	return vectors, nil
}

// batch is how many of the texts go into the next request; at least one.
func (e *Embedder) batch(inputs []string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	tokens := 0
	for i, text := range inputs[:min(len(inputs), e.inputs)] {
		tokens += llm.EstimateTokens(text)
		if i > 0 && tokens > maxBatchTokens {
			return i
		}
	}
	return min(len(inputs), e.inputs)
}

func (e *Embedder) shrink(inputs int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.inputs = min(e.inputs, inputs)
}

// request embeds one batch; vectors of another length are asked for once more with
// the length wanted, which models that can shorten their vectors obey.
func (e *Embedder) request(ctx context.Context, inputs []string) ([][]float32, error) {
	e.mu.Lock()
	shortening := e.shortening
	e.mu.Unlock()
	vectors, err := e.once(ctx, inputs, shortening)
	if shortening || llm.KindOf(err) != llm.Mismatched {
		return vectors, err
	}
	shorter, again := e.once(ctx, inputs, true)
	if again != nil {
		return nil, err
	}
	e.mu.Lock()
	e.shortening = true
	e.mu.Unlock()
	return shorter, nil
}

func (e *Embedder) once(ctx context.Context, inputs []string, shortening bool) ([][]float32, error) {
	what := fmt.Sprintf("embed %d texts with %s", len(inputs), e.model)
	call, n := noted(ctx)
	req := api.EmbeddingRequestStrings{Input: inputs, Model: api.EmbeddingModel(e.model)}
	if shortening {
		req.Dimensions = e.dims
	}
	resp, err := e.client.api.CreateEmbeddings(call, req)
	if err != nil {
		return nil, explain(ctx, what, n, err)
	}
	vectors, err := e.arrange(resp.Data, len(inputs))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return vectors, nil
}

// arrange puts vectors in the order of their texts and checks each.
func (e *Embedder) arrange(data []api.Embedding, n int) ([][]float32, error) {
	garbage := func(format string, args ...any) error {
		return &llm.Error{Kind: llm.Garbage, Err: fmt.Errorf(format, args...)}
	}
	if len(data) != n {
		return nil, garbage("%d vectors came", len(data))
	}
	vectors := make([][]float32, n)
	for _, d := range data {
		switch {
		case d.Index < 0 || d.Index >= n || vectors[d.Index] != nil:
			return nil, garbage("vector %d came twice or is of no text", d.Index)
		case len(d.Embedding) != e.dims:
			return nil, &llm.Error{Kind: llm.Mismatched, Err: fmt.Errorf("vectors of %d numbers came, %d are expected", len(d.Embedding), e.dims)}
		case !finite(d.Embedding):
			return nil, garbage("vector %d is empty or not finite", d.Index)
		}
		vectors[d.Index] = d.Embedding
	}
	return vectors, nil
}

// finite reports whether a vector has a direction.
func finite(v []float32) bool {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return sum > 0 && !math.IsInf(sum, 0) && !math.IsNaN(sum)
}

// cut keeps at most n bytes of a text, whole runes.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
