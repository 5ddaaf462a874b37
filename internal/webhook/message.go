// Package webhook is what the chat channels share: taking a delivery in (limits,
// checks, a durable write, the acknowledgement), working through the inbox in the
// order of each dialogue, and sending what is in the outbox. It knows no platform,
// those are packages telegram and zalo, and no wording, that is conversation.
//
// What can be relied on, also when the process is killed at any instant:
//
//   - Acknowledged means durable. An Intake answers 200 when the database has
//     written the message to the disk, and 503 when it has not; the platform comes
//     again with what was not acknowledged, and what comes again is kept once.
//   - Each message is answered once. What becomes of it, the answer's parts
//     included, is written in one transaction with the end of the message. A process
//     that dies before has left nothing, and another starts the message anew when
//     the lease ends; one that lost its lease writes nothing.
//   - Each part is sent once, except when nobody can know whether it arrived: the
//     process died between the platform taking the call and Sent being written, or
//     no answer came to the call (SendError Unsure). No platform takes a key by
//     which it would recognise the second call, so the choice is between twice and
//     never, and a resident is better off with twice: the part is sent again, a
//     bounded number of times, and counted in troly_channel_sent_again_total.
//   - In one dialogue, messages are answered in the order they were acknowledged in
//     and parts are sent in the order they were written, whatever the number of
//     processes. A part that waits holds back its own dialogue and no other.
//   - What cannot be answered or sent is given up after a bounded number of tries. A
//     message then ends as done, with an apology as its answer where one is set; only
//     one that cannot be read, and a part that cannot be sent, stay in the database
//     as failed. Either way the text goes.
package webhook

import (
	"encoding/json"
	"time"
)

// Kind is what a person did.
type Kind string

// The kinds of message.
const (
	Text     Kind = "text"     // wrote, or pressed a button that stands for words
	Button   Kind = "button"   // pressed a button of ours: Action says which
	Voice    Kind = "voice"    // spoke: Media; Text is what was understood, empty when nobody could listen
	File     Kind = "file"     // sent a picture, document, sticker, place or contact; Text is the caption
	Joined   Kind = "joined"   // came for the first time: /start, follow, unblocked
	Left     Kind = "left"     // blocked or unfollowed: nothing can be sent any more
	TookOver Kind = "tookover" // a human of the office answered on the platform itself
	Renamed  Kind = "renamed"  // the chat is called Action from now on: what is kept of it goes along, and nobody is answered
	Ignored  Kind = "ignored"  // nothing for us: Action names it in one constant word; it is counted and not kept
)

// Message is one thing a person did, the same for every channel. It is what the
// inbox keeps: Text and Quoted have passed privacy.Mask before.
type Message struct {
	Channel  string          `json:"channel"`           // telegram, zalo, zalo-bot, web
	Key      string          `json:"key"`               // names the delivery: what comes again with it is ignored
	Dialogue string          `json:"dialogue"`          // the chat, as the channel names it; answers go there
	Person   string          `json:"person"`            // who, as the channel names them; limits and erasing go by it
	Group    bool            `json:"group,omitempty"`   // others read along
	Kind     Kind            `json:"kind"`              // what they did
	Text     string          `json:"text,omitempty"`    // NFC
	Command  string          `json:"command,omitempty"` // start, help, moi, xoa, canbo, xa: without slash; its argument is Text
	Action   string          `json:"action,omitempty"`  // of a button, as it was given to Reply
	Quoted   string          `json:"quoted,omitempty"`  // what is answered to
	Media    *Media          `json:"media,omitempty"`   // of Voice and File; nil otherwise
	Edited   bool            `json:"edited,omitempty"`  // of a message sent before
	Sent     time.Time       `json:"sent"`              // by the platform's clock
	Address  json.RawMessage `json:"address,omitempty"` // what the channel needs to answer this very message

	// Held is until when somebody of the office has the dialogue, the zero time when
	// nobody has; nil: whoever hands the message on does not know, and what the dialogue
	// remembers decides. It is looked up when the message is answered.
	Held *time.Time `json:"-"`
}

// Media is a file the platform keeps; only its channel knows how to fetch it.
type Media struct {
	ID       string        `json:"id"`
	Kind     string        `json:"kind"` // voice, photo, sticker, document, location, contact
	MIME     string        `json:"mime,omitempty"`
	Bytes    int64         `json:"bytes,omitempty"` // 0: not said
	Duration time.Duration `json:"duration,omitempty"`
}

// Reply is one answer, before a channel lays it out.
type Reply struct {
	Text     string   `json:"text"`               // Vietnamese; lines, "- " lists, [1] for sources; nothing else is markup
	Choices  []Choice `json:"choices,omitempty"`  // buttons; the texts also stand in Text where they must be read
	Sources  []Source `json:"sources,omitempty"`  // come last
	Feedback string   `json:"feedback,omitempty"` // of the outcome that 👍 and 👎 are about; empty: not asked
	Link     string   `json:"link,omitempty"`     // where the whole answer can be read
	Staff    bool     `json:"staff,omitempty"`    // a human of the office wrote it; Text says so too
}

// FeedbackActions are what the buttons 👍 and 👎 under a reply come back as in
// Message.Action; empty when it asks for no feedback. Each is ASCII and, with an
// outcome's ID of up to 48 bytes, short enough for every channel.
func (r Reply) FeedbackActions() (good, bad string) {
	if r.Feedback == "" {
		return "", ""
	}
	return GoodAction + r.Feedback, BadAction + r.Feedback
}

// What the actions of 👍 and 👎 begin with; the outcome's ID follows.
const (
	GoodAction = "good."
	BadAction  = "bad."
)

// Choice is a button.
type Choice struct {
	Label  string `json:"label"`            // short: 35 characters are shown everywhere
	Action string `json:"action,omitempty"` // comes back as Message.Action; at most 64 bytes
	URL    string `json:"url,omitempty"`    // opened instead
}

// Source is what an answer rests on.
type Source struct {
	N       int    `json:"n"`
	Title   string `json:"title"`
	Section string `json:"section"`
	URL     string `json:"url,omitempty"`
	Checked string `json:"checked,omitempty"` // YYYY-MM-DD
}
