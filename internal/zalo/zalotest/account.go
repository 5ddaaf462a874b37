package zalotest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const maxBody = 1 << 20

func readAll(w http.ResponseWriter, r *http.Request) []byte {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil // answered as a body that cannot be read
	}
	return body
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller went away: nobody is left to tell
}

func failure(code int, text string) map[string]any {
	return map[string]any{"error": code, "message": text}
}

func gateway(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "<html><body>502 Bad Gateway</body></html>")
}

// hangUp breaks the connection without an answer.
func hangUp() { panic(http.ErrAbortHandler) }

// token exchanges a refresh token, which works once, for a new pair.
func (s *Server) token(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	s.mu.Lock()
	lost, answer := false, map[string]any(nil)
	switch {
	case s.fault("oauth-gateway"):
		s.mu.Unlock()
		gateway(w)
		return
	case err != nil || form.Get("grant_type") != "refresh_token":
		answer = map[string]any{"error": -14001, "error_name": "Invalid grant type"}
	case r.Header.Get("secret_key") != s.opts.AppSecret:
		answer = map[string]any{"error": -14004, "error_name": "Invalid secret key"}
	case form.Get("app_id") != s.opts.AppID:
		answer = map[string]any{"error": -14002, "error_name": "Invalid app id"}
	case s.fault("oauth-refused") || form.Get("refresh_token") == "" || form.Get("refresh_token") != s.refresh:
		answer = map[string]any{"error": -14014, "error_name": "Invalid refresh token", "error_reason": "", "ref_doc": ""}
	default:
		s.tokens++
		s.access, s.refresh = fmt.Sprintf("ACCESS-%d-not-real", s.tokens), fmt.Sprintf("REFRESH-%d-not-real", s.tokens)
		s.expires = s.opts.Now().Add(s.life())
		answer = map[string]any{"access_token": s.access, "refresh_token": s.refresh}
		if !s.opts.NoLife {
			answer["expires_in"] = s.opts.Life
		}
		lost = s.fault("oauth-lost")
	}
	s.mu.Unlock()
	if lost {
		hangUp()
	}
	reply(w, http.StatusOK, answer)
}

func (s *Server) life() time.Duration {
	n, err := strconv.Atoi(fmt.Sprint(s.opts.Life))
	if err != nil || n <= 0 || n > 1e9 {
		n = 90000
	}
	return time.Duration(n) * time.Second
}

// authorized checks the token of a call; the lock is held.
func (s *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	token := r.Header.Get("access_token")
	switch {
	case s.fault("oa-expired"):
		s.access = "" // only a new one works
	case s.fault("oa-token"):
	case token == "" || token != s.access:
	case s.opts.Now().After(s.expires):
		reply(w, http.StatusOK, failure(-220, "access_token is expired or removed"))
		return false
	default:
		return true
	}
	reply(w, http.StatusOK, failure(-216, "Access token is invalid"))
	return false
}

// consult is the call that sends a message to a person who wrote before.
func (s *Server) consult(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	then := s.consulted(w, r, body)
	s.mu.Unlock()
	if then != nil {
		then()
	}
}

