package llm_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"troly/internal/llm"
	"troly/internal/llm/llmtest"
)

// failing is a generator that fails with each error in turn and then succeeds.
func failing(calls *atomic.Int32, errs ...error) *llmtest.Script {
	return &llmtest.Script{Reply: func(context.Context, llm.Request) (string, error) {
		n := int(calls.Add(1))
		if n <= len(errs) && errs[n-1] != nil {
			return "", errs[n-1]
		}
		return "xong", nil
	}}
}

func problem(kind llm.Kind) error { return &llm.Error{Kind: kind, Err: errors.New("thử")} }

func TestHardenRetries(t *testing.T) {
	for _, tt := range []struct {
		name  string
		errs  []error
		kind  llm.Kind // empty: it succeeds
		calls int32
	}{
		{"nothing wrong", nil, "", 1},
		{"down once", []error{problem(llm.Unavailable)}, "", 2},
		{"unreadable once", []error{problem(llm.Garbage)}, "", 2},
		{"down twice", []error{problem(llm.Unavailable), problem(llm.Unavailable)}, llm.Unavailable, 2},
		{"asked to wait shortly", []error{&llm.Error{Kind: llm.RateLimited, RetryAfter: time.Millisecond, Err: errors.New("429")}}, "", 2},
		{"asked to wait longer than anybody does", []error{&llm.Error{Kind: llm.RateLimited, RetryAfter: time.Hour, Err: errors.New("429")}}, llm.RateLimited, 1},
		{"a wrong key", []error{problem(llm.Denied)}, llm.Denied, 1},
		{"a request it will not take", []error{problem(llm.Rejected)}, llm.Rejected, 1},
	} {
		var calls atomic.Int32
		g := llm.Harden(failing(&calls, tt.errs...), llm.Limits{Backoff: time.Millisecond})
		c, err := g.Generate(context.Background(), llm.Request{}, nil)
		if (err == nil) != (tt.kind == "") || err != nil && llm.KindOf(err) != tt.kind || calls.Load() != tt.calls {
			t.Errorf("%s: %q, %v after %d calls, want kind %q after %d", tt.name, c.Text, err, calls.Load(), tt.kind, tt.calls)
		}
	}
}

// A reader never sees a text begin twice.
func TestHardenDoesNotRepeatWhatWasEmitted(t *testing.T) {
	calls := 0
	cut := generator(func(ctx context.Context, r llm.Request, emit func(string) error) (llm.Completion, error) {
		calls++
		if err := emit("Lệ phí là"); err != nil {
			return llm.Completion{}, err
		}
		return llm.Completion{}, problem(llm.Cut)
	})
	var seen strings.Builder
	_, err := llm.Harden(cut, llm.Limits{Backoff: time.Millisecond}).Generate(context.Background(), llm.Request{}, func(s string) error {
		seen.WriteString(s)
		return nil
	})
	if llm.KindOf(err) != llm.Cut || calls != 1 || seen.String() != "Lệ phí là" {
		t.Errorf("emitting: %v after %d calls, seen %q", err, calls, seen.String())
	}
	calls = 0
	if _, err := llm.Harden(cut, llm.Limits{Backoff: time.Millisecond}).Generate(context.Background(), llm.Request{}, nil); llm.KindOf(err) != llm.Cut || calls != 2 {
		t.Errorf("nobody reading: %v after %d calls, want two", err, calls)
	}
}

type generator func(context.Context, llm.Request, func(string) error) (llm.Completion, error)

func (g generator) Name() string { return "f" }
func (g generator) Generate(ctx context.Context, r llm.Request, emit func(string) error) (llm.Completion, error) {
	return g(ctx, r, emit)
}

