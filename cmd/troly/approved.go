package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"troly/internal/corpus"
	"troly/internal/database"
	"troly/internal/pipeline"
)

// approvals keeps the assistant's approved answers as they are in the database.
type approvals struct {
	db       *database.DB
	assist   *pipeline.Assistant
	versions map[string]string // of the documents this process answers from
	log      *slog.Logger

	mu   sync.Mutex // one reads at a time: the last one read counts
	last string     // what was given to the assistant
}

// Approved answers are read so often; after so many failures none is given any more,
// since one may have been taken back meanwhile.
const (
	approvedEvery  = 30 * time.Second
	approvedWithin = 20
)

func newApprovals(a *assistant, db *database.DB, log *slog.Logger) *approvals {
	return &approvals{db: db, assist: a.Assistant, versions: a.lib.Versions(), log: log}
}

// run follows the approved answers until ctx ends. At the start those whose source has changed are marked for their owners; a process
// that runs on older knowledge than another must not do that over and over.
func (p *approvals) run(ctx context.Context) {
	outdated, err := p.db.OutdateApproved(ctx, database.By{Who: "troly serve"}, p.versions)
	switch {
	case err != nil && ctx.Err() == nil:
		p.log.Error("approved answers were not compared with their sources", "err", err)
	case len(outdated) > 0:
		p.log.Warn("approved answers are not given any more: a source has changed", "answers", len(outdated))
	}
	p.follow(ctx)
}

// follow reads the approved answers at once and then again and again, until ctx ends.
func (p *approvals) follow(ctx context.Context) {
	failed := 0
	for {
		switch err := p.read(ctx); {
		case err == nil:
			failed = 0
		case ctx.Err() == nil:
			if failed++; failed == approvedWithin {
				p.none()
			}
			p.log.Error("approved answers not read", "err", err, "times", failed)
		}
		if !pausing(ctx, approvedEvery) {
			return
		}
	}
}

// openApproved opens the database that the approved answers of a command are in; nil when
// there is none, or it cannot be opened, which is said: answers are given without them.
func openApproved(ctx context.Context, con *console, s settings) *database.DB {
	if s.Database.URL == "" {
		if _, err := os.Stat(s.file("troly.db")); err != nil {
			return nil // nothing was ever approved here, and no command that asks makes a database
		}
	}
	ctx, cancel := context.WithTimeout(ctx, approvedIn)
	defer cancel()
	db, err := s.openDatabase(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Fprintln(con.err, "troly: answered without approved answers:", err)
		return nil
	}
	return db
}

// approvedIn is how long a command waits for its approved answers.
const approvedIn = 3 * time.Second

// giveApproved gives the assistant of a command what is approved now.
func (a *assistant) giveApproved(ctx context.Context, con *console, s settings) {
	db := openApproved(ctx, con, s)
	if db == nil {
		return
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, approvedIn)
	defer cancel()
	if err := newApprovals(a, db, slog.New(slog.DiscardHandler)).read(ctx); err != nil {
		fmt.Fprintln(con.err, "troly: answered without approved answers:", err)
	}
}

// read gives the assistant what may be given now.
func (p *approvals) read(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	current, err := p.db.CurrentApproved(ctx, p.versions)
	if err != nil {
		return err
	}
	list := make([]pipeline.Approved, 0, len(current))
	state := ""
	for _, a := range current {
		one := pipeline.Approved{Name: fmt.Sprint(a.ID), Questions: a.Questions, Answer: a.Answer, From: corpus.Today(a.Created), Expires: a.Expires}
		for _, s := range a.Sources {
			one.Documents = append(one.Documents, s.Document)
		}
		list = append(list, one)
		state += fmt.Sprintf("%d %d\n", a.ID, a.Updated.UnixMilli())
	}
	if state != p.last {
		p.assist.Approve(list)
		p.last = state
		p.log.Info("approved answers", "count", len(list))
	}
	return nil
}

// again reads them after somebody changed one here.
func (p *approvals) again(ctx context.Context) {
	if err := p.read(ctx); err != nil && ctx.Err() == nil {
		p.log.Error("approved answers not read", "err", err)
	}
}

// none gives the assistant no approved answers.
func (p *approvals) none() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.assist.Approve(nil)
	p.last = ""
}
