// Package archtest holds the floor plan as a test: who may import whom.
package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors of the plan; a package imports only packages on lower floors. A new
// package needs a sentence in the design saying why no existing room will do.
var floors = map[string]int{
	"internal/vietnamese": 0, "internal/privacy": 0, "internal/statistics": 0, "knowledge": 0, "prompts": 0, "eval": 0,
	"internal/vectorstore": 1, "internal/llm": 1, "internal/database": 1, "internal/corpus": 1, "internal/trec": 1,
	"internal/retrieval": 2, "internal/ingest": 2, "internal/openai": 2, "internal/judge": 2, "internal/qdrant": 2, "internal/webhook": 2,
	"internal/pipeline":     3,
	"internal/conversation": 4,
	"internal/telegram":     5, "internal/zalo": 5, "internal/web": 5, "internal/evaluation": 5,
	// The platforms played on this machine, for tests and the simulator of cmd/troly.
	"internal/telegram/telegramtest": 5, "internal/zalo/zalotest": 5,
	"cmd/troly": 6,
}

// suites are test helpers: on the floor of what they test, imported by tests only.
var suites = []string{"internal/vectorstore/vectorstoretest", "internal/llm/llmtest", "internal/qdrant/qdranttest", "internal/database/databasetest", "internal/archtest"}

// tools make generated files and are not part of the program.
var tools = []string{"internal/vietnamese/mktable", "internal/corpus/mkunits"}

// offline is what answers with nothing but the program: it cannot dial out.
var offline = []string{
	"internal/vietnamese", "internal/privacy", "internal/statistics", "knowledge", "prompts", "eval", "internal/vectorstore", "internal/llm", "internal/corpus",
	"internal/trec", "internal/retrieval", "internal/ingest", "internal/pipeline", "internal/conversation", "internal/evaluation",
}

// only says which package alone may import a module or read the environment.
var only = map[string]string{
	"github.com/sashabaranov/go-openai":                  "internal/openai",
	"github.com/qdrant/go-client":                        "internal/qdrant",
	"github.com/go-telegram-bot-api/telegram-bot-api/v5": "internal/telegram",
	"github.com/joho/godotenv":                           "cmd/troly",
	"github.com/caarlos0/env":                            "cmd/troly",
}

func TestFloors(t *testing.T) {
	root := filepath.Join("..", "..")
	packages := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if name := e.Name(); path != root && (strings.HasPrefix(name, ".") && name != "..") || name == "data" || name == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		packages++
		checkFile(t, path, filepath.ToSlash(filepath.Dir(rel)), strings.HasSuffix(path, "_test.go"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if packages < 20 {
		t.Fatalf("looked at %d Go files: the walk does not reach the repository", packages)
	}
}

func checkFile(t *testing.T, path, dir string, test bool) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	floor, known := floors[dir]
	if !known && !slices.Contains(suites, dir) && !slices.Contains(tools, dir) {
		t.Errorf("package %s is not in the floor plan", dir)
		return
	}
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for module, home := range only {
			if (name == module || strings.HasPrefix(name, module+"/")) && dir != home && !strings.HasPrefix(dir, home+"/") {
				t.Errorf("%s imports %s: only %s may", path, name, home)
			}
		}
		if (name == "net" || name == "net/http") && !test && slices.Contains(offline, dir) {
			t.Errorf("%s imports %s: nothing on the offline path dials out", path, name)
		}
		target, ours := strings.CutPrefix(name, "troly/")
		if !ours || slices.Contains(suites, dir) {
			continue
		}
		if slices.Contains(suites, target) {
			if !test {
				t.Errorf("%s imports the test suite %s outside a test", path, target)
			}
			continue
		}
		if above, ok := floors[target]; !ok {
			t.Errorf("%s imports %s, which is not in the floor plan", path, target)
		} else if known && !test && above >= floor {
			t.Errorf("%s (floor %d) imports %s (floor %d): arrows only go down", path, floor, target, above)
		}
	}
}

// Only cmd/troly reads the environment; everything else is given what it needs.
func TestOnlyTheCommandReadsTheEnvironment(t *testing.T) {
	for _, root := range []string{"internal", "knowledge", "prompts", "eval"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, call := range []string{"os." + "Getenv(", "os." + "LookupEnv(", "os." + "Environ(", "os." + "ExpandEnv(", "syscall." + "Getenv("} {
				if strings.Contains(string(data), call) {
					t.Errorf("%s calls %s): settings are read in cmd/troly only", path, call)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
