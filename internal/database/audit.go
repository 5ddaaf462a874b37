package database

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// By says who does something and why; it is written to the audit log in the same
// transaction as what they do.
type By struct {
	Who string // name of an account, or of the command that acts
	Why string // empty where no reason is asked for; no text of residents
}

// ErrNoReason is returned where By.Why is compulsory.
var ErrNoReason = errors.New("database: a reason is needed")

// Entry is a line of the audit log.
type Entry struct {
	ID      int64
	Who     string
	What    string // a verb and its object, as in "assign ticket": constant words
	Subject string // which one, as in "ticket 12"; never a person of a channel
	Why     string
	At      time.Time
}

// AuditFilter chooses entries; empty fields choose all.
type AuditFilter struct {
	Who, What, Subject string
	From, To           time.Time // To is excluded
	Before             int64     // only entries older than the one with this ID; 0: from the newest
	Limit              int       // 0: 100
}

// Audit adds to the audit log something that changes nothing here: a sign-in, a
// look at a conversation, an export. What changes something is logged by itself.
// The log is only added to.
func (db *DB) Audit(ctx context.Context, by By, what, subject string) error {
	return db.write(ctx, "audit", func(t *tx) error { return t.audit(by, what, subject) })
}

func (t *tx) audit(by By, what, subject string) error {
	_, err := t.exec("INSERT INTO audit (who, what, subject, why, at) VALUES (?, ?, ?, ?, ?)", by.Who, what, subject, by.Why, t.now)
	return err
}

// AuditLog lists entries, newest first.
func (db *DB) AuditLog(ctx context.Context, f AuditFilter) ([]Entry, error) {
	var c conditions
	c.text("who", f.Who)
	c.text("what", f.What)
	c.text("subject", f.Subject)
	c.period("at", f.From, f.To)
	if f.Before > 0 {
		c.add("id < ?", f.Before)
	}
	var out []Entry
	err := db.reading(ctx).each(func(rows *sql.Rows) error {
		var e Entry
		var at int64
		err := rows.Scan(&e.ID, &e.Who, &e.What, &e.Subject, &e.Why, &at)
		e.At = timeOf(at)
		out = append(out, e)
		return err
	}, "SELECT id, who, what, subject, why, at FROM audit"+c.where()+" ORDER BY id DESC LIMIT ?", c.with(limit(f.Limit))...)
	return out, named("audit log", err)
}
