package telegramtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hook is the webhook that is set.
type hook struct {
	url, secret string
	allowed     []string
	slots       chan struct{} // as many as connections may be open
	lastError   string
	lastErrorAt time.Time
}

// update waits to be taken.
type update struct {
	id      int64
	raw     json.RawMessage
	queue   string // one at a time is delivered of each
	expires time.Time
	given   bool // to a poll, which confirms it with a higher offset
}

// Delivery is one try to give an update to the webhook.
type Delivery struct {
	Update int64
	Try    int // 1 is the first
	Status int // 0: no answer
	At     time.Time
}

// Deliveries are the tries so far, in order.
func (a *API) Deliveries() []Delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.deliveries)
}

// Pending is how many updates wait to be taken.
func (a *API) Pending() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.pending)
}

var secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)

func (a *API) setWebhook(c Call) (any, *Refusal) {
	address, secret := c.Params["url"], c.Params["secret_token"]
	u, err := url.Parse(address)
	connections := 40
	if given := c.Params["max_connections"]; given != "" {
		connections, _ = strconv.Atoi(given)
	}
	switch {
	case address == "":
		return a.deleteWebhook(c), nil
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, bad("bad webhook: invalid webhook URL specified")
	case len(secret) > 256:
		return nil, bad("secret token is too long")
	case !secretForm.MatchString(secret):
		return nil, bad("secret token contains unallowed characters")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	h := hook{url: address, secret: secret, allowed: a.hook.allowed, slots: make(chan struct{}, min(max(connections, 1), 100))}
	var allowed []string
	if raw, given := c.Params["allowed_updates"]; given && json.Unmarshal([]byte(raw), &allowed) == nil && allowed != nil {
		h.allowed = allowed
	}
	a.hook = h
	if c.Params["drop_pending_updates"] == "true" {
		a.pending = nil
	}
	a.changed()
	return true, nil
}

func (a *API) deleteWebhook(c Call) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hook = hook{allowed: a.hook.allowed}
	if c.Params["drop_pending_updates"] == "true" {
		a.pending = nil
	}
	a.changed()
	return true
}

func (a *API) webhookInfo() any {
	a.mu.Lock()
	defer a.mu.Unlock()
	info := map[string]any{"url": a.hook.url, "has_custom_certificate": false, "pending_update_count": len(a.pending)}
	if a.hook.url != "" {
		info["max_connections"], info["allowed_updates"] = cap(a.hook.slots), a.hook.allowed
	}
	if a.hook.lastError != "" {
		info["last_error_date"], info["last_error_message"] = a.hook.lastErrorAt.Unix(), a.hook.lastError
	}
	return info
}

// Secret is the one a webhook was set with.
func (a *API) Secret() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hook.secret
}

// byDefault are not delivered unless they are asked for.
var byDefault = []string{"chat_member", "message_reaction", "message_reaction_count"}

// Push lets an update happen; one without update_id gets the next. It is given to the
// webhook, or waits for a poll.
func (a *API) Push(raw json.RawMessage) (id int64, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if given, ok := fields["update_id"]; ok {
		if err := json.Unmarshal(given, &id); err != nil {
			return 0, err
		}
		raw = bytes.Clone(raw)
	} else {
		a.lastUpdate++
		id = a.lastUpdate
		fields["update_id"] = json.RawMessage(itoa(id))
		if raw, err = json.Marshal(fields); err != nil {
			return 0, err
		}
	}
	now := a.opts.Clock()
	u := &update{id: id, raw: raw, expires: now.Add(a.after(24 * time.Hour))}
	for kind, value := range fields {
		if kind == "update_id" {
			continue
		}
		if !a.wants(kind) {
			return id, nil
		}
		u.queue = queueOf(kind, value)
		if kind == "callback_query" {
			u.expires = now.Add(a.after(queryLives))
			var q struct{ ID string }
			if json.Unmarshal(value, &q) == nil {
				a.queries[q.ID] = now
			}
		}
	}
	a.pending = append(a.pending, u)
	a.changed()
	return id, nil
}

func (a *API) wants(kind string) bool {
	if len(a.hook.allowed) == 0 {
		return !slices.Contains(byDefault, kind)
	}
	return slices.Contains(a.hook.allowed, kind)
}

// queueOf: messages and edits of a chat keep their order, presses of buttons and
// memberships do not wait for them.
func queueOf(kind string, value json.RawMessage) string {
	var about struct {
		Chat struct{ ID int64 }
		From struct{ ID int64 }
	}
	if json.Unmarshal(value, &about) != nil {
		return kind
	}
	switch kind {
	case "callback_query":
		return "press " + itoa(about.From.ID)
	case "my_chat_member":
		return "member " + itoa(about.Chat.ID)
	}
	return "chat " + itoa(about.Chat.ID)
}

