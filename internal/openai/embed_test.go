package openai_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"troly/internal/llm"
	"troly/internal/llm/llmtest"
	"troly/internal/openai"
)

func TestEmbed(t *testing.T) {
	server := llmtest.NewServer(t)
	server.Dimensions, server.Backwards, server.MaxInputs = 32, true, 10
	e := openai.New(openai.Config{BaseURL: server.URL}).Embedder("bge-m3", 32)
	texts := make([]string, 75)
	for i := range texts {
		texts[i] = fmt.Sprintf("đoạn số %d", i)
	}
	for range 2 {
		vectors, err := e.Embed(context.Background(), texts, false)
		if err != nil || len(vectors) != len(texts) {
			t.Fatalf("Embed = %d vectors, %v", len(vectors), err)
		}
		for i := range texts {
			if !slices.Equal(vectors[i], llmtest.Vector(texts[i], 32)) {
				t.Fatalf("vector %d is not of its text", i)
			}
		}
	}
	// 64, 32 and 16 are refused once; then batches of 8 are known to do.
	if calls := len(server.Calls("/v1/embeddings")); calls != 3+2*10 {
		t.Errorf("%d requests, want 23", calls)
	}
	if none, err := e.Embed(context.Background(), nil, false); err != nil || len(none) != 0 {
		t.Errorf("Embed(nothing) = %v, %v", none, err)
	}
}

func TestEmbedLongTexts(t *testing.T) {
	server := llmtest.NewServer(t)
	e := openai.New(openai.Config{BaseURL: server.URL}).Embedder("m", 64)
	texts := make([]string, 64)
	for i := range texts {
		texts[i] = strings.Repeat("giấy tờ ", 5000)
	}
	if _, err := e.Embed(context.Background(), texts, false); err != nil {
		t.Fatal(err)
	}
	for _, call := range server.Calls("/v1/embeddings") {
		size := len(fmt.Sprint(call.Body["input"]))
		if size > 320_000 {
			t.Errorf("a request of %d bytes", size)
		}
	}
	if calls := len(server.Calls("/v1/embeddings")); calls != 6 {
		t.Errorf("%d requests for 64 long texts, want 6", calls)
	}
}

func TestEmbedDimensions(t *testing.T) {
	server := llmtest.NewServer(t)
	server.Dimensions = 64
	e := openai.New(openai.Config{BaseURL: server.URL}).Embedder("text-embedding-3-small", 16)
	for range 2 {
		if vectors, err := e.Embed(context.Background(), []string{"a"}, true); err != nil || len(vectors[0]) != 16 {
			t.Errorf("a model that can shorten: %v, %v", vectors, err)
		}
	}
	if calls := len(server.Calls("/v1/embeddings")); calls != 3 {
		t.Errorf("%d requests, want 3: the length is remembered", calls)
	}
	server.Do(func(s *llmtest.Server) { s.Rejects = []string{"dimensions"} })
	_, err := openai.New(openai.Config{BaseURL: server.URL}).Embedder("m", 16).Embed(context.Background(), []string{"a"}, true)
	if llm.KindOf(err) != llm.Mismatched || !strings.Contains(err.Error(), "64 numbers") {
		t.Errorf("a model that cannot: %v, want the length it has", err)
	}
}

func TestEmbedErrors(t *testing.T) {
	two := `{"data":[{"index":0,"embedding":[1]},{"index":%d,"embedding":[%s]}]}`
	for _, tt := range []struct {
		name  string
		reply llmtest.Reply
		kind  llm.Kind
	}{
		{"down", llmtest.Reply{Status: 500}, llm.Unavailable},
		{"429", llmtest.Reply{Status: 429, RetryAfter: "3"}, llm.RateLimited},
		{"page", llmtest.Reply{Raw: "<html>"}, llm.Garbage},
		{"cut", llmtest.Reply{Raw: `{"data":[{"index":0,"embed`}, llm.Cut},
		{"too few", llmtest.Reply{Raw: `{"data":[]}`}, llm.Garbage},
		{"the same twice", llmtest.Reply{Raw: fmt.Sprintf(two, 0, "1")}, llm.Garbage},
		{"of no text", llmtest.Reply{Raw: fmt.Sprintf(two, 7, "1")}, llm.Garbage},
		{"zero", llmtest.Reply{Raw: fmt.Sprintf(two, 1, "0")}, llm.Garbage},
		{"lengths differ", llmtest.Reply{Raw: fmt.Sprintf(two, 1, "1,1")}, llm.Mismatched},
		{"a text it will not take", llmtest.Reply{Status: 400, Message: "bad input"}, llm.Rejected},
	} {
		server := llmtest.NewServer(t)
		server.Embeddings = tt.reply
		vectors, err := openai.New(openai.Config{BaseURL: server.URL}).Embedder("m", 1).Embed(context.Background(), []string{"a", "b"}, false)
		if vectors != nil || llm.KindOf(err) != tt.kind || err == nil {
			t.Errorf("%s: %v, %v, want kind %q", tt.name, vectors, err, tt.kind)
		}
	}
}

func TestEmbedPrefixes(t *testing.T) {
	for _, tt := range []struct {
		model string
		query bool
		want  string
	}{
		{"intfloat/multilingual-e5-large", true, "query: a"}, {"intfloat/multilingual-e5-large", false, "passage: a"},
		{"bge-m3", true, "a"}, {"multilingual-e5-large-instruct", true, "a"},
	} {
		server := llmtest.NewServer(t)
		if _, err := openai.New(openai.Config{BaseURL: server.URL}).Embedder(tt.model, 64).Embed(context.Background(), []string{"a"}, tt.query); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(server.Calls("/v1/embeddings")[0].Body["input"]); got != "["+tt.want+"]" {
			t.Errorf("%s, query %v: sent %s, want %q", tt.model, tt.query, got, tt.want)
		}
	}
}

func TestTranscribe(t *testing.T) {
	server := llmtest.NewServer(t)
	server.Speech = " làm giấy khai sinh cần gì \n"
	client := openai.New(openai.Config{BaseURL: server.URL})
	text, err := client.Transcribe(context.Background(), "whisper-1", "voice.ogg", strings.NewReader("OggS"))
	if err != nil || text != "làm giấy khai sinh cần gì" {
		t.Errorf("Transcribe = %q, %v", text, err)
	}
	if body := server.Calls("/v1/audio/transcriptions")[0].Body; body["language"] != "vi" || body["file"] != "voice.ogg" || body["model"] != "whisper-1" {
		t.Errorf("sent %v", body)
	}
	if _, err := client.Transcribe(context.Background(), "m", "voice.ogg", bytes.NewReader(make([]byte, openai.MaxRecording+1))); llm.KindOf(err) != llm.Rejected {
		t.Errorf("a recording too long: %v", err)
	}
}
