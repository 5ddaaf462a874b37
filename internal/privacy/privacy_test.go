package privacy_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"troly/internal/privacy"
)

func TestMask(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"số của em 0912345678 nhé", "số của em [số điện thoại] nhé"},
		{"gọi 0912 345 678.", "gọi [số điện thoại]."},
		{"+84912345678", "[số điện thoại]"},
		{"(+84) 912 345 678", "[số điện thoại]"},
		{"0912.345.678", "[số điện thoại]"},
		{"o912 345 678", "[số điện thoại]"},
		{"0 9 1 2 3 4 5 6 7 8", "[số điện thoại]"},
		{"máy bàn 0216 3 852 001", "máy bàn [số điện thoại]"},
		{"sdt0912345678 va 0987654321", "sdt[số điện thoại] va [số điện thoại]"},
		{"０９１２３４５６７８", "[số điện thoại]"},
		{"0912\u00a0345\u00a0678", "[số điện thoại]"},
		{"0912\u200b345678", "[số điện thoại]"},
		{"zalo.me/0912345678", "zalo.me/[số điện thoại]"},
		{"cccd 010203004567", "cccd [số giấy tờ]"},
		{"015 078 004 512", "[số giấy tờ]"},
		{"cmnd 060123456 cấp 2010", "cmnd [số giấy tờ] cấp 2010"},
		{"mst 8012345678", "mst [số giấy tờ]"},
		{"mst công ty 5200123456", "mst công ty 5200123456"},
		{"bhxh 1520987654", "bhxh [số bảo hiểm]"},
		{"bhxh 1520987654 đóng 9 năm", "bhxh [số bảo hiểm] đóng 9 năm"},
		{"thẻ HS4 15 1234567890", "thẻ [số bảo hiểm]"},
		{"GD 4 15 1234567890", "[số bảo hiểm]"},
		{"hộ chiếu C1234567", "hộ chiếu [số hộ chiếu]"},
		{"lô C1234567", "lô C1234567"},
		{"thẻ 9704 1234 5678 9012", "thẻ [số tài khoản]"},
		{"stk 123456789 vcb", "stk [số tài khoản] vcb"},
		{"8806205123456 Agribank", "[số tài khoản] Agribank"},
		{"xe 21A-123.45, 21-B1 123.45, biển 24a 12345", "xe [biển số xe], [biển số xe], biển [biển số xe]"},
		{"sổ đỏ số BA 123456", "sổ đỏ số [số sổ đỏ]"},
		{"sổ đỏ số 123456", "sổ đỏ số [số sổ đỏ]"},
		{"sinh 12/3/2019", "sinh [ngày sinh năm 2019]"},
		{"Nguyễn Văn A 12-03-1998", "[họ tên] [ngày sinh năm 1998]"},
		{"nguyen van a 12/3/98 sinh", "nguyen van a 12/3/98 sinh"},
		{"sinh ngày 20 tháng 11 năm 2025 ạ", "sinh ngày [ngày sinh năm 2025] ạ"},
		{"sn 12032019", "sn [ngày sinh năm 2019]"},
		{"mã otp là 123456", "mã otp là [mã OTP]"},
		{"123456 là mã otp", "[mã OTP] là mã otp"},
		{"hồ sơ 000.18.25.H38-261110-0042", "hồ sơ [mã hồ sơ]"},
		{"mail a.b+c@gmail.com.", "mail [email]."},
		{"0912345678@gmail.com", "[email]"},
		{norm.NFD.String("số điện thoại 3852123"), norm.NFD.String("số điện thoại ") + "[số điện thoại]"},

		{"số không chín một hai ba bốn năm sáu bảy tám nhé", "số [số điện thoại] nhé"},
		{"khong chin muoi hai ba bon nam sau bay tam chin", "[số điện thoại]"},
		{"căn cước không mười một tám tám không không một hai ba bốn năm đọc rồi", "căn cước [số giấy tờ] đọc rồi"},
		{norm.NFD.String("số không chín một hai ba bốn năm sáu bảy tám"), norm.NFD.String("số ") + "[số điện thoại]"},
		{"0 chín một hai, ba bốn năm, sáu bảy tám", "[số điện thoại]"},
		{"0912\n345\n678", "[số điện thoại]"},
		{"acb 12345678 nó bảo", "acb [số tài khoản] nó bảo"},
		{"mã 123 456 vừa gửi về máy", "mã [mã OTP] vừa gửi về máy"},
		{"hộ chiếu P 0123 4567", "hộ chiếu [số hộ chiếu]"},
		{"21 b1 22233 xe máy", "[biển số xe] xe máy"},

		{"098 rồi 776 rồi 5432 nhé, 0387*112*233", "[số điện thoại] nhé, [số điện thoại]"},
		{"cc 0l5087oo3390, 015.079.oo6.644", "cc [số giấy tờ], [số giấy tờ]"},
		{"015190008814||Giàng A Dế|12031990|Nam|25042021", "[số giấy tờ]||[họ tên]|[ngày sinh năm 1990]|Nam|25042021"},
		{"ngày sinh trên bằng là 3/3/1988 còn trên cccd là 03/05/1988", "ngày sinh trên bằng là [ngày sinh năm 1988] còn trên cccd là [ngày sinh năm 1988]"},
		{"sinh 3/3/1988, thẻ có hạn ghi 03/05/2028", "sinh [ngày sinh năm 1988], thẻ có hạn ghi 03/05/2028"},
		{"sinh lúc 5h sáng ngay 1/6/2026", "sinh lúc 5h sáng ngay [ngày sinh năm 2026]"},
		{"nộp đơn de ngay 1/6/2026", "nộp đơn de ngay 1/6/2026"},
		{"lan@gmail,com, lan@gmail com vn, lan@gmail nhé", "[email], [email], [email] nhé"},
		{"lan@home nhé", "lan@home nhé"},
		{"sổ đỏ số CĐ 456 789", "sổ đỏ số [số sổ đỏ]"},
		{"nó gọi bảo đọc mã 88 42 13 gửi về máy", "nó gọi bảo đọc mã [mã OTP] gửi về máy"},
		{"hình như 01515200443 thiếu một số", "hình như [số giấy tờ] thiếu một số"},
		{"biển 21 H 5 9915 cũ", "biển [biển số xe] cũ"},
		{"hộ chiếu cũ B3382209 mới là P03382209", "hộ chiếu cũ [số hộ chiếu] mới là [số hộ chiếu]"},
		{"nó đòi mã 6 số, em đọc 338220 xong", "nó đòi mã 6 số, em đọc [mã OTP] xong"},
		{"ko chin bay bay sau sau nam nam bon bon", "[số điện thoại]"},
		{"rộng 300*200*150, phí 120 rồi 150 rồi 180", "rộng 300*200*150, phí 120 rồi 150 rồi 180"},

		{"chồng em là Sùng A Páo, em ở thôn 4 xã Mậu A", "chồng em là [họ tên], em ở [địa chỉ] xã Mậu A"},
		{"toi ten nguyen van hau o thon 4", "toi ten [họ tên] o [địa chỉ]"},
		{"THƯA XÃ TÔI TÊN LÀ BÙI VĂN THỂ SỐ ĐT", "THƯA XÃ TÔI TÊN LÀ [họ tên] SỐ ĐT"},
		{"cháu Bảo với Dua, cô H'Lan, 0912345678(Vân)", "cháu [họ tên] với [họ tên], cô [họ tên], [số điện thoại]([họ tên])"},
		{"em tên hoa ở Nghĩa Lộ", "em tên [họ tên] ở Nghĩa Lộ"},
		{"nhà số 25 ngõ 12 đường Điện Biên, phường Yên Bái", "[địa chỉ], phường Yên Bái"},
		{"toạ độ 21.7229, 104.9113, 21°43'12\"N 104°54'30\"E", "toạ độ [địa chỉ], [địa chỉ]"},
		{"zalo em là hoa.nguyen92, tele @a_sinh", "zalo em là [tên tài khoản mạng], tele [tên tài khoản mạng]"},
		{"hoa92 a còng gmail chấm com", "[email]"},
		{"mật khẩu vneid là Hoa@2023", "mật khẩu vneid là [mã OTP]"},
		{"+855 97 123 4567", "[số điện thoại]"},

		{"đường Nguyễn Thái Học, trường THPT Nguyễn Huệ, xã Sùng Đô", "đường Nguyễn Thái Học, trường THPT Nguyễn Huệ, xã Sùng Đô"},
		{"Chủ tịch tỉnh là ông Trần Huy Tuấn, Thủ tướng Phạm Minh Chính", "Chủ tịch tỉnh là ông Trần Huy Tuấn, Thủ tướng Phạm Minh Chính"},
		{"Cho Em Hỏi Làm Căn Cước, em mua con Wave, anh Công an", "Cho Em Hỏi Làm Căn Cước, em mua con Wave, anh Công an"},
		{"tu nguyen thi sinh con, ma van chua co, do thi", "tu nguyen thi sinh con, ma van chua co, do thi"},
		{"UBND phường ở số 1 đường Yên Ninh", "UBND phường ở số 1 đường Yên Ninh"},
		{"từ 20.500 đến 104.500 đồng", "từ 20.500 đến 104.500 đồng"},
		{"trực thứ hai ba tư năm sáu bảy", "trực thứ hai ba tư năm sáu bảy"},
		{"một hai ba bốn năm sáu bảy tám", "một hai ba bốn năm sáu bảy tám"},
		{"phí 120000\n150000\n200000", "phí 120000\n150000\n200000"},
		{"trang 120\n130\n150", "trang 120\n130\n150"},
		{"gọi 19001234 hay 1800 1234 hay 113", "gọi 19001234 hay 1800 1234 hay 113"},
		{"nghị định 168/2025/NĐ-CP, mã 1.001193, 2.000815.000.00.00.H38", "nghị định 168/2025/NĐ-CP, mã 1.001193, 2.000815.000.00.00.H38"},
		{"mua nhà 150000000 đồng, 1500000000", "mua nhà 150000000 đồng, 1500000000"},
		{"ngày 01/07/2025", "ngày 01/07/2025"},
		{"sinh từ ngày 01/07/2025", "sinh từ ngày 01/07/2025"},
		{"khai sinh ngày 01/07/2025", "khai sinh ngày 01/07/2025"},
		{"sinh viên nộp 01/07/2025", "sinh viên nộp 01/07/2025"},
		{"Hà Nội 01/07/2025", "Hà Nội 01/07/2025"},
		{"sinh năm 1965, otp 6 số", "sinh năm 1965, otp 6 số"},
		{"mẫu 01A-TS, 12A-2025", "mẫu 01A-TS, 12A-2025"},
		{"@ một mình", "@ một mình"},
		{"trước các ngày 01/01, 01/03, 01/07", "trước các ngày 01/01, 01/03, 01/07"},
		{"lớp 1 2 3 4 5 6 7 8 9", "lớp 1 2 3 4 5 6 7 8 9"},
		{"gọi 113 114 115", "gọi 113 114 115"},
		{"gọi 1900 9068, 18001096, 1900.0368, 113, 115", "gọi 1900 9068, 18001096, 1900.0368, 113, 115"},
		{"người giám hộ thì từ 01/07/2026", "người giám hộ thì từ 01/07/2026"},
		{"https://a.vn/ky-su-185250603095621083.htm", "https://a.vn/ky-su-185250603095621083.htm"},
		{"đọc 449201 trong tin nhắn otp", "đọc [mã OTP] trong tin nhắn otp"},
		{"0949/112/087", "[số điện thoại]"},
	} {
		got, found := privacy.Mask(tt.in)
		if got != tt.want {
			t.Errorf("Mask(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if again, _ := privacy.Mask(got); again != got {
			t.Errorf("Mask(%q) = %q, want no change", got, again)
		}
		for _, f := range found {
			if tt.in[f.Start:f.End] != f.Text {
				t.Errorf("Mask(%q): finding %+v is not at its place", tt.in, f)
			}
		}
	}
}

