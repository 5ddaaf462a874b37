package pipeline

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// line is one thing a document says: a typed row, an item or paragraph of a section,
// a sentence of the summary.
type line struct {
	section string
	text    string // as printed, "- " and the numbers of steps included
	bare    string // without them
	lead    string // the paragraph ending in a colon whose list it is an item of; empty: none
	row     bool   // a typed row
	coming  bool   // a row whose period has not begun
	rules   bool   // says what one must, may or need not
	words   []vietnamese.Token
	kinds   map[vietnamese.Kind]bool // of the values in it

	condition corpus.Condition // of a typed row
	unknown   bool             // a typed row without a figure, or a text that says what is not known
}

// pages keeps the lines of documents on the day they were last asked for, so that a
// document is cut, printed and tokenised once and not for every question. Who first
// wants one makes it; only those who want the same one wait.
type pages struct {
	mu    sync.Mutex
	asOf  corpus.Date
	pages map[string]func() *page // by document
}

// page is a document as lines in reading order, with how many lines have each word.
type page struct {
	lines            []line
	accented, folded map[string]int
	meanWords        float64

	has, hasFolded map[string]bool // words of the document anywhere: names, asked questions, sections

	names              [][]vietnamese.Token // title, aliases and asked questions
	asked, askedFolded phrasings            // for single lines

	record   values            // of the fields and typed rows
	passages map[string]values // of each section
}

// page returns the lines of a document that hold on a day.
func (a *Assistant) page(doc *corpus.Document, asOf corpus.Date) *page {
	a.pages.mu.Lock()
	if a.pages.asOf != asOf {
		a.pages.asOf, a.pages.pages = asOf, make(map[string]func() *page)
	}
	p := a.pages.pages[doc.ID]
	if p == nil {
		p = sync.OnceValue(func() *page { return a.newPage(doc, asOf) })
		a.pages.pages[doc.ID] = p
	}
	a.pages.mu.Unlock()
	return p()
}

func (a *Assistant) newPage(doc *corpus.Document, asOf corpus.Date) *page {
	p := &page{accented: make(map[string]int), folded: make(map[string]int)}
	for _, s := range a.lib.Passages(doc) {
		rows := doc.FactsOf(s.ID)
		for _, f := range corpus.ValidOn(rows, asOf) {
			p.add(line{section: s.ID, text: "- " + a.lib.Line(doc, &f, asOf), row: true, condition: f.Condition, unknown: !f.Known()})
		}
		for _, f := range coming(rows, asOf) {
			p.add(line{section: s.ID, text: "- " + a.lib.Line(doc, &f, asOf), row: true, coming: true, condition: f.Condition, unknown: !f.Known()})
		}
		written := strings.Split(body(doc, s.ID), "\n")
		for _, text := range a.fieldLines(doc, s.ID) {
			if !slices.ContainsFunc(written, func(w string) bool { return holds(w, text) }) {
				p.add(line{section: s.ID, text: text})
			}
		}
		if s.ID == "tom-tat" {
			written = sentences(body(doc, s.ID))
		}
		lead := ""
		for _, text := range written {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			item := strings.HasPrefix(text, "- ")
			if !item {
				lead = ""
			}
			p.add(line{section: s.ID, text: text, lead: lead, unknown: strings.Contains(text, "hưa xác minh")})
			if !item && strings.HasSuffix(text, ":") {
				lead = text
			}
		}
	}
	p.takeWords(a.lib, doc)
	p.takeValues(a.lib, doc, asOf)
	for _, text := range slices.Concat([]string{doc.Title}, doc.Aliases, doc.Asked) {
		p.names = append(p.names, vietnamese.Tokenize(nil, text))
	}
	asked := p.names[1+len(doc.Aliases):]
	p.asked = newPhrasings(p, doc, asked, func(t vietnamese.Token) string { return t.Text })
	p.askedFolded = newPhrasings(p, doc, asked, func(t vietnamese.Token) string { return t.Folded })
	return p
}

