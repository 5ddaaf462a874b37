package database

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrChanged says that somebody else was faster: the row differs from what the caller
// saw.
var ErrChanged = errors.New("database: changed meanwhile")

// TicketStatus is how far a ticket is.
type TicketStatus string

// The statuses of a ticket. The first two and Answered are open: the dialogue has at most one such.
const (
	TicketOpen     TicketStatus = "open"
	TicketAssigned TicketStatus = "assigned"
	TicketAnswered TicketStatus = "answered"
	TicketReleased TicketStatus = "released" // the bot answers again
	TicketClosed   TicketStatus = "closed"
)

// Ticket asks for a human.
type Ticket struct {
	ID       int64 // given by the database
	Channel  string
	Dialogue string
	Person   string
	Outcome  string // the last one; empty: none
	Reason   string // asked, repeated-failure …
	Summary  string // masked
	Commune  string
	Topic    string // document
	Status   TicketStatus
	Assignee string    // name of an account; empty: nobody
	Due      time.Time // zero: none
	Created  time.Time
	Updated  time.Time
}

const ticketColumns = "id, channel, dialogue, person, outcome, reason, summary, commune, topic, status, assignee, due, created, updated"

func scanTicket(row interface{ Scan(...any) error }) (Ticket, error) {
	var k Ticket
	var due, created, updated int64
	err := row.Scan(&k.ID, &k.Channel, &k.Dialogue, &k.Person, &k.Outcome, &k.Reason, &k.Summary, &k.Commune, &k.Topic, &k.Status, &k.Assignee, &due, &created, &updated)
	k.Due, k.Created, k.Updated = timeOf(due), timeOf(created), timeOf(updated)
	return k, err
}

const openTicket = "status IN ('open', 'assigned', 'answered')"

// addTicket opens a ticket; a dialogue that has one open keeps that, brought up to date.
func (t *tx) addTicket(k Ticket) (id int64, err error) {
	err = t.row(`UPDATE tickets SET updated = ?, outcome = ?, reason = ?, summary = ?,
			commune = CASE WHEN ? = '' THEN commune ELSE ? END, topic = CASE WHEN ? = '' THEN topic ELSE ? END
		WHERE channel = ? AND dialogue = ? AND `+openTicket+` RETURNING id`,
		t.now, k.Outcome, k.Reason, k.Summary, k.Commune, k.Commune, k.Topic, k.Topic, k.Channel, k.Dialogue).Scan(&id)
	if err != sql.ErrNoRows {
		return id, err
	}
	err = t.row(`INSERT INTO tickets (channel, dialogue, person, outcome, reason, summary, commune, topic, status, assignee, due, created, updated)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, ?) RETURNING id`,
		k.Channel, k.Dialogue, k.Person, k.Outcome, k.Reason, k.Summary, k.Commune, k.Topic, k.Assignee, millis(k.Due), cmp.Or(millis(k.Created), t.now), t.now).Scan(&id)
	return id, err
}

// TicketByID finds a ticket; ErrNotFound when there is none.
func (db *DB) TicketByID(ctx context.Context, id int64) (Ticket, error) {
	k, err := scanTicket(db.reading(ctx).row("SELECT "+ticketColumns+" FROM tickets WHERE id = ?", id))
	if err != nil {
		return Ticket{}, named("ticket", err)
	}
	return k, nil
}

// TicketFilter chooses tickets; empty fields choose all.
type TicketFilter struct {
	Status         []TicketStatus
	Assignee       string
	Unassigned     bool
	Channel        string
	Commune, Topic string
	From, To       time.Time // created; To is excluded
	DueBefore      time.Time // only tickets with a due time, before this
	After          int64     // only tickets newer than the one with this ID; 0: from the oldest
	Limit          int       // 0: 100
}

