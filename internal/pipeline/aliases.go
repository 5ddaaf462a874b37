package pipeline

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// aliasTable finds the documents that a question names by title, alias or code.
type aliasTable struct {
	accented map[string][]alias // first syllable -> names beginning with it, longest first
	folded   map[string][]alias
	codes    map[string]string
	usual    []alias // names of several documents and the one they mean if a question names nothing else

	papersNamed []alias // these names in full
}

type alias struct {
	words    []string // syllables, accented or folded as the table
	document string
	title    bool
}

// newAliasTable makes the table; names that are short forms are found written out too,
// as questions are by then. content gives the telling words of a text.
func newAliasTable(lib *corpus.Library, glossary *vietnamese.Glossary, content func(string) []vietnamese.Token) *aliasTable {
	t := &aliasTable{accented: make(map[string][]alias), folded: make(map[string][]alias), codes: make(map[string]string)}
	for _, d := range lib.Documents {
		names := append([]string{d.Title}, d.Aliases...)
		for _, name := range d.Aliases {
			if written := glossary.Expand(name); written != name {
				names = append(names, written)
			}
			names = append(names, told(name)...)
		}
		for i, name := range names {
			accented, folded := bothForms(vietnamese.Tokenize(nil, name))
			if len(accented) == 0 {
				continue
			}
			t.accented[accented[0]] = append(t.accented[accented[0]], alias{accented, d.ID, i == 0})
			if len(folded) > 1 { // one folded syllable names nothing
				t.folded[folded[0]] = append(t.folded[folded[0]], alias{folded, d.ID, i == 0})
			}
		}
		for _, name := range d.Usual {
			accented, folded := bothForms(content(name))
			t.usual = append(t.usual, alias{folded, d.ID, false}, alias{accented, d.ID, false})
			accented, folded = bothForms(vietnamese.Tokenize(nil, name))
			t.papersNamed = append(t.papersNamed, alias{folded, d.ID, false}, alias{accented, d.ID, false})
		}
		for i, code := range d.Codes {
			if _, taken := t.codes[code]; !taken || i == 0 && d.Kind == corpus.Procedure { // the procedure whose main code it is
				t.codes[code] = d.ID
			}
		}
	}
	for _, table := range []map[string][]alias{t.accented, t.folded} {
		for first := range table {
			slices.SortFunc(table[first], func(a, b alias) int {
				return cmp.Or(cmp.Compare(len(b.words), len(a.words)), cmp.Compare(a.document, b.document))
			})
		}
	}
	return t
}

// bothForms are the syllables of a name with their marks and without.
func bothForms(tokens []vietnamese.Token) (accented, folded []string) {
	for _, tok := range tokens {
		accented, folded = append(accented, tok.Text), append(folded, tok.Folded)
	}
	return accented, folded
}

// coded returns the document whose procedure code occurs in text, empty without one.
func (t *aliasTable) coded(tokens []vietnamese.Token) string {
	for _, tok := range tokens {
		if d, ok := t.codes[strings.ToUpper(tok.Text)]; ok && tok.Kind == vietnamese.Code {
			return d
		}
	}
	return ""
}

