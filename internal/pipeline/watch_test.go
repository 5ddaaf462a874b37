package pipeline_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"troly/internal/pipeline"
)

// watcher writes down what it is told.
type watcher struct {
	mu     sync.Mutex
	events []string
}

type watched struct{}

func (w *watcher) say(event string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, event)
}

func (w *watcher) Question(ctx context.Context) (context.Context, func(*pipeline.Outcome)) {
	w.say("question")
	return context.WithValue(ctx, watched{}, "question"), func(o *pipeline.Outcome) { w.say("done " + string(o.Status)) }
}

func (w *watcher) Stage(ctx context.Context, name string) (context.Context, func()) {
	if ctx.Value(watched{}) != "question" {
		w.say("no question around " + name)
	}
	w.say(name)
	return ctx, func() { w.say("/" + name) }
}

func TestWatcher(t *testing.T) {
	lib, retriever := parts()
	for _, tt := range []struct{ question, want string }{
		{"làm giấy khai sinh cho con cần giấy tờ gì", "question understand /understand retrieve /retrieve answer /answer verify /verify done answered"},
		{"xin chào", "question understand /understand done smalltalk"},
		{"nhà tôi đang cháy to quá", "question understand /understand done answered"},
	} {
		var w watcher
		a := pipeline.New(lib, retriever, pipeline.Options{Now: someDay, Watcher: &w})
		a.Ask(context.Background(), pipeline.Question{Text: tt.question})
		if got := strings.Join(w.events, " "); got != tt.want {
			t.Errorf("of %q the watcher was told %s, want %s", tt.question, got, tt.want)
		}
	}
}
