package pipeline

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"troly/internal/corpus"
	"troly/internal/privacy"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
)

// MaxQuestion is how many bytes of a question are read; the rest is cut off at a
// rune. It bounds the work a question can cause: the longest real question in the
// sets we know has under 600 bytes.
const MaxQuestion = 2000

// understanding is a question after the first stage.
type understanding struct {
	raw      string // as typed, cut to MaxQuestion
	asOf     corpus.Date
	audience string
	text     string   // normalised, shorthand written out, marks restored, typos repaired
	context  []string // documents of the dialogue that the question leans on
	before   []string // documents of the turn before, whether it leans on them or not
	query    retrieval.Query
	facets   []Facet
	kinds    []vietnamese.Kind  // of the values asked for
	yesNo    bool               // it asks whether something is so
	content  []vietnamese.Token // telling words: no question phrases, no courtesies
	accented bool               // typed with diacritics
	named    []string           // documents named by alias, title or code
	variant  []string
	followUp bool
	kind     talk
}

// form is the form in which words are compared: as accented as the question was
// typed, since restored marks may be wrong.
func (q *understanding) form(t vietnamese.Token) string {
	if q.accented {
		return t.Text
	}
	return t.Folded
}

// understand reads a question without looking anything up: clean text, shorthand
// written out, marks restored, what is asked for, which documents are named.
func (a *Assistant) understand(ctx context.Context, question Question) *understanding {
	q := &understanding{raw: cutBytes(question.Text, MaxQuestion), asOf: question.AsOf, audience: question.Audience}
	typed := vietnamese.Normalize(withoutPersonalData(q.raw))
	expanded := a.glossary.Expand(typed)
	q.accented = !vietnamese.MissingDiacritics(typed)
	q.text = a.restorer.Restore(expanded)
	q.variant = variants(typed, expanded, q.text, q.accented)
	tokens := vietnamese.Tokenize(nil, q.text)
	q.facets, q.yesNo = a.facetsOf(tokens, !q.accented)
	q.kinds = kindsOf(q.facets)
	q.content = a.retriever.Content(q.text)
	q.named = a.aliases.named(tokens, q.accented)
	q.kind = a.talkOf(tokens, q)
	a.followUp(ctx, q, question.History)
	q.query = retrieval.Query{Text: q.text, Typed: typed, Accented: q.accented, Named: q.named, Context: q.context, Audience: q.audience}
	for _, e := range a.glossary.Synonyms(q.text, !q.accented) {
		q.query.Synonyms = append(q.query.Synonyms, e.Means...)
	}
	return q
}

// withoutPersonalData cuts numbers and addresses that say who asks: they tell
// nothing about what is asked.
func withoutPersonalData(s string) string {
	_, found := privacy.Mask(s)
	for _, f := range slices.Backward(found) {
		s = s[:f.Start] + s[f.End:]
	}
	return s
}

// variants names the ways in which the typed question differs from a plain one.
func variants(typed, expanded, restored string, accented bool) []string {
	v := []string{}
	if !accented {
		v = append(v, "no_diacritics")
	}
	if typed != expanded {
		v = append(v, "shorthand")
	}
	if vietnamese.Fold(expanded) != vietnamese.Fold(restored) {
		v = append(v, "typo")
	}
	return v
}

// cutBytes cuts s to at most n bytes at a rune border.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// followUp completes an elliptical question from the turn before: "thế mất bao
// nhiêu tiền?" after an answer on birth registration is about birth registration.
func (a *Assistant) followUp(ctx context.Context, q *understanding, history []Turn) {
	if len(history) == 0 {
		return
	}
	last := history[len(history)-1]
	documents := last.Documents
	if len(documents) == 0 && last.Question != "" {
		documents = a.documentsOf(ctx, history)
	}
	if choice := chosen(q, last.Choices, a.lib); choice != "" {
		q.named, q.followUp = []string{choice}, true
		q.text = last.Question + " " + q.text
		if len(q.facets) == 0 {
			q.facets = last.Facets
		}
		return
	}
	if len(documents) == 0 {
		return
	}
	if len(q.named) > 0 {
		// A new subject in an elliptical form, "còn khai tử thì sao", asks the same
		// thing about another document.
		if len(q.facets) == 0 && len(last.Facets) > 0 && startsElliptical(q.text) {
			q.facets = last.Facets
		}
		return
	}
	q.before = documents
	if elliptical(q) {
		q.followUp = true
		q.context = documents
	}
}

// documentsOf finds what earlier turns were about when the channel kept only
// their text.
func (a *Assistant) documentsOf(ctx context.Context, history []Turn) []string {
	for _, turn := range slices.Backward(history) {
		if len(turn.Documents) > 0 {
			return turn.Documents
		}
		typed := vietnamese.Normalize(cutBytes(turn.Question, MaxQuestion))
		accented := !vietnamese.MissingDiacritics(typed)
		restored := a.restorer.Restore(a.glossary.Expand(typed))
		named := a.aliases.named(vietnamese.Tokenize(nil, restored), accented)
		if hits := a.glance(ctx, retrieval.Query{Text: restored, Accented: accented, Named: named}); len(hits) > 0 {
			return hits
		}
	}
	return nil
}

// startsElliptical reports whether a question leans on the one before by its
// first words.
func startsElliptical(text string) bool {
	folded := vietnamese.Fold(text)
	for _, start := range []string{"the ", "vay ", "con ", "roi ", "neu ", "nhung ", "ma ", "o the", "a the"} {
		if strings.HasPrefix(folded, start) {
			return true
		}
	}
	return false
}

// maxEllipsis is how many telling words of its own an elliptical question has.
const maxEllipsis = 2

// elliptical reports whether a question cannot stand alone.
func elliptical(q *understanding) bool {
	n := len(q.content)
	if startsElliptical(q.text) {
		return n <= 4*maxEllipsis
	}
	return n <= maxEllipsis && len(q.facets) > 0 || n == 0
}

// chosen resolves an answer to a clarifying question: the number, or words of one
// of the offered titles.
func chosen(q *understanding, choices []string, lib *corpus.Library) string {
	if len(choices) == 0 {
		return ""
	}
	words := strings.Fields(vietnamese.Fold(q.text))
	for _, w := range words {
		if n := strings.Trim(w, ".)("); len(n) == 1 && n[0] >= '1' && int(n[0]-'0') <= len(choices) && len(words) <= 3 {
			return choices[n[0]-'1']
		}
	}
	if len(q.named) > 0 && slices.Contains(choices, q.named[0]) {
		return q.named[0]
	}
	return ""
}
