package database

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"
)

// Count is how often something happened on a day.
type Count struct {
	Day     string // YYYY-MM-DD in the time of Viet Nam
	Channel string
	What    string // a status of outcomes, good and bad for feedback, "failed " and a check
	N       int
}

// office is the time in which days are counted.
var office = time.FixedZone("ICT", 7*60*60)

// tally is one more of a Count. They are written last in a transaction, since all
// that happens at the same time is counted in the same few rows.
type tally struct {
	day, channel, what string
	shard              int64
}

const shards = 16

// count adds one for something that has to do with an outcome.
func (t *tx) count(at int64, channel, what, outcome string) {
	t.tallies = append(t.tallies, tally{timeOf(at).In(office).Format(time.DateOnly), channel, what, nameNumber(outcome) & (shards - 1)})
}

func (t *tx) flush() error {
	slices.SortFunc(t.tallies, func(a, b tally) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.channel, b.channel), cmp.Compare(a.what, b.what), cmp.Compare(a.shard, b.shard))
	})
	for _, c := range t.tallies {
		if err := t.later("INSERT INTO counts (day, channel, what, shard, n) VALUES (?, ?, ?, ?, 1) ON CONFLICT (day, channel, what, shard) DO UPDATE SET n = counts.n + 1",
			c.day, c.channel, c.what, c.shard); err != nil {
			return err
		}
	}
	return nil
}

// Counts lists what happened on the days from the first to the last, both
// included. They stay when outcomes are deleted.
func (db *DB) Counts(ctx context.Context, first, last time.Time) ([]Count, error) {
	var out []Count
	err := db.reading(ctx).each(func(rows *sql.Rows) error {
		var c Count
		err := rows.Scan(&c.Day, &c.Channel, &c.What, &c.N)
		out = append(out, c)
		return err
	}, "SELECT day, channel, what, CAST(sum(n) AS BIGINT) FROM counts WHERE day >= ? AND day <= ? GROUP BY day, channel, what ORDER BY day, channel, what",
		first.In(office).Format(time.DateOnly), last.In(office).Format(time.DateOnly))
	return out, named("counts", err)
}
