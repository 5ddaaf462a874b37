package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"troly/internal/database"
	"troly/internal/privacy"
)

// Bounds of an approved answer.
const (
	maxForms      = 30   // ways of asking
	maxFormBytes  = 300  // of one
	maxApproved   = 6000 // characters of an answer
	mostSources   = 8    // documents it rests on
	approvedFor   = 180 * 24 * time.Hour
	longestForDay = 366
)

// approvedPage lists approved answers.
type approvedPage struct {
	Rows   []approvedRow
	Writer bool
}

// approvedRow is an approved answer as it stands now.
type approvedRow struct {
	database.Approved
	Changed []string // documents that have changed since, by ID
	Over    bool     // its time is over
	Used    bool     // it is given to residents
}

func (c *console) rowOf(a database.Approved) approvedRow {
	r := approvedRow{Approved: a, Over: !a.Expires.IsZero() && !c.now().Before(a.Expires)}
	versions := c.opts.Versions()
	for _, s := range a.Sources {
		if versions[s.Document] != s.Version {
			r.Changed = append(r.Changed, s.Document)
		}
	}
	r.Used = a.State == database.ApprovedActive && !r.Over && len(r.Changed) == 0
	return r
}

func (c *console) approvedList(w http.ResponseWriter, r *http.Request, me database.Account) {
	all, err := c.db.ApprovedAnswers(r.Context())
	if err != nil {
		c.broken(w, r, me, "approved answers", err)
		return
	}
	p := approvedPage{Writer: approves(me.Role)}
	for _, a := range slices.Backward(all) {
		p.Rows = append(p.Rows, c.rowOf(a))
	}
	c.show(w, r, http.StatusOK, "approved", me, p)
}

// approvedForm is an approved answer that is written or looked at.
type approvedForm struct {
	approvedRow
	New      bool
	Writer   bool
	Forms    string // ways of asking, one a line
	Chosen   []choice
	More     []choice
	Until    string // day
	Seen     string // when what is changed was last changed
	Problem  string
	CanTake  bool
	FromText string // the ticket whose reply it was
}

// approvedNew begins one, from an outcome when the address names it, and with the last
// reply of an officer when it names a ticket.
func (c *console) approvedNew(w http.ResponseWriter, r *http.Request, me database.Account) {
	q := r.URL.Query()
	a := database.Approved{Owner: me.Name, Expires: c.now().Add(approvedFor), State: database.ApprovedActive}
	if id, err := strconv.ParseInt(q.Get("yeu-cau"), 10, 64); err == nil && speaks(me.Role) {
		if err := c.fromTicket(r.Context(), &a, id); err != nil {
			c.broken(w, r, me, "ticket", err)
			return
		}
	}
	if id := q.Get("cau-hoi"); id != "" {
		a.Outcome = id
	}
	if a.Outcome != "" {
		c.fromOutcome(r.Context(), &a)
	}
	c.showApproved(w, r, http.StatusOK, me, a, true, "")
}

// fromOutcome takes over the question, and the answer and its documents unless there are
// others. One that is kept no more leaves it as it is.
func (c *console) fromOutcome(ctx context.Context, a *database.Approved) {
	o, err := c.db.OutcomeByID(ctx, a.Outcome)
	if err != nil {
		return
	}
	a.Questions = []string{o.Question}
	a.Answer = cmp.Or(a.Answer, o.Answer)
	if len(a.Sources) == 0 {
		for _, id := range o.Documents {
			a.Sources = append(a.Sources, database.ApprovedSource{Document: id})
		}
	}
}

// fromTicket takes over what an officer said last in a ticket, and what it was about.
func (c *console) fromTicket(ctx context.Context, a *database.Approved, id int64) error {
	k, err := c.db.TicketByID(ctx, id)
	if err != nil {
		return err
	}
	messages, err := c.db.TicketMessages(ctx, id)
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(messages) {
		if m.Side == "staff" {
			a.Answer, _ = privacy.Mask(m.Text)
			break
		}
	}
	a.Outcome = k.Outcome
	if k.Topic != "" {
		a.Sources = []database.ApprovedSource{{Document: k.Topic}}
	}
	return nil
}