// changed wakes whoever waits and starts deliveries; the lock is held.
func (a *API) changed() {
	close(a.came)
	a.came = make(chan struct{})
	if a.hook.url == "" || a.ctx.Err() != nil {
		return
	}
	for _, u := range a.pending {
		if !a.busy[u.queue] {
			a.busy[u.queue] = true
			a.work.Add(1)
			go a.deliverQueue(u.queue)
		}
	}
}

// resends are the waits before each try after the first; the last is repeated.
var resends = []time.Duration{0, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, 60 * time.Second}

// deliverQueue gives what is in a queue to the webhook, one after another, until there
// is nothing or no webhook.
func (a *API) deliverQueue(queue string) {
	defer a.work.Done()
	var last *update
	for tries := 0; ; {
		a.mu.Lock()
		now := a.opts.Clock()
		a.pending = slices.DeleteFunc(a.pending, func(u *update) bool { return u.queue == queue && now.After(u.expires) })
		i := slices.IndexFunc(a.pending, func(u *update) bool { return u.queue == queue })
		if i < 0 || a.hook.url == "" || a.ctx.Err() != nil {
			delete(a.busy, queue)
			a.mu.Unlock()
			return
		}
		u, h := a.pending[i], a.hook
		a.mu.Unlock()
		if u != last {
			last, tries = u, 0
		}
		tries++
		taken, after := a.deliver(h, u, tries)
		if taken {
			a.mu.Lock()
			a.pending = slices.DeleteFunc(a.pending, func(p *update) bool { return p == u })
			a.mu.Unlock()
			continue
		}
		if after < 0 {
			after = resends[min(tries-1, len(resends)-1)]
		}
		if !a.sleep(a.after(after)) {
			continue // the loop sees that it is closed
		}
	}
}

func (a *API) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-a.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// deliver tries once. after is what the webhook asks to wait, negative for nothing.
func (a *API) deliver(h hook, u *update, try int) (taken bool, after time.Duration) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-a.ctx.Done():
		return false, -1
	}
	at, status, failure := a.opts.Clock(), 0, ""
	after = -1
	req, err := http.NewRequestWithContext(a.ctx, http.MethodPost, h.url, bytes.NewReader(u.raw))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
		if h.secret != "" {
			req.Header.Set("X-Telegram-Bot-Api-Secret-Token", h.secret)
		}
		var resp *http.Response
		if resp, err = a.opts.Client.Do(req); err == nil {
			io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)) // so that the connection is kept
			resp.Body.Close()
			status = resp.StatusCode
			if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
				after = time.Duration(min(max(seconds, 0), 3600)) * time.Second
			}
		}
	}
	taken = status >= 200 && status < 300
	switch {
	case err != nil:
		failure = "Connection failed"
	case !taken:
		failure = "Wrong response from the webhook: " + strconv.Itoa(status) + " " + http.StatusText(status)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.deliveries = append(a.deliveries, Delivery{Update: u.id, Try: try, Status: status, At: at})
	if failure != "" {
		a.hook.lastError, a.hook.lastErrorAt = failure, a.opts.Clock()
		a.opts.Log.Info("webhook delivery failed", "update", u.id, "try", try, "status", status)
	}
	return taken, after
}

var errOtherPoll = errors.New("another poll")

// getUpdates waits up to timeout for updates from offset on; those before it are done
// with.
func (a *API) getUpdates(r *http.Request, c Call) (any, *Refusal) {
	number := func(key string, otherwise int64) int64 {
		n, err := strconv.ParseInt(c.Params[key], 10, 64)
		if err != nil {
			return otherwise
		}
		return n
	}
	offset, limit := number("offset", 0), min(max(number("limit", 100), 1), 100)
	wait := a.after(time.Duration(min(max(number("timeout", 0), 0), 50)) * time.Second)

	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	stop := context.AfterFunc(a.ctx, func() { cancel(nil) })
	defer stop()
	a.mu.Lock()
	if a.poller != nil {
		a.poller(errOtherPoll)
	}
	a.poller = cancel
	var allowed []string
	if raw, given := c.Params["allowed_updates"]; given && json.Unmarshal([]byte(raw), &allowed) == nil && allowed != nil {
		a.hook.allowed = allowed
	}
	a.pending = slices.DeleteFunc(a.pending, func(u *update) bool { return u.given && u.id < offset })
	a.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		a.mu.Lock()
		came, hooked := a.came, a.hook.url != ""
		out := []json.RawMessage{}
		for _, u := range a.pending[:min(int(limit), len(a.pending))] {
			out = append(out, u.raw)
			u.given = true
		}
		a.mu.Unlock()
		if hooked {
			return nil, refusal(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first", nil)
		}
		if len(out) > 0 {
			return out, nil
		}
		select {
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errOtherPoll) {
				return nil, refusal(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", nil)
			}
			return out, nil
		case <-timer.C:
			return out, nil
		case <-came:
		}
	}
}

