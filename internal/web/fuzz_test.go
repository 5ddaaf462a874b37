package web

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What somebody sends is one line of text in one normal form, whatever it was.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"tạm trú", "a\x00b\r\nc", "\xff\xfe", "gọi 0912 345 678", strings.Repeat("ữ", 2000), "e\u0301\u0323"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) || strings.TrimSpace(got) != got || !norm.NFC.IsNormalString(got) {
			t.Errorf("clean(%q) = %q", s, got)
		}
	})
}

// Whatever a person writes into X-Forwarded-For, they are not taken for a proxy of
// ours, and without one nothing they write counts.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"", "198.51.100.1", "10.0.0.1, 10.0.0.2", ",,", "::1%eth0", "1.2.3.4:80"} {
		f.Add(s)
	}
	g := newGuard(Options{Log: quiet(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	f.Fuzz(func(t *testing.T, s string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Forwarded-For", s)
		r.RemoteAddr = "203.0.113.9:1"
		if got := g.client(r).String(); got != "203.0.113.9" {
			t.Errorf("from outside, X-Forwarded-For %q makes it %s", s, got)
		}
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("X-Forwarded-For", s+", 198.51.100.7") // what the proxy adds stands last
		if got := g.client(r).String(); got != "198.51.100.7" {
			t.Errorf("through a proxy, X-Forwarded-For %q makes it %s", s, got)
		}
	})
}

// A number is masked before a long text is cut: half of it would not be known for one.
func TestNumbersAtTheCutAreMasked(t *testing.T) {
	for _, number := range []string{"025099001234", "0912345678"} {
		for cut := 1; cut < len(number); cut++ {
			s := strings.Repeat("a", maxAsked-cut-1) + " " + number
			if got := clean(s); strings.Contains(got, number[:4]) {
				t.Errorf("a question cut after %d digits of %s ends in %q", cut, number, got[maxAsked-20:])
			}
		}
	}
}
