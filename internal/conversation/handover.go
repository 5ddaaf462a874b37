package conversation

import (
	"strings"

	"troly/internal/pipeline"
	"troly/internal/webhook"
)

// held reports whether a human has the dialogue. When their time has passed without
// their giving it back, the person is told who speaks again.
func (x *exchange) held() bool {
	if x.state.Held == 0 {
		return false
	}
	if x.at.UnixMilli() < x.state.Held {
		return true
	}
	x.state.free()
	if x.noStaff() {
		x.note(backAlone)
	} else {
		x.note(backAgain)
	}
	return false
}

// handOver asks for a human. From then on the bot is silent, see whileHeld.
func (x *exchange) handOver(about string) {
	if x.m.Group {
		x.say(webhook.Reply{Text: groupStaff})
		return
	}
	if x.noStaff() {
		x.say(webhook.Reply{Text: x.nobodyHere(x.state.Commune)})
		return
	}
	reason := "asked"
	if x.failedAgain() {
		reason = "repeated-failure"
	}
	t := &webhook.Ticket{Reason: reason, Commune: x.state.Commune, Summary: x.summary(about)}
	if last := x.state.last(x.who); last != nil {
		t.Outcome = last.ID
		if len(last.Turn.Documents) > 0 {
			t.Topic = last.Turn.Documents[0]
		}
	}
	x.response.Ticket = t
	x.hold(true)
	x.say(webhook.Reply{Text: x.handedOver(x.state.Commune), Choices: []webhook.Choice{{Label: labelBack, Action: actionBack}}})
}

// hold gives the dialogue to a human for a while.
func (x *exchange) hold(waiting bool) {
	until := x.at.Add(x.opts.Hold)
	x.state.hold(until, waiting)
	x.response.Hold = until
}

// giveBack gives it to the bot again because the person wants that.
func (x *exchange) giveBack() {
	x.state.free()
	x.response.Release = true
}

// said is what an officer should read of a message if one has the dialogue: no orders
// to the bot and no presses of its buttons.
func (x *exchange) said(command, argument string) string {
	switch {
	case x.m.Group || x.m.Kind == webhook.Button || x.m.Kind == webhook.Joined:
		return ""
	case command == staff || command == question:
		return cutRunes(masked(argument), pipeline.MaxQuestion)
	case command != "":
		return ""
	case x.m.Text != "":
		return cutRunes(masked(x.m.Text), pipeline.MaxQuestion)
	case x.m.Kind == webhook.Voice:
		return sentVoice
	case x.m.Kind == webhook.File:
		return sentFile
	}
	return ""
}

// maxSummary is the length of a ticket's summary, in runes.
const maxSummary = 600

// summary is what an officer reads first: what was asked, the latest last.
func (x *exchange) summary(about string) string {
	var lines []string
	for _, t := range x.state.Turns {
		if t.Status != pipeline.SmallTalk && t.Turn.Question != "" {
			lines = append(lines, t.Turn.Question)
		}
	}
	lines = lines[max(0, len(lines)-3):]
	if about != "" {
		lines = append(lines, masked(about))
	}
	if len(lines) == 0 {
		return nothingAsked
	}
	return cutRunes(strings.Join(lines, "\n"), maxSummary)
}

// whileHeld keeps silent while a human has the dialogue. What is written meanwhile is
// kept for them as an outcome that was handed over. Danger is answered all the same;
// whoever wants the bot back gets it.
func (x *exchange) whileHeld(command, argument string) {
	x.quiet = true
	if x.m.Kind == webhook.Button {
		x.pressedWhileHeld()
		return
	}
	switch {
	case command == back:
		x.giveBack()
		x.say(webhook.Reply{Text: hereAgain})
	case command == anew, command == start, command == question:
		x.giveBack()
		x.obey(command, argument)
	case x.urgent():
		x.ask(x.m.Text, nil)
	case x.m.Text != "":
		x.record(cutRunes(x.opts.NewID(), maxID), pipeline.Outcome{
			Question: masked(cutRunes(x.m.Text, pipeline.MaxQuestion)), Status: pipeline.HandedOver,
			Citations: []pipeline.Citation{}, Retrieved: []pipeline.Retrieved{}, Checks: map[string]string{}, Suggestions: []string{}, Degraded: []string{},
			Understood: pipeline.Understood{Facets: []pipeline.Facet{}, Variant: []string{}, Documents: []string{}, OldUnits: []string{}},
		})
		if x.state.Waiting && (!x.state.Reminded || command == staff) {
			x.state.Reminded = true
			x.say(webhook.Reply{Text: stillWaiting, Choices: []webhook.Choice{{Label: labelBack, Action: actionBack}}})
		}
	}
}

// pressedWhileHeld takes a rating without a word, and the way back.
func (x *exchange) pressedWhileHeld() {
	if x.m.Action == actionBack {
		x.giveBack()
		x.say(webhook.Reply{Text: hereAgain})
		return
	}
	for _, prefix := range []string{webhook.GoodAction, webhook.BadAction} {
		if id, ok := strings.CutPrefix(x.m.Action, prefix); ok && goodID(id) {
			x.response.Feedback = &webhook.Feedback{Outcome: id, Good: prefix == webhook.GoodAction}
		}
	}
}

// noStaff reports whether nobody reads what is handed over.
func (c *Conversation) noStaff() bool {
	if c.opts.Staffed != nil {
		return !c.opts.Staffed()
	}
	return c.opts.NoStaff
}

// failedAgain reports whether it is time to offer a human.
func (x *exchange) failedAgain() bool { return !x.noStaff() && x.state.Failed && x.state.Fails >= 2 }
