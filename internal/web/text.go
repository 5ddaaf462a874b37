package web

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"troly/internal/corpus"
)

// block is a paragraph or a list of a text, ready to be drawn. The text of spans is
// drawn as text: nothing in it is markup.
type block struct {
	Kind  string // p, lead (a line that announces what follows), ul, ol
	Start int    // number of the first item, for ol
	Items [][]span
}

// span is a piece of a line.
type span struct {
	Text string
	Href string // opened when pressed; empty: none
	Call string // number to dial; empty: none
	Cite int    // number of the source; 0: none
	Name string // of what is opened, for a reader who does not see it
}

var (
	numbered  = regexp.MustCompile(`^(\d{1,3})\. +`)
	announces = regexp.MustCompile(`:(?: *\[\d+\])*$|^[^.;]*(?: *\[\d+\])+:$`)
)

// blocks cuts a text into paragraphs and lists: lines beginning with "- ", "• " or
// "1. " are items, an empty line ends a list, every other line is a paragraph.
func blocks(text string, line func(string) []span) []block {
	var all []block
	marker := ""
	add := func(kind, with string, start int, text string) {
		if last := len(all) - 1; last >= 0 && with != "" && with == marker {
			all[last].Items = append(all[last].Items, line(text))
			return
		}
		marker = with
		all = append(all, block{Kind: kind, Start: start, Items: [][]span{line(text)}})
	}
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		number := numbered.FindStringSubmatch(l)
		switch {
		case l == "":
			marker = ""
		case strings.HasPrefix(l, "- "):
			add("ul", "-", 0, strings.TrimSpace(l[2:]))
		case strings.HasPrefix(l, "• "):
			add("ul", "•", 0, strings.TrimSpace(l[len("• "):]))
		case number != nil:
			n, _ := strconv.Atoi(number[1]) // digits only
			add("ol", "1", n, l[len(number[0]):])
		case announces.MatchString(l):
			add("lead", "", 0, l)
		default:
			add("p", "", 0, l)
		}
	}
	return all
}

// known are the links, numbers and addresses that may be opened from a page: those
// of the contacts and of the typed fields of documents. Others stay words, because
// texts on fraud name addresses of swindlers.
type known struct {
	hosts  map[string]bool
	phones map[string]bool
}

func newKnown(lib *corpus.Library) *known {
	k := &known{hosts: make(map[string]bool), phones: make(map[string]bool)}
	if lib == nil {
		return k
	}
	for _, c := range lib.Contacts {
		if c.Verified {
			k.hosts[host(c.URL)] = true
			k.phones[digits(c.Phone)] = true
		}
	}
	for _, d := range lib.Documents {
		k.hosts[host(d.Portal)] = true
		for _, s := range d.Sources {
			k.hosts[host(s.URL)] = true
		}
	}
	delete(k.hosts, "")
	delete(k.phones, "")
	return k
}

// host is that of a link, in small letters, without www; empty for what is no plain
// link, such as "https://cong.gov.vn@evil.example", which opens evil.example.
func host(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.Contains(link, `\`) {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
}

// webLink is a link of the knowledge when it is one to open, otherwise empty.
func webLink(link string) string {
	if host(link) == "" {
		return ""
	}
	return link
}

// opens reports whether a link may be opened: it is known or of the government.
func (k *known) opens(link string) bool {
	h := host(link)
	return k.hosts[h] || strings.HasSuffix(h, ".gov.vn")
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// pieces are what may be more than words: a link, a bare address, a number to dial,
// a source.
var pieces = regexp.MustCompile(`https?://[^\s<>"“”'()\[\]{}|\\^` + "`" + `]+|(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/[^\s<>"“”'()\[\]]*)?|(?:\+84|0|1[89]00)(?:[ .-]?\d){4,10}|\d{3,5}|\[\d{1,3}\]`)

// dialling is what stands before a short number that is one to dial.
var dialling = regexp.MustCompile(`(?i)(?:gọi|tổng đài|đường dây nóng|hotline|điện thoại|số|nhắn|hoặc|báo)[\p{L} ]{0,24}[:( ]*$`)

// line cuts a line into pieces. cite says what a source number opens, and its name.
func (k *known) line(s string, cite func(n int) (href, name string)) []span {
	var spans []span
	last := 0
	take := func(from, to int, sp span) {
		if from > last {
			spans = append(spans, span{Text: s[last:from]})
		}
		spans = append(spans, sp)
		last = to
	}
	for _, at := range pieces.FindAllStringIndex(s, -1) {
		from, to := at[0], at[1]
		text := s[from:to]
		switch {
		case text[0] == '[':
			n, _ := strconv.Atoi(text[1 : len(text)-1]) // digits only
			if cite == nil {
				continue
			}
			if href, name := cite(n); href != "" {
				take(from, to, span{Text: text, Href: href, Cite: n, Name: name})
				if before := len(spans) - 2; before >= 0 { // not alone at the beginning of a line
					if words, ok := strings.CutSuffix(spans[before].Text, " "); ok {
						spans[before].Text = words + "\u00a0"
					}
				}
			}
		case strings.Contains(text, "://"):
			text = strings.TrimRight(text, ".,;:!?")
			if k.opens(text) {
				take(from, from+len(text), span{Text: text, Href: text})
			}
		case text[0] >= '0' && text[0] <= '9' && digits(text) == strings.NewReplacer(" ", "", ".", "", "-", "").Replace(text) || text[0] == '+':
			if partOfWord(s, from, to) || !k.phones[digits(text)] || len(text) < 6 && !dialling.MatchString(s[:from]) {
				continue
			}
			take(from, to, span{Text: text, Call: digits(text)})
		default:
			text = strings.TrimRight(text, ".,;:!?")
			if !partOfWord(s, from, from+len(text)) && k.opens("https://"+text) {
				take(from, from+len(text), span{Text: text, Href: "https://" + text})
			}
		}
	}
	if last < len(s) {
		spans = append(spans, span{Text: s[last:]})
	}
	return spans
}

// blocks cuts a text whose sources are listed elsewhere.
func (k *known) blocks(text string) []block {
	return blocks(text, func(l string) []span { return k.line(l, nil) })
}

// partOfWord reports whether a letter, digit or @ touches the piece.
func partOfWord(s string, from, to int) bool {
	touches := func(b byte) bool {
		return b >= 0x80 || b == '@' || b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
	}
	return from > 0 && touches(s[from-1]) || to < len(s) && touches(s[to])
}
