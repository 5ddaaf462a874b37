package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ApprovedState is whether an approved answer may be given.
type ApprovedState string

// The states.
const (
	ApprovedDraft     ApprovedState = "draft"
	ApprovedActive    ApprovedState = "active"
	ApprovedOutdated  ApprovedState = "outdated" // a source has changed since
	ApprovedWithdrawn ApprovedState = "withdrawn"
)

// Approved is an answer that somebody of the staff stands for.
type Approved struct {
	ID        int64    // given by the database
	Questions []string // the ways of asking it answers, masked
	Answer    string
	Owner     string // name of an account
	Sources   []ApprovedSource
	State     ApprovedState
	Outcome   string    // what it came from; empty: nothing
	Expires   time.Time // zero: never
	Created   time.Time
	Updated   time.Time
}

// ApprovedSource is a document an approved answer depends on, as it was.
type ApprovedSource struct {
	Document string `json:"document"`
	Version  string `json:"version"` // changes with what the document says
}

func (a Approved) check() error {
	if len(a.Questions) == 0 || a.Answer == "" {
		return errors.New("an approved answer has at least one question, and an answer")
	}
	if !slices.Contains([]ApprovedState{ApprovedDraft, ApprovedActive, ApprovedOutdated, ApprovedWithdrawn}, a.State) {
		return fmt.Errorf("state %q is none of draft, active, outdated, withdrawn", string(a.State))
	}
	return nil
}

// columns is the questions and sources as they are kept.
func (a Approved) columns() (questions, sources string, err error) {
	q, err := json.Marshal(a.Questions)
	if err != nil {
		return "", "", err
	}
	s, err := json.Marshal(a.Sources)
	return string(q), string(s), err
}

// AddApproved keeps an approved answer and returns its ID.
func (db *DB) AddApproved(ctx context.Context, by By, a Approved) (id int64, err error) {
	if err := a.check(); err != nil {
		return 0, named("add approved answer", err)
	}
	questions, sources, err := a.columns()
	if err != nil {
		return 0, named("add approved answer", err)
	}
	err = db.write(ctx, "add approved answer", func(t *tx) error {
		err := t.row(`INSERT INTO approved (questions, answer, owner, sources, state, outcome, expires, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			questions, a.Answer, a.Owner, sources, string(a.State), a.Outcome, millis(a.Expires), t.now, t.now).Scan(&id)
		if err != nil {
			return err
		}
		return t.audit(by, "add approved answer", approvedName(id))
	})
	return id, err
}

func approvedName(id int64) string { return fmt.Sprintf("approved answer %d", id) }

// SetApproved changes an approved answer that is still as it was at a.Updated,
// in everything but ID, Outcome and Created. ErrChanged: it is not. ErrNotFound.
func (db *DB) SetApproved(ctx context.Context, by By, a Approved) error {
	if err := a.check(); err != nil {
		return named("set approved answer", err)
	}
	questions, sources, err := a.columns()
	if err != nil {
		return named("set approved answer", err)
	}
	return db.write(ctx, "set approved answer", func(t *tx) error {
		var updated int64
		if err := t.row("SELECT updated FROM approved WHERE id = ?"+t.forUpdate(), a.ID).Scan(&updated); err != nil {
			return err
		}
		if updated != millis(a.Updated) {
			return ErrChanged
		}
		_, err := t.exec("UPDATE approved SET questions = ?, answer = ?, owner = ?, sources = ?, state = ?, expires = ?, updated = ? WHERE id = ?",
			questions, a.Answer, a.Owner, sources, string(a.State), millis(a.Expires), max(t.now, updated+1), a.ID)
		if err != nil {
			return err
		}
		return t.audit(by, "set approved answer", approvedName(a.ID)+" "+string(a.State))
	})
}

// ApprovedAnswers lists approved answers by ID, in the states given or all, expired
// ones too. There are few enough to hold them all.
func (db *DB) ApprovedAnswers(ctx context.Context, states ...ApprovedState) ([]Approved, error) {
	var c conditions
	among(&c, "state", states)
	var out []Approved
	err := db.reading(ctx).each(func(rows *sql.Rows) error {
		a, err := scanApproved(rows)
		out = append(out, a)
		return err
	}, "SELECT "+approvedColumns+" FROM approved"+c.where()+" ORDER BY id", c.args...)
	return out, named("approved answers", err)
}

// ApprovedByID finds an approved answer. ErrNotFound.
func (db *DB) ApprovedByID(ctx context.Context, id int64) (Approved, error) {
	a, err := scanApproved(db.reading(ctx).row("SELECT "+approvedColumns+" FROM approved WHERE id = ?", id))
	if err != nil {
		return Approved{}, named("approved answer", err)
	}
	return a, nil
}

// CurrentApproved lists what may be given now: active, not expired, and every
// source of which has the version in versions (document to version). It checks each
// time, so an answer whose source changed is not given even before
// OutdateApproved says so.
func (db *DB) CurrentApproved(ctx context.Context, versions map[string]string) ([]Approved, error) {
	all, err := db.ApprovedAnswers(ctx, ApprovedActive)
	now := db.now()
	return slices.DeleteFunc(all, func(a Approved) bool {
		return !a.Expires.IsZero() && !now.Before(a.Expires) || !a.dependsOn(versions)
	}), err
}

func (a Approved) dependsOn(versions map[string]string) bool {
	return !slices.ContainsFunc(a.Sources, func(s ApprovedSource) bool {
		v, ok := versions[s.Document]
		return !ok || v != s.Version
	})
}

// OutdateApproved marks active answers of which a source has changed or gone, for
// their owners to look at, and returns them.
func (db *DB) OutdateApproved(ctx context.Context, by By, versions map[string]string) ([]Approved, error) {
	var out []Approved
	active, err := db.ApprovedAnswers(ctx, ApprovedActive)
	if err != nil {
		return nil, err
	}
	for _, a := range active {
		if a.dependsOn(versions) {
			continue
		}
		a.State = ApprovedOutdated
		err := db.SetApproved(ctx, by, a)
		if errors.Is(err, ErrChanged) || errors.Is(err, ErrNotFound) {
			continue // whoever changed it has looked at it
		}
		if err != nil {
			return out, err
		}
		out = append(out, a)
	}
	return out, nil
}

const approvedColumns = "id, questions, answer, owner, sources, state, outcome, expires, created, updated"

func scanApproved(row interface{ Scan(...any) error }) (Approved, error) {
	var a Approved
	var questions, sources string
	var expires, created, updated int64
	if err := row.Scan(&a.ID, &questions, &a.Answer, &a.Owner, &sources, &a.State, &a.Outcome, &expires, &created, &updated); err != nil {
		return Approved{}, err
	}
	a.Expires, a.Created, a.Updated = timeOf(expires), timeOf(created), timeOf(updated)
	return a, errors.Join(json.Unmarshal([]byte(questions), &a.Questions), json.Unmarshal([]byte(sources), &a.Sources))
}
