package openai

import (
	"context"
	"fmt"
	"slices"

	api "github.com/sashabaranov/go-openai"

	"troly/internal/llm"
)

// ModerationModels are the names of models that Moderate takes: go-openai sends no
// others.
func ModerationModels() []string {
	return []string{api.ModerationOmniLatest, api.ModerationOmni20240926, api.ModerationTextLatest, api.ModerationTextStable}
}

// Moderate reports whether the service's moderation flags a text. Most compatible
// servers have none: their error is of kind llm.Rejected, as is that of a model not
// among ModerationModels.
func (c *Client) Moderate(ctx context.Context, model, text string) (flagged bool, err error) {
	what := "moderate a text with " + model
	if !slices.Contains(ModerationModels(), model) {
		return false, &llm.Error{Kind: llm.Rejected, Err: fmt.Errorf("%s: no such model is known", what)}
	}
	call, n := noted(ctx)
	resp, err := c.api.Moderations(call, api.ModerationRequest{Model: model, Input: text})
	if err != nil {
		return false, explain(ctx, what, n, err)
	}
	if len(resp.Results) == 0 { // or any page that is JSON would let every text pass
		return false, &llm.Error{Kind: llm.Garbage, Err: fmt.Errorf("%s: a reply without a result", what)}
	}
	return slices.ContainsFunc(resp.Results, func(r api.Result) bool { return r.Flagged }), nil
}
