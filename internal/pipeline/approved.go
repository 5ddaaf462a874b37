package pipeline

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// Approved is an answer that somebody of the staff stands for.
type Approved struct {
	Name      string   // names it in outcomes
	Questions []string // the ways of asking that it answers
	Answer    string   // marks like [1] in it are left out: its sources are cited at its end
	Documents []string // it rests on; without any it is not given
	From      corpus.Date
	Expires   time.Time // zero: never
}

// checkApproved stands in the place of checkNumbers in the checks of an approved
// answer: who approved it stands for its figures, and says what they rest on.
const checkApproved = "approved_source"

// Approve makes these the approved answers, in the place of those before. An answer
// of which a source has changed must not be among them; one that rests on a document
// that is not in the library is left out here. It may be called while questions are
// answered.
func (a *Assistant) Approve(list []Approved) {
	if len(list) == 0 {
		a.approved.Store(nil)
		return
	}
	a.weighing.Do(func() { a.weights = askedWeights(a.lib) })
	t := &approvals{weights: a.weights, byShape: make(map[string][]*approvedForm)}
	for i := range list {
		answer := &list[i]
		if answer.Answer == "" || len(answer.Documents) == 0 || slices.ContainsFunc(answer.Documents, func(id string) bool { return a.lib.Document(id) == nil }) {
			continue
		}
		for _, asked := range answer.Questions {
			q := a.understand(context.Background(), Question{Text: asked, AsOf: corpus.Today(a.now())})
			if words := a.telling(q); len(words) > 0 {
				key := shape(q)
				t.byShape[key] = append(t.byShape[key], &approvedForm{answer: answer, accented: q.accented, exact: t.words(words, exactWord), folded: t.words(words, foldedWord)})
			}
		}
	}
	a.approved.Store(t)
}

// approvals are the approved answers by what their questions ask for.
type approvals struct {
	weights map[string]float64 // of a word without diacritics; see askedWeights
	byShape map[string][]*approvedForm
}

// approvedForm is one way of asking for an approved answer.
type approvedForm struct {
	answer        *Approved
	accented      bool
	exact, folded wordSet
}

// wordSet are the telling words and pairs of neighbours of a question.
type wordSet struct {
	words map[string]bool    // that the other question must have too
	grams map[string]float64 // with their weights
	norm  float64
}

// approvedNear is how near a question must be to one that an approved answer was
// written for: the cosine of the weighted words and pairs. Almost is not enough here,
// since what is said to one case is wrong in the next: every telling word of the one
// must be in the other besides. The value was chosen on the questions of eval/sets and
// the known ways of asking, see TestApprovedKeepsToItsQuestion.
const approvedNear = 0.75

// findApproved returns the approved answer to a question that may be given as of a day, nil
// when there is none.
func (a *Assistant) findApproved(q *understanding) *Approved {
	t := a.approved.Load()
	if t == nil || q.followUp || q.places.picked || q.kind == harmful || q.kind == personal || q.kind == instruction {
		return nil
	}
	forms := t.byShape[shape(q)]
	if len(forms) == 0 {
		return nil
	}
	words := a.telling(q)
	exact, folded := t.words(words, exactWord), t.words(words, foldedWord)
	var best *Approved
	nearest := approvedNear
	for _, f := range forms {
		asked, form := exact, f.exact
		if !q.accented || !f.accented {
			asked, form = folded, f.folded
		}
		if near := asked.near(form); near >= nearest && (best == nil || near > nearest) && a.mayGive(f.answer, q.asOf) {
			best, nearest = f.answer, near
		}
	}
	return best
}

// mayGive reports whether an approved answer is one of that day: approved before,
// not expired now or then, all of its sources in force.
func (a *Assistant) mayGive(answer *Approved, asOf corpus.Date) bool {
	if !answer.Expires.IsZero() && (!a.now().Before(answer.Expires) || asOf > corpus.Today(answer.Expires)) {
		return false
	}
	return asOf >= answer.From && !slices.ContainsFunc(answer.Documents, func(id string) bool {
		doc := a.lib.Document(id)
		return !asOf.Within(doc.ValidFrom, doc.ValidTo)
	})
}

