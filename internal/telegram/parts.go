package telegram

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"troly/internal/conversation"
	"troly/internal/webhook"
)

// part is one message as it waits in the outbox.
type part struct {
	HTML     string     `json:"html"`
	Plain    string     `json:"plain"`              // the same words, should the markup be refused
	Thread   int64      `json:"thread,omitempty"`   // topic of a forum
	Reply    int64      `json:"reply,omitempty"`    // message it answers
	Keyboard [][]button `json:"keyboard,omitempty"` // buttons under it
}

type button struct {
	Text string `json:"text"`
	Data string `json:"callback_data,omitempty"`
	URL  string `json:"url,omitempty"`
}

// params are those of sendMessage.
func (p part) params(dialogue string) (tgbotapi.Params, error) {
	params := tgbotapi.Params{"chat_id": dialogue, "text": p.HTML, "parse_mode": "HTML", "link_preview_options": `{"is_disabled":true}`}
	if p.Thread != 0 {
		params["message_thread_id"] = strconv.FormatInt(p.Thread, 10)
	}
	if p.Reply != 0 {
		params["reply_parameters"] = fmt.Sprintf(`{"message_id":%d,"allow_sending_without_reply":true}`, p.Reply)
	}
	if len(p.Keyboard) > 0 {
		keyboard, err := json.Marshal(map[string]any{"inline_keyboard": p.Keyboard})
		if err != nil {
			return nil, fmt.Errorf("telegram send: buttons: %w", err)
		}
		params["reply_markup"] = string(keyboard)
	}
	return params, nil
}

// How many messages an answer becomes. Where it can be read in full elsewhere, few;
// where it cannot, cutting it off would lose it, so only what nobody would read.
const (
	maxParts         = 3
	maxPartsUnlinked = 8
)

// Parts lays out a reply: its text, then the sources with their links, in as few
// messages as hold it; buttons hang on the last. What is too long ends with Link. In
// groups the first message answers the one that asked.
func (c *Channel) Parts(to webhook.Message, r webhook.Reply) []json.RawMessage {
	at := addressOf(to)
	pieces := pieces(r)
	parts := make([]json.RawMessage, 0, len(pieces))
	for i, piece := range pieces {
		p := part{HTML: piece.html(), Plain: piece.text, Thread: at.Thread}
		if i == 0 && to.Group {
			p.Reply = at.Message
		}
		if i == len(pieces)-1 {
			p.Keyboard = keyboard(r)
		}
		raw, err := json.Marshal(p)
		if err != nil {
			panic(err) // strings and numbers can be written
		}
		parts = append(parts, raw)
	}
	return parts
}

// pieces are the messages of a reply: its text, the sources under it, and when there
// would be too many, the first of them and where the rest is.
func pieces(r webhook.Reply) []rich {
	body, under := split(tidy(r.Text), maxUnits), sources(r.Sources)
	if whole := together(body, under); len(whole) <= maxParts {
		return whole
	} else if link := goodURL(r.Link); link != "" {
		return shorten(body, plain("…\n\n"+conversation.ReadAll+link).below(under), maxParts)
	} else if len(whole) <= maxPartsUnlinked {
		return whole
	}
	return shorten(body, plain("…").below(under), maxPartsUnlinked)
}

// together puts the sources under the text: into the last message, or into one of
// their own.
func together(body []string, under rich) []rich {
	out := make([]rich, 0, len(body)+1)
	for _, piece := range body {
		out = append(out, plain(piece))
	}
	if under.text == "" {
		return out
	}
	if last := len(out) - 1; last >= 0 {
		if longer := out[last].below(under); webhook.Units(longer.html()) <= maxUnits {
			out[last] = longer
			return out
		}
	}
	return append(out, under)
}

// shorten keeps the first messages of a text and ends the last with more.
func shorten(body []string, more rich, most int) []rich {
	out := make([]rich, 0, most)
	for _, piece := range body[:min(most-1, len(body))] {
		out = append(out, plain(piece))
	}
	end := ""
	if len(body) > len(out) {
		if fits := split(body[len(out)], maxUnits-webhook.Units(more.html())); len(fits) > 0 {
			end = strings.TrimRight(fits[0], " \n")
		}
	}
	return append(out, plain(end).add(more))
}

