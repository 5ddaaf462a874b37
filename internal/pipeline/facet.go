package pipeline

import (
	"slices"

	"troly/internal/vietnamese"
)

// Facet is one thing about a procedure that a question asks for.
type Facet string

// The facets, named after what they ask for.
const (
	Documents Facet = "documents" // which papers
	Fee       Facet = "fee"
	Deadline  Facet = "deadline" // how long, until when
	Place     Facet = "place"    // which office
	Steps     Facet = "steps"    // one after the other
	How       Facet = "how"      // in general
	Online    Facet = "online"
	Who       Facet = "who"    // who may, who must, who gets
	Result    Facet = "result" // what one gets, how much
	Form      Facet = "form"
	Legal     Facet = "legal"
	Merger    Facet = "merger" // what changed with the merger of provinces and the end of districts
)

// sections says where each facet is answered in a procedure, best first.
var sections = map[Facet][]string{
	Documents: {"ho-so"},
	Fee:       {"le-phi"},
	Deadline:  {"thoi-han"},
	Place:     {"noi-nop", "cach-nop"},
	Steps:     {"trinh-tu", "cach-nop"},
	How:       {"cach-nop", "trinh-tu"},
	Online:    {"cach-nop"},
	Who:       {"doi-tuong"},
	Result:    {"ket-qua"},
	Form:      {"mau-don", "ho-so"},
	Legal:     {"can-cu"},
	Merger:    {"luu-y", "noi-nop"},
}

// whether is asked for by a question that wants a yes or a no; no section answers it.
const whether Facet = ""

// kinds are the kinds of value that answer a facet.
var kinds = map[Facet][]vietnamese.Kind{
	Fee:      {vietnamese.Money, vietnamese.Percent},
	Result:   {vietnamese.Money, vietnamese.Percent},
	Deadline: {vietnamese.WorkingDays, vietnamese.Duration, vietnamese.Date},
	Form:     {vietnamese.Form},
	Legal:    {vietnamese.Reference, vietnamese.Code},
}

func kindsOf(facets []Facet) []vietnamese.Kind {
	var list []vietnamese.Kind
	for _, f := range facets {
		list = append(list, kinds[f]...)
	}
	return list
}

