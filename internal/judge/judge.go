// Package judge asks a model to check answers: whether passages support a claim,
// and whether an answer says a fact. It trusts the model little: only offered
// verdicts count, the last one wins, evidence must be quoted and is looked for, what
// cannot be read is unscored rather than wrong, and strings that try to sway the
// judge are tried on it (Audit). The formulas that turn verdicts into metrics are
// here too. Which samples are judged is for package evaluation.
package judge

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"troly/internal/vietnamese"
	"troly/prompts"
)

// Model completes a prompt. An implementation waits for rate limits, retries what
// can be retried and keeps to the context's deadline; its errors mean that there is
// no completion.
type Model interface {
	Complete(ctx context.Context, r Request) (Completion, error)
}

// Request is one call; temperature is 0.
type Request struct {
	System    string          `json:"system"`
	User      string          `json:"user"`
	Schema    json.RawMessage `json:"schema"` // JSON schema of the answer, for servers that enforce one
	MaxTokens int             `json:"max_tokens"`
}

// Completion is what a model said.
type Completion struct {
	Text      string `json:"text"`
	Truncated bool   `json:"truncated"` // it ran into MaxTokens
	Refused   bool   `json:"refused"`   // the service or the model declined
	Usage     Usage  `json:"usage"`
}

// Usage counts tokens.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
}

// Verdict is what a judge says of one item.
type Verdict string

// Verdicts on a claim beside passages, and on a fact beside an answer.
const (
	Supported    Verdict = "supported"
	Contradicted Verdict = "contradicted"
	NotFound     Verdict = "not_found"

	Says     Verdict = "support"
	SaysPart Verdict = "partial"
	SaysNot  Verdict = "not_support"
)

// Why an item has no verdict.
const (
	UnscoredParse     = "judge_parse"
	UnscoredRefusal   = "judge_refusal"
	UnscoredTruncated = "judge_truncated"
	UnscoredProvider  = "provider"
)