// shape is what two questions that are the same have in common to the letter: what
// they ask for, whether they want a yes or a no, and every figure in them.
func shape(q *understanding) string {
	var parts []string
	for _, f := range q.facets {
		parts = append(parts, string(f))
	}
	slices.Sort(parts)
	parts = slices.Compact(parts)
	if q.yesNo {
		parts = append(parts, "?")
	}
	var figures []string
	for _, v := range vietnamese.FindValues(q.text) {
		figures = append(figures, string(v.Kind)+"="+v.Canonical)
	}
	for _, t := range vietnamese.Tokenize(nil, q.text) {
		if strings.ContainsAny(t.Text, "0123456789") {
			figures = append(figures, t.Text)
		}
	}
	slices.Sort(figures)
	return strings.Join(parts, " ") + "|" + strings.Join(slices.Compact(figures), " ")
}

// turning are words that turn a question into another one although they are no
// telling words for a search.
var turning = map[string]bool{
	"không": true, "chưa": true, "trên": true, "dưới": true, "trước": true, "sau": true, "trong": true, "ngoài": true, "lại": true,
	"mới": true, "tự": true, "nếu": true, "sao": true, "chỉ": true, "ông": true, "bà": true, "vừa": true, "qua": true,
}

// dressing are words that people put before the name of a thing or leave out.
var dressing = map[string]bool{"thẻ": true, "giấy": true, "tờ": true, "thủ": true, "tục": true, "hồ": true, "sơ": true, "xin": true}

// telling are the words of a question that tell what it is about, places named in it
// among them, with those that turn it; not the "không" and "chưa" by which it ends.
func (a *Assistant) telling(q *understanding) []vietnamese.Token {
	tokens := vietnamese.Tokenize(nil, q.text)
	content := a.retriever.Content(q.text)
	var words []vietnamese.Token
	for i, t := range tokens {
		switch {
		case len(content) > 0 && content[0] == t:
			content = content[1:]
			words = append(words, t)
		case turning[t.Text] && !ends(tokens[i:]):
			words = append(words, t)
		}
	}
	return words
}

// ends reports whether a question is over but for courtesies after its first word,
// "không" or "chưa".
func ends(tokens []vietnamese.Token) bool {
	if tokens[0].Text != "không" && tokens[0].Text != "chưa" {
		return false
	}
	return !slices.ContainsFunc(tokens[1:], func(t vietnamese.Token) bool {
		return !slices.Contains([]string{"ạ", "vậy", "nhỉ", "hả", "thế", "nhé", "ơi", "em", "anh", "chị", "ad", "bạn"}, t.Text)
	})
}

func exactWord(t vietnamese.Token) string  { return t.Text }
func foldedWord(t vietnamese.Token) string { return t.Folded }

// words weighs the words of a question in one form.
func (t *approvals) words(tokens []vietnamese.Token, form func(vietnamese.Token) string) wordSet {
	s := wordSet{words: make(map[string]bool), grams: make(map[string]float64)}
	previous, weight := "", 0.0
	for _, token := range tokens {
		word, w := form(token), t.weight(token)
		s.grams[word] = w
		if !dressing[token.Text] {
			s.words[word] = true
		}
		if previous != "" {
			s.grams[previous+" "+word] = (weight + w) / 2
		}
		previous, weight = word, w
	}
	for _, w := range s.grams {
		s.norm += w * w
	}
	s.norm = math.Sqrt(s.norm)
	return s
}

func (t *approvals) weight(token vietnamese.Token) float64 {
	w := t.weights[token.Folded]
	if w == 0 {
		w = t.weights[""]
	}
	return w
}

// near is the cosine of two questions, 0 when one has a telling word that the other
// lacks.
func (s wordSet) near(other wordSet) float64 {
	if !maps.Equal(s.words, other.words) {
		return 0
	}
	common := 0.0
	for gram, w := range s.grams {
		common += w * other.grams[gram]
	}
	return common / (s.norm * other.norm)
}

