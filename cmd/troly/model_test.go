package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"troly/internal/llm/llmtest"
	"troly/internal/pipeline"
)

// someKnowledge is a folder with a few documents of the real knowledge, without the
// outside matters: enough to answer from, quick to learn and index.
func someKnowledge(t *testing.T) string {
	t.Helper()
	from, dir := filepath.Join("..", "..", "knowledge"), t.TempDir()
	for _, name := range []string{
		"glossary.yaml", "contacts.yaml", "units.json", "procedures/khai-sinh.md", "procedures/khai-tu.md", "procedures/can-cuoc-cap-doi-cap-lai.md", "procedures/gplx-doi.md",
		"procedures/ket-hon.md", "procedures/thuong-tru.md", "procedures/luong-huu.md", "procedures/thai-san.md",
	} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// withModels runs commands with a server for models.
func withModels(t *testing.T, settings map[string]string) (server *llmtest.Server, troly func(args ...string) (status int, stdout, stderr string)) {
	server = llmtest.NewServer(t)
	dir := someKnowledge(t)
	t.Setenv("TROLY_DATA_DIR", t.TempDir())
	t.Setenv("TROLY_KNOWLEDGE_DIR", dir)
	t.Setenv("OPENAI_BASE_URL", server.URL)
	for name, value := range settings {
		t.Setenv(name, value)
	}
	return server, func(args ...string) (int, string, string) {
		var out, errs strings.Builder
		status := run(context.Background(), args, strings.NewReader(""), &out, &errs)
		return status, out.String(), errs.String()
	}
}

var firstLine = regexp.MustCompile(`<doan>\\n(?:- )?([^\\]*)`)

// honest answers with the first line of the first passage.
func honest(c llmtest.Call) llmtest.Reply {
	body, err := json.Marshal(c.Body)
	if err != nil {
		panic(err)
	}
	body = []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(body)))
	line := firstLine.FindSubmatch(body)
	if line == nil {
		return llmtest.Reply{Text: "được"}
	}
	return llmtest.Reply{Text: `{"complete":"full","used":[1],"sentences":[{"text":"` + string(line[1]) + `","passages":[1]}]}`}
}

const question = "làm giấy khai sinh cho con cần giấy tờ gì"

func TestAskWithModel(t *testing.T) {
	server, troly := withModels(t, map[string]string{"LLM_MODEL": "qwen"})
	server.Do(func(s *llmtest.Server) { s.Chat = honest })
	status, out, errs := troly("ask", "--json", question)
	var o pipeline.Outcome
	if err := json.Unmarshal([]byte(out), &o); status != 0 || err != nil {
		t.Fatalf("ask --json ended with %d, %v: %s%s", status, err, out, errs)
	}
	if o.AnsweredBy != "llm" || o.Versions.Model != "qwen" || len(o.Versions.Prompts) != 12 || o.Usage.CompletionTokens == 0 || !o.Verified || len(o.Degraded) > 0 {
		t.Errorf("answered by %q, versions %+v, usage %+v, degraded %q", o.AnsweredBy, o.Versions, o.Usage, o.Degraded)
	}
	status, out, errs = troly("ask", question)
	first, _, _ := strings.Cut(o.Answer, "\n")
	if status != 0 || strings.Count(out, first) < 1 || strings.Count(out, "Nguồn\n") != 1 || !strings.Contains(out, "[1]") {
		t.Errorf("ask ended with %d: %s%s", status, out, errs)
	}
	for _, line := range strings.Split(o.Answer, "\n") {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(line), " ")) {
			t.Errorf("the streamed answer lacks %q:\n%s", line, out)
		}
	}
	// A true sentence, then a lie: what was shown is followed by the extract.
	server.Do(func(s *llmtest.Server) {
		s.Chat = func(c llmtest.Call) llmtest.Reply {
			reply := honest(c)
			reply.Text = strings.Replace(reply.Text, `]}]}`, `]},{"text":"Lệ phí là 990.000 đồng.","passages":[1]}]}`, 1)
			return reply
		}
	})
	status, out, errs = troly("ask", question)
	if status != 0 || strings.Contains(out, "990") || !strings.Contains(out, "Câu trả lời đầy đủ") {
		t.Errorf("after a lie, ask ended with %d: %s%s", status, out, errs)
	}
	server.Do(func(s *llmtest.Server) {
		s.Chat = func(llmtest.Call) llmtest.Reply { return llmtest.Reply{Status: 401} }
	})
	if _, out, _ = troly("ask", "--json", question); !strings.Contains(out, `"answered_by": "extractive"`) || !strings.Contains(out, "llm: denied") {
		t.Errorf("with a wrong key: %s", out)
	}
}

