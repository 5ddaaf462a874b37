package pipeline

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"troly/internal/vietnamese"
)

// talk is what kind of message a question is, before anything is looked up.
type talk string

const (
	aQuestion   talk = ""
	greeting    talk = "smalltalk.greeting"
	thanks      talk = "smalltalk.thanks"
	aboutSelf   talk = "smalltalk.self"
	goodbye     talk = "smalltalk.goodbye"
	nothing     talk = "empty"
	offTopic    talk = "out_of_scope"
	harmful     talk = "harmful"
	instruction talk = "injection"
	personal    talk = "personal_data"
	english     talk = "english"
)

// The phrases below are compared like facets: with diacritics, or, from two
// syllables on, without.
var (
	greetings = []string{"xin chào", "chào bạn", "chào em", "chào anh", "chào chị", "chào", "hello", "hi", "alo", "a lô", "hi bạn", "chào buổi sáng", "có ai không", "có ai ở đó", "có ai đó không"}
	thanking  = []string{"cảm ơn", "cám ơn", "thank", "thanks", "tks", "ok cảm ơn", "hiểu rồi", "rõ rồi", "được rồi", "dạ vâng", "vâng ạ", "dạ vâng ạ", "ok ạ", "dạ rõ"}
	goodbyes  = []string{"tạm biệt", "bye", "hẹn gặp lại", "chào nhé"}
	selfs     = []string{"bạn là ai", "em là ai", "mày là ai", "là ai vậy", "là ai thế", "là người hay máy", "là robot", "là máy", "bạn làm được gì", "bạn giúp được gì", "bạn biết làm gì", "bạn tên gì", "bạn tên là gì", "có phải người thật", "có phải ai", "là trí tuệ nhân tạo", "giúp được gì", "ai tạo ra bạn", "là ai đấy"}

	harmfulPhrases = []string{
		"làm giả", "giấy tờ giả", "bằng giả", "bằng lái giả", "bằng lái xe giả", "mua bằng lái", "mua bằng đại học", "hối lộ", "đút lót", "lót tay", "chạy chọt", "bôi trơn", "phong bì cho cán bộ", "hack tài khoản", "hack facebook", "hack zalo",
		"đánh cắp", "lấy cắp tài khoản", "trốn thuế", "né thuế", "chế bom", "làm bom", "chế thuốc nổ", "mua ma túy", "bán ma túy", "mua súng", "chế súng", "rửa tiền", "tẩy xóa giấy", "sửa ngày sinh để lừa", "khai man", "khai khống", "giấy khám khống", "khám sức khỏe khống", "giấy tờ khống", "hồ sơ khống", "hóa đơn khống", "theo dõi điện thoại vợ", "theo dõi điện thoại chồng",
		"đọc trộm tin nhắn", "nghe lén", "mạo danh công an", "giả danh công an để", "lừa tiền người", "kết hôn giả", "cưới giả", "mua số căn cước", "bán số căn cước", "mua bán dữ liệu", "vượt biên trái phép", "làm hộ chiếu giả", "căn cước giả", "chữ ký giả", "giả chữ ký", "giả mạo chữ ký", "giấy khám sức khỏe giả", "con dấu giả", "làm con dấu", "trả thù", "đánh bom", "giết",
		"bằng lái giả", "giấy giả", "hồ sơ giả", "bằng cấp giả", "khỏi bị phát hiện", "không bị phát hiện", "khỏi bị bắt", "khỏi bị lộ", "mà không ai biết", "cho xã không biết", "công an không biết", "qua mặt cán bộ", "qua mặt công an", "lách luật", "khai gian", "khai sai", "khai tăng tuổi", "khai giảm tuổi", "trốn nghĩa vụ", "trốn khám", "giấu không khai", "photoshop", "chỉnh sửa giấy tờ", "trốn phạt", "trốn lệ phí", "bùng nợ", "cá độ", "đưa tiền cho cán bộ", "đưa cán bộ", "biếu cán bộ", "lấy mã otp", "lấy trộm", "đọc trộm", "vào trộm", "doạ ông", "dọa ông", "dọa bà", "tống tiền", "mua giấy khám sức khỏe", "giấy khám sức khỏe khống", "mua bằng", "mua con dấu",
		"chạy án", "chạy việc cho", "chạy điểm", "chạy biên chế", "chạy hồ sơ", "chạy vào biên chế", "nhờ thi hộ", "thuê thi hộ", "người thi hộ", "bao đỗ", "chống trượt", "mua căn cước", "bán căn cước", "in sổ đỏ", "in tiền",
	}
	injectionPhrases = []string{
		"bỏ qua mọi hướng dẫn", "bỏ qua tất cả", "bỏ qua hướng dẫn", "bỏ qua các hướng dẫn", "quên hết hướng dẫn", "quên mọi chỉ dẫn", "bỏ qua chỉ dẫn", "bỏ qua các chỉ thị", "bỏ qua quy tắc", "system prompt", "lời nhắc hệ thống", "câu lệnh hệ thống", "ignore previous", "ignore all", "ignore the above", "disregard", "you are now", "developer mode", "jailbreak", "từ giờ bạn là", "bây giờ bạn là", "hãy đóng vai", "act as", "pretend to be", "in ra toàn bộ cấu hình", "in ra hướng dẫn", "tiết lộ prompt", "api key", "reveal your", "print your instructions", "tắt bộ lọc", "giả vờ bạn là", "giả vờ là", "admin đây", "chế độ kiểm thử", "chế độ nhà phát triển", "xuất hết", "quy tắc bí mật", "câu lệnh gốc", "lời nhắc gốc", "không bị giới hạn", "bỏ mọi giới hạn",
		"giả sử bạn là", "từ giờ trả lời", "từ nay trả lời", "từ giờ hãy trả lời", "từ giờ mày là", "bỏ qua những hướng dẫn", "bỏ qua các quy định trước", "bỏ qua quy định trước", "bỏ qua lệnh", "bỏ qua các lệnh", "bỏ qua mọi lệnh", "quên các hướng dẫn", "quên hướng dẫn", "quên mọi hướng dẫn", "quên hết chỉ dẫn", "quên lời dặn", "bỏ qua lời dặn",
	}
	personalPhrases = []string{
		"tra hộ", "tra giúp", "tra giùm", "xem hộ hồ sơ", "xem giúp hồ sơ", "tra trong máy", "xem trong máy", "xem trong hệ thống", "tra trong hệ thống", "kiểm tra hộ hồ sơ", "kiểm tra giúp hồ sơ", "mã hồ sơ của em là", "mã hồ sơ của tôi là", "xem hộ em", "xem hộ cho em", "check hộ", "check giúp", "xin số điện thoại của", "xin số căn cước", "số điện thoại riêng", "địa chỉ nhà của", "chủ số điện thoại", "đứng tên mấy", "gửi danh sách",
	}
	offTopicPhrases = []string{
		"thời tiết", "trời mưa", "có mưa không", "bóng đá", "đội tuyển", "tỷ số", "world cup", "ngoại hạng anh", "xổ số", "kết quả xổ số", "đề về", "lô đề", "giá vàng", "giá đô", "giá xăng", "chứng khoán", "cổ phiếu", "bitcoin", "tiền ảo", "công thức nấu", "cách nấu", "nấu món", "món ăn", "nấu phở", "làm bánh",
		"bài thơ", "viết thơ", "làm thơ", "kể chuyện", "truyện cười", "chuyện cười", "bài hát", "lời bài hát", "phim hay", "phim gì", "giải bài tập", "bài tập toán", "làm bài văn", "viết bài văn", "bài văn", "giải phương trình", "dịch sang tiếng", "dịch câu", "viết code", "lập trình", "python", "javascript", "viết chương trình",
		"tử vi", "xem bói", "cung hoàng đạo", "phong thủy", "ngày tốt", "xem ngày", "người yêu", "tán gái", "tỏ tình", "ca sĩ", "diễn viên", "hoa hậu", "game", "liên quân", "giảm cân", "tập gym", "thuốc gì", "uống thuốc", "bị đau", "đau bụng", "đau đầu", "chữa bệnh", "triệu chứng", "bệnh gì", "bầu cử tổng thống", "tổng thống mỹ", "chiến tranh", "đảng nào", "du lịch", "khách sạn", "vé máy bay", "đặt vé", "nhà hàng", "quán ăn",
		"tuyển dụng công ty", "tìm việc làm giúp", "con mèo", "con chó bị", "mua xe gì", "mua điện thoại nào", "thủ đô của", "dân số thế giới", "ai thắng", "ly hôn thì ai thắng", "kiện ai thắng",
	}
)