func TestPublic(t *testing.T) {
	m := privacy.New([]string{"096.306.1414", "+84 216 3 852 123", "hotro@dichvucong.gov.vn", "Nguyễn Thúc Mạnh", "số 64 đường Lý Tự Trọng"})
	for _, tt := range []struct{ in, want string }{
		{"gọi 0963061414 hay +84963061414", "gọi 0963061414 hay +84963061414"},
		{"02163852123", "02163852123"},
		{"thư HoTro@dichvucong.gov.vn", "thư HoTro@dichvucong.gov.vn"},
		{"gọi 0963061415", "gọi [số điện thoại]"},
		{"ông Nguyễn Thúc Mạnh là ai, bà Nguyễn Thị Mạnh", "ông Nguyễn Thúc Mạnh là ai, bà [họ tên]"},
		{"Số 64 đường Lý Tự Trọng là đâu, nhà số 65 đường Lý Tự Trọng", "Số 64 đường Lý Tự Trọng là đâu, [địa chỉ]"},
	} {
		if got, _ := m.Mask(tt.in); got != tt.want {
			t.Errorf("Mask(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	in := "stk [số tài khoản], [ngày sinh năm 1990], [số lạ], gọi 0912345678"
	var got []string
	for _, f := range new(privacy.Masker).Places(in) {
		got = append(got, string(f.Kind)+"="+f.Text)
	}
	want := "account=[số tài khoản] birth_date=[ngày sinh năm 1990] phone=0912345678"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("Places(%q) = %s, want %s", in, s, want)
	}
}

// TestNothingFoundCostsNothing holds that a question without personal data is
// looked at without memory.
func TestNothingFoundCostsNothing(t *testing.T) {
	for _, s := range []string{plain100, plain2000, "lệ phí 50.000 đồng theo 168/2025/NĐ-CP, mã 1.001193, gọi 1900.9068, hạn 31/12/2026"} {
		if n := testing.AllocsPerRun(20, func() { privacy.Mask(s) }); n != 0 {
			t.Errorf("Mask(%.40q…) makes %v allocations, want 0", s, n)
		}
	}
}

var (
	plain100  = "Cho em hỏi làm khai sinh cho con muộn 3 tháng thì phạt 2.000.000 đồng đúng không ạ, nộp ở xã nào"
	plain2000 = strings.Repeat("Theo Nghị định 168/2025/NĐ-CP ngày 30/6/2025, thủ tục 1.001193 thu 8.000 đồng một bản, hạn 5 ngày. ", 17)
)

func BenchmarkMask(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"plain100", plain100}, {"plain2000", plain2000},
		{"words2000", strings.Repeat("Cho em hỏi thủ tục làm giấy khai sinh cho con khi bố mẹ chưa đăng ký kết hôn. ", 20)},
		{"found100", "Tôi là Hoàng Văn Thuận, số căn cước 015078004512, sđt 0912 345 678, làm mất thẻ, làm lại hết bao tiền"},
		{"found2000", plain2000[:1800] + " cccd 015078004512, sđt 0912 345 678, sinh ngày 12/3/1990, xe 21A-123.45, stk 8806205123456 Agribank"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bench.text)))
			for b.Loop() {
				privacy.Mask(bench.text)
			}
		})
	}
}

