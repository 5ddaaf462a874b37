package web

import (
	"container/list"
	"context"
	"sync"
	"time"

	"troly/internal/webhook"
)

// Channel is the name of the chat page among the channels.
const Channel = "web"

// Dialogues keeps what the chat page remembers of each dialogue. Any number of
// goroutines may use it; one dialogue is worked on by one at a time.
type Dialogues interface {
	// Load returns the record that the last Save of a dialogue left, nil when there
	// is none or its time is over.
	Load(ctx context.Context, dialogue string) (record []byte, err error)

	// Save keeps the record of m.Dialogue, and what came of the message: the
	// outcome, the feedback, the ticket, in one transaction. With r.Erase everything
	// kept about m.Person goes first; a nil record leaves nothing.
	Save(ctx context.Context, m webhook.Message, record []byte, r webhook.Response) error
}

// Limits of dialogues kept in memory.
const (
	memoryBytes = 32 << 20       // of all records together; beyond it the oldest go
	memoryFor   = 12 * time.Hour // since the last message
)

// Memory keeps dialogues while the process lives, the latest ones, and nothing of
// what came of them. It is for a server without a database.
type Memory struct {
	now func() time.Time

	mu    sync.Mutex
	bytes int
	order *list.List // of *kept, the latest first
	at    map[string]*list.Element
}

type kept struct {
	dialogue string
	record   []byte
	until    time.Time
}

// NewMemory returns an empty Memory. now may be nil: time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, order: list.New(), at: make(map[string]*list.Element)}
}

// Load returns what is kept of a dialogue.
func (m *Memory) Load(_ context.Context, dialogue string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.at[dialogue]
	if !ok {
		return nil, nil
	}
	k := e.Value.(*kept)
	if m.now().After(k.until) {
		m.drop(e)
		return nil, nil
	}
	return k.record, nil
}

// Save keeps a record, and lets go of the oldest when there is too much.
func (m *Memory) Save(_ context.Context, msg webhook.Message, record []byte, _ webhook.Response) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.at[msg.Dialogue]; ok {
		m.drop(e)
	}
	if record == nil {
		return nil
	}
	k := &kept{msg.Dialogue, record, m.now().Add(memoryFor)}
	m.at[k.dialogue] = m.order.PushFront(k)
	m.bytes += k.size()
	for m.bytes > memoryBytes {
		m.drop(m.order.Back())
	}
	return nil
}

// drop forgets one dialogue. The caller holds the lock.
func (m *Memory) drop(e *list.Element) {
	k := m.order.Remove(e).(*kept)
	delete(m.at, k.dialogue)
	m.bytes -= k.size()
}

// size counts the entry with its place in the list and the table.
func (k *kept) size() int { return len(k.record) + len(k.dialogue) + 256 }

var _ Dialogues = (*Memory)(nil)
