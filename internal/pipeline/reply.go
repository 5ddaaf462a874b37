package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"troly/internal/llm"
)

// modelReply is what a model answers with.
type modelReply struct {
	Complete  string          `json:"complete"` // full, partial or none
	Used      []int           `json:"used"`     // passages, from 1
	Sentences []modelSentence `json:"sentences"`
}

type modelSentence struct {
	Text     string `json:"text"`
	Passages []int  `json:"passages"` // that say it, from 1
}

// replySchema is the shape of a modelReply for servers that enforce one.
func replySchema() *llm.Schema {
	return &llm.Schema{Name: "answer", JSON: json.RawMessage(`{"type":"object","additionalProperties":false,"required":["complete","used","sentences"],"properties":{
		"complete":{"type":"string","enum":["full","partial","none"]},
		"used":{"type":"array","items":{"type":"integer"}},
		"sentences":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["text","passages"],"properties":{"text":{"type":"string"},"passages":{"type":"array","items":{"type":"integer"}}}}}}}`)}
}

// errNotAReply is wrapped by errors about a text that is no modelReply.
var errNotAReply = errors.New("not the JSON asked for")

// parseReply reads a whole reply strictly: one object with the three fields, nothing
// else but a code fence or a model's thinking around it.
func parseReply(text string) (modelReply, error) {
	text = unwrapped(text)
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return modelReply{}, fmt.Errorf("%w: %w", errNotAReply, err)
	}
	for _, name := range []string{"complete", "used", "sentences"} {
		if _, ok := fields[name]; !ok {
			return modelReply{}, fmt.Errorf("%w: %q is missing", errNotAReply, name)
		}
	}
	var r modelReply
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return modelReply{}, fmt.Errorf("%w: %w", errNotAReply, err)
	}
	if !slices.Contains([]string{"full", "partial", "none"}, r.Complete) {
		return modelReply{}, fmt.Errorf("%w: complete is %q", errNotAReply, r.Complete)
	}
	return r, nil
}

// unwrapped takes off what models put around JSON.
func unwrapped(text string) string {
	if _, after, ok := strings.Cut(text, "</think>"); ok {
		text = after
	}
	text = strings.TrimSpace(text)
	if body, ok := strings.CutPrefix(text, "```"); ok {
		body = strings.TrimSuffix(strings.TrimSpace(body), "```")
		text = strings.TrimSpace(strings.TrimPrefix(body, "json"))
	}
	return text
}

// replyReader finds the sentences of a reply while it arrives, so that each can be
// checked and shown before the rest is written. It relies on nothing: a reply that
// puts its fields in another order is simply read at its end.
type replyReader struct {
	text   []byte
	at     int // bytes looked at
	stack  []byte
	quoted bool
	escape bool
	start  int // of the object under way in the array of sentences
	head   *modelReply
}

// add takes the next piece and returns the sentences that it completes, once the
// fields before them are known.
func (r *replyReader) add(piece string) []modelSentence {
	r.text = append(r.text, piece...)
	if r.at == 0 {
		begin := slices.Index(r.text, '{')
		if begin < 0 || strings.Contains(string(r.text[:begin]), "<think") && !strings.Contains(string(r.text), "</think>") {
			return nil // nothing yet, or thinking out loud
		}
		r.at = begin
	}
	var done []modelSentence
	for ; r.at < len(r.text); r.at++ {
		if s, ok := r.step(r.text[r.at]); ok {
			done = append(done, s)
		}
	}
	return done
}

// step looks at one byte.
func (r *replyReader) step(c byte) (modelSentence, bool) {
	switch {
	case r.escape:
		r.escape = false
	case r.quoted:
		r.escape, r.quoted = c == '\\', c != '"'
	case c == '"':
		r.quoted = true
	case c == '{' || c == '[':
		if c == '{' && string(r.stack) == "{[" {
			r.start = r.at
			r.readHead()
		}
		r.stack = append(r.stack, c)
	case (c == '}' || c == ']') && len(r.stack) > 0:
		r.stack = r.stack[:len(r.stack)-1]
		if c == '}' && string(r.stack) == "{[" && r.head != nil {
			var s modelSentence
			err := json.Unmarshal(r.text[r.start:r.at+1], &s)
			return s, err == nil
		}
	}
	return modelSentence{}, false
}

// readHead reads the fields before the first sentence.
func (r *replyReader) readHead() {
	if r.head != nil {
		return
	}
	begin := slices.Index(r.text, '{')
	if head, err := parseReply(string(r.text[begin:r.start]) + "]}"); err == nil {
		r.head = &head
	}
}
