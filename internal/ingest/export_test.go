package ingest

import (
	"context"

	"troly/internal/corpus"
)

// Embed returns the vectors of chunks, in order.
func Embed(ctx context.Context, s *Syncer, chunks []corpus.Chunk) ([][]float32, error) {
	texts := make([]string, len(chunks))
	for i, c := range chunks {
		texts[i] = c.Text
	}
	return s.embed(ctx, texts)
}
