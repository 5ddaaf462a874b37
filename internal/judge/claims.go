package judge

import (
	"context"
	"encoding/json"
	"strings"

	"troly/prompts"
)

// maxClaimTokens bounds the list of claims of one answer.
const maxClaimTokens = 2000

var claimsSchema = json.RawMessage(`{"type":"object","additionalProperties":false,"required":["claims"],"properties":{"claims":{"type":"array","items":{"type":"string"}}}}`)

// Claims asks for the checkable claims of an answer, in its order. An answer that
// claims nothing has none. unscored says why there is no list; a list that cannot be
// read is asked for once more.
func (j *Judge) Claims(ctx context.Context, question, answer string) (claims []string, unscored string, usage Usage) {
	p, err := j.prompts.JudgeClaims(prompts.JudgeClaims{Question: question, Answer: answer})
	if err != nil {
		return nil, UnscoredProvider, usage
	}
	r := Request{System: p.System, User: p.User, Schema: claimsSchema, MaxTokens: maxClaimTokens}
	for range 2 {
		c, cached := j.cache.get(r, 0)
		if !cached {
			if c, err = j.model.Complete(ctx, r); err != nil {
				unscored = UnscoredProvider
				continue
			}
			usage = usage.plus(c.Usage)
		}
		claims, unscored = readClaims(c)
		if unscored == "" {
			if !cached {
				j.cache.put(r, 0, c)
			}
			return claims, "", usage
		}
	}
	return nil, unscored, usage
}

func readClaims(c Completion) (claims []string, unscored string) {
	switch {
	case c.Refused:
		return nil, UnscoredRefusal
	case c.Truncated:
		return nil, UnscoredTruncated
	}
	start := strings.Index(c.Text, "{")
	if start < 0 {
		return nil, UnscoredParse
	}
	var list struct{ Claims *[]string }
	if json.NewDecoder(strings.NewReader(c.Text[start:])).Decode(&list) != nil || list.Claims == nil {
		return nil, UnscoredParse
	}
	for _, claim := range *list.Claims {
		if claim = strings.TrimSpace(claim); claim != "" {
			claims = append(claims, claim)
		}
	}
	return claims, ""
}