// Person is who uses the bot.
type Person struct {
	ID   int64
	Name string
}

func (p Person) user() user { return user{ID: p.ID, Name: p.Name, Language: "vi"} }

var command = regexp.MustCompile(`^/[A-Za-z0-9_]+(@[A-Za-z0-9_]+)?`)

// Say lets a person write to the bot in their private chat and gives the number of the
// message.
func (a *API) Say(p Person, words string) (message int64, err error) {
	m := map[string]any{"text": words}
	if c := command.FindString(words); c != "" {
		m["entities"] = []any{map[string]any{"type": "bot_command", "offset": 0, "length": len(c)}}
	}
	return a.SayMore(p, m)
}

// SayMore is Say with the fields of a message given: a file, a caption, an answer to
// another message. Number, sender, chat and date are filled in where they are missing.
func (a *API) SayMore(p Person, m map[string]any) (message int64, err error) {
	a.mu.Lock()
	a.lastID++
	message = a.lastID
	a.mu.Unlock()
	for key, value := range map[string]any{"message_id": message, "from": p.user(), "chat": chatOf(p.ID), "date": a.opts.Clock().Unix()} {
		if _, given := m[key]; !given {
			m[key] = value
		}
	}
	return message, a.push("message", m)
}

// Speak lets a person send a voice message.
func (a *API) Speak(p Person, sound []byte, mime string, seconds int) (message int64, err error) {
	a.mu.Lock()
	id := "voice" + strconv.Itoa(len(a.files)+1)
	a.files[id] = sound
	a.mu.Unlock()
	return a.SayMore(p, map[string]any{"voice": map[string]any{
		"file_id": id, "file_unique_id": "u" + id, "duration": seconds, "mime_type": mime, "file_size": len(sound),
	}})
}

// Edit lets a person change a message.
func (a *API) Edit(p Person, message int64, words string) error {
	now := a.opts.Clock().Unix()
	return a.push("edited_message", map[string]any{
		"message_id": message, "from": p.user(), "chat": chatOf(p.ID), "date": now, "edit_date": now, "text": words,
	})
}

// Press lets a person press a button of a message the bot sent.
func (a *API) Press(p Person, message int64, data string) (query string, err error) {
	a.mu.Lock()
	i := slices.IndexFunc(a.sent, func(s Sent) bool { return s.ID == message && s.Chat == p.ID })
	if i < 0 {
		a.mu.Unlock()
		return "", errors.New("telegramtest: no such message in the chat")
	}
	sent := a.sent[i]
	query = "query" + strconv.Itoa(len(a.queries)+1)
	a.queries[query] = a.opts.Clock()
	a.mu.Unlock()
	return query, a.push("callback_query", map[string]any{
		"id": query, "from": p.user(), "message": a.message(sent), "chat_instance": "1", "data": data,
	})
}

// Block lets a person shut the bot out; what is sent to them is refused from then on.
func (a *API) Block(p Person) error { return a.member(p, true) }

// Unblock lets the bot in again.
func (a *API) Unblock(p Person) error { return a.member(p, false) }

func (a *API) member(p Person, blocked bool) error {
	a.mu.Lock()
	a.blocked[p.ID] = blocked
	a.mu.Unlock()
	before, after := "member", "kicked"
	if !blocked {
		before, after = after, before
	}
	status := func(s string) map[string]any { return map[string]any{"user": a.bot, "status": s} }
	return a.push("my_chat_member", map[string]any{
		"chat": chatOf(p.ID), "from": p.user(), "date": a.opts.Clock().Unix(), "old_chat_member": status(before), "new_chat_member": status(after),
	})
}

func (a *API) push(kind string, value any) error {
	raw, err := json.Marshal(map[string]any{kind: value})
	if err != nil {
		return err
	}
	_, err = a.Push(raw)
	return err
}

// Button finds one of a message by what stands on it.
func (s Sent) Button(text string) (Button, bool) {
	for _, b := range slices.Concat(s.Buttons...) {
		if strings.EqualFold(b.Text, text) {
			return b, true
		}
	}
	return Button{}, false
}
