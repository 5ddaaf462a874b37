package conversation

import (
	"slices"
	"strconv"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

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
		x.say(webhook.Reply{Text: communeHow(x.state.Commune)})
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
		x.state.Pick = &communes{Key: cutRunes(x.opts.NewID(), maxID), At: x.at.UnixMilli(), Names: names}
		ask := webhook.Reply{Text: communeWhich(names)}
		for i, n := range names {
			number := strconv.Itoa(i + 1)
			ask.Choices = append(ask.Choices, webhook.Choice{Label: short(number + ". " + n), Action: actionCommune + number + "." + x.state.Pick.Key})
		}
		x.say(ask)
	default:
		x.state.Commune = names[0]
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
	x.state.Pick, x.state.Commune = nil, name
	x.say(webhook.Reply{Text: communeChosen(name)})
}
