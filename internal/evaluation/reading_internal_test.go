package evaluation

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// FuzzRead reads anything: places stay inside the text and in order.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"", "\n\n", "Lệ phí [1]:\n- Bản sao: 8.000 đồng/bản.", norm.NFD.String("Thủ tục đăng ký khai sinh, miễn phí."), "le phi 150 nghin dong; 5 ngay lam viec",
		"a\u200b–b “c” 1–6 ngày", "\xff\xfe 5%", "gọi +84 912 345 678 [99]", "1.500.000đ\t\r\n 01/07/2025",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := read(s)
		last := 0
		for i, w := range r.words {
			if w.start < last || w.end < w.start || w.end > len(s) {
				t.Fatalf("word %d of %q is at %d to %d after %d", i, s, w.start, w.end, last)
			}
			last = w.start
			if c := r.sentences[w.sentence]; i < c.first || i >= c.last || utf8.ValidString(s) && (w.start < c.start || w.end > c.end) {
				t.Fatalf("word %d of %q (%d to %d) is not in its sentence %+v", i, s, w.start, w.end, c)
			}
		}
		for _, v := range r.values {
			if v.start < 0 || v.end > len(s) || v.start > v.end || v.at >= len(r.words) {
				t.Fatalf("value %+v of %q lies outside", v, s)
			}
		}
		for i := range r.sentences {
			r.sentence(i)
		}
	})
}

// FuzzParseCase decodes any line: an error or a case that can be matched.
func FuzzParseCase(f *testing.F) {
	f.Add([]byte(`{"schema_version":1,"id":"a","base_id":"a","variant":"plain","question":"x","expected_docs":[{"doc":"d","grade":3}],"key_facts":[{"id":"f","type":"money_vnd","value":8000}],"as_of":"2026-11-24","x_note":1}`))
	f.Add([]byte(`{"question":1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, line []byte) {
		c, err := parseCase(line)
		if err != nil {
			return
		}
		if len(c.validate()) > 0 {
			return
		}
		for i := range c.KeyFacts {
			if _, err := newStatement(&c.KeyFacts[i]); err != nil {
				t.Fatalf("a valid case holds fact %+v: %v", c.KeyFacts[i], err)
			}
		}
	})
}

func TestSentencesAndClauses(t *testing.T) {
	r := read("Nộp ở TP.Yên Bái 1.500 đồng. Chưa có thẻ thì nộp đơn; xong!\nGọi 113")
	if len(r.sentences) != 4 {
		t.Fatalf("%d sentences in %q, want 4: %+v", len(r.sentences), r.source, r.sentences)
	}
	for i, want := range []string{"Nộp ở TP.Yên Bái 1.500 đồng. ", "Chưa có thẻ thì nộp đơn; ", "xong!", "Gọi 113"} {
		if got := r.source[r.sentences[i].start:r.sentences[i].end]; got != want {
			t.Errorf("sentence %d is %q, want %q", i, got, want)
		}
	}
}
