package web_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser starts a headless Chromium and skips the test when there is none.
func browser(t testing.TB, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no chromium, chromium-browser, google-chrome or chrome on the PATH: the pages are not tried in a browser")
	}
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-dev-shm-usage", true)}
	opts = append(opts, more...)
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox) // as root it does not start otherwise
	}
	ctx, closeTab := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(opts...))
	t.Cleanup(closeTab)
	do(t, ctx, chromedp.Navigate("about:blank"))            // the browser lives as long as this context
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute) // of all steps together; go test has a limit of its own
	t.Cleanup(cancel)
	return ctx
}

type step = chromedp.Action[chromedp.Void]

// do runs steps in the browser.
func do(t testing.TB, ctx context.Context, steps ...step) {
	t.Helper()
	for i, s := range steps {
		if err := chromedp.Do(ctx, s); err != nil {
			t.Fatalf("step %d in the browser: %v", i+1, err)
		}
	}
}

// evaluated runs an action that returns something.
func evaluated[T any](t testing.TB, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatalf("in the browser: %v", err)
	}
	return v
}

type look struct {
	width int64
	dark  bool
}

func (l look) colour() string {
	if l.dark {
		return "dark"
	}
	return "light"
}

// looks are the widths and colours that every page is looked at in.
var looks = []look{{360, false}, {360, true}, {768, false}, {768, true}, {1280, false}, {1280, true}}

// as sets the width and the colours of the page.
func as(width int64, dark bool) step {
	scheme := look{width, dark}.colour()
	return chromedp.Steps(chromedp.EmulateViewport(width, 780), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	}))
}

// asking opens the chat and asks by the box.
func asking(address, q string) step {
	return chromedp.Steps(
		chromedp.Navigate(address+"/"), chromedp.SetValue(chromedp.CSS("#q"), q), chromedp.Evaluate[chromedp.Void]("document.querySelector('#hoi').requestSubmit()"),
		chromedp.WaitVisible(chromedp.CSS(".turn .words")), chromedp.WaitReady(chromedp.CSS("#hoi-thoai:not([aria-busy])")), // till then a button is refused
	)
}

// TestPictures writes a picture of every page in every look to the folder that
// -pictures names. It is how the pages are looked at; it checks nothing.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("-pictures names no folder: no pictures are wanted")
	}
	server := serve(t, options(t))
	ctx := browser(t)
	for name, open := range map[string]step{
		"home":      chromedp.Navigate(server.URL + "/"),
		"chat":      asking(server.URL, "dang ky tam tru mat bao nhieu tien"),
		"document":  chromedp.Navigate(server.URL + "/tt/tam-tru"),
		"slip":      chromedp.Navigate(server.URL + "/tt/khai-sinh/phieu"),
		"index":     chromedp.Navigate(server.URL + "/tt"),
		"search":    chromedp.Navigate(server.URL + "/tt?q=khai+sinh"),
		"scorecard": chromedp.Navigate(server.URL + "/scorecard"),
		"missing":   chromedp.Navigate(server.URL + "/tt/khong-co"),
	} {
		for _, l := range looks {
			do(t, ctx, as(l.width, l.dark), open)
			base := filepath.Join(*pictures, fmt.Sprintf("%s-%d-%s", name, l.width, l.colour()))
			time.Sleep(300 * time.Millisecond) // smooth scrolling
			for suffix, take := range map[string]chromedp.Action[[]byte]{"-view.png": chromedp.CaptureScreenshot(), ".png": chromedp.FullScreenshot(100)} {
				if err := os.WriteFile(base+suffix, evaluated(t, ctx, take), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestPrintedPictures writes pictures of what is printed, on A4, as TestPictures does.
func TestPrintedPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("-pictures names no folder: no pictures are wanted")
	}
	server := serve(t, options(t))
	ctx := browser(t)
	do(t, ctx, chromedp.EmulateViewport(703, 1000), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error { // A4 less its margins
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	}))
	for name, open := range map[string]step{
		"slip": chromedp.Navigate(server.URL + "/tt/tam-tru/phieu"), "document": chromedp.Navigate(server.URL + "/tt/khai-sinh"),
		"chat": asking(server.URL, "dang ky tam tru mat bao nhieu tien"),
	} {
		do(t, ctx, open)
		if err := os.WriteFile(filepath.Join(*pictures, "printed-"+name+".png"), evaluated(t, ctx, chromedp.FullScreenshot(100)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var pictures = flag.String("pictures", "", "folder to write pictures of all pages to")

// servePage serves one page, of another site.
func servePage(t testing.TB, page string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page)
	}))
	t.Cleanup(server.Close)
	return server
}
