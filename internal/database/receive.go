package database

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Received is a delivery as the inbox keeps it.
type Received struct {
	Channel  string
	Key      string // names the delivery within the channel; it must not be made of the person's name
	Dialogue string // the chat: rows of one are worked on in the order they came
	Person   string // who is erased when they ask for it
	Body     []byte
	At       time.Time // zero: now
	Silent   bool      // nothing the person did towards us: LastHeard does not count it. Not given out again
}

// Receive takes rows in. When it returns nil they are durable: on SQLite the
// transaction is synced to the disk, on PostgreSQL it is committed with
// synchronous_commit. Calls that come at the same time share a transaction.
//
// A row whose channel and key were received in the last Options.Remember is
// ignored; fresh counts the others. ErrFull: too much waits, nothing of this call
// was taken. After any other error rows may have been taken all the same; to
// receive them again does no harm. It keeps no reference to the bodies.
func (db *DB) Receive(ctx context.Context, rows ...Received) (fresh int, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	o := &op{rows: rows}
	for _, r := range rows {
		o.bytes += len(r.Body) + len(r.Key) + 256
	}
	if err := db.writer.offer(ctx, o); err != nil {
		return 0, named("receive", err)
	}
	if o.fresh > 0 {
		db.wakeAll()
	}
	return o.fresh, nil
}

// gauge is how many jobs wait, as far as the writer knows: counting exactly costs
// more the more wait.
type gauge struct {
	mu      sync.Mutex
	waiting int
	added   int // since the last count
	valid   bool
}

// room decides which ops may be received, in order; the others get ErrFull.
func (db *DB) room(t *tx, ops []*op) error {
	rows := 0
	for _, o := range ops {
		rows += len(o.rows)
	}
	if rows == 0 {
		return nil
	}
	g := &db.gauge
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.valid || g.added > db.most/8 || g.waiting+rows > db.most {
		if err := t.row("SELECT count(*) FROM (SELECT 1 FROM inbox WHERE done = 0 LIMIT ?) AS waiting", db.most+1).Scan(&g.waiting); err != nil {
			return err
		}
		g.added, g.valid = 0, true
	}
	for _, o := range ops {
		if len(o.rows) == 0 {
			continue
		}
		if g.waiting+len(o.rows) > db.most {
			o.err = ErrFull
			continue
		}
		g.waiting += len(o.rows)
		g.added += len(o.rows)
	}
	return nil
}

// receive writes the rows of ops on SQLite, one small prepared statement each:
// within a transaction that is faster than one large one.
func (s *single) receive(t *tx, ops []*op) error {
	if err := s.db.room(t, ops); err != nil {
		return err
	}
	for _, o := range ops {
		if o.err != nil {
			continue
		}
		for i := range o.rows {
			fresh, err := t.receiveOne(&o.rows[i], s.db.keep)
			if err != nil {
				return err
			}
			o.fresh += fresh
		}
	}
	return nil
}

const forget = "DELETE FROM inbox WHERE channel = ? AND key = ? AND done > 0 AND seen < ?"

func (t *tx) receiveOne(r *Received, keep time.Duration) (int, error) {
	insert := func() (int64, error) {
		return t.exec(`INSERT INTO inbox (channel, key, dialogue, person, body, at, seen, silent) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (channel, key) DO NOTHING`, r.Channel, r.Key, r.Dialogue, r.Person, blob(r.Body), cmp.Or(millis(r.At), t.now), t.now, number(r.Silent))
	}
	n, err := insert()
	if err != nil {
		return 0, err
	}
	if n == 0 { // seen before, but perhaps too long ago to be the same
		if n, err = t.exec(forget, r.Channel, r.Key, t.now-keep.Milliseconds()); n == 0 || err != nil {
			return 0, err
		}
		if _, err = insert(); err != nil {
			return 0, err
		}
	}
	return 1, t.lane(inbox, r.Channel, r.Dialogue)
}

type delivery struct{ channel, key string }

