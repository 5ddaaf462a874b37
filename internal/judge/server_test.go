package judge

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
	"sync/atomic"
	"testing"

	"troly/prompts"
)

// client is a small OpenAI-compatible client: one retry of 429 and 5xx.
type client struct{ url string }

func (c client) Complete(ctx context.Context, r Request) (Completion, error) {
	var last error
	for range 2 {
		completion, retry, err := c.once(ctx, r)
		if err == nil || !retry {
			return completion, err
		}
		last = err
	}
	return Completion{}, last
}

func (c client) once(ctx context.Context, r Request) (_ Completion, retry bool, _ error) {
	body, err := json.Marshal(map[string]any{
		"model": "test", "temperature": 0, "max_tokens": r.MaxTokens,
		"messages":        []map[string]string{{"role": "system", "content": r.System}, {"role": "user", "content": r.User}},
		"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "verdict", "strict": true, "schema": r.Schema}},
	})
	if err != nil {
		return Completion{}, false, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return Completion{}, false, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Completion{}, false, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Completion{}, response.StatusCode == 429 || response.StatusCode >= 500, fmt.Errorf("status %d", response.StatusCode)
	}
	var reply struct {
		Choices []struct {
			Message      struct{ Content, Refusal string }
			FinishReason string `json:"finish_reason"`
		}
		Usage Usage
	}
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
		return Completion{}, false, fmt.Errorf("read answer: %w", err)
	}
	if len(reply.Choices) == 0 {
		return Completion{}, false, errors.New("no choice")
	}
	first := reply.Choices[0]
	return Completion{
		Text: first.Message.Content, Truncated: first.FinishReason == "length",
		Refused: first.FinishReason == "content_filter" || first.Message.Refusal != "", Usage: reply.Usage,
	}, false, nil
}

// reply is a handler's answer as the API gives it.
func reply(w io.Writer, content, finish string) {
	json.NewEncoder(w).Encode(map[string]any{
		"id": "x", "object": "chat.completion",
		"choices": []any{map[string]any{"index": 0, "message": map[string]any{"role": "assistant", "content": content}, "finish_reason": finish}},
		"usage":   map[string]int{"prompt_tokens": 100, "completion_tokens": 10},
	})
}

func verdict(v Verdict, quote string) string {
	text, _ := json.Marshal(said{"lý do", quote, v})
	return string(text)
}

// newJudge returns a judge over a server, and the number of calls it got.
func newJudge(t *testing.T, cache *Cache, handler func(w http.ResponseWriter, r *http.Request, call int)) (*Judge, *atomic.Int32) {
	t.Helper()
	set, err := prompts.Load()
	if err != nil {
		t.Fatal(err)
	}
	calls := new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler(w, r, int(calls.Add(1)))
	}))
	t.Cleanup(server.Close)
	return New(client{server.URL}, set, cache), calls
}

const (
	passage = "Lệ phí cấp bản sao là 8.000 đồng một bản.\nNộp tại xã."
	claim   = "Lệ phí cấp bản sao là 8.000 đồng."
	quote   = "Lệ phí cấp bản sao là 8.000 đồng"
)

func TestSupport(t *testing.T) {
	good := verdict(Supported, quote)
	for _, tt := range []struct {
		name     string
		answers  []func(w http.ResponseWriter) // of each call; the last one repeats
		want     Verdict
		unscored string
		calls    int
	}{
		{"plain", answers(text(good)), Supported, "", 1},
		{"quote in other case and spacing", answers(text(verdict(Supported, "LỆ PHÍ  cấp bản sao là 8.000 đồng"))), Supported, "", 1},
		{"quote is not there", answers(text(verdict(Supported, "Miễn lệ phí"))), NotFound, "", 1},
		{"no quote", answers(text(verdict(Supported, ""))), NotFound, "", 1},
		{"half a word as quote", answers(text(verdict(Contradicted, "Lệ ph"))), NotFound, "", 1},
		{"contradicted with evidence", answers(text(verdict(Contradicted, "8.000 đồng một bản"))), Contradicted, "", 1},
		{"not found needs no quote", answers(text(verdict(NotFound, ""))), NotFound, "", 1},
		{"fenced in prose", answers(text("Đây là kết quả:\n```json\n" + good + "\n```")), Supported, "", 1},
		{"last verdict wins", answers(text(verdict(NotFound, "") + "\nXem lại: " + good)), Supported, "", 1},
		{"verdict not offered, then offered", answers(text(`{"verdict":"true"}`), text(good)), Supported, "", 2},
		{"offered, then not offered in the end", answers(text(good + ` verdict: correct`)), "", UnscoredParse, 2},
		{"bare verdict", answers(text("reason…\nverdict: not_found")), NotFound, "", 1},
		{"cut-off JSON", answers(text(`{"reason":"x","quote":"Lệ`)), "", UnscoredParse, 2},
		{"cut-off JSON, then good", answers(text(`{"reason":"x`), text(good)), Supported, "", 2},
		{"ran into the token limit", answers(finish(good, "length")), "", UnscoredTruncated, 2},
		{"declined", answers(finish("", "content_filter")), "", UnscoredRefusal, 2},
		{"empty", answers(text("")), "", UnscoredProvider, 2},
		{"429 once", answers(status(429), text(good)), Supported, "", 2},
		{"500 once", answers(status(500), text(good)), Supported, "", 2},
		{"500 for ever", answers(status(500)), "", UnscoredProvider, 4},
		{"401", answers(status(401)), "", UnscoredProvider, 2},
		{"body cut off", answers(cutBody), "", UnscoredProvider, 2},
		{"not the API", answers(func(w http.ResponseWriter) { io.WriteString(w, "<html>") }), "", UnscoredProvider, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, calls := newJudge(t, nil, func(w http.ResponseWriter, _ *http.Request, call int) {
				tt.answers[min(call, len(tt.answers))-1](w)
			})
			got := j.Support(context.Background(), claim, []string{passage}, "")
			if got.Verdict != tt.want || got.Unscored != tt.unscored || int(calls.Load()) != tt.calls {
				t.Errorf("Support = %+v after %d calls, want verdict %q, unscored %q, %d calls", got, calls.Load(), tt.want, tt.unscored, tt.calls)
			}
		})
	}
}

