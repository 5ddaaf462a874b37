// Package pipeline answers one question: understand -> retrieve -> answer ->
// verify -> Outcome. It works without a model: typed facts are printed from their
// records, and words come from the documents. It knows nothing of channels;
// cmd/troly, conversation and evaluation call Ask.
package pipeline

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"troly/internal/corpus"
	"troly/internal/llm"
	"troly/internal/privacy"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
	"troly/prompts"
)

// Retriever finds documents for a question; *retrieval.Retriever is one.
type Retriever interface {
	Search(ctx context.Context, q retrieval.Query) (retrieval.Result, error)
	Content(text string) []vietnamese.Token // the telling words of a question
}

// Assistant answers questions. Any number of goroutines may call Ask.
type Assistant struct {
	lib       *corpus.Library
	retriever Retriever
	glossary  *vietnamese.Glossary
	restorer  *vietnamese.Restorer
	aliases   *aliasTable
	laws      lawTable
	facets    *phraseTable
	asks      *phraseTable // of matters
	whethers  *phraseTable // of matters, where a yes or a no is wanted
	talks     *phraseTable
	pages     pages
	cues      *phraseTable // of questions about places

	emergencies *emergencies
	masker      *privacy.Masker
	writer      *writer // nil: answers are extracts only
	watcher     Watcher // nil: nobody watches
	versions    Versions
	now         func() time.Time

	approved atomic.Pointer[approvals] // nil: there are none
	rules    atomic.Pointer[rules]     // of the last answer of a model, which are those of the next
	weighing sync.Once                 // of weights
	weights  map[string]float64
}

// Options are what an Assistant is made of beside the library and the retriever.
type Options struct {
	Build    string           // version of the program, for Outcome.Versions
	Embedder string           // likewise
	Now      func() time.Time // nil: time.Now

	Model    llm.Generator // nil: answers are extracts only
	Prompts  *prompts.Set  // for Model
	AnswerIn time.Duration // that Model has for one answer, a second try included; 0: 15 s

	// Moderate reports whether Model must not be given a question; nil: it may be given
	// all. What it flags is answered by the extract; when it fails Model is asked.
	Moderate func(ctx context.Context, text string) (flagged bool, err error)

	Watcher Watcher // told of each question; nil: nobody
}

// New returns an Assistant that answers from lib with what retriever finds in it.
func New(lib *corpus.Library, retriever Retriever, opts Options) *Assistant {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	glossary := vietnamese.NewGlossary(lib.Glossary)
	a := &Assistant{
		lib: lib, retriever: retriever,
		glossary: glossary,
		restorer: vietnamese.NewRestorer(lib.Vocabulary),
		aliases:  newAliasTable(lib, glossary, retriever.Content),
		facets:   newFacetTable(),
		laws:     newLawTable(lib),
		talks:    newTalkTable(),
		cues:     newPlaceTable(),

		emergencies: newEmergencies(lib.Emergencies),
		masker:      privacy.New(lib.Public),

		versions: Versions{Build: opts.Build, Knowledge: lib.Version, Embedder: opts.Embedder},
		now:      opts.Now,
		watcher:  opts.Watcher,
	}
	a.asks, a.whethers = newMatterTables()
	if opts.Model != nil {
		a.writer = newWriter(opts)
		a.versions.Prompts = opts.Prompts.Version()
	}
	return a
}

// Ask answers one question. It always returns an Outcome with a status: what goes
// wrong on the way is in it.
func (a *Assistant) Ask(ctx context.Context, question Question) Outcome {
	return a.Stream(ctx, question, nil)
}

// Stream is Ask that shows a model's answer while it is written; see Release.
func (a *Assistant) Stream(ctx context.Context, question Question, release Release) Outcome {
	if a.watcher == nil {
		return a.stream(ctx, question, release)
	}
	ctx, done := a.watcher.Question(ctx)
	out := a.stream(ctx, question, release)
	done(&out)
	return out
}

