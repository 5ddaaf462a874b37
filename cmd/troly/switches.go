package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"troly/internal/conversation"
	"troly/internal/database"
	"troly/internal/llm"
	"troly/internal/web"
	"troly/internal/webhook"
)

// switchboard knows what staff have turned off. Other processes learn of it within
// lookAgain.
type switchboard struct {
	db  *database.DB
	log *slog.Logger
	off atomic.Pointer[map[string]bool]
}

// lookAgain is how often the switches are read.
const lookAgain = 2 * time.Second

// Names of switches; those of channels, the chat page among them, are called as the
// channels.
const (
	modelSwitch    = "model" // the language model
	programsSwitch = "api"   // questions of programs: the API, OpenAI's clients, MCP
)

// newSwitchboard reads the switches once: nothing that is off is on at the start.
func newSwitchboard(ctx context.Context, db *database.DB, log *slog.Logger) (*switchboard, error) {
	s := &switchboard{db: db, log: log}
	return s, s.read(ctx)
}

func (s *switchboard) read(ctx context.Context) error {
	set, err := s.db.Switches(ctx)
	if err != nil {
		return err
	}
	off := make(map[string]bool)
	for _, one := range set {
		if !one.On {
			off[one.Name] = true
		}
	}
	s.off.Store(&off)
	return nil
}

// On reports whether something is on.
func (s *switchboard) On(name string) bool { return !(*s.off.Load())[name] }

// again reads the switches; when that fails they stay as they were.
func (s *switchboard) again(ctx context.Context) {
	if err := s.read(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("switches not read, they stay as they were", "err", err)
	}
}

// run reads the switches until ctx ends.
func (s *switchboard) run(ctx context.Context) {
	for pausing(ctx, lookAgain) {
		s.again(ctx)
	}
}

// lines holds back the answers of channels that are off.
func (s *switchboard) lines(l *webhook.Line, _ *webhook.Options) {
	name := l.Channel.Name()
	l.On = func() bool { return s.On(name) }
}

// errModelOff is what a model that is turned off answers.
var errModelOff = errors.New("turned off by staff")

// switchedModel is a model that can be turned off while the program runs. Answers are
// extracts then.
type switchedModel struct {
	llm.Generator
	on *atomic.Pointer[switchboard] // nothing in it: always on
}

func (m switchedModel) Generate(ctx context.Context, r llm.Request, emit func(string) error) (llm.Completion, error) {
	if s := m.on.Load(); s != nil && !s.On(modelSwitch) {
		return llm.Completion{}, &llm.Error{Kind: llm.Unavailable, Err: errModelOff}
	}
	return m.Generator.Generate(ctx, r, emit)
}

// switchedModeration sends nothing out while the model is turned off; nil stays nil.
func switchedModeration(flagged func(context.Context, string) (bool, error), on *atomic.Pointer[switchboard]) func(context.Context, string) (bool, error) {
	if flagged == nil {
		return nil
	}
	return func(ctx context.Context, text string) (bool, error) {
		if s := on.Load(); s != nil && !s.On(modelSwitch) {
			return false, nil
		}
		return flagged(ctx, text)
	}
}

// switchedPage is the chat page, which can be turned off.
type switchedPage struct {
	webhook.Responder
	on *switchboard
}

func (p switchedPage) Respond(ctx context.Context, m webhook.Message, state []byte, release func(string)) webhook.Response {
	if !p.on.On(web.Channel) && !conversation.Erases(m) { // who wants to be forgotten is, always
		return webhook.Response{Replies: []webhook.Reply{{Text: conversation.Paused}}, State: state}
	}
	return p.Responder.Respond(ctx, m, state, release)
}
