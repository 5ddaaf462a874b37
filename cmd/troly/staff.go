package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"troly/internal/database"
	"troly/internal/web"
)

// staffBy is who the audit log names for what is done on the command line.
const staffBy = "troly staff"

func staffCommand(con *console, opts *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "staff",
		Short: "Who may use the console at /console/: make, list and end accounts",
		Long: "Accounts of the staff. officer answers residents, editor keeps the knowledge and approved\n" +
			"answers, evaluator looks at quality, admin also turns channels off and reads the audit log.\n" +
			"Only the hash (argon2id) of a password is kept.",
		Example: "  troly staff add lan.nt --role officer\n  troly staff add admin --role admin --generate\n  troly staff list\n  troly staff disable lan.nt --reason \"chuyển công tác\"\n  troly staff enable lan.nt --reason \"đã trở lại\"\n  troly staff password lan.nt --generate",
	}
	cmd.AddCommand(staffAddCommand(con, opts), staffListCommand(con, opts), staffDisableCommand(con, opts), staffEnableCommand(con, opts), staffPasswordCommand(con, opts))
	return cmd
}

var roles = []string{string(database.Officer), string(database.Editor), string(database.Evaluator), string(database.Admin)}

// secret says where a password comes from.
type secret struct{ generate, none bool }

func (s *secret) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&s.generate, "generate", false, "make a password and show it once, instead of asking for one")
}

// hash reads or makes a password and returns its hash, and the password when it was
// made.
func (s *secret) hash(con *console) (hash, made string, err error) {
	if s.none {
		return "", "", nil
	}
	password := ""
	if s.generate {
		made = web.NewPassword()
		password = made
	} else if password, err = readPassword(con); err != nil {
		return "", "", usageError{err}
	}
	if hash, err = web.HashPassword(password); err != nil {
		return "", "", usageError{err}
	}
	return hash, made, nil
}

// readPassword asks for a password twice without showing it; from a pipe it is the
// first line.
func readPassword(con *console) (string, error) {
	f, ok := con.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(con.in, 4<<10)).ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", errors.Join(errors.New("no password came on standard input; --generate makes one"), ignoreEOF(err))
		}
		return line, nil
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(con.err, what)
		typed, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(con.err)
		return string(typed), err
	}
	first, err := ask(fmt.Sprintf("password (at least %d characters): ", web.MinPassword))
	if err != nil {
		return "", err
	}
	second, err := ask("again: ")
	if err == nil && second != first {
		err = errors.New("the two are not the same")
	}
	return first, err
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// accountName checks a name, as it is typed when signing in.
func accountName(arg string) (string, error) {
	name := web.AccountName(arg)
	if name == "" || len(name) > 100 || strings.ContainsAny(name, " \t\n/?#") {
		return "", usageError{fmt.Errorf("NAME %q: write 1 to 100 letters without spaces, or an e-mail address", arg)}
	}
	return name, nil
}

func staffAddCommand(con *console, opts *options) *cobra.Command {
	var role, why string
	var password secret
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make an account; the password is asked for or, with --generate, shown once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := accountName(args[0])
			if err != nil {
				return err
			}
			if !slices.Contains(roles, role) {
				return usageError{fmt.Errorf("--role %q: write one of %s", role, strings.Join(roles, ", "))}
			}
			hash, made, err := password.hash(con)
			if err != nil {
				return err
			}
			return withDatabase(cmd.Context(), con, opts, func(ctx context.Context, db *database.DB) error {
				err := db.AddAccount(ctx, database.By{Who: staffBy, Why: why}, database.Account{Name: name, Role: database.Role(role), Hash: hash})
				if errors.Is(err, database.ErrExists) {
					return usageError{fmt.Errorf("there is an account %s already: troly staff password changes its password", name)}
				}
				if err != nil {
					return err
				}
				if made != "" {
					fmt.Fprintln(con.out, made)
				}
				fmt.Fprintf(con.err, "account %s (%s) is made\n", name, role)
				return nil
			})
		},
	}
	password.flags(cmd)
	cmd.Flags().BoolVar(&password.none, "no-password", false, "signs in at the issuer of CONSOLE_OIDC_ISSUER only; NAME is the e-mail address there")
	cmd.Flags().StringVar(&role, "role", "", strings.Join(roles, ", "))
	cmd.Flags().StringVar(&why, "reason", "", "why, for the audit log")
	cmd.MarkFlagsMutuallyExclusive("generate", "no-password")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roles, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// staffRow is an account as it is printed.
