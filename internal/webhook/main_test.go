package webhook_test

import (
	"os"
	"testing"

	"troly/internal/database/databasetest"
)

// postgres syncs its commits, because the measures are taken with it.
var postgres = databasetest.Server{URL: os.Getenv("POSTGRES_TEST_URL"), Durable: true}

func TestMain(m *testing.M) {
	if serveIfAsked() { // this process is the server that another test kills
		return
	}
	code := m.Run()
	postgres.Stop()
	os.Exit(code)
}

// everywhere runs a test on both databases; fresh returns the address of an empty one.
func everywhere(t *testing.T, test func(t *testing.T, fresh func(testing.TB) string)) {
	t.Run("sqlite", func(t *testing.T) {
		test(t, func(t testing.TB) string { return t.TempDir() + "/test.db" })
	})
	t.Run("postgres", func(t *testing.T) { test(t, postgres.Database) })
}
