package privacy

import (
	"slices"
	"strings"
)

// class is what a word may be beside a name or in an address.
type class uint32

const (
	surnameWord   class = 1 << iota
	sureSurname         // a surname that without its marks is no other word
	commonSurname       // three capital letters behind it are a name
	givenWord
	kinWord    // who somebody is to the one who writes, and what he calls himself
	calledWord // tên
	linkWord   // stands between tên, or kin, and the name
	middleWord // thị, văn, a: between surname and given name
	endWord    // ends a name that has no capital letters
	placeWord  // what is named after it is no person
	lotWord    // a part of an address below the commune
	houseWord  // a number after it is a house's
	dwellWord  // what stands behind it is where somebody lives
	orgWord    // an office, whose address is public
	netWord    // a network where people have names
	secretWord // a password stands behind it
	atWord     // còng, of "a còng"
	digitWord  // may be a digit that is said
	otherWord  // with a capital letter behind kin: a people, a country, an office
)

// table finds the class of a word by its hash: open addressing, at most half full.
type table [1 << 11]struct {
	hash  uint64
	class class // of the word as it is written
	loose class // of the words that have its letters, and marks
}

// slot returns where a hash is, or would be.
func (t *table) slot(hash uint64) uint64 {
	i := (hash ^ hash>>32) % uint64(len(t))
	for t[i].hash != hash && t[i].hash != 0 {
		i = (i + 1) % uint64(len(t))
	}
	return i
}

func (t *table) add(word string, c, loose class) {
	hash := hashOf(word)
	i := t.slot(hash)
	t[i].hash = hash
	t[i].class |= c
	t[i].loose |= loose
}

// find returns the class of a word. In a text with marks only names are written
// without any.
func (t *table) find(hash uint64, accented bool) class {
	word := &t[t.slot(hash)]
	switch {
	case accented && word.class != 0:
		return word.class
	case accented:
		return word.loose & (surnameWord | sureSurname | commonSurname | givenWord | middleWord | calledWord | digitWord)
	}
	return word.class | word.loose
}

