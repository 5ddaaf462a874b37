package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"troly/internal/database"
	"troly/internal/evaluation"
)

// storedFlags say which outcomes of a database are looked at.
type storedFlags struct{ URL, from, to, channel string }

func (f *storedFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.URL, "database", "", "database to read: a postgres:// address or a file (default: that of troly serve)")
	fs.StringVar(&f.from, "from", "", "only outcomes since this day, YYYY-MM-DD")
	fs.StringVar(&f.to, "to", "", "only outcomes up to this day, which is included")
	fs.StringVar(&f.channel, "channel", "", "only outcomes of this channel: telegram, zalo, zalo-bot, web, api, openai or mcp")
}

func (f *storedFlags) given() bool { return cmp.Or(f.URL, f.from, f.to, f.channel) != "" }

// filter is the choice as the database reads it. Days are those of Viet Nam.
func (f *storedFlags) filter() (database.Filter, error) {
	filter := database.Filter{Channel: f.channel, Limit: 1000}
	for _, day := range []struct {
		flag, text string
		add        int
		at         *time.Time
	}{{"from", f.from, 0, &filter.From}, {"to", f.to, 1, &filter.To}} {
		if day.text == "" {
			continue
		}
		at, err := time.ParseInLocation(time.DateOnly, day.text, time.FixedZone("ICT", 7*60*60))
		if err != nil {
			return filter, fmt.Errorf("--%s %q: write a day as YYYY-MM-DD", day.flag, day.text)
		}
		*day.at = at.AddDate(0, 0, day.add)
	}
	return filter, nil
}

// open opens the database; one that is not there is not made.
func (f *storedFlags) open(ctx context.Context, con *console, opts *options) (*database.DB, error) {
	s, err := readSettings(opts)
	if err != nil {
		return nil, err
	}
	url := cmp.Or(f.URL, s.Database.URL, s.file("troly.db"))
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		if _, err := os.Stat(url); errors.Is(err, iofs.ErrNotExist) {
			return nil, usageError{fmt.Errorf("there is no database %s yet: troly serve makes it; or give files, or --database", url)}
		}
	}
	db, err := database.Open(ctx, url, database.Options{Log: slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return db, nil
}

// unknownPeople hashes people with keys that nobody has.
func unknownPeople() evaluation.People {
	p := evaluation.People{ConversationKey: make([]byte, 32), PersonKey: make([]byte, 32)}
	_, _ = rand.Read(p.ConversationKey) // never fails
	_, _ = rand.Read(p.PersonKey)
	return p
}

// outcomes reads them; rates as ReadStored takes them.
func (f *storedFlags) outcomes(ctx context.Context, con *console, opts *options, rates evaluation.Rates) ([]evaluation.Live, error) {
	filter, err := f.filter()
	if err != nil {
		return nil, usageError{err}
	}
	db, err := f.open(ctx, con, opts)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	outcomes, odd, err := evaluation.ReadStored(ctx, db, unknownPeople(), filter, rates)
	if odd > 0 {
		fmt.Fprintf(con.err, "troly: %d outcomes could not be read\n", odd)
	}
	return outcomes, err
}

// storedCandidates makes candidates of outcomes and approved answers of a database.
func storedCandidates(ctx context.Context, con *console, opts *options, f storedFlags, ids []string, approved bool, out string) error {
	db, err := f.open(ctx, con, opts)
	if err != nil {
		return err
	}
	defer db.Close()
	var drafts []evaluation.Draft
	people := unknownPeople()
	for _, id := range ids {
		d, err := evaluation.StoredDraft(ctx, db, people, id)
		if errors.Is(err, evaluation.ErrNoOutcome) {
			return usageError{fmt.Errorf("--id %s: no such outcome in the database", id)}
		}
		if err != nil {
			return err
		}
		drafts = append(drafts, d)
	}
	if approved {
		more, err := evaluation.ApprovedDrafts(ctx, db, people)
		if err != nil {
			return err
		}
		for _, d := range more {
			if !hasDraft(drafts, d.ID) {
				drafts = append(drafts, d)
			}
		}
	}
	return writeCandidates(con, drafts, out)
}

func hasDraft(drafts []evaluation.Draft, id string) bool {
	for _, d := range drafts {
		if d.ID == id {
			return true
		}
	}
	return false
}
