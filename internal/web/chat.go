package web

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
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
	programs  *api // whose limit of open streams holds here too
	responder webhook.Responder
	dialogues Dialogues
	ancestors []string
	turns     *turns
}

func newChat(s *server, programs *api, opts Options) *chat {
	c := &chat{server: s, programs: programs, responder: opts.Responder, dialogues: opts.Dialogues, ancestors: opts.FrameAncestors, turns: new(turns)}
	if c.dialogues == nil {
		c.dialogues = NewMemory(opts.Now)
	}
	return c
}

// Limits of the chat page.
const (
	maxForm     = 16 << 10           // bytes of a form
	maxAsked    = 2000               // bytes of a question: longer ones are cut
	maxKept     = 20                 // turns of a dialogue that are kept and shown
	maxAction   = 64                 // bytes, as in webhook.Choice
	shownFor    = 12 * time.Hour     // what was said is shown, since a telephone may be shared
	waitsFor    = 7 * 24 * time.Hour // the same for who waits for an officer, who may be away for some days
	respondIn   = 25 * time.Second   // an answer is finished and kept even when nobody waits any more
	cookieName  = "troly"
	securedName = "__Host-troly" // what browsers take over https only

	// framedName is the cookie of the chat in a frame of another site. It is partitioned:
	// the browser keeps one for each site around it, and none follows anybody from site to
	// site. Browsers take it over https only; those that take none at all have the
	// dialogue in the forms of the page, as long as that is open.
	framedName = "__Host-troly-khung"
)

// FoundFor is how long after the last word a browser finds its dialogue again: much
// longer than what was said is shown, so that who asked reads a correction that comes
// later. Nothing that is said to somebody after that is read.
const FoundFor = foundDays * 24 * time.Hour

const foundDays = 14

// record is what the page keeps of a dialogue.
type record struct {
	Turns  []turn    `json:"turns"`            // oldest first
	Handed bool      `json:"handed,omitempty"` // a human was asked for: what they say is looked for
	Last   time.Time `json:"last,omitzero"`    // when the last turn was added
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

// newKey names a dialogue or a form: 128 random bits.
func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

var keyForm = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)

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

// said is a form of the chat page.
type said struct {
	message webhook.Message
	said    string // shown as what the person said
	frame   bool
}

var (
	errEmpty = errors.New("nothing was asked")
	errLarge = errors.New("the form is too large")
)

// read takes a form. The person of the web is the dialogue: nothing else is known.
func (c *chat) read(w http.ResponseWriter, r *http.Request) (said, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var large *http.MaxBytesError
	if err := r.ParseForm(); errors.As(err, &large) {
		return said{frame: r.URL.Query().Get("khung") == "1"}, errLarge
	} else if err != nil {
		return said{}, errEmpty
	}
	a := said{frame: r.PostForm.Get("khung") == "1"}
	m := webhook.Message{Channel: Channel, Key: r.PostForm.Get("khoa"), Kind: webhook.Text, Sent: c.now()}
	if !keyForm.MatchString(m.Key) {
		m.Key = newKey()
	}
	if a.frame {
		m.Dialogue = r.PostForm.Get("h")
	} else {
		m.Dialogue = c.cookie(r, false)
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

// clean is a text of a form without personal data: one line, NFC, not too long. It is
// masked before it is cut, since half a number would not be known for one.
func clean(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, ""))
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s, _ = privacy.Mask(s)
	return strings.TrimSpace(clip(strings.TrimSpace(s), maxAsked))
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
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(respondIn + writeIn)) // not every writer has one
	_, rec := c.respond(r.Context(), a, nil)
	if fresh, now := c.news(r.Context(), a.message.Dialogue); fresh != nil {
		rec = now
	}
	p := chatPage{Turns: c.views(rec.Turns), Handed: rec.Handed, Frame: a.frame}
	if a.frame {
		p.Dialogue = a.message.Dialogue
	}
	c.setCookie(w, r, a.message.Dialogue, a.frame)
	c.show(w, r, http.StatusOK, p)
}

