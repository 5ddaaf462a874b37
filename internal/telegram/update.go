package telegram

import (
	"encoding/json"
	"errors"
)

// The following are Telegram's shapes as far as they are used. Everything may be
// missing: they are read leniently, and what has another type than documented counts
// as missing.
type (
	message struct {
		ID         int64  `json:"message_id"`
		Thread     int64  `json:"message_thread_id"`
		Topic      bool   `json:"is_topic_message"`
		From       *user  `json:"from"`
		SenderChat *chat  `json:"sender_chat"`
		Chat       *chat  `json:"chat"`
		MovedTo    int64  `json:"migrate_to_chat_id"` // of a group that became a supergroup
		Date       int64  `json:"date"`
		EditDate   int64  `json:"edit_date"`
		Text       string `json:"text"`
		Caption    string `json:"caption"`

		Entities        []entity `json:"entities"`
		CaptionEntities []entity `json:"caption_entities"`

		ReplyTo *message `json:"reply_to_message"`
		Quote   *struct {
			Text string `json:"text"`
		} `json:"quote"`

		Voice     *file           `json:"voice"`
		Audio     *file           `json:"audio"`
		Photo     []file          `json:"photo"` // one picture in several sizes
		Sticker   *file           `json:"sticker"`
		Document  *file           `json:"document"`
		Video     *file           `json:"video"`
		VideoNote *file           `json:"video_note"`
		Animation *file           `json:"animation"`
		Contact   json.RawMessage `json:"contact"`  // only whether there is one: it holds somebody's number
		Location  json.RawMessage `json:"location"` // only whether there is one
		Venue     json.RawMessage `json:"venue"`
		Dice      json.RawMessage `json:"dice"`
		Poll      json.RawMessage `json:"poll"`
		Story     json.RawMessage `json:"story"`

		Keyboard *struct {
			Rows [][]struct {
				Text string `json:"text"`
				Data string `json:"callback_data"`
			} `json:"inline_keyboard"`
		} `json:"reply_markup"`
	}
	user struct {
		ID    int64 `json:"id"`
		IsBot bool  `json:"is_bot"`
	}
	chat struct {
		ID   int64  `json:"id"`
		Type string `json:"type"`
	}
	entity struct {
		Type   string `json:"type"`
		Offset int    `json:"offset"` // in UTF-16 units, like Length
		Length int    `json:"length"`
		User   *user  `json:"user"` // of a text_mention
	}
	file struct {
		ID       string `json:"file_id"`
		MIME     string `json:"mime_type"`
		Size     int64  `json:"file_size"`
		Duration int64  `json:"duration"` // seconds
		Width    int64  `json:"width"`
	}
	callback struct {
		ID      string   `json:"id"`
		From    *user    `json:"from"`
		Message *message `json:"message"` // missing for inline messages; date 0 when it is gone
		Data    string   `json:"data"`
	}
	membership struct {
		Chat *chat `json:"chat"`
		From *user `json:"from"`
		Date int64 `json:"date"`
		Old  *struct {
			Status string `json:"status"`
		} `json:"old_chat_member"`
		New *struct {
			Status string `json:"status"`
		} `json:"new_chat_member"`
	}
)

// lenient decodes what can be. A field of another type than expected stays empty and
// the rest is read; false is for what is no JSON object at all, null included.
func lenient(raw json.RawMessage, into any) bool {
	if !present(raw) || raw[0] != '{' {
		return false
	}
	err := json.Unmarshal(raw, into)
	var wrongType *json.UnmarshalTypeError
	return err == nil || errors.As(err, &wrongType)
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// private reports a chat with one person. Telegram's numbers of groups and channels
// are negative, which decides where the type is missing.
func (c *chat) private() bool { return c.Type == "private" || c.Type == "" && c.ID > 0 }

func (c *chat) group() bool {
	return c.Type == "group" || c.Type == "supergroup" || c.Type == "" && c.ID < 0
}
