package evaluation

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"troly/internal/pipeline"
	"troly/internal/privacy"
)

// Live is one answered question of a channel as it is kept for measuring: without
// personal data, people and dialogues as keyed hashes.
type Live struct {
	ID           string     `json:"outcome_id"`
	Time         time.Time  `json:"ts"`
	Conversation string     `json:"conversation_id"` // keyed hash
	User         string     `json:"user_key"`        // keyed hash, of this period's key
	Channel      string     `json:"channel"`
	Audience     string     `json:"audience,omitempty"` // citizen, official or empty
	Feedback     []Feedback `json:"feedback,omitempty"`
	Sampling     *Sampling  `json:"sample,omitempty"`

	pipeline.Outcome
}

// Feedback is what a person said of an answer. There is one of a person for an
// answer: a second one takes the place of the first.
type Feedback struct {
	Outcome string    `json:"outcome_id"`
	User    string    `json:"user_key"`
	Value   string    `json:"value"` // up or down
	Reason  string    `json:"reason,omitempty"`
	Time    time.Time `json:"ts"`
}

// The values of feedback.
const (
	ThumbsUp   = "up"
	ThumbsDown = "down"
)

// People hashes the IDs of people and dialogues with keys, so that a record tells
// who is the same and not who it is. PersonKey should change from time to time.
type People struct{ ConversationKey, PersonKey []byte }

// record makes the record of an outcome. What the pipeline did not mask is masked
// here; conversation and user are the channel's own IDs.
func (p People) record(id string, at time.Time, channel, audience, conversation, user string, o pipeline.Outcome) Live {
	o.Question, _ = privacy.Mask(o.Question)
	o.Understood.Normalized, _ = privacy.Mask(o.Understood.Normalized)
	if o.Checks["no_personal_data"] == "fail" {
		o.Answer, _ = privacy.Mask(o.Answer) // hotlines and office numbers of other answers stay
	}
	return Live{
		ID: id, Time: at.UTC(), Conversation: keyed(p.ConversationKey, conversation), User: keyed(p.PersonKey, user),
		Channel: channel, Audience: audience, Outcome: o,
	}
}

// keyed is a hash that nobody without the key can guess names for.
func keyed(key []byte, s string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil))[:24]
}

// give adds feedback to the outcome, in place of what the same person said before;
// of two the later counts, whichever arrives first.
func (l *Live) give(f Feedback) {
	i := slices.IndexFunc(l.Feedback, func(old Feedback) bool { return old.User == f.User })
	switch {
	case i < 0:
		l.Feedback = append(l.Feedback, f)
	case !f.Time.Before(l.Feedback[i].Time):
		l.Feedback[i] = f
	}
}

// down reports whether anybody was not content.
func (l *Live) down() bool {
	return slices.ContainsFunc(l.Feedback, func(f Feedback) bool { return f.Value == ThumbsDown })
}

// ReadLive reads outcome records, one JSON object a line, in order of time. The same
// outcome twice is an error that names the line.
func ReadLive(r io.Reader, name string) ([]Live, error) {
	var all []Live
	seen := make(map[string]bool)
	err := eachJSONLine(r, name, func(l Live) error {
		switch {
		case l.ID == "":
			return errors.New("outcome_id is missing")
		case seen[l.ID]:
			return fmt.Errorf("outcome %q is there twice", l.ID)
		case l.Status == "":
			return fmt.Errorf("outcome %q has no status", l.ID)
		case l.Sampling != nil && l.Sampling.Sampled && (l.Sampling.Probability <= 0 || l.Sampling.Probability > 1):
			return fmt.Errorf("outcome %q: its inclusion probability is %v, it must lie above 0 and up to 1", l.ID, l.Sampling.Probability)
		}
		seen[l.ID] = true
		all = append(all, l)
		return nil
	})
	slices.SortStableFunc(all, func(a, b Live) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return all, err
}

// ReadFeedback reads feedback and gives it to its outcomes; it returns how many were
// about outcomes that are not there.
func ReadFeedback(r io.Reader, name string, outcomes []Live) (unknown int, err error) {
	index := make(map[string]*Live)
	for i := range outcomes {
		index[outcomes[i].ID] = &outcomes[i]
	}
	err = eachJSONLine(r, name, func(f Feedback) error {
		if f.Value != ThumbsUp && f.Value != ThumbsDown {
			return fmt.Errorf("value %q: write up or down", f.Value)
		}
		if l := index[f.Outcome]; l != nil {
			l.give(f)
		} else {
			unknown++
		}
		return nil
	})
	return unknown, err
}

// eachJSONLine decodes JSON lines; errors name the line.
func eachJSONLine[T any](r io.Reader, name string, each func(T) error) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxSample)
	n := 0
	for scanner.Scan() {
		n++
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		var v T
		err := json.Unmarshal(scanner.Bytes(), &v)
		if err != nil {
			err = jsonError(err)
		} else {
			err = each(v)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("%s:%d: %w", name, n+1, err)
	}
	return nil
}
