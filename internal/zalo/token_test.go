package zalo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/webhook"
	"troly/internal/zalo/zalotest"
)

var hello = webhook.Reply{Text: "Xin chào"}

func TestZ18ARefusedTokenIsExchangedOnce(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	if e := w.send(t, a, hello); e != nil {
		t.Fatal(e)
	}
	fault(t, w.Server, "oa-expired", 1)
	if e := w.send(t, a, hello); e != nil {
		t.Fatal(e)
	}
	if tokens, sends := len(w.Calls(tokensFrom)), len(w.Calls(sendsTo)); tokens != 2 || sends != 3 || len(w.Sent()) != 2 {
		t.Errorf("%d exchanges, %d calls, %d arrived; want 2, 3 and 2", tokens, sends, len(w.Sent()))
	}

	w = newWorld(t)
	a = w.account(t)
	fault(t, w.Server, "oa-token", -1)
	wantError(t, "-216 twice", w.send(t, a, hello), webhook.Stopped, "-216")
	for range 4 { // the new token is refused as well, and not exchanged again so soon
		wantError(t, "then", w.send(t, a, hello), webhook.Stopped, codeToken)
	}
	if tokens := len(w.Calls(tokensFrom)); tokens != 2 {
		t.Errorf("%d exchanges for five sends, want 2: the first pair and one more", tokens)
	}
	if !strings.Contains(w.log.String(), "level=ERROR") {
		t.Error("the operator is not told")
	}
	fault(t, w.Server, "oa-token", 0)
	w.clock.Add(time.Hour)
	if e := w.send(t, a, hello); e != nil {
		t.Errorf("after Zalo is well again: %v", e)
	}
}

// The environment of a child process says what it does.
const (
	childDoes = "TROLY_TEST_ZALO"
	childDB   = "TROLY_TEST_ZALO_DB"
	childURL  = "TROLY_TEST_ZALO_URL"
)

// TestChild is what a second process runs.
func TestChild(t *testing.T) {
	does := os.Getenv(childDoes)
	if does == "" {
		t.Skip("runs as a process of other tests")
	}
	db := openDB(t, os.Getenv(childDB))
	a, err := NewAccount(AccountOptions{AppID: sampleApp, AppSecret: sampleAppSecret, OAID: sampleOA, Secret: sampleSecret, RefreshToken: firstRefresh,
		Tokens: db, APIURL: os.Getenv(childURL), OAuthURL: os.Getenv(childURL), Now: newClock().Now,
		LastHeard: func(context.Context, string) (time.Time, error) { return newClock().Now(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	switch does {
	case "send":
		sendTwenty(t, a)
	case "die": // between the answer of the token endpoint and the first use
		if _, err := a.tokens.access(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // until the signal is there
	}
}

func child(t *testing.T, w *world, does string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), childDoes+"="+does, childDB+"="+w.path, childURL+"="+w.url)
	return cmd
}

func sendTwenty(t *testing.T, a *Account) {
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			part := a.Parts(webhook.Message{}, hello)[0]
			if _, err := a.Send(t.Context(), fmt.Sprint(6142494823000000100+i), part); err != nil {
				t.Errorf("send %d: %v", i, err)
			}
		})
	}
	all.Wait()
}

func TestZ19ManySendsOneExchange(t *testing.T) {
	w := newWorld(t)
	sendTwenty(t, w.account(t))
	if n := len(w.Calls(tokensFrom)); n != 1 || len(w.Sent()) != 20 {
		t.Errorf("%d exchanges, %d arrived; want 1 and 20", n, len(w.Sent()))
	}
	fault(t, w.Server, "oa-expired", 1) // the token that all hold is dead
	sendTwenty(t, w.account(t))
	if n := len(w.Calls(tokensFrom)); n != 2 || len(w.Sent()) != 40 {
		t.Errorf("%d exchanges, %d arrived; want 2 and 40", n, len(w.Sent()))
	}
}

