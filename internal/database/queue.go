package database

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// What done says of a row of the inbox or the outbox.
const (
	open    = 0
	done    = 1 // finished; sent
	failed  = 2
	dropped = 3 // outbox only: its person cannot be reached
)

// The two queues, as lanes tell them apart; statements write them as numbers.
const (
	inbox  = 0
	outbox = 1
)

var boxes = [...]int{inbox, outbox} // in the order in which lanes are held

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

// Job is a received row that was given out.
type Job struct {
	ID int64
	Received
	Attempt     int       // 1 the first time
	State       []byte    // what the last Finish of the dialogue left; nil: nothing
	Unreachable bool      // the chat was found unreachable before
	Held        time.Time // until when the bot is silent in this dialogue; zero: it is not
	Owner       string
}

// Result is everything that comes of a job.
type Result struct {
	State    []byte    // of the dialogue from now on; nil: it is forgotten
	Parts    [][]byte  // for the outbox, in order
	Outcome  *Outcome  // nil: none. Channel, Dialogue, Person and At may be left empty in this and the next two: then they are those of the job
	Feedback *Feedback // nil: none
	Ticket   *Ticket   // nil: none

	// Erase removes everything kept about the person, in every table. Of the rest of
	// the Result only Parts are written, and these go when they were sent.
	Erase bool

	Reachable *bool // whether the chat can be written to; nil: unchanged

	Note    string    // masked: what the person said, for the conversation of the open ticket, if there is one (of this Result or before)
	Hold    time.Time // the bot is silent in this dialogue until then; zero: unchanged
	Release bool      // the bot answers again, and the open ticket is released
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

// Next gives out up to n jobs to owner, for as long as lease: the oldest of each
// dialogue that has none in work anywhere and is not held back, longest waiting
// dialogue first. None: nothing to do now. Replicas must agree about the time to
// well within a lease.
func (db *DB) Next(ctx context.Context, owner string, n int, lease time.Duration) ([]Job, error) {
	now := db.millis()
	ready, err := db.any(ctx, "SELECT 1 FROM lanes WHERE box = 0 AND ready <= ? LIMIT 1", now)
	if err != nil || !ready || n <= 0 {
		return nil, named("next job", err)
	}
	var jobs []Job
	err = db.write(ctx, "next job", func(t *tx) error {
		jobs = nil
		if err := t.relaxed(); err != nil {
			return err
		}
		lanes, err := t.take(`WITH picked AS MATERIALIZED (SELECT channel, dialogue FROM lanes WHERE box = 0 AND ready <= ? ORDER BY ready LIMIT ?`+t.skipLocked()+`)
			UPDATE lanes SET ready = ? FROM picked WHERE lanes.box = 0 AND lanes.channel = picked.channel AND lanes.dialogue = picked.dialogue
			RETURNING lanes.channel, lanes.dialogue`, now, n, now+lease.Milliseconds())
		if err != nil {
			return err
		}
		for _, l := range lanes {
			j := Job{Received: Received{Channel: l[0], Dialogue: l[1]}, Owner: owner}
			switch err := t.claim(&j); err {
			case nil:
				jobs = append(jobs, j)
			case sql.ErrNoRows: // what it was opened for is gone
				if err := t.settle(inbox, l[0], l[1], now); err != nil {
					return err
				}
			default:
				return err
			}
		}
		return nil
	})
	slices.SortFunc(jobs, func(a, b Job) int { return cmp.Compare(a.ID, b.ID) })
	return jobs, err
}

// any says whether a query has a row. Asking first keeps those who look for work
// and find none away from the one writer.
func (db *DB) any(ctx context.Context, query string, args ...any) (bool, error) {
	var one int
	err := db.reading(ctx).row(query, args...).Scan(&one)
	return err == nil, ignore(err, sql.ErrNoRows)
}

// relaxed lets the transaction end before it is on the disk. It is for what may be
// forgotten when the server of PostgreSQL dies: that a job was given out. Then it is
// given out again, and whoever has it finds it lost; an end of the job that was
// acknowledged is on the disk and, since the log is in order, so is what led to it.
func (t *tx) relaxed() error {
	if !t.postgres {
		return nil // it shares its commit with others
	}
	return t.later("SET LOCAL synchronous_commit = off")
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

// claim takes the oldest open row of the lane of j.
func (t *tx) claim(j *Job) error {
	var at, held int64
	var unreachable int
	err := t.row(`UPDATE inbox SET attempt = attempt + 1, owner = ?
		WHERE id = (SELECT id FROM inbox WHERE channel = ? AND dialogue = ? AND done = 0 ORDER BY id LIMIT 1)
		RETURNING id, key, person, body, at, attempt,
			(SELECT state FROM dialogues WHERE dialogues.channel = inbox.channel AND dialogues.dialogue = inbox.dialogue),
			(SELECT count(*) FROM unreachable WHERE unreachable.channel = inbox.channel AND unreachable.dialogue = inbox.dialogue),
			(SELECT coalesce(max(until), 0) FROM holds WHERE holds.channel = inbox.channel AND holds.dialogue = inbox.dialogue AND until > ?)`,
		j.Owner, j.Channel, j.Dialogue, t.now).Scan(&j.ID, &j.Key, &j.Person, &j.Body, &at, &j.Attempt, &j.State, &unreachable, &held)
	j.At, j.Unreachable, j.Held = timeOf(at), unreachable > 0, timeOf(held)
	return err
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

// Renew makes the leases of jobs end lease from now. ErrLost: some are another's;
// those of the others are renewed all the same, and Finish tells which.
func (db *DB) Renew(ctx context.Context, jobs []Job, lease time.Duration) error {
	if len(jobs) == 0 {
		return nil
	}
	lost := 0
	err := db.write(ctx, "renew", func(t *tx) error {
		lost = 0
		for _, j := range sortedByLane(jobs) {
			if err := t.hold(inbox, j.Channel, j.Dialogue); err != nil {
				return err
			}
			n, err := t.exec(`UPDATE lanes SET ready = ? WHERE box = 0 AND channel = ? AND dialogue = ?
				AND EXISTS (SELECT 1 FROM inbox WHERE id = ? AND attempt = ? AND owner = ? AND done = 0)`,
				t.now+lease.Milliseconds(), j.Channel, j.Dialogue, j.ID, j.Attempt, j.Owner)
			if err != nil {
				return err
			}
			lost += 1 - int(n)
		}
		return nil
	})
	if err == nil && lost > 0 {
		err = named("renew", ErrLost)
	}
	return err
}

func sortedByLane(jobs []Job) []Job {
	return slices.SortedFunc(slices.Values(jobs), func(a, b Job) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Dialogue, b.Dialogue))
	})
}

