package web

import (
	"net/http"
	"strings"
)

// routePages adds the pages for residents:
//
//	GET  /               the chat; ?khung=1 for a frame, see widget.js
//	POST /               q or action or lenh -> the chat with the answer, without JavaScript
//	POST /chat           the same, answered as an event stream
//	POST /chat/thu       what others, an officer for one, said since the page last asked
//	GET  /tt             ?q=&nhom=&linh-vuc=: the documents
//	GET  /tt/{id}        one document
//	GET  /tt/{id}/phieu  one page to take along: papers, fee, office, time
//	GET  /tt/{id}/qr.png the address of that page as a QR code
//	GET  /widget.js      puts the chat into another page
//	GET  /scorecard      how well the assistant answers
//	GET  /static/        what the pages are drawn with
//
// Each is within the limit of questions or of pages of an address, but for the files.
func (s *server) routePages(mux *http.ServeMux) {
	read := func(pattern string, handle http.HandlerFunc) {
		mux.HandleFunc(pattern, s.guard.reading(handle, s.tooManyPages))
	}
	mux.HandleFunc("GET /static/", s.look.static)
	if s.library != nil {
		read("GET /tt", s.index)
		read("GET /tt/{id}", s.document)
		read("GET /tt/{id}/phieu", s.slip)
		read("GET /tt/{id}/qr.png", s.qr)
	}
	if s.scorecard != nil {
		read("GET /scorecard", s.showScorecard)
	}
	if s.chat != nil {
		read("GET /{$}", s.chat.page)
		mux.HandleFunc("POST /{$}", s.guard.asking(s.chat.ask, s.chat.tooMany))
		mux.HandleFunc("POST /chat", s.guard.asking(s.chat.stream, s.chat.tooManyInStream))
		mux.HandleFunc("POST /chat/thu", s.guard.reading(s.chat.letters, s.chat.tooManyInStream))
		read("GET /widget.js", s.chat.widget)
	}
}

// tooManyPages answers whoever reads or searches too often.
func (s *server) tooManyPages(w http.ResponseWriter, r *http.Request) {
	s.draw(w, r, http.StatusTooManyRequests, "missing", layout{Page: missing{
		Title: "Bạn chờ một phút nhé", Text: "Có nhiều lượt xem quá trong một lúc. Một phút nữa bạn mở lại trang.",
	}})
}

// missing is what is shown where there is nothing.
type missing struct{ Title, Text string }

// explained answers a request that no route takes: programs get a problem, people a
// page that leads on.
func (s *server) explained(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refused := &unrouted{header: w.Header(), status: http.StatusOK}
		mux.ServeHTTP(refused, r)
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			problem(w, refused.status, "nothing here takes this request")
			return
		}
		s.notFound(w, r, refused.status)
	})
}

// notFound is the page for people who came to a place where there is nothing.
func (s *server) notFound(w http.ResponseWriter, r *http.Request, status int) {
	s.draw(w, r, status, "missing", layout{Page: missing{
		Title: "Không có trang này",
		Text:  "Địa chỉ này không có hoặc đã đổi. Bạn thử tìm thủ tục theo tên, hoặc hỏi trợ lý.",
	}})
}

// unrouted keeps what the mux says about a request that no route takes: 404, or 405
// with the methods that are allowed.
type unrouted struct {
	header http.Header
	status int
}

func (r *unrouted) Header() http.Header         { return r.header }
func (r *unrouted) WriteHeader(status int)      { r.status = status }
func (r *unrouted) Write(b []byte) (int, error) { return len(b), nil }
