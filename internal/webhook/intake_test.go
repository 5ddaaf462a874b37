package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"troly/internal/database"
	"troly/internal/webhook"
)

// probed is a channel whose platform looks by GET.
type probed struct{ *channel }

func (probed) Probed() bool { return true }

func TestDeliveriesAreAnsweredByWhatTheyAre(t *testing.T) {
	w := newWorld(t)
	signed := func(body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set(signature, sign(secret, []byte(body)))
		return r
	}
	with := func(r *http.Request, change func(*http.Request)) *http.Request {
		change(r)
		return r
	}
	good := `{"id":"1","chat":"a","text":"chào"}`
	var log logged
	registry := prometheus.NewRegistry()
	opts := webhook.IntakeOptions{Log: log.logger(), Metrics: webhook.NewMetrics(registry)}
	plain, asked := webhook.NewIntake(w.channel, w.db, opts), webhook.NewIntake(probed{w.channel}, w.db, opts)
	for _, c := range []struct {
		name string
		hook http.Handler
		r    *http.Request
		want int
	}{
		{"good", plain, signed(good), 200},
		{"the same again", plain, signed(good), 200},
		{"another content type", plain, with(signed(`{"id":"2","chat":"a","text":"x"}`), func(r *http.Request) { r.Header.Set("Content-Type", "text/plain; charset=latin1") }), 200},
		{"no signature", plain, with(signed(good), func(r *http.Request) { r.Header.Del(signature) }), 401},
		{"two signatures", plain, with(signed(good), func(r *http.Request) { r.Header.Add(signature, r.Header.Get(signature)) }), 401},
		{"signature of another body", plain, with(signed(good), func(r *http.Request) { r.Header.Set(signature, sign(secret, []byte("x"))) }), 401},
		{"no JSON", plain, signed("chào"), 400},
		{"nothing for us", plain, signed(`{"strange":"nothing"}`), 200},
		{"unknown event", plain, signed(`{"strange":"poll"}`), 200},
		{"not readable yet", plain, signed(`{"strange":"not yet"}`), 503},
		{"makes the channel panic", plain, signed(`{"strange":"panic","text":"bí mật"}`), 400},
		{"message without key", plain, signed(`{"chat":"a","text":"x"}`), 200},
		{"just small enough", plain, signed(`{"id":"3","chat":"a","text":"` + strings.Repeat("a", 1<<20-len(`{"id":"3","chat":"a","text":""}`)) + `"}`), 200},
		{"too large", plain, signed(strings.Repeat("a", 1<<20+1)), 413},
		{"GET", plain, httptest.NewRequest(http.MethodGet, "/", nil), 405},
		{"HEAD", plain, httptest.NewRequest(http.MethodHead, "/", nil), 405},
		{"PUT", plain, httptest.NewRequest(http.MethodPut, "/", nil), 405},
		{"GET of a platform that looks", asked, httptest.NewRequest(http.MethodGet, "/", nil), 200},
		{"HEAD of a platform that looks", asked, httptest.NewRequest(http.MethodHead, "/", nil), 200},
		{"PUT of a platform that looks", asked, httptest.NewRequest(http.MethodPut, "/", nil), 405},
	} {
		rec := httptest.NewRecorder()
		c.hook.ServeHTTP(rec, c.r)
		if rec.Code != c.want {
			t.Errorf("%s: status %d, want %d", c.name, rec.Code, c.want)
		}
		if rec.Body.Len() > 0 {
			t.Errorf("%s: body %q, want none", c.name, rec.Body)
		}
		if again := rec.Header().Get("Retry-After"); (rec.Code == 503) != (again != "") {
			t.Errorf("%s: status %d with Retry-After %q", c.name, rec.Code, again)
		}
		if allow := rec.Header().Get("Allow"); (rec.Code == 405) != (allow == "POST") {
			t.Errorf("%s: status %d with Allow %q", c.name, rec.Code, allow)
		}
	}
	if got := keys(t, w.db); !equal(got, []string{"1"}) { // the others of this dialogue wait behind it
		t.Errorf("first in the inbox: %q, want 1", got)
	}
	for _, words := range []string{"chào", "bí mật", "aaaa"} {
		if strings.Contains(log.String(), words) {
			t.Errorf("the log holds the body: %q is in %s", words, log.String())
		}
	}
	for series, want := range map[string]float64{
		`troly_webhook_received_total{channel=test}`:                     3,
		`troly_webhook_duplicate_total{channel=test}`:                    1,
		`troly_webhook_refused_total{channel=test,reason=bad-signature}`: 3,
		`troly_webhook_refused_total{channel=test,reason=bad-body}`:      1,
		`troly_webhook_refused_total{channel=test,reason=panic}`:         1,
		`troly_webhook_refused_total{channel=test,reason=too-large}`:     1,
		`troly_webhook_refused_total{channel=test,reason=method}`:        4,
		`troly_webhook_ignored_total{channel=test,kind=none}`:            1,
		`troly_webhook_ignored_total{channel=test,kind=poll}`:            1,
		`troly_webhook_ignored_total{channel=test,kind=nameless}`:        1,
		`troly_webhook_acknowledge_seconds{channel=test}`:                7,
	} {
		if got := figures(t, registry)[series]; got != want {
			t.Errorf("%s = %v, want %v", series, got, want)
		}
	}
}

