package pipeline

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"troly/internal/vietnamese"
)

// matter is something people ask of any paper that is no section of a document:
// whether somebody else may go, what a late filing costs, how long the paper is good.
// A document may well say nothing of it, and then the answer has to say so.
type matter struct {
	about  string         // as an answer names it
	asks   []string       // phrases that ask for it
	names  []string       // phrases that ask for it where a yes or a no is wanted
	said   *regexp.Regexp // what a line has that speaks of it
	shares []Facet        // whose phrases these are too: alone they ask for none of these
	told   Facet          // the facet whose section tells of it; empty: single lines do
	people bool           // it is a kind of people: what is said of them is found by the question's own words
	apart  bool           // documents of its own tell of it: beside the name of a paper it may be what is meant
}

// matters are compared like facets: phrases with diacritics or, from two syllables
// on, without; one that begins with "=" only with them ("cần ảnh" is not "cần anh").
var matters = []matter{
	{
		about: "việc nhờ người khác làm thay",
		names: []string{
			"ủy quyền", "đi thay", "làm thay", "nộp thay", "lấy thay", "nhận thay", "ký thay", "khai thay", "xin thay", "lĩnh thay", "đứng ra thay",
			"thay được", "thay bố", "thay mẹ", "thay vợ", "thay chồng", "thay con", "thay ông", "thay bà", "thay người",
			"nhờ người", "nhờ con", "nhờ cháu", "nhờ vợ", "nhờ chồng", "nhờ bố", "nhờ mẹ", "nhờ anh", "nhờ chị", "nhờ bạn", "nhờ hàng xóm", "nhờ dịch vụ", "nhờ cửa hàng", "nhờ công ty", "nhờ thợ",
			"giùm", "làm giúp", "nộp giúp", "lấy giúp", "đi giúp", "hộ có được",
			"người khác đi", "người khác nộp", "người khác làm", "người khác lấy", "người khác nhận", "người nhà đi", "người nhà nộp",
			"hộ được", "hộ người", "hộ bố", "hộ mẹ", "hộ ông", "hộ bà", "hộ vợ", "hộ chồng", "hộ con", "đi hộ", "ký hộ", "lĩnh hộ", "rút hộ", "khai hộ",
		},
		said:   regexp.MustCompile(`(?i)ủy quyền|(đi|làm|nộp|nhận|lấy|khai|lĩnh|ký) thay|nhờ (người|ông|con|cháu)|người khác (xin|đi|nộp|làm|lĩnh)|xin cho người khác|có mặt|trước mặt|đến trực tiếp|mọi người cần ký`),
		shares: []Facet{Who},
	},
	{
		about: "việc làm ở xã, tỉnh khác",
		names: []string{"xã khác", "phường khác", "tỉnh khác", "huyện khác", "nơi khác", "chỗ khác", "xã nào cũng", "tỉnh nào cũng", "khác tỉnh", "khác xã", "chỗ trọ", "nơi đang ở", "chỗ đang ở"},
		said:  regexp.MustCompile(`(?i)bất kỳ|không phụ thuộc|nào cũng được|đều được|(xã|tỉnh|nơi) khác|nơi (cư trú|thường trú|tạm trú|đang|đã|có đất|có nhà|xây|xảy ra|đặt|ở|gần)|nơi chuyển`),
	},
	{
		about: "giờ làm việc, ngày nghỉ",
		asks:  []string{"giờ làm việc", "giờ mở cửa", "mấy giờ mở", "mấy giờ làm", "mấy giờ đóng", "mở cửa mấy giờ", "làm việc mấy giờ", "làm đến mấy giờ"},
		names: []string{"chủ nhật", "thứ bảy", "thứ 7", "cuối tuần", "ngày nghỉ", "ngày lễ", "ngoài giờ", "buổi trưa", "buổi tối", "nghỉ trưa", "nghỉ tết"},
		said:  regexp.MustCompile(`[Tt]hứ (Hai|Bảy)|(?i:chủ nhật|giờ hành chính|giờ làm việc của|ngày (nghỉ|lễ)|ngoài giờ)`),
	},
	{
		about:  "mức phạt",
		asks:   []string{"phạt bao nhiêu", "phạt nhiêu", "phạt mấy", "phạt thế nào", "phạt gì", "mức phạt", "tiền phạt"},
		names:  []string{"bị phạt", "phạt không", "phạt tiền", "nộp phạt", "phạt hành chính", "xử phạt", "đóng phạt"},
		said:   regexp.MustCompile(`(?i)mức (xử )?phạt|phạt tiền|(sẽ|thì|không|có thể) (bị )?phạt`),
		shares: []Facet{Result, Fee},
	},
	{
		about: "giá trị, thời hạn dùng của giấy",
		asks: []string{
			"giá trị mấy", "giá trị bao", "giá trị trong bao", "giá trị đến", "dùng được bao", "dùng được mấy", "dùng bao lâu", "dùng mấy năm", "dùng trong bao",
			"hiệu lực mấy", "hiệu lực bao", "thời hạn mấy năm", "thời hạn bao nhiêu năm", "hạn mấy năm", "hạn bao nhiêu năm", "có thời hạn bao", "hạn dùng", "hạn sử dụng", "khi nào hết hạn", "bao giờ hết hạn",
		},
		names:  []string{"có giá trị", "còn giá trị", "có hiệu lực", "còn hiệu lực", "có thời hạn", "có hết hạn", "hết hạn không", "còn dùng được"},
		said:   regexp.MustCompile(`(?i)giá trị (sử dụng|như|pháp lý|đến|trong)|có giá trị|còn (giá trị|hiệu lực)|^(giá trị|hạn thẻ|thẻ cấp)|thời hạn (sử dụng|tạm trú)|không có thời hạn|dùng (được )?đến|mốc .*tuổi`),
		shares: []Facet{Deadline},
	},
	{
		about: "việc nộp bản chính hay bản sao", apart: true,
		names: []string{"bản gốc", "bản chính", "giấy gốc", "bản sao", "bản photo", "photo", "phô tô", "bản chụp"},
		said:  regexp.MustCompile(`(?i)bản (gốc|chính|sao|chụp|photo)|đối chiếu|xuất trình|không phải (nộp|mang)`),
	},
	{
		about: "việc công chứng, chứng thực giấy tờ", apart: true,
		names: []string{"công chứng", "chứng thực", "sao y"},
		said:  regexp.MustCompile(`(?i)công chứng|chứng thực`),
	},
	{
		about: "việc nộp qua mạng",
		asks:  []string{"online", "trực tuyến", "qua mạng", "trên mạng"},
		said:  regexp.MustCompile(`(?i)trực tuyến|(qua|trên) mạng|Cổng|VNeID|điện tử|VssID|ứng dụng`),
		told:  Online,
	},
	{
		about: "việc làm hay trả kết quả tại nhà, qua bưu điện",
		names: []string{"tận nhà", "gửi về", "gửi tại nhà", "nhận tại nhà", "trả tại nhà", "qua bưu điện", "bưu điện", "bưu chính", "đến nhà", "tới nhà", "về nhà được"},
		said:  regexp.MustCompile(`(?i)bưu (chính|điện)|(tại|tận|đến) nhà|lưu động|ngoài trụ sở`),
	},
	{
		about: "cách trả tiền", apart: true,
		names:  []string{"chuyển khoản", "tiền mặt", "quẹt thẻ", "nộp tiền qua", "trả tiền qua", "trả tiền làm", "đóng tiền qua"},
		said:   regexp.MustCompile(`(?i)chuyển khoản|tiền mặt|thanh toán|tài khoản (ngân hàng|thanh toán)|nộp (tiền|phí|lệ phí) (qua|trên|trực tuyến)`),
		shares: []Facet{Fee},
	},
	{
		about: "miễn, giảm",
		names: []string{"được giảm", "giảm phí", "giảm tiền", "giảm không", "được miễn", "miễn phí", "miễn giảm", "miễn tiền"},
		said:  regexp.MustCompile(`(?i)miễn|giảm|không (thu|mất)|hỗ trợ|ưu đãi`),
		told:  Fee,
	},
	{
		about:  "ảnh phải nộp",
		asks:   []string{"cỡ ảnh", "ảnh cỡ", "=mấy ảnh", "mấy cái ảnh", "=ảnh mấy", "ảnh khổ", "khổ ảnh", "kích thước ảnh", "cỡ bao nhiêu", "cỡ nào", "khổ nào", "nền trắng", "nền xanh"},
		names:  []string{"ảnh thẻ", "=cần ảnh", "=mang ảnh", "=nộp ảnh", "chụp ảnh", "=dán ảnh", "=ảnh không"},
		said:   regexp.MustCompile(`(?i)(^|[^\pL])ảnh([^\pL]|$)`),
		shares: []Facet{Documents},
	},
	{
		about: "trường hợp làm muộn, quá hạn",
		names: []string{"nộp muộn", "làm muộn", "đăng ký muộn", "đóng muộn", "khai muộn", "nộp chậm", "đóng chậm", "nộp trễ", "trễ hạn", "quá hạn"},
		said:  regexp.MustCompile(`(?i)quá hạn|muộn|trễ|chậm|gián đoạn|thời hiệu|(^|[^\pL])hạn (nộp|làm|đăng ký|chót|người|gửi)`),
	},
	{
		about: "việc nộp lại hồ sơ",
		names: []string{"nộp lại", "làm lại hồ sơ", "xin lại được", "nộp lần nữa"},
		said:  regexp.MustCompile(`(?i)nộp lại|bổ sung|làm lại|đề nghị lại|lần (hai|sau)`),
	},
	{
		about: "việc trả lại tiền đã nộp",
		names: []string{"hoàn tiền", "hoàn phí", "hoàn lại", "trả lại tiền", "lấy lại tiền"},
		said:  regexp.MustCompile(`(?i)hoàn (trả|lại|tiền|phí|thuế)|trả lại`),
	},
	{
		about: "việc làm nhanh",
		names: []string{"làm nhanh", "lấy nhanh", "gấp", "cần gấp", "làm gấp", "lấy liền", "nhanh hơn"},
		said:  regexp.MustCompile(`(?i)nhanh|gấp|lấy ngay|trong ngày`),
		told:  Deadline,
	},
	{
		about: "cách xem hồ sơ làm đến đâu", apart: true,
		asks: []string{"xong chưa", "đến đâu rồi", "tới đâu rồi", "tra cứu kết quả", "tra kết quả", "xem kết quả"},
		said: regexp.MustCompile(`(?i)tra cứu|tra tiến độ|giấy hẹn|thông báo kết quả|mã hồ sơ`),
	},
	{
		about: "nơi khiếu nại, phản ánh", apart: true,
		asks: []string{"kiện ai", "kiện ở đâu", "khiếu nại ai", "khiếu nại ở đâu", "báo ai", "kêu ai", "phản ánh ở đâu", "phản ánh với ai"},
		said: regexp.MustCompile(`(?i)^khiếu nại|khiếu nại (lên|đến|tới|với|ở)|khởi kiện|ra tòa|phản ánh|tố cáo`),
	},
	{
		about: "việc phải đến tận nơi",
		names: []string{"phải có mặt", "có mặt không", "đến tận nơi", "tới tận nơi", "đến trực tiếp", "phải đến tận", "phải ra tận", "đích thân"},
		said:  regexp.MustCompile(`(?i)có mặt|trước mặt|trực tiếp|trực tuyến|qua mạng|đến ký`),
	},
	{
		about: "hộ nghèo, hộ cận nghèo", people: true,
		names: []string{"hộ nghèo", "cận nghèo", "nhà nghèo"},
		said:  regexp.MustCompile(`(?i)nghèo`),
	},
	{
		about: "người cao tuổi", people: true,
		names: []string{"người già", "người cao tuổi", "cao tuổi", "ông già", "bà già", "cụ già"},
		said:  regexp.MustCompile(`(?i)cao tuổi|người già|già yếu|từ (đủ )?[67][05] tuổi`),
	},
	{
		about: "người khuyết tật", people: true,
		names: []string{"khuyết tật", "tàn tật", "người mù", "người câm", "người điếc"},
		said:  regexp.MustCompile(`(?i)khuyết tật|bệnh tật|không (đọc|nghe|ký|nói|nhìn) được`),
	},
	{
		about: "người dân tộc thiểu số", people: true,
		names: []string{"dân tộc thiểu số", "người dân tộc", "người mông", "người dao", "người tày", "dân tộc mông", "dân tộc dao", "dân tộc tày", "dân tộc thái"},
		said:  regexp.MustCompile(`(?i)dân tộc thiểu số|đồng bào|đặc biệt khó khăn`),
	},
	{
		about: "người có công", people: true,
		names: []string{"người có công", "thương binh", "cựu chiến binh", "liệt sĩ"},
		said:  regexp.MustCompile(`(?i)có công|thương binh|cựu chiến binh|liệt sĩ`),
	},
	{
		about: "trẻ em", people: true,
		names: []string{"trẻ em", "trẻ con", "trẻ nhỏ", "em bé"},
		said:  regexp.MustCompile(`(?i)trẻ|dưới (14|16|18) tuổi|chưa thành niên|(^|[^\pL])con([^\pL]|$)`),
	},
	{
		about: "học sinh, sinh viên", people: true,
		names: []string{"học sinh", "sinh viên"},
		said:  regexp.MustCompile(`(?i)học sinh|sinh viên|người học|nhà trường`),
	},
	{
		about: "người nước ngoài", people: true,
		names: []string{"người nước ngoài", "người trung quốc", "người lào", "người tây", "người hàn", "việt kiều"},
		said:  regexp.MustCompile(`(?i)nước ngoài|là công dân Việt Nam|^công dân Việt Nam`),
	},
}

