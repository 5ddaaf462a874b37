package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// X05: how much waits for each channel that is on, and for how long, is among the
// figures of a server from its start.
func TestX05TheQueuesOfEachChannelAreAmongTheFigures(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "knowledge", "procedures"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "knowledge", "procedures", "nuoi-ong.md"), []byte(bees), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"TROLY_DATA_DIR": filepath.Join(dir, "data"), "QDRANT_URL": "", "DATABASE_URL": "", "ZALO_APP_ID": "",
		"TELEGRAM_BOT_TOKEN": "123456:of-a-test", "TELEGRAM_WEBHOOK_SECRET": "secret",
		"ZALO_BOT_TOKEN": "654321:of-a-test", "ZALO_BOT_WEBHOOK_SECRET": "secret123",
	} {
		t.Setenv(name, value)
	}
	opts := &options{knowledge: filepath.Join(dir, "knowledge")}
	s, err := readSettings(opts)
	if err != nil {
		t.Fatal(err)
	}
	a, err := openAssistant(t.Context(), &console{out: io.Discard, err: io.Discard}, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	log := slog.New(slog.DiscardHandler)
	db, err := s.openDatabase(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	registry := prometheus.NewRegistry()
	if _, err := openChannels(t.Context(), s, a, db, registry, polls{}, log); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			series := f.GetName()
			for _, l := range m.GetLabel() {
				series += " " + l.GetValue()
			}
			there[series] = true
		}
	}
	for _, figure := range []string{"troly_queue_depth", "troly_queue_oldest_seconds"} {
		for _, of := range []string{" telegram inbox", " telegram outbox", " zalo-bot inbox", " zalo-bot outbox"} {
			if !there[figure+of] {
				t.Errorf("figure %q is missing", figure+of)
			}
		}
		if there[figure+" zalo inbox"] {
			t.Errorf("%s of a channel that is off", figure)
		}
	}
}
