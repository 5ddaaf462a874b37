package pipeline

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
)

// followUp completes a question from the turns before: "thế mất bao nhiêu tiền?"
// after an answer on birth registration is about birth registration.
func (a *Assistant) followUp(ctx context.Context, q *understanding, history []Turn) {
	if len(history) == 0 || changing.MatchString(strings.ToLower(q.text)) {
		return
	}
	last := history[len(history)-1]
	documents, guessed := a.documentsOf(ctx, history)
	if choice := chosen(q, last.Choices, a.lib); choice != "" {
		q.named, q.coded, q.followUp = []string{choice}, choice, true // no doubt is left
		q.text = last.Question + " " + q.text
		if len(q.facets) == 0 {
			q.facets = last.Facets
		}
		return
	}
	if len(documents) == 0 {
		return
	}
	q.guessed = guessed
	leanedOn := a.spelled(vietnamese.Normalize(cutBytes(last.Question, MaxQuestion)))
	if document, name := a.aliases.alsoOf(q.text); document != "" && len(q.named) == 0 {
		q.named, q.name = []string{document}, name
	}
	if len(q.name) > 0 && (q.lacksName() || a.asksByName(q)) && a.mentions(documents[0], q) {
		q.named, q.name = nil, nil // "con tôi không có giấy chứng sinh" is about what it is needed for
		q.before, q.leanedOn, q.followUp, q.context, q.aside = documents, leanedOn, true, documents, true
		return
	}
	if len(q.named) > 0 {
		// A new subject in an elliptical form, "còn khai tử thì sao", asks the same
		// thing about another document.
		if len(q.facets) == 0 && q.leans() {
			if q.facets = last.Facets; len(q.facets) == 0 {
				q.facets, _ = a.facetsOf(vietnamese.Tokenize(nil, leanedOn), !q.accented)
			}
			q.kinds = kindsOf(q.facets)
		}
		return
	}
	q.before, q.leanedOn = documents, leanedOn
	if q.elliptical() {
		q.followUp = true
		q.context = documents
		if len(q.facets) == 0 && q.leans() { // "người thứ hai thì sao": the same of another case
			q.facets, _ = a.facetsOf(vietnamese.Tokenize(nil, q.leanedOn), !q.accented)
			q.kinds = kindsOf(q.facets)
		}
	}
}

// lacksName reports whether a question says that somebody has not got what it names.
func (q *understanding) lacksName() bool {
	tokens := vietnamese.Tokenize(nil, q.text)
	for i := range tokens {
		if !startsWith(tokens[i:], q.name, q.accented) {
			continue
		}
		before := tokens[max(0, i-2):i]
		for j, t := range before {
			last := j == len(before)-1
			if last && slices.Contains([]string{"thieu", "khong", "chua", "mat"}, t.Folded) || !last && slices.Contains([]string{"khong", "chua"}, t.Folded) && before[j+1].Folded == "co" {
				return true
			}
		}
	}
	return false
}

// asksByName reports whether the name in a question is how it asks: "làm trên VNeID được
// không" asks for the way.
func (a *Assistant) asksByName(q *understanding) bool {
	asked := a.facets.words(vietnamese.Tokenize(nil, q.text), !q.accented, func(int) bool { return true })
	return !slices.ContainsFunc(q.name, func(word string) bool { return !asked[word] })
}

// mentions reports whether a document has all words of the name that a question names.
func (a *Assistant) mentions(id string, q *understanding) bool {
	doc := a.lib.Document(id)
	if doc == nil {
		return false
	}
	has := a.page(doc, q.asOf).hasFolded
	return !slices.ContainsFunc(q.name, func(word string) bool { return !has[vietnamese.Fold(word)] })
}

// documentsOf returns what the last turn was about that was about anything. Of one that
// answered nothing, or of which the channel kept only the text, it is guessed from the
// words.
func (a *Assistant) documentsOf(ctx context.Context, history []Turn) (documents []string, guessed bool) {
	for _, turn := range slices.Backward(history) {
		if len(turn.Documents) > 0 {
			return turn.Documents, false
		}
		if id := a.underTitle(turn.Answer); id != "" {
			return []string{id}, false
		}
		typed := vietnamese.Normalize(cutBytes(turn.Question, MaxQuestion))
		if remarkOf(typed) != aQuestion || len(a.retriever.Content(typed)) == 0 {
			continue // "dạ", "vâng ạ"
		}
		accented := !vietnamese.MissingDiacritics(typed)
		restored := a.spelled(typed)
		named, _ := a.aliases.named(vietnamese.Tokenize(nil, restored), accented)
		if hits := a.glance(ctx, retrieval.Query{Text: restored, Typed: typed, Accented: accented, Named: named}); len(hits) > 0 {
			return hits, true
		}
	}
	return nil, false
}

// underTitle is the document whose title an answer begins with, as ours do; empty without.
func (a *Assistant) underTitle(answer string) string {
	title, _, _ := strings.Cut(answer, "\n")
	for _, d := range a.lib.Documents {
		if d.Title == title {
			return d.ID
		}
	}
	return ""
}