// newMatterTables makes the tables that soughtIn looks in: of phrases that ask, and of
// those that ask only for a yes or a no. Groups are the indices of matters.
func newMatterTables() (asks, names *phraseTable) {
	ask, name := make([][]string, len(matters)), make([][]string, len(matters))
	for i, m := range matters {
		ask[i], name[i] = m.asks, m.names
	}
	return newPhraseTable(ask...), newPhraseTable(name...)
}

// clauseEnd matches what ends a clause of a question.
var clauseEnd = regexp.MustCompile(`[.,?!;:\n]+`)

// sought are the matters that a question asks for, as indices, and the facets that only
// the phrases of these ask for.
func (a *Assistant) soughtIn(text string, unmarked bool) (sought []int, shared []Facet) {
	var own []Facet
	for _, clause := range clauseEnd.Split(text, -1) {
		tokens := vietnamese.Tokenize(nil, clause)
		facets, yesNo := a.facetsOf(tokens, unmarked)
		found := a.asks.find(tokens, unmarked)
		if yesNo {
			for i := range a.whethers.find(tokens, unmarked) {
				found[i] = true
			}
		}
		var shares []Facet
		for i, m := range matters {
			if found[i] {
				shares = append(shares, m.shares...)
				if !slices.Contains(sought, i) {
					sought = append(sought, i)
				}
			}
		}
		for _, f := range facets {
			if slices.Contains(shares, f) {
				shared = append(shared, f)
			} else {
				own = append(own, f)
			}
		}
	}
	return sought, slices.DeleteFunc(shared, func(f Facet) bool { return slices.Contains(own, f) })
}

// askingWords are the words of a question that belong to phrases for facets and matters:
// they say what is wanted of a paper, not which. For whom it is may well say which.
func (a *Assistant) askingWords(tokens []vietnamese.Token, unmarked bool) map[string]bool {
	words := make(map[string]bool)
	maps.Copy(words, a.facets.words(tokens, unmarked, func(int) bool { return true }))
	for _, table := range []*phraseTable{a.asks, a.whethers} {
		maps.Copy(words, table.words(tokens, unmarked, func(i int) bool { return !matters[i].apart && !matters[i].people }))
	}
	return words
}

// withoutTitle leaves out the matters that the title is about: a document on certified
// copies speaks of certifying in every line.
func withoutTitle(sought []int, title string) []int {
	return slices.DeleteFunc(slices.Clone(sought), func(i int) bool {
		return matters[i].said.MatchString(strings.ToLower(title))
	})
}
