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

	"github.com/prometheus/client_golang/prometheus"
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

// TestServerHeals: a server goes on answering while Qdrant is down, wants another key,
// has vectors of another length, is silent or has lost everything, says so in the
// answer and in the figures, and fills and uses it again by itself.
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
	registry := prometheus.NewRegistry()
	a, err := openMeasured(ctx, &console{out: io.Discard, err: io.Discard}, &options{knowledge: filepath.Join(dir, "knowledge")}, registry)
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
	for _, fault := range []qdranttest.Fault{
		{Code: codes.Unauthenticated},
		{Code: codes.InvalidArgument}, // what it says of a vector of another length
		{Silent: true},
	} {
		before := counted(t, registry, "troly_degraded_total", "store")
		server.Fail(fault)
		until(false)
		if after := counted(t, registry, "troly_degraded_total", "store"); after <= before {
			t.Errorf("%+v: %v degraded answers counted, before it %v", fault, after, before)
		}
		server.Fail(qdranttest.Fault{})
		until(true)
	}
}

// counted is the value of a counter with a label of that value; 0 before it has any.
func counted(t *testing.T, registry *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if family.GetName() == name && l.GetValue() == label {
					return m.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}
