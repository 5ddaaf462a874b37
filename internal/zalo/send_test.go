package zalo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"troly/internal/webhook"
	"troly/internal/zalo/zalotest"
)

func fault(t testing.TB, s *zalotest.Server, name string, times int) {
	t.Helper()
	if err := s.Fault(name, times); err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, what string, got *webhook.SendError, class webhook.Class, code string) {
	t.Helper()
	if got == nil || got.Class != class || got.Code != code {
		t.Errorf("%s: error = %v, want %s %s", what, got, class, code)
	}
}

func TestZ15TheCallAsZaloWantsIt(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	long := norm.NFD.String(strings.Repeat("Hồ sơ gồm đơn, giấy tờ tùy thân 👨‍👩‍👧‍👦 và ảnh. ", 150))
	if err := w.send(t, a, webhook.Reply{Text: long}); err != nil {
		t.Fatal(err)
	}
	access, _, _ := w.Tokens()
	calls := w.Calls(sendsTo)
	if len(calls) < 3 {
		t.Fatalf("%d calls for %d characters", len(calls), len([]rune(long)))
	}
	whole := ""
	for _, c := range calls {
		if c.Path != "/v3.0/oa/message/cs" || c.Method != http.MethodPost || c.Header.Get("access_token") != access || c.Header.Get("Authorization") != "" || c.Header.Get("Content-Type") != "application/json" {
			t.Errorf("call %s %s with headers %v", c.Method, c.Path, c.Header)
		}
		var body struct {
			Recipient map[string]any `json:"recipient"`
			Message   map[string]any `json:"message"`
		}
		if err := json.Unmarshal([]byte(c.Body), &body); err != nil {
			t.Fatal(err)
		}
		text, _ := body.Message["text"].(string)
		if webhook.Units(text) > 2000 || !norm.NFC.IsNormalString(text) || body.Recipient["user_id"] != sampleUser {
			t.Errorf("sent %d units to %v, NFC %v", webhook.Units(text), body.Recipient, norm.NFC.IsNormalString(text))
		}
		whole += strings.Join(strings.Fields(text), "")
	}
	if want := strings.Join(strings.Fields(norm.NFC.String(long)), ""); whole != want {
		t.Error("the parts together are not the text")
	}
}

func TestZ16OnlyTheCallForRepliesIsMade(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		looked++
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"message/transaction", "message/promotion", "message/template"} {
			if strings.Contains(string(data), path) {
				t.Errorf("%s names %s", file, path)
			}
		}
	}
	if looked < 10 {
		t.Fatalf("looked at %d files", looked)
	}
	w := newWorld(t)
	a := w.account(t)
	for number := range codes {
		fault(t, w.Server, "oa-code="+strconv.Itoa(number), 1)
		_ = w.send(t, a, webhook.Reply{Text: "Xin chào"}) // whatever comes of it
		w.clock.Add(time.Hour)
		w.heard = w.clock.Now()
	}
	if calls := w.Calls("/"); contains(calls, "transaction") || contains(calls, "promotion") || len(w.Calls(sendsTo)) < len(codes) {
		t.Errorf("calls: %v", calls)
	}
}