// askedWeights weighs words without diacritics: the rarer among all known ways of
// asking, the heavier; under "" what none of them has.
func askedWeights(lib *corpus.Library) map[string]float64 {
	weights := make(map[string]float64)
	n := 0
	for _, d := range lib.Documents {
		for _, text := range slices.Concat([]string{d.Title}, d.Aliases, d.Asked) {
			n++
			seen := make(map[string]bool)
			for _, t := range vietnamese.Tokenize(nil, vietnamese.Normalize(text)) {
				if !seen[t.Folded] {
					seen[t.Folded] = true
					weights[t.Folded]++
				}
			}
		}
	}
	for word, has := range weights {
		weights[word] = math.Log((float64(n) + 1) / (has + 0.5))
	}
	weights[""] = math.Log((float64(n) + 1) / 0.5)
	return weights
}

// approvedDraft is an approved answer with its sources, checked.
type approvedDraft struct {
	*draft
	answer *Approved
	checks map[string]string
}

// approvedFor returns the approved answer to a question; nil when there is none, or
// when one of the checks fails that nobody can stand for.
func (a *Assistant) approvedFor(out *Outcome, q *understanding) *approvedDraft {
	answer := a.findApproved(q)
	if answer == nil {
		return nil
	}
	d, checks := a.approvedText(answer, q)
	if failed := failedOf(checks); len(failed) > 0 {
		out.Degraded = append(out.Degraded, "approved answer "+answer.Name+" withheld: "+strings.Join(failed, ", ")+" failed")
		return nil
	}
	return &approvedDraft{d, answer, checks}
}

// approvedText writes an approved answer with its sources, and checks it.
func (a *Assistant) approvedText(answer *Approved, q *understanding) (*draft, map[string]string) {
	d := newDraft(a.lib, q.asOf)
	d.lines = strings.Split(strings.TrimSpace(citationMark.ReplaceAllString(answer.Answer, "")), "\n")
	for i, l := range d.lines {
		d.lines[i] = strings.TrimRight(l, " \t\r")
	}
	for _, id := range answer.Documents {
		doc := a.lib.Document(id)
		if mark := " " + d.cite(doc, firstSection(doc)); !strings.HasSuffix(d.lines[len(d.lines)-1], mark) {
			d.lines[len(d.lines)-1] += mark
		}
	}
	a.markUnverified(d)
	checks, _ := a.verify(d, q)
	delete(checks, checkNumbers)
	checks[checkApproved] = "pass"
	return d, checks
}

func failedOf(checks map[string]string) []string {
	var failed []string
	for name, result := range checks {
		if result != "pass" {
			failed = append(failed, name)
		}
	}
	slices.Sort(failed)
	return failed
}

// Withholds names the checks that an approved answer would fail whenever it is asked
// for, so that who writes it can put it right; none: it would be given. It passes over
// documents that are not in the library.
func (a *Assistant) Withholds(answer Approved) []string {
	answer.Documents = slices.DeleteFunc(slices.Clone(answer.Documents), func(id string) bool { return a.lib.Document(id) == nil })
	_, checks := a.approvedText(&answer, &understanding{asOf: corpus.Today(a.now())})
	return failedOf(checks)
}

// give answers with an approved answer.
func (a *Assistant) give(out *Outcome, q *understanding, d *approvedDraft) {
	doc := a.lib.Document(d.answer.Documents[0])
	out.Understood.Intent = intent(q.facets, string(doc.Kind))
	out.Suggestions = a.suggestions(q, doc, nil)
	out.Checks, out.Verified = d.checks, true
	out.Status, out.Answer, out.Citations, out.AnsweredBy, out.Approved = Answered, d.text(), d.citations, "approved", d.answer.Name
}

// firstSection is the section by which a document is cited as a whole.
func firstSection(doc *corpus.Document) string {
	for _, s := range doc.Sections {
		if s.ID == "tom-tat" {
			return s.ID
		}
	}
	if len(doc.Sections) > 0 {
		return doc.Sections[0].ID
	}
	return corpus.ProfileSection
}
