package telegram

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"troly/internal/privacy"
	"troly/internal/webhook"
)

// secretHeader is what Telegram puts the secret in.
const secretHeader = "X-Telegram-Bot-Api-Secret-Token"

// Read checks the secret and decodes one update. A body that is no update is refused
// with 400; an update that nothing can be done with is not refused, because
// Telegram would send it again for a day and hold back what the chat writes meanwhile.
func (c *Channel) Read(header http.Header, body []byte) ([]webhook.Message, error) {
	if c.Barred(header) {
		return nil, &webhook.Refusal{Status: http.StatusUnauthorized, Reason: "bad-secret"}
	}
	_, messages, err := c.decode(body)
	return messages, err
}

// Barred reports that a delivery does not carry the secret in exactly one header.
func (c *Channel) Barred(header http.Header) bool {
	return !webhook.HasSecret(header, secretHeader, c.set.Secret)
}

// decode reads an update. id is 0 when it has none, and then nothing is made of it:
// it could not be told from its repetition.
func (c *Channel) decode(body []byte) (id int64, messages []webhook.Message, err error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil {
		return 0, nil, &webhook.Refusal{Status: http.StatusBadRequest, Reason: "bad-body"}
	}
	id, err = strconv.ParseInt(string(bytes.TrimSpace(fields["update_id"])), 10, 64)
	if err != nil || id == 0 {
		return 0, c.ignored("no-update-id"), nil
	}
	m, why, err := c.update(fields)
	switch {
	case err != nil:
		return id, nil, err
	case m == nil:
		return id, c.ignored(why), nil
	}
	m.Channel = c.Name()
	if m.Key == "" {
		m.Key = strconv.FormatInt(id, 10)
	}
	return id, []webhook.Message{*m}, nil
}

// update gives the message of an update, or why it is ignored.
func (c *Channel) update(fields map[string]json.RawMessage) (m *webhook.Message, why string, err error) {
	for _, kind := range []string{"message", "edited_message"} {
		var said message
		if lenient(fields[kind], &said) {
			return c.said(&said, kind)
		}
	}
	var pressed callback
	if lenient(fields["callback_query"], &pressed) {
		return c.pressed(&pressed), "callback_query", nil
	}
	var moved membership
	if lenient(fields["my_chat_member"], &moved) {
		return c.membership(&moved), "my_chat_member", nil
	}
	return nil, kindOf(fields), nil
}

// kindOf names an update by its key.
func kindOf(fields map[string]json.RawMessage) string {
	var kinds []string
	for key, value := range fields {
		if key != "update_id" && present(value) {
			kinds = append(kinds, key)
		}
	}
	if len(kinds) == 0 {
		return "empty"
	}
	sort.Strings(kinds)
	return kinds[0]
}

// ignored is an update nothing is done with. Its kind is named as Telegram names it;
// one of strange letters is "other".
func (c *Channel) ignored(kind string) []webhook.Message {
	if kind == "" || len(kind) > 64 || strings.ContainsFunc(kind, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-') }) {
		kind = "other"
	}
	return []webhook.Message{{Channel: c.Name(), Kind: webhook.Ignored, Action: kind}}
}

// said reads a message or an edit.
func (c *Channel) said(s *message, kind string) (*webhook.Message, string, error) {
	if s.Chat == nil || s.Chat.ID == 0 || s.From == nil || s.From.ID == 0 {
		return nil, kind, nil
	}
	if s.MovedTo != 0 && s.Chat.group() {
		return c.renamed(s), "", nil
	}
	if s.From.IsBot || s.SenderChat != nil || !s.Chat.private() && !s.Chat.group() {
		return nil, "not-a-person", nil
	}
	media, spoken := s.media()
	text, entities := s.Text, s.Entities
	if text == "" {
		text, entities = s.Caption, s.CaptionEntities
	}
	rest, addressed, err := c.addressed(s, text, entities)
	if err != nil {
		return nil, "", err
	}
	if !addressed {
		return nil, "not-addressed", nil
	}
	m := &webhook.Message{
		Dialogue: strconv.FormatInt(s.Chat.ID, 10),
		Person:   strconv.FormatInt(s.From.ID, 10),
		Group:    s.Chat.group(),
		Kind:     webhook.Text,
		Media:    media,
		Quoted:   s.quoted(),
		Sent:     c.at(max(s.Date, s.EditDate)),
		Address:  address{Message: s.ID, Thread: s.thread()}.raw(),
	}
	if kind == "edited_message" {
		if s.Text == "" && s.Caption == "" {
			return nil, kind, nil // a moving place, a picture exchanged
		}
		m.Edited = true
		m.Key = "edit-" + m.Dialogue + "-" + strconv.FormatInt(s.ID, 10)
	}
	if media != nil {
		m.Kind, m.Text = webhook.File, clean(rest)
		if spoken {
			m.Kind = webhook.Voice
		}
		return m, "", nil
	}
	if m.Command, m.Text = request(rest); m.Command == "" && m.Text == "" {
		if rest == text {
			return nil, "no-words", nil
		}
		m.Command = "help" // called by name, nothing said
	}
	if m.Command == "start" && !m.Group {
		m.Kind = webhook.Joined
	}
	return m, "", nil
}

