package pipeline

import (
	"slices"
	"strings"

	"troly/internal/vietnamese"
)

// A remark is a message that says nothing of any matter: it answers what was said
// before. Only a whole message is one, courtesies apart: "ok" is, "ok thế phí bao nhiêu"
// asks.
const (
	agreeing    talk = "smalltalk.agreeing"
	declining   talk = "smalltalk.declining"   // what was offered
	puzzled     talk = "smalltalk.puzzled"     // by an answer
	doubting    talk = "smalltalk.doubting"    // of it
	complaining talk = "smalltalk.complaining" // of what it said
)

// remarks are the kinds of remark by how they are typed, folded too from two syllables
// on: "dat" is land as well as dear.
var remarks = remarkTable(map[talk][]string{
	agreeing: {
		"ok", "oke", "okey", "okie", "oki", "okê", "okela", "okay", "ờ kê", "ừ", "ừm", "ờ", "uh", "uhm", "um", "uk", "uki", "ừa", "vâng", "vang", "dạ", "da", "yes", "yep", "à", "ồ", "à à",
		"thế à", "vậy à", "thế hả", "vậy hả", "ra thế", "ra vậy", "ra là thế", "ra là vậy", "à ra thế", "biết rồi", "nghe rồi", "đã hiểu", "em hiểu", "tôi hiểu", "mình hiểu", "đã rõ",
		"tốt", "tốt quá", "tốt lắm", "hay", "hay quá", "hay thế", "tuyệt", "tuyệt vời", "đúng rồi", "phải rồi", "chuẩn", "chuẩn rồi", "được", "duoc", "đủ rồi",
		"để xem", "để xem đã", "để em xem", "để tôi xem", "để mình xem", "để tôi tính", "để em tính", "để tính", "để tính đã", "để nghĩ đã", "để hỏi lại", "để xem lại", "khi nào cần hỏi sau", "thôi", "thoi", "thôi được", "thôi được rồi", "không cần nữa", "khỏi", "khỏi cần",
	},
	declining: {
		"không", "ko", "k", "khong", "không phải", "k phải", "ko phải", "không phải thế", "không phải vậy", "không phải cái đó", "không phải cái này", "không phải việc này", "không phải việc đó", "không cái nào", "không có cái nào", "không việc nào", "đều không phải", "cái khác", "việc khác", "ý khác",
		"không biết", "không rõ", "chưa biết", "chưa rõ", "ai biết", "không biết nữa", "cái nào cũng được", "sao cũng được", "gì cũng được", "không biết chọn cái nào", "không biết cái nào", "chọn giúp",
	},
	puzzled: {
		"không hiểu", "chưa hiểu", "khó hiểu", "khó hiểu quá", "không hiểu gì", "chẳng hiểu", "chẳng hiểu gì", "chả hiểu", "chả hiểu gì", "đọc không hiểu", "không hiểu lắm", "chưa hiểu lắm", "hiểu chết liền",
		"dài quá", "dài thế", "nhiều quá", "nhiều thế", "dài dòng", "dài dòng quá", "rối", "rối quá", "loạn quá", "ngắn gọn", "ngắn gọn thôi", "ngắn thôi", "nói ngắn thôi", "nói gọn thôi", "tóm tắt", "tóm tắt thôi", "tóm lại là sao", "tóm lại là gì", "tóm lại",
		"nói lại", "nói lại đi", "nói lại xem", "nhắc lại", "nhắc lại đi", "nói rõ", "nói rõ hơn", "nói rõ ra", "nói rõ xem", "cụ thể hơn", "nói cụ thể", "giải thích", "giải thích đi", "giải thích rõ", "giải thích rõ hơn", "là sao", "là thế nào", "nghĩa là sao", "nghĩa là gì", "ý là sao", "thế là sao", "vậy là sao", "tức là sao", "gì cơ", "hả", "sao cơ", "?", "??", "???",
	},
	doubting: {
		"chắc không", "có chắc không", "chắc chưa", "chắc chắn không", "có chắc chắn không", "thật không", "thật á", "thật à", "thật hả", "có thật không", "đúng không", "có đúng không", "đúng chưa", "có đáng tin không", "tin được không", "có tin được không",
		"sai", "sai rồi", "sai bét", "nói sai rồi", "trả lời sai", "trả lời sai rồi", "bạn nói sai", "bạn nói sai rồi", "nhầm", "nhầm rồi", "bạn nhầm rồi", "không đúng", "chưa đúng", "không phải như thế", "linh tinh", "vớ vẩn", "nói linh tinh", "trả lời linh tinh", "trả lời vớ vẩn", "lạc đề", "trả lời lạc đề", "không liên quan", "chả liên quan", "chẳng liên quan gì", "chả liên quan gì",
		"không phải câu tôi hỏi", "tôi có hỏi cái đó đâu", "ai hỏi", "hỏi một đằng trả lời một nẻo", "hỏi một đường trả lời một nẻo", "không trả lời đúng câu hỏi", "trả lời không đúng câu hỏi", "không đúng ý",
	},
	complaining: {
		"lâu", "lâu thế", "lâu vậy", "lâu quá", "sao lâu thế", "sao lâu vậy", "sao lâu quá", "đắt", "đắt thế", "đắt quá", "đắt vậy", "sao đắt thế", "sao đắt vậy", "nhiều tiền thế", "tốn kém thế", "tốn kém quá",
		"phiền", "phiền thế", "phiền quá", "phiền phức quá", "rắc rối", "rắc rối thế", "rắc rối quá", "phức tạp", "phức tạp thế", "phức tạp quá", "khó thế", "khó quá", "lằng nhằng", "lằng nhằng quá", "rườm rà", "rườm rà quá", "nhiêu khê quá", "mệt quá", "mệt thế", "chán", "chán quá", "chán thế", "hành dân", "hành dân quá", "bực mình quá", "bực quá",
	},
})

