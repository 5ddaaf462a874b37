package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"troly/internal/web"
)

type description struct {
	Paths map[string]map[string]struct {
		OperationID string
		Responses   map[string]response
	}
	Components struct {
		Schemas   map[string]any
		Responses map[string]response
	}
}

type response struct {
	Ref     string `json:"$ref"`
	Content map[string]struct{ Schema map[string]any }
}

func describe(t *testing.T, handler http.Handler) description {
	t.Helper()
	w := get(handler, "GET", "/api/v1/openapi.json")
	var d description
	if err := json.Unmarshal(w.Body.Bytes(), &d); w.Code != 200 || err != nil {
		t.Fatalf("description = %d, %v", w.Code, err)
	}
	return d
}

// of resolves the response that is described for a status, or nil.
func (d description) of(method, path string, status int) *response {
	r, ok := d.Paths[path][strings.ToLower(method)].Responses[strconv.Itoa(status)]
	if name, shared := strings.CutPrefix(r.Ref, "#/components/responses/"); ok && shared {
		r, ok = d.Components.Responses[name]
	}
	if !ok {
		return nil
	}
	return &r
}

// validate checks a body against a schema; fields that the schema does not name are
// wrong here, so that each is described.
func (d description) validate(schema map[string]any, data []byte) error {
	root := map[string]any{"$defs": strictly(d.Components.Schemas), "allOf": []any{strictly(schema)}}
	text, err := json.Marshal(root)
	if err != nil {
		return err
	}
	var s jsonschema.Schema
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), "#/components/schemas/", "#/$defs/")), &s); err != nil {
		return err
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	return resolved.Validate(v)
}

// strictly closes every object that lists its properties.
func strictly(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v)+1)
		for name, inner := range v {
			out[name] = strictly(inner)
		}
		if _, lists := v["properties"].(map[string]any); lists && v["additionalProperties"] == nil && v["type"] == "object" {
			out["additionalProperties"] = false
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = strictly(inner)
		}
		return out
	}
	return v
}

