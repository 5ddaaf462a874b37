package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"troly/internal/vietnamese"
)

// The checks that only a model's sentences need, beside those of every answer.
const (
	checkSupport = "sentence_support" // every sentence is said by the passages it cites
	checkLeak    = "no_prompt_leak"   // nothing of the rules given to the model
	checkLength  = "length"           // it fits the channel
)

// supportShare is the share of a sentence's words, by weight, that the cited passages
// must have. A sentence in other words of the same meaning has about three quarters;
// one about something else, of the same field even, under half.
const supportShare = 0.6

// maxSentenceRunes is the length of a sentence, as the model writes it.
const maxSentenceRunes = 400

// examiner checks a model's sentences against the material, one at a time: each
// passes or fails by itself, so that it can be shown before the next is written.
type examiner struct {
	*Assistant
	q       *understanding
	m       *material
	missing gap
	said    map[string]bool  // words of the question
	secret  map[string]bool  // runs of words of the rules
	clauses map[int][]clause // of passages, read when first needed
}

// clause is a part of a line with a sense of its own.
type clause struct {
	words  []vietnamese.Token
	denies bool
}

// examined is a sentence that passed: its words as printed, the rows under it, and
// the passages it rests on (indices).
type examined struct {
	text     string
	rows     []keyedFact
	passages []int
}

func (a *Assistant) examiner(q *understanding, m *material, missing gap, rules string) *examiner {
	e := &examiner{Assistant: a, q: q, m: m, missing: missing, said: make(map[string]bool), secret: a.secret(rules), clauses: make(map[int][]clause)}
	for _, t := range vietnamese.Tokenize(nil, q.text) {
		e.said[t.Text] = true
	}
	return e
}

// emphasis takes away what models put around words.
var emphasis = strings.NewReplacer("**", "", "`", "")

// examine checks a sentence. The reason it returns otherwise is for the model.
func (e *examiner) examine(s modelSentence) (examined, string) {
	text := strings.Join(strings.Fields(emphasis.Replace(vietnamese.Normalize(s.Text))), " ")
	text = strings.TrimSpace(citationMark.ReplaceAllString(strings.TrimLeft(text, "-•*# "), ""))
	switch {
	case text == "":
		return examined{}, "câu rỗng"
	case utf8.RuneCountInString(text) > maxSentenceRunes:
		return examined{}, "câu quá dài"
	}
	passages, reason := e.cited(s.Passages)
	if reason != "" {
		return examined{}, reason
	}
	x := examined{passages: passages}
	bare, reason := e.resolve(text, &x)
	if reason != "" {
		return examined{}, reason
	}
	for _, check := range []func(string, examined) string{e.form, e.pretends, e.ownValues, e.words, e.counted, e.polarity} {
		if reason := check(bare, x); reason != "" {
			return examined{}, reason
		}
	}
	return x, ""
}

// cited turns the numbers of passages into indices.
func (e *examiner) cited(numbers []int) ([]int, string) {
	var list []int
	for _, n := range numbers {
		if n < 1 || n > len(e.m.passages) {
			return nil, fmt.Sprintf("không có đoạn %d", n)
		}
		if !slices.Contains(list, n-1) {
			list = append(list, n-1)
		}
	}
	if len(list) == 0 {
		return nil, "câu không ghi số đoạn"
	}
	return list, ""
}

// listed matches the keys at the end of a sentence: the rows to print under it.
var listed = regexp.MustCompile(`[:,]?\s*((?:\{F[0-9]{1,3}\}(?:[\s,;.]|và)*)+)$`)

// resolve fills x with the words to print and the rows under them, and returns the
// sentence without any key: the words that are the model's own.
func (e *examiner) resolve(text string, x *examined) (bare, reason string) {
	if m := listed.FindStringSubmatchIndex(text); m != nil && (m[0] == 0 || text[m[0]] == ':' || strings.Count(text[m[2]:], "{") > 1) {
		for _, key := range keyPattern.FindAllString(text[m[2]:], -1) {
			if reason := e.take(key, x); reason != "" {
				return "", reason
			}
		}
		text = strings.TrimSpace(text[:m[0]])
		if text != "" {
			text += ":"
		}
	}
	var printed, own strings.Builder
	last := 0
	for _, at := range keyPattern.FindAllStringIndex(text, -1) {
		key := text[at[0]:at[1]]
		value, isToken := e.m.tokens[key]
		if !isToken {
			if reason := e.take(key, x); reason != "" {
				return "", reason
			}
			fact, _ := e.m.fact(key)
			if fact.figure == "" {
				return "", fmt.Sprintf("%s chưa có con số hoặc chưa áp dụng, chỉ được nêu sau dấu hai chấm ở cuối câu", key)
			}
			if !e.fits(text, fact) {
				return "", fmt.Sprintf("%s là khoản của trường hợp khác với điều câu nói", key)
			}
			value = fact.figure
		}
		printed.WriteString(text[last:at[0]] + value)
		own.WriteString(text[last:at[0]] + "…")
		last = at[1]
	}
	x.text = printed.String() + text[last:]
	bare = own.String() + text[last:]
	if strings.ContainsAny(bare, "{}<>|") {
		return "", "câu có ký hiệu lạ"
	}
	return bare, ""
}