// holds reports whether a text has every word of another.
func holds(text, other string) bool {
	words := vietnamese.Tokenize(nil, text)
	return !slices.ContainsFunc(vietnamese.Tokenize(nil, other), func(t vietnamese.Token) bool {
		return !slices.ContainsFunc(words, func(w vietnamese.Token) bool { return w.Folded == t.Folded })
	})
}

// takeWords notes every word of a document.
func (p *page) takeWords(lib *corpus.Library, doc *corpus.Document) {
	p.has, p.hasFolded = make(map[string]bool), make(map[string]bool)
	texts := slices.Concat([]string{doc.Title, doc.Field}, doc.Aliases, doc.Asked)
	for _, s := range lib.Passages(doc) {
		texts = append(texts, s.Heading, s.Body)
	}
	var tokens []vietnamese.Token
	for _, text := range texts {
		tokens = vietnamese.Tokenize(tokens[:0], text)
		for _, t := range tokens {
			p.has[t.Text], p.hasFolded[t.Folded] = true, true
		}
	}
}

// fieldLines are the lines that come from the fields of a document.
func (a *Assistant) fieldLines(doc *corpus.Document, section string) []string {
	var lines []string
	switch {
	case section == "noi-nop" && doc.Authority != "":
		lines = append(lines, "- "+doc.Authority)
	case section == "can-cu":
		if len(doc.Codes) > 0 {
			lines = append(lines, "- Mã thủ tục: "+strings.Join(doc.Codes, ", "))
		}
		for _, ref := range doc.LegalBasis {
			lines = append(lines, "- "+ref.String())
		}
	}
	return lines
}

// rule matches what one must, may or need not do.
var rule = regexp.MustCompile(`(?i)không phải|không cần|không (còn )?được|không bắt buộc|chỉ cần|có thể|bất kỳ|không phụ thuộc|đều được|cũng được|được (miễn|nộp|làm|đề nghị|giữ|cấp|hưởng|giảm)|bắt buộc|vẫn (dùng|được)`)

func (p *page) add(l line) {
	if l.text == "" {
		return
	}
	l.bare = stepNumber.ReplaceAllString(strings.TrimPrefix(l.text, "- "), "")
	l.rules = rule.MatchString(l.bare)
	l.words = vietnamese.Tokenize(nil, l.bare)
	l.kinds = make(map[vietnamese.Kind]bool)
	for _, v := range vietnamese.FindValues(l.bare) {
		l.kinds[v.Kind] = true
	}
	accented, folded := make(map[string]bool), make(map[string]bool)
	for _, t := range l.words {
		if !accented[t.Text] {
			accented[t.Text] = true
			p.accented[t.Text]++
		}
		if !folded[t.Folded] {
			folded[t.Folded] = true
			p.folded[t.Folded]++
		}
	}
	p.meanWords += (float64(len(l.words)) - p.meanWords) / float64(len(p.lines)+1)
	p.lines = append(p.lines, l)
}

// of returns the lines of a section in reading order.
func (p *page) of(section string) []line {
	var lines []line
	for _, l := range p.lines {
		if l.section == section {
			lines = append(lines, l)
		}
	}
	return lines
}

// scoredLine is a line and how well it fits the question.
type scoredLine struct {
	line
	score float64
	asked bool // for, in words like these; see phrasings
}

// Weights of the ranking of a document's lines, chosen on the dev halves of
// eval/sets; see rank.
const (
	synonymShare = 0.6  // what an official word counts beside the folk word that was typed
	leanedShare  = 0.4  // of a word of the question before, on which this one leans
	titleShare   = 0.4  // of a word of the title
	pairShare    = 0.5  // of two words that stand together, beside their mean
	kindBonus    = 0.5  // a line with a value of the kind asked for, as a share of its score
	facetBonus   = 0.35 // a line of the section asked for, likewise
	ruleBonus    = 0.4  // a line that says what one must, may or need not, for a question that asks whether
	unitBonus    = 0.3  // a row with the unit asked for, "mấy tháng", likewise
	weakShare    = 0.5  // of the score of a row without a figure or of a later day: today's figures come first
	lengthShare  = 0.4  // of a line's length in its normalisation
	minClause    = 4    // syllables from which a clause is compared by itself
	asksFor      = 0.3  // nearness to a question that asks for a line, from which the line is asked for
	askedGain    = 15.0 // of a line that is asked for in the words of the question
)

