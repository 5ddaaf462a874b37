package pipeline

import (
	"context"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
)

// Recogniser returns a function that names the emergency whose phrases a question
// holds, or "".
func Recogniser(lib *corpus.Library) func(question string) string {
	a := New(lib, retrieval.New(lib, nil, nil, retrieval.Options{}), Options{})
	return func(question string) string {
		typed := vietnamese.Normalize(question)
		s := a.emergencies.read(a.glossary.Expand(typed), a.spelled(typed), !vietnamese.MissingDiacritics(typed))
		if s.matter == nil {
			return ""
		}
		return s.matter.ID
	}
}

// Find names the approved answer that a question is given, or "".
func Find(a *Assistant, question string) string {
	q := a.understand(context.Background(), Question{Text: question, AsOf: corpus.Today(a.now())})
	if answer := a.findApproved(q); answer != nil && q.signs.matter == nil {
		return answer.Name
	}
	return ""
}
