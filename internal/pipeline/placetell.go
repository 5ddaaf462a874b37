package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"troly/internal/corpus"
)

// tell answers what the question asks of its places.
func (a *Assistant) tell(d *draft, p places) {
	switch {
	case p.asks == asksDistrict:
		for _, district := range p.districts[:min(len(p.districts), maxLists)] {
			a.tellDistrict(d, district)
		}
		a.tellSource(d, a.citeUnit(d, a.lib.Units.Within(p.districts[0].Name)[0]))
	case p.asks == asksParts || len(p.former) == 0:
		for _, c := range p.present[:min(len(p.present), maxLists)] {
			a.tellParts(d, c)
		}
		a.tellSource(d, a.citeUnit(d, p.present[0]))
	default:
		a.tellWhere(d, p)
	}
}

// maxLists bounds the lists of communes in an answer.
const maxLists = 2

// tellWhere says what former communes belong to now, and which office serves them.
func (a *Assistant) tellWhere(d *draft, p places) {
	var all []corpus.Place
	for _, n := range p.former {
		for i, place := range n.can {
			if i > 0 && !n.all {
				break // all lead to the same commune
			}
			if !slices.Contains(all, place) {
				all = append(all, place)
				a.tellSuccessor(d, place)
			}
		}
	}
	now := "xã, phường mới"
	if first := all[0]; len(all) == 1 {
		now = corpus.Running(first.Commune.Name)
		if !first.Unchanged() {
			d.add(first.Commune.Name + " mới gồm: " + strings.Join(formerNames(first.Commune), ", ") + ".")
		}
	}
	d.add(fmt.Sprintf("Giấy tờ cấp xã làm ở Trung tâm Phục vụ hành chính công %s; cư trú, căn cước thì đến Công an %s.", now, now))
	if p.asks == asksOffice {
		d.add("Địa chỉ và số điện thoại trụ sở: tôi chưa xác minh được nên không ghi. Bạn hỏi cán bộ thôn, tổ dân phố, hoặc xem trang thông tin của xã, phường.")
	}
	d.add(fmt.Sprintf("Từ %s không còn cấp huyện, chỉ có xã, phường và tỉnh %s. %s", a.lib.Units.Since, a.lib.Units.Province, a.citeNoDistrict(d)))
	a.tellSource(d, a.citeUnit(d, all[0].Commune))
}

// tellSuccessor says where one former commune went.
func (a *Assistant) tellSuccessor(d *draft, p corpus.Place) {
	now := corpus.Running(p.Commune.Name)
	mark := a.citeUnit(d, p.Commune)
	if p.Unchanged() {
		d.add(fmt.Sprintf("%s giữ nguyên, không nhập với xã nào; nay vẫn là %s, tỉnh %s %s.", p.Former.Name, now, a.lib.Units.Province, mark))
	} else {
		d.add(fmt.Sprintf("%s (%s cũ) nay thuộc %s, tỉnh %s %s.", p.Former.Name, corpus.Running(p.Former.District), now, a.lib.Units.Province, mark))
	}
	if !p.Former.Confirmed {
		d.add(fmt.Sprintf("Lưu ý: chưa xác minh được chỗ này (%s). Hãy hỏi lại UBND %s.", p.Former.Note, now))
	}
	d.table += p.Former.Name + " " + p.Former.Note + " " + now + "\n"
}

// formerNames lists what a commune was formed from, the doubtful marked.
func formerNames(c *corpus.Commune) []string {
	var names []string
	for _, f := range c.Former {
		name := corpus.Running(f.Name)
		if !f.Confirmed {
			name += " (chưa xác minh)"
		}
		names = append(names, name)
	}
	return names
}

// tellParts says what a present commune was formed from.
func (a *Assistant) tellParts(d *draft, c *corpus.Commune) {
	var parts, unsure []string
	for _, f := range c.Former {
		name := corpus.Running(f.Name) + " (" + corpus.Running(f.District) + " cũ)"
		if f.Confirmed {
			parts = append(parts, name)
		} else {
			unsure = append(unsure, name+": "+f.Note)
		}
		d.table += name + " " + f.Note + "\n"
	}
	mark := a.citeUnit(d, c)
	switch {
	case len(c.Former) == 1:
		d.add(fmt.Sprintf("%s giữ nguyên, không nhập với xã nào; trước thuộc %s %s.", c.Name, corpus.Running(c.Former[0].District), mark))
	default:
		d.add(fmt.Sprintf("%s, tỉnh %s, hình thành từ: %s %s.", c.Name, a.lib.Units.Province, strings.Join(parts, ", "), mark))
	}
	if len(unsure) > 0 {
		d.add("Chưa xác minh: " + strings.Join(unsure, "; ") + ". Hãy hỏi lại UBND " + corpus.Running(c.Name) + ".")
	}
}

// tellDistrict says that a district ended and which communes are there now.
func (a *Assistant) tellDistrict(d *draft, district *corpus.District) {
	u := a.lib.Units
	name := corpus.Running(district.Name)
	d.add(fmt.Sprintf("%s không còn: cấp huyện đã kết thúc từ %s %s.", district.Name, u.Since, a.citeNoDistrict(d)))
	var now []string
	for _, c := range u.Within(district.Name) {
		now = append(now, corpus.Running(c.Name))
	}
	mark := a.citeUnit(d, u.Within(district.Name)[0])
	d.add(fmt.Sprintf("Địa bàn %s cũ nay thuộc %d đơn vị của tỉnh %s: %s %s.", name, len(now), u.Province, strings.Join(now, ", "), mark))
	d.add("Việc trước làm ở " + name + " nay làm ở Trung tâm Phục vụ hành chính công xã, phường nơi bạn ở, hoặc ở tỉnh, tùy thủ tục.")
	d.table += fmt.Sprintf("%d đơn vị\n", len(now))
}

// tellSource names the resolution, and where the table was taken from instead of
// its text.
func (a *Assistant) tellSource(d *draft, mark string) {
	r := a.lib.Units.Resolution
	line := fmt.Sprintf("Căn cứ: Nghị quyết %s ngày %s. Tôi tra trong bảng lấy từ hai bộ dữ liệu công khai, chưa đối chiếu với toàn văn nghị quyết %s.", r.Ref, r.Date, mark)
	d.lines = append(d.lines, line) // however long the answer is
	d.table += r.Ref + " " + r.Date.String() + " " + a.lib.Units.Since.String() + "\n"
}
