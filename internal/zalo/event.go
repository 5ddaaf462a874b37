package zalo

import (
	"encoding/json"
	"strconv"
	"strings"

	"troly/internal/conversation"
	"troly/internal/webhook"
)

// envelope is a delivery of an Official Account. What is an object on the one event
// and missing or something else on another stays undecoded until it is needed.
type envelope struct {
	AppID      scalar          `json:"app_id"`
	Event      scalar          `json:"event_name"`
	Timestamp  scalar          `json:"timestamp"`
	Sender     json.RawMessage `json:"sender"`
	Recipient  json.RawMessage `json:"recipient"`
	Follower   json.RawMessage `json:"follower"`
	Account    scalar          `json:"oa_id"`
	OldAccount scalar          `json:"oaId"`
	User       scalar          `json:"user_id"`
	Group      scalar          `json:"group_id"`
	Anonymous  scalar          `json:"anonymous_id"`
	Message    json.RawMessage `json:"message"`
	Quota      json.RawMessage `json:"quota"`
}

type party struct {
	ID    scalar `json:"id"`
	Admin scalar `json:"admin_id"`
	Group scalar `json:"group_id"`
}

type content struct {
	ID          scalar          `json:"msg_id"`
	Text        scalar          `json:"text"`
	Attachments json.RawMessage `json:"attachments"`
}

type attachment struct {
	Type    scalar `json:"type"`
	Payload struct {
		ID   scalar `json:"id"`
		Size scalar `json:"size"`
	} `json:"payload"`
}

// kinds says what people send besides text; the media kinds are those of
// webhook.Media.
var kinds = map[string]string{
	"image": "photo", "gif": "photo", "sticker": "sticker", "location": "location", "business_card": "contact",
	"file": "document", "video": "document", "link": "document", "audio": "voice", "voice": "voice",
}

// message is what an event means; why is the word it is ignored under instead.
func (a *Account) message(e *envelope) (m webhook.Message, why string) {
	var sender, recipient, follower party
	into(e.Sender, &sender)
	into(e.Recipient, &recipient)
	into(e.Follower, &follower)
	event := string(e.Event)
	toOA := first(e.Account, e.OldAccount, recipient.ID)
	if strings.HasPrefix(event, "oa_") {
		toOA = first(e.Account, e.OldAccount, sender.ID)
	}
	what, sends := strings.CutPrefix(event, "user_send_")
	switch {
	case event == "follow" || event == "unfollow" || event == "user_click_chatnow":
		if a.otherAccount(e.Account, e.OldAccount, "") {
			return m, "other-account"
		}
		return entered(event, first(follower.ID, e.User, sender.ID), e.Timestamp)
	case event == "change_oa_daily_quota":
		a.quotaChanged(e.Quota)
		return m, event
	case strings.HasPrefix(event, "oa_send_"):
		if a.otherAccount(toOA) {
			return m, "other-account"
		}
		return a.takenOver(e, sender, recipient)
	case !sends: // receipts, reactions, submitted forms with personal data, what is not known yet
		if !ignoredEvents[event] {
			a.opts.Log.Info("event that is not known", "channel", a.Name(), "event", counted(event))
		}
		return m, counted(event)
	case strings.HasPrefix(what, "group_") || e.Group != "" || recipient.Group != "":
		return m, "group" // groups are a paid extra, and what is said there is not said to us
	case e.Anonymous != "":
		return m, "anonymous" // cannot be written back to by an id that is documented
	case a.otherAccount(toOA):
		return m, "other-account"
	}
	return a.sent(e, what, sender.ID.id())
}

// ignoredEvents are those that nothing is done with on purpose; others are told to the log.
var ignoredEvents = map[string]bool{
	"user_submit_info": true, "user_received_message": true, "user_seen_message": true, "user_reacted_message": true,
	"user_call_oa": true, "user_feedback": true, "add_user_to_tag": true, "user_click_button": true, "user_click_link": true,
	"anonymous_send_text": true,
}

func first(ids ...scalar) scalar {
	for _, id := range ids {
		if id != "" {
			return id
		}
	}
	return ""
}

