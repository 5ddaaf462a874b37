package llm

import "context"

// WithFallback asks second when first fails, unless something of the text was
// emitted already or the caller gave up.
func WithFallback(first, second Generator) Generator { return &fallback{first, second} }

type fallback struct{ first, second Generator }

func (f *fallback) Name() string { return f.first.Name() }

func (f *fallback) Generate(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	emitted := false
	watched := emit
	if emit != nil {
		watched = func(piece string) error {
			emitted = emitted || piece != ""
			return emit(piece)
		}
	}
	c, err := f.first.Generate(ctx, r, watched)
	if err == nil || emitted || ctx.Err() != nil {
		return c, err
	}
	return f.second.Generate(ctx, r, emit)
}
