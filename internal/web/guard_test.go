package web

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestClientIsBelievedFromTrustedProxiesOnly(t *testing.T) {
	g := newGuard(Options{Log: quiet(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}})
	for _, tt := range []struct{ remote, forwarded, want string }{
		{"203.0.113.9:1", "", "203.0.113.9"},
		{"203.0.113.9:1", "198.51.100.1", "203.0.113.9"}, // no proxy of ours
		{"10.0.0.1:1", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1", "6.6.6.6, 198.51.100.1", "198.51.100.1"}, // the left one is what the person wrote
		{"10.0.0.1:1", "198.51.100.1, 10.2.2.2", "198.51.100.1"},
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"10.0.0.1:1", "6.6.6.6, nonsense", "10.0.0.1"},
		{"[fd00::1]:1", "2001:db8::7", "2001:db8::7"},
		{"[::ffff:10.0.0.1]:1", "::ffff:198.51.100.1", "198.51.100.1"},
		{"@", "198.51.100.1", "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.remote
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := g.client(r).String(); got != tt.want {
			t.Errorf("client(%s, X-Forwarded-For: %s) = %s, want %s", tt.remote, tt.forwarded, got, tt.want)
		}
	}
}

// Behind a proxy that nobody named, all people would share the limits of one address:
// the log says so, once, and not because somebody of the internet writes a header.
func TestAForgottenProxyIsToldOf(t *testing.T) {
	for _, tt := range []struct {
		remote, forwarded string
		want              int // lines of the log
	}{
		{"172.18.0.2:1", "198.51.100.1", 1}, {"127.0.0.1:1", "198.51.100.1", 1}, {"172.18.0.2:1", "", 0}, {"203.0.113.9:1", "198.51.100.1", 0}, {"10.0.0.1:1", "192.168.1.5", 0},
	} {
		var log bytes.Buffer
		g := newGuard(Options{Log: slog.New(slog.NewTextHandler(&log, nil)), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
		for range 2 {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tt.remote
			if tt.forwarded != "" {
				r.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			g.client(r)
		}
		if got := strings.Count(log.String(), "\n"); got != tt.want || strings.Contains(log.String(), "198.51.100.1") {
			t.Errorf("twice from %s with X-Forwarded-For %q: log %q, want %d lines", tt.remote, tt.forwarded, log.String(), tt.want)
		}
	}
}

func TestHTTPSIsKnown(t *testing.T) {
	public, err := url.Parse("https://troly.example/")
	if err != nil {
		t.Fatal(err)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct {
		name, host, remote, proto string
		tls                       bool
		public                    *url.URL
		want                      bool
		address                   string
	}{
		{"plain", "127.0.0.1:8080", "127.0.0.1:5", "", false, nil, false, "http://127.0.0.1:8080"},
		{"tls", "a.example", "203.0.113.1:5", "", true, nil, true, "https://a.example"},
		{"proxy", "a.example", "10.0.0.1:5", "https", false, nil, true, "https://a.example"},
		{"claimed", "a.example", "203.0.113.1:5", "https", false, nil, false, "http://a.example"},
		{"public", "troly.example", "203.0.113.1:5", "", false, public, true, "https://troly.example"},
		{"inside", "127.0.0.1:8080", "127.0.0.1:5", "", false, public, false, "https://troly.example"},
	} {
		h := newGuard(Options{Log: quiet(), TrustedProxies: proxies, PublicURL: tt.public})
		r := httptest.NewRequest("GET", "/", nil)
		r.Host, r.RemoteAddr = tt.host, tt.remote
		r.Header.Set("X-Forwarded-Proto", tt.proto)
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got, address := h.https(r), h.address(r); got != tt.want || address != tt.address {
			t.Errorf("%s: https = %v at %s, want %v at %s", tt.name, got, address, tt.want, tt.address)
		}
		w := httptest.NewRecorder()
		h.wrap(http.NotFoundHandler()).ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security") != ""; got != tt.want {
			t.Errorf("%s: HSTS = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestWritesOfOtherSitesAreRefused(t *testing.T) {
	public, err := url.Parse("https://troly.example")
	if err != nil {
		t.Fatal(err)
	}
	taken := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) })
	g := newGuard(Options{Log: quiet(), PublicURL: public, Webhooks: map[string]http.Handler{"POST /webhooks/telegram": taken}})
	for _, tt := range []struct {
		method, path, origin, site string
		want                       int
	}{
		{"POST", "/", "", "", 202}, // no browser
		{"POST", "/", "http://inside:8080", "same-origin", 202},
		{"POST", "/", "http://inside:8080", "", 202},
		{"POST", "/", "https://troly.example", "", 202}, // behind a proxy that changed the Host
		{"POST", "/", "https://evil.example", "cross-site", 403},
		{"POST", "/", "https://evil.example", "", 403},
		{"POST", "/", "null", "", 403},
		{"GET", "/", "https://evil.example", "cross-site", 202},
		{"POST", "/webhooks/telegram", "https://telegram.example", "", 202},
	} {
		r := httptest.NewRequest(tt.method, "http://inside:8080"+tt.path, nil)
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		if tt.site != "" {
			r.Header.Set("Sec-Fetch-Site", tt.site)
		}
		w := httptest.NewRecorder()
		g.wrap(taken).ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s %s from %q (%s) = %d, want %d", tt.method, tt.path, tt.origin, tt.site, w.Code, tt.want)
		}
	}
}

func TestHeadersOfEveryReply(t *testing.T) {
	g := newGuard(Options{Log: quiet()})
	w := httptest.NewRecorder()
	g.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("disk on fire") })).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "fire") {
		t.Errorf("a panic = %d %s, want 500 without its words", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		"Permissions-Policy": "geolocation=()", "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := w.Header().Get(name); !strings.Contains(got, want) {
			t.Errorf("%s = %q, want it to hold %q", name, got, want)
		}
	}
	csp := w.Header().Get("Content-Security-Policy")
	if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("Content-Security-Policy = %q: nothing unsafe, no frames", csp)
	}
}

