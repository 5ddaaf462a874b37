package privacy_test

import (
	"strings"
	"testing"

	"troly/internal/privacy"
)

func TestMask(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"số của em 0912345678 nhé", "số của em [số điện thoại] nhé"},
		{"gọi 0912 345 678.", "gọi [số điện thoại]."},
		{"+84912345678", "[số điện thoại]"},
		{"0912.345.678", "[số điện thoại]"},
		{"cccd 010203004567", "cccd [số giấy tờ]"},
		{"cmnd 060123456 cấp 2010", "cmnd [số giấy tờ] cấp 2010"},
		{"thẻ 9704 1234 5678 9012", "thẻ [số tài khoản]"},
		{"mail a.b+c@gmail.com.", "mail [email]."},
		{"gọi 19001234 hay 1800 1234 hay 113", "gọi 19001234 hay 1800 1234 hay 113"},
		{"nghị định 168/2025/NĐ-CP, mã 1.001193", "nghị định 168/2025/NĐ-CP, mã 1.001193"},
		{"mua nhà 150000000 đồng", "mua nhà 150000000 đồng"},
		{"ngày 01/07/2025", "ngày 01/07/2025"},
		{"@ một mình", "@ một mình"},
	} {
		if got, _ := privacy.Mask(tt.in); got != tt.want {
			t.Errorf("Mask(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzMask(f *testing.F) {
	for _, s := range []string{"0912345678", "a@b.vn@c", "+84", "12 34 56 78 90 12", "\xff0912345678"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		masked, found := privacy.Mask(s)
		for _, finding := range found {
			if s[finding.Start:finding.End] != finding.Text {
				t.Errorf("Mask(%q): finding %+v is not at its place", s, finding)
			}
			if len(finding.Text) > 11 && strings.Contains(masked, finding.Text) && strings.Count(s, finding.Text) == 1 {
				t.Errorf("Mask(%q) = %q still holds %q", s, masked, finding.Text)
			}
		}
	})
}