// changing matches the words by which a question says that it is about something else.
var changing = regexp.MustCompile(`(hỏi|hoi|sang) (thêm |them )?(chuyện|việc|câu|cái|vấn đề|chuyen|viec|cau|cai|van de) (khác|khac)|^(thôi khỏi|thoi khoi|bỏ đi|bo di)[ ,.]`)

// leaning matches the words by which a question leans on what was said before: at
// its beginning, at its end, or pointing back.
var leaning = regexp.MustCompile(`^(thế|vậy|còn|rồi|nếu|nhưng|mà|ờ thế|à thế|ý em|ý tôi|không, ý|khong, y|the|vay|neu|nhung)(?:[\s,.?]|$)|(thì sao|thi sao|thì thế nào|cơ mà|co ma|có khác không|co khac khong|nữa không|nữa ạ)( ạ| a| vậy| hả| nhỉ)?[?. ]*$|(^|\s)(của nó|cua no|cái đó|cái này|cai do|cai nay|việc đó|việc này|giấy đó|giấy này|chỗ đó|như thế|như vậy|cũng thế|cũng vậy|cung the|cung vay|rẻ hơn|nhanh hơn)(\s|$)`)

// leans reports whether a question leans on the one before by its words.
func (q *understanding) leans() bool { return leaning.MatchString(strings.ToLower(q.text)) }

// maxEllipsis is how many telling words of its own an elliptical question has.
const maxEllipsis = 2

// elliptical reports whether a question cannot stand alone.
func (q *understanding) elliptical() bool {
	n := len(q.content)
	if q.leans() {
		return n <= 4*maxEllipsis
	}
	return n <= maxEllipsis && len(q.facets) > 0 || n == 0
}

// retrieve finds documents for the question. One that leans on what was spoken of
// before, but is surely about something else by its own words, changes the subject;
// one that asks for something particular, or only half, and by itself fits no document
// well is about what was spoken of before.
func (a *Assistant) retrieve(ctx context.Context, q *understanding) (retrieval.Result, error) {
	if len(q.before) == 0 {
		return a.retriever.Search(ctx, q.query)
	}
	alone := q.query
	alone.Context = nil
	found, err := a.retriever.Search(ctx, alone)
	if err != nil || len(found.Documents) == 0 {
		return found, err
	}
	best := found.Documents[0]
	strange := a.strange(q, best)
	switch {
	case q.followUp && !q.aside && !slices.Contains(q.before, best.ID) &&
		(len(q.content) > maxEllipsis && best.Probability >= changeFloor || strange && best.Probability >= leanFloor):
		q.followUp = false
		return found, nil
	case !q.followUp && !a.staysOn(q, found) &&
		(len(q.facets) == 0 && !a.halfAsked(q, best) || len(q.named) > 0 || best.Probability >= leanFloor || q.kind != aQuestion || strange):
		return found, nil
	}
	q.followUp, q.query.Context = true, q.before
	if next := a.nextTopic(q, found); next != "" {
		q.query.Context = []string{next}
	}
	return a.retriever.Search(ctx, q.query)
}

// staysOn reports whether a question, whatever its own words would find, goes on with what
// was spoken of before.
func (a *Assistant) staysOn(q *understanding, found retrieval.Result) bool {
	return a.saysOnlyWhere(q) || asGood(q, found) || a.holds(q) && a.unsettled(q, found)
}

// holds reports whether what was spoken of before has most of what the question tells:
// "người bán mất rồi" after selling a motorcycle.
func (a *Assistant) holds(q *understanding) bool {
	const most = 0.5
	before := a.lib.Document(q.before[0])
	return before != nil && !q.guessed && q.kind == aQuestion && len(q.named) == 0 && a.coverage(q, before) >= most
}

// unsettled reports whether nothing is surely meant by what a question says itself, not
// even a call for help.
func (a *Assistant) unsettled(q *understanding, found retrieval.Result) bool {
	if _, danger := a.dangerIn(q, found); danger.probability >= plainly {
		return false
	}
	if found.Documents[0].Probability < changeFloor || len(a.vague(q, found)) > 0 {
		return true
	}
	inside := a.withoutOutside(found)
	return len(inside.Documents) > 0 && len(a.ambiguous(q, inside)) > 0
}

// strange reports whether what was spoken of before has less than half of what the
// question tells, and what fits it best says all of that at once: "bán đất cần gì" after
// a birth.
func (a *Assistant) strange(q *understanding, best retrieval.Document) bool {
	const half = 0.5
	before, doc := a.lib.Document(q.before[0]), a.lib.Document(best.ID)
	if before == nil || doc == nil || a.coverage(q, before) >= half || a.saidAtOnce(q, doc) < len(q.content) {
		return false
	}
	return slices.ContainsFunc(q.content, func(t vietnamese.Token) bool { return !q.asking[t.Text] }) // "mất tiền không" tells of no loss
}

