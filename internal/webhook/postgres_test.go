package webhook_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a PostgreSQL of the tests, started when the first one needs it.
var server struct {
	once  sync.Once
	stop  func()
	url   func(database string) string
	err   error
	mu    sync.Mutex
	count int
}

func TestMain(m *testing.M) {
	if serveIfAsked() { // this process is the server that another test kills
		return
	}
	code := m.Run()
	if server.stop != nil {
		server.stop()
	}
	os.Exit(code)
}

// postgres returns the address of an empty database, or skips the test where no
// PostgreSQL is installed.
func postgres(t testing.TB) string {
	t.Helper()
	server.once.Do(func() { server.err = startPostgres() })
	if server.err != nil {
		t.Skipf("no PostgreSQL to test with: %v", server.err)
	}
	server.mu.Lock()
	server.count++
	name := fmt.Sprint("test", server.count)
	server.mu.Unlock()
	c, err := pgx.Connect(t.Context(), server.url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	if _, err := c.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return server.url(name)
}

func startPostgres() error {
	initdb, err := tool("initdb")
	if err != nil {
		return err
	}
	postgres, err := tool("postgres")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "troly-pg")
	if err != nil {
		return err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	attr, err := notRoot(dir)
	if err != nil {
		remove()
		return err
	}
	data := filepath.Join(dir, "data")
	make := exec.Command(initdb, "-D", data, "-U", "test", "--auth=trust", "--no-sync", "-E", "UTF8", "--no-locale")
	make.SysProcAttr, make.Dir = attr, dir
	if out, err := make.CombinedOutput(); err != nil {
		remove()
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		remove()
		return err
	}
	run := exec.Command(postgres, "-D", data, "-k", dir, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60")
	run.SysProcAttr, run.Dir = attr, dir
	if err := run.Start(); err != nil {
		remove()
		return err
	}
	server.stop = func() {
		_ = run.Process.Signal(syscall.SIGINT) // fast shutdown
		_ = run.Wait()
		remove()
	}
	server.url = func(database string) string {
		return fmt.Sprintf("postgres://test@127.0.0.1:%d/%s?sslmode=disable", port, database)
	}
	for range 200 {
		var c *pgx.Conn
		if c, err = pgx.Connect(context.Background(), server.url("postgres")); err == nil {
			return c.Close(context.Background())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("PostgreSQL does not answer: %w", err)
}

// tool finds a program of PostgreSQL, in the path or where Debian puts it.
func tool(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); err == nil && len(found) > 0 {
		return found[len(found)-1], nil
	}
	return "", fmt.Errorf("%s is not installed", name)
}

// notRoot gives dir to a user that is not root, which PostgreSQL refuses to run as.
func notRoot(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, os.Chown(dir, uid, gid)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	return strconv.Atoi(port)
}