// lexicon knows words in small letters with their marks and without them; without, a
// word may be all that any word without its marks may be.
var lexicon = func() *table {
	known := new(table)
	for _, list := range []struct {
		class class
		words string
	}{
		{surnameWord, `nguyễn trần lê phạm hoàng huỳnh vũ võ phan trương bùi đặng đỗ ngô hồ dương đinh hà lâm mai trịnh đào đoàn vương lương lý ly giàng vàng
			sùng thào mùa hảng hạng lò lù lử cứ cư ma mã triệu bàn bàng chảo chẻo chẩu tráng cháng chang nông quàng quảng cầm tòng tống kháng khang hầu chá
			sìn tẩn tần tô tạ la lưu chu cao kiều thạch tấn vi hờ hứa lục phàn phùng đèo điêu lường lộc lầu sồng sổng sình sầm sa mạc vừ vù giáp ninh khuất
			quách kha seo then thòng tằng tăng voòng bế bạch thân thái châu chử cà bạc cấm hù pờ phù giá lèng lùng lồ vạy thền phượng quang hoa doãn nghiêm
			từ đàm đồng ứng lương tôn âu cung mẫn lã lại tiêu trang phí viên mông cháo tếnh lìm vì mè lèo ngần xa nho lô phàng sần moong và xồng hoáng pàn giảng lỳ thung tải séo ngải
			lờ vạng nênh dềnh khoàng liềng khà nình tràn lềnh`},
		{sureSurname, `nguyễn trần phạm hoàng bùi giàng sùng thào phùng trịnh vương huỳnh`},
		{commonSurname, `nguyễn trần lê phạm hoàng bùi giàng sùng thào phùng trịnh vương huỳnh vũ võ đặng đỗ ngô dương đinh phan đoàn lường vừ hờ hảng triệu`},
		{givenWord, `hoa hương hằng hà tuấn hùng dũng minh nam long thủy thuỷ thúy thuý thùy thu trang linh lan mai ngọc nga nhung hạnh hiền hiếu hải hòa hoà hoài huệ huy
			huyền khánh kiên kiệt khôi lâm liên loan lộc lợi luân lương ly mạnh my mỹ ngân nghĩa nguyên nhi nhân nhật như oanh phát phong phúc phương phượng quân
			quang quý quỳnh quyên quyết sơn tâm tân thanh thành thảo thắng thắm thịnh thơ thơm thuận thương tiến tín toàn trâm trí trung trường tú tùng tuyết uyên vân việt
			vinh vũ vy xuân yến đạt đức dung duy dương giang hân hậu hưng kim bích bình cường châu chung cúc diệp diễm đông hồng thoa thiện trinh
			tuyền bảo an anh ánh nhàn sen thọ cảnh hằng chiến chinh dậu đào điệp doanh huyên khoa khuê lài lành liễu lý mùi mến na ngà ngát nụ pao páo
			phấn sáng sính sử thái thân thêm thìn thoan tiên tình tới tươi vui viên vượng vương xoan yên gái dua dở chư chứ súa pàng chía páo giàng
			mị mỵ mỷ tủa tồng sình lềnh sềnh hường hoan hoàn luyến mận ngoan nguyệt nhài nhâm nhẫn quế thạch thạo thiên thiều thuyên triển trúc tuệ tưởng vĩnh xuyến khiêm
			khương kiều nết huấn hảo duyên dịu chương cẩm bách pó`},
		{kinWord, `em anh chị cô chú bác dì cậu mợ thím cụ ông bà bố mẹ ba má cha con cháu bé vợ chồng thằng mình tôi tui e a c trai gái nội ngoại dâu rể chau
			bạn`},
		{calledWord, `tên name`},
		{linkWord, `là is của đầy đủ gọi họ tên khai sinh em anh chị con cháu bé tôi mình e bố mẹ vợ chồng ông bà nó thật cũ ruột cả út`},
		{middleWord, `thị văn a`},
		{endWord, `vì sinh sn ns ở tại là có bị muốn xin hỏi cần làm mất số sđt sdt đt cccd cmnd cmt dân tộc tuổi năm quê nhà thôn xã bản tổ xóm phường huyện đang đã chưa
			được không ko k thì và với cho của mới chết học lớp đi về nghỉ đăng lấy trú hộ khẩu hết người nhiễm nghiện say ký nộp nhận đứng gọi này kia ấy ạ nhé nhe chuyển
			đổi giờ hôm sẽ vừa rồi đây mail email zalo fb ra vào lên xuống tên mà nên để đến từ nhưng hay hoặc cũng sao thế nào gì ai đâu mấy bao nhiêu
			sdt dt nữ trong ngoài trên dưới theo bằng qua cùng ngày tháng giấy tờ thẻ đề nghị đơn`},
		{placeWord, `xã phường huyện tỉnh tp trấn phố đường thôn bản xóm tổ khu trường học thpt thcs ptdtbt ptdtnt non chợ cầu viện quỹ bổng tượng trại hồ sông suối núi
			đèo đền chùa trang ngõ ngách hẻm lăng quận công hiệu đài giải lễ nghĩa ấp liên hãng truyện phim bài lộ`},
		{lotWord, `tổ tdp thôn bản xóm đội ấp khu ngõ ngách hẻm kiệt đường phố nhà số sn kiot buôn lô chợ`},
		{houseWord, `số sn nhà kiot`},
		{dwellWord, `ở tại trú chỉ khẩu đc quán trọ`},
		{orgWord, `ubnd trụ sở uỷ ủy công an trường viện tâm tâm chợ quán hàng đội hội đồn cơ quan công ty cty trạm văn hóa hoá phòng nhà`},
		{netWord, `zalo facebook fb tele telegram tiktok instagram insta ig messenger mess youtube nick nickname`},
		{secretWord, `khẩu mk pass password matkhau passwd`},
		{digitWord, `không ko linh lẻ một mốt hai ba bốn tư năm lăm sáu bảy bẩy tám chín mười mươi`},
		{atWord, `còng acòng`},
		{otherWord, `việt trung lào hàn nhật mỹ pháp nga đài mông tày tây tàu bắc dao kinh nùng giáy mường phù thái công đảng đoàn hội ubnd zalo facebook google vneid
			bhxh bhyt cccd bộ sở phòng ban đội trạm trưởng phó bí giáo thầy hồ đi làm hỏi muốn xin cần có bị là được không ở tại và thì của cho với mất sinh học đang đã chưa
			nhà xã phường tỉnh huyện thôn bản tổ số tên như nào sao gì theo khi nếu từ đến để này đó kia ấy ơi à ạ nhé vậy rồi giờ ai tết phật chúa trời táo sửu dần mão tỵ ngọ tuất hợi`},
	} {
		for _, word := range strings.Fields(list.words) {
			known.add(word, list.class, 0)
			var folded []byte
			for _, r := range word {
				if r < 0x80 {
					folded = append(folded, byte(r))
				} else {
					folded = append(folded, foldRune(r))
				}
			}
			if string(folded) != word {
				known.add(string(folded), 0, list.class)
			}
		}
	}
	return known
}()

