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

// When a question is declined. The classifier says how likely it is about each
// document and about each outside matter; chosen on eval/sets so that at most one in
// fifty questions the knowledge can answer is declined.
const (
	outsideLeast = 0.10 // probability of all outside matters together from which they may decide
	outsideShare = 0.5  // and their share of the best document's
	harmfulShare = 1.0  // likewise of a harmful one: nobody is told that an honest question is a crime
	toldHarm     = 12   // words in which people tell what they are up to, when no phrase gives it away
	surelyHarm   = 1.5  // share of the best document's from which such words do; "bằng bị trừ hết 12 điểm rồi" has a little less
	trustFloor   = 3.7  // see trust
	leanFloor    = 0.35 // probability under which a question for a figure leans on the turn before
	changeFloor  = 0.6  // probability from which a question that leans on the turn before is about something else all the same
	surePhrase   = 0.6  // probability of a document that outweighs a harmful or personal phrase
)

// outsideOf returns the best outside matter among what was found and the
// probability of all of them.
func (a *Assistant) outsideOf(found retrieval.Result) (best corpus.Outside, probability float64) {
	for _, d := range found.Documents {
		if o, ok := a.lib.AsOutside(d.ID); ok {
			if probability == 0 {
				best = o
			}
			probability += d.Probability
		}
	}
	return best, probability
}

// likeliest is the largest probability of what was found.
func likeliest(found retrieval.Result) float64 {
	most := 0.0
	for _, d := range found.Documents {
		most = max(most, d.Probability)
	}
	return most
}

// trust grows with the share of the question's words that the document has and
// falls as outside matters become likelier.
func trust(coverage, outside float64) float64 {
	return 2*coverage - math.Log(max(outside, 1e-4))
}

// idf is how much a word tells: the logarithm of how few documents have it.
func (a *Assistant) idf(word string) float64 {
	n := float64(len(a.lib.Documents))
	df := float64(a.lib.Words[word])
	return math.Log(1 + (n-df+0.5)/(df+0.5))
}

// coverage is the share of the question's telling words, by weight, that a document
// has anywhere: names, asked questions, sections.
func (a *Assistant) coverage(q *understanding, doc *corpus.Document) float64 {
	p := a.page(doc, q.asOf)
	has := p.hasFolded
	if q.accented {
		has = p.has
	}
	found, all := 0.0, 0.0
	for _, t := range q.content {
		word := q.form(t)
		if t.Kind == vietnamese.Number && !has[word] {
			continue // an age, a count: a document that lacks it is no worse for it
		}
		weight := a.idf(word)
		all += weight
		if has[word] {
			found += weight
		}
	}
	if all == 0 {
		return 0
	}
	return found / all
}

// declines decides whether what was found is not good enough, or the question not
// one to answer, and then ends it.
func (a *Assistant) declines(out *Outcome, q *understanding, found retrieval.Result) bool {
	if len(found.Documents) == 0 {
		a.abstain(out, q)
		return true
	}
	best := found.Documents[0]
	if (q.kind == harmful || q.kind == personal) && best.Probability < surePhrase {
		return a.reply(out, q)
	}
	if q.followUp || q.coded != "" || q.usual {
		return false // it leans on what was answered before, or leaves no doubt
	}
	matter, outside := a.outsideOf(found)
	phrased := q.kind == harmful
	tells := len(strings.Fields(q.text)) >= toldHarm && outside >= surelyHarm*likeliest(a.withoutOutside(found))
	if matter.Kind == corpus.Harmful && (q.honest || !phrased && len(q.named) > 0) { // forgers' words, said of one's own paper
		if found = a.withoutOutside(found); len(found.Documents) == 0 {
			a.abstain(out, q)
			return true
		}
		best, outside = found.Documents[0], 0
	}
	if matter.Kind == corpus.Told && len(q.named) > 0 {
		return false // "em lấy chồng Trung Quốc" names the paper
	}
	share := outsideShare
	if matter.Kind == corpus.Harmful {
		share = harmfulShare
	}
	if strings.HasPrefix(best.ID, corpus.OutsidePrefix) || outside > outsideLeast && outside > share*best.Probability {
		if matter.Kind == corpus.Told || matter.Kind == corpus.Harmful && !phrased && !tells {
			a.askForMatter(out, a.withoutOutside(found))
		} else {
			a.decline(out, q, matter)
		}
		return true
	}
	named := slices.Contains(q.named, best.ID) && q.kind != offTopic
	if !named && trust(a.coverage(q, a.lib.Document(best.ID)), outside) < trustFloor {
		a.abstain(out, q)
		return true
	}
	return false
}

