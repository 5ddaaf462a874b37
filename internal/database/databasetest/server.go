// Package databasetest gives tests a real PostgreSQL: one that is named, or one
// started for the tests from the programs on this machine.
package databasetest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL for the tests of one package. Make one in a variable of
// the test package, and stop it in TestMain:
//
//	var postgres databasetest.Server
//
//	func TestMain(m *testing.M) { code := m.Run(); postgres.Stop(); os.Exit(code) }
type Server struct {
	// URL of a database in which schemas may be made; empty: one is started when a
	// test first asks, with its data in a temporary directory and no port. Tests
	// take it from POSTGRES_TEST_URL.
	URL string

	// Durable makes a server that is started sync its commits to the disk. Tests are
	// faster without, and see no difference but when the machine stops.
	Durable bool

	mu      sync.Mutex
	admin   *url.URL
	skip    string // why there is none
	dir     string
	cmd     *exec.Cmd
	ended   chan struct{}
	created int
}

// Database makes room for the tables of one test, dropped at its end, and returns
// its URL: a schema of its own, which takes less time to make than a database. It
// skips the test when there is no PostgreSQL on the machine.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.admin == nil && s.skip == "" {
		s.start(t)
	}
	if s.skip != "" {
		t.Skip(s.skip)
	}
	s.created++
	name := fmt.Sprintf("troly_test_%d_%d", os.Getpid(), s.created)
	s.exec(t, "CREATE SCHEMA "+name)
	t.Cleanup(func() { s.exec(t, "DROP SCHEMA "+name+" CASCADE") })
	u := *s.admin
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

func (s *Server) exec(t testing.TB, stmt string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.admin.String())
	if err != nil {
		t.Fatalf("connect to PostgreSQL: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, stmt); err != nil {
		t.Fatalf("%s: %v", stmt, err)
	}
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	if s.URL != "" {
		u, err := url.Parse(s.URL)
		if err != nil {
			t.Fatalf("URL of PostgreSQL: %v", err)
		}
		s.admin = u
		return
	}
	bin := programs()
	if bin == "" {
		s.skip = "no PostgreSQL: neither a URL is given nor are initdb and postgres on this machine"
		return
	}
	if err := s.run(bin); err != nil {
		t.Fatalf("start PostgreSQL of %s: %v", bin, err)
	}
}

// programs finds the directory that has both.
func programs() string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // where Debian hides them
	if path, err := exec.LookPath("initdb"); err == nil {
		dirs = append([]string{filepath.Dir(path)}, dirs...)
	}
	for _, dir := range dirs {
		_, err1 := os.Stat(filepath.Join(dir, "initdb"))
		_, err2 := os.Stat(filepath.Join(dir, "postgres"))
		if err1 == nil && err2 == nil {
			return dir
		}
	}
	return ""
}

func (s *Server) run(bin string) (err error) {
	if s.dir, err = os.MkdirTemp("", "troly-postgres"); err != nil {
		return err
	}
	attr, err := unprivileged(s.dir)
	if err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200",
		"-c", fmt.Sprintf("fsync=%v", s.Durable))
	s.cmd.SysProcAttr, s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = attr, s.dir, log, log
	if err := spawn(s.cmd); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func() {
		s.cmd.Wait()
		close(s.ended)
	}()
	admin := &url.URL{Scheme: "postgres", Path: "/postgres", RawQuery: url.Values{"host": {s.dir}, "user": {"postgres"}}.Encode()}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), admin.String())
		if err == nil {
			s.admin = admin
			return conn.Close(context.Background())
		}
		select {
		case <-s.ended:
			out, _ := os.ReadFile(log.Name())
			return fmt.Errorf("postgres ended\n%s", out)
		default:
		}
		if time.Now().After(deadline) {
			return errors.Join(err, errors.New("postgres does not answer"))
		}
	}
}

// Stop ends a server that was started and removes its data. A test that asks
// afterwards starts another.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil && s.cmd.Process != nil {
		s.cmd.Process.Signal(syscall.SIGQUIT) // at once: nothing of it is needed
		<-s.ended
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
	s.admin, s.cmd, s.dir = nil, nil, ""
}