// person reports whether two words, without marks, that may begin a name are not a
// place, a paper or somebody whose name streets and schools bear.
func person(first, second string) bool { return !slices.Contains(notPersons[first], second) }

// notPersons are the second words, by the first, of what is no person's name.
var notPersons = map[string][]string{
	"bach":   {"ha", "long", "mai"},
	"ban":    {"giao", "sao", "than", "ghe", "phim", "tay"},
	"bao":    {"ai", "dap", "ha", "hung", "nhai", "thang", "yen", "lac", "hiem"},
	"ca":     {"mau", "nhan", "phe"},
	"cam":    {"con", "duong", "nhan", "an", "ket", "pha", "ranh"},
	"cao":    {"pha", "son", "bang", "tuoi", "lanh", "dang", "toc", "thang", "ba"},
	"chau":   {"que", "doc", "au", "a", "my", "phi"},
	"chu":    {"tich", "ho", "ky", "nhiem", "van", "the", "cap"},
	"cu":     {"tru", "chinh", "jut", "the", "chi"},
	"dao":    {"thinh", "tao", "do", "tien", "duc", "ta"},
	"dang":   {"ky", "kiem", "nhap", "vien", "uy", "bo", "tai", "thuy", "o"},
	"dien":   {"bien"},
	"hai":    {"phong", "duong", "ba"},
	"ngo":    {"quyen"},
	"quang":  {"kim", "minh", "ninh", "nam", "ngai", "tri", "binh", "cao", "trung"},
	"trung":  {"quoc", "tam", "hoc", "chinh", "chai", "yen"},
	"truong": {"hop", "chinh", "hoc", "son", "sa", "thon"},
	"trinh":  {"tuong", "tu", "do"},
	"vo":     {"lao", "chong", "nhai", "nguyen"},
	"dinh":   {"tien", "danh", "cu", "muc"},
	"do":     {"thi", "xe", "son", "luong", "an", "dai", "dien"},
	"doan":   {"thanh", "vien", "ket", "hung", "xa", "tau"},
	"duong":  {"quy", "dien", "lich", "kinh", "lam"},
	"gia":    {"hoi", "phu", "lai", "dinh", "han", "ca", "dat", "lam"},
	"giang":  {"day", "vien"},
	"ha":     {"noi", "giang", "nam", "tinh", "dong", "long", "tien", "hoa", "ty"},
	"hoa":    {"binh", "mac", "cuong", "ky", "hoc", "don", "lu"},
	"hoang":  {"lien", "thang", "sa", "thu", "hoa", "su", "dieu", "mai", "long"},
	"ho":     {"bon", "thac", "chi", "so", "khau", "ngheo", "can", "chieu", "tich", "tay", "guom", "tung", "gia", "kinh", "tro"},
	"kieu":   {"bao"},
	"khanh":  {"hoa", "yen", "thien"},
	"la":     {"pan", "ha", "gi", "hu", "sao"},
	"lai":    {"chau", "xe", "suat"},
	"lam":    {"giang", "thuong", "dong", "nghiep", "sao", "lai", "giay", "the", "can", "khai", "so", "an"},
	"le":     {"phi", "loi", "duan", "hoi", "chan", "lai", "quy"},
	"luc":    {"yen", "ngan", "nam"},
	"luong":  {"son", "thinh", "huu", "co", "toi", "the", "thuc", "tam", "y", "bao"},
	"luu":    {"tru", "y", "thong"},
	"ly":     {"lich", "hon", "do", "thuong", "nhan", "son", "tu", "thuyet", "thai"},
	"ma":     {"tuy", "so", "van", "qr", "otp", "ho", "the", "dinh", "quai"},
	"mai":    {"son", "tang", "chau", "dich", "linh", "thuy"},
	"minh":   {"an", "bao", "chuan", "luong", "quan", "tan", "tien", "xuan"},
	"mua":    {"xuan", "ha", "thu", "dong", "vang", "lu", "ban", "mua", "bao", "da", "to", "nha", "dat", "xe", "the"},
	"nghia":  {"an", "do", "lo", "loi", "phuc", "son", "tam", "vu", "trang"},
	"nguyen": {"phuc", "du", "trai", "hue", "lieu", "ai", "nhan", "dan"},
	"nong":   {"thon", "dan", "nghiep", "san", "lam"},
	"pham":   {"vi", "hong", "luat", "ngu", "toi", "nhan"},
	"phan":   {"thanh", "si", "thiet", "rang", "boi", "chu", "anh", "dinh", "biet", "mem"},
	"phong":  {"hai", "nien", "tho", "chay", "kham", "tu"},
	"phu":    {"nham", "nhuan", "thinh", "tho", "yen", "quoc", "hop", "cap", "luc"},
	"phuc":   {"an", "khanh", "loi", "ninh", "son", "tho", "yen"},
	"ta":     {"cu", "gia", "ngai", "phin", "phoi", "thang", "van", "xi", "si", "hinh"},
	"sa":     {"pa", "dec", "lat", "thai"},
	"son":    {"a", "ha", "hai", "luong", "thinh", "thuy", "la", "tay", "tra", "dong"},
	"sung":   {"do", "phai"},
	"tan":    {"an", "duong", "huong", "hop", "linh", "lap", "nguyen", "phuong", "thuong", "thinh", "tien", "dong", "binh", "uyen"},
	"thach":  {"luong", "that", "ha", "cao"},
	"thai":   {"nien", "binh", "nguyen", "lan", "giang", "den", "trang", "san", "do"},
	"thanh":  {"binh", "luong", "thinh", "hoa", "tra", "pho", "toan", "nien", "vien", "xuan", "tri"},
	"thao":   {"chu", "tac", "luan"},
	"to":     {"mau", "khai", "hien", "hieu", "chuc", "cao", "truong", "dan", "hoai", "huu"},
	"tong":   {"sanh", "dai", "cuc", "thong", "bi", "so"},
	"tran":   {"phu", "yen", "hung", "dai", "nhan"},
	"trang":  {"web", "thiet", "trai", "tin", "phuc"},
	"trieu":  {"tien", "dong", "tap", "phong", "son"},
	"tu":     {"phap", "van", "nhan", "le", "son", "ngay", "do", "vong"},
	"vang":   {"bac", "danh", "ma", "sjc", "da", "mieng"},
	"van":    {"ban", "chan", "hoa", "hoi", "phu", "yen", "phong", "ho"},
	"vi":     {"pham", "tri", "du", "sao"},
	"viet":   {"cuong", "hong", "thanh", "tien", "nam", "tri", "bac", "kieu"},
	"vinh":   {"kien", "lac", "yen", "phuc", "long", "loc", "linh"},
	"vu":     {"linh", "an", "khi", "lan", "thu", "quang", "ban", "hong"},
	"vua":    {"hung"},
	"xuan":   {"ai", "giao", "hoa", "lai", "long", "quang", "tam", "tang", "thuong", "truong"},
	"yen":    {"bai", "binh", "hop", "ninh", "phu", "son", "thai", "thang", "thanh", "the", "thinh", "lac", "tu", "chau"},
	"an":     {"binh", "lac", "luong", "phu", "thinh", "giang", "toan", "sinh", "ninh"},
	"anh":    {"hung", "son", "the"},
	"dong":   {"an", "cuong", "khe", "quan", "tam", "tuyen", "nai", "thap", "hoi", "anh"},
	"hong":   {"ca", "ha", "kong", "hai", "quang", "thap"},
	"hung":   {"khanh", "thinh", "yen", "vuong", "dao"},
	"kim":    {"noi", "son", "tan", "dong", "ngan", "lien"},
	"lien":   {"minh", "son", "he", "xo", "thong"},
	"nam":    {"dinh", "cuong", "bo", "dan", "bung", "co", "khat", "lanh", "cao", "phi"},
}