// take notes a row that a sentence names; it must be of a passage the sentence cites,
// and is then cited with it.
func (e *examiner) take(key string, x *examined) string {
	fact, ok := e.m.fact(key)
	if !ok {
		return fmt.Sprintf("không có khóa %s", key)
	}
	if !slices.Contains(x.passages, fact.passage) {
		x.passages = append(x.passages, fact.passage)
	}
	if !slices.ContainsFunc(x.rows, func(f keyedFact) bool { return f.key == key }) {
		x.rows = append(x.rows, fact)
	}
	return ""
}

// fits reports whether a sentence is about the row whose figure it prints: no other
// row of the section with another figure has more of its words in its label.
func (e *examiner) fits(text string, fact keyedFact) bool {
	words := e.telling(keyPattern.ReplaceAllString(text, "…"))
	own := e.common(words, fact.label())
	for _, other := range e.m.facts {
		if other.passage == fact.passage && other.figure != fact.figure && e.common(words, other.label()) > own {
			return false
		}
	}
	return true
}

// telling are the words of a text that say something, values apart.
func (e *examiner) telling(text string) []string {
	var words []string
	for _, t := range e.retriever.Content(text) {
		if t.Kind == vietnamese.Word && !joining.MatchString(t.Text) && !numerals.MatchString(t.Text) && !slices.Contains(words, t.Text) {
			words = append(words, t.Text)
		}
	}
	return words
}

// joining matches the words with which an answer leads from one thing to the next.
var joining = regexp.MustCompile(`^(bạn|cụ|thể|sau|gồm|bao|dưới|hiện|mức|khoản|quy|định|trường|hợp|tổng|cộng|tức|nghĩa|lưu|ý|ngoài|cạnh|đó|đồng|thời)$`)

// common is the weight of those of the words that a line has.
func (e *examiner) common(words []string, line []vietnamese.Token) float64 {
	sum := 0.0
	for _, w := range words {
		if slices.ContainsFunc(line, func(t vietnamese.Token) bool { return t.Text == w }) {
			sum += e.idf(w)
		}
	}
	return sum
}

// ownValues checks every value the model wrote itself: none is an address, none stands
// in for a key, and each is in a line of a cited passage that has at least as many
// words of its clause as any other line with a value of its kind.
func (e *examiner) ownValues(bare string, x examined) string {
	for _, v := range vietnamese.FindValues(bare) {
		said := bare[v.Start:v.End]
		if isContact(v.Kind) {
			return fmt.Sprintf("%q phải chép bằng dấu như {L1}, {P1}", said)
		}
		if key := e.keyOf(v, x.passages); key != "" {
			return fmt.Sprintf("viết khóa %s thay cho %q", key, said)
		}
		words := e.telling(clauseAround(bare, v))
		if len(words) < 2 {
			words = e.telling(bare)
		}
		with, without := e.places(v, words, x.passages)
		if with < 0 {
			return fmt.Sprintf("%q không có trong các đoạn đã ghi", said)
		}
		if with < without {
			return fmt.Sprintf("%q là của một việc khác với điều câu nói", said)
		}
	}
	return ""
}

// keyOf is the key that is to stand for a value: of the first row of the passages that
// holds it, when it is of a kind that only rows may state or no other line has it.
func (e *examiner) keyOf(v vietnamese.Value, passages []int) string {
	for _, i := range passages {
		if !isRowKind(v.Kind) && slices.ContainsFunc(e.m.passages[i].lines, func(l line) bool { return !l.row && l.has(v) }) {
			return ""
		}
	}
	for _, f := range e.m.facts {
		if slices.Contains(passages, f.passage) && f.row.has(v) {
			return f.key
		}
	}
	return ""
}

// places is how well the words fit the best line with a value, -1 without any, and the
// best line with another value of its kind.
func (e *examiner) places(v vietnamese.Value, words []string, passages []int) (with, without float64) {
	with = -1
	for _, i := range passages {
		for _, l := range e.m.passages[i].lines {
			switch {
			case !l.kinds[v.Kind]:
			case l.has(v):
				with = max(with, e.common(words, l.words))
			default:
				without = max(without, e.common(words, l.words))
			}
		}
	}
	return with, without
}

