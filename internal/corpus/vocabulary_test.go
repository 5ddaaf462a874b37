package corpus_test

import (
	"strings"
	"testing"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
	"troly/knowledge"
)

// Marks left out of the name of a paper are put back, whatever question it stands in:
// "sổ đỏ" is not "số đó".
func TestNamesAreRestored(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	restorer := vietnamese.NewRestorer(lib.Vocabulary)
	asked, wrong := 0, 0
	for _, rest := range []string{"", " bao lâu thì xong", " có làm trên mạng được không", " cần giấy tờ gì ạ"} {
		for _, d := range lib.Documents {
			for _, name := range append(d.Aliases, d.Usual...) {
				want := strings.ToLower(vietnamese.Normalize(name + rest))
				asked++
				if got := strings.ToLower(vietnamese.Normalize(restorer.Restore(vietnamese.Fold(want)))); got != want {
					wrong++
					t.Logf("%q is read as %q", want, got)
				}
			}
		}
	}
	if wrong*100 > asked*3 {
		t.Errorf("%d of %d names are read wrongly, want at most three in a hundred", wrong, asked)
	}
}
