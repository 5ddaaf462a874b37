package retrieval

import (
	"testing"

	"troly/internal/corpus"
	"troly/knowledge"
)

func BenchmarkLearn(b *testing.B) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		learning(lib)()
	}
}
