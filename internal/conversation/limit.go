package conversation

import (
	"slices"
	"time"

	"troly/internal/webhook"
)

// window counts the messages of one person. The minute and the day begin with the
// first message that falls outside the ones before. Times are Unix seconds.
type window struct {
	Who      string `json:"who,omitempty"`
	Minute   int64  `json:"minute"`
	InMinute int    `json:"in_minute"`
	Day      int64  `json:"day"`
	InDay    int    `json:"in_day"`
	Told     bool   `json:"told,omitempty"`     // about this minute
	ToldDay  bool   `json:"told_day,omitempty"` // about this day
	Urgent   int64  `json:"urgent,omitempty"`   // when an emergency was last answered all the same
}

// window returns the counts of a person, who from here on is the last to have written.
func (s *state) window(who string) *window {
	w := window{Who: who}
	if i := slices.IndexFunc(s.Windows, func(w window) bool { return w.Who == who }); i >= 0 {
		w = s.Windows[i]
		s.Windows = slices.Delete(s.Windows, i, i+1)
	}
	s.Windows = append(s.Windows, w)
	s.Windows = s.Windows[max(0, len(s.Windows)-maxWindows):]
	return &s.Windows[len(s.Windows)-1]
}

// begin opens a new minute or day when the last is over.
func (w *window) begin(now int64) {
	const minute, day = 60, 24 * 60 * 60
	if now-w.Day >= day {
		w.Day, w.InDay, w.ToldDay = now, 0, false
	}
	if now-w.Minute >= minute {
		w.Minute, w.InMinute, w.Told = now, 0, false
	}
}

// allowed counts the message and reports whether it is within the limits.
func (x *exchange) allowed() bool {
	w := x.state.window(x.who)
	w.begin(x.at.Unix())
	if x.overMinute(w) || x.overDay(w) {
		return false
	}
	w.InMinute++
	w.InDay++
	return true
}

func (x *exchange) overMinute(w *window) bool {
	return x.opts.PerMinute >= 0 && w.InMinute >= x.opts.PerMinute
}
func (x *exchange) overDay(w *window) bool { return x.opts.PerDay >= 0 && w.InDay >= x.opts.PerDay }

// urgentEvery is how often an emergency is answered to somebody who is over a limit.
const urgentEvery = time.Minute

// overLimit says once that it is too much, then nothing until the time has passed.
// Somebody in danger is answered all the same: that needs no model.
func (x *exchange) overLimit() {
	x.quiet, x.response.Note = true, ""
	w := &x.state.Windows[len(x.state.Windows)-1] // allowed put it there
	if x.urgent() && x.at.Unix()-w.Urgent >= int64(urgentEvery/time.Second) {
		w.Urgent = x.at.Unix()
		x.ask(x.m.Text, nil)
		return
	}
	switch {
	case x.overDay(w) && !w.ToldDay:
		w.ToldDay, w.Told = true, true
		x.say(webhook.Reply{Text: tooManyToday})
	case !x.overDay(w) && !w.Told:
		w.Told = true
		x.say(webhook.Reply{Text: tooMany})
	}
}

// urgent reports whether the message tells of danger or fraud.
func (x *exchange) urgent() bool {
	return x.m.Text != "" && x.m.Kind != webhook.Button && x.assistant.Emergency(x.m.Text)
}