// maxChoices is how many choices a person can keep in mind.
const maxChoices = 4

// vague returns the documents to choose from when a question says one or two telling
// words, "xe máy", that people ask several documents with, none of them in half of
// the cases; nil otherwise. The classifier is sure of one all the same, or of an
// outside matter, for want of words that speak against it: "làm bằng lái" is no
// forger's question.
func (a *Assistant) vague(q *understanding, found retrieval.Result) []string {
	const (
		few  = 2   // telling words
		much = 0.3 // of the largest share, from which a document is worth offering
		sure = 0.9 // probability from which a matter that the knowledge lacks is meant
	)
	if matter, outside := a.outsideOf(found); matter.Kind == corpus.Uncovered && outside >= sure {
		return nil
	}
	if n := len(q.content); n == 0 || n > few || q.followUp || len(q.named) > 0 || q.kind != aQuestion || slices.ContainsFunc(q.query.Synonyms, a.namesOne) {
		return nil
	}
	shares := make(map[string]float64)
	most, all := 0.0, 0.0
	for _, d := range found.Documents {
		if doc := a.lib.Document(d.ID); doc != nil {
			shares[d.ID] = a.askedWith(q, doc)
			most, all = max(most, shares[d.ID]), all+shares[d.ID]
		}
	}
	var choices []string
	for _, d := range found.Documents {
		first := len(choices) == 0 // the best is offered even if few call it that
		if share := shares[d.ID]; share > 0 && (first || share >= much*most) && len(choices) < maxChoices {
			choices = append(choices, d.ID)
		}
	}
	if most >= all/2 || len(choices) < 2 {
		return nil
	}
	return choices
}

// ofKinds are words for what there are several kinds of, and befalls what is done with any
// of them or happens to it: who says no more than "thẻ hỏng" or "cấp lại giấy tờ" has not
// said which.
var (
	ofKinds = []string{"thẻ", "sổ", "bằng", "giấy", "tờ", "phép", "bản", "sao", "xác", "nhận", "chứng", "đăng", "ký"}
	befalls = []string{
		"mất", "hỏng", "rách", "nát", "ướt", "nhòe", "nhoè", "mờ", "cháy", "trôi", "gãy", "sai", "thông", "tin", "hết", "hạn",
		"đổi", "cấp", "lại", "mới", "lấy", "cần", "muốn", "bị", "xã", "ra",
	}
)

// kindUnsaid reports whether a question says no more than that it is about a card or a
// paper: a name, or a yes or no about all of them, says more.
func (a *Assistant) kindUnsaid(q *understanding) bool {
	if q.followUp || q.yesNo || len(q.named) > 0 || q.kind != aQuestion || slices.Contains(q.facets, Merger) || slices.ContainsFunc(q.query.Synonyms, a.namesOne) {
		return false
	}
	tokens := vietnamese.Tokenize(nil, q.text)
	asked := a.askingWords(tokens, !q.accented)
	among := func(t vietnamese.Token, words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return w == t.Text || !q.accented && vietnamese.Fold(w) == t.Folded })
	}
	if slices.ContainsFunc(q.content, func(t vietnamese.Token) bool {
		return !asked[t.Text] && !among(t, ofAnyPaper) && !among(t, ofKinds) && !among(t, befalls)
	}) {
		return false
	}
	return slices.ContainsFunc(tokens, func(t vietnamese.Token) bool { // "the" of "the nao" is no card
		return (q.accented || !asked[t.Text]) && among(t, ofKinds)
	})
}

// askKind asks which card or paper is meant, with those that fit best.
func (a *Assistant) askKind(out *Outcome, found retrieval.Result) {
	const near = 0.6 // of the best score
	var choices []string
	for _, d := range found.Documents {
		if d.Score >= near*found.Documents[0].Score && len(choices) < maxChoices {
			choices = append(choices, d.ID)
		}
	}
	if len(choices) == 0 {
		out.Status, out.Answer = Clarify, askForPaper
		return
	}
	a.clarify(out, "Bạn hỏi về giấy tờ, thủ tục nào? Bạn chọn bên dưới, hoặc nhắn thêm tên việc.", choices)
}

// namesOne reports whether an official term is a name of a document: who says "bán đất"
// means its "chuyển nhượng quyền sử dụng đất".
func (a *Assistant) namesOne(term string) bool {
	names, _ := a.aliases.named(vietnamese.Tokenize(nil, term), true)
	return len(names) > 0
}

