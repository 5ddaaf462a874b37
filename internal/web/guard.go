package web

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
)

// guard is what every request passes before its route: the headers of the reply,
// the refusal of writes from other sites, and who is asking.
type guard struct {
	log     *slog.Logger
	public  *url.URL       // nil: the address is that of the request
	proxies []netip.Prefix // may say whom they speak for
	writes  *http.CrossOriginProtection
	asks    *limiter // of questions, by address
	reads   *limiter // of pages, by address

	unknown sync.Once // tells of a proxy that is not trusted
}

func newGuard(opts Options) *guard {
	g := &guard{log: opts.Log, public: opts.PublicURL, proxies: opts.TrustedProxies, writes: http.NewCrossOriginProtection()}
	if g.public != nil {
		// The origin that browsers know, when a proxy in front changes the Host.
		if err := g.writes.AddTrustedOrigin(g.public.Scheme + "://" + g.public.Host); err != nil {
			g.log.Error("the public address is no origin", "err", err)
		}
	}
	for path := range opts.Webhooks {
		g.writes.AddInsecureBypassPattern(path) // they check a secret of their own
	}
	perMinute := cmp.Or(opts.AsksPerMinute, asksPerMinute)
	g.asks = newLimiter(perMinute, perMinute/2+1, opts.Now)
	g.reads = newLimiter(readsPerAsk*perMinute, readsPerAsk*perMinute/2+1, opts.Now)
	return g
}

// readsPerAsk is how many pages may be read for each question that may be asked: whoever asks
// opens some documents, and a page that waits for an officer looks for the reply twelve
// times in its first minute.
const readsPerAsk = 10

// policy is the Content-Security-Policy of a reply: everything comes from here,
// nothing is inline. ancestors may put the page into a frame.
func policy(ancestors []string) string {
	who := "'none'"
	if len(ancestors) > 0 {
		who = strings.Join(ancestors, " ")
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors " + who
}

// denied are the abilities of a browser that no page of ours uses.
const denied = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=(), browsing-topics=()"

// wrap puts the guard in front of the routes.
func (g *guard) wrap(next http.Handler) http.Handler {
	strict := policy(nil)
	checked := g.writes.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", strict)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Not no-referrer: with it, browsers send "Origin: null" with a form, which
		// cannot be told from a form of another site.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", denied)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if g.https(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer g.recover(w, r)
		r.Body = arriving{r.Body}
		checked.ServeHTTP(w, r)
	})
}

// arriving is the body of a request. When it breaks off, the error does not name the
// addresses of the connection, since some routes answer with what it says.
type arriving struct{ io.ReadCloser }

func (b arriving) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	var broken net.Error
	if errors.As(err, &broken) {
		err = errCutOff
	}
	return n, err
}

var errCutOff = errors.New("the request did not arrive whole in time")

// recover answers for a route that panicked. What it was asked is not logged, and
// neither is what a panic of ours says, which may hold it.
func (g *guard) recover(w http.ResponseWriter, r *http.Request) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		said := fmt.Sprintf("%T", v)
		if err, ok := v.(runtime.Error); ok {
			said = err.Error()
		}
		g.log.Error("a route panicked", "pattern", r.Pattern, "panic", said, "stack", string(debug.Stack()))
		problem(w, http.StatusInternalServerError, "something is broken here")
	}
}

// framable lets the sites of the setting put this reply into a frame.
func framable(w http.ResponseWriter, ancestors []string) {
	if len(ancestors) == 0 {
		return
	}
	w.Header().Set("Content-Security-Policy", policy(ancestors))
	w.Header().Del("X-Frame-Options") // knows no list
	w.Header().Del("Cross-Origin-Opener-Policy")
}

// trusted reports whether the connection comes from a proxy of the setting.
func (g *guard) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(g.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// client is who asks: the nearest address that is no trusted proxy. The zero Addr
// stands for connections without an address.
func (g *guard) client(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := at.Addr().Unmap()
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	if forwarded[0] != "" && (addr.IsLoopback() || addr.IsPrivate()) && !g.trusted(addr) {
		g.unknown.Do(func() {
			g.log.Warn("a proxy that is not among the trusted ones: all people behind it count as one address", "proxy", addr)
		})
	}
	for i := len(forwarded) - 1; i >= 0 && g.trusted(addr); i-- {
		before, err := netip.ParseAddr(strings.TrimSpace(forwarded[i]))
		if err != nil {
			break // not an address: what stands further left is no better
		}
		addr = before.Unmap().WithZone("")
	}
	return addr
}

// https reports whether the person's side of the connection is encrypted: ours is,
// a trusted proxy says so, or the request is for the public address, which is.
func (g *guard) https(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if g.public != nil && g.public.Scheme == "https" && strings.EqualFold(r.Host, g.public.Host) {
		return true
	}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && g.trusted(at.Addr().Unmap()) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// address is where people reach this server, without a slash at the end:
// "https://troly.example".
func (g *guard) address(r *http.Request) string {
	if g.public != nil {
		return strings.TrimRight(g.public.Scheme+"://"+g.public.Host+g.public.Path, "/")
	}
	if g.https(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// limit is what keeps each address within how often it may do something: one that comes too
// often is refused with the seconds to wait in Retry-After; refuse writes the rest.
type limit func(next, refuse http.HandlerFunc) http.HandlerFunc

// asking is the limit of questions.
func (g *guard) asking(next, refuse http.HandlerFunc) http.HandlerFunc {
	return g.limited(g.asks, next, refuse)
}

// reading is the limit of pages.
func (g *guard) reading(next, refuse http.HandlerFunc) http.HandlerFunc {
	return g.limited(g.reads, next, refuse)
}

func (g *guard) limited(by *limiter, next, refuse http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if wait := by.wait(g.client(r)); wait > 0 {
			comeAgain(w, wait)
			refuse(w, r)
			return
		}
		next(w, r)
	}
}
