package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/web"
)

func openDatabase(t *testing.T) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "troly.db"), database.Options{Log: discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// What was answered, however it was asked for, is kept under the name it is told by.
func TestOutcomesAreKept(t *testing.T) {
	db := openDatabase(t)
	handler := web.New(web.Options{Assistant: writer{answer: "Tám nghìn [1]"}, Log: discard(), Keeper: db})
	const chat = `{"model":"troly","messages":[{"role":"user","content":"lệ phí"}]`
	for _, tt := range []struct{ name, path, body, accept, channel string }{
		{"ask", "/api/v1/ask", `{"question":"lệ phí"}`, "", "api"},
		{"ask as a stream", "/api/v1/ask", `{"question":"lệ phí"}`, "text/event-stream", "api"},
		{"chat", completions, chat + `}`, "", "openai"},
		{"chat as a stream", completions, chat + `,"stream":true}`, "", "openai"},
	} {
		w := post(handler, tt.path, tt.body, "Accept", tt.accept)
		data := w.Body.String()
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
			list := events(t, bufio.NewScanner(w.Body))
			data = list[len(list)-1].data
			if data == "[DONE]" {
				data = list[len(list)-2].data
			}
		}
		var got struct{ ID, Outcome string }
		if err := json.Unmarshal([]byte(data), &got); err != nil {
			t.Fatalf("%s = %s: %v", tt.name, data, err)
		}
		id := got.Outcome
		if tt.channel == "api" {
			id = got.ID
		}
		kept, err := db.OutcomeByID(t.Context(), id)
		if err != nil || kept.Channel != tt.channel || kept.Status != "answered" || kept.Question != "lệ phí" || kept.Person != "" {
			t.Errorf("%s: outcome %q = %+v, %v", tt.name, id, kept, err)
		}
		var outcome pipeline.Outcome
		if err := json.Unmarshal(kept.Body, &outcome); err != nil || outcome.Answer != "Tám nghìn [1]" {
			t.Errorf("%s: kept %s, %v", tt.name, kept.Body, err)
		}
	}
}