func TestIngestEmbeds(t *testing.T) {
	server, troly := withModels(t, map[string]string{"EMBEDDING_MODEL": "bge-m3"})
	server.Do(func(s *llmtest.Server) { s.Dimensions = 1024 })
	degraded := func(want string) {
		t.Helper()
		_, out, errs := troly("ask", "--json", question)
		var o pipeline.Outcome
		if err := json.Unmarshal([]byte(out), &o); err != nil {
			t.Fatalf("%v: %s%s", err, out, errs)
		}
		if got := strings.Join(o.Degraded, "; "); got != want || o.Status != pipeline.Answered || o.Versions.Embedder != "bge-m3/1024" {
			t.Errorf("degraded %q, want %q; %s, embedder %q\n%s", got, want, o.Status, o.Versions.Embedder, errs)
		}
	}
	requests := func() int { return len(server.Calls("/v1/embeddings")) }

	degraded("embedding: not indexed yet") // too many to embed before an answer
	if requests() != 0 {
		t.Errorf("%d requests before ingest", requests())
	}
	status, out, errs := troly("ingest")
	if status != 0 || requests() == 0 {
		t.Fatalf("ingest ended with %d after %d requests: %s%s", status, requests(), out, errs)
	}
	n := requests()
	if status, out, _ := troly("ingest"); status != 0 || requests() != n || !strings.Contains(out, "0 added, 0 changed") {
		t.Errorf("a second ingest ended with %d after %d requests: %s", status, requests()-n, out)
	}
	degraded("")
	if requests() != n+1 {
		t.Errorf("%d requests for one question", requests()-n)
	}
	server.Do(func(s *llmtest.Server) { s.Embeddings = llmtest.Reply{Status: 500} })
	degraded("embedding: unavailable")
	server.Do(func(s *llmtest.Server) { s.Embeddings = llmtest.Reply{} })
	degraded("")

	// Without an embedder the vectors stay where they are.
	t.Setenv("EMBEDDING_MODEL", "")
	if status, out, errs := troly("ask", question); status != 0 {
		t.Errorf("without an embedder ask ended with %d: %s%s", status, out, errs)
	}
	t.Setenv("EMBEDDING_MODEL", "bge-m3")
	n = requests()
	degraded("")
	if requests() != n+1 {
		t.Errorf("%d requests after the embedder came back, want that of the question", requests()-n)
	}
	// A few changed chunks are embedded before the answer.
	file := filepath.Join(os.Getenv("TROLY_KNOWLEDGE_DIR"), "procedures", "khai-tu.md")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), "## Lưu ý", "## Lưu ý\n\n- Mang theo sổ cũ nếu còn.\n", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	degraded("")
}

func TestIngestWithoutServer(t *testing.T) {
	server, troly := withModels(t, map[string]string{"EMBEDDING_MODEL": "m", "EMBEDDING_DIMENSIONS": "16"})
	server.Do(func(s *llmtest.Server) { s.Embeddings = llmtest.Reply{Status: 401} })
	status, _, errs := troly("ingest")
	if status != exitBroke || !strings.Contains(errs, "denied") {
		t.Errorf("ingest ended with %d: %s", status, errs)
	}
	if status, out, _ := troly("ask", question); status != 0 || !strings.Contains(out, "Giấy chứng sinh") {
		t.Errorf("afterwards ask ended with %d: %s", status, out)
	}
}