// phrases are how people ask for each facet, as typed with diacritics. A phrase
// of two or more syllables is found without diacritics too; a single syllable
// only with them, because folded syllables mean too many things.
var phrases = []struct {
	facet   Facet
	phrases []string
}{
	{Fee, []string{
		"bao nhiêu tiền", "mấy tiền", "mất tiền", "tốn tiền", "lệ phí", "mất phí", "phí", "phải nộp bao nhiêu", "hết bao nhiêu", "tốn bao nhiêu",
		"mất bao nhiêu", "đóng bao nhiêu", "nộp bao nhiêu", "giá bao nhiêu", "bao tiền", "tốn kém", "miễn phí", "chi phí", "giá cả", "thu tiền", "nhiêu tiền", "hết nhiêu", "bao nhiêu phần trăm", "mấy phần trăm", "mấy đồng", "bao nhiêu đồng", "mất gì không", "đóng thuế", "nộp thuế bao nhiêu",
		"mất thuế", "phải thuế", "trả tiền", "đóng tiền", "nộp tiền", "mức đóng", "tốn không", "đồng nào", "đánh thuế", "chịu thuế", "hết mấy", "tốn mấy", "bao nhiêu một bản", "mấy nghìn", "giảm tiền", "được giảm", "giảm phí", "mức thu", "mất thêm tiền", "đóng thêm", "nộp thêm tiền",
	}},
	{Deadline, []string{
		"bao lâu", "mấy ngày", "mấy hôm", "mấy bữa", "bao nhiêu ngày", "bao nhiêu lâu", "khi nào có", "khi nào xong", "khi nào lấy", "bao giờ có", "bao giờ lấy", "bao giờ xong",
		"thời hạn", "thời gian", "hạn chót", "trong ngày", "lấy ngay", "chờ lâu", "đợi lâu", "mấy tháng", "bao nhiêu tháng", "mấy năm", "bao nhiêu năm",
		"bao lâu thì", "hôm nào lấy", "hôm nào có", "lâu không", "có lâu", "mấy tuần", "hiệu lực", "giá trị mấy", "có hạn", "nhanh nhất", "chừng nào", "hết hạn khi nào", "trước ngày", "bao giờ", "bao nhiêu hôm", "bao nhiêu tháng", "muộn nhất", "chậm nhất", "còn kịp", "kịp không", "ngày nào", "khi nào", "hạn đến", "quá hạn", "trễ hạn", "mất mấy hôm", "trước mấy giờ", "muộn nhất mấy giờ",
	}},
	{Steps, []string{
		"các bước", "từng bước", "mấy bước", "bước nào", "bao nhiêu bước", "trình tự", "quy trình", "lần lượt",
	}},
	{Documents, []string{
		"giấy tờ gì", "giấy gì", "giấy tờ nào", "cần gì", "cần những gì", "cần giấy", "hồ sơ gì", "hồ sơ gồm", "hồ sơ cần", "mang gì", "mang theo", "mang những gì", "đem theo", "đem gì", "cầm gì", "cầm theo", "cầm những gì",
		"chuẩn bị gì", "chuẩn bị những", "thành phần hồ sơ", "bộ hồ sơ", "thủ tục gồm", "gồm những", "cần mang", "phải mang", "phải có gì", "cần có gì", "cần chuẩn bị", "giấy tờ",
		"phải nộp gì", "cần nộp gì", "thì nộp gì", "nộp những gì", "thiếu giấy", "mấy ảnh", "xuất trình", "kèm những gì", "kèm gì", "kèm theo gì",
	}},
	{Place, []string{
		"ở đâu", "nộp đâu", "chỗ nào", "nơi nào", "cơ quan nào", "xã nào", "đến đâu", "ra đâu", "lên đâu", "làm đâu", "đi đâu", "tới đâu", "ai giải quyết", "ai cấp", "đơn vị nào",
		"xã có làm", "phường nào", "công an nào", "nơi tiếp nhận", "địa chỉ", "hỏi ai", "gặp ai", "ai làm", "có phải về quê", "phải về quê", "thẩm quyền", "thuộc ai", "báo với ai", "liên hệ ai",
	}},
	{Online, []string{
		"trực tuyến", "online", "qua mạng", "trên mạng", "qua điện thoại", "trên điện thoại", "dịch vụ công", "không phải đi", "nộp từ xa", "vneid",
	}},
	{How, []string{
		"như thế nào", "thế nào", "ra sao", "làm sao", "làm cách nào", "cách làm", "bắt đầu từ đâu", "làm gì", "phải làm gì", "hướng dẫn", "cách nộp", "cách đăng ký",
	}},
	{Who, []string{
		"ai được", "ai phải", "đối tượng", "điều kiện", "tôi có được", "làm thay", "nhờ người", "đi thay", "ủy quyền", "có thuộc", "những ai",
		"trường hợp nào", "đủ tuổi", "bao nhiêu tuổi", "mấy tuổi", "làm hộ được", "làm hộ không", "làm hộ cho", "làm hộ bố", "làm hộ mẹ", "làm hộ ông", "làm hộ bà", "làm hộ vợ", "làm hộ chồng", "làm hộ con", "làm hộ em", "làm hộ người", "làm hộ là", "làm hộ thì", "thay được không", "đủ điều kiện",
	}},
	{whether, []string{
		"được không", "có được", "có phải", "có bắt buộc", "có cần", "phải không", "cần không", "có nhận", "có còn", "có đến", "có cho", "được chưa", "có mất", "hay không", "đúng không", "có bị", "có thể", "có tới", "có giữ", "hay phải", "hay cứ", "hay là", "có hết",
	}},
	{Result, []string{
		"được bao nhiêu", "hưởng bao nhiêu", "nhận bao nhiêu", "lĩnh bao nhiêu", "trợ cấp bao nhiêu", "mức hưởng", "mức trợ cấp", "được hưởng", "được nhận", "được gì", "bao nhiêu một tháng", "mỗi tháng được", "trả mấy phần", "trả bao nhiêu phần",
		"kết quả", "hỗ trợ bao nhiêu", "được hỗ trợ", "nhà nước cho", "cho mấy triệu", "cho mấy đồng", "cho khoản gì", "quyền lợi", "mức hỗ trợ", "phạt bao nhiêu", "bị phạt", "mức phạt", "bao nhiêu phần trăm", "được mấy", "được đồng nào", "được xu nào", "cho đồng nào", "lĩnh được", "có được tiền",
	}},
	{Form, []string{
		"mẫu đơn", "tờ khai", "mẫu nào", "mẫu số", "biểu mẫu", "đơn xin", "viết đơn", "mẫu gì", "điền mẫu", "khai tờ", "tờ nào", "giấy khai gì",
	}},
	{Legal, []string{
		"căn cứ", "luật nào", "nghị định nào", "văn bản nào", "thông tư nào", "theo luật", "quy định nào", "theo quy định", "điều luật", "mã thủ tục", "nghị định", "thông tư", "nghị quyết nào", "nghị quyết số", "số hiệu", "điều nào", "luật số",
	}},
	{Merger, []string{
		"sáp nhập", "bỏ huyện", "bỏ cấp huyện", "huyện cũ", "xã cũ", "tỉnh cũ", "trước làm ở huyện", "lên huyện", "sau hợp nhất", "hợp nhất", "ở huyện", "không còn huyện", "giờ làm ở", "trước đây làm ở",
	}},
}

