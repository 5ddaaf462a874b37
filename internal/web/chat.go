package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"troly/internal/webhook"
)

// chat is the page that residents ask on. Everything it does works with forms; the
// script only spares loading the page anew and shows answers while they are written.
type chat struct {
	*server
	programs  *api // whose limit of open streams holds here too
	responder webhook.Responder
	dialogues Dialogues
	ancestors []string
	locks     dialogueLocks
}

func newChat(s *server, programs *api, opts Options) *chat {
	c := &chat{server: s, programs: programs, responder: opts.Responder, dialogues: opts.Dialogues, ancestors: opts.FrameAncestors}
	if c.dialogues == nil {
		c.dialogues = newMemory(opts.Now)
	}
	return c
}

// respondIn is how long an answer may take: it is finished and kept even when nobody
// waits any more.
const respondIn = 25 * time.Second

// chatPage is the whole page.
type chatPage struct {
	Turns    []turnView
	Key      string // for the next form
	Handed   bool   // a human may answer while the page is open
	Dialogue string // in a frame, where a cookie may not come: the name of the dialogue
	Frame    bool
	Examples []string
	Problem  string // why the last question was not taken
	Typed    string // which is then kept in the box

	FoundDays int // see FoundFor
}

// examples are questions to begin with.
var examples = []string{"Làm giấy khai sinh cho con cần giấy tờ gì?", "Đăng ký tạm trú hết bao nhiêu tiền?", "Cách nhận biết công an giả gọi điện"}

// page shows the dialogue so far and the box to ask.
func (c *chat) page(w http.ResponseWriter, r *http.Request) {
	p := chatPage{Frame: r.URL.Query().Get("khung") == "1"}
	id := c.cookie(r, p.Frame)
	if id != "" {
		fresh, rec := c.news(r.Context(), id)
		p.Turns, p.Handed = c.views(rec.Turns), rec.Handed
		if fresh != nil {
			c.setCookie(w, r, id, p.Frame)
		}
	}
	if p.Frame {
		if p.Dialogue = id; id == "" {
			p.Dialogue = newKey()
		}
	}
	c.show(w, r, http.StatusOK, p)
}

// show draws the page.
func (c *chat) show(w http.ResponseWriter, r *http.Request, status int, p chatPage) {
	l := layout{Here: "hoi", Class: "chat"}
	if p.Frame {
		framable(w, c.ancestors)
		l.Frame, l.Class = true, "chat frame"
	}
	p.Key, p.Examples, p.FoundDays = newKey(), examples, foundDays
	l.Page = p
	c.draw(w, r, status, "chat", l)
}

// ask answers a form with the page.
func (c *chat) ask(w http.ResponseWriter, r *http.Request) {
	f, err := c.read(w, r)
	switch {
	case errors.Is(err, errLarge):
		c.refuse(w, r, f, http.StatusRequestEntityTooLarge, "Câu hỏi dài quá. Bạn viết ngắn lại giúp tôi.")
		return
	case err != nil:
		c.refuse(w, r, f, http.StatusBadRequest, "Bạn chưa viết câu hỏi.")
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(respondIn + writeIn)) // not every writer has one
	_, rec := c.respond(r.Context(), f, nil)
	if fresh, now := c.news(r.Context(), f.message.Dialogue); fresh != nil {
		rec = now
	}
	p := chatPage{Turns: c.views(rec.Turns), Handed: rec.Handed, Frame: f.frame}
	if f.frame {
		p.Dialogue = f.message.Dialogue
	}
	c.setCookie(w, r, f.message.Dialogue, f.frame)
	c.show(w, r, http.StatusOK, p)
}

// refuse shows the page again with the reason.
func (c *chat) refuse(w http.ResponseWriter, r *http.Request, f chatForm, status int, why string) {
	p := chatPage{Problem: why, Typed: f.said, Frame: f.frame}
	id := c.cookie(r, f.frame)
	if f.frame {
		if named := r.PostForm.Get("h"); keyForm.MatchString(named) {
			id = named
		}
		if p.Dialogue = id; id == "" {
			p.Dialogue = newKey()
		}
	}
	if id != "" {
		_, rec, _ := c.load(r.Context(), id)
		p.Turns, p.Handed = c.views(rec.Turns), rec.Handed
	}
	c.show(w, r, status, p)
}

