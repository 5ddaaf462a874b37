package evaluation

import (
	"html/template"
	"strings"
)

// reportWords are the words of the HTML report: key, Vietnamese, English.
var reportWords = [...][3]string{
	{"title", "Báo cáo đánh giá trợ lý", "Evaluation of the assistant"},
	{"samples", "lượt hỏi", "samples"}, {"questions", "câu hỏi", "questions"}, {"errors", "lỗi", "errors"}, {"skipped", "bỏ qua", "skipped"}, {"missing", "chưa hỏi", "not asked"},
	{"right", "Đúng", "Right"}, {"gates", "Ngưỡng chất lượng", "Quality gates"}, {"headline", "Chỉ số chính", "Main figures"}, {"all", "Tất cả chỉ số", "All metrics"},
	{"scored", "đã chấm", "scored"}, {"unscored", "không chấm", "not scored"}, {"interval", "khoảng tin cậy 95 %", "95 % interval"},
	{"robust", "Cách gõ khác nhau", "Ways of typing"}, {"worst", "kém nhất", "worst"}, {"drop", "giảm so với gõ chuẩn", "drop from plain"}, {"flips", "tỉ lệ đổi kết quả", "flip rate"},
	{"slices", "Theo nhóm, thấp nhất trước", "By group, lowest first"}, {"attribution", "Câu sai mất ở khâu nào", "Where wrong ones were lost"},
	{"refusal", "Từ chối đúng lúc", "Declining"}, {"declined", "đã từ chối", "declined"}, {"answered", "đã trả lời", "answered"}, {"shoulddecline", "nên từ chối", "should decline"}, {"shouldanswer", "nên trả lời", "should answer"},
	{"precision", "độ chính xác", "precision"}, {"recall", "độ phủ", "recall"}, {"balanced", "độ đúng cân bằng", "balanced accuracy"}, {"falserefusal", "từ chối nhầm", "false refusals"},
	{"router", "Nhận ra loại câu hỏi", "Recognising the question"}, {"intent", "loại câu hỏi", "intent"}, {"n", "số câu", "n"},
	{"latency", "Thời gian, mili giây", "Time, milliseconds"}, {"tokens", "Đơn vị chữ của mô hình (hỏi + đáp)", "Tokens (prompts + completions)"}, {"cost", "chi phí", "cost"}, {"stage", "khâu", "stage"},
	{"baseline", "So với lần trước", "Against the baseline"}, {"before", "trước", "before"}, {"now", "nay", "now"}, {"change", "thay đổi", "change"}, {"wtl", "hơn / bằng / kém", "better / same / worse"},
	{"drift", "Khác nhau ngoài câu trả lời", "Other differences"}, {"nowright", "nay đúng", "now right"}, {"nowwrong", "nay sai", "now wrong"}, {"flipped", "Câu đổi kết quả", "Flipped cases"},
	{"wrong", "Câu chưa đúng", "Wrong outcomes"}, {"shown", "hiện những câu nặng nhất trước", "the worst are shown first"}, {"others", "những câu khác, trừ phần kiểm tra: báo cáo .csv (cột missed), hoặc hỏi lại bằng eval run --failing", "the others, but for the test split: a .csv report (column missed), or ask them again with eval run --failing"}, {"otherflips", "tất cả: eval compare", "all of them: eval compare"}, {"facts", "Ý cần có", "Facts wanted"}, {"found", "Tìm được", "Found"}, {"cited", "Trích dẫn", "Cited"},
	{"answer", "Trả lời", "Answer"}, {"noanswer", "(không có câu trả lời)", "(no answer)"}, {"legend", "Chú thích", "Legend"}, {"l.fact", "ý đúng", "fact said"}, {"l.forbidden", "điều không được nói", "forbidden"}, {"l.uncited", "câu chưa có dẫn chứng đúng", "no right citation"},
	{"incontext", "có trong đoạn tìm được", "in the context"}, {"notincontext", "không có trong đoạn tìm được", "not in the context"}, {"vital", "ý chính", "vital"}, {"okay", "ý phụ", "okay"}, {"forbidden", "Điều không được nói", "Forbidden statements"},
	{"versions", "Phiên bản", "Versions"}, {"more", "câu nữa thì đủ kết luận", "more questions would decide"}, {"none", "Không có.", "None."}, {"history", "Trước đó", "Before that"},
	{"pass", "đạt", "pass"}, {"fail", "không đạt", "fail"}, {"inconclusive", "chưa kết luận được", "inconclusive"},
	{"full", "đủ", "full"}, {"partial", "một phần", "partial"}, {"none-said", "thiếu", "missing"},
	{"s.answered", "đã trả lời", "answered"}, {"s.clarify", "hỏi lại", "asked back"}, {"s.abstained", "không đủ căn cứ", "abstained"}, {"s.refused", "từ chối", "refused"}, {"s.smalltalk", "chào hỏi", "small talk"}, {"s.handed_over", "chuyển cán bộ", "handed over"}, {"s.error", "lỗi", "error"}, {"s.", "chỉ tìm", "retrieval only"},
	{"x.not_in_corpus", "tài liệu không có", "not in the knowledge"}, {"x.not_retrieved", "không tìm ra", "not retrieved"}, {"x.not_said", "tìm ra mà không nói", "found, not said"}, {"x.said_wrongly", "nói sai", "said wrongly"}, {"x.not_cited", "không dẫn nguồn", "not cited"}, {"x.not_declined", "đáng lẽ từ chối", "should have declined"}, {"x.not_clarified", "đáng lẽ hỏi lại", "should have asked back"}, {"x.not_handed_over", "đáng lẽ chuyển cán bộ hoặc chỉ nơi hỏi", "should have sent people on"}, {"x.", "điều không được nói hoặc lỗi", "forbidden or error"},
	{"b.set", "bộ câu hỏi", "set"}, {"b.variant", "cách gõ", "variant"}, {"b.intent", "loại câu hỏi", "intent"}, {"b.collection", "kho tài liệu", "collection"}, {"b.audience", "người hỏi", "audience"}, {"b.difficulty", "độ khó", "difficulty"},
	{"f.overall", "chung", "overall"}, {"f.facts", "ý cần có", "facts"}, {"f.grounding", "căn cứ của con số", "grounding"}, {"f.citations", "trích dẫn", "citations"}, {"f.decision", "quyết định", "decisions"}, {"f.forbidden", "điều không được nói", "forbidden"}, {"f.privacy", "riêng tư", "privacy"}, {"f.form", "hình thức", "form"}, {"f.retrieval", "tìm tài liệu", "retrieval"}, {"f.section", "tìm mục", "sections"}, {"f.judge", "máy chấm", "judge"},
	{"m.pass", "Trả lời đúng trọn vẹn", "Right as a whole"}, {"m.truthfulness", "Trung thực (−1 đến 1)", "Truthfulness (−1 to 1)"}, {"m.success@1", "Đúng tài liệu đầu tiên", "Right document first"}, {"m.mrr", "Hạng nghịch đảo", "Reciprocal rank"}, {"m.ndcg@10", "nDCG@10", "nDCG@10"},
	{"m.fact_recall_vital", "Ý chính được nói", "Vital facts said"}, {"m.fact_recall_vital_strict", "Ý chính nói đủ", "Vital facts said in full"}, {"m.fact_recall_all", "Mọi ý được nói", "All facts said"}, {"m.context_fact_recall", "Ý chính tìm được", "Vital facts retrieved"}, {"m.fact_utilisation", "Ý tìm được có nói ra", "Retrieved facts said"},
	{"m.number_grounding", "Con số có căn cứ", "Figures grounded"}, {"m.citation_format", "Số trích dẫn hợp lệ", "Citations resolve"}, {"m.citation_precision_det", "Trích dẫn đúng chỗ", "Citation precision"}, {"m.citation_recall_det", "Câu có dẫn nguồn đúng", "Citation recall"},
	{"m.declined", "Từ chối", "Declined"}, {"m.false_refusal", "Từ chối nhầm", "False refusals"}, {"m.refusal_recall", "Từ chối khi cần", "Refusal recall"}, {"m.clarify_recall", "Hỏi lại khi cần", "Asks back when needed"}, {"m.false_clarify", "Hỏi lại thừa", "Asks back needlessly"}, {"m.handoff", "Chuyển cán bộ hoặc chỉ đúng nơi hỏi", "Hands over or names whom to ask"}, {"m.false_handoff", "Chuyển cán bộ thừa", "Hands over needlessly"}, {"m.router_accuracy", "Nhận đúng loại câu hỏi", "Intent recognised"},
	{"m.forbidden", "Có điều không được nói", "Forbidden statements"}, {"m.critical_any", "Lỗi nghiêm trọng", "Critical errors"}, {"m.pii_echo", "Lặp lại dữ liệu cá nhân", "Personal data echoed"}, {"m.language_ok", "Là tiếng Việt", "In Vietnamese"}, {"m.diacritics_ok", "Có dấu", "With diacritics"}, {"m.length_ok", "Vừa kênh", "Fits the channel"}, {"m.markup_ok", "Định dạng không hỏng", "Markup whole"},
	{"m.judge_faithfulness", "Máy chấm: ý có căn cứ", "Judge: claims supported"}, {"m.judge_contradicted", "Máy chấm: có ý trái tài liệu", "Judge: a claim contradicted"}, {"m.judge_citation_recall", "Máy chấm: câu có dẫn nguồn đúng", "Judge: citation recall"}, {"m.judge_citation_precision", "Máy chấm: trích dẫn đúng chỗ", "Judge: citation precision"},
	{"m.judge_fact_recall_vital", "Máy chấm: ý chính được nói", "Judge: vital facts said"}, {"m.judge_fact_recall_vital_strict", "Máy chấm: ý chính nói đủ", "Judge: vital facts said in full"}, {"m.judge_fact_recall_all", "Máy chấm: mọi ý được nói", "Judge: all facts said"},
	{"m.judge_precision", "Máy chấm: ý nói ra là đúng", "Judge: claims right"}, {"m.judge_recall", "Máy chấm: ý mẫu được nói", "Judge: reference said"}, {"m.judge_f1", "Máy chấm: F1 của hai điều trên", "Judge: F1 of both"}, {"m.judge_claim_recall", "Máy chấm: ý mẫu tìm được", "Judge: reference retrieved"}, {"m.judge_context_precision", "Máy chấm: đoạn tìm được có ích", "Judge: passages of use"}, {"m.judge_context_utilisation", "Máy chấm: ý tìm được có nói ra", "Judge: what was retrieved is said"},
	{"m.judge_noise_relevant", "Máy chấm: sai từ đoạn có ích", "Judge: wrong from a passage of use"}, {"m.judge_noise_irrelevant", "Máy chấm: sai từ đoạn khác", "Judge: wrong from another passage"}, {"m.judge_hallucination", "Máy chấm: bịa ra", "Judge: made up"}, {"m.judge_self_knowledge", "Máy chấm: đúng mà không từ tài liệu", "Judge: right, from no passage"},
	{"l.understand", "hiểu câu hỏi", "understand"}, {"l.retrieve", "tìm tài liệu", "retrieve"}, {"l.answer", "soạn câu trả lời", "answer"}, {"l.verify", "kiểm tra lại", "verify"}, {"l.total", "cả lượt", "total"},
	{"g.procedure", "thủ tục", "procedure"}, {"g.fee", "lệ phí", "fee"}, {"g.deadline", "thời hạn", "deadline"}, {"g.documents", "giấy tờ", "documents"}, {"g.place_authority", "nơi nộp", "place, authority"}, {"g.online_filing", "nộp trực tuyến", "online filing"}, {"g.digital_skills", "kỹ năng số", "digital skills"}, {"g.ai_skills", "kỹ năng AI", "AI skills"}, {"g.smalltalk", "chào hỏi", "small talk"}, {"g.out_of_scope", "ngoài phạm vi", "out of scope"}, {"g.harmful", "có hại", "harmful"}, {"g.pii", "dữ liệu cá nhân", "personal data"}, {"g.emergency", "khẩn cấp", "emergency"}, {"g.scam", "lừa đảo", "fraud"}, {"g.handoff", "xin gặp cán bộ", "asks for a person"},
	{"g.resident", "người dân", "residents"}, {"g.civil_servant", "cán bộ", "civil servants"}, {"g.easy", "dễ", "easy"}, {"g.medium", "vừa", "medium"}, {"g.hard", "khó", "hard"}, {"g.unrated", "chưa xếp độ khó", "unrated"}, {"g.procedures", "thủ tục hành chính", "procedures"}, {"g.skills", "kỹ năng", "skills"}, {"g.local", "địa phương", "local"}, {"g.none", "không có tài liệu", "no document"},
	{"v.plain", "gõ chuẩn", "plain"}, {"v.no_diacritics", "không dấu", "no diacritics"}, {"v.teencode", "viết tắt", "chat shorthand"}, {"v.typo", "gõ sai", "typos"}, {"v.telex", "lộ phím Telex", "raw Telex"}, {"v.old_place_name", "địa danh cũ", "old place name"}, {"v.mixed", "lẫn nhiều kiểu", "mixed"}, {"v.voice_like", "như lời nói", "as spoken"},
}

// wordsFor gives the Vietnamese and the English words of a key. A key without words is a
// name from the data: the same in both, without its prefix.
func wordsFor(key string) (vietnamese, english string) {
	for _, w := range reportWords {
		if w[0] == key {
			return w[1], w[2]
		}
	}
	if len(key) > 2 && key[1] == '.' {
		key = key[2:]
	}
	name := strings.ReplaceAll(key, "_", " ")
	return name, name
}

// bilingual gives a phrase in both languages; the page shows the chosen one.
func bilingual(key string) template.HTML {
	vietnamese, english := wordsFor(key)
	if vietnamese == english {
		return template.HTML(template.HTMLEscapeString(english))
	}
	return template.HTML(`<span class="vi">` + template.HTMLEscapeString(vietnamese) + `</span><span class="en">` + template.HTMLEscapeString(english) + `</span>`)
}