// saysOnlyWhere reports whether a question has no word of any matter but of where it is
// handled: "nộp ở xã được không".
func (a *Assistant) saysOnlyWhere(q *understanding) bool {
	if len(q.named) > 0 || q.kind != aQuestion || len(q.facets) == 0 && !q.yesNo {
		return false
	}
	return !slices.ContainsFunc(q.content, func(t vietnamese.Token) bool {
		return !q.asking[t.Text] && !slices.Contains(ofAnyPaper, t.Text) && !slices.Contains([]string{"xã", "phường", "huyện", "tỉnh"}, t.Text)
	})
}

// nearlyBest is the share of the best document's score from which the one spoken of
// before is as likely meant, by a question that names none.
const nearlyBest = 0.93

// asGood reports whether a question by its own words fits what was spoken of before
// nearly as well as anything: then that is meant.
func asGood(q *understanding, found retrieval.Result) bool {
	if len(q.named) > 0 || q.kind != aQuestion || found.Documents[0].Probability >= changeFloor {
		return false
	}
	return slices.ContainsFunc(found.Documents, func(d retrieval.Document) bool {
		return d.ID == q.before[0] && d.Score >= nearlyBest*found.Documents[0].Score
	})
}

// nextDocuments is how many documents are looked at for the next topic.
const nextDocuments = 3

// nextTopic is a document related to the one spoken of before that a follow-up question
// goes on to: the question has a telling word of its title that the title before lacks,
// "thế thuế thì sao" after opening a shop. It is empty when there is none.
func (a *Assistant) nextTopic(q *understanding, found retrieval.Result) string {
	before := a.lib.Document(q.before[0])
	if before == nil || len(q.named) > 0 {
		return ""
	}
	title := q.titleWords(before)
	for _, d := range found.Documents[:min(nextDocuments, len(found.Documents))] {
		if d.ID == before.ID {
			return ""
		}
		if !slices.Contains(before.Related, d.ID) {
			continue
		}
		next := q.titleWords(a.lib.Document(d.ID))
		if slices.ContainsFunc(q.content, func(t vietnamese.Token) bool {
			return next[t.Folded] && !title[t.Folded] && a.idf(t.Text) >= topical
		}) {
			return d.ID
		}
	}
	return ""
}

// topical is the rarity of a word from which it names a topic: "thuế" does, "lệ phí"
// and "hồ sơ" are asked for of every topic.
const topical = 1.0

// halfAsked reports whether a question wants a yes or a no in a few words that no
// document has together: "đi lúc sáng thì chiều có luôn không".
func (a *Assistant) halfAsked(q *understanding, best retrieval.Document) bool {
	doc := a.lib.Document(best.ID)
	return q.yesNo && doc != nil && len(q.content) <= 2*maxEllipsis && a.saidAtOnce(q, doc) < len(q.content)
}

// chosen resolves an answer to a clarifying question: the number, or words of one
// of the offered titles.
func chosen(q *understanding, choices []string, lib *corpus.Library) string {
	if len(choices) == 0 {
		return ""
	}
	if n := ordinal(q.raw); n >= 1 && n <= len(choices) && lib.Document(choices[n-1]) != nil {
		return choices[n-1]
	}
	if len(q.named) > 0 && slices.Contains(choices, q.named[0]) {
		return q.named[0]
	}
	return ""
}

// ordinal reads an answer that picks by number, 0 when it does not: "2", "số 2",
// "cái thứ hai", "cái đầu tiên", the number followed by no more than a remark.
func ordinal(s string) int {
	m := ordinals.FindStringSubmatch(vietnamese.Fold(strings.ToLower(strings.TrimSpace(s))))
	if m == nil {
		return 0
	}
	return map[string]int{"1": 1, "mot": 1, "nhat": 1, "dau": 1, "dau tien": 1, "2": 2, "hai": 2, "3": 3, "ba": 3, "4": 4, "tu": 4, "bon": 4}[m[1]]
}

var ordinals = regexp.MustCompile(`^(?:da |vang |a )?(?:(?:cai|so|y|muc|viec|phuong an|lua chon|truong hop)(?: so| thu)? |thu )?(1|2|3|4|mot|nhat|dau tien|dau|hai|ba|bon|tu)(?: a| nhe| di)?(?:[.),;].*)?$`)

// option matches one numbered option of a question asked back in words.
var option = regexp.MustCompile(`(?:^|[\s:;(])([1-4])[.)]\s*([^;\n?]+)`)

// pickedOption is the option, with the remark that followed the number, that an
// answer picks of a question asked back whose choices are known only as words; empty
// when it picks none.
func pickedOption(text string, history []Turn) string {
	if len(history) == 0 || len(history[len(history)-1].Choices) > 0 {
		return ""
	}
	n := ordinal(text)
	for _, m := range option.FindAllStringSubmatch(history[len(history)-1].Answer, -1) {
		if n > 0 && int(m[1][0]-'0') == n {
			_, remark, _ := strings.Cut(text, ",")
			return strings.TrimSpace(history[len(history)-1].Question + " " + strings.TrimSpace(m[2]) + " " + remark)
		}
	}
	return ""
}