// tooMany answers whoever asks too often.
func (c *chat) tooMany(w http.ResponseWriter, r *http.Request) {
	f, _ := c.read(w, r)
	c.refuse(w, r, f, http.StatusTooManyRequests, "Nhiều câu hỏi quá trong một lúc. Bạn chờ một phút rồi hỏi tiếp nhé.")
}

// respond answers one message and keeps what came of it. Messages of a dialogue are
// answered one after the other here; one that was answered before is not asked again.
func (c *chat) respond(ctx context.Context, f chatForm, release func(string)) (turn, record) {
	// Whoever reloads the page finds the answer there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), respondIn)
	defer cancel()
	m := f.message
	defer c.locks.lock(m.Dialogue)()
	d, rec, unread := c.load(ctx, m.Dialogue)
	m.Held = d.Held
	if m.Action != "" {
		f.said = label(rec.Turns, m.Action)
	}
	if t, ok := rec.answered(m.Key, f.said); ok {
		return t, rec
	}
	answer := c.responder.Respond(ctx, m, d.State, release)
	t := turn{Key: m.Key, Said: f.said, Replies: answer.Replies, Cited: citedIn(answer.Outcome)}
	next := func(rec record) record {
		if answer.Erase || m.Command == "moi" {
			rec = record{}
		}
		rec.Handed = rec.Handed || answer.Ticket != nil || d.Held != nil && !d.Held.IsZero()
		if _, ok := rec.answered(t.Key, t.Said); !ok { // by another process
			rec.add(t, c.now())
		}
		return rec
	}
	rec = next(rec)
	err := unread
	if unread == nil || answer.Erase {
		err = c.dialogues.Save(ctx, m, answer, func(page []byte) []byte {
			rec = next(c.record(page)) // another process may have written since
			return rec.encode()
		})
	}
	if err != nil {
		c.log.Error("dialogue of the page not kept", "err", err)
		t.Failed = answer.Feedback != nil || answer.Ticket != nil || answer.Erase
		rec.Turns[len(rec.Turns)-1] = t
	}
	return t, rec
}

// letters answers what others said since the page last asked, as {"html"}.
func (c *chat) letters(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	frame := r.PostFormValue("khung") == "1"
	id := c.cookie(r, frame)
	if named := r.PostFormValue("h"); frame && keyForm.MatchString(named) {
		id = named
	}
	var b strings.Builder
	if id != "" {
		fresh, _ := c.news(r.Context(), id)
		if fresh != nil {
			c.setCookie(w, r, id, frame)
		}
		c.drawTurns(&b, fresh)
	}
	reply(w, http.StatusOK, map[string]string{"html": b.String()})
}

// drawTurns draws turns as they stand on the page, which stays where it is.
func (c *chat) drawTurns(to io.Writer, turns []turn) {
	for _, t := range turns {
		if err := c.look.pages["chat"].ExecuteTemplate(to, "turn", c.view(t)); err != nil {
			c.log.Error("turn not drawn", "err", err)
		}
	}
}

// stream answers a form as server-sent events:
//
//	delta  {"text"}             a piece of the answer, see pipeline.Release
//	turn   {"html", "handed"}   the turn as the page shows it, in place of the pieces, and
//	                            what others said meanwhile; whether a human may answer later
//
// A comment comes every few seconds while nothing else does.
func (c *chat) stream(w http.ResponseWriter, r *http.Request) {
	f, err := c.read(w, r)
	switch {
	case errors.Is(err, errLarge):
		problem(w, http.StatusRequestEntityTooLarge, "a form has at most 16 KiB")
		return
	case err != nil:
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	c.setCookie(w, r, f.message.Dialogue, f.frame)
	// The answer is finished and kept even when nobody reads any more.
	out, _, done := c.programs.answering(w, r, problem)
	if out == nil {
		return
	}
	defer done()
	t, rec := c.respond(r.Context(), f, func(text string) { out.send("delta", piece{text}) })
	fresh, _ := c.news(r.Context(), f.message.Dialogue)
	var b strings.Builder
	c.drawTurns(&b, append([]turn{t}, fresh...))
	out.send("turn", map[string]any{"html": b.String(), "handed": rec.Handed})
}

// tooManyInStream is tooMany for the script, which has the words.
func (c *chat) tooManyInStream(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusTooManyRequests, "too many requests from this address")
}