func equal(a, b []string) bool { return fmt.Sprintf("%q", a) == fmt.Sprintf("%q", b) }

// keys takes what can be taken out of the inbox.
func keys(t *testing.T, db *database.DB) []string {
	t.Helper()
	jobs, err := db.Next(t.Context(), "keys", 1000, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, j := range jobs {
		names = append(names, j.Key)
	}
	return names
}

// figures are the values of a registry by name{label=value,…}; of a histogram, how
// many it has seen.
func figures(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			labels := []string{}
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			name := f.GetName() + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Histogram != nil:
				values[name] = float64(m.Histogram.GetSampleCount())
			case m.Counter != nil:
				values[name] = m.Counter.GetValue()
			default:
				values[name] = m.Gauge.GetValue()
			}
		}
	}
	return values
}

func TestEventsWithEverNewNamesCostNoMemory(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	hook := webhook.NewIntake(w.channel, w.db, webhook.IntakeOptions{Metrics: webhook.NewMetrics(registry)})
	for i := range 500 {
		post(hook, secret, delivery{Strange: fmt.Sprint("event-", i)})
	}
	series := 0
	for name := range figures(t, registry) {
		if strings.HasPrefix(name, "troly_webhook_ignored_total") {
			series++
		}
	}
	if series > 51 {
		t.Errorf("500 kinds of event made %d series, want at most 51", series)
	}
}

func TestTheInboxHoldsNoPersonalData(t *testing.T) {
	w := newWorld(t)
	w.deliver(delivery{ID: "1", Chat: "a", Text: "số tôi là 0912345678, thẻ 034087001234"})
	jobs, err := w.db.Next(t.Context(), "test", 10, time.Minute)
	if err != nil || len(jobs) != 1 {
		t.Fatalf("Next = %d jobs, %v", len(jobs), err)
	}
	for _, digits := range []string{"0912345678", "034087001234"} {
		if bytes.Contains(jobs[0].Body, []byte(digits)) {
			t.Errorf("the inbox holds %s: %s", digits, jobs[0].Body)
		}
	}
	var m webhook.Message
	if err := json.Unmarshal(jobs[0].Body, &m); err != nil || !strings.HasPrefix(m.Text, "số tôi là [") {
		t.Errorf("text in the inbox: %q, %v", m.Text, err)
	}
}

// broken is an inbox that fails.
type broken struct{ err error }

func (b broken) Receive(context.Context, ...database.Received) (int, error) { return 0, b.err }

func TestWhatIsNotKeptIsNotAcknowledged(t *testing.T) {
	w := newWorld(t)
	for _, err := range []error{database.ErrFull, errors.New("disk of the password hunter2 is gone"), context.DeadlineExceeded} {
		registry := prometheus.NewRegistry()
		hook := webhook.NewIntake(w.channel, broken{err}, webhook.IntakeOptions{RetryAfter: 7 * time.Second, Metrics: webhook.NewMetrics(registry)})
		got := post(hook, secret, delivery{ID: "1", Chat: "a", Text: "x"})
		if got.Code != 503 || got.Header().Get("Retry-After") != "7" || got.Body.Len() > 0 {
			t.Errorf("inbox says %v: status %d, Retry-After %q, body %q; want 503, 7, none", err, got.Code, got.Header().Get("Retry-After"), got.Body)
		}
		if n := figures(t, registry)[`troly_webhook_acknowledge_seconds{channel=test}`]; n != 0 {
			t.Errorf("inbox says %v: %v acknowledged", err, n)
		}
	}
}

