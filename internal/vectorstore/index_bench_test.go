//go:build unix

package vectorstore_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"troly/internal/vectorstore"
)

// BenchmarkIndex prints how many chunks of 120 syllables are encoded, indexed, and
// both, in one second of one core: of the time all cores worked, whoever else did.
func BenchmarkIndex(b *testing.B) {
	const n = 10_000
	texts := benchTexts(n)
	schema := vectorstore.Schema{Sparse: map[string]bool{"words": true}}
	encode := func() []vectorstore.Point {
		encoder := benchBM25.Encoder()
		points := make([]vectorstore.Point, n)
		for i, text := range texts {
			points[i] = vectorstore.Point{ID: fmt.Sprintf("p%06d", i), Sparse: map[string]vectorstore.Sparse{"words": encoder.Document(text)}}
		}
		return points
	}
	build := func(points []vectorstore.Point) {
		s, _ := vectorstore.OpenEmbedded(context.Background(), "", schema)
		if err := s.Upsert(context.Background(), points); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Search(context.Background(), nil); err != nil { // builds the index
			b.Fatal(err)
		}
	}
	points := encode()
	for _, bench := range []struct {
		name string
		step func()
	}{
		{"encode", func() { encode() }},
		{"build", func() { build(points) }},
		{"encode+build", func() { build(encode()) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			start := worked()
			for b.Loop() {
				bench.step()
			}
			b.ReportMetric(float64(n*b.N)/(worked()-start).Seconds(), "chunks/s/core")
		})
	}
}

// worked is how long the cores have worked for this process.
func worked() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// benchTexts makes n texts of 120 syllables, drawn from some 8,000 by Zipf's law.
func benchTexts(n int) []string {
	onsets := strings.Fields("b c ch d đ g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x")
	rhymes := strings.Fields("a á à ả ã ạ ai ái ài ại an án àn ạn ang áng àng ạng anh ánh ảnh ạnh ao áo ào ay áy ày ây ấy ầy ân ấn ần ận âm ấm ập ất ật " +
		"e é ẻ em én eo ẹp ê ế ề ệ ên ến ền ện ênh ếp ết ệt i í ì ị ia in ít ịt iên iến iền iện iệt iêu iều " +
		"o ó ò ỏ ọ oa oà oá oan oán oàn oản on ong óng òng ông ống ồng ộng ô ố ồ ổ ộ ôi ối ồi ội ơ ớ ờ ở ợ ơi ới ời ợi ơn ớp " +
		"u ú ù ủ ụ ua úa ùa ung úng ùng ụng uôi uổi uyên uyến uyền uyện uyết ư ứ ừ ử ự ưa ứa ừa ưng ứng ừng ương ướng ường ượng ước ược ưu")
	rng := rand.New(rand.NewPCG(1, 2))
	var syllables []string
	for _, onset := range onsets {
		for _, rhyme := range rhymes {
			syllables = append(syllables, onset+rhyme)
		}
	}
	rng.Shuffle(len(syllables), func(i, j int) { syllables[i], syllables[j] = syllables[j], syllables[i] })
	texts := make([]string, n)
	for i := range texts {
		words := make([]string, 120)
		for j := range words {
			words[j] = syllables[int(math.Exp(rng.Float64()*math.Log(float64(len(syllables)))))-1]
		}
		texts[i] = strings.Join(words, " ")
	}
	return texts
}