// Finish ends a job and writes all that comes of it, in one transaction. ErrLost:
// another has the job or it was erased; nothing was written.
func (db *DB) Finish(ctx context.Context, job Job, r Result) error {
	return db.writeAnd(ctx, "finish", true, func(t *tx) error {
		if err := t.end(job, done, ""); err != nil {
			return err
		}
		if r.Erase {
			if err := t.forgetJob(job); err != nil {
				return err
			}
			if _, err := t.erase(job.Channel, job.Person); err != nil {
				return err
			}
			return t.post(job.Channel, job.Dialogue, job.Person, r.Parts, millis(job.At), true)
		}
		if err := t.keep(job, r); err != nil {
			return err
		}
		return t.post(job.Channel, job.Dialogue, job.Person, r.Parts, millis(job.At), false)
	})
}

// end marks a job and lets its lane go on.
func (t *tx) end(job Job, how int, reason string) error {
	if err := t.hold(inbox, job.Channel, job.Dialogue); err != nil {
		return err
	}
	n, err := t.exec("UPDATE inbox SET done = ?, body = ?, owner = '', reason = ?, finished = ? WHERE id = ? AND attempt = ? AND owner = ? AND done = 0",
		how, []byte{}, reason, t.now, job.ID, job.Attempt, job.Owner)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrLost
	}
	return t.settle(inbox, job.Channel, job.Dialogue, t.now)
}

// forgetJob leaves of a job only its key, so that the request to erase is not
// carried out again when the platform repeats it.
func (t *tx) forgetJob(job Job) error {
	_, err := t.exec("UPDATE inbox SET person = '', dialogue = '', reason = 'erased' WHERE id = ?", job.ID)
	return err
}

