package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
)

// scorecard is the public page on how well the assistant answers. It is one file
// that can also be opened by itself, so its style stands in it: the policy of this
// one page names the hash of that style.
type scorecard struct {
	body   []byte
	policy string
	tag    string
}

var styleIn = regexp.MustCompile(`(?s)<style>(.*?)</style>`)

// newScorecard returns nil for an empty page.
func newScorecard(page []byte) *scorecard {
	if len(page) == 0 {
		return nil
	}
	var hashes strings.Builder
	for _, style := range styleIn.FindAllSubmatch(page, -1) {
		sum := sha256.Sum256(style[1])
		hashes.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
	}
	sum := sha256.Sum256(page)
	return &scorecard{
		body: page, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`,
		policy: "default-src 'none'; style-src" + hashes.String() + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}

func (s *server) showScorecard(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", s.scorecard.policy)
	h.Set("Cache-Control", keepFor)
	h.Set("ETag", "W/"+s.scorecard.tag)
	if holds(r, s.scorecard.tag, s.started) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Last-Modified", s.started.UTC().Format(http.TimeFormat))
	h.Set("Content-Type", "text/html; charset=utf-8")
	s.look.send(w, r, http.StatusOK, s.scorecard.body)
}