// Every code of the documentation, in the class it has there. A refused token is
// Stopped after it was renewed; what may be sent again more plainly is plain here.
func TestZ17AnErrorBehindStatus200(t *testing.T) {
	for number, want := range map[int]webhook.Class{
		-216: webhook.Stopped, -220: webhook.Stopped, -32: webhook.Later, -100: webhook.Rejected, -201: webhook.Rejected,
		-204: webhook.Stopped, -205: webhook.Stopped, -209: webhook.Stopped, -212: webhook.Stopped, -219: webhook.Stopped, -223: webhook.Stopped,
		-210: webhook.Rejected, -211: webhook.Later, -218: webhook.Later, -213: webhook.Unreachable, -217: webhook.Unreachable,
		-244: webhook.Unreachable, -227: webhook.Unreachable, -221: webhook.Stopped, -224: webhook.Stopped, -235: webhook.Stopped,
		-230: webhook.Unreachable, -232: webhook.Unreachable, -233: webhook.Rejected, -234: webhook.Rejected, -240: webhook.Rejected,
		-248: webhook.Rejected, -320: webhook.Stopped, -321: webhook.Stopped, -14002: webhook.Stopped, -14003: webhook.Stopped, -9999: webhook.Rejected,
	} {
		w := newWorld(t)
		fault(t, w.Server, "oa-code="+strconv.Itoa(number), -1)
		got := w.send(t, w.account(t), webhook.Reply{Text: "Xin chào"})
		wantError(t, strconv.Itoa(number), got, want, strconv.Itoa(number))
		if len(w.Sent()) != 0 {
			t.Errorf("%d: something arrived", number)
		}
		alerted := strings.Contains(w.log.String(), "level=ERROR")
		if must := want == webhook.Stopped || want == webhook.Rejected; must && !alerted {
			t.Errorf("%d is not told to the operator", number)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, want := range map[string]struct {
		class webhook.Class
		code  string
		calls int
		sent  int
	}{
		"oa-gateway": {webhook.Later, "http-502", 1, 0},
		"oa-reset":   {webhook.Unsure, "no-answer", 1, 0},
		"oa-lost":    {webhook.Unsure, "no-answer", 1, 1},
	} {
		w := newWorld(t)
		fault(t, w.Server, name, -1)
		wantError(t, name, w.send(t, w.account(t), webhook.Reply{Text: "Xin chào"}), want.class, want.code)
		if n := len(w.Calls(sendsTo)); n != want.calls || len(w.Sent()) != want.sent {
			t.Errorf("%s: %d calls, %d arrived; want %d and %d", name, n, len(w.Sent()), want.calls, want.sent)
		}
	}
	w := newWorld(t)
	a := w.account(t)
	if err := w.send(t, a, webhook.Reply{Text: "đầu"}); err != nil { // there is a token
		t.Fatal(err)
	}
	gone := httptest.NewServer(w.Server)
	gone.Close()
	a.opts.APIURL = gone.URL
	wantError(t, "nobody there", w.send(t, a, webhook.Reply{Text: "Xin chào"}), webhook.Later, "no-connection")
}

func TestACallEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	fault(t, w.Server, "oa-slow", 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for len(w.Calls(sendsTo)) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err := a.Send(ctx, sampleUser, json.RawMessage(`{"text":"Xin chào"}`))
	if e := (*webhook.SendError)(nil); !errors.As(err, &e) || e.Class != webhook.Unsure || !errors.Is(err, context.Canceled) {
		t.Errorf("Send = %v, want unsure, cancelled", err)
	}
}

// A redirect would carry the token in its header to another host.
func TestRedirectsAreNotFollowed(t *testing.T) {
	w := newWorld(t)
	stolen := false
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen = true }))
	defer thief.Close()
	away := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer away.Close()
	w.opts.APIURL = away.URL
	wantError(t, "redirect", w.send(t, w.account(t), webhook.Reply{Text: "Xin chào"}), webhook.Stopped, "http-307")
	if stolen {
		t.Error("the redirect was followed")
	}
}

func TestZ23WhoCannotBeReachedIsNotTriedAgain(t *testing.T) {
	for _, number := range []string{"-230", "-213", "-217", "-227", "-244"} {
		w := newWorld(t)
		fault(t, w.Server, "oa-code="+number, -1)
		wantError(t, number, w.send(t, w.account(t), webhook.Reply{Text: "Xin chào", Feedback: "x"}), webhook.Unreachable, number)
		if n := len(w.Calls(sendsTo)); n != 1 {
			t.Errorf("%s: %d calls, want 1", number, n)
		}
	}
}

