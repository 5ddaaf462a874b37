package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

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
	Text, Reason      string
	Most              int
	Key               string
	Problem           string
	Sent              *recallDone
	CanSend           bool
}

// recallDone is what came of a recall.
type recallDone struct{ Sent, Before, Forbidden, Failed int }

// Bounds of a recall.
const (
	recallShown = 50  // recipients in the preview
	recallMost  = 200 // that one press of the button writes to: what a request has time for
)

// given reads what is recalled out of a form.
func (c *console) given(q url.Values) (recallPage, database.Given) {
	p := recallPage{Outcome: clip(q.Get("cau-hoi"), 100), Document: q.Get("viec"), From: q.Get("tu"), To: q.Get("den"), Most: recallMost, CanSend: c.opts.Desk != nil}
	p.Topics = c.documentChoices(p.Document)
	g := database.Given{Outcome: p.Outcome, Document: p.Document, From: readTime(p.From)}
	if to := readTime(p.To); !to.IsZero() {
		g.To = to.AddDate(0, 0, 1)
	}
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
	for _, channel := range sortedKeys(counts) {
		p.Channels = append(p.Channels, choice{counts[channel], wordFor(channel), false})
	}
	if p.Outcome != "" {
		if o, err := c.db.OutcomeByID(r.Context(), p.Outcome); err == nil {
			p.Question = o.Question
			p.Answer = blocks(o.Answer, func(l string) []span { return c.known.line(l, nil) })
		}
	}
	return nil
}

func (c *console) recall(w http.ResponseWriter, r *http.Request, me database.Account) {
	p, g := c.given(r.URL.Query())
	p.Key = newKey()
	if p.Asked {
		if err := c.preview(r, &p, g); err != nil {
			c.broken(w, r, me, "recipients", err)
			return
		}
	}
	c.show(w, r, http.StatusOK, "recall", me, p)
}

// sendRecall sends the correction to those who were listed, each once for each key,
// so that a press repeated sends nothing twice and goes on where the first ended.
func (c *console) sendRecall(w http.ResponseWriter, r *http.Request, me database.Account) {
	p, g := c.given(r.PostForm)
	p.Text, p.Reason, p.Key = written(r.PostForm.Get("noi-dung")), reason(r), r.PostForm.Get("khoa")
	if !keyForm.MatchString(p.Key) {
		p.Key = newKey()
	}
	most, err := strconv.Atoi(r.PostForm.Get("nhieu-nhat"))
	if err != nil || most < 1 || most > recallMost {
		most = recallMost
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
	switch {
	case !p.Asked:
		refuse(http.StatusBadRequest, "Hãy chọn câu trả lời hoặc tài liệu cần đính chính.")
		return
	case c.opts.Desk == nil:
		refuse(http.StatusServiceUnavailable, "Máy chủ này chưa nối với kênh nào nên chưa gửi được.")
		return
	case p.Text == "" || p.Reason == "":
		refuse(http.StatusBadRequest, "Hãy ghi nội dung đính chính và lý do.")
		return
	case long(p.Text, maxReply):
		refuse(http.StatusBadRequest, "Nội dung đính chính dài quá. Bạn rút gọn rồi gửi lại.")
		return
	case r.PostForm.Get("da-xem") != "1":
		refuse(http.StatusBadRequest, "Hãy xem danh sách người nhận rồi đánh dấu xác nhận.")
		return
	}
	g.Limit = 100_000
	all, n, err := c.db.Recipients(r.Context(), g)
	if err != nil {
		c.broken(w, r, me, "recipients", err)
		return
	}
	if seen, err := strconv.Atoi(r.PostForm.Get("so-nguoi")); err != nil || seen < n {
		refuse(http.StatusConflict, "Số người nhận đã tăng so với lúc bạn xem. Hãy xem lại danh sách rồi gửi.")
		return
	}
	by := database.By{Who: me.Name, Why: p.Reason}
	c.audit(r, me.Name, p.Reason, "recall", "recall "+p.Key+" to at most "+strconv.Itoa(most)+" of "+strconv.Itoa(n))
	done := new(recallDone)
	for _, to := range all {
		if done.Sent+done.Failed >= most || r.Context().Err() != nil {
			break
		}
		sent, err := c.opts.Desk.Correct(r.Context(), by, p.Key, to, p.Text)
		var forbidden ErrWindow
		switch {
		case errors.As(err, &forbidden):
			done.Forbidden++
		case err != nil:
			c.log.Error("correction not sent", "channel", to.Channel, "err", err)
			done.Failed++
		case sent:
			done.Sent++
		default:
			done.Before++
		}
	}
	p.Sent = done
	if err := c.preview(r, &p, g); err != nil {
		c.broken(w, r, me, "recipients", err)
		return
	}
	c.show(w, r, http.StatusOK, "recall", me, p)
}
