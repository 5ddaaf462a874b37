package main

import (
	"context"
	"fmt"
	"time"

	"troly/internal/llm"
)

// examine tries each model for real: one short completion, one text to look at, one
// embedding.
func (m modelSettings) examine(ctx context.Context) []check {
	var checks []check
	for _, model := range []struct{ setting, name string }{{"LLM_MODEL", m.Model}, {"LLM_FALLBACK_MODEL", m.Fallback}, {"JUDGE_MODEL", m.Judge}} {
		if model.name == "" {
			continue
		}
		alone := m
		alone.Model, alone.Fallback, alone.DailyTokens = model.name, "", 0
		checks = append(checks, tryModel(ctx, model.setting, alone.generator(nil)))
	}
	if m.Moderation != "" {
		checks = append(checks, tryModeration(ctx, m.moderator(nil)))
	}
	if m.Embedding != "" {
		checks = append(checks, tryEmbedding(ctx, m.embedder(nil)))
	}
	if len(checks) == 0 {
		checks = append(checks, check{Name: "models", OK: true, Detail: "none set: answers are extracts, found by words"})
	}
	return checks
}

// enoughTokens lets a model that thinks first come to its answer.
const enoughTokens = 400

func tryModel(ctx context.Context, setting string, g llm.Generator) check {
	c := check{Name: setting}
	start := time.Now()
	reply, err := g.Generate(ctx, llm.Request{
		Messages:  []llm.Message{{Role: llm.System, Text: "Bạn đang được thử kết nối."}, {Role: llm.User, Text: "Trả lời đúng một chữ: được"}},
		MaxTokens: enoughTokens,
	}, nil)
	if err != nil {
		c.Detail, c.Advice = err.Error(), advice(setting, llm.KindOf(err))
		return c
	}
	c.OK = true
	c.Detail = fmt.Sprintf("%s answered in %d ms (%d tokens)", reply.Model, time.Since(start).Milliseconds(), reply.Usage.PromptTokens+reply.Usage.CompletionTokens)
	return c
}

func tryModeration(ctx context.Context, flagged func(context.Context, string) (bool, error)) check {
	c := check{Name: "MODERATION_MODEL"}
	start := time.Now()
	found, err := flagged(ctx, "làm giấy khai sinh cho con")
	switch {
	case err != nil:
		c.Detail, c.Advice = err.Error(), advice("MODERATION_MODEL", llm.KindOf(err))
		if llm.KindOf(err) == llm.Rejected {
			c.Advice = "this server has no moderation: leave MODERATION_MODEL empty"
		}
	case found:
		c.Detail, c.Advice = "a harmless question was flagged", "another model, or none: flagged questions are answered without LLM_MODEL"
	default:
		c.OK, c.Detail = true, fmt.Sprintf("a harmless question passed in %d ms", time.Since(start).Milliseconds())
	}
	return c
}

func tryEmbedding(ctx context.Context, e llm.Embedder) check {
	c := check{Name: "EMBEDDING_MODEL"}
	start := time.Now()
	vectors, err := e.Embed(ctx, []string{"làm giấy khai sinh cho con"}, true)
	if err != nil {
		c.Detail, c.Advice = err.Error(), advice("EMBEDDING_MODEL", llm.KindOf(err))
		return c
	}
	c.OK = true
	c.Detail = fmt.Sprintf("%s: a vector of %d numbers in %d ms", e.Name(), len(vectors[0]), time.Since(start).Milliseconds())
	return c
}

// advice says what to do about a model that cannot be used.
func advice(setting string, kind llm.Kind) string {
	address := "OPENAI_BASE_URL"
	if setting == "EMBEDDING_MODEL" {
		address = "EMBEDDING_BASE_URL (or OPENAI_BASE_URL)"
	}
	switch kind {
	case llm.Denied:
		return "check OPENAI_API_KEY, and what its account may use and has paid for"
	case llm.Rejected:
		return "check that " + setting + " is a model of this server and that " + address + " ends as the server wants, usually in /v1"
	case llm.RateLimited:
		return "wait, or ask the provider for more; answers come without it meanwhile"
	case llm.Slow:
		return "the server is too slow to answer people: a smaller model, one that does not think first, or a faster machine; or let people wait longer with LLM_TIMEOUT"
	case llm.Mismatched:
		return "set EMBEDDING_DIMENSIONS to the number that came, then run troly ingest"
	case llm.Garbage, llm.Cut:
		return "what answers at " + address + " does not speak the OpenAI API: check the address and any proxy between"
	case llm.Refused:
		return "the model declined a harmless request: choose another"
	}
	return "start the server, or correct " + address + "; answers come without it meanwhile"
}
