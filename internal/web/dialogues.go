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

// Dialogue is what is kept of one dialogue of the chat page.
type Dialogue struct {
	State []byte // of the responder, see webhook.Response; nil: none
	Page  []byte // what the page shows: JSON, masked; nil: nothing

	// Held is until when somebody of the office has the dialogue; see webhook.Message.
	Held *time.Time
}

// Dialogues keeps what the chat page remembers. Any number of goroutines, and where it
// is a database any number of processes, may use it.
type Dialogues interface {
	// Load returns what the last Save of a dialogue left, the zero Dialogue when there
	// is none or its time is over.
	Load(ctx context.Context, dialogue string) (Dialogue, error)

	// Save keeps, in one transaction, the state of m.Dialogue, which is that of r, its
	// page, and what came of the message: the outcome, the feedback, the ticket. The page
	// is what show makes of the one there is then (nil: none), since others may have
	// written meanwhile; it may be called again. With r.Erase everything kept about
	// m.Person goes, and show is not called; a nil state and page leave nothing.
	Save(ctx context.Context, m webhook.Message, r webhook.Response, show func(page []byte) []byte) error

	// Take gives show what others said in a dialogue, an officer for one, since the last
	// Take, oldest first, and the page becomes what show makes of it, all in one
	// transaction. Each is given once; when there is nothing show is not called. Show may
	// be called again.
	Take(ctx context.Context, dialogue string, show func(page []byte, said []webhook.Reply) []byte) error
}

// Limits of dialogues kept in memory.
const (
	memoryBytes = 32 << 20 // of all together; beyond it the oldest go
	memoryFor   = FoundFor // since the last message
)

// memory keeps dialogues while the process lives, the latest ones, and nothing of
// what came of them. It is for a server without a database.
type memory struct {
	now func() time.Time

	mu    sync.Mutex
	bytes int
	order *list.List // of *memoryEntry, the latest first
	at    map[string]*list.Element
}

type memoryEntry struct {
	name  string
	is    Dialogue
	until time.Time
	bytes int
}

// newMemory returns an empty memory. now may be nil: time.Now.
func newMemory(now func() time.Time) *memory {
	if now == nil {
		now = time.Now
	}
	return &memory{now: now, order: list.New(), at: make(map[string]*list.Element)}
}

// Load returns what is kept of a dialogue.
func (m *memory) Load(_ context.Context, dialogue string) (Dialogue, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.find(dialogue); k != nil {
		return k.is, nil
	}
	return Dialogue{}, nil
}

// Save keeps a dialogue.
func (m *memory) Save(_ context.Context, msg webhook.Message, r webhook.Response, show func(page []byte) []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.find(msg.Dialogue)
	if k == nil {
		k = &memoryEntry{name: msg.Dialogue}
	}
	if r.Erase {
		k.is = Dialogue{}
	} else {
		k.is = Dialogue{State: r.State, Page: show(k.is.Page)}
	}
	m.put(k)
	return nil
}

// Take finds nothing: without a database nobody of the office can say anything.
func (m *memory) Take(context.Context, string, func(page []byte, said []webhook.Reply) []byte) error {
	return nil
}

// find returns the entry of a dialogue, nil when there is none. The caller holds the
// lock.
func (m *memory) find(dialogue string) *memoryEntry {
	e, ok := m.at[dialogue]
	if !ok {
		return nil
	}
	k := e.Value.(*memoryEntry)
	if m.now().After(k.until) {
		m.drop(e)
		return nil
	}
	return k
}

// put keeps an entry as the latest, and lets go of the oldest when there is too
// much. An empty one is not kept. The caller holds the lock.
func (m *memory) put(k *memoryEntry) {
	if e, ok := m.at[k.name]; ok {
		m.drop(e)
	}
	if k.is.State == nil && k.is.Page == nil {
		return
	}
	k.until, k.bytes = m.now().Add(memoryFor), k.size()
	m.at[k.name] = m.order.PushFront(k)
	m.bytes += k.bytes
	for m.bytes > memoryBytes {
		m.drop(m.order.Back())
	}
}

// drop forgets one dialogue. The caller holds the lock.
func (m *memory) drop(e *list.Element) {
	k := m.order.Remove(e).(*memoryEntry)
	delete(m.at, k.name)
	m.bytes -= k.bytes
}

// size counts the entry with its place in the list and the table.
func (k *memoryEntry) size() int {
	return 256 + 2*len(k.name) + len(k.is.State) + len(k.is.Page)
}

var _ Dialogues = (*memory)(nil)
