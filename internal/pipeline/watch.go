package pipeline

import "context"

// Watcher is told of the way of each question, for measures and traces. Its methods
// are called by many questions at once.
type Watcher interface {
	// Question is called when a question begins; everything done for it has the
	// context that it returns. done is called once, with what came of it.
	Question(ctx context.Context) (_ context.Context, done func(*Outcome))
	// Stage is called when understand, retrieve, answer or verify begins, and done when
	// it ends. A question that is answered early has fewer stages.
	Stage(ctx context.Context, name string) (_ context.Context, done func())
}

// stage begins a stage. Unwatched it costs nothing.
func (a *Assistant) stage(ctx context.Context, name string) (context.Context, func()) {
	if a.watcher == nil {
		return ctx, unwatched
	}
	return a.watcher.Stage(ctx, name)
}

func unwatched() {}
