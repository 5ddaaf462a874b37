package database

import (
	"context"
	"database/sql"
	"time"
)

// Waiting is what is not done yet of a channel.
type Waiting struct {
	Channel string
	Inbox   Queue
	Outbox  Queue
}

// Queue is how much waits or is in work, and since when.
type Queue struct {
	Open   int
	Oldest time.Time // zero: nothing waits
}

// Waiting counts the queues of each channel that has something in one. It reads
// all that waits: some ten milliseconds for an inbox that is full. The outbox is
// counted after the inbox, so that an answer on its way from one to the other is not
// missed.
func (db *DB) Waiting(ctx context.Context) ([]Waiting, error) {
	var all []Waiting
	place := func(channel string) *Waiting {
		for i := range all {
			if all[i].Channel == channel {
				return &all[i]
			}
		}
		all = append(all, Waiting{Channel: channel})
		return &all[len(all)-1]
	}
	for _, look := range []struct {
		query string
		queue func(*Waiting) *Queue
	}{
		{"SELECT channel, count(*), min(at) FROM inbox WHERE done = 0 GROUP BY channel", func(w *Waiting) *Queue { return &w.Inbox }},
		{"SELECT channel, count(*), min(created) FROM outbox WHERE done = 0 GROUP BY channel", func(w *Waiting) *Queue { return &w.Outbox }},
	} {
		err := db.reading(ctx).each(func(rows *sql.Rows) error {
			var channel string
			var open int
			var oldest int64
			if err := rows.Scan(&channel, &open, &oldest); err != nil {
				return err
			}
			*look.queue(place(channel)) = Queue{Open: open, Oldest: timeOf(oldest)}
			return nil
		}, look.query)
		if err != nil {
			return nil, named("count what waits", err)
		}
	}
	return all, nil
}
