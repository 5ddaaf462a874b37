package vectorstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite" // pure Go: the program builds without cgo
	sqlite3 "modernc.org/sqlite/lib"
)

var _ Store = (*Embedded)(nil)

// Embedded is a store inside the program: points lie in one SQLite file and are
// searched in memory. Searches go on over the old state while a new one is
// indexed. Several processes may share the file.
type Embedded struct {
	schema  Schema
	path    string
	db      *sql.DB // nil: memory only
	current atomic.Pointer[snapshot]

	mu      sync.Mutex        // guards what follows
	points  map[string]*Point // nil: only in the file so far
	mark    string
	held    bool // changes wait for Save
	waiting []func(*sql.Tx) error
	unsaved error // why the file lacks a change, which it will not get
	dirty   bool
	packed  bool  // points hold no vectors, or are nil: all is in the snapshot and the file
	indexed bool  // the index file is of this state, or is not wanted
	version int64 // PRAGMA data_version: changes when another process writes
	looked  time.Time
}

// lookEvery is how often a search looks whether another process has written.
const lookEvery = 2 * time.Second

const tables = `
CREATE TABLE IF NOT EXISTS points (id TEXT PRIMARY KEY, hash TEXT NOT NULL, data BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;`

// OpenEmbedded opens the store in the file at path, making it if need be; an empty
// path keeps everything in memory. The error note says what the caller should tell
// people, and never stops the work: a damaged file was set aside (the store is then
// empty and must be filled again), the index beside it was damaged (it is built again),
// or the file cannot be written (ErrNotSaved).
func OpenEmbedded(ctx context.Context, path string, schema Schema) (s *Embedded, note error) {
	s = &Embedded{schema: schema, points: make(map[string]*Point)}
	if path == "" {
		return s, nil
	}
	note = s.open(ctx, path)
	if errors.Is(note, errDamaged) {
		aside := path + ".damaged"
		if err := os.Rename(path, aside); err != nil {
			return s, fmt.Errorf("vector store %s is damaged and cannot be set aside (%w): %w", path, err, ErrNotSaved)
		}
		os.Remove(path + "-journal")
		reopened := s.open(ctx, path)
		note = errors.Join(fmt.Errorf("%w; it was moved to %s and is built again", note, aside), reopened)
	}
	return s, note
}

var errDamaged = errors.New("vector store is damaged")

func (s *Embedded) open(ctx context.Context, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("vector store: %w: %w", ErrNotSaved, err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=synchronous(normal)&_txlock=immediate")
	if err != nil {
		return fmt.Errorf("vector store %s: %w: %w", path, ErrNotSaved, err)
	}
	db.SetMaxOpenConns(1) // one writer, and data_version is per connection
	_, writeErr := db.ExecContext(ctx, tables)
	if isBusy(writeErr) { // who waited once need not wait for every statement
		db.Close()
		return fmt.Errorf("vector store: %w: %w", ErrNotSaved, writeErr)
	}
	index, mark, indexErr := openIndex(ctx, db, path, s.schema)
	if index != nil {
		s.use(ctx, db, path)
		s.points, s.mark, s.packed, s.indexed = nil, mark, true, true
		s.current.Store(index)
		return notSaved(writeErr)
	}
	points, mark, err := load(ctx, db)
	switch {
	case err == nil:
	case ctx.Err() != nil || isBusy(err): // says nothing about the file
		db.Close()
		return fmt.Errorf("vector store: %w: %w", ErrNotSaved, err)
	case writeErr != nil && !fileIsDatabase(path):
		db.Close()
		if info, statErr := os.Stat(path); statErr == nil && info.Size() > 0 && readable(path) {
			return fmt.Errorf("%w: %s: %w", errDamaged, path, writeErr)
		}
		return fmt.Errorf("vector store: %w: %w", ErrNotSaved, writeErr)
	default:
		db.Close()
		return fmt.Errorf("%w: %s: %w", errDamaged, path, err)
	}
	s.use(ctx, db, path)
	s.points, s.mark, s.dirty = points, mark, true
	return errors.Join(indexErr, notSaved(writeErr))
}

// use takes an open file as the store's.
func (s *Embedded) use(ctx context.Context, db *sql.DB, path string) {
	s.db, s.path, s.looked = db, path, time.Now()
	_ = db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&s.version) // 0 only makes the next look reload
}

