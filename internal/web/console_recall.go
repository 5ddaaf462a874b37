package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"troly/internal/database"
)

// recallPage finds who was given an answer and sends them a correction.
type recallPage struct {
	Outcome, Document string
	From, To          string
	Topics            []choice
	Asked             bool // something is named
	Answer            []block
	Question          string
	Some              []database.Recipient
	All               int
	Channels          []choice // label: the channel, value: how many of Some
	OnPage            bool     // some of them asked on the chat page, which only their browser finds
	FoundDays         int      // for how long
	Text, Reason      string
	Most, MostEver    int
	Key               string
	GoesOn            bool // with a recall that was begun before: the key is its
	Problem           string
	CanSend           bool
}

// Bounds of a recall.
const (
	recallShown = 50     // recipients in the preview
	recallFirst = 200    // that a press of the button writes to unless somebody says more
	recallMost  = 10_000 // that one press writes to at most
	recallBatch = 500    // read at once
	recallsKept = 20     // that this process remembers how they went
)

// given reads what is recalled out of a form.
func (c *console) given(q url.Values) (recallPage, database.Given) {
	p := recallPage{Outcome: clip(q.Get("cau-hoi"), 100), Document: q.Get("viec"), From: q.Get("tu"), To: q.Get("den"), Most: recallFirst, MostEver: recallMost, CanSend: c.opts.Desk != nil}
	p.Topics = c.documentChoices(p.Document)
	g := database.Given{Outcome: p.Outcome, Document: p.Document, From: readTime(p.From), To: readEnd(p.To)}
	p.Asked = p.Outcome != "" || p.Document != ""
	return p, g
}

// preview fills in who would be written to.
func (c *console) preview(r *http.Request, p *recallPage, g database.Given) error {
	g.Limit = recallShown
	var err error
	if p.Some, p.All, err = c.db.Recipients(r.Context(), g); errors.Is(err, database.ErrNotFound) {
		p.Problem = "Không có câu hỏi nào mang mã này, hoặc câu đó không có câu trả lời."
		return nil
	} else if err != nil {
		return err
	}
	counts := map[string]string{}
	for _, to := range p.Some {
		n, _ := strconv.Atoi(counts[to.Channel]) // ours
		counts[to.Channel] = strconv.Itoa(n + 1)
	}
	p.OnPage, p.FoundDays = counts[Channel] != "", foundDays
	for _, channel := range slices.Sorted(maps.Keys(counts)) {
		p.Channels = append(p.Channels, choice{counts[channel], wordFor(channel), false})
	}
	if p.Outcome != "" {
		if o, err := c.db.OutcomeByID(r.Context(), p.Outcome); err == nil {
			p.Question = o.Question
			p.Answer = c.known.blocks(o.Answer)
		}
	}
	return nil
}

func (c *console) recall(w http.ResponseWriter, r *http.Request, me database.Account) {
	p, g := c.given(r.URL.Query())
	p.Key = r.URL.Query().Get("khoa")
	if p.GoesOn = keyForm.MatchString(p.Key); !p.GoesOn {
		p.Key = newKey()
	}
	if run := c.recalls.find(p.Key); run != nil {
		p.Text, p.Reason = run.text, run.by.Why
	}
	if p.Asked {
		if err := c.preview(r, &p, g); err != nil {
			c.broken(w, r, me, "recipients", err)
			return
		}
	}
	c.show(w, r, http.StatusOK, "recall", me, p)
}

// recallProblem says why a recall is not begun, "" when nothing is wrong with its form.
func (c *console) recallProblem(p *recallPage, seen bool) (status int, why string) {
	switch {
	case !p.Asked:
		return http.StatusBadRequest, "Hãy chọn câu trả lời hoặc tài liệu cần đính chính."
	case c.opts.Desk == nil:
		return http.StatusServiceUnavailable, "Máy chủ này chưa nối với kênh nào nên chưa gửi được."
	case p.Text == "" || p.Reason == "":
		return http.StatusBadRequest, "Hãy ghi nội dung đính chính và lý do."
	case long(p.Text, maxReply):
		return http.StatusBadRequest, "Nội dung đính chính dài quá. Bạn rút gọn rồi gửi lại."
	case !seen:
		return http.StatusBadRequest, "Hãy xem danh sách người nhận rồi đánh dấu xác nhận."
	}
	return 0, ""
}

