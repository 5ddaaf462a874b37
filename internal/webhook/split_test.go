package webhook

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func TestSplitCutsWhereAReaderPauses(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		limit      int
		want       []string
	}{
		{"empty", "", 5, nil},
		{"fits", "Xin chào", 8, []string{"Xin chào"}},
		{"paragraph before line", "Một hai.\n\nBa bốn\nnăm", 18, []string{"Một hai.\n\n", "Ba bốn\nnăm"}},
		{"line before sentence", "Một. Hai\nba. bốn năm", 16, []string{"Một. Hai\n", "ba. bốn năm"}},
		{"sentence before word", "Nộp ở xã. Lệ phí không", 15, []string{"Nộp ở xã. ", "Lệ phí không"}},
		{"word", "đăng ký khai sinh", 10, []string{"đăng ký ", "khai sinh"}},
		{"no space", "aaaaabbbbbcc", 5, []string{"aaaaa", "bbbbb", "cc"}},
		{"a number of a procedure is no sentence", "mã 1.004772 nhé", 12, []string{"mã 1.004772 ", "nhé"}},
		{"a list number stays with its item", "mục sau\n1. Đơn xin cấp lại", 18, []string{"mục sau\n1. Đơn ", "xin cấp lại"}},
		{"a short head is not sent alone", "A.\n\nbb bb bb bb bb bb", 12, []string{"A.\n\nbb bb ", "bb bb bb bb"}},
		{"quotes close a sentence", "Ghi “đã nhận.” Sau đó về", 18, []string{"Ghi “đã nhận.” ", "Sau đó về"}},
		{"emoji is one", "👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 10, []string{"👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"}},
		{"marks stay with their letter", "ê\u0301ê\u0301ê\u0301", 5, []string{"ê\u0301ê\u0301", "ê\u0301"}},
		{"a grapheme above the limit", "e" + strings.Repeat("\u0301", 5), 4, []string{"e\u0301\u0301\u0301", "\u0301\u0301"}},
		{"limit zero", "ab", 0, []string{"a", "b"}},
	} {
		if got := Split(tc.text, tc.limit, nil); !slices.Equal(got, tc.want) {
			t.Errorf("%s: Split(%q, %d) = %q, want %q", tc.name, tc.text, tc.limit, got, tc.want)
		}
	}
}

func TestSplitCountsAsItIsTold(t *testing.T) {
	text := strings.Repeat("😀", 10)
	if got := len(Split(text, 10, nil)); got != 1 {
		t.Errorf("by runes: %d parts, want 1", got)
	}
	if got := len(Split(text, 10, units)); got != 2 {
		t.Errorf("by UTF-16 units: %d parts, want 2", got)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("Thủ tục cấp lại căn cước. Nộp ở xã.\n\n- Đơn\n- Ảnh 👩‍🌾", 12)
	f.Add("e"+strings.Repeat("\u0301", 40), 3)
	f.Add("\xff\xfe 🇻🇳🇻🇳\r\n\r\nx", 2)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if len(text) > 1<<14 {
			t.Skip("long texts only take long")
		}
		limit %= 5000
		parts := Split(text, limit, units)
		if got := strings.Join(parts, ""); got != text {
			t.Fatalf("Split(%q, %d) put together = %q", text, limit, got)
		}
		borders := map[int]bool{}
		at, state := 0, -1
		longest := 0
		for rest := text; rest != ""; {
			var g string
			g, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
			at += len(g)
			borders[at] = true
			longest = max(longest, units(g))
		}
		at = 0
		for i, p := range parts {
			if p == "" {
				t.Fatalf("Split(%q, %d): part %d is empty", text, limit, i)
			}
			if n := units(p); n > max(limit, 1) && utf8.RuneCountInString(p) > 1 {
				t.Fatalf("Split(%q, %d): part %d measures %d", text, limit, i, n)
			}
			if at += len(p); longest <= limit && !borders[at] {
				t.Fatalf("Split(%q, %d): part %d ends inside a grapheme", text, limit, i)
			}
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	text := strings.Repeat("Người dân nộp hồ sơ tại Trung tâm Phục vụ hành chính công xã. ", 160)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Split(text, 2000, units)
	}
}

func TestShort(t *testing.T) {
	for _, tt := range []struct {
		in      string
		limit   int
		measure func(string) int
		want    string
	}{
		{"", 5, nil, ""}, {"Đổi thẻ", 7, nil, "Đổi thẻ"}, {"Đổi thẻ căn cước", 8, nil, "Đổi thẻ…"}, {"Đổi thẻ căn cước", 7, nil, "Đổi th…"},
		{"👩‍👩‍👧 gia đình", 4, nil, "…"},                                            // a family is five runes and one sign
		{"👍👍👍", 3, nil, "👍👍👍"}, {"👍👍👍", 5, Units, "👍👍…"}, {"👍👍👍", 6, Units, "👍👍👍"}, // a thumb is one rune and two units
	} {
		if got := Short(tt.in, tt.limit, tt.measure); got != tt.want {
			t.Errorf("Short(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}