func notSaved(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("vector store: %w: %w", ErrNotSaved, err)
}

// openIndex returns the saved index of a file that is as it was when the index was
// saved, and the file's mark. An index that is damaged is an error, one that is missing
// or of another state none.
func openIndex(ctx context.Context, db *sql.DB, path string, schema Schema) (*snapshot, string, error) {
	mark, _, err := readMark(ctx, db)
	if err != nil {
		return nil, "", nil // load says what is wrong
	}
	index, err := readIndex(path, mark, schema)
	return index, mark, err
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// readMark returns the mark and how many points the file had when it was written; no
// mark is none at all, or one that says no number.
func readMark(ctx context.Context, db querier) (mark string, points int, err error) {
	var value string
	err = db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'mark'").Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, nil
	}
	number, mark, _ := strings.Cut(value, " ")
	if points, atoiErr := strconv.Atoi(number); atoiErr == nil {
		return mark, points, err
	}
	return "", 0, err
}

// isBusy reports whether another process held the file for longer than we wait.
func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// fileIsDatabase reports whether the file begins as SQLite files do.
func fileIsDatabase(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 16)
	n, _ := f.Read(head)
	return n == 16 && string(head[:15]) == "SQLite format 3"
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// load reads all points; a row whose checksum is wrong makes the file damaged, and so
// does one that a marked file had and has no more: the page that holds it may be.
func load(ctx context.Context, db *sql.DB) (map[string]*Point, string, error) {
	points := make(map[string]*Point)
	rows, err := db.QueryContext(ctx, "SELECT id, hash, data, crc FROM points")
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	for rows.Next() {
		p := &Point{}
		var data sql.RawBytes
		var crc uint32
		if err := rows.Scan(&p.ID, &p.Hash, &data, &crc); err != nil {
			return nil, "", err
		}
		if crc != checksum(p.ID, p.Hash, data) || p.decode(data) != nil {
			return nil, "", fmt.Errorf("point %q does not match its checksum", p.ID)
		}
		points[p.ID] = p
	}
	if err := rows.Err(); err != nil {
		return nil, "", err
	}
	mark, marked, err := readMark(ctx, db)
	if err == nil && mark != "" && marked != len(points) {
		err = fmt.Errorf("%d points of %d are left", len(points), marked)
	}
	return points, mark, err
}

func checksum(id, hash string, data []byte) uint32 {
	sum := crc32.ChecksumIEEE([]byte(id))
	sum = crc32.Update(sum, crc32.IEEETable, []byte(hash))
	return crc32.Update(sum, crc32.IEEETable, data)
}

// Close lets go of the file; searches still work.
func (s *Embedded) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return err
}

// Search implements Store.
func (s *Embedded) Search(ctx context.Context, queries []Query) ([][]Hit, error) {
	snap := s.snapshot(ctx)
	hits := make([][]Hit, len(queries))
	for i, q := range queries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.schema.CheckQuery(q); err != nil {
			return nil, err
		}
		hits[i] = snap.search(q)
	}
	return hits, nil
}

