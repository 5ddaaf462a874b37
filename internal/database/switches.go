package database

import (
	"context"
	"database/sql"
	"time"
)

// Switch turns something off, or on again: a channel, the model.
type Switch struct {
	Name   string
	On     bool
	Reason string
	Who    string
	At     time.Time
}

// SetSwitch sets a switch; by.Why is compulsory.
func (db *DB) SetSwitch(ctx context.Context, by By, name string, on bool) error {
	if by.Why == "" {
		return named("set switch "+name, ErrNoReason)
	}
	return db.write(ctx, "set switch "+name, func(t *tx) error {
		_, err := t.exec(`INSERT INTO switches (name, turned, reason, who, at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET turned = excluded.turned, reason = excluded.reason, who = excluded.who, at = excluded.at`,
			name, number(on), by.Why, by.Who, t.now)
		if err != nil {
			return err
		}
		what := "switch off"
		if on {
			what = "switch on"
		}
		return t.audit(by, what, name)
	})
}

// Switches lists all switches ever set, by name; what has none is on. Replicas
// learn of a change by asking again.
func (db *DB) Switches(ctx context.Context) ([]Switch, error) {
	var out []Switch
	err := db.reading(ctx).each(func(rows *sql.Rows) error {
		var s Switch
		var on int
		var at int64
		err := rows.Scan(&s.Name, &on, &s.Reason, &s.Who, &at)
		s.On, s.At = on > 0, timeOf(at)
		out = append(out, s)
		return err
	}, "SELECT name, turned, reason, who, at FROM switches ORDER BY name")
	return out, named("switches", err)
}