// newFacetTable makes the table that facetsOf looks in; groups are the indices of
// phrases.
func newFacetTable() *phraseTable {
	lists := make([][]string, len(phrases))
	for i, f := range phrases {
		lists[i] = f.phrases
	}
	return newPhraseTable(lists...)
}

// facetsOf finds what a question asks for, in the order of the table above: the
// figures people most want come first; and whether it asks for a yes or a no.
func (a *Assistant) facetsOf(tokens []vietnamese.Token, unmarked bool) (found []Facet, yesNo bool) {
	groups := make(map[int]bool)
	a.facets.each(tokens, unmarked, func(at int, p phrase) {
		facet := phrases[p.group].facet
		if !ofTime(facet, p, tokens[at+len(p.words):]) && !(facet == Result && earned(tokens[:at])) && !(facet == Documents && lacked(p, tokens[:at])) {
			groups[p.group] = true
		}
	})
	for i, f := range phrases {
		switch {
		case !groups[i]:
		case f.facet == whether:
			yesNo = true
		default:
			found = append(found, f.facet)
		}
	}
	if !slices.ContainsFunc(found, isFigure) && howMuch(tokens) {
		found = append([]Facet{Fee}, found...)
	}
	return found, yesNo || endsInNot(tokens, unmarked)
}

// askedFirst puts the facets of clauses that ask before those of clauses that only
// tell: "trên bìa ghi thời hạn đến 2023, giờ cần nộp gì" asks for papers.
func (a *Assistant) askedFirst(facets []Facet, text string, unmarked bool) []Facet {
	clauses := clausesOf(text)
	if len(facets) < 2 || len(clauses) < 2 {
		return facets
	}
	var asked []Facet
	for i, clause := range clauses {
		tokens := vietnamese.Tokenize(nil, clause)
		if i+1 < len(clauses) && !interrogative(tokens, unmarked) {
			continue
		}
		own, _ := a.facetsOf(tokens, unmarked)
		asked = append(asked, own...)
	}
	told := slices.DeleteFunc(slices.Clone(facets), func(f Facet) bool { return slices.Contains(asked, f) })
	return append(slices.DeleteFunc(slices.Clone(facets), func(f Facet) bool { return slices.Contains(told, f) }), told...)
}