func FuzzMask(f *testing.F) {
	for _, s := range []string{
		"0912345678", "a@b.vn@c", "+84", "12 34 56 78 90 12", "\xff0912345678", "[số điện thoại] 0912345678", "[ngày sinh năm 20190912345678]",
		"stk 123456789 dong@x.vn", "123456789 dong 0912345678", "otp 1234 [mã OTP] 5678", "21A-123.45 21-B1 123.45", "BA 123456 HS4 15 1234567890",
		"sinh 12/3/2019 la ngay sinh", "H38.99-250710-0012-0912345678", "０９１２ o9", "12/3/2o19 sinh", "sinh 2019-3-12 0912345678", "0912345678/0912345679", "xe 24a 1234 5678", "2 10A0000 10A0000", strings.Repeat("3", 70) + "," + strings.Repeat("3", 70),
		"em ten nguyen van hau o thon 4", "zalo em là hoa.92", "mật khẩu là Hoa@2023", "hoa92 a còng gmail chấm com", "21.7229, 104.9113", "Tráng A Chua, sinh 1/1/1990", "gọi 0912345678(Vân) ở số 8 ngõ 3/4 đường Trần Phú", "@hoa_92",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		masked, found := privacy.Mask(s)
		last := 0
		for _, finding := range found {
			if finding.Start < last || finding.End <= finding.Start || s[finding.Start:finding.End] != finding.Text {
				t.Fatalf("Mask(%q): finding %+v overlaps or is not at its place", s, finding)
			}
			last = finding.End
		}
		if utf8.ValidString(s) && !utf8.ValidString(masked) {
			t.Errorf("Mask(%q) = %q is no text", s, masked)
		}
		if again, more := privacy.Mask(masked); again != masked {
			t.Errorf("Mask(%q) = %q, and again %q: %v", s, masked, again, more)
		}
	})
}
