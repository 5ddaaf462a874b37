package database

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// ReceiveThen is what Receive of one row sends to PostgreSQL, with something to do before the commit.
func (db *DB) ReceiveThen(ctx context.Context, r Received, then func()) error {
	conn, err := db.read.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		return pgx.BeginFunc(ctx, driver.(*stdlib.Conn).Conn(), func(tx pgx.Tx) error {
			var batch pgx.Batch
			queueLanes(&batch, []Received{r}, db.millis())
			queueRows(&batch, []Received{r}, db.millis())
			if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
				return err
			}
			then()
			return nil
		})
	})
}

// FinishThen is Finish without a result, with something to do before the commit.
func (db *DB) FinishThen(ctx context.Context, job Job, then func()) error {
	return db.write(ctx, "finish", func(t *tx) error {
		if err := t.end(job, done, ""); err != nil {
			return err
		}
		if _, err := t.send(); err != nil {
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
		if _, err := t.send(); err != nil {
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
		if _, err := t.send(); err != nil {
			return err
		}
		then()
		return nil
	})
}

// TicketOf finds the open ticket of a dialogue. ErrNotFound: it has none.
func (db *DB) TicketOf(ctx context.Context, channel, dialogue string) (Ticket, error) {
	k, err := scanTicket(db.reading(ctx).row("SELECT "+ticketColumns+" FROM tickets WHERE channel = ? AND dialogue = ? AND "+openTicket, channel, dialogue))
	if err != nil {
		return Ticket{}, named("ticket of dialogue", err)
	}
	return k, nil
}

// Post puts the parts of a reply in the outbox. ErrUnreachable.
func (db *DB) Post(ctx context.Context, channel, dialogue, person string, parts [][]byte) error {
	return db.writeAnd(ctx, "post", true, func(t *tx) error {
		if err := t.toWrite(channel, dialogue); err != nil {
			return err
		}
		return t.post(channel, dialogue, person, parts, 0, false)
	})
}

// Erase is erase in a transaction of its own.
func (db *DB) Erase(ctx context.Context, channel, person string) (rows int, err error) {
	err = db.write(ctx, "erase", func(t *tx) (err error) {
		rows, err = t.erase(channel, person)
		return err
	})
	return rows, err
}

// PreviousToken is what was kept before the last change of a token; nil: nothing.
func (db *DB) PreviousToken(ctx context.Context, channel string) (previous []byte, err error) {
	err = db.reading(ctx).row("SELECT previous FROM tokens WHERE channel = ?", channel).Scan(&previous)
	return previous, err
}
