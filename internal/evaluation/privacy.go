package evaluation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"troly/internal/privacy"
)

// PrivacySet is the file of texts in which personal data is marked.
const PrivacySet = "privacy.jsonl"

// PrivacyText is one text with the personal data in it, in order. A hard negative
// has none, but digits that look like some.
type PrivacyText struct {
	ID           string        `json:"id"`
	Split        string        `json:"split"` // dev: mistakes on it were looked at; test: only measured
	Text         string        `json:"text"`
	Spans        []PrivacySpan `json:"spans"`
	HardNegative bool          `json:"hard_negative,omitempty"`
	From         string        `json:"from,omitempty"` // case of a question set whose question it is
}

// PrivacySpan is one piece of personal data.
type PrivacySpan struct {
	Kind privacy.Kind `json:"kind"`
	Text string       `json:"text"`
}

// LoadPrivacy reads marked texts and checks them: known fields, kinds and splits, each ID
// once, and every span in its text, in order.
func LoadPrivacy(fsys fs.FS, name string) ([]PrivacyText, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read marked texts %s: %w", name, unwrapPath(err))
	}
	var texts []PrivacyText
	seen := make(map[string]bool)
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, maxLine)
	for line := 1; scanner.Scan(); line++ {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		var t PrivacyText
		decoder := json.NewDecoder(bytes.NewReader(scanner.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&t); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		if problem := t.problem(); problem != "" {
			return nil, fmt.Errorf("%s:%d: %s: %s", name, line, t.ID, problem)
		}
		if seen[t.ID] {
			return nil, fmt.Errorf("%s:%d: %s is there twice", name, line, t.ID)
		}
		seen[t.ID] = true
		texts = append(texts, t)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read marked texts %s: %w", name, err)
	}
	return texts, nil
}

// problem says what is wrong with a marked text; nothing when it is well.
func (t *PrivacyText) problem() string {
	switch {
	case t.ID == "":
		return "id is missing"
	case t.Split != "dev" && t.Split != "test":
		return "split must be dev or test"
	case t.HardNegative != (len(t.Spans) == 0):
		return "a text has spans or is a hard_negative"
	}
	at := 0
	for _, s := range t.Spans {
		if !slices.Contains(privacy.Kinds(), s.Kind) {
			return fmt.Sprintf("unknown kind %q", s.Kind)
		}
		i := strings.Index(t.Text[at:], s.Text)
		if i < 0 || s.Text == "" {
			return fmt.Sprintf("span %q is not in the text, or not in this order", s.Text)
		}
		at += i + len(s.Text)
	}
	return ""
}

// PrivacyScore counts one kind, or all: Right are spans found with their kind and
// exactly as marked, Missed were not, Wrong were found where nothing, or something
// else, is marked.
type PrivacyScore struct {
	Kind      privacy.Kind `json:"kind"` // "all": every kind
	Right     int          `json:"right"`
	Missed    int          `json:"missed"`
	Wrong     int          `json:"wrong"`
	Precision float64      `json:"precision"` // 1 when nothing was found
	Recall    float64      `json:"recall"`    // 1 when nothing is marked
}

// PrivacyMiss is one text whose findings differ from its spans.
type PrivacyMiss struct {
	ID     string        `json:"id"`
	Text   string        `json:"text"`
	Missed []PrivacySpan `json:"missed,omitempty"`
	Wrong  []PrivacySpan `json:"wrong,omitempty"`
}

// PrivacyReport is how well a masker finds what is marked, on one split.
type PrivacyReport struct {
	Split         string         `json:"split"`
	Texts         int            `json:"texts"`
	HardNegatives int            `json:"hard_negatives"`
	Touched       int            `json:"hard_negatives_touched"`
	Leaked        int            `json:"texts_leaking"` // whose masked form still holds a marked span whole
	Kinds         []PrivacyScore `json:"kinds"`         // in the order of privacy.Kinds, then all
	Misses        []PrivacyMiss  `json:"misses"`
}

// All is the score of every kind together.
func (r *PrivacyReport) All() PrivacyScore { return r.Kinds[len(r.Kinds)-1] }

// ScorePrivacy measures mask on the texts of one split.
func ScorePrivacy(mask func(string) (string, []privacy.Finding), texts []PrivacyText, split string) PrivacyReport {
	kinds := append(privacy.Kinds(), "all")
	r := PrivacyReport{Split: split, Kinds: make([]PrivacyScore, len(kinds)), Misses: []PrivacyMiss{}}
	for i, k := range kinds {
		r.Kinds[i].Kind = k
	}
	count := func(k privacy.Kind, field func(*PrivacyScore) *int) {
		*field(&r.Kinds[slices.Index(kinds, k)])++
		*field(&r.Kinds[len(kinds)-1])++
	}
	for _, t := range texts {
		if t.Split != split {
			continue
		}
		r.Texts++
		masked, found := mask(t.Text)
		missed, wrong := differ(t.Spans, found)
		for range len(found) - len(wrong) {
			r.Kinds[len(kinds)-1].Right++
		}
		for i, s := range t.Spans {
			if !slices.Contains(missed, i) {
				r.Kinds[slices.Index(kinds, s.Kind)].Right++
			} else {
				count(s.Kind, func(s *PrivacyScore) *int { return &s.Missed })
			}
		}
		miss := PrivacyMiss{ID: t.ID, Text: t.Text}
		for _, i := range missed {
			miss.Missed = append(miss.Missed, t.Spans[i])
		}
		for _, i := range wrong {
			count(found[i].Kind, func(s *PrivacyScore) *int { return &s.Wrong })
			miss.Wrong = append(miss.Wrong, PrivacySpan{found[i].Kind, found[i].Text})
		}
		if len(missed)+len(wrong) > 0 {
			r.Misses = append(r.Misses, miss)
		}
		if slices.ContainsFunc(t.Spans, func(s PrivacySpan) bool { return strings.Contains(masked, s.Text) }) {
			r.Leaked++
		}
		if t.HardNegative {
			r.HardNegatives++
			if len(found) > 0 {
				r.Touched++
			}
		}
	}
	for i := range r.Kinds {
		s := &r.Kinds[i]
		s.Precision, s.Recall = share(s.Right, s.Wrong), share(s.Right, s.Missed)
	}
	return r
}

func share(right, not int) float64 {
	if right+not == 0 {
		return 1
	}
	return float64(right) / float64(right+not)
}

// differ returns the spans that no finding equals, and the findings that equal none,
// by index; signs at the ends do not count.
func differ(spans []PrivacySpan, found []privacy.Finding) (missed, wrong []int) {
	trimmed := func(s string) string { return strings.Trim(s, " .,:()-") }
	used := make([]bool, len(found))
	for i, s := range spans {
		f := 0
		for f < len(found) && (used[f] || found[f].Kind != s.Kind || trimmed(found[f].Text) != trimmed(s.Text)) {
			f++
		}
		if f == len(found) {
			missed = append(missed, i)
			continue
		}
		used[f] = true
	}
	for i := range found {
		if !used[i] {
			wrong = append(wrong, i)
		}
	}
	return missed, wrong
}