// renamed reads that a group has another number from now on; it is about the group,
// not about who changed it.
func (c *Channel) renamed(s *message) *webhook.Message {
	group := strconv.FormatInt(s.Chat.ID, 10)
	return &webhook.Message{Dialogue: group, Person: group, Group: true, Kind: webhook.Renamed, Action: strconv.FormatInt(s.MovedTo, 10), Sent: c.at(s.Date)}
}

// request reads a command of ours and its argument. What is none is text, slash and
// all: somebody who writes "/hỏi" or "/khai sinh" asks.
func request(s string) (command, text string) {
	command, _, argument := splitCommand(trim(s))
	if slices.Contains(commands, command) {
		return command, clean(argument)
	}
	return "", clean(s)
}

// thread is the topic of a forum. Without the mark, the number only names a chain of
// replies, and to write to that is refused.
func (s *message) thread() int64 {
	if s.Topic {
		return s.Thread
	}
	return 0
}

// maxQuoted bounds what is kept of a quoted message, in runes.
const maxQuoted = 1000

// quoted is what the person chose to quote, or else the message answered to.
func (s *message) quoted() string {
	q := ""
	switch {
	case s.Quote != nil && s.Quote.Text != "":
		q = s.Quote.Text
	case s.ReplyTo != nil:
		q = cmp.Or(s.ReplyTo.Text, s.ReplyTo.Caption)
	}
	q = clean(q)
	if utf8.RuneCountInString(q) > maxQuoted {
		q = string([]rune(q)[:maxQuoted])
	}
	return q
}

// media is the file of a message; spoken when it is to be heard. A contact and a
// place are only told of: whose number it is, and where somebody stands, is not kept.
func (s *message) media() (m *webhook.Media, spoken bool) {
	switch {
	case s.Voice != nil:
		return s.Voice.media("voice"), true
	case s.Audio != nil:
		return s.Audio.media("voice"), true
	case len(s.Photo) > 0:
		best := s.Photo[0]
		for _, size := range s.Photo {
			if size.Width > best.Width {
				best = size
			}
		}
		return best.media("photo"), false
	case s.Sticker != nil:
		return s.Sticker.media("sticker"), false
	case s.Document != nil:
		return s.Document.media("document"), false
	case s.Video != nil:
		return s.Video.media("document"), false
	case s.VideoNote != nil:
		return s.VideoNote.media("document"), false
	case s.Animation != nil:
		return s.Animation.media("document"), false
	case present(s.Contact):
		return &webhook.Media{Kind: "contact"}, false
	case present(s.Location), present(s.Venue):
		return &webhook.Media{Kind: "location"}, false
	case present(s.Dice):
		return &webhook.Media{Kind: "sticker"}, false
	case present(s.Poll), present(s.Story):
		return &webhook.Media{Kind: "document"}, false
	}
	return nil, false
}

func (f *file) media(kind string) *webhook.Media {
	const day = 24 * 60 * 60
	return &webhook.Media{
		ID: f.ID, Kind: kind, MIME: f.MIME, Bytes: max(f.Size, 0),
		Duration: time.Duration(min(max(f.Duration, 0), day)) * time.Second,
	}
}