// sendRecall begins to send the correction to those who were listed, each once for each
// key, so that a press repeated sends nothing twice and goes on where the first ended.
func (c *console) sendRecall(w http.ResponseWriter, r *http.Request, me database.Account) {
	p, g := c.given(r.PostForm)
	p.Text, p.Reason, p.Key = written(r.PostForm.Get("noi-dung")), reason(r), r.PostForm.Get("khoa")
	if !keyForm.MatchString(p.Key) {
		p.Key = newKey()
	}
	most, err := strconv.Atoi(r.PostForm.Get("nhieu-nhat"))
	if err != nil || most < 1 || most > recallMost {
		most = recallFirst
	}
	p.Most = most
	refuse := func(status int, why string) {
		if p.Asked {
			if err := c.preview(r, &p, g); err != nil {
				c.broken(w, r, me, "recipients", err)
				return
			}
		}
		p.Problem = why
		c.show(w, r, status, "recall", me, p)
	}
	if status, why := c.recallProblem(&p, r.PostForm.Get("da-xem") == "1"); why != "" {
		refuse(status, why)
		return
	}
	now := c.now()
	if g.To.IsZero() || g.To.After(now) {
		g.To = now // who asks from now on is not among those who were listed
	}
	g.Limit = 1
	_, n, err := c.db.Recipients(r.Context(), g)
	if err != nil {
		c.broken(w, r, me, "recipients", err)
		return
	}
	if seen, err := strconv.Atoi(r.PostForm.Get("so-nguoi")); err != nil || seen < n {
		refuse(http.StatusConflict, "Số người nhận đã tăng so với lúc bạn xem. Hãy xem lại danh sách rồi gửi.")
		return
	}
	run := &recallRun{key: p.Key, by: database.By{Who: me.Name, Why: p.Reason}, text: p.Text, most: most, begun: now, again: r.PostForm, recallDone: recallDone{All: n, Running: true}}
	if !c.recalls.begin(run) {
		http.Redirect(w, r, recallAddress(p.Key), http.StatusSeeOther) // it goes on already
		return
	}
	c.audit(r, me.Name, p.Reason, "recall", "recall "+p.Key+" to at most "+strconv.Itoa(most)+" of "+strconv.Itoa(n))
	c.background(func(ctx context.Context) { c.correct(ctx, run, g) })
	http.Redirect(w, r, recallAddress(p.Key), http.StatusSeeOther)
}

func recallAddress(key string) string { return consolePath + "/dinh-chinh/" + key }

// background does something that lasts longer than a request.
func (c *console) background(work func(ctx context.Context)) {
	if c.opts.Background == nil {
		work(context.Background())
		return
	}
	c.opts.Background(work)
}

// correct writes to one after the other, until all are written to, or as many as may be,
// or somebody stops it, or the server stops.
func (c *console) correct(ctx context.Context, run *recallRun, g database.Given) {
	defer run.note(func(d *recallDone) { d.Running = false })
	g.Limit = recallBatch
	for {
		some, _, err := c.db.Recipients(ctx, g)
		if err != nil {
			c.log.Error("recall ended early", "recall", run.key, "err", err)
			return
		}
		for _, to := range some {
			if ctx.Err() != nil || !run.goesOn() {
				return
			}
			c.correctOne(ctx, run, to)
		}
		if len(some) < recallBatch {
			return
		}
		g.After = some[len(some)-1]
	}
}

func (c *console) correctOne(ctx context.Context, run *recallRun, to database.Recipient) {
	sent, err := c.opts.Desk.Correct(ctx, run.by, run.key, to, run.text)
	var window ErrWindow
	forbidden := errors.As(err, &window)
	if err != nil && !forbidden {
		c.log.Error("correction not sent", "channel", to.Channel, "err", err)
	}
	run.note(func(d *recallDone) {
		switch {
		case forbidden:
			d.Forbidden++
		case err != nil:
			d.Failed++
		case sent:
			d.Sent++
		default:
			d.Before++
		}
	})
}