// receiveAll writes the rows of ops on PostgreSQL: all in one round trip, but for
// rows that were seen before.
//
// Several calls of it may be on their way at once, here and in other processes. The
// order of a dialogue holds all the same: whoever receives for it takes its lane
// before a row draws its number, and keeps it until the commit. So the numbers of a
// dialogue are in the order of the commits, and an acknowledgement follows its
// commit: what is acknowledged before another call begins, or is committed before
// the other, has the smaller number and is given out first. Next cannot come in
// between either, since it passes over a lane that is held.
func (db *DB) receiveAll(ctx context.Context, ops []*op) error {
	if err := db.room(db.reading(ctx), ops); err != nil {
		return err
	}
	var rows []Received
	from := map[delivery]*op{} // the first that has it
	for _, o := range ops {
		if o.err != nil {
			continue
		}
		for _, r := range o.rows {
			r.Channel, r.Key, r.Dialogue, r.Person = clean(r.Channel), clean(r.Key), clean(r.Dialogue), clean(r.Person)
			d := delivery{r.Channel, r.Key}
			if from[d] == nil {
				from[d] = o
				rows = append(rows, r)
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	fresh, err := db.insertRows(ctx, rows)
	if err != nil {
		return err
	}
	for d := range fresh {
		from[d].fresh++
	}
	for _, r := range rows {
		if d := (delivery{r.Channel, r.Key}); !fresh[d] {
			n, err := db.receiveAgain(ctx, r)
			if err != nil {
				return err
			}
			from[d].fresh += n
		}
	}
	return nil
}

// insertRows says which rows were not there. Rows get their numbers in the order given.
func (db *DB) insertRows(ctx context.Context, rows []Received) (fresh map[delivery]bool, err error) {
	err = retried(func() error {
		conn, err := db.read.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		fresh = make(map[delivery]bool, len(rows))
		// Statements that are sent together are one transaction, without BEGIN and COMMIT.
		var batch pgx.Batch
		now := db.millis()
		queueLanes(&batch, rows, now)
		queueRows(&batch, rows, now).Query(func(rows pgx.Rows) error {
			var d delivery
			_, err := pgx.ForEachRow(rows, []any{&d.channel, &d.key}, func() error {
				fresh[d] = true
				return nil
			})
			return err
		})
		return conn.Raw(func(driver any) error { return driver.(*stdlib.Conn).Conn().SendBatch(ctx, &batch).Close() })
	})
	return fresh, err
}

func queueRows(batch *pgx.Batch, rows []Received, now int64) *pgx.QueuedQuery {
	var channels, keys, dialogues, persons []string
	var bodies [][]byte
	var ats []int64
	var silents []int16
	for _, r := range rows {
		channels, keys, dialogues, persons = append(channels, r.Channel), append(keys, r.Key), append(dialogues, r.Dialogue), append(persons, r.Person)
		bodies, ats, silents = append(bodies, blob(r.Body)), append(ats, cmp.Or(millis(r.At), now)), append(silents, int16(number(r.Silent)))
	}
	return batch.Queue(`INSERT INTO inbox (channel, key, dialogue, person, body, at, seen, silent)
		SELECT channel, key, dialogue, person, body, at, $1::bigint, silent
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bigint[], $8::smallint[]) WITH ORDINALITY AS r(channel, key, dialogue, person, body, at, silent, n) ORDER BY n
		ON CONFLICT (channel, key) DO NOTHING RETURNING channel, key`,
		now, channels, keys, dialogues, persons, bodies, ats, silents)
}

// receiveAgain is for a row that was there: perhaps too long ago to be the same. If
// it is the same, the lane that was opened for it is closed.
func (db *DB) receiveAgain(ctx context.Context, r Received) (fresh int, err error) {
	err = db.transact(ctx, func(t *tx) (err error) {
		if err = t.lane(inbox, r.Channel, r.Dialogue); err != nil {
			return err
		}
		if fresh, err = t.receiveOne(&r, db.keep); err != nil || fresh > 0 {
			return err
		}
		return t.settleAfter(inbox, r.Channel, r.Dialogue)
	})
	return fresh, err
}
