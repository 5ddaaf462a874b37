package privacy

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// words are the words beside a number, folded: small letters without marks.
type words struct {
	buf  [maxWindow]byte
	at   [maxWords]word
	n    int
	tail string // raw text after the last word
}

type word struct{ from, to, rawFrom, rawTo int }

const (
	maxWindow = 160 // bytes of text that are looked at on each side: some 25 syllables
	maxWords  = 14
)

// before reads the words of s[from:to] that stand last, in its last sentence.
func before(w *words, s string, from, to int) {
	w.n = 0
	cut := false
	if to-from > maxWindow {
		from, cut = to-maxWindow, true
		for from < to && !utf8.RuneStart(s[from]) {
			from++
		}
	}
	w.read(s, from, to, cut, true)
}

// after reads the words of s[from:to] that stand first, in its first sentence.
func after(w *words, s string, from, to int) {
	w.n = 0
	w.read(s, from, to, false, false)
}

// read folds s[from:to] into words. A sentence's end forgets what stood before it,
// or ends the reading.
func (w *words) read(s string, from, to int, partial, last bool) {
	used, start, rawStart := 0, 0, from
	flush := func(end int) bool {
		if used > start && !partial {
			if w.n == maxWords {
				if !last {
					return false
				}
				copy(w.at[:], w.at[1:])
				w.n--
			}
			w.at[w.n] = word{start, used, rawStart, end}
			w.n++
		}
		partial, start = false, used
		return true
	}
	for i := from; i < to; {
		c := s[i]
		size := 1
		switch {
		case c >= 'a' && c <= 'z' || isDigit(c):
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c < utf8.RuneSelf:
			if !flush(i) {
				return
			}
			if c == '?' || c == '!' || c == ';' || c == '\n' || c == '.' && (i+1 >= to || s[i+1] == ' ') && w.long() {
				if !last {
					return
				}
				w.n = 0
			}
			i++
			continue
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if r >= 0x300 && r <= 0x36F { // a mark typed apart from its letter
				i += size
				continue
			}
			if c = foldRune(r); c == 0 {
				if !flush(i) {
					return
				}
				i += size
				continue
			}
		}
		if used == start {
			rawStart = i
		}
		if used == len(w.buf) {
			break
		}
		w.buf[used] = c
		used++
		i += size
	}
	flush(to)
	w.tail = ""
	if w.n > 0 && last {
		w.tail = s[w.at[w.n-1].rawTo:to]
	}
}

// long reports that the last word is no abbreviation ("a.", "TP."), so that a dot
// behind it ends a sentence.
func (w *words) long() bool {
	return w.n > 0 && w.at[w.n-1].to-w.at[w.n-1].from > 2
}

// word returns the k-th word; "" when there is none.
func (w *words) word(k int) []byte {
	if k < 0 || k >= w.n {
		return nil
	}
	return w.buf[w.at[k].from:w.at[k].to]
}

// raw returns the k-th word as it stands in s.
func (w *words) raw(s string, k int) string { return s[w.at[k].rawFrom:w.at[k].rawTo] }

func (w *words) is(k int, text string) bool { return string(w.word(k)) == text }

// pair reports whether the words k-1 and k are a and b.
func (w *words) pair(k int, a, b string) bool { return w.is(k-1, a) && w.is(k, b) }

// foldTable are the base letters of U+1EA0 to U+1EF9.
const foldTable = "aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy"

