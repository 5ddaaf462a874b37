package zalotest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// bot is the Bot Platform.
func (s *Server) bot(w http.ResponseWriter, r *http.Request, method string, body []byte) {
	s.mu.Lock()
	fails := func(name string) bool { return method != "getWebhookInfo" && s.fault(name) }
	switch {
	case fails("bot-gateway"):
		s.mu.Unlock()
		gateway(w)
		return
	case fails("bot-reset"):
		s.mu.Unlock()
		hangUp()
	case fails("bot-401"):
		s.mu.Unlock()
		refuse(w, http.StatusUnauthorized, 401, "Unauthorized")
		return
	case method == "sendMessage" && s.fault("bot-403"):
		s.mu.Unlock()
		refuse(w, http.StatusForbidden, 403, "Forbidden")
		return
	case fails("bot-429"):
		s.mu.Unlock()
		w.Header().Set("Retry-After", "7")
		refuse(w, http.StatusTooManyRequests, 429, "Too many requests")
		return
	}
	s.mu.Unlock()
	var in struct {
		URL     string          `json:"url"`
		Secret  string          `json:"secret_token"`
		Chat    string          `json:"chat_id"`
		Text    string          `json:"text"`
		Action  string          `json:"action"`
		Timeout json.RawMessage `json:"timeout"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(w, http.StatusBadRequest, 400, "Bad Request: not JSON")
		return
	}
	switch method {
	case "getMe":
		accept(w, map[string]any{"id": "1459232241454765289", "account_name": "bot.troly", "account_type": "BASIC", "can_join_groups": false})
	case "setWebhook":
		if !strings.HasPrefix(in.URL, "https://") || len(in.Secret) < 8 || len(in.Secret) > 256 {
			refuse(w, http.StatusBadRequest, 400, "Bad Request: url or secret_token is invalid")
			return
		}
		s.SetBotWebhook(in.URL, in.Secret)
		accept(w, map[string]any{"url": in.URL, "updated_at": s.opts.Now().UnixMilli()})
	case "deleteWebhook":
		s.SetBotWebhook("", "")
		accept(w, map[string]any{"url": "", "updated_at": s.opts.Now().UnixMilli()})
	case "getWebhookInfo":
		s.mu.Lock()
		url := s.webhook
		s.mu.Unlock()
		accept(w, map[string]any{"url": url, "updated_at": s.opts.Now().UnixMilli()})
	case "getUpdates":
		s.getUpdates(w, r, in.Timeout)
	case "sendMessage":
		s.sendMessage(w, in.Chat, in.Text)
	case "sendChatAction":
		if in.Chat == "" || in.Action != "typing" {
			refuse(w, http.StatusBadRequest, 400, "Bad Request: action is invalid")
			return
		}
		accept(w, true)
	default:
		refuse(w, http.StatusNotFound, 404, "Not Found")
	}
}

func accept(w http.ResponseWriter, result any) {
	reply(w, http.StatusOK, map[string]any{"ok": true, "result": result})
}

func refuse(w http.ResponseWriter, status, code int, text string) {
	reply(w, status, map[string]any{"ok": false, "error_code": code, "description": text})
}

// SetBotWebhook sets where updates go without the checks of setWebhook: an address
// on this machine has no HTTPS.
func (s *Server) SetBotWebhook(url, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhook, s.secret = url, secret
}

// getUpdates waits for one update and hands it out: one object, once.
func (s *Server) getUpdates(w http.ResponseWriter, r *http.Request, timeout json.RawMessage) {
	seconds, err := strconv.Atoi(strings.Trim(string(timeout), `"`))
	if err != nil || seconds < 0 {
		seconds = 30
	}
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	for {
		s.mu.Lock()
		switch {
		case s.webhook != "":
			s.mu.Unlock()
			refuse(w, http.StatusConflict, 409, "Conflict: a webhook is set")
			return
		case len(s.updates) > 0:
			one := s.updates[0]
			s.updates = s.updates[1:]
			s.mu.Unlock()
			accept(w, one)
			return
		}
		s.mu.Unlock()
		select {
		case <-s.arrived:
		case <-r.Context().Done():
			return
		case <-timer.C:
			refuse(w, http.StatusOK, 408, "Request timeout")
			return
		}
	}
}

// wake tells a poll that waits to look again.
func (s *Server) wake() {
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

func (s *Server) sendMessage(w http.ResponseWriter, chat, text string) {
	if n := characters(text); chat == "" || n == 0 || n > 2000 {
		refuse(w, http.StatusBadRequest, 400, "Bad Request: chat_id or text is invalid")
		return
	}
	s.mu.Lock()
	s.serial++
	out := Sent{Channel: "zalo-bot", To: chat, Text: text, ID: fmt.Sprintf("82599fa3%012d", s.serial)}
	s.sent = append(s.sent, out)
	s.mu.Unlock()
	if s.opts.OnSend != nil {
		s.opts.OnSend(out)
	}
	accept(w, map[string]any{"message_id": out.ID, "date": s.opts.Now().UnixMilli()})
}

// BotText is the update of a person who writes to the bot.
func (s *Server) BotText(chat, text string) []byte {
	s.mu.Lock()
	s.serial++
	id := fmt.Sprintf("2d758cb5%012d", s.serial)
	s.mu.Unlock()
	body, err := json.Marshal(map[string]any{"event_name": "message.text.received", "message": map[string]any{
		"message_id": id, "date": s.opts.Now().UnixMilli(), "chat": map[string]any{"id": chat, "chat_type": "PRIVATE"},
		"from": map[string]any{"id": chat, "display_name": "Người thử", "is_bot": false}, "text": text}})
	if err != nil {
		panic("zalotest: an update of strings cannot be written: " + err.Error())
	}
	return body
}

// DeliverBot gives an update to the webhook, when one is set, and returns its
// status; else it waits for getUpdates and the status is 0.
func (s *Server) DeliverBot(ctx context.Context, update []byte) (status int, err error) {
	s.mu.Lock()
	url, secret := s.webhook, s.secret
	if url == "" {
		s.updates = append(s.updates, update)
	}
	s.mu.Unlock()
	if url == "" {
		s.wake()
		return 0, nil
	}
	return post(ctx, url, http.Header{"Content-Type": {"application/json"}, "X-Bot-Api-Secret-Token": {secret}}, update)
}
