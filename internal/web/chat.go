package web

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"troly/internal/privacy"
	"troly/internal/webhook"
)

// chat is the page that residents ask on. Everything it does works with forms; the
// script only spares loading the page anew and shows answers while they are written.
type chat struct {
	*server
	responder webhook.Responder
	dialogues Dialogues
	ancestors []string
	turns     *turns
}

func newChat(s *server, opts Options) *chat {
	c := &chat{server: s, responder: opts.Responder, dialogues: opts.Dialogues, ancestors: opts.FrameAncestors, turns: new(turns)}
	if c.dialogues == nil {
		c.dialogues = NewMemory(opts.Now)
	}
	return c
}

// Limits of the chat page.
const (
	maxForm     = 16 << 10 // bytes of a form
	maxAsked    = 2000     // bytes of a question: longer ones are cut
	maxKept     = 20       // turns of a dialogue that are kept and shown
	maxAction   = 64       // bytes, as in webhook.Choice
	cookieFor   = 12 * time.Hour
	respondIn   = 25 * time.Second // an answer is finished and kept even when nobody waits any more
	beat        = 10 * time.Second // a sign of life in a stream, shorter than proxies wait
	pieceIn     = 10 * time.Second // deadline of one write to a stream
	cookieName  = "troly"
	securedName = "__Host-troly" // what browsers take over https only
)

// record is what is kept of a dialogue.
type record struct {
	State []byte `json:"state,omitempty"` // of the responder
	Turns []turn `json:"turns"`           // oldest first
}

// turn is one thing a person did and what was replied.
type turn struct {
	Key     string          `json:"key"`  // of the form: what is sent twice is answered once
	Said    string          `json:"said"` // masked
	Replies []webhook.Reply `json:"replies"`
	Cited   []cited         `json:"cited,omitempty"`
	Failed  bool            `json:"failed,omitempty"` // it could not be kept
}

// cited says where a source of a reply can be read here.
type cited struct {
	N        int    `json:"n"`
	Document string `json:"document"`
	Section  string `json:"section"`
	Title    string `json:"title"`
}

// chatPage is the whole page.
type chatPage struct {
	Turns    []turnView
	Key      string // for the next form
	Dialogue string // in a frame, where no cookie comes: the name of the dialogue
	Frame    bool
	Examples []string
	Problem  string // why the last question was not taken
	Typed    string // which is then kept in the box
}

// examples are questions to begin with.
var examples = []string{"Làm giấy khai sinh cho con cần giấy tờ gì?", "Đăng ký tạm trú hết bao nhiêu tiền?", "Cách nhận biết công an giả gọi điện"}

// newKey names a dialogue or a form: 128 random bits.
func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

var keyForm = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)

// page shows the dialogue so far and the box to ask.
func (c *chat) page(w http.ResponseWriter, r *http.Request) {
	frame := r.URL.Query().Get("khung") == "1"
	if frame {
		c.show(w, r, http.StatusOK, chatPage{Frame: true, Dialogue: newKey()})
		return
	}
	var rec record
	if id := c.cookie(r); id != "" {
		rec = c.load(r.Context(), id)
	}
	c.show(w, r, http.StatusOK, chatPage{Turns: c.views(rec.Turns)})
}

// show draws the page.
func (c *chat) show(w http.ResponseWriter, r *http.Request, status int, p chatPage) {
	l := layout{Here: "hoi", Class: "chat"}
	if p.Frame {
		framable(w, c.ancestors)
		l.Frame, l.Class = true, "chat frame"
	}
	p.Key, p.Examples = newKey(), examples
	l.Page = p
	c.draw(w, r, status, "chat", l)
}

// asked is a form of the chat page.
type asked struct {
	message webhook.Message
	said    string // shown as what the person said
	frame   bool
}

var (
	errEmpty = errors.New("nothing was asked")
	errLarge = errors.New("the form is too large")
)

