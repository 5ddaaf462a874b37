package pipeline

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
)

// evidence of a document for a question: what decides whether to answer at all.
type support struct {
	coverage float64 // share of the question's telling words, by weight, that the document has anywhere
	asked    float64 // the same for the nearest of the questions people ask about it, pairs of words included
	missing  float64 // weight of the heaviest telling word that no document at all has
}

// Floors of an answer, chosen on eval/sets (residents, declines): see confident.
const (
	coverageFloor = 0.50
	askedFloor    = 0.16
	sureCoverage  = 0.80
	sureAsked     = 0.42
	offTopicAsked = 0.40 // what a question with an off-topic phrase needs
)

// idf is how much a word tells: the logarithm of how few documents have it.
func (a *Assistant) idf(word string) float64 {
	n := float64(len(a.lib.Documents))
	df := float64(a.lib.Words[word])
	return math.Log(1 + (n-df+0.5)/(df+0.5))
}

// supportOf measures a document against a question.
func (a *Assistant) supportOf(q *understanding, doc *corpus.Document) support {
	words := a.wordsOf(q)
	var s support
	if words.total == 0 {
		return s
	}
	have := make(map[string]bool)
	take := func(text string) {
		for _, t := range vietnamese.Tokenize(nil, text) {
			have[q.form(t)] = true
		}
	}
	take(doc.Title)
	take(doc.Field)
	take(strings.Join(doc.Aliases, "\n"))
	for _, line := range doc.Asked {
		take(line)
		s.asked = max(s.asked, words.overlap(q, line))
	}
	for _, name := range append([]string{doc.Title}, doc.Aliases...) {
		s.asked = max(s.asked, words.overlap(q, name))
	}
	for _, sec := range a.lib.Passages(doc) {
		take(sec.Heading)
		take(sec.Body)
	}
	found, all := 0.0, 0.0
	for _, t := range q.content {
		w := a.idf(q.form(t))
		all += w
		if have[q.form(t)] {
			found += w
		} else if a.lib.Words[q.form(t)] == 0 {
			s.missing = max(s.missing, w)
		}
	}
	if all > 0 {
		s.coverage = found / all
	}
	return s
}

// confident reports whether the best document answers the question: it is named,
// or it has most of what the question speaks of and somebody asks about it in
// nearly these words.
func (a *Assistant) Dump(ctx context.Context, question Question) (string, []float64) {
	q := a.understand(ctx, question)
	found, _ := a.retriever.Search(ctx, q.query)
	if len(found.Documents) == 0 {
		return "", nil
	}
	d := found.Documents[0]
	second := 0.0
	if len(found.Documents) > 1 {
		second = found.Documents[1].Score
	}
	out := 0.0
	if _, ok := a.lib.AsOutside(d.ID); ok {
		out = 1
	}
	sup := support{}
	if out == 0 {
		sup = a.supportOf(q, a.lib.Document(d.ID))
	}
	pout := 0.0
	for _, x := range found.Documents {
		if _, ok := a.lib.AsOutside(x.ID); ok {
			pout += x.Probability
		}
	}
	named := 0.0
	if slices.Contains(q.named, d.ID) {
		named = 1
	}
	off := 0.0
	if q.kind == offTopic {
		off = 1
	}
	if q.kind == harmful {
		off = 2
	}
	return d.ID, []float64{d.Probability, d.Score, second / d.Score, out, sup.coverage, sup.asked, pout, named, off, float64(len(q.content)), sup.missing}
}

func (a *Assistant) confident(q *understanding, best *corpus.Document) bool {
	if q.followUp || slices.Contains(q.named, best.ID) && q.kind != offTopic {
		return true
	}
	s := a.supportOf(q, best)
	if q.kind == offTopic {
		return s.asked >= offTopicAsked && s.coverage >= sureCoverage
	}
	return s.coverage >= coverageFloor && s.asked >= askedFloor ||
		s.coverage >= sureCoverage || s.asked >= sureAsked
}

// ambiguous returns the documents to choose from when a question is so short that
// several fit it equally; nil when the best is the one.
func (a *Assistant) ambiguous(q *understanding, found retrieval.Result) []string {
	const (
		short = 2    // telling words
		close = 0.93 // of the best score
		most  = 4    // choices a person can keep in mind
	)
	if len(q.content) > short || q.followUp || len(q.named) > 0 {
		return nil
	}
	var choices []string
	for _, d := range found.Documents {
		if d.Score >= close*found.Documents[0].Score && len(choices) < most {
			choices = append(choices, d.ID)
		}
	}
	if len(choices) < 2 {
		return nil
	}
	return choices
}

// glance finds the document an earlier question was about when nothing else says.
func (a *Assistant) glance(ctx context.Context, restored string, accented bool) []string {
	found, err := a.retriever.Search(ctx, retrieval.Query{Text: restored, Accented: accented})
	if err != nil || len(found.Documents) == 0 {
		return nil // the follow-up is then answered as a question of its own
	}
	return []string{found.Documents[0].ID}
}

// decline ends a question about a matter the knowledge knows it has nothing on.
func (a *Assistant) decline(out *Outcome, q *understanding, o corpus.Outside) {
	switch o.Kind {
	case corpus.Harmful:
		q.kind = harmful
		a.reply(out, q)
	case corpus.OffTopic:
		q.kind = offTopic
		a.abstain(out, q)
	case corpus.Personal:
		out.Status, out.Understood.Intent = Refused, "pii"
		out.Answer = "Tôi không xem được và không cung cấp thông tin của người hay hồ sơ cụ thể. Hồ sơ của chính bạn: tra mã hồ sơ trên Cổng Dịch vụ công quốc gia, hoặc hỏi nơi đã nhận hồ sơ, nhớ mang giấy hẹn và giấy tờ tùy thân."
	case corpus.Advice:
		out.Status, out.Understood.Intent = Refused, "out_of_scope"
		out.Answer = "Việc này cần người có chuyên môn xem xét từng trường hợp nên tôi không dám khuyên. Bạn hỏi luật sư, hoặc hỏi xã, phường nơi ở về trợ giúp pháp lý."
	default:
		a.abstain(out, q)
	}
}

// abstain says that nothing good enough was found, and whom to ask instead.
func (a *Assistant) abstain(out *Outcome, q *understanding) {
	out.Status = Abstained
	out.Understood.Intent = cmp.Or(out.Understood.Intent, "out_of_scope")
	if q.kind == offTopic {
		out.Status = Refused
		out.Understood.Intent = "out_of_scope"
		out.Answer = "Câu này nằm ngoài việc tôi giúp được. Tôi chỉ trả lời về thủ tục hành chính, bảo hiểm, trợ cấp và kỹ năng số. Bạn cần làm giấy tờ gì, cứ hỏi nhé."
		return
	}
	var b strings.Builder
	b.WriteString("Tôi chưa có thông tin chắc chắn về việc này nên không dám trả lời. Bạn hỏi giúp:")
	b.WriteString("\n- Trung tâm Phục vụ hành chính công xã, phường nơi bạn ở.")
	if c, ok := a.lib.Contact("cong-dvc"); ok && c.Verified {
		b.WriteString("\n- " + c.Name + ": " + c.Phone + ".")
	}
	b.WriteString("\nHoặc bạn nói rõ hơn việc cần làm (làm mới, cấp lại hay đổi, cho ai, giấy tờ gì), tôi tìm lại.")
	out.Answer = b.String()
}
