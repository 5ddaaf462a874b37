package vietnamese_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"troly/internal/vietnamese"
)

func TestNormalize(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"  làm   giấy \n khai sinh ", "làm giấy khai sinh"},
		{norm.NFD.String("Yên Bái, Hữu Lũng"), "Yên Bái, Hữu Lũng"},
		{"khai\u200bsinh\ufeff", "khaisinh"},
		{"hoà giải, thuỷ điện, khoẻ, Uỷ ban, UỶ BAN", "hòa giải, thủy điện, khỏe, Ủy ban, ỦY BAN"},
		{"hoàn, quý, quỳ, toán, huỳnh", "hoàn, quý, quỳ, toán, huỳnh"},
		{"сăn сướс", "căn cướс"[:len("căn cướ")] + "c"}, // Cyrillic с and с
		{"１２３ ＡＢＣ", "123 ABC"},
		{"“nháy” – gạch", "\"nháy\" - gạch"},
		{"a\xffb", "a b"},
	} {
		if got := vietnamese.Normalize(tt.in); got != tt.want {
			t.Errorf("Normalize(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""}, {"Đăng ký", "dang ky"}, {"ữ Ự đĐ", "u u dd"}, {norm.NFD.String("Nguyễn"), "nguyen"}, {"ABC 123", "abc 123"}, {"bạn bán bàn bản", "ban ban ban ban"},
	} {
		if got := vietnamese.Fold(tt.in); got != tt.want {
			t.Errorf("Fold(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestMissingDiacritics(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want bool
	}{
		{"", false}, {"123", false}, {"lam giay khai sinh cho con", true}, {"làm giấy khai sinh cho con", false},
		{"em muon lam lai giay to nhà dat o xa", true}, {norm.NFD.String("làm giấy tờ nhà đất"), false},
	} {
		if got := vietnamese.MissingDiacritics(tt.in); got != tt.want {
			t.Errorf("MissingDiacritics(%q) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestTokenize(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"Làm giấy khai-sinh!", "làm giấy khai sinh"},
		{"đăng kí, lí lịch, công ti, bác sỹ", "đăng ký lý lịch công ty bác sĩ"},
		{"Nghị định 168/2025/NĐ-CP", "nghị định 168/2025/nđ-cp"},
		{"mã 1.001193.", "mã 1.001193"},
		{"phí 150.000 đồng hay 150k", "phí 150000đ hay 150000đ"},
		{"từ 1/7/2025 (01-07-2025)", "từ 2025-07-01 2025-07-01"},
		{"05 ngày, 5 ngày", "5 ngày 5 ngày"},
		{"CT01 và VNeID", "ct01 và vneid"},
	} {
		var texts []string
		for _, tok := range vietnamese.Tokenize(nil, tt.in) {
			texts = append(texts, tok.Text)
			if tok.Folded != vietnamese.Fold(tok.Text) {
				t.Errorf("Tokenize(%q): Folded %q of %q", tt.in, tok.Folded, tok.Text)
			}
		}
		if got := strings.Join(texts, " "); got != tt.want {
			t.Errorf("Tokenize(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestFindValues(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"150.000 đồng", "money 150000"}, {"150 đồng", "money 150"}, {"150 nghìn", "money 150000"}, {"150k", "money 150000"}, {"150,000đ", "money 150000"},
		{"một trăm năm mươi nghìn đồng", "money 150000"}, {"1,5 triệu", "money 1500000"}, {"1tr2", "money 1200000"}, {"1 triệu 200 nghìn đồng", "money 1200000"}, {"2 triệu rưỡi", "money 2500000"},
		{"miễn phí", "money 0"}, {"không thu phí", "money 0"}, {"0 đồng", "money 0"},
		{"05 ngày làm việc", "working_days P5D"}, {"5 ngày", "duration P5D"}, {"năm ngày", "duration P5D"}, {"hai tuần", "duration P14D"}, {"24 giờ", "duration PT24H"}, {"1,5 giờ", "duration PT90M"},
		{"3 - 5 ngày làm việc", "working_days P3D; working_days P5D"}, {"từ 3 đến 5 ngày", "duration P3D; duration P5D"},
		{"1/7/2025", "date 2025-07-01"}, {"01-07-2025", "date 2025-07-01"}, {"ngày 1 tháng 7 năm 2025", "date 2025-07-01"}, {"tháng 3/2027", "date 2027-03"}, {"15/6", "date --06-15"}, {"ngày 2025-07-01", "date 2025-07-01"},
		{"70%", "percent 70"}, {"4,5 %", "percent 4,5"}, {"đủ 14 tuổi", "age 14"}, {"trong năm 2025", "number 2025"},
		{"gọi 111 ngay", "phone 111"}, {"0912 345 678", "phone 0912345678"}, {"+84912345678", "phone 0912345678"}, {"1900.9068", "phone 19009068"},
		{"168/2025/NĐ-CP", "legal_ref 168/2025/NĐ-CP"}, {"66.7/2025/NQ-CP", "legal_ref 66.7/2025/NQ-CP"}, {"60/2014/QH13", "legal_ref 60/2014/QH13"},
		{"mã 1.001193", "procedure_code 1.001193"}, {"mẫu CT01", "form_code CT01"},
		{"https://dichvucong.gov.vn/a/?utm=1", "url dichvucong.gov.vn/a"}, {"vào dichvucong.gov.vn.", "url dichvucong.gov.vn"}, {"a@b.vn", "email a@b.vn"},
		{"thứ tư ngày mai", ""}, {"không tháng nào", ""},
	} {
		var values []string
		for _, v := range vietnamese.FindValues(tt.in) {
			values = append(values, v.Kind.String()+" "+v.Canonical)
		}
		if got := strings.Join(values, "; "); got != tt.want {
			t.Errorf("FindValues(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	if got, ok := vietnamese.ParseMoney("1.500.000 đ"); !ok || got != 1_500_000 {
		t.Errorf("ParseMoney(1.500.000 đ) = %d, %v", got, ok)
	}
	if got, ok := vietnamese.ParseMoney("1.500.000"); ok {
		t.Errorf("ParseMoney(1.500.000) = %d, want nothing without a unit", got)
	}
	if got, ok := vietnamese.ParseDuration("8 ngày làm việc"); !ok || got.Canonical != "P8D" || got.Kind != vietnamese.WorkingDays {
		t.Errorf("ParseDuration(8 ngày làm việc) = %v, %v", got, ok)
	}
	if got, ok := vietnamese.ParseDate("ngày 31 tháng 12 năm 2026"); !ok || got.Canonical != "2026-12-31" {
		t.Errorf("ParseDate = %v, %v", got, ok)
	}
}

func TestGlossary(t *testing.T) {
	g := vietnamese.NewGlossary([]vietnamese.Entry{
		{Form: "cccd", Means: []string{"căn cước công dân"}, Kind: "abbreviation"},
		{Form: "ko", Means: []string{"không"}, Kind: "shorthand"},
		{Form: "bn tiền", Means: []string{"bao nhiêu tiền"}, Kind: "shorthand"},
		{Form: "sổ đỏ", Means: []string{"giấy chứng nhận quyền sử dụng đất"}, Kind: "folk"},
		{Form: "đk", Means: []string{"đăng ký", "điều kiện"}, Kind: "abbreviation"},
	})
	for _, tt := range []struct{ in, want string }{
		{"làm CCCD hết bn tiền, mất ko?", "làm căn cước công dân hết bao nhiêu tiền, mất không?"},
		{"đk sổ đỏ", "đk sổ đỏ"},
	} {
		if got := g.Expand(tt.in); got != tt.want {
			t.Errorf("Expand(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	for _, tt := range []struct {
		in       string
		unmarked bool
		want     int
	}{{"đk sổ đỏ", false, 2}, {"lam so do", true, 1}, {"cho em số đo", false, 0}} {
		if got := g.Synonyms(tt.in, tt.unmarked); len(got) != tt.want {
			t.Errorf("Synonyms(%q) = %v, want %d", tt.in, got, tt.want)
		}
	}
}

func newRestorer() *vietnamese.Restorer {
	v := vietnamese.NewVocabulary()
	for range 5 {
		v.Add("làm giấy khai sinh cho con; đổi bằng lái xe máy; thẻ căn cước; ở đâu; bản sao giấy khai tử; đăng ký thường trú, tôi mất giấy tờ")
	}
	return vietnamese.NewRestorer(v)
}

func TestRestore(t *testing.T) {
	r := newRestorer()
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"lam giay khai sinh cho con", "làm giấy khai sinh cho con"},
		{"doi bang lai xe may", "đổi bằng lái xe máy"},
		{"Lam giay khai sinh o dau?", "Làm giấy khai sinh ở đâu?"},
		{"lafm giaasy khai sinh", "làm giấy khai sinh"},
		{"làm giấy kahi sinh", "làm giấy khai sinh"},
		{"cho con làm giấy", "cho con làm giấy"},     // marked text stays
		{"lam giay m2 t5 l12", "làm giấy m2 t5 l12"}, // numbered things are no slips
		{"giấy 168/2025/NĐ-CP", "giấy 168/2025/NĐ-CP"},
	} {
		if got := r.Restore(tt.in); got != tt.want {
			t.Errorf("Restore(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestVocabularyRoundTrip(t *testing.T) {
	v := vietnamese.NewVocabulary()
	v.Add("làm giấy khai sinh cho con làm giấy")
	data, err := v.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	again := vietnamese.NewVocabulary()
	if err := again.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	second, err := again.MarshalBinary()
	if err != nil || !slices.Equal(data, second) {
		t.Errorf("round trip changed the vocabulary: %v", err)
	}
	for i := range data {
		if err := vietnamese.NewVocabulary().UnmarshalBinary(data[:i]); err == nil {
			t.Errorf("UnmarshalBinary of the first %d bytes of %d: no error", i, len(data))
		}
	}
}

// traps are inputs that have broken text code before.
var traps = []string{"", "\xff\xfe", "ế̀", "a\u0301", "ĐĐĐ", "0", "1.", "1.2.3", "99999999999999999999 đồng", "9999999999999999 triệu", "http://", "@", "gọi ", "ngày tháng", "một một một", "12/", "3 -", "+84", "İi", "1,000,000,000,000,000,000 triệu", "năm mươi mươi", strings.Repeat("ư", 300)}

func FuzzText(f *testing.F) {
	for _, s := range traps {
		f.Add(s)
	}
	r := newRestorer()
	f.Fuzz(func(t *testing.T, s string) {
		n := vietnamese.Normalize(s)
		if !utf8.ValidString(n) || !norm.NFC.IsNormalString(n) {
			t.Errorf("Normalize(%q) = %q is not valid NFC", s, n)
		}
		if again := vietnamese.Normalize(n); again != n {
			t.Errorf("Normalize is not idempotent: %q, then %q", n, again)
		}
		if folded := vietnamese.Fold(n); vietnamese.Fold(folded) != folded {
			t.Errorf("Fold is not idempotent on %q", n)
		}
		last := 0
		for _, tok := range vietnamese.Tokenize(nil, n) {
			if tok.Start < last || tok.End <= tok.Start || tok.End > len(n) {
				t.Fatalf("Tokenize(%q): token %+v after %d", n, tok, last)
			}
			last = tok.End
		}
		last = 0
		for _, v := range vietnamese.FindValues(n) {
			if v.Start < last || v.End <= v.Start || v.End > len(n) || v.Canonical == "" {
				t.Fatalf("FindValues(%q): value %+v after %d", n, v, last)
			}
			last = v.End
		}
		if len(n) < 400 {
			r.Restore(n)
		}
	})
}

func FuzzVocabulary(f *testing.F) {
	v := vietnamese.NewVocabulary()
	v.Add("làm giấy")
	data, _ := v.MarshalBinary()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = vietnamese.NewVocabulary().UnmarshalBinary(data) // must not panic or ask for endless memory
	})
}

const sample = "Vợ em mới sinh bé được mười ngày, giờ em muốn làm giấy khai sinh, nhập khẩu và thẻ bảo hiểm y tế cho cháu luôn thì cần giấy tờ gì, lệ phí 8.000 đồng/bản có đúng không ạ?"

func BenchmarkNormalize(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		vietnamese.Normalize(sample)
	}
}

func BenchmarkFold(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		vietnamese.Fold(sample)
	}
}

func BenchmarkTokenize(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(sample)))
	var tokens []vietnamese.Token
	for b.Loop() {
		tokens = vietnamese.Tokenize(tokens[:0], sample)
	}
}

func BenchmarkFindValues(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		vietnamese.FindValues(sample)
	}
}

func BenchmarkRestore(b *testing.B) {
	r := newRestorer()
	bare := vietnamese.Fold(sample)
	b.ReportAllocs()
	for b.Loop() {
		r.Restore(bare)
	}
}

// Marks that come from writing shorthand out say nothing of the rest.
func TestRestoreExpanded(t *testing.T) {
	own := vietnamese.NewVocabulary()
	own.Add("thẻ căn cước công dân hết hạn làm lại ở đâu")
	r := vietnamese.NewRestorer(own)
	for _, tt := range []struct{ typed, expanded, want string }{
		{"cccd lam lai o dau", "căn cước công dân lam lai o dau", "căn cước công dân làm lại ở đâu"},
		{"cccd làm ở đâu", "căn cước công dân làm ở đâu", "căn cước công dân làm ở đâu"},
	} {
		if got := r.RestoreExpanded(tt.expanded, tt.typed); got != tt.want {
			t.Errorf("%q of %q = %q, want %q", tt.expanded, tt.typed, got, tt.want)
		}
	}
}
