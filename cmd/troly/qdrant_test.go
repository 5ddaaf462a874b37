package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"troly/internal/pipeline"
	"troly/internal/qdrant/qdranttest"
)

const bees = `---
id: nuoi-ong
title: Đăng ký nuôi ong
kind: procedure
asked: [nuôi ong phải báo với ai]
authority: Ủy ban nhân dân cấp xã
checked: 2026-11-23
confidence: high
sources: [{title: Quy định}]
---

## Tóm tắt

Người nuôi ong báo với xã trước khi đặt đàn.
`

// TestServerHeals: a server goes on answering while Qdrant is down, wants another
// key, or has lost everything, says so, and fills and uses it again by itself.
func TestServerHeals(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "knowledge", "procedures"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "knowledge", "procedures", "nuoi-ong.md"), []byte(bees), 0o644); err != nil {
		t.Fatal(err)
	}
	server := qdranttest.New(t)
	t.Setenv("TROLY_DATA_DIR", filepath.Join(dir, "data"))
	t.Setenv("QDRANT_URL", server.URL)
	server.Stop()
	ctx, stop := context.WithCancel(context.Background())
	a, err := openAssistant(ctx, &console{out: io.Discard, err: io.Discard}, &options{knowledge: filepath.Join(dir, "knowledge")})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var background sync.WaitGroup
	defer background.Wait()
	defer stop()
	background.Go(func() { keepFilled(ctx, a.remote, a.lib, nil, 10*time.Millisecond, slog.New(slog.DiscardHandler)) })

	degraded := func() string {
		o := a.Ask(ctx, pipeline.Question{Text: "nuôi ong phải báo với ai"})
		if o.Status != pipeline.Answered {
			t.Fatalf("status %s, %s", o.Status, o.Error)
		}
		return strings.Join(o.Degraded, "; ")
	}
	until := func(well bool) {
		t.Helper()
		for {
			d := degraded()
			if well == (d == "") {
				return // the test times out if it never is
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	if d := degraded(); !strings.Contains(d, "Qdrant") || !strings.Contains(d, "embedded store") {
		t.Errorf("while Qdrant is down: degraded = %q", d)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	until(true) // up
	server.Forget()
	for server.Behind("troly") == "" { // until it is filled again; somebody may ask meanwhile or not
		time.Sleep(10 * time.Millisecond)
	}
	until(true)
	server.Fail(qdranttest.Fault{Code: codes.Unauthenticated})
	until(false)
	server.Fail(qdranttest.Fault{})
	until(true)
	server.Fail(qdranttest.Fault{Silent: true})
	until(false)
	server.Fail(qdranttest.Fault{})
	until(true)
}
