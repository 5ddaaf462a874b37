package conversation

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
	"unicode/utf8"

	"troly/internal/pipeline"
)

// Bounds of what a dialogue remembers.
const (
	stateVersion = 1
	maxState     = 16 << 10 // bytes
	maxTurns     = 6
	maxWindows   = 24  // people of a group whose messages are counted
	keptQuestion = 300 // runes of a question
	keptAnswer   = 400 // runes of the last answer: what a model is shown
	oldAnswer    = 120 // runes of those before, by which a quotation is known
	keptOffer    = 200 // runes of a suggestion
	maxOffers    = 9
	maxDocuments = 8
)

// state is what a dialogue remembers between messages. Times are Unix milliseconds;
// 0 is never.
type state struct {
	Version int    `json:"v"`
	Seen    int64  `json:"seen,omitempty"`
	Greeted bool   `json:"greeted,omitempty"` // it was said who this is
	Turns   []turn `json:"turns,omitempty"`   // oldest first
	Commune string `json:"commune,omitempty"` // full name, as the person chose it

	Windows []window  `json:"windows,omitempty"` // the one used last stands last
	Reason  *awaited  `json:"reason,omitempty"`  // of 👎, asked for
	Pick    *communes `json:"pick,omitempty"`    // asked back by /xa
	Rated   string    `json:"rated,omitempty"`   // the last rating, as an action
	Thanked string    `json:"thanked,omitempty"` // outcome whose reason was thanked for
	Fails   int       `json:"fails,omitempty"`   // questions in a row that were not answered well
	Failed  bool      `json:"failed,omitempty"`  // the last one is among them
	Edited  bool      `json:"edited,omitempty"`  // an edit was answered since the last new message
	Pressed lastDone  `json:"pressed,omitzero"`
	Noticed lastDone  `json:"noticed,omitzero"` // kind of file that was declined

	Held     int64 `json:"held,omitempty"`     // until then a human has the dialogue
	Waiting  bool  `json:"waiting,omitempty"`  // for a human who was asked for
	Reminded bool  `json:"reminded,omitempty"` // that the bot is silent meanwhile
}

// turn is one question, what came of it, and what can be chosen of it.
type turn struct {
	ID     string          `json:"id"` // of the outcome
	At     int64           `json:"at"`
	Who    string          `json:"who,omitempty"`
	Status pipeline.Status `json:"status"`
	Urgent bool            `json:"urgent,omitempty"` // it told of danger or fraud
	Offers []string        `json:"offers,omitempty"` // behind the buttons, in order
	Turn   pipeline.Turn   `json:"turn"`
}

// awaited is what the next message may be about.
type awaited struct {
	Outcome string `json:"outcome"`
	At      int64  `json:"at"`
}

// lastDone is what was done last of something that may come twice.
type lastDone struct {
	Action string `json:"action"`
	At     int64  `json:"at"`
}

// decode reads a state; one that cannot be read is that of a new dialogue.
func decode(data []byte) *state {
	s := new(state)
	if len(data) == 0 || len(data) > 4*maxState || json.Unmarshal(data, s) != nil || s.Version != stateVersion {
		return &state{Version: stateVersion}
	}
	s.Turns = s.Turns[max(0, len(s.Turns)-maxTurns):]
	s.Windows = s.Windows[max(0, len(s.Windows)-maxWindows):]
	return s
}

// encode writes a state of less than maxState bytes, without its oldest turns if need
// be.
func (s *state) encode() []byte {
	for {
		data, err := json.Marshal(s)
		if err == nil && len(data) < maxState {
			return data
		}
		if len(s.Turns) == 0 { // whatever filled it came from outside
			s = &state{Version: stateVersion, Seen: s.Seen, Greeted: s.Greeted, Windows: s.Windows, Held: s.Held, Waiting: s.Waiting, Reminded: s.Reminded}
			if data, err = json.Marshal(s); err == nil && len(data) < maxState {
				return data
			}
			return nil
		}
		s.Turns = s.Turns[1:]
	}
}

func (s *state) seen() time.Time { return time.UnixMilli(s.Seen) }

