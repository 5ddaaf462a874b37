package evaluation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"time"
)

// journal appends JSON lines to a file. Every line is one write, so that a killed
// program leaves at most the last one torn; the file is synced once a second.
type journal struct {
	file   *os.File
	synced time.Time
}

// openJournal opens a file for appending, made when missing, and cuts off a last
// line that was not written to its end.
func openJournal(name string) (*journal, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	end, err := endOfLastLine(f)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return &journal{file: f}, nil
}

// endOfLastLine is the offset after the last newline.
func endOfLastLine(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	block := make([]byte, 64<<10)
	for end := info.Size(); end > 0; {
		start := max(0, end-int64(len(block)))
		part := block[:end-start]
		if _, err := f.ReadAt(part, start); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

// append writes one line.
func (j *journal) append(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // ends with a newline
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	if _, err := j.file.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", j.file.Name(), err)
	}
	if now := time.Now(); now.Sub(j.synced) > time.Second {
		j.synced = now
		if err := j.file.Sync(); err != nil {
			return fmt.Errorf("write %s: %w", j.file.Name(), err)
		}
	}
	return nil
}

// close syncs and closes the file.
func (j *journal) close() error {
	return errors.Join(j.file.Sync(), j.file.Close())
}

// maxSample bounds a line of a journal; the longest answers make some 50 KB.
const maxSample = 16 << 20

// whole decodes all of a line.
func whole[T any](line []byte, v *T) error {
	if err := json.Unmarshal(line, v); err != nil {
		return jsonError(err)
	}
	return nil
}

// eachLine decodes the lines of a file on all processors and calls each in their
// order, with the line's number from 1. A missing file has no lines; a last line
// without its newline was torn and is left out; any other line that cannot be
// decoded is an error that names it.
func eachLine[T any](name string, decode func(line []byte, v *T) error, each func(number int, v *T) error) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := endOfLastLine(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	pipe := newDecoder(name, decode)
	defer pipe.stop()
	go pipe.read(io.LimitReader(f, end))
	for batch := range pipe.batches {
		<-batch.ready
		if batch.err != nil {
			return batch.err
		}
		for i := range batch.values {
			if err := each(batch.first+i, &batch.values[i]); err != nil {
				return err
			}
		}
	}
	return pipe.err
}

// decoder decodes batches of lines in parallel and hands them on in order.
type decoder[T any] struct {
	name    string
	line    func(line []byte, v *T) error
	batches chan *decoded[T]
	done    chan struct{} // closed when nobody wants more
	once    sync.Once
	err     error
}

type decoded[T any] struct {
	first  int // number of its first line
	lines  [][]byte
	values []T
	err    error
	ready  chan struct{}
}

// batchLines is enough that handing over costs nothing beside decoding.
const batchLines = 64

func newDecoder[T any](name string, line func([]byte, *T) error) *decoder[T] {
	return &decoder[T]{name: name, line: line, batches: make(chan *decoded[T], 2*runtime.GOMAXPROCS(0)), done: make(chan struct{})}
}

func (d *decoder[T]) stop() { d.once.Do(func() { close(d.done) }) }

func (d *decoder[T]) read(r io.Reader) {
	defer close(d.batches)
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 1<<20), maxSample)
	next := &decoded[T]{first: 1, ready: make(chan struct{})}
	hand := func() bool {
		go next.decode(d.name, d.line)
		select {
		case d.batches <- next:
		case <-d.done:
			return false
		}
		next = &decoded[T]{first: next.first + len(next.lines), ready: make(chan struct{})}
		return true
	}
	for scanner.Scan() {
		next.lines = append(next.lines, bytes.Clone(scanner.Bytes()))
		if len(next.lines) == batchLines && !hand() {
			return
		}
	}
	if err := scanner.Err(); err != nil {
		d.err = fmt.Errorf("%s:%d: %w", d.name, next.first+len(next.lines), err)
	}
	if len(next.lines) > 0 {
		hand()
	}
}

func (b *decoded[T]) decode(name string, one func([]byte, *T) error) {
	defer close(b.ready)
	b.values = make([]T, len(b.lines))
	for i, line := range b.lines {
		if err := one(line, &b.values[i]); err != nil {
			b.err = fmt.Errorf("%s:%d: %w", name, b.first+i, err)
			return
		}
	}
}

// writeFile replaces a file whole or not at all.
func writeFile(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(name, append(data, '\n'))
}

func replaceFile(name string, data []byte) error {
	temporary := name + ".new"
	if err := os.WriteFile(temporary, data, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}