// read takes a form. The person of the web is the dialogue: nothing else is known.
func (c *chat) read(w http.ResponseWriter, r *http.Request) (asked, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var large *http.MaxBytesError
	if err := r.ParseForm(); errors.As(err, &large) {
		return asked{frame: r.URL.Query().Get("khung") == "1"}, errLarge
	} else if err != nil {
		return asked{}, errEmpty
	}
	a := asked{frame: r.PostForm.Get("khung") == "1"}
	m := webhook.Message{Channel: Channel, Key: r.PostForm.Get("khoa"), Kind: webhook.Text, Sent: c.now()}
	if !keyForm.MatchString(m.Key) {
		m.Key = newKey()
	}
	if a.frame {
		m.Dialogue = r.PostForm.Get("h")
	} else {
		m.Dialogue = c.cookie(r)
	}
	if !keyForm.MatchString(m.Dialogue) {
		m.Dialogue = newKey()
	}
	m.Person = m.Dialogue
	text := clean(r.PostForm.Get("q"))
	action := r.PostForm.Get("action")
	switch {
	case action != "" && len(action) <= maxAction:
		m.Kind, m.Action = webhook.Button, action
	case commands[r.PostForm.Get("lenh")] != "":
		m.Command = r.PostForm.Get("lenh")
		a.said = commands[m.Command]
	case text == "":
		return a, errEmpty
	default:
		a.said, m.Text = text, text // the responder reads commands in it
	}
	a.message = m
	return a, nil
}

// commands that the page has buttons for, in words.
var commands = map[string]string{"moi": "Bắt đầu câu chuyện mới", "canbo": "Gặp cán bộ", "xoa": "Xóa dữ liệu của tôi", "help": "Hướng dẫn"}

// clean is a text of a form without personal data: one line, NFC, not too long.
func clean(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(cut(s, maxAsked), ""))
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s, _ = privacy.Mask(strings.TrimSpace(s))
	return s
}

// ask answers a form with the page.
func (c *chat) ask(w http.ResponseWriter, r *http.Request) {
	a, err := c.read(w, r)
	switch {
	case errors.Is(err, errLarge):
		c.refuse(w, r, a, http.StatusRequestEntityTooLarge, "Câu hỏi dài quá. Bạn viết ngắn lại giúp tôi.")
		return
	case err != nil:
		c.refuse(w, r, a, http.StatusBadRequest, "Bạn chưa viết câu hỏi.")
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(respondIn + pieceIn)) // not every writer has one
	_, rec := c.respond(r.Context(), a, nil)
	p := chatPage{Turns: c.views(rec.Turns), Frame: a.frame}
	if a.frame {
		p.Dialogue = a.message.Dialogue
	} else {
		c.setCookie(w, r, a.message.Dialogue)
	}
	c.show(w, r, http.StatusOK, p)
}

// refuse shows the page again with the reason.
func (c *chat) refuse(w http.ResponseWriter, r *http.Request, a asked, status int, why string) {
	p := chatPage{Problem: why, Typed: a.said, Frame: a.frame}
	if a.frame {
		if p.Dialogue = r.PostForm.Get("h"); !keyForm.MatchString(p.Dialogue) {
			p.Dialogue = newKey()
		}
	} else if id := c.cookie(r); id != "" {
		p.Turns = c.views(c.load(r.Context(), id).Turns)
	}
	c.show(w, r, status, p)
}

// tooMany tells who asks too often.
func (c *chat) tooMany(w http.ResponseWriter, r *http.Request) {
	a, _ := c.read(w, r)
	c.refuse(w, r, a, http.StatusTooManyRequests, "Nhiều câu hỏi quá trong một lúc. Bạn chờ một phút rồi hỏi tiếp nhé.")
}

// respond answers one message and keeps what came of it. Messages of a dialogue are
// answered one after the other; one that was answered before is not asked again.
func (c *chat) respond(ctx context.Context, a asked, release func(string)) (turn, record) {
	// Who reloads the page finds the answer there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), respondIn)
	defer cancel()
	m := a.message
	defer c.turns.take(m.Dialogue)()
	rec := c.load(ctx, m.Dialogue)
	if m.Action != "" {
		a.said = label(rec.Turns, m.Action)
	}
	for _, t := range rec.Turns {
		if t.Key == m.Key && t.Said == a.said {
			return t, rec
		}
	}
	answer := c.responder.Respond(ctx, m, rec.State, release)
	t := turn{Key: m.Key, Said: a.said, Replies: answer.Replies, Cited: citedIn(answer.Outcome)}
	rec.State = answer.State
	if answer.Erase || m.Command == "moi" {
		rec.Turns = nil
	}
	shown := rec
	rec.Turns = append(rec.Turns, t)
	rec.Turns = rec.Turns[max(0, len(rec.Turns)-maxKept):]
	body, err := json.Marshal(rec)
	if answer.Erase {
		body = nil
	}
	if err == nil {
		err = c.dialogues.Save(ctx, m, body, answer)
	}
	if err != nil {
		c.log.Error("dialogue of the page not kept", "err", err)
		t.Failed = answer.Feedback != nil || answer.Ticket != nil || answer.Erase
	}
	shown.Turns = append(shown.Turns, t)
	return t, shown
}

