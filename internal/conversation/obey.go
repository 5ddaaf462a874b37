package conversation

import (
	"slices"
	"strconv"
	"strings"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

// obey runs a command. What follows /start is data of a link, and not looked at.
func (x *exchange) obey(name, argument string) {
	switch name {
	case start:
		if x.m.Group {
			x.s.Greeted = true
			x.say(webhook.Reply{Text: groupStart})
		} else if x.s.Greeted {
			x.say(webhook.Reply{Text: startAgain, Choices: exampleChoices()})
		} else {
			x.welcome()
		}
	case question:
		if argument == "" {
			x.say(webhook.Reply{Text: askHow})
			return
		}
		x.ask(argument, x.history())
	case anew:
		x.s.restart(x.who)
		x.say(webhook.Reply{Text: startedAnew})
	case staff:
		x.handOver(argument)
	case commune:
		x.commune(argument)
	case back:
		x.say(webhook.Reply{Text: hereAlready})
	default:
		if !x.s.Greeted && !x.m.Group {
			x.welcome()
			return
		}
		x.say(webhook.Reply{Text: x.helpText()})
	}
}

// exampleChoices are questions to begin with.
func exampleChoices() []webhook.Choice {
	var list []webhook.Choice
	for i, e := range examples {
		list = append(list, webhook.Choice{Label: short(e), Action: actionExample + strconv.Itoa(i+1)})
	}
	return list
}

// communes are the places that a name may mean, asked back for.
type communes struct {
	Key   string   `json:"key"` // of the buttons
	At    int64    `json:"at"`
	Names []string `json:"names"` // of present communes
}

// maxCommunes is how many are asked back for; a district has more.
const maxCommunes = 4

// commune remembers where somebody lives.
func (x *exchange) commune(name string) {
	if name == "" {
		x.say(webhook.Reply{Text: communeHow(x.s.Commune)})
		return
	}
	var names []string
	var place corpus.Place
	places := x.places.Lookup(cutRunes(name, 100))
	if n := len(strings.Fields(name)); n > longestName || len(places) == 0 && n > longestName/2 {
		if x.m.Command == "" {
			name = x.m.Text
		}
		x.ask(name, x.history()) // "đổi xã thì có phải làm lại căn cước không" is a question, whatever takes it for a command
		return
	}
	for _, p := range within(places) {
		if p.Commune == nil || slices.Contains(names, p.Commune.Name) {
			continue
		}
		names, place = append(names, p.Commune.Name), p
	}
	switch {
	case len(places) == 0:
		x.say(webhook.Reply{Text: communeUnknown})
	case len(names) == 0, len(names) > maxCommunes: // a district or the province
		x.say(webhook.Reply{Text: communeTooMany})
	case len(names) > 1:
		x.s.Pick = &communes{Key: cutRunes(x.opts.NewID(), maxID), At: x.at.UnixMilli(), Names: names}
		ask := webhook.Reply{Text: communeWhich(names)}
		for i, n := range names {
			number := strconv.Itoa(i + 1)
			ask.Choices = append(ask.Choices, webhook.Choice{Label: short(number + ". " + n), Action: actionCommune + number + "." + x.s.Pick.Key})
		}
		x.say(ask)
	default:
		x.s.Commune = names[0]
		x.say(webhook.Reply{Text: communeSet(place)})
	}
}

// longestName is how many syllables a commune is named with: "xã Tân Thịnh, thành phố
// Yên Bái cũ".
const longestName = 8

// within leaves of the places a name can mean those in the district that was named
// with it, if there are any.
func within(places []corpus.Place) []corpus.Place {
	var inside []corpus.Place
	for _, d := range places {
		for _, p := range places {
			if d.District != nil && p.Former != nil && p.Former.District == d.District.Name {
				inside = append(inside, p)
			}
		}
	}
	if len(inside) == 0 {
		return places
	}
	return inside
}

// pickedCommune takes a message as the commune that was asked back for.
func (x *exchange) pickedCommune(pick *communes, text string) bool {
	if n := ordinal(text, len(pick.Names)); n >= 1 && n <= len(pick.Names) {
		x.setCommune(pick.Names[n-1])
		return true
	}
	for _, name := range pick.Names {
		if said := vietnamese.Fold(strings.TrimSpace(text)); said == vietnamese.Fold(name) || said == vietnamese.Fold(corpus.ShortName(name)) {
			x.setCommune(name)
			return true
		}
	}
	return false
}

func (x *exchange) setCommune(name string) {
	x.s.Pick, x.s.Commune = nil, name
	x.say(webhook.Reply{Text: communeChosen(name)})
}

// held reports whether a human has the dialogue. When their time has passed without
// their giving it back, the person is told who speaks again.
func (x *exchange) held() bool {
	if x.s.Held == 0 {
		return false
	}
	if x.at.UnixMilli() < x.s.Held {
		return true
	}
	x.s.free()
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
		x.say(webhook.Reply{Text: x.nobodyHere(x.s.Commune)})
		return
	}
	reason := "asked"
	if x.failedAgain() {
		reason = "repeated-failure"
	}
	t := &webhook.Ticket{Reason: reason, Commune: x.s.Commune, Summary: x.summary(about)}
	if last := x.s.last(x.who); last != nil {
		t.Outcome = last.ID
		if len(last.Turn.Documents) > 0 {
			t.Topic = last.Turn.Documents[0]
		}
	}
	x.r.Ticket = t
	x.hold(true)
	x.say(webhook.Reply{Text: x.handedOver(x.s.Commune), Choices: []webhook.Choice{{Label: labelBack, Action: actionBack}}})
}

// hold gives the dialogue to a human for a while.
func (x *exchange) hold(waiting bool) {
	until := x.at.Add(x.opts.Hold)
	x.s.hold(until, waiting)
	x.r.Hold = until
}

// giveBack gives it to the bot again because the person wants that.
func (x *exchange) giveBack() {
	x.s.free()
	x.r.Release = true
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
	for _, t := range x.s.Turns {
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
// who wants the bot back gets it.
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
		if x.s.Waiting && (!x.s.Reminded || command == staff) {
			x.s.Reminded = true
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
			x.r.Feedback = &webhook.Feedback{Outcome: id, Good: prefix == webhook.GoodAction}
		}
	}
}
