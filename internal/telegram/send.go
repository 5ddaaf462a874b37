package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"troly/internal/webhook"
)

// Send sends one part. What it gives back is the message's number in the chat. When
// Telegram cannot read the markup, the same words are sent once more without: the
// first call is known not to have arrived.
func (c *Channel) Send(ctx context.Context, dialogue string, raw json.RawMessage) (string, error) {
	var p part
	if err := json.Unmarshal(raw, &p); err != nil || p.HTML == "" {
		return "", &webhook.SendError{Class: webhook.Rejected, Code: "bad-part", Err: errors.New("telegram send: not a part of this channel")}
	}
	params, err := p.params(dialogue)
	if err != nil {
		return "", &webhook.SendError{Class: webhook.Rejected, Code: "bad-part", Err: err}
	}
	result, failed := c.call(ctx, "sendMessage", params)
	if failed != nil && failed.Code == "400" && strings.Contains(failed.Err.Error(), "can't parse entities") {
		delete(params, "parse_mode")
		params["text"] = p.Plain
		c.set.Log.Warn("telegram could not read our markup, sent as plain text")
		result, failed = c.call(ctx, "sendMessage", params)
	}
	if failed != nil {
		if unchanged(failed) {
			return "", nil
		}
		return "", failed
	}
	var sent struct {
		ID int64 `json:"message_id"`
	}
	if err := json.Unmarshal(result, &sent); err != nil || sent.ID == 0 {
		return "", nil // it is sent, only its number is not known
	}
	return strconv.FormatInt(sent.ID, 10), nil
}

// unchanged: an edit that changes nothing is done.
func unchanged(failed *webhook.SendError) bool {
	return failed.Code == "400" && strings.Contains(failed.Err.Error(), "message is not modified")
}

// Acknowledge tells Telegram that a button was received, so that it stops shining. A
// query that is too old to be answered is no error. A message that is no press of a button
// needs no acknowledgement.
func (c *Channel) Acknowledge(ctx context.Context, m webhook.Message) error {
	at := addressOf(m)
	if at.Callback == "" {
		return nil
	}
	_, failed := c.call(ctx, "answerCallbackQuery", tgbotapi.Params{"callback_query_id": at.Callback})
	if failed == nil || failed.Code == "400" && strings.Contains(failed.Err.Error(), "query is too old") {
		return nil
	}
	return failed
}

// Clear takes the buttons away under the message in which one was pressed. That the
// message is gone, or has no buttons left, is no error.
func (c *Channel) Clear(ctx context.Context, m webhook.Message) error {
	at := addressOf(m)
	if at.Pressed == 0 {
		return nil
	}
	_, failed := c.call(ctx, "editMessageReplyMarkup", tgbotapi.Params{"chat_id": m.Dialogue, "message_id": strconv.FormatInt(at.Pressed, 10)})
	if failed == nil || failed.Code == "400" {
		return nil
	}
	return failed
}

// typingEvery is how often the sign of writing is renewed: Telegram shows it for 5 seconds.
const typingEvery = 4 * time.Second

// Every says how often Typing is worth a call.
func (c *Channel) Every(m webhook.Message) time.Duration {
	if m.Kind == webhook.Left {
		return 0
	}
	return typingEvery
}

// Typing shows for up to 5 seconds that an answer is being written.
func (c *Channel) Typing(ctx context.Context, m webhook.Message) error {
	params := tgbotapi.Params{"chat_id": m.Dialogue, "action": "typing"}
	if thread := addressOf(m).Thread; thread != 0 {
		params["message_thread_id"] = strconv.FormatInt(thread, 10)
	}
	if _, failed := c.call(ctx, "sendChatAction", params); failed != nil {
		return failed
	}
	return nil
}

// Drafts reports whether the answer to m can be shown while it is written: it is
// switched on, the chat is private, and the server has not said that it knows no
// drafts.
func (c *Channel) Drafts(m webhook.Message) bool {
	return c.set.Drafts && !m.Group && m.Kind != webhook.Left && !c.noDrafts.Load()
}

// Draft shows the answer so far, or its first 4096 characters; it is a preview that
// Telegram takes away, the answer itself must be sent after. While Telegram asks for
// patience nothing is shown and no error told.
func (c *Channel) Draft(ctx context.Context, m webhook.Message, text string) error {
	if !c.Drafts(m) || c.set.Clock().UnixNano() < c.draftPause.Load() {
		return nil
	}
	if pieces := split(tidy(text), maxUnits); len(pieces) > 0 {
		text = pieces[0]
	}
	params := tgbotapi.Params{"chat_id": m.Dialogue, "draft_id": strconv.FormatUint(uint64(draftID(m)), 10), "text": text}
	if thread := addressOf(m).Thread; thread != 0 {
		params["message_thread_id"] = strconv.FormatInt(thread, 10)
	}
	_, failed := c.call(ctx, "sendMessageDraft", params)
	if failed == nil {
		return nil
	}
	switch {
	case failed.Code == "404":
		c.noDrafts.Store(true)
		c.note(nil) // the server is there, only older than drafts
		c.set.Log.Info("telegram server knows no drafts, answers are sent whole")
		return nil
	case failed.Code == "429":
		c.draftPause.Store(c.set.Clock().Add(max(failed.After, time.Second)).UnixNano())
		return nil
	}
	return failed
}

// draftID is the same for every draft of one answer and never 0.
func draftID(m webhook.Message) uint32 {
	h := fnv.New32a()
	io.WriteString(h, m.Key)
	return h.Sum32()>>1 | 1
}

// maxFile is the most Telegram lets a bot download.
const maxFile = 20 << 20

// Fetch downloads a file of a message. One that is known to be larger than limit, or
// than Telegram gives to bots, is refused without asking.
func (c *Channel) Fetch(ctx context.Context, media webhook.Media, limit int64) ([]byte, error) {
	limit = min(limit, maxFile)
	if media.ID == "" {
		return nil, errors.New("telegram file: has none to fetch")
	}
	if media.Bytes > limit {
		return nil, fmt.Errorf("telegram file: %d bytes are more than the %d that are fetched", media.Bytes, limit)
	}
	var file struct {
		Path string `json:"file_path"`
		Size int64  `json:"file_size"`
	}
	if err := c.ask(ctx, "getFile", tgbotapi.Params{"file_id": media.ID}, &file); err != nil {
		return nil, err
	}
	if file.Size > limit {
		return nil, fmt.Errorf("telegram file: %d bytes are more than the %d that are fetched", file.Size, limit)
	}
	if file.Path == "" || strings.HasPrefix(file.Path, "/") {
		return nil, errors.New("telegram file: the server gives no path to download (one run with --local does not)")
	}
	return c.download(ctx, file.Path, limit)
}

// download reads the file at path. The address holds the token, so it is in no error.
func (c *Channel) download(ctx context.Context, path string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.set.Timeout)
	defer cancel()
	address := c.set.FileURL + "/bot" + c.set.Token + "/" + (&url.URL{Path: path}).EscapedPath()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("telegram file: %w", c.redact(err))
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("telegram file: %w", c.redact(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("telegram file: status %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("telegram file: %w", c.redact(err))
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("telegram file: more than the %d bytes that are fetched", limit)
	}
	return data, nil
}