// foldRune is the small base letter of a letter outside ASCII; 0 for what is none.
func foldRune(r rune) byte {
	switch {
	case r >= 0x1EA0 && r <= 0x1EF9:
		return foldTable[r-0x1EA0]
	case r >= 0xC0 && r <= 0xFF:
		switch l := r | 0x20; {
		case l <= 0xE5:
			return 'a'
		case l >= 0xE8 && l <= 0xEB:
			return 'e'
		case l >= 0xEC && l <= 0xEF:
			return 'i'
		case l >= 0xF2 && l <= 0xF6:
			return 'o'
		case l >= 0xF9 && l <= 0xFC:
			return 'u'
		case l == 0xFD:
			return 'y'
		case l == 0xF0:
			return 'd'
		}
		return 0
	}
	switch r {
	case 'đ', 'Đ':
		return 'd'
	case 'ă', 'Ă':
		return 'a'
	case 'ĩ', 'Ĩ':
		return 'i'
	case 'ũ', 'Ũ', 'ư', 'Ư':
		return 'u'
	case 'ơ', 'Ơ':
		return 'o'
	}
	if r >= 0xFF10 && r <= 0xFF19 {
		return byte('0' + r - 0xFF10)
	}
	if unicode.IsLetter(r) {
		return '?' // some letter: it belongs to the word
	}
	return 0
}

// topic is what the words beside a number say it is.
type topic int

const (
	noTopic topic = iota
	ofPhone
	ofIdentity
	ofTax
	ofInsurance
	ofPassport
	ofAccount
	ofOTP
	ofLand
	ofVehicle
	ofDossier
	ofElse // money, law, codes, years: no personal number
)

// nearest returns the topic announced nearest before a number, and how many words
// stand between.
func (w *words) nearest() (topic, int) {
	for k := w.n - 1; k >= 0; k-- {
		if t := w.topicAt(k); t != noTopic {
			return t, w.n - 1 - k
		}
	}
	return noTopic, 0
}

// away returns how many words stand after the last that announces t; -1 when none does.
func (w *words) away(t topic) int {
	for k := w.n - 1; k >= 0; k-- {
		if w.topicAt(k) == t {
			return w.n - 1 - k
		}
	}
	return -1
}