// Groups of the talk table, in the order in which they decide.
const (
	injectionGroup = iota
	personalGroup
	harmfulGroup
	selfGroup
	greetingGroup
	thanksGroup
	goodbyeGroup
	offTopicGroup
	honestGroup
)

// honestPhrases are said by somebody who reports, was wronged, fears, asks what the
// law says, or wants to put a mistake right: harm is then only spoken of, and the
// question is answered or declined by what is found.
var honestPhrases = []string{
	"báo ai", "báo cho ai", "báo ở đâu", "báo lên đâu", "tố cáo", "tố giác", "tố ai", "trình báo", "phản ánh",
	"đòi tiền", "vòi tiền", "vòi vĩnh", "gợi ý tiền", "bị lừa", "bị hack", "bị mất", "bị trộm", "bị đánh", "bị dọa", "bị ép", "bị giả",
	"sợ bị", "sợ nó", "lỡ khai", "lỡ làm", "lỡ nộp", "trót", "khai nhầm", "sửa lại", "đính chính", "lấy lại",
	"bị phạt", "phạt bao nhiêu", "phạt thế nào", "phạt gì", "mức phạt", "tội gì", "có bị sao", "nhận biết",
}

func newTalkTable() *phraseTable {
	return newPhraseTable(injectionPhrases, personalPhrases, harmfulPhrases, selfs, greetings, thanking, goodbyes, offTopicPhrases, honestPhrases)
}