// rank orders the lines of a document by how well they fit the question: by its
// words, the rarer in this document the heavier, by the kind of value it asks for,
// and by the section its facets name. Lines without any of its words are left out,
// and rows of another case than one that it names.
func (a *Assistant) rank(q *understanding, doc *corpus.Document, p *page, named namedCases) []scoredLine {
	ranked, ok := q.ranks[doc.ID]
	if !ok {
		ranked = a.ranked(q, doc, p, named)
		if q.ranks == nil {
			q.ranks = make(map[string][]scoredLine)
		}
		q.ranks[doc.ID] = ranked
	}
	return slices.Clone(ranked)
}

func (a *Assistant) ranked(q *understanding, doc *corpus.Document, p *page, named namedCases) []scoredLine {
	weights := a.lineWeights(q, doc, p)
	near := p.near(q)
	unit := q.unit()
	var ranked []scoredLine
	for i, l := range p.lines {
		score := overlap(q, weights, l.words)
		score /= 1 - lengthShare + lengthShare*float64(len(l.words))/p.meanWords
		score += askedGain * near[i]
		if _, other := named.count(l.condition); score == 0 || other {
			continue
		}
		share := 1.0
		if slices.ContainsFunc(q.kinds, func(k vietnamese.Kind) bool { return l.kinds[k] }) {
			share += kindBonus
		}
		if slices.ContainsFunc(q.facets, func(f Facet) bool { return slices.Contains(sections[f], l.section) }) {
			share += facetBonus
		}
		if q.yesNo && l.rules {
			share += ruleBonus
		}
		if unit != "" && l.row && strings.Contains(l.bare, " "+unit) {
			share += unitBonus
		}
		if l.unknown || l.coming {
			share *= weakShare
		}
		ranked = append(ranked, scoredLine{l, score * share, near[i] >= asksFor})
	}
	slices.SortStableFunc(ranked, func(a, b scoredLine) int { return cmp.Compare(b.score, a.score) })
	return ranked
}

// inTurn is rank for a question that asks several things one after the other, "có phải
// báo công an không, báo trước mấy giờ": the best line for each comes first.
func (a *Assistant) inTurn(q *understanding, doc *corpus.Document, p *page, named namedCases) []scoredLine {
	ranked := a.rank(q, doc, p, named)
	clauses := a.askingClauses(q)
	if len(clauses) < 2 || len(ranked) == 0 {
		return ranked
	}
	best := ranked[0].score
	var first []scoredLine
	for _, clause := range clauses {
		if own := a.ranked(clause, doc, p, named); len(own) > 0 {
			l := own[0]
			l.score, l.asked = best, true
			first = append(first, l)
		}
	}
	for _, l := range ranked {
		if !slices.ContainsFunc(first, func(f scoredLine) bool { return f.text == l.text && f.section == l.section }) {
			first = append(first, l)
		}
	}
	return first
}

// askingClauses are the clauses of a question that each ask something of their own.
func (a *Assistant) askingClauses(q *understanding) []*understanding {
	var list []*understanding
	for _, text := range clausesOf(q.query.Text) {
		tokens := vietnamese.Tokenize(nil, text)
		if len(tokens) < minClause {
			continue
		}
		c := *q
		c.facets, c.yesNo = a.facetsOf(tokens, !q.accented)
		c.content, c.kinds = a.retriever.Content(text), kindsOf(c.facets)
		if c.query.Text = text; len(c.content) > 0 && interrogative(tokens, !q.accented) {
			list = append(list, &c)
		}
	}
	return list
}

// clausesOf cuts a question at its punctuation.
func clausesOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",.?!;:\n", r) })
}