func TestZ24TooManyCalls(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	fault(t, w.Server, "oa-rate", -1)
	var waits []time.Duration
	for range 9 {
		e := w.send(t, a, webhook.Reply{Text: "Xin chào"})
		wantError(t, "-32", e, webhook.Later, "-32")
		waits = append(waits, e.After)
		calls := len(w.Calls(sendsTo))
		wantError(t, "while paused", w.send(t, a, webhook.Reply{Text: "Xin chào"}), webhook.Later, codePaused)
		if n := len(w.Calls(sendsTo)); n != calls {
			t.Fatalf("a call was made in the pause")
		}
		w.clock.Add(e.After)
	}
	for i, got := range waits { // Random gives 0.5: three quarters of the full wait
		if want := min(time.Second<<i, time.Minute) * 3 / 4; got != want {
			t.Errorf("wait %d = %v, want %v", i, got, want)
		}
	}
	fault(t, w.Server, "oa-rate", 0)
	if err := w.send(t, a, webhook.Reply{Text: "Xin chào"}); err != nil {
		t.Fatalf("after the pause: %v", err)
	}
	fault(t, w.Server, "oa-rate", 1)
	if e := w.send(t, a, webhook.Reply{Text: "Xin chào"}); e == nil || e.After != 750*time.Millisecond {
		t.Errorf("first refusal after a success waits %v, want 750ms", e)
	}
	w.clock.Add(time.Second)

	w.Remain(60) // of 4000: one a second for the minute that is left
	w.slept = nil
	for range 4 {
		if err := w.send(t, a, webhook.Reply{Text: "Xin chào"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.slept) != 3 || w.slept[0] != time.Second {
		t.Errorf("with 60 calls left it waited %v, want a second before each of three", w.slept)
	}
	w.Remain(3000)
	if err := w.send(t, a, webhook.Reply{Text: "Xin chào"}); err != nil {
		t.Fatal(err)
	}
	w.slept = nil
	if err := w.send(t, a, webhook.Reply{Text: "Xin chào"}); err != nil || len(w.slept) != 0 {
		t.Errorf("with 3,000 left: %v after waiting %v, want none", err, w.slept)
	}
	w.Remain(1)
	if err := w.send(t, a, webhook.Reply{Text: "Xin chào"}); err != nil {
		t.Fatal(err)
	}
	e := w.send(t, a, webhook.Reply{Text: "Xin chào"})
	wantError(t, "with one left", e, webhook.Later, codePaused)
	if e != nil && (e.After <= 0 || e.After > time.Minute) {
		t.Errorf("with one left: wait %v, want up to a minute", e.After)
	}
}

func TestZ25NoBilledMessagesByDefault(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	for _, tc := range []struct {
		ago  time.Duration
		code string
	}{{0, ""}, {48 * time.Hour, ""}, {48*time.Hour + time.Second, codeWindow}, {8 * 24 * time.Hour, codeWindow}} {
		w.heard = w.clock.Now().Add(-tc.ago)
		calls := len(w.Calls(sendsTo))
		e := w.send(t, a, webhook.Reply{Text: "Xin chào"})
		if tc.code == "" && e != nil {
			t.Errorf("%v after: %v, want it sent", tc.ago, e)
		}
		if tc.code != "" {
			wantError(t, tc.ago.String(), e, webhook.Unreachable, tc.code)
			if len(w.Calls(sendsTo)) != calls {
				t.Errorf("%v after: a call was made", tc.ago)
			}
		}
	}
	w.heard = time.Time{}
	wantError(t, "never heard of", w.send(t, a, webhook.Reply{Text: "Xin chào"}), webhook.Unreachable, codeWindow)
	w.opts.Billed = true
	if e := w.send(t, w.account(t), webhook.Reply{Text: "Xin chào"}); e != nil {
		t.Errorf("allowed: %v, want it sent", e)
	}
	w.opts.Billed = false
	w.opts.LastHeard = func(context.Context, string) (time.Time, error) { return time.Time{}, errors.New("database is away") }
	wantError(t, "not known", w.send(t, w.account(t), webhook.Reply{Text: "Xin chào"}), webhook.Later, "last-heard")
}

func TestZ26Buttons(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	r := webhook.Reply{Text: "Bạn hỏi về việc nào?", Feedback: "0198c2f4-7b1a-7000-8000-000000000001", Choices: []webhook.Choice{
		{Label: "Đăng ký khai sinh cho con trong giá thú tại xã", Action: "choice.1.abc"},
		{Label: "Cấp bản sao", Action: "có dấu"},
		{Label: "Lệ phí bao nhiêu?"},
	}}
	if e := w.send(t, a, r); e != nil {
		t.Fatal(e)
	}
	sent := w.Sent()
	if len(sent) != 1 || len(sent[0].Buttons) != 5 {
		t.Fatalf("sent %+v, want one message with five buttons", sent)
	}
	wantActions := []string{"choice.1.abc", "có dấu", "", "good." + r.Feedback, "bad." + r.Feedback}
	for i, b := range sent[0].Buttons {
		if webhook.Units(b.Title) > 35 || webhook.Units(b.Payload) > 1000 {
			t.Errorf("button %d: title of %d, payload of %d", i, webhook.Units(b.Title), webhook.Units(b.Payload))
		}
		m, _ := read(t, a, w.signed(w.Event("user_send_text", sampleUser, b.Payload)))
		if m.Action != wantActions[i] || (m.Kind == webhook.Button) != (wantActions[i] != "") {
			t.Errorf("pressing %q gives %s %q, want action %q", b.Title, m.Kind, m.Action, wantActions[i])
		}
		if wantActions[i] == "" && m.Text != "Lệ phí bao nhiêu?" {
			t.Errorf("pressing %q gives %q", b.Title, m.Text)
		}
	}
	if m, _ := read(t, a, samples(t, "oa")["03"]); m.Kind != webhook.Text || m.Text != "lephi 1.004772" {
		t.Errorf("sample 03 = %s %q, want its words as if they were typed", m.Kind, m.Text)
	}

	many := webhook.Reply{Text: "Chọn xã:", Feedback: "x"}
	for i := range 8 {
		many.Choices = append(many.Choices, webhook.Choice{Label: fmt.Sprintf("Xã số %d", i+1), Action: fmt.Sprintf("xa.%d.k", i+1)})
	}
	before := len(w.Sent())
	if e := w.send(t, a, many); e != nil {
		t.Fatal(e)
	}
	shown := 0
	for _, s := range w.Sent()[before:] {
		if len(s.Buttons) > 5 {
			t.Errorf("%d buttons under one message", len(s.Buttons))
		}
		shown += len(s.Buttons)
	}
	if shown != 8 {
		t.Errorf("%d of 8 choices are shown", shown)
	}
	open := a.Parts(webhook.Message{}, webhook.Reply{Text: "x", Choices: []webhook.Choice{{Label: "Cổng dịch vụ công", URL: "https://dichvucong.gov.vn"}, {Label: "Hỏng", URL: "javascript:alert(1)"}}})
	if s := string(open[0]); !strings.Contains(s, `"oa.open.url","payload":{"url":"https://dichvucong.gov.vn"}`) || strings.Contains(s, "javascript") {
		t.Errorf("part = %s", s)
	}
}

func TestAnAnswerIsNotLostOverItsButtons(t *testing.T) {
	w := newWorld(t)
	fault(t, w.Server, "oa-buttons", -1)
	r := webhook.Reply{Text: "Bạn hỏi về việc nào?", Feedback: "x", Choices: []webhook.Choice{{Label: "Khai sinh", Action: "choice.1.a"}, {Label: "Khai tử", Action: "choice.2.a"}}}
	if e := w.send(t, w.account(t), r); e != nil {
		t.Fatal(e)
	}
	if sent := w.Sent(); len(sent) != 1 || sent[0].Text != "Bạn hỏi về việc nào?\n\n1. Khai sinh\n2. Khai tử" || w.counts.get("fallback without-buttons") != 1 {
		t.Errorf("sent %+v, counted %v", sent, w.counts.n)
	}
}

func TestZ27AQuoteThatIsRefusedIsLeftOut(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	m, _ := read(t, a, samples(t, "oa")["01"])
	if e := sendTo(t, a, m, webhook.Reply{Text: "Ở xã."}); e != nil {
		t.Fatal(e)
	}
	fault(t, w.Server, "oa-quote", -1)
	if e := sendTo(t, a, m, webhook.Reply{Text: "Ở xã."}); e != nil {
		t.Fatal(e)
	}
	sent := w.Sent()
	if len(sent) != 2 || sent[0].Quote != "96d3cdf3af150460901" || sent[1].Quote != "" || len(w.Calls(sendsTo)) != 3 {
		t.Errorf("sent %+v in %d calls; want one with a quote, one without, three calls", sent, len(w.Calls(sendsTo)))
	}
	fault(t, w.Server, "oa-code=-201", -1)
	wantError(t, "both refused", sendTo(t, a, m, webhook.Reply{Text: "Ở xã."}), webhook.Rejected, "-201")
	if n := len(w.Calls(sendsTo)); n != 5 {
		t.Errorf("%d calls, want 5: one resend and no more", n)
	}
}

func TestATextThatIsTooLargeIsSplitAgain(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	fault(t, w.Server, "oa-large", -1)
	text := strings.TrimSpace(strings.Repeat("Nộp hồ sơ ở xã. ", 50)) // 799 characters
	if e := w.send(t, a, webhook.Reply{Text: text}); e != nil {
		t.Fatal(e)
	}
	sent := w.Sent()
	if len(sent) != 2 || sent[0].Text+" "+sent[1].Text != text {
		t.Errorf("sent %+v", sent)
	}
	wantError(t, "still too large", w.send(t, a, webhook.Reply{Text: strings.Repeat("Nộp hồ sơ ở xã. ", 120)}), webhook.Rejected, "-210")
}

func TestZ28NoSecretInWhatComesOut(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	var out strings.Builder
	note := func(e *webhook.SendError) {
		if e != nil {
			fmt.Fprintf(&out, "%v %+v %#v\n", e, e, e.Err)
		}
	}
	for _, f := range zalotest.Faults() {
		fault(t, w.Server, f[0], 1)
		if f[0] == "oa-slow" {
			fault(t, w.Server, f[0], 0)
		}
		note(w.send(t, a, webhook.Reply{Text: "câu trả lời bí mật của tôi"}))
		if _, err := a.Health(t.Context()); err != nil {
			fmt.Fprintf(&out, "%v %#v\n", err, err)
		}
		w.clock.Add(21 * time.Hour) // the token is due each time
		w.heard = w.clock.Now()
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	w.opts.APIURL, w.opts.OAuthURL = gone.URL, gone.URL
	note(w.send(t, w.account(t), webhook.Reply{Text: "câu trả lời bí mật của tôi"}))
	for _, s := range samples(t, "oa") {
		if _, err := a.Read(s.header, s.body); err != nil {
			fmt.Fprintf(&out, "%v %#v\n", err, err)
		}
	}
	all := out.String() + w.log.String()
	_, _, pairs := w.Tokens()
	if pairs < 3 || len(all) < 1000 {
		t.Fatalf("%d pairs and %d bytes: nothing was tried", pairs, len(all))
	}
	for _, secret := range []string{sampleSecret, sampleAppSecret, "-not-real", "câu trả lời bí mật", "Xin chào", sampleUser} {
		if i := strings.Index(all, secret); i >= 0 {
			t.Errorf("%q came out: …%s…", secret, all[max(0, i-80):min(len(all), i+80)])
		}
	}
}

func TestHealth(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	got, err := a.Health(t.Context())
	if err != nil || got.OAID != sampleOA || !got.Verified || got.Expires.Sub(got.Token) != 25*time.Hour {
		t.Errorf("Health = %+v, %v", got, err)
	}
	if age, ok := a.TokenAge(); !ok || age != 0 {
		t.Errorf("TokenAge = %v, %v", age, ok)
	}
	if err := a.Ready(); err != nil {
		t.Errorf("Ready = %v", err)
	}
	fault(t, w.Server, "oa-expired", 1)
	if _, err := a.Health(t.Context()); err != nil {
		t.Errorf("with a refused token: %v, want it renewed", err)
	}
	w.opts.OAID = "1111111111111111111"
	operator := (*OperatorError)(nil)
	if _, err := w.account(t).Health(t.Context()); !errors.As(err, &operator) {
		t.Errorf("for another account: %v, want an *OperatorError", err)
	}
}

func TestQuotaIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	a.quotaLeft("sub_quota", "900", "1000")
	a.quotaLeft("sub_quota", "99", "1000")
	a.quotaLeft("sub_quota", "98", "1000")
	if w.counts.get("quota low") != 1 || !strings.Contains(w.log.String(), "few messages left") {
		t.Errorf("counted %v, want quota low once", w.counts.n)
	}
	if got, err := a.Health(t.Context()); err != nil || got.Quota == nil || got.Quota.Remain != 98 {
		t.Errorf("Health = %+v, %v; want 98 left", got, err)
	}
	fault(t, w.Server, "oa-quota", 1)
	wantError(t, "used up", w.send(t, a, webhook.Reply{Text: "x"}), webhook.Later, "-211")
	wantError(t, "then", w.send(t, a, webhook.Reply{Text: "x"}), webhook.Later, codePaused)
	if n := len(w.Calls(sendsTo)); n != 1 {
		t.Errorf("%d calls, want 1: no loop", n)
	}
	// As the documentation shows the answer of a call.
	data, err := os.ReadFile(filepath.Join("testdata", "fake-api-responses.json"))
	if err != nil {
		t.Fatal(err)
	}
	var shown struct {
		Responses map[string]struct{ Body json.RawMessage }
	}
	if err := json.Unmarshal(data, &shown); err != nil {
		t.Fatal(err)
	}
	var r result
	into(shown.Responses["zalo-oa-ok-quota"].Body, &r)
	if r.Data.Quota.Type != "reply" || r.Data.Quota.Remain != "7" || r.Data.MessageID == "" {
		t.Errorf("quota of the documented answer = %+v", r.Data)
	}
}
