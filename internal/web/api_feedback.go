package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/privacy"
)

// Keeper keeps what was answered and what people say of it; *database.DB is one.
type Keeper interface {
	AddOutcome(ctx context.Context, o database.Outcome) error

	// AddFeedback keeps a judgement; database.ErrNotFound says that no outcome is kept
	// under its name.
	AddFeedback(ctx context.Context, f database.Feedback) error
}

var _ Keeper = (*database.DB)(nil)

const (
	keepIn    = 2 * time.Second // an answer does not wait longer to be kept
	maxReason = 1000            // characters of a reason
)

// keptOutcome is an outcome with the name it is kept under, if it is.
type keptOutcome struct {
	ID string `json:"id,omitempty"`
	pipeline.Outcome
}

// keep keeps an outcome and returns its name, "" when it could not be kept: the answer
// is not affected.
func (a *api) keep(ctx context.Context, channel string, o pipeline.Outcome) string {
	if a.keeper == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepIn)
	defer cancel()
	body, err := json.Marshal(o)
	if err != nil {
		a.log.Error("outcome not encoded", "err", err)
		return ""
	}
	id := uuid.NewString() // who knows it may judge the answer: it cannot be guessed
	err = a.keeper.AddOutcome(ctx, database.Outcome{ID: id, Channel: channel, Person: person(ctx), Status: string(o.Status), At: a.now(), Body: body})
	if err != nil {
		a.log.Error("outcome not kept", "err", err)
		return ""
	}
	return id
}

type feedbackRequest struct {
	Outcome string `json:"outcome"`
	Good    *bool  `json:"good"`
	Reason  string `json:"reason"`
}

// feedback takes what somebody says of an answer.
func (a *api) feedback(w http.ResponseWriter, r *http.Request) {
	var req feedbackRequest
	if err := readJSON(w, r, maxBody, true, &req); err != nil {
		refuse(w, err)
		return
	}
	switch {
	case req.Outcome == "" || len(req.Outcome) > 100:
		problem(w, http.StatusBadRequest, "outcome is the id of an answer")
		return
	case req.Good == nil:
		problem(w, http.StatusBadRequest, "good is true or false")
		return
	case utf8.RuneCountInString(req.Reason) > maxReason:
		problem(w, http.StatusBadRequest, "reason has at most 1000 characters")
		return
	case a.keeper == nil:
		problem(w, http.StatusServiceUnavailable, "nothing is kept here, so nothing can be judged")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), keepIn)
	defer cancel()
	reason, _ := privacy.Mask(req.Reason)
	err := a.keeper.AddFeedback(ctx, database.Feedback{Outcome: req.Outcome, Good: *req.Good, Reason: reason, Channel: "api", Person: person(r.Context()), At: a.now()})
	switch {
	case errors.Is(err, database.ErrNotFound):
		problem(w, http.StatusNotFound, "no answer is kept under that id")
	case err != nil:
		a.log.Error("feedback not kept", "err", err)
		problem(w, http.StatusServiceUnavailable, "feedback cannot be kept at this moment")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
