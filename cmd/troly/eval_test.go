package main

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"troly/internal/evaluation"
)

// TestEvalExitStatus: what a script in continuous integration looks at.
func TestEvalExitStatus(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TROLY_DATA_DIR", filepath.Join(dir, "data"))
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	gates := func(name, gate string) string {
		return write(name, `{"schema_version":1,"gates":[`+gate+`]}`)
	}
	command := func(ctx context.Context, args ...string) (int, string) {
		var out, errs strings.Builder
		status := run(ctx, append([]string{"eval"}, args...), strings.NewReader(""), &out, &errs)
		return status, errs.String()
	}
	runDir := filepath.Join(dir, "run")
	ask := []string{"run", "--set", "residents", "--range", "0:4", "--variants", "plain", "--out", runDir}
	over, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		args []string
		want int
	}{
		{"a run", t.Context(), ask, exitDone},
		{"the same folder again", t.Context(), ask, exitUsage},
		{"a gate that holds", t.Context(), []string{"gate", runDir, "--gates", gates("a.json", `{"id":"a","kind":"floor","metric":"pass","limit":0,"on":"mean"}`)}, exitDone},
		{"a gate that fails", t.Context(), []string{"gate", runDir, "--gates", gates("b.json", `{"id":"a","kind":"ceiling","metric":"language_ok","limit":0,"on":"mean"}`)}, exitGate},
		{"too few to say", t.Context(), []string{"gate", runDir, "--strict", "--gates", gates("c.json", `{"id":"a","kind":"floor","metric":"pass","limit":0}`)}, exitInconclusive},
		{"too few to say, not strict", t.Context(), []string{"gate", runDir, "--gates", gates("c.json", `{"id":"a","kind":"floor","metric":"pass","limit":0}`)}, exitDone},
		{"bad gates", t.Context(), []string{"gate", runDir, "--gates", write("d.json", "{")}, exitUsage},
		{"no such flag", t.Context(), []string{"run", "--colour"}, exitUsage},
		{"too many arguments", t.Context(), []string{"compare", runDir}, exitUsage},
		{"interrupted", over, []string{"run", "--set", "residents", "--out", filepath.Join(dir, "cut")}, exitInterrupted},
	} {
		if tt.ctx == over {
			cancelSoon(t, filepath.Join(dir, "cut", "samples.jsonl"), cancel)
		}
		if got, errs := command(tt.ctx, tt.args...); got != tt.want {
			t.Errorf("%s: eval %s ends with %d, want %d; it said %q", tt.name, strings.Join(tt.args, " "), got, tt.want, errs)
		}
	}
	// Errors beyond --max-errors make a run incomplete, whatever its gates say.
	samples := filepath.Join(runDir, "samples.jsonl")
	data, err := os.ReadFile(samples)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(samples, []byte(strings.Replace(string(data), `"error":""`, `"error":"disk"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, errs := command(t.Context(), "gate", runDir, "--gates", filepath.Join(dir, "b.json")); got != exitIncomplete {
		t.Errorf("gate on an incomplete run ends with %d, want %d; it said %q", got, exitIncomplete, errs)
	}
}

// cancelSoon cancels when the first sample is there.
func cancelSoon(t *testing.T, samples string, cancel func()) {
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		defer cancel()
		for t.Context().Err() == nil {
			if info, err := os.Stat(samples); err == nil && info.Size() > 0 {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
}

func TestSources(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here")
	}
	t.Chdir(t.TempDir())
	git := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v, %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(text string) {
		if err := os.WriteFile("go.mod", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "-q")
	write("module troly\n")
	if got := sources(); got != nil {
		t.Errorf("sources without a revision: %v", got)
	}
	git("add", ".")
	git("commit", "-qm", "a")
	want := map[string]string{"git_revision": git("rev-parse", "HEAD"), "git_modified": "false"}
	if got := sources(); !maps.Equal(got, want) {
		t.Errorf("sources() = %v, want %v", got, want)
	}
	write("module troly\n\ngo 1.26\n")
	if got := sources(); got["git_modified"] != "true" {
		t.Errorf("changed sources: %v", got)
	}
	write("module other\n")
	if got := sources(); got != nil {
		t.Errorf("in another project: %v", got)
	}
}

func TestProgressLine(t *testing.T) {
	for _, tt := range []struct {
		p    evaluation.Progress
		want string
	}{
		{evaluation.Progress{Total: 400}, "[........................] 0/400"},
		{evaluation.Progress{Done: 120, Kept: 20, Total: 400, Errors: 2, Elapsed: 4 * time.Second, Left: 11200 * time.Millisecond}, "[###.......] 120/400 25/s, 2 errors, 11s left"},
		{evaluation.Progress{Done: 4, Total: 4, Tokens: 90, Elapsed: 2 * time.Second}, "[###########] 4/4 2/s, 90 tokens"},
	} {
		if got := progressLine(tt.p, 33); got != tt.want {
			t.Errorf("progressLine(%+v) = %q, want %q", tt.p, got, tt.want)
		}
	}
}