// consulted answers under the lock; what it returns is done after it.
func (s *Server) consulted(w http.ResponseWriter, r *http.Request, body []byte) (then func()) {
	switch {
	case s.fault("oa-gateway"):
		return func() { gateway(w) }
	case s.fault("oa-reset"):
		return hangUp
	case s.fault("oa-slow"):
		return func() { <-r.Context().Done() }
	}
	if !s.authorized(w, r) {
		return nil
	}
	var in struct {
		Recipient struct {
			UserID any `json:"user_id"`
		} `json:"recipient"`
		Message struct {
			Text       string `json:"text"`
			Quote      string `json:"quote_message_id"`
			Attachment *struct {
				Type    string `json:"type"`
				Payload struct {
					Buttons []struct {
						Title   string          `json:"title"`
						Type    string          `json:"type"`
						Payload json.RawMessage `json:"payload"`
					} `json:"buttons"`
				} `json:"payload"`
			} `json:"attachment"`
		} `json:"message"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		reply(w, http.StatusOK, failure(-201, "body is invalid!"))
		return nil
	}
	to, isText := in.Recipient.UserID.(string)
	out := Sent{Channel: "zalo", To: to, Text: in.Message.Text, Quote: in.Message.Quote}
	code, text := 0, ""
	refuse := func(n int, why string) {
		if code == 0 {
			code, text = n, why
		}
	}
	if in.Message.Attachment != nil {
		buttons := in.Message.Attachment.Payload.Buttons
		if len(buttons) == 0 || len(buttons) > 5 || in.Message.Attachment.Type != "template" {
			refuse(-201, "attachment is invalid!")
		}
		for _, b := range buttons {
			payload := button(b.Type, b.Payload)
			if payload == "" || b.Title == "" || characters(b.Title) > 100 || characters(payload) > 1000 {
				refuse(-201, "buttons is invalid!")
			}
			out.Buttons = append(out.Buttons, Button{b.Title, b.Type, payload})
		}
	}
	for name := range s.faults {
		if n, err := strconv.Atoi(name[min(len(name), len("oa-code=")):]); err == nil && s.fault(name) {
			refuse(n, "error")
		}
	}
	switch heard, known := s.heard[to]; {
	case !isText || to == "":
		refuse(-201, "recipient.user_id is invalid!")
	case out.Text == "" || characters(out.Text) > 2000:
		refuse(-201, "text is invalid!")
	case s.fault("oa-rate"):
		refuse(-32, "Your application reached limit call api")
	case s.fault("oa-quota"):
		refuse(-211, "Out of quota")
	case s.fault("oa-unfollowed"):
		refuse(-213, "User has not followed OA")
	case s.fault("oa-window") || known && s.opts.Now().Sub(heard) > 7*24*time.Hour:
		refuse(-230, "User has not interacted with the OA in the past 7 days")
	case out.Quote != "" && s.fault("oa-quote"):
		refuse(-201, "quote_message_id is invalid!")
	case out.Buttons != nil && s.fault("oa-buttons"):
		refuse(-201, "attachment is invalid!")
	case characters(out.Text) > 500 && s.fault("oa-large"):
		refuse(-210, "Parameter exceeds the limit")
	}
	w.Header().Set("X-RateLimit-Limit", "4000")
	w.Header().Set("X-RateLimit-Remain", strconv.Itoa(s.remain))
	if code != 0 {
		reply(w, http.StatusOK, failure(code, text))
		return nil
	}
	s.serial++
	out.ID = fmt.Sprintf("a4d0243feee1%08d", s.serial)
	s.sent = append(s.sent, out)
	lost := s.fault("oa-lost")
	return func() {
		if s.opts.OnSend != nil {
			s.opts.OnSend(out)
		}
		if lost {
			hangUp()
		}
		reply(w, http.StatusOK, map[string]any{"error": 0, "message": "Success", "data": map[string]any{"message_id": out.ID, "user_id": to}})
	}
}

// button is what a payload does; empty when it is not one of that type.
func button(kind string, raw json.RawMessage) string {
	switch kind {
	case "oa.open.url":
		var p struct {
			URL string `json:"url"`
		}
		_ = json.Unmarshal(raw, &p) // stays empty
		return p.URL
	case "oa.query.show", "oa.query.hide":
		var p string
		_ = json.Unmarshal(raw, &p) // stays empty
		return p
	}
	return ""
}

func (s *Server) getOA(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.authorized(w, r) {
		reply(w, http.StatusOK, map[string]any{"error": 0, "message": "Success", "data": map[string]any{
			"oa_id": s.opts.OAID, "name": "Trợ lý số (thử nghiệm)", "is_verified": true}})
	}
}