// topicAt returns the topic that the words ending with the k-th announce.
func (w *words) topicAt(k int) topic {
	switch string(w.word(k)) {
	case "sdt", "sdtdd", "dtdd", "dt", "phone", "tel", "mobile", "zalo", "viber", "whatsapp", "hotline", "sim", "lh", "alo", "dthoai", "sodt":
		return ofPhone
	case "cccd", "cmnd", "cmt", "cmtnd", "cmtnn", "gplx", "ddcn", "cancuoc", "cmdn":
		return ofIdentity
	case "mst":
		return ofTax
	case "bhxh", "bhyt", "vssid", "bhtn", "sobhxh":
		return ofInsurance
	case "passport", "hochieu", "pp", "hc":
		return ofPassport
	case "stk", "tk", "sotk", "taikhoan", "atm", "visa", "mastercard", "napas", "momo", "zalopay", "viettelpay", "banking":
		return ofAccount
	case "otp", "pin", "pass", "passcode", "password", "matkhau":
		return ofOTP
	case "gcn", "gcnqsdd", "qsdd", "sodo":
		return ofLand
	case "xe":
		if w.is(k-1, "lai") {
			return ofIdentity
		}
		return ofVehicle
	case "bks", "bsx", "oto", "moto", "wave", "sirius", "vision", "exciter", "dream", "honda", "yamaha":
		return ofVehicle
	case "bh":
		if w.is(k-1, "ma") || w.is(k-1, "so") || w.is(k-1, "the") {
			return ofInsurance
		}
	case "money", "pay":
		return ofAccount
	case "thoai":
		if w.is(k-1, "dien") {
			return ofPhone
		}
	case "goi", "may":
		if w.is(k, "goi") && !w.is(k-1, "tro") || w.pair(k, "so", "may") {
			return ofPhone
		}
	case "ban":
		if w.is(k-1, "may") {
			return ofPhone
		}
	case "he":
		if w.is(k-1, "lien") {
			return ofPhone
		}
	case "cuoc":
		if w.is(k-1, "can") {
			return ofIdentity
		}
	case "thu":
		if w.is(k-1, "minh") {
			return ofIdentity
		}
	case "danh":
		if w.is(k-1, "dinh") {
			return ofIdentity
		}
	case "lai":
		if w.is(k-1, "bang") || w.is(k-1, "phep") {
			return ofIdentity
		}
	case "than":
		if w.is(k-1, "tuy") {
			return ofIdentity
		}
	case "thue":
		if w.pair(k-1, "ma", "so") {
			return ofTax
		}
	case "hoi":
		if w.is(k-1, "xa") && w.is(k-2, "hiem") {
			return ofInsurance
		}
	case "te":
		if w.is(k-1, "y") && w.is(k-2, "hiem") {
			return ofInsurance
		}
	case "hiem":
		if w.is(k-1, "bao") {
			return ofInsurance
		}
	case "the":
		if w.is(k-1, "ma") {
			return ofInsurance
		}
		if w.is(k-1, "so") {
			return ofAccount
		}
	case "so":
		if w.is(k-1, "so") && !w.is(k-2, "vao") { // "so so …": sổ số, the book of social insurance
			return ofInsurance
		}
		if w.is(k-1, "ho") && (w.is(k-2, "ma") || w.is(k-2, "so")) {
			return ofDossier
		}
		if w.is(k-1, "vao") {
			return ofLand
		}
	case "chieu":
		if w.is(k-1, "ho") {
			return ofPassport
		}
	case "khoan":
		if w.is(k-1, "tai") {
			return ofAccount
		}
	case "dung":
		if w.is(k-1, "tin") {
			return ofAccount
		}
	case "khau":
		if w.is(k-1, "mat") {
			return ofOTP
		}
	case "nhan", "thuc", "minh", "hoat", "nhap":
		if w.is(k, "minh") && w.is(k-1, "chung") { // "chứng minh 060…"
			return ofIdentity
		}
		if w.pair(k-1, "ma", "xac") || w.is(k, "hoat") && w.pair(k-1, "ma", "kich") || w.is(k, "nhap") && w.pair(k-1, "ma", "dang") {
			return ofOTP
		}
		if w.is(k, "nhan") && w.pair(k-1, "giay", "chung") {
			return ofLand
		}
	case "mat":
		if w.pair(k-1, "ma", "bao") {
			return ofOTP
		}
	case "do", "hong":
		if w.is(k-1, "so") || w.is(k-1, "bia") {
			return ofLand
		}
	case "bia":
		return ofLand
	case "dat":
		if !w.is(k-1, "em") && !w.is(k-1, "toi") && !w.is(k-1, "minh") && !w.is(k-1, "da") && !w.is(k-1, "cai") { // đặt
			return ofLand
		}
	case "hanh":
		if w.is(k-1, "phat") {
			return ofLand
		}
	case "seri", "serial":
		return ofLand
	case "bien":
		return ofVehicle
	case "nguoi":
		if w.is(k-1, "phat") {
			return ofVehicle
		}
	case "hs":
		if w.is(k-1, "ma") || w.is(k-1, "so") {
			return ofDossier
		}
	case "nd", "tt", "qd", "nq", "luat", "dieu", "mau", "form", "tthc", "nam", "gia", "phi", "tien", "luong", "vay", "muc", "tcvn":
		return ofElse
	case "dinh":
		if w.is(k-1, "nghi") || w.is(k-1, "quyet") {
			return ofElse
		}
	case "tu":
		if w.is(k-1, "thong") {
			return ofElse
		}
	case "tuc":
		if w.is(k-1, "thu") {
			return ofElse
		}
	case "cap":
		if w.is(k-1, "tro") {
			return ofElse
		}
	}
	return noTopic
}

// company reports that a tax number is a firm's, which is public.
func (w *words) company() bool {
	for k := 0; k < w.n; k++ {
		switch string(w.word(k)) {
		case "cty", "dn", "htx", "congty":
			return true
		case "ty":
			if w.is(k-1, "cong") {
				return true
			}
		case "nghiep":
			if w.is(k-1, "doanh") {
				return true
			}
		case "xa":
			if w.is(k-1, "tac") {
				return true
			}
		}
	}
	return false
}

