package evaluation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Cache keeps results that cost tokens, by the hash of everything they depend on.
// Errors are never kept; nothing is evicted.
type Cache struct{ dir string }

// OpenCache opens a folder, made when the first entry is kept.
func OpenCache(dir string) *Cache { return &Cache{dir} }

func (c *Cache) file(key string) string { return filepath.Join(c.dir, key[:2], key+".json") }

// get reads an entry; one that cannot be read counts as missing. A nil Cache is
// empty.
func (c *Cache) get(key string, v any) bool {
	if c == nil {
		return false
	}
	data, err := os.ReadFile(c.file(key))
	return err == nil && json.Unmarshal(data, v) == nil
}

// put keeps an entry; a nil Cache keeps nothing.
func (c *Cache) put(key string, v any) error {
	if c == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err == nil {
		if err = os.MkdirAll(filepath.Dir(c.file(key)), 0o755); err == nil {
			err = replaceFile(c.file(key), data)
		}
	}
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// CacheStats are the entries of a cache and their bytes.
type CacheStats struct {
	Entries int   `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

// Stats counts the entries.
func (c *Cache) Stats() (CacheStats, error) {
	var stats CacheStats
	err := filepath.WalkDir(c.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		stats.Entries++
		stats.Bytes += info.Size()
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return stats, err
}
