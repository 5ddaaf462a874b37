package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
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

// SetAccount changes role and whether an account is disabled; a disabled one is
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
