package telegramtest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// do carries a call out.
func (a *API) do(r *http.Request, c Call) (any, *Refusal) {
	switch strings.ToLower(c.Method) {
	case "getme":
		return a.bot, nil
	case "setwebhook":
		return a.setWebhook(c)
	case "deletewebhook":
		return a.deleteWebhook(c), nil
	case "getwebhookinfo":
		return a.webhookInfo(), nil
	case "getupdates":
		return a.getUpdates(r, c)
	case "sendmessage":
		return a.sendMessage(c)
	case "sendmessagedraft":
		return a.draft(c)
	case "sendchataction":
		if refusal := a.chat(c); refusal != nil {
			return nil, refusal
		}
		return true, nil
	case "editmessagetext", "editmessagereplymarkup":
		return a.edit(c)
	case "answercallbackquery":
		return a.answerQuery(c)
	case "getfile":
		return a.getFile(c)
	case "setmycommands", "deletemycommands", "getmycommands":
		return a.menu(c)
	}
	return nil, refusal(404, "Not Found: method not found", nil)
}

func bad(text string) *Refusal { return refusal(400, "Bad Request: "+text, nil) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// chat checks whom a call is about.
func (a *API) chat(c Call) *Refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case c.Params["chat_id"] == "":
		return bad("chat_id is empty")
	case c.Chat() == 0:
		return bad("chat not found")
	case a.blocked[c.Chat()]:
		return refusal(403, "Forbidden: bot was blocked by the user", nil)
	}
	return nil
}

// maxText of a message, in code points after the markup is read.
const maxText = 4096

// text reads the words of a message.
func text(c Call) (string, *Refusal) {
	s := c.Params["text"]
	if !utf8.ValidString(s) {
		return "", bad("strings must be encoded in UTF-8")
	}
	if mode := c.Params["parse_mode"]; strings.EqualFold(mode, "HTML") {
		read, refused := readHTML(s)
		if refused != "" {
			return "", bad("can't parse entities: " + refused)
		}
		s = read
	} else if mode != "" {
		return "", bad("unsupported parse_mode")
	}
	s = strings.TrimSpace(s)
	switch {
	case strings.Trim(s, " \n\t\u200b\u200d\u2060\ufeff") == "":
		return "", bad("message text is empty")
	case utf8.RuneCountInString(s) > maxText:
		return "", bad("message is too long")
	}
	return s, nil
}

// buttons reads those under a message.
func buttons(c Call) ([][]Button, *Refusal) {
	raw := c.Params["reply_markup"]
	if raw == "" {
		return nil, nil
	}
	var markup struct {
		Rows [][]Button `json:"inline_keyboard"`
	}
	if json.Unmarshal([]byte(raw), &markup) != nil {
		return nil, bad("can't parse reply keyboard markup JSON object")
	}
	for _, b := range slices.Concat(markup.Rows...) {
		switch {
		case b.Text == "":
			return nil, bad("text buttons are unallowed in the inline keyboard")
		case (b.Data == "") == (b.URL == ""):
			return nil, bad("text buttons are unallowed in the inline keyboard")
		case len(b.Data) > 64:
			return nil, bad("BUTTON_DATA_INVALID")
		case b.URL != "" && !strings.Contains(b.URL, "."):
			return nil, bad("inline keyboard button URL is invalid: Wrong HTTP URL")
		}
	}
	return markup.Rows, nil
}

func (a *API) sendMessage(c Call) (any, *Refusal) {
	if r := a.chat(c); r != nil {
		return nil, r
	}
	words, r := text(c)
	if r != nil {
		return nil, r
	}
	rows, r := buttons(c)
	if r != nil {
		return nil, r
	}
	var reply struct {
		ID int64 `json:"message_id"`
	}
	if raw := c.Params["reply_parameters"]; raw != "" && json.Unmarshal([]byte(raw), &reply) != nil {
		return nil, bad("can't parse reply parameters JSON object")
	}
	thread, _ := strconv.ParseInt(c.Params["message_thread_id"], 10, 64)
	a.mu.Lock()
	a.lastID++
	s := Sent{
		Chat: c.Chat(), ID: a.lastID, Text: words, Source: c.Params["text"], Mode: c.Params["parse_mode"],
		Thread: thread, ReplyTo: reply.ID, Buttons: rows, At: c.At,
	}
	a.sent = append(a.sent, s)
	a.mu.Unlock()
	a.tell(s)
	return a.message(s), nil
}

