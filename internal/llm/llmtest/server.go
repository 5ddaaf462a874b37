package llmtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server speaks the OpenAI API over HTTP: chat completions as a stream or whole,
// embeddings, transcription, moderation. Its fields say how it behaves; change them
// with Do while it is in use.
type Server struct {
	URL string // base address, /v1 included

	Chat       func(c Call) Reply // what it answers; nil: "Xin chào."
	Rejects    []string           // fields of a chat request or of embeddings that it answers with 400
	Formats    []string           // types of response_format it knows; nil: all
	Key        string             // it wants; empty: any or none
	Dimensions int                // of its vectors; 0: 64
	MaxInputs  int                // texts in one request for embeddings; 0: 2048
	Embeddings Reply              // Status, RetryAfter, Raw and First of embeddings
	Backwards  bool               // vectors come in reverse order, with their indices
	Speech     string             // what it hears in any recording
	Flags      string             // text that moderation flags
	Moderation Reply              // Status, RetryAfter, Raw and First of moderation

	mu    sync.Mutex
	calls []Call
}

// Call is one request it got.
type Call struct {
	Path string
	Body map[string]any // of JSON, or the form's fields
	N    int            // how many came before it on the same path
}

// Prompt is the text of the messages of a chat call.
func (c Call) Prompt() string {
	var b strings.Builder
	messages, _ := c.Body["messages"].([]any)
	for _, m := range messages {
		if m, ok := m.(map[string]any); ok {
			fmt.Fprintln(&b, m["content"])
		}
	}
	return b.String()
}

// Reply is how it answers one chat request.
type Reply struct {
	Text       string
	Status     int    // an error's; 0: 200
	Message    string // of the error
	RetryAfter string // header
	Raw        string // the whole body instead of anything, with status 200 unless Status is set
	Finish     string // finish_reason; empty: stop
	Refusal    string
	Thinking   string        // reasoning_content before the text
	First      time.Duration // before anything
	Every      time.Duration // before each piece
	Size       int           // runes in a piece; 0: 12
	Cut        int           // pieces after which the connection breaks; 0: it does not
	Ends       int           // pieces after which the stream just ends, without finish_reason and [DONE]
}

// NewServer starts one that ends with the test.
func NewServer(t testing.TB) *Server {
	s := &Server{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.json(s.chat))
	mux.HandleFunc("POST /v1/embeddings", s.json(s.embeddings))
	mux.HandleFunc("POST /v1/audio/transcriptions", s.transcription)
	mux.HandleFunc("POST /v1/moderations", s.json(s.moderation))
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.URL = server.URL + "/v1"
	return s
}

// Do changes the server between requests.
func (s *Server) Do(change func(*Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// Calls returns what it was asked so far at a path, such as "/v1/embeddings".
func (s *Server) Calls(path string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(c Call) bool { return c.Path != path })
}

// settings is a copy of the fields at this moment.
func (s *Server) settings() *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Server{Chat: s.Chat, Rejects: s.Rejects, Formats: s.Formats, Key: s.Key, Dimensions: s.Dimensions, MaxInputs: s.MaxInputs, Embeddings: s.Embeddings, Backwards: s.Backwards, Speech: s.Speech, Flags: s.Flags, Moderation: s.Moderation}
}

func (s *Server) note(path string, body map[string]any) Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Call{Path: path, Body: body}
	for _, before := range s.calls {
		if before.Path == path {
			c.N++
		}
	}
	s.calls = append(s.calls, c)
	return c
}

// json reads a request and refuses what every server refuses.
func (s *Server) json(next func(http.ResponseWriter, *http.Request, Call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			fail(w, http.StatusBadRequest, "not JSON: "+err.Error())
			return
		}
		call, now := s.note(r.URL.Path, body), s.settings()
		if now.Key != "" && r.Header.Get("Authorization") != "Bearer "+now.Key {
			fail(w, http.StatusUnauthorized, "Incorrect API key provided")
			return
		}
		for _, field := range now.Rejects {
			if _, sent := body[field]; sent {
				fail(w, http.StatusBadRequest, fmt.Sprintf("Unsupported parameter: '%s' is not supported with this model.", field))
				return
			}
		}
		next(w, r, call)
	}
}

// fail answers with an error in the API's form.
func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": "error", "code": nil}})
}

// failed sends the error or raw body of a reply, if it is one.
func (r Reply) failed(w http.ResponseWriter) bool {
	if r.RetryAfter != "" {
		w.Header().Set("Retry-After", r.RetryAfter)
	}
	switch {
	case r.Raw != "":
		if r.Status != 0 {
			w.WriteHeader(r.Status)
		}
		fmt.Fprint(w, r.Raw)
	case r.Status != 0:
		fail(w, r.Status, r.Message)
	default:
		return false
	}
	return true
}