// bank reports whether the k-th word is the name of a bank or wallet.
func (w *words) bank(k int) bool {
	switch string(w.word(k)) {
	case "vietcombank", "vcb", "agribank", "agri", "bidv", "vietinbank", "viettinbank", "vietin", "ctg", "techcombank", "techcom", "tcb", "mbbank", "mb", "sacombank", "sacom", "acb",
		"vpbank", "vpb", "tpbank", "tpb", "vtb", "lienviet", "lpb", "hdbank", "vib", "shb", "msb", "lpbank", "lienvietpostbank", "seabank", "ocb", "eximbank", "nganhang", "namabank", "abbank", "pvcombank", "kienlongbank", "bacabank", "nhcsxh", "vbsp", "momo", "zalopay", "viettelpay", "vnpay":
		return true
	case "ngan":
		return w.is(k+1, "hang")
	}
	return false
}

// bankNear reports whether a bank is named before a number, with at most so many
// words between.
func (w *words) bankNear(most int) bool {
	for k := w.n - 1; k >= max(0, w.n-1-most); k-- {
		if w.bank(k) && !w.is(k, "ngan") {
			return true
		}
	}
	return false
}

// toldOn reports that somebody read out, gave or typed what comes next.
func (w *words) toldOn() bool {
	for k := max(0, w.n-5); k < w.n; k++ {
		switch string(w.word(k)) {
		case "doc", "dua", "cho", "nhap", "gui":
			return true
		}
	}
	return false
}

// codeTold reports that what comes next was read out or typed as the code that the words
// before speak of: "nó đòi mã 6 số, em đọc …".
func (w *words) codeTold() bool {
	switch string(w.word(w.n - 1)) {
	case "doc", "dua", "nhap", "cho":
		for k := range w.n - 1 {
			if w.is(k, "ma") {
				return true
			}
		}
	}
	return false
}

// cameByMessage reports that what stands before the words came to a telephone.
func (w *words) cameByMessage() bool {
	for k := range min(w.n, 6) {
		switch string(w.word(k)) {
		case "gui", "nhan", "tin", "ve":
			return true
		}
	}
	return false
}

// unit reports whether the first word after a number is what sums, areas and times
// are counted in: then the number is nobody's. Of a number that is announced only
// the sums are sure, and "dong" may be đóng.
func (w *words) unit(s string, announced bool) bool {
	switch string(w.word(0)) {
	case "d", "vnd", "k", "trieu", "tr", "nghin", "ty", "m2", "usd":
		return true
	case "dong":
		raw := w.raw(s, 0)
		return strings.EqualFold(raw, "đồng") || raw == "dong" && !announced
	case "ngan", "ti", "m", "met", "ha", "kg", "km", "cc", "phan", "nguoi", "ngay", "thang", "gio", "phut", "giay":
		return !announced && !w.pair(1, "ngan", "hang")
	}
	return false
}

// born reports whether the words before a date say that somebody was born on it.
func (w *words) born(s string) bool {
	for k := w.n - 1; k >= max(0, w.n-9); k-- {
		switch string(w.word(k)) {
		case "sinh":
			switch string(w.word(k - 1)) {
			case "khai", "hoc", "thi", "ve", "phat", "ky", "tuyen", "giam", "chung", "tai", "ho", "tru", "nhan":
				return false
			}
			return true
		case "sn", "ns", "dob", "ngaysinh", "birth", "born":
			return true
		case "nhat":
			return w.is(k-1, "sinh")
		case "doi":
			return w.is(k-1, "chao")
		case "de":
			raw := w.raw(s, k)
			return strings.EqualFold(raw, "đẻ") || raw == "de" && (!w.is(k+1, "ngay") || w.bears(k))
		case "ngay", "mung", "mong", "vao", "hom", "thang", "nam", "ra", "chau", "con", "be", "em", "la", "luc", "gai", "trai", "cua", "bo", "me", "ong", "ba", "vo", "chong", "toi", "minh", "o", "nha", "tai", "dau", "long",
			"sang", "trua", "chieu", "dem", "gio", "phut", "tren", "trong", "bang", "giay", "to", "the", "cccd", "cmnd", "so", "ho", "khau", "ghi":
		default: // "sinh lúc 5h …", "sinh của cháu Giàng Thị Sua là …"
			if word := w.word(k); isDigit(word[0]) && (len(word) <= 2 || bytes.IndexByte(word, 'h') > 0) {
				continue
			}
			if r, _ := utf8.DecodeRuneInString(w.raw(s, k)); !unicode.IsUpper(r) {
				return false
			}
		}
	}
	return false
}