// valueBorder cuts a sentence where what is said of a value ends; a colon does not:
// its label stands before it.
var valueBorder = regexp.MustCompile(`;|[.,](?:\s|$)|\s(?:và|nhưng|còn|hoặc)\s`)

// clauseAround is the part of a text that speaks of a value.
func clauseAround(text string, v vietnamese.Value) string {
	start, end := 0, len(text)
	for _, border := range valueBorder.FindAllStringIndex(text, -1) {
		if border[1] <= v.Start {
			start = border[1]
		} else if border[0] >= v.End {
			end = border[0]
			break
		}
	}
	return text[start:end]
}

// isRowKind reports whether typed rows hold values of a kind: those a model must not
// write itself.
func isRowKind(k vietnamese.Kind) bool {
	return k == vietnamese.Money || k == vietnamese.Percent || k == vietnamese.WorkingDays || k == vietnamese.Duration
}

// has reports whether a line holds a value.
func (l line) has(v vietnamese.Value) bool {
	if !l.kinds[v.Kind] {
		return false
	}
	return slices.ContainsFunc(vietnamese.FindValues(l.bare), func(w vietnamese.Value) bool { return w.Kind == v.Kind && w.Canonical == v.Canonical })
}

// words checks that the cited passages have the words of a sentence. Words of the
// question count half: the sentence may address whoever asked, but a question proves
// nothing.
func (e *examiner) words(bare string, x examined) string {
	found, all := 0.0, 0.0
	for _, w := range e.telling(bare) {
		weight := e.idf(w)
		if !e.inPassages(w, x.passages) {
			if e.said[w] {
				weight /= 2
			}
			all += weight
			continue
		}
		found += weight
		all += weight
	}
	switch {
	case all == 0 && len(x.rows) == 0:
		return "câu không nói điều gì cụ thể"
	case all > 0 && found < supportShare*all:
		return "các đoạn đã ghi không nói điều này"
	}
	return ""
}

func (e *examiner) inPassages(word string, passages []int) bool {
	is := func(t vietnamese.Token) bool { return t.Text == word }
	for _, i := range passages {
		p := e.m.passages[i]
		if slices.ContainsFunc(p.lines, func(l line) bool { return slices.ContainsFunc(l.words, is) }) ||
			slices.ContainsFunc(vietnamese.Tokenize(nil, p.heading+" "+p.doc.Title), is) {
			return true
		}
	}
	return false
}

// numerals are numbers in words, which FindValues reads only with a unit.
var numerals = regexp.MustCompile(`^(hai|ba|bốn|năm|sáu|bảy|tám|chín|mười|mươi|chục|trăm|nghìn|ngàn|vạn|triệu|tỷ|rưỡi|đôi|gấp)$`)

// counted checks that numbers in words stand in a cited passage, as words or figures.
func (e *examiner) counted(bare string, x examined) string {
	for _, t := range vietnamese.Tokenize(nil, bare) {
		if t.Kind != vietnamese.Word || !numerals.MatchString(t.Text) {
			continue
		}
		figure := map[string]string{"hai": "2", "ba": "3", "bốn": "4", "năm": "5", "sáu": "6", "bảy": "7", "tám": "8", "chín": "9", "mười": "10"}[t.Text]
		if !e.inPassages(t.Text, x.passages) && (figure == "" || !e.inPassages(figure, x.passages)) {
			return fmt.Sprintf("%q không có trong các đoạn đã ghi", t.Text)
		}
	}
	return ""
}

// clauseBorder cuts a sentence into clauses.
var clauseBorder = regexp.MustCompile(`[;:()–]|[.,](?:\s|$)|\s(?:và|nhưng|còn|hoặc|nếu|thì|mà)\s`)

// polarity checks that what a sentence denies is denied by the passage as well, and
// the other way round: clause by clause, against the clauses with most of its words.
func (e *examiner) polarity(bare string, x examined) string {
	compared := false
	for _, part := range clauseBorder.Split(bare, -1) {
		words := e.telling(part)
		if len(words) < 2 {
			continue
		}
		compared = true
		best, agrees := 0.0, true
		for _, i := range x.passages {
			for _, c := range e.clausesOf(i) {
				score, same := e.common(words, c.words), c.denies == denies(part)
				if score > best {
					best, agrees = score, same
				} else if score == best {
					agrees = agrees || same
				}
			}
		}
		if !agrees {
			return fmt.Sprintf("đoạn nói ngược lại: %q", strings.TrimSpace(part))
		}
	}
	if !compared && denies(bare) {
		return "câu phủ định mà không nói rõ điều gì"
	}
	return ""
}

