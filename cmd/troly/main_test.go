package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"troly": main,
	})
}

// TestScripts runs the command lines in testdata/script as people type them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("TROLY_DATA_DIR", filepath.Join(env.WorkDir, "data"))
			return nil
		},
	})
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  string
	}{
		{"", 10, ""},
		{"một hai ba", 7, "một hai\nba"},
		{"- một hai ba", 7, "- một\n  hai\n  ba"},
		{"dàiquámộtdòng x", 5, "dàiquámộtdòng\nx"},
	} {
		if got := wrap(tt.in, tt.width); got != tt.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}

// TestEnvExample keeps .env.example complete: every setting, with its default.
func TestEnvExample(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"TROLY_ADDR=127.0.0.1:8080", "TROLY_DATA_DIR=./data", "TROLY_KNOWLEDGE_DIR=", "TROLY_LOG_LEVEL=warn"} {
		if !strings.Contains(string(data), "\n"+line+"\n") {
			t.Errorf(".env.example lacks %q", line)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	t.Setenv("TROLY_DATA_DIR", t.TempDir())
	var out, errs strings.Builder
	if status := run(ctx, []string{"ingest"}, strings.NewReader(""), &out, &errs); status != exitBroke || !strings.Contains(errs.String(), "interrupted") && !strings.Contains(errs.String(), "cancel") {
		t.Errorf("an interrupted ingest ended with %d, %q", status, errs.String())
	}
}