// What arrives of many bodies at once is bounded, and so is the memory of a process
// that is sent large ones by whoever finds its address.
func TestBodiesAreBoundedTogether(t *testing.T) {
	w := newWorld(t)
	hook := webhook.NewIntake(w.channel, w.db, webhook.IntakeOptions{MaxHeld: 1000})
	slow, finish := io.Pipe()
	first := make(chan int)
	go func() {
		rec := httptest.NewRecorder()
		hook.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/", slow))
		first <- rec.Code
	}()
	for _, n := range []int{900, 0} { // who takes nothing more has counted those before
		if _, err := finish.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	d := delivery{ID: "1", Chat: "a", Text: strings.Repeat("a", 200)}
	if got := post(hook, secret, d); got.Code != 503 || got.Header().Get("Retry-After") == "" {
		t.Errorf("delivery beside 900 of 1000 bytes = %d, Retry-After %q; want 503 and when to come again", got.Code, got.Header().Get("Retry-After"))
	}
	_ = finish.Close()
	if code := <-first; code != 401 {
		t.Errorf("the slow one = %d, want 401", code)
	}
	if got := post(hook, secret, d); got.Code != 200 {
		t.Errorf("delivery after it = %d, want 200", got.Code)
	}
}

// keyed is a channel whose secret comes in a header.
type keyed struct{ *channel }

func (keyed) Barred(header http.Header) bool { return header.Get("Key") != "right" }

// Whoever does not know the secret of a header takes nothing away from those who do,
// however large and slow what they send is.
func TestStrangersHoldNothing(t *testing.T) {
	w := newWorld(t)
	hook := webhook.NewIntake(keyed{w.channel}, w.db, webhook.IntakeOptions{MaxHeld: 100})
	slow, finish := io.Pipe() // nothing ever comes
	defer finish.Close()
	rec := httptest.NewRecorder()
	hook.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/", slow))
	if rec.Code != 401 {
		t.Errorf("a stranger's delivery = %d, want 401 before its body", rec.Code)
	}
	body := `{"id":"1","chat":"a","text":"chào"}`
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set(signature, sign(secret, []byte(body)))
	r.Header.Set("Key", "right")
	rec = httptest.NewRecorder()
	hook.ServeHTTP(rec, r)
	if rec.Code != 200 {
		t.Errorf("the platform's delivery = %d, want 200", rec.Code)
	}
}

// T34: when the queue is full the platform is told to come again, and nothing of
// what it then brings is lost or doubled.
func TestT34FullQueue(t *testing.T) {
	w := newWorld(t)
	_ = w.db.Close()
	w.db = openDB(t, w.url, database.Options{MaxWaiting: 20})
	w.hook = webhook.NewIntake(w.channel, w.db, webhook.IntakeOptions{})
	var refused []delivery
	for i := range 60 {
		d := delivery{ID: fmt.Sprint(i), Chat: fmt.Sprint("chat", i%7), Text: fmt.Sprint(i)}
		switch got := post(w.hook, secret, d); got.Code {
		case 200:
		case 503:
			if got.Header().Get("Retry-After") == "" {
				t.Fatal("503 without Retry-After")
			}
			refused = append(refused, d)
		default:
			t.Fatalf("delivery %d = %d", i, got.Code)
		}
	}
	if len(refused) == 0 {
		t.Fatal("an inbox for 20 took 60")
	}
	run(t, w.db, responder(echo), []webhook.Line{fast(w.channel)}, hurried())
	for len(refused) > 0 { // the platform comes again
		if post(w.hook, secret, refused[0]).Code == 200 {
			refused = refused[1:]
		}
	}
	w.platform.until(t, "all 60 answered", func() bool { return len(w.platform.texts("")) >= 60 })
	seen := map[string]int{}
	for _, text := range w.platform.texts("") {
		seen[text]++
	}
	for i := range 60 {
		if n := seen[fmt.Sprint("re ", i)]; n != 1 {
			t.Errorf("message %d was answered %d times, want once", i, n)
		}
	}
}

// T06 and Z07: what comes again is answered once, in parallel, to another replica
// and after a restart. T07: a lower number than before is another message.
func TestT06DuplicatesAreAnsweredOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, fresh func(testing.TB) string) {
		url, p := fresh(t), newPlatform()
		c := &channel{name: "test", secret: secret, send: p.send}
		replica := func() (http.Handler, func()) {
			db := openDB(t, url, database.Options{})
			_, stop := run(t, db, responder(echo), []webhook.Line{fast(c)}, hurried())
			return webhook.NewIntake(c, db, webhook.IntakeOptions{}), func() { stop(); _ = db.Close() }
		}
		first, stopFirst := replica()
		second, stopSecond := replica()
		var all sync.WaitGroup
		for range 20 {
			for _, hook := range []http.Handler{first, second} {
				all.Go(func() {
					if got := post(hook, secret, delivery{ID: "34", Chat: "a", Text: "hỏi"}); got.Code != 200 {
						t.Errorf("the same delivery again = %d, want 200", got.Code)
					}
				})
			}
		}
		all.Wait()
		p.until(t, "the answer", func() bool { return len(p.texts("a")) > 0 })
		stopFirst()
		stopSecond()
		third, _ := replica()
		post(third, secret, delivery{ID: "34", Chat: "a", Text: "hỏi"})
		post(third, secret, delivery{ID: "12", Chat: "a", Text: "số nhỏ hơn"})
		p.until(t, "the second answer", func() bool { return len(p.texts("a")) > 1 })
		if got, want := p.texts("a"), []string{"re hỏi", "re số nhỏ hơn"}; !equal(got, want) {
			t.Errorf("answers %q, want %q", got, want)
		}
	})
}

