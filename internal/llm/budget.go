package llm

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// WithBudget lets at most tokens a day through, counted by the clock now; of a server
// that does not say what it used, the length of what was sent and got is counted. A
// call under way when the budget ends is finished.
func WithBudget(g Generator, tokens int, now func() time.Time) Generator {
	return &budgeted{Generator: g, tokens: tokens, now: now}
}

type budgeted struct {
	Generator
	tokens int
	now    func() time.Time

	mu   sync.Mutex
	day  string
	used int
}

func (b *budgeted) Generate(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	if used := b.spend(0); used >= b.tokens {
		return Completion{}, &Error{Kind: Exhausted, Err: fmt.Errorf("%d of %d tokens used today", used, b.tokens)}
	}
	c, err := b.Generator.Generate(ctx, r, emit)
	tokens := c.Usage.PromptTokens + c.Usage.CompletionTokens
	if tokens == 0 {
		tokens = EstimateTokens(c.Text)
		for _, m := range r.Messages {
			tokens += EstimateTokens(m.Text)
		}
	}
	b.spend(tokens)
	return c, err
}

// spend adds to what was used today and returns it.
func (b *budgeted) spend(tokens int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if day := b.now().Format(time.DateOnly); day != b.day {
		b.day, b.used = day, 0
	}
	b.used += tokens
	return b.used
}

// EstimateTokens guesses how many tokens a text has, rather too many: Vietnamese
// takes about one for each three bytes in the vocabularies in use.
func EstimateTokens(text string) int { return len(text)/3 + 1 }