func TestFeedback(t *testing.T) {
	db := openDatabase(t)
	handler := web.New(web.Options{Assistant: writer{answer: "xong"}, Log: discard(), Keeper: db})
	var told struct{ ID string }
	if err := json.Unmarshal(post(handler, "/api/v1/ask", `{"question":"lệ phí"}`).Body.Bytes(), &told); err != nil || told.ID == "" {
		t.Fatalf("the answer has no name: %v", err)
	}
	for _, tt := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"outcome":"` + told.ID + `","good":false,"reason":"sai phí, gọi tôi 0912345678"}`, 204, ""},
		{`{"outcome":"` + told.ID + `"}`, 400, "good is"},
		{`{"good":true}`, 400, "outcome is"},
		{`{"outcome":"` + strings.Repeat("x", 101) + `","good":true}`, 400, "outcome is"},
		{`{"outcome":"x","good":true}`, 404, "no answer"},
		{`{"outcome":"x","good":"yes"}`, 400, "not the JSON"},
		{`{"outcome":"x","good":true,"stars":5}`, 400, "unknown field"},
		{`{"outcome":"x","good":true,"reason":"` + strings.Repeat("ữ", 1001) + `"}`, 400, "1000 characters"},
	} {
		if w := post(handler, "/api/v1/feedback", tt.body); w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("feedback %.80s = %d %s, want %d with %q", tt.body, w.Code, w.Body, tt.status, tt.want)
		}
	}
	list, err := db.FeedbackOn(t.Context(), told.ID)
	if err != nil || len(list) != 1 || list[0].Good || list[0].Reason != "sai phí, gọi tôi [số điện thoại]" {
		t.Errorf("kept %+v, %v, want one judgement without the number", list, err)
	}
}

// A store that does not work keeps nobody from an answer.
type broken struct{}

func (broken) AddOutcome(context.Context, database.Outcome) error {
	return errors.New("disk on fire")
}
func (broken) AddFeedback(context.Context, database.Feedback) error {
	return errors.New("disk on fire")
}
func (broken) KeyByHash(context.Context, []byte) (database.APIKey, error) {
	return database.APIKey{}, errors.New("disk on fire")
}

func TestWithoutStore(t *testing.T) {
	const judgement = `{"outcome":"x","good":true}`
	for name, keeper := range map[string]web.Keeper{"none": nil, "broken": broken{}} {
		handler := web.New(web.Options{Assistant: writer{answer: "xong"}, Log: discard(), Keeper: keeper})
		if w := post(handler, "/api/v1/ask", `{"question":"x"}`); w.Code != 200 || !strings.Contains(w.Body.String(), "xong") || strings.Contains(w.Body.String(), `"id"`) {
			t.Errorf("%s: ask = %d %s, want an answer without a name", name, w.Code, w.Body)
		}
		if w := post(handler, "/api/v1/feedback", judgement); w.Code != 503 || strings.Contains(w.Body.String(), "fire") || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: feedback = %d %s, want 503", name, w.Code, w.Body)
		}
	}
}

// addKey makes a key and returns its secret.
func addKey(t *testing.T, db *database.DB, perMinute int, scopes ...web.Scope) (secret string, id int64) {
	t.Helper()
	secret = web.NewSecret()
	k := database.APIKey{Name: "thử", Hash: web.HashSecret(secret), PerMinute: perMinute}
	for _, s := range scopes {
		k.Scopes = append(k.Scopes, string(s))
	}
	id, err := db.AddKey(t.Context(), database.By{Who: "test"}, k)
	if err != nil {
		t.Fatal(err)
	}
	return secret, id
}

func TestKeys(t *testing.T) {
	db := openDatabase(t)
	all, allID := addKey(t, db, 1000, web.Scopes()...)
	asks, asksID := addKey(t, db, 0, web.ScopeAsk)
	revoked, revokedID := addKey(t, db, 0, web.Scopes()...)
	if err := db.RevokeKey(t.Context(), database.By{Who: "test"}, revokedID); err != nil {
		t.Fatal(err)
	}
	if all == asks || len(all) < 50 || !strings.HasPrefix(all, "troly_") {
		t.Fatalf("secrets %q and %q", all, asks)
	}
	handler := web.New(web.Options{Assistant: writer{answer: "xong"}, Log: discard(), Library: realLibrary(t), Keys: db, Keeper: db})
	const chat = `{"model":"troly","messages":[{"role":"user","content":"x"}]}`
	for _, tt := range []struct {
		name, method, path, body, auth string
		status                         int
	}{
		{"none", "POST", "/api/v1/ask", `{"question":"x"}`, "", 200},
		{"all", "POST", "/api/v1/ask", `{"question":"x"}`, "Bearer " + all, 200},
		{"small letters", "POST", "/api/v1/ask", `{"question":"x"}`, "bearer  " + all, 200},
		{"its scope", "POST", "/api/v1/ask", `{"question":"x"}`, "Bearer " + asks, 200},
		{"not its scope", "GET", "/api/v1/documents", "", "Bearer " + asks, 403},
		{"revoked", "POST", "/api/v1/ask", `{"question":"x"}`, "Bearer " + revoked, 401},
		{"unknown", "POST", "/api/v1/ask", `{"question":"x"}`, "Bearer " + web.NewSecret(), 401},
		{"no key at all", "GET", "/api/v1/search?q=x", "", "Bearer sk-123", 401},
		{"empty", "POST", "/api/v1/ask", `{"question":"x"}`, "Bearer ", 200},
		{"a proxy's own", "POST", "/api/v1/ask", `{"question":"x"}`, "Basic YTpi", 200},
		{"a client that must send one", "POST", completions, chat, "Bearer sk-123", 200},
		{"chat with a key", "POST", completions, chat, "Bearer " + all, 200},
		{"chat not its scope", "POST", completions, chat, "Bearer " + asks, 403},
		{"chat unknown", "POST", completions, chat, "Bearer " + web.NewSecret(), 401},
	} {
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", tt.auth)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tt.status || (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") || w.Code > 400 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %s %s = %d %v %.200s, want %d", tt.name, tt.method, tt.path, w.Code, w.Header(), w.Body, tt.status)
		}
		if tt.status == 200 && tt.path == "/api/v1/ask" {
			var told struct{ ID string }
			_ = json.Unmarshal(w.Body.Bytes(), &told)
			kept, err := db.OutcomeByID(t.Context(), told.ID)
			want := map[string]string{"Bearer " + all: fmt.Sprint("key:", allID), "bearer  " + all: fmt.Sprint("key:", allID), "Bearer " + asks: fmt.Sprint("key:", asksID)}[tt.auth]
			if err != nil || kept.Person != want {
				t.Errorf("%s: kept for %q, %v, want %q", tt.name, kept.Person, err, want)
			}
		}
	}
	for name, store := range map[string]web.KeyStore{"none in use": nil, "broken": broken{}} {
		want := map[string]int{"none in use": 401, "broken": 503}[name]
		w := get(web.New(web.Options{Assistant: fake{}, Log: discard(), Keys: store}), "GET", "/api/v1/search?q=x", "Authorization", "Bearer "+all)
		if w.Code != want || strings.Contains(w.Body.String(), "fire") {
			t.Errorf("keys %s = %d %s, want %d", name, w.Code, w.Body, want)
		}
	}
}

func TestKeyLimit(t *testing.T) {
	now := noon
	db := openDatabase(t)
	secret, _ := addKey(t, db, 6, web.Scopes()...)
	other, _ := addKey(t, db, 0, web.Scopes()...)
	handler := web.New(web.Options{Assistant: fake{}, Log: discard(), Keys: db, Now: func() time.Time { return now }})
	search := func(secret string) *httptest.ResponseRecorder {
		return get(handler, "GET", "/api/v1/search?q=x", "Authorization", "Bearer "+secret)
	}
	for i := range 4 { // half a minute's at once, and one
		if w := search(secret); w.Code != 200 {
			t.Fatalf("request %d = %d", i, w.Code)
		}
	}
	w := search(secret)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "11" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("beyond the limit = %d %v", w.Code, w.Header())
	}
	if w := search(other); w.Code != 200 {
		t.Errorf("another key = %d", w.Code)
	}
	now = now.Add(10 * time.Second)
	if w := search(secret); w.Code != 200 {
		t.Errorf("ten seconds later = %d", w.Code)
	}
	if w := search(secret); w.Code != 429 {
		t.Errorf("and once more = %d", w.Code)
	}
}