// snapshot returns the index to search. After a change the first search builds the
// new one, while others go on with the old; the very first is waited for.
func (s *Embedded) snapshot(ctx context.Context) *snapshot {
	snap := s.current.Load()
	if snap != nil && !s.mu.TryLock() {
		return snap
	} else if snap == nil {
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	s.reloadIfChanged(ctx)
	s.index()
	return s.current.Load()
}

// index builds the snapshot when points have changed; the caller holds the lock.
func (s *Embedded) index() {
	if s.dirty || s.current.Load() == nil {
		s.current.Store(newSnapshot(s.schema, slices.Collect(maps.Values(s.points))))
		s.dirty = false
		s.pack()
	}
}

// pack lets go of the vectors that the snapshot holds too; unpack reads them again
// from the file when a change needs them. Without a file both copies stay.
func (s *Embedded) pack() {
	if s.db == nil || s.unsaved != nil || len(s.waiting) > 0 {
		return
	}
	for _, p := range s.points {
		p.Dense, p.Sparse = nil, nil
	}
	s.packed = true
}

func (s *Embedded) unpack(ctx context.Context) error {
	if !s.packed {
		return nil
	}
	points, _, err := load(ctx, s.db)
	if err != nil {
		return fmt.Errorf("read the vector store %s again (it can be deleted, and is then built anew): %w", s.path, err)
	}
	s.points, s.packed = points, false
	return nil
}

// reloadIfChanged reads the points again after another process has written.
func (s *Embedded) reloadIfChanged(ctx context.Context) {
	if s.db == nil || len(s.waiting) > 0 || time.Since(s.looked) < lookEvery {
		return
	}
	s.looked = time.Now()
	var version int64
	if s.db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version) != nil || version == s.version {
		return
	}
	if points, mark, err := load(ctx, s.db); err == nil { // else: go on with what we have
		s.points, s.mark, s.dirty, s.packed, s.version = points, mark, true, false, version
	}
}

// Upsert implements Store. All points are written as one step.
func (s *Embedded) Upsert(ctx context.Context, points []Point) error {
	for i := range points {
		if err := s.schema.CheckPoint(&points[i]); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.unpack(ctx); err != nil {
		return err
	}
	for i := range points {
		p := points[i]
		s.points[p.ID] = &p
	}
	s.dirty = true
	first := s.firstIndex()
	err := s.write(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, "INSERT INTO points (id, hash, data, crc) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, data = excluded.data, crc = excluded.crc")
		if err != nil {
			return err
		}
		defer insert.Close()
		for i := range points {
			data := points[i].encode()
			if _, err := insert.ExecContext(ctx, points[i].ID, points[i].Hash, data, checksum(points[i].ID, points[i].Hash, data)); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM meta")
		return err
	})
	first()
	return err
}

// firstIndex begins to build the very first index while its points are written, for
// a first start waits for both; what it returns ends that. The caller holds the lock.
func (s *Embedded) firstIndex() (end func()) {
	if s.current.Load() != nil {
		return func() {}
	}
	points := slices.Collect(maps.Values(s.points))
	built := make(chan *snapshot, 1)
	go func() { built <- newSnapshot(s.schema, points) }()
	return func() {
		s.current.Store(<-built)
		s.dirty = false
		s.pack()
	}
}

// Delete implements Store.
func (s *Embedded) Delete(ctx context.Context, ids []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.unpack(ctx); err != nil {
		return err
	}
	for _, id := range ids {
		delete(s.points, id)
	}
	s.dirty = true
	return s.write(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, "DELETE FROM points WHERE id = ?", id); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM meta")
		return err
	})
}

// Hashes implements Store.
func (s *Embedded) Hashes(ctx context.Context) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.points == nil {
		if err := s.unpack(ctx); err != nil {
			return nil, err
		}
	}
	hashes := make(map[string]string, len(s.points))
	for id, p := range s.points {
		hashes[id] = p.Hash
	}
	return hashes, nil
}

// Marked returns what the last Mark after the last change said, so that a store
// that is up to date is recognised without comparing every hash.
func (s *Embedded) Marked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mark
}

// Mark notes that the store now holds the state called mark, and saves the finished
// index for the next start. The file of a store that could not save a change is not marked.
func (s *Embedded) Mark(ctx context.Context, mark string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unsaved != nil {
		s.mark = mark
		return s.unsaved
	}
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO meta (key, value) SELECT 'mark', count(*) || ' ' || ? FROM points", mark)
		return err
	})
	s.mark = mark
	if err == nil && s.db != nil && !s.held {
		err = s.saveIndex()
	}
	return err
}

// saveIndex writes the index of the state that is marked; the caller holds the lock.
func (s *Embedded) saveIndex() error {
	s.index()
	err := writeIndex(s.path, s.mark, s.current.Load())
	s.indexed = err == nil
	return notSaved(err)
}

// Hold makes the changes that follow hold in memory only, until Save writes them: who
// waits for an answer does not wait for the disk.
func (s *Embedded) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
}

