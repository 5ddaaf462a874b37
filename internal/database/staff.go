package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrExists says that there is one of this name already.
var ErrExists = errors.New("database: exists already")

// Role is what somebody of the staff may do.
type Role string

// The roles.
const (
	Officer   Role = "officer"
	Editor    Role = "editor"
	Evaluator Role = "evaluator"
	Admin     Role = "admin"
)

// Account is somebody of the staff.
type Account struct {
	Name     string
	Role     Role
	Hash     string // of the password, as whoever checks it writes it; empty: signs in elsewhere
	Disabled bool
	Created  time.Time
}

func (a Account) check() error {
	if a.Name == "" || strings.TrimSpace(a.Name) != a.Name {
		return fmt.Errorf("account name %q is empty or has spaces around it", a.Name)
	}
	return a.Role.check()
}

func (r Role) check() error {
	if !slices.Contains([]Role{Officer, Editor, Evaluator, Admin}, r) {
		return fmt.Errorf("role %q is none of officer, editor, evaluator, admin", string(r))
	}
	return nil
}

// AddAccount makes an account. ErrExists: the name is taken.
func (db *DB) AddAccount(ctx context.Context, by By, a Account) error {
	if err := a.check(); err != nil {
		return named("add account", err)
	}
	return db.write(ctx, "add account "+a.Name, func(t *tx) error {
		n, err := t.exec("INSERT INTO accounts (name, role, hash, disabled, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
			a.Name, string(a.Role), a.Hash, number(a.Disabled), t.now)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrExists
		}
		return t.audit(by, "add account", a.Name)
	})
}

// SetAccount changes role and whether an account is disabled; who is disabled is
// signed out everywhere. ErrNotFound.
func (db *DB) SetAccount(ctx context.Context, by By, name string, role Role, disabled bool) error {
	if err := role.check(); err != nil {
		return named("set account "+name, err)
	}
	return db.changeAccount(ctx, by, "set account", name, disabled, "UPDATE accounts SET role = ?, disabled = ? WHERE name = ?", string(role), number(disabled), name)
}

// SetPassword changes the hash of an account and ends its sessions. ErrNotFound.
func (db *DB) SetPassword(ctx context.Context, by By, name, hash string) error {
	return db.changeAccount(ctx, by, "set password", name, true, "UPDATE accounts SET hash = ? WHERE name = ?", hash, name)
}

func (db *DB) changeAccount(ctx context.Context, by By, what, name string, signOut bool, query string, args ...any) error {
	return db.write(ctx, what+" "+name, func(t *tx) error {
		n, err := t.exec(query, args...)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		if signOut {
			if _, err := t.exec("DELETE FROM sessions WHERE account = ?", name); err != nil {
				return err
			}
		}
		return t.audit(by, what, name)
	})
}

const accountColumns = "accounts.name, accounts.role, accounts.hash, accounts.disabled, accounts.created"

func scanAccount(row interface{ Scan(...any) error }, more ...any) (Account, error) {
	var a Account
	var disabled int
	var created int64
	err := row.Scan(append([]any{&a.Name, &a.Role, &a.Hash, &disabled, &created}, more...)...)
	a.Disabled, a.Created = disabled > 0, timeOf(created)
	return a, err
}

// Account finds an account, disabled or not. ErrNotFound.
func (db *DB) Account(ctx context.Context, name string) (Account, error) {
	a, err := scanAccount(db.reading(ctx).row("SELECT "+accountColumns+" FROM accounts WHERE name = ?", name))
	if err != nil {
		return Account{}, named("account", err)
	}
	return a, nil
}

// Accounts lists all accounts by name.
func (db *DB) Accounts(ctx context.Context) ([]Account, error) {
	var out []Account
	err := db.reading(ctx).each(func(rows *sql.Rows) error {
		a, err := scanAccount(rows)
		out = append(out, a)
		return err
	}, "SELECT "+accountColumns+" FROM accounts ORDER BY name")
	return out, named("accounts", err)
}

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

// APIKey lets a program in. It is known by the hash of what the program holds.
type APIKey struct {
	ID        int64  // given by the database
	Name      string // whose it is
	Hash      []byte
	Scopes    []string
	PerMinute int // requests; 0: the caller's default
	Created   time.Time
	Expires   time.Time // zero: never
	Revoked   time.Time // zero: not
}

// AddKey keeps an API key and returns its ID. ErrExists: one with this hash is there.
func (db *DB) AddKey(ctx context.Context, by By, k APIKey) (id int64, err error) {
	if slices.ContainsFunc(k.Scopes, func(s string) bool { return s == "" || strings.ContainsAny(s, ", \n") }) {
		return 0, named("add key", fmt.Errorf("scopes %q: a scope is one word", k.Scopes))
	}
	err = db.write(ctx, "add key", func(t *tx) error {
		err := t.row("INSERT INTO api_keys (name, hash, scopes, per_minute, created, expires) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING RETURNING id",
			k.Name, k.Hash, strings.Join(k.Scopes, ","), k.PerMinute, t.now, millis(k.Expires)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrExists
		}
		if err != nil {
			return err
		}
		return t.audit(by, "add key", "key "+strconv.FormatInt(id, 10))
	})
	return id, err
}

const keyColumns = "id, name, hash, scopes, per_minute, created, expires, revoked"

func scanKey(row interface{ Scan(...any) error }) (APIKey, error) {
	var k APIKey
	var scopes string
	var created, expires, revoked int64
	err := row.Scan(&k.ID, &k.Name, &k.Hash, &scopes, &k.PerMinute, &created, &expires, &revoked)
	if scopes != "" {
		k.Scopes = strings.Split(scopes, ",")
	}
	k.Created, k.Expires, k.Revoked = timeOf(created), timeOf(expires), timeOf(revoked)
	return k, err
}

// KeyByHash finds a key that is neither revoked nor expired. ErrNotFound.
func (db *DB) KeyByHash(ctx context.Context, hash []byte) (APIKey, error) {
	t := db.reading(ctx)
	k, err := scanKey(t.row("SELECT "+keyColumns+" FROM api_keys WHERE hash = ? AND revoked = 0 AND (expires = 0 OR expires > ?)", hash, t.now))
	if err != nil {
		return APIKey{}, named("key", err)
	}
	return k, nil
}

// Keys lists all keys by ID, revoked ones too.
func (db *DB) Keys(ctx context.Context) ([]APIKey, error) {
	var out []APIKey
	err := db.reading(ctx).each(func(rows *sql.Rows) error {
		k, err := scanKey(rows)
		out = append(out, k)
		return err
	}, "SELECT "+keyColumns+" FROM api_keys ORDER BY id")
	return out, named("keys", err)
}

// RevokeKey ends a key. ErrNotFound: there is none, or it was revoked before.
func (db *DB) RevokeKey(ctx context.Context, by By, id int64) error {
	return db.write(ctx, "revoke key", func(t *tx) error {
		n, err := t.exec("UPDATE api_keys SET revoked = ? WHERE id = ? AND revoked = 0", t.now, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		return t.audit(by, "revoke key", "key "+strconv.FormatInt(id, 10))
	})
}
