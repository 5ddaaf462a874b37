package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"troly/internal/llm"
	"troly/internal/openai"
)

// modelSettings say which models to use, and where they are.
type modelSettings struct {
	Key         string `env:"OPENAI_API_KEY"`
	BaseURL     string `env:"OPENAI_BASE_URL"`
	Model       string `env:"LLM_MODEL"`
	Fallback    string `env:"LLM_FALLBACK_MODEL"`
	Judge       string `env:"JUDGE_MODEL"`
	Timeout     int    `env:"LLM_TIMEOUT" envDefault:"12"` // seconds
	DailyTokens int    `env:"LLM_DAILY_TOKENS" envDefault:"0"`

	PricePrompt     float64 `env:"LLM_PRICE_PROMPT" envDefault:"0"` // of a million tokens
	PriceCompletion float64 `env:"LLM_PRICE_COMPLETION" envDefault:"0"`

	Embedding    string `env:"EMBEDDING_MODEL"`
	EmbeddingURL string `env:"EMBEDDING_BASE_URL"`
	Dimensions   int    `env:"EMBEDDING_DIMENSIONS" envDefault:"0"`

	Transcription string `env:"TRANSCRIPTION_MODEL"`
	Moderation    string `env:"MODERATION_MODEL"`

	// anew has the same request made again each time it is asked, for eval, which
	// measures how answers differ.
	anew bool
}

// maxDimensions is more than any embedding model in use has.
const maxDimensions = 16384

// maxTimeout is LLM_TIMEOUT at most, in seconds.
const maxTimeout = 600

// callLimits are the limits of one call: half of its time until the first word, or
// nothing is coming.
func (m modelSettings) callLimits() llm.Limits {
	in := time.Duration(m.Timeout) * time.Second
	return llm.Limits{Total: in, FirstToken: in / 2}
}

// answerIn is what the model has for an answer: a call, and most of a second one if the
// first was quick.
func (m modelSettings) answerIn() time.Duration { return m.callLimits().Total * 5 / 4 }

