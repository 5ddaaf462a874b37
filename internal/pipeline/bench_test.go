package pipeline_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"troly/internal/corpus"
	"troly/internal/ingest"
	"troly/internal/pipeline"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
	"troly/knowledge"
)

// BenchmarkAsk asks sixteen residents' questions in turn, of eight documents (about
// 1,000 chunks), of the knowledge alone, and with foreign chunks beside it up to
// 100,000. The foreign ones are for officials, so that a search scores them and then
// leaves them out. Beside the mean it prints the median.
func BenchmarkAsk(b *testing.B) {
	questions := []string{
		"nhà em mới sinh bé, muốn có thẻ bảo hiểm với nhập khẩu luôn thì hết bao nhiêu tiền",
		"lam lai can cuoc bi mat het bao nhieu tien", "đổi bằng lái xe online được không", "ho ngheo dong bhyt bao nhieu",
		"mất sổ đỏ thì làm lại ở đâu, mấy ngày có", "xin giấy độc thân cần những gì", "con em 3 tuổi làm căn cước có phải lấy vân tay không",
		"công an gọi bảo cài app vneid qua link thì sao", "mua xe máy cũ sang tên mất bao nhiêu", "chuyển trường cho con nộp đơn ở đâu",
		"me em 76 tuoi khong luong huu duoc bao nhieu mot thang", "khai tử cho ông em muộn một tháng có bị phạt không",
		"làm hộ chiếu lần đầu cần gì, mấy ngày", "đăng ký tạm trú cho công nhân thuê trọ", "trời hôm nay có mưa không", "xã Cổ Phúc giờ thuộc xã nào",
	}
	for _, size := range []struct {
		files fs.FS
		extra int
	}{{someKnowledge(b), 0}, {knowledge.FS, 0}, {knowledge.FS, 80_000}} {
		a, n := benchAssistant(b, size.files, size.extra)
		b.Run(fmt.Sprintf("chunks=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var times []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				a.Ask(context.Background(), pipeline.Question{Text: questions[i%len(questions)], Audience: "citizen"})
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "median-ms")
		})
	}
}

// someKnowledge is the knowledge with eight of its documents and without what is
// outside it.
func someKnowledge(b *testing.B) fs.FS {
	files := fstest.MapFS{}
	for _, name := range []string{
		"procedures/khai-sinh.md", "procedures/khai-tu.md", "procedures/can-cuoc-cap-doi-cap-lai.md", "procedures/gplx-doi.md",
		"procedures/sang-ten-xe.md", "procedures/ho-chieu.md", "procedures/tam-tru.md", "procedures/xac-nhan-tinh-trang-hon-nhan.md",
		"contacts.yaml", "glossary.yaml", "units.json",
	} {
		data, err := fs.ReadFile(knowledge.FS, name)
		if err != nil {
			b.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

// benchAssistant answers from knowledge in a store with extra chunks.
func benchAssistant(b *testing.B, files fs.FS, extra int) (*pipeline.Assistant, int) {
	lib, _, err := corpus.Load(files)
	if err != nil {
		b.Fatal(err)
	}
	store, _ := vectorstore.OpenEmbedded(context.Background(), "", retrieval.Schema(0))
	syncer := ingest.Syncer{Store: store, Encoder: retrieval.NewEncoder(lib)}
	if _, err := syncer.Sync(context.Background(), lib); err != nil {
		b.Fatal(err)
	}
	if err := store.Upsert(context.Background(), foreign(lib, extra)); err != nil {
		b.Fatal(err)
	}
	if _, err := store.Search(context.Background(), nil); err != nil { // builds the index
		b.Fatal(err)
	}
	hashes, err := store.Hashes(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	return pipeline.New(lib, retrieval.New(lib, store, nil, retrieval.Options{}), pipeline.Options{}), len(hashes)
}

// foreign makes n chunks of 100 syllables from the sentences of the knowledge.
func foreign(lib *corpus.Library, n int) []vectorstore.Point {
	var words []string
	for _, d := range lib.Documents {
		for _, s := range d.Sections {
			words = append(words, strings.Fields(s.Body)...)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	encoder := retrieval.NewTextEncoder(100)
	points := make([]vectorstore.Point, n)
	for i := range points {
		at := rng.IntN(len(words) - 100)
		id := fmt.Sprintf("foreign/%d", i)
		c := corpus.Chunk{ID: id, Document: id, Section: "text", Text: strings.Join(words[at:at+100], " ")}
		points[i] = vectorstore.Point{ID: id, Document: id, Section: c.Section, Audience: "official", Sparse: encoder.EncodeChunk(c)}
	}
	return points
}