func TestDoctorTriesModels(t *testing.T) {
	server, troly := withModels(t, map[string]string{"LLM_MODEL": "qwen", "LLM_FALLBACK_MODEL": "nhỏ", "EMBEDDING_MODEL": "m", "EMBEDDING_DIMENSIONS": "64"})
	status, out, errs := troly("doctor", "--json") // lint finds that the few documents name others
	if strings.Count(out, `"ok": true`) < 5 || !strings.Contains(out, "qwen answered") || !strings.Contains(out, "vector of 64 numbers") {
		t.Errorf("doctor ended with %d: %s%s", status, out, errs)
	}
	for name, tt := range map[string]struct {
		change func(*llmtest.Server)
		says   []string
	}{
		"wrong key":    {func(s *llmtest.Server) { s.Key = "khác" }, []string{"denied", "check OPENAI_API_KEY"}},
		"wrong length": {func(s *llmtest.Server) { s.Dimensions = 32; s.Rejects = []string{"dimensions"} }, []string{"vectors of 32 numbers", "set EMBEDDING_DIMENSIONS"}},
		"no such model": {func(s *llmtest.Server) {
			s.Chat = func(llmtest.Call) llmtest.Reply {
				return llmtest.Reply{Status: 404, Message: "The model `qwen` does not exist"}
			}
		}, []string{"does not exist", "check that LLM_MODEL is a model of this server"}},
	} {
		server.Do(func(s *llmtest.Server) {
			s.Key, s.Dimensions, s.Rejects, s.Chat = "", 0, nil, nil
			tt.change(s)
		})
		status, out, _ := troly("doctor", "--json")
		for _, want := range tt.says {
			if status != exitBroke || !strings.Contains(out, want) {
				t.Errorf("%s: doctor ended with %d, want %q in %s", name, status, want, out)
			}
		}
	}
}

// A model that answers a few words at once may be too slow for a resident's question.
func TestDoctorAsksTheModel(t *testing.T) {
	server, troly := withModels(t, map[string]string{"LLM_MODEL": "qwen", "LLM_TIMEOUT": "2"})
	long := func(reply llmtest.Reply) func(llmtest.Call) llmtest.Reply {
		return func(c llmtest.Call) llmtest.Reply {
			if len(c.Prompt()) > 2000 {
				return reply
			}
			return llmtest.Reply{Text: "được"}
		}
	}
	for name, tt := range map[string]struct {
		chat func(llmtest.Call) llmtest.Reply
		ok   bool
		says []string
	}{
		"well":        {honest, true, []string{"prompt of "}},
		"slow":        {long(llmtest.Reply{First: time.Minute}), false, []string{"the extract instead: too slow", "LLM_TIMEOUT"}},
		"no JSON":     {long(llmtest.Reply{Text: "được"}), true, []string{"the extract instead: not the JSON asked for"}},
		"not so long": {long(llmtest.Reply{Status: 400, Message: "the request exceeds the available context size"}), false, []string{"the extract instead: rejected", "OLLAMA_CONTEXT_LENGTH"}},
	} {
		server.Do(func(s *llmtest.Server) { s.Chat = tt.chat })
		_, out, _ := troly("doctor", "--json")
		var checks []check
		if err := json.Unmarshal([]byte(out), &checks); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		i := slices.IndexFunc(checks, func(c check) bool { return c.Name == "LLM_MODEL answers" })
		if i < 0 {
			t.Fatalf("%s: no such check in %s", name, out)
		}
		for _, want := range tt.says {
			if got := checks[i]; got.OK != tt.ok || !strings.Contains(got.Detail+got.Advice, want) {
				t.Errorf("%s: %+v, want ok %v and %q", name, got, tt.ok, want)
			}
		}
	}
}

// Moderation is asked before the model, and doctor tries it.
func TestAskWithModeration(t *testing.T) {
	server, troly := withModels(t, map[string]string{"LLM_MODEL": "qwen", "MODERATION_MODEL": "omni-moderation-latest"})
	server.Do(func(s *llmtest.Server) { s.Chat = honest })
	for _, tt := range []struct{ flags, by, degraded string }{
		{"", "llm", ""},
		{"khai sinh", "extractive", "moderation: flagged"},
	} {
		server.Do(func(s *llmtest.Server) { s.Flags = tt.flags })
		before := len(server.Calls("/v1/chat/completions"))
		_, out, errs := troly("ask", "--json", question)
		var o pipeline.Outcome
		if err := json.Unmarshal([]byte(out), &o); err != nil {
			t.Fatalf("%v: %s%s", err, out, errs)
		}
		asked := len(server.Calls("/v1/chat/completions")) - before
		if o.AnsweredBy != tt.by || strings.Join(o.Degraded, "; ") != tt.degraded || (asked > 0) != (tt.by == "llm") {
			t.Errorf("flagging %q: answered by %q, degraded %q, %d calls; want by %q, degraded %q", tt.flags, o.AnsweredBy, o.Degraded, asked, tt.by, tt.degraded)
		}
	}
	for name, tt := range map[string]struct {
		reply llmtest.Reply
		flags string
		says  string
	}{
		"well":     {says: "a harmless question passed"},
		"has none": {reply: llmtest.Reply{Status: 404}, says: "leave MODERATION_MODEL empty"},
		"flags":    {flags: "giấy", says: "a harmless question was flagged"},
	} {
		server.Do(func(s *llmtest.Server) { s.Moderation, s.Flags = tt.reply, tt.flags })
		if _, out, _ := troly("doctor", "--json"); !strings.Contains(out, tt.says) {
			t.Errorf("%s: doctor says %s, want %q", name, out, tt.says)
		}
	}
}

