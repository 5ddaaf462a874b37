package retrieval

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"troly/internal/corpus"
	"troly/internal/ingest"
	"troly/internal/llm"
	"troly/internal/vectorstore"
	"troly/internal/vietnamese"
)

const page = `---
id: %s
title: %s
kind: procedure
aliases: [%s]
asked: [%s]
authority: UBND cấp xã
audience: %s
checked: 2026-11-23
confidence: high
sources: [{title: Nguồn}]
---

## Tóm tắt

%s
`

func smallLibrary(t *testing.T) *corpus.Library {
	t.Helper()
	files := fstest.MapFS{}
	for _, d := range [][6]string{
		{"ban-dat", "Bán đất", "chuyển nhượng đất", "nhà em muốn bán mảnh nương, hai nhà mua bán ruộng với nhau", "both", "Bán đất thì ra công chứng."},
		{"ban-sao", "Cấp bản sao", "xin bản sao", "xin lại tờ giấy có dấu đỏ, cần thêm một tờ giống hệt", "both", "Xin bản sao ở xã."},
		{"ban-be", "Tìm bạn", "làm bạn", "kết bạn với ai", "official", "Chỉ dành cho cán bộ."},
	} {
		files["procedures/"+d[0]+".md"] = &fstest.MapFile{Data: []byte(fmt.Sprintf(page, d[0], d[1], d[2], d[3], d[4], d[5]))}
	}
	lib, problems, err := corpus.Load(files)
	if err != nil || len(problems) > 0 {
		t.Fatalf("load: %v, %v", err, problems)
	}
	return lib
}

func newRetriever(t *testing.T, embedder llm.Embedder) *Retriever {
	t.Helper()
	lib := smallLibrary(t)
	store, note := vectorstore.OpenEmbedded(context.Background(), "", Schema(0))
	if note != nil {
		t.Fatal(note)
	}
	syncer := ingest.Syncer{Store: store, Encoder: NewEncoder(lib)}
	if _, err := syncer.Sync(context.Background(), lib); err != nil {
		t.Fatal(err)
	}
	return New(lib, store, embedder, Options{})
}

func TestSearch(t *testing.T) {
	r := newRetriever(t, nil)
	for _, tt := range []struct {
		name string
		q    Query
		want string // the first document
	}{
		{"marks decide", Query{Text: "bán đất", Accented: true}, "ban-dat"},
		{"other marks", Query{Text: "xin bản sao", Accented: true}, "ban-sao"},
		{"without marks", Query{Text: "xin ban sao"}, "ban-sao"},
		{"situation", Query{Text: "cần một tờ giống hệt tờ giấy có dấu đỏ", Accented: true}, "ban-sao"},
		{"synonyms", Query{Text: "vườn tược", Accented: true, Synonyms: []string{"chuyển nhượng đất"}}, "ban-dat"},
		{"leans on", Query{Text: "thế bao nhiêu tiền", Accented: true, Context: []string{"ban-sao"}}, "ban-sao"},
		{"officials' page", Query{Text: "kết bạn", Accented: true, Audience: "official"}, "ban-be"},
	} {
		result, err := r.Search(context.Background(), tt.q)
		if err != nil || len(result.Documents) == 0 || result.Documents[0].ID != tt.want {
			t.Errorf("%s: Search(%+v) = %+v, %v, want %s first", tt.name, tt.q, result.Documents, err, tt.want)
			continue
		}
		again, err := r.Search(context.Background(), tt.q)
		if err != nil || !reflect.DeepEqual(result, again) {
			t.Errorf("%s: not the same twice", tt.name)
		}
		if d := result.Documents[0]; len(d.Sections) == 0 || d.Sections[0].Score != d.Score {
			t.Errorf("%s: the best section of the best document scores %v, the document %v", tt.name, d.Sections, d.Score)
		}
	}
	result, err := r.Search(context.Background(), Query{Text: "kết bạn", Accented: true, Audience: "citizen"})
	if err != nil || strings.Contains(fmt.Sprint(result.Documents), "ban-be") {
		t.Errorf("a citizen found the officials' page: %+v, %v", result.Documents, err)
	}
}

type brokenEmbedder struct{}

func (brokenEmbedder) Embed(context.Context, []string, bool) ([][]float32, error) {
	return nil, errors.New("service is down")
}
func (brokenEmbedder) Dimensions() int { return 4 }
func (brokenEmbedder) Name() string    { return "broken" }

func TestSearchWithoutEmbedding(t *testing.T) {
	result, err := newRetriever(t, brokenEmbedder{}).Search(context.Background(), Query{Text: "bán đất", Accented: true})
	if err != nil || len(result.Documents) == 0 || len(result.Degraded) != 1 || result.Degraded[0] != "embedding: unavailable" {
		t.Errorf("with a broken embedder: %+v, %v, want an answer that says what was missing", result, err)
	}
}

func TestContent(t *testing.T) {
	s := newStopWords()
	for _, tt := range []struct{ in, want string }{
		{"cho em hỏi làm giấy khai sinh cho con cần giấy tờ gì", "giấy khai sinh con"},
		{"cam on anh", ""},
		{"bao nhiêu tiền", ""},
		{"", ""},
	} {
		var words []string
		for _, tok := range s.content(vietnamese.Tokenize(nil, tt.in)) {
			words = append(words, tok.Text)
		}
		if got := strings.Join(words, " "); got != tt.want {
			t.Errorf("content(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestLearnIsDeterministic(t *testing.T) {
	lib := smallLibrary(t)
	if !reflect.DeepEqual(learning(lib)(), learning(lib)()) {
		t.Error("the same knowledge gave other weights")
	}
}
