package judge

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// said is the form in which a judge answers; the verdict comes last, after the
// reason and the evidence, so that it follows from them.
type said struct {
	Reason  string  `json:"reason"`
	Quote   string  `json:"quote"`
	Verdict Verdict `json:"verdict"`
}

// verdictSchema is the JSON schema of an answer.
func verdictSchema(offered []Verdict) json.RawMessage {
	schema, err := json.Marshal(map[string]any{
		"type":                 "object",
		"additionalProperties": false,
		"required":             []string{"reason", "quote", "verdict"},
		"properties": map[string]any{
			"reason":  map[string]any{"type": "string"},
			"quote":   map[string]any{"type": "string"},
			"verdict": map[string]any{"type": "string", "enum": offered},
		},
	})
	if err != nil {
		panic(err) // a map of strings always encodes
	}
	return schema
}

var bareVerdict = regexp.MustCompile(`(?i)"?verdict"?\s*[:=]\s*"?([a-z_]+)"?`)

// lastVerdict reads the last verdict of an answer, in a JSON object as asked for or
// bare as some models write it. One that was not offered is none, even if an offered
// one stands before it. offered nil accepts any.
func lastVerdict(text string, offered []Verdict) (said, bool) {
	object, at := lastObject(text)
	bare := bareVerdict.FindAllStringSubmatchIndex(text, -1)
	if n := len(bare); n > 0 && bare[n-1][0] > at {
		object = said{Reason: object.Reason, Quote: object.Quote, Verdict: Verdict(strings.ToLower(text[bare[n-1][2]:bare[n-1][3]]))}
	}
	if object.Verdict == "" || offered != nil && !slices.Contains(offered, object.Verdict) {
		return said{}, false
	}
	return object, true
}

// lastObject decodes the last JSON object of a text that has a verdict, and returns
// the position of its end, -1 without any.
func lastObject(text string) (last said, end int) {
	end = -1
	for i := 0; i < len(text); i++ {
		if text[i] != '{' {
			continue
		}
		var s said
		dec := json.NewDecoder(strings.NewReader(text[i:]))
		if dec.Decode(&s) == nil && s.Verdict != "" {
			last, end = s, i+int(dec.InputOffset())
			i = end - 1
		}
	}
	return last, end
}
