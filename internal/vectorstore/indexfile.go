package vectorstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unsafe"
)

// The index file lies beside the store's file and holds the finished snapshot, so
// that a start need not decode and index every point. It is a copy: it counts only
// while the store's file has the mark, size and time of writing noted in it, and a
// missing, damaged or outdated one is built anew.
//
//	"troly-index-1\n" | CRC-32C of the rest | stamp | snapshot
//
// Numbers are little-endian; texts are preceded by their length.
const indexFormat = "troly-index-1\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stamp says which state of the store's file an index is of.
func stamp(path, mark string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %d %s", info.Size(), info.ModTime().UnixNano(), mark), nil
}

func indexName(path string) string { return path + ".index" }

// writeIndex saves a snapshot of the file at path as one step.
func writeIndex(path, mark string, s *snapshot) error {
	label, err := stamp(path, mark)
	if err != nil {
		return err
	}
	w := &writer{b: append(make([]byte, 0, s.bytes()), indexFormat+"\x00\x00\x00\x00"...)}
	w.text(label)
	s.write(w)
	binary.LittleEndian.PutUint32(w.b[len(indexFormat):], crc32.Checksum(w.b[len(indexFormat)+4:], castagnoli))
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(indexName(path))+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when the rename succeeded
	removeLeft(indexName(path))
	_, err = f.Write(w.b)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), indexName(path))
}

// removeLeft removes the temporary files for name of processes that were killed while
// they wrote.
func removeLeft(name string) {
	left, _ := filepath.Glob(name + ".*.tmp")
	for _, name := range left {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > time.Minute {
			os.Remove(name)
		}
	}
}

// readIndex returns the saved snapshot of the file at path, nil when there is none
// that can be used; an error when that is because it is damaged.
func readIndex(path, mark string, schema Schema) (*snapshot, error) {
	label, err := stamp(path, mark)
	if err != nil || mark == "" {
		return nil, nil
	}
	data, err := os.ReadFile(indexName(path))
	if err != nil {
		return nil, nil
	}
	body, ok := bytes.CutPrefix(data, []byte(indexFormat))
	if !ok || len(body) < 4 || binary.LittleEndian.Uint32(body) != crc32.Checksum(body[4:], castagnoli) {
		return nil, fmt.Errorf("index %s is damaged; it is built again", indexName(path))
	}
	r := &reader{b: body[4:]}
	if r.text() != label {
		return nil, nil
	}
	s := readSnapshot(r)
	if r.bad || len(r.b) > 0 || !s.fits(schema) {
		return nil, nil
	}
	for _, x := range s.sparse {
		x.measure()
	}
	return s, nil
}

// fits reports whether a snapshot has the vectors of the schema and no others.
func (s *snapshot) fits(schema Schema) bool {
	if len(s.dense) != len(schema.Dense) || len(s.sparse) != len(schema.Sparse) {
		return false
	}
	for name, dims := range schema.Dense {
		if d := s.dense[name]; d == nil || d.dims != dims || len(d.data) != dims*len(s.meta) {
			return false
		}
	}
	for name, idf := range schema.Sparse {
		x := s.sparse[name]
		if x == nil || x.idf != idf || len(x.offsets) != len(x.terms)+1 || len(x.docs) != len(x.values) {
			return false
		}
	}
	return true
}

// bytes is about how long the written snapshot is.
func (s *snapshot) bytes() int {
	n := 1<<12 + 160*len(s.meta)
	for _, d := range s.dense {
		n += 4 * len(d.data)
	}
	for _, x := range s.sparse {
		n += 8 * (len(x.terms) + len(x.docs))
	}
	return n
}

func (s *snapshot) write(w *writer) {
	w.number(len(s.meta))
	for _, m := range s.meta {
		for _, text := range [...]string{m.id, m.document, m.section, m.collection, m.audience, m.validFrom, m.validTo} {
			w.text(text)
		}
	}
	w.number(len(s.dense))
	for _, name := range slices.Sorted(maps.Keys(s.dense)) {
		w.text(name)
		w.number(s.dense[name].dims)
		w.floats(s.dense[name].data)
	}
	w.number(len(s.sparse))
	for _, name := range slices.Sorted(maps.Keys(s.sparse)) {
		x := s.sparse[name]
		w.text(name)
		idf := 0
		if x.idf {
			idf = 1
		}
		w.number(idf)
		w.number(x.count)
		w.words(x.terms)
		w.words(x.offsets)
		w.words(x.docs)
		w.floats(x.values)
	}
}

func readSnapshot(r *reader) *snapshot {
	s := &snapshot{dense: make(map[string]*denseIndex), sparse: make(map[string]*sparseIndex)}
	s.meta = make([]meta, r.count(7))
	for i := range s.meta {
		m := &s.meta[i]
		for _, text := range [...]*string{&m.id, &m.document, &m.section, &m.collection, &m.audience, &m.validFrom, &m.validTo} {
			*text = r.text()
		}
	}
	for range r.count(1) {
		name := r.text()
		s.dense[name] = &denseIndex{dims: r.number(), data: r.floats()}
	}
	for range r.count(1) {
		name := r.text()
		s.sparse[name] = &sparseIndex{idf: r.number() == 1, count: r.number(), terms: r.words(), offsets: r.words(), docs: r.words(), values: r.floats()}
	}
	s.pool = newPool(len(s.meta))
	return s
}

// writer appends to b.
type writer struct{ b []byte }

func (w *writer) number(n int) { w.b = binary.AppendUvarint(w.b, uint64(n)) }

func (w *writer) text(s string) {
	w.number(len(s))
	w.b = append(w.b, s...)
}

func (w *writer) words(v []uint32) {
	w.number(len(v))
	for _, x := range v {
		w.b = binary.LittleEndian.AppendUint32(w.b, x)
	}
}

func (w *writer) floats(v []float32) {
	w.number(len(v))
	for _, x := range v {
		w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(x))
	}
}

// reader takes from b what a writer put there; what does not fit makes it bad.
// Texts share the memory of b, which must not change.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number() int {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > math.MaxInt32 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[size:]
	return int(n)
}

// count reads the length of what follows, each at least size bytes.
func (r *reader) count(size int) int {
	n := r.number()
	if n*size > len(r.b) {
		r.b, r.bad = nil, true
		return 0
	}
	return n
}

func (r *reader) text() string {
	n := r.count(1)
	if n == 0 {
		return ""
	}
	s := unsafe.String(&r.b[0], n)
	r.b = r.b[n:]
	return s
}

func (r *reader) words() []uint32 {
	v := make([]uint32, r.count(4))
	for i := range v {
		v[i] = binary.LittleEndian.Uint32(r.b[4*i:])
	}
	r.b = r.b[4*len(v):]
	return v
}

func (r *reader) floats() []float32 {
	v := make([]float32, r.count(4))
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(r.b[4*i:]))
	}
	r.b = r.b[4*len(v):]
	return v
}
