package web

import (
	"net/http"
	"slices"

	"troly/internal/database"
)

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

func (c *console) switchLabel(name string) string {
	for _, s := range c.opts.Switches {
		if s.Name == name {
			return s.Label
		}
	}
	return wordFor(name)
}
