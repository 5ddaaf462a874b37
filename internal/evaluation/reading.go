package evaluation

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"troly/internal/vietnamese"
)

// reading is a text cut into sentences, words and typed values, prepared once and
// matched against any number of facts. All offsets are bytes of the text as given.
type reading struct {
	source    string
	base      int // where the part of source begins that is read
	words     []word
	values    []value
	sentences []sentence
}

// word is a token with its place in the text.
type word struct {
	text, folded string
	start, end   int
	sentence     int // index in reading.sentences
	clause       int // words of one clause share it
}

// value is a typed value; at is the index of its first word.
type value struct {
	kind       vietnamese.Kind
	canonical  string
	start, end int
	at         int
}

// sentence is a run of words [first, last).
type sentence struct {
	first, last int
	start, end  int
	line        int
	folded      bool // typed without diacritics: compared without
}

var citationMark = regexp.MustCompile(`\[([0-9]+)\]`)

// read prepares a text. Marks of citations are no part of what it says.
func read(source string) *reading {
	r := &reading{source: source}
	blank := citationMark.ReplaceAllStringFunc(source, func(mark string) string { return strings.Repeat(" ", len(mark)) })
	start := 0
	for n, line := range strings.Split(blank, "\n") {
		r.readLine(line, start, n)
		start += len(line) + 1
	}
	return r
}

// readLine appends one line that begins at byte offset start of the source.
func (r *reading) readLine(line string, start, number int) {
	text := normalizeLine(line, start)
	tokens := vietnamese.Tokenize(nil, text.text)
	first := len(r.words)
	for _, t := range tokens {
		from, to := text.span(t.Start, t.End)
		r.words = append(r.words, word{text: t.Text, folded: t.Folded, start: from, end: to})
	}
	r.cut(first, start, start+len(line), number)
	if text.folded {
		text = text.withUnits()
	}
	for _, v := range vietnamese.FindValues(text.text) {
		from, to := text.span(v.Start, v.End)
		at, _ := slices.BinarySearchFunc(r.words, from, func(w word, from int) int { return w.start - from })
		if at = min(at, len(r.words)-1); at >= 0 {
			r.values = append(r.values, value{v.Kind, v.Canonical, from, to, at})
		}
	}
}

// cut numbers the sentences and clauses of the words from first on.
func (r *reading) cut(first, start, end, line int) {
	clause := 0
	if first > 0 {
		clause = r.words[first-1].clause + 1
	}
	for i := first; i < len(r.words); i++ {
		w := &r.words[i]
		gap := ""
		if i > first && r.words[i-1].end < w.start { // parts of a rewritten word share its place
			gap = r.source[r.words[i-1].end:w.start]
		}
		if i == first || endsSentence(gap) {
			from := w.start
			if i == first {
				from = start
			}
			r.sentences = append(r.sentences, sentence{first: i, last: i, start: from, line: line})
		}
		if strings.ContainsAny(gap, ".,;:!?()\n") || slices.Contains(connectives[:], w.text) {
			clause++
		}
		s := &r.sentences[len(r.sentences)-1]
		s.last, s.end = i+1, w.end
		w.sentence, w.clause = len(r.sentences)-1, clause
	}
	if first == len(r.words) {
		return
	}
	for i := r.words[first].sentence; i < len(r.sentences); i++ {
		s := &r.sentences[i]
		if i+1 < len(r.sentences) {
			s.end = r.sentences[i+1].start
		} else {
			s.end = end
		}
		s.folded = vietnamese.MissingDiacritics(r.source[s.start:s.end])
	}
}

// endsSentence reports whether what stands between two words ends a sentence: a stop
// that a space follows, so that "TP.Yên Bái" and "1.500" go on.
func endsSentence(gap string) bool {
	for i, c := range gap {
		if c == ';' || c == '!' || c == '?' || c == '.' {
			if rest := gap[i+1:]; rest != "" && unicode.IsSpace(rune(rest[0])) {
				return true
			}
		}
	}
	return false
}

// connectives begin a clause that a negation before them does not reach.
var connectives = [...]string{"mà", "nhưng", "thì", "nên", "chỉ"}

// line is a normalised line that knows where its words stood.
type line struct {
	text     string
	segments []segment
	folded   bool
}

