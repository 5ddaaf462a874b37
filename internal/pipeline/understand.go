package pipeline

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
)

// MaxQuestion is how many bytes of a question are read; the rest is cut off at a
// rune. It bounds the work a question can cause: the longest real question in the
// sets we know has under 600 bytes.
const MaxQuestion = 2000

// understanding is a question after the first stage.
type understanding struct {
	raw      string // as typed, cut to MaxQuestion, without orders to the assistant
	asOf     corpus.Date
	audience string
	commune  string   // where the person lives; may be empty
	text     string   // normalised, shorthand written out, marks restored, typos repaired
	context  []string // documents of the dialogue that the question leans on
	before   []string // documents of the turn before, whether it leans on them or not
	leanedOn string   // the question of that turn, in the form of text
	query    retrieval.Query
	facets   []Facet
	kinds    []vietnamese.Kind  // of the values asked for
	figures  map[string]bool    // words that ask for money or time
	yesNo    bool               // it asks whether something is so
	sought   []int              // matters asked for
	shared   []Facet            // facets that only the phrases of these ask for
	content  []vietnamese.Token // telling words: no question phrases, no courtesies
	accented bool               // typed with diacritics
	named    []string           // documents named by alias, title or code
	name     []string           // the words of the first of these names
	usual    bool               // it says only a name of several, and the usual one of them is meant
	coded    string             // the document whose procedure code the question gives: no doubt is left
	law      law                // that the question is about
	variant  []string
	followUp bool
	kind     talk
	honest   bool  // harm, if spoken of, is reported, feared or to be put right
	signs    signs // of danger
	places   places

	moderated, flagged bool // moderation was asked; it flagged the question

	ranks map[string][]scoredLine // of rank, by document: the extract and a model's answer are made of the same
}

// form is the form in which words are compared: as accented as the question was
// typed, since restored marks may be wrong.
func (q *understanding) form(t vietnamese.Token) string {
	if q.accented {
		return t.Text
	}
	return t.Folded
}

// bare reports whether a question says no more than a name and what figure of it is
// wanted.
func (q *understanding) bare() bool {
	return len(q.name) > 0 && !slices.ContainsFunc(q.content, func(t vietnamese.Token) bool {
		return !slices.Contains(q.name, q.form(t)) && !q.figures[t.Text]
	})
}

// saysNoMatter reports whether a question asks for something, "phải chờ bao lâu", and has
// no word that tells of what.
func (a *Assistant) saysNoMatter(q *understanding) bool {
	if len(q.facets) == 0 || q.followUp || len(q.named) > 0 || q.kind != aQuestion {
		return false
	}
	asked := a.askingWords(vietnamese.Tokenize(nil, q.text), !q.accented)
	particles := ""
	if !q.accented {
		particles = endParticles.FindString(vietnamese.Fold(q.text)) + " "
	}
	return !slices.ContainsFunc(q.content, func(t vietnamese.Token) bool {
		return !strings.Contains(particles, " "+t.Folded+" ") && !asked[t.Text] && !slices.Contains(ofAnyPaper, t.Text) && !slices.Contains([]string{"chờ", "đợi"}, t.Text)
	})
}

// endParticles are the words with which a question typed without marks ends politely:
// "bao nhieu tien vay a" asks for no loan.
var endParticles = regexp.MustCompile(`( (vay|the|a|ha|nhi|nhe|ad))+[?. ]*$`)

// understand reads a question without looking anything up: clean text, shorthand
// written out, marks restored, what is asked for, which documents are named.
func (a *Assistant) understand(ctx context.Context, question Question) *understanding {
	q := &understanding{raw: a.cut(question.Text), asOf: question.AsOf, audience: question.Audience, commune: question.Commune}
	q.raw = a.withoutOrders(q.raw)
	typed := vietnamese.Normalize(a.withoutPersonalData(q.raw))
	expanded := age.ReplaceAllString(a.glossary.Expand(typed), "$1 tuổi")
	q.accented = !vietnamese.MissingDiacritics(typed)
	q.text = a.restorer.RestoreExpanded(expanded, typed)
	q.signs = a.emergencies.read(expanded, q.text, q.accented)
	q.variant = variants(typed, expanded, q.text, q.accented)
	if picked := pickedOption(typed, question.History); picked != "" {
		q.text = a.spelled(picked)
	}
	tokens := vietnamese.Tokenize(nil, q.text)
	q.facets, q.yesNo = a.facetsOf(tokens, !q.accented)
	q.facets = a.askedFirst(q.facets, q.text, !q.accented)
	q.kinds = kindsOf(q.facets)
	q.sought, q.shared = a.soughtIn(q.text, !q.accented)
	q.figures = a.facets.words(tokens, !q.accented, func(group int) bool { return isFigure(phrases[group].facet) })
	q.content = a.retriever.Content(q.text)
	q.named, q.name = a.aliases.named(tokens, q.accented)
	where := slices.DeleteFunc(slices.Clone(q.named), func(id string) bool { return !slices.Contains(aboutOffices, id) })
	if n := len(where); n > 0 && n < len(q.named) {
		q.named = slices.DeleteFunc(q.named, func(id string) bool { return slices.Contains(where, id) })
	}
	if len(q.named) == 0 && (len(q.facets) > 0 || q.yesNo) { // of a name alone nobody knows what is wanted
		a.nameUsual(q, tokens)
	}
	if q.coded = a.aliases.coded(tokens); q.coded != "" {
		q.named = []string{q.coded}
	} else if q.law = a.lawOf(q, tokens); len(q.law.documents) == 1 {
		q.coded, q.named = q.law.documents[0], q.law.documents
	}
	q.kind = a.talkOf(tokens, q)
	if q.kind == aQuestion && q.yesNo && len(q.facets)+len(q.named) == 0 && len(q.content) <= 1 && len(tokens) > 0 && len(a.masker.Places(q.raw)) > 0 {
		q.kind = personal // "số căn cước … của ông … có phải thật không"
	}
	if q.places = a.placesOf(q, typed, question.History); !q.places.picked {
		a.followUp(ctx, q, question.History)
	}
	subject := q.text
	if q.places.asks == asksNothing && !q.places.merger {
		subject, typed = a.withoutPlaces(q.text, q.accented), a.withoutPlaces(typed, q.accented)
		q.content = a.retriever.Content(subject)
	}
	q.query = retrieval.Query{Text: subject, Typed: typed, Accented: q.accented, Coded: q.coded, Named: q.named, Bare: q.usual || q.bare(), Context: q.context, Audience: q.audience}
	for _, e := range a.glossary.Synonyms(q.text, !q.accented) {
		if len(q.named) == 0 || !slices.ContainsFunc(e.Means, a.namesOffice) {
			q.query.Synonyms = append(q.query.Synonyms, e.Means...)
		}
	}
	return q
}

