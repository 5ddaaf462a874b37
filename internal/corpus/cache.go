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
	"slices"
	"time"

	"troly/internal/vietnamese"
)

// cacheFormat names the shape of the cached file; raise it when a field of
// Document changes its meaning.
const cacheFormat = "troly-knowledge-5"

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
// parsing; a damaged file is written anew, which problems says. A file of the knowledge
// that cannot be read any more is kept in its last good version, which problems says
// too. An empty path keeps nothing. When save fails the library is good all the same.
func Open(fsys fs.FS, path string) (lib *Library, problems []Problem, save func() error, err error) {
	version, err := Version(fsys)
	if err != nil {
		return nil, nil, nil, err
	}
	kept, damaged := readCache(path)
	if kept.Library != nil && kept.Library.Version == version {
		return kept.Library, kept.Problems, func() error { return nil }, nil
	}
	lib, problems, err = Load(fsys)
	if kept.Library != nil {
		lib, problems, err = keepLastGood(lib, kept.Library, version, problems, err)
	}
	found := problems
	if damaged {
		problems = append(problems[:len(problems):len(problems)], Problem{File: path, Message: "this copy of the knowledge was damaged: it is made anew"})
	}
	if err != nil {
		return nil, problems, nil, err
	}
	return lib, problems, func() error { return writeCache(path, lib, found) }, nil
}

// keepLastGood takes what broken files held from the previous library. With no
// readable document at all, everything but the broken ones is the previous.
func keepLastGood(lib, previous *Library, version string, problems []Problem, err error) (*Library, []Problem, error) {
	if lib == nil {
		lib = &Library{Version: version, Glossary: previous.Glossary, Contacts: previous.Contacts, Outside: previous.Outside, Emergencies: previous.Emergencies, Units: previous.Units}
		lib.index()
	}
	for i, p := range problems {
		if lib.keep(p.File, previous) {
			problems[i].Message += "; the last good version stays in use"
		}
	}
	if len(lib.Documents) == 0 {
		return nil, problems, err
	}
	lib.addEmergencies()
	lib.index()
	lib.gather()
	return lib, problems, nil
}

// keep takes over what the previous library had from a file, and reports whether that
// was anything.
func (l *Library) keep(file string, previous *Library) bool {
	switch file {
	case unitsFile:
		l.Units = previous.Units
		return len(l.Units.Communes) > 0
	case "glossary.yaml":
		l.Glossary = previous.Glossary
		return len(l.Glossary) > 0
	case "contacts.yaml":
		l.Contacts = previous.Contacts
		return len(l.Contacts) > 0
	case "emergencies.yaml":
		l.Emergencies = previous.Emergencies
		return len(l.Emergencies.Matters) > 0
	case "outside.yaml":
		l.Outside = previous.Outside
		return len(l.Outside) > 0
	}
	i := slices.IndexFunc(previous.Documents, func(d *Document) bool { return d.File == file && l.Document(d.ID) == nil })
	if i < 0 {
		return false
	}
	l.Documents = append(l.Documents, previous.Documents[i])
	return true
}

// readCache returns what is kept at path: no library when there is none, or it is of an
// older program, or it was damaged.
func readCache(path string) (c cached, damaged bool) {
	if path == "" {
		return c, false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return c, false
	}
	sum, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok || string(sum) != checksum(body) {
		return c, true
	}
	if json.Unmarshal(body, &c) != nil || c.Format != cacheFormat || c.Library == nil {
		return cached{}, false
	}
	c.Library.Vocabulary = vietnamese.NewVocabulary()
	if c.Library.Vocabulary.UnmarshalBinary(c.Vocabulary) != nil {
		return cached{}, false
	}
	c.Library.index()
	return c, false
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
	left, _ := filepath.Glob(path + ".*.tmp")
	for _, name := range left { // by processes that were killed while they wrote
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > time.Minute {
			os.Remove(name)
		}
	}
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
