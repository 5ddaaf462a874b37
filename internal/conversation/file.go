package conversation

import "troly/internal/webhook"

// file answers what somebody sent that is not read: its caption if it has one, and
// otherwise a line on what can be done, without asking the assistant and at most once
// in a while, since ten photographs arrive as ten messages. Nothing of the file is
// kept; least of all the number in a contact.
func (x *exchange) file() {
	if x.m.Text != "" {
		if x.text(); !x.quiet {
			x.note(captionOnly)
		}
		return
	}
	kind := "file"
	if x.m.Media != nil && x.m.Media.Kind != "" {
		kind = cutRunes(x.m.Media.Kind, 20)
	}
	at, last := x.at.UnixMilli(), x.state.Noticed
	if x.m.Group || last.Action == kind && at >= last.At && at-last.At < noticeEvery {
		x.quiet = true
		return
	}
	x.state.Noticed = lastDone{kind, at}
	x.say(webhook.Reply{Text: notRead(kind)})
}

// noticeEvery is how often such a line is sent at most, in milliseconds.
const noticeEvery = 60_000