// askedWith is the share of the names and asked questions of a document that hold all
// telling words of a question.
func (a *Assistant) askedWith(q *understanding, doc *corpus.Document) float64 {
	names := a.page(doc, q.asOf).names
	holding := 0
	for _, tokens := range names {
		missing := slices.ContainsFunc(q.content, func(w vietnamese.Token) bool {
			return !slices.ContainsFunc(tokens, func(t vietnamese.Token) bool { return q.form(t) == q.form(w) })
		})
		if !missing {
			holding++
		}
	}
	return float64(holding) / float64(len(names))
}

// ambiguous returns the documents to choose from when a question is so short that
// several fit it about as well; nil when the best is the one.
func (a *Assistant) ambiguous(q *understanding, found retrieval.Result) []string {
	const (
		short = 3    // telling words
		sure  = 0.75 // probability of the best document from which it is meant
		near  = 0.7  // of the best score
	)
	best := found.Documents[0]
	if len(q.content) > short || q.followUp || len(q.named) > 0 || best.Probability >= sure {
		return nil
	}
	said := a.saidAtOnce(q, a.lib.Document(best.ID))
	var choices []string
	for i, d := range found.Documents {
		if i > 0 && a.saidAtOnce(q, a.lib.Document(d.ID)) < said {
			continue // it has the words only here and there
		}
		if d.Score >= near*best.Score && len(choices) < maxChoices {
			choices = append(choices, d.ID)
		}
	}
	if len(choices) < 2 {
		return nil
	}
	return choices
}

// saidAtOnce is how many of a question's telling words a document has together in one
// of its names, asked questions or lines.
func (a *Assistant) saidAtOnce(q *understanding, doc *corpus.Document) int {
	most := 0
	count := func(words []vietnamese.Token) {
		n := 0
		for _, t := range q.content {
			if slices.ContainsFunc(words, func(w vietnamese.Token) bool { return q.form(w) == q.form(t) }) {
				n++
			}
		}
		most = max(most, n)
	}
	page := a.page(doc, q.asOf)
	for _, name := range page.names {
		count(name)
	}
	for _, l := range page.lines {
		count(l.words)
	}
	return most
}

// glance finds the document an earlier question was about.
func (a *Assistant) glance(ctx context.Context, q retrieval.Query) []string {
	found, err := a.retriever.Search(ctx, q)
	if err != nil {
		return nil // the follow-up is then answered as a question of its own
	}
	found = a.withoutOutside(found)
	if len(found.Documents) == 0 {
		return nil
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
		q.kind = personal
		a.reply(out, q)
	case corpus.Advice:
		out.Status, out.Understood.Intent = Refused, "out_of_scope"
		out.Answer = "Việc này cần người có chuyên môn xem xét từng trường hợp nên tôi không dám khuyên. Bạn hỏi luật sư, hoặc hỏi xã, phường nơi ở về trợ giúp pháp lý."
	default:
		a.abstain(out, q)
	}
}

// askForMatter asks somebody who told of the family what is to be done, with what people
// in that place often ask.
func (a *Assistant) askForMatter(out *Outcome, found retrieval.Result) {
	const (
		most   = 3
		likely = 0.03 // probability from which a document is worth offering
	)
	var choices []string
	for _, d := range found.Documents {
		if d.Probability >= likely && len(choices) < most {
			choices = append(choices, d.ID)
		}
	}
	if len(choices) == 0 {
		out.Status = Clarify
		out.Answer = "Tôi nghe bạn rồi. Bạn cần làm giấy tờ hay thủ tục gì, cứ nhắn thêm một câu, tôi tìm giúp."
		return
	}
	ask := "Tôi nghe bạn rồi. Bạn cần làm việc gì, cứ nhắn thêm một câu; hay là một trong các việc này?"
	if len(choices) == 1 {
		ask = "Tôi nghe bạn rồi. Bạn cần làm việc gì, cứ nhắn thêm một câu; hay là việc này?"
	}
	a.clarify(out, ask, choices)
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
	out.Answer = "Tôi chưa có thông tin chắc chắn về việc này nên không dám trả lời. Bạn hỏi giúp:" + a.offices(q) +
		"\nHoặc bạn nói rõ hơn việc cần làm (làm mới, cấp lại hay đổi, cho ai, giấy tờ gì), tôi tìm lại."
}

// offices lists whom to ask instead, each in a line that begins with a line break.
func (a *Assistant) offices(q *understanding) string {
	office := "xã, phường nơi bạn ở"
	if q.commune != "" {
		office = corpus.Running(q.commune)
	}
	list := "\n- Trung tâm Phục vụ hành chính công " + office + "."
	if c, ok := a.lib.Contact("cong-dvc"); ok && c.Verified {
		list += "\n- " + c.Name + ": " + c.Phone + "."
	}
	return list
}
