package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"troly/internal/qdrant/qdranttest"
)

func TestMain(m *testing.M) {
	testscript.Main(cleaning{m}, map[string]func(){
		"troly": main,
	})
}

// cleaning runs the tests and removes what they share.
type cleaning struct{ *testing.M }

func (c cleaning) Run() int {
	defer sharedAssistant.close()
	defer postgres.Stop()
	return c.M.Run()
}

// TestScripts runs the command lines in testdata/script as people type them.
func TestScripts(t *testing.T) {
	if underRace {
		t.Skip("whole programs, each ten times slower: .ci/run tries them without the race detector")
	}
	server := qdranttest.New(t)
	warm := warmDataDir(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			data := filepath.Join(env.WorkDir, "data")
			env.Setenv("TROLY_DATA_DIR", data)
			env.Setenv("A_QDRANT", server.URL)
			if strings.HasSuffix(env.WorkDir, "script-store") {
				return nil // begins with an empty one
			}
			return copyDataDir(data, warm)
		},
	})
}

// warmDataDir is a data directory that has been used once, so that not every script
// has to learn and index the knowledge anew.
func warmDataDir(t *testing.T) string {
	dir := t.TempDir()
	var out, errs strings.Builder
	if status := run(t.Context(), []string{"ask", "--data", dir, "khai sinh"}, strings.NewReader(""), &out, &errs); status != 0 {
		t.Fatalf("first run: status %d, %s", status, errs.String())
	}
	return dir
}

// copyDataDir copies files with the time they were written, by which the saved index
// knows its store.
func copyDataDir(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	files, err := os.ReadDir(from)
	for _, f := range files {
		if info, infoErr := f.Info(); infoErr == nil {
			err = errors.Join(err, os.Chtimes(filepath.Join(to, f.Name()), info.ModTime(), info.ModTime()))
		}
	}
	return err
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

// Every command has examples, and they are lines that it takes.
func TestExamples(t *testing.T) {
	var all []*cobra.Command
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		all = append(all, cmd)
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&console{}))
	tried := 0
	for _, cmd := range all {
		if cmd.Example == "" {
			t.Errorf("%s --help has no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " > ")
			line, _, _ = strings.Cut(line, "  #")
			_, after, ok := strings.Cut(" "+line, " troly ")
			if !ok {
				continue // of another program
			}
			var args []string
			for _, m := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`).FindAllStringSubmatch(after, -1) {
				args = append(args, m[1]+m[2]+m[3])
			}
			tried++
			root := newRoot(&console{}) // flags keep what they are given
			found, rest, err := root.Find(args)
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err == nil {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err == nil {
				err = found.ValidateRequiredFlags()
			}
			if err != nil || !found.Runnable() {
				t.Errorf("%s --help: %q: %v", cmd.CommandPath(), line, err)
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d examples were tried", tried)
	}
}

// TestEnvExample keeps .env.example complete: every setting, with its default.
func TestEnvExample(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	lines := settingLines(reflect.TypeFor[settings]())
	if len(lines) < 10 {
		t.Fatalf("only %d settings were found: %q", len(lines), lines)
	}
	for _, line := range lines {
		if !strings.Contains(string(data), "\n"+line+"\n") {
			t.Errorf(".env.example lacks %q", line)
		}
	}
	lines = append(lines, "POSTGRES_PASSWORD=") // docker compose reads it
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") && !slices.Contains(lines, line) {
			t.Errorf(".env.example has %q, which nothing reads", line)
		}
	}
}

// settingLines are NAME=default for every setting of a struct and those in it.
func settingLines(part reflect.Type) []string {
	var lines []string
	for field := range part.Fields() {
		if name := field.Tag.Get("env"); name != "" {
			lines = append(lines, name+"="+field.Tag.Get("envDefault"))
		} else if field.Type.Kind() == reflect.Struct {
			lines = append(lines, settingLines(field.Type)...)
		}
	}
	return lines
}

func TestWrongSettings(t *testing.T) {
	for _, tt := range []struct{ name, value, says string }{
		{"QDRANT_URL", "localhost:6334", "write http://host:6334"},
		{"QDRANT_URL", "http://localhost:6333", "write the gRPC port"},
		{"QDRANT_COLLECTION", "a/b", "write letters"},
		{"QDRANT_SHARDS", "0", "1 to 1000"},
		{"QDRANT_SHARDS", "many", "not a number"},
		{"QDRANT_REPLICAS", "-1", "not a number"},
		{"QDRANT_WRITE_CONSISTENCY", "2", "no write could succeed"},
		{"TROLY_LOG_LEVEL", "loud", "not a level"},
	} {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			t.Setenv("TROLY_DATA_DIR", t.TempDir())
			t.Setenv("QDRANT_URL", "http://127.0.0.1:1")
			t.Setenv(tt.name, tt.value)
			var out, errs strings.Builder
			status := run(context.Background(), []string{"ask", "x"}, strings.NewReader(""), &out, &errs)
			if got := errs.String(); status != exitUsage || !strings.HasPrefix(got, "troly: "+tt.name) || !strings.Contains(got, tt.says) || strings.Count(got, "\n") != 1 {
				t.Errorf("status %d, %q, want %d and one line that names it and says %q", status, got, exitUsage, tt.says)
			}
		})
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

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// A command whose result nobody got has failed, and says so.
func TestOutputThatCannotBePrinted(t *testing.T) {
	for _, args := range [][]string{{"knowledge", "show", "khai-sinh"}, {"knowledge", "list"}, {"--help"}} {
		var errs strings.Builder
		if status := run(context.Background(), args, strings.NewReader(""), full{}, &errs); status != exitBroke || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("troly %s to a full disk ended with %d and said %q, want %d and why", strings.Join(args, " "), status, errs.String(), exitBroke)
		}
	}
}
