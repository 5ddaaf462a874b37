package vectorstore

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"
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

// An index that is damaged or of another state of the file is not used.
func TestIndexFileNotTrusted(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"flipped byte": func(t *testing.T, path string) {
			data, err := os.ReadFile(indexName(path))
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			if err := os.WriteFile(indexName(path), data, 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"cut short": func(t *testing.T, path string) {
			if err := os.Truncate(indexName(path), 100); err != nil {
				t.Fatal(err)
			}
		},
		"file changed since": func(t *testing.T, path string) {
			s := indexed(t, path)
			defer s.Close()
			if err := s.Delete(context.Background(), []string{"b"}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := marked(t)
			spoil(t, path)
			s := indexed(t, path)
			defer s.Close()
			if s.points == nil {
				t.Error("the saved index was used")
			}
		})
	}
	if s := readIndex(marked(t), "v1", Schema{Dense: map[string]int{"dense": 3}}); s != nil {
		t.Error("an index with other vectors was used")
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