// commune reports that two words, without marks, are the name of a commune, ward or
// province whose first word is a surname too.
func commune(first, second string) bool {
	switch first + " " + second {
	case "bach ha", "cam con", "cam duong", "cam nhan", "cam an", "cao pha", "cao son", "cao bang", "chau que", "dao thinh", "duong quy", "gia hoi", "gia phu", "gia lai",
		"ha giang", "ha noi", "ha nam", "ha tinh", "ha dong", "ha khau", "hoang lien", "hoang thu", "hoang thang", "ho bon", "ho chi", "ho thac", "hoa binh", "hoa mac", "la pan", "lam giang",
		"lam thuong", "lam dong", "lai chau", "luc yen", "luong son", "luong thinh", "mai son", "mai chau", "minh quan", "nguyen phuc", "phan si", "phan thanh", "phan thiet", "phan rang",
		"quang kim", "quang minh", "quang ninh", "quang nam", "quang ngai", "quang tri", "quang binh", "sung do", "sung phai", "hau thao", "thao chu", "thach luong", "thai nien",
		"thai nguyen", "thai binh", "tran phu", "tran yen", "trinh tuong", "tan an", "tan duong", "tan huong", "tan hop", "tan linh", "tan lap", "tan nguyen", "tan phuong",
		"tan thuong", "tan thinh", "tan tien", "tan dong", "to mau", "vo lao", "vu linh", "vu quang", "vang ma", "giap tuyen", "lung khau", "lung phinh", "ta cu", "ta gia":
		return true
	}
	return false
}

