package telegramtest

import (
	"io"
	"maps"
	"net/http"
)

// Fault is how a call is answered instead of properly.
type Fault struct {
	Method string // whose; empty: any
	Chat   int64  // about whom; 0: any
	Times  int    // how often; 0: once, -1: until Clear

	Status  int
	Header  map[string]string
	Body    string
	Refusal *Refusal // an envelope in place of Status and Body

	Hang  bool // no answer until the caller goes away
	Reset bool // the connection breaks
	After bool // what is asked is done all the same: only the answer is lost
}

// Refusal is the envelope of an error.
type Refusal struct {
	Code       int
	Text       string
	Parameters map[string]any
}

type fault struct {
	Fault
	left int
}

// Script adds faults; of those that apply to a call the first is taken.
func (a *API) Script(faults ...Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range faults {
		left := f.Times
		if left == 0 {
			left = 1
		}
		a.faults = append(a.faults, &fault{f, left})
	}
}

// Clear takes all faults away.
func (a *API) Clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = nil
}

// fault takes the one for a call; the lock is held.
func (a *API) fault(c Call) *Fault {
	for _, f := range a.faults {
		if f.left == 0 || f.Method != "" && f.Method != c.Method || f.Chat != 0 && f.Chat != c.Chat() {
			continue
		}
		if f.left > 0 {
			f.left--
		}
		return &f.Fault
	}
	return nil
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, f Fault) {
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-a.ctx.Done():
		}
		panic(http.ErrAbortHandler)
	case f.Reset:
		panic(http.ErrAbortHandler)
	case f.Refusal != nil:
		refuse(w, f.Refusal.Code, f.Refusal.Text, maps.Clone(f.Refusal.Parameters))
		return
	}
	for key, value := range f.Header {
		w.Header().Set(key, value)
	}
	w.WriteHeader(f.Status)
	io.WriteString(w, f.Body) // who asked has gone when this fails
}

// The faults Telegram is known for.

// TooMany asks for patience.
func TooMany(seconds int) Fault {
	return Fault{Refusal: refusal(429, "Too Many Requests: retry after "+itoa(int64(seconds)), map[string]any{"retry_after": seconds})}
}

// Blocked says that the person does not want to be written to.
func Blocked() Fault {
	return Fault{Refusal: refusal(403, "Forbidden: bot was blocked by the user", nil)}
}

// Migrated says that a group has become the supergroup id.
func Migrated(id int64) Fault {
	return Fault{Refusal: refusal(400, "Bad Request: group chat was upgraded to a supergroup chat", map[string]any{"migrate_to_chat_id": id})}
}

// Bad is a 400 with a text of Telegram's.
func Bad(text string) Fault { return Fault{Refusal: refusal(400, "Bad Request: "+text, nil)} }

// Gateway is a page of a server in between.
func Gateway() Fault {
	return Fault{Status: http.StatusBadGateway, Header: map[string]string{"Content-Type": "text/html"}, Body: "<html>Bad Gateway</html>"}
}

func refusal(code int, text string, parameters map[string]any) *Refusal {
	return &Refusal{Code: code, Text: text, Parameters: parameters}
}