func TestDescriptionHasEveryRoute(t *testing.T) {
	d := describe(t, openData(t))
	var described []string
	ids := make(map[string]bool)
	for path, methods := range d.Paths {
		for method, op := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
			if op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s %s: operationId %q is missing or there twice", method, path, op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
	routes := web.Routes(web.Options{Assistant: fake{}, Log: discard()})
	slices.Sort(described)
	slices.Sort(routes)
	if !slices.Equal(described, routes) {
		t.Errorf("described %q, served %q", described, routes)
	}
}

// Every status that is described for a way to call is answered with, and what is
// answered is of the form described.
func TestDescriptionHolds(t *testing.T) {
	_, assistant := real()
	db := openDatabase(t)
	other, _ := addKey(t, db, 0)
	slow, _ := addKey(t, db, 1, web.Scopes()...)
	options := web.Options{
		Assistant: assistant, Log: discard(), Library: realLibrary(t), Keeper: db, Keys: db, AsksPerMinute: 10_000,
	}
	well := web.New(options)
	failing := options
	failing.Assistant, failing.Keeper = fake{errors.New("disk on fire")}, broken{}
	ill := web.New(failing)
	d := describe(t, well)

	var told struct{ ID string }
	if err := json.Unmarshal(post(well, "/api/v1/ask", `{"question":"lệ phí khai sinh"}`).Body.Bytes(), &told); err != nil || told.ID == "" {
		t.Fatalf("no outcome to judge: %v", err)
	}
	const chat = `{"model":"troly","messages":[{"role":"user","content":"lệ phí khai sinh"}]`
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`
	const both = "application/json, text/event-stream"
	big := strings.Repeat(" ", 2<<20) + "{}"
	tag := get(well, "GET", "/api/v1/documents/khai-sinh").Header().Get("ETag")
	listTag := get(well, "GET", "/api/v1/documents").Header().Get("ETag")
	ownTag := get(well, "GET", "/api/v1/openapi.json").Header().Get("ETag")
	type try struct {
		handler              http.Handler
		method, path, at     string // the path as described, and as asked for
		body, accept, header string // "Name: value"
		status               int
	}
	tries := []try{
		{well, "POST", "/api/v1/ask", "", `{"question":"lệ phí khai sinh"}`, "", "", 200},
		{well, "POST", "/api/v1/ask", "", `{"question":"xa dai lich nay thuoc dau"}`, "", "", 200},
		{well, "POST", "/api/v1/ask", "", `{"question":"sang tên"}`, "", "", 200},
		{well, "POST", "/api/v1/ask", "", `{"question":"chào bạn"}`, "", "", 200},
		{well, "POST", "/api/v1/ask", "", `{"question":"giá vàng hôm nay","audience":"official","as_of":"2026-11-27","history":[{"question":"a","answer":"b"}]}`, "", "", 200},
		{well, "POST", "/api/v1/ask", "", `{"question":"lệ phí khai sinh"}`, "text/event-stream", "", 200},
		{well, "POST", "/api/v1/ask", "", `{}`, "", "", 400},
		{well, "POST", "/api/v1/ask", "", `{}`, "", "Content-Type: text/plain", 415},
		{well, "POST", "/api/v1/ask", "", big, "", "", 413},
		{full(t, options), "POST", "/api/v1/ask", "", `{"question":"x"}`, "text/event-stream", "", 503},

		{well, "GET", "/api/v1/search", "/api/v1/search?q=khai+sinh&top=100", "", "", "", 200},
		{well, "GET", "/api/v1/search", "", "", "", "", 400},
		{ill, "GET", "/api/v1/search", "/api/v1/search?q=x", "", "", "", 503},

		{well, "GET", "/api/v1/documents", "/api/v1/documents?limit=200", "", "", "", 200},
		{well, "GET", "/api/v1/documents", "/api/v1/documents?limit=1", "", "", "", 200},
		{well, "GET", "/api/v1/documents", "", "", "", "If-None-Match: " + listTag, 304},
		{well, "GET", "/api/v1/documents", "/api/v1/documents?kind=x", "", "", "", 400},

		{well, "GET", "/api/v1/documents/{id}", "/api/v1/documents/khai-sinh", "", "", "If-None-Match: " + tag, 304},
		{well, "GET", "/api/v1/documents/{id}", "/api/v1/documents/khai-sinh?as_of=x", "", "", "", 400},
		{well, "GET", "/api/v1/documents/{id}", "/api/v1/documents/x", "", "", "", 404},

		{well, "GET", "/api/v1/openapi.json", "", "", "", "", 200},
		{well, "GET", "/api/v1/openapi.json", "", "", "", "If-None-Match: " + ownTag, 304},

		{well, "POST", "/api/v1/feedback", "", `{"outcome":"` + told.ID + `","good":true}`, "", "", 204},
		{well, "POST", "/api/v1/feedback", "", `{}`, "", "", 400},
		{well, "POST", "/api/v1/feedback", "", `{"outcome":"x","good":true}`, "", "", 404},
		{well, "POST", "/api/v1/feedback", "", big, "", "", 413},
		{well, "POST", "/api/v1/feedback", "", `{}`, "", "Content-Type: text/plain", 415},
		{ill, "POST", "/api/v1/feedback", "", `{"outcome":"x","good":true}`, "", "", 503},

		{well, "GET", "/v1/models", "", "", "", "", 200},
		{well, "POST", completions, "", chat + `}`, "", "", 200},
		{well, "POST", completions, "", chat + `,"stream":true}`, "", "", 200},
		{well, "POST", completions, "", `{"model":"troly"}`, "", "", 400},
		{well, "POST", completions, "", `{"model":"x","messages":[]}`, "", "", 404},
		{well, "POST", completions, "", big, "", "", 413},
		{well, "POST", completions, "", chat + `}`, "", "Content-Type: text/plain", 415},
		{ill, "POST", completions, "", chat + `}`, "", "", 503},

		{well, "POST", "/mcp", "", call, both, "", 200},
		{well, "POST", "/mcp", "", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, both, "", 202},
		{well, "POST", "/mcp", "", `{`, both, "", 400},
		{well, "POST", "/mcp", "", big, both, "", 413},
	}
	for _, doc := range realLibrary(t).Documents {
		tries = append(tries, try{well, "GET", "/api/v1/documents/{id}", "/api/v1/documents/" + doc.ID, "", "", "", 200})
	}
	for path, methods := range d.Paths { // what keys may be refused for, everywhere
		for method := range methods {
			if path == "/api/v1/openapi.json" {
				continue
			}
			at := strings.Replace(path, "{id}", "khai-sinh", 1)
			for secret, status := range map[string]int{web.NewSecret(): 401, other: 403} {
				tries = append(tries, try{well, strings.ToUpper(method), path, at, "{}", both, "Authorization: Bearer " + secret, status})
			}
			for range 3 { // the first may pass
				tries = append(tries, try{well, strings.ToUpper(method), path, at, "{}", both, "Authorization: Bearer " + slow, 429})
			}
		}
	}
	get(well, "GET", "/v1/models", "Authorization", "Bearer "+slow)

	seen := make(map[string]bool)
	for _, tt := range tries {
		at := tt.at
		if at == "" {
			at = tt.path
		}
		header := []string{"Content-Type", "application/json", "Accept", tt.accept}
		if name, value, ok := strings.Cut(tt.header, ": "); ok {
			header = append(header, name, value)
		}
		w := send(tt.handler, tt.method, at, tt.body, header...)
		name := fmt.Sprintf("%s %s %.60s %.40s", tt.method, at, tt.body, tt.header)
		if w.Code != tt.status {
			t.Errorf("%s = %d %.300s, want %d", name, w.Code, w.Body, tt.status)
			continue
		}
		seen[fmt.Sprint(tt.method, " ", tt.path, " ", w.Code)] = true
		r := d.of(tt.method, tt.path, w.Code)
		if r == nil {
			t.Errorf("%s = %d: not described", name, w.Code)
			continue
		}
		media, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
		content, ok := r.Content[media]
		if !ok && (len(r.Content) > 0 || w.Body.Len() > 0) {
			t.Errorf("%s = %d with %q, described are %q", name, w.Code, media, slices.Collect(maps.Keys(r.Content)))
			continue
		}
		if strings.HasSuffix(media, "json") && w.Body.Len() > 0 {
			if err := d.validate(content.Schema, w.Body.Bytes()); err != nil {
				t.Errorf("%s = %d %.400s: %v", name, w.Code, w.Body, err)
			}
		}
	}
	for path, methods := range d.Paths {
		for method, op := range methods {
			for status := range op.Responses {
				if name := strings.ToUpper(method) + " " + path + " " + status; !seen[name] {
					t.Errorf("%s is described and was never answered", name)
				}
			}
		}
	}
}

// full is a server whose only place for a stream is taken.
func full(t *testing.T, opts web.Options) http.Handler {
	begun, end := make(chan bool), make(chan bool)
	opts.Assistant = writer{before: func(context.Context) { begun <- true; <-end }}
	opts.Streams = 1
	handler := web.New(opts)
	var first sync.WaitGroup
	first.Go(func() {
		send(handler, "POST", "/api/v1/ask", `{"question":"x"}`, "Content-Type", "application/json", "Accept", "text/event-stream")
	})
	<-begun
	t.Cleanup(func() { close(end); first.Wait() })
	return handler
}
