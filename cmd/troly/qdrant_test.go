package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
	a, err := openMeasured(ctx, &console{out: io.Discard, err: io.Discard}, readIn(t, options{knowledge: filepath.Join(dir, "knowledge")}), registry)
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
	if d, want := degraded(), "Qdrant: no connection to Qdrant: answered from the embedded store"; d != want {
		t.Errorf("while Qdrant is down: degraded = %q, want %q: anybody may read it, so it names no address", d, want)
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

// TestCollectionInQdrant holds that a foreign collection is found in Qdrant as it is
// in memory, and that nothing of it stays there, whether the run ends well or not.
func TestCollectionInQdrant(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"corpus.jsonl": `{"_id":"khai-sinh","title":"Đăng ký khai sinh","text":"Giấy chứng sinh, tờ khai theo mẫu."}
{"_id":"ket-hon","title":"Đăng ký kết hôn","text":"Hai bên nam nữ có mặt ký vào sổ."}
{"_id":"lai-xe","title":"Đổi giấy phép lái xe","text":"Giấy khám sức khỏe, ảnh, giấy phép cũ."}
`,
		"queries.jsonl": `{"_id":"q1","text":"làm giấy khai sinh cho bé"}
{"_id":"q2","text":"thủ tục đăng ký kết hôn"}
{"_id":"q3","text":"khám sức khỏe ở đâu"}
`,
		"qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\tkhai-sinh\t1\nq2\tket-hon\t2\nq3\tlai-xe\t1\n",
	} {
		name = filepath.Join(dir, "small", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server := qdranttest.New(t)
	t.Setenv("QDRANT_URL", server.URL)
	data := warmDataDir(t)
	status := func(args ...string) (int, []byte, string) {
		var out, errs bytes.Buffer
		args = append([]string{"eval", "retrieval", "--data", data, "--beir", filepath.Join(dir, "small")}, args...)
		return run(t.Context(), args, strings.NewReader(""), &out, &errs), out.Bytes(), errs.String()
	}
	figures := make(map[string]retrievalFigures)
	for _, store := range []string{"embedded", "qdrant"} {
		code, out, errs := status("--store", store, "--json")
		var f retrievalFigures
		if err := json.Unmarshal(out, &f); code != 0 || err != nil {
			t.Fatalf("--store %s: status %d, %v, %s", store, code, err, errs)
		}
		if f.Store != store || f.Documents != 3 {
			t.Errorf("figures of %d documents in %q, want 3 in %q", f.Documents, f.Store, store)
		}
		for i := range f.Variants {
			f.Variants[i].LatencyMS = nil
		}
		figures[store] = f
	}
	if diff := cmp.Diff(figures["embedded"].Variants, figures["qdrant"].Variants); diff != "" {
		t.Errorf("Qdrant finds otherwise (-embedded +qdrant):\n%s", diff)
	}
	if n := server.Calls("Upsert"); n == 0 {
		t.Error("nothing was written to Qdrant")
	}
	if code, _, errs := status("--store", "qdrant", "--ablate"); code != 0 {
		t.Errorf("--ablate: status %d, %s", code, errs)
	}
	server.Fail(qdranttest.Fault{Method: "QueryBatch", Code: codes.Internal})
	if code, _, errs := status("--store", "qdrant"); code != 1 || !strings.Contains(errs, "told to fail") {
		t.Errorf("while searches fail: status %d, want 1; %s", code, errs)
	}
	if left := server.Collections(); len(left) > 0 {
		t.Errorf("left behind in Qdrant: %v", left)
	}
}