// pressed reads the press of a button. One on an inline message belongs to no chat,
// and we send none.
func (c *Channel) pressed(p *callback) *webhook.Message {
	if p.ID == "" || p.From == nil || p.From.ID == 0 || p.From.IsBot || p.Data == "" || len(p.Data) > maxData ||
		p.Message == nil || p.Message.Chat == nil || p.Message.Chat.ID == 0 || !p.Message.Chat.private() && !p.Message.Chat.group() {
		return nil
	}
	m := &webhook.Message{
		Dialogue: strconv.FormatInt(p.Message.Chat.ID, 10),
		Person:   strconv.FormatInt(p.From.ID, 10),
		Group:    p.Message.Chat.group(),
		Kind:     webhook.Button,
		Action:   strings.ReplaceAll(p.Data, "\x00", ""),
		Sent:     c.set.Clock().UTC(), // Telegram does not say; the message's date is that of our question
		Address:  address{Thread: p.Message.thread(), Callback: p.ID, Pressed: p.clearable()}.raw(),
	}
	if words, stands := p.words(); stands {
		if m.Kind, m.Action, m.Text = webhook.Text, "", clean(words); m.Text == "" {
			return nil
		}
	}
	return m
}

// clearable is the message whose buttons may be taken away when one of them has
// served; 0 when it is gone, others may press there too, or opinions are asked under it.
func (p *callback) clearable() int64 {
	if p.Message.Date == 0 || !p.Message.Chat.private() || p.Message.Keyboard == nil {
		return 0
	}
	for _, row := range p.Message.Keyboard.Rows {
		for _, b := range row {
			if strings.HasPrefix(b.Data, webhook.GoodAction) || strings.HasPrefix(b.Data, webhook.BadAction) {
				return 0
			}
		}
	}
	return p.Message.ID
}

// words are what a button says that stands for its words; the message it hangs on
// knows them when they did not fit into the data.
func (p *callback) words() (words string, stands bool) {
	if words, stands = strings.CutPrefix(p.Data, wordsMark); stands {
		return words, true
	}
	if !strings.HasPrefix(p.Data, labelMark) {
		return "", false
	}
	if p.Message.Keyboard != nil {
		for _, row := range p.Message.Keyboard.Rows {
			for _, b := range row {
				if b.Data == p.Data {
					return b.Text, true
				}
			}
		}
	}
	return "", true
}

// membership reads that the bot was blocked or let in again, or thrown out of a
// group. In a group it is the group that cannot be written to, not who did it.
func (c *Channel) membership(b *membership) *webhook.Message {
	if b.Chat == nil || b.Chat.ID == 0 || b.New == nil {
		return nil
	}
	m := &webhook.Message{
		Dialogue: strconv.FormatInt(b.Chat.ID, 10),
		Person:   strconv.FormatInt(b.Chat.ID, 10),
		Group:    b.Chat.group(),
		Sent:     c.at(b.Date),
	}
	switch {
	case !b.Chat.private() && !m.Group:
		return nil
	case b.New.Status == "kicked" || b.New.Status == "left":
		m.Kind = webhook.Left
	case b.New.Status == "member" && !m.Group:
		m.Kind = webhook.Joined
	default:
		return nil // let into a group, or made its admin: nobody asked anything
	}
	return m
}

// at is a time of Telegram's clock, or now where there is none.
func (c *Channel) at(seconds int64) time.Time {
	const last = 253402300799 // of the year 9999, after which JSON has no times
	if seconds <= 0 || seconds > last {
		return c.set.Clock().UTC()
	}
	return time.Unix(seconds, 0).UTC()
}

// address is what is needed to answer a message beyond its chat.
type address struct {
	Message  int64  `json:"message,omitempty"`  // to reply to
	Thread   int64  `json:"thread,omitempty"`   // topic of a forum
	Callback string `json:"callback,omitempty"` // query of a button
	Pressed  int64  `json:"pressed,omitempty"`  // message whose buttons may go when the one that was pressed has served
}

func (a address) raw() json.RawMessage {
	raw, err := json.Marshal(a)
	if err != nil {
		panic(err) // numbers and a string can be written
	}
	return raw
}

// addressOf reads it back; what is no address of ours is an empty one.
func addressOf(m webhook.Message) address {
	var a address
	if json.Unmarshal(m.Address, &a) != nil {
		return address{}
	}
	return a
}

// clean is text as it is kept: NFC, without the blanks around it, personal data
// masked. Emoji and the joiners inside them stay.
func clean(s string) string {
	masked, _ := privacy.Mask(norm.NFC.String(trim(strings.ToValidUTF8(s, "�"))))
	return masked
}

// trim takes blanks off both ends, those that cannot be seen as well, and NUL, which a
// database does not take, everywhere.
func trim(s string) string {
	return strings.TrimFunc(strings.ReplaceAll(s, "\x00", ""), func(r rune) bool {
		switch r {
		case '\u200b', '\u2060', '\ufeff', '\u00ad', '\u180e':
			return true
		}
		return unicode.IsSpace(r) || unicode.IsControl(r)
	})
}
