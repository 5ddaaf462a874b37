package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"troly/internal/corpus"
	"troly/internal/llm"
	"troly/internal/vietnamese"
	"troly/prompts"
)

// Limits of a model's answer.
const (
	answerIn       = 15 * time.Second       // for both tries
	reserve        = 500 * time.Millisecond // left of the caller's deadline, to answer without the model
	maxSentences   = 8
	maxReplyTokens = 3000 // with what a model thinks first; with the passages within 8,000
	shownTurns     = 3    // earlier turns the model sees
	shownRunes     = 400  // of an earlier answer
)

// writer is what model answers are made with; nil without a model.
type writer struct {
	model   llm.Generator
	prompts *prompts.Set
	in      time.Duration

	moderate func(ctx context.Context, text string) (flagged bool, err error) // nil: nothing is flagged
}

// rules are the rules a model is given, with their runs of words.
type rules struct {
	text string
	runs map[string]bool
}

// secret are the runs of words of the rules, which no answer may show.
func (a *Assistant) secret(text string) map[string]bool {
	last := a.rules.Load()
	if last == nil || last.text != text {
		last = &rules{text, shingles(text)}
		a.rules.Store(last)
	}
	return last.runs
}

func newWriter(opts Options) *writer {
	w := &writer{model: opts.Model, prompts: opts.Prompts, in: opts.AnswerIn, moderate: opts.Moderate}
	if w.in == 0 {
		w.in = answerIn
	}
	return w
}

// Release is given an answer as it is written, in pieces that are safe to show: a
// sentence of a model leaves only after every check of its own has passed, and
// nothing that left is taken back, because a sentence that fails is not printed and
// holds back what follows it until the model has written that anew. What is known to be
// missing leaves before the model is asked. When Outcome.Answer begins with what was
// released, only the rest is left to show; otherwise the model failed after all, and
// Outcome.Answer is to be shown in its place.
type Release func(text string)

// write answers with the model from what the extract was drawn from. It reports false
// when the model failed: out then says why in Degraded, and the extract stands.
func (a *Assistant) write(ctx context.Context, out *Outcome, q *understanding, history []Turn, extract *draft, release Release) bool {
	if a.writer == nil {
		return false
	}
	ctx, cancel := context.WithDeadline(ctx, a.writer.deadline(ctx))
	defer cancel()
	if !a.mayAsk(ctx, out, q) {
		return false
	}
	t, err := a.newTelling(q, history, extract, release)
	if err == nil {
		err = t.tell(ctx)
	}
	out.Usage = Usage{out.Usage.PromptTokens + t.usage.PromptTokens, out.Usage.CompletionTokens + t.usage.CompletionTokens}
	if err == nil {
		t.finish()
		out.Checks, out.Verified = a.verify(t.d, q)
		out.Checks[checkSupport], out.Checks[checkLeak], out.Checks[checkLength] = "pass", "pass", "pass" // of each sentence, or it would not be there
		if !out.Verified || t.d.runes > maxAnswerRunes {
			err = errCheck
		}
	}
	if err != nil {
		out.Checks, out.Verified = map[string]string{}, false
		out.Degraded = append(out.Degraded, "llm: "+failure(err))
		return false
	}
	t.show()
	out.Status, out.Answer, out.Citations, out.AnsweredBy = Answered, t.d.text(), t.d.citations, "llm"
	out.Versions.Model = t.model
	return true
}

// mayAsk reports whether the model may be given a question: it may unless moderation
// flags it. A flagged question is no reason to turn somebody away, who may be telling
// of what was done to them: it is answered as it is without a model. Moderation that
// fails or takes too long stops nothing, because every sentence of the model is
// checked anyway.
func (a *Assistant) mayAsk(ctx context.Context, out *Outcome, q *understanding) bool {
	if a.writer.moderate == nil || q.moderated {
		return !q.flagged
	}
	flagged, err := a.writer.moderate(ctx, a.questionFor(q))
	q.moderated, q.flagged = true, flagged && err == nil
	switch {
	case err != nil:
		out.Degraded = append(out.Degraded, "moderation: "+string(llm.KindOf(err)))
	case flagged:
		out.Degraded = append(out.Degraded, "moderation: flagged")
	}
	return !q.flagged
}

// deadline is when the model must be done, so that there is time left without it.
func (w *writer) deadline(ctx context.Context) time.Time {
	end := time.Now().Add(w.in)
	if callers, ok := ctx.Deadline(); ok && callers.Add(-reserve).Before(end) {
		return callers.Add(-reserve)
	}
	return end
}

