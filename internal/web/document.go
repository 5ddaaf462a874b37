package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"troly/internal/corpus"
)

// documentPage is one document as people read it.
type documentPage struct {
	ID, Title string
	Kind      string // in words
	Field     string
	Notices   []notice
	Checked   corpus.Date
	Until     corpus.Date // last day; empty: none known, or a notice says it
	Authority string
	Level     string
	Submit    []string
	Portal    string
	Codes     []string
	Sections  []sectionView
	Sources   []corpus.Source
	Related   []link
	Slip      bool // there is a page to take along
}

type link struct{ Title, Address string }

// notice is what must be known before anything on the page is relied on.
type notice struct{ Title, Text string }

// sectionView is one heading with what stands under it.
type sectionView struct {
	ID, Heading string
	Blocks      []block
	Facts       []factView
	Past        []factView // no longer in force
	Legal       []string
	Authority   string
}

// factView is one typed figure, said in full.
type factView struct {
	For     string
	Figure  string // empty: not known
	Ask     string // whom to ask when it is not
	When    string // the condition
	Note    string
	From    corpus.Date // of the future: when it begins
	Until   corpus.Date // last day
	Soon    bool        // which is near
	Legal   string
	Low     bool
	Section string // where it stands, for a page that shows facts by themselves
}

// kindNames are the kinds of documents, in words.
var kindNames = map[corpus.Kind]string{corpus.Procedure: "Thủ tục hành chính", corpus.Skill: "Kỹ năng số", corpus.Local: "Thông tin địa phương"}

var levelNames = map[string]string{"commune": "Cấp xã", "province": "Cấp tỉnh", "central": "Cấp trung ương"}

var submitNames = map[string]string{"in_person": "Trực tiếp", "online": "Trực tuyến", "post": "Qua bưu chính"}

// oldCheck is how many days after the last check a page says so: fees and forms
// change about twice a year.
const oldCheck = 180

// pageOf makes the page of a document for a day.
func (s *server) pageOf(d *corpus.Document, today corpus.Date) documentPage {
	p := documentPage{
		ID: d.ID, Title: d.Title, Kind: kindNames[d.Kind], Field: d.Field, Checked: d.Checked, Authority: d.Authority, Level: levelNames[d.Level],
		Portal: webLink(d.Portal), Codes: d.Codes, Notices: notices(d, today), Slip: hasSlip(d),
	}
	if d.ValidTo >= today && today.Days(d.ValidTo) > corpus.Soon {
		p.Until = d.ValidTo
	}
	for _, source := range d.Sources {
		source.URL = webLink(source.URL)
		p.Sources = append(p.Sources, source)
	}
	for _, way := range d.Submit {
		p.Submit = append(p.Submit, cmp.Or(submitNames[way], way))
	}
	for _, id := range d.Related {
		if other := s.library.Document(id); other != nil {
			p.Related = append(p.Related, link{other.Title, documentAddress(id, "")})
		}
	}
	for _, passage := range s.library.Passages(d) { // with the same IDs as in citations
		v := sectionView{ID: passage.ID, Heading: passage.Heading}
		if written := d.Section(passage.ID); written != nil {
			v.Blocks = s.known.blocks(written.Body)
		}
		for _, f := range d.FactsOf(passage.ID) {
			if f.ValidTo != "" && f.ValidTo < today {
				v.Past = append(v.Past, s.factOf(d, &f, today))
			} else {
				v.Facts = append(v.Facts, s.factOf(d, &f, today))
			}
		}
		switch passage.ID {
		case "noi-nop":
			v.Authority = d.Authority
		case "can-cu":
			v.Legal = legalBasis(d)
		}
		p.Sections = append(p.Sections, v)
	}
	return p
}

// legalBasis is the law that a document rests on, as it is written.
func legalBasis(d *corpus.Document) []string {
	var refs []string
	for _, ref := range d.LegalBasis {
		refs = append(refs, ref.String())
	}
	return refs
}

