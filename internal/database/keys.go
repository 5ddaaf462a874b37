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