// Tickets lists tickets, oldest first.
func (db *DB) Tickets(ctx context.Context, f TicketFilter) ([]Ticket, error) {
	var c conditions
	among(&c, "status", f.Status)
	c.text("assignee", f.Assignee)
	if f.Unassigned {
		c.add("assignee = ''")
	}
	c.text("channel", f.Channel)
	c.text("commune", f.Commune)
	c.text("topic", f.Topic)
	c.period("created", f.From, f.To)
	if !f.DueBefore.IsZero() {
		c.add("due > 0 AND due < ?", millis(f.DueBefore))
	}
	if f.After > 0 {
		c.add("id > ?", f.After)
	}
	var out []Ticket
	err := db.reading(ctx).each(func(rows *sql.Rows) error {
		k, err := scanTicket(rows)
		out = append(out, k)
		return err
	}, "SELECT "+ticketColumns+" FROM tickets"+c.where()+" ORDER BY id LIMIT ?", c.with(limit(f.Limit))...)
	return out, named("tickets", err)
}

// OpenTicket opens a ticket for a dialogue because an officer chose to; one that is
// open already is brought up to date instead. It returns the ID.
func (db *DB) OpenTicket(ctx context.Context, by By, k Ticket) (id int64, err error) {
	err = db.write(ctx, "open ticket", func(t *tx) error {
		if id, err = t.addTicket(k); err != nil {
			return err
		}
		return t.audit(by, "open ticket", ticketName(id))
	})
	return id, err
}

func ticketName(id int64) string { return fmt.Sprintf("ticket %d", id) }

// ticket reads a ticket in order to change it.
func (t *tx) ticket(id int64) (Ticket, error) {
	return scanTicket(t.row("SELECT "+ticketColumns+" FROM tickets WHERE id = ?"+t.forUpdate(), id))
}

// AssignTicket gives an open ticket that belongs to from (empty: nobody) to another,
// with a due time, zero for none. ErrChanged: it does not belong to from, or it is
// not open. ErrNotFound.
func (db *DB) AssignTicket(ctx context.Context, by By, id int64, from, to string, due time.Time) error {
	return db.write(ctx, "assign ticket", func(t *tx) error {
		k, err := t.ticket(id)
		if err != nil {
			return err
		}
		if k.Assignee != from || !k.isOpen() {
			return ErrChanged
		}
		status := k.Status
		if to == "" && status == TicketAssigned {
			status = TicketOpen
		}
		if to != "" && status == TicketOpen {
			status = TicketAssigned
		}
		if _, err := t.exec("UPDATE tickets SET assignee = ?, due = ?, status = ?, updated = ? WHERE id = ?", to, millis(due), string(status), t.now, id); err != nil {
			return err
		}
		return t.audit(by, "assign ticket", ticketName(id)+" to "+cmp.Or(to, "nobody"))
	})
}

func (k Ticket) isOpen() bool { return k.Status != TicketReleased && k.Status != TicketClosed }

// TicketMessage is a line of the conversation between a resident and an officer.
type TicketMessage struct {
	ID     int64
	Side   string // resident, staff
	Author string // of staff: the account
	Text   string // masked
	At     time.Time
}

// TicketMessages lists the conversation of a ticket, oldest first.
func (db *DB) TicketMessages(ctx context.Context, id int64) ([]TicketMessage, error) {
	var out []TicketMessage
	err := db.reading(ctx).each(func(rows *sql.Rows) error {
		var m TicketMessage
		var at int64
		err := rows.Scan(&m.ID, &m.Side, &m.Author, &m.Text, &at)
		m.At = timeOf(at)
		out = append(out, m)
		return err
	}, "SELECT id, side, author, text, at FROM ticket_messages WHERE ticket = ? ORDER BY id", id)
	return out, named("ticket messages", err)
}

func (t *tx) say(ticket int64, side, author, text string) error {
	_, err := t.exec("INSERT INTO ticket_messages (ticket, side, author, text, at) VALUES (?, ?, ?, ?, ?)", ticket, side, author, text, t.now)
	return err
}

