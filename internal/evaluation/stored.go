package evaluation

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"troly/internal/corpus"
	"troly/internal/database"
	"troly/internal/pipeline"
)

// Store keeps the outcomes of all channels; *database.DB is one.
type Store interface {
	Outcomes(ctx context.Context, f database.Filter) (database.Page, error)
	EachOutcome(ctx context.Context, f database.Filter, each func(database.Outcome) error) error
	OutcomeByID(ctx context.Context, id string) (database.Outcome, error)
	FeedbackOn(ctx context.Context, outcome string) ([]database.Feedback, error)
	ApprovedAnswers(ctx context.Context, states ...database.ApprovedState) ([]database.Approved, error)
}

var _ Store = (*database.DB)(nil)

// ReadStored reads the outcomes of a filter with the feedback on them, in order of
// time; people and dialogues by their hashes. Of what was written to a human who had
// the dialogue, the first message stands for all: nothing was to be answered. odd is
// how many outcomes could not be read; they are left out. With rates, an outcome that
// is not sampled at them is decided on at once and keeps little more than its question
// and status, which is what the figures of all outcomes need; nil keeps everything.
func ReadStored(ctx context.Context, store Store, people People, filter database.Filter, rates Rates) (all []Live, odd int, err error) {
	said, err := rated(ctx, store, filter)
	if err != nil {
		return nil, 0, err
	}
	err = store.EachOutcome(ctx, filter, func(o database.Outcome) error {
		l, err := people.stored(o)
		if err != nil {
			odd++
			return nil
		}
		if said[o.ID] {
			if err := people.give(ctx, store, &l); err != nil {
				return err
			}
		}
		if rates != nil {
			l.lighten(rates)
		}
		all = append(all, l)
		return nil
	})
	if err != nil {
		return nil, odd, fmt.Errorf("read outcomes: %w", err)
	}
	slices.SortStableFunc(all, func(a, b Live) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return handedOverOnce(all), odd, nil
}

// lighten decides on an outcome that is not sampled, and lets go of what only a sampled
// one needs. A budget lowers rates, so none of them comes in by it.
func (l *Live) lighten(rates Rates) {
	one := []Live{*l}
	DrawSample(one, rates, 0)
	if s := one[0].Sampling; !s.Sampled {
		l.Sampling = s
		l.Outcome = pipeline.Outcome{Question: l.Question, Status: l.Status}
	}
}

// rated are the IDs of outcomes that somebody said something about.
func rated(ctx context.Context, store Store, filter database.Filter) (map[string]bool, error) {
	ids := make(map[string]bool)
	filter.Feedback, filter.Limit = cmp.Or(filter.Feedback, "any"), 1000
	for {
		page, err := store.Outcomes(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("read feedback: %w", err)
		}
		for _, o := range page.Outcomes {
			ids[o.ID] = true
		}
		if filter.Before = page.Next; page.Next == "" {
			return ids, nil
		}
	}
}

// stored is an outcome of the database as a record.
func (p People) stored(o database.Outcome) (Live, error) {
	var body pipeline.Outcome
	if err := json.Unmarshal(o.Body, &body); err != nil {
		return Live{}, fmt.Errorf("outcome %s: %w", o.ID, err)
	}
	if body.Status == "" {
		return Live{}, fmt.Errorf("outcome %s has no status", o.ID)
	}
	dialogue, person := o.Channel+"\x00"+o.Dialogue, o.Channel+"\x00"+o.Person
	if o.Dialogue == "" { // asked without a dialogue, as by the API
		dialogue = "\x00" + o.ID
	}
	if o.Person == "" {
		person = dialogue
	}
	return p.record(o.ID, o.At, o.Channel, "", dialogue, person, body), nil
}

// give adds what people said of an outcome.
func (p People) give(ctx context.Context, store Store, l *Live) error {
	list, err := store.FeedbackOn(ctx, l.ID)
	if err != nil {
		return err
	}
	for _, f := range list {
		value := ThumbsDown
		if f.Good {
			value = ThumbsUp
		}
		l.give(Feedback{Outcome: l.ID, User: keyed(p.PersonKey, f.Channel+"\x00"+f.Person), Value: value, Reason: f.Reason, Time: f.At.UTC()})
	}
	return nil
}

// handedOverOnce leaves of neighbouring outcomes of a dialogue that were handed over
// the first.
func handedOverOnce(all []Live) []Live {
	handed := make(map[string]bool)
	return slices.DeleteFunc(all, func(l Live) bool {
		before := handed[l.Conversation]
		handed[l.Conversation] = l.Status == pipeline.HandedOver
		return before && l.Status == pipeline.HandedOver
	})
}

// ErrNoOutcome says that there is no outcome of an ID.
var ErrNoOutcome = errors.New("no such outcome")

// StoredDraft makes the candidate of one outcome; an approved answer that was written
// for it, if there is one, says what a right answer is. The error is ErrNoOutcome when
// there is none of that ID.
func StoredDraft(ctx context.Context, store Store, people People, id string) (Draft, error) {
	o, err := store.OutcomeByID(ctx, id)
	if errors.Is(err, database.ErrNotFound) {
		return Draft{}, ErrNoOutcome
	}
	if err != nil {
		return Draft{}, err
	}
	l, err := people.stored(o)
	if err == nil {
		err = people.give(ctx, store, &l)
	}
	if err != nil {
		return Draft{}, err
	}
	d := NewDraft(&l)
	approved, err := store.ApprovedAnswers(ctx)
	if err != nil {
		return Draft{}, err
	}
	for _, a := range slices.Backward(approved) {
		if a.Outcome == id && (a.State == database.ApprovedActive || a.State == database.ApprovedOutdated) {
			d.reference(a)
			break
		}
	}
	return d, nil
}

// ApprovedDrafts makes the candidates of all approved answers that may be given: of
// the outcome each was written for, or of the first question it answers.
func ApprovedDrafts(ctx context.Context, store Store, people People) ([]Draft, error) {
	approved, err := store.ApprovedAnswers(ctx, database.ApprovedActive)
	if err != nil {
		return nil, err
	}
	var drafts []Draft
	for _, a := range approved {
		var d Draft
		err := ErrNoOutcome
		if a.Outcome != "" {
			d, err = StoredDraft(ctx, store, people, a.Outcome)
		}
		switch {
		case errors.Is(err, ErrNoOutcome): // or it is past its days
			l := people.record(fmt.Sprintf("approved-%d", a.ID), a.Created, "web", "", "", "", pipeline.Outcome{Question: a.Questions[0], Status: pipeline.Answered, Answer: a.Answer})
			d = NewDraft(&l)
		case err != nil:
			return nil, err
		}
		d.reference(a)
		drafts = append(drafts, d)
	}
	return drafts, nil
}

// reference takes the right answer from an approved one. A second person still has to
// review it, and to say which of its facts count.
func (d *Draft) reference(a database.Approved) {
	d.ReferenceAnswer = strings.TrimSpace(a.Answer)
	d.ExpectedDocs = []ExpectedDoc{}
	for _, s := range a.Sources {
		d.ExpectedDocs = append(d.ExpectedDocs, ExpectedDoc{Doc: s.Document, Grade: 3})
	}
	d.Source.Author = a.Owner
	if !a.Expires.IsZero() {
		d.ValidTo = corpus.Today(a.Expires.Add(-time.Nanosecond)) // the last day it is given on
	}
}