// recallDone is how far a recall is.
type recallDone struct {
	All, Sent, Before, Forbidden, Failed int

	Running bool
	Stopped bool // somebody said so
}

// Looked is how many of all were looked at.
func (d recallDone) Looked() int { return d.Sent + d.Before + d.Forbidden + d.Failed }

// recallRun is a recall under way or over.
type recallRun struct {
	key   string
	by    database.By
	text  string
	most  int
	begun time.Time
	again url.Values // the form, to go on with

	mu sync.Mutex
	recallDone
}

// note changes how far it is.
func (run *recallRun) note(change func(*recallDone)) {
	run.mu.Lock()
	defer run.mu.Unlock()
	change(&run.recallDone)
}

// now is how far it is.
func (run *recallRun) now() recallDone {
	run.mu.Lock()
	defer run.mu.Unlock()
	return run.recallDone
}

// goesOn reports whether another may be written to.
func (run *recallRun) goesOn() bool {
	d := run.now()
	return !d.Stopped && d.Sent+d.Failed < run.most
}

// recalls are those that this process began, the latest ones. The zero value is ready.
type recalls struct {
	mu  sync.Mutex
	all []*recallRun // oldest first
}

// find returns a recall, nil when this process does not know it.
func (rs *recalls) find(key string) *recallRun {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if at := slices.IndexFunc(rs.all, func(run *recallRun) bool { return run.key == key }); at >= 0 {
		return rs.all[at]
	}
	return nil
}

// begin takes a recall in, in the place of one with its key; not while that one runs.
func (rs *recalls) begin(run *recallRun) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	at := slices.IndexFunc(rs.all, func(have *recallRun) bool { return have.key == run.key })
	if at >= 0 && rs.all[at].now().Running {
		return false
	}
	if at >= 0 {
		rs.all = slices.Delete(rs.all, at, at+1)
	}
	if rs.all = append(rs.all, run); len(rs.all) > recallsKept {
		if at := slices.IndexFunc(rs.all, func(have *recallRun) bool { return !have.now().Running }); at >= 0 {
			rs.all = slices.Delete(rs.all, at, at+1)
		}
	}
	return true
}

// recallRunPage is how far a recall is.
type recallRunPage struct {
	recallDone
	Key, Who, Reason string
	Text             string
	Begun            time.Time
	Known            bool   // it was begun by this process
	Corrected        int    // who was written to, by whichever process
	Again            string // the address to go on at
}

// recallProgress shows how far a recall is.
func (c *console) recallProgress(w http.ResponseWriter, r *http.Request, me database.Account) {
	p := recallRunPage{Key: r.PathValue("khoa")}
	if !keyForm.MatchString(p.Key) {
		c.broken(w, r, me, "recall", database.ErrNotFound)
		return
	}
	if run := c.recalls.find(p.Key); run != nil {
		p.Known, p.recallDone, p.Who, p.Reason, p.Text, p.Begun = true, run.now(), run.by.Who, run.by.Why, run.text, run.begun
		p.Again = with(consolePath+"/dinh-chinh", url.Values{"cau-hoi": run.again["cau-hoi"], "viec": run.again["viec"], "tu": run.again["tu"], "den": run.again["den"]}, "khoa", p.Key)
	}
	var err error
	if p.Corrected, err = c.db.Corrected(r.Context(), p.Key); err == nil && p.Corrected == 0 && !p.Known {
		err = database.ErrNotFound
	}
	if err != nil {
		c.broken(w, r, me, "recall", err)
		return
	}
	c.show(w, r, http.StatusOK, "recall_run", me, p)
}

// stopRecall stops one: nobody further is written to.
func (c *console) stopRecall(w http.ResponseWriter, r *http.Request, me database.Account) {
	key := r.PathValue("khoa")
	run := c.recalls.find(key)
	if run == nil {
		c.broken(w, r, me, "recall", database.ErrNotFound)
		return
	}
	run.note(func(d *recallDone) { d.Stopped = d.Stopped || d.Running })
	c.audit(r, me.Name, "", "stop recall", "recall "+key)
	http.Redirect(w, r, recallAddress(key), http.StatusSeeOther)
}
