// Package llmtest stands in for models in tests: Script for one in the process,
// Server for a service that speaks the OpenAI API, its errors and oddities included.
package llmtest

import (
	"context"
	"time"

	"troly/internal/llm"
)

// Script is a generator whose texts a function writes.
type Script struct {
	Reply func(ctx context.Context, r llm.Request) (string, error)
	Model string        // name; empty: "script"
	Size  int           // runes in a piece; 0: 12, about three tokens
	Every time.Duration // before each piece
	Whole time.Duration // for the whole text, its pieces evenly; instead of Every
}

var _ llm.Generator = (*Script)(nil)

// Name implements llm.Generator.
func (s *Script) Name() string {
	if s.Model == "" {
		return "script"
	}
	return s.Model
}

// Generate implements llm.Generator.
func (s *Script) Generate(ctx context.Context, r llm.Request, emit func(string) error) (llm.Completion, error) {
	text, err := s.Reply(ctx, r)
	if err != nil {
		return llm.Completion{}, err
	}
	list, every := pieces(text, s.Size), s.Every
	if s.Whole > 0 {
		every = s.Whole / time.Duration(len(list))
	}
	for _, piece := range list {
		if err := pause(ctx, every); err != nil {
			return llm.Completion{}, err
		}
		if emit == nil {
			continue
		}
		if err := emit(piece); err != nil {
			return llm.Completion{}, err
		}
	}
	usage := llm.Usage{CompletionTokens: llm.EstimateTokens(text)}
	for _, m := range r.Messages {
		usage.PromptTokens += llm.EstimateTokens(m.Text)
	}
	return llm.Completion{Text: text, Model: s.Name(), Usage: usage}, nil
}

// pieces cuts a text as a model sends it.
func pieces(text string, size int) []string {
	if size == 0 {
		size = 12
	}
	runes := []rune(text)
	var list []string
	for len(runes) > size {
		list = append(list, string(runes[:size]))
		runes = runes[size:]
	}
	return append(list, string(runes))
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
