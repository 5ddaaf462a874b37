package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"troly/internal/corpus"
)

//go:embed static templates
var files embed.FS

// asset is a file that pages refer to. Its address holds a hash of its content, so
// that a browser may keep it for ever.
type asset struct {
	address string
	kind    string
	body    []byte
	zipped  []byte
}

// kinds are the media types of the files; those that a machine knows may differ.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// look is how pages are drawn: the templates and the files they refer to. It does
// not change once made.
type look struct {
	assets  map[string]*asset // by name
	served  map[string]*asset // by address
	version string            // of the files: a page changes with them
	pages   map[string]*template.Template
	zips    sync.Pool // of *gzip.Writer
}

// newLook reads the files of the program. It panics when one is broken, which every
// test would show.
func newLook() *look {
	l := &look{assets: make(map[string]*asset), served: make(map[string]*asset), pages: make(map[string]*template.Template)}
	l.zips.New = func() any { return gzip.NewWriter(nil) }
	for _, name := range must(files.ReadDir("static")) {
		l.addAsset(name.Name(), must(files.ReadFile("static/"+name.Name())))
	}
	sum := sha256.New()
	base := template.Must(template.New("").Funcs(template.FuncMap{"asset": l.address, "iso": func(d corpus.Date) string { return string(d) }}).ParseFS(files, "templates/base.tmpl", "templates/parts.tmpl"))
	for _, name := range must(files.ReadDir("templates")) {
		sum.Write(must(files.ReadFile("templates/" + name.Name()))) // never fails
		if page := strings.TrimSuffix(name.Name(), ".tmpl"); page != "base" && page != "parts" {
			l.pages[page] = template.Must(template.Must(base.Clone()).ParseFS(files, "templates/"+name.Name()))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.served)) {
		sum.Write([]byte(name))
	}
	l.version = hex.EncodeToString(sum.Sum(nil))
	return l
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (l *look) addAsset(name string, body []byte) {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	a := &asset{
		address: "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext,
		kind:    kinds[ext], body: body,
	}
	var b bytes.Buffer
	z := must(gzip.NewWriterLevel(&b, gzip.BestCompression))
	must(z.Write(body))
	if err := z.Close(); err != nil {
		panic(err)
	}
	if b.Len() < len(body) {
		a.zipped = b.Bytes()
	}
	l.assets[name], l.served[a.address] = a, a
}

// address is where a file is served.
func (l *look) address(name string) (string, error) {
	a, ok := l.assets[name]
	if !ok {
		return "", fmt.Errorf("no file static/%s", name)
	}
	return a.address, nil
}

// static serves the files.
func (l *look) static(w http.ResponseWriter, r *http.Request) {
	a, ok := l.served[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	a.serve(w, r)
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Add("Vary", "Accept-Encoding")
	body := a.body
	if a.zipped != nil && zippable(r) {
		h.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client went away: nobody is left to tell
	}
}

// layout is what every page is given beside its own content.
type layout struct {
	Page         any
	Here         string   // of the navigation: hoi, tt
	Class        string   // of the body
	Canonical    string   // address of the page, empty: none
	Styles       []string // files beside app.css
	Scripts      []string // files
	Frame        bool     // shown inside another site's page
	HasScorecard bool
}

// draw writes a page. It is complete before the first byte leaves: a template that
// fails gives no half page.
func (s *server) draw(w http.ResponseWriter, r *http.Request, status int, page string, l layout) {
	l.HasScorecard = s.scorecard != nil
	var b bytes.Buffer
	if err := s.look.pages[page].ExecuteTemplate(&b, "base", l); err != nil {
		s.log.Error("page not drawn", "page", page, "err", err)
		problem(w, http.StatusInternalServerError, "the page cannot be shown")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	s.look.send(w, r, status, b.Bytes())
}

// send writes a body, compressed when that is worth it and the client takes it.
func (l *look) send(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	const small = 1 << 10 // bytes: fits one packet anyway
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	if len(body) > small && zippable(r) {
		var b bytes.Buffer
		z := l.zips.Get().(*gzip.Writer)
		z.Reset(&b)
		_, _ = z.Write(body) // to memory
		_ = z.Close()
		l.zips.Put(z)
		h.Set("Content-Encoding", "gzip")
		body = b.Bytes()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client went away: nobody is left to tell
	}
}

// zippable reports whether the client takes gzip.
func zippable(r *http.Request) bool {
	for _, offer := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(offer), ";")
		if name = strings.TrimSpace(name); name == "gzip" || name == "*" {
			q = strings.ReplaceAll(q, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
