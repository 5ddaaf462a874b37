package corpus

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"troly/internal/vietnamese"
)

// cacheFormat names the shape of the cached file; raise it when a field of
// Document changes its meaning.
const cacheFormat = "troly-knowledge-4"

// cached is the parsed knowledge as it lies in the data directory, so that a warm
// start need not decode YAML (which takes most of a cold one).
type cached struct {
	Format     string    `json:"format"`
	Library    *Library  `json:"library"`
	Vocabulary []byte    `json:"vocabulary"`
	Problems   []Problem `json:"problems"`
}

// Open loads the knowledge under fsys as Load does; save keeps what it parsed in the
// file at path. While the knowledge is unchanged the file is used instead of
// parsing; a damaged file is ignored and written anew. A document that cannot be
// read any more is kept in its last good version, which problems says. An empty
// path keeps nothing. When save fails the library is good all the same.
func Open(fsys fs.FS, path string) (lib *Library, problems []Problem, save func() error, err error) {
	version, err := Version(fsys)
	if err != nil {
		return nil, nil, nil, err
	}
	previous, problems := readCache(path)
	if previous != nil && previous.Version == version {
		return previous, problems, func() error { return nil }, nil
	}
	lib, problems, err = Load(fsys)
	if previous != nil {
		lib, problems, err = keepLastGood(lib, previous, version, problems, err)
	}
	if err != nil {
		return nil, problems, nil, err
	}
	return lib, problems, func() error { return writeCache(path, lib, problems) }, nil
}

// keepLastGood takes documents whose file is broken from the previous library. With
// no readable document at all, everything but the broken ones is the previous.
func keepLastGood(lib, previous *Library, version string, problems []Problem, err error) (*Library, []Problem, error) {
	if lib == nil {
		lib = &Library{Version: version, Glossary: previous.Glossary, Contacts: previous.Contacts, Outside: previous.Outside, Emergencies: previous.Emergencies}
		lib.index()
	}
	for i, p := range problems {
		if p.File == unitsFile {
			lib.Units = previous.Units
			problems[i].Message += "; the last good version stays in use"
		}
		for _, d := range previous.Documents {
			if d.File == p.File && lib.Document(d.ID) == nil {
				lib.Documents = append(lib.Documents, d)
				problems[i].Message += "; the last good version stays in use"
			}
		}
	}
	if len(lib.Documents) == 0 {
		return nil, problems, err
	}
	lib.index()
	lib.gather()
	return lib, problems, nil
}

// readCache returns the library kept at path, or nil when there is none that can
// be trusted.
func readCache(path string) (*Library, []Problem) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil
	}
	sum, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok || string(sum) != checksum(body) {
		return nil, nil
	}
	var c cached
	if json.Unmarshal(body, &c) != nil || c.Format != cacheFormat || c.Library == nil {
		return nil, nil
	}
	c.Library.Vocabulary = vietnamese.NewVocabulary()
	if c.Library.Vocabulary.UnmarshalBinary(c.Vocabulary) != nil {
		return nil, nil
	}
	c.Library.index()
	return c.Library, c.Problems
}

func writeCache(path string, lib *Library, problems []Problem) error {
	if path == "" {
		return nil
	}
	words, err := lib.Vocabulary.MarshalBinary()
	if err != nil {
		return fmt.Errorf("save knowledge: %w", err)
	}
	body, err := json.Marshal(cached{cacheFormat, lib, words, problems})
	if err != nil {
		return fmt.Errorf("save knowledge: %w", err)
	}
	data := append([]byte(checksum(body)+"\n"), body...)
	return writeFile(path, data)
}

// writeFile replaces the file at path as one step: a reader, or a crash at any
// instant, sees the old content or the new one. Missing folders are made.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // gone already when the rename succeeded
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	return nil
}

func checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
