package database

import "context"

// ReceiveThen is Receive of one row on PostgreSQL, with something to do before the commit.
func (db *DB) ReceiveThen(ctx context.Context, r Received, then func()) error {
	return db.transact(ctx, func(t *tx) error {
		fresh, err := t.insertRows([]Received{r})
		if err != nil {
			return err
		}
		if err := t.openLanes(fresh); err != nil {
			return err
		}
		then()
		return nil
	})
}

// FinishThen is Finish without a result, with something to do before the commit.
func (db *DB) FinishThen(ctx context.Context, job Job, then func()) error {
	return db.write(ctx, "finish", func(t *tx) error {
		if err := t.end(job, done, ""); err != nil {
			return err
		}
		then()
		return nil
	})
}

// PostThen is Post of one part, with something to do before the commit.
func (db *DB) PostThen(ctx context.Context, channel, dialogue, person, part string, then func()) error {
	return db.write(ctx, "post", func(t *tx) error {
		if err := t.post(channel, dialogue, person, [][]byte{[]byte(part)}, 0, false); err != nil {
			return err
		}
		then()
		return nil
	})
}

// SentThen is Sent, with something to do before the commit.
func (db *DB) SentThen(ctx context.Context, o Outgoing, then func()) error {
	return db.write(ctx, "sent", func(t *tx) error {
		if err := t.sent(o, ""); err != nil {
			return err
		}
		then()
		return nil
	})
}
