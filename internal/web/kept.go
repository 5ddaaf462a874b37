package web

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"troly/internal/database"
	"troly/internal/webhook"
)

// Store keeps dialogues for good; *database.DB is one.
type Store interface {
	Remembered(ctx context.Context, channel, dialogue string) (database.Remembered, error)
	Exchange(ctx context.Context, m database.Received, r database.Result, show func(page []byte) []byte) error
	TakeParts(ctx context.Context, channel, dialogue string, show func(page []byte, parts [][]byte) []byte) error
}

var _ Store = (*database.DB)(nil)

// Kept keeps dialogues of the chat page in a database: any process that has it may
// answer the next question, and what came of messages is kept as for every channel.
type Kept struct{ Store Store }

var _ Dialogues = Kept{}

// Load finds a dialogue.
func (k Kept) Load(ctx context.Context, dialogue string) (Dialogue, error) {
	r, err := k.Store.Remembered(ctx, Channel, dialogue)
	return Dialogue{State: r.State, Page: r.Page, Held: &r.Held}, err
}

// Save keeps a dialogue and what came of a message.
func (k Kept) Save(ctx context.Context, m webhook.Message, r webhook.Response, show func(page []byte) []byte) error {
	received := database.Received{Channel: m.Channel, Key: m.Key, Dialogue: m.Dialogue, Person: m.Person, At: m.Sent}
	return k.Store.Exchange(ctx, received, r.Result(time.Time{}), show)
}

// Take gives out the replies that were posted for a dialogue; see Letter. One that is no
// reply is passed over: it would stand in the way of all others.
func (k Kept) Take(ctx context.Context, dialogue string, show func(page []byte, said []webhook.Reply) []byte) error {
	return k.Store.TakeParts(ctx, Channel, dialogue, func(page []byte, parts [][]byte) []byte {
		var said []webhook.Reply
		for _, p := range parts {
			var r webhook.Reply
			if json.Unmarshal(p, &r) == nil && r.Text != "" {
				said = append(said, r)
			}
		}
		if len(said) == 0 {
			return page
		}
		return show(page, said)
	})
}

// Letter is a reply as it is put into the outbox for the chat page.
func Letter(r webhook.Reply) ([]byte, error) {
	part, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("letter for the web: %w", err)
	}
	return part, nil
}