func (a *Assistant) stream(ctx context.Context, question Question, release Release) Outcome {
	start := a.now()
	if question.AsOf == "" {
		question.AsOf = corpus.Today(start)
	}
	out := Outcome{
		Question: a.masked(question.Text), Citations: []Citation{}, Retrieved: []Retrieved{}, Checks: map[string]string{},
		Suggestions: []string{}, Degraded: []string{}, Versions: a.versions,
	}

	stage, end := a.stage(ctx, "understand")
	q := a.understand(stage, question)
	end()
	out.Understood = a.understood(q)
	out.Understood.OldUnits = q.places.names()
	understood := a.now()
	out.Timings.Understand = ms(understood.Sub(start))

	if q.signs.matter != nil {
		a.relieve(&out, q, q.signs.matter)
		out.Timings.Total = ms(a.now().Sub(start))
		return out
	}
	given := a.approvedFor(&out, q)
	if given == nil && (q.kind != harmful && q.kind != personal && a.reply(&out, q) || a.answerRemark(&out, q, question.History) || a.answerPlace(ctx, &out, q) || a.answerLaw(&out, q)) {
		out.Timings.Total = ms(a.now().Sub(start))
		return out
	}
	stage, end = a.stage(ctx, "retrieve")
	found, err := a.retrieve(stage, q)
	if err == nil && given == nil {
		q, found = a.standalone(stage, &out, q, question, found)
	}
	end()
	retrieved := a.now()
	out.Timings.Retrieve = ms(retrieved.Sub(understood))
	if err != nil && given == nil {
		a.fail(&out, err)
		out.Timings.Total = ms(a.now().Sub(start))
		return out
	}
	out.Retrieved, out.Degraded = flatten(found), append(out.Degraded, found.Degraded...)

	stage, end = a.stage(ctx, "answer")
	var d *draft
	if given != nil && !a.callsForHelp(q, found) {
		a.give(&out, q, given)
	} else {
		d = a.answer(stage, &out, q, found)
		a.tellNoDistrict(&out, q)
	}
	written := d != nil && a.write(stage, &out, q, question.History, d, release)
	end()
	answered := a.now()
	out.Timings.Answer = ms(answered.Sub(retrieved))

	if d != nil && !written {
		_, end = a.stage(ctx, "verify")
		a.check(&out, q, d)
		end()
	}
	verified := a.now()
	out.Timings.Verify, out.Timings.Total = ms(verified.Sub(answered)), ms(verified.Sub(start))
	return out
}

// answer decides how to reply to what was found: nothing to answer, several
// documents that fit, or one to answer from; only the last returns a draft.
func (a *Assistant) answer(ctx context.Context, out *Outcome, q *understanding, found retrieval.Result) *draft {
	found, danger := a.dangerIn(q, found)
	if danger.clear(q) {
		a.relieve(out, q, danger.likeliest)
		return nil
	}
	if a.saysNoMatter(q) && (q.yesNo || danger.probability < dangerHint) {
		out.Status, out.Answer = Clarify, askForPaper
		return nil
	}
	if choices := a.vague(q, found); danger.probability < dangerHint && len(choices) > 0 {
		a.clarify(out, askBack, choices)
		return nil
	}
	if danger.probability < dangerHint && a.kindUnsaid(q) {
		a.askKind(out, a.withoutOutside(found))
		return nil
	}
	found = withLesson(found, danger)
	if a.declines(out, q, found) {
		a.warn(out, danger)
		return nil
	}
	found = a.withoutOutside(found)
	if a.placeFound(ctx, out, q, found) {
		return nil
	}
	if choices := a.ambiguous(q, found); len(choices) > 0 {
		a.clarify(out, askBack, choices)
		return nil
	}
	best := found.Documents[0]
	doc := a.lib.Document(best.ID)
	out.Understood.Intent = intent(q.facets, string(doc.Kind))
	out.Suggestions = a.suggestions(q, doc, rivals(found))
	other := a.otherWish(ctx, q, found)
	d := a.compose(q, best, q.asOf, other)
	d.found = found
	if other != nil {
		title := a.lib.Document(other.hit.ID).Title
		out.Suggestions = slices.DeleteFunc(out.Suggestions, func(s string) bool { return s == title })
	}
	return d
}

