package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// writeIn is how long one event may take to leave: a reader that takes nothing for so
// long is gone. It replaces the server's deadline for a whole reply, which a stream
// outlives.
const writeIn = 10 * time.Second

// eventStream writes server-sent events, each at once, and a comment whenever it has
// been silent for a while, so that what stands between keeps the connection. Any
// number of goroutines may send. Close it before the handler returns.
type eventStream struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	control *http.ResponseController
	silence time.Duration
	ping    *time.Timer
	broken  func() // called when the reader is gone
	ended   bool   // closed, or the reader is gone: nothing is written any more
	buf     bytes.Buffer
	enc     *json.Encoder // into buf
}

// answering takes a place for an open stream and opens it. ctx ends when nobody reads
// any more. Call done before the handler returns. Without a free place it says so with
// full and returns a nil stream.
func (a *api) answering(w http.ResponseWriter, r *http.Request, full func(w http.ResponseWriter, status int, detail string)) (s *eventStream, ctx context.Context, done func()) {
	select {
	case a.streams <- struct{}{}:
	default:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		full(w, http.StatusServiceUnavailable, "too many answers are being written at this moment; try again in a few seconds")
		return nil, nil, nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	s = openStream(w, a.silence, cancel)
	return s, ctx, func() {
		s.close()
		cancel()
		<-a.streams
	}
}

const retryAfter = 5 // seconds: most answers are written by then

// openStream sends the head of a stream.
func openStream(w http.ResponseWriter, silence time.Duration, broken func()) *eventStream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // a proxy that collects before it passes on would undo the stream
	s := &eventStream{w: w, control: http.NewResponseController(w), silence: silence, broken: broken}
	s.enc = json.NewEncoder(&s.buf)
	s.enc.SetEscapeHTML(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	w.WriteHeader(http.StatusOK)
	s.flush()
	s.ping = time.AfterFunc(silence, s.alive)
	return s
}

// send writes one event; an empty name leaves the name out. What cannot be encoded is
// a mistake in this program and ends the stream.
func (s *eventStream) send(event string, v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Reset()
	if event != "" {
		s.buf.WriteString("event: " + event + "\n")
	}
	s.buf.WriteString("data: ")
	if err := s.enc.Encode(v); err != nil { // one line: JSON escapes line breaks
		s.end()
		return
	}
	s.buf.WriteByte('\n')
	s.flush()
}

// line writes one event whose data is no JSON.
func (s *eventStream) line(data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Reset()
	s.buf.WriteString("data: " + data + "\n\n")
	s.flush()
}

// alive is called when nothing was sent for a while.
func (s *eventStream) alive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Reset()
	s.buf.WriteString(":\n\n")
	s.flush()
}

// flush sends what is in buf; the lock is held.
func (s *eventStream) flush() {
	if s.ended {
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(writeIn)) // not every writer has one: a test's recorder
	_, err := s.w.Write(s.buf.Bytes())
	if err == nil {
		err = s.control.Flush()
	}
	if err != nil {
		s.end()
		return
	}
	if s.ping != nil {
		s.ping.Reset(s.silence)
	}
}

// end stops all writing because nobody reads; the lock is held.
func (s *eventStream) end() {
	if !s.ended {
		s.ended = true
		s.broken()
	}
}

// close ends the stream; a comment that was about to be written is waited for or dropped.
func (s *eventStream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.ping.Stop()
}
