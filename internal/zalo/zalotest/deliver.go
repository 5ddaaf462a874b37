package zalotest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Event is what a person does towards the account: "user_send_text" with their
// words, "follow", "unfollow", "user_click_chatnow", "user_send_image" and so on
// with a caption.
func (s *Server) Event(event, user, text string) []byte {
	s.mu.Lock()
	s.serial++
	id := fmt.Sprintf("96d3cdf3af%09d", s.serial)
	now := s.opts.Now()
	if event != "unfollow" {
		s.heard[user] = now
	}
	s.mu.Unlock()
	e := map[string]any{"app_id": s.opts.AppID, "user_id_by_app": "9" + user, "event_name": event, "timestamp": strconv.FormatInt(now.UnixMilli(), 10)}
	switch event {
	case "follow", "unfollow":
		e["oa_id"], e["follower"], e["source"] = s.opts.OAID, map[string]any{"id": user}, "oa_profile"
	case "user_click_chatnow":
		e["oa_id"], e["user_id"] = s.opts.OAID, user
	default:
		message := map[string]any{"msg_id": id}
		if text != "" {
			message["text"] = text
		}
		e["sender"], e["recipient"], e["message"] = map[string]any{"id": user}, map[string]any{"id": s.opts.OAID}, message
	}
	body, err := json.Marshal(e)
	if err != nil {
		panic("zalotest: an event of strings cannot be written: " + err.Error())
	}
	return body
}

// TakeOver is the echo of what a human wrote to a person in the account's chat tool.
func (s *Server) TakeOver(user, admin, text string) []byte {
	s.mu.Lock()
	s.serial++
	id := fmt.Sprintf("96d3cdf3af%09d", s.serial)
	s.mu.Unlock()
	body, err := json.Marshal(map[string]any{"app_id": s.opts.AppID, "event_name": "oa_send_text", "timestamp": strconv.FormatInt(s.opts.Now().UnixMilli(), 10),
		"sender": map[string]any{"id": s.opts.OAID, "admin_id": admin}, "recipient": map[string]any{"id": user},
		"message": map[string]any{"msg_id": id, "text": text}})
	if err != nil {
		panic("zalotest: an event of strings cannot be written: " + err.Error())
	}
	return body
}

// Sign returns the headers of a delivery. The body must have a timestamp.
func (s *Server) Sign(body []byte) http.Header {
	var e struct {
		Timestamp json.RawMessage `json:"timestamp"` // text or a number
	}
	_ = json.Unmarshal(body, &e) // a body that is none is signed without one
	h := sha256.New()
	h.Write([]byte(s.opts.AppID))
	h.Write(body)
	h.Write([]byte(strings.Trim(string(e.Timestamp), `"`) + s.opts.OASecret))
	return http.Header{"Content-Type": {"application/json"}, "X-Zevent-Signature": {"mac=" + hex.EncodeToString(h.Sum(nil))}}
}

// deliverIn is how long Zalo waits for an answer.
const deliverIn = 2 * time.Second

// Deliver posts a signed event to a webhook and returns its status; retry is how
// often it was delivered before.
func (s *Server) Deliver(ctx context.Context, webhook string, body []byte, retry int) (status int, err error) {
	header := s.Sign(body)
	if retry > 0 {
		header.Set("num_retry", strconv.Itoa(retry))
	}
	return post(ctx, webhook, header, body)
}

func post(ctx context.Context, webhook string, header http.Header, body []byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliverIn)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}
