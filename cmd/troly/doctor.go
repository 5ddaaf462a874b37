package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"troly/internal/corpus"
	"troly/internal/llm"
	"troly/internal/pipeline"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
	"troly/prompts"
)

// check is one line of the doctor's report.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"` // what to do when it is not OK
}

func doctorCommand(con *console, opts *options) *cobra.Command {
	var asJSON, health bool
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Check every setting and part, and say what to do about each",
		Example: "  troly doctor\n  troly doctor --health   # only ask a running `troly serve`, for container health checks",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			if health {
				return askReady(cmd.Context(), s.Addr)
			}
			checks := examine(cmd.Context(), s)
			failed := 0
			for _, c := range checks {
				if !c.OK {
					failed++
				}
			}
			if asJSON {
				err = con.json(checks)
			} else {
				printChecks(con, checks)
			}
			if err == nil && failed > 0 {
				return errReported
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the checks as JSON")
	cmd.Flags().BoolVar(&health, "health", false, "only ask a running server whether it is ready")
	return cmd
}

func printChecks(con *console, checks []check) {
	st := con.style()
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	for _, c := range checks {
		state := st.green("ok  ")
		if !c.OK {
			state = st.red("FAIL")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", state, c.Name, c.Detail)
		if !c.OK && c.Advice != "" {
			fmt.Fprintf(w, "\t\t-> %s\n", c.Advice)
		}
	}
	w.Flush()
}

// examine runs all checks; a later one that needs an earlier one says so.
func examine(ctx context.Context, s settings) []check {
	checks := []check{dataDir(s)}
	problems, err := corpus.Lint(s.knowledgeFS(), corpus.Today(time.Now()))
	c := check{Name: "knowledge", OK: err == nil && len(problems) == 0, Advice: "run troly knowledge lint"}
	lib, _, loadErr := corpus.Load(s.knowledgeFS())
	switch {
	case err != nil:
		c.Detail = err.Error()
	case loadErr != nil:
		c.OK, c.Detail = false, loadErr.Error()
	default:
		c.Detail = fmt.Sprintf("%d documents, %d problems (%s)", len(lib.Documents), len(problems), s.knowledgeName())
	}
	checks = append(checks, c)
	if lib == nil {
		return checks
	}
	if s.Qdrant.URL != "" {
		checks = append(checks, examineQdrant(ctx, s, lib)...)
	}
	checks = append(checks, wholeWay(ctx, s, lib))
	checks = append(checks, s.Models.examine(ctx)...)
	if slices.ContainsFunc(checks, func(c check) bool { return c.OK && c.Name == "LLM_MODEL" }) {
		checks = append(checks, modelAnswers(ctx, s, lib))
	}
	return append(checks, s.Telemetry.examine(ctx)...)
}

// dataDir checks that the data directory can be written.
func dataDir(s settings) check {
	c := check{Name: "TROLY_DATA_DIR", Advice: "make the folder writable, or name another; answers work meanwhile, from memory"}
	if err := os.MkdirAll(s.DataDir, 0o755); err != nil {
		c.Detail = err.Error()
		return c
	}
	f, err := os.CreateTemp(s.DataDir, "doctor.*.tmp")
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	f.Close()
	os.Remove(f.Name())
	dir, err := filepath.Abs(s.DataDir)
	if err != nil {
		dir = s.DataDir
	}
	c.OK, c.Detail = true, dir+" can be written"
	return c
}

// wholeWay brings the store up to date and asks it a question.
func wholeWay(ctx context.Context, s settings, lib *corpus.Library) check {
	c := check{Name: "question", Advice: "delete the data directory and run troly ingest"}
	store, note := vectorstore.OpenEmbedded(ctx, s.file("vectors.db"), retrieval.Schema(s.Models.dimensions()))
	if note != nil {
		store.Close()
		c.Detail = note.Error()
		return c
	}
	defer store.Close()
	if err := bringUpToDate(ctx, store, lib); err != nil {
		c.Detail = err.Error()
		if errors.Is(err, vectorstore.ErrNotSaved) {
			c.Advice = "make room where TROLY_DATA_DIR is, or name another; answers work meanwhile, from memory, and each start takes seconds"
		}
		return c
	}
	start := time.Now()
	outcome := pipeline.New(lib, retrieval.New(lib, store, nil, retrieval.Options{}), pipeline.Options{}).Ask(ctx, pipeline.Question{Text: lib.Documents[0].Title})
	c.OK = outcome.Status != pipeline.Failed
	c.Detail = fmt.Sprintf("%q: %s in %.1f ms", lib.Documents[0].Title, outcome.Status, float64(time.Since(start).Microseconds())/1000)
	return c
}

// modelAnswers lets the model answer a question as residents ask them. The little that
// examine tries says nothing of how long the model takes over a prompt of thousands of
// tokens, nor whether the server cuts its beginning off. A model that writes what does
// not pass the checks is in order; how often it does is what troly eval run measures.
func modelAnswers(ctx context.Context, s settings, lib *corpus.Library) check {
	c := check{Name: "LLM_MODEL answers"}
	set, err := prompts.Load()
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	store, note := vectorstore.OpenEmbedded(ctx, s.file("vectors.db"), retrieval.Schema(s.Models.dimensions()))
	if note != nil {
		c.Detail = errors.Join(note, store.Close()).Error()
		return c
	}
	defer store.Close()
	alone := s.Models
	alone.Fallback = ""
	start := time.Now()
	outcome := pipeline.New(lib, retrieval.New(lib, store, nil, retrieval.Options{}), pipeline.Options{
		Model: alone.generator(nil), Prompts: set, AnswerIn: alone.answerIn(),
	}).Ask(ctx, pipeline.Question{Text: lib.Documents[0].Title})
	took := fmt.Sprintf("%q: in %.1f s", lib.Documents[0].Title, time.Since(start).Seconds())
	if outcome.AnsweredBy == "llm" {
		c.OK, c.Detail = true, fmt.Sprintf("%s, prompt of %d tokens", took, outcome.Usage.PromptTokens)
		return c
	}
	why, ofModel := "", false
	for _, d := range outcome.Degraded {
		if rest, ok := strings.CutPrefix(d, "llm: "); ok {
			why, ofModel = rest, true
		}
	}
	c.Detail = took + ", the extract instead: " + why
	switch kind := llm.Kind(why); kind {
	case llm.Rejected: // it took a short one
		c.Advice = "give the server a context of 8192 tokens or more (Ollama: OLLAMA_CONTEXT_LENGTH, llama.cpp: -c, vLLM: --max-model-len)"
	case llm.Slow, llm.Unavailable, llm.RateLimited, llm.Cut, llm.Garbage, llm.Denied, llm.Busy, llm.Open, llm.Exhausted:
		c.Advice = advice("LLM_MODEL", kind)
	default:
		c.OK = ofModel
	}
	return c
}

// askReady asks the server at addr whether it is ready.
func askReady(ctx context.Context, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return usageError{fmt.Errorf("TROLY_ADDR %q: %w", addr, err)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return fmt.Errorf("not ready: %s %s", resp.Status, body)
	}
	return nil
}