func remarkTable(lists map[talk][]string) map[string]talk {
	table := make(map[string]talk)
	for kind, list := range lists {
		for _, typed := range list {
			table[typed] = kind
			if strings.Contains(typed, " ") {
				table[vietnamese.Fold(typed)] = kind
			}
		}
	}
	return table
}

// Courtesies with which a remark begins and ends.
var (
	openings = courtesies("dạ", "vâng", "à", "ừ", "uh", "ok", "oke", "ờ", "thôi", "thế", "vậy", "mà", "em", "tôi", "mình", "cháu", "con", "bác", "bạn", "nhưng")
	closings = courtesies("ạ", "nhé", "nha", "nhỉ", "hả", "vậy", "thế", "đấy", "đó", "bạn", "ad", "em", "anh", "chị", "ơi", "luôn", "rồi", "nữa", "đã", "xem", "đi", "b", "ah", "hic", "huhu", "haha", "hihi")
)

func courtesies(words ...string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range words {
		set[w], set[vietnamese.Fold(w)] = true, true
	}
	return set
}

// nods are all that some agree with, and what goes with them.
const nods = "👍👌🙏❤😊 \ufe0f🏻🏼🏽🏾🏿"

// remarkOf returns what kind of remark a typed message is, none if it says more.
func remarkOf(typed string) talk {
	const longest = 9 // words
	if strings.ContainsAny(typed, "👍👌🙏❤😊") && strings.Trim(typed, nods) == "" {
		return agreeing
	}
	words := strings.Fields(strings.ToLower(vietnamese.Normalize(typed)))
	if len(words) == 0 || len(words) > longest {
		return aQuestion
	}
	for i, w := range words {
		words[i] = strings.TrimRight(w, ".,!…~\ufe0f")
		if i == len(words)-1 && len(words[i]) > 1 {
			words[i] = strings.TrimRight(words[i], "?")
		}
	}
	for from := 0; from < len(words) && (from == 0 || openings[words[from-1]]); from++ {
		for to := len(words); to > from && (to == len(words) || closings[words[to]]); to-- {
			if kind, ok := remarks[strings.Join(words[from:to], " ")]; ok {
				return kind
			}
		}
	}
	return aQuestion
}

// answerRemark ends a message that is a remark on what was said before, and reports
// whether it was one.
func (a *Assistant) answerRemark(out *Outcome, q *understanding, history []Turn) bool {
	const more = "Cần hỏi thêm giấy tờ hay thủ tục nào, bạn cứ nhắn nhé."
	var last Turn
	if len(history) > 0 {
		last = history[len(history)-1]
	}
	switch q.kind {
	case agreeing:
		out.Answer = "Dạ. " + more
	case declining:
		out.Answer = "Dạ. " + more
		if len(last.Choices) > 0 {
			out.Answer = "Vậy bạn kể giúp việc của mình bằng một câu: cần làm giấy tờ gì, cho ai, đang vướng chỗ nào. Tôi tìm lại."
		}
	case puzzled:
		out.Answer = "Xin lỗi, tôi nói chưa rõ. Bạn hỏi từng ý một thì tôi trả lời ngắn hơn, ví dụ: \"cần mang gì\", \"hết bao nhiêu tiền\", \"nộp ở đâu\", \"mất bao lâu\". Muốn có người hướng dẫn thì hỏi:" + a.offices(q)
	case doubting:
		out.Answer = "Tôi là trợ lý AI nên có thể nhầm, hoặc hiểu sai ý bạn. Câu trả lời của tôi có ghi nguồn và ngày kiểm tra; việc quan trọng bạn hỏi lại nơi tiếp nhận hồ sơ. Bạn nhắn lại việc cần hỏi bằng một câu, tôi tìm lại."
	case complaining:
		out.Answer = "Tôi hiểu, làm giấy tờ nhiều khi mất công. Giấy tờ, mức thu và thời hạn tôi nói là theo quy định. Hồ sơ quá ngày hẹn, hay bị đòi thêm giấy, thêm tiền thì bạn hỏi tôi cách phản ánh."
	default:
		return false
	}
	out.Status, out.Understood.Intent = SmallTalk, "smalltalk"
	if q.kind == puzzled && len(last.Documents) > 0 {
		if doc := a.lib.Document(last.Documents[0]); doc != nil {
			out.Suggestions = a.suggestions(&understanding{facets: slices.Concat(last.Facets, []Facet{How})}, doc, nil)
		}
	}
	return true
}