// check names the setting that is wrong.
func (m modelSettings) check() error {
	for _, u := range []struct{ name, value string }{{"OPENAI_BASE_URL", m.BaseURL}, {"EMBEDDING_BASE_URL", m.EmbeddingURL}} {
		if parsed, err := url.Parse(u.value); u.value != "" && (err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https") {
			return fmt.Errorf("%s %q: write an address such as http://127.0.0.1:8000/v1", u.name, u.value)
		}
	}
	switch {
	case strings.ContainsFunc(m.Key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("OPENAI_API_KEY holds a space or a letter no key has: paste it again")
	case m.Model != "" && m.BaseURL == "" && m.Key == "":
		return errors.New("LLM_MODEL is set, but neither OPENAI_BASE_URL (a server of yours) nor OPENAI_API_KEY (OpenAI)")
	case m.Judge != "" && m.BaseURL == "" && m.Key == "":
		return errors.New("JUDGE_MODEL is set, but neither OPENAI_BASE_URL nor OPENAI_API_KEY")
	case m.Fallback != "" && m.Model == "":
		return errors.New("LLM_FALLBACK_MODEL is set, but not LLM_MODEL, which it stands in for")
	case m.Timeout < 1 || m.Timeout > maxTimeout:
		return fmt.Errorf("LLM_TIMEOUT %d: write how many seconds people may wait for the model, 1 to %d", m.Timeout, maxTimeout)
	case m.DailyTokens < 0:
		return fmt.Errorf("LLM_DAILY_TOKENS %d: write a number of tokens, 0 for no limit", m.DailyTokens)
	case !(m.PricePrompt >= 0) || math.IsInf(m.PricePrompt, 0):
		return fmt.Errorf("LLM_PRICE_PROMPT %v: write what a million tokens of a prompt cost, for example 0.15; 0: cost is not told", m.PricePrompt)
	case !(m.PriceCompletion >= 0) || math.IsInf(m.PriceCompletion, 0):
		return fmt.Errorf("LLM_PRICE_COMPLETION %v: write what a million tokens of a completion cost, for example 0.6; 0: cost is not told", m.PriceCompletion)
	case m.Transcription != "" && m.BaseURL == "" && m.Key == "":
		return errors.New("TRANSCRIPTION_MODEL is set, but neither OPENAI_BASE_URL nor OPENAI_API_KEY")
	case m.Moderation != "" && m.Model == "":
		return errors.New("MODERATION_MODEL is set, but not LLM_MODEL, whose questions it looks at")
	case m.Moderation != "" && !slices.Contains(openai.ModerationModels(), m.Moderation):
		return fmt.Errorf("MODERATION_MODEL %q: write one of %s", m.Moderation, strings.Join(openai.ModerationModels(), ", "))
	case m.Embedding == "" && (m.Dimensions != 0 || m.EmbeddingURL != ""):
		return errors.New("EMBEDDING_DIMENSIONS or EMBEDDING_BASE_URL is set, but not EMBEDDING_MODEL")
	case m.Embedding != "" && m.EmbeddingURL == "" && m.BaseURL == "" && m.Key == "":
		return errors.New("EMBEDDING_MODEL is set, but neither EMBEDDING_BASE_URL, OPENAI_BASE_URL nor OPENAI_API_KEY")
	case m.Embedding != "" && m.dimensions() == 0:
		return fmt.Errorf("EMBEDDING_DIMENSIONS is not set: write how many numbers a vector of %s has, for example 1024", m.Embedding)
	case m.Dimensions < 0 || m.Dimensions > maxDimensions:
		return fmt.Errorf("EMBEDDING_DIMENSIONS %d: write a number from 1 to %d", m.Dimensions, maxDimensions)
	}
	return nil
}

// dimensions is the length of vectors: as set, or of a model everybody knows; 0
// without an embedder.
func (m modelSettings) dimensions() int {
	if m.Embedding == "" || m.Dimensions != 0 {
		return m.Dimensions
	}
	name := m.Embedding[strings.LastIndex(m.Embedding, "/")+1:]
	name, _, _ = strings.Cut(name, ":") // bge-m3:latest
	return map[string]int{
		"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536,
		"bge-m3": 1024, "multilingual-e5-large": 1024, "multilingual-e5-base": 768, "multilingual-e5-small": 384, "nomic-embed-text": 768,
	}[strings.ToLower(name)]
}

// keptCompletions is how many texts of models are kept in memory, a few kilobytes
// each: the same questions are asked again and again.
const keptCompletions = 2000

func (m modelSettings) client() *openai.Client {
	return openai.New(openai.Config{BaseURL: m.BaseURL, Key: m.Key})
}

// price is what tokens cost.
func (m modelSettings) price() llm.Price {
	return llm.Price{Prompt: m.PricePrompt, Completion: m.PriceCompletion}
}

// generator is the chat model under all limits, nil without LLM_MODEL. t is told of
// each call; nil: nobody.
func (m modelSettings) generator(t *telemetry) llm.Generator {
	if m.Model == "" {
		return nil
	}
	client := m.client()
	g := llm.Observe(llm.Harden(client.Chat(m.Model), t.limits("llm", m.callLimits())), t.calls())
	if m.Fallback != "" {
		g = llm.WithFallback(g, llm.Observe(llm.Harden(client.Chat(m.Fallback), t.limits("llm_fallback", m.callLimits())), t.calls()))
	}
	if m.DailyTokens > 0 {
		g = llm.WithBudget(g, m.DailyTokens, time.Now)
	}
	if m.anew {
		return g
	}
	return llm.WithCache(g, keptCompletions)
}

// embedder is the embedding model under all limits, nil without EMBEDDING_MODEL. A
// question waits for it only shortly, because words alone find most of what it finds.
func (m modelSettings) embedder(t *telemetry) llm.Embedder {
	if m.Embedding == "" {
		return nil
	}
	address := m.EmbeddingURL
	if address == "" {
		address = m.BaseURL
	}
	e := openai.New(openai.Config{BaseURL: address, Key: m.Key}).Embedder(m.Embedding, m.dimensions())
	return llm.ObserveEmbedder(llm.HardenEmbedder(e, t.limits("embedding", llm.Limits{Total: 2 * time.Second}), llm.Limits{Total: time.Minute, Attempts: 4, Backoff: 2 * time.Second, AtOnce: 4}), t.calls())
}

// moderator reports whether a text is flagged, nil without MODERATION_MODEL. An answer
// waits for it, so it has little time.
func (m modelSettings) moderator(t *telemetry) func(ctx context.Context, text string) (bool, error) {
	if m.Moderation == "" {
		return nil
	}
	client := m.client()
	return llm.HardenModeration(func(ctx context.Context, text string) (bool, error) {
		return client.Moderate(ctx, m.Moderation, text)
	}, t.limits("moderation", llm.Limits{Total: time.Second, Attempts: 1}))
}
