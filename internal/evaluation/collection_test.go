package evaluation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"troly/internal/evaluation"
	"troly/internal/retrieval"
	"troly/internal/trec"
	"troly/internal/vectorstore"
)

// smallCollection has documents that only their titles or only their bodies tell
// apart.
var smallCollection = fstest.MapFS{
	"corpus.jsonl": {Data: []byte(`{"_id":"khai-sinh","title":"Đăng ký khai sinh","text":"Giấy chứng sinh, tờ khai theo mẫu."}
{"_id":"ket-hon","title":"Đăng ký kết hôn","text":"Hai bên nam nữ có mặt ký vào sổ."}
{"_id":"lai-xe","title":"Đổi giấy phép lái xe","text":"Giấy khám sức khỏe, ảnh, giấy phép cũ."}`)},
	"queries.jsonl": {Data: []byte(`{"_id":"q1","text":"làm giấy khai sinh cho bé"}
{"_id":"q2","text":"thủ tục đăng ký kết hôn"}
{"_id":"q3","text":"xyzzy"}
{"_id":"unjudged","text":"đổi bằng lái"}`)},
	"qrels/test.tsv": {Data: []byte("query-id\tcorpus-id\tscore\nq1\tkhai-sinh\t1\nq2\tket-hon\t2\nq3\tlai-xe\t1\ngone\tlai-xe\t1\n")},
}

func TestCollection(t *testing.T) {
	ctx, lib := context.Background(), loadLibrary(t)
	collection, err := evaluation.OpenCollection(smallCollection, "test")
	if err != nil {
		t.Fatal(err)
	}
	if len(collection.Queries) != 3 || len(collection.Qrels) != 3 || collection.Unasked != 1 {
		t.Errorf("%d questions, %d judged, %d without text, want 3, 3 and 1", len(collection.Queries), len(collection.Qrels), collection.Unasked)
	}
	measures, err := trec.ParseMeasures("success@1")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range evaluation.Analyses() {
		store, note := vectorstore.OpenEmbedded(ctx, "", retrieval.Schema(0))
		if note != nil {
			t.Fatal(note)
		}
		if n, err := collection.Index(ctx, store, a, nil); n != 3 || err != nil {
			t.Fatalf("Index = %d, %v, want 3 documents", n, err)
		}
		searcher := evaluation.NewSearcher(lib, store, a, 10)
		for _, v := range []evaluation.Variant{evaluation.Plain, evaluation.NoDiacritics} {
			run, err := collection.Ask(ctx, searcher, v, 1, measures, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := run.Report.Values[0]; got[0] != 1 || got[1] != 1 || got[2] != 0 {
				t.Errorf("%s, %s: right first = %v, want 1 1 0", a.Name, v, got)
			}
			if missing := run.Report.Missing; len(missing) != 1 || missing[0] != "q3" {
				t.Errorf("%s, %s: nothing found for %v, want q3", a.Name, v, missing)
			}
		}
	}
	if run, err := collection.AskBaseline(evaluation.Plain, 1, measures, 10); err != nil || run.Report.Values[0][1] != 1 {
		t.Errorf("baseline = %+v, %v, want q2 right", run, err)
	}
}

func TestCollectionErrors(t *testing.T) {
	unjudged := fstest.MapFS{"queries.jsonl": smallCollection["queries.jsonl"], "qrels/test.tsv": {Data: []byte("query-id\tcorpus-id\tscore\nother\td\t1\n")}}
	for name, fsys := range map[string]fstest.MapFS{"no query of queries.jsonl is judged": unjudged, "qrels/test.tsv": {}} {
		if _, err := evaluation.OpenCollection(fsys, "test"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("OpenCollection: %v, want an error with %q", err, name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	collection, err := evaluation.OpenCollection(smallCollection, "test")
	if err != nil {
		t.Fatal(err)
	}
	store, _ := vectorstore.OpenEmbedded(context.Background(), "", retrieval.Schema(0))
	if _, err := collection.Index(ctx, store, evaluation.Analysis{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted Index: %v, want %v", err, context.Canceled)
	}
}