func TestModelSettings(t *testing.T) {
	for _, tt := range []struct {
		set  map[string]string
		says string
	}{
		{map[string]string{"LLM_MODEL": "x"}, "LLM_MODEL is set, but neither"},
		{map[string]string{"LLM_MODEL": "x", "OPENAI_BASE_URL": "localhost:8000"}, `OPENAI_BASE_URL "localhost:8000"`},
		{map[string]string{"OPENAI_API_KEY": "sk-a b"}, "OPENAI_API_KEY holds a space"},
		{map[string]string{"EMBEDDING_MODEL": "x", "OPENAI_API_KEY": "k"}, "EMBEDDING_DIMENSIONS is not set"},
		{map[string]string{"EMBEDDING_MODEL": "bge-m3"}, "EMBEDDING_MODEL is set, but neither"},
		{map[string]string{"LLM_TIMEOUT": "0"}, "LLM_TIMEOUT 0: write how many seconds"},
		{map[string]string{"MODERATION_MODEL": "omni-moderation-latest"}, "MODERATION_MODEL is set, but not LLM_MODEL"},
		{map[string]string{"LLM_MODEL": "x", "OPENAI_API_KEY": "k", "MODERATION_MODEL": "llama-guard"}, `MODERATION_MODEL "llama-guard"`},
		{map[string]string{"EMBEDDING_DIMENSIONS": "5"}, "but not EMBEDDING_MODEL"},
		{map[string]string{"EMBEDDING_MODEL": "x", "OPENAI_API_KEY": "k", "EMBEDDING_DIMENSIONS": "-1"}, "EMBEDDING_DIMENSIONS -1"},
		{map[string]string{"EMBEDDING_DIMENSIONS": "abc"}, `EMBEDDING_DIMENSIONS "abc": not a number`},
		{map[string]string{"LLM_FALLBACK_MODEL": "y"}, "but not LLM_MODEL"},
		{map[string]string{"LLM_DAILY_TOKENS": "-3"}, "LLM_DAILY_TOKENS -3"},
		{map[string]string{"TROLY_LOG_LEVEL": "loud"}, `TROLY_LOG_LEVEL "loud": not a level`},
	} {
		t.Run(tt.says, func(t *testing.T) {
			t.Setenv("TROLY_DATA_DIR", t.TempDir())
			for name, value := range tt.set {
				t.Setenv(name, value)
			}
			var out, errs strings.Builder
			status := run(context.Background(), []string{"ask", "x"}, strings.NewReader(""), &out, &errs)
			if status != exitUsage || !strings.Contains(errs.String(), tt.says) || strings.Count(errs.String(), "\n") != 1 {
				t.Errorf("%v: ended with %d, %q, want one line with %q", tt.set, status, errs.String(), tt.says)
			}
		})
	}
}

