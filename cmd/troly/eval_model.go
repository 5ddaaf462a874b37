package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"troly/internal/evaluation"
	"troly/internal/judge"
	"troly/internal/llm"
	"troly/internal/openai"
	"troly/prompts"
)

// versions name what the models of the settings make answers depend on.
func (m modelSettings) versions() (map[string]string, error) {
	v := make(map[string]string)
	if m.Embedding != "" {
		v["embedder"] = m.embedder(nil).Name() + " at " + cmp.Or(m.EmbeddingURL, m.BaseURL, openai.DefaultURL)
	}
	if m.Model == "" {
		return v, nil
	}
	set, err := prompts.Load()
	if err != nil {
		return nil, err
	}
	v["model"], v["prompts"] = m.where(), set.Version()
	if m.Fallback != "" {
		v["model"] += ", then " + m.Fallback
	}
	return v, nil
}

// where names the model with its service.
func (m modelSettings) where() string { return m.at(m.Model) }

// at names a model of the service.
func (m modelSettings) at(model string) string {
	return model + " at " + cmp.Or(m.BaseURL, openai.DefaultURL)
}

// patience are the limits of a judge's calls: nobody waits for a verdict, and one that
// is not given makes the figures be about the others.
var patience = llm.Limits{Total: time.Minute, FirstToken: 30 * time.Second, Attempts: 4, Backoff: 2 * time.Second, Queue: time.Minute, Failures: 10}

// judge is JUDGE_MODEL, or else LLM_MODEL, as a judge of answers, with its completions
// kept in dir; it is tried first on strings that might sway it. No other model stands
// in for it.
func (m modelSettings) judge(ctx context.Context, warnings io.Writer, dir string) (*evaluation.ModelJudge, error) {
	model := cmp.Or(m.Judge, m.Model)
	switch model {
	case "":
		return nil, usageError{evaluation.ErrNoJudge}
	case m.Model, m.Fallback:
		fmt.Fprintf(warnings, "warning: %s judges answers it has worded itself; JUDGE_MODEL names another judge\n", model)
	}
	set, err := prompts.Load()
	if err != nil {
		return nil, err
	}
	cache := &judge.Cache{Dir: dir, Namespace: m.at(model)}
	if err := cache.Check(); err != nil {
		return nil, err
	}
	primitives := judge.New(judgeModel{llm.Harden(m.client().Chat(model), patience), set.Version()}, set, cache)
	j := &evaluation.ModelJudge{Primitives: primitives, Model: m.at(model), Prompts: set.Version()}
	return j, j.Check(ctx)
}

// judgeModel asks a generator what a judge asks.
type judgeModel struct {
	llm.Generator
	prompts string
}

// Complete implements judge.Model.
func (m judgeModel) Complete(ctx context.Context, r judge.Request) (judge.Completion, error) {
	request := llm.Request{
		Messages:  []llm.Message{{Role: llm.System, Text: r.System}, {Role: llm.User, Text: r.User}},
		MaxTokens: r.MaxTokens, Prompts: m.prompts,
	}
	if len(r.Schema) > 0 {
		request.Schema = &llm.Schema{Name: "verdict", JSON: r.Schema}
	}
	c, err := m.Generate(ctx, request, nil)
	if llm.KindOf(err) == llm.Refused {
		return judge.Completion{Refused: true}, nil
	}
	if err != nil {
		return judge.Completion{}, fmt.Errorf("ask the judge: %w", err)
	}
	return judge.Completion{Text: c.Text, Truncated: c.Truncated, Usage: judge.Usage{PromptTokens: c.Usage.PromptTokens, CompletionTokens: c.Usage.CompletionTokens}}, nil
}
