package llm

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync"
)

// WithCache keeps the last size completions in memory, by model and whole request,
// prompt version included. Only whole texts are kept, no failures and none that ran
// into their limit. A kept text is emitted in one piece and costs no tokens.
func WithCache(g Generator, size int) Generator {
	return &cached{Generator: g, size: size, order: list.New(), kept: make(map[[sha256.Size]byte]*list.Element)}
}

type cached struct {
	Generator
	size int

	mu    sync.Mutex
	order *list.List // of entries, last used first
	kept  map[[sha256.Size]byte]*list.Element
}

type entry struct {
	key        [sha256.Size]byte
	completion Completion
}

func (c *cached) Generate(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	key, err := requestKey(c.Name(), r)
	if err != nil {
		return c.Generator.Generate(ctx, r, emit)
	}
	if kept, ok := c.get(key); ok {
		if emit != nil {
			if err := emit(kept.Text); err != nil {
				return Completion{}, err
			}
		}
		return kept, nil
	}
	completion, err := c.Generator.Generate(ctx, r, emit)
	if err == nil && !completion.Truncated {
		c.put(key, completion)
	}
	return completion, err
}

// requestKey is the same for the same request, however its schema is laid out.
func requestKey(model string, r Request) ([sha256.Size]byte, error) {
	data, err := json.Marshal(struct {
		Model   string
		Request Request
	}{model, r}) // compacts the schema
	return sha256.Sum256(data), err
}

func (c *cached) get(key [sha256.Size]byte) (Completion, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.kept[key]
	if !ok {
		return Completion{}, false
	}
	c.order.MoveToFront(e)
	completion := e.Value.(entry).completion
	completion.Cached, completion.Usage = true, Usage{}
	return completion, true
}

func (c *cached) put(key [sha256.Size]byte, completion Completion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.kept[key]; ok {
		return // another call was faster
	}
	c.kept[key] = c.order.PushFront(entry{key, completion})
	for len(c.kept) > c.size {
		last := c.order.Back()
		delete(c.kept, last.Value.(entry).key)
		c.order.Remove(last)
	}
}