// failure says in a few words what was wrong with the model, without what servers or
// models wrote: Degraded is public.
func failure(err error) string {
	var rejected *rejection
	switch {
	case errors.As(err, &rejected):
		return "answer rejected: " + rejected.Error()
	case errors.Is(err, errNoInformation):
		return errNoInformation.Error()
	case errors.Is(err, errNotAReply):
		return errNotAReply.Error()
	case errors.Is(err, errCheck):
		return errCheck.Error()
	}
	return string(llm.KindOf(err))
}

// telling is one answer being written by the model.
type telling struct {
	*examiner
	c       *composer
	d       *draft
	ask     prompts.Answer
	prompt  prompts.Prompt // of ask
	release Release

	places   []placeLine
	shown    int // lines of the draft that were released
	taken    int // sentences
	complete string
	model    string
	usage    llm.Usage
}

// errNoInformation says that the model found nothing to answer with.
var errNoInformation = errors.New("no passage answers")

// errCheck says that the whole answer failed a check that its sentences passed.
var errCheck = errors.New("a check failed")

// rejection is a reply of which something failed a check.
type rejection struct{ sentences []prompts.Rejected }

func (r *rejection) Error() string {
	return fmt.Sprintf("%d sentences failed a check", len(r.sentences))
}

// newTelling prepares an answer: what the model is given, and the lines before its
// words, which are ours, those of the extract on what is missing among them.
func (a *Assistant) newTelling(q *understanding, history []Turn, extract *draft, release Release) (*telling, error) {
	doc := a.lib.Document(extract.found.Documents[0].ID)
	d := newDraft(a.lib, q.asOf)
	d.lines = append(d.lines, doc.Title)
	d.validity(doc)
	t := &telling{c: a.composer(q, doc, d), d: d, release: release, places: a.placeLines(q, doc)}
	d.keepFree(t.places)
	d.gap, d.contacts = extract.gap, extract.contacts
	for _, line := range d.gap.lines {
		d.add(line)
	}
	m := a.gather(t.c, extract.found)
	t.ask = m.prompt(prompts.Answer{Question: a.questionFor(q), Printed: d.gap.lines, History: a.exchanges(history), Sentences: maxSentences})
	var err error
	if t.prompt, err = a.writer.prompts.Answer(t.ask); err != nil {
		return t, err
	}
	t.examiner = a.examiner(q, m, d.gap, t.prompt.System)
	return t, nil
}

// composer makes the composer of one document.
func (a *Assistant) composer(q *understanding, doc *corpus.Document, d *draft) *composer {
	p, named := a.page(doc, q.asOf), q.casesOf(doc)
	return &composer{a, d, q, doc, p, named, a.rank(q, doc, p, named)}
}

// questionFor is the question as the model reads it: as typed, personal data masked,
// and as it was understood where that differs.
func (a *Assistant) questionFor(q *understanding) string {
	typed := a.masked(vietnamese.Normalize(q.raw))
	if understood := a.masked(q.text); !strings.EqualFold(typed, understood) {
		return typed + "\nViết đầy đủ: " + understood
	}
	return typed
}

// exchanges are the last turns, masked and cut.
func (a *Assistant) exchanges(history []Turn) []prompts.Exchange {
	var list []prompts.Exchange
	for _, turn := range history[max(0, len(history)-shownTurns):] {
		answer := []rune(a.masked(turn.Answer))
		list = append(list, prompts.Exchange{Question: a.masked(turn.Question), Answer: string(answer[:min(len(answer), shownRunes)])})
	}
	return list
}

// tell asks the model, and once more with the reasons when something failed. What was
// accepted the first time stays, so that a reader who saw it need not forget it.
func (t *telling) tell(ctx context.Context) error {
	t.show()
	accepted, err := t.try(ctx, t.prompt)
	var rejected *rejection
	switch {
	case errors.Is(err, errNotAReply):
		rejected = &rejection{[]prompts.Rejected{{Text: "(cả câu trả lời)", Reason: "không phải đúng một đối tượng JSON theo mẫu"}}}
	case !errors.As(err, &rejected):
		return err
	}
	repair, err := t.writer.prompts.Repair(prompts.Repair{Answer: t.ask, Accepted: accepted, Rejected: rejected.sentences})
	if err != nil {
		return err
	}
	_, err = t.try(ctx, repair)
	return err
}