func TestHardenDeadlines(t *testing.T) {
	silent := generator(func(ctx context.Context, _ llm.Request, _ func(string) error) (llm.Completion, error) {
		<-ctx.Done()
		return llm.Completion{}, ctx.Err()
	})
	endless := generator(func(ctx context.Context, _ llm.Request, emit func(string) error) (llm.Completion, error) {
		for ctx.Err() == nil {
			if err := emit("a"); err != nil {
				return llm.Completion{}, err
			}
			time.Sleep(time.Millisecond)
		}
		return llm.Completion{}, ctx.Err()
	})
	for name, tt := range map[string]struct {
		g      llm.Generator
		limits llm.Limits
		says   string
		calls  int
	}{
		"no first token": {silent, llm.Limits{FirstToken: 5 * time.Millisecond, Backoff: time.Millisecond}, "first token", 2},
		"no end":         {endless, llm.Limits{Total: 20 * time.Millisecond, Backoff: time.Millisecond}, "no end", 1}, // it would not end in as much again
	} {
		calls := 0
		counted := generator(func(ctx context.Context, r llm.Request, emit func(string) error) (llm.Completion, error) {
			calls++
			return tt.g.Generate(ctx, r, emit)
		})
		_, err := llm.Harden(counted, tt.limits).Generate(context.Background(), llm.Request{}, nil)
		if llm.KindOf(err) != llm.Slow || !strings.Contains(err.Error(), tt.says) || calls != tt.calls {
			t.Errorf("%s: %v after %d calls, want too slow with %q after %d", name, err, calls, tt.says, tt.calls)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := llm.Harden(silent, llm.Limits{}).Generate(ctx, llm.Request{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller gave up: %v, want its error", err)
	}
}

// A server that fails is left alone, and used again once it is well.
func TestHardenBreaker(t *testing.T) {
	var calls atomic.Int32
	ill := make([]error, 5)
	for i := range ill {
		ill[i] = problem(llm.Unavailable)
	}
	g := llm.Harden(failing(&calls, ill...), llm.Limits{Attempts: 1, Failures: 5, Rest: 20 * time.Millisecond})
	open := false
	for range 20 {
		_, err := g.Generate(context.Background(), llm.Request{}, nil)
		open = open || llm.KindOf(err) == llm.Open
	}
	if !open {
		t.Errorf("after %d failures the circuit never opened", len(ill))
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if c, err := g.Generate(context.Background(), llm.Request{}, nil); err == nil && c.Text == "xong" {
			return
		}
	}
	t.Error("the circuit did not close again")
}

// What the reader of a text does says nothing about the server.
func TestBreakerIgnoresReaders(t *testing.T) {
	stop := errors.New("enough")
	g := llm.Harden(&llmtest.Script{Reply: func(context.Context, llm.Request) (string, error) { return "xong", nil }}, llm.Limits{Attempts: 1, Failures: 1})
	for range 3 {
		if _, err := g.Generate(context.Background(), llm.Request{}, func(string) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("Generate = %v, want the reader's error", err)
		}
	}
	if _, err := g.Generate(context.Background(), llm.Request{}, nil); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestHardenPlaces(t *testing.T) {
	begun, leave := make(chan struct{}, 1), make(chan struct{})
	g := llm.Harden(&llmtest.Script{Reply: func(context.Context, llm.Request) (string, error) {
		begun <- struct{}{}
		<-leave
		return "xong", nil
	}}, llm.Limits{AtOnce: 1, Queue: time.Millisecond})
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := g.Generate(context.Background(), llm.Request{}, nil); err != nil {
			t.Error(err)
		}
	})
	<-begun
	if _, err := g.Generate(context.Background(), llm.Request{}, nil); llm.KindOf(err) != llm.Busy {
		t.Errorf("a call too many: %v, want busy", err)
	}
	close(leave)
	first.Wait()
}

func TestFallback(t *testing.T) {
	var calls atomic.Int32
	down := failing(&calls, problem(llm.Unavailable))
	second := &llmtest.Script{Model: "nhỏ", Reply: func(context.Context, llm.Request) (string, error) { return "thay", nil }}
	c, err := llm.WithFallback(down, second).Generate(context.Background(), llm.Request{}, nil)
	if err != nil || c.Text != "thay" || c.Model != "nhỏ" {
		t.Errorf("Generate = %+v, %v, want the second model's", c, err)
	}
	c, err = llm.WithFallback(down, second).Generate(context.Background(), llm.Request{}, nil)
	if err != nil || c.Text != "xong" {
		t.Errorf("Generate = %+v, %v, want the first model's once it is back", c, err)
	}
}

func TestBudget(t *testing.T) {
	day := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	var calls atomic.Int32
	g := llm.WithBudget(failing(&calls), 3, func() time.Time { return day })
	request := llm.Request{Messages: []llm.Message{{Role: llm.User, Text: "khai sinh"}}}
	if _, err := g.Generate(context.Background(), request, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Generate(context.Background(), request, nil); llm.KindOf(err) != llm.Exhausted {
		t.Errorf("past the budget: %v, want it used up", err)
	}
	day = day.AddDate(0, 0, 1)
	if _, err := g.Generate(context.Background(), request, nil); err != nil {
		t.Errorf("the next day: %v", err)
	}
}

func TestCache(t *testing.T) {
	var calls atomic.Int32
	g := llm.WithCache(failing(&calls, nil, nil, problem(llm.Unavailable)), 2)
	ask := func(text, prompts string) (llm.Completion, error) {
		return g.Generate(context.Background(), llm.Request{Messages: []llm.Message{{Role: llm.User, Text: text}}, Prompts: prompts}, nil)
	}
	for i, tt := range []struct {
		text, prompts string
		cached        bool
		calls         int32
	}{
		{"a", "1", false, 1}, {"a", "1", true, 1}, {"a", "2", false, 2},
		{"b", "1", false, 3},                                            // fails: not kept
		{"b", "1", false, 4}, {"a", "2", true, 4}, {"a", "1", false, 5}, // pushed out by b
	} {
		c, _ := ask(tt.text, tt.prompts)
		if c.Cached != tt.cached || calls.Load() != tt.calls || c.Cached && c.Usage != (llm.Usage{}) {
			t.Errorf("%d: %q with prompts %s: cached %v after %d calls, usage %v; want %v after %d", i, tt.text, tt.prompts, c.Cached, calls.Load(), c.Usage, tt.cached, tt.calls)
		}
	}
}

func TestHardenEmbedder(t *testing.T) {
	e := &embedder{errs: []error{problem(llm.Unavailable)}}
	hard := llm.HardenEmbedder(e, llm.Limits{Attempts: 1, Total: 5 * time.Millisecond}, llm.Limits{Backoff: time.Millisecond})
	if _, err := hard.Embed(context.Background(), []string{"a"}, false); err != nil {
		t.Errorf("a batch is tried again: %v", err)
	}
	e.block = true
	if _, err := hard.Embed(context.Background(), []string{"a"}, true); llm.KindOf(err) != llm.Slow {
		t.Errorf("a slow question: %v, want too slow", err)
	}
}

type embedder struct {
	errs  []error
	block bool
}

func (e *embedder) Dimensions() int { return 1 }
func (e *embedder) Name() string    { return "e" }
func (e *embedder) Embed(ctx context.Context, texts []string, _ bool) ([][]float32, error) {
	if e.block {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if len(e.errs) > 0 {
		err := e.errs[0]
		e.errs = e.errs[1:]
		return nil, err
	}
	return make([][]float32, len(texts)), nil
}