func TestLimiter(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLimiter(60, 3, func() time.Time { return now })
	a, b := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")
	for i, want := range []bool{true, true, true, false} {
		if got := l.wait(a) == 0; got != want {
			t.Errorf("ask %d of one address: allowed = %v, want %v", i+1, got, want)
		}
	}
	if wait := l.wait(a); wait <= 0 || wait > time.Second {
		t.Errorf("wait = %v, want up to a second", wait)
	}
	if l.wait(b) != 0 {
		t.Error("another address waits for the first")
	}
	now = now.Add(time.Second)
	if l.wait(a) != 0 || l.wait(a) == 0 {
		t.Error("a second later: want one more and no second")
	}
	one, same, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff:1"), netip.MustParseAddr("2001:db8:0:1::1")
	for range 3 {
		l.wait(one)
	}
	if l.wait(same) == 0 || l.wait(other) != 0 {
		t.Error("64 bits of IPv6 are one visitor, the next 64 another")
	}
	if l.wait(netip.Addr{}) != 0 {
		t.Error("who has no address may ask too")
	}
}

func TestLimiterForgetsTheOldest(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLimiter(60, 1, func() time.Time { return now })
	for i := range maxAddresses + 10 {
		l.wait(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if l.order.Len() != maxAddresses || len(l.places) != maxAddresses {
		t.Errorf("the table holds %d and %d, want %d", l.order.Len(), len(l.places), maxAddresses)
	}
}

// What a panic says may hold what somebody wrote; its kind and its stack do not.
func TestWhatAPanicSaysIsNotLogged(t *testing.T) {
	var log bytes.Buffer
	g := newGuard(Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	for _, said := range []any{"lệ phí của 0912345678", errors.New("lệ phí của 0912345678")} {
		rec := httptest.NewRecorder()
		g.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(said) })).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		if rec.Code != http.StatusInternalServerError || strings.Contains(log.String(), "0912345678") || !strings.Contains(log.String(), "a route panicked") {
			t.Errorf("status %d, log %s", rec.Code, log.String())
		}
	}
}