// near says how near a question, or one of its clauses, is to the questions that ask
// for each line, see phrasings.
func (p *page) near(q *understanding) []float64 {
	x := &p.askedFolded
	if q.accented {
		x = &p.asked
	}
	near := make([]float64, len(p.lines))
	if len(x.list) == 0 || len(q.content) == 0 || q.bare() { // asks for no line in particular
		return near
	}
	clauses := clausesOf(q.query.Text)
	for i, text := range append(clauses, q.query.Text) {
		tokens := vietnamese.Tokenize(nil, text)
		if i < len(clauses) && len(tokens) < minClause {
			continue
		}
		for line, sim := range x.near(grams(tokens, q.form), len(p.lines)) {
			near[line] = max(near[line], sim)
		}
	}
	return near
}

// lineWeights are the words of a question, and their official words, with what each
// tells: how rare it is among the documents and among the lines of this one. Words
// of the title, and of the name by which the question calls the document, tell little:
// every line is about them.
func (a *Assistant) lineWeights(q *understanding, doc *corpus.Document, p *page) map[string]float64 {
	title := q.titleWords(doc)
	weights := make(map[string]float64)
	inLines := p.folded
	if q.accented {
		inLines = p.accented
	}
	n := float64(len(p.lines))
	weight := func(word string) float64 {
		df := float64(inLines[word])
		return (1 + a.idf(word)) * math.Log(1+(n-df+0.5)/(df+0.5)) / math.Log(2+2*n)
	}
	take := func(tokens []vietnamese.Token, share float64) {
		previous := ""
		for _, t := range tokens {
			word := q.form(t)
			w := share * weight(word)
			if title[t.Folded] {
				w = titleShare * w
			}
			weights[word] = max(weights[word], w)
			if previous != "" {
				pair := previous + " " + word
				weights[pair] = max(weights[pair], pairShare*(w+weights[previous]))
			}
			previous = word
		}
	}
	take(q.content, 1)
	if q.followUp {
		take(a.retriever.Content(q.leanedOn), leanedShare)
	}
	for _, phrase := range q.query.Synonyms {
		take(vietnamese.Tokenize(nil, phrase), synonymShare)
	}
	return weights
}

// howMany matches the unit of time that a question asks for.
var howMany = regexp.MustCompile(`(?i)(?:mấy|bao nhiêu) (ngày|tháng|năm)`)

// unit is the unit of time that a question asks for; empty when it asks for none.
func (q *understanding) unit() string {
	if m := howMany.FindStringSubmatch(q.text); m != nil {
		return strings.ToLower(m[1])
	}
	return ""
}

// titleWords are the words of a document's title and of the name by which the question
// calls it, folded.
func (q *understanding) titleWords(doc *corpus.Document) map[string]bool {
	title := make(map[string]bool)
	for _, t := range vietnamese.Tokenize(nil, doc.Title) {
		title[t.Folded] = true
	}
	for _, word := range q.name {
		title[vietnamese.Fold(word)] = true
	}
	return title
}

// overlap adds up the weights of the words, and pairs of neighbours, of a text that
// the question has; each counts once.
func overlap(q *understanding, weights map[string]float64, words []vietnamese.Token) float64 {
	sum := 0.0
	var seen []string
	take := func(word string) {
		if w, ok := weights[word]; ok && !slices.Contains(seen, word) {
			seen = append(seen, word)
			sum += w
		}
	}
	previous := ""
	for _, t := range words {
		word := q.form(t)
		take(word)
		if _, ok := weights[word]; ok && previous != "" {
			take(previous + " " + word)
		}
		previous = word
	}
	return sum
}

// sentences cuts a paragraph after each full stop.
func sentences(text string) []string {
	text = strings.ReplaceAll(text, "\n", " ")
	var list []string
	for text != "" {
		end := strings.Index(text, ". ")
		if end < 0 {
			return append(list, text)
		}
		list = append(list, text[:end+1])
		text = text[end+2:]
	}
	return list
}
