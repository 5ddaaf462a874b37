package conversation

import (
	"regexp"
	"strconv"
	"strings"

	"troly/internal/pipeline"
	"troly/internal/webhook"
)

// What actions begin with, or are. All are ASCII; a number is one digit and an
// outcome's ID comes last, so that a press on an old message means what stood there or
// nothing.
const (
	actionExample = "example."
	actionChoice  = "choice." // n.outcome
	actionCommune = "xa."     // n.key
	actionReason  = "why."    // n.outcome
	actionStaff   = "canbo"
	actionBack    = "troly"
	actionHelp    = "help"
)

// press runs the action of a button.
func (x *exchange) press(action string) {
	at := x.at.UnixMilli()
	if again := x.state.Pressed; again.Action == action && at-again.At < samePressWithin && at >= again.At {
		x.quiet = true
		return // pressed twice because the answer did not come at once
	}
	x.state.Pressed = lastDone{cutRunes(action, 2*maxID), at}
	if id, ok := strings.CutPrefix(action, webhook.GoodAction); ok {
		x.rate(id, true)
		return
	}
	if id, ok := strings.CutPrefix(action, webhook.BadAction); ok {
		x.rate(id, false)
		return
	}
	x.state.Reason = nil
	if name, ok := strings.CutPrefix(action, actionExample); ok {
		if n := digit(name, len(examples)); n > 0 {
			x.ask(examples[n-1], nil)
			return
		}
	}
	if n, id, ok := numbered(action, actionChoice); ok {
		if t := x.state.turnOf(id); t != nil && t.Who == x.who && n <= len(t.Offers) {
			x.response.Spent = t.Status == pipeline.Clarify
			x.choose(*t, n)
			return
		}
	}
	if n, id, ok := numbered(action, actionReason); ok && n <= len(reasons) && goodID(id) && !x.m.Group {
		x.response.Spent = true
		x.reason(id, reasons[n-1])
		return
	}
	if n, key, ok := numbered(action, actionCommune); ok && x.state.Pick != nil && x.state.Pick.Key == key && n <= len(x.state.Pick.Names) {
		x.response.Spent = true
		x.setCommune(x.state.Pick.Names[n-1])
		return
	}
	switch action {
	case actionStaff, actionBack, actionHelp:
		x.obey(action, "")
	default:
		x.say(webhook.Reply{Text: stale})
	}
}

// samePressWithin is within how many milliseconds the same press counts once.
const samePressWithin = 10_000

// numbered reads an action of a digit and a name: "choice.2.abc".
func numbered(action, prefix string) (n int, name string, ok bool) {
	rest, ok := strings.CutPrefix(action, prefix)
	if !ok {
		return 0, "", false
	}
	number, name, ok := strings.Cut(rest, ".")
	n = digit(number, maxOffers)
	return n, name, ok && n > 0
}

// digit reads a number from 1 to most, 0 for anything else.
func digit(s string, most int) int {
	if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= most && len(s) == 1 {
		return n
	}
	return 0
}

var idForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,48}$`)

func goodID(id string) bool { return idForm.MatchString(id) }
