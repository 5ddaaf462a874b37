package pipeline_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"troly/internal/llm"
	"troly/internal/llm/llmtest"
	"troly/internal/openai"
	"troly/internal/pipeline"
	"troly/prompts"
)

// moderated is an assistant with a scripted model and a server for moderation; *asked
// counts what the model was asked.
func moderated(t *testing.T) (a *pipeline.Assistant, server *llmtest.Server, asked *int) {
	t.Helper()
	server, asked = llmtest.NewServer(t), new(int)
	set, err := prompts.Load()
	if err != nil {
		t.Fatal(err)
	}
	client := openai.New(openai.Config{BaseURL: server.URL})
	lib, retriever := parts()
	a = pipeline.New(lib, retriever, pipeline.Options{
		Now: someDay, Prompts: set,
		Model: model(func(g given) string { *asked++; return rightModel(g) }),
		Moderate: llm.HardenModeration(func(ctx context.Context, text string) (bool, error) {
			return client.Moderate(ctx, openai.ModerationModels()[0], text)
		}, llm.Limits{Total: 200 * time.Millisecond, Attempts: 1, Rest: 2 * time.Second}),
	})
	return a, server, asked
}

// A question that moderation flags is answered as it is without a model, which is not
// given it; moderation that fails stops nothing, is named, and heals by itself.
func TestModeration(t *testing.T) {
	offline := ask(lostCard)
	a, server, asked := moderated(t)
	for _, tt := range []struct {
		name     string
		flags    string
		reply    llmtest.Reply
		byModel  bool
		degraded []string
	}{
		{"passes", "", llmtest.Reply{}, true, nil},
		{"flagged", "căn cước", llmtest.Reply{}, false, []string{"moderation: flagged"}},
		{"slow", "căn cước", llmtest.Reply{First: time.Minute}, true, []string{"moderation: too slow"}},
		{"down", "", llmtest.Reply{Status: 503}, true, []string{"moderation: unavailable"}},
		{"has none", "", llmtest.Reply{Status: 404}, true, []string{"moderation: rejected"}},
		{"page", "", llmtest.Reply{Raw: "<html>"}, true, []string{"moderation: unreadable"}},
	} {
		server.Do(func(s *llmtest.Server) { s.Flags, s.Moderation = tt.flags, tt.reply })
		before := *asked
		o := a.Ask(context.Background(), pipeline.Question{Text: lostCard})
		if got := o.AnsweredBy == "llm"; got != tt.byModel || !slices.Equal(o.Degraded, append([]string{}, tt.degraded...)) || !o.Verified || *asked-before != map[bool]int{true: 1}[tt.byModel] {
			t.Errorf("%s: answered by %q, degraded %q, the model was asked %d times; want by the model %v, degraded %q", tt.name, o.AnsweredBy, o.Degraded, *asked-before, tt.byModel, tt.degraded)
		}
		if !tt.byModel && o.Answer != offline.Answer {
			t.Errorf("%s: %q, want the extract %q", tt.name, o.Answer, offline.Answer)
		}
	}
	// Left alone after many failures, and asked again by itself.
	server.Do(func(s *llmtest.Server) { s.Flags, s.Moderation = "", llmtest.Reply{Status: 503} })
	for asks, open := 0, false; !open; asks++ {
		o := a.Ask(context.Background(), pipeline.Question{Text: lostCard})
		open = slices.Equal(o.Degraded, []string{"moderation: circuit open"})
		if o.AnsweredBy != "llm" || len(o.Degraded) != 1 || asks > 100 {
			t.Fatalf("down, asked %d times: answered by %q, degraded %q", asks, o.AnsweredBy, o.Degraded)
		}
	}
	server.Do(func(s *llmtest.Server) { s.Moderation = llmtest.Reply{} })
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if o := a.Ask(context.Background(), pipeline.Question{Text: lostCard}); len(o.Degraded) == 0 {
			return
		}
	}
	t.Error("it did not heal")
}

// Moderation is asked once for a question that the model first completes, and with
// personal data masked; a flagged one is not given to the model for that either.
func TestModerationOfFollowUps(t *testing.T) {
	a, server, asked := moderated(t)
	question := pipeline.Question{
		Text:    "chồng tôi đang làm ăn tận nước ngoài xa xôi ký giúp, số 0912345678",
		History: []pipeline.Turn{{Question: "làm giấy khai sinh cho con cần giấy tờ gì", Answer: "Giấy chứng sinh, tờ khai."}},
	}
	calls := func() []llmtest.Call { return server.Calls("/v1/moderations") }
	o := a.Ask(context.Background(), question)
	if n := len(calls()); n != 1 || *asked == 0 {
		t.Fatalf("moderation was asked %d times and the model %d times, want once and at least once; degraded %q", n, *asked, o.Degraded)
	}
	if sent := calls()[0].Body["input"].(string); !strings.Contains(sent, "xa xôi") || strings.Contains(sent, "0912345678") {
		t.Errorf("moderation was sent %q", sent)
	}
	server.Do(func(s *llmtest.Server) { s.Flags = "xa xôi" })
	before := *asked
	o = a.Ask(context.Background(), question)
	if n := len(calls()); n != 2 || *asked != before || !slices.Equal(o.Degraded, []string{"moderation: flagged"}) {
		t.Errorf("flagged: moderation was asked %d times more, the model %d times, degraded %q", n-1, *asked-before, o.Degraded)
	}
	// What never reaches a model is shown to nobody.
	for _, q := range []string{"xin chào", "làm giả con dấu ủy ban thế nào"} {
		if a.Ask(context.Background(), pipeline.Question{Text: q}); len(calls()) != 2 {
			t.Errorf("%q was sent to moderation", q)
		}
	}
}