// clausesOf are the clauses of a passage.
func (e *examiner) clausesOf(passage int) []clause {
	list, ok := e.clauses[passage]
	if !ok {
		for _, l := range e.m.passages[passage].lines {
			for _, part := range clauseBorder.Split(l.bare, -1) {
				list = append(list, clause{vietnamese.Tokenize(nil, part), denies(part)})
			}
		}
		e.clauses[passage] = list
	}
	return list
}

// denial matches a negation that turns the sense of a clause; "không quá", "không
// dưới", "không những" and "không gian" do not.
var denial = regexp.MustCompile(`(?i)(?:^|\s)(không|chưa|chẳng|đừng|cấm|khỏi)(?:\s+(\S+))?`)

func denies(clause string) bool {
	for _, m := range denial.FindAllStringSubmatch(clause, -1) {
		if !slices.Contains([]string{"quá", "dưới", "ít", "những", "chỉ", "gian", "khí", "kể", "phân", "phụ"}, strings.ToLower(m[2])) {
			return true
		}
	}
	return false
}

// form checks the language, personal data, offices that are gone, and that nothing of
// the rules leaks.
func (e *examiner) form(bare string, x examined) string {
	switch {
	case foreign(bare) || vietnamese.MissingDiacritics(bare):
		return "câu phải viết bằng tiếng Việt có dấu"
	case e.echoesPersonalData(x.text, e.q.raw):
		return "câu nhắc lại thông tin cá nhân"
	case sendsToAbolished(x.text):
		return "câu chỉ đến cơ quan cấp huyện không còn nữa"
	case e.leaks(bare, x):
		return "câu nói về quy tắc trả lời"
	}
	return ""
}

// yesOrNo matches a sentence that begins with a bare yes or no.
var yesOrNo = regexp.MustCompile(`(?i)^(dạ |vâng |thưa |bạn )*(có|được|không|chưa|đúng|vâng|dạ)( ạ| nhé| rồi| thể| phải| được| bạn)*\s*([,.;:!–-]|$)`)

// pretends rejects what would answer all the same what the document says nothing of, as
// the line above the model's words says: a sentence that speaks of it, be it from another
// document, and a yes or no. No line that is true of the document is lost, because none
// speaks of it.
func (e *examiner) pretends(bare string, x examined) string {
	const reason = "câu nói về điều mà dòng đã in nói là chưa có"
	tokens := vietnamese.Tokenize(nil, bare)
	asks, names := e.asks.find(tokens, false), e.whethers.find(tokens, false)
	for _, i := range e.missing.matters {
		says := matters[i].said.MatchString
		if asks[i] || names[i] || says(bare) || slices.ContainsFunc(x.rows, func(f keyedFact) bool { return says(f.row.bare) }) {
			return reason
		}
	}
	if slices.ContainsFunc(tokens, func(t vietnamese.Token) bool { return slices.Contains(e.missing.words, e.q.form(t)) }) {
		return reason
	}
	if len(e.missing.lines) > 0 && yesOrNo.MatchString(bare) {
		return "câu trả lời có hay không cho điều mà dòng đã in nói là chưa có"
	}
	return ""
}

// foreign reports whether a text has letters of another script.
func foreign(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) })
}

// jargon is what no answer to a resident speaks of.
var jargon = regexp.MustCompile(`(?i)(^|[^\pL])(prompt|json|system|cau_hoi|hoi_truoc|dap_truoc|khoan|doan|da_in)([^\pL]|$)`)

// leaks reports whether a sentence repeats a run of words of the rules that its
// passages do not have, or speaks of how it was made.
func (e *examiner) leaks(bare string, x examined) bool {
	if jargon.MatchString(bare) {
		return true
	}
	for run := range shingles(bare) {
		if e.secret[run] && !slices.ContainsFunc(x.passages, func(i int) bool { return shingles(e.m.passages[i].text)[run] }) {
			return true
		}
	}
	return false
}

// shingles are all runs of seven words of a text, without marks: long enough that two
// texts share one only when one quotes the other.
func shingles(text string) map[string]bool {
	const length = 7
	tokens := vietnamese.Tokenize(nil, text)
	runs := make(map[string]bool)
	for i := range tokens {
		if i+length > len(tokens) {
			break
		}
		words := make([]string, length)
		for j := range words {
			words[j] = tokens[i+j].Folded
		}
		runs[strings.Join(words, " ")] = true
	}
	return runs
}
