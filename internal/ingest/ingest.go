// Package ingest brings a store in line with the knowledge: new and changed chunks
// are encoded and written, vanished ones removed, unchanged ones left alone, so
// that an unchanged corpus costs no embedding call. An interrupted run is continued
// by the next one, because every batch is written whole.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/llm"
	"troly/internal/vectorstore"
)

// batchSize is how many chunks are encoded and written as one step: what an
// interruption loses at most, and within the input limits of embedding services.
const batchSize = 256

// embedAtOnce is how many chunks one call to the embedder is given at first.
const embedAtOnce = 64

// Report says what a run did, or would do.
type Report struct {
	Added     int `json:"added"`
	Changed   int `json:"changed"`
	Removed   int `json:"removed"`
	Unchanged int `json:"unchanged"`
	Embedded  int `json:"embedded"` // chunks sent to the embedder

	NotSaved error `json:"-"` // the store has it all in memory but could not write it
}

// Encoder makes the sparse vectors of a chunk, by vector name.
type Encoder interface {
	Begin() // is called as soon as it is known that chunks will be encoded
	EncodeChunk(c corpus.Chunk) map[string]vectorstore.Sparse
	Version(c corpus.Chunk) string // changes when the same chunk would be encoded otherwise
}

// Syncer brings one store in line.
type Syncer struct {
	Store    vectorstore.Store
	Encoder  Encoder
	Embedder llm.Embedder // nil: no dense vectors
	Step     int          // chunks encoded and written as one step; 0: all at once without an embedder, batchSize with one
	DryRun   bool         // only report
	Progress func(done, total int)

	atOnce int // chunks in a call to the embedder that was in time; 0: embedAtOnce
}

// Sync makes the store hold exactly the chunks of the library.
func (s *Syncer) Sync(ctx context.Context, lib *corpus.Library) (Report, error) {
	stored, err := s.Store.Hashes(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("read what is stored: %w", err)
	}
	var report Report
	var todo []corpus.Chunk
	var hashes []string
	for c := range chunks(lib) {
		hash := s.hash(c)
		old, there := stored[c.ID]
		delete(stored, c.ID)
		switch {
		case there && s.holds(old, hash):
			report.Unchanged++
			continue
		case there:
			report.Changed++
		default:
			report.Added++
		}
		if len(todo) == 0 && !s.DryRun {
			s.Encoder.Begin()
		}
		todo, hashes = append(todo, c), append(hashes, hash)
	}
	report.Removed = len(stored)
	if s.DryRun {
		return report, nil
	}
	if err := s.write(ctx, todo, hashes, &report); err != nil {
		return report, err
	}
	if len(stored) > 0 {
		gone := slices.Sorted(maps.Keys(stored))
		if err := s.Store.Delete(ctx, gone); errors.Is(err, vectorstore.ErrNotSaved) {
			report.NotSaved = err
		} else if err != nil {
			return report, fmt.Errorf("remove %d vanished chunks: %w", len(gone), err)
		}
	}
	return report, nil
}

// Hashes returns what Store.Hashes will after Sync: the hash of every chunk of the
// library by ID.
func (s *Syncer) Hashes(lib *corpus.Library) map[string]string {
	hashes := make(map[string]string)
	for c := range chunks(lib) {
		hashes[c.ID] = s.hash(c)
	}
	return hashes
}

// chunks yields everything that is to be in the store. Profiles come last: their
// vectors are learned while the others are encoded.
func chunks(lib *corpus.Library) iter.Seq[corpus.Chunk] {
	return func(yield func(corpus.Chunk) bool) {
		var profiles []corpus.Chunk
		each := func(all []corpus.Chunk) bool {
			for _, c := range all {
				if c.Section == corpus.ProfileSection {
					profiles = append(profiles, c)
				} else if !yield(c) {
					return false
				}
			}
			return true
		}
		for _, d := range lib.Documents {
			if !each(lib.Split(d)) {
				return
			}
		}
		for _, o := range lib.Outside {
			if !each(corpus.SplitOutside(o)) {
				return
			}
		}
		for _, c := range profiles {
			if !yield(c) {
				return
			}
		}
	}
}

// hash is the chunk's content hash together with what encodes it.
func (s *Syncer) hash(c corpus.Chunk) string {
	h := c.Hash + " " + s.Encoder.Version(c)
	if s.Embedder != nil {
		h += " " + s.Embedder.Name()
	}
	return h
}

// holds reports whether a stored hash is of the same chunk, encoded the same way. A
// run without an embedder leaves vectors alone that one with it made.
func (s *Syncer) holds(stored, hash string) bool {
	return stored == hash || s.Embedder == nil && strings.HasPrefix(stored, hash+" ")
}

func (s *Syncer) write(ctx context.Context, todo []corpus.Chunk, hashes []string, report *Report) error {
	size := s.Step
	switch {
	case size > 0:
	case s.Embedder == nil:
		size = max(len(todo), 1) // nothing to lose: one step, so that no search sees half of it
	default:
		size = batchSize
	}
	for start := 0; start < len(todo); start += size {
		end := min(start+size, len(todo))
		points, err := s.points(ctx, todo[start:end], hashes[start:end])
		if err != nil {
			return err
		}
		if err := s.Store.Upsert(ctx, points); errors.Is(err, vectorstore.ErrNotSaved) {
			report.NotSaved = err
		} else if err != nil {
			return fmt.Errorf("store chunks %d to %d of %d: %w", start+1, end, len(todo), err)
		}
		if s.Embedder != nil {
			report.Embedded += len(points)
		}
		if s.Progress != nil {
			s.Progress(end, len(todo))
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("interrupted after %d of %d chunks; run again to go on: %w", end, len(todo), err)
		}
	}
	return nil
}

// points encodes and, with an embedder, embeds chunks.
func (s *Syncer) points(ctx context.Context, chunks []corpus.Chunk, hashes []string) ([]vectorstore.Point, error) {
	points := make([]vectorstore.Point, len(chunks))
	for i, c := range chunks {
		points[i] = vectorstore.Point{
			ID: c.ID, Hash: hashes[i], Document: c.Document, Section: c.Section, Collection: c.Collection, Audience: c.Audience,
			ValidFrom: string(c.ValidFrom), ValidTo: string(c.ValidTo), Sparse: s.Encoder.EncodeChunk(c),
		}
	}
	if s.Embedder == nil {
		return points, nil
	}
	texts := make([]string, len(chunks))
	for i, c := range chunks {
		texts[i] = strings.Join([]string{c.Title, c.Heading, c.Text}, "\n")
	}
	vectors, err := s.embed(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("embed chunks from %s on: %w", chunks[0].ID, err)
	}
	for i := range points {
		points[i].Dense = map[string][]float32{vectorstore.DenseName: vectors[i]}
	}
	return points, nil
}

// embed embeds texts, in order. A call that took too long is made again with half as
// many: a server without a graphics card takes seconds over each, and one that is
// asked for too much at once would never be done, however often.
func (s *Syncer) embed(ctx context.Context, texts []string) ([][]float32, error) {
	if s.atOnce == 0 {
		s.atOnce = embedAtOnce
	}
	vectors := make([][]float32, 0, len(texts))
	for len(texts) > 0 {
		n := min(len(texts), s.atOnce)
		part, err := s.Embedder.Embed(ctx, texts[:n], false)
		switch {
		case err == nil:
			vectors, texts = append(vectors, part...), texts[n:]
		case n > 1 && ctx.Err() == nil && llm.KindOf(err) == llm.Slow:
			s.atOnce = n / 2
		default:
			return nil, err
		}
	}
	return vectors, nil
}