// Save writes what Hold kept back, as one step, and an index that was missing or damaged;
// searches go on meanwhile. What another process has saved with the same mark is not
// written again: of several first starts one fills the file.
func (s *Embedded) Save(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting, mark := s.waiting, s.mark
	s.held, s.waiting = false, nil
	switch {
	case len(waiting) == 0 && (s.db == nil || s.indexed || mark == ""):
		return nil
	case len(waiting) == 0:
		return s.saveIndex()
	case s.db == nil:
		return notSaved(errors.New("closed before it was saved"))
	}
	there := false
	err := s.write(ctx, func(tx *sql.Tx) error {
		saved, _, err := readMark(ctx, tx)
		if there = err == nil && saved == mark && mark != ""; there {
			return nil
		}
		for _, change := range waiting {
			if err := change(tx); err != nil {
				return err
			}
		}
		return nil
	})
	s.mark, s.indexed = mark, there
	if err == nil && mark != "" && !there {
		err = s.saveIndex()
	}
	if !s.dirty {
		s.pack()
	}
	return err
}

// write runs change in a transaction, at once or in Save; the caller holds the lock.
// Whatever fails is ErrNotSaved: the state in memory has the change.
func (s *Embedded) write(ctx context.Context, change func(*sql.Tx) error) (err error) {
	s.mark, s.indexed = "", false
	switch {
	case s.db == nil:
		return nil
	case s.held:
		s.waiting = append(s.waiting, change)
		return nil
	}
	defer func() { s.unsaved = cmp.Or(s.unsaved, err) }()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return notSaved(err)
	}
	if err := change(tx); err != nil {
		_ = tx.Rollback() // SQLite may have done so when the disk was full
		return notSaved(err)
	}
	return notSaved(tx.Commit())
}

// encode packs everything of a point but ID and hash.
func (p *Point) encode() []byte {
	var w writer
	for _, s := range []string{p.Document, p.Section, p.Collection, p.Audience, p.ValidFrom, p.ValidTo} {
		w.text(s)
	}
	w.number(len(p.Dense))
	for _, name := range slices.Sorted(maps.Keys(p.Dense)) {
		w.text(name)
		w.floats(p.Dense[name])
	}
	w.number(len(p.Sparse))
	for _, name := range slices.Sorted(maps.Keys(p.Sparse)) {
		v := p.Sparse[name]
		w.text(name)
		w.floats(v.Values)
		for _, index := range v.Indices { // as many as values: their number is not written again
			w.b = binary.LittleEndian.AppendUint32(w.b, index)
		}
	}
	return w.b
}

// decode unpacks what encode packed.
func (p *Point) decode(b []byte) error {
	ok := true
	number := func() int {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)) {
			ok, b = false, nil
			return 0
		}
		b = b[size:]
		return int(n)
	}
	text := func() string {
		n := number()
		if n > len(b) {
			ok = false
			return ""
		}
		s := string(b[:n])
		b = b[n:]
		return s
	}
	words := func(n int) []uint32 {
		if 4*n > len(b) {
			ok = false
			return nil
		}
		v := make([]uint32, n)
		for i := range v {
			v[i] = binary.LittleEndian.Uint32(b[4*i:])
		}
		b = b[4*n:]
		return v
	}
	floats := func() []float32 {
		v := make([]float32, 0, 8)
		for _, w := range words(number()) {
			v = append(v, math.Float32frombits(w))
		}
		return v
	}
	for _, field := range []*string{&p.Document, &p.Section, &p.Collection, &p.Audience, &p.ValidFrom, &p.ValidTo} {
		*field = text()
	}
	for range number() {
		if p.Dense == nil {
			p.Dense = make(map[string][]float32)
		}
		name := text()
		p.Dense[name] = floats()
	}
	for range number() {
		if p.Sparse == nil {
			p.Sparse = make(map[string]Sparse)
		}
		name := text()
		values := floats()
		p.Sparse[name] = Sparse{words(len(values)), values}
	}
	if !ok || len(b) > 0 {
		return errors.New("point does not decode")
	}
	return nil
}
