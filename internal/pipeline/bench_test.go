package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"troly/internal/corpus"
	"troly/internal/ingest"
	"troly/internal/pipeline"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
	"troly/knowledge"
)

// BenchmarkAsk asks sixteen residents' questions in turn, of the knowledge alone
// (about 12,000 chunks) and with foreign chunks beside it up to 100,000. The foreign
// ones are for officials, so that a search scores them and then leaves them out.
func BenchmarkAsk(b *testing.B) {
	questions := []string{
		"nhà em mới sinh bé, muốn có thẻ bảo hiểm với nhập khẩu luôn thì hết bao nhiêu tiền",
		"lam lai can cuoc bi mat het bao nhieu tien", "đổi bằng lái xe online được không", "ho ngheo dong bhyt bao nhieu",
		"mất sổ đỏ thì làm lại ở đâu, mấy ngày có", "xin giấy độc thân cần những gì", "con em 3 tuổi làm căn cước có phải lấy vân tay không",
		"công an gọi bảo cài app vneid qua link thì sao", "mua xe máy cũ sang tên mất bao nhiêu", "chuyển trường cho con nộp đơn ở đâu",
		"me em 76 tuoi khong luong huu duoc bao nhieu mot thang", "khai tử cho ông em muộn một tháng có bị phạt không",
		"làm hộ chiếu lần đầu cần gì, mấy ngày", "đăng ký tạm trú cho công nhân thuê trọ", "trời hôm nay có mưa không", "xã Cổ Phúc giờ thuộc xã nào",
	}
	for _, extra := range []int{0, 88_000} {
		a, n := benchAssistant(b, extra)
		b.Run(fmt.Sprintf("chunks=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				a.Ask(context.Background(), pipeline.Question{Text: questions[i%len(questions)], Audience: "citizen"})
			}
		})
	}
}

// benchAssistant answers from the real knowledge in a store with extra chunks.
func benchAssistant(b *testing.B, extra int) (*pipeline.Assistant, int) {
	lib, _, err := corpus.Load(knowledge.FS)
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
