package web

import (
	"net/http"

	"github.com/skip2/go-qrcode"

	"troly/internal/corpus"
)

// slipPage is the "phiếu mang theo": one page for one procedure, to print or to
// show on the phone at the office.
type slipPage struct {
	ID, Title string
	Notices   []notice
	Papers    []block
	Fees      []factView
	Times     []factView
	Place     string
	Submit    []string
	Checked   corpus.Date
	Address   string // of the document, in full
	Printed   corpus.Date
}

// mostInPlainPrint is how many figures fit one sheet in the usual size; more are printed
// smaller.
const mostInPlainPrint = 12

// hasSlip reports whether a document names papers to bring.
func hasSlip(d *corpus.Document) bool { return d.Section("ho-so") != nil }

// slipAddress is the page to take along.
func slipAddress(d *corpus.Document) string { return documentAddress(d.ID, "") + "/phieu" }

// slip shows the page to take along.
func (s *server) slip(w http.ResponseWriter, r *http.Request) {
	d := s.library.Document(r.PathValue("id"))
	if d == nil || !hasSlip(d) {
		s.notFound(w, r, http.StatusNotFound)
		return
	}
	today := corpus.Today(s.now())
	if s.unchanged(w, r, today, "phieu", d.ID) {
		return
	}
	p := s.pageOf(d, today)
	v := slipPage{
		ID: d.ID, Title: d.Title, Notices: p.Notices, Place: d.Authority, Submit: p.Submit, Checked: d.Checked, Printed: today,
		Papers:  s.known.blocks(d.Section("ho-so").Body),
		Address: s.guard.address(r) + documentAddress(d.ID, ""),
	}
	v.Fees, v.Times = s.factsOnSlip(d, d.Fees, today), s.factsOnSlip(d, d.Durations, today)
	class := "slip"
	if len(v.Fees)+len(v.Times) > mostInPlainPrint {
		class = "slip dense"
	}
	s.draw(w, r, http.StatusOK, "slip", layout{Page: v, Here: "tt", Class: class})
}

// factsOnSlip are the figures of a day without the law they rest on, which is on the
// full page: a sheet has little room.
func (s *server) factsOnSlip(d *corpus.Document, facts []corpus.Fact, today corpus.Date) []factView {
	var views []factView
	for _, f := range corpus.ValidOn(facts, today) {
		v := s.factOf(d, &f, today)
		v.Legal = ""
		views = append(views, v)
	}
	return views
}

// qrPixels is the side of the picture: 3 cm on paper at 200 dots an inch.
const qrPixels = 240

// qr is the address of the page to take along as a picture: whoever scans the paper, or a
// notice at the counter, has the page as it is that day.
func (s *server) qr(w http.ResponseWriter, r *http.Request) {
	d := s.library.Document(r.PathValue("id"))
	if d == nil || !hasSlip(d) {
		s.notFound(w, r, http.StatusNotFound)
		return
	}
	if s.unchanged(w, r, corpus.Today(s.now()), "qr", d.ID) {
		return
	}
	picture, err := qrcode.Encode(s.guard.address(r)+slipAddress(d), qrcode.Medium, qrPixels)
	if err != nil { // an address too long for a code
		s.log.Error("QR code not made", "document", d.ID, "err", err)
		problem(w, http.StatusInternalServerError, "the code cannot be made")
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(picture) // the client went away: nobody is left to tell
}