// Judgement is the verdict on one item with everything it rests on.
type Judgement struct {
	Verdict    Verdict   `json:"verdict,omitempty"`  // empty when Unscored says why
	Verdicts   []Verdict `json:"verdicts,omitempty"` // of each repeat; the majority is Verdict
	Quote      string    `json:"quote,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Downgraded bool      `json:"downgraded,omitempty"` // the quoted evidence is not there: the verdict was taken back
	Unscored   string    `json:"unscored,omitempty"`
	Detail     string    `json:"detail,omitempty"` // the provider's error, or the answer that could not be read
	Calls      int       `json:"calls"`
	Cached     int       `json:"cached"` // calls answered from the cache
	Usage      Usage     `json:"usage"`  // of the calls that were not
}

// Judge asks one model. Any number of goroutines may use it.
type Judge struct {
	model   Model
	prompts *prompts.Set
	cache   *Cache
}

// New returns a judge; cache may be nil.
func New(model Model, set *prompts.Set, cache *Cache) *Judge { return &Judge{model, set, cache} }

// maxTokens bounds an answer: a sentence of reason, a quote and a word.
const maxTokens = 600

// Support asks whether the passages support a claim. expected is what the
// deterministic check says, or empty: a verdict that differs from it is asked twice
// more and the majority counts.
func (j *Judge) Support(ctx context.Context, claim string, passages []string, expected Verdict) Judgement {
	p, err := j.prompts.JudgeSupport(prompts.JudgeSupport{Claim: claim, Passages: passages})
	if err != nil {
		return Judgement{Unscored: UnscoredProvider, Detail: err.Error()}
	}
	return j.decide(ctx, question{prompt: p, offered: []Verdict{Supported, Contradicted, NotFound}, evidence: strings.Join(passages, "\n")}, expected)
}

// Fact asks whether an answer says a fact; expected as for Support.
func (j *Judge) Fact(ctx context.Context, fact, answer string, expected Verdict) Judgement {
	p, err := j.prompts.JudgeFact(prompts.JudgeFact{Fact: fact, Answer: answer})
	if err != nil {
		return Judgement{Unscored: UnscoredProvider, Detail: err.Error()}
	}
	return j.decide(ctx, question{prompt: p, offered: []Verdict{Says, SaysPart, SaysNot}, evidence: answer}, expected)
}

// question is one thing to be judged. The last offered verdict is the one that needs
// no evidence.
type question struct {
	prompt   prompts.Prompt
	offered  []Verdict
	evidence string
}

func (q question) negative() Verdict { return q.offered[len(q.offered)-1] }

// votes is how often a disputed item is asked.
const votes = 3

// decide asks once, and twice more when the verdict disputes what was expected.
func (j *Judge) decide(ctx context.Context, q question, expected Verdict) Judgement {
	result := j.ask(ctx, q, 0)
	if result.Unscored != "" {
		return result
	}
	result.Verdicts = []Verdict{result.Verdict}
	if expected == "" || result.Verdict == expected {
		return result
	}
	for repeat := 1; repeat < votes; repeat++ {
		again := j.ask(ctx, q, repeat)
		result.Calls += again.Calls
		result.Cached += again.Cached
		result.Usage = result.Usage.plus(again.Usage)
		if again.Unscored == "" {
			result.Verdicts = append(result.Verdicts, again.Verdict)
		}
	}
	result.Verdict = majority(result.Verdicts, q.negative())
	return result
}

// majority is the commonest verdict; without one it is the careful one.
func majority(verdicts []Verdict, careful Verdict) Verdict {
	counts := make(map[Verdict]int)
	for _, v := range verdicts {
		counts[v]++
		if 2*counts[v] > len(verdicts) {
			return v
		}
	}
	return careful
}

// ask makes one call, and a second one when the first cannot be used.
func (j *Judge) ask(ctx context.Context, q question, repeat int) Judgement {
	request := Request{System: q.prompt.System, User: q.prompt.User, Schema: verdictSchema(q.offered), MaxTokens: maxTokens}
	var result Judgement
	for try := range 2 {
		c, cached, err := j.complete(ctx, request, repeat, try)
		result.Calls++
		if cached {
			result.Cached++
		} else {
			result.Usage = result.Usage.plus(c.Usage)
		}
		result.Unscored, result.Detail = "", ""
		switch {
		case err != nil:
			result.Unscored, result.Detail = UnscoredProvider, err.Error()
		case c.Refused:
			result.Unscored = UnscoredRefusal
		case c.Truncated:
			result.Unscored = UnscoredTruncated
		default:
			result.read(c.Text, q)
		}
		if result.Unscored == "" || ctx.Err() != nil {
			break
		}
	}
	return result
}

// complete answers from the cache or the model. What is no good answer is not kept:
// a second try must not find it.
func (j *Judge) complete(ctx context.Context, r Request, repeat, try int) (c Completion, cached bool, err error) {
	if try == 0 {
		if c, ok := j.cache.get(r, repeat); ok {
			return c, true, nil
		}
	}
	c, err = j.model.Complete(ctx, r)
	if err == nil && strings.TrimSpace(c.Text) == "" && !c.Refused && !c.Truncated {
		err = errors.New("the model answered nothing")
	}
	if err != nil || c.Refused || c.Truncated {
		return c, false, err
	}
	if _, ok := lastVerdict(c.Text, nil); ok {
		j.cache.put(r, repeat, c)
	}
	return c, false, nil
}

// read takes the verdict from an answer and checks its evidence.
func (result *Judgement) read(text string, q question) {
	said, ok := lastVerdict(text, q.offered)
	if !ok {
		result.Unscored, result.Detail = UnscoredParse, cut(text)
		return
	}
	result.Verdict, result.Quote, result.Reason = said.Verdict, said.Quote, said.Reason
	if said.Verdict != q.negative() && !quoted(said.Quote, q.evidence) {
		result.Verdict, result.Downgraded = q.negative(), true
	}
}

// quoted reports whether the evidence holds the quote: the same words in the same
// order, whatever the case, spaces and quotation marks.
func quoted(quote, evidence string) bool {
	words := plainWords(quote)
	return words != " " && strings.Contains(plainWords(evidence), words)
}

// plainWords are the tokens of a text between single spaces, one at each end.
func plainWords(s string) string {
	var b strings.Builder
	b.WriteByte(' ')
	for _, t := range vietnamese.Tokenize(nil, vietnamese.Normalize(s)) {
		b.WriteString(t.Text)
		b.WriteByte(' ')
	}
	return b.String()
}

// cut keeps enough of an unreadable answer to see what went wrong.
func cut(s string) string {
	const most = 300
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func (u Usage) plus(v Usage) Usage {
	return Usage{u.PromptTokens + v.PromptTokens, u.CompletionTokens + v.CompletionTokens}
}
