package database

import (
	"context"
	"slices"
	"time"
)

// Session is a signed-in browser. It is known by the hash of what the browser
// holds, which is not kept.
type Session struct {
	Hash    []byte
	Account string
	Created time.Time // given by the database
	Expires time.Time
}

// AddSession begins a session. ErrNotFound: there is no such account, or it is disabled.
func (db *DB) AddSession(ctx context.Context, s Session) error {
	return db.write(ctx, "add session", func(t *tx) error {
		var one int
		if err := t.row("SELECT 1 FROM accounts WHERE name = ? AND disabled = 0"+t.forUpdate(), s.Account).Scan(&one); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO sessions (hash, account, created, expires) VALUES (?, ?, ?, ?)", s.Hash, s.Account, t.now, millis(s.Expires))
		return err
	})
}

// SessionByHash finds a session that has not expired, and its account, which is
// not disabled. ErrNotFound.
func (db *DB) SessionByHash(ctx context.Context, hash []byte) (Session, Account, error) {
	s := Session{Hash: hash}
	var created, expires int64
	t := db.reading(ctx)
	a, err := scanAccount(t.row("SELECT "+accountColumns+`, sessions.account, sessions.created, sessions.expires FROM sessions JOIN accounts ON accounts.name = sessions.account
		WHERE sessions.hash = ? AND sessions.expires > ? AND accounts.disabled = 0`, hash, t.now), &s.Account, &created, &expires)
	if err != nil {
		return Session{}, Account{}, named("session", err)
	}
	s.Created, s.Expires = timeOf(created), timeOf(expires)
	return s, a, nil
}

// RenewSession moves the expiry of a session that has not expired. ErrNotFound.
func (db *DB) RenewSession(ctx context.Context, hash []byte, expires time.Time) error {
	return db.write(ctx, "renew session", func(t *tx) error {
		n, err := t.exec("UPDATE sessions SET expires = ? WHERE hash = ? AND expires > ?", millis(expires), hash, t.now)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

// EndSession signs out. To end what has ended is no error.
func (db *DB) EndSession(ctx context.Context, hash []byte) error {
	return db.write(ctx, "end session", func(t *tx) error {
		_, err := t.exec("DELETE FROM sessions WHERE hash = ?", hash)
		return err
	})
}

// Attempt counts an attempt to sign in against each subject (an account name, an
// address) before the password is looked at, so that guesses at the same time are
// counted too. When a subject has had most attempts within the last window, wait is
// how long until it may try again and the attempt is not counted. After success
// call Succeeded.
func (db *DB) Attempt(ctx context.Context, most int, window time.Duration, subjects ...string) (wait time.Duration, err error) {
	subjects = slices.Compact(slices.Sorted(slices.Values(subjects)))
	err = db.write(ctx, "attempt", func(t *tx) error {
		wait = 0
		for _, s := range subjects {
			if err := t.alone("attempt " + s); err != nil {
				return err
			}
			var n int
			var oldest int64
			err := t.row("SELECT count(*), coalesce(min(at), 0) FROM (SELECT at FROM attempts WHERE subject = ? AND at > ? ORDER BY at DESC LIMIT ?) AS latest",
				s, t.now-window.Milliseconds(), most).Scan(&n, &oldest)
			if err != nil {
				return err
			}
			if n >= most {
				wait = max(wait, time.Duration(oldest-t.now)*time.Millisecond+window)
			}
		}
		if wait > 0 {
			return nil
		}
		for _, s := range subjects {
			if _, err := t.exec("INSERT INTO attempts (subject, at) VALUES (?, ?)", s, t.now); err != nil {
				return err
			}
		}
		return nil
	})
	return wait, err
}

// Succeeded forgets the attempts of subjects.
func (db *DB) Succeeded(ctx context.Context, subjects ...string) error {
	return db.write(ctx, "succeeded", func(t *tx) error {
		for _, s := range slices.Sorted(slices.Values(subjects)) {
			if _, err := t.exec("DELETE FROM attempts WHERE subject = ?", s); err != nil {
				return err
			}
		}
		return nil
	})
}