func TestZ19TwoProcessesOneExchange(t *testing.T) {
	w := newWorld(t)
	others := []*exec.Cmd{child(t, w, "send"), child(t, w, "send")}
	outputs := make([]bytes.Buffer, len(others))
	for i, cmd := range others {
		cmd.Stdout, cmd.Stderr = &outputs[i], &outputs[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i, cmd := range others {
		if err := cmd.Wait(); err != nil {
			t.Fatalf("process %d: %v\n%s", i, err, outputs[i].String())
		}
	}
	if n := len(w.Calls(tokensFrom)); n != 1 || len(w.Sent()) != 40 {
		t.Errorf("%d exchanges, %d arrived; want 1 and 40", n, len(w.Sent()))
	}
}

// lateTokens lets something happen just before it waits for its turn.
type lateTokens struct {
	Tokens
	before func()
}

func (l *lateTokens) WithToken(ctx context.Context, channel string, change func(context.Context, []byte) ([]byte, error)) error {
	l.before()
	return l.Tokens.WithToken(ctx, channel, change)
}

// Two processes see that there is no token; the second waits while the first gets one.
func TestZ19WhoComesSecondTakesWhatIsThere(t *testing.T) {
	w := newWorld(t)
	other := w.account(t)
	w.opts.Tokens = &lateTokens{w.db, func() {
		if e := w.send(t, other, hello); e != nil {
			t.Error(e)
		}
	}}
	if e := w.send(t, w.account(t), hello); e != nil {
		t.Error(e)
	}
	if n := len(w.Calls(tokensFrom)); n != 1 || len(w.Sent()) != 2 {
		t.Errorf("%d exchanges, %d arrived; want 1 and 2", n, len(w.Sent()))
	}
}

// impatient gives up waiting as soon as a refresh token is on its way.
type impatient struct {
	http.RoundTripper
	giveUp func()
}

func (i impatient) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, tokensFrom) {
		i.giveUp()
	}
	return i.RoundTripper.RoundTrip(r)
}

func TestZ20APairIsKeptThoughNobodyWaitsForIt(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.opts.Client = &http.Client{Transport: impatient{http.DefaultTransport, cancel}}
	a := w.account(t)
	if _, err := a.Send(ctx, sampleUser, a.Parts(webhook.Message{}, hello)[0]); err == nil {
		t.Error("a send whose context has ended succeeds")
	}
	if e := w.send(t, a, hello); e != nil || len(w.Calls(tokensFrom)) != 1 {
		t.Errorf("the next send: %v after %d exchanges, want it sent after one", e, len(w.Calls(tokensFrom)))
	}
}

func TestZ20ANewPairSurvivesTheProcess(t *testing.T) {
	w := newWorld(t)
	out, err := child(t, w, "die").CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process ended with %v, want killed\n%s", err, out)
	}
	if n := len(w.Calls(tokensFrom)); n != 1 {
		t.Fatalf("%d exchanges before, want 1", n)
	}
	if e := w.send(t, w.account(t), hello); e != nil {
		t.Errorf("after the restart: %v", e)
	}
	if n := len(w.Calls(tokensFrom)); n != 1 {
		t.Errorf("%d exchanges, want 1: the pair was there", n)
	}
}

// The pair is a row of the database, not a file of its own: the file of the database
// is its owner's alone, a change is one transaction, and what was before is kept.
func TestZ21TheStoredPair(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	if e := w.send(t, a, hello); e != nil {
		t.Fatal(e)
	}
	info, err := os.Stat(w.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the database = %v, %v; want 0600", info.Mode(), err)
	}
	before, err := w.db.Token(t.Context(), "zalo")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(before, []byte(firstRefresh)) {
		t.Error("the refresh token of the settings is stored")
	}
	w.clock.Add(21 * time.Hour)
	w.heard = w.clock.Now()
	if e := w.send(t, a, hello); e != nil {
		t.Fatal(e)
	}
	if after, err := w.db.Token(t.Context(), "zalo"); err != nil || bytes.Equal(after, before) {
		t.Errorf("stored after the exchange: %s, %v; want another pair than before", after, err)
	}

	broken := func(value string) (*world, *Account) {
		w := newWorld(t)
		err := w.db.WithToken(t.Context(), "zalo", func(context.Context, []byte) ([]byte, error) { return []byte(value), nil })
		if err != nil {
			t.Fatal(err)
		}
		return w, w.account(t)
	}
	for _, value := range []string{"not json", "{}", `{"access_token":"x"}`, "[1]"} {
		w, _ := broken(value)
		w.opts.RefreshToken = ""
		e := w.send(t, w.account(t), hello)
		wantError(t, value, e, webhook.Stopped, codeToken)
		operator := (*OperatorError)(nil)
		if e == nil || !errors.As(e, &operator) || !strings.Contains(operator.Advice, "ZALO_REFRESH_TOKEN") {
			t.Errorf("stored %q: %v, want advice that names ZALO_REFRESH_TOKEN", value, e)
		}
		if n := len(w.Calls(tokensFrom)); n != 0 {
			t.Errorf("stored %q: %d exchanges were tried", value, n)
		}
		w, a := broken(value) // a new refresh token in the settings mends it
		if e := w.send(t, a, hello); e != nil {
			t.Errorf("stored %q, new setting: %v", value, e)
		}
	}
}

