package web

import (
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"troly/internal/corpus"
	"troly/internal/pipeline"
)

// askRequest is the body of POST /api/v1/ask.
type askRequest struct {
	Question string        `json:"question"`
	Audience string        `json:"audience"`
	AsOf     string        `json:"as_of"`
	History  []askedBefore `json:"history"`
}

type askedBefore struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// piece is the data of a delta or replace event.
type piece struct {
	Text string `json:"text"`
}

// ask answers a question: with the Outcome, or for whoever accepts text/event-stream with a
// stream of events. The texts of its "delta" events, one after the other, are the
// answer so far. "replace" says that the answer is another one after all, and gives it.
// The last event, "outcome", is the whole Outcome, whose answer is what was shown.
func (a *api) ask(w http.ResponseWriter, r *http.Request) {
	q, err := readAsk(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	if !wantsStream(r) {
		reply(w, http.StatusOK, a.think(r.Context(), "api", q, nil))
		return
	}
	stream, ctx, done := a.answering(w, r, problem)
	if stream == nil {
		return
	}
	defer done()
	var shown strings.Builder
	outcome := a.think(ctx, "api", q, func(text string) {
		shown.WriteString(text)
		stream.send("delta", piece{text})
	})
	if rest, goesOn := strings.CutPrefix(outcome.Answer, shown.String()); !goesOn {
		stream.send("replace", piece{outcome.Answer})
	} else if rest != "" {
		stream.send("delta", piece{rest})
	}
	stream.send("outcome", outcome)
}

func readAsk(w http.ResponseWriter, r *http.Request) (pipeline.Question, error) {
	var req askRequest
	if err := readJSON(w, r, maxBody, true, &req); err != nil {
		return pipeline.Question{}, err
	}
	q, err := question(req.Question, req.Audience, req.AsOf)
	for _, turn := range req.History[max(0, len(req.History)-maxTurns):] {
		q.History = append(q.History, pipeline.Turn{Question: turn.Question, Answer: turn.Answer})
	}
	return q, err
}

// wantsStream reports whether a request accepts a stream of events.
func wantsStream(r *http.Request) bool {
	for _, header := range r.Header.Values("Accept") {
		for accepted := range strings.SplitSeq(header, ",") {
			media, params, err := mime.ParseMediaType(accepted)
			if err != nil || media != "text/event-stream" {
				continue
			}
			weight, err := strconv.ParseFloat(params["q"], 64)
			return err != nil || weight > 0
		}
	}
	return false
}

// question checks the parts of a question that come from outside.
func question(text, audience, asOf string) (pipeline.Question, error) {
	q := pipeline.Question{Text: text, Audience: audience}
	switch {
	case strings.TrimSpace(text) == "":
		return q, errors.New("question is empty")
	case audience != "" && audience != "citizen" && audience != "official":
		return q, errors.New("audience is citizen or official")
	}
	if asOf != "" {
		day, err := corpus.ParseDate(asOf)
		if err != nil {
			return q, err
		}
		q.AsOf = day
	}
	return q, nil
}