// keep remembers what came of a question.
func (s *state) keep(t turn) {
	t.Turn.Question = cutRunes(t.Turn.Question, keptQuestion)
	t.Turn.Answer = cutRunes(t.Turn.Answer, keptAnswer)
	t.Turn.Documents = t.Turn.Documents[:min(len(t.Turn.Documents), maxDocuments)]
	t.Offers = slices.Clone(t.Offers[:min(len(t.Offers), maxOffers)])
	for i, o := range t.Offers {
		t.Offers[i] = cutRunes(o, keptOffer)
	}
	s.Turns = append(s.Turns, t)
	s.Turns = s.Turns[max(0, len(s.Turns)-maxTurns):]
	for i := range s.Turns[:len(s.Turns)-1] {
		s.Turns[i].Turn.Answer = cutRunes(s.Turns[i].Turn.Answer, oldAnswer)
	}
}

// last is the latest turn of somebody, nil when there is none.
func (s *state) last(who string) *turn {
	for i := len(s.Turns) - 1; i >= 0; i-- {
		if s.Turns[i].Who == who {
			return &s.Turns[i]
		}
	}
	return nil
}

// turnOf is the turn that ended in an outcome, nil when it is forgotten.
func (s *state) turnOf(id string) *turn {
	for i := range s.Turns {
		if s.Turns[i].ID == id {
			return &s.Turns[i]
		}
	}
	return nil
}

// before are the turns of somebody that a question may lean on, oldest first: those of
// the last while, up to and with the one called upTo unless that is empty. Small talk,
// what was refused and calls for help are left out: nothing leans on them.
func (s *state) before(who string, since int64, upTo string) []pipeline.Turn {
	var history []pipeline.Turn
	for _, t := range s.Turns {
		leanable := t.Status == pipeline.Answered || t.Status == pipeline.Clarify || t.Status == pipeline.Abstained
		if t.Who == who && leanable && !t.Urgent && (t.At >= since || t.ID == upTo) {
			history = append(history, t.Turn)
		}
		if t.ID == upTo && upTo != "" {
			break
		}
	}
	return history
}

// restart drops what somebody's next question could lean on.
func (s *state) restart(who string) {
	s.Turns = slices.DeleteFunc(s.Turns, func(t turn) bool { return t.Who == who })
	s.Reason, s.Pick, s.Fails, s.Failed = nil, nil, 0, false
}

// forget drops everything about one person of a group.
func (s *state) forget(who string) {
	s.restart(who)
	s.Windows = slices.DeleteFunc(s.Windows, func(w window) bool { return w.Who == who })
	s.Rated, s.Thanked, s.Pressed = "", "", lastDone{}
}

// hold gives the dialogue to a human until then.
func (s *state) hold(until time.Time, waiting bool) {
	s.Held, s.Waiting, s.Reminded = until.UnixMilli(), waiting, false
}

// heldUntil takes over what is known outside about who has the dialogue: somebody of
// the office until then, or nobody when until is zero or past.
func (s *state) heldUntil(until, now time.Time) {
	switch {
	case until.After(now) && s.Held == 0:
		s.hold(until, false)
	case until.After(now):
		s.Held = until.UnixMilli()
	case s.Held > now.UnixMilli():
		s.Held = now.UnixMilli() // given back meanwhile: who speaks is said as if the time were over
	}
}

func (s *state) free() { s.Held, s.Waiting, s.Reminded = 0, false, false }

// nameless stands for a person in the state of a group.
func nameless(channel, person string) string {
	h := fnv.New64a()
	h.Write([]byte(channel + "\x00" + person)) // a hash never fails
	return fmt.Sprintf("%016x", h.Sum64())
}

// cutRunes cuts s to at most n runes.
func cutRunes(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// count keeps how many questions in a row ended badly. What is neither an answer nor
// a failure changes nothing.
func (s *state) count(status pipeline.Status) {
	switch status {
	case pipeline.Answered, pipeline.Abstained, pipeline.Failed:
		if !s.Failed {
			s.Fails = 0
		}
		s.Failed = false
		if status != pipeline.Answered {
			s.fail()
		}
	}
}

// fail counts the last question as ended badly, once.
func (s *state) fail() {
	if !s.Failed {
		s.Fails++
	}
	s.Failed = true
}

// drop forgets one turn.
func (s *state) drop(id string) {
	for i := range s.Turns {
		if s.Turns[i].ID == id {
			s.Turns = append(s.Turns[:i:i], s.Turns[i+1:]...)
			return
		}
	}
}
