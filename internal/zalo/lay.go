package zalo

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"troly/internal/conversation"
	"troly/internal/vietnamese"
	"troly/internal/webhook"
)

// Limits of what is sent, in characters. Zalo does not say what a character is, so
// webhook.Units counts them: never fewer than code points.
const (
	textLimit    = 2000
	partLimit    = 8    // messages of one reply
	linkedLimit  = 3    // messages of one that can be read whole elsewhere
	buttonLimit  = 5    // under one message
	titleLimit   = 35   // of a button
	payloadLimit = 1000 // of a button
)

// Bounds of what stands under an answer, so that it always fits under one.
const (
	sourcesLimit = 1400 // units of all sources
	sourceTitle  = 200  // runes of a title
	sourceURL    = 500  // bytes of an address; a longer one is left out
)

// sources are the lines that come last.
func sources(list []webhook.Source) string {
	out, named := "", webhook.NamedBefore(list)
	for i, s := range list {
		section := s.Heading()
		if named[i] && section != "" {
			if line := fmt.Sprintf("\n[%d] %s", s.N, webhook.Short(section, sourceTitle, nil)); webhook.Units(out)+webhook.Units(line) <= sourcesLimit {
				out += line
			}
			continue
		}
		line := fmt.Sprintf("\n[%d] %s", s.N, webhook.Short(oneLine(s.Title), sourceTitle, nil))
		if section != "" {
			line += " – " + webhook.Short(section, sourceTitle, nil)
		}
		if day := s.Day(); day != "" {
			line += conversation.CheckedOn(day)
		}
		if webAddress(s.URL) && len(s.URL) <= sourceURL {
			line += "\n" + s.URL
		}
		if webhook.Units(out)+webhook.Units(line) <= sourcesLimit {
			out += line
		}
	}
	if out == "" {
		return ""
	}
	return conversation.SourcesBelow + out
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func webAddress(s string) bool {
	return (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")) && strings.IndexFunc(s, unicode.IsSpace) < 0
}

// texts cuts a reply into what fits a message each: what is answered, then foot. A
// reply that needs too many messages ends early, says where the whole can be read,
// and keeps its foot.
func texts(body, foot, link string) []string {
	body, foot = norm.NFC.String(strings.TrimSpace(body)), norm.NFC.String(strings.TrimSpace(foot))
	parts := pieces(joined(body, foot), textLimit)
	most, more := partLimit, ""
	if webAddress(link) && len(link) <= sourceURL {
		most, more = linkedLimit, conversation.ReadAll+link
	}
	if len(parts) <= most {
		return parts
	}
	end := joined("…", joined(more, foot))
	if webhook.Units(end) > textLimit*9/10 {
		end = joined("…", more)
	}
	parts = pieces(body, textLimit)
	parts = parts[:min(most, len(parts))]
	if last := &parts[len(parts)-1]; webhook.Units(*last)+webhook.Units(end) > textLimit {
		*last = pieces(*last, textLimit-webhook.Units(end))[0]
	}
	parts[len(parts)-1] += end
	return parts
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n\n" + b
}

func pieces(text string, limit int) []string {
	var parts []string
	for _, p := range webhook.Split(text, limit, webhook.Units) {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

// numbered are the choices as lines to answer to by number, for where there are no
// buttons. It is empty when each choice can be read in text already.
func numbered(choices []webhook.Choice, text string) string {
	folded, all := vietnamese.Fold(text), true
	var lines []string
	for i, c := range choices {
		line := fmt.Sprintf("%d. ", i+1)
		line += strings.TrimPrefix(c.Label, line) // a label may bring its number
		if c.URL != "" {
			line += " " + c.URL
			all = all && strings.Contains(text, c.URL)
		}
		for piece := range strings.SplitSeq(c.Label, "…") { // what was cut for a button stands in full in the text
			all = all && strings.Contains(folded, vietnamese.Fold(strings.TrimSpace(piece)))
		}
		lines = append(lines, line)
	}
	if all {
		return ""
	}
	return norm.NFC.String(strings.Join(lines, "\n"))
}

// message is a part of an Official Account: what the API takes as "message".
type message struct {
	Text       string    `json:"text"`
	Quote      string    `json:"quote_message_id,omitempty"`
	Attachment *template `json:"attachment,omitempty"`
}

type template struct {
	Type    string `json:"type"` // template
	Payload struct {
		Buttons []button `json:"buttons"`
	} `json:"payload"`
}

type button struct {
	Title   string `json:"title"`
	Type    string `json:"type"`    // oa.open.url, oa.query.show, oa.query.hide
	Payload any    `json:"payload"` // text, or {"url"}
}

// Parts lays a reply out in messages of at most 2,000 characters. The first quotes
// what it answers; the last has up to five buttons: choices, then 👍 and 👎. More
// choices follow in a message of their own.
func (a *Account) Parts(to webhook.Message, r webhook.Reply) []json.RawMessage {
	buttons := buttonsOf(r)
	parts := texts(r.Text, sources(r.Sources), r.Link)
	if len(parts) == 0 && len(buttons) > 0 {
		parts = []string{conversation.ChooseOne}
	}
	var out []json.RawMessage
	for i, text := range parts {
		m := message{Text: text}
		if i == 0 {
			m.Quote = quoteOf(to)
		}
		if i == len(parts)-1 {
			m.Attachment, buttons = under(buttons)
		}
		out = append(out, m.json())
	}
	for len(buttons) > 0 {
		m := message{Text: conversation.MoreChoices}
		m.Attachment, buttons = under(buttons)
		out = append(out, m.json())
	}
	return out
}

func (m message) json() json.RawMessage {
	data, err := json.Marshal(m)
	if err != nil {
		panic("zalo: a message of strings cannot be written: " + err.Error())
	}
	return data
}

// quoteOf names the message that is answered: only what a person wrote or sent.
func quoteOf(to webhook.Message) string {
	if to.Kind != webhook.Text && to.Kind != webhook.Voice && to.Kind != webhook.File || to.Command != "" {
		return ""
	}
	var at address
	into(to.Address, &at)
	return at.Message
}

// under takes the next buttons for one message.
func under(buttons []button) (*template, []button) {
	if len(buttons) == 0 {
		return nil, nil
	}
	n := min(len(buttons), buttonLimit)
	t := &template{Type: "template"}
	t.Payload.Buttons = buttons[:n]
	return t, buttons[n:]
}

// buttonsOf are the buttons of a reply in order. A choice with an action comes back
// unseen, one without as if its words were typed. 👍 and 👎 give way to choices.
func buttonsOf(r webhook.Reply) []button {
	var buttons []button
	for _, c := range r.Choices {
		label := norm.NFC.String(strings.TrimSpace(c.Label))
		switch {
		case label == "":
		case c.URL != "":
			if webAddress(c.URL) && len(c.URL) <= payloadLimit {
				buttons = append(buttons, openURL(label, c.URL))
			}
		case c.Action != "":
			if len(c.Action) <= maxAction {
				buttons = append(buttons, button{title(label), "oa.query.hide", payloadOf(c.Action)})
			}
		case webhook.Units(label) <= payloadLimit:
			buttons = append(buttons, button{title(label), "oa.query.show", label})
		}
	}
	if good, bad := r.FeedbackActions(); good != "" && len(buttons) <= buttonLimit-2 && len(good) <= maxAction && len(bad) <= maxAction {
		buttons = append(buttons, button{conversation.LabelGood, "oa.query.hide", payloadOf(good)}, button{conversation.LabelBad, "oa.query.hide", payloadOf(bad)})
	}
	return buttons
}

func openURL(label, url string) button {
	return button{title(label), "oa.open.url", map[string]string{"url": url}}
}

// title is a label that fits a button.
func title(label string) string {
	return webhook.Short(oneLine(label), titleLimit, webhook.Units)
}
