package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"troly/internal/database"
	"troly/internal/web"
)

func keyCommand(con *console, opts *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Let programs use the API: make, list and revoke keys",
		Long: "A program with a key asks as often as the key may, whatever its address. The secret is\n" +
			"shown once, when the key is made; only its hash is kept. A key that is revoked is\n" +
			"refused from the next request on.",
		Example: "  troly key add \"Cổng thông tin xã Mậu A\" --scope ask,documents --per-minute 120\n  troly key list\n  troly key revoke 3 --reason \"không dùng nữa\"",
	}
	cmd.AddCommand(keyAddCommand(con, opts), keyListCommand(con, opts), keyRevokeCommand(con, opts))
	return cmd
}

// withDatabase runs a command on the database of the settings.
func withDatabase(ctx context.Context, con *console, opts *options, do func(ctx context.Context, db *database.DB) error) error {
	s, err := readSettings(opts)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: s.LogLevel}))
	db, err := s.openDatabase(ctx, log)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, db), db.Close())
}

// keyRow is a key as it is printed.
type keyRow struct {
	ID        int64    `json:"id"`
	Name      string   `json:"name"`
	Secret    string   `json:"secret,omitempty"` // of a new one
	Scopes    []string `json:"scopes"`
	PerMinute int      `json:"per_minute"`
	Created   string   `json:"created,omitempty"`
	Expires   string   `json:"expires,omitempty"` // first moment when it is refused
	Revoked   string   `json:"revoked,omitempty"`
}

func newKeyRow(k database.APIKey) keyRow {
	written := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	return keyRow{ID: k.ID, Name: k.Name, Scopes: k.Scopes, PerMinute: k.PerMinute, Created: written(k.Created), Expires: written(k.Expires), Revoked: written(k.Revoked)}
}

// maxPerMinute bounds what a key may: 100 requests a second are the whole server.
const maxPerMinute = 6000

func keyAddCommand(con *console, opts *options) *cobra.Command {
	var scopes []string
	var perMinute int
	var expires, reason string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a key and show its secret, once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := newKey(args[0], scopes, perMinute, expires)
			if err != nil {
				return usageError{err}
			}
			secret := web.NewSecret()
			k.Hash = web.HashSecret(secret)
			return withDatabase(cmd.Context(), con, opts, func(ctx context.Context, db *database.DB) error {
				if k.ID, err = db.AddKey(ctx, database.By{Who: "troly key", Why: reason}, k); err != nil {
					return err
				}
				row := newKeyRow(k)
				row.Secret = secret
				if asJSON {
					return con.json(row)
				}
				fmt.Fprintln(con.out, secret)
				fmt.Fprintf(con.err, "key %d for %s: %s. Keep the secret now: it is not shown again.\n", k.ID, k.Name, strings.Join(k.Scopes, ", "))
				return nil
			})
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "what the key opens: "+strings.Join(scopeNames(), ", ")+" (default: all)")
	cmd.Flags().IntVar(&perMinute, "per-minute", 60, "requests a minute")
	cmd.Flags().StringVar(&expires, "expires", "", "the last day on which it is let in, YYYY-MM-DD (default: no end)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the key as JSON")
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions(scopeNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func scopeNames() []string {
	var names []string
	for _, s := range web.Scopes() {
		names = append(names, string(s))
	}
	return names
}

// newKey checks what a key is to be; it has no secret yet.
func newKey(name string, scopes []string, perMinute int, expires string) (database.APIKey, error) {
	k := database.APIKey{Name: strings.TrimSpace(name), Scopes: scopes, PerMinute: perMinute, Created: time.Now()}
	if k.Name == "" {
		return k, errors.New("NAME is empty: say whose key it is")
	}
	if len(scopes) == 0 {
		k.Scopes = scopeNames()
	}
	for _, s := range k.Scopes {
		if !slices.Contains(scopeNames(), s) {
			return k, fmt.Errorf("--scope %q: write one of %s", s, strings.Join(scopeNames(), ", "))
		}
	}
	if perMinute < 1 || perMinute > maxPerMinute {
		return k, fmt.Errorf("--per-minute %d: write a number from 1 to %d", perMinute, maxPerMinute)
	}
	if expires != "" {
		day, err := time.ParseInLocation(time.DateOnly, expires, time.FixedZone("ICT", 7*60*60))
		if err != nil {
			return k, fmt.Errorf("--expires %q: write a day as YYYY-MM-DD", expires)
		}
		k.Expires = day.AddDate(0, 0, 1)
		if k.Expires.Before(k.Created) {
			return k, fmt.Errorf("--expires %s: this day is over", expires)
		}
	}
	return k, nil
}

func keyListCommand(con *console, opts *options) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys, revoked ones too",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd.Context(), con, opts, func(ctx context.Context, db *database.DB) error {
				keys, err := db.Keys(ctx)
				if err != nil {
					return err
				}
				rows := make([]keyRow, len(keys))
				for i, k := range keys {
					rows[i] = newKeyRow(k)
				}
				if asJSON {
					return con.json(rows)
				}
				w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
				for _, r := range rows {
					state := "in use"
					switch {
					case r.Revoked != "":
						state = "revoked " + r.Revoked
					case r.Expires != "":
						state = "until " + r.Expires
					}
					fmt.Fprintf(w, "%d\t%s\t%s\t%d/min\t%s\n", r.ID, r.Name, strings.Join(r.Scopes, ","), r.PerMinute, state)
				}
				fmt.Fprintf(con.err, "%d keys\n", len(rows))
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the keys as JSON")
	return cmd
}

func keyRevokeCommand(con *console, opts *options) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a key",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usageError{fmt.Errorf("ID %q: write the number that troly key list shows", args[0])}
			}
			return withDatabase(cmd.Context(), con, opts, func(ctx context.Context, db *database.DB) error {
				err := db.RevokeKey(ctx, database.By{Who: "troly key", Why: reason}, id)
				if errors.Is(err, database.ErrNotFound) {
					return usageError{fmt.Errorf("no key %d is in use: see troly key list", id)}
				}
				if err == nil {
					fmt.Fprintf(con.err, "key %d is revoked\n", id)
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	return cmd
}
