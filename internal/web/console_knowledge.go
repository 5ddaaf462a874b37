package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"troly/internal/corpus"
	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/vietnamese"
)

// knowledgePage is how the knowledge stands.
type knowledgePage struct {
	Documents  int
	Version    string
	Due, Soon  []staleView
	Low        []lowView
	Problems   []corpus.Problem
	Linted     bool // the files were looked at
	LintFailed bool
	Groups     []unansweredGroup
	Unanswered int
	From       time.Time
}

type staleView struct {
	corpus.Stale
	Address string
}

// lowView is a document, or one of its figures, that nobody is sure of.
type lowView struct{ Title, Address, What string }

// unansweredGroup are questions nobody could answer that have words in common.
type unansweredGroup struct {
	Words     string // what they have in common
	Questions []outcomeRow
	More      int // that are not shown
}

const (
	staleWithin     = 60 // days
	unansweredFor   = 30 * 24 * time.Hour
	unansweredMost  = 500
	questionsOfEach = 6
	groupsShown     = 40
)

func (c *console) knowledge(w http.ResponseWriter, r *http.Request, me database.Account) {
	p := knowledgePage{From: c.now().Add(-unansweredFor)}
	if c.library != nil {
		today := corpus.Today(c.now())
		p.Documents, p.Version = len(c.library.Documents), clip(c.library.Version, 12)
		for _, s := range c.library.Stale(today, staleWithin) {
			v := staleView{Stale: s}
			if c.library.Document(s.Document) != nil {
				v.Address = documentAddress(s.Document, "")
			}
			if s.Due {
				p.Due = append(p.Due, v)
			} else {
				p.Soon = append(p.Soon, v)
			}
		}
		p.Low = c.low(today)
	}
	if c.opts.Lint != nil {
		problems, err := c.opts.Lint()
		if p.Problems, p.Linted = problems, err == nil; err != nil {
			c.log.Error("knowledge not checked", "err", err)
			p.LintFailed = true
		}
	}
	page, err := c.db.Outcomes(r.Context(), database.Filter{Status: []string{string(pipeline.Abstained)}, From: p.From, Limit: unansweredMost})
	if err != nil {
		c.broken(w, r, me, "questions without an answer", err)
		return
	}
	p.Unanswered = len(page.Outcomes)
	p.Groups = c.grouped(page.Outcomes)
	c.show(w, r, http.StatusOK, "knowledge", me, p)
}

// low lists what has a low confidence.
func (c *console) low(today corpus.Date) []lowView {
	var all []lowView
	for _, d := range c.library.Documents {
		if d.Confidence == "low" {
			all = append(all, lowView{d.Title, documentAddress(d.ID, ""), "cả tài liệu"})
			continue
		}
		for _, f := range d.Facts() {
			switch {
			case f.ValidTo != "" && f.ValidTo < today:
			case !f.Known():
				all = append(all, lowView{d.Title, documentAddress(d.ID, d.FactSection(&f)), f.For + ": chưa có số liệu"})
			case f.Confidence == "low":
				all = append(all, lowView{d.Title, documentAddress(d.ID, d.FactSection(&f)), f.For})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b lowView) int { return byName(a.Title, b.Title) })
	return all
}

// grouped puts questions together that are about the same, the largest group first.
// Each joins the first group it is like, so the result does not change from one look
// to the next.
func (c *console) grouped(asked []database.Outcome) []unansweredGroup {
	type gathered struct {
		pairs map[string]int // in how many of the questions a pair of syllables is
		all   []outcomeRow
	}
	var groups []*gathered
	for _, o := range asked {
		pairs := pairsOf(telling(o.Question))
		at := slices.IndexFunc(groups, func(g *gathered) bool { return alike(pairs, g.pairs, len(g.all)) })
		if at < 0 {
			at = len(groups)
			groups = append(groups, &gathered{pairs: map[string]int{}})
		}
		g := groups[at]
		for _, pair := range pairs {
			g.pairs[pair]++
		}
		g.all = append(g.all, outcomeRow{Outcome: o})
	}
	slices.SortStableFunc(groups, func(a, b *gathered) int { return len(b.all) - len(a.all) })
	var out []unansweredGroup
	for _, g := range groups[:min(len(groups), groupsShown)] {
		out = append(out, unansweredGroup{
			Words:     common(telling(g.all[0].Question), func(pair string) bool { return 2*g.pairs[pair] > len(g.all) }),
			Questions: g.all[:min(len(g.all), questionsOfEach)], More: max(0, len(g.all)-questionsOfEach),
		})
	}
	return out
}

// asking are syllables, without marks, in which questions are put, whatever they are
// about.
var asking = func() map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields("a ah anh ban biet cac cach can cau cho chi chua co con cua da dau de den di do duoc em gi gio giup hay hoi khi khong ko la lam lau ma minh mot muon nao nay nen neu nha nhe nhieu nhu nhung o phai ra sao tai the thi thu to toi truoc va vao vay ve voi xin") {
		all[w] = true
	}
	return all
}()

// telling are the syllables of a question that tell what it is about, in order.
func telling(question string) []vietnamese.Token {
	return slices.DeleteFunc(vietnamese.Tokenize(nil, vietnamese.Normalize(question)), func(t vietnamese.Token) bool { return asking[t.Folded] })
}

// pairsOf are the pairs of neighbours among syllables, each once; of a single one, it
// alone. In Vietnamese a word has mostly two syllables, and one alone tells little.
func pairsOf(tokens []vietnamese.Token) []string {
	if len(tokens) == 1 {
		return []string{tokens[0].Folded}
	}
	var pairs []string
	for i := 1; i < len(tokens); i++ {
		if pair := tokens[i-1].Folded + " " + tokens[i].Folded; !slices.Contains(pairs, pair) {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

// alike reports whether two pairs of a question, or half of them, are each in at least
// half of the n questions of a group.
func alike(pairs []string, group map[string]int, n int) bool {
	same := 0
	for _, p := range pairs {
		if group[p] > 0 && 2*group[p] >= n {
			same++
		}
	}
	return same >= 2 || same > 0 && 2*same >= len(pairs)
}

// common is the longest run of syllables that a group has in common, as the first
// question writes it.
func common(tokens []vietnamese.Token, has func(pair string) bool) string {
	var best, run []string
	for i, t := range tokens {
		if i > 0 && has(tokens[i-1].Folded+" "+t.Folded) {
			if len(run) == 0 {
				run = append(run, tokens[i-1].Text)
			}
			run = append(run, t.Text)
		} else {
			run = nil
		}
		if len(run) > len(best) {
			best = slices.Clone(run)
		}
	}
	if best == nil && len(tokens) == 1 {
		return tokens[0].Text
	}
	return strings.Join(best, " ")
}