// keep writes what a Result holds besides parts.
func (t *tx) keep(job Job, r Result) error {
	if err := t.setState(job, r.State); err != nil {
		return err
	}
	if o := r.Outcome; o != nil {
		filled := *o
		fill(&filled.Channel, &filled.Dialogue, &filled.Person, &filled.At, job)
		if err := t.addOutcome(filled); err != nil {
			return err
		}
	}
	if f := r.Feedback; f != nil {
		filled := *f
		var dialogue string
		fill(&filled.Channel, &dialogue, &filled.Person, &filled.At, job)
		// Of an outcome that was erased, or that a forged press makes up, nothing is kept.
		if err := ignore(t.addFeedback(filled), sql.ErrNoRows); err != nil {
			return err
		}
	}
	if k := r.Ticket; k != nil {
		filled := *k
		fill(&filled.Channel, &filled.Dialogue, &filled.Person, &filled.Created, job)
		if _, err := t.addTicket(filled); err != nil {
			return err
		}
	}
	if r.Release {
		if err := t.release(job.Channel, job.Dialogue, TicketReleased); err != nil {
			return err
		}
	}
	if err := t.silence(job.Channel, job.Dialogue, job.Person, r.Hold, "ticket"); err != nil {
		return err
	}
	if r.Note != "" {
		if err := t.note(job.Channel, job.Dialogue, r.Note); err != nil {
			return err
		}
	}
	if r.Reachable == nil {
		return nil
	}
	if *r.Reachable {
		_, err := t.exec("DELETE FROM unreachable WHERE channel = ? AND dialogue = ?", job.Channel, job.Dialogue)
		return err
	}
	return t.setUnreachable(job.Channel, job.Dialogue, job.Person, "")
}

// fill gives what was left empty the values of the job.
func fill(channel, dialogue, person *string, at *time.Time, job Job) {
	*channel, *dialogue, *person = cmp.Or(*channel, job.Channel), cmp.Or(*dialogue, job.Dialogue), cmp.Or(*person, job.Person)
	if at.IsZero() {
		*at = job.At
	}
}

func (t *tx) setState(job Job, state []byte) error {
	if state == nil {
		return t.later("DELETE FROM dialogues WHERE channel = ? AND dialogue = ?", job.Channel, job.Dialogue)
	}
	return t.later(`INSERT INTO dialogues (channel, dialogue, person, state, updated) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (channel, dialogue) DO UPDATE SET person = excluded.person, state = excluded.state, updated = excluded.updated`,
		job.Channel, job.Dialogue, job.Person, state, t.now)
}

// Postpone gives a job back, to be given out again not before until; its dialogue
// waits behind it. ErrLost as in Finish.
func (db *DB) Postpone(ctx context.Context, job Job, until time.Time, reason string) error {
	return db.putBack(ctx, "postpone", job, 0, until, reason)
}

// PutBack is Postpone for a job that nothing was tried with: its Attempt does not count.
func (db *DB) PutBack(ctx context.Context, job Job, until time.Time, reason string) error {
	return db.putBack(ctx, "put back", job, 1, until, reason)
}

func (db *DB) putBack(ctx context.Context, what string, job Job, uncounted int, until time.Time, reason string) error {
	return db.write(ctx, what, func(t *tx) error {
		if err := t.hold(inbox, job.Channel, job.Dialogue); err != nil {
			return err
		}
		n, err := t.exec("UPDATE inbox SET owner = '', attempt = attempt - ?, reason = ? WHERE id = ? AND attempt = ? AND owner = ? AND done = 0", uncounted, reason, job.ID, job.Attempt, job.Owner)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrLost
		}
		return t.settle(inbox, job.Channel, job.Dialogue, millis(until))
	})
}

// GiveUp ends a job without a result: it is kept as failed, without its body.
// reason is a word for operators, not text of people. ErrLost as in Finish.
func (db *DB) GiveUp(ctx context.Context, job Job, reason string) error {
	return db.writeAnd(ctx, "give up", true, func(t *tx) error { return t.end(job, failed, reason) })
}