// otherAccount reports that the delivery is for another account of the same app.
func (a *Account) otherAccount(ids ...scalar) bool {
	id := first(ids...)
	return a.opts.OAID != "" && id != "" && string(id) != a.opts.OAID
}

// entered is somebody who began or ended following, or opened the chat. Without
// message there is no msg_id: event, person and time name the delivery.
func entered(event string, person, timestamp scalar) (m webhook.Message, why string) {
	id := person.id()
	if id == "" {
		return m, "no-sender"
	}
	m = webhook.Message{Kind: webhook.Joined, Key: event + ":" + id + ":" + timestamp.id(), Dialogue: id, Person: id}
	if event == "unfollow" {
		m.Kind = webhook.Left
	}
	return m, ""
}

// takenOver is the echo of a message that a human wrote in the account's own chat
// tool: the text stays there. The echo of what we sent has no admin_id.
func (a *Account) takenOver(e *envelope, sender, recipient party) (m webhook.Message, why string) {
	if sender.Admin == "" {
		return m, "own-echo"
	}
	id := recipient.ID.id()
	if id == "" {
		return m, "no-recipient"
	}
	var c content
	into(e.Message, &c)
	key := c.ID.id()
	if key == "" {
		key = e.Event.id() + ":" + id + ":" + e.Timestamp.id()
	}
	return webhook.Message{Kind: webhook.TookOver, Key: key, Dialogue: id, Person: id}, ""
}

// sent is what somebody wrote, said or attached.
func (a *Account) sent(e *envelope, what, person string) (m webhook.Message, why string) {
	var c content
	into(e.Message, &c)
	switch {
	case person == "":
		return m, "no-sender"
	case len(e.Message) == 0 || string(e.Message) == "null":
		return m, "no-message"
	}
	m = webhook.Message{Dialogue: person, Person: person, Key: c.ID.id(), Address: addressOf(c.ID.id())}
	if m.Key == "" {
		m.Key = e.Event.id() + ":" + person + ":" + e.Timestamp.id()
	}
	if what == "text" {
		return written(m, string(c.Text))
	}
	kind, ok := kinds[what]
	if !ok {
		a.opts.Log.Info("kind of message that is not known", "channel", a.Name(), "event", counted(string(e.Event)))
		kind = "document"
	}
	return attached(m, kind, string(c.Text), c)
}

// written makes m one of text: a button that came back, a command, or words.
func written(m webhook.Message, text string) (webhook.Message, string) {
	if action := actionOf(text); action != "" && !personal(action) {
		m.Kind, m.Action, m.Text = webhook.Button, action, words(strings.TrimPrefix(strings.TrimSpace(text), mark))
		return m, ""
	}
	// An account can be set to deliver only what begins with the mark.
	return spoken(m, text, mark)
}

// spoken makes m a command, or words without the prefix that may stand before them.
func spoken(m webhook.Message, text, prefix string) (webhook.Message, string) {
	m.Kind, text = webhook.Text, plain(text)
	if name, argument := conversation.Command(text); name != "" {
		m.Command, m.Text = name, words(argument)
		if name == "start" {
			m.Kind = webhook.Joined
		}
		return m, ""
	}
	if m.Text = words(strings.TrimPrefix(text, prefix)); m.Text == "" {
		return m, "no-text"
	}
	return m, ""
}

// attached makes m a file or a recording. A card names a third person in its text
// and description: neither is read.
func attached(m webhook.Message, kind, caption string, c content) (webhook.Message, string) {
	m.Kind, m.Media = webhook.File, &webhook.Media{ID: c.ID.id(), Kind: kind}
	if kind == "voice" {
		m.Kind = webhook.Voice
	}
	if kind != "contact" {
		m.Text = words(caption)
	}
	var all []json.RawMessage
	into(c.Attachments, &all)
	if len(all) > 0 {
		var at attachment
		into(all[0], &at)
		if id := at.Payload.ID.id(); id != "" {
			m.Media.ID = id
		}
		if n, err := strconv.ParseInt(string(at.Payload.Size), 10, 64); err == nil && n > 0 {
			m.Media.Bytes = n
		}
	}
	return m, ""
}
