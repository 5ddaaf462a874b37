package llm_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"troly/internal/llm"
	"troly/internal/llm/llmtest"
)

type traced struct{}

// notes observes calls as lines.
func notes(to *[]string) llm.Observer {
	return func(ctx context.Context, c llm.Call) (context.Context, func(llm.Result)) {
		return context.WithValue(ctx, traced{}, true), func(r llm.Result) {
			kind := "ok"
			if r.Err != nil {
				kind = string(llm.KindOf(r.Err))
			}
			*to = append(*to, fmt.Sprint(c.Operation, " ", c.Model, " ", kind))
		}
	}
}

func TestObserve(t *testing.T) {
	var told []string
	inside := false
	first := &llmtest.Script{Model: "một", Reply: func(ctx context.Context, _ llm.Request) (string, error) {
		inside = ctx.Value(traced{}) != nil
		return "", problem(llm.Denied)
	}}
	second := &llmtest.Script{Model: "hai", Reply: func(context.Context, llm.Request) (string, error) { return "xong", nil }}
	o := notes(&told)
	g := llm.WithCache(llm.WithFallback(llm.Observe(first, o), llm.Observe(second, o)), 10)
	for range 2 { // the second comes from memory
		if _, err := g.Generate(context.Background(), llm.Request{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	e := llm.ObserveEmbedder(&embedder{}, o)
	if _, err := e.Embed(context.Background(), []string{"a"}, true); err != nil && llm.KindOf(err) == "" {
		t.Fatal(err)
	}
	want := "chat một denied, chat hai ok, embeddings e "
	if got := strings.Join(told, ", "); !strings.HasPrefix(got, want) || len(told) != 3 {
		t.Errorf("told %q, want %q…", got, want)
	}
	if !inside {
		t.Error("the call was not made with the observer's context")
	}
	if llm.Observe(first, nil) != llm.Generator(first) {
		t.Error("a nil observer wraps the model")
	}
}

func TestWatchCircuit(t *testing.T) {
	var calls atomic.Int32
	var states []llm.CircuitState
	ill := make([]error, 10)
	for i := range ill {
		ill[i] = problem(llm.Unavailable)
	}
	g := llm.Harden(failing(&calls, ill...), llm.Limits{Attempts: 1, Failures: 5, Rest: time.Millisecond, Watch: func(s llm.CircuitState) { states = append(states, s) }})
	for n := 0; n < 10_000 && (len(states) == 0 || states[len(states)-1] != llm.CircuitClosed); n++ {
		if _, err := g.Generate(context.Background(), llm.Request{}, nil); llm.KindOf(err) == llm.Open {
			time.Sleep(time.Millisecond)
		}
	}
	if len(states) < 3 || states[0] != llm.CircuitOpen || states[1] != llm.CircuitTrying || states[len(states)-1] != llm.CircuitClosed {
		t.Errorf("told of the states %v, want open, trying, …, closed", states)
	}
}

func TestPrice(t *testing.T) {
	p := llm.Price{Prompt: 0.15, Completion: 0.6}
	if got := p.Of(llm.Usage{PromptTokens: 2_000_000, CompletionTokens: 500_000}); got < 0.5999 || got > 0.6001 {
		t.Errorf("Of = %v, want 0.6", got)
	}
	if (llm.Price{}).Known() || !p.Known() {
		t.Error("Known is wrong")
	}
}