// check verifies a draft and makes it the answer, or abstains when it fails.
func (a *Assistant) check(out *Outcome, q *understanding, d *draft) {
	a.markUnverified(d)
	checks, verified := a.verify(d, q)
	out.Checks, out.Verified = checks, verified
	if !verified {
		out.Degraded = append(out.Degraded, "answer withheld: a check failed")
		a.abstain(out, q)
		return
	}
	out.Status, out.Answer, out.Citations, out.AnsweredBy = Answered, d.text(), d.citations, "extractive"
}

// withoutOutside leaves out the matters that are only there to be recognised.
func (a *Assistant) withoutOutside(found retrieval.Result) retrieval.Result {
	found.Documents = slices.DeleteFunc(slices.Clone(found.Documents), func(d retrieval.Document) bool {
		_, ok := a.lib.AsOutside(d.ID)
		return ok
	})
	return found
}

// rivals are other documents nearly as good as the best.
func rivals(found retrieval.Result) []retrieval.Document {
	const near = 0.8 // of the best score: the reader may have meant these
	var others []retrieval.Document
	for _, d := range found.Documents[1:] {
		if d.Score >= near*found.Documents[0].Score {
			others = append(others, d)
		}
	}
	return others
}

// askBack is how a choice between documents is put.
const askBack = "Bạn muốn hỏi về việc nào?"

// askForPaper is the question back when nothing says what paper is meant, so that any
// choice would be a guess.
const askForPaper = "Bạn hỏi về giấy tờ, thủ tục nào? Bạn nhắn thêm tên việc, ví dụ: \"làm căn cước mất bao lâu\", \"đăng ký kết hôn có mất tiền không\"."

// clarify asks one short question back, with documents to choose from.
func (a *Assistant) clarify(out *Outcome, question string, choices []string) {
	var b strings.Builder
	b.WriteString(question)
	for i, id := range choices {
		title := a.lib.Document(id).Title
		fmt.Fprintf(&b, "\n%d. %s", i+1, title)
		out.Suggestions = append(out.Suggestions, title)
	}
	out.Status, out.Answer, out.Choices = Clarify, b.String(), choices
}

// fail turns an error of a part into an outcome a resident can read.
func (a *Assistant) fail(out *Outcome, err error) {
	out.Status, out.Error = Failed, err.Error()
	out.Answer = "Xin lỗi, tôi đang gặp trục trặc nên chưa trả lời được. Bạn thử lại sau ít phút, hoặc hỏi Trung tâm Phục vụ hành chính công xã, phường."
}

// understood is the public part of an understanding.
func (a *Assistant) understood(q *understanding) Understood {
	u := Understood{
		Normalized: a.masked(q.text), Intent: intent(q.facets, ""), Facets: q.facets, Variant: q.variant,
		Documents: q.named, OldUnits: []string{}, FollowUp: q.followUp,
	}
	if u.Facets == nil {
		u.Facets = []Facet{}
	}
	if u.Documents == nil {
		u.Documents = []string{}
	}
	return u
}

// flatten lists what was found by section, best first, each once.
func flatten(found retrieval.Result) []Retrieved {
	list := []Retrieved{}
	for _, d := range found.Documents {
		if strings.HasPrefix(d.ID, corpus.OutsidePrefix) {
			continue
		}
		for _, s := range d.Sections {
			list = append(list, Retrieved{Document: d.ID, Section: s.ID, Score: round(s.Score)})
		}
	}
	slices.SortStableFunc(list, func(a, b Retrieved) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return strings.Compare(a.Document+"\x00"+a.Section, b.Document+"\x00"+b.Section)
	})
	return list
}

// masked is a question, or an answer before, as models, logs and stores may see it.
func (a *Assistant) masked(s string) string {
	masked, _ := a.masker.Mask(a.cut(s))
	return masked
}

func ms(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e3 }
func round(f float64) float64    { return math.Round(f*1e4) / 1e4 }
func itoa(n int) string          { return strconv.Itoa(n) }

// Search returns what retrieval finds for a question, by section, best first,
// without judging or answering.
func (a *Assistant) Search(ctx context.Context, question Question) ([]Retrieved, error) {
	found, err := a.retriever.Search(ctx, a.understand(ctx, question).query)
	if err != nil {
		return nil, err
	}
	return flatten(found), nil
}