// split cuts text into pieces of at most limit units once they are HTML. Pieces with
// nothing to see are left out: Telegram refuses them.
func split(text string, limit int) []string {
	pieces := webhook.Split(text, limit, func(s string) int { return webhook.Units(escape(s)) })
	return slices.DeleteFunc(pieces, func(s string) bool { return trim(s) == "" })
}

// Bounds of what is told about sources, so that they always fit under an answer.
const (
	maxSources = 1500 // units of all of them
	maxTitle   = 200  // runes of one
	maxURL     = 500  // bytes
)

// sources is the list under an answer.
func sources(list []webhook.Source) rich {
	if len(list) == 0 {
		return rich{}
	}
	head := conversation.SourcesBelow
	out := rich{text: head, spans: []span{{0, len(head), ""}}}
	named := webhook.NamedBefore(list)
	for i, s := range list {
		row := plain(fmt.Sprintf("\n[%d] ", s.N))
		title := webhook.Short(oneLine(s.Title), maxTitle, nil)
		again := false
		if section := oneLine(s.Heading()); section != "" {
			if again = named[i]; again {
				title = webhook.Short(section, maxTitle, nil)
			} else {
				title += ", " + webhook.Short(section, maxTitle, nil)
			}
		}
		if title == "" {
			continue
		}
		if link := goodURL(s.URL); link != "" {
			row = row.add(rich{text: title, spans: []span{{0, len(title), link}}})
		} else {
			row = row.add(plain(title))
		}
		if day := s.Day(); day != "" && !again {
			row = row.add(plain(conversation.CheckedOn(day)))
		}
		if longer := out.add(row); webhook.Units(longer.html()) <= maxSources {
			out = longer
		}
	}
	if out.text == head {
		return rich{}
	}
	return out
}

// oneLine is text for a place where only one line fits.
func oneLine(s string) string { return strings.Join(strings.Fields(tidy(s)), " ") }

// goodURL is a link Telegram takes, or empty: http or https, and a host with a dot
// that is no address of this machine. With another the whole message would be refused.
func goodURL(s string) string {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || len(s) > maxURL || strings.ContainsAny(s, " \n\t") || u.User != nil {
		return ""
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) || !strings.Contains(host, ".") {
		return ""
	}
	return u.String()
}

// The data of a button. Telegram takes 1 to 64 bytes, and Vietnamese letters are up to
// three: a button that stands for its words carries them where they fit, and else a
// number under which its message knows them. Actions of ours begin with neither mark.
const (
	maxData    = 64
	wordsMark  = "~="
	labelMark  = "~#"
	maxButtons = 50
	maxLabel   = 128 // runes
)

// keyboard gives each choice a row, and opinions one.
func keyboard(r webhook.Reply) [][]button {
	var rows [][]button
	for i, choice := range r.Choices[:min(len(r.Choices), maxButtons)] {
		label := webhook.Short(oneLine(choice.Label), maxLabel, nil)
		if label == "" {
			continue
		}
		if choice.URL != "" {
			if link := goodURL(choice.URL); link != "" {
				rows = append(rows, []button{{Text: label, URL: link}})
			}
			continue
		}
		rows = append(rows, []button{{Text: label, Data: data(choice.Action, label, i)}})
	}
	if good, bad := r.FeedbackActions(); good != "" && max(len(good), len(bad)) <= maxData && utf8.ValidString(good) {
		rows = append(rows, []button{{Text: "👍", Data: good}, {Text: "👎", Data: bad}})
	}
	return rows
}

// data is what comes back of a press. An action that is too long cannot: the words of
// the button come instead.
func data(action, label string, i int) string {
	switch {
	case action != "" && len(action) <= maxData && !strings.HasPrefix(action, "~") && utf8.ValidString(action):
		return action
	case len(wordsMark)+len(label) <= maxData:
		return wordsMark + label
	}
	return labelMark + strconv.Itoa(i)
}