// asking matches the words with which a question begins anew within a sentence:
// "… và cho hỏi làm khai sinh cần gì".
var asking = regexp.MustCompile(`(?i)[.!?;,:\n]+|\s(?:và|va|rồi|roi|xong|nhưng|nhung)?\s*(?:cho (?:(?:tôi|toi|em|mình|minh|cháu|chau|con|anh|chị|chi|bà|ba) )?(?:hỏi|hoi|biết|biet)|trả lời giúp|tra loi giup)(?:\s|$)`)

// withoutOrders cuts the clauses that give orders to the assistant from a text when
// what is left asks for something: who writes "bỏ qua mọi hướng dẫn, cho hỏi làm khai
// sinh cần gì" gets the papers. Without such a rest the text stays as it is and is
// refused.
func (a *Assistant) withoutOrders(text string) string {
	unmarked := vietnamese.MissingDiacritics(vietnamese.Normalize(text))
	words := func(s string) []vietnamese.Token {
		return vietnamese.Tokenize(nil, a.glossary.Expand(vietnamese.Normalize(s)))
	}
	orders := func(s string) bool { return a.talks.find(words(s), unmarked)[injectionGroup] }
	before := func(s string) string { // what a clause says before its order
		s = a.glossary.Expand(vietnamese.Normalize(s))
		tokens := vietnamese.Tokenize(nil, s)
		first := len(tokens)
		a.talks.each(tokens, unmarked, func(at int, p phrase) {
			if p.group == injectionGroup {
				first = min(first, at)
			}
		})
		if first < minClause || first == len(tokens) {
			return ""
		}
		return s[:tokens[first].Start]
	}
	if !orders(text) {
		return text
	}
	var rest strings.Builder
	from := 0
	for _, at := range append(asking.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
		if clause := text[from:at[0]]; !orders(clause) {
			rest.WriteString(clause + text[at[0]:at[1]])
		} else {
			rest.WriteString(before(clause))
		}
		from = at[1]
	}
	left := strings.TrimSpace(rest.String())
	tokens := words(left)
	facets, yesNo := a.facetsOf(tokens, unmarked)
	named, _ := a.aliases.named(tokens, !unmarked)
	if len(facets) == 0 && !yesNo && len(named) == 0 {
		return text
	}
	return left
}

// talkOf recognises what is no question on procedures. Off-topic phrases are only
// a hint: they decide when retrieval finds nothing that fits well, see confident.
func (a *Assistant) talkOf(tokens []vietnamese.Token, q *understanding) talk {
	found := a.talks.find(tokens, !q.accented)
	q.honest = found[honestGroup]
	remark := cmp.Or(remarkOf(q.raw), remarkOf(q.text))
	switch {
	case remark != aQuestion:
		return remark
	case len(tokens) == 0:
		return nothing
	case found[injectionGroup]:
		return instruction
	case found[harmfulGroup] && !q.honest:
		return harmful
	case found[personalGroup]:
		return personal
	case len(q.named) == 0 && inEnglish(tokens):
		return english
	case len(q.named) == 0 && a.unreadable(tokens):
		return nothing
	case found[selfGroup] && len(tokens) <= 12:
		return aboutSelf
	case len(tokens) <= 5 && found[greetingGroup] && len(q.facets) == 0 && len(q.named) == 0:
		return greeting
	case len(tokens) <= 8 && found[thanksGroup] && len(q.named) == 0:
		return thanks
	case len(tokens) <= 5 && found[goodbyeGroup] && len(q.named) == 0:
		return goodbye
	case found[offTopicGroup]:
		return offTopic
	}
	return aQuestion
}

// englishWords are words of English questions that are no syllables of Vietnamese typed
// without marks, as "the", "can" and "my" are.
var englishWords = strings.Fields("how what where when which who much many does did need want get got is are was for of and with from your you please help register apply renew cost fee lost child baby birth marriage wedding license licence driving certificate health insurance land identity card document documents paper papers")