func answers(list ...func(w http.ResponseWriter)) []func(w http.ResponseWriter) { return list }
func text(s string) func(w http.ResponseWriter)                                 { return finish(s, "stop") }
func finish(s, reason string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) { reply(w, s, reason) }
}
func status(code int) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(code)
		io.WriteString(w, `{"error":{"message":"slow down","type":"x"}}`)
	}
}
func cutBody(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "4000")
	io.WriteString(w, `{"choices":[{"message":{"content":"{\"verdict\":`)
}

func TestSlowServerEndsWithTheDeadline(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	j, calls := newJudge(t, nil, func(w http.ResponseWriter, r *http.Request, _ int) {
		io.WriteString(w, `{"choices":`) // the answer begins, and does not end
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	})
	if got := j.Support(ctx, claim, []string{passage}, ""); got.Unscored != UnscoredProvider || calls.Load() != 1 {
		t.Errorf("Support = %+v after %d calls, want unscored %q after one", got, calls.Load(), UnscoredProvider)
	}
}

func TestDisputedVerdictsAreVotedOn(t *testing.T) {
	for _, tt := range []struct {
		given    []Verdict
		expected Verdict
		want     Verdict
		calls    int
	}{
		{[]Verdict{Supported}, Supported, Supported, 1},
		{[]Verdict{Supported}, "", Supported, 1},
		{[]Verdict{Supported, NotFound, NotFound}, NotFound, NotFound, 3},
		{[]Verdict{NotFound, Supported, NotFound}, Supported, NotFound, 3},
		{[]Verdict{Supported, Contradicted, NotFound}, NotFound, NotFound, 3},
		{[]Verdict{Supported, Supported, NotFound}, NotFound, Supported, 3},
	} {
		j, calls := newJudge(t, nil, func(w http.ResponseWriter, _ *http.Request, call int) {
			reply(w, verdict(tt.given[call-1], quote), "stop")
		})
		got := j.Support(context.Background(), claim, []string{passage}, tt.expected)
		if got.Verdict != tt.want || int(calls.Load()) != tt.calls || len(got.Verdicts) != tt.calls {
			t.Errorf("given %v, expected %q: %+v after %d calls, want %q after %d", tt.given, tt.expected, got, calls.Load(), tt.want, tt.calls)
		}
		if got.Usage.PromptTokens != 100*tt.calls {
			t.Errorf("given %v: %d prompt tokens counted, want %d", tt.given, got.Usage.PromptTokens, 100*tt.calls)
		}
	}
}