// renowned reports that three words, without marks, are the name of somebody whom
// streets and schools are named after.
func renowned(first, second, third string) bool {
	switch first + " " + second + " " + third {
	case "nguyen thai hoc", "tran hung dao", "le hong phong", "vo nguyen giap", "dinh tien hoang", "ly thuong kiet", "hoang van thu", "hoang hoa tham", "nguyen tat thanh",
		"ton duc thang", "phan boi chau", "phan chu trinh", "vo thi sau", "ly tu trong", "tran quoc toan", "nguyen van troi", "nguyen ai quoc", "ngo gia tu", "nguyen duc canh",
		"le quy don", "luong the vinh", "nguyen van cu", "phan dinh phung", "bui thi xuan", "tran nhan tong", "vu a dinh", "to hien thanh", "nguyen cong tru", "nguyen binh khiem",
		"ly thai to", "tran dai nghia", "to vinh dien", "la van cau", "phan dinh giot", "be van dan", "nguyen thi minh", "phung chi kien", "hoang quoc viet", "pham van dong":
		return true
	}
	return false
}

func among(word string, list ...string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

// inOffice reports that two words, without marks, are an office or a renown that
// makes the name behind them public.
func inOffice(first, second string) bool {
	switch first + " " + second {
	case "chu tich", "bi thu", "thu tuong", "bo truong", "giam doc", "dai tuong", "ca si", "nghe si", "dien vien", "nha tho", "nha van", "anh hung",
		"tong thong", "danh nhan", "nhac si", "dai bieu", "tong bi", "thong doc", "vua hung", "thuong tuong", "trung tuong", "thieu tuong":
		return true
	}
	return false
}

// oneWord reports that two words, without marks, are one, so that the second is no
// surname.
func oneWord(first, second string) bool {
	switch first + " " + second {
	case "bo sung", "tu nguyen", "ra nguyen", "lai nguyen", "thi tran", "quan ly", "dia ban", "khai hoang", "cac ban", "phong tran", "to trinh", "quy trinh", "chuong trinh", "lo trinh", "tai nguyen", "cao nguyen":
		return true
	}
	return false
}

// notMiddle reports that thị or văn, without marks, and a word make up one.
func notMiddle(middle, word string) bool {
	switch middle {
	case "thi":
		return among(word, "truong", "xa", "tran", "thuc", "luc", "phan", "hanh", "cong", "dua")
	case "van":
		return among(word, "nghe", "hoa", "ban", "phong", "minh", "bang", "thu", "de", "hoc", "chuong", "chan", "yen", "phu", "hoi", "con", "chua", "dong", "dung", "hanh", "chuyen", "tai")
	}
	return false
}

// inRole reports that two words, without marks, tell of a person, so that a name
// behind them is that person's.
func inRole(first, second string) bool {
	switch first + " " + second {
	case "chu ho", "liet si", "liet sy", "can bo", "ke toan", "lai xe", "truong thon", "truong ban", "thuong binh", "benh nhan", "hoc sinh", "hang xom", "ben ban", "ben mua",
		"chu the", "chu tk", "dung ten", "co giao", "thay giao", "uy quyen", "ky cho", "nguoi nhan", "nguoi nop", "nguoi gui", "nguoi khai", "dan ong", "chu xe", "chu nha",
		"nguoi ten", "yeu cau", "khach hang", "gia dinh", "cong dan", "doi tuong", "nan nhan", "to truong", "van thu", "y ta", "bac si", "bac sy", "chu dat", "nguoi mat", "tai khoan", "chu stk", "co ten", "name is":
		return true
	}
	return false
}
