package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"troly/internal/database"
)

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
