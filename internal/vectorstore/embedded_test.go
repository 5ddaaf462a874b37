package vectorstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"troly/internal/vectorstore"
	"troly/internal/vectorstore/vectorstoretest"
	"troly/internal/vietnamese"
)

func open(t testing.TB, path string) *vectorstore.Embedded {
	t.Helper()
	s, note := vectorstore.OpenEmbedded(context.Background(), path, vectorstoretest.Schema())
	if note != nil {
		t.Fatalf("open %q: %v", path, note)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestEmbedded(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		vectorstoretest.Run(t, func(t *testing.T) vectorstore.Store { return open(t, "") })
	})
	t.Run("file", func(t *testing.T) {
		vectorstoretest.Run(t, func(t *testing.T) vectorstore.Store { return open(t, filepath.Join(t.TempDir(), "v.db")) })
	})
}

func somePoint(id string) vectorstore.Point {
	return vectorstore.Point{
		ID: id, Hash: "h", Document: "d", Section: "s",
		Dense:  map[string][]float32{"dense": {1, 0, 0, 0}},
		Sparse: map[string]vectorstore.Sparse{"words": {Indices: []uint32{1, 4}, Values: []float32{1, 2}}},
	}
}

func count(t *testing.T, s vectorstore.Store) int {
	t.Helper()
	hashes, err := s.Hashes(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return len(hashes)
}

func find(t *testing.T, s vectorstore.Store) int {
	t.Helper()
	hits, err := s.Search(context.Background(), []vectorstore.Query{{Using: "words", Sparse: &vectorstore.Sparse{Indices: []uint32{4}, Values: []float32{1}}, Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	return len(hits[0])
}

func TestEmbeddedKeepsAcrossRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.db")
	s := open(t, path)
	if err := s.Upsert(context.Background(), []vectorstore.Point{somePoint("a"), somePoint("b")}); err != nil {
		t.Fatal(err)
	}
	if n := find(t, s); n != 2 {
		t.Fatalf("found %d, want 2", n)
	}
	// After a search the vectors lie only in the index and the file.
	if err := s.Upsert(context.Background(), []vectorstore.Point{somePoint("c")}); err != nil {
		t.Fatal(err)
	}
	if n := find(t, s); n != 3 {
		t.Fatalf("found %d after a later upsert, want 3", n)
	}
	if err := s.Mark(context.Background(), "v1"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	again := open(t, path)
	if n, mark := count(t, again), again.Marked(); n != 3 || mark != "v1" || find(t, again) != 3 {
		t.Errorf("second run: %d points, mark %q", n, mark)
	}
	if err := again.Delete(context.Background(), []string{"a"}); err != nil || again.Marked() != "" {
		t.Errorf("Delete: %v, mark %q, want none after a change", err, again.Marked())
	}
}

// What is held back is searched at once, is in the file after Save only, and all of it.
func TestEmbeddedHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.db")
	s := open(t, path)
	s.Hold()
	if err := s.Upsert(context.Background(), []vectorstore.Point{somePoint("a"), somePoint("b")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(context.Background(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Mark(context.Background(), "v1"); err != nil {
		t.Fatal(err)
	}
	before := open(t, path)
	if n, other, mark := find(t, s), count(t, before), before.Marked(); n != 1 || other != 0 || mark != "" {
		t.Errorf("before Save: found %d, in the file %d, mark %q, want 1, 0 and none", n, other, mark)
	}
	for range 2 { // the second time there is nothing to save
		if err := s.Save(context.Background()); err != nil {
			t.Fatal(err)
		}
		after := open(t, path)
		if n, other, mark := find(t, s), find(t, after), after.Marked(); n != 1 || other != 1 || mark != "v1" || s.Marked() != "v1" {
			t.Errorf("after Save: found %d, in the file %d, mark %q, want 1, 1 and v1", n, other, mark)
		}
	}
	if err := s.Upsert(context.Background(), []vectorstore.Point{somePoint("c")}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, open(t, path)); n != 2 {
		t.Errorf("a change after Save: %d points in the file, want 2", n)
	}
	s.Hold()
	if err := s.Upsert(context.Background(), []vectorstore.Point{somePoint("d")}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := s.Save(context.Background()); !errors.Is(err, vectorstore.ErrNotSaved) {
		t.Errorf("Save after Close = %v, want ErrNotSaved", err)
	}
}

func TestEmbeddedDamaged(t *testing.T) {
	for name, damage := range map[string]func(data []byte) []byte{
		"garbage":   func([]byte) []byte { return []byte(strings.Repeat("not a database ", 100)) },
		"truncated": func(data []byte) []byte { return data[:len(data)/2] },
		"flipped": func(data []byte) []byte {
			return bytes.ReplaceAll(data, []byte("doc-with-a-long-name"), []byte("Doc-with-a-long-name"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "v.db")
			s := open(t, path)
			p := somePoint("a")
			p.Document = "doc-with-a-long-name"
			var points []vectorstore.Point
			for i := range 200 {
				p.ID = strings.Repeat("x", i+1)
				points = append(points, p)
			}
			if err := s.Upsert(context.Background(), points); err != nil {
				t.Fatal(err)
			}
			s.Close()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(data), 0o644); err != nil {
				t.Fatal(err)
			}
			again, note := vectorstore.OpenEmbedded(context.Background(), path, vectorstoretest.Schema())
			t.Cleanup(func() { again.Close() })
			if note == nil || !strings.Contains(note.Error(), "damaged") {
				t.Errorf("note = %v, want one that says damaged", note)
			}
			if n := count(t, again); n != 0 {
				t.Errorf("%d points of a damaged file in use", n)
			}
			if err := again.Upsert(context.Background(), points[:1]); err != nil {
				t.Errorf("Upsert after the damage: %v", err)
			}
			if _, err := os.Stat(path + ".damaged"); err != nil {
				t.Errorf("the damaged file was not kept: %v", err)
			}
		})
	}
}

// Whatever byte of the file is flipped, the store holds all that was written, or nothing
// and says that it is damaged.
func TestEmbeddedFlippedBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.db")
	s := open(t, path)
	var points []vectorstore.Point
	for i := range 150 {
		p := somePoint(fmt.Sprintf("point-%03d", i))
		p.Document = strings.Repeat("d", 50+i)
		points = append(points, p)
	}
	if err := errors.Join(s.Upsert(context.Background(), points), s.Mark(context.Background(), "v1")); err != nil {
		t.Fatal(err)
	}
	want, err := s.Hashes(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for at := range data {
		if page := at % 4096; page > 12 && at%997 != 0 { // the heads of all pages, and some of the rest
			continue
		}
		flipped := filepath.Join(t.TempDir(), "v.db")
		data[at] ^= 1
		err := os.WriteFile(flipped, data, 0o644)
		data[at] ^= 1
		if err != nil {
			t.Fatal(err)
		}
		again, note := vectorstore.OpenEmbedded(context.Background(), flipped, vectorstoretest.Schema())
		got, err := again.Hashes(context.Background())
		mark := again.Marked()
		again.Close()
		switch {
		case note != nil:
			if damaged++; !strings.Contains(note.Error(), "damaged") || len(got) > 0 {
				t.Errorf("byte %d: note %v, %d points", at, note, len(got))
			}
		case err != nil || mark != "" && !maps.Equal(got, want):
			t.Errorf("byte %d: %d points, mark %q, %v, want all %d or a note", at, len(got), mark, err, len(want))
		}
	}
	if damaged < 50 {
		t.Errorf("only %d flips were noticed", damaged)
	}
}

// A file that another process holds, or whose reading is interrupted, is not damaged: it
// stays where it is.
func TestEmbeddedHeldOrInterrupted(t *testing.T) {
	t.Parallel() // it waits
	path := filepath.Join(t.TempDir(), "v.db")
	s := open(t, path)
	if err := s.Upsert(context.Background(), []vectorstore.Point{somePoint("a")}); err != nil {
		t.Fatal(err)
	}
	check := func(ctx context.Context, why string) {
		t.Helper()
		other, note := vectorstore.OpenEmbedded(ctx, path, vectorstoretest.Schema())
		t.Cleanup(func() { other.Close() })
		if !errors.Is(note, vectorstore.ErrNotSaved) || strings.Contains(note.Error(), "damaged") {
			t.Errorf("%s: note = %v, want ErrNotSaved", why, note)
		}
		if _, err := os.Stat(path + ".damaged"); err == nil {
			t.Errorf("%s: the file was set aside", why)
		}
		if err := other.Upsert(context.Background(), []vectorstore.Point{somePoint("b")}); err != nil || find(t, other) != 1 {
			t.Errorf("%s: it does not work in memory: %v", why, err)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	check(ended, "interrupted")
	fresh := open(t, path)
	holder, err := sql.Open("sqlite", "file:"+path+"?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	tx, err := holder.Begin()
	if err != nil {
		t.Fatal(err)
	}
	check(context.Background(), "held")
	if err := fresh.Upsert(context.Background(), []vectorstore.Point{somePoint("c")}); !errors.Is(err, vectorstore.ErrNotSaved) {
		t.Errorf("Upsert while it is held: %v, want ErrNotSaved", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := fresh.Mark(context.Background(), "v1"); !errors.Is(err, vectorstore.ErrNotSaved) || fresh.Marked() != "v1" {
		t.Errorf("Mark of a state that the file lacks: %v, %q, want ErrNotSaved and v1 in memory", err, fresh.Marked())
	}
	if n, mark := count(t, open(t, path)), open(t, path).Marked(); n != 1 || mark != "" {
		t.Errorf("afterwards the file has %d points, mark %q, want 1 and none", n, mark)
	}
}

func TestEmbeddedCannotSave(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s, note := vectorstore.OpenEmbedded(context.Background(), filepath.Join(blocked, "v.db"), vectorstoretest.Schema())
	if !errors.Is(note, vectorstore.ErrNotSaved) {
		t.Errorf("note = %v, want ErrNotSaved", note)
	}
	if err := s.Upsert(context.Background(), []vectorstore.Point{somePoint("a")}); err != nil || find(t, s) != 1 {
		t.Errorf("a store without file does not work: %v", err)
	}
}

// Of several processes that start at once on an empty file one writes it; what the others
// held back is there by then.
func TestEmbeddedSavedByAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.db")
	one, two := open(t, path), open(t, path)
	for _, s := range []*vectorstore.Embedded{one, two} {
		s.Hold()
		if err := errors.Join(s.Upsert(context.Background(), []vectorstore.Point{somePoint("a"), somePoint("b")}), s.Mark(context.Background(), "v1")); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Save(context.Background()); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := two.Save(context.Background()); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the file was written again at %v, %v", after.ModTime(), err)
	}
	if n, mark := find(t, two), two.Marked(); n != 2 || mark != "v1" {
		t.Errorf("the second found %d, mark %q, want 2 and v1", n, mark)
	}
	if err := two.Upsert(context.Background(), []vectorstore.Point{somePoint("c")}); err != nil || find(t, two) != 3 {
		t.Errorf("a change after it: %v", err)
	}
}

// A file that a killed process left half written is removed by a later one, not at once:
// another may be at it.
func TestEmbeddedCleansUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.db")
	old, young := path+".index.1.tmp", path+".index.2.tmp"
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if err := errors.Join(s.Upsert(context.Background(), []vectorstore.Point{somePoint("a")}), s.Mark(context.Background(), "v1")); err != nil {
		t.Fatal(err)
	}
	_, oldErr := os.Stat(old)
	_, youngErr := os.Stat(young)
	if !errors.Is(oldErr, os.ErrNotExist) || youngErr != nil {
		t.Errorf("of an hour ago: %v, of now: %v, want the first gone and the second there", oldErr, youngErr)
	}
}

func TestEmbeddedTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.db")
	one, two := open(t, path), open(t, path)
	done := make(chan error, 2)
	for _, s := range []*vectorstore.Embedded{one, two} {
		go func() {
			var err error
			for i := range 20 {
				err = errors.Join(err, s.Upsert(context.Background(), []vectorstore.Point{somePoint(strings.Repeat("p", i+1))}))
			}
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Errorf("writing side by side: %v", err)
		}
	}
	if n := count(t, open(t, path)); n != 20 {
		t.Errorf("%d points, want 20", n)
	}
}

func TestBM25(t *testing.T) {
	bm := vectorstore.BM25{Fields: []vectorstore.Field{{Name: "t", B: 0.5, Average: 2}}}
	e := bm.Encoder()
	doc := e.Document("giấy giấy bạn")
	query := func(text string) *vectorstore.Sparse {
		var terms []vectorstore.Term
		for _, tok := range vietnamese.Tokenize(nil, text) {
			terms = append(terms, vectorstore.Term{Token: tok, Weight: 1})
		}
		return e.Query(terms, []vectorstore.Weights{{Accented: 1}})
	}
	dot := func(q *vectorstore.Sparse) float64 {
		sum := 0.0
		for i, a := range q.Indices {
			for j, b := range doc.Indices {
				if a == b {
					sum += float64(q.Values[i] * doc.Values[j])
				}
			}
		}
		return sum
	}
	norm := vectorstore.K1 * (1 - 0.5 + 0.5*3/2)
	if got, want := dot(query("giấy")), 2*(vectorstore.K1+1)/(2+norm); got-want > 1e-5 || want-got > 1e-5 {
		t.Errorf("weight of a word there twice = %v, want %v", got, want)
	}
	if got := dot(query("bán")); got != 0 {
		t.Errorf("bán matches bạn with weight %v under accented weights", got)
	}
	folded := e.Query([]vectorstore.Term{{Token: vietnamese.Tokenize(nil, "ban")[0], Weight: 1}}, []vectorstore.Weights{{Folded: 1}})
	if got := dot(folded); got == 0 {
		t.Error("ban does not match bạn under folded weights")
	}
}
