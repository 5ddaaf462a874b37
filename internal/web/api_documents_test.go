package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"troly/internal/corpus"
	"troly/internal/web"
)

// realLibrary is the embedded knowledge.
func realLibrary(testing.TB) *corpus.Library {
	lib, _ := real()
	return lib
}

// noon is the middle of a day here.
var noon = time.Date(2026, 11, 27, 5, 0, 0, 0, time.UTC)

func openData(tb testing.TB) http.Handler {
	return web.New(web.Options{Assistant: fake{}, Log: discard(), Library: realLibrary(tb), Now: func() time.Time { return noon }})
}

func get(handler http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	return send(handler, method, path, "", header...)
}

// send returns the reply to a request; header is pairs of name and value.
func send(handler http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

type openFact struct {
	For, Name, Unit, Figure, Legal, Confidence string
	Value, Rate                                *float64
	Condition                                  struct{ Who, Channel string }
	ValidFrom                                  string `json:"valid_from"`
	ValidTo                                    string `json:"valid_to"`
	InForce                                    bool   `json:"in_force"`
}

type openDocument struct {
	ID, Title, Kind, Field, Licence, Knowledge string
	AsOf                                       string `json:"as_of"`
	Fees, Durations, Amounts                   []openFact
	Sources                                    []struct{ Title, URL, Date string }
	LegalBasis                                 []struct{ Ref, Title, Date string } `json:"legal_basis"`
	Sections                                   []struct{ ID, Heading, Text string }
}

// Every document comes with every typed row and section of its file.
func TestDocumentsAreWhole(t *testing.T) {
	handler, lib := openData(t), realLibrary(t)
	for _, d := range lib.Documents {
		w := get(handler, "GET", "/api/v1/documents/"+d.ID)
		var got openDocument
		if err := json.Unmarshal(w.Body.Bytes(), &got); w.Code != 200 || err != nil {
			t.Fatalf("%s = %d, %v", d.ID, w.Code, err)
		}
		if got.ID != d.ID || got.Title != d.Title || got.Licence == "" || got.Knowledge != lib.Version || got.AsOf != "2026-11-27" || len(got.Sections) != len(d.Sections) || len(got.Sources) != len(d.Sources) || len(got.LegalBasis) != len(d.LegalBasis) {
			t.Errorf("%s = %+v", d.ID, got)
		}
		if strings.Contains(w.Body.String(), "null") && !strings.Contains(strings.ToLower(d.Title), "null") {
			t.Errorf("%s has a null: lists are empty, not absent", d.ID)
		}
		rows := slices.Concat(got.Fees, got.Durations, got.Amounts)
		for i, f := range d.Facts() {
			g := rows[i]
			if g.For != f.For || g.Unit != f.Unit || g.Legal != f.Legal || g.ValidFrom != string(f.ValidFrom) || g.ValidTo != string(f.ValidTo) || g.Condition.Who != f.Condition.Who || g.Condition.Channel != f.Condition.Channel {
				t.Errorf("%s: row %d = %+v, want %+v", d.ID, i, g, f)
			}
			if (f.Value == nil) != (g.Value == nil) || f.Value != nil && *f.Value != *g.Value || g.Confidence == "" || (g.Figure != "") != f.Known() {
				t.Errorf("%s: row %d = %+v, want figure %v", d.ID, i, g, f.Known())
			}
			if g.InForce != corpus.Date("2026-11-27").Within(f.ValidFrom, f.ValidTo) {
				t.Errorf("%s: row %d in force %v", d.ID, i, g.InForce)
			}
		}
	}
}

func TestDocumentTag(t *testing.T) {
	handler := openData(t)
	const path = "/api/v1/documents/khai-sinh"
	first := get(handler, "GET", path)
	tag := first.Header().Get("ETag")
	if first.Code != 200 || len(tag) < 10 || first.Header().Get("Cache-Control") != "public, max-age=300" || first.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("first = %d %v", first.Code, first.Header())
	}
	for _, tt := range []struct {
		name, method, path, match string
		status                    int
		same                      bool // tag
	}{
		{"again", "GET", path, "", 200, true},
		{"has it", "GET", path, tag, 304, true},
		{"has it and another", "GET", path, `"x", W/` + tag, 304, true},
		{"has any", "GET", path, "*", 304, true},
		{"has another", "GET", path, `"x"`, 200, true},
		{"head", "HEAD", path, "", 200, true},
		{"another day", "GET", path + "?as_of=2027-03-01", tag, 200, false},
		{"the day given", "GET", path + "?as_of=2026-11-27", tag, 304, true},
	} {
		w := get(handler, tt.method, tt.path, "If-None-Match", tt.match)
		if w.Code != tt.status || (w.Header().Get("ETag") == tag) != tt.same || (w.Body.Len() == 0) != (tt.status == 304 || tt.method == "HEAD") {
			t.Errorf("%s = %d %v (%d bytes), want %d", tt.name, w.Code, w.Header(), w.Body.Len(), tt.status)
		}
	}
}

