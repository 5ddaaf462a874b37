package web

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"troly/internal/webhook"
)

// Routes are the ways to call the API, as method and path.
func Routes(opts Options) []string {
	var list []string
	for _, r := range newAPI(opts, nil, nil).routes() {
		list = append(list, r.method+" "+r.path)
	}
	return list
}

// ConsoleRoutes are the routes of the console, as patterns of a mux.
func ConsoleRoutes(opts Options) []string {
	s := &server{assistant: opts.Assistant, log: opts.Log, guard: newGuard(opts), now: opts.Now, library: opts.Library, known: newKnown(opts.Library), look: newLook()}
	c := newConsole(s, *opts.Console)
	list := slices.Collect(maps.Keys(c.openRoutes()))
	for _, r := range c.routes() {
		list = append(list, r.pattern)
	}
	return list
}

// HashToken is what is kept of the token of a session.
var HashToken = hashToken

// CheckPassword reports whether a password is the one of a hash.
var CheckPassword = checkPassword

// AssetAddress is where a file of the pages is served.
func AssetAddress(name string) string { return must(newLook().address(name)) }

// Letterbox keeps dialogues in memory, and what others say in them, as an officer does by
// way of a database.
type Letterbox struct {
	*memory

	mu      sync.Mutex
	waiting map[string][]webhook.Reply
}

// NewLetterbox returns an empty Letterbox. now may be nil: time.Now.
func NewLetterbox(now func() time.Time) *Letterbox {
	return &Letterbox{memory: newMemory(now), waiting: make(map[string][]webhook.Reply)}
}

// Deliver leaves a reply for a dialogue until it is taken; false: there is no such
// dialogue, or its time is over.
func (l *Letterbox) Deliver(dialogue string, r webhook.Reply) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d, _ := l.Load(context.Background(), dialogue); d.State == nil && d.Page == nil {
		return false
	}
	l.waiting[dialogue] = append(l.waiting[dialogue], r)
	return true
}

// Take gives out what was delivered.
func (l *Letterbox) Take(ctx context.Context, dialogue string, show func(page []byte, said []webhook.Reply) []byte) error {
	l.mu.Lock()
	said := l.waiting[dialogue]
	delete(l.waiting, dialogue)
	l.mu.Unlock()
	if len(said) == 0 {
		return nil
	}
	d, err := l.Load(ctx, dialogue)
	if err != nil {
		return err
	}
	return l.Save(ctx, webhook.Message{Dialogue: dialogue}, webhook.Response{State: d.State}, func(page []byte) []byte { return show(page, said) })
}
