package web

import (
	"net/http"
	"strconv"

	"troly/internal/database"
)

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

// audit notes something that changes nothing by itself.
func (c *console) audit(r *http.Request, who, why, what, subject string) {
	if err := c.db.Audit(r.Context(), database.By{Who: who, Why: why}, what, subject); err != nil {
		c.log.Error("audit log not written", "what", what, "err", err)
	}
}