func TestZ22HowLongATokenLives(t *testing.T) {
	for _, tc := range []struct {
		name string
		life any
		want time.Duration
	}{
		{"text", "90000", 25 * time.Hour}, {"number", 90000, 25 * time.Hour}, {"an hour", "3600", time.Hour}, {"missing", nil, unknownLife},
		{"nonsense", "soon", unknownLife}, {"negative", -5, unknownLife}, {"milliseconds", "90000000000", unknownLife}, {"zero", 0, unknownLife},
	} {
		w := newWorld(t)
		w.Server = zalotest.New(zalotest.Options{AppID: sampleApp, AppSecret: sampleAppSecret, OAID: sampleOA, OASecret: sampleSecret,
			RefreshToken: firstRefresh, Life: tc.life, NoLife: tc.life == nil, Now: w.clock.Now})
		w.serve(t)
		a := w.account(t)
		if e := w.send(t, a, hello); e != nil {
			t.Fatalf("%s: %v", tc.name, e)
		}
		p := a.tokens.held()
		if got := p.Expires.Sub(p.Got); got != tc.want {
			t.Errorf("%s: lives %v, want %v", tc.name, got, tc.want)
		}
		w.clock.Add(tc.want*4/5 - time.Second)
		w.heard = w.clock.Now()
		if e := w.send(t, a, hello); e != nil || len(w.Calls(tokensFrom)) != 1 {
			t.Errorf("%s: before it is due: %v, %d exchanges; want one", tc.name, e, len(w.Calls(tokensFrom)))
		}
		w.clock.Add(2 * time.Second)
		if e := w.send(t, a, hello); e != nil || len(w.Calls(tokensFrom)) != 2 {
			t.Errorf("%s: when it is due: %v, %d exchanges; want two", tc.name, e, len(w.Calls(tokensFrom)))
		}
	}
}

func TestAnOldTokenIsUsedToItsEnd(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	if e := w.send(t, a, hello); e != nil {
		t.Fatal(e)
	}
	fault(t, w.Server, "oauth-gateway", -1)
	w.clock.Add(21 * time.Hour)
	w.heard = w.clock.Now()
	for range 10 {
		if e := w.send(t, a, hello); e != nil {
			t.Fatalf("due and not to be had: %v", e)
		}
	}
	if n := len(w.Calls(tokensFrom)); n != 2 {
		t.Errorf("%d exchanges for ten sends, want 2: no loop", n)
	}
	w.clock.Add(5 * time.Hour)
	wantError(t, "expired", w.send(t, a, hello), webhook.Later, codeToken)
	fault(t, w.Server, "oauth-gateway", 0)
	w.clock.Add(time.Minute)
	if e := w.send(t, a, hello); e != nil {
		t.Errorf("when it is to be had again: %v", e)
	}
}

func TestARefusedRefreshTokenStopsTheChannel(t *testing.T) {
	w := newWorld(t)
	a := w.account(t)
	fault(t, w.Server, "oauth-lost", 1) // used up, and the new pair never arrived
	wantError(t, "lost", w.send(t, a, hello), webhook.Later, codeToken)
	w.clock.Add(time.Minute)
	e := w.send(t, a, hello)
	wantError(t, "used up", e, webhook.Stopped, codeToken)
	if operator := (*OperatorError)(nil); e == nil || !errors.As(e, &operator) || !strings.Contains(operator.Reason, "-14014") {
		t.Errorf("error = %v, want an *OperatorError with the code", e)
	}
	for range 5 {
		wantError(t, "then", w.send(t, a, hello), webhook.Stopped, codeToken)
	}
	if n := len(w.Calls(tokensFrom)); n != 2 {
		t.Errorf("%d exchanges, want 2: no loop", n)
	}
	if err := a.Ready(); err == nil || !strings.Contains(err.Error(), "ZALO_REFRESH_TOKEN") {
		t.Errorf("Ready = %v, want what the operator has to do", err)
	}
	w.Consent("SECOND-SEED-not-real")
	w.opts.RefreshToken = "SECOND-SEED-not-real"
	if e := w.send(t, w.account(t), hello); e != nil {
		t.Errorf("with a new setting: %v", e)
	}
}

func TestTheSettingIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	if e := w.send(t, w.account(t), hello); e != nil {
		t.Fatal(e)
	}
	w.clock.Add(21 * time.Hour)
	w.heard = w.clock.Now()
	if e := w.send(t, w.account(t), hello); e != nil { // a restart with the old setting
		t.Fatal(e)
	}
	for _, c := range w.Calls(tokensFrom)[1:] {
		if strings.Contains(c.Body, firstRefresh) {
			t.Error("the setting was used twice")
		}
	}
	w.opts.RefreshToken = "WRONG-not-real"
	if e := w.send(t, w.account(t), hello); e != nil {
		t.Errorf("a wrong new setting ends a pair that works: %v", e)
	}
	n := len(w.Calls(tokensFrom))
	if e := w.send(t, w.account(t), hello); e != nil || len(w.Calls(tokensFrom)) != n {
		t.Errorf("the wrong setting is tried again: %v, %d exchanges after %d", e, len(w.Calls(tokensFrom)), n)
	}
}

// brokenTokens fails to store a number of times.
type brokenTokens struct {
	Tokens
	fails int
}

func (b *brokenTokens) WithToken(ctx context.Context, channel string, change func(context.Context, []byte) ([]byte, error)) error {
	if b.fails > 0 {
		b.fails--
		return b.Tokens.WithToken(ctx, channel, func(ctx context.Context, current []byte) ([]byte, error) {
			if _, err := change(ctx, current); err != nil {
				return nil, err
			}
			return nil, errors.New("disk is full")
		})
	}
	return b.Tokens.WithToken(ctx, channel, change)
}

func TestAPairThatCannotBeStoredIsNotLost(t *testing.T) {
	w := newWorld(t)
	w.opts.Tokens = &brokenTokens{w.db, 1}
	a := w.account(t)
	wantError(t, "disk is full", w.send(t, a, hello), webhook.Later, codeToken)
	if n := len(w.Calls(sendsTo)); n != 0 {
		t.Errorf("a pair that is not durable was used in %d calls", n)
	}
	w.clock.Add(time.Minute)
	if e := w.send(t, a, hello); e != nil || len(w.Calls(tokensFrom)) != 1 {
		t.Errorf("with room again: %v after %d exchanges, want it sent after one", e, len(w.Calls(tokensFrom)))
	}
}

func TestRunKeepsThePairAlive(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	rounds := 0
	w.opts.Sleep = func(ctx context.Context, d time.Duration) error {
		w.clock.Add(d)
		if rounds++; rounds == 3*24*6 { // three days
			cancel()
		}
		return ctx.Err()
	}
	w.account(t).Run(ctx)
	if n := len(w.Calls(tokensFrom)); n != 4 {
		t.Errorf("%d exchanges in three days without a message, want 4: one every 20 hours", n)
	}
}

func TestWithoutAnyTokenTheOperatorIsTold(t *testing.T) {
	w := newWorld(t)
	w.opts.RefreshToken = ""
	e := w.send(t, w.account(t), hello)
	wantError(t, "no token", e, webhook.Stopped, codeToken)
	if e == nil || !strings.Contains(e.Error(), "ZALO_REFRESH_TOKEN") {
		t.Errorf("error = %v, want one that says what to do", e)
	}
}

func TestStoredPairsOfAnotherVersionAreRead(t *testing.T) {
	p, err := decodePair([]byte(`{"access_token":"a","refresh_token":"r","got":"2026-11-23T01:30:00Z","expires":"2026-11-24T02:30:00Z","more":1}`))
	if err != nil || p.Refresh != "r" || p.due().Format(time.RFC3339) != "2026-11-23T21:30:00Z" {
		t.Errorf("decodePair = %+v, due %v, %v", p, p.due(), err)
	}
	data, err := json.Marshal(p)
	if err != nil || !bytes.Contains(data, []byte(`"refresh_token":"r"`)) {
		t.Errorf("written as %s, %v", data, err)
	}
}

var _ Tokens = (*database.DB)(nil)
