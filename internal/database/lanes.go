package database

import (
	"cmp"
	"database/sql"
	"slices"

	"github.com/jackc/pgx/v5"
)

// A lane is a dialogue that has something open in one of the two queues. It is in work or
// held back until ready, and whoever changes what is in it holds its row: that is how
// order within a dialogue is kept. Statements write the queues as numbers.
const (
	inbox  = 0
	outbox = 1
)

var boxes = [...]int{inbox, outbox} // in the order in which lanes are held

// lane opens the lane of a dialogue, or takes hold of it when it is open: whoever
// ends the last work in it must see what was added.
func (t *tx) lane(box int, channel, dialogue string) error {
	const insert = "INSERT INTO lanes (box, channel, dialogue, ready) VALUES (?, ?, ?, ?) ON CONFLICT (channel, dialogue, box) DO "
	query := insert + "NOTHING" // there is one writer
	if t.postgres {
		query = insert + "UPDATE SET ready = lanes.ready WHERE false" // locks it without writing it anew
	}
	return t.later(query, box, channel, dialogue, t.now)
}

// queueLanes is lane for many, each once and always in the same order: two
// that take hold of the same lanes must not wait for each other.
func queueLanes(batch *pgx.Batch, rows []Received, now int64) {
	lanes := make([][2]string, len(rows))
	for i, r := range rows {
		lanes[i] = [2]string{r.Channel, r.Dialogue}
	}
	slices.SortFunc(lanes, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	lanes = slices.Compact(lanes)
	channels, dialogues := make([]string, len(lanes)), make([]string, len(lanes))
	for i, l := range lanes {
		channels[i], dialogues[i] = l[0], l[1]
	}
	batch.Queue(`INSERT INTO lanes (box, channel, dialogue, ready)
		SELECT 0, channel, dialogue, $1::bigint FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS l(channel, dialogue, n) ORDER BY n
		ON CONFLICT (channel, dialogue, box) DO UPDATE SET ready = lanes.ready WHERE false`, now, channels, dialogues)
}

// take runs an update of lanes and returns the channel and dialogue of each.
func (t *tx) take(query string, args ...any) (lanes [][2]string, err error) {
	err = t.each(func(rows *sql.Rows) error {
		var l [2]string
		err := rows.Scan(&l[0], &l[1])
		lanes = append(lanes, l)
		return err
	}, query, args...)
	return lanes, err
}

// hold takes hold of a lane until the end of the transaction. Whoever changes rows
// of a lane holds it first, so that nobody waits in a circle.
func (t *tx) hold(box int, channel, dialogue string) error {
	if !t.postgres {
		return nil // there is one writer
	}
	return t.later("SELECT 1 FROM lanes WHERE box = ? AND channel = ? AND dialogue = ? FOR UPDATE", box, channel, dialogue)
}

// settle closes a lane in which nothing is open; another is ready at the time given.
func (t *tx) settle(box int, channel, dialogue string, ready int64) error {
	table := "inbox"
	if box == outbox {
		table = "outbox"
	}
	err := t.later("DELETE FROM lanes WHERE box = ? AND channel = ? AND dialogue = ? AND NOT EXISTS (SELECT 1 FROM "+table+" WHERE channel = ? AND dialogue = ? AND done = 0)",
		box, channel, dialogue, channel, dialogue)
	if err != nil {
		return err
	}
	return t.later("UPDATE lanes SET ready = ? WHERE box = ? AND channel = ? AND dialogue = ?", ready, box, channel, dialogue)
}

func sortedByLane(jobs []Job) []Job {
	return slices.SortedFunc(slices.Values(jobs), func(a, b Job) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Dialogue, b.Dialogue))
	})
}

// settleAfter closes a lane out of which things were deleted when nothing is left,
// and otherwise leaves it as it is: what is left may be in work.
func (t *tx) settleAfter(box int, channel, dialogue string) error {
	var ready int64
	err := t.row("SELECT ready FROM lanes WHERE box = ? AND channel = ? AND dialogue = ?", box, channel, dialogue).Scan(&ready)
	if err != nil {
		return ignore(err, sql.ErrNoRows)
	}
	return t.settle(box, channel, dialogue, ready)
}

// moveLanes joins two lanes: neither may be ready before the other.
func (t *tx) moveLanes(channel, from, to string) error {
	for _, box := range boxes {
		var ready int64
		err := t.row("DELETE FROM lanes WHERE box = ? AND channel = ? AND dialogue = ? RETURNING ready", box, channel, from).Scan(&ready)
		if err == sql.ErrNoRows {
			continue
		}
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO lanes (box, channel, dialogue, ready) VALUES (?, ?, ?, ?) ON CONFLICT (channel, dialogue, box)
			DO UPDATE SET ready = CASE WHEN lanes.ready > excluded.ready THEN lanes.ready ELSE excluded.ready END`, box, channel, to, ready)
		if err != nil {
			return err
		}
	}
	return nil
}