// T04 and Z08: deliveries are acknowledged while the model is still at its first.
// The clock is that of the bubble: what passes on it is waited for, the work of the
// machine takes none of it.
func TestT04TheModelIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := func(ctx context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
			time.Sleep(30 * time.Second)
			return echo(ctx, m, state, nil)
		}
		_, stop := run(t, w.db, responder(slow), []webhook.Line{fast(w.channel)}, webhook.Options{})
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				start := time.Now()
				if got := post(w.hook, secret, delivery{ID: fmt.Sprint(i), Chat: fmt.Sprint(i % 50), Text: fmt.Sprint(i)}); got.Code != 200 || time.Since(start) >= time.Second {
					t.Errorf("delivery %d = %d after %v while the model takes 30 s, want 200 within a second", i, got.Code, time.Since(start))
				}
			})
		}
		all.Wait()
		if n := len(w.platform.texts("")); n > 0 {
			t.Errorf("%d answers of a model that has not ended", n)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		stop()
		if n := len(w.platform.texts("")); n != 200 {
			t.Errorf("%d of 200 messages were answered", n)
		}
		_ = w.db.Close()
	})
}

func FuzzDelivery(f *testing.F) {
	for _, body := range []string{`{"id":"1","chat":"a","text":"x"}`, `{"strange":"x"}`, "", "null", `{"id":1}`, "\xff"} {
		f.Add([]byte(body), true)
	}
	f.Add([]byte("{}"), false)
	c := &channel{name: "test", secret: secret}
	inbox := new(counting)
	hook := webhook.NewIntake(c, inbox, webhook.IntakeOptions{})
	f.Fuzz(func(t *testing.T, body []byte, signed bool) {
		inbox.n = 0
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		if signed {
			r.Header.Set(signature, sign(secret, body))
		}
		w := httptest.NewRecorder()
		hook.ServeHTTP(w, r)
		if !signed && (w.Code != 401 || inbox.n > 0) {
			t.Errorf("unsigned body %q: status %d, %d kept", body, w.Code, inbox.n)
		}
		if w.Code != 200 && inbox.n > 0 {
			t.Errorf("body %q: status %d and %d kept", body, w.Code, inbox.n)
		}
	})
}

type counting struct{ n int }

func (c *counting) Receive(_ context.Context, rows ...database.Received) (int, error) {
	c.n += len(rows)
	return len(rows), nil
}
