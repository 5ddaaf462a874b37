package pipeline

import (
	"strings"
	"testing"

	"troly/internal/corpus"
	"troly/internal/privacy"
	"troly/internal/retrieval"
	"troly/knowledge"
)

func TestGrounded(t *testing.T) {
	for _, tt := range []struct {
		answer, evidence string
		want             bool
	}{
		{"Không có số nào.", "", true},
		{"Phí 8.000 đồng [1]", "Bản sao: 8.000 đồng/bản", true},
		{"Phí 8 nghìn đồng", "8.000 đồng", true},
		{"Phí 80.000 đồng", "8.000 đồng", false},
		{"5 ngày", "5 ngày làm việc", false},
		{"05 ngày làm việc", "5 ngày làm việc", true},
		{"gọi 18001096", "gọi 113", false},
		{"từ 01/07/2025", "từ ngày 1 tháng 7 năm 2025", true},
		{"theo 168/2025/NĐ-CP", "theo 186/2025/NĐ-CP", false},
		{"vào dichvucong.gov.vn", "vào dichvucong.com.vn", false},
		{"mã 1.001193", "mã 1.001194", false},
		{"12 người", "10 người", false},
	} {
		if got := grounded(tt.answer, valuesOf(tt.evidence)); got != tt.want {
			t.Errorf("grounded(%q, %q) = %v, want %v", tt.answer, tt.evidence, got, tt.want)
		}
	}
}

func TestCitationsResolve(t *testing.T) {
	one := []Citation{{N: 1}}
	for _, tt := range []struct {
		answer    string
		citations []Citation
		want      bool
	}{
		{"a [1]", one, true}, {"a [1] b [1]", one, true}, {"a", one, false}, {"a [2]", one, false}, {"a [1] [2]", one, false}, {"", nil, false},
	} {
		if got := citationsResolve(tt.answer, tt.citations); got != tt.want {
			t.Errorf("citationsResolve(%q, %v) = %v, want %v", tt.answer, tt.citations, got, tt.want)
		}
	}
}

// An answer that lost the line on what is missing is not verified.
func TestVerifyKeepsWhatIsMissing(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	a := New(lib, retrieval.New(lib, nil, nil, retrieval.Options{}), Options{})
	const line = "Hướng dẫn này của tôi chưa nói về mức phạt. Bạn hỏi nơi tiếp nhận: UBND cấp xã."
	for lines, want := range map[string]bool{line + "\nGiấy khai sinh. [1]": true, "Giấy khai sinh. [1]": false} {
		d := newDraft(lib, "2026-11-24")
		d.cite(lib.Document("khai-sinh"), "tom-tat")
		d.lines, d.gap.lines = strings.Split(lines, "\n"), []string{line}
		if checks, got := a.verify(d, &understanding{}); got != want {
			t.Errorf("verify(%q) = %v %v, want %v", lines, checks, got, want)
		}
	}
}

func TestEchoesPersonalData(t *testing.T) {
	a := &Assistant{masker: privacy.New([]string{"0963061414"})}
	if !a.echoesPersonalData("Số của bạn là 0912345678.", "số em 0912345678") {
		t.Error("an echoed telephone number was let through")
	}
	if a.echoesPersonalData("Gọi 096.306.1414 hoặc 113.", "số em 0912345678, gọi 096.306.1414 mãi không được") {
		t.Error("a hotline was taken for the person's number")
	}
}

func TestWithoutPersonalData(t *testing.T) {
	a := &Assistant{masker: new(privacy.Masker)}
	for _, tt := range []struct{ in, want string }{
		{"cccd của em 015078004512 mất rồi", " mất rồi"},
		{"cccd của em [số giấy tờ] mất rồi", " mất rồi"},
		{"sinh ngày 05/02/1965, nam, nghỉ hưu năm nào", "sinh ngày 1965, nam, nghỉ hưu năm nào"},
		{"sinh ngày [ngày sinh năm 1965], nam, nghỉ hưu năm nào", "sinh ngày 1965, nam, nghỉ hưu năm nào"},
		{"mã otp 123456 em đọc rồi", "mã otp  em đọc rồi"},
		{"phí 50.000 đồng", "phí 50.000 đồng"},
	} {
		if got := a.withoutPersonalData(tt.in); got != tt.want {
			t.Errorf("withoutPersonalData(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestCut holds that a long question is not cut inside a number, whose first half
// would be masked by nobody.
func TestCut(t *testing.T) {
	a := &Assistant{masker: new(privacy.Masker)}
	for off := range 24 {
		text := strings.Repeat("x", MaxQuestion-off) + " 0912 345 678 gọi em nhé"
		if got := a.masked(text); strings.Contains(got, "0912") || len(got) > MaxQuestion+20 {
			t.Errorf("masked of a number %d bytes before the cut ends in %q", off, got[MaxQuestion-off:])
		}
	}
}

func TestSendsToAbolished(t *testing.T) {
	for _, tt := range []struct {
		answer string
		want   bool
	}{
		{"Nơi nộp [1]:\n- UBND huyện Văn Yên", true},
		{"Từ 01/07/2025 không còn cấp huyện.\n- Nộp tại Công an huyện", true},
		{"Từ 01/07/2025 không còn cấp huyện, không còn huyện Văn Yên. Nơi giải quyết nay là: UBND cấp xã [2].", false},
		{"Xã Đại Lịch (huyện Văn Chấn cũ) nay thuộc xã Chấn Thịnh [1].", false},
	} {
		if got := sendsToAbolished(tt.answer); got != tt.want {
			t.Errorf("sendsToAbolished(%q) = %v, want %v", tt.answer, got, tt.want)
		}
	}
}
