package vietnamese

import (
	"slices"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		folded, want  bool
	}{
		{"nhà * cháy", "nhà cháy rồi", false, true},
		{"nhà * cháy", "nhà em đang bị cháy", false, true},
		{"nhà * cháy", "nhà em ở đầu bản đang cháy", false, false}, // five syllables between
		{"nhà * cháy", "nha em dang chay", false, false},
		{"nhà * cháy", "nha em dang chay", true, true},
		{"chồng/vợ đánh", "vợ đánh", false, true},
		{"chồng/vợ đánh", "con đánh", false, false},
		{"=tự vẫn", "can tu van thu tuc", true, false},
		{"=tự vẫn", "muốn tự vẫn", false, true},
		{"cứu", "cuu", true, false}, // one folded syllable means too much
		{"cứu", "Cứu!", false, true},
		{"lũ quét", "LŨ QUÉT", false, true},
		{"lũ quét", "lũ", false, false},
		{"a * b", "a b", false, true},
		{"a * b * c", "a b x b x x x c", false, true}, // the first b is too far from c
		{"gọi 113", "gọi 113", false, true},
		{"lừa * triệu", "nó lừa em 5tr", false, true},
		{"lừa * triệu", "lua em 2 trieu", true, true},
		{"lừa * triệu", "lừa em mấy triệu", false, true},
		{"lừa * tiền", "lừa em 5tr", false, false}, // only "triệu" stands for a sum
	} {
		ps, err := NewPatterns([]string{tt.pattern})
		if err != nil {
			t.Errorf("NewPatterns(%q): %v", tt.pattern, err)
			continue
		}
		if got := len(ps.Match(Tokenize(nil, Normalize(tt.text)), tt.folded)) == 1; got != tt.want {
			t.Errorf("%q in %q (folded %v) = %v, want %v", tt.pattern, tt.text, tt.folded, got, tt.want)
		}
	}
}

func TestPatternsAreNumberedAsGiven(t *testing.T) {
	ps, err := NewPatterns([]string{"một", "hai ba", "ba"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := ps.Match(Tokenize(nil, "hai ba"), false), []int{1, 2}; !slices.Equal(got, want) {
		t.Errorf("Match = %v, want %v", got, want)
	}
	if got := ps.Words(1); got != 2 {
		t.Errorf("Words(1) = %d, want 2", got)
	}
}

func TestNotPatterns(t *testing.T) {
	for _, text := range []string{"", "=", "*", "* cháy", "cháy *", "a * * b", "a //", "a * b * c * d * e", "a/ b", "một hai ba bốn năm sáu bảy tám chín mười một"} {
		if _, err := NewPatterns([]string{text}); err == nil {
			t.Errorf("NewPatterns(%q) = nil error, want one", text)
		}
	}
}

func FuzzPatterns(f *testing.F) {
	f.Add("nhà * cháy", "nhà em cháy")
	f.Add("=chồng/vợ * đánh", "chồng em say rượu đánh em")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		ps, err := NewPatterns([]string{pattern})
		if err != nil {
			return
		}
		tokens := Tokenize(nil, Normalize(text))
		for _, folded := range []bool{false, true} {
			if n := len(ps.Match(tokens, folded)); n > 1 {
				t.Errorf("%q in %q found %d times, want at most once", pattern, text, n)
			}
		}
	})
}