func TestDocumentProblems(t *testing.T) {
	handler := openData(t)
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{
		{"/api/v1/documents/nothing", 404, "no document"}, {"/api/v1/documents/khai-sinh?as_of=1/3/2027", 400, "YYYY-MM-DD"},
		{"/api/v1/documents/..%2f..%2fetc", 404, "no document"}, {"/api/v1/documents/khai-sinh/x", 404, "no such path"},
		{"/api/v1/documents?kind=thing", 400, "kind is"}, {"/api/v1/documents?audience=all", 400, "citizen or official"},
		{"/api/v1/documents?limit=0", 400, "1 to 200"}, {"/api/v1/documents?limit=201", 400, "1 to 200"},
	} {
		w := get(handler, "GET", tt.path)
		if w.Code != tt.status || w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), tt.want) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s = %d %v %s, want %d with %q", tt.path, w.Code, w.Header(), w.Body, tt.status, tt.want)
		}
	}
	w := get(handler, "OPTIONS", "/api/v1/documents/khai-sinh", "Origin", "https://example.vn", "Access-Control-Request-Method", "GET")
	if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Headers") != "If-None-Match" {
		t.Errorf("preflight = %d %v", w.Code, w.Header())
	}
	if w := get(handler, "OPTIONS", "/api/v1/ask", "Origin", "https://example.vn"); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("asking is shared with other sites: %v", w.Header())
	}
}

type openList struct {
	Documents []struct{ ID, Title, Kind, Field, Audience, Self string }
	Total     int
	Next      string
	Licence   string
}

func list(t *testing.T, handler http.Handler, path string) openList {
	t.Helper()
	w := get(handler, "GET", path)
	var l openList
	if err := json.Unmarshal(w.Body.Bytes(), &l); w.Code != 200 || err != nil || l.Licence == "" {
		t.Fatalf("%s = %d %s, %v", path, w.Code, w.Body, err)
	}
	return l
}

// The pages together are all documents, each once.
func TestDocumentPages(t *testing.T) {
	handler, lib := openData(t), realLibrary(t)
	var ids []string
	pages := 0
	for next := "/api/v1/documents?limit=20"; next != ""; pages++ {
		l := list(t, handler, next)
		if l.Total != len(lib.Documents) {
			t.Fatalf("%s: total %d, want %d", next, l.Total, len(lib.Documents))
		}
		for _, d := range l.Documents {
			ids = append(ids, d.ID)
			if d.Self != "/api/v1/documents/"+d.ID {
				t.Errorf("%s: self %s", d.ID, d.Self)
			}
		}
		next = l.Next
	}
	if pages != (len(lib.Documents)+19)/20 || len(ids) != len(lib.Documents) || !slices.IsSorted(ids) || len(slices.Compact(ids)) != len(lib.Documents) {
		t.Errorf("%d pages with %d documents, want %d", pages, len(ids), len(lib.Documents))
	}
}

func TestDocumentFilters(t *testing.T) {
	handler := openData(t)
	for _, tt := range []struct {
		query string
		has   string
		lacks string
	}{
		{"kind=skill&limit=200", "", "khai-sinh"}, {"kind=procedure&limit=200", "khai-sinh", ""},
		{"field=" + url.QueryEscape("hộ tịch") + "&limit=200", "khai-sinh", "doi-bang-lai-xe"},
		{"q=" + url.QueryEscape("khai sinh"), "khai-sinh", ""}, {"q=khai+sinh", "khai-sinh", ""},
		{"q=" + url.QueryEscape("khai sinh vệ tinh"), "", "khai-sinh"}, {"audience=citizen&limit=200", "khai-sinh", ""},
		{"q=" + url.QueryEscape("k%"), "", "khai-sinh"},
	} {
		l := list(t, handler, "/api/v1/documents?"+tt.query)
		has := func(id string) bool {
			return slices.ContainsFunc(l.Documents, func(d struct{ ID, Title, Kind, Field, Audience, Self string }) bool { return d.ID == id })
		}
		if tt.has != "" && !has(tt.has) || tt.lacks != "" && has(tt.lacks) || tt.has != "" && l.Total == len(realLibrary(t).Documents) && !strings.Contains(tt.query, "audience") {
			t.Errorf("%s: %d documents, want with %q, without %q", tt.query, l.Total, tt.has, tt.lacks)
		}
	}
}

func TestSearchTellsWhatItFound(t *testing.T) {
	w := get(openData(t), "GET", "/api/v1/search?q=x")
	var found []struct {
		Document, Section, Title, Heading, URL, Text, Checked string
		Score                                                 *float64
	}
	if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil || len(found) != 2 {
		t.Fatalf("search = %d %s, %v", w.Code, w.Body, err)
	}
	for _, p := range found {
		doc := realLibrary(t).Document(p.Document)
		if p.Title != doc.Title || p.URL != doc.URL() || p.Score == nil || p.Checked != string(doc.Checked) || utf8.RuneCountInString(p.Text) > 600 {
			t.Errorf("found %+v, want %s", p, doc.Title)
		}
	}
}

func BenchmarkDocument(b *testing.B) {
	handler := openData(b)
	tag := get(handler, "GET", "/api/v1/documents/khai-sinh").Header().Get("ETag")
	for _, bb := range []struct{ name, match string }{{"whole", ""}, {"not modified", tag}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				get(handler, "GET", "/api/v1/documents/khai-sinh", "If-None-Match", bb.match)
			}
		})
	}
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			get(handler, "GET", "/api/v1/documents")
		}
	})
}
