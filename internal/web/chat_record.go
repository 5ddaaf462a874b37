package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"troly/internal/webhook"
)

// FoundFor is how long after the last word a browser finds its dialogue again: much
// longer than what was said is shown, so that a correction that comes later is read by
// whoever asked. Nothing that is said to somebody after that is read.
const FoundFor = foundDays * 24 * time.Hour

const (
	foundDays = 14
	shownFor  = 12 * time.Hour     // what was said is shown, since a telephone may be shared
	waitsFor  = 7 * 24 * time.Hour // the same while an officer is waited for, who may be away for some days
	maxKept   = 20                 // turns of a dialogue that are kept and shown
)

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

const (
	cookieName  = "troly"
	securedName = "__Host-troly" // what browsers take over https only

	// framedName is the cookie of the chat in a frame of another site. It is partitioned:
	// the browser keeps one for each site around it, and none follows anybody from site to
	// site. Browsers take it over https only; those that take none at all have the
	// dialogue in the forms of the page, as long as that is open.
	framedName = "__Host-troly-khung"
)

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
