package llm

import "context"

// Call is one call to a model, as those who measure see it: without texts.
type Call struct {
	Operation string // chat or embeddings
	Model     string
}

// Result is what came of a call.
type Result struct {
	Model string // that answered: another one after a fallback; "" when none did
	Usage Usage  // zero where nobody counts
	Err   error
}

// Observer is told when a call begins; the call is made with the context it returns,
// and done is called once with the result.
type Observer func(ctx context.Context, c Call) (_ context.Context, done func(Result))

// Observe tells o of each call of g. Put it inside a cache, and what is served from
// memory is no call. A nil o observes nothing.
func Observe(g Generator, o Observer) Generator {
	if o == nil {
		return g
	}
	return &observed{g, o}
}

type observed struct {
	Generator
	observer Observer
}

func (g *observed) Generate(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	ctx, done := g.observer(ctx, Call{"chat", g.Name()})
	c, err := g.Generator.Generate(ctx, r, emit)
	done(Result{c.Model, c.Usage, err})
	return c, err
}

// ObserveEmbedder tells o of each call of e; a nil o observes nothing.
func ObserveEmbedder(e Embedder, o Observer) Embedder {
	if o == nil {
		return e
	}
	return &observedEmbedder{e, o}
}

type observedEmbedder struct {
	Embedder
	observer Observer
}

func (e *observedEmbedder) Embed(ctx context.Context, texts []string, query bool) ([][]float32, error) {
	ctx, done := e.observer(ctx, Call{"embeddings", e.Name()})
	vectors, err := e.Embedder.Embed(ctx, texts, query)
	model := e.Name()
	if err != nil {
		model = ""
	}
	done(Result{Model: model, Err: err})
	return vectors, err
}