// try makes one call and takes its sentences, those up to the first that fails as they
// arrive. It returns the texts of those taken.
func (t *telling) try(ctx context.Context, p prompts.Prompt) (accepted []string, err error) {
	var reader replyReader
	var failed rejection
	read := 0
	take := func(s modelSentence) {
		read++
		x, reason := t.examine(s)
		if reason != "" {
			failed.sentences = append(failed.sentences, prompts.Rejected{Text: s.Text, Reason: reason})
		} else if len(failed.sentences) == 0 {
			t.print(x)
			t.taken++
			accepted = append(accepted, s.Text)
			t.show()
		}
	}
	request := llm.Request{
		Messages: []llm.Message{{Role: llm.System, Text: p.System}, {Role: llm.User, Text: p.User}},
		Schema:   replySchema(), MaxTokens: maxReplyTokens, Prompts: t.writer.prompts.Version(),
	}
	emit := func(piece string) error {
		for _, s := range reader.add(piece) {
			if reader.head.empty() {
				return errNoInformation
			}
			take(s)
		}
		return nil
	}
	if t.release == nil {
		emit = nil // nobody reads along: a call that breaks off may be made again
	}
	completion, err := t.writer.model.Generate(ctx, request, emit)
	if err != nil {
		return accepted, err
	}
	t.usage, t.model = t.usage.Plus(completion.Usage), completion.Model
	reply, err := parseReply(completion.Text)
	switch {
	case err != nil:
		return accepted, err
	case len(reply.Sentences) == 0 && t.taken > 0:
		return accepted, nil // a repair that leaves out what failed
	case reply.empty(), len(reply.Sentences) == 0:
		return accepted, errNoInformation
	}
	for _, s := range reply.Sentences[min(read, len(reply.Sentences)):] {
		take(s)
	}
	t.complete = reply.Complete
	if len(failed.sentences) > 0 {
		return accepted, &failed
	}
	return accepted, nil
}

// empty reports whether a reply answers nothing: no used passage, no answer.
func (r *modelReply) empty() bool { return r.Complete == "none" || len(r.Used) == 0 }

// print adds a sentence and its rows to the draft, where there is room.
func (t *telling) print(x examined) {
	before := *t.d
	var marks strings.Builder
	for _, i := range x.passages {
		marks.WriteString(" " + t.d.cite(t.m.passages[i].doc, t.m.passages[i].section))
	}
	lead, colon := strings.CutSuffix(x.text, ":")
	if x.text == "" {
		lead, colon = t.m.passages[x.rows[0].passage].heading, true
	}
	text := lead + marks.String()
	if colon {
		text += ":"
	}
	some := t.d.add(text)
	for _, f := range x.rows {
		if !t.d.has(f.row) && t.d.add(f.row.text) {
			t.d.printed[f.row.bare] = true
			some = true
		}
	}
	if !some {
		*t.d = before
	}
}

// finish adds what is ours: the figures asked for that the model left out, the
// places, what is missing and what is doubtful.
func (t *telling) finish() {
	for _, f := range t.c.unshared(t.c.facets()) {
		if isFigure(f) && t.c.has(t.c.doc, f) && !t.tells(f) {
			t.c.facet(f)
		}
	}
	t.d.insertPlaces(len(t.d.lines), t.places, t.lib.Units.Since)
	if t.complete == "partial" && len(t.d.gap.lines) == 0 {
		t.d.add("Tài liệu của tôi chưa trả lời hết câu hỏi; phần còn lại bạn hỏi nơi tiếp nhận: " + t.office(t.c.doc) + ".")
	}
	t.d.unverified(t.c.doc)
	t.markUnverified(t.d)
}

// tells reports whether a row of a facet's section is printed.
func (t *telling) tells(f Facet) bool {
	return slices.ContainsFunc(t.c.page.lines, func(l line) bool {
		return l.row && slices.Contains(sections[f], l.section) && t.d.has(l)
	})
}

// show releases the lines of the draft that were not yet. The title and what is said
// of validity go with what is missing or else with the first sentence that passed, not
// before.
func (t *telling) show() {
	if t.release == nil || len(t.d.citations)+len(t.d.gap.lines) == 0 {
		return
	}
	text := strings.Join(t.d.lines[t.shown:], "\n")
	if text == "" {
		return
	}
	if t.shown > 0 {
		text = "\n" + text
	}
	t.shown = len(t.d.lines)
	t.release(text)
}