type staffRow struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Disabled bool   `json:"disabled"`
	Password bool   `json:"password"` // has one
	Created  string `json:"created"`
}

func staffListCommand(con *console, opts *options) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts, disabled ones too",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd.Context(), con, opts, func(ctx context.Context, db *database.DB) error {
				accounts, err := db.Accounts(ctx)
				if err != nil {
					return err
				}
				rows := make([]staffRow, len(accounts))
				for i, a := range accounts {
					rows[i] = staffRow{a.Name, string(a.Role), a.Disabled, a.Hash != "", a.Created.UTC().Format(time.RFC3339)}
				}
				if asJSON {
					return con.json(rows)
				}
				w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
				for _, r := range rows {
					state := "in use"
					if r.Disabled {
						state = "disabled"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\n", r.Name, r.Role, state)
				}
				fmt.Fprintf(con.err, "%d accounts\n", len(rows))
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the accounts as JSON")
	return cmd
}

// changeAccount runs a change of one account.
func changeAccount(con *console, opts *options, use, short string, change func(ctx context.Context, db *database.DB, by database.By, a database.Account) error) *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := accountName(args[0])
			if err != nil {
				return err
			}
			return withDatabase(cmd.Context(), con, opts, func(ctx context.Context, db *database.DB) error {
				a, err := db.Account(ctx, name)
				if errors.Is(err, database.ErrNotFound) {
					return usageError{fmt.Errorf("there is no account %s: see troly staff list", name)}
				}
				if err != nil {
					return err
				}
				return change(ctx, db, database.By{Who: staffBy, Why: why}, a)
			})
		},
	}
	cmd.Flags().StringVar(&why, "reason", "", "why, for the audit log")
	return cmd
}

func staffDisableCommand(con *console, opts *options) *cobra.Command {
	return changeAccount(con, opts, "disable NAME", "End an account and sign it out everywhere", func(ctx context.Context, db *database.DB, by database.By, a database.Account) error {
		if err := db.SetAccount(ctx, by, a.Name, a.Role, true); err != nil {
			return err
		}
		fmt.Fprintf(con.err, "account %s is disabled and signed out\n", a.Name)
		return nil
	})
}

func staffEnableCommand(con *console, opts *options) *cobra.Command {
	role := ""
	cmd := changeAccount(con, opts, "enable NAME", "Let a disabled account in again, or give one another role", func(ctx context.Context, db *database.DB, by database.By, a database.Account) error {
		if role != "" && !slices.Contains(roles, role) {
			return usageError{fmt.Errorf("--role %q: write one of %s", role, strings.Join(roles, ", "))}
		}
		if role != "" {
			a.Role = database.Role(role)
		}
		if err := db.SetAccount(ctx, by, a.Name, a.Role, false); err != nil {
			return err
		}
		fmt.Fprintf(con.err, "account %s (%s) is in use\n", a.Name, a.Role)
		return nil
	})
	cmd.Flags().StringVar(&role, "role", "", "another role: "+strings.Join(roles, ", "))
	return cmd
}

func staffPasswordCommand(con *console, opts *options) *cobra.Command {
	var password secret
	cmd := changeAccount(con, opts, "password NAME", "Change a password and sign the account out everywhere", func(ctx context.Context, db *database.DB, by database.By, a database.Account) error {
		hash, made, err := password.hash(con)
		if err != nil {
			return err
		}
		if err := db.SetPassword(ctx, by, a.Name, hash); err != nil {
			return err
		}
		if made != "" {
			fmt.Fprintln(con.out, made)
		}
		fmt.Fprintf(con.err, "account %s has a new password and is signed out\n", a.Name)
		return nil
	})
	password.flags(cmd)
	return cmd
}