// aboutOffices are the documents on where papers are filed. Beside the name of a paper
// theirs says where: "nộp khai sinh ở một cửa" asks about the paper.
var aboutOffices = []string{"nop-ho-so-chung", "trung-tam-phuc-vu-hanh-chinh-cong"}

// namesOffice reports whether an official term is a name of one of aboutOffices alone.
func (a *Assistant) namesOffice(term string) bool {
	names, _ := a.aliases.named(vietnamese.Tokenize(nil, term), true)
	return len(names) > 0 && !slices.ContainsFunc(names, func(id string) bool { return !slices.Contains(aboutOffices, id) })
}

// age matches years of age as chat writes them, "bé 9t".
var age = regexp.MustCompile(`\b(1[01]\d|[1-9]\d?)t\b`)

// spelled writes out the shorthand of a typed text and puts back its marks.
func (a *Assistant) spelled(typed string) string {
	return a.restorer.RestoreExpanded(a.glossary.Expand(typed), typed)
}

// nameUsual names the usual document if a question says no more than a name of several
// and what it wants to know of it.
func (a *Assistant) nameUsual(q *understanding, tokens []vietnamese.Token) {
	asked := a.askingWords(tokens, !q.accented)
	document, name := a.aliases.onlyNames(q.content, q.accented, func(t vietnamese.Token) bool {
		return !asked[t.Text] && !slices.Contains(ofAnyPaper, t.Text)
	})
	if document != "" {
		q.named, q.name, q.usual = []string{document}, name, true
	}
}

// withoutPersonalData cuts numbers and addresses that say who asks, or the masks a
// channel put in their place, and the words that announce them: "cccd 0151…" tells
// nothing about what is asked. Of a birthday the year stays: what is due may depend
// on it.
func (a *Assistant) withoutPersonalData(s string) string {
	for _, f := range slices.Backward(a.masker.Places(s)) {
		before := s[:f.Start]
		if rest := s[f.End:]; !ofCard.MatchString(rest) {
			before = announcement.ReplaceAllString(before, "")
		}
		s = before + f.Year() + s[f.End:]
	}
	return s
}

// ofCard matches what speaks of a card without saying which: then the number's
// announcement says it.
var ofCard = regexp.MustCompile(`(?i)(^|\P{L})(thẻ|the) (này|nay|đó|do|hôm|hom|rồi|roi|thì|thi|mất|mat|ở|o|cũ|cu)(\P{L}|$)|(mất|mat) (thẻ|the)(\P{L}|$)`)

// announcement matches what stands before somebody's number.
var announcement = regexp.MustCompile(`(?i)(số |so )?(cccd|cmnd|cmt|căn cước( công dân)?|can cuoc( cong dan)?|sđt|sdt|đt|điện thoại|dien thoai|tài khoản|tai khoan|stk|tk|định danh|dinh danh|email|mail|bhxh|bhyt)( số| so| của (em|tôi|mình|cháu|con)| cua (em|toi|minh|chau|con))?( là| la)?[ :,.]*$|((em|tôi|toi|mình|minh|cháu|chau|con) (tên|ten)|họ (và )?tên|ho (va )?ten)( là| la)?[ :,.]*$`)

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

// cut cuts a question to MaxQuestion bytes, and before personal data that would be
// cut in two: half a number is not recognised and would not be masked.
func (a *Assistant) cut(s string) string {
	if len(s) <= MaxQuestion {
		return s
	}
	const longest = 100 // bytes of a number or address
	_, found := a.masker.Mask(cutBytes(s, MaxQuestion+longest))
	end := MaxQuestion
	for _, f := range found {
		if f.Start < MaxQuestion && f.End > MaxQuestion {
			end = f.Start
		}
	}
	return cutBytes(s, end)
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