// segment is a run without spaces: at in the line, from start to end in the source.
type segment struct {
	at, start, end int
	same           bool // byte for byte as in the source
}

// normalizeLine normalises a line that begins at offset start of its text.
func normalizeLine(source string, start int) line {
	var b strings.Builder
	var l line
	for i := 0; i < len(source); {
		next := strings.IndexFunc(source[i:], func(r rune) bool { return !unicode.IsSpace(r) })
		if next < 0 {
			break
		}
		i += next
		end := len(source)
		if n := strings.IndexFunc(source[i:], unicode.IsSpace); n >= 0 {
			end = i + n
		}
		if text := vietnamese.Normalize(source[i:end]); text != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			l.segments = append(l.segments, segment{b.Len(), start + i, start + end, text == source[i:end]})
			b.WriteString(text)
		}
		i = end
	}
	l.text = b.String()
	l.folded = vietnamese.MissingDiacritics(l.text)
	return l
}

// span maps a range of the line to the source; a word that was rewritten is taken
// whole.
func (l line) span(from, to int) (start, end int) {
	first, last := l.segmentAt(from), l.segmentAt(max(from, to-1))
	start, end = first.start, last.end
	if first.same {
		start += from - first.at
	}
	if last.same {
		end = min(end, last.start+to-last.at)
	}
	return start, end
}

func (l line) segmentAt(at int) segment {
	i, found := slices.BinarySearchFunc(l.segments, at, func(s segment, at int) int { return s.at - at })
	if !found {
		i--
	}
	return l.segments[max(i, 0)]
}

// units are the words that make a number a typed value, as typed without
// diacritics.
var units = map[string]string{
	"ngay": "ngày", "lam": "làm", "viec": "việc", "thang": "tháng", "nam": "năm", "gio": "giờ", "phut": "phút", "tuan": "tuần",
	"nghin": "nghìn", "ngan": "ngàn", "trieu": "triệu", "ty": "tỷ", "dong": "đồng", "tuoi": "tuổi",
	"mien": "miễn", "phi": "phí", "le": "lệ", "khong": "không", "mat": "mất", "tien": "tiền", "nop": "nộp", "phai": "phải", "ton": "tốn",
}

// withUnits is a line typed without diacritics with those of units put back, for
// finding typed values.
func (l line) withUnits() line {
	var b strings.Builder
	out := line{folded: true}
	for i, s := range l.segments {
		end := len(l.text)
		if i+1 < len(l.segments) {
			end = l.segments[i+1].at - 1
		}
		text := l.text[s.at:end]
		bare := strings.TrimRight(text, ".,;:!?)")
		if marked, ok := units[strings.ToLower(bare)]; ok {
			text, s.same = marked+text[len(bare):], false
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		s.at = b.Len()
		out.segments = append(out.segments, s)
		b.WriteString(text)
	}
	out.text = b.String()
	return out
}

// guard is how many words before a match a negation is looked for.
const guard = 4

// denied reports whether a negation just before word i in its clause turns its
// sense; two negations cancel out.
func (r *reading) denied(i int) bool {
	turned := false
	folded := r.sentences[r.words[i].sentence].folded
	for j := i - 1; j >= 0 && j >= i-guard && r.words[j].clause == r.words[i].clause; j-- {
		if r.negation(j, folded) && !(i > j+1 && r.free(j)) {
			turned = !turned
		}
	}
	return turned
}

// free reports whether words j and j+1 are "miễn phí", which is a price and turns
// nothing after it: "học miễn phí trên trang này".
func (r *reading) free(j int) bool {
	return r.words[j].folded == "mien" && r.words[j+1].folded == "phi"
}

// negation reports whether word j negates what follows it.
func (r *reading) negation(j int, folded bool) bool {
	is := func(w word, list []string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return w.text == s || folded && w.folded == vietnamese.Fold(s) })
	}
	if !is(r.words[j], negations) {
		return false
	}
	return j+1 == len(r.words) || !is(r.words[j+1], limits)
}

var (
	negations = []string{"không", "chưa", "miễn", "chẳng"}
	// limits make a bound or a stress of a negation: "không quá 5 ngày", "không chỉ".
	limits = []string{"quá", "dưới", "kể", "chỉ", "những", "ít", "vượt", "đến", "tới", "đầy", "muộn", "chậm", "sớm", "hơn", "phân"}
)
