package web

import (
	"net/http"
	"slices"
	"strconv"
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

// Run is one run of the evaluation, as far as the console shows it.
type Run struct {
	Name    string
	At      time.Time
	Figures []Figure // those that matter most
	More    []Figure // the others, under the names of the evaluation
}

// Figure is a number with its name, both ready to be read.
type Figure struct{ Name, Value string }

// qualityPage is how well the assistant answers.
type qualityPage struct {
	Scorecard bool
	Statuses  []string // the columns
	Days      []qualityDay
	Total     qualityDay
	Failed    []choice // label: the check, value: how often
	Runs      []Run
	HasRuns   bool
	Problem   bool
}

type qualityDay struct {
	Day       string
	Counts    []int // as Statuses
	All       int
	Good, Bad int
}

const qualityDays = 14

func (c *console) quality(w http.ResponseWriter, r *http.Request, me database.Account) {
	now := c.now()
	counts, err := c.db.Counts(r.Context(), now.AddDate(0, 0, 1-qualityDays), now)
	if err != nil {
		c.broken(w, r, me, "counts", err)
		return
	}
	p := qualityPage{Scorecard: c.scorecard != nil, HasRuns: c.opts.Runs != nil}
	p.tally(counts, now)
	if c.opts.Runs != nil {
		if p.Runs, err = c.opts.Runs(); err != nil {
			c.log.Error("runs of the evaluation not read", "err", err)
			p.Problem = true
		}
	}
	c.show(w, r, http.StatusOK, "quality", me, p)
}

// tally makes the rows of the last days, today first, of what was counted on them.
func (p *qualityPage) tally(counts []database.Count, now time.Time) {
	for _, s := range allStatuses {
		p.Statuses = append(p.Statuses, string(s))
	}
	p.Total.Counts = make([]int, len(p.Statuses))
	at := map[string]int{}
	for i := range qualityDays {
		d := now.In(vietnamTime).AddDate(0, 0, -i)
		at[d.Format(time.DateOnly)] = i
		p.Days = append(p.Days, qualityDay{Day: d.Format("02/01/2006"), Counts: make([]int, len(p.Statuses))})
	}
	failed := map[string]int{}
	for _, n := range counts {
		i, ok := at[n.Day]
		if !ok {
			continue
		}
		for _, d := range []*qualityDay{&p.Days[i], &p.Total} {
			d.add(n, slices.Index(p.Statuses, n.What))
		}
		if check, ok := strings.CutPrefix(n.What, "failed "); ok {
			failed[check] += n.N
		}
	}
	for name, n := range failed {
		p.Failed = append(p.Failed, choice{strconv.Itoa(n), wordFor(name), false})
	}
	slices.SortFunc(p.Failed, func(a, b choice) int { return byName(a.Label, b.Label) })
}

// add counts something; status is its column, below zero when it is none.
func (d *qualityDay) add(n database.Count, status int) {
	switch {
	case status >= 0:
		d.Counts[status] += n.N
		d.All += n.N
	case n.What == "good":
		d.Good += n.N
	case n.What == "bad":
		d.Bad += n.N
	}
}

// switchesPage shows what is on.
type switchesPage struct {
	Rows    []switchRow
	Admin   bool
	Problem string
}

type switchRow struct {
	SwitchName
	database.Switch
	Known bool // somebody has set it before
}

func (c *console) switches(w http.ResponseWriter, r *http.Request, me database.Account) {
	c.showSwitches(w, r, http.StatusOK, me, "")
}

func (c *console) showSwitches(w http.ResponseWriter, r *http.Request, status int, me database.Account, problem string) {
	set, err := c.db.Switches(r.Context())
	if err != nil {
		c.broken(w, r, me, "switches", err)
		return
	}
	p := switchesPage{Admin: administers(me.Role), Problem: problem}
	for _, s := range c.opts.Switches {
		row := switchRow{SwitchName: s, Switch: database.Switch{Name: s.Name, On: true}}
		for _, have := range set {
			if have.Name == s.Name {
				row.Switch, row.Known = have, true
			}
		}
		p.Rows = append(p.Rows, row)
	}
	c.show(w, r, status, "switches", me, p)
}

// setSwitch turns something off, or on again. The reason is compulsory.
func (c *console) setSwitch(w http.ResponseWriter, r *http.Request, me database.Account) {
	name, why := r.PostForm.Get("ten"), reason(r)
	if !slices.ContainsFunc(c.opts.Switches, func(s SwitchName) bool { return s.Name == name }) {
		c.showSwitches(w, r, http.StatusBadRequest, me, "Không có công tắc này.")
		return
	}
	if why == "" {
		c.showSwitches(w, r, http.StatusBadRequest, me, "Hãy ghi lý do. Lý do hiện cho mọi người và được ghi vào nhật ký.")
		return
	}
	if err := c.db.SetSwitch(r.Context(), database.By{Who: me.Name, Why: why}, name, r.PostForm.Get("bat") == "1"); err != nil {
		c.broken(w, r, me, "set switch", err)
		return
	}
	c.changed(r)
	back(w, r, "/cong-tac", "cong-tac")
}

// auditPage is the audit log.
type auditPage struct {
	Rows      []database.Entry
	Who, What string
	Kinds     []choice
	From, To  string
	Next      string
}

const auditShown = 100

func (c *console) auditLog(w http.ResponseWriter, r *http.Request, me database.Account) {
	q := r.URL.Query()
	p := auditPage{Who: AccountName(q.Get("ai")), What: q.Get("viec"), From: q.Get("tu"), To: q.Get("den")}
	for _, what := range []string{"sign in", "sign in refused", "sign out", "read ticket", "read outcome", "open ticket", "assign ticket", "reply to ticket", "end ticket", "hold dialogue",
		"add approved answer", "set approved answer", "recall", "stop recall", "correct", "switch off", "switch on", "add account", "set account", "set password", "set password refused", "add key", "revoke key"} {
		p.Kinds = append(p.Kinds, choice{what, wordFor(what), what == p.What})
	}
	f := database.AuditFilter{Who: p.Who, What: p.What, From: readTime(p.From), To: readEnd(p.To), Limit: auditShown}
	f.Before, _ = strconv.ParseInt(q.Get("truoc"), 10, 64) // anything else: from the newest
	rows, err := c.db.AuditLog(r.Context(), f)
	if err != nil {
		c.broken(w, r, me, "audit log", err)
		return
	}
	p.Rows = rows
	if len(rows) == auditShown {
		p.Next = with(consolePath+"/nhat-ky", q, "truoc", strconv.FormatInt(rows[len(rows)-1].ID, 10))
	}
	c.show(w, r, http.StatusOK, "audit", me, p)
}