// load reads the record of a dialogue; one that cannot be read is begun anew.
func (c *chat) load(ctx context.Context, dialogue string) record {
	var rec record
	body, err := c.dialogues.Load(ctx, dialogue)
	if err == nil && body != nil {
		err = json.Unmarshal(body, &rec)
	}
	if err != nil {
		c.log.Error("dialogue of the page not read", "err", err)
		return record{}
	}
	return rec
}

// citedIn reads the sources of an outcome.
func citedIn(o *webhook.Outcome) []cited {
	if o == nil {
		return nil
	}
	var outcome struct {
		Citations []cited `json:"citations"`
	}
	if err := json.Unmarshal(o.Body, &outcome); err != nil {
		return nil // the reply's own addresses do
	}
	return outcome.Citations
}

// cookie is the dialogue of the browser, empty when it has none.
func (c *chat) cookie(r *http.Request) string {
	name := cookieName
	if c.guard.https(r) {
		name = securedName
	}
	cookie, err := r.Cookie(name)
	if err != nil || !keyForm.MatchString(cookie.Value) {
		return ""
	}
	return cookie.Value
}

func (c *chat) setCookie(w http.ResponseWriter, r *http.Request, dialogue string) {
	cookie := http.Cookie{Name: cookieName, Value: dialogue, Path: "/", MaxAge: int(cookieFor / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if c.guard.https(r) {
		cookie.Name, cookie.Secure = securedName, true
	}
	http.SetCookie(w, &cookie)
}

// stream answers a form as server-sent events:
//
//	delta  {"text"}  a piece of the answer, see pipeline.Release
//	turn   {"html"}  the turn as the page shows it, in place of the pieces
//
// A comment comes every few seconds while nothing else does.
func (c *chat) stream(w http.ResponseWriter, r *http.Request) {
	a, err := c.read(w, r)
	switch {
	case errors.Is(err, errLarge):
		problem(w, http.StatusRequestEntityTooLarge, "a form has at most 16 KiB")
		return
	case err != nil:
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	if !a.frame {
		c.setCookie(w, r, a.message.Dialogue)
	}
	out := newEvents(w)
	pieces := make(chan string, 16)
	done := make(chan turn, 1)
	go func() {
		t, _ := c.respond(r.Context(), a, func(text string) { pieces <- text })
		close(pieces)
		done <- t
	}()
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for writing := true; writing; {
		select {
		case text, more := <-pieces:
			if writing = more; more {
				out.send("delta", map[string]string{"text": text})
			}
		case <-ticker.C:
			out.comment()
		}
	}
	var b strings.Builder
	if err := c.look.pages["chat"].ExecuteTemplate(&b, "turn", c.view(<-done)); err != nil {
		c.log.Error("turn not drawn", "err", err)
		return
	}
	out.send("turn", map[string]string{"html": b.String()})
}

// tooManyInStream is tooMany for the script, which has the words.
func (c *chat) tooManyInStream(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusTooManyRequests, "too many questions from this address")
}

// events writes server-sent events. After a write failed, nobody listens any more
// and nothing more is written.
type events struct {
	w    http.ResponseWriter
	ctl  *http.ResponseController
	gone bool
}

func newEvents(w http.ResponseWriter) *events {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // nginx would hold the pieces back
	e := &events{w: w, ctl: http.NewResponseController(w)}
	e.write(":\n\n")
	return e
}

func (e *events) send(event string, data any) {
	body, err := json.Marshal(data) // escapes line ends, which would end the event
	if err != nil {
		return // strings only
	}
	e.write(fmt.Sprintf("event: %s\ndata: %s\n\n", event, body))
}

func (e *events) comment() { e.write(":\n\n") }

func (e *events) write(s string) {
	if e.gone {
		return
	}
	_ = e.ctl.SetWriteDeadline(time.Now().Add(pieceIn)) // not every writer has one
	_, err := e.w.Write([]byte(s))
	if err == nil {
		err = e.ctl.Flush()
	}
	e.gone = err != nil
}
