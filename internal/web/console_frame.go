package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"troly/internal/database"
)

// frame is what every page of the console has around it.
type frame struct {
	layout
	Me     database.Account
	Parts  []navItem
	Off    []offView
	Notice string // what was just done
}

type navItem struct {
	Label, Address string
	Here           bool
}

// offView is something that is turned off.
type offView struct {
	Label, Reason, Who string
	At                 time.Time
}

// parts of the console, in the order of the navigation.
var consoleParts = []struct{ label, at string }{
	{"Tra cứu", "/tra-cuu"}, {"Hộp thư", "/hop-thu"}, {"Câu hỏi", "/cau-hoi"}, {"Câu trả lời duyệt sẵn", "/duyet"}, {"Tri thức", "/tri-thuc"},
	{"Chất lượng", "/chat-luong"}, {"Công tắc", "/cong-tac"}, {"Đính chính", "/dinh-chinh"}, {"Nhật ký", "/nhat-ky"},
}

// done are the notices after an act, by the word in the address.
var done = map[string]string{
	"tra-loi": "Đã gửi câu trả lời. Trợ lý im lặng trong cuộc trò chuyện này cho đến khi bạn trả lại hoặc hết giờ.",
	"giao":    "Đã ghi người phụ trách và hạn trả lời.", "tra-lai": "Đã trả cuộc trò chuyện lại cho trợ lý.", "dong": "Đã đóng yêu cầu.",
	"tiep-nhan": "Đã tiếp nhận. Trợ lý im lặng trong cuộc trò chuyện này.", "luu": "Đã lưu câu trả lời duyệt sẵn.", "thu-hoi": "Đã thu hồi. Trợ lý không dùng câu trả lời này nữa.",
	"cong-tac": "Đã đổi công tắc.", "mat-khau": "Đã đổi mật khẩu. Các trình duyệt khác đã bị đăng xuất.",
}

// show draws a page of the console.
func (c *console) show(w http.ResponseWriter, r *http.Request, status int, page string, me database.Account, v any) {
	f := frame{layout: layout{Page: v, Class: "staff", Styles: []string{"console.css"}}, Me: me, Notice: done[r.URL.Query().Get("xong")]}
	if page == "recall_run" {
		f.Scripts = []string{"console.js"}
	}
	if me.Name != "" {
		f.Parts, f.Off = c.navigation(r, me), c.off(r.Context())
	}
	var b bytes.Buffer
	if err := c.pages[page].ExecuteTemplate(&b, "base", f); err != nil {
		c.log.Error("page of the console not drawn", "page", page, "err", err)
		problem(w, http.StatusInternalServerError, "the page cannot be shown")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.look.send(w, r, status, b.Bytes())
}

// navigation leads to what a role may see.
func (c *console) navigation(r *http.Request, me database.Account) []navItem {
	var items []navItem
	for _, part := range consoleParts {
		address := consolePath + part.at
		for _, rt := range c.routes() {
			if rt.pattern == "GET "+address && rt.lets(me.Role) {
				items = append(items, navItem{part.label, address, r.URL.Path == address || strings.HasPrefix(r.URL.Path, address+"/")})
			}
		}
	}
	return items
}

// off is what is turned off, for everybody to see.
func (c *console) off(ctx context.Context) []offView {
	set, err := c.db.Switches(ctx)
	if err != nil {
		c.log.Error("switches not read", "err", err)
		return nil
	}
	var all []offView
	for _, s := range set {
		if !s.On {
			all = append(all, offView{c.switchLabel(s.Name), s.Reason, s.Who, s.At})
		}
	}
	return all
}

// sayPage is a page that says one thing.
type sayPage struct{ Title, Text string }

func (c *console) say(w http.ResponseWriter, r *http.Request, status int, me database.Account, title, text string) {
	c.show(w, r, status, "say", me, sayPage{title, text})
}

// broken answers for what did not work; why is for the log.
func (c *console) broken(w http.ResponseWriter, r *http.Request, me database.Account, what string, err error) {
	switch {
	case errors.Is(err, database.ErrNotFound):
		c.say(w, r, http.StatusNotFound, me, "Không còn ở đây", "Nội dung này không có, đã hết hạn lưu, hoặc người dân đã xóa dữ liệu của họ.")
	case errors.Is(err, database.ErrChanged):
		c.say(w, r, http.StatusConflict, me, "Đã có người làm trước", "Nội dung này vừa được người khác thay đổi. Bạn mở lại trang để xem bản mới nhất.")
	default:
		c.log.Error("console", "what", what, "err", err)
		c.say(w, r, http.StatusInternalServerError, me, "Chưa làm được", "Hệ thống đang trục trặc nên việc này chưa xong. Bạn thử lại sau ít phút; nếu vẫn không được, báo quản trị viên.")
	}
}

// back leads to a page after an act.
func back(w http.ResponseWriter, r *http.Request, path, word string) {
	http.Redirect(w, r, consolePath+path+"?xong="+word, http.StatusSeeOther)
}
