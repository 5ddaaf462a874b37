package database_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"troly/internal/database"
)

func TestOpenedByManyAtOnce(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				db, err := database.Open(ctx, url, database.Options{})
				if err != nil {
					t.Errorf("Open: %v", err)
					return
				}
				defer db.Close()
				if err := db.Ping(ctx); err != nil {
					t.Errorf("Ping: %v", err)
				}
				if _, err := db.Receive(ctx, message("a", i)); err != nil {
					t.Errorf("Receive: %v", err)
				}
			})
		}
		wg.Wait()
		if n := count(t, raw(t, url), "SELECT count(*) FROM inbox"); n != 5 {
			t.Errorf("%d rows were received, want 5", n)
		}
	})
}

func TestClose(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db, err := database.Open(ctx, url, database.Options{})
		ok(t, err)
		var wg sync.WaitGroup
		taken := make(chan int, 100)
		for i := range 100 {
			wg.Go(func() {
				n, err := db.Receive(ctx, message("a", i))
				if err == nil {
					taken <- n
				} else if !strings.Contains(err.Error(), "closed") {
					t.Errorf("Receive while closing: %v", err)
				}
			})
		}
		receive(t, db, message("b", 1))
		ok(t, db.Close())
		wg.Wait()
		close(taken)
		sum := 1
		for n := range taken {
			sum += n
		}
		if n := count(t, raw(t, url), "SELECT count(*) FROM inbox"); n != sum {
			t.Errorf("%d rows are there, %d were acknowledged", n, sum)
		}
		if _, err := db.Receive(ctx, message("c", 1)); err == nil {
			t.Error("Receive after Close: no error")
		}
		if err := db.Ping(ctx); err == nil {
			t.Error("Ping after Close: no error")
		}
		ok(t, db.Close())
	})
}

func TestReceiveOfACallerThatHasGone(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		gone, leave := context.WithCancel(ctx)
		leave()
		if n, err := db.Receive(gone, message("a", 1)); n != 0 || err == nil {
			t.Errorf("Receive = %d, %v, want an error", n, err)
		}
		receive(t, db, message("a", 1))
	})
}

func TestZ21FilesAreTheOwnersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "dir 100%?#", "troly.db")
	db := open(t, path, database.Options{})
	receive(t, db, message("a", 1))
	ok(t, db.WithToken(ctx, "zalo/../x", func(context.Context, []byte) ([]byte, error) { return []byte("secret"), nil }))
	files, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(path)), "*", "*"))
	ok(t, err)
	if len(files) < 4 {
		t.Fatalf("files = %v, want the database, its log and locks", files)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		ok(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want it closed to others", f, info.Mode())
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.db")
	ok(t, os.WriteFile(broken, []byte(strings.Repeat("this is no database ", 100)), 0o600))
	for _, tt := range []struct{ url, want string }{
		{broken, "broken.db: "},
		{broken, "not a database"},
		{filepath.Join(broken, "x.db"), "not a directory"},
		{"", "no file"},
		{"postgres://u:hunter2@127.0.0.1:1/x", "127.0.0.1:1"},
		{"postgres://u:hunter2@[::1/x", "open database"},
	} {
		db, err := database.Open(ctx, tt.url, database.Options{})
		if err == nil {
			db.Close()
			t.Errorf("Open(%q) = nil, want an error", tt.url)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q): %v, want %q and no password", tt.url, err, tt.want)
		}
	}
}
