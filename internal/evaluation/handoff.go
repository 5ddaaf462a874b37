package evaluation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"troly/internal/conversation"
	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/webhook"
)

// What Case.ExpectedHandoff says beside a contact, number or address of the knowledge
// that the reply should send people to.
const (
	toOfficer = "officer" // a person of the office takes over
	offered   = "offered" // a person is offered beside the reply
	nobody    = "nobody"  // persons of the office are spoken of, and none is asked for
)

// Dialogue asks as a chat channel does where somebody of the office reads along: what
// a person wrote goes, turn after turn, through package conversation, which decides
// when a human takes over. It is an Asker; what an assistant said in the history of a
// question is said anew. Any number of goroutines may use it.
type Dialogue struct {
	assistant conversation.Assistant
	lib       *corpus.Library
	search    Asker
}

var _ Asker = (*Dialogue)(nil)

// NewDialogue returns a Dialogue with an assistant, who also searches.
func NewDialogue(assistant interface {
	conversation.Assistant
	Asker
}, lib *corpus.Library) *Dialogue {
	return &Dialogue{assistant, lib, assistant}
}

// Search implements Asker.
func (d *Dialogue) Search(ctx context.Context, q pipeline.Question) ([]pipeline.Retrieved, error) {
	return d.search.Search(ctx, q)
}

// Ask implements Asker: the outcome of the last turn. Its answer is all that the
// person reads; it is handed over when a ticket was opened, and offers a person when
// that is among its suggestions.
func (d *Dialogue) Ask(ctx context.Context, q pipeline.Question) pipeline.Outcome {
	ids := 0
	talk := conversation.New(d.assistant, d.lib, d.lib.Units, conversation.Options{
		Audience: q.Audience, AsOf: q.AsOf, PerMinute: -1, PerDay: -1,
		NewID: func() string { ids++; return strconv.Itoa(ids) },
	})
	m := webhook.Message{Channel: "cli", Dialogue: "case", Person: "case", Kind: webhook.Joined}
	r := talk.Respond(ctx, m, nil, nil)
	m.Kind = webhook.Text
	for _, turn := range q.History {
		m.Text = turn.Question
		r = talk.Respond(ctx, m, r.State, nil)
	}
	m.Text = q.Text
	return outcomeOf(q.Text, talk.Respond(ctx, m, r.State, nil))
}

// outcomeOf is what a reply tells a person.
func outcomeOf(question string, r webhook.Response) pipeline.Outcome {
	o := pipeline.Outcome{
		Question: question, Status: pipeline.SmallTalk, Citations: []pipeline.Citation{}, Retrieved: []pipeline.Retrieved{},
		Checks: map[string]string{}, Suggestions: []string{}, Degraded: []string{},
	}
	if r.Outcome != nil {
		if err := json.Unmarshal(r.Outcome.Body, &o); err != nil {
			o.Error = fmt.Sprintf("read the outcome: %v", err)
			return o
		}
	}
	var said []string
	for _, reply := range r.Replies {
		said = append(said, reply.Text)
		if slices.ContainsFunc(reply.Choices, func(c webhook.Choice) bool { return c.Label == conversation.LabelStaff }) {
			o.Suggestions = append(o.Suggestions, conversation.LabelStaff)
		}
	}
	o.Answer = strings.Join(said, "\n")
	if r.Ticket != nil {
		o.Status = pipeline.HandedOver
	}
	return o
}

// handsOff reports whether the outcome does what the case expects: a human takes over,
// is offered, or is not called, or the reply names whom it should send people to.
func (j *judgement) handsOff() bool {
	switch j.c.ExpectedHandoff {
	case toOfficer:
		return j.sample.Status == pipeline.HandedOver
	case offered:
		return slices.Contains(j.sample.Suggestions, conversation.LabelStaff)
	case nobody:
		return j.sample.Status != pipeline.HandedOver
	}
	c, ok := j.lib.Contact(j.c.ExpectedHandoff)
	if !ok {
		return j.text.has(phrase(j.c.ExpectedHandoff))
	}
	for _, v := range read("gọi " + c.Phone + "\n" + c.URL).values {
		if slices.ContainsFunc(j.text.values, func(w value) bool { return w.canonical == v.canonical }) {
			return true
		}
	}
	return j.text.has(phrase(c.Name))
}
