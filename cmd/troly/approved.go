package main

import (
	"context"
	"fmt"
	"log/slog"
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

// run reads the approved answers at once and then again and again, until ctx ends.
// At the start those whose source has changed are marked for their owners; a process
// that runs on older knowledge than another must not do that over and over.
func (p *approvals) run(ctx context.Context) {
	outdated, err := p.db.OutdateApproved(ctx, database.By{Who: "troly serve"}, p.versions)
	switch {
	case err != nil && ctx.Err() == nil:
		p.log.Error("approved answers were not compared with their sources", "err", err)
	case len(outdated) > 0:
		p.log.Warn("approved answers are not given any more: a source has changed", "answers", len(outdated))
	}
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