func (c *console) showApproved(w http.ResponseWriter, r *http.Request, status int, me database.Account, a database.Approved, isNew bool, problem string) {
	p := approvedForm{approvedRow: c.rowOf(a), New: isNew, Writer: approves(me.Role), Forms: strings.Join(a.Questions, "\n"), Problem: problem, Seen: strconv.FormatInt(a.Updated.UnixMilli(), 10)}
	if isNew {
		p.Changed, p.Used = nil, false
	}
	if !a.Expires.IsZero() {
		p.Until = a.Expires.Add(-time.Second).In(vietnamTime).Format(time.DateOnly)
	}
	if c.library != nil {
		for _, d := range c.library.Documents {
			one := choice{d.ID, d.Title, slices.ContainsFunc(a.Sources, func(s database.ApprovedSource) bool { return s.Document == d.ID })}
			if one.Chosen {
				p.Chosen = append(p.Chosen, one)
			} else {
				p.More = append(p.More, one)
			}
		}
		slices.SortFunc(p.More, func(a, b choice) int { return byName(a.Label, b.Label) })
	}
	c.show(w, r, status, "approved_one", me, p)
}

func (c *console) approvedOne(w http.ResponseWriter, r *http.Request, me database.Account) {
	if a, ok := c.approvedOf(w, r, me); ok {
		c.showApproved(w, r, http.StatusOK, me, a, false, "")
	}
}

func (c *console) approvedOf(w http.ResponseWriter, r *http.Request, me database.Account) (database.Approved, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		c.broken(w, r, me, "approved answer", database.ErrNotFound)
		return database.Approved{}, false
	}
	a, err := c.db.ApprovedByID(r.Context(), id)
	if err != nil {
		c.broken(w, r, me, "approved answer", err)
		return database.Approved{}, false
	}
	return a, true
}

// readApproved takes the form into a; the problem is for whoever wrote it. The sources
// get the versions of this moment: whoever saves says that the answer agrees with them.
func (c *console) readApproved(r *http.Request, a *database.Approved) (problem string) {
	form := r.PostForm
	a.Questions = nil
	for _, line := range strings.Split(written(form.Get("hoi")), "\n") {
		if line = clip(clean(line), maxFormBytes); line != "" && !slices.Contains(a.Questions, line) {
			a.Questions = append(a.Questions, line)
		}
	}
	a.Answer = written(form.Get("dap"))
	a.Owner = AccountName(form.Get("nguoi"))
	a.State = database.ApprovedActive
	if form.Get("nhap") != "" {
		a.State = database.ApprovedDraft
	}
	versions := c.opts.Versions()
	a.Sources = nil
	for _, id := range form["nguon"] {
		if v, ok := versions[id]; ok && !slices.ContainsFunc(a.Sources, func(s database.ApprovedSource) bool { return s.Document == id }) {
			a.Sources = append(a.Sources, database.ApprovedSource{Document: id, Version: v})
		}
	}
	a.Expires = readEnd(form.Get("den"))
	owner, err := c.db.Account(r.Context(), a.Owner)
	switch {
	case len(a.Questions) == 0:
		return "Hãy ghi ít nhất một cách hỏi."
	case len(a.Questions) > maxForms:
		return "Nhiều nhất " + strconv.Itoa(maxForms) + " cách hỏi."
	case a.Answer == "":
		return "Hãy ghi câu trả lời."
	case long(a.Answer, maxApproved):
		return "Câu trả lời dài quá, nhiều nhất " + strconv.Itoa(maxApproved) + " ký tự. Bạn rút gọn rồi lưu lại."
	case c.personal(a.Answer):
		return "Câu trả lời có dữ liệu cá nhân (số căn cước, số điện thoại riêng…). Câu này sẽ gửi cho nhiều người nên phải bỏ đi."
	case len(a.Sources) == 0:
		return "Hãy chọn ít nhất một tài liệu mà câu trả lời dựa vào. Tài liệu đổi thì câu trả lời tự ngừng dùng."
	case len(a.Sources) > mostSources:
		return "Nhiều nhất " + strconv.Itoa(mostSources) + " tài liệu."
	case err != nil || owner.Disabled:
		return "Người chịu trách nhiệm phải là một tài khoản đang dùng."
	case !a.Expires.After(c.now()) || a.Expires.Sub(c.now()) > longestForDay*24*time.Hour:
		return "Hãy ghi ngày hết hạn, từ hôm nay đến một năm sau."
	}
	return c.withheld(a)
}