// otherwise reports whether a date is what another paper says: "còn trên căn cước là …",
// "khai sinh lại ghi …".
func (w *words) otherwise() bool {
	if !w.is(w.n-1, "la") && !w.is(w.n-1, "ghi") {
		return false
	}
	for k := max(0, w.n-6); k < w.n; k++ {
		switch string(w.word(k)) {
		case "han", "cap", "den", "tu", "nop", "hen":
			return false
		}
	}
	return true
}

// bears reports whether the words before the k-th name who is born or bears.
func (w *words) bears(k int) bool {
	for j := max(0, k-3); j < k; j++ {
		if w.is(j, "be") || w.is(j, "chau") || w.is(j, "vo") {
			return true
		}
	}
	return false
}

// named reports whether a person's name stands directly before a date: a surname
// and one to three more words, each with a capital letter, or a surname with the
// middle name văn or thị however it is written.
func (w *words) named(s string) bool {
	if strings.Trim(w.tail, " ,(-–:.|") != "" {
		return false
	}
	for k := w.n - 2; k >= max(0, w.n-4); k-- {
		if !surname(w.word(k)) {
			continue
		}
		if middle := w.raw(s, k+1); k+2 < w.n && (strings.EqualFold(middle, "văn") || strings.EqualFold(middle, "thị") || w.is(k+1, middle) && (middle == "van" || middle == "thi")) {
			switch string(w.word(w.n - 1)) {
			case "tu", "den", "ngay", "truoc", "sau", "hom", "trong", "qua":
				return false
			}
			return true
		}
		if w.capitals(s, k) && !place(w.word(k), w.word(k+1)) {
			return true
		}
	}
	return false
}

// capitals reports that the words from k on begin with a capital letter, with
// nothing but a space between.
func (w *words) capitals(s string, k int) bool {
	for ; k < w.n; k++ {
		r, _ := utf8.DecodeRuneInString(s[w.at[k].rawFrom:])
		if !unicode.IsUpper(r) || k+1 < w.n && w.at[k+1].rawFrom-w.at[k].rawTo != 1 {
			return false
		}
	}
	return true
}

func surname(b []byte) bool {
	switch string(b) {
	case "nguyen", "tran", "le", "pham", "hoang", "huynh", "vu", "vo", "phan", "truong", "bui", "dang", "do", "ngo", "ho", "duong", "dinh", "ha", "lam", "mai",
		"trinh", "dao", "doan", "vuong", "luong", "ly", "giang", "vang", "sung", "thao", "mua", "hang", "lo", "lu", "cu", "ma", "trieu", "ban", "chao", "nong",
		"quang", "cam", "tong", "khang", "hau", "cha", "sin", "ta", "to", "la", "luu", "chu", "cao", "kieu", "thach", "tan", "vi", "hu", "po", "gia", "phang":
		return true
	}
	return false
}

// place reports that two words are the name of a province, which begins like a
// surname.
func place(a, b []byte) bool {
	switch string(a) {
	case "ha":
		switch string(b) {
		case "noi", "giang", "nam", "tinh", "dong":
			return true
		}
	case "cao":
		return string(b) == "bang"
	case "lam":
		return string(b) == "dong"
	}
	return false
}
