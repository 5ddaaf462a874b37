package conversation

import (
	"encoding/json"
	"strings"

	"troly/internal/pipeline"
	"troly/internal/privacy"
	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

// maxID is how long an outcome's ID is at most, so that every action fits 64 bytes.
const maxID = 48

// text answers what somebody wrote: what was asked back for, a choice among what was
// offered, or a question.
func (x *exchange) text() {
	text := x.m.Text
	if good, rated := rating(text); rated && !x.m.Group {
		if last := x.state.last(x.who); last != nil {
			x.rate(last.ID, good)
			return
		}
	}
	pick, reason := x.state.Pick, x.state.Reason
	x.state.Pick, x.state.Reason = nil, nil // asked for now or never
	if pick != nil && x.recent(pick.At) && x.pickedCommune(pick, text) {
		return
	}
	if reason != nil && x.recent(reason.At) && x.reasonGiven(reason.Outcome, text) {
		return
	}
	if last := x.state.last(x.who); last != nil && x.recent(last.At) && len(last.Offers) > 0 {
		if n := ordinal(text, len(last.Offers)); n > 0 && n <= len(last.Offers) {
			x.choose(*last, n)
			return
		}
	}
	if abusive(text) && !x.urgent() {
		x.calm()
		return
	}
	if text == "" && x.m.Quoted != "" { // "@troly" in answer to somebody's question
		x.ask(x.m.Quoted, nil)
		return
	}
	x.ask(text, x.history())
}

// recent reports whether something happened so lately that a message may lean on it.
func (x *exchange) recent(at int64) bool { return at >= x.at.Add(-x.opts.FollowUp).UnixMilli() }

// history is what the question may lean on: the turns before, and above them what the
// message answers to.
func (x *exchange) history() []pipeline.Turn {
	history := x.state.before(x.who, x.at.Add(-x.opts.FollowUp).UnixMilli(), "")
	quoted := squeezed(x.m.Quoted)
	if quoted == "" {
		return history
	}
	for i := len(x.state.Turns) - 1; i >= 0; i-- {
		t := x.state.Turns[i].Turn
		if answer := squeezed(t.Answer); answer != "" && (strings.HasPrefix(answer, quoted) || strings.HasPrefix(quoted, answer)) {
			return append(history, t)
		}
	}
	return append(history, pipeline.Turn{Question: cutRunes(x.m.Quoted, keptQuestion)})
}

// squeezed is a text without what layouts change of it, and not longer than what is
// kept of an answer.
func squeezed(s string) string {
	var b strings.Builder
	for _, t := range vietnamese.Tokenize(nil, cutRunes(vietnamese.Normalize(s), keptAnswer*3/4)) {
		b.WriteString(t.Text)
	}
	return b.String()
}

// edited answers an edit: once after each new message, and only a new text.
func (x *exchange) edited() {
	last := x.state.last(x.who)
	same := last != nil && vietnamese.Normalize(last.Turn.Question) == vietnamese.Normalize(cutRunes(masked(x.m.Text), keptQuestion))
	if x.m.Command != "" || x.m.Text == "" || x.state.Edited || same {
		x.quiet = true
		return
	}
	x.state.Edited = true
	if last != nil {
		x.state.drop(last.ID)
	}
	x.ask(x.m.Text, x.history())
}

// ask answers a question and remembers what came of it.
func (x *exchange) ask(text string, history []pipeline.Turn) { x.askAs("", text, history) }

// askAs is ask of a question that is kept as shown unless that is empty.
func (x *exchange) askAs(shown, text string, history []pipeline.Turn) {
	o := x.assistant.Stream(x.ctx, pipeline.Question{
		Text: text, Audience: x.opts.Audience, AsOf: x.opts.AsOf, Commune: x.state.Commune, History: history,
	}, x.release)
	if shown != "" {
		o.Question = shown
	}
	id := cutRunes(x.opts.NewID(), maxID)
	x.record(id, o)
	reply := webhook.Reply{Text: strings.ToValidUTF8(o.Answer, ""), Sources: Sources(o.Citations)}
	urgent := o.Understood.Intent == "emergency" || o.Understood.Intent == "scam"
	t := turn{ID: id, At: x.at.UnixMilli(), Who: x.who, Status: o.Status, Urgent: urgent, Turn: o.Turn()}
	if o.Status == pipeline.Clarify {
		t.Offers = o.Suggestions
	} else if !x.m.Group && (o.Status != pipeline.SmallTalk || len(x.state.Turns) == 0) { // thanks are no reason to begin anew
		t.Offers = o.Suggestions[:min(len(o.Suggestions), maxSuggestions)]
	}
	if o.Status != pipeline.Failed {
		x.state.keep(t)
	}
	reply.Choices = offered(id, o.Status, t.Offers)
	x.state.count(o.Status)
	switch {
	case x.m.Group:
	case urgent:
		x.quiet = true // nothing else matters now
	case o.Status == pipeline.SmallTalk && !x.state.Greeted && len(x.state.Turns) == 1:
		x.welcome()
		return
	case o.Status == pipeline.Answered:
		reply.Feedback = id
		if o.AnsweredBy == "approved" {
			reply.Text += "\n" + approvedBy
		}
	case x.failedAgain():
		reply.Choices = append(reply.Choices, webhook.Choice{Label: LabelStaff, Action: actionStaff})
		x.note(offerStaff)
	}
	x.say(reply)
}

// record keeps an outcome, which the pipeline has masked.
func (x *exchange) record(id string, o pipeline.Outcome) {
	body, err := json.Marshal(o)
	if err != nil { // a number that JSON has not, which no stage makes
		panic(err)
	}
	x.response.Outcome = &webhook.Outcome{ID: id, Status: string(o.Status), Body: body}
}

// Sources are the citations of an answer as a reply carries them.
func Sources(citations []pipeline.Citation) []webhook.Source {
	var list []webhook.Source
	for _, c := range citations {
		list = append(list, webhook.Source{N: c.N, Title: c.Title, Section: c.SectionName(), URL: c.URL, Checked: string(c.Checked)})
	}
	return list
}

func masked(s string) string {
	m, _ := privacy.Mask(s)
	return m
}