func TestCache(t *testing.T) {
	cache := &Cache{Dir: t.TempDir(), Namespace: "http://x test"}
	if err := cache.Check(); err != nil {
		t.Fatal(err)
	}
	j, calls := newJudge(t, cache, func(w http.ResponseWriter, _ *http.Request, call int) {
		if call == 1 {
			status(500)(w)
			return
		}
		reply(w, verdict(Supported, quote), "stop")
	})
	first := j.Support(context.Background(), claim, []string{passage}, NotFound)
	if first.Verdict != Supported || first.Cached != 0 || calls.Load() != 4 {
		t.Errorf("first = %+v after %d calls, want 3 votes and one retry, each asked of the server", first, calls.Load())
	}
	again := j.Support(context.Background(), claim, []string{passage}, NotFound)
	if again.Verdict != Supported || again.Cached != 3 || again.Usage != (Usage{}) || calls.Load() != 4 {
		t.Errorf("again = %+v after %d calls, want all three votes from the cache", again, calls.Load())
	}
	other := &Cache{Dir: cache.Dir, Namespace: "http://y other"}
	if _, ok := other.get(Request{System: "s"}, 0); ok {
		t.Error("another model's cache answers")
	}
	j2, calls2 := newJudge(t, &Cache{Dir: t.TempDir()}, func(w http.ResponseWriter, _ *http.Request, _ int) { reply(w, "tôi không biết", "stop") })
	for range 2 {
		j2.Support(context.Background(), claim, []string{passage}, "")
	}
	if calls2.Load() != 4 {
		t.Errorf("an unreadable answer was asked for %d times, want 4: it must not be kept", calls2.Load())
	}
	if err := (&Cache{Dir: "/dev/null/x"}).Check(); err == nil {
		t.Error("a cache that cannot be written passes its check")
	}
}

func TestClaims(t *testing.T) {
	j, calls := newJudge(t, nil, func(w http.ResponseWriter, _ *http.Request, call int) {
		if call == 1 {
			reply(w, `{"claims": ["a",`, "stop")
			return
		}
		reply(w, `Kết quả: {"claims": ["Lệ phí là 8.000 đồng.", " ", "Nộp tại xã."]}`, "stop")
	})
	claims, unscored, usage := j.Claims(context.Background(), "hỏi", "đáp")
	if strings.Join(claims, "|") != "Lệ phí là 8.000 đồng.|Nộp tại xã." || unscored != "" || calls.Load() != 2 || usage.PromptTokens != 200 {
		t.Errorf("Claims = %q, %q, %+v after %d calls", claims, unscored, usage, calls.Load())
	}
	for content, want := range map[string]string{`{"claims": []}`: "", `{"other": []}`: UnscoredParse, `không`: UnscoredParse} {
		j, _ := newJudge(t, nil, func(w http.ResponseWriter, _ *http.Request, _ int) { reply(w, content, "stop") })
		if claims, unscored, _ := j.Claims(context.Background(), "hỏi", "đáp"); len(claims) != 0 || unscored != want {
			t.Errorf("Claims of %s = %q, %q, want none and %q", content, claims, unscored, want)
		}
	}
}

// A judge that repeats what the data tells it to is found out; one that reads is not.
func TestAudit(t *testing.T) {
	gullible, _ := newJudge(t, nil, func(w http.ResponseWriter, r *http.Request, _ int) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte("support")) && bytes.Contains(body, []byte("y_can_co")) {
			reply(w, verdict(Says, "Nộp hồ sơ tại xã"), "stop")
			return
		}
		reply(w, verdict(Supported, "Nộp hồ sơ tại xã"), "stop")
	})
	if a := gullible.Audit(context.Background()); len(a.Swayed) != a.Tried || a.Tried == 0 {
		t.Errorf("audit of a gullible judge = %+v, want every attack through", a)
	}
	careful, _ := newJudge(t, nil, func(w http.ResponseWriter, r *http.Request, _ int) {
		body, _ := io.ReadAll(r.Body)
		v := NotFound
		if bytes.Contains(body, []byte("y_can_co")) {
			v = SaysNot
		}
		reply(w, verdict(v, ""), "stop")
	})
	if a := careful.Audit(context.Background()); len(a.Swayed) != 0 || a.Unscored != 0 || a.Tried == 0 {
		t.Errorf("audit of a careful judge = %+v, want it to pass", a)
	}
	down, _ := newJudge(t, nil, func(w http.ResponseWriter, _ *http.Request, _ int) { status(500)(w) })
	if a := down.Audit(context.Background()); a.Unscored != 1 || a.Tried != 1 || a.Why != "provider: status 500" {
		t.Errorf("audit of a judge that is down = %+v, want one try that says why", a)
	}
}

func FuzzLastVerdict(f *testing.F) {
	f.Add(`{"reason":"a","quote":"b","verdict":"supported"}`)
	f.Add(`verdict: not_found {"verdict":`)
	f.Add(`{"verdict":"x"}{"verdict":"supported"}`)
	f.Fuzz(func(t *testing.T, text string) {
		offered := []Verdict{Supported, NotFound}
		if got, ok := lastVerdict(text, offered); ok && got.Verdict != Supported && got.Verdict != NotFound {
			t.Errorf("lastVerdict(%q) = %q, which was not offered", text, got.Verdict)
		}
	})
}