// interrogative reports whether a clause has a word that asks.
func interrogative(tokens []vietnamese.Token, unmarked bool) bool {
	for i := range tokens[:max(len(tokens)-1, 0)] {
		if tokens[i].Folded == "bao" && tokens[i+1].Folded == "gio" {
			return true
		}
	}
	return endsInNot(tokens, unmarked) || slices.ContainsFunc(tokens, func(t vietnamese.Token) bool {
		return slices.Contains([]string{"gì", "nào", "mấy", "nhiêu", "đâu", "sao", "lâu", "ai"}, t.Text)
	})
}

// ofTime reports whether a phrase for money asks for time by the word after it: "hết
// mấy" in "hết mấy ngày", "được bao nhiêu" in "được bao nhiêu tháng".
func ofTime(f Facet, p phrase, after []vietnamese.Token) bool {
	if f != Fee && f != Result || len(after) == 0 {
		return false
	}
	last := p.words[len(p.words)-1]
	return slices.Contains([]string{"mấy", "may", "nhiêu", "nhieu"}, last) &&
		slices.Contains([]string{"ngay", "hom", "tuan", "thang", "nam", "gio", "lau", "bua"}, after[0].Folded)
}

// earned reports whether the words before "được bao nhiêu" say that people themselves
// make the money: "làm được bao nhiêu thì vào hộ nghèo" asks for no allowance.
func earned(before []vietnamese.Token) bool {
	if n := len(before); n > 0 && before[n-1].Text == "được" {
		before = before[:n-1]
	}
	return len(before) > 0 && slices.Contains([]string{"làm", "kiếm", "bán", "đóng"}, before[len(before)-1].Text)
}

// lacked reports whether the words before a bare "giấy tờ" say that there are none: "tranh
// chấp khi không có giấy tờ thì ai giải quyết" asks for no papers.
func lacked(p phrase, before []vietnamese.Token) bool {
	if len(p.words) != 2 || vietnamese.Fold(p.words[0]) != "giay" || vietnamese.Fold(p.words[1]) != "to" {
		return false
	}
	n := len(before)
	return n > 1 && before[n-1].Folded == "co" && slices.Contains([]string{"khong", "chua", "chang"}, before[n-2].Folded)
}

// endsInNot reports whether a question ends in "không" or "chưa", courtesies apart:
// it wants a yes or a no.
func endsInNot(tokens []vietnamese.Token, unmarked bool) bool {
	for _, t := range slices.Backward(tokens) {
		switch {
		case slices.Contains([]string{"ạ", "a", "nhỉ", "hả", "vậy", "thế", "ad", "bạn"}, t.Text):
			continue
		case unmarked:
			return t.Folded == "khong" || t.Folded == "chua"
		}
		return t.Text == "không" || t.Text == "chưa"
	}
	return false
}

// howMuch reports whether a question asks for a number without saying of what:
// nearly always money.
func howMuch(tokens []vietnamese.Token) bool {
	for i, t := range tokens {
		if t.Folded == "nhieu" && (t.Text == "nhiêu" || i > 0 && tokens[i-1].Folded == "bao") {
			if i > 1 && slices.Contains([]string{"cỡ", "khổ", "rộng", "dài", "cao", "nặng"}, tokens[i-2].Text) {
				return false
			}
			return i+1 == len(tokens) || tokens[i+1].Folded != "tuoi"
		}
	}
	return false
}

// intent is the one word for what a question asks, for slices of the evaluation.
func intent(facets []Facet, kind string) string {
	if len(facets) > 0 {
		switch facets[0] {
		case Fee:
			return "fee"
		case Deadline:
			return "deadline"
		case Documents, Form:
			return "documents"
		case Place, Merger:
			return "place_authority"
		case Online:
			return "online_filing"
		}
	}
	if kind == "skill" {
		return "digital_skills"
	}
	return "procedure"
}
