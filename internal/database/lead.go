package database

import (
	"context"
	"database/sql"
	"time"
)

// Lead makes owner the one who does what name says, for as long as lease, or
// longer when it is already. It reports false while another is. A lease of 0 gives it
// up. Replicas must agree about the time to well within a lease. On SQLite, which is
// one machine's, everybody leads.
func (db *DB) Lead(ctx context.Context, name, owner string, lease time.Duration) (leads bool, err error) {
	if !db.postgres {
		return true, nil
	}
	err = db.write(ctx, "lead", func(t *tx) error {
		var one int
		err := t.row(`INSERT INTO leads (name, owner, until) VALUES (?, ?, ?) ON CONFLICT (name)
			DO UPDATE SET owner = excluded.owner, until = excluded.until WHERE leads.owner = excluded.owner OR leads.until <= ? RETURNING 1`,
			name, owner, t.now+lease.Milliseconds(), t.now).Scan(&one)
		leads = err == nil
		return ignore(err, sql.ErrNoRows)
	})
	return leads && err == nil, err
}