func (a *API) tell(s Sent) {
	if a.opts.OnSent == nil {
		return
	}
	a.telling.Lock()
	defer a.telling.Unlock()
	a.opts.OnSent(s)
}

// message is how Telegram shows one of the bot.
func (a *API) message(s Sent) map[string]any {
	m := map[string]any{"message_id": s.ID, "from": a.bot, "chat": chatOf(s.Chat), "date": s.At.Unix(), "text": s.Text}
	if len(s.Buttons) > 0 {
		m["reply_markup"] = map[string]any{"inline_keyboard": s.Buttons}
	}
	return m
}

func chatOf(id int64) map[string]any {
	if id < 0 {
		return map[string]any{"id": id, "type": "supergroup", "title": "Nhóm"}
	}
	return map[string]any{"id": id, "type": "private"}
}

func (a *API) draft(c Call) (any, *Refusal) {
	if r := a.chat(c); r != nil {
		return nil, r
	}
	id, _ := strconv.ParseInt(c.Params["draft_id"], 10, 64)
	switch {
	case c.Chat() < 0:
		return nil, bad("TEXTDRAFT_PEER_INVALID")
	case id == 0:
		return nil, bad("RANDOM_ID_INVALID")
	case utf8.RuneCountInString(c.Params["text"]) > maxText:
		return nil, bad("message is too long")
	}
	return true, nil
}

func (a *API) edit(c Call) (any, *Refusal) {
	id, _ := strconv.ParseInt(c.Params["message_id"], 10, 64)
	rows, r := buttons(c)
	if r != nil {
		return nil, r
	}
	words := ""
	if strings.EqualFold(c.Method, "editMessageText") {
		if words, r = text(c); r != nil {
			return nil, r
		}
	}
	a.mu.Lock()
	i := slices.IndexFunc(a.sent, func(s Sent) bool { return s.Chat == c.Chat() && s.ID == id })
	if i < 0 {
		a.mu.Unlock()
		return nil, bad("message to edit not found")
	}
	s := a.sent[i]
	if words != "" {
		s.Text, s.Source, s.Mode = words, c.Params["text"], c.Params["parse_mode"]
	}
	before, _ := json.Marshal([]any{a.sent[i].Text, a.sent[i].Buttons})
	s.Buttons = rows
	after, _ := json.Marshal([]any{s.Text, s.Buttons})
	if string(before) == string(after) {
		a.mu.Unlock()
		return nil, bad("message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
	}
	s.Edited = true
	a.sent[i] = s
	a.mu.Unlock()
	a.tell(s)
	return a.message(s), nil
}

// queryLives is how long a press of a button can be answered.
const queryLives = 150 * time.Second

func (a *API) answerQuery(c Call) (any, *Refusal) {
	if utf8.RuneCountInString(c.Params["text"]) > 200 {
		return nil, bad("MESSAGE_TOO_LONG")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	pressed, known := a.queries[c.Params["callback_query_id"]]
	if !known || c.At.Sub(pressed) > a.after(queryLives) {
		return nil, bad("query is too old and response timeout expired or query ID is invalid")
	}
	return true, nil
}

func (a *API) getFile(c Call) (any, *Refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := c.Params["file_id"]
	data, known := a.files[id]
	switch {
	case !known:
		return nil, bad("wrong file_id or the file is temporarily unavailable")
	case len(data) > 20<<20:
		return nil, bad("file is too big")
	}
	return map[string]any{"file_id": id, "file_unique_id": "u" + id, "file_size": len(data), "file_path": "files/" + id}, nil
}

var commandName = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)

func (a *API) menu(c Call) (any, *Refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	language := c.Params["language_code"]
	switch strings.ToLower(c.Method) {
	case "deletemycommands":
		delete(a.commands, language)
		return true, nil
	case "getmycommands":
		if list, ok := a.commands[language]; ok {
			return list, nil
		}
		return []any{}, nil
	}
	var list []struct {
		Command, Description string
	}
	if json.Unmarshal([]byte(c.Params["commands"]), &list) != nil || len(list) > 100 {
		return nil, bad("can't parse commands")
	}
	for _, l := range list {
		n := utf8.RuneCountInString(l.Description)
		switch {
		case !commandName.MatchString(l.Command):
			return nil, bad("BOT_COMMAND_INVALID")
		case n < 1 || n > 256:
			return nil, bad("BOT_COMMAND_DESCRIPTION_INVALID")
		}
	}
	a.commands[language] = json.RawMessage(c.Params["commands"])
	return true, nil
}