// factOf says a figure for a day; one of the future for its first day, one of the
// past for its last.
func (s *server) factOf(d *corpus.Document, f *corpus.Fact, today corpus.Date) factView {
	day := max(today, f.ValidFrom)
	if f.ValidTo != "" {
		day = min(day, f.ValidTo)
	}
	v := factView{For: f.For, When: f.Unsaid(), Note: f.Note, Legal: f.Legal, Section: d.FactSection(f)}
	if !f.Known() {
		v.Ask = f.Ask
		return v
	}
	v.Figure, v.Low = s.library.Figure(d, f, day), s.library.Doubtful(d, f, day)
	if f.IsFree() && f.Text == "" {
		v.Figure = "miễn phí (0 đồng)"
	}
	if f.ValidFrom > today {
		v.From = f.ValidFrom
	}
	v.Until = s.library.Until(d, f, day)
	v.Soon = v.Until >= today && today.Days(v.Until) <= corpus.Soon
	return v
}

// notices are said at the top of a page.
func notices(d *corpus.Document, today corpus.Date) []notice {
	var all []notice
	switch {
	case d.ValidTo != "" && d.ValidTo < today:
		all = append(all, notice{"Hướng dẫn này đã hết hiệu lực", "Nội dung dưới đây chỉ áp dụng đến hết ngày " + d.ValidTo.String() + ". Hãy hỏi lại nơi tiếp nhận trước khi làm."})
	case d.ValidTo != "" && today.Days(d.ValidTo) <= corpus.Soon:
		all = append(all, notice{"Sắp thay đổi", "Hướng dẫn này chỉ áp dụng đến hết ngày " + d.ValidTo.String() + "."})
	}
	if d.ValidFrom > today {
		all = append(all, notice{"Chưa áp dụng", "Hướng dẫn này áp dụng từ ngày " + d.ValidFrom.String() + "."})
	}
	if d.Confidence == "low" {
		all = append(all, notice{"Độ tin cậy thấp", "Nguồn của trang này chưa đủ chắc chắn. Hãy hỏi lại nơi tiếp nhận trước khi làm."})
	}
	if d.Checked != "" && d.Checked.Days(today) > oldCheck {
		all = append(all, notice{"Lâu chưa kiểm tra lại", "Nội dung được kiểm tra lần cuối ngày " + d.Checked.String() + ". Quy định có thể đã đổi."})
	}
	return all
}

// documentAddress is the page of a document, at a section when one is named.
func documentAddress(id, section string) string {
	address := "/tt/" + url.PathEscape(id)
	if section != "" {
		address += "#" + url.PathEscape(section)
	}
	return address
}

// document shows one.
func (s *server) document(w http.ResponseWriter, r *http.Request) {
	d := s.library.Document(r.PathValue("id"))
	if d == nil {
		s.notFound(w, r, http.StatusNotFound)
		return
	}
	today := corpus.Today(s.now())
	if s.unchanged(w, r, today, "tt", d.ID) {
		return
	}
	s.draw(w, r, http.StatusOK, "document", layout{
		Page: s.pageOf(d, today), Here: "tt",
		Canonical: s.guard.address(r) + documentAddress(d.ID, ""), Class: "doc",
	})
}

// keepFor is how long a browser may show a page about the knowledge without asking.
const keepFor = "public, max-age=300"

// unchanged names the state of a page that depends on the knowledge, the program and
// the day, and answers 304 when the client has it. What is on a page changes by
// itself at midnight, when figures begin and end.
func (s *server) unchanged(w http.ResponseWriter, r *http.Request, today corpus.Date, parts ...string) bool {
	sum := sha256.Sum256([]byte(strings.Join(append(parts, s.library.Version, s.look.version, string(today), s.guard.address(r)), "\x00")))
	tag := `W/"` + hex.EncodeToString(sum[:9]) + `"`
	midnight, err := time.ParseInLocation(time.DateOnly, string(today), vietnamTime)
	changed := s.started
	if err == nil && midnight.After(changed) {
		changed = midnight
	}
	h := w.Header()
	h.Set("Cache-Control", keepFor)
	h.Set("ETag", tag)
	h.Set("Last-Modified", changed.UTC().Format(http.TimeFormat))
	if !holds(r, tag, changed) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// holds reports whether the client says that it has this state of a page.
func holds(r *http.Request, tag string, changed time.Time) bool {
	if tags := r.Header.Values("If-None-Match"); len(tags) > 0 {
		return slices.ContainsFunc(strings.Split(strings.Join(tags, ","), ","), func(t string) bool {
			t = strings.TrimSpace(t)
			return t == "*" || strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/")
		})
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !changed.Truncate(time.Second).After(since)
}
