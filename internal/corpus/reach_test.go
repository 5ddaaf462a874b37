package corpus

import (
	"slices"
	"strings"
	"testing"

	"troly/internal/vietnamese"
)

func TestFindReaches(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string // canonical, sorted
	}{
		{"Không có gì ở đây.", nil},
		{"Gọi 113.", []string{"113"}},
		{"Gọi ngay 115 hoặc 113", []string{"113", "115"}},
		{"gọi 113, 114 và 115", []string{"113", "114", "115"}},
		{"Nhắn tin tới 5656", []string{"5656"}},
		{"số 0912.345.678 hoặc 0912 345 679", []string{"0912345678", "0912345679"}},
		{"+84 912 345 678", []string{"0912345678"}},
		{"(0216) 3.818.555", []string{"02163818555"}},
		{"tổng đài 1900.9068, 1800 1096", []string{"18001096", "19009068"}},
		{"thư hotro@laocai.gov.vn", []string{"hotro@laocai.gov.vn"}},
		{"https://www.a.gov.vn/x?y=1#z.", []string{"a.gov.vn/x"}},
		{"trang vneid-moi.top", []string{"vneid-moi.top"}},
		{"http://192.168.1.5:8080/nop", []string{"192.168.1.5:8080/nop"}},
		{"đuôi .gov.vn hay .vip", nil},
		{"phí 100.000 đồng, 1.500.000 đồng", nil},
		{"Nghị định 123/2015/NĐ-CP ngày 01/07/2025, mã 1.001193", nil},
		{"gọi lại sau 200 ngày; điện thoại trên 100 dân", nil},
		{"thẻ 015078004512", nil}, // twelve digits: an identity number
		{"v.v… TP.HCM", nil},
	} {
		var got []string
		for _, r := range FindReaches(tt.text) {
			got = append(got, r.Canonical)
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("FindReaches(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestUnlisted(t *testing.T) {
	lib := &Library{Contacts: []Contact{
		{ID: "a", Name: "A", Phone: "1900.9068", URL: "https://a.gov.vn/b", Verified: true},
		{ID: "b", Name: "B", Phone: "0912 345 678"},
	}}
	doc := &Document{Portal: "https://c.gov.vn/p/1"}
	for _, tt := range []struct {
		text string
		docs []*Document
		want int
	}{
		{"gọi 1900 9068", nil, 0}, {"gọi 19009068", nil, 0}, {"gọi 1900.9069", nil, 1},
		{"xem a.gov.vn/b", nil, 0}, {"xem a.gov.vn", nil, 0}, {"xem a.gov.vn/c", nil, 1},
		{"xem c.gov.vn/p/1", []*Document{doc}, 0}, {"xem c.gov.vn/p/1", nil, 1}, {"xem c.gov.vn/p/2", []*Document{doc}, 1},
		{"gọi 113, gọi 113", nil, 1},
	} {
		if got := lib.Unlisted(tt.text, tt.docs...); len(got) != tt.want {
			t.Errorf("Unlisted(%q) = %q, want %d", tt.text, got, tt.want)
		}
	}
	if got := lib.Unverified("gọi 0912345678 hay 19009068"); len(got) != 1 || got[0].ID != "b" {
		t.Errorf("Unverified = %v, want only b", got)
	}
}

func FuzzFindReaches(f *testing.F) {
	f.Add("gọi 113 hoặc 0912.345.678, thư a@b.vn, https://c.vn/d")
	f.Fuzz(func(t *testing.T, s string) {
		text := strings.ToLower(vietnamese.Normalize(s))
		for _, r := range FindReaches(s) {
			if r.Text == "" || r.Canonical == "" || !strings.Contains(text, r.Text) {
				t.Errorf("FindReaches(%q) found %+v, which is not there", s, r)
			}
		}
	})
}