// named returns the documents whose names occur in text, the longest name first;
// a name inside a longer one that was found does not count. words are those of the
// first, in the form in which they were compared.
func (t *aliasTable) named(tokens []vietnamese.Token, accented bool) (names, words []string) {
	type match struct {
		document      string
		start, length int
		words         []string
	}
	var matches []match
	for i, tok := range tokens {
		table, first := t.accented, tok.Text
		if !accented {
			table, first = t.folded, tok.Folded
		}
		length := 0
		for _, al := range table[first] {
			if len(al.words) < length || !startsWith(tokens[i:], al.words, accented) || al.goesOn(tokens[i+len(al.words):]) {
				continue
			}
			length = len(al.words)
			matches = append(matches, match{al.document, i, length, al.words})
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int { return cmp.Compare(b.length, a.length) })
	covered := make([]int, len(tokens)) // length of the longest name over each token
	for _, m := range matches {
		if covered[m.start] > m.length {
			continue
		}
		for i := m.start; i < min(m.start+m.length, len(tokens)); i++ {
			covered[i] = max(covered[i], m.length)
		}
		if len(names) == 0 {
			words = m.words
		}
		if !slices.Contains(names, m.document) {
			names = append(names, m.document)
		}
	}
	return names, words
}

// goesOn reports whether the words after a name that says "lost" make "takes" of it: a
// "hộ chiếu mất" is gone, "hộ chiếu mất bao lâu" asks how long one takes.
func (a alias) goesOn(rest []vietnamese.Token) bool {
	n := len(a.words)
	if n < 2 || len(rest) == 0 || vietnamese.Fold(a.words[n-1]) != "mat" || vietnamese.Fold(a.words[n-2]) == "bi" {
		return false
	}
	return slices.Contains([]string{"bao", "may", "khoang"}, rest[0].Folded)
}

// told gives the other orders of words in which people tell what befell a paper: who
// "mất hộ chiếu" also says "hộ chiếu bị mất".
func told(name string) []string {
	for _, what := range []string{"mất", "hỏng", "rách", "làm lại", "sai tên", "sai thông tin"} {
		if paper, ok := strings.CutPrefix(name, what+" "); ok {
			return []string{paper + " " + what, paper + " bị " + what}
		}
	}
	return nil
}

// onlyNames returns the document that a question means whose telling words are the
// name of several and others that name nothing, and that name; empty if there is none.
func (t *aliasTable) onlyNames(content []vietnamese.Token, accented bool, names func(vietnamese.Token) bool) (document string, name []string) {
	for _, al := range t.usual {
		for at := range content {
			if len(al.words) > len(name) && startsWith(content[at:], al.words, accented) &&
				!slices.ContainsFunc(content[:at], names) && !slices.ContainsFunc(content[at+len(al.words):], names) {
				document, name = al.document, al.words
			}
		}
	}
	return document, name
}

// paper is a paper that a text names by its usual name, from start to end in bytes.
type paper struct {
	document   string
	start, end int
}

// papers are the papers that a text names by their usual names, in order.
func (t *aliasTable) papers(tokens []vietnamese.Token, accented bool) []paper {
	var list []paper
	for i := 0; i < len(tokens); i++ {
		longest := alias{}
		for _, al := range t.papersNamed {
			if len(al.words) > len(longest.words) && startsWith(tokens[i:], al.words, accented) {
				longest = al
			}
		}
		if n := len(longest.words); n > 0 {
			list = append(list, paper{longest.document, tokens[i].Start, tokens[i+n-1].End})
			i += n - 1
		}
	}
	return list
}

// also matches a question that asks the same of another paper: "còn hộ chiếu thì sao".
var also = regexp.MustCompile(`^(?:(?:the|vay|roi|a) )?(?:con )?(.+?)(?: thi sao| thi the nao| the nao)?(?: a| vay| ha| nhi)?$`)

// alsoOf returns the document whose usual name is all that a question says which asks
// the same of it, and the name; empty if it says more: "chưa cưới thì sao".
func (t *aliasTable) alsoOf(text string) (document string, name []string) {
	text = vietnamese.Fold(strings.ToLower(strings.TrimRight(text, "?!. ")))
	m := also.FindStringSubmatch(text)
	if m == nil || m[1] == text {
		return "", nil
	}
	for _, al := range t.papersNamed {
		if strings.Join(al.words, " ") == m[1] {
			return al.document, al.words
		}
	}
	return "", nil
}

// ofAnyPaper are words that are said of any paper, and of whom it is for.
var ofAnyPaper = []string{
	"giấy", "tờ", "hồ", "sơ", "thủ", "tục", "mang", "nộp", "làm", "xin",
	"vợ", "chồng", "bố", "mẹ", "ông", "bà",
}

func startsWith(tokens []vietnamese.Token, words []string, accented bool) bool {
	if len(tokens) < len(words) {
		return false
	}
	for i, w := range words {
		text := tokens[i].Text
		if !accented {
			text = tokens[i].Folded
		}
		if text != w {
			return false
		}
	}
	return true
}