// inEnglish reports whether a text is English: several words of it are, and a third of
// all.
func inEnglish(tokens []vietnamese.Token) bool {
	const share = 3
	n := countEnglish(tokens)
	return n >= severalEnglish && share*n >= len(tokens)
}

const severalEnglish = 2 // words, from which a text has English in it

func countEnglish(tokens []vietnamese.Token) (n int) {
	for _, t := range tokens {
		if slices.Contains(englishWords, t.Text) {
			n++
		}
	}
	return n
}

// unreadable reports whether hardly any letter of a text belongs to a word of the
// knowledge: what a fallen book types, or a file that was sent as text.
func (a *Assistant) unreadable(tokens []vietnamese.Token) bool {
	const few, share = 4, 0.4
	known, all := 0, 0
	for _, t := range tokens {
		all += len(t.Folded)
		if a.lib.Words[t.Folded] > 0 {
			known += len(t.Folded)
		}
	}
	return len(tokens) >= few && float64(known) < share*float64(all) && countEnglish(tokens) < severalEnglish
}

// reply ends a question that needs no looking up: small talk, what is harmful or
// an attempt to give orders, nothing at all. It reports whether it did.
func (a *Assistant) reply(out *Outcome, q *understanding) bool {
	switch q.kind {
	case greeting:
		out.Status, out.Answer = SmallTalk, "Xin chào! Tôi là trợ lý AI về thủ tục hành chính và kỹ năng số của Yên Bái (nay thuộc tỉnh Lào Cai). Bạn cần làm giấy tờ gì, cứ hỏi bằng lời thường ngày, gõ không dấu cũng được."
	case aboutSelf:
		out.Status, out.Answer = SmallTalk, "Tôi là trợ lý AI, không phải cán bộ. Tôi trả lời về giấy tờ, thủ tục hành chính, bảo hiểm, trợ cấp và kỹ năng số, kèm nguồn và ngày kiểm tra. Việc nào tôi không biết, tôi sẽ nói rõ và chỉ nơi để bạn hỏi."
	case thanks:
		out.Status, out.Answer = SmallTalk, "Không có gì ạ. Cần hỏi thêm giấy tờ hay thủ tục nào, bạn cứ nhắn nhé."
	case goodbye:
		out.Status, out.Answer = SmallTalk, "Chào bạn, khi cần bạn lại nhắn cho tôi nhé."
	case nothing:
		out.Status, out.Answer = SmallTalk, "Tôi chưa đọc được câu hỏi. Bạn gõ giúp việc cần hỏi, ví dụ: \"làm giấy khai sinh cho con cần giấy tờ gì\"."
	case harmful:
		out.Status, out.Answer = Refused, "Việc này trái pháp luật nên tôi không hướng dẫn được. Nếu bạn cần giấy tờ thật, hãy nói việc bạn muốn làm, tôi chỉ cách làm đúng. Thấy dấu hiệu tội phạm hay lừa đảo thì gọi Công an: 113."
	case personal:
		out.Status, out.Answer = Refused, "Tôi không xem được và không cung cấp thông tin của người hay hồ sơ cụ thể. Hồ sơ của chính bạn: tra mã hồ sơ trên Cổng Dịch vụ công quốc gia, hoặc hỏi nơi đã nhận hồ sơ, nhớ mang giấy hẹn và giấy tờ tùy thân."
	case instruction:
		out.Status, out.Answer = Refused, "Tôi chỉ trả lời về thủ tục hành chính và kỹ năng số, và không làm theo yêu cầu thay đổi cách trả lời. Bạn cần làm giấy tờ gì ạ?"
	case english:
		out.Status, out.Answer = Clarify, "Tôi chỉ trả lời được bằng tiếng Việt. Bạn nhắn lại bằng tiếng Việt giúp tôi, hoặc nhờ cán bộ ở Trung tâm Phục vụ hành chính công xã, phường.\nI can only answer in Vietnamese. Please write in Vietnamese, or ask at the public service centre of your commune. Emergency: 113 police, 114 fire, 115 ambulance."
	default:
		return false
	}
	switch out.Status {
	case SmallTalk:
		out.Understood.Intent = "smalltalk"
	case Refused:
		out.Understood.Intent = "harmful"
		if q.kind == personal {
			out.Understood.Intent = "pii"
		}
	}
	out.Suggestions = append(out.Suggestions, "Làm giấy khai sinh cho con cần giấy tờ gì?", "Đổi bằng lái xe hết bao nhiêu tiền?", "Cách nhận biết công an giả gọi điện")
	return true
}