// ReplyTicket sends an officer's reply: its text, masked, joins the conversation, its parts go to
// the outbox, the ticket is answered and the bot stays silent until the time given
// (zero: as it is), all or nothing. ErrChanged: the ticket has ended.
// ErrNotFound: there is none, or it was erased. ErrUnreachable.
func (db *DB) ReplyTicket(ctx context.Context, by By, id int64, text string, parts [][]byte, silent time.Time) error {
	return db.writeAnd(ctx, "reply to ticket", true, func(t *tx) error {
		k, err := t.ticket(id)
		if err != nil {
			return err
		}
		if !k.isOpen() {
			return ErrChanged
		}
		if err := t.toWrite(k.Channel, k.Dialogue); err != nil {
			return err
		}
		if err := t.say(id, "staff", by.Who, text); err != nil {
			return err
		}
		_, err = t.exec("UPDATE tickets SET status = 'answered', assignee = CASE WHEN assignee = '' THEN ? ELSE assignee END, updated = ? WHERE id = ?", by.Who, t.now, id)
		if err != nil {
			return err
		}
		if err := t.silence(k.Channel, k.Dialogue, k.Person, silent, "ticket"); err != nil {
			return err
		}
		if err := t.audit(by, "reply to ticket", ticketName(id)); err != nil {
			return err
		}
		return t.post(k.Channel, k.Dialogue, k.Person, parts, 0, false)
	})
}

// EndTicket releases a dialogue to the bot (TicketReleased) or closes its ticket
// (TicketClosed); either way the bot answers again. ErrChanged: it has ended before.
func (db *DB) EndTicket(ctx context.Context, by By, id int64, as TicketStatus) error {
	if as != TicketReleased && as != TicketClosed {
		return named("end ticket", fmt.Errorf("%q is not an end", string(as)))
	}
	return db.write(ctx, "end ticket", func(t *tx) error {
		k, err := t.ticket(id)
		if err != nil {
			return err
		}
		if !k.isOpen() {
			return ErrChanged
		}
		if err := t.release(k.Channel, k.Dialogue, as); err != nil {
			return err
		}
		return t.audit(by, "end ticket", ticketName(id)+" "+string(as))
	})
}

// release ends the hold and the open ticket of a dialogue.
func (t *tx) release(channel, dialogue string, as TicketStatus) error {
	if _, err := t.exec("DELETE FROM holds WHERE channel = ? AND dialogue = ?", channel, dialogue); err != nil {
		return err
	}
	_, err := t.exec("UPDATE tickets SET status = ?, updated = ? WHERE channel = ? AND dialogue = ? AND "+openTicket, string(as), t.now, channel, dialogue)
	return err
}

// Hold makes the bot silent in a dialogue until then, or until its ticket ends or
// Result.Release; an earlier end given before is moved, a later one stays. reason is a
// constant word.
func (db *DB) Hold(ctx context.Context, by By, channel, dialogue, person string, until time.Time, reason string) error {
	return db.write(ctx, "hold dialogue", func(t *tx) error {
		if err := t.silence(channel, dialogue, person, until, reason); err != nil {
			return err
		}
		return t.audit(by, "hold dialogue", reason)
	})
}

func (t *tx) silence(channel, dialogue, person string, until time.Time, reason string) error {
	if until.IsZero() {
		return nil
	}
	_, err := t.exec(`INSERT INTO holds (channel, dialogue, person, until, reason) VALUES (?, ?, ?, ?, ?) ON CONFLICT (channel, dialogue)
		DO UPDATE SET reason = excluded.reason, until = CASE WHEN holds.until > excluded.until THEN holds.until ELSE excluded.until END`,
		channel, dialogue, person, millis(until), reason)
	return err
}

// Held says until when the bot is silent in a dialogue; zero: it is not.
func (db *DB) Held(ctx context.Context, channel, dialogue string) (time.Time, error) {
	var until int64
	t := db.reading(ctx)
	err := t.row("SELECT until FROM holds WHERE channel = ? AND dialogue = ? AND until > ?", channel, dialogue, t.now).Scan(&until)
	return timeOf(until), named("held", ignore(err, sql.ErrNoRows))
}

// note adds what a resident said to the conversation of the open ticket.
func (t *tx) note(channel, dialogue, text string) error {
	var id int64
	err := t.row("UPDATE tickets SET updated = ? WHERE channel = ? AND dialogue = ? AND "+openTicket+" RETURNING id", t.now, channel, dialogue).Scan(&id)
	if err != nil {
		return ignore(err, sql.ErrNoRows)
	}
	return t.say(id, "resident", "", text)
}
