package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// points is the list of conformance of the chat channels: each point is held by tests
// that begin with its name.
var points = []struct {
	letter string
	last   int
	about  string
}{
	{"T", 35, "Telegram"},
	{"Z", 28, "Zalo Official Account"},
	{"B", 5, "Zalo Bot Platform"},
	{"X", 9, "all channels"},
}

// wholeWay are the points that hold only if the parts hold together, so one of their
// tests goes all the way through the program.
var wholeWay = []string{
	"T02", "T04", "T05", "T06", "T09", "T23", "T24", "T26", "T30", "T31", "T34", "Z05", "Z10", "Z14",
	"X01", "X02", "X03", "X04", "X05", "X06", "X07", "X08", "X09",
}

var pointTest = regexp.MustCompile(`^Test([TZBX][0-9]{2})[A-Z]`)

// TestEveryPointOfConformanceHasATest fails when a point of the list is held by no
// test, and when a test claims a point that is not on it.
func TestEveryPointOfConformanceHasATest(t *testing.T) {
	root := filepath.Join("..", "..")
	held := map[string][]string{} // by point: package and name of the tests
	for _, tests := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, tests), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			dir, err := filepath.Rel(root, filepath.Dir(path))
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Recv != nil {
					continue
				}
				if m := pointTest.FindStringSubmatch(f.Name.Name); m != nil && !skipsAlways(f) {
					held[m[1]] = append(held[m[1]], filepath.ToSlash(dir)+" "+f.Name.Name)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	all := 0
	for _, group := range points {
		for n := 1; n <= group.last; n++ {
			all++
			point := fmt.Sprintf("%s%02d", group.letter, n)
			tests := held[point]
			delete(held, point)
			switch {
			case len(tests) == 0:
				t.Errorf("%s (%s) is held by no test: none is called Test%s…", point, group.about, point)
			case slices.Contains(wholeWay, point) && !slices.ContainsFunc(tests, func(s string) bool { return strings.HasPrefix(s, "cmd/troly ") }):
				t.Errorf("%s (%s) is held by %s only, and by no test of cmd/troly through the whole program", point, group.about, strings.Join(tests, ", "))
			default:
				t.Logf("%s: %s", point, strings.Join(tests, ", "))
			}
		}
	}
	if all != 77 {
		t.Errorf("the list has %d points, want 77", all)
	}
	for point, tests := range held {
		t.Errorf("%s is on no list, but %s claim it", point, strings.Join(tests, ", "))
	}
}

// skipsAlways: a test that begins with a skip holds nothing.
func skipsAlways(f *ast.FuncDecl) bool {
	if f.Body == nil || len(f.Body.List) == 0 {
		return true
	}
	call, ok := f.Body.List[0].(*ast.ExprStmt)
	if !ok {
		return false
	}
	what, ok := call.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, ok := what.Fun.(*ast.SelectorExpr)
	return ok && strings.HasPrefix(name.Sel.Name, "Skip")
}