// withheld says why an approved answer would never be given.
func (c *console) withheld(a *database.Approved) string {
	if c.opts.Withholds == nil {
		return ""
	}
	var documents []string
	for _, s := range a.Sources {
		documents = append(documents, s.Document)
	}
	failed := c.opts.Withholds(a.Answer, documents)
	if len(failed) == 0 {
		return ""
	}
	switch failed[0] {
	case "contacts":
		return "Câu trả lời có số điện thoại, email hoặc trang mạng không có trong danh bạ và trong các tài liệu đã chọn. Hãy bỏ đi, hoặc thêm vào danh bạ trước."
	case "no_abolished_office":
		return "Câu trả lời nhắc tới một cơ quan cấp huyện đã bỏ. Hãy ghi cơ quan bây giờ."
	case "language":
		return "Câu trả lời viết thiếu dấu. Hãy viết tiếng Việt có dấu."
	}
	return "Câu trả lời không qua được kiểm tra " + wordFor(failed[0]) + " nên sẽ không được gửi. Hãy sửa lại."
}

func (c *console) approvedAdd(w http.ResponseWriter, r *http.Request, me database.Account) {
	a := database.Approved{Outcome: clip(r.PostForm.Get("tu-cau-hoi"), 100)}
	if problem := c.readApproved(r, &a); problem != "" {
		c.showApproved(w, r, http.StatusBadRequest, me, a, true, problem)
		return
	}
	id, err := c.db.AddApproved(r.Context(), database.By{Who: me.Name}, a)
	if err != nil {
		c.broken(w, r, me, "add approved answer", err)
		return
	}
	c.changed(r)
	back(w, r, "/duyet/"+strconv.FormatInt(id, 10), "luu")
}

func (c *console) approvedSave(w http.ResponseWriter, r *http.Request, me database.Account) {
	a, ok := c.approvedOf(w, r, me)
	if !ok {
		return
	}
	seen, err := strconv.ParseInt(r.PostForm.Get("thay-luc"), 10, 64)
	if err != nil || a.Updated.UnixMilli() != seen {
		c.broken(w, r, me, "save approved answer", database.ErrChanged)
		return
	}
	if problem := c.readApproved(r, &a); problem != "" {
		c.showApproved(w, r, http.StatusBadRequest, me, a, false, problem)
		return
	}
	if err := c.db.SetApproved(r.Context(), database.By{Who: me.Name}, a); err != nil {
		c.broken(w, r, me, "save approved answer", err)
		return
	}
	c.changed(r)
	back(w, r, "/duyet/"+strconv.FormatInt(a.ID, 10), "luu")
}

// approvedWithdraw takes one out of use, with a reason.
func (c *console) approvedWithdraw(w http.ResponseWriter, r *http.Request, me database.Account) {
	a, ok := c.approvedOf(w, r, me)
	if !ok {
		return
	}
	why := reason(r)
	if why == "" {
		c.showApproved(w, r, http.StatusBadRequest, me, a, false, "Hãy ghi lý do thu hồi.")
		return
	}
	a.State = database.ApprovedWithdrawn
	if err := c.db.SetApproved(r.Context(), database.By{Who: me.Name, Why: why}, a); err != nil {
		c.broken(w, r, me, "withdraw approved answer", err)
		return
	}
	c.changed(r)
	back(w, r, "/duyet/"+strconv.FormatInt(a.ID, 10), "thu-hoi")
}

// personal reports whether a text holds personal data. The numbers of the contacts are
// those of offices.
func (c *console) personal(text string) bool {
	_, found := privacy.Mask(text)
	return slices.ContainsFunc(found, func(f privacy.Finding) bool { return !c.known.phones[digits(f.Text)] })
}

// changed tells the rest of this process that what staff decide has changed.
func (c *console) changed(r *http.Request) {
	if c.opts.Changed != nil {
		c.opts.Changed(r.Context())
	}
}
