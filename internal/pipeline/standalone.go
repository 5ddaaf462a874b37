package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"troly/internal/llm"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
	"troly/prompts"
)

// Limits of a question written anew.
const (
	maxStandalone       = 300 // runes
	maxStandaloneTokens = 200
	ownShare            = 0.7 // of its words, by weight, that the dialogue has
)

// standalone lets the model complete a question that was asked in a dialogue and by
// itself fits no document well, where our own reading did not see that it leans on an
// earlier turn. What comes back is read like any question; if it fits no better, or the
// model fails, nothing changes.
func (a *Assistant) standalone(ctx context.Context, out *Outcome, q *understanding, question Question, found retrieval.Result) (*understanding, retrieval.Result) {
	if a.writer == nil || len(question.History) == 0 || q.followUp || q.kind != aQuestion || !a.unsure(q, found) {
		return q, found
	}
	if _, danger := a.dangerIn(q, found); danger.probability >= dangerHint {
		return q, found // somebody may need help: nothing is read into it
	}
	ctx, cancel := context.WithDeadline(ctx, a.writer.deadline(ctx))
	defer cancel()
	if !a.mayAsk(ctx, out, q) {
		return q, found
	}
	text, err := a.complete(ctx, out, q, question.History)
	if err != nil {
		out.Degraded = append(out.Degraded, "llm: rewriting: "+failure(err))
		return q, found
	}
	whole := a.understand(ctx, Question{Text: text, Audience: question.Audience, AsOf: question.AsOf, Commune: question.Commune})
	whole.raw = q.raw // what must not be echoed is what was typed
	whole.moderated = q.moderated
	again, err := a.retriever.Search(ctx, whole.query)
	if err != nil || whole.kind != aQuestion || a.unsure(whole, again) {
		return q, found
	}
	out.Understood = a.understood(whole)
	out.Understood.Variant, out.Understood.FollowUp = q.variant, true
	return whole, again
}

// unsure reports whether a question, read alone, fits no document well.
func (a *Assistant) unsure(q *understanding, found retrieval.Result) bool {
	inside := a.withoutOutside(found)
	if len(inside.Documents) == 0 {
		return true
	}
	if q.coded != "" || len(q.named) > 0 {
		return false
	}
	best := inside.Documents[0]
	_, outside := a.outsideOf(found)
	return best.Probability < leanFloor || trust(a.coverage(q, a.lib.Document(best.ID)), outside) < trustFloor
}

// complete asks the model for the whole question and checks that it adds nothing.
func (a *Assistant) complete(ctx context.Context, out *Outcome, q *understanding, history []Turn) (string, error) {
	in := prompts.Rewrite{History: a.exchanges(history), Question: a.questionFor(q)}
	p, err := a.writer.prompts.Rewrite(in)
	if err != nil {
		return "", err
	}
	completion, err := a.writer.model.Generate(ctx, llm.Request{
		Messages: []llm.Message{{Role: llm.System, Text: p.System}, {Role: llm.User, Text: p.User}}, MaxTokens: maxStandaloneTokens, Prompts: a.writer.prompts.Version(),
		Schema: &llm.Schema{Name: "question", JSON: json.RawMessage(`{"type":"object","additionalProperties":false,"required":["question"],"properties":{"question":{"type":"string"}}}`)},
	}, nil)
	if err != nil {
		return "", err
	}
	out.Usage.PromptTokens += completion.Usage.PromptTokens
	out.Usage.CompletionTokens += completion.Usage.CompletionTokens
	var reply struct{ Question string }
	if err := json.Unmarshal([]byte(unwrapped(completion.Text)), &reply); err != nil {
		return "", fmt.Errorf("%w: %w", errNotAReply, err)
	}
	text := vietnamese.Normalize(reply.Question)
	if !a.addsNothing(text, in) {
		return "", errCheck
	}
	return text, nil
}

// addsNothing reports whether a question is a short Vietnamese one, made of the words
// and values of the dialogue.
func (a *Assistant) addsNothing(text string, in prompts.Rewrite) bool {
	if text == "" || utf8.RuneCountInString(text) > maxStandalone || foreign(text) || vietnamese.MissingDiacritics(text) {
		return false
	}
	var said strings.Builder
	for _, e := range in.History {
		said.WriteString(e.Question + "\n" + e.Answer + "\n")
	}
	said.WriteString(in.Question)
	known := make(map[string]bool)
	for _, t := range vietnamese.Tokenize(nil, a.glossary.Expand(said.String())) {
		known[t.Folded] = true
	}
	values := vietnamese.FindValues(said.String())
	for _, v := range vietnamese.FindValues(text) {
		if !slices.ContainsFunc(values, func(w vietnamese.Value) bool { return v.Kind == w.Kind && v.Canonical == w.Canonical }) {
			return false
		}
	}
	own, all := 0.0, 0.0
	for _, t := range a.retriever.Content(text) {
		weight := a.idf(t.Text)
		all += weight
		if known[t.Folded] {
			own += weight
		}
	}
	return own >= ownShare*all
}