// The set in model mode, judged by the model: figures of both are kept, and a judge
// that lets itself be told its verdict is not used.
func TestEvalWithModel(t *testing.T) {
	server, troly := withModels(t, map[string]string{"LLM_MODEL": "qwen"})
	const careful = `{"reason":"x","quote":"","verdict":"not_found"}`
	server.Do(func(s *llmtest.Server) {
		s.Chat = func(c llmtest.Call) llmtest.Reply {
			prompt := c.Prompt()
			switch {
			case strings.Contains(prompt, "nhận định có thể kiểm chứng"):
				return llmtest.Reply{Text: `{"claims":["Nộp hồ sơ ở xã."]}`}
			case strings.Contains(prompt, "người kiểm chứng"):
				return llmtest.Reply{Text: careful}
			case strings.Contains(prompt, "người chấm bài"):
				return llmtest.Reply{Text: strings.Replace(careful, "not_found", "not_support", 1)}
			}
			return honest(c)
		}
	})
	dir := filepath.Join(t.TempDir(), "run")
	status, out, errs := troly("eval", "run", "--set", "residents", "--variants", "plain", "--range", "0:2", "--stage", "claims,judge", "--out", dir)
	if status != 0 && status != 3 {
		t.Fatalf("eval run ended with %d: %s%s", status, out, errs)
	}
	if !strings.Contains(errs, "qwen judges answers it has worded itself") {
		t.Errorf("a model that judges itself is not named: %s", errs)
	}
	samples, err := os.ReadFile(filepath.Join(dir, "samples.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(samples), `"answered_by":"llm"`) || !strings.Contains(string(manifest), "qwen at "+server.URL) || !strings.Contains(string(manifest), `"prompts"`) {
		t.Errorf("samples %s\nmanifest %s", samples, manifest)
	}
	if status, out, errs := troly("eval", "calibrate", dir, "--draw", "9"); status != 0 || !strings.Contains(out, `"text":"Nộp hồ sơ ở xã."`) || !strings.Contains(out, `"sources":["khai-sinh/`) {
		t.Errorf("items to label, with where to look them up: %d, %s%s", status, out, errs)
	}
	server.Do(func(s *llmtest.Server) {
		s.Chat = func(llmtest.Call) llmtest.Reply {
			return llmtest.Reply{Text: `{"reason":"x","quote":"Nộp hồ sơ tại xã nơi cư trú.","verdict":"supported"}`}
		}
	})
	t.Setenv("LLM_MODEL", "other")
	if status, _, errs := troly("eval", "run", "--range", "0:1", "--stage", "judge"); status == 0 || !strings.Contains(errs, "lets itself be told its verdict") {
		t.Errorf("with a judge that believes anything: %d, %s", status, errs)
	}
}

// Each repeat asks the model anew, or its answers would seem steadier than they are;
// so does the second try at a verdict that could not be read. The judge is a model of
// its own, and its verdicts need no answer again.
func TestEvalAsksAnew(t *testing.T) {
	server, troly := withModels(t, map[string]string{"LLM_MODEL": "qwen", "JUDGE_MODEL": "strict"})
	server.Do(func(s *llmtest.Server) {
		s.Chat = func(c llmtest.Call) llmtest.Reply {
			switch prompt := c.Prompt(); {
			case c.Body["model"] != "strict":
				return honest(c)
			case strings.Contains(prompt, "nhận định có thể kiểm chứng"):
				return llmtest.Reply{Text: "không có gì"} // no list of claims
			case strings.Contains(prompt, "người kiểm chứng"):
				return llmtest.Reply{Text: `{"reason":"x","quote":"","verdict":"not_found"}`}
			}
			return llmtest.Reply{Text: `{"reason":"x","quote":"","verdict":"not_support"}`}
		}
	})
	asked := func() map[string]int { // model and prompt -> calls
		calls := make(map[string]int)
		for _, c := range server.Calls("/v1/chat/completions") {
			calls[fmt.Sprint(c.Body["model"], " ", c.Prompt())]++
		}
		return calls
	}
	dir := filepath.Join(t.TempDir(), "run")
	if status, out, errs := troly("eval", "run", "--set", "residents", "--variants", "plain", "--range", "0:1", "--repeat", "2", "--concurrency", "1", "--no-cache", "--out", dir); status != 0 {
		t.Fatalf("eval run ended with %d: %s%s", status, out, errs)
	}
	worded := asked()
	for prompt, n := range worded {
		if n != 2 {
			t.Errorf("asked %d times, want once a repeat: %s", n, prompt)
		}
	}
	if len(worded) == 0 {
		t.Fatal("the model was not asked")
	}
	status, out, errs := troly("eval", "run", "--out", dir, "--resume", "--stage", "judge")
	if status != 0 || strings.Contains(errs, "worded itself") {
		t.Fatalf("eval run --stage judge ended with %d: %s%s", status, out, errs)
	}
	for prompt, n := range asked() {
		if n != worded[prompt] && strings.HasPrefix(prompt, "qwen ") {
			t.Errorf("judging asked for an answer again: %s", prompt)
		}
		if strings.Contains(prompt, "nhận định có thể kiểm chứng") && n != 4 {
			t.Errorf("claims of two samples that cannot be read were asked for %d times, want twice each", n)
		}
	}
	if !strings.Contains(out, "faithfulness n/a (2 without verdict)") {
		t.Errorf("what the judge said is not told: %s", out)
	}
	verdicts, err := os.ReadFile(filepath.Join(dir, "judge.jsonl"))
	if err != nil || strings.Count(string(verdicts), `"judge_faithfulness":"judge_parse"`) != 2 {
		t.Errorf("verdicts %s, %v; want two that could not be read", verdicts, err)
	}
}
