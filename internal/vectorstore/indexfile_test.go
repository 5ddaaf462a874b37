package vectorstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var indexSchema = Schema{Dense: map[string]int{"dense": 2}, Sparse: map[string]bool{"words": true, "class": false}}

func indexed(t testing.TB, path string) *Embedded {
	t.Helper()
	s, note := OpenEmbedded(context.Background(), path, indexSchema)
	if note != nil {
		t.Fatal(note)
	}
	return s
}

// marked makes a store of two points with its index saved.
func marked(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "v.db")
	s := indexed(t, path)
	defer s.Close()
	points := []Point{
		{ID: "a", Document: "khai-sinh", Section: "lệ-phí", ValidTo: "2026-12-31", Dense: map[string][]float32{"dense": {1, 0}}, Sparse: map[string]Sparse{"words": {[]uint32{1, 9}, []float32{1, 2}}}},
		{ID: "b", Document: "ket-hon", Audience: "official", Sparse: map[string]Sparse{"words": {[]uint32{9}, []float32{3}}, "class": {[]uint32{4}, []float32{-1}}}},
	}
	if err := s.Upsert(context.Background(), points); err != nil {
		t.Fatal(err)
	}
	if err := s.Mark(context.Background(), "v1"); err != nil {
		t.Fatal(err)
	}
	return path
}

// A start with a saved index reads no point, finds the same, and can be changed.
func TestIndexFile(t *testing.T) {
	path := marked(t)
	s := indexed(t, path)
	defer s.Close()
	if s.points != nil || s.current.Load() == nil {
		t.Fatal("the saved index was not used")
	}
	query := []Query{
		{Using: "words", Sparse: &Sparse{[]uint32{9}, []float32{1}}, Limit: 5},
		{Using: "dense", Dense: []float32{1, 1}, Limit: 5, Filter: Filter{AsOf: "2026-12-31"}},
	}
	got, err := s.Search(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(indexName(path)); err != nil {
		t.Fatal(err)
	}
	without := indexed(t, path)
	defer without.Close()
	if without.points == nil {
		t.Fatal("an index was used that is not there")
	}
	if want, _ := without.Search(context.Background(), query); !reflect.DeepEqual(got, want) {
		t.Errorf("with the saved index %v, want %v", got, want)
	}
	if hashes, err := s.Hashes(context.Background()); err != nil || len(hashes) != 2 {
		t.Errorf("Hashes = %v, %v, want two", hashes, err)
	}
	if err := s.Delete(context.Background(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Search(context.Background(), query[:1]); len(got[0]) != 1 || got[0][0].ID != "b" {
		t.Errorf("after Delete found %v, want b only", got[0])
	}
}

// An index that is damaged, missing or of another state of the file is not used, and is
// there again after Save; that it was damaged is said.
func TestIndexFileNotTrusted(t *testing.T) {
	change := func(how func(data []byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			data, err := os.ReadFile(indexName(path))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(indexName(path), how(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, path string)
		said  bool
	}{
		{"flipped byte", change(func(data []byte) []byte { data[len(data)/2] ^= 1; return data }), true},
		{"flipped bit of the format", change(func(data []byte) []byte { data[3] ^= 1; return data }), true},
		{"cut short", change(func(data []byte) []byte { return data[:len(data)/2] }), true},
		{"empty", change(func([]byte) []byte { return nil }), true},
		{"missing", func(t *testing.T, path string) {
			if err := os.Remove(indexName(path)); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"of another time", func(t *testing.T, path string) {
			if err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := marked(t)
			tt.spoil(t, path)
			s, note := OpenEmbedded(context.Background(), path, indexSchema)
			t.Cleanup(func() { s.Close() })
			if (note != nil) != tt.said || note != nil && !strings.Contains(note.Error(), "damaged") {
				t.Errorf("note = %v, want one that says damaged: %v", note, tt.said)
			}
			if s.points == nil {
				t.Error("the saved index was used")
			}
			if err := s.Save(context.Background()); err != nil {
				t.Error(err)
			}
			again := indexed(t, path)
			defer again.Close()
			if again.points != nil {
				t.Error("no index was saved again")
			}
		})
	}
	if s, err := readIndex(marked(t), "v1", Schema{Dense: map[string]int{"dense": 3}}); s != nil || err != nil {
		t.Errorf("an index with other vectors was used, or is called damaged: %v", err)
	}
}

// An index of a file that has changed since is not used.
func TestIndexFileOutdated(t *testing.T) {
	path := marked(t)
	s := indexed(t, path)
	if err := s.Delete(context.Background(), []string{"b"}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Save(context.Background()), s.Close()); err != nil { // a state without a mark has no index
		t.Fatal(err)
	}
	again := indexed(t, path)
	defer again.Close()
	if again.points == nil || len(again.points) != 1 {
		t.Errorf("points %v, want the one that was left, read from the file", again.points)
	}
}

func FuzzReadSnapshot(f *testing.F) {
	w := &writer{}
	newSnapshot(indexSchema, []*Point{{ID: "a", Sparse: map[string]Sparse{"words": {[]uint32{1}, []float32{1}}}}}).write(w)
	f.Add(w.b)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &reader{b: data}
		s := readSnapshot(r)
		if !r.bad && s.fits(indexSchema) {
			if hits := s.search(Query{Using: "dense", Dense: []float32{1, 0}, Limit: 3}); len(hits) > 3 {
				t.Errorf("search of %x found %d, want 3 at most", data, len(hits))
			}
		}
	})
}