// refuse shows the page again with the reason.
func (c *chat) refuse(w http.ResponseWriter, r *http.Request, a said, status int, why string) {
	p := chatPage{Problem: why, Typed: a.said, Frame: a.frame}
	id := c.cookie(r, a.frame)
	if a.frame {
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

// tooMany tells who asks too often.
func (c *chat) tooMany(w http.ResponseWriter, r *http.Request) {
	a, _ := c.read(w, r)
	c.refuse(w, r, a, http.StatusTooManyRequests, "Nhiều câu hỏi quá trong một lúc. Bạn chờ một phút rồi hỏi tiếp nhé.")
}

// respond answers one message and keeps what came of it. Messages of a dialogue are
// answered one after the other here; one that was answered before is not asked again.
func (c *chat) respond(ctx context.Context, a said, release func(string)) (turn, record) {
	// Who reloads the page finds the answer there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), respondIn)
	defer cancel()
	m := a.message
	defer c.turns.take(m.Dialogue)()
	d, rec, unread := c.load(ctx, m.Dialogue)
	m.Held = d.Held
	if m.Action != "" {
		a.said = label(rec.Turns, m.Action)
	}
	if t, ok := rec.answered(m.Key, a.said); ok {
		return t, rec
	}
	answer := c.responder.Respond(ctx, m, d.State, release)
	t := turn{Key: m.Key, Said: a.said, Replies: answer.Replies, Cited: citedIn(answer.Outcome)}
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

// answered finds the turn of a form that was sent before.
func (r *record) answered(key, said string) (turn, bool) {
	for _, t := range r.Turns {
		if t.Key == key && t.Said == said {
			return t, true
		}
	}
	return turn{}, false
}

// add appends a turn; the oldest goes when there are too many.
func (r *record) add(t turn, now time.Time) {
	r.Turns = append(r.Turns, t)
	r.Turns = r.Turns[max(0, len(r.Turns)-maxKept):]
	r.Last = now
}

// over reports whether a dialogue is shown no more.
func (r *record) over(now time.Time) bool {
	life := shownFor
	if r.Handed {
		life = waitsFor
	}
	return !r.Last.IsZero() && now.Sub(r.Last) > life
}

// encode is a record as it is kept.
func (r *record) encode() []byte {
	page, _ := json.Marshal(r) // plain data
	return page
}

// record reads a page that was kept; one that is shown no more, or is damaged, which is
// logged, is begun anew.
func (c *chat) record(page []byte) (rec record) {
	if page == nil {
		return rec
	}
	if err := json.Unmarshal(page, &rec); err != nil {
		c.log.Error("dialogue of the page is damaged", "err", err)
		return record{}
	}
	if rec.over(c.now()) {
		return record{}
	}
	return rec
}

// load reads a dialogue; where nothing is shown of it, the responder remembers nothing
// either: somebody else may have the telephone now. When it cannot be read, which is
// logged, nothing may be written over it.
func (c *chat) load(ctx context.Context, dialogue string) (d Dialogue, rec record, err error) {
	if d, err = c.dialogues.Load(ctx, dialogue); err != nil {
		c.log.Error("dialogue of the page not read", "err", err)
		return Dialogue{}, record{}, err
	}
	if rec = c.record(d.Page); len(rec.Turns) == 0 {
		d.State = nil
	}
	return d, rec, nil
}

// news reads a dialogue and takes in what others said in it since.
func (c *chat) news(ctx context.Context, dialogue string) (fresh []turn, rec record) {
	err := c.dialogues.Take(ctx, dialogue, func(page []byte, said []webhook.Reply) []byte {
		rec = c.record(page)
		t := turn{Key: newKey(), Replies: said}
		rec.add(t, c.now())
		fresh = []turn{t}
		return rec.encode()
	})
	if err != nil {
		c.log.Error("what others said was not read", "err", err)
	}
	if err != nil || fresh == nil {
		_, rec, _ = c.load(ctx, dialogue)
		return nil, rec
	}
	return fresh, rec
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

// cookie is the dialogue of the browser, or of the frame in it, empty when it has none.
func (c *chat) cookie(r *http.Request, frame bool) string {
	name := cookieName
	switch {
	case frame:
		name = framedName
	case c.guard.https(r):
		name = securedName
	}
	cookie, err := r.Cookie(name)
	if err != nil || !keyForm.MatchString(cookie.Value) {
		return ""
	}
	return cookie.Value
}

// setCookie lets the browser find a dialogue again. In a frame over http it cannot.
func (c *chat) setCookie(w http.ResponseWriter, r *http.Request, dialogue string, frame bool) {
	cookie := http.Cookie{Name: cookieName, Value: dialogue, Path: "/", MaxAge: int(FoundFor / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	switch https := c.guard.https(r); {
	case frame && !https:
		return
	case frame:
		cookie.Name, cookie.Secure, cookie.SameSite, cookie.Partitioned = framedName, true, http.SameSiteNoneMode, true
	case https:
		cookie.Name, cookie.Secure = securedName, true
	}
	http.SetCookie(w, &cookie)
}

// stream answers a form as server-sent events:
//
//	delta  {"text"}             a piece of the answer, see pipeline.Release
//	turn   {"html", "handed"}   the turn as the page shows it, in place of the pieces, and
//	                            what others said meanwhile; whether a human may answer later
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
	c.setCookie(w, r, a.message.Dialogue, a.frame)
	// The answer is finished and kept even when nobody reads any more.
	out, _, done := c.programs.answering(w, r, problem)
	if out == nil {
		return
	}
	defer done()
	t, rec := c.respond(r.Context(), a, func(text string) { out.send("delta", piece{text}) })
	fresh, _ := c.news(r.Context(), a.message.Dialogue)
	var b strings.Builder
	c.drawTurns(&b, append([]turn{t}, fresh...))
	out.send("turn", map[string]any{"html": b.String(), "handed": rec.Handed})
}

// tooManyInStream is tooMany for the script, which has the words.
func (c *chat) tooManyInStream(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusTooManyRequests, "too many requests from this address")
}
