package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Cache keeps completions as files named by everything they depend on, so that a
// repeated run costs nothing. Repeats of one request are entries of their own.
// Errors, refusals, cut-off and unreadable answers are never kept. A nil Cache keeps
// nothing.
type Cache struct {
	Dir       string // made when the first entry is written
	Namespace string // the service's address and the model's name
	ReadOnly  bool
}

// path is where an entry is kept.
func (c *Cache) path(r Request, repeat int) string {
	key, err := json.Marshal(struct {
		Namespace string
		Request   Request
		Repeat    int
	}{c.Namespace, r, repeat})
	if err != nil {
		panic(err) // strings, numbers and a schema of ours always encode
	}
	sum := sha256.Sum256(key)
	name := hex.EncodeToString(sum[:])
	return filepath.Join(c.Dir, name[:2], name+".json")
}

// get returns an entry; one that cannot be read is none.
func (c *Cache) get(r Request, repeat int) (Completion, bool) {
	if c == nil {
		return Completion{}, false
	}
	data, err := os.ReadFile(c.path(r, repeat))
	if err != nil {
		return Completion{}, false
	}
	var kept Completion
	return kept, json.Unmarshal(data, &kept) == nil && kept.Text != ""
}

// put keeps an entry; a cache that cannot be written only makes the next run dearer,
// and Check says so before a run.
func (c *Cache) put(r Request, repeat int, completion Completion) {
	if c == nil || c.ReadOnly {
		return
	}
	data, err := json.Marshal(completion)
	if err != nil {
		return
	}
	path := c.path(r, repeat)
	if os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), "new-*")
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), path) != nil {
		os.Remove(f.Name())
	}
}

// Check reports whether the cache can be written.
func (c *Cache) Check() error {
	if c == nil || c.ReadOnly {
		return nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("judge cache: %w", err)
	}
	f, err := os.CreateTemp(c.Dir, "check-*")
	if err != nil {
		return fmt.Errorf("judge cache: %w", err)
	}
	f.Close()
	return os.Remove(f.Name())
}
